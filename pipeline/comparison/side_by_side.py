"""A page of the pictures that two or more revisions have of an experiment, side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.comparison.revisions import Project, Revision
from pipeline.ground.files import replacing


@dataclass(frozen=True)
class Row:
    """An experiment. pictures: a name and, for each revision, the file's path from the page, empty without one.

    alike: names of those that are the same, byte by byte, in all revisions; they are not shown.
    """

    name: str
    pictures: Sequence[tuple[str, Sequence[str]]]
    alike: Sequence[str]


def write(
    project: Project, title: str, revisions: Mapping[str, Revision], experiments: Sequence[str], folder: Path
) -> list[str]:
    """Writes `folder`/index.html and the pictures that it shows. Returns what is missing, a line each.

    revisions: by what to write above their pictures.
    """
    from jinja2 import Environment, StrictUndefined

    rows, missing = [], []
    for name in experiments:
        found = [project.pictures(revision, name) for revision in revisions.values()]
        for revision, each in zip(revisions.values(), found, strict=True):
            if each is None:
                told = "`dvc pull` may bring them" if revision.commit else "`dvc repro` draws them"
                missing.append(f"{name}: no pictures of {revision.name} here; {told}")
        rows.append(_row(name, [each or {} for each in found], folder))
    # What revisions and experiments are called is anyone's choice, so it is escaped.
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    template = environment.from_string(Path(__file__).with_name("side_by_side.html.j2").read_text(encoding="utf-8"))
    notes = missing if rows else ["No experiment has other numbers."]
    page = template.render(title=title, notes=notes, experiments=rows, captions=list(revisions))
    with replacing(folder / "index.html") as beside:
        beside.write_text(page, encoding="utf-8")
    return missing


def _row(name: str, found: Sequence[Mapping[str, bytes]], folder: Path) -> Row:
    """Writes the pictures that differ, FOLDER/NUMBER/EXPERIMENT/NAME.png, and says where they are."""
    pictures, alike = [], []
    for picture in sorted({picture for each in found for picture in each}):
        if len({each.get(picture) for each in found}) == 1:
            alike.append(picture)
            continue
        paths = []
        for number, each in enumerate(found):
            path = f"{number}/{name}/{picture}.png" if picture in each else ""
            if path:
                with replacing(folder / path) as beside:
                    beside.write_bytes(each[picture])
            paths.append(path)
        pictures.append((picture, paths))
    return Row(name, pictures, alike)
