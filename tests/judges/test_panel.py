"""Judge and referee together."""

from pathlib import Path

import pytest
import torch
from torch import nn

from pipeline.contracts.images import Kind
from pipeline.judges import classifier, referee
from pipeline.judges.panel import Files, Opinion

SHAPE, LABELS = (3, 32, 32), 5
CPU = torch.device("cpu")


def _settled(network: nn.Module) -> nn.Module:
    """With normalisations that are not the identity, as if trained."""
    noise = torch.Generator().manual_seed(1)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            for tensor in (layer.running_mean, layer.running_var, layer.weight.data, layer.bias.data):
                assert tensor is not None
                tensor.copy_(0.5 + torch.rand(tensor.shape, generator=noise))
    return network.eval()


@pytest.mark.parametrize("network", ["small", "spotter"])
@pytest.mark.parametrize("kind", ["classes", "objects"])
def test_each_column_is_its_own_members_and_loading_changes_nothing(network: str, kind: Kind, tmp_path: Path) -> None:
    torch.manual_seed(0)
    judge = classifier.Judge(network, 4, SHAPE, LABELS, kind)
    seeing = referee.Referee(4, SHAPE, LABELS)
    _settled(judge), _settled(seeing)
    classifier.save(tmp_path / "judge/judge.safetensors", judge)
    referee.save(tmp_path / "referee/referee.safetensors", seeing)
    images = torch.rand(20, *SHAPE)
    panel = Files(tmp_path / "judge", tmp_path / "referee").panel(CPU)
    assert not [layer for whole in (panel.judge, panel.referee) for layer in whole.modules() if _normalises(layer)]
    assert panel.kind == kind
    expected = Opinion(classifier.predict(judge, images)[1], *referee.look(seeing, images))
    for name, own, other in zip(Opinion._fields, panel.look(images), expected, strict=True):
        torch.testing.assert_close(own, other, rtol=1e-3, atol=1e-4, msg=name)
    torch.testing.assert_close(panel.name(images)[0], expected.logits, rtol=1e-3, atol=1e-4)


def _normalises(layer: nn.Module) -> bool:
    return isinstance(layer, nn.BatchNorm2d)
