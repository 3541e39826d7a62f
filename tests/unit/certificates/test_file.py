"""The certificate file has one spelling."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.certificates import read_file, write_file
from expunge.certificates.strict import decode_base64, load_json
from expunge.errors import EnvelopeFormatError

World = Any  # of conftest.py


def nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


MALFORMED: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "not JSON": lambda _: b"%PDF-1.7\n",
    "truncated": lambda data: data[: len(data) // 2],
    "no newline at the end": lambda data: data[:-1],
    "more behind it": lambda data: data + b"{}\n",
    "a byte order mark": lambda data: b"\xef\xbb\xbf" + data,
    "UTF-16": lambda data: data.decode().encode("utf-16"),
    "not UTF-8": lambda data: data.replace(b"in-toto", b"in-tot\xff"),
    "Windows line ends": lambda data: data.replace(b"\n", b"\r\n"),
    "an indent of four": lambda data: json.dumps(json.loads(data), sort_keys=True, indent=4).encode() + b"\n",
    "compact": lambda data: json.dumps(json.loads(data), sort_keys=True).encode() + b"\n",
    "names not in order": lambda data: json.dumps(dict(reversed(json.loads(data).items())), indent=2).encode() + b"\n",
    "an escape for a letter": lambda data: data.replace(b'"envelope"', b'"\\u0065nvelope"'),
    "a doubled name": lambda data: data.replace(b'"index": 4', b'"index": 4,\n    "index": 4'),
    "an unknown field": lambda data: data.replace(b'"index": 4', b'"hint": 4,\n    "index": 4'),
    "a missing field": lambda data: data.replace(b'    "index": 4,\n', b""),
    "a float": lambda data: data.replace(b'"index": 4', b'"index": 4.0'),
    "an exponent": lambda data: data.replace(b'"index": 4', b'"index": 4e0'),
    "NaN": lambda data: data.replace(b'"index": 4', b'"index": NaN'),
    "Infinity": lambda data: data.replace(b'"index": 4', b'"index": -Infinity'),
    "true for a number": lambda data: data.replace(b'"index": 4', b'"index": true'),
    "a number in quotes": lambda data: data.replace(b'"index": 4', b'"index": "4"'),
    "minus nought": lambda data: data.replace(b'"index": 4', b'"index": -0'),
    "a negative number": lambda data: data.replace(b'"index": 4', b'"index": -4'),
    "a huge number": lambda data: data.replace(b'"index": 4', b'"index": ' + b"9" * 5000),
    "a number beyond 2**53": lambda data: data.replace(b'"index": 4', b'"index": 9007199254740993'),
    "null": lambda _: b"null\n",
    "a list": lambda _: b"[]\n",
    "a lone surrogate": lambda data: data.replace(b'"entry": "', b'"entry": "\\ud800'),
    "an absurd nesting": lambda _: nested(100_000),
    "an absurd nesting inside": lambda data: data.replace(b'"index": 4', b'"index": ' + nested(900)),
    "an unclosed nesting": lambda _: b'{"a":' * 100_000,
    "another payload type": lambda data: data.replace(b"vnd.in-toto+json", b"vnd.in-toto+yaml"),
    "no signature": lambda data: _edited(data, lambda value: value["envelope"]["signatures"].clear()),
    "two signatures": lambda data: _edited(
        data, lambda value: value["envelope"]["signatures"].append(value["envelope"]["signatures"][0])
    ),
    "a short signature": lambda data: _edited(data, lambda value: _signature(value).update(sig="AAAA")),
    "url-safe base64": lambda data: _edited(data, lambda value: _signature(value).update(sig="-_" * 43 + "==")),
    "a keyid in capitals": lambda data: _edited(data, lambda value: _signature(value).update(keyid="AB" * 32)),
    "a payload without padding": lambda data: _edited(data, lambda value: value["envelope"].update(payload="AA")),
    "a payload with unused bits": lambda data: _edited(data, lambda value: value["envelope"].update(payload="AB==")),
    "a payload with a newline": lambda data: _edited(data, lambda value: value["envelope"].update(payload="AAAA\n")),
    "a hash in capitals": lambda data: _edited(data, lambda value: value["log"].update(inclusion=["AB" * 32])),
    "a hash for an array": lambda data: _edited(data, lambda value: value["log"].update(inclusion="ab" * 32)),
}


def _edited(data: bytes, edit: Callable[[dict[str, Any]], object]) -> bytes:
    value = json.loads(data)
    edit(value)
    return (json.dumps(value, sort_keys=True, indent=2) + "\n").encode()


def _signature(value: dict[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = value["envelope"]["signatures"][0]
    return result


@pytest.mark.parametrize("name", MALFORMED)
def test_another_spelling_is_refused_in_one_clear_line(certificate: bytes, name: str) -> None:
    data = MALFORMED[name](certificate)
    assert data != certificate
    with pytest.raises(EnvelopeFormatError) as caught:
        read_file(data)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_what_is_written_is_read(world: World, certificate: bytes) -> None:
    file = read_file(certificate)
    assert world.issue(world.sign()) == certificate
    assert (file.log.index, file.log.size) == (4, 6)
    assert certificate.isascii()


def test_nothing_is_written_that_could_not_be_read(world: World) -> None:
    with pytest.raises(EnvelopeFormatError, match=r"envelope lacks a field: 'payloadType'"):
        write_file({"payload": "AAAA", "signatures": []}, entry=b"{}", index=0, inclusion=[], size=1, checkpoint="")


@given(st.binary(max_size=40))
def test_base64_has_one_spelling(data: bytes) -> None:
    text = base64.b64encode(data).decode()
    assert decode_base64(text, "it") == data
    for other in (text + "=", text + "\n", " " + text, text.rstrip("=") if "=" in text else text[:-1], text + "\u00e9"):
        if other != text:
            with pytest.raises(EnvelopeFormatError):
                decode_base64(other, "it")


values = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2**53) | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=4)
    ),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b'{"a":{"b":1,"b":1}}', "name 'b' stands twice"),
        (b"[" + b"9" * 17 + b"]", "a number has 17 digits"),
        (b"[1.0]", "'1.0' is no integer"),
        (b"[NaN]", "'NaN' is no integer"),
        (b'"\xff"', "not UTF-8 at byte 1"),
        (nested(100_000), "nested too deeply"),
        (b"{", "Expecting property name"),
    ],
)
def test_json_that_others_read_in_two_ways_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(EnvelopeFormatError, match=message):
        load_json(data, "it")


@given(values)
def test_plain_json_is_read_as_it_is(value: Any) -> None:
    assert load_json(json.dumps(value).encode(), "it") == value
