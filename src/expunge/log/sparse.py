"""The members of an object, as a compact sparse Merkle tree: who left, and that nobody else did.

A subtree is the set of members whose commitments begin with the same bits; it hashes to

- 32 zero bytes where it is empty,
- SHA-256(0x00 || commitment) where it holds one member, at whatever depth,
- SHA-256(0x01 || left || right) where it holds more: left are those whose next bit is 0.

Invariants
----------
- The root is a function of the set: the order in which members came and went leaves no trace.
- If `before` is the root of a set M and `verify_removal` says True, then all who `left` were in M, and `after` is the
  root of M without them (unless somebody found a collision of SHA-256).
- Verification is total: it answers True or False, whatever a proof is made of, in at most 256 levels.
- A pair of sets has one proof only: any other spelling is refused.

A removal proof is a list of words, read while both trees are rebuilt from the root down. In a subtree

- that several left, nothing is written: it splits into its two halves;
- that one left, ``here`` says that nobody else was in it, and ``split`` that it splits into its two halves;
- that nobody left, the word is its hash, or ``empty``. Where its sibling is empty afterwards the subtree may rise in
  the tree, if it is a single leaf, so it must be opened: ``leaf:`` and its commitment, or ``node:`` and the hashes of
  its halves. The prefixes of the hashes keep anyone from calling a node a leaf, or the reverse.

Of the two halves, one that somebody left is written first; of two such halves, the left one.

Examples
--------
>>> anna, bert, cleo = (sha256(name).digest() for name in (b"Anna", b"Bert", b"Cleo"))
>>> before, after = members_root([anna, bert, cleo]), members_root([cleo, anna])
>>> proof = removal_proof([anna, bert, cleo], leaving=[bert])
>>> verify_removal(proof, before, after, left=[bert])
True
>>> verify_removal(proof, before, after, left=[anna])
False
"""

from __future__ import annotations

import itertools
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from expunge.errors import InputError

KEY_BYTES: Final = 32
EMPTY: Final = bytes(KEY_BYTES)
"""Root of the empty set."""

_BITS: Final = 8 * KEY_BYTES
_HASH: Final = re.compile(r"[0-9a-f]{64}")
_OPENED: Final = re.compile(r"(leaf:)([0-9a-f]{64})|(node:)([0-9a-f]{64})([0-9a-f]{64})")


def members_root(commitments: Iterable[bytes]) -> bytes:
    """Return the root of a set of members: 32 bytes.

    Parameters
    ----------
    commitments : iterable of bytes
        32 bytes each, as `expunge.domain.digest.commitment` makes them; order and repetition do not matter.

    Raises
    ------
    InputError
        Where one of them has not 32 bytes.
    """
    return _root(_sorted_keys(commitments), 0)


def removal_proof(members: Iterable[bytes], leaving: Iterable[bytes]) -> list[str]:
    """Prove that exactly `leaving` leave `members`.

    Parameters
    ----------
    members : iterable of bytes
        Everybody's commitments before.
    leaving : iterable of bytes
        Commitments of those who leave; may be nobody, or everybody.

    Returns
    -------
    list of str
        The words of the proof (see above).

    Raises
    ------
    InputError
        Where somebody who is to leave is not a member, or a commitment has not 32 bytes.
    """
    keys, gone = _sorted_keys(members), _sorted_keys(leaving)
    strangers = sorted(set(gone).difference(keys))
    if strangers:
        raise InputError(
            f"{len(strangers)} of {len(gone)} who are to leave are no members, the first is {strangers[0].hex()}.",
            mend="Take only those who are in this object.",
        )
    return _prove(keys, gone, 0)


