"""The tree of members: exactly those left."""

from __future__ import annotations

import time
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from expunge.errors import InputError
from expunge.log.sparse import EMPTY, members_root, removal, removal_proof, verify_removal


def clustered(number: int) -> bytes:
    """Turn a small number into a key that shares a long prefix with many others: deep trees, many risen leaves."""
    return bytes([number & 0xC0]) + bytes(20) + bytes([number & 0x38]) + bytes(9) + bytes([number & 0x07])


keys = st.one_of(
    st.integers(0, 255).map(clustered), st.integers(0, 60).map(lambda number: sha256(b"%d" % number).digest())
)


@st.composite
def removals(draw: st.DrawFn) -> tuple[list[bytes], list[bytes]]:
    members = draw(st.lists(keys, unique=True, max_size=24))
    leaving = [key for key in members if draw(st.booleans())]
    return members, leaving


def naive_root(members: set[bytes], prefix: str = "") -> bytes:
    """Hash by the definition: a set, and the bits on the way to it."""
    if not members:
        return bytes(32)
    if len(members) == 1:
        return sha256(b"\x00" + next(iter(members))).digest()
    halves = [{key for key in members if f"{int.from_bytes(key):0256b}".startswith(prefix + bit)} for bit in ("0", "1")]
    return sha256(b"\x01" + naive_root(halves[0], prefix + "0") + naive_root(halves[1], prefix + "1")).digest()


def checked(proof: object, members: list[bytes], remaining: list[bytes], left: list[bytes]) -> bool:
    return verify_removal(proof, members_root(members), members_root(remaining), left)


@given(st.lists(keys, unique=True, max_size=12), st.randoms())
def test_the_root_is_that_of_the_definition_in_any_order(members: list[bytes], random: Any) -> None:
    shuffled = members * 2
    random.shuffle(shuffled)
    assert members_root(shuffled) == members_root(members) == naive_root(set(members))


@given(st.lists(keys, unique=True, max_size=12), st.lists(keys, unique=True, max_size=12))
def test_different_sets_have_different_roots(one: list[bytes], other: list[bytes]) -> None:
    assert (members_root(one) == members_root(other)) == (set(one) == set(other))


@given(removals())
def test_exactly_those_who_left_are_proven(case: tuple[list[bytes], list[bytes]]) -> None:
    members, leaving = case
    remaining = [key for key in members if key not in leaving]
    assert checked(removal_proof(members, leaving), members, remaining, leaving)


@given(removals(), removals())
def test_another_account_of_who_left_fails(
    case: tuple[list[bytes], list[bytes]], other: tuple[list[bytes], list[bytes]]
) -> None:
    members, leaving = case
    claimed = other[1]
    assume(set(claimed) != set(leaving))
    remaining = [key for key in members if key not in leaving]
    for proof in (removal_proof(members, leaving), removal_proof(*other)):
        assert not checked(proof, members, remaining, claimed)


@given(removals(), st.data())
def test_claiming_fewer_or_more_leavers_fails(case: tuple[list[bytes], list[bytes]], data: st.DataObject) -> None:
    members, leaving = case
    assume(members)
    key = data.draw(st.sampled_from(members))
    claimed = [one for one in leaving if one != key] if key in leaving else [*leaving, key]
    remaining = [one for one in members if one not in leaving]
    for proof in (removal_proof(members, leaving), removal_proof(members, claimed)):
        assert not checked(proof, members, remaining, claimed)


@given(removals(), keys)
def test_a_newcomer_beside_the_leavers_is_found_out(case: tuple[list[bytes], list[bytes]], newcomer: bytes) -> None:
    members, leaving = case
    assume(newcomer not in members)
    after = [key for key in members if key not in leaving] + [newcomer]
    proofs = [removal_proof(members, leaving), removal_proof([*members, newcomer], leaving)]
    for proof in proofs:
        assert not checked(proof, members, after, leaving)


