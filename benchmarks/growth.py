"""How the time to forget somebody grows with the number of rows.

    python benchmarks/growth.py --out benchmarks/results/growth.json

Diabetes-130 (EXPUNGE_DATA_DIR), its patients drawn with replacement under new ids until there are so many rows. Two
hundred people are forgotten one by one; bins that move are in the times. One thread. The exponent is the slope of the
logarithm of the mean against that of the rows, by least squares: below one half, time grows slower than the root.
"""

from __future__ import annotations

import argparse
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

from expunge.learners.exact import BlendClassifier, BoostingClassifier, ForestClassifier

SIZES = (10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000)
PEOPLE = 200
OURS: dict[str, Callable[[], Any]] = {
    "boosting": BoostingClassifier,
    "forest": ForestClassifier,
    "blend": BlendClassifier,
}


def drawn(X: pd.DataFrame, y: Any, people: Any, n_rows: int) -> tuple[pd.DataFrame, Any, Any]:
    """Draw people with replacement, all rows of each, under new ids."""
    rng = np.random.default_rng(n_rows)
    order = np.argsort(people, kind="stable")
    _, starts, counts = np.unique(people[order], return_index=True, return_counts=True)
    chosen = rng.integers(0, len(starts), n_rows)
    chosen = chosen[: np.searchsorted(np.cumsum(counts[chosen]), n_rows) + 1]
    each = counts[chosen]
    first = np.repeat(starts[chosen] - np.cumsum(each) + each, each)
    rows = order[first + np.arange(each.sum())]
    return X.iloc[rows].reset_index(drop=True), y[rows], np.repeat(np.arange(len(chosen)), each)


def forgotten(make: Callable[[], Any], X: pd.DataFrame, y: Any, people: Any) -> dict[str, float]:
    """Fit, and forget people one by one."""
    begin = time.perf_counter()
    learner = make().fit(X, y, subjects=people)
    fit, times = time.perf_counter() - begin, []
    for person in np.random.default_rng(3).choice(np.unique(people), PEOPLE, replace=False).tolist():
        begin = time.perf_counter()
        learner.forget([person])
        times.append(time.perf_counter() - begin)
    p50, p99 = np.percentile(times, [50, 99]).tolist()
    return {"rows": len(y), "fit": fit, "mean": float(np.mean(times)), "median": p50, "p99": p99}


def exponent(own: list[dict[str, float]], which: str) -> float:
    """Return how a time grows with the rows."""
    rows, times = (np.log([one[name] for one in own]) for name in ("rows", which))
    return float(np.polyfit(rows, times, 1)[0])


def table(result: dict[str, Any]) -> str:
    """Return the lines that the README has."""
    names = list(result["growth"])
    lines = [f"| rows | {' | '.join(f'`{name}`: mean, median' for name in names)} |", f"| --- |{' --- |' * len(names)}"]
    for place, one in enumerate(result["growth"][names[0]]):
        cells = [result["growth"][name][place] for name in names]
        shown = " | ".join(f"{own['mean'] * 1e3:.1f}, {own['median'] * 1e3:.1f} ms" for own in cells)
        lines.append(f"| {one['rows']:,} | {shown} |")
    grown = " | ".join(
        f"n^{exponent(result['growth'][name], 'mean'):.2f}, n^{exponent(result['growth'][name], 'median'):.2f}"
        for name in names
    )
    lines.append(f"| growth | {grown} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run it and write the result."""
    import ensembles  # noqa: PLC0415  # beside this file; needs more libraries than the table does

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    out = parser.parse_args().out
    X, y, people = ensembles.diabetes(Path(os.environ["EXPUNGE_DATA_DIR"]))
    for column in X:
        if not pd.api.types.is_numeric_dtype(X[column]):
            X[column] = X[column].astype("category").cat.codes.astype(np.int64)
    growth: dict[str, list[dict[str, float]]] = {name: [] for name in OURS}
    with threadpool_limits(1):
        for make in OURS.values():  # compiles
            warm = make().fit(*drawn(X, y, people, 3_000)[:2])
            for person in range(200):
                warm.forget([person])
        for size in SIZES:
            table_of_size = drawn(X, y, people, size)
            for name, make in OURS.items():
                growth[name].append(forgotten(make, *table_of_size))
                print(name, growth[name][-1], flush=True)
    result = {
        "command": f"python benchmarks/growth.py --out {out}",
        "date": time.strftime("%Y-%m-%d"),
        "machine": {"processor": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version()}
        | {name: metadata.version(name) for name in ("numpy", "numba", "pandas", "scikit-learn")},
        "growth": growth,
    }
    out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(table(result))


if __name__ == "__main__":
    main()
