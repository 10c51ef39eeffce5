"""What a metric may look at: one trained model's samples, likelihoods and real images, through the judge's eyes."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Judged:
    """Images as the judge sees them.

    images: (N, C, H, W) float32 in [0, 1]. features: (N, D). logits: (N, K). labels: (N, K) uint8; of fakes, those
    asked for. originals (N,): equal where images are variants of one; None for fakes."""

    images: Tensor
    features: Tensor
    logits: Tensor
    labels: Tensor
    originals: Tensor | None = None


@dataclass(frozen=True)
class Likelihoods:
    """A likelihood model on N held-out images; nats per image, pixels in [0, 1].

    reconstruction: (N,) -log p(x | z), z ~ q(z | x); kl: (N,) KL(q(z | x) || p(z)), in closed form.
    log_weights: (M, S) log p(x, z_s) - log q(z_s | x) of M of the images, S draws each.
    posterior_means: (N, Z). reconstructed, originals: (N, C, H, W) in [0, 1].
    comparable: whether the nats are those of a Bernoulli on [0, 1], the unit all digits models share.
    """

    reconstruction: Tensor
    kl: Tensor
    log_weights: Tensor
    posterior_means: Tensor
    reconstructed: Tensor
    originals: Tensor
    comparable: bool


@dataclass(frozen=True)
class Evidence:
    """All there is to know of one trained model (one seed). `train` and `test` are real images; `fake` are samples.

    conditional: whether the model was asked for the fakes' labels. likelihoods: None for a model that has none.
    """

    train: Judged
    test: Judged
    fake: Judged
    conditional: bool
    exclusive: bool
    likelihoods: Likelihoods | None
