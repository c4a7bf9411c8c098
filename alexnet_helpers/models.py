"""The two LeNets and the AlexNet family, layers named as in the field: conv1 … conv5, fc6 … fc8.

    lenet                the book's, with sigmoid or another activation
    lenet5_1998          LeCun's own: scaled tanh, trainable subsampling, partly connected C3, RBF output
    alexnet              the book's: one tower, no LRN, conv1 padded by 1
    small_alexnet        the book's with a quarter of its maps: what the course trains on a CPU
    alexnet_paper        the paper's: two groups, LRN before pooling, dropout on fc6 and fc7
    alexnet_2012_code    what the released code of 2012 ran: LRN before ReLU, sizes rounded up, one norm more
    alexnet_two_towers   the paper's again, as two networks that exchange their maps at conv3 and from fc6 on
    caffenet             Caffe's: pooling before LRN
    alexnet_torchvision  torchvision's: one narrower tower of 2014, no LRN, another place for dropout

Each function is the network's table, to be read from top to bottom; the comments give the shape after the line, for
the input that the docstring names. Weights are drawn from torch's global generator: call `torch.manual_seed` first to
get the same ones again.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
import torch.nn.functional as F
from torch import nn

# ---------------------------------------------------------------------------------------------------------------
# Initial weights


def xavier_init(net: nn.Module) -> nn.Module:
    """Draw all conv and linear weights anew as the book does (Glorot and Bengio 2010); biases stay. Returns `net`.

    `d2l.train_ch6` applies it to each network it gets.
    """
    for module in net.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(module.weight)
    return net


def paper_init(net: nn.Module, **std: float) -> nn.Module:
    """Draw all conv and linear weights anew as the paper does (section 5). Returns `net`.

    Normal weights with standard deviation 0.01; biases 1 in conv2, conv4, conv5, fc6 and fc7, else 0. `std` names
    layers with another deviation: paper_init(net, conv3=0.03).
    """
    for path, module in net.named_modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            layer = path.split(".")[-1]
            nn.init.normal_(module.weight, std=std.get(layer, 0.01))
            nn.init.constant_(module.bias, 1.0 if layer in ("conv2", "conv4", "conv5", "fc6", "fc7") else 0.0)
    return net


# ---------------------------------------------------------------------------------------------------------------
# LeNet


def lenet(activation: type[nn.Module] = nn.Sigmoid) -> nn.Sequential:
    """The book's LeNet (d2l, section "LeNet"): (N, 1, 28, 28) -> logits (N, 10); 61,706 parameters."""
    if isinstance(activation, nn.Module) or not callable(activation):
        raise TypeError(f"lenet makes its activations itself: give it their class, nn.ReLU, not {activation!r}.")
    return xavier_init(nn.Sequential(OrderedDict(
        conv1=nn.Conv2d(1, 6, kernel_size=5, padding=2),        act1=activation(),    # 6 x 28 x 28
        pool1=nn.AvgPool2d(kernel_size=2, stride=2),                                  # 6 x 14 x 14
        conv2=nn.Conv2d(6, 16, kernel_size=5),                  act2=activation(),    # 16 x 10 x 10
        pool2=nn.AvgPool2d(kernel_size=2, stride=2),                                  # 16 x 5 x 5
        flatten=nn.Flatten(),                                                         # 400
        fc3=nn.Linear(16 * 5 * 5, 120),                         act3=activation(),
        fc4=nn.Linear(120, 84),                                 act4=activation(),
        fc5=nn.Linear(84, 10))))


