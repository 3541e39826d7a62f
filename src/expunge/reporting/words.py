"""What a certificate says, in the words of the page. Pure: strings and tuples out of a statement.

Nothing is said here that the statement does not say; what it leaves open reads NOT RUN, or "not replayed".
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final

from expunge.certificates.release import UTILITY
from expunge.certificates.statement import REPLAY
from expunge.domain.certificate import BY_CONSTRUCTION, Copy, RequestLine, Rule, Statement
from expunge.domain.cost import duration
from expunge.domain.guarantee import Certified, Empirical, Exact
from expunge.domain.plan import Method
from expunge.domain.report import Check, Verdict
from expunge.domain.request import Law, Outcome
from expunge.erasure.law.rules import rules

_LARGEST: Final = 1e9
"""No share, score or time in seconds (30 years) is larger; what is, or is no number at all, is not drawn."""
REMANENCE: Final = "remanence"
REDUCED: Final = "influence reduced"
BOUNDED: Final = "forgotten up to the bound below"
_SHOWN: Final = {
    "file": "the file is a certificate in its one spelling, so no byte is without meaning",
    "signature": "the holder of the issuer's key signed it",
    "statement": "it does not contradict itself, and no check in it FAILED",
    "members": "the members roots fit: exactly those left each copy who are said to have left",
    "log entry": "the entry in the audit log is about this very certificate",
    "inclusion": "the audit log holds that entry",
    "checkpoint": "the log's own key signed the head of that log",
}
"""What each of `expunge.certificates.CHECKS` shows."""
_RESULT: Final = {
    Method.DELETE_ROWS: "rows deleted",
    Method.FORGET: "forgotten",
    Method.REFIT: "trained again without these people",
    Method.RETIRE: "retired: unpublished and destroyed",
    Method.RETAINED: "left as it was: what it holds of these people is retained",
    Method.NOT_A_MEMBER: "left as it was: it held none of these people",
}


@dataclass(frozen=True)
class CheckRow:
    """A check as it stands on the page; `figures` as (name, figure)."""

    name: str
    verdict: str
    detail: str
    figures: tuple[tuple[str, str], ...] = ()

    @property
    def mark(self) -> str:
        """CSS class; the verdict itself is always written out."""
        return self.verdict.lower().replace(" ", "-")


@dataclass(frozen=True)
class LawGroup:
    """The requests made under one law; rows as (id, received, due, outcome)."""

    law: str
    rows: tuple[tuple[str, str, str, str], ...]


def verification(expected: tuple[str, ...], passed: tuple[str, ...]) -> tuple[CheckRow, ...]:
    """Say what each check of the certificate shows, and NOT RUN for one that was not made.

    Examples
    --------
    >>> [(row.name, row.verdict) for row in verification(("file", "signature"), ("file",))]
    [('file', 'PASSED'), ('signature', 'NOT RUN')]
    """
    return tuple(
        CheckRow(name, (Verdict.PASSED if name in passed else Verdict.NOT_RUN).value, _SHOWN.get(name, ""))
        for name in expected
    )


def tally(statement: Statement) -> str:
    """Count the verdicts of every check in a statement, those that it should name and does not as NOT RUN."""
    rows = [*workspace_checks(statement), *(row for copy in statement.copies for row in checks(copy))]
    counts = Counter(row.verdict for row in rows)
    always = (Verdict.PASSED, Verdict.FAILED, Verdict.NOT_RUN)
    shown = [verdict for verdict in Verdict if verdict in always or counts[verdict.value]]
    return ", ".join(f"{counts[verdict.value]} {verdict.value}" for verdict in shown)


def requests(statement: Statement) -> tuple[LawGroup, ...]:
    """Group the requests by law, in the order in which the statement names them."""
    laws = dict.fromkeys(law_in_full(line.law) for line in statement.requests)
    exceptions = _exceptions(statement)
    return tuple(
        LawGroup(
            law,
            tuple(
                (line.id, line.received, line.due, _outcome(line, exceptions))
                for line in statement.requests
                if law_in_full(line.law) == law
            ),
        )
        for law in laws
    )


def recipients(statement: Statement) -> tuple[tuple[str, str, str, str], ...]:
    """Name the recipients that the erasure was passed on to, as (recipient, kind, request, what came of it)."""
    return tuple(
        (line.recipient, line.kind.replace("-", " "), line.request, line.outcome.value) for line in statement.recipients
    )


def law_in_full(law: str) -> str:
    """Name a law and the right that it gives; a law that is not known here stands as the certificate has it.

    Examples
    --------
    >>> law_in_full("GDPR")
    'Regulation (EU) 2016/679 (GDPR), Art. 17(1)'
    >>> law_in_full("LGPD")
    'LGPD'
    """
    if law.lower() not in set(Law):
        return law
    found = rules(Law(law.lower()))
    return f"{found['name']}, {found['right']}"


def facts(copy: Copy) -> tuple[tuple[str, str], ...]:
    """Say what was done to a copy, as (label, text) pairs."""
    pairs = (
        ("What was done", method(copy)),
        ("People", people(copy)),
        ("Records removed", f"{copy.records_removed:,}"),
        ("Version", version(copy)),
        ("Guarantee", guarantee(copy)),
        ("In words", copy.guarantee_in_words),
        ("Digest equal to refit", equal_to_refit(copy)),
        ("Learned state", learned_state(copy)),
        ("Seed", seed(copy)),
        ("Utility guard", guard(copy)),
        ("Time taken", time_taken(copy)),
    )
    return tuple((label, text) for label, text in pairs if text)


def method(copy: Copy) -> str:
    """Say what was done, in no stronger words than the guarantee bears (DESIGN promise 2)."""
    match copy.guarantee:
        case Empirical() if copy.method is Method.FORGET:
            return REDUCED
        case Certified() if copy.method is Method.FORGET:
            return BOUNDED
    return _RESULT[copy.method]


def people(copy: Copy) -> str:
    """Say how many left, and how many remain."""
    members = copy.members
    if not members.left:
        return f"none of these people was among its {members.count_before:,}"
    return f"{len(members.left):,} of {members.count_before:,} removed, {members.count_after:,} remain"


def version(copy: Copy) -> str:
    """Say which version came after which."""
    if copy.version_after is None:
        return f"{copy.version_before} → none (retired)"
    if copy.version_after == copy.version_before:
        return f"{copy.version_before}, unchanged"
    return f"{copy.version_before} → {copy.version_after}"


def guarantee(copy: Copy) -> str:
    """Name the class of the guarantee, and no more than that was shown of it (DESIGN promise 2)."""
    match copy.guarantee:
        case Exact() if _replayed(copy) is not Verdict.PASSED:
            return f"{copy.guarantee}, {BY_CONSTRUCTION}"
        case Exact():
            return f"{copy.guarantee}, replayed"
        case Certified(spent=spent):
            return f"{copy.guarantee}: a bound on what can still be told of a person; {spent:g} of the budget is spent"
        case Empirical(measured=measured):
            return f"Empirical: {REDUCED}, nothing more is shown; measured: {measured}"
    return "does not apply: " + ("a dataset learns nothing" if copy.kind == "dataset" else "no model is left")


def equal_to_refit(copy: Copy) -> str:
    """Say whether what was learned equals a full retrain: yes, NO, or that nobody looked."""
    if copy.kind == "dataset":
        return "does not apply: a dataset learns nothing"
    if copy.version_after is None:
        return "does not apply: no model is left"
    match _replayed(copy):
        case Verdict.PASSED:
            return "yes: replayed and compared, byte for byte"
        case Verdict.FAILED:
            return "NO"
        case Verdict.NOT_COMPARABLE:
            return "not comparable in the environment of the replay"
    return BY_CONSTRUCTION if isinstance(copy.guarantee, Exact) else "not replayed"


def learned_state(copy: Copy) -> str:
    """Say whether the erasure moved what was learned; empty where there is nothing to compare."""
    if copy.learned.equal is None:
        return ""
    if not copy.learned.equal:
        return "changed"
    if not copy.members.left:
        return "the same as before"
    return "the same as before: one person need not move it, and " + (
        "the replay shows that it should not have moved"
        if _replayed(copy) is Verdict.PASSED
        else "only a replay would show that it should not have moved"
    )


def seed(copy: Copy) -> str:
    """Say which seed a model has, and whether this batch renewed it; empty where the certificate names none."""
    if copy.seed is None:
        return ""
    since = instant(copy.seed.since)
    renewed = "renewed in this batch by a full retrain, " if copy.seed.renewed else ""
    return f"number {copy.seed.number}, {renewed}in use since {since}"


def guard(copy: Copy) -> str:
    """Say how the policy's bound on the loss of utility was kept; empty where there is none."""
    found = copy.guard
    if found is None:
        return ""
    allowed = f"the score on held-out people may fall by {found.bound}"
    if found.drop is None:
        return f"NOT RUN: {allowed}, and the fall could not be measured"
    decided = f", on {instant(found.at)}" if found.at else ""
    by = f" by {found.by}" if found.by else ""
    return f"{allowed}, it fell by {found.drop}: {found.fate.value}{by}{decided}"


