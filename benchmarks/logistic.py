"""Time logistic regression: forgetting one person beside scikit-learn's refits, on real people.

    python benchmarks/logistic.py --out benchmarks/results/logistic.json

Adult and Diabetes-130 (EXPUNGE_DATA_DIR names the folder that holds them), the same one-hot columns and the same
penalty for everybody, the intercept's included. Sides take turns within one run, on one thread; times are the
processor's. scikit-learn is handed the finished sparse matrix, and is timed at its defaults, and to a gradient as small
as it comes by either of two solvers; each norm is noted. What forgets has its rows, and serves a model.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix, hstack
from sklearn.linear_model import LogisticRegression as Other
from threadpoolctl import threadpool_limits

from expunge.bench import results, tasks
from expunge.bench.environment import environment
from expunge.bench.tasks import Task
from expunge.bench.timing import seconds, spread, timed
from expunge.learners.encoding.codes import ONE
from expunge.learners.exact import LogisticRegression
from expunge.learners.exact.optimum import slope_at

OTHERS: dict[str, dict[str, Any]] = {
    "lbfgs, as it comes": {"max_iter": 10_000},
    "lbfgs, tol 1e-8": {"max_iter": 10_000, "tol": 1e-8},
    "newton-cg, tol 1e-8": {"solver": "newton-cg", "tol": 1e-8},
}


def matrix(learner: LogisticRegression) -> tuple[csr_matrix, npt.NDArray[np.float64]]:
    """Return what it learned from, as scikit-learn takes it: the intercept is a column, so that it is penalised."""
    state = learner.state_
    X = csr_matrix(learner.serve().encoding.encode(state.records.cells)) / ONE
    return csr_matrix(hstack([X, np.ones((X.shape[0], 1))])), state.warm.entries.target


def norm(X: csr_matrix, y: npt.NDArray[np.float64], weights: npt.NDArray[np.float64]) -> float:
    """Return the length of the gradient."""
    return float(np.linalg.norm(X.T @ (1 / (1 + np.exp(-(X @ weights))) - y) + weights))


def measure(task: Task, people: int, rounds: int) -> dict[str, Any]:
    """Forget people one by one; in turns with them, everybody refits on who is left."""
    learner, whole = timed(LogisticRegression().fit, task.X, task.y, subjects=task.people)
    leaving = np.random.default_rng(0).permutation(np.unique(task.people))[:people]
    forget, refit, work = [], [], []
    others: dict[str, list[float]] = {name: [] for name in OTHERS}
    norms: dict[str, float] = {}
    for turn in np.array_split(leaving, rounds):
        for person in turn.tolist():
            report, spent = timed(learner.forget, [person])
            work.append(report.work)
            forget.append(spent + seconds(learner.serve))
        X, y = matrix(learner)
        for name, params in OTHERS.items():
            model, spent = timed(Other(fit_intercept=False, **params).fit, X, y)
            others[name].append(spent)
            norms[name] = norm(X, y, model.coef_[0])
        stay = ~np.isin(task.people, leaving[: len(forget)])
        rest = task.where(stay)
        again, spent = timed(LogisticRegression().fit, rest.X, rest.y, subjects=rest.people)
        refit.append(spent)
        if again.digest() != learner.digest():
            raise SystemExit("what forgot is not what was refitted")
    state = learner.state_
    (problem,), (near,) = learner._problems(state.warm.entries, state), state.warm.nears
    median = {name: float(np.median(times)) for name, times in others.items()}
    mean = float(np.mean(forget))
    return {
        "rows": len(task.y),
        "coefficients": int(state.coefficients.size),
        "forgotten": len(forget),
        "equal_to_a_refit": True,
        "passes": float(np.mean([one["passes"] for one in work])),
        "escalations": sum(one["escalations"] for one in work),
        "first_fit_seconds": whole,
        "refit_seconds": float(np.median(refit)),
        "forget_seconds": spread(forget),
        "gradient_norm": slope_at(problem, near.weights).size,
        "scikit_learn": {
            name: {"seconds": median[name], "gradient_norm": norms[name], "forget_over_it": mean / median[name]}
            for name in OTHERS
        },
    }


def table(result: dict[str, Any]) -> str:
    """Return the README's table of a result."""
    rows = [("forgetting one person in `logistic`", "mean", *(f"over scikit-learn's {name}" for name in OTHERS))]
    rows.append(("---",) * len(rows[0]))
    for name, found in result["found"].items():
        ratios = (f"1 / {1 / one['forget_over_it']:.0f}" for one in found["scikit_learn"].values())
        rows.append((tasks.TITLES[name], f"{1e3 * found['forget_seconds']['mean']:.1f} ms", *ratios))
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def main() -> None:
    """Run everything and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--people", type=int, default=200, help="forgotten, in each task")
    parser.add_argument("--rounds", type=int, default=5, help="in which refits take their turns")
    given = parser.parse_args()
    with threadpool_limits(1):
        LogisticRegression().fit([[0.0], [1.0]], [0, 1]).forget([])  # kernels are compiled before they are timed
        found = {name: measure(load(), given.people, given.rounds) for name, load in tasks.REAL.items()}
    command = " ".join(["python", "benchmarks/logistic.py", *sys.argv[1:]])
    result = environment(command) | {"clock": "processor", "found": found}
    results.write(given.out.parent, given.out.stem, result)
    print(table(result))


if __name__ == "__main__":
    main()
