"""Kinds of served models: each survives its files, and no forged file leads it astray."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from lightgbm import LGBMClassifier
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression
from xgboost import XGBClassifier, XGBRegressor

from expunge.domain.digest import canonical_json
from expunge.errors import CorruptedError, InputError, NotFoundError
from expunge.learners.certified import CertifiedLinearHead
from expunge.learners.exact import (
    PCA,
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
    MultinomialNB,
    OneHotEncoder,
    Pipeline,
    QuantileBinner,
    Retrained,
    Ridge,
    RidgeClassifier,
    Sharded,
    SimpleImputer,
    StandardScaler,
    TableEncoder,
    blend,
)
from expunge.learners.networks import NetworkClassifier, NetworkRegressor
from expunge.learners.served import ServedModel, TreesModel, digest_of_files, from_files, unpacked
from expunge.learners.served.arrays import from_npz, to_npz
from expunge.learners.served.model import KINDS
from expunge.learners.served.turns import arrays_of

RNG = np.random.default_rng(0)
X = pd.DataFrame(
    {
        "n": np.where(RNG.random(90) < 0.2, np.nan, RNG.normal(size=90)),
        "c": RNG.choice(["a", "b", "c"], 90),
    }
)
Y = np.where(X["n"].fillna(0.5) + (X["c"] == "b") > 0.3, "yes", "no")
U = RNG.random(90)
SMALL: dict[str, Any] = {"max_iter": 4, "min_samples_leaf": 5}


def blended() -> ServedModel:
    """A blend whose members all count."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blend, "WEIGHTS", np.array([[4, 3, 3]], np.int64))
        return BlendClassifier(1, 4, 3, min_samples_leaf=4, judges=0.3).fit(X, Y).serve()


SIDES = [("scale", StandardScaler(), ["n"]), ("words", OneHotEncoder("first"), ["c"])]


def chained(*steps: Any, y: Any = Y) -> ServedModel:
    """A pipeline of some steps."""
    return Pipeline([(f"step{number}", step) for number, step in enumerate(steps)]).fit(X, y).serve()


