"""Passphrases are stretched, keys are random, and files that hold one are their owner's alone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from expunge.access.credentials import (
    MIN_LENGTH,
    Method,
    accepted,
    new_key,
    nobodys,
    proves,
    read_private,
    verifier,
    write_key,
)
from expunge.errors import InputError

PHRASE = "correct horse battery"


@pytest.mark.parametrize("method", list(Method))
def test_only_the_credential_proves(method: Method) -> None:
    stored = verifier(method, PHRASE)
    assert PHRASE not in stored
    assert proves(method, stored, PHRASE)
    for wrong in ("", PHRASE + " ", PHRASE.upper(), stored):
        assert not proves(method, stored, wrong)


def test_a_passphrase_is_stretched_as_rfc_9106_says_under_a_salt_of_its_own() -> None:
    one, other = verifier(Method.PASSPHRASE, PHRASE), verifier(Method.PASSPHRASE, PHRASE)
    assert one != other
    assert one.startswith("$argon2id$v=19$m=65536,t=3,p=4$")


def test_the_same_letters_typed_on_another_keyboard_are_the_same_passphrase() -> None:
    assert proves(Method.PASSPHRASE, verifier(Method.PASSPHRASE, "für Grünwald so grün"), "für Grünwald so grün")


@pytest.mark.parametrize("stored", ["", "nonsense", "$argon2id$v=19$m=65536,t=3,p=4$", "00" * 32])
def test_a_broken_verifier_proves_nobody(stored: str) -> None:
    assert not proves(Method.PASSPHRASE, stored, PHRASE)
    assert not proves(Method.KEY, stored, PHRASE)


def test_nobody_is_proven_by_what_is_compared_for_actors_who_are_not_there() -> None:
    assert not proves(Method.PASSPHRASE, nobodys(), PHRASE)
    assert nobodys() == nobodys()


def test_a_short_passphrase_is_refused_and_not_repeated() -> None:
    assert accepted("x" * MIN_LENGTH)
    with pytest.raises(InputError, match=f"fewer than {MIN_LENGTH}") as refused:
        accepted("hunter2")
    assert "hunter2" not in str(refused.value)


def test_keys_have_256_bits_and_differ() -> None:
    assert len({new_key() for _ in range(100)}) == 100
    assert len(new_key()) == 43  # base64 of 32 bytes


def test_a_key_file_is_its_owners_alone_and_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "dora.key"
    write_key(path, "a key")
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_private(path) == "a key"
    with pytest.raises(InputError, match="exists"):
        write_key(path, "another")
    assert read_private(path) == "a key"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o601])
def test_a_file_that_others_may_touch_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "dora.key"
    write_key(path, "a key")
    path.chmod(mode)
    with pytest.raises(InputError, match="chmod 600"):
        read_private(path)


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe", b"x" * 5000])
def test_a_file_that_holds_no_credential_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "dora.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(InputError, match="holds no credential"):
        read_private(path)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file"):
        read_private(tmp_path / "none")
    with pytest.raises(InputError, match="holds no credential"):
        read_private(tmp_path)
    os.mkfifo(tmp_path / "pipe", 0o600)
    with (tmp_path / "pipe").open("rb+", buffering=0), pytest.raises(InputError, match="no file"):
        read_private(tmp_path / "pipe")
