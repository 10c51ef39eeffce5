"""Files through a DVC remote, in a folder and in S3: whole, once, and in one line where not."""

import hashlib
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from cluster.stored import Stored, served
from dvc.repo import Repo
from fsspec.implementations.memory import MemoryFileSystem

from pipeline.cluster import depot
from pipeline.cluster.depot import Depot, Remote
from pipeline.ground.errors import InputError

CODE = {"code/__init__.py": "", "code/a.py": "a = 1", "code/deep/er/b.py": "b = 2", "with space/ü.txt": "ü", "one": "1"}
COMPILED = {"code/__pycache__/a.pyc": "?", "code/deep/old.pyc": "?"}
PATHS = ("code", "with space", "one")


@dataclass(frozen=True)
class Machines:
    """The machine that has the project, and another."""

    project: Path
    worker: Path
    stored: Stored
    here: Depot
    there: Depot

    def write(self, files: dict[str, str]) -> None:
        for name, text in files.items():
            (self.project / name).parent.mkdir(parents=True, exist_ok=True)
            (self.project / name).write_text(text)

    def send(self, *paths: str) -> dict[str, str]:
        objects = self.here.put(self.project, paths)
        self.there.get(self.worker, objects)
        return objects


def files(folder: Path) -> dict[str, str]:
    """What all files hold, by path, but for those of DVC."""
    found = {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*")) if path.is_file()}
    return {name: path.read_text() for name, path in found.items() if not name.startswith(".dvc")}


def named(oid: str) -> str:
    """An object's name in the remote."""
    return f"files/md5/{oid[:2]}/{oid[2:]}"


@contextmanager
def another(machines: Machines) -> Iterator[Depot]:
    """The depot of a machine that has none of the objects."""
    with TemporaryDirectory() as cache:
        other = depot.of_worker(Remote("store", machines.stored.config), Path(cache))
        yield other
        other.close()


@contextmanager
def refused(words: str) -> Iterator[None]:
    with pytest.raises(InputError, match=f"^remote store: {words}[^\n]*$"):
        yield


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with served() as address:
        yield address


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (folder := tmp_path / "project").mkdir()
    Repo.init(str(folder), no_scm=True).close()
    return folder


@pytest.fixture(params=["folder", "s3"])
def machines(request: pytest.FixtureRequest, server: str, project: Path, tmp_path: Path) -> Iterator[Machines]:
    folder, s3 = Stored(str(tmp_path / "remote")), Stored(f"s3://bucket/{tmp_path.name}", server)
    stored = s3 if request.param == "s3" else folder
    stored.configure(project)
    here, there = depot.of_project(project), depot.of_worker(depot.remote(project), tmp_path / "cache")
    yield Machines(project, tmp_path / "worker", stored, here, there)
    here.close()
    there.close()


def test_what_is_put_is_got_but_for_what_python_compiled(machines: Machines) -> None:
    machines.write(CODE | COMPILED)
    (machines.project / ".dvcignore").write_text("__init__.py\n")
    (machines.project / "nothing").mkdir()
    machines.send(*PATHS, "nothing")
    assert files(machines.worker) == CODE
    assert (machines.worker / "nothing").is_dir()
    machines.here.get(machines.project, machines.there.put(machines.worker, PATHS))
    assert files(machines.project) == CODE | COMPILED


def test_a_folder_becomes_what_it_was_where_it_was_put(machines: Machines) -> None:
    """Files edited, added, gone, and folders where files were, and the other way round."""
    machines.write(CODE)
    machines.send(*PATHS)
    stale = {"code/a.py": "edited", "code/more/x": "", "code/deep/er/b.py/now/a/folder": ""}
    (machines.worker / "code/deep/er/b.py").unlink()
    for name, text in stale.items():
        (machines.worker / name).parent.mkdir(parents=True, exist_ok=True)
        (machines.worker / name).write_text(text)
    (machines.worker / "one").unlink()
    (machines.worker / "one").mkdir()
    machines.send(*PATHS)
    assert files(machines.worker) == CODE
    for path in ("one", "code/a.py"):
        (machines.project / path).unlink()
    (machines.project / "code/deep/er/b.py").rename(machines.project / "one")
    machines.write({"code/a.py/inner": "a folder now"})
    machines.send(*PATHS)
    assert files(machines.worker) == files(machines.project)


@pytest.mark.filterwarnings("ignore:_NoneStep:DeprecationWarning")  # of DVC's own
def test_what_is_made_is_as_if_made_here_and_pushed(machines: Machines) -> None:
    """DVC finds the same hashes, and nothing to push."""
    made = {"model/0.bin": "0", "model/deep/1.bin": "1", "table.csv": "a,b\r\n"}
    for name, text in made.items():
        (machines.worker / name).parent.mkdir(parents=True, exist_ok=True)
        (machines.worker / name).write_text(text)
    objects = machines.there.put(machines.worker, ["model", "table.csv"])
    machines.here.get(machines.project, objects)
    with Repo(str(machines.project)) as repo:
        stages = repo.add([str(machines.project / path) for path in objects])
        assert {out.def_path: out.hash_info.value for stage in stages for out in stage.outs} == objects
        assert repo.push() == 0


def test_only_what_differs_is_carried(machines: Machines) -> None:
    machines.write(CODE)
    objects = machines.send(*PATHS)
    before = machines.stored.names()
    assert len(before) == len(CODE) + 2  # the listings of two folders
    machines.write({"code/a.py": "edited"})
    assert machines.here.put(machines.project, PATHS) | {"code": ""} == objects | {"code": ""}
    edited = machines.stored.names() - before
    assert len(edited) == 2  # the file and the listing
    for name in before:
        machines.stored.remove(name)
    machines.send(*PATHS)
    assert machines.stored.names() == edited
    assert files(machines.worker) == files(machines.project)


def test_what_others_have_put_is_not_put_again_and_what_they_removed_is(machines: Machines) -> None:
    machines.write(CODE)
    objects = machines.send(*PATHS)
    machines.stored.write(name := named(objects["one"]), b"another's")
    with another(machines) as other:
        assert other.put(machines.project, PATHS) == objects
    assert machines.stored.read(name) == b"another's"
    machines.stored.remove(name)
    with another(machines) as other:
        other.put(machines.project, PATHS)
    assert machines.stored.read(name) == b"1"


def test_one_line_when_the_remote_refuses_and_then_it_works(machines: Machines) -> None:
    machines.write(CODE)
    with machines.stored.refusing(), refused("one"):
        machines.here.put(machines.project, ["one"])
    objects = machines.here.put(machines.project, PATHS)
    with machines.stored.refusing(), refused("code"):
        machines.there.get(machines.worker, objects)
    assert not files(machines.worker)
    machines.there.get(machines.worker, objects)
    assert files(machines.worker) == CODE


def test_one_line_when_an_object_is_missing_or_damaged_and_nothing_is_half_there(machines: Machines) -> None:
    machines.write(CODE)
    objects = machines.here.put(machines.project, ["code"])
    (machines.worker / "code").mkdir(parents=True)
    (machines.worker / "code/a.py").write_text(before := "as it was")
    name = named(hashlib.md5(b"b = 2").hexdigest())
    machines.stored.remove(name)
    with refused("code"):
        machines.there.get(machines.worker, objects)
    assert files(machines.worker) == {"code/a.py": before}
    machines.stored.write(name, b"b = ")
    with refused(f"code: .*{name} is damaged"):
        machines.there.get(machines.worker, objects)
    assert files(machines.worker) == {"code/a.py": before}
    machines.stored.remove(name)
    with another(machines) as other:
        other.put(machines.project, ["code"])
    machines.there.get(machines.worker, objects)
    assert files(machines.worker) == {name: text for name, text in CODE.items() if name.startswith("code")}


def test_what_was_killed_meanwhile_is_put_again(machines: Machines) -> None:
    """After the first file of a folder, before its listing."""
    machines.write({f"code/{number}": str(number) for number in range(20)})
    killed = f"""
        import os, signal
        from pathlib import Path
        from pipeline.cluster import depot
        copy = depot.Depot._copy
        def dying(self, source, target, oids):
            copy(self, source, target, oids[:5])
            os.kill(os.getpid(), signal.SIGKILL)
        depot.Depot._copy = dying
        depot.of_project(Path({str(machines.project)!r})).put(Path({str(machines.project)!r}), ["code"])
    """
    assert subprocess.run([sys.executable, "-c", textwrap.dedent(killed)], check=False).returncode == -signal.SIGKILL
    assert len(machines.stored.names()) == 5
    machines.send("code")
    assert files(machines.worker) == files(machines.project)


def test_a_file_that_changes_meanwhile_is_not_put_by_its_old_name(
    machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    machines.write(CODE)
    keep = Depot._keep

    def edited(self: Depot, files: dict[str, str]) -> None:
        (machines.project / "code/a.py").write_text("a = 3")
        keep(self, files)

    monkeypatch.setattr(Depot, "_keep", edited)
    with refused("code: .*a.py: it changed while it was read"):
        machines.here.put(machines.project, ["code"])
    assert not machines.stored.names()
    machines.send("code")
    assert (machines.worker / "code/a.py").read_text() == "a = 3"


def test_many_at_the_same_time(machines: Machines) -> None:
    """Threads of one process, and processes that share a cache: put and get the same."""
    machines.write(CODE | {f"code/{number}": "x" * number for number in range(30)})
    shared = machines.worker.with_name("shared")
    script = f"""
        import sys
        from pathlib import Path
        from pipeline.cluster import depot
        project, folder = Path({str(machines.project)!r}), Path({str(shared)!r})
        there = depot.of_worker(depot.Remote("store", {machines.stored.config!r}), folder / "cache")
        (folder / sys.argv[1]).mkdir(parents=True)
        while len(list(folder.glob("[0-9]"))) < 3:  # all at once
            pass
        there.get(folder / sys.argv[1], there.put(project, {PATHS!r}))
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    processes = [subprocess.Popen([*command, str(number)]) for number in range(3)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: machines.send(*PATHS), range(8)))
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    made = files(machines.project)
    assert files(machines.worker) == made
    assert all(files(shared / str(number)) == made for number in range(3))


def configured(project: Path, *lines: str) -> None:
    (project / ".dvc/config.local").write_text("\n".join(lines) + "\n")


def test_nothing_piles_up_in_memory(machines: Machines) -> None:
    """DVC leaves every listing of a folder in a file system in memory; runs of thousands of stages look at many."""
    machines.write(CODE)
    machines.send(*PATHS)
    before = set(MemoryFileSystem.store)
    machines.write({"code/a.py": "edited"})
    machines.send(*PATHS)
    assert set(MemoryFileSystem.store) == before


def test_no_secret_is_sent(project: Path) -> None:
    s3 = {"url": "s3://bucket/x", "endpointurl": "http://host:1"}
    lines = ["['remote \"s3\"']", *(f"{key} = {value}" for key, value in s3.items())]
    hidden = ("profile", "access_key_id", "secret_access_key", "session_token", "sse_customer_key")
    lines += [f"{key} = hush" for key in hidden]
    lines += ["['remote \"ssh\"']", "url = ssh://me:hush@host:22/x", "password = hush", "keyfile = hush"]
    lines += ["['remote \"above\"']", "url = remote://s3/y", "session_token = hush"]
    configured(project, *lines)
    sent = {name: depot.remote(project, name) for name in ("s3", "ssh", "above")}
    assert "hush" not in str(sent)
    assert sent["s3"].config.items() >= s3.items()
    assert sent["ssh"].config["url"] == "ssh://me@host:22/x"
    assert sent["above"].config == {**sent["s3"].config, "url": "s3://bucket/x/y"}


def test_a_worker_adds_what_is_not_sent_from_its_own_configuration(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DVC_GLOBAL_CONFIG_DIR", str(own := tmp_path / "own"))
    own.mkdir()
    (own / "config").write_text("['remote \"store\"']\nurl = s3://bucket/x\naccess_key_id = its-own\n")
    for url, key in (("s3://bucket/x", "its-own"), ("s3://other/x", None)):
        there = depot.of_worker(Remote("store", {"url": url}), tmp_path / "cache")
        assert there.there.fs.config.get("access_key_id") == key
        assert there.there.path == f"{url.removeprefix('s3://')}/files/md5"


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (depot.remote, ".dvc/config: expected a remote, found none; `dvc remote add --default NAME URL` adds one"),
        (depot.of_project, ".dvc/config: expected a remote, found none"),
        (lambda project: depot.of_project(project, "other"), ".dvc/config: .*remote 'other' doesn't exist"),
        (lambda project: depot.remote(project / "elsewhere"), ".dvc/config: "),
        (lambda project: depot.of_worker(Remote("far", {"url": "ssh://host/x"}), project), "remote far: .*dvc-ssh"),
    ],
)
def test_a_remote_that_is_not_there_is_one_line(ask: Callable[[Path], Any], words: str, project: Path) -> None:
    with pytest.raises(InputError, match=f"^{words}[^\n]*$"):
        ask(project)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("nothing", "nothing: .*No such file"),
        ("../secret", "../secret: expected a path within the project"),
        ("/etc", "/etc: expected a path within the project"),
    ],
)
def test_a_path_that_cannot_be_carried_is_one_line(path: str, words: str, machines: Machines) -> None:
    with pytest.raises(InputError, match=f"^{words}[^\n]*$"):
        machines.here.put(machines.project, [path])
