"""`expunge due`: what is due, late, blocked, and why."""

from __future__ import annotations

from typing import Annotated

import typer

from expunge.cli.options import Actor, Json, Keys, WorkspaceDir, answer, open_at, print_table


def due(
    *,
    workspace: WorkspaceDir,
    within: Annotated[
        int | None, typer.Option(metavar="DAYS", min=0, max=36_500, help="Only what is late or due in so many days.")
    ] = None,
    keys: Keys = None,
    actor: Actor = None,
    as_json: Json = False,
) -> None:
    """List the open requests, late ones first: what each waits for, and the command that brings it on."""
    from expunge.erasure.due import overview

    lines = overview(open_at(workspace, keys, actor), within)
    if as_json:
        answer([line.to_dict() for line in lines], as_json=True)
        return
    if not lines:
        answer(None, as_json=False, text="Nothing is due.")
        return
    rows = [
        (
            line.request.id,
            line.request.law.upper(),
            line.request.received.date().isoformat(),
            line.request.due.isoformat(),
            f"LATE by {-line.days_left}" if line.late else str(line.days_left),
            line.request.state,
            "; ".join(
                part
                for part in (line.blocked, line.confirm_by and f"receipt must be confirmed by {line.confirm_by}")
                if part
            ),
            line.following,
        )
        for line in lines
    ]
    print_table("Due", ("id", "law", "received", "due", "days left", "state", "waits for", "next"), rows)
