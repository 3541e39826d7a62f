"""From a verified certificate to one HTML file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from expunge.certificates import CHECKS, Verified
from expunge.certificates.release import UTILITY
from expunge.domain.certificate import Copy, Statement
from expunge.domain.cost import duration
from expunge.domain.guarantee import Empirical
from expunge.domain.plan import Method
from expunge.domain.report import Verdict
from expunge.reporting import glance, plots, words

_WHICH: Final = ("before", "after", "retrained")


@dataclass(frozen=True)
class Plot:
    """A figure: `alt` is what a screen reader says, `caption` what stands below it."""

    title: str
    alt: str
    caption: str
    svg: Markup


@dataclass(frozen=True)
class Figures:
    """What there is to see of one model; `missing` says what is not drawn, and why."""

    name: str
    plots: tuple[Plot, ...]
    missing: tuple[str, ...]


def render(verified: Verified) -> str:
    """Return the report on a verified certificate as one self-contained HTML page.

    Parameters
    ----------
    verified : Verified
        What `expunge.certificates.verify` or `verify_file` returned.

    Returns
    -------
    str
        HTML without scripts or references to other files; the same for equal certificates.

    Examples
    --------
    Verify, render, keep::

        verified = verify_file(Path("certificate.json"), Path("public.pem"))
        Path("report.html").write_text(render(verified), encoding="utf-8")
    """
    statement = verified.statement
    verification = words.verification(CHECKS, verified.checks)
    return _template().render(
        statement=statement,
        issued=words.instant(statement.issued),
        verdict="VERIFIED" if all(row.verdict == Verdict.PASSED for row in verification) else "NOT VERIFIED",
        verification=verification,
        tally=words.tally(statement),
        glance=glance.copies(statement),
        deadlines=deadline_figure(statement),
        requests=words.requests(statement),
        release=words.release(statement),
        copies=[(copy, words.facts(copy), words.checks(copy)) for copy in statement.copies],
        recipients=words.recipients(statement),
        workspace_checks=words.workspace_checks(statement),
        figures=tuple(figures(copy, number) for number, copy in enumerate(changed_models(statement.copies))),
        unusable_since=words.instant(statement.keys.unusable_since),
        checkpoint=verified.checkpoint,
    )


def changed_models(copies: tuple[Copy, ...]) -> Iterator[Copy]:
    """Yield the models that somebody left and that are models still."""
    return (copy for copy in copies if copy.kind == "model" and copy.members.left and copy.method is not Method.RETIRE)


def figures(copy: Copy, number: int) -> Figures:
    """Draw what can be drawn of a model; `number` keeps its figures apart from other models'."""
    found = words.find(copy, UTILITY)
    options = (
        (utility_figure(copy, f"utility {number}"), f"Utility: {found.verdict.value}. {found.detail}"),
        (time_figure(copy, f"time {number}"), f"Time: {words.time_taken(copy)}."),
    )
    return Figures(
        copy.name,
        tuple(plot for plot, _ in options if plot is not None),
        tuple(otherwise for plot, otherwise in options if plot is None),
    )


def deadline_figure(statement: Statement) -> Plot:
    """Draw how many days were left of the time to answer."""
    laws = glance.deadlines(statement)
    said = "; ".join(f"{own.law}: {own.text}, {_left(own.days_left[0])}" for own in laws)
    return Plot(
        "Done in time?",
        f"Dots: {said}.",
        f"{said}. Counted to the day on which the certificate was signed, for the requests in it; the letters follow. "
        "A dot is a day; it is larger where it stands for more requests.",
        Markup(plots.deadline_plot([plots.Row(own.law, own.days_left, own.text) for own in laws], salt="deadlines")),  # noqa: S704 - our own words and figures only
    )


def _left(days: int) -> str:
    if days < 0:
        return f"the latest {-days} day{'s'[: -days != 1]} after it was due"
    return f"the closest {days} day{'s'[: days != 1]} before it was due"


def utility_figure(copy: Copy, salt: str) -> Plot | None:
    """Draw the metric before, after and after a full retrain; None where the certificate has no such figures."""
    found = words.find(copy, UTILITY).figures
    values = {which: words.number(found.get(which)) for which in _WHICH}
    interval = words.number(found.get("after_low")), words.number(found.get("after_high"))
    marks = [
        plots.Mark(which, value, found[which], _pair(*interval) if which == "after" else None)
        for which, value in values.items()
        if value is not None
    ]
    if not marks:
        return None
    metric = found.get("metric", "metric")
    said = ", ".join(f"{mark.label} {mark.text}" for mark in marks)
    return Plot(
        f"Utility ({metric})",
        f"Points: {metric} {said}.",
        f"{metric} on {_held_out(found)}: {said}.{_intervals(found)} The axis does not start at nought.",
        Markup(plots.utility_plot(marks, salt=salt)),  # noqa: S704 - our own words and figures only
    )


def time_figure(copy: Copy, salt: str) -> Plot | None:
    """Draw the time taken beside a full retrain's; None where that is not known."""
    method, retrain = words.times(copy)
    if method is None or retrain is None:
        return None
    marks = [
        plots.Mark(step(copy), method, duration(method)),
        plots.Mark("full retrain", retrain, duration(retrain)),
    ]
    said = f"{marks[0].label} {marks[0].text}, full retrain {marks[1].text}"
    return Plot(
        "Time",
        f"Bars: {said}.",
        f"{said[0].upper()}{said[1:]} ({words.retrain_source(copy)}). One run each, on the operator's machine.",
        Markup(plots.time_plot(marks, salt=salt)),  # noqa: S704 - our own words and figures only
    )


def step(copy: Copy) -> str:
    """Name what took the time."""
    if isinstance(copy.guarantee, Empirical):
        return "reducing"
    return "refitting" if copy.method is Method.REFIT else "forgetting"


def _pair(low: float | None, high: float | None) -> tuple[float, float] | None:
    return None if low is None or high is None else (low, high)


def _held_out(found: dict[str, str]) -> str:
    count = words.number(found.get("held_out_subjects"))
    return "held-out people" if count is None else f"{count:,.0f} people whom the model never saw"


def _intervals(found: dict[str, str]) -> str:
    named = (("after", "After"), ("change", "Change from before to after"))
    return "".join(
        f" {label}: 95 % interval {found[f'{name}_low']} to {found[f'{name}_high']}."
        for name, label in named
        if f"{name}_low" in found and f"{name}_high" in found
    )


@cache
def _template() -> Template:
    source = resources.files("expunge.reporting").joinpath("template.html").read_text(encoding="utf-8")
    return Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True).from_string(
        source
    )
