"""`cnncalc diff`: what changed between two networks."""

from __future__ import annotations

import os
import subprocess

import click

from .. import sources
from ..diffs import compare
from ..errors import LONGEST_PATH, CnncalcError, SpecError, nearest, shown
from ..files import text_output
from ..layers import OPS
from ..network import Network
from ..notation.words import is_layer_word
from ..render.diffs import FORMATS, renderer
from ..report import Report
from ..sizes import Shape, looks_like_shape
from ._options import (
    Asked,
    color_option,
    debug_option,
    format_of,
    format_option,
    json_option,
    network_options,
    path_option,
    quiet_option,
    read_stdin,
    style_of,
    write,
)
from ._usage import Command

QUOTES = "cnncalc diff '3x32x32 conv:16,k3 relu' '3x32x32 conv:32,k3 relu'"
TOP = "git counts a path from the repository's top"


@click.command("diff", cls=Command)
@click.argument("networks", nargs=-1, metavar="A B")
@network_options()
@click.option("--exit-code", is_flag=True, help="End with 1 where they differ, as git diff does.")
@json_option()
@format_option(FORMATS)
@path_option()
@color_option()
@quiet_option()
@debug_option()
def command(
    networks: tuple[str, ...],
    asked: Asked,
    exit_code: bool,
    as_json: bool,
    format: str | None,
    path: str | None,
    color: str,
    quiet: bool,
) -> int:
    """What changed from network A to network B.

    Layers are matched by name, then by structure. Each of the two is a file, a network of the zoo, - for standard
    input, layer words in quotes, or a file at a revision of git, as REVISION:PATH.

    \b
      cnncalc diff HEAD~1:net.json net.json
      cnncalc diff vgg11 vgg16 --format markdown
      cnncalc diff '3x32x32 conv:16,k3 relu' '3x32x32 conv:32,k3 relu'
    """
    format = format_of(as_json, False, format)
    if len(networks) != 2:
        few = "no network is" if not networks else "one network is" if len(networks) == 1 else f"{len(networks)} are"
        raise SpecError(f"diff compares two networks, and {few} given", f"layer words go in quotes: {QUOTES}")
    if networks == (sources.STDIN, sources.STDIN):
        raise SpecError("standard input can be only one of the two", "give a file for the other")
    old, new = (_report(word, asked, quiet) for word in networks)
    diff = compare(old, new, (networks[0], networks[1]))
    with text_output(path, utf8=format != "table") as stream:
        write(stream, renderer(format)(diff, style_of(None, False, color, stream)))
    return int(exit_code and bool(diff))


def _report(word: str, asked: Asked, quiet: bool) -> Report:
    """The report of A or B. An error that has no place says whose it is."""
    network, front = _network(word)
    if front is not None and asked.input is not None:
        raise SpecError(f"{shown(word)} has its input in front, and -i gives one too", "give one of them")
    try:
        return (asked if front is None else asked._replace(input=front)).report(network, quiet, word)
    except CnncalcError as error:
        if error.where is None:
            error.what = f"{shown(word)}: {error.what}"
        raise


def _network(word: str) -> tuple[Network, Shape | None]:
    """The network that one argument means, and the shape that stood in front."""
    if not word.strip():
        raise SpecError(f"{shown(word)} is no network", f"layer words go in quotes: {QUOTES}")
    words = [word] if word == sources.STDIN or os.path.exists(word) else word.split()
    if _is_revision(word, words):
        return sources.read_bytes(_at_revision(word), word), None
    given = sources.sort_out(words)
    return sources.network(given, read_stdin), given.input


def _is_revision(word: str, words: list[str]) -> bool:
    """Whether an argument is REVISION:PATH: nothing that is there, and no layer words."""
    if ":" not in word or word.startswith("-") or os.path.exists(word) or looks_like_shape(words[0]):
        return False
    return not any(map(is_layer_word, words))


def _at_revision(word: str) -> bytes:
    """A file's bytes at a revision of git. SpecError that says which of the two is not there."""
    done = _git("cat-file", "blob", word)
    if done.returncode:
        raise _not_in_git(word, done.stderr.decode(errors="replace"))
    return done.stdout


def _git(*words: str) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(  # noqa: S603  no shell reads the words, and none of them is an option
            ["git", *words],  # noqa: S607  the git that the user has
            env={**os.environ, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
    except (OSError, ValueError) as error:
        why = "git is not installed" if isinstance(error, FileNotFoundError) else f"git cannot be run: {error}"
        raise SpecError(f"{shown(words[-1], LONGEST_PATH)}: {why}", "REVISION:PATH needs git; give a file") from None


def _not_in_git(word: str, said: str) -> SpecError:
    """Why git does not have REVISION:PATH; `said` is what it says itself."""
    revision, _, path = word.partition(":")
    if _git("rev-parse", "--git-dir").returncode:
        reason = said.strip().partition("\n")[0].removeprefix("fatal: ")
        help = _perhaps_op(revision, path) or "REVISION:PATH is read in a git repository"
        return SpecError(f"{shown(word, LONGEST_PATH)} is no layer word and no file, and git says: {reason}", help)
    if revision and _git("rev-parse", "--verify", "--quiet", f"{revision}^{{tree}}").returncode:
        return SpecError(
            f"{shown(word, LONGEST_PATH)} is no layer word and no file, and git has no revision {shown(revision)}",
            _perhaps_op(revision, path) or "git log lists the revisions",
        )
    where = f"at revision {shown(revision)}" if revision else "in git's index"
    if _git("rev-parse", "--verify", "--quiet", word).returncode == 0:
        return SpecError(f"{shown(path or '.', LONGEST_PATH)} is no file {where}", "name a file in it")
    return SpecError(f"there is no file {shown(path, LONGEST_PATH)} {where}", _near(revision, path))


def _perhaps_op(revision: str, path: str) -> str | None:
    """The ops near to what stands before the colon, where no name of a file stands behind it."""
    return None if os.path.splitext(path)[1] else nearest(revision, OPS)


def _near(revision: str, path: str) -> str:
    """The nearest path that git has; it counts paths from the repository's top."""
    if revision:
        listed = _git("ls-tree", "-r", "-z", "--name-only", "--full-tree", revision)
    else:
        listed = _git("ls-files", "-z", "--full-name", ":/")
    paths = os.fsdecode(listed.stdout).split("\0")
    same = [found for found in paths if os.path.basename(found) == os.path.basename(path)]
    if same:
        return f"did you mean {shown(f'{revision}:{same[0]}', LONGEST_PATH)}? {TOP}"
    folder = os.path.dirname(path)
    beside = [found for found in paths if os.path.dirname(found) == folder]
    return nearest(path, beside) or TOP
