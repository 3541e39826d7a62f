"""Utility: is the model still good for what it is for? Before, after, and after a full retrain, on held-out people.

The interval is a percentile bootstrap over *subjects* (Efron and Tibshirani 1993, chapter 13): a person's rows are
drawn together, since they are not independent.

Figures are rounded to three decimals: they are published, and an exact figure would let whoever holds the remaining
rows recognise a guessed one (DESIGN promise 7).
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from expunge.domain.report import Check, Verdict
from expunge.learners.served import ServedModel

if TYPE_CHECKING:
    import pandas as pd

DRAWS: Final = 400
LEAST_SUBJECTS: Final = 20
_Floats: TypeAlias = npt.NDArray[np.float64]
_Metric: TypeAlias = Callable[[_Floats], float]


def utility(
    models: dict[str, ServedModel],
    features: pd.DataFrame,
    target: npt.NDArray[Any],
    subjects: npt.NDArray[Any],
    seed: bytes,
) -> Check:
    """Compare models on held-out rows.

    Parameters
    ----------
    models : dict
        ``before``, ``after`` and, where a full retrain was made, ``retrained``.
    features : DataFrame (n_rows, n_features)
    target : ndarray (n_rows,)
    subjects : ndarray (n_rows,)
    seed : bytes
        Of the bootstrap's draws.

    Returns
    -------
    Check
        PASSED unless ``after`` is worse than ``retrained`` beyond the 95 % interval of their difference; NOT RUN, with
        the figures there are, where no full retrain was made; NOT RUN where the held-out set is too small to tell.
    """
    people, owner = np.unique(subjects, return_inverse=True)
    if len(people) < LEAST_SUBJECTS:
        return _not_run(f"{len(people)} people are held out, fewer than {LEAST_SUBJECTS}.")
    name, metrics = _metrics(models, features, target)
    if not metrics:
        return _not_run("the held-out people all have the same target.")
    draws = np.random.default_rng(int.from_bytes(seed, "big")).multinomial(
        len(people), np.full(len(people), 1 / len(people)), size=DRAWS
    )
    ones = np.ones(len(target))
    values = {which: metric(ones) for which, metric in metrics.items()}
    sampled = {
        which: np.array([metric(draw[owner].astype(np.float64)) for draw in draws]) for which, metric in metrics.items()
    }
    low, high = _interval(sampled["after"])
    change_low, change_high = _interval(sampled["after"] - sampled["before"])
    figures = {
        **{which: _rounded(value) for which, value in values.items()},
        "after_low": _rounded(low),
        "after_high": _rounded(high),
        "change_low": _rounded(change_low),
        "change_high": _rounded(change_high),
        "held_out_subjects": str(len(people)),
    }
    figures = {"metric": name, **figures}
    detail = f"{name} on people whom the model never saw; 95 % interval by bootstrap over people."
    if "retrained" not in values:
        unsaid = f"Not compared with a full retrain, since none was made: {detail}"
        return Check("utility", Verdict.NOT_RUN, unsaid, {**figures, "retrained": Verdict.NOT_RUN.value})
    worse = values["after"] < values["retrained"] and _interval(sampled["after"] - sampled["retrained"])[1] < 0
    return Check("utility", Verdict.FAILED if worse else Verdict.PASSED, detail, figures)


def drop(found: Check) -> Decimal | None:
    """Return by how much the held-out score fell, or None where it was not measured.

    All three metrics are better when higher: AUC and accuracy, and R2, which regression is measured by. The drop is
    that of the rounded figures, so that whoever reads them finds the same.

    Examples
    --------
    >>> drop(Check("utility", Verdict.PASSED, "", {"before": "0.712", "after": "0.690"}))
    Decimal('0.022')
    """
    before, after = (Decimal(found.figures.get(which, "nan")) for which in ("before", "after"))
    return None if before.is_nan() or after.is_nan() else before - after


def score(
    model: ServedModel, features: pd.DataFrame, target: npt.NDArray[Any], subjects: npt.NDArray[Any], seed: bytes
) -> Check:
    """Measure one model on held-out rows: figures ``metric``, ``value``, ``low`` and ``high``."""
    found = utility({"before": model, "after": model, "retrained": model}, features, target, subjects, seed)
    if found.verdict is Verdict.NOT_RUN:
        return found
    names = {"metric": "metric", "value": "after", "low": "after_low", "high": "after_high"}
    return Check("score", found.verdict, found.detail, {name: found.figures[old] for name, old in names.items()})


def _metrics(
    models: dict[str, ServedModel], features: pd.DataFrame, target: npt.NDArray[Any]
) -> tuple[str, dict[str, _Metric]]:
    classes = models["after"].classes
    if classes is None:
        if (target == target[0]).all():
            return "R2", {}
        return "R2", {which: _r2(model.predict(features), target) for which, model in models.items()}
    if len(classes) > 2:
        hits = {which: np.asarray(model.predict(features) == target) for which, model in models.items()}
        return "accuracy", {which: _mean(hit.astype(np.float64)) for which, hit in hits.items()}
    positive = np.asarray(target == classes[1])
    if positive.all() or not positive.any():
        return "AUC", {}
    scores = {which: np.asarray(model.decision_function(features)) for which, model in models.items()}
    return "AUC", {which: area_under_curve(score, positive) for which, score in scores.items()}


def area_under_curve(scores: _Floats, positive: npt.NDArray[np.bool_]) -> _Metric:
    """Return the area under the ROC curve as a function of row weights; ties count half (Mann and Whitney 1947).

    Examples
    --------
    >>> auc = area_under_curve(np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True]))
    >>> auc(np.ones(4))
    0.75
    """
    _, group = np.unique(scores, return_inverse=True)

    def metric(weights: _Floats) -> float:
        above = np.bincount(group, weights * positive, group.max() + 1)
        below = np.bincount(group, weights * ~positive, group.max() + 1)
        pairs = above.sum() * below.sum()
        if pairs == 0:
            return float("nan")
        return float((above * (np.cumsum(below) - below / 2)).sum() / pairs)

    return metric


def _mean(values: _Floats) -> _Metric:
    return lambda weights: float((weights * values).sum() / weights.sum())


def _r2(predicted: npt.NDArray[Any], target: npt.NDArray[Any]) -> _Metric:
    truth = np.asarray(target, dtype=np.float64)

    def metric(weights: _Floats) -> float:
        centre = (weights * truth).sum() / weights.sum()
        spread = (weights * (truth - centre) ** 2).sum()
        return float(1 - (weights * (truth - predicted) ** 2).sum() / spread) if spread else float("nan")

    return metric


def _interval(values: _Floats) -> tuple[float, float]:
    low, high = np.nanpercentile(values, [2.5, 97.5])
    return float(low), float(high)


def _rounded(value: float) -> str:
    text = f"{value:.3f}"
    return "0.000" if text == "-0.000" else text


def _not_run(why: str) -> Check:
    return Check("utility", Verdict.NOT_RUN, f"Not run: {why}")
