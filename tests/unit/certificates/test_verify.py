"""Verifying: only the certificate that was issued holds, and nothing but two kinds of error comes out."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from securesystemslib.dsse import Envelope
from securesystemslib.signer import CryptoSigner  # type: ignore[attr-defined]  # re-exported, without saying so

from expunge.certificates import CHECKS, generate_key, public_pem, verify, verify_file
from expunge.certificates.file import MAX_BYTES
from expunge.certificates.sign import PAYLOAD_TYPE, sslib_key
from expunge.domain.digest import canonical_json
from expunge.domain.plan import Method
from expunge.domain.report import Verdict
from expunge.errors import CertificateError, EnvelopeFormatError, InputError, NotFoundError, NotVerifiedError

World = Any  # of conftest.py


def signed_as_is(world: World, value: Any) -> dict[str, Any]:
    """Sign anything, as a dishonest operator would: without `sign`'s conditions."""
    data = value if isinstance(value, bytes) else canonical_json(value)
    envelope = Envelope(data, PAYLOAD_TYPE, {})
    envelope.sign(CryptoSigner(world.key, sslib_key(world.key.public_key())))
    result: dict[str, Any] = envelope.to_dict()
    return result


def respelled(data: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    """Change a certificate's JSON and spell it canonically again."""
    value = json.loads(data)
    change(value)
    return (json.dumps(value, sort_keys=True, indent=2) + "\n").encode()


def test_the_certificate_that_was_issued_holds(world: World, certificate: bytes) -> None:
    verified = verify(certificate, world.public_pem)
    assert verified.statement == world.statement
    assert verified.checks == CHECKS
    assert (verified.checkpoint.origin, verified.checkpoint.size) == (world.statement.log.origin, 6)


def test_no_byte_is_without_meaning(world: World, certificate: bytes) -> None:
    """Every position is flipped in one bit, which one depending on the position."""
    for position in range(len(certificate)):
        changed = bytearray(certificate)
        changed[position] ^= 1 << position % 8
        with pytest.raises((EnvelopeFormatError, NotVerifiedError)):
            verify(bytes(changed), world.public_pem)


@given(st.data())
def test_no_byte_can_become_another(world: World, certificate: bytes, data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(certificate) - 1))
    changed = bytearray(certificate)
    changed[position] ^= data.draw(st.integers(1, 255))
    with pytest.raises((EnvelopeFormatError, NotVerifiedError)):
        verify(bytes(changed), world.public_pem)


@pytest.mark.parametrize(
    ("name", "check"), [("payload", "signature"), ("sig", "signature"), ("inclusion", "inclusion"), ("entry", "log")]
)
def test_the_check_that_fails_is_named(world: World, certificate: bytes, name: str, check: str) -> None:
    def tamper(value: dict[str, Any]) -> None:
        match name:
            case "payload":
                payload = base64.b64decode(value["envelope"]["payload"]).replace(b"visits", b"visitz")
                value["envelope"]["payload"] = base64.b64encode(payload).decode()
            case "sig":
                value["envelope"]["signatures"][0]["sig"] = base64.b64encode(bytes(64)).decode()
            case "inclusion":
                value["log"]["inclusion"][0] = "00" * 32
            case _:
                value["log"]["entry"] = value["log"]["entry"].replace("C-1", "C-2")

    with pytest.raises(NotVerifiedError, match=f"^{check}") as caught:
        verify(respelled(certificate, tamper), world.public_pem)
    assert caught.value.check.startswith(check)


def test_another_key_does_not_verify_it(world: World, certificate: bytes) -> None:
    other = public_pem(Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key())
    with pytest.raises(NotVerifiedError, match=r"signature: key .* signed it, and the key given is") as caught:
        verify(certificate, other)
    assert caught.value.check == "signature"


def test_the_keyid_must_be_the_fingerprint(world: World, certificate: bytes) -> None:
    def rename(value: dict[str, Any]) -> None:
        value["envelope"]["signatures"][0]["keyid"] = "ab" * 32

    with pytest.raises(NotVerifiedError, match="signature: key abab"):
        verify(respelled(certificate, rename), world.public_pem)


def test_a_wrong_public_key_file_is_said_to_be_one(certificate: bytes) -> None:
    with pytest.raises(InputError, match="not a public key in PEM"):
        verify(certificate, b"no key")


LOG_FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"index": 3}, "inclusion"),
    ({"size": 5}, "inclusion"),
    ({"at": 1, "size": 7}, "inclusion"),  # the path has the same shape at both sizes
    ({"inclusion": []}, "inclusion"),
    ({"origin": "bank.example/erasures"}, "checkpoint"),
    ({"log_key": Ed25519PrivateKey.from_private_bytes(bytes(32))}, "checkpoint"),
    ({"entry": b'{"event":"erased"}'}, "log entry"),
    ({"entry": canonical_json({"event": "certificate", "certificate": "C-2", "sha256": "00" * 32})}, "log entry"),
    ({"entry": canonical_json({"event": "certificate", "certificate": "C-1", "sha256": "00" * 32})}, "log entry"),
]


