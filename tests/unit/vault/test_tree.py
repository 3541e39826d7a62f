"""The key tree: who lives is read, who was erased opens in no state of the pages, and no page passes for another."""

from __future__ import annotations

import dataclasses
import hashlib
import random
from collections.abc import Collection, Mapping
from itertools import count

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from expunge.errors import CorruptedError, VaultError
from expunge.vault import tree
from expunge.vault.keys import KEY_BYTES
from expunge.vault.tree import EMPTY, OWNER_BYTES, PLACE_BYTES, Change, change, find, scan

SMALL = 4
"""Records in a page of the small trees below, so that a few dozen keys make several levels."""


class Pages(dict[int, bytes]):
    """Pages in memory, and every page that ever was."""

    def __init__(self) -> None:
        super().__init__()
        self.link = EMPTY
        self.ever: list[tuple[int, bytes]] = []
        self.places = count()

    def fetch(self, places: Collection[int]) -> Mapping[int, bytes]:
        return {place: self[place] for place in places if place in self}

    def change(self, add: Mapping[bytes, bytes], drop: Collection[bytes] = ()) -> Change:
        made = change(self.link, self.fetch, self.places, add, drop)
        for place in made.freed:
            del self[place]
        self.update(made.written)
        self.ever += made.written.items()
        self.link = made.link
        return made

    @property
    def living(self) -> dict[bytes, bytes]:
        return {record[:OWNER_BYTES]: record[OWNER_BYTES:] for record in scan(self.link, self.fetch)}


def owner(number: int) -> bytes:
    return hashlib.sha256(b"%d" % number).digest()[:OWNER_BYTES]


def keys(numbers: Collection[int], drawn: random.Random) -> dict[bytes, bytes]:
    return {owner(number): drawn.randbytes(KEY_BYTES) for number in numbers}


def opens(link: bytes, ever: Collection[tuple[int, bytes]]) -> set[bytes]:
    """Return whatever a thief can open who has one root and every page that ever was: tried without mercy.

    Every key that turns up is tried on every page, at whatever place, and of what opens every 32 bytes are a key.
    """
    found: set[bytes] = set()
    candidates = {link[-KEY_BYTES:]} if link else set()
    while candidates:
        found |= candidates
        fresh: set[bytes] = set()
        for key in candidates:
            for place, sealed in ever:
                try:
                    content = AESGCM(key).decrypt(
                        bytes(12), sealed, b"expunge key page v1|" + place.to_bytes(PLACE_BYTES, "big")
                    )
                except InvalidTag:
                    continue
                size = OWNER_BYTES + (PLACE_BYTES if content[0] else 0) + KEY_BYTES
                fresh |= {content[end - KEY_BYTES : end] for end in range(1 + size, len(content) + 1, size)}
        candidates = fresh - found
    return found


STEPS = st.lists(
    st.tuples(st.sets(st.integers(0, 60), max_size=25), st.sets(st.integers(0, 60), max_size=15)), max_size=6
)


def played(steps: list[tuple[set[int], set[int]]]) -> tuple[Pages, dict[bytes, bytes], dict[bytes, bytes]]:
    """Play insertions and erasures; returns the pages, the keys that live, and those that were erased."""
    pages, drawn = Pages(), random.Random(7)  # noqa: S311 - keys of a test
    living: dict[bytes, bytes] = {}
    erased: dict[bytes, bytes] = {}
    for coming, going in steps:
        fresh = {one: key for one, key in keys(coming, drawn).items() if one not in living}
        pages.change(fresh)
        living |= fresh
        pages.change({}, [owner(number) for number in going])
        for one in {owner(number) for number in going} & living.keys():
            erased[one] = living.pop(one)
    return pages, living, erased


