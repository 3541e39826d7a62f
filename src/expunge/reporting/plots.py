"""Figures as inline SVG: what was done in time, how good a model is, and what the erasure took.

Invariants
----------
- Equal input gives equal bytes: a salt per figure instead of random ids, no date, matplotlib's own defaults instead of
  the reader's ``matplotlibrc``.
- No text of users stands in a figure, and every value stands beside its mark as text.
- Ink is ``currentColor``: a figure is legible on light and on dark ground, and on paper.
"""

from __future__ import annotations

import io
import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

LOG_FROM: Final = 20.0
"""From this ratio of the longest to the shortest time on, bars stand on a logarithmic scale."""

_INK: Final = "#010203"
"""Stands for ``currentColor``, which matplotlib does not know; used for nothing else."""
_COLOURS: Final = ("#8b93a1", "#12876f", "#3f74c4")
_LATE: Final = "#c8414f"
_MARKERS: Final = ("o", "D", "s")
_NARROWEST: Final = 0.02
"""Least width of the utility axis, in units of the metric, so that noise does not look like a difference."""
_SHORTEST: Final = 1e-6
"""Seconds; certificates give times to six decimals."""
_SMALLEST: Final = 6.0
"""Points; of the dot that stands for one request."""
_INCHES: Final = (4.6, 1.75)
_Draw: TypeAlias = Callable[[Axes], None]


@dataclass(frozen=True)
class Mark:
    """One line of a figure.

    Parameters
    ----------
    label : str
        One of the page's own words.
    value : float
    text : str
        The value as it is written beside the mark.
    interval : (float, float) or None
    """

    label: str
    value: float
    text: str
    interval: tuple[float, float] | None = None


@dataclass(frozen=True)
class Row:
    """One line of the figure of deadlines.

    Parameters
    ----------
    label : str
        One of the page's own words.
    days_left : sequence of int
        At least one; of each request, the days from the certificate to the day that the answer was due.
    text : str
        What is written beside them.
    """

    label: str
    days_left: Sequence[int]
    text: str


@dataclass(frozen=True)
class Pair:
    """One line of the figure of group sizes.

    Parameters
    ----------
    label : str
        One of the page's own words.
    before, after : float
        Shares, 0 to 1.
    """

    label: str
    before: float
    after: float

    @property
    def text(self) -> str:
        """The share after, as it is written beside its bar."""
        return f"{self.after:.1%}"


def deadline_plot(rows: Sequence[Row], *, salt: str) -> str:
    """Draw how many days were left of the time to answer: a dot for a day, larger where it stands for more requests.

    Parameters
    ----------
    rows : sequence of Row
        At least one, from top to bottom.
    salt : str
        Another one for every figure of a page.

    Returns
    -------
    str
        An ``<svg>`` element.

    Examples
    --------
    >>> svg = deadline_plot([Row("GDPR", (28, 28, 3), "3 in time")], salt="d1")
    >>> "3 in time" in svg, "due" in svg
    (True, True)
    """

    def draw(axes: Axes) -> None:
        days = [day for row in rows for day in row.days_left]
        low, high = min(0, *days), max(0, *days)
        room = max(high - low, 7)
        axes.set_xlim(low - 0.06 * room, high + 0.5 * room)
        axes.axvline(0, color=_INK, linewidth=1)
        axes.annotate("due", (0, -0.55), (4, -2), textcoords="offset points", va="top", color=_INK)
        for number, row in enumerate(rows):
            sizes = {day: _SMALLEST * (1 + math.log2(times)) for day, times in sorted(Counter(row.days_left).items())}
            for day, size in sizes.items():
                marker, colour = ("X", _LATE) if day < 0 else ("o", _COLOURS[1])
                axes.plot([day], [number], marker, color=colour, markersize=size)
            last = max(0, *row.days_left)
            _write(axes, last, number, row.text, beside=sizes.get(last, 0) / 2)
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.set_xlabel("days left when the certificate was signed", color=_INK)

    return _svg(rows, salt, draw)


def utility_plot(marks: Sequence[Mark], *, salt: str) -> str:
    """Draw values of a metric as points, with their intervals where there are any.

    Parameters
    ----------
    marks : sequence of Mark
        At least one, from top to bottom.
    salt : str
        Another one for every figure of a page.

    Returns
    -------
    str
        An ``<svg>`` element.

    Examples
    --------
    >>> svg = utility_plot([Mark("after", 0.71, "0.710", (0.69, 0.73))], salt="u1")
    >>> svg[:4], "0.710" in svg, svg == utility_plot([Mark("after", 0.71, "0.710", (0.69, 0.73))], salt="u1")
    ('<svg', True, True)
    """

    def draw(axes: Axes) -> None:
        values = [value for mark in marks for value in (mark.value, *(mark.interval or ()))]
        low, high = widened(min(values), max(values))
        axes.set_xlim(low, high + 0.25 * (high - low))
        for row, mark in enumerate(marks):
            colour, marker = _COLOURS[row % 3], _MARKERS[row % 3]
            if mark.interval is not None:
                axes.hlines(row, *mark.interval, color=colour, linewidth=2)
                axes.vlines(mark.interval, row - 0.14, row + 0.14, color=colour, linewidth=2)
            axes.plot([mark.value], [row], marker, color=colour, markersize=7)
            _write(axes, max(mark.value, *(mark.interval or (mark.value,))), row, mark.text)
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.ticklabel_format(axis="x", style="plain", useOffset=False)

    return _svg(marks, salt, draw)


