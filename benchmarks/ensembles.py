"""Hold boosting, forests and blends against other ensembles: accuracy, fit, and forgetting beside LightGBM's refit.

    python benchmarks/ensembles.py --out benchmarks/results/ensembles.json

Adult (48,842 people) and Diabetes-130 (101,766 encounters of 71,518 people, target: back within thirty days), a fifth
of the people held out, three splits, three seeds of ours; EXPUNGE_DATA_DIR names the folder that holds them. Everybody
gets the same matrix: words as ordinal codes, diagnoses as the numbers of their ICD-9 chapters; LightGBM gets categories
too, under a name of its own. SISA is LightGBM on shards of people, the mean of whose probabilities counts; it forgets
by a refit of one shard. One thread, defaults, sides in turns. What was forgotten is compared with a refit from raw
rows by digest; bins that moved are in the times.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from lightgbm import LGBMClassifier
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.metrics import roc_auc_score
from threadpoolctl import threadpool_limits
from xgboost import XGBClassifier

from expunge.learners.exact import BlendClassifier, BoostingClassifier, ForestClassifier

SPLITS = SEEDS = range(3)
ALONE = 1_000
BATCHES = (10, 100, 1_000)
OTHERS: dict[str, Callable[[], Any]] = {
    "lightgbm": lambda: LGBMClassifier(n_jobs=1, verbose=-1),
    "lightgbm, categories": lambda: LGBMClassifier(n_jobs=1, verbose=-1),
    "xgboost": lambda: XGBClassifier(n_jobs=1),
    "hist-gradient-boosting": HistGradientBoostingClassifier,
    "extra trees": lambda: ExtraTreesClassifier(n_jobs=1),
    "random forest, leaves of 1": lambda: RandomForestClassifier(n_jobs=1),
    "random forest, leaves of 5": lambda: RandomForestClassifier(min_samples_leaf=5, n_jobs=1),
    "random forest, leaves of 20": lambda: RandomForestClassifier(min_samples_leaf=20, n_jobs=1),
}
OURS: dict[str, Any] = {"boosting": BoostingClassifier, "forest": ForestClassifier, "blend": BlendClassifier}
SHARDS = (5, 10, 20)
LIBRARIES = ("numpy", "numba", "pandas", "scikit-learn", "lightgbm", "xgboost-cpu")


def adult(folder: Path) -> tuple[pd.DataFrame, Any, Any]:
    """Return features, whether income is above 50,000, and ids."""
    frame = pd.read_csv(folder / "adult.csv.gz", keep_default_na=False)
    X = frame.drop(columns=["income", "split", "education"])
    return X, frame["income"].to_numpy().astype(int), np.arange(len(frame))


def diabetes(folder: Path) -> tuple[pd.DataFrame, Any, Any]:
    """Return features, whether somebody came back within thirty days, and whose encounter it is."""
    frame = pd.read_csv(folder / "diabetes130.csv.gz", keep_default_na=False, low_memory=False)
    X = frame.drop(columns=["readmitted", "encounter_id", "patient_nbr", "weight", "examide", "citoglipton"])
    for column in ("diag_1", "diag_2", "diag_3"):
        X[column] = X[column].map(_chapter)
    return X, (frame["readmitted"] == "<30").to_numpy().astype(int), frame["patient_nbr"].to_numpy()


def _chapter(code: str) -> float:
    if code in {"", "?"}:
        return float("nan")
    return {"V": 1000.0, "E": 1001.0}.get(code[0]) or float(code)


def seconds(work: Callable[[], Any]) -> float:
    """Return the wall time of one call."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def spread(times: Sequence[float]) -> dict[str, float]:
    """Return mean, median, p99 and maximum."""
    p50, p99 = np.percentile(times, [50, 99]).tolist()
    return {"mean": float(np.mean(times)), "median": p50, "p99": p99, "max": max(times)}


