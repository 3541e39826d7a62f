"""How gradients become values, from a loss and hyperparameters: for boosting by tables and in stages."""

from __future__ import annotations

from typing import Any

import numpy as np

from expunge._kernels import tables
from expunge._kernels.siphash import Words as Keys
from expunge._kernels.siphash import hash_each
from expunge._kernels.tables import Rule
from expunge.learners.exact.losses import Target


def rules_of(target: Target, key: Keys, dials: Any) -> list[Rule]:
    """Return the rule of each score; `dials` are the hyperparameters of boosting."""
    return [_rule(start, target, key, dials) for start in target.starts]


def _rule(start: int, target: Target, key: Keys, dials: Any) -> Rule:
    rounds = np.arange(int(dials.n_estimators), dtype=np.uint64)
    loss, rate, one = target.loss, float(dials.learning_rate) * tables.UNIT, target.weights.one
    offsets = hash_each(key, np.full(1, 9, np.uint64), rounds) % np.uint64(1 << loss.shift)
    return Rule(
        loss.levels,
        loss.half,
        loss.shift,
        offsets.astype(np.int64),
        start,
        loss.highest,
        rate * loss.curvature / loss.gradient,
        float(dials.reg_lambda) * loss.curvature * one,
        max(1.0, float(dials.value_step) * rate),
        float(dials.min_signal) ** 2 * target.noise * loss.gradient**2 / loss.curvature * one,
    )
