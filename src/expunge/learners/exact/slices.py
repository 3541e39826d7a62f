"""One shard's fit: slice by slice, each stage a restart point.

Stage r learns from the first r slices. It goes on from stage r - 1, in its share of the rounds, where the estimator
can, and where both see the same classes; else it learns afresh, in the share of all stages so far. A word gets its
number in the first slice that has it, so that it keeps it in later ones.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any, Final

import numpy as np
from sklearn.base import clone

from expunge.learners.encoding.codes import Column, Scaled, learn_columns
from expunge.learners.encoding.columns import Cells, Feature, joined
from expunge.learners.encoding.plain import categorical
from expunge.learners.exact.adapters import family_of
from expunge.learners.exact.adapters.family import Family, Rows
from expunge.learners.exact.wrapped import rows_of
from expunge.learners.served import LinearModel, ServedModel

ROUND: Final = 3
"""Ranges are widened to multiples of an eighth to a quarter of their span."""
FEWEST: Final = 2
"""Rows to learn a restart point from: of one row no library learns anything to go on from."""


@dataclass(frozen=True, eq=False)
class Work:
    """What is to be fitted: it goes to another process as it is.

    Parameters
    ----------
    estimator : estimator
    features : tuple of Feature
        The target is the last.
    named, of_classes : bool
    slices : sequence of Cells
        All slices of the shard.
    kept : tuple of ServedModel or None
        The stages that stay as they are: the first ones.
    seeds : sequence of int
        One for each stage.
    """

    estimator: Any
    features: tuple[Feature, ...]
    named: bool
    of_classes: bool
    slices: Sequence[Cells]
    kept: tuple[ServedModel | None, ...]
    seeds: Sequence[int]


def fit_slices(work: Work) -> tuple[ServedModel | None, ...]:
    """Fit the stages that are not kept; None for a stage of no rows, or of too few, or from which nothing goes on."""
    family, n_stages = family_of(work.estimator), len(work.slices)
    resume = family.resume if family.resume is not None and family.resume.able(work.estimator) else None
    tables = list(accumulate(work.slices, joined))
    columns = [_in_order(tables[: stage + 1], work.features) for stage in range(n_stages)]
    stages = list(work.kept)
    for stage in range(len(stages), n_stages):
        last = stage == n_stages - 1
        if not (resume or last) or len(tables[stage]) < (1 if last else FEWEST):
            stages.append(None)
            continue
        rows = rows_of(columns[stage], tables[stage], of_classes=work.of_classes, named=work.named)
        before = stages[stage - 1] if stage else None
        if before is not None and not (resume and _alike(before, rows) and resume.alike(before, rows)):
            before = None
        stages.append(_stage(work, family, rows, stage, before))
    return tuple(stages)


def _in_order(tables: Sequence[Cells], features: Sequence[Feature]) -> tuple[Column, ...]:
    """Learn the columns of the last table; words stand in the order of the first table that has them."""
    every = [learn_columns(features[:-1], cells) for cells in tables if len(cells)]
    declared = {feature.name for feature in features if feature.low is not None}
    if not every:
        return ()
    ordered = []
    for column, *earlier in zip(every[-1], *every[:-1], strict=True):
        if column.words is None:
            ordered.append(column if column.name in declared else _widened(column))
            continue
        words = dict.fromkeys(word for one in (*earlier, column) for word in one.words or ())
        ordered.append(Column(column.name, tuple(words)))
    return tuple(ordered)


def _widened(column: Column) -> Column:
    """Widen a range to multiples of a power of two: the ends of a shard's are the values of many a plain person."""
    if column.low is None or column.high is None:
        return column
    span = column.high - column.low or abs(column.high)
    step = 2.0 ** (math.frexp(span)[1] - ROUND) if 0 < span < math.inf else 0.0
    if step == 0:  # nought alone, or beyond what floats can say
        return column
    low, high = column.low // step * step, -(-column.high // step) * step
    return replace(column, low=low, high=high) if math.isfinite(low) and math.isfinite(high) else column


def _alike(before: ServedModel, rows: Rows) -> bool:
    """Whether a fit on these rows can go on from a model: of the same classes, and columns that mean the same."""
    was, now = before.signature.columns, rows.columns
    same = np.array_equal(categorical(was), categorical(now))
    return same and before.signature.words == rows.words and len(rows.words or (0, 0)) > 1


def _stage(work: Work, family: Family, rows: Rows, stage: int, before: ServedModel | None) -> ServedModel:
    if rows.words is not None and len(rows.words) == 1:
        width = int(Scaled(rows.columns, 2).offsets[-1])
        return LinearModel(rows.signature(rows.columns), "scaled", 2, np.zeros((1, width)), np.zeros(1))
    estimator, resume, goes_on = clone(work.estimator), family.resume, stage < len(work.slices) - 1
    if resume is not None and resume.able(estimator):
        whole = getattr(estimator, resume.rounds)
        whole, n_stages = resume.usual if whole is None else int(whole), len(work.slices)
        done = whole * stage // n_stages if before is not None else 0
        rounds = whole * (stage + 1) // n_stages - done
        if rounds == 0 and before is not None:
            return before if goes_on else family.finish(before)
        estimator.set_params(**{resume.rounds: max(rounds, 1)})
    return family.fit(estimator, rows, work.seeds[stage], before, goes_on=goes_on)
