"""DCGAN's layers, sizes and initialisation."""

from typing import Literal

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from pipeline.contracts.patches import Patches
from pipeline.contracts.resizing import Resizing
from pipeline.ground.errors import InputError
from pipeline.networks import dcgan


def _layers(module: nn.Module, *inputs: torch.Tensor) -> list[tuple[int, ...]]:
    """Output shapes of the convolutions and of the last layer, in order, without the batch."""
    shapes: list[tuple[int, ...]] = []
    for part in module.modules():
        if isinstance(part, nn.Conv2d | nn.ConvTranspose2d | Patches | Resizing) or part is module.layers[-1]:  # type: ignore[index]
            part.register_forward_hook(lambda _, __, out: shapes.append(tuple(out.shape[1:])))
    with torch.no_grad():
        module.eval()(*inputs)
    return shapes


def test_the_layers_of_report_b_at_full_width() -> None:
    network = dcgan.build(dcgan.Settings(width=64, embedding=10), (3, 32, 32))
    generator, discriminator = network.decoder(100, 10), network.encoder(1, 10)
    labels = torch.eye(10)[:2]
    assert _layers(generator, torch.randn(2, 100), labels) == [(256, 4, 4), (128, 8, 8), (64, 16, 16), (3, 32, 32)]
    assert _layers(discriminator, torch.randn(2, 3, 32, 32), labels) == [
        (64, 16, 16),
        (128, 8, 8),
        (256, 4, 4),
        (1,),
    ]
    convolutions = [part for part in discriminator.modules() if isinstance(part, nn.Conv2d)]
    assert convolutions[0].in_channels == 4  # the image and the label's plane
    assert {part.kernel_size for part in convolutions} == {(4, 4)}


def test_the_layers_of_report_c_at_full_width() -> None:
    network = dcgan.build(dcgan.Settings(width=64, embedding=100), (3, 64, 64))
    generator = network.decoder(100, 24)
    discriminator = network.encoder(1, 24)
    maps = [(512, 4, 4), (256, 8, 8), (128, 16, 16), (64, 32, 32)]
    assert _layers(generator, torch.randn(2, 100), torch.zeros(2, 24)) == [*maps, (3, 64, 64)]
    assert _layers(discriminator, torch.randn(2, 3, 64, 64), torch.zeros(2, 24)) == [*maps[::-1], (1,)]
    first = next(part for part in generator.modules() if isinstance(part, nn.ConvTranspose2d))
    assert first.in_channels == 200  # the latent and the condition's 100
    # 200*512 + 512*256 + 256*128 + 128*64 + 64*3 kernels of 16, norms of 2 * (512+256+128+64), and the linear layer
    expected = 16 * (200 * 512 + 512 * 256 + 256 * 128 + 128 * 64 + 64 * 3) + 2 * 960 + 24 * 100 + 100
    assert sum(weight.numel() for weight in generator.parameters()) == expected


def test_the_layers_of_report_e_plain_and_deepened() -> None:
    zeros = torch.zeros(2, 0)
    down, up = [(64, 32, 32), (128, 16, 16), (256, 8, 8), (512, 4, 4)], [(512, 4, 4), (256, 8, 8), (128, 16, 16)]
    plain = dcgan.build(dcgan.Settings(width=64), (3, 64, 64))
    assert _layers(plain.decoder(100, 0), torch.randn(2, 100), zeros) == [*up, (64, 32, 32), (3, 64, 64)]
    assert _layers(plain.encoder(1, 0), torch.randn(2, 3, 64, 64), zeros) == [*down, (1,)]
    deep = dcgan.build(dcgan.Settings(width=64, deepened=True), (3, 64, 64))
    generator, discriminator = deep.decoder(100, 0), deep.encoder(1, 0)
    assert _layers(generator, torch.randn(2, 100), zeros) == [(512, 4, 4), *up, (64, 32, 32), (3, 64, 64)]
    assert _layers(discriminator, torch.randn(2, 3, 64, 64), zeros) == [
        (64, 32, 32),
        (128, 32, 32),
        (256, 16, 16),
        (512, 8, 8),
        (512, 4, 4),
        (1,),
    ]
    kernels = [(m.kernel_size[0], m.stride[0]) for m in discriminator.modules() if isinstance(m, nn.Conv2d)]
    assert kernels == [(4, 2), (3, 1), (4, 2), (4, 2), (4, 2)]
    added = [part for part in generator.modules() if isinstance(part, nn.ConvTranspose2d)][1]
    assert (added.kernel_size, added.stride) == ((3, 3), (1, 1))
    counts = [sum(w.numel() for w in module.parameters()) for module in (generator, discriminator)]
    norms = [2 * (512 + 512 + 256 + 128 + 64), 2 * (128 + 256 + 512 + 512)]
    kernels_up = 16 * (100 * 512 + 512 * 256 + 256 * 128 + 128 * 64 + 64 * 3) + 9 * 512 * 512
    kernels_down = 16 * (3 * 64 + 128 * 256 + 256 * 512 + 512 * 512 + 512) + 9 * 64 * 128
    assert counts == [kernels_up + norms[0], kernels_down + norms[1]]


