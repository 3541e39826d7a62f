from __future__ import annotations

import hashlib
import json
import struct
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone

from expunge.errors import CorruptedError, ExpungeError, InputError, NotFoundError
from expunge.learners.base import Arrays, Learner
from expunge.learners.case import task_of
from expunge.learners.exact import AdditiveClassifier, Ridge, RidgeClassifier, TableEncoder
from expunge.learners.exact.gram import Moments
from expunge.learners.people import random_people
from expunge.learners.state import MAGIC, dump, load, subjects_held

LEARNERS: list[Any] = [RidgeClassifier(alpha=2.0), Ridge(), AdditiveClassifier(max_bins=9), TableEncoder("bins")]


def _fitted(learner: Any, *, declared: bool = True, text_ids: bool = True) -> Any:
    people = random_people(5, task_of(learner), text_ids=text_ids, declared=declared)
    fresh = clone(learner).set_params(schema=people.schema)
    return fresh.fit(people.X, people.y, subjects=people.ids)


@pytest.mark.parametrize("learner", LEARNERS, ids=repr)
@pytest.mark.parametrize("declared", [False, True])
def test_a_state_comes_back_whole(learner: Any, declared: bool) -> None:
    fitted = _fitted(learner, declared=declared)
    again = load(dump(fitted))
    assert again.digest() == fitted.digest()
    assert again.subjects_held() == fitted.subjects_held()
    assert repr(again) == repr(fitted)
    assert again.n_features_in_ == fitted.n_features_in_
    assert list(again.feature_names_in_) == list(fitted.feature_names_in_)


@pytest.mark.parametrize("learner", LEARNERS, ids=repr)
def test_the_bytes_do_not_tell_in_which_order_rows_came(learner: Any) -> None:
    people = random_people(5, task_of(learner), text_ids=False, declared=False)
    saved = set()
    for seed in range(4):
        rows = people.only(np.random.default_rng(seed).permutation(len(people.ids)))
        saved.add(dump(clone(learner).fit(rows.X, rows.y, subjects=rows.ids)))
    assert len(saved) == 1


def test_ids_of_both_kinds_come_back_with_their_kind() -> None:
    fitted = TableEncoder().fit([[1.0], [2.0], [3.0]], subjects=["7", 7, "é"])
    assert load(dump(fitted)).subjects_held() == [7, "7", "é"]


