"""Shredding: afterwards nothing that exists opens what went, and all that stays opens as before."""

from __future__ import annotations

import itertools
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select, update

from expunge.domain.subject import SubjectId
from expunge.errors import CorruptedError, KeyDestroyedError, VaultError
from expunge.vault import blobs, codec, records, subjects, tree
from expunge.vault.database import BLOB_KEY, KEY_PAGE, ROOT
from expunge.vault.keys import Wrapper, unseal
from expunge.vault.rotation import destroy_old, rewrap
from expunge.vault.store import LINK, Vault, open_vault

LAYOUT: codec.Layout = (("age", "number"),)


@dataclass(frozen=True)
class Stored:
    """Subjects 1 to 4 with a record each, and two blobs; 1, 2 and the first blob are to go."""

    refs: dict[SubjectId, bytes]
    gone: str
    kept: str

    @property
    def leaving(self) -> list[bytes]:
        return [self.refs[1], self.refs[2]]


@pytest.fixture
def stored(vault: Vault) -> Stored:
    with vault.transaction() as connection:
        refs, keys = subjects.enrol(vault, connection, "D-1", [1, 2, 3, 4])
        rows = codec.Rows([1, 2, 3, 4], {"age": np.arange(4.0)})
        records.write(vault, connection, ("D-1", 1), LAYOUT, rows, refs, keys)
        return Stored(refs, *(blobs.put(vault, connection, "state", text) for text in (b"old", b"new")))


def shred(vault: Vault, stored: Stored) -> int:
    with vault.transaction() as connection:
        version = rewrap(vault, connection, stored.leaving, [stored.gone])
    destroy_old(vault, version)
    return version


def remaining(vault: Vault, stored: Stored) -> list[object]:
    with vault.transaction() as connection:
        assert blobs.get(vault, connection, stored.kept) == b"new"
        found = records.read(vault, connection, "D-1", LAYOUT, [stored.refs[3], stored.refs[4]])
    return [*found.subjects]


def stored_keys(vault: Vault) -> tuple[bytes, dict[int, bytes]]:
    """What the database holds of the key tree: the sealed link, and the sealed pages."""
    with vault.transaction() as connection:
        link = connection.execute(select(ROOT.c.tree).order_by(ROOT.c.version.desc())).scalars().first()
        assert link is not None
        return link, {row.place: row.content for row in connection.execute(select(KEY_PAGE))}


def every_key(vault: Vault) -> list[bytes]:
    """All keys that a thief of the key folder would have."""
    return [bytes.fromhex(path.read_text()) for path in vault.keys.rglob("*") if path.suffix in {".key", ".secret"}]


def test_what_went_opens_with_no_key_that_exists(vault: Vault, stored: Stored) -> None:
    link, old = stored_keys(vault)
    with vault.transaction() as connection:
        held = subjects.keys_of(vault, connection)
    shred(vault, stored)
    keys = every_key(vault)
    assert len(keys) == 2
    for version, key in itertools.product(range(4), keys):
        with pytest.raises(CorruptedError):
            Wrapper(version, key).unwrap(link, LINK)
    # The same search opens what stays, so it is no blind one.
    (now,) = (key for key in keys if key == vault.roots.read(2))
    link, pages = stored_keys(vault)
    opened = Wrapper(2, now).unwrap(link, LINK)
    staying = {ref: key for ref, key in held.items() if ref not in stored.leaving}
    assert tree.find(opened, lambda _: pages, held) == staying
    # Nor do the old pages open from the new link, which leads to keys that were not there yet.
    with pytest.raises(CorruptedError):
        tree.find(opened, lambda _: old, stored.leaving)


def test_no_key_of_who_went_is_among_those_that_open_now(vault: Vault, stored: Stored) -> None:
    with vault.transaction() as connection:
        before = subjects.keys_of(vault, connection)
    shred(vault, stored)
    with vault.transaction() as connection:
        now = subjects.keys_of(vault, connection)
        assert now == {ref: key for ref, key in before.items() if ref not in stored.leaving}
        with pytest.raises(KeyDestroyedError):
            records.read(vault, connection, "D-1", LAYOUT, stored.leaving)
        with pytest.raises(KeyDestroyedError):
            records.read(vault, connection, "D-1", LAYOUT)


def test_a_whole_backup_with_todays_keys_opens_nothing(vault: Vault, stored: Stored, tmp_path: Path) -> None:
    shutil.copytree(vault.folder, tmp_path / "backup")
    shred(vault, stored)
    old = open_vault(tmp_path / "backup", vault.keys)
    with pytest.raises(KeyDestroyedError, match="version 1"), old.transaction() as connection:
        records.read(old, connection, "D-1", LAYOUT)