@given(removals(), st.data())
def test_any_change_of_the_proof_fails(case: tuple[list[bytes], list[bytes]], data: st.DataObject) -> None:
    members, leaving = case
    proof = removal_proof(members, leaving)
    remaining = [key for key in members if key not in leaving]
    position = data.draw(st.integers(0, len(proof) - 1))
    word = proof[position]
    changed = list(proof)
    match data.draw(st.sampled_from(["drop", "double", "flip", "word", "upper"])):
        case "drop":
            del changed[position]
        case "double":
            changed.insert(position, word)
        case "flip":
            at = data.draw(st.integers(0, len(word) - 1))
            changed[position] = word[:at] + data.draw(st.sampled_from("0123456789abcdefglnx:")) + word[at + 1 :]
        case "upper":
            changed[position] = word.upper()
        case _:
            opened = st.sampled_from([bytes(32), *members]).map(lambda key: f"leaf:{key.hex()}")
            others = st.sampled_from(["here", "split", "empty", "", "00" * 32, "node:" + "00" * 64])
            changed[position] = data.draw(others | opened)
    assume(changed != proof)
    assert not checked(changed, members, remaining, leaving)


@given(removals(), st.integers(0, 31), st.integers(1, 255))
def test_a_flipped_byte_in_a_root_or_a_leaver_fails(
    case: tuple[list[bytes], list[bytes]], byte: int, flip: int
) -> None:
    members, leaving = case

    def flipped(value: bytes) -> bytes:
        return value[:byte] + bytes([value[byte] ^ flip]) + value[byte + 1 :]

    proof = removal_proof(members, leaving)
    before, after = members_root(members), members_root(set(members) - set(leaving))
    assert not verify_removal(proof, flipped(before), after, leaving)
    assert not verify_removal(proof, before, flipped(after), leaving)
    if leaving:
        assert not verify_removal(proof, before, after, [flipped(leaving[0]), *leaving[1:]])
        assert not verify_removal(proof, before, after, [leaving[0], *leaving])


@given(st.lists(keys, unique=True, max_size=12))
def test_where_nobody_leaves_the_root_stays(members: list[bytes]) -> None:
    root = members_root(members)
    assert verify_removal(removal_proof(members, []), root, root, [])


@given(st.lists(keys, unique=True, max_size=12))
def test_where_all_leave_the_root_is_empty(members: list[bytes]) -> None:
    assert verify_removal(removal_proof(members, members), members_root(members), EMPTY, members)


def test_a_lone_sibling_rises_and_is_opened_as_what_it_is() -> None:
    near, far = clustered(0), clustered(1)
    other = clustered(0xC0)
    proof = removal_proof([near, far, other], [near])
    assert f"leaf:{far.hex()}" in proof
    assert checked(proof, [near, far, other], [far, other], [near])
    # The same tree with the risen leaf disguised: as a node that stays in the depth, and as a closed hash.
    for word in (sha256(b"\x00" + far).hexdigest(), "node:" + "11" * 64, f"leaf:{other.hex()}"):
        forged = [word if old.startswith("leaf:") else old for old in proof]
        assert not checked(forged, [near, far, other], [far, other], [near])


def test_a_node_does_not_rise() -> None:
    pair, alone = [clustered(0), clustered(1)], clustered(8)
    members = [*pair, alone, clustered(0xC0)]
    proof = removal_proof(members, [alone])
    assert sum(word.startswith("node:") for word in proof) == 1
    assert checked(proof, members, [*pair, clustered(0xC0)], [alone])
    closed = [
        sha256(b"\x01" + bytes.fromhex(word[5:])).hexdigest() if word.startswith("node:") else word for word in proof
    ]
    assert not checked(closed, members, [*pair, clustered(0xC0)], [alone])


def test_a_subtree_is_opened_only_where_it_must_be() -> None:
    gone, near, far = clustered(0), clustered(1), clustered(0x80)
    members, remaining = [gone, near, clustered(2), far], [near, clustered(2), far]
    proof = removal_proof(members, [gone])
    closed = sha256(b"\x00" + far).hexdigest()
    assert closed in proof
    assert checked(proof, members, remaining, [gone])
    opened = [f"leaf:{far.hex()}" if word == closed else word for word in proof]
    assert not checked(opened, members, remaining, [gone])


