"""`expunge request`: submit, import, list, show, approve, refuse, hold, resume, extend, withdraw, replan."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from expunge.access.actions import Action
from expunge.cli.options import Actor, Json, Keys, WorkspaceDir, answer, open_at, print_facts, print_table
from expunge.domain.cost import duration
from expunge.domain.request import Law, Outcome, State
from expunge.errors import InputError

if TYPE_CHECKING:
    from expunge.domain.request import Request

STATUS: Final = ("id", "law", "received", "due", "state", "outcome", "ground", "extension", "hold")
"""What the person who made a request is told of it."""
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


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="CSV, UTF-8, with a header: subject; law and received if not given.")],
    *,
    workspace: WorkspaceDir,
    law: Annotated[Law | None, typer.Option(help="The law of all rows.", case_sensitive=False)] = None,
    received: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Day on which all came in; today by default.")
    ] = None,
    skip_duplicates: Annotated[
        bool, typer.Option("--skip-duplicates", help="Leave out rows that repeat another one or an open request.")
    ] = False,
    keys: Keys = None,
    actor: Actor = None,
    as_json: Json = False,
) -> None:
    """Take in the requests of a file: all of them, or none where any row has a fault.

    If it is cut short, give the same command again: it goes on, and nobody is entered twice.
    """
    from expunge.erasure import bulk

    opened = open_at(workspace, keys, actor)
    done = bulk.import_file(opened, file, law, received and received.date(), skip_duplicates=skip_duplicates)
    value = {
        "entered": done.entered,
        "left_out": done.left_out,
        "no_data": done.no_data,
        "before": done.before,
        "requests": [request.id for request in done.requests],
    }
    if done.before:
        text = f"This file was taken in before, on {done.before}: {done.entered} requests. Nothing was entered now."
    else:
        text = f"Entered {done.entered} requests; left out {done.left_out}; of {done.no_data} people nothing is held."
    answer(value, as_json=as_json, text=text)


@app.command("list")
def list_(
    *,
    workspace: WorkspaceDir,
    state: Annotated[State | None, typer.Option(help="Only those in this state.", case_sensitive=False)] = None,
    law: Annotated[Law | None, typer.Option(help="Only those under this law.", case_sensitive=False)] = None,
    late: Annotated[bool, typer.Option("--late", help="Only those whose last day is past.")] = False,
    keys: Keys = None,
    actor: Actor = None,
    as_json: Json = False,
) -> None:
    """List the requests, oldest first."""
    from expunge.erasure import clock, requests
    from expunge.erasure.due import late as is_late

    opened = open_at(workspace, keys, actor)
    opened.authorise(Action.REQUEST_LIST)
    today = clock.today()
    with opened.vault.transaction() as connection:
        found = [
            one
            for one in requests.every(connection)
            if state in {None, one.state} and law in {None, one.law} and (not late or is_late(one, today))
        ]
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
    from expunge.erasure import release, requests, tasks

    opened = open_at(workspace, keys, actor)
    opened.authorise(Action.REQUEST_SHOW, request=request_id)
    with opened.vault.transaction() as connection:
        request = requests.load(connection, request_id)
        plan = requests.plan(connection, request_id)
        told = [] if request.final else tasks.concerned(connection, request_id)
    if not opened.may(Action.REQUEST_PLAN):
        status = {name: value for name, value in request.to_dict().items() if name in STATUS}
        answer(status, as_json=as_json, text="\n".join(f"{name}: {value}" for name, value in status.items() if value))
        return
    if as_json:
        recipients = [one.to_dict() for one in told]
        more = {"plan": plan["copies"], "release": plan.get("release"), "recipients": recipients}
        answer({**request.to_dict(), **more}, as_json=True)
        return
    print_facts(f"Request {request.id}", {name: value for name, value in request.to_dict().items() if value})
    rows = [
        (copy["kind"], copy["name"], copy["method"], _of(copy), copy["guarantee"], copy["why"])
        for copy in plan["copies"]
    ]
    print_table("Plan", ("kind", "name", "method", "records", "guarantee", "why"), rows)
    ways = [
        (copy["name"], one["how"], _cost(one), one["guarantee"], f"lost: {one['lost']}" if one["lost"] else "taken")
        for copy in plan["copies"]
        for one in copy.get("candidates", ())
    ]
    if ways:
        print_table("Ways to forget", ("model", "how", "expected cost", "guarantee", "which"), ways)
    if words := release.planned(opened.policy, request, plan.get("release")):
        answer(None, as_json=False, text=f"Release: {'; '.join(words)}.")
    if told:
        whom = [(one.name, one.kind, ", ".join(had.name for had in one.has)) for one in told]
        print_table("Recipients to be told", ("name", "kind", "has"), whom)


@app.command()
def approve(
    request_ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="One request, or several.")] = None,
    *,
    workspace: WorkspaceDir,
    due_within: Annotated[
        int | None,
        typer.Option(metavar="DAYS", min=0, max=36_500, help="All planned requests that are due within so many days."),
    ] = None,
    keys: Keys = None,
    actor: Actor = None,
    as_json: Json = False,
) -> None:
    """Approve what was planned."""
    from expunge.erasure import decide, requests

    if bool(request_ids) == (due_within is not None):
        raise InputError("name requests, or --due-within DAYS.", mend="Give one of the two.")
    opened = open_at(workspace, keys, actor)
    opened.authorise(Action.REQUEST_APPROVE)
    ids = decide.due_within(opened, due_within) if due_within is not None else request_ids or []
    with opened.vault.transaction() as connection:
        already = {one for one in ids if requests.load(connection, one).state is State.APPROVED}
    approved = decide.approve_all(opened, ids)
    values = [request.to_dict() for request in approved]
    text = "\n".join(
        f"{one.id} is approved already, by {one.approver}; due {one.due}." if one.id in already else _line(one)
        for one in approved
    )
    answer(values[0] if len(values) == 1 else values, as_json=as_json, text=text or "Nothing was to be approved.")


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
def hold(
    request_id: Id,
    *,
    workspace: WorkspaceDir,
    ground: Annotated[str, typer.Option(help="Hold ground of the law or of a policy pack, such as 17(3)(e).")],
    until: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The first day on which it holds no longer.")
    ] = None,
    start: Annotated[
        datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d"], help="Or the day from which the ground's own period runs."),
    ] = None,
    keys: Keys = None,
    actor: Actor = None,
    as_json: Json = False,
) -> None:
    """Hold a request until a day, and write the letter; it resumes by itself. The rest of its batch stays approved."""
    from expunge.erasure import holding

    opened = open_at(workspace, keys, actor)
    request = holding.hold(opened, request_id, ground, until and until.date(), start and start.date())
    answer(request.to_dict(), as_json=as_json, text=_line(request))


@app.command()
def resume(
    request_id: Id, *, workspace: WorkspaceDir, keys: Keys = None, actor: Actor = None, as_json: Json = False
) -> None:
    """End a hold before its day; the request is planned again."""
    from expunge.erasure import holding

    request = holding.resume(open_at(workspace, keys, actor), request_id)
    answer(request.to_dict(), as_json=as_json, text=_line(request))


@app.command()
def extend(
    request_id: Id,
    *,
    workspace: WorkspaceDir,
    reason: Annotated[str, typer.Option(help="Why more time is needed; the letter says it. Must name nobody.")],
    keys: Keys = None,
    actor: Actor = None,
    as_json: Json = False,
) -> None:
    """Take more time to answer, once, inside the first period, and write the letter."""
    from expunge.erasure import extending

    request = extending.extend(open_at(workspace, keys, actor), request_id, reason)
    answer(request.to_dict(), as_json=as_json, text=_line(request))


@app.command()
def withdraw(
    request_id: Id, *, workspace: WorkspaceDir, keys: Keys = None, actor: Actor = None, as_json: Json = False
) -> None:
    """Close a request that the person takes back, until the keys are gone. The rest of its batch stays approved."""
    from expunge.erasure import withdrawing

    request = withdrawing.withdraw(open_at(workspace, keys, actor), request_id)
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


def _of(copy: dict[str, str]) -> str:
    return f"{int(copy['records']):,} of {int(copy['of_records']):,}" if int(copy["records"]) else "0"


def _cost(candidate: dict[str, str]) -> str:
    """Say how long a way is expected to take, what that rests on, and the state that has to be opened."""
    memory = f", {int(candidate['memory']) / 1e6:.1f} MB" if candidate["memory"] else ""
    return f"{duration(float(candidate['seconds']))} ({candidate['basis']}){memory}"


def _line(request: Request) -> str:
    if request.outcome is Outcome.REFUSED and request.ground == "no-data":
        return f"{request.id} is closed: nothing is held of this person, or nothing any more."
    if request.outcome is Outcome.REFUSED:
        return f"{request.id} was refused, ground {request.ground}."
    if request.outcome is Outcome.WITHDRAWN:
        return f"{request.id} was withdrawn."
    if request.state is State.PLANNED:
        return f"{request.id} is planned, due {request.due}. Approve it with: expunge request approve {request.id}"
    if request.state is State.HELD and request.hold:
        return (
            f"{request.id} is held under {request.hold.ground} until {request.hold.until}; then it goes on by itself."
        )
    return f"{request.id} is {request.state}, due {request.due}."
