"""`latentlab check`: whether params.yaml and conclusions.yaml are valid."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.ground.errors import InputError

ROLES = ("data", "classifier", "referee", "evaluation", "figures")  # blocks with an entry for each role
BLOCKS = (*ROLES, "report", "experiments")


def check(
    quick: Annotated[bool, typer.Option("--quick", help="Build no models: a fraction of a second.")] = False,
) -> None:
    """Validate params.yaml: every key, type, range, plug-in and data role; and conclusions.yaml.

    Then build each experiment's model, without memory, and see whether it can be trained as described.
    Prints each fault on a line of its own. A conclusion about an experiment that params.yaml does not have is no fault,
    as one may have taken the experiment out: `dvc repro` leaves it undecided. What metrics there are only `dvc repro`
    tells.
    """
    from pipeline.conclusions import claims
    from pipeline.ground import params

    content, reports = params.load(), params.load(claims.FILE)
    found = [*faults(content), *claims.faults(reports)]
    if not found and not quick:
        from tools.models import misfits

        found = misfits(content)
    if found:
        raise InputError("\nerror: ".join(found))
    written = [claims.parse(name, value) for name, value in reports.items()]
    named = dict.fromkeys(name for each in written for name in each.experiments)
    print(f"params.yaml is valid: {len(content['experiments'])} experiments")
    print(f"conclusions.yaml is valid: {len(written)} conclusions")
    if unknown := [name for name in named if name not in content["experiments"]]:
        print(
            f"note: conclusions about experiments that params.yaml does not have stay undecided: {', '.join(unknown)}"
        )


def faults(content: Mapping[str, Any]) -> list[str]:
    """What is wrong with a params.yaml's content, a line each."""
    found: list[str] = []

    def tried(step: Callable[[], None]) -> None:
        try:
            step()
        except InputError as error:
            found.append(" ".join(str(error).splitlines()))  # a key may hold anything

    found += [
        f"params.yaml: {key}: unknown block, expected {', '.join(BLOCKS)}" for key in content if key not in BLOCKS
    ]
    for block in BLOCKS:
        if not isinstance(content.get(block), Mapping) or not content[block]:
            found.append(
                f"params.yaml: {block}: expected a mapping with at least one entry, found {content.get(block)!r}"
            )
    if found:
        return found
    for block in (*ROLES, "experiments"):
        for name in content[block]:
            tried(partial(_name, block, name))
    if found:
        return found
    for block in ROLES:
        for role, value in content[block].items():
            tried(partial(_role, content, block, role, value))
    for name, value in content["experiments"].items():
        tried(partial(_experiment, content, name, value))
    if not found:  # or a wrong experiment would be told as the report's fault
        tried(partial(_report, content))
    return found


def _name(block: str, name: Any) -> None:
    """Names stand in paths, and in commands that a shell reads."""
    from pipeline.ground.params import NAME, NAMES

    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise InputError(f"params.yaml: {block}: {NAMES}, found {name!r}")


