"""The key tree in the database: its pages are rows, and the link to its root is sealed under the root key.

Invariants
----------
- Row `root` of the current version holds the one link to the tree; that of an older version holds none.
- Pages and link change in the caller's transaction: a kill leaves the old tree or the new one, each with its root.
- Places are used again, page keys never are: what lay at a place before does not open under the key of what lies there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import count

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from expunge.errors import CorruptedError
from expunge.vault import tree
from expunge.vault.database import KEY_PAGE, ROOT, run_many
from expunge.vault.keys import Wrapper
from expunge.vault.store import LINK, Vault, now
from expunge.vault.tree import OWNER_BYTES, Change

AT_ONCE = 500
"""Pages in one query: SQLite takes no much longer list."""


def add(vault: Vault, connection: Connection, keys: Mapping[bytes, bytes]) -> None:
    """Put keys of owners who have none into the tree, under the root key that there is."""
    wrapper = vault.wrapper(connection)
    changed = _change(connection, wrapper, keys, ())
    sealed = wrapper.wrap(changed.link, LINK)
    connection.execute(update(ROOT).where(ROOT.c.version == wrapper.version).values(tree=sealed))


def erase(connection: Connection, old: Wrapper, new: Wrapper, owners: Collection[bytes]) -> None:
    """Take keys out, re-key every page on the way to them, and hang the tree on the new root.

    From the moment that the old root key is destroyed, no copy of the tree, of whatever time, opens these keys.
    """
    changed = _change(connection, old, {}, owners)
    connection.execute(update(ROOT).values(tree=None))
    connection.execute(insert(ROOT).values(version=new.version, created=now(), tree=new.wrap(changed.link, LINK)))


def find(vault: Vault, connection: Connection, owners: Iterable[bytes]) -> dict[bytes, bytes]:
    """Return the keys of those owners who have one."""
    return tree.find(_link(connection, vault.wrapper(connection)), partial(_fetch, connection), owners)


def every(vault: Vault, connection: Connection) -> dict[bytes, bytes]:
    """Return all keys by owner: every page is opened."""
    records = tree.scan(_link(connection, vault.wrapper(connection)), partial(_fetch, connection))
    return {record[:OWNER_BYTES]: record[OWNER_BYTES:] for record in records}


def strays(vault: Vault, connection: Connection) -> list[int]:
    """Return the places of pages that lie in the database and are not in the tree."""
    seen: set[int] = set()

    def noted(places: Sequence[int]) -> Mapping[int, bytes]:
        seen.update(places)
        return _fetch(connection, places)

    for _ in tree.scan(_link(connection, vault.wrapper(connection)), noted):
        pass
    there = connection.execute(select(KEY_PAGE.c.place).order_by(KEY_PAGE.c.place)).scalars()
    return [place for place in there if place not in seen]


def _change(connection: Connection, old: Wrapper, add: Mapping[bytes, bytes], drop: Collection[bytes]) -> Change:
    changed = tree.change(_link(connection, old), partial(_fetch, connection), _places(connection), add, drop)
    gone = delete(KEY_PAGE).where(KEY_PAGE.c.place == bindparam("gone"))
    run_many(connection, gone, ["gone"], [(place,) for place in changed.freed])
    write = insert(KEY_PAGE).prefix_with("OR REPLACE")
    run_many(connection, write, ("place", "content"), sorted(changed.written.items()))
    return changed


def _link(connection: Connection, wrapper: Wrapper) -> bytes:
    sealed = connection.execute(select(ROOT.c.tree).where(ROOT.c.version == wrapper.version)).scalar_one()
    if sealed is None:
        raise CorruptedError(
            f"the database has no key tree under root version {wrapper.version}.",
            mend="Restore the workspace from a copy.",
        )
    return wrapper.unwrap(sealed, LINK)


def _places(connection: Connection) -> Iterator[int]:
    return count((connection.execute(select(func.max(KEY_PAGE.c.place))).scalar() or 0) + 1)


def _fetch(connection: Connection, places: Sequence[int]) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    for start in range(0, len(places), AT_ONCE):
        query = select(KEY_PAGE.c.place, KEY_PAGE.c.content)
        rows = connection.execute(query.where(KEY_PAGE.c.place.in_(places[start : start + AT_ONCE])))
        found |= {row.place: row.content for row in rows}
    return found
