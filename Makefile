# Everything a person types. A fresh clone needs Python 3.11 or newer, and pip's access to packages; nothing else.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo test test-all fuzz lint export docs lab bench results train-keep clean distclean

VENV := .venv
BIN  := $(VENV)/bin
JOBS ?= 2
ARGS ?=

# Any Python from 3.11 to 3.14 (with 3.14 there is no OpenTimelineIO yet), the machine's default first. `make demo PYTHON=/usr/bin/python3.12` chooses one by hand.
PYTHON_OK := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.14 python; do \
  "$$p" -c '$(PYTHON_OK)' 2>/dev/null && command -v "$$p" && break; done)

# A virtual environment knows its own folder by its full path, so a moved or copied checkout needs a new one: the stamps carry the path.
HERE := $(shell pwd | cksum | cut -d' ' -f1)
MADE := $(VENV)/made-$(HERE)
BASE := $(VENV)/installed-$(HERE)
DEV  := $(VENV)/installed-dev-$(HERE)
WANT := settings.ini setup.py pyproject.toml

help: ## this list
	@awk -F': *[^#]*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' Makefile

demo: $(BASE) ## edits a band session that the library plays itself; writes outputs/demo/
	$(BIN)/editorbot demo $(ARGS)

PYTEST = OMP_NUM_THREADS=$${OMP_NUM_THREADS:-1} $(BIN)/python -m pytest -n $(JOBS) --dist loadgroup --max-worker-restart=0 --durations=20 --durations-min=1 -ra

test: $(DEV) ## every notebook and what is quick to test, in ten minutes (ARGS='-k audio' for some of them)
	$(PYTEST) -m 'not slow' $(ARGS)

test-all: $(DEV) ## the slow tests as well: browsers, Ardour, training in processes that are killed
	$(PYTEST) $(ARGS)

fuzz: $(DEV) ## five hundred broken files (ARGS='-n 30' for fewer)
	OMP_NUM_THREADS=1 $(BIN)/python tests/fuzz.py $(ARGS)

lint: $(DEV) ## ruff over what is written by hand
	$(BIN)/ruff check .

export: $(DEV) ## notebooks -> editorbot/*.py and README.md
	$(BIN)/nbdev_export
	$(BIN)/nbdev_clean
	$(BIN)/python docs/readme.py

docs: $(DEV) ## the documentation site, in _docs/ (open _docs/index.html)
	$(BIN)/python docs/build.py $(ARGS)

lab: $(DEV) ## JupyterLab on the notebooks
	$(BIN)/jupyter lab --ServerApp.root_dir=nbs $(ARGS)

results: $(BASE) ## RESULTS.md from bench/results/*.json
	$(BIN)/python bench/results.py

bench: $(DEV) ## every table of bench/ (make bench-align for bench/align.py alone)
	@for f in $(filter-out bench/results.py,$(wildcard bench/[a-z]*.py)); do test -f "$$f" || { echo "error: there is no bench/*.py to run"; exit 1; }; \
	  echo "== $$f $(ARGS)"; $(BIN)/python "$$f" $(ARGS); done

bench-%: bench/%.py $(DEV)
	$(BIN)/python $< $(ARGS)

train-keep: $(BASE) ## trains the keep model (ARGS='-p recipe quick'); writes outputs/runs/ and outputs/models/
	$(BIN)/editorbot train keep $(ARGS)

clean: ## removes what was built (not .venv, not data/ or outputs/)
	rm -rf _docs _proc build dist .pytest_cache .ruff_cache .hypothesis
	find . -path ./$(VENV) -prune -o \( -name __pycache__ -o -name .ipynb_checkpoints \) -type d -print | xargs -r rm -rf

distclean: clean ## also removes .venv
	rm -rf $(VENV) *.egg-info

# ---- installing; each step leaves a stamp, so that the second time takes no time

$(MADE):
	@test -n "$(PYTHON)" || { echo "error: no Python 3.11 to 3.14 found on PATH; install one, or name it: make demo PYTHON=/path/to/python3.12"; exit 1; }
	@"$(PYTHON)" -c '$(PYTHON_OK)' || { echo "error: $(PYTHON) is not Python 3.11 to 3.14 (it is $$("$(PYTHON)" -V 2>&1)); name another with PYTHON="; exit 1; }
	@"$(PYTHON)" -m venv --clear $(VENV) || { rm -rf $(VENV); echo "error: '$(PYTHON) -m venv' failed; on Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install -q uv || echo "note: uv can't be installed here; pip does the work, more slowly"
	@touch $@

# uv is a minute faster than pip; where it can't reach the packages, pip, which knows the machine's own settings, tries once more.
define install
	@echo "installing editorbot$(1) into $(VENV) (the first time this downloads PyTorch)"
	@{ test -x $(BIN)/uv && VIRTUAL_ENV="$(CURDIR)/$(VENV)" $(BIN)/uv pip install -q -e '.$(1)'; } \
	  || { echo "note: uv did not manage; trying pip"; $(BIN)/python -m pip install -q -e '.$(1)'; }
endef

$(BASE): $(MADE) $(WANT)
	$(call install,)
	@touch $@

$(DEV): $(MADE) $(WANT)
	$(call install,[dev])
	@touch $(BASE) $@
