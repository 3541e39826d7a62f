"""Reading while somebody erases: tried again where a key or a file went between the look and the grasp.

The database shows every reader one moment; keys and files have only the present. What a reader looked up may be gone
when it reaches for it: the root key was replaced, the segment rewritten, the model superseded.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, TypeVar

from sqlalchemy import Connection, func, select

from expunge.errors import CorruptedError, KeyDestroyedError
from expunge.vault.database import LOG_LEAF, ROOT
from expunge.workspace.folder import Workspace
from expunge.workspace.underway import erasing

READER_PATIENCE: Final = 10.0
"""Seconds for which a reader waits for an erasure to come to rest."""
_PAUSE: Final = 0.1

T = TypeVar("T")


def reading(workspace: Workspace, read: Callable[[Connection], T]) -> T:
    """Read in one transaction; again, for some seconds, where an erasure took away what was being read.

    Parameters
    ----------
    read : callable
        Takes the connection; writes nothing, so that it can be repeated.

    Raises
    ------
    KeyDestroyedError, CorruptedError
        Where no erasure is the reason, or it does not come to rest.
    """
    deadline = time.monotonic() + READER_PATIENCE
    while True:
        with workspace.vault.transaction() as connection:
            seen = _moment(connection)
            try:
                return read(connection)
            except (KeyDestroyedError, CorruptedError):
                if time.monotonic() > deadline or not _moved_on(workspace, seen):
                    raise
        time.sleep(_PAUSE)


def _moved_on(workspace: Workspace, seen: tuple[int, int]) -> bool:
    with workspace.vault.transaction() as connection:
        return _moment(connection) != seen or erasing(connection)


def _moment(connection: Connection) -> tuple[int, int]:
    """Return what changes whenever keys or files do: root version and last entry of the log."""
    root = connection.execute(select(func.max(ROOT.c.version))).scalar()
    last = connection.execute(select(func.max(LOG_LEAF.c.idx))).scalar()
    return root or 0, -1 if last is None else last
