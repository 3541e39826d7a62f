"""A small network that learned two rings of people by heart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from expunge.learners.empirical.history import History, Recorder
from expunge.learners.training import Batches, pinned, train

SEED = 7


@dataclass(frozen=True, eq=False)
class Learned:
    """A trained network, its rows, who leaves (the first rows), and the steps of its training."""

    model: Any
    X: Any
    y: Any
    n_leaving: int
    history: History

    @property
    def forget(self) -> Batches:
        return Batches(self.X[: self.n_leaving], self.y[: self.n_leaving], 16)

    @property
    def retain(self) -> Batches:
        return Batches(self.X[self.n_leaving :], self.y[self.n_leaving :], 32)

    def drawn(self) -> Any:
        """Return a network of the same form as it was before training."""
        with pinned(SEED):
            return network()

    def loss(self, model: Any) -> float:
        """Of who leaves."""
        with torch.no_grad():
            found = nn.functional.cross_entropy(model(self.X[: self.n_leaving]), self.y[: self.n_leaving])
        return float(found)


def network() -> Any:
    return nn.Sequential(nn.Linear(4, 24), nn.ReLU(), nn.Linear(24, 3))


@pytest.fixture(scope="session")
def learned() -> Learned:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(240, 4)).astype(np.float32)
    y = np.digitize((X[:, :2] ** 2).sum(axis=1) + rng.normal(0, 0.5, 240), (1.0, 2.5)).astype(np.int64)
    rows = torch.from_numpy(X), torch.from_numpy(y)
    with pinned(SEED):
        model = network()
        recorder = Recorder(model, np.arange(240), 240)
        train(
            model,
            torch.optim.Adam(model.parameters(), lr=0.02),
            nn.functional.cross_entropy,
            rows,
            20,
            16,
            recorder.note,
        )
    return Learned(model.eval(), *rows, 24, recorder.history())
