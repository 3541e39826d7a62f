"""Every method keeps the one interface, reads every hyperparameter, and does what its paper says."""

from __future__ import annotations

import copy
from dataclasses import dataclass, fields
from importlib import metadata
from typing import Any, ClassVar

import pytest
import torch
from torch import nn

from expunge.errors import InputError, NotFoundError
from expunge.learners.empirical import METHODS, Method, create, method_names, methods
from expunge.learners.empirical.history import flat, parted

OTHER: dict[str, dict[str, Any]] = {
    "ssd": {"alpha": 1.5, "lambda_": 0.1},
    "influence": {"n_iterations": 2, "n_batches": 1},
    "last-k": {"k": 2},
    "scrub": {"msteps": 1},
    "fisher": {"alpha": 1e-3, "most": 1e-4},
}
"""Another value for each hyperparameter, where half of it, or one more, would not do."""

USED: dict[str, dict[str, Any]] = {
    "ssd": {"alpha": 1.2, "lambda_": 0.5},  # among so few rows little matters five times as much to some
    "fisher": {"alpha": 1e-5},
    "bad-teacher": {"lr": 0.02},
}


def forgotten(learned: Any, method: Method, *, seed: int = 3, model: Any = None) -> Any:
    steps = parted(learned.model, learned.history.taken(range(learned.n_leaving)))
    return method.forget(model or learned.model, learned.forget, learned.retain, seed=seed, steps=steps)


@pytest.mark.parametrize("name", METHODS)
def test_the_model_handed_in_is_as_it_was_and_another_comes_back(learned: Any, name: str) -> None:
    before, drawn = copy.deepcopy(learned.model.state_dict()), torch.get_rng_state()
    after = forgotten(learned, create(name, **USED.get(name, {})))
    assert all(torch.equal(before[one], value) for one, value in learned.model.state_dict().items())
    assert torch.equal(drawn, torch.get_rng_state())
    assert not torch.equal(flat(after), flat(learned.model))
    assert not after.training
    assert all(one.requires_grad for one in after.parameters())


@pytest.mark.parametrize("name", METHODS)
def test_equal_seeds_give_equal_weights_whatever_was_drawn_before(learned: Any, name: str) -> None:
    first = forgotten(learned, create(name))
    torch.rand(5)
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert torch.equal(flat(first), flat(forgotten(learned, create(name))))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize(
    ("name", "hyperparameter"), [(n, own.name) for n, kind in METHODS.items() for own in fields(kind)]
)
def test_every_hyperparameter_changes_the_result(learned: Any, name: str, hyperparameter: str) -> None:
    used = create(name, **USED.get(name, {}))
    value = getattr(used, hyperparameter)
    guess = value + 1 if isinstance(value, int) else value / 2
    other = OTHER.get(name, {}).get(hyperparameter, guess)
    changed = create(name, **{**used.hyperparameters(), hyperparameter: other})
    assert not torch.equal(flat(forgotten(learned, used)), flat(forgotten(learned, changed)))


@pytest.mark.parametrize(
    "name", ["ascent", "neggrad", "random-labels", "amnesiac", "influence", "bad-teacher", "ssd", "salun"]
)
def test_what_works_against_who_leaves_makes_their_loss_worse(learned: Any, name: str) -> None:
    assert learned.loss(forgotten(learned, create(name, **USED.get(name, {})))) > learned.loss(learned.model)


def test_steps_are_wanted_by_amnesiac_alone(learned: Any) -> None:
    assert [name for name, kind in METHODS.items() if kind.needs_steps] == ["amnesiac"]
    with pytest.raises(InputError, match="takes back steps"):
        create("amnesiac").forget(learned.model, learned.forget, learned.retain)


@pytest.mark.parametrize("who", ["forget", "retain"])
def test_an_empty_loader_is_refused(learned: Any, who: str) -> None:
    loaders = {"forget": learned.forget, "retain": learned.retain, who: []}
    with pytest.raises(InputError, match=f"the {who} loader is empty"):
        create("neggrad").forget(learned.model, loaders["forget"], loaders["retain"])


