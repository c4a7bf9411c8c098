"""What is counted, by hand and by torch's own FLOP counter; and what is marked because it cannot be."""

import math
import warnings

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrizations

import alexnet_helpers as ah
from alexnet_helpers import timing


def total(net, shape):
    return ah.layer_table(net, shape).loc["total", "MACs"]


class Twice(nn.Module):
    """Gives a layer the same input twice, or three times: attention, bilinear layers."""

    def __init__(self, layer, times):
        super().__init__()
        self.layer, self.times = layer, times

    def forward(self, X):
        return self.layer(*[X] * self.times)


COUNTED = {
    "linear at every position": (nn.Linear(3, 8), (100, 100, 3), 240_000),
    "linear at one": (nn.Linear(3, 8), (3,), 24),
    "convolution 1-D": (nn.Conv1d(4, 6, 3), (4, 9), 6 * 7 * (4 * 3)),
    "convolution 2-D, grouped": (nn.Conv2d(4, 6, 3, groups=2), (4, 9, 8), 6 * 7 * 6 * (2 * 9)),
    "convolution 2-D, depthwise": (nn.Conv2d(4, 4, 3, groups=4), (4, 9, 8), 4 * 7 * 6 * 9),
    "convolution 3-D, dilated": (nn.Conv3d(2, 3, 2, dilation=2), (2, 5, 6, 7), 3 * (3 * 4 * 5) * (2 * 8)),
    "transposed 1-D": (nn.ConvTranspose1d(4, 6, 3, stride=2), (4, 9), 4 * 9 * (6 * 3)),
    "transposed 2-D, grouped": (nn.ConvTranspose2d(4, 6, 3, stride=2, groups=2), (4, 5, 5), 4 * 25 * (3 * 9)),
    "transposed 3-D": (nn.ConvTranspose3d(2, 3, 2), (2, 3, 4, 5), 2 * 60 * (3 * 8)),
    "lazy": (nn.Sequential(nn.LazyConv2d(6, 3), nn.Flatten(), nn.LazyLinear(5)), (2, 4, 4), 6 * 4 * 18 + 24 * 5),
    "with a norm of its weights": (parametrizations.weight_norm(nn.Conv2d(2, 3, 3)), (2, 5, 5), 3 * 9 * 18),
    "bilinear": (Twice(nn.Bilinear(5, 5, 2), 2), (7, 5), 7 * 2 * 25),
    # Of an LSTM 4 gates, of a GRU 3, each with a row of weights for the input, 3, and one for the state, 5.
    "LSTM": (nn.LSTM(3, 5, batch_first=True), (7, 3), 7 * 4 * 5 * (3 + 5)),
    "LSTM, two layers both ways": (nn.LSTM(3, 5, 2, bidirectional=True), (7, 3),
                                   7 * 4 * 5 * 2 * ((3 + 5) + (2 * 5 + 5))),
    "GRU": (nn.GRU(3, 5), (7, 3), 7 * 3 * 5 * (3 + 5)),
    "RNN": (nn.RNN(3, 5), (7, 3), 7 * 5 * (3 + 5)),
    "LSTM's cell": (nn.LSTMCell(3, 5), (3,), 4 * 5 * (3 + 5)),
    "no product": (nn.Sequential(nn.BatchNorm2d(4), nn.PReLU(4), nn.LayerNorm([4, 6, 6]), nn.AvgPool2d(2)),
                   (4, 6, 6), 0),
}


@pytest.mark.parametrize("name", COUNTED)
def test_counts_by_hand(name):
    net, shape, expected = COUNTED[name]
    count = total(net, shape)
    assert count == expected
    assert not isinstance(count, float)


class Own(nn.Module):
    """Works by itself, in a way that no formula knows."""

    def __init__(self, work, *shape):
        super().__init__()
        self.weight, self.work = nn.Parameter(torch.ones(shape or 1)), work

    def forward(self, X):
        return self.work(X, self.weight)


class Attention(nn.Module):
    """Has its products between layers that are counted."""

    def __init__(self):
        super().__init__()
        self.q, self.k = nn.Linear(8, 8), nn.Linear(8, 8)

    def forward(self, X):
        return torch.softmax(self.q(X) @ self.k(X).mT, dim=-1) @ X


