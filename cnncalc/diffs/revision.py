"""Files at a git revision, given as REVISION:PATH: the bytes, or an error that says what git does not have."""

from __future__ import annotations

import os
import subprocess

from ..errors import LONGEST_PATH, SpecError, nearest, shown
from ..files import too_long
from ..layers import OPS
from ..limits import LARGEST_STREAM

TOP = "git paths are relative to the top of the repository"


def at_revision(word: str) -> bytes:
    """Return a file's bytes at a revision. Raise SpecError if git does not have the revision or the file in it.

    SpecError, too, for more bytes than a pipe may have: git packs a gigabyte of zeros into a megabyte.
    """
    word = word.replace(os.sep, "/")  # git's separator, on Windows, too
    size = _git("cat-file", "-s", word)
    if size.returncode == 0 and int(size.stdout) > LARGEST_STREAM:
        raise too_long(word, LARGEST_STREAM)
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
        raise SpecError(
            f"{shown(words[-1], LONGEST_PATH)}: {why}", ("REVISION:PATH needs git; use a file instead")
        ) from None


def _not_in_git(word: str, said: str) -> SpecError:
    """Return why git does not have REVISION:PATH; `said` is git's own message."""
    revision, _, path = word.partition(":")
    similar = None if os.path.splitext(path)[1] else nearest(revision, OPS)  # an op, unless a file's name follows
    not_here = f"{shown(word.replace(':./', ':', 1), LONGEST_PATH)} is not a layer or a file, and git"
    if _git("rev-parse", "--git-dir").returncode:
        reason = said.strip().partition("\n")[0].removeprefix("fatal: ")
        return SpecError(f"{not_here} says: {reason}", similar or "REVISION:PATH is read in a git repository")
    if revision and _git("rev-parse", "--verify", "--quiet", f"{revision}^{{tree}}").returncode:
        return SpecError(f"{not_here} has no revision {shown(revision)}", similar or "git log lists the revisions")
    where = f"at revision {shown(revision)}" if revision else "in git's index"
    if _git("rev-parse", "--verify", "--quiet", word).returncode == 0:
        return SpecError(f"{shown(path or '.', LONGEST_PATH)} is not a file {where}", "name a file in it")
    return SpecError(f"there is no file {shown(path, LONGEST_PATH)} {where}", _near(revision, path))


def _near(revision: str, path: str) -> str:
    """Return the most similar path that git has, relative to the repository's root."""
    tree = ("ls-tree", "-r", "-z", "--name-only", "--full-tree", revision)
    listed = _git(*tree) if revision else _git("ls-files", "-z", "--full-name", ":/")
    paths = os.fsdecode(listed.stdout).split("\0")
    same = [known for known in paths if os.path.basename(known) == os.path.basename(path)]
    if same:
        return f"did you mean {shown(f'{revision}:{same[0]}', LONGEST_PATH)}? {TOP}"
    folder = os.path.dirname(path)
    beside = [known for known in paths if os.path.dirname(known) == folder]
    return nearest(path, beside) or TOP
