"""Datasets: all of a table or nothing, and what is read back is what was given."""

from __future__ import annotations

import pandas as pd
import pytest
from sqlalchemy import func, select

from expunge.datasets import Table, checked, declare, read_frame, refreshed
from expunge.domain.schema import Role
from expunge.errors import InputError, NotFoundError
from expunge.log.sparse import members_root
from expunge.vault import records, subjects
from expunge.vault.database import RECORD
from expunge.workspace import data, journal, members
from expunge.workspace.folder import Workspace


def table_of(frame: pd.DataFrame, **said: object) -> Table:
    raw = read_frame(frame)
    return checked(raw, declare(raw.names, subject="patient", target="sick", **said))  # type: ignore[arg-type]


def loaded(workspace: Workspace, name: str) -> Table:
    dataset = data.show(workspace, name)
    with workspace.vault.transaction() as connection:
        return data.load(workspace, connection, dataset.id)


def test_a_table_comes_back(workspace: Workspace, people: pd.DataFrame) -> None:
    table = table_of(people)
    made = data.add(workspace, "again", table)
    back = loaded(workspace, "again")
    assert made == data.show(workspace, "again")
    assert (made.records, made.subjects, made.version) == (len(people), people["patient"].nunique(), 1)
    assert back.schema == data.with_its_task(table.schema)
    assert back.subjects.tolist() == table.subjects.tolist()
    pd.testing.assert_frame_equal(back.frame, table.frame)


def test_ignored_columns_are_not_kept(workspace: Workspace, people: pd.DataFrame) -> None:
    data.add(workspace, "less", table_of(people, roles=["name=ignored", "note=ignored"]))
    back = loaded(workspace, "less")
    assert {column.name for column in back.schema.columns} == {"patient", "age", "amount", "ward", "sick"}
    assert not back.schema.with_role(Role.IGNORED)


@pytest.mark.parametrize("name", ["visits", "", "a b", "../x", "-x", "x" * 65, "é"])
def test_a_taken_or_impossible_name_stores_nothing(workspace: Workspace, people: pd.DataFrame, name: str) -> None:
    with workspace.vault.transaction() as connection:
        before = connection.execute(select(func.count()).select_from(RECORD)).scalar(), journal.size(connection)
    with pytest.raises(InputError, match=repr(name)):
        data.add(workspace, name, table_of(people))
    with workspace.vault.transaction() as connection:
        after = connection.execute(select(func.count()).select_from(RECORD)).scalar(), journal.size(connection)
        assert records.check_segments(workspace.vault, connection) == []
    assert before == after


def test_one_person_in_two_datasets_has_a_key_in_each(workspace: Workspace, people: pd.DataFrame) -> None:
    made = data.add(workspace, "again", table_of(people))
    visits = data.show(workspace, "visits")
    with workspace.vault.transaction() as connection:
        found = subjects.everywhere(workspace.vault, connection, [71001])
        keys = subjects.keys_of(workspace.vault, connection, found)
        held = [members.commitments(connection, dataset.id) for dataset in (made, visits)]
    assert sorted(found.values()) == sorted([(made.id, 71001), (visits.id, 71001)])
    assert len(set(keys.values())) == 2
    assert held[0].keys().isdisjoint(held[1].keys())
    assert set(held[0].values()).isdisjoint(held[1].values()), "members of two objects cannot be linked"
    assert data.names(workspace) == ["again", "visits"]


def test_confirming_declares_and_keeps_the_rows(workspace: Workspace, people: pd.DataFrame) -> None:
    made = data.add(workspace, "fresh", table_of(people))
    assert made.schema.inferred
    before = loaded(workspace, "fresh")
    files = {path.name for path in workspace.vault.blobs.iterdir()}
    done = data.confirm(workspace, "fresh")
    assert done.schema.inferred == ()
    low, high = done.schema["amount"].low, done.schema["amount"].high
    assert low is not None
    assert high is not None
    assert low <= people["amount"].min() < people["amount"].max() <= high
    assert (low, high) != (people["amount"].min(), people["amount"].max()), "widened, else the ends are somebody's"
    pd.testing.assert_frame_equal(loaded(workspace, "fresh").frame, before.frame)
    assert len(files - {path.name for path in workspace.vault.blobs.iterdir()}) == 1, "the old schema is gone"
    assert done.members_root == made.members_root


def test_rows_of_some_people(workspace: Workspace, people: pd.DataFrame) -> None:
    dataset = data.show(workspace, "visits")
    with workspace.vault.transaction() as connection:
        refs = subjects.find(workspace.vault, connection, dataset.id, [71001, 71014])
        some = data.load(workspace, connection, dataset.id, list(refs.values()))
        rest = data.load_remaining(workspace, connection, dataset.id, list(refs.values()))
    assert set(some.subjects.tolist()) == {71001, 71014}
    assert some.n_rows + rest.n_rows == len(people)
    assert {71001, 71014}.isdisjoint(rest.subjects.tolist())


def test_what_remains_is_inferred_afresh(workspace: Workspace, people: pd.DataFrame) -> None:
    dataset = data.add(workspace, "fresh", table_of(people))
    with workspace.vault.transaction() as connection:
        refs = subjects.find(workspace.vault, connection, dataset.id, [71001])
        rest = data.load_remaining(workspace, connection, dataset.id, list(refs.values()))
        assert data.load_schema(workspace, connection, dataset.id)["amount"].high == 9999.5
    assert rest.schema == data.with_its_task(refreshed(table_of(people[people["patient"] != 71001])).schema)
    assert rest.schema["amount"].high == people["amount"][people["patient"] != 71001].max()


def test_the_members_root_is_that_of_the_members(workspace: Workspace) -> None:
    dataset = data.show(workspace, "visits")
    with workspace.vault.transaction() as connection:
        held = members.commitments(connection, dataset.id)
    assert dataset.members_root == members_root(held.values()).hex()


def test_an_unknown_dataset_is_not_found_and_the_known_are_named(workspace: Workspace) -> None:
    with pytest.raises(NotFoundError, match=r"'none'.*visits"):
        data.show(workspace, "none")
    with pytest.raises(NotFoundError):
        data.confirm(workspace, "none")


def test_the_json_form_names_nobody(workspace: Workspace) -> None:
    assert "71001" not in str(data.show(workspace, "visits").to_dict())
