"""The projection network: what labels do, and how steep the discriminator may be."""

import torch
from torch import Tensor, nn

from pipeline.networks import projection
from pipeline.networks.projection import Discriminator

SHAPE, CLASSES = (3, 32, 32), 5


def _network() -> projection.Projection:
    torch.manual_seed(0)
    return projection.Projection(projection.Settings(width=4), SHAPE)


def _discriminator(outputs: int = 1) -> Discriminator:
    module = _network().encoder(outputs, CLASSES)
    assert isinstance(module, Discriminator)
    return module


@torch.no_grad()
def test_shapes() -> None:
    network, labels = _network(), torch.eye(CLASSES)
    assert network.decoder(7, CLASSES)(torch.randn(5, 7), labels).shape == (5, *SHAPE)
    assert network.encoder(3, CLASSES)(torch.randn(5, *SHAPE), labels).shape == (5, 3)
    assert network.widths == [4, 8, 16]


@torch.no_grad()
def test_the_score_is_linear_in_the_label_and_only_the_first_output_heeds_it() -> None:
    """psi(h) + (V y)^T h, Miyato & Koyama (2018): two labels together add what each adds alone."""
    module, images = _discriminator(3).eval(), torch.randn(4, *SHAPE)

    def scores(*on: int) -> Tensor:
        labels = torch.zeros(4, CLASSES)
        labels[:, list(on)] = 1
        return module(images, labels)

    none, one, two, both = scores(), scores(1), scores(2), scores(1, 2)
    torch.testing.assert_close(both - none, (one - none) + (two - none), rtol=1e-4, atol=1e-5)
    assert (one[:, 0] != none[:, 0]).all()
    assert torch.equal(one[:, 1:], none[:, 1:])


def test_spectral_norms_are_one() -> None:
    module = _discriminator()
    for _ in range(60):  # power iterations
        module(torch.randn(2, *SHAPE), torch.eye(CLASSES)[:2])
    module.eval()
    for part in module.modules():
        if isinstance(part, nn.Conv2d | nn.Linear):
            largest = torch.linalg.matrix_norm(part.weight.flatten(1), 2)
            torch.testing.assert_close(largest, torch.tensor(1.0), rtol=1e-2, atol=0)


@torch.no_grad()
def test_the_unconditional_networks_ignore_labels() -> None:
    network = _network()
    for module, inputs in ((network.decoder(7, 0), torch.randn(2, 7)), (network.encoder(1, 0), torch.randn(2, *SHAPE))):
        module.eval()
        assert torch.equal(module(inputs, torch.zeros(2, 3)), module(inputs, torch.ones(2, 3)))
