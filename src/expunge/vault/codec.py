"""The binary layout of one subject's rows: what lies inside one ciphertext.

::

    u32 rows | u32 columns | u32 bytes of subject id | u32 bytes of heap
    subject id, typed (see `subject_bytes`), padded with zeros to a multiple of 8
    rows x columns cells of 8 bytes, row-major:
        number  IEEE 754 binary64, little-endian; a missing one is NaN
        text    the last byte says what the other seven are:
                0 to 7  a text of so many bytes, padded with zeros
                8       the length of a longer text, which lies in the heap
                9       zeros: the text is missing
    heap: longer texts, end to end, row by row, padded with zeros to a multiple of 8

All text is UTF-8. Every row has the same width and every text lies in its own subject's ciphertext: there is no
dictionary shared between people that would have to forget. A short text *is* its cell, so that a column is read by
telling 64-bit numbers apart, and each different one is decoded once; what this interns is gone with the call.

Invariants
----------
- Rows have one spelling: `decode` refuses every plaintext that `encode` would not have made of what it reads.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from expunge.domain.subject import SubjectId, subject_bytes, subject_id
from expunge.errors import CorruptedError

Cell: TypeAlias = Literal["number", "text"]
Layout: TypeAlias = tuple[tuple[str, Cell], ...]
Columns: TypeAlias = Mapping[str, npt.NDArray[Any]]
_Ints: TypeAlias = npt.NDArray[np.int64]
_Words: TypeAlias = npt.NDArray[np.uint64]

_HEADER: Final = struct.Struct("<IIII")
_WORD: Final = 8
_SHORT: Final = 7
"""The longest text that is its own cell, in bytes."""
_KIND: Final = 56
"""Where a text cell's last byte begins, in bits."""
_LONG: Final = 8 << _KIND
_MISSING: Final = 9 << _KIND
_LONGEST: Final = 2**32


@dataclass(frozen=True)
class Rows:
    """Rows of many subjects.

    Parameters
    ----------
    subjects : list of int or str, one per row
    columns : dict of str to ndarray (n_rows,)
        float64 for numbers, object (str or None) for text.
    """

    subjects: list[SubjectId]
    columns: dict[str, npt.NDArray[Any]]


def encode(layout: Layout, subjects: Sequence[SubjectId], columns: Columns) -> Iterator[tuple[SubjectId, int, bytes]]:
    """Yield (subject, rows, plaintext) for every subject; rows keep their order within a subject.

    Parameters
    ----------
    layout : tuple of (name, "number" or "text")
    subjects : sequence of n_rows ids
    columns : mapping of name to ndarray (n_rows,)
    """
    order, bounds, owners = _grouped(subjects)
    cells = np.empty((len(order), len(layout)), dtype="<u8")
    longer: list[npt.NDArray[np.object_]] = []
    for index, (name, cell) in enumerate(layout):
        if cell == "number":
            cells[:, index] = np.asarray(columns[name], dtype="<f8")[order].view("<u8")
        else:
            codes, words, long = _text_cells(columns[name])
            cells[:, index] = words[codes[order]]
            if any(long):
                longer.append(np.array([*long, b""], dtype=object)[codes[order]])
    heap, ends = _heaped(longer, len(order))
    block, width = cells.tobytes(), _WORD * len(layout)
    rows, heaps = bounds.tolist(), ends[bounds].tolist()
    for number, owner in enumerate(owners):
        low, high = rows[number], rows[number + 1]
        own_heap = heap[heaps[number] : heaps[number + 1]]
        name_bytes = subject_bytes(owner)
        header = _HEADER.pack(high - low, len(layout), len(name_bytes), len(own_heap))
        yield owner, high - low, header + _padded(name_bytes) + block[low * width : high * width] + _padded(own_heap)


def decode(layout: Layout, plaintexts: Sequence[bytes]) -> Rows:
    """Read plaintexts back into rows, in the order given.

    Raises
    ------
    CorruptedError
        Where a plaintext is not what `encode` makes of this layout.
    """
    parts = _opened(plaintexts, len(layout))
    numbers: dict[int, _Words] = {}
    lengths: dict[int, _Ints] = {}
    for index, (_, cell) in enumerate(layout):
        words = numbers[index] = parts.words[parts.rows + index]
        if cell == "text" and (own := _lengths(words)).any():
            lengths[index] = own
    starts = _heap_starts(parts, list(lengths.values()))
    columns: dict[str, npt.NDArray[Any]] = {}
    for index, (name, cell) in enumerate(layout):
        words = numbers.pop(index)
        if cell == "number":
            columns[name] = words.view("<f8")
            continue
        columns[name] = _short_texts(words)
        if index in lengths:
            place = list(lengths).index(index)
            _put_long_texts(columns[name], parts.joined, starts[:, place], lengths[index])
    return Rows(np.repeat(parts.owners, parts.counts).tolist(), columns)


