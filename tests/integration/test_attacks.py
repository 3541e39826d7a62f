"""The attacks of the threat model, mounted; each with a control that shows that it would work without the defence."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sklearn.metrics import r2_score

from expunge.access.actions import Role
from expunge.access.policy import Policy
from expunge.datasets import Table
from expunge.domain.digest import blinded
from expunge.domain.report import Check, Verdict
from expunge.domain.request import Law, State
from expunge.erasure import decide, execute, intake, requests
from expunge.erasure.steps import check
from expunge.errors import (
    AuthenticationError,
    CheckFailedError,
    ExpungeError,
    IllegalMoveError,
    KeyDestroyedError,
    SigningRefusedError,
    WorkspaceError,
)
from expunge.learners.exact import AdditiveClassifier, Ridge, RidgeClassifier
from expunge.vault import blobs, subjects
from expunge.vault.database import CERTIFICATE, LOG_LEAF
from expunge.vault.store import LINK, open_vault
from expunge.verification.utility import utility
from expunge.workspace import data, members, models, register
from expunge.workspace.folder import Workspace, init, keys_beside, open_workspace

Copier: TypeAlias = Callable[[Path], Path]
VICTIM = 71_001
"""Who owns the extremes, is alone in a ward, and has a name and notes that stand nowhere else."""
NAME, WARD = "Person Nr. 0 Grünwald", "isolation"


def approved(workspace: Workspace, *people: int) -> list[str]:
    return [decide.approve(workspace, intake.submit(workspace, str(one), Law.GDPR).id).id for one in people]


def erase(workspace: Workspace, *people: int) -> Path:
    done = execute.erase(workspace, approved(workspace, *people))
    return workspace.certificates / f"{done.certificate}.json"


def rows_of(database: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(query).fetchall()


@dataclass(frozen=True)
class Erasure:
    """One erasure, with what somebody stole before it: the workspace folder, and (for the controls) its keys.

    `between` was stolen while it ran: after the keys were shredded, before anything was published or deleted.
    """

    workspace: Workspace
    stolen: Path
    between: Path
    request: str
    victim_ref: bytes
    old_blobs: frozenset[str]


@pytest.fixture(scope="module")
def erasure(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Erasure]:
    folder = tmp_path_factory.mktemp("attacks")
    for part in (prepared, keys_beside(prepared)):
        shutil.copytree(part, folder / part.name)
    workspace = open_workspace(folder / prepared.name)
    (request,) = approved(workspace, VICTIM)
    with workspace.vault.transaction() as connection:
        (ref,) = subjects.everywhere(workspace.vault, connection, [VICTIM])
        old = frozenset(blob for blob, _, _ in blobs.every(workspace.vault, connection))
    stolen = folder / "stolen"
    shutil.copytree(workspace.folder, stolen)
    shutil.copytree(workspace.keys, keys_beside(stolen))
    between = folder / "between"

    def steal(reached: State) -> None:
        if reached is State.SHREDDED:
            shutil.copytree(workspace.folder, between)

    execute.erase(workspace, [request], steal)
    yield Erasure(workspace, stolen, between, request, ref, old)
    workspace.vault.engine.dispose()


# 1. A stolen backup: everything is tried on it that could be a key.


def key_like(*folders: Path) -> set[bytes]:
    """Every 32 bytes that are spelled out in the files of some folders: raw, in hex, in base64."""
    found = set()
    for file in (path for folder in folders for path in folder.rglob("*") if path.is_file()):
        content = file.read_bytes()
        found |= {bytes.fromhex(run.decode()) for run in re.findall(rb"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])", content)}
        for run in re.findall(rb"(?<![\w+/-])[A-Za-z0-9+/_-]{43,88}(?![\w+/-])", content):
            if len(run) % 4 != 1:
                plain = run.translate(bytes.maketrans(b"-_", b"+/"))
                raw = base64.b64decode(plain + b"=" * (-len(run) % 4))
                found |= {raw[:32], raw[-32:]}
        if len(content) == 32:
            found.add(content)
    return {key for key in found if len(key) == 32}


def opened(key: bytes, sealed: bytes, bound: bytes) -> bytes | None:
    try:
        return AESGCM(key).decrypt(sealed[:12], sealed[12:], bound)
    except (InvalidTag, ValueError):
        return None


def data_keys(candidates: set[bytes], databases: Sequence[Path]) -> set[bytes]:
    """Unwrap every wrapped key of every database under every candidate and every version of the root.

    Every key that turns up is tried on every page of every key tree, and so are those that stand in there.
    """
    found = set(candidates)
    pages = [page for database in databases for page in rows_of(database, "SELECT place, content FROM key_page")]
    for database in databases:
        wrapped = [(blob.encode(), key) for blob, key in rows_of(database, "SELECT id, wrapped FROM blob_key")]
        wrapped += [(LINK, link) for (link,) in rows_of(database, "SELECT tree FROM root WHERE tree NOTNULL")]
        for (owner, key), candidate, version in product(wrapped, candidates, (1, 2, 3)):
            if (plain := opened(candidate, key, b"expunge key v1|%d|" % version + owner)) is not None:
                found.add(plain[-32:])
    fresh = found
    while fresh:
        fresh = {key for (place, page), one in product(pages, fresh) for key in keys_on(place, page, one)} - found
        found |= fresh
    return found


def keys_on(place: int, content: bytes, key: bytes) -> list[bytes]:
    """The keys that stand on a page of a key tree, if this key opens it."""
    page = opened(key, bytes(12) + content, b"expunge key page v1|" + place.to_bytes(8, "big"))
    size = 56 if page and page[0] else 48
    return [page[end - 32 : end] for end in range(1 + size, len(page) + 1, size)] if page else []


@dataclass(frozen=True)
class Loot:
    """What of a stolen copy opened: references of people, ids of blobs, ids of requests."""

    people: frozenset[bytes]
    blobs: frozenset[str]
    requests: frozenset[str]


def plunder(stolen: Path, *, keys: Path, also: Path | None = None) -> Loot:
    """Open whatever opens of a copy, with every key that a key folder and the databases give."""
    folders = [keys, *([also] if also else [])]
    candidates = key_like(*folders)
    every = candidates | data_keys(candidates, [stolen / "expunge.db", *([also / "expunge.db"] if also else [])])
    people = {
        ref
        for ref, record, offset, length, file, dataset, version in rows_of(
            stolen / "expunge.db",
            "SELECT ref, record_id, offset, length, file, dataset_id, dataset_version FROM record "
            "JOIN segment ON segment.id = record.segment_id",
        )
        for sealed in [(stolen / "segments" / file).read_bytes()[offset : offset + length]]
        for key in every
        if opened(key, sealed, b"expunge record v1|" + record + f"|{dataset}|{version}".encode()) is not None
    }
    found = {
        blob
        for blob, kind in rows_of(stolen / "expunge.db", "SELECT id, kind FROM blob_key")
        for key in every
        if opened(key, (stolen / "blobs" / blob).read_bytes(), f"expunge blob v1|{kind}|{blob}".encode()) is not None
    }
    identities = {
        request
        for request, sealed in rows_of(stolen / "expunge.db", "SELECT id, identity FROM request WHERE identity NOTNULL")
        for key in every
        if opened(key, sealed, f"expunge identity v1|{request}".encode()) is not None
    }
    return Loot(frozenset(people), frozenset(found), frozenset(identities))


def test_before_the_erasure_the_same_procedure_opens_everything(erasure: Erasure) -> None:
    loot = plunder(erasure.stolen, keys=keys_beside(erasure.stolen))
    assert erasure.victim_ref in loot.people
    assert len(loot.people) == 120
    assert loot.blobs >= erasure.old_blobs
    assert erasure.request in loot.requests


def test_a_stolen_backup_gives_nothing_of_an_erased_person_away(erasure: Erasure) -> None:
    loot = plunder(erasure.stolen, keys=erasure.workspace.keys, also=erasure.workspace.folder)
    assert erasure.victim_ref not in loot.people
    assert len(loot.people) == 119, "those who stayed open: the procedure works"
    assert erasure.request not in loot.requests


def test_a_stolen_backups_old_models_and_schemas_do_not_open(erasure: Erasure) -> None:
    """Those that the victim was in; a model that never saw them is re-wrapped and still opens."""
    loot = plunder(erasure.stolen, keys=erasure.workspace.keys, also=erasure.workspace.folder)
    kinds = dict(rows_of(erasure.stolen / "expunge.db", "SELECT id, kind FROM blob_key"))
    with erasure.workspace.vault.transaction() as connection:
        still = {blob for blob, _, _ in blobs.every(erasure.workspace.vault, connection)}
    superseded = erasure.old_blobs - still
    assert {kinds[blob] for blob in superseded} == {"schema", "training state", "served model", "model facts"}
    assert not loot.blobs & superseded


def test_a_copy_taken_between_shredding_and_deleting_is_no_better(erasure: Erasure) -> None:
    """All ciphertexts are still there; of what the victim was in, only the old served models open: they hold no row."""
    loot = plunder(erasure.between, keys=erasure.workspace.keys, also=erasure.workspace.folder)
    kinds = dict(rows_of(erasure.stolen / "expunge.db", "SELECT id, kind FROM blob_key"))
    assert (erasure.between / "expunge.db").stat().st_size > 0
    assert erasure.victim_ref in {row[0] for row in rows_of(erasure.between / "expunge.db", "SELECT ref FROM record")}
    assert erasure.victim_ref not in loot.people
    assert len(loot.people) == 119
    with erasure.workspace.vault.transaction() as connection:
        still = {blob for blob, _, _ in blobs.every(erasure.workspace.vault, connection)}
    assert {kinds[blob] for blob in loot.blobs & erasure.old_blobs - still} <= {"served model"}


def test_no_file_that_is_left_holds_a_page_that_led_to_the_erased_persons_key(erasure: Erasure) -> None:
    """Not in free pages of the database either, and no part of it: any 32 bytes would be found."""
    folders = erasure.stolen, erasure.workspace.folder
    old, now = (dict(rows_of(one / "expunge.db", "SELECT place, content FROM key_page")) for one in folders)
    content = b"".join(file.read_bytes() for file in sorted(erasure.workspace.folder.glob("expunge.db*")))

    def holds(page: bytes) -> bool:
        return any(page[at : at + 32] in content for at in range(0, len(page) - 31, 32))

    replaced = [page for place, page in old.items() if now.get(place) != page]
    assert len(replaced) == 2, "the leaf that the key was in, and the root above it"
    assert len(old) > 2
    assert all(holds(page) for page in now.values()), "the search finds what is there"
    assert not any(holds(page) for page in replaced)
    ((link,),) = rows_of(erasure.stolen / "expunge.db", "SELECT tree FROM root")
    assert not holds(link)
    assert erasure.victim_ref not in content


# 2. A search of bytes.


def spellings(text: str) -> set[bytes]:
    """A text as UTF-8, UTF-16 of both orders, JSON, hex, and base64 of any alignment."""
    plain = text.encode()
    found = {plain, text.encode("utf-16-le"), text.encode("utf-16-be"), json.dumps(text)[1:-1].encode()}
    found |= {plain.hex().encode()}
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + plain).rstrip(b"=")
        found.add(encoded[-(-before * 8 // 6) : len(encoded) - 1])
    return found


def files_with(text: str, *folders: Path) -> set[str]:
    wanted = spellings(text)
    return {
        str(file)
        for folder in folders
        for file in folder.rglob("*")
        if file.is_file() and any(one in file.read_bytes() or one in str(file).encode() for one in wanted)
    }


def decrypted(workspace: Workspace) -> Iterator[tuple[str, bytes]]:
    """Everything that the workspace can still decrypt, by what it is."""
    with workspace.vault.transaction() as connection:
        for _, kind, content in blobs.every(workspace.vault, connection):
            yield kind, content
        for dataset in data.every(workspace, connection):
            table = data.load(workspace, connection, dataset.id)
            for name, cells in table.arrays().items():
                yield f"column {name}", "\0".join(map(str, cells.tolist())).encode()
        for request in requests.every(connection):
            if request.state is not State.CLOSED:
                yield "identity", json.dumps(requests.identity(workspace, connection, request.id)).encode()


def decrypted_with(text: str, workspace: Workspace) -> set[str]:
    return {what for what, content in decrypted(workspace) if any(one in content for one in spellings(text))}


def categories(workspace: Workspace) -> dict[str, set[str]]:
    """The words that encoders and served models know, model by model."""
    known: dict[str, set[str]] = {}
    with workspace.vault.transaction() as connection:
        for model in register.every(connection):
            version = register.current(connection, model.id)
            served = register.open_served(workspace, connection, version)
            known[f"served {model.name}"] = {word for one in served.signature.columns for word in one.words or ()}
            learner = register.open_learner(workspace, connection, version)
            again = learner.serve()
            known[f"encoder of {model.name}"] = {word for one in again.signature.columns for word in one.words or ()}
    return known


@pytest.fixture(scope="module")
def planted(people: pd.DataFrame) -> list[str]:
    own = people[people["patient"] == VICTIM]
    assert set(own["name"]) == {NAME}
    assert set(own["ward"]) == {WARD}
    return [NAME, WARD, *own["note"]]


def test_before_the_erasure_the_search_finds_what_was_planted(erasure: Erasure, planted: list[str]) -> None:
    before = open_workspace(erasure.stolen)
    assert decrypted_with(NAME, before) == {"column name"}
    assert {"column ward", "training state", "served model"} <= decrypted_with(WARD, before)
    assert all("column note" in decrypted_with(note, before) for note in planted[2:])
    assert all(WARD in " ".join(words) for words in categories(before).values())


@pytest.mark.parametrize("spell", range(8))
def test_the_search_would_find_any_spelling(spell: int, tmp_path: Path) -> None:
    spelled = sorted(spellings(NAME))
    assert len(spelled) == 8
    (tmp_path / "left").write_bytes(b"\xff\0" + spelled[spell] + b"\0\xff")
    assert files_with(NAME, tmp_path)


@pytest.mark.parametrize("before", [b"", b"x", b"xy"])
def test_the_search_would_find_a_text_inside_base64(before: bytes, tmp_path: Path) -> None:
    (tmp_path / "left").write_bytes(base64.b64encode(before + NAME.encode() + b" and more"))
    assert files_with(NAME, tmp_path)


def test_after_the_erasure_nothing_that_was_planted_is_in_any_file(erasure: Erasure, planted: list[str]) -> None:
    for text in planted:
        assert not files_with(text, erasure.workspace.folder, erasure.workspace.keys)


def test_after_the_erasure_nothing_that_was_planted_is_in_anything_decrypted(
    erasure: Erasure, planted: list[str]
) -> None:
    for text in planted:
        assert not decrypted_with(text, erasure.workspace)


def test_after_the_erasure_no_encoder_and_no_model_knows_the_category(erasure: Erasure) -> None:
    found = categories(erasure.workspace)
    assert all(any("north" in word for word in words) for words in found.values())
    assert not any(WARD in word for words in found.values() for word in words)


# 3. An auditor who guesses.


@dataclass(frozen=True)
class Audit:
    """Two erasures, one after the other; what an auditor was given, and what there is to find."""

    workspace: Workspace
    model: str
    person: int
    public: frozenset[str]
    truth: Table
    figures: dict[str, str]
    between: tuple[str, str]


@pytest.fixture(scope="module")
def audit(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Audit]:
    folder = tmp_path_factory.mktemp("audit")
    for part in (prepared, keys_beside(prepared)):
        shutil.copytree(part, folder / part.name)
    workspace = open_workspace(folder / prepared.name)
    with workspace.vault.transaction() as connection:
        row = register.by_name(connection, "ridge")
        table = data.load(workspace, connection, row.dataset_id)
    trained = models.training_rows(workspace, table, row.id, row.held_out).subject_ids()
    person = int(trained[-1])
    erase(workspace, int(trained[3]))
    with workspace.vault.transaction() as connection:
        facts = register.open_facts(workspace, connection, register.current(connection, row.id))
    certificate = json.loads(erase(workspace, person).read_bytes())
    with workspace.vault.transaction() as connection:
        log = [one.entry.decode() for one in connection.execute(LOG_LEAF.select())]
        given = [one.content.decode() for one in connection.execute(CERTIFICATE.select())]
    statements = [base64.b64decode(json.loads(one)["envelope"]["payload"]).decode() for one in given]
    letters = [file.read_text() for file in workspace.letters.rglob("*.txt")]
    texts = "\n".join([*log, *given, *statements, *letters])
    public = frozenset(re.findall(r"[0-9a-f]{64}", texts))
    public |= {base64.b64decode(run + "=").hex() for run in re.findall(r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{43}=", texts)}
    statement = json.loads(base64.b64decode(certificate["envelope"]["payload"]))
    (copy,) = [one for one in statement["predicate"]["copies"] if one["name"] == "ridge"]
    (measured,) = [one for one in copy["checks"] if one["name"] == "utility"]
    yield Audit(
        workspace, row.id, person, public, table.only([person]), measured["figures"], (facts.learned, facts.served)
    )
    workspace.vault.engine.dispose()


def candidates(audit: Audit) -> list[Table]:
    """The person's true rows, and others as likely."""
    found = [audit.truth]
    for amount, age in product((0.0, 1.0, -25.0), (0.0, 1.0, -1.0)):
        arrays = audit.truth.arrays()
        arrays |= {"amount": arrays["amount"] + amount, "age": arrays["age"] + age}
        if (amount, age) != (0.0, 0.0):
            found.append(Table.from_arrays(audit.truth.schema, audit.truth.subjects, arrays))
    return found


