"""One page of what was measured: tables in which it shows at a glance who does nothing, and pictures."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final

import numpy as np
import pandas as pd
from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from expunge.bench.unlearning.contestants import NO_OP, RETRAIN
from expunge.bench.unlearning.pictures import Point, drawn
from expunge.bench.unlearning.standings import CHECKS, Standing, failures, mean, standing

NONE: Final = "-"
"""Where there is no figure."""
_MEGABYTE: Final = 1e6
SCENARIOS: Final = {
    "subjects": "People drawn at random ask to be forgotten.",
    "class": "A class is forgotten: half of its people ask, and the others were never seen.",
    "mislabelled": "People with wrong labels are forgotten: does the model recover?",
}


@dataclass(frozen=True)
class Line:
    """One method in a table: its number, name and standing, a cell for each check, and its figures as text."""

    number: int
    name: str
    standing: Standing
    checks: tuple[tuple[str, str], ...]
    figures: tuple[str, ...]


@dataclass(frozen=True)
class Board:
    """One task."""

    name: str
    scenario: str
    facts: Mapping[str, Any]
    seeds: int
    lines: tuple[Line, ...]
    picture: Markup
    alt: str


HEADINGS: Final = (
    "membership AUC",
    "TPR at FPR .01",
    "ε at least",
    "RMIA AUC",
    "accuracy: forget",
    "retain",
    "test",
    "tug of war",
    "divergence",
    "relearned in",
    "8 bits bring back",
    "4 bits",
    "time",
    "p99",
    "keeps, MB",
)


def page(found: pd.DataFrame, about: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the leaderboard as one self-contained HTML page.

    Parameters
    ----------
    found : DataFrame
        As `expunge.bench.unlearning.records.read` returns it.
    about : mapping of str to mapping
        What is known about each task's run.
    """
    boards = [_board(task, found[found["task"] == task], about[task]) for task in sorted(found["task"].unique())]
    return _template().render(boards=boards, headings=HEADINGS, checks=CHECKS, no_op=NO_OP, retrain=RETRAIN)


def filled(text: str, found: pd.DataFrame) -> str:
    """Return a Markdown page with where methods stand, between ``<!-- unlearning -->`` and ``<!-- end -->``."""
    return _BLOCK.sub(lambda block: f"{block[1]}\n{summary(found)}\n{block[2]}", text)


def summary(found: pd.DataFrame) -> str:
    """Return where methods stand, as a Markdown table: a row each, in two columns for each task."""
    tasks = sorted(found["task"].unique())
    stands: dict[str, dict[str, tuple[Standing, float]]] = {}
    for (method, task), own in found.groupby(["method", "task"], sort=False):
        stands.setdefault(str(method), {})[str(task)] = standing(own), mean(own, "time_mean")
    order = sorted(
        stands, key=lambda name: (sum(one.rank for one, _ in stands[name].values()) / len(stands[name]), name)
    )
    heading = "".join(f" {task} | time |" for task in tasks)
    rows = [f"| method |{heading}", "| --- |" + " --- | --- |" * len(tasks)]
    for method in order:
        cells = [stands[method].get(task) for task in tasks]
        told = "".join(f" {one[0].words} | {one[1]:.2f}x |" if one else " - | - |" for one in cells)
        rows.append(f"| `{method}` |{told}")
    return "\n".join(rows) + "\n\nTime as a share of retraining, of the processor, mean over all worlds.\n"


_BLOCK: Final = re.compile(r"(<!-- unlearning -->\n).*?(<!-- end -->)", re.DOTALL)


def _board(task: str, found: pd.DataFrame, about: Mapping[str, Any]) -> Board:
    own = {str(name): frame for name, frame in found.groupby("method", sort=False)}
    stands = {name: standing(frame) for name, frame in own.items()}
    order = sorted(own, key=lambda name: (stands[name].rank, mean(own[name], "time_mean"), name))
    points = [_point(number, name, own[name], stands[name]) for number, name in enumerate(order, 1)]
    lines = tuple(_line(point.number, point.name, own[point.name], stands[point.name]) for point in points)
    retrained = mean(next(iter(own.values())), "retrained_accuracy_test")
    told = ", ".join(
        f"{point.number} {point.name}: AUC {point.auc[0]:.2f}, test accuracy {point.accuracy[0]:.3f}"
        for point in points
    )
    words = SCENARIOS.get(task.rpartition("-")[2], "")
    picture = Markup(drawn(points, retrained))  # noqa: S704  # our own words and figures only
    return Board(task, words, about, found["seed"].nunique(), lines, picture, told)


def _point(number: int, name: str, found: pd.DataFrame, stands: Standing) -> Point:
    accuracy = found.loc[found["metric"] == "accuracy_test", "value"]
    time = found.loc[found["metric"] == "time", "value"]
    return Point(
        number,
        name,
        stands.tone,
        (mean(found, "membership_auc"), mean(found, "membership_auc", "low"), mean(found, "membership_auc", "high")),
        (accuracy.mean(), accuracy.min(), accuracy.max()),
        (mean(found, "time_mean"), time.min(), time.max()),
    )


def _line(number: int, name: str, found: pd.DataFrame, stands: Standing) -> Line:
    def value(metric: str, digits: int, which: str = "value") -> str:
        got = mean(found, metric, which)
        return NONE if np.isnan(got) else f"{got:z.{digits}f}"

    def beside(metric: str, other: str, digits: int) -> str:
        return f"{value(metric, digits)} ({value(other, digits)})" if value(metric, digits) != NONE else NONE

    auc = f"{value('membership_auc', 2)} ({value('membership_auc', 2, 'low')} to {value('membership_auc', 2, 'high')})"
    return Line(
        number,
        name,
        stands,
        tuple(_cell(*failures(found, check)) for check in CHECKS),
        (
            auc,
            value("membership_tpr_0.01", 3),
            value("membership_epsilon", 2),
            value("rmia_auc", 2),
            *(beside(f"accuracy_{rows}", f"retrained_accuracy_{rows}", 3) for rows in ("forget", "retain", "test")),
            value("tug_of_war", 3),
            beside("divergence", "divergence_retrained", 4),
            beside("relearned", "relearned_retrained", 0),
            value("recovered_8_bits", 3),
            value("recovered_4_bits", 3),
            value("time_mean", 3),
            value("time_mean", 3, "high"),
            f"{mean(found, 'bytes') / _MEGABYTE:,.1f}",
        ),
    )


def _cell(failed: int, run: int) -> tuple[str, str]:
    """Return what stands in a check's cell, and its tone."""
    if not run:
        return "not run", "none"
    return (f"failed {failed}/{run}", "bad") if failed else ("passed", "good")


@cache
def _template() -> Template:
    text = resources.files("expunge.bench.unlearning").joinpath("leaderboard.html").read_text(encoding="utf-8")
    return Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True).from_string(
        text
    )
