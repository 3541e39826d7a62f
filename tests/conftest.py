"""What many tests share: made-up people, and a workspace that knows them.

A prepared workspace is made once; every test works on a copy of its own, so that none sees what another did.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from expunge.access import actors
from expunge.access.credentials import Method
from expunge.datasets import checked, declare, read_frame
from expunge.workspace import data, models, staff
from expunge.workspace.folder import Workspace, init, keys_beside, open_workspace

PEOPLE = 120
SECRET = sha256(b"tests").digest()
ROLES = ("name=direct-identifier", "note=free-text")


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
