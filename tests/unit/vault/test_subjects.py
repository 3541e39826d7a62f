"""The database finds people without holding an id of anybody."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from expunge.errors import CorruptedError, KeyDestroyedError
from expunge.vault import subjects
from expunge.vault.database import ROOT
from expunge.vault.rotation import rewrap
from expunge.vault.store import Vault


def test_everybody_is_enrolled_once_and_found_again(vault: Vault) -> None:
    with vault.transaction() as connection:
        refs, keys = subjects.enrol(vault, connection, "D-1", [7, "7", 8, 7])
        assert len(set(refs.values())) == 3
        assert subjects.keys_of(vault, connection) == keys
        assert keys.keys() == set(refs.values())
        assert subjects.find(vault, connection, "D-1", [7, "7", "nobody"]) == {7: refs[7], "7": refs["7"]}


def test_many_are_found_as_few_are(vault: Vault) -> None:
    with vault.transaction() as connection:
        refs, _ = subjects.enrol(vault, connection, "D-1", range(40))
        assert subjects.find(vault, connection, "D-1", range(-600, 30)) == {
            number: refs[number] for number in range(30)
        }


def test_no_id_stands_in_the_database(vault: Vault) -> None:
    with vault.transaction() as connection:
        subjects.enrol(vault, connection, "D-1", ["Wilhelmina Grünwald", 123456789])
    content = b"".join(path.read_bytes() for path in vault.folder.glob("expunge.db*"))
    assert b"Wilhelmina" not in content
    assert b"123456789" not in content


def test_tags_depend_on_the_hash_secret(vault: Vault) -> None:
    other = Vault(vault.folder, vault.keys, vault.engine, bytes(32))
    assert subjects.tag(vault, 7) != subjects.tag(other, 7)
    assert subjects.tag(vault, 7) != subjects.tag(vault, "7")


def test_everyone_has_a_key_of_their_own(vault: Vault) -> None:
    with vault.transaction() as connection:
        refs, _ = subjects.enrol(vault, connection, "D-1", range(5))
        assert len(set(subjects.keys_of(vault, connection).values())) == 5
        assert subjects.keys_of(vault, connection, [refs[2]]).keys() == {refs[2]}


def test_a_subject_without_a_key_is_destroyed_not_skipped(vault: Vault) -> None:
    with vault.transaction() as connection:
        refs, _ = subjects.enrol(vault, connection, "D-1", [1, 2])
        rewrap(vault, connection, [refs[1]], ())
        with pytest.raises(KeyDestroyedError, match="1 subjects have no key"):
            subjects.keys_of(vault, connection, refs.values())


def test_a_key_under_another_root_is_destroyed(vault: Vault) -> None:
    with vault.transaction() as connection:
        subjects.enrol(vault, connection, "D-1", [1])
        connection.execute(update(ROOT).values(version=7))
        with pytest.raises(KeyDestroyedError, match="version 7"):
            subjects.keys_of(vault, connection)


def test_commitments_differ_by_object_and_need_the_key(vault: Vault) -> None:
    with vault.transaction() as connection:
        refs, _ = subjects.enrol(vault, connection, "D-1", [1, 2])
        keys = subjects.keys_of(vault, connection)
    first, second = (subjects.commitments(keys, name, refs) for name in ("D-1", "D-2"))
    assert len({*first.values(), *second.values()}) == 4
    assert subjects.commitments(keys, "D-1", refs) == first
    del keys[refs[1]]
    with pytest.raises(CorruptedError):
        subjects.commitments(keys, "D-1", refs)
