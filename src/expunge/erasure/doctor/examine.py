"""Run the checks: all that can be, whatever state the workspace is in.

Invariants
----------
- Nothing is written, but for the lock that keeps others from writing meanwhile.
- A check that cannot be run reads NOT RUN, and says what for; one that ends in an error has found that error.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from expunge.access.actors import NOBODY
from expunge.access.policy import Policy
from expunge.erasure.doctor import objects, office, place, signed, storage
from expunge.erasure.doctor.finding import RESTORE, Finding, Findings, Inside, Outside, Severity, broken
from expunge.errors import ExpungeError, WorkspaceError
from expunge.vault.database import connect_to_read
from expunge.vault.keys import read_secret
from expunge.vault.store import Vault
from expunge.workspace.folder import Workspace

OUTSIDE: Final[dict[str, Outside]] = {
    "folders": place.folders,
    "leavings": place.leavings,
    "room": place.room,
    "policy": place.policy,
    "hash secret": place.secret,
    "signing keys": place.signing_keys,
    "rights of keys": place.key_rights,
    "database file": place.database_file,
    "database pages": place.database_pages,
}
"""What takes the two folders."""


@dataclass(frozen=True)
class Check:
    """A check that takes the workspace, and the names of those that must have found nothing broken before."""

    run: Inside
    needs: tuple[str, ...] = ()


_SECRET: Final = ("hash secret", "name of the log")
INSIDE: Final[dict[str, Check]] = {
    "name of the log": Check(signed.log_name, ("hash secret",)),
    "root keys": Check(storage.root_keys),
    "key tree": Check(storage.key_tree, ("root keys",)),
    "segments": Check(storage.segments, ("root keys",)),
    "suppression ledger": Check(storage.suppression),
    "blobs": Check(storage.blobs, ("root keys",)),
    "members": Check(objects.members_roots),
    "datasets": Check(objects.datasets, ("root keys", *_SECRET)),
    "models": Check(objects.models, ("root keys", *_SECRET)),
    "log": Check(signed.log, _SECRET),
    "actors": Check(signed.actors),
    "clock": Check(signed.clock),
    "certificates": Check(signed.certificates),
    "lost requests": Check(office.lost),
    "states of requests": Check(office.states),
    "batch": Check(office.batch, ("root keys",)),
    "identities": Check(office.identities),
    "letters": Check(office.letters),
}
"""What takes the workspace and a connection; all need the database file."""


@dataclass(frozen=True)
class Examined:
    """What became of one check."""

    name: str
    severity: Severity
    findings: tuple[Finding, ...] = ()


@dataclass
class Examination:
    """What became of all checks."""

    checks: list[Examined] = field(default_factory=list)

    @property
    def healthy(self) -> bool:
        """Whether nothing is broken, and everything was looked at."""
        return not any(one.severity in {Severity.BROKEN, Severity.NOT_RUN} for one in self.checks)

    def failed(self, names: Sequence[str]) -> list[str]:
        """Return those of some checks that found something broken, or were not run."""
        bad = {one.name for one in self.checks if one.severity in {Severity.BROKEN, Severity.NOT_RUN}}
        return [name for name in names if name in bad]


def examine(folder: Path, keys: Path, patience: float = 0.0) -> Examination:
    """Check everything in a workspace.

    Parameters
    ----------
    folder, keys : Path
    patience : float
        Seconds to wait for somebody who is writing.

    Raises
    ------
    WorkspaceError
        Where there is no workspace at all.
    WorkspaceBusyError
        Where somebody goes on writing.
    """
    folder, keys = folder.resolve(), keys.resolve()
    if not (folder / "expunge.db").is_file() and not (folder / "segments").is_dir():
        raise WorkspaceError(f"{folder} is not a workspace.", mend=f"Make one with `expunge init {folder}`.")
    workspace = _as_it_is(folder, keys, patience)
    found = Examination()
    with ExitStack() as stack:
        with suppress(OSError):  # nobody writes to a folder that cannot be written to
            stack.enter_context(workspace.writing())
        for name, outside in OUTSIDE.items():
            found.checks.append(_examined(name, partial(outside, folder, keys)))
        if found.failed(["database file"]):
            found.checks += [_not_run(name, ["database file"]) for name in INSIDE]
            return found
        connection = stack.enter_context(workspace.vault.engine.connect())
        for name, check in INSIDE.items():
            missing = found.failed(check.needs)
            found.checks.append(
                _not_run(name, missing) if missing else _examined(name, partial(check.run, workspace, connection))
            )
    return found


def _as_it_is(folder: Path, keys: Path, patience: float) -> Workspace:
    """Put a workspace together of what there is; checks that need what is missing are not run."""
    try:
        secret = read_secret(keys / "workspace.secret")
    except (OSError, ExpungeError):
        secret = b""
    vault = Vault(folder, keys, connect_to_read(folder / "expunge.db"), secret)
    return Workspace(vault, Policy(), NOBODY, patience=patience)


def _examined(name: str, check: Callable[[], Findings]) -> Examined:
    findings: list[Finding] = []
    try:
        findings.extend(check())
    except ExpungeError as error:
        findings.append(broken(name, error.problem, error.mend))
    except OSError as error:
        mend = "Check that it is there and that you may read it."
        findings.append(broken(Path(error.filename or name).name, f"{error.strerror or error}.", mend))
    except SQLAlchemyError as error:
        # Only what the driver says: a statement's parameters are nobody's business.
        findings.append(broken("expunge.db", f"{str(getattr(error, 'orig', None) or 'unreadable').splitlines()[0]}."))
    except Exception as error:  # noqa: BLE001 - bytes that were changed can end in any error, and that is the finding
        what = f"cannot be read: {type(error).__name__} while looking at it."
        findings.append(broken(name, what, RESTORE))
    worst = [one.severity for one in findings]
    if Severity.BROKEN in worst:
        return Examined(name, Severity.BROKEN, tuple(findings))
    return Examined(name, Severity.ATTENTION if worst else Severity.FINE, tuple(findings))


def _not_run(name: str, missing: list[str]) -> Examined:
    return Examined(
        name,
        Severity.NOT_RUN,
        (Finding(Severity.NOT_RUN, name, f"was not checked, for want of: {', '.join(missing)}.", "Mend that first."),),
    )
