"""The rules of a workspace: shown, tried, put back to the default."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from expunge.access import actors
from expunge.access.actions import Action, Purpose, Role
from expunge.access.actors import OWNER, Actor
from expunge.access.credentials import Method
from expunge.access.policy import RULES_FILE, Policy, read_rules, read_settings
from expunge.access.rules import default_rules
from expunge.errors import WorkspaceError
from expunge.vault import store
from expunge.workspace import folder as folders
from expunge.workspace import journal, staff
from expunge.workspace.folder import Workspace

_USUAL: Final[dict[Action, dict[str, Any]]] = {Action.RECORDS_READ: {"purpose": Purpose.ACCESS.value}}
"""Circumstances without which nobody may do something."""


@dataclass(frozen=True)
class Change:
    """What other rules would change: a role that may do something, or may not any more."""

    role: Role
    action: Action
    allowed: bool

    def to_dict(self) -> dict[str, Any]:
        """Return the form that the command line prints as JSON."""
        return {"role": self.role.value, "action": self.action.value, "allowed": self.allowed}


def permitted(policy: Policy) -> dict[Action, list[Role]]:
    """Return which roles may do what, as the rules decide it."""
    return {action: policy.roles_allowed(action, **_USUAL.get(action, {})) for action in Action}


def changes(workspace: Workspace, draft: Path) -> list[Change]:
    """Return what the rules of a file would change.

    Raises
    ------
    WorkspaceError
        Where they cannot be enforced.
    """
    before = permitted(workspace.policy)
    after = permitted(replace(workspace.policy, rules=read_rules(draft)))
    return [
        Change(role, action, role in after[action])
        for action in Action
        for role in Role
        if (role in before[action]) != (role in after[action])
    ]


def reset(folder: Path, keys: Path | None = None, actor: str | None = None, credential: str | None = None) -> str:
    """Put the default rules in place, whatever is there; returns the policy's version then.

    Works where ``policy.cedar`` is missing or cannot be enforced: who may do this is decided by the default rules.
    """
    unentered = folders.unentered(folder, keys, read_settings)
    _adopt_owner(unentered)
    workspace = folders.enter(unentered, actor, credential)
    workspace.authorise(Action.POLICY_RESET)
    path = workspace.folder / RULES_FILE
    with journal.recording(workspace):
        if path.is_file() and path.read_bytes() != default_rules().encode():
            store.write_atomically(path.with_name(path.name + ".old"), path.read_bytes())
        store.write_atomically(path, default_rules().encode())
        with workspace.vault.transaction() as connection:
            journal.append(workspace, connection, "policy reset")
    return workspace.policy.version


def _adopt_owner(workspace: Workspace) -> None:
    """Take over the owner of a workspace that kept its actors in ``actors.json`` (before ADR 20)."""
    path = workspace.folder / "actors.json"
    if not path.is_file():
        return
    try:
        verifier = str(json.loads(path.read_bytes())[OWNER])
    except (ValueError, KeyError, TypeError) as error:
        raise WorkspaceError("actors.json names no owner.", mend="Restore it.") from error
    owner = Actor(OWNER, (Role.OWNER,), Method.KEY, verifier, store.now())
    with journal.recording(workspace):
        with workspace.vault.transaction() as connection:
            if not actors.every(connection):
                staff.enter(workspace, connection, "added", owner)
        path.unlink()
