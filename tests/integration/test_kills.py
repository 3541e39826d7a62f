"""Nothing is lost: a process dies anywhere, the same command is given again, and the end is the same."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import select

from expunge.certificates import verify_file
from expunge.datasets import checked, declare, read_frame
from expunge.domain.request import STEPS, Law, Outcome, State
from expunge.erasure import decide, execute, intake, requests
from expunge.vault import ledger, records, subjects
from expunge.vault.database import BLOB_KEY, CERTIFICATE, SEGMENT
from expunge.verification.replay import replay
from expunge.workspace import data, journal, members, models, register
from expunge.workspace.folder import Workspace, init, open_workspace

DRIVER = Path(__file__).with_name("kill_driver.py")
LEAVING = (71001, 71014, 71027)


@dataclass(frozen=True)
class Killed:
    """A workspace before the erasure, and what became of its copies."""

    out: Path
    names: list[str]
    ends: dict[str, list[int]]
    requests: list[str]


@pytest.fixture(scope="module")
def small(people: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A workspace of forty people in which three are approved for erasure; the schema is inferred, hence state."""
    folder = tmp_path_factory.mktemp("kills") / "workspace"
    init(folder, secret=bytes(32))
    workspace = open_workspace(folder)
    raw = read_frame(people[people["patient"] < 71_001 + 13 * 40])
    data.add(workspace, "visits", checked(raw, declare(raw.names, subject="patient", target="sick")))
    for learner in ("ridge", "additive"):
        models.train(workspace, learner, "visits", learner)
    ids = [intake.submit(workspace, str(one), Law.GDPR).id for one in LEAVING]
    return folder, [decide.approve(workspace, one).id for one in ids]


@pytest.fixture(scope="module")
def killed(small: tuple[Path, list[str]], tmp_path_factory: pytest.TempPathFactory) -> Killed:
    out = tmp_path_factory.mktemp("killed")
    one_thread = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}  # a fork takes along one thread only
    subprocess.run([sys.executable, DRIVER, small[0], out, *small[1]], check=True, timeout=300, env=one_thread)
    names, *ends = (json.loads((out / f"{name}.json").read_text()) for name in ("names", "ends-a", "ends-b"))
    return Killed(out, names, ends[0] | ends[1], small[1])


def outcome(workspace: Workspace) -> dict[str, Any]:
    """What must not depend on whether anybody was killed."""
    with workspace.vault.transaction() as connection:
        found: dict[str, Any] = {}
        for dataset in data.every(workspace, connection):
            found[dataset.name] = (dataset.version, dataset.schema, dataset.members_root, dataset.records)
        for model in register.every(connection):
            version = register.current(connection, model.id)
            facts = register.open_facts(workspace, connection, version)
            roots = [(one.version, one.root, one.why) for one in members.version_roots(connection, model.id)]
            found[model.name] = (version.version, facts.learned, facts.served, roots)
            opened = register.open_learner(workspace, connection, version).digest()
            served = register.open_served(workspace, connection, version).digest()
            assert (opened, served) == (facts.learned, facts.served)
        found["requests"] = [
            {**request.to_dict(), "batch": request.batch is not None} for request in requests.every(connection)
        ]
    return found


