# A newcomer's two commands are `make run` and `make test`; each makes its own environment.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := $(CURDIR)/.demo
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt

.PHONY: run demo test truth check lint format crashes docs bench bench-ingest fuzz profiles lock sbom audit clean

run: demo  ## The main job on the sample schemas, then the server on 127.0.0.1:8081
	@printf '\nTo go on in another terminal:\n  export PATH="$(CURDIR)/$(BIN):$$PATH" PROTOLITH_HOME="$(DEMO)"\n\n'
	@PROTOLITH_HOME="$(DEMO)" $(BIN)/protolith serve

demo: $(VENV)/.installed  ## The main job on the sample schemas
	@rm -rf "$(DEMO)"
	@PATH="$(CURDIR)/$(BIN):$$PATH" PROTOLITH_HOME="$(DEMO)" sh samples/demo.sh

test: $(VENV)/.testing  ## All tests
	$(BIN)/pytest -n 2 --dist worksteal

truth: $(VENV)/.testing  ## Every compatibility verdict against the protobuf runtime
	PROTOLITH_TRUTH=all $(BIN)/pytest tests/compatibility/test_truth.py -k runtime_agrees

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
RACES ?= 20
LOADS ?= 12

crashes: $(VENV)/.testing  ## Power cuts, kills and races at full size: CUTS=150 KILLS=60 RACES=20 LOADS=12
	PROTOLITH_CUTS=$(CUTS) PROTOLITH_KILLS=$(KILLS) PROTOLITH_RACES=$(RACES) PROTOLITH_LOADS=$(LOADS) PROTOLITH_ALL_CRASHES=1 \
		$(BIN)/pytest -s tests/crashes tests/store/test_postgres.py tests/migrations/test_crashes.py

docs: $(VENV)/.testing  ## Write the generated pages again
	$(BIN)/python docs/generate.py

bench: $(VENV)/.testing  ## Every benchmark against its peer
	for file in benchmarks/*.py; do $(BIN)/python $$file || exit 1; done

OLD_ENGINES := duckdb/duckdb==1.4.5 clickhouse/chdb==3.7.2 clickhouse/chdb-core==26.3.0

profiles:  ## Older engines, each in an environment of its own
	for old in $(OLD_ENGINES); do \
		$(PYTHON) -m venv .profiles/$$old && \
		.profiles/$$old/bin/python -m pip install -q $${old#*/} --editable . clickhouse-connect && \
		.profiles/$$old/bin/python tests/engines/profiles.py $${old%%/*} || exit 1; \
	done

bench-ingest: $(VENV)/.testing  ## Decoding and loading beside their peers: the tables of docs/performance.md
	$(BIN)/python -m pip install --quiet ptars || true
	$(BIN)/python benchmarks/ingest.py 300000
	$(BIN)/python benchmarks/posts.py

fuzz: $(VENV)/.testing  ## The native decoder against the reference, with address and undefined sanitizers
	mkdir -p .fuzz
	c++ -std=c++17 -O1 -g -fPIC -shared -fsanitize=address,undefined -fno-sanitize-recover=all \
		src/protolith/decoding/native/*.cpp -o .fuzz/_native.so
	LD_PRELOAD="$$(c++ -print-file-name=libasan.so) $$(c++ -print-file-name=libstdc++.so)" ASAN_OPTIONS=detect_leaks=0 \
		PROTOLITH_NATIVE=$(CURDIR)/.fuzz/_native.so PROTOLITH_FUZZ_SCHEMAS=$(or $(SCHEMAS),5000) \
		$(BIN)/pytest -q -s -p no:cacheprovider tests/decoding/test_native.py

lock: $(VENV)/.installed  ## What an image installs, with hashes, at the versions of constraints.txt
	@$(PIP) uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --all-extras --generate-hashes \
		--no-header --no-annotate --constraint constraints.txt pyproject.toml --output-file requirements.lock

sbom: $(VENV)/.installed  ## dist/sbom.json: what is installed, as CycloneDX
	@mkdir -p dist
	@$(PYTHON) -m venv .sbom && .sbom/bin/python -m pip --disable-pip-version-check install --quiet cyclonedx-bom
	.sbom/bin/cyclonedx-py environment --pyproject pyproject.toml --output-file dist/sbom.json $(BIN)/python

audit: $(VENV)/.installed  ## Known holes in what is locked, where the data can be had
	@$(PYTHON) -m venv .audit && .audit/bin/python -m pip --disable-pip-version-check install --quiet pip-audit
	.audit/bin/pip-audit --require-hashes --disable-pip --requirement requirements.lock

clean:
	rm -rf $(VENV) $(DEMO) .profiles .sbom .audit

$(VENV)/.installed: pyproject.toml constraints.txt hatch_build.py $(wildcard src/protolith/decoding/native/*)
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
