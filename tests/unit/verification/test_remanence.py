"""Remanence: what is left in any store is found, what merely looks like it is not, and a blind search says so."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lightgbm import LGBMClassifier
from sqlalchemy import insert, select

from expunge.domain.report import Check, Verdict
from expunge.errors import CorruptedError
from expunge.learners import state
from expunge.learners.exact import Retrained, RidgeClassifier
from expunge.vault import blobs, codec, records, subjects
from expunge.vault.database import BLOB_KEY, LOG_LEAF, METADATA, RECORD, SEGMENT
from expunge.verification import remanence as module
from expunge.verification.remanence import SHORTEST, STORES, Needles, remanence
from expunge.workspace import data
from expunge.workspace.folder import Workspace

NOBODY = "Ottilie von Nirgendwo"
NAMED = Needles(frozenset(), frozenset({NOBODY}))
FIRST = 71_001


def layouts(workspace: Workspace) -> dict[str, codec.Layout]:
    with workspace.vault.transaction() as connection:
        return {
            one.id: tuple(
                (column.name, "number" if column.kind == "numeric" else "text")
                for column in one.schema.columns
                if column.role != "subject"
            )
            for one in data.every(workspace, connection)
        }


def look(workspace: Workspace, needles: Needles) -> Check:
    return remanence(workspace.vault, layouts(workspace), needles)


def everything(workspace: Workspace) -> dict[str, object]:
    """Every row, and the name of every file."""
    with workspace.vault.transaction() as connection:
        rows: dict[str, object] = {
            table.name: [tuple(row) for row in connection.execute(table.select())] for table in METADATA.sorted_tables
        }
    return rows | {"files": sorted(str(path) for path in workspace.folder.rglob("*") if "expunge.db" not in path.name)}


def plant_in_the_database(workspace: Workspace, content: bytes) -> str:
    with workspace.vault.transaction() as connection:
        connection.execute(insert(LOG_LEAF).values(idx=10_000, entry=content))
    return "database: log_leaf.entry"


def plant_in_a_file(workspace: Workspace, content: bytes) -> str:
    (workspace.certificates / "left.bin").write_bytes(content)
    return "files: left.bin"


def plant_beside_the_keys(workspace: Workspace, content: bytes) -> str:
    (workspace.keys / "left.bin").write_bytes(content)
    return "files: left.bin"


def plant_in_a_blob(workspace: Workspace, content: bytes) -> str:
    with workspace.vault.transaction() as connection:
        blobs.put(workspace.vault, connection, "served model", content)
    return "sealed blobs: served model"


PLACES: Sequence[Callable[[Workspace, bytes], str]] = (
    plant_in_the_database,
    plant_in_a_file,
    plant_beside_the_keys,
    plant_in_a_blob,
)
SPELLINGS = [NOBODY.encode(), NOBODY.encode("utf-16-le"), b'{"who": "' + NOBODY.encode() + b'"}']


def test_a_clean_workspace_passes_and_no_canary_stays(workspace: Workspace) -> None:
    before = everything(workspace)
    found = look(workspace, Needles(frozenset({70_999}), frozenset({NOBODY}), frozenset({secrets.token_bytes(16)})))
    assert (found.verdict, found.figures["hits"]) == (Verdict.PASSED, "0")
    assert everything(workspace) == before


@pytest.mark.parametrize("spelled", SPELLINGS, ids=["utf-8", "utf-16", "json"])
@pytest.mark.parametrize("plant", PLACES, ids=lambda plant: plant.__name__)
def test_a_text_that_was_left_is_found(
    workspace: Workspace, plant: Callable[[Workspace, bytes], str], spelled: bytes
) -> None:
    place = plant(workspace, b"\xff\0" + spelled + b"\0")
    found = look(workspace, NAMED)
    assert found.verdict is Verdict.FAILED
    assert place in found.detail
    assert NOBODY not in str(found.to_dict())


def test_a_json_escaped_text_is_found(workspace: Workspace) -> None:
    plant_in_a_file(workspace, json.dumps("Jürgen Großmann").encode())
    assert look(workspace, Needles(frozenset(), frozenset({"Jürgen Großmann"}))).verdict is Verdict.FAILED


@pytest.mark.parametrize("plant", PLACES, ids=lambda plant: plant.__name__)
def test_a_number_that_was_left_is_found(workspace: Workspace, plant: Callable[[Workspace, bytes], str]) -> None:
    plant(workspace, b"40;70999;west")
    assert look(workspace, Needles(frozenset({70_999}), frozenset())).verdict is Verdict.FAILED


def test_a_file_that_is_named_after_somebody_is_found_and_not_named(workspace: Workspace) -> None:
    (workspace.letters / f"{NOBODY}.txt").write_text("Dear sir or madam")
    found = look(workspace, NAMED)
    assert found.verdict is Verdict.FAILED
    assert "letters" in found.detail
    assert NOBODY not in str(found.to_dict())


def test_a_reference_in_the_database_is_found(workspace: Workspace) -> None:
    with workspace.vault.transaction() as connection:
        (ref,) = subjects.everywhere(workspace.vault, connection, [FIRST])
    found = look(workspace, Needles(frozenset(), frozenset(), frozenset({ref})))
    assert found.verdict is Verdict.FAILED
    assert {"database: member.ref", "database: record.ref", "database: subject.ref"} <= {
        place.split(",")[0] for place in found.detail.split("found: ")[1].split("; ")
    }


def test_somebody_who_is_still_there_is_found_in_records_and_training_states(workspace: Workspace) -> None:
    with workspace.vault.transaction() as connection:
        kinds = {kind for _, kind, _ in blobs.every(workspace.vault, connection)}
    assert "training state" in kinds
    found = look(workspace, Needles(frozenset(range(FIRST, FIRST + 13 * 4, 13)), frozenset()))
    assert found.verdict is Verdict.FAILED
    assert "subject column" in found.detail
    assert "sealed blobs: training state" in found.detail


def test_a_record_of_a_short_id_is_found(workspace: Workspace) -> None:
    """Id 7 is no run of bytes to search for, but as the owner of a record it is found."""
    dataset, layout = next(iter(layouts(workspace).items()))
    with workspace.vault.transaction() as connection:
        refs, keys = subjects.enrol(workspace.vault, connection, dataset, [7])
        row = codec.Rows([7], data.load(workspace, connection, dataset).without(set()).only([FIRST]).arrays())
        row = codec.Rows([7] * len(next(iter(row.columns.values()))), row.columns)
        records.write(workspace.vault, connection, (dataset, 1), layout, row, refs, keys)
    found = look(workspace, Needles(frozenset({7}), frozenset()))
    assert found.verdict is Verdict.FAILED
    assert "subject column" in found.detail


def test_a_training_state_that_still_holds_a_short_id_is_found(workspace: Workspace) -> None:
    model = RidgeClassifier().fit([[0.0], [1.0], [2.0]], [0, 1, 1], subjects=[7, 8, 9])
    needles = Needles(frozenset({7}), frozenset())
    assert look(workspace, needles).verdict is Verdict.PASSED
    with workspace.vault.transaction() as connection:
        blobs.put(workspace.vault, connection, "training state", state.dump(model))
    found = look(workspace, needles)
    assert found.verdict is Verdict.FAILED
    assert "sealed blobs: training state" in found.detail


def test_a_cell_of_a_record_is_found(workspace: Workspace) -> None:
    found = look(workspace, Needles(frozenset(), frozenset({"Person Nr. 0 Grünwald"})))
    assert found.verdict is Verdict.FAILED
    assert "column 'name'" in found.detail


def test_bytes_that_no_record_owns_are_found(workspace: Workspace) -> None:
    with workspace.vault.transaction() as connection:
        file = connection.execute(select(SEGMENT.c.file)).scalar_one()
    with (workspace.vault.segments / file).open("ab") as segment:
        segment.write(b"left over")
    found = look(workspace, NAMED)
    assert found.verdict is Verdict.FAILED
    assert "bytes on disk" in found.detail


def test_a_gap_in_a_segment_is_found(workspace: Workspace) -> None:
    with workspace.vault.transaction() as connection:
        one = connection.execute(select(RECORD.c.record_id)).first()
        assert one is not None
        connection.execute(RECORD.delete().where(RECORD.c.record_id == one.record_id))
    assert look(workspace, NAMED).verdict is Verdict.FAILED


def test_a_blob_in_clear_is_no_blob(workspace: Workspace) -> None:
    with workspace.vault.transaction() as connection:
        blob = connection.execute(select(BLOB_KEY.c.id)).scalars().first()
    (workspace.vault.blobs / str(blob)).write_bytes(NOBODY.encode() * 10)
    with pytest.raises(CorruptedError):
        look(workspace, NAMED)


def test_what_is_too_short_to_be_anybody_is_looked_for_among_cells_only(workspace: Workspace) -> None:
    plant_in_a_file(workspace, b"Ann 4711 north")
    found = look(workspace, Needles(frozenset({4711}), frozenset({"Ann"})))
    assert (found.verdict, found.figures["indistinct"]) == (Verdict.PASSED, "2")


def test_a_run_of_few_bytes_in_ciphertext_is_chance(workspace: Workspace) -> None:
    plant_in_a_file(workspace, b"\xff\xfe\x00 70999 Petra\xff")
    assert look(workspace, Needles(frozenset({70_999}), frozenset({"Petra"}))).verdict is Verdict.PASSED
    plant_in_a_file(workspace, b"70999 Petra")
    assert look(workspace, Needles(frozenset({70_999}), frozenset())).verdict is Verdict.FAILED
    assert look(workspace, Needles(frozenset(), frozenset({"Petra"}))).verdict is Verdict.FAILED


@pytest.mark.parametrize("word", ["solat", "isolatio", "unlearned", "retired", "subject"])
def test_what_is_part_of_what_stays_is_no_trace(workspace: Workspace, word: str) -> None:
    """Parts of others' cells ("isolation"), and words that the software itself writes."""
    plant_in_the_database(workspace, b'{"event": "unlearned", "why": "retired", "ward": "isolation"}')
    found = look(workspace, Needles(frozenset(), frozenset({word}), kept=b"north\0isolation"))
    assert (found.verdict, found.figures["indistinct"]) == (Verdict.PASSED, "1")


