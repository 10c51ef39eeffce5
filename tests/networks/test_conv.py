"""The autoencoders' network."""

import pytest
import torch
from torch import nn

from pipeline.ground.errors import InputError
from pipeline.networks import conv, dcgan, mlp, projection


def test_the_layers_of_report_d_at_full_width() -> None:
    """3-32-64-128-256, kernels of 4, stride 2, and the mirror."""
    network = conv.build(conv.Settings(width=32), (3, 64, 64))
    for module, kind, inputs, expected in (
        (network.encoder(2048, 0), nn.Conv2d, torch.randn(2, 3, 64, 64), [(32, 32), (64, 16), (128, 8), (256, 4)]),
        (network.decoder(1024, 0), nn.ConvTranspose2d, torch.randn(2, 1024), [(128, 8), (64, 16), (32, 32), (3, 64)]),
    ):
        shapes: list[tuple[int, int]] = []
        for part in module.modules():
            if isinstance(part, kind):
                assert (part.kernel_size, part.stride) == ((4, 4), (2, 2))
                part.register_forward_hook(lambda _, __, out, seen=shapes: seen.append((out.shape[1], out.shape[2])))
        with torch.no_grad():
            module.eval()(inputs, torch.zeros(2, 0))
        assert shapes == expected


@torch.no_grad()
def test_labels_matter_to_conditional_networks_only() -> None:
    network = conv.build(conv.Settings(width=2), (1, 32, 16))
    latents, images, labels = torch.randn(2, 4), torch.randn(2, 1, 32, 16), torch.eye(3)[:2]
    for condition in (0, 3):
        encoder, decoder = network.encoder(5, condition).eval(), network.decoder(4, condition).eval()
        assert encoder(images, labels).shape == (2, 5)
        assert decoder(latents, labels).shape == (2, 1, 32, 16)
        for module, inputs in ((encoder, images), (decoder, latents)):
            same = torch.equal(module(inputs, labels), module(inputs, labels.flip(0)))
            assert same is not bool(condition)


def test_other_sizes_are_named() -> None:
    with pytest.raises(InputError, match="found 28 x 28"):
        conv.build(conv.Settings(width=4), (1, 28, 28))


def test_networks_without_a_trunk_say_so() -> None:
    networks = (
        conv.build(conv.Settings(width=2), (1, 16, 16)),
        mlp.build(mlp.Settings(layers=1, hidden=2), (1, 16, 16)),
        projection.build(projection.Settings(width=2), (1, 16, 16)),
    )
    for network in networks:
        with pytest.raises(InputError, match="expected one with two heads, such as skip or dcgan"):
            network.trunk()
        with pytest.raises(InputError, match="expected one with two heads"):
            network.head(1)


@torch.no_grad()
def test_dcgans_trunk_and_head_are_its_discriminator_cut_in_two() -> None:
    network = dcgan.build(dcgan.Settings(width=4), (3, 32, 32))
    whole, trunk, head = network.encoder(5, 0).eval(), network.trunk().eval(), network.head(5)
    assert sum(w.numel() for m in (trunk, head) for w in m.parameters()) == sum(w.numel() for w in whole.parameters())
    trunk.load_state_dict({k.removeprefix("layers."): v for k, v in whole.state_dict().items() if "layers.9" not in k})
    head.load_state_dict({"weight": whole.state_dict()["layers.9.weight"]})
    images = torch.randn(3, 3, 32, 32)
    torch.testing.assert_close(head(trunk(images)), whole(images, torch.zeros(3, 0)))
