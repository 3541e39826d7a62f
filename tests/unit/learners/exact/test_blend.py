"""Blends: what is weighed how much, and that it is forgotten to the byte, weights included."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.metrics import r2_score, roc_auc_score

from expunge.errors import CannotForgetError, InputError
from expunge.learners.encoding import adaptive
from expunge.learners.exact import BlendClassifier, BlendRegressor, blend, grown
from expunge.learners.served import ServedModel
from expunge.learners.served.forest import leaf_means, planted
from expunge.learners.state import dump, load

SMALL = [
    BlendClassifier(2, 8, 5, min_samples_leaf=3, judges=0.4),
    BlendRegressor(1, 8, 5, min_samples_leaf=3, judges=0.4),
]


def table(seed: int, n: int, classes: int | None = 2) -> tuple[pd.DataFrame, Any, Any]:
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "age": rng.integers(18, 90, n),
            "dose": np.where(rng.random(n) < 0.2, np.nan, rng.lognormal(size=n).round(3)),
            "ward": rng.choice(["north", "south", "east"], n),
        }
    )
    score = (X["age"] > 50) * 1.5 + X["dose"].fillna(0) * (X["ward"] == "north") + rng.normal(size=n)
    if classes is None:
        return X, score.to_numpy() * 40 + 7, rng.integers(0, n // 2 + 1, n)
    return X, np.digitize(score, np.quantile(score, np.arange(1, classes) / classes)), rng.integers(0, n // 2 + 1, n)


@pytest.mark.parametrize("classes", [2, 3, None])
@settings(deadline=None, max_examples=12)
@given(seed=st.integers(0, 10**6), batches=st.lists(st.integers(1, 25), min_size=1, max_size=4), least=st.booleans())
def test_any_batches_are_a_refit(classes: int | None, seed: int, batches: list[int], least: bool) -> None:
    """With few rows to an interval bins move often: then trees are mended and chains grown afresh."""
    X, y, ids = table(seed, 300, classes)
    learner: Any = SMALL[classes is None]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grown, "MANY", 2)
        patch.setattr(adaptive, "LEAST", 3 if least else 64)
        own = clone(learner).fit(X, y, subjects=ids)
        order = np.random.default_rng(seed).permutation(np.unique(ids)).tolist()
        done = 0
        for batch in batches:
            try:
                own.forget(order[done : done + batch])
            except CannotForgetError:
                break
            done += batch
        stays = ~np.isin(ids, order[:done])
        fresh = clone(learner).fit(X[stays], y[stays], subjects=ids[stays])
        assert own.digest() == fresh.digest()
        assert own.serve().digest() == fresh.serve().digest()
        assert own.state_.grown.losses.tolist() == fresh.state_.grown.losses.tolist()


def test_the_judges_learn_nothing_to_the_members_they_hear() -> None:
    """Whatever the judges' labels are, the first chain and the additive one are the same."""
    X, y, ids = table(2, 600)
    chains = []
    for flipped in (False, True):
        learner = clone(SMALL[0]).fit(X, y, subjects=ids)
        records, apart = learner.state_.records, learner.state_.grown._judges.rows
        owners = set(np.array(records.subjects)[np.searchsorted(records.starts, apart, "right") - 1].tolist())
        if flipped:
            theirs = np.isin(ids, list(owners))
            other = y.copy()
            swap = np.flatnonzero(theirs)
            other[swap] = y[np.roll(swap, 1)]  # as many of each class: the starting score is everybody's
            learner = clone(SMALL[0]).fit(X, other, subjects=ids)
        members = learner.state_.grown
        chains.append(
            [members.boosted[0].chains[0].sums, members.additive.chains[0].sums, members.boosted[1].chains[0].sums]
        )
    assert np.array_equal(chains[0][0], chains[1][0])
    assert np.array_equal(chains[0][1], chains[1][1])
    assert not np.array_equal(chains[0][2], chains[1][2]), "the other chain learns from everybody"


