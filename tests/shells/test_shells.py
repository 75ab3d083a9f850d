"""Command lines in the real shells, if there are pseudo-terminals."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

pytest.importorskip("pty", reason="a shell is driven through a pseudo-terminal")

from tests.shells.terminal import LEFT, SET_UP, TAB, Terminal

OLD_BASH = "(( BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] < 404 ))"


def opened(shell: str, home: Path, more: str = "") -> Terminal:
    """Return a shell in a directory with two files."""
    if shutil.which(shell) is None:
        if os.environ.get("CI") and sys.platform == "linux":
            pytest.fail(f"{shell} is not installed, and CI tries the completions in it")
        pytest.skip(f"{shell} is not installed")
    if shell == "bash" and subprocess.run(["bash", "-c", OLD_BASH], check=False).returncode == 0:
        pytest.skip("the completion needs bash 4.4, and macOS has 3.2")
    (home / "network.json").touch()
    (home / "my file.json").touch()
    (home / "nets").mkdir()
    (home / "nets" / "inner.json").touch()
    return Terminal(shell, home, more)


@pytest.fixture(scope="module", params=SET_UP)
def terminal(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    with closing(opened(request.param, tmp_path_factory.mktemp(request.param))) as shell:
        yield shell


@pytest.mark.parametrize(
    ("typed", "becomes"),
    [
        ("cnncalc sha", "cnncalc shape "),
        ("cnncalc shape --form", "cnncalc shape --format "),
        ("cnncalc shape --format ta", "cnncalc shape --format table "),
        ("cnncalc shape --format=ta", "cnncalc shape --format=table "),
        ("cnncalc shape --columns layer,buf", "cnncalc shape --columns layer,buffers"),
        ("cnncalc shape sepc", "cnncalc shape sepconv"),
        ("cnncalc shape 3x9x9 maxpool3", "cnncalc shape 3x9x9 maxpool3d:"),
        ("cnncalc shape CONVT1", "cnncalc shape convT1d:"),
        ("cnncalc shape conv:1 flat", "cnncalc shape conv:1 flatten "),
        ("cnncalc shape conv:bi", "cnncalc shape conv:bias="),
        ("cnncalc shape conv:64,k", "cnncalc shape conv:64,k="),
        ("cnncalc shape conv:64,k7,k", "cnncalc shape conv:64,k7,k"),
        ("cnncalc shape conv:64,nob", "cnncalc shape conv:64,nobias"),
        ("cnncalc shape conv:64,bias=f", "cnncalc shape conv:64,bias=false"),
        ("cnncalc shape 3x224x224 conv:64,k7,p=sa", "cnncalc shape 3x224x224 conv:64,k7,p=same"),
        ("cnncalc shape pad:1,mode=refl", "cnncalc shape pad:1,mode=reflect"),
        ('cnncalc shape "conv:64,nob', 'cnncalc shape "conv:64,nobias'),
        ("cnncalc shape vgg16 --until conv5_2", "cnncalc shape vgg16 --until conv5_2 "),
        ("cnncalc check vgg16 --expect conv1_2", "cnncalc check vgg16 --expect conv1_2."),
        ("cnncalc check vgg16 --expect conv1_2.ou", "cnncalc check vgg16 --expect conv1_2.out="),
        ("cnncalc shape len", "cnncalc shape lenet5 "),
        ("cnncalc shape netw", "cnncalc shape network.json "),
        ("cnncalc shape my", "cnncalc shape my\\ file.json "),
        ("cnncalc shape nets/", "cnncalc shape nets/inner.json "),
        ("cnncalc shape -o nets", "cnncalc shape -o nets/"),
        ("cnncalc shape --output=netw", "cnncalc shape --output=network.json "),
        ("cnncalc zoo vgg16 > netw", "cnncalc zoo vgg16 > network.json "),
        ("cnncalc completion f", "cnncalc completion fish "),
        ("bin/cnncalc sha", "bin/cnncalc shape "),
        ("~/bin/cnncalc sha", "~/bin/cnncalc shape "),
        ("NO_COLOR=1 cnncalc sha", "NO_COLOR=1 cnncalc shape "),
        ("echo; cnncalc sha", "echo; cnncalc shape "),
        ("cnncalc shape conv:1,nob relu" + 5 * LEFT, "cnncalc shape conv:1,nobias relu"),
    ],
)
def test_a_line_becomes(terminal: Terminal, typed: str, becomes: str) -> None:
    assert terminal.becomes(typed + TAB) == becomes


def test_everything_is_listed(terminal: Terminal) -> None:
    before = len(terminal.screen)
    terminal.becomes("cnncalc zoo vgg1" + TAB + TAB)
    for name in ("vgg11", "vgg16", "vgg19"):
        assert name in terminal.screen[before:]


IN_A_WORD = "cnncalc shape conv:64,p=sa,k3 relu" + 8 * LEFT


def test_bash_replaces_only_what_stands_before_the_cursor(tmp_path: Path) -> None:
    with closing(opened("bash", tmp_path)) as terminal:
        assert terminal.becomes(IN_A_WORD + TAB) == "cnncalc shape conv:64,p=same,k3 relu"


def test_zsh_replaces_only_what_stands_before_the_cursor(tmp_path: Path) -> None:
    """If configured so; by default zsh (like fish) completes at the word's end."""
    with closing(opened("zsh", tmp_path, "setopt complete_in_word\n")) as terminal:
        assert terminal.becomes(IN_A_WORD + TAB) == "cnncalc shape conv:64,p=same,k3 relu"


