"""Extractors of features: what a name stands for."""

from __future__ import annotations

from importlib import metadata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expunge.errors import InputError, NotFoundError
from expunge.learners import extractors
from expunge.learners.extractors import Extractor

SAME = Extractor("same", lambda inputs: inputs)


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that a test adds stays."""
    monkeypatch.setattr(extractors, "_added", {})


def test_an_extractor_is_found_once_it_was_added() -> None:
    with pytest.raises(NotFoundError, match=r"no extractor 'same'.*fourier"):
        extractors.find("same")
    extractors.add(SAME)
    extractors.add(SAME)
    assert extractors.find("same") is SAME


@pytest.mark.parametrize("name", ["same", "fourier"])
def test_a_name_stands_for_one_extractor(name: str) -> None:
    extractors.add(SAME)
    with pytest.raises(InputError, match=f"another extractor '{name}'"):
        extractors.add(Extractor(name, np.abs))


def test_other_packages_register_extractors(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [
        metadata.EntryPoint("same", f"{__name__}:SAME", extractors.GROUP),
        metadata.EntryPoint("crooked", f"{__name__}:SAME", extractors.GROUP),
        metadata.EntryPoint("none", "builtins:print", extractors.GROUP),
    ]
    monkeypatch.setattr(extractors, "entry_points", lambda group: points if group == extractors.GROUP else [])
    monkeypatch.setattr(metadata.EntryPoint, "load", lambda point: SAME if "SAME" in point.value else print)
    assert extractors.find("same") == SAME
    for name in ("crooked", "none"):
        with pytest.raises(InputError, match=f"'{name}' is registered as an extractor and is"):
            extractors.find(name)


@pytest.mark.parametrize(
    "wrong", [lambda inputs: inputs[1:], lambda inputs: inputs[:, 0], lambda inputs: inputs + np.nan]
)
def test_what_gives_no_features_is_refused(wrong: object) -> None:
    with pytest.raises(InputError, match="finite features"):
        Extractor("wrong", wrong).features(np.ones((3, 2)))  # type: ignore[arg-type]


@given(st.integers(0, 2**32), st.floats(0.01, 1e6))
@settings(max_examples=50, deadline=None)
def test_no_feature_is_longer_than_one_and_rows_are_by_themselves(seed: int, scale: float) -> None:
    inputs = scale * np.random.default_rng(seed).normal(size=(9, 4))
    for extractor in (extractors.find("fourier"), SAME):
        found = extractor.features(inputs)
        assert (np.linalg.norm(found, axis=1) <= 1 + 1e-12).all()
        assert extractor.features(inputs[3:4]) == pytest.approx(found[3:4], abs=1e-9)


def test_fourier_features_are_a_gaussian_kernel() -> None:
    """Rahimi and Recht 2007: inner products are near exp(-|x - y|^2 / 4) / 2, the waves having variance 1/2."""
    inputs = np.random.default_rng(0).uniform(-1, 1, (40, 3))
    found = extractors.find("fourier").features(inputs)
    wanted = np.exp(-((inputs[:, None] - inputs[None]) ** 2).sum(axis=2) / 4) / 2
    assert np.abs(found @ found.T - wanted).max() < 0.2
