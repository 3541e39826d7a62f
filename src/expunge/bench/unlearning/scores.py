"""What was measured in the worlds of a task, as figures: one contestant, one seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, SupportsFloat

import numpy as np
import numpy.typing as npt

from expunge.bench.unlearning.contestants import BITS, Arrays
from expunge.bench.unlearning.problems import Problem
from expunge.bench.unlearning.records import Record
from expunge.bench.unlearning.worlds import World
from expunge.domain.report import Verdict
from expunge.verification.divergence import divergence, from_the_others
from expunge.verification.membership import Membership, membership, rmia, ulira
from expunge.verification.predictions import accuracy, margins, per_subject
from expunge.verification.quantised import Quantisation
from expunge.verification.relearning import Relearning
from expunge.verification.tug_of_war import tug_of_war
from expunge.verification.unlearning import Judgement, Outputs, Targets, accuracies, judge

Floats = npt.NDArray[np.float64]

VERDICTS: Final = {Verdict.PASSED: 1.0, Verdict.FAILED: 0.0}
"""Any other is no number."""


@dataclass(frozen=True, eq=False)
class Seen:
    """What there is to see of one contestant.

    Parameters
    ----------
    before, after : Arrays
        In the judged world.
    retrained : sequence of Arrays
        Trained again, in the shadow worlds; none of them has seen a candidate.
    worlds : sequence of World
        The shadow worlds.
    shadows : sequence of Arrays
        What the contestant left there.
    relearned : sequence of int
        Steps that those trained again needed, to know who left as the model before did; empty where none was asked.
    again : Arrays
        Trained again in the judged world, under its seed.
    ratios : sequence of float
        Time to forget as a share of training again, in all worlds.
    """

    before: Arrays
    after: Arrays
    retrained: Sequence[Arrays]
    worlds: Sequence[World]
    shadows: Sequence[Arrays]
    relearned: Sequence[int]
    again: Arrays
    ratios: Sequence[float]


def records(problem: Problem, world: World, method: str, seed: int, seen: Seen, relearn_most: int) -> Iterator[Record]:
    """Yield all figures of a contestant in a judged world."""
    attack, population = _ulira(problem, world, seen, seed), _rmia(problem, world, seen, seed)
    theirs, targets = problem.leave(world.members), _targets(problem, world)
    mine = theirs[problem.asked]
    before, after = _outputs(seen.before, mine), _outputs(seen.after, mine)
    again = [_outputs(one, mine) for one in seen.retrained]
    quantised = [_quantised(problem, seen, mine, bits) for bits in BITS if f"rounded_{bits}" in seen.after]
    relearned = None
    if "relearned" in seen.after and len(seen.relearned):
        counted = [int(seen.after["relearned"]), *seen.relearned]
        steps = [_steps(one, relearn_most) for one in counted]
        relearned = Relearning(steps[0], tuple(steps[1:]), relearn_most)
    found = judge(before, after, again, targets, membership=attack, relearned=relearned, quantised=quantised)

    def figure(
        metric: str, value: SupportsFloat, low: SupportsFloat = np.nan, high: SupportsFloat = np.nan, words: str = ""
    ) -> Record:
        return Record(problem.name, method, seed, metric, float(value), float(low), float(high), words)

    for name, one in (("membership", attack), ("rmia", population)):
        yield figure(f"{name}_auc", one.auc.value, one.auc.low, one.auc.high)
        yield figure(f"{name}_p", one.p_value)
        yield figure(f"{name}_epsilon", one.epsilon.low, one.epsilon.low, one.epsilon.high)
        for rate, hits in one.above.items():
            if hits is not None:
                yield figure(f"{name}_tpr_{rate}", hits.value, hits.low, hits.high)
    mine_of, theirs_of = accuracies(after, targets), [accuracies(one, targets) for one in again]
    for rows in ("forget", "retain", "test"):
        values = [getattr(one, rows) for one in theirs_of]
        yield figure(f"accuracy_{rows}", getattr(mine_of, rows))
        yield figure(f"retrained_accuracy_{rows}", np.mean(values), min(values), max(values))
    clean = problem.truth[theirs]
    yield figure("accuracy_forget_clean", accuracy(after.forget, clean))
    yield figure("tug_of_war", tug_of_war(mine_of, theirs_of))
    apart = from_the_others([after.forget, *(one.forget for one in again)])
    yield figure("divergence", apart[0])
    yield figure("divergence_retrained", apart[1:].mean(), apart[1:].min(), apart[1:].max())
    yield figure("moved", divergence(before.forget, after.forget))
    if relearned is not None:
        yield figure("relearned", int(seen.after["relearned"]))
        many = seen.relearned
        yield figure("relearned_retrained", np.mean(many), min(many), max(many))
    for rounded in quantised:
        yield figure(f"recovered_{rounded.bits}_bits", rounded.recovery)
        yield figure(f"rounded_{rounded.bits}_bits", rounded.after_rounded)
    yield figure("seconds", float(seen.after["seconds"]))
    yield figure("retrain_seconds", float(seen.again["seconds"]))
    yield figure("time", float(seen.after["seconds"] / seen.again["seconds"]))
    yield figure("time_mean", np.mean(seen.ratios), np.nan, np.percentile(seen.ratios, 99))
    yield figure("bytes", float(seen.after["bytes"]))
    if "digest" in seen.after:  # of a learner, which one trained again under the same seed has too, where it is exact
        yield figure("replayed", np.array_equal(seen.after["digest"], seen.again["digest"]))
    yield from _verdicts(figure, found)


def _verdicts(figure: Callable[..., Record], found: Judgement) -> Iterator[Record]:
    for check in found.checks:
        value = VERDICTS.get(check.verdict, np.nan)
        yield figure(f"check {check.name}", value, words=f"{check.verdict.value}: {check.detail}")
    yield figure("verdict", VERDICTS.get(found.verdict, np.nan), words=f"{found.verdict.value}: {found.detail}")


def _ulira(problem: Problem, world: World, seen: Seen, seed: int) -> Membership:
    y, people = problem.y[problem.asked], problem.people[problem.asked]

    def scores(found: Arrays) -> Floats:
        return per_subject(margins(_float(found["asked"]), y), people)[1]

    members = np.array([one.members for one in seen.worlds])
    told = ulira(scores(seen.after), np.array([scores(one) for one in seen.shadows]), members)
    return membership(told, world.members, seed=seed)


def _rmia(problem: Problem, world: World, seen: Seen, seed: int) -> Membership:
    asked, test = problem.asked, problem.test

    def sure(found: Arrays, rows: str, which: npt.NDArray[np.bool_]) -> Floats:
        proba = _float(found[rows])
        return per_subject(proba[np.arange(len(proba)), problem.y[which]], problem.people[which])[1]

    told = rmia(
        sure(seen.after, "asked", asked),
        np.array([sure(one, "asked", asked) for one in seen.shadows]),
        sure(seen.after, "test", test),
        np.array([sure(one, "test", test) for one in seen.shadows]),
        gamma=1.0,  # models that are sure of most rows leave no room for a ratio of 2
    )
    return membership(told, world.members, seed=seed)


def _outputs(found: Arrays, mine: npt.NDArray[np.bool_]) -> Outputs:
    return Outputs(_float(found["asked"])[mine], _float(found["retain"]), _float(found["test"]))


def _targets(problem: Problem, world: World) -> Targets:
    theirs = problem.leave(world.members)
    return Targets(problem.y[theirs], problem.y[problem.stay], problem.truth[problem.test])


def _quantised(problem: Problem, seen: Seen, mine: npt.NDArray[np.bool_], bits: int) -> Quantisation:
    y, name = problem.y[problem.asked][mine], f"rounded_{bits}"

    def right(found: Mapping[str, npt.NDArray[np.float32]], rows: str) -> float:
        return accuracy(_float(found[rows])[mine], y)

    return Quantisation(
        bits,
        right(seen.before, "asked"),
        right(seen.after, "asked"),
        right(seen.after, name),
        tuple(right(one, "asked") for one in seen.retrained),
        tuple(right(one, name) for one in seen.retrained),
    )


def _steps(taken: int, most: int) -> int | None:
    return None if taken > most else taken


def _float(proba: npt.NDArray[np.float32]) -> Floats:
    """Return probabilities of sum 1 as float64."""
    found = proba.astype(np.float64)
    return np.asarray(found / found.sum(axis=1, keepdims=True))
