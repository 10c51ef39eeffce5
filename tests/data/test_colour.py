import gzip
import hashlib
import io
import tarfile
from collections.abc import Callable, Iterator
from functools import cache, partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Literal

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.io import savemat
from sklearn.datasets import load_digits
from torch import Tensor
from torchvision.datasets import SVHN

from pipeline.contracts.images import ImageSet
from pipeline.data import colour
from pipeline.data.colour import Settings
from pipeline.ground import params
from pipeline.ground.errors import InputError

Bytes = np.ndarray[Any, np.dtype[np.uint8]]
Splits = tuple[ImageSet, ImageSet]
Part = Literal["train", "test"]
Source = Literal["svhn", "cifar10", "folder"]
TRAIN, TEST = 30, 20  # images in the files that the tests write
TRAIN_MAT, TEST_MAT, ARCHIVE = "train_32x32.mat", "test_32x32.mat", "cifar-10-binary.tar.gz"
NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


# The embedded source


def embedded(train: int = 60, test: int = 40, seed: int = 0) -> Splits:
    return colour.load(Settings(source="street_digits", train=train, test=test, seed=seed))


@pytest.fixture(scope="module")
def splits() -> Splits:
    return embedded(train=2000, test=600)


def test_splits_have_the_sizes_asked_for(splits: Splits) -> None:
    for split, n in zip(splits, (2000, 600), strict=True):
        assert split.images.shape == (n, 3, 32, 32)
        assert split.images.dtype == torch.uint8
        assert split.labels.shape == (n, 10)
        assert split.classes == tuple("0123456789")
        assert split.exclusive
        assert split.source == "street_digits"


def test_no_original_is_on_both_sides(splits: Splits) -> None:
    train, test = (set(split.originals.tolist()) for split in splits)
    assert not train & test
    assert len(train | test) == 1797


@pytest.mark.parametrize("part", [0, 1])
def test_neighbours_are_of_the_same_side(monkeypatch: pytest.MonkeyPatch, splits: Splits, part: Literal[0, 1]) -> None:
    shown = []

    def paint(originals: Tensor, neighbours: Tensor, random: torch.Generator) -> Tensor:
        shown.append(neighbours)
        return torch.zeros(len(originals), 3, 32, 32, dtype=torch.uint8)

    monkeypatch.setattr(colour, "paint", paint)
    embedded(train=500, test=500)
    images = torch.tensor(load_digits().images, dtype=torch.float32) / 16
    own = {tuple(image.flatten().tolist()) for image in images[splits[part].originals]}
    used = {tuple(image.flatten().tolist()) for image in shown[part].flatten(0, 1)}
    assert used <= own
    assert len(used) > 250


@pytest.mark.parametrize("kind", [{"seed": 1}, {"train": 100, "test": 700}])
def test_sides_of_originals_never_change(splits: Splits, kind: dict[str, int]) -> None:
    for split, always in zip(embedded(**kind), splits, strict=True):
        assert set(split.originals.tolist()) <= set(always.originals.tolist())


def test_originals_are_used_evenly_and_classes_balanced(splits: Splits) -> None:
    for split in splits:
        uses = split.originals.unique(return_counts=True)[1]
        assert uses.max() - uses.min() <= 1
        shares = split.labels.float().mean(0)
        assert shares.min() > 0.08
        assert shares.max() < 0.12


def test_labels_are_those_of_the_originals(splits: Splits) -> None:
    targets = torch.tensor(load_digits().target)
    for split in splits:
        assert (split.labels.sum(1) == 1).all()
        assert torch.equal(split.labels.argmax(1), targets[split.originals])


def test_the_first_images_are_a_mixture_of_classes(splits: Splits) -> None:
    for split in splits:
        assert split.labels[:100].any(0).all()


def test_images_are_variants_not_copies(splits: Splits) -> None:
    train, _ = splits
    assert len(train.images.flatten(1).unique(dim=0)) == len(train)