@pytest.fixture(scope="module", autouse=True)
def small() -> object:
    """Let pages be so small that a few dozen keys make a tree of several levels."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tree, "CAPACITY", SMALL)
        patch.setattr(tree, "FILL", SMALL - 1)
        yield


@given(STEPS)
def test_exactly_the_living_keys_are_read(steps: list[tuple[set[int], set[int]]]) -> None:
    pages, living, erased = played(steps)
    assert pages.living == living
    assert find(pages.link, pages.fetch, [*living, *erased, owner(99)]) == living
    for one, key in list(living.items())[:3]:
        assert find(pages.link, pages.fetch, [one]) == {one: key}


@given(STEPS)
def test_no_state_of_the_pages_opens_an_erased_key_under_todays_root(steps: list[tuple[set[int], set[int]]]) -> None:
    pages, living, erased = played(steps)
    found = opens(pages.link, pages.ever)
    assert not found & set(erased.values())
    assert set(living.values()) <= found, "the same search opens what lives, so it is no blind one"


@given(STEPS, st.integers(0, 60))
def test_the_root_of_before_an_erasure_opens_what_it_erased(
    steps: list[tuple[set[int], set[int]]], number: int
) -> None:
    pages, living, _ = played([*steps, ({number}, set())])
    key, before = living[owner(number)], pages.link
    pages.change({}, [owner(number)])
    assert key in opens(before, pages.ever), "which is why the old root must be destroyed"
    assert key not in opens(pages.link, pages.ever)


@given(STEPS)
def test_pages_are_those_of_the_tree_and_no_others(steps: list[tuple[set[int], set[int]]]) -> None:
    pages, _, _ = played(steps)
    seen: list[int] = []

    def noted(places: Collection[int]) -> Mapping[int, bytes]:
        seen.extend(places)
        return pages.fetch(places)

    records = list(scan(pages.link, noted))
    assert records == sorted(records)
    assert sorted(seen) == sorted(pages)
    assert all(len(sealed) <= 1 + SMALL * 56 + 16 for sealed in pages.values())


@given(STEPS)
def test_no_key_seals_two_pages(steps: list[tuple[set[int], set[int]]]) -> None:
    pages, living, _ = played(steps)
    found = opens(pages.link, pages.ever) - set(living.values())
    assert len(found) == len(pages), "each page of today's tree has one key, and it opens no other page that ever was"


@given(st.sets(st.integers(0, 60), min_size=9), st.data())
def test_a_page_that_is_torn_swapped_old_or_missing_is_found(numbers: set[int], data: st.DataObject) -> None:
    pages, living, _ = played([(numbers, set())])
    before = dict(pages)
    gone = data.draw(st.sampled_from(sorted(numbers)))
    pages.change({}, [owner(gone)])
    del living[owner(gone)]
    place = data.draw(st.sampled_from(sorted(pages)))
    whole = pages[place]
    byte, bit = data.draw(st.integers(0, len(whole) - 1)), data.draw(st.integers(0, 7))
    wrong = [
        whole[:byte] + bytes([whole[byte] ^ 1 << bit]) + whole[byte + 1 :],
        whole[:byte],
        whole + b"x",
        *(other for at, other in pages.items() if at != place),
        *([before[place]] if before.get(place, whole) != whole else []),
    ]
    for content in wrong:
        pages[place] = content
        with pytest.raises(CorruptedError, match=f"page {place} of the key tree"):
            list(scan(pages.link, pages.fetch))
        with pytest.raises(CorruptedError, match=f"page {place} "):
            find(pages.link, pages.fetch, living)
    del pages[place]
    with pytest.raises(CorruptedError, match=f"page {place} "):
        change(pages.link, pages.fetch, pages.places, {}, living)
    pages[place] = whole
    assert pages.living == living


def test_a_key_is_never_written_over() -> None:
    pages, living, _ = played([({1, 2, 3, 4, 5, 6}, set())])
    with pytest.raises(VaultError, match="1 owners have a key"):
        change(pages.link, pages.fetch, pages.places, {owner(3): bytes(KEY_BYTES)})
    assert pages.living == living


def test_who_has_no_key_is_passed_over_and_nothing_is_written() -> None:
    pages, _, _ = played([(set(range(20)), set())])
    made = pages.change({}, [owner(77)])
    assert (made.written, list(made.freed)) == ({}, [])
    assert find(EMPTY, pages.fetch, [owner(1)]) == {}
    assert list(scan(EMPTY, pages.fetch)) == []
    assert change(EMPTY, pages.fetch, pages.places, {}, [owner(1)]).link == EMPTY


def test_an_erasure_touches_the_way_to_the_root_and_a_batch_shares_it() -> None:
    pages, living, _ = played([(set(range(60)), set())])
    depth = len(tree._descend(pages.link, pages.fetch, [owner(5)]))
    assert depth >= 3
    one = pages.change({}, [owner(5)])
    assert len(one.written) + len(one.freed) == depth
    batch = sorted(living)[30:40]
    many = pages.change({}, batch)
    assert len(many.written) + len(many.freed) < len(batch) * depth / 2


def test_a_tree_from_which_all_are_erased_is_empty() -> None:
    pages, living, _ = played([(set(range(60)), set())])
    assert pages.change({}, living).link == EMPTY
    assert not pages


def test_the_link_is_not_shown() -> None:
    made = change(EMPTY, Pages().fetch, count(), {owner(1): bytes(KEY_BYTES)})
    assert "link" not in repr(made)
    assert {one.name for one in dataclasses.fields(made)} == {"link", "written", "freed"}
