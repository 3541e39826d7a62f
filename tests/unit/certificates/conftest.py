"""A valid certificate of a small erasure: one dataset, three models, two people of five."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from expunge.certificates import Evidence, log_entry, public_pem, sign, write_file
from expunge.domain.certificate import (
    BY_CONSTRUCTION,
    Copy,
    Keys,
    Learned,
    LogKey,
    Members,
    RequestLine,
    Retained,
    Seconds,
    Served,
    Statement,
)
from expunge.domain.digest import blinded, commitment
from expunge.domain.guarantee import Certified, Exact
from expunge.domain.plan import Method
from expunge.domain.report import Check, Verdict
from expunge.log.checkpoint import Checkpoint, sign_checkpoint
from expunge.log.merkle import inclusion_proof, leaf_hash, root
from expunge.log.sparse import members_root, removal_proof

ORIGIN = "hospital.example/erasures"
KEY = Ed25519PrivateKey.from_private_bytes(sha256(b"signing").digest())
LOG_KEY = Ed25519PrivateKey.from_private_bytes(sha256(b"log").digest())


def digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def nonce(text: str) -> bytes:
    return sha256(f"nonce {text}".encode()).digest()


def members_of(object_id: str, subjects: set[str], leaving: set[str]) -> Members:
    commitments = {subject: commitment(sha256(subject.encode()).digest(), object_id, subject) for subject in subjects}
    left = sorted(commitments[subject] for subject in subjects & leaving)
    remaining = set(commitments.values()) - set(left)
    return Members(
        before=members_root(commitments.values()).hex(),
        after=members_root(remaining).hex(),
        count_before=len(commitments),
        count_after=len(remaining),
        left=tuple(key.hex() for key in left),
        proof=tuple(removal_proof(commitments.values(), left)),
    )


def evidence_for(members: Members, **found: Any) -> Evidence:
    leavers = frozenset(bytes.fromhex(key) for key in members.left)
    return Evidence(leavers=leavers, remaining_root=bytes.fromhex(members.after), **found)


def dataset(members: Members) -> Copy:
    return Copy(
        object="D-1",
        kind="dataset",
        name="visits",
        version_before=1,
        version_after=2,
        method=Method.DELETE_ROWS,
        guarantee=None,
        guarantee_in_words="All rows of the person are deleted.",
        learned=Learned(None, None, None),
        served=Served(None, None),
        members=members,
        records_removed=7,
        checks=(Check("remanence", Verdict.PASSED, "No row was found.", {"files": "12"}),),
        seconds=Seconds("0.012", None),
    )


def model(object_id: str, name: str, members: Members, **changes: Any) -> tuple[Copy, Evidence]:
    """Make a forgotten model whose replay PASSED, and the evidence for it."""
    before, after, served = digest(f"{name} before"), digest(f"{name} after"), digest(f"{name} served")
    values: dict[str, Any] = {
        "object": object_id,
        "kind": "model",
        "name": name,
        "version_before": 1,
        "version_after": 2,
        "method": Method.FORGET,
        "guarantee": Exact("portable"),
        "guarantee_in_words": "Equal, byte for byte, to a model that never saw the person: replayed.",
        "learned": Learned(blinded(nonce("old"), before), blinded(nonce(name), after), False),
        "served": Served(blinded(nonce("old"), digest("old served")), blinded(nonce(name), served)),
        "members": members,
        "records_removed": 5,
        "checks": (
            Check("replay", Verdict.PASSED, "A refit on the remaining records is equal.", {"seconds": "1.25"}),
            Check("utility", Verdict.NOT_RUN, "No bound is set."),
        ),
        "seconds": Seconds("0.003", "1.25"),
    }
    found = evidence_for(
        members,
        learned_before=before,
        staged=after,
        replayed=after,
        verified_served=served,
        published_served=served,
        nonce=nonce(name),
    )
    return Copy(**(values | changes)), found


def make_world() -> tuple[Statement, dict[str, Evidence]]:
    everyone, leaving = {"Anna", "Bert", "Cleo", "Dora", "Emil"}, {"Bert", "Emil"}
    rows = members_of("D-1", everyone, leaving)
    ridge, ridge_found = model("M-1", "ridge", members_of("M-1", everyone - {"Dora"}, leaving))
    certified, certified_found = model(
        "M-2",
        "logistic",
        members_of("M-2", everyone, leaving),
        guarantee=Certified(1.0, 1e-5, 0.25),
        guarantee_in_words="What can still be told about the person is bounded: (1, 1e-05).",
        checks=(Check("replay", Verdict.NOT_RUN, "It is not for this class."),),
    )
    certified_found = Evidence(**(vars(certified_found) | {"replayed": None}))
    outside = members_of("M-3", {"Anna", "Cleo"}, leaving)
    same, served = digest("tree"), digest("tree served")
    learned = blinded(nonce("tree"), same)
    blind = blinded(nonce("tree"), served)
    tree, _ = model(
        "M-3",
        "tree",
        outside,
        method=Method.NOT_A_MEMBER,
        version_after=1,
        guarantee=Exact("environment"),
        guarantee_in_words=f"Held none of them: unchanged, {BY_CONSTRUCTION}.",
        learned=Learned(learned, learned, True),
        served=Served(blind, blind),
        records_removed=0,
        checks=(Check("replay", Verdict.NOT_RUN, "Nothing changed."),),
    )
    tree_found = evidence_for(
        outside,
        learned_before=same,
        staged=same,
        not_replayed="nothing changed",
        verified_served=served,
        published_served=served,
        nonce=nonce("tree"),
    )
    statement = Statement(
        batch="B-1",
        certificate="C-1",
        issued="2026-11-02T09:30:00Z",
        requests=(
            RequestLine("R-1", "gdpr", "2026-10-20", "2026-11-20", "erased"),
            RequestLine("R-2", "ccpa", "2026-10-21", "2026-12-05", "partly erased"),
        ),
        copies=(dataset(rows), ridge, certified, tree),
        checks=(Check("remanence", Verdict.PASSED, "Nothing was found in 31 files.", {"files": "31"}),),
        keys=Keys("file", 3, 4, "2026-11-02T09:29:58Z", ("snapshots of the key folder",)),
        retained=(Retained("D-1", "Accounts must be kept.", "GDPR 17(3)(b)"),),
        recipients=(),
        residuals=("A nightly backup, unreadable since its key is gone.",),
        limits=("That no other copy exists is not shown.",),
        notes=("The suppression ledger keeps a keyed hash: café.",),
        log=LogKey(ORIGIN, base64.b64encode(LOG_KEY.public_key().public_bytes_raw()).decode()),
        environment={"python": "3.11", "expunge": "0.1.0"},
    )
    return statement, {
        "D-1": evidence_for(rows),
        "M-1": ridge_found,
        "M-2": certified_found,
        "M-3": tree_found,
    }


@dataclass(frozen=True)
class World:
    """A statement that is true, with all that is needed to sign it and enter it in the log."""

    statement: Statement
    evidence: dict[str, Evidence]
    key: Ed25519PrivateKey
    log_key: Ed25519PrivateKey

    @property
    def public_pem(self) -> bytes:
        return public_pem(self.key.public_key())

    def sign(self) -> dict[str, Any]:
        return sign(self.statement, self.evidence, self.key)

    def issue(self, envelope: Mapping[str, Any], **changes: Any) -> bytes:
        """Enter an envelope in a log of six entries, at place `at`, and return the certificate file.

        Whatever is given by name goes into the file instead of the true part.
        """
        entry = changes.get("entry", log_entry("C-1", envelope, at="2026-11-02T09:30:01Z", actor="owner"))
        place = changes.pop("at", 4)
        leaves = [leaf_hash(entry if number == place else b"entry %d" % number) for number in range(6)]
        origin, log_key = changes.get("origin", ORIGIN), changes.get("log_key", self.log_key)
        parts: dict[str, Any] = {
            "entry": entry,
            "index": place,
            "inclusion": inclusion_proof(place, leaves),
            "size": 6,
            "checkpoint": sign_checkpoint(Checkpoint(origin, 6, root(leaves)), log_key),
        }
        return write_file(envelope, **{name: changes.get(name, value) for name, value in parts.items()})


@pytest.fixture(scope="session")
def world() -> World:
    statement, evidence = make_world()
    return World(statement, evidence, KEY, LOG_KEY)


@pytest.fixture(scope="session")
def certificate(world: World) -> bytes:
    return world.issue(world.sign())
