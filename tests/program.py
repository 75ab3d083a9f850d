"""The program under test: the installed command in a separate process, or in this process if that is enough."""

from __future__ import annotations

import atexit
import contextlib
import cProfile
import functools
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import MappingProxyType
from typing import IO, NamedTuple

import pytest

from cnncalc import cli

ROOT = Path(__file__).resolve().parent.parent

posix = pytest.mark.skipif(
    os.name != "posix", reason="Windows has no modes, no named pipes, no POSIX signals, and links and shells of its own"
)
"""Marks a test of features that only POSIX has."""
dev_full = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full on this system")
"""Marks a test that writes to a device that is always full."""


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


def command() -> list[str]:
    """Return the installed command of this Python, or the package if it is not installed."""
    script = Path(sys.executable).with_name("cnncalc")
    return [str(script)] if script.exists() else [sys.executable, "-m", "cnncalc"]


def shell() -> str:
    """Return the shell of the examples, or skip the test: on Windows, bash may be another program."""
    if os.name != "posix":
        pytest.skip("needs a POSIX shell")
    return "bash"


def environment(**changed: str) -> dict[str, str]:
    """Return a plain environment, so that the terminal's size, colors or code page do not affect a test."""
    ours = ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "TERM")
    kept = {k: v for k, v in os.environ.items() if k not in ours}
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    return kept | {"TERM": "xterm", "PYTHONPATH": path, "PYTHONUTF8": "1"} | changed


def process(*args: str, stdin: str | bytes = "", cwd: Path | None = None, env: dict[str, str] | None = None) -> Ended:
    """Run the command in a separate process."""
    data = stdin.encode() if isinstance(stdin, str) else stdin
    done = subprocess.run(
        [*command(), *args], input=data, capture_output=True, cwd=cwd, env=env or environment(), timeout=60, check=False
    )
    return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())


class Server:
    """A server that runs commands one after another, each in a fork of a process that has imported common modules."""

    CODE = """
import json, os, resource, signal, sys
import cnncalc.cli.shape, cnncalc.layers.sliding, cnncalc.render.summary
from cnncalc.__main__ import main
{first}
for line in open(os.dup(0)):
    streams, folder, variables, args = json.loads(line)
    child = os.fork()
    if child:
        _, status, usage = os.wait4(child, 0)
        print(json.dumps([os.waitstatus_to_exitcode(status) % 256, usage.ru_maxrss]), flush=True)
        continue
    signal.alarm(60)
    for name, most in {limits}.items():
        resource.setrlimit(getattr(resource, name), (most, most))
    for number, path in enumerate(streams):
        os.dup2(os.open(path, os.O_RDWR if number else os.O_RDONLY), number)
    sys.stdin, sys.stdout, sys.stderr = [open(number, "w" if number else "r", closefd=False) for number in range(3)]
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(variables)
    sys.argv[1:] = args
    main()
"""

    def __init__(self, first: str = "", limits: Mapping[str, int] = MappingProxyType({})) -> None:
        """`first` is code to run at the start; `limits` are those of each process, by their names in `resource`."""
        code, pipe = self.CODE.format(first=first, limits=dict(limits)), subprocess.PIPE
        command = [sys.executable, "-Pc", code]
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, env=environment(), text=True)

    def run(self, *args: str, streams: Sequence[str], env: dict[str, str] | None = None) -> tuple[int, int]:
        """Run a command with files as its three streams; return its exit code and its peak memory."""
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin is not None
        assert stdout is not None
        print(json.dumps([streams, os.getcwd(), env or environment(), args]), file=stdin, flush=True)
        code, most = json.loads(stdout.readline())
        return code, most * (1 if sys.platform == "darwin" else 1024)

    def close(self) -> None:
        """Stop the server."""
        with self.process:
            pass


@functools.cache
def _server() -> Server:
    server = Server()
    atexit.register(server.close)
    return server


def on_terminal(*args: str, columns: int, **variables: str) -> Ended:
    """Run the command with a terminal of this width for both streams, without colors; skip the test without POSIX."""
    reads, writes = pytest.importorskip("pty").openpty()
    env = environment(**{"COLUMNS": str(columns), "NO_COLOR": "1"} | variables)
    with open(reads, "rb", buffering=0) as terminal, open(writes, "wb", buffering=0) as end:
        with ThreadPoolExecutor(1) as pool:
            shown = pool.submit(_shown, terminal)
            try:
                code, _ = _server().run(*args, streams=[os.devnull, *[os.ttyname(writes)] * 2], env=env)
            finally:
                end.write(b"\0")
        return Ended(code, shown.result().decode().replace("\r\n", "\n"), "")


def _shown(terminal: IO[bytes]) -> bytes:
    """Read a terminal up to the final NUL, as output left in it when the last writer closes it may be lost."""
    shown = b""
    while not shown.endswith(b"\0"):
        shown += terminal.read(4096)
    return shown[:-1]


@contextlib.contextmanager
def interrupts(heeded: bool = True) -> Iterator[None]:
    """Start programs that react to Ctrl-C and the end of their terminal, even if the tests do not (under `nohup`).

    With `heeded` false, start programs that ignore Ctrl-C, like a shell's background jobs.
    """
    ends = ["SIGHUP", "SIGQUIT"] if heeded and os.name == "posix" else []
    before = {getattr(signal, name): signal.signal(getattr(signal, name), signal.SIG_DFL) for name in ends}
    before[signal.SIGINT] = signal.signal(signal.SIGINT, signal.default_int_handler if heeded else signal.SIG_IGN)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def here(args: Sequence[str], stdin: str | bytes = "", cwd: Path | None = None) -> Ended:
    """Run the command in this process: the same function that the installed command calls."""
    data = stdin.encode() if isinstance(stdin, str) else stdin
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="backslashreplace") for _ in range(2))
    before = sys.stdin
    sys.stdin = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8")
    try:
        with contextlib.chdir(cwd or Path()), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = cli.call(list(args))
            out.flush()
            err.flush()
    finally:
        sys.stdin = before
    return Ended(code, _text(out), _text(err))


def _text(stream: io.TextIOWrapper) -> str:
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode()


def calls(work: Callable[[], object]) -> int:
    """Count the Python functions that are called."""
    profile = cProfile.Profile(builtins=False)
    profile.runcall(work)
    return sum(entry.callcount for entry in profile.getstats())
