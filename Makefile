# Python 3.11 or newer with venv and pip, and make, are all that is needed; the first run installs into .venv.
ifeq ($(OS),Windows_NT)
PYTHON ?= python
BIN := .venv/Scripts
else
PYTHON ?= python3
BIN := .venv/bin
endif
# What the lab's page is built of.
WEB := $(shell find src/pellucid/lab/web -name node_modules -prune -o -type f -not -path '*/tests/*' -print)

CATALOGUE := src/pellucid/locale/zh/LC_MESSAGES/pellucid.po
FUZZERS := networks readers

.DEFAULT_GOAL := help
.PHONY: help demo lab test exhaustive lint lint-types lint-rest test-page strings memcheck xla fuzz walk oldest gallery looks bench repeat docs docs-check clean

help:
	@echo "make demo    train a network on handwritten digits and look through it"
	@echo "make lab     watch networks in the browser, while they train"
	@echo "make test    run the linters and the tests, each with some of its cases, another day with others"
	@echo "make exhaustive run the tests with all of their cases: an hour"
	@echo "make lint    run the linters alone: ruff, mypy, import-linter, svelte-check"
	@echo "make strings bring the catalogue of messages up to date with the sources"
	@echo "make memcheck run compiled programs under valgrind, if it is installed"
	@echo "make fuzz    train random networks on both engines, and read damaged files, until it is stopped"
	@echo "make walk    walk through the lab at random, play all lessons, click through all tasks: half an hour"
	@echo "make oldest  run the tests with the oldest version of every dependency that is allowed"
	@echo "make xla     hold the XLA engine to the reference engine, and train in several processes: an hour"
	@echo "make gallery draw the figures of docs/gallery.md"
	@echo "make looks   take pictures of the lab at all sizes into build/looks, and say what is wrong in them: an hour"
	@echo "make bench   measure against PyTorch, JAX and ONNX Runtime, where they are installed"
	@echo "make repeat  run the short experiments with every instruction set of this CPU, and compare their weights, to the bit"
	@echo "make docs    build the site, into site/: the guide, the how-to pages, the reference"
	@echo "make docs-check look at the built site in Chromium: axe, links, narrow windows"
	@echo "make clean   remove the environment and everything that tools left behind"

demo: .venv/installed
	$(BIN)/pellucid demo --force

lab: .venv/installed-lab
	$(BIN)/pellucid lab

# The built page is what the browser tests look at. Two workers, so one thread each: more would wait for each other. Each
# takes half of the tests, in their order, so that what the tests of a file share is made once.
test: .venv/installed-dev
	@$(MAKE) -j2 lint-types test-page
	OPENBLAS_NUM_THREADS=1 PELLUCID_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal

exhaustive: .venv/installed-dev
	$(BIN)/python hatch_build.py build
	PELLUCID_TESTS=all OPENBLAS_NUM_THREADS=1 PELLUCID_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal

# mypy takes as long as all the rest.
lint: .venv/installed-dev
	@$(MAKE) -j2 lint-types lint-rest

lint-types: .venv/installed-dev
	$(BIN)/mypy

lint-rest: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/python hatch_build.py check

test-page: lint-rest
	$(BIN)/python hatch_build.py build test

# Messages that are new wait there without a translation, which a test finds; those that nobody uses any more are gone.
strings: .venv/installed-dev
	@mkdir -p build
	$(BIN)/pybabel -q extract -F pyproject.toml --ignore-dirs node_modules --add-location=file --no-wrap \
	  -o build/pellucid.pot src/pellucid
	$(BIN)/pybabel -q update -i build/pellucid.pot -o $(CATALOGUE) -l zh_Hans --no-wrap --no-fuzzy-matching \
	  --ignore-obsolete --ignore-pot-creation-date

memcheck: .venv/installed-dev
	$(BIN)/python -m benchmarks.memcheck

