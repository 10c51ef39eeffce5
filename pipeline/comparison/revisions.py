"""What a git revision, a DVC experiment or the workspace holds: parameters, measurements and pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, final

from pipeline.ground.errors import InputError
from pipeline.statistics import measurements, pools
from pipeline.statistics.measurements import Measurements

WORKSPACE: Final = "workspace"
PARAMS: Final = "params.yaml"
MEASUREMENTS: Final = "results/measurements"
FIGURES: Final = "results/figures"


@dataclass(frozen=True)
class Revision:
    """name: as it was asked for. commit: its hash, empty of the workspace. measurements: by experiment, of those in
    `params` that have any."""

    name: str
    commit: str
    params: Mapping[str, Any]
    measurements: Mapping[str, Measurements]

    @property
    def experiments(self) -> Mapping[str, Any]:
        found = self.params.get("experiments")
        return found if isinstance(found, Mapping) else {}

    @property
    def title(self) -> str:
        """The name, and the commit unless that is it."""
        if not self.commit:
            return self.name
        return self.name[:12] if self.commit.startswith(self.name) else f"{self.name} ({self.commit[:7]})"


def pooled(revisions: Sequence[Revision]) -> list[Revision]:
    """The same revisions, their intervals told from the seeds of all of them together."""
    every = {(number, name): each for number, r in enumerate(revisions) for name, each in r.measurements.items()}
    found = pools.pooled(every)
    return [
        replace(revision, measurements={name: found[number, name] for name in revision.measurements})
        for number, revision in enumerate(revisions)
    ]


@final
class Project:
    """The git and DVC repository around the current folder. It is only read."""

    def __init__(self) -> None:
        """Raises InputError outside of a repository."""
        from dvc.exceptions import DvcException
        from dvc.repo import Repo
        from dvc.scm import Git

        try:
            self._repo = Repo()
            git = self._repo.scm
        except DvcException:
            git = None
        if not isinstance(git, Git):
            raise InputError(f"{Path.cwd()}: expected to be inside a git repository with DVC (`dvc init`), found none")
        self._git = git
        self._tracked: dict[str, Any] = {}
        inside = Path(self._repo.root_dir).resolve().relative_to(Path(git.root_dir).resolve())
        self._inside = "".join(f"/{part}" for part in inside.parts)  # as git has the path, empty where they are one

    def resolved(self, name: str) -> str:
        """The commit of a branch, tag, hash or DVC experiment. Raises InputError for anything else."""
        from dvc.scm import SCMError, resolve_rev

        try:
            return resolve_rev(self._git, name)
        except (SCMError, ValueError) as error:
            if "ambiguous" in str(error):
                told = "experiments of several commits have that name; give one's hash (`dvc exp list -A --sha`)"
            elif Path(self._git.root_dir, ".git", "shallow").exists():
                told = "this clone has only the newest commits; `git fetch --unshallow` brings the others"
            else:
                told = "list commits with `git log --oneline`, branches and tags with `git branch --all` and `git tag`"
                told += ", experiments with `dvc exp list --all-commits`"
            raise InputError(f"{name}: no such revision or experiment; {told}") from None

    def read(self, name: str, commit: str = "") -> Revision:
        """A revision by its name, or the workspace. Raises InputError when it lacks parameters or measurements."""
        from dvc.fs import GitFileSystem, LocalFileSystem

        if name == WORKSPACE:
            files, root = LocalFileSystem(), self._repo.root_dir
        else:
            commit = commit or self.resolved(name)
            files, root = GitFileSystem(scm=self._git, rev=commit), self._inside
        try:
            params = _mapping(files.read_bytes(f"{root}/{PARAMS}"), f"{name}: {PARAMS}")
        except FileNotFoundError:
            raise InputError(f"{name}: expected a {PARAMS}, found none") from None
        revision = Revision(name, commit, params, {})
        try:
            paths = {Path(path).stem: path for path in files.ls(f"{root}/{MEASUREMENTS}", detail=False)}
        except FileNotFoundError:
            paths = {}
        found = {
            experiment: measurements.parse(
                files.read_text(paths[experiment], encoding="utf-8"), f"{name}: {experiment}"
            )
            for experiment in map(str, revision.experiments)
            if paths.get(experiment, "").endswith(".json")
        }
        if not found:
            raise InputError(
                f"{name}: expected measurements in {MEASUREMENTS}, found none: it is older than they are, or was never "
                "reproduced; `dvc repro` makes them"
            )
        return Revision(name, commit, params, found)

    def queue(self, base: str) -> dict[str, str]:
        """Commits of the finished experiments that were started from revision `base`, by name."""
        from dvc.repo.experiments.utils import exp_refs_by_baseline

        commit = self.resolved(base)
        refs = exp_refs_by_baseline(self._git, {commit}).get(commit, [])
        return {ref.name: self._git.get_ref(str(ref)) for ref in sorted(refs, key=lambda ref: ref.name)}

    def pictures(self, revision: Revision, experiment: str) -> dict[str, bytes] | None:
        """PNG files of an experiment by name, sorted; None where they are neither in DVC's cache nor in its remote."""
        from dvc.exceptions import DvcException
        from dvc.fs.dvc import DVCFileSystem
        from dvc_data.index import DataIndexError

        folder = f"{FIGURES}/{experiment}"
        if not revision.commit:
            paths = sorted(Path(self._repo.root_dir, folder).glob("*.png"))
            return {path.stem: path.read_bytes() for path in paths} or None
        # Made once a revision: it takes a second or two to find out what DVC tracks there.
        files = self._tracked.setdefault(revision.commit, DVCFileSystem(repo=self._repo.root_dir, rev=revision.commit))
        try:
            names = sorted(path for path in files.find(folder) if path.endswith(".png"))
            return {Path(name).stem: files.read_bytes(name) for name in names} or None
        except (OSError, DvcException, DataIndexError):
            return None


def _mapping(text: bytes, where: str) -> Mapping[str, Any]:
    import yaml

    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InputError(f"{where}: not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, Mapping):
        raise InputError(f"{where}: expected a mapping of parameters, found {type(content).__name__}")
    return content
