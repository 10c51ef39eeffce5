"""What the report says about figures, metrics and data roles; it does without what is not listed here."""

from collections.abc import Mapping
from typing import Any, Final

ROLES: Final = {"digits": "Digits", "colour": "House numbers", "scenes": "Scenes", "faces": "Faces"}
FAMILIES: Final = {
    "ae": "autoencoder",
    "vae": "VAE",
    "gan": "GAN",
    "wgan": "Wasserstein GAN",
    "acgan": "ACGAN",
    "infogan": "InfoGAN",
}

# In the page's order. By the start of the file's name: a figure's plug-in may draw several.
FIGURES: Final = {
    "samples": "What the model draws, not chosen: latents as they come, random labels.",
    "classes": "Each class drawn from the same latents: what of an image the class decides, and what the latent.",
    "conditions": "One drawing of each set of objects asked for, and what can be recognised in it.",
    "single_objects": "Every single object drawn from the same latent.",
    "flips": "Pairs of one latent, without and with an attribute asked for: whether it changes, and what else does.",
    "codes": "What a latent code, which nobody explained to the model, came to mean.",
    "reconstructions": "Test images and what of them passes through the latent.",
    "real_fake": "Real images beside drawn ones: what still tells them apart.",
    "eyes": "The eyes of drawn faces, enlarged, beside real ones: whether the two of a face match.",
    "corners": "The plane between four latents: whether images change smoothly on the way.",
    "interpolation": "From one latent to another in equal steps: whether images change smoothly.",
    "latent_map": "Which test images lie together in the latent space, and whether their labels do.",
    "curves": "Learning curves: whether training has settled, and how far seeds agree.",
    "progress": "Quality against training: whether more of it would help, and whether averaged weights draw better.",
    "learning": "The same latents and labels at each moment of training that was kept: what is learned first.",
    "cover": "A few images of the model, as they come.",
}

METRICS: Final = {
    "elbo": "evidence lower bound, nats per image",
    "reconstruction": "reconstruction term of the bound, nats per image",
    "kl": "divergence of posterior and prior, nats per image",
    "nll": "importance-weighted negative log-likelihood, nats per image",
    "density_": "the same of a Gaussian density on [-1, 1], not comparable with the others",
    "mse": "squared error of reconstructions per pixel in [0, 1]",
    "active_units": "latent dimensions that vary from image to image",
    "frechet_distance": "distance from real test images in the referee's features; not FID, which means Inception's",
    "kernel_distance": "kernel distance from real test images in the referee's features; not KID",
    "precision": "share of samples that lie among real images",
    "density": "how densely samples lie among real images",
    "recall": "share of real images that lie among samples",
    "coverage": "share of real images that have a sample near them",
    "recognised": "share of what was asked for that the referee can name with confidence",
    "nameable": "share of samples in which the referee can name anything",
    "recognised_real": "share of labels of real test images that the referee can name",
    "test_recognised": "share of the objects asked for that can be named, known sets of objects",
    "new_test_recognised": "share of the objects asked for that can be named, new sets of objects",
    "confidence": "how sure the judge is of each sample, which never learned to say that it sees nothing",
    "class_entropy": "how evenly classes are drawn; at most the logarithm of their number, 2.30 of ten",
    "blurriness": "the Gaussian blur that the samples seem to have, sigma in pixels",
    "blurriness_real": "the same of real test images",
    "sharpness": "fine detail of any kind, noise too, relative to real images",
    "nearest_train": "share of samples nearer to a training than to a test image; much above 0.5 means memorised",
    "condition_accuracy": "how often the judge finds what was asked for likelier than the rest, in smudges too",
    "condition_accuracy_real": "how often the judge is right on real test images",
    "diversity": "variety within what was asked for, relative to real images",
    "duplicates": "share of samples with a near copy among them",
    "final_": "of the trained generator, on fewer samples",
    "best_": "of the generator's best moment, on fewer samples",
    "average_": "of the moving average of the generator's weights, on fewer samples",
    "progress_": "mean over the moments of training: of two that end alike, the sooner good is better",
    "best_at": "share of training at the generator's best moment",
    "collapsed": "share of seeds whose generator collapsed",
    "spikes": "points of the opponent's loss with a spike, of a hundred",
    "loss_trend": "Kendall's tau of loss and time; -1: it falls at every step",
    "generator_trend": "Kendall's tau of the generator's loss and time",
    "opponent_trend": "Kendall's tau of the discriminator's or critic's loss and time",
    "fakes_lead": "by which share of training the classifier is right on fakes before it is on real images",
    "test_accuracy": "objects asked for among the judge's highest scores, in smudges too, known sets of objects",
    "new_test_accuracy": "the same of new sets of objects",
    "flip_rate": "how often the judge's answer follows a flipped attribute",
    "leak": "how far all other answers change with a flipped attribute, relative to another latent",
    "code_recovery": "how often an InfoGAN finds the code of its own drawing",
    "code_information": "bound of the mutual information of code and image, nats",
    "code_attribute_information": "mutual information of code and judged attribute, nats",
    "code_mixture": "how often both codes of a mixed drawing are found again",
    "collapse": "share of the samples' variation that the code alone decides; 1: the latent is ignored",
    "eye_asymmetry": "how far the eyes are from mirror images, relative to real faces",
}


def figure(kind: str) -> str:
    """A sentence about a figure, by its file's name without `.png`; empty where there is none."""
    return next((FIGURES[start] for start in _starts(kind) if start in FIGURES), "")


def place(kind: str) -> int:
    """Where a figure comes among the others: those not listed after those that are."""
    found = (number for number, start in enumerate(FIGURES) if start in _starts(kind))
    return next(found, len(FIGURES))


def metric(name: str) -> str:
    """A few words on a metric; empty where there are none."""
    prefixes = [prefix for prefix in METRICS if prefix.endswith("_") and name.startswith(prefix)]
    return METRICS.get(name) or next((METRICS[prefix] for prefix in prefixes), "")


def role(name: str) -> str:
    """A data role's name as a title."""
    return ROLES.get(name, title(name))


def objective(experiment: Mapping[str, Any]) -> str:
    """What kind of model an experiment's entry describes: `conditional VAE`."""
    family = FAMILIES.get(experiment["family"], title(experiment["family"]))
    return f"conditional {family}" if experiment.get("conditional") else family


def title(name: str) -> str:
    """`frechet_distance`: `frechet distance`."""
    return name.replace("_", " ")


def _starts(kind: str) -> list[str]:
    """`conditions_new_test`: itself, `conditions_new`, `conditions`."""
    parts = kind.split("_")
    return ["_".join(parts[:count]) for count in range(len(parts), 0, -1)]
