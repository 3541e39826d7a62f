"""The Merkle tree of the audit log, against RFC 6962's own recursive definition."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.errors import InputError
from expunge.log.merkle import (
    EMPTY_ROOT,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root,
    verify_consistency,
    verify_inclusion,
)

BOUND = 34
LEAVES = [leaf_hash(b"entry %d" % number) for number in range(BOUND)]


def naive_root(leaves: Sequence[bytes]) -> bytes:
    """MTH(D[n]) of RFC 6962 section 2.1, word for word."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = max(2**power for power in range(20) if 2**power < len(leaves))
    return sha256(b"\x01" + naive_root(leaves[:split]) + naive_root(leaves[split:])).digest()


def naive_path(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """PATH(m, D[n]) of RFC 6962 section 2.1.1, word for word."""
    if len(leaves) == 1:
        return []
    split = max(2**power for power in range(20) if 2**power < len(leaves))
    if index < split:
        return [*naive_path(index, leaves[:split]), naive_root(leaves[split:])]
    return [*naive_path(index - split, leaves[split:]), naive_root(leaves[:split])]


def test_the_root_is_that_of_the_rfc() -> None:
    for size in range(BOUND + 1):
        assert root(LEAVES[:size]) == naive_root(LEAVES[:size])


def test_roots_of_the_reference_vectors() -> None:
    """The eight leaves that certificate-transparency implementations are tested with."""
    entries = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
    leaves = [leaf_hash(bytes.fromhex(entry)) for entry in entries]
    assert root(leaves[:1]).hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert root(leaves[:2]).hex() == "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"
    assert root(leaves).hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


def test_every_entry_of_every_log_is_proven_and_nowhere_else() -> None:
    for size in range(1, BOUND + 1):
        head = root(LEAVES[:size])
        for index in range(size):
            proof = inclusion_proof(index, LEAVES[:size])
            assert proof == naive_path(index, LEAVES[:size])
            for claimed in range(-1, size + 2):
                assert verify_inclusion(LEAVES[index], claimed, size, proof, head) == (claimed == index)


def test_a_proof_does_not_hold_for_another_size_where_the_paths_differ() -> None:
    for size in range(1, BOUND):
        head = root(LEAVES[:size])
        for index in range(size):
            proof = inclusion_proof(index, LEAVES[:size])
            for claimed in (0, size - 1, size + 1, 2 * size + 1, 2**70):
                same_path = index < claimed <= BOUND and _shape(index, claimed) == _shape(index, size)
                held = verify_inclusion(LEAVES[index], index, claimed, proof, head)
                assert held == same_path, (size, index, claimed)


def _shape(index: int, size: int) -> list[bool]:
    """On which side each sibling of the path stands: all that a size says to a verifier."""
    if size == 1:
        return []
    split = 1 << (size - 1).bit_length() - 1
    if index < split:
        return [*_shape(index, split), True]
    return [*_shape(index - split, size - split), False]


def test_every_old_log_is_proven_a_prefix_of_every_later_one() -> None:
    for new in range(BOUND + 1):
        for old in range(new + 1):
            proof = consistency_proof(old, LEAVES[:new])
            assert verify_consistency(old, new, proof, root(LEAVES[:old]), root(LEAVES[:new]))


def test_a_consistency_proof_does_not_hold_for_a_much_larger_log() -> None:
    for new in range(2, BOUND + 1):
        for old in range(1, new):
            proof = consistency_proof(old, LEAVES[:new])
            assert not verify_consistency(old, 4 * new, proof, root(LEAVES[:old]), root(LEAVES[:new]))


def test_a_log_whose_past_was_changed_is_found_out() -> None:
    forged = [leaf_hash(b"forged"), *LEAVES[1:]]
    for new in range(2, BOUND + 1):
        for old in range(1, new):
            for tree in (LEAVES, forged):
                proof = consistency_proof(old, tree[:new])
                assert not verify_consistency(old, new, proof, root(LEAVES[:old]), root(forged[:new]))


@given(st.data())
def test_one_changed_byte_anywhere_fails(data: st.DataObject) -> None:
    new = data.draw(st.integers(2, BOUND))
    index = data.draw(st.integers(0, new - 1))
    old = data.draw(st.integers(1, new - 1))
    inclusion = [LEAVES[index], root(LEAVES[:new]), *inclusion_proof(index, LEAVES[:new])]
    consistency = [root(LEAVES[:old]), root(LEAVES[:new]), *consistency_proof(old, LEAVES[:new])]
    for parts in (inclusion, consistency):
        part = data.draw(st.integers(0, len(parts) - 1))
        byte = data.draw(st.integers(0, 31))
        flip = data.draw(st.integers(1, 255))
        changed = bytearray(parts[part])
        changed[byte] ^= flip
        parts[part] = bytes(changed)
    leaf, head, *path = inclusion
    assert not verify_inclusion(leaf, index, new, path, head)
    old_head, new_head, *path = consistency
    assert not verify_consistency(old, new, path, old_head, new_head)


@given(st.integers(1, BOUND), st.data())
def test_a_longer_or_shorter_proof_fails(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    old = data.draw(st.integers(0, size))
    path, head = inclusion_proof(index, LEAVES[:size]), root(LEAVES[:size])
    steps, old_head = consistency_proof(old, LEAVES[:size]), root(LEAVES[:old])
    assert not verify_inclusion(LEAVES[index], index, size, [*path, head], head)
    assert not verify_consistency(old, size, [*steps, head], old_head, head)
    if path:
        assert not verify_inclusion(LEAVES[index], index, size, path[:-1], head)
    if steps:
        assert not verify_consistency(old, size, steps[:-1], old_head, head)


@given(
    st.integers(-(2**80), 2**80),
    st.integers(-(2**80), 2**80),
    st.lists(st.binary(min_size=30, max_size=33), max_size=90),
    st.binary(max_size=33),
)
def test_verification_answers_whatever_it_is_given(one: int, other: int, proof: list[bytes], claimed: bytes) -> None:
    assert verify_inclusion(LEAVES[0], one, other, proof, claimed) in {True, False}
    assert verify_consistency(one, other, proof, claimed, LEAVES[0]) in {True, False}


def test_an_entry_that_is_a_node_is_no_node() -> None:
    pair = root(LEAVES[:2])
    assert root([leaf_hash(b"\x01" + LEAVES[0] + LEAVES[1])]) != pair
    assert root([]) == EMPTY_ROOT


def test_what_the_log_never_held_is_refused() -> None:
    with pytest.raises(InputError, match="3 entries and none at 3"):
        inclusion_proof(3, LEAVES[:3])
    with pytest.raises(InputError, match="never 4 long"):
        consistency_proof(4, LEAVES[:3])