# In turn, each from another seed every time; 0 is no fault, 1 a fault, more a stop.
fuzz: .venv/installed-dev
	@while :; do for what in $(FUZZERS); do \
	  OPENBLAS_NUM_THREADS=1 $(BIN)/python -m tests.fuzzing.$$what --count 0 --seed $$(date +%s) --seconds 600 --jobs 2; \
	  [ $$? -le 1 ] || exit 1; \
	done; done

# The numbers on the page are held to Python's wherever the walk leads.
walk: .venv/installed-dev
	$(BIN)/python hatch_build.py build
	PELLUCID_LAB=long PELLUCID_SEEDS=3 OPENBLAS_NUM_THREADS=1 PELLUCID_THREADS=1 $(BIN)/python -m pytest -s \
	  tests/lab/browser/test_walk.py tests/lab/browser/test_clicks.py tests/lab/browser/test_lessons.py

oldest: .venv-oldest/installed
	$(subst .venv,.venv-oldest,$(BIN))/python hatch_build.py build test
	OPENBLAS_NUM_THREADS=1 PELLUCID_THREADS=1 $(subst .venv,.venv-oldest,$(BIN))/python -m pytest -n 2 --dist worksteal
xla: .venv/installed-dev
	PELLUCID_XLA=all OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest tests/engines/xla
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m tests.fuzzing.xla_networks --count 500 --seed 0 --jobs 2

gallery: .venv/installed-dev
	$(BIN)/python -m tests.plots.gallery docs/gallery

# Findings are printed, and stand in build/looks/findings.txt.
looks: .venv/installed-dev
	$(BIN)/python hatch_build.py build
	OPENBLAS_NUM_THREADS=1 PELLUCID_THREADS=1 $(BIN)/python -m tests.lab.browser.looks build/looks

bench: .venv/installed
	$(BIN)/pellucid bench --json bench.json --plot bench.png

repeat: .venv/installed-dev
	$(BIN)/python -m tests.experiments.digests --targets

# Offline once it was installed: KaTeX is fetched the first time. Every warning is an error.
docs: .venv/installed-docs
	OPENBLAS_NUM_THREADS=1 $(BIN)/python docs/site/build.py

docs-check: .venv/installed-dev
	$(BIN)/python docs/site/check.py

clean:
	rm -rf src/pellucid/lab/assets src/pellucid/lab/web/node_modules
	rm -rf .venv .venv-oldest .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache build dist site bench.json bench.png pellucid-demo.safetensors

.venv/pyvenv.cfg:
	$(PYTHON) -m venv .venv

# The stamps make repeats quick: pip runs again only when something of these is newer. Only the lab needs the page at the
# installation, and with it node; the tests build it themselves.
.venv/installed .venv/installed-dev: export PELLUCID_PAGE = off
.venv/installed-docs: export PELLUCID_PAGE = off

.venv/installed: pyproject.toml hatch_build.py | .venv/pyvenv.cfg
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

.venv/installed-lab: pyproject.toml hatch_build.py $(WEB) | .venv/pyvenv.cfg
	$(BIN)/python -m pip install --quiet --editable .
	@touch .venv/installed $@

.venv/installed-dev: pyproject.toml hatch_build.py | .venv/pyvenv.cfg
	$(BIN)/python -m pip install --quiet --editable ".[test,dev]"
	@touch .venv/installed $@

.venv/installed-docs: pyproject.toml hatch_build.py | .venv/pyvenv.cfg
	$(BIN)/python -m pip install --quiet --editable ".[docs]"
	@touch .venv/installed $@

.venv-oldest/installed: export PELLUCID_PAGE = off
.venv-oldest/installed: pyproject.toml hatch_build.py
	$(PYTHON) -m venv --clear .venv-oldest
	@mkdir -p build
	$(PYTHON) -m tests.oldest > build/oldest.txt
	$(subst .venv,.venv-oldest,$(BIN))/python -m pip install --quiet --constraint build/oldest.txt \
	  --editable ".[test,notebook,onnx,sheet,xla]"
	@touch $@
