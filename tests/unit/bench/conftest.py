"""Made-up results of every part, and a small task."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from expunge.bench.tasks import Task
from expunge.bench.timing import spread

OWN = ("boosting", "forest", "blend")
OTHERS = {"lightgbm": 0.3, "xgboost": 0.2, "hist-gradient-boosting": 0.4, "SISA, 10 shards": 0.05}
OTHERS |= {f"random forest, leaves of {n}": 2.0 for n in (1, 5, 20)}


@pytest.fixture
def results() -> dict[str, dict[str, Any]]:
    """Results that meet every target, each with nothing to spare or nearly so."""
    times = [1e-5] * 9 + [1e-4]
    refit = {"own": spread([0.02]), "lightgbm": spread([0.3])}
    auc = {"boosting": 0.9, "forest": 0.9, "blend": 0.91}
    good = {
        "own": {name: {"auc": auc[name], "aucs": [auc[name]], "fit": spread([0.1])} for name in OWN},
        "others": {name: {"auc": 0.9, "aucs": [0.9], "fit": spread([fit])} for name, fit in OTHERS.items()},
    }
    fast = {
        name: {
            "rows": 1000,
            "people": 10,
            "learned_again": 1,
            "one": spread(times),
            "batches": {"10": [0.001], "100": [0.01, 0.02, 0.09]},
            "refit": refit,
            "bytes": 50_000_000,
            "equal_to_a_refit": True,
        }
        for name in OWN
    }
    chosen = {"random": times, "tried": times[::-1], "extremes": [0.02]}
    hard = {name: {"refit": refit, "times": chosen} | {who: spread(own) for who, own in chosen.items()} for name in OWN}
    sizes = [{"rows": 10**n, "fit": 1.0} | spread([1e-3 * 2.0**n]) for n in (2, 3, 4)]
    ended = {"random": 1000, "random_equal": 1000, "adversarial": 200, "adversarial_equal": 200}
    predicted = {name: {"rows": 20_000} | spread([0.02]) for name in (*OWN, "lightgbm")}
    cost = {"seconds": 0.05, "met": 0.1, "expected": 0.1}
    design = {"auc": 0.9, "aucs": [0.9], "fit": 0.5, "last_fit": 0.5, "overhead": 0.001, "forget": {"1": cost}}
    designs = [{"shards": shards, "slices": slices} | design for slices in (1, 4) for shards in (1, 10)]
    began = {"libraries": 1.4, "import": 0.4, "fit": 0.5, "forget": 0.1}
    found = {
        "accuracy": {"adult": good, "diabetes130": good, "products": good},
        "forgetting": {"adult": fast, "diabetes130": fast},
        "growth": dict.fromkeys(OWN, sizes),
        "sequences": dict.fromkeys(OWN, ended),
        "adversary": {"adult": hard, "diabetes130": hard},
        "serving": {"adult": predicted, "diabetes130": predicted},
        "sharding": {"adult": designs, "diabetes130": designs},
        "starting": {name: {"first": began | {"fit": 19.9}, "later": began} for name in OWN},
    }
    machine = {"processor": "x86_64", "cores": 2, "numpy": "2.4"}
    head = {"command": "expunge bench learners", "date": "2026-11-28", "machine": machine, "clock": "processor"}
    whole = {part: head | {"found": own} for part, own in found.items()}
    shared_by_none: dict[str, dict[str, Any]] = json.loads(json.dumps(whole))
    return shared_by_none


@pytest.fixture
def task() -> Task:
    """800 rows of about 500 people: a number, a small whole number, a word."""
    rng = np.random.default_rng(2)
    number, whole, word = rng.normal(size=800), rng.integers(0, 9, 800), rng.choice(["a", "b", "c"], 800)
    y = (number + (word == "b") + rng.normal(size=800) > 0.3).astype(int)
    return Task(pd.DataFrame({"number": number, "whole": whole, "word": word}), y, rng.integers(0, 620, 800))
