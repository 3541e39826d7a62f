"""Utility: the figures are those of the textbook, the interval is over people, and too little data is said to be so."""

from __future__ import annotations

import re
import warnings
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, r2_score, roc_auc_score

from expunge.domain.report import Check, Verdict
from expunge.learners.exact import AdditiveClassifier, Ridge, RidgeClassifier
from expunge.learners.served import ServedModel
from expunge.verification.utility import LEAST_SUBJECTS, area_under_curve, drop, score, utility

SEED = bytes(32)
DECIMAL = re.compile(r"-?\d+\.\d{3}")


def frame(n_rows: int = 120, seed: int = 0) -> pd.DataFrame:
    noise = np.random.default_rng(seed)
    return pd.DataFrame({"age": noise.integers(20, 90, n_rows).astype(float), "dose": noise.normal(0, 1, n_rows)})


def binary(features: pd.DataFrame) -> npt.NDArray[Any]:
    return np.where(features["age"] + 10 * features["dose"] > 55, "yes", "no").astype(object)


def classifier(features: pd.DataFrame, target: npt.NDArray[Any]) -> ServedModel:
    return RidgeClassifier().fit(features, target).serve()


def three(model: ServedModel, after: ServedModel | None = None) -> dict[str, ServedModel]:
    return {"before": model, "after": after or model, "retrained": model}


@given(
    st.lists(
        st.tuples(st.integers(-3, 3), st.booleans(), st.integers(0, 4)), min_size=2, max_size=30
    )  # few values, so that there are ties
)
def test_the_area_under_the_curve_is_the_textbooks_with_ties_and_weights(rows: list[tuple[int, bool, int]]) -> None:
    scores = np.array([row[0] for row in rows], dtype=np.float64)
    positive = np.array([row[1] for row in rows])
    weights = np.array([row[2] for row in rows], dtype=np.float64)
    assume(0 < (weights * positive).sum() < weights.sum())
    expected = roc_auc_score(positive, scores, sample_weight=weights)
    assert area_under_curve(scores, positive)(weights) == pytest.approx(expected, abs=1e-12)


@given(st.lists(st.tuples(st.integers(-3, 3), st.booleans(), st.integers(1, 3)), min_size=2, max_size=12))
def test_a_weight_counts_a_row_as_often(rows: list[tuple[int, bool, int]]) -> None:
    scores, positive, times = (np.array(part) for part in zip(*rows, strict=True))
    assume(positive.any() and not positive.all())
    once = area_under_curve(scores.astype(np.float64), positive)(times.astype(np.float64))
    again = area_under_curve(np.repeat(scores, times).astype(np.float64), np.repeat(positive, times))
    assert once == pytest.approx(again(np.ones(times.sum())), abs=1e-12)


def test_the_area_is_no_number_where_one_class_is_absent() -> None:
    assert np.isnan(area_under_curve(np.array([1.0, 2.0]), np.array([True, False]))(np.array([1.0, 0.0])))


def test_two_classes_are_measured_by_auc() -> None:
    features = frame()
    target = binary(features)
    model = classifier(features, target)
    other = frame(80, seed=1)
    truth = binary(other)
    found = score(model, other, truth, np.arange(80), SEED)
    expected = roc_auc_score(truth == "yes", model.decision_function(other))
    assert (found.verdict, found.figures["metric"]) == (Verdict.PASSED, "AUC")
    assert found.figures["value"] == f"{expected:.3f}"
    assert float(found.figures["low"]) <= expected <= float(found.figures["high"])


