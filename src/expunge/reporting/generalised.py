"""The page that goes with a generalised table: what was lost, what risk is left, and what is not promised.

No value of the table stands on it: names of columns, counts and measures only.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Final

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from expunge.privacy import Diversity, Measures, Release, Rules
from expunge.reporting.plots import Pair, sizes_plot

SIZES: Final = (1, 2, 5, 10, 20, 50, 100)
"""Where the lines of the figure begin."""


def render(release: Release) -> str:
    """Return the page as self-contained HTML; the same for equal releases.

    Parameters
    ----------
    release : Release
        What `expunge.privacy.generalise` returned.

    Returns
    -------
    str
    """
    pairs = shares(release.before.sizes, release.after.sizes)
    return _template().render(
        rules=in_words(release.rules),
        rows=len(release.frame),
        people=release.after.risk.people,
        suppressed=release.suppressed,
        risks=_risks(release.before, release.after),
        losses=_losses(release.before, release.after),
        attained=[(name, release.before.attained[name], one) for name, one in release.after.attained.items()],
        warnings=release.warnings,
        figure=Markup(sizes_plot(pairs, salt="sizes")),  # noqa: S704 - our own words and figures only
        alt="; ".join(f"{pair.label}: {pair.before:.1%} before, {pair.after:.1%} after" for pair in pairs),
    )


def in_words(rules: Rules) -> list[str]:
    """Say what was asked of every group.

    Examples
    --------
    >>> in_words(Rules(k=10, l=2, t=0.2))
    ['10 people or more', '2 values or more of each sensitive column', 'values no further than 0.2 from everybody (t)']
    """
    l_words = {
        Diversity.DISTINCT: f"{rules.l} values or more of each sensitive column",
        Diversity.ENTROPY: f"values as diverse as {rules.l} equally frequent ones, or more",
        Diversity.RECURSIVE: f"the most frequent value rarer than {rules.c:g} times all from number {rules.l} on",
    }
    return [
        f"{rules.k} people or more",
        *([l_words[rules.diversity]] if rules.l > 1 else []),
        *([f"values no further than {rules.t:g} from everybody (t)"] if rules.t is not None else []),
    ]


def shares(before: Mapping[int, int], after: Mapping[int, int]) -> list[Pair]:
    """Return which share of people is in groups of which size.

    Examples
    --------
    >>> shares({1: 2, 8: 1}, {10: 1})[0]
    Pair(label='alone', before=0.2, after=0.0)
    """
    ends = (*SIZES[1:], math.inf)
    pairs = []
    for low, high in zip(SIZES, ends, strict=True):
        label = "alone" if low == 1 else f"{low} or more" if high == math.inf else f"{low} to {high - 1:g}"
        found = [
            sum(size * many for size, many in sizes.items() if low <= size < high)
            / sum(size * many for size, many in sizes.items())
            for sizes in (before, after)
        ]
        pairs.append(Pair(label, *found))
    return pairs


def _risks(before: Measures, after: Measures) -> list[tuple[str, str, str]]:
    named = {
        "prosecutor": "Prosecutor, the worst: knows that the person is in the table",
        "prosecutor_mean": "Prosecutor, the mean over people",
        "journalist": "Journalist, the worst: takes the table for the whole population",
        "marketer": "Marketer: the share of people who are guessed rightly, everybody being guessed",
        "unique": "People who are alone",
    }
    return [
        (words, f"{getattr(before.risk, name):.2%}", f"{getattr(after.risk, name):.2%}")
        for name, words in named.items()
    ]


def _losses(before: Measures, after: Measures) -> list[tuple[str, str, str]]:
    columns = [
        (f"Divergence of column {name}, nats", "0", "infinite" if math.isinf(one) else f"{one:.4f}")
        for name, one in after.loss.divergence.items()
    ]
    return [
        ("Normalised certainty penalty (NCP)", f"{before.loss.ncp:.2%}", f"{after.loss.ncp:.2%}"),
        ("Discernibility", f"{before.loss.discernibility:,}", f"{after.loss.discernibility:,}"),
        *columns,
    ]


@cache
def _template() -> Template:
    source = resources.files("expunge.reporting").joinpath("generalised.html").read_text(encoding="utf-8")
    return Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True).from_string(
        source
    )
