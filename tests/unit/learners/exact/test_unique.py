"""Logistic and Poisson regression: they learn what scikit-learn's do, and forget as if nobody had been there."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import linear_model
from sklearn.base import clone
from threadpoolctl import threadpool_limits

from expunge.domain.guarantee import Exact
from expunge.errors import CannotForgetError, CorruptedError, InputError
from expunge.learners.encoding.codes import ONE
from expunge.learners.exact import LogisticRegression, PoissonRegressor, fixed
from expunge.learners.exact.lattice import Lattice
from expunge.learners.state import dump, load

KEY = bytes(range(32))
ROUNDING = 2.0**-17
LEARNERS = (LogisticRegression(key=KEY), LogisticRegression(C=30.0, key=KEY), PoissonRegressor(alpha=1e-3, key=KEY))


class Rows:
    """People with several rows: numbers, words, missing cells, and what is to be predicted."""

    def __init__(self, seed: int, n: int, task: str = "binary") -> None:
        rng = np.random.default_rng(seed)
        self.people = rng.integers(0, max(2, n // 2), n) + 100
        a = np.where(rng.random(n) < 0.1, np.nan, rng.normal(size=n))
        words = rng.choice(["x", "y", "z", "rare"], n, p=[0.4, 0.3, 0.25, 0.05])
        self.X = pd.DataFrame({"a": a, "w": words, "b": rng.integers(0, 5, n)})
        z = np.nan_to_num(a) + 0.5 * self.X["b"].to_numpy() - (words == "x") + rng.normal(size=n)
        self.y: npt.NDArray[Any] = rng.poisson(np.exp(z / 2)) if task == "counts" else (z > 1).astype(int)
        if task == "classes":
            self.y = np.digitize(z, [0.0, 1.5]) * 10

    def fit(self, learner: Any, rows: Any = slice(None)) -> Any:
        return clone(learner).fit(self.X.iloc[rows], self.y[rows], subjects=self.people[rows])

    def without(self, learner: Any, gone: list[int]) -> Any:
        return self.fit(learner, ~np.isin(self.people, gone))


def rows_for(learner: Any, seed: int, n: int) -> Rows:
    return Rows(seed, n, "counts" if isinstance(learner, PoissonRegressor) else "binary")


def encoded(learner: Any) -> npt.NDArray[np.float64]:
    """What it learned from, the intercept's ones at last: scikit-learn then penalises the intercept too."""
    state = learner.state_
    codes = learner.serve().encoding.encode(state.records.cells) / ONE
    return np.hstack([codes, np.ones((len(codes), 1))])


def learned(learner: Any) -> npt.NDArray[np.float64]:
    served = learner.serve()
    return np.hstack([served.coef, served.intercept[:, None]])


@pytest.mark.parametrize("C", [0.01, 1.0, 100.0])
def test_logistic_regression_is_scikit_learns_rounded(C: float) -> None:
    rows = Rows(0, 600)
    learner = rows.fit(LogisticRegression(C))
    twin = linear_model.LogisticRegression(C=C, fit_intercept=False, solver="newton-cholesky", tol=1e-10)
    X, classes = encoded(learner), learner.state_.warm.entries.target
    twin.fit(X, classes)
    np.testing.assert_allclose(learned(learner), twin.coef_, atol=ROUNDING + 1e-6)
    order = learner.state_.records.cells
    proba = learner.predict_proba(
        pd.DataFrame({"a": order.numbers[:, 0], "w": _words(order), "b": order.numbers[:, 1]})
    )
    np.testing.assert_allclose(proba, twin.predict_proba(X), atol=1e-5)


def _words(cells: Any) -> list[str]:
    return [cells.words[0][code].removeprefix("s:") for code in cells.codes[:, 0]]


def test_of_several_classes_each_is_held_against_the_rest() -> None:
    rows = Rows(1, 600, "classes")
    learner = rows.fit(LogisticRegression())
    assert learner.classes_.tolist() == [0, 10, 20]
    X, target = encoded(learner), learner.state_.warm.entries.target
    for number, own in enumerate(learned(learner)):
        twin = linear_model.LogisticRegression(fit_intercept=False, solver="newton-cholesky", tol=1e-10)
        np.testing.assert_allclose(own, twin.fit(X, target == number).coef_[0], atol=ROUNDING + 1e-6)
    proba = learner.predict_proba(rows.X)
    each = 1 / (1 + np.exp(-learner.decision_function(rows.X)))
    np.testing.assert_allclose(proba, each / each.sum(axis=1, keepdims=True), rtol=1e-12)
    assert (learner.classes_[proba.argmax(axis=1)] == learner.predict(rows.X)).all()


