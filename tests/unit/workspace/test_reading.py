"""Readers wait for an erasure to come to rest; what nobody is about to mend is told at once."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from sqlalchemy import Connection

from expunge.domain.request import Law, State
from expunge.erasure import decide, execute, intake
from expunge.errors import CorruptedError, KeyDestroyedError
from expunge.vault import rotation
from expunge.workspace import models, reading, register
from expunge.workspace.folder import Workspace, open_workspace
from expunge.workspace.reading import reading as read_patiently


def approved(workspace: Workspace) -> str:
    return decide.approve(workspace, intake.submit(workspace, "71001", Law.GDPR).id).id


def test_a_reader_whose_root_key_was_replaced_meanwhile_reads_again(workspace: Workspace) -> None:
    moments: list[int] = []

    def read(connection: Connection) -> int:
        version = workspace.vault.root_version(connection)
        if not moments:  # between the look at the database and the grasp for the key
            with workspace.vault.transaction() as other:
                rotation.rewrap(workspace.vault, other, (), ())
            rotation.destroy_old(workspace.vault, version + 1)
        moments.append(version)
        workspace.vault.roots.read(version)
        return version

    assert read_patiently(workspace, read) == 2
    assert moments == [1, 2]


def test_a_reader_waits_while_an_erasure_is_under_way(workspace: Workspace) -> None:
    request = approved(workspace)
    shredded, go_on = threading.Event(), threading.Event()

    def stop(state: State) -> None:
        if state is State.SHREDDED:
            shredded.set()
            go_on.wait(20)

    writer = threading.Thread(target=lambda: execute.erase(open_workspace(workspace.folder), [request], stop))
    writer.start()
    assert shredded.wait(60)
    with workspace.vault.transaction() as connection, pytest.raises(KeyDestroyedError):
        models.usable(workspace, connection, register.by_name(connection, "ridge").dataset_id)
    threading.Timer(0.5, go_on.set).start()
    assert models.score(workspace, "ridge").name  # without waiting, this is the error above
    writer.join(60)


def test_without_an_erasure_nobody_waits(workspace: Workspace) -> None:
    for blob in workspace.vault.blobs.iterdir():
        blob.write_bytes(b"")
    begin = time.monotonic()
    with pytest.raises(CorruptedError):
        models.score(workspace, "ridge")
    assert time.monotonic() - begin < reading.READER_PATIENCE / 2


def test_patience_ends(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """An erasure that was cut short and that nobody goes on with is told, not waited for without end."""

    def die(state: State) -> Any:
        if state is State.SHREDDED:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        execute.erase(workspace, [approved(workspace)], die)
    monkeypatch.setattr(reading, "READER_PATIENCE", 0.3)
    with pytest.raises(KeyDestroyedError):
        models.score(workspace, "ridge")
