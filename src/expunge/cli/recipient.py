"""`expunge recipient`: add, disclose, list, end."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from expunge.access.actions import Action
from expunge.cli.options import Actor, Json, Keys, WorkspaceDir, answer, open_at, print_table
from expunge.domain.recipient import RecipientKind
from expunge.errors import InputError

if TYPE_CHECKING:
    from expunge.workspace.recipients import Recipient

app = typer.Typer(help="Who received data, and must be told of erasures.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(metavar="NAME", help="The organisation's name.")]


@app.command()
def add(
    name: Name,
    *,
    workspace: WorkspaceDir,
    kind: Annotated[RecipientKind, typer.Option(help="Its role.", case_sensitive=False)],
    keys: Keys = None,
    actor: Actor = None,
    as_json: Json = False,
) -> None:
    """Enter somebody who receives data."""
    from expunge.workspace import recipients

    _answer(recipients.add(open_at(workspace, keys, actor), name, kind), as_json=as_json)


@app.command()
def disclose(
    name: Name,
    *,
    workspace: WorkspaceDir,
    dataset: Annotated[str | None, typer.Option(help="The dataset that it received.")] = None,
    model: Annotated[str | None, typer.Option(help="Or the model.")] = None,
    on: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="When; today by default.")] = None,
    keys: Keys = None,
    actor: Actor = None,
    as_json: Json = False,
) -> None:
    """Note that a recipient received a dataset or model."""
    from expunge.workspace import recipients

    if (dataset is None) == (model is None):
        raise InputError("name what was disclosed.", mend="Give --dataset or --model.")
    what, kind = (dataset, "dataset") if dataset is not None else (model or "", "model")
    found = recipients.disclose(open_at(workspace, keys, actor), name, what, kind, on and on.date())
    _answer(found, as_json=as_json)


@app.command("list")
def list_(*, workspace: WorkspaceDir, keys: Keys = None, actor: Actor = None, as_json: Json = False) -> None:
    """List the recipients, with what each still has."""
    from expunge.workspace import recipients

    opened = open_at(workspace, keys, actor)
    opened.authorise(Action.RECIPIENT_LIST)
    with opened.vault.transaction() as connection:
        found = recipients.every(connection)
    if as_json:
        answer([recipient.to_dict() for recipient in found], as_json=True)
        return
    rows = [
        (one.id, one.name, one.kind, one.ended or "", ", ".join(f"{had.name} since {had.at}" for had in one.has))
        for one in found
    ]
    print_table("Recipients", ("id", "name", "kind", "ended", "has"), rows)


@app.command()
def end(name: Name, *, workspace: WorkspaceDir, keys: Keys = None, actor: Actor = None, as_json: Json = False) -> None:
    """Note that a recipient gave back or destroyed all that it had; the end of a contract alone is not that."""
    from expunge.workspace import recipients

    _answer(recipients.end(open_at(workspace, keys, actor), name), as_json=as_json)


def _answer(recipient: Recipient, *, as_json: bool) -> None:
    has = ", ".join(one.name for one in recipient.has) or "nothing"
    answer(recipient.to_dict(), as_json=as_json, text=f"{recipient.name} ({recipient.id}, {recipient.kind}) has {has}.")
