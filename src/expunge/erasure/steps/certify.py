"""certified: the statement is made from the evidence, held against it, signed and entered in the log."""

from __future__ import annotations

import base64
import platform
from collections.abc import Iterator
from importlib import metadata
from typing import Any, Final

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import Connection, insert, select

from expunge.certificates.file import log_entry, write_file
from expunge.certificates.sign import Evidence, sign
from expunge.domain.certificate import (
    BY_CONSTRUCTION,
    Copy,
    Keys,
    Learned,
    LogKey,
    Members,
    RecipientLine,
    Release,
    RequestLine,
    Retained,
    Seconds,
    Seed,
    Served,
    Statement,
    read_guarantee,
)
from expunge.domain.codec import read
from expunge.domain.guarantee import Certified, Empirical, Exact, Guarantee
from expunge.domain.plan import Method
from expunge.domain.report import Check
from expunge.domain.request import Outcome
from expunge.erasure import guard, requests, tasks
from expunge.erasure.batch import Batch
from expunge.errors import CorruptedError
from expunge.log.merkle import inclusion_proof, leaf_hash
from expunge.log.sparse import members_root
from expunge.vault import ledger
from expunge.vault.database import BATCH, CERTIFICATE
from expunge.vault.store import now
from expunge.workspace import journal, members, register
from expunge.workspace.folder import Workspace

LIMITS: Final = (
    "This shows that the operator signed it, that it is in the log, and that on the given rows the states are equal. "
    "It does not show that no other copy exists, that a given endpoint serves this model, or that the log has no fork: "
    "keep checkpoints.",
    "Byte equality holds for fixed seed, hyperparameters and features. Somebody who sees models and then chooses whose "
    "erasure to ask for is outside it (arXiv 2106.04378, 2210.08911).",
    "Two published models that differ by one person can tell something of that person (arXiv 2405.20272).",
    "Utility figures are rounded to three decimals; they still tell a little of the remaining and the erased rows.",
)
MAY_STILL_HOLD: Final = (
    "snapshots and backups of the key folder that were made before the old root key was destroyed",
    "storage that keeps overwritten blocks (flash, journalling and copy-on-write file systems)",
)
CLOCK_SET_BACK: Final = (
    "The clock was set back while this erasure ran: it was issued after the old root key became unusable, whatever "
    "the times say. The order of things is that of the audit log."
)
_ANOTHER: Final = "0" * 64
_UNTOUCHED: Final = {
    Method.NOT_A_MEMBER: "held none of these subjects",
    Method.RETAINED: "left as it was: what it holds of these subjects is retained",
}
_LIBRARIES: Final = ("expunge", "numpy", "scipy", "pandas", "scikit-learn", "cryptography")


def prepare(workspace: Workspace, batch: Batch) -> None:
    """Write to the recipients; repeating it writes the same.

    Raises
    ------
    RecipientsOpenError
        Where one of them is not told yet.
    """
    with workspace.vault.transaction() as connection:
        tasks.write_letters(workspace, connection, requests.in_batch(connection, batch.id))
        tasks.refuse_open(connection, batch.id)


def commit(workspace: Workspace, connection: Connection, batch: Batch) -> None:
    """Sign, enter in the log, and store the certificate; the file is written by the next step.

    Raises
    ------
    SigningRefusedError
        Where what is claimed is not what was found (DESIGN promise 3).
    RecipientsOpenError
        Where a recipient is not told yet.
    """
    tasks.refuse_open(connection, batch.id)
    number = connection.execute(select(BATCH.c.number).where(BATCH.c.id == batch.id)).scalar_one()
    name = workspace.opaque_id("C", number)
    statement = make_statement(workspace, connection, batch, name)
    evidence = {copy["object"]: find_evidence(workspace, connection, batch, copy) for copy in batch.plan}
    envelope = sign(statement, evidence, workspace.signing_key)
    entry = log_entry(name, envelope, at=now(), actor=workspace.actor)
    index = journal.append_entry(connection, entry)
    checkpoint = journal.sign_head(workspace, connection)
    leaves = journal.leaves(connection)
    if leaves[index] != leaf_hash(entry):
        raise CorruptedError("the log does not hold the entry that was appended.", mend="See `expunge log verify`.")
    content = write_file(
        envelope,
        entry=entry,
        index=index,
        inclusion=inclusion_proof(index, leaves),
        size=len(leaves),
        checkpoint=checkpoint,
    )
    connection.execute(insert(CERTIFICATE).values(id=name, batch=batch.id, content=content))


