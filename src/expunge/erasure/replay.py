"""Replay a certificate: retrain from the rows that remain, and compare with what was signed.

Once others have been erased since, an older certificate cannot be replayed: their rows are gone, as they should be.
Then the chain of members roots from the certificate to today is checked instead (DESIGN section 7).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, select

from expunge.access.actions import Action
from expunge.certificates.statement import REPLAY
from expunge.certificates.verify import verify, verify_file
from expunge.datasets import Table, refreshed
from expunge.domain.certificate import Copy
from expunge.domain.guarantee import Exact
from expunge.domain.report import Verdict
from expunge.domain.schema import Schema
from expunge.log.sparse import members_root
from expunge.vault.database import BATCH, CERTIFICATE
from expunge.verification.replay import replay
from expunge.workspace import members, models, register
from expunge.workspace.folder import Workspace
from expunge.workspace.reading import reading


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
    workspace.authorise(Action.CERTIFICATE_REPLAY)
    statement = verify_file(file, workspace.folder / "public.pem").statement
    return reading(workspace, lambda connection: [_replay(workspace, connection, copy) for copy in statement.copies])


def _replay(workspace: Workspace, connection: Connection, copy: Copy) -> Replayed:  # noqa: PLR0911 - one a finding
    name = f"{copy.kind} {copy.name}"
    roots = members.version_roots(connection, copy.object)
    last = copy.version_before + 1 if copy.version_after is None else copy.version_after
    known = {version.version: version for version in roots}
    if last not in known or known[last].root != copy.members.after:
        return Replayed(name, Verdict.FAILED, "the register knows no such version with this members root")
    if copy.version_after is None:
        return Replayed(name, Verdict.NOT_RUN, "the model was retired: nothing of it is left")
    retired = copy.kind == "model" and register.by_id(connection, copy.object).version is None
    if not retired and members_root(members.commitments(connection, copy.object).values()).hex() != roots[-1].root:
        return Replayed(name, Verdict.FAILED, "the members are not those of the register's last version")
    if roots[-1].version != last:
        broken = broken_chain(workspace, connection, copy, roots)
        if broken:
            return Replayed(name, Verdict.FAILED, broken)
        why = (
            "its seed was renewed since, and the version of the certificate is destroyed"
            if roots[-1].root == copy.members.after
            else "others were erased since: their rows are gone, as they should be"
        )
        return Replayed(
            name,
            Verdict.NOT_RUN,
            f"{why}; the chain of members roots holds, certificate by certificate, from version {last} to "
            f"{roots[-1].version}",
        )
    if copy.kind == "dataset":
        return Replayed(name, Verdict.PASSED, f"{copy.members.count_after} members, as certified")
    return _retrain(workspace, connection, copy, name)


def broken_chain(
    workspace: Workspace, connection: Connection, copy: Copy, roots: Sequence[members.VersionRoot]
) -> str | None:
    """Follow a copy's members from certificate to certificate; return what is wrong, or None.

    Every certificate since must verify, which proves who left, and begin with the root where the one before ended. A
    version in between that nobody left, as after the renewal of a seed, has the very same root and needs none.
    """
    known = {one.version: one.root for one in roots}

    def unchanged(root: str, version: int) -> int:
        while known.get(version + 1) == root:
            version += 1
        return version

    root, last = copy.members.after, roots[-1]
    version = unchanged(root, copy.version_after or copy.version_before)
    issued = select(CERTIFICATE.c.content).join(BATCH, BATCH.c.id == CERTIFICATE.c.batch).order_by(BATCH.c.number)
    for content in connection.execute(issued).scalars():
        statement = verify(content, workspace.public_pem).statement
        for later in statement.copies:
            if later.object == copy.object and later.members.left and later.version_before >= version:
                if (later.version_before, later.members.before) != (version, root):
                    return f"the chain of members roots is broken after version {version}"
                root = later.members.after
                version = unchanged(root, later.version_before + 1)
    return None if (version, root) == (last.version, last.root) else "the chain of members roots does not reach today"


def under_the_facts_of(schema: Schema | None, training: Table) -> Table:
    """Return rows under what was declared when a model was trained; what was not, inferred from them afresh."""
    if schema is None or schema == training.schema:
        return training
    table = Table.from_arrays(schema, training.subjects, training.arrays())
    return refreshed(table) if schema.inferred else table


def _retrain(workspace: Workspace, connection: Connection, copy: Copy, name: str) -> Replayed:
    version = register.current(connection, copy.object)
    facts = register.open_facts(workspace, connection, version)
    if (facts.blinded_learned(), facts.blinded_served()) != (copy.learned.after, copy.served.after):
        return Replayed(name, Verdict.FAILED, "the published version is not the one that was certified")
    row = register.by_id(connection, copy.object)
    table = models.usable(workspace, connection, row.dataset_id)
    learner = register.open_learner(workspace, connection, version)
    training = under_the_facts_of(
        learner.schema,
        models.training_rows(workspace, table, copy.object, row.held_out),
    )
    unfitted = models.unfitted(workspace, connection, copy.object, training)
    proven = Verdict.PASSED in [check.verdict for check in copy.checks if check.name == REPLAY]
    if not isinstance(copy.guarantee, Exact) and not proven:
        why = f"{copy.guarantee}: a refit is another model; what was found stands among the certificate's checks"
        return Replayed(name, Verdict.NOT_COMPARABLE, why)
    found = replay(
        unfitted, training.features(), training.target(), training.subjects, facts.learned, learner.environment
    )
    return Replayed(name, found.check.verdict, f"{found.check.detail} ({found.seconds:.3f} s)")
