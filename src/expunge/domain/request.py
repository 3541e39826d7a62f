"""One erasure request and the states it goes through.

Start reading here; the next page is `expunge.erasure.execute`.

::

    received -> identified -> planned -> approved -> unlearned -> verified -> shredded
                                |  ^                     (a failing step: failed -> back to that step's start)
                                v  |
                               held       from any of these: refused | withdrawn -> notified -> closed
    shredded -> published -> purged -> checked -> certified -> notified -> closed

Invariants
----------
- A request moves only along `MOVES`; every move is one durable transaction.
- Until `shredded` nothing is lost: a request may still be held or withdrawn; the rest of its batch goes back to
  `approved`. From `shredded` on it can only go forward: the keys are gone.
- A request is certified at most once, and only after every step before was done.
- `refused` names a ground; `held` a ground and an end; `failed` names the step it goes back to.
- What is refused for one dataset is retained there; the rest is erased, and the outcome is `partly erased`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final

from expunge.errors import IllegalMoveError, InputError


class State(StrEnum):
    """Where a request stands (DESIGN section 6)."""

    RECEIVED = "received"
    IDENTIFIED = "identified"
    PLANNED = "planned"
    APPROVED = "approved"
    HELD = "held"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    UNLEARNED = "unlearned"
    VERIFIED = "verified"
    SHREDDED = "shredded"
    PUBLISHED = "published"
    PURGED = "purged"
    CHECKED = "checked"
    CERTIFIED = "certified"
    NOTIFIED = "notified"
    CLOSED = "closed"
    FAILED = "failed"


STEPS: Final = (
    State.UNLEARNED,
    State.VERIFIED,
    State.SHREDDED,
    State.PUBLISHED,
    State.PURGED,
    State.CHECKED,
    State.CERTIFIED,
    State.NOTIFIED,
    State.CLOSED,
)
"""What `erase` does, in order; each state is reached by one idempotent step."""

_BEFORE: Final = dict(zip(STEPS, (State.APPROVED, *STEPS), strict=False))
"""The state from which each step starts."""

MOVES: Final[dict[State, frozenset[State]]] = {
    State.RECEIVED: frozenset({State.IDENTIFIED, State.HELD, State.WITHDRAWN}),
    State.IDENTIFIED: frozenset({State.PLANNED, State.HELD, State.WITHDRAWN}),
    State.PLANNED: frozenset({State.PLANNED, State.APPROVED, State.REFUSED, State.HELD, State.WITHDRAWN}),
    State.APPROVED: frozenset({State.PLANNED, State.UNLEARNED, State.HELD, State.WITHDRAWN, State.FAILED}),
    State.HELD: frozenset({State.PLANNED, State.REFUSED, State.WITHDRAWN}),
    State.UNLEARNED: frozenset(
        {State.VERIFIED, State.PLANNED, State.APPROVED, State.HELD, State.WITHDRAWN, State.FAILED}
    ),
    State.VERIFIED: frozenset(
        {State.SHREDDED, State.PLANNED, State.APPROVED, State.HELD, State.WITHDRAWN, State.FAILED}
    ),
    State.SHREDDED: frozenset({State.PUBLISHED, State.FAILED}),
    State.PUBLISHED: frozenset({State.PURGED, State.FAILED}),
    State.PURGED: frozenset({State.CHECKED, State.FAILED}),
    State.CHECKED: frozenset({State.CERTIFIED, State.FAILED}),
    State.CERTIFIED: frozenset({State.NOTIFIED}),
    State.REFUSED: frozenset({State.NOTIFIED}),
    State.WITHDRAWN: frozenset({State.NOTIFIED}),
    State.NOTIFIED: frozenset({State.CLOSED}),
    State.CLOSED: frozenset(),
    State.FAILED: frozenset(_BEFORE[step] for step in STEPS if step not in {State.NOTIFIED, State.CLOSED}),
}


class Law(StrEnum):
    """The law under which a request is made."""

    GDPR = "gdpr"
    CCPA = "ccpa"


class Outcome(StrEnum):
    """What came of a request."""

    OPEN = "open"
    ERASED = "erased"
    PARTLY_ERASED = "partly erased"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True)
class Refusal:
    """What is refused for one dataset: it is retained there, and the rest is erased.

    Parameters
    ----------
    dataset : str
        Object id.
    ground : str
        Of the request's law.
    until : date or None
        When the ground falls away; then a request of its own goes on with what was retained.
    """

    dataset: str
    ground: str
    until: date | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the form that is stored and shown."""
        return {"dataset": self.dataset, "ground": self.ground, "until": self.until and self.until.isoformat()}

    @classmethod
    def from_dict(cls, value: dict[str, Any]) -> Refusal:
        """Read what `to_dict` wrote."""
        return cls(value["dataset"], value["ground"], value["until"] and date.fromisoformat(value["until"]))


@dataclass(frozen=True)
class Hold:
    """Why a request waits, and until when; it resumes by itself.

    Parameters
    ----------
    ground : str
        Hold ground of the request's law.
    since, until : date
        `until` is the first day on which it no longer holds.
    follows : str or None
        The request of which this one is the rest (see `Refusal`).
    number : int
        Of the holds of which the requester is told by a letter of their own; 0 where the answer that it follows told.
    """

    ground: str
    since: date
    until: date
    follows: str | None = None
    number: int = 1

    def to_dict(self) -> dict[str, Any]:
        """Return the form that is stored and shown."""
        return {
            "ground": self.ground,
            "since": self.since.isoformat(),
            "until": self.until.isoformat(),
            "follows": self.follows,
            "number": self.number,
        }

    @classmethod
    def from_dict(cls, value: dict[str, Any]) -> Hold:
        """Read what `to_dict` wrote."""
        since, until = date.fromisoformat(value["since"]), date.fromisoformat(value["until"])
        return cls(value["ground"], since, until, value["follows"], value["number"])


