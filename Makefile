# Everything runs from a bare machine with Python (>= 3.11) and make: each target does its own set-up.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
TORCH := $(VENV)/.torch

.PHONY: help install demo test soak check bench docs lock clean

help: ## Show this help
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

install: $(TORCH) ## Create .venv with the pinned development install

$(READY): requirements-dev.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $(READY)

$(TORCH): $(READY) requirements-torch.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-torch.lock
	touch $(TORCH)

demo: $(READY) ## Erase 22 real people from five models and certify it, into demo-out/
	$(BIN)/expunge demo --out demo-out

test: $(TORCH) ## Run the test suite
	$(BIN)/python -m pytest -n 4 --dist worksteal

soak: $(TORCH) ## Run the slow endurance tests
	$(BIN)/python -m pytest -m soak

check: $(READY) ## Lint, format, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(READY) ## Time the learners and the office (EXPUNGE_DATA_DIR); writes benchmarks/results/
	$(BIN)/python benchmarks/learners.py --out benchmarks/results/learners.json
	$(BIN)/python benchmarks/logistic.py --out benchmarks/results/logistic.json
	$(BIN)/expunge bench learners --out benchmarks/results/ensembles
	$(BIN)/expunge bench report --results benchmarks/results/ensembles --pictures docs/images/bench \
	  --page README.md --page docs/benchmark.md --page docs/guides/sharding.md
	$(BIN)/python benchmarks/office.py --out benchmarks/results/office.json --repeats 3
	$(BIN)/python benchmarks/planner.py --out benchmarks/results/planner.json

docs: $(READY) ## Build the documentation site into docs/_build; a warning is an error
	$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build

lock: ## Pin the development install anew, but for PyTorch, whose builds are many (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --extra demo --extra onnx --extra parquet \
	  --group dev pyproject.toml -o requirements-dev.lock

clean: ## Remove what the other targets made
	rm -rf $(VENV) demo-out docs/_build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
