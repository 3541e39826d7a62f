"""Naive Bayes: predictions are those of scikit-learn's own, and words and missing cells tell what they should."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import naive_bayes
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, OrdinalEncoder

from expunge.bench import tasks
from expunge.errors import InputError
from expunge.learners import create
from expunge.learners.exact import GaussianNB, MultinomialNB

RNG = np.random.default_rng(5)
Y = RNG.integers(0, 3, 400)
X = pd.DataFrame(
    {
        "a": RNG.normal(size=400) + Y,
        "b": RNG.normal(scale=1 + Y),
        "w": RNG.choice(["p", "q", "r"], 400),
        "v": np.where(RNG.random(400) < 0.2 * Y, "yes", "no"),
    }
)
NUMBERS, WORDS = ["a", "b"], ["w", "v"]

real = pytest.mark.skipif(not os.environ.get(tasks.VARIABLE), reason=f"{tasks.VARIABLE} is not set")


def mixed(X: pd.DataFrame, y: Any, numbers: list[str], words: list[str], **params: Any) -> np.ndarray[Any, Any]:
    """Probabilities of scikit-learn's two: of numbers scaled to [-1, 1], and of words."""
    scaled = MinMaxScaler((-1, 1)).fit_transform(X[numbers])
    coded = OrdinalEncoder().fit_transform(X[words])
    gaussian = naive_bayes.GaussianNB(**params).fit(scaled, y)
    words_alone = naive_bayes.CategoricalNB(class_prior=gaussian.class_prior_).fit(coded, y)
    joint = gaussian.predict_joint_log_proba(scaled) + words_alone.predict_joint_log_proba(coded)
    joint -= np.log(gaussian.class_prior_)
    shares = np.exp(joint - joint.max(axis=1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


@pytest.mark.parametrize("params", [{}, {"priors": [0.2, 0.2, 0.6]}, {"var_smoothing": 0.05}])
def test_probabilities_are_those_of_scikit_learns_two(params: dict[str, Any]) -> None:
    own = GaussianNB(**params).fit(X, Y)
    np.testing.assert_allclose(own.predict_proba(X), mixed(X, Y, NUMBERS, WORDS, **params), atol=1e-3)
    np.testing.assert_allclose(np.exp(own.predict_log_proba(X)), own.predict_proba(X))
    assert (own.predict(X) == own.classes_[own.predict_proba(X).argmax(axis=1)]).all()


@real
@pytest.mark.parametrize("name", tasks.REAL)
def test_probabilities_of_real_people_are_those_of_scikit_learns_two(name: str) -> None:
    task = tasks.REAL[name]().some(8000, np.random.default_rng(0))
    numbers = [column for column in task.X.columns.tolist() if pd.api.types.is_numeric_dtype(task.X[column])]
    words = [column for column in task.X.columns.tolist() if column not in numbers]
    X = task.X.fillna(task.X[numbers].median())
    own = GaussianNB().fit(X, task.y).predict_proba(X)
    theirs = mixed(X, task.y, numbers, words)
    np.testing.assert_allclose(own, theirs, atol=5e-3)
    assert (own.argmax(axis=1) == theirs.argmax(axis=1)).mean() > 0.999
    counts = X[numbers].clip(lower=0)
    multinomial = naive_bayes.MultinomialNB().fit(counts, task.y)
    np.testing.assert_allclose(
        MultinomialNB().fit(counts, task.y).predict_proba(counts), multinomial.predict_proba(counts), atol=5e-3
    )


@pytest.mark.parametrize("params", [{}, {"alpha": 0.1}, {"fit_prior": False}])
def test_whole_counts_give_what_scikit_learns_give(params: dict[str, Any]) -> None:
    counts = RNG.poisson(1 + np.c_[Y, 3 - Y, np.ones(400)])
    own, theirs = MultinomialNB(**params).fit(counts, Y), naive_bayes.MultinomialNB(**params).fit(counts, Y)
    np.testing.assert_allclose(own.predict_log_proba(counts), theirs.predict_log_proba(counts), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(own.predict_log_proba(9 * counts), theirs.predict_log_proba(9 * counts), atol=1e-8)


def test_a_word_is_a_thing_met_once() -> None:
    counts = pd.DataFrame({"n": RNG.poisson(2, 400), "w": X["w"]})
    places = np.column_stack([counts["n"], OneHotEncoder(sparse_output=False).fit_transform(counts[["w"]])])
    theirs = naive_bayes.MultinomialNB().fit(places, Y).predict_proba(places)
    np.testing.assert_allclose(MultinomialNB().fit(counts, Y).predict_proba(counts), theirs, atol=1e-9)


def test_a_missing_number_says_nothing_of_its_size_and_something_by_itself() -> None:
    y = np.repeat([0, 1], 50)
    x = np.where(np.arange(100) % 5 == 0, np.nan, np.r_[np.zeros(50), np.ones(50)] + np.tile([0.1, -0.1], 50))
    own = GaussianNB().fit(x[:, None], y)
    np.testing.assert_allclose(own.predict_proba([[np.nan]]), [[0.5, 0.5]])
    x[:50:2] = np.nan  # now it is missing mostly in the first class: 30 and 10 of 50, and one more of each sort
    own = GaussianNB().fit(x[:, None], y)
    np.testing.assert_allclose(own.predict_proba([[np.nan]]), [[31 / 42, 11 / 42]])


def test_a_class_without_any_number_of_a_column_takes_those_of_all() -> None:
    x, y = np.array([[1.0, 0], [3.0, 1], [np.nan, 2], [np.nan, 3]]), [0, 0, 1, 1]
    own = GaussianNB().fit(x, y)
    assert np.isfinite(own.predict_log_proba(x)).all()
    served: Any = own.serve()
    np.testing.assert_allclose(served.means[0, 0], served.means[1, 0])


def test_where_nothing_varies_only_the_shares_of_classes_tell() -> None:
    own = GaussianNB().fit([[1.0, np.nan]] * 4, [0, 0, 0, 1])
    np.testing.assert_allclose(own.predict_proba([[1.0, np.nan], [7.0, 2.0]]), [[0.75, 0.25]] * 2)


@pytest.mark.parametrize(
    ("learner", "says"),
    [
        (GaussianNB(priors=[0.5, 0.6]), r"priors=\[0.5, 0.6\] are not"),
        (GaussianNB(priors=[1.0, 0.0]), "are not numbers above 0"),
        (GaussianNB(priors="a,b"), "priors='a,b'"),
        (GaussianNB(priors=3), "priors=3"),
        (GaussianNB(priors=[]), r"priors=\[\]"),
        (GaussianNB(priors=[1.0]), "1 priors for 2 classes"),
        (GaussianNB(var_smoothing=0.0), "var_smoothing=0.0"),
        (GaussianNB(alpha=0), "alpha=0"),
        (MultinomialNB(alpha=-1.0), "alpha=-1.0"),
        (MultinomialNB(fit_prior=1), "fit_prior=1 is not a bool"),  # type: ignore[arg-type]
    ],
    ids=str,
)
def test_a_hyperparameter_out_of_bounds_is_named(learner: Any, says: str) -> None:
    with pytest.raises(InputError, match=says):
        learner.fit([[0.0], [1.0]], [0, 1])


@pytest.mark.parametrize("wrong", [-1.0, 2.0**54])
def test_what_is_no_count_is_refused_when_it_is_learned_and_counts_nothing_below_0_later(wrong: float) -> None:
    learner = MultinomialNB().fit([[0.0, 5.0], [4.0, 1.0]], [0, 1])
    before = learner.digest()
    with pytest.raises(InputError, match=r"column 'x1', row 2: .* is no count\. Negative values"):
        learner.fit([[0.0, 5.0], [4.0, wrong]], [0, 1])
    with pytest.raises(InputError, match="is no count"):
        learner.learn([[0.0, wrong]], [1], subjects=[9])
    assert learner.digest() == before
    assert learner.predict_proba([[-3.0, 2.0]]).tolist() == learner.predict_proba([[0.0, 2.0]]).tolist()
    assert np.isfinite(learner.predict_log_proba([[1e290, 2.0]])).all()


def test_they_have_names_and_classes_alone() -> None:
    assert type(create("gaussian-nb", "classification", priors="0.3,0.7")) is GaussianNB
    assert type(create("multinomial-nb", "classification", alpha=2.0)) is MultinomialNB
    with pytest.raises(InputError, match="does classification, not regression"):
        create("gaussian-nb", "regression")