@pytest.mark.parametrize("learner", LEARNERS, ids=repr)
def test_who_is_in_a_state_is_told_without_learning_again(learner: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    fitted = _fitted(learner)
    state = dump(fitted)
    with monkeypatch.context() as patched:
        patched.setattr(type(learner), "restore", None)
        assert subjects_held(state) == fitted.subjects_held()
    monkeypatch.setattr(type(learner), "subjects_in", Learner.subjects_in)  # a learner that cannot tell is restored
    assert subjects_held(state) == fitted.subjects_held()


@pytest.mark.parametrize("learner", [*LEARNERS[:3]], ids=repr)
def test_loading_takes_the_integers_as_they_were_saved(learner: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    fitted = _fitted(learner)
    state, leaving = dump(fitted), fitted.subjects_held()[:2]
    monkeypatch.setattr(Moments, "of", None)  # what sums up all rows
    again = load(state)
    again.forget(leaving)
    fitted.forget(leaving)
    assert (again.digest(), dump(again)) == (fitted.digest(), dump(fitted))


def test_integers_that_are_not_those_of_the_digest_are_corrupt(saved: bytes) -> None:
    body = bytearray(saved[len(MAGIC) + 32 :])
    body[-1] ^= 1  # the last array in the order of their names is the sums
    with pytest.raises(CorruptedError, match="another digest"):
        load(MAGIC + hashlib.sha256(body).digest() + bytes(body))


@pytest.fixture(scope="module")
def saved() -> bytes:
    return dump(_fitted(RidgeClassifier()))


@settings(deadline=None)
@given(data=st.data())
def test_any_changed_byte_is_noticed(saved: bytes, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(saved) - 1))
    flipped = bytes([saved[place] ^ data.draw(st.integers(1, 255))])
    with pytest.raises(CorruptedError):
        load(saved[:place] + flipped + saved[place + 1 :])


@settings(deadline=None)
@given(data=st.data())
def test_any_cut_or_added_byte_is_noticed(saved: bytes, data: st.DataObject) -> None:
    with pytest.raises(CorruptedError):
        load(saved[: data.draw(st.integers(0, len(saved) - 1))])
    with pytest.raises(CorruptedError):
        load(saved + data.draw(st.binary(min_size=1, max_size=4)))


def _with_header(data: bytes, change: Any, more: bytes = b"") -> bytes:
    """Forge a state whose checksum is right."""
    body = data[len(MAGIC) + 32 :]
    (length,) = struct.unpack("<Q", body[:8])
    header = json.loads(body[8 : 8 + length])
    forged = change(header)
    text = forged if isinstance(forged, bytes) else json.dumps(header if forged is None else forged).encode()
    new = struct.pack("<Q", len(text)) + text + body[8 + length :] + more
    return MAGIC + hashlib.sha256(new).digest() + new


FORGERIES: dict[str, Any] = {
    "not JSON": lambda _: b"{",
    "deep nesting": lambda _: b"[" * 100_000,
    "a list": lambda _: [],
    "an empty object": lambda _: {},
    "another digest": lambda h: h.update(digest="0" * 64),
    "another alpha": lambda h: h["hyperparameters"].update(alpha="f:9.0"),
    "an unknown hyperparameter": lambda h: h["hyperparameters"].update(depth="i:3"),
    "an untyped hyperparameter": lambda h: h["hyperparameters"].update(alpha=1),
    "another learner": lambda h: h.update(learner="Ridge"),
    "no features": lambda h: h["meta"].update(features=[]),
    "a feature of no kind": lambda h: h["meta"]["features"][0].update(kind="odd"),
    "fewer subjects": lambda h: h["meta"]["subjects"].pop(),
    "a subject that is none": lambda h: h["meta"]["subjects"].__setitem__(0, 1.5),
    "a subject twice": lambda h: h["meta"]["subjects"].__setitem__(0, h["meta"]["subjects"][1]),
    "words out of order": lambda h: h["meta"]["words"][0].reverse(),
    "words missing": lambda h: h["meta"]["words"][0].pop(),
    "an array of objects": lambda h: h["arrays"][0].__setitem__(1, "|O"),
    "a negative shape": lambda h: h["arrays"][0].__setitem__(2, [-1, 2]),
    "a huge shape": lambda h: h["arrays"][0].__setitem__(2, [2**40, 2**20]),
    "no arrays": lambda h: h.update(arrays=[]),
    "a renamed array": lambda h: h["arrays"][0].__setitem__(0, "codex"),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_header_is_corrupt(saved: bytes, forgery: str) -> None:
    with pytest.raises(CorruptedError):
        load(_with_header(saved, FORGERIES[forgery]))


def test_bytes_left_over_are_corrupt(saved: bytes) -> None:
    with pytest.raises(CorruptedError, match="left over"):
        load(_with_header(saved, lambda _: None, b"x"))


def test_an_untouched_header_is_accepted(saved: bytes) -> None:
    load(_with_header(saved, lambda _: None))


def test_a_class_that_is_not_registered_is_never_looked_for(saved: bytes) -> None:
    with pytest.raises(NotFoundError):
        load(_with_header(saved, lambda h: h.update(learner="os.system")))
    with pytest.raises(CorruptedError, match="not of a Ridge"):
        load(saved, cls=Ridge)


def test_the_key_is_not_written() -> None:
    key = bytes(range(65, 97))
    data = dump(RidgeClassifier(key=key).fit([[0.0], [1.0]], [0, 1]))
    assert key not in data
    assert key.hex().encode() not in data
    assert bytes(load(data, key=key).get_params()["key"]) == key


def test_hyperparameters_set_after_the_fit_are_not_saved_as_if_fitted() -> None:
    learner = RidgeClassifier().fit([[0.0], [1.0]], [0, 1])
    digest, scores = learner.digest(), learner.decision_function([[0.3]])
    learner.set_params(alpha=50.0)
    assert learner.digest() == digest
    assert learner.decision_function([[0.3]]) == scores
    with pytest.raises(InputError, match="Fit again"):
        dump(learner)


def test_arrays_of_other_types_are_not_saved() -> None:
    class Odd(TableEncoder):
        def to_parts(self) -> tuple[dict[str, Any], Arrays]:
            return {}, {"odd": np.array(["x"], dtype=object)}

    with pytest.raises(ExpungeError, match="not saved"):
        dump(Odd().fit([[1.0]]))


def test_missing_cells_and_negative_nought_have_one_spelling() -> None:
    odd_nan = np.array([0x7FF8DEADBEEF0001], dtype=np.int64).view(np.float64)[0]
    plain: Learner = TableEncoder().fit(pd.DataFrame({"a": [0.0, np.nan, 2.0]}))
    odd: Learner = TableEncoder().fit(pd.DataFrame({"a": [-0.0, odd_nan, 2.0]}))
    assert dump(plain) == dump(odd)
