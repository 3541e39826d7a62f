"""What can be checked from outside: folders, policy, key files, room, the database file. Nothing needs to open.

Each takes the workspace folder and the folder of keys.
"""

from __future__ import annotations

import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final

from sqlalchemy import text

from expunge.access.policy import read_policy
from expunge.certificates.keys import load_key, load_public_key, public_pem, read_pem
from expunge.erasure.doctor.finding import RESTORE, Findings, attention, broken
from expunge.errors import ExpungeError
from expunge.vault.database import REVISION, connect_to_read
from expunge.vault.keys import read_secret

PARTS: Final = ("segments", "blobs", "certificates", "letters")
PAIRS: Final = (("signing.key", "public.pem"), ("log.key", "log.pem"))
ROOM: Final = 64_000_000
"""Bytes that should be free beside as much again as the workspace takes: an erasure writes before it removes."""
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def folders(folder: Path, keys: Path) -> Findings:
    """Check that all folders are there, and nobody else reads them."""
    for part in PARTS:
        if not (folder / part).is_dir():
            yield broken(part, "the folder is missing.")
    for place in (folder, keys):
        if place.is_dir() and place.stat().st_mode & _OTHERS:
            yield attention(
                place.name, "the folder is open to other users of this machine.", f"Close it: `chmod 700 {place}`."
            )


def leavings(folder: Path, keys: Path) -> Findings:
    """Check that nothing is left of files that were being written when a process died."""
    for place in (folder, keys):
        for path in sorted((*place.rglob("*.partial"), *place.rglob("*.new"))):
            name = path.relative_to(place.parent)
            yield attention(str(name), "is what a process left that died while it wrote.", f"Remove it: `rm {path}`.")


def policy(folder: Path, _keys: Path) -> Findings:
    """Check that settings and rules can be read, and say nothing unknown."""
    yield from _reported("policy", lambda: read_policy(folder / "policy.json"))


def secret(_folder: Path, keys: Path) -> Findings:
    """Check that the hash secret is there and readable as one."""
    path = keys / "workspace.secret"
    if not path.is_file():
        yield broken(path.name, "is missing: nobody can be found without it.", f"Restore it to {keys}, or give --keys.")
    else:
        yield from _reported(path.name, lambda: read_secret(path))


def signing_keys(folder: Path, keys: Path) -> Findings:
    """Check that what signs certificates and checkpoints opens, and belongs to the public keys that were given out."""
    for private, public in PAIRS:
        try:
            own = public_pem(load_key(keys / private).public_key())
            given = public_pem(load_public_key(read_pem(folder / public)))
        except ExpungeError as error:
            yield broken(private, error.problem, f"Restore {private} and {public} from a copy of the same workspace.")
            continue
        if own != given:
            yield broken(private, f"is not the key of {public}.", "Restore both from a copy of the same workspace.")


def key_rights(_folder: Path, keys: Path) -> Findings:
    """Check that key files are for their owner only."""
    for path in sorted(path for path in keys.rglob("*") if path.is_file()):
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & _OTHERS:
            name = path.relative_to(keys)
            yield broken(str(name), f"has mode {mode:04o}: others can use this key.", f"Close it: `chmod 600 {path}`.")


def room(folder: Path, _keys: Path) -> Findings:
    """Check that there is room for what an erasure writes before it removes."""
    taken = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    free = shutil.disk_usage(folder).free
    if free < taken + ROOM:
        yield attention(
            folder.name,
            f"{free / 1e6:.0f} MB are free, the workspace takes {taken / 1e6:.0f} MB.",
            f"Make room: {(taken + ROOM) / 1e6:.0f} MB should be free before an erasure.",
        )


def database_file(folder: Path, _keys: Path) -> Findings:
    """Check that the database opens, and is of this software's revision."""
    engine = connect_to_read(folder / "expunge.db")
    with engine.connect() as connection:
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if found is None or found > REVISION:
        mend = "Install the version of expunge that wrote it, or a later one."
        yield broken("expunge.db", f"is at revision {found!r}, this software knows {REVISION!r}.", mend)
    elif found < REVISION:
        mend = "Any other command brings it up to date; make a copy first."
        yield broken("expunge.db", f"is at revision {found!r}, this software reads {REVISION!r}.", mend)


def database_pages(folder: Path, _keys: Path) -> Findings:
    """Check that its pages hang together, and that no row refers to what is not there."""
    with connect_to_read(folder / "expunge.db").connect() as connection:
        faults = [str(row[0]) for row in connection.execute(text("PRAGMA integrity_check(20)")) if row[0] != "ok"]
        strays = connection.execute(text("PRAGMA foreign_key_check")).all()
    for fault in faults:
        yield broken("expunge.db", " ".join(fault.split()) + ".", RESTORE)
    for table in sorted({str(row[0]) for row in strays}):
        yield broken("expunge.db", f"rows of table {table} refer to what is not there.", RESTORE)


def _reported(where: str, act: Callable[[], object]) -> Findings:
    try:
        act()
    except ExpungeError as error:
        yield broken(where, error.problem, error.mend)
