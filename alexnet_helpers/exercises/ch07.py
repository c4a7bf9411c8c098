"""Checks of the exercises of chapter 07."""

from __future__ import annotations

from .common import table_of_runs

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


def largest_batch(answer: int) -> str | None:
    weights, each, room = 4 * 46_764_746, 3_998_720, (4096 - 600) * 2**20
    for copies, memory, hint in (
            (3, room, None), (2, room, "With momentum the optimizer remembers a number for each weight."),
            (1, room, "Weights, their gradients, and momentum: that makes three."),
            (0, room, "The weights, their gradients and momentum have to fit too."),
            (4, room, "One copy too many: weights, gradients, momentum."),
            (3, 4096 * 2**20, "600 MiB are not free."),
            (3, (4000 - 600) * 10**6, "A GiB is 1024 MiB, a MiB 2^20 bytes."),
            (3, 4 * 10**9 - 600 * 2**20, "A GiB is 1024 MiB, a MiB 2^20 bytes.")):
        if answer == (memory - copies * weights) // each:
            return hint
    if answer == (room - 3 * weights) // each + 1:
        return "One more than fits: round down."
    return "What is left when 600 MiB and all that does not depend on the batch are taken off, in images of 3.81 MiB."


def fifth_step(answer: float) -> str | None:
    for value, hint in ((sum(0.9**k for k in range(5)), None),
                        (10, "That is where it ends after many steps. How far has it come after five?"),
                        (1, "Without momentum every step is that long."),
                        (5, "The velocity loses a tenth at each step."),
                        (0.9**5, "That is what is left of the first gradient. What have the others added?"),
                        (0.9**4, "That is what is left of the first gradient. What have the others added?"),
                        (sum(0.9**k for k in range(4)), "That is the fourth step."),
                        (sum(0.9**k for k in range(6)), "That is the sixth step."),
                        (sum(0.1**k for k in range(5)), "Which share of the velocity stays, 0.9 or 0.1?"),
                        (sum(sum(0.9**k for k in range(n)) for n in range(1, 6)),
                         "That is the way of all five steps together.")):
        if abs(answer - value) < 0.006 * value:
            return hint
    return "The first is 1 long, the second 1 + 0.9. Write down the third, and go on."


def longer_training(answer: tuple[object, dict[str, str]]) -> str | None:
    from ..comparing import difference

    runs, verdicts = answer
    networks = ("relu", "sigmoid")
    if hint := table_of_runs(runs, "held-out accuracy", [f"{name}, {n}" for name in networks for n in (5, 20)]):
        return hint
    if not runs.loc[runs["arm"].str.startswith("relu"), "held-out accuracy"].dropna().between(0.4, 1).all():
        return "The networks with ReLU have hardly learned anything: try other rates, or more images."
    for name in networks:
        change, half = difference(runs, "held-out accuracy", f"{name}, 20", against=f"{name}, 5")
        found = "undecided" if abs(change) <= half else "better" if change > 0 else "worse"
        if verdicts[name] not in ("better", "worse", "undecided"):
            return 'A verdict is "better", "worse" or "undecided".'
        if verdicts[name] != found:
            return (f"The verdict on {name} does not follow from the table: does the interval of ah.difference, 20 "
                    "epochs against 5, leave out zero, and on which side?")
    return None


def batches_compared(answer: tuple[object, dict[int, int]]) -> str | None:
    runs, needed = answer
    sizes = (16, 64, 256)
    if hint := table_of_runs(runs, "test accuracy", [str(size) for size in sizes]):
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
    "7.1": images_for_a_fast_gpu,
    "7.2": largest_batch,
    "7.3": fifth_step,
    "7.4": longer_training,
    "7.5": batches_compared,
}