def make_statement(workspace: Workspace, connection: Connection, batch: Batch, name: str) -> Statement:
    """Say what was done."""
    public = workspace.log_key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    residuals = [
        f"model {model.name!r}, version {version}, was exported on {at}: that copy is outside, and may have learned "
        "from these subjects"
        for model in register.every(connection)
        for version, at in register.exports(connection, model.id)
    ]
    return Statement(
        batch=batch.id,
        certificate=name,
        issued=now(),
        requests=tuple(
            RequestLine(
                id=request.id,
                law=request.law.upper(),
                received=request.received.date().isoformat(),
                due=request.due.isoformat(),
                outcome=(Outcome.PARTLY_ERASED if request.refusals else Outcome.ERASED).value,
            )
            for request in requests.in_batch(connection, batch.id)
        ),
        copies=tuple(_copy(workspace, connection, batch, copy) for copy in batch.plan),
        checks=tuple(Check.from_dict(check) for check in batch.evidence["checks"]),
        keys=Keys(may_still_hold=MAY_STILL_HOLD, **batch.evidence["keys"]),
        retained=tuple(_retained(connection, batch)),
        residuals=(
            *residuals,
            "backups of the workspace made before the erasure still hold ciphertexts; "
            "no key in the key store opens those of the erased subjects",
            "who each request is about, and the texts that were searched for, under the request's own key, until it is "
            "closed",
        ),
        limits=LIMITS,
        notes=(
            suppression_note(workspace, connection, batch),
            *((CLOCK_SET_BACK,) if now() < batch.evidence["keys"]["unusable_since"] else ()),
        ),
        recipients=tuple(
            RecipientLine(task.request, task.recipient, task.kind, task.state)
            for task in tasks.of_batch(connection, batch.id)
        ),
        log=LogKey(origin=journal.origin(workspace), public_key=base64.b64encode(public).decode()),
        environment=_environment(batch),
        release=read(Release | None, batch.evidence["release"], "release"),
    )


def suppression_note(workspace: Workspace, connection: Connection, batch: Batch) -> str:
    """Say what the suppression ledger keeps of the batch's people, on what legal basis, and until when."""
    ends = {entry.until for entry in ledger.entries(connection) if entry.batch == batch.id}
    if not ends:
        return "The suppression ledger keeps nothing of this batch's subjects: the records of none of them were erased."
    kept = " or ".join(sorted(f"until {end[:10]}" if end else "without an end" for end in ends))
    return (
        "The suppression ledger keeps a keyed hash of each subject whose records were erased, to refuse their import "
        "and to find them after a restore. It is personal data while its key lives. "
        f"Legal basis: {workspace.policy.suppression_basis or 'none is stated'}. Kept {kept}."
    )


def _retained(connection: Connection, batch: Batch) -> Iterator[Retained]:
    """Say of every dataset and model what is kept in it, for how many, on which ground and until when."""
    grounds: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for copy in batch.plan:
        still = members.records(
            connection, copy["object"], [bytes.fromhex(one["ref"]) for one in batch.sealed["retained"]]
        )
        for kept in batch.sealed["retained"]:
            if bytes.fromhex(kept["ref"]) in still:
                grounds.setdefault((copy["object"], kept["article"]), []).append(kept)
    for (place, article), kept in sorted(grounds.items()):
        ends = {one["until"] for one in kept}
        until = f", until {max(ends)} at the latest" if None not in ends else ""
        used = "; kept only, and used for no model" if kept[0]["restricts"] else ""
        yield Retained(place, f"{kept[0]['text']} (of {len(kept)} of these subjects{until}{used})", article)


def find_evidence(workspace: Workspace, connection: Connection, batch: Batch, copy: dict[str, Any]) -> Evidence:
    """Look at what is there now, not at what the statement says."""
    members_now = members_root(members.commitments(connection, copy["object"]).values())
    left = frozenset(bytes.fromhex(one) for one in batch.sealed["leavers"].get(copy["object"], ()))
    if copy["kind"] == "dataset":
        return Evidence(left, members_now)
    digests = batch.sealed["digests"].get(copy["object"], {})
    version = register.version_with(connection, copy["object"], register.CURRENT)
    if version is None:
        return Evidence(left, members_now)
    facts = register.open_facts(workspace, connection, version)
    published = register.open_served(workspace, connection, version).digest()
    if not copy["subjects"]:
        return Evidence(
            left,
            members_now,
            learned_before=facts.learned,
            staged=register.open_learner(workspace, connection, version).digest(),
            not_replayed="nobody left it",
            verified_served=facts.served,
            published_served=published,
            nonce=facts.nonce,
        )
    return Evidence(
        left,
        members_now,
        # The digest before is not kept, since it would be an oracle; whether it was another one is.
        learned_before=digests["staged"] if digests["equal"] else _ANOTHER,
        staged=digests["staged"],
        replayed=digests["replayed"],
        not_replayed=digests.get("not_replayed", ""),
        verified_served=digests["verified_served"],
        published_served=published,
        nonce=facts.nonce,
    )


