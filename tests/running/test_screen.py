"""What a terminal shows of a run."""

import io

from rich.console import Console

from pipeline.running.screen import Now, Row, Terminal


def test_a_long_line_of_output_hides_neither_its_stage_nor_its_time() -> None:
    console = Console(file=io.StringIO(), width=100, force_terminal=True, color_system=None)
    running = [
        Row("train@face_infogan_embedded", "", 75.0, "seed 0 624/1209 discriminator 0.5 generator 2.5 " * 4),
        Row("evaluate@fc_vae", "", 3.0, ""),
    ]
    Terminal(console.print, console.print, lambda: 20).update(Now(running, 3, 97, 100.0, 600.0))
    assert isinstance(console.file, io.StringIO)
    first, second, whole = console.file.getvalue().splitlines()
    assert first.startswith("train@face_infogan_embedded  75 s  seed 0 624/1209")
    assert len(first) == 100
    assert first.endswith("…")
    assert second.split() == ["evaluate@fc_vae", "3", "s"]
    assert "3 of 97 stages, about 10 min left" in whole


def test_where_each_runs_and_no_more_rows_than_fit() -> None:
    console = Console(file=io.StringIO(), width=100, force_terminal=True, color_system=None)
    running = [Row(f"train@{number}", f"worker-{number}", float(number), "") for number in range(64)]
    Terminal(console.print, console.print, lambda: 3).update(Now(running, 3, 97, 100.0, 600.0))
    assert isinstance(console.file, io.StringIO)
    lines = [line.split() for line in console.file.getvalue().splitlines()]
    assert lines[:3] == [[f"train@{n}", f"worker-{n}", str(n), "s"] for n in (63, 62, 61)]
    assert lines[3] == ["and", "61", "more"]
    assert len(lines) == 5