def refitted(audit: Audit, guess: Table) -> Any:
    """Fit on all remaining rows and a guess, with the software, the schema and the learner's key at hand."""
    with audit.workspace.vault.transaction() as connection:
        row = register.by_id(connection, audit.model)
        rest = data.load(audit.workspace, connection, row.dataset_id)
        arrays = {name: np.concatenate([cells, guess.arrays()[name]]) for name, cells in rest.arrays().items()}
        whole = Table.from_arrays(rest.schema, np.concatenate([rest.subjects, guess.subjects]), arrays)
        training = models.training_rows(audit.workspace, whole, audit.model, row.held_out)
        return models.fit(audit.workspace, connection, audit.model, training)[0]


def tells(digest: str, public: Iterable[str]) -> bool:
    """Whether a digest shows in what is public: itself, hashed, or under any public value as a key."""
    values = set(public)
    raw = bytes.fromhex(digest)
    made = {digest, hashlib.sha256(raw).hexdigest(), hashlib.sha256(digest.encode()).hexdigest()}
    for value in values:
        made |= {
            blinded(bytes.fromhex(value), digest),
            hmac.new(bytes.fromhex(value), digest.encode(), "sha256").hexdigest(),
            hmac.new(value.encode(), raw, "sha256").hexdigest(),
            hashlib.sha256(bytes.fromhex(value) + raw).hexdigest(),
        }
    return not made.isdisjoint(values)


