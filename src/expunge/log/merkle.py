"""The Merkle tree of the audit log (RFC 6962 section 2.1; proofs are verified as RFC 9162 section 2.1 spells out).

Invariants
----------
- The tree is a function of the sequence of leaves; a leaf is never hashed as a node, nor a node as a leaf
  (prefixes 0x00 and 0x01).
- An inclusion proof verifies for one leaf hash, one index, one size and one root only. A consistency proof verifies
  only where the old tree is a prefix of the new one.
- Verification is total: it answers True or False, whatever bytes a proof is made of.

Everything below takes *leaf hashes*, 32 bytes each: ``leaf_hash(entry)`` of each entry, in order.

Examples
--------
>>> leaves = [leaf_hash(entry) for entry in (b"a", b"b", b"c")]
>>> proof = inclusion_proof(2, leaves)
>>> verify_inclusion(leaf_hash(b"c"), 2, 3, proof, root(leaves))
True
>>> verify_consistency(2, 3, consistency_proof(2, leaves), root(leaves[:2]), root(leaves))
True
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Final

from expunge.errors import InputError

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = sha256(b"").digest()
"""Root of the tree without leaves (RFC 6962 section 2.1)."""


def leaf_hash(entry: bytes) -> bytes:
    """Hash one entry: SHA-256(0x00 || entry), 32 bytes (RFC 6962 section 2.1)."""
    return sha256(b"\x00" + entry).digest()


def _node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """Return the Merkle tree hash of the leaves: 32 bytes (RFC 6962 section 2.1).

    Parameters
    ----------
    leaves : sequence of bytes
        Leaf hashes, in order.

    Examples
    --------
    >>> root([]).hex()[:16]
    'e3b0c44298fc1c14'
    """
    level = list(leaves)
    while len(level) > 1:
        level = _parents(level)
    return level[0] if level else EMPTY_ROOT


def _parents(level: list[bytes]) -> list[bytes]:
    """Pair a level's nodes; a last one without a partner rises as it is.

    This builds the tree of RFC 6962, whose left part is the largest power of two smaller than the size.
    """
    parents = [_node_hash(left, right) for left, right in zip(level[::2], level[1::2], strict=False)]
    return parents if len(level) % 2 == 0 else [*parents, level[-1]]


def inclusion_proof(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """Return the audit path of one leaf, from the bottom up (RFC 6962 section 2.1.1).

    Parameters
    ----------
    index : int
        Position of the leaf, counted from 0.
    leaves : sequence of bytes
        Leaf hashes of the whole tree.

    Raises
    ------
    InputError
        Where there is no such leaf.
    """
    if not 0 <= index < len(leaves):
        raise InputError(
            f"the log has {len(leaves)} entries and none at {index}.", mend="Count entries from 0 and look again."
        )
    path = []
    level = list(leaves)
    while len(level) > 1:
        if (index ^ 1) < len(level):
            path.append(level[index ^ 1])
        level = _parents(level)
        index >>= 1
    return path


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Tell whether the tree of `size` leaves under `root` holds `leaf` at `index` (RFC 9162 section 2.1.3.2).

    Parameters
    ----------
    leaf : bytes
        Leaf hash.
    index, size : int
        Position of the leaf, counted from 0, and number of leaves.
    proof : sequence of bytes
        What `inclusion_proof` returned.
    root : bytes
        Root of the tree.
    """
    if not 0 <= index < size or not _all_hashes([leaf, root, *proof]):
        return False
    node, last, result = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if node & 1 or node == last:
            result = _node_hash(sibling, result)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            result = _node_hash(result, sibling)
        node, last = node >> 1, last >> 1
    return last == 0 and result == root


def consistency_proof(old_size: int, leaves: Sequence[bytes]) -> list[bytes]:
    """Return the proof that the first `old_size` leaves are still there (RFC 6962 section 2.1.2).

    Empty for an old size of nought and for the present size, where there is nothing to prove.

    Parameters
    ----------
    old_size : int
        Number of leaves of the old tree.
    leaves : sequence of bytes
        Leaf hashes of the new tree.

    Raises
    ------
    InputError
        Where the old tree would be larger than the new one.
    """
    if not 0 <= old_size <= len(leaves):
        raise InputError(
            f"the log has {len(leaves)} entries, it was never {old_size} long.", mend="Give a size that it had."
        )
    return _subproof(old_size, leaves, known=True) if old_size else []


def _subproof(old_size: int, leaves: Sequence[bytes], *, known: bool) -> list[bytes]:
    """SUBPROOF(m, D[n], b) of RFC 6962 section 2.1.2; `known` is b: the verifier has this subtree's root."""
    if old_size == len(leaves):
        return [] if known else [root(leaves)]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    left, right = leaves[:split], leaves[split:]
    if old_size <= split:
        return [*_subproof(old_size, left, known=known), root(right)]
    return [*_subproof(old_size - split, right, known=False), root(left)]


def verify_consistency(old_size: int, new_size: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> bool:
    """Tell whether the old tree is a prefix of the new one (RFC 9162 section 2.1.4.2).

    Parameters
    ----------
    old_size, new_size : int
        Numbers of leaves.
    proof : sequence of bytes
        What `consistency_proof` returned.
    old_root, new_root : bytes
        Roots of the two trees.
    """
    if not 0 <= old_size <= new_size or not _all_hashes([old_root, new_root, *proof]):
        return False
    if old_size == new_size:
        return not proof and old_root == new_root
    if old_size == 0:
        return not proof and old_root == EMPTY_ROOT
    # A whole subtree on the left needs no first hash in the proof: it is the old root.
    path = [old_root, *proof] if old_size & (old_size - 1) == 0 else list(proof)
    node, last = old_size - 1, new_size - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    return bool(path) and _climb(node, last, path) == (old_root, new_root)


def _climb(node: int, last: int, path: Sequence[bytes]) -> tuple[bytes, bytes] | None:
    """Rebuild both roots (steps 5 to 7 of RFC 9162 section 2.1.4.2); None where the path has the wrong length."""
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            return None
        if node & 1 or node == last:
            old, new = _node_hash(sibling, old), _node_hash(sibling, new)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            new = _node_hash(new, sibling)
        node, last = node >> 1, last >> 1
    return (old, new) if last == 0 else None


def _all_hashes(values: Sequence[bytes]) -> bool:
    return all(isinstance(value, bytes) and len(value) == HASH_BYTES for value in values)