def test_what_stays_opens_as_before(vault: Vault, stored: Stored) -> None:
    assert shred(vault, stored) == 2
    assert remaining(vault, stored) == [3, 4]
    assert vault.roots.versions() == [2]
    with vault.transaction() as connection:
        rows = connection.execute(select(ROOT).order_by(ROOT.c.version)).all()
    assert [(row.version, row.destroyed is not None) for row in rows] == [(1, True), (2, False)]
    with pytest.raises(KeyDestroyedError), vault.transaction() as connection:
        blobs.get(vault, connection, stored.gone)


def test_a_kill_between_the_two_halves_loses_nothing(vault: Vault, stored: Stored) -> None:
    with vault.transaction() as connection:
        version = rewrap(vault, connection, stored.leaving, [stored.gone])
    again = open_vault(vault.folder, vault.keys)
    assert again.roots.versions() == [1, 2]
    assert remaining(again, stored) == [3, 4]
    destroy_old(again, version)
    when = destroyed(again)
    destroy_old(again, version)
    assert destroyed(again) == when
    assert again.roots.versions() == [2]
    assert remaining(again, stored) == [3, 4]
    again.engine.dispose()


def destroyed(vault: Vault) -> str | None:
    with vault.transaction() as connection:
        found: str | None = connection.execute(select(ROOT.c.destroyed).where(ROOT.c.version == 1)).scalar_one()
    return found


def test_a_kill_before_the_first_half_commits_changes_nothing(vault: Vault, stored: Stored) -> None:
    before = stored_keys(vault)
    with pytest.raises(RuntimeError, match="killed"), vault.transaction() as connection:  # noqa: PT012  # cut short in the middle
        rewrap(vault, connection, stored.leaving, [stored.gone])
        raise RuntimeError("killed")
    assert stored_keys(vault) == before
    assert vault.roots.versions() == [1, 2], "the new root's file is there, and nothing is wrapped under it"
    with vault.transaction() as connection:
        assert blobs.get(vault, connection, stored.gone) == b"old"
    shred(vault, stored)
    assert remaining(vault, stored) == [3, 4]


def test_what_a_killed_erasure_wrote_does_not_open_under_the_root_of_the_next(vault: Vault, stored: Stored) -> None:
    """Its pages may lie in the database's log, though it never became durable; and the next erases somebody else."""
    with pytest.raises(RuntimeError, match="killed"), vault.transaction() as connection:  # noqa: PT012  # cut short in the middle
        rewrap(vault, connection, [stored.refs[4]], [])
        link = connection.execute(select(ROOT.c.tree).where(ROOT.c.version == 2)).scalar_one()
        pages = {row.place: row.content for row in connection.execute(select(KEY_PAGE))}
        assert stored.refs[1] in tree.find(
            vault.wrapper(connection).unwrap(link, LINK), lambda _: pages, stored.leaving
        )
        raise RuntimeError("killed")
    shred(vault, stored)
    with pytest.raises(CorruptedError):
        Wrapper(2, vault.roots.read(2)).unwrap(link, LINK)
    assert remaining(vault, stored) == [3, 4]


def test_shredding_again_shreds_the_next(vault: Vault, stored: Stored) -> None:
    shred(vault, stored)
    with vault.transaction() as connection:
        version = rewrap(vault, connection, [stored.refs[3]], [])
    destroy_old(vault, version)
    assert vault.roots.versions() == [3]
    with vault.transaction() as connection:
        assert records.read(vault, connection, "D-1", LAYOUT, [stored.refs[4]]).subjects == [4]


def test_a_key_of_another_root_stops_everything(vault: Vault, stored: Stored) -> None:
    with vault.transaction() as connection:
        connection.execute(update(BLOB_KEY).where(BLOB_KEY.c.id == stored.kept).values(root_version=7))
    with pytest.raises(VaultError, match="version 7"):
        shred(vault, stored)
    assert vault.roots.versions() == [1, 2]
    with vault.transaction() as connection:
        assert blobs.get(vault, connection, stored.gone) == b"old"


def test_record_ciphertexts_are_not_touched_by_a_rotation(vault: Vault, stored: Stored) -> None:
    (segment,) = vault.segments.iterdir()
    before = segment.read_bytes()
    shred(vault, stored)
    assert segment.read_bytes() == before
    with pytest.raises(CorruptedError):
        unseal(every_key(vault)[0], before[8:60], b"")
