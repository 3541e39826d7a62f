"""Datasets in a workspace: imported, listed, confirmed, read back.

Invariants
----------
- An import is one transaction: all of the table or nothing.
- Columns with the role *ignored* are checked and then not kept: what nobody uses is not stored.
- The schema may hold values of people (inferred ranges), so it is sealed like the records.
- Nobody who is in the suppression ledger is stored.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import Connection, Row, func, insert, select, update

from expunge.access.actions import Action, Purpose
from expunge.datasets import Table, refreshed
from expunge.datasets import confirm as confirmed
from expunge.domain.schema import Column, Kind, Role, Schema
from expunge.domain.subject import SubjectKind, parse_subject
from expunge.errors import InputError, NotFoundError, SuppressedError, UnknownSubjectError
from expunge.vault import blobs, codec, records, subjects
from expunge.vault.database import DATASET
from expunge.vault.store import now
from expunge.workspace import journal, members, suppression
from expunge.workspace.folder import Workspace
from expunge.workspace.reading import reading
from expunge.workspace.underway import refuse_while_erasing

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True)
class Dataset:
    """One dataset as it stands.

    Parameters
    ----------
    id : str
        Opaque object id.
    name : str
    version : int
    schema : Schema
    subjects, records : int
    members_root : str
    created : str
    set_aside : int
        Erased people whom its import left out; of their rows nothing is stored.
    """

    id: str
    name: str
    version: int
    schema: Schema
    subjects: int
    records: int
    members_root: str
    created: str
    set_aside: int

    def to_dict(self) -> dict[str, Any]:
        """Return the form that the command line prints as JSON."""
        return {
            "id": self.id,
            "name": self.name,
            "version": self.version,
            "subjects": self.subjects,
            "records": self.records,
            "members_root": self.members_root,
            "created": self.created,
            "set_aside": self.set_aside,
            "schema": self.schema.to_dict(),
        }


def valid_name(name: str) -> str:
    """Return the name of a dataset or model, or refuse it."""
    if not _NAME.fullmatch(name):
        raise InputError(f"{name!r} is no name.", mend="Use up to 64 letters, digits, dots, dashes and underscores.")
    return name


def add(workspace: Workspace, name: str, table: Table, on_suppressed: str | None = None) -> Dataset:
    """Import a table that passed its checks, without whoever was erased before.

    Parameters
    ----------
    on_suppressed : {"refuse", "quarantine"}, optional
        What becomes of a table in which erased people stand; may only be stricter than policy, which is the default.

    Raises
    ------
    InputError
        Where the name is taken or is no name; nothing is stored.
    SuppressedError
        Where erased people stand in the table, and policy or the caller refuses such a table as a whole.
    PolicyError
        Where `on_suppressed` is laxer than policy.
    WorkspaceBusyError
        Where an erasure is not finished.
    """
    workspace.authorise(Action.DATASET_ADD)
    valid_name(name)
    strictness = suppression.strictness(workspace.policy, on_suppressed)
    with journal.recording(workspace):
        try:
            with workspace.vault.transaction() as connection:
                _store(workspace, connection, name, table, strictness)
        except SuppressedError as error:  # nothing is stored but that somebody tried: each try tells who is erased
            with workspace.vault.transaction() as connection:
                journal.append(workspace, connection, "import refused", suppressed=error.people)
                journal.sign_head(workspace, connection)
            raise
    return _seen(workspace, name)


def _store(workspace: Workspace, connection: Connection, name: str, table: Table, strictness: str) -> None:
    refuse_while_erasing(connection)
    if connection.execute(select(DATASET.c.id).where(DATASET.c.name == name)).scalar() is not None:
        raise InputError(f"there is a dataset {name!r} already.", mend="Choose another name.")
    table, set_aside = suppression.screened(workspace, connection, table, strictness)
    number = connection.execute(select(func.count()).select_from(DATASET)).scalar_one() + 1
    dataset = workspace.opaque_id("D", number)
    schema = with_its_task(table.schema)
    schema = schema.replace(column for column in schema.columns if column.role is not Role.IGNORED)
    layout = _layout(schema)
    connection.execute(
        insert(DATASET).values(
            id=dataset,
            name=name,
            version=1,
            schema_blob=put_schema(workspace, connection, schema, layout),
            created=now(),
            set_aside=set_aside,
        )
    )
    ids = table.subjects.tolist()
    refs, keys = subjects.enrol(workspace.vault, connection, dataset, ids)
    rows = codec.Rows(ids, table.arrays())
    counts = records.write(workspace.vault, connection, (dataset, 1), layout, rows, refs, keys)
    members.enter(workspace.vault, connection, dataset, refs, counts, keys)
    facts = {"subjects": len(refs), "records": len(ids), "set_aside": set_aside}
    journal.append(workspace, connection, "dataset added", object=dataset, **facts)


def with_its_task(schema: Schema) -> Schema:
    """Declare the kind of the target: it is the task, and does not turn into another when somebody leaves (ADR 4)."""
    return schema.replace(
        replace(column, inferred=tuple(fact for fact in column.inferred if fact != "kind"))
        if column.role is Role.TARGET
        else column
        for column in schema.columns
    )


def versions(connection: Connection) -> list[tuple[str, str, int]]:
    """Return (id, name, version) of all datasets, by name, without opening anything."""
    query = select(DATASET.c.id, DATASET.c.name, DATASET.c.version).order_by(DATASET.c.name)
    return [(row.id, row.name, row.version) for row in connection.execute(query).all()]


def names(workspace: Workspace) -> list[str]:
    """Return the names of all datasets, sorted."""
    with workspace.vault.transaction() as connection:
        return sorted(row.name for row in connection.execute(select(DATASET.c.name)))


def show(workspace: Workspace, name: str) -> Dataset:
    """Return a dataset by its name, as the actor may see it."""
    workspace.authorise(Action.DATASET_SHOW)
    return _seen(workspace, name)


def listed(workspace: Workspace) -> list[Dataset]:
    """Return all datasets, by name, as the actor may see them."""
    workspace.authorise(Action.DATASET_LIST)
    found = reading(workspace, lambda connection: every(workspace, connection))
    return [_for_actor(workspace, dataset) for dataset in found]


def rows_of(workspace: Workspace, name: str, subject: str, purpose: Purpose) -> Table:
    """Decrypt one person's rows; the log says who read them and what for, not whose they are.

    Raises
    ------
    UnknownSubjectError
        Where the dataset holds nobody of this id; that it was asked is logged too.
    """
    workspace.authorise(Action.RECORDS_READ, purpose=purpose.value)
    with journal.recording(workspace), workspace.vault.transaction() as connection:
        row = by_name(connection, name)
        person = parse_subject(subject, load_schema(workspace, connection, row.id).subject_kind)
        refs = subjects.find(workspace.vault, connection, row.id, [person]).values()
        table = load(workspace, connection, row.id, list(refs))
        told = {"object": row.id, "purpose": purpose.value, "subjects": len(refs), "records": table.n_rows}
        journal.append(workspace, connection, "records read", **told)
    if not refs:
        raise UnknownSubjectError(f"dataset {name!r} holds nobody of this id.", mend="Check how the id is written.")
    return table


def every(workspace: Workspace, connection: Connection) -> list[Dataset]:
    """Return all datasets, by name."""
    rows = connection.execute(select(DATASET).order_by(DATASET.c.name)).all()
    return [describe(workspace, connection, row) for row in rows]


def describe(workspace: Workspace, connection: Connection, row: Row[Any]) -> Dataset:
    """Return the dataset of a database row."""
    subjects_held, records_held = members.totals(connection, row.id)
    schema, _ = get_schema(workspace, connection, row.schema_blob)
    root = members.current_root(connection, row.id)
    return Dataset(row.id, row.name, row.version, schema, subjects_held, records_held, root, row.created, row.set_aside)


def confirm(workspace: Workspace, name: str) -> Dataset:
    """Declare what was inferred, ranges widened to round values: from now on it is not learned (promise 4)."""
    workspace.authorise(Action.DATASET_CONFIRM)
    with journal.recording(workspace):
        with workspace.vault.transaction() as connection:
            refuse_while_erasing(connection)
            row = by_name(connection, name)
            schema, layout = get_schema(workspace, connection, row.schema_blob)
            blob = put_schema(workspace, connection, confirmed(schema), layout)
            connection.execute(update(DATASET).where(DATASET.c.id == row.id).values(schema_blob=blob))
            blobs.drop(connection, row.schema_blob)
            journal.append(workspace, connection, "schema confirmed", object=row.id, facts=len(schema.inferred))
        with workspace.vault.transaction() as connection:
            blobs.collect(workspace.vault, connection)
    return _seen(workspace, name)


def load(workspace: Workspace, connection: Connection, dataset: str, only: Collection[bytes] | None = None) -> Table:
    """Decrypt a dataset's rows, all or those of some subjects; inferred facts are as they were last read."""
    row = connection.execute(select(DATASET).where(DATASET.c.id == dataset)).one()
    schema, layout = get_schema(workspace, connection, row.schema_blob)
    rows = records.read(workspace.vault, connection, dataset, layout, only)
    return Table.from_arrays(schema, rows.subjects, rows.columns)


