"""Key files."""

from __future__ import annotations

import stat
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from expunge.certificates.keys import fingerprint, generate_key, load_key, load_public_key, public_pem
from expunge.errors import InputError

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def test_a_key_is_read_back(tmp_path: Path) -> None:
    key = generate_key(tmp_path / "key.pem")
    assert load_key(tmp_path / "key.pem").private_bytes_raw() == key.private_bytes_raw()
    pem = public_pem(key.public_key())
    assert load_public_key(pem).public_bytes_raw() == key.public_key().public_bytes_raw()


def test_only_its_owner_reads_a_key_file(tmp_path: Path) -> None:
    generate_key(tmp_path / "key.pem")
    assert stat.S_IMODE((tmp_path / "key.pem").stat().st_mode) == 0o600


def test_a_key_is_never_written_over(tmp_path: Path) -> None:
    generate_key(tmp_path / "key.pem")
    before = (tmp_path / "key.pem").read_bytes()
    (tmp_path / "link.pem").symlink_to(tmp_path / "nowhere.pem")
    for name in ("key.pem", "link.pem"):
        with pytest.raises(InputError, match=r"no key can be made at .*File exists"):
            generate_key(tmp_path / name)
    assert (tmp_path / "key.pem").read_bytes() == before
    assert not (tmp_path / "nowhere.pem").exists()
    with pytest.raises(InputError, match="No such file"):
        generate_key(tmp_path / "no folder" / "key.pem")


def test_the_fingerprint_is_of_the_der_public_key() -> None:
    # RFC 8410 section 4: the algorithm identifier of Ed25519, then a bit string of 32 bytes.
    der = bytes.fromhex("302a300506032b6570032100") + KEY.public_key().public_bytes_raw()
    assert fingerprint(KEY.public_key()) == sha256(der).hexdigest()


PRIVATE_FILES = {
    "empty": (b"", "not a private key"),
    "text": (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "not a private key"),
    "public": (public_pem(KEY.public_key()), "not a private key"),
    "encrypted": (
        KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")),
        "without a password",
    ),
    "curve": (
        ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        "another kind than Ed25519",
    ),
    "huge": (b"-" * 70_000, "too large for a key"),
}


@pytest.mark.parametrize("name", PRIVATE_FILES)
def test_what_is_no_private_key_is_said_to_be_none(name: str, tmp_path: Path) -> None:
    data, message = PRIVATE_FILES[name]
    (tmp_path / "key.pem").write_bytes(data)
    with pytest.raises(InputError, match=message):
        load_key(tmp_path / "key.pem")


PUBLIC_FILES = {
    "empty": (b"", "not a public key in PEM"),
    "certificate": (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "not a public key in PEM"),
    "private": (KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), "is a private key"),
    "x25519": (
        x25519.X25519PrivateKey.generate().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "another kind than Ed25519",
    ),
}


@pytest.mark.parametrize("name", PUBLIC_FILES)
def test_what_is_no_public_key_is_said_to_be_none(name: str) -> None:
    data, message = PUBLIC_FILES[name]
    with pytest.raises(InputError, match=message):
        load_public_key(data)


def test_a_missing_key_file_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"key file .*key\.pem cannot be read: No such file"):
        load_key(tmp_path / "key.pem")
