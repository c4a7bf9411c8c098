"""What lesson 05 and its notebook in depth write out does what PyTorch's layers and `ah.fit` do."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import nn

import alexnet_helpers as ah
from alexnet_helpers.comparing import Verdict

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
LESSON, IN_DEPTH = FOLDER / "05_dropout.ipynb", FOLDER / "in_depth" / "05_dropout_in_depth.ipynb"


def from_notebook(name: str, path: Path = LESSON, **others: object) -> object:
    """The function `name` as a cell of the notebook defines it, alone; `others` are what else it calls, by name."""
    cells = ["".join(cell["source"]) for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]]
    cell = next(cell for cell in cells if f"def {name}(" in cell)
    start = cell.index(f"def {name}(")
    names = {"nn": nn, "ah": ah, "torch": torch, "F": F, "pd": pd, "np": np, "math": math, **others}
    exec(cell[start:].split("\n\n\n")[0], names)
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


@pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("training", [True, False])
def test_dropout_is_the_layer_s_at_the_ends_and_in_either_mode(p: float, training: bool) -> None:
    dropout, X = from_notebook("dropout"), torch.rand(50, 40) + 0.5
    ours, theirs = dropout(X, p, training), F.dropout(X, p, training)
    if training and 0 < p < 1:                                 # other masks, the same two values for each input
        both = (ours != 0) & (theirs != 0)
        torch.testing.assert_close(ours[both], theirs[both])
    else:
        torch.testing.assert_close(ours, theirs)


def test_each_value_is_dropped_for_itself() -> None:
    torch.manual_seed(2)
    off = from_notebook("dropout")(torch.ones(1_000, 40), 0.5) == 0
    assert off.double().mean(dim=0).min() > 0.4 and off.double().mean(dim=0).max() < 0.6
    assert abs(torch.corrcoef(off.T.double()).fill_diagonal_(0)).max() < 0.2


def test_the_loop_with_looks_is_fit_s() -> None:
    """Without dropout it goes through the same accuracies as `ah.fit`; both score on the way and after."""
    everything, _ = ah.load_fashion_mnist(20, train_size=60, test_size=20, device="cpu")
    found = []
    for ours in (True, False):
        torch.manual_seed(0)
        net = nn.Sequential(nn.Flatten(), nn.Linear(784, 20), nn.ReLU(), nn.Linear(20, 10))
        train = ah.Batches(everything.images, everything.labels, 20, shuffle=True, seed=3)
        judged = ah.Batches(everything.images, everything.labels, 30)
        if ours:
            rows = from_notebook("learn")(net, train, {"after": judged}, epochs=3)
            assert list(rows["epoch"]) == [1, 2, 3]
            found.append((list(rows["training, on the way"]), list(rows["after"])))
        else:
            history = ah.fit(net, train, judged, epochs=3, lr=0.01, momentum=0.9, show=False)
            found.append((history.train_accuracy, history.test_accuracy))
    assert found[0][0] == pytest.approx(found[1][0]) and found[0][1] == pytest.approx(found[1][1])


def test_looks_come_as_often_as_asked_and_in_eval_mode() -> None:
    everything, _ = ah.load_fashion_mnist(20, train_size=40, test_size=20, device="cpu")
    train = ah.Batches(everything.images, everything.labels, 20)
    net = nn.Sequential(nn.Flatten(), nn.Dropout(p=0.5), nn.Linear(784, 10))
    rows = from_notebook("learn")(net, train, {"after": train}, epochs=4, every=2)
    assert list(rows["epoch"]) == [2, 4]
    assert rows["after"].iloc[-1] == pytest.approx(ah.evaluate(net.eval(), train)[1])


def test_the_classifiers_are_three_layers_with_dropout_where_they_say() -> None:
    weights = 785 * 128 + 129 * 128 + 129 * 10
    for net, places in ((from_notebook("classifier")(0.4), [0.4, 0.4]),
                        (from_notebook("classifier", IN_DEPTH)(pool5=0.1, fc6=0.2, fc7=0.3), [0.1, 0.2, 0.3])):
        assert sum(p.numel() for p in net.parameters()) == weights
        assert [m.p for m in net if isinstance(m, nn.Dropout)] == places
        assert net(torch.zeros(2, 1, 28, 28)).shape == (2, 10)


def test_as_many_labels_are_wrong_as_the_lesson_says() -> None:
    everything, _ = ah.load_fashion_mnist(500, train_size=6_000, test_size=20, device="cpu")
    few_pictures = from_notebook("few_pictures", everything=everything)
    train = from_notebook("wrong_labels", few_pictures=few_pictures)(seed=0)
    rows = torch.randperm(4_000, generator=torch.Generator().manual_seed(0))[:500]
    assert torch.equal(train.images, everything.images[rows])
    assert (train.labels != everything.labels[rows]).sum() == 150
    assert train.labels.min() == 0 and train.labels.max() == 9


def test_averages_are_over_disjoint_groups_and_both_kinds_of_mean() -> None:
    torch.manual_seed(0)
    logs, scaled = F.log_softmax(torch.randn(4, 3, 5), dim=2), torch.full((3, 5), 0.2)
    for geometric in (True, False):
        found = from_notebook("distances", scaled=scaled, y=torch.zeros(3), hits={})(logs, geometric)
        means = [logs[k:k + 2].mean(dim=0).softmax(dim=1) if geometric else logs[k:k + 2].exp().mean(dim=0)
                 for k in (0, 2)]
        assert set(found) == {1, 2, 4}
        assert found[2] == pytest.approx(sum(((m - scaled).abs().sum(dim=1) / 2).mean().item() for m in means) / 2)


def test_gaps_are_compared_where_both_arms_have_been() -> None:
    """Two arms on the lines gap = training and gap = training + 0.1; they share the stretch from 0.6 to 0.8."""
    rows = pd.DataFrame([{"arm": arm, "seed": seed, "training accuracy": training, "gap": training + extra}
                         for arm, extra, places in (("old", 0.0, (0.5, 0.6, 0.8)), ("new", 0.1, (0.6, 0.7, 0.9)))
                         for seed in (0, 1) for training in places])
    found = from_notebook("at_equal_training")(rows).pivot(index="seed", columns="arm",
                                                           values="gap at equal training accuracy")
    assert found["old"].tolist() == pytest.approx([0.7, 0.7]) and found["new"].tolist() == pytest.approx([0.8, 0.8])


@pytest.mark.parametrize(("mean", "half", "seeds", "needed"), [(0.0, 0.02, 6, 24), (0.006, 0.008, 6, 24),
                                                               (0.02, 0.01, 4, 4)])
def test_the_seeds_that_a_verdict_would_take(mean: float, half: float, seeds: int, needed: int) -> None:
    """The interval, shrinking as 1 / sqrt(seeds), has to fit between the mean and the margin of 0.01."""
    found = Verdict("undecided", mean, mean - half, mean + half, "")
    assert from_notebook("seeds_needed")(found, seeds) == needed


def test_where_networks_have_their_dropout() -> None:
    switched_off = from_notebook("switched_off", IN_DEPTH)
    with torch.device("meta"):
        for net in (ah.alexnet_paper(), ah.alexnet_2012_code(), ah.caffenet(), ah.alexnet()):
            assert switched_off(net) == [("fc6", 0.5), ("fc7", 0.5)]
        for net in (ah.alexnet_torchvision(), torchvision.models.alexnet(weights=None)):
            assert switched_off(net) == [("pool5", 0.5), ("fc6", 0.5)]


def test_many_sampled_networks_lie_on_either_side_of_the_scaled_pass() -> None:
    """In one layer the mean of the logits over all masks is the scaled pass: the lesson's identity, by another way."""
    torch.manual_seed(0)
    layer, drop, x = nn.Linear(50, 3), nn.Dropout(p=0.5), torch.rand(50)
    with torch.no_grad():
        logits = torch.stack([layer(drop(x)) for _ in range(4_000)])
        error = logits.std(dim=0) / len(logits) ** 0.5
        assert ((logits.mean(dim=0) - layer(x)).abs() < 5 * error).all()
