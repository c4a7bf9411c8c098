"""LeNet and AlexNet as the book builds them, layers named as in the field: conv1 … conv5, fc6 … fc8.

Both start from the book's initialisation, Xavier uniform weights (`d2l.train_ch6` applies it to each network it
gets), drawn from torch's global generator: call `torch.manual_seed` first to get the same weights again.
"""

from __future__ import annotations

from collections import OrderedDict

from torch import nn


def xavier_init(net: nn.Module) -> nn.Module:
    """Draw all conv and linear weights anew as the book does (Glorot and Bengio 2010); biases stay. Returns `net`."""
    for module in net.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(module.weight)
    return net


def lenet(activation: type[nn.Module] = nn.Sigmoid) -> nn.Sequential:
    """The book's LeNet (d2l, section "LeNet"): (N, 1, 28, 28) -> logits (N, 10); 61,706 parameters."""
    return xavier_init(nn.Sequential(OrderedDict(
        conv1=nn.Conv2d(1, 6, kernel_size=5, padding=2),        act1=activation(),    # 6 x 28 x 28
        pool1=nn.AvgPool2d(kernel_size=2, stride=2),                                  # 6 x 14 x 14
        conv2=nn.Conv2d(6, 16, kernel_size=5),                  act2=activation(),    # 16 x 10 x 10
        pool2=nn.AvgPool2d(kernel_size=2, stride=2),                                  # 16 x 5 x 5
        flatten=nn.Flatten(),                                                         # 400
        fc3=nn.Linear(16 * 5 * 5, 120),                         act3=activation(),
        fc4=nn.Linear(120, 84),                                 act4=activation(),
        fc5=nn.Linear(84, 10))))


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
