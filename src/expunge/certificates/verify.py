"""Verifying a certificate, offline and without the numerical stack.

Invariants
----------
- `verify` returns only if every one of `CHECKS` passed; it raises `EnvelopeFormatError` or `NotVerifiedError`, and
  nothing else, whatever the bytes of the certificate.
- Every byte of the file is signed or recomputed.
- Nothing of the payload is read before its signature is verified.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import Signature  # type: ignore[attr-defined]  # re-exported, without saying so

from expunge.certificates.file import MAX_BYTES, CertificateFile, envelope_sha256, read_file
from expunge.certificates.keys import fingerprint, load_public_key, read_pem
from expunge.certificates.sign import sslib_key
from expunge.certificates.statement import contradictions, members_faults, parse
from expunge.certificates.strict import decode_base64, load_json, refusal, same_bytes
from expunge.domain.certificate import Statement
from expunge.domain.codec import read, write
from expunge.domain.digest import canonical_json
from expunge.errors import EnvelopeFormatError, NotFoundError, NotVerifiedError
from expunge.log.checkpoint import Checkpoint, parse_checkpoint, verify_checkpoint
from expunge.log.merkle import leaf_hash, verify_inclusion

CHECKS: Final = ("file", "signature", "statement", "members", "log entry", "inclusion", "checkpoint")
"""What is checked, in this order."""


@dataclass(frozen=True)
class Verified:
    """A certificate that holds.

    Parameters
    ----------
    statement : Statement
    checks : tuple of str
        Names of the checks that passed, in order: all of `CHECKS`.
    checkpoint : Checkpoint
        Head of the log that holds it. Keep it: a later one must be consistent with it.
    """

    statement: Statement
    checks: tuple[str, ...]
    checkpoint: Checkpoint


def verify(data: bytes, public_pem: bytes) -> Verified:
    """Verify a certificate.

    Parameters
    ----------
    data : bytes
        The certificate file, byte for byte.
    public_pem : bytes
        The issuer's public key, which came by another way than the certificate.

    Returns
    -------
    Verified

    Raises
    ------
    EnvelopeFormatError
        Where the bytes are not a certificate at all.
    NotVerifiedError
        Where they are, and it is not true; `check` names the first check that failed.
    InputError
        Where `public_pem` is no Ed25519 public key.
    """
    key = load_public_key(public_pem)
    with _named("file"):
        file = read_file(data)
    _verify_signature(file, key)
    with _named("statement"):
        statement = parse(file.payload)
    for place, what in contradictions(statement):
        raise _false("statement", f"{place}: {what}")
    for copy in statement.copies:
        for what in members_faults(copy):
            raise _false("members", f"{copy.object}: {what}")
    with _named("log entry"):
        _verify_entry(file, statement)
    with _named("checkpoint"):
        head = parse_checkpoint(file.log.checkpoint).checkpoint
    _verify_inclusion(file, head)
    log_key = Ed25519PublicKey.from_public_bytes(base64.b64decode(statement.log.public_key))
    return Verified(statement, CHECKS, verify_checkpoint(file.log.checkpoint, statement.log.origin, log_key))


def verify_file(path: Path, key_path: Path) -> Verified:
    """Verify a certificate file with the issuer's public key file; see `verify`.

    Of a file that is too large, no more is read than shows that it is.

    Raises
    ------
    NotFoundError
        Where the certificate cannot be read.
    """
    public_pem = read_pem(key_path)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise NotFoundError(f"certificate {path} cannot be read: {error.strerror}.", mend="Check the path.") from error
    return verify(data, public_pem)


def _verify_signature(file: CertificateFile, key: Ed25519PublicKey) -> None:
    (signature,) = file.envelope.signatures
    if signature.keyid != fingerprint(key):
        raise NotVerifiedError(
            "signature",
            f"key {signature.keyid[:16]}… signed it, and the key given is {fingerprint(key)[:16]}….",
            mend="Give the issuer's own public key; if you did, the certificate is not the issuer's.",
        )
    signed = Signature(signature.keyid, decode_base64(signature.sig, "the signature").hex())
    try:
        Envelope(file.payload, file.envelope.payloadType, {signed.keyid: signed}).verify([sslib_key(key)], 1)
    except VerificationError as error:
        raise _false("signature", "the key did not sign these bytes") from error


def _verify_entry(file: CertificateFile, statement: Statement) -> None:
    """Check that the log's entry is about this very envelope."""
    data = file.log.entry.encode()
    entry: dict[str, str] = read(dict[str, str], load_json(data, "the log entry"), "entry")
    same_bytes(data, canonical_json(entry), "the log entry")
    expected = {
        "event": "certificate",
        "certificate": statement.certificate,
        "sha256": envelope_sha256(write(file.envelope)),
    }
    for name, value in expected.items():
        if entry.get(name) != value:
            raise _false("log entry", f"its {name} is {entry.get(name, 'missing')[:80]!r}, not {value!r}")


def _verify_inclusion(file: CertificateFile, head: Checkpoint) -> None:
    log = file.log
    if log.size != head.size:
        raise _false("inclusion", f"the proof is for {log.size} entries, the checkpoint for {head.size}")
    proof = [bytes.fromhex(step) for step in log.inclusion]
    if not verify_inclusion(leaf_hash(log.entry.encode()), log.index, log.size, proof, head.root):
        raise _false("inclusion", f"the log of {log.size} entries does not hold it at {log.index}")


@contextmanager
def _named(check: str) -> Iterator[None]:
    """Say which check found that the file is no certificate."""
    try:
        yield
    except EnvelopeFormatError as error:
        raise refusal(f"{check}:", error.problem.rstrip(".")) from error


def _false(check: str, problem: str) -> NotVerifiedError:
    return NotVerifiedError(
        check, f"{problem}.", mend="Do not rely on it; ask the issuer for an unaltered copy, or why it is so."
    )
