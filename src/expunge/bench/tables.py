"""What was measured as Markdown tables, computed from results alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from expunge.bench.growth import exponent
from expunge.bench.results import Results
from expunge.bench.tasks import REAL, TITLES

Found = Mapping[str, Any]

WORDS: Final = {"median": "median", "mean": "mean", "p99": "slowest hundredth", "max": "slowest"}
CHOSEN: Final = {
    "random": "whom chance picks",
    "tried": "whom the adversary picks who tries people",
    "extremes": "whom the adversary picks who looks for extremes",
}
PEERS: Final = ("lightgbm", "xgboost", "hist-gradient-boosting", "random forest, leaves of 5", "SISA, 10 shards")
"""Others in the summary."""


def summary(results: Results) -> str:
    """Show the test AUC of ours and of some others, and how long forgetting one person takes: for others, a refit."""
    good, fast = results["accuracy"]["found"], results["forgetting"]["found"]

    def cells(task: str, name: str) -> list[str]:
        if name in good[task]["others"]:
            one = good[task]["others"][name]
            return [f"{one['auc']:.4f}", f"{_time(one['fit']['mean'])} (refit)"]
        auc = good[task]["own"][name]["auc"]
        return [f"{auc:.4f}", f"{_time(fast[task][name]['one']['mean'])} ({faster(fast[task][name], 'one', 'mean')})"]

    lines = [[f"`{name}`", *(cell for task in REAL for cell in cells(task, name))] for name in _first(fast)]
    lines += [[name, *(cell for task in REAL for cell in cells(task, name))] for name in PEERS]
    heading = [words for task in REAL for words in (f"{TITLES[task]}: test AUC", "forgetting one person, mean")]
    return markdown(["", *heading], lines)


def accuracy(found: Found) -> str:
    """Show the test AUC of everybody, and how long a fit takes beside LightGBM's."""

    def cell(task: Found, whose: str, name: str) -> str:
        one, beside = task[whose][name], task["others"]["lightgbm"]["fit"]["mean"]
        return f"{one['auc']:.4f}, {one['fit']['mean'] / beside:.2f}x"

    lines = [
        [f"`{name}`" if whose == "own" else name, *(cell(task, whose, name) for task in found.values())]
        for whose in ("own", "others")
        for name in _first(found)[whose]
    ]
    return markdown(["test AUC; fit, over LightGBM's", *_titles(found)], lines)


def forgetting(found: Found) -> str:
    """Show for each of ours how long forgetting takes beside refits, and what it leaves."""
    lines = []
    for name, own in _first(found).items():
        of_tasks = [task[name] for task in found.values()]
        said: dict[str, list[str]] = {"forgetting one person: mean, median": [_times(one["one"]) for one in of_tasks]}
        for which, words in WORDS.items():
            what = f"LightGBM's refit, over forgetting one person: {words}"
            said[what] = [faster(one, "one", which) for one in of_tasks]
        for size in own["batches"]:
            what = f"forgetting {int(size):,} at once, over its own refit"
            said[what] = [f"{share(one, size):.2f}x" for one in of_tasks]
        said |= {
            "removals after which it learned afresh": [
                f"{one['learned_again']} of {one['people']:,}" for one in of_tasks
            ],
            "after all of that equal to a refit": ["yes" if one["equal_to_a_refit"] else "NO" for one in of_tasks],
            "state in memory, rows included": [f"{one['bytes'] / 1e6:.0f} MB" for one in of_tasks],
        }
        lines += [[f"`{name}`: {what}", *cells] for what, cells in said.items()]
    return markdown(["what", *_titles(found)], lines)


def growth(found: Found) -> str:
    """Show how the time to forget one person grows with the rows."""
    lines = [
        [f"{one['rows']:,}", *(_times(sizes[place]) for sizes in found.values())]
        for place, one in enumerate(_first(found))
    ]
    lines.append(
        ["growth", *(f"n^{exponent(own, 'mean'):.2f}, n^{exponent(own, 'median'):.2f}" for own in found.values())]
    )
    return markdown(["rows", *(f"`{name}`: mean, median" for name in found)], lines)


def sequences(found: Found) -> str:
    """Show how many sequences ended like a refit."""
    lines = [
        [f"`{name}`", *(f"{own[f'{kind}_equal']:,} of {own[kind]:,}" for kind in ("random", "adversarial"))]
        for name, own in found.items()
    ]
    return markdown(["learner", "random sequences equal to a refit", "adversarial ones"], lines)


def adversary(found: Found) -> str:
    """Show how long forgetting takes where somebody chooses who leaves."""
    lines = [
        [f"`{name}`: {words}", *(", ".join(faster(task[name], who, of) for of in WORDS) for task in found.values())]
        for name in _first(found)
        for who, words in CHOSEN.items()
    ]
    what = f"LightGBM's refit, over forgetting one person: {', '.join(WORDS.values())}"
    return markdown([what, *_titles(found)], lines)


def serving(found: Found) -> str:
    """Show how long served models take to predict."""

    def cell(task: Found, name: str) -> str:
        own, beside = task[name]["median"], task["lightgbm"]["median"]
        return f"{_time(own)}, {own / beside:.2f}x"

    lines = [[name, *(cell(task, name) for task in found.values())] for name in _first(found)]
    rows = next(iter(_first(found).values()))["rows"]
    return markdown([f"{rows:,} rows: time to predict, over LightGBM's", *_titles(found)], lines)


def sharding(found: Found) -> str:
    """Show what designs cost and save, beside what is expected."""

    def share(one: Found, count: str) -> str:
        told = one["forget"][count]
        return f"{told['seconds'] / one['last_fit']:.2f} ({told['met']:.2f}; {told['expected']:.2f})"

    lines = [
        [
            TITLES[task],
            f"{one['shards']} x {one['slices']}",
            f"{one['auc']:.4f}",
            f"{one['fit'] / designs[0]['fit']:.2f}x",
            *(share(one, count) for count in one["forget"]),
            _time(one["overhead"]),
        ]
        for task, designs in found.items()
        for one in designs
    ]
    counts = [f"forgetting {int(count):,}, over its fit (met; expected)" for count in _first(found)[0]["forget"]]
    heading = ["", "shards x slices", "test AUC", "fit, over one model's", *counts, "overhead"]
    return markdown(heading, lines)


def starting(found: Found) -> str:
    """Show what the first fit of an installation takes, and that of a later process."""
    lines = [
        [f"`{name}`", *(f"{own[when][what]:.1f} s" for when in own for what in ("fit", "forget")), _beyond(own)]
        for name, own in found.items()
    ]
    heading = [f"{when} process: {what}" for when in _first(found) for what in ("fit", "first forget")]
    return markdown(["", *heading, "import, beyond scikit-learn and pandas"], lines)


def _beyond(own: Found) -> str:
    return f"{own['later']['import']:.1f} s"


PARTS: Final[dict[str, Callable[[Found], str]]] = {
    "accuracy": accuracy,
    "forgetting": forgetting,
    "growth": growth,
    "sequences": sequences,
    "adversary": adversary,
    "serving": serving,
    "sharding": sharding,
    "starting": starting,
}


def markdown(heading: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Return a table.

    Examples
    --------
    >>> print(markdown(["what", "found"], [["a", "1"]]), end="")
    | what | found |
    | --- | --- |
    | a | 1 |
    """
    return "".join(f"| {' | '.join(line)} |\n" for line in (heading, ["---"] * len(heading), *lines))


def share(one: Found, size: str) -> float:
    """Return the time to forget a batch, over that of our own refit."""
    return float(np.median(one["batches"][size]) / one["refit"]["own"]["mean"])


def faster(one: Found, what: str, which: str) -> str:
    """Say how often LightGBM's refit is as long as forgetting one person."""
    times = one["refit"]["lightgbm"]["mean"] / one[what][which]
    return f"{times:,.0f}x" if times >= 10 else f"{times:.1f}x"


def _first(found: Found) -> Any:
    return next(iter(found.values()))


def _titles(found: Found) -> list[str]:
    return [TITLES[task] for task in found]


def _time(seconds: float) -> str:
    """Say a time in milliseconds.

    Examples
    --------
    >>> _time(0.00123), _time(0.0123), _time(0.123)
    ('1.23 ms', '12.3 ms', '123 ms')
    """
    places = 2 if seconds < 0.01 else 1 if seconds < 0.1 else 0
    return f"{seconds * 1e3:,.{places}f} ms"


def _times(one: Found) -> str:
    return f"{_time(one['mean'])}, {_time(one['median'])}"
