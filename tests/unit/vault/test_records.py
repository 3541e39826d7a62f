"""Records at rest: read as written, in their own place only, and gone when purged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, update

from expunge.domain.subject import SubjectId
from expunge.errors import CorruptedError, KeyDestroyedError
from expunge.vault import codec, records, subjects
from expunge.vault.database import RECORD, SEGMENT
from expunge.vault.rotation import rewrap
from expunge.vault.store import Vault

LAYOUT: codec.Layout = (("age", "number"), ("note", "text"))
PLACE = ("D-1", 1)


def rows_of(owners: list[SubjectId]) -> codec.Rows:
    notes = np.empty(len(owners), dtype=object)
    notes[:] = [None if number % 3 == 2 else f"note-{number} of {owner}" for number, owner in enumerate(owners)]
    return codec.Rows(owners, {"age": np.arange(len(owners), dtype=np.float64), "note": notes})


def enter(vault: Vault, owners: list[SubjectId], place: tuple[str, int] = PLACE) -> dict[SubjectId, bytes]:
    with vault.transaction() as connection:
        known = subjects.find(vault, connection, "D-1", owners)
        fresh, _ = subjects.enrol(vault, connection, "D-1", [owner for owner in owners if owner not in known])
        refs = known | fresh
        keys = subjects.keys_of(vault, connection, refs.values())
        counts = records.write(vault, connection, place, LAYOUT, rows_of(owners), refs, keys)
        assert counts == {refs[owner]: owners.count(owner) for owner in owners}
    return refs


def notes(vault: Vault, dataset: str = "D-1", only: set[bytes] | None = None) -> list[tuple[SubjectId, float, str]]:
    with vault.transaction() as connection:
        found = records.read(vault, connection, dataset, LAYOUT, only)
    return list(zip(found.subjects, found.columns["age"].tolist(), found.columns["note"].tolist(), strict=True))


def file_of(vault: Vault) -> Path:
    (path,) = vault.segments.iterdir()
    return path


def test_rows_are_read_as_they_were_written(vault: Vault) -> None:
    refs = enter(vault, [3, 1, 3, 2])
    assert notes(vault) == [(3, 0, "note-0 of 3"), (3, 2, None), (1, 1, "note-1 of 1"), (2, 3, "note-3 of 2")]
    assert notes(vault, only={refs[1]}) == [(1, 1, "note-1 of 1")]
    assert notes(vault, only=set()) == []
    assert notes(vault, "D-2") == []


def test_nothing_stands_in_clear_on_disk(vault: Vault) -> None:
    enter(vault, ["Wilhelmina", "Wilhelmina"])
    for path in (path for path in vault.folder.rglob("*") if path.is_file()):
        assert b"Wilhelmina" not in path.read_bytes()
        assert b"note-0" not in path.read_bytes()


def test_a_purged_person_is_gone_and_everybody_else_stays(vault: Vault) -> None:
    refs = enter(vault, [1, 2, 1, 3])
    enter(vault, [4, 1], ("D-2", 1))
    enter(vault, [5], ("D-2", 1))
    kept = {path.name: path.read_bytes() for path in vault.segments.iterdir()}
    rest = [row for row in notes(vault) if row[0] != 1], [row for row in notes(vault, "D-2") if row[0] != 1]
    with vault.transaction() as connection:
        assert records.purge(vault, connection, [refs[1]]) == 2
    with vault.transaction() as connection:
        assert records.collect(vault, connection) == 2
        assert records.check_segments(vault, connection) == []
        assert refs[1] not in records.holders(connection, "D-1") | records.holders(connection, "D-2")
        assert records.purge(vault, connection, [refs[1]]) == 0
    assert (notes(vault), notes(vault, "D-2")) == rest
    names = {path.name for path in vault.segments.iterdir()}
    assert len(names & kept.keys()) == 1, "a segment that held none of them is not rewritten"


def test_a_segment_whose_last_person_leaves_is_empty(vault: Vault) -> None:
    refs = enter(vault, [1])
    with vault.transaction() as connection:
        records.purge(vault, connection, refs.values())
    with vault.transaction() as connection:
        records.collect(vault, connection)
        assert records.check_segments(vault, connection) == []
    assert file_of(vault).read_bytes() == records.MAGIC
    assert notes(vault) == []


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(1, 5), min_size=1, max_size=8), st.sets(st.integers(1, 5)))
def test_purging_equals_never_having_written(vault: Vault, owners: list[SubjectId], leaving: set[SubjectId]) -> None:
    refs = enter(vault, owners)
    before = notes(vault)
    with vault.transaction() as connection:
        records.purge(vault, connection, [refs[one] for one in leaving & set(owners)])
    assert notes(vault) == [row for row in before if row[0] not in leaving]
    with vault.transaction() as connection:
        records.purge(vault, connection, records.holders(connection, "D-1"))
        connection.execute(delete(SEGMENT))
        records.collect(vault, connection)


def test_until_the_transaction_commits_the_old_file_is_there(vault: Vault) -> None:
    refs = enter(vault, [1, 2])
    before = notes(vault)
    with pytest.raises(RuntimeError, match="killed"), vault.transaction() as connection:  # noqa: PT012  # cut short in the middle
        records.purge(vault, connection, [refs[1]])
        raise RuntimeError("killed")
    assert notes(vault) == before
    with vault.transaction() as connection:
        assert any("unknown" in fault for fault in records.check_segments(vault, connection))
        assert records.collect(vault, connection) == 1
    assert notes(vault) == before


@pytest.mark.parametrize("position", [0, 7, 8, 20, 40, -1])
def test_any_flipped_byte_of_a_segment_is_found(vault: Vault, position: int) -> None:
    enter(vault, [1, 2])
    content = bytearray(file_of(vault).read_bytes())
    content[position] ^= 1
    file_of(vault).write_bytes(content)
    with pytest.raises(CorruptedError):
        notes(vault)


def test_a_cut_segment_is_found(vault: Vault) -> None:
    enter(vault, [1, 2])
    path = file_of(vault)
    path.write_bytes(path.read_bytes()[:-1])
    with vault.transaction() as connection:
        assert any("on disk" in fault for fault in records.check_segments(vault, connection))
    with pytest.raises(CorruptedError):
        notes(vault)
    path.unlink()
    with pytest.raises(CorruptedError, match="missing"):
        notes(vault)


def test_bytes_that_no_record_owns_are_found(vault: Vault) -> None:
    refs = enter(vault, [1, 2])
    with vault.transaction() as connection:
        assert records.check_segments(vault, connection) == []
        connection.execute(delete(RECORD).where(RECORD.c.ref == refs[1]))
        assert any("no record" in fault for fault in records.check_segments(vault, connection))
    with file_of(vault).open("ab") as file:
        file.write(b"more")
    with vault.transaction() as connection:
        assert any("on disk" in fault for fault in records.check_segments(vault, connection))


def test_a_ciphertext_moved_to_another_place_does_not_open(vault: Vault) -> None:
    """Same person, same key, same bytes: but another dataset, dataset version or record."""
    enter(vault, [1])
    for change in ({"dataset_id": "D-2"}, {"dataset_version": 2}):
        with vault.transaction() as connection:
            connection.execute(update(SEGMENT).values(**change))
            dataset = change.get("dataset_id", "D-1")
            with pytest.raises(CorruptedError):
                records.read(vault, connection, str(dataset), LAYOUT)
            connection.execute(update(SEGMENT).values(dataset_id="D-1", dataset_version=1))
    with vault.transaction() as connection:
        connection.execute(update(RECORD).values(record_id=bytes(16)))
        with pytest.raises(CorruptedError):
            records.read(vault, connection, "D-1", LAYOUT)


def test_two_persons_ciphertexts_cannot_change_places(vault: Vault) -> None:
    refs = enter(vault, [1, 2])
    with vault.transaction() as connection:
        found = {row.ref: row for row in connection.execute(select(RECORD))}
        for one, other in ((1, 2), (2, 1)):
            place = found[refs[other]]
            spot = {"offset": place.offset, "length": place.length}
            connection.execute(update(RECORD).where(RECORD.c.ref == refs[one]).values(**spot))
        with pytest.raises(CorruptedError):
            records.read(vault, connection, "D-1", LAYOUT)


def test_records_without_a_key_are_destroyed_not_skipped(vault: Vault) -> None:
    refs = enter(vault, [1, 2])
    with vault.transaction() as connection:
        rewrap(vault, connection, [refs[1]], ())
        with pytest.raises(KeyDestroyedError):
            records.read(vault, connection, "D-1", LAYOUT, refs.values())
