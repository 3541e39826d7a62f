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
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from expunge.errors import CorruptedError, KeyDestroyedError, VaultError

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12


def new_key() -> bytes:
    """Return a fresh random 256-bit key."""
    return secrets.token_bytes(KEY_BYTES)


def seal(key: bytes, plaintext: bytes, bound_to: bytes) -> bytes:
    """Encrypt and authenticate: nonce (12 bytes), ciphertext, tag (16 bytes).

    Parameters
    ----------
    key : bytes
        32 bytes.
    bound_to : bytes
        Authenticated data: a ciphertext opens only for what it was written for.
    """
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plaintext, bound_to)


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
        raise CorruptedError(
            f"a ciphertext of {len(sealed)} bytes does not open: changed on disk, or under another key.",
            mend="Restore the workspace and its keys from the same moment.",
        ) from error


def write_secret(path: Path, content: bytes) -> None:
    """Write a file that only its owner can read, durably; refuses to overwrite."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    _sync_folder(path.parent)


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
        path = self._path(version)
        if not path.exists():
            temporary = path.with_suffix(".new")
            temporary.unlink(missing_ok=True)
            write_secret(temporary, new_key().hex().encode() + b"\n")
            temporary.rename(path)
            _sync_folder(self.folder)

    def read(self, version: int) -> bytes:
        """Return a version's key.

        Raises
        ------
        KeyDestroyedError
            Where it is gone.
        """
        path = self._path(version)
        try:
            text = path.read_bytes()
        except FileNotFoundError as error:
            raise KeyDestroyedError(
                f"root key version {version} is not in the key store.",
                mend="If an erasure destroyed it, what it opened is gone for good; "
                "else point --keys at the folder that holds it.",
            ) from error
        try:
            key = bytes.fromhex(text.decode().strip())
        except ValueError as error:
            raise CorruptedError(f"{path.name} is not a key file.", mend="Restore it from a copy.") from error
        if len(key) != KEY_BYTES:
            raise CorruptedError(f"{path.name} holds {len(key)} bytes, not 32.", mend="Restore it from a copy.")
        return key

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
        return seal(self.root, key, self._bound(owner))

    def unwrap(self, wrapped: bytes, owner: bytes) -> bytes:
        """Open a wrapped key."""
        return unseal(self.root, wrapped, self._bound(owner))

    def _bound(self, owner: bytes) -> bytes:
        return b"expunge key v1|%d|" % self.version + owner

    def __repr__(self) -> str:
        return f"Wrapper(version={self.version}, root=<hidden>)"
