"""Tables of layers, of what flows through them and of dead units; errors that name the layer."""

import math
from types import SimpleNamespace

import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import alexnet_helpers as ah
from alexnet_helpers import inspection
from alexnet_helpers.inspection import forward


class TwoPaths(nn.Module):
    """Layers declared in another order than an image meets them, one of them used twice."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(8, 3)
        self.body = nn.Linear(4, 4)

    def forward(self, X):
        X = self.body(self.body(X))
        return self.head(torch.cat([X, X], dim=1))


def test_rows_stand_in_the_order_of_the_image():
    table = ah.layer_table(TwoPaths(), (4,))
    assert list(table.index) == ["body", "body", "head", "total"]


def test_layer_used_twice_computes_twice_but_holds_its_parameters_once():
    table = ah.layer_table(TwoPaths(), (4,))
    assert table.loc["total", "MACs"] == 4 * 4 + 4 * 4 + 8 * 3
    assert table.loc["total", "parameters"] == (4 * 4 + 4) + (8 * 3 + 3)


def test_columns_of_a_small_network():
    net = nn.Sequential(nn.Conv2d(2, 6, kernel_size=3, stride=2, padding=1, groups=2), nn.ReLU(), nn.MaxPool2d(2),
                        nn.Flatten(), nn.Linear(24, 5, bias=False))
    table = ah.layer_table(net, (2, 8, 8))
    assert table.reset_index().to_numpy().tolist() == [
        # each of 6 maps of 4 x 4 sums 3 x 3 of the one channel in its group
        ["0", "Conv2d", (6, 4, 4), 6 * 9 + 6, 6 * 16 * 9],
        ["1", "ReLU", (6, 4, 4), 0, 0],
        ["2", "MaxPool2d", (6, 2, 2), 0, 0],
        ["3", "Flatten", (24,), 0, 0],
        ["4", "Linear", (5,), 120, 120],
        ["total", "", "", 180, 984]]


def test_a_convolution_computes_at_every_place_of_a_map_that_is_no_square():
    table = ah.layer_table(nn.Conv2d(1, 2, kernel_size=3, padding=1), (1, 4, 6))
    assert table.loc["total", "MACs"] == 2 * (4 * 6) * (3 * 3)


def test_single_layer_without_a_container():
    assert list(ah.layer_table(nn.Linear(4, 2), (4,)).index) == ["Linear", "total"]


def test_connections_of_a_single_layer():
    assert ah.connections(nn.Conv2d(1, 6, kernel_size=5), (1, 32, 32)) == 6 * 28 * 28 * (5 * 5 + 1)


def test_network_without_parameters():
    assert ah.memory_table(nn.ReLU(), (4,), batch_size=1).loc["weights", "once"] == 0
    assert ah.layer_table(nn.Sequential(nn.ReLU()), (4,)).loc["total", "parameters"] == 0


def test_network_in_double_precision():
    assert ah.layer_table(nn.Linear(4, 2).double(), (4,)).loc["total", "MACs"] == 8


@pytest.mark.parametrize("training", [True, False])
def test_leaves_the_network_as_it_was(training):
    net = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Dropout())
    net.train(training)
    net[2].train(not training)                                 # one part in another mode than the rest
    before = {name: value.clone() for name, value in net.state_dict().items()}
    ah.layer_table(net, (4,))
    assert [m.training for m in net] == [training, training, not training]
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in net.modules())
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert all(p.grad is None for p in net.parameters())


@pytest.mark.parametrize(("image", "words"), [
    ((1, 20, 20), ["layer fc3", "shape (1, 144)", "400 features in the last dimension, not 144"]),
    ((3, 28, 28), ["layer conv1", "shape (1, 3, 28, 28)", "1 channels, not 3"]),
    ((1, 7, 7), ["layer conv2", "shape (1, 6, 3, 3)", "at least as high and wide as the window"]),
    ((1, 1, 1), ["layer pool1", "shape (1, 6, 1, 1)", "at least as high and wide as the window"]),
])
def test_image_that_does_not_fit(image, words):
    net = ah.lenet()
    with pytest.raises(ValueError, match="does not pass through the network") as caught:
        ah.layer_table(net, image)
    assert all(word in str(caught.value) for word in words), caught.value
    assert net.training
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in net.modules())


def test_wrong_type_is_not_blamed_on_the_shape():
    with pytest.raises(ValueError, match="layer conv1") as caught:
        forward(ah.lenet(), torch.zeros(1, 1, 28, 28, dtype=torch.uint8))
    assert "It wants" not in str(caught.value)
    assert "at least as high" not in str(caught.value)
    assert "torch says" in str(caught.value)


def test_failure_between_layers_is_not_blamed_on_a_layer():
    class Bad(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Linear(4, 4)

        def forward(self, X):
            return self.first(X).view(3, 5)

    with pytest.raises(RuntimeError, match="invalid for input of size 8"):
        forward(Bad(), torch.zeros(2, 4))


def test_with_commas():
    table = pd.DataFrame({"shape": [(96, 54, 54), (6400,)], "count": [46_764_746, 12], "share": [0.5, 0.25],
                          "name": ["conv1", "fc6"]})
    assert ah.with_commas(table).to_numpy().tolist() == [
        ["96 × 54 × 54", "46,764,746", 0.5, "conv1"], ["6400", "12", 0.25, "fc6"]]


def test_with_commas_reads_every_number_of_a_layer_table():
    table = ah.with_commas(ah.layer_table(nn.Linear(400, 120), (400,)))
    assert table.loc["total"].tolist() == ["", "", "48,120", "48,000"]


def test_saved_bytes_of_a_layer_counted_by_hand():
    # ReLU(Linear(5, 4)) on 3 rows keeps the input, 3 x 5 numbers, and the output of ReLU, 3 x 4; the loss keeps its
    # logarithms of probabilities, 3 x 4, the labels, 3 of 8 bytes, and the total weight, one number.
    net = nn.Sequential(nn.Linear(5, 4), nn.ReLU())
    assert ah.saved_bytes(net, torch.rand(3, 5)) == 4 * (15 + 12 + 12 + 1) + 8 * 3


def test_a_linear_layer_that_does_not_fit_names_the_last_dimension():
    with pytest.raises(ValueError, match=r"shape \(2, 4, 5\)\. It wants 4 features in the last dimension, not 5\. "):
        forward(nn.Linear(4, 3), torch.zeros(2, 4, 5))


def test_seconds_of_a_layer_are_the_best_after_a_first_run(monkeypatch):
    clock = [100.0]

    class Takes(nn.Module):
        """A layer that takes so many seconds each time."""

        def __init__(self, *seconds):
            super().__init__()
            self.left = list(seconds)

        def forward(self, X):
            clock[0] += self.left.pop(0)
            return X

    monkeypatch.setattr(inspection, "time", SimpleNamespace(perf_counter=lambda: clock[0]))
    net = nn.Sequential(Takes(1, 5, 3, 4), Takes(0.5, 9, 8, 7))          # the first run, to warm up, does not count
    assert ah.layer_seconds(net, torch.zeros(1), repeats=3) == {"0": 3, "1": 7}


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

    assert list(flow.index) == ["fc1", "act", "fc2"] and flow["kind"].tolist() == ["Linear", "Tanh", "Linear"]
    assert list(flow.columns) == ["kind", "mean", "sd", "zeros", "gradient", "weight gradient"]
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
