"""What many tests share: made-up people, and a workspace that knows them.

A prepared workspace is made once; every test works on a copy of its own, so that none sees what another did.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from expunge.access import actors
from expunge.access.credentials import Method
from expunge.bench import tasks
from expunge.datasets import checked, declare, read_frame
from expunge.workspace import data, models, staff
from expunge.workspace.folder import Workspace, init, keys_beside, open_workspace

PEOPLE = 120
SECRET = sha256(b"tests").digest()
ROLES = ("name=direct-identifier", "note=free-text")

# The tests start hundreds of commands: without its bytecode, each would compile the package anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the sessions of the guides: a minute or two each, they would keep one worker busy at the end."""
    items.sort(key=lambda item: not item.name.startswith("test_shell_snippets_run"))


@pytest.fixture(scope="session")
def people() -> pd.DataFrame:
    """120 people in about 300 rows: patient, name, age, amount, ward, note, sick.

    The first person owns the extremes of `amount` and is alone in the ward "isolation"; names and notes stand once.
    """
    rng = np.random.default_rng(7)
    rows = np.repeat(np.arange(PEOPLE), np.append([2], rng.integers(1, 5, PEOPLE - 1)))
    age = rng.integers(18, 95, PEOPLE)[rows].astype(float)
    amount = np.round(rng.gamma(2.0, 150.0, len(rows)), 2)
    amount[:2] = [-500.0, 9999.5]
    ward = np.array(["north", "south", "east"], dtype=object)[rng.integers(0, 3, len(rows))]
    ward[:2] = "isolation"
    odds = (age - 55) / 15 + (ward == "north") + rng.normal(size=len(rows))
    age[rng.random(len(rows)) < 0.05] = np.nan
    return pd.DataFrame(
        {
            "patient": 71_001 + 13 * rows,
            "name": [f"Person Nr. {number} Grünwald" for number in rows],
            "age": age,
            "amount": amount,
            "ward": ward,
            "note": [f"seen by Dr. {rng.integers(10**9)} on visit {row}" for row in range(len(rows))],
            "sick": np.where(odds > 0, "yes", "no"),
        }
    )


@pytest.fixture(scope="session")
def prepared(people: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a workspace with dataset "visits", its schema confirmed, and models "ridge" and "additive".

    Never change it: take `workspace`, or a `copy_of` it.
    """
    folder = tmp_path_factory.mktemp("prepared") / "workspace"
    init(folder, secret=SECRET)
    opened = open_workspace(folder)
    raw = read_frame(people)
    data.add(opened, "visits", checked(raw, declare(raw.names, subject="patient", target="sick", roles=ROLES)))
    data.confirm(opened, "visits")
    for learner in ("ridge", "additive"):
        models.train(opened, learner, "visits", learner)
    return folder


@pytest.fixture
def bench_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder of made-up files with the names and columns of the benchmark's, which it takes for them."""
    rng, folder = np.random.default_rng(11), tmp_path / "bench-data"
    folder.mkdir()
    age, hours, job = rng.integers(17, 90, 700), rng.integers(1, 99, 700), rng.choice(["clerk", "cook", "smith"], 700)
    income = (age + hours + 20 * (job == "clerk") + rng.normal(0, 20, 700) > 110).astype(int)
    adult = {"age": age, "hours": hours, "job": job, "education": job, "split": "train", "income": income}
    patient = 1000 + 7 * rng.integers(0, 700, 1000)
    days, diagnosis = rng.integers(1, 14, 1000), rng.choice(["250.8", "428", "V57", "E909", "?"], 1000)
    back = np.where(days + 4 * (diagnosis == "428") + rng.normal(0, 3, 1000) > 9, "<30", "NO")
    diabetes: dict[str, Any] = {"patient_nbr": patient, "days": days, "readmitted": back}
    diabetes |= dict.fromkeys(("encounter_id", "weight", "examide", "citoglipton"), 0)
    diabetes |= dict.fromkeys(("diag_1", "diag_2", "diag_3"), diagnosis)
    for name, columns in {"adult.csv.gz": adult, "diabetes130.csv.gz": diabetes}.items():
        pd.DataFrame(columns).to_csv(folder / name, index=False)
        monkeypatch.setitem(tasks.SHA256, name, sha256((folder / name).read_bytes()).hexdigest())
    monkeypatch.setenv(tasks.VARIABLE, str(folder))
    return folder


@pytest.fixture
def copy_of(tmp_path: Path) -> Callable[[Path], Path]:
    """Copy a workspace and its keys to a place of this test's own; returns the new folder."""
    numbers = iter(range(1000))

    def copied(folder: Path) -> Path:
        to = tmp_path / f"copy-{next(numbers)}"
        shutil.copytree(folder, to)
        shutil.copytree(keys_beside(folder), keys_beside(to))
        return to

    return copied


@pytest.fixture(scope="session")
def acting() -> Callable[..., Workspace]:
    """Open a workspace as somebody else, who is entered first: ``acting(workspace, "dora", "privacy_officer")``."""

    def opened(workspace: Workspace, name: str, *roles: str) -> Workspace:
        with workspace.vault.transaction() as connection:
            known = actors.find(connection, name) is not None
        if not known:
            staff.add(workspace, name, roles or ("owner",), Method.KEY, f"the key of {name}")
        return open_workspace(workspace.folder, workspace.keys, name, f"the key of {name}")

    return opened


@pytest.fixture
def workspace(prepared: Path, copy_of: Callable[[Path], Path]) -> Iterator[Workspace]:
    """A copy of the prepared workspace, opened as its owner."""
    opened = open_workspace(copy_of(prepared))
    yield opened
    opened.vault.engine.dispose()
