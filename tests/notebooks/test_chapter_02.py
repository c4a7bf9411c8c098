"""What lesson 02 writes out does what the helpers do: its networks, its two counting formulas, its training loop."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import alexnet_helpers as ah

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "02_lenet_comparison.ipynb"


def from_notebook(name: str) -> Callable:
    """The function `name` as a cell of the chapter defines it."""
    cells = ["".join(cell["source"]) for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]]
    cell = next(cell for cell in cells if f"def {name}(" in cell)
    names = {"nn": nn, "F": F, "ah": ah, "torch": torch}
    exec(cell, names)
    return names[name]


@pytest.mark.parametrize("name, ours, shape", [("book_lenet", ah.lenet, (2, 1, 28, 28)),
                                               ("book_alexnet", ah.alexnet, (2, 1, 224, 224))])
def test_listing_is_the_helper_s_network(name: str, ours: Callable[[], nn.Module], shape: tuple[int, ...]) -> None:
    listed, helper = from_notebook(name)().eval(), ours().eval()
    assert [type(m) for m in listed] == [type(m) for m in helper]
    weights = list(helper.state_dict().values())
    listed.load_state_dict(dict(zip(listed.state_dict(), weights, strict=True)))
    X = torch.rand(shape)
    torch.testing.assert_close(listed(X), helper(X))


@pytest.mark.parametrize(("make", "image"), [(ah.lenet, (1, 28, 28)), (ah.alexnet, (1, 224, 224))])
def test_the_two_formulas_count_as_the_helper_does(make: Callable[[], nn.Module], image: tuple[int, ...]) -> None:
    conv, linear = from_notebook("conv"), from_notebook("linear")
    with torch.device("meta"):
        net = make()
    table = ah.layer_table(net, image)
    for name, layer in net.named_children():
        if isinstance(layer, nn.Conv2d):
            counted = conv(layer.in_channels, layer.out_channels, layer.kernel_size[0], table["output shape"][name][1])
        elif isinstance(layer, nn.Linear):
            counted = linear(layer.in_features, layer.out_features)
        else:
            continue
        assert counted == (table.parameters[name], table.MACs[name])


def test_the_loop_is_the_helper_s() -> None:
    """The lesson's loop and `ah.fit` go through the same losses to the same weights."""
    ends = []
    for ours in (True, False):
        torch.manual_seed(0)
        net = ah.lenet(nn.ReLU)
        images, labels = torch.randint(256, (40, 1, 28, 28), dtype=torch.uint8), torch.arange(40) % 10
        batches = ah.Batches(images, labels, 16, shuffle=True, seed=3)
        if ours:
            losses, accuracies = from_notebook("train")(net, batches, 3, 0.3)
        else:
            history = ah.fit(net, batches, ah.Batches(images, labels, 16), epochs=3, lr=0.3, show=False)
            losses, accuracies = history.step_loss, history.train_accuracy
        ends.append((losses, accuracies, torch.cat([p.detach().flatten() for p in net.parameters()])))
    (losses, accuracies, weights), (their_losses, their_accuracies, their_weights) = ends
    assert len(losses) == 9 and accuracies == pytest.approx(their_accuracies)
    assert losses == pytest.approx(their_losses, abs=1e-5)
    torch.testing.assert_close(weights, their_weights, rtol=0, atol=1e-5)
