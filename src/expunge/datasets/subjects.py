"""The subject column: reading ids as one kind, or naming the cells that are none."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from expunge.datasets.raw import RawColumn
from expunge.domain.subject import SubjectId, SubjectKind, parse_subject, subject_id
from expunge.errors import SubjectIdError

_PLAIN: Final = re.compile(r"0|-?[1-9][0-9]{0,18}")


def infer_subject_kind(raw: RawColumn) -> SubjectKind:
    """Return ``"int"`` where every id is a plain 64-bit integer, else ``"str"``.

    Plain: no leading zeros, no plus sign, no spaces; "007" names somebody else than "7". Typed text (in a data frame)
    is text even if it is made of digits.
    """
    if raw.typed:
        return "str" if any(isinstance(cell, str) for cell in raw.cells) else "int"
    return "int" if all(isinstance(cell, str) and _is_plain(cell) for cell in raw.cells) else "str"


def read_subjects(raw: RawColumn, kind: SubjectKind) -> list[SubjectId | SubjectIdError]:
    """Read every distinct cell as an id of this kind; an error stands where one is not.

    Whole numbers of a data frame are written out where the kind was declared to be ``"str"``.
    """
    return [_read(cell, kind) for cell in raw.cells]


def problems(raw: RawColumn, declared: SubjectKind | None) -> Iterator[tuple[int, str]]:
    """Yield (index of a distinct cell, what is wrong with it as an id of the declared or inferred kind)."""
    kind = declared or infer_subject_kind(raw)
    for index, (cell, subject) in enumerate(zip(raw.cells, read_subjects(raw, kind), strict=True)):
        if isinstance(subject, SubjectIdError):
            yield index, subject.problem.rstrip(".")
        elif declared is None and kind == "str" and isinstance(cell, int):
            yield index, f"subject id {cell} is an int, and others are text"


def _is_plain(cell: str) -> bool:
    return _PLAIN.fullmatch(cell) is not None and -(2**63) <= int(cell) < 2**63


def _read(cell: object, kind: SubjectKind) -> SubjectId | SubjectIdError:
    try:
        if not isinstance(cell, str):
            subject = subject_id(cell)
            return subject if kind == "int" else str(subject)
        if kind == "str" or _is_plain(cell):
            return parse_subject(cell, kind)
    except SubjectIdError as error:
        return error
    return SubjectIdError(f"subject id {cell!r} is no plain 64-bit integer.", mend="Declare the ids as text.")
