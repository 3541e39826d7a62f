"""Time the erasure office on real hospital encounters: storage, one erasure beside a full retrain, a batch beside one.

    python benchmarks/office.py --out benchmarks/results/office.json

Diabetes-130 (101,766 encounters of 71,518 people; EXPUNGE_DATA_DIR names the folder that holds it), three models.
Sides take turns within one run; what is claimed are ratios. An erasure counts from approval to the signed certificate:
checks, search for traces and proofs included; its last two steps (letters, end) are measured beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import select

from expunge.datasets import checked, confirm, declare, read_csv
from expunge.datasets.table import Table
from expunge.domain.request import Law, State
from expunge.erasure import bulk, decide, execute
from expunge.vault import records
from expunge.vault.database import DATASET
from expunge.workspace import data, folder, models
from expunge.workspace.folder import Workspace

FILE = "diabetes130.csv.gz"
LEARNERS = ("ridge", "additive", "lightgbm")
LIBRARIES = ("numpy", "scipy", "pandas", "scikit-learn", "cryptography", "sqlalchemy", "lightgbm")


def timed(work: Callable[[], Any]) -> tuple[Any, dict[str, float]]:
    """Return what a call returned, its wall time and its processor time in seconds."""
    wall, processor = time.perf_counter(), time.process_time()
    made = work()
    return made, {"wall": time.perf_counter() - wall, "processor": time.process_time() - processor}


def summary(seconds: Sequence[float]) -> dict[str, Any]:
    """Return mean and p99 of repeats."""
    return {
        "mean": float(np.mean(seconds)),
        "p99": float(np.percentile(seconds, 99)),
        "repeats": [round(one, 4) for one in seconds],
    }


def encounters() -> Table:
    """Read and check the encounters as a person would declare them, and confirm what was inferred."""
    if "EXPUNGE_DATA_DIR" not in os.environ:
        raise SystemExit(f"Set EXPUNGE_DATA_DIR to the folder that holds {FILE}.")
    raw = read_csv(Path(os.environ["EXPUNGE_DATA_DIR"]) / FILE)
    roles = [f"diag_{n}=categorical" for n in (1, 2, 3)] + ["encounter_id=ignored"]
    table = checked(raw, declare(raw.names, subject="patient_nbr", target="readmitted", roles=roles))
    return Table.from_arrays(confirm(table.schema), table.subjects, table.arrays())


@contextmanager
def office() -> Iterator[Workspace]:
    """Make an empty workspace that is gone afterwards."""
    with tempfile.TemporaryDirectory() as place:
        folder.init(Path(place) / "w")
        workspace = folder.open_workspace(Path(place) / "w")
        yield workspace
        workspace.vault.engine.dispose()


def read_back(workspace: Workspace) -> int:
    """Decrypt and decode every record of the dataset into arrays."""
    with workspace.vault.transaction() as connection:
        row = connection.execute(select(DATASET)).one()
        _, layout = data.get_schema(workspace, connection, row.schema_blob)
        return len(records.read(workspace.vault, connection, row.id, layout).subjects)


def storage(repeats: int) -> dict[str, Any]:
    """Time reading the file, importing the table, and reading the records back; rates are rows a second."""
    found: dict[str, dict[str, list[float]]] = {}
    for _ in range(repeats):
        table, from_file = timed(encounters)
        with office() as workspace:
            _, imported = timed(lambda to=workspace, rows=table: data.add(to, "encounters", rows))
            _, back = timed(lambda of=workspace: read_back(of))
        whole = {clock: from_file[clock] + imported[clock] for clock in imported}
        sides = {"read_and_check": from_file, "import": imported, "file_to_vault": whole, "read_back": back}
        for what, spent in sides.items():
            for clock, seconds in spent.items():
                found.setdefault(what, {}).setdefault(clock, []).append(seconds)
    return {"records": table.n_rows, "subjects": len(table.subject_ids())} | {
        what: {f"{clock}_seconds": summary(seconds) for clock, seconds in clocks.items()}
        | {f"{clock}_rows_per_second": table.n_rows / float(np.mean(seconds)) for clock, seconds in clocks.items()}
        for what, clocks in found.items()
    }


def retrain(workspace: Workspace, names: Sequence[str]) -> dict[str, float]:
    """Fit every model afresh from the records: decrypting them once, and the fits alone."""
    begin, fits = time.perf_counter(), 0.0
    with workspace.vault.transaction() as connection:
        (dataset,) = data.every(workspace, connection)
        table = data.load(workspace, connection, dataset.id)
        for name in names:
            model = models.show(workspace, name)
            rows = models.training_rows(workspace, table, model.id, model.held_out)
            fits += models.fit(workspace, connection, model.id, rows)[1]
    return {"whole": time.perf_counter() - begin, "fits": fits}


def erase(workspace: Workspace, people: Sequence[object]) -> dict[str, Any]:
    """Take requests in from a file and approve them; then erase these people in one batch, timed step by step."""
    file = workspace.folder.with_name("requests.csv")
    file.write_text("\n".join(["subject", *map(str, people)]) + "\n")
    begin = time.perf_counter()
    entered = bulk.import_file(workspace, file, Law.GDPR).requests
    approved = [request.id for request in decide.approve_all(workspace, [request.id for request in entered])]
    office_seconds = time.perf_counter() - begin
    steps: dict[str, float] = {}
    last = [time.perf_counter()]

    def reached(state: State) -> None:
        now = time.perf_counter()
        steps[str(state)], last[0] = now - last[0], now

    execute.erase(workspace, approved, reached)
    names = list(steps)
    certified = names[: names.index(str(State.CERTIFIED)) + 1]
    return {
        "seconds": sum(steps[name] for name in certified),
        "seconds_to_the_end": sum(steps.values()),
        "intake_seconds_per_request": office_seconds / len(people),
        "steps": steps,
    }


def erasures(learners: Sequence[str], repeats: int, people: int) -> dict[str, Any]:
    """Erase one person, retrain everything, erase many: in turns, in one workspace."""
    table = encounters()
    names = [f"{learner}-{number}" for number, learner in enumerate(learners, start=1)]
    leaving = iter(np.random.default_rng(0).permutation(np.unique(table.subjects)).tolist())
    one, many, whole, fits = [], [], [], []
    with office() as workspace:
        data.add(workspace, "encounters", table)
        for name, learner in zip(names, learners, strict=True):
            models.train(workspace, name, "encounters", learner)
        for _ in range(repeats):
            one.append(erase(workspace, [next(leaving)]))
            again = retrain(workspace, names)
            whole.append(again["whole"])
            fits.append(again["fits"])
            many.append(erase(workspace, [next(leaving) for _ in range(people)]))
    alone, batch = ({"seconds": summary([run["seconds"] for run in side])} for side in (one, many))
    for figures, runs in ((alone, one), (batch, many)):
        figures["seconds_to_the_end"] = summary([run["seconds_to_the_end"] for run in runs])
        figures["intake_seconds_per_request"] = summary([run["intake_seconds_per_request"] for run in runs])
        figures["steps"] = {step: float(np.mean([run["steps"][step] for run in runs])) for step in runs[0]["steps"]}
    mean = alone["seconds"]["mean"]
    return {
        "learners": list(learners),
        "people_in_the_batch": people,
        "one": alone,
        "batch": batch,
        "full_retrain": {"seconds": summary(whole), "fits_alone_seconds": summary(fits)},
        "one_over_full_retrain": mean / float(np.mean(whole)),
        "batch_over_one": batch["seconds"]["mean"] / mean,
    }


def table(result: dict[str, Any]) -> str:
    """Return the README's table of a result."""
    stored, erased = result["storage"], result["erasure"]
    most = sorted(erased["one"]["steps"].items(), key=lambda step: -step[1])[:3]
    spent = sum(erased["one"]["steps"].values())
    where = ", ".join(f"{step} {seconds / spent:.0%}" for step, seconds in most)
    rows = [
        (f"{what.replace('_', ' ')}, rows a second", f"{stored[what]['wall_rows_per_second']:,.0f}")
        for what in ("read_and_check", "import", "file_to_vault", "read_back")
    ]
    rows += [
        ("one erasure, approval to certificate", f"{erased['one']['seconds']['mean']:.2f} s ({where})"),
        ("the same, over a full retrain of all models", f"{erased['one_over_full_retrain']:.2f}x"),
        (
            f"{erased['people_in_the_batch']} people in one batch, over one person",
            f"{erased['batch_over_one']:.2f}x ({erased['batch']['seconds']['mean']:.2f} s)",
        ),
    ]
    return "".join(f"| {what} | {found} |\n" for what, found in [("what", "measured"), ("---", "---"), *rows])


def main() -> None:
    """Run everything and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--people", type=int, default=1000, help="in the batch")
    parser.add_argument("--learners", nargs="+", default=list(LEARNERS), metavar="LEARNER")
    given = parser.parse_args()
    result = {
        "command": " ".join(["python", "benchmarks/office.py", *sys.argv[1:]]),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "machine": {
            "processor": platform.machine(),
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in LIBRARIES},
        },
        "storage": storage(given.repeats),
        "erasure": erasures(given.learners, given.repeats, given.people),
    }
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(result, indent=2) + "\n")
    print(table(result))


if __name__ == "__main__":
    main()
