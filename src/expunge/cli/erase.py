"""`expunge erase`: from approved to certified."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from expunge.cli.options import Actor, Json, Keys, WorkspaceDir, answer, open_at, progress_console
from expunge.domain.request import STEPS, State
from expunge.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from expunge.domain.request import Request
    from expunge.erasure.execute import Done
    from expunge.workspace.folder import Workspace


def erase(
    request_ids: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="Approved requests; they go in one batch.")
    ] = None,
    *,
    workspace: WorkspaceDir,
    due_within: Annotated[
        int | None,
        typer.Option(metavar="DAYS", min=0, max=36_500, help="All approved requests that are due within so many days."),
    ] = None,
    keys: Keys = None,
    actor: Actor = None,
    as_json: Json = False,
) -> None:
    """Erase the people of approved requests from every copy, verify it, and sign a certificate.

    If it is cut short, give the same command again: it goes on where it ended.
    """
    from expunge.erasure import due, execute

    if bool(request_ids) == (due_within is not None):
        raise InputError("name requests, or --due-within DAYS.", mend="Give one of the two.")
    opened = open_at(workspace, keys, actor)
    held: Sequence[Request] = ()
    if due_within is not None:
        request_ids = execute.due_within(opened, due_within)
        held = due.held_within(opened, due_within)
    done = run(opened, request_ids or [], quiet=as_json)
    _print(opened, done, held, as_json=as_json)


def run(workspace: Workspace, ids: Sequence[str], *, quiet: bool) -> Done:
    """Erase, with a progress bar where somebody watches."""
    from expunge.erasure import execute

    columns = (TextColumn("{task.description:<12}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    hidden = quiet or not progress_console.is_terminal
    with Progress(*columns, console=progress_console, transient=True, disable=hidden) as bar:
        task = bar.add_task("starting", total=len(STEPS))

        def reached(state: State) -> None:
            bar.update(task, description=state.value, completed=STEPS.index(state) + 1)

        return execute.erase(workspace, ids, reached)


def finished(done: Done) -> set[str]:
    """Return the ids of the requests that are closed."""
    return {request.id for request in done.requests if request.state is State.CLOSED}


def retired(workspace: Workspace, file: str | None) -> list[tuple[str, str]]:
    """Return the names of the models that a certificate says are no more, and why."""
    from expunge.certificates import verify_file

    if file is None:
        return []
    statement = verify_file(Path(file), workspace.folder / "public.pem").statement
    return [
        (copy.name, f"retired: {copy.guarantee_in_words}")
        for copy in statement.copies
        if copy.kind == "model" and copy.version_after is None
    ]


def _print(workspace: Workspace, done: Done, held: Sequence[Request], *, as_json: bool) -> None:
    file = None if done.certificate is None else str(workspace.certificates / f"{done.certificate}.json")
    value = {
        "certificate": done.certificate,
        "certificate_file": file,
        "batch": done.batch,
        "requests": [request.to_dict() for request in done.requests],
        "sent_back": [{"id": request.id, "reason": reason} for request, reason in done.sent_back],
        "waiting": None if done.waiting is None else done.waiting.to_dict(),
        "held": [request.id for request in held],
    }
    lines = [f"{request.id} is {request.state}: {request.outcome}." for request in done.requests]
    lines += [f"{one.id} is held until {one.hold.until}: left out." for one in held if one.hold]
    lines += [f"{one.id} needs approval again: {why}." for one, why in done.sent_back if one.id not in finished(done)]
    if done.waiting is not None:
        lines.append(f"{', '.join(done.waiting.requests)}: {done.waiting}.")
    lines += [f"Model {name} was {why}." for name, why in retired(workspace, file)]
    lines.append(f"Certificate: {file}" if file else "Nothing was erased.")
    answer(value, as_json=as_json, text="\n".join(lines))
