"""Whether a conditional model draws what it was asked for, by the judge's verdict."""

from collections.abc import Mapping
from typing import Final

from pipeline.evaluation.evidence import Evidence
from pipeline.judges.scores import accuracy

# The judge's accuracy on real images says how far to trust the other number; it is no merit of the model.
BETTER: Final[Mapping[str, str]] = {"condition_accuracy": "higher", "condition_accuracy_real": "neither"}
SCALE: Final[Mapping[str, str]] = dict.fromkeys(BETTER, "logit")


def trials(evidence: Evidence) -> dict[str, int]:
    """One a drawing, also where it has several labels; one an original."""
    test = evidence.test
    originals = len(test.features) if test.originals is None else len(test.originals.unique())
    return {"condition_accuracy": len(evidence.fake.logits), "condition_accuracy_real": originals}


def measure(evidence: Evidence) -> dict[str, float]:
    """condition_accuracy on samples and, as its yardstick, the same on real test images; empty if not conditional.

    One image is enough. Raises InputError where nothing was asked for, but of attributes, or no test image has a label.
    """
    if not evidence.conditional:
        return {}
    return {
        "condition_accuracy": accuracy(evidence.fake.logits, evidence.fake.labels, evidence.kind),
        "condition_accuracy_real": accuracy(evidence.test.logits, evidence.test.labels, evidence.kind),
    }
