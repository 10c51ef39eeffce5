"""How many faults are tried: a few in `make test`, `LATENTLAB_FAULTS` in `make faults`; and what came of them."""

import os
from collections import Counter

import pytest


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """`moment`: the number of a seeded random moment."""
    if "moment" in metafunc.fixturenames:
        metafunc.parametrize("moment", range(int(os.environ.get("LATENTLAB_FAULTS", "3"))))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Counts the faults by kind and outcome: a kill that came too late to hit anything shows here."""
    tried = Counter(
        (fault, outcome)
        for outcome in ("passed", "failed", "skipped")
        for report in terminalreporter.stats.get(outcome, [])
        for name, fault in getattr(report, "user_properties", [])
        if name == "fault" and report.when == "call"
    )
    if tried:
        terminalreporter.section("faults")
        for (fault, outcome), count in sorted(tried.items()):
            terminalreporter.write_line(f"{count:4} {outcome}: {fault}")
