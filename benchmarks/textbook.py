"""Each family's training as tutorials write it: what ours is held against.

The same networks and sizes as the experiment, the same updates of the same players, and the same images: one counts
once a pass, as `images_seen` of the loop does. All else is the tutorials': float32, torch's own layers in its default
memory format, a Dataset of PIL images through ToTensor and Normalize, a DataLoader, optimisers as torch builds them,
sigmoid before BCELoss, `zero_grad`, `backward` into every weight there is, needed or not, `step`, and `item()` of each
loss every iteration; one seed at a time, no moving average of weights, no schedule of the learning rate. Fakes that one
player has drawn are used again by the next in turn, as in the tutorials, and in ours.

After pytorch/examples (vae, dcgan), the PyTorch tutorial "DCGAN", and the papers' algorithms of the other families.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from benchmarks.experiments import built, draws
from pipeline.contracts.images import ImageSet, Pixels
from pipeline.contracts.model import GenerativeModel
from pipeline.contracts.patches import Patches
from pipeline.costs.work import Entry
from pipeline.training.loop import Optimiser

Step = Callable[[Tensor, Tensor], dict[str, float]]  # images (B, C, H, W) and labels (B, K) of a batch to its losses


class Pictures(Dataset[tuple[Tensor, Tensor]]):
    """Training images one by one, as torchvision's data sets hand them out: (C, H, W) in the model's range, and labels
    (K,).
    """

    def __init__(self, data: ImageSet, pixels: Pixels) -> None:
        from torchvision.transforms import Compose, Normalize, ToTensor

        arrays = data.images.cpu().permute(0, 2, 3, 1).contiguous().numpy()
        self.arrays = arrays[..., 0] if arrays.shape[3] == 1 else arrays
        self.labels = data.labels.cpu().float()
        centred = [Normalize([0.5] * data.shape[0], [0.5] * data.shape[0])] if pixels == "symmetric" else []
        self.transform = Compose([ToTensor(), *centred])

    def __len__(self) -> int:
        return len(self.arrays)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self.transform(Image.fromarray(self.arrays[index])), self.labels[index]


@contextmanager
def plain() -> Iterator[None]:
    """Networks without what ours do for speed: torch's default memory format where they ask for channels_last, and the
    transposed convolution that a tutorial has where they compute it as a product (`Patches`).
    """
    contiguous = Tensor.contiguous
    with (
        mock.patch.object(Tensor, "contiguous", lambda tensor, **layout: contiguous(tensor)),
        mock.patch.object(Patches, "forward", lambda layer, maps: layer.convolution(maps)),
    ):
        yield


def optimiser(settings: Optimiser, *modules: nn.Module) -> torch.optim.Optimizer:
    """The experiment's, as torch builds it by default."""
    weights = [weight for module in modules for weight in module.parameters()]
    common: dict[str, Any] = {"lr": settings.learning_rate, "weight_decay": settings.weight_decay}
    if settings.algorithm == "adam":
        return torch.optim.Adam(weights, betas=settings.betas, **common)
    return torch.optim.RMSprop(weights, **common)


def verdict(scores: Tensor, real: bool) -> Tensor:
    """Binary cross-entropy of sigmoid(scores) (B,) and one answer for all."""
    return nn.BCELoss()(torch.sigmoid(scores), torch.full_like(scores, float(real)))


