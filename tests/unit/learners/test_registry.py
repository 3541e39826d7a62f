from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint
from typing import Any

import pytest
from sklearn.linear_model import Lasso

from expunge.errors import InputError, NotFoundError
from expunge.learners import registry
from expunge.learners.exact import (
    AdditiveClassifier,
    AdditiveRegressor,
    LogisticRegression,
    Pipeline,
    Retrained,
    Ridge,
    RidgeClassifier,
    Sharded,
    SimpleImputer,
    TableEncoder,
)
from expunge.learners.exact.adapters import FAMILIES
from expunge.learners.registry import ESTIMATORS, LEARNERS, create, learner_class, learner_names


def test_ridge_means_what_the_target_needs() -> None:
    assert type(create("ridge", "classification", alpha=3.0)) is RidgeClassifier
    assert type(create("ridge", "regression")) is Ridge
    assert type(create("additive", "classification")) is AdditiveClassifier


def test_additive_means_what_the_target_needs() -> None:
    assert type(create("additive", "regression", max_bins=8)) is AdditiveRegressor


def test_logistic_does_not_regress_and_says_what_does() -> None:
    with pytest.raises(InputError, match=r"does classification, not regression.*ridge"):
        create("logistic", "regression")


def test_an_unknown_name_is_told_the_known_ones() -> None:
    known = "additive, blend, boosting, .*, retrained, ridge, sharded, sklearn-logistic, xgboost"
    with pytest.raises(NotFoundError, match=known):
        create("stump", "classification")


def test_an_unknown_parameter_is_told_the_known_ones() -> None:
    with pytest.raises(InputError, match="alpha"):
        create("ridge", "classification", depth=3)


@pytest.mark.parametrize(
    "cls", [RidgeClassifier, Ridge, AdditiveClassifier, AdditiveRegressor, TableEncoder, Retrained, Sharded]
)
def test_a_class_is_found_by_its_own_name(cls: Any) -> None:
    assert learner_class(cls.__name__) is cls


def test_a_class_that_nobody_registered_is_not_found() -> None:
    with pytest.raises(NotFoundError):
        learner_class("Popen")


