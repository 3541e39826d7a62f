"""The served kind of networks: read back as it was written, and forged files refused."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from expunge.domain.digest import canonical_json
from expunge.errors import CorruptedError, NotFoundError
from expunge.learners.exact import Retrained
from expunge.learners.networks import NetworkClassifier, NetworkRegressor
from expunge.learners.served import from_files
from expunge.learners.served.arrays import to_npz

X = np.random.default_rng(0).normal(size=(60, 2))
MODEL: Any = Retrained(NetworkClassifier(epochs=2)).fit(X, X[:, 0] > 0).serve()
NUMBERS: Any = Retrained(NetworkRegressor(epochs=2)).fit(X, 1e6 + X[:, 0]).serve()
BIAS = "module 2.bias"


def forged(model: Any = MODEL, held: dict[str, Any] | None = None, **changes: Any) -> Any:
    """Read a network whose files say something else, hashes that fit included."""
    held = model.arrays if held is None else held
    body = to_npz(held)
    own = {"arrays": sorted(held), "arrays_sha256": hashlib.sha256(body).hexdigest()}
    facts = json.loads(model.files["model.json"]) | own | changes
    return from_files({"arrays.npz": body, "model.json": canonical_json(facts)})


def test_what_is_not_changed_is_the_same_model() -> None:
    for model in (MODEL, NUMBERS):
        assert forged(model).predict(X).tolist() == model.predict(X).tolist()


@pytest.mark.parametrize(
    ("arrays", "changes"),
    [
        ({"optimiser 0": np.zeros(2)}, {}),
        ({BIAS: np.array([np.nan, 0.0])}, {}),
        (None, {"arrays": [BIAS]}),
        (None, {"arrays": 7}),
    ],
)
def test_forged_arrays_are_corrupt(arrays: dict[str, Any] | None, changes: dict[str, Any]) -> None:
    with pytest.raises(CorruptedError):
        forged(held=None if arrays is None else {**MODEL.arrays, **arrays}, **changes)


@pytest.mark.parametrize("arrays", [{BIAS: np.zeros(3)}, {"module 9.weight": np.zeros(2)}, {BIAS: None}])
def test_arrays_that_the_recipe_does_not_have_are_corrupt_once_it_predicts(arrays: dict[str, Any]) -> None:
    held = {name: own for name, own in {**MODEL.arrays, **arrays}.items() if own is not None}
    with pytest.raises(CorruptedError, match="do not fit recipe 'perceptron'"):
        forged(held=held).predict(X)


@pytest.mark.parametrize("change", [{"spread": "f:nan"}, {"spread": 1}, {"centre": "s:1"}])
def test_a_forged_scale_is_corrupt(change: dict[str, Any]) -> None:
    with pytest.raises(CorruptedError):
        forged(NUMBERS, **change)


def test_a_recipe_is_looked_up_and_never_imported() -> None:
    with pytest.raises(NotFoundError, match="no recipe 'os:system'"):
        forged(recipe="os:system").predict(X)


def test_reading_and_digests_need_no_pytorch(tmp_path: Path) -> None:
    MODEL.save(tmp_path)
    code = (
        "import sys\n"
        "sys.modules['torch'] = None\n"
        "from expunge.learners.served import ServedModel\n"
        f"print(ServedModel.load({str(tmp_path)!r}).digest())"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == MODEL.digest()
