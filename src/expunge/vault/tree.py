"""The key tree: data keys in pages, each page under a key that stands in the page above it (a B+ tree). Pure.

::

    sealed page = AES-256-GCM(its key; level (1 byte), records end to end; bound to its place) | tag (16)
    record of a leaf, level 0: owner (16) | data key (32)
    record of an inner page, and of the root: link = least owner below (16) | place of the page (8) | its key (32)

Invariants
----------
- A page key is random and seals one page, once: whatever changes in a page, it is sealed under a fresh key. So a link
  opens the tree that it was made for, and no older or later state of any page of it.
- Hence, once older roots are gone, nobody who has every page ever written opens a key that is not in today's tree.
- Records of a page are sorted, and lie within the bounds that the page above sets. All leaves are equally deep.
- Owners are random, so where a key lies tells nothing of when it came.

Reardon, Ritzdorf, Basin, Capkun, "Secure Data Deletion from Persistent Media", CCS 2013. The assumptions are in ADR 39.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, pairwise
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from expunge.errors import CorruptedError, VaultError
from expunge.vault.keys import KEY_BYTES, new_key

OWNER_BYTES: Final = 16
PLACE_BYTES: Final = 8
EMPTY: Final = b""
"""The link of a tree without keys."""
CAPACITY: Final = 72
"""Records in a page, at most: with 72 links of 56 bytes it still lies in one page of SQLite's. Measured in ADR 39."""
FILL: Final = 54
"""Records in a page that is written when others overflow: three quarters, so that the next ones find room."""
_RECORD: Final = (OWNER_BYTES + KEY_BYTES, OWNER_BYTES + PLACE_BYTES + KEY_BYTES)
"""Bytes of a record: of a leaf, of an inner page."""
_ONCE: Final = bytes(12)
"""A key that seals once needs no other nonce (NIST SP 800-38D section 8.2.1: distinct inputs; here there is one)."""

Fetch = Callable[[Sequence[int]], Mapping[int, bytes]]
"""Gives the sealed pages at some places; leaves out those that are not there."""


@dataclass(frozen=True)
class Change:
    """What a change writes: sealed pages by their places, the places that are free now, and the link to the new root.

    Its `link` is a secret: it opens everything.
    """

    link: bytes = field(repr=False)
    written: Mapping[int, bytes]
    freed: Collection[int]


@dataclass(frozen=True)
class _Page:
    """A page that was opened, and those of the wanted owners whose way leads through it."""

    link: bytes
    level: int
    records: list[bytes]
    owners: list[bytes]


def change(
    link: bytes, fetch: Fetch, places: Iterator[int], add: Mapping[bytes, bytes], drop: Collection[bytes] = ()
) -> Change:
    """Put keys in and take keys out: every page on a way to them is sealed under a fresh key, once for all of them.

    Parameters
    ----------
    link : bytes
        Of the tree as it is; `EMPTY` where there is none.
    fetch : callable
    places : iterator of int
        Places without a page, none of them twice.
    add : mapping of owner (16 bytes) to key (32 bytes)
    drop : collection of bytes
        Owners; who has no key is passed over.

    Raises
    ------
    CorruptedError
        Where a page does not open.
    VaultError
        Where somebody in `add` has a key: what it opens would be lost.

    Examples
    --------
    >>> from itertools import count
    >>> pages = {}
    >>> both = change(EMPTY, lambda places: pages, count(), {b"a" * 16: bytes(32), b"b" * 16: bytes(32)})
    >>> pages.update(both.written)
    >>> one = change(both.link, lambda places: pages, count(9), {}, [b"a" * 16])
    >>> pages.update(one.written)
    >>> list(find(one.link, lambda places: pages, [b"a" * 16, b"b" * 16]))
    [b'bbbbbbbbbbbbbbbb']
    """
    gone, fresh = frozenset(drop), sorted(owner + key for owner, key in add.items())
    written: dict[int, bytes] = {}
    freed: list[int] = []
    levels = _descend(link, fetch, sorted({*add, *gone})) if link else []
    instead: dict[bytes, Sequence[bytes]] = {} if link else {EMPTY: _write(0, fresh, places, written)}
    for page in chain.from_iterable(reversed(levels)):
        if page.level:
            records = list(chain.from_iterable(instead.get(record, (record,)) for record in page.records))
        else:
            records = _merged(page, add, gone)
        if records == page.records:
            instead[page.link] = (page.link,)
        elif page.link == link and page.level and len(records) == 1:
            freed.append(_place(page.link))  # a root with one page below it: that page is the root
            instead[page.link] = records
        else:
            own = iter([_place(page.link)])
            instead[page.link] = _write(page.level, records, chain(own, places), written)
            freed += own
    links = instead.get(link, (link,))
    level = levels[0][0].level if levels else 0
    while len(links) > 1:
        level += 1
        links = _write(level, links, places, written)
    return Change(links[0] if links else EMPTY, written, freed)


