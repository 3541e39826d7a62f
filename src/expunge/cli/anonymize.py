"""`expunge anonymize`: a table in which nobody stands out by what others may know of them."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from expunge.cli.options import Json, answer, print_facts, print_table
from expunge.errors import InputError

if TYPE_CHECKING:
    from expunge.datasets import Table
    from expunge.privacy import Release

DIVERSITIES = "distinct|entropy|recursive"


def anonymize(
    file: Annotated[Path, typer.Argument(metavar="IN", help="A .csv, .csv.gz or .parquet file.")],
    *,
    subject: Annotated[str, typer.Option(help="Column that says whose record a row is; never published.")],
    quasi: Annotated[str, typer.Option(metavar="COL,...", help="Columns that others may know of a person.")],
    sensitive: Annotated[
        str,
        typer.Option(metavar="COL,...", help="Columns that nobody should learn of a person; published as they are."),
    ] = "",
    k: Annotated[int, typer.Option(help="People who look alike, at least.")],
    l: Annotated[int, typer.Option(help="Sensitive values that they have, at least.")] = 1,  # noqa: E741
    diversity: Annotated[str, typer.Option(metavar=DIVERSITIES, help="How l counts values.")] = "distinct",
    c: Annotated[
        float, typer.Option(help="Of recursive: the most frequent value is rarer than c times the tail.")
    ] = 3.0,
    t: Annotated[
        float | None, typer.Option(help="Greatest distance of their sensitive values from everybody's, 0 to 1.")
    ] = None,
    suppress: Annotated[float, typer.Option(help="Share of people who may be left out.")] = 0.0,
    hierarchy: Annotated[
        list[str] | None,
        typer.Option(metavar="COL=FILE", help="Lines of leaf,parent,grandparent...; may be repeated."),
    ] = None,
    order: Annotated[
        list[str] | None, typer.Option(metavar="COL=LOW,...,HIGH", help="Categories in order; may be repeated.")
    ] = None,
    category: Annotated[str, typer.Option(metavar="COL,...", help="Columns whose numbers are names.")] = "",
    earlier: Annotated[
        list[Path] | None,
        typer.Option(
            help="Groups of an earlier release, as --groups wrote them; may be repeated. Refused where the two "
            "together leave anybody among fewer than k."
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="The .csv file to write.")],
    groups: Annotated[
        Path | None,
        typer.Option(help="Also write who is in which group: personal data, to be kept for the next release."),
    ] = None,
    report: Annotated[Path | None, typer.Option(help="Also write an HTML page of the measures.")] = None,
    as_json: Json = False,
) -> None:
    """Generalise a table until at least k people look alike in what others may know; all else is left out.

    Such a table is still about people. None of them is erased by it.
    """
    from expunge.privacy import Diversity, Rules, generalise
    from expunge.vault.store import write_atomically, write_new

    if out.suffix != ".csv":
        raise InputError(f"{out} is no .csv file.", mend="Name one.")
    places = [path.resolve() for path in (file, out, groups, report) if path]
    if len(set(places)) < len(places):
        raise InputError("two of the files are the same.", mend="Give every file a name of its own.")
    if diversity not in set(Diversity):
        raise InputError(f"there is no diversity {diversity!r}.", mend=f"There are {DIVERSITIES}.")
    rules = Rules(k=k, l=l, diversity=Diversity(diversity), c=c, t=t, suppress=suppress)
    trees = {name: _hierarchy(Path(text)) for name, text in _pairs(hierarchy, "--hierarchy COL=FILE")}
    orders = {name: _listed(text) for name, text in _pairs(order, "--order COL=LOW,...,HIGH")}
    before = [_groups(path) for path in earlier or []]
    names = _listed(quasi), _listed(sensitive)
    table = _read(file, subject, *names, categories=[*_listed(category), *trees, *orders])
    release = generalise(
        table.frame,
        rules,
        subjects=table.subjects,
        quasi=names[0],
        sensitive=names[1],
        hierarchies=trees,
        orders=orders,
    )
    _check_earlier(release, before)
    if report:
        from expunge.reporting.generalised import render

        page = render(release).encode()
    if groups:
        write_new(groups, _groups_file(release))
    if report:
        write_atomically(report, page)
    write_atomically(out, release.to_csv())
    for warning in release.warnings:
        print(f"expunge: {warning}", file=sys.stderr)
    if as_json:
        answer(to_dict(release, out), as_json=True)
    else:
        _print(release, out)


def to_dict(release: Release, out: Path) -> dict[str, Any]:
    """Return what was done, as JSON knows it."""
    return {
        "out": str(out),
        "rows": len(release.frame),
        "suppressed": release.suppressed,
        "before": release.before.to_dict(),
        "after": release.after.to_dict(),
        "warnings": list(release.warnings),
    }


def _listed(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _pairs(texts: Sequence[str] | None, form: str) -> list[tuple[str, str]]:
    found = [text.partition("=") for text in texts or []]
    for name, equals, value in found:
        if not (name and equals and value):
            raise InputError(f"{name + equals + value!r} declares nothing.", mend=f"Write it as {form}.")
    if len({name for name, _, _ in found}) < len(found):
        raise InputError("a column is declared twice.", mend="Say one thing of each.")
    return [(name, value) for name, _, value in found]


def _hierarchy(path: Path) -> Any:
    from expunge.privacy import read_hierarchy

    return read_hierarchy(_text(path))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read as text: {error}.", mend="Give a readable UTF-8 file.") from error


def _read(
    file: Path, subject: str, quasi: Sequence[str], sensitive: Sequence[str], *, categories: Sequence[str]
) -> Table:
    """Read the columns that are named, and nothing else."""
    from expunge.datasets import checked, declare, read_table

    for name in quasi:
        if name in sensitive:
            raise InputError(
                f"column {name!r} is said to be quasi-identifying and sensitive.",
                mend="Who may know it of a person, finds the person by it: call it quasi-identifying.",
            )
    raw = read_table(file)
    for column in raw.columns:
        if column.name in {*quasi, *sensitive} - {*categories} and column.numeric.any() and not column.numeric.all():
            odd = column.cells[int(column.numeric.argmin())]
            raise InputError(
                f"column {column.name!r} holds numbers and texts, {odd!r} say.",
                mend=f"Correct the cells, or take all for texts: --category {column.name}.",
            )
    roles = [f"{name}=quasi-identifier" for name in quasi] + [f"{name}=sensitive" for name in sensitive]
    roles += [f"{name}=categorical" for name in dict.fromkeys(categories)]
    named = {subject, *quasi, *sensitive, *categories}
    roles += [f"{name}=ignored" for name in dict.fromkeys(raw.names) if name not in named]
    return checked(raw, declare(raw.names, subject=subject, roles=roles))


def _groups_file(release: Release) -> bytes:
    return json.dumps({"k": release.rules.k, "groups": [list(one) for one in release.groups.items()]}).encode()


def _groups(path: Path) -> tuple[str, int, dict[Any, int]]:
    """Read what `--groups` wrote: what to call it, k, and everybody's group."""
    text = _text(path)
    try:
        found = json.loads(text)
        return path.name, int(found["k"]), {person: int(group) for person, group in found["groups"]}
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(f"{path} is no file of groups.", mend="Give one that --groups wrote.") from error