def test_a_guessed_row_gives_the_digest_of_the_version_that_held_it(audit: Audit) -> None:
    """The control: were the digest public, the true row alone would match."""
    clear = {*audit.public, audit.between[0]}
    matches = [
        number for number, guess in enumerate(candidates(audit)) if tells(refitted(audit, guess).digest(), clear)
    ]
    assert matches == [0]


@pytest.mark.parametrize(
    "veil", [lambda raw: hashlib.sha256(raw).hexdigest(), lambda raw: blinded(bytes(32), raw.hex())]
)
def test_a_hash_or_a_known_nonce_would_be_no_veil(audit: Audit, veil: Callable[[bytes], str]) -> None:
    clear = {*audit.public, veil(bytes.fromhex(audit.between[0])), bytes(32).hex()}
    assert tells(refitted(audit, audit.truth).digest(), clear)


def test_an_auditor_who_guesses_confirms_nothing(audit: Audit) -> None:
    assert len(audit.public) > 20, "there is something to compare with"
    for guess in candidates(audit):
        model = refitted(audit, guess)
        assert not tells(model.digest(), audit.public)
        assert not tells(model.serve().digest(), audit.public)


def test_rounded_utility_figures_fit_more_than_one_guess(audit: Audit) -> None:
    with audit.workspace.vault.transaction() as connection:
        row = register.by_id(connection, audit.model)
        table = data.load(audit.workspace, connection, row.dataset_id)
    held = models.held_out_rows(audit.workspace, table, audit.model, row.held_out)
    rows = table.features()[held], table.target()[held], table.subjects[held]
    seed = audit.workspace.vault.derive(f"bootstrap|{audit.model}")
    current = {"after": refitted(audit, audit.truth).serve()}
    fitting = []
    for number, guess in enumerate(candidates(audit)):
        served = refitted(audit, guess).serve()
        figures = utility({"before": served, "retrained": served, **current}, *rows, seed).figures
        if figures["before"] == audit.figures["before"]:
            fitting.append(number)
    assert 0 in fitting, "the attack is mounted as it should be"
    assert len(fitting) > 1