def lenet5_1998() -> nn.Sequential:
    """LeNet-5 of LeCun, Bottou, Bengio and Haffner (1998): (N, 1, 32, 32) -> penalties (N, 10), the lowest wins.

    60,000 trainable parameters and 340,908 connections, as in the paper's section II.B. The paper scales pixels so
    that white is -0.1 and black 1.175, and draws weights uniformly within 2.4 / fan-in. Layers keep its names:
    C convolution, S subsampling, F fully connected.
    """
    net = nn.Sequential(OrderedDict(
        C1=nn.Conv2d(1, 6, kernel_size=5),                      act1=ScaledTanh(),    # 6 x 28 x 28
        S2=Subsampling(6),                                      act2=ScaledTanh(),    # 6 x 14 x 14
        C3=PartialConv2d(C3_READS, kernel_size=5),              act3=ScaledTanh(),    # 16 x 10 x 10
        S4=Subsampling(16),                                     act4=ScaledTanh(),    # 16 x 5 x 5
        C5=nn.Conv2d(16, 120, kernel_size=5),                   act5=ScaledTanh(),    # 120 x 1 x 1
        flatten=nn.Flatten(),                                                         # 120
        F6=nn.Linear(120, 84),                                  act6=ScaledTanh(),    # 84
        output=RBF(DIGITS)))                                                          # 10
    for module in (net.C1, net.S2, net.C3, net.S4, net.C5, net.F6):
        fan_in = module.fan_in if hasattr(module, "fan_in") else module.weight[0].numel()
        with torch.no_grad():
            module.weight.uniform_(-2.4, 2.4).div_(fan_in)
            module.bias.zero_()
    return net


