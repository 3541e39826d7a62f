"""Refitted estimators: forgetting is a canonical refit, and what cannot be one is refused."""

from __future__ import annotations

import subprocess
import sys
import threading
import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.base import BaseEstimator, clone
from sklearn.cluster import KMeans
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    StackingClassifier,
)
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, SGDClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from xgboost import XGBClassifier, XGBRegressor

from expunge.domain.guarantee import Exact
from expunge.errors import CannotForgetError, CorruptedError, InputError
from expunge.learners import create, dump, load
from expunge.learners.exact import Retrained
from expunge.learners.exact.adapters import FAMILIES
from expunge.learners.exact.retrained import in_keyed_order
from expunge.learners.exact.wrapped import seed_of
from expunge.learners.networks import NetworkClassifier, NetworkRegressor
from expunge.learners.people import People, random_people
from expunge.learners.served import from_files

KEY = bytes(range(32))
CLASSIFIERS: dict[str, Any] = {
    "logistic": LogisticRegression(max_iter=1000),
    "sgd": SGDClassifier(early_stopping=True, validation_fraction=0.3),
    "histogram": HistGradientBoostingClassifier(max_iter=5, min_samples_leaf=2, early_stopping=True, max_features=0.5),
    "lightgbm": LGBMClassifier(n_estimators=5, min_child_samples=2, subsample=0.5, subsample_freq=1, n_jobs=2),
    "xgboost": XGBClassifier(n_estimators=4, subsample=0.5, n_jobs=2),
    "network": NetworkClassifier(epochs=2, batch_size=16),
}
REGRESSIONS: dict[str, Any] = {
    "linear": LinearRegression(),
    "ridge": Ridge(solver="sag"),
    "histogram": HistGradientBoostingRegressor(max_iter=5, min_samples_leaf=2),
    "lightgbm": LGBMRegressor(n_estimators=5, min_child_samples=2, extra_trees=True),
    "xgboost": XGBRegressor(n_estimators=4, colsample_bynode=0.5),
    "network": NetworkRegressor(epochs=2, batch_size=16),
}


def fitted(estimator: Any, people: People, key: bytes | None = KEY) -> Retrained:
    return Retrained(clone(estimator), schema=people.schema, key=key).fit(people.X, people.y, subjects=people.ids)


