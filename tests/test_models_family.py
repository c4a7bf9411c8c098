"""The AlexNet family and LeNet-5 against numbers counted elsewhere, and against each other.

Counting runs on torch's "meta" device, which knows shapes but computes nothing.
"""

from __future__ import annotations

import itertools
import math

import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import nn

import alexnet_helpers as ah
from alexnet_helpers import models

# Layer -> (output shape, parameters, multiply-accumulates), worked out by hand from each paper's or listing's numbers.
FC = {"fc6": ((4096,), 37_752_832, 37_748_736), "fc7": ((4096,), 16_781_312, 16_777_216),
      "fc8": ((1000,), 4_097_000, 4_096_000)}
GROUPED = {"conv1": ((96, 55, 55), 34_944, 105_415_200), "conv2": ((256, 27, 27), 307_456, 223_948_800),
           "conv3": ((384, 13, 13), 885_120, 149_520_384), "conv4": ((384, 13, 13), 663_936, 112_140_288),
           "conv5": ((256, 13, 13), 442_624, 74_760_192), "pool5": ((256, 6, 6), 0, 0), **FC}
TABLES = {
    "lenet": (ah.lenet, (1, 28, 28), 61_706, 416_520, {
        "conv1": ((6, 28, 28), 156, 117_600), "conv2": ((16, 10, 10), 2_416, 240_000),
        "fc3": ((120,), 48_120, 48_000), "fc4": ((84,), 10_164, 10_080), "fc5": ((10,), 850, 840)}),
    "lenet5_1998": (ah.lenet5_1998, (1, 32, 32), 60_000, 326_520, {
        "C1": ((6, 28, 28), 156, 117_600), "S2": ((6, 14, 14), 12, 0), "C3": ((16, 10, 10), 1_516, 150_000),
        "S4": ((16, 5, 5), 32, 0), "C5": ((120, 1, 1), 48_120, 48_000), "F6": ((84,), 10_164, 10_080),
        "output": ((10,), 0, 840)}),
    "alexnet": (ah.alexnet, (1, 224, 224), 46_764_746, 938_146_176, {
        "conv1": ((96, 54, 54), 11_712, 33_872_256), "pool1": ((96, 26, 26), 0, 0),
        "conv2": ((256, 26, 26), 614_656, 415_334_400), "pool2": ((256, 12, 12), 0, 0),
        "conv3": ((384, 12, 12), 885_120, 127_401_984), "conv4": ((384, 12, 12), 1_327_488, 191_102_976),
        "conv5": ((256, 12, 12), 884_992, 127_401_984), "pool5": ((256, 5, 5), 0, 0), "flatten": ((6400,), 0, 0),
        "fc6": ((4096,), 26_218_496, 26_214_400), "fc7": ((4096,), 16_781_312, 16_777_216),
        "fc8": ((10,), 40_970, 40_960)}),
    "alexnet, colour, 1000 classes": (lambda: ah.alexnet(in_channels=3, num_classes=1000), (3, 224, 224),
                                      50_844_008, 1_009_945_728, {
        "conv1": ((96, 54, 54), 34_944, 101_616_768), "fc6": ((4096,), 26_218_496, 26_214_400),
        "fc8": ((1000,), 4_097_000, 4_096_000)}),
    "alexnet_paper": (ah.alexnet_paper, (3, 227, 227), 60_965_224, 724_406_816, {
        "pool1": ((96, 27, 27), 0, 0), "pool2": ((256, 13, 13), 0, 0), **GROUPED}),
    "alexnet_paper, no groups": (lambda: ah.alexnet_paper(groups=1), (3, 227, 227), 62_378_344, 1_135_256_096, {
        "conv2": ((256, 27, 27), 614_656, 447_897_600), "conv4": ((384, 13, 13), 1_327_488, 224_280_576),
        "conv5": ((256, 13, 13), 884_992, 149_520_384), **FC}),
    "alexnet_2012_code": (ah.alexnet_2012_code, (3, 224, 224), 60_965_224, 724_406_816, GROUPED),
    "alexnet_two_towers": (ah.alexnet_two_towers, (3, 227, 227), 60_965_224, 724_406_816, {
        "a.conv1": ((48, 55, 55), 17_472, 52_707_600), "b.conv2": ((128, 27, 27), 153_728, 111_974_400),
        "a.conv3": ((192, 13, 13), 442_560, 74_760_192), "b.fc6": ((2048,), 18_876_416, 18_874_368),
        "fc8": FC["fc8"]}),
    "caffenet": (ah.caffenet, (3, 227, 227), 60_965_224, 724_406_816, {
        "pool1": ((96, 27, 27), 0, 0), "lrn1": ((96, 27, 27), 0, 0), **GROUPED}),
    "alexnet_torchvision": (ah.alexnet_torchvision, (3, 224, 224), 61_100_840, 714_188_480, {
        "features.0": ((64, 55, 55), 23_296, 70_276_800), "features.3": ((192, 27, 27), 307_392, 223_948_800),
        "features.6": ((384, 13, 13), 663_936, 112_140_288), "features.8": ((256, 13, 13), 884_992, 149_520_384),
        "features.10": ((256, 13, 13), 590_080, 99_680_256), "avgpool": ((256, 6, 6), 0, 0),
        "classifier.1": FC["fc6"], "classifier.4": FC["fc7"], "classifier.6": FC["fc8"]}),
}


