"""The rules of a workspace: shown as a table, tried as a draft, put back to the default."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from expunge.access.actions import Action, Role
from expunge.access.rules import default_rules
from expunge.errors import AuthenticationError, DeniedError, WorkspaceError
from expunge.vault.database import ACTOR, CHECKPOINT, LOG_LEAF
from expunge.workspace import journal, rulebook, staff
from expunge.workspace.folder import Workspace, open_workspace

Acting: TypeAlias = Callable[..., Workspace]


def test_the_table_is_what_the_rules_decide(workspace: Workspace) -> None:
    table = rulebook.permitted(workspace.policy)
    assert table.keys() == set(Action)
    assert all(Role.OWNER in roles for roles in table.values())
    assert table[Action.RECORDS_READ] == [Role.PRIVACY_OFFICER, Role.OWNER]
    assert table[Action.MODEL_TRAIN] == [Role.ML_ENGINEER, Role.OWNER]


def test_a_draft_is_told_by_what_it_changes(workspace: Workspace, tmp_path: Path) -> None:
    draft = tmp_path / "draft.cedar"
    draft.write_text(
        default_rules()
        + 'permit (principal in Role::"auditor", action == Action::"model.export", resource);\n'
        + 'forbid (principal in Role::"ml_engineer", action == Action::"model.export", resource);\n'
    )
    assert [(one.role, one.action, one.allowed) for one in rulebook.changes(workspace, draft)] == [
        (Role.ML_ENGINEER, Action.MODEL_EXPORT, False),
        (Role.AUDITOR, Action.MODEL_EXPORT, True),
    ]
    draft.write_text("permit (somebody);")
    with pytest.raises(WorkspaceError, match="line 1"):
        rulebook.changes(workspace, draft)


@pytest.mark.parametrize("there", [None, b"permit (somebody);", b"", b"\xff"])
def test_the_default_is_put_in_place_of_whatever_is_there(workspace: Workspace, there: bytes | None) -> None:
    path = workspace.folder / "policy.cedar"
    path.unlink()
    if there is not None:
        path.write_bytes(there)
    version = rulebook.reset(workspace.folder)
    assert open_workspace(workspace.folder).policy.version == version == workspace.policy.version
    assert path.read_text() == default_rules()
    old = workspace.folder / "policy.cedar.old"
    assert (old.read_bytes() if old.exists() else None) == there
    with workspace.vault.transaction() as connection:
        assert json.loads(journal.entries(connection)[-1])["event"] == "policy reset"


def test_who_may_not_keep_the_policy_may_not_reset_it(workspace: Workspace, acting: Acting) -> None:
    path = workspace.folder / "policy.cedar"
    acting(workspace, "carl", "intake_clerk")
    path.write_text("permit (principal, action, resource);")
    with pytest.raises(DeniedError):
        rulebook.reset(workspace.folder, actor="carl", credential="the key of carl")
    with pytest.raises(AuthenticationError):
        rulebook.reset(workspace.folder, actor="owner", credential="no key")
    assert path.read_text() == "permit (principal, action, resource);"


def test_the_owner_of_an_older_workspace_is_taken_over(workspace: Workspace) -> None:
    with workspace.vault.transaction() as connection:
        verifier = connection.execute(ACTOR.select()).one().verifier
        for table in (ACTOR, LOG_LEAF, CHECKPOINT):
            connection.execute(table.delete())
    (workspace.folder / "actors.json").write_text(json.dumps({"owner": verifier}))
    (workspace.folder / "policy.cedar").unlink()
    with pytest.raises(WorkspaceError, match="policy reset"):
        open_workspace(workspace.folder)
    rulebook.reset(workspace.folder)
    assert [one.name for one in staff.every(open_workspace(workspace.folder))] == ["owner"]
    assert not (workspace.folder / "actors.json").exists()


def test_a_list_of_actors_put_there_by_hand_makes_nobody_the_owner(workspace: Workspace) -> None:
    (workspace.folder / "actors.json").write_text(json.dumps({"owner": "00" * 32}))
    rulebook.reset(workspace.folder)
    assert open_workspace(workspace.folder).actor == "owner"


@pytest.mark.parametrize("content", ["", "[]", "{}"])
def test_a_broken_list_of_actors_is_an_error(workspace: Workspace, content: str) -> None:
    (workspace.folder / "actors.json").write_text(content)
    with pytest.raises(WorkspaceError, match=r"actors\.json"):
        rulebook.reset(workspace.folder)
