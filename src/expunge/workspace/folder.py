"""The workspace folder: made, opened, locked.

::

    DIR/         expunge.db, policy.json, actors.json, public.pem, log.pem, segments/, blobs/, certificates/, letters/
    DIR.keys/    root-N.key, workspace.secret, ledger.key, signing.key, log.key, owner.credential, requests/

Invariants
----------
- The keys are never inside the workspace: a copy of the folder opens nothing.
- One process writes at a time; the lock goes with the process, however it ends.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from filelock import FileLock, Timeout
from sqlalchemy import select

from expunge.access.actors import acting, make_owner
from expunge.access.policy import Policy, read_policy
from expunge.certificates.keys import generate_key, load_key, load_public_key, public_pem
from expunge.errors import WorkspaceBusyError, WorkspaceError, WorkspaceExistsError
from expunge.vault import ledger, store
from expunge.vault.database import CHECKPOINT
from expunge.vault.store import Vault


@dataclass(frozen=True)
class Workspace:
    """An open workspace, and who is at work in it.

    Parameters
    ----------
    vault : Vault
    policy : Policy
    actor : str
    patience : float
        Seconds to wait for another writer before this one gives up.
    """

    vault: Vault
    policy: Policy
    actor: str
    patience: float = 0.0

    @property
    def folder(self) -> Path:
        """The workspace folder."""
        return self.vault.folder

    @property
    def keys(self) -> Path:
        """The folder of keys, outside the workspace."""
        return self.vault.keys

    @property
    def certificates(self) -> Path:
        """Folder of the certificates that were issued."""
        return self.folder / "certificates"

    @property
    def letters(self) -> Path:
        """Folder of what is to be sent to requesters; names nobody."""
        return self.folder / "letters"

    @property
    def signing_key(self) -> Ed25519PrivateKey:
        """The key that signs certificates."""
        return self._own_key("signing.key", "public.pem")

    @property
    def log_key(self) -> Ed25519PrivateKey:
        """The key that signs checkpoints of the log."""
        return self._own_key("log.key", "log.pem")

    @property
    def log_public(self) -> Ed25519PublicKey:
        """The key with which anyone checks the log's checkpoints."""
        return load_public_key((self.folder / "log.pem").read_bytes())

    @property
    def log_origin(self) -> str:
        """The name of this workspace's log, as its checkpoints carry it."""
        return f"expunge-log/{self.opaque_id('L', 0)}"

    @property
    def public_pem(self) -> bytes:
        """What auditors need to check certificates."""
        return (self.folder / "public.pem").read_bytes()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Be the one writer.

        Raises
        ------
        WorkspaceBusyError
            Where another process is.
        """
        lock = FileLock(self.folder / ".lock")
        try:
            lock.acquire(timeout=self.patience)
        except Timeout as error:
            raise WorkspaceBusyError(
                f"another process is writing to {self.folder}.", mend="Wait until it is done, then try again."
            ) from error
        try:
            yield
        finally:
            lock.release()

    def _own_key(self, private: str, public: str) -> Ed25519PrivateKey:
        """Load a signing key; one that is not of this workspace signs nothing here."""
        key = load_key(self.keys / private)
        if public_pem(key.public_key()) != (self.folder / public).read_bytes():
            raise WorkspaceError(
                f"{private} is not the key of {public}.", mend="Restore both from a copy of the same workspace."
            )
        return key

    def opaque_id(self, kind: str, number: int) -> str:
        """Name the number-th thing of a kind so that the name tells nothing, not even how many there are."""
        text = f"{kind}|{number}".encode()
        return f"{kind}-{hmac.new(self.vault.derive('opaque ids'), text, hashlib.sha256).hexdigest()[:12]}"


def keys_beside(folder: Path) -> Path:
    """Return where the keys of a workspace lie unless said otherwise."""
    return folder.with_name(folder.name + ".keys")


def init(folder: Path, keys: Path | None = None, *, secret: bytes | None = None, policy: Policy | None = None) -> None:
    """Make an empty workspace.

    Parameters
    ----------
    folder : Path
        Must not exist, or be empty.
    keys : Path, optional
        Where the keys go; default: ``DIR.keys`` beside the workspace.
    secret : bytes, optional
        32 bytes of hash secret, for reproducible runs; random by default.

    Raises
    ------
    WorkspaceExistsError
        Where either folder holds something already.
    WorkspaceError
        Where the keys would lie inside the workspace.
    """
    folder = folder.resolve()
    keys = (keys or keys_beside(folder)).resolve()
    if keys == folder or folder in keys.parents:
        raise WorkspaceError(f"{keys} is inside the workspace.", mend="Keep keys outside it, with --keys ELSEWHERE.")
    for part in (folder, keys):
        if part.exists() and (not part.is_dir() or any(part.iterdir())):
            raise WorkspaceExistsError(f"{part} exists and is not empty.", mend="Choose another folder.")
    for part in (folder, keys):
        part.mkdir(parents=True, exist_ok=True)
        part.chmod(0o700)
    ledger.make_key(store.create(folder, keys, secret))
    for name in ("certificates", "letters"):
        (folder / name).mkdir()
    store.write_atomically(folder / "policy.json", (policy or Policy()).to_json())
    for name, public in (("signing.key", "public.pem"), ("log.key", "log.pem")):
        store.write_atomically(folder / public, public_pem(generate_key(keys / name).public_key()))
    make_owner(folder, keys)


def open_workspace(folder: Path, keys: Path | None = None, actor: str | None = None) -> Workspace:
    """Open a workspace as an actor; without a name, as ``owner``, where policy allows it.

    Raises
    ------
    WorkspaceError
        Where there is none, or its keys are elsewhere.
    """
    folder = folder.resolve()
    vault = store.open_vault(folder, (keys or keys_beside(folder)).resolve())
    policy = read_policy(folder / "policy.json")
    opened = Workspace(vault, policy, acting(actor, policy, vault.folder, vault.keys))
    refuse_foreign_secret(opened)
    return opened


def refuse_foreign_secret(workspace: Workspace) -> None:
    """Hold the hash secret against the log's name, which derives from it: under another one nobody would be found.

    Raises
    ------
    WorkspaceError
        Where no checkpoint is of this secret's log.
    """
    with workspace.vault.transaction() as connection:
        notes = connection.execute(select(CHECKPOINT.c.note).order_by(CHECKPOINT.c.size.desc())).scalars()
        first = notes.first()
        if first is None or first.startswith(f"{workspace.log_origin}\n"):
            return
        query = select(CHECKPOINT.c.note).where(CHECKPOINT.c.note.startswith(f"{workspace.log_origin}\n"))
        if connection.execute(query).first() is None:
            raise WorkspaceError(
                "workspace.secret is not the secret of this workspace: nobody would be found under it.",
                mend="Restore it from a copy, or say where the right one is with --keys.",
            )
