"""The command line, as the documents write it: every verb, its answers, its errors and its exit codes."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pandas as pd
import pytest
from typer.main import get_command

from expunge.cli import app
from expunge.cli.options import harmless
from expunge.domain.request import Law
from expunge.erasure import decide, execute, intake
from expunge.errors import (
    CheckFailedError,
    EnvelopeFormatError,
    ExpungeError,
    InputError,
    NotFoundError,
    NotVerifiedError,
    PolicyError,
    SigningRefusedError,
    WorkspaceBusyError,
)
from expunge.vault.database import LOG_LEAF
from expunge.workspace import register
from expunge.workspace.folder import Workspace, keys_beside, open_workspace

Command: TypeAlias = Callable[..., Any]
Copier: TypeAlias = Callable[[Path], Path]
TYPES = ("--role", "name=direct-identifier", "--role", "note=free-text", "--range", "age=0:120")
REAL = {"init", "dataset add", "model train", "request submit", "request approve", "erase"}
BENCH = {("bench", verb) for verb in ("learners", "sharding", "unlearning", "leaderboard", "report")}
NOT_ON_IT = {"demo", "anonymize", "request replan", "model decide", *map(" ".join, BENCH)}
FIRST, SECOND, THIRD, FOURTH = 71_001, 71_014, 71_027, 71_040


@pytest.fixture(scope="session")
def table(people: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The people as a CSV file."""
    file = tmp_path_factory.mktemp("table") / "people.csv"
    people.to_csv(file, index=False)
    return file


