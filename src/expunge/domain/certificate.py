"""What a certificate says: an in-toto Statement about one batch of erasure requests (DESIGN section 7).

Invariants
----------
- The statement names nobody: opaque ids and salted commitments only (DESIGN promise 7).
- Digests stand in it as HMACs, never in clear; ``equal`` says what the HMACs cannot show, since every model version
  has a nonce of its own.
- ``subject`` is derived from the copies: there is no second place where it could say something else.
- Figures are decimal strings: canonical JSON has no floats.

`expunge.certificates` signs and verifies it.
"""

from __future__ import annotations

import base64
import math
import re
from dataclasses import dataclass, fields
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, TypeAlias

from expunge.domain.codec import Form, Spelled, fault, read, write
from expunge.domain.guarantee import Certified, Empirical, Exact, Guarantee
from expunge.domain.plan import Method
from expunge.domain.recipient import RecipientKind, Told
from expunge.domain.report import Check

STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE: Final = "urn:expunge:erasure:v1"
BY_CONSTRUCTION: Final = "by construction; not replayed"
"""What the words of an Exact guarantee must contain where no replay passed (DESIGN promise 2)."""


def _form(pattern: str, what: str) -> Form:
    return Form(what, re.compile(pattern).fullmatch)


def _is_date(text: str) -> bool:
    return date.fromisoformat(text).isoformat() == text


def _is_instant(text: str) -> bool:
    return datetime.fromisoformat(text).strftime("%Y-%m-%dT%H:%M:%SZ") == text


def _is_key(text: str) -> bool:
    raw = base64.b64decode(text, validate=True)
    return len(raw) == 32 and base64.b64encode(raw).decode() == text


def read_guarantee(value: Any, path: str) -> Guarantee | None:
    """Read what ``Guarantee.to_dict`` wrote; null for a dataset, which guarantees nothing by itself."""
    if value is None:
        return None
    tag = value.get("class") if isinstance(value, dict) else None
    kinds: dict[object, Any] = {"exact": _ExactForm, "certified": _CertifiedForm, "empirical": _EmpiricalForm}
    if not isinstance(tag, str) or tag not in kinds:
        raise fault(f"{path}.class", f"is none of {', '.join(map(repr, kinds))}", tag)
    spelled = read(kinds[tag], {name: item for name, item in value.items() if name != "class"}, path)
    guarantee: Guarantee = spelled.guarantee()
    if guarantee.to_dict() != value:
        raise fault(path, "is spelled in an unusual way", value)
    return guarantee


