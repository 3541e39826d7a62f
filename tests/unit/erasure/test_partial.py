"""Erased here, retained there: each dataset on its own ground, and what the models make of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import TypeAlias

import pytest

from expunge.certificates.verify import Verified
from expunge.domain.certificate import Copy
from expunge.domain.plan import Method
from expunge.domain.request import Law, Outcome, Request, State
from expunge.erasure import decide, execute, intake
from expunge.erasure.law.rules import grounds
from expunge.erasure.replay import replay_certificate
from expunge.errors import IllegalMoveError, InputError, KeyDestroyedError
from expunge.vault import subjects
from expunge.vault.database import RESTRICTION
from expunge.workspace import data, models, register
from expunge.workspace.folder import Workspace

Under: TypeAlias = Callable[..., Workspace]

PERSON, OTHER = 71001, 71014
RECORDS, PROCESSING = "17(3)(b)", "17(3)(d)"
SOON = datetime.now(UTC).date() + timedelta(days=400)


def trained_on(workspace: Workspace, model: str) -> set[int | str]:
    with workspace.vault.transaction() as connection:
        row = register.by_name(connection, model)
        version = register.current(connection, row.id)
        return set(register.open_learner(workspace, connection, version).subjects_held())


def in_dataset(workspace: Workspace, name: str) -> set[int | str]:
    with workspace.vault.transaction() as connection:
        return set(data.load(workspace, connection, data.by_name(connection, name).id).subject_ids())


def learned(workspace: Workspace, *names: str) -> int:
    """Return somebody from whom all of these models learned."""
    return min(int(one) for one in set.intersection(*(trained_on(workspace, name) for name in names)))


def partly(workspace: Workspace, person: int, ground: str, until: date | None = None) -> Request:
    request = intake.submit(workspace, str(person), Law.GDPR)
    refused = decide.refuse_for(workspace, request.id, ground, "accounts", until)
    assert refused.state is State.PLANNED
    return decide.approve(workspace, request.id)


def copies(verified: Verified) -> dict[str, Copy]:
    return {copy.name: copy for copy in verified.statement.copies}


def test_records_that_a_law_keeps_stay_and_every_model_forgets(
    two: Workspace, certified: Callable[..., Verified]
) -> None:
    person = learned(two, "ridge", "additive", "account")
    request = partly(two, person, RECORDS)
    done = execute.erase(two, [request.id])
    assert [one.outcome for one in done.requests] == [Outcome.PARTLY_ERASED]
    assert person not in in_dataset(two, "visits")
    assert person in in_dataset(two, "accounts")
    assert not any(person in trained_on(two, model) for model in ("ridge", "additive", "account"))

    found = certified(two, done.certificate)
    named = copies(found)
    assert named["visits"].method is Method.DELETE_ROWS
    assert named["accounts"].method is Method.RETAINED
    assert named["accounts"].members.left == ()
    assert len(named["account"].members.left) == 1
    (kept,) = found.statement.retained
    assert (kept.object, kept.article) == (named["accounts"].object, "Art. 17(3)(b)")
    assert "used for no model" in kept.why
    assert [line.outcome for line in found.statement.requests] == ["partly erased"]
    letter = (two.letters / request.id / "partial.txt").read_text()
    assert "- Data set visits" in letter
    assert "accounts" in letter
    assert "Art. 17(3)(b)" in letter
    assert "as records only" in letter


def test_a_ground_for_the_processing_leaves_the_models_of_that_dataset_too(
    two: Workspace, certified: Callable[..., Verified]
) -> None:
    person = learned(two, "ridge", "account")
    done = execute.erase(two, [partly(two, person, PROCESSING).id])
    assert person in trained_on(two, "account")
    assert person not in trained_on(two, "ridge")
    found = certified(two, done.certificate)
    named = copies(found)
    assert {named["accounts"].method, named["account"].method} == {Method.RETAINED}
    assert {kept.object for kept in found.statement.retained} == {named["accounts"].object, named["account"].object}
    assert not any("used for no model" in kept.why for kept in found.statement.retained)


def test_the_key_of_what_is_erased_goes_and_that_of_what_is_kept_lives(two: Workspace) -> None:
    with two.vault.transaction() as connection:
        before = subjects.everywhere(two.vault, connection, [PERSON])
        place = data.by_name(connection, "accounts").id
    execute.erase(two, [partly(two, PERSON, RECORDS).id])
    with two.vault.transaction() as connection:
        assert subjects.everywhere(two.vault, connection, [PERSON]) == {
            ref: found for ref, found in before.items() if found[0] == place
        }
        with pytest.raises(KeyDestroyedError):
            subjects.keys_of(two.vault, connection, before)


def test_no_model_learns_from_restricted_records_again(two: Workspace) -> None:
    person = learned(two, "account")
    done = execute.erase(two, [partly(two, person, RECORDS).id])
    models.train(two, "later", "accounts", "additive")
    assert person not in trained_on(two, "later")
    assert done.certificate is not None
    verdicts = {one.name: one.verdict for one in replay_certificate(two, two.certificates / f"{done.certificate}.json")}
    assert verdicts["model account"] == "PASSED"
    someone = learned(two, "account", "later")
    ids = [decide.approve(two, intake.submit(two, str(someone), Law.GDPR).id).id]
    assert execute.erase(two, ids).certificate, "a later batch replays without the restricted records too"
    assert person in in_dataset(two, "accounts")


def test_one_batch_erases_some_and_retains_others(two: Workspace, certified: Callable[..., Verified]) -> None:
    whole = decide.approve(two, intake.submit(two, str(OTHER), Law.GDPR).id)
    done = execute.erase(two, [partly(two, PERSON, RECORDS).id, whole.id])
    assert [one.outcome for one in done.requests] == [Outcome.PARTLY_ERASED, Outcome.ERASED]
    assert in_dataset(two, "accounts") & {PERSON, OTHER} == {PERSON}
    accounts = copies(certified(two, done.certificate))["accounts"]
    assert (accounts.method, len(accounts.members.left)) == (Method.DELETE_ROWS, 1)


def test_what_was_refused_on_a_pack_stands_when_the_pack_is_gone(two: Workspace, under: Under) -> None:
    banked = under(two, packs=("finance",))
    request = intake.submit(banked, str(PERSON), Law.GDPR)
    ground = next(one.id for one in grounds(Law.GDPR, ("finance",)) if one not in grounds(Law.GDPR))
    decide.refuse_for(banked, request.id, ground, "accounts")
    decide.approve(banked, request.id)
    without = under(banked, packs=())
    (sent_back, why), *_ = execute.erase(without, [request.id]).sent_back
    assert (sent_back.state, why) == (State.PLANNED, "the policy changed since it was planned")
    done = execute.erase(without, [decide.approve(without, request.id).id])
    assert [one.outcome for one in done.requests] == [Outcome.PARTLY_ERASED]
    assert PERSON in in_dataset(without, "accounts")


def test_erasing_what_was_retained_lifts_the_restriction(two: Workspace, certified: Callable[..., Verified]) -> None:
    execute.erase(two, [partly(two, PERSON, RECORDS).id])
    later = decide.approve(two, intake.submit(two, str(PERSON), Law.GDPR).id)
    done = execute.erase(two, [later.id])
    assert PERSON not in in_dataset(two, "accounts")
    with two.vault.transaction() as connection:
        assert connection.execute(RESTRICTION.select()).all() == []
    assert certified(two, done.certificate).statement.retained == ()


def test_refusing_all_that_there_is_refuses_the_request(workspace: Workspace) -> None:
    request = intake.submit(workspace, str(PERSON), Law.GDPR)
    refused = decide.refuse_for(workspace, request.id, PROCESSING, "visits")
    assert (refused.state, refused.outcome, refused.ground) == (State.CLOSED, Outcome.REFUSED, PROCESSING)
    assert PERSON in in_dataset(workspace, "visits")


def test_a_refusal_for_a_dataset_must_make_sense(two: Workspace) -> None:
    request = intake.submit(two, str(PERSON), Law.GDPR)
    with pytest.raises(InputError, match="no ground"):
        decide.refuse_for(two, request.id, "because", "accounts")
    with pytest.raises(InputError, match="past"):
        decide.refuse_for(two, request.id, RECORDS, "accounts", date(2020, 1, 1))
    ids = [partly(two, OTHER, RECORDS).id]
    execute.erase(two, ids)
    again = intake.submit(two, str(OTHER), Law.GDPR)
    with pytest.raises(InputError, match="holds nothing"):
        decide.refuse_for(two, again.id, RECORDS, "visits")
    with pytest.raises(IllegalMoveError, match="closed"):
        decide.refuse_for(two, ids[0], RECORDS, "accounts")


def test_an_approval_does_not_cover_what_is_refused_after_it(two: Workspace) -> None:
    request = decide.approve(two, intake.submit(two, str(PERSON), Law.GDPR).id)
    refused = decide.refuse_for(two, request.id, RECORDS, "accounts")
    assert (refused.state, refused.approver) == (State.PLANNED, None)
    with pytest.raises(IllegalMoveError, match="not approved"):
        execute.erase(two, [request.id])