@pytest.mark.parametrize(("changes", "check"), LOG_FAULTS)
def test_what_the_log_does_not_bear_out_fails(world: World, changes: dict[str, Any], check: str) -> None:
    with pytest.raises(NotVerifiedError) as caught:
        verify(world.issue(world.sign(), **changes), world.public_pem)
    assert caught.value.check == check


@pytest.mark.parametrize("entry", [b"", b"[]", b'{"event": "certificate"}', b'{"event":1}', b'{"a":"b","a":"b"}'])
def test_a_malformed_log_entry_is_refused(world: World, entry: bytes) -> None:
    with pytest.raises(EnvelopeFormatError, match="log entry: "):
        verify(world.issue(world.sign(), entry=entry), world.public_pem)


def test_a_malformed_checkpoint_is_refused(world: World) -> None:
    with pytest.raises(EnvelopeFormatError, match="checkpoint: "):
        verify(world.issue(world.sign(), checkpoint="nothing"), world.public_pem)


def with_copy(statement: Any, position: int, **changes: Any) -> Any:
    copies = list(statement.copies)
    copies[position] = replace(copies[position], **changes)
    return replace(statement, copies=tuple(copies))


def failed(copy: Any) -> dict[str, Any]:
    return {"checks": (replace(copy.checks[0], verdict=Verdict.FAILED),)}


FALSEHOODS: list[tuple[Callable[[Any], Any], str, str]] = [
    (lambda s: replace(s, requests=()), "statement", "no request"),
    (lambda s: replace(s, copies=()), "statement", "no copy"),
    (lambda s: replace(s, copies=s.copies * 2), "statement", "named twice"),
    (lambda s: replace(s, **failed(s)), "statement", "workspace: check 'remanence' FAILED"),
    (lambda s: with_copy(s, 0, **failed(s.copies[0])), "statement", "D-1: check 'remanence' FAILED"),
    (lambda s: with_copy(s, 1, checks=()), "statement", "M-1: it is Exact without a replay"),
    (lambda s: with_copy(s, 1, checks=s.copies[1].checks * 2), "statement", "named 2 times"),
    (lambda s: with_copy(s, 3, guarantee_in_words="Exact."), "statement", "M-3: it is Exact without a replay"),
    (lambda s: with_copy(s, 1, version_after=None), "statement", "M-1: it has version None after"),
    (lambda s: with_copy(s, 0, version_after=None), "statement", "cannot be retired"),
    (lambda s: with_copy(s, 0, guarantee=s.copies[2].guarantee), "statement", "a dataset has no guarantee"),
    (
        lambda s: with_copy(s, 1, learned=replace(s.copies[1].learned, equal=None)),
        "statement",
        "whether its learned digests are equal",
    ),
    (lambda s: with_copy(s, 1, served=replace(s.copies[1].served, after=None)), "statement", "no digests after"),
    (
        lambda s: with_copy(s, 1, members=replace(s.copies[1].members, proof=())),
        "members",
        "M-1: its removal proof does not hold",
    ),
    (
        lambda s: with_copy(s, 1, members=replace(s.copies[1].members, left=s.copies[1].members.left[::-1])),
        "members",
        "ascending order",
    ),
    (
        lambda s: with_copy(s, 1, members=replace(s.copies[1].members, left=s.copies[1].members.left[:1])),
        "members",
        "1 left, but 4 members before and 2 after",
    ),
    (
        lambda s: with_copy(s, 1, members=replace(s.copies[1].members, count_before=2, count_after=0)),
        "members",
        "a root of 0 members cannot be",
    ),
    (lambda s: with_copy(s, 3, method=Method.FORGET), "members", "0 left, but the method"),
    (lambda s: with_copy(s, 3, records_removed=1), "members", "nobody left, but 1 records"),
]


@pytest.mark.parametrize(("lie", "check", "message"), FALSEHOODS)
def test_a_signed_falsehood_fails(world: World, lie: Callable[[Any], Any], check: str, message: str) -> None:
    envelope = signed_as_is(world, lie(world.statement).to_dict())
    with pytest.raises(NotVerifiedError, match=message) as caught:
        verify(world.issue(envelope), world.public_pem)
    assert caught.value.check == check


def spelled(world: World) -> bytes:
    return canonical_json(world.statement.to_dict())


MALFORMED_PAYLOADS: list[Callable[[bytes], bytes]] = [
    lambda data: data.replace(b'"batch":"B-1"', b'"batch":"B-1","more":1'),
    lambda data: data.replace(b'"batch":"B-1"', b'"batch":"B-1","batch":"B-1"'),
    lambda data: data.replace(b'"batch":"B-1",', b""),
    lambda data: data.replace(b'"batch":"B-1"', b'"batch": "B-1"'),
    lambda data: data.replace(b'"batch":"B-1"', b'"batch":"\\u0042-1"'),
    lambda data: data.replace(b'"records_removed":7', b'"records_removed":7.0'),
    lambda data: data.replace(b'"records_removed":7', b'"records_removed":true'),
    lambda data: data.replace(b"visits", b"\xff"),
    lambda _: b"[]",
    lambda _: b"",
]