# The maps of S2 that each of C3's 16 maps reads (1998, table I).
C3_READS = ((0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5),
            (0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (0, 3, 4, 5), (0, 1, 4, 5), (0, 1, 2, 5),
            (0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5), (0, 1, 2, 3, 4, 5))

# F6 has 84 units because its targets are pictures of the digits, 7 by 12, drawn by hand. These are the course's own.
DIGITS = """
..###.. ...#... ..###.. ..###.. .....#. ####### ..###.. ####### ..###.. ..###..
.#...#. ..##... .#...#. .#...#. ....##. #...... .#...#. ......# .#...#. .#...#.
#.....# .#.#... #.....# #.....# ...#.#. #...... #...... .....#. #.....# #.....#
#.....# ...#... ......# ......# ..#..#. #...... #...... .....#. #.....# #.....#
#.....# ...#... ......# .....#. .#...#. #.###.. #.###.. ....#.. .#...#. #.....#
#.....# ...#... .....#. ..###.. #....#. ##...#. ##...#. ....#.. ..###.. .#...##
#.....# ...#... ....#.. .....#. ####### ......# #.....# ...#... .#...#. ..###.#
#.....# ...#... ...#... ......# .....#. ......# #.....# ...#... #.....# ......#
#.....# ...#... ..#.... ......# .....#. ......# #.....# ..#.... #.....# ......#
#.....# ...#... .#..... #.....# .....#. #.....# #.....# ..#.... #.....# ......#
.#...#. ...#... #...... .#...#. .....#. .#...#. .#...#. .#..... .#...#. .#...#.
..###.. .#####. ####### ..###.. .....#. ..###.. ..###.. .#..... ..###.. ..###..
"""


class ScaledTanh(nn.Module):
    """1.7159 tanh(2x / 3): passes through (1, 1) and (-1, -1)."""

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        return 1.7159 * torch.tanh(X * 2 / 3)


class Subsampling(nn.Module):
    """The sum of each 2 x 2 window, times a weight a map, plus a bias a map: (N, C, H, W) -> (N, C, H/2, W/2)."""

    window = fan_in = 4

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        window_sums = 4 * F.avg_pool2d(X, kernel_size=2)
        return window_sums * self.weight[:, None, None] + self.bias[:, None, None]


class PartialConv2d(nn.Module):
    """A convolution whose map i reads only the maps `reads[i]`; it holds just those kernels."""

    def __init__(self, reads: tuple[tuple[int, ...], ...], kernel_size: int) -> None:
        super().__init__()
        self.outputs = [i for i, maps in enumerate(reads) for _ in maps]       # kernel j goes from map inputs[j]
        self.inputs = [j for maps in reads for j in maps]                      # to map outputs[j]
        self.weight = nn.Parameter(torch.zeros(len(self.inputs), kernel_size, kernel_size))
        self.bias = nn.Parameter(torch.zeros(len(reads)))
        self.fan_in = torch.tensor([len(reads[i]) * kernel_size ** 2 for i in self.outputs])[:, None, None]

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        kernels = X.new_zeros(len(self.bias), X.shape[1], *self.weight.shape[1:])
        kernels[self.outputs, self.inputs] = self.weight
        return F.conv2d(X, kernels, self.bias)

    def macs(self, output_shape: tuple[int, ...]) -> int:
        return self.weight.numel() * output_shape[1] * output_shape[2]


class RBF(nn.Module):
    """The squared distance to each of ten fixed pictures, black +1 and white -1: (N, 84) -> penalties (N, 10)."""

    def __init__(self, pictures: str) -> None:
        super().__init__()
        rows = [line.split() for line in pictures.split("\n") if line]         # 12 rows of 10 digits, 7 wide
        self.register_buffer("pictures", torch.tensor(
            [[1.0 if pixel == "#" else -1.0 for row in rows for pixel in row[digit]] for digit in range(10)]))

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        return (X[:, None] - self.pictures).square().sum(dim=2)

    def macs(self, output_shape: tuple[int, ...]) -> int:
        return self.pictures.numel()


# ---------------------------------------------------------------------------------------------------------------
# AlexNet


def alexnet(in_channels: int = 1, num_classes: int = 10) -> nn.Sequential:
    """The book's AlexNet (d2l, section "AlexNet"): (N, in_channels, 224, 224) -> logits (N, num_classes).

    46,764,746 parameters by default. One tower, no LRN, and conv1 padded by 1: not the network of 2012.
    """
    return xavier_init(nn.Sequential(OrderedDict(
        conv1=nn.Conv2d(in_channels, 96, kernel_size=11, stride=4, padding=1), relu1=nn.ReLU(),    # 96 x 54 x 54
        pool1=nn.MaxPool2d(kernel_size=3, stride=2),                                               # 96 x 26 x 26
        conv2=nn.Conv2d(96, 256, kernel_size=5, padding=2),     relu2=nn.ReLU(),                   # 256 x 26 x 26
        pool2=nn.MaxPool2d(kernel_size=3, stride=2),                                               # 256 x 12 x 12
        conv3=nn.Conv2d(256, 384, kernel_size=3, padding=1),    relu3=nn.ReLU(),                   # 384 x 12 x 12
        conv4=nn.Conv2d(384, 384, kernel_size=3, padding=1),    relu4=nn.ReLU(),                   # 384 x 12 x 12
        conv5=nn.Conv2d(384, 256, kernel_size=3, padding=1),    relu5=nn.ReLU(),                   # 256 x 12 x 12
        pool5=nn.MaxPool2d(kernel_size=3, stride=2),                                               # 256 x 5 x 5
        flatten=nn.Flatten(),                                                                      # 6400
        fc6=nn.Linear(256 * 5 * 5, 4096),                       relu6=nn.ReLU(), drop6=nn.Dropout(p=0.5),
        fc7=nn.Linear(4096, 4096),                              relu7=nn.ReLU(), drop7=nn.Dropout(p=0.5),
        fc8=nn.Linear(4096, num_classes))))


def small_alexnet(side: int = 224, activation: type[nn.Module] = nn.ReLU, dropout: float = 0.5, in_channels: int = 1,
                  num_classes: int = 10) -> nn.Sequential:
    """The book's AlexNet with a quarter of its maps: (N, in_channels, side, side) -> logits (N, num_classes).

    2,934,458 parameters by default, 1,361,594 for sides of 65 to 96: the eight layers, windows and strides are the
    book's, and only fc6 depends on the side. 65 is the smallest that the last pooling window fits into; a smaller one
    raises ValueError. `dropout` is the share of units that drop out after fc6 and fc7, 0 for none.
    """
    rows = (side + 2 - 11) // 4 + 1                                                        # conv1
    for _ in range(3):
        rows = (rows - 3) // 2 + 1                                                         # each pool; conv2-5 keep it
    if rows < 1:
        raise ValueError(f"A side of {side} pixels is too small: the windows of AlexNet need 65.")
    return xavier_init(nn.Sequential(OrderedDict(                                          # for a side of 224:
        conv1=nn.Conv2d(in_channels, 24, kernel_size=11, stride=4, padding=1), act1=activation(),  # 24 x 54 x 54
        pool1=nn.MaxPool2d(kernel_size=3, stride=2),                                               # 24 x 26 x 26
        conv2=nn.Conv2d(24, 64, kernel_size=5, padding=2),      act2=activation(),                 # 64 x 26 x 26
        pool2=nn.MaxPool2d(kernel_size=3, stride=2),                                               # 64 x 12 x 12
        conv3=nn.Conv2d(64, 96, kernel_size=3, padding=1),      act3=activation(),                 # 96 x 12 x 12
        conv4=nn.Conv2d(96, 96, kernel_size=3, padding=1),      act4=activation(),                 # 96 x 12 x 12
        conv5=nn.Conv2d(96, 64, kernel_size=3, padding=1),      act5=activation(),                 # 64 x 12 x 12
        pool5=nn.MaxPool2d(kernel_size=3, stride=2),                                               # 64 x 5 x 5
        flatten=nn.Flatten(),                                                                      # 1600
        fc6=nn.Linear(64 * rows * rows, 1024),                  act6=activation(), drop6=nn.Dropout(p=dropout),
        fc7=nn.Linear(1024, 1024),                              act7=activation(), drop7=nn.Dropout(p=dropout),
        fc8=nn.Linear(1024, num_classes))))


def alexnet_paper(groups: int = 2, num_classes: int = 1000) -> nn.Sequential:
    """AlexNet as the paper of 2012 describes it: (N, 3, 227, 227) -> logits (N, num_classes).

    60,965,224 parameters by default, 62,378,344 with `groups=1`. Two groups are the paper's two GPUs: conv2, conv4,
    conv5 and the LRN see only the maps of their own. LRN's alpha is 1e-4 as in the released code, where it weighs a
    mean over five maps; the paper's formula has a sum instead, which is 5e-4 here. 227 stands for the paper's 224,
    whose sizes were rounded up: see `alexnet_2012_code`.
    """
    return paper_init(nn.Sequential(OrderedDict(
        conv1=nn.Conv2d(3, 96, kernel_size=11, stride=4),                      relu1=nn.ReLU(),    # 96 x 55 x 55
        lrn1=LRN(alpha=1e-4, groups=groups),
        pool1=nn.MaxPool2d(kernel_size=3, stride=2),                                               # 96 x 27 x 27
        conv2=nn.Conv2d(96, 256, kernel_size=5, padding=2, groups=groups),     relu2=nn.ReLU(),    # 256 x 27 x 27
        lrn2=LRN(alpha=1e-4, groups=groups),
        pool2=nn.MaxPool2d(kernel_size=3, stride=2),                                               # 256 x 13 x 13
        conv3=nn.Conv2d(256, 384, kernel_size=3, padding=1),                   relu3=nn.ReLU(),    # 384 x 13 x 13
        conv4=nn.Conv2d(384, 384, kernel_size=3, padding=1, groups=groups),    relu4=nn.ReLU(),    # 384 x 13 x 13
        conv5=nn.Conv2d(384, 256, kernel_size=3, padding=1, groups=groups),    relu5=nn.ReLU(),    # 256 x 13 x 13
        pool5=nn.MaxPool2d(kernel_size=3, stride=2),                                               # 256 x 6 x 6
        flatten=nn.Flatten(),                                                                      # 9216
        fc6=nn.Linear(256 * 6 * 6, 4096),                       relu6=nn.ReLU(), drop6=nn.Dropout(p=0.5),
        fc7=nn.Linear(4096, 4096),                              relu7=nn.ReLU(), drop7=nn.Dropout(p=0.5),
        fc8=nn.Linear(4096, num_classes))))


def alexnet_2012_code(num_classes: int = 1000) -> nn.Sequential:
    """What the code of 2012 ran (its file layers-145.cfg): (N, 3, 224, 224) -> logits (N, num_classes).

    60,965,224 parameters, like the paper's. It rounds sizes up: three columns of zeros on the right and three rows
    below let conv1's last windows overhang, and the pools use ceil_mode. conv1's ReLU comes after LRN and pooling,
    conv5's after pooling, a second norm follows the LRN of conv2, and conv3 to conv5 start from 0.03.
    """
    return paper_init(nn.Sequential(OrderedDict(
        overhang=nn.ZeroPad2d((0, 3, 0, 3)),                                                       # 3 x 227 x 227
        conv1=nn.Conv2d(3, 96, kernel_size=11, stride=4),                                          # 96 x 55 x 55
        lrn1=LRN(alpha=1e-4, groups=2),
        pool1=nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True),           relu1=nn.ReLU(),    # 96 x 27 x 27
        conv2=nn.Conv2d(96, 256, kernel_size=5, padding=2, groups=2),          relu2=nn.ReLU(),    # 256 x 27 x 27
        lrn2=LRN(alpha=1e-4, groups=2),
        norm2=WithinMapNorm(),
        pool2=nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True),                               # 256 x 13 x 13
        conv3=nn.Conv2d(256, 384, kernel_size=3, padding=1),                   relu3=nn.ReLU(),    # 384 x 13 x 13
        conv4=nn.Conv2d(384, 384, kernel_size=3, padding=1, groups=2),         relu4=nn.ReLU(),    # 384 x 13 x 13
        conv5=nn.Conv2d(384, 256, kernel_size=3, padding=1, groups=2),                             # 256 x 13 x 13
        pool5=nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True),           relu5=nn.ReLU(),    # 256 x 6 x 6
        flatten=nn.Flatten(),                                                                      # 9216
        fc6=nn.Linear(256 * 6 * 6, 4096),                       relu6=nn.ReLU(), drop6=nn.Dropout(p=0.5),
        fc7=nn.Linear(4096, 4096),                              relu7=nn.ReLU(), drop7=nn.Dropout(p=0.5),
        fc8=nn.Linear(4096, num_classes))), conv3=0.03, conv4=0.03, conv5=0.03)


