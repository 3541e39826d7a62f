"""`expunge model`: train, list, show, predict, export, set-replay, rotate, decide."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from expunge.access.actions import Action
from expunge.cli.options import Actor, Json, Keys, WorkspaceDir, answer, open_at, print_facts, print_table
from expunge.learners.registry import LEARNERS

if TYPE_CHECKING:
    from expunge.workspace.folder import Workspace
    from expunge.workspace.register import Model

app = typer.Typer(help="Models that can forget.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="Name of the model.")]
REPLAY = "always, sampled (a keyed choice, at the policy's rate) or on-demand."


@app.command()
def train(
    name: Name,
    *,
    workspace: WorkspaceDir,
    dataset: Annotated[str, typer.Option(help="Name of the dataset.")],
    learner: Annotated[str, typer.Option(help=f"{', '.join(LEARNERS)}; or one that another package registers.")],
    estimator: Annotated[
        str | None, typer.Option(help="What `retrained` and `sharded` wrap, such as lightgbm.LGBMClassifier.")
    ] = None,
    param: Annotated[
        list[str] | None, typer.Option(help="A hyperparameter, name=value; may be given several times.")
    ] = None,
    replay: Annotated[
        str | None, typer.Option(help=f"Are erasures replayed? {REPLAY} Default: always where a retrain takes < 60 s.")
    ] = None,
    keys: Keys = None,
    actor: Actor = None,
    as_json: Json = False,
) -> None:
    """Train a model on everybody but the held-out people, publish it, and say how good it is on those."""
    from expunge.workspace import models

    opened = open_at(workspace, keys, actor)
    params = _params([*(param or []), *([] if estimator is None else [f"estimator={estimator}"])])
    model = models.train(opened, name, dataset, learner, params, replay=replay)
    _show(opened, model, as_json=as_json)


@app.command("list")
def list_(*, workspace: WorkspaceDir, keys: Keys = None, actor: Actor = None, as_json: Json = False) -> None:
    """List the models."""
    from expunge.workspace import register

    opened = open_at(workspace, keys, actor)
    opened.authorise(Action.MODEL_LIST)
    with opened.vault.transaction() as connection:
        found = register.every(connection)
    if as_json:
        answer([model.to_dict() for model in found], as_json=True)
        return
    rows = [
        (one.name, one.learner, one.dataset, str(one.version or "retired"), str(one.subjects), str(one.records))
        for one in found
    ]
    print_table("Models", ("name", "learner", "dataset", "version", "subjects", "records"), rows)


@app.command()
def show(name: Name, *, workspace: WorkspaceDir, keys: Keys = None, actor: Actor = None, as_json: Json = False) -> None:
    """Show a model, and how good it is on held-out people."""
    from expunge.workspace import models

    opened = open_at(workspace, keys, actor)
    _show(opened, models.show(opened, name), as_json=as_json)


@app.command()
def predict(
    name: Name,
    file: Annotated[Path, typer.Argument(help="A .csv, .csv.gz or .parquet file with the model's columns.")],
    *,
    workspace: WorkspaceDir,
    out: Annotated[Path | None, typer.Option(help="Write a CSV file here instead of printing.")] = None,
    keys: Keys = None,
    actor: Actor = None,
    as_json: Json = False,
) -> None:
    """Predict for the rows of a file with the published model."""
    from expunge.datasets import read_table
    from expunge.workspace import models

    opened = open_at(workspace, keys, actor)
    answers = models.predict(opened, name, read_table(file))
    if out is not None:
        answers.to_csv(out, index=False)
    if as_json:
        answer(answers.to_dict(orient="records"), as_json=True)
    elif out is None:
        answer(None, as_json=False, text=answers.to_csv(index=False).rstrip("\n"))
    else:
        answer(None, as_json=False, text=f"Wrote {len(answers)} predictions to {out}.")


@app.command()
def export(
    name: Name,
    folder: Annotated[Path, typer.Argument(help="Folder for the two files of the model.")],
    *,
    workspace: WorkspaceDir,
    to: Annotated[str | None, typer.Option(help="The recipient whom it is for; the register notes that.")] = None,
    keys: Keys = None,
    actor: Actor = None,
    as_json: Json = False,
) -> None:
    """Write the published model out; certificates will name this copy as one that they do not reach."""
    from expunge.workspace import models

    files = models.export(open_at(workspace, keys, actor), name, folder, to)
    text = f"Wrote {' and '.join(str(folder / file) for file in files)}."
    answer({"folder": str(folder), "files": files}, as_json=as_json, text=text)


def _params(given: list[str]) -> dict[str, Any]:
    """Read ``name=value``: numbers, true, false and null as JSON spells them, all else text."""
    from expunge.errors import InputError

    found: dict[str, Any] = {}
    for one in given:
        name, equals, text = one.partition("=")
        if not (name and equals):
            raise InputError(f"{one!r} is not name=value.", mend="Give, for example, --param alpha=2.5.")
        if name in found:
            raise InputError(f"hyperparameter {name!r} is given twice.", mend="Give it once.")
        found[name] = _value(text)
        if isinstance(found[name], list | dict):
            raise InputError(f"{one!r} is not a single value.", mend="Give a number, true, false, null or text.")
    return found


def _value(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=str)  # NaN and Infinity are no JSON: text
    except ValueError:
        return text


@app.command("set-replay")
def set_replay(
    name: Name,
    replay: Annotated[str, typer.Argument(help=REPLAY)],
    *,
    workspace: WorkspaceDir,
    keys: Keys = None,
    actor: Actor = None,
    as_json: Json = False,
) -> None:
    """Say whether erasures from a model are replayed by a full retrain."""
    from expunge.workspace import models

    model = models.set_replay(open_at(workspace, keys, actor), name, replay)
    answer(model.to_dict(), as_json=as_json, text=f"Erasures from {model.name} are replayed: {model.replay}.")


@app.command()
def rotate(
    name: Annotated[str | None, typer.Argument(help="Name of the model.")] = None,
    *,
    workspace: WorkspaceDir,
    due: Annotated[bool, typer.Option("--due", help="All models whose seed is older than the policy allows.")] = False,
    keys: Keys = None,
    actor: Actor = None,
    as_json: Json = False,
) -> None:
    """Renew a model's seed by a full retrain on the people it has; the old version is destroyed."""
    from expunge.errors import InputError
    from expunge.workspace import seeds

    if (name is None) != due:
        raise InputError("name a model, or --due.", mend="Give one of the two.")
    opened = open_at(workspace, keys, actor)
    rotated = [seeds.rotate(opened, one) for one in (seeds.due(opened) if name is None else [name])]
    lines = [f"{one.name} is at version {one.version}, under seed {one.seed}." for one in rotated]
    answer([one.to_dict() for one in rotated], as_json=as_json, text="\n".join(lines) or "No model's seed is that old.")