def test_same_settings_same_images_other_seed_other_images() -> None:
    (train, test), (again, test_again), (other, _) = embedded(), embedded(), embedded(seed=1)
    assert torch.equal(train.images, again.images)
    assert torch.equal(test.images, test_again.images)
    assert not torch.equal(train.images, other.images)


def test_a_split_does_not_depend_on_the_other_ones_size() -> None:
    train, test = embedded(train=60, test=40)
    assert torch.equal(embedded(train=60, test=7)[0].images, train.images)
    assert torch.equal(embedded(train=7, test=40)[1].images, test.images)


@pytest.mark.parametrize(
    ("wrong", "key"),
    [({"source": "shvn"}, "source"), ({"train": 0}, "train"), ({"test": -1}, "test"), ({"sede": 1}, "sede")],
)
def test_wrong_settings_are_named(wrong: dict[str, Any], key: str) -> None:
    block = {"source": "street_digits", "folder": "here", "train": 10, "test": 10, "seed": 0} | wrong
    with pytest.raises(InputError, match=f"data.colour.{key}"):
        params.parse(Settings, block, "data.colour")


# Files in the true formats


def patterns(numbers: Bytes) -> Bytes:
    """(N, 32, 32, 3), RGB: red all over, green rising downwards, blue the image's number."""
    images = np.empty((len(numbers), 32, 32, 3), np.uint8)
    images[..., 0] = 250
    images[..., 1] = np.arange(0, 128, 4)[:, None]
    images[..., 2] = numbers[:, None, None]
    return images


def numbers(part: Part) -> Bytes:
    """The class of an image is its number's last digit."""
    return np.arange(TRAIN, dtype=np.uint8) if part == "train" else np.arange(100, 100 + TEST, dtype=np.uint8)


def matlab(part: Part) -> dict[str, Any]:
    """The two variables of a file of SVHN's."""
    labels = numbers(part) % 10
    labels[labels == 0] = 10
    return {"X": patterns(numbers(part)).transpose(1, 2, 3, 0), "y": labels[:, None]}


def mat(content: dict[str, Any]) -> bytes:
    file = io.BytesIO()
    savemat(file, content, do_compression=True)  # type: ignore[arg-type]  # the stubs know only paths
    return file.getvalue()


def records(values: Bytes) -> bytes:
    """CIFAR-10's: a byte for the class, then a plane of 32 x 32 for each colour."""
    planes = patterns(values).transpose(0, 3, 1, 2).reshape(len(values), -1)
    return np.concatenate([values[:, None] % 10, planes], 1).tobytes()


def batches() -> dict[str, bytes]:
    """The files of CIFAR-10's archive."""
    made = {"readme.html": b"<html>", "batches.meta.txt": ("\n".join(NAMES) + "\n\n").encode()}
    for i, part in enumerate(np.split(numbers("train"), 5), start=1):
        made[f"data_batch_{i}.bin"] = records(part)
    return made | {"test_batch.bin": records(numbers("test"))}


def tar(files: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        folder = tarfile.TarInfo("cifar-10-batches-bin")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for name, content in files.items():
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


def classes(folder: Path, values: Bytes) -> None:
    """A PNG file for each number, in a folder of its class."""
    for number, image in zip(values.tolist(), patterns(values), strict=True):
        place = folder / f"class {number % 10}"
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(place / f"{number:03}.png")


@cache
def contents() -> dict[str, bytes]:
    return {TRAIN_MAT: mat(matlab("train")), TEST_MAT: mat(matlab("test")), ARCHIVE: tar(batches())}


def expect(monkeypatch: pytest.MonkeyPatch, files: dict[str, bytes], site: str) -> None:
    """Makes these files, at this address, the right ones."""
    sums = {name: hashlib.md5(content).hexdigest() for name, content in files.items()}
    lists = {part: [site + name, name, sums[name]] for part, name in (("train", TRAIN_MAT), ("test", TEST_MAT))}
    monkeypatch.setattr(SVHN, "split_list", lists)
    monkeypatch.setattr(colour, "_CIFAR10_URL", site + ARCHIVE)
    monkeypatch.setattr(colour, "_CIFAR10_CHECKSUM", f"md5:{sums[ARCHIVE]}")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A server that gives the files, and the files of the source `folder`: the same images."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    place = tmp_path / "site"
    place.mkdir()
    for name, content in contents().items():
        (place / name).write_bytes(content)
    classes(tmp_path / "mine/train", numbers("train"))
    classes(tmp_path / "mine/test", numbers("test"))

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=place)) as http:
        expect(monkeypatch, contents(), f"http://127.0.0.1:{http.server_port}/")
        thread = Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield tmp_path
        http.shutdown()
        thread.join()


