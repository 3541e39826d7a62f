"""`expunge bench`, whole, on made-up files with the columns of the real ones."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from expunge.bench import plots, results, rivals, tables

Command = Callable[..., Any]


def test_a_quick_run_measures_all_and_the_report_shows_it(command: Command, bench_data: Path, tmp_path: Path) -> None:
    assert bench_data.is_dir()
    out = tmp_path / "out"
    ran = command("bench", "learners", "--quick", "--out", out)
    assert (ran.code, ran.err) == (0, "")
    found = results.read(out)
    assert tuple(found) == results.PARTS
    for part, result in found.items():
        assert result["command"] == f"expunge bench learners --quick --out {out}"
        assert tables.PARTS[part](result["found"]) in ran.out
    for task in found["forgetting"]["found"].values():
        assert {name: own["equal_to_a_refit"] for name, own in task.items()} == dict.fromkeys(rivals.ALL, True)
    (began,) = found["starting"]["found"].values()
    assert began["first"]["fit"] > 3 * began["later"]["fit"] > 0, "only the first process compiles"
    assert began["first"]["forget"] > began["later"]["forget"] > 0
    for own in found["sequences"]["found"].values():
        assert own["random_equal"] == own["random"] > 0 < own["adversarial_equal"] == own["adversarial"]

    page = tmp_path / "page.md"
    page.write_text("<!-- bench: summary -->\n<!-- end -->\n<!-- bench: plot times -->\n<!-- end -->\n")
    shown = command("bench", "report", "--results", out, "--pictures", tmp_path / "svg", "--page", page, "--json")
    assert [Path(file).stem for file in shown.json["pictures"]] == list(plots.PICTURES)
    assert "](svg/times.svg)" in page.read_text()
    assert "not measured" in command("bench", "report", "--results", out, "--pictures", tmp_path / "svg").out


def test_parts_are_run_apart(command: Command, bench_data: Path, tmp_path: Path) -> None:
    assert bench_data.is_dir()
    ran = command("bench", "learners", "--quick", "--only", "growth", "--out", tmp_path / "out", "--json")
    assert ran.json == {"results": {"growth": str(tmp_path / "out" / "growth.json")}}
    assert json.loads((tmp_path / "out" / "growth.json").read_text())["found"].keys() == rivals.LEARNERS.keys()


def test_a_quick_run_judges_what_forgets_and_shows_who_does_nothing(
    command: Command, bench_data: Path, tmp_path: Path
) -> None:
    assert bench_data.is_dir()
    out, asked = tmp_path / "out", ("--tasks", "adult-subjects", "--methods", "no-op,retrain,neggrad")
    ran = command("bench", "unlearning", "--quick", *asked, "--seeds", 1, "--jobs", 1, "--out", out, "--json")
    assert (ran.code, ran.err) == (0, "")
    assert ran.json == {
        "results": [str(out / "unlearning-adult-subjects.parquet")],
        "page": str(out / "unlearning.html"),
    }
    assert "does nothing" in (out / "unlearning.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("unlearning", "--methods", "magic"), "there is no method 'magic'. Name some of: no-op, retrain, fine-tune"),
        (("unlearning", "--tasks", "adult-class"), "there is no task 'adult-class'. Name some of: mnist-subjects"),
        (("learners", "--only", "speed"), "there is no part 'speed'. Name some of: accuracy, forgetting"),
        (
            ("learners", "--quick", "--only", "growth"),
            "EXPUNGE_DATA_DIR is not set. Set EXPUNGE_DATA_DIR to the folder",
        ),
        (("report", "--results", "nowhere"), "nowhere holds no results. Run `expunge bench learners` first"),
    ],
)
def test_what_cannot_be_done_is_said_with_a_mend(
    command: Command, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], said: str
) -> None:
    monkeypatch.delenv("EXPUNGE_DATA_DIR", raising=False)
    ran = command("bench", *arguments)
    assert ran.code == 2
    assert said in ran.err


@pytest.mark.parametrize(("package", "extra"), [("lightgbm", "boosting"), ("matplotlib", "workspace")])
def test_a_missing_package_is_named_with_its_extra(
    command: Command, monkeypatch: pytest.MonkeyPatch, package: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    ran = command("bench", "learners", "--quick")
    assert ran.code == 2
    assert f"{package} is not installed" in ran.err
    assert f"expunge[{extra}]" in ran.err
