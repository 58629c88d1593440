# make demo    a virtual environment, the package, and a tour of the library on real data
# make test    everything that must hold: lint, types, tests, and every example in the documentation

PYTHON ?= python3
JOBS ?= 2

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: help demo test lint types check docs bench clean

help:
	@sed -n 's/^# //p' Makefile

demo: $(VENV)/.installed
	$(BIN)/python examples/demo.py

test: lint types check

lint: $(VENV)/.installed-test
	$(BIN)/ruff check .

types: $(VENV)/.installed-test
	$(BIN)/mypy

# One BLAS thread per worker: the workers already fill the cores.
check: $(VENV)/.installed-test
	OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 $(BIN)/pytest -q -n $(JOBS)

docs: $(VENV)/.installed
	$(BIN)/python docs/make_losses.py
	$(BIN)/python docs/make_catalogue.py
	$(BIN)/python docs/transcripts.py

bench: $(VENV)/.installed-test
	$(BIN)/python benchmarks/derive_depth.py
	$(BIN)/python benchmarks/derive_transformer.py
	$(BIN)/python benchmarks/form_size.py
	$(BIN)/python benchmarks/page_time.py

# The stamps make a second run start at once; a changed pyproject.toml installs again.
$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "chainrule needs Python 3.11 or newer, and '$(PYTHON)' is not:" >&2; \
	  $(PYTHON) --version >&2; \
	  echo "name another one with: make PYTHON=python3.12 demo" >&2; exit 2; }
	$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(VENV)/.installed: $(VENV)/.created pyproject.toml
	$(PIP) install --quiet --editable .
	@touch $@

$(VENV)/.installed-test: $(VENV)/.created pyproject.toml
	$(PIP) install --quiet --editable '.[test]'
	@touch $@ $(VENV)/.installed

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