def test_what_is_part_of_what_stays_is_still_found_as_a_cell(workspace: Workspace) -> None:
    kept = Needles(frozenset(), frozenset({"isolation"}), kept=b"no isolation")
    assert "column 'ward'" in look(workspace, kept).detail


@pytest.mark.parametrize(
    "entry", [b'{"event":"x","records":70999,"subjects":3}', b'{"size": 70999\n}', b'[["numbers","<f8",[70999,2]]]']
)
def test_a_count_is_no_trace_of_the_person_of_that_number(workspace: Workspace, entry: bytes) -> None:
    needles = Needles(frozenset({70_999}), frozenset())
    plant_in_the_database(workspace, entry)
    plant_in_a_blob(workspace, b"\xff" + entry)
    plant_in_a_file(workspace, entry)
    assert look(workspace, needles).verdict is Verdict.PASSED
    plant_in_a_file(workspace, entry + b"70999")
    assert look(workspace, needles).verdict is Verdict.FAILED


def test_a_number_in_an_array_of_a_booster_is_no_trace(workspace: Workspace) -> None:
    def found(model: bytes) -> list[str]:
        with workspace.vault.transaction() as connection:
            blobs.put(workspace.vault, connection, "served model", model)
            needles = Needles(frozenset({70_999}), frozenset())
            return [hit.store for hit in module.search(workspace.vault, connection, {}, needles)]

    booster = b"tree\nversion=v4\n"
    assert found(booster + b"Tree=0\nleaf_count=70999 20 31\ncat_threshold=1 70999\n") == []
    assert found(booster + b"Tree=0\nfeature_names=a 70999\n") == ["sealed blobs"]


