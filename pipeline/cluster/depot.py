"""Files for machines that share no disk, through the project's DVC remote: what a stage is made from, and what it made.

They are DVC's own objects, named by the md5 of what they hold and, of a folder, of its listing: what `dvc push` would
upload is there already, and nothing is uploaded twice. As in DVC, objects go through a cache on this machine's disk.
"""

import shutil
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final, final
from urllib.parse import urlsplit

from pipeline.ground.errors import InputError

if TYPE_CHECKING:
    from dvc_data.hashfile.db import HashFileDB
    from dvc_objects.fs.base import FileSystem

# What says where a remote is and how to talk to it. All else, such as keys, passwords and files that hold them, stays
# on the machine whose configuration it is.
PLACE: Final = ("url", "endpointurl", "region", "projectname", "account_name", "oss_endpoint", "user", "port")
MANNER: Final = (
    "use_ssl",
    "ssl_verify",
    "use_https",
    "allow_anonymous_login",
    "gss_auth",
    "sse",
    "sse_kms_key_id",
    "acl",
)
SPEED: Final = ("jobs", "timeout", "read_timeout", "connect_timeout", "max_sessions", "replication")

Files = dict[tuple[str, ...], str]  # md5 of each file, by its path within a folder; of a single file, by the empty path


@dataclass(frozen=True)
class Remote:
    """Where a DVC remote is, for another machine, which has credentials of its own. config: as in DVC's section."""

    name: str
    config: Mapping[str, str]


def remote(root: Path, name: str | None = None) -> Remote:
    """The remote `name` of the project in `root`, or its default one. Raises InputError: there is none."""
    from dvc.fs import get_fs_config

    with _opened(root, name) as (repo, name):
        config = get_fs_config(repo.config, name=name)
        return Remote(name, {key: _bare(str(config[key])) for key in config if key in {*PLACE, *MANNER, *SPEED}})


def of_project(root: Path, name: str | None = None) -> "Depot":
    """The depot of the machine that has the project: with DVC's own cache and what DVC knows of files' hashes.

    Raises InputError: no such remote.
    """
    with _opened(root, name) as (repo, name):
        return Depot(name, repo.cloud.get_remote_odb(name), repo.cache.local)


def of_worker(remote: Remote, folder: Path) -> "Depot":
    """The depot of a machine without the project, which keeps objects in `folder`; others may share it.

    A remote of the same name in that machine's own configuration, `dvc remote add --global`, goes before what was sent:
    for a folder that is elsewhere there, or for a password. Raises InputError, as where a package for it is missing.
    """
    from dvc.config import Config
    from dvc.data_cloud import Remote as Cloud
    from dvc.fs import get_cloud_fs, localfs
    from dvc_data.hashfile.db import get_odb
    from dvc_data.hashfile.state import State

    with _told(f"remote {remote.name}"):
        own = Config()
        kind, config, path = get_cloud_fs(own, **{**remote.config, **own["remote"].get(remote.name, {})})
        there = Cloud(remote.name, path, kind(**config), **config).odb
        state = State(root_dir=str(folder), tmp_dir=str(folder))
        return Depot(remote.name, there, get_odb(localfs, str(folder / "files" / "md5"), state=state, hash_name="md5"))


