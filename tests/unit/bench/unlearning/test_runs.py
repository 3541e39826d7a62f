"""A whole run on a few people: resumed where it was cut off, and shown."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from expunge.bench.unlearning import contestants, leaderboard, records, runs
from expunge.bench.unlearning.contestants import NO_OP, RETRAIN, contestant, contestant_names, learns
from expunge.bench.unlearning.problems import Problem, load
from expunge.bench.unlearning.records import Record
from expunge.bench.unlearning.sizes import QUICK, Size
from expunge.bench.unlearning.standings import standing
from expunge.errors import InputError, NotFoundError
from expunge.learners.empirical import METHODS

SMALL = replace(QUICK, people=240, epochs=2)
CHOSEN = (NO_OP, RETRAIN, "neggrad", "amnesiac", "certified", "sharded")


def run(out: Path, methods: tuple[str, ...] = CHOSEN, size: Size = SMALL, said: list[str] | None = None) -> Path:
    lines: list[str] = [] if said is None else said
    return runs.run("adult-subjects", methods, 2, size, out, 1, "expunge bench unlearning", lines.append)


@pytest.fixture
def found(bench_data: Path, tmp_path: Path) -> tuple[pd.DataFrame, dict[str, dict[str, object]]]:
    assert bench_data.is_dir()
    contestants._problem.cache_clear()
    return records.read([run(tmp_path / "out")])


def test_every_contestant_has_every_figure_for_every_seed(found: tuple[pd.DataFrame, dict[str, object]]) -> None:
    frame, about = found
    assert list(about) == ["adult-subjects"]
    counts = frame.groupby(["method", "metric"])["seed"].nunique().unstack()
    shared = ["membership_auc", "rmia_auc", "accuracy_forget", "tug_of_war", "divergence", "time", "bytes", "verdict"]
    assert list(counts.index) == sorted(CHOSEN)
    assert (counts[shared] == 2).all(axis=None)
    networks = counts.loc[[NO_OP, RETRAIN, "neggrad", "amnesiac"]]
    assert (networks[["relearned", "recovered_4_bits", "recovered_8_bits"]] == 2).all(axis=None)
    ours = frame[frame["metric"] == "replayed"].groupby("method")["value"].min()
    assert ours.to_dict() == {"certified": 0.0, "sharded": 1.0}


def test_what_does_nothing_is_told_from_a_retraining(found: tuple[pd.DataFrame, dict[str, object]]) -> None:
    frame, about = found
    assert standing(frame[frame["method"] == NO_OP]).words == "does nothing"
    assert standing(frame[frame["method"] == "sharded"]).words == "exact: replayed, byte for byte"
    moved = frame[frame["metric"] == "moved"].groupby("method")["value"].max()
    assert moved[NO_OP] == 0 < moved["neggrad"]
    kept = frame[frame["metric"] == "bytes"].groupby("method")["value"].max()
    assert kept["amnesiac"] > 2 * kept["neggrad"], "steps of training are kept for it"
    page = leaderboard.page(frame, about)  # type: ignore[arg-type]
    assert "does nothing" in page
    assert page.index(">sharded<") < page.index(f">{NO_OP}<"), "the best stand first"
    assert "<script" not in page


def test_what_was_measured_is_not_measured_again(
    bench_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert bench_data.is_dir()
    contestants._problem.cache_clear()
    first = records.read([run(tmp_path / "out", (NO_OP,))])[0]

    def never(*_: object) -> None:
        raise AssertionError("it was trained before")

    monkeypatch.setattr("expunge.bench.unlearning.networks.fitted", never)
    again = records.read([run(tmp_path / "out", (NO_OP,))])[0]
    pd.testing.assert_frame_equal(first, again)
    with pytest.raises(AssertionError, match="trained before"):
        run(tmp_path / "out", (NO_OP,), replace(SMALL, epochs=3))


def test_ensembles_learn_no_images(bench_data: Path) -> None:
    assert bench_data.is_dir()
    rows: Problem = load("adult-subjects", SMALL)
    images = replace(rows, recipe="digits")
    assert [name for name in contestant_names() if not learns(name, images)] == ["boosting", "forest", "certified"]
    assert all(learns(name, rows) for name in contestant_names())


def test_every_method_is_a_contestant_and_unknown_ones_are_named() -> None:
    assert {NO_OP, RETRAIN, *METHODS} < set(contestant_names())
    assert [contestant(name).name for name in contestant_names()] == contestant_names()
    with pytest.raises(NotFoundError, match=r"there is no contestant 'magic'.*salun"):
        contestant("magic")


def test_results_are_kept_with_what_is_known_of_them(tmp_path: Path) -> None:
    one = Record("t", "m", 0, "time", 0.5, 0.1, 0.9, "words")
    file = records.write(tmp_path, "t", [one], {"command": "c"})
    frame, about = records.read([file])
    assert frame.to_dict("records") == [vars(one)]
    assert about == {"t": {"command": "c"}}
    assert records.found_in(tmp_path) == [file]
    with pytest.raises(InputError, match="there are no results"):
        records.read([])
    pd.DataFrame({"task": ["t"]}).to_parquet(tmp_path / "unlearning-other.parquet")
    with pytest.raises(InputError, match="holds no results of this benchmark"):
        records.read([tmp_path / "unlearning-other.parquet"])