def read(place: Path, source: Source, train: int = TRAIN, test: int = TEST, seed: int = 0) -> Splits:
    settings = Settings(source=source, folder=str(place / "mine"), train=train, test=test, seed=seed)
    return colour.load(settings, place / "raw")


@pytest.mark.parametrize("source", ["svhn", "cifar10", "folder"])
def test_every_source_gives_the_images_upright_in_their_colours_with_their_classes(site: Path, source: Source) -> None:
    splits = read(site, source)
    for split, part in zip(splits, ("train", "test"), strict=True):
        assert split.source == source
        found = split.images[:, 2, 0, 0]
        assert torch.equal(split.images, torch.from_numpy(patterns(found.numpy())).permute(0, 3, 1, 2))
        assert found.sort().values.tolist() == numbers(part).tolist()  # type: ignore[arg-type]
        assert found.tolist() != sorted(found.tolist())
        assert (split.labels.sum(1) == 1).all()
        assert torch.equal(split.labels.argmax(1), found.long() % 10)
    train, test = splits
    assert train.classes == {"svhn": tuple("0123456789"), "cifar10": NAMES}.get(source, train.classes)
    assert test.classes == train.classes
    assert train.images.is_contiguous()


@pytest.mark.parametrize("source", ["svhn", "cifar10", "folder"])
def test_originals_tell_images_apart(site: Path, source: Source) -> None:
    train, test = read(site, source)
    assert len(torch.cat([train.originals, test.originals]).unique()) == TRAIN + TEST
    if source != "folder":  # which goes class by class
        assert torch.equal(train.originals, train.images[:, 2, 0, 0].long())


@pytest.mark.parametrize("source", ["svhn", "cifar10", "folder"])
def test_fewer_images_than_there_are_is_a_seeded_random_choice(site: Path, source: Source) -> None:
    chosen = [read(site, source, train=10, seed=seed)[0].originals.tolist() for seed in (0, 0, 1)]
    assert chosen[0] == chosen[1]
    assert sorted(chosen[0]) != sorted(chosen[2])
    assert all(len(set(each)) == 10 and sorted(each) != list(range(10)) for each in chosen)
    assert torch.equal(read(site, source, test=5)[0].images, read(site, source, test=9)[0].images)


@pytest.mark.parametrize("source", ["svhn", "cifar10", "folder"])
@pytest.mark.parametrize("part", ["train", "test"])
def test_more_images_than_there_are_is_refused_with_both_numbers(site: Path, source: Source, part: Part) -> None:
    with pytest.raises(InputError, match=rf"data\.colour\.{part}: .*{TRAIN if part == 'train' else TEST}.*31"):
        read(site, source, train=31 if part == "train" else 1, test=31 if part == "test" else 1)


# Downloads


@pytest.mark.parametrize(("source", "names"), [("svhn", {TRAIN_MAT, TEST_MAT}), ("cifar10", {ARCHIVE})])
def test_downloads_are_kept_and_nothing_is_unpacked(site: Path, source: Source, names: set[str]) -> None:
    train, _ = read(site, source)
    for file in (site / "site").iterdir():
        file.unlink()
    again, _ = read(site, source)
    assert torch.equal(train.images, again.images)
    assert {path.name for path in (site / "raw" / source).iterdir()} == names