@final
class Depot:
    """A DVC remote `name`, by way of a cache on this machine.

    For all threads of the process that made it, but not for those that are forked from it. What it has found in the
    remote it does not ask for again: whoever removes objects there does so between runs.
    """

    def __init__(self, name: str, there: "HashFileDB", cache: "HashFileDB") -> None:
        self.name, self.there, self.cache = name, there, cache
        self.known: set[str] = set()  # objects that the remote has
        self.lock = threading.Lock()  # held while files of a project are looked at or written

    def close(self) -> None:
        """Closes what is known of files' hashes, a database."""
        self.cache.state.close()

    def put(self, root: Path, paths: Iterable[str]) -> dict[str, str]:
        """Uploads files and folders of `root` where the remote lacks them; their objects, by path.

        A folder goes without what Python compiled, and with what .dvcignore names: DVC need not look at a package's
        `__init__.py`, but whoever imports it must have it. Raises InputError: one is missing or changes meanwhile, or
        the remote refuses.
        """
        found = {path: self._look(root, path) for path in paths}
        needed = {each for oid, _, files in found.values() for each in (oid, *files.values())} - self.known
        if needed:
            with self._telling(", ".join(found)):
                self.there.fs.fs.invalidate_cache()  # its memory of listings: others write there too
                self.known.update(self.there.oids_exist(needed))
        for path, (oid, listing, files) in found.items():
            lacking = {md5: str(root.joinpath(path, *key)) for key, md5 in files.items() if md5 not in self.known}
            with self._telling(path):
                self._keep(lacking)
                self._copy(self.cache, self.there, list(lacking))
                if listing and oid not in self.known:  # the last, so that whoever finds it finds what it lists
                    self.cache.add_bytes(oid, listing)
                    self._copy(self.cache, self.there, [oid])
            self.known.update(lacking, [oid])
        return {path: oid for path, (oid, _, _) in found.items()}

    def get(self, root: Path, objects: Mapping[str, str]) -> None:
        """Makes files and folders of `root` what they were where they were put; what is in them besides is removed.

        Downloads only what is not there. A file appears whole, and the first only when all of its folder are on this
        machine. Raises InputError: an object is missing or damaged, the remote refuses, or the disk does.
        """
        from dvc_data.hashfile.hash_info import HashInfo
        from dvc_data.hashfile.tree import Tree

        for path, oid in objects.items():
            old_oid, _, old = self._look(root, path) if (root / path).exists() else ("", b"", Files())
            if oid == old_oid:
                continue
            with self._telling(path):
                new: Files = {(): oid}
                if oid.endswith(".dir"):
                    self._fetch([oid])
                    listed = Tree.load(self.cache, HashInfo("md5", oid))
                    new = {key: info.value for key, _, info in listed if info and info.value}
                changed = {key: md5 for key, md5 in new.items() if old.get(key) != md5}
                self._fetch(list(set(changed.values())))
                self._place(root / path, changed, [key for key in old if key not in new], folder=oid.endswith(".dir"))

    def _look(self, root: Path, path: str) -> tuple[str, bytes, Files]:
        """The object that a file or folder is, its listing if it is a folder, and its files."""
        from dvc.fs import localfs
        from dvc_data.hashfile.build import build
        from dvc_data.hashfile.tree import Tree

        if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
            raise InputError(f"{path}: expected a path within the project: it has no place on another machine")
        with _told(path), self.lock:
            _, _, found = build(self.cache, str(root / path), localfs, "md5", dry_run=True, ignore=_NotCompiled())
            if not isinstance(found, Tree):
                return found.oid, b"", {(): found.oid}
            found.fs.remove(found.path)  # in memory, where DVC would keep the listing of every folder for ever
            return found.oid, found.as_bytes(), {key: info.value for key, _, info in found if info and info.value}

    def _keep(self, files: Mapping[str, str]) -> None:
        """Copies files, by what their md5 was, into the cache: what is uploaded cannot change meanwhile."""
        from dvc.fs import generic, localfs
        from dvc_objects.errors import ObjectFormatError

        lacking = sorted(set(files) - set(self.cache.oids_exist(files)))
        sources = [files[oid] for oid in lacking]
        generic.copy(localfs, sources, localfs, [self._ready(self.cache, oid) for oid in lacking])
        for oid, source in zip(lacking, sources, strict=True):
            try:
                self.cache.check(oid)
            except ObjectFormatError:
                raise InputError(f"{source}: it changed while it was read; the same command tries again") from None

    def _fetch(self, oids: Sequence[str]) -> None:
        """Downloads what the cache lacks."""
        from dvc_objects.errors import ObjectFormatError

        lacking = sorted(set(oids) - set(self.cache.oids_exist(oids)))
        self._copy(self.there, self.cache, lacking)
        for oid in lacking:
            try:
                self.cache.check(oid)
            except ObjectFormatError:
                there = self.there.fs.unstrip_protocol(self.there.oid_to_path(oid))
                raise InputError(f"{there} is damaged; remove it, and the same command puts it again") from None

    def _copy(self, source: "HashFileDB", target: "HashFileDB", oids: Sequence[str]) -> None:
        """Not `HashFileDB.add`, which opens a local object to write where another process may just have made it."""
        from dvc.fs import generic

        if oids:
            paths = [source.oid_to_path(oid) for oid in oids], [self._ready(target, oid) for oid in oids]
            generic.copy(source.fs, paths[0], target.fs, paths[1], batch_size=self.there.fs.jobs)
            if target is self.there:
                for path in paths[1]:
                    target.protect(path)

    def _ready(self, target: "HashFileDB", oid: str) -> str:
        """Where an object belongs, in a folder that is there."""
        path = target.oid_to_path(oid)
        target._init(oid[:2])
        return path

    def _place(self, place: Path, files: Files, gone: Iterable[tuple[str, ...]], folder: bool) -> None:
        """Copies files out of the cache, and remembers their hashes."""
        from dvc.fs import localfs, utils
        from dvc_data.fsutils import _localfs_info
        from dvc_data.hashfile.hash_info import HashInfo

        made = []
        with self.lock:
            for key in gone:
                place.joinpath(*key).unlink(missing_ok=True)
            if folder:
                place.mkdir(parents=True, exist_ok=True)
            for key, md5 in files.items():
                file = place.joinpath(*key)
                if file.is_dir():
                    shutil.rmtree(file)
                with utils.as_atomic(localfs, str(file), create_parents=True) as beside:
                    utils.copyfile(self.cache.oid_to_path(md5), beside)
                made.append((str(file), HashInfo("md5", md5), _localfs_info(str(file))))
            self.cache.state.save_many(made, localfs)

    @contextmanager
    def _telling(self, path: str) -> Iterator[None]:
        with _told(f"remote {self.name}: {path}"):
            yield


@final
class _NotCompiled:
    """Walks a folder past what Python compiled, in place of .dvcignore."""

    def walk(self, fs: "FileSystem", path: str, **kwargs: Any) -> Iterator[tuple[str, list[str], list[str]]]:
        for folder, folders, files in fs.walk(path, **kwargs):
            folders[:] = [name for name in folders if name != "__pycache__"]
            yield folder, folders, [name for name in files if not name.endswith(".pyc")]

    def find(self, fs: "FileSystem", path: str) -> Iterator[str]:
        for folder, _, files in self.walk(fs, path):
            yield from (fs.join(folder, name) for name in files)


@contextmanager
def _opened(root: Path, name: str | None) -> Iterator[tuple[Any, str]]:
    """The project, and the name of its remote."""
    from dvc.repo import Repo

    with _told(".dvc/config"), Repo(str(root)) as repo:
        if not (name := name or repo.config["core"].get("remote")):
            raise InputError("expected a remote, found none; `dvc remote add --default NAME URL` adds one")
        yield repo, name


def _bare(address: str) -> str:
    """Without a password."""
    parts = urlsplit(address)
    if not parts.password:
        return address
    user, _, host = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{user.partition(':')[0]}@{host}").geturl()


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Makes one line of any failure: each kind of remote has exceptions of its own."""
    try:
        yield
    except Exception as error:
        raise InputError(f"{what}: {' '.join(str(error).split()) or type(error).__name__}") from error
