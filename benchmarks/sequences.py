"""Forget in 1,000 random and 200 adversarial sequences per learner, and compare each end with a refit from raw rows.

    python benchmarks/sequences.py --out benchmarks/results/sequences.json

Each sequence takes some hundred to some thousand people of Adult or Diabetes-130 (EXPUNGE_DATA_DIR) under a key of its
own. A random one forgets one to nine tenths of them in batches of random sizes. An adversarial one sees the model: it
forgets the owners of extremes and of rare words, and then again and again tries a dozen people on a copy, and forgets
the one who makes most work.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import platform
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from expunge.errors import CannotForgetError
from expunge.learners.exact import BlendClassifier, BoostingClassifier, ForestClassifier

RANDOM, ADVERSARIAL = 1_000, 200
TRIED, PICKED = 12, 15
OURS: dict[str, Callable[[int], Any]] = {
    "boosting": lambda seed: BoostingClassifier(n_estimators=40, random_state=seed),
    "forest": lambda seed: ForestClassifier(20, random_state=seed),
    "blend": lambda seed: BlendClassifier(2, 20, 10, random_state=seed),
}


def people_of(X: pd.DataFrame, y: Any, ids: Any, rng: np.random.Generator, n: int) -> tuple[pd.DataFrame, Any, Any]:
    """Return the rows of some people."""
    chosen = np.isin(ids, rng.choice(np.unique(ids), n, replace=False))
    return X[chosen], y[chosen], ids[chosen]


def random_batches(learner: Any, ids: Any, rng: np.random.Generator) -> set[int]:
    """Forget batches of random sizes; returns who is gone."""
    order = rng.permutation(np.unique(ids)).tolist()
    order = order[: int(len(order) * rng.uniform(0.1, 0.9))]
    gone: set[int] = set()
    while order:
        size = int(rng.choice([1, 1, 1, 2, 5, 30, 200]))
        batch, order = order[:size], order[size:]
        try:
            learner.forget(batch)
        except CannotForgetError:
            break
        gone.update(batch)
    return gone


def worst_picks(learner: Any, X: pd.DataFrame, ids: Any, rng: np.random.Generator) -> set[int]:
    """Forget whoever makes most work, beginning with owners of extremes and rare words; returns who is gone."""
    gone: set[int] = set()
    rare = [ids[np.argmax(X[c])] for c in X if pd.api.types.is_numeric_dtype(X[c])]
    rare += [
        ids[np.flatnonzero((X[c] == X[c].value_counts().index[-1]).to_numpy())[0]] for c in X if X[c].nunique() > 1
    ]
    queue = list(dict.fromkeys(int(one) for one in rare))[:PICKED]
    for _ in range(2 * PICKED):
        if queue:
            pick = queue.pop()
        else:
            held = [one for one in learner.subjects_held() if one not in gone]
            tried = rng.choice(held, min(TRIED, len(held)), replace=False).tolist()
            pick = max(tried, key=lambda one: work_of(learner, one))
        try:
            learner.forget([pick])
        except CannotForgetError:
            continue
        gone.add(pick)
    return gone


def work_of(learner: Any, person: int) -> int:
    """Return how much work it would be to forget somebody, tried on a copy."""
    try:
        return sum(copy.deepcopy(learner).forget([person]).work.values())
    except CannotForgetError:
        return -1


def counted(make: Callable[[int], Any], data: list[tuple[pd.DataFrame, Any, Any]]) -> dict[str, int]:
    """Run all sequences of one learner; returns how many ended like a refit."""
    found = {"random": 0, "random_equal": 0, "adversarial": 0, "adversarial_equal": 0, "people_forgotten": 0}
    for number in range(RANDOM + ADVERSARIAL):
        rng, adverse = np.random.default_rng(number), number >= RANDOM
        X, y, ids = people_of(*data[number % 2], rng, int(rng.integers(300, 1500)))
        learner = make(number).fit(X, y, subjects=ids)
        gone = worst_picks(learner, X, ids, rng) if adverse else random_batches(learner, ids, rng)
        stays = rng.permutation(np.flatnonzero(~np.isin(ids, list(gone))))
        again = make(number).fit(X.iloc[stays], y[stays], subjects=ids[stays])
        kind = "adversarial" if adverse else "random"
        found[kind] += 1
        found[f"{kind}_equal"] += again.digest() == learner.digest()
        found["people_forgotten"] += len(gone)
    return found


def table(result: dict[str, Any]) -> str:
    """Return the lines that the README has."""
    lines = ["| learner | random sequences equal to a refit | adversarial ones |", "| --- | --- | --- |"]
    for name, own in result["sequences"].items():
        shown = (f"{own[kind + '_equal']:,} of {own[kind]:,}" for kind in ("random", "adversarial"))
        lines.append(f"| `{name}` | {' | '.join(shown)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run it and write the result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    out = parser.parse_args().out
    folder = Path(os.environ["EXPUNGE_DATA_DIR"])
    begin = time.perf_counter()
    import ensembles  # noqa: PLC0415  # beside this file; needs more libraries than the table does

    with threadpool_limits(1):
        data = [ensembles.adult(folder), ensembles.diabetes(folder)]
        result = {
            "command": f"python benchmarks/sequences.py --out {out}",
            "date": time.strftime("%Y-%m-%d"),
            "machine": {"processor": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version()}
            | {name: metadata.version(name) for name in ("numpy", "numba", "pandas", "scikit-learn")},
            "sequences": {name: counted(make, data) for name, make in OURS.items()},
            "seconds": round(time.perf_counter() - begin),
        }
    out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(table(result))


if __name__ == "__main__":
    main()