Hex: TypeAlias = Annotated[str, _form(r"[0-9a-f]{64}", "is not 64 hex characters")]
Id: TypeAlias = Annotated[str, _form(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}", "is not an opaque id")]
Day: TypeAlias = Annotated[str, Form("is not a date such as 2026-11-02", _is_date)]
Instant: TypeAlias = Annotated[str, Form("is not a time such as 2026-11-02T09:30:00Z", _is_instant)]
Figure: TypeAlias = Annotated[str, _form(r"-?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]{1,3})?", "is not a decimal figure")]
PublicKey: TypeAlias = Annotated[str, Form("is not the base64 of 32 bytes", _is_key)]


@dataclass(frozen=True)
class _ExactForm:
    scope: Literal["portable", "environment"]

    def guarantee(self) -> Guarantee:
        return Exact(self.scope)


@dataclass(frozen=True)
class _CertifiedForm:
    epsilon: str
    delta: str
    spent: str

    def guarantee(self) -> Guarantee:
        return Certified(*(_finite(text) for text in (self.epsilon, self.delta, self.spent)))


@dataclass(frozen=True)
class _EmpiricalForm:
    measured: str

    def guarantee(self) -> Guarantee:
        return Empirical(self.measured)


def _finite(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise fault("guarantee", "is not a finite figure", text)
    return number


@dataclass(frozen=True)
class RequestLine:
    """One request of the batch.

    Parameters
    ----------
    id : str
        Opaque.
    law : str
        The law it was made under.
    received, due : str
        Days, as 2026-11-02.
    outcome : str
    """

    id: Id
    law: str
    received: Day
    due: Day
    outcome: str


@dataclass(frozen=True)
class Learned:
    """HMACs of the learned digest before and after, and whether the two digests are equal; None where there is none."""

    before: Hex | None
    after: Hex | None
    equal: bool | None


@dataclass(frozen=True)
class Served:
    """HMACs of the served digest before and after; None where nothing is served."""

    before: Hex | None
    after: Hex | None


@dataclass(frozen=True)
class Members:
    """Who left an object, and the proof that nobody else did.

    Parameters
    ----------
    before, after : str
        Members roots, 64 hex characters (`expunge.log.sparse`).
    count_before, count_after : int
        Numbers of members.
    left : tuple of str
        Commitments of those who left, in ascending order.
    proof : tuple of str
        What `expunge.log.sparse.removal_proof` returned.
    """

    before: Hex
    after: Hex
    count_before: int
    count_after: int
    left: tuple[Hex, ...]
    proof: tuple[str, ...]


@dataclass(frozen=True)
class Seconds:
    """What it took, and what a full retrain takes (DESIGN promise 8); decimal figures."""

    method: Figure
    full_retrain: Figure | None


@dataclass(frozen=True)
class Seed:
    """Which seed a model has after the batch: its number, since when, and whether this batch renewed it."""

    number: int
    since: Instant
    renewed: bool


class Fate(StrEnum):
    """What became of a model under the policy's utility guard."""

    WITHIN = "within the bound"
    UNMEASURED = "not measured"
    WAITS = "waits for a decision"
    ACCEPTED = "accepted"
    RETIRED = "retired"
    DEADLINE = "published, since the deadline comes first"


@dataclass(frozen=True)
class Guard:
    """The policy's bound on what a model may lose on held-out people, and what became of it.

    Parameters
    ----------
    bound : str
        The held-out score may fall by so much.
    drop : str or None
        By how much it fell (negative: it rose); None where it could not be measured.
    fate : Fate
        Never `WAITS`: what waits is not certified.
    by : str or None
        Who decided, opaque; None where nobody had to.
    at : str or None
        When it was decided, by somebody or by the deadline.
    """

    bound: Figure
    drop: Figure | None
    fate: Fate
    by: Id | None
    at: Instant | None


@dataclass(frozen=True)
class Copy:
    """What was done to one copy of the data: a dataset or a model.

    Parameters
    ----------
    object : str
        Opaque id.
    kind : {"dataset", "model"}
    name : str
    version_before : int
    version_after : int or None
        None where the model was retired.
    method : Method
    guarantee : Guarantee or None
        None for a dataset and for a retired model.
    guarantee_in_words : str
    learned : Learned
    served : Served
    members : Members
    records_removed : int
    checks : tuple of Check
    seconds : Seconds
    seed : Seed or None
        None for a dataset and for a retired model.
    guard : Guard or None
        None where the policy sets no bound, and where nobody left.
    """

    object: Id
    kind: Literal["dataset", "model"]
    name: str
    version_before: int
    version_after: int | None
    method: Method
    guarantee: Annotated[Guarantee | None, Spelled(read_guarantee)]
    guarantee_in_words: str
    learned: Learned
    served: Served
    members: Members
    records_removed: int
    checks: tuple[Check, ...]
    seconds: Seconds
    seed: Seed | None = None
    guard: Guard | None = None


class Rule(StrEnum):
    """Why a batch did not wait, or no longer."""

    NO_MODEL = "nobody left a model"
    ENOUGH = "enough left together"
    WINDOW = "the window ended"
    DEADLINE = "the deadline comes first"


@dataclass(frozen=True)
class Release:
    """Under which rule a batch went, where the policy asks for a minimum (arXiv 2405.20272).

    Parameters
    ----------
    min_batch, window_days, safe_days : int
        The policy's, when the batch began.
    subjects : int
        The smallest number that left a model together; 0 where nobody left one.
    rule : Rule
    """

    min_batch: int
    window_days: int
    safe_days: int
    subjects: int
    rule: Rule


@dataclass(frozen=True)
class Keys:
    """Where the root key lies, which version was destroyed and when, and what may still hold it."""

    store: str
    version_destroyed: int
    version_now: int
    unusable_since: Instant
    may_still_hold: tuple[str, ...]


@dataclass(frozen=True)
class Retained:
    """What was kept, why, and the article that allows it."""

    object: Id
    why: str
    article: str


@dataclass(frozen=True)
class RecipientLine:
    """One recipient of what the person of a request was in, and what came of telling it (GDPR Art. 19; 1798.105(c)).

    Parameters
    ----------
    request, recipient : str
        Opaque: the workspace's register knows the recipient's name.
    kind : RecipientKind
    outcome : Told
        Never open: there is no certificate before.
    """

    request: Id
    recipient: Id
    kind: RecipientKind
    outcome: Told


@dataclass(frozen=True)
class LogKey:
    """The audit log that the certificate is entered in: its name and its Ed25519 key (base64 of 32 bytes)."""

    origin: str
    public_key: PublicKey


@dataclass(frozen=True)
class Statement:
    """Everything that is signed.

    Parameters
    ----------
    batch, certificate : str
        Opaque ids.
    issued : str
        As 2026-11-02T09:30:00Z.
    requests : tuple of RequestLine
    copies : tuple of Copy
    checks : tuple of Check
        Of the workspace as a whole: remanence.
    keys : Keys
    retained : tuple of Retained
    recipients : tuple of RecipientLine
    residuals, limits, notes : tuple of str
        What may be left, what is not shown, and what the reader should know.
    log : LogKey
    environment : dict of str to str
    release : Release or None
        None where the policy asks for no minimum.
    """

    batch: Id
    certificate: Id
    issued: Instant
    requests: tuple[RequestLine, ...]
    copies: tuple[Copy, ...]
    checks: tuple[Check, ...]
    keys: Keys
    retained: tuple[Retained, ...]
    recipients: tuple[RecipientLine, ...]
    residuals: tuple[str, ...]
    limits: tuple[str, ...]
    notes: tuple[str, ...]
    log: LogKey
    environment: dict[str, str]
    release: Release | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the in-toto Statement (in-toto Attestation Framework v1, "Statement")."""
        return {
            "_type": STATEMENT_TYPE,
            "subject": [_subject(copy) for copy in self.copies],
            "predicateType": PREDICATE_TYPE,
            "predicate": {field.name: write(getattr(self, field.name)) for field in fields(self)},
        }

    @classmethod
    def from_dict(cls, value: Any) -> Statement:
        """Read what `to_dict` wrote.

        Raises
        ------
        EnvelopeFormatError
            For anything else, with the path of the field.
        """
        entries = value if isinstance(value, dict) else {}
        for name, expected in (("_type", STATEMENT_TYPE), ("predicateType", PREDICATE_TYPE)):
            if entries.get(name) != expected:
                raise fault(name, f"is not {expected!r}", entries.get(name))
        if set(entries) != {"_type", "subject", "predicateType", "predicate"}:
            raise fault("", "has not the four fields of a Statement", sorted(entries))
        statement: Statement = read(cls, entries["predicate"], "predicate")
        if entries["subject"] != [_subject(copy) for copy in statement.copies]:
            raise fault("subject", "is not what the copies say", entries["subject"])
        return statement


def _subject(copy: Copy) -> dict[str, Any]:
    """Name a copy as it is afterwards: by what it learned, or by whose records it holds."""
    digest = {"membersRoot": copy.members.after} if copy.learned.after is None else {"hmacSha256": copy.learned.after}
    return {"name": f"{copy.kind}/{copy.name}", "digest": digest}
