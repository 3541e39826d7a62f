"""Digests, commitments and the one canonical JSON that everything is hashed and signed as.

Three digests, never mixed (DESIGN section 1): **learned** (what a model learned), **members** (whose records an
object holds; see `expunge.log.sparse`) and **served** (the bytes of the artefact that predicts).
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable
from typing import Any, Final

from expunge.domain.subject import SubjectId, subject_bytes

DIGEST_BYTES: Final = 32
_SALT_LENGTH: Final = DIGEST_BYTES.to_bytes(8, "big")


def canonical_json(value: Any) -> bytes:
    r"""Serialise to the one spelling that is hashed and signed.

    Keys sorted, no white space, UTF-8, no floats: figures travel as decimal strings, so that no machine
    can spell a number another way.

    Parameters
    ----------
    value : dict, list, tuple, str, int, bool or None, nested

    Raises
    ------
    TypeError
        For floats, non-string keys and anything that is not JSON. A programming fault, hence not an `InputError`.

    Examples
    --------
    >>> canonical_json({"b": [1, None], "a": "é"})
    b'{"a":"\xc3\xa9","b":[1,null]}'
    """
    _refuse_floats(value)
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def _refuse_floats(value: Any) -> None:
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise TypeError(f"canonical JSON takes no key {key!r}")
            _refuse_floats(item)
    elif isinstance(value, list | tuple):
        for item in value:
            _refuse_floats(item)
    elif not isinstance(value, str | int | None):
        raise TypeError(f"canonical JSON takes no {type(value).__name__}: {value!r}")


def learned_digest(meta: Any, arrays: Iterable[tuple[str, tuple[int, ...], bytes]]) -> str:
    """SHA-256 over what a model learned: 64 hex characters, the same on every machine.

    Parameters
    ----------
    meta : JSON value
        Format version, hyperparameters, schema and the like, as `canonical_json` takes it.
    arrays : iterable of (name, shape, data)
        Integer arrays as little-endian 64-bit two's complement bytes in C order.

    Notes
    -----
    Every part is length-prefixed, so no two different inputs hash as the same bytes.
    """
    digest = hashlib.sha256(b"expunge learned digest v1\n")
    _feed(digest, canonical_json(meta))
    for name, shape, data in arrays:
        _feed(digest, canonical_json([name, list(shape)]))
        _feed(digest, data)
    return digest.hexdigest()


def composed_digest(tag: str, parts: Iterable[str]) -> str:
    """Digest of a composition: its tag, and its parts' digests in order."""
    digest = hashlib.sha256(b"expunge composed digest v1\n")
    _feed(digest, tag.encode())
    for part in parts:
        _feed(digest, bytes.fromhex(part))
    return digest.hexdigest()


def commitment(salt: bytes, object_id: str, subject: SubjectId) -> bytes:
    """Commit to a subject's membership of an object: SHA-256(salt, object id, typed subject id).

    Hiding while the salt (32 random bytes) is secret, and for ever once it is destroyed.
    """
    if len(salt) != DIGEST_BYTES:
        raise TypeError(f"a salt has {DIGEST_BYTES} bytes, not {len(salt)}")
    # As `_feed` would, in one call: this is done for everybody in every object.
    holder, who = object_id.encode(), subject_bytes(subject)
    return hashlib.sha256(
        b"expunge commitment v1\n%b%b%b%b%b%b"
        % (_SALT_LENGTH, salt, len(holder).to_bytes(8, "big"), holder, len(who).to_bytes(8, "big"), who)
    ).digest()


def blinded(nonce: bytes, digest: str) -> str:
    """HMAC-SHA256(nonce, digest): what leaves the workspace in a digest's place (DESIGN promise 7).

    A digest in clear is an oracle: whoever holds all remaining rows can guess the missing one, refit and
    compare. Without the 256-bit nonce there is nothing to compare with.
    """
    if len(nonce) != DIGEST_BYTES:
        raise TypeError(f"a nonce has {DIGEST_BYTES} bytes, not {len(nonce)}")
    return hmac.new(nonce, bytes.fromhex(digest), hashlib.sha256).hexdigest()


def _feed(digest: hashlib._Hash, part: bytes) -> None:
    digest.update(len(part).to_bytes(8, "big"))
    digest.update(part)
