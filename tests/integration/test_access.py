"""Who may give which command: every command with every role, against the table below; and how actors prove it.

A new command without a row fails, and so does one that lets in a role that its row does not name.
"""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import pandas as pd
import pytest
from typer.main import get_command

from expunge.access.actions import Action, Role
from expunge.access.credentials import Method, write_key
from expunge.cli import app
from expunge.workspace import journal, staff
from expunge.workspace.folder import Workspace, keys_beside, open_workspace

Command: TypeAlias = Callable[..., Any]
Copier: TypeAlias = Callable[[Path], Path]
COMMAND: Final = Path(sys.executable).with_name("expunge")

SUBJECT, CLERK, OFFICER, ENGINEER, AUDITOR, ADMIN, OWNER = Role
STAFF: Final = {OFFICER, ENGINEER, AUDITOR, OWNER}
NONE: Final = "R-000000000000"


@dataclass(frozen=True)
class Row:
    """A command: the roles that may give it, and words to give it with that change nothing and take no time."""

    roles: set[Role]
    words: tuple[str, ...] = ()


TABLE: Final[dict[str, Row]] = {
    "dataset add": Row({OFFICER, OWNER}, ("new", "/nowhere.csv", "--subject", "id")),
    "dataset list": Row(STAFF),
    "dataset show": Row(STAFF, ("visits",)),
    "dataset confirm": Row({OFFICER, OWNER}, ("nothing",)),
    "dataset rows": Row({OFFICER, OWNER}, ("visits", "--subject", "71014", "--purpose", "access")),
    "model train": Row({ENGINEER, OWNER}, ("m", "--dataset", "nothing", "--learner", "ridge")),
    "model list": Row(STAFF),
    "model show": Row(STAFF, ("nothing",)),
    "model predict": Row({ENGINEER, OWNER}, ("nothing", "TABLE")),
    "model set-replay": Row({OFFICER, OWNER}, ("nothing", "always")),
    "model rotate": Row({ENGINEER, OWNER}, ("nothing",)),
    "model decide": Row({OFFICER, OWNER}, ("nothing", "accept", "--batch", "B-000000000000")),
    "model export": Row({ENGINEER, OWNER}, ("nothing", "/nowhere")),
    "request submit": Row({CLERK, OFFICER, OWNER}, ("--subject", " ", "--law", "gdpr")),
    "request list": Row({CLERK, OFFICER, AUDITOR, OWNER}),
    "request show": Row({CLERK, OFFICER, AUDITOR, OWNER}, (NONE,)),
    "request approve": Row({OFFICER, OWNER}, (NONE,)),
    "request refuse": Row({OFFICER, OWNER}, (NONE, "--ground", "12(5)")),
    "request replan": Row({OFFICER, OWNER}, (NONE,)),
    "request import": Row({CLERK, OFFICER, OWNER}, ("/nowhere.csv",)),
    "request hold": Row({OFFICER, OWNER}, (NONE, "--ground", "17(3)(e)", "--until", "2999-01-01")),
    "request resume": Row({OFFICER, OWNER}, (NONE,)),
    "request extend": Row({OFFICER, OWNER}, (NONE, "--reason", "many requests at once")),
    "request withdraw": Row({OFFICER, OWNER}, (NONE,)),
    "due": Row({CLERK, OFFICER, AUDITOR, OWNER}),
    "recipient add": Row({OFFICER, OWNER}, ("\t", "--kind", "processor")),
    "recipient list": Row({OFFICER, AUDITOR, OWNER}),
    "recipient disclose": Row({OFFICER, OWNER}, ("nobody", "--dataset", "visits")),
    "recipient end": Row({OFFICER, OWNER}, ("nobody",)),
    "task list": Row({OFFICER, AUDITOR, OWNER}),
    "task show": Row({OFFICER, OWNER}, ("T-none",)),
    "task done": Row({OFFICER, OWNER}, ("T-none",)),
    "task explain": Row({OFFICER, OWNER}, ("T-none", "--why", "it is no more")),
    "ledger show": Row({OFFICER, AUDITOR, OWNER}),
    "ledger check": Row({OFFICER, AUDITOR, OWNER}),
    "ledger release": Row({OFFICER, OWNER}, ("--subject", "71014", "--reason", "new consent")),
    "ledger export": Row({OFFICER, OWNER}, ("FRESH",)),
    "ledger restore": Row({OFFICER, OWNER}, ("/nowhere.json",)),
    "ledger destroy": Row({OFFICER, OWNER}, ("--yes",)),
    "log checkpoint": Row({OFFICER, AUDITOR, ADMIN, OWNER}, ("--out", "FRESH")),
    "erase": Row({OFFICER, OWNER}, (NONE,)),
    "certificate replay": Row({OFFICER, AUDITOR, OWNER}, ("/nowhere.json",)),
    "log verify": Row({OFFICER, AUDITOR, ADMIN, OWNER}),
    "report": Row({OFFICER, AUDITOR, OWNER}),
    "actor add": Row({ADMIN, OWNER}, ("owner", "--role", "auditor", "--key-file", "FRESH")),
    "actor list": Row({OFFICER, AUDITOR, ADMIN, OWNER}),
    "actor disable": Row({ADMIN, OWNER}, ("nothing",)),
    "actor passwd": Row({ADMIN, OWNER}, ("nothing", "--key-file", "FRESH")),
    "policy show": Row({OFFICER, ENGINEER, AUDITOR, ADMIN, OWNER}),
    "policy check": Row({OFFICER, AUDITOR, ADMIN, OWNER}),
    "policy reset": Row({ADMIN, OWNER}),
}
OPEN_TO_ALL: Final = {
    "init",
    "demo",
    "certificate show",
    "certificate verify",
    "doctor",
    "bench learners",
    "anonymize",
    "bench leaderboard",
    "bench report",
    "bench sharding",
    "bench unlearning",
}
"""Commands that ask nobody who they are: all but the last open no workspace; the doctor changes nothing, names nobody,
and must work where nobody can prove anything any more."""


