# fumehood. `make demo` sets up and runs the main job; `make test` sets up and runs the tests.
#
# PYTHON       the interpreter that makes the virtual environment (3.11 or 3.12)
# TORCH_INDEX  where the CPU build of torch is looked for when your package index has none
# PYTEST_ARGS  passed on to pytest
# WORKERS      how many processes run tests at once; one more than two cores, as many tests wait

PYTHON ?= python3.11
VENV ?= .venv
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
PYTEST_ARGS ?=
WORKERS ?= 3

BIN := $(VENV)/bin
READY := $(VENV)/.ready
TORCH := $(VENV)/.torch
TESTED := $(VENV)/.tested
PDF := $(VENV)/.pdf
CONVERTERS := .venv-converters/.ready
# pip compiles 29,000 files on one core; this uses all cores. Some packages contain files for other
# versions of Python, which do not compile. Files that are compiled already are left as they are.
COMPILE := $(BIN)/python -W ignore -m compileall -qq -j 0 $(VENV)/lib tools server sandbox_template || true
# A module's tests stay on one worker; the slowest tests are printed at the end.
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder --durations 25
# mypy has one process, and the tests leave it time on two cores. ruff takes a second and goes first.
LINTED := sh scripts/beside.sh $(BIN)/mypy

.DEFAULT_GOAL := help
.PHONY: help setup demo pdf paper check test test-slow test-pods ruff lint format doctor schemas guides guide-locks bench bench-startup bench-harvest bench-train bench-transcoders bench-profile bench-growth bench-variants bench-score bench-glass bench-scaling bench-memory bench-search bench-ranking bench-pdf bench-codebases bench-packing bench-surveys bench-studies bench-long-study bench-pods bench-verdict bench-kernels-gpu redteam clean

help:  ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(TORCH): scripts/install_torch.sh | $(BIN)/python
	TORCH_INDEX="$(TORCH_INDEX)" sh scripts/install_torch.sh "$(BIN)/python"
	@touch $@

$(READY): requirements.lock pyproject.toml $(TORCH)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --no-deps -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@$(COMPILE)
	@touch $@

setup: $(READY)  ## make the virtual environment (2 to 4 minutes the first time)

demo: $(READY)  ## run the main job: an MCP client trains and benchmarks SAEs on a real language model
	$(BIN)/fumehood demo

$(PDF): requirements-pdf.lock $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements-pdf.lock
	@touch $@

pdf: $(PDF)  ## add marker-pdf, which reads papers' PDFs (half a minute; downloads no model)

$(TESTED): requirements-test.lock $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements-test.lock
	@touch $@

# Its packages ask for others than ours do, so it is an environment of its own.
$(CONVERTERS): requirements-converters.lock
	$(PYTHON) -m venv .venv-converters
	.venv-converters/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements-converters.lock
	@touch $@

# Tests start many processes, and each would compile the same modules again if none may keep them.
check test test-slow test-pods: export PYTHONDONTWRITEBYTECODE :=

check: ruff $(TESTED)  ## ruff, mypy --strict, and the tests that start no process (about a minute)
	$(LINTED) $(PYTEST) -m "not slow and not network and not gpu and not child" $(PYTEST_ARGS)

test: ruff $(TESTED)  ## run ruff, mypy --strict, and the tests that belong to every commit
	$(LINTED) $(PYTEST) -m "not slow and not network and not gpu" $(PYTEST_ARGS)

test-slow: $(TESTED) $(PDF) $(CONVERTERS)  ## run the long proofs too
	$(PYTEST) -m "not network and not gpu" $(PYTEST_ARGS)

test-pods: $(TESTED)  ## run every test of the 42 cases that can go wrong with rented GPUs (docs/gpus-cases.md)
	$(PYTEST) -m "not network and not gpu" -k test_case_ tests/tools/pods tests/tools/runs/remote tests/server $(PYTEST_ARGS)

ruff: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

lint: ruff  ## ruff and mypy --strict
	$(BIN)/mypy

format: $(READY)  ## put every file into the house style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

redteam: $(READY)  ## run every cheat and honest variant of the red team through the real pipeline
	$(BIN)/fumehood redteam

paper: $(READY)  ## train, score and report the paper's 24 variants (about an hour; goes on where it was cut short)
	$(BIN)/python examples/paper/run.py

doctor: $(READY)  ## say what is installed and what is missing
	$(BIN)/fumehood doctor

