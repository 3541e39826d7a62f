"""`expunge demo`: the main job on real people, the RAND Health Insurance Experiment.

The task: will this person see a doctor more than four times this year? Columns that leak the answer (what the visits
cost, how many there were) are ignored. The organisation is assumed to be outside HIPAA, or CCPA 1798.146 would
exempt it.
"""

from __future__ import annotations

import hashlib
import hmac
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from expunge.cli import erase as erase_verb
from expunge.cli.options import Json, answer, console, print_table
from expunge.domain.request import Law, Request
from expunge.domain.subject import SubjectId, subject_bytes
from expunge.errors import WorkspaceExistsError

if TYPE_CHECKING:
    from expunge.certificates.verify import Verified
    from expunge.workspace.folder import Workspace

SUBJECT: Final = "zper"
TARGET: Final = "many_visits"
VISITS: Final = 4
LEAKS: Final = (
    *("rownames", "outpdol", "drugdol", "suppdol", "mentdol", "inpdol", "meddol", "totadm", "inpmis", "mentvis"),
    *("notmdvis", "lnmeddol", "binexp", "time", "mdvis"),
)
CATEGORIES: Final = ("plan", "site")
LEARNERS: Final = ("ridge", "additive", "boosting", "blend", "lightgbm")
ACTORS: Final = {"clara": "intake_clerk", "anna": "privacy_officer", "ben": "privacy_officer", "emil": "ml_engineer"}
REQUESTS: Final = 25
GROUND: Final = "17(3)(d)"
HOLD: Final = "17(3)(e)"
HELD_FOR: Final = timedelta(days=365)
REASON: Final = "Part of the records are on film and have to be searched by hand."
_MARK: Final = "expunge demo output; `expunge demo` may replace this folder\n"


def demo(
    *,
    out: Annotated[Path, typer.Option(help="Folder for everything that the demo writes.")] = Path("demo-out"),
    seed: Annotated[int, typer.Option(help="Makes all but encryption keys and times reproducible.")] = 0,
    as_json: Json = False,
) -> None:
    """Import real people, train, take 25 requests in, erase most of them, verify, sign, report."""
    from expunge.access.policy import Policy
    from expunge.certificates import verify_file
    from expunge.reporting.page import render
    from expunge.workspace import folder

    prepare(out)
    say = console.quiet
    console.quiet = as_json
    try:
        secret = hashlib.sha256(b"expunge demo|%d" % seed).digest()
        folder.init(out / "workspace", secret=secret, policy=Policy(four_eyes=True))
        workspace = folder.open_workspace(out / "workspace")
        staff = employ(workspace, out / "actors")
        import_people(staff["anna"])
        train(staff["emil"])
        taken = take_requests_in(staff["clara"], requesters(workspace, secret))
        approved = decide(staff["anna"], taken)
        done = erase_verb.run(staff["ben"], approved, quiet=as_json)
        certificate = workspace.certificates / f"{done.certificate}.json"
        shutil.copyfile(certificate, out / "certificate.json")
        shutil.copyfile(workspace.folder / "public.pem", out / "public.pem")
        verified = verify_file(out / "certificate.json", out / "public.pem")
        (out / "report.html").write_text(render(verified), encoding="utf-8")
        summarise(verified)
        console.print(
            f"VERIFIED: {out}/certificate.json. Check it yourself, without any of the above:\n"
            f"  expunge certificate verify {out}/certificate.json --key {out}/public.pem\n"
            f"  expunge certificate replay {out}/certificate.json --workspace {out}/workspace\n"
            f"The page for the reply is {out}/report.html.",
            markup=False,
        )
    finally:
        console.quiet = say
    answer(
        {"certificate": str(out / "certificate.json"), "report": str(out / "report.html"), "models": lines(verified)},
        as_json=as_json,
    ) if as_json else None


def prepare(out: Path) -> None:
    """Empty the output folder, if it is one of ours.

    Raises
    ------
    WorkspaceExistsError
        Where it holds something that no demo wrote.
    """
    mark = out / ".expunge-demo"
    if out.exists() and any(out.iterdir()) and not mark.exists():
        raise WorkspaceExistsError(f"{out} exists and is not a demo's output.", mend="Name another folder, with --out.")
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    mark.write_text(_MARK)


def employ(workspace: Workspace, keys: Path) -> dict[str, Workspace]:
    """Enter four actors, each with a key in a file; returns the workspace as each of them opens it."""
    from expunge.access.credentials import Method, new_key, write_key
    from expunge.workspace import staff
    from expunge.workspace.folder import open_workspace

    keys.mkdir(mode=0o700)
    opened = {}
    for name, role in ACTORS.items():
        key = new_key()
        write_key(keys / name, key)
        staff.add(workspace, name, [role], Method.KEY, key)
        opened[name] = open_workspace(workspace.folder, actor=name, credential=key)
    console.print(
        "Four actors: clara takes requests in, anna decides, ben erases (whoever approved may not), emil trains.\n"
        "What each may do stands in words in workspace/policy.cedar.",
        markup=False,
    )
    return opened