@pytest.mark.parametrize("name", TABLES)
def test_layer_table(name: str) -> None:
    build, shape, parameters, macs, layers = TABLES[name]
    with torch.device("meta" if name != "lenet5_1998" else "cpu"):
        net = build()
    table = ah.layer_table(net, shape)
    assert table.loc["total", ["parameters", "MACs"]].tolist() == [parameters, macs]
    assert sum(p.numel() for p in net.parameters()) == parameters
    for layer, row in layers.items():
        assert tuple(table.loc[layer, ["output shape", "parameters", "MACs"]]) == row, layer
    assert sum(table.drop("total")["parameters"]) == parameters


def test_units_of_the_paper() -> None:
    """Values that conv and fully connected layers compute: 659,272, the paper's "650,000 neurons"."""
    with torch.device("meta"):
        table = ah.layer_table(ah.alexnet_paper(), (3, 227, 227))
    shapes = table.drop("total").query("parameters > 0")["output shape"]
    assert sum(torch.Size(shape).numel() for shape in shapes) == 659_272


# ---------------------------------------------------------------------------------------------------------------
# LeNet-5 of 1998


def test_lenet5_connections() -> None:
    assert ah.connections(ah.lenet5_1998(), (1, 32, 32)) == 340_908
    by_layer = {"C1": 122_304, "S2": 5_880, "C3": 151_600, "S4": 2_000, "C5": 48_120, "F6": 10_164, "output": 840}
    assert sum(by_layer.values()) == 340_908


def test_partial_convolution_is_a_convolution_with_missing_kernels() -> None:
    torch.manual_seed(0)
    layer = ah.lenet5_1998().C3
    torch.nn.init.normal_(layer.bias)
    X = torch.randn(2, 6, 14, 14, requires_grad=True)
    maps, start = [], 0
    for i, reads in enumerate(models.C3_READS):            # map by map, each reading its own maps only
        kernels = layer.weight[start:start + len(reads)]
        maps.append(F.conv2d(X[:, list(reads)], kernels[None], layer.bias[i:i + 1]))
        start += len(reads)
    expected = torch.cat(maps, dim=1)
    torch.testing.assert_close(layer(X), expected, atol=1e-5, rtol=1e-5)
    for weights in (layer.weight, X):
        ours, theirs = (torch.autograd.grad(out.square().sum(), weights, retain_graph=True)[0]
                        for out in (layer(X), expected))
        torch.testing.assert_close(ours, theirs, atol=1e-3, rtol=1e-4)


def test_c3_table() -> None:
    """Table I of 1998: 6 maps read 3, 9 read 4 and the last reads all 6, so each map of S2 is read ten times."""
    assert [len(reads) for reads in models.C3_READS] == [3] * 6 + [4] * 9 + [6]
    read = list(itertools.chain(*models.C3_READS))
    assert [read.count(i) for i in range(6)] == [10] * 6
    assert len(set(models.C3_READS)) == 16


def test_subsampling_and_tanh() -> None:
    layer = models.Subsampling(1)
    with torch.no_grad():
        layer.weight.fill_(0.5)
        layer.bias.fill_(-1)
    X = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    assert layer(X).item() == 10 * 0.5 - 1
    ends = models.ScaledTanh()(torch.tensor([-100.0, -1.0, 0.0, 1.0, 100.0]))
    torch.testing.assert_close(ends, torch.tensor([-1.7159, -1.0, 0.0, 1.0, 1.7159]), atol=1e-4, rtol=0)