@app.command()
def decide(
    name: Name,
    decision: Annotated[str, typer.Argument(help="accept what was lost, or retire the model.")],
    *,
    workspace: WorkspaceDir,
    batch: Annotated[str, typer.Option(help="The batch that waits, as `expunge erase` named it.")],
    keys: Keys = None,
    actor: Actor = None,
    as_json: Json = False,
) -> None:
    """Decide what becomes of a model that lost more on held-out people than the policy allows."""
    from expunge.domain.codec import write
    from expunge.erasure import guard

    found = guard.decide(open_at(workspace, keys, actor), name, batch, decision)
    text = f"{name}: {found.fate}, a drop of {found.drop}. Give `expunge erase` again to go on."
    answer(write(found), as_json=as_json, text=text)


def _show(workspace: Workspace, model: Model, *, as_json: bool) -> None:
    from expunge.workspace import models

    published = model.version is not None
    score = models.score(workspace, model.name) if published else None
    costs = models.costs(workspace, model.name) if published else None
    if as_json:
        more = {"score": score, "costs": costs}
        told = {name: None if one is None else one.to_dict() for name, one in more.items()}
        answer({**model.to_dict(), **told}, as_json=True)
        return
    facts: dict[str, object] = {
        "id": model.id,
        "learner": " ".join([model.learner, *(f"{name}={value}" for name, value in model.params.items())]),
        "dataset": model.dataset,
        "version": model.version or "retired",
        "subjects": f"{model.subjects:,}",
        "records": f"{model.records:,}",
        "replay": model.replay,
        "seed": f"{model.seed}, of {model.seeded[:10]}",
    }
    if score is not None:
        facts["held out"] = score.detail
        if "value" in score.figures:
            interval = f"{score.figures['low']} to {score.figures['high']}"
            facts[score.figures["metric"]] = f"{score.figures['value']} ({interval})"
    if costs is not None and costs.error is not None:
        facts["costs"] = f"predicted within {costs.error:.2g}x in the median, over the last {len(costs.measured)}"
    print_facts(f"Model {model.name}", facts)
