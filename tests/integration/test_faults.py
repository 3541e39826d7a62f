"""Faults, real ones: kills at random instants, full disks, folders that cannot be written to, clocks, changed bytes.

Each ends in one clear error of ours; nothing is lost that was not destroyed; nothing is signed that is not so; and
`expunge doctor` finds what is wrong.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import select, update

from expunge.certificates import verify_file
from expunge.certificates.keys import generate_key
from expunge.datasets import checked, declare, read_frame
from expunge.domain.request import Law
from expunge.erasure import decide, execute, intake
from expunge.erasure.doctor.examine import INSIDE, OUTSIDE
from expunge.erasure.steps.certify import CLOCK_SET_BACK
from expunge.vault import pages, subjects
from expunge.vault.database import CERTIFICATE, ROOT
from expunge.vault.store import LINK
from expunge.workspace import data, members, models, register
from expunge.workspace.folder import init, keys_beside, open_workspace

Command: TypeAlias = Callable[..., Any]
Copier: TypeAlias = Callable[[Path], Path]
DRIVER: Final = Path(__file__).with_name("fault_driver.py")
EXPUNGE: Final = Path(sys.executable).with_name("expunge")
BEFORE: Final = 71_040
LEAVING: Final = (71_001, 71_014, 71_027)
STAYING: Final = 71_131
SEED: Final = 20_261_123


@dataclass(frozen=True)
class Office:
    """A workspace in which one person is erased, and three are approved for erasure."""

    folder: Path
    done: str
    ids: list[str]

    @property
    def keys(self) -> Path:
        return keys_beside(self.folder)

    def at(self, folder: Path) -> Office:
        return Office(folder, self.done, self.ids)


@pytest.fixture(scope="module")
def pristine(people: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Office:
    """Thirty people, three models, the schema inferred, hence state. Never change it: take `office`."""
    folder = tmp_path_factory.mktemp("faults") / "workspace"
    init(folder, secret=bytes(32))
    workspace = open_workspace(folder)
    raw = read_frame(people[people["patient"] < 71_001 + 13 * 30])
    data.add(workspace, "visits", checked(raw, declare(raw.names, subject="patient", target="sick")))
    for name, learner in (("ridge", "ridge"), ("additive", "additive"), ("second", "ridge")):
        models.train(workspace, name, "visits", learner)
    done, *ids = (
        decide.approve(workspace, intake.submit(workspace, str(one), Law.GDPR).id).id for one in (BEFORE, *LEAVING)
    )
    execute.erase(workspace, [done])
    return Office(folder, done, ids)


@pytest.fixture
def office(pristine: Office, copy_of: Copier) -> Office:
    return pristine.at(copy_of(pristine.folder))


def digests(folder: Path) -> dict[str, Any]:
    """What was learned and who is in it: what must not depend on any fault."""
    workspace = open_workspace(folder)
    with workspace.vault.transaction() as connection:
        found: dict[str, Any] = {"visits": data.every(workspace, connection)[0].members_root}
        for model in register.every(connection):
            facts = register.open_facts(workspace, connection, register.current(connection, model.id))
            found[model.name] = (facts.learned, facts.served, members.current_root(connection, model.id))
    return found


def certificates(folder: Path) -> dict[str, set[str]]:
    """Certificate -> the requests in it; every one verifies, and its file is there."""
    workspace = open_workspace(folder)
    with workspace.vault.transaction() as connection:
        issued = set(connection.execute(select(CERTIFICATE.c.id)).scalars())
    assert {path.stem for path in workspace.certificates.iterdir()} == issued
    files = [workspace.certificates / f"{name}.json" for name in issued]
    return {
        path.stem: {line.id for line in verify_file(path, folder / "public.pem").statement.requests} for path in files
    }


def ends_well(command: Command, office: Office, expected: dict[str, Any]) -> None:
    """The same command ends in one certificate, of the same models as without a fault; and all is fine."""
    ran = command("erase", *office.ids, "--workspace", office.folder, "--json")
    assert (ran.code, {one["state"] for one in ran.json["requests"]}) == (0, {"closed"}), ran
    assert sorted(map(len, certificates(office.folder).values())) == [1, 3]
    assert digests(office.folder) == expected
    seen = command("doctor", "--workspace", office.folder, "--json")
    assert (seen.code, seen.json["findings"]) == (0, [])


@pytest.fixture(scope="module")
def undisturbed(pristine: Office, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The digests at the end of an erasure that nothing befell."""
    folder = tmp_path_factory.mktemp("undisturbed") / "workspace"
    shutil.copytree(pristine.folder, folder)
    shutil.copytree(pristine.keys, keys_beside(folder))
    execute.erase(open_workspace(folder), pristine.ids)
    return digests(folder)