@pytest.mark.parametrize("name", [*CLASSIFIERS, *(f"{name} regression" for name in REGRESSIONS)])
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 2**16), data=st.data())
def test_forgetting_equals_a_refit_of_permuted_rows(name: str, seed: int, data: st.DataObject) -> None:
    base, regression, _ = name.partition(" regression")
    estimator = REGRESSIONS[base] if regression else CLASSIFIERS[base]
    people = random_people(seed, "regression" if regression else "classification", text_ids=True, declared=False)
    leaving = data.draw(st.lists(st.sampled_from(people.subjects), min_size=1, max_size=5, unique=True))
    order = np.array(data.draw(st.permutations(range(len(people.ids)))))
    learner = fitted(estimator, people)
    try:
        learner.forget(leaving[:1])
        learner.forget(leaving[1:])
        refit = fitted(estimator, people.only(order).without(leaving))
    except (CannotForgetError, InputError):  # a class left whole; or too few are left for the library's own split
        return
    assert learner.digest() == refit.digest()
    assert dump(learner) == dump(refit)
    assert learner.serve().digest() == refit.serve().digest()


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_loaded_state_predicts_and_forgets_without_a_pickle(name: str) -> None:
    people = random_people(1, "classification", text_ids=False, declared=True, classes=3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        learner = fitted(CLASSIFIERS[name], people)
    saved = dump(learner)
    again = load(saved, key=KEY)
    assert type(again) is Retrained
    assert again.predict(people.X).tolist() == learner.predict(people.X).tolist()
    assert again.environment == learner.environment
    assert not any(word in saved for word in (b"pickle", b"sklearn.", b"lightgbm.", b"xgboost."))
    learner.forget([people.lone])
    again.forget([people.lone])
    assert dump(again) == dump(learner)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_what_is_served_survives_its_files_and_holds_no_ids(name: str) -> None:
    people = random_people(2, "classification", text_ids=True, declared=False)
    served = fitted(CLASSIFIERS[name], people).serve()
    again = from_files(served.files)
    assert again.digest() == served.digest()
    assert again.decision_function(people.X).tolist() == served.decision_function(people.X).tolist()
    held = b"".join(served.files.values())
    assert not [subject for subject in people.plain if people.needles([subject]).in_bytes(held)]


def test_a_category_that_nobody_has_any_more_is_gone() -> None:
    people = random_people(3, "classification", text_ids=False, declared=False)
    word = next(word for word in people.X["ward"].dropna() if word.startswith("lone-")).encode()
    for estimator in CLASSIFIERS.values():
        learner = fitted(estimator, people)
        assert word in b"".join(learner.serve().files.values())
        learner.forget([people.lone])
        assert word not in b"".join(learner.serve().files.values())
        assert word not in dump(learner)


def test_the_key_decides_seeds_and_order_and_the_random_state_counts() -> None:
    people = random_people(4, "classification", text_ids=False, declared=False)
    estimator = CLASSIFIERS["xgboost"]
    assert fitted(estimator, people).digest() == fitted(estimator, people).digest()
    assert fitted(estimator, people).digest() != fitted(estimator, people, bytes(32)).digest()
    other = clone(estimator).set_params(random_state=7)
    assert fitted(estimator, people).digest() != fitted(other, people).digest()
    assert fitted(estimator, people).serve().digest() != fitted(other, people).serve().digest()
    assert 0 <= seed_of({}, None) < 2**31
    assert len({seed_of({}, None), seed_of({}, KEY), seed_of({"random_state": "i:1"}, KEY)}) == 3


def test_rows_lie_in_the_order_of_a_keyed_hash() -> None:
    people = random_people(5, "classification", text_ids=False, declared=False)
    records = fitted(CLASSIFIERS["logistic"], people).state_.records
    one, other, again = (in_keyed_order(records, key).numbers for key in (KEY, None, KEY))
    assert np.array_equal(one, again, equal_nan=True)
    assert not np.array_equal(one, other, equal_nan=True)
    assert np.array_equal(np.sort(one, axis=0), np.sort(other, axis=0), equal_nan=True)


def test_the_number_of_threads_asked_for_changes_nothing() -> None:
    people = random_people(6, "regression", text_ids=False, declared=False)
    for cls in (LGBMRegressor, XGBRegressor):
        digests = {fitted(cls(n_estimators=3, n_jobs=threads), people).digest() for threads in (None, 1, 2)}
        assert len(digests) == 1


def test_the_estimator_that_was_handed_in_is_not_fitted() -> None:
    estimator = LogisticRegression()
    people = random_people(7, "classification", text_ids=False, declared=False)
    learner = Retrained(estimator).fit(people.X, people.y, subjects=people.ids)
    assert not hasattr(estimator, "coef_")
    assert learner.guarantee == Exact("environment")
    assert learner.refits


REFUSED: list[tuple[Any, str]] = [
    (KNeighborsClassifier(), "KNeighborsClassifier cannot be wrapped: it keeps rows"),
    (SVC(), "SVC cannot be wrapped: it keeps rows"),
    (RandomForestClassifier(), "RandomForestClassifier cannot be wrapped: there is no adapter"),
    (MLPClassifier(), "MLPClassifier cannot be wrapped: there is no adapter"),
    (KMeans(), "KMeans cannot be wrapped"),
    (make_pipeline(StandardScaler(), LogisticRegression()), "Pipeline cannot be wrapped: it holds other estimators"),
    (StackingClassifier([("a", LogisticRegression())]), "it holds other estimators"),
    (LogisticRegression(warm_start=True), "warm_start=True.*goes on from an earlier fit"),
    (SGDClassifier(warm_start=True), "warm_start=True"),
    (HistGradientBoostingClassifier(monotonic_cst=[1, 0, 0, 0, 0]), "monotonic_cst"),
    (HistGradientBoostingClassifier(categorical_features=[0]), "categorical_features"),
    (LGBMRegressor(objective=lambda y, p: (p - y, np.ones(len(y)))), "objective.*no code"),
    (LGBMClassifier(objective="cross_entropy"), "objective='cross_entropy'"),
    (LGBMClassifier(linear_tree=True), "linear_tree=True"),
    (LGBMClassifier(class_weight={0: 1.0, 1: 2.0}), "class_weight.*no containers"),
    (LGBMClassifier(lambda_l1=1.0), "lambda_l1"),
    (XGBClassifier(booster="gblinear"), "booster='gblinear'"),
    (XGBClassifier(device="cuda"), "device='cuda'"),
    (XGBClassifier(callbacks=[]), "callbacks.*code"),
    (XGBRegressor(early_stopping_rounds=3), "early_stopping_rounds.*beside the table"),
    (XGBRegressor(objective="rank:pairwise"), "rank:pairwise"),
    (LogisticRegression(random_state=np.random.RandomState(0)), "random_state.*no code"),
    (LogisticRegression(random_state=True), "random_state=True.*no integer"),
    (object(), "object cannot be wrapped"),
]


@pytest.mark.parametrize(("estimator", "said"), REFUSED, ids=[said[:32] for _, said in REFUSED])
def test_what_does_not_repeat_itself_or_keeps_rows_is_refused(estimator: Any, said: str) -> None:
    with pytest.raises(InputError, match=rf"(?s){said}.*(Take|Leave|Give|Choose)"):
        Retrained(estimator).fit([[0.0], [1.0], [2.0]], [0, 1, 1])


class LogisticRegression2(LogisticRegression):  # type: ignore[misc]
    """A subclass may do otherwise."""


def test_a_subclass_and_a_namesake_are_refused() -> None:
    with pytest.raises(InputError, match="no LogisticRegression but another class"):
        Retrained(LogisticRegression2()).fit([[0.0], [1.0]], [0, 1])
    namesake = type("LGBMClassifier", (BaseEstimator,), {})()
    with pytest.raises(InputError, match="no LGBMClassifier but another class"):
        Retrained(namesake).fit([[0.0], [1.0]], [0, 1])


def test_what_the_library_itself_refuses_is_said_in_its_words() -> None:
    for estimator in (LGBMClassifier(num_leaves=0), XGBClassifier(max_depth=-3), LogisticRegression(C=-1.0)):
        with pytest.raises(InputError, match="cannot learn from these rows"):
            Retrained(estimator).fit([[0.0], [1.0], [2.0]], [0, 1, 1])


def test_a_refused_forget_leaves_the_model_as_it_was() -> None:
    people = random_people(8, "classification", text_ids=False, declared=False)
    learner = fitted(CLASSIFIERS["lightgbm"], people)
    before = dump(learner)
    with pytest.raises(CannotForgetError):
        learner.forget(people.subjects)
    assert dump(learner) == before


def test_hyperparameters_that_change_after_the_fit_are_not_saved() -> None:
    learner = Retrained(LogisticRegression()).fit([[0.0], [1.0], [2.0]], [0, 1, 1])
    learner.set_params(estimator__C=3.0)
    with pytest.raises(InputError, match="set after the fit"):
        dump(learner)


def test_a_state_of_another_estimator_is_not_taken_up() -> None:
    learner = Retrained(LogisticRegression()).fit([[0.0], [1.0], [2.0]], [0, 1, 1])
    meta, arrays = learner.to_parts()
    with pytest.raises(CorruptedError):
        Retrained(LogisticRegression()).restore(meta, arrays | {"model": arrays["model"][:-1]})
    with pytest.raises(CorruptedError):
        Retrained(LogisticRegression()).restore({**meta, "environment": None}, arrays)


def test_learners_are_made_by_name_with_the_hyperparameters_that_count() -> None:
    made = create("lightgbm", "regression", num_leaves=7, key=KEY)
    assert isinstance(made, Retrained)
    assert type(made.estimator) is LGBMRegressor
    assert made.estimator.num_leaves == 7
    assert made.plain_params() == {"estimator": "LGBMRegressor", "num_leaves": 7}
    for name in ("depth", "n_jobs", "warm_start", "estimator", "self", "name"):
        with pytest.raises(
            InputError, match=r"(?s)takes no hyperparameter.*(It takes .*max_iter|It wraps LogisticReg)"
        ):
            create("sklearn-logistic", "classification", **{name: 1})


@pytest.mark.parametrize("name", FAMILIES)
def test_every_hyperparameter_that_counts_is_one_of_its_library(name: str) -> None:
    family = FAMILIES[name]
    cls = getattr(sys.modules[family.module] if family.module in sys.modules else __import__(family.module), name)
    known = set(cls().get_params())
    extra = {"max_bin", "min_data_in_bin", "cat_smooth", "cat_l2", "min_data_per_group", "extra_trees", "path_smooth"}
    assert set(family.counts) <= known | (extra | {"alpha"} if family.package == "lightgbm" else set())
    assert not set(family.counts) & set(family.pinned)


def test_a_library_that_is_not_installed_is_named_with_its_extra() -> None:
    code = (
        "import sys\n"
        "class Refuse:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] in {'lightgbm', 'xgboost'}:\n"
        "            raise ImportError(name)\n"
        "sys.meta_path.insert(0, Refuse())\n"
        "from expunge.errors import InputError\n"
        "from expunge.learners import create\n"
        "from expunge.learners.exact import Retrained\n"
        "from sklearn.linear_model import LogisticRegression\n"
        "Retrained(LogisticRegression()).fit([[0.], [1.], [2.]], [0, 1, 1])\n"
        "for name in ('lightgbm', 'xgboost'):\n"
        "    try:\n"
        "        create(name, 'classification')\n"
        "    except InputError as error:\n"
        "        print(error)\n"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    lines = out.stdout.splitlines()
    assert ["expunge[boosting]" in line for line in lines] == [True, True]
    assert [line.partition(" ")[0] for line in lines] == ["lightgbm", "xgboost"]


def test_digests_are_the_same_on_another_thread_and_in_another_process() -> None:
    people = random_people(9, "classification", text_ids=False, declared=False)
    found: list[str] = []
    worker = threading.Thread(target=lambda: found.append(fitted(CLASSIFIERS["histogram"], people).digest()))
    worker.start()
    worker.join()
    code = (
        "from expunge.learners.people import random_people\n"
        "from expunge.learners.exact import Retrained\n"
        "from sklearn.ensemble import HistGradientBoostingClassifier as H\n"
        "p = random_people(9, 'classification', text_ids=False, declared=False)\n"
        "e = H(max_iter=5, min_samples_leaf=2, early_stopping=True, max_features=0.5)\n"
        "print(Retrained(e, key=bytes(range(32))).fit(p.X, p.y, subjects=p.ids).digest())"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {*found, out.stdout.strip()} == {fitted(CLASSIFIERS["histogram"], people).digest()}


def test_the_environment_is_recorded_and_is_no_part_of_the_digest() -> None:
    learner = Retrained(LogisticRegression()).fit([[0.0], [1.0], [2.0]], [0, 1, 1])
    assert {"machine", "processor", "threads", "numpy", "scipy", "scikit-learn", "python"} <= learner.environment.keys()
    digest = learner.digest()
    learner.state_ = replace(learner.state_, environment={"numpy": "0"})
    assert learner.digest() == digest
    assert load(dump(learner)).environment == {"numpy": "0"}