def _once(key: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise InputError(f"params.yaml: {key}: expected each entry once, found {name!r} again")
        seen.add(name)


def _role(content: Mapping[str, Any], block: str, role: str, value: Any) -> None:
    from pipeline.ground import params, plugins
    from tools.schemas import settings

    if block == "data" and role not in plugins.names("data"):
        known = ", ".join(plugins.names("data"))
        raise InputError(f"params.yaml: data.{role}: no such file pipeline/data/{role}.py; found {known}")
    schema = {
        "data": f"data/{role}",
        "classifier": "judges/classifier",
        "referee": "judges/referee",
        "evaluation": "evaluation/collect",
        "figures": "figures/common/inputs",
    }[block]
    checked: Any = params.parse(settings(schema), value, f"{block}.{role}")
    if role not in content["data"]:
        raise InputError(f"params.yaml: {block}.{role}: expected a role of data, {', '.join(content['data'])}")
    judge = getattr(checked, "network", None)
    named = {"network": ("judges/networks", () if judge is None else (judge,))}
    named |= {"metrics": ("evaluation/metrics", getattr(checked, "metrics", ()))}
    named |= {"figures": ("figures", getattr(checked, "figures", ()))}
    for key, (folder, names) in named.items():
        _once(f"{block}.{role}.{key}", names)
        for name in names:
            if name not in plugins.names(folder):
                raise InputError(f"params.yaml: {block}.{role}.{key}: no such file pipeline/{folder}/{name}.py")
    _files(f"{block}.{role}", checked)
    if block in ("classifier", "referee"):
        images = getattr(params.parse(settings(f"data/{role}"), content["data"][role], f"data.{role}"), "train")  # noqa: B009
        if checked.batch > images:
            raise InputError(
                f"params.yaml: {block}.{role}.batch: expected at most the {images} training images, found"
                f" {checked.batch}"
            )


def _files(where: str, checked: Any) -> None:
    """Folders and files that settings name are there."""
    folder, weights = getattr(checked, "folder", None), getattr(checked, "weights", None)
    if folder is not None and checked.source == "folder" and not Path(folder).is_dir():
        raise InputError(f"params.yaml: {where}.folder: expected a folder, found none at {folder}")
    if weights is not None and not Path(weights).exists():
        raise InputError(
            f"params.yaml: {where}.weights: expected a file of weights or a folder, found none at {weights}"
        )


def _report(content: Mapping[str, Any]) -> None:
    from pipeline.ground import params
    from tools.schemas import settings

    checked: Any = params.parse(settings("report/settings"), content["report"], "report")
    for role, metrics in checked.metrics.items():
        _once(f"report.metrics.{role}", metrics)
        if role not in content["data"]:
            known = ", ".join(content["data"])
            raise InputError(f"params.yaml: report.metrics.{role}: expected a role of data, {known}")
    parts = {f"report.sections.{number}.experiments": part.experiments for number, part in enumerate(checked.sections)}
    for key, names in {"report.explorer": checked.explorer, **parts}.items():
        for name in names:
            if name not in content["experiments"]:
                raise InputError(f"params.yaml: {key}: expected entries of experiments, found {name!r}")
    _once("report.explorer", checked.explorer)
    _once("report.overview", checked.overview)
    for name in checked.overview:
        if name not in content["experiments"]:
            raise InputError(f"params.yaml: report.overview: expected entries of experiments, found {name!r}")
    for number, part in enumerate(checked.sections):
        for picture in (picture for lead in part.leads for picture in lead.pictures):
            _picture(content, f"report.sections.{number}.leads", picture)
    named = [name for names in parts.values() for name in names]
    if twice := next((name for name in named if named.count(name) > 1), None):
        raise InputError(f"params.yaml: report.sections: expected each experiment once, found {twice!r} again")
    for name in checked.explorer:
        wanted = {"data": "digits", "family": "vae", "network": "mlp"}
        block = content["experiments"][name]
        if isinstance(block, Mapping) and any(block.get(key) != value for key, value in wanted.items()):
            found = ", ".join(f"{key}: {block.get(key)}" for key in wanted)
            raise InputError(
                f"params.yaml: report.explorer: expected experiments with data: digits, family: vae, network: mlp, as "
                f"the page's own decoder draws no others; found {name!r} with {found}"
            )


def _picture(content: Mapping[str, Any], key: str, picture: str) -> None:
    """A picture is an experiment's, and one of the figures of its role, several of which a figure may draw."""
    name, _, kind = picture.partition("/")
    block = content["experiments"].get(name)
    role = block.get("data") if isinstance(block, Mapping) else None
    drawn = content["figures"][role]["figures"] if role in content["figures"] else ()
    if not any(kind == each or kind.startswith(f"{each}_") for each in drawn):
        raise InputError(f"params.yaml: {key}: expected EXPERIMENT/FIGURE, a figure of its role, found {picture!r}")


def _experiment(content: Mapping[str, Any], name: str, value: Any) -> None:
    from pipeline.training.experiment import head, plan
    from tools.schemas import settings

    where = f"experiments.{name}"
    common = head(value, where)
    plan(
        value,
        where,
        settings(f"models/{common.family}"),
        settings(f"networks/{common.network}"),
        settings("training/loop"),
    )
    for block in ROLES:
        if common.data not in content[block]:
            known = ", ".join(content[block])
            raise InputError(f"params.yaml: {where}.data: expected a role of {block} ({known}), found {common.data!r}")