def test_rbf_output() -> None:
    rbf = ah.lenet5_1998().output
    assert rbf.pictures.shape == (10, 84)
    assert set(rbf.pictures.unique().tolist()) == {-1.0, 1.0}
    assert len({tuple(p.tolist()) for p in rbf.pictures}) == 10
    assert "\n".join("".join("#" if v > 0 else "." for v in row) for row in rbf.pictures[7].view(12, 7)).startswith(
        "#######\n......#\n")                              # a seven
    penalties = rbf(rbf.pictures)
    assert torch.equal(penalties.argmin(dim=1), torch.arange(10))
    torch.testing.assert_close(penalties, torch.cdist(rbf.pictures, rbf.pictures).square(), atol=1e-3, rtol=1e-4)


def test_lenet5_learns() -> None:
    """Its penalties have gradients in every layer, and a few steps lower the penalty of the right class."""
    torch.manual_seed(0)
    net = ah.lenet5_1998()
    X, y = torch.rand(8, 1, 32, 32), torch.arange(8)
    update = torch.optim.SGD(net.parameters(), lr=0.01)
    losses = []
    for _ in range(12):
        update.zero_grad()
        loss = net(X).gather(1, y[:, None]).mean()
        loss.backward()
        assert all(p.grad.abs().sum() > 0 for p in net.parameters())
        update.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]


# ---------------------------------------------------------------------------------------------------------------
# Initial weights


@pytest.mark.parametrize("build", [ah.alexnet_paper, ah.alexnet_2012_code, ah.alexnet_two_towers, ah.caffenet])
def test_paper_init(build, monkeypatch) -> None:
    monkeypatch.setattr(torch.nn.init, "kaiming_uniform_", lambda tensor, **_: tensor)     # torch's own, overwritten
    monkeypatch.setattr(torch.nn.init, "uniform_", lambda tensor, *_: tensor)
    torch.manual_seed(0)
    net = build(num_classes=10)
    other = {"alexnet_2012_code": {"conv3": 0.03, "conv4": 0.03, "conv5": 0.03},
             "caffenet": {"fc6": 0.005, "fc7": 0.005}}.get(build.__name__, {})
    seen = set()
    for path, module in net.named_modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            layer = path.split(".")[-1]
            seen.add(layer)
            sample = module.weight.flatten()[:200_000]
            assert sample.std().item() == pytest.approx(other.get(layer, 0.01), rel=0.03), path
            assert abs(sample.mean().item()) < 0.001
            one = layer in ("conv2", "conv4", "conv5", "fc6", "fc7")
            assert torch.equal(module.bias, torch.full_like(module.bias, float(one))), path
    assert seen == {"conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8"}


@pytest.mark.parametrize("build", [ah.alexnet, ah.alexnet_paper, ah.alexnet_2012_code, ah.caffenet])
def test_dropout_on_fc6_and_fc7(build) -> None:
    with torch.device("meta"):
        names = [name for name, _ in build().named_children()]
    assert names[names.index("fc6"):] == ["fc6", "relu6", "drop6", "fc7", "relu7", "drop7", "fc8"]


def test_order_around_lrn() -> None:
    """Paper: conv, ReLU, LRN, pool. CaffeNet: conv, ReLU, pool, LRN. The 2012 code: conv1, LRN, pool, ReLU.

    Behind conv3 and conv4 each has a ReLU; behind conv5 the pool, in the 2012 code before the ReLU.
    """
    with torch.device("meta"):
        orders = {build: [name for name, _ in build().named_children()]
                  for build in (ah.alexnet_paper, ah.caffenet, ah.alexnet_2012_code)}
    deep = {build: order[order.index("conv3"):order.index("flatten")] for build, order in orders.items()}
    assert deep[ah.alexnet_paper] == deep[ah.caffenet] == [
        "conv3", "relu3", "conv4", "relu4", "conv5", "relu5", "pool5"]
    assert deep[ah.alexnet_2012_code] == ["conv3", "relu3", "conv4", "relu4", "conv5", "pool5", "relu5"]
    assert orders[ah.alexnet_paper][:8] == ["conv1", "relu1", "lrn1", "pool1", "conv2", "relu2", "lrn2", "pool2"]
    assert orders[ah.caffenet][:8] == ["conv1", "relu1", "pool1", "lrn1", "conv2", "relu2", "pool2", "lrn2"]
    assert orders[ah.alexnet_2012_code][:10] == [
        "overhang", "conv1", "lrn1", "pool1", "relu1", "conv2", "relu2", "lrn2", "norm2", "pool2"]


