"""Signed heads of the audit log: C2SP tlog-checkpoint in a C2SP signed-note, with Ed25519.

::

    expunge.example/hospital            origin: the log's name, unique among logs
    12                                  number of entries
    qINS1GRFhWHwdkUeqLEoP4yEMkTBBzxBkGwGQlVlVcs=    root of the Merkle tree, base64
                                        (blank line)
    — expunge.example/hospital Az3grl...            base64(key hash, 4 bytes || signature, 64 bytes)

Invariants
----------
- A checkpoint has one spelling: `parse_checkpoint` accepts nothing that `sign_checkpoint` would not write.
- What is signed is the text up to and including the newline before the blank line (signed-note, "Signatures").

Narrower than the two specifications on purpose: no extension lines, and one signature, the log's own, under a name
equal to the origin. So every byte of a checkpoint is signed or recomputed.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from expunge.errors import EnvelopeFormatError, InputError, NotVerifiedError
from expunge.log.merkle import HASH_BYTES

_ED25519: Final = b"\x01"
"""Signature type of plain Ed25519 (signed-note, "Signature types")."""
_KEY_HASH_BYTES: Final = 4
_SIGNATURE_BYTES: Final = 64

# A name is not empty and holds neither white space nor "+" (signed-note, "Format"); nor what UTF-8 cannot hold.
_NAME: Final = r"[^\s+\x00-\x1f\x7f\ud800-\udfff]{1,255}"
# At most 18 digits: a log has fewer than 10**18 entries, and no reader stumbles over a huge number.
_SIZE: Final = r"0|[1-9][0-9]{0,17}"
_NOTE: Final = re.compile(
    rf"(?P<body>(?P<origin>{_NAME})\n(?P<size>{_SIZE})\n(?P<root>[A-Za-z0-9+/=]{{44}})\n)"
    rf"\n— (?P<name>{_NAME}) (?P<signature>[A-Za-z0-9+/=]+)\n"
)


@dataclass(frozen=True)
class Checkpoint:
    """The head of a log.

    Parameters
    ----------
    origin : str
        The log's name, unique among logs: a host name and a path, without white space and "+".
    size : int
        Number of entries.
    root : bytes
        Root of the Merkle tree over them, 32 bytes.
    """

    origin: str
    size: int
    root: bytes

    @property
    def body(self) -> str:
        """The text that is signed."""
        return f"{self.origin}\n{self.size}\n{_base64(self.root)}\n"


@dataclass(frozen=True)
class SignedCheckpoint:
    """A checkpoint and the signature under it, read but not yet verified.

    Parameters
    ----------
    checkpoint : Checkpoint
    key_hash : bytes
        4 bytes that say which key signed.
    signature : bytes
        64 bytes.
    """

    checkpoint: Checkpoint
    key_hash: bytes
    signature: bytes


def sign_checkpoint(checkpoint: Checkpoint, key: Ed25519PrivateKey) -> str:
    """Sign the head of a log.

    Parameters
    ----------
    checkpoint : Checkpoint
    key : Ed25519PrivateKey
        The log's key; not the one that signs certificates.

    Returns
    -------
    str
        The signed note.

    Raises
    ------
    InputError
        Where the origin, the size or the root cannot stand in a checkpoint.

    Examples
    --------
    >>> key = Ed25519PrivateKey.from_private_bytes(bytes(32))
    >>> note = sign_checkpoint(Checkpoint("expunge.example/hospital", 0, sha256(b"").digest()), key)
    >>> note.splitlines()[:3]
    ['expunge.example/hospital', '0', '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=']
    >>> verify_checkpoint(note, "expunge.example/hospital", key.public_key()).size
    0
    """
    if not re.fullmatch(_NAME, checkpoint.origin):
        raise InputError(
            f"a log cannot be called {checkpoint.origin!r}.",
            mend="Give it 1 to 255 characters without white space and '+'.",
        )
    if not re.fullmatch(_SIZE, str(checkpoint.size)) or len(checkpoint.root) != HASH_BYTES:
        raise InputError(
            f"a log of {checkpoint.size} entries with a root of {len(checkpoint.root)} bytes has no checkpoint.",
            mend=f"Give a size from 0 to 10**18 - 1 and a root of {HASH_BYTES} bytes.",
        )
    signature = key.sign(checkpoint.body.encode())
    signed = _base64(key_hash(checkpoint.origin, key.public_key()) + signature)
    return f"{checkpoint.body}\n— {checkpoint.origin} {signed}\n"


def parse_checkpoint(text: str) -> SignedCheckpoint:
    """Read a signed checkpoint without verifying its signature.

    Raises
    ------
    EnvelopeFormatError
        Where the text is not spelled as `sign_checkpoint` spells it.
    """
    match = _NOTE.fullmatch(text)
    if match is None:
        raise _misspelled("it is not an origin, a size, a root, a blank line and one signature line")
    if match["name"] != match["origin"]:
        raise _misspelled("its signature line names another log than its first line")
    root = _decode(match["root"], HASH_BYTES)
    signed = _decode(match["signature"], _KEY_HASH_BYTES + _SIGNATURE_BYTES)
    return SignedCheckpoint(
        Checkpoint(match["origin"], int(match["size"]), root), signed[:_KEY_HASH_BYTES], signed[_KEY_HASH_BYTES:]
    )


def verify_checkpoint(text: str, origin: str, key: Ed25519PublicKey) -> Checkpoint:
    """Read a signed checkpoint and verify that the log's key signed it.

    Parameters
    ----------
    text : str
        The signed note.
    origin : str
        Name of the log that it must come from.
    key : Ed25519PublicKey
        That log's key.

    Raises
    ------
    EnvelopeFormatError
        Where the text is no signed checkpoint.
    NotVerifiedError
        Where it is one of another log, or the key did not sign it.
    """
    signed = parse_checkpoint(text)
    if signed.checkpoint.origin != origin:
        raise NotVerifiedError(
            "checkpoint",
            f"it is of log {signed.checkpoint.origin!r}, not {origin!r}.",
            mend="Ask for the checkpoint of the right log.",
        )
    if signed.key_hash != key_hash(origin, key):
        raise NotVerifiedError(
            "checkpoint", "another key than the log's signed it.", mend="Do not trust it; ask who issued it."
        )
    try:
        key.verify(signed.signature, signed.checkpoint.body.encode())
    except InvalidSignature as error:
        raise NotVerifiedError(
            "checkpoint", "its signature is false.", mend="Do not trust it; ask the issuer for an unaltered copy."
        ) from error
    return signed.checkpoint


def key_hash(name: str, key: Ed25519PublicKey) -> bytes:
    """Return a key's id in notes, 4 bytes (signed-note, "Signatures").

    SHA-256(name || 0x0A || signature type || public key), cut.
    """
    return sha256(name.encode() + b"\n" + _ED25519 + key.public_bytes_raw()).digest()[:_KEY_HASH_BYTES]


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _decode(text: str, size: int) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise _misspelled(f"{text[:60]!r} is not base64") from error
    if len(data) != size or _base64(data) != text:
        raise _misspelled(f"{text[:60]!r} is not the base64 of {size} bytes")
    return data


def _misspelled(what: str) -> EnvelopeFormatError:
    return EnvelopeFormatError(
        f"checkpoint: {what}.", mend="Ask the issuer for an unaltered copy; a checkpoint has one spelling only."
    )
