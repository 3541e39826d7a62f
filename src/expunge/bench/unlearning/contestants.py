"""Who is judged: every method for networks, exact learners, shards, a full retraining, and one that does nothing.

Invariants
----------
- A contestant forgets what a base has learned: the task's network, or a learner. Each base has a contestant that does
  nothing and one that is trained again, which are what it was before, and the yardstick.
- What is measured in a world is a function of (task, size, world, contestant, versions), and is kept under its digest.
  What this package's own code does is not in it: after a change, measure into another folder.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from expunge.bench.timing import timed
from expunge.bench.unlearning import networks
from expunge.bench.unlearning.problems import Problem, load
from expunge.bench.unlearning.sizes import Size
from expunge.bench.unlearning.worlds import World
from expunge.errors import BudgetSpentError, CannotForgetError, NotFoundError
from expunge.learners import dump
from expunge.learners.certified import CertifiedLogisticRegression
from expunge.learners.empirical import create, method_names
from expunge.learners.empirical.history import parted
from expunge.learners.exact import BoostingClassifier, ForestClassifier, Sharded
from expunge.learners.exact.adapters.environment import environment
from expunge.learners.networks import NetworkClassifier
from expunge.verification.predictions import probabilities
from expunge.verification.shadows import Job, trained

Rows: TypeAlias = npt.NDArray[np.bool_]
Arrays: TypeAlias = dict[str, npt.NDArray[Any]]

NO_OP: Final = "no-op"
RETRAIN: Final = "retrain"
BITS: Final = (8, 4)


@dataclass(frozen=True)
class Work:
    """What a contestant is given in one world.

    Parameters
    ----------
    problem : Problem
    world : World
    size : Size
    folder : Path
        Where trained models are kept.
    """

    problem: Problem
    world: World
    size: Size
    folder: Path

    @property
    def leave(self) -> Rows:
        """Rows of who is forgotten."""
        return self.problem.leave(self.world.members)

    @property
    def learned(self) -> Rows:
        """Rows that are learned from."""
        return np.asarray(self.problem.stay | self.leave)


class Base(ABC):
    """What is learned, and asked."""

    name: str

    @abstractmethod
    def fit(self, work: Work, rows: Rows) -> Any:
        """Learn from rows."""

    @abstractmethod
    def original(self, work: Work) -> Any:
        """Return what has learned from all, as `fit` gives it."""

    @abstractmethod
    def outputs(self, work: Work, model: Any, rows: Rows) -> npt.NDArray[np.float32]:
        """Return the probabilities of all classes: (n_rows, n_classes)."""

    @abstractmethod
    def kept(self, work: Work, model: Any) -> int:
        """Return how many bytes must be kept in order to forget: rows, and what was learned."""

    def more(self, work: Work, model: Any) -> Arrays:
        """Return what else there is to know of a judged model."""
        del work, model
        return {}


class Network(Base):
    """The task's network."""

    name = "network"

    def fit(self, work: Work, rows: Rows) -> Any:
        """Train it."""
        return networks.fitted(work.problem, rows, work.world.seed, work.size)

    def original(self, work: Work) -> Any:
        """Take it up as it was trained once for all contestants."""
        (found,) = trained(partial(_trained, work), [job_of(work, "", "weights")], work.folder)
        return networks.restored(work.problem, found)

    def outputs(self, work: Work, model: Any, rows: Rows) -> npt.NDArray[np.float32]:
        """Ask it."""
        return networks.probabilities(model, work.problem.inputs[rows])

    def kept(self, work: Work, model: Any) -> int:
        """Rows and weights."""
        rows = work.problem.inputs[work.learned].nbytes
        return rows + sum(one.nbytes for one in networks.arrays(model).values())

    def more(self, work: Work, model: Any) -> Arrays:
        """Round its weights, keep them, and let it learn again what it forgot."""
        asked, found = work.problem.asked, networks.arrays(model)
        for bits in BITS:
            rounded = networks.rounded(work.problem, model, bits)
            found[f"rounded_{bits}"] = networks.probabilities(rounded, work.problem.inputs[asked])
        if work.leave.any():
            target = networks.loss(work.problem, self.original(work), work.leave)
            again = networks.restored(work.problem, found)
            found["relearned"] = np.array(
                networks.steps_to_relearn(work.problem, again, work.leave, target, work.size), np.int64
            )
        return found