@pytest.mark.parametrize("source", ["svhn", "cifar10"])
def test_without_a_network_the_line_names_the_other_sources(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: Source
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    expect(monkeypatch, contents(), "http://127.0.0.1:9/")
    with pytest.raises(InputError, match="cannot be downloaded") as caught:
        read(tmp_path, source)
    assert "\n" not in str(caught.value)
    assert "data.colour.source: street_digits" in str(caught.value)
    assert "data.colour.source: folder with data.colour.folder" in str(caught.value)


def test_the_true_addresses_and_checksums_are_those_published() -> None:
    assert colour._CIFAR10_URL == "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
    assert colour._CIFAR10_CHECKSUM == "md5:c32a1d4ab5d03f1284b67883e8d87530"
    assert [SVHN.split_list[part][1] for part in ("train", "test")] == [TRAIN_MAT, TEST_MAT]


def changed(part: Part, **variables: Any) -> bytes:
    return mat(matlab(part) | variables)


def without(files: dict[str, bytes], name: str) -> dict[str, bytes]:
    return {key: content for key, content in files.items() if key != name}


def labelled(part: Part, label: int) -> bytes:
    labels = matlab(part)["y"].copy()
    labels[3] = label
    return changed(part, y=labels)


FILE_FAULTS: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "truncated mat": (TRAIN_MAT, lambda: mat(matlab("train"))[:-200], "sound MATLAB file"),
    "empty mat": (TRAIN_MAT, lambda: b"", "sound MATLAB file"),
    "not a mat": (TEST_MAT, lambda: b"<html>not found</html>" * 50, "sound MATLAB file"),
    "no X": (TRAIN_MAT, lambda: mat(without(matlab("train"), "X")), "X and y, found no X$"),
    "no y": (TEST_MAT, lambda: mat(without(matlab("test"), "y")), "X and y, found no y$"),
    "grey": (TRAIN_MAT, lambda: changed("train", X=np.zeros((32, 32, 30), np.uint8)), "found 32 x 32 x 30 of uint8"),
    "other size": (
        TEST_MAT,
        lambda: changed("test", X=np.zeros((28, 32, 3, 20), np.uint8)),
        "32 x 32 x 3 x N.*found 28 x 32 x 3 x 20",
    ),
    "floats": (TEST_MAT, lambda: changed("test", X=np.zeros((32, 32, 3, 20))), "bytes, found .* of float64"),
    "a label less": (TRAIN_MAT, lambda: changed("train", y=np.ones((29, 1))), "y of 30 x 1.*found 29 x 1"),
    "label 0": (TRAIN_MAT, lambda: labelled("train", 0), "labels from 1 to 10 in y, found 0"),
    "label 11": (TEST_MAT, lambda: labelled("test", 11), "labels from 1 to 10 in y, found 11"),
    "truncated tar": (ARCHIVE, lambda: tar(batches())[:-100], r"sound \.tar\.gz"),
    "cut tar": (ARCHIVE, lambda: gzip.compress(gzip.decompress(tar(batches()))[:60000]), r"sound \.tar\.gz|found no"),
    "empty tar": (ARCHIVE, lambda: b"", r"sound \.tar\.gz"),
    "not a tar": (ARCHIVE, lambda: gzip.compress(b"no archive" * 100), r"sound \.tar\.gz"),
    "not packed": (ARCHIVE, lambda: gzip.decompress(tar(batches())), r"sound \.tar\.gz"),
    "no batch": (ARCHIVE, lambda: tar(without(batches(), "data_batch_3.bin")), r"found no data_batch_3\.bin"),
    "no names": (ARCHIVE, lambda: tar(without(batches(), "batches.meta.txt")), r"found no batches\.meta\.txt"),
    "pickles": (ARCHIVE, lambda: tar({"data_batch_1": b""}), r"found no data_batch_1\.bin"),
    "a byte less": (
        ARCHIVE,
        lambda: tar(batches() | {"test_batch.bin": records(numbers("test"))[:-1]}),
        r"test_batch\.bin: expected records of 3073 bytes, found 61459",
    ),
    "empty batch": (ARCHIVE, lambda: tar(batches() | {"data_batch_2.bin": b""}), r"data_batch_2\.bin: .*found 0 bytes"),
    "label 10": (
        ARCHIVE,
        lambda: tar(batches() | {"test_batch.bin": b"\x0a" + records(numbers("test"))[1:]}),
        r"test_batch\.bin: expected labels from 0 to 9, found 10",
    ),
    "nine names": (
        ARCHIVE,
        lambda: tar(batches() | {"batches.meta.txt": "\n".join(NAMES[1:]).encode()}),
        r"batches\.meta\.txt: expected 10 class names, found 9",
    ),
}


