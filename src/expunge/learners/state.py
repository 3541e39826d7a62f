"""Training states as bytes: versioned, deterministic, never executed. Personal data: encrypt them.

::

    magic | SHA-256 of the rest (32) | u64 length of header | header: canonical JSON | arrays, little-endian, C order

The header names the learner, its hyperparameters, its schema, its learned digest and its arrays. Only the canonical
part of a state is written (`Learner.to_parts`: rows, and sums of them that are exact integers): caches are personal
data too, and are rebuilt (RESEARCH trap 2). So the bytes after a forget are those of a refit. The key is never written;
hand it to `load` again.
"""

from __future__ import annotations

import hashlib
import json
import math
import struct
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from expunge.domain.digest import canonical_json
from expunge.domain.schema import Schema
from expunge.domain.subject import SubjectId
from expunge.errors import CorruptedError, ExpungeError
from expunge.learners.registry import learner_class
from expunge.learners.values import from_text, to_text

if TYPE_CHECKING:
    from expunge.learners.base import Arrays, Learner

MAGIC: Final = b"expunge learner state 1\n"
DTYPES: Final = ("<f8", "<i4", "<i8", "|u1")

_LENGTH: Final = struct.Struct("<Q")
_DIGEST_BYTES: Final = 32
_MEND: Final = "Restore the state, or train again."


def dump(learner: Learner) -> bytes:
    """Write the canonical part of a fitted learner's state.

    Returns
    -------
    bytes
        Equal for equal (records, schema, hyperparameters), whatever the order of rows or of forgetting.

    Examples
    --------
    >>> from expunge.learners.exact import RidgeClassifier
    >>> learner = RidgeClassifier().fit([[0.0], [1.0], [2.0]], [0, 1, 1])
    >>> again = load(dump(learner))
    >>> again.digest() == learner.digest()
    True
    """
    meta, arrays = learner.to_parts()
    schema = learner.get_params(deep=False)["schema"]
    plain = {name: _little(array) for name, array in sorted(arrays.items())}
    header = canonical_json(
        {
            "learner": type(learner).__name__,
            "hyperparameters": {name: to_text(value) for name, value in learner.plain_params().items()},
            "schema": None if schema is None else schema.to_dict(),
            "digest": learner.digest(),
            "meta": meta,
            "arrays": [[name, array.dtype.str, list(array.shape)] for name, array in plain.items()],
        }
    )
    body = b"".join([_LENGTH.pack(len(header)), header, *(array.tobytes() for array in plain.values())])
    return MAGIC + hashlib.sha256(body).digest() + body


def load(data: bytes, *, key: bytes | None = None, cls: type[Learner] | None = None) -> Learner:
    """Read what `dump` wrote; the learner can go on forgetting.

    Parameters
    ----------
    data : bytes
    key : bytes or None
        The key that the learner was made with, if any.
    cls : type or None
        The class, where it is not registered (see `expunge.learners.registry`); no other is ever imported.

    Raises
    ------
    CorruptedError
        Where the bytes are not a state, or do not give the digest that they state.
    NotFoundError
        Where no learner of that name is registered.
    """
    header, rest = _opened(data)
    try:
        name, expected, meta = str(header["learner"]), str(header["digest"]), dict(header["meta"])
        params = {str(param): from_text(text) for param, text in dict(header["hyperparameters"]).items()}
        schema = None if header["schema"] is None else Schema.from_dict(header["schema"])
        arrays = _arrays(list(header["arrays"]), rest)
    except (KeyError, TypeError, ValueError) as error:
        raise _undescribed(error) from error
    if cls is None:
        cls = learner_class(name)
    if cls.__name__ != name:
        raise CorruptedError(f"this is the state of a {name}, not of a {cls.__name__}.", mend="Give the right class.")
    try:
        learner = cls.from_plain(params, schema=schema, key=key)
    except (TypeError, KeyError) as error:
        raise CorruptedError(f"a {name} takes other parameters ({error}).", mend=_MEND) from error
    learner.restore(meta, arrays)
    if learner.digest() != expected:
        raise CorruptedError("the restored state has another digest than it was written with.", mend=_MEND)
    return learner


def subjects_held(data: bytes) -> list[SubjectId]:
    """Return who is in a state that `dump` wrote, by its bytes: where the learner can tell, nothing is learned again.

    Raises
    ------
    CorruptedError, NotFoundError
        As `load`.
    """
    header, rest = _opened(data)
    try:
        cls = learner_class(str(header["learner"]))
        found = cls.subjects_in(dict(header["meta"]), _arrays(list(header["arrays"]), rest))
    except (KeyError, TypeError, ValueError) as error:
        raise _undescribed(error) from error
    return load(data).subjects_held() if found is None else found


def _undescribed(error: Exception) -> CorruptedError:
    return CorruptedError(f"the state's header does not describe one ({error!r}).", mend=_MEND)


def _opened(data: bytes) -> tuple[dict[str, Any], memoryview]:
    start = len(MAGIC) + _DIGEST_BYTES
    body = memoryview(data)[start:]
    if data[: len(MAGIC)] != MAGIC or len(body) < _LENGTH.size:
        raise CorruptedError("these bytes are not a learner's state of format 1.", mend=_MEND)
    if hashlib.sha256(body).digest() != data[len(MAGIC) : start]:
        raise CorruptedError("the state's bytes are not those that were written.", mend=_MEND)
    (length,) = _LENGTH.unpack(body[: _LENGTH.size])
    try:
        header = json.loads(bytes(body[_LENGTH.size : _LENGTH.size + length]))
    except (ValueError, RecursionError) as error:
        raise CorruptedError(f"the state's header is not JSON ({error}).", mend=_MEND) from error
    if not isinstance(header, dict):
        raise CorruptedError("the state's header is not an object.", mend=_MEND)
    return header, body[_LENGTH.size + length :]


def _arrays(listed: list[Any], rest: memoryview) -> Arrays:
    found: Arrays = {}
    for name, dtype, shape in listed:
        if dtype not in DTYPES or not all(isinstance(side, int) and side >= 0 for side in shape):
            raise CorruptedError(f"array {name!r} has no sound type or shape.", mend=_MEND)
        size = np.dtype(dtype).itemsize * math.prod(shape)
        if size > len(rest):
            raise CorruptedError(f"array {name!r} is cut off.", mend=_MEND)
        found[str(name)] = (
            np.frombuffer(rest[:size], dtype=dtype).reshape(shape).astype(np.dtype(dtype).newbyteorder("="))
        )
        rest = rest[size:]
    if len(rest):
        raise CorruptedError(f"{len(rest)} bytes are left over.", mend=_MEND)
    return found


def _little(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    if little.dtype.str not in DTYPES:
        raise ExpungeError(f"arrays of {array.dtype} are not saved.", mend=f"Return one of {DTYPES} from to_parts().")
    return little