def test_emptiness_has_one_word() -> None:
    gone, near = clustered(0), [clustered(1), clustered(2)]
    proof = removal_proof([gone, *near], [gone])
    last = len(proof) - 1 - proof[::-1].index("empty")
    assert checked(proof, [gone, *near], near, [gone])
    assert not checked([*proof[:last], "00" * 32, *proof[last + 1 :]], [gone, *near], near, [gone])


def test_a_leaf_that_stands_where_it_does_not_belong_is_found_out() -> None:
    gone, misplaced = clustered(0), clustered(0x40)  # both begin with a 0 bit
    before = sha256(b"\x01" + sha256(b"\x00" + gone).digest() + sha256(b"\x00" + misplaced).digest()).digest()
    after = members_root([misplaced])
    assert not verify_removal(["split", "here", f"leaf:{misplaced.hex()}"], before, after, [gone])


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.binary(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
words = st.sampled_from(["here", "split", "empty", "11" * 32, "leaf:" + "00" * 32, "node:" + "11" * 64, "x"])


@given(junk | st.lists(words, max_size=12), st.lists(st.binary(min_size=31, max_size=33), max_size=4))
def test_verification_answers_whatever_it_is_given(proof: object, left: list[bytes]) -> None:
    assert verify_removal(proof, bytes(32), bytes(31), left) is False
    assert verify_removal(proof, b"\x01" * 32, b"\x02" * 32, left) is False


@pytest.mark.parametrize("word", ["split", "here", "empty"])
def test_a_bomb_of_words_is_no_proof(word: str) -> None:
    for count in (255, 256, 257, 100_000):
        assert not verify_removal([word] * count, b"\x01" * 32, EMPTY, [bytes(32)])
        assert not verify_removal([word] * count, b"\x01" * 32, EMPTY, [bytes(32), bytes(31) + b"\x01"])


def test_keys_that_differ_in_the_last_bit_are_told_apart() -> None:
    one, other = bytes(32), bytes(31) + b"\x01"
    proof = removal_proof([one, other], [other])
    assert proof == ["split"] * 256 + ["here", f"leaf:{one.hex()}"] + ["empty"] * 255
    assert checked(proof, [one, other], [one], [other])


def test_only_members_can_leave() -> None:
    with pytest.raises(InputError, match="1 of 1 who are to leave are no members, the first is 0000"):
        removal_proof([b"\x01" * 32], [bytes(32)])


def test_a_commitment_has_32_bytes() -> None:
    with pytest.raises(InputError, match="32 bytes, not 5"):
        members_root([b"short"])


def test_a_hundred_thousand_members_take_less_than_five_seconds() -> None:
    members = [sha256(b"%d" % number).digest() for number in range(100_000)]
    start = time.perf_counter()
    members_root(members)
    assert time.perf_counter() - start < 5


@given(removals())
def test_both_roots_follow_from_the_proof(case: tuple[list[bytes], list[bytes]]) -> None:
    members, leaving = case
    rest = [key for key in members if key not in leaving]
    assert removal(members, leaving) == (members_root(members), members_root(rest), removal_proof(members, leaving))


def root_by_definition(members: list[bytes], depth: int = 0) -> bytes:
    """The tree as the module's docstring says it, bit by bit."""
    if len(members) < 2:
        return sha256(b"\x00" + members[0]).digest() if members else EMPTY
    halves: tuple[list[bytes], list[bytes]] = ([], [])
    for key in members:
        halves[int.from_bytes(key) >> (255 - depth) & 1].append(key)
    return sha256(b"\x01" + b"".join(root_by_definition(half, depth + 1) for half in halves)).digest()


@given(st.lists(keys, unique=True, max_size=24))
def test_the_root_is_that_of_the_definition(members: list[bytes]) -> None:
    assert members_root(members) == root_by_definition(members)
