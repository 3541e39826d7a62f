"""Every built-in learner keeps the contract."""

from __future__ import annotations

from typing import Any

import pytest
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression, SGDClassifier
from sklearn.linear_model import LogisticRegression as SklearnLogisticRegression
from xgboost import XGBClassifier, XGBRegressor

from expunge.learners import LEARNERS, check_learner, create
from expunge.learners.base import Learner
from expunge.learners.certified import CertifiedLinearHead, CertifiedLogisticRegression
from expunge.learners.empirical import METHODS, TorchClassifier
from expunge.learners.exact import (
    PCA,
    AdditiveClassifier,
    AdditiveRegressor,
    BlendClassifier,
    BlendRegressor,
    BoostingClassifier,
    BoostingRegressor,
    ColumnTransformer,
    ForestClassifier,
    ForestRegressor,
    GaussianNB,
    KNeighborsClassifier,
    KNeighborsRegressor,
    LinearDiscriminantAnalysis,
    LogisticRegression,
    MultinomialNB,
    OneHotEncoder,
    Pipeline,
    PoissonRegressor,
    QuantileBinner,
    Retrained,
    Ridge,
    RidgeClassifier,
    Sharded,
    SimpleImputer,
    StandardScaler,
    TableEncoder,
    staged,
)
from expunge.learners.networks import NetworkClassifier, NetworkRegressor
from expunge.learners.registry import WRAPPERS

OF_MEMBERS: dict[str, Any] = dict.fromkeys(("n_chains", "n_estimators", "n_trees", "min_samples_leaf", "judges"), ())
"""What counts where its member has a weight: `test_blend` gives every member one."""

OF_TABLES: dict[str, Any] = {"n_stages": (), "max_depth": (), "structure": ["staged", "auto"], "multi_class": ()}
OF_STAGES: dict[str, Any] = {
    "n_candidates": (),
    "max_features": (),
    "structure": (),
    "multi_class": (),
    "max_depth": [3],
}
"""What says nothing for the other structure is refused there: `test_boosting`. How often trees of numbers are chosen is
tried by `test_staged`: here two numbers lie so far out that the others' are all alike."""

SIDES: list[Any] = [("scale", StandardScaler(), [0]), ("words", OneHotEncoder(), [1])]

CASES: list[tuple[Learner, dict[str, Any]]] = [
    (RidgeClassifier(), {}),
    (RidgeClassifier(alpha=0.01), {}),
    (Ridge(), {}),
    (AdditiveClassifier(), {}),
    (AdditiveClassifier(alpha=1.0, max_bins=6), {}),
    (TableEncoder("bins"), {"encoding": ["scaled"]}),
    (AdditiveRegressor(), {}),
    (BoostingClassifier(n_estimators=7), OF_TABLES),
    (BoostingRegressor(n_estimators=7), {"loss": (), "max_features": [1], "n_candidates": [2]} | OF_TABLES),
    (BoostingClassifier(n_estimators=12, learning_rate=0.6, structure="staged", n_stages=2, max_depth=4), OF_STAGES),
    (
        BoostingRegressor(n_estimators=12, learning_rate=0.6, structure="staged", n_stages=2, max_depth=4),
        OF_STAGES | {"loss": (), "n_stages": ()},
    ),
    (ForestClassifier(6, subject_fraction=0.7, min_samples_leaf=2), {"max_depth": [1], "max_features": [0.9, 0.1]}),
    (
        ForestClassifier(3, subject_fraction=1.0, min_samples_leaf=1, max_depth=3),
        {"subject_fraction": [0.4], "max_features": [1.0]},
    ),
    (
        BoostingClassifier(n_estimators=5, n_candidates=1, max_features=1, min_signal=0.0),
        OF_TABLES | {"min_signal": [1.0], "structure": ()},
    ),
    (ForestRegressor(6, subject_fraction=0.7, min_samples_leaf=2), {"max_depth": [1], "max_features": [0.9, 0.1]}),
    (AdditiveRegressor(alpha=1.0, max_bins=6), {}),
    (BlendClassifier(1, 4, 3, min_samples_leaf=2, judges=0.4), OF_MEMBERS),
    (BlendRegressor(1, 4, 3, min_samples_leaf=2, judges=0.4), OF_MEMBERS),
    (TableEncoder("scaled"), {"encoding": ["bins"], "max_bins": ()}),
    (LogisticRegression(), {}),
    (PoissonRegressor(alpha=0.01), {}),
    (GaussianNB(), {"priors": ()}),
    (MultinomialNB(), {"fit_prior": ()}),
    (LinearDiscriminantAnalysis(), {"shrinkage": [0.5], "priors": ()}),
    (LinearDiscriminantAnalysis(0.2), {"priors": ()}),
    (PCA(), {"n_components": [1]}),
    (PCA(3, whiten=True), {}),
    (KNeighborsClassifier(), {"weights": ["distance"]}),
    (KNeighborsRegressor(3), {"weights": ["distance"]}),
    (StandardScaler(), {}),
    (OneHotEncoder(), {"drop": ["first"], "handle_unknown": ()}),
    (SimpleImputer(), {"strategy": ["constant"], "fill_value": ()}),
    (SimpleImputer("median"), {"strategy": ["most_frequent"], "fill_value": ()}),
    (SimpleImputer("constant"), {"strategy": ["most_frequent"], "fill_value": [3.5]}),
    (QuantileBinner(4), {}),
    (ColumnTransformer(SIDES, "passthrough"), {"transformers": [SIDES[1:]], "remainder": ["drop"]}),
    (
        Pipeline([("fill", SimpleImputer()), ("scale", StandardScaler()), ("learn", LogisticRegression())]),
        {"steps": [[("learn", LogisticRegression())]]},
    ),
    (
        Pipeline([("columns", ColumnTransformer(SIDES)), ("learn", BoostingClassifier(n_estimators=3))]),
        {"steps": [[("columns", ColumnTransformer(SIDES[:1])), ("learn", BoostingClassifier(n_estimators=3))]]},
    ),
    (
        Pipeline([("fill", SimpleImputer()), ("words", OneHotEncoder()), ("learn", Ridge())]),
        {"steps": [[("words", OneHotEncoder()), ("learn", Ridge())]]},
    ),
]
"""Learners whose state is integers. Priors are as many as classes, of which tables have two or three, and two are alike
in number where there are two: `test_bayes` and `test_discriminant` try priors."""

