# Completion of cnncalc for bash, 4.4 or later. To install it, put this line into ~/.bashrc:
#
#     source <(cnncalc completion bash)
#
# or, where the package bash-completion is in use, store it where that looks:
#
#     mkdir -p ~/.local/share/bash-completion/completions
#     cnncalc completion bash > ~/.local/share/bash-completion/completions/cnncalc

_cnncalc() {
    local line=${COMP_LINE:0:COMP_POINT} program=$1 part=$2 kind name
    local -a found files
    [[ $program == '~/'* ]] && program=$HOME/${program:2}
    type -P -- "$program" >/dev/null || program=cnncalc
    mapfile -t found < <(command "$program" completion bash --line "$line" 2>/dev/null)
    kind=${found[0]-}
    found=("${found[@]:1}")
    found=("${found[@]%%$'\t'*}")

    # readline breaks the word at : and = and replaces only its last part: cut off the parts in front.
    local word=${line##*[[:space:]]}
    found=("${found[@]#"${word%"$part"}"}")

    COMPREPLY=()
    if ((${#found[@]} == 0)); then
        [[ $kind == files ]] && compopt -o default
        return
    fi
    if [[ $kind == files ]]; then
        mapfile -t files < <(compgen -f -- "$part")
        for name in "${files[@]}"; do
            [[ -d $name ]] && name+=/
            printf -v name %q "${name#"$part"}" # the shell would obey $(…) in a name; what is typed stays
            found+=("$part${name#"''"}")
        done
    fi
    COMPREPLY=("${found[@]}")
    if [[ ${#found[@]} == 1 && ${found[0]} == *[:=,/.] ]]; then
        compopt -o nospace
    fi
}

complete -o nosort -F _cnncalc cnncalc