def test_such_an_array_outside_of_a_booster_is_a_trace(workspace: Workspace) -> None:
    plant_in_a_blob(workspace, b"\nleaf_count=70999 20\n")
    assert look(workspace, Needles(frozenset({70_999}), frozenset())).verdict is Verdict.FAILED


def test_a_booster_has_whole_numbers_in_its_arrays_only() -> None:
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"ward": pd.Categorical(rng.integers(0, 40, 60_000)), "age": rng.normal(size=60_000)})
    y = (X["ward"].cat.codes % 3 + X["age"] > 1).astype(int)
    served = Retrained(LGBMClassifier(n_estimators=3), key=bytes(32)).fit(X, y).serve()
    content = served.body()
    assert module._BOOSTER in content
    assert module._WORD.findall(content), "a large booster has such numbers"
    assert module._WORD.findall(module._ARRAY.sub(rb"\1=", content)) == []


def test_an_id_that_others_carry_as_a_cell_is_no_trace(workspace: Workspace) -> None:
    plant_in_a_file(workspace, b"zip: 70999")
    assert look(workspace, Needles(frozenset({70_999}), frozenset())).verdict is Verdict.FAILED
    assert look(workspace, Needles(frozenset({70_999}), frozenset(), kept=b"10115\x0070999")).verdict is Verdict.PASSED