# ---------------------------------------------------------------------------------------------------------------
# Two towers are a grouped network


@pytest.fixture(scope="module")
def pair() -> tuple[nn.Module, nn.Module, torch.Tensor, torch.Tensor]:
    """The grouped network and two towers with the same weights, each tower with half of every layer's outputs.

    And what they say to two images; the gradients of one loss are in both.
    """
    with torch.device("meta"):                             # every weight is set below, so none is drawn here
        grouped, towers = ah.alexnet_paper(num_classes=10), ah.alexnet_two_towers(num_classes=10)
    torch.manual_seed(0)
    models.paper_init(grouped.to_empty(device="cpu"))
    towers.to_empty(device="cpu")
    with torch.no_grad():
        for tensor in towers.parameters():
            tensor.fill_(math.nan)
        for name in ("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7"):
            layer = grouped.get_submodule(name)
            layer.weight.mul_(3)                           # from 0.01 up, so that the image still matters at fc8
            for half, tower in enumerate((towers.a, towers.b)):
                tower.get_submodule(name).weight.copy_(layer.weight.chunk(2)[half])
                tower.get_submodule(name).bias.copy_(layer.bias.chunk(2)[half])
        towers.fc8.load_state_dict(grouped.fc8.state_dict())
    X = torch.randn(2, 3, 227, 227, generator=torch.Generator().manual_seed(0))
    outputs = [net.eval()(X) for net in (grouped, towers)]
    for output in outputs:
        F.cross_entropy(output, torch.tensor([3, 5])).backward()
    return grouped, towers, *(output.detach() for output in outputs)


def test_two_towers_forward(pair) -> None:
    _, _, ours, theirs = pair
    assert ours.std() > 1e-3 and not torch.allclose(ours[0], ours[1])
    assert (ours - theirs).abs().max() <= 1e-5 * ours.abs().max()


@pytest.mark.parametrize("name", ["conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8"])
def test_two_towers_gradients(pair, name: str) -> None:
    grouped, towers, _, _ = pair
    halves = [towers.fc8] if name == "fc8" else [tower.get_submodule(name) for tower in (towers.a, towers.b)]
    for kind in ("weight", "bias"):
        expected = getattr(grouped.get_submodule(name), kind).grad
        largest = torch.stack(expected.aminmax()).abs().max()
        assert largest > 0
        for ours, half in zip(expected.chunk(len(halves)), halves, strict=True):
            apart = torch.stack((ours - getattr(half, kind).grad).aminmax()).abs().max()
            assert apart <= 1e-5 * largest, (name, kind)


def test_lrn_across_the_border_differs_in_four_maps_only() -> None:
    X = torch.randn(2, 96, 5, 5, generator=torch.Generator().manual_seed(0)) * 50
    difference = (models.LRN(alpha=1e-4, groups=2)(X) - models.LRN(alpha=1e-4)(X)).abs().amax(dim=(0, 2, 3))
    assert difference.nonzero().flatten().tolist() == [46, 47, 48, 49]


# ---------------------------------------------------------------------------------------------------------------
# Normalisation and rounding up


@pytest.mark.parametrize(("alpha", "k", "groups"), [(1e-4, 2.0, 1), (5e-4, 2.0, 1), (1e-4, 1.0, 1), (1e-2, 2.0, 2)])
def test_lrn_against_a_direct_sum(alpha: float, k: float, groups: int) -> None:
    """b_i = a_i / (k + alpha / n sum_{j = i - n/2}^{i + n/2} a_j^2)^0.75, clipped at the ends of each group."""
    X = torch.randn(2, 12, 3, 3, generator=torch.Generator().manual_seed(0)).double() * 30
    expected = torch.empty_like(X)
    size = 12 // groups
    for i in range(12):
        first = i // size * size
        window = range(max(first, i - 2), min(first + size - 1, i + 2) + 1)
        total = sum(X[:, j] ** 2 for j in window)
        expected[:, i] = X[:, i] / (k + alpha / 5 * total) ** 0.75
    torch.testing.assert_close(models.LRN(alpha=alpha, k=k, groups=groups)(X), expected, atol=1e-9, rtol=1e-9)


def test_settings_of_lrn() -> None:
    with torch.device("meta"):
        assert ah.alexnet_paper().lrn1.alpha == ah.alexnet_two_towers().b.lrn2.alpha == 1e-4
        assert (ah.alexnet_paper().lrn1.k, ah.caffenet().lrn1.k) == (2.0, 1.0)


def test_within_map_norm_against_a_direct_sum() -> None:
    X = torch.randn(1, 2, 7, 7, generator=torch.Generator().manual_seed(0)).double() * 30
    expected = torch.empty_like(X)
    for c, i, j in itertools.product(range(2), range(7), range(7)):
        window = X[0, c, max(0, i - 2):i + 3, max(0, j - 2):j + 3]
        expected[0, c, i, j] = X[0, c, i, j] / (1 + 0.001 / 25 * (window ** 2).sum()) ** 0.75
    torch.testing.assert_close(models.WithinMapNorm()(X), expected, atol=1e-9, rtol=1e-9)


def test_rounding_up_with_three_zeros() -> None:
    """224 + 3 zeros gives 55 x 55; its first 54 x 54 are what rounding down gives; the last row and column are the
    overhanging windows, whose missing pixels count as zeros."""
    with torch.device("meta"):
        overhang = ah.alexnet_2012_code().overhang
    conv = nn.Conv2d(3, 4, kernel_size=11, stride=4).double()
    X = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(0)).double()
    with torch.no_grad():
        up, down = conv(overhang(X)), conv(X)
        assert up.shape == (1, 4, 55, 55) and down.shape == (1, 4, 54, 54)
        torch.testing.assert_close(up[..., :54, :54], down, atol=1e-12, rtol=0)
        last = X[..., 216:, 216:]                          # window 54 starts at pixel 216, 8 of 11 pixels are there
        corner = (conv.weight[..., :8, :8] * last).sum(dim=(1, 2, 3)) + conv.bias
    torch.testing.assert_close(up[0, :, 54, 54], corner, atol=1e-12, rtol=0)


