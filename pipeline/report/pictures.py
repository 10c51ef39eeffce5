"""All pictures and films of a page, found among the results and embedded."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.ground.errors import InputError
from pipeline.report import embedding
from pipeline.report.embedding import Picture, Reel
from pipeline.report.overview import Tile
from pipeline.report.settings import Settings


@dataclass(frozen=True)
class Embedded:
    """figures, films, plain: by file; plain are pictures without type. left_out: how many did not fit."""

    figures: Mapping[Path, Picture]
    films: Mapping[Path, Reel]
    plain: Mapping[Path, Picture]
    left_out: int


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

    Where there is more than fits, it is left out from the end of `names`, films that would take more than half; what
    sections begin with stays, and is counted twice, as it comes again below. `show` is told how many figures are done,
    and of how many. Raises InputError where not even `sizes` fits.
    """
    paths = [sizes, *led(results, settings, names), *drawn(results, names)]
    show(0, len(paths))
    moving = [path for name in names for path in sorted((results / "showcase" / name).glob("*.webp"))]
    films, left = {}, most // 2
    for path in moving:
        film = embedding.reel(path)
        left -= film.characters
        if left < 0:
            break
        films[path] = film
    plain = {tile.cover: embedding.plain(tile.cover) for tile in tiles}
    taken = sum(reel.characters for reel in films.values()) + sum(len(each.data) for each in plain.values())
    figures = embedding.embedded(paths, most - taken, lambda done: show(done, len(paths)))
    if sizes not in figures:
        raise InputError(f"results/report: expected pictures that fit into {most} characters, found more in {sizes}")
    return Embedded(figures, films, plain, len({*paths, *moving}) - len(figures) - len(films))