@pytest.mark.parametrize("fault", FILE_FAULTS)
def test_a_damaged_file_is_named_with_its_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    name, content, words = FILE_FAULTS[fault]
    files = contents() | {name: content()}
    expect(monkeypatch, files, "http://127.0.0.1:9/")  # the right checksums, so that nothing is downloaded
    source: Source = "cifar10" if name == ARCHIVE else "svhn"
    (tmp_path / "raw" / source).mkdir(parents=True)
    for each, there in files.items():
        (tmp_path / "raw" / source / each).write_bytes(there)
    with pytest.raises(InputError, match=words) as caught:
        read(tmp_path, source)
    assert str(caught.value).startswith(f"{tmp_path / 'raw' / source / name}: ")
    assert "\n" not in str(caught.value)


# The user's own images


def folder(place: Path, train: int, test: int) -> Splits:
    return colour.load(Settings(source="folder", folder=str(place), train=train, test=test, seed=0))


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """Three classes of 10 images, numbered 0 to 29, class by class."""
    for i, name in enumerate(("cats", "ants", "bees")):
        (tmp_path / "mine" / name).mkdir(parents=True)
        for j, image in enumerate(patterns(np.arange(10 * i, 10 * i + 10, dtype=np.uint8))):
            Image.fromarray(image).save(tmp_path / "mine" / name / f"{j}.png")
    return tmp_path / "mine"


