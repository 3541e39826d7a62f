"""Keys: the root store, and wrapping. Only `vault` and `erasure` import this module.

Invariants
----------
- A data key is 32 random bytes and is never stored but wrapped: AES-256-GCM under one version of the root key, with
  what it is the key of as authenticated data (NIST SP 800-38D; a fresh random 96-bit nonce each, at most 2**32 per
  root version).
- Root versions only grow. `RootStore.destroy` is the only way back, and there is none.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from expunge.errors import CorruptedError, KeyDestroyedError, VaultError

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
FEW: Final = 16
"""Up to so many files are flushed one by one; beyond, all disks at once, which takes milliseconds and not seconds."""


def new_key() -> bytes:
    """Return a fresh random 256-bit key."""
    return secrets.token_bytes(KEY_BYTES)


def seal(key: bytes, plaintext: bytes, bound_to: bytes, nonce: bytes | None = None) -> bytes:
    """Encrypt and authenticate: nonce (12 bytes), ciphertext, tag (16 bytes).

    Parameters
    ----------
    key : bytes
        32 bytes.
    bound_to : bytes
        Authenticated data: a ciphertext opens only for what it was written for.
    nonce : bytes, optional
        12 random bytes, where many were drawn at once; never the same twice under one key.
    """
    nonce = nonce or secrets.token_bytes(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plaintext, bound_to)


def new_tokens(number: int, length: int = KEY_BYTES) -> list[bytes]:
    """Return many independent random strings, keys by default, from one call to the operating system."""
    drawn = secrets.token_bytes(number * length)
    return [drawn[start : start + length] for start in range(0, len(drawn), length)]


def unseal(key: bytes, sealed: bytes, bound_to: bytes) -> bytes:
    """Open what `seal` closed.

    Raises
    ------
    CorruptedError
        Where the bytes, the key or what they are bound to differ.
    """
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound_to)
    except (InvalidTag, ValueError) as error:
        raise _unopened(f"a ciphertext of {len(sealed)} bytes") from error


def _unopened(what: str) -> CorruptedError:
    return CorruptedError(
        f"{what} does not open: changed on disk, or under another key.",
        mend="Restore the workspace and its keys from the same moment.",
    )


def write_secret(path: Path, secret: bytes) -> None:
    """Write a secret as hex to a file that only its owner can read: whole or absent, and durable on return.

    Raises
    ------
    FileExistsError
        Where there is one already: a key that is overwritten takes with it all that it opened.
    """
    if path.exists():
        raise FileExistsError(f"{path} exists; a key file is never overwritten")
    temporary = _unfinished(path)
    temporary.unlink(missing_ok=True)  # the leaving of a kill; nothing was ever sealed under it
    _write(temporary, secret)
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
    temporary.rename(path)
    _sync_folder(path.parent)


def write_secrets(fresh: Mapping[Path, bytes]) -> None:
    """Write many secrets into folders that exist, as `write_secret` does, with one flush for all of them."""
    for path, secret in fresh.items():
        if path.exists():
            raise FileExistsError(f"{path} exists; a key file is never overwritten")
        temporary = _unfinished(path)
        temporary.unlink(missing_ok=True)
        _write(temporary, secret)
    os.sync()
    for path in fresh:
        _unfinished(path).rename(path)
    for folder in {path.parent for path in fresh}:
        _sync_folder(folder)


def read_secret(path: Path) -> bytes:
    """Read what `write_secret` wrote: 32 bytes.

    Raises
    ------
    FileNotFoundError
    CorruptedError
        Where the file holds something else.
    """
    mend = "Restore it from a copy."
    try:
        secret = bytes.fromhex(path.read_bytes().decode().strip())
    except ValueError as error:
        raise CorruptedError(f"{path.name} is not a key file.", mend=mend) from error
    if len(secret) != KEY_BYTES:
        raise CorruptedError(f"{path.name} holds {len(secret)} bytes, not {KEY_BYTES}.", mend=mend)
    return secret


def destroy_file(path: Path) -> None:
    """Overwrite, then unlink, durably; does nothing where the file is gone already.

    Overwriting in place is no promise on flash, journalling or copy-on-write storage: the certificate lists what may
    still hold the key.
    """
    try:
        with path.open("r+b") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(0)
            file.write(secrets.token_bytes(size))
            file.flush()
            os.fsync(file.fileno())
    except FileNotFoundError:
        return
    path.unlink()
    _sync_folder(path.parent)


def destroy_files(paths: Collection[Path]) -> None:
    """Destroy many files as `destroy_file` does, with one flush between overwriting and unlinking all of them."""
    there = [path for path in paths if path.exists()]
    for path in there:
        with path.open("r+b") as file:
            file.write(secrets.token_bytes(path.stat().st_size))
    os.sync()
    for path in there:
        path.unlink()
    for folder in {path.parent for path in there}:
        _sync_folder(folder)


def _unfinished(path: Path) -> Path:
    return path.with_name(path.name + ".new")


def _write(path: Path, secret: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secret.hex().encode() + b"\n")


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@dataclass(frozen=True)
class RootStore:
    """Root keys as files of mode 0600 in a folder outside the workspace: ``root-1.key``, ``root-2.key``, ...

    Parameters
    ----------
    folder : Path
        ``DIR.keys/`` or what ``--keys`` named.
    """

    folder: Path

    def describe(self) -> str:
        """Name this store for a certificate, without a path."""
        return "key file beside the workspace"

    def create(self, version: int) -> None:
        """Create a version; keeps one that is there already (a kill may come between file and commit)."""
        if not self._path(version).exists():
            write_secret(self._path(version), new_key())

    def renew(self, version: int) -> None:
        """Create a version that nothing is under yet.

        One that is there was made by a process that died before its transaction was durable. Pages of that transaction
        may lie in the database's log all the same, and open people who leave only now: so its key is not used again.
        """
        destroy_file(self._path(version))
        write_secret(self._path(version), new_key())

    def read(self, version: int) -> bytes:
        """Return a version's key.

        Raises
        ------
        KeyDestroyedError
            Where it is gone.
        """
        try:
            return read_secret(self._path(version))
        except FileNotFoundError as error:
            raise KeyDestroyedError(
                f"root key version {version} is not in the key store.",
                mend="If an erasure destroyed it, what it opened is gone for good; "
                "else point --keys at the folder that holds it.",
            ) from error

    def versions(self) -> list[int]:
        """Return the versions that still exist, ascending."""
        return sorted(int(path.stem.removeprefix("root-")) for path in self.folder.glob("root-*.key"))

    def destroy_before(self, version: int) -> None:
        """Destroy every version older than this one, and check that they are gone."""
        for old in self.versions():
            if old < version:
                destroy_file(self._path(old))
        if left := [old for old in self.versions() if old < version]:
            raise VaultError(f"root key versions {left} could not be destroyed.", mend="Check the folder's rights.")

    def _path(self, version: int) -> Path:
        return self.folder / f"root-{version}.key"


@dataclass(frozen=True)
class Wrapper:
    """Wraps and unwraps data keys under one version of the root key."""

    version: int
    root: bytes

    def wrap(self, key: bytes, owner: bytes) -> bytes:
        """Wrap a key for its owner (a subject's or a blob's reference)."""
        return self.wrap_all([(owner, key)])[0]

    def wrap_all(self, keys: Collection[tuple[bytes, bytes]]) -> list[bytes]:
        """Wrap many keys, each for its owner; takes (owner, key)."""
        encrypt, bound = AESGCM(self.root).encrypt, self._bound
        nonces = new_tokens(len(keys), NONCE_BYTES)
        return [nonce + encrypt(nonce, key, bound + owner) for nonce, (owner, key) in zip(nonces, keys, strict=True)]

    def unwrap(self, wrapped: bytes, owner: bytes) -> bytes:
        """Open a wrapped key."""
        return self.unwrap_all([(owner, wrapped)])[0]

    def unwrap_all(self, wrapped: Iterable[tuple[bytes, bytes]]) -> list[bytes]:
        """Open many wrapped keys; takes (owner, wrapped key).

        Raises
        ------
        CorruptedError
            Where one does not open.
        """
        decrypt, bound = AESGCM(self.root).decrypt, self._bound
        try:
            return [decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound + owner) for owner, sealed in wrapped]
        except (InvalidTag, ValueError) as error:
            raise _unopened("a wrapped key") from error

    @property
    def _bound(self) -> bytes:
        return b"expunge key v1|%d|" % self.version

    def __repr__(self) -> str:
        return f"Wrapper(version={self.version}, root=<hidden>)"
