"""Shared folders and names: two writers, equal process numbers, links, owners, folders of others."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from random import Random

from tests.program import environment

from .commands import ENDINGS, PROGRAM, WRITERS, Skip, State, fill, line, run, same, start

NOBODY = 65534


def writers(random: Random, folder: Path) -> None:
    """Write one file from several processes at once: the result is that of one of them."""
    fill(folder)
    kinds = (
        ["an array"] * 4 if random.random() < 0.5 else random.sample(["a report", "a table", "a spec", "findings"], 3)
    )
    target = folder / f"out{ENDINGS.get(kinds[0], '')}"
    names = set(os.listdir(folder))
    processes = [start(line(kind, target.name), folder, env=environment(PYTHONSAFEPATH="1")) for kind in kinds]
    ends = [(process.communicate(timeout=60)[1], process.returncode) for process in processes]
    assert all(code == 0 for _, code in ends), ends
    assert any(same(kind, target.read_bytes()) for kind in kinds), target.read_bytes()[:200]
    assert set(os.listdir(folder)) == names | {target.name}


def containers(random: Random, folder: Path) -> None:
    """Write one file from processes with the same number, as in containers that share a folder."""
    fill(folder)
    target = folder / "out.npy"
    names = set(os.listdir(folder))
    if shutil.which("unshare") is None:
        raise Skip("there is no unshare")
    words = ["unshare", "-Urpf", *PROGRAM, *line("an array", "out.npy")]
    pipe = subprocess.PIPE
    processes = [
        subprocess.Popen(words, cwd=folder, env=environment(PYTHONSAFEPATH="1"), stdout=pipe, stderr=pipe)
        for _ in range(random.randint(2, 4))
    ]
    ends = [(process.communicate(timeout=60)[1], process.returncode) for process in processes]
    if any(b"unshare" in err for err, _ in ends):
        raise Skip(f"no processes of one number here: {ends[0][0].decode()}")
    assert all(code == 0 for _, code in ends), ends
    assert same("an array", target.read_bytes())
    assert set(os.listdir(folder)) == names | {target.name}


def links(random: Random, folder: Path) -> None:
    """Write through a link, which stays a link; a loop is an error; a hard link keeps the old contents."""
    fill(folder)
    kind = random.choice([kind for kind in WRITERS if kind != "a baseline"])
    name, ending = f"out{ENDINGS.get(kind, '')}", ENDINGS.get(kind, "")
    deep = folder / "deep"
    deep.mkdir()
    target, link = deep / f"real{ending}", folder / name
    form = random.choice(["one", "several", "dangling", "a folder", "a loop", "itself", "hard", "nowhere"])
    if form == "several":
        for at in range(random.randint(1, 20)):
            before = f"../{name}{at - 1}" if at else target.name
            (deep / f"{name}{at}").symlink_to(before.removeprefix("../"))
            last = f"deep/{name}{at}"
        link.symlink_to(last)
    elif form in ("a loop", "itself"):
        other = folder / "other" if form == "a loop" else link
        link.symlink_to(other)
        if other != link:
            other.symlink_to(link)
    elif form == "a folder":
        (folder / "shortcut").symlink_to(deep)
        link = folder / "shortcut" / target.name
    elif form == "hard":
        target.write_bytes(b"old")
        os.link(target, link)
    else:
        link.symlink_to(folder / "nowhere" / "real" if form == "nowhere" else target)
    if form in ("one", "a folder") and random.random() < 0.5:
        target.write_bytes(b"old")
    before_names = set(os.listdir(folder)), set(os.listdir(deep))
    done = run(line(kind, str(link) if random.random() < 0.5 else os.path.relpath(link, folder)), folder)
    after = set(os.listdir(folder)), set(os.listdir(deep))
    if form in ("a loop", "itself", "nowhere"):
        said = "No such file or directory" if form == "nowhere" else "Too many levels of symbolic links"
        assert done.code == 2, (form, done)
        assert said in done.said, (form, done)
        assert after == before_names, form
        assert link.is_symlink(), form
        return
    assert done.code == 0, (form, done)
    assert after == (before_names[0], before_names[1] | {target.name}), form
    assert same(kind, link.read_bytes()), form
    if form == "hard":
        assert target.read_bytes() == b"old"
    else:
        assert form == "a folder" or link.is_symlink(), form
        assert same(kind, target.read_bytes()), form


def rights(random: Random, folder: Path) -> None:
    """Overwrite a file with some mode, owner and group, which are kept if permitted; a new file gets the umask's."""
    fill(folder)
    kind = random.choice([*WRITERS])
    state = State.draw(random, folder, kind)
    umask = random.choice([0o022, 0o077, 0o002, 0o027])
    script = "import os, sys; os.umask(int(sys.argv[1])); os.execv(sys.argv[2], sys.argv[2:])"
    mode, owner = random.choice([0o600, 0o644, 0o640, 0o664, 0o604, 0o755, 0o660]), (os.getuid(), os.getgid())
    if state.old is not None:
        if os.getuid() == 0:
            owner = random.choice([(0, 0), (NOBODY, NOBODY), (0, 12345), (4321, 0)])
            os.chown(state.target, *owner)
        state.target.chmod(mode)
    done = run(line(kind, state.target.name), folder, [sys.executable, "-c", script, str(umask)])
    state.check(kind, done.code, done)
    assert done.code == 0, done
    found = state.target.stat()
    wanted = 0o666 & ~umask if state.old is None else mode
    assert (stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid) == (wanted, *owner), (
        oct(found.st_mode),
        oct(wanted),
    )


