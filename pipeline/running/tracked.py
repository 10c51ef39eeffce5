"""The stages as DVC keeps them: all that touches DVC's own classes, of the one release that pyproject.toml names.

What it does around a command is what `Stage.reproduce`, `Stage.run` and `run_stage` of DVC 3.67 do, cut in two where
the command runs, so that commands may run at the same time; everything here is for one thread alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pipeline.ground.errors import InputError
from pipeline.running import locked, torn
from pipeline.running.commands import Command, Files
from pipeline.running.spared import Committed, Hashes, Parameters

Done = Literal["unchanged", "restored", "kept"]  # kept: its outputs are taken as they are, as it is frozen or data


@dataclass(frozen=True)
class Tracked:
    """The stages to look at. names: in DVC's own order; needs: those that must be done before, by name."""

    names: Sequence[str]
    needs: Mapping[str, frozenset[str]]
    stages: Mapping[str, Any]
    force: bool
    locks: locked.Files = field(default_factory=locked.Files)
    hashes: Hashes = field(default_factory=Hashes)
    unwritten: list[str] = field(default_factory=list)

    def changed(self, name: str) -> bool:
        """Whether a stage must run, as far as what it is made from is there. Raises InputError."""
        with _one_line(), self.hashes.once():
            return self.force or bool(self.stages[name].changed())

    def begin(self, name: str) -> "Done | list[Command]":
        """Clears the outputs of a stage that has changed, and says what to run; or how it was done without.

        Raises InputError, as where something that it is made from is not there.
        """
        from dvc.stage.cache import RunCacheNotFoundError
        from dvc.stage.run import _enforce_cmd_list, _make_cmd, get_executable, prepare_kwargs

        stage = self.stages[name]
        with _one_line(), self.hashes.once():
            if stage.frozen or not stage.cmd:
                if not stage.reproduce(force=self.force):
                    return "unchanged"
                if _named(stage):
                    self.unwritten.append(name)
                else:
                    stage.dump(update_pipeline=False)
                return "kept"
            stage.remove_outs(ignore_remove=False, force=False)
            if not self.force:
                try:
                    stage.repo.stage_cache.restore(stage)
                except RunCacheNotFoundError:
                    stage.save_deps()
                else:
                    self.finish(name)
                    return "restored"
            given = prepare_kwargs(stage)
            return [
                Command(line, _make_cmd(get_executable(), line), given["cwd"], given["env"])
                for line in _enforce_cmd_list(stage.cmd)
            ]

    def files(self, name: str, state: str | None, part: bool) -> Files:
        """What a stage is made from and makes, for a place that does not see this disk. part: of the stage only, so
        that it leaves its state, and no outputs.
        """
        stage = self.stages[name]
        inputs = [dep.def_path for dep in stage.deps if dep.protocol == "local"]
        return Files(inputs, [] if part else [out.def_path for out in stage.outs], state)

    def finish(self, name: str) -> None:
        """Keeps what a stage's commands made, for dvc.lock too. Raises InputError: an output is missing."""
        stage = self.stages[name]
        with _one_line(), self.hashes.once():
            stage.repo._reset()  # a command may have changed any file, .dvcignore too
            uncached = any(not out.use_cache for out in stage.outs if not (out.is_metric or out.is_plot))
            stage.save(run_cache=not uncached)
            stage.commit()
            self.unwritten.append(name)

    def write(self) -> None:
        """Writes what was kept into dvc.lock. Raises InputError."""
        files: dict[str, list[Any]] = {}
        for name in self.unwritten:
            files.setdefault(self.stages[name].path, []).append(self.stages[name])
        with _one_line():
            for stages in files.values():
                self._write(stages)
        self.unwritten.clear()

    def _write(self, stages: Sequence[Any]) -> None:
        """Stages of one file: part by part, or the whole file by DVC, which takes minutes where there are many."""
        from dvc.stage.serialize import to_lockfile

        repo, path = stages[0].repo, Path(stages[0].path).with_suffix(".lock")
        old = self.locks.read(path)
        new = locked.written(to_lockfile(stage) for stage in stages) if old else None
        if old and new:
            old.put(new)
            self.locks.write(path, old)
            repo.scm_context.track_file(stages[0].dvcfile._lockfile.relpath)
            return
        with torn.keeping(path, *_folders(repo)):
            stages[0].dvcfile.dump_stages(stages, update_pipeline=False)


