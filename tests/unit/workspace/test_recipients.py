"""Who received what, and still has it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from expunge.domain.recipient import RecipientKind
from expunge.domain.request import Law
from expunge.erasure import clock, decide, intake, tasks
from expunge.errors import IllegalMoveError, InputError, NotFoundError
from expunge.workspace import journal, models, recipients
from expunge.workspace.folder import Workspace


def test_a_recipient_has_what_was_disclosed_to_it(workspace: Workspace) -> None:
    made = recipients.add(workspace, "  Lab   Ltd ", RecipientKind.PROCESSOR)
    assert (made.name, made.kind, made.has, made.ended) == ("Lab Ltd", RecipientKind.PROCESSOR, (), None)
    day = clock.today() - timedelta(days=9)
    recipients.disclose(workspace, "Lab Ltd", "visits", "dataset", day)
    found = recipients.disclose(workspace, "Lab Ltd", "ridge", "model")
    assert {(one.name, one.at) for one in found.has} == {("visits", str(day)), ("ridge", str(clock.today()))}
    with workspace.vault.transaction() as connection:
        assert recipients.every(connection) == [found]
        (own,) = recipients.of_objects(connection, {found.has[0].object})
        log = b"".join(journal.entries(connection)).decode()
    assert [one.name for one in own.has] == ["visits"]
    assert "Lab" not in log
    assert made.id in log


def test_disclosed_again_it_has_it_since_the_first_time(workspace: Workspace) -> None:
    recipients.add(workspace, "Lab", RecipientKind.CONTROLLER)
    for days in (5, 9, 1):
        found = recipients.disclose(workspace, "Lab", "visits", "dataset", clock.today() - timedelta(days=days))
    assert [one.at for one in found.has] == [str(clock.today() - timedelta(days=9))]


def test_who_gave_back_or_destroyed_everything_has_nothing(workspace: Workspace) -> None:
    recipients.add(workspace, "Lab", RecipientKind.PROCESSOR)
    recipients.disclose(workspace, "Lab", "visits", "dataset")
    ended = recipients.end(workspace, "Lab")
    assert ended.ended is not None
    assert ended.has == ()
    assert recipients.end(workspace, "Lab") == ended
    with pytest.raises(InputError, match="was ended"):
        recipients.disclose(workspace, "Lab", "visits", "dataset")


def test_who_is_not_told_yet_of_an_erasure_is_not_ended(workspace: Workspace) -> None:
    recipients.add(workspace, "Lab", RecipientKind.SERVICE_PROVIDER)
    recipients.disclose(workspace, "Lab", "visits", "dataset")
    decide.approve(workspace, intake.submit(workspace, "71001", Law.CCPA).id)
    with workspace.vault.transaction() as connection:
        (task,) = tasks.every(connection)
    with pytest.raises(IllegalMoveError, match=f"not told yet of 1 erasures: {task.id}"):
        recipients.end(workspace, "Lab")
    tasks.done(workspace, task.id, "gave it back")
    assert recipients.end(workspace, "Lab").has == ()


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "a\x1bb"])
def test_a_name_is_one_line(workspace: Workspace, name: str) -> None:
    with pytest.raises(InputError):
        recipients.add(workspace, name, RecipientKind.PROCESSOR)


def test_what_is_not_there_is_named(workspace: Workspace) -> None:
    with pytest.raises(NotFoundError, match="Recipients are: none"):
        recipients.disclose(workspace, "Lab", "visits", "dataset")
    recipients.add(workspace, "Lab", RecipientKind.PROCESSOR)
    with pytest.raises(InputError, match="already"):
        recipients.add(workspace, "Lab", RecipientKind.CONTROLLER)
    with pytest.raises(NotFoundError, match="no dataset 'ridge'"):
        recipients.disclose(workspace, "Lab", "ridge", "dataset")
    with pytest.raises(InputError, match="ahead"):
        recipients.disclose(workspace, "Lab", "visits", "dataset", clock.today() + timedelta(days=2))


def test_an_export_for_a_recipient_is_a_disclosure(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        models.export(workspace, "ridge", tmp_path / "none", "Lab")
    assert not (tmp_path / "none").exists()
    recipients.add(workspace, "Lab", RecipientKind.PROCESSOR)
    models.export(workspace, "ridge", tmp_path / "out", "Lab")
    with workspace.vault.transaction() as connection:
        (found,) = recipients.every(connection)
    assert [one.name for one in found.has] == ["ridge"]
