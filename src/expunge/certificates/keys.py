"""Ed25519 key files: the one that signs certificates, and the one that signs the log's checkpoints.

Invariants
----------
- A private key file is created with mode 0600 and never written over.
- A key is known by its fingerprint: SHA-256, in hex, of the DER SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7,
  RFC 8410 section 4). A signature's ``keyid`` must equal it.
"""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from expunge.errors import InputError

_MAX_BYTES: Final = 65_536
"""A PEM key has some hundred bytes; whatever is larger is something else, and is not read."""


def generate_key(path: Path) -> Ed25519PrivateKey:
    """Make a key and write it as PEM (PKCS #8), readable by its owner only.

    Parameters
    ----------
    path : Path
        Where nothing is yet, in a folder that exists.

    Raises
    ------
    InputError
        Where there is a file already, or none can be made; nothing is overwritten.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     key = generate_key(Path(folder) / "signing.pem")
    ...     fingerprint(load_key(Path(folder) / "signing.pem").public_key()) == fingerprint(key.public_key())
    True
    """
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        # O_EXCL: two processes cannot both make it, and no link is followed.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise InputError(
            f"no key can be made at {path}: {error.strerror}.", mend="Give a free place in a folder that exists."
        ) from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(file.fileno())
    return key


def load_key(path: Path) -> Ed25519PrivateKey:
    """Read a private key file.

    Raises
    ------
    InputError
        Where it cannot be read, is not PEM, is encrypted, or holds another kind of key.
    """
    pem = read_pem(path)
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise InputError(
            f"{path} is not a private key in PEM without a password.", mend="Give the key file that `init` made."
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise InputError(
            f"{path} holds a key of another kind than Ed25519.", mend="Give the key file that `init` made."
        )
    return key


def load_public_key(pem: bytes) -> Ed25519PublicKey:
    """Read a public key from PEM (SubjectPublicKeyInfo).

    Raises
    ------
    InputError
        Where it is not PEM, or another kind of key.
    """
    try:
        key = load_pem_public_key(pem)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        what = "a private key" if b"PRIVATE KEY" in pem else "not a public key in PEM"
        raise InputError(
            f"what was given as the public key is {what}.", mend="Give the issuer's public.pem."
        ) from error
    if not isinstance(key, Ed25519PublicKey):
        raise InputError("the public key is of another kind than Ed25519.", mend="Give the issuer's public.pem.")
    return key


def public_pem(key: Ed25519PublicKey) -> bytes:
    """Return a public key as PEM, to be given to whoever checks certificates."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def fingerprint(key: Ed25519PublicKey) -> str:
    """Return the SHA-256 of the key's DER SubjectPublicKeyInfo: 64 hex characters.

    Examples
    --------
    >>> fingerprint(Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key())[:16]
    '339e2ff917630507'
    """
    return sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def read_pem(path: Path) -> bytes:
    """Read a key file, but no more than a key file can hold.

    Raises
    ------
    InputError
        Where it cannot be read or is too large.
    """
    try:
        with path.open("rb") as file:
            pem = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"key file {path} cannot be read: {error.strerror}.", mend="Check the path.") from error
    if len(pem) > _MAX_BYTES:
        raise InputError(f"{path} is too large for a key.", mend="Give the issuer's public.pem.")
    return pem