def time_plot(marks: Sequence[Mark], *, salt: str) -> str:
    """Draw times in seconds as bars, on a logarithmic scale where they differ much (`logarithmic`).

    Parameters
    ----------
    marks : sequence of Mark
        At least one, from top to bottom; not negative.
    salt : str
        Another one for every figure of a page.

    Returns
    -------
    str
        An ``<svg>`` element.
    """
    times = [mark.value for mark in marks]
    longest = max(times)

    def draw(axes: Axes) -> None:
        if logarithmic(times):
            start = 10 ** math.floor(math.log10(min(times)) - 0.3)
            axes.set_xscale("log")
            axes.set_xlim(start, longest * (longest / start) ** 0.35)
            axes.xaxis.set_minor_locator(NullLocator())
        else:
            start = 0.0
            axes.set_xlim(0, longest * 1.35 or 1)
            axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        for row, mark in enumerate(marks):
            # The first bar is the erasure, drawn as "after" is in the utility plot.
            axes.barh(row, mark.value - start, left=start, height=0.55, color=_COLOURS[(1, 0)[row % 2]])
            _write(axes, mark.value, row, mark.text)
        axes.set_xlabel("seconds, logarithmic scale" if logarithmic(times) else "seconds", color=_INK)

    return _svg(marks, salt, draw)


def sizes_plot(rows: Sequence[Pair], *, salt: str) -> str:
    """Draw shares before and after as two bars beside each other.

    Parameters
    ----------
    rows : sequence of Pair
        At least one, from top to bottom.
    salt : str
        Another one for every figure of a page.

    Returns
    -------
    str
        An ``<svg>`` element.

    Examples
    --------
    >>> "alone" in sizes_plot([Pair("alone", 0.25, 0.0)], salt="s1")
    True
    """

    def draw(axes: Axes) -> None:
        for number, row in enumerate(rows):
            bars = (
                (row.before, f"{row.before:.1%}", -0.2, _COLOURS[0]),
                (row.after, row.text, 0.2, _COLOURS[1]),
            )
            for value, text, place, colour in bars:
                axes.barh(number + place, value, height=0.36, color=colour)
                axes.annotate(
                    text,
                    (value, number + place),
                    (4, 0),
                    textcoords="offset points",
                    va="center",
                    color=_INK,
                    fontsize=8,
                )
        axes.set_xlim(0, 1.2)
        axes.xaxis.set_major_locator(FixedLocator([0, 0.25, 0.5, 0.75, 1]))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0%}"))
        axes.set_xlabel("of the people; grey before, green after", color=_INK)

    return _svg(rows, salt, draw, height=0.5 + 0.42 * len(rows))


def logarithmic(times: Sequence[float]) -> bool:
    """Tell whether times differ so much that the shorter bar would vanish.

    Nought has no place on such a scale, and neither has what is shorter than a clock can tell.

    Examples
    --------
    >>> logarithmic([0.003, 1.25]), logarithmic([0.003, 0.035]), logarithmic([0.0, 1.25])
    (True, False, False)
    """
    return min(times) >= _SHORTEST and max(times) >= LOG_FROM * min(times)


def widened(low: float, high: float) -> tuple[float, float]:
    """Give the utility axis some room on both sides, and at least `_NARROWEST` of width.

    Examples
    --------
    >>> low, high = widened(0.7, 0.7)
    >>> round(high - low, 3)
    0.024
    """
    middle, half = (low + high) / 2, max(high - low, _NARROWEST) / 2
    return middle - 1.2 * half, middle + 1.2 * half


def _write(axes: Axes, at: float, row: int, text: str, beside: float = 3) -> None:
    """Write to the right of a mark that reaches so many points beside its place."""
    axes.annotate(text, (at, row), (beside + 5, 0), textcoords="offset points", va="center", color=_INK)


def _svg(marks: Sequence[Mark | Row | Pair], salt: str, draw: _Draw, height: float = _INCHES[1]) -> str:
    settings = {"svg.fonttype": "none", "svg.hashsalt": f"expunge {salt}", "font.size": 10.0}
    with style.context(["default", settings]):
        figure = Figure(figsize=(_INCHES[0], height), layout="constrained")
        figure.patch.set_alpha(0)
        axes = figure.add_subplot()
        axes.patch.set_alpha(0)
        axes.set_yticks(range(len(marks)), [mark.label for mark in marks])
        axes.set_ylim(len(marks) - 0.45, -0.55)
        draw(axes)
        axes.tick_params(colors=_INK)
        axes.tick_params(axis="y", length=0)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.spines["bottom"].set_color(_INK)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    return _inline(buffer.getvalue())


def _inline(document: str) -> str:
    """Take the element out of the XML document, and the names of groups with it: ids are unique in a page."""
    element = document[document.index("<svg") :].strip()
    return re.sub(r' id="[A-Za-z0-9.]+_[0-9]+"', "", element).replace(_INK, "currentColor")
