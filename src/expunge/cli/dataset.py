"""`expunge dataset`: add, list, show, confirm, rows."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from expunge.access.actions import Action, Purpose
from expunge.cli.options import Actor, Json, Keys, WorkspaceDir, answer, open_at, print_facts, print_table
from expunge.domain.schema import Kind

if TYPE_CHECKING:
    from expunge.datasets import Table
    from expunge.workspace.data import Dataset

MANY: Final = 20
app = typer.Typer(help="Tables with people in them.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="Name of the dataset.")]


@app.command()
def add(
    name: Name,
    file: Annotated[Path, typer.Argument(help="A .csv, .csv.gz or .parquet file.")],
    *,
    workspace: WorkspaceDir,
    subject: Annotated[str, typer.Option(help="Column that says whose record a row is.")],
    target: Annotated[str | None, typer.Option(help="Column that models are to predict.")] = None,
    role: Annotated[
        list[str] | None,
        typer.Option(
            help="May be repeated. Roles: feature, numeric, categorical, direct-identifier, quasi-identifier, "
            "sensitive, free-text, ignored (not stored).",
            metavar="COL=ROLE",
        ),
    ] = None,
    range_: Annotated[
        list[str] | None, typer.Option("--range", help="COL=LO:HI, may be repeated.", metavar="COL=LO:HI")
    ] = None,
    on_suppressed: Annotated[
        str | None,
        typer.Option(
            metavar="refuse|quarantine",
            help="Where erased people stand in the table: refuse it, or leave their rows out, of which then nothing is "
            "stored. May be stricter than policy, not laxer.",
        ),
    ] = None,
    keys: Keys = None,
    actor: Actor = None,
    as_json: Json = False,
) -> None:
    """Import a table; if anything is wrong with it, everything that is wrong is listed and nothing is stored.

    Who was erased does not come back by it: see `expunge ledger`.
    """
    from expunge.datasets import checked, declare, read_table
    from expunge.workspace import data

    opened = open_at(workspace, keys, actor)
    opened.authorise(Action.DATASET_ADD)  # before faults of the file are told
    raw = read_table(file)
    declared = declare(raw.names, subject=subject, target=target, roles=role or [], ranges=range_ or [])
    table = checked(raw, declared)
    added = data.add(opened, name, table, on_suppressed)
    for column in names_of_people(table):
        print(
            f"expunge: column {column!r} holds a text of its own for most people, and models would learn it. "
            f"If it names people, import it with --role '{column}=direct-identifier' (or free-text, ignored).",
            file=sys.stderr,
        )
    _show(added, as_json=as_json)


@app.command("list")
def list_(*, workspace: WorkspaceDir, keys: Keys = None, actor: Actor = None, as_json: Json = False) -> None:
    """List the datasets."""
    from expunge.workspace import data

    found = data.listed(open_at(workspace, keys, actor))
    if as_json:
        answer([dataset.to_dict() for dataset in found], as_json=True)
        return
    rows = [
        (one.name, str(one.version), str(one.subjects), str(one.records), str(len(one.schema.inferred)))
        for one in found
    ]
    print_table("Datasets", ("name", "version", "subjects", "records", "facts not confirmed"), rows)


@app.command()
def show(name: Name, *, workspace: WorkspaceDir, keys: Keys = None, actor: Actor = None, as_json: Json = False) -> None:
    """Show a dataset and what is known of its columns, declared and inferred."""
    from expunge.workspace import data

    _show(data.show(open_at(workspace, keys, actor), name), as_json=as_json)


@app.command()
def confirm(
    name: Name, *, workspace: WorkspaceDir, keys: Keys = None, actor: Actor = None, as_json: Json = False
) -> None:
    """Declare what was inferred, with ranges widened to round values: it is then not learned from anybody."""
    from expunge.workspace import data

    _show(data.confirm(open_at(workspace, keys, actor), name), as_json=as_json)


@app.command()
def rows(
    name: Name,
    *,
    workspace: WorkspaceDir,
    subject: Annotated[str, typer.Option(help="The person's id.")],
    purpose: Annotated[Purpose, typer.Option(help="What for; recorded in the audit log.")],
    keys: Keys = None,
    actor: Actor = None,
    as_json: Json = False,
) -> None:
    """Show one person's rows; the audit log says who read them and what for."""
    from expunge.workspace import data

    table = data.rows_of(open_at(workspace, keys, actor), name, subject, purpose)
    if as_json:
        answer(json.loads(table.frame.to_json(orient="records", double_precision=15)), as_json=True)
    else:
        answer(None, as_json=False, text=table.frame.to_csv(index=False).rstrip("\n"))


def names_of_people(table: Table) -> list[str]:
    """Return the undeclared text features in which most people have a text of their own."""
    suspects = [
        column.name
        for column in table.schema.features
        if column.kind is Kind.CATEGORICAL and not column.declares("role")
    ]
    people = len(table.subject_ids())
    return [name for name in suspects if people >= MANY and table.frame[name].nunique() > people / 2]


def _show(dataset: Dataset, *, as_json: bool) -> None:
    if as_json:
        answer(dataset.to_dict(), as_json=True)
        return
    facts = {
        "id": dataset.id,
        "version": dataset.version,
        "subjects": f"{dataset.subjects:,}",
        "records": f"{dataset.records:,}",
        "subject ids": dataset.schema.subject_kind,
        "members root": dataset.members_root,
        "left out": f"{dataset.set_aside:,} who were erased; nothing of them is stored"
        if dataset.set_aside
        else "nobody",
    }
    print_facts(f"Dataset {dataset.name}", facts)
    rows = [
        (
            column.name,
            column.role.value,
            column.kind.value,
            "" if column.low is None or column.high is None else f"{column.low:g} to {column.high:g}",
            "" if column.resolution is None else f"{column.resolution:g}",
            ", ".join(column.inferred),
        )
        for column in dataset.schema.columns
    ]
    print_table("Columns", ("name", "role", "kind", "range", "resolution", "inferred, not confirmed"), rows)
    if dataset.schema.inferred:
        answer(None, as_json=False, text=f"Confirm what is right with: expunge dataset confirm {dataset.name}")
