"""A judge or referee that diverges says so in a line, and is not kept; nor are weights that are not finite taken."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from pipeline.contracts.images import ImageSet
from pipeline.ground.errors import InputError
from pipeline.judges import classifier, referee
from pipeline.judges.scores import accuracy, recognised

JUDGE = classifier.Settings(
    weights="none", network="small", width=4, batch=16, epochs=2, learning_rate=0.01, precision="float32"
)
REFEREE = referee.Settings(width=4, batch=16, epochs=2, learning_rate=0.01, illegible=3.0, precision="float32")


def begun(what: str, data: ImageSet) -> tuple[torch.nn.Module, Callable[[], None]]:
    """A fresh judge or referee, and what trains it."""
    if what == "judge":
        judge = classifier.build(JUDGE, data)
        return judge, lambda: classifier.fit(judge, data, JUDGE, lambda *_: None)
    seeing = referee.build(REFEREE, data)
    return seeing, lambda: referee.fit(seeing, data, REFEREE, lambda *_: None)


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("what", ["judge", "referee"])
def test_a_bad_number_among_the_weights_stops_with_step_and_name(what: str, value: float, tiny: ImageSet) -> None:
    network, fit = begun(what, tiny)
    next(network.parameters()).data.fill_(value)
    with pytest.raises(InputError) as error:
        fit()
    assert "\n" not in str(error.value)
    assert " at step " in str(error.value)
    assert "of 12; a smaller learning rate may help" in str(error.value)


@pytest.mark.parametrize("what", ["judge", "referee"])
def test_statistics_that_no_loss_looks_at_are_looked_at(what: str, tiny: ImageSet) -> None:
    network, fit = begun(what, tiny)
    statistics = next(values for name, values in network.named_buffers() if name.endswith("running_var"))
    statistics.fill_(math.inf)
    with pytest.raises(InputError, match=r"norm of .*running_var is inf at step"):
        fit()


def test_ones_own_weights_that_are_not_finite_are_refused(tiny: ImageSet, tmp_path: Path) -> None:
    judge = classifier.build(JUDGE, tiny)
    state = judge.network.state_dict()
    next(iter(state.values())).view(-1)[0] = math.nan
    torch.save(state, tmp_path / "own.pt")
    with pytest.raises(InputError, match=r"own\.pt: .* has numbers that are not finite"):
        classifier.load_own(tmp_path / "own.pt", classifier.build(JUDGE, tiny))


def test_scores_of_no_label_are_refused() -> None:
    logits, nothing = torch.zeros(3, 4), torch.zeros(3, 4, dtype=torch.uint8)
    for kind in ("classes", "objects"):
        with pytest.raises(InputError, match="at least one label that holds, found none"):
            accuracy(logits, nothing, kind)
    with pytest.raises(InputError, match="at least one label that holds, found none"):
        recognised(logits, nothing)
    assert accuracy(logits, nothing, "attributes") == 1
    with pytest.raises(InputError, match="at least one answer, found none"):
        accuracy(logits[:0], nothing[:0], "attributes")
