"""Replay a certificate: retrain from the rows that remain, and compare with what was signed.

Once others have been erased since, an older certificate cannot be replayed: their rows are gone, as they should be.
Then the chain of members roots from the certificate to today is checked instead (DESIGN section 7).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from expunge.certificates.verify import verify_file
from expunge.domain.certificate import Copy
from expunge.domain.report import Verdict
from expunge.log.sparse import members_root
from expunge.verification.replay import replay
from expunge.workspace import data, members, models, register
from expunge.workspace.folder import Workspace


@dataclass(frozen=True)
class Replayed:
    """What a replay found for one copy."""

    name: str
    verdict: Verdict
    detail: str

    def to_dict(self) -> dict[str, str]:
        """Return the form that the command line prints as JSON."""
        return {"copy": self.name, "verdict": self.verdict.value, "detail": self.detail}


def replay_certificate(workspace: Workspace, file: Path) -> list[Replayed]:
    """Verify a certificate and replay every copy that it names.

    Raises
    ------
    CertificateError
        Where the certificate itself does not verify.
    """
    statement = verify_file(file, workspace.folder / "public.pem").statement
    with workspace.vault.transaction() as connection:
        return [_replay(workspace, connection, copy) for copy in statement.copies]


def _replay(workspace: Workspace, connection: Connection, copy: Copy) -> Replayed:
    name = f"{copy.kind} {copy.name}"
    roots = members.version_roots(connection, copy.object)
    last = copy.version_before + 1 if copy.version_after is None else copy.version_after
    known = {version.version: version for version in roots}
    if last not in known or known[last].root != copy.members.after:
        return Replayed(name, Verdict.FAILED, "the register knows no such version with this members root")
    if copy.version_after is None:
        return Replayed(name, Verdict.NOT_RUN, "the model was retired: nothing of it is left")
    if members_root(members.commitments(connection, copy.object).values()).hex() != roots[-1].root:
        return Replayed(name, Verdict.FAILED, "the members are not those of the register's last version")
    if roots[-1].version != last:
        since = roots[-1].version - last
        return Replayed(
            name,
            Verdict.NOT_RUN,
            f"{since} erasures came after: those rows are gone, as they should be; the chain of members roots "
            f"reaches from this certificate to version {roots[-1].version}",
        )
    if copy.kind == "dataset":
        return Replayed(name, Verdict.PASSED, f"{copy.members.count_after} members, as certified")
    return _retrain(workspace, connection, copy, name)


def _retrain(workspace: Workspace, connection: Connection, copy: Copy, name: str) -> Replayed:
    version = register.current(connection, copy.object)
    facts = register.open_facts(workspace, connection, version)
    if (facts.blinded_learned(), facts.blinded_served()) != (copy.learned.after, copy.served.after):
        return Replayed(name, Verdict.FAILED, "the published version is not the one that was certified")
    row = register.by_id(connection, copy.object)
    table = data.load_remaining(workspace, connection, row.dataset_id, ())
    training = models.training_rows(workspace, table, copy.object, row.held_out)
    unfitted = models.unfitted(workspace, connection, copy.object, training)
    found = replay(unfitted, training.features(), training.target(), training.subjects, facts.learned)
    return Replayed(name, found.check.verdict, f"{found.check.detail} ({found.seconds:.3f} s)")
