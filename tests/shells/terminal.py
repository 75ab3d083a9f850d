"""An interactive bash, zsh or fish in a pseudo-terminal, whose command line a test types and reads.

Control-G is bound to a function that writes the command line to a file and empties it. The test therefore need not
reconstruct the line from the escape codes of a redrawn screen.
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import shlex
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path

from tests.program import ROOT, command, environment

PROMPT = "ready> "
TAB = "\t"
LEFT = "\x02"
"""Control-B: one character to the left."""
READ = "\x07"
"""Control-G."""
PATIENCE = 20.0
"""Seconds after which a shell is assumed to hang."""

BASH = f"""
PS1='{PROMPT}'
HISTFILE=
bind 'set bell-style none'
bind 'set enable-bracketed-paste off'
told() {{ printf '%s' "$READLINE_LINE" > line.new; mv line.new line; READLINE_LINE=; READLINE_POINT=0; }}
bind -x '"\\C-g": told'
. {ROOT}/completions/cnncalc.bash
"""
ZSH = f"""
PROMPT='{PROMPT}'
PROMPT_EOL_MARK=
setopt no_beep no_prompt_sp
told() {{ print -rn -- "$BUFFER" > line.new; mv line.new line; BUFFER=; }}
zle -N told
bindkey -e
bindkey '^G' told
fpath=({ROOT}/completions $fpath)
autoload -U compinit
compinit -u -D
"""
FISH = f"""
set -g fish_greeting
set -g fish_autosuggestion_enabled 0
function fish_prompt
    printf '{PROMPT}'
end
function told
    commandline > line.new
    mv line.new line
    commandline ''
end
bind \\cg told
set -p fish_complete_path {ROOT}/completions
"""
SET_UP = {"bash": BASH, "zsh": ZSH, "fish": FISH}


class Silent(AssertionError):
    """Raised if a shell does not do what was expected in time."""


class Terminal:
    """A shell in a directory that is its home, where `bin` holds the program under test."""

    def __init__(self, shell: str, home: Path, more: str = ""):
        """`more` is appended to the shell's configuration."""
        self._line = home / "line"
        self.screen = ""
        """Everything the shell has written."""
        launcher = home / "bin" / "cnncalc"
        launcher.parent.mkdir(exist_ok=True)
        launcher.write_text(f'#!/bin/sh\nexec {shlex.join(command())} "$@"\n')
        launcher.chmod(0o755)
        set_up = SET_UP[shell] + more
        own = dict.fromkeys(("HOME", "ZDOTDIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME"), str(home))
        path = f"{launcher.parent}{os.pathsep}{os.environ['PATH']}"
        env = environment(**own, PATH=path, INPUTRC=os.devnull, LC_ALL="C.UTF-8")
        self._fd, theirs = pty.openpty()
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 160, 0, 0))
        become = [sys.executable, "-c", "import os, sys; os.login_tty(0); os.execvp(sys.argv[1], sys.argv[1:])"]
        self._shell = subprocess.Popen(
            [*become, *_command(shell, home, set_up)], stdin=theirs, stdout=theirs, stderr=theirs, cwd=home, env=env
        )
        os.close(theirs)
        self._wait(lambda: PROMPT in self.screen, "a prompt")

    def becomes(self, keys: str) -> str:
        """Return the command line after these keys; it is empty afterwards."""
        self._line.unlink(missing_ok=True)
        os.write(self._fd, (keys + READ).encode())
        self._wait(self._line.exists, f"an answer to {keys!r}")
        return self._line.read_text().removesuffix("\n")

    def close(self) -> None:
        """End the shell."""
        self._shell.kill()
        self._shell.wait()
        os.close(self._fd)

    def _wait(self, done: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + PATIENCE
        while not done():
            if time.monotonic() > end:
                raise Silent(f"no {what} in {PATIENCE:.0f} s; the shell wrote:\n{self.screen}")
            self._read(0.005)
        while self._read(0):
            pass

    def _read(self, patience: float) -> bool:
        """Read some of the shell's output, if there is any in time."""
        if not select.select([self._fd], [], [], patience)[0]:
            return False
        try:
            text = os.read(self._fd, 65536).decode(errors="replace")
        except OSError:
            raise Silent(f"the shell ended; it wrote:\n{self.screen}") from None
        self.screen += text
        if "\x1b[c" in text or "\x1b[0c" in text:  # fish 4 asks for the terminal's attributes, and waits
            os.write(self._fd, b"\x1b[?62;22c")
        return True


def _command(shell: str, home: Path, set_up: str) -> list[str]:
    rc = home / {"bash": "set_up.bash", "zsh": ".zshrc", "fish": "set_up.fish"}[shell]
    rc.write_text(set_up)
    arguments = {
        "bash": ["--noprofile", "--rcfile", str(rc), "-i"],
        "zsh": ["-d", "-i"],  # only the .zshrc of its ZDOTDIR, not the machine's
        "fish": ["--no-config", "-i", "-C", f"source {rc}"],
    }[shell]
    return [shell, *arguments]
