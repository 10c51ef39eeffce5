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
from pipeline.running import torn
from pipeline.running.commands import Command
from pipeline.running.spared import Committed, Parameters, swept

Done = Literal["unchanged", "restored", "kept"]  # kept: its outputs are taken as they are, as it is frozen or data


@dataclass(frozen=True)
class Tracked:
    """The stages to look at. names: in DVC's own order; needs: those that must be done before, by name."""

    names: Sequence[str]
    needs: Mapping[str, frozenset[str]]
    stages: Mapping[str, Any]
    force: bool
    unwritten: list[str] = field(default_factory=list)

    def changed(self, name: str) -> bool:
        """Whether a stage must run, as far as what it is made from is there. Raises InputError."""
        with _one_line(), swept():
            return self.force or bool(self.stages[name].changed())

    def begin(self, name: str) -> "Done | list[Command]":
        """Clears the outputs of a stage that has changed, and says what to run; or how it was done without.

        Raises InputError, as where something that it is made from is not there.
        """
        from dvc.stage.cache import RunCacheNotFoundError
        from dvc.stage.run import _enforce_cmd_list, _make_cmd, get_executable, prepare_kwargs

        stage = self.stages[name]
        with _one_line(), swept():
            if stage.frozen or not stage.cmd:
                if not stage.reproduce(force=self.force):
                    return "unchanged"
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

    def finish(self, name: str) -> None:
        """Keeps what a stage's commands made, for dvc.lock too. Raises InputError: an output is missing."""
        stage = self.stages[name]
        with _one_line(), swept():
            stage.repo._reset()  # a command may have changed any file, .dvcignore too
            uncached = any(not out.use_cache for out in stage.outs if not (out.is_metric or out.is_plot))
            stage.save(run_cache=not uncached)
            stage.commit()
            self.unwritten.append(name)

    def write(self) -> None:
        """Writes what was kept into dvc.lock, at once: DVC reads and writes all of it, in Python. Raises InputError."""
        files: dict[str, list[Any]] = {}
        for name in self.unwritten:
            files.setdefault(self.stages[name].path, []).append(self.stages[name])
        with _one_line():
            for path, stages in files.items():
                with torn.keeping(Path(path).with_suffix(".lock"), *_folders(stages[0].repo)):
                    stages[0].dvcfile.dump_stages(stages, update_pipeline=False)
        self.unwritten.clear()


@contextmanager
def opened(targets: Sequence[str], force: bool) -> Iterator[Tracked]:
    """The stages that `dvc repro TARGETS` would look at, with DVC's lock held to the end.

    Every other command of DVC that writes says meanwhile that it is locked. At the end the stages that are new in
    dvc.lock are put into the order in which `dvc repro` would have written them. Raises InputError, as for an unknown
    target.
    """
    with _one_line():
        from dvc.dvcfile import PROJECT_FILE
        from dvc.logger import set_loggers_level
        from dvc.repo import Repo, lock_repo
        from dvc.repo.reproduce import collect_stages, get_active_graph, plan_repro
    import logging

    with _one_line(), set_loggers_level(logging.WARNING), Repo() as repo, lock_repo(repo), repo.scm_context(quiet=True):
        torn.mend(*_folders(repo))
        graph = get_active_graph(repo.index.graph)
        steps = plan_repro(graph, collect_stages(repo, targets or [PROJECT_FILE]))
        stages = {stage.addressing: stage for stage in steps}
        Parameters().serve(steps)
        Committed().serve(repo)
        needs = {name: frozenset(each.addressing for each in graph.successors(stage)) for name, stage in stages.items()}
        locks = {stage.dvcfile._lockfile.path: stage.dvcfile for stage in steps if hasattr(stage, "name")}
        before = {path: list(file.lockfile_contents.get("stages", {})) for path, file in locks.items()}
        try:
            yield Tracked(list(stages), needs, stages, force)
        finally:
            for path, names in before.items():
                order = [stage.name for stage in steps if getattr(stage, "name", None) and stage.dvcfile == locks[path]]
                if set(order) - set(names) and Path(path).exists():
                    with torn.keeping(Path(path), *_folders(repo)):
                        _sort(path, names, order)


def _sort(path: str, before: Sequence[str], order: Sequence[str]) -> None:
    """Stages that a lock file had before stay where they are, the others follow in DVC's order."""
    from dvc.utils.serialize import modify_yaml

    with modify_yaml(path) as data:
        new = [name for name in order if name in data["stages"] and name not in before]
        for name in new:
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