def _check_earlier(release: Release, earlier: Sequence[tuple[str, int, dict[Any, int]]]) -> None:
    from expunge.privacy import overlap

    for name, k, groups in earlier:
        found = overlap(groups, release.groups, min(k, release.rules.k))
        if not found.people:
            raise InputError(f"{name} and this table have nobody in common.", mend="Check the column of subjects.")
        if not found.holds:
            raise InputError(
                f"with the release of {name}, {found.exposed:,} of {found.people:,} people are among fewer than "
                f"{found.k}: of some, among {found.smallest}. Nothing was written.",
                mend="Publish the earlier one again, with the same columns and rules, or ask for a larger k.",
            )


def _print(release: Release, out: Path) -> None:
    before, after = release.before, release.after
    print_facts(
        f"Wrote {out}",
        {
            "rows": f"{len(release.frame):,}",
            "people": f"{after.risk.people:,}, {release.suppressed:,} left out",
            "groups": f"{after.risk.groups:,}, the smallest of {after.risk.smallest:,} people",
            "lost (NCP)": f"{after.loss.ncp:.1%} of what the columns {', '.join(after.loss.divergence)} told",
        },
    )
    rows = [
        (name, f"{getattr(before.risk, field):.2%}", f"{getattr(after.risk, field):.2%}")
        for name, field in (
            ("prosecutor, worst", "prosecutor"),
            ("prosecutor, mean", "prosecutor_mean"),
            ("journalist, the table being the population", "journalist"),
            ("marketer", "marketer"),
            ("people who are alone", "unique"),
        )
    ]
    print_table("Risk of being picked out by these columns", ("who tries", "before", "after"), rows)
    if after.attained:
        print_table(
            "In every group",
            ("sensitive column", "values, at least", "as diverse as, at least", "distance (t), at most"),
            [
                (name, str(one.distinct), f"{one.entropy:.2f} equal ones", f"{one.t:.3f}")
                for name, one in after.attained.items()
            ],
        )
    answer(
        None,
        as_json=False,
        text="This is still data about people, and nobody was erased. It holds against who knows these columns and no "
        "other; it does not hold against who knows a sensitive value, or holds another release.",
    )