def import_people(workspace: Workspace) -> None:
    """Import 20,190 person-years of 5,912 persons, and confirm what was inferred of their columns."""
    from expunge.datasets import checked, declare, load_randhie, read_frame
    from expunge.workspace import data

    frame = load_randhie()
    frame[TARGET] = (frame["mdvis"] > VISITS).astype(int)
    raw = read_frame(frame)
    roles = [f"{column}=ignored" for column in LEAKS] + [f"{column}=categorical" for column in CATEGORIES]
    declared = declare(raw.names, subject=SUBJECT, target=f"{TARGET}", roles=roles)
    data.add(workspace, "rand-hie", checked(raw, declared))
    found = data.confirm(workspace, "rand-hie")
    console.print(
        f"Imported the RAND Health Insurance Experiment: {found.records:,} person-years of {found.subjects:,} people.\n"
        f"Task: more than {VISITS} doctor visits this year? {len(LEAKS)} columns that leak the answer are ignored.\n"
        "A fifth of the people is held out; members of one household may stand on both sides of that split.",
        markup=False,
    )


def train(workspace: Workspace) -> None:
    """Train the models, and say how good they are on people whom they never saw."""
    from expunge.workspace import models

    for learner in LEARNERS:
        models.train(workspace, learner, "rand-hie", learner)
        figures = models.score(workspace, learner).figures
        console.print(
            f"Trained {learner}: held-out AUC {figures['value']} ({figures['low']} to {figures['high']}).", markup=False
        )


def take_requests_in(workspace: Workspace, people: Sequence[SubjectId]) -> list[Request]:
    """Submit a request for each, under the two laws by turns."""
    from expunge.erasure import intake

    laws = [Law.GDPR if number % 2 == 0 else Law.CCPA for number in range(len(people))]
    taken = [intake.submit(workspace, str(person), law) for person, law in zip(people, laws, strict=True)]
    console.print(
        f"Took {REQUESTS} requests in, 13 under the GDPR and 12 under the CCPA "
        "(assuming an organisation outside HIPAA).",
        markup=False,
    )
    return taken


def decide(workspace: Workspace, taken: Sequence[Request]) -> list[str]:
    """Refuse one request, hold one, extend one, approve the rest; returns those approved."""
    from expunge.erasure import decide, extending, holding

    refused, held, extended, *others = [request for request in taken if request.law is Law.GDPR]
    decide.refuse(workspace, refused.id, GROUND)
    holding.hold(workspace, held.id, HOLD, until=datetime.now(UTC).date() + HELD_FOR)
    extending.extend(workspace, extended.id, REASON)
    others += [request for request in taken if request.law is Law.CCPA]
    approved = [one.id for one in decide.approve_all(workspace, [request.id for request in others])]
    console.print(
        f"Refused one, ground {GROUND}: research that erasure would seriously impair.\n"
        f"Held one for a year, ground {HOLD}: a legal claim; it resumes by itself, and the person was told.\n"
        "Extended one: answered within three months of receipt instead of one, with the reason.\n"
        f"Approved {len(approved)}. Letters to all are in workspace/letters.",
        markup=False,
    )
    return approved


def requesters(workspace: Workspace, secret: bytes) -> list[SubjectId]:
    """Return the 25 people of smallest keyed hash."""
    from expunge.workspace import data

    with workspace.vault.transaction() as connection:
        (dataset,) = data.every(workspace, connection)
        people = data.load(workspace, connection, dataset.id).subject_ids()
    return sorted(people, key=lambda one: hmac.digest(secret, b"requester|" + subject_bytes(one), "sha256"))[:REQUESTS]


def lines(verified: Verified) -> list[dict[str, Any]]:
    """Return what the certificate says of each model."""
    return [
        {
            "model": copy.name,
            "guarantee": str(copy.guarantee),
            "subjects_left": len(copy.members.left),
            "forget_seconds": copy.seconds.method,
            "full_retrain_seconds": copy.seconds.full_retrain,
            "auc_before": figures.get("before"),
            "auc_after": figures.get("after"),
            "digest_equal_to_refit": any(check.name == "replay" and check.verdict == "PASSED" for check in copy.checks),
        }
        for copy in verified.statement.copies
        if copy.kind == "model"
        for figures in ([check.figures for check in copy.checks if check.name == "utility"] or [{}])
    ]


def summarise(verified: Verified) -> None:
    """Print one line per model."""
    rows = [
        (
            line["model"],
            line["guarantee"],
            str(line["subjects_left"]),
            f"{float(line['forget_seconds']) * 1000:7.1f} ms",
            f"{float(line['full_retrain_seconds']) * 1000:7.1f} ms",
            f"{line['auc_before']}",
            f"{line['auc_after']}",
            "yes" if line["digest_equal_to_refit"] else "NO",
        )
        for line in lines(verified)
    ]
    headings = ("model", "guarantee", "people", "forget", "full retrain", "AUC before", "after", "digest = refit")
    print_table(f"Certificate {verified.statement.certificate}", headings, rows)