def test_a_model_that_diverges_is_refused(learned: Any) -> None:
    with pytest.raises(InputError, match="diverged"):
        create("ascent", lr=10.0, epochs=1000).forget(learned.model, learned.forget, learned.retain)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("neggrad", {"alpha": 1.5}),
        ("neggrad", {"lr": 0.0}),
        ("neggrad", {"epochs": 0}),
        ("neggrad", {"epochs": 2.0}),
        ("neggrad", {"epochs": True}),
        ("neggrad", {"alpha": "much"}),
        ("ssd", {"alpha": float("nan")}),
        ("ssd", {"alfa": 2.0}),
    ],
)
def test_hyperparameters_out_of_bounds_are_refused(name: str, wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        create(name, **wrong)


def test_an_unknown_method_is_named_with_those_there_are() -> None:
    with pytest.raises(NotFoundError, match=r"there is no method 'sledgehammer'.*neggrad"):
        create("sledgehammer")
    assert method_names()[: len(METHODS)] == list(METHODS)


def test_more_layers_than_there_are_cannot_be_drawn_anew(learned: Any) -> None:
    with pytest.raises(InputError, match="k=3, and the network has 2 layers"):
        forgotten(learned, create("last-k", k=3))


def test_the_first_layers_stay_where_the_last_are_drawn_anew(learned: Any) -> None:
    after = forgotten(learned, create("last-k"))
    assert torch.equal(after[0].weight, learned.model[0].weight)
    assert not torch.equal(after[2].weight, learned.model[2].weight)


def test_pruned_weights_stay_at_nothing(learned: Any) -> None:
    after = forgotten(learned, create("prune", sparsity=0.75))
    weights = torch.cat([one.flatten() for one in after.parameters() if one.ndim > 1])
    assert int((weights == 0).sum()) == round(0.75 * len(weights))


def test_only_salient_weights_move(learned: Any) -> None:
    after = forgotten(learned, create("salun", threshold=0.1))
    moved = int((flat(after) != flat(learned.model)).sum())
    assert 0 < moved <= round(0.1 * len(flat(after)))


def test_dampening_makes_weights_smaller_and_none_larger(learned: Any) -> None:
    before, after = flat(learned.model).abs(), flat(forgotten(learned, create("ssd", **USED["ssd"]))).abs()
    assert bool((after <= before).all())
    assert int((after < before).sum()) > 0


def test_all_that_training_added_is_taken_back(learned: Any) -> None:
    everybody = learned.history.taken(range(240))
    begun = flat(learned.model) - torch.from_numpy(everybody)
    assert torch.allclose(begun, flat(learned.drawn()), atol=1e-5)


def test_a_parameter_of_no_layer_cannot_be_drawn_anew(learned: Any) -> None:
    loose = learned.drawn()
    loose.register_parameter("loose", nn.Parameter(torch.ones(3)))
    with pytest.raises(InputError, match="belongs to no layer"):
        forgotten(learned, create("bad-teacher"), model=loose)


def test_a_bar_is_shown_where_asked(learned: Any, capsys: pytest.CaptureFixture[str]) -> None:
    create("neggrad").forget(learned.model, learned.forget, learned.retain, progress=True)
    assert "neggrad" in capsys.readouterr().out


@dataclass(frozen=True)
class Shrink(Method):
    """Another package's, which states no bounds; its annotations are types."""

    name: ClassVar[str] = "shrink"

    times: int = 2

    def _forget(self, job: Any) -> None:
        with torch.no_grad():
            for one in job.model.parameters():
                one.mul_(0.5**self.times)


Shrink.__dataclass_fields__["times"].type = int  # as where annotations are not postponed


def test_a_method_that_states_no_bounds_keeps_its_types(learned: Any) -> None:
    assert torch.equal(flat(forgotten(learned, Shrink(3))), flat(learned.model) / 8)
    with pytest.raises(InputError, match=r"times=2\.5 is out of bounds"):
        Shrink(2.5)  # type: ignore[arg-type]


class Halve(Method):
    """Another package's: it makes every weight half as large."""

    name = "halve"

    def _forget(self, job: Any) -> None:
        with torch.no_grad():
            for one in job.model.parameters():
                one.mul_(0.5)


def test_another_packages_method_is_found_by_its_entry_point(monkeypatch: pytest.MonkeyPatch, learned: Any) -> None:
    points = [metadata.EntryPoint(name, f"{__name__}:{name}", methods.GROUP) for name in ("halve", "wrong")]
    monkeypatch.setattr(methods, "entry_points", lambda group: points if group == methods.GROUP else [])
    monkeypatch.setattr(metadata.EntryPoint, "load", lambda point: Halve if point.name == "halve" else print)
    assert method_names() == [*METHODS, "halve", "wrong"]
    assert torch.equal(flat(forgotten(learned, create("halve"))), flat(learned.model) / 2)
    with pytest.raises(InputError, match="'wrong' is registered as a method and is"):
        create("wrong")
