import gzip
import hashlib
import struct
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Literal

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor
from torchvision.datasets import MNIST, FashionMNIST

from pipeline.contracts.images import ImageSet
from pipeline.data import digits
from pipeline.data.digits import Settings
from pipeline.ground import params
from pipeline.ground.errors import InputError
from pipeline.renderers.digits import variants as draw

Splits = tuple[ImageSet, ImageSet]
TRAIN_IMAGES, TRAIN_LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
TEST_IMAGES, TEST_LABELS = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"
TRAIN, TEST = 30, 20  # images in the files that the tests write


def embedded(train: int = 60, test: int = 40, seed: int = 0) -> Splits:
    return digits.load(Settings(source="digits8x8", train=train, test=test, seed=seed))


@pytest.fixture(scope="module")
def splits() -> Splits:
    return embedded(train=3000, test=1000)


@pytest.fixture(scope="module")
def ink(splits: Splits) -> Tensor:
    """(N, 28, 28) in [0, 1]."""
    return torch.cat([split.images for split in splits])[:, 0] / 255


# The embedded source


def test_splits_have_the_sizes_asked_for(splits: Splits) -> None:
    for split, n in zip(splits, (3000, 1000), strict=True):
        assert split.images.shape == (n, 1, 28, 28)
        assert split.labels.shape == (n, 10)
        assert split.classes == tuple("0123456789")
        assert split.exclusive
        assert split.source == "digits8x8"


def test_no_original_is_on_both_sides(splits: Splits) -> None:
    train, test = (set(split.originals.tolist()) for split in splits)
    assert not train & test
    assert len(train | test) == 1797


@pytest.mark.parametrize("kind", [{"seed": 1}, {"train": 100, "test": 700}])
def test_sides_of_originals_never_change(splits: Splits, kind: dict[str, int]) -> None:
    for split, always in zip(embedded(**kind), splits, strict=True):
        assert set(split.originals.tolist()) <= set(always.originals.tolist())


def test_each_class_gives_a_fifth_of_its_originals_to_the_test() -> None:
    targets = torch.tensor([3] * 50 + [7] * 25)
    train, test = draw.split(targets)
    assert targets[test].tolist() == [3] * 10 + [7] * 5
    assert torch.cat([train, test]).sort().values.tolist() == list(range(75))


def test_originals_are_used_evenly_and_classes_balanced(splits: Splits) -> None:
    for split in splits:
        uses = split.originals.unique(return_counts=True)[1]
        assert uses.max() - uses.min() <= 1
        shares = split.labels.float().mean(0)
        assert shares.min() > 0.09
        assert shares.max() < 0.11


def test_labels_are_those_of_the_originals(splits: Splits) -> None:
    targets = torch.tensor(load_digits().target)
    for split in splits:
        assert (split.labels.sum(1) == 1).all()
        assert torch.equal(split.labels.argmax(1), targets[split.originals])


def test_the_first_images_are_a_mixture_of_classes(splits: Splits) -> None:
    for split in splits:
        assert split.labels[:100].any(0).all()


def test_same_settings_same_images_other_seed_other_images() -> None:
    (train, test), (again, test_again), (other, _) = embedded(), embedded(), embedded(seed=1)
    assert torch.equal(train.images, again.images)
    assert torch.equal(test.images, test_again.images)
    assert not torch.equal(train.images, other.images)


def test_a_split_does_not_depend_on_the_other_ones_size() -> None:
    train, test = embedded(train=60, test=40)
    assert torch.equal(embedded(train=60, test=7)[0].images, train.images)
    assert torch.equal(embedded(train=7, test=40)[1].images, test.images)


def test_drawing_does_not_depend_on_the_batch() -> None:
    originals = torch.tensor(load_digits().images[:50] / 16).float()
    whole = draw.handwrite(originals, torch.Generator().manual_seed(0))
    parts = draw.handwrite(originals, torch.Generator().manual_seed(0), batch=7)
    assert torch.equal(whole, parts)


def test_blank_paper_stays_blank() -> None:
    assert not draw.handwrite(torch.zeros(3, 8, 8), torch.Generator()).any()


def test_images_are_variants_not_copies(splits: Splits) -> None:
    train, _ = splits
    assert len(train.images.flatten(1).unique(dim=0)) == len(train)


def test_ink_is_like_mnists(ink: Tensor) -> None:
    # MNIST: mean .131, deviation .308, .81 of the pixels exactly 0.
    assert 0.11 < ink.mean() < 0.17
    assert 0.29 < ink.std() < 0.36
    assert 0.72 < (ink == 0).float().mean() < 0.85
    assert (ink.amax((1, 2)) > 0.95).all()
    assert ink.mean((1, 2)).min() > 0.03
    assert ink.mean((1, 2)).max() < 0.30


