"""Forgetting against utility, and against time: one point for each method, numbered as in the table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Any, Final

from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from expunge.bench.plots import SETTINGS

COLOURS: Final = {"good": "#0b6b52", "open": "#b07000", "bad": "#a3172a"}
MARKERS: Final = {"good": "o", "open": "D", "bad": "s"}
_LEAST_TIME: Final = 1e-3


@dataclass(frozen=True)
class Point:
    """One method.

    Parameters
    ----------
    number : int
    name, tone : str
    auc, accuracy, time : tuple of float
        Value, and between what it lies.
    """

    number: int
    name: str
    tone: str
    auc: tuple[float, float, float]
    accuracy: tuple[float, float, float]
    time: tuple[float, float, float]


def drawn(points: Sequence[Point], retrained: float) -> str:
    """Return both pictures as one SVG element, equal bytes for equal points.

    Parameters
    ----------
    points : sequence of Point
    retrained : float
        Test accuracy of models that were trained again.
    """
    with style.context(["default", SETTINGS]):
        figure = Figure(layout="constrained", figsize=(9.6, 4.2))
        left, right = figure.subplots(1, 2)
        left.set(xlabel="membership AUC (0.5: nobody can tell)", ylabel="test accuracy", title="Forgetting and utility")
        right.set(xlabel="membership AUC", ylabel="time, as a share of retraining", title="Forgetting and time")
        left.axhline(retrained, color="#666666", linestyle=":", linewidth=1)
        right.axhline(1, color="#666666", linestyle=":", linewidth=1)
        right.set_yscale("log")
        for axes in (left, right):
            axes.axvline(0.5, color="#666666", linestyle=":", linewidth=1)
        for point in points:
            _mark(left, point, point.accuracy)
            _mark(right, point, tuple(max(one, _LEAST_TIME) for one in point.time))
        right.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        right.yaxis.set_minor_formatter(NullFormatter())
        file = StringIO()
        figure.savefig(file, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    text = file.getvalue()
    return text[text.index("<svg") :]


def _mark(axes: Axes, point: Point, height: Any) -> None:
    (x, x_low, x_high), (y, y_low, y_high) = point.auc, height
    look: dict[str, Any] = {"color": COLOURS[point.tone], "linewidth": 0.8, "alpha": 0.5}
    axes.plot([x_low, x_high], [y, y], **look)
    axes.plot([x, x], [y_low, y_high], **look)
    axes.plot([x], [y], MARKERS[point.tone], color=COLOURS[point.tone], markersize=11)
    axes.annotate(str(point.number), (x, y), color="white", ha="center", va="center", fontsize=6.5, weight="bold")