def release(statement: Statement) -> str:
    """Say under which rule the batch went; empty where the policy asks for no minimum."""
    found = statement.release
    if found is None:
        return ""
    asked = (
        f"The policy asks that at least {found.min_batch} people leave a model together (window {found.window_days} "
        f"days, safe days before the deadline {found.safe_days})."
    )
    if found.rule is Rule.NO_MODEL:
        return f"{asked} Nobody left a model in this batch."
    return f"{asked} {found.subjects} did: {found.rule.value}."


def time_taken(copy: Copy) -> str:
    """Say what it took, and what a full retrain takes (DESIGN promise 8); empty where nothing was computed."""
    if copy.kind == "dataset" or not copy.members.left:
        return ""
    own, retrain = times(copy)
    said = "not measured" if own is None else duration(own)
    if retrain is None:
        return f"{said}; a full retrain was not measured"
    return f"{said}; a full retrain {duration(retrain)} ({retrain_source(copy)})"


def times(copy: Copy) -> tuple[float | None, float | None]:
    """Return the seconds that the method took, and those of a full retrain; None for what cannot be a time."""
    read = (number(figure) for figure in (copy.seconds.method, copy.seconds.full_retrain))
    method_seconds, retrain_seconds = (None if value is None or value < 0 else value for value in read)
    return method_seconds, retrain_seconds