@pytest.mark.parametrize("spoil", MALFORMED_PAYLOADS)
def test_a_signed_statement_of_another_form_is_refused(world: World, spoil: Callable[[bytes], bytes]) -> None:
    data = spoil(spelled(world))
    assert data != spelled(world)
    with pytest.raises(EnvelopeFormatError, match=r"^statement: "):
        verify(world.issue(signed_as_is(world, data)), world.public_pem)


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode(errors="replace")))
def test_no_bytes_raise_another_error(world: World, data: bytes) -> None:
    with pytest.raises(EnvelopeFormatError):
        verify(data, world.public_pem)


paths = st.lists(st.integers(0, 30), max_size=6)
junk: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just([]) | st.just({}) | st.just([[[[]]]])
)


def put(value: Any, path: list[int], item: object) -> Any:
    """Replace what stands at a path of positions by `item`."""
    if not path or not isinstance(value, dict | list) or not value:
        return item
    keys = sorted(value) if isinstance(value, dict) else range(len(value))
    key = keys[path[0] % len(keys)]
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[key] = put(value[key], path[1:], item)
    return copy


@given(paths, junk)
def test_another_value_anywhere_in_the_file_raises_no_other_error(
    world: World, certificate: bytes, path: list[int], item: object
) -> None:
    changed = put(json.loads(certificate), path, item)
    data = (json.dumps(changed, sort_keys=True, indent=2) + "\n").encode()
    if data != certificate:
        with pytest.raises(CertificateError):
            verify(data, world.public_pem)


@given(paths, junk)
def test_another_value_anywhere_in_a_signed_statement_raises_no_other_error(
    world: World, path: list[int], item: object
) -> None:
    value = world.statement.to_dict()
    changed = put(value, path, item)
    try:
        verified = verify(world.issue(signed_as_is(world, changed)), world.public_pem)
    except (EnvelopeFormatError, NotVerifiedError):
        return
    # What is left to the operator's word is read as it was signed.
    assert canonical_json(verified.statement.to_dict()) == canonical_json(changed)


def test_a_file_is_read_with_its_key_file(world: World, certificate: bytes, tmp_path: Path) -> None:
    (tmp_path / "certificate.json").write_bytes(certificate)
    (tmp_path / "public.pem").write_bytes(world.public_pem)
    assert verify_file(tmp_path / "certificate.json", tmp_path / "public.pem").checks == CHECKS
    with pytest.raises(NotFoundError, match="cannot be read: No such file"):
        verify_file(tmp_path / "no.json", tmp_path / "public.pem")
    with pytest.raises(InputError, match="cannot be read: No such file"):
        verify_file(tmp_path / "certificate.json", tmp_path / "no.pem")


def test_a_huge_file_is_refused_in_one_line_without_being_read(world: World, tmp_path: Path) -> None:
    key = generate_key(tmp_path / "key.pem")
    (tmp_path / "public.pem").write_bytes(public_pem(key.public_key()))
    with (tmp_path / "huge.json").open("wb") as file:
        file.truncate(100_000_000_000)  # sparse: reading it would take minutes and all memory
    with pytest.raises(EnvelopeFormatError, match=r"larger than a certificate can be \(10 MB\)") as caught:
        verify_file(tmp_path / "huge.json", tmp_path / "public.pem")
    assert "\n" not in str(caught.value)


def test_the_limit_of_size_is_exact(world: World) -> None:
    for size, message in ((MAX_BYTES, "not strict JSON"), (MAX_BYTES + 1, "larger")):
        with pytest.raises(EnvelopeFormatError, match=message):
            verify(b" " * size, world.public_pem)


BLOCKED = ("numpy", "scipy", "pandas", "sklearn", "sqlalchemy", "sqlite3", "alembic", "pyarrow", "matplotlib", "jinja2")

SCRIPT = f"""
import sys
from importlib.abc import MetaPathFinder
from pathlib import Path

class Blocked(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {BLOCKED!r}:
            raise ImportError(name + " is blocked")

sys.meta_path.insert(0, Blocked())
for name in {BLOCKED!r}:
    try:
        __import__(name)
    except ImportError:
        continue
    raise SystemExit(name + " is not blocked")
from expunge.certificates import verify_file
print(" ".join(verify_file(Path(sys.argv[1]), Path(sys.argv[2])).checks))
"""


def test_it_verifies_without_the_numerical_and_the_database_packages(
    world: World, certificate: bytes, tmp_path: Path
) -> None:
    (tmp_path / "certificate.json").write_bytes(certificate)
    (tmp_path / "public.pem").write_bytes(world.public_pem)
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "certificate.json"), str(tmp_path / "public.pem")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.stdout, done.stderr) == (" ".join(CHECKS) + "\n", "")


def test_every_field_of_the_file_is_signed_or_recomputed(world: World, certificate: bytes) -> None:
    """The SHA-256 that the log keeps binds the envelope, and the checkpoint binds the entry."""
    entry = json.loads(json.loads(certificate)["log"]["entry"])
    envelope = json.loads(certificate)["envelope"]
    assert entry["sha256"] == sha256(canonical_json(envelope)).hexdigest()
