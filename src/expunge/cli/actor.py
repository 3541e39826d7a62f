"""`expunge actor`: add, list, disable, passwd."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from expunge.access.actions import Action, Role
from expunge.cli.options import Actor, Json, Keys, WorkspaceDir, answer, new_passphrase, open_at, print_table

if TYPE_CHECKING:
    from expunge.access.credentials import Method
    from expunge.workspace.folder import Workspace

app = typer.Typer(help="Who works with a workspace, in which roles.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="Name of the actor.")]
KeyFile = Annotated[
    Path | None,
    typer.Option(help="Make a key and write it to this new file, instead of asking for a passphrase."),
]


@app.command()
def add(
    name: Name,
    *,
    workspace: WorkspaceDir,
    role: Annotated[list[Role], typer.Option(help="May be repeated.")],
    key_file: KeyFile = None,
    keys: Keys = None,
    actor: Actor = None,
    as_json: Json = False,
) -> None:
    """Enter an actor, who proves who they are with a passphrase or with a key in a file."""
    from expunge.workspace import staff

    opened = open_at(workspace, keys, actor)
    opened.authorise(Action.ACTOR_ADD, actor=name, roles=[one.value for one in role])
    method, secret = _credential(opened, name, key_file)
    made = staff.add(opened, name, role, method, secret)
    answer(made.to_dict(), as_json=as_json, text=f"{name} is {' and '.join(made.roles)}.{_where(key_file)}")


@app.command("list")
def list_(*, workspace: WorkspaceDir, keys: Keys = None, actor: Actor = None, as_json: Json = False) -> None:
    """List the actors and their roles."""
    from expunge.workspace import staff

    found = staff.every(open_at(workspace, keys, actor))
    if as_json:
        answer([one.to_dict() for one in found], as_json=True)
        return
    rows = [(one.name, ", ".join(one.roles), one.method, one.created, one.disabled or "") for one in found]
    print_table("Actors", ("name", "roles", "proven by", "since", "disabled"), rows)


@app.command()
def disable(
    name: Name, *, workspace: WorkspaceDir, keys: Keys = None, actor: Actor = None, as_json: Json = False
) -> None:
    """Disable an actor for good; the name is not used again."""
    from expunge.workspace import staff

    disabled = staff.disable(open_at(workspace, keys, actor), name)
    answer(disabled.to_dict(), as_json=as_json, text=f"{name} is disabled.")


@app.command()
def passwd(
    name: Name,
    *,
    workspace: WorkspaceDir,
    key_file: KeyFile = None,
    keys: Keys = None,
    actor: Actor = None,
    as_json: Json = False,
) -> None:
    """Renew an actor's passphrase or key; everybody may renew their own."""
    from expunge.workspace import staff

    opened = open_at(workspace, keys, actor)
    staff.authorise_change(opened, Action.ACTOR_PASSWD, name)
    method, secret = _credential(opened, name, key_file)
    renewed = staff.renew(opened, name, method, secret)
    answer(renewed.to_dict(), as_json=as_json, text=f"{name} has a new {method}.{_where(key_file)}")


def _credential(workspace: Workspace, name: str, key_file: Path | None) -> tuple[Method, str]:
    """Make a key and write it to a file, or ask for a passphrase.

    The file is written first: a key that is in the workspace and in no file would lock the actor out.
    """
    from expunge.access.credentials import Method, new_key, write_key
    from expunge.errors import InputError

    if key_file is None:
        return Method.PASSPHRASE, new_passphrase(name)
    if workspace.folder in key_file.resolve().parents:
        raise InputError(f"{key_file} is inside the workspace.", mend="Keep keys outside it.")
    key = new_key()
    write_key(key_file, key)
    return Method.KEY, key


def _where(key_file: Path | None) -> str:
    return "" if key_file is None else f" The key is in {key_file}: name it in EXPUNGE_KEY_FILE when you act."
