"""What a metric may look at: a trained model's samples, likelihoods and real images, as judge and referee see them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from pipeline.contracts.images import Kind, scale
from pipeline.contracts.training_progress import Moment


@dataclass(frozen=True)
class Judged:
    """Images as they are seen.

    features: (N, D), the referee's. logits: (N, K), the judge's. labels: (N, K) uint8; of fakes, those asked for.
    originals (N,): equal where images are variants of one; None for fakes. recognised: (N, K) logits and degrees:
    (N, S), the referee's, see `pipeline.judges.referee.Seen`; None where nothing that is measured needs them.
    stored: (M, C, H, W), uint8 or float32 in [0, 1], of which the images are the `rows` (N,), None for all: most
    metrics look at features alone, and a half's images are many bytes.
    """

    stored: Tensor
    features: Tensor
    logits: Tensor
    labels: Tensor
    originals: Tensor | None = None
    rows: Tensor | None = None
    recognised: Tensor | None = None
    degrees: Tensor | None = None

    @property
    def images(self) -> Tensor:
        """(N, C, H, W) float32 in [0, 1]; a copy, unless they are stored so."""
        own = self.stored if self.rows is None else self.stored[self.rows]
        return scale(own, "unit") if own.dtype == torch.uint8 else own

    def take(self, rows: Tensor) -> "Judged":
        """Some of the images, in this order."""
        return Judged(
            self.stored,
            self.features[rows],
            self.logits[rows],
            self.labels[rows],
            None if self.originals is None else self.originals[rows],
            rows if self.rows is None else self.rows[rows],
            None if self.recognised is None else self.recognised[rows],
            None if self.degrees is None else self.degrees[rows],
        )


@dataclass(frozen=True)
class Part:
    """Which images a part of some evidence holds: rows of `test` and of `fake`, ascending."""

    test: Tensor
    fake: Tensor


@dataclass(frozen=True)
class Likelihoods:
    """A likelihood model on N held-out images; nats per image, of pixels in the model's own range.

    reconstruction: (N,) -log p(x | z), z ~ q(z | x); kl: (N,) KL(q(z | x) || p(z)), in closed form.
    log_weights: (M, S) log p(x, z_s) - log q(z_s | x) of M of the images, S draws each.
    posterior_means: (N, Z).
    comparable: whether the nats are those of a Bernoulli on [0, 1], the unit all digits models share.
    """

    reconstruction: Tensor
    kl: Tensor
    log_weights: Tensor
    posterior_means: Tensor
    comparable: bool


@dataclass(frozen=True)
class Answers:
    """What is seen in a model's drawings for a list of M label sets.

    labels: (M, K) uint8, the sets asked for. logits: (R, M, K), the judge's, R drawings of each set, every one of its
    own latent. seen: (M,) bool, whether some training image shows exactly this set. recognised: (R, M, K), the
    referee's logits; None where nothing that is measured needs them.
    """

    labels: Tensor
    logits: Tensor
    seen: Tensor
    recognised: Tensor | None = None


@dataclass(frozen=True)
class Flips:
    """What the judge sees when one attribute is asked for and when it is not, all else alike.

    without, asked: (K, M, K) logits; in block k, M drawings whose label sets differ in attribute k alone, each drawing
    without it and the one with it of the same latent. here, elsewhere: (M, K) logits of drawings of the same M label
    sets, each of two independent latents.
    """

    without: Tensor
    asked: Tensor
    here: Tensor
    elsewhere: Tensor


@dataclass(frozen=True)
class Codes:
    """Drawings of M latents under each of C codes.

    features: (C, M, D), the referee's; logits: (C, M, K), the judge's. recognised: (C, M, C), the model's own
    log Q(c | x), in nats.
    mixed: (P, M, C), the same of drawings under each of the P = C (C - 1) / 2 pairs of codes, mixed evenly, in the
    order of `itertools.combinations`.
    """

    features: Tensor
    logits: Tensor
    recognised: Tensor
    mixed: Tensor


@dataclass(frozen=True)
class Evidence:
    """All there is to know of one trained model (one seed). `train` and `test` are real images; `fake` are samples.

    conditional: whether the model was asked for the fakes' labels. kind: of labels, see `ImageSet`. likelihoods: None
    for a model that has none. reconstructed: (N, C, H, W) in [0, 1], what a model with an encoder makes of the images
    of `test`, from a draw of its posterior if it has one; None for others.
    classes: the K labels' names. answers: by list of label sets; empty where the role has no lists or the model heeds
    no labels. moments: in order of iteration, the last of each drawer at the end of training; empty for models that
    keep none. drawn_by: the drawer that drew `fake`; None for models that keep no moments. flips: of a conditional
    model of attributes; codes: of a model with a latent code; else None. curve: the seed's learning curve, rows of
    `pipeline.contracts.curves`.
    """

    train: Judged
    test: Judged
    fake: Judged
    conditional: bool
    kind: Kind
    likelihoods: Likelihoods | None
    reconstructed: Tensor | None = None
    classes: tuple[str, ...] = ()
    answers: Mapping[str, Answers] = field(default_factory=dict)
    moments: Sequence[Moment] = ()
    drawn_by: str | None = None
    flips: Flips | None = None
    codes: Codes | None = None
    curve: Sequence[Mapping[str, float]] = ()

    def whole(self) -> Part:
        """The part that holds all images."""
        device = self.test.features.device
        return Part(*(torch.arange(len(side.features), device=device) for side in (self.test, self.fake)))
