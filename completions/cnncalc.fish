# Completion of cnncalc for fish. To install it, store it where fish looks:
#
#     cnncalc completion fish > ~/.config/fish/completions/cnncalc.fish

function __cnncalc_complete
    set -l program (commandline -opc)[1]
    command -sq -- $program; or set program cnncalc
    set -l answer (command $program completion fish --line (commandline -cp | string collect) 2>/dev/null)
    if set -q answer[2]
        printf '%s\n' $answer[2..-1]
    end
    if test "$answer[1]" = files
        set -l option (string match -r '^-[^=]*=' -- (commandline -ct))
        for name in (__fish_complete_path (string replace -r '^-[^=]*=' '' -- (commandline -ct)))
            echo "$option$name"
        end
    end
end

complete -c cnncalc -f -k -a '(__cnncalc_complete)'
