"""Keys open only what they were made for, and are gone when destroyed."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.errors import CorruptedError, KeyDestroyedError, VaultError
from expunge.vault.keys import (
    RootStore,
    Wrapper,
    destroy_file,
    new_key,
    new_tokens,
    read_secret,
    seal,
    unseal,
    write_secret,
)

KEY, OTHER = bytes(range(32)), bytes(32)


@given(st.binary(max_size=100), st.binary(max_size=20))
def test_what_was_sealed_opens(plaintext: bytes, bound: bytes) -> None:
    assert unseal(KEY, seal(KEY, plaintext, bound), bound) == plaintext


@given(st.binary(max_size=40), st.data())
def test_any_flipped_bit_is_found(plaintext: bytes, data: st.DataObject) -> None:
    sealed = bytearray(seal(KEY, plaintext, b"here"))
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(CorruptedError, match="does not open"):
        unseal(KEY, bytes(sealed), b"here")


@pytest.mark.parametrize("size", [0, 5, 11, 12, 20, 27])
def test_a_cut_ciphertext_is_corrupted(size: int) -> None:
    with pytest.raises(CorruptedError):
        unseal(KEY, seal(KEY, b"", b"here")[:size], b"here")


def test_a_ciphertext_opens_only_with_its_key_and_in_its_place() -> None:
    sealed = seal(KEY, b"text", b"here")
    for key, bound in ((OTHER, b"here"), (KEY, b"there")):
        with pytest.raises(CorruptedError):
            unseal(key, sealed, bound)


def test_two_seals_of_one_text_differ() -> None:
    assert seal(KEY, b"text", b"here") != seal(KEY, b"text", b"here")


def test_a_wrapped_key_is_bound_to_owner_and_version() -> None:
    wrapped = Wrapper(1, KEY).wrap(OTHER, b"anna")
    assert Wrapper(1, KEY).unwrap(wrapped, b"anna") == OTHER
    for wrapper, owner in ((Wrapper(2, KEY), b"anna"), (Wrapper(1, KEY), b"bert"), (Wrapper(1, OTHER), b"anna")):
        with pytest.raises(CorruptedError):
            wrapper.unwrap(wrapped, owner)


def test_a_wrapper_does_not_show_its_root() -> None:
    assert KEY.hex() not in repr(Wrapper(1, KEY))
    assert repr(KEY) not in repr(Wrapper(1, KEY))


def test_a_secret_file_is_its_owners_alone(tmp_path: Path) -> None:
    write_secret(tmp_path / "a.key", KEY)
    assert (tmp_path / "a.key").stat().st_mode & 0o777 == 0o600
    assert read_secret(tmp_path / "a.key") == KEY
    assert [path.name for path in tmp_path.iterdir()] == ["a.key"]


def test_a_secret_file_is_never_overwritten(tmp_path: Path) -> None:
    write_secret(tmp_path / "a.key", KEY)
    with pytest.raises(FileExistsError):
        write_secret(tmp_path / "a.key", OTHER)
    assert read_secret(tmp_path / "a.key") == KEY


def test_the_leaving_of_a_kill_does_not_stop_a_write(tmp_path: Path) -> None:
    (tmp_path / "a.key.new").write_text("half")
    write_secret(tmp_path / "a.key", KEY)
    assert [path.name for path in tmp_path.iterdir()] == ["a.key"]


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe", b"not hex", b"ab" * 31, b"ab" * 33])
def test_what_is_no_key_file_is_corrupted(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.key").write_bytes(content)
    with pytest.raises(CorruptedError, match=r"a\.key"):
        read_secret(tmp_path / "a.key")


def test_a_destroyed_file_is_overwritten_first(tmp_path: Path) -> None:
    write_secret(tmp_path / "a.key", KEY)
    (tmp_path / "backup").hardlink_to(tmp_path / "a.key")
    destroy_file(tmp_path / "a.key")
    assert not (tmp_path / "a.key").exists()
    assert KEY.hex().encode() not in (tmp_path / "backup").read_bytes()
    destroy_file(tmp_path / "a.key")


def test_root_keys_are_made_once_and_destroyed_for_good(tmp_path: Path) -> None:
    store = RootStore(tmp_path)
    store.create(1)
    first = store.read(1)
    store.create(1)
    assert store.read(1) == first
    for version in (2, 10):
        store.create(version)
    assert store.versions() == [1, 2, 10]
    store.destroy_before(10)
    store.destroy_before(10)
    assert store.versions() == [10]
    with pytest.raises(KeyDestroyedError, match="version 2"):
        store.read(2)


def test_a_root_that_cannot_be_destroyed_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = RootStore(tmp_path)
    store.create(1)
    monkeypatch.setattr("expunge.vault.keys.destroy_file", lambda _path: None)
    with pytest.raises(VaultError, match="could not be destroyed"):
        store.destroy_before(2)


def test_keys_are_random() -> None:
    assert len({new_key() for _ in range(100)}) == 100
    assert len(new_key()) == 32


def test_many_tokens_are_as_long_as_asked_and_all_different() -> None:
    tokens = new_tokens(500, 12)
    assert (len(set(tokens)), {len(token) for token in tokens}) == (500, {12})
    assert new_tokens(0) == []


def test_keys_that_are_wrapped_together_open_one_by_one_each_for_its_owner() -> None:
    owners = [b"a", b"b", b"c"]
    keys = new_tokens(3)
    wrapper = Wrapper(4, KEY)
    wrapped = wrapper.wrap_all(list(zip(owners, keys, strict=True)))
    assert len({one[:12] for one in wrapped}) == 3, "no nonce stands twice"
    assert [wrapper.unwrap(one, owner) for one, owner in zip(wrapped, owners, strict=True)] == keys
    assert wrapper.unwrap_all(zip(owners, wrapped, strict=True)) == keys
    with pytest.raises(CorruptedError):
        wrapper.unwrap_all(zip(owners, reversed(wrapped), strict=True))