@pytest.fixture(scope="session")
def path_through(
    process: Command, command: Command, table: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """Every verb once, each with --json, those of `REAL` through the installed command; verb -> what it answered."""
    folder = tmp_path_factory.mktemp("through")
    place, said = folder / "hospital", dict[str, Any]()

    def run(verb: str, *rest: object, called: str = "") -> Any:
        where = () if verb == "init" else ("--workspace", place)
        ran = (process if (called or verb) in REAL else command)(*verb.split(), *rest, *where, "--json")
        assert (ran.code, ran.err) == (0, ""), f"{verb}: {ran}"
        said[called or verb] = ran.json
        return ran.json

    run("init", place)
    # By chance a fifth of so few people can be too few to measure anything on; the secret is random here.
    policy = json.loads((place / "policy.json").read_text())
    (place / "policy.json").write_text(json.dumps(policy | {"held_out": 0.4}))
    run("dataset add", "visits", table, "--subject", "patient", "--target", "sick", *TYPES)
    run("dataset list")
    run("dataset confirm", "visits")
    run("dataset show", "visits")
    run("model train", "ridge", "--dataset", "visits", "--learner", "ridge")
    run("model train", "additive", "--dataset", "visits", "--learner", "additive", called="train additive")
    run("dataset rows", "visits", "--subject", FIRST, "--purpose", "access")
    run("model list")
    run("model show", "additive")
    run("model predict", "ridge", table)
    run("model export", "ridge", folder / "exported")
    run("model set-replay", "additive", "always")
    run("model rotate", "additive")
    first = run("request submit", "--subject", FIRST, "--law", "gdpr")["id"]
    second = run("request submit", "--subject", SECOND, "--law", "ccpa", called="submit second")["id"]
    third = run("request submit", "--subject", THIRD, "--law", "gdpr", called="submit third")["id"]
    run("request refuse", second, "--ground", "1798.105(d)")
    run("request show", first)
    run("request approve", first)
    run("erase", first)
    run("request approve", third, called="approve third")
    run("erase", "--due-within", 60, called="erase due")
    run("request list")
    certificate = said["erase due"]["certificate_file"]
    for name, rest in {"show": (), "verify": ("--key", place / "public.pem")}.items():
        ran = command("certificate", name, certificate, *rest, "--json")
        assert (ran.code, ran.err) == (0, "")
        said[f"certificate {name}"] = ran.json
    run("certificate replay", certificate)
    run("log verify")
    run("log checkpoint", "--out", folder / "head")
    run("log verify", "--since", folder / "head", called="verify since")
    run("log verify", "--since", certificate, called="verify since certificate")
    run("ledger show")
    run("ledger check", "--certificate", certificate)
    run("ledger export", folder / "ledger.json")
    run("ledger release", "--subject", FIRST, "--reason", "a new contract")
    run("ledger restore", folder / "ledger.json")
    run("doctor")
    run("ledger destroy", "--yes")
    run("report", "--out", folder / "report.html")
    for name in ("Laboratory", "Insurer"):
        run("recipient add", name, "--kind", "controller")
        run("recipient disclose", name, "--dataset", "visits")
    run("recipient list")
    (folder / "requests.csv").write_text(f"subject,law\n{FOURTH},gdpr\n")
    (fourth,) = run("request import", folder / "requests.csv")["requests"]
    run("request hold", fourth, "--ground", "17(3)(e)", "--until", "2999-01-01")
    run("request resume", fourth)
    run("request extend", fourth, "--reason", "Records on paper have to be searched.")
    run("request approve", fourth, called="approve fourth")
    run("due")
    told, untold = (one["id"] for one in run("task list"))
    run("task show", told)
    run("task done", told)
    run("task explain", untold, "--why", "it was wound up")
    run("recipient end", "Insurer")
    run("request withdraw", fourth)
    run("actor add", "dora", "--role", "auditor", "--key-file", folder / "dora.key")
    run("actor passwd", "dora", "--key-file", folder / "dora.new.key")
    run("actor disable", "dora")
    run("actor list")
    run("policy show")
    run("policy check")
    run("policy reset")
    return said | {"folder": folder}


def test_the_path_through_touches_every_verb_but_a_few(path_through: dict[str, Any]) -> None:
    assert {" ".join(path) for path, _ in verbs()} - NOT_ON_IT <= path_through.keys()


def test_a_table_is_imported_as_declared(path_through: dict[str, Any], people: pd.DataFrame) -> None:
    added = path_through["dataset add"]
    columns = {column["name"]: column for column in added["schema"]["columns"]}
    assert (added["subjects"], added["records"]) == (people["patient"].nunique(), len(people))
    assert (columns["name"]["role"], columns["note"]["role"]) == ("direct-identifier", "free-text")
    assert (columns["age"]["low"], columns["age"]["high"]) == ("0.0", "120.0")
    assert "range" in columns["amount"]["inferred"]
    assert not any(column["inferred"] for column in path_through["dataset show"]["schema"]["columns"])


def test_a_trained_model_is_measured(path_through: dict[str, Any]) -> None:
    for name in ("model train", "model show"):
        assert path_through[name]["score"]["figures"]["metric"] == "AUC"
    assert {model["name"] for model in path_through["model list"]} == {"ridge", "additive"}


def test_a_model_of_another_library_is_trained_with_its_hyperparameters(
    command: Command, copy_of: Copier, prepared: Path, tmp_path: Path
) -> None:
    workspace = copy_of(prepared)
    to_train = ("model", "train", "boosted", "--dataset", "visits", "--learner", "lightgbm", "--workspace", workspace)
    ran = command(*to_train, "--param", "n_estimators=7", "--param", "boosting_type=dart", "--json")
    assert ran.code == 0, ran.err
    assert ran.json["params"] == {"n_estimators": 7, "boosting_type": "dart"}
    exported = command("model", "export", "boosted", tmp_path / "out", "--workspace", workspace, "--json")
    assert exported.json["files"] == ["booster.txt", "model.json"]
    for wrong, said in {
        "n_jobs=4": "It takes boosting_type",
        "alpha": "is not name=value",
        "max_bin=[1]": "not a single value",
        "key=k": "is no hyperparameter",
    }.items():
        refused = command(*to_train[:2], "other", *to_train[3:], "--param", wrong)
        assert refused.code != 0
        assert said in " ".join(refused.err.split())
    twice = command(*to_train[:2], "other", *to_train[3:], "--param", "max_bin=9", "--param", "max_bin=9")
    assert "given twice" in " ".join(twice.err.split())


def test_a_pipeline_is_trained_by_its_steps_and_predicts_rows_with_missing_cells(
    command: Command, copy_of: Copier, prepared: Path, tmp_path: Path
) -> None:
    workspace = ("--workspace", copy_of(prepared))
    given = "steps=columns,learn columns=ColumnTransformer columns__fill=SimpleImputer columns__fill__strategy=median"
    given += " learn=LogisticRegression columns__words=OneHotEncoder"
    listed = 'columns__transformers="[[\\"fill\\", [\\"age\\"]], [\\"words\\", [\\"ward\\"]]]"'
    params = [part for one in (*given.split(), listed) for part in ("--param", one)]
    to_train = ("model", "train", "chain", "--dataset", "visits", "--learner", "pipeline", *workspace)
    ran = command(*to_train, *params, "--json")
    assert ran.code == 0, ran.err
    rows = tmp_path / "rows.csv"
    rows.write_text("age,amount,ward\n40,,north\n,5.5,\n")
    answers = command("model", "predict", "chain", rows, *workspace, "--json").json
    assert [answer.keys() for answer in answers] == [{"prediction", "score"}] * 2
    refused = command(*to_train[:2], "other", *to_train[3:], "--param", "steps=learn")
    assert "Give learn=CLASS: StandardScaler or Ridge, say" in " ".join(refused.err.split())


def test_a_model_predicts_and_is_exported(path_through: dict[str, Any], people: pd.DataFrame) -> None:
    assert len(path_through["model predict"]) == len(people)
    assert {"prediction", "score"} == path_through["model predict"][0].keys()
    assert sorted(file.name for file in (path_through["folder"] / "exported").iterdir()) == ["arrays.npz", "model.json"]


def test_a_submitted_request_has_an_id_and_is_planned(path_through: dict[str, Any]) -> None:
    submitted = path_through["request submit"]
    assert submitted["id"].startswith("R-")
    assert (submitted["state"], submitted["law"]) == ("planned", "gdpr")
    assert {copy["kind"] for copy in path_through["request show"]["plan"]} == {"dataset", "model"}


def test_requests_end_as_decided(path_through: dict[str, Any]) -> None:
    ended = {request["id"]: (request["state"], request["outcome"]) for request in path_through["request list"]}
    assert ended == {
        path_through["request submit"]["id"]: ("closed", "erased"),
        path_through["submit second"]["id"]: ("closed", "refused"),
        path_through["submit third"]["id"]: ("closed", "erased"),
    }


def test_what_is_due_is_erased(path_through: dict[str, Any]) -> None:
    (request,) = path_through["erase due"]["requests"]
    assert request["id"] == path_through["submit third"]["id"]
    assert Path(path_through["erase due"]["certificate_file"]).is_file()


def test_certificate_replay_and_log_hold(path_through: dict[str, Any]) -> None:
    assert path_through["certificate verify"]["verified"] is True
    assert {(one["copy"], one["verdict"]) for one in path_through["certificate replay"]} == {
        ("dataset visits", "PASSED"),
        ("model ridge", "PASSED"),
        ("model additive", "PASSED"),
    }
    assert path_through["log verify"]["verified"] is True
    assert path_through["log verify"]["covered"] == path_through["log verify"]["entries"]
    assert path_through["log verify"]["pinned"] is None
    assert path_through["verify since"]["pinned"] == path_through["log checkpoint"]["entries"]
    assert 0 < path_through["verify since certificate"]["pinned"] < path_through["verify since"]["pinned"]


def test_the_ledger_counts_whom_it_stops(path_through: dict[str, Any]) -> None:
    assert path_through["ledger show"]["people"] == 2
    assert path_through["ledger check"] == {"back": [], "submitted": []}
    assert path_through["ledger export"]["people"] == 2
    assert path_through["ledger release"] == {"released": True}
    assert path_through["ledger restore"] == {"taken": 1}
    assert path_through["ledger destroy"] == {"forgotten": 2}


def test_the_exported_copy_is_named_as_one_that_is_outside(path_through: dict[str, Any]) -> None:
    assert "was exported" in json.dumps(path_through["certificate show"]["predicate"]["residuals"])


def test_the_report_is_one_file_that_needs_no_other(path_through: dict[str, Any]) -> None:
    page = (path_through["folder"] / "report.html").read_text(encoding="utf-8")
    assert path_through["erase due"]["certificate"] in page
    assert not re.search(r"""(?:src|href)=["'](?!data:|#)""", page)


def test_nothing_that_is_printed_or_logged_names_anybody(path_through: dict[str, Any], people: pd.DataFrame) -> None:
    place = path_through["folder"] / "hospital"
    opened = open_workspace(place)
    with opened.vault.transaction() as connection:
        log = b"\n".join(row.entry for row in connection.execute(LOG_LEAF.select())).decode()
    secrets = [file.read_text().strip() for file in keys_beside(place).rglob("*") if file.is_file()]
    shows_people = {"folder", "model predict", "dataset rows", "task show"}
    printed = {name: said for name, said in path_through.items() if name not in shows_people}
    for text in (log, json.dumps(printed)):
        for person in (FIRST, SECOND, THIRD):
            assert not re.search(rf"(?<!\d){person}(?!\d)", text)
        assert not [name for name in people["name"] if name in text]
        assert not [secret for secret in secrets if secret in text]


# Every verb.


def verbs(group: Any = None, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    group = group or get_command(app.app)
    for name, verb in sorted(group.commands.items()):
        if hasattr(verb, "commands"):
            yield from verbs(verb, (*path, name))
        else:
            yield (*path, name), verb


VERBS = dict(verbs())
NO_ACTOR = {("doctor",)}
"""It shows no record, and works where nobody can prove who they are."""
NO_WORKSPACE = {("init",), ("demo",), ("anonymize",), ("certificate", "show"), ("certificate", "verify"), *BENCH}


def options(path: tuple[str, ...]) -> set[str]:
    return {option for parameter in VERBS[path].params for option in parameter.opts}


def test_the_verbs_are_those_that_are_documented() -> None:
    assert {" ".join(path) for path in VERBS} == {
        "init",
        *(f"dataset {verb}" for verb in ("add", "list", "show", "confirm", "rows")),
        *(f"model {verb}" for verb in ("train", "list", "show", "predict", "export")),
        *(f"model {verb}" for verb in ("set-replay", "rotate", "decide")),
        *(f"request {verb}" for verb in ("submit", "import", "list", "show", "approve", "refuse", "replan")),
        *(f"request {verb}" for verb in ("hold", "resume", "extend", "withdraw")),
        "due",
        *(f"recipient {verb}" for verb in ("add", "disclose", "list", "end")),
        *(f"task {verb}" for verb in ("list", "show", "done", "explain")),
        "erase",
        *(f"certificate {verb}" for verb in ("show", "verify", "replay")),
        *(f"log {verb}" for verb in ("verify", "checkpoint")),
        *(f"ledger {verb}" for verb in ("show", "check", "release", "export", "restore", "destroy")),
        "doctor",
        "report",
        *(f"actor {verb}" for verb in ("add", "list", "disable", "passwd")),
        *(f"policy {verb}" for verb in ("show", "check", "reset")),
        "demo",
        *map(" ".join, BENCH),
        "anonymize",
    }


def test_a_request_that_is_in_no_erasure_cannot_be_sent_back(
    prepared: Path, copy_of: Callable[[Path], Path], command: Command
) -> None:
    where = ("--workspace", copy_of(prepared))
    submitted = command("request", "submit", "--subject", 71_014, "--law", "gdpr", *where, "--json").json["id"]
    ran = command("request", "replan", submitted, *where)
    assert ran.code == 2
    assert "nothing to undo" in ran.err


@pytest.mark.parametrize("path", VERBS, ids=" ".join)
def test_every_verb_says_what_it_does_and_speaks_json(path: tuple[str, ...]) -> None:
    assert "--json" in options(path)
    assert VERBS[path].callback.__doc__.strip()


@pytest.mark.parametrize("path", sorted(VERBS.keys() - NO_WORKSPACE), ids=" ".join)
def test_every_verb_takes_workspace_keys_and_actor(path: tuple[str, ...]) -> None:
    actor = set() if path in NO_ACTOR else {"--as"}
    assert options(path) >= {"--workspace", "--keys"} | actor


def test_text_answers_are_for_people(
    prepared: Path, copy_of: Copier, command: Command, table: Path, tmp_path: Path
) -> None:
    """The same verbs without --json: each prints something, none fails, and no Python shows."""
    where = ("--workspace", copy_of(prepared))
    submitted = command("request", "submit", "--subject", FIRST, "--law", "gdpr", *where).out
    (request,) = set(re.findall(r"R-[0-9a-f]+", submitted))
    said = [submitted]
    for line in (
        ("dataset", "list"),
        ("dataset", "show", "visits"),
        ("dataset", "confirm", "visits"),
        ("model", "list"),
        ("model", "show", "ridge"),
        ("model", "predict", "ridge", table),
        ("model", "predict", "ridge", table, "--out", tmp_path / "answers.csv"),
        ("model", "export", "ridge", tmp_path / "exported"),
        ("model", "set-replay", "ridge", "sampled"),
        ("model", "rotate", "ridge"),
        ("model", "rotate", "--due"),
        ("request", "list"),
        ("request", "show", request),
        ("request", "approve", request),
        ("erase", request),
        ("erase", "--due-within", 400),
        ("log", "verify"),
        ("log", "checkpoint", "--out", tmp_path / "head"),
        ("log", "verify", "--since", tmp_path / "head"),
        ("ledger", "show"),
        ("ledger", "check"),
        ("ledger", "export", tmp_path / "ledger.json"),
        ("ledger", "release", "--subject", FIRST, "--reason", "new consent"),
        ("ledger", "restore", tmp_path / "ledger.json"),
        ("ledger", "destroy", "--yes"),
        ("ledger", "show"),
        ("report", "--out", tmp_path / "report.html"),
    ):
        ran = command(*line, *where)
        assert ran.code == 0, (line, ran)
        said.append(ran.out)
    certificate = next(Path(where[1]).glob("certificates/*.json"))
    for verb, rest in {"show": (), "verify": ("--key", Path(where[1]) / "public.pem"), "replay": where}.items():
        ran = command("certificate", verb, certificate, *rest)
        assert ran.code == 0, (verb, ran)
        said.append(ran.out)
    assert all(text.strip() for text in said)
    assert not re.search(r"\bNone\b|<[\w.]+ object|dict_|\{'", "".join(said))
    assert len(pd.read_csv(tmp_path / "answers.csv")) == len(pd.read_csv(table))
    assert VERIFIED in said[-2]


VERIFIED = "VERIFIED: certificate "


# Errors and exit codes.


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NotVerifiedError("log", "is false.", mend="."), 1),
        (SigningRefusedError("no.", mend="."), 1),
        (CheckFailedError("no.", mend="."), 1),
        (EnvelopeFormatError("no.", mend="."), 2),
        (InputError("no.", mend="."), 2),
        (NotFoundError("no.", mend="."), 2),
        (PolicyError("no.", mend="."), 2),
        (WorkspaceBusyError("no.", mend="."), 3),
    ],
    ids=lambda value: type(value).__name__,
)
def test_exit_codes(error: ExpungeError, code: int) -> None:
    assert app.exit_code(error) == code


