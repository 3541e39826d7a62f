"""What a statement cannot say of the release rule, of seeds and of the utility guard without contradicting itself."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from expunge.domain.certificate import Copy, Fate, Guard, Rule, Statement
from expunge.domain.plan import Method

UTILITY: Final = "utility"
"""Name of the check that measures a model on held-out people, before and after."""
_BY_SOMEBODY: Final = frozenset({Fate.ACCEPTED, Fate.RETIRED})


def release_faults(statement: Statement) -> Iterator[str]:
    """Yield what cannot be true of the rule under which a batch went."""
    release = statement.release
    if release is None:
        return
    left = [len(copy.members.left) for copy in statement.copies if copy.kind == "model" and copy.members.left]
    fewest = min(left, default=0)
    if release.subjects != fewest:
        yield f"{release.subjects} are said to have left a model together, at least, and {fewest} did"
    rules = {Rule.ENOUGH} if fewest >= release.min_batch else {Rule.WINDOW, Rule.DEADLINE}
    if release.rule not in (rules if left else {Rule.NO_MODEL}):
        yield f"{fewest} left together, {release.min_batch} is the minimum, and the rule is said to be: {release.rule}"


def seed_faults(copy: Copy) -> Iterator[str]:
    """Yield what cannot be true of a model's seed."""
    if copy.seed is None:
        return
    if copy.kind == "dataset" or copy.method is Method.RETIRE:
        yield "it has no seed, and one is said"
    if copy.seed.renewed and copy.method is not Method.REFIT:
        yield f"its seed is said to be renewed, but the method to be {copy.method.value!r}"


def guard_faults(copy: Copy) -> Iterator[str]:
    """Yield what cannot be true of the utility guard: its figures, what follows from them, and who decided."""
    guard = copy.guard
    if guard is None:
        return
    if guard.fate not in possible(guard.bound, guard.drop) - {Fate.WAITS}:
        yield f"its score fell by {guard.drop}, {guard.bound} is allowed, and it is said to be: {guard.fate}"
    if (guard.fate is Fate.RETIRED) != (copy.method is Method.RETIRE):
        yield f"the guard says {guard.fate.value!r}, but the method is said to be {copy.method.value!r}"
    yield from _decision_faults(guard)
    figures = next((check.figures for check in copy.checks if check.name == UTILITY), {})
    measured = _fell(figures.get("before"), figures.get("after"))
    if measured != (None if guard.drop is None else Decimal(guard.drop)):
        yield f"its score is said to fall by {guard.drop}, and its figures say {measured}"


def possible(bound: str, drop: str | None) -> frozenset[Fate]:
    """Return what may become of a model whose score fell by so much.

    Examples
    --------
    >>> sorted(possible("0.05", "0.050")), sorted(possible("0.05", None))
    ([<Fate.WITHIN: 'within the bound'>], [<Fate.UNMEASURED: 'not measured'>])
    """
    if drop is None:
        return frozenset({Fate.UNMEASURED})
    if Decimal(drop) <= Decimal(bound):
        return frozenset({Fate.WITHIN})
    return frozenset({Fate.WAITS, Fate.DEADLINE}) | _BY_SOMEBODY


def _decision_faults(guard: Guard) -> Iterator[str]:
    if (guard.by is not None) != (guard.fate in _BY_SOMEBODY):
        yield "a decision names who took it, and nothing else does"
    if (guard.at is not None) != (guard.fate in _BY_SOMEBODY | {Fate.DEADLINE}):
        yield "a decision has its time, and nothing else has"


def _fell(before: str | None, after: str | None) -> Decimal | None:
    """Subtract figures of a check, which may be any text."""
    try:
        drop = Decimal(before or "") - Decimal(after or "")
    except ArithmeticError:
        return None
    return drop if drop.is_finite() else None
