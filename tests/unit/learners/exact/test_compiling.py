"""After `prepare` nothing is compiled any more, whatever is fitted, forgotten or predicted."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import importlib, pkgutil
import numpy as np
import pandas as pd
import expunge._kernels
from expunge.learners.exact import *

def compiled():
    found = {}
    for module in pkgutil.iter_modules(expunge._kernels.__path__):
        loaded = importlib.import_module(f"expunge._kernels.{module.name}")
        for name, one in vars(loaded).items():
            if hasattr(one, "py_func"):
                found[f"{module.name}.{name}"] = len(one.signatures)
    return found

rng = np.random.default_rng(1)
X = pd.DataFrame({"n": rng.normal(size=900), "m": rng.integers(0, 9, 900), "w": rng.choice(["a", "b", "c"], 900)})
X.loc[::7, "n"] = np.nan
y = (np.nan_to_num(X["n"]) * X["m"] + (X["w"] == "a") > 0.3).to_numpy()
learner = LEARNER
learner.prepare()
before = compiled()
learner.fit(X, y if learner.task == "classification" else 3.0 * y, subjects=np.arange(900) // 2)
for person in range(60):
    learner.forget([person])
learner.forget(range(60, 200))
learner.serve().predict(X)
print(sorted(name for name, count in compiled().items() if count != before[name]), sum(before.values()))
"""
LEARNERS = (
    "BlendClassifier()",
    "BoostingClassifier(structure='auto')",
    "BoostingRegressor('poisson', structure='staged')",
    "ForestRegressor()",
    "LogisticRegression()",
)


@pytest.mark.parametrize("learner", LEARNERS)
def test_nothing_is_compiled_once_a_learner_is_prepared(learner: str) -> None:
    script = SCRIPT.replace("LEARNER", learner)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    new, count = done.stdout.strip().rsplit(" ", 1)
    assert new == "[]"
    assert int(count) > 0