def one_line(ran: Any) -> bool:
    return ran.out == "" and ran.err.startswith("expunge: ") and ran.err.count("\n") == 1 and "Traceback" not in ran.err


UNUSABLE: dict[str, tuple[object, ...]] = {
    "no workspace": ("dataset", "list", "--workspace", "/nowhere/at/all"),
    "no dataset": ("dataset", "show", "nothing"),
    "no model": ("model", "show", "nothing"),
    "no dataset to train on": ("model", "train", "m", "--dataset", "nothing", "--learner", "ridge"),
    "no learner": ("model", "train", "m", "--dataset", "visits", "--learner", "oracle"),
    "a model's name twice": ("model", "train", "ridge", "--dataset", "visits", "--learner", "ridge"),
    "a name that is none": ("model", "train", "../up", "--dataset", "visits", "--learner", "ridge"),
    "no request": ("request", "show", "R-000000000000"),
    "no request to approve": ("request", "approve", "R-000000000000"),
    "no request to erase": ("erase", "R-000000000000"),
    "nothing to erase": ("erase",),
    "two ways to say what": ("erase", "R-000000000000", "--due-within", 3),
    "an empty subject": ("request", "submit", "--subject", " ", "--law", "gdpr"),
    "a request of tomorrow": ("request", "submit", "--subject", 1, "--law", "gdpr", "--received", "2999-01-01"),
    "an actor that is none": ("dataset", "list", "--as", "a b"),
    "no keys there": ("dataset", "list", "--keys", "/nowhere/at/all"),
    "no table": ("dataset", "add", "d", "/nowhere/at/all.csv", "--subject", "id"),
    "a folder for a table": ("dataset", "add", "d", "/", "--subject", "id"),
    "a table of no known format": ("dataset", "add", "d", "/nowhere/at/all.xls", "--subject", "id"),
    "no certificate": ("report", "C-000000000000"),
    "none issued yet": ("report",),
    "no certificate to replay": ("certificate", "replay", "/nowhere/at/all.json"),
    "no checkpoint": ("log", "verify", "--since", "/nowhere/at/all"),
    "no place for a checkpoint": ("log", "checkpoint", "--out", "/nowhere/at/all"),
    "a checkpoint over another file": ("log", "checkpoint", "--out", __file__),
    "nobody to release": ("ledger", "release", "--subject", 1, "--reason", "consent"),
    "a release without a reason": ("ledger", "release", "--subject", 1, "--reason", " "),
    "a destruction that is not meant": ("ledger", "destroy"),
    "requests under no law": ("ledger", "check", "--submit"),
    "no certificate to check by": ("ledger", "check", "--certificate", "/nowhere/at/all.json"),
    "no copy of the ledger": ("ledger", "restore", "/nowhere/at/all.json"),
    "a copy of the ledger that is none": ("ledger", "restore", __file__),
    "a copy of the ledger over another file": ("ledger", "export", __file__),
}


