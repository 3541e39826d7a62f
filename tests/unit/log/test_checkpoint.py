"""Signed heads of the log."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from expunge.errors import EnvelopeFormatError, InputError, NotVerifiedError
from expunge.log.checkpoint import Checkpoint, key_hash, parse_checkpoint, sign_checkpoint, verify_checkpoint

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
ORIGIN = "hospital.example/erasures"
NOTE = sign_checkpoint(Checkpoint(ORIGIN, 12, bytes(range(32))), KEY)

names = st.text(
    st.characters(codec="utf-8", exclude_characters="+", exclude_categories=["Z", "C"]), min_size=1, max_size=60
)


@given(names, st.integers(0, 10**18 - 1), st.binary(min_size=32, max_size=32))
def test_what_is_signed_is_read_back(origin: str, size: int, root: bytes) -> None:
    checkpoint = Checkpoint(origin, size, root)
    note = sign_checkpoint(checkpoint, KEY)
    assert verify_checkpoint(note, origin, KEY.public_key()) == checkpoint
    assert sign_checkpoint(parse_checkpoint(note).checkpoint, KEY) == note


def test_a_note_is_spelled_as_the_specification_says() -> None:
    origin, size, root, blank, signature, end = NOTE.split("\n")
    assert (origin, size, blank, end) == (ORIGIN, "12", "", "")
    assert base64.b64decode(root) == bytes(range(32))
    dash, name, signed = signature.split(" ")
    assert (dash, name) == ("\u2014", ORIGIN)
    assert len(base64.b64decode(signed)) == 4 + 64
    KEY.public_key().verify(base64.b64decode(signed)[4:], f"{origin}\n{size}\n{root}\n".encode())


def test_the_key_hash_of_the_reference_implementation() -> None:
    """The verifier key PeterNeumann+c74f20a3+ARpc2... of Go's sumdb/note."""
    typed = base64.b64decode("ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
    assert typed[:1] == b"\x01"
    assert key_hash("PeterNeumann", Ed25519PublicKey.from_public_bytes(typed[1:])).hex() == "c74f20a3"


def test_every_changed_byte_is_found_out() -> None:
    data = NOTE.encode()
    for position in range(len(data)):
        for flip in (0x01, 0x20, 0x80):
            changed = bytearray(data)
            changed[position] ^= flip
            text = changed.decode(errors="replace")
            with pytest.raises((EnvelopeFormatError, NotVerifiedError)):
                verify_checkpoint(text, ORIGIN, KEY.public_key())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        NOTE[:-1],
        NOTE + "\n",
        NOTE + NOTE.splitlines()[-1] + "\n",
        NOTE.replace("\n", "\r\n"),
        NOTE.replace("\n12\n", "\n012\n"),
        NOTE.replace("\n12\n", "\n-12\n"),
        NOTE.replace("\n12\n", "\n\u0661\u0662\n"),
        NOTE.replace("\n12\n", "\n" + "9" * 5000 + "\n"),
        NOTE.replace("\n\n", "\nextension\n\n"),
        NOTE.replace("\u2014", "-"),
        NOTE.replace("\u2014 hospital", "\u2014 Hospital"),
        NOTE.replace(ORIGIN, "\ud800"),
        NOTE.replace(ORIGIN, "a b"),
        NOTE.replace("=\n", "\n"),
        NOTE.replace("8=\n", "9=\n"),
    ],
)
def test_another_spelling_is_refused(text: str) -> None:
    with pytest.raises(EnvelopeFormatError, match="checkpoint: "):
        parse_checkpoint(text)


@given(st.text(st.characters(codec="utf-8"), max_size=300))
def test_reading_raises_one_error_only(text: str) -> None:
    with pytest.raises(EnvelopeFormatError):
        parse_checkpoint(text)


def test_another_key_and_another_log_are_refused() -> None:
    other = Ed25519PrivateKey.from_private_bytes(bytes(32))
    with pytest.raises(NotVerifiedError, match="another key"):
        verify_checkpoint(NOTE, ORIGIN, other.public_key())
    with pytest.raises(NotVerifiedError, match=r"of log 'hospital\.example/erasures', not 'bank'"):
        verify_checkpoint(NOTE, "bank", KEY.public_key())
    with pytest.raises(NotVerifiedError, match="signature is false"):
        verify_checkpoint(NOTE.replace("\n12\n", "\n13\n"), ORIGIN, KEY.public_key())


@pytest.mark.parametrize("origin", ["", "a b", "a+b", "a\nb", "x" * 256, "\x00", "\ud800"])
def test_a_log_has_a_name_that_can_be_written(origin: str) -> None:
    with pytest.raises(InputError, match="cannot be called"):
        sign_checkpoint(Checkpoint(origin, 0, bytes(32)), KEY)


@pytest.mark.parametrize(("size", "root"), [(-1, bytes(32)), (10**18, bytes(32)), (0, bytes(31))])
def test_an_impossible_head_is_not_signed(size: int, root: bytes) -> None:
    with pytest.raises(InputError, match="has no checkpoint"):
        sign_checkpoint(Checkpoint(ORIGIN, size, root), KEY)