@pytest.mark.parametrize("alpha", [1e-4, 0.1, 1.0])
def test_poisson_regression_is_scikit_learns_rounded(alpha: float) -> None:
    rows = Rows(2, 600, "counts")
    learner = rows.fit(PoissonRegressor(alpha))
    twin = linear_model.PoissonRegressor(alpha=alpha, fit_intercept=False, solver="newton-cholesky", tol=1e-10)
    X = encoded(learner)
    twin.fit(X, learner.state_.warm.entries.target)
    np.testing.assert_allclose(learned(learner)[0], twin.coef_, atol=ROUNDING + 1e-6)
    np.testing.assert_allclose(np.sort(learner.predict(rows.X)), np.sort(twin.predict(X)), rtol=1e-4)


@given(st.integers(0, 2**32), st.integers(20, 120), st.sampled_from(LEARNERS), st.data())
@settings(max_examples=40, deadline=None)
def test_any_sequence_of_forgetting_is_a_refit(seed: int, n: int, learner: Any, data: st.DataObject) -> None:
    rows = rows_for(learner, seed, n)
    gone = data.draw(st.lists(st.sampled_from(sorted(set(rows.people.tolist()))), unique=True, min_size=1, max_size=6))
    if len(set(rows.y.tolist())) < 2:
        return
    try:
        expected = rows.without(learner, gone).digest()
        one_by_one, batch, loaded = (rows.fit(learner) for _ in range(3))
        batch.forget(gone)
    except (CannotForgetError, InputError):  # a class would be gone
        return
    loaded = load(dump(loaded), key=KEY, cls=type(learner))
    for person in data.draw(st.permutations(gone)):
        one_by_one.forget([person])
        loaded.forget([person])
    assert one_by_one.digest() == batch.digest() == loaded.digest() == expected
    assert one_by_one.serve().digest() == batch.serve().digest()


@pytest.mark.parametrize("learner", LEARNERS[::2])
def test_two_thousand_leave_one_after_another_and_nothing_drifts(learner: Any) -> None:
    rng = np.random.default_rng(0)
    rows = rows_for(learner, 0, 2600)
    rows.people = np.arange(2600)
    one = rows.fit(learner)
    gone = rng.permutation(2600)[:2100].tolist()
    for number, person in enumerate(gone, start=1):
        one.forget([person])
        if number % 700 == 0:
            assert one.digest() == rows.without(learner, gone[:number]).digest()


@pytest.mark.parametrize("learner", LEARNERS)
def test_neither_the_order_of_rows_nor_threads_matter(learner: Any) -> None:
    rows = rows_for(learner, 3, 500)
    expected = rows.fit(learner).digest()
    for threads in (1, 2):
        with threadpool_limits(threads):
            assert rows.fit(learner, np.random.default_rng(threads).permutation(500)).digest() == expected


