"""What is predicted, from whose rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.bench import tasks
from expunge.errors import InputError


def test_files_become_tasks(bench_data: Path) -> None:
    assert bench_data.is_dir()
    found = dict(tasks.loaded(tasks.ALL, None))
    assert list(found) == ["adult", "diabetes130", "products"]
    assert list(found["adult"].X) == ["age", "hours", "job"]
    assert len(np.unique(found["adult"].people)) == len(found["adult"].y)
    assert list(found["diabetes130"].X) == ["days", "diag_1", "diag_2", "diag_3"]
    assert set(found["diabetes130"].X["diag_1"].dropna()) == {250.8, 428.0, 1000.0, 1001.0}
    assert found["diabetes130"].X["diag_1"].isna().any()


def test_without_a_folder_it_is_said_which_one_to_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(tasks.VARIABLE, raising=False)
    with pytest.raises(InputError, match=r"EXPUNGE_DATA_DIR is not set\. Set .* adult\.csv\.gz"):
        tasks.adult()


def test_a_missing_file_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(tasks.VARIABLE, str(tmp_path))
    with pytest.raises(InputError, match=r"diabetes130\.csv\.gz does not exist"):
        tasks.diabetes()


def test_a_file_with_other_bytes_is_refused(bench_data: Path) -> None:
    with (bench_data / "adult.csv.gz").open("ab") as file:
        file.write(b"x")
    with pytest.raises(InputError, match="has SHA-256"):
        tasks.adult()


@given(split=st.integers(0, 1000))
def test_nobody_stands_on_both_sides_of_a_split(split: int) -> None:
    people = np.random.default_rng(0).integers(0, 100, 300)
    task = tasks.Task(tasks.products().X[:300], people % 2, people)
    train = task.train(split)
    assert not set(people[train]) & set(people[~train])
    assert len(set(people[~train])) == len(set(people)) // 5


def test_a_person_comes_with_all_their_rows(task: tasks.Task) -> None:
    some = task.some(50, np.random.default_rng(1))
    assert len(np.unique(some.people)) == 50
    assert len(some.y) == np.isin(task.people, some.people).sum()
    assert task.some(None, np.random.default_rng(1)) is task
    assert task.some(10**6, np.random.default_rng(1)) is task


def test_a_word_has_the_same_number_whoever_is_left(task: tasks.Task) -> None:
    coded = task.coded()
    without = coded.where((task.X["word"] != "a").to_numpy())
    assert set(coded.X["word"]) == {0, 1, 2}
    assert set(without.X["word"]) == {1, 2}
    assert coded.X["number"].equals(task.X["number"])


def test_products_tell_nothing_by_a_column_alone() -> None:
    task = tasks.products()
    assert task.X.equals(tasks.products().X)
    assert np.abs(np.corrcoef(task.X.T, task.y)[-1, :-1]).max() < 0.03
