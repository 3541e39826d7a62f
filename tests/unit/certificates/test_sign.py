"""No certificate without an effect: each condition's refusal happens."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest

from expunge.certificates import Evidence, fingerprint, sign
from expunge.domain.certificate import Statement
from expunge.domain.guarantee import Empirical
from expunge.domain.plan import Method
from expunge.domain.report import Check, Verdict
from expunge.errors import EnvelopeFormatError, SigningRefusedError

World = Any  # of conftest.py
Case = tuple[Statement, dict[str, Evidence]]

OTHER = sha256(b"another").hexdigest()


def copy_with(case: Case, position: int, **changes: Any) -> Case:
    statement, evidence = case
    copies = list(statement.copies)
    copies[position] = replace(copies[position], **changes)
    return replace(statement, copies=tuple(copies)), evidence


def found_with(case: Case, name: str, **changes: Any) -> Case:
    statement, evidence = case
    return statement, evidence | {name: replace(evidence[name], **changes)}


def members_with(case: Case, position: int, **changes: Any) -> Case:
    return copy_with(case, position, members=replace(case[0].copies[position].members, **changes))


def leaver_stayed(case: Case) -> Case:
    """Somebody of the batch is still in the model; the proof is of the others, and true."""
    leavers = case[1]["M-1"].leavers | {sha256(b"somebody of the batch").digest()}
    return found_with(case, "M-1", leavers=leavers)


def stranger_left(case: Case) -> Case:
    """Somebody else left, too."""
    return found_with(case, "M-1", leavers=frozenset(sorted(case[1]["M-1"].leavers)[:1]))


def replay_of(case: Case, verdict: Verdict, words: str = "Exact.") -> Case:
    return copy_with(case, 1, checks=(Check("replay", verdict, "So it was."),), guarantee_in_words=words)


def retired(case: Case) -> Case:
    """Model M-1 was retired instead: nothing learned and nothing served afterwards."""
    copy = case[0].copies[1]
    case = copy_with(
        case,
        1,
        method=Method.RETIRE,
        version_after=None,
        guarantee=None,
        guarantee_in_words="The model is destroyed.",
        checks=(),
        learned=replace(copy.learned, after=None, equal=None),
        served=replace(copy.served, after=None),
    )
    return found_with(case, "M-1", staged=None, replayed=None, verified_served=None, published_served=None, nonce=None)


def unmoved(case: Case) -> Case:
    """A model that forgets within a bound, and did nothing."""
    learned = replace(case[0].copies[2].learned, equal=True)
    return found_with(copy_with(case, 2, learned=learned), "M-2", learned_before=case[1]["M-2"].staged)


def empirical(case: Case) -> Case:
    return copy_with(replay_of(case, Verdict.NOT_COMPARABLE), 1, guarantee=Empirical("membership AUC .51"))


def called(case: Case, words: str) -> Case:
    return copy_with(case, 1, guarantee_in_words=words)


BY_CONSTRUCTION = "Exact: by construction; not replayed."

REFUSALS: list[tuple[str, Callable[[Case], Case]]] = [
    # members: exactly the batch's subjects left, and nobody else
    ("M-1: 1 of the batch's 3 subjects in it did not leave", leaver_stayed),
    ("M-1: 1 left who are not the batch's", stranger_left),
    ("M-1: its removal proof does not hold", lambda c: members_with(c, 1, after="11" * 32)),
    ("M-1: its removal proof does not hold", lambda c: members_with(c, 1, before="11" * 32)),
    ("M-1: its removal proof does not hold", lambda c: members_with(c, 1, proof=c[0].copies[1].members.proof[1:])),
    ("M-1: 2 left, but 9 members before and 2 after", lambda c: members_with(c, 1, count_before=9)),
    ("M-1: its members root after is not that", lambda c: found_with(c, "M-1", remaining_root=bytes(32))),
    ("D-1: 1 of the batch's 1 subjects", lambda c: found_with(c, "D-1", leavers=frozenset({bytes(32)}))),
    # an object that held none of them
    ("M-3: its removal proof does not hold", lambda c: members_with(c, 3, after="11" * 32)),
    ("M-3: 0 left, but the method is said to be 'forgotten'", lambda c: copy_with(c, 3, method=Method.FORGET)),
    ("M-1: 2 left, but the method is said to be 'not a member'", lambda c: copy_with(c, 1, method=Method.NOT_A_MEMBER)),
    ("M-3: nobody left, but 4 records", lambda c: copy_with(c, 3, records_removed=4)),
    ("M-3: 1 of the batch's 1 subjects", lambda c: found_with(c, "M-3", leavers=frozenset({bytes(32)}))),
    (
        "M-3: its learned digests before and after are said to be equal: True, which is not true",
        lambda c: found_with(c, "M-3", learned_before=OTHER),
    ),
    # replay
    ("M-1: the replay on the remaining records gave another", lambda c: found_with(c, "M-1", replayed=OTHER)),
    (
        "M-1: the replay on the remaining records gave another",
        lambda c: found_with(replay_of(c, Verdict.NOT_RUN, BY_CONSTRUCTION), "M-1", replayed=OTHER),
    ),
    ("M-1: the replay is said to have PASSED, and none was run", lambda c: found_with(c, "M-1", replayed=None)),
    (
        "M-1: the replay gave the same learned digest, and is not said to have PASSED",
        lambda c: replay_of(c, Verdict.NOT_RUN, BY_CONSTRUCTION),
    ),
    (
        "M-1: it is Exact without a replay that PASSED, and its words do not say 'by construction; not replayed'",
        lambda c: found_with(replay_of(c, Verdict.NOT_RUN), "M-1", replayed=None, not_replayed="on demand"),
    ),
    (
        "M-1: no replay was run, and no reason is given",
        lambda c: found_with(replay_of(c, Verdict.NOT_RUN, BY_CONSTRUCTION), "M-1", replayed=None),
    ),
    (
        "M-2: the replay is said to have PASSED, and none was run",
        lambda c: copy_with(c, 2, checks=c[0].copies[1].checks),
    ),
    # digests
    ("M-1: the served model is not the verified one", lambda c: found_with(c, "M-1", published_served=OTHER)),
    (
        "M-1: its served digest after is not that of the served model",
        lambda c: found_with(c, "M-1", published_served=OTHER, verified_served=OTHER),
    ),
    ("M-1: its learned digest after is not the staged", lambda c: found_with(c, "M-1", staged=OTHER, replayed=OTHER)),
    ("M-1: its learned digest after is not the staged", lambda c: found_with(c, "M-1", nonce=bytes(32))),
    (
        "M-1: its learned digests before and after are said to be equal: True",
        lambda c: copy_with(c, 1, learned=replace(c[0].copies[1].learned, equal=True)),
    ),
    (
        "M-1: its learned digests before and after are said to be equal: False",
        lambda c: found_with(c, "M-1", learned_before=c[1]["M-1"].staged),
    ),
    (
        "M-1: it is still a model, and has no digests after",
        lambda c: copy_with(c, 1, served=replace(c[0].copies[1].served, after=None)),
    ),
    ("M-1: it is retired, and still has digests", lambda c: copy_with(c, 1, method=Method.RETIRE, version_after=None)),
    ("M-1: the served model is not the verified", lambda c: found_with(retired(c), "M-1", published_served=OTHER)),
    # no effect, and words that are too strong
    ("M-2: it is said to have forgotten, and learned what it had learned", unmoved),
    (
        "M-2: a model of class 'certified' is called erased",
        lambda c: copy_with(c, 2, guarantee_in_words="Erased from the model, within a bound."),
    ),
    ("M-1: a model of class 'empirical' is called erased", lambda c: called(empirical(c), "They were erased.")),
    # no check failed, anywhere
    ("M-1: check 'replay' FAILED", lambda c: replay_of(c, Verdict.FAILED)),
    (
        "D-1: check 'remanence' FAILED",
        lambda c: copy_with(c, 0, checks=(Check("remanence", Verdict.FAILED, "A row was found."),)),
    ),
    (
        "workspace: check 'remanence' FAILED",
        lambda c: (replace(c[0], checks=(Check("remanence", Verdict.FAILED, "Found."),)), c[1]),
    ),
    # every object, each once
    ("workspace: no copy is named", lambda c: (replace(c[0], copies=()), {})),
    ("workspace: no request is named", lambda c: (replace(c[0], requests=()), c[1])),
    ("M-1: the statement does not name it", lambda c: (replace(c[0], copies=c[0].copies[:1]), c[1])),
    ("M-2: there is no evidence for it", lambda c: (c[0], {name: c[1][name] for name in ("D-1", "M-1", "M-3")})),
    ("D-1: it is named twice", lambda c: (replace(c[0], copies=c[0].copies + c[0].copies[:1]), c[1])),
]


@pytest.mark.parametrize(("message", "spoil"), REFUSALS, ids=[message for message, _ in REFUSALS])
def test_signing_is_refused(world: World, message: str, spoil: Callable[[Case], Case]) -> None:
    statement, evidence = spoil((world.statement, world.evidence))
    with pytest.raises(SigningRefusedError) as caught:
        sign(statement, evidence, world.key)
    assert message in str(caught.value)
    assert "Nothing was signed" in caught.value.mend


GRANTED: list[tuple[str, Callable[[Case], Case]]] = [
    ("as it is", lambda c: c),
    (
        "a replay on demand",
        lambda c: found_with(
            replay_of(c, Verdict.NOT_RUN, BY_CONSTRUCTION), "M-1", replayed=None, not_replayed="on demand"
        ),
    ),
    (
        "a replay on another machine",
        lambda c: found_with(
            replay_of(c, Verdict.NOT_COMPARABLE, BY_CONSTRUCTION), "M-1", replayed=None, not_replayed="other machine"
        ),
    ),
    ("a retired model", retired),
    ("an empirical model that a refit does not equal", lambda c: found_with(empirical(c), "M-1", replayed=OTHER)),
]


@pytest.mark.parametrize(("name", "change"), GRANTED, ids=[name for name, _ in GRANTED])
def test_a_true_statement_is_signed(world: World, name: str, change: Callable[[Case], Case]) -> None:
    statement, evidence = change((world.statement, world.evidence))
    assert sign(statement, evidence, world.key)["signatures"]


def test_the_envelope_is_dsse_over_in_toto(world: World) -> None:
    envelope = world.sign()
    (signature,) = envelope["signatures"]
    data = base64.b64decode(envelope["payload"])
    kind = envelope["payloadType"].encode()
    assert kind == b"application/vnd.in-toto+json"
    assert signature["keyid"] == fingerprint(world.key.public_key())
    # Pre-authentication encoding (DSSE v1, "Signature Definition").
    encoded = b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(data), data)
    world.key.public_key().verify(base64.b64decode(signature["sig"]), encoded)
    statement = json.loads(data)
    assert statement["subject"][0]["digest"] == {"membersRoot": world.statement.copies[0].members.after}
    assert statement["subject"][1]["digest"] == {"hmacSha256": world.statement.copies[1].learned.after}


def test_the_same_statement_gives_the_same_envelope(world: World) -> None:
    assert world.sign() == world.sign()


def test_no_digest_is_in_a_certificate_in_clear(world: World, certificate: bytes) -> None:
    payload = base64.b64decode(json.loads(certificate)["envelope"]["payload"]).decode()
    for found in world.evidence.values():
        digests = [found.learned_before, found.staged, found.replayed, found.verified_served, found.published_served]
        for digest in filter(None, digests):
            assert digest not in payload


def test_a_malformed_statement_is_not_signed(world: World) -> None:
    with pytest.raises(EnvelopeFormatError, match=r"predicate\.issued is not a time"):
        sign(replace(world.statement, issued="yesterday"), world.evidence, world.key)