@pytest.mark.parametrize("breaks", [r"$' \t\n\"\'><;|&('", r"$' \t\n:'", r"$' \t\n='"])
def test_bash_with_other_word_breaks(tmp_path: Path, breaks: str) -> None:
    with closing(opened("bash", tmp_path, f"COMP_WORDBREAKS={breaks}; before=$COMP_WORDBREAKS\n")) as terminal:
        assert terminal.becomes("cnncalc shape conv:64,k7,p=sa" + TAB) == "cnncalc shape conv:64,k7,p=same"
        assert terminal.becomes("cnncalc shape conv3" + TAB) == "cnncalc shape conv3d:"
        assert terminal.becomes("cnncalc shape --format=ta" + TAB) == "cnncalc shape --format=table "
        terminal.becomes('[ "$before" = "$COMP_WORDBREAKS" ] && echo the same as be"f"ore\r')
        assert "the same as before" in terminal.screen


def test_bash_quotes_the_name_of_a_file_beside_other_words(tmp_path: Path) -> None:
    (tmp_path / "len$(touch it) b").touch()
    with closing(opened("bash", tmp_path, "bind 'TAB: menu-complete'\n")) as terminal:
        assert terminal.becomes("cnncalc shape len" + TAB + TAB) == r"cnncalc shape len\$\(touch\ it\)\ b "
        assert terminal.becomes("cnncalc shape ./len" + TAB) == r"cnncalc shape ./len\$\(touch\ it\)\ b "


@pytest.mark.parametrize("shell", SET_UP)
def test_a_broken_program_leaves_the_line_alone(shell: str, tmp_path: Path) -> None:
    with closing(opened(shell, tmp_path)) as terminal:
        (tmp_path / "bin" / "cnncalc").write_text("#!/bin/sh\necho Traceback >&2\nexit 1\n")
        before = len(terminal.screen)
        assert terminal.becomes("cnncalc shape con" + TAB) == "cnncalc shape con"
        assert "Traceback" not in terminal.screen[before:]


@pytest.mark.parametrize(
    ("shell", "load"),
    [
        ("bash", "complete -r cnncalc; . <(cnncalc completion bash)\n"),
        ("zsh", "unfunction _cnncalc; . <(cnncalc completion zsh)\n"),
        ("fish", "set fish_complete_path; cnncalc completion fish | source\n"),
    ],
)
def test_the_script_can_be_read_from_the_program(shell: str, load: str, tmp_path: Path) -> None:
    with closing(opened(shell, tmp_path, load)) as terminal:
        assert terminal.becomes("cnncalc shape conv:64,k7,p=ful" + TAB) == "cnncalc shape conv:64,k7,p=full"