class Borrowed(nn.Module):
    """Multiplies with the weights of a layer that it does not call."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(8, 8)

    def forward(self, X):
        return F.linear(X, self.layer.weight)


def traced(net):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)         # torch.jit is on its way out
        return torch.jit.trace(net, torch.zeros(1, 7, 8))


MARKED = {
    "attention": Twice(nn.MultiheadAttention(8, 2), 3), "attention by hand": Attention(),
    "transformer": nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), "borrowed": Borrowed(),
    "matmul": Own(lambda X, w: X @ w, 8, 4), "einsum": Own(lambda X, w: torch.einsum("nti,io->nto", X, w), 8, 4),
    "linear": Own(F.linear, 4, 8), "convolution": Own(F.conv1d, 4, 7, 3),
    "no parameter": Own(lambda X, w: F.scaled_dot_product_attention(X, X, X)),
    "in disguise": Own(lambda X, w: (X[..., None] * w).sum(dim=-2), 8, 4),
    "scripted": traced(nn.Linear(8, 4)),
}


@pytest.mark.parametrize("name", MARKED)
def test_what_cannot_be_counted_is_marked_and_the_total_with_it(name):
    table = ah.layer_table(nn.Sequential(nn.Linear(8, 8), MARKED[name]), (7, 8))
    assert math.isnan(table.loc["total", "MACs"])
    assert math.isnan(ah.connections(MARKED[name], (7, 8)))
    assert table.loc["0", "MACs"] == 7 * 64
    assert ah.with_commas(table).loc["0", "MACs"] == "448"


def test_flops_of_what_is_not_counted_are_refused():
    with pytest.raises(ValueError, match="of some layers are not counted: 1.layer.$"):
        timing.training_flops(nn.Sequential(nn.Linear(8, 8), Twice(nn.MultiheadAttention(8, 2), 3)), (7, 8))


def test_own_parameters_of_a_network_that_multiply_no_matrix_have_a_row_and_no_mark():
    net = Own(lambda X, w: X * w, 8)
    net.layer = nn.Linear(8, 8)                                # a child, so that the network is no leaf
    net.work = lambda X, w: net.layer(X * w)
    table = ah.layer_table(net, (8,))
    assert table[["parameters", "MACs"]].to_numpy().tolist() == [[72, 64], [8, 0], [80, 64]]
    assert list(table.index) == ["layer", "Own", "total"]


def test_layer_that_returns_a_tuple_shows_its_first_output():
    table = ah.layer_table(nn.LSTM(3, 5, batch_first=True), (7, 3))
    assert table.loc["LSTM", "output shape"] == (7, 5)


@pytest.mark.parametrize(("net", "shape", "expected"), [
    (nn.Linear(3, 8), (10, 3), 10 * 8 * (3 + 1)), (nn.Linear(3, 8, bias=False), (10, 3), 240),
    (nn.Conv1d(4, 6, 3), (4, 9), 6 * 7 * (12 + 1)),
    (nn.ConvTranspose2d(4, 6, 2, stride=2), (4, 5, 5), 4 * 25 * 24 + 6 * 100)])
def test_connections_of_every_position_and_bias(net, shape, expected):
    assert ah.connections(net, shape) == expected


def test_connections_of_a_recurrent_layer_are_marked():
    assert math.isnan(ah.connections(nn.LSTM(3, 5), (7, 3)))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_memory_of_lazy_layers_is_that_of_the_layers_they_become(dtype):
    lazy = nn.Sequential(nn.LazyConv2d(6, 3), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(5)).to(dtype)
    plain = nn.Sequential(nn.Conv2d(2, 6, 3), nn.BatchNorm2d(6), nn.Flatten(), nn.Linear(24, 5)).to(dtype)
    tables = [ah.memory_table(net, (2, 4, 4), batch_size=4) for net in (lazy, plain)]
    assert tables[0].equals(tables[1])
    assert tables[0].loc["weights", "once"] == dtype.itemsize * (6 * 18 + 6 + 12 + 24 * 5 + 5)


def torchs_count(net, shape):
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net.eval()(torch.zeros(1, *shape, device="meta"))
    return counter.get_total_flops() / 2


@pytest.mark.parametrize("name", [
    "alexnet", "vgg11_bn", "resnet18", "resnext50_32x4d", "densenet121", "squeezenet1_0", "mobilenet_v2",
    "mobilenet_v3_large", "shufflenet_v2_x1_0", "mnasnet1_0", "efficientnet_b0", "r3d_18", "mc3_18", "fcn_resnet50"])
def test_networks_of_torchvision_as_torchs_own_counter_has_it(name):
    from torchvision import models

    with torch.device("meta"):
        net = models.get_model(name, weights=None, **{"weights_backbone": None} if name.startswith("fcn") else {})
    shape = (3, 16, 64, 64) if name in ("r3d_18", "mc3_18") else (3, 224, 224)
    assert total(net, shape) == torchs_count(net, shape) > 1e8


@pytest.mark.parametrize("net", [nn.LSTM(3, 5, 2, bidirectional=True, batch_first=True), nn.GRU(3, 5, batch_first=True),
                                 nn.LSTM(3, 6, proj_size=2, batch_first=True)])
def test_recurrent_layers_as_torchs_own_counter_has_it(net):
    net = net.to("meta")                                       # on a CPU torch does not count what oneDNN computes
    assert total(net, (7, 3)) == torchs_count(net, (7, 3))


def test_attention_is_all_that_a_vision_transformer_has_uncounted():
    from torchvision import models

    with torch.device("meta"):
        table = ah.layer_table(models.VisionTransformer(32, 8, 2, 2, 16, 32), (3, 32, 32))
    assert set(table["kind"][table["MACs"].isna()]) == {"", "MultiheadAttention", "Encoder"}
