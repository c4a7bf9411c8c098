"""Chapter 04: what its cells define, and the hooks that it looks through, against expectations of their own."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pandas
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import alexnet_helpers as ah
from alexnet_helpers import recorded
from alexnet_helpers.figures import ch04
from alexnet_helpers.maintain import records

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "04_relu_vs_sigmoid_gradients.ipynb"


def cell_with(text: str) -> str:
    cells = ["".join(cell["source"]) for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]]
    return next(cell for cell in cells if text in cell)


def slopes() -> dict:
    names = {"torch": torch, "print": lambda *_: None}
    exec(cell_with("def sigmoid_slope"), names)
    return names["SLOPES"]


@pytest.mark.parametrize("name, closed_form", [
    ("sigmoid", lambda x: 1 / (4 * math.cosh(x / 2) ** 2)), ("tanh", lambda x: 1 / math.cosh(x) ** 2),
    ("ReLU", lambda x: float(x > 0))])
def test_slopes_of_the_listing_have_their_closed_forms(name: str, closed_form) -> None:
    x = torch.tensor([-5.0, -1.3, -0.1, 0.0, 0.4, 2.0, 7.0], dtype=torch.double)
    expected = torch.tensor([closed_form(v) for v in x.tolist()], dtype=torch.double)
    torch.testing.assert_close(slopes()[name][1](x), expected)


def test_small_alexnet_has_the_layers_of_alexnet() -> None:
    names = {"nn": nn, "ah": ah, "torch": torch, "device": torch.device("cpu"), "DRAWS": {}}
    exec("from collections import OrderedDict", names)
    exec(cell_with("def small_alexnet"), names)
    net = names["small_alexnet"](nn.ReLU)
    weighted = [name for name, module in net.named_children() if hasattr(module, "weight")]
    assert weighted == ["conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8"]
    assert [name for name, module in ah.alexnet().named_children() if hasattr(module, "weight")] == weighted
    assert net(torch.rand(2, 1, 28, 28)).shape == (2, 10)


def test_the_recorded_wait_is_the_chapters_network_and_loop() -> None:
    names = {"nn": nn, "ah": ah, "torch": torch, "F": F, "math": math, "device": torch.device("cpu"),
             "print": lambda *_: None, "pairwise": None}
    exec("from collections import OrderedDict", names)
    exec(cell_with("DRAWS = {").rsplit("\n\n\n", 1)[0], names)  # the chapter's images
    for text in ("def small_alexnet", "def build(", "def batches(", "def training("):
        exec(cell_with(text), names)
    names["images"], names["labels"] = names["images"].cpu(), names["labels"].cpu()
    chapters = names["build"](names["small_alexnet"](nn.Sigmoid), "Xavier", 2)
    ours = records.small_sigmoid_alexnet(2)
    assert str(ours) == str(chapters)
    assert all(torch.equal(p, q) for p, q in zip(ours.parameters(), chapters.parameters(), strict=True))
    expected = names["training"](chapters, names["sgd"](chapters, lr=1.0), steps=40, seed=2, until=0.6)
    run = records.descend(ours, names["images"], names["labels"], lr=1.0, steps=40, seed=2, look=20)
    assert run["step"] == [step for step, _ in expected[1:]] == [20, 40]
    assert run["error"] == pytest.approx([error for _, error in expected[1:]], abs=1e-4)
    assert all(torch.equal(p, q) for p, q in zip(ours.parameters(), chapters.parameters(), strict=True))


def test_the_recorded_wait_has_the_images_of_the_chapter(monkeypatch, tmp_path) -> None:
    names = {"nn": nn, "ah": ah, "torch": torch, "device": torch.device("cpu"), "pairwise": None}
    exec(cell_with("DRAWS = {").rsplit("\n\n\n", 1)[0], names)
    seen = []
    monkeypatch.setattr(recorded, "FOLDER", tmp_path)
    monkeypatch.setattr(records, "descend", lambda net, images, labels, *_: seen.append((images, labels)) or {})
    records.record_patience()
    assert len(seen) == 12
    assert torch.equal(seen[0][0], names["images"]) and torch.equal(seen[0][1], names["labels"])


def test_gains_of_the_paper_stand_in_the_small_network() -> None:
    names = {"nn": nn, "ah": ah, "torch": torch, "math": math, "pd": pandas, "print": lambda *_: None,
             "device": torch.device("cpu"), "profile": ah.profile(),
             "DRAWS": {"0.01": lambda W: nn.init.normal_(W, std=0.01), "Xavier": nn.init.xavier_normal_},
             "WEIGHTED": ["conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8"],
             "training": lambda *_, **__: [(0, 0.9)], "first": lambda *_: 0}    # the race itself is not run here
    exec("from collections import OrderedDict", names)
    for text in ("def small_alexnet", "def build(", "paper, small =", "def with_gains"):
        exec(cell_with(text), names)
    net = names["with_gains"](nn.ReLU, seed=0, bias=1.0)
    # By the paper's layers: 48, 192 and 192 maps are seen in conv2, conv4 and conv5, as its two halves are apart.
    for name, inputs in {"conv2": 25 * 48, "conv4": 9 * 192, "fc6": 9216, "fc7": 4096}.items():
        weight = getattr(net, name).weight.detach()
        expected = 0.01 * math.sqrt(inputs)
        assert weight.std().item() * math.sqrt(weight[0].numel()) == pytest.approx(expected, rel=0.06)
    assert [module.bias.unique().tolist() for module in net if hasattr(module, "bias")] == \
        [[0.0], [1.0], [0.0], [1.0], [1.0], [1.0], [1.0], [0.0]]


# ---------------------------------------------------------------------------------------------------------------
# layer_flow and dead_units

def two_layers() -> tuple[nn.Sequential, torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    net = nn.Sequential()
    net.add_module("fc1", nn.Linear(4, 6))
    net.add_module("act", nn.Tanh())
    net.add_module("fc2", nn.Linear(6, 3))
    return net, torch.randn(5, 4), torch.tensor([0, 2, 1, 1, 0])


def test_flow_agrees_with_a_backward_pass_by_hand() -> None:
    net, X, y = two_layers()
    flow = ah.layer_flow(net, X, y)
    W1, b1, W2, b2 = (p.detach() for p in net.parameters())
    z = X @ W1.T + b1
    h = torch.tanh(z)
    logits = h @ W2.T + b2
    at_logits = (logits.softmax(dim=1) - F.one_hot(y, 3)) / len(y)
    at_h = at_logits @ W2
    at_z = at_h * (1 - h ** 2)

    def rms(values: torch.Tensor) -> float:
        return float((values ** 2).mean() ** 0.5)

    assert list(flow.index) == ["fc1", "act", "fc2"]
    assert flow["gradient"].tolist() == pytest.approx([rms(at_z), rms(at_h), rms(at_logits)], rel=1e-5)
    assert flow.loc["fc1", "weight gradient"] == pytest.approx(rms(at_z.T @ X), rel=1e-5)
    assert flow.loc["fc2", "weight gradient"] == pytest.approx(rms(at_logits.T @ h), rel=1e-5)
    assert math.isnan(flow.loc["act", "weight gradient"])
    assert flow.loc["act", "mean"] == pytest.approx(h.mean().item(), abs=1e-6)
    assert flow.loc["act", "sd"] == pytest.approx(h.std().item(), rel=1e-5)


def test_flow_leaves_weights_gradients_and_modes_alone() -> None:
    net, X, y = two_layers()
    net.add_module("drop", nn.Dropout(p=0.5))
    net.fc1.eval()
    F.cross_entropy(net(X), y).backward()
    before = [(p.detach().clone(), p.grad.clone()) for p in net.parameters()]
    first, second = ah.layer_flow(net, X, y), ah.layer_flow(net, X, y)
    assert first.equals(second), "dropout is off"
    assert all(torch.equal(p, w) and torch.equal(p.grad, g) for p, (w, g) in zip(net.parameters(), before, strict=True))
    assert net.training and net.drop.training and not net.fc1.training
    assert X.grad is None and not X.requires_grad
    assert not any(module._forward_hooks for module in net.modules())


def test_flow_passes_frozen_layers_and_works_without_grad() -> None:
    net, X, y = two_layers()
    expected = ah.layer_flow(net, X, y)
    net.fc1.requires_grad_(False)
    with torch.no_grad():
        flow = ah.layer_flow(net, X, y)
    assert flow["gradient"].tolist() == pytest.approx(expected["gradient"].tolist())
    assert math.isnan(flow.loc["fc1", "weight gradient"]) and flow.loc["fc2", "weight gradient"] > 0


def test_flow_of_tiny_gradients_is_not_rounded_to_zero() -> None:
    net, X, y = two_layers()
    with torch.no_grad():
        net.fc2.weight *= 1e-30
    assert 0 < ah.layer_flow(net, X, y).loc["fc1", "gradient"] < 1e-29


def test_flow_counts_zeros_and_names_the_layer_that_does_not_fit() -> None:
    net = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 2))
    with torch.no_grad():
        net[0].weight.zero_()
        net[0].bias.copy_(torch.tensor([1.0, -1.0, 2.0, 0.0]))
    assert ah.layer_flow(net, torch.rand(3, 2), torch.zeros(3, dtype=torch.long)).loc["1", "zeros"] == 0.5
    with pytest.raises(ValueError, match="layer 0"):
        ah.layer_flow(net, torch.rand(3, 5), torch.zeros(3, dtype=torch.long))
    assert not any(module._forward_hooks for module in net.modules())


def dying() -> nn.Sequential:
    """A conv of three maps, the second dead; a linear layer of four units, the first and the last dead."""
    net = nn.Sequential(nn.Conv2d(1, 3, kernel_size=1), nn.ReLU(), nn.Flatten(), nn.Linear(12, 4), nn.ReLU())
    with torch.no_grad():
        net[0].weight.fill_(1.0)
        net[0].bias.copy_(torch.tensor([0.0, -5.0, -0.9]))
        net[3].weight.zero_()
        net[3].bias.copy_(torch.tensor([-1.0, 1.0, 1.0, 0.0]))
    return net


def test_dead_units_are_counted_over_all_batches_and_places() -> None:
    X = torch.zeros(4, 1, 2, 2)
    X[3, 0, 1, 1] = 1.0                                # one pixel of the last picture keeps the third map alive
    net = dying().train()
    batches = [(X[:2], None), (X[2:], None)]
    table = ah.dead_units(net, batches)
    assert table[["units", "dead"]].to_numpy().tolist() == [[3, 1], [4, 2]]
    assert table["share"].tolist() == pytest.approx([1 / 3, 1 / 2])
    assert ah.dead_units(net, batches[:1])["dead"].tolist() == [3, 2], "in the first batch no map fires"
    assert net.training and not any(module._forward_hooks for module in net.modules())


def test_dead_units_needs_relus_and_images() -> None:
    with pytest.raises(ValueError, match="No ReLU"):
        ah.dead_units(nn.Sequential(nn.Linear(2, 2), nn.Tanh()), [(torch.rand(1, 2), None)])
    with pytest.raises(ValueError, match="no batch"):
        ah.dead_units(dying(), [])


# ---------------------------------------------------------------------------------------------------------------
# Figures


def test_depth_grid_puts_every_run_and_the_prediction() -> None:
    figure = ch04.depth_grid({(a, b): ([[1.0, 2.0, 4.0]] * 2, [1.0, 2.0, 4.0]) for a in "xy" for b in "pqr"}, "g", "T")
    assert len(figure.axes) == 6
    assert all(len(ax.get_lines()) == 3 and ax.get_yscale() == "log" for ax in figure.axes)
    assert "x, p: predicted 1" in figure.alt and figure.alt.startswith("T.")


def test_step_curves_draws_a_line_a_run_and_names_each_arm_once() -> None:
    curves = {"a": [[(0, 0.9), (20, 0.5)]] * 3, "b": [[(0, 0.9), (20, 0.8)]]}
    figure = ch04.step_curves(curves, "error", "T", level=0.5)
    ax, = figure.axes
    assert len(ax.get_lines()) == 5
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a", "b"]
    assert "b: 0.8 after 20" in figure.alt