def test_weights_are_chosen_by_what_does_best() -> None:
    """Noise beside one weak line: a forest alone or a chain alone is not what the judges take everywhere."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (6000, 4))
    sharp = (X[:, 0] * X[:, 1] > 0).astype(int)
    weak = (X.sum(axis=1) + 6 * rng.normal(size=6000) > 0).astype(int)
    of_sharp = BlendClassifier().fit(X, sharp).weights_
    of_weak = BlendClassifier().fit(X, weak).weights_
    assert of_sharp["boosting"] >= 0.9
    assert of_weak["boosting"] < 0.9
    assert sum(of_weak.values()) == pytest.approx(1)


@pytest.mark.parametrize("place", range(len(blend.WEIGHTS)))
@pytest.mark.parametrize("classes", [2, 3, None])
def test_what_is_served_is_what_was_weighed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any, place: int, classes: int | None
) -> None:
    """Members without a weight are not served; scores are the weighted mean of the members' own."""
    X, y, ids = table(3, 400, classes)
    monkeypatch.setattr(blend, "WEIGHTS", blend.WEIGHTS[place : place + 1])
    learner = clone(SMALL[classes is None]).fit(X, y, subjects=ids)
    boosting, additive, forest = blend.WEIGHTS[0]
    served = learner.serve()
    assert ("nodes" in served.arrays) == (forest > 0)
    assert ("values" in served.arrays) == (boosting + additive > 0)
    members = learner.state_.grown
    each = [np.stack([chain.scores[-1] for chain in series.chains]) / 256 for series in members.boosted]
    expected = (
        boosting * np.mean(each, axis=0) + additive * np.stack([c.scores[-1] for c in members.additive.chains]) / 256
    ) / 10
    if classes is None:
        expected = members.target.link.of(expected * 10 / max(10 - forest, 1)) * (10 - forest) / 10
    shown = served.scores(served.signature.read(X))
    by_row = np.empty_like(shown)
    by_row[np.argsort(ids, kind="stable")] = expected.T
    if forest:
        cells = served.signature.read(X)
        means = leaf_means(served.binning.encode(cells), planted(served.arrays, numbers=classes is None))
        share = np.clip(means[:, 1:] if classes == 2 else means, 1 / 256, 255 / 256)
        own = members.target.of_places.of(means) if classes is None else np.log(share / (1 - share))
        by_row = by_row + forest / 10 * own
    assert np.allclose(shown, by_row, atol=1e-9 * max(1.0, np.abs(by_row).max()))
    served.save(tmp_path)
    again = ServedModel.load(tmp_path)
    assert np.array_equal(again.predict(X), learner.predict(X))
    if classes is not None:
        assert np.allclose(learner.predict_proba(X).sum(axis=1), 1)


@pytest.mark.parametrize("learner", SMALL, ids=lambda own: type(own).__name__)
def test_every_hyperparameter_counts_where_its_member_does(monkeypatch: pytest.MonkeyPatch, learner: Any) -> None:
    monkeypatch.setattr(blend, "WEIGHTS", np.array([[4, 3, 3]], np.int64))
    X, y, ids = table(4, 400, 2 if learner is SMALL[0] else None)
    told = [
        clone(learner).set_params(**changed).fit(X, y, subjects=ids).predict(X).tobytes()
        if learner is SMALL[1]
        else clone(learner).set_params(**changed).fit(X, y, subjects=ids).predict_proba(X).tobytes()
        for changed in (
            {},
            {"n_chains": 3},
            {"n_estimators": 9},
            {"n_trees": 6},
            {"min_samples_leaf": 4},
            {"judges": 0.5},
            {"random_state": 1},
        )
    ]
    assert len(set(told)) == len(told)


def test_a_saved_state_goes_on_forgetting() -> None:
    X, y, ids = table(6, 300)
    learner = clone(SMALL[0]).set_params(key=bytes(range(32))).fit(X, y, subjects=ids)
    again = load(dump(learner), key=bytes(range(32)))
    learner.forget([int(ids[3])])
    again.forget([int(ids[3])])
    assert again.digest() == learner.digest()


def test_it_predicts() -> None:
    X, y, ids = table(7, 6000)
    learner = BlendClassifier().fit(X[:4000], y[:4000], subjects=ids[:4000])
    known = (X["age"] > 50) * 1.5 + X["dose"].fillna(0) * (X["ward"] == "north")
    best = roc_auc_score(y[4000:], known[4000:])
    assert roc_auc_score(y[4000:], learner.predict_proba(X[4000:])[:, 1]) > best - 0.01
    assert learner.feature_importances_.sum() == pytest.approx(1)
    X, y, ids = table(7, 6000, None)
    number = BlendRegressor().fit(X[:4000], y[:4000], subjects=ids[:4000])
    assert r2_score(y[4000:], number.predict(X[4000:])) > 0.5


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda facts: facts.update(weights=[3, 7.0]), "whole numbers"),
        (lambda facts: facts.update(parts=19), "sum up"),
        (lambda facts: facts.update(weights=[40], forest=-20, parts=20), "sum up"),
        (lambda facts: facts.update(weights=[10**400], forest=0, parts=10**400), "sum up"),
        (lambda facts: facts.update(link={"form": "identity", "offset": "f:0.0", "scale": "f:1.0"}), "link"),
    ],
)
def test_forged_weights_are_refused(change: Any, said: str) -> None:
    X, y, ids = table(8, 300)
    served = clone(SMALL[0]).fit(X, y, subjects=ids).serve()
    facts = served.facts()
    change(facts)
    with pytest.raises(ValueError, match=said):
        type(served).from_body(served.signature, facts, served.body())


@pytest.mark.parametrize(
    ("params", "said"),
    [({"judges": 0}, "judges=0"), ({"n_chains": 0}, "n_chains=0"), ({"n_chains": 65}, "n_chains=65 is too many")],
)
def test_parameters_out_of_bounds_are_refused(params: dict[str, Any], said: str) -> None:
    X, y, ids = table(9, 50)
    with pytest.raises(InputError, match=said):
        BlendClassifier(**params).fit(X, y, subjects=ids)
