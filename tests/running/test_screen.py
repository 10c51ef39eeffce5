"""What a terminal shows of a run."""

import io

from rich.console import Console

from pipeline.running.screen import Now, Terminal


def test_a_long_line_of_output_hides_neither_its_stage_nor_its_time() -> None:
    console = Console(file=io.StringIO(), width=100, force_terminal=True, color_system=None)
    running = {
        "train@face_infogan_embedded": (75.0, "seed 0 624/1209 discriminator 0.5 generator 2.5 " * 4),
        "evaluate@fc_vae": (3.0, ""),
    }
    Terminal(console.print, console.print).update(Now(running, 3, 97, 100.0, 600.0))
    assert isinstance(console.file, io.StringIO)
    first, second, whole = console.file.getvalue().splitlines()
    assert first.startswith("train@face_infogan_embedded  75 s  seed 0 624/1209")
    assert len(first) == 100
    assert first.endswith("…")
    assert second.split() == ["evaluate@fc_vae", "3", "s"]
    assert "3 of 97 stages, about 10 min left" in whole