@dataclass(frozen=True)
class Extension:
    """A longer time to answer, of which the requester was told with reasons (GDPR Art. 12(3); 1798.130(a)(2)(A)).

    Parameters
    ----------
    until : date
        The new last day.
    reason : str
        As the letter gives it.
    at : date
        When it was decided.
    """

    until: date
    reason: str
    at: date

    def to_dict(self) -> dict[str, Any]:
        """Return the form that is stored and shown."""
        return {"until": self.until.isoformat(), "reason": self.reason, "at": self.at.isoformat()}

    @classmethod
    def from_dict(cls, value: dict[str, Any]) -> Extension:
        """Read what `to_dict` wrote."""
        return cls(date.fromisoformat(value["until"]), value["reason"], date.fromisoformat(value["at"]))


@dataclass(frozen=True)
class Request:
    """One erasure request. It names nobody: the identity lies sealed under a key of its own.

    Parameters
    ----------
    id : str
        Opaque, random.
    law : Law
    received : datetime
        Aware; its day is that of the office that received it, wherever it is read later.
    due : date
        Last day on which the law wants it answered.
    state : State
    outcome : Outcome
    ground : str or None
        Why it was refused.
    approver : str or None
        Who approved it.
    approved : datetime or None
        When it was approved, by the office's clock; it waits for others no longer than the policy's window from then.
    batch : str or None
        The batch that executes it.
    policy : str or None
        Version of the policy that was in force when it was planned.
    failed : tuple of (str, str) or None
        Where `state` is ``failed``: the state to go back to, and the reason.
    refusals : tuple of Refusal
        Datasets in which the person's records are retained.
    hold : Hold or None
        The hold that it is under, or was under last.
    extension : Extension or None
    """

    id: str
    law: Law
    received: datetime
    due: date
    state: State = State.RECEIVED
    outcome: Outcome = Outcome.OPEN
    ground: str | None = None
    approver: str | None = None
    approved: datetime | None = None
    batch: str | None = None
    policy: str | None = None
    failed: tuple[str, str] | None = None
    refusals: tuple[Refusal, ...] = ()
    hold: Hold | None = None
    extension: Extension | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        if self.received.tzinfo is None:
            raise InputError(f"request {self.id}: {self.received} has no time zone.", mend="Give an aware datetime.")

    def move(self, to: State, **changes: Any) -> Request:
        """Return the request in its next state.

        Raises
        ------
        IllegalMoveError
            Where `MOVES` does not allow it; the request is unchanged.

        Examples
        --------
        >>> request = Request("R-1", Law.GDPR, datetime(2026, 11, 2).astimezone(), date(2026, 12, 2))
        >>> request.move(State.IDENTIFIED).state
        <State.IDENTIFIED: 'identified'>
        >>> request.move(State.SHREDDED)
        Traceback (most recent call last):
            ...
        expunge.errors.IllegalMoveError: request R-1 is received and cannot become shredded. \
From received it can go to: held, identified, withdrawn.
        """
        if to not in MOVES[self.state]:
            ways = ", ".join(sorted(MOVES[self.state])) or "nowhere, it is at its end"
            raise IllegalMoveError(
                f"request {self.id} is {self.state} and cannot become {to}.",
                mend=f"From {self.state} it can go to: {ways}.",
            )
        if self.state is State.FAILED and self.failed is not None and to != self.failed[0]:
            raise IllegalMoveError(
                f"request {self.id} failed and cannot become {to}.", mend=f"It goes back to {self.failed[0]}."
            )
        if to is State.REFUSED and not changes.get("ground"):
            raise IllegalMoveError(f"request {self.id} has no ground for refusal.", mend="Name one, with --ground.")
        if to is State.HELD and not isinstance(changes.get("hold"), Hold):
            raise IllegalMoveError(f"request {self.id} has no ground to be held.", mend="Name one, with --ground.")
        if to is State.FAILED:
            reason = changes.pop("reason", "")
            if not reason:
                raise IllegalMoveError(f"request {self.id} failed without a reason.", mend="Give the reason.")
            changes["failed"] = (self.state.value, reason)
        else:
            changes.setdefault("failed", None)
        return replace(self, state=to, **changes)

    @property
    def last_day(self) -> date:
        """The last day to answer, with the extension that was told."""
        return self.due if self.extension is None else max(self.due, self.extension.until)

    @property
    def waits_to_follow(self) -> bool:
        """Whether it waits, as the rest of a request that was answered, for what that one retained (see `Hold`)."""
        return self.state is State.HELD and self.hold is not None and self.hold.follows is not None

    @property
    def final(self) -> bool:
        """Whether the request is at its end."""
        return not MOVES[self.state]

    def to_dict(self) -> dict[str, Any]:
        """Return the form that the command line prints as JSON."""
        return {
            "id": self.id,
            "law": self.law.value,
            "received": self.received.isoformat(timespec="seconds"),
            "due": self.due.isoformat(),
            "state": self.state.value,
            "outcome": self.outcome.value,
            "ground": self.ground,
            "approver": self.approver,
            "approved": self.approved and self.approved.isoformat(timespec="seconds"),
            "batch": self.batch,
            "policy": self.policy,
            "failed": list(self.failed) if self.failed else None,
            "refusals": [refusal.to_dict() for refusal in self.refusals],
            "hold": None if self.hold is None else self.hold.to_dict(),
            "extension": None if self.extension is None else self.extension.to_dict(),
        }
