"""The page: self-contained, complete, escaped, and no stronger than the certificate."""

from __future__ import annotations

import re
from collections import Counter
from html.parser import HTMLParser
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expunge.certificates import CHECKS, Verified
from expunge.domain.certificate import Release, Rule, Seconds
from expunge.domain.plan import Method
from expunge.domain.report import Check, Verdict
from expunge.reporting.page import figures, render, step, utility_figure

EVIL = "<script>alert(1)</script><img src=x onerror=alert(1)>'\"&{{ 7*7 }}$x^2$"
VOID = {"meta", "br", "img", "hr", "link", "input"}


class Reader(HTMLParser):
    """Read tags, attributes and text, and see that every tag is closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.names: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.text += data
        if self.open[-1:] == ["bdi"]:
            self.names.append(data)


@pytest.fixture(scope="module")
def page(everything: Verified) -> str:
    return render(everything)


def test_every_tag_is_closed_and_every_id_is_one(page: str) -> None:
    read = Reader(page)
    assert read.open == []
    ids = Counter(attrs["id"] for _, attrs in read.tags if "id" in attrs)
    assert ids
    assert max(ids.values()) == 1


def test_nothing_is_loaded_from_elsewhere(page: str) -> None:
    read = Reader(page)
    assert {tag for tag, _ in read.tags}.isdisjoint({"script", "link", "img", "iframe", "object", "base", "form"})
    references = [
        value
        for _, attrs in read.tags
        for name, value in attrs.items()
        if name in {"src", "href", "xlink:href", "action", "data", "srcset"}
    ]
    assert references
    assert all((value or "").startswith("#") for value in references)
    assert not re.search(r"@import|url\((?!#)", page)
    assert "default-src 'none'" in page


def test_the_order_is_that_of_the_reader(page: str) -> None:
    headings = re.findall(r"<h2>(.*?)</h2>", page)
    assert headings == [
        "At a glance",
        "Checks of the certificate",
        "What was asked",
        "What was done to each copy",
        "Figures",
        "Keys",
        "Limits and residuals",
        "How to check this certificate",
        "Environment",
    ]


def test_equal_certificates_give_equal_bytes(everything: Verified, page: str) -> None:
    assert render(everything) == page


def test_everything_that_must_be_said_is_said(everything: Verified, page: str, make: SimpleNamespace) -> None:
    text, statement = Reader(page).text, everything.statement
    said = [
        statement.certificate,
        "2026-11-02 09:30:00 UTC",
        *(part for line in statement.requests for part in (line.id, line.received, line.due)),
        *(part for copy in statement.copies for part in (copy.name, copy.object, copy.guarantee_in_words)),
        *(check.detail for copy in statement.copies for check in copy.checks),
        statement.keys.store,
        "root key version 3, unusable since 2026-11-02 09:29:58 UTC",
        *statement.keys.may_still_hold,
        *statement.limits,
        *statement.residuals,
        *statement.notes,
        *(part for kept in statement.retained for part in (kept.object, kept.why, kept.article)),
        *(part for item in statement.environment.items() for part in item),
        "expunge certificate verify FILE --key public.pem",
        make.HEX,
    ]
    assert [part for part in said if part not in text] == []


def test_a_late_answer_is_said_and_drawn(make: SimpleNamespace) -> None:
    statement = make.make_statement(issued="2026-11-22T00:00:00Z")
    page = render(make.verified(statement))
    assert "GDPR: 1 in time, 1 LATE, the latest 2 days after it was due" in page
    assert "CCPA: 1 in time, the closest 13 days before it was due" in page


def test_every_verdict_is_written_and_not_coloured_alone(page: str) -> None:
    badges = re.findall(r'<strong class="badge ([a-z-]+)">([A-Z ]+)</strong>', page)
    assert {("passed", "PASSED"), ("not-run", "NOT RUN")} <= set(badges)
    assert all(words.lower().replace(" ", "-") == mark for mark, words in badges)


def test_verified_takes_every_check(make: SimpleNamespace) -> None:
    statement = make.make_statement()
    assert "<strong>VERIFIED</strong>" in render(make.verified(statement))
    partly = render(make.verified(statement, CHECKS[:-1]))
    assert "<strong>NOT VERIFIED</strong>" in partly
    assert "<strong>VERIFIED</strong>" not in partly


def test_names_are_escaped_wherever_they_stand(make: SimpleNamespace) -> None:
    useful = Check("utility", Verdict.PASSED, EVIL, make.UTILITY | {"metric": EVIL, EVIL: EVIL})
    evil = make.make_statement(
        make.dataset(name=EVIL, guarantee_in_words=EVIL),
        make.model(name=EVIL, checks=(make.REPLAYED, useful)),
        recipients=(),
        residuals=(EVIL,),
        limits=(EVIL,),
        notes=(EVIL,),
        environment={EVIL: EVIL},
    )
    page = render(make.verified(evil))
    read = Reader(page)
    assert {tag for tag, _ in read.tags}.isdisjoint({"script", "img"})
    assert not [name for _, attrs in read.tags for name in attrs if name.startswith("on")]
    assert EVIL not in page
    assert read.text.count(EVIL) >= 9
    assert read.open == []


@settings(max_examples=15, deadline=None)
@given(st.text(min_size=1, max_size=40))
def test_any_name_is_read_back_as_it_is(make: SimpleNamespace, name: str) -> None:
    statement = make.make_statement(make.dataset(name=name))
    assert Reader(render(make.verified(statement))).names == [name, name]


def test_every_figure_has_words_for_those_who_do_not_see_it(page: str) -> None:
    drawn = [attrs for tag, attrs in Reader(page).tags if tag == "div" and attrs.get("role") == "img"]
    assert len(drawn) == page.count("<svg") == 8
    assert "Points: AUC before 0.712, after 0.711, retrained 0.710." in {attrs["aria-label"] for attrs in drawn}
    assert all(attrs["aria-label"] for attrs in drawn)


def test_captions_say_what_was_measured(make: SimpleNamespace) -> None:
    utility, time = figures(make.model(), 0).plots
    assert utility.caption == (
        "AUC on 1,157 people whom the model never saw: before 0.712, after 0.711, retrained 0.710. "
        "After: 95 % interval 0.683 to 0.737. Change from before to after: 95 % interval -0.002 to 0.001. "
        "The axis does not start at nought."
    )
    assert time.caption.startswith("Forgetting 2.7 ms, full retrain 21.8 ms (measured by the replay).")


def test_what_was_not_measured_is_said_instead_of_drawn(make: SimpleNamespace) -> None:
    too_few = Check("utility", Verdict.NOT_RUN, "Not run: 3 people are held out.")
    found = figures(make.model(checks=(make.REPLAYED, too_few), seconds=Seconds("0.1", None)), 0)
    assert found.plots == ()
    assert found.missing[0] == "Utility: NOT RUN. Not run: 3 people are held out."
    assert "not measured" in found.missing[1]


def test_figures_that_are_not_finite_are_left_out(make: SimpleNamespace) -> None:
    broken = Check("utility", Verdict.PASSED, "AUC", make.UTILITY | {"before": "nan", "after_low": "nan"})
    utility, _ = figures(make.model(checks=(make.REPLAYED, broken)), 0).plots
    assert utility.alt == "Points: AUC after 0.711, retrained 0.710."
    empty = Check("utility", Verdict.PASSED, "Nothing.", {})
    assert len(figures(make.model(checks=(empty,)), 0).plots) == 1


def test_without_a_changed_model_there_is_nothing_to_draw(make: SimpleNamespace) -> None:
    page = render(make.verified(make.make_statement(make.dataset(), make.untouched(), make.retired())))
    assert page.count("<svg") == 1, "more than the deadlines is drawn"
    assert "nothing to draw" in page


def test_the_bar_is_named_for_what_took_the_time(make: SimpleNamespace) -> None:
    assert step(make.model()) == "forgetting"
    assert step(make.model(method=Method.REFIT)) == "refitting"
    assert step(make.empirical()) == "reducing"


def test_the_page_says_under_which_rule_the_batch_went(make: SimpleNamespace) -> None:
    release = Release(5, 14, 3, 2, Rule.DEADLINE)
    with_rule = render(make.verified(make.make_statement(release=release)))
    assert "at least 5 people leave a model together" in with_rule
    assert "at least" not in render(make.verified(make.make_statement())).split("What was done")[0]


def test_a_model_that_was_not_replayed_shows_what_was_measured(make: SimpleNamespace) -> None:
    figures = {**make.UTILITY, "retrained": "NOT RUN"}
    useful = Check("utility", Verdict.NOT_RUN, "Not compared with a full retrain, since none was made.", figures)
    plot = utility_figure(make.by_construction(checks=(useful,)), "salt")
    assert plot is not None
    assert "before 0.712, after 0.711." in plot.caption
    assert "retrained" not in plot.caption