def test_initialisation_reaches_transposed_convolutions_too() -> None:
    """The known fault: weight initialisation that forgets transposed convolutions."""
    torch.manual_seed(0)
    network = dcgan.build(dcgan.Settings(width=16), (3, 32, 32))
    for module in (network.decoder(50, 0), network.encoder(1, 0)):
        kinds = set()
        for part in module.modules():
            if isinstance(part, nn.Conv2d | nn.ConvTranspose2d):
                kinds.add(type(part))
                assert part.weight.std().item() == pytest.approx(0.02, rel=0.15)
                assert part.bias is None
            elif isinstance(part, nn.BatchNorm2d):
                assert part.weight.mean().item() == pytest.approx(1, abs=0.02)
                assert part.weight.std().item() > 0
                assert not part.bias.any()
                assert part.momentum == 0.1  # the known fault: BatchNorm2d(n, 0.8) sets eps
                assert part.eps == 1e-5
        assert len(kinds) == 1


@pytest.mark.parametrize("deepened", [False, True])
def test_resized_it_is_the_same_network_without_a_checkerboard_to_begin_with(deepened: bool) -> None:
    """The checkerboard: how far the four pixels that come of one differ on the average, which flat maps show."""
    energy = {}
    upsampling: Literal["transposed", "resized"]
    for upsampling in ("transposed", "resized"):
        torch.manual_seed(0)
        network = dcgan.build(dcgan.Settings(width=8, deepened=deepened, upsampling=upsampling), (3, 64, 64))
        generator = network.decoder(10, 0).train()
        assert not any(isinstance(m, Resizing) for m in network.encoder(1, 0).modules())
        shapes = _layers(generator, torch.randn(2, 10), torch.zeros(2, 0))
        assert shapes[-4:] == [(32, 8, 8), (16, 16, 16), (8, 32, 32), (3, 64, 64)]
        assert sum(isinstance(m, Resizing) for m in generator.modules()) == (4 if upsampling == "resized" else 0)
        with torch.no_grad():
            images = generator.train()(torch.randn(64, 10), torch.zeros(64, 0))
        inner = images[:, :, 8:-8, 8:-8]
        phases = torch.stack([inner[:, :, row::2, column::2].mean((2, 3)) for row in (0, 1) for column in (0, 1)])
        energy[upsampling] = (phases.var(0).mean() / inner.var((2, 3)).mean()).item()
    assert energy["resized"] < energy["transposed"] / 10


@pytest.mark.parametrize("deepened", [False, True])
@pytest.mark.parametrize(("side", "sides"), [(64, [4, 8, 16]), (32, [4, 8])])
@torch.no_grad()
def test_with_skips_coarse_images_are_added_to_the_same_network(side: int, sides: list[int], deepened: bool) -> None:
    generators, settings = [], {"width": 4, "deepened": deepened, "upsampling": "resized"}
    for skips in (False, True):
        torch.manual_seed(0)
        network = dcgan.build(dcgan.Settings.model_validate({**settings, "skips": skips}), (3, side, side))
        generators.append(network.decoder(10, 2).eval())
    plain, skipping = generators
    skipping.load_state_dict(plain.state_dict(), strict=False)
    latents, labels = torch.randn(5, 10), torch.eye(2)[[0, 1, 0, 1, 0]]
    maps = dict.fromkeys(sides, torch.empty(0))  # the last ones of each size
    for part in plain.layers:  # type: ignore[union-attr]
        if isinstance(part, nn.ReLU):
            part.register_forward_hook(lambda _, __, out: maps.update({out.shape[-1]: out.clone()}))
    image = plain(latents, labels)
    for layer, size in zip(skipping.skips.drawing, sides, strict=True):  # type: ignore[union-attr, arg-type]
        coarse = torch.einsum("bchw,oc->bohw", maps[size], layer.weight)
        for enlarged in [*sides[sides.index(size) + 1 :], side]:
            coarse = F.interpolate(coarse, size=enlarged, mode="bilinear")
        image = image + coarse
    torch.testing.assert_close(skipping(latents, labels), image, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("normalisation", ["layer", "none"])
def test_a_critic_without_batch_norm_scores_each_image_by_itself(normalisation: str) -> None:
    """What a gradient penalty needs; with batch norm it would not hold."""
    torch.manual_seed(0)
    images, labels = torch.randn(6, 3, 16, 16), torch.zeros(6, 0)
    critic = dcgan.build(dcgan.Settings(width=4, normalisation=normalisation), (3, 16, 16)).encoder(1, 0).train()  # type: ignore[arg-type]
    torch.testing.assert_close(critic(images, labels)[:2], critic(images[:2], labels[:2]), rtol=1e-4, atol=1e-6)
    batch = dcgan.build(dcgan.Settings(width=4), (3, 16, 16)).encoder(1, 0).train()
    assert not torch.allclose(batch(images, labels)[:2], batch(images[:2], labels[:2]), rtol=1e-2)


@pytest.mark.parametrize("shape", [(3, 28, 28), (3, 4, 4), (3, 32, 64)])
def test_other_sizes_are_named(shape: tuple[int, int, int]) -> None:
    with pytest.raises(InputError, match=f"found {shape[1]} x {shape[2]}"):
        dcgan.build(dcgan.Settings(width=4), shape)
