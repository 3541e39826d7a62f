"""The workspace folder: made, opened, locked.

::

    DIR/         expunge.db, policy.json, policy.cedar, public.pem, log.pem, segments/, blobs/, certificates/, letters/
    DIR.keys/    root-N.key, workspace.secret, ledger.key, signing.key, log.key, owner.credential, requests/

Invariants
----------
- The keys are never inside the workspace: a copy of the folder opens nothing.
- One process writes at a time; the lock goes with the process, however it ends.
- Whoever opens a workspace has proven who they are; every public operation begins with `Workspace.authorise`.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from filelock import FileLock, Timeout
from sqlalchemy import select

from expunge.access.actions import Action, Role
from expunge.access.actors import NOBODY, OWNER, Actor, valid_name
from expunge.access.credentials import Method, new_key, verifier, write_key
from expunge.access.policy import RULES_FILE, SETTINGS_FILE, Policy, read_policy
from expunge.access.rules import Question, Verdict
from expunge.certificates.keys import generate_key, load_key, load_public_key, public_pem
from expunge.errors import (
    AuthenticationError,
    DeniedError,
    PolicyError,
    WorkspaceBusyError,
    WorkspaceError,
    WorkspaceExistsError,
)
from expunge.vault import ledger, store
from expunge.vault.database import CHECKPOINT
from expunge.vault.store import Vault
from expunge.workspace import journal, staff

PATIENCE: Final = 5.0
"""Seconds that a refusal waits for another writer, so that it can be logged."""
OWNER_CREDENTIAL: Final = "owner.credential"


@dataclass(frozen=True)
class Workspace:
    """An open workspace, and who is at work in it.

    Parameters
    ----------
    vault : Vault
    policy : Policy
    actor : str
    roles : tuple of Role
        What the actor is there for.
    patience : float
        Seconds to wait for another writer before this one gives up.
    """

    vault: Vault
    policy: Policy
    actor: str
    roles: tuple[Role, ...] = ()
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

    def may(self, action: Action, **circumstances: Any) -> bool:
        """Whether the actor may do something; asks, without a trace in the log."""
        return self._verdict(action, circumstances).allowed

    def authorise(self, action: Action, **circumstances: Any) -> None:
        """Let the actor do something, or log that it was refused.

        Parameters
        ----------
        circumstances
            What rules may ask for beside actor and action: the type ``Circumstances`` of the schema.

        Raises
        ------
        DeniedError
            Where the policy does not allow it.
        """
        verdict = self._verdict(action, circumstances)
        if verdict.allowed:
            return
        roles = " and ".join(self.policy.roles_allowed(action, **circumstances)) or "nobody"
        why = f" ({verdict.forbidden_by})" if verdict.forbidden_by else ""
        problem = f"{self.actor!r} ({', '.join(self.roles) or 'no role'}) may not {action.meaning}{why}."
        mend = f"{action} is for {roles}; let somebody else do it, with --as NAME."
        try:
            with journal.recording(self, max(self.patience, PATIENCE)), self.vault.transaction() as connection:
                journal.append(self, connection, "denied", action=action.value)
        except WorkspaceBusyError as error:
            raise DeniedError(
                f"{problem} (Another process is writing, so this is not in the log.)", mend=mend
            ) from error
        raise DeniedError(problem, mend=mend)

    def _verdict(self, action: Action, circumstances: dict[str, Any]) -> Verdict:
        return self.policy.decide(Question(self.actor, self.roles, action, circumstances))

    @cached_property
    def _lock(self) -> FileLock:
        """One lock for each open workspace: who writes already may write on."""
        return FileLock(self.folder / ".lock")

    @contextmanager
    def writing(self, wait: float | None = None) -> Iterator[None]:
        """Be the one writer, after `wait` seconds at most, else as patient as the workspace is.

        Raises
        ------
        WorkspaceBusyError
            Where another process is.
        """
        try:
            self._lock.acquire(timeout=self.patience if wait is None else wait)
        except Timeout as error:
            raise WorkspaceBusyError(
                f"another process is writing to {self.folder}.", mend="Wait until it is done, then try again."
            ) from error
        try:
            yield
        finally:
            self._lock.release()

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
    vault = store.create(folder, keys, secret)
    ledger.make_key(vault)
    for name in ("certificates", "letters"):
        (folder / name).mkdir()
    policy = policy or Policy()
    store.write_atomically(folder / SETTINGS_FILE, policy.to_json())
    store.write_atomically(folder / RULES_FILE, policy.rules.encode())
    for name, public in (("signing.key", "public.pem"), ("log.key", "log.pem")):
        store.write_atomically(folder / public, public_pem(generate_key(keys / name).public_key()))
    key = new_key()
    write_key(keys / OWNER_CREDENTIAL, key)
    owner = Actor(OWNER, (Role.OWNER,), Method.KEY, verifier(Method.KEY, key), store.now())
    made = Workspace(vault, policy, OWNER, roles=owner.roles)
    with journal.recording(made), vault.transaction() as connection:
        staff.enter(made, connection, "added", owner)
    vault.engine.dispose()


def open_workspace(
    folder: Path,
    keys: Path | None = None,
    actor: str | None = None,
    credential: str | None = None,
) -> Workspace:
    """Open a workspace as an actor; without a name, as ``owner``, where policy allows it.

    Parameters
    ----------
    folder : Path
    keys : Path, optional
        Default: ``DIR.keys`` beside the workspace.
    actor : str, optional
    credential : str, optional
        The actor's passphrase or key; the owner's is read from the key folder where it is not given.

    Raises
    ------
    WorkspaceError
        Where there is none, its keys are elsewhere, or its policy cannot be enforced.
    PolicyError
        Where policy wants a name.
    AuthenticationError
        Where the credential does not prove that it is this actor.
    """
    return enter(unentered(folder, keys, read_policy), actor, credential)


def unentered(folder: Path, keys: Path | None, read: Callable[[Path], Policy]) -> Workspace:
    """Open a workspace as nobody, who may do nothing; `read` reads the policy."""
    folder = folder.resolve()
    vault = store.open_vault(folder, (keys or keys_beside(folder)).resolve())
    opened = Workspace(vault, read(folder / SETTINGS_FILE), NOBODY)
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


def enter(workspace: Workspace, actor: str | None, credential: str | None) -> Workspace:
    """Return the workspace as an actor who has proven who they are."""
    if actor is None and not workspace.policy.owner_by_default:
        raise PolicyError("policy wants to know who acts.", mend="Name yourself, with --as NAME.")
    name = valid_name(actor or OWNER)
    if credential is None:
        credential = _kept_by_owner(workspace, name)
    proven = staff.authenticate(workspace, name, credential)
    return replace(workspace, actor=proven.name, roles=proven.roles)


def _kept_by_owner(workspace: Workspace, name: str) -> str:
    """Return the owner's key from the key folder; nobody else's is kept."""
    if name != OWNER:
        raise AuthenticationError(
            f"{name!r} gave no passphrase or key.", mend="Give it when asked, or see `expunge actor --help`."
        )
    try:
        return (workspace.keys / OWNER_CREDENTIAL).read_text().strip()
    except FileNotFoundError as error:
        raise AuthenticationError(
            "the owner's credential is missing.",
            mend=f"Restore {OWNER_CREDENTIAL} in the key folder, or act under your own name, with --as NAME.",
        ) from error
