"""The statement as bytes, and what it must not contradict.

Invariants
----------
- A statement has one spelling: ``payload(parse(data)) == data``, and any other bytes are refused.
- What is checked here needs nothing but the statement: the signer checks it before signing, with the evidence beside
  it (`expunge.certificates.sign`), and the verifier checks it again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from expunge.certificates.release import guard_faults, release_faults, seed_faults
from expunge.certificates.strict import load_json, same_bytes
from expunge.domain.certificate import BY_CONSTRUCTION, Copy, Statement
from expunge.domain.digest import canonical_json
from expunge.domain.guarantee import Exact
from expunge.domain.plan import Method
from expunge.domain.recipient import Told
from expunge.domain.report import Verdict
from expunge.domain.request import Outcome
from expunge.log.sparse import EMPTY, verify_removal

REPLAY: Final = "replay"
"""Name of the check that refits from the remaining records and compares learned digests."""
ERASED: Final = re.compile(r"\beras", re.IGNORECASE)
"""No word for a model whose forgetting is bounded or measured (DESIGN promise 2)."""


def payload(statement: Statement) -> bytes:
    """Return the bytes that are signed: canonical JSON.

    Raises
    ------
    EnvelopeFormatError
        Where a field of the statement is not as `parse` will want it; nothing could verify such a certificate.
    """
    value = statement.to_dict()
    Statement.from_dict(value)
    return canonical_json(value)


def parse(data: bytes) -> Statement:
    """Read the bytes that were signed.

    Raises
    ------
    EnvelopeFormatError
        For unknown, missing and doubled fields, wrong types, and any spelling but the canonical one.
    """
    statement = Statement.from_dict(load_json(data, "the statement"))
    same_bytes(data, canonical_json(statement.to_dict()), "the statement")
    return statement


UNCHANGED: Final = frozenset({Method.NOT_A_MEMBER, Method.RETAINED})
"""Methods by which nobody leaves."""


def contradictions(statement: Statement) -> Iterator[tuple[str, str]]:
    """Yield what cannot be true in a statement, as (object id or "workspace", what is wrong)."""
    if not statement.requests:
        yield "workspace", "no request is named"
    if not statement.copies:
        yield "workspace", "no copy is named"
    ids = [copy.object for copy in statement.copies]
    for twice in sorted({name for name in ids if ids.count(name) > 1}):
        yield twice, "it is named twice"
    for check in statement.checks:
        if check.verdict is Verdict.FAILED:
            yield "workspace", f"check {check.name!r} FAILED"
    for what in release_faults(statement):
        yield "workspace", what
    kept = {retained.object for retained in statement.retained}
    for copy in statement.copies:
        if copy.method is Method.RETAINED and copy.object not in kept:
            yield copy.object, "it is retained, and no article is named for it"
        for what in (
            *_check_faults(copy),
            *_effect_faults(copy),
            *_digest_faults(copy),
            *seed_faults(copy),
            *guard_faults(copy),
        ):
            yield copy.object, what
    yield from _recipient_faults(statement)
    for stranger in sorted(kept.difference(ids)):
        yield stranger, "it is retained, and is no copy"
    if (Outcome.PARTLY_ERASED.value in {request.outcome for request in statement.requests}) != bool(kept):
        yield (
            "workspace",
            "partly erased is said exactly where something is retained; here one is said without the other",
        )


def _recipient_faults(statement: Statement) -> Iterator[tuple[str, str]]:
    asked = {request.id for request in statement.requests}
    for line in statement.recipients:
        if line.outcome is Told.OPEN:
            yield line.recipient, "it was neither told, nor is it explained why not"
        if line.request not in asked:
            yield line.recipient, f"it is said to be told of {line.request}, which is no request of the batch"


def members_faults(copy: Copy) -> Iterator[str]:
    """Yield what is wrong with a copy's account of who left it."""
    members = copy.members
    if list(members.left) != sorted(set(members.left)):
        yield "those who left are not in ascending order, each once"
    if members.count_before - members.count_after != len(members.left):
        yield (
            f"{len(members.left)} left, but {members.count_before} members before and "
            f"{members.count_after} after are said"
        )
    for count, root in ((members.count_before, members.before), (members.count_after, members.after)):
        if (count == 0) != (root == EMPTY.hex()):
            yield f"a root of {count} members cannot be {root}"
    if (copy.method in UNCHANGED) != (not members.left):
        yield f"{len(members.left)} left, but the method is said to be {copy.method.value!r}"
    if not members.left and copy.records_removed:
        yield f"nobody left, but {copy.records_removed} records are said to be removed"
    left = [bytes.fromhex(commitment) for commitment in members.left]
    roots = bytes.fromhex(members.before), bytes.fromhex(members.after)
    if not verify_removal(list(members.proof), *roots, left):
        yield "its removal proof does not hold: not exactly those left"


def _check_faults(copy: Copy) -> Iterator[str]:
    for check in copy.checks:
        if check.verdict is Verdict.FAILED:
            yield f"check {check.name!r} FAILED"
    replayed = [check.verdict for check in copy.checks if check.name == REPLAY]
    if len(replayed) > 1:
        yield f"check {REPLAY!r} is named {len(replayed)} times"
    proven = Verdict.PASSED in replayed or BY_CONSTRUCTION in copy.guarantee_in_words
    if isinstance(copy.guarantee, Exact) and not proven:
        yield f"it is Exact without a replay that PASSED, and its words do not say {BY_CONSTRUCTION!r}"


def _effect_faults(copy: Copy) -> Iterator[str]:
    """Yield what is wrong with a model that forgot, and not exactly: no effect, or words that are too strong."""
    if copy.guarantee is None or isinstance(copy.guarantee, Exact) or copy.method is not Method.FORGET:
        return
    if copy.learned.equal:
        yield "it is said to have forgotten, and learned what it had learned"
    if ERASED.search(copy.guarantee_in_words):
        yield f"a model of class {copy.guarantee.to_dict()['class']!r} is called erased"


def _digest_faults(copy: Copy) -> Iterator[str]:
    after = (copy.learned.after, copy.served.after)
    if copy.kind == "dataset":
        if (copy.guarantee, copy.learned.before, copy.served.before, *after) != (None,) * 5:
            yield "a dataset has no guarantee and no digests of a model"
        if copy.version_after is None:
            yield "a dataset cannot be retired"
    elif (copy.method is Method.RETIRE) != (copy.version_after is None):
        yield f"it has version {copy.version_after} after, but the method is said to be {copy.method.value!r}"
    elif copy.version_after is None and after != (None, None):
        yield "it is retired, and still has digests after"
    elif copy.version_after is not None and None in after:
        yield "it is still a model, and has no digests after"
    if (copy.learned.equal is None) != (None in (copy.learned.before, copy.learned.after)):
        yield "whether its learned digests are equal is said without both of them, or not said with both"
