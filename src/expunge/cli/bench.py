"""`expunge bench`: learners, sharding, unlearning, leaderboard, report."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from expunge.cli.options import Json, answer, console
from expunge.errors import InputError

app = typer.Typer(help="How exact, fast and good the ensembles are, beside other libraries'.", no_args_is_help=True)

_NEEDED: Final = {"lightgbm": "boosting", "xgboost": "boosting", "matplotlib": "workspace"}
_Pictures = Annotated[Path, typer.Option(help="Folder for the pictures.")]


@app.command()
def learners(
    *,
    only: Annotated[str, typer.Option(metavar="PART,...", help="Parts to measure; default: all.")] = "",
    out: Annotated[Path, typer.Option(help="Folder for the results, a file for each part.")] = Path("bench-out"),
    quick: Annotated[bool, typer.Option("--quick", help="A few hundred people: to try it, not to quote it.")] = False,
    as_json: Json = False,
) -> None:
    """Measure boosting, forests and blends beside LightGBM, XGBoost, scikit-learn and SISA; hours without --quick."""
    _check_packages()
    from expunge.bench import results, runs, tables
    from expunge.bench.sizes import FULL, QUICK

    parts = chosen(only, results.PARTS)
    command = " ".join(["expunge", *sys.argv[1:]])
    files = {}
    for part, file in runs.run(parts, out, QUICK if quick else FULL, command):
        files[part] = str(file)
        if not as_json:
            console.print(f"{file}\n{tables.PARTS[part](results.read(out)[part]['found'])}", markup=False)
    answer({"results": files}, as_json=as_json) if as_json else None


@app.command()
def sharding(
    *,
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("bench-out"),
    quick: Annotated[bool, typer.Option("--quick", help="A few hundred people: to try it, not to quote it.")] = False,
    as_json: Json = False,
) -> None:
    """Measure what shards and slices of people cost in accuracy, and save in forgetting; minutes without --quick."""
    learners(only="sharding", out=out, quick=quick, as_json=as_json)


@app.command()
def unlearning(
    *,
    tasks: Annotated[
        str, typer.Option(metavar="TASK,...", help="mnist-subjects, adult-class, ...; default: all.")
    ] = "",
    methods: Annotated[str, typer.Option(metavar="METHOD,...", help="neggrad, retrain, ...; default: all.")] = "",
    seeds: Annotated[int, typer.Option(min=1, help="Models in which each method is judged.")] = 3,
    shadows: Annotated[int, typer.Option(min=6, help="Shadow models, which all methods share; even.")] = 16,
    jobs: Annotated[int, typer.Option(min=1, help="Processes.")] = os.cpu_count() or 1,
    out: Annotated[Path, typer.Option(help="Folder for the results; what was measured is not measured again.")] = Path(
        "bench-out"
    ),
    quick: Annotated[bool, typer.Option("--quick", help="A few hundred people: to try it, not to quote it.")] = False,
    as_json: Json = False,
) -> None:
    """Judge what forgets, against models that were trained again; hours for all of it.

    Shadow models, and what each method left of them, are kept in OUT/kept and taken up again after an interruption.
    They hold personal data: destroy the folder with the data; and take another one after a change of the code, which is
    not seen. OUT/unlearning.html is the leaderboard.
    """
    from dataclasses import replace

    from expunge.learners.served.boosters import load_library

    for package, extra in {"torch": "torch", "pyarrow": "parquet", "matplotlib": "workspace"}.items():
        load_library(package, extra)
    from expunge.bench.unlearning import leaderboard, records, runs
    from expunge.bench.unlearning.contestants import contestant_names
    from expunge.bench.unlearning.problems import task_names
    from expunge.bench.unlearning.sizes import FULL, QUICK

    size = QUICK if quick else replace(FULL, shadows=shadows)
    asked = chosen(methods, tuple(contestant_names()), "method")
    command = " ".join(["expunge", *sys.argv[1:]])
    files = []
    for task in chosen(tasks, tuple(task_names()), "task"):
        with console.status(task) as status:
            files.append(runs.run(task, asked, seeds, size, out, jobs, command, status.update))
    page = out / "unlearning.html"
    page.write_text(leaderboard.page(*records.read(records.found_in(out))), encoding="utf-8")
    answer(
        {"results": [str(file) for file in files], "page": str(page)},
        as_json=as_json,
        text="\n".join(map(str, [*files, page])),
    )


@app.command()
def leaderboard(
    *,
    results: Annotated[Path, typer.Option(help="Folder of results, as `bench unlearning` wrote them.")] = Path(
        "bench-out"
    ),
    out: Annotated[Path, typer.Option(help="The page.")] = Path("bench-out/unlearning.html"),
    page: Annotated[
        list[Path] | None,
        typer.Option(help="A Markdown page whose table is filled in, between its marks; may be given again."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Draw the page of `bench unlearning` again, and fill in the tables of pages."""
    from expunge.bench.unlearning import leaderboard as board
    from expunge.bench.unlearning import records

    found, about = records.read(records.found_in(results))
    out.write_text(board.page(found, about), encoding="utf-8")
    for one in page or ():
        one.write_text(board.filled(one.read_text(encoding="utf-8"), found), encoding="utf-8")
    answer({"page": str(out)}, as_json=as_json, text=str(out))


@app.command()
def report(
    *,
    results: Annotated[Path, typer.Option(help="Folder of results, as `bench learners` wrote them.")] = Path(
        "bench-out"
    ),
    pictures: _Pictures = Path("bench-out"),
    page: Annotated[
        list[Path] | None,
        typer.Option(help="A Markdown page whose tables are filled in, between its marks; may be given again."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say what was asked and what is met; draw the pictures, and fill in the tables of pages."""
    _check_packages()
    from expunge.bench import pages, plots, targets
    from expunge.bench.results import read

    found = read(results)
    if not found:
        raise InputError(
            f"{results} holds no results.", mend="Run `expunge bench learners` first, and name its folder."
        )
    drawn = plots.draw(found, pictures)
    for one in page or ():
        pages.fill(one, found, pictures)
    answer({"pictures": [str(one) for one in drawn]}, as_json=as_json, text=targets.table(found))


def chosen(only: str, parts: tuple[str, ...], what: str = "part") -> list[str]:
    """Return the parts that are asked for, in their own order; all, where nothing is said.

    Raises
    ------
    InputError
        For a name that no part has.

    Examples
    --------
    >>> chosen("growth,accuracy", ("accuracy", "forgetting", "growth"))
    ['accuracy', 'growth']
    """
    asked = {name.strip() for name in only.split(",") if name.strip()} or set(parts)
    if unknown := sorted(asked - set(parts)):
        raise InputError(f"there is no {what} {unknown[0]!r}.", mend=f"Name some of: {', '.join(parts)}.")
    return [part for part in parts if part in asked]


def _check_packages() -> None:
    """Raise one of our errors where a package is missing."""
    from expunge.learners.served.boosters import load_library

    for package, extra in _NEEDED.items():
        load_library(package, extra)
