"""The statement: read as strictly as it is written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.domain.certificate import Statement
from expunge.domain.codec import read, write
from expunge.domain.guarantee import Certified, Empirical, Exact
from expunge.errors import EnvelopeFormatError

HEX = "ab" * 32


def predicate() -> dict[str, Any]:
    copy = {
        "object": "M-1",
        "kind": "model",
        "name": "ridge",
        "version_before": 1,
        "version_after": 2,
        "method": "forgotten",
        "guarantee": {"class": "exact", "scope": "portable"},
        "guarantee_in_words": "Equal to a refit.",
        "learned": {"before": HEX, "after": "cd" * 32, "equal": False},
        "served": {"before": HEX, "after": HEX},
        "members": {
            "before": HEX,
            "after": HEX,
            "count_before": 3,
            "count_after": 2,
            "left": [HEX],
            "proof": ["here"],
        },
        "records_removed": 4,
        "checks": [{"name": "replay", "verdict": "PASSED", "detail": "Equal.", "figures": {"seconds": "1.5"}}],
        "seconds": {"method": "0.01", "full_retrain": "1.5"},
        "guard": {"bound": "0.05", "drop": "0.001", "fate": "within the bound", "by": None, "at": None},
        "seed": {"number": 1, "since": "2026-10-01T08:00:00Z", "renewed": False},
    }
    return {
        "batch": "B-1",
        "certificate": "C-1",
        "issued": "2026-11-02T09:30:00Z",
        "requests": [{"id": "R-1", "law": "gdpr", "received": "2026-10-20", "due": "2026-11-20", "outcome": "erased"}],
        "copies": [copy],
        "checks": [],
        "keys": {
            "store": "file",
            "version_destroyed": 1,
            "version_now": 2,
            "unusable_since": "2026-11-02T09:29:00Z",
            "may_still_hold": ["snapshots"],
        },
        "retained": [{"object": "D-2", "why": "Accounts.", "article": "17(3)(b)"}],
        "recipients": [{"request": "R-1", "recipient": "P-1", "kind": "processor", "outcome": "told"}],
        "residuals": [],
        "limits": ["x"],
        "notes": [],
        "log": {"origin": "hospital.example/erasures", "public_key": "A" * 43 + "="},
        "environment": {"python": "3.11"},
        "release": {"min_batch": 2, "window_days": 14, "safe_days": 3, "subjects": 1, "rule": "the window ended"},
    }


def statement() -> dict[str, Any]:
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "model/ridge", "digest": {"hmacSha256": "cd" * 32}}],
        "predicateType": "urn:expunge:erasure:v1",
        "predicate": predicate(),
    }


def objects(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the paths of all objects whose fields are fixed."""
    if isinstance(value, dict):
        if path[-1:] not in {("figures",), ("environment",)}:
            yield path
        for key, item in value.items():
            yield from objects(item, (*path, key))
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from objects(item, (*path, position))


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the paths of all values, the whole excepted."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from leaves(item, (*path, key))


