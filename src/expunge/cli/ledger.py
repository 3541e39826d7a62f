"""`expunge ledger`: show, check, release, export, restore, destroy."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from expunge.cli.options import Actor, Json, Keys, WorkspaceDir, answer, open_at, print_facts, print_table
from expunge.domain.request import Law
from expunge.errors import InputError

app = typer.Typer(
    help="The suppression ledger: keyed hashes of erased people, so that they do not come back. Nobody can list it.",
    no_args_is_help=True,
)


@app.command()
def show(*, workspace: WorkspaceDir, keys: Keys = None, actor: Actor = None, as_json: Json = False) -> None:
    """Show how many people are in the ledger, on what legal basis and how long; never who."""
    from expunge.workspace import suppression

    found = suppression.status(open_at(workspace, keys, actor))
    if as_json:
        answer(found.to_dict(), as_json=True)
        return
    facts = {
        "people": f"{found.people:,}",
        "first and last erased": f"{found.oldest}, {found.newest}" if found.oldest else "nobody yet",
        "kept": f"{found.days:,} days" if found.days else "without an end",
        "next to fall away": found.next_end or "nobody",
        "legal basis": found.basis or "none is stated in policy.json",
        "an import with them": "is refused" if found.on_suppressed == "refuse" else "is taken in without them",
    }
    print_facts("Suppression ledger", facts)


@app.command()
def check(
    *,
    workspace: WorkspaceDir,
    certificate: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="A certificate that was kept elsewhere; may be repeated. Needs no ledger."),
    ] = None,
    submit: Annotated[
        bool, typer.Option("--submit", help="Take in an erasure request for everybody who is back (with --law).")
    ] = False,
    law: Annotated[
        Law | None, typer.Option(help="The law of the requests that --submit takes in.", case_sensitive=False)
    ] = None,
    keys: Keys = None,
    actor: Actor = None,
    as_json: Json = False,
) -> None:
    """Look for erased people in every dataset and model, after a restore above all. Exit code 1: some are back.

    They are found by the ledger (restore its exported copy first), and by certificates.
    """
    from expunge.erasure import restored

    if submit and law is None:
        raise InputError("--submit needs to know the law.", mend="Add --law gdpr or --law ccpa.")
    opened = open_at(workspace, keys, actor)
    found = restored.find(opened, certificate or ())
    entered = restored.submit(opened, found, law) if submit and law is not None else ()
    value = {"back": [one.to_dict() for one in found], "submitted": [request.id for request in entered]}
    if as_json or not found:
        answer(value, as_json=as_json, text="Nobody who was erased is back.")
    else:
        rows = [(one.kind, one.name, f"{len(one.people):,}") for one in found]
        print_table("Erased, and back", ("kind", "name", "people"), rows)
        lines = [f"{request.id} is {request.state}, due {request.due}." for request in entered]
        if submit:
            lines.append("Approve and erase as usual. Whoever is back and is not listed has an open request already.")
        else:
            lines.append("Erase them again with: expunge ledger check --submit --law LAW")
        answer(None, as_json=False, text="\n".join(lines))
    if found:
        raise typer.Exit(1)


@app.command()
def release(
    *,
    workspace: WorkspaceDir,
    subject: Annotated[str, typer.Option(help="The person's id, as the erased data spelled it.")],
    reason: Annotated[
        str, typer.Option(help="What the return rests on: new consent, a new contract. Logged; name nobody in it.")
    ],
    keys: Keys = None,
    actor: Actor = None,
    as_json: Json = False,
) -> None:
    """Let a person who returns be imported again."""
    from expunge.workspace import suppression

    suppression.release(open_at(workspace, keys, actor), subject, reason)
    answer({"released": True}, as_json=as_json, text="Released: this person can be imported again.")


@app.command()
def export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where nothing is yet.")],
    *,
    workspace: WorkspaceDir,
    keys: Keys = None,
    actor: Actor = None,
    as_json: Json = False,
) -> None:
    """Write a copy of the ledger, to be kept elsewhere: a backup knows only who was erased before it."""
    from expunge.workspace import ledger_copy

    people = ledger_copy.export(open_at(workspace, keys, actor), file)
    answer(
        {"file": str(file), "people": people},
        as_json=as_json,
        text=f"Wrote {people:,} entries to {file}. It tells nothing without ledger.key; keep the two apart.",
    )


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `expunge ledger export` wrote.")],
    *,
    workspace: WorkspaceDir,
    keys: Keys = None,
    actor: Actor = None,
    as_json: Json = False,
) -> None:
    """Take in from an exported copy whoever is not in the ledger; whoever was released since, release again."""
    from expunge.workspace import ledger_copy

    taken = ledger_copy.restore(open_at(workspace, keys, actor), file)
    answer(
        {"taken": taken},
        as_json=as_json,
        text=f"Took in {taken:,} entries. Now look for these people: expunge ledger check",
    )


@app.command()
def destroy(
    *,
    workspace: WorkspaceDir,
    yes: Annotated[bool, typer.Option("--yes", help="Really: there is no way back.")] = False,
    keys: Keys = None,
    actor: Actor = None,
    as_json: Json = False,
) -> None:
    """Destroy the ledger and its key: every copy of it is anonymous for good, and nobody is stopped any more."""
    from expunge.workspace import suppression

    if not yes:
        raise InputError(
            "everybody who was erased could then be imported again, and nothing brings the ledger back.",
            mend="If that is what you want, add --yes.",
        )
    people = suppression.destroy(open_at(workspace, keys, actor))
    answer({"forgotten": people}, as_json=as_json, text=f"Destroyed: {people:,} people are forgotten.")
