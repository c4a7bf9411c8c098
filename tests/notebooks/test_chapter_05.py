"""What chapter 05 writes out in its cells: dropout itself, the classifier, and where networks have their dropout."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import torchvision
from torch import nn

import alexnet_helpers as ah

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "05_dropout.ipynb"


def from_notebook(name: str, **others: object) -> object:
    """The function `name` as a cell of the chapter defines it, alone; `others` are what else it calls, by name."""
    cells = ["".join(cell["source"]) for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]]
    cell = next(cell for cell in cells if f"def {name}(" in cell)
    start = cell.index(f"def {name}(")
    body = cell[start:].split("\n\n\n")[0]
    names = {"nn": nn, "ah": ah, "torch": torch, **others}
    exec(body, names)
    return names[name]


@pytest.mark.parametrize("p", [0.0, 0.1, 0.5, 0.9])
def test_dropout_keeps_the_mean_and_has_the_variance_of_the_formula(p: float) -> None:
    torch.manual_seed(1)
    X = torch.full((400_000,), 2.0, dtype=torch.float64)
    out = from_notebook("dropout")(X, p)
    variance = 4 * p / (1 - p)
    assert set(out.unique().tolist()) <= {0.0, 2 / (1 - p)}
    assert abs(out.mean().item() - 2) <= 5 * (variance / len(X)) ** 0.5
    assert out.var().item() == pytest.approx(variance, rel=0.05)


def test_each_value_is_dropped_for_itself() -> None:
    torch.manual_seed(2)
    off = from_notebook("dropout")(torch.ones(1_000, 40), 0.5) == 0
    assert off.double().mean(dim=0).min() > 0.4 and off.double().mean(dim=0).max() < 0.6
    assert abs(torch.corrcoef(off.T.double()).fill_diagonal_(0)).max() < 0.2


def test_the_classifier_is_three_layers_with_dropout_where_it_says() -> None:
    classifier = from_notebook("classifier")
    assert sum(p.numel() for p in classifier().parameters()) == 785 * 128 + 129 * 128 + 129 * 10
    places = [m.p for m in classifier(pool5=0.1, fc6=0.2, fc7=0.3) if isinstance(m, nn.Dropout)]
    assert places == [0.1, 0.2, 0.3]
    assert classifier()(torch.zeros(2, 1, 28, 28)).shape == (2, 10)


def test_where_networks_have_their_dropout() -> None:
    switched_off = from_notebook("switched_off")
    with torch.device("meta"):
        for net in (ah.alexnet_paper(), ah.alexnet_2012_code(), ah.caffenet(), ah.alexnet()):
            assert switched_off(net) == [("fc6", 0.5), ("fc7", 0.5)]
        for net in (ah.alexnet_torchvision(), torchvision.models.alexnet(weights=None)):
            assert switched_off(net) == [("pool5", 0.5), ("fc6", 0.5)]


def test_the_chapter_s_check_of_mean_and_variance_can_tell() -> None:
    as_predicted = from_notebook("as_predicted")
    torch.manual_seed(4)
    values = torch.full((200_000,), 3.0, dtype=torch.float64)
    for p in (0.1, 0.5, 0.8):
        right = nn.functional.dropout(values, p)
        assert as_predicted(right, 3.0, p)
        assert not as_predicted(right, 3.0, p + 0.02)              # another noise
        assert not as_predicted(right + 0.2, 3.0, p)               # another mean
        assert not as_predicted(3 + 1.1 * (right - 3), 3.0, p)     # the mean is right, the variance is not


def test_as_many_labels_are_wrong_as_the_chapter_says() -> None:
    def few_pictures(seed: int, number: int) -> SimpleNamespace:
        labels = torch.arange(number) % 10
        return SimpleNamespace(labels=labels.clone(), right=labels, device="cpu")

    train = from_notebook("wrong_labels", few_pictures=few_pictures)(seed=0)
    assert (train.labels != train.right).sum() == 150 and len(train.labels) == 500
    assert train.labels.min() == 0 and train.labels.max() == 9


def test_many_sampled_networks_lie_on_either_side_of_the_scaled_pass() -> None:
    """In one layer the mean of the logits over all masks is the scaled pass: the chapter's identity, by another way."""
    torch.manual_seed(0)
    layer, drop, x = nn.Linear(50, 3), nn.Dropout(p=0.5), torch.rand(50)
    with torch.no_grad():
        logits = torch.stack([layer(drop(x)) for _ in range(4_000)])
        error = logits.std(dim=0) / len(logits) ** 0.5
        assert ((logits.mean(dim=0) - layer(x)).abs() < 5 * error).all()
