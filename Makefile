# pumpcalc: two commands. They need Python 3.11 or newer and make, and bring the rest themselves.
#   make demo              set everything up and show the main job on the embedded store; serves until interrupted
#   make demo ARGS=--once  the same, and end when the reminder has been delivered
#   make test              set everything up, lint, type-check and test
#   make faults            the long trials of the reminder engine: killed, stalled, refused, full, late, at once
#   make simulate          years of fictional clinics, each from one integer: make simulate SEEDS=100 PUMP_YEARS=10

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
# The certificates of the machine count: hospital networks often have their own.
export UV_SYSTEM_CERTS ?= true
INSTALL := VIRTUAL_ENV=$(CURDIR)/$(VENV) $(UV) pip install --quiet --constraint requirements.lock \
  --build-constraint requirements.lock
ARGS ?=
SEEDS ?= 20
PUMP_YEARS ?= 10
JOBS ?= 2

.PHONY: demo test lint check faults simulate lock clean

demo: $(VENV)/server
	$(BIN)/pumpcalc demo $(ARGS)

test: lint check

lint: $(VENV)/everything
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

check: $(VENV)/everything
	$(BIN)/pytest -n 2

# Hours: every fault with its full count, and what it found, in words. A few of each are part of 'make test'.
faults: $(VENV)/everything
	PUMPCALC_FAULTS=full $(BIN)/pytest -n 2 --dist loadscope -rA -o timeout=0 tests/faults
	$(BIN)/python tests/faults/against_apscheduler.py

# Years of fictional clinics, with everything going wrong: make simulate SEEDS=100 PUMP_YEARS=10 JOBS=2
simulate: $(VENV)/everything
	PYTHONPATH=. $(BIN)/python -m tests.faults.simulator --seeds $(SEEDS) --pump-years $(PUMP_YEARS) --jobs $(JOBS)

$(UV):
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "uv==$$(sed -n 's/^# uv==//p' requirements.lock)"

$(VENV)/server: $(UV) requirements.lock pyproject.toml
	$(INSTALL) --editable ".[server]"
	touch $@

$(VENV)/everything: $(VENV)/server
	$(INSTALL) --editable ".[server,fleet,postgres]" --group test --group browser --group lint
	touch $@

# Every version and hash that the project is tested with, for all platforms.
lock: $(UV)
	$(UV) pip compile --quiet --universal --python-version 3.11 --all-extras --group test --group browser --group lint \
	  --group build --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header --upgrade \
	  --output-file requirements.lock pyproject.toml
	sed -i "1i # Made by 'make lock'. Every dependency of pumpcalc, its version and its hashes.\n# uv==$$($(UV) --version | cut -d' ' -f2)" requirements.lock

clean:
	rm -rf $(VENV) var .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis
