"""The two networks of the book: its listings written out, torchinfo's counts, and Xavier's bounds."""

import math

import pytest
import torch
import torchinfo
from torch import nn

import alexnet_helpers as ah


def book_lenet():
    """The listing of d2l, section "LeNet"."""
    return nn.Sequential(
        nn.Conv2d(1, 6, kernel_size=5, padding=2), nn.Sigmoid(),
        nn.AvgPool2d(kernel_size=2, stride=2),
        nn.Conv2d(6, 16, kernel_size=5), nn.Sigmoid(),
        nn.AvgPool2d(kernel_size=2, stride=2),
        nn.Flatten(),
        nn.Linear(16 * 5 * 5, 120), nn.Sigmoid(),
        nn.Linear(120, 84), nn.Sigmoid(),
        nn.Linear(84, 10))


def book_alexnet():
    """The listing of d2l, section "AlexNet"."""
    return nn.Sequential(
        nn.Conv2d(1, 96, kernel_size=11, stride=4, padding=1), nn.ReLU(),
        nn.MaxPool2d(kernel_size=3, stride=2),
        nn.Conv2d(96, 256, kernel_size=5, padding=2), nn.ReLU(),
        nn.MaxPool2d(kernel_size=3, stride=2),
        nn.Conv2d(256, 384, kernel_size=3, padding=1), nn.ReLU(),
        nn.Conv2d(384, 384, kernel_size=3, padding=1), nn.ReLU(),
        nn.Conv2d(384, 256, kernel_size=3, padding=1), nn.ReLU(),
        nn.MaxPool2d(kernel_size=3, stride=2),
        nn.Flatten(),
        nn.Linear(6400, 4096), nn.ReLU(),
        nn.Dropout(p=0.5),
        nn.Linear(4096, 4096), nn.ReLU(),
        nn.Dropout(p=0.5),
        nn.Linear(4096, 10))


BOTH = pytest.mark.parametrize(("build", "book", "image", "parameters", "macs"), [
    (ah.lenet, book_lenet, (1, 28, 28), 61_706, 416_520),
    (ah.alexnet, book_alexnet, (1, 224, 224), 46_764_746, 938_146_176)], ids=["lenet", "alexnet"])


@BOTH
def test_equals_the_books_listing(build, book, image, parameters, macs):
    ours = build()
    # The book's network takes our tensors over, in order, instead of drawing 46 million of its own.
    with torch.device("meta"):
        theirs = book()
    theirs.load_state_dict(dict(zip(theirs.state_dict(), ours.state_dict().values(), strict=True)), assign=True)
    X = torch.rand(2, *image)
    with torch.no_grad():
        torch.manual_seed(0)                                   # in training mode: dropout at the same places, too
        ours_out = ours(X)
        torch.manual_seed(0)
        assert torch.equal(ours_out, theirs(X))
        assert ours_out.shape == (2, 10)
        assert torch.equal(ours.eval()(X), theirs.eval()(X))
    assert [type(m) for m in ours] == [type(m) for m in theirs]


@BOTH
def test_parameters_and_macs(build, book, image, parameters, macs):
    with torch.device("meta"):
        net = build()
    total = ah.layer_table(net, image).loc["total"]
    assert (total["parameters"], total["MACs"]) == (parameters, macs)


@BOTH
def test_torchinfos_count(build, book, image, parameters, macs):
    net = build()
    counted = torchinfo.summary(net, input_size=(1, *image), verbose=0, device="cpu")
    assert counted.total_params == parameters
    # torchinfo 1.8 counts each bias of a linear layer as one multiply-add, and each bias of a conv layer once a pixel.
    table = ah.layer_table(net, image).drop("total")
    biases = sum(math.prod(shape) if net.get_submodule(layer).bias is not None else 0
                 for layer, shape in table.query("parameters > 0")["output shape"].items())
    assert counted.total_mult_adds == macs + biases


@pytest.mark.parametrize("activation", [nn.ReLU, nn.Tanh])
def test_lenet_with_another_activation(activation):
    net = ah.lenet(activation=activation)
    assert [type(m) for m in net if m in (net.act1, net.act2, net.act3, net.act4)] == [activation] * 4
    assert not any(isinstance(m, nn.Sigmoid) for m in net)


