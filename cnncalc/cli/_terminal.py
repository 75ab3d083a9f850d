"""Output to the user: the options --color, -q and --debug, notes, and the style of a stream.

The options apply to the whole command line, and may also precede the command.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import IO, Any, TypeVar

import click

from ..errors import LONGEST_MESSAGE, CnncalcError, InternalError, as_error, clipped, escaped, printable_lines
from ..outputs import while_read
from ..render import Style
from ..render.messages import error_text
from ..render.texts import paint
from ._usage import COLORS, OneOf

F = TypeVar("F", bound=Callable[..., Any])


class Settings:
    """The values of --color, -q and --debug. They are click's context object, so functions need not pass them on."""

    def __init__(self) -> None:
        self.color = COLORS[0]
        self.quiet = False
        self.verbose = False
        self.debug = False
        self.words: Sequence[str] = ()
        """The words of the command line after `cnncalc`."""

    def has_color(self, stream: IO[str]) -> bool:
        """Return whether a stream gets escape codes, according to --color, or else the environment and the terminal."""
        if self.color != "auto":
            return self.color == "always"
        said = os.environ.get
        if said("NO_COLOR") or said("FORCE_COLOR", "").lower() in ("0", "false"):
            return False
        if said("FORCE_COLOR") or said("CLICOLOR_FORCE", "0") not in ("", "0"):
            return True
        is_plain = said("TERM") == "dumb" or said("CLICOLOR") == "0"
        return stream.isatty() and not is_plain and _takes_escape_codes(stream)


def _takes_escape_codes(terminal: IO[str]) -> bool:
    """Return whether a terminal understands escape codes, after enabling them on a Windows console."""
    if sys.platform == "win32":
        import ctypes
        import msvcrt

        console = ctypes.c_void_p(msvcrt.get_osfhandle(terminal.fileno()))
        mode = ctypes.c_ulong()
        kernel = ctypes.windll.kernel32
        return bool(
            kernel.GetConsoleMode(console, ctypes.byref(mode)) and kernel.SetConsoleMode(console, mode.value | 4)
        )
    return True


def settings() -> Settings:
    """Return the settings of the running command."""
    context = click.get_current_context(silent=True)
    return (context and context.find_object(Settings)) or Settings()


def _setting(*names: str, setting: str, value: object = None, **attributes: Any) -> Callable[[F], F]:
    """Return an option that is stored in a setting rather than passed to the command; a flag sets it to `value`."""

    def keep(context: click.Context, option: click.Parameter, given: object) -> None:  # noqa: ARG001  click's form
        if given:
            setattr(context.ensure_object(Settings), setting, given if value is None else value)

    return click.option(*names, expose_value=False, is_eager=True, callback=keep, **attributes)


def color_option(function: F) -> F:
    """Add --color and --no-color; the last one given counts."""
    never = _setting("--no-color", setting="color", value="never", is_flag=True, help="The same as --color never.")
    return _setting("--color", setting="color", type=OneOf(COLORS), help="When to use color.")(never(function))


quiet_option = _setting(
    "-q", "--quiet", setting="quiet", value=True, is_flag=True, help="Suppress notes on standard error."
)
verbose_option = _setting(
    "-v", "--verbose", setting="verbose", value=True, is_flag=True, help="Show how much memory the command needs."
)
debug_option = _setting("--debug", setting="debug", value=True, is_flag=True, help="Show the traceback of a bug.")

_COLORS = click.command("colors", add_help_option=False)(color_option(lambda: None))
"""A command with only the options of colors."""


def settle_color(settings: Settings, args: list[str]) -> list[str]:
    """Read the options of colors first, so that all later errors are colored, and return the words.

    `--color` is joined with its value into one word; the value is `always` if no word of COLORS follows.
    """
    words: list[str] = []
    for word in args:
        if words and words[-1] == "--color":
            words[-1] = f"--color={word if word in COLORS else 'always'}"
            if word in COLORS:
                continue
        words.append(word)
    if words and words[-1] == "--color":
        words[-1] = "--color=always"
    before = words[: words.index("--")] if "--" in words else words
    colors = [word for word in before if word.startswith(("--color=", "--no-color"))]
    with contextlib.suppress(CnncalcError, click.UsageError):  # an invalid value is reported later
        _COLORS.make_context(None, colors, obj=settings)
    return words


def note(text: str) -> None:
    """Print a remark for the user on standard error, unless -q is given."""
    if not settings().quiet and sys.stderr is not None:
        print(
            paint("note:", "cyan", settings().has_color(sys.stderr)),
            escaped(clipped(text, LONGEST_MESSAGE)),
            file=sys.stderr,
        )


def traceback_text(error: Exception) -> str:
    """Return the traceback of a bug as printable text."""
    from traceback import format_exception

    return printable_lines("".join(format_exception(error))).rstrip("\n")


def debug(error: Exception) -> None:
    """Print the traceback of a bug on standard error if --debug is given."""
    if settings().debug and isinstance(as_error(error), InternalError) and sys.stderr is not None:
        print(traceback_text(error), file=sys.stderr)


def show_error(error: CnncalcError) -> None:
    """Print an error on standard error, after flushing earlier output."""
    if sys.stderr is not None:
        sys.stdout.flush()
        print(error_text(error, settings().has_color(sys.stderr)), file=sys.stderr)


def show_lines(lines: Iterable[str], always: bool) -> None:
    """Print lines of a result as they come; `always` consumes all even if the pipe is closed, as a file is wanted."""
    lines = iter(lines)
    with while_read():
        for line in lines:
            sys.stdout.write(line)
            sys.stdout.flush()
    if always:
        for _ in lines:
            pass


def style_of(stream: IO[str], columns: tuple[str, ...] | None = None, explain: bool = False) -> Style:
    """Return the style for a stream: as wide as a terminal, and unlimited for a file or a pipe."""
    return Style(columns, explain, settings().has_color(stream), _width(stream), _is_ascii(stream))


def _is_ascii(stream: IO[str]) -> bool:
    """Return whether a stream can only show ASCII, by its encoding or because the locale is C or POSIX.

    For such a locale Python writes UTF-8 nevertheless, and may have set LC_CTYPE to that at its start.
    """
    encoding = (getattr(stream, "encoding", None) or "utf-8").lower()
    said = os.environ.get
    kind = said("LC_CTYPE", "")
    is_given = kind and not (sys.flags.utf8_mode and kind in ("C.UTF-8", "C.utf8", "UTF-8"))
    locale = said("LC_ALL") or (kind if is_given else said("LANG"))
    return not encoding.startswith("utf") or (locale in ("C", "POSIX") and said("PYTHONUTF8") != "1")


def _width(stream: IO[str]) -> int | None:
    """Return the width of a terminal, which $COLUMNS overrides; None for other streams."""
    if stream.closed or not stream.isatty():
        return None
    text = os.environ.get("COLUMNS", "")
    if text.isascii() and text.isdecimal() and 0 < len(text) < 6:
        return max(int(text), 20)
    with contextlib.suppress(OSError):  # a terminal without a file descriptor
        return os.get_terminal_size(stream.fileno()).columns or 80
    return 80
