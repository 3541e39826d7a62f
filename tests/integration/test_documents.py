"""Every snippet in README and docs is executed, and every file that they name is there.

Fenced blocks: ``python`` is run as a module, ``bash`` by bash with the package's commands on the path (``make`` lines,
and others that CI or the Makefile runs itself, are only looked up), ``text`` is output. Others are refused. The
``bash`` blocks of a page of the site are one session, from top to bottom.
"""

from __future__ import annotations

import json
import os
import re
import runpy
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from expunge.bench import pages, results
from expunge.bench.unlearning import leaderboard, records
from expunge.learners.empirical import METHODS

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)")
QUOTED_TEST = re.compile(r"`((?:unit|integration|contract|soak)/[\w/]*(?:\.py)?)`")


@dataclass(frozen=True)
class Snippet:
    page: Path
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.name}:{self.language}:{self.text.splitlines()[0][:40] if self.text else ''}"


def _snippets(page: Path) -> list[Snippet]:
    found = [Snippet(page, language, text) for language, text in FENCE.findall(page.read_text(encoding="utf-8"))]
    if page.parent == ROOT:
        return found
    session = "".join(one.text for one in found if one.language == "bash")
    return [one for one in found if one.language != "bash"] + ([Snippet(page, "bash", session)] if session else [])


SNIPPETS = [snippet for page in PAGES for snippet in _snippets(page)]


def _run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, env={**os.environ, "PATH": path}
    )


def test_the_leaderboard_and_its_table_are_those_of_the_results() -> None:
    found, about = records.read(records.found_in(ROOT / "benchmarks"))
    guide = (ROOT / "docs" / "guides" / "approximate.md").read_text(encoding="utf-8")
    assert leaderboard.filled(guide, found) == guide
    assert leaderboard.page(found, about) == (ROOT / "benchmarks" / "unlearning.html").read_text(encoding="utf-8")
    assert set(found["task"]) == {"mnist-subjects", "adult-subjects"}
    assert found["seed"].nunique() == 3
    assert {"no-op", "retrain", *METHODS} <= set(found["method"])


def test_every_fence_says_what_it_is() -> None:
    assert {snippet.language for snippet in SNIPPETS} <= {"python", "bash", "text"}


@pytest.mark.parametrize("snippet", [one for one in SNIPPETS if one.language == "python"], ids=str)
def test_python_snippets_run(snippet: Snippet, tmp_path: Path) -> None:
    ran = _run([sys.executable, "-W", "error", "-c", snippet.text], tmp_path)
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize("snippet", [one for one in SNIPPETS if one.language == "bash"], ids=str)
def test_shell_snippets_run(snippet: Snippet, tmp_path: Path) -> None:
    lines = snippet.text.splitlines()
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for line in lines:
        if line.startswith("make "):
            target = line.split()[1]
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"the Makefile has no target {target}"
    own = makefile + (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    script = "\n".join(line for line in lines if not line.startswith("make ") and f"/{line}\n" not in own)
    if not script.removeprefix("source .venv/bin/activate").strip():
        return  # what CI runs itself, over the demo's output, is not run again
    ran = _run(["bash", "-euo", "pipefail", "-c", script], tmp_path)
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("name", ["learners", "logistic", "office"])
def test_speed_figures_are_those_of_the_committed_result(name: str) -> None:
    result = json.loads((ROOT / "benchmarks" / "results" / f"{name}.json").read_text(encoding="utf-8"))
    bench = runpy.run_path(str(ROOT / "benchmarks" / f"{name}.py"))
    assert bench["table"](result) in (ROOT / "README.md").read_text(encoding="utf-8")


FILLED = [ROOT / "README.md", ROOT / "docs" / "benchmark.md", ROOT / "docs" / "guides" / "sharding.md"]


@pytest.mark.parametrize("page", FILLED, ids=lambda page: page.name)
def test_figures_of_ensembles_are_those_of_the_committed_results(page: Path) -> None:
    found = results.read(ROOT / "benchmarks" / "results" / "ensembles")
    text = page.read_text(encoding="utf-8")
    assert pages.filled(text, found, os.path.relpath(ROOT / "docs" / "images" / "bench", page.parent)) == text


def test_how_far_off_plans_were_is_the_committed_result() -> None:
    result = json.loads((ROOT / "benchmarks" / "results" / "planner.json").read_text(encoding="utf-8"))
    bench = runpy.run_path(str(ROOT / "benchmarks" / "planner.py"))
    assert bench["table"](result) in (ROOT / "docs" / "guides" / "sharding.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        assert (page.parent / link).exists(), f"{page.name} links to {link}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_tests_that_are_named_exist(page: Path) -> None:
    for name in QUOTED_TEST.findall(page.read_text(encoding="utf-8")):
        assert (ROOT / "tests" / name).exists(), f"{page.name} names tests/{name}"


def test_ci_runs_what_the_readme_says() -> None:
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for command in ("make demo", "make test"):
        assert command in ci
        assert command in readme
