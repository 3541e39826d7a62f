"""One spelling, no collisions by framing, and nothing in clear."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from expunge.domain.digest import blinded, canonical_json, commitment, composed_digest, learned_digest

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
ARRAYS = st.lists(
    st.tuples(st.text(max_size=3), st.lists(st.integers(0, 3), max_size=2).map(tuple), st.binary(max_size=8)),
    max_size=3,
)
IDS = st.one_of(st.integers(-(2**63), 2**63 - 1), st.text(min_size=1, max_size=6))
SALTS = st.binary(min_size=32, max_size=32)


@given(JSON)
def test_canonical_json_is_json_and_the_only_spelling(value: Any) -> None:
    written = canonical_json(value)
    assert json.loads(written) == value
    assert canonical_json(json.loads(written)) == written


@given(st.dictionaries(st.text(max_size=4), JSON, min_size=2, max_size=4), st.randoms())
def test_the_order_of_keys_does_not_matter(value: dict[str, Any], random: Any) -> None:
    keys = list(value)
    random.shuffle(keys)
    assert canonical_json({key: value[key] for key in keys}) == canonical_json(value)


@pytest.mark.parametrize("value", [1.0, float("nan"), {"a": [0.5]}, {1: 2}, {None: 1}, b"x", {1, 2}, object()])
def test_what_has_no_one_spelling_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="canonical JSON takes no"):
        canonical_json(value)


def test_white_space_and_escapes_are_not_used() -> None:
    assert canonical_json({"b": (1, True, None), "a": "é"}) == '{"a":"é","b":[1,true,null]}'.encode()


@given(JSON, ARRAYS, JSON, ARRAYS)
def test_different_learned_states_have_different_digests(one: Any, some: Any, other: Any, more: Any) -> None:
    same = canonical_json(one) == canonical_json(other) and some == more
    assert (learned_digest(one, some) == learned_digest(other, more)) == same


def test_bytes_cannot_move_between_the_parts_of_a_learned_digest() -> None:
    parts: list[tuple[dict[str, int], list[tuple[str, tuple[int, ...], bytes]]]] = [
        ({}, [("a", (1,), b"12"), ("b", (1,), b"3")]),
        ({}, [("a", (1,), b"1"), ("b", (1,), b"23")]),
        ({}, [("a", (1,), b"12"), ("b", (1, 1), b"3")]),
        ({}, [("ab", (1,), b"12"), ("", (1,), b"3")]),
        ({}, [("b", (1,), b"3"), ("a", (1,), b"12")]),
        ({"a": 1}, [("a", (1,), b"12"), ("b", (1,), b"3")]),
        ({}, [("a", (1,), b"12")]),
        ({}, []),
    ]
    assert len({learned_digest(meta, arrays) for meta, arrays in parts}) == len(parts)


def test_a_learned_digest_is_the_documented_bytes() -> None:
    def framed(part: bytes) -> bytes:
        return len(part).to_bytes(8, "big") + part

    content = b"expunge learned digest v1\n" + framed(b'{"v":1}') + framed(b'["gram",[2]]') + framed(b"\1\0")
    assert learned_digest({"v": 1}, [("gram", (2,), b"\1\0")]) == hashlib.sha256(content).hexdigest()


def test_compositions_differ_by_tag_parts_and_order() -> None:
    one, two = "ab" * 32, "cd" * 32
    made = [("t", [one, two]), ("t", [two, one]), ("u", [one, two]), ("t", [one]), ("t", []), ("", [one, two])]
    assert len({composed_digest(tag, parts) for tag, parts in made}) == len(made)
    assert composed_digest("t", [one]) != learned_digest("t", [])


@given(SALTS, st.text(max_size=4), IDS, SALTS, st.text(max_size=4), IDS)
def test_commitments_differ_where_anything_does(
    salt: bytes, name: str, who: int | str, other: bytes, another: str, somebody: int | str
) -> None:
    assume((salt, name, who) != (other, another, somebody))
    assert commitment(salt, name, who) != commitment(other, another, somebody)
    assert commitment(salt, name, who) == commitment(salt, name, who)


def test_an_int_and_its_text_are_two_people() -> None:
    assert commitment(bytes(32), "D-1", 7) != commitment(bytes(32), "D-1", "7")
    assert commitment(bytes(32), "D-1s", "x") != commitment(bytes(32), "D-1", "sx")


@given(SALTS, SALTS)
def test_a_blinded_digest_is_an_hmac_of_the_digests_bytes(nonce: bytes, raw: bytes) -> None:
    assert blinded(nonce, raw.hex()) == hmac.new(nonce, raw, hashlib.sha256).hexdigest()


def test_one_digest_under_two_nonces_cannot_be_compared() -> None:
    assert blinded(bytes(32), "ab" * 32) != blinded(bytes(31) + b"x", "ab" * 32)


@pytest.mark.parametrize("size", [0, 16, 31, 33])
def test_short_salts_and_nonces_are_refused(size: int) -> None:
    with pytest.raises(TypeError, match="32 bytes"):
        commitment(bytes(size), "D-1", 7)
    with pytest.raises(TypeError, match="32 bytes"):
        blinded(bytes(size), "ab" * 32)
