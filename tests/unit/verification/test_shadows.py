"""Shadow models: trained once, in any number of processes, whatever happens to the files or to the process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.errors import InputError
from expunge.verification.shadows import Job, halves, trained


def writing(diary: Path) -> Callable[[Job], Mapping[str, npt.NDArray[Any]]]:
    """Return what trains, and leaves a mark for each time; a closure, which goes to other processes by value."""
    diary.mkdir(exist_ok=True)

    def make(job: Job) -> Mapping[str, npt.NDArray[Any]]:
        (diary / f"{job.digest}.{time.monotonic_ns()}").touch()
        rng = np.random.default_rng(int(job.facts["seed"]))
        return {"scores": job.members * rng.normal(size=len(job.members)), "count": np.array(job.members.sum())}

    return make


def jobs(number: int = 4) -> list[Job]:
    return [Job({"seed": seed}, members) for seed, members in enumerate(halves(number, 20, seed=1))]


def same(one: list[Any], other: list[Any]) -> bool:
    return all(
        a.keys() == b.keys() and all((a[key] == b[key]).all() for key in a) for a, b in zip(one, other, strict=True)
    )


@given(st.integers(1, 10), st.integers(1, 50), st.integers(0, 99))
def test_each_subject_is_in_exactly_half_of_the_models(pairs: int, people: int, seed: int) -> None:
    drawn = halves(2 * pairs, people, seed)
    assert (drawn.sum(axis=0) == pairs).all()
    assert (drawn == halves(2 * pairs, people, seed)).all()


def test_who_is_in_is_drawn_for_each_subject_by_itself() -> None:
    drawn = halves(8, 2000, seed=0).astype(float)
    assert np.abs(drawn.mean(axis=1) - 0.5).max() < 0.05
    assert len(np.unique(drawn, axis=1).T) == 70  # all of the ways to choose 4 of 8


@pytest.mark.parametrize("number", [0, 1, 3])
def test_an_odd_number_of_models_is_refused(number: int) -> None:
    with pytest.raises(InputError, match="cannot be halved"):
        halves(number, 5, seed=0)


def test_what_is_read_is_what_was_made_and_nothing_is_made_twice(tmp_path: Path) -> None:
    diary = tmp_path / "diary"
    fresh = trained(writing(diary), jobs(), tmp_path / "one")
    again = trained(writing(diary), jobs(), tmp_path / "one")
    assert same(fresh, again)
    assert len(list(diary.iterdir())) == 4
    parallel = trained(writing(diary), jobs(), tmp_path / "two", n_jobs=2)
    assert same(fresh, parallel)
    assert sorted(path.read_bytes() for path in (tmp_path / "one").iterdir()) == sorted(
        path.read_bytes() for path in (tmp_path / "two").iterdir()
    )


def test_a_job_that_is_asked_for_twice_is_made_once(tmp_path: Path) -> None:
    found = trained(writing(tmp_path / "diary"), jobs(2) * 2, tmp_path / "cache")
    assert same(found[:2], found[2:])
    assert len(list((tmp_path / "diary").iterdir())) == 2


def test_every_fact_and_every_member_makes_another_job() -> None:
    members = np.zeros(9, dtype=np.bool_)
    digests = {Job({"seed": 0}, members).digest, Job({"seed": 1}, members).digest, Job({"seed": 0}, members[:8]).digest}
    for place in range(9):
        digests.add(Job({"seed": 0}, np.arange(9) == place).digest)
    assert len(digests) == 12
    assert Job({"a": 1, "b": 2}, members).digest == Job({"b": 2, "a": 1}, members).digest


def test_members_that_are_no_bools_are_refused() -> None:
    with pytest.raises(InputError, match="int64"):
        _ = Job({}, np.zeros(3, dtype=np.int64)).digest


@pytest.mark.parametrize("harm", ["torn", "altered", "empty", "another's"])
def test_a_harmed_file_is_made_anew(tmp_path: Path, harm: str) -> None:
    diary, cache = tmp_path / "diary", tmp_path / "cache"
    fresh = trained(writing(diary), jobs(), cache)
    first, second = (cache / f"{job.digest}.npz" for job in jobs()[:2])
    content = first.read_bytes()
    harmed = {
        "torn": content[: len(content) // 2],
        "altered": content[:200] + bytes([content[200] ^ 1]) + content[201:],
        "empty": b"",
        "another's": second.read_bytes(),
    }
    first.write_bytes(harmed[harm])
    assert same(trained(writing(diary), jobs(), cache), fresh)
    assert len(list(diary.iterdir())) == 5
    assert first.read_bytes() == content


def objects(job: Job) -> dict[str, Any]:
    return {"scores": np.array([{}], dtype=object)}


def test_objects_are_never_pickled(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="objects"):
        trained(objects, jobs(2), tmp_path)
    assert not list(tmp_path.iterdir())


SCRIPT = """
import sys, time
from pathlib import Path
import numpy as np
from expunge.verification.shadows import Job, halves, trained

def slow(job):
    if job.facts["seed"] >= 2:
        Path(sys.argv[1], "waits").touch()
        time.sleep(60)
    return {"scores": job.members * np.random.default_rng(int(job.facts["seed"])).normal(size=len(job.members)),
            "count": np.array(job.members.sum())}

trained(slow, [Job({"seed": s}, m) for s, m in enumerate(halves(4, 20, seed=1))], sys.argv[1] + "/cache")
"""


def test_a_killed_training_goes_on_where_it_was(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, str(tmp_path)])
    try:
        deadline = time.monotonic() + 30
        while not (tmp_path / "waits").exists():
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.02)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert len(list((tmp_path / "cache").glob("*.npz"))) == 2
    resumed = trained(writing(tmp_path / "diary"), jobs(), tmp_path / "cache")
    assert len(list((tmp_path / "diary").iterdir())) == 2
    assert same(resumed, trained(writing(tmp_path / "diary"), jobs(), tmp_path / "fresh"))
