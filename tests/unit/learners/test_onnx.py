"""Models as ONNX: a runtime of other people's says what ours says."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import pandas as pd
import pytest

from expunge.errors import InputError
from expunge.learners.exact import (
    BlendClassifier,
    BlendRegressor,
    BoostingClassifier,
    BoostingRegressor,
    ForestClassifier,
    ForestRegressor,
    RidgeClassifier,
    blend,
)
from expunge.learners.served import ServedModel
from expunge.learners.served.onnx import to_onnx

RNG = np.random.default_rng(0)
N = 1500
X = pd.DataFrame(
    {
        "dose": np.where(RNG.random(N) < 0.2, np.nan, RNG.lognormal(size=N)).astype(np.float32),
        "age": RNG.integers(18, 90, N),
        "ward": np.array(["north", "south", None], object)[RNG.integers(0, 3, N)],
        "same": np.ones(N),
        "flag": RNG.random(N) < 0.3,
    }
)
SCORE = (X["age"] > 50) * 1.5 + X["dose"].fillna(0) * (X["ward"] == "north") + RNG.normal(size=N)
TWO = np.where(SCORE > 1, "yes", "no")
THREE = np.digitize(SCORE, [0.5, 1.5])
COUNTS = RNG.poisson(np.exp(SCORE.clip(upper=3))).astype(float)
LEARNERS = [
    (BoostingClassifier(), TWO),
    (BoostingClassifier(20), THREE),
    (BoostingClassifier(20, multi_class="softmax"), THREE),
    (BoostingRegressor(), COUNTS * 1e6),
    (BoostingRegressor("poisson"), COUNTS),
    (BoostingClassifier(structure="staged"), TWO),
    (BoostingClassifier(20, structure="staged"), THREE),
    (BoostingRegressor(structure="staged"), COUNTS * 1e6),
    (BoostingRegressor("poisson", 300, structure="staged"), COUNTS),
    (ForestClassifier(20), TWO),
    (ForestClassifier(20), THREE),
    (ForestRegressor(20), COUNTS * 1e6),
    (ForestClassifier(3, min_samples_leaf=2000), TWO),
]


def told(model: ServedModel, rows: pd.DataFrame) -> dict[str, Any]:
    """What the runtime says."""
    session = onnxruntime.InferenceSession(to_onnx(model), providers=["CPUExecutionProvider"])
    cells = {
        "dose": rows["dose"].to_numpy(np.float64),
        "age": rows["age"].to_numpy(np.float64),
        "ward": rows["ward"].fillna("").to_numpy(object),
        "same": rows["same"].to_numpy(np.float64),
        "flag": rows["flag"].to_numpy(np.float64),
    }
    names = [output.name for output in session.get_outputs()]
    found = session.run(names, {name: own.reshape(-1, 1) for name, own in cells.items()})
    return dict(zip(names, found, strict=True))


def must_agree(model: Any, rows: pd.DataFrame) -> None:
    found = told(model, rows)
    if model.classes is None:
        ours = model.predict(rows)
        assert np.abs(found["variable"][:, 0] - ours).max() <= 1e-6 * np.abs(ours).max()
        return
    assert np.abs(found["probabilities"] - model.predict_proba(rows)).max() <= 1e-6
    near = np.sort(model.predict_proba(rows), axis=1)
    clear = near[:, -1] - near[:, -2] > 1e-6
    assert np.array_equal(found["label"][clear], model.predict(rows)[clear])


def others() -> pd.DataFrame:
    """Rows with what was never learned: numbers beyond the range, unknown words."""
    return pd.DataFrame(
        {
            "dose": np.array([-5.0, 1e9, np.nan, 0.5], np.float32),
            "age": [0, 200, 50, 51],
            "ward": ["east", None, "north", "south"],
            "same": [0.0, 1.0, 2.0, np.nan],
            "flag": [True, False, True, False],
        }
    )


@pytest.mark.parametrize(("learner", "y"), LEARNERS, ids=lambda own: repr(own)[:40])
def test_another_runtime_says_the_same(learner: Any, y: Any) -> None:
    model = learner.fit(X, y).serve()
    must_agree(model, X)
    must_agree(model, others())


@pytest.mark.parametrize("weights", [(10, 0, 0), (4, 3, 3), (0, 0, 10), (0, 10, 0)])
@pytest.mark.parametrize(
    ("learner", "y"), [(BlendClassifier(), TWO), (BlendClassifier(1), THREE), (BlendRegressor(), COUNTS)]
)
def test_blends_of_any_weights_do_too(monkeypatch: pytest.MonkeyPatch, weights: Any, learner: Any, y: Any) -> None:
    monkeypatch.setattr(blend, "WEIGHTS", np.array([weights], np.int64))
    model = learner.fit(X, y).serve()
    must_agree(model, X)
    must_agree(model, others())


def test_scores_that_are_cut_off_on_their_way_are_cut_off_there_too() -> None:
    model: Any = BoostingClassifier(30).fit(X, TWO).serve()
    model.arrays["values"][:, ::2] *= 600
    model.arrays["values"].clip(-32_000, 32_000, out=model.arrays["values"])
    assert "_laid" not in model.__dict__, "nothing was predicted by the tables as they were"
    must_agree(model, X)


def test_whole_numbers_are_words_where_they_were_declared_so() -> None:
    codes = pd.DataFrame({"code": pd.Series(RNG.choice([3, 7, 11], N), dtype=object)})
    model: Any = BoostingClassifier(10).fit(codes, codes["code"] == 7).serve()
    session = onnxruntime.InferenceSession(to_onnx(model), providers=["CPUExecutionProvider"])
    given = np.array([[3], [7], [8]], np.int64)
    label, shares = session.run(["label", "probabilities"], {"code": given})
    ours = model.predict_proba(pd.DataFrame({"code": pd.Series([3, 7, 8], dtype=object)}))
    assert label.tolist() == [0, 1, 0]
    assert np.abs(shares - ours).max() <= 1e-6


def test_numbers_that_float32_cannot_hold_get_their_own_bins() -> None:
    seconds = pd.DataFrame({"n3": 1.7e9 + RNG.integers(0, 2000, N), "_c0": RNG.random(N), "c0": np.ones(N)})
    model: Any = BoostingClassifier(30).fit(seconds, seconds["n3"] % 50 > 25).serve()
    session = onnxruntime.InferenceSession(to_onnx(model), providers=["CPUExecutionProvider"])
    given = {name: own.to_numpy(np.float64).reshape(-1, 1) for name, own in seconds.items()}
    shares = session.run(["probabilities"], given)[0]
    assert np.abs(shares - model.predict_proba(seconds)).max() <= 1e-6
    as_float32 = session.run(
        ["probabilities"], {name: own.astype(np.float32).astype(float) for name, own in given.items()}
    )
    assert np.abs(as_float32[0] - shares).max() > 0.01


def test_a_column_of_nothing_but_missing_words_is_no_trouble() -> None:
    nothing = pd.DataFrame({"n": RNG.random(N), "w": pd.Series([None] * N, dtype=object)})
    model: Any = ForestClassifier(5).fit(nothing, nothing["n"] > 0.5).serve()
    session = onnxruntime.InferenceSession(to_onnx(model), providers=["CPUExecutionProvider"])
    given = {"n": nothing[["n"]].to_numpy(), "w": np.full((N, 1), "", object)}
    assert np.abs(session.run(["probabilities"], given)[0] - model.predict_proba(nothing)).max() <= 1e-6


@pytest.mark.parametrize("name", ["label", "probabilities", "variable"])
def test_a_column_named_like_an_output_is_refused(name: str) -> None:
    with pytest.raises(InputError, match=f"column '{name}' has the name of an output"):
        to_onnx(BoostingClassifier(3).fit(pd.DataFrame({name: np.arange(40)}), np.arange(40) % 2).serve())


@pytest.mark.parametrize("words", [[1, True], [2**70, 1]])
def test_words_that_64_bits_cannot_tell_apart_are_refused(words: list[Any]) -> None:
    column = pd.DataFrame({"code": pd.Series(words * 20, dtype=object)})
    with pytest.raises(InputError, match="several types, or beyond 64 bits"):
        to_onnx(BoostingClassifier(3).fit(column, np.arange(40) % 2).serve())


def test_other_kinds_are_refused() -> None:
    with pytest.raises(InputError, match="'linear' is not exported"):
        to_onnx(RidgeClassifier().fit(X, TWO).serve())


def test_words_of_several_types_are_refused() -> None:
    mixed = pd.DataFrame({"code": pd.Series([1, "a"] * 20, dtype=object)})
    with pytest.raises(InputError, match="several types"):
        to_onnx(BoostingClassifier(3).fit(mixed, np.arange(40) % 2).serve())