@pytest.mark.parametrize("what", UNUSABLE)
def test_what_cannot_be_used_ends_in_one_line_and_code_2(prepared: Path, command: Command, what: str) -> None:
    where = () if "--workspace" in UNUSABLE[what] else ("--workspace", prepared)
    ran = command(*UNUSABLE[what], *where)
    assert ran.code == 2
    assert one_line(ran), ran
    ran = command(*UNUSABLE[what], *where, "--json")
    assert ran.code == 2
    assert ran.json.keys() == {"error", "message"}
    assert ran.err == ""


@pytest.mark.parametrize("line", [("dataset", "list"), ("certificate", "verify", "x.json"), ("erase", "--nonsense")])
def test_a_wrong_option_is_code_2(command: Command, line: tuple[str, ...]) -> None:
    ran = command(*line)
    assert ran.code == 2
    assert "Traceback" not in ran.err


def test_there_is_no_second_workspace_in_one_folder(prepared: Path, command: Command, tmp_path: Path) -> None:
    assert one_line(command("init", prepared))
    assert one_line(command("init", tmp_path / "new", "--keys", tmp_path / "new" / "keys"))
    assert not (tmp_path / "new").exists()


def test_a_move_that_is_not_allowed_is_code_2(prepared: Path, copy_of: Copier, command: Command) -> None:
    where = ("--workspace", copy_of(prepared))
    request = command("request", "submit", "--subject", FIRST, "--law", "gdpr", "--json", *where).json["id"]
    ran = command("erase", request, *where)
    assert (ran.code, one_line(ran)) == (2, True)
    assert "not approved" in ran.err
    ran = command("request", "refuse", request, "--ground", "because", *where)
    assert (ran.code, one_line(ran)) == (2, True)