def retrain_source(copy: Copy) -> str:
    """Say where the time of a full retrain comes from: measured by this batch's replay, or estimated."""
    return "estimated" if find(copy, REPLAY).verdict is Verdict.NOT_RUN else "measured by the replay"


def checks(copy: Copy) -> tuple[CheckRow, ...]:
    """Return a copy's checks; of a model, also those that the certificate does not name, as NOT RUN."""
    wanted = (REPLAY, UTILITY) if copy.kind == "model" and copy.version_after is not None else ()
    return _rows(copy.checks, wanted)


def workspace_checks(statement: Statement) -> tuple[CheckRow, ...]:
    """Return the checks of the workspace as a whole; remanence reads NOT RUN where it is not named."""
    return _rows(statement.checks, (REMANENCE,))


def find(copy: Copy, name: str) -> Check:
    """Return a copy's check of this name; one that is not named was NOT RUN."""
    absent = Check(name, Verdict.NOT_RUN, "The certificate names no such check.")
    return next((check for check in copy.checks if check.name == name), absent)


def number(text: str | None) -> float | None:
    """Read a check's figure; None where there is none, or none that could be drawn."""
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if abs(value) <= _LARGEST else None


def instant(text: str) -> str:
    """Write an instant for people: ``2026-11-02 09:30:00 UTC``."""
    return text.replace("T", " ").replace("Z", " UTC")


def _replayed(copy: Copy) -> Verdict:
    return find(copy, REPLAY).verdict


def _rows(found: tuple[Check, ...], wanted: tuple[str, ...]) -> tuple[CheckRow, ...]:
    named = [check.name for check in found]
    missing = [Check(name, Verdict.NOT_RUN, "The certificate names no such check.") for name in wanted]
    every = (*found, *(check for check in missing if check.name not in named))
    return tuple(
        CheckRow(
            check.name,
            check.verdict.value,
            check.detail,
            tuple((name.replace("_", " "), figure) for name, figure in sorted(check.figures.items())),
        )
        for check in every
    )


def _outcome(line: RequestLine, exceptions: str) -> str:
    erased = {Outcome.ERASED.value, Outcome.PARTLY_ERASED.value}
    return f"{line.outcome}{exceptions}" if line.outcome in erased else line.outcome


def _exceptions(statement: Statement) -> str:
    """Say of what "erased" is not true: models whose influence was merely reduced, and what was retained."""
    forgot = [copy.guarantee for copy in statement.copies if copy.method is Method.FORGET]
    named = (
        (any(isinstance(one, Empirical) for one in forgot), f"models marked “{REDUCED}”"),
        (any(isinstance(one, Certified) for one in forgot), f"models marked “{BOUNDED}”"),
        (bool(statement.retained), "what was retained"),
    )
    kept = "; ".join(what for there, what in named if there)
    return f", except: {kept}" if kept else ""
