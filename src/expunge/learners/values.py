"""Single values as typed text, so that 1, 1.0, True and "1" stay four different things.

Categories, class labels and hyperparameters are kept, hashed and stored in this form: it survives JSON, sorts the
same on every machine, and two different values never share a spelling.

Invariants
----------
- `to_text` is injective over the values that it takes, and `from_text` undoes it.
- NumPy scalars equal Python's.
"""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, Final, TypeAlias

from expunge.errors import CorruptedError, InputError

Scalar: TypeAlias = bool | int | float | str | None

_MISSING_TYPES: Final = frozenset({"NAType", "NaTType"})


def is_missing(value: Any) -> bool:
    """Whether a cell holds nothing: None, NaN, ``pandas.NA`` or ``NaT``."""
    if isinstance(value, str):
        return False
    return (
        value is None or type(value).__name__ in _MISSING_TYPES or (isinstance(value, Real) and value != value)  # noqa: PLR0124  # NaN; an int may be too large for isnan
    )


def to_text(value: Any) -> str:
    """Spell a value with its type.

    Parameters
    ----------
    value : None, bool, int, float or str, or the NumPy scalar of one

    Raises
    ------
    InputError
        For values of other types, and for text that UTF-8 cannot hold.

    Examples
    --------
    >>> [to_text(value) for value in (1, 1.0, True, "1", None)]
    ['i:1', 'f:1.0', 'b:1', 's:1', 'n:']
    """
    if value is None:
        return "n:"
    if isinstance(value, str):
        return "s:" + _valid(str(value))
    if isinstance(value, bool) or type(value).__name__ == "bool":
        return f"b:{int(value)}"
    if isinstance(value, Integral):
        return f"i:{int(value)}"
    if isinstance(value, Real):
        return f"f:{float(value)!r}"
    raise InputError(
        f"value {value!r} is of type {type(value).__name__}.", mend="Give text, a number or a boolean per cell."
    )


def from_text(text: str) -> Scalar:
    """Read what `to_text` wrote.

    Raises
    ------
    CorruptedError
        Where the text is not such a spelling.
    """
    kind, colon, body = str(text).partition(":")
    try:
        if colon:
            match kind:
                case "n" if not body:
                    return None
                case "s":
                    return body
                case "b" if body in {"0", "1"}:
                    return body == "1"
                case "i":
                    return int(body)
                case "f":
                    return float(body)
    except ValueError as error:
        raise CorruptedError(f"{text!r} is not a typed value.", mend="Restore the file.") from error
    raise CorruptedError(f"{text!r} is not a typed value.", mend="Restore the file.")


def _valid(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InputError(f"text {text!r} is not valid Unicode.", mend="Repair the cell.") from error
    return text