@contextmanager
def opened(targets: Sequence[str], force: bool) -> Iterator[Tracked]:
    """The stages that `dvc repro TARGETS` would look at, with DVC's lock held to the end.

    Every other command of DVC that writes says meanwhile that it is locked. At the end the stages that are new in
    dvc.lock are put into the order in which `dvc repro` would have written them. Raises InputError, as for an unknown
    target.
    """
    with _one_line():
        from dvc.logger import set_loggers_level
        from dvc.repo import Repo, lock_repo
        from dvc.repo.reproduce import get_active_graph, plan_repro
    import logging

    with _one_line(), set_loggers_level(logging.WARNING), Repo() as repo, lock_repo(repo), repo.scm_context(quiet=True):
        torn.mend(*_folders(repo))
        graph = get_active_graph(repo.index.graph)
        steps = plan_repro(graph, _wanted(repo, targets))
        stages = {stage.addressing: stage for stage in steps}
        Parameters().serve(steps)
        Committed().serve(repo)
        needs = {name: frozenset(each.addressing for each in graph.successors(stage)) for name, stage in stages.items()}
        orders: dict[Path, list[str]] = {}
        for stage in filter(_named, steps):
            orders.setdefault(Path(stage.path).with_suffix(".lock"), []).append(stage.name)
        locks, hashes = locked.Files(), Hashes()
        hashes.serve(steps)
        before = {path: locks.names(path) for path in orders}
        try:
            yield Tracked(list(stages), needs, stages, force, locks, hashes)
        finally:
            for path, order in orders.items():
                if set(order) - set(before[path]) and path.exists():
                    _sort(path, before[path], order, locks, repo)


def _wanted(repo: Any, targets: Sequence[str]) -> Sequence[Any]:
    """What `dvc repro TARGETS` is to make, of the stages that are loaded already, where that is easily told: DVC loads
    them, and dvc.lock, once more for each target.
    """
    from dvc.dvcfile import PROJECT_FILE
    from dvc.repo.reproduce import collect_stages

    project = Path(PROJECT_FILE).absolute()
    loaded = {stage.addressing: stage for stage in repo.index.stages if Path(stage.path) == project and _named(stage)}
    if loaded and all(target in loaded for target in targets):
        return [loaded[target] for target in targets] or list(loaded.values())
    return collect_stages(repo, targets or [PROJECT_FILE])


def _named(stage: Any) -> bool:
    """Whether a stage is one of a dvc.yaml, and not a .dvc file."""
    return hasattr(stage, "name")


def _sort(path: Path, before: Sequence[str], order: Sequence[str], locks: locked.Files, repo: Any) -> None:
    """Stages that a lock file had before stay where they are, the others follow in DVC's order."""
    from dvc.utils.serialize import modify_yaml

    if parts := locks.read(path):
        parts.sort(before, order)
        locks.write(path, parts)
        return
    with torn.keeping(path, *_folders(repo)), modify_yaml(path) as data:
        for name in [name for name in order if name in data["stages"] and name not in before]:
            data["stages"].move_to_end(name)


def _folders(repo: Any) -> tuple[Path, Path]:
    """The project's, and DVC's for what it holds for a while."""
    return Path(repo.root_dir), Path(repo.tmp_dir)


@contextmanager
def _one_line() -> Iterator[None]:
    from dvc.exceptions import DvcException

    try:
        yield
    except (DvcException, OSError) as error:
        raise InputError("dvc: " + " ".join(str(error).split())) from error
