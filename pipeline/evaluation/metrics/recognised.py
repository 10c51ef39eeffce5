"""Whether what was asked for can be named in drawings: by a referee that may answer `nothing`."""

from collections.abc import Mapping
from typing import Final

from pipeline.evaluation.evidence import Evidence
from pipeline.evaluation.metrics.objects import LISTS
from pipeline.judges.scores import recognised

# What it names in real images says how far to trust the others; that is no merit of the model.
BETTER: Final[Mapping[str, str]] = {
    "recognised": "higher",
    "nameable": "higher",
    "recognised_real": "neither",
    **{f"{name}_recognised": "higher" for name in LISTS},
}
SCALE: Final[Mapping[str, str]] = dict.fromkeys(BETTER, "logit")


def trials(evidence: Evidence) -> dict[str, int]:
    """One a drawing, also where it has several labels; one a label set; one an original."""
    test = evidence.test
    originals = len(test.features) if test.originals is None else len(test.originals.unique())
    found = {"recognised": len(evidence.fake.features), "nameable": len(evidence.fake.features)}
    found |= {f"{name}_recognised": len(answers.labels) for name, answers in evidence.answers.items()}
    return found | {"recognised_real": originals}


def measure(evidence: Evidence) -> dict[str, float]:
    """recognised: of the labels asked for, the share that the referee names with confidence; of conditional models.

    nameable: the share of drawings in which it names any; of all, but of attributes, of which none need hold.
    test_recognised, new_test_recognised: as recognised, of the role's lists of label sets. recognised_real: of real
    test images, the yardstick.

    A judge's accuracy is how often the right answer beats the others; the best of bad answers counts. This is how often
    there is something to see, and it is what was asked for. It does not mind things that nobody asked for. Raises
    InputError where nothing was asked for, or no test image has a label.
    """
    fake, test = evidence.fake, evidence.test
    assert fake.recognised is not None
    assert test.recognised is not None
    values = {"recognised_real": recognised(test.recognised, test.labels)}
    if evidence.kind != "attributes":
        values["nameable"] = float((fake.recognised > 0).any(1).double().mean())
    if evidence.conditional:
        values["recognised"] = recognised(fake.recognised, fake.labels)
    for name, answers in evidence.answers.items():
        assert answers.recognised is not None
        values[f"{name}_recognised"] = recognised(answers.recognised, answers.labels.expand_as(answers.recognised))
    return values
