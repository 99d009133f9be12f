# Every target in one line: `make help`.
SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
UV := .uv/bin/uv
CORES ?= $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
# One more than cores, since tests wait for browsers, files and other processes.
WORKERS ?= $(shell n=$$(($(CORES) + 1)); [ $$n -gt 4 ] && n=4; echo $$n)

.PHONY: all help test lint bench calibrate coverage mutation branches faults cluster lock clean
.DEFAULT_GOAL := all

all: $(VENV)/installed ## install what is missing, then run the pipeline on the shipped evidence
	$(BIN)/snakemake --cores $(CORES)

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/\1: \2/p' $(MAKEFILE_LIST)

test: $(VENV)/installed-test ## install what is missing, then lint, type-check and test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/snakemake --lint
	$(BIN)/mypy
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile \
		--no-loadscope-reorder

lint: $(VENV)/installed-test ## repair what formatters can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/snakefmt Snakefile workflow

bench: $(VENV)/installed ## time a large evidence base, and fits against peers in R (an hour)
	$(BIN)/python benchmarks/evidence_scale.py
	$(BIN)/python benchmarks/codes_scale.py
	$(BIN)/snakemake data/processed/analysis/index.json --cores 1
	$(BIN)/python benchmarks/peers/measure.py

calibrate: $(VENV)/installed ## measure anew whether the models recover what they simulate (an hour)
	$(BIN)/snakemake calibration --cores $(CORES) --forcerun merge_calibration

coverage: $(VENV)/installed ## measure coverage and bias anew over the grid of truths (an hour)
	$(BIN)/snakemake data/processed/analysis/index.json --cores 1
	$(BIN)/meta coverage --cores $(CORES)

mutation: $(VENV)/installed-quality ## measure anew which changes of estimands, gate and verdicts the tests catch (an hour)
	$(BIN)/mutmut run --max-children $(CORES) $(MODULES)
	$(BIN)/python -m tests.quality.mutation

branches: $(VENV)/installed-quality ## measure anew how much of each package's branches the tests take (an hour)
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile \
		--no-loadscope-reorder --cov --cov-report=
	$(BIN)/coverage json --quiet -o docs/branches.full.json
	$(BIN)/python -m tests.quality.branches docs/branches.full.json
	rm docs/branches.full.json

faults: $(VENV)/installed-test ## kill, cut short, fill up and damage small runs; writes docs/faults.md (as root: all of it)
	folder=$$(mktemp -d) && $(BIN)/python -m tests.faults --folder $$folder && rm -rf $$folder

cluster: $(VENV)/installed-cluster ## run a grid on a Slurm started here, and lose a node (needs slurm-wlm, munge)
	REQUIRE_SLURM=1 $(BIN)/python -m pytest tests/cluster

lock: $(UV) ## resolve dependencies anew into the hashed lock files
	$(UV) pip compile pyproject.toml --universal --generate-hashes --python-version 3.13 \
		--no-emit-index-url --no-annotate --no-header -q -o requirements.lock
	$(UV) pip compile pyproject.toml --extra test -c requirements.lock --universal \
		--generate-hashes --python-version 3.13 --no-emit-index-url --no-annotate --no-header -q \
		-o requirements-test.lock
	$(UV) pip compile pyproject.toml --extra cluster -c requirements-test.lock --universal \
		--generate-hashes --python-version 3.13 --no-emit-index-url --no-annotate --no-header -q \
		-o requirements-cluster.lock

	$(UV) pip compile pyproject.toml --extra test --extra quality -c requirements-test.lock \
		--universal --generate-hashes --python-version 3.13 --no-emit-index-url --no-annotate \
		--no-header -q -o requirements-quality.lock

clean: ## remove results (never data/raw)
	rm -rf data/processed/* reports/* logs .snakemake
	touch data/processed/.gitkeep reports/.gitkeep

# uv makes the environment: it finds (or fetches) the Python of .python-version. Where uv is not
# installed it is put into .uv, with whatever python3 has pip: that of an active environment may not.
$(UV):
	@if command -v uv >/dev/null 2>&1; then mkdir -p .uv/bin && ln -sf "$$(command -v uv)" $(UV); \
	else for python in python3 /usr/bin/python3 /usr/local/bin/python3 ""; do \
		if [ -z "$$python" ]; then \
			echo "no python3 here has pip, nor is there uv: install either, then run make again" >&2; \
			exit 1; fi; \
		if "$$python" -m pip --version >/dev/null 2>&1; then break; fi; done; \
	"$$python" -m pip install --quiet --disable-pip-version-check --upgrade --target .uv \
		--require-hashes -r requirements-uv.lock; fi

$(VENV)/installed: requirements.lock pyproject.toml .python-version | $(UV)
	$(UV) venv --quiet --allow-existing $(VENV)
	$(UV) pip sync --quiet --python $(VENV) --require-hashes --compile-bytecode requirements.lock
	$(UV) pip install --quiet --python $(VENV) --no-deps --no-build-isolation --editable .
	rm -f $(VENV)/installed-test $(VENV)/installed-cluster $(VENV)/installed-quality
	touch $@

$(VENV)/installed-test: requirements-test.lock $(VENV)/installed
	$(UV) pip install --quiet --python $(VENV) --require-hashes --compile-bytecode \
		-r requirements-test.lock
	touch $@

$(VENV)/installed-cluster: requirements-cluster.lock $(VENV)/installed-test
	$(UV) pip install --quiet --python $(VENV) --require-hashes --compile-bytecode \
		-r requirements-cluster.lock
	touch $@

$(VENV)/installed-quality: requirements-quality.lock $(VENV)/installed-test
	$(UV) pip install --quiet --python $(VENV) --require-hashes --compile-bytecode \
		-r requirements-quality.lock
	touch $@
