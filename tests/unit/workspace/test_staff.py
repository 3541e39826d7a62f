"""Actors prove who they are, and every change and every failed attempt is in the log."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from sqlalchemy import delete, func, select

from expunge.access import actors
from expunge.access.actions import Action, Role
from expunge.access.credentials import Method, verifier
from expunge.errors import (
    AuthenticationError,
    DeniedError,
    InputError,
    NotFoundError,
    PolicyError,
    WorkspaceBusyError,
    WorkspaceError,
)
from expunge.vault.database import ACTOR, LOG_LEAF
from expunge.workspace import folder as folders
from expunge.workspace import journal, staff
from expunge.workspace.folder import Workspace, open_workspace

Acting: TypeAlias = Callable[..., Workspace]
PHRASE = "correct horse battery"
WRONG = "incorrect horse battery"


@pytest.fixture
def dora(workspace: Workspace) -> str:
    return staff.add(workspace, "dora", ["auditor"], Method.PASSPHRASE, PHRASE).name


def log(workspace: Workspace) -> list[dict[str, Any]]:
    with workspace.vault.transaction() as connection:
        return [json.loads(entry) for entry in journal.entries(connection)]


def refused(workspace: Workspace, name: str, credential: str) -> AuthenticationError:
    with pytest.raises(AuthenticationError) as error:
        open_workspace(workspace.folder, actor=name, credential=credential)
    return error.value


def test_a_new_workspace_has_an_owner_and_the_log_says_so(workspace: Workspace) -> None:
    first = log(workspace)[0]
    assert (first["event"], first["name"], first["roles"]) == ("actor added", "owner", ["owner"])
    assert workspace.roles == (Role.OWNER,)


@pytest.mark.parametrize("wrong", ["", "false", None])
def test_without_the_credential_nobody_is_the_owner(workspace: Workspace, dora: str, wrong: str | None) -> None:
    path = workspace.keys / folders.OWNER_CREDENTIAL
    path.unlink()
    if wrong is not None:
        path.write_text(wrong)
    for name in (None, "owner"):
        with pytest.raises(AuthenticationError, match="credential"):
            open_workspace(workspace.folder, actor=name)
    assert open_workspace(workspace.folder, actor=dora, credential=PHRASE).actor == "dora"


def test_the_credential_is_its_owners_alone_and_only_its_hash_is_in_the_workspace(workspace: Workspace) -> None:
    path = workspace.keys / folders.OWNER_CREDENTIAL
    assert path.stat().st_mode & 0o777 == 0o600
    secret = path.read_bytes().strip()
    assert not [one for one in workspace.folder.rglob("*") if one.is_file() and secret in one.read_bytes()]


def test_policy_may_want_a_name(workspace: Workspace) -> None:
    path = workspace.folder / "policy.json"
    path.write_bytes(path.read_bytes().replace(b'"owner_by_default": true', b'"owner_by_default": false'))
    with pytest.raises(PolicyError, match="--as"):
        open_workspace(workspace.folder)
    assert open_workspace(workspace.folder, actor="owner").actor == "owner"


def test_an_actor_proves_it_and_acts_in_the_roles(workspace: Workspace, dora: str) -> None:
    opened = open_workspace(workspace.folder, actor=dora, credential=PHRASE)
    assert (opened.actor, opened.roles) == ("dora", (Role.AUDITOR,))
    with pytest.raises(AuthenticationError, match="gave no passphrase"):
        open_workspace(workspace.folder, actor=dora)


def test_all_wrong_ways_get_the_same_answer_and_are_logged_without_the_name(workspace: Workspace, dora: str) -> None:
    staff.add(workspace, "zoe", ["auditor"], Method.KEY, "a key")
    staff.add(workspace, "gone", ["auditor"], Method.PASSPHRASE, PHRASE)
    staff.disable(workspace, "gone")
    answers = {
        str(refused(workspace, *one)) for one in ((dora, WRONG), ("zoe", "no key"), ("gone", PHRASE), ("x", "y"))
    }
    assert len(answers) == 1
    failed = log(workspace)[-4:]
    assert {(one["event"], one["actor"]) for one in failed} == {("authentication failed", "nobody")}
    assert len({one["claimed"] for one in failed}) == 4
    assert not [name for name in ("dora", "zoe", "gone", WRONG, PHRASE) if name in json.dumps(failed)]


def test_after_some_attempts_even_the_right_passphrase_waits(
    workspace: Workspace, dora: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(staff.ATTEMPTS):
        assert "wrong" in str(refused(workspace, dora, WRONG))
    size = len(log(workspace))
    assert "5 attempts failed" in str(refused(workspace, dora, PHRASE))
    assert len(log(workspace)) == size, "what was not tried is no attempt"
    assert open_workspace(workspace.folder).actor == "owner", "others are not slowed down"
    monkeypatch.setattr(staff, "WINDOW", timedelta(0))
    assert open_workspace(workspace.folder, actor=dora, credential=PHRASE).actor == "dora"


def test_a_name_that_is_not_there_is_slowed_down_as_well(workspace: Workspace) -> None:
    for _ in range(staff.ATTEMPTS):
        refused(workspace, "zoe", WRONG)
    assert "attempts failed" in str(refused(workspace, "zoe", WRONG))


def test_a_clock_that_jumped_back_locks_nobody_out(workspace: Workspace, dora: str) -> None:
    later = (datetime.now(UTC) + timedelta(days=400)).strftime("%Y-%m-%dT%H:%M:%SZ")
    for _ in range(staff.ATTEMPTS):
        refused(workspace, dora, WRONG)
    with workspace.vault.transaction() as connection:
        for row in connection.execute(select(LOG_LEAF)).all():
            entry = json.loads(row.entry)
            if entry["event"] == "authentication failed":
                moved = row.entry.replace(entry["at"].encode(), later.encode())
                connection.execute(LOG_LEAF.update().where(LOG_LEAF.c.idx == row.idx).values(entry=moved))
    assert open_workspace(workspace.folder, actor=dora, credential=PHRASE).actor == "dora"


def test_many_attempts_at_once_are_no_more_attempts(workspace: Workspace, dora: str) -> None:
    answers: list[str] = []

    def attempt() -> None:
        answers.append(str(refused(workspace, dora, WRONG)))

    threads = [threading.Thread(target=attempt) for _ in range(2 * staff.ATTEMPTS)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len([one for one in answers if "is wrong" in one]) == staff.ATTEMPTS


def test_a_failed_attempt_that_cannot_be_logged_is_not_answered(
    workspace: Workspace, dora: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staff, "_PATIENCE", 0.05)
    with workspace.writing():
        with pytest.raises(WorkspaceBusyError):
            open_workspace(workspace.folder, actor=dora, credential=WRONG)
        assert open_workspace(workspace.folder, actor=dora, credential=PHRASE).actor == "dora"


# Changes.


def test_an_actor_is_entered_with_a_trace_and_without_a_credential(workspace: Workspace) -> None:
    before = len(log(workspace))
    staff.add(workspace, "zoe", ["auditor", "ml_engineer"], Method.PASSPHRASE, PHRASE)
    (entry,) = log(workspace)[before:]
    assert (entry["event"], entry["name"], entry["actor"]) == ("actor added", "zoe", "owner")
    assert entry["roles"] == ["ml_engineer", "auditor"]
    with workspace.vault.transaction() as connection:
        stored = actors.by_name(connection, "zoe").verifier
    assert not [secret for secret in (PHRASE, stored) if secret in json.dumps(entry)]


def test_a_name_is_used_once(workspace: Workspace, dora: str) -> None:
    staff.disable(workspace, dora)
    with pytest.raises(InputError, match="already"):
        staff.add(workspace, dora, ["owner"], Method.KEY, "a key")


def test_a_short_passphrase_enters_nobody(workspace: Workspace) -> None:
    with pytest.raises(InputError, match="fewer than"):
        staff.add(workspace, "zoe", ["auditor"], Method.PASSPHRASE, "short")
    assert [one.name for one in staff.every(workspace)] == ["owner"]


def test_a_disabled_actor_is_out_at_once_and_for_good(workspace: Workspace, dora: str) -> None:
    first = staff.disable(workspace, dora)
    size = len(log(workspace))
    assert staff.disable(workspace, dora) == first
    assert len(log(workspace)) == size
    assert "wrong" in str(refused(workspace, dora, PHRASE))
    with pytest.raises(InputError, match="disabled"):
        staff.renew(workspace, dora, Method.PASSPHRASE, PHRASE)


def test_the_last_owner_stays(workspace: Workspace) -> None:
    with pytest.raises(InputError, match="only owner"):
        staff.disable(workspace, "owner")
    staff.add(workspace, "zoe", ["owner"], Method.KEY, "a key")
    staff.disable(workspace, "owner")
    with pytest.raises(InputError, match="only owner"):
        staff.disable(open_workspace(workspace.folder, actor="zoe", credential="a key"), "zoe")


def test_a_renewed_credential_is_the_only_one(workspace: Workspace, dora: str) -> None:
    staff.renew(open_workspace(workspace.folder, actor=dora, credential=PHRASE), dora, Method.KEY, "a key")
    assert open_workspace(workspace.folder, actor=dora, credential="a key").roles == (Role.AUDITOR,)
    assert "wrong" in str(refused(workspace, dora, PHRASE))


def test_one_renews_the_own_credential_and_no_other(workspace: Workspace, dora: str, acting: Acting) -> None:
    clerk = acting(workspace, "carl", "intake_clerk")
    with pytest.raises(DeniedError):
        staff.renew(clerk, dora, Method.KEY, "a key")
    with pytest.raises(DeniedError):
        staff.renew(clerk, "nobody.there", Method.KEY, "a key")
    with pytest.raises(DeniedError, match="only an owner"):
        staff.renew(acting(workspace, "adam", "administrator"), "owner", Method.KEY, "a key")
    staff.renew(acting(workspace, "adam"), dora, Method.KEY, "a key")


def test_nobody_changes_an_actor_who_is_not_there(workspace: Workspace) -> None:
    with pytest.raises(NotFoundError, match="zoe"):
        staff.disable(workspace, "zoe")
    with pytest.raises(NotFoundError, match="zoe"):
        staff.renew(workspace, "zoe", Method.KEY, "a key")


# What a curious administrator does to the files.


def test_an_actor_who_was_written_into_the_table_by_hand_proves_nobody(workspace: Workspace) -> None:
    row = {"name": "eve", "roles": '["owner"]', "method": "key", "created": "2026-11-02T09:30:00Z"}
    with workspace.vault.transaction() as connection:
        connection.execute(ACTOR.insert().values(**row, verifier=verifier(Method.KEY, "a key")))
    assert "table and log disagree" in str(refused(workspace, "eve", "a key"))


@pytest.mark.parametrize(
    "change",
    [{"roles": '["owner"]'}, {"verifier": verifier(Method.KEY, "another")}, {"disabled": None}],
    ids=["roles", "credential", "enabled again"],
)
def test_an_actor_who_was_changed_by_hand_proves_nobody(workspace: Workspace, change: dict[str, str | None]) -> None:
    staff.add(workspace, "eve", ["auditor"], Method.KEY, "a key")
    if "disabled" in change:
        staff.disable(workspace, "eve")
    with workspace.vault.transaction() as connection:
        connection.execute(ACTOR.update().where(ACTOR.c.name == "eve").values(**change))
    credential = "another" if "verifier" in change else "a key"
    assert "table and log disagree" in str(refused(workspace, "eve", credential))


def test_an_actor_who_was_removed_by_hand_is_missed(workspace: Workspace, dora: str) -> None:
    with workspace.vault.transaction() as connection:
        connection.execute(delete(ACTOR).where(ACTOR.c.name == dora))
    assert "table and log disagree" in str(refused(workspace, dora, PHRASE))


# Authorised, or denied and logged.


def test_who_is_denied_is_told_who_may_and_the_log_has_it(workspace: Workspace, acting: Acting) -> None:
    clerk = acting(workspace, "carl", "intake_clerk")
    with pytest.raises(DeniedError, match=r"'carl' \(intake_clerk\) may not train.*ml_engineer and owner"):
        clerk.authorise(Action.MODEL_TRAIN)
    last = log(workspace)[-1]
    assert (last["event"], last["action"], last["actor"]) == ("denied", "model.train", "carl")
    assert last["policy"] == workspace.policy.version
    with workspace.vault.transaction() as connection:
        found = journal.verify(workspace, connection)
    assert found.covered == found.entries


def test_who_asks_what_they_may_leaves_no_trace(workspace: Workspace, acting: Acting) -> None:
    clerk = acting(workspace, "carl", "intake_clerk")
    size = len(log(workspace))
    assert clerk.may(Action.REQUEST_SUBMIT)
    assert not clerk.may(Action.ERASE)
    clerk.authorise(Action.REQUEST_SUBMIT)
    assert len(log(workspace)) == size


def test_a_denial_while_another_writes_is_a_denial_that_says_so(
    workspace: Workspace, acting: Acting, monkeypatch: pytest.MonkeyPatch
) -> None:
    clerk = acting(workspace, "carl", "intake_clerk")
    monkeypatch.setattr(folders, "PATIENCE", 0.05)
    with workspace.writing(), pytest.raises(DeniedError, match="not in the log"):
        clerk.authorise(Action.ERASE)


def test_a_denial_waits_for_another_writer(workspace: Workspace, acting: Acting) -> None:
    clerk = acting(workspace, "carl", "intake_clerk")

    def ask() -> None:
        with pytest.raises(DeniedError):
            clerk.authorise(Action.ERASE)

    with workspace.writing():
        asked = threading.Thread(target=ask)
        asked.start()
        asked.join(0.3)
        assert asked.is_alive()
    asked.join()
    assert log(workspace)[-1]["event"] == "denied"


def test_a_policy_that_was_changed_by_hand_shows_in_the_log(workspace: Workspace, acting: Acting) -> None:
    before = workspace.policy.version
    path = workspace.folder / "policy.cedar"
    path.write_text(path.read_text() + 'permit (principal == Actor::"carl", action, resource);\n')
    staff.add(open_workspace(workspace.folder), "carl", ["subject"], Method.KEY, "a key")
    versions = [one["policy"] for one in log(workspace)]
    assert set(versions[:-1]) == {before}
    assert versions[-1] not in {before, None}
    carl = open_workspace(workspace.folder, actor="carl", credential="a key")
    carl.authorise(Action.MODEL_TRAIN)


def test_the_log_holds_no_entry_without_the_policys_version(workspace: Workspace) -> None:
    with workspace.vault.transaction() as connection:
        without = select(func.count()).select_from(LOG_LEAF)
        query = without.where(func.instr(LOG_LEAF.c.entry, b'"policy":"') == 0)
        assert connection.execute(query).scalar_one() == 0


def test_a_folder_that_holds_no_rules_lets_nobody_in(workspace: Workspace) -> None:
    Path(workspace.folder / "policy.cedar").unlink()
    with pytest.raises(WorkspaceError, match="policy reset"):
        open_workspace(workspace.folder)