def load_schema(workspace: Workspace, connection: Connection, dataset: str) -> Schema:
    """Return a dataset's schema as it stands."""
    blob = connection.execute(select(DATASET.c.schema_blob).where(DATASET.c.id == dataset)).scalar_one()
    return get_schema(workspace, connection, blob)[0]


def subject_kinds(workspace: Workspace, connection: Connection) -> set[SubjectKind]:
    """Return the kinds of subject ids that the datasets have."""
    found = connection.execute(select(DATASET.c.schema_blob)).scalars()
    return {get_schema(workspace, connection, blob)[0].subject_kind for blob in found}


def load_remaining(workspace: Workspace, connection: Connection, dataset: str, gone: Collection[bytes]) -> Table:
    """Decrypt the rows of everybody but `gone`, and infer afresh from them what nobody declared."""
    leaving = set(gone)
    stay = [ref for ref in members.commitments(connection, dataset) if ref not in leaving]
    table = load(workspace, connection, dataset, stay)
    return refreshed(table) if table.schema.inferred else table


def put_schema(workspace: Workspace, connection: Connection, schema: Schema, layout: codec.Layout) -> str:
    """Seal a schema with the layout that its records were written in."""
    content = json.dumps({"schema": schema.to_dict(), "layout": [list(cell) for cell in layout]}).encode()
    return blobs.put(workspace.vault, connection, "schema", content)


