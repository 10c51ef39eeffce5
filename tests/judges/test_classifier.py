"""The judge: it learns, takes logits, keeps the same view of images, and takes another's weights or says why not."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pipeline.contracts.images import ImageSet, scale
from pipeline.ground.errors import InputError
from pipeline.judges import classifier
from pipeline.judges.classifier import Judge, Settings
from pipeline.judges.networks.small import Small
from pipeline.judges.scores import accuracy

SETTINGS = Settings(
    weights="none", network="small", width=4, batch=16, epochs=12, learning_rate=0.01, precision="float32", seed=0
)


def _quiet(done: int, total: int, values: Any) -> None: ...


@pytest.fixture(scope="module")
def judge(tiny: ImageSet) -> Judge:
    judge = classifier.build(SETTINGS, tiny)
    classifier.fit(judge, tiny, SETTINGS, _quiet)
    return judge


def _accuracy(judge: Judge, data: ImageSet) -> float:
    return accuracy(classifier.predict(judge, data.images)[1], data.labels, data.kind)


def test_it_learns_and_ends_in_evaluation_mode(judge: Judge, tiny: ImageSet) -> None:
    assert _accuracy(classifier.build(SETTINGS, tiny).eval(), tiny) < 0.5
    assert _accuracy(judge, tiny) > 0.9
    assert not judge.training


def test_the_same_settings_give_the_same_judge(judge: Judge, tiny: ImageSet) -> None:
    again = classifier.build(SETTINGS, tiny)
    classifier.fit(again, tiny, SETTINGS, _quiet)
    assert all(torch.equal(tensor, again.state_dict()[name]) for name, tensor in judge.state_dict().items())


def test_predictions_do_not_depend_on_the_batch_or_on_bytes(judge: Judge, tiny: ImageSet) -> None:
    whole = classifier.predict(judge, tiny.images, batch=96)
    for parts in (
        classifier.predict(judge, tiny.images, batch=7),
        classifier.predict(judge, scale(tiny.images, "unit")),
    ):
        for a, b in zip(whole, parts, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)
    features, logits = whole
    assert features.shape == (96, Small.FEATURES)
    with torch.inference_mode():
        torch.testing.assert_close(judge.network.head(features), logits, rtol=1e-4, atol=1e-4)


def test_the_loss_takes_logits_once() -> None:
    """The known fault: a softmax in front of cross-entropy."""
    logits, labels = torch.randn(6, 4, generator=torch.Generator().manual_seed(0)), F.one_hot(torch.arange(6) % 4, 4)
    expected = -F.log_softmax(logits, 1)[torch.arange(6), torch.arange(6) % 4].mean()
    torch.testing.assert_close(classifier.loss(logits, labels, True), expected)
    p = torch.sigmoid(logits)
    summed = -(labels * p.log() + (1 - labels) * (1 - p).log()).sum(1).mean()
    torch.testing.assert_close(classifier.loss(logits, labels, False), summed)


def test_the_judge_ends_in_logits(judge: Judge, tiny: ImageSet) -> None:
    logits = classifier.predict(judge, tiny.images)[1]
    assert (logits.sum(1) - 1).abs().min() > 1e-3  # a softmax would sum to one
    assert logits.min() < 0


def test_a_judge_survives_its_file(judge: Judge, tiny: ImageSet, tmp_path: Path) -> None:
    path = tmp_path / "digits.safetensors"
    classifier.save(path, judge)
    again = classifier.load(path, torch.device("cpu"))
    assert torch.equal(classifier.predict(judge, tiny.images)[1], classifier.predict(again, tiny.images)[1])


def test_views_survive_their_file(tmp_path: Path) -> None:
    views = {"train": (torch.rand(3, 2), torch.rand(3, 4)), "test": (torch.rand(5, 2), torch.rand(5, 4))}
    classifier.save_views(tmp_path / "views.safetensors", views)
    for split, pair in views.items():
        loaded = classifier.load_views(tmp_path / "views.safetensors", split)
        assert all(torch.equal(a, b) for a, b in zip(pair, loaded, strict=True))


@pytest.mark.parametrize("name", ["mine.safetensors", "mine.pt"])
def test_weights_of_ones_own_are_taken(name: str, judge: Judge, tiny: ImageSet, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    state: dict[str, Tensor] = judge.network.state_dict()
    if name.endswith(".pt"):
        torch.save(state, tmp_path / name)
    else:
        save_file({key: tensor.contiguous() for key, tensor in state.items()}, tmp_path / name)
    for place in (tmp_path, tmp_path / name):
        own = classifier.own_weights(SETTINGS.model_copy(update={"weights": str(place)}))
        assert own == tmp_path / name
    other = classifier.build(SETTINGS.model_copy(update={"seed": 5}), tiny)
    classifier.load_own(tmp_path / name, other)
    assert _accuracy(other, tiny) == _accuracy(judge, tiny)


def test_an_empty_folder_means_train_a_judge(tmp_path: Path) -> None:
    (tmp_path / ".gitkeep").touch()
    assert classifier.own_weights(SETTINGS.model_copy(update={"weights": str(tmp_path)})) is None


def test_weights_that_do_not_fit_are_one_line(judge: Judge, tiny: ImageSet, tmp_path: Path) -> None:
    torch.save({"weight": torch.ones(1)}, tmp_path / "a.pt")
    (tmp_path / "b.pt").write_bytes(b"nothing")
    for name in ("a.pt", "b.pt"):
        with pytest.raises(InputError, match=rf"{name}: expected a state dict of the judge's network") as error:
            classifier.load_own(tmp_path / name, classifier.build(SETTINGS, tiny))
        assert "\n" not in str(error.value)
    with pytest.raises(InputError, match=r"expected one file, found a\.pt, b\.pt"):
        classifier.own_weights(SETTINGS.model_copy(update={"weights": str(tmp_path)}))
    with pytest.raises(InputError, match="found neither"):
        classifier.own_weights(SETTINGS.model_copy(update={"weights": str(tmp_path / "nowhere")}))


def test_too_large_a_batch_is_named(tiny: ImageSet) -> None:
    settings = SETTINGS.model_copy(update={"batch": 97})
    with pytest.raises(InputError, match="at most the 96 training images, found 97"):
        classifier.fit(classifier.build(settings, tiny), tiny, settings, _quiet)


@pytest.mark.parametrize("network", ["small", "spotter"])
def test_each_network_learns_in_either_precision(network: str, tiny: ImageSet) -> None:
    for precision in ("float32", "bfloat16"):
        settings = SETTINGS.model_copy(update={"network": network, "precision": precision, "epochs": 20})
        judge = classifier.build(settings, tiny)
        classifier.fit(judge, tiny, settings, _quiet)
        assert _accuracy(judge, tiny) > 0.8, precision


def test_mirroring_shows_both_sides(tiny: ImageSet) -> None:
    """Of images whose mirror images are another class, mirrored training cannot tell the two apart."""
    left = tiny.images.clone().fill_(0)
    left[:, :, 8:20, 3:9] = 255
    sides = torch.where((torch.arange(96) % 2 == 0).view(-1, 1, 1, 1), left, left.flip(3))
    labels = F.one_hot(torch.arange(96) % 2, 10).to(torch.uint8)
    data = replace(tiny, images=sides, labels=labels)
    for mirror, sure in ((False, True), (True, False)):
        settings = SETTINGS.model_copy(update={"mirror": mirror, "epochs": 8})
        judge = classifier.build(settings, data)
        classifier.fit(judge, data, settings, _quiet)
        assert (_accuracy(judge, data) > 0.95) is sure


def test_the_evaluator_file_of_iclevr_is_read(tmp_path: Path) -> None:
    """`{"model": state_dict}` of torchvision's ResNet-18, `fc` a linear layer and a sigmoid; inputs in [-1, 1]."""
    from torchvision.models import resnet18

    torch.manual_seed(3)
    theirs = resnet18(weights=None)
    theirs.fc = nn.Sequential(nn.Linear(512, 24), nn.Sigmoid())
    torch.save({"model": theirs.state_dict()}, tmp_path / "checkpoint.pth")
    images = torch.randint(256, (4, 3, 64, 64), dtype=torch.uint8)
    labels = torch.eye(24, dtype=torch.uint8)[:4]
    data = ImageSet(images, labels, torch.arange(4), tuple(map(str, range(24))), "objects", "noise")
    settings = SETTINGS.model_copy(update={"network": "resnet18", "width": 64, "weights": str(tmp_path)})
    judge = classifier.build(settings, data)
    own = classifier.own_weights(settings)
    assert own is not None
    classifier.load_own(own, judge)
    with torch.inference_mode():
        expected = theirs.eval()(images.float() / 127.5 - 1)
    features, logits = classifier.predict(judge, images)
    torch.testing.assert_close(torch.sigmoid(logits), expected, rtol=1e-4, atol=1e-5)
    assert features.shape == (4, 512)


def test_a_pickle_that_would_run_code_is_refused(tmp_path: Path, tiny: ImageSet) -> None:
    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "ran",))

    torch.save({"model": Evil()}, tmp_path / "evil.pth")
    with pytest.raises(InputError, match=r"evil\.pth"):
        classifier.load_own(tmp_path / "evil.pth", classifier.build(SETTINGS, tiny))
    assert not (tmp_path / "ran").exists()


def test_resnet18_has_one_width(tiny: ImageSet) -> None:
    with pytest.raises(InputError, match="expected width 64 and 3 channels, found 4 and 1"):
        classifier.build(SETTINGS.model_copy(update={"network": "resnet18"}), tiny)
