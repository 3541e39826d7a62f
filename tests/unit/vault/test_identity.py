"""Who a request is about: known until it is closed, to nobody afterwards."""

from __future__ import annotations

import pytest

from expunge.errors import CorruptedError, KeyDestroyedError
from expunge.vault.identity import destroy_identity, open_identity, seal_identity
from expunge.vault.store import Vault

WHO = {"subject": "Wilhelmina", "texts": ["é"]}


def test_an_identity_comes_back_until_it_is_destroyed(vault: Vault) -> None:
    sealed = seal_identity(vault, "R-1", WHO)
    assert open_identity(vault, "R-1", sealed) == WHO
    destroy_identity(vault, "R-1")
    destroy_identity(vault, "R-1")
    with pytest.raises(KeyDestroyedError, match="R-1"):
        open_identity(vault, "R-1", sealed)


def test_sealing_again_keeps_the_key(vault: Vault) -> None:
    first = seal_identity(vault, "R-1", WHO)
    second = seal_identity(vault, "R-1", {})
    assert open_identity(vault, "R-1", first) == WHO
    assert open_identity(vault, "R-1", second) == {}


def test_an_identity_is_bound_to_its_request(vault: Vault) -> None:
    sealed = seal_identity(vault, "R-1", WHO)
    seal_identity(vault, "R-2", WHO)
    with pytest.raises(CorruptedError):
        open_identity(vault, "R-2", sealed)
    requests = vault.keys / "requests"
    (requests / "R-2.key").write_bytes((requests / "R-1.key").read_bytes())
    with pytest.raises(CorruptedError):
        open_identity(vault, "R-2", sealed)


def test_the_key_lies_outside_the_workspace_and_is_its_owners_alone(vault: Vault) -> None:
    seal_identity(vault, "R-1", WHO)
    folder = vault.keys / "requests"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "R-1.key").stat().st_mode & 0o777 == 0o600
    assert not list(vault.folder.rglob("*.key"))


@pytest.mark.parametrize("content", [b"", b"ab" * 16, b"\xff"])
def test_a_broken_key_file_is_corrupted(vault: Vault, content: bytes) -> None:
    sealed = seal_identity(vault, "R-1", WHO)
    (vault.keys / "requests" / "R-1.key").write_bytes(content)
    with pytest.raises(CorruptedError):
        open_identity(vault, "R-1", sealed)
    with pytest.raises(CorruptedError):
        seal_identity(vault, "R-1", WHO)
