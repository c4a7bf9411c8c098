"""The long runs of chapter 04: the sigmoid network's wait, the starts of 2012, slope and offset, the race to 25 %.

All train by plain gradient descent in batches of 32 on the first 6,000 training images, the mean pixel subtracted,
and look at the training error every so many steps: the share of wrong answers on the first 500 of these images.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Iterator
from itertools import count, pairwise

import torch
import torch.nn.functional as F
from torch import nn

from .. import recorded
from ..comparing import tune
from ..data import load_fashion_mnist
from ..models import alexnet_paper
from . import records

MEAN_PIXEL = 0.286
ONES = ("conv2", "conv4", "conv5", "fc6", "fc7")               # the layers to which the paper gives biases of 1
SEEDS, TUNING_SEEDS = tuple(range(10)), (100, 101)
BATCH, LOOKED_AT = 32, 500
Run = dict[str, list[float]]


def centred_images(train_size: int = 6_000) -> tuple[torch.Tensor, torch.Tensor]:
    """Images (train_size, 1, 28, 28) in [0, 1] minus the mean pixel, and their labels."""
    train, _ = load_fashion_mnist(256, train_size=train_size, test_size=1_000, seed=0)
    return train.images.float() / 255 - MEAN_PIXEL, train.labels.long()


def alexnet_28(activation: type[nn.Module] = nn.ReLU) -> nn.Sequential:
    """The chapter's AlexNet for pictures of 28 pixels: (N, 1, 28, 28) -> logits (N, 10), 22,426 parameters."""
    return nn.Sequential(OrderedDict(
        conv1=nn.Conv2d(1, 8, kernel_size=5, stride=2, padding=2), act1=activation(), pool1=nn.MaxPool2d(2),
        conv2=nn.Conv2d(8, 16, kernel_size=3, padding=1), act2=activation(), pool2=nn.MaxPool2d(3, stride=2),
        conv3=nn.Conv2d(16, 16, kernel_size=3, padding=1), act3=activation(),
        conv4=nn.Conv2d(16, 16, kernel_size=3, padding=1), act4=activation(),
        conv5=nn.Conv2d(16, 16, kernel_size=3, padding=1), act5=activation(), flatten=nn.Flatten(),
        fc6=nn.Linear(144, 64), act6=activation(), fc7=nn.Linear(64, 64), act7=activation(), fc8=nn.Linear(64, 10)))


