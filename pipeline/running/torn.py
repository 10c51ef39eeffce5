"""What a killed DVC leaves torn, mended.

DVC writes its files in place: a kill in that moment leaves half of one, which it refuses from then on.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pipeline.ground.files import replacing
from pipeline.running import locked

KEPT: Final = "latentlab"  # a folder in .dvc/tmp: lock files as they were before what is being written


@contextmanager
def keeping(lock: Path, root: Path, temporary: Path) -> Iterator[None]:
    """While `lock`, of a project in `root`, is written, a copy of it lies in DVC's folder `temporary`. Where writing
    does not end, the copy stays; it is empty where there was no such file.
    """
    copy = temporary / KEPT / lock.relative_to(root)
    with replacing(copy) as beside:
        if lock.exists():
            shutil.copyfile(lock, beside)
        else:
            beside.touch()
    yield
    copy.unlink()


def mend(root: Path, temporary: Path) -> None:
    """Puts back lock files whose writing did not end, sets aside a dvc.lock that DVC tore, and removes its list of who
    reads and writes what, if that is torn. For whoever holds DVC's lock, so that nobody writes them. Says on stderr
    what it did.
    """
    for copy in sorted(path for path in (temporary / KEPT).rglob("*") if path.is_file() and path.suffix != ".part"):
        lock = root / copy.relative_to(temporary / KEPT)
        if copy.stat().st_size:
            with replacing(lock) as beside:
                shutil.copyfile(copy, beside)
        else:
            lock.unlink(missing_ok=True)
        copy.unlink()
        print(f"{lock.name}: a killed run left it half written; it is again as before", file=sys.stderr)
    _lock(root / "dvc.lock", temporary)
    _readers(temporary)


def _lock(path: Path, temporary: Path) -> None:
    """DVC's run cache knows what had run, so that a dvc.lock of an earlier time makes no stage run again."""
    if (
        not path.exists() or _sound(text := path.read_text(encoding="utf-8")) or "<<<<<<<" in text
    ):  # the user's to merge
        return
    shutil.move(path, aside := temporary / f"{path.name}.torn")
    command = ("git", "show", f"HEAD:./{path.name}")
    committed = subprocess.run(command, cwd=path.parent, capture_output=True, text=True, check=False).stdout
    if committed and _sound(committed):
        with replacing(path) as beside:
            beside.write_text(committed, encoding="utf-8")
    there = "as committed" if path.exists() else "begun anew"
    print(
        f"{path.name}: a killed DVC left it half written; it is {there}, and the torn one in {aside}", file=sys.stderr
    )


def _sound(text: str) -> bool:
    """Of a file as DVC writes it only the last stage may be torn; reading all of it as YAML may take minutes."""
    if parts := locked.read(text):
        text = locked.Parts(dict(list(parts.parts.items())[-1:])).text()
    from dvc.schema import COMPILED_LOCKFILE_SCHEMA
    from dvc.utils.serialize import YAMLFileCorruptedError, parse_yaml
    from voluptuous import Invalid

    try:
        COMPILED_LOCKFILE_SCHEMA(parse_yaml(text, ""))
    except (YAMLFileCorruptedError, Invalid):
        return False
    return True


def _readers(temporary: Path) -> None:
    from dvc.lock import make_lock
    from dvc.rwlock import RWLOCK_FILE, RWLOCK_LOCK

    path = temporary / RWLOCK_FILE
    with make_lock(str(temporary / RWLOCK_LOCK), tmp_dir=str(temporary)):
        try:
            json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            pass
        except ValueError:
            path.unlink()
            print(f"{path.name}: a killed DVC left it half written; it is removed", file=sys.stderr)