MODELS: dict[str, ServedModel] = {
    "shards": Sharded(LogisticRegression(), n_shards=2).fit(X, Y).serve(),
    "shards regression": Sharded(XGBRegressor(n_estimators=3), n_shards=2).fit(X, U).serve(),
    "linear": RidgeClassifier().fit(X, Y).serve(),
    "head": CertifiedLinearHead().fit(X, Y).serve(),
    "head of three classes": CertifiedLinearHead().fit(X, np.arange(90) % 3).serve(),
    "trees": Retrained(HistGradientBoostingClassifier(**SMALL)).fit(X, Y).serve(),
    "trees regression": Retrained(HistGradientBoostingRegressor(**SMALL, loss="poisson"))
    .fit(X, RNG.random(90))
    .serve(),
    "tables": BoostingClassifier(n_estimators=4).fit(X, Y).serve(),
    "tables of three classes": BoostingClassifier(n_estimators=3).fit(X, np.arange(90) % 3).serve(),
    "staged": BoostingClassifier(n_estimators=4, structure="staged").fit(X, Y).serve(),
    "staged of three classes": BoostingClassifier(n_estimators=3, structure="staged").fit(X, np.arange(90) % 3).serve(),
    "staged regression": BoostingRegressor("poisson", 4, structure="staged").fit(X, U).serve(),
    "forest": ForestClassifier(5, min_samples_leaf=2, subject_fraction=0.8).fit(X, Y).serve(),
    "forest of three classes": ForestClassifier(3, subject_fraction=0.8).fit(X, np.arange(90) % 3).serve(),
    "tables softmax": BoostingClassifier(3, multi_class="softmax").fit(X, np.arange(90) % 3).serve(),
    "tables regression": BoostingRegressor("poisson", 4).fit(X, U).serve(),
    "forest regression": ForestRegressor(3, subject_fraction=0.8).fit(X, U).serve(),
    "blend": blended(),
    "blend regression": BlendRegressor(1, 4, 3, judges=0.3).fit(X, U).serve(),
    "neighbors": KNeighborsClassifier(3, "distance").fit(X, Y).serve(),
    "neighbors regression": KNeighborsRegressor(4).fit(X, U).serve(),
    "bayes": GaussianNB().fit(X, Y).serve(),
    "bayes of counts": MultinomialNB().fit(X.assign(n=X["n"].abs()), Y).serve(),
    "bayes of three classes": LinearDiscriminantAnalysis().fit(X, np.arange(90) % 3).serve(),
    "network": Retrained(NetworkClassifier(epochs=2)).fit(X, np.arange(90) % 3).serve(),
    "network of two classes": Retrained(NetworkClassifier(epochs=2)).fit(X, Y).serve(),
    "network regression": Retrained(NetworkRegressor(epochs=2)).fit(X, U).serve(),
    "pipeline": chained(ColumnTransformer(SIDES, "passthrough"), BoostingClassifier(n_estimators=4)),
    "pipeline of components": chained(TableEncoder(), PCA(2, whiten=True), RidgeClassifier()),
    "pipeline of three classes": chained(TableEncoder("bins", 8), KNeighborsClassifier(3), y=np.arange(90) % 3),
    "pipeline regression": chained(SimpleImputer("median"), QuantileBinner(4), Ridge(), y=U),
    "lightgbm": Retrained(LGBMClassifier(n_estimators=4)).fit(X, Y).serve(),
    "xgboost": Retrained(XGBClassifier(n_estimators=4)).fit(X, np.arange(90) % 3).serve(),
    "xgboost regression": Retrained(XGBRegressor(n_estimators=4)).fit(X, U).serve(),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_model_survives_its_files_and_its_packing(name: str, tmp_path: Path) -> None:
    model = MODELS[name]
    model.save(tmp_path)
    for again in (ServedModel.load(tmp_path), unpacked(model.packed()), from_files(model.files)):
        assert type(again) is type(model)
        assert again.digest() == model.digest() == digest_of_files(tmp_path)
        assert again.packed() == model.packed()
        assert again.predict(X).tolist() == model.predict(X).tolist()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(model.files) == [model.body_name, "model.json"]


@pytest.mark.parametrize("name", MODELS)
def test_what_is_written_again_after_reading_has_the_same_bytes(name: str) -> None:
    again = from_files(MODELS[name].files)
    again.__dict__.pop("files")
    assert again.files == MODELS[name].files


@pytest.mark.parametrize("cut", [0, 4, 8, 9, -1])
def test_a_packing_of_another_length_is_corrupt(cut: int) -> None:
    with pytest.raises(CorruptedError, match="packed"):
        unpacked(MODELS["trees"].packed()[:cut])


def test_every_kind_is_tried() -> None:
    assert {model.kind for model in MODELS.values()} == KINDS.keys()


BARE = (
    "import sys\n"
    "class Refuse:\n"
    "    def find_spec(self, name, path=None, target=None):\n"
    "        if name.partition('.')[0] in {{'sklearn', 'scipy', 'pandas', 'lightgbm', 'xgboost'}}:\n"
    "            raise ImportError(name)\n"
    "sys.meta_path.insert(0, Refuse())\n"
    "from expunge.learners.served import ServedModel\n"
    "print(ServedModel.load({!r}).predict([[0.5, 'a'], [-2.0, 'c']]).tolist())"
)
"""Predicts in a process that has NumPy alone."""


@pytest.mark.parametrize("name", ["trees", "pipeline of components"])
def test_a_model_predicts_with_numpy_alone(name: str, tmp_path: Path) -> None:
    MODELS[name].save(tmp_path)
    code = BARE.format(str(tmp_path))
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == str(MODELS[name].predict([[0.5, "a"], [-2.0, "c"]]).tolist())


@pytest.mark.parametrize("kind", ["os:system", "pickle", None, 7, ["linear"], "trees", "lightgbm"])
def test_a_kind_is_looked_up_and_never_imported(kind: Any) -> None:
    files = dict(MODELS["linear"].files)
    files["model.json"] = json.dumps(json.loads(files["model.json"]) | {"kind": kind}).encode()
    with pytest.raises(CorruptedError):
        from_files(files)


def test_a_model_that_states_no_kind_is_linear_and_keeps_its_digest() -> None:
    files = dict(MODELS["linear"].files)
    facts = json.loads(files["model.json"])
    facts.pop("kind")
    files["model.json"] = json.dumps(facts, sort_keys=True).encode()
    old = from_files(files)
    assert old.predict(X).tolist() == MODELS["linear"].predict(X).tolist()
    assert old.files == files
    assert unpacked(old.packed()).digest() == old.digest() != MODELS["linear"].digest()


def _with_arrays(name: str, **changes: Any) -> dict[str, bytes]:
    model = MODELS[name]
    assert isinstance(model, TreesModel)
    body = to_npz({**model.arrays, **changes})
    facts = json.loads(model.files["model.json"]) | {"arrays_sha256": hashlib.sha256(body).hexdigest()}
    return {"arrays.npz": body, "model.json": json.dumps(facts).encode()}


def _changed(array: str, place: int, value: float) -> dict[str, Any]:
    model = MODELS["trees"]
    assert isinstance(model, TreesModel)
    arrays = model.arrays[array].copy()
    arrays[place] = value
    return {array: arrays}


FORGED: dict[str, dict[str, Any]] = {
    "a child before its parent": _changed("left", 0, 0.0),
    "a child beyond the nodes": _changed("right", 0, 1e6),
    "half a place": _changed("left", 0, 1.5),
    "no such column": _changed("feature", 0, 2.0),
    "no such bitset": _changed("bitset", 0, 1e6),
    "no such root": _changed("starts", 0, -1.0),
    "nodes of different lengths": {"value": np.zeros(2)},
    "another number of scores": {"baseline": np.zeros(3)},
    "bitsets of another width": {"bitsets": np.zeros((1, 9))},
    "not a number": _changed("feature", 0, float("nan")),
}


@pytest.mark.filterwarnings("ignore:invalid value encountered in cast:RuntimeWarning")
@pytest.mark.parametrize("fault", FORGED)
def test_forged_trees_are_corrupt(fault: str) -> None:
    assert from_files(_with_arrays("trees")).predict(X).tolist() == MODELS["trees"].predict(X).tolist()
    with pytest.raises(CorruptedError):
        from_files(_with_arrays("trees", **FORGED[fault]))


def test_a_link_that_is_none_is_corrupt() -> None:
    files = dict(MODELS["trees regression"].files)
    files["model.json"] = json.dumps(json.loads(files["model.json"]) | {"link": "eval"}).encode()
    with pytest.raises(CorruptedError, match="link"):
        from_files(files)
    assert (MODELS["trees regression"].predict(X) > 0).all()


@pytest.mark.parametrize("name", ["lightgbm", "xgboost"])
@pytest.mark.parametrize("text", ["", "nothing", "{}", "[]", '{"learner": {}, "version": [3]}', "tree\nversion=v4\n"])
def test_a_booster_that_its_library_cannot_read_is_corrupt(name: str, text: str) -> None:
    model = MODELS[name]
    facts = json.loads(model.files["model.json"]) | {"booster_sha256": hashlib.sha256(text.encode()).hexdigest()}
    forged = from_files({model.body_name: text.encode(), "model.json": json.dumps(facts).encode()})
    with pytest.raises(CorruptedError, match="booster"):
        forged.predict(X)


def test_a_booster_of_other_classes_is_corrupt() -> None:
    files = dict(MODELS["xgboost"].files)
    files["model.json"] = json.dumps(json.loads(files["model.json"]) | {"classes": ["i:0", "i:1"]}).encode()
    with pytest.raises(CorruptedError, match="classes"):
        from_files(files).predict(X)


def test_the_body_that_is_missing_is_named(tmp_path: Path) -> None:
    MODELS["lightgbm"].save(tmp_path)
    (tmp_path / "booster.txt").unlink()
    with pytest.raises(NotFoundError, match=r"holds no booster\.txt"):
        ServedModel.load(tmp_path)


def test_arrays_come_back_and_only_those_asked_for() -> None:
    arrays = {"a": np.array([[1.0, np.inf], [np.nan, -0.0]]), "b": np.empty((0, 8))}
    again = from_npz(to_npz(arrays), ("a", "b"))
    assert all(np.array_equal(again[name], arrays[name], equal_nan=True) for name in arrays)
    with pytest.raises(CorruptedError, match="holds"):
        from_npz(to_npz(arrays), ("a",))


def test_a_regression_has_no_decision_function_in_any_kind() -> None:
    for name in (
        "trees regression",
        "xgboost regression",
        "tables regression",
        "forest regression",
        "blend regression",
        "neighbors regression",
    ):
        with pytest.raises(InputError, match="no decision function"):
            MODELS[name].decision_function(X)


@pytest.mark.parametrize(("name", "said"), [("tables", True), ("tables softmax", "yes"), ("tables regression", True)])
def test_a_softmax_is_of_several_classes_and_said_plainly(name: str, said: Any) -> None:
    files = dict(MODELS[name].files)
    files["model.json"] = canonical_json(json.loads(files["model.json"]) | {"softmax": said})
    with pytest.raises(CorruptedError, match="softmax is"):
        from_files(files)


OVER_BINS: list[tuple[str, str, Any]] = [
    ("tables", "features", 99),
    ("tables", "features", -1),
    ("tables", "arity", 4),
    ("tables", "maps", 255),
    ("tables", "maps", -1),
    ("tables", "values", 40_000),
    ("tables", "starts", -40_000),
    ("tables", "edges", 1 << 20),
    ("tables", "edges", 0),
    ("tables", "ends", 7),
    ("tables", "word_bins", 255),
    ("staged", "nodes", 5),
    ("staged", "nodes", -2),
    ("staged", "nodes", 2**53),
    ("staged", "values", 40_000),
    ("staged", "values", -40_000),
    ("staged", "tree_starts", 10**6),
    ("staged", "tree_starts", -1),
    ("staged", "starts", 40_000),
    ("staged", "edges", 0),
    ("forest", "nodes", 5),
    ("forest", "nodes", -2),
    ("forest", "tree_starts", 10**6),
    ("forest", "tree_starts", -1),
    ("forest", "classes", -1),
    ("forest", "edges", 1 << 20),
    ("forest", "ends", -1),
    ("forest", "nodes", 2**53),
    ("blend", "nodes", 2**53),
    ("blend", "tree_starts", -1),
    ("blend", "classes", -1),
    ("blend", "features", 99),
    ("blend", "arity", 4),
    ("blend", "maps", 255),
    ("blend", "values", 40_000),
    ("blend", "edges", 0),
    ("blend", "ends", 7),
]


@pytest.mark.parametrize(("name", "array", "value"), OVER_BINS)
def test_no_forged_array_leads_a_model_over_bins_astray(name: str, array: str, value: int) -> None:
    """What is compiled looks at no bound: so all of them are looked at before."""
    model: Any = MODELS[name]
    arrays = {one: own.copy() for one, own in model.arrays.items()}
    arrays[array][...] = value
    with pytest.raises(CorruptedError):
        from_files(replace(model, arrays=arrays).files)


@pytest.mark.parametrize(
    ("name", "forged"),
    [
        ("bayes", {"variances": np.zeros((2, 1))}),
        ("bayes", {"variances": np.full((2, 1), np.inf)}),
        ("bayes", {"intercept": np.full(2, np.nan)}),
        ("bayes", {"coef": np.zeros((2, 9))}),
        ("bayes", {"means": np.zeros((2, 2)), "variances": np.ones((2, 2))}),
        ("bayes", {"means": np.zeros((2, 0))}),
        ("bayes", {"coding": "bins"}),
        ("bayes of counts", {"means": np.zeros((2, 1)), "variances": np.ones((2, 1))}),
        ("bayes of three classes", {"intercept": np.zeros(2)}),
    ],
)
def test_forged_probabilities_are_corrupt(name: str, forged: dict[str, Any]) -> None:
    model: Any = MODELS[name]
    with pytest.raises(CorruptedError):
        from_files(replace(model, **forged).files)


@pytest.mark.parametrize(
    "forged",
    [
        {"n_neighbors": 0},
        {"n_neighbors": True},
        {"weighing": "cosine"},
        {"rows": np.zeros((90, 3))},
        {"rows": np.zeros((0, 2)), "targets": np.zeros(0)},
        {"rows": np.full((90, 2), 2**15 + 1.0)},
        {"rows": np.tile([0.0, -1.0], (90, 1))},
        {"rows": np.tile([0.0, 4.0], (90, 1))},
        {"rows": np.tile([0.5, 0.0], (90, 1))},
        {"targets": np.full(90, 2.0)},
        {"targets": np.full(90, np.nan)},
        {"targets": np.zeros(89)},
    ],
    ids=str,
)
def test_forged_neighbours_are_corrupt(forged: dict[str, Any]) -> None:
    model: Any = MODELS["neighbors"]
    with pytest.raises(CorruptedError):
        from_files(replace(model, **forged).files)


def test_only_neighbours_hold_rows() -> None:
    """And pipelines that end in them."""
    held = {name for name, model in MODELS.items() if model.holds_rows}
    assert held == {"neighbors", "neighbors regression", "pipeline of three classes"}


@pytest.mark.parametrize("words", [None, ["s:no"]])
def test_probabilities_are_of_classes(words: Any) -> None:
    files = dict(MODELS["bayes"].files)
    files["model.json"] = canonical_json(json.loads(files["model.json"]) | {"classes": words})
    with pytest.raises(CorruptedError, match="no classes"):
        from_files(files)


def test_a_node_whose_way_right_wraps_around_is_refused() -> None:
    """2**63 - 1024 is a whole float: added to a node's own number it would be negative."""
    model: Any = MODELS["forest"]
    nodes = np.tile([0, 255, 1], (1027, 1))
    nodes[1024] = (0, 0, 2**63 - 1024)
    nodes[1025:, 0] = -1
    classes, starts = np.ones((1027, 2), np.int64), np.zeros(1, np.int64)
    with pytest.raises(CorruptedError):
        from_files(
            replace(model, arrays={**model.arrays, "nodes": nodes, "classes": classes, "tree_starts": starts}).files
        )


@pytest.mark.parametrize("name", ["tables", "staged", "forest", "blend"])
def test_an_array_of_another_shape_is_refused(name: str) -> None:
    model: Any = MODELS[name]
    for array in model.arrays:
        shorter = (
            [] if array == "tree_starts" and name != "tables" else [model.arrays[array][:-1]]
        )  # a forest of fewer trees
        for other in (*shorter, model.arrays[array][None]):
            with pytest.raises(CorruptedError):
                from_files(replace(model, arrays=model.arrays | {array: other}).files)


def _with_members(*members: ServedModel, name: str = "shards", cut: int | None = None, **facts: Any) -> ServedModel:
    body = b"".join(len(one).to_bytes(8, "little") + one for one in (member.packed() for member in members))[:cut]
    told = json.loads(MODELS[name].files["model.json"]) | facts
    told["members_sha256"] = hashlib.sha256(body).hexdigest()
    return from_files({"members.bin": body, "model.json": json.dumps(told).encode()})


def test_members_that_do_not_belong_together_are_corrupt() -> None:
    own = Retrained(LogisticRegression()).fit(X, Y).serve()
    assert _with_members(own, own).predict(X).tolist() == own.predict(X).tolist()
    strangers: list[Any] = [
        (MODELS["shards"],),
        (MODELS["pipeline"],),
        (own, MODELS["xgboost"]),
        (own, MODELS["xgboost regression"]),
        (Retrained(LogisticRegression()).fit(X[["n"]], Y).serve(),),
        (),
    ]
    for members in strangers:
        with pytest.raises(CorruptedError):
            _with_members(*members)
    for wrong in ({"cut": -1}, {"cut": 5}, {"aggregate": "sum"}, {"link": "exp"}):
        with pytest.raises(CorruptedError):
            _with_members(own, **wrong)
    with pytest.raises(CorruptedError, match="votes"):
        _with_members(MODELS["xgboost regression"], name="shards regression", aggregate="vote")


def _chained(name: str, changes: Any = None, arrays: Any = None, last: ServedModel | None = None) -> ServedModel:
    """Read a pipeline whose turns say something else: `changes` of facts by turn, `arrays` by their names."""
    own: Any = MODELS[name]
    told = json.loads(own.files["model.json"])
    for number, change in (changes or {}).items():
        told["turns"][number] |= change
    body = to_npz({**arrays_of(own.turns), **(arrays or {})})
    told["arrays"] = sorted({*told["arrays"], *(arrays or {})})
    body = len(body).to_bytes(8, "little") + body + (last or own.last).packed()
    told["chain_sha256"] = hashlib.sha256(body).hexdigest()
    return from_files({"chain.bin": body, "model.json": json.dumps(told).encode()})


def _columns(name: str, number: int, place: int, **changes: Any) -> dict[int, Any]:
    own: Any = MODELS[name]
    columns = json.loads(own.files["model.json"])["turns"][number]["columns"]
    columns[place] |= changes
    return {number: {"columns": columns}}


SCALE, PLACES = ({"turn": "scale"}, {"turn": "places", "columns": [], "strict": False})
CODED, BINNED, WHOLE = "pipeline of components", "pipeline regression", "pipeline"

FORGED_TURNS: list[tuple[str, Any, Any]] = [
    (WHOLE, {0: {"turn": "os:system"}}, {}),
    (WHOLE, {0: {"turn": None}}, {}),
    (WHOLE, {0: {"turn": ["beside"]}}, {}),
    (WHOLE, {0: {"kinds": [True]}}, {}),
    (WHOLE, {0: {"kinds": [1, 0]}}, {}),
    (WHOLE, {0: {"kinds": [False, True]}}, {}),
    (WHOLE, {0: {"chosen": [[0], [1], [2]]}}, {}),
    (WHOLE, {0: {"chosen": [[0], [-1], []]}}, {}),
    (WHOLE, {0: {"chosen": [[0], [True], []]}}, {}),
    (WHOLE, {0: {"chosen": [[1], [0], []]}}, {}),
    (WHOLE, {0: {"chosen": [[0], [1], [0]]}}, {}),
    (WHOLE, {0: {"chosen": [[0], [1]]}}, {}),
    (WHOLE, {0: {"chosen": 7}}, {}),
    (WHOLE, {0: {"turns": [SCALE]}}, {}),
    (WHOLE, {0: {"turns": [SCALE, PLACES]}}, {}),
    (WHOLE, {}, {"0 0 means": np.zeros(2)}),
    (WHOLE, {}, {"0 0 means": np.zeros((1, 1)), "0 0 scales": np.ones((1, 1))}),
    (WHOLE, {}, {"0 0 means": np.zeros(2), "0 0 scales": np.ones(2)}),
    (WHOLE, {}, {"0 0 means": np.full(1, np.nan)}),
    (WHOLE, {}, {"0 0 scales": np.zeros(1)}),
    (WHOLE, {}, {"0 0 scales": np.full(1, np.inf)}),
    (CODED, {0: {"encoding": "hash"}}, {}),
    (CODED, {0: {"encoding": ["scaled"]}}, {}),
    (CODED, {0: {"max_bins": 1}}, {}),
    (CODED, {0: {"max_bins": "8"}}, {}),
    (CODED, {0: {"encoding": "bins"}}, {}),
    (CODED, _columns(CODED, 0, 0, words=["s:a"]), {}),
    (CODED, _columns(CODED, 0, 1, words=["a"]), {}),
    (CODED, _columns(CODED, 1, 0, low="f:9.0", high="f:1.0"), {}),
    (CODED, _columns(CODED, 1, 0, words=["s:a"]), {}),
    (CODED, {}, {"1 mean": np.zeros(2)}),
    (CODED, {}, {"1 mean": np.full(12, np.inf)}),
    (CODED, {}, {"1 scales": np.zeros(2)}),
    (CODED, {}, {"1 scales": np.ones(3)}),
    (CODED, {}, {"1 directions": np.zeros((3, 12)), "1 scales": np.ones(3)}),
    (CODED, {}, {"1 directions": np.zeros(())}),
    (BINNED, {0: {"words": []}}, {}),
    (BINNED, {0: {"words": ["c"]}}, {}),
    (BINNED, {0: {"words": ["n:"]}}, {}),
    (BINNED, {0: {"words": [7]}}, {}),
    (BINNED, {}, {"0 numbers": np.zeros(2)}),
    (BINNED, {}, {"0 numbers": np.zeros((1, 1))}),
    (BINNED, {}, {"0 numbers": np.full(1, np.inf)}),
    (BINNED, {1: {"starts": []}}, {}),
    (BINNED, {1: {"starts": [0]}}, {}),
    (BINNED, {1: {"starts": [0, 2]}}, {}),
    (BINNED, {1: {"starts": [0, 5, 3]}}, {}),
    (BINNED, {1: {"starts": [0, 1, 3]}}, {}),
    (BINNED, {1: {"starts": [0, float("inf")]}}, {}),
    (BINNED, {1: {"starts": [0, 3.0]}}, {}),
    (BINNED, {}, {"1 edges": np.zeros(3)}),
    (BINNED, {}, {"1 edges": np.arange(3.0)[::-1]}),
    (BINNED, {}, {"1 edges": np.array([0.0, 1.0, np.nan])}),
]


@pytest.mark.parametrize(("name", "changes", "arrays"), FORGED_TURNS, ids=lambda value: str(value)[:60])
def test_forged_turns_are_corrupt(name: str, changes: Any, arrays: Any) -> None:
    assert _chained(name).digest() != ""
    with pytest.raises(CorruptedError):
        _chained(name, changes, arrays)


@pytest.mark.parametrize(
    "place",
    [
        {"words": ["s:a", "s:a"]},
        {"words": ["n:"]},
        {"words": 7},
        {"words": None},
        {"missing": 1},
        {"dropped": 2},
        {"dropped": 0},
        {"column": "c", "words": ["s:a"]},
    ],
    ids=str,
)
def test_forged_places_are_corrupt(place: dict[str, Any]) -> None:
    own: Any = MODELS["pipeline"]
    parts = json.loads(own.files["model.json"])["turns"][0]["turns"]
    assert _chained("pipeline", {0: {"turns": parts}}).predict(X).tolist() == own.predict(X).tolist()
    parts[1]["columns"][0] |= place
    with pytest.raises(CorruptedError):
        _chained("pipeline", {0: {"turns": parts}})


def test_what_stands_behind_the_turns_is_of_their_columns_and_of_the_same_classes() -> None:
    own: Any = MODELS["pipeline regression"]
    assert _chained("pipeline regression", last=own.last).predict(X).tolist() == own.predict(X).tolist()
    within = chained(Ridge(), y=U)
    assert within.predict(X).tolist() == Ridge().fit(X, U).predict(X).tolist()
    for last in (MODELS["linear"], MODELS["pipeline"], within, Ridge().fit(X[["n"]], U).serve()):
        with pytest.raises(CorruptedError):
            _chained("pipeline regression", last=last)


@pytest.mark.parametrize("cut", [0, 7, 8, 40, -1])
def test_a_pipeline_that_is_cut_off_is_corrupt(cut: int) -> None:
    files = dict(MODELS["pipeline"].files)
    body = files["chain.bin"][:cut]
    files["model.json"] = canonical_json(
        json.loads(files["model.json"]) | {"chain_sha256": hashlib.sha256(body).hexdigest()}
    )
    with pytest.raises(CorruptedError):
        from_files(files | {"chain.bin": body})


@pytest.mark.parametrize("depth", [16, 400])
def test_turns_too_deep_within_turns_are_corrupt(depth: int) -> None:
    part: dict[str, Any] = SCALE
    for _ in range(depth):
        part = {"turn": "beside", "kinds": [True], "chosen": [[0], []], "turns": [part]}
    with pytest.raises(CorruptedError):
        _chained("pipeline", {0: part})