def alexnet_two_towers(num_classes: int = 1000) -> TwoTowers:
    """The paper's AlexNet as two networks, one a GPU: (N, 3, 227, 227) -> logits (N, num_classes).

    60,965,224 parameters. With the same weights it computes what `alexnet_paper(groups=2)` does.
    """
    return paper_init(TwoTowers(num_classes))


class TwoTowers(nn.Module):
    """Towers a and b read the same image, run alone, and exchange all they have at EXCHANGE and before fc8."""

    EXCHANGE = ("conv3", "fc6", "fc7")

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.a, self.b = self.tower(), self.tower()
        self.fc8 = nn.Linear(4096, num_classes)                                # on one of the GPUs

    @staticmethod
    def tower() -> nn.Sequential:
        return nn.Sequential(OrderedDict(
            conv1=nn.Conv2d(3, 48, kernel_size=11, stride=4),                  relu1=nn.ReLU(),    # 48 x 55 x 55
            lrn1=LRN(alpha=1e-4),
            pool1=nn.MaxPool2d(kernel_size=3, stride=2),                                           # 48 x 27 x 27
            conv2=nn.Conv2d(48, 128, kernel_size=5, padding=2),                relu2=nn.ReLU(),    # 128 x 27 x 27
            lrn2=LRN(alpha=1e-4),
            pool2=nn.MaxPool2d(kernel_size=3, stride=2),                                           # 128 x 13 x 13
            conv3=nn.Conv2d(256, 192, kernel_size=3, padding=1),               relu3=nn.ReLU(),    # 192 x 13 x 13
            conv4=nn.Conv2d(192, 192, kernel_size=3, padding=1),               relu4=nn.ReLU(),    # 192 x 13 x 13
            conv5=nn.Conv2d(192, 128, kernel_size=3, padding=1),               relu5=nn.ReLU(),    # 128 x 13 x 13
            pool5=nn.MaxPool2d(kernel_size=3, stride=2),                                           # 128 x 6 x 6
            flatten=nn.Flatten(),                                                                  # 4608
            fc6=nn.Linear(256 * 6 * 6, 2048),                   relu6=nn.ReLU(), drop6=nn.Dropout(p=0.5),
            fc7=nn.Linear(4096, 2048),                          relu7=nn.ReLU(), drop7=nn.Dropout(p=0.5)))

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        a = b = X
        for (name, layer_a), (_, layer_b) in zip(self.a.named_children(), self.b.named_children(), strict=True):
            if name in self.EXCHANGE:
                a = b = torch.cat((a, b), dim=1)
            a, b = layer_a(a), layer_b(b)
        return self.fc8(torch.cat((a, b), dim=1))