# Kills at random instants.


def killed(pristine: Office, out: Path, times: int) -> dict[str, Any]:
    print(f"seed {SEED}, {times} runs")
    arguments: list[str | Path] = [sys.executable, DRIVER, pristine.folder, out, str(SEED), str(times), *pristine.ids]
    one_thread = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}  # a fork takes along one thread only
    subprocess.run(arguments, check=True, timeout=60 + 30 * times, env=one_thread)
    found: dict[str, Any] = json.loads((out / "results.json").read_text())
    return found


def judge(found: dict[str, Any], out: Path, undisturbed: dict[str, Any]) -> None:
    """Hold every run against the one that nothing befell; prints where the kills fell."""
    certificate = found["undisturbed"]["said"]["certificate"]
    assert digests(out / "unkilled") == undisturbed
    fell: Counter[str] = Counter()
    wrong: list[tuple[Any, ...]] = []
    for number, run in found["runs"].items():
        for kill in run["kills"]:
            states = {one["state"] for one in kill["list"]["said"]}
            fell["/".join(sorted(states - {"closed"})) or "closed"] += kill["code"] == -signal.SIGKILL
            clear = kill["list"]["code"] == 0 and len(kill["list"]["said"]) == 4 and kill["doctor"]["code"] == 0
            wrong += [] if clear else [(number, "its state is not clear", kill)]
            wrong += [] if kill["code"] in {0, -signal.SIGKILL} else [(number, "it ended otherwise", kill)]
        for end in ("end", "again"):
            told = run[end]["code"] == 0 and run[end]["said"]["certificate"] == certificate
            wrong += [] if told else [(number, end, run[end])]
        wrong += [] if not run["doctor"]["said"]["findings"] else [(number, run["doctor"])]
        wrong += [] if digests(out / number) == undisturbed else [(number, "the outcome differs")]
        wrong += [] if sorted(map(len, certificates(out / number).values())) == [1, 3] else [(number, "certificates")]
    print(dict(fell))
    assert wrong == []
    assert sum(fell.values()) > 0.5 * len(found["runs"])
    assert len(fell) > 3


def test_kills_at_random_instants(pristine: Office, undisturbed: dict[str, Any], tmp_path: Path) -> None:
    judge(killed(pristine, tmp_path, 20), tmp_path, undisturbed)


@pytest.mark.soak
def test_two_hundred_kills_at_random_instants(pristine: Office, undisturbed: dict[str, Any], tmp_path: Path) -> None:
    judge(killed(pristine, tmp_path, 200), tmp_path, undisturbed)


# A second process with the same batch; a reader meanwhile.


