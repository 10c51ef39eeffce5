"""What DVC would do again for every stage, done once: without it a pipeline of 10,000 stages takes seconds a stage.

All of it is put on the objects of one `Repo`, so that DVC elsewhere in this process is as it was.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from functools import partial
from os import fsdecode
from pathlib import Path, PurePosixPath
from typing import Any, Final

Stamp = tuple[int, int, int]  # by which DVC, too, tells whether a file has changed

PATTERN: Final = frozenset("*?[")  # a key with any of these may be several keys; DVC finds out


def stamp(path: str | Path) -> Stamp:
    """Raises OSError."""
    found = Path(path).stat()
    return found.st_mtime_ns, found.st_size, found.st_ino


class Parameters:
    """What parameter files hold; DVC parses the whole of params.yaml seven times a stage."""

    def __init__(self) -> None:
        self.known: dict[str, tuple[Stamp, Any]] = {}

    def serve(self, stages: Iterable[Any]) -> None:
        """Lets the stages' dependencies on parameters ask here."""
        from dvc.dependency import ParamsDependency

        for stage in stages:
            for dependency in stage.deps:
                if type(dependency) is ParamsDependency:
                    dependency.read_params = partial(self.read, dependency)

    def read(self, dependency: Any, flatten: bool = True) -> Any:
        """What `ParamsDependency.read_params` of DVC 3.67 returns and raises."""
        from dvc.utils.serialize import ParseError, load_path

        path = dependency.fs_path
        if flatten and dependency.params and not any(PATTERN & set(key) for key in dependency.params):
            try:
                now = stamp(path)
                if path not in self.known or self.known[path][0] != now:
                    self.known[path] = now, load_path(path, dependency.repo.fs)
                # A copy, as what two stages had between them would be an alias in dvc.lock.
                return deepcopy({key: _value(self.known[path][1], key) for key in dependency.params})
            except (OSError, ParseError, LookupError):  # DVC has the words for it
                pass
        return type(dependency).read_params(dependency, flatten)


def _value(content: Any, key: str) -> Any:
    """The value under a dotted key. Raises LookupError where the way there is not one of mappings and names."""
    for part in key.lstrip(".").split("."):
        if not isinstance(content, dict):
            raise LookupError
        content = content[part]
    return content


class Committed:
    """The files that git has; DVC reads the whole index of git, in Python, for every output."""

    def __init__(self) -> None:
        self.now: Stamp | None = None
        self.paths: set[PurePosixPath] = set()

    def serve(self, repo: Any) -> None:
        """Lets `repo` ask here, if it is git's."""
        from scmrepo.git import Git

        if isinstance(repo.scm, Git):
            repo.scm.is_tracked = partial(self.has, repo.scm)

    def has(self, scm: Any, path: str) -> bool:
        """What `Git.is_tracked` returns: whether git has the file, or one in the folder, of that path."""
        from dvc.utils import relpath

        index = scm.dulwich.repo.index_path()
        now = stamp(index) if Path(index).exists() else None
        if now is None or now != self.now:
            files = [PurePosixPath(fsdecode(name)) for name in scm.dulwich.repo.open_index()]
            self.paths = {each for file in files for each in (file, *file.parents)}
            self.now = now
        return PurePosixPath(Path(relpath(path, scm.root_dir)).as_posix()) in self.paths


class Hashes:
    """What the files of a dependency hash to; DVC looks seven times while it begins and keeps a stage."""

    def __init__(self) -> None:
        self.known: dict[int, Any] | None = None

    def serve(self, stages: Iterable[Any]) -> None:
        """Lets the stages' dependencies on files ask here."""
        from dvc.dependency.base import Dependency

        for stage in stages:
            for dependency in stage.deps:
                if type(dependency) is Dependency:
                    dependency._build = partial(self.build, dependency)

    def build(self, dependency: Any, *given: Any, **how: Any) -> Any:
        """What `Output._build` of DVC 3.67 returns, which is given the same by all who ask for a dependency's."""
        if self.known is None:
            return type(dependency)._build(dependency, *given, **how)
        if id(dependency) not in self.known:
            self.known[id(dependency)] = type(dependency)._build(dependency, *given, **how)
        return self.known[id(dependency)]

    @contextmanager
    def once(self) -> Iterator[None]:
        """Here no command runs, so that what is looked at once need not be again."""
        self.known = {}
        try:
            with _swept():
                yield
        finally:
            self.known = None


@contextmanager
def _swept() -> Iterator[None]:
    """Removes what DVC leaves in memory of each folder that it looks at, and searches when it looks at the next."""
    from dvc_objects.fs.memory import MemoryFileSystem

    store = MemoryFileSystem().fs.store
    before = set(store)
    try:
        yield
    finally:
        for name in store.keys() - before:
            del store[name]
