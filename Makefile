# Everything a person does here, from a fresh clone: make demo, make quick, make test. Needs make and Python 3.11 or newer with venv.

# The interpreter that .venv is made with: `make PYTHON=python3.13 test`. Without a name the first of these that is new enough.
PYTHON ?=
PYTHONS := $(or $(PYTHON),python3 python3.13 python3.12 python3.11 python)
# More words for the command of a target: `make test ARGS="-k gaps"`, `make build ARGS=--check`, `make lock ARGS=--upgrade`.
ARGS ?=

VENV := .venv
RUN := $(VENV)/bin/python
# Stamps are written last, so an interrupted installation is begun again and never half used.
PACKAGES := $(VENV)/.packages
KIT := $(VENV)/.kit
# In .venv, so that it goes with what it vouches for.
ORACLES := $(VENV)/.oracles

# Sets the shell's $$python, or says what is missing. A name may exist and yet not run (version managers leave such stubs).
FIND_PYTHON := python=; for name in $(PYTHONS); do \
	if "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then python=$$name; break; fi; done; \
	if [ -z "$$python" ]; then \
	echo "No Python 3.11 or newer (tried: $(PYTHONS)). Install one, or name it: make PYTHON=/path/to/python3.11" >&2; exit 1; fi; \
	if ! "$$python" -c 'import venv, ensurepip' >/dev/null 2>&1; then \
	echo "$$python has no venv. Install it (on Debian and Ubuntu the package python3-venv), or name another: make PYTHON=..." >&2; exit 1; fi

# Errors only: a machine's own pip settings may warn once a package.
PIP := PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 $(RUN) -m pip -qq

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo quick test coverage oracles attacks fuzz lint build lock clean .venv

help: ## this list
	@echo "make TARGET, where TARGET is one of"
	@sed -n 's/^\([.a-z]*\):[^#]*## \(.*\)/  \1|\2/p' Makefile | awk -F'|' '{ printf "%-10s %s\n", $$1, $$2 }'

.venv: $(KIT) ## the virtual environment, with the locked packages and the kit

# The lock is complete, so pip has nothing to work out; tests/project/test_project.py checks that it is so.
$(PACKAGES): requirements.lock
	@$(FIND_PYTHON); \
	echo "Making $(VENV) with $$("$$python" --version) and the packages of requirements.lock: a minute or two."; \
	"$$python" -m venv --clear $(VENV)
	@$(PIP) install --no-deps -r requirements.lock
	@touch $@

# hatchling is in the lock, so building needs no packages of its own.
$(KIT): $(PACKAGES) pyproject.toml cnn_assignment/__init__.py
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

demo: $(KIT) ## the whole road on a small example class
	@$(VENV)/bin/cnn-assignment demo $(ARGS)

# A file's tests share what they set up, so a file stays together; the longest comes first (tests/kits/account.py).
PYTEST := pytest --numprocesses=auto --dist=loadfile --no-loadscope-reorder --timeout=600 --durations=20

quick: $(KIT) ## what a change of one room needs: no nbgrader, browser, database, class, nothing slow
	@$(RUN) -m $(PYTEST) -m "not (nbgrader or browser or database or class_sized or slow)" $(ARGS)

test: $(KIT) ## everything that needs no package of the system
	@$(RUN) -m $(PYTEST) -m "not (browser or database)" $(ARGS)

# The report comes also after a failure, and the failure is what counts.
coverage: $(KIT) ## the whole test-suite, with branch coverage of the kit
	@$(RUN) -m coverage erase
	@status=0; $(RUN) -m coverage run -m $(PYTEST) $(ARGS) || status=$$?; \
	$(RUN) -m coverage combine --quiet && $(RUN) -m coverage report; \
	exit $$status

oracles: $(ORACLES) ## PyTorch for tests/assignments/cnn/test_oracles.py, which `make test` leaves out without it

# Large, and for one file of tests only: not in the lock, whose versions it must not change.
$(ORACLES): $(PACKAGES) tests/requirements-oracles.txt
	@echo "Installing tests/requirements-oracles.txt into $(VENV): a minute or more."
	@$(PIP) install -r tests/requirements-oracles.txt -c requirements.lock
	@touch $@

attacks: $(KIT) ## every attack on the sandbox at every level, as a table
	@$(RUN) tests/engine/sandbox/attacks/table.py $(ARGS)

fuzz: $(KIT) ## what reads submissions, with damaged and hostile files: make fuzz ARGS="--cpu-minutes 60"
	@$(RUN) tests/engine/submissions/fuzz_reading.py $(ARGS)

lint: $(KIT) ## style, types and the floors of the architecture
	@$(RUN) -m ruff check --quiet
	@$(RUN) -m ruff format --check --quiet --diff
	@$(RUN) -m mypy
	@$(VENV)/bin/lint-imports --no-logo

build: $(KIT) ## source/ and release/ anew from the solutions
	@$(VENV)/bin/cnn-assignment build $(ARGS)

# One version of each package for every Python, so that a course and its students agree on NumPy. The tool lives in a
# throwaway environment: it is not part of what it locks. Nothing of this machine's package index gets into the file.
lock: ## requirements.lock anew from pyproject.toml
	@$(FIND_PYTHON); \
	place=$$(mktemp -d); trap 'rm -rf "$$place"' EXIT; \
	"$$python" -m venv "$$place" && "$$place/bin/python" -m pip -qq install uv && \
	"$$place/bin/uv" pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest --all-extras \
		--no-emit-index-url --custom-compile-command "make lock" --output-file requirements.lock $(ARGS) pyproject.toml

clean: ## everything that can be made again goes, the virtual environment too
	@rm -rf $(VENV) .coverage .coverage.* htmlcov .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
