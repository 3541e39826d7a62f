"""Hold what plans expect against what erasures take: models of several libraries, batches of all sizes, real clients.

    python benchmarks/planner.py --out benchmarks/results/planner.json

Credit default (30,000 clients in Taiwan; EXPUNGE_DATA_DIR names the folder that holds them). Every batch goes the whole
way, from requests to the certificate; each model notes what forgetting took beside what its plan had expected. An error
is the factor by which an expectation was off, either way. Wall time: that is what a plan speaks of.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from expunge.bench import results
from expunge.bench.environment import environment
from expunge.datasets import checked, confirm, declare, read_csv
from expunge.datasets.table import Table
from expunge.domain.cost import KEPT, Measured
from expunge.domain.request import Law
from expunge.erasure import bulk, decide, execute
from expunge.workspace import data, folder, models

FILE = "credit_default.csv.gz"
SIZES = (1, 3, 10, 30, 100)
TRAINED: dict[str, tuple[str, dict[str, Any]]] = {
    "ridge": ("ridge", {}),
    "logistic": ("logistic", {}),
    "boosting": ("boosting", {}),
    "forest": ("forest", {}),
    "sharded lightgbm": ("sharded", {"estimator": "lightgbm.LGBMClassifier", "n_shards": 10}),
    "sharded xgboost": ("sharded", {"estimator": "xgboost.XGBClassifier", "n_shards": 10}),
    "lightgbm": ("lightgbm", {}),
}


def clients() -> Table:
    """Read and check the clients as a person would declare them, and confirm what was inferred."""
    if "EXPUNGE_DATA_DIR" not in os.environ:
        raise SystemExit(f"Set EXPUNGE_DATA_DIR to the folder that holds {FILE}.")
    raw = read_csv(Path(os.environ["EXPUNGE_DATA_DIR"]) / FILE)
    table = checked(raw, declare(raw.names, subject="ID", target="defaulted"))
    return Table.from_arrays(confirm(table.schema), table.subjects, table.arrays())


def measure(rounds: int) -> dict[str, Any]:
    """Erase batches, small and large in turns; returns for each model what was expected, and what it took."""
    table = clients()
    leaving = iter(np.random.default_rng(0).permutation(np.unique(table.subjects)).tolist())
    with tempfile.TemporaryDirectory() as place:
        folder.init(Path(place) / "w")
        workspace = folder.open_workspace(Path(place) / "w")
        data.add(workspace, "clients", table)
        for name, (learner, params) in TRAINED.items():
            models.train(workspace, name.replace(" ", "-"), "clients", learner, dict(params))
        requests = Path(place) / "requests.csv"
        for size in SIZES * rounds:
            requests.write_text("\n".join(["subject", *(str(next(leaving)) for _ in range(size))]) + "\n")
            entered = bulk.import_file(workspace, requests, Law.GDPR).requests
            approved = decide.approve_all(workspace, [request.id for request in entered])
            execute.erase(workspace, [request.id for request in approved])
        measured = {name: models.costs(workspace, name.replace(" ", "-")).measured for name in TRAINED}
        workspace.vault.engine.dispose()
    return {
        "batches": [*SIZES] * rounds,
        "models": {name: [_noted(one) for one in own] for name, own in measured.items()},
        "median_error": median(one.error for own in measured.values() for one in own),
        "median_errors": {name: median(one.error for one in own) for name, own in measured.items()},
    }


def _noted(one: Measured) -> dict[str, Any]:
    seconds = {"predicted": round(one.predicted, 6), "seconds": round(one.seconds, 6), "error": round(one.error, 3)}
    return {"how": one.how, "subjects": one.subjects} | seconds


def table(result: dict[str, Any]) -> str:
    """Return the guide's table of a result."""
    found = result["found"]
    rows = [("model", "expectations off by, median", "forgotten; refitted"), ("---",) * 3]
    for name, own in found["models"].items():
        counts = [sum(one["how"] == how for one in own) for how in ("forget", "refit")]
        rows.append((f"`{name}`", f"{found['median_errors'][name]:.2f}x", f"{counts[0]}; {counts[1]}"))
    rows.append(("all", f"{found['median_error']:.2f}x", ""))
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def main() -> None:
    """Run everything and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=KEPT // len(SIZES), help="in which each size takes its turn")
    given = parser.parse_args()
    command = " ".join(["python", "benchmarks/planner.py", *sys.argv[1:]])
    result = environment(command) | {"clock": "wall", "found": measure(given.rounds)}
    results.write(given.out.parent, given.out.stem, result)
    print(table(result), end="")


if __name__ == "__main__":
    main()
