from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from expunge.domain.subject import SubjectId
from expunge.errors import InputError, SubjectIdError
from expunge.learners.base import Key, listed
from expunge.learners.exact import AdditiveClassifier, Ridge, RidgeClassifier, TableEncoder

LEARNERS: list[Any] = [RidgeClassifier, Ridge, AdditiveClassifier, TableEncoder]
SECRET = bytes(range(65, 97))


@pytest.mark.parametrize("learner", LEARNERS)
@pytest.mark.parametrize("key", [b"", b"short", SECRET + b"x", "A" * 32, 7])
def test_a_key_that_is_not_32_bytes_is_refused_without_being_repeated(learner: Any, key: Any) -> None:
    with pytest.raises(InputError, match="key is") as caught:
        learner(key=key).fit([[0.0], [1.0]], [0, 1])
    assert "short" not in str(caught.value)
    assert "A" * 32 not in str(caught.value)


@pytest.mark.parametrize("learner", LEARNERS)
def test_a_key_is_hidden_from_the_moment_it_is_set(learner: Any) -> None:
    for made in (learner(key=SECRET), learner().set_params(key=SECRET), learner(key=bytearray(SECRET))):
        assert repr(made.get_params()["key"]) == str(made.key) == f"{made.key}" == "<key>"
        assert bytes(made.key) == SECRET
        assert "ABCDEFGH" not in repr(made) + made._repr_html_()


def test_a_key_stays_hidden_in_copies() -> None:
    for key in (copy.deepcopy(Key(SECRET)), pickle.loads(pickle.dumps(Key(SECRET)))):  # noqa: S301  # our own bytes
        assert repr(key) == "<key>"
        assert key == SECRET


@pytest.mark.parametrize("learner", LEARNERS)
def test_nothing_is_drawn_from_the_key_of_a_deterministic_learner(learner: Any) -> None:
    digests = {learner(key=key).fit([[0.0], [1.0]], [0, 1]).digest() for key in (None, SECRET)}
    assert len(digests) == 1


def test_ids_are_listed_once_each() -> None:
    subjects: list[SubjectId] = [3, "3", 3, 1]
    assert listed(iter(subjects)) == [3, "3", 1]


@pytest.mark.parametrize("subjects", ["ann", b"ann", 7, None])
def test_a_lone_id_is_not_a_list(subjects: Any) -> None:
    with pytest.raises(InputError, match="not a list"):
        listed(subjects)


@pytest.mark.parametrize("subject", [7.0, True, None, ""])
def test_what_is_no_id_is_refused(subject: SubjectId) -> None:
    with pytest.raises(SubjectIdError):
        listed([1, subject])


def test_an_encoder_serves_nothing() -> None:
    with pytest.raises(InputError, match="predicts nothing"):
        TableEncoder().fit([[1.0]]).serve()