def removal(members: Iterable[bytes], leaving: Iterable[bytes]) -> tuple[bytes, bytes, list[str]]:
    """Return the root before, the root after and the proof that exactly `leaving` leave `members`.

    The proof holds the hashes of all that stays, so both roots follow from it: every member is hashed once.

    Raises
    ------
    InputError
        As `removal_proof`.
    """
    gone = list(leaving)
    proof = removal_proof(members, gone)
    tree = _rebuild(iter(proof), _sorted_keys(gone), 0, 0)
    return tree.before, tree.after, proof


def verify_removal(proof: object, before: bytes, after: bytes, left: Sequence[bytes]) -> bool:
    """Tell whether `before` is a root of a set that all of `left` are in, and `after` the root without them.

    Parameters
    ----------
    proof : object
        What `removal_proof` returned, or anything else that claims to be it.
    before, after : bytes
        The two roots, 32 bytes each.
    left : sequence of bytes
        Commitments of those who left: 32 bytes each, nobody twice.
    """
    if not isinstance(proof, list) or not all(isinstance(word, str) for word in proof):
        return False
    if not all(isinstance(value, bytes) and len(value) == KEY_BYTES for value in (before, after, *left)):
        return False
    if len(set(left)) != len(left):
        return False
    words = iter(proof)
    try:
        tree = _rebuild(words, sorted(left), 0, 0)
    except _MalformedError:
        return False
    return (tree.before, tree.after) == (before, after) and next(words, None) is None


def _sorted_keys(commitments: Iterable[bytes]) -> list[bytes]:
    keys = sorted(set(commitments))
    for key in keys:
        if len(key) != KEY_BYTES:
            raise InputError(
                f"a commitment has {KEY_BYTES} bytes, not {len(key)}.", mend="Make it with `commitment()`."
            )
    return keys


def _leaf(key: bytes) -> bytes:
    return sha256(b"\x00" + key).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def _split(keys: list[bytes], depth: int) -> tuple[list[bytes], list[bytes]]:
    """Split sorted keys that agree in their first `depth` bits by the next bit."""
    byte, mask = depth >> 3, 0x80 >> (depth & 7)
    middle = bisect_left(keys, mask, key=lambda key: key[byte] & mask)
    return keys[:middle], keys[middle:]


def _root(keys: list[bytes], depth: int) -> bytes:
    """Return the hash of the subtree of sorted keys that agree in their first `depth` bits.

    One pass from left to right, without recursion. Neighbours part at some bit; a subtree is whole once the next key
    parts from it above its own splitting bit. Where one half of a split is empty the other rises through it, level by
    level.
    """
    if not keys:
        return EMPTY
    numbers = [int.from_bytes(key) for key in keys]
    # How many bits each has in common with the next, the last one with what is outside: fewer than anything inside.
    shared = [_BITS - (one ^ other).bit_length() for one, other in itertools.pairwise(numbers)]
    waiting: list[tuple[int, bytes]] = []  # left halves, each with the bit at which it parts from what follows
    tree = EMPTY
    for number, key, parts_at in zip(numbers, keys, [*shared, depth - 1], strict=True):
        tree, top = sha256(b"\x00" + key).digest(), 0  # a leaf has no level: nothing lifts it
        while waiting and waiting[-1][0] > parts_at:
            bit, left = waiting.pop()
            if top > bit + 1:
                tree = _lifted(tree, number, top, bit + 1)
            tree, top = sha256(b"\x01" + left + tree).digest(), bit
        if top > parts_at + 1:
            tree = _lifted(tree, number, top, parts_at + 1)
        waiting.append((parts_at, tree))
    return tree


def _lifted(tree: bytes, number: int, top: int, depth: int) -> bytes:
    """Return the hash at `depth` of a tree whose root is at `top`: beside it, level by level, there is nobody."""
    for bit in range(top - 1, depth - 1, -1):
        tree = _node(EMPTY, tree) if number >> (_BITS - 1 - bit) & 1 else _node(tree, EMPTY)
    return tree