def test_a_bad_table_gets_all_its_faults_listed_and_nothing_is_stored(
    prepared: Path, copy_of: Copier, command: Command, people: pd.DataFrame, tmp_path: Path
) -> None:
    place = copy_of(prepared)
    spoilt = people.astype({"patient": object, "age": object, "amount": object})
    spoilt.loc[3, "age"], spoilt.loc[9, "amount"], spoilt.loc[20, "patient"] = "old", "inf", None
    spoilt.to_csv(tmp_path / "bad.csv", index=False)
    line = ("dataset", "add", "bad", tmp_path / "bad.csv", "--subject", "patient", *TYPES, "--workspace", place)
    before = sorted(place.rglob("*"))
    ran = command(*line, "--role", "amount=numeric")
    assert (ran.code, ran.out) == (2, "")
    assert "3 faults, nothing was stored" in ran.err
    for fault in ("row 4, column 'age'", "row 10, column 'amount'", "row 21, column 'patient'"):
        assert fault in ran.err
    assert "Traceback" not in ran.err
    assert sorted(place.rglob("*")) == before
    assert [one["name"] for one in command("dataset", "list", "--json", "--workspace", place).json] == ["visits"]
    assert command(*line, "--role", "amount=numeric", "--json").json["error"] == "DataError"


def test_a_false_log_is_code_1(prepared: Path, copy_of: Copier, command: Command) -> None:
    place = copy_of(prepared)
    request = command("request", "submit", "--subject", FIRST, "--law", "gdpr", "--json", "--workspace", place).json
    command("request", "approve", request["id"], "--workspace", place)
    command("erase", request["id"], "--workspace", place)
    with open_workspace(place).vault.transaction() as connection:
        connection.execute(LOG_LEAF.update().where(LOG_LEAF.c.idx == 1).values(entry=b'{"event":"nothing"}'))
    ran = command("log", "verify", "--workspace", place)
    assert (ran.code, one_line(ran)) == (1, True)