def caffenet(num_classes: int = 1000) -> nn.Sequential:
    """CaffeNet, the reference model of Caffe (BVLC): (N, 3, 227, 227) -> logits (N, num_classes).

    60,965,224 parameters, in two groups like the paper's. It pools before LRN, which therefore costs a quarter, and
    its LRN has k = 1 and looks across the border of the groups.
    """
    return paper_init(nn.Sequential(OrderedDict(
        conv1=nn.Conv2d(3, 96, kernel_size=11, stride=4),                      relu1=nn.ReLU(),    # 96 x 55 x 55
        pool1=nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True),                               # 96 x 27 x 27
        lrn1=LRN(alpha=1e-4, k=1.0),
        conv2=nn.Conv2d(96, 256, kernel_size=5, padding=2, groups=2),          relu2=nn.ReLU(),    # 256 x 27 x 27
        pool2=nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True),                               # 256 x 13 x 13
        lrn2=LRN(alpha=1e-4, k=1.0),
        conv3=nn.Conv2d(256, 384, kernel_size=3, padding=1),                   relu3=nn.ReLU(),    # 384 x 13 x 13
        conv4=nn.Conv2d(384, 384, kernel_size=3, padding=1, groups=2),         relu4=nn.ReLU(),    # 384 x 13 x 13
        conv5=nn.Conv2d(384, 256, kernel_size=3, padding=1, groups=2),         relu5=nn.ReLU(),    # 256 x 13 x 13
        pool5=nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True),                               # 256 x 6 x 6
        flatten=nn.Flatten(),                                                                      # 9216
        fc6=nn.Linear(256 * 6 * 6, 4096),                       relu6=nn.ReLU(), drop6=nn.Dropout(p=0.5),
        fc7=nn.Linear(4096, 4096),                              relu7=nn.ReLU(), drop7=nn.Dropout(p=0.5),
        fc8=nn.Linear(4096, num_classes))), fc6=0.005, fc7=0.005)


