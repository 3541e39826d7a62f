"""The judge of unlearning: whether a model is what a model would be that never saw the forget rows.

Models that were retrained without them, under several seeds, say what such models are like. Checks:

- ``effect``: what predicts changed at all; a no-op, or an edit of the member list, changes nothing that does.
- ``utility``: retain and test rows are classified as well as by retrained models; not so by one that was destroyed.
- ``forget accuracy``: forget rows are classified no better, *and no worse*, than by retrained models; flipped labels
  are worse.
- ``membership``: an attack does not tell who was unlearned from who was never seen.
- ``divergence``: on forget rows, outputs are no further from retrained models' than these are from each other.
- ``relearning``: the forget rows are not learned again faster than by retrained models.
- ``quantisation``: rounding the weights brings the forget rows back no more than in retrained models.

`effect` compares; the others are statistical tests. Under the null hypothesis, the model is one more draw from the
retrained ones. Figures are held against a Student prediction interval for the next draw, exact where the figures are
normal; `membership` is an exact permutation test. Divergences are tested as logarithms, and on forget rows only: those
on retain rows have heavy tails, a seed that converged badly. Each test has an equal part of `alpha` (Bonferroni), so a
retrained model fails any of them with probability `alpha` at most.

A pass says that these tests found nothing, with so few seeds; it is no proof of forgetting. A test that no figure could
fail, since seeds differ so much or people are so few, reads NOT RUN.

Figures are rounded to three decimals (DESIGN promise 7); verdicts are found before rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import comb
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from expunge.domain.report import Check, Verdict
from expunge.errors import InputError
from expunge.verification.divergence import divergence, from_the_others
from expunge.verification.intervals import Interval, next_draw
from expunge.verification.membership import PERMUTATIONS, Membership
from expunge.verification.predictions import accuracy
from expunge.verification.quantised import Quantisation
from expunge.verification.relearning import Relearning, counted
from expunge.verification.tug_of_war import Accuracies, tug_of_war

_Floats: TypeAlias = npt.NDArray[np.float64]

ROWS: Final = ("forget", "retain", "test")
REQUIRED: Final = ("effect", "utility", "forget accuracy", "membership", "divergence")
"""Without one of them nothing is passed."""
SAME: Final = 1e-6
"""Probabilities that differ by no more are the same: float32 tells them apart no better."""
_NOISE: Final = 1e-9
"""Divergence, and spread of its logarithm, that is assumed at least: rounding errors."""


@dataclass(frozen=True)
class Outputs:
    """What one model says (`expunge.verification.predictions.probabilities`).

    Parameters
    ----------
    forget, retain, test : ndarray of float64 (n_rows, n_classes)
        Probabilities for rows of people who were forgotten, who remain, and whom no model has seen.
    """

    forget: _Floats
    retain: _Floats
    test: _Floats


@dataclass(frozen=True)
class Targets:
    """What is true: places in the classes.

    Parameters
    ----------
    forget, retain, test : ndarray of int (n_rows,)
    """

    forget: npt.NDArray[np.intp]
    retain: npt.NDArray[np.intp]
    test: npt.NDArray[np.intp]


@dataclass(frozen=True)
class Judgement:
    """What the judge says.

    Parameters
    ----------
    verdict : Verdict
        FAILED where a check failed; PASSED where all of `REQUIRED` passed; else that of the first that did not.
    detail : str
        Why, in a sentence.
    checks : tuple of Check
    """

    verdict: Verdict
    detail: str
    checks: tuple[Check, ...]


def judge(
    before: Outputs | None,
    after: Outputs,
    retrained: Sequence[Outputs],
    targets: Targets,
    *,
    membership: Membership | None = None,
    digests: tuple[str, str] | None = None,
    relearned: Relearning | None = None,
    quantised: Sequence[Quantisation] = (),
    alpha: float = 0.05,
) -> Judgement:
    """Judge a model that is said to have unlearned.

    Parameters
    ----------
    before : Outputs or None
        Of the model before it unlearned.
    after : Outputs
        Of the model under test.
    retrained : sequence of Outputs
        Of models that never saw the forget rows, under five seeds or more. None of them may be the model under test.
    targets : Targets
    membership : Membership or None
        Of an attack on the model under test.
    digests : tuple of str or None
        Served digests before and after.
    relearned : Relearning or None
    quantised : sequence of Quantisation
        One for each number of bits.
    alpha : float
        Probability at most that a retrained model fails.

    Raises
    ------
    InputError
        For fewer than five retrained models, shapes that do not match, and an `alpha` out of reach.
    """
    n_tests = 4 + (membership is not None) + (relearned is not None) + len(quantised)
    if not PERMUTATIONS * alpha > n_tests or alpha >= 1:
        raise InputError(
            f"alpha={alpha!r} cannot be shared by {n_tests} tests.", mend="Give a probability, 0.05 or 0.01 say."
        )
    each = alpha / n_tests
    seeds = [accuracies(one, targets) for one in retrained]
    found = accuracies(after, targets)
    told = f"{len(seeds)} retrained seeds, {n_tests} tests, false alarms at most {alpha:g} in all if seeds are normal."
    checks = (
        _effect(before, after, retrained, digests),
        _utility(found, seeds, targets, each, told),
        _forget_accuracy(found, seeds, len(targets.forget), each, told),
        _membership(membership, each, told),
        _divergence(after, retrained, each, told),
        _relearning(relearned, each, told),
        _quantisation(quantised, len(targets.forget), each, told),
    )
    return _judged(checks)


def accuracies(outputs: Outputs, targets: Targets) -> Accuracies:
    """Return the accuracies on forget, retain and test rows."""
    return Accuracies(*(accuracy(getattr(outputs, rows), getattr(targets, rows)) for rows in ROWS))


def _judged(checks: tuple[Check, ...]) -> Judgement:
    for check in checks:
        if check.verdict is Verdict.FAILED:
            return Judgement(Verdict.FAILED, f"{check.name}: {check.detail}", checks)
    for check in checks:
        if check.name in REQUIRED and check.verdict is not Verdict.PASSED:
            return Judgement(check.verdict, f"{check.name}: {check.detail}", checks)
    run = ", ".join(check.name for check in checks if check.verdict is Verdict.PASSED)
    return Judgement(Verdict.PASSED, f"No check found anything: {run}. That is no proof of forgetting.", checks)


def _effect(
    before: Outputs | None, after: Outputs, retrained: Sequence[Outputs], digests: tuple[str, str] | None
) -> Check:
    equal = digests is not None and digests[0] == digests[1]
    figures = {} if digests is None else {"served_digest": "equal" if equal else "changed"}
    if before is None:
        if equal:
            return Check("effect", Verdict.FAILED, _NOTHING, figures)
        return _not_run("effect", "the model before is not known.", figures)
    moved = _largest(before.forget, after.forget)
    typical = float(np.mean([divergence(before.forget, one.forget) for one in retrained]))
    figures |= {"largest_change": _shown(moved)}
    if typical:
        figures |= {"moved_against_retrained": _shown(divergence(before.forget, after.forget) / typical)}
    if moved > SAME and not equal:
        return Check("effect", Verdict.PASSED, "What it says of the forget rows changed.", figures)
    if moved <= SAME and all(_largest(before.forget, one.forget) <= SAME for one in retrained):
        unsaid = "Nothing changed, and to retrain changes nothing either: only a replay can tell."
        return Check("effect", Verdict.NOT_COMPARABLE, unsaid, figures)
    return Check("effect", Verdict.FAILED, _NOTHING if equal else _BESIDE, figures)


_NOTHING: Final = "The model did nothing: its served bytes are those of before; only its member list can have changed."
_BESIDE: Final = (
    "The model did nothing: it says of the forget rows what it said before; only what lies beside the weights can have "
    "changed, its member list say."
)


def _utility(found: Accuracies, seeds: Sequence[Accuracies], targets: Targets, each: float, told: str) -> Check:
    figures = {"tug_of_war": _shown(tug_of_war(found, seeds))}
    verdicts = []
    for rows in ("retain", "test"):
        value = getattr(found, rows)
        one_row = 1 / len(getattr(targets, rows))
        bounds = next_draw([getattr(seed, rows) for seed in seeds], 2 * each, one_row)
        verdicts.append(_told(value < bounds.low, bounds.low > 0))
        figures |= {rows: _shown(value), f"{rows}_retrained": _shown(bounds.value), f"{rows}_least": _shown(bounds.low)}
    return _tested(
        "utility",
        verdicts,
        figures,
        "The model was destroyed or damaged: it is worse than retrained models on those who remain, or on new people.",
        f"It is as good as retrained models on those who remain and on new people; {told}",
    )


def _forget_accuracy(found: Accuracies, seeds: Sequence[Accuracies], n_rows: int, each: float, told: str) -> Check:
    bounds = next_draw([seed.forget for seed in seeds], each, 1 / n_rows)
    value = found.forget
    figures = {"forget": _shown(value), **_bounds("forget", bounds)}
    if value > bounds.high:
        reason = "It still knows the forget rows: it is better on them than retrained models."
    else:
        reason = "It is worse on the forget rows than models that never saw them: labels were flipped."
    fails = value < bounds.low or value > bounds.high
    verdict = _told(fails, bounds.low > 0 or bounds.high < 1)
    passed = f"It is as good on the forget rows as models that never saw them; {told}"
    return _tested("forget accuracy", [verdict], figures, reason, passed)


def _membership(found: Membership | None, each: float, told: str) -> Check:
    if found is None:
        return _not_run("membership", "no attack was made.")
    rates = {f"{side}_{rate}": got for side in ("above", "below") for rate, got in getattr(found, side).items()}
    figures = {
        "unlearned": str(found.members),
        "never_seen": str(found.others),
        **{name: _shown(getattr(found.auc, end)) for name, end in _ends("auc")},
        **{f"true_positives_{name}": _rate(got) for name, got in rates.items()},
        **{name: _shown(getattr(found.epsilon, end)) for name, end in _ends("epsilon")},
        "epsilon_confidence": f"{found.confidence:g}",
        "p_value": f"{found.p_value:.4f}",
    }
    side = "still known" if found.auc.value > 0.5 else "forgotten more than if they had never been there"
    # Labellings that are as extreme as can be: two, one for each side.
    reachable = comb(found.members + found.others, found.members) >= 2 / each
    return _tested(
        "membership",
        [_told(found.p_value <= each, reachable)],
        figures,
        f"An attack tells who was unlearned from who was never seen: they are {side}.",
        f"This attack does not tell who was unlearned from who was never seen, which bounds nothing from above; {told}",
    )


def _divergence(after: Outputs, retrained: Sequence[Outputs], each: float, told: str) -> Check:
    found = {rows: from_the_others([getattr(one, rows) for one in (after, *retrained)]) for rows in ROWS}
    figures = {rows: _shown(each_model[0]) for rows, each_model in found.items()}
    figures |= {f"{rows}_retrained": _shown(each_model[1:].mean()) for rows, each_model in found.items()}
    value, *others = np.log(found["forget"] + _NOISE).tolist()
    bounds = next_draw(others, 2 * each, _NOISE)
    most = float(np.exp(bounds.high))
    return _tested(
        "divergence",
        [_told(value > bounds.high, most < np.log(2))],
        {**figures, "forget_most": _shown(most)},
        "On the forget rows it is further from retrained models than these are from each other.",
        f"On the forget rows it is no further from retrained models than these are from each other; {told}",
    )


def _relearning(found: Relearning | None, each: float, told: str) -> Check:
    if found is None:
        return _not_run("relearning", "nothing was learned again.")
    value, *seeds = np.log1p(counted((found.after, *found.retrained), found.most)).tolist()
    bounds = next_draw(seeds, 2 * each, _one_step(float(np.mean(seeds))))
    figures = {
        "steps": _steps(value, found.most),
        "steps_retrained": _shown(float(np.expm1(bounds.value))),
        "steps_least": _shown(max(0.0, float(np.expm1(bounds.low)))),
        "steps_most": str(found.most),
    }
    return _tested(
        "relearning",
        [_told(value < bounds.low, bounds.low > 0)],
        figures,
        "It learns the forget rows again faster than models that never saw them: it hid what it knew.",
        f"It takes as long to learn the forget rows again as models that never saw them; {told}",
    )


def _one_step(middle: float) -> float:
    """Return what one step makes of log(1 + steps)."""
    return float(np.exp(-middle))


def _steps(value: float, most: int) -> str:
    steps = round(float(np.expm1(value)))
    return f"over {most}" if steps > most else str(steps)


def _quantisation(found: Sequence[Quantisation], n_rows: int, each: float, told: str) -> Check:
    if not found:
        return _not_run("quantisation", "no weights were rounded.")
    figures: dict[str, str] = {}
    verdicts = []
    for one in found:
        bounds = next_draw(one.retrained_recoveries, 2 * each, 1 / n_rows)
        verdicts.append(_told(one.recovery > bounds.high, one.after != one.original))
        name = f"bits_{one.bits}"
        figures |= {f"{name}_recovered": _shown(one.recovery), f"{name}_most": _shown(bounds.high)}
    return _tested(
        "quantisation",
        verdicts,
        figures,
        "Rounding the weights brings back what it is said to have forgotten.",
        f"Rounding the weights brings back no more than in retrained models; {told}",
    )


def _told(fails: bool, could: bool) -> Verdict:
    """Return a test's verdict; one that no figure could fail was not run."""
    if not could:
        return Verdict.NOT_RUN
    return Verdict.FAILED if fails else Verdict.PASSED