def test_two_processes_with_the_same_batch_make_one_certificate(
    office: Office, undisturbed: dict[str, Any], command: Command
) -> None:
    arguments = [str(EXPUNGE), "erase", *office.ids, "--workspace", str(office.folder), "--json"]
    both = [subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [json.loads(one.communicate(timeout=120)[0]) for one in both]
    codes = [one.returncode for one in both]
    assert set(codes) <= {0, 3}
    assert 0 in codes
    assert len({one["certificate"] for one, code in zip(said, codes, strict=True) if code == 0}) == 1
    ends_well(command, office, undisturbed)


# Full disks.


@contextmanager
def mounted(kind: str, source: str, place: Path, options: str) -> Iterator[Callable[[str], None]]:
    """Mount something for as long as this lasts; skips where this user may not."""
    place.mkdir(exist_ok=True)
    bind = ("--bind",) if kind == "bind" else ("-t", kind)
    done = subprocess.run(
        ["mount", *bind, "-o", options, source, place], capture_output=True, text=True, check=False, timeout=30
    )
    if done.returncode:
        pytest.skip(f"this user cannot mount a file system: {done.stderr.strip()}")

    def again(changed: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{changed}", place], check=True, timeout=30)

    try:
        yield again
    finally:
        subprocess.run(["umount", "--lazy", place], check=True, timeout=30)


def one_line(ran: Any) -> bool:
    """Whether a command ended in one clear error of ours."""
    return ran.code in {1, 2, 3} and ran.err.startswith("expunge: ") and ran.err.count("\n") == 1


@pytest.mark.parametrize("kilobytes", [4, 32, 64, 96, 128])
def test_a_full_disk(
    kilobytes: int, pristine: Office, undisturbed: dict[str, Any], command: Command, tmp_path: Path
) -> None:
    with mounted("tmpfs", "tmpfs", tmp_path / "disk", "size=64m") as again:
        place = tmp_path / "disk" / "workspace"
        shutil.copytree(pristine.folder, place)
        shutil.copytree(pristine.keys, keys_beside(place))
        full = pristine.at(place)
        disk = os.statvfs(place)
        again(f"size={(disk.f_blocks - disk.f_bfree) * disk.f_frsize // 1024 + kilobytes}k")
        seen = command("doctor", "--workspace", place, "--json")
        assert "room" in {one["check"] for one in seen.json["findings"]}
        ran = command("erase", *full.ids, "--workspace", place)
        assert one_line(ran), ran
        again("size=512m")
        ends_well(command, full, undisturbed)


@pytest.mark.parametrize("limit", [1_000, 20_000, 150_000])
def test_a_file_that_cannot_grow(limit: int, office: Office, undisturbed: dict[str, Any], command: Command) -> None:
    """The limit on the size of files makes real writes fail (EFBIG), wherever tests run."""

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))

    ran = subprocess.run(
        [EXPUNGE, "erase", *office.ids, "--workspace", office.folder],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        preexec_fn=limited,
    )
    assert (ran.returncode, ran.stderr.count("\n"), "Traceback" in ran.stderr) == (2, 1, False), ran.stderr
    ends_well(command, office, undisturbed)


# Folders that cannot be written to.


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Let nobody write to a folder: for root by a mount, rights do not stop it; for others by its rights."""
    if os.getuid() == 0:
        with mounted("bind", str(folder), folder, "bind") as again:
            again("ro,bind")
            yield
        return
    folders = [folder, *(path for path in folder.rglob("*") if path.is_dir())]
    for path in folders:
        path.chmod(0o500)
    yield
    for path in folders:
        path.chmod(0o700)


@pytest.mark.parametrize("part", ["folder", "keys"])
def test_a_read_only_folder(part: str, office: Office, undisturbed: dict[str, Any], command: Command) -> None:
    with read_only(getattr(office, part)):
        ran = command("erase", *office.ids, "--workspace", office.folder)
        assert one_line(ran), ran
        seen = command("doctor", "--workspace", office.folder, "--json")
        assert seen.code == 0, seen
        assert {one["severity"] for one in seen.json["findings"]} <= {"attention"}
    ends_well(command, office, undisturbed)


# A clock that jumps.

CLOCK: Final = """
import os, sys
from datetime import datetime, timedelta
from expunge.cli import app, erase
from expunge.erasure import intake
from expunge.vault import store
shift = timedelta(seconds=float(sys.argv.pop(1)))
class Shifted(datetime):
    @classmethod
    def now(cls, tz=None):
        return datetime.now(tz) + shift
for module in (erase, intake, store):  # wherever the time is asked for
    module.datetime = Shifted
