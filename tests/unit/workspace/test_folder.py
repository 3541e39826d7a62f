"""A workspace: made whole, opened with its keys, written by one."""

from __future__ import annotations

import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from expunge.access.policy import Policy
from expunge.certificates.keys import generate_key
from expunge.errors import WorkspaceBusyError, WorkspaceError, WorkspaceExistsError
from expunge.workspace.folder import Workspace, init, keys_beside, open_workspace


def test_a_new_workspace_has_its_parts_and_its_keys_outside(tmp_path: Path) -> None:
    init(tmp_path / "new" / "w")
    workspace = open_workspace(tmp_path / "new" / "w")
    assert workspace.actor == "owner"
    assert workspace.keys == tmp_path / "new" / "w.keys"
    assert workspace.keys.stat().st_mode & 0o777 == 0o700
    secrets = [path for path in workspace.keys.iterdir() if path.is_file()]
    assert {path.name for path in secrets} == {
        *("root-1.key", "workspace.secret", "signing.key", "log.key", "ledger.key", "owner.credential")
    }
    assert {path.stat().st_mode & 0o777 for path in secrets} == {0o600}
    clear = b"".join(path.read_bytes() for path in workspace.folder.rglob("*") if path.is_file())
    for path in secrets:
        assert path.read_bytes().strip() not in clear


def test_keys_may_lie_elsewhere_but_not_inside(tmp_path: Path) -> None:
    init(tmp_path / "w", tmp_path / "stick")
    assert open_workspace(tmp_path / "w", tmp_path / "stick").keys == tmp_path / "stick"
    with pytest.raises(WorkspaceError, match="--keys"):
        open_workspace(tmp_path / "w")
    for inside in (tmp_path / "v", tmp_path / "v" / "keys", tmp_path / "v" / ".." / "v" / "keys"):
        with pytest.raises(WorkspaceError, match="inside"):
            init(tmp_path / "v", inside)
    assert not (tmp_path / "v").exists()


def test_what_is_there_is_never_overwritten(tmp_path: Path) -> None:
    init(tmp_path / "w")
    before = (tmp_path / "w.keys" / "root-1.key").read_bytes()
    (tmp_path / "file").write_text("x")
    for folder, keys in (
        (tmp_path / "w", None),
        (tmp_path / "v", tmp_path / "w.keys"),
        (tmp_path / "file", None),
    ):
        with pytest.raises(WorkspaceExistsError, match="not empty"):
            init(folder, keys)
    assert (tmp_path / "w.keys" / "root-1.key").read_bytes() == before


def test_what_is_no_workspace_is_refused(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(WorkspaceError, match="expunge init"):
            open_workspace(folder)


def test_one_writes_at_a_time(workspace: Workspace) -> None:
    other = open_workspace(workspace.folder)
    with workspace.writing(), pytest.raises(WorkspaceBusyError, match="another process"), other.writing():
        pass
    with other.writing():
        pass


def test_the_lock_goes_with_the_process(workspace: Workspace) -> None:
    program = (
        "import os, signal, sys; from pathlib import Path; from filelock import FileLock;"
        "FileLock(Path(sys.argv[1]) / '.lock').acquire(); print('held', flush=True);"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, workspace.folder], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout) == (-9, "held\n")
    with workspace.writing():
        pass


def test_the_lock_is_released_after_an_error(workspace: Workspace) -> None:
    with pytest.raises(RuntimeError, match="wrong"), workspace.writing():
        raise RuntimeError("wrong")
    with workspace.writing():
        pass


def test_opaque_ids_tell_nothing_and_differ(workspace: Workspace, tmp_path: Path) -> None:
    ids = {workspace.opaque_id(kind, number) for kind in "RBC" for number in range(50)}
    assert len(ids) == 150
    init(tmp_path / "w")
    assert open_workspace(tmp_path / "w").opaque_id("R", 1) not in ids


def test_the_policy_given_is_the_one_that_holds(tmp_path: Path) -> None:
    init(tmp_path / "w", policy=Policy(four_eyes=True, owner_by_default=False))
    assert open_workspace(tmp_path / "w", actor="owner").policy == Policy(four_eyes=True, owner_by_default=False)


def test_the_keys_lie_beside() -> None:
    assert keys_beside(Path("/srv/hospital.d")) == Path("/srv/hospital.d.keys")


def test_who_is_patient_waits_for_the_other_writer(workspace: Workspace) -> None:
    other = replace(open_workspace(workspace.folder), patience=20.0)
    held, let_go = threading.Event(), threading.Event()

    def write() -> None:
        with workspace.writing():
            held.set()
            let_go.wait(20)

    writer = threading.Thread(target=write)
    writer.start()
    assert held.wait(20)
    threading.Timer(0.3, let_go.set).start()
    with other.writing():
        assert let_go.is_set()
    writer.join(20)


def test_patience_ends(workspace: Workspace) -> None:
    other = replace(open_workspace(workspace.folder), patience=0.2)
    with workspace.writing(), pytest.raises(WorkspaceBusyError), other.writing():
        pass


def test_another_hash_secret_is_refused_for_nobody_would_be_found_under_it(workspace: Workspace) -> None:
    path = workspace.keys / "workspace.secret"
    path.write_text(bytes(range(32)).hex())
    with pytest.raises(WorkspaceError, match="not the secret of this workspace"):
        open_workspace(workspace.folder)


@pytest.mark.parametrize(("private", "name"), [("signing.key", "signing_key"), ("log.key", "log_key")])
def test_a_key_of_another_workspace_signs_nothing(private: str, name: str, workspace: Workspace) -> None:
    (workspace.keys / private).unlink()
    generate_key(workspace.keys / private)
    with pytest.raises(WorkspaceError, match=f"{private} is not the key of"):
        getattr(workspace, name)
