# `make` lists the targets. Everything runs in the virtual environment that flaskstart.sh makes.
.DEFAULT_GOAL := help
.PHONY: help run demo setup test test-browser test-drivers test-picamera2 check fix bench clean

PYTHON := $(or $(TURRET_VENV),.venv)/bin/python
PORT ?= 5000
SHELL_SCRIPTS := flaskstart.sh deploy/service tests/run .ci/run tests/virtual_pi/run-drivers tests/virtual_pi/run-picamera2

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## set up what is missing and serve, as ./flaskstart.sh does
	@./flaskstart.sh

demo: ## serve a moving test picture on this machine only, with a new password each time
	@rm -rf build/demo && mkdir -p build/demo
	@./flaskstart.sh --camera synthetic --host 127.0.0.1 --port $(PORT) --media build/demo

setup: ## set up what tests and checks need
	@./flaskstart.sh --setup-only --dev

test: setup ## run the fast tests, and the browser tests where there is Chromium
	@tests/run fast browser

test-browser: setup ## run the browser tests
	@tests/run browser

test-drivers: setup ## run the driver tests in a virtual machine (root; sets up QEMU the first time)
	@tests/virtual_pi/run-drivers

test-picamera2: ## run the Pi camera tests with the real picamera2 (root; sets up 1.1 GB the first time)
	@tests/virtual_pi/run-picamera2

check: setup ## lint, formatting, types, shell scripts, config.txt
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy
	@if command -v shellcheck >/dev/null; then echo shellcheck $(SHELL_SCRIPTS); shellcheck $(SHELL_SCRIPTS); \
	elif [ -n "$$CI" ]; then echo "shellcheck is missing: apt install shellcheck"; exit 1; \
	else echo "left out: shellcheck is not installed (apt install shellcheck)"; fi
	$(PYTHON) app.py --check-config

fix: setup ## repair what lint and formatting can repair
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .

bench: setup ## measure the speed budget on this machine (9 minutes; needs gcc)
	@$(PYTHON) benchmarks/bench.py

clean: ## remove what tests and tools made; keeps .venv and media
	rm -rf build .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -path ./.venv -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +
