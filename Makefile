# The commands of the README. What they install stays in .venv and frontend/node_modules, but for the Chromium of `make test`,
# `make bench` and `make screens`, which the system's package manager installs where there is none.
#   make up       install what is missing, start everything, print a sign-in link (options: make up ARGS="--port 9000")
#   make install  the environment and the page only
#   make test     every check, in the order below; each is a target of its own, too
#   make bench    the measurements of tests/benchmarks

MAKEFLAGS += --no-print-directory
PY := .venv/bin/python
NPM := npm --prefix frontend
EXTRAS := model,evaluation,onnx,dev
STATIC := lint types imports page-lint page-types page-unit
STEPS := static page-api unit unit-postgresql e2e
# One process more than the two cores of a small machine: now and then each waits for a program it started. Who has
# nothing left takes tests from the others: the longest file does not end alone.
PYTEST_OPTIONS ?= -n 3 --dist worksteal
ARGS ?=

.PHONY: up install environment page test bench screens chromium lock clean $(STATIC) $(STEPS)

up: install
	@exec .venv/bin/segloop up $(ARGS)

install: environment page

# --- what is installed -------------------------------------------------------------------------------------------
# A stamp holds the checksums of what an installation was made from; unchanged, nothing is done.

define PYTHON_CHECK
import sys; assert (3, 11) <= sys.version_info < (3, 14); import ensurepip, venv
endef

environment:
	@wanted=$$( (cat pyproject.toml requirements.lock requirements-reference.txt; echo "$(CURDIR) $(EXTRAS)") | cksum); \
	if [ "$$(cat .venv/stamp 2>/dev/null)" = "$$wanted" ] && $(PY) -c "" 2>/dev/null; then exit 0; fi; \
	for candidate in $(PYTHON) python3.11 python3.12 python3.13 python3; do \
		if $$candidate -c '$(PYTHON_CHECK)' 2>/dev/null; then python=$$candidate; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
		echo "Python 3.11, 3.12 or 3.13 with its venv module is needed (Debian: apt install python3 python3-venv);" \
			"name one that is elsewhere with make PYTHON=/path/to/python." >&2; exit 1; \
	fi; \
	echo "Installing the Python packages into .venv; the first time takes some minutes."; \
	if ! $(PY) -m pip --version >/dev/null 2>&1; then $$python -m venv --clear .venv || exit 1; fi; \
	rm -f .venv/stamp; \
	{ $(PY) -m pip install -qq --disable-pip-version-check -c requirements.lock -e '.[$(EXTRAS)]' && \
	SAM2_BUILD_CUDA=0 $(PY) -m pip install -qq --disable-pip-version-check -c requirements.lock \
		--no-deps --no-build-isolation -r requirements-reference.txt; } || { \
		echo "The Python packages could not be installed; pip's reason is above. Is the network reachable?" >&2; exit 1; }; \
	echo "$$wanted" > .venv/stamp

page:
	@if ! node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)' 2>/dev/null; then \
		echo "Node 20.19 or newer is needed to build the page, found: $$(node --version 2>/dev/null || echo none);" \
			"install it from nodejs.org or with your package manager." >&2; exit 1; \
	fi; \
	if ! command -v npm >/dev/null; then echo "npm is needed to build the page; it comes with Node (Debian: apt install npm)." >&2; exit 1; fi; \
	wanted=$$(cksum < frontend/package-lock.json); \
	if [ "$$(cat frontend/node_modules/.stamp 2>/dev/null)" != "$$wanted" ]; then \
		echo "Installing the page's packages into frontend/node_modules."; \
		$(NPM) ci --silent --no-audit --no-fund || { echo "The page's packages could not be installed; npm's reason is above." >&2; exit 1; }; \
		echo "$$wanted" > frontend/node_modules/.stamp; \
	fi; \
	wanted=$$(find frontend/src frontend/public frontend/scripts frontend/index.html frontend/vite.config.ts frontend/package-lock.json -type f \
		| LC_ALL=C sort | xargs cksum | cksum); \
	if [ "$$(cat frontend/node_modules/.page-stamp 2>/dev/null)" != "$$wanted" ] || [ ! -f frontend/dist/index.html ]; then \
		echo "Building the page."; \
		output=$$($(NPM) run --silent build 2>&1) || { echo "$$output" >&2; echo "The page could not be built; the reason is above." >&2; exit 1; }; \
		echo "$$wanted" > frontend/node_modules/.page-stamp; \
	fi