@pytest.mark.parametrize(("layer", "fan_in", "fan_out"), [
    ("conv1", 1 * 25, 6 * 25), ("conv2", 6 * 25, 16 * 25), ("fc3", 400, 120), ("fc4", 120, 84), ("fc5", 84, 10)])
def test_xavier_uniform_bounds(layer, fan_in, fan_out):
    torch.manual_seed(0)
    bound = math.sqrt(6 / (fan_in + fan_out))                  # Glorot and Bengio 2010, equation 16
    weight = torch.cat([ah.lenet().get_submodule(layer).weight.flatten() for _ in range(20)])
    assert weight.abs().max() <= bound
    assert weight.abs().max() > 0.98 * bound
    assert weight.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.05)       # of a uniform distribution
    assert abs(weight.mean().item()) < 0.05 * bound


def test_xavier_leaves_biases_alone():
    net = nn.Sequential(nn.Conv2d(1, 2, kernel_size=3), nn.Linear(3, 4))
    for layer in net:
        nn.init.constant_(layer.bias, 7.0)
    assert ah.xavier_init(net) is net
    assert all((layer.bias == 7).all() for layer in net)


@pytest.mark.parametrize("activation", [nn.ReLU(), "relu"])
def test_an_activation_that_is_no_class_is_refused(activation):
    with pytest.raises(TypeError, match="give it their class, nn.ReLU, not "):
        ah.lenet(activation)


def test_same_seed_same_weights():
    nets = []
    for seed in (3, 3, 4):
        torch.manual_seed(seed)
        nets.append(torch.cat([p.flatten() for p in ah.lenet().parameters()]))
    assert torch.equal(nets[0], nets[1])
    assert not torch.equal(nets[0], nets[2])


def test_the_small_alexnet_is_the_books_with_a_quarter_of_its_maps():
    with torch.device("meta"):
        small, book = ah.small_alexnet(), ah.alexnet()
    pairs = list(zip(small, book, strict=True))
    assert all(type(a) is type(b) for a, b in pairs)
    windows = [[(m.kernel_size, m.stride, m.padding) for m in pair if hasattr(m, "kernel_size")] for pair in pairs]
    assert all(pair[0] == pair[1] for pair in windows if pair)
    maps = [[m.out_channels for m in pair] for pair in pairs if isinstance(pair[0], nn.Conv2d)]
    units = [[m.out_features for m in pair] for pair in pairs if isinstance(pair[0], nn.Linear)]
    assert maps == [[24, 96], [64, 256], [96, 384], [96, 384], [64, 256]]
    assert units == [[1024, 4096], [1024, 4096], [10, 10]]


# By hand: 24 (121 + 1) + 64 (600 + 1) + 96 (576 + 1) + 96 (864 + 1) + 64 (864 + 1) = 235,184 in the convolutions;
# 1024 (64 r r + 1) in fc6, where r x r is what pool5 leaves; 1024 x 1025 + 10 x 1025 = 1,059,850 in fc7 and fc8.
@pytest.mark.parametrize(("side", "rows", "parameters"), [
    (65, 1, 1_361_594), (96, 1, 1_361_594), (97, 2, 1_558_202), (160, 3, 1_885_882), (224, 5, 2_934_458)])
def test_the_small_alexnet_takes_several_sides(side, rows, parameters):
    net = ah.small_alexnet(side).eval()
    assert sum(p.numel() for p in net.parameters()) == parameters
    table = ah.layer_table(net, (1, side, side))
    assert table.loc["pool5", "output shape"] == (64, rows, rows)
    assert net(torch.rand(2, 1, side, side)).shape == (2, 10)


def test_the_small_alexnet_refuses_what_its_windows_do_not_fit():
    with pytest.raises(ValueError, match="64 pixels is too small: the windows of AlexNet need 65"):
        ah.small_alexnet(64)


def test_the_small_alexnet_with_another_activation_and_no_dropout():
    net = ah.small_alexnet(65, activation=nn.Sigmoid, dropout=0, in_channels=3, num_classes=7)
    assert sum(isinstance(m, nn.Sigmoid) for m in net) == 7 and not any(isinstance(m, nn.ReLU) for m in net)
    X = torch.rand(2, 3, 65, 65)
    assert torch.equal(net.train()(X), net.eval()(X))          # nothing drops out
    assert net(X).shape == (2, 7)
