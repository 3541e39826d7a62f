"""Figures are deterministic, self-contained and legible."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from typing import TypeAlias
from xml.etree import ElementTree

import matplotlib as mpl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expunge.reporting.plots import (
    Mark,
    Pair,
    Row,
    deadline_plot,
    logarithmic,
    sizes_plot,
    time_plot,
    utility_plot,
    widened,
)

POINTS = [
    Mark("before", 0.712, "0.712"),
    Mark("after", 0.711, "0.711", (0.683, 0.737)),
    Mark("retrained", 0.7, "0.700"),
]
BARS = [Mark("forgetting", 0.003, "3 ms"), Mark("full retrain", 1.25, "1.25 s")]
DAYS = [Row("GDPR", (28, 28, 3, -1), "3 in time, 1 LATE"), Row("CCPA", (43,), "1 in time")]
Draw: TypeAlias = Callable[..., str]
SHARES = [Pair("alone", 0.31, 0.0), Pair("10 to 19", 0.0, 1.0)]
PLOTS = pytest.mark.parametrize(
    ("draw", "marks"), [(utility_plot, POINTS), (time_plot, BARS), (deadline_plot, DAYS), (sizes_plot, SHARES)]
)


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]  # noqa: S314 - our own SVG


@PLOTS
def test_equal_input_gives_equal_bytes(draw: Draw, marks: Sequence[Mark | Row | Pair]) -> None:
    first = draw(marks, salt="a")
    random.seed(1)
    assert draw(marks, salt="a") == first
    with mpl.rc_context({"font.size": 30, "axes.grid": True, "svg.hashsalt": None}):
        assert draw(marks, salt="a") == first, "the reader's matplotlibrc shows"


@PLOTS
def test_settings_are_left_as_they_were(draw: Draw, marks: Sequence[Mark | Row | Pair]) -> None:
    before = dict(mpl.rcParams)
    draw(marks, salt="a")
    assert dict(mpl.rcParams) == before


@PLOTS
def test_every_value_and_label_is_written(draw: Draw, marks: Sequence[Mark | Row | Pair]) -> None:
    written = texts(draw(marks, salt="a"))
    assert {mark.text for mark in marks} | {mark.label for mark in marks} <= set(written)


@PLOTS
def test_ink_follows_the_page(draw: Draw, marks: Sequence[Mark | Row | Pair]) -> None:
    svg = draw(marks, salt="a")
    assert "currentColor" in svg
    assert "#010203" not in svg
    assert "#000000" not in svg
    assert all("fill: currentColor" in tag for tag in re.findall(r"<text [^>]*>", svg))


@PLOTS
def test_ids_of_two_figures_never_meet(draw: Draw, marks: Sequence[Mark | Row | Pair]) -> None:
    first, second = (set(re.findall(r' id="([^"]+)"', draw(marks, salt=salt))) for salt in "ab")
    assert first
    assert not first & second


def test_times_that_differ_much_stand_on_a_logarithmic_scale_and_say_so() -> None:
    assert "seconds, logarithmic scale" in texts(time_plot(BARS, salt="a"))
    near = [Mark("forgetting", 0.3, "300 ms"), Mark("full retrain", 1.25, "1.25 s")]
    assert "seconds" in texts(time_plot(near, salt="a"))


@given(st.floats(1e-6, 1e6), st.floats(1e-6, 1e6))
def test_no_bar_vanishes(first: float, second: float) -> None:
    short, long = sorted((first, second))
    assert logarithmic([first, second]) or short / long > 1 / 20 - 1e-9


def test_nought_has_no_logarithm() -> None:
    assert not logarithmic([0.0, 1.0])
    assert time_plot([Mark("forgetting", 0.0, "0 ms"), Mark("full retrain", 0.0, "0 ms")], salt="a")


@given(st.floats(-1e6, 1e6), st.floats(0, 1e6))
def test_the_utility_axis_shows_every_value(low: float, width: float) -> None:
    start, end = widened(low, low + width)
    assert start < low <= low + width < end


@settings(max_examples=10, deadline=None)
@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=3), st.floats(0, 1e9), st.floats(1e-9, 1e9))
def test_any_figure_can_be_drawn(values: list[float], first: float, second: float) -> None:
    assert utility_plot([Mark("after", value, str(value), (value, value)) for value in values], salt="a")
    assert time_plot([Mark("forgetting", first, "?"), Mark("full retrain", second, "?")], salt="a")


@pytest.mark.parametrize("time", [0.0, 5e-324, 1e-9, 1e-6, 1e9])
def test_no_time_is_too_short_or_too_long_to_draw(time: float) -> None:
    assert time_plot([Mark("forgetting", time, "?"), Mark("full retrain", 1.0, "?")], salt="a")
    assert time_plot([Mark("forgetting", time, "?"), Mark("full retrain", time, "?")], salt="a")


def test_a_late_answer_is_marked_by_shape_and_colour() -> None:
    late, in_time = (deadline_plot([Row("GDPR", (days,), "said")], salt="a") for days in (-1, 0))
    assert ("#c8414f" in late, "#c8414f" in in_time) == (True, False)
    round_marks = [re.findall(r'<path id="m[^"]+" d="[^"]*C', svg) for svg in (late, in_time)]
    assert [len(found) for found in round_marks] == [0, 1]


@given(st.lists(st.integers(-1000, 1000), min_size=1, max_size=30))
@settings(max_examples=10, deadline=None)
def test_any_days_can_be_drawn(days: list[int]) -> None:
    assert "due" in texts(deadline_plot([Row("GDPR", days, "said")], salt="a"))