def test_a_false_replay_is_code_1(workspace: Workspace, command: Command) -> None:
    """A model that changed after it was certified."""
    where = ("--workspace", workspace.folder)
    request = command("request", "submit", "--subject", FIRST, "--law", "gdpr", "--json", *where).json["id"]
    command("request", "approve", request, *where)
    file = command("erase", request, "--json", *where).json["certificate_file"]
    assert command("certificate", "replay", file, *where).code == 0
    with workspace.vault.transaction() as connection:
        versions = connection.exec_driver_sql("SELECT model_id, state_blob, served_blob, facts_blob FROM model_version")
        (one, *first), (two, *second) = versions.all()
        for model, blobs in ((one, second), (two, first)):
            connection.exec_driver_sql(
                "UPDATE model_version SET state_blob = ?, served_blob = ?, facts_blob = ? WHERE model_id = ?",
                (*blobs, model),
            )
    ran = command("certificate", "replay", file, *where, "--json")
    assert ran.code == 1
    assert [one["verdict"] for one in ran.json if one["copy"].startswith("model")] == ["FAILED", "FAILED"]


def test_a_workspace_in_which_somebody_writes_is_code_3(workspace: Workspace, command: Command) -> None:
    where = ("--workspace", workspace.folder)
    with workspace.writing():
        ran = command("request", "submit", "--subject", FIRST, "--law", "gdpr", *where)
        assert command("dataset", "list", *where).code == 0
    assert (ran.code, one_line(ran)) == (3, True)


def test_a_locked_database_is_code_3(workspace: Workspace, command: Command) -> None:
    with workspace.vault.engine.connect() as other:
        other.exec_driver_sql("UPDATE model SET name = name")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("sqlite3.connect", _impatient)
            ran = command("dataset", "confirm", "visits", "--workspace", workspace.folder)
        other.rollback()
    assert (ran.code, one_line(ran)) == (3, True), ran


def _impatient(*arguments: Any, **options: Any) -> Any:
    return _connect(*arguments, **{**options, "timeout": 0})


def _connect(*arguments: Any, **options: Any) -> Any:
    import _sqlite3  # noqa: PLC0415

    return _sqlite3.connect(*arguments, **options)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
def test_a_full_disk_ends_in_one_line(prepared: Path, command: Command, table: Path) -> None:
    ran = command("model", "predict", "ridge", table, "--out", "/dev/full", "--workspace", prepared)
    assert (ran.code, one_line(ran)) == (2, True), ran
    assert "No space left on device" in ran.err


