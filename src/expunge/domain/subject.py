"""Subject ids: the people in the data.

Invariants
----------
- An id is an ``int`` or a ``str``; 7 is not "7". NumPy integers and strings equal Python's.
- Floats and booleans are refused: 7.0 and True compare equal to ints and would merge people.
- `subject_bytes` is injective over ids of both kinds.
- `spelling` is not, on purpose: it is the same however a file spells one id.
"""

from __future__ import annotations

import operator
import unicodedata
from typing import Literal, TypeAlias

from expunge.errors import SubjectIdError

SubjectId: TypeAlias = int | str
SubjectKind: TypeAlias = Literal["int", "str"]

_MEND = "Give an int or a non-empty str."
_INT64 = range(-(2**63), 2**63)
_MOST_DIGITS = 19


def subject_id(value: object) -> SubjectId:
    """Return a plain Python id, or refuse it.

    Parameters
    ----------
    value : int, str or their NumPy scalars

    Returns
    -------
    int or str

    Raises
    ------
    SubjectIdError
        For floats, booleans, empty strings, text that UTF-8 cannot hold, and integers beyond 64 bits.

    Examples
    --------
    >>> subject_id(7), subject_id("7")
    (7, '7')
    >>> subject_id(7.0)
    Traceback (most recent call last):
        ...
    expunge.errors.SubjectIdError: subject id 7.0 is a float. Give an int or a non-empty str.
    """
    if isinstance(value, str):
        text = str(value)
        if not text:
            raise SubjectIdError("subject id '' is empty.", mend=_MEND)
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise SubjectIdError(f"subject id {text!r} is not valid Unicode.", mend=_MEND) from error
        return text
    kind = type(value).__name__
    if kind in {"bool", "bool_"} or not hasattr(value, "__index__"):
        article = "an" if kind[0] in "aeiou" else "a"
        raise SubjectIdError(f"subject id {value!r} is {article} {kind}.", mend=_MEND)
    number = operator.index(value)
    if number not in _INT64:
        raise SubjectIdError(f"subject id {number} is beyond 64 bits.", mend="Use a str for such ids.")
    return number


def subject_kind(subject: SubjectId) -> SubjectKind:
    """Return the kind of an id: ``"int"`` or ``"str"``."""
    return "str" if isinstance(subject, str) else "int"


def parse_subject(text: str, kind: SubjectKind) -> SubjectId:
    """Read an id that was typed on a command line, by the kind that the schema fixes.

    Raises
    ------
    SubjectIdError
        Where the kind is ``int`` and the text is not a plain decimal integer.

    Examples
    --------
    >>> parse_subject("7", "int"), parse_subject("7", "str")
    (7, '7')
    """
    if kind == "str":
        return subject_id(text)
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= _MOST_DIGITS):
        raise SubjectIdError(
            f"subject id {text!r} is not an integer of 64 bits, and this data's subjects are.",
            mend="Give it in plain digits.",
        )
    return subject_id(int(text))


def subject_bytes(subject: SubjectId) -> bytes:
    """Encode an id with its type, so that 7 and "7" differ.

    Examples
    --------
    >>> subject_bytes(7), subject_bytes("7")
    (b'i7', b's7')
    """
    return b"s" + subject.encode() if isinstance(subject, str) else b"i%d" % subject


def spelling(subject: SubjectId) -> str:
    """Return the one spelling under which an id is known again in another file (ADR 22).

    Text without the white space around it, in Unicode's composed form (NFC); an integer in plain decimal digits. So 7,
    "7" and " 7 " are one; "007" is somebody else, as everywhere in this software, and so is another case of a letter.

    Examples
    --------
    >>> spelling(7), spelling(" 7 "), spelling("007"), spelling("Gru\u0308n") == "Gr\u00fcn"
    ('7', '7', '007', True)
    """
    return unicodedata.normalize("NFC", str(subject).strip())
