"""The demo: real people, from import to certificate, and the commands that it prints."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from expunge.certificates import Verified, verify_file
from expunge.cli.demo import LEAKS, REQUESTS, prepare, requesters
from expunge.domain.request import Outcome, Request, State
from expunge.erasure import requests
from expunge.workspace import data, register
from expunge.workspace.folder import open_workspace

Command: TypeAlias = Callable[..., Any]
README = Path(__file__).parents[2] / "README.md"
TIME = re.compile(r" +\d+\.\d ms *")


@dataclass(frozen=True)
class Shown:
    """A demo that ran: its folder, and what it printed."""

    out: Path
    printed: str

    @property
    def verified(self) -> Verified:
        return verify_file(self.out / "certificate.json", self.out / "public.pem")

    @property
    def requests(self) -> list[Request]:
        with open_workspace(self.out / "workspace").vault.transaction() as connection:
            return requests.every(connection)


@pytest.fixture(scope="module")
def demo(process: Command, tmp_path_factory: pytest.TempPathFactory) -> Shown:
    out = tmp_path_factory.mktemp("demo") / "demo-out"
    ran = process("demo", "--out", out)
    assert (ran.code, ran.err) == (0, "")
    return Shown(out, ran.out)


@pytest.fixture(scope="module")
def again(command: Command, tmp_path_factory: pytest.TempPathFactory) -> tuple[Shown, Any]:
    """The demo a second time, with the same seed."""
    out = tmp_path_factory.mktemp("again") / "demo-out"
    ran = command("demo", "--out", out, "--seed", 0, "--json")
    assert (ran.code, ran.err) == (0, "")
    return Shown(out, ran.out), ran.json


def test_the_demo_writes_what_it_says(demo: Shown) -> None:
    assert {file.name for file in demo.out.iterdir() if not file.name.startswith(".")} == {
        "certificate.json",
        "public.pem",
        "report.html",
        "actors",
        "workspace",
        "workspace.keys",
    }
    assert "20,190 person-years of 5,912 people" in demo.printed
    assert "VERIFIED" in demo.printed
    assert "FAILED" not in demo.printed


def test_the_readme_shows_what_is_printed_apart_from_times(demo: Shown) -> None:
    _, shown = README.read_text(encoding="utf-8").split("<!-- output of: expunge demo --out demo-out -->\n```text\n")
    printed = demo.printed.replace(str(demo.out), "demo-out")
    assert TIME.sub("T ms", printed) == TIME.sub("T ms", shown.partition("```")[0])


def test_the_commands_that_the_demo_prints_hold(demo: Shown, command: Command) -> None:
    printed = [line.split()[1:] for line in demo.printed.splitlines() if line.startswith("  expunge ")]
    assert [line[1] for line in printed] == ["verify", "replay"]
    for line in printed:
        ran = command(*line)
        assert (ran.code, ran.err) == (0, ""), ran
    replayed = command(*printed[1], "--json").json
    assert {(one["copy"], one["verdict"]) for one in replayed} == {
        ("dataset rand-hie", "PASSED"),
        ("model additive", "PASSED"),
        ("model blend", "PASSED"),
        ("model boosting", "PASSED"),
        ("model lightgbm", "PASSED"),
        ("model ridge", "PASSED"),
    }


def test_of_25_requests_one_is_refused_one_held_one_extended_and_the_others_are_erased(demo: Shown) -> None:
    found = demo.requests
    assert len(found) == REQUESTS == 25
    came_of = Counter((request.state, request.outcome) for request in found)
    assert came_of == {
        (State.CLOSED, Outcome.ERASED): 22,
        (State.CLOSED, Outcome.REFUSED): 1,
        (State.HELD, Outcome.OPEN): 1,
        (State.PLANNED, Outcome.OPEN): 1,
    }
    (extended,) = [request for request in found if request.extension is not None]
    assert extended.state is State.PLANNED
    assert extended.extension is not None
    assert extended.due == extended.extension.until
    (held,) = [request for request in found if request.hold is not None]
    assert (demo.out / "workspace" / "letters" / held.id / "hold.txt").is_file()
    assert {request.approver for request in found if request.outcome is Outcome.ERASED} == {"anna"}
    assert sorted(request.law for request in found) == ["ccpa"] * 12 + ["gdpr"] * 13
    assert [request.ground for request in found if request.ground] == ["17(3)(d)"]
    erased = {request.id for request in found if request.outcome is Outcome.ERASED}
    assert {line.id for line in demo.verified.statement.requests} == erased


@pytest.mark.parametrize(("actor", "verb"), [("emil", "request list"), ("clara", "model list"), ("clara", "due")])
def test_each_actor_may_do_what_their_role_allows(demo: Shown, command: Command, actor: str, verb: str) -> None:
    key = demo.out / "actors" / actor
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("EXPUNGE_KEY_FILE", str(key))
        ran = command(*verb.split(), "--workspace", demo.out / "workspace", "--as", actor)
    assert (ran.code == 0) == (verb == "due")
    assert ("may not" in ran.err) == (verb != "due")


def test_the_columns_that_leak_the_answer_are_not_stored(demo: Shown) -> None:
    workspace = open_workspace(demo.out / "workspace")
    with workspace.vault.transaction() as connection:
        (dataset,) = data.every(workspace, connection)
    assert not {column.name for column in dataset.schema.columns} & set(LEAKS)
    assert (dataset.subjects, dataset.version) == (5912 - 22, 2)


def test_the_certificate_says_what_the_summary_says(demo: Shown) -> None:
    copies = {copy.name: copy for copy in demo.verified.statement.copies}
    assert len(copies["rand-hie"].members.left) == 22
    for name in ("ridge", "additive", "boosting", "blend", "lightgbm"):
        copy = copies[name]
        verdicts = {check.name: check.verdict for check in copy.checks}
        (utility,) = [check for check in copy.checks if check.name == "utility"]
        assert verdicts == {"replay": "PASSED", "utility": "PASSED"}
        assert 0 < len(copy.members.left) <= 22
        assert utility.figures["metric"] == "AUC"
        assert 0.68 < float(utility.figures["before"]) < 0.78
        assert utility.figures["after"] == utility.figures["retrained"]
        row = next(line for line in demo.printed.splitlines() if line.startswith(f"│ {name}"))
        for value in (utility.figures["before"], utility.figures["after"], str(len(copy.members.left)), "yes", "Exact"):
            assert value in row


def test_the_same_seed_gives_the_same_but_for_encryption_keys_and_times(demo: Shown, again: tuple[Shown, Any]) -> None:
    def facts(shown: Shown) -> dict[str, Any]:
        workspace = open_workspace(shown.out / "workspace")
        with workspace.vault.transaction() as connection:
            (dataset,) = data.every(workspace, connection)
            versions = {model.name: register.current(connection, model.id) for model in register.every(connection)}
            opened = {name: register.open_facts(workspace, connection, one) for name, one in versions.items()}
            held = {name: register.open_learner(workspace, connection, one) for name, one in versions.items()}
            people = data.load(workspace, connection, dataset.id).subject_ids()
        statement = shown.verified.statement
        return {
            "requests": [(one.id, one.law, one.outcome, one.ground) for one in shown.requests],
            "ids": (statement.batch, statement.certificate, [copy.object for copy in statement.copies]),
            "people": people,
            "members": {name: sorted(learner.subjects_held()) for name, learner in held.items()},
            "digests": {name: (one.learned, one.served) for name, one in opened.items()},
            "figures": [check.figures for copy in statement.copies for check in copy.checks if check.name == "utility"],
        }

    assert facts(demo) == facts(again[0])
    keys = [(shown.out / "workspace.keys" / "root-2.key").read_bytes() for shown in (demo, again[0])]
    assert keys[0] != keys[1]


def test_with_json_the_demo_prints_one_value(again: tuple[Shown, Any]) -> None:
    shown, printed = again
    assert printed["certificate"] == str(shown.out / "certificate.json")
    assert {model["model"]: model["digest_equal_to_refit"] for model in printed["models"]} == {
        "ridge": True,
        "additive": True,
        "boosting": True,
        "blend": True,
        "lightgbm": True,
    }


def test_the_demo_replaces_its_own_output_only(command: Command, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    ran = command("demo", "--out", tmp_path / "mine")
    assert ran.code == 2
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"


def test_the_demo_replaces_what_a_demo_wrote(demo: Shown, tmp_path: Path) -> None:
    shutil.copytree(demo.out, tmp_path / "demo-out")
    prepare(tmp_path / "demo-out")
    assert [file.name for file in (tmp_path / "demo-out").iterdir()] == [".expunge-demo"]


def test_another_seed_asks_for_other_people(demo: Shown) -> None:
    workspace = open_workspace(demo.out / "workspace")
    first, second = (set(requesters(workspace, hashlib.sha256(seed).digest())) for seed in (b"0", b"1"))
    assert len(first) == len(second) == REQUESTS
    assert first != second