def _copy(workspace: Workspace, connection: Connection, batch: Batch, copy: dict[str, Any]) -> Copy:
    entry = batch.evidence["copies"][copy["object"]]
    who = entry["members"]
    made_members = Members(
        who["before"],
        who["after"],
        who["count_before"],
        who["count_after"],
        tuple(who["left"]),
        tuple(who["proof"]),
    )
    method = Method(entry["method"])
    common: dict[str, Any] = {
        "object": copy["object"],
        "kind": copy["kind"],
        "name": copy["name"],
        "version_before": copy["version"],
        "method": method,
        "members": made_members,
        "records_removed": entry["records"],
        "checks": tuple(Check.from_dict(check) for check in entry["checks"]),
        "seconds": Seconds(entry.get("seconds", "0"), entry.get("full_retrain")),
        "guard": guard.stated(entry),
    }
    if copy["kind"] == "dataset":
        changed = int(bool(copy["subjects"]))
        return Copy(
            version_after=copy["version"] + changed,
            guarantee=None,
            guarantee_in_words="keys destroyed, then rows deleted" if changed else _UNTOUCHED[method],
            learned=Learned(None, None, None),
            served=Served(None, None),
            **common,
        )
    if method is Method.RETIRE:
        return Copy(
            version_after=None,
            guarantee=None,
            guarantee_in_words="unpublished and destroyed: "
            + (
                "its score fell by more than policy allows, and so it was decided"
                if common["guard"]
                else "without these subjects no model is left"
            ),
            learned=Learned(entry["learned_before"], None, None),
            served=Served(entry["served_before"], None),
            **common,
        )
    version = register.current(connection, copy["object"])
    facts = register.open_facts(workspace, connection, version)
    digests = batch.sealed["digests"].get(copy["object"], {})
    guarantee = _guarantee(facts, entry)
    row = register.by_id(connection, copy["object"])
    common["seed"] = Seed(row.seed, register.seeded(row), renewed=method is Method.REFIT and copy["rotates"])
    if method in _UNTOUCHED:
        same = facts.blinded_learned(), facts.blinded_served()
        return Copy(
            version_after=copy["version"],
            guarantee=guarantee,
            guarantee_in_words=f"{facts.guarantee_words}: {_UNTOUCHED[method]}"
            + (f"; {BY_CONSTRUCTION} in this batch" if isinstance(guarantee, Exact) else ""),
            learned=Learned(same[0], same[0], equal=True),
            served=Served(same[1], same[1]),
            **common,
        )
    return Copy(
        version_after=version.version,
        guarantee=guarantee,
        guarantee_in_words=f"{facts.guarantee_words}: {_in_words(guarantee, method, digests, entry)}",
        learned=Learned(entry["learned_before"], entry["learned_after"], entry["learned_equal"]),
        served=Served(entry["served_before"], entry["served_after"]),
        **common,
    )


def _guarantee(facts: register.Facts, entry: dict[str, Any]) -> Guarantee | None:
    """Return what is guaranteed; of an Empirical model what was measured in this batch stands with it."""
    found = read_guarantee(facts.guarantee, "facts.guarantee")
    if not isinstance(found, Empirical):
        return found
    return Empirical(entry.get("measured", "nothing, for no method was used on it in this batch"))


def _in_words(guarantee: Guarantee | None, method: Method, digests: dict[str, Any], entry: dict[str, Any]) -> str:
    """Say what became of a model that somebody left, in no stronger words than its guarantee bears."""
    if digests["replayed"] is not None:
        instead = f"; its method was not taken, since {entry['instead']}" if "instead" in entry else ""
        equals = "equals, byte for byte, that of a full retrain without these subjects; replayed and compared"
        return f"the learned state {equals}{instead}"
    if isinstance(guarantee, Exact):
        return f"the learned state is that of a full retrain without these subjects, {BY_CONSTRUCTION}"
    if method is Method.REFIT:
        return "fitted anew without these subjects; not replayed"
    if isinstance(guarantee, Certified):
        return "what is left of these subjects is within the bound, under the assumptions of the method"
    return "their influence is reduced, and nothing more is shown"


def _environment(batch: Batch) -> dict[str, str]:
    """Say what ran here, and what else decided where an estimator of another library was refitted."""
    versions = {name: metadata.version(name) for name in _LIBRARIES}
    fitted = (entry.get("environment", {}) for entry in batch.evidence["copies"].values())
    decisive = {name: value for one in fitted for name, value in one.items()}
    return {**decisive, "python": platform.python_version(), "machine": platform.machine(), **versions}