@pytest.mark.parametrize("store", STORES)
def test_a_search_that_skips_a_store_says_that_it_is_blind(
    workspace: Workspace, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(*_: object) -> Iterator[str]:
        return iter(())

    name = {"database": "_cells", "records": "_in_records", "sealed blobs": "_in_blobs", "files": "_files"}[store]
    monkeypatch.setattr(module, name, nothing)
    found = look(workspace, NAMED)
    assert found.verdict is Verdict.FAILED
    assert store in found.detail
    assert "blind" in found.detail


def test_a_blind_search_leaves_no_canary_either(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    before = everything(workspace)
    monkeypatch.setattr(module, "search", lambda *_: [])
    assert look(workspace, NAMED).verdict is Verdict.FAILED
    assert everything(workspace) == before
    assert not list(Path(workspace.folder).glob("canary*"))


# The needles by themselves.

LETTERS = st.characters(categories=["L"])


@given(st.text(LETTERS, min_size=1, max_size=20), st.binary(max_size=30), st.binary(max_size=30))
def test_a_text_is_found_between_any_bytes(text: str, before: bytes, after: bytes) -> None:
    text = f"Żółć{text}"  # no word of the software itself
    needles = Needles(frozenset(), frozenset({text}))
    for spelled in (text.encode(), text.encode("utf-16-le"), json.dumps(text)[1:-1].encode()):
        assert needles.found_in(before + spelled + after)


@given(st.integers(10_000, 10**12), st.sampled_from(["{}", " {} ", '"{}"', "[{},1]", "id_{}.csv", "no. {}.", "a-{}-b"]))
def test_a_number_is_found_where_it_stands_alone(number: int, around: str) -> None:
    assert Needles(frozenset({number}), frozenset()).found_in(around.format(number).encode())


@given(
    st.integers(10_000, 10**12),
    st.sampled_from(["1{}", "{}0", "0.{}", "{}.5", "a{}", "{}f", " -{}", "{}e10", "-1.{}", "x{}y"]),
)
def test_a_number_inside_a_longer_one_is_another(number: int, around: str) -> None:
    assert not Needles(frozenset({number}), frozenset()).found_in(around.format(number).encode())


@given(st.integers(-(10**12), -10_000))
def test_a_negative_number_is_found_with_its_sign(number: int) -> None:
    needles = Needles(frozenset({number}), frozenset())
    assert needles.found_in(f"[{number}]".encode())
    assert not needles.found_in(f"[{-number}]".encode())


@given(st.one_of(st.integers(-999, 9999), st.text(LETTERS, max_size=SHORTEST - 1)))
def test_short_ids_are_no_run_of_bytes_to_search_for(short: int | str) -> None:
    needles = Needles(frozenset({short}), frozenset())
    assert not needles.found_in(f" {short} ".encode())
    assert needles.indistinct == 1


@given(st.binary(min_size=16, max_size=16))
def test_a_reference_is_found_in_hex(ref: bytes) -> None:
    needles = Needles(frozenset(), frozenset(), frozenset({ref}))
    assert needles.found_in(f'["{ref.hex()}"]'.encode())
    assert not needles.found_in(f'["{ref.hex()}00"]'.encode())


PIECES = st.sampled_from(
    [
        "70999",
        "-70999",
        "7099",
        "9",
        "-",
        ".",
        "a",
        "f",
        "x",
        " ",
        '"',
        '": ',
        '":',
        '",[',
        ",",
        "]",
        "}",
        '"records": "',
    ]
)


@given(st.lists(PIECES, max_size=12).map("".join))
def test_a_number_is_a_trace_where_it_stands_alone_more_often_than_as_a_count(content: str) -> None:
    """What is looked at around each hit comes to what reading all words and counts of the content does."""
    for number in (70_999, -70_999, 7_099_970_999):
        word, text = str(number).encode(), content.encode()
        expected = module._WORD.findall(text).count(word) > module._COUNT.findall(text).count(word)
        assert Needles(frozenset({number}), frozenset()).found_in(text) == expected
