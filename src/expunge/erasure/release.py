"""When a batch may go: small ones wait for others, and the law's deadline comes first.

Two published models that differ by one person can tell something of that person (arXiv 2405.20272). So where policy
asks for a minimum, requests wait until so many subjects leave every model together; but no longer than the policy's
window, and never into the safe days before the law's last day (GDPR Art. 12(3); CCPA 1798.130(a)(2)).

Invariants
----------
- What touches no model that too few would leave does not wait.
- Whoever waits waits for a day that is known, and at most until then.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, TypeAlias

from expunge.access.policy import Policy
from expunge.domain.certificate import Release, Rule
from expunge.domain.plan import Plan, ReleaseRule
from expunge.domain.request import Request, State

Leaving: TypeAlias = Mapping[str, Mapping[str, Collection[bytes]]]
"""By request, by model: the references of those who leave."""


@dataclass(frozen=True)
class Waiting:
    """Requests that wait for others.

    Parameters
    ----------
    requests : tuple of str
    subjects : int
        So many leave a model together, at least, as it is.
    minimum : int
        So many should.
    latest : date
        On this day they go, whoever else has come.
    because : str
        Why then.
    """

    requests: tuple[str, ...]
    subjects: int
    minimum: int
    latest: date
    because: str

    def to_dict(self) -> dict[str, Any]:
        """Return the form that the command line prints as JSON."""
        return {**self.__dict__, "requests": list(self.requests), "latest": self.latest.isoformat()}

    def __str__(self) -> str:
        return (
            f"waiting: {self.subjects} of {self.minimum} subjects; goes at the latest on {self.latest.isoformat()} "
            f"because {self.because}"
        )


def rule_of(policy: Policy) -> ReleaseRule:
    """Return what the policy says about release, as a plan shows it."""
    return ReleaseRule(policy.min_batch, policy.window_days, policy.safe_days, policy.utility_drop)


def planned(policy: Policy, request: Request, rule: dict[str, Any] | None) -> list[str]:
    """Say in words what the release part of a request's plan asks for; nothing where it asks for nothing."""
    words = []
    if rule is not None and rule["subjects"] and rule["min_batch"] > 1:
        words.append(
            f"at least {rule['min_batch']} subjects leave a model together, this request has {rule['subjects']}"
        )
        if request.state is State.APPROVED:
            day, _, because = latest(policy, request)
            words.append(f"it goes at the latest on {day.isoformat()} because {because}")
    if rule is not None and rule["subjects"] and float(rule["utility_drop"]) < 1:
        words.append(f"a model whose held-out score falls by more than {rule['utility_drop']} waits for a decision")
    return words


def latest(policy: Policy, request: Request) -> tuple[date, Rule, str]:
    """Return the day from which an approved request waits no more, the rule that says so, and the reason in words."""
    days = policy.safe_days
    safe = request.last_day - timedelta(days=days)
    window = (request.approved or request.received).date() + timedelta(days=policy.window_days)
    if safe <= window:
        return safe, Rule.DEADLINE, f"the law's last day is {request.last_day.isoformat()}, less {days} safe days"
    return window, Rule.WINDOW, f"the window of {policy.window_days} days ends"


def held_back(leaving: Leaving, minimum: int) -> set[str]:
    """Return the requests that would let fewer than the minimum leave a model; without them, the rest may go.

    Examples
    --------
    >>> pair = {"R-1": {"M-1": {b"a"}}, "R-2": {"M-1": {b"b"}}, "R-3": {}}
    >>> held_back(pair, 2), sorted(held_back(pair, 3))
    (set(), ['R-1', 'R-2'])
    """
    held: set[str] = set()
    while True:
        going = {request: models for request, models in leaving.items() if request not in held}
        short = {model for model, refs in together(going).items() if len(refs) < minimum}
        more = {request for request, models in going.items() if any(models.get(model) for model in short)}
        if not more:
            return held
        held |= more


def together(leaving: Leaving) -> dict[str, set[bytes]]:
    """Return who would leave each model."""
    found: dict[str, set[bytes]] = {}
    for models in leaving.values():
        for model, refs in models.items():
            if refs:
                found.setdefault(model, set()).update(refs)
    return found


def wait(policy: Policy, chosen: Sequence[Request], leaving: Leaving, today: date) -> Waiting | None:
    """Return which of the approved requests wait, or None where all may go."""
    held = held_back(leaving, policy.min_batch)
    waiting = [request for request in chosen if request.id in held]
    if not waiting:
        return None
    day, _, because = min(latest(policy, request) for request in waiting)
    if day <= today:
        return None
    fewest = min(len(refs) for refs in together({one: leaving[one] for one in held}).values())
    return Waiting(tuple(request.id for request in waiting), fewest, policy.min_batch, day, because)


def released(policy: Policy, going: Sequence[Request], whole: Plan, today: date) -> Release | None:
    """Say under which rule a batch goes; None where the policy asks for no minimum."""
    if policy.min_batch == 1:
        return None
    fewest = min((copy.subjects for copy in whole.touched if copy.kind == "model"), default=0)
    if fewest == 0:
        rule = Rule.NO_MODEL
    elif fewest >= policy.min_batch:
        rule = Rule.ENOUGH
    else:
        ended = {rule for day, rule, _ in (latest(policy, request) for request in going) if day <= today}
        rule = Rule.DEADLINE if Rule.DEADLINE in ended else Rule.WINDOW
    return Release(policy.min_batch, policy.window_days, policy.safe_days, fewest, rule)
