"""JSON with one spelling, and base64 with one spelling.

Invariants
----------
- Bytes come in, and an `EnvelopeFormatError` goes out, or a JSON value without floats, without duplicate keys and
  without integers beyond 16 digits. Nothing else is ever raised, whatever the bytes.
- `same_bytes` is called on everything that is read: a document that is not spelled as we spell it is refused, so that
  every byte of it counts.
"""

from __future__ import annotations

import base64
import json
import reprlib
from typing import Any, Final, NoReturn

from expunge.errors import EnvelopeFormatError

_MAX_DIGITS: Final = 16


def load_json(data: bytes, what: str) -> Any:
    """Read JSON from UTF-8, strictly (RFC 8259, and RFC 7493 section 2: no duplicate names).

    Parameters
    ----------
    data : bytes
    what : str
        Name of the document, for messages.

    Raises
    ------
    EnvelopeFormatError
        For anything that is not JSON of the kind described above.

    Examples
    --------
    >>> load_json(b'{"a": [1, null]}', "this")
    {'a': [1, None]}
    >>> load_json(b'{"a": 1, "a": 2}', "this")
    Traceback (most recent call last):
        ...
    expunge.errors.EnvelopeFormatError: this is not strict JSON: name 'a' stands twice. \
Ask the issuer for an unaltered copy.
    """
    try:
        return json.loads(
            data.decode(),
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_no_number,
            parse_constant=_no_number,
        )
    except RecursionError as error:
        raise refusal(what, "is not strict JSON: it is nested too deeply") from error
    except UnicodeDecodeError as error:
        raise refusal(what, f"is not UTF-8 at byte {error.start}") from error
    except ValueError as error:
        raise refusal(what, f"is not strict JSON: {error}") from error


def same_bytes(data: bytes, canonical: bytes, what: str) -> None:
    """Refuse a document whose bytes are not its canonical ones.

    Raises
    ------
    EnvelopeFormatError
        Naming the first byte that differs.
    """
    if data != canonical:
        pairs = enumerate(zip(data, canonical, strict=False))
        position = next((at for at, (one, other) in pairs if one != other), min(len(data), len(canonical)))
        raise refusal(what, f"is not spelled canonically from byte {position} on")


def decode_base64(text: str, what: str) -> bytes:
    """Decode standard base64 that is spelled as an encoder spells it (RFC 4648 sections 3.5 and 4).

    Raises
    ------
    EnvelopeFormatError
        For stray characters, wrong padding and unused bits that are set.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise refusal(what, f"is not base64: {error}") from error
    if base64.b64encode(data).decode() != text:
        raise refusal(what, "is not canonical base64")
    return data


def refusal(what: str, problem: str) -> EnvelopeFormatError:
    """Make the error for a document that is no certificate."""
    return EnvelopeFormatError(f"{what} {problem}.", mend="Ask the issuer for an unaltered copy.")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entries: dict[str, Any] = {}
    for name, value in pairs:
        if name in entries:
            raise ValueError(f"name {reprlib.repr(name)} stands twice")
        entries[name] = value
    return entries


def _integer(text: str) -> int:
    if len(text) > _MAX_DIGITS:
        raise ValueError(f"a number has {len(text)} digits")
    return int(text)


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{reprlib.repr(text)} is no integer")