def label_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Binary cross-entropy of sigmoid(logits) and labels, both (B, K), summed over labels."""
    return nn.BCELoss(reduction="sum")(torch.sigmoid(logits), labels) / len(logits)


def vae(model: Any, entry: Entry) -> Step:
    optimizer = optimiser(entry.training.optimisers["vae"], model.encoder, model.decoder)

    def step(x: Tensor, y: Tensor) -> dict[str, float]:
        optimizer.zero_grad()
        mean, logvar = model.encoder(x, y).chunk(2, 1)
        z = mean + torch.exp(0.5 * logvar) * torch.randn_like(mean)
        out = model.decoder(z, y)
        if model.bernoulli:
            rebuilt = F.binary_cross_entropy(torch.sigmoid(out), x, reduction="sum")
        else:
            rebuilt = F.mse_loss(torch.tanh(out), x, reduction="sum") / (2 * model.sigma**2)
        kl = -0.5 * torch.sum(1 + logvar - mean.pow(2) - logvar.exp())
        loss = (rebuilt + kl) / len(x)
        loss.backward()
        optimizer.step()
        return {"vae": loss.item()}

    return step


def ae(model: Any, entry: Entry) -> Step:
    optimizer = optimiser(entry.training.optimisers["autoencoder"], model.encoder, model.decoder)

    def step(x: Tensor, y: Tensor) -> dict[str, float]:
        optimizer.zero_grad()
        loss = F.mse_loss(torch.tanh(model.decoder(model.encoder(x, y), y)), x)
        loss.backward()
        optimizer.step()
        return {"autoencoder": loss.item()}

    return step


def gan(model: Any, entry: Entry) -> Step:
    settings, rates = model.settings, entry.training.optimisers
    net_g, net_d, net_c = model.generator.current, model.discriminator, model.classifier
    optimizer_d, optimizer_g = optimiser(rates["discriminator"], net_d), optimiser(rates["generator"], net_g)
    optimizer_c = optimiser(rates["classifier"], net_c) if net_c is not None else None
    share, hinge = (0.5 if settings.halved else 1.0), settings.loss == "hinge"

    def draw(y: Tensor) -> Tensor:
        return torch.tanh(net_g(torch.randn(len(y), model.latent, device=y.device), y))

    def judged(images: Tensor, y: Tensor, real: bool) -> Tensor:
        scores = net_d(images, y).view(-1)
        return F.relu(1 - scores if real else 1 + scores).mean() if hinge else verdict(scores, real)

    def step(x: Tensor, y: Tensor) -> dict[str, float]:
        net_d.zero_grad()
        loss_real = share * judged(x, y, True)
        loss_real.backward()
        fake = draw(y)
        loss_fake = share * judged(fake.detach(), y, False)
        loss_fake.backward()
        optimizer_d.step()
        losses = {"real": loss_real.item(), "fake": loss_fake.item()}

        if optimizer_c is not None:
            net_c.zero_grad()
            loss_c = label_loss(net_c(x, y), y)
            if settings.rejection:
                loss_c = loss_c + settings.rejection * label_loss(net_c(fake.detach(), y), torch.zeros_like(y))
            loss_c.backward()
            optimizer_c.step()
            losses["classifier"] = loss_c.item()

        for turn in range(settings.generator_steps):
            net_g.zero_grad()
            fake = draw(y) if turn else fake
            loss_g = -net_d(fake, y).view(-1).mean() if hinge else verdict(net_d(fake, y).view(-1), True)
            if net_c is not None:
                loss_g = loss_g + settings.auxiliary * label_loss(net_c(fake, y), y)
            loss_g.backward()
            optimizer_g.step()
            losses["generator"] = loss_g.item()
        return losses

    return step


def wgan(model: Any, entry: Entry) -> Step:
    """A critic's update every batch, a generator's every `critic_steps` batches."""
    settings, rates = model.settings, entry.training.optimisers
    net_g, critic = model.generator.current, model.critic
    optimizer_c, optimizer_g = optimiser(rates["critic"], critic), optimiser(rates["generator"], net_g)
    batches = 0

    def draw(y: Tensor) -> Tensor:
        return torch.tanh(net_g(torch.randn(len(y), model.latent, device=y.device), y))

    def penalty(real: Tensor, fake: Tensor, y: Tensor) -> Tensor:
        alpha = torch.rand(len(real), 1, 1, 1, device=real.device)
        points = (alpha * real + (1 - alpha) * fake).requires_grad_(True)
        scores = critic(points, y)
        (slope,) = torch.autograd.grad(scores, points, torch.ones_like(scores), create_graph=True, retain_graph=True)
        return ((slope.view(len(slope), -1).norm(2, dim=1) - 1) ** 2).mean()

    def step(x: Tensor, y: Tensor) -> dict[str, float]:
        nonlocal batches
        optimizer_c.zero_grad()
        fake = draw(y).detach()
        loss_c = critic(fake, y).mean() - critic(x, y).mean()
        if settings.constraint == "penalty":
            loss_c = loss_c + settings.strength * penalty(x, fake, y)
        loss_c.backward()
        optimizer_c.step()
        if settings.constraint == "clip":
            for weight in critic.parameters():
                weight.data.clamp_(-settings.strength, settings.strength)
        losses = {"critic": loss_c.item()}
        batches += 1
        if batches % settings.critic_steps == 0:
            optimizer_g.zero_grad()
            loss_g = -critic(draw(y), y).mean()
            loss_g.backward()
            optimizer_g.step()
            losses["generator"] = loss_g.item()
        return losses

    return step


def acgan(model: Any, entry: Entry) -> Step:
    settings, rates = model.settings, entry.training.optimisers
    net_g, trunk, net_real, net_labels = model.generator.current, model.trunk, model.real, model.labels
    optimizer_d, optimizer_c = (
        optimiser(rates["discriminator"], trunk, net_real),
        optimiser(rates["classifier"], trunk, net_labels),
    )
    optimizer_g = optimiser(rates["generator"], net_g)

    def step(x: Tensor, y: Tensor) -> dict[str, float]:
        optimizer_d.zero_grad()
        loss_real = verdict(net_real(trunk(x)).view(-1), True)
        loss_real.backward()
        fake = torch.tanh(net_g(torch.randn(len(y), model.latent, device=y.device), y))
        loss_fake = verdict(net_real(trunk(fake.detach())).view(-1), False)
        loss_fake.backward()
        optimizer_d.step()

        optimizer_c.zero_grad()
        loss_c = label_loss(net_labels(trunk(x)), y)
        if settings.label_fakes:
            loss_c = loss_c + settings.label_fakes * label_loss(net_labels(trunk(fake.detach())), y)
        loss_c.backward()
        optimizer_c.step()

        optimizer_g.zero_grad()
        features = trunk(fake)
        loss_g = verdict(net_real(features).view(-1), True) + settings.auxiliary * label_loss(net_labels(features), y)
        loss_g.backward()
        optimizer_g.step()
        found = {"real": loss_real, "fake": loss_fake, "classifier": loss_c, "generator": loss_g}
        return {name: loss.item() for name, loss in found.items()}

    return step


def infogan(model: Any, entry: Entry) -> Step:
    settings, rates = model.settings, entry.training.optimisers
    net_g, trunk, net_real, net_q = model.generator.current, model.trunk, model.real, model.recogniser
    optimizer_d, optimizer_q = (
        optimiser(rates["discriminator"], trunk, net_real),
        optimiser(rates["recogniser"], trunk, net_q),
    )
    optimizer_g = optimiser(rates["generator"], net_g)

    def step(x: Tensor, y: Tensor) -> dict[str, float]:
        optimizer_d.zero_grad()
        loss_real = verdict(net_real(trunk(x)).view(-1), True)
        loss_real.backward()
        code = torch.randint(settings.codes, (len(x),), device=x.device)
        z = torch.randn(len(x), settings.latent, device=x.device)
        fake = torch.tanh(net_g(torch.cat([z, F.one_hot(code, settings.codes).float()], 1), y))
        loss_fake = verdict(net_real(trunk(fake.detach())).view(-1), False)
        loss_fake.backward()
        optimizer_d.step()

        optimizer_q.zero_grad()
        loss_q = F.cross_entropy(net_q(trunk(fake.detach())), code)
        loss_q.backward()
        optimizer_q.step()

        optimizer_g.zero_grad()
        features = trunk(fake)
        information = settings.information * F.cross_entropy(net_q(features), code)
        loss_g = verdict(net_real(features).view(-1), True) + information
        loss_g.backward()
        optimizer_g.step()
        found = {"real": loss_real, "fake": loss_fake, "recogniser": loss_q, "generator": loss_g}
        return {name: loss.item() for name, loss in found.items()}

    return step


FAMILIES: dict[str, Callable[[Any, Entry], Step]] = {
    "vae": vae,
    "ae": ae,
    "gan": gan,
    "wgan": wgan,
    "acgan": acgan,
    "infogan": infogan,
}


def started(entry: Entry, data: ImageSet, device: torch.device) -> tuple[GenerativeModel, Step, int]:
    """The experiment's model in default memory format, its step, and how many batches an iteration takes."""
    model = built(entry, data).to(memory_format=torch.contiguous_format).to(device).train()
    return model, FAMILIES[entry.experiment.family](model, entry), draws(model)


def images_a_second(
    entry: Entry, data: ImageSet, seconds: float, workers: int, device: torch.device | None = None
) -> float:
    """Training images a second, for at least so many seconds after two iterations to warm up.

    workers: the DataLoader's; 0 loads in this process. Whole iterations are counted, with the critic's batches.
    """
    device = device or torch.device("cpu")
    with plain():
        model, step, an_iteration = started(entry, data, device)
        loader = DataLoader(
            Pictures(data, model.pixels), entry.training.batch, shuffle=True, num_workers=workers, drop_last=False
        )
        seen = batches = 0
        start: float | None = None
        while True:
            for images, labels in loader:
                step(images.to(device), labels.to(device))
                batches, seen = batches + 1, seen + len(images)
                now = time.perf_counter()
                if start is None and batches == 2 * an_iteration:
                    start, seen = now, 0
                elif start is not None and batches % an_iteration == 0 and now - start >= seconds:
                    return seen / (now - start)
