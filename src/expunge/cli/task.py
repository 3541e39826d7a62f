"""`expunge task`: list, show, done, explain. Recipients that are to be told of an erasure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from expunge.access.actions import Action
from expunge.cli.options import Actor, Json, Keys, WorkspaceDir, answer, open_at, print_facts, print_table

if TYPE_CHECKING:
    from expunge.erasure.tasks import Task

app = typer.Typer(help="Recipients that are to be told of an erasure.", no_args_is_help=True)
Id = Annotated[str, typer.Argument(metavar="ID", help="The task's id.")]


@app.command("list")
def list_(
    *,
    workspace: WorkspaceDir,
    all_: Annotated[bool, typer.Option("--all", help="Those that are settled too.")] = False,
    keys: Keys = None,
    actor: Actor = None,
    as_json: Json = False,
) -> None:
    """List the open tasks."""
    from expunge.domain.recipient import Told
    from expunge.erasure import tasks

    opened = open_at(workspace, keys, actor)
    opened.authorise(Action.TASK_LIST)
    with opened.vault.transaction() as connection:
        found = [task for task in tasks.every(connection) if all_ or task.state is Told.OPEN]
    if as_json:
        answer([task.to_dict() for task in found], as_json=True)
        return
    rows = [(one.id, one.request, one.name, one.kind, one.state, one.note or "") for one in found]
    print_table("Tasks", ("id", "request", "recipient", "kind", "state", "note"), rows)


@app.command()
def show(id_: Id, *, workspace: WorkspaceDir, keys: Keys = None, actor: Actor = None, as_json: Json = False) -> None:
    """Show whom to tell what, and who the person is; the log notes that it was shown. Write it to no file."""
    from expunge.erasure import tasks

    opened = open_at(workspace, keys, actor)
    task, recipient, subject = tasks.show(opened, id_)
    letter = opened.letters / task.request / f"recipient-{task.recipient}.txt"
    if as_json:
        has = [one.__dict__ for one in recipient.has]
        answer({**task.to_dict(), "has": has, "subject": subject, "letter": str(letter)}, as_json=True)
        return
    facts: dict[str, object] = {
        "request": task.request,
        "recipient": f"{task.name} ({task.kind})",
        "has": ", ".join(f"{one.name} since {one.at}" for one in recipient.has) or "nothing any more",
        "state": task.state,
        "letter": letter,
        "person": subject,
    }
    print_facts(f"Task {task.id}", facts)


@app.command()
def done(
    id_: Id,
    *,
    workspace: WorkspaceDir,
    note: Annotated[str | None, typer.Option(help="What to remember of it; must name nobody.")] = None,
    keys: Keys = None,
    actor: Actor = None,
    as_json: Json = False,
) -> None:
    """Note that the recipient was told."""
    from expunge.erasure import tasks

    _answer(tasks.done(open_at(workspace, keys, actor), id_, note), as_json=as_json)


@app.command()
def explain(
    id_: Id,
    *,
    workspace: WorkspaceDir,
    why: Annotated[str, typer.Option(help="Why it is impossible, or disproportionate effort; must name nobody.")],
    keys: Keys = None,
    actor: Actor = None,
    as_json: Json = False,
) -> None:
    """Note why the recipient cannot be told (GDPR Art. 19; CCPA 1798.105(c)(1))."""
    from expunge.erasure import tasks

    _answer(tasks.explain(open_at(workspace, keys, actor), id_, why), as_json=as_json)


def _answer(task: Task, *, as_json: bool) -> None:
    answer(task.to_dict(), as_json=as_json, text=f"{task.id}, {task.name}: {task.state}.")
