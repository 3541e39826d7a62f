"""The binary layout of one subject's rows: what lies inside one ciphertext.

::

    u32 rows | u32 columns | u32 bytes of subject id | u32 zero
    subject id, typed (see `subject_bytes`), padded with zeros to a multiple of 8
    rows x columns cells of 8 bytes, row-major:
        number  IEEE 754 binary64, little-endian; a missing one is NaN
        text    u32 offset into the heap | u32 length in bytes; a missing one has length 2**32 - 1
    heap: UTF-8, every text right behind the one before

Every row has the same width and every text lies in its own subject's ciphertext: there is no dictionary shared
between people that would have to forget.
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

_HEADER: Final = struct.Struct("<IIII")
_MISSING: Final = 2**32 - 1


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
    cells = np.zeros((len(order), len(layout)), dtype="<u8")
    texts = [index for index, (_, cell) in enumerate(layout) if cell == "text"]
    lengths = np.zeros((len(order), len(texts)), dtype=np.int64)
    heaps: list[list[bytes]] = []
    for index, (name, cell) in enumerate(layout):
        values = np.asarray(columns[name])[order]
        if cell == "number":
            cells[:, index] = np.ascontiguousarray(values, dtype="<f8").view("<u8")
        else:
            heaps.append(_utf8(values))
            lengths[:, len(heaps) - 1] = [len(text) for text in heaps[-1]]
            cells[:, index] = [_MISSING if value is None else 0 for value in values.tolist()]
    # All texts stand row by row in one heap, so that each subject's part of it is one slice.
    heap = b"".join(text for row in zip(*heaps, strict=True) for text in row)
    ends = np.concatenate([[0], np.cumsum(lengths.ravel())])
    heap_bounds = ends[bounds * len(texts)]
    shift = np.repeat(heap_bounds[:-1], np.diff(bounds))
    for position, index in enumerate(texts):
        start = (ends[:-1].reshape(lengths.shape)[:, position] - shift).astype(np.uint64)
        length = np.where(cells[:, index] == _MISSING, cells[:, index], lengths[:, position].astype(np.uint64))
        cells[:, index] = start | (length << np.uint64(32))
    block, width = cells.tobytes(), 8 * len(layout)
    for number, owner in enumerate(owners):
        low, high = int(bounds[number]), int(bounds[number + 1])
        name_bytes = subject_bytes(owner)
        header = _HEADER.pack(high - low, len(layout), len(name_bytes), 0) + _padded(name_bytes)
        own_heap = heap[heap_bounds[number] : heap_bounds[number + 1]]
        yield owner, high - low, header + block[low * width : high * width] + own_heap


def decode(layout: Layout, plaintexts: Sequence[bytes]) -> Rows:
    """Read plaintexts back into rows, in the order given.

    Raises
    ------
    CorruptedError
        Where a plaintext is not what `encode` makes of this layout.
    """
    subjects: list[SubjectId] = []
    blocks: list[npt.NDArray[np.uint64]] = []
    heaps: list[bytes] = []
    shifts: list[int] = []
    shift = 0
    for plaintext in plaintexts:
        owner, block, heap = _split(plaintext, len(layout))
        subjects.extend([owner] * len(block))
        blocks.append(block)
        heaps.append(heap)
        shifts.extend([shift] * len(block))
        shift += len(heap)
    cells = np.concatenate(blocks) if blocks else np.zeros((0, len(layout)), dtype="<u8")
    heap_bytes = b"".join(heaps)
    base = np.array(shifts, dtype=np.int64)
    columns: dict[str, npt.NDArray[Any]] = {}
    _check_heap(cells[:, [cell == "text" for _, cell in layout]], base, len(heap_bytes))
    for index, (name, cell) in enumerate(layout):
        column = np.ascontiguousarray(cells[:, index])
        columns[name] = column.view("<f8").copy() if cell == "number" else _texts(column, base, heap_bytes)
    return Rows(subjects, columns)


def _grouped(subjects: Sequence[SubjectId]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], list[SubjectId]]:
    """Order rows by subject, stably: the order, the bounds of each subject's rows in it, and who they are."""
    number: dict[SubjectId, int] = {}
    codes = np.fromiter((number.setdefault(subject, len(number)) for subject in subjects), np.int64, len(subjects))
    order = np.argsort(codes, kind="stable")
    return order, np.searchsorted(codes[order], np.arange(len(number) + 1)), list(number)


def _utf8(values: npt.NDArray[Any]) -> list[bytes]:
    known: dict[Any, bytes] = {None: b""}
    encoded = []
    for value in values.tolist():
        text = known.get(value)
        if text is None:
            text = known[value] = value.encode()
        encoded.append(text)
    return encoded


def _padded(name: bytes) -> bytes:
    return name + b"\0" * (-len(name) % 8)


def _broken(size: int) -> CorruptedError:
    return CorruptedError(f"a record of {size} bytes is not of this dataset's layout.", mend="Restore the segment.")


def _split(plaintext: bytes, n_columns: int) -> tuple[SubjectId, npt.NDArray[np.uint64], bytes]:
    if len(plaintext) < _HEADER.size:
        raise _broken(len(plaintext))
    n_rows, width, n_name, zero = _HEADER.unpack_from(plaintext)
    cells = _HEADER.size + n_name + (-n_name % 8)
    heap = cells + 8 * n_rows * n_columns
    if width != n_columns or zero or not n_rows or heap > len(plaintext):
        raise _broken(len(plaintext))
    name = plaintext[_HEADER.size : _HEADER.size + n_name]
    try:
        body = name[1:].decode()
        owner = subject_id(int(body) if name[:1] == b"i" else body)
    except ValueError as error:
        raise _broken(len(plaintext)) from error
    if _padded(subject_bytes(owner)) != plaintext[_HEADER.size : cells]:
        raise _broken(len(plaintext))
    block = np.frombuffer(plaintext, dtype="<u8", count=n_rows * n_columns, offset=cells)
    return owner, block.reshape(n_rows, n_columns), plaintext[heap:]


def _check_heap(texts: npt.NDArray[np.uint64], base: npt.NDArray[np.int64], size: int) -> None:
    """Refuse texts that do not stand end to end, row by row, in their own subjects' heaps."""
    lengths = (texts >> np.uint64(32)).astype(np.int64)
    lengths[lengths == _MISSING] = 0
    ends = np.cumsum(lengths.ravel())
    starts = (texts & np.uint64(0xFFFFFFFF)).astype(np.int64) + base[:, np.newaxis]
    if not np.array_equal(starts, ends.reshape(lengths.shape) - lengths) or (ends[-1] if len(ends) else 0) != size:
        raise _broken(size)


def _texts(column: npt.NDArray[np.uint64], base: npt.NDArray[np.int64], heap: bytes) -> npt.NDArray[np.object_]:
    lengths = (column >> np.uint64(32)).astype(np.int64)
    starts = (column & np.uint64(0xFFFFFFFF)).astype(np.int64) + base
    known: dict[bytes, str] = {}
    texts = np.empty(len(column), dtype=object)
    for row, (start, length) in enumerate(zip(starts.tolist(), lengths.tolist(), strict=True)):
        if length != _MISSING:
            piece = heap[start : start + length]
            text = known.get(piece)
            if text is None:
                try:
                    text = known[piece] = piece.decode()
                except UnicodeDecodeError as error:
                    raise _broken(len(heap)) from error
            texts[row] = text
    return texts