def others(random: Random, folder: Path) -> None:
    """Write in folders and over files owned by this user or another, as root without its privileges."""
    if os.getuid() != 0 or shutil.which("setpriv") is None:
        raise Skip("only root has files of others, and setpriv takes its rights away")
    kind = random.choice([kind for kind in WRITERS if kind != "a baseline"])
    fill(folder)
    inside = folder / "inside"
    inside.mkdir()
    state = State.draw(random, inside, kind)
    owner, mode = random.choice([0, NOBODY]), random.choice([0o600, 0o644, 0o666, 0o664, 0o444])
    if state.old is not None:
        state.target.chmod(mode)
        os.chown(state.target, owner, owner)
    place = random.choice([*PLACES])
    lord, access = PLACES[place]
    inside.chmod(access)
    os.chown(inside, lord, lord)
    rights = "-dac_override,-dac_read_search,-fowner,-chown,-fsetid"
    done = run(line(kind, str(state.target)), folder, ["setpriv", f"--bounding-set={rights}", f"--inh-caps={rights}"])
    os.chown(inside, 0, 0)
    state.check(kind, done.code, (place, done))
    may_enter = place in ("mine", "everyone's", "sticky")
    may_write = state.old is None or mode & (0o200 if owner == 0 else 0o002)
    may_replace = place != "sticky" or state.old is None or owner == 0
    assert done.code == (0 if may_enter and may_write and may_replace else 2), (place, oct(mode), owner, done)
    assert not done.code or "cannot be written: " in done.said, done


PLACES = {
    "mine": (0, 0o755),
    "theirs": (NOBODY, 0o755),
    "everyone's": (NOBODY, 0o777),
    "sticky": (NOBODY, 0o1777),
    "locked": (0, 0o555),
}
"""Folders, with their owners and modes."""


def placed(random: Random, folder: Path) -> None:
    """Place links where the temporary file is expected: nothing is written through them."""
    fill(folder)
    kind = random.choice([*WRITERS])
    state = State.draw(random, folder, kind)
    victim = folder / "victim"
    victim.write_bytes(b"mine")
    script = (
        "import os, sys; os.symlink('victim', f'{sys.argv[1]}.{os.getpid()}.part'); os.execv(sys.argv[2], sys.argv[2:])"
    )
    done = run(line(kind, state.target.name), folder, [sys.executable, "-c", script, str(state.target)])
    assert done.code == 0, done
    assert victim.read_bytes() == b"mine"
    assert same(kind, state.target.read_bytes())


FAULTS = {
    "several writers": writers,
    "equal process numbers": containers,
    "links": links,
    "a link in the way": placed,
    "rights": rights,
    "folders of others": others,
}