# Writing.


def _grouped(subjects: Sequence[SubjectId]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], list[SubjectId]]:
    """Order rows by subject, stably: the order, the bounds of each subject's rows in it, and who they are."""
    number: dict[SubjectId, int] = {}
    codes = np.fromiter((number.setdefault(subject, len(number)) for subject in subjects), np.int64, len(subjects))
    order = np.argsort(codes, kind="stable")
    return order, np.searchsorted(codes[order], np.arange(len(number) + 1)), list(number)


def _text_cells(values: npt.NDArray[Any]) -> tuple[npt.NDArray[np.intp], _Words, list[bytes]]:
    """Return each row's number among the distinct texts, -1 where missing, and of each text its cell and its heap part.

    The last cell, one more than there are texts, is that of a missing one.
    """
    import pandas as pd  # noqa: PLC0415  # half of the start of a command that reads no table

    codes, texts = pd.factorize(np.asarray(values, dtype=object))
    encoded = [text.encode() for text in texts.tolist()]
    words = [
        _LONG | len(text) if len(text) > _SHORT else int.from_bytes(text, "little") | len(text) << _KIND
        for text in encoded
    ]
    heap = [text if len(text) > _SHORT else b"" for text in encoded]
    return codes, np.array([*words, _MISSING], dtype="<u8"), heap


def _heaped(longer: list[npt.NDArray[np.object_]], n_rows: int) -> tuple[bytes, _Ints]:
    """Join the longer texts row by row; with where each row's begin, and the end."""
    ends = np.zeros(n_rows + 1, dtype=np.int64)
    if not longer:
        return b"", ends
    texts = np.column_stack(longer).ravel().tolist()
    sizes = np.fromiter(map(len, texts), np.int64, len(texts)).reshape(n_rows, len(longer))
    np.cumsum(sizes.sum(axis=1), out=ends[1:])
    return b"".join(texts), ends


def _padded(name: bytes) -> bytes:
    return name + b"\0" * (-len(name) % _WORD)


# Reading.


@dataclass(frozen=True)
class _Opened:
    """Plaintexts end to end, and where everything lies in them.

    Parameters
    ----------
    joined, words : bytes, ndarray (n_words,)
        The same bytes twice.
    owners : ndarray of object (n_subjects,)
    counts, heaps, sizes : ndarray (n_subjects,)
        How many rows each has, where its heap begins in `joined`, and how long that is.
    rows : ndarray (n_rows,)
        Where each row begins in `words`.
    """

    joined: bytes
    words: _Words
    owners: npt.NDArray[np.object_]
    counts: _Ints
    heaps: _Ints
    sizes: _Ints
    rows: _Ints


