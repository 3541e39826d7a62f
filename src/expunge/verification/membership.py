"""Membership: whether anybody can tell who was unlearned from who was never there.

The candidates are people of whom some were learned from and then unlearned by the method under test, and the others
were never seen; who is which is drawn at random. Shadow models were made in the same way, each with a half of the
candidates of its own (`expunge.verification.shadows.halves`), so each person is unlearned in half of the worlds and
never seen in the other half. An attack gives each person a figure, higher for "unlearned":

- `ulira`: likelihood ratio of the person's own two worlds (U-LiRA, Hayes et al., arXiv 2403.01218). Attacks with one
  threshold for everybody overstate privacy there.
- `rmia`: share of the population that the person stands out against (Zarifzadeh et al., arXiv 2312.03262).

Draw who is in the model under test apart from the shadow models' halves: were it one row of them, the others would tell
it, since everybody is in exactly half, and `p_value` would be exact no more.

`membership` says how well the figures tell. A test that passes shows that *this* attack did not tell, with so many
people and shadow models; it bounds leakage from below, never from above.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.stats import norm, rankdata

from expunge.errors import InputError
from expunge.verification.intervals import Interval, highest, lowest, share, wilson

_Floats: TypeAlias = npt.NDArray[np.float64]
_Bools: TypeAlias = npt.NDArray[np.bool_]

FALSE_POSITIVES: Final = {"0.1": 10, "0.01": 100, "0.001": 1000}
"""False-positive rate -> how many who were never seen it takes to resolve it."""
FEW: Final = 32
"""With fewer shadow models in a world, variances are pooled over people (64 models in all, as in LiRA)."""
PERMUTATIONS: Final = 9999
_LEAST_VARIANCE: Final = 1e-12
_LEAST: Final = 2
_RANKS_GROW: Final = 1.5


def ulira(
    scores: _Floats,
    shadow_scores: _Floats,
    shadow_member: _Bools,
    variance: Literal["own", "pooled"] | None = None,
) -> _Floats:
    """Return each person's log likelihood ratio, unlearned against never seen: a Gaussian for each world of theirs.

    Parameters
    ----------
    scores : ndarray of float64 (n_subjects,)
        Of the model under test; margins, say (`expunge.verification.predictions.margins`).
    shadow_scores : ndarray of float64 (n_models, n_subjects)
    shadow_member : ndarray of bool (n_models, n_subjects)
        Whether the shadow model learned from the person, and unlearned them.
    variance : {"own", "pooled"} or None
        Each person's own two variances, or one for each world, the mean over people: with few models that tells
        better. None pools where a world has fewer than `FEW` models.

    Returns
    -------
    ndarray of float64 (n_subjects,)

    Raises
    ------
    InputError
        Where somebody has fewer than two models in either world, shapes differ, or a score is not finite.

    Examples
    --------
    >>> shadow = np.array([[0.0], [1.0], [4.0], [5.0]])
    >>> member = np.array([[False], [False], [True], [True]])
    >>> ulira(np.array([2.5]), shadow, member).tolist(), ulira(np.array([4.5]), shadow, member).round(6).tolist()
    ([0.0], [16.0])
    """
    _check_shadows(scores, shadow_scores, shadow_member)
    inside, outside = (_moments(shadow_scores, which) for which in (shadow_member, ~shadow_member))
    fewest = int(min(shadow_member.sum(axis=0).min(), (~shadow_member).sum(axis=0).min()))
    pooled = variance == "pooled" or (variance is None and fewest < FEW)
    return _log_density(scores, *inside, pooled) - _log_density(scores, *outside, pooled)


def _check_shadows(scores: _Floats, shadow_scores: _Floats, member: _Bools) -> None:
    if scores.ndim != 1 or not len(scores) or shadow_scores.shape != member.shape or member.dtype != np.bool_:
        raise InputError(
            f"scores {scores.shape}, shadow scores {shadow_scores.shape} and members {member.shape} of type "
            f"{member.dtype} do not belong together.",
            mend="Give (n_subjects,), and twice (n_models, n_subjects), members as bool.",
        )
    if shadow_scores.shape[1:] != scores.shape:
        raise InputError(
            f"there are scores of {len(scores)} people and shadow scores of shape {shadow_scores.shape}.",
            mend="Give a shadow score of every person for every model.",
        )
    if not (np.isfinite(scores).all() and np.isfinite(shadow_scores).all()):
        raise InputError("a score is not finite.", mend="Clip scores; margins() does.")
    counts = member.sum(axis=0)
    fewest = int(min(counts.min(), (len(member) - counts).min()))
    if fewest < _LEAST:
        raise InputError(
            f"somebody is in, or out of, {fewest} shadow models only.", mend="Take 4 models or more, drawn by halves()."
        )


def _moments(scores: _Floats, which: _Bools) -> tuple[_Floats, _Floats]:
    count = which.sum(axis=0)
    mean = np.where(which, scores, 0).sum(axis=0) / count
    return mean, np.where(which, (scores - mean) ** 2, 0).sum(axis=0) / (count - 1)


def _log_density(scores: _Floats, mean: _Floats, variance: _Floats, pooled: bool) -> _Floats:
    spread = np.full_like(variance, variance.mean()) if pooled else variance
    return np.asarray(norm.logpdf(scores, mean, np.sqrt(np.maximum(spread, _LEAST_VARIANCE))))


def unseen(scores: _Floats, retrained_scores: _Floats) -> _Floats:
    """Return how far each person's score is from those of models that never saw them, in their own spread.

    This is LiRA with the one world that there is (Carlini et al., arXiv 2112.03570, section VI-C), where there are
    retrained models and no others. Of a model that never saw a person either it is Student's t, whoever they are: so
    figures of people who were forgotten and of people who were never there are alike, though the former were not drawn
    at random.

    Parameters
    ----------
    scores : ndarray of float64 (n_subjects,)
        Of the model under test.
    retrained_scores : ndarray of float64 (n_models, n_subjects)
        Of models that saw none of these people.

    Returns
    -------
    ndarray of float64 (n_subjects,)

    Raises
    ------
    InputError
        For fewer than two models, and shapes that do not belong together.

    Examples
    --------
    >>> unseen(np.array([4.0, 1.0]), np.array([[0.0, 0.0], [2.0, 2.0]])).round(2).tolist()
    [1.73, 0.0]
    """
    count = len(retrained_scores)
    if retrained_scores.shape[1:] != scores.shape or count < _LEAST:
        raise InputError(
            f"scores {scores.shape} and retrained scores {retrained_scores.shape} do not belong together.",
            mend="Give the scores of two retrained models or more for the same people.",
        )
    spread = np.sqrt(np.maximum(retrained_scores.var(axis=0, ddof=1), _LEAST_VARIANCE) * (1 + 1 / count))
    return np.asarray((scores - retrained_scores.mean(axis=0)) / spread)


def rmia(
    p: _Floats, shadow_p: _Floats, population_p: _Floats, shadow_population_p: _Floats, gamma: float = 2.0
) -> _Floats:
    """Return the share of a population against which each person stands out.

    Person x stands out against z where (p(x | model) / p(x)) / (p(z | model) / p(z)) is `gamma` or more; p(x) is the
    mean over the shadow models, half of which have learned from, and unlearned, x.

    Parameters
    ----------
    p : ndarray of float64 (n_subjects,)
        Probability that the model under test gives to the person's true class.
    shadow_p : ndarray of float64 (n_models, n_subjects)
    population_p : ndarray of float64 (n_points,)
        The same of people whom no model has seen.
    shadow_population_p : ndarray of float64 (n_models, n_points)
    gamma : float
        1 or more; 2 is the paper's.

    Returns
    -------
    ndarray of float64 (n_subjects,)
        In [0, 1].

    Examples
    --------
    >>> base = np.full((4, 2), 0.2)
    >>> rmia(np.array([0.9, 0.2]), base, np.array([0.2, 0.3]), base).tolist()
    [1.0, 0.0]
    """
    parts = (p, shadow_p, population_p, shadow_population_p)
    if any(not part.size or not ((part >= 0) & (part <= 1)).all() for part in parts) or gamma < 1:
        raise InputError(
            f"RMIA takes probabilities in [0, 1] and a gamma of at least 1, here {gamma}.",
            mend="Give the probability of each true class.",
        )
    if shadow_p.shape[1:] != p.shape or shadow_population_p.shape != (len(shadow_p), len(population_p)):
        raise InputError(
            f"probabilities of shapes {[part.shape for part in parts]} do not belong together.",
            mend="Give (n_subjects,), (n_models, n_subjects), (n_points,) and (n_models, n_points).",
        )
    tiny = np.finfo(np.float64).tiny
    ratios = np.log(np.maximum(p, tiny)) - np.log(np.maximum(shadow_p.mean(axis=0), tiny))
    others = np.sort(
        np.log(np.maximum(population_p, tiny)) - np.log(np.maximum(shadow_population_p.mean(axis=0), tiny))
    )
    return np.asarray(np.searchsorted(others, ratios - np.log(gamma), side="right") / len(others))


@dataclass(frozen=True)
class Membership:
    """How well an attack tells who was unlearned from who was never seen.

    Parameters
    ----------
    members, others : int
        People who were unlearned, and who were never seen.
    auc : Interval
        Area under the ROC curve; 0.5 tells nothing, *and so does neither side*: below 0.5 people were forgotten so
        thoroughly that it shows. Wilson's interval with the largest variance that an AUC can have, AUC (1 - AUC) /
        min(members, others) (van Dantzig 1951): wide enough whatever the figures' distributions.
    above, below : mapping of str to Interval or None
        True-positive rate at false-positive rates 0.1, 0.01, 0.001, of who has a high figure, and of who has a low one;
        Clopper-Pearson at that threshold. None where too few were never seen for the rate to be resolved.
    epsilon : Interval
        `low` is a lower bound of ε at the stated confidence: a method that is (ε, δ) indistinguishable from never
        having seen them has no smaller ε. `value` and `high` are estimate and upper end for the one event that gave it
        (of several, the best measured), which the data chose; neither bounds the method's ε from above. No attack does.
    p_value : float
        Probability of an AUC so far from 0.5, on either side, where labels are exchangeable; Monte Carlo over
        permutations (Phipson and Smyth 2010), so a test with it is exact.
    delta, confidence : float
    """

    members: int
    others: int
    auc: Interval
    above: Mapping[str, Interval | None]
    below: Mapping[str, Interval | None]
    epsilon: Interval
    p_value: float
    delta: float
    confidence: float


def membership(
    statistic: _Floats, member: _Bools, *, delta: float = 1e-5, confidence: float = 0.95, seed: int
) -> Membership:
    """Judge an attack by the figures that it gave.

    Parameters
    ----------
    statistic : ndarray of float64 (n_subjects,)
        One for each person (`expunge.verification.predictions.per_subject`), higher for "unlearned".
    member : ndarray of bool (n_subjects,)
        Who was unlearned; the others were never seen. Drawn at random.
    delta : float
        Of (ε, δ).
    confidence : float
    seed : int
        Of the permutations.

    Raises
    ------
    InputError
        Where there are fewer than two of either, or a figure is not finite.

    Examples
    --------
    >>> found = membership(np.arange(200.0), np.arange(200) >= 100, seed=0)
    >>> found.auc.value, found.above["0.1"].value, found.above["0.001"], found.p_value
    (1.0, 1.0, None, 0.0001)
    """
    if statistic.ndim != 1 or statistic.shape != member.shape or member.dtype != np.bool_:
        raise InputError(
            f"figures of shape {statistic.shape} and members of shape {member.shape} and type {member.dtype} do not "
            "belong together.",
            mend="Give one figure and one bool for each person.",
        )
    inside, outside = statistic[member], statistic[~member]
    if min(len(inside), len(outside)) < _LEAST or not np.isfinite(statistic).all():
        raise InputError(
            f"{len(inside)} were unlearned and {len(outside)} never seen, or a figure is not finite.",
            mend="Give finite figures of two people of either kind at least.",
        )
    # Twice the midranks are whole numbers: sums of them compare without rounding.
    ranks = np.rint(2 * rankdata(statistic)).astype(np.int64)
    pairs = len(inside) * len(outside)
    auc = (ranks[member].sum() / 2 - len(inside) * (len(inside) + 1) / 2) / pairs
    return Membership(
        members=len(inside),
        others=len(outside),
        auc=wilson(float(auc), min(len(inside), len(outside)), confidence),
        above=_rates(inside, outside, confidence),
        below=_rates(-inside, -outside, confidence),
        epsilon=epsilon(inside, outside, delta, confidence),
        p_value=_permuted(ranks, member, seed),
        delta=delta,
        confidence=confidence,
    )


def _rates(inside: _Floats, outside: _Floats, confidence: float) -> dict[str, Interval | None]:
    descending = np.sort(outside)[::-1]
    found: dict[str, Interval | None] = {}
    for rate, least in FALSE_POSITIVES.items():
        threshold = descending[len(outside) // least] if len(outside) >= least else None
        found[rate] = None if threshold is None else share(int((inside > threshold).sum()), len(inside), confidence)
    return found


def _permuted(ranks: npt.NDArray[np.int64], member: _Bools, seed: int) -> float:
    rng = np.random.default_rng(seed)
    count = int(member.sum())
    sums = np.array([ranks[member].sum(), *(rng.permutation(ranks)[:count].sum() for _ in range(PERMUTATIONS))])
    # How far a sum is from its mean over all permutations, in whole numbers.
    distances = np.abs(len(ranks) * sums - count * ranks.sum())
    return float((distances >= distances[0]).mean())


def epsilon(inside: _Floats, outside: _Floats, delta: float, confidence: float) -> Interval:
    """Return a lower bound of ε from figures of who was unlearned and of who was never seen.

    Notes
    -----
    (ε, δ) says of every event A that P(A | one kind) <= e^ε P(A | the other) + δ. The events here are "above" and
    "below" the k-th most extreme figure *of the other kind*, both kinds in turn, with k from a fixed list. How probable
    A is for the other kind is then at most Beta(k, n - k + 1), whatever the distribution (ties make it smaller); given
    that threshold the first kind's hits are binomial. Both are bounded at an equal part of 1 - confidence, and so are
    all events together (Bonferroni): no threshold is chosen by the data that judge it.
    """
    sides = [(inside, outside), (-inside, -outside), (outside, inside), (-outside, -inside)]
    alpha = (1 - confidence) / (2 * sum(len(_ranks(len(second))) for _, second in sides))
    found = [event for first, second in sides for event in _events(first, second, delta, alpha)]
    return max(found, key=lambda interval: (interval.low, -interval.high))


def _ranks(count: int) -> npt.NDArray[np.int64]:
    return np.unique(np.floor(_RANKS_GROW ** np.arange(int(np.log(count) / np.log(_RANKS_GROW)) + 1)).astype(np.int64))


def _events(first: _Floats, second: _Floats, delta: float, alpha: float) -> list[Interval]:
    draws, count, ranks = len(first), len(second), _ranks(len(second))
    ascending = np.sort(second)
    thresholds = ascending[-ranks]
    hits = draws - np.searchsorted(np.sort(first), thresholds, side="right")
    above = count - np.searchsorted(ascending, thresholds, side="right")
    # The k-th largest leaves k - 1 above it: Clopper and Pearson's bound of k - 1 hits is Beta's quantile.
    low = _log_ratio(lowest(hits, draws, alpha) - delta, highest(ranks - 1, count, alpha))
    value = np.maximum(low, _log_ratio(hits / draws - delta, ranks / (count + 1)))
    high = _log_ratio(highest(hits, draws, alpha) - delta, lowest(above, count, alpha))
    return [Interval(*map(float, ends)) for ends in zip(value, low, high, strict=True)]


def _log_ratio(first: _Floats, second: _Floats) -> _Floats:
    """Return log(first / second), 0 where that is negative or `first` is, and infinite where `second` is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(first > 0, np.maximum(np.log(np.maximum(first, 0)) - np.log(second), 0), 0.0))
