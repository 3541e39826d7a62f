"""The office loses nothing: a process dies anywhere in a hold, a withdrawal or an import, and is started again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import select

from expunge.datasets import checked, declare, read_frame
from expunge.domain.request import Law, State
from expunge.erasure import batch as batches
from expunge.erasure import decide, execute, intake, requests
from expunge.vault.database import BLOB_KEY
from expunge.workspace import data, journal, models
from expunge.workspace.folder import Workspace, init, open_workspace

DRIVER = Path(__file__).with_name("office_driver.py")
UNKNOWN = 20


@pytest.fixture(scope="module")
def small(people: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A workspace with a batch of three people that is verified, and the request of one of them."""
    folder = tmp_path_factory.mktemp("office") / "workspace"
    init(folder, secret=bytes(32))
    workspace = open_workspace(folder)
    raw = read_frame(people[people["patient"] < 71_001 + 13 * 40])
    data.add(workspace, "visits", checked(raw, declare(raw.names, subject="patient", target="sick")))
    models.train(workspace, "ridge", "visits", "ridge")
    ids = [intake.submit(workspace, str(71_001 + 13 * n), Law.GDPR).id for n in range(3)]
    for one in ids:
        decide.approve(workspace, one)
    return folder, ids[1]


def verified(folder: Path) -> None:
    def stop(state: State) -> None:
        if state is State.VERIFIED:
            raise RuntimeError("stopped")

    workspace = open_workspace(folder)
    with workspace.vault.transaction() as connection:
        ids = [one.id for one in requests.every(connection)]
    with pytest.raises(RuntimeError, match="stopped"):
        execute.erase(workspace, ids, stop)


def state_of(folder: Path) -> dict[str, Any]:
    """Everything that must not depend on whether anybody was killed."""
    workspace = open_workspace(folder)
    with workspace.vault.transaction() as connection:
        entries = [json.loads(entry) for entry in journal.entries(connection)]
        found: dict[str, Any] = {
            "covered": journal.verify(workspace, connection).covered == len(entries),
            "requests": [one.to_dict() for one in requests.every(connection)],
            "tags": sorted(tag.hex() for _, tag in requests.open_by_tag(connection)),
            "log": Counter((entry["event"], entry.get("request", "")) for entry in entries),
            "unfinished": batches.unfinished(workspace, connection) is not None,
            "people": people_asked_for(workspace, connection),
        }
        known = set(connection.execute(select(BLOB_KEY.c.id)).scalars())
    found["blobs left over"] = {path.name for path in workspace.vault.blobs.iterdir()} - known
    written = [path for path in workspace.letters.rglob("*") if path.is_file()]
    found["letters"] = {path.relative_to(folder).as_posix(): path.read_bytes() for path in written}
    found["keys"] = sorted(path.name for path in (workspace.keys / "requests").iterdir())
    return found


def people_asked_for(workspace: Workspace, connection: Any) -> list[str]:
    return [
        requests.identity(workspace, connection, one.id)["subject"]
        for one in requests.every(connection)
        if one.state is not State.CLOSED
    ]


@pytest.mark.parametrize("verb", ["hold", "withdraw", "import"])
def test_wherever_a_process_dies_the_same_command_ends_alike(
    small: tuple[Path, str], copy_of: Any, tmp_path: Path, verb: str
) -> None:
    folder, argument = copy_of(small[0]), small[1]
    if verb == "import":
        rows = [71_001 + 13 * n for n in range(3, 23)] + list(range(UNKNOWN))
        file = tmp_path / "requests.csv"
        file.write_text("subject\n" + "".join(f"{row}\n" for row in rows))
        argument = str(file)
    else:
        verified(folder)
    before = state_of(folder)
    out = tmp_path / "killed"
    out.mkdir()
    around = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    subprocess.run([sys.executable, DRIVER, verb, folder, out, argument], check=True, timeout=500, env=around)
    ends: dict[str, tuple[str, int, int]] = json.loads((out / "ends.json").read_text())
    unkilled = state_of(out / "unkilled")
    assert unkilled != before
    assert unkilled["blobs left over"] == set()
    assert (unkilled["unfinished"], unkilled["covered"]) == (False, True)
    assert len(ends) >= 6
    assert {(killed, again) for _, killed, again in ends.values()} == {(-signal.SIGKILL, 0)}
    for number, (name, _, _) in ends.items():
        assert state_of(out / number) == unkilled, name
    if verb == "import":
        assert len(unkilled["requests"]) == 3 + 20 + UNKNOWN
        assert unkilled["log"]["file taken in", ""] == 1
        assert {names for names, _, _ in ends.values()} >= {"after write_secrets", "after destroy_files"}
