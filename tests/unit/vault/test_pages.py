"""The key tree in the database: many keys, few rows; a page or a link that is not the tree's own is found."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping

import pytest
from sqlalchemy import Connection, delete, func, insert, select, update

from expunge.errors import CorruptedError
from expunge.vault import pages, subjects
from expunge.vault.database import KEY_PAGE, ROOT
from expunge.vault.keys import Wrapper
from expunge.vault.rotation import destroy_old, rewrap
from expunge.vault.store import LINK, Vault

MANY = 6_000
Held = Mapping[int, bytes]


@pytest.fixture
def refs(vault: Vault) -> dict[int, bytes]:
    """Six thousand people in two datasets: a tree of three levels."""
    with vault.transaction() as connection:
        found, _ = subjects.enrol(vault, connection, "D-1", range(MANY - 500))
        more, _ = subjects.enrol(vault, connection, "D-2", range(MANY - 500, MANY))
    return {one: ref for one, ref in (found | more).items() if isinstance(one, int)}


def held(vault: Vault) -> dict[int, bytes]:
    with vault.transaction() as connection:
        return {row.place: row.content for row in connection.execute(select(KEY_PAGE))}


def erase(vault: Vault, *gone: bytes) -> None:
    with vault.transaction() as connection:
        version = rewrap(vault, connection, gone, ())
    destroy_old(vault, version)


def test_one_erasure_writes_the_way_to_the_root_and_leaves_all_other_pages(vault: Vault, refs: Held) -> None:
    before = held(vault)
    erase(vault, refs[17])
    after = held(vault)
    assert before.keys() == after.keys()
    assert 100 < len(before) < MANY / 30
    assert sum(after[place] != content for place, content in before.items()) == 3


def test_all_keys_but_the_erased_are_read_one_by_one_and_together(vault: Vault, refs: Held) -> None:
    with vault.transaction() as connection:
        before = subjects.keys_of(vault, connection)
    erase(vault, *(refs[one] for one in range(0, MANY, 3)))
    staying = {ref: before[ref] for one, ref in refs.items() if one % 3}
    with vault.transaction() as connection:
        assert subjects.keys_of(vault, connection) == staying
        assert subjects.keys_of(vault, connection, staying) == staying
        assert subjects.keys_of(vault, connection, [refs[1]]) == {refs[1]: before[refs[1]]}
        assert pages.strays(vault, connection) == []


def test_an_import_leaves_the_pages_of_others_alone(vault: Vault, refs: Held) -> None:
    before = held(vault)
    with vault.transaction() as connection:
        subjects.enrol(vault, connection, "D-2", range(MANY, MANY + 1_000))
    after = held(vault)
    assert len(after) - len(before) < 1_000 / 40
    assert sum(after[place] != content for place, content in before.items()) <= 6
    assert len(refs) == MANY


def test_a_page_goes_with_its_last_key(vault: Vault, refs: Held) -> None:
    erase(vault, *refs.values())
    assert held(vault) == {}
    with vault.transaction() as connection:
        assert subjects.keys_of(vault, connection) == {}
        _, keys = subjects.enrol(vault, connection, "D-1", [1, 2])
        assert subjects.keys_of(vault, connection) == keys


def test_a_transaction_that_is_cut_short_leaves_the_old_tree(vault: Vault, refs: Held) -> None:
    before = held(vault)
    with pytest.raises(RuntimeError, match="killed"), vault.transaction() as connection:  # noqa: PT012  # cut short in the middle
        rewrap(vault, connection, [refs[17]], ())
        raise RuntimeError("killed")
    assert held(vault) == before
    with vault.transaction() as connection:
        assert len(subjects.keys_of(vault, connection)) == MANY


def test_every_old_state_of_the_database_is_closed_to_todays_root(vault: Vault, refs: Held) -> None:
    """The old link too: with all old pages put back, neither today's link nor the old one opens who was erased."""
    with vault.transaction() as connection:
        link = connection.execute(select(ROOT.c.tree)).scalar_one()
    old = held(vault)
    erase(vault, refs[17])
    with pytest.raises(CorruptedError):
        Wrapper(1, vault.roots.read(2)).unwrap(link, LINK)
    with pytest.raises(CorruptedError):
        Wrapper(2, vault.roots.read(2)).unwrap(link, LINK)
    with vault.transaction() as connection:
        connection.execute(delete(KEY_PAGE))
        connection.execute(insert(KEY_PAGE), [{"place": place, "content": content} for place, content in old.items()])
        with pytest.raises(CorruptedError, match="of the key tree"):
            subjects.keys_of(vault, connection, [refs[17]])