def alexnet_torchvision() -> nn.Sequential:
    """torchvision's AlexNet: (N, 3, 224, 224) -> logits (N, 1000); takes every size from 63 x 63 up.

    61,100,840 parameters. The tower of Krizhevsky's "One weird trick" (2014) without LRN; dropout stands before fc6
    and fc7, not after. torchvision's own state dict loads unchanged, so its layers go by torchvision's numbers.
    """
    return nn.Sequential(OrderedDict(
        features=nn.Sequential(
            nn.Conv2d(3, 64, kernel_size=11, stride=4, padding=2), nn.ReLU(),      # conv1: 64 x 55 x 55
            nn.MaxPool2d(kernel_size=3, stride=2),                                 # 64 x 27 x 27
            nn.Conv2d(64, 192, kernel_size=5, padding=2), nn.ReLU(),               # conv2: 192 x 27 x 27
            nn.MaxPool2d(kernel_size=3, stride=2),                                 # 192 x 13 x 13
            nn.Conv2d(192, 384, kernel_size=3, padding=1), nn.ReLU(),              # conv3: 384 x 13 x 13
            nn.Conv2d(384, 256, kernel_size=3, padding=1), nn.ReLU(),              # conv4: 256 x 13 x 13
            nn.Conv2d(256, 256, kernel_size=3, padding=1), nn.ReLU(),              # conv5: 256 x 13 x 13
            nn.MaxPool2d(kernel_size=3, stride=2)),                                # 256 x 6 x 6
        avgpool=nn.AdaptiveAvgPool2d((6, 6)),                                      # 256 x 6 x 6 from any size
        flatten=nn.Flatten(),                                                      # 9216
        classifier=nn.Sequential(
            nn.Dropout(p=0.5), nn.Linear(256 * 6 * 6, 4096), nn.ReLU(),            # fc6
            nn.Dropout(p=0.5), nn.Linear(4096, 4096), nn.ReLU(),                   # fc7
            nn.Linear(4096, 1000))))                                               # fc8


class LRN(nn.LocalResponseNorm):
    """Local response normalisation: each value over (k + alpha / 5 * sum of squares)^0.75, (N, C, H, W) unchanged.

    The sum runs over five adjacent maps at the same place, its own and two on either side, within its group.
    """

    def __init__(self, alpha: float, k: float = 2.0, groups: int = 1) -> None:
        super().__init__(size=5, alpha=alpha, beta=0.75, k=k)
        self.groups = groups

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        apart = X.unflatten(1, (self.groups, -1)).flatten(0, 1)                # (N * groups, C / groups, H, W)
        return super().forward(apart).unflatten(0, (-1, self.groups)).flatten(1, 2)


class WithinMapNorm(nn.Module):
    """Each value over (1 + 0.001 / 25 * sum of squares in its 5 x 5 neighbourhood)^0.75; the paper does not name it."""

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        mean_square = F.avg_pool2d(X.square(), kernel_size=5, stride=1, padding=2)
        return X / (1 + 0.001 * mean_square) ** 0.75