def test_exact_figures_would_single_out_the_true_row_and_rounded_ones_do_not(people: pd.DataFrame) -> None:
    """R2 is the figure that tells most. The auditor knows all but what the last person's `amount` was."""
    others = people[people["patient"] != VICTIM]
    whole = others.dropna()[["age", "ward", "amount"]].reset_index(drop=True)
    target = whole.pop("amount").to_numpy()
    held = np.arange(len(whole), 0, -1) % 4 == 0
    guesses = [float(target[-1]) + step for step in (0.0, 0.5, -0.5, 1.0, -2.0, 5.0)]

    def published(guess: float) -> tuple[str, float]:
        guessed = np.append(target[:-1], guess)
        model = Ridge().fit(whole[~held], guessed[~held]).serve()
        rows = whole[held], target[held], np.arange(held.sum())
        figures = utility({"before": model, "after": model, "retrained": model}, *rows, bytes(32)).figures
        return figures["before"], float(r2_score(target[held], model.predict(whole[held])))

    rounded, exact = zip(*map(published, guesses), strict=True)
    assert exact.count(exact[0]) == 1
    assert rounded.count(rounded[0]) > 1


# 4. An operator who lies.


def untouched(workspace: Workspace, person: int) -> bool:
    """Whether nothing was shredded: the first root key is there, and the person's rows open."""
    with workspace.vault.transaction() as connection:
        held = [one for one in data.every(workspace, connection) if person in _ids(workspace, one.id)]
        return workspace.vault.root_version(connection) == 1 and bool(held)