ERASING = """
import sys
from pathlib import Path
from expunge.vault import subjects
from expunge.vault.rotation import destroy_old, rewrap
from expunge.vault.store import open_vault

vault = open_vault(*map(Path, sys.argv[1:]))
with vault.transaction() as connection:
    refs = sorted(subjects.keys_of(vault, connection))
for first in range(0, len(refs), 40):
    print(first, flush=True)
    with vault.transaction() as connection:
        version = rewrap(vault, connection, refs[first : first + 40], ())
    destroy_old(vault, version)
"""


def test_a_kill_at_a_random_instant_leaves_the_old_tree_or_the_new_one(vault: Vault, refs: Held) -> None:
    chance = random.Random(5)  # noqa: S311 - which instant is no secret
    for _ in range(4):
        with vault.transaction() as connection:
            before = subjects.keys_of(vault, connection)
        batches = chance.randrange(1, 8)
        command = [sys.executable, "-c", ERASING, str(vault.folder), str(vault.keys)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as erasing:
            assert erasing.stdout is not None
            for _ in range(batches):
                assert erasing.stdout.readline()
            time.sleep(chance.uniform(0, 0.05))
            erasing.kill()
        assert erasing.returncode == -signal.SIGKILL
        with vault.transaction() as connection:
            after = subjects.keys_of(vault, connection)
            version = vault.root_version(connection)
            assert pages.strays(vault, connection) == []
        gone = sorted(before)[: len(before) - len(after)]
        assert len(gone) >= 40 * (batches - 1), "whole batches, in their order"
        assert len(gone) % 40 == 0
        assert after == {ref: key for ref, key in before.items() if ref not in set(gone)}
        destroy_old(vault, version)
        assert [one for one in vault.roots.versions() if one <= version] == [version]
        with vault.transaction() as connection:
            assert subjects.keys_of(vault, connection) == after


def swapped(connection: Connection) -> None:
    (one, first), (other, second) = connection.execute(select(KEY_PAGE.c.place, KEY_PAGE.c.content).limit(2)).all()
    for place, content in ((one, second), (other, first)):
        connection.execute(update(KEY_PAGE).where(KEY_PAGE.c.place == place).values(content=content))


def torn(connection: Connection) -> None:
    change = update(KEY_PAGE).where(KEY_PAGE.c.place == 5)
    connection.execute(change.values(content=func.substr(KEY_PAGE.c.content, 1, 500)))


def missing(connection: Connection) -> None:
    connection.execute(delete(KEY_PAGE).where(KEY_PAGE.c.place == 3))


def unlinked(connection: Connection) -> None:
    connection.execute(update(ROOT).values(tree=None))


def other_link(connection: Connection) -> None:
    connection.execute(update(ROOT).values(tree=func.substr(ROOT.c.tree, 2)))


@pytest.mark.parametrize("damage", [swapped, torn, missing, unlinked, other_link])
def test_damage_is_found(vault: Vault, refs: Held, damage: Callable[[Connection], None]) -> None:
    with vault.transaction() as connection:
        assert len(subjects.keys_of(vault, connection)) == len(refs)
        damage(connection)
        with pytest.raises(CorruptedError):
            subjects.keys_of(vault, connection)
        with pytest.raises(CorruptedError):
            rewrap(vault, connection, refs.values(), ())


def test_a_page_that_is_not_in_the_tree_is_named(vault: Vault, refs: Held) -> None:
    with vault.transaction() as connection:
        assert pages.strays(vault, connection) == []
        connection.execute(insert(KEY_PAGE).values(place=9_999, content=b"x" * 100))
        assert pages.strays(vault, connection) == [9_999]
        assert len(subjects.keys_of(vault, connection)) == len(refs)
