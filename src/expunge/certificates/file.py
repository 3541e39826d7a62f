"""The certificate file: the signed envelope, and beside it the proof that the audit log holds it.

::

    {"envelope": {"payload": base64, "payloadType": ..., "signatures": [{"keyid": hex, "sig": base64}]},
     "log": {"checkpoint": signed note, "entry": canonical JSON, "inclusion": [hex, ...], "index": int, "size": int}}

Invariants
----------
- A certificate has one spelling: JSON with sorted names, an indent of two, ASCII only (mail and editors leave it
  alone) and a newline at the end. `read_file` refuses any other bytes.
- One signature. Base64 is canonical.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, Literal

from expunge.certificates.strict import decode_base64, load_json, refusal, same_bytes
from expunge.domain.certificate import Hex
from expunge.domain.codec import read, write
from expunge.domain.digest import canonical_json

MAX_BYTES: Final = 10_000_000
_SIGNATURE_BYTES: Final = 64
_WHAT: Final = "the file"


@dataclass(frozen=True)
class Signature:
    """One DSSE signature: fingerprint of the key, and 64 bytes in base64."""

    keyid: Hex
    sig: str


@dataclass(frozen=True)
class SignedEnvelope:
    """A DSSE envelope (DSSE v1, "Envelope"); `payload` is base64."""

    payload: str
    payloadType: Literal["application/vnd.in-toto+json"]  # noqa: N815 - the name that DSSE gives it
    signatures: tuple[Signature, ...]


@dataclass(frozen=True)
class LogProof:
    """Where the audit log holds the certificate.

    Parameters
    ----------
    checkpoint : str
        Signed head of the log (`expunge.log.checkpoint`).
    entry : str
        The entry, as canonical JSON.
    inclusion : tuple of str
        Inclusion proof, hashes in hex from the bottom up (`expunge.log.merkle`).
    index, size : int
        Position of the entry, counted from 0, and number of entries in the tree of the checkpoint.
    """

    checkpoint: str
    entry: str
    inclusion: tuple[Hex, ...]
    index: int
    size: int


@dataclass(frozen=True)
class CertificateFile:
    """What stands in the file, read but not yet verified."""

    envelope: SignedEnvelope
    log: LogProof

    @property
    def payload(self) -> bytes:
        """The bytes that are signed."""
        return decode_base64(self.envelope.payload, "the payload")


def write_file(
    envelope: Mapping[str, Any],
    *,
    entry: bytes,
    index: int,
    inclusion: Sequence[bytes],
    size: int,
    checkpoint: str,
) -> bytes:
    """Return the bytes of a certificate file.

    Parameters
    ----------
    envelope : mapping
        What `expunge.certificates.sign` returned.
    entry : bytes
        The log's entry, as `log_entry` makes it.
    index : int
        Its position in the log, counted from 0.
    inclusion : sequence of bytes
        Its inclusion proof in the tree of `size` entries.
    size : int
    checkpoint : str
        The log's signed head at that size.

    Raises
    ------
    EnvelopeFormatError
        Where one of them is malformed.
    """
    log = LogProof(checkpoint, entry.decode(), tuple(step.hex() for step in inclusion), index, size)
    data = _spelled({"envelope": dict(envelope), "log": write(log)})
    read_file(data)
    return data


def read_file(data: bytes) -> CertificateFile:
    """Read a certificate file, verifying nothing but its form.

    Raises
    ------
    EnvelopeFormatError
        Where the bytes are not exactly those that `write_file` writes.
    """
    if len(data) > MAX_BYTES:
        raise refusal(_WHAT, f"is larger than a certificate can be ({MAX_BYTES // 10**6} MB)")
    file: CertificateFile = read(CertificateFile, load_json(data, _WHAT))
    same_bytes(data, _spelled(write(file)), _WHAT)
    decode_base64(file.envelope.payload, "the payload")
    if len(file.envelope.signatures) != 1:
        raise refusal(_WHAT, f"has {len(file.envelope.signatures)} signatures, not one")
    if len(decode_base64(file.envelope.signatures[0].sig, "the signature")) != _SIGNATURE_BYTES:
        raise refusal("the signature", f"has not {_SIGNATURE_BYTES} bytes")
    return file


def envelope_sha256(envelope: Mapping[str, Any]) -> str:
    """Return the SHA-256 of the envelope's canonical JSON: what the log keeps of a certificate, 64 hex characters."""
    return sha256(canonical_json(dict(envelope))).hexdigest()


def log_entry(certificate: str, envelope: Mapping[str, Any], *, at: str, actor: str) -> bytes:
    """Return the entry that the audit log keeps for a certificate, as canonical JSON.

    Examples
    --------
    >>> log_entry("C-1", {}, at="2026-11-02T09:30:00Z", actor="owner")[:50]
    b'{"actor":"owner","at":"2026-11-02T09:30:00Z","cert'
    """
    return canonical_json(
        {
            "event": "certificate",
            "certificate": certificate,
            "sha256": envelope_sha256(envelope),
            "at": at,
            "actor": actor,
        }
    )


def _spelled(value: Any) -> bytes:
    return (json.dumps(value, sort_keys=True, indent=2, ensure_ascii=True, allow_nan=False) + "\n").encode()
