"""The first lines of the page say no more than the rest, and a late answer cannot be overlooked."""

from __future__ import annotations

from datetime import date, timedelta
from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from expunge.certificates import Verified
from expunge.domain.certificate import RequestLine
from expunge.reporting import glance, words


def test_every_copy_has_one_line(everything: Verified) -> None:
    lines = glance.copies(everything.statement)
    assert [(line.kind, line.name) for line in lines] == [
        (copy.kind, copy.name) for copy in everything.statement.copies
    ]


def test_a_line_says_what_the_page_says_in_full(everything: Verified) -> None:
    for line, copy in zip(glance.copies(everything.statement), everything.statement.copies, strict=True):
        assert words.method(copy).startswith(line.done)
        assert words.equal_to_refit(copy).startswith(line.equal)


def test_a_model_that_was_not_replayed_or_measured_says_so(make: SimpleNamespace) -> None:
    statement = make.make_statement(make.by_construction(), make.empirical(), make.retired(), make.untouched())
    constructed, reduced, retired, untouched = glance.copies(statement)
    assert constructed.equal == "by construction; not replayed"
    assert (reduced.done, reduced.equal, reduced.utility) == ("influence reduced", "not replayed", "not measured")
    assert (retired.equal, retired.utility) == ("does not apply", "does not apply")
    assert (untouched.people, untouched.utility) == ("0 of 500", "as it was")


def test_utility_stands_before_and_after(make: SimpleNamespace) -> None:
    (line,) = glance.copies(make.make_statement(make.model()))
    assert (line.people, line.equal, line.utility) == ("2 of 500", "yes", "AUC 0.712 → 0.711")


def test_days_are_counted_law_by_law(make: SimpleNamespace) -> None:
    gdpr, ccpa = glance.deadlines(make.make_statement())
    assert (gdpr.law, gdpr.days_left, gdpr.text) == ("GDPR", (18, 21), "2 in time")
    assert (ccpa.law, ccpa.days_left) == ("CCPA", (33,))


def test_a_law_that_is_not_known_lends_no_text_to_the_figure(make: SimpleNamespace) -> None:
    line = RequestLine("R-9", "<script>", "2026-10-20", "2026-11-02", "erased")
    (found,) = glance.deadlines(make.make_statement(requests=(line,)))
    assert (found.law, found.days_left) == ("other law", (0,))


@given(st.lists(st.integers(-400, 400), min_size=1))
def test_every_request_is_in_time_or_late(days: list[int]) -> None:
    late = sum(day < 0 for day in days)
    text = glance.Deadlines("GDPR", tuple(sorted(days))).text
    assert text == f"{len(days) - late} in time" + (f", {late} LATE" if late else "")


@given(st.integers(-400, 400))
def test_the_day_itself_is_in_time(make: SimpleNamespace, left: int) -> None:
    due = (date(2026, 11, 2) + timedelta(days=left)).isoformat()
    (found,) = glance.deadlines(
        make.make_statement(requests=(RequestLine("R-9", "GDPR", "2026-01-01", due, "erased"),))
    )
    assert found.days_left == (left,)
    assert ("LATE" in found.text) == (left < 0)
