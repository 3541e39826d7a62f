"""Who is to be forgotten: candidates are drawn from who is learned from, and nobody else."""

from __future__ import annotations

from dataclasses import replace
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

from expunge.bench.unlearning import problems
from expunge.bench.unlearning.problems import TASKS, load, task_names
from expunge.bench.unlearning.sizes import QUICK
from expunge.bench.unlearning.worlds import judged_worlds
from expunge.errors import InputError, NotFoundError


def test_rows_fall_into_those_who_stay_those_who_may_ask_and_new_people(bench_data: Path) -> None:
    assert bench_data.is_dir()
    for name in ("adult-subjects", "diabetes130-subjects", "adult-mislabelled"):
        problem = load(name, QUICK)
        whole = problem.stay.astype(int) + problem.asked + problem.test
        assert (whole == 1).all()
        for one, other in ((problem.stay, problem.asked), (problem.asked, problem.test), (problem.stay, problem.test)):
            assert not set(problem.people[one]) & set(problem.people[other]), "a person is in one part with all rows"
        assert len(problem.inputs) == len(problem.y)
        members = judged_worlds(1, len(problem.candidates))[0].members
        assert set(problem.people[problem.leave(members)]) == set(problem.candidates[members])


def test_wrong_labels_are_the_candidates_alone(bench_data: Path) -> None:
    assert bench_data.is_dir()
    problem = load("adult-mislabelled", QUICK)
    assert np.array_equal(problem.y != problem.truth, problem.asked)
    assert np.array_equal(load("adult-subjects", QUICK).y, load("adult-subjects", QUICK).truth)


def test_there_are_no_more_candidates_than_asked_for(bench_data: Path) -> None:
    assert bench_data.is_dir()
    assert len(load("adult-subjects", replace(QUICK, most_candidates=9)).candidates) == 9


def test_another_packages_task_is_found_by_its_entry_point(bench_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert bench_data.is_dir()
    own = replace(load("adult-subjects", QUICK), name="own")
    points = [metadata.EntryPoint(name, f"{__name__}:{name}", problems.GROUP) for name in ("own", "wrong")]
    monkeypatch.setattr(problems, "entry_points", lambda group: points if group == problems.GROUP else [])
    monkeypatch.setattr(metadata.EntryPoint, "load", lambda point: lambda _: own if point.name == "own" else None)
    assert task_names() == [*TASKS, "own", "wrong"]
    assert load("own", QUICK) is own
    with pytest.raises(InputError, match="task 'wrong' is registered and gives a NoneType"):
        load("wrong", QUICK)


def test_one_class_of_two_is_not_forgotten_and_unknown_tasks_are_named(bench_data: Path) -> None:
    assert bench_data.is_dir()
    assert "adult-class" not in TASKS
    assert task_names()[: len(TASKS)] == list(TASKS)
    with pytest.raises(NotFoundError, match=r"there is no task 'adult-class'.*mnist-class"):
        load("adult-class", QUICK)
    with pytest.raises(InputError, match="does not exist"):
        load("mnist-class", QUICK)