def _register(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    point = EntryPoint(name, value, registry.GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda group: [point] if group == registry.GROUP else [])


def test_a_third_party_registers_by_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    _register(monkeypatch, "line", "expunge.learners.exact.linear:Ridge")
    assert set(learner_names()) == {*LEARNERS, "line"}
    assert learner_names() == sorted(learner_names())
    assert type(create("line", "regression")) is Ridge
    with pytest.raises(InputError, match="does not do classification"):
        create("line", "classification")


def test_a_third_partys_class_is_found_by_its_own_name(monkeypatch: pytest.MonkeyPatch) -> None:
    _register(monkeypatch, "line", "expunge.learners.exact.table:TableLearner")
    assert learner_class("TableLearner").__name__ == "TableLearner"


def test_what_is_registered_must_be_a_learner(monkeypatch: pytest.MonkeyPatch) -> None:
    _register(monkeypatch, "line", "subprocess:Popen")
    with pytest.raises(InputError, match="Register a Learner class"):
        create("line", "regression")


def test_a_third_party_cannot_take_a_built_in_name(monkeypatch: pytest.MonkeyPatch) -> None:
    _register(monkeypatch, "ridge", "subprocess:Popen")
    assert type(create("ridge", "regression")) is Ridge


@pytest.mark.parametrize(
    ("task", "learn", "params"),
    [
        ("classification", LogisticRegression(C=2.0), {"learn": "LogisticRegression", "learn__C": 2.0}),
        ("regression", Ridge(), {"learn": "Ridge"}),
        (
            "regression",
            Retrained(Lasso(alpha=0.5)),
            {"learn": "Retrained", "learn__estimator": "Lasso", "learn__alpha": 0.5},
        ),
    ],
)
def test_a_pipeline_is_made_of_its_steps_by_name(task: Any, learn: Any, params: dict[str, Any]) -> None:
    made: Any = create(
        "pipeline", task, steps="fill,learn", fill="SimpleImputer", fill__strategy="median", key=b"k" * 32, **params
    )
    wanted = Pipeline([("fill", SimpleImputer("median")), ("learn", learn)])
    assert made.plain_params() == wanted.plain_params()
    assert bytes(made.key) == b"k" * 32
    again: Any = create("pipeline", task, **made.plain_params())
    assert again.plain_params() == made.plain_params()


def test_a_pipeline_is_made_of_columns_by_name() -> None:
    listed = '[["scale", ["age"]], ["words", [1]]]'
    own = {"columns__transformers": listed, "columns__scale": "StandardScaler", "columns__words": "OneHotEncoder"}
    made: Any = create(
        "pipeline", "regression", steps="columns,learn", columns="ColumnTransformer", learn="Ridge", **own
    )
    assert [columns for _, _, columns in made.steps[0][1].transformers] == [["age"], [1]]
    assert made.plain_params()["columns__remainder"] == "drop"


@pytest.mark.parametrize(
    ("params", "match"),
    [
        ({}, r"made of steps.*steps=scale,learn"),
        ({"steps": 7}, "made of steps"),
        ({"steps": "fill,learn"}, "of which class step 'fill' is.*fill="),
        ({"steps": "fill,learn", "fill": "SimpleImputer"}, "of which class step 'learn' is"),
        ({"steps": "learn", "learn": "Ridge"}, "learn does regression, not classification"),
        ({"steps": "learn", "learn": "PCA"}, "learn predicts nothing"),
        ({"steps": "learn", "learn": "RidgeClassifier", "fill": "PCA"}, "'fill' is of no step.*are: learn"),
        ({"steps": "learn", "learn": "RidgeClassifier", "lern__alpha": 1.0}, "'lern__alpha' is of no step"),
        ({"steps": "learn", "learn": "RidgeClassifier", "learn__depth": 3}, r"step 'learn'.*takes \['alpha'\]"),
        ({"steps": "learn", "learn": "RidgeClassifier", "learn__key": "k"}, r"step 'learn'.*takes \['alpha'\]"),
        ({"steps": "learn", "learn": "Retrained"}, r"step 'learn'.*takes \['estimator'\]"),
        ({"steps": "learn", "learn": "Retrained", "learn__estimator": "os.system"}, "no adapter for 'os.system'"),
        ({"steps": "c", "c": "ColumnTransformer"}, r"step 'c'.*takes \['remainder', 'transformers'\]"),
        ({"steps": "c", "c": "ColumnTransformer", "c__transformers": "age"}, "step 'c'"),
        ({"steps": "c", "c": "ColumnTransformer", "c__transformers": "[7]"}, "step 'c'"),
    ],
    ids=str,
)
def test_a_pipeline_of_what_cannot_be_is_refused(params: dict[str, Any], match: str) -> None:
    with pytest.raises(InputError, match=match):
        create("pipeline", "classification", **params)


def test_a_step_of_a_class_that_nobody_registered_is_told_the_known_ones() -> None:
    with pytest.raises(NotFoundError, match=r"'Popen'.*StandardScaler"):
        create("pipeline", "regression", steps="learn", learn="Popen")


def test_the_table_of_learners_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        LEARNERS["ridge"] = {}  # type: ignore[index]


def test_names_are_known_without_importing_a_numerical_package() -> None:
    code = (
        "import sys; from expunge.learners.registry import learner_names; learner_names();"
        "print([m for m in ('numpy', 'scipy', 'sklearn', 'pandas') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_every_name_that_wraps_an_estimator_has_an_adapter_for_its_tasks() -> None:
    for name, tasks in ESTIMATORS.items():
        assert all(FAMILIES[estimator].task == task for task, estimator in tasks.items())
        assert LEARNERS[name] == dict.fromkeys(tasks, "Retrained")
