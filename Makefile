# Everything from a fresh checkout: each target sets up .venv first, once.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/installed

.PHONY: table1 test check

# Table 1 of the paper with synthesis and baselines, measured and drawn. Interrupted, it goes on where it stopped.
table1: $(INSTALLED)
	$(BIN)/neurocomp run experiment=table1
	$(BIN)/neurocomp run experiment=table1 optimizer.updates=0
	$(BIN)/neurocomp run experiment=synthesis
	$(BIN)/neurocomp run experiment=both
	$(BIN)/neurocomp run experiment=baselines
	$(BIN)/neurocomp run experiment=both_hard
	$(BIN)/neurocomp table table1
	$(BIN)/neurocomp plot table1
	$(BIN)/neurocomp plot recovery

test: $(INSTALLED)
	$(BIN)/python -m pytest -n 2 --dist worksteal -rs

check: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	rm -rf build/typed && mkdir -p build/typed && cp -r neurocomp build/typed && cp -r cli configs build/typed/neurocomp
	$(BIN)/pyright
	$(BIN)/lint-imports

$(INSTALLED): pyproject.toml setup.py constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "neurocomp needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -c constraints.txt -e '.[dev]'
	touch $@
