"""How good, and how long a fit takes: everybody on the same splits by person, in turns."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score

from expunge.bench import rivals, tasks
from expunge.bench.sizes import Size
from expunge.bench.tasks import Rows, Task
from expunge.bench.timing import seconds, spread


def measure(size: Size) -> dict[str, Any]:
    """Return for each task and learner the test AUC of each split and seed, and the time to fit."""
    return {name: of_task(task, size) for name, task in tasks.loaded(tasks.ALL, size.people)}


def of_task(task: Task, size: Size) -> dict[str, Any]:
    """Hold everybody against each other on one task; returns figures of our ``own`` and of ``others``."""
    coded = task.coded()
    found: dict[str, dict[str, dict[str, list[float]]]] = {"own": {}, "others": {}}

    def note(whose: str, name: str, scored: Any, spent: float, train: Rows) -> None:
        entry = found[whose].setdefault(name, {"auc": [], "fit": []})
        entry["auc"].append(float(roc_auc_score(task.y[~train], scored)))
        entry["fit"].append(spent)

    for split in range(size.splits):
        train = task.train(split)
        y, people = task.y[train], task.people[train]
        for seed in range(size.seeds):
            for name, own in rivals.ALL.items():
                learner = own.make(random_state=seed)
                spent = seconds(learner.fit, coded.X[train], y, subjects=people)
                note("own", name, learner.decision_function(coded.X[~train]), spent, train)
            for name, make in rivals.RIVALS.items():
                table, model = task.categories if name == rivals.CATEGORIES else coded.X, make()
                spent = seconds(model.fit, table[train], y)
                note("others", name, model.predict_proba(table[~train])[:, 1], spent, train)
        for shards in rivals.SHARDS:
            note("others", f"SISA, {shards} shards", *rivals.sisa(shards, coded, train), train)
    return {
        whose: {
            name: {"auc": float(np.mean(own["auc"])), "aucs": own["auc"], "fit": spread(own["fit"])}
            for name, own in of.items()
        }
        for whose, of in found.items()
    }
