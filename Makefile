# make repro: set everything up and run the pipeline.   make test: set everything up and run all checks.
# CPU=1 after either: PyTorch without CUDA, a fifth of the size.
PYTHON ?= python3
export PATH := $(CURDIR)/.venv/bin:$(PATH)
ifdef CPU
export PIP_EXTRA_INDEX_URL := https://download.pytorch.org/whl/cpu
endif

.PHONY: repro test faults bench clean

repro: .venv/ready
	latentlab repro
	@latentlab results
	@echo "report: $(CURDIR)/results/report/index.html"

test: .venv/ready-dev
	ruff format --check .
	ruff check .
	mypy
	pytest --numprocesses auto --dist loadfile

faults: .venv/ready-dev # kills stages at 50 random moments, fills disks: at most 20 minutes on two cores
	LATENTLAB_FAULTS=50 pytest --numprocesses 2 --dist worksteal tests/faults

bench: .venv/ready # wants the machine for itself, half an hour; writes docs/performance.md
	python -m benchmarks.performance

.venv/ready: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, found " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --editable .
	@touch $@

.venv/ready-dev: .venv/ready
	.venv/bin/python -m pip install --quiet --editable '.[dev]'
	@touch $@

clean: # everything the pipeline made; downloads and DVC's cache stay
	rm -rf results/models results/curves results/progress results/figures results/report results/classifiers results/referees data/prepared .resume
