# Everything a person does here, from a fresh clone: make demo, make quick, make test. Needs make and Python 3.11 or newer with venv.

# The interpreter that .venv is made with: `make PYTHON=python3.13 test`. Without a name the first of these that is new enough.
PYTHON ?=
PYTHONS := $(or $(PYTHON),python3 python3.13 python3.12 python3.11 python)
# More words for the command of a target: `make test ARGS="-k gaps"`, `make build ARGS=--check`, `make lock ARGS=--upgrade`.
ARGS ?=

# Another place for it leaves .venv as it is: `make quick PYTHON=python3.13 VENV=/somewhere/else`, as CI does.
VENV := .venv
RUN := $(VENV)/bin/python
# Stamps are written last, so an interrupted installation is begun again and never half used.
PACKAGES := $(VENV)/.packages
KIT := $(VENV)/.kit
TOOLS := $(VENV)/.tools
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

# Installs what its arguments name, with uv where there is one, else with pip, which takes several times as long. uv knows
# nothing of a machine's pip settings: where it finds no packages, pip may. A line now and then says that it goes on; it
# ends with the shell that it belongs to, also where that is interrupted.
INSTALL := shell=$$$$; \
	(seconds=0; while sleep 4 >/dev/null 2>&1 && kill -0 $$shell 2>/dev/null; do seconds=$$((seconds + 4)); \
		echo "  downloading and installing: $$seconds s so far"; done) & \
	beat=$$!; trap 'kill $$beat 2>/dev/null' EXIT; \
	install() { \
	for uv in uv $(VENV)/bin/uv; do if "$$uv" --version >/dev/null 2>&1; then \
		"$$uv" pip install --quiet --python $(RUN) "$$@" && return; \
		echo "uv could not install this; trying pip." >&2; break; fi; done; \
	$(PIP) install "$$@" && return; \
	echo "Packages could not be installed into $(VENV): the lines above say why. Without a network, or where a proxy or an" \
		"index is to be used, set it up for uv or pip first; then run the same command again, it begins anew." >&2; \
	return 1; }; install

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo quick test oracles attacks fuzz lint build lock clean .venv

help: ## this list
	@echo "make TARGET, where TARGET is one of"
	@sed -n 's/^\([.a-z]*\):[^#]*## \(.*\)/  \1|\2/p' Makefile | awk -F'|' '{ printf "%-10s %s\n", $$1, $$2 }'

.venv: $(KIT) $(TOOLS) ## the virtual environment, with all locked packages and the kit

# The locks are complete, so there is nothing to work out; tests/project/test_project.py checks that they are. Where one of
# them has changed, all is made anew: what is no longer locked must go. uv comes with pip and stays out of the locks: it is
# a tool that installs, and nothing is the worse without it.
$(PACKAGES): requirements.lock requirements-dev.lock
	@$(FIND_PYTHON); \
	echo "Making $(VENV) with $$("$$python" --version) and the packages of requirements.lock: less than a minute with uv."; \
	"$$python" -m venv --clear $(VENV)
	@uv --version >/dev/null 2>&1 || $(PIP) install uv 2>/dev/null || echo "uv could not be installed: pip does the work."
	@$(INSTALL) --no-deps -r requirements.lock
	@touch $@

# hatchling is in the lock, so building needs no packages of its own.
$(KIT): $(PACKAGES) pyproject.toml cnn_assignment/__init__.py
	@$(INSTALL) --no-deps --no-build-isolation -e .
	@touch $@

# Interrupted, it may leave a package half written that looks installed: the second attempt writes each anew.
$(TOOLS): $(PACKAGES) requirements-dev.lock
	@echo "Adding what tests, lint and clusters need to $(VENV), from requirements-dev.lock."
	@again=; if [ -e $@.begun ]; then again=--force-reinstall; fi; touch $@.begun; \
	$(INSTALL) --no-deps $$again -r requirements-dev.lock
	@mv $@.begun $@