def test_digits_are_centred_by_mass_in_the_box_of_twenty(ink: Tensor) -> None:
    axis = torch.arange(28) - 13.5
    mass = ink.sum((1, 2))
    for moment in ((ink * axis).sum((1, 2)), (ink * axis[:, None]).sum((1, 2))):
        centre = moment / mass
        assert centre.mean().abs() < 0.05
        assert centre.abs().quantile(0.99) < 1
    assert ink[:, 4:-4, 4:-4].sum() > 0.95 * ink.sum()
    assert ink[:, 1:-1, 1:-1].sum() > 0.995 * ink.sum()


def test_unseen_originals_are_recognised_by_their_nearest_neighbour(splits: Splits) -> None:
    train, test = splits
    distances = torch.cdist(test.images.flatten(1).float(), train.images.flatten(1).float())
    recognised = train.labels[distances.argmin(1)].argmax(1) == test.labels.argmax(1)
    assert recognised.float().mean() > 0.88


@pytest.mark.parametrize(
    ("wrong", "key"),
    [({"source": "minst"}, "source"), ({"train": 0}, "train"), ({"test": -1}, "test"), ({"sede": 1}, "sede")],
)
def test_wrong_settings_are_named(wrong: dict[str, Any], key: str) -> None:
    block = {"source": "digits8x8", "folder": "here", "train": 10, "test": 10, "seed": 0} | wrong
    with pytest.raises(InputError, match=f"data.digits.{key}"):
        params.parse(Settings, block, "data.digits")


# Files in MNIST's format


def idx(values: np.ndarray[Any, np.dtype[np.uint8]]) -> bytes:
    return struct.pack(f">HBB{values.ndim}I", 0, 8, values.ndim, *values.shape) + values.tobytes()


def contents() -> dict[str, bytes]:
    """Four files; every pixel of an image is its number in its file, plus 100 in the test file."""
    made = {}
    for images, labels, n, first in ((TRAIN_IMAGES, TRAIN_LABELS, TRAIN, 0), (TEST_IMAGES, TEST_LABELS, TEST, 100)):
        numbers = np.arange(first, first + n, dtype=np.uint8)
        made[images] = idx(numbers.repeat(28 * 28).reshape(n, 28, 28))
        made[labels] = idx(numbers % 10)
    return made


def write(folder: Path, spelling: Callable[[str], str] = str) -> Path:
    folder.mkdir(parents=True)
    for name, content in contents().items():
        path = folder / spelling(name)
        path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return folder


def read(folder: Path, train: int = TRAIN, test: int = TEST, seed: int = 0) -> Splits:
    return digits.load(Settings(source="folder", folder=str(folder), train=train, test=test, seed=seed))


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize("joint", ["-idx", ".idx"])
def test_folder_is_read_plain_or_packed_in_either_spelling(tmp_path: Path, ending: str, joint: str) -> None:
    train, test = read(write(tmp_path / "mine", lambda name: name.replace("-idx", joint) + ending))
    assert (len(train), len(test)) == (TRAIN, TEST)
    assert train.source == "folder"
    assert train.classes == tuple("0123456789")
    for split, first in ((train, 0), (test, 100)):
        numbers = split.images[:, 0, 0, 0].long()
        assert (split.images == split.images[:, :, :1, :1]).all()
        assert numbers.sort().values.tolist() == list(range(first, first + len(split)))
        assert torch.equal(split.labels.argmax(1), numbers % 10)


def test_originals_tell_files_images_apart(tmp_path: Path) -> None:
    train, test = read(write(tmp_path / "mine"))
    assert torch.equal(train.originals, train.images[:, 0, 0, 0].long())
    assert not set(train.originals.tolist()) & set(test.originals.tolist())
    assert len(test.originals.unique()) == TEST


def test_fewer_images_than_there_are_is_a_seeded_random_choice(tmp_path: Path) -> None:
    folder = write(tmp_path / "mine")
    chosen = [read(folder, train=10, seed=seed)[0].originals.tolist() for seed in (0, 0, 1)]
    assert chosen[0] == chosen[1]
    assert sorted(chosen[0]) != sorted(chosen[2])
    assert all(len(set(each)) == 10 and sorted(each) != list(range(10)) for each in chosen)


@pytest.mark.parametrize("part", ["train", "test"])
def test_more_images_than_there_are_is_refused_with_both_numbers(
    tmp_path: Path, part: Literal["train", "test"]
) -> None:
    folder = write(tmp_path / "mine")
    with pytest.raises(InputError, match=rf"data\.digits\.{part}: .*{TRAIN if part == 'train' else TEST}.*31"):
        read(folder, train=31 if part == "train" else 1, test=31 if part == "test" else 1)


def replaced(name: str, change: Callable[[bytes], bytes], suffix: str = "") -> Callable[[Path], Path]:
    """A fault: the file's content passed through `change`."""

    def spoil(folder: Path) -> Path:
        content = (folder / name).read_bytes()
        (folder / name).unlink()
        path = folder / (name + suffix)
        path.write_bytes(change(content))
        return path

    return spoil