def _trained(work: Work, _job: Job) -> Arrays:
    return networks.arrays(networks.fitted(work.problem, work.learned, work.world.seed, work.size))


@dataclass(frozen=True)
class Learned(Base):
    """One of our learners.

    Parameters
    ----------
    name : str
    make : callable of (Problem, Size, int), giving a Learner
        By a seed.
    """

    name: str
    make: Callable[[Problem, Size, int], Any]

    def fit(self, work: Work, rows: Rows) -> Any:
        """Fit it."""
        problem = work.problem
        learner = self.make(problem, work.size, work.world.seed)
        learner.prepare()
        return learner.fit(problem.X[rows], problem.y[rows], subjects=problem.people[rows])

    def original(self, work: Work) -> Any:
        """Fit it to all."""
        return self.fit(work, work.learned)

    def outputs(self, work: Work, model: Any, rows: Rows) -> npt.NDArray[np.float32]:
        """Ask what it serves."""
        found = probabilities(model.serve(), work.problem.X[rows], work.problem.classes)
        return found.astype(np.float32)

    def kept(self, work: Work, model: Any) -> int:
        """Its state as it is saved."""
        del work
        return len(dump(model))

    def more(self, work: Work, model: Any) -> Arrays:
        """Return its learned digest."""
        del work
        return {"digest": np.frombuffer(bytes.fromhex(model.digest()), np.uint8)}


@dataclass(frozen=True)
class Contestant(ABC):
    """Who forgets what a base has learned.

    Parameters
    ----------
    name : str
    base : Base
    """

    name: str
    base: Base

    @abstractmethod
    def forget(self, work: Work, model: Any, kept: Any) -> Any:
        """Return what is left of a model."""

    def keep(self, work: Work, model: Any) -> tuple[Any, int]:
        """Return what training kept for it beside rows and weights, and how many bytes that is."""
        del work, model
        return None, 0

    @property
    def facts(self) -> Mapping[str, str]:
        """What its result depends on beside task, size, world and versions."""
        return {}

    def measured(self, work: Work, full: bool) -> Arrays:
        """Let it forget in a world, and ask what is left.

        Returns
        -------
        dict of str to ndarray
            Probabilities for ``asked`` and ``test`` rows, and, where all of it is wanted, for ``retain`` rows;
            ``seconds`` to forget, of the processor; ``bytes``; and what the base adds.
        """
        before = self.base.original(work)
        kept, n_bytes = self.keep(work, before)
        n_bytes += self.base.kept(work, before) if full else 0
        after, seconds = timed(self.forget, work, before, kept)
        rows = {"asked": work.problem.asked, "test": work.problem.test}
        rows |= {"retain": work.problem.stay} if full else {}
        found: Arrays = {name: self.base.outputs(work, after, which) for name, which in rows.items()}
        found |= {"seconds": np.array(seconds), "bytes": np.array(n_bytes)}
        return found | (self.base.more(work, after) if full else {})


class Nothing(Contestant):
    """Who changes nothing."""

    def forget(self, work: Work, model: Any, kept: Any) -> Any:
        """Return the model."""
        del work, kept
        return model


class Again(Contestant):
    """Who learns again from those who stay."""

    def forget(self, work: Work, model: Any, kept: Any) -> Any:
        """Fit what is new."""
        del model, kept
        return self.base.fit(work, work.problem.stay)


class ByMethod(Contestant):
    """Who forgets by a method for networks, with its defaults."""

    def forget(self, work: Work, model: Any, kept: Any) -> Any:
        """Run the method."""
        leave, retain = (networks.batches(work.problem, rows, work.size) for rows in (work.leave, work.problem.stay))
        return create(self.name).forget(model, leave, retain, seed=work.world.seed, steps=kept)

    def keep(self, work: Work, model: Any) -> tuple[Any, int]:
        """Train once more with the steps kept, for a method that takes them back: it is the same training."""
        if not create(self.name).needs_steps:
            return None, 0
        history = networks.history(work.problem, work.learned, work.world.seed, work.size)
        taken = history.taken(np.flatnonzero(work.leave[work.learned]).tolist())
        return parted(model, taken), history.steps.nbytes + history.present.nbytes

    @property
    def facts(self) -> Mapping[str, str]:
        """Return its hyperparameters."""
        return {"method": repr(create(self.name))}