def _opened(plaintexts: Sequence[bytes], n_columns: int) -> _Opened:
    joined = b"".join(plaintexts)
    sizes = np.fromiter(map(len, plaintexts), np.int64, len(plaintexts))
    _require((sizes % _WORD == 0) & (sizes >= _HEADER.size), sizes)
    words = np.frombuffer(joined, dtype="<u8")
    begins = np.cumsum(sizes) - sizes
    head = begins[:, np.newaxis] // 4 + np.arange(4)
    counts, width, names, heap_sizes = np.frombuffer(joined, dtype="<u4")[head].astype(np.int64).T
    _require((width == n_columns) & (counts > 0) & (names > 1), sizes)
    bodies = begins + _HEADER.size + _up(names)
    heaps = bodies + _WORD * n_columns * counts
    _require(heaps + _up(heap_sizes) == begins + sizes, sizes)
    _require(_zero_behind(words, bodies, names) & _zero_behind(words, begins + sizes, heap_sizes), sizes)
    first = np.repeat(np.cumsum(counts) - counts, counts)
    rows = np.repeat(bodies // _WORD, counts) + (np.arange(len(first)) - first) * n_columns
    owners = np.empty(len(plaintexts), dtype=object)
    id_begins = (begins + _HEADER.size).tolist()
    owners[:] = [_owner(joined[at : at + size]) for at, size in zip(id_begins, names.tolist(), strict=True)]
    return _Opened(joined, words, owners, counts, heaps, heap_sizes, rows)


def _owner(name: bytes) -> SubjectId:
    try:
        if name[:1] == b"i":
            number = int(name[1:])
            if b"i%d" % number == name and -(2**63) <= number < 2**63:
                return number
        elif name[:1] == b"s":
            return subject_id(name[1:].decode())
    except ValueError as error:
        raise _broken(len(name)) from error
    raise _broken(len(name))


def _up(sizes: _Ints) -> _Ints:
    """Round up to whole words."""
    return sizes + -sizes % _WORD


def _zero_behind(words: _Words, ends: _Ints, sizes: _Ints) -> npt.NDArray[np.bool_]:
    """Tell which of these fields, of so many bytes and padded up to `ends`, are padded with zeros."""
    used = (sizes - 1) % _WORD + 1  # bytes of the last word, 1 to 8
    last = words[ends // _WORD - 1]
    shifted = (last >> (4 * used).astype(np.uint64)) >> (4 * used).astype(np.uint64)  # by 64 at once is undefined
    clean: npt.NDArray[np.bool_] = (sizes == 0) | (shifted == 0)
    return clean


def _lengths(words: _Words) -> _Ints:
    """Return how long the longer texts among these cells are, 0 for all other cells."""
    long = words >> np.uint64(_KIND) == _LONG >> _KIND
    found = np.where(long, words ^ np.uint64(_LONG), np.uint64(0)).astype(np.int64)
    if not ((found[long] > _SHORT) & (found[long] < _LONGEST)).all():
        raise _broken(_WORD)
    return found


def _heap_starts(parts: _Opened, lengths: list[_Ints]) -> _Ints:
    """Return where the longer texts begin in the bytes, (n_rows, n_columns with any); refuse what is not end to end."""
    if not lengths:
        _require(parts.sizes == 0, parts.sizes)
        return np.zeros((len(parts.rows), 0), dtype=np.int64)
    each = np.column_stack(lengths)
    ends = np.cumsum(each.ravel()).reshape(each.shape)
    last = ends[np.cumsum(parts.counts) - 1, -1]
    held = np.diff(last, prepend=0)
    _require(held == parts.sizes, parts.sizes)
    starts: _Ints = ends - each + np.repeat(parts.heaps - (last - held), parts.counts)[:, np.newaxis]
    return starts


def _short_texts(words: _Words) -> npt.NDArray[np.object_]:
    """Read cells as texts, the longer ones as None."""
    import pandas as pd  # noqa: PLC0415  # half of the start of a command that reads no table

    codes, distinct = pd.factorize(words)
    texts = np.empty(len(distinct), dtype=object)
    texts[:] = [_short_text(word) for word in distinct.tolist()]
    return texts[codes]


def _short_text(word: int) -> str | None:
    kind = word >> _KIND
    if word == _MISSING or kind == _LONG >> _KIND:
        return None
    content = word.to_bytes(_WORD, "little")
    if kind > _SHORT or any(content[kind:_SHORT]):
        raise _broken(_WORD)
    return _decoded(content[:kind])


def _put_long_texts(texts: npt.NDArray[np.object_], joined: bytes, starts: _Ints, lengths: _Ints) -> None:
    rows = np.flatnonzero(lengths)
    known: dict[bytes, str] = {}
    found = np.empty(len(rows), dtype=object)
    for number, (start, length) in enumerate(zip(starts[rows].tolist(), lengths[rows].tolist(), strict=True)):
        piece = joined[start : start + length]
        text = known.get(piece)
        if text is None:
            text = known[piece] = _decoded(piece)
        found[number] = text
    texts[rows] = found


def _decoded(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise _broken(len(content)) from error


def _require(sound: npt.NDArray[np.bool_], sizes: _Ints) -> None:
    if not sound.all():
        raise _broken(int(sizes[np.flatnonzero(~sound)[0]]))


def _broken(size: int) -> CorruptedError:
    return CorruptedError(f"a record of {size} bytes is not of this dataset's layout.", mend="Restore the segment.")