def test_a_place_where_nothing_can_be_written_ends_in_one_line(
    prepared: Path, command: Command, table: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("a file")
    for line in (
        ("model", "predict", "ridge", table, "--out", tmp_path / "none" / "answers.csv"),
        ("model", "export", "ridge", tmp_path / "file"),
        ("init", tmp_path / "file" / "below"),
    ):
        where = () if line[0] == "init" else ("--workspace", prepared)
        ran = command(*line, *where)
        assert (ran.code, one_line(ran)) == (2, True), (line, ran)
        assert command(*line, *where, "--json").json.keys() == {"error", "message"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_is_read_only_ends_in_one_line(prepared: Path, copy_of: Copier, command: Command) -> None:
    place = copy_of(prepared)
    place.chmod(0o500)
    ran = command("request", "submit", "--subject", FIRST, "--law", "gdpr", "--workspace", place)
    place.chmod(0o700)
    assert (ran.code, one_line(ran)) == (2, True), ran


def test_a_spoilt_database_ends_in_one_line_that_shows_no_statement(
    prepared: Path, copy_of: Copier, command: Command
) -> None:
    place = copy_of(prepared)
    (place / "expunge.db").write_bytes(b"not a database at all" * 100)
    ran = command("dataset", "list", "--workspace", place)
    assert (ran.code, one_line(ran)) == (2, True), ran
    assert "PRAGMA" not in ran.err
    assert "SELECT" not in ran.err


def test_a_programming_fault_is_not_dressed_up_as_a_users(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(app, "app", broken)
    with pytest.raises(RuntimeError, match="a fault of ours"):
        command("dataset", "list")


# Four eyes.


def test_four_eyes_from_the_command_line(command: Command, table: Path, tmp_path: Path) -> None:
    where = ("--workspace", tmp_path / "w")
    command("init", tmp_path / "w", "--four-eyes")
    command("dataset", "add", "visits", table, "--subject", "patient", "--target", "sick", *TYPES, *where)
    command("model", "train", "m", "--dataset", "visits", "--learner", "ridge", *where)
    request = command("request", "submit", "--subject", FIRST, "--law", "ccpa", "--json", *where).json["id"]
    for name in ("anna", "bert"):
        command("actor", "add", name, "--role", "privacy_officer", "--key-file", tmp_path / name, *where)

    def run_as(name: str, *words: object) -> Any:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("EXPUNGE_KEY_FILE", str(tmp_path / name))
            return command(*words, "--as", name, *where)

    assert run_as("anna", "request", "approve", request).code == 0
    ran = run_as("anna", "erase", request)
    assert (ran.code, one_line(ran)) == (2, True)
    assert "four eyes" in ran.err
    assert run_as("bert", "erase", request).code == 0


def policy(folder: Path, **changes: object) -> None:
    file = folder / "policy.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def in_both_models(folder: Path) -> list[int]:
    workspace = open_workspace(folder)
    with workspace.vault.transaction() as connection:
        versions = [register.current(connection, model.id) for model in register.every(connection)]
        held = [set(register.open_learner(workspace, connection, one).subjects_held()) for one in versions]
    return sorted(int(one) for one in set.intersection(*held))


def test_a_small_batch_waits_and_that_is_no_failure(prepared: Path, copy_of: Copier, command: Command) -> None:
    folder = copy_of(prepared)
    policy(folder, min_batch=3, window_days=14)
    where = ("--workspace", folder)
    request = command("request", "submit", "--subject", SECOND, "--law", "gdpr", *where, "--json").json["id"]
    assert command("request", "approve", request, *where).code == 0
    assert "it goes at the latest on" in command("request", "show", request, *where).out
    ran = command("erase", request, *where)
    assert (ran.code, ran.err) == (0, "")
    assert f"{request}: waiting: 1 of 3 subjects; goes at the latest on" in ran.out
    assert "Nothing was erased." in ran.out
    waiting = command("erase", request, *where, "--json").json["waiting"]
    assert (waiting["requests"], waiting["subjects"], waiting["minimum"]) == ([request], 1, 3)
    assert command("request", "show", request, *where, "--json").json["release"]["min_batch"] == 3


def test_a_loss_beyond_the_bound_is_decided_from_the_command_line(
    prepared: Path, copy_of: Copier, command: Command
) -> None:
    folder = copy_of(prepared)
    policy(folder, utility_drop=0.0)
    where = ("--workspace", folder)
    submitted = [
        command("request", "submit", "--subject", one, "--law", "gdpr", *where, "--json").json["id"]
        for one in in_both_models(folder)[:6]
    ]
    assert command("request", "approve", *submitted, *where).code == 0
    ran = command("erase", *submitted, *where)
    assert (ran.code, one_line(ran)) == (4, True)
    decided = set()
    while ran.code:
        (said,) = re.findall(r"`expunge (model decide \S+ accept --batch B-[0-9a-f]+)`", ran.err)
        assert "a drop of" in command(*said.split(), *where).out
        assert said not in decided
        decided.add(said)
        ran = command("erase", *submitted, *where)
    assert "Certificate:" in ran.out


def test_a_renewal_names_a_model_or_what_is_due(prepared: Path, copy_of: Copier, command: Command) -> None:
    where = ("--workspace", copy_of(prepared))
    assert command("model", "rotate", *where).code == 2
    assert command("model", "rotate", "ridge", "--due", *where).code == 2
    assert "seed 2" in command("model", "rotate", "ridge", *where).out
    assert re.search(r"seed +2, of 20", command("model", "show", "ridge", *where).out)


# Checking a certificate.


@pytest.fixture(scope="session")
def issued(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate as `expunge erase` issues it, and the public key."""
    folder = tmp_path_factory.mktemp("issued")
    shutil.copytree(prepared, folder / "w")
    shutil.copytree(keys_beside(prepared), folder / "w.keys")
    opened = open_workspace(folder / "w")
    request = decide.approve(opened, intake.submit(opened, str(FIRST), Law.GDPR).id)
    done = execute.erase(opened, [request.id])
    return opened.certificates / f"{done.certificate}.json", opened.folder / "public.pem"


SHAMS: dict[str, Callable[[Path, bytes], object]] = {
    "an empty file": lambda file, _: file.write_bytes(b""),
    "no JSON": lambda file, _: file.write_bytes(b"VERIFIED"),
    "noise": lambda file, _: file.write_bytes(bytes(range(256))),
    "other JSON": lambda file, _: file.write_bytes(b'{"verified": true}'),
    "a list": lambda file, _: file.write_bytes(b"[]"),
    "nested too deeply": lambda file, _: file.write_bytes(b"[" * 100_000),
    "cut short": lambda file, data: file.write_bytes(data[: len(data) // 2]),
    "without its last byte": lambda file, data: file.write_bytes(data[:-1]),
    "with a byte more": lambda file, data: file.write_bytes(data + b" "),
    "twice": lambda file, data: file.write_bytes(data + data),
    "a field twice": lambda file, data: file.write_bytes(data.replace(b'"log":', b'"log": {}, "log":', 1)),
    "spelled in another way": lambda file, data: file.write_bytes(json.dumps(json.loads(data)).encode()),
    "100 MB": lambda file, _: _sparse(file),
    "missing": lambda *_: None,
    "a folder": lambda file, _: file.mkdir(),
}


def _sparse(file: Path) -> None:
    with file.open("wb") as huge:
        huge.truncate(100_000_000)


@pytest.mark.parametrize("sham", SHAMS)
def test_what_is_no_certificate_is_code_2_in_one_line(
    issued: tuple[Path, Path], command: Command, tmp_path: Path, sham: str
) -> None:
    certificate, key = issued
    SHAMS[sham](tmp_path / "c.json", certificate.read_bytes())
    ran = command("certificate", "verify", tmp_path / "c.json", "--key", key)
    assert (ran.code, one_line(ran)) == (2, True), ran
    ran = command("certificate", "show", tmp_path / "c.json")
    assert (ran.code, one_line(ran)) == (2, True), ran


@pytest.mark.parametrize("sham", ["an empty file", "noise", "missing", "a folder"])
def test_what_is_no_key_is_code_2_in_one_line(
    issued: tuple[Path, Path], command: Command, tmp_path: Path, sham: str
) -> None:
    certificate, key = issued
    SHAMS[sham](tmp_path / "k.pem", key.read_bytes())
    ran = command("certificate", "verify", certificate, "--key", tmp_path / "k.pem")
    assert (ran.code, one_line(ran)) == (2, True), ran


def test_a_changed_byte_anywhere_is_refused_and_the_check_is_named(
    issued: tuple[Path, Path], command: Command, tmp_path: Path
) -> None:
    """Every 211th byte, and every one of the signature, here; all of them in the unit tests."""
    certificate, key = issued
    data = certificate.read_bytes()
    signature = data.index(b'"sig": "') + 8
    codes = set()
    for place in sorted({*range(0, len(data), 211), *range(signature, signature + 88)}):
        changed = bytearray(data)
        changed[place] ^= 1
        (tmp_path / "c.json").write_bytes(changed)
        ran = command("certificate", "verify", tmp_path / "c.json", "--key", key)
        assert ran.code in {1, 2}, place
        assert one_line(ran), place
        assert re.match(r"expunge: (file|signature|statement|members|log entry|inclusion|checkpoint): ", ran.err), (
            ran.err
        )
        codes.add(ran.code)
    assert codes == {1, 2}


@pytest.mark.parametrize(
    ("part", "check"),
    [
        ("payload", "signature"),
        ("sig", "signature"),
        ("inclusion", "inclusion"),
        ("entry", "log entry"),
        ("checkpoint", "inclusion"),
        ("keyid", "signature"),
    ],
)
def test_a_well_formed_change_is_code_1_and_names_the_check(
    issued: tuple[Path, Path], command: Command, tmp_path: Path, part: str, check: str
) -> None:
    certificate, key = issued
    value = json.loads(certificate.read_bytes())
    place = {"payload": value["envelope"], "sig": value["envelope"]["signatures"][0]}.get(part, value["log"])
    if part == "keyid":
        value["envelope"]["signatures"][0]["keyid"] = "0" * 64
    elif part == "inclusion":
        place[part][0] = "0" * 64
    elif part == "entry":
        place[part] = re.sub(r'"sha256":"[0-9a-f]{2}', '"sha256":"00', place[part])
    elif part == "checkpoint":
        place[part] = re.sub(r"\n[A-Za-z0-9+/]{4}", "\nAAAA", place[part], count=1)
    else:
        place[part] = "AAAA" + place[part][4:]
    (tmp_path / "c.json").write_text(json.dumps(value, indent=2, sort_keys=True) + "\n")
    ran = command("certificate", "verify", tmp_path / "c.json", "--key", key)
    assert (ran.code, one_line(ran)) == (1, True), ran
    assert ran.err.startswith(f"expunge: {check}: ")


def without_packages(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the command where the numerical and the database packages are not installed."""
    blocked = ("numpy", "scipy", "pandas", "sklearn", "sqlalchemy", "alembic", "sqlite3", "matplotlib", "jinja2")
    program = f"""if True:
        import sys
        sys.modules.update(dict.fromkeys({blocked}))
        sys.argv = {["expunge", *map(str, arguments)]}
        from expunge.cli.app import main
        main()"""
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)


def test_a_certificate_is_checked_without_the_numerical_and_database_packages(issued: tuple[Path, Path]) -> None:
    certificate, key = issued
    done = without_packages("certificate", "verify", certificate, "--key", key)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(VERIFIED)


def test_a_package_that_is_missing_is_named(issued: tuple[Path, Path]) -> None:
    done = without_packages("dataset", "list", "--workspace", issued[1].parent)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(r"expunge: this command needs the package '\w+'\. Install .*\n", done.stderr)


def test_names_in_a_certificate_cannot_command_a_terminal() -> None:
    assert harmless("model \x1b[2Jgone\r") == "model \\x1b[2Jgone\\r"


def test_what_changed_bytes_end_in_is_one_line_without_values(
    workspace: Workspace, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object) -> None:
        raise TypeError("patient 71001 has no age")

    monkeypatch.setattr("expunge.erasure.requests.every", fail)
    ran = command("request", "list", "--workspace", workspace.folder)
    assert (ran.code, ran.err.count("\n"), "71001" in ran.err) == (2, 1, False)
    assert "unexpected TypeError in request.py" in ran.err
    assert "expunge doctor" in ran.err
    monkeypatch.setenv("EXPUNGE_TRACEBACK", "1")
    with pytest.raises(TypeError, match="no age"):
        command("request", "list", "--workspace", workspace.folder)


@pytest.mark.parametrize(
    ("what", "mend"),
    [
        ("database or disk is full", "Make room"),
        ("attempt to write a readonly database", "Make its folder writable"),
        ("unable to open database file", "can be written to"),
        ("disk I/O error", "Check the disk"),
        ("database disk image is malformed", "expunge doctor"),
    ],
)
def test_what_the_database_says_is_told_with_what_to_do(
    what: str, mend: str, workspace: Workspace, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object) -> None:
        raise sqlite3.OperationalError(what)

    monkeypatch.setattr("expunge.erasure.requests.every", fail)
    ran = command("request", "list", "--workspace", workspace.folder)
    assert (ran.code, what in ran.err, mend in ran.err) == (2, True, True)