def get_schema(workspace: Workspace, connection: Connection, blob: str) -> tuple[Schema, codec.Layout]:
    """Open a schema and its layout."""
    content = json.loads(blobs.get(workspace.vault, connection, blob))
    return Schema.from_dict(content["schema"]), tuple((name, cell) for name, cell in content["layout"])


def _seen(workspace: Workspace, name: str) -> Dataset:
    found = reading(workspace, lambda connection: describe(workspace, connection, by_name(connection, name)))
    return _for_actor(workspace, found)


def _for_actor(workspace: Workspace, dataset: Dataset) -> Dataset:
    """Hide what was inferred from people's values and not confirmed, from whoever may not see values."""
    if workspace.may(Action.DATASET_VALUES):
        return dataset
    columns = dataset.schema.columns
    columns = tuple(one if one.declares("range") else replace(one, low=None, high=None) for one in columns)
    columns = tuple(one if one.declares("resolution") else replace(one, resolution=None) for one in columns)
    return replace(dataset, schema=dataset.schema.replace(columns))


def by_name(connection: Connection, name: str) -> Row[Any]:
    """Return a dataset's database row by its name."""
    row = connection.execute(select(DATASET).where(DATASET.c.name == name)).one_or_none()
    if row is None:
        known = ", ".join(sorted(row.name for row in connection.execute(select(DATASET.c.name)))) or "none"
        raise NotFoundError(f"there is no dataset {name!r}.", mend=f"Datasets are: {known}.")
    return row


def _layout(schema: Schema) -> codec.Layout:
    return tuple((column.name, _cell(column)) for column in schema.columns if column.role is not Role.SUBJECT)


def _cell(column: Column) -> codec.Cell:
    return "number" if column.kind is Kind.NUMERIC else "text"