def _ids(workspace: Workspace, dataset: str) -> set[object]:
    with workspace.vault.transaction() as connection:
        return set(data.load(workspace, connection, dataset).subjects.tolist())


def signed(workspace: Workspace) -> list[object]:
    with workspace.vault.transaction() as connection:
        return [*connection.execute(CERTIFICATE.select()), *workspace.certificates.iterdir()]


@pytest.mark.parametrize("learner", [RidgeClassifier, AdditiveClassifier])
def test_a_model_that_did_not_change_gets_no_certificate(
    workspace: Workspace, learner: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The staged version is the old one: the replay on the remaining rows gives another digest."""
    ids = approved(workspace, VICTIM)
    monkeypatch.setattr(learner, "forget", lambda *_: None)
    with pytest.raises(CheckFailedError, match="check replay: FAILED"):
        execute.erase(workspace, ids)
    assert untouched(workspace, VICTIM)
    assert not signed(workspace)
    with workspace.vault.transaction() as connection:
        assert requests.load(connection, ids[0]).state is State.FAILED


def test_a_model_that_forgot_somebody_else_gets_no_certificate(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids, forget = approved(workspace, VICTIM), RidgeClassifier.forget

    def of_another(self: RidgeClassifier, leaving: Iterable[Any]) -> Any:
        other = sorted(set(self.subjects_held()) - set(leaving))[: len(list(leaving))]
        return forget(self, other)

    monkeypatch.setattr(RidgeClassifier, "forget", of_another)
    with pytest.raises(CheckFailedError, match="check replay: FAILED"):
        execute.erase(workspace, ids)
    assert untouched(workspace, VICTIM)
    assert not signed(workspace)


def no_search(*_: object) -> Check:
    return Check("remanence", Verdict.PASSED, "The operator says so.", {"hits": "0"})


def test_a_row_that_was_deleted_for_the_wrong_person_gets_no_certificate(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else is struck off the register; the search for traces is skipped, or it would have told."""
    ids, leave = approved(workspace, VICTIM), members.leave

    def other_leaves(connection: Any, object_id: str, refs: list[bytes]) -> None:
        others = [ref for ref in members.commitments(connection, object_id) if ref not in refs]
        leave(connection, object_id, others[: len(refs)])

    monkeypatch.setattr(members, "leave", other_leaves)
    monkeypatch.setattr(check, "remanence", no_search)
    with pytest.raises(SigningRefusedError, match="members root after is not that of the members whom it holds now"):
        execute.erase(workspace, ids)
    assert not signed(workspace)


def test_erasing_the_record_of_somebody_else_gets_no_certificate(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From intake on, the request is worked off on another person's reference."""
    with workspace.vault.transaction() as connection:
        ((other, (dataset, _)),) = subjects.everywhere(workspace.vault, connection, [VICTIM + 13]).items()
    ids = approved(workspace, VICTIM)
    monkeypatch.setattr(subjects, "everywhere", lambda *_: {other: (dataset, VICTIM)})
    with pytest.raises(ExpungeError) as refused:
        execute.erase(workspace, ids)
    assert isinstance(refused.value, CheckFailedError | SigningRefusedError)
    assert not signed(workspace)


def test_traces_that_are_left_get_no_certificate_until_they_are_gone(workspace: Workspace) -> None:
    ids = approved(workspace, VICTIM)
    left = workspace.folder / "letters" / "note.txt"
    left.write_text(f"Dear {NAME}, we have erased you.")
    with pytest.raises(CheckFailedError, match=r"files: note\.txt"):
        execute.erase(workspace, ids)
    assert not signed(workspace)
    left.unlink()
    assert execute.erase(workspace, ids).certificate is not None


def test_serving_another_model_than_the_verified_one_gets_no_certificate(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = approved(workspace, VICTIM)
    with workspace.vault.transaction() as connection:
        model = register.by_name(connection, "ridge").id
        old = register.open_served(workspace, connection, register.current(connection, model))

    def swap(reached: State) -> None:
        if reached is State.PURGED:
            monkeypatch.setattr(register, "open_served", lambda *_: old)

    with pytest.raises(SigningRefusedError, match="the served model is not the verified one"):
        execute.erase(workspace, ids, swap)
    assert not signed(workspace)


def test_what_was_not_approved_is_not_erased(workspace: Workspace) -> None:
    request = intake.submit(workspace, str(VICTIM), Law.GDPR)
    with pytest.raises(IllegalMoveError, match="not approved"):
        execute.erase(workspace, [request.id])
    assert untouched(workspace, VICTIM)


# 5. A curious administrator.


def unasked(folder: Path, keys: Path) -> Workspace:
    """Open a workspace as software would that asks nobody who they are."""
    return Workspace(open_vault(folder, keys), Policy(), "mallory", roles=(Role.OWNER,))


def test_without_its_keys_a_workspace_does_not_open(prepared: Path, copy_of: Copier, tmp_path: Path) -> None:
    place = copy_of(prepared)
    shutil.rmtree(keys_beside(place))
    with pytest.raises(WorkspaceError, match="are not in"):
        open_workspace(place)
    init(tmp_path / "other")
    for name in (None, "mallory"):
        with pytest.raises(WorkspaceError, match="not the secret of this workspace"):
            open_workspace(place, keys_beside(tmp_path / "other"), name)
    shutil.copy(keys_beside(prepared) / "workspace.secret", keys_beside(tmp_path / "other"))
    for name in (None, "mallory"):
        with pytest.raises((AuthenticationError, WorkspaceError)):  # a refusal that cannot be logged is one too
            open_workspace(place, keys_beside(tmp_path / "other"), name)
    with pytest.raises(ExpungeError):
        data.show(unasked(place, keys_beside(tmp_path / "other")), "visits")
    (keys_beside(tmp_path / "other") / "root-1.key").unlink()
    with pytest.raises(KeyDestroyedError):
        data.show(unasked(place, keys_beside(tmp_path / "other")), "visits")
    assert plunder(place, keys=keys_beside(tmp_path / "other")) == Loot(frozenset(), frozenset(), frozenset())


def test_the_workspace_folder_names_nobody(workspace: Workspace, people: pd.DataFrame) -> None:
    """With a request open, one refused, and one erased: neither database nor log nor letters nor certificates do."""
    intake.submit(workspace, str(VICTIM), Law.CCPA)
    decide.refuse(workspace, intake.submit(workspace, str(VICTIM + 13), Law.GDPR).id, "12(5)")
    erase(workspace, VICTIM + 26)
    workspace.vault.engine.dispose()
    texts = {*people["name"], *people["note"], *people["ward"]}
    ids = {str(one).encode() for one in people["patient"]}
    for file in sorted(path for path in workspace.folder.rglob("*") if path.is_file()):
        content = file.read_bytes()
        # Words of two or three letters would be found in ciphertext by chance.
        assert not [text for text in texts if len(text) > 5 and any(one in content for one in spellings(text))], file
        assert ids.isdisjoint(re.findall(rb"(?<![0-9a-zA-Z])[0-9]+(?![0-9a-zA-Z])", content)), file


def test_the_log_names_nobody(workspace: Workspace, people: pd.DataFrame) -> None:
    erase(workspace, VICTIM)
    with workspace.vault.transaction() as connection:
        log = "\n".join(row.entry.decode() for row in connection.execute(LOG_LEAF.select()))
        refs = [row.ref.hex() for row in connection.exec_driver_sql("SELECT ref FROM subject")]
    assert "request certified" in log
    assert not [one for one in people["patient"].unique() if re.search(rf"(?<!\w){one}(?!\w)", log)]
    assert not [name for name in people["name"].unique() if name in log]
    assert not [ref for ref in refs if ref in log]