def exact_intercept(learner: Any) -> Fraction:
    """The optimum's intercept to a hundred bits, by Newton's steps in whole numbers."""
    warm = learner.state_.warm
    (problem,) = learner._problems(warm.entries, learner.state_)
    near = warm.nears[0]
    weights = fixed.whole_parts(near.weights, 128)
    for _ in range(20):
        rows, _ = fixed.gradient(problem.entries, problem.target, problem.form, weights, 128)
        top, bottom = problem.penalty.as_integer_ratio()
        floats, shift = fixed.float_parts(rows + weights * (top << 15) // bottom)
        weights = weights - fixed.whole_parts(np.linalg.solve(near.curvature, floats), shift - 15)
    return Fraction(int(weights[-1]), 2**128)


@pytest.mark.parametrize("learner", LEARNERS)
def test_an_optimum_beside_a_middle_is_told_in_whole_numbers(learner: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lattice is moved to where, once some have left, float64 does not tell: the search escalates, and is right."""
    rows = rows_for(learner, 4, 200)
    gone = rows.people[:3].tolist()
    intercept = exact_intercept(rows.without(learner, gone))
    plain = Lattice.drawn

    def moved(key: bytes, about: list[bytes]) -> Lattice:
        lattice = plain(key, about)
        steps = intercept * 2**16 - Fraction(1, 2)
        lattice.offsets[-1] = np.uint64(int(steps % 1 * 2**64) | 1)
        return lattice

    monkeypatch.setattr(Lattice, "drawn", moved)
    once = rows.fit(learner)
    report = once.forget(gone)
    assert report.work["escalations"] == 1
    assert once.digest() == rows.without(learner, gone).digest()


def test_separable_classes_are_learned_and_forgotten() -> None:
    X, people = np.arange(40.0)[:, None], np.arange(40)
    y, stay = X[:, 0] > 20, people % 7 != 3
    for C in (1.0, 1e4):
        learner = LogisticRegression(C).fit(X, y, subjects=people)
        learner.forget(people[~stay].tolist())
        assert learner.digest() == LogisticRegression(C).fit(X[stay], y[stay], subjects=people[stay]).digest()
        assert (learner.predict(X[stay]) == y[stay]).all()


def test_a_penalty_too_weak_to_tell_is_refused_and_changes_nothing() -> None:
    rows = Rows(9, 200)
    learner = rows.fit(LogisticRegression())
    digest = learner.digest()
    with pytest.raises(InputError, match="smaller C"):
        learner.set_params(C=1e30).fit(rows.X, rows.y, subjects=rows.people)
    assert learner.digest() == digest


def test_hyperparameters_set_after_a_fit_wait_for_the_next_one() -> None:
    rows = Rows(10, 100)
    learner = rows.fit(LogisticRegression())
    learner.set_params(C=9.0, random_state=5).forget([int(rows.people[0])])
    assert learner.digest() == rows.without(LogisticRegression(), [int(rows.people[0])]).digest()


def test_columns_of_words_alone_are_learned_and_forgotten() -> None:
    rows = Rows(11, 100)
    rows.X = rows.X[["w"]]
    learner = rows.fit(LogisticRegression())
    learner.forget([int(rows.people[0])])
    assert learner.digest() == rows.without(LogisticRegression(), [int(rows.people[0])]).digest()


@pytest.mark.parametrize("alpha", [1e-6, 1e-2])
def test_whoever_counts_for_nearly_everything_may_leave(alpha: float) -> None:
    rows = Rows(12, 120, "counts")
    loud = int(rows.people[0])
    rows.y = np.where(rows.people == loud, 1_000_000, rows.y % 2)
    learner = rows.fit(PoissonRegressor(alpha))
    learner.forget([loud])
    assert learner.digest() == rows.without(PoissonRegressor(alpha), [loud]).digest()


@pytest.mark.parametrize("learner", LEARNERS)
def test_nearly_everybody_may_leave_at_once(learner: Any) -> None:
    rows = rows_for(learner, 13, 400)
    stay = [*rows.people[rows.y == 0][:3], *rows.people[rows.y > 0][:3]]
    gone = sorted(set(rows.people.tolist()) - set(stay))
    one = rows.fit(learner)
    one.forget(gone)
    assert one.digest() == rows.without(learner, gone).digest()


def test_the_word_of_whoever_leaves_is_gone() -> None:
    rows = Rows(5, 200)
    learner = rows.fit(LogisticRegression())
    gone = sorted(set(rows.people[(rows.X["w"] == "rare").to_numpy()].tolist()))
    learner.forget(gone)
    assert learner.state_.columns[1].words == ("s:x", "s:y", "s:z")
    assert learner.digest() == rows.without(LogisticRegression(), gone).digest()


def test_key_and_seed_move_the_lattice_and_little_else() -> None:
    rows = Rows(6, 200)
    plain, seeded, keyed = (
        rows.fit(LogisticRegression(random_state=s, key=k)) for s, k in ((0, None), (1, None), (0, KEY))
    )
    assert len({one.digest() for one in (plain, seeded, keyed)}) == 3
    for one in (seeded, keyed):
        np.testing.assert_allclose(learned(one), learned(plain), atol=2 * ROUNDING)


def test_counts_need_not_be_whole_but_not_negative() -> None:
    X = np.arange(10.0)[:, None]
    assert np.isfinite(PoissonRegressor().fit(X, X[:, 0] / 3).predict(X)).all()
    assert (PoissonRegressor().fit(X, np.zeros(10)).predict(X) < 1).all()
    with pytest.raises(InputError, match="y holds -1, and counts are not negative"):
        PoissonRegressor().fit(X, X[:, 0] - 1)
    with pytest.raises(InputError, match="larger unit"):
        PoissonRegressor().fit(X, X[:, 0] * 1e13)


@pytest.mark.parametrize("wrong", [{"C": 0.0}, {"C": "1"}, {"C": float("nan")}, {"random_state": -1}])
def test_hyperparameters_out_of_bounds_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        LogisticRegression(**wrong).fit([[0.0], [1.0]], [0, 1])


def test_a_state_with_other_coefficients_is_refused() -> None:
    learner = Rows(7, 50).fit(LogisticRegression())
    meta, arrays = learner.to_parts()
    with pytest.raises(CorruptedError):
        LogisticRegression().restore(meta, arrays | {"coefficients": arrays["coefficients"][:, 1:]})


def test_they_are_exact_on_any_machine_and_keep_no_cache() -> None:
    learner = Rows(8, 50).fit(PoissonRegressor())
    assert learner.guarantee == Exact("portable")
    meta, arrays = learner.to_parts()
    assert set(arrays) == {"starts", "numbers", "codes", "coefficients"}
    assert "warm" not in meta