PROMISED: dict[str, Any] = {"epsilon": (), "delta": ()}
"""What a budget is made of changes no model: `test_certified`."""

CERTIFIED: list[tuple[Learner, dict[str, Any]]] = [
    (CertifiedLogisticRegression(C=0.1, sigma=3.0), PROMISED),
    (CertifiedLinearHead(C=0.1, sigma=3.0), {**PROMISED, "extractor": ()}),
]
"""Learners whose forgetting is within a bound: much noise, for the tables are small."""

SMALL: dict[str, Any] = {"min_samples_leaf": 2, "max_iter": 3}
LIGHT: dict[str, Any] = {"min_child_samples": 2, "n_estimators": 3}
WRAPPED: list[tuple[Any, Any]] = [
    (SklearnLogisticRegression(max_iter=1000), SklearnLogisticRegression(max_iter=1000, C=0.1)),
    (SGDClassifier(), SGDClassifier(alpha=0.1)),
    (LinearRegression(), LinearRegression(fit_intercept=False)),
    (HistGradientBoostingClassifier(**SMALL), HistGradientBoostingClassifier(**SMALL, learning_rate=0.5)),
    (HistGradientBoostingRegressor(**SMALL), HistGradientBoostingRegressor(**SMALL, learning_rate=0.5)),
    (LGBMClassifier(**LIGHT), LGBMClassifier(**LIGHT, learning_rate=0.5)),
    (LGBMRegressor(**LIGHT), LGBMRegressor(**LIGHT, learning_rate=0.5)),
    (XGBClassifier(n_estimators=3), XGBClassifier(n_estimators=3, learning_rate=0.9)),
    (XGBRegressor(n_estimators=3), XGBRegressor(n_estimators=3, learning_rate=0.9)),
    (NetworkClassifier(epochs=2), NetworkClassifier(epochs=3)),
    (NetworkRegressor(epochs=2), NetworkRegressor(epochs=2, batch_size=3)),
]
"""Estimators of other libraries, and one with another hyperparameter. Small: every check refits many times."""


@pytest.mark.parametrize(("learner", "alternatives"), CASES, ids=lambda value: str(value)[:40])
@pytest.mark.parametrize("seed", [0, pytest.param(100, marks=pytest.mark.soak)])
def test_a_built_in_learner_keeps_the_contract(
    learner: Learner, alternatives: dict[str, Any], seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staged, "MIN_LEAF", 3)  # the tables are small
    check_learner(learner, seed=seed, alternatives=alternatives)


@pytest.mark.parametrize(("learner", "alternatives"), CERTIFIED, ids=lambda value: str(value)[:40])
@pytest.mark.parametrize("seed", [0, pytest.param(100, marks=pytest.mark.soak)])
def test_a_certified_learner_keeps_the_contract(learner: Learner, alternatives: dict[str, Any], seed: int) -> None:
    check_learner(learner, seed=seed, alternatives=alternatives)


@pytest.mark.parametrize(("estimator", "other"), WRAPPED, ids=lambda value: type(value).__name__)
def test_a_wrapped_estimator_keeps_the_contract(estimator: Any, other: Any) -> None:
    check_learner(Retrained(estimator), alternatives={"estimator": [other]})


SHARDED: list[tuple[Any, dict[str, Any]]] = [
    (SGDClassifier(loss="log_loss", max_iter=6, tol=None), {}),
]
"""An estimator that goes on from an earlier fit; `test_sharded` tries the others."""


@pytest.mark.parametrize(("estimator", "more"), SHARDED, ids=lambda value: type(value).__name__)
def test_a_sharded_estimator_keeps_the_contract(estimator: Any, more: dict[str, Any]) -> None:
    own: dict[str, Any] = {
        "estimator": (),
        "n_shards": [2],
        "n_slices": [1],
        "aggregate": ["vote"],
        "expected_requests": (),  # it chooses what is given here: `test_shards`
        "n_jobs": (),
    }
    check_learner(Sharded(estimator, n_shards=3, n_slices=2), alternatives=own | more)


SOON = ("neggrad", "amnesiac")
"""Methods that are tried each time: one that keeps steps of training, and one that does not."""


@pytest.mark.parametrize("method", [pytest.param(n, marks=() if n in SOON else pytest.mark.soak) for n in METHODS])
def test_a_network_keeps_the_contract_by_each_method(method: str) -> None:
    other: dict[str, Any] = {"method": ["random-labels", "last-k"], "recipe": (), "device": ()}
    check_learner(TorchClassifier(method=method, epochs=3, batch_size=8), alternatives=other)


def test_every_registered_learner_is_checked() -> None:
    named = {name: tasks for name, tasks in LEARNERS.items() if name not in WRAPPERS}
    registered = {_what(create(name, task)) for name, tasks in named.items() for task in tasks}
    checked = {_what(learner) for learner, _ in CASES + CERTIFIED} | {type(estimator) for estimator, _ in WRAPPED}
    assert registered <= checked


def _what(learner: Learner) -> type:
    """The class of a learner, or of what it wraps."""
    return type(learner.estimator) if isinstance(learner, Retrained) else type(learner)
