"""A replay that was not run reads NOT RUN, in check, words and signature; on demand it is run all the same."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.certificates.verify import Verified
from expunge.domain.certificate import BY_CONSTRUCTION, Copy
from expunge.domain.plan import Method
from expunge.domain.report import Check, Verdict
from expunge.erasure import execute
from expunge.erasure.replay import replay_certificate
from expunge.errors import InputError
from expunge.verification.replay import is_sampled
from expunge.workspace import models, register
from expunge.workspace.folder import Workspace

Approve = Callable[..., list[str]]
Certified = Callable[[Workspace, str | None], Verified]
Under = Callable[..., Workspace]
NAMES = st.text(st.characters(codec="ascii", exclude_characters="|"), max_size=20)


def member(workspace: Workspace) -> int:
    with workspace.vault.transaction() as connection:
        held = [
            set(register.open_learner(workspace, connection, register.current(connection, model.id)).subjects_held())
            for model in register.every(connection)
        ]
    return min(int(one) for one in set.intersection(*held))


def model_of(verified: Verified, name: str) -> Copy:
    (copy,) = (copy for copy in verified.statement.copies if copy.name == name)
    return copy


def check_of(copy: Copy, name: str) -> Check:
    (check,) = (check for check in copy.checks if check.name == name)
    return check


@given(st.binary(min_size=32, max_size=32), NAMES, NAMES, st.floats(0, 1), st.floats(0, 1))
def test_a_choice_is_the_same_whenever_it_is_asked_and_grows_with_the_rate(
    key: bytes, batch: str, model: str, one: float, other: float
) -> None:
    low, high = sorted((one, other))
    assert is_sampled(key, batch, model, low) == is_sampled(key, batch, model, low)
    assert is_sampled(key, batch, model, high) or not is_sampled(key, batch, model, low)
    assert not is_sampled(key, batch, model, 0)
    assert is_sampled(key, batch, model, 1)


@pytest.mark.parametrize("rate", [0.01, 0.1, 0.5, 0.9])
def test_the_rate_is_honoured(rate: float) -> None:
    drawn = sum(is_sampled(bytes(32), f"B-{number}", "M-1", rate) for number in range(4000))
    assert abs(drawn / 4000 - rate) < 5 * (rate * (1 - rate) / 4000) ** 0.5


def test_the_choice_is_one_for_each_model_batch_and_key() -> None:
    def choices(key: bytes, model: str) -> list[bool]:
        return [is_sampled(key, f"B-{number}", model, 0.5) for number in range(64)]

    assert choices(bytes(32), "M-1") != choices(bytes(32), "M-2")
    assert choices(bytes(32), "M-1") != choices(b"k" * 32, "M-1")


@pytest.mark.parametrize("policy", ["on-demand", "sampled"])
def test_what_was_not_replayed_is_said_to_be_so_and_can_be_replayed(
    workspace: Workspace, under: Under, approve: Approve, certified: Certified, policy: str
) -> None:
    seldom = under(workspace, replay_rate=0.0)
    models.set_replay(seldom, "ridge", policy)
    done = execute.erase(seldom, approve(seldom, member(seldom)))
    verified = certified(seldom, done.certificate)
    copy = model_of(verified, "ridge")
    replayed, useful = check_of(copy, "replay"), check_of(copy, "utility")
    assert replayed.verdict is Verdict.NOT_RUN
    assert replayed.figures == ({"rate": "0"} if policy == "sampled" else {})
    assert BY_CONSTRUCTION in copy.guarantee_in_words
    assert (useful.verdict, useful.figures["retrained"]) == (Verdict.NOT_RUN, "NOT RUN")
    assert {"before", "after", "after_low", "change_high"} <= useful.figures.keys()
    assert copy.seconds.full_retrain is not None
    assert float(copy.seconds.full_retrain) > 0
    other = model_of(verified, "additive")
    assert check_of(other, "replay").verdict is Verdict.PASSED
    assert BY_CONSTRUCTION not in other.guarantee_in_words
    file = seldom.certificates / f"{done.certificate}.json"
    assert {one.verdict for one in replay_certificate(seldom, file)} == {Verdict.PASSED}


def test_what_is_sampled_is_replayed_where_the_choice_falls_on_it(
    workspace: Workspace, under: Under, approve: Approve, certified: Certified
) -> None:
    often = under(workspace, replay_rate=1.0)
    models.set_replay(often, "ridge", "sampled")
    copy = model_of(certified(often, execute.erase(often, approve(often, member(often))).certificate), "ridge")
    assert check_of(copy, "replay").verdict is Verdict.PASSED
    assert copy.method is Method.FORGET


def test_a_model_has_its_policy_from_its_training(workspace: Workspace, under: Under) -> None:
    lazy = under(workspace, replay="on-demand")
    assert models.show(lazy, "ridge").replay == "always"
    assert models.train(lazy, "quick", "visits", "ridge").replay == "always"  # a retrain takes less than a minute
    assert models.train(lazy, "said", "visits", "ridge", replay="sampled").replay == "sampled"
    for wrong in ("never", ""):
        with pytest.raises(InputError, match="Choose one of"):
            models.set_replay(lazy, "ridge", wrong)
        with pytest.raises(InputError, match="Choose one of"):
            models.train(lazy, "wrong", "visits", "ridge", replay=wrong)


def test_a_slow_model_follows_the_workspace(
    workspace: Workspace, under: Under, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "SOON", 0.0)
    assert models.train(under(workspace, replay="on-demand"), "slow", "visits", "ridge").replay == "on-demand"
