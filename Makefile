# A newcomer's two commands are `make run` and `make test`; each makes its own environment.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := $(CURDIR)/.demo
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt

.PHONY: run demo test check lint format crashes docs bench clean

run: demo  ## The main job on the sample schemas, then the server on 127.0.0.1:8081
	@printf '\nTo go on in another terminal:\n  export PATH="$(CURDIR)/$(BIN):$$PATH" PROTOLITH_HOME="$(DEMO)"\n\n'
	@PROTOLITH_HOME="$(DEMO)" $(BIN)/protolith serve

demo: $(VENV)/.installed  ## The main job on the sample schemas
	@rm -rf "$(DEMO)"
	@PATH="$(CURDIR)/$(BIN):$$PATH" PROTOLITH_HOME="$(DEMO)" sh samples/demo.sh

test: $(VENV)/.testing  ## All tests
	$(BIN)/pytest -n 2 --dist worksteal

check: lint test  ## What CI runs

lint: $(VENV)/.testing
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.testing
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

CUTS ?= 150
KILLS ?= 60

crashes: $(VENV)/.testing  ## Power cuts and kills at full size: CUTS=150 KILLS=60
	PROTOLITH_CUTS=$(CUTS) PROTOLITH_KILLS=$(KILLS) $(BIN)/pytest -s tests/crashes tests/store/test_postgres.py

docs: $(VENV)/.testing  ## Write the generated pages again
	$(BIN)/python docs/generate.py

bench: $(VENV)/.testing  ## Every benchmark against its peer
	for file in benchmarks/*.py; do $(BIN)/python $$file || exit 1; done

clean:
	rm -rf $(VENV) $(DEMO)

$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "Python 3.11 or later is needed; name one: make PYTHON=python3.12")'
	@echo "making $(VENV) and installing Protolith into it"
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) --upgrade pip
	@$(PIP) --editable '.[all]'
	@touch $@

$(VENV)/.testing: $(VENV)/.installed
	@echo "installing what the tests need"
	@$(PIP) --group test --group lint
	@touch $@
