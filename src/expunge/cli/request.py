"""`expunge request`: submit, list, show, approve, refuse, replan."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from expunge.access.actions import Action
from expunge.cli.options import Actor, Json, Keys, WorkspaceDir, answer, open_at, print_facts, print_table
from expunge.domain.request import Law, Outcome, State
from expunge.errors import InputError

if TYPE_CHECKING:
    from expunge.domain.request import Request

app = typer.Typer(help="Erasure requests.", no_args_is_help=True)
Id = Annotated[str, typer.Argument(metavar="ID", help="The request's id.")]


@app.command()
def submit(
    *,
    workspace: WorkspaceDir,
    subject: Annotated[str, typer.Option(help="The person's id, as the datasets know it.")],
    law: Annotated[Law, typer.Option(help="The law under which it is asked.", case_sensitive=False)],
    received: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Day on which it came in; today by default.")
    ] = None,
    keys: Keys = None,
    actor: Actor = None,
    as_json: Json = False,
) -> None:
    """Take a request in, find the person, and plan what will be done to every copy."""
    from expunge.erasure import intake

    moment = None if received is None else received.astimezone()
    request = intake.submit(open_at(workspace, keys, actor), subject, law, moment)
    answer(request.to_dict(), as_json=as_json, text=_line(request))


@app.command("list")
def list_(*, workspace: WorkspaceDir, keys: Keys = None, actor: Actor = None, as_json: Json = False) -> None:
    """List the requests, oldest first."""
    from expunge.erasure import requests

    opened = open_at(workspace, keys, actor)
    opened.authorise(Action.REQUEST_LIST)
    with opened.vault.transaction() as connection:
        found = requests.every(connection)
    if as_json:
        answer([request.to_dict() for request in found], as_json=True)
        return
    rows = [
        (one.id, one.law.upper(), one.received.date().isoformat(), one.due.isoformat(), one.state, one.outcome)
        for one in found
    ]
    print_table("Requests", ("id", "law", "received", "due", "state", "outcome"), rows)


@app.command()
def show(
    request_id: Id, *, workspace: WorkspaceDir, keys: Keys = None, actor: Actor = None, as_json: Json = False
) -> None:
    """Show a request and its plan."""
    from expunge.erasure import release, requests

    opened = open_at(workspace, keys, actor)
    opened.authorise(Action.REQUEST_SHOW, request=request_id)
    with opened.vault.transaction() as connection:
        request = requests.load(connection, request_id)
        plan = requests.plan(connection, request_id)
    if as_json:
        answer({**request.to_dict(), "plan": plan["copies"], "release": plan.get("release")}, as_json=True)
        return
    print_facts(f"Request {request.id}", {name: value for name, value in request.to_dict().items() if value})
    rows = [
        (copy["kind"], copy["name"], copy["method"], str(copy["records"]), copy["guarantee"], copy["why"])
        for copy in plan["copies"]
    ]
    print_table("Plan", ("kind", "name", "method", "records", "guarantee", "why"), rows)
    if words := release.planned(opened.policy, request, plan.get("release")):
        answer(None, as_json=False, text=f"Release: {'; '.join(words)}.")


@app.command()
def approve(
    request_ids: Annotated[list[str], typer.Argument(metavar="ID...", help="One request, or several.")],
    *,
    workspace: WorkspaceDir,
    keys: Keys = None,
    actor: Actor = None,
    as_json: Json = False,
) -> None:
    """Approve what was planned."""
    from expunge.erasure import decide

    opened = open_at(workspace, keys, actor)
    approved = [decide.approve(opened, request) for request in request_ids]
    values = [request.to_dict() for request in approved]
    answer(values[0] if len(values) == 1 else values, as_json=as_json, text="\n".join(_line(one) for one in approved))


@app.command()
def refuse(
    request_id: Id,
    *,
    workspace: WorkspaceDir,
    ground: Annotated[str, typer.Option(help="Ground of refusal, such as 17(3)(b), 12(5), 1798.105(d).")],
    dataset: Annotated[
        str | None, typer.Option(help="Refuse for this dataset only: it is retained there, everything else goes.")
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="With --dataset: when the ground falls away; it is then erased too."),
    ] = None,
    keys: Keys = None,
    actor: Actor = None,
    as_json: Json = False,
) -> None:
    """Refuse a request on a ground of its law, as a whole (writes the letter and closes it) or for one dataset."""
    from expunge.erasure import decide

    opened = open_at(workspace, keys, actor)
    if dataset is None and until is not None:
        raise InputError("--until needs --dataset.", mend="Name the dataset, or use `expunge request hold`.")
    if dataset is None:
        request = decide.refuse(opened, request_id, ground)
    else:
        request = decide.refuse_for(opened, request_id, ground, dataset, until and until.date())
    answer(request.to_dict(), as_json=as_json, text=_line(request))


@app.command()
def replan(
    request_id: Id, *, workspace: WorkspaceDir, keys: Keys = None, actor: Actor = None, as_json: Json = False
) -> None:
    """Send an erasure that cannot go on back to planned, with all of its batch, while nothing is shredded."""
    from expunge.erasure import execute

    sent_back = execute.give_up(open_at(workspace, keys, actor), request_id)
    text = "\n".join(_line(request) for request in sent_back)
    answer([request.to_dict() for request in sent_back], as_json=as_json, text=text)


def _line(request: Request) -> str:
    if request.outcome is Outcome.REFUSED:
        return f"{request.id} was refused, ground {request.ground}."
    if request.state is State.PLANNED:
        return f"{request.id} is planned, due {request.due}. Approve it with: expunge request approve {request.id}"
    return f"{request.id} is {request.state}, due {request.due}."