def _prove(keys: list[bytes], gone: list[bytes], depth: int) -> list[str]:
    if not gone:
        return [_closed(keys, depth)]
    if len(keys) == 1:
        return ["here"]
    words = ["split"] if len(gone) == 1 else []
    halves = zip(_split(keys, depth), _split(gone, depth), strict=True)
    # Stable: of two halves that somebody left, the left one stays first.
    (first, first_gone), (second, second_gone) = sorted(halves, key=lambda half: not half[1])
    words += _prove(first, first_gone, depth + 1)
    if not second_gone and len(first) == len(first_gone):
        return [*words, _opened(second, depth + 1)]
    return words + _prove(second, second_gone, depth + 1)


def _closed(keys: list[bytes], depth: int) -> str:
    return _root(keys, depth).hex() if keys else "empty"


def _opened(keys: list[bytes], depth: int) -> str:
    if len(keys) < 2:
        return f"leaf:{keys[0].hex()}" if keys else "empty"
    left, right = _split(keys, depth)
    return f"node:{_root(left, depth + 1).hex()}{_root(right, depth + 1).hex()}"


class _MalformedError(Exception):
    """The words are not those of any proof."""


@dataclass(frozen=True)
class _Subtree:
    """A subtree's hash before and after; `alone`: it is a single leaf afterwards."""

    before: bytes
    after: bytes
    alone: bool = False


def _rebuild(words: Iterator[str], gone: list[bytes], depth: int, path: int) -> _Subtree:
    """Rebuild the subtree whose keys begin with the `depth` bits of `path`."""
    if not gone:
        return _read_closed(next(words, ""))
    if len(gone) == 1:
        word = next(words, "")
        if word == "here":
            return _Subtree(_leaf(gone[0]), EMPTY)
        if word != "split" or depth == _BITS:
            raise _MalformedError
    # Distinct keys part before depth 256, so a subtree that several left can always be split.
    left_gone, right_gone = _split(gone, depth)
    left_path, right_path = path << 1, path << 1 | 1
    if not left_gone:
        right = _rebuild(words, right_gone, depth + 1, right_path)
        return _join(_sibling(words, right, depth + 1, left_path), right)
    left = _rebuild(words, left_gone, depth + 1, left_path)
    if not right_gone:
        return _join(left, _sibling(words, left, depth + 1, right_path))
    return _join(left, _rebuild(words, right_gone, depth + 1, right_path))


def _sibling(words: Iterator[str], other: _Subtree, depth: int, path: int) -> _Subtree:
    """Read a half that nobody left: opened where the other half is empty afterwards, closed elsewhere."""
    word = next(words, "")
    return _read_opened(word, depth, path) if other.after == EMPTY else _read_closed(word)


def _read_closed(word: str) -> _Subtree:
    if word == "empty":
        return _Subtree(EMPTY, EMPTY)
    if not _HASH.fullmatch(word) or bytes.fromhex(word) == EMPTY:
        raise _MalformedError
    return _Subtree(bytes.fromhex(word), bytes.fromhex(word))


def _read_opened(word: str, depth: int, path: int) -> _Subtree:
    if word == "empty":
        return _Subtree(EMPTY, EMPTY)
    match = _OPENED.fullmatch(word)
    if match is None:
        raise _MalformedError
    if match[1]:
        key = bytes.fromhex(match[2])
        if int.from_bytes(key) >> (_BITS - depth) != path:
            raise _MalformedError
        return _Subtree(_leaf(key), _leaf(key), alone=True)
    hashed = _node(bytes.fromhex(match[4]), bytes.fromhex(match[5]))
    return _Subtree(hashed, hashed)


def _join(left: _Subtree, right: _Subtree) -> _Subtree:
    before = _node(left.before, right.before)
    if left.after == EMPTY and (right.alone or right.after == EMPTY):
        return _Subtree(before, right.after, right.alone)
    if right.after == EMPTY and left.alone:
        return _Subtree(before, left.after, alone=True)
    return _Subtree(before, _node(left.after, right.after))