def test_without_train_and_test_every_fifth_file_of_a_class_is_for_the_test(mine: Path) -> None:
    (mine / ".hidden").mkdir()
    (mine / "ants/.thumbnail.png").write_bytes(b"")
    (mine / "ants/notes.txt").write_text("passed over")
    train, test = folder(mine, 24, 6)
    assert train.classes == test.classes == ("ants", "bees", "cats")
    assert sorted(test.images[:, 2, 0, 0].tolist()) == [4, 9, 14, 19, 24, 29]
    assert not set(train.images[:, 2, 0, 0].tolist()) & set(test.images[:, 2, 0, 0].tolist())
    for split in (train, test):
        expected = [["cats", "ants", "bees"][number // 10] for number in split.images[:, 2, 0, 0].tolist()]
        assert [split.classes[i] for i in split.labels.argmax(1).tolist()] == expected
    assert len(torch.cat([train.originals, test.originals]).unique()) == 30


def one(mine: Path, image: Image.Image, name: str, **options: Any) -> Tensor:
    """(3, 32, 32) of an image that was saved as the only one of its class for the test."""
    image.save(mine / "ants" / name, **options)
    return colour._image(mine / "ants" / name)


def test_a_large_image_is_cropped_to_its_middle_and_resized(mine: Path) -> None:
    pixels = np.zeros((128, 192, 3), np.uint8)
    pixels[:, :32] = pixels[:, -32:] = (0, 0, 255)  # the crop's outside
    pixels[:, 32:-32] = (255, 0, 0)
    pixels[64:, 32:-32, 1] = 200
    found = one(mine, Image.fromarray(pixels), "wide.png")
    assert (found[2] == 0).all()
    assert (found[0] == 255).all()
    assert (found[1, :14] == 0).all()
    assert (found[1, 18:] == 200).all()


def test_resizing_is_antialiased(mine: Path) -> None:
    stripes = np.zeros((256, 256, 3), np.uint8)
    stripes[::2] = 255
    found = one(mine, Image.fromarray(stripes), "stripes.png")
    assert (found.int() - 128).abs().max() < 6


def test_a_small_image_is_enlarged(mine: Path) -> None:
    found = one(mine, Image.new("RGB", (8, 8), (10, 200, 30)), "small.png")
    assert (found == torch.tensor([10, 200, 30])[:, None, None]).all()


def test_other_kinds_of_images_become_rgb(mine: Path) -> None:
    red = Image.new("RGB", (40, 40), (255, 0, 0))
    expected = torch.tensor([255, 0, 0])[:, None, None]
    assert ((one(mine, red, "a.jpg", quality=95).int() - expected).abs() < 4).all()
    assert (one(mine, red.convert("P"), "a.gif") == expected).all()
    assert (one(mine, red.convert("L"), "a.png") == 76).all()
    assert (one(mine, Image.new("RGBA", (40, 40), (0, 0, 0, 0)), "b.png") == 255).all()  # transparent on white


def test_a_photograph_is_turned_as_its_camera_says(mine: Path) -> None:
    pixels = np.zeros((32, 32, 3), np.uint8)
    pixels[:16] = 255  # the top
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    found = one(mine, Image.fromarray(pixels), "turned.png", exif=exif)
    assert (found[:, 16:] == 255).all()
    assert (found[:, :16] == 0).all()


def absent(mine: Path) -> Path:
    return mine / "nowhere"


def classless(mine: Path) -> Path:
    empty = mine / "ants/empty"
    empty.mkdir()
    return empty


def lone(mine: Path) -> Path:
    (mine / "sub").mkdir()
    (mine / "ants").rename(mine / "sub/ants")
    return mine / "sub"


def emptied(mine: Path) -> Path:
    for path in (mine / "bees").iterdir():
        path.unlink()
    return mine


def thinned(mine: Path) -> Path:
    for path in sorted((mine / "bees").iterdir())[4:]:
        path.unlink()
    return mine


def unpaired(mine: Path) -> Path:
    for part in ("train", "test"):
        classes(mine / part, numbers("train"))
    (mine / "test/class 4").rename(mine / "test/cats")
    return mine


def spoiled(change: Callable[[bytes], bytes]) -> Callable[[Path], Path]:
    def spoil(mine: Path) -> Path:
        path = mine / "bees/3.png"
        path.write_bytes(change(path.read_bytes()))
        return mine

    return spoil


def deep(mine: Path) -> Path:
    Image.fromarray(np.zeros((32, 32), np.uint16)).save(mine / "bees/3.png")
    return mine


FOLDER_FAULTS: dict[str, tuple[Callable[[Path], Path], str, str]] = {
    "missing": (absent, "", r"no such folder; data\.colour\.folder"),
    "no classes": (classless, "", "two classes or more, found none"),
    "one class": (lone, "", "two classes or more, found only ants"),
    "an empty class": (emptied, "bees", r"expected images \(.png .*found none"),
    "too small a class": (thinned, "bees", "at least 5 images.*found 4"),
    "other classes in test": (unpaired, "train", "class folders of test/, found no cats"),
    "a cut image": (spoiled(lambda c: c[: len(c) // 2]), "bees/3.png", "expected an image"),
    "no image": (spoiled(lambda _: b"text"), "bees/3.png", "cannot identify"),
    "an empty image": (spoiled(lambda _: b""), "bees/3.png", "cannot identify"),
    "sixteen bits": (deep, "bees/3.png", "8 bits for a colour, .*I;16"),
}


@pytest.mark.parametrize("fault", FOLDER_FAULTS)
def test_a_fault_in_a_folder_is_named(mine: Path, fault: str) -> None:
    spoil, name, words = FOLDER_FAULTS[fault]
    place = spoil(mine)
    with pytest.raises(InputError, match=words) as caught:
        folder(place, 24, 6)
    assert str(caught.value).startswith(f"{place / name}: ")
    assert "\n" not in str(caught.value)
