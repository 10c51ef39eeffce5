"""All pictures and films of a page, found among the results and embedded."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.report import embedding
from pipeline.report.embedding import Picture, Reel
from pipeline.report.overview import Tile
from pipeline.report.settings import Settings


@dataclass(frozen=True)
class Embedded:
    """figures, films, plain: by file; plain are pictures without type."""

    figures: Mapping[Path, Picture]
    films: Mapping[Path, Reel]
    plain: Mapping[Path, Picture]


def drawn(results: Path, names: Collection[str]) -> list[Path]:
    """The files of the experiments' figures."""
    return [path for name in names for path in sorted((results / "figures" / name).glob("*.png"))]


def led(results: Path, settings: Settings, names: Collection[str]) -> list[Path]:
    """The files of the figures that sections begin with, as far as they are drawn: a figure may not apply any more."""
    named = [picture for part in settings.sections for lead in part.leads for picture in lead.pictures]
    paths = [results / f"figures/{name}.png" for name in named if name.split("/")[0] in names]
    return [path for path in paths if path.exists()]


def embedded(
    results: Path,
    names: Collection[str],
    settings: Settings,
    sizes: Path,
    tiles: Sequence[Tile],
    most: int,
    show: Callable[[int, int], None] = lambda done, total: None,
) -> Embedded:
    """Everything that a page of these experiments shows, in at most so many characters; sizes: one figure more.

    What sections begin with is counted twice, as it comes again below. `show` is told how many figures are done, and
    of how many.
    """
    paths = [sizes, *drawn(results, names), *led(results, settings, names)]
    show(0, len(paths))
    moving = [path for name in names for path in sorted((results / "showcase" / name).glob("*.webp"))]
    films = {path: embedding.reel(path) for path in moving}
    plain = {tile.cover: embedding.plain(tile.cover) for tile in tiles}
    taken = sum(reel.characters for reel in films.values()) + sum(len(each.data) for each in plain.values())
    figures = embedding.embedded(paths, most - taken, lambda done: show(done, len(paths)))
    return Embedded(figures, films, plain)
