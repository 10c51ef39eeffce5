"""Report D's networks, layer by layer."""

import pytest
import torch
from torch import Tensor, nn

from pipeline.contracts.patches import Patches
from pipeline.ground.errors import InputError
from pipeline.networks import skip

SHAPE = (3, 64, 64)
KINDS = nn.Conv2d | nn.ConvTranspose2d | nn.Linear | nn.AvgPool2d | Patches


def _layers(module: nn.Module, *inputs: Tensor) -> list[tuple[int, ...]]:
    """Output shapes of all layers with weights, and of the pooling, in order, without the batch."""
    shapes: list[tuple[int, ...]] = []
    for part in module.modules():
        if isinstance(part, KINDS):
            part.register_forward_hook(lambda _, __, out: shapes.append(tuple(out.shape[1:])))
    with torch.no_grad():
        module.eval()(*inputs)
    return shapes


def _count(module: nn.Module) -> int:
    return sum(weight.numel() for weight in module.parameters())


def test_the_generator_of_report_d_at_full_width() -> None:
    generator = skip.build(skip.Settings(width=64), SHAPE).decoder(256, 0)
    assert _layers(generator, torch.randn(2, 256), torch.zeros(2, 0)) == [
        (4096,),  # 2x2x1024
        (512, 4, 4),
        (256, 8, 8),
        (128, 32, 32),
        (128, 32, 32),  # by the skip path
        (64, 64, 64),
        (3, 64, 64),
    ]
    kernels = [(m.kernel_size[0], m.stride[0]) for m in generator.modules() if isinstance(m, nn.ConvTranspose2d)]
    assert kernels == [(4, 2), (4, 2), (9, 4), (16, 16), (5, 2)]
    norms = [part.num_features for part in generator.modules() if isinstance(part, nn.BatchNorm2d)]
    assert norms == [512, 128, 128]
    weights = [256 * 4096, 1024 * 512 * 16, 512 * 256 * 16, 256 * 128 * 81, 1024 * 128 * 256, 128 * 64 * 25, 64 * 3]
    biases = 4096 + 512 + 256 + 128 + 128 + 64 + 3
    assert _count(generator) == sum(weights) + biases + 2 * (512 + 128 + 128)


def test_the_discriminator_of_report_d_at_full_width() -> None:
    network = skip.build(skip.Settings(width=64), SHAPE)
    discriminator = network.encoder(1, 0)
    trunk = [(256, 32, 32), (128, 32, 32), (128, 16, 16), (64, 16, 16), (64, 8, 8), (256,)]
    assert _layers(discriminator, torch.randn(2, *SHAPE), torch.zeros(2, 0)) == [*trunk, (64,), (1,)]
    kernels = [(m.kernel_size[0], m.stride[0]) for m in discriminator.modules() if isinstance(m, nn.Conv2d)]
    assert kernels == [(5, 2), (3, 1), (3, 1), (3, 2)]
    assert not [part for part in discriminator.modules() if isinstance(part, nn.BatchNorm2d)]
    of_trunk = 3 * 256 * 25 + 256 * 128 * 9 + 128 * 64 * 9 + 64 * 64 * 9 + 4096 * 256 + 256 + 128 + 64 + 64 + 256
    assert _count(discriminator) == of_trunk + 256 * 64 + 64 + 64 + 1
    # The ACGAN's: one trunk up to the 256, two heads
    assert _layers(network.trunk(), torch.randn(2, *SHAPE)) == trunk
    assert _count(network.trunk()) == of_trunk
    assert _layers(network.head(13), torch.randn(2, 256)) == [(64,), (13,)]


def test_all_channels_but_the_images_scale_with_the_width() -> None:
    narrow = skip.build(skip.Settings(width=8), SHAPE)
    wide = _layers(skip.build(skip.Settings(width=16), SHAPE).decoder(9, 2), torch.randn(2, 9), torch.zeros(2, 2))
    thin = _layers(narrow.decoder(9, 2), torch.randn(2, 9), torch.zeros(2, 2))
    assert [shape[0] for shape in wide[:-1]] == [2 * shape[0] for shape in thin[:-1]]
    assert wide[-1] == thin[-1] == SHAPE


def test_additions_leave_the_generators_layers_and_replace_the_discriminators() -> None:
    changed = skip.build(skip.Settings(width=8, normalised=True, discriminator="strided"), SHAPE)
    plain = skip.build(skip.Settings(width=8), SHAPE)
    inputs = torch.randn(2, 5), torch.zeros(2, 0)
    assert _layers(changed.decoder(5, 0), *inputs) == _layers(plain.decoder(5, 0), *inputs)
    norms = [part.num_features for part in changed.decoder(5, 0).modules() if isinstance(part, nn.BatchNorm2d)]
    assert norms == [128, 64, 32, 16, 16, 8]
    images = torch.randn(2, *SHAPE), torch.zeros(2, 0)
    maps = [(16, 32, 32), (32, 16, 16), (64, 8, 8), (128, 4, 4)]
    assert _layers(changed.encoder(1, 0), *images) == [*maps, (1,)]
    assert changed.head(3)(changed.trunk()(images[0])).shape == (2, 3)


@torch.no_grad()
def test_labels_matter_to_conditional_networks_only() -> None:
    network = skip.build(skip.Settings(width=2), SHAPE)
    latents, images, labels = torch.randn(2, 4), torch.randn(2, *SHAPE), torch.eye(3)[:2]
    for condition in (0, 3):
        for module, inputs in ((network.decoder(4, condition), latents), (network.encoder(1, condition), images)):
            module.eval()
            same = torch.equal(module(inputs, labels), module(inputs, labels.flip(0)))
            assert same is not bool(condition)


def test_other_sizes_are_named() -> None:
    with pytest.raises(InputError, match="64 x 64 pixels, found 32 x 32"):
        skip.build(skip.Settings(width=4), (3, 32, 32))