@pytest.mark.parametrize("side", [13, 27, 55, 54, 26, 12])
def test_rounding_up_pools(side: int) -> None:
    """Rounding up adds a row and a column where a window overhangs, and changes nothing at shared positions."""
    X = torch.randn(1, 2, side, side, generator=torch.Generator().manual_seed(0))
    up, down = F.max_pool2d(X, 3, 2, ceil_mode=True), F.max_pool2d(X, 3, 2)
    assert up.shape[-1] == 1 + -(-(side - 3) // 2) and down.shape[-1] == 1 + (side - 3) // 2
    assert torch.equal(up[..., :down.shape[-1], :down.shape[-1]], down)
    if side % 2:                                           # the pools of the 2012 code: 55, 27, 13
        assert torch.equal(up, down)
    else:
        assert up[0, 0, -1, -1] == X[0, 0, -2:, -2:].max()


# ---------------------------------------------------------------------------------------------------------------
# Input sizes


def accepts(net: nn.Module, channels: int, side: int) -> bool:
    try:
        with torch.inference_mode():
            net(torch.empty(1, channels, side, side, device="meta"))
    except RuntimeError:
        return False
    return True


@pytest.mark.parametrize(("build", "channels", "first", "last"), [
    (ah.alexnet, 1, 193, 224), (ah.alexnet_paper, 3, 227, 258), (ah.alexnet_two_towers, 3, 227, 258)])
def test_accepted_sizes(build, channels: int, first: int, last: int) -> None:
    with torch.device("meta"):
        net = build().eval()
    tried = sorted({*range(170, 290, 5), *range(first - 8, first + 8), *range(last - 8, last + 8)})
    assert [side for side in tried if accepts(net, channels, side)] == [n for n in tried if first <= n <= last]


def test_accepted_sizes_of_torchvisions() -> None:
    with torch.device("meta"):
        net = ah.alexnet_torchvision().eval()
    tried = [*range(40, 100), *range(100, 400, 9)]         # every size near the smallest, then each remainder by 4
    assert [side for side in tried if accepts(net, 3, side)] == [n for n in tried if n >= 63]


# ---------------------------------------------------------------------------------------------------------------
# torchvision


def test_torchvisions_state_dict_loads_and_computes_the_same() -> None:
    torch.manual_seed(0)
    theirs = torchvision.models.alexnet().eval()
    with torch.device("meta"):
        ours = ah.alexnet_torchvision().eval()
    ours.load_state_dict(theirs.state_dict(), assign=True)     # strict: the same names and shapes, none missing
    for side in (224, 96):
        X = torch.randn(1, 3, side, side)
        with torch.no_grad():
            assert torch.equal(ours(X), theirs(X))
    kinds = [type(m).__name__ for m in theirs.modules() if not any(m.children())]
    assert [type(m).__name__ for m in ours.modules() if not any(m.children()) and type(m) is not nn.Flatten] == kinds


# ---------------------------------------------------------------------------------------------------------------
# What shapes and parameters do not tell


FAMILY = {"alexnet": ah.alexnet, "alexnet_paper": ah.alexnet_paper, "alexnet_2012_code": ah.alexnet_2012_code,
          "alexnet_two_towers": ah.alexnet_two_towers, "caffenet": ah.caffenet,
          "alexnet_torchvision": ah.alexnet_torchvision}


@pytest.mark.parametrize("name", FAMILY)
def test_pools_overlap_as_in_section_3_4(name: str) -> None:
    """Windows of z = 3, s = 2 apart, without padding; Caffe and the code of 2012 round up."""
    with torch.device("meta"):
        pools = [module for module in FAMILY[name]().modules() if isinstance(module, nn.MaxPool2d)]
    assert len(pools) == (6 if name == "alexnet_two_towers" else 3)
    rows = torch.arange(10.0)[None, None, :, None].expand(1, 1, 10, 10)
    for pool in pools:                                         # each output is the last row of its window
        last = [2, 4, 6, 8] + [9] * (name in ("caffenet", "alexnet_2012_code"))
        assert pool(rows)[0, 0, :, 0].tolist() == last


@pytest.mark.parametrize("name", FAMILY)
def test_dropout_drops_half(name: str) -> None:
    with torch.device("meta"):
        rates = [module.p for module in FAMILY[name]().modules() if isinstance(module, nn.Dropout)]
    assert rates == [0.5] * (4 if name == "alexnet_two_towers" else 2)


@pytest.mark.parametrize(("name", "k", "groups"), [
    ("alexnet_paper", 2.0, 2), ("alexnet_2012_code", 2.0, 2), ("alexnet_two_towers", 2.0, 1), ("caffenet", 1.0, 1)])
def test_settings_of_every_lrn(name: str, k: float, groups: int) -> None:
    """Section 3.3: n = 5, alpha = 1e-4, beta = 0.75; k = 2, but 1 in Caffe, which also looks across the groups."""
    with torch.device("meta"):
        norms = [module for module in FAMILY[name]().modules() if isinstance(module, models.LRN)]
    assert [(n.size, n.alpha, n.beta, n.k, n.groups) for n in norms] == [(5, 1e-4, 0.75, k, groups)] * (
        4 if name == "alexnet_two_towers" else 2)


def test_lenet5_starts_within_2_4_over_fan_in() -> None:
    """Uniform weights within 2.4 / F, F the number of inputs that a unit reads; biases 0."""
    torch.manual_seed(0)
    nets = [ah.lenet5_1998() for _ in range(40)]
    c3 = [3 * 25] * 18 + [4 * 25] * 36 + [6 * 25] * 6                  # kernel by kernel, in the order of table I
    fan_in = {"C1": 25, "S2": 4, "C3": torch.tensor(c3)[:, None, None], "S4": 4, "C5": 16 * 25, "F6": 120}
    for name, inputs in fan_in.items():
        scaled = torch.stack([net.get_submodule(name).weight.detach() for net in nets]) * inputs
        assert 2.3 < scaled.max() <= 2.4 and -2.4 <= scaled.min() < -2.3, name
        assert abs(scaled.mean()) < 0.25, name
        assert not any(net.get_submodule(name).bias.any() for net in nets)


def test_partial_convolution_counts_at_every_place_of_a_map_that_is_no_square() -> None:
    layer = models.PartialConv2d(models.C3_READS, kernel_size=5)
    assert layer.macs((16, 4, 6)) == (6 * 3 + 9 * 4 + 6) * 25 * (4 * 6)


def test_subsampling_has_a_weight_and_a_bias_a_map() -> None:
    layer = models.Subsampling(2)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([0.5, 2.0]))
        layer.bias.copy_(torch.tensor([-1.0, 3.0]))
    X = torch.arange(16.0).view(1, 2, 2, 4)                    # two maps, each of two windows
    assert layer(X).tolist() == [[[[0.5 * 10 - 1, 0.5 * 18 - 1]], [[2 * 42 + 3, 2 * 50 + 3]]]]