def compared(X: pd.DataFrame, y: Any, people: Any) -> dict[str, Any]:
    """Hold everybody's accuracy and fit against each other, over splits and seeds."""
    words = [column for column in X if not pd.api.types.is_numeric_dtype(X[column])]
    codes, categories = X.copy(), X.copy()
    for column in words:
        categories[column] = categories[column].astype("category")
        codes[column] = categories[column].cat.codes.astype(np.int64)
    found: dict[str, dict[str, list[float]]] = {}

    def noted(name: str, model: Any, table: pd.DataFrame, train: Any, **more: Any) -> None:
        spent = seconds(lambda: model.fit(table[train], y[train], **more))
        scored = model.predict_proba(table[~train])[:, 1] if name in OTHERS else model.decision_function(table[~train])
        entry = found.setdefault(name, {"auc": [], "fit": []})
        entry["auc"].append(float(roc_auc_score(y[~train], scored)))
        entry["fit"].append(spent)

    everybody = np.unique(people)
    for split in SPLITS:
        held_out = np.random.default_rng(split).permutation(everybody)[: len(everybody) // 5]
        train = ~np.isin(people, held_out)
        for seed in SEEDS:
            for name, kind in OURS.items():
                noted(name, kind(random_state=seed), codes, train, subjects=people[train])
            if seed == 0:
                for name, make in OTHERS.items():
                    noted(name, make(), categories if name.endswith("categories") else codes, train)
                for shards in SHARDS:
                    entry = found.setdefault(f"SISA, {shards} shards", {"auc": [], "fit": []})
                    score, each = sisa(shards, codes, y, people, train)
                    entry["auc"].append(score)
                    entry["fit"].append(each)
    whole = {
        name: {"auc": float(np.mean(own["auc"])), "fit": spread(own["fit"]), "aucs": own["auc"]}
        for name, own in found.items()
    }
    leaving = {name: forgotten(kind, codes[train], y[train], people[train]) for name, kind in OURS.items()}
    return whole | {"forgetting": leaving}


def sisa(shards: int, X: pd.DataFrame, y: Any, people: Any, train: Any) -> tuple[float, float]:
    """Return the AUC of LightGBM on shards of people, and how long one shard takes."""
    shard = np.random.default_rng(shards).integers(0, shards, people.max() + 1)[people]
    told, spent = np.zeros(int((~train).sum())), []
    for number in range(shards):
        model, own = LGBMClassifier(n_jobs=1, verbose=-1), train & (shard == number)
        spent.append(seconds(lambda model=model, own=own: model.fit(X[own], y[own])))
        told += model.predict_proba(X[~train])[:, 1]
    return float(roc_auc_score(y[~train], told)), float(np.mean(spent))


def held(state: Any, seen: set[int] | None = None) -> int:
    """Return how many bytes of arrays a state holds, rows included."""
    seen = set() if seen is None else seen
    if id(state) in seen:
        return 0
    seen.add(id(state))
    if isinstance(state, np.ndarray):
        return state.nbytes if state.base is None else held(state.base, seen)
    parts = state if isinstance(state, tuple | list) else list(getattr(state, "__dict__", {}).values())
    parts = list(state.values()) if isinstance(state, dict) else parts
    return sum(held(part, seen) for part in parts)


def forgotten(kind: Any, X: pd.DataFrame, y: Any, people: Any) -> dict[str, Any]:
    """Forget people one by one, and batches, each beside a refit of ours and one of LightGBM's."""
    ours = kind().fit(X, y, subjects=people)
    order = np.random.default_rng(3).permutation(np.unique(people)).tolist()
    alone, again, refits = [], 0, {"own": [], "lightgbm": []}
    for count, person in enumerate(order[:ALONE]):
        begin = time.perf_counter()
        work = ours.forget([person]).work
        alone.append(time.perf_counter() - begin)
        again += "rows_learned_again" in work
        if count % (ALONE // 10) == 0:
            refits["own"].append(seconds(lambda: kind().fit(X, y, subjects=people)))
            refits["lightgbm"].append(seconds(lambda: LGBMClassifier(n_jobs=1, verbose=-1).fit(X, y)))
    batches, done = {}, ALONE
    for size in BATCHES:
        batches[str(size)] = seconds(lambda who=order[done : done + size]: ours.forget(who))
        done += size
    stays = ~np.isin(people, order[:done])
    fresh = kind().fit(X[stays], y[stays], subjects=people[stays])
    return {
        "rows": len(y),
        "bytes": held(ours.state_),
        "one": spread(alone),
        "learned_again": again,
        "people": ALONE,
        "batches": batches,
        "refit": {name: spread(times) for name, times in refits.items()},
        "equal_to_a_refit": fresh.digest() == ours.digest(),
    }


def table(result: dict[str, Any]) -> str:
    """Return the lines that the README has."""
    lines = ["| what | Adult | Diabetes-130 |", "| --- | --- | --- |"]
    both = [result["adult"], result["diabetes130"]]

    def line(what: str, say: Callable[[dict[str, Any]], str]) -> None:
        lines.append(f"| {what} | {' | '.join(say(own) for own in both)} |")

    for name in OURS:
        line(f"test AUC of `{name}`", lambda own, name=name: f"{own[name]['auc']:.4f}")
    for name in OTHERS:
        line(f"test AUC of {name}", lambda own, name=name: f"{own[name]['auc']:.4f}")
    for shards in SHARDS:
        line(
            f"test AUC of SISA over LightGBM, {shards} shards",
            lambda own, of=f"SISA, {shards} shards": f"{own[of]['auc']:.4f}",
        )
    rivals = {"boosting": "lightgbm", "forest": "random forest, leaves of 5", "blend": "lightgbm"}
    for name, other in rivals.items():

        def fit(own: dict[str, Any], name: str = name, other: str = other) -> str:
            return f"{own[name]['fit']['mean'] / own[other]['fit']['mean']:.2f}x"

        line(f"`{name}`: fit, over that of {other}", fit)
    for name in OURS:

        def faster(own: dict[str, Any], which: str, name: str = name) -> str:
            found = own["forgetting"][name]
            return f"{found['refit']['lightgbm']['mean'] / found['one'][which]:,.0f}x"

        def share(own: dict[str, Any], size: int, name: str = name) -> str:
            found = own["forgetting"][name]
            return f"{found['batches'][str(size)] / found['refit']['own']['mean']:.2f}x"

        def equal(own: dict[str, Any], name: str = name) -> str:
            return "yes" if own["forgetting"][name]["equal_to_a_refit"] else "NO"

        for which, words in (("median", "median"), ("mean", "mean"), ("p99", "slowest hundredth")):
            what = f"`{name}`: LightGBM's refit, over forgetting one person, {words}"
            line(what, lambda own, which=which, faster=faster: faster(own, which))
        for size in BATCHES:
            what = f"`{name}`: forgetting {size:,} at once, over its own refit"
            line(what, lambda own, size=size, share=share: share(own, size))
        line(f"`{name}`: after all of that equal to a refit", equal)
        line(
            f"`{name}`: state in memory, rows included",
            lambda own, of=name: f"{own['forgetting'][of]['bytes'] / 1e6:.0f} MB",
        )
    for shards in SHARDS:

        def one_shard(own: dict[str, Any], of: str = f"SISA, {shards} shards") -> str:
            return f"{own['lightgbm']['fit']['mean'] / own[of]['fit']['mean']:.1f}x"

        line(f"SISA, {shards} shards: LightGBM's refit, over the refit of one shard", one_shard)
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run it and write the result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    out = parser.parse_args().out
    if "EXPUNGE_DATA_DIR" not in os.environ:
        raise SystemExit("Set EXPUNGE_DATA_DIR to the folder that holds adult.csv.gz and diabetes130.csv.gz.")
    folder = Path(os.environ["EXPUNGE_DATA_DIR"])
    rng = np.random.default_rng(0)
    for kind in OURS.values():  # compiles
        warm = kind(n_estimators=3).fit(rng.normal(size=(3000, 3)), np.arange(3000) % 2)
        for person in range(200):
            warm.forget([person])
    with threadpool_limits(1):
        result = {
            "command": f"python benchmarks/ensembles.py --out {out}",
            "date": time.strftime("%Y-%m-%d"),
            "machine": {"processor": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version()}
            | {name: metadata.version(name) for name in LIBRARIES},
            "adult": compared(*adult(folder)),
            "diabetes130": compared(*diabetes(folder)),
        }
    out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(table(result))


if __name__ == "__main__":
    main()
