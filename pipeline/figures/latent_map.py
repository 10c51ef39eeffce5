"""Which images lie together in the latent space, and whether their labels do."""

from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from pipeline.contracts.images import ImageSet, scale
from pipeline.contracts.model import EncoderModel
from pipeline.figures.common import style
from pipeline.figures.common.inputs import Inputs

COUNT, BATCH = 800, 200  # images at most, for time, and at a time
LEAST = 50  # images
PERPLEXITY, NEIGHBOURS, FOLDS = 30, 10, 5
FIRST = ("Smiling", "Male")  # panels to begin with, if there
PANELS, COLUMNS = 6, 3
SIZE, ALONE = (2.9, 2.7), (5.0, 4.6)  # inches of a panel, and of the only one
_BESIDE = 1.1  # inches of a panel that are no room for its title


def draw(inputs: Inputs) -> Figure | None:
    """One t-SNE map of the test images' latents: a panel a label, at most 6, or one panel of exclusive classes.

    None for a model without an encoder or with one latent dimension, for fewer than 50 images, and for more exclusive
    classes than there are colours.
    """
    model, test = inputs.model, inputs.test.first(COUNT)
    colours = dict(zip(test.classes if test.exclusive else ("no", "yes"), style.PALETTE, strict=False))
    if not isinstance(model, EncoderModel) or inputs.model.latent < 2 or len(test) < LEAST:
        return None
    if test.exclusive and len(test.classes) > len(colours):
        return None
    parts = zip(test.images.split(BATCH), test.labels.split(BATCH), strict=True)
    latents = torch.cat([model.code(scale(images, model.pixels), each.float()) for images, each in parts]).cpu().numpy()
    labels = test.labels.cpu().long()
    if test.exclusive:
        truths, of = {"classes": labels.argmax(1).numpy()}, "classes"
    else:
        truths, of = {test.classes[which]: labels[:, which].numpy() for which in chosen(test)}, "yes and no"
    facts = (
        f"{len(test)} test images: near each other where their latents are, by t-SNE, perplexity {PERPLEXITY}",
        "its axes have no meaning",
        f"{NEIGHBOURS}-NN: a vote of the {NEIGHBOURS} nearest images in the latent space itself, {FOLDS}-fold; share "
        f"right, mean of {of}, where guessing has {1 / len(colours):.2f}",
    )
    size = SIZE if len(truths) > 1 else ALONE
    figure, panels = style.chart(len(truths), COLUMNS, inputs.title("latent map"), inputs.caption(*facts), size)
    (across, down), shades = tsne(latents, inputs.seed).T, list(colours.values())
    for axes, (title, truth) in zip(panels, truths.items(), strict=True):
        axes.scatter(across, down, s=6, c=[shades[each] for each in truth], linewidths=0)
        _dress(axes, style.fitted(title, size[0] - _BESIDE, style.TEXT_SIZE, "bold"), vote(latents, truth))
    dot: dict[str, Any] = {"marker": "o", "linestyle": "none", "markersize": 4}
    style.legend(figure, {name: Line2D([], [], color=colour, **dot) for name, colour in colours.items()})
    return figure


def chosen(test: ImageSet) -> list[int]:
    """The labels that are shown: those of `FIRST`, then those that hold as often as not; only such as vary."""
    share = test.labels.double().mean(0)
    varying = [which for which in range(len(share)) if 0 < share[which] < 1]
    ranks = {name: rank for rank, name in enumerate(FIRST)}
    names = test.classes
    return sorted(varying, key=lambda n: (ranks.get(names[n], len(FIRST)), abs(float(share[n]) - 0.5)))[:PANELS]


def tsne(latents: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
    """Places (N, 2) of latents (N, Z) on a map."""
    from sklearn.manifold import TSNE  # slow, and the other figures do without

    found: NDArray[np.float32] = TSNE(perplexity=PERPLEXITY, init="pca", random_state=seed, n_jobs=1).fit_transform(
        latents
    )
    return found


def vote(latents: NDArray[np.float32], truth: NDArray[np.int64]) -> float:
    """Balanced accuracy of nearest neighbours' votes on classes (N,), each image told by the other folds' images."""
    from sklearn.model_selection import KFold, cross_val_predict
    from sklearn.neighbors import KNeighborsClassifier

    told = cross_val_predict(KNeighborsClassifier(NEIGHBOURS), latents, truth, cv=KFold(FOLDS))
    return float(np.mean([(told[truth == each] == each).mean() for each in np.unique(truth)]))


def _dress(axes: Axes, title: str, right: float) -> None:
    """A panel's title and how well its colours separate; no ticks, as there is nothing to read from them."""
    style.dress(axes, title, "", "")
    axes.set_title(
        f"{NEIGHBOURS}-NN {right:.2f}", loc="right", size=style.SMALL_SIZE, color=style.GREY, family=style.FONT
    )
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(True)
    axes.spines[:].set_color(style.FAINT)