if sys.argv[1] == "--until-shredded":
    from expunge.erasure import execute
    from expunge.workspace.folder import open_workspace
    from pathlib import Path
    def stop(state):
        if state == "shredded":
            os._exit(9)
    execute.erase(open_workspace(Path(sys.argv[2])), sys.argv[3:], stop)
app.main()
"""


def with_clock(ahead: timedelta, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a command in a process whose clock is ahead by so much."""
    command = [sys.executable, "-c", CLOCK, str(ahead.total_seconds()), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_a_clock_that_was_ahead_and_is_set_right(office: Office, undisturbed: dict[str, Any], command: Command) -> None:
    place = ("--workspace", office.folder)
    ran = with_clock(timedelta(days=2), "request", "submit", "--subject", 71_053, "--law", "gdpr", *place)
    assert ran.returncode == 0, ran.stderr
    seen = command("doctor", *place, "--json")
    assert [(one["check"], one["severity"]) for one in seen.json["findings"]] == [("clock", "attention")]
    assert command("erase", *office.ids, *place).code == 0
    with closing(sqlite3.connect(office.folder / "expunge.db")) as database:
        entries = [json.loads(entry) for (entry,) in database.execute("SELECT entry FROM log_leaf ORDER BY idx")]
    assert [one["event"] for one in entries if "clock" in one] == ["batch begun"]
    assert command("log", "verify", *place).code == 0
    seen = command("doctor", *place, "--json")
    assert [(one["check"], one["severity"]) for one in seen.json["findings"]] == [("clock", "attention")]
    assert digests(office.folder) == undisturbed


def test_a_clock_set_back_between_shredding_and_signing_is_told_in_the_certificate(
    office: Office, command: Command
) -> None:
    ran = with_clock(timedelta(days=400), "--until-shredded", office.folder, *office.ids)
    assert ran.returncode == 9, ran.stderr
    ran = command("erase", *office.ids, "--workspace", office.folder, "--json")
    assert ran.code == 0, ran
    statement = verify_file(Path(ran.json["certificate_file"]), office.folder / "public.pem").statement
    assert statement.issued < statement.keys.unusable_since
    assert CLOCK_SET_BACK in statement.notes


def test_a_certificate_says_nothing_of_the_clock_where_it_goes_forward(office: Office, command: Command) -> None:
    ran = command("erase", *office.ids, "--workspace", office.folder, "--json")
    statement = verify_file(Path(ran.json["certificate_file"]), office.folder / "public.pem").statement
    assert CLOCK_SET_BACK not in statement.notes


def test_a_day_of_receipt_that_lies_ahead_of_a_clock_behind_is_refused(office: Office) -> None:
    today = datetime.now(UTC).date().isoformat()
    arguments = ("--subject", 71_053, "--law", "gdpr", "--received", today, "--workspace", office.folder)
    ran = with_clock(timedelta(days=-3), "request", "submit", *arguments)
    assert (ran.returncode, "lies ahead" in ran.stderr, ran.stderr.count("\n")) == (2, True, 1)


# Changed bytes: what is planted, what `doctor` says of it, and what an erasure makes of it.


def flip(path: Path, position: float = 0.5) -> None:
    """Change one byte of a file."""
    content = bytearray(path.read_bytes())
    content[int(position * (len(content) - 1))] ^= 0x01
    path.write_bytes(bytes(content))


def other_digit(path: Path) -> None:
    """Change one digit of a secret so that it is a well-formed secret still."""
    content = path.read_text()
    middle = len(content) // 2
    path.write_text(content[:middle] + ("1" if content[middle] == "0" else "0") + content[middle + 1 :])


def sql(office: Office, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(office.folder / "expunge.db")) as database:
        assert database.execute(statement, values).rowcount == 1
        database.commit()


def segment(office: Office) -> Path:
    (found,) = (office.folder / "segments").iterdir()
    return found


def state_of(office: Office, name: str) -> Path:
    workspace = open_workspace(office.folder)
    with workspace.vault.transaction() as connection:
        version = register.current(connection, register.by_name(connection, name).id)
    return office.folder / "blobs" / version.state_blob


def other_key(path: Path) -> None:
    path.unlink()
    generate_key(path)


def other_secret(path: Path) -> None:
    path.write_text(bytes(range(32)).hex() + "\n")


def change_entry(office: Office) -> None:
    with closing(sqlite3.connect(office.folder / "expunge.db")) as database:
        (entry,) = database.execute("SELECT entry FROM log_leaf WHERE idx = 3").fetchone()
    sql(office, "UPDATE log_leaf SET entry = ? WHERE idx = 3", entry.replace(b"owner", b"other"))


def swap_states(office: Office) -> None:
    """Let one model's training state stand for another's."""
    sql(
        office,
        "UPDATE model_version SET state_blob = "
        "(SELECT state_blob FROM model_version JOIN model ON model.id = model_id WHERE name = 'second') "
        "WHERE model_id = (SELECT id FROM model WHERE name = 'ridge')",
    )


def ref_of(office: Office, person: int) -> bytes:
    workspace = open_workspace(office.folder)
    with workspace.vault.transaction() as connection:
        (ref,) = subjects.everywhere(workspace.vault, connection, [person])
    return ref


def remove_member(office: Office, person: int) -> None:
    """Let a dataset's register forget a person."""
    sql(office, "DELETE FROM member WHERE object_id LIKE 'D-%' AND ref = ?", ref_of(office, person))


def drop_key(office: Office, person: int) -> None:
    """Take a person's key out of the tree, and leave the person in all other places."""
    ref, vault = ref_of(office, person), open_workspace(office.folder).vault
    with vault.transaction() as connection:
        root = vault.wrapper(connection)
        link = pages._change(connection, root, {}, [ref]).link
        connection.execute(update(ROOT).where(ROOT.c.version == root.version).values(tree=root.wrap(link, LINK)))


def overwrite_page(office: Office, number: int) -> None:
    path = office.folder / "expunge.db"
    content = bytearray(path.read_bytes())
    content[number * 4096 : (number + 1) * 4096] = bytes(range(256)) * 16
    path.write_bytes(bytes(content))


@dataclass(frozen=True)
class Fault:
    """A fault: how it is planted, the check that finds it, how bad it is, and how `erase` ends."""

    plant: Callable[[Office], object]
    check: str
    severity: str
    erase: int


FAULTS: Final[dict[str, Fault]] = {
    "a byte in a segment": Fault(lambda at: flip(segment(at)), "segments", "broken", 2),
    "a segment cut short": Fault(lambda at: os.truncate(segment(at), 900), "segments", "broken", 2),
    "a segment with more": Fault(
        lambda at: segment(at).write_bytes(segment(at).read_bytes() + b"more"), "segments", "broken", 0
    ),
    "a segment missing": Fault(lambda at: segment(at).unlink(), "segments", "broken", 2),
    "a segment of nobody": Fault(
        lambda at: (at.folder / "segments" / "x.seg").write_bytes(b"x"), "segments", "attention", 0
    ),
    "a byte in a training state": Fault(lambda at: flip(state_of(at, "ridge")), "blobs", "broken", 2),
    "a blob missing": Fault(lambda at: state_of(at, "additive").unlink(), "blobs", "broken", 2),
    "a blob of nobody": Fault(lambda at: (at.folder / "blobs" / "x").write_bytes(b"x"), "blobs", "attention", 0),
    "the root key missing": Fault(lambda at: (at.keys / "root-2.key").unlink(), "root keys", "broken", 2),
    "a digit of the root key": Fault(lambda at: other_digit(at.keys / "root-2.key"), "segments", "broken", 2),
    "no root key": Fault(lambda at: (at.keys / "root-2.key").write_text("?"), "root keys", "broken", 2),
    "another root key": Fault(lambda at: other_secret(at.keys / "root-2.key"), "segments", "broken", 2),
    "an old root key left": Fault(lambda at: other_secret(at.keys / "root-1.key"), "root keys", "broken", 0),
    "the ledger key missing": Fault(lambda at: (at.keys / "ledger.key").unlink(), "suppression ledger", "broken", 2),
    "the hash secret missing": Fault(lambda at: (at.keys / "workspace.secret").unlink(), "hash secret", "broken", 2),
    "no hash secret": Fault(lambda at: (at.keys / "workspace.secret").write_text("?"), "hash secret", "broken", 2),
    "another hash secret": Fault(lambda at: other_secret(at.keys / "workspace.secret"), "name of the log", "broken", 2),
    "a byte in the signing key": Fault(lambda at: flip(at.keys / "signing.key"), "signing keys", "broken", 2),
    "another signing key": Fault(lambda at: other_key(at.keys / "signing.key"), "signing keys", "broken", 2),
    "the log key missing": Fault(lambda at: (at.keys / "log.key").unlink(), "signing keys", "broken", 2),
    "another log key": Fault(lambda at: other_key(at.keys / "log.key"), "signing keys", "broken", 2),
    "a request's key missing": Fault(
        lambda at: (at.keys / "requests" / f"{at.ids[0]}.key").unlink(), "identities", "broken", 2
    ),
    "another request's key": Fault(
        lambda at: other_secret(at.keys / "requests" / f"{at.ids[0]}.key"), "identities", "broken", 2
    ),
    "a closed request's key left": Fault(
        lambda at: other_secret(at.keys / "requests" / f"{at.done}.key"), "identities", "broken", 0
    ),
    "the owner's credential missing": Fault(lambda at: (at.keys / "owner.credential").unlink(), "actors", "broken", 2),
    "an actor changed by hand": Fault(
        lambda at: sql(at, "UPDATE actor SET roles = ? WHERE name = 'owner'", '["auditor"]'), "actors", "broken", 2
    ),
    "rules that are none": Fault(lambda at: (at.folder / "policy.cedar").write_text("permit"), "policy", "broken", 2),
    "a key that others read": Fault(lambda at: (at.keys / "signing.key").chmod(0o644), "rights of keys", "broken", 0),
    "a folder that others read": Fault(lambda at: at.folder.chmod(0o755), "folders", "attention", 0),
    "a folder missing": Fault(lambda at: shutil.rmtree(at.folder / "letters"), "folders", "broken", 2),
    "a policy that is none": Fault(lambda at: (at.folder / "policy.json").write_text("{"), "policy", "broken", 2),
    "an unfinished file": Fault(
        lambda at: (at.folder / "certificates" / "C.json.partial").write_bytes(b"x"), "leavings", "attention", 0
    ),
    "a log entry changed": Fault(change_entry, "log", "broken", 1),
    "a log entry gone": Fault(lambda at: sql(at, "DELETE FROM log_leaf WHERE idx = 3"), "log", "broken", 1),
    "a checkpoint changed": Fault(
        lambda at: sql(
            at,
            "UPDATE checkpoint SET note = substr(note, 1, 40) || substr(note, 42) "
            "WHERE size = (SELECT max(size) FROM checkpoint)",
        ),
        "log",
        "broken",
        2,
    ),
    "a certificate file changed": Fault(
        lambda at: flip(next((at.folder / "certificates").iterdir())), "certificates", "broken", 0
    ),
    "a certificate file missing": Fault(
        lambda at: next((at.folder / "certificates").iterdir()).unlink(), "certificates", "broken", 0
    ),
    "a certificate of somebody else": Fault(
        lambda at: (at.folder / "certificates" / "C-0.json").write_bytes(b"{}"), "certificates", "broken", 0
    ),
    "a letter missing": Fault(
        lambda at: (at.folder / "letters" / at.done / "completion.txt").unlink(), "letters", "attention", 0
    ),
    "a member gone who leaves": Fault(lambda at: remove_member(at, LEAVING[0]), "members", "broken", 2),
    "a member gone who stays": Fault(lambda at: remove_member(at, STAYING), "members", "broken", 1),
    "another commitment": Fault(
        lambda at: sql(
            at,
            "UPDATE member SET commitment = zeroblob(32) WHERE object_id LIKE 'D-%' AND ref = ?",
            ref_of(at, LEAVING[0]),
        ),
        "datasets",
        "broken",
        2,
    ),
    "a person's row gone": Fault(
        lambda at: sql(at, "DELETE FROM subject WHERE ref = ?", ref_of(at, STAYING)),
        "segments",
        "broken",
        2,
    ),
    "a person's key gone": Fault(lambda at: drop_key(at, STAYING), "key tree", "broken", 2),
    "a byte in a page of keys": Fault(
        lambda at: sql(at, "UPDATE key_page SET content = substr(content, 2) || x'00' WHERE place = 1"),
        "key tree",
        "broken",
        2,
    ),
    "a page of keys gone": Fault(lambda at: sql(at, "DELETE FROM key_page WHERE place = 1"), "key tree", "broken", 2),
    "a page of keys that is not in the tree": Fault(
        lambda at: sql(at, "INSERT INTO key_page VALUES (99, x'00')"), "key tree", "broken", 0
    ),
    "no link to the key tree": Fault(
        lambda at: sql(at, "UPDATE root SET tree = NULL WHERE version = 2"), "key tree", "broken", 2
    ),
    "one state for another's": Fault(swap_states, "models", "broken", 2),
    "a request gone": Fault(
        lambda at: sql(at, "DELETE FROM request WHERE id = ?", at.ids[0]), "lost requests", "broken", 2
    ),
    "a request in a state that it did not reach": Fault(
        lambda at: sql(at, "UPDATE request SET state = 'closed' WHERE id = ?", at.ids[0]), "lost requests", "broken", 2
    ),
    "a request in no state at all": Fault(
        lambda at: sql(at, "UPDATE request SET state = 'approvfd' WHERE id = ?", at.ids[0]),
        "states of requests",
        "broken",
        2,
    ),
    "a database page": Fault(lambda at: overwrite_page(at, 9), "database pages", "broken", 2),
    "the database's first page": Fault(lambda at: overwrite_page(at, 0), "database file", "broken", 2),
    "a database of the future": Fault(
        lambda at: sql(at, "UPDATE alembic_version SET version_num = '9999'"), "database file", "broken", 2
    ),
}


def test_every_check_has_a_fault_that_it_finds() -> None:
    elsewhere = {"room", "clock", "batch"}  # a full disk, a clock that was ahead, an erasure that was cut short
    assert {fault.check for fault in FAULTS.values()} | elsewhere == {*OUTSIDE, *INSIDE}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found_and_ends_in_one_clear_error(
    name: str, pristine: Office, office: Office, undisturbed: dict[str, Any], command: Command
) -> None:
    fault = FAULTS[name]
    fault.plant(office)
    before = {path: path.read_bytes() for path in office.keys.rglob("*") if path.is_file()}
    seen = command("doctor", "--workspace", office.folder, "--json")
    severities = {one["name"]: one["severity"] for one in seen.json["checks"]}
    assert (severities[fault.check], seen.code) == (fault.severity, int(fault.severity == "broken")), seen.json
    assert all(one["where"] and one["what"] and one["mend"] for one in seen.json["findings"])
    assert {path: path.read_bytes() for path in before} == before
    ran = command("erase", *office.ids, "--workspace", office.folder)
    assert ran.code == fault.erase, ran
    if fault.erase:
        assert one_line(ran), ran
        assert {path: path.read_bytes() for path in before} == before, "no key was destroyed"
        issued = {path.name for path in (pristine.folder / "certificates").iterdir()}
        assert {path.name for path in (office.folder / "certificates").iterdir()} <= issued
        put_back(pristine, office)
        ends_well(command, office, undisturbed)
    else:
        assert digests(office.folder) == undisturbed


def put_back(pristine: Office, office: Office) -> None:
    """Do what `doctor` says: restore workspace and keys from copies of the same moment."""
    for source, to in ((pristine.folder, office.folder), (pristine.keys, office.keys)):
        shutil.rmtree(to)
        shutil.copytree(source, to)


@pytest.mark.parametrize("name", ["a certificate file changed", "a certificate file missing", "a letter missing"])
def test_files_that_were_lost_are_written_again_by_the_same_command(
    name: str, office: Office, command: Command
) -> None:
    FAULTS[name].plant(office)
    assert command("erase", office.done, "--workspace", office.folder).code == 0
    seen = command("doctor", "--workspace", office.folder, "--json")
    assert (seen.code, seen.json["findings"]) == (0, [])


@pytest.mark.parametrize("name", ["a byte in a segment", "another signing key", "a log entry changed"])
def test_other_commands_go_on_or_say_why_not(name: str, office: Office, command: Command) -> None:
    FAULTS[name].plant(office)
    place = ("--workspace", office.folder)
    assert command("request", "list", *place).code == 0
    taken_in = command("request", "submit", "--subject", 71_053, "--law", "gdpr", *place)
    assert taken_in.code == 0 or one_line(taken_in)


@pytest.mark.parametrize("number", range(24))
def test_a_random_byte_of_the_database(number: int, office: Office, command: Command) -> None:
    """Any byte, any bit: every command ends in an answer or in one clear error, and what is signed is so."""
    chance = np.random.default_rng([SEED, number])
    path = office.folder / "expunge.db"
    content = bytearray(path.read_bytes())
    position, bit = int(chance.integers(len(content))), int(chance.integers(8))
    print(f"byte {position} of page {position // 4096}, bit {bit}")
    content[position] ^= 1 << bit
    path.write_bytes(bytes(content))
    place = ("--workspace", office.folder)
    seen = command("doctor", *place, "--json")
    assert (seen.code in {0, 1}, seen.err) == (True, ""), seen
    listed = command("request", "list", *place)
    assert listed.code == 0 or one_line(listed), listed
    ran = command("erase", *office.ids, *place, "--json")
    assert ran.code in {0, 1, 2, 3}, ran
    assert "unexpected" not in ran.out, ran.out
    if ran.code == 0 and ran.json["certificate"]:
        verified = verify_file(Path(ran.json["certificate_file"]), office.folder / "public.pem")
        assert {line.id for line in verified.statement.requests} <= set(office.ids)
        replayed = command("certificate", "replay", ran.json["certificate_file"], *place, "--json")
        assert replayed.code == 0, replayed


def test_a_fault_in_the_middle_of_an_erasure_is_told_and_gone_on_from(
    pristine: Office, office: Office, undisturbed: dict[str, Any], command: Command
) -> None:
    """After the keys are gone there is no way back: what was damaged is restored, and the erasure goes on."""

    def damage(state: Any) -> None:
        if state == "published":
            other_key(office.keys / "signing.key")

    with pytest.raises(Exception, match=r"signing\.key is not the key"):
        execute.erase(open_workspace(office.folder), office.ids, damage)
    seen = command("doctor", "--workspace", office.folder, "--json")
    assert {(one["check"], one["severity"]) for one in seen.json["findings"]} == {
        ("signing keys", "broken"),
        ("states of requests", "attention"),
        ("batch", "attention"),
        ("log", "attention"),  # what was logged until then is signed for when the erasure ends
    }
    assert command("erase", *office.ids, "--workspace", office.folder).code == 2
    shutil.copy(pristine.keys / "signing.key", office.keys)
    ends_well(command, office, undisturbed)


def test_what_is_found_names_nobody(office: Office, command: Command) -> None:
    for name in ("a byte in a segment", "a request's key missing", "one state for another's"):
        FAULTS[name].plant(office)
    seen = command("doctor", "--workspace", office.folder, "--json")
    assert len(seen.json["findings"]) >= 3
    for person in (BEFORE, *LEAVING):
        assert str(person) not in seen.out
    text = command("doctor", "--workspace", office.folder)
    assert (text.code, "how to mend it" in text.out) == (1, True)


def test_doctor_waits_for_nobody_who_is_not_there_and_refuses_what_is_no_workspace(
    tmp_path: Path, command: Command
) -> None:
    ran = command("doctor", "--workspace", tmp_path)
    assert (ran.code, "is not a workspace" in ran.err) == (2, True)
