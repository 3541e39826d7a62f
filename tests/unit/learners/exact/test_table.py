"""What all learners over one table do alike: forgetting equals refitting, for any table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.base import clone

from expunge.domain.guarantee import Exact
from expunge.domain.schema import Column, Kind, Role, Schema
from expunge.errors import CannotForgetError, InputError, SchemaError, SubjectIdError, UnknownSubjectError
from expunge.learners.case import task_of
from expunge.learners.exact import (
    PCA,
    AdditiveClassifier,
    GaussianNB,
    LinearDiscriminantAnalysis,
    Ridge,
    RidgeClassifier,
    TableEncoder,
)
from expunge.learners.reach import Needles, reachable
from expunge.learners.state import dump

LEARNERS: list[Any] = [
    RidgeClassifier(),
    Ridge(),
    AdditiveClassifier(max_bins=8),
    TableEncoder("bins"),
    TableEncoder(),
    GaussianNB(),
    LinearDiscriminantAnalysis(),
    PCA(),
]

SCHEMA = Schema(
    (
        Column("id", Role.SUBJECT, Kind.TEXT),
        Column("n", Role.FEATURE, Kind.NUMERIC, -8.0, 8.0, 0.5),
        Column("open", Role.FEATURE, Kind.NUMERIC, 0.0, 1.0, 1.0, inferred=("range", "resolution")),
        Column("c", Role.FEATURE, Kind.CATEGORICAL),
        Column("y", Role.TARGET, Kind.CATEGORICAL),
    ),
    "int",
)


@dataclass(frozen=True)
class Table:
    X: pd.DataFrame
    y: np.ndarray[Any, Any]
    ids: np.ndarray[Any, Any]

    def fit(self, learner: Any, rows: np.ndarray[Any, Any] | None = None) -> Any:
        rows = np.arange(len(self.ids)) if rows is None else np.flatnonzero(rows) if rows.dtype == bool else rows
        y = self.y.astype(float) if task_of(learner) == "regression" else self.y
        return clone(learner).fit(self.X.iloc[rows], y[rows], subjects=self.ids[rows])


@st.composite
def tables(draw: st.DrawFn) -> Table:
    numbers = st.one_of(st.none(), st.floats(-8, 8), st.sampled_from([-8.0, -0.0, 0.0, 1.0, 8.0]))
    whole = st.one_of(st.none(), st.integers(-3, 3).map(float), st.just(0.5))
    words = st.sampled_from([None, "a", "b", "c"])
    rows = draw(
        st.lists(st.tuples(st.integers(1, 5), numbers, whole, words, st.integers(0, 2)), min_size=4, max_size=14)
    )
    ids, n, opened, c, y = (list(column) for column in zip(*rows, strict=True))
    X = pd.DataFrame(
        {
            "n": np.array(n, dtype=np.float64),
            "open": np.array(opened, dtype=np.float64),
            "c": pd.Series(c, dtype=object),
        }
    )
    return Table(X, np.array(y), np.array(ids))


@pytest.mark.parametrize("schema", [None, SCHEMA], ids=["inferred", "declared"])
@pytest.mark.parametrize("learner", LEARNERS, ids=lambda learner: repr(learner)[:30])
@settings(deadline=None, max_examples=40)
@given(table=tables(), data=st.data())
def test_forgetting_equals_refitting_for_any_table(
    learner: Any, schema: Schema | None, table: Table, data: st.DataObject
) -> None:
    if task_of(learner) != "regression":
        learner = clone(learner).set_params(schema=schema)
    assume(len(set(table.y.tolist())) > 1)
    leaving = data.draw(st.lists(st.sampled_from(sorted(set(table.ids.tolist()))), unique=True, min_size=1))
    stays = ~np.isin(table.ids, leaving)
    order = np.array(data.draw(st.permutations(range(len(table.ids)))))
    fitted = table.fit(learner, order)
    before, saved = fitted.digest(), dump(fitted)
    classes = task_of(learner) == "classification"
    if not stays.any() or (classes and set(table.y[stays].tolist()) != set(table.y.tolist())):
        with pytest.raises(CannotForgetError):
            fitted.forget(leaving)
        assert (fitted.digest(), dump(fitted)) == (before, saved)
        return
    for batch in [leaving] if data.draw(st.booleans()) else [[subject] for subject in leaving]:
        fitted.forget(batch)
    refit = table.fit(learner, stays)
    assert fitted.digest() == refit.digest()
    assert dump(fitted) == dump(refit)
    if task_of(learner) is not None:
        assert fitted.serve().digest() == refit.serve().digest()


def _people() -> Table:
    X = pd.DataFrame({"n": [0.0, 1.0, 5.0, 2.0, 1.5, 0.5], "c": ["a", "b", "a", "rare", "b", "a"]})
    return Table(X, np.array([0, 1, 0, 1, 1, 0]), np.array([1, 1, 2, 3, 4, 5]))


@pytest.mark.parametrize("learner", LEARNERS, ids=lambda learner: repr(learner)[:30])
def test_a_forgotten_category_vanishes(learner: Any) -> None:
    fitted = _people().fit(learner)
    assert reachable(fitted, Needles(texts=("rare",)))
    fitted.forget([3])
    assert not reachable(fitted, Needles(texts=("rare",)))
    assert b"rare" not in dump(fitted)


@pytest.mark.parametrize("learner", LEARNERS, ids=lambda learner: repr(learner)[:30])
def test_a_forgotten_extreme_no_longer_sets_the_range(learner: Any) -> None:
    fitted = _people().fit(learner)
    fitted.forget([2])
    assert (fitted.state_.encoding.columns[0].low, fitted.state_.encoding.columns[0].high) == (0.0, 2.0)


def test_the_report_counts_what_was_done() -> None:
    fitted = _people().fit(AdditiveClassifier())
    report = fitted.forget([1])
    assert (report.subjects, report.records) == (1, 2)
    assert report.work == {"rows_touched": 2, "rows_reencoded": 4}  # 0 was the smallest number, and theirs
    assert fitted.forget([5]).work == {"rows_touched": 1, "rows_reencoded": 3}
    assert report.seconds > 0
    assert report.refit_seconds > 0
    assert fitted.records_held() == 3
    assert fitted.subjects_held() == [2, 3, 4]
    assert fitted.guarantee == Exact("portable")


def test_within_a_declared_range_nothing_is_encoded_again() -> None:
    table, schema = _people(), SCHEMA.replace(column for column in SCHEMA.columns if column.name != "open")
    fitted = table.fit(AdditiveClassifier(schema=schema))
    assert fitted.forget([2]).work == {"rows_touched": 1, "rows_reencoded": 0}
    assert fitted.forget([3]).work == {"rows_touched": 1, "rows_reencoded": 0}  # a category goes without a refit


@pytest.mark.parametrize("learner", [RidgeClassifier(), AdditiveClassifier()], ids=repr)
def test_who_set_no_range_leaves_without_a_look_at_the_others(learner: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    fitted, refit = _people().fit(learner), _people().fit(learner, _people().ids != 4)
    monkeypatch.setattr("expunge.learners.exact.table.learn_columns", None)
    fitted.forget([4])
    assert fitted.digest() == refit.digest()


def test_forgetting_nobody_changes_nothing() -> None:
    fitted = _people().fit(RidgeClassifier())
    digest, saved = fitted.digest(), dump(fitted)
    report = fitted.forget([])
    assert (report.subjects, report.records) == (0, 0)
    assert (fitted.digest(), dump(fitted)) == (digest, saved)


def test_forgetting_one_person_twice_in_a_list_is_forgetting_once() -> None:
    report = _people().fit(RidgeClassifier()).forget([np.int64(1), 1])
    assert (report.subjects, report.records) == (1, 2)


def test_an_unknown_person_leaves_all_as_it_was() -> None:
    fitted = _people().fit(RidgeClassifier())
    state = fitted.state_
    for wrong in ([1, 99], ["1"], [2, 3, "x"]):
        with pytest.raises(UnknownSubjectError):
            fitted.forget(wrong)
    assert fitted.state_ is state


def test_positions_stand_in_for_subjects() -> None:
    fitted = RidgeClassifier().fit([[0.0], [1.0], [2.0], [3.0]], [0, 1, 0, 1])
    assert fitted.subjects_held() == [0, 1, 2, 3]
    fitted.forget([2])
    assert fitted.subjects_held() == [0, 1, 3]


def test_the_schema_fixes_the_kind_of_ids() -> None:
    table, schema = _people(), SCHEMA.replace(column for column in SCHEMA.columns if column.name != "open")
    learner = RidgeClassifier(schema=schema)
    with pytest.raises(SubjectIdError, match="not of the schema's kind, int"):
        learner.fit(table.X, table.y, subjects=[str(i) for i in table.ids])
    learner.fit(table.X, table.y)
    with pytest.raises(InputError, match=r"column 'n', row 1: 9 is outside the declared range -8:8"):
        learner.fit(table.X.assign(n=9.0), table.y)


@pytest.mark.parametrize(
    ("learner", "says"),
    [
        (RidgeClassifier(alpha=0), "alpha=0 is not"),
        (RidgeClassifier(alpha=float("nan")), "alpha=nan"),
        (Ridge(alpha=-1), "alpha=-1"),
        (Ridge(alpha=True), "alpha=True"),
        (AdditiveClassifier(alpha="1"), "alpha='1'"),  # type: ignore[arg-type]
        (AdditiveClassifier(max_bins=1), "max_bins=1"),
        (AdditiveClassifier(max_bins=2.0), "max_bins=2.0"),  # type: ignore[arg-type]
        (TableEncoder("hash"), "encoding='hash'"),  # type: ignore[arg-type]
        (TableEncoder(max_bins=True), "max_bins=True"),
    ],
)
def test_a_hyperparameter_out_of_bounds_is_named(learner: Any, says: str) -> None:
    with pytest.raises(InputError, match=says):
        learner.fit([[0.0], [1.0]], [0, 1])


@pytest.mark.parametrize(
    ("y", "says"),
    [
        (None, "requires y"),
        ([0, 1], "inconsistent numbers"),
        ([0, 0, 0], "only one class"),
        ([0.5, 1.0, 2.0], "Unknown label type"),
        ([0, 1, None], "contains NaN or None, first in row 3"),
        ([0.0, np.nan, 1.0], "first in row 2"),
        ([1, "1", 2], "several types"),
        (np.zeros((3, 2)), "y: "),
        ([0j, 1j, 0j], "Complex data not supported"),
    ],
)
def test_a_target_that_has_no_classes_is_refused(y: Any, says: str) -> None:
    with pytest.raises(InputError, match=says):
        RidgeClassifier().fit([[0.0], [1.0], [2.0]], y)


@pytest.mark.parametrize("y", [None, ["a", "b", "c"], [0.0, np.inf, 1.0], [0.0, None, 1.0], [1.0, 2.0]])
def test_a_target_that_is_no_number_is_not_regressed_on(y: Any) -> None:
    with pytest.raises(InputError):
        Ridge().fit([[0.0], [1.0], [2.0]], y)


def test_a_categorical_target_is_not_regressed_on() -> None:
    schema = SCHEMA.replace(column for column in SCHEMA.columns if column.name != "open")
    with pytest.raises(SchemaError, match="target 'y' is categorical"):
        Ridge(schema=schema).fit(_people().X, _people().y)


@pytest.mark.parametrize(
    "y",
    [["b", "a", "b"], [3, 1, 3], [True, False, True], [2.0, 1.0, 2.0], pd.Series(["b", "a", "b"], dtype="category")],
)
def test_classes_keep_their_type(y: Any) -> None:
    fitted = RidgeClassifier(alpha=1e-3).fit([[5.0], [-5.0], [5.0]], y)
    assert fitted.classes_.tolist() == sorted(set(y))
    assert fitted.predict([[5.0], [-5.0]]).tolist() == list(y)[:2]


def test_a_feature_may_be_named_like_the_target() -> None:
    table = _people()
    X = table.X.rename(columns={"c": "y"})
    fitted = RidgeClassifier().fit(X, X["y"].replace("rare", "b"), subjects=table.ids)
    fitted.forget([3])
    rest = table.ids != 3
    assert fitted.digest() == RidgeClassifier().fit(X[rest], X["y"][rest], subjects=table.ids[rest]).digest()


def test_an_interrupted_fit_keeps_the_model_before_it() -> None:
    fitted = _people().fit(RidgeClassifier())
    digest = fitted.digest()
    with pytest.raises(InputError):
        fitted.fit([[np.inf, 2.0]], [1])
    assert fitted.digest() == digest
    assert fitted.n_features_in_ == 2