def faults(workspace: Workspace, ids: list[str]) -> list[str]:
    """What is wrong with a workspace after an erasure; nothing, if all is well."""
    wrong = []
    with workspace.vault.transaction() as connection:
        wrong += records.check_segments(workspace.vault, connection)
        log = [json.loads(entry) for entry in journal.entries(connection)]
        journal.verify(workspace, connection)
        blobs = set(connection.execute(select(BLOB_KEY.c.id)).scalars())
        segments = set(connection.execute(select(SEGMENT.c.file)).scalars())
        certificates = connection.execute(select(CERTIFICATE)).all()
        known = subjects.everywhere(workspace.vault, connection, LEAVING)
        suppressed = len(ledger.suppressed(workspace.vault, connection, LEAVING))
        states = {(one.state, one.outcome) for one in requests.every(connection)}
    for request in ids:
        for state in STEPS:
            times = sum(one["event"] == f"request {state}" and one["request"] == request for one in log)
            wrong += [f"{request} became {state} {times} times"] if times != 1 else []
    wrong += [f"requests are {states}"] if states != {(State.CLOSED, Outcome.ERASED)} else []
    wrong += [f"{len(known)} people are known"] if known else []
    wrong += [f"{suppressed} of {len(LEAVING)} are suppressed"] if suppressed != len(LEAVING) else []
    times = sum(one["event"] == "suppressed" for one in log)
    wrong += [f"suppressed {times} times"] if times != 1 else []
    wrong += ["blobs left over"] if {path.name for path in workspace.vault.blobs.iterdir()} != blobs else []
    wrong += ["segments left over"] if {path.name for path in workspace.vault.segments.iterdir()} != segments else []
    if len(certificates) != 1:
        return [*wrong, f"{len(certificates)} certificates"]
    files = [path.name for path in workspace.certificates.iterdir()]
    wrong += [f"files {files}"] if files != [f"{certificates[0].id}.json"] else []
    verified = verify_file(workspace.certificates / files[0], workspace.folder / "public.pem")
    wrong += ["other requests"] if {line.id for line in verified.statement.requests} != set(ids) else []
    letters = {path.relative_to(workspace.letters).as_posix() for path in workspace.letters.rglob("*")}
    kinds = ("receipt", "completion")
    expected_letters = {*ids, *(f"{request}/{kind}.txt" for request in ids for kind in kinds)}
    wrong += [f"letters {letters}"] if letters != expected_letters else []
    expected = ["ledger.key", "log.key", "owner.credential", "root-2.key", "signing.key", "workspace.secret"]
    keys = sorted(path.name for path in workspace.keys.rglob("*") if path.is_file())
    wrong += [f"keys {keys}"] if keys != expected else []
    folder = {path.name for path in workspace.folder.iterdir()} - {".lock", "expunge.db-wal", "expunge.db-shm"}
    parts = {"blobs", "certificates", "expunge.db", "letters", "log.pem", "policy.cedar", "policy.json", "public.pem"}
    wrong += [f"folder {folder}"] if folder != parts | {"segments"} else []
    return wrong


def test_every_step_was_killed_at_all_its_boundaries(killed: Killed) -> None:
    died = {killed.names[int(number)] for number in killed.ends}
    for state, step in execute.WORK.items():
        acts = ("committing",) if step.prepare is execute._nothing else ("preparing", "committing")
        assert {f"{place} {act} {state}" for place in ("before", "after") for act in acts} <= died
    assert {"after write_secret", "after destroy_file", "after destroying the old root", "after a commit"} <= died
    assert len(killed.ends) > 40


def test_every_process_died_by_the_kill_and_the_next_one_ended_well(killed: Killed) -> None:
    ended = {killed.names[int(number)]: ends for number, ends in killed.ends.items()}
    assert {name: ends for name, ends in ended.items() if ends != [-signal.SIGKILL, 0]} == {}


def test_the_end_is_the_same_as_without_a_kill(killed: Killed) -> None:
    unkilled = open_workspace(killed.out / "unkilled")
    expected = outcome(unkilled)
    assert faults(unkilled, killed.requests) == []
    wrong = {}
    for number in killed.ends:
        workspace = open_workspace(killed.out / number)
        found = faults(workspace, killed.requests)
        found += [] if outcome(workspace) == expected else ["the outcome differs"]
        if found:
            wrong[killed.names[int(number)]] = found
    assert wrong == {}


def test_the_end_equals_a_refit_from_raw_rows(killed: Killed) -> None:
    workspace = open_workspace(killed.out / "unkilled")
    with workspace.vault.transaction() as connection:
        for model in register.every(connection):
            row = register.by_id(connection, model.id)
            table = models.training_rows(
                workspace, data.load_remaining(workspace, connection, row.dataset_id, ()), row.id, row.held_out
            )
            facts = register.open_facts(workspace, connection, register.current(connection, row.id))
            unfitted = models.unfitted(workspace, connection, row.id, table)
            found = replay(unfitted, table.features(), table.target(), table.subjects, facts.learned)
            assert found.digest == facts.learned


def test_the_comparison_is_not_blind(small: tuple[Path, list[str]]) -> None:
    """Held against the workspace in which nobody was erased, it finds much."""
    workspace = open_workspace(small[0])
    assert len(faults(workspace, small[1])) > len(STEPS)


def test_of_two_processes_the_second_is_busy(small: tuple[Path, list[str]], copy_of: Any, tmp_path: Path) -> None:
    folder, ids = copy_of(small[0]), small[1]
    command = [str(Path(sys.executable).with_name("expunge")), "erase", "--workspace", str(folder), *ids]
    with subprocess.Popen(
        [sys.executable, DRIVER, "--hold", folder, *ids], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdin is not None
        assert first.stdout is not None
        assert first.stdout.readline() == "half way\n"
        second = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert (second.returncode, "another process is writing" in second.stderr) == (3, True)
        first.stdin.write("go on\n")
        first.stdin.flush()
        assert first.wait(60) == 0
    assert faults(open_workspace(folder), ids) == []
    execute.erase(open_workspace(folder), ids)  # what is done is reported, not repeated
    assert faults(open_workspace(folder), ids) == []