demo: $(KIT) ## the whole road on a small example class
	@$(VENV)/bin/cnn-assignment demo $(ARGS)

# A file's tests share what they set up, so a file stays together; the longest comes first (tests/kits/account.py). Tests
# often wait, for a limit of time or a process, so there is one more worker than there are cores.
PYTEST := pytest --numprocesses=$$(($$(getconf _NPROCESSORS_ONLN) + 1)) --dist=loadfile --no-loadscope-reorder --timeout=600 --durations=20

# What needs a package of the system; CI has them, and leaves nothing out: `make test KINDS=`.
KINDS ?= not (browser or database)
# Not empty: with branch coverage of the kit. The report comes also after a failure, and the failure is what counts.
COVERAGE ?=

quick: $(KIT) $(TOOLS) ## what a change of one room needs: no nbgrader, browser, database, class, nothing slow
	@$(RUN) -m $(PYTEST) -m "not (nbgrader or browser or database or class_sized or slow)" $(ARGS)

test: $(KIT) $(TOOLS) ## everything that needs no package of the system
ifeq ($(COVERAGE),)
	@$(RUN) -m $(PYTEST) -m "$(KINDS)" $(ARGS)
else
	@$(RUN) -m coverage erase
	@status=0; $(RUN) -m coverage run -m $(PYTEST) -m "$(KINDS)" $(ARGS) || status=$$?; \
	$(RUN) -m coverage combine --quiet && $(RUN) -m coverage report; \
	exit $$status
endif

oracles: $(ORACLES) ## PyTorch for tests/assignments/cnn/test_oracles.py, which `make test` leaves out without it

# Large, and for one file of tests only: not in the lock, whose versions it must not change. With pip, whose settings on a
# machine may say that a smaller build than the one with everything is enough.
$(ORACLES): $(TOOLS) tests/requirements-oracles.txt
	@echo "Installing tests/requirements-oracles.txt into $(VENV): a minute or more."
	@$(PIP) install -r tests/requirements-oracles.txt -c requirements-dev.lock
	@touch $@

attacks: $(KIT) $(TOOLS) ## every attack on the sandbox at every level, as a table
	@$(RUN) tests/engine/sandbox/attacks/table.py $(ARGS)

fuzz: $(KIT) $(TOOLS) ## what reads submissions, with damaged and hostile files: make fuzz ARGS="--cpu-minutes 60"
	@$(RUN) tests/engine/submissions/fuzz_reading.py $(ARGS)

lint: $(KIT) $(TOOLS) ## style, types and the floors of the architecture
	@$(RUN) -m ruff check --quiet
	@$(RUN) -m ruff format --check --quiet --diff
	@$(RUN) -m mypy
	@$(VENV)/bin/lint-imports --no-logo

build: $(KIT) ## source/ and release/ anew from the solutions
	@$(VENV)/bin/cnn-assignment build --all $(ARGS)

# One version of each package for every Python, so that a course and its students agree on NumPy: everything is resolved at
# once, and the kit's own part of it is taken out. The tool lives in a throwaway environment: it is not part of what it
# locks. Nothing of this machine's package index gets into the files.
COMPILE := pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest --no-emit-index-url \
	--group build --custom-compile-command "make lock"
lock: ## requirements.lock and requirements-dev.lock anew from pyproject.toml
	@$(FIND_PYTHON); \
	place=$$(mktemp -d); trap 'rm -rf "$$place"' EXIT; \
	"$$python" -m venv "$$place" && "$$place/bin/python" -m pip -qq install uv && \
	"$$place/bin/uv" $(COMPILE) --all-extras --output-file requirements-dev.lock $(ARGS) pyproject.toml && \
	"$$place/bin/uv" $(COMPILE) --no-annotate --constraint requirements-dev.lock --output-file requirements.lock $(ARGS) \
		pyproject.toml

clean: ## everything that can be made again goes, the virtual environment too
	@rm -rf $(VENV) .coverage .coverage.* htmlcov .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
