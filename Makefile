# Everything happens in .venv; a fresh machine needs Python >= 3.11 and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
RUNNABLE := $(VENV)/.runnable
DOCUMENTED := $(VENV)/.documented

.PHONY: demo test test-all check docs package bench clean

$(INSTALLED): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check --editable '.[dev]'
	touch $@ $(RUNNABLE) $(DOCUMENTED)

# Without what only development needs: a fifth of the download.
$(RUNNABLE): pyproject.toml
	@echo "Installing w2v-stream into $(VENV) ..."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check --editable .
	touch $@

$(DOCUMENTED): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check --editable '.[docs]'
	touch $@

demo: $(RUNNABLE) ## stream the Python documentation through the daemon and ask for neighbours
	$(BIN)/python examples/demo.py

# More processes than cores of a small machine: many tests wait for programs that they have started.
test: $(INSTALLED) ## the test suite, in three processes
	$(BIN)/python -m pytest --numprocesses 3

# Each in a virtual environment of its own; PYTHONS may hold paths.
PYTHONS ?= python3.11 python3.12 python3.13 python3.14
test-all: ## the test suite with each of PYTHONS that is installed
	@for python in $(PYTHONS); do \
		version=$$($$python -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) \
			|| { echo "$$python is not installed: left out"; continue; }; \
		echo "Python $$version"; \
		$(MAKE) test PYTHON="$$python" VENV=".venv-$$version" || exit 1; \
	done

check: $(INSTALLED) ## formatting, lint, types and the layer rule
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(DOCUMENTED) ## the documentation site, into site/
	$(BIN)/python -m tools.reference
	$(BIN)/python -m tools.layout
	$(BIN)/python -m zensical build --strict --clean

package: $(INSTALLED) ## a wheel and an sdist in dist/, checked
	rm -rf dist
	$(BIN)/python -m build
	$(BIN)/python -m twine check --strict dist/*
	$(BIN)/python -m zipfile --list dist/*.whl | grep /page/plotly.min.js

# Text, other programs as NAME=BINARY, and more options: docs/benchmarks.md
ROUNDS ?= 5
bench: $(INSTALLED) ## speed beside gensim and other programs
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[bench]'
	$(BIN)/python -m benchmarks.speed --rounds $(ROUNDS) $(if $(DATA),--data '$(DATA)') \
		$(foreach peer,$(PEERS),--peer '$(peer)') $(ARGS)

clean:
	rm -rf $(VENV) .venv-3.* demo build dist site *.egg-info