def test_many_classes_are_measured_by_accuracy() -> None:
    features = frame()
    target = np.array(["low", "middle", "high"], dtype=object)[(features["age"] // 24).astype(int) - 1]
    model = AdditiveClassifier().fit(features, target).serve()
    found = score(model, features, target, np.arange(len(target)), SEED)
    assert found.figures["metric"] == "accuracy"
    assert found.figures["value"] == f"{accuracy_score(target, model.predict(features)):.3f}"


def test_numbers_are_measured_by_r_squared() -> None:
    features = frame()
    target = (features["age"] * 2 + features["dose"]).to_numpy()
    model = Ridge().fit(features, target).serve()
    found = score(model, features, target, np.arange(len(target)), SEED)
    assert found.figures["metric"] == "R2"
    assert found.figures["value"] == f"{r2_score(target, model.predict(features)):.3f}"


@settings(deadline=None, max_examples=10)
@given(st.integers(2, 9))
def test_the_interval_is_over_people_so_repeating_their_rows_does_not_narrow_it(times: int) -> None:
    features = frame(60)
    target = binary(features)
    target[::5] = "no"  # imperfect, so that the interval has a width
    model = classifier(features, target)
    people = np.arange(60) // 2
    once = utility(three(model), features, target, people, SEED)
    rows = np.repeat(np.arange(60), times)
    many = utility(three(model), features.iloc[rows], target[rows], people[rows], SEED)
    assert many.figures == once.figures
    assert float(once.figures["after_low"]) < float(once.figures["after_high"])


def test_rows_of_one_person_are_drawn_together() -> None:
    """With every row a person of its own the interval is narrower: the rows of one person agree here."""
    noise = np.random.default_rng(3)
    features = frame(30).iloc[np.repeat(np.arange(30), 8)].reset_index(drop=True)
    target = np.where(np.repeat(noise.random(30) < 0.5, 8), "yes", "no").astype(object)
    model = classifier(features, binary(features))

    def width(people: npt.NDArray[Any]) -> float:
        found = utility(three(model), features, target, people, SEED).figures
        return float(found["after_high"]) - float(found["after_low"])

    assert width(np.repeat(np.arange(30), 8)) > 2 * width(np.arange(240))


def test_a_model_that_is_clearly_worse_than_a_retrained_one_fails() -> None:
    features = frame()
    good, bad = binary(features), np.where(binary(features) == "yes", "no", "yes").astype(object)
    models = three(classifier(features, good), after=classifier(features, bad))
    found = utility(models, features, good, np.arange(len(good)), SEED)
    assert found.verdict is Verdict.FAILED
    assert float(found.figures["after"]) < float(found.figures["retrained"])
    assert float(found.figures["change_high"]) < 0


def test_a_model_that_is_better_than_a_retrained_one_passes() -> None:
    features = frame()
    good, bad = binary(features), np.where(binary(features) == "yes", "no", "yes").astype(object)
    models = three(classifier(features, bad), after=classifier(features, good))
    assert utility(models, features, good, np.arange(len(good)), SEED).verdict is Verdict.PASSED


def test_figures_are_rounded_to_three_decimals() -> None:
    features = frame()
    target = binary(features)
    figures = dict(utility(three(classifier(features, target)), features, target, np.arange(120), SEED).figures)
    assert (figures.pop("metric"), figures.pop("held_out_subjects")) == ("AUC", "120")
    assert figures.keys() >= {"before", "after", "retrained", "after_low", "after_high", "change_low", "change_high"}
    assert all(DECIMAL.fullmatch(figure) and figure != "-0.000" for figure in figures.values())


def test_the_same_seed_gives_the_same_interval_and_another_seed_another() -> None:
    features = frame()
    target = binary(features)
    target[::4] = "no"
    model = classifier(features, target)
    found = [utility(three(model), features, target, np.arange(120), seed).figures for seed in (SEED, SEED, b"1" * 32)]
    assert found[0] == found[1]
    assert found[0] != found[2]


@pytest.mark.parametrize("people", [0, 1, LEAST_SUBJECTS - 1])
def test_too_few_people_are_said_to_be_too_few(people: int) -> None:
    features = frame()
    model = classifier(features, binary(features))
    some = frame(200).iloc[: 5 * people]  # many rows of few people
    found = utility(three(model), some, binary(some), np.arange(5 * people) // 5, SEED)
    assert (found.verdict, found.figures) == (Verdict.NOT_RUN, {})
    assert found.detail == f"Not run: {people} people are held out, fewer than {LEAST_SUBJECTS}."


def test_held_out_people_of_one_class_measure_nothing() -> None:
    features = frame()
    model = classifier(features, binary(features))
    found = utility(three(model), features, np.full(120, "no", dtype=object), np.arange(120), SEED)
    assert (found.verdict, found.figures) == (Verdict.NOT_RUN, {})


def test_held_out_people_of_one_value_measure_nothing() -> None:
    features = frame()
    model = Ridge().fit(features, features["age"].to_numpy()).serve()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = utility(three(model), features, np.full(120, 7.0), np.arange(120), SEED)
    assert (found.verdict, found.figures) == (Verdict.NOT_RUN, {})


def test_a_rare_class_still_has_an_interval_of_numbers() -> None:
    """Many draws miss the one person who is positive; they say nothing, and must not spoil the others."""
    features = frame(25)
    model = classifier(features, np.where(np.arange(25) < 12, "yes", "no").astype(object))
    target = np.array(["yes"] + ["no"] * 24, dtype=object)
    found = score(model, features, target, np.arange(25), SEED)
    assert DECIMAL.fullmatch(found.figures["low"])
    assert DECIMAL.fullmatch(found.figures["high"])


def test_without_a_full_retrain_the_comparison_reads_not_run_and_the_figures_are_there() -> None:
    features = frame()
    model = classifier(features, binary(features))
    other = frame(80, seed=1)
    pair = {"before": model, "after": model}
    found = utility(pair, other, binary(other), np.arange(80), SEED)
    whole = utility(three(model), other, binary(other), np.arange(80), SEED)
    assert (found.verdict, found.figures["retrained"]) == (Verdict.NOT_RUN, "NOT RUN")
    assert {**whole.figures, "retrained": "NOT RUN"} == found.figures


def test_a_drop_is_that_of_the_published_figures() -> None:
    assert drop(Check("utility", Verdict.PASSED, "", {"before": "0.700", "after": "0.750"})) == Decimal("-0.050")
    assert drop(Check("utility", Verdict.NOT_RUN, "", {})) is None
    assert drop(Check("utility", Verdict.PASSED, "", {"before": "0.7", "after": "nan"})) is None


def test_a_regression_is_measured_by_what_is_better_when_higher() -> None:
    features = frame()
    target = features["age"].to_numpy() * 2 + 1
    good, bad = Ridge().fit(features, target).serve(), Ridge().fit(features, target[::-1].copy()).serve()
    found = utility({"before": good, "after": bad}, features, target, np.arange(len(target)), SEED)
    assert found.figures["metric"] == "R2"
    assert (drop(found) or 0) > 0.1
