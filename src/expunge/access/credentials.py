"""What actors prove themselves with: a passphrase, stretched by Argon2id, or a key of 256 random bits.

A passphrase can be guessed, so each guess must cost: Argon2id with the second recommended parameters of RFC 9106
(section 4: 64 MiB, 3 passes, 4 lanes). A key cannot be guessed, so it is only hashed (ADR 20). Both verifiers are
compared in constant time.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import stat
import unicodedata
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

from expunge.errors import InputError

MIN_LENGTH: Final = 15
"""NIST SP 800-63B-4, section 3.1.1.2: at least 15 characters where the passphrase is the only factor."""
_MOST_BYTES: Final = 4096
_ARGON2: Final = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)


class Method(StrEnum):
    """How an actor proves itself."""

    PASSPHRASE = "passphrase"  # noqa: S105 - its name
    KEY = "key"


def new_key() -> str:
    """Make a key."""
    return secrets.token_urlsafe(32)


def accepted(passphrase: str) -> str:
    """Return a passphrase that is long enough.

    Raises
    ------
    InputError
        Where it is not; the message does not repeat it.
    """
    if len(_normal(passphrase)) < MIN_LENGTH:
        raise InputError(
            f"the passphrase has fewer than {MIN_LENGTH} characters.", mend="Take a longer one, of several words."
        )
    return passphrase


def verifier(method: Method, credential: str) -> str:
    """Return what is stored to recognise a credential by."""
    return _ARGON2.hash(_normal(credential)) if method is Method.PASSPHRASE else _digest(credential)


def proves(method: Method, stored: str, credential: str) -> bool:
    """Whether a credential is the one whose verifier is stored."""
    if method is Method.KEY:
        return hmac.compare_digest(stored.encode(), _digest(credential).encode())
    try:
        return _ARGON2.verify(stored, _normal(credential))
    except (VerificationError, InvalidHashError):
        return False


@cache
def nobodys() -> str:
    """Return a verifier that nothing proves: so that asking for an actor who is not there takes as long."""
    return _ARGON2.hash(secrets.token_bytes(32))


def write_key(path: Path, key: str) -> None:
    """Write a key to a new file that only its owner may read.

    Raises
    ------
    InputError
        Where there is a file already.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise InputError(f"{path} exists.", mend="Name a file that does not.") from error
    with os.fdopen(descriptor, "w") as file:
        file.write(key + "\n")
        file.flush()
        os.fsync(file.fileno())


def read_private(path: Path) -> str:
    """Read a credential from a file that nobody else may read.

    Raises
    ------
    InputError
        Where the file is missing, empty, too long or readable by others.
    """
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise InputError(f"{path} is no file.", mend="Name the file that holds the credential.")
            if found.st_mode & 0o077:
                raise InputError(f"{path} can be read by others.", mend=f"Make it yours alone: chmod 600 {path}")
            text = file.read(_MOST_BYTES + 1).decode()
    except FileNotFoundError as error:
        raise InputError(f"there is no file {path}.", mend="Name the file that holds the credential.") from error
    except (IsADirectoryError, UnicodeDecodeError) as error:
        raise InputError(f"{path} holds no credential.", mend="Name the file that holds it.") from error
    line = text.partition("\n")[0].rstrip("\r")
    if not line or len(text) > _MOST_BYTES:
        raise InputError(f"{path} holds no credential.", mend="Its first line must be the passphrase or key.")
    return line


def _normal(passphrase: str) -> bytes:
    """Give the same bytes however a keyboard composes letters (NIST SP 800-63B-4, section 3.1.1.2)."""
    return unicodedata.normalize("NFKC", passphrase).encode()


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
