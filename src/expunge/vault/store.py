"""The vault as a whole: where its files lie, and the secrets that open them.

::

    DIR/expunge.db      the index: references, tags, sealed key pages, offsets; no personal data in clear
    DIR/segments/       records, one ciphertext per subject and segment
    DIR/blobs/          sealed blobs: schemas, training states, served models
    DIR.keys/           root-N.key, workspace.secret, ledger.key, signing and log keys, requests/ID.key
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, insert, select

from expunge.errors import CorruptedError, InputError, WorkspaceError
from expunge.vault import database
from expunge.vault.keys import FEW, RootStore, Wrapper, new_key, read_secret, write_secret
from expunge.vault.tree import EMPTY

__all__ = [
    "FEW",
    "LINK",
    "Vault",
    "create",
    "now",
    "open_vault",
    "sync_folder",
    "write_all_atomically",
    "write_atomically",
]

LINK: Final = b"link to the key tree"
"""What the link is wrapped for, where a key is wrapped for its owner."""


@dataclass(frozen=True)
class Vault:
    """Encrypted storage of one workspace.

    Parameters
    ----------
    folder : Path
        The workspace folder.
    keys : Path
        The folder of keys, outside the workspace.
    engine : Engine
    secret : bytes
        The workspace's 256-bit hash secret; every keyed hash derives from it.
    """

    folder: Path
    keys: Path
    engine: Engine
    secret: bytes

    def __repr__(self) -> str:
        return f"Vault({str(self.folder)!r})"

    @property
    def segments(self) -> Path:
        """Folder of record segments."""
        return self.folder / "segments"

    @property
    def blobs(self) -> Path:
        """Folder of sealed blobs."""
        return self.folder / "blobs"

    @property
    def roots(self) -> RootStore:
        """The store of root keys."""
        return RootStore(self.keys)

    def derive(self, purpose: str) -> bytes:
        """Derive a 32-byte key for one purpose from the hash secret."""
        return hmac.new(self.secret, b"expunge purpose v1|" + purpose.encode(), hashlib.sha256).digest()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One durable transaction."""
        with database.transaction(self.engine) as connection:
            yield connection

    def root_version(self, connection: Connection) -> int:
        """Return the version of the root key that wraps everything now."""
        version = connection.execute(select(database.ROOT.c.version).order_by(database.ROOT.c.version.desc())).scalar()
        if version is None:
            raise CorruptedError("the database names no root key.", mend="Restore the workspace from a copy.")
        return int(version)

    def wrapper(self, connection: Connection) -> Wrapper:
        """Return what wraps keys under the current root."""
        version = self.root_version(connection)
        return Wrapper(version, self.roots.read(version))


def create(folder: Path, keys: Path, secret: bytes | None = None) -> Vault:
    """Make an empty vault in folders that exist; `secret` is for reproducible runs, else it is random."""
    for part in (folder / "segments", folder / "blobs"):
        part.mkdir()
    write_secret(keys / "workspace.secret", new_key() if secret is None else secret)
    vault = _assemble(folder, keys)
    database.migrate(vault.engine)
    vault.roots.create(1)
    with vault.transaction() as connection:
        empty = Wrapper(1, vault.roots.read(1)).wrap(EMPTY, LINK)
        connection.execute(insert(database.ROOT).values(version=1, created=now(), tree=empty))
    return vault


def open_vault(folder: Path, keys: Path) -> Vault:
    """Open the vault of a workspace.

    Raises
    ------
    WorkspaceError
        Where there is none, or its keys are elsewhere.
    """
    if not (folder / "expunge.db").is_file():
        raise WorkspaceError(f"{folder} is not a workspace.", mend=f"Make one with `expunge init {folder}`.")
    if not (keys / "workspace.secret").is_file():
        raise WorkspaceError(
            f"the keys of {folder} are not in {keys}.", mend="Say where they are with --keys, or restore them."
        )
    vault = _assemble(folder, keys)
    database.migrate(vault.engine)
    return vault


def _assemble(folder: Path, keys: Path) -> Vault:
    return Vault(folder, keys, database.connect(folder / "expunge.db"), read_secret(keys / "workspace.secret"))


def now() -> str:
    """Return the time as it is stored: UTC, to the second, RFC 3339."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def today() -> date:
    """Return the day that it is at the office, by this machine's clock and time zone."""
    return datetime.now().astimezone().date()


def write_new(path: Path, content: bytes) -> None:
    """Write a file where none is yet, readable by its owner only, durable when this returns.

    Raises
    ------
    InputError
        Where there is one: what is kept to compare with later is not written over.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise InputError(f"{path} exists, and is not written over.", mend="Choose another name.") from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that it is either whole or absent, and durable when this returns."""
    temporary = path.with_name(path.name + ".partial")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_folder(path.parent)


def write_all_atomically(files: Mapping[Path, bytes]) -> None:
    """Write many files as `write_atomically` does, making their folders, with one flush of all disks for all of them.

    A flush of each file and folder by itself takes milliseconds, and there are thousands (sync(2) waits on Linux).
    """
    for folder in {path.parent for path in files}:
        folder.mkdir(exist_ok=True)
    for path, content in files.items():
        path.with_name(path.name + ".partial").write_bytes(content)
    os.sync()
    for path in files:
        path.with_name(path.name + ".partial").replace(path)
    os.sync()


def sync_folder(folder: Path) -> None:
    """Make what was created or renamed in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
