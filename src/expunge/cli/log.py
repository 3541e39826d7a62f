"""`expunge log`: verify."""

from __future__ import annotations

import typer

from expunge.access.actions import Action
from expunge.cli.options import Actor, Json, Keys, WorkspaceDir, answer, open_at

app = typer.Typer(help="The audit log.", no_args_is_help=True)


@app.callback()
def _log() -> None:
    """Keep `verify` a verb of its own while it is the only one."""


@app.command()
def verify(*, workspace: WorkspaceDir, keys: Keys = None, actor: Actor = None, as_json: Json = False) -> None:
    """Check the log against every checkpoint that was signed."""
    from expunge.workspace import journal

    opened = open_at(workspace, keys, actor)
    opened.authorise(Action.LOG_VERIFY)
    with opened.vault.transaction() as connection:
        found = journal.verify(opened, connection)
    later = found.entries - found.covered
    answer(
        {"verified": True, "entries": found.entries, "covered": found.covered, "checkpoints": found.checkpoints},
        as_json=as_json,
        text=f"VERIFIED: {found.covered} entries agree with {found.checkpoints} signed checkpoints."
        + (f" NOT RUN: {later} later entries are under no checkpoint; the next command signs one." if later else ""),
    )