def find(link: bytes, fetch: Fetch, owners: Iterable[bytes]) -> dict[bytes, bytes]:
    """Return the keys of those owners who have one.

    Raises
    ------
    CorruptedError
        Where a page on a way to one of them is missing or does not open: torn, swapped or of another state.
    """
    wanted = frozenset(owners)
    leaves = _descend(link, fetch, sorted(wanted))[-1] if link and wanted else []
    return {
        record[:OWNER_BYTES]: record[OWNER_BYTES:]
        for page in leaves
        for record in page.records
        if record[:OWNER_BYTES] in wanted
    }


def scan(link: bytes, fetch: Fetch) -> Iterator[bytes]:
    """Yield the record of every key, owner (16 bytes) and key (32 bytes), sorted; holds one page's children a level.

    Raises
    ------
    CorruptedError
        As for `find`, for any page of the tree.
    """
    waiting = [[link]] if link else []
    while waiting:
        links, below = waiting.pop(), []
        for level, records in _opened(links, fetch):
            if level:
                below.append(records)
            else:
                yield from records
        waiting += reversed(below)


def _merged(leaf: _Page, add: Mapping[bytes, bytes], gone: Collection[bytes]) -> list[bytes]:
    """Return a leaf's records with those that come and without those that go."""
    coming = [owner + add[owner] for owner in leaf.owners if owner in add]
    if coming and (there := sum(record[:OWNER_BYTES] in add for record in leaf.records)):
        raise VaultError(f"{there} owners have a key already, and a key is never written over.", mend="Report this.")
    return sorted([record for record in leaf.records if record[:OWNER_BYTES] not in gone] + coming)


def _descend(link: bytes, fetch: Fetch, owners: list[bytes]) -> list[list[_Page]]:
    """Open every page on a way to an owner, level by level; the last level is of leaves."""
    levels: list[list[_Page]] = []
    ways: dict[bytes, list[bytes]] = {link: owners} if owners else {}
    while ways:
        opened = _opened(list(ways), fetch)
        pages = [
            _Page(one, level, records, way) for (one, way), (level, records) in zip(ways.items(), opened, strict=True)
        ]
        levels.append(pages)
        ways = {}
        for page in pages:
            if page.level:
                lows = [record[:OWNER_BYTES] for record in page.records]
                for owner in page.owners:
                    ways.setdefault(page.records[max(bisect_right(lows, owner) - 1, 0)], []).append(owner)
    return levels


def _opened(links: Sequence[bytes], fetch: Fetch) -> Iterator[tuple[int, list[bytes]]]:
    """Open pages, (level, records) each, in the order of their links."""
    sealed = fetch([_place(link) for link in links])
    for link in links:
        place = link[OWNER_BYTES : OWNER_BYTES + PLACE_BYTES]
        try:
            content = AESGCM(link[-KEY_BYTES:]).decrypt(_ONCE, sealed[_place(link)], _bound(place))
        except (KeyError, InvalidTag, ValueError) as error:
            raise CorruptedError(
                f"page {_place(link)} of the key tree is missing, changed, or of another state of the tree.",
                mend="Restore the workspace and its keys from the same moment.",
            ) from error
        size = _RECORD[content[0] > 0]
        yield content[0], [content[start : start + size] for start in range(1, len(content), size)]


def _write(level: int, records: Sequence[bytes], places: Iterator[int], written: dict[int, bytes]) -> list[bytes]:
    """Seal sorted records into as many pages as they need, each under a fresh key; returns the links to them."""
    links = []
    for part in _parts(records):
        place = next(places).to_bytes(PLACE_BYTES, "big")
        key = new_key()
        links.append(part[0][:OWNER_BYTES] + place + key)
        written[_place(links[-1])] = AESGCM(key).encrypt(_ONCE, bytes([level]) + b"".join(part), _bound(place))
    return links


def _parts(records: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """Cut records into pages: one where they fit, else evenly."""
    pages = -(-len(records) // FILL) if len(records) > CAPACITY else min(len(records), 1)
    ends = [len(records) * page // pages for page in range(pages + 1)] if pages else []
    return (records[start:end] for start, end in pairwise(ends))


def _place(link: bytes) -> int:
    return int.from_bytes(link[OWNER_BYTES : OWNER_BYTES + PLACE_BYTES], "big")


def _bound(place: bytes) -> bytes:
    return b"expunge key page v1|" + place