def at(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


def test_a_statement_is_written_as_it_was_read() -> None:
    assert Statement.from_dict(statement()).to_dict() == statement()


@pytest.mark.parametrize("path", list(objects(statement())), ids=str)
def test_an_unknown_or_a_missing_field_is_refused_everywhere(path: tuple[Any, ...]) -> None:
    value = statement()
    at(value, path)["surprise"] = "x"
    with pytest.raises(EnvelopeFormatError):
        Statement.from_dict(value)
    for name in at(statement(), path):
        value = statement()
        del at(value, path)[name]
        with pytest.raises(EnvelopeFormatError):
            Statement.from_dict(value)


@pytest.mark.parametrize("path", list(leaves(statement())), ids=str)
def test_a_wrong_type_is_refused_everywhere(path: tuple[Any, ...]) -> None:
    *parent, name = path
    old = at(statement(), path)
    # To Python 1 equals True and 1.0: neither stands for the other here.
    swapped = int(old) if isinstance(old, bool) else bool(old)
    wrongs: list[Any] = [1.5, b"x", (), [[]], {"a": {}}, swapped]
    for wrong in wrongs:
        value = statement()
        at(value, tuple(parent))[name] = wrong
        with pytest.raises(EnvelopeFormatError):
            Statement.from_dict(value)


FORMS = [
    (("issued",), "2026-11-02 09:30:00Z"),
    (("issued",), "2026-11-02T09:30:00+00:00"),
    (("issued",), "2026-11-02T09:30:00.5Z"),
    (("issued",), "2026-02-30T09:30:00Z"),
    (("requests", 0, "received"), "20261020"),
    (("requests", 0, "due"), "2026-13-01"),
    (("requests", 0, "id"), ""),
    (("requests", 0, "id"), "../etc"),
    (("copies", 0, "kind"), "backup"),
    (("copies", 0, "method"), "masked"),
    (("copies", 0, "version_after"), -1),
    (("copies", 0, "records_removed"), 2**53 + 1),
    (("copies", 0, "learned", "after"), "CD" * 32),
    (("copies", 0, "members", "left", 0), "ab" * 31),
    (("copies", 0, "seconds", "method"), "fast"),
    (("copies", 0, "seconds", "full_retrain"), "NaN"),
    (("copies", 0, "checks", 0, "verdict"), "OK"),
    (("copies", 0, "guarantee"), {"class": "perfect"}),
    (("copies", 0, "guarantee"), {"class": ["exact"]}),
    (("copies", 0, "guarantee"), {"class": "exact", "scope": "everywhere"}),
    (("copies", 0, "guarantee"), {"class": "certified", "epsilon": "1", "delta": "1e-05", "spent": "0.0"}),
    (("copies", 0, "guarantee"), {"class": "certified", "epsilon": "nan", "delta": "1e-05", "spent": "0.0"}),
    (("copies", 0, "guarantee"), {"class": "certified", "epsilon": "one", "delta": "1e-05", "spent": "0.0"}),
    (("copies", 0, "name"), "\ud800"),
    (("log", "public_key"), "A" * 42 + "B="),
    (("log", "public_key"), "A" * 40),
    (("log", "public_key"), "\u00e9"),
]


@pytest.mark.parametrize(("path", "wrong"), FORMS)
def test_a_field_of_another_form_is_refused_by_its_path(path: tuple[Any, ...], wrong: Any) -> None:
    value = statement()
    *parent, name = path
    at(value["predicate"], tuple(parent))[name] = wrong
    with pytest.raises(EnvelopeFormatError) as caught:
        Statement.from_dict(value)
    assert str(path[-1]) in str(caught.value) or "guarantee" in str(caught.value) or "left[0]" in str(caught.value)


def test_the_path_of_a_fault_is_whole() -> None:
    value = statement()
    value["predicate"]["copies"][0]["members"]["left"][0] = "x"
    with pytest.raises(EnvelopeFormatError, match=r"^predicate\.copies\[0\]\.members\.left\[0\] is not 64 hex"):
        Statement.from_dict(value)


@pytest.mark.parametrize(
    "guarantee",
    [
        {"class": "exact", "scope": "environment"},
        {"class": "certified", "epsilon": "1.0", "delta": "1e-05", "spent": "0.25"},
        {"class": "empirical", "measured": "membership AUC .51"},
        None,
    ],
)
def test_each_class_of_guarantee_is_read_as_itself(guarantee: dict[str, Any] | None) -> None:
    value = statement()
    value["predicate"]["copies"][0]["guarantee"] = guarantee
    read_back = Statement.from_dict(value)
    assert read_back.to_dict() == value
    kinds = {"exact": Exact, "certified": Certified, "empirical": Empirical}
    found = read_back.copies[0].guarantee
    assert found is None if guarantee is None else isinstance(found, kinds[guarantee["class"]])


def test_a_subject_that_the_copies_do_not_bear_out_is_refused() -> None:
    for subject in ([], [{"name": "model/other", "digest": {"hmacSha256": "cd" * 32}}], None):
        with pytest.raises(EnvelopeFormatError, match="subject is not what the copies say"):
            Statement.from_dict(statement() | {"subject": subject})


def test_a_model_without_a_state_is_named_by_its_members_root() -> None:
    value = statement()
    value["predicate"]["copies"][0]["learned"] = {"before": HEX, "after": None, "equal": None}
    value["subject"][0]["digest"] = {"membersRoot": HEX}
    assert Statement.from_dict(value).to_dict() == value


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(list(leaves(statement()))), json_values)
def test_any_value_anywhere_is_refused_or_written_back(path: tuple[Any, ...], item: Any) -> None:
    value = statement()
    *parent, name = path
    at(value, tuple(parent))[name] = item
    try:
        result = Statement.from_dict(value)
    except EnvelopeFormatError:
        return
    assert result.to_dict() == value


@given(
    st.lists(st.text(st.characters(codec="utf-8"))),
    st.dictionaries(st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8"))),
)
def test_reading_undoes_writing(texts: list[str], entries: dict[str, str]) -> None:
    assert read(tuple[str, ...], write(tuple(texts))) == tuple(texts)
    assert read(dict[str, str], write(entries)) == entries
