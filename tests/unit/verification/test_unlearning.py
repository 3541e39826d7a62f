"""The judge says no, each time for the right reason, and lets retrained models pass as often as it states."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import binom
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

from expunge.domain.report import Verdict
from expunge.errors import InputError
from expunge.learners.exact import AdditiveClassifier, ForestClassifier
from expunge.verification.membership import Membership, membership
from expunge.verification.predictions import margins, probabilities
from expunge.verification.quantised import Quantisation, quantise
from expunge.verification.relearning import Relearning, relearning
from expunge.verification.unlearning import REQUIRED, Judgement, Outputs, Targets, judge

X, y = load_digits(return_X_y=True)
X /= 16
CLASSES = np.arange(10)
ORDER = np.random.default_rng(0).permutation(len(y))
FORGET, NEVER, RETAIN, TEST = np.split(ORDER[:1000], [60, 120, 420])
LEARNED = np.concatenate([RETAIN, FORGET])
TARGETS = Targets(y[FORGET], y[RETAIN], y[TEST])
SEEDS = 40


@pytest.fixture(autouse=True)
def _one_thread() -> Any:
    with threadpool_limits(1):
        yield


def network(rows: npt.NDArray[np.intp], seed: int) -> Any:
    """Overfit a network: every row that it learned from is known by heart."""
    return MLPClassifier((64,), alpha=0, max_iter=60, learning_rate_init=0.01, random_state=seed).fit(X[rows], y[rows])


@cache
def before() -> Any:
    with pytest.warns(ConvergenceWarning):
        return network(LEARNED, 1000)


@cache
def retrained(seed: int) -> Any:
    with pytest.warns(ConvergenceWarning):
        return network(RETAIN, seed)


def outputs(model: Any) -> Outputs:
    return Outputs(*(probabilities(model, X[rows], CLASSES) for rows in (FORGET, RETAIN, TEST)))


@cache
def retrained_outputs(seed: int) -> Outputs:
    return outputs(retrained(seed))


def attacked(model: Any) -> Membership:
    rows = np.concatenate([FORGET, NEVER])
    return membership(margins(probabilities(model, X[rows], CLASSES), y[rows]), np.arange(120) < 60, seed=0)


def judged(model: Any, **more: Any) -> Judgement:
    seeds = [retrained_outputs(seed) for seed in range(8)]
    return judge(outputs(before()), outputs(model), seeds, TARGETS, membership=attacked(model), **more)


def verdicts(found: Judgement) -> dict[str, Verdict]:
    return {check.name: check.verdict for check in found.checks}


def flipped(model: Any, rows: npt.NDArray[np.intp]) -> Any:
    """Return the model with an output layer that gives the rows other labels; what is hidden is as it was."""
    hidden = np.maximum(X[LEARNED] @ model.coefs_[0] + model.intercepts_[0], 0)
    labels = np.where(np.isin(LEARNED, rows), (y[LEARNED] + 1) % 10, y[LEARNED])
    head = LogisticRegression(C=1e4, max_iter=2000).fit(hidden, labels)
    other = copy.deepcopy(model)
    other.coefs_[1], other.intercepts_[1] = head.coef_.T.copy(), head.intercept_.copy()
    return other


def noisy(model: Any, spread: float) -> Any:
    other = copy.deepcopy(model)
    rng = np.random.default_rng(0)
    other.coefs_ = [weights + rng.normal(0, spread * weights.std(), weights.shape) for weights in model.coefs_]
    return other


def test_a_model_that_did_nothing_fails() -> None:
    found = judged(before())
    assert found.verdict is Verdict.FAILED
    assert found.detail.startswith("effect: The model did nothing")
    assert verdicts(found)["utility"] is Verdict.PASSED


def test_a_model_that_all_but_did_nothing_fails_by_its_outputs() -> None:
    found = judged(noisy(before(), 1e-4))
    assert verdicts(found)["effect"] is Verdict.PASSED
    assert verdicts(found)["divergence"] is Verdict.FAILED
    assert found.verdict is Verdict.FAILED


def test_a_model_that_edits_its_member_list_alone_fails() -> None:
    learner = AdditiveClassifier().fit(X[LEARNED], y[LEARNED], subjects=LEARNED)
    served = learner.serve()
    said = outputs(served)
    rest = outputs(AdditiveClassifier().fit(X[RETAIN], y[RETAIN]))
    found = judge(said, said, [rest] * 5, TARGETS, digests=(served.digest(), served.digest()))
    assert found.verdict is Verdict.FAILED
    assert "only its member list can have changed" in found.detail
    assert found.checks[0].figures["served_digest"] == "equal"


def test_bytes_that_changed_beside_the_weights_are_no_effect() -> None:
    found = judged(before(), digests=("00" * 32, "11" * 32))
    assert found.detail.startswith("effect: ")
    assert "beside the weights" in found.detail
    assert found.checks[0].figures["served_digest"] == "changed"


def test_a_model_that_flips_labels_in_its_output_layer_fails() -> None:
    found = judged(flipped(before(), FORGET))
    assert found.verdict is Verdict.FAILED
    assert verdicts(found)["effect"] is Verdict.PASSED
    assert verdicts(found)["forget accuracy"] is Verdict.FAILED
    reason = next(check.detail for check in found.checks if check.name == "forget accuracy")
    assert "labels were flipped" in reason
    assert verdicts(found)["membership"] is Verdict.FAILED
    assert "forgotten more than if they had never been there" in next(
        check.detail for check in found.checks if check.name == "membership"
    )


def test_a_model_that_was_destroyed_fails() -> None:
    found = judged(noisy(before(), 3.0))
    assert found.verdict is Verdict.FAILED
    assert found.detail.startswith("utility: The model was destroyed")


def test_retrained_models_fail_as_rarely_as_stated() -> None:
    failed, passed = 0, 0
    for seed in range(SEEDS):
        others = [retrained_outputs((seed + step) % SEEDS) for step in range(1, 16)]
        model = retrained(seed)
        found = judge(
            outputs(before()), retrained_outputs(seed), others, TARGETS, membership=attacked(model), alpha=0.05
        )
        failed += found.verdict is Verdict.FAILED
        passed += found.verdict is Verdict.PASSED
    assert failed + passed == SEEDS
    assert failed <= binom.ppf(0.99, SEEDS, 0.05)


@pytest.mark.parametrize("n_seeds", [5, 12])
def test_made_up_seeds_fail_as_rarely_as_stated(n_seeds: int) -> None:
    """Models whose logits differ by noise, and whose steps and recoveries do: every test is run."""
    runs = 200
    rng = np.random.default_rng(n_seeds)
    base = np.log(rng.dirichlet(np.ones(4), 90))
    targets = Targets(*np.split(rng.integers(0, 4, 90), 3))

    def one() -> Outputs:
        odds = np.exp(base + rng.normal(0, 0.5) * rng.normal(0, 1, (90, 4)) / 4 + rng.normal(0, 0.3, (90, 4)))
        return Outputs(*np.split(odds / odds.sum(axis=1, keepdims=True), 3))

    failed = 0
    for run in range(runs):
        steps = [int(step) for step in rng.lognormal(3, 0.3, n_seeds + 1)]
        shifts = rng.normal(0, 0.05, n_seeds + 1)
        quantised = Quantisation(8, 1.0, 0.5, 0.5 + shifts[0], (0.5,) * n_seeds, tuple(0.5 + shifts[1:]))
        chance = membership(rng.normal(size=40), rng.permutation(40) < 20, seed=run) if run % 10 == 0 else None
        found = judge(
            one(),
            one(),
            [one() for _ in range(n_seeds)],
            targets,
            membership=chance,
            relearned=Relearning(steps[0], tuple(steps[1:]), 500),
            quantised=[quantised],
        )
        failed += found.verdict is Verdict.FAILED
    assert failed <= binom.ppf(0.999, runs, 0.05)


def additive(seed: int) -> Any:
    return AdditiveClassifier()


def forest(seed: int) -> Any:
    return ForestClassifier(n_estimators=10, random_state=seed)


@pytest.mark.parametrize("kind", [additive, forest])
def test_an_exact_learner_passes(kind: Callable[[int], Any]) -> None:
    def fitted(rows: npt.NDArray[np.intp], seed: int) -> Any:
        return kind(seed).fit(X[rows], y[rows], subjects=rows)

    learner = fitted(LEARNED, 0)
    said, digest = outputs(learner.serve()), learner.serve().digest()
    learner.forget(FORGET.tolist())
    served = learner.serve()
    found = judge(
        said,
        outputs(served),
        [outputs(fitted(RETAIN, seed)) for seed in range(1, 7)],
        TARGETS,
        membership=attacked(served),
        digests=(digest, served.digest()),
    )
    assert found.verdict is Verdict.PASSED, found


def test_xgboost_is_judged_by_the_same_code() -> None:
    xgboost = pytest.importorskip("xgboost")

    def fitted(rows: npt.NDArray[np.intp], seed: int) -> Any:
        model = xgboost.XGBClassifier(n_estimators=10, max_depth=4, subsample=0.7, n_jobs=1, random_state=seed)
        return model.fit(X[rows], y[rows])

    original, seeds = fitted(LEARNED, 0), [outputs(fitted(RETAIN, seed)) for seed in range(1, 7)]
    said, honest = outputs(original), fitted(RETAIN, 99)
    found = judge(said, said, seeds, TARGETS, membership=attacked(original))
    assert found.detail.startswith("effect: ")
    found = judge(said, outputs(honest), seeds, TARGETS, membership=attacked(honest))
    assert found.verdict is Verdict.PASSED


def stepped(rows: npt.NDArray[np.intp], seed: int, epochs: int = 60) -> Any:
    """Return a network that knows of all classes, whatever it saw."""
    model = MLPClassifier((64,), alpha=0, learning_rate_init=0.01, random_state=seed)
    for _ in range(epochs):
        model.partial_fit(X[rows], y[rows], classes=CLASSES)
    return model


def steps_back(model: Any, rows: npt.NDArray[np.intp], target: float, most: int) -> int | None:
    learning = MLPClassifier((64,), alpha=0, learning_rate_init=0.001, random_state=0)
    learning.partial_fit(X[rows], y[rows], classes=CLASSES)  # a fresh optimiser, for everybody the same
    for kept, given in zip((learning.coefs_, learning.intercepts_), (model.coefs_, model.intercepts_), strict=True):
        for place, weights in enumerate(given):
            kept[place][...] = weights

    def loss() -> float:
        return float(-margins(probabilities(learning, X[rows], CLASSES), y[rows]).mean())

    return relearning(lambda: learning.partial_fit(X[rows], y[rows]), loss, target, most)


def test_a_class_that_is_cut_off_in_the_output_layer_is_found_by_relearning() -> None:
    """Accuracy cannot tell it from retraining: nobody who never saw a class knows it."""
    threes, rest = LEARNED[y[LEARNED] == 3], LEARNED[y[LEARNED] != 3]
    test, target = TEST[y[TEST] != 3], Targets(y[threes], y[rest], y[TEST[y[TEST] != 3]])
    original = stepped(LEARNED, 0)
    cut = copy.deepcopy(original)
    cut.intercepts_[1][3] -= 12.0

    def said(model: Any) -> Outputs:
        return Outputs(*(probabilities(model, X[rows], CLASSES) for rows in (threes, rest, test)))

    others = [stepped(rest, seed) for seed in range(1, 7)]
    goal = float(-margins(probabilities(original, X[threes], CLASSES), y[threes]).mean())
    evidence = Relearning(
        steps_back(cut, threes, goal, 320), tuple(steps_back(one, threes, goal, 320) for one in others), 320
    )
    found = judge(said(original), said(cut), [said(one) for one in others], target, relearned=evidence)
    assert verdicts(found)["forget accuracy"] is Verdict.PASSED
    assert verdicts(found)["utility"] is Verdict.PASSED
    assert verdicts(found)["relearning"] is Verdict.FAILED, evidence
    assert found.verdict is Verdict.FAILED


def test_what_rounding_brings_back_fails() -> None:
    """A step of 4 bits is wider than the edit, which it undoes."""
    weights = {"w": np.array([7.0, 3.0, -2.0])}
    edited = {"w": weights["w"] - np.array([0, 0.4, -0.4])}
    assert (quantise(edited, 4)["w"] == weights["w"]).all()
    seeds = [retrained_outputs(seed) for seed in range(8)]
    still = (0.93,) * 8
    back = Quantisation(4, original=1.0, after=0.93, after_rounded=1.0, retrained=still, retrained_rounded=still)
    more: dict[str, Any] = {"membership": attacked(retrained(9))}
    found = judge(outputs(before()), retrained_outputs(9), seeds, TARGETS, quantised=[back], **more)
    assert found.detail.startswith("quantisation: Rounding the weights brings back")
    kept = replace(back, after_rounded=0.93)
    assert (
        judge(outputs(before()), retrained_outputs(9), seeds, TARGETS, quantised=[kept], **more).verdict
        is Verdict.PASSED
    )
    same = replace(back, after=1.0)  # where nothing was forgotten, nothing comes back
    found = judge(outputs(before()), retrained_outputs(9), seeds, TARGETS, quantised=[same], **more)
    assert verdicts(found)["quantisation"] is Verdict.NOT_RUN


def test_what_was_not_run_is_no_pass() -> None:
    seeds = [retrained_outputs(seed) for seed in range(8)]
    found = judge(outputs(before()), retrained_outputs(9), seeds, TARGETS)
    assert found.verdict is Verdict.NOT_RUN
    assert found.detail.startswith("membership: Not run")
    found = judge(None, retrained_outputs(9), seeds, TARGETS, membership=attacked(retrained(9)))
    assert verdicts(found)["effect"] is Verdict.NOT_RUN
    assert found.verdict is Verdict.NOT_RUN
    assert {check.name for check in found.checks} > set(REQUIRED)
    few = membership(np.arange(4.0), np.arange(4) < 2, seed=0)
    found = judge(outputs(before()), retrained_outputs(9), seeds, TARGETS, membership=few)
    assert verdicts(found)["membership"] is Verdict.NOT_RUN


def test_where_retraining_changes_nothing_either_only_a_replay_tells() -> None:
    said = outputs(before())
    found = judge(said, said, [said] * 5, TARGETS, membership=attacked(retrained(9)))
    assert found.verdict is Verdict.NOT_COMPARABLE


def test_figures_are_rounded_decimals() -> None:
    for check in judged(before()).checks:
        for name, figure in check.figures.items():
            assert figure in {"too few people", "unbounded", "equal", "changed"} or len(figure.partition(".")[2]) <= (
                4 if name == "p_value" else 3
            )


def test_a_yardstick_of_four_is_refused() -> None:
    said = outputs(before())
    with pytest.raises(InputError, match="4 retrained models"):
        judge(said, said, [said] * 4, TARGETS)


@pytest.mark.parametrize("alpha", [0.0, 1e-5, 1.0, float("nan")])
def test_an_alpha_that_no_test_can_reach_is_refused(alpha: float) -> None:
    said = outputs(before())
    with pytest.raises(InputError, match="alpha"):
        judge(said, said, [said] * 5, TARGETS, alpha=alpha)


def test_rows_that_do_not_match_are_refused() -> None:
    said = outputs(before())
    with pytest.raises(InputError, match="do not belong together"):
        judge(said, replace(said, forget=said.forget[:5]), [said] * 5, TARGETS)
