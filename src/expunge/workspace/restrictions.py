"""Records that are kept because a law demands it, and used for nothing else (cf. GDPR Art. 18(2))."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from expunge.vault.database import RESTRICTION, SUBJECT


def of_dataset(connection: Connection, dataset: str) -> set[bytes]:
    """Return the references whose records in a dataset are kept only: no model may learn from them."""
    query = select(RESTRICTION.c.ref).join(SUBJECT, SUBJECT.c.ref == RESTRICTION.c.ref)
    return set(connection.execute(query.where(SUBJECT.c.dataset_id == dataset)).scalars())


def add(connection: Connection, retained: Iterable[dict[str, Any]]) -> None:
    """Restrict what a batch retained; what was restricted before is restricted under the new ground."""
    for kept in retained:
        ref = bytes.fromhex(kept["ref"])
        lift(connection, [ref])
        connection.execute(
            insert(RESTRICTION).values(
                ref=ref, **{name: kept[name] for name in ("request", "ground", "article", "until")}
            )
        )


def lift(connection: Connection, refs: Collection[bytes]) -> None:
    """End restrictions: of records that are erased now, or may be used again."""
    for ref in refs:
        connection.execute(delete(RESTRICTION).where(RESTRICTION.c.ref == ref))
