"""What was measured as pictures: SVG, equal bytes for equal results, told apart by colour and by marker."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from expunge.bench.results import Results
from expunge.bench.tasks import REAL, TITLES

OWN: Final = (("#0072b2", "o"), ("#009e73", "s"), ("#d55e00", "D"), ("#cc79a7", "^"), ("#56b4e9", "v"))
"""Colours that colour-blind people tell apart (Okabe and Ito), and markers."""
OTHERS: Final = ("X", "P", "*", "<", ">", "h")
GREY: Final = "#666666"
SOLID: Final[dict[str, Any]] = {"linestyle": "-", "markersize": 4.5}
DOTTED: Final[dict[str, Any]] = {"linestyle": "--", "markersize": 4.5, "markerfacecolor": "white", "linewidth": 1.1}
SETTINGS: Final = {
    "svg.fonttype": "path",
    "svg.hashsalt": "expunge bench",
    "font.size": 9.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "legend.frameon": False,
}


@dataclass(frozen=True)
class Picture:
    """One plot.

    Parameters
    ----------
    parts : tuple of str
        What it shows results of.
    words : str
        What is to be seen, for those who cannot.
    draw : callable
    """

    parts: tuple[str, ...]
    words: str
    draw: Callable[[Figure, Results], None]


def growth(figure: Figure, results: Results) -> None:
    """Draw the mean and median time to forget one person against the rows."""
    figure.set_size_inches(5.6, 3.4)
    axes = figure.add_subplot(xscale="log", yscale="log", xlabel="rows", ylabel="forgetting one person, ms")
    for (colour, marker), (name, sizes) in zip(OWN, results["growth"]["found"].items(), strict=False):
        rows = [one["rows"] for one in sizes]
        for which, look in (("mean", SOLID), ("median", DOTTED)):
            times = [1e3 * one[which] for one in sizes]
            axes.plot(rows, times, marker, color=colour, label=f"{name}, {which}", **look)
    _plain(axes)
    figure.legend(loc="outside right center")


def batches(figure: Figure, results: Results) -> None:
    """Draw the time to forget a batch against its size, beside refits."""
    figure.set_size_inches(7.4, 3.3)
    found = results["forgetting"]["found"]
    plots = figure.subplots(1, len(found), sharey=True)
    for axes, (task, learners) in zip(plots, found.items(), strict=True):
        axes.set(xscale="log", yscale="log", xlabel="people forgotten at once", title=TITLES[task])
        refits = [own["refit"]["lightgbm"]["mean"] for own in learners.values()]
        axes.axhline(1e3 * np.mean(refits), color="black", linewidth=1, label="lightgbm, refit")
        for (colour, marker), (name, own) in zip(OWN, learners.items(), strict=False):
            sizes = [1, *map(int, own["batches"])]
            times = [own["one"]["mean"], *(float(np.median(each)) for each in own["batches"].values())]
            axes.plot(sizes, 1e3 * np.array(times), marker, color=colour, label=name, **SOLID)
            refit = 1e3 * own["refit"]["own"]["mean"]
            axes.plot([1, sizes[-1]], [refit, refit], marker, color=colour, label=f"{name}, refit", **DOTTED)
        _plain(axes)
    plots[0].set_ylabel("time, ms")
    figure.legend(*plots[0].get_legend_handles_labels(), loc="outside right center")


def standing(figure: Figure, results: Results) -> None:
    """Draw accuracy against the time to forget one person, of everybody."""
    figure.set_size_inches(7.8, 3.9)
    good, fast = results["accuracy"]["found"], results["forgetting"]["found"]
    plots = figure.subplots(1, len(REAL))
    for axes, task in zip(plots, REAL, strict=True):
        axes.set(xscale="log", xlabel="forgetting one person, mean, ms\n(others: a refit)", title=TITLES[task])
        for (colour, marker), (name, own) in zip(OWN, fast[task].items(), strict=False):
            auc = good[task]["own"][name]["auc"]
            axes.plot([1e3 * own["one"]["mean"]], [auc], marker, color=colour, markersize=7, label=name)
        for number, (name, own) in enumerate(good[task]["others"].items()):
            look = {"markerfacecolor": "none" if number >= len(OTHERS) else GREY, "markeredgecolor": GREY}
            marker = OTHERS[number % len(OTHERS)]
            axes.plot([1e3 * own["fit"]["mean"]], [own["auc"]], marker, markersize=6, label=name, **look)
        _plain(axes, y=False)
    plots[0].set_ylabel("test AUC")
    figure.legend(*plots[0].get_legend_handles_labels(), loc="outside right center")


def times(figure: Figure, results: Results) -> None:
    """Draw which share of people is forgotten within a time, whoever picks them."""
    figure.set_size_inches(7.4, 3.3)
    found = results["adversary"]["found"]
    plots = figure.subplots(1, len(found), sharey=True)
    for axes, (task, learners) in zip(plots, found.items(), strict=True):
        axes.set(xscale="log", xlabel="forgetting one person, ms", title=TITLES[task])
        refit = np.mean([own["refit"]["lightgbm"]["mean"] for own in learners.values()])
        axes.axvline(1e3 * refit, color="black", linewidth=1, label="lightgbm, refit")
        for (colour, marker), (name, own) in zip(OWN, learners.items(), strict=False):
            for who, words, look in (("random", "at random", SOLID), ("tried", "adversarial", DOTTED)):
                within = 1e3 * np.sort(own["times"][who])
                shares = (1 + np.arange(len(within))) / len(within)
                axes.plot(within, shares, marker, color=colour, label=f"{name}, {words}", markevery=0.2, **look)
        _plain(axes, y=False)
    plots[0].set_ylabel("share of people forgotten by then")
    figure.legend(*plots[0].get_legend_handles_labels(), loc="outside right center")


def shards(figure: Figure, results: Results) -> None:
    """Draw what forgetting one person costs, and accuracy, against the number of shards."""
    figure.set_size_inches(7.4, 5.2)
    found = results["sharding"]["found"]
    plots = figure.subplots(2, len(found), sharex=True, sharey="row")
    for (above, below), (task, designs) in zip(plots.T, found.items(), strict=True):
        above.set(xscale="log", yscale="log", title=TITLES[task])
        below.set(xlabel="shards")
        for (colour, marker), slices in zip(OWN, dict.fromkeys(one["slices"] for one in designs), strict=False):
            own = [one for one in designs if one["slices"] == slices]
            counts = [one["shards"] for one in own]
            label = "1 slice" if slices == 1 else f"{slices} slices"
            measured = [one["forget"]["1"]["seconds"] / designs[0]["last_fit"] for one in own]
            expected = [one["forget"]["1"]["expected"] * one["last_fit"] / designs[0]["last_fit"] for one in own]
            above.plot(counts, measured, marker, color=colour, label=label, **SOLID)
            above.plot(counts, expected, marker, color=colour, label=f"{label}, expected", **DOTTED)
            below.plot(counts, [one["auc"] for one in own], marker, color=colour, label=label, **SOLID)
        _plain(above)
        _plain(below, y=False)
    plots[0][0].set_ylabel("forgetting one person,\nas a share of fitting one model")
    plots[1][0].set_ylabel("test AUC")
    figure.legend(*plots[0][0].get_legend_handles_labels(), loc="outside right center")


PICTURES: Final = {
    "standing": Picture(
        ("accuracy", "forgetting"),
        "Test AUC against the mean time to forget one person, for our learners and for others, which are fitted again",
        standing,
    ),
    "growth": Picture(("growth",), "Mean and median time to forget one person against the number of rows", growth),
    "batches": Picture(("forgetting",), "Time to forget a batch against its size, beside refits", batches),
    "times": Picture(
        ("adversary",),
        "Share of people who are forgotten within a time, picked at random and by an adversary",
        times,
    ),
    "shards": Picture(
        ("sharding",), "What forgetting one person costs, and test AUC, against the number of shards", shards
    ),
}


def drawable(results: Mapping[str, Any]) -> list[str]:
    """Return the names of the pictures whose parts were measured."""
    return [name for name, picture in PICTURES.items() if all(part in results for part in picture.parts)]


def draw(results: Results, folder: Path) -> list[Path]:
    """Draw all pictures whose parts were measured; returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    return [_drawn(PICTURES[name], results, folder / f"{name}.svg") for name in drawable(results)]


def _drawn(picture: Picture, results: Results, file: Path) -> Path:
    with style.context(["default", SETTINGS]):
        figure = Figure(layout="constrained")
        picture.draw(figure, results)
        figure.savefig(file, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    return file


def _plain(axes: Axes, *, y: bool = True) -> None:
    """Write numbers as numbers: 10,000, not a power of ten."""
    for axis in (axes.xaxis, axes.yaxis) if y else (axes.xaxis,):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}" if value >= 1 else f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())
