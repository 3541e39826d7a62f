"""Many byte strings looked for in one pass.

One after another they would cost (number of strings) x (bytes searched): hours, for a thousand people and a gigabyte.
Here the last four bytes of each string mark a table of `_TABLE` places; every window of four bytes in the content is
looked up in it, and only where the table is marked are strings compared.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from expunge.errors import InputError

ANCHOR: Final = 4
"""Bytes of a string that are looked up; shorter strings are refused."""
FEW: Final = 12
"""So many strings are looked for one by one: it takes less time than the table."""

_BITS: Final = 20
_TABLE: Final = 1 << _BITS
_SPREAD: Final = np.uint32(2654435761)  # Knuth's multiplicative hash: 2**32 over the golden ratio
_CHUNK: Final = 1 << 22


class Literals:
    """Byte strings of at least `ANCHOR` bytes.

    Parameters
    ----------
    strings : iterable of bytes

    Examples
    --------
    >>> Literals([b"Anna Berg", b"Bert Berg"]).within(b"Dear Anna Berg,")
    {b'Anna Berg'}
    """

    def __init__(self, strings: Iterable[bytes]) -> None:
        self._strings = frozenset(strings)
        if any(len(string) < ANCHOR for string in self._strings):
            raise InputError(f"a string has fewer than {ANCHOR} bytes.", mend="Look for longer ones.")
        self._by_anchor: dict[int, list[bytes]] = defaultdict(list)
        for string in self._strings:
            self._by_anchor[int.from_bytes(string[-ANCHOR:], "little")].append(string)
        self._anchors = np.array(sorted(self._by_anchor), dtype=np.uint32)
        self._table = np.zeros(_TABLE, dtype=np.bool_)
        self._table[_place(self._anchors)] = True

    def within(self, content: bytes) -> set[bytes]:
        """Return those that stand anywhere in these bytes."""
        if len(self._strings) <= FEW:
            return {string for string in self._strings if string in content}
        return set(self._compared(content))

    def _compared(self, content: bytes) -> Iterator[bytes]:
        anchors, ends = self._marked(content)
        if not anchors.size:
            return
        letters = np.frombuffer(content, np.uint8)
        distinct, first = np.unique(anchors, return_index=True)
        for anchor, there in zip(distinct.tolist(), np.split(ends, first[1:]), strict=True):
            for string in self._by_anchor[anchor]:
                if _ends_with(letters, there, string):
                    yield string

    def _marked(self, content: bytes) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
        """Return the anchors that stand in these bytes, sorted, and where each ends."""
        found, ends = [np.zeros(0, np.uint32)], [np.zeros(0, np.int64)]
        for start in range(0, len(content), _CHUNK):
            # Windows of four bytes that begin at a multiple of four, and then one, two and three bytes later.
            for begin in range(start, start + ANCHOR):
                count = (min(len(content), start + _CHUNK + begin - start) - begin) // ANCHOR
                if count <= 0:
                    continue
                windows = np.frombuffer(content, dtype="<u4", count=count, offset=begin)
                places = np.flatnonzero(self._table[_place(windows)])
                if not places.size:
                    continue
                nearest = np.searchsorted(self._anchors, windows[places])
                places = places[self._anchors[np.minimum(nearest, len(self._anchors) - 1)] == windows[places]]
                found.append(windows[places])
                ends.append(begin + ANCHOR * (places + 1))
        anchors, after = np.concatenate(found), np.concatenate(ends)
        order = np.argsort(anchors, kind="stable")
        return anchors[order], after[order]


def _ends_with(letters: npt.NDArray[np.uint8], ends: npt.NDArray[np.int64], string: bytes) -> bool:
    """Tell whether the string stands before one of these ends, where its anchor does; each letter leaves fewer."""
    ends = ends[ends >= len(string)]
    for back in range(ANCHOR + 1, len(string) + 1):
        if not ends.size:
            return False
        ends = ends[letters[ends - back] == string[-back]]
    return bool(ends.size)


def _place(windows: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    hashed: npt.NDArray[np.uint32] = (windows * _SPREAD) >> np.uint32(32 - _BITS)
    return hashed