class ByItself(Contestant):
    """A learner that can forget."""

    def forget(self, work: Work, model: Any, kept: Any) -> Any:
        """Ask it to, up to a model that predicts; where it cannot, it learns again, as plans do."""
        del kept
        try:
            model.forget(work.problem.candidates[work.world.members].tolist())
        except (BudgetSpentError, CannotForgetError):
            model = self.base.fit(work, work.problem.stay)
        model.serve()
        return model


NETWORK: Final = Network()
LEARNERS: Final[dict[str, Callable[[Problem, Size, int], Any]]] = {
    "boosting": lambda _problem, _size, seed: BoostingClassifier(random_state=seed),
    "forest": lambda _problem, _size, seed: ForestClassifier(random_state=seed),
    "certified": lambda _problem, _size, seed: CertifiedLogisticRegression(random_state=seed),
    "sharded": lambda problem, size, seed: Sharded(
        NetworkClassifier(problem.recipe, epochs=size.epochs, batch_size=size.batch_size, random_state=seed),
        n_shards=size.shards,
        random_state=seed,
    ),
}
"""Name -> one of ours, by a seed: exact ensembles, a certified line, and the task's network in shards."""
ROWS_ONLY: Final = ("boosting", "forest", "certified")
"""Those that learn no images."""


def contestant_names() -> list[str]:
    """Return the names of all who can be judged, in the order of the leaderboard's families."""
    return [NO_OP, RETRAIN, *method_names(), *LEARNERS]


def contestant(name: str) -> Contestant:
    """Return who is judged under a name.

    Raises
    ------
    NotFoundError
        Where there is none.
    """
    if name == NO_OP:
        return Nothing(name, NETWORK)
    if name == RETRAIN:
        return Again(name, NETWORK)
    if name in LEARNERS:
        return ByItself(name, Learned(name, LEARNERS[name]))
    if name in method_names():
        return ByMethod(name, NETWORK)
    raise NotFoundError(f"there is no contestant {name!r}.", mend=f"They are: {', '.join(contestant_names())}.")


def learns(name: str, problem: Problem) -> bool:
    """Tell whether a contestant can learn a task."""
    return name not in ROWS_ONLY or problem.recipe == "perceptron"


def yardstick(base: Base) -> Contestant:
    """Return who learns again what a base has learned."""
    return Again(f"{RETRAIN} {base.name}" if base is not NETWORK else RETRAIN, base)


def untouched(base: Base) -> Contestant:
    """Return who changes nothing of what a base has learned."""
    return Nothing(f"{NO_OP} {base.name}" if base is not NETWORK else NO_OP, base)


def job_of(work: Work, name: str, what: str, **facts: str) -> Job:
    """Return what a result is known by."""
    known = {"what": what, "contestant": name, "task": work.problem.name, "seed": str(work.world.seed)}
    return Job({**known, **work.size.facts(), **environment("torch"), **facts}, work.world.members)


def measured(works: Sequence[Work], who: Contestant, full: bool, n_jobs: int) -> list[Arrays]:
    """Measure a contestant in some worlds, in parallel, but for those that were measured before."""
    jobs = [job_of(work, who.name, "measured", full=str(full), **who.facts) for work in works]
    given = {job.digest: work.world for job, work in zip(jobs, works, strict=True)}
    make = partial(_measured, works[0].problem.name, works[0].size, works[0].folder, who.name, given, full)
    return trained(make, jobs, works[0].folder, n_jobs)


def _measured(
    task: str, size: Size, folder: Path, name: str, worlds: Mapping[str, World], full: bool, job: Job
) -> Arrays:
    work = Work(_problem(task, size), worlds[job.digest], size, folder)
    return _named(name).measured(work, full)


_problem = cache(load)


def _named(name: str) -> Contestant:
    """Return a contestant by the name of its jobs: hidden ones, of a learner's own yardstick, too."""
    which, _, base = name.partition(" ")
    if not base:
        return contestant(name)
    return (Again if which == RETRAIN else Nothing)(name, Learned(base, LEARNERS[base]))
