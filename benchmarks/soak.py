"""Submit many requests and erase them in batches, while the process is killed again and again at random instants.

    python benchmarks/soak.py --requests 10000 --kills 20 --batch 1000 --out benchmarks/results/soak.json

Hospital encounters (Diabetes-130) where EXPUNGE_DATA_DIR is set, made-up people else. Half of the kills fall while
requests are taken in and approved, half while they are erased. Every worker is a process of its own (`os.fork`), killed
by SIGKILL; the next one is given the same work and finds out how far the last one came. In the end everything is held
against everything: no request lost, none done twice, every certificate valid, `expunge doctor` without a finding.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import select

from expunge.certificates import verify_file
from expunge.datasets import checked, confirm, declare, read_csv, read_frame
from expunge.datasets.table import Table
from expunge.domain.request import Law, Outcome, State
from expunge.erasure import bulk, decide, doctor, execute, requests
from expunge.vault.database import CERTIFICATE
from expunge.workspace import data, folder, models
from expunge.workspace.folder import Workspace, keys_beside, open_workspace

MODELS = ("ridge", "additive")
COLUMNS = ("age", "gender", "time_in_hospital", "num_medications", "number_inpatient", "number_emergency")
PORTION = 100
"""Requests in one file, and approved with one command."""
TICK = b"."


def encounters() -> Table:
    """Return hospital encounters, the columns that say most of readmission."""
    raw = read_csv(Path(os.environ["EXPUNGE_DATA_DIR"]) / "diabetes130.csv.gz")
    ignored = [f"{name}=ignored" for name in raw.names if name not in {*COLUMNS, "patient_nbr", "readmitted"}]
    return checked(raw, declare(raw.names, subject="patient_nbr", target="readmitted", roles=ignored))


def made_up(people: int) -> Table:
    """Return so many made-up people with two or three records each."""
    rng = np.random.default_rng(0)
    rows = np.repeat(np.arange(people), rng.integers(2, 4, people))
    age = rng.integers(18, 95, people)[rows].astype(float)
    ward = rng.choice(["north", "south", "east"], len(rows))
    sick = np.where((age - 55) / 15 + (ward == "north") + rng.normal(size=len(rows)) > 0, "yes", "no")
    raw = read_frame(pd.DataFrame({"patient": 10_000 + rows, "age": age, "ward": ward, "sick": sick}))
    return checked(raw, declare(raw.names, subject="patient", target="sick"))


@dataclass
class Soak:
    """One run: where it is, who asks, and what was counted on the way."""

    place: Path
    people: list[str]
    files: list[Path]
    batch: int
    chance: random.Random
    figures: dict[str, Any] = field(default_factory=dict)

    def work(self, phase: str, ticks: int, kills: int, act: Callable[[Workspace, Callable[[], None]], None]) -> None:
        """Do a phase in processes that are killed so many times, each some instants after a random one of its ticks."""
        # Not among the last: a kill may swallow a tick, and then the last ones are never counted.
        marks = sorted(self.chance.sample(range(ticks * 4 // 5), kills))
        begin, seen, died = time.perf_counter(), 0, 0
        pace = 0.0
        while True:
            read, write = os.pipe()
            child = os.fork()
            if child == 0:
                os.close(read)
                self._labour(write, act)
            os.close(write)
            while os.read(read, 1):
                seen += 1
                pace = (time.perf_counter() - begin) / seen
                if died < len(marks) and seen > marks[died]:
                    time.sleep(self.chance.uniform(0, pace))  # somewhere inside what comes next
                    os.kill(child, signal.SIGKILL)
                    break
            os.close(read)
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            if code == 0:
                break
            if code != -signal.SIGKILL:
                raise SystemExit(f"{phase}: the worker ended with code {code}")
            died += 1
        self.figures[phase] = {"seconds": round(time.perf_counter() - begin, 1), "kills": died}
        print(f"{phase}: {self.figures[phase]}", flush=True)

    def _labour(self, pipe: int, act: Callable[[Workspace, Callable[[], None]], None]) -> None:
        code = 1
        try:
            act(open_workspace(self.place), lambda: (os.write(pipe, TICK), None)[1])
            code = 0
        except BaseException:  # noqa: BLE001 - the fork must end here, whatever happened
            sys.excepthook(*sys.exc_info())
        finally:
            os._exit(code)

    def take_in(self, workspace: Workspace, tick: Callable[[], None]) -> None:
        """Take in all files again from the first: one that was taken in enters nobody twice."""
        for file in self.files:
            bulk.import_file(workspace, file, Law.GDPR)
            tick()

    def approve(self, workspace: Workspace, tick: Callable[[], None]) -> None:
        """Approve what is not approved."""
        with workspace.vault.transaction() as connection:
            waiting = [one.id for one in requests.every(connection) if one.state in _BEFORE_APPROVAL]
        for first in range(0, len(waiting), PORTION):
            decide.approve_all(workspace, waiting[first : first + PORTION])
            tick()

    def erase(self, workspace: Workspace, tick: Callable[[], None]) -> None:
        """Erase what is not erased, batch by batch."""
        while ids := self.open_ones(workspace):
            execute.erase(workspace, ids[: self.batch], lambda _state: tick())

    @staticmethod
    def open_ones(workspace: Workspace) -> list[str]:
        """Return the requests that are not at their end, those of a batch that was cut short first."""
        with workspace.vault.transaction() as connection:
            found = [one for one in requests.every(connection) if one.state is not State.CLOSED]
        return [one.id for one in sorted(found, key=lambda one: one.batch is None)]

    def judge(self) -> dict[str, Any]:
        """Count what became of the requests, and hold everything against everything."""
        workspace = open_workspace(self.place)
        with workspace.vault.transaction() as connection:
            asked = requests.every(connection)
            issued = connection.execute(select(CERTIFICATE.c.id)).scalars().all()
        times: Counter[str] = Counter()
        for name in issued:
            file = workspace.certificates / f"{name}.json"
            times.update(one.id for one in verify_file(file, self.place / "public.pem").statement.requests)
        examined = doctor.examine(self.place, keys_beside(self.place))
        findings = [finding.to_dict() for check in examined.checks for finding in check.findings]
        return {
            "requests": len(asked),
            "lost": len(self.people) - len(asked),
            "not erased": sum(one.outcome is not Outcome.ERASED for one in asked),
            "in no certificate": sum(times[one.id] == 0 for one in asked),
            "in more than one": sum(many > 1 for many in times.values()),
            "certificates, all verified": len(issued),
            "doctor's findings": findings,
        }


_BEFORE_APPROVAL = {State.RECEIVED, State.IDENTIFIED, State.PLANNED}


def run(place: Path, table: Table, number: int, kills: int, batch: int, seed: int) -> dict[str, Any]:
    """Run all phases in a new workspace; returns the figures and the judgement."""
    begin = time.perf_counter()
    folder.init(place)
    workspace = open_workspace(place)
    data.add(workspace, "data", Table.from_arrays(confirm(table.schema), table.subjects, table.arrays()))
    for name in MODELS:
        models.train(workspace, name, "data", name)
    people = [str(one) for one in sorted(table.subject_ids(), key=str)]
    chance = random.Random(seed)  # noqa: S311 - which instant is no secret
    asking = chance.sample(people, number)
    files = []
    for first in range(0, number, PORTION):
        files.append(place.with_name(f"requests-{first}.csv"))
        files[-1].write_text("\n".join(["subject", *asking[first : first + PORTION]]) + "\n")
    soak = Soak(place, asking, files, batch, chance)
    soak.figures["prepare"] = {"seconds": round(time.perf_counter() - begin, 1), "kills": 0}
    quarter = kills // 4
    batches = -(-number // batch)
    soak.work("take in", len(files), quarter, soak.take_in)
    soak.work("approve", len(files), kills // 2 - quarter, soak.approve)
    soak.work("erase", 9 * batches, kills - kills // 2, soak.erase)
    begin = time.perf_counter()
    judged = soak.judge()
    soak.figures["judge"] = {"seconds": round(time.perf_counter() - begin, 1), "kills": 0}
    return {
        "people": len(people),
        "records": table.n_rows,
        "batch": batch,
        "kills": sum(phase["kills"] for phase in soak.figures.values()),
        "seconds": round(sum(phase["seconds"] for phase in soak.figures.values()), 1),
        "phases": soak.figures,
        **judged,
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Run it and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--batch", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--made-up", action="store_true", help="Made-up people, even where EXPUNGE_DATA_DIR is set.")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args(arguments)
    real = "EXPUNGE_DATA_DIR" in os.environ and not given.made_up
    table = encounters() if real else made_up(2 * given.requests)
    with tempfile.TemporaryDirectory() as place:
        found = run(Path(place) / "w", table, given.requests, given.kills, given.batch, given.seed)
    result = {
        "command": f"python benchmarks/soak.py --requests {given.requests} --kills {given.kills} "
        f"--batch {given.batch} --seed {given.seed}{'' if real else ' --made-up'}",
        "data": "diabetes130" if real else "made up",
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "machine": {"processor": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version()},
        **found,
    }
    print(json.dumps(result, indent=2))
    if given.out is not None:
        given.out.parent.mkdir(parents=True, exist_ok=True)
        given.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
