"""`latentlab check`: whether params.yaml is valid, in well under a second."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from pipeline.errors import InputError

ROLES = ("data", "classifier", "evaluation", "figures")  # blocks with an entry for each role


def check() -> None:
    """Validate params.yaml: every key, type, range, plug-in and data role. Prints each fault on a line of its own."""
    from pipeline import params

    content = params.load()
    if found := faults(content):
        raise InputError("\nerror: ".join(found))
    print(f"params.yaml is valid: {len(content['experiments'])} experiments")


def faults(content: Mapping[str, Any]) -> list[str]:
    """What is wrong with a params.yaml's content, a line each."""
    found: list[str] = []

    def tried(step: Callable[[], None]) -> None:
        try:
            step()
        except InputError as error:
            found.append(str(error))

    blocks = (*ROLES, "report", "experiments")
    found += [
        f"params.yaml: {key}: unknown block, expected {', '.join(blocks)}" for key in content if key not in blocks
    ]
    for block in blocks:
        if not isinstance(content.get(block), Mapping) or not content[block]:
            found.append(
                f"params.yaml: {block}: expected a mapping with at least one entry, found {content.get(block)!r}"
            )
    if found:
        return found
    for block in ROLES:
        for role, value in content[block].items():
            tried(partial(_role, content, block, str(role), value))
    tried(partial(_report, content))
    for name, value in content["experiments"].items():
        tried(partial(_experiment, content, str(name), value))
    return found


def _role(content: Mapping[str, Any], block: str, role: str, value: Any) -> None:
    from pipeline import params
    from tools.schemas import PIPELINE, settings

    schema = {"data": f"data/{role}", "classifier": "classifier", "evaluation": "evaluation", "figures": "view"}[block]
    checked = params.parse(settings(schema), value, f"{block}.{role}")
    if role not in content["data"]:
        raise InputError(f"params.yaml: {block}.{role}: expected a role of data, {', '.join(content['data'])}")
    judge = getattr(checked, "network", None)
    if judge is not None and not (PIPELINE / "judges" / f"{judge}.py").exists():
        raise InputError(f"params.yaml: {block}.{role}.network: no such file pipeline/judges/{judge}.py")
    for folder in ("metrics", "figures"):
        for name in getattr(checked, folder, ()):
            if not (PIPELINE / folder / f"{name}.py").exists():
                raise InputError(f"params.yaml: {block}.{role}.{folder}: no such file pipeline/{folder}/{name}.py")


def _report(content: Mapping[str, Any]) -> None:
    from pipeline import params
    from tools.schemas import PIPELINE, settings

    checked: Any = params.parse(settings("report/beside"), content["report"], "report")
    for number, pair in enumerate(checked.beside):
        where = f"params.yaml: report.beside.{number}"
        for name in pair.experiments:
            if name not in content["experiments"]:
                raise InputError(f"{where}.experiments: expected entries of experiments, found {name!r}")
        if not any((PIPELINE / "figures" / f"{figure}.py").exists() for figure in _starts(pair.figure)):
            raise InputError(f"{where}.figure: no such file pipeline/figures/{pair.figure}.py")


def _starts(figure: str) -> list[str]:
    """What a picture's plug-in may be called: some plug-ins draw several, PLUGIN_PART.png."""
    words = figure.split("_")
    return ["_".join(words[:count]) for count in range(1, len(words) + 1)]


def _experiment(content: Mapping[str, Any], name: str, value: Any) -> None:
    from pipeline.experiment import head, plan
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
