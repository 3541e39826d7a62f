"""`expunge log`: verify, checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from expunge.access.actions import Action
from expunge.cli.options import Actor, Json, Keys, WorkspaceDir, answer, open_at

app = typer.Typer(help="The audit log.", no_args_is_help=True)


@app.command()
def verify(
    *,
    workspace: WorkspaceDir,
    since: Annotated[
        Path | None,
        typer.Option(
            metavar="CHECKPOINT",
            help="A checkpoint that was kept elsewhere, or a certificate, which has one. Only this shows that the log "
            "was cut back, restored or signed anew.",
        ),
    ] = None,
    keys: Keys = None,
    actor: Actor = None,
    as_json: Json = False,
) -> None:
    """Check the log against every checkpoint that was signed and kept here, and against one that was kept elsewhere."""
    from expunge.workspace import journal

    opened = open_at(workspace, keys, actor)
    opened.authorise(Action.LOG_VERIFY)
    pinned = None if since is None else journal.read_pinned(since)
    with opened.vault.transaction() as connection:
        found = journal.verify(opened, connection, pinned)
    later = found.entries - max(found.covered, found.pinned or 0)
    against = f"{found.checkpoints} signed checkpoints kept beside it, the last of {found.covered} entries"
    lines = [f"VERIFIED: the log of {found.entries} entries agrees with {against}."]
    if found.pinned is None:
        lines.append("NOT RUN: no checkpoint that was kept elsewhere was given (--since): a fork would not show.")
    else:
        lines.append(f"VERIFIED: its first {found.pinned} entries are those of the checkpoint in {since}.")
    if later:
        lines.append(f"NOT RUN: {later} later entries are under no checkpoint; the next command signs one.")
    value = {
        "verified": True,
        "entries": found.entries,
        "covered": found.covered,
        "checkpoints": found.checkpoints,
        "pinned": found.pinned,
    }
    answer(value, as_json=as_json, text="\n".join(lines))


@app.command()
def checkpoint(
    *,
    workspace: WorkspaceDir,
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where nothing is yet; then to be kept elsewhere.")],
    keys: Keys = None,
    actor: Actor = None,
    as_json: Json = False,
) -> None:
    """Write the signed head of the log, to be kept where nobody who can write the workspace can."""
    from expunge.vault.store import write_new
    from expunge.workspace import journal

    note = journal.checkpoint(open_at(workspace, keys, actor))
    write_new(out, note.encode())
    size = int(note.splitlines()[1])
    answer(
        {"file": str(out), "entries": size},
        as_json=as_json,
        text=f"Wrote the head of the log, {size} entries, to {out}. Keep it elsewhere; later: expunge log verify "
        f"--since {out}",
    )
