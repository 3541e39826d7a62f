"""Sealed blobs open for what they are, and not without their key."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from expunge.errors import CorruptedError, KeyDestroyedError
from expunge.vault import blobs
from expunge.vault.database import BLOB_KEY
from expunge.vault.store import Vault


def put(vault: Vault, content: bytes = b"a training state", kind: str = "state") -> str:
    with vault.transaction() as connection:
        return blobs.put(vault, connection, kind, content)


def get(vault: Vault, blob: str) -> bytes:
    with vault.transaction() as connection:
        return blobs.get(vault, connection, blob)


@pytest.mark.parametrize("content", [b"", b"x", bytes(100_000)])
def test_a_blob_comes_back(vault: Vault, content: bytes) -> None:
    blob = put(vault, content)
    assert get(vault, blob) == content
    with vault.transaction() as connection:
        assert list(blobs.every(vault, connection)) == [(blob, "state", content)]


def test_a_blob_is_not_in_clear_on_disk(vault: Vault) -> None:
    blob = put(vault, b"a training state")
    assert b"training" not in (vault.blobs / blob).read_bytes()


def test_a_dropped_blob_is_destroyed_and_its_file_collected(vault: Vault) -> None:
    kept, gone = put(vault), put(vault)
    with vault.transaction() as connection:
        blobs.drop(connection, gone, None)
        assert (vault.blobs / gone).exists()
        assert blobs.collect(vault, connection) == 1
    assert [path.name for path in vault.blobs.iterdir()] == [kept]
    with pytest.raises(KeyDestroyedError, match=gone):
        get(vault, gone)


def test_a_blob_of_a_cut_short_transaction_is_collected(vault: Vault) -> None:
    with pytest.raises(RuntimeError, match="killed"), vault.transaction() as connection:  # noqa: PT012  # cut short in the middle
        blobs.put(vault, connection, "state", b"x")
        raise RuntimeError("killed")
    with vault.transaction() as connection:
        assert blobs.collect(vault, connection) == 1
    assert not list(vault.blobs.iterdir())


def test_a_changed_missing_or_swapped_file_is_corrupted(vault: Vault) -> None:
    one, other = put(vault, b"one"), put(vault, b"two")
    path = vault.blobs / one
    whole = path.read_bytes()
    for wrong in (whole[:-1], whole + b"x", bytes([whole[0] ^ 1]) + whole[1:], (vault.blobs / other).read_bytes()):
        path.write_bytes(wrong)
        with pytest.raises(CorruptedError):
            get(vault, one)
    path.unlink()
    with pytest.raises(CorruptedError, match="missing"):
        get(vault, one)


def test_a_blob_is_bound_to_its_kind_and_root(vault: Vault) -> None:
    blob = put(vault)
    with vault.transaction() as connection:
        connection.execute(update(BLOB_KEY).values(kind="schema"))
    with pytest.raises(CorruptedError):
        get(vault, blob)
    with vault.transaction() as connection:
        connection.execute(update(BLOB_KEY).values(kind="state", root_version=9))
        assert list(blobs.every(vault, connection)) == []
    with pytest.raises(KeyDestroyedError):
        get(vault, blob)