schemas: $(READY)  ## rewrite the committed tool schemas and docs/tools.md after a wanted change
	UPDATE_SCHEMAS=1 $(BIN)/python -m pytest -q tests/server -k "schemas and not page"
	$(BIN)/python scripts/tools_page.py

guides: $(READY)  ## run every block of the guides and write the records beside them
	$(BIN)/python -m fumehood_tools.guides.recording

guide-locks: $(READY)  ## renew the locks of the guides' environments; needs uv and a package index
	$(BIN)/python scripts/lock_environments.py

bench-startup: $(READY)  ## spawn -> tools/list, median of 10
	$(BIN)/python benchmarks/startup.py

bench-harvest: $(READY)  ## activations per second, against peers and this machine's limit
	$(BIN)/python benchmarks/harvest.py

bench-train: $(READY)  ## training tokens per second, against dictionary_learning, SAELens and sparsify (QUICK=1: 4 min)
	$(BIN)/python benchmarks/train.py

bench-transcoders: $(READY)  ## training of TopK transcoders, against sparsify's SparseCoder
	$(BIN)/python benchmarks/train_transcoders.py

bench-profile: $(READY)  ## where the time of a run goes, for each baseline
	$(BIN)/python benchmarks/profiling.py

bench-growth: $(READY)  ## how a TopK step grows with F and k, one thread
	$(BIN)/python benchmarks/train_growth.py

bench-variants: $(READY)  ## what a training step of every variant costs, against Standard's (QUICK=1: a third)
	$(BIN)/python benchmarks/variants.py

bench-glass: $(READY)  ## scoring behind the glass, against the same scoring in one process
	$(BIN)/python benchmarks/glass.py

bench-scaling: $(READY)  ## what the server does with 10,000 jobs and results, against 100
	$(BIN)/python benchmarks/scaling.py

bench-memory: $(READY)  ## peak memory of every process of the demo, and how it grows (QUICK=1: synthetic, 3 min)
	$(BIN)/python benchmarks/memory.py

bench-search: $(READY)  ## a search of six services against the slowest of them; the library
	$(BIN)/python benchmarks/search.py

bench-ranking: $(TESTED)  ## the keyless ranker against plain BM25, on a labelled set
	$(BIN)/python benchmarks/ranking/run.py

bench-pdf: $(READY)  ## what each reader and its peers get out of 28 labelled papers, and out of real ones
	$(BIN)/python benchmarks/pdf/run.py
	$(BIN)/python benchmarks/pdf/real.py

bench-codebases: $(READY)  ## which repository is a paper's code (SOURCES=folder of clones and sdists: real papers too)
	$(BIN)/python benchmarks/codebases/run.py $(if $(SOURCES),--sources "$(SOURCES)")

bench-packing: $(READY)  ## packing repositories, against npm's repomix, its port on PyPI and gitingest
	$(BIN)/python benchmarks/packing/run.py

bench-surveys: $(READY)  ## surveys of packages: seconds, memory, against parsing their files
	$(BIN)/python benchmarks/surveys.py

bench-studies: $(READY)  ## blank and planted studies: how often agents' strategies end with a claim
	$(BIN)/python benchmarks/blank_studies/run.py

bench-long-study: $(READY)  ## reading a study of 500 experiments, and starting a server beside it
	$(BIN)/python benchmarks/long_study.py

bench-pods: $(TESTED)  ## a queue of trainings on four pods of the stand-in, against one
	$(BIN)/python benchmarks/pods_wall.py

bench-verdict: $(READY)  ## a verdict, and the demo's first and second run (AGAINST=folder of another checkout)
	$(BIN)/python benchmarks/verdict.py $(if $(AGAINST),--against "$(AGAINST)")

bench-kernels-gpu: $(READY)  ## sparse kernels on a GPU, against their dense form (not part of bench)
	$(BIN)/python benchmarks/kernels_gpu.py

bench-score: $(READY)  ## scoring one more SAE, against sae-bench's own run
	$(BIN)/python benchmarks/score.py

bench: bench-startup bench-harvest bench-train bench-profile bench-growth bench-variants bench-score bench-glass bench-scaling bench-memory bench-search bench-ranking bench-pdf bench-codebases bench-packing bench-surveys bench-studies bench-long-study bench-pods bench-verdict bench-transcoders  ## all benchmarks

clean:  ## remove the virtual environment and build leftovers (workspaces and caches stay)
	rm -rf $(VENV) .venv-converters dist build .mypy_cache .ruff_cache .pytest_cache
