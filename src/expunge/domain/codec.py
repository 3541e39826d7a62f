"""Frozen dataclasses as JSON objects, read strictly: the class is the format.

Invariants
----------
- ``read(kind, write(value))`` is ``value``, and ``write(read(kind, json))`` is ``json``.
- Nothing unknown is skipped, nothing missing is filled in, nothing is converted: ``true`` is no integer.
- A fault is always an `EnvelopeFormatError` that names the field's path.

A field is a ``str``, ``int`` (0 to 2**53), ``bool``, enumeration, ``Literal`` or another such class; ``tuple[X, ...]``
is an array, ``dict[str, X]`` an object, ``X | None`` may be null, and ``Annotated[X, Form(...)]`` says more about it.
"""

from __future__ import annotations

import reprlib
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from expunge.errors import EnvelopeFormatError

_MAX_INT: Final = 2**53
_MEND: Final = "Ask the issuer for an unaltered copy."


@dataclass(frozen=True)
class Form:
    """What a field must look like beyond its type.

    Parameters
    ----------
    what : str
        Said when it does not, as in "is not a date".
    holds : callable
        Takes the value that was read; may raise ValueError instead of answering False.
    """

    what: str
    holds: Callable[[Any], object]


@dataclass(frozen=True)
class Spelled:
    """A field that is read by a function of its own, which takes the JSON value and the path."""

    read: Callable[[Any, str], Any]


def fault(path: str, what: str, value: object) -> EnvelopeFormatError:
    """Make the error for a field that is not as it must be; long values are cut."""
    return EnvelopeFormatError(f"{path or 'the document'} {what}: {reprlib.repr(value)}.", mend=_MEND)


def read(kind: Any, value: Any, path: str = "") -> Any:
    """Read a JSON value as `kind`.

    Parameters
    ----------
    kind : type
        As described above.
    value : JSON value
        As `json.loads` returns it.
    path : str
        Where the value stands, for messages.

    Raises
    ------
    EnvelopeFormatError
        For unknown and missing fields, and for wrong types.

    Examples
    --------
    >>> @dataclass(frozen=True)
    ... class Key:
    ...     store: str
    ...     version: int
    >>> read(Key, {"store": "file", "version": 3})
    Key(store='file', version=3)
    >>> read(Key, {"store": "file", "version": True}, "keys")
    Traceback (most recent call last):
        ...
    expunge.errors.EnvelopeFormatError: keys.version is not an integer: True. Ask the issuer for an unaltered copy.
    """
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _read_annotated(arguments[0], arguments[1:], value, path)
    if origin in {Union, UnionType}:
        return None if value is None else read(_other_than_none(arguments), value, path)
    if origin is tuple:
        items = _of_type(list, "is not an array", value, path)
        return tuple(read(arguments[0], item, f"{path}[{position}]") for position, item in enumerate(items))
    if origin is dict:
        entries = _of_type(dict, "is not an object", value, path)
        return {_text(key, path): read(arguments[1], item, f"{path}.{key}") for key, item in entries.items()}
    if origin is Literal or issubclass(kind, Enum):
        return _choice(kind, value, path)
    return _read_object(kind, value, path) if is_dataclass(kind) else _SCALARS[kind](value, path)


def write(value: Any) -> Any:
    """Return the JSON value of what `read` reads; a class with a ``to_dict`` of its own is asked for it."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple | list):
        return [write(item) for item in value]
    if isinstance(value, dict):
        return {key: write(item) for key, item in value.items()}
    if hasattr(value, "to_dict"):
        return value.to_dict()
    if is_dataclass(value):
        return {field.name: write(getattr(value, field.name)) for field in fields(value)}
    return value


def _read_annotated(kind: Any, notes: tuple[Any, ...], value: Any, path: str) -> Any:
    for note in notes:
        if isinstance(note, Spelled):
            return note.read(value, path)
    result = read(kind, value, path)
    for note in notes:
        try:
            holds = note.holds(result)
        except ValueError:
            holds = False
        if not holds:
            raise fault(path, note.what, value)
    return result


def _read_object(kind: Any, value: Any, path: str) -> Any:
    entries = _of_type(dict, "is not an object", value, path)
    kinds = _field_kinds(kind)
    for name in entries:
        if name not in kinds:
            raise fault(path, "has an unknown field", name)
    for name in kinds:
        if name not in entries:
            raise fault(path, "lacks a field", name)
    return kind(**{name: read(kinds[name], entries[name], f"{path}.{name}".lstrip(".")) for name in kinds})


@cache
def _field_kinds(kind: Any) -> dict[str, Any]:
    hints = get_type_hints(kind, include_extras=True)
    return {field.name: hints[field.name] for field in fields(kind)}


def _other_than_none(kinds: tuple[Any, ...]) -> Any:
    (kind,) = (kind for kind in kinds if kind is not NoneType)
    return kind


def _choice(kind: Any, value: Any, path: str) -> Any:
    choices = {choice.value: choice for choice in kind} if not get_args(kind) else {c: c for c in get_args(kind)}
    if not isinstance(value, str) or value not in choices:
        raise fault(path, f"is none of {', '.join(map(repr, choices))}", value)
    return choices[value]


def _of_type(kind: type, what: str, value: Any, path: str) -> Any:
    # The exact type: a bool is an int to Python.
    if type(value) is not kind:
        raise fault(path, what, value)
    return value


def _text(value: Any, path: str) -> str:
    text: str = _of_type(str, "is not a text", value, path)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise fault(path, "is not valid Unicode", value) from error
    return text


def _integer(value: Any, path: str) -> int:
    number: int = _of_type(int, "is not an integer", value, path)
    if not 0 <= number <= _MAX_INT:
        raise fault(path, "is not an integer from 0 to 2**53", value)
    return number


def _boolean(value: Any, path: str) -> bool:
    truth: bool = _of_type(bool, "is neither true nor false", value, path)
    return truth


_SCALARS: Final[dict[type, Callable[[Any, str], Any]]] = {str: _text, int: _integer, bool: _boolean}