def removed(folder: Path) -> Path:
    (folder / TEST_LABELS).unlink()
    return folder / TEST_LABELS


def with_label(label: int) -> Callable[[bytes], bytes]:
    return lambda content: content[:-1] + bytes([label])


FAULTS: dict[str, tuple[Callable[[Path], Path], str]] = {
    "missing": (removed, "no such file"),
    "truncated gzip": (replaced(TRAIN_IMAGES, lambda c: gzip.compress(c)[:-20], ".gz"), "truncated"),
    "damaged gzip": (replaced(TRAIN_IMAGES, lambda c: gzip.compress(c)[:40] + b"?" * 40, ".gz"), "gzip"),
    "wrong sum": (replaced(TRAIN_LABELS, lambda c: gzip.compress(c)[:-8] + b"?" * 8, ".gz"), "gzip"),
    "not gzip": (replaced(TRAIN_IMAGES, lambda c: c, ".gz"), "gzip"),
    "gzip unsaid": (replaced(TRAIN_IMAGES, gzip.compress), "magic number 2051"),
    "empty": (replaced(TRAIN_IMAGES, lambda c: b""), "header"),
    "header cut": (replaced(TEST_LABELS, lambda c: c[:7]), "header"),
    "labels for images": (replaced(TRAIN_IMAGES, lambda c: contents()[TRAIN_LABELS]), "magic number 2051, found 2049"),
    "images for labels": (replaced(TEST_LABELS, lambda c: contents()[TEST_IMAGES]), "magic number 2049, found 2051"),
    "floats": (replaced(TRAIN_IMAGES, lambda c: b"\0\0\x0d\3" + c[4:]), "magic number 2051, found 3331"),
    "a byte less": (replaced(TRAIN_IMAGES, lambda c: c[:-1]), "30 x 28 x 28 bytes, found 23519"),
    "a byte more": (replaced(TEST_LABELS, lambda c: c + b"\0"), "20 bytes, found 21"),
    "a label less": (replaced(TRAIN_LABELS, lambda c: idx(np.zeros(29, np.uint8))), "expected 30 labels.*found 29"),
    "unknown label": (replaced(TEST_LABELS, with_label(10)), "labels from 0 to 9, found 10"),
    "other size": (replaced(TEST_IMAGES, lambda c: idx(np.zeros((20, 32, 28), np.uint8))), "28 x 28.*found 32 x 28"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_damaged_file_is_named_with_its_fault(tmp_path: Path, fault: str) -> None:
    spoil, words = FAULTS[fault]
    path = spoil(write(tmp_path / "mine"))
    with pytest.raises(InputError, match=words) as caught:
        read(path.parent)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no such folder.*data\.digits\.folder") as caught:
        read(tmp_path / "nowhere")
    assert str(tmp_path / "nowhere") in str(caught.value)


# Downloads


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server that gives the four files, packed; torchvision's lists name it and them."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    site = write(tmp_path / "site", lambda name: f"{name}.gz")

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=site)) as http:
        url = f"http://127.0.0.1:{http.server_port}/"
        resources = [(file.name, hashlib.md5(file.read_bytes()).hexdigest()) for file in sorted(site.iterdir())]
        for dataset in (MNIST, FashionMNIST):
            monkeypatch.setattr(dataset, "mirrors", [f"{url}gone/", url])
            monkeypatch.setattr(dataset, "resources", resources)
        thread = Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield url
        http.shutdown()
        thread.join()


@pytest.mark.parametrize(("source", "first_class"), [("mnist", "0"), ("fashion_mnist", "T-shirt/top")])
def test_downloads_are_read_like_a_folder_and_kept(
    mirror: str, tmp_path: Path, source: Literal["mnist", "fashion_mnist"], first_class: str
) -> None:
    settings = Settings(source=source, train=TRAIN, test=TEST, seed=0)
    train, test = digits.load(settings, tmp_path / "raw")
    same, _ = read(tmp_path / "site")
    assert torch.equal(train.images, same.images)
    assert len(test) == TEST
    assert train.source == source
    assert train.classes[0] == first_class
    assert len(train.classes) == 10
    kept = sorted(path.name for path in (tmp_path / "raw" / source).iterdir())
    assert kept == sorted(f"{name}.gz" for name in contents())


def test_without_a_network_the_line_names_the_other_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(MNIST, "mirrors", ["http://127.0.0.1:9/"])
    with pytest.raises(InputError, match="cannot be downloaded") as caught:
        digits.load(Settings(source="mnist", train=TRAIN, test=TEST, seed=0), tmp_path / "raw")
    assert "\n" not in str(caught.value)
    assert "data.digits.source: digits8x8" in str(caught.value)
    assert "data.digits.folder" in str(caught.value)
