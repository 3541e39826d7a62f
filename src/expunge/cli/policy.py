"""`expunge policy`: show, check, reset."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from expunge.access.actions import Action, Role
from expunge.cli.options import Actor, Json, Keys, WorkspaceDir, answer, credential, open_at, print_facts, print_table

app = typer.Typer(help="Who may do what, by policy.cedar, and the settings of policy.json.", no_args_is_help=True)


@app.command()
def show(*, workspace: WorkspaceDir, keys: Keys = None, actor: Actor = None, as_json: Json = False) -> None:
    """Show which role may do what, as the rules decide it, and the settings."""
    import json

    from expunge.workspace import rulebook

    opened = open_at(workspace, keys, actor)
    opened.authorise(Action.POLICY_SHOW)
    permitted = rulebook.permitted(opened.policy)
    settings = json.loads(opened.policy.to_json())
    if as_json:
        roles = {action.value: [role.value for role in permitted[action]] for action in Action}
        answer({"version": opened.policy.version, "roles": roles, "settings": settings}, as_json=True)
        return
    print_facts(f"Policy {opened.policy.version}", settings)
    rows = [(action.value, action.meaning, ", ".join(permitted[action])) for action in Action]
    print_table("Who may do what", ("action", "meaning", "roles"), rows)
    print_table("Roles", ("role", "what for"), [(role.value, role.meaning) for role in Role])


@app.command()
def check(
    file: Annotated[Path | None, typer.Argument(help="A draft; default: the workspace's policy.cedar.")] = None,
    *,
    workspace: WorkspaceDir,
    keys: Keys = None,
    actor: Actor = None,
    as_json: Json = False,
) -> None:
    """Check that rules can be enforced, and say what a draft would change."""
    from expunge.access.policy import RULES_FILE
    from expunge.workspace import rulebook

    opened = open_at(workspace, keys, actor)
    opened.authorise(Action.POLICY_CHECK)
    changes = rulebook.changes(opened, file or opened.folder / RULES_FILE)
    told = [f"{one.role} may {'now' if one.allowed else 'no longer'} {one.action.meaning}." for one in changes]
    answer(
        {"enforceable": True, "changes": [one.to_dict() for one in changes]},
        as_json=as_json,
        text="\n".join(["The rules can be enforced.", *told]),
    )


@app.command()
def reset(*, workspace: WorkspaceDir, keys: Keys = None, actor: Actor = None, as_json: Json = False) -> None:
    """Put the default policy.cedar in place; what was there is kept as policy.cedar.old."""
    from expunge.workspace import rulebook

    version = rulebook.reset(workspace, keys, actor, credential(actor))
    answer({"version": version}, as_json=as_json, text=f"The default rules are in place; policy version {version}.")