chromium:
	@for name in chromium chromium-browser google-chrome google-chrome-stable; do command -v $$name >/dev/null && exit 0; done; \
	if [ "$$(id -u)" = 0 ]; then sudo=; elif sudo -n true 2>/dev/null; then sudo="sudo -n"; else sudo=false; fi; \
	echo "Installing Chromium for the end-to-end tests."; \
	{ $$sudo apt-get update -qq && $$sudo apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null; } || { \
		echo "Chromium is needed for the end-to-end tests and could not be installed; install it with your package manager." >&2; exit 1; }

# requirements.lock anew, from an environment in which nothing else is installed.
lock:
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && $(PY) -m venv "$$folder/environment" && \
	"$$folder/environment/bin/pip" install -qq '.[$(EXTRAS)]' && \
	{ echo "# Every package at its exact version, as in a fresh environment; written by \`make lock\`, used by \`make install\`."; \
	"$$folder/environment/bin/pip" freeze --exclude segloop | sed 's/+cpu$$//'; } > "$$folder/lock" && cp "$$folder/lock" requirements.lock

clean:
	rm -rf .venv frontend/node_modules frontend/dist

# --- checks ------------------------------------------------------------------------------------------------------

test: install chromium
	@for step in $(STEPS); do \
		begin=$$(date +%s); \
		$(MAKE) $$step || { echo "FAILED $$step after $$(($$(date +%s) - begin)) s; repeat it alone with: make $$step" >&2; exit 1; }; \
		echo "ok $$step ($$(($$(date +%s) - begin)) s)"; \
	done; \
	echo "All checks passed."

# What runs nothing of ours, two at a time; all of it is told, not the first fault only.
static:
	@$(MAKE) -j2 -k --output-sync=target $(STATIC)

lint:
	@.venv/bin/ruff check . && .venv/bin/ruff format --check .

types:
	@.venv/bin/mypy

imports:
	@.venv/bin/lint-imports

page-lint:
	@$(NPM) run --silent lint

page-types:
	@$(NPM) run --silent typecheck

# The page's types of the API are those of the backend as it is now.
page-api:
	@before=$$(cksum < frontend/src/api/schema.d.ts); PYTHON="$(CURDIR)/$(PY)" $(NPM) run --silent generate-api || exit 1; \
	if [ "$$(cksum < frontend/src/api/schema.d.ts)" != "$$before" ]; then \
		echo "frontend/src/api/schema.d.ts was out of date and has been written anew; look at it and commit it." >&2; exit 1; \
	fi

page-unit:
	@$(NPM) run --silent test

unit:
	@SEGLOOP_TEST_DATABASE=sqlite $(PY) -m pytest $(PYTEST_OPTIONS)

# What has no database, or asks the same of both, behaves as it did in `unit`; single tests are marked so.
OF_NO_DATABASE := model_server golden contract test_compose.py backend/segmentation backend/test_supervisor.py \
	$(addprefix backend/images/test_,formats.py bad_files.py archives.py) $(addprefix backend/cli/test_,cli.py model_tools.py) \
	backend/models/test_decoder.py backend/auth/test_permissions.py backend/cli/test_simulate.py backend/test_page.py reliability/test_full_disk.py
unit-postgresql:
	@if $(PY) -c 'import psycopg; from tests.conftest import POSTGRESQL_URL as url; psycopg.connect(url.replace("+psycopg", ""), connect_timeout=3)' 2>/dev/null; then \
		SEGLOOP_TEST_DATABASE=postgresql $(PY) -m pytest $(PYTEST_OPTIONS) -m "not of_no_database" $(addprefix --ignore=tests/,$(OF_NO_DATABASE)); \
	else \
		echo "!!! PostgreSQL does not answer: everything was tested on SQLITE ONLY."; \
		echo "!!! Start one and name it with SEGLOOP_TEST_POSTGRESQL=postgresql+psycopg://user@host:5432/postgres."; \
	fi

e2e:
	@$(NPM) run --silent e2e

bench: environment page chromium
	@for file in tests/benchmarks/bench_*.py; do \
		echo "== $$file"; $(PY) -m tests.benchmarks.$$(basename $$file .py) || exit 1; \
	done
	@echo "== tests/benchmarks/page.bench.ts"; $(NPM) run --silent bench

# The pictures of docs/screens.md, drawn anew.
screens: environment page chromium
	@$(NPM) run --silent screens && $(PY) -m tests.benchmarks.shrink_screens