def _tested(name: str, verdicts: Sequence[Verdict], figures: dict[str, str], failed: str, passed: str) -> Check:
    if Verdict.FAILED in verdicts:
        return Check(name, Verdict.FAILED, failed, figures)
    if Verdict.NOT_RUN in verdicts:
        return _not_run(name, "no figure could have failed: seeds differ too much, or people are too few.", figures)
    return Check(name, Verdict.PASSED, passed, figures)


def _not_run(name: str, why: str, figures: dict[str, str] | None = None) -> Check:
    return Check(name, Verdict.NOT_RUN, f"Not run: {why}", figures or {})


def _rate(found: Interval | None) -> str:
    return "too few people" if found is None else _shown(found.value)


def _bounds(name: str, bounds: Interval) -> dict[str, str]:
    ends: dict[str, Callable[[Interval], float]] = {
        "retrained": lambda one: one.value,
        "least": lambda one: one.low,
        "most": lambda one: one.high,
    }
    return {f"{name}_{end}": _shown(of(bounds)) for end, of in ends.items()}


def _ends(name: str) -> list[tuple[str, str]]:
    return [(name, "value"), (f"{name}_low", "low"), (f"{name}_high", "high")]


def _largest(one: _Floats, other: _Floats) -> float:
    if one.shape != other.shape:
        raise InputError(
            f"outputs of shapes {one.shape} and {other.shape} cannot be compared.",
            mend="Give both models the same rows.",
        )
    return float(np.abs(one - other).max())


def _shown(value: float) -> str:
    if not np.isfinite(value):
        return "unbounded"
    text = f"{value:.3f}"
    return "0.000" if text == "-0.000" else text
