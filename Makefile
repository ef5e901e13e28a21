# The commands of this project; `make help` lists them. All can be repeated: what is done already is not done again.
#
#   PYTHON       the Python that makes .venv                      (default: python3; 3.11 or newer)
#   ARGS         passed on to streamlit by make run and serve, to the script by make warm, openings, embed, bench, reliability, fuzz,
#                load and pins
#   PROMPTS      the file of prompts that make embed reads        (default: the lessons' own)
#   DEVICE       what make bench measures on: cpu or cuda         (default: cpu)
#   PARALLEL     how the tests are spread over processes        (PARALLEL= for one after the other)
#   PYTEST_ARGS  passed on to pytest                              (e.g. PYTEST_ARGS="tests/test_media.py -x")

PYTHON ?= python3
ARGS ?=
DEVICE ?= cpu
PROMPTS ?=
PYTEST_ARGS ?=
PARALLEL ?= --numprocesses auto --dist loadfile --no-loadscope-reorder

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
RUNTIME := $(VENV)/.runtime-installed
DEV := $(VENV)/.dev-installed
CLUSTER := $(VENV)/.cluster-installed

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install run serve warm openings embed test journeys firefox-test cluster-test claims bench if-rehearsal reliability fuzz load lint format pins screenshots clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(RUNTIME) ## install what the app needs, and no more

run: $(RUNTIME) ## open the app in a browser (the first time: install what it needs)
	@$(BIN)/python -m streamlit run streamlit_app.py $(ARGS)

serve: $(RUNTIME) ## serve the app to a class, behind a proxy (settings: docs/hosting.md)
	@$(BIN)/python -m scripts.serve $(ARGS)

warm: $(RUNTIME) ## compute what the lessons open with, before a class comes
	@$(BIN)/python -m scripts.warm $(ARGS)

openings: $(RUNTIME) ## compute anew what ships of the lessons' openings: after a change of the model or of what they open with
	@$(BIN)/python -m scripts.openings $(ARGS)

embed: $(RUNTIME) ## embed the prompts in PROMPTS=file, one a line, before a class comes (for DeepFloyd IF: docs/hosting.md)
	@$(BIN)/python -m scripts.embed $(PROMPTS) $(ARGS)

test: $(DEV) ## run the tests; with chromium, those in a real browser too
	@if ./scripts/ensure_chromium.sh; \
	then $(BIN)/python -m pytest $(PARALLEL) -m "not journey and not claims and not cluster and not firefox" $(PYTEST_ARGS); \
	else $(BIN)/python -m pytest $(PARALLEL) -m "not browser and not journey and not claims and not cluster and not firefox" $(PYTEST_ARGS); fi

journeys: $(DEV) ## run the tests that take the long way: minutes each, most in a browser; before a release
	@./scripts/ensure_chromium.sh && $(BIN)/python -m pytest $(PARALLEL) -m journey $(PYTEST_ARGS)

firefox-test: $(DEV) ## run the tests in Firefox, about what its protections of privacy do to a page (needs firefox-esr)
	@$(BIN)/python -m pytest -m firefox tests/browser $(PYTEST_ARGS)

cluster-test: $(DEV) $(CLUSTER) ## run the tests of computing in a Ray cluster, on a small one that they start themselves
	@$(BIN)/python -m pytest -m cluster tests/compute $(PYTEST_ARGS)

claims: $(DEV) ## check the numbers that the prose quotes against the model: after replacing its weights
	@$(BIN)/python -m pytest $(PARALLEL) -m claims $(PYTEST_ARGS)

bench: $(DEV) ## measure what is fast, as ratios side by side (docs/performance.md)
	@$(BIN)/python -m scripts.measure.bench --device $(DEVICE) $(ARGS)

if-rehearsal: $(DEV) ## rehearse DeepFloyd IF with random weights of its smallest size: memory, times, all lessons
	@$(BIN)/python -m scripts.measure.if_rehearsal $(ARGS)

reliability: $(DEV) ## measure what the computing withstands: rushes, kills, full disks, bad files
	@$(BIN)/python -m scripts.measure.reliability $(ARGS)

fuzz: $(DEV) ## send damaged pictures through the upload gate for ten minutes (ARGS="--minutes 1" for one)
	@$(BIN)/python -m scripts.measure.fuzz_uploads $(ARGS)

load: $(DEV) ## send a class of 100 to a server of its own for ten minutes, and measure how long they wait
	@$(BIN)/python -m scripts.measure.load_class $(ARGS)

lint: $(DEV) ## check style, layout and types; of the pages' scripts, too, where Node is installed
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/python -m scripts.lint_js

format: $(DEV) ## lay the code out, and mend what can be mended by itself
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

screenshots: $(DEV) ## take pictures of every page, light and dark, at three sizes, into screenshots/ (ARGS=--readme: the README's)
	@./scripts/ensure_chromium.sh && $(BIN)/python -m scripts.screenshots $(ARGS)

pins: $(DEV) ## resolve the versions of all packages anew: requirements/ (ARGS=--upgrade looks for newer ones)
	@./scripts/pins.sh $(ARGS)

clean: ## remove .venv and caches; stored results stay where they are
	@rm -rf $(VENV) .pytest_cache .ruff_cache .mypy_cache scripts/js-lint/node_modules scripts/js-lint/joined
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
	@echo "Removed .venv and caches. Results of past runs are kept (see DIFFUSION_DATA_DIR in README.md)."

# ---- the virtual environment: a stamp file each, newer than the list it was installed from -----------------

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	  || { echo "Python 3.11 or newer is needed: install it, or name it, as in: make PYTHON=python3.12 run" >&2; exit 1; }
	@echo "Creating $(VENV) with $$($(PYTHON) --version) ..."
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "Python's venv module is incomplete; on Debian or Ubuntu: apt-get install python3-venv" >&2; exit 1; }

# By their hashes, without looking for what they bring along, as all of it is in the list; then what has none (scripts/pins.sh).
$(RUNTIME): requirements/app.lock requirements/pins.txt requirements.txt | $(BIN)/python
	@echo "Installing what the app needs (requirements.txt); the first time this takes some minutes ..."
	@$(PIP) --require-hashes --no-deps -r $<
	@$(PIP) -r requirements.txt
	@touch $@

$(DEV): requirements/dev.lock requirements-dev.txt $(RUNTIME)
	@echo "Installing what the tests need (requirements-dev.txt) ..."
	@$(PIP) --require-hashes --no-deps -r $<
	@touch $@

$(CLUSTER): requirements/cluster.lock requirements-cluster.txt $(RUNTIME)
	@echo "Installing what a Ray cluster needs (requirements-cluster.txt) ..."
	@$(PIP) --require-hashes --no-deps -r $<
	@touch $@
