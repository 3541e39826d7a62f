"""Pipelines: one forget goes through every step, or through none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import linear_model
from sklearn.base import clone

from expunge.domain.guarantee import Exact
from expunge.errors import CannotForgetError, InputError, UnknownSubjectError
from expunge.learners import check_learner
from expunge.learners.exact import (
    PCA,
    BoostingClassifier,
    KNeighborsClassifier,
    LogisticRegression,
    MultinomialNB,
    OneHotEncoder,
    Pipeline,
    QuantileBinner,
    Retrained,
    Ridge,
    RidgeClassifier,
    SimpleImputer,
    StandardScaler,
    TableEncoder,
)
from expunge.learners.people import random_people
from expunge.learners.served import from_files
from expunge.learners.state import dump, load

LINEAR = Pipeline(
    [("fill", SimpleImputer("median")), ("scale", StandardScaler()), ("words", OneHotEncoder()), ("learn", Ridge())]
)
X = pd.DataFrame({"n": [1.0, 2, 2, 2, 3, 9], "w": ["a", "b", "a", "b", "a", "b"]})
Y = ["no", "yes", "no", "yes", "no", "yes"]


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10**6), order=st.permutations(range(6)), cut=st.integers(1, 6))
def test_any_sequence_of_forgetting_is_a_refit(seed: int, order: list[int], cut: int) -> None:
    people = random_people(seed, "regression", text_ids=seed % 2 == 0, declared=seed % 3 == 0)
    order_of = [people.extreme, people.lone, *people.plain[:4]]
    leaving = [order_of[place] for place in order]
    own = clone(LINEAR).set_params(schema=people.schema).fit(people.X, people.y, subjects=people.ids)
    own.forget(leaving[:cut])
    own = load(dump(own))
    for one in leaving[cut:]:
        own.forget([one])
    rest = people.without(leaving)
    again = clone(own).fit(rest.X, rest.y, subjects=rest.ids)
    assert own.digest() == again.digest()
    assert dump(own) == dump(again)
    assert own.predict(people.X).tolist() == again.predict(people.X).tolist()


@pytest.mark.parametrize(
    "pipeline",
    [
        Pipeline([("words", OneHotEncoder("first")), ("pca", PCA(2))]),
        Pipeline([("fill", SimpleImputer("median")), ("words", OneHotEncoder())]),
    ],
    ids=lambda own: str(own.steps[-1][1]),
)
def test_a_pipeline_that_only_transforms_keeps_the_contract(pipeline: Pipeline) -> None:
    """Those that predict: `contract/test_learners.py`."""
    check_learner(pipeline, alternatives={"steps": [[("words", OneHotEncoder()), ("pca", PCA(1))]]})


def test_it_is_what_its_steps_are_one_after_another() -> None:
    own = Pipeline([("scale", StandardScaler()), ("learn", RidgeClassifier())]).fit(X, Y)
    scaler = StandardScaler().fit(X)
    learner = RidgeClassifier().fit(scaler.transform(X), Y)
    assert own.named_steps_["scale"].digest() == scaler.digest()
    assert own.named_steps_["learn"].digest() == learner.digest()
    assert own.decision_function(X).tolist() == learner.decision_function(scaler.transform(X)).tolist()
    assert own.score(X, Y) == learner.score(scaler.transform(X), Y)


def test_a_step_forgets_by_itself_while_those_before_transform_as_they_did() -> None:
    own = Pipeline([("bin", QuantileBinner(2)), ("learn", RidgeClassifier())]).fit(X, Y, subjects=range(6))
    assert own.forget([3]).work == {"rows_touched": 1, "steps_learned_again": 0}  # the median is still 2
    assert own.forget([0, 2]).work == {"rows_touched": 2, "steps_learned_again": 1}
    rest = [1, 4, 5]
    again = clone(own).fit(X.iloc[rest], [Y[row] for row in rest], subjects=rest)
    assert own.digest() == again.digest()


def test_a_refused_or_broken_forget_leaves_every_step_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    own = Pipeline([("words", OneHotEncoder()), ("learn", BoostingClassifier(n_estimators=3))])
    own.fit(X, Y, subjects=[7, 7, 8, 8, 9, 10])
    before = own.digest(), dump(own)
    with pytest.raises(UnknownSubjectError):
        own.forget([7, 11])
    with pytest.raises(CannotForgetError):
        own.forget([7, 8, 9])

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr(BoostingClassifier, "forget", broken)
        with pytest.raises(RuntimeError):
            own.forget([7])
    assert (own.digest(), dump(own)) == before
    own.forget([7])
    assert own.subjects_held() == [8, 9, 10]


def test_steps_are_prepared_before_anything_is_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    prepared: list[str] = []
    monkeypatch.setattr(BoostingClassifier, "prepare", lambda own: prepared.append(type(own).__name__))
    Pipeline([("words", OneHotEncoder()), ("learn", BoostingClassifier())]).prepare()
    assert prepared == ["BoostingClassifier"]


def test_parameters_of_steps_are_set_and_steps_replaced() -> None:
    own = clone(LINEAR).set_params(learn__alpha=3.0, scale=QuantileBinner(3))
    assert own.get_params()["learn__alpha"] == 3.0
    assert own.get_params()["scale__n_bins"] == 3
    assert LINEAR.get_params()["learn__alpha"] == 1.0


def test_the_guarantee_is_the_weakest_of_the_parts() -> None:
    assert LINEAR.guarantee == Exact("portable")
    assert Pipeline([("pca", PCA()), ("learn", Ridge())]).guarantee == Exact("environment")
    wrapped = Pipeline([("scale", StandardScaler()), ("learn", Retrained(linear_model.LogisticRegression()))])
    assert wrapped.guarantee == Exact("environment")
    wrapped.fit(X, Y, subjects=range(6))
    assert load(dump(wrapped)).digest() == wrapped.digest()
    assert "scikit-learn" in wrapped.environment


def test_a_step_refuses_what_it_cannot_learn_from() -> None:
    with pytest.raises(InputError, match="count nothing"):
        Pipeline([("scale", StandardScaler()), ("learn", MultinomialNB())]).fit(X, Y)


@pytest.mark.parametrize(
    ("steps", "match"),
    [
        ([], "no steps"),
        (None, "are no steps"),
        ([("key", Ridge())], "no name"),
        ([("a__b", Ridge())], "no name"),
        ([("a,b", Ridge())], "without commas"),
        ([("a", StandardScaler()), ("a", Ridge())], "no name"),
        ([("learn", linear_model.Ridge())], r"Retrained\(estimator\)"),
        ([("learn", Ridge()), ("again", Ridge())], "transforms nothing"),
        ([("code", TableEncoder(key=b"k" * 32)), ("learn", Ridge())], "key or a schema"),
    ],
)
def test_steps_that_are_none_are_refused(steps: Any, match: str) -> None:
    with pytest.raises(InputError, match=match):
        Pipeline(steps).fit(X, np.arange(6.0))


def test_columns_that_come_out_of_a_step_have_names_of_their_own_or_there_is_nothing_to_learn() -> None:
    table = pd.DataFrame({"w": ["a", "b"], "w=s:a": [1.0, 2.0]})
    with pytest.raises(InputError, match="stand twice"):
        Pipeline([("words", OneHotEncoder()), ("learn", Ridge())]).fit(table, [1.0, 2.0])
    with pytest.raises(InputError, match="no column is left"):
        Pipeline([("words", OneHotEncoder("first")), ("learn", Ridge())]).fit(table[["w"]][:1], [1.0])


def test_it_predicts_what_it_serves() -> None:
    own = Pipeline([("fill", SimpleImputer()), ("words", OneHotEncoder()), ("learn", LogisticRegression())])
    served: Any = own.fit(X, Y, subjects=range(6)).serve()
    assert own.serve() is served
    table = pd.DataFrame({"n": [np.nan, 2.0, 1e300], "w": ["b", None, "new"]})
    before = Pipeline(own.steps[:-1]).fit(X, subjects=range(6))
    turned = pd.DataFrame(before.transform(table), columns=before.get_feature_names_out())
    for method in ("predict", "predict_proba", "decision_function"):
        assert getattr(served, method)(table[["w", "n"]]).tolist() == getattr(own, method)(table).tolist()
        assert getattr(own, method)(table).tolist() == getattr(own.named_steps_["learn"], method)(turned).tolist()
    own.forget([5])
    assert own.serve().digest() == clone(own).fit(X[:5], Y[:5], subjects=range(5)).serve().digest()


@pytest.mark.parametrize(
    ("learner", "knows"), [(LogisticRegression(), True), (KNeighborsClassifier(2), True), (RidgeClassifier(), False)]
)
def test_the_served_model_knows_probabilities_where_the_last_step_does(learner: Any, knows: bool) -> None:
    own = Pipeline([("scale", StandardScaler()), ("learn", learner)]).fit(X, Y)
    assert hasattr(own.serve(), "predict_proba") == hasattr(own, "predict_proba") == knows


def test_it_holds_rows_where_the_last_step_does() -> None:
    for learner, holds in ((KNeighborsClassifier(2), True), (RidgeClassifier(), False)):
        assert Pipeline([("scale", StandardScaler()), ("learn", learner)]).fit(X, Y).serve().holds_rows == holds


def test_a_pipeline_within_a_pipeline_is_served_as_one() -> None:
    inner = Pipeline([("words", OneHotEncoder()), ("learn", RidgeClassifier())])
    own, flat = (Pipeline([("fill", SimpleImputer()), *rest]) for rest in ([("rest", inner)], inner.steps))
    assert from_files(own.fit(X, Y).serve().files).digest() == flat.fit(X, Y).serve().digest()


def test_a_transformer_behind_all_has_nothing_to_serve() -> None:
    with pytest.raises(InputError, match="predicts nothing"):
        Pipeline([("words", OneHotEncoder()), ("pca", PCA(2))]).fit(X).serve()