def commands(group: Any = None, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    group = group or get_command(app.app)
    for name, found in group.commands.items():
        if hasattr(found, "commands"):
            yield from commands(found, (*path, name))
        else:
            yield " ".join((*path, name)), found


COMMANDS: Final = dict(commands(get_command(app.app)))


@pytest.fixture(scope="module")
def table(people: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("table") / "people.csv"
    people.head(3).to_csv(file, index=False)
    return file


@pytest.fixture(scope="module")
def office(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with an actor of each role, named as the role is; each one's key lies beside it."""
    folder = tmp_path_factory.mktemp("office") / "w"
    shutil.copytree(prepared, folder)
    shutil.copytree(keys_beside(prepared), keys_beside(folder))
    owner = open_workspace(folder)
    for role in Role:
        write_key(folder.with_name(f"{role}.key"), f"the key of {role}")
        if role is not Role.OWNER:
            staff.add(owner, role, [role], Method.KEY, f"the key of {role}")
    staff.renew(owner, "owner", Method.KEY, "the key of owner")
    (keys_beside(folder) / "owner.credential").write_text("the key of owner\n")
    return folder


def ran_as(command: Command, office: Path, role: Role, *words: object) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EXPUNGE_KEY_FILE", str(office.with_name(f"{role}.key")))
        return command(*words, "--workspace", office, "--as", role.value, "--json")


def log(office: Path) -> list[dict[str, Any]]:
    with open_workspace(office).vault.transaction() as connection:
        return [json.loads(entry) for entry in journal.entries(connection)]


def test_every_command_has_a_row() -> None:
    assert COMMANDS.keys() == TABLE.keys() | OPEN_TO_ALL


def test_what_is_open_to_all_opens_no_workspace_but_the_doctor() -> None:
    for name in OPEN_TO_ALL:
        options = {option for parameter in COMMANDS[name].params for option in parameter.opts}
        assert {"--as", "--workspace"} & options == ({"--workspace"} if name == "doctor" else set()), name


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("name", TABLE)
def test_every_command_with_every_role(
    office: Path, command: Command, table: Path, tmp_path: Path, name: str, role: Role
) -> None:
    row = TABLE[name]
    words = [{"TABLE": table, "FRESH": tmp_path / "fresh.key"}.get(word, word) for word in row.words]
    ran = ran_as(command, office, role, *name.split(), *words)
    denied = ran.code == 2 and isinstance(ran.json, dict) and ran.json.get("error") == "DeniedError"
    assert denied == (role not in row.roles), ran
    assert "Authentication" not in ran.out
    last = log(office)[-1]
    assert ((last["event"], last["actor"]) == ("denied", role.value)) == denied
    if denied:
        assert last["action"] in set(Action)
        assert ran.err == ""
        assert not (tmp_path / "fresh.key").exists(), "nothing is made for who is denied"


# One role at a time.


def test_a_subject_sees_the_state_of_one_request(office: Path, command: Command, tmp_path: Path) -> None:
    submit = ("request", "submit", "--subject", "71014", "--law", "gdpr")
    mine = ran_as(command, office, CLERK, *submit).json["id"]
    other = ran_as(command, office, CLERK, "request", "submit", "--subject", "71027", "--law", "gdpr").json["id"]
    key = tmp_path / "mine.key"
    added = ran_as(command, office, Role.ADMINISTRATOR, "actor", "add", mine, "--role", "subject", "--key-file", key)
    assert (added.code, added.json["name"]) == (0, mine)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EXPUNGE_KEY_FILE", str(key))
        assert command("request", "show", mine, "--workspace", office, "--as", mine, "--json").json["id"] == mine
        for words in (("request", "show", other), ("request", "list"), ("dataset", "list")):
            ran = command(*words, "--workspace", office, "--as", mine, "--json")
            assert ran.json["error"] == "DeniedError", words
        shown = command("request", "show", mine, "--workspace", office, "--as", mine)
    assert "state: planned" in shown.out
    assert not [word for word in ("visits", "ridge", "owner", "approver") if word in shown.out], "the state alone"


def test_values_that_were_inferred_from_people_are_hidden_from_who_may_not_see_them(
    copy_of: Copier, office: Path, command: Command, people: pd.DataFrame, tmp_path: Path
) -> None:
    people.to_csv(tmp_path / "people.csv", index=False)
    words = ("--subject", "patient", "--role", "name=ignored", "--role", "note=ignored", "--range", "age=0:120")
    added = ran_as(command, office, Role.PRIVACY_OFFICER, "dataset", "add", "raw", tmp_path / "people.csv", *words)
    assert added.code == 0
    for role in TABLE["dataset show"].roles:
        shown = ran_as(command, office, role, "dataset", "show", "raw").json
        (listed,) = [one for one in ran_as(command, office, role, "dataset", "list").json if one["name"] == "raw"]
        assert listed["schema"] == shown["schema"]
        columns = {column["name"]: column for column in shown["schema"]["columns"]}
        assert columns["age"]["low"] == "0.0", "what is declared is nobody's value"
        assert (columns["amount"]["low"] is None) == (role in {ENGINEER, AUDITOR})
        assert ("-500" in json.dumps(shown)) == (role in {OFFICER, OWNER})


def test_records_are_read_for_a_purpose_and_the_log_tells_all_but_whose(
    office: Path, command: Command, people: pd.DataFrame
) -> None:
    read = ("dataset", "rows", "visits", "--subject")
    rows = ran_as(command, office, OFFICER, *read, "71001", "--purpose", "access").json
    assert len(rows) == (people["patient"] == 71_001).sum()
    assert {row["name"] for row in rows} == set(people[people["patient"] == 71_001]["name"])
    last = log(office)[-1]
    assert (last["event"], last["actor"], last["purpose"]) == ("records read", "privacy_officer", "access")
    assert (last["subjects"], last["records"]) == (1, len(rows))
    assert "71001" not in json.dumps(last)
    missing = ran_as(command, office, OFFICER, *read, "5", "--purpose", "identity")
    assert missing.json["error"] == "UnknownSubjectError"
    assert log(office)[-1]["subjects"] == 0, "that it was asked is told"
    size = len(log(office))
    for purpose in ((), ("--purpose", "curiosity"), ("--purpose", "")):
        assert ran_as(command, office, OFFICER, *read, "71001", *purpose).code == 2
    assert len(log(office)) == size


def test_rows_are_printed_for_people(office: Path, command: Command) -> None:
    words = ("dataset", "rows", "visits", "--subject", "71001", "--purpose", "rectification", "--workspace", office)
    out = command(*words).out
    assert out.splitlines()[0] == "name,age,amount,ward,note,sick"
    assert len(out.splitlines()) == 3


def test_a_draft_of_the_rules_is_checked_before_it_is_put_in_place(
    office: Path, command: Command, tmp_path: Path
) -> None:
    draft = tmp_path / "draft.cedar"
    draft.write_text((office / "policy.cedar").read_text().replace('Action::"model.export",', ""))
    ran = ran_as(command, office, AUDITOR, "policy", "check", draft)
    assert ran.json["changes"] == [{"role": "ml_engineer", "action": "model.export", "allowed": False}]
    told = command("policy", "check", draft, "--workspace", office).out
    assert "ml_engineer may no longer write a model out." in told
    draft.write_text('permit (principal in Role::"boss", action, resource);')
    ran = ran_as(command, office, AUDITOR, "policy", "check", draft)
    assert (ran.code, ran.json["error"]) == (2, "WorkspaceError")
    assert "line 1" in ran.json["message"]


def test_the_policy_is_shown_as_a_table(office: Path, command: Command) -> None:
    shown = ran_as(command, office, AUDITOR, "policy", "show").json
    assert shown["roles"].keys() == set(Action)
    assert shown["version"] == open_workspace(office).policy.version
    text = command("policy", "show", "--workspace", office).out
    assert "four_eyes" in text
    assert "write a model out" in text


def test_an_owner_is_made_by_an_owner_alone(office: Path, command: Command, tmp_path: Path) -> None:
    words = ("actor", "add", "second", "--role", "owner", "--key-file", tmp_path / "second.key")
    ran = ran_as(command, office, ADMIN, *words)
    assert ran.json["error"] == "DeniedError"
    assert "only an owner" in ran.json["message"]
    assert ran_as(command, office, OWNER, *words).code == 0
    assert ran_as(command, office, ADMIN, "actor", "disable", "second").json["error"] == "DeniedError"
    assert ran_as(command, office, OWNER, "actor", "disable", "second").json["disabled"]


# How actors prove it.


PHRASE: Final = "correct horse battery"


@pytest.fixture
def place(prepared: Path, copy_of: Copier) -> Path:
    """A workspace with the auditor dora, who has a passphrase."""
    folder = copy_of(prepared)
    staff.add(open_workspace(folder), "dora", ["auditor"], Method.PASSPHRASE, PHRASE)
    return folder


def given(words: tuple[object, ...], stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EXPUNGE_")}
    return subprocess.run(
        [COMMAND, *map(str, words)],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**kept, **environment},
    )


def private(path: Path, text: str) -> Path:
    path.write_text(text + "\n")
    path.chmod(0o600)
    return path


def test_a_passphrase_comes_from_a_file_or_a_line_of_standard_input(place: Path, tmp_path: Path) -> None:
    words = ("model", "list", "--workspace", place, "--as", "dora")
    assert given(("--passphrase-stdin", *words), f"{PHRASE}\n").returncode == 0
    file = private(tmp_path / "phrase", PHRASE)
    assert given(words, EXPUNGE_PASSPHRASE_FILE=str(file)).returncode == 0
    file.chmod(0o644)
    assert "chmod 600" in given(words, EXPUNGE_PASSPHRASE_FILE=str(file)).stderr
    both = given(words, EXPUNGE_PASSPHRASE_FILE=str(file), EXPUNGE_KEY_FILE=str(file))
    assert "both set" in both.stderr


@pytest.mark.parametrize("stdin", ["", "\n", "incorrect horse battery\n", f" {PHRASE}\n"])
def test_a_wrong_or_missing_passphrase_opens_nothing(place: Path, stdin: str) -> None:
    ran = given(("--passphrase-stdin", "model", "list", "--workspace", place, "--as", "dora", "--json"), stdin)
    assert (ran.returncode, json.loads(ran.stdout)["error"]) == (2, "AuthenticationError")
    assert PHRASE not in ran.stdout + ran.stderr


def test_without_a_terminal_nobody_is_asked(place: Path) -> None:
    ran = given(("model", "list", "--workspace", place, "--as", "dora"))
    assert ran.returncode == 2
    assert "--passphrase-stdin" in ran.stderr


def test_at_a_terminal_a_passphrase_is_asked_for_without_echo(place: Path) -> None:
    words = [COMMAND, "model", "list", "--workspace", place, "--as", "dora"]
    child, terminal = pty.fork()
    if child == 0:  # pragma: no cover - another process
        os.execv(COMMAND, list(map(str, words)))  # noqa: S606 - a terminal of its own is the point
    seen = b""
    while b"Passphrase of dora: " not in seen:
        seen += os.read(terminal, 1000)
    os.write(terminal, f"{PHRASE}\n".encode())
    try:
        while more := os.read(terminal, 1000):
            seen += more
    except OSError:  # the other end of a terminal that was closed, on Linux
        pass
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0, seen
    assert b"additive" in seen
    assert PHRASE.encode() not in seen


def test_no_command_takes_a_secret_as_an_argument() -> None:
    options = {option for found in COMMANDS.values() for parameter in found.params for option in parameter.opts}
    assert not {one for one in options if any(word in one for word in ("pass", "secret", "token", "credential"))}


def test_an_actor_is_added_renewed_and_disabled_from_the_command_line(place: Path, tmp_path: Path) -> None:
    where = ("--workspace", place)
    carl = ("actor", "add", "carl", "--role", "intake_clerk", "--role", "auditor", *where, "--json")
    added = given(("--passphrase-stdin", *carl), f"{PHRASE}\n")
    assert json.loads(added.stdout)["roles"] == ["intake_clerk", "auditor"]
    assert PHRASE not in added.stdout + added.stderr
    acts = ("request", "list", *where, "--as", "carl")
    assert given(("--passphrase-stdin", *acts), f"{PHRASE}\n").returncode == 0

    key = tmp_path / "carl.key"
    renewed = ("--passphrase-stdin", "actor", "passwd", "carl", "--key-file", key, *where, "--as", "carl")
    assert given(renewed, f"{PHRASE}\n").returncode == 0
    assert key.stat().st_mode & 0o777 == 0o600
    assert given(("--passphrase-stdin", *acts), f"{PHRASE}\n").returncode == 2
    assert given(acts, EXPUNGE_KEY_FILE=str(key)).returncode == 0

    assert given(("actor", "disable", "carl", *where)).returncode == 0
    assert "is wrong" in given(acts, EXPUNGE_KEY_FILE=str(key)).stderr
    listed = json.loads(given(("actor", "list", *where, "--json")).stdout)
    assert [(one["name"], bool(one["disabled"])) for one in listed] == [
        ("carl", True),
        ("dora", False),
        ("owner", False),
    ]
    assert "verifier" not in listed[0]


def test_a_key_is_not_written_into_the_workspace_nor_over_a_file(place: Path, tmp_path: Path, command: Command) -> None:
    words = ("actor", "add", "carl", "--role", "auditor", "--workspace", place, "--key-file")
    assert "inside the workspace" in command(*words, place / "carl.key").err
    assert "exists" in command(*words, private(tmp_path / "there", "something")).err
    assert (tmp_path / "there").read_text() == "something\n"
    with open_workspace(place).vault.transaction() as connection:
        assert journal.entries(connection)[-1].count(b"carl") == 0


def test_a_workspace_that_wants_names_takes_no_owner_by_default(place: Path, command: Command) -> None:
    path = place / "policy.json"
    path.write_text(path.read_text().replace('"owner_by_default": true', '"owner_by_default": false'))
    ran = command("model", "list", "--workspace", place)
    assert (ran.code, "--as NAME" in ran.err) == (2, True)
    assert command("model", "list", "--workspace", place, "--as", "owner").code == 0


def test_rules_that_are_missing_or_wrong_stop_everything_but_their_mending(place: Path, command: Command) -> None:
    where = ("--workspace", place)
    path = place / "policy.cedar"
    for content in (None, "permit (principal);", 'permit (principal in Role::"boss", action, resource);'):
        path.unlink()
        if content is not None:
            path.write_text(content)
        ran = command("model", "list", *where)
        assert (ran.code, "expunge policy reset" in ran.err) == (2, True), ran
        assert command("policy", "reset", *where).code == 0
        assert command("model", "list", *where).code == 0


def test_whoever_is_denied_learns_nothing_of_what_is_there(office: Path, command: Command) -> None:
    """A dataset, model or request that is there and one that is not get the same answer."""
    for words in (("dataset", "show"), ("model", "show"), ("request", "approve")):
        answers = {ran_as(command, office, SUBJECT, *words, name).out for name in ("visits", "ridge", "nothing", NONE)}
        assert len(answers) == 1


def test_the_core_install_needs_no_policy_engine(tmp_path: Path) -> None:
    """Checking a certificate works where neither cedarpy nor argon2 is installed."""
    program = (
        "import sys; sys.modules.update(dict.fromkeys(('cedarpy', 'argon2', 'sqlalchemy', 'numpy')));"
        "sys.argv = ['expunge', 'certificate', 'verify', 'none.json', '--key', 'none.pem'];"
        "from expunge.cli.app import main; main()"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert ran.returncode == 2
    assert "none.pem" in ran.stderr, ran.stderr
    assert "package" not in ran.stderr


def test_a_workspace_opened_as_somebody_acts_in_their_roles(place: Path) -> None:
    opened: Workspace = open_workspace(place, actor="dora", credential=PHRASE)
    assert (opened.actor, opened.roles) == ("dora", (Role.AUDITOR,))