def weighted(net: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    return ((name, layer) for name, layer in net.named_children() if isinstance(layer, nn.Conv2d | nn.Linear))


def draw(net: nn.Module, gains: float | dict[str, float], seed: int, bias: float = 0.0) -> nn.Module:
    """Weights drawn anew: normal, of standard deviation gain / sqrt(inputs). `bias` goes to ONES, 0 elsewhere."""
    torch.manual_seed(seed)
    for name, layer in weighted(net):
        gain = gains[name] if isinstance(gains, dict) else gains
        nn.init.normal_(layer.weight, std=gain / math.sqrt(layer.weight[0].numel()))
        nn.init.constant_(layer.bias, bias if name in ONES else 0.0)
    return net


def descend(net: nn.Module, images: torch.Tensor, labels: torch.Tensor, lr: float, steps: int, seed: int,
            look: int = 20, until: float = 0.0) -> Run:
    """The chapter's loop: step, error and loss of each look; ends at an error of `until` or a loss that is not finite.
    """
    update, order = torch.optim.SGD(net.parameters(), lr=lr), torch.Generator().manual_seed(seed)
    picks = (pick for _ in count() for pick in torch.randperm(len(images), generator=order).split(BATCH))
    seen = {"step": [], "error": [], "loss": []}
    for step, pick in zip(range(1, steps + 1), picks):  # noqa: B905 - the picks never end
        update.zero_grad()
        F.cross_entropy(net(images[pick]), labels[pick]).backward()
        update.step()
        if step % look == 0:
            with torch.no_grad():
                logits = net(images[:LOOKED_AT])
            loss = F.cross_entropy(logits, labels[:LOOKED_AT])
            seen["step"].append(step)
            seen["error"].append(round((logits.argmax(dim=1) != labels[:LOOKED_AT]).float().mean().item(), 4))
            seen["loss"].append(round(loss.item(), 5) if loss.isfinite() else None)
            if seen["error"][-1] <= until or not loss.isfinite():
                break
    return seen


def steps_to(run: Run, level: float) -> float:
    """The first step looked at with an error of at most `level`; infinite if there is none."""
    return next((step for step, error in zip(run["step"], run["error"], strict=True) if error <= level), math.inf)


def mean_error(run: Run, level: float, looks: int) -> float:
    """The mean error of so many looks; a run that has reached `level` stays there, one that diverged knows nothing."""
    reached = steps_to(run, level) < math.inf
    rest = [level if reached else 0.9] * (looks - len(run["error"]))
    return sum(run["error"] + rest) / looks


def slowness(run: Run, level: float, steps: int, look: int) -> float:
    """What settings are chosen by, low is good: the steps to `level`, at most `steps`; the mean error breaks a tie."""
    return min(steps_to(run, level), steps) + mean_error(run, level, steps // look)


def kept(name: str, **settings: object) -> tuple[dict, Callable[[str, str, Callable[[], object]], object]]:
    """The record so far, and a function (kind, key, make) that makes what is not there yet, and stores it at once."""
    record = recorded.read_record(name) or {**records.provenance(name), "batch_size": BATCH, "train_size": 6_000,
                                            **settings}

    def keep(kind: str, key: str, make: Callable[[], object]) -> object:
        found = record.setdefault(kind, {})
        if key not in found:
            found[key] = make()
            records.save_record(name, record)
        return found[key]

    return record, keep


# ---------------------------------------------------------------------------------------------------------------
# The four records


def small_sigmoid_alexnet(seed: int) -> nn.Sequential:
    """The chapter's AlexNet with sigmoids, Xavier's weights and biases of 0."""
    net = alexnet_28(nn.Sigmoid)
    torch.manual_seed(seed)
    for _, layer in weighted(net):
        nn.init.xavier_uniform_(layer.weight)
        nn.init.zeros_(layer.bias)
    return net


def record_patience(rates: tuple[float, ...] = (0.3, 1.0, 3.0, 10.0), seeds: tuple[int, ...] = (0, 1, 2),
                    steps: int = 6_000, look: int = 100, train_size: int = 6_000) -> dict:
    """Does the sigmoid network ever leave its plateau by gradient descent? Ten times the chapter's patience.

    Images, weights and batches are those of the chapter's own runs; so is the end, a training error of 60 %.
    """
    record, keep = kept("patience", train_size=train_size, steps=steps, until=0.6, seeds=list(seeds))
    images, labels = centred_images(train_size)
    for lr in rates:
        for seed in seeds:
            keep("runs", f"rate {lr}, seed {seed}", lambda lr=lr, seed=seed: descend(
                small_sigmoid_alexnet(seed).to(images.device), images, labels, lr, steps, seed, look, 0.6))
    return record


def paper_gains(middle: float = 0.01) -> dict[str, float]:
    """Standard deviation times sqrt(inputs) in the paper's AlexNet: 0.01, but `middle` in conv3, conv4 and conv5."""
    with torch.device("meta"):
        net = alexnet_paper()
    return {name: (middle if name in ("conv3", "conv4", "conv5") else 0.01) * math.sqrt(layer.weight[0].numel())
            for name, layer in weighted(net)}


def starts() -> dict[str, tuple[dict[str, float] | float, float, float]]:
    """The arms of the record of that name: gains, what pixels are multiplied by, biases."""
    gains = {"code": paper_gains(0.03), "paper": paper_gains()}
    return {"Kaiming, [0, 1], 0": (2 ** 0.5, 1.0, 0.0),
            **{f"{start}, {'raw' if scale > 1 else '[0, 1]'}, {bias:.0f}": (gains[start], scale, bias)
               for scale in (255.0, 1.0) for bias in (1.0, 0.0) for start in gains}}


def record_starts(grids: dict[float, tuple[float, ...]] | None = None, seeds: tuple[int, ...] = SEEDS,
                  tuning_seeds: tuple[int, ...] = TUNING_SEEDS, steps: int = 240, look: int = 10) -> dict:
    """The chapter's AlexNet with the gains of 2012: as the paper states them or as its code has them, pixels, biases.

    Each arm runs to a training error of 50 %, at the rate with the fewest steps to it on the tuning seeds. `grids` has
    the rates to try by what pixels are multiplied by: gradients of small pixels are small.
    """
    grids = grids or {255.0: (0.01, 0.03, 0.1, 0.3), 1.0: (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)}
    record, keep = kept("starts", steps=steps, look=look, until=0.5, seeds=list(seeds),
                        tuning_seeds=list(tuning_seeds))
    images, labels = centred_images()

    def run(arm: str, lr: float, seed: int) -> Run:
        gains, scale, bias = starts()[arm]
        net = draw(alexnet_28(), gains, seed, bias).to(images.device)
        return descend(net, scale * images, labels, lr, steps, seed, look, 0.5)

    for arm in starts():
        def judged(lr: float, seed: int, arm: str = arm) -> dict[str, float]:
            made = keep("tuning", f"{arm}, rate {lr:g}, seed {seed}", lambda: run(arm, lr, seed))
            return {"steps": slowness(made, 0.5, steps, look)}

        lr = keep("chosen", arm, lambda judged=judged, arm=arm: tune(
            judged, grids[starts()[arm][1]], tuning_seeds, "steps", True).value)
        for seed in seeds:
            keep("runs", f"{arm}, seed {seed}", lambda arm=arm, lr=lr, seed=seed: run(arm, lr, seed))
    return record


class Form(nn.Module):
    """a (sigmoid(x) - c)"""

    def __init__(self, a: float, c: float) -> None:
        super().__init__()
        self.a, self.c = a, c

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        return self.a * (torch.sigmoid(X) - self.c)


FORMS = {"σ": (1.0, 0.0), "σ - 1/2": (1.0, 0.5), "4σ": (4.0, 0.0), "4σ, cancelled": (4.0, 0.0), "4σ - 2": (4.0, 0.5)}


def eight_layers(form: str, seed: int) -> nn.Sequential:
    """Eight fully connected layers for (N, 1, 28, 28), 64 units each, gain 1.

    "cancelled": biases take away the mean of the layer before, so that it starts as the network of 4σ - 2.
    """
    sides = [784] + [64] * 7 + [10]
    layers = [layer for n_in, n_out in pairwise(sides) for layer in (nn.Linear(n_in, n_out), Form(*FORMS[form]))]
    net = draw(nn.Sequential(nn.Flatten(), *layers[:-1]), 1.0, seed)
    if "cancelled" in form:
        with torch.no_grad():
            for layer in list(net)[3::2]:
                layer.bias.copy_(-2 * layer.weight.sum(dim=1))
    return net


def record_centring(grid: tuple[float, ...] = (0.01, 0.03, 0.1, 0.3), seeds: tuple[int, ...] = SEEDS[:5],
                    tuning_seeds: tuple[int, ...] = TUNING_SEEDS, steps: int = 600, look: int = 50) -> dict:
    """Slope and offset of a sigmoid, taken apart in eight layers: the error after so many steps, at the best rate."""
    record, keep = kept("centring", steps=steps, look=look, seeds=list(seeds), tuning_seeds=list(tuning_seeds),
                        grid=list(grid))
    images, labels = centred_images()

    def run(form: str, lr: float, seed: int) -> Run:
        return descend(eight_layers(form, seed).to(images.device), images, labels, lr, steps, seed, look)

    for form in FORMS:
        def judged(lr: float, seed: int, form: str = form) -> dict[str, float]:
            made = keep("tuning", f"{form}, rate {lr:g}, seed {seed}", lambda: run(form, lr, seed))
            return {"mean error": mean_error(made, 0.0, steps // look)}

        lr = keep("chosen", form, lambda judged=judged: tune(judged, grid, tuning_seeds, "mean error", True).value)
        for seed in seeds:
            keep("runs", f"{form}, seed {seed}", lambda form=form, lr=lr, seed=seed: run(form, lr, seed))
    return record


RUNNERS = {"sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "ReLU": nn.ReLU, "leaky ReLU": nn.LeakyReLU, "ELU": nn.ELU}


def four_layers(activation: type[nn.Module]) -> nn.Sequential:
    """The race's network for (N, 1, 28, 28): three convolutions, a fully connected layer."""
    return nn.Sequential(
        nn.Conv2d(1, 8, kernel_size=5, stride=2, padding=2), activation(), nn.MaxPool2d(2),        # 8 x 7 x 7
        nn.Conv2d(8, 16, kernel_size=3, padding=1), activation(), nn.MaxPool2d(3, stride=2),       # 16 x 3 x 3
        nn.Conv2d(16, 16, kernel_size=3, padding=1), activation(), nn.Flatten(),                   # 144
        nn.Linear(144, 10))


Setting = tuple[float, float]
WIDER = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0), (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)    # gains, rates


def climb(score: Callable[[Setting], float], start: Setting) -> Setting:
    """Gain and rate of WIDER that no neighbour beats (lower is better), from `start` one step at a time."""
    best = start
    while True:
        gains, rates = WIDER
        i, j = gains.index(best[0]), rates.index(best[1])
        near = [(gains[k], rates[m]) for k, m in ((i - 1, j), (i + 1, j), (i, j - 1), (i, j + 1))
                if 0 <= k < len(gains) and 0 <= m < len(rates)]
        ahead = min(near, key=score)
        if score(ahead) >= score(best):
            return best
        best = ahead


def record_relu(gains: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0), rates: tuple[float, ...] = (0.03, 0.1, 0.3, 1.0),
                seeds: tuple[int, ...] = SEEDS, tuning_seeds: tuple[int, ...] = TUNING_SEEDS, steps: int = 300,
                limit: int = 1_200, look: int = 10) -> dict:
    """The race to a training error of 25 %, with the gain and the rate that suit each activation.

    They are the best of a whole grid or, if one beyond its edge is better, the first that no neighbour beats, in so
    many steps; a race goes on to the `limit`.
    """
    record, keep = kept("relu", steps=steps, limit=limit, look=look, until=0.25, seeds=list(seeds),
                        tuning_seeds=list(tuning_seeds), gains=list(gains), rates=list(rates))
    images, labels = centred_images()

    def run(runner: str, gain: float, lr: float, seed: int, most: int) -> Run:
        net = draw(four_layers(RUNNERS[runner]), gain, seed).to(images.device)
        return descend(net, images, labels, lr, most, seed, look, 0.25)

    for runner in RUNNERS:
        def judged(setting: Setting, runner: str = runner) -> float:
            gain, lr = setting
            made = [keep("tuning", f"{runner}, gain {gain:g}, rate {lr:g}, seed {seed}",
                         lambda seed=seed: run(runner, gain, lr, seed, steps)) for seed in tuning_seeds]
            return sum(slowness(run, 0.25, steps, look) for run in made) / len(made)

        chosen = keep("chosen", runner, lambda judged=judged: list(
            climb(judged, min(((gain, lr) for gain in gains for lr in rates), key=judged))))
        for seed in seeds:
            keep("runs", f"{runner}, seed {seed}", lambda runner=runner, chosen=chosen, seed=seed: (
                run(runner, *chosen, seed, limit)))
    return record
