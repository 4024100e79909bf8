# `make run` runs CPython on embedded V8, `make test` runs the checks; both set up what they need in
# a virtual environment inside the checkout. Needed beforehand: Python 3.11+, Node with npm.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
PROGRAM ?= python
PORT ?= 8000
SECONDS ?= 7200
PYTEST := $(BIN)/python -m pytest -n 2

.PHONY: run serve gallery screenshots test test-full fuzz soak bench check format docs clean

run: $(VENV)/.run
	@$(BIN)/wasix run $(PROGRAM) $(ARGS)

serve: $(VENV)/.run
	@$(BIN)/wasix web build build/site
	@$(BIN)/wasix web serve build/site --port $(PORT)

gallery: $(VENV)/.test
	@$(BIN)/python -m examples.gallery build/gallery
	@echo "open gallery/index.html of this:"
	@$(BIN)/wasix web serve build/gallery --port $(PORT)

screenshots: $(VENV)/.test
	$(BIN)/python -m docs.screenshots $(ARGS)

test: $(VENV)/.test check
	$(PYTEST)
	$(BIN)/python -m docs.generate --check

test-full: $(VENV)/.test check
	WASIX_TEST_FULL=1 $(PYTEST)

fuzz: $(VENV)/.test
	WASIX_TEST_FULL=1 $(PYTEST) tests -k fuzz

soak: $(VENV)/.test
	WASIX_TEST_FULL=1 WASIX_SOAK_SECONDS=$(SECONDS) $(PYTEST) -k soak

bench: $(VENV)/.bench
	$(BIN)/python -m bench $(ARGS)

check: $(VENV)/.test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	npm --prefix web run --silent check

format: $(VENV)/.test
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: $(VENV)/.test
	$(BIN)/python -m docs.generate
	$(BIN)/python -m docs.performance

clean:
	rm -rf $(VENV) build web/node_modules

# Stamps are made again when what they were made from changes.
$(VENV)/.run: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("wasix needs Python 3.11 or newer; set PYTHON=... to one")'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[all]' 1>&2
	@touch $@

$(VENV)/.test: $(VENV)/.run web/package-lock.json
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[all,test]' 1>&2
	@npm --prefix web ci --no-audit --no-fund --loglevel=error 1>&2
	@$(BIN)/python -m e2e.browser install 1>&2
	@$(BIN)/python -m tests.engines.install 1>&2
	@$(BIN)/python -m tests.programs.dash 1>&2
	@touch $@

$(VENV)/.bench: $(VENV)/.test
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[all,test,bench]' 1>&2
	@touch $@
