"""Checks of the exercises of chapter 07."""

from __future__ import annotations

from collections.abc import Callable

from .common import fault_of_runs

TRAINING_FLOPS = 2 * (3 * 938_146_176 - 33_872_256)            # the book's AlexNet, one image; conv1 sends none back


def images_for_a_fast_gpu(answer: float) -> str | None:
    macs, conv1 = 938_146_176, 33_872_256
    for flops, hint in ((TRAINING_FLOPS, None), (3 * macs - conv1, "A MAC is two operations, a product and a sum."),
                        (6 * macs, "Almost: conv1 sends no gradient on to the image."),
                        (2 * macs, "That is the forward pass alone."), (macs, "Those are MACs of the forward pass."),
                        (TRAINING_FLOPS / 60_000, "Images of one epoch are no part of it: a rate is asked for."),
                        (TRAINING_FLOPS * 1e12, "20 TFLOP/s are 20 · 10^12 operations a second.")):
        if abs(answer / (20e12 / flops) - 1) < 0.005:
            return hint
    return "Operations a second, divided by the operations that training on one image takes."


def seconds_of_an_epoch(answer: Callable[[float, int, float], float]) -> str | None:
    cases = ((5e9, 60_000, 1e13), (7.0, 11, 13.0), (TRAINING_FLOPS, 1_281_167, 7.3e12))
    found = [answer(*case) for case in cases]
    for formula, hint in ((lambda flops, images, rate: flops * images / rate, None),
                          (lambda flops, images, rate: rate / (flops * images), "Upside down."),
                          (lambda flops, images, rate: flops / rate, "That is one image; an epoch has more."),
                          (lambda flops, images, rate: rate / flops, "That is images a second."),
                          (lambda flops, images, rate: 2 * flops * images / rate,
                           "`flops` are operations, not MACs: the factor 2 is in them already."),
                          (lambda flops, images, rate: flops * images / rate / 60, "Seconds, not minutes.")):
        if all(abs(value / formula(*case) - 1) < 1e-6 for value, case in zip(found, cases, strict=True)):
            return hint
    return f"5 GFLOPs an image, 60,000 images and 10 TFLOP/s make 30 seconds; the answer gives {found[0]:g}."


def largest_batch(answer: int) -> str | None:
    weights, room = 4 * 46_764_746, 3 * 2**30
    for each in (3_998_768, 3_998_768 - 3 * 2 * 4096):         # on a GPU dropout's masks take a byte a unit, not four
        for copies, memory, hint in (
                (3, room, None), (2, room, "With momentum the optimizer remembers a number for each weight."),
                (1, room, "Weights, their gradients, and momentum: that makes three."),
                (0, room, "The weights, their gradients and momentum have to fit too."),
                (4, room, "One copy too many: weights, gradients, momentum."),
                (3, 3 * 10**9, "A GiB is 2**30 bytes.")):
            if answer == (memory - copies * weights) // each:
                return hint
        fitting = (room - 3 * weights) / each
        if answer == int(fitting) + 1:
            return "One more than fits: round down."
        if abs(answer - fitting) < 1:
            return "A batch has whole images: round down."
    return "Take what does not depend on the batch off the 3 GiB. How many images find room in the rest?"


def longer_training(answer: tuple[object, dict[str, object]]) -> str | None:
    from ..comparing import verdict

    runs, verdicts = answer
    networks = ("relu", "sigmoid")
    if hint := fault_of_runs(runs, "held-out accuracy", [f"{name}, {n}" for name in networks for n in (5, 20)]):
        return hint
    if not runs.loc[runs["arm"].str.startswith("relu"), "held-out accuracy"].dropna().between(0.4, 1).all():
        return "The networks with ReLU have hardly learned anything: try other rates, or more images."
    for name in networks:
        found = verdict(runs, "held-out accuracy", f"{name}, 20", against=f"{name}, 5", margin=0.02)
        if not hasattr(verdicts[name], "word"):
            return "A verdict is what ah.verdict returns."
        if (verdicts[name].word, verdicts[name].mean) != (found.word, found.mean):
            return (f"The verdict on {name} is not that of the table: is it 20 epochs against 5, on held-out accuracy, "
                    "with a margin of 0.02?")
    return None


def batches_compared(answer: tuple[object, dict[int, int]]) -> str | None:
    runs, needed = answer
    sizes = (16, 64, 256)
    if hint := fault_of_runs(runs, "test accuracy", [str(size) for size in sizes]):
        return hint
    if not runs.groupby("arm")["test accuracy"].mean().between(0.15, 1).all():
        return "A batch size has hardly learned anything: is each one's rate tuned, and the grid wide enough?"
    # LeNet with ReLU: image, ReLUs, both poolings, fully connected outputs and log-probabilities; average pooling
    # keeps its input, which is a ReLU's output.
    values = 28 * 28 + 6 * 28 * 28 + 6 * 14 * 14 + 16 * 10 * 10 + 16 * 5 * 5 + 120 + 84 + 10
    for copies, hint in ((2, None), (3, "Plain SGD remembers nothing of a weight: weights and gradients only."),
                         (1, "Each weight has a gradient."), (0, "Weights and gradients take memory too.")):
        if all(abs(needed[size] / (4 * (copies * 61_706 + size * values)) - 1) < 0.01 for size in sizes):
            return hint
    if all(abs(needed[size] * 2**20 / (4 * (2 * 61_706 + size * values)) - 1) < 0.02 for size in sizes):
        return "Those are MiB; give bytes."
    if needed[64] == needed[16]:
        return "The activations grow with the batch."
    return "Take the row total of ah.memory_table(ah.lenet(nn.ReLU), (1, 28, 28), size), in the column of the batch."


CHECKS = {
    "7.1": seconds_of_an_epoch,
    "7.2": largest_batch,
    "7.3": images_for_a_fast_gpu,
    "7.4": longer_training,
    "7.5": batches_compared,
}
