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
OFTEN: Final = 64
"""An anchor that stands in a content more often than this tells nothing: its strings are looked for one by one."""

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
        distinct, first, counts = np.unique(anchors, return_index=True, return_counts=True)
        for anchor, begin, count in zip(distinct.tolist(), first.tolist(), counts.tolist(), strict=True):
            for string in self._by_anchor[anchor]:
                if count > OFTEN:
                    stands = string in content
                else:
                    stands = any(content.endswith(string, 0, end) for end in ends[begin : begin + count].tolist())
                if stands:
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
                places = places[np.isin(windows[places], self._anchors)]
                found.append(windows[places])
                ends.append(begin + ANCHOR * (places + 1))
        anchors, after = np.concatenate(found), np.concatenate(ends)
        order = np.argsort(anchors, kind="stable")
        return anchors[order], after[order]


def _place(windows: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    hashed: npt.NDArray[np.uint32] = (windows * _SPREAD) >> np.uint32(32 - _BITS)
    return hashed
