"""Checks come back as they were stored, and what was not run does not read as a pass."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.domain.digest import canonical_json
from expunge.domain.report import Check, Verdict

CHECKS = st.builds(
    Check,
    st.text(max_size=8),
    st.sampled_from(Verdict),
    st.text(max_size=8),
    st.dictionaries(st.text(max_size=4), st.text(max_size=4), max_size=3),
)


@given(CHECKS)
def test_a_check_comes_back(check: Check) -> None:
    assert Check.from_dict(check.to_dict()) == check
    assert canonical_json(check.to_dict())


def test_the_stored_form_does_not_share_its_figures() -> None:
    check = Check("replay", Verdict.PASSED, "equal", {"seconds": "1"})
    check.to_dict()["figures"]["seconds"] = "2"
    assert check.figures == {"seconds": "1"}


def test_what_was_not_run_does_not_read_as_a_pass() -> None:
    assert [verdict.value for verdict in Verdict] == ["PASSED", "FAILED", "NOT RUN", "NOT COMPARABLE"]


@pytest.mark.parametrize("verdict", ["passed", "OK", ""])
def test_an_unknown_verdict_is_refused(verdict: str) -> None:
    with pytest.raises(ValueError, match="is not a valid Verdict"):
        Check.from_dict({"name": "replay", "verdict": verdict, "detail": "", "figures": {}})
