"""Self-checks of the exercises: `check_exercise("2.1", answer)`.

A check gets the answer and returns None if it is right, else a hint that helps without giving it away. The checks
are tested themselves: each must accept the solution and refuse typical wrong answers (tests/test_exercises.py).
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import NormalDist

import torch
from torch import nn

CHECKS: dict[str, Callable[[object], str | None]] = {}


def exercise(number: str) -> Callable:
    """Register the check of exercise `number`, chapter.position."""
    def register(check: Callable[[object], str | None]) -> Callable:
        CHECKS[number] = check
        return check
    return register


def check_exercise(number: str, answer: object) -> None:
    """Print whether `answer` is right, with a hint if it is not; None, alone or in a list, is not answered yet.

    An answer of a form that the check cannot use, such as a word for a number, is a wrong answer. Raises KeyError if
    there is no such exercise.
    """
    if number not in CHECKS:
        raise KeyError(f"There is no exercise {number}; there are {', '.join(sorted(CHECKS))}.")
    if answer is None or (isinstance(answer, dict | list | tuple) and any(part is None for part in
                          (answer.values() if isinstance(answer, dict) else answer))):
        print(f"Exercise {number}: not answered yet.")
        return
    if getattr(answer, "ndim", None) == 0:                     # a tensor or numpy scalar: checks expect plain numbers
        answer = answer.item()
    try:
        hint = CHECKS[number](answer)
    except (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RuntimeError) as error:
        hint = (f"The answer, of type {type(answer).__name__}, has not the form that the question asks for: see the "
                f"line that you filled in. ({error})")
    print(f"Exercise {number}: " + ("right." if hint is None else f"not yet. {hint}"))


# ---------------------------------------------------------------------------------------------------------------
# Chapter 01

# Of the run of 2012: two operations a MAC, forward and backward, every image, every epoch.
OPERATIONS_2012 = 2 * 724_406_816 * 3 * 1_200_000 * 90


@exercise("1.1")
def errors_avoided(answer: float) -> str | None:
    second, supplied, extra, one = 26.172, 16.422, 15.315, 18.2
    for value, hint in (((second - supplied) / second * 100, None),
                        ((second - supplied) / second, "That is the share; the question asks for percent."),
                        (second - supplied, "Those are percentage points. How much of the other's errors is that?"),
                        ((second - extra) / second * 100, "The entry with 15.3 % was trained on extra images too."),
                        ((second - one) / second * 100, "18.2 % is one network, on validation images; no entry."),
                        ((second - supplied) / supplied * 100, "Percent of whose errors? Divide by the other's.")):
        if abs(answer - value) < 0.006 * abs(value):
            return hint
    return "Both errors stand in the chart of the contest; the difference is to be seen against the larger one."


@exercise("1.2")
def utilisation_2012(answer: float) -> str | None:
    share = OPERATIONS_2012 / (2 * 1.581e12 * 5.5 * 86_400) * 100
    for factor, hint in ((1, None), (1 / 100, "That is the share; the question asks for percent."),
                         (2, "There were two cards."), (1 / 2, "A MAC is two operations, and each card has its peak."),
                         (1 / 3, "Training is about three times a pass forward."),
                         (1 / 6, "A MAC is two operations, and training about three times a pass forward."),
                         (1 / 90, "Roughly ninety times over all images.")):
        if abs(answer / (share * factor) - 1) < 0.02:
            return hint
    return "Operations, divided by what two cards at 1.581 TFLOP/s each could do in five and a half days."


@exercise("1.3")
def drawing_level(answer: float) -> str | None:
    if abs(answer / 64_000 - 1) < 0.02:
        return None
    if abs(answer / 28_000 - 1) < 0.02:
        return "That goes on by equal steps. The images were multiplied by four each time, for two points each time."
    if abs(answer / 256_000 - 1) < 0.02:
        return "One step too far: at how many points does the lead stand after 16,000?"
    if abs(answer / 16_000 - 1) < 0.02:
        return "There it still leads by 2 points."
    return "What does each step of the race do to the number of images, and what to the lead?"


@exercise("1.4")
def days_on_this_machine(answer: dict[str, float]) -> str | None:
    days = OPERATIONS_2012 / (0.3 * answer["tflops"] * 1e12) / 86_400
    for factor, hint in ((1, None), (0.3, "At full speed; the question allows it 30 % of that."),
                         (0.09, "At 30 % of its speed it takes longer, not shorter."),
                         (24, "Those are hours."), (86_400, "Those are seconds."),
                         (1 / 3, "Training is about three times a pass forward."),
                         (1 / 2, "A MAC is two operations."), (1 / 90, "Roughly ninety times over all images.")):
        if abs(answer["days"] / (days * factor) - 1) < 0.02:
            return hint
    return "Operations, divided by 0.3 times the operations a second, divided by the seconds of a day."


# ---------------------------------------------------------------------------------------------------------------
# Chapter 02


@exercise("2.1")
def lenet_for_colour(answer: int) -> str | None:
    conv1, fc3, fc5 = 6 * (3 * 5 * 5 + 1), 120 * (16 * 6 * 6 + 1), 100 * (84 + 1)
    if answer == conv1 + 2_416 + fc3 + 10_164 + fc5:
        return None
    if answer in (conv1 + 2_416 + 48_120 + 10_164 + fc5, 156 + 2_416 + 48_120 + 10_164 + fc5):
        return "What reaches fc3? Follow the sides: 32 -> 16 -> ? -> ?"
    if answer == 156 + 2_416 + fc3 + 10_164 + fc5:
        return "Each kernel of conv1 now reads three channels."
    if answer == conv1 + 2_416 + fc3 + 10_164 + fc5 - (6 + 16 + 120 + 84 + 100):
        return "Every map and every unit has a bias too."
    return "Take layer by layer: outputs x (inputs of one output + 1 for the bias)."


@exercise("2.2")
def lenet_with_relu_and_max(answer: nn.Module) -> str | None:
    kinds = [type(module) for module in answer.modules()]
    parameters = sum(p.numel() for p in answer.parameters())
    if parameters != 61_706:
        return f"It has {parameters:,} parameters; neither activation nor pooling has any, so the count cannot change."
    if kinds.count(nn.MaxPool2d) != 2 or nn.AvgPool2d in kinds:
        return "Both pooling layers take maxima."
    if kinds.count(nn.ReLU) != 4 or nn.Sigmoid in kinds:
        return "The book's LeNet has four activations; all become ReLU, and none follows the last layer."
    X = torch.zeros(2, 1, 28, 28)
    if tuple(answer(X).shape) != (2, 10) or kinds[-1] is nn.ReLU:
        return "From (2, 1, 28, 28) it should give logits of shape (2, 10), with no activation after them."
    return None


@exercise("2.3")
def sustained_rate(answer: float) -> str | None:
    pictures, macs = 600_000, 938_146_176
    rate = pictures * macs * 2 * 3 / (13 * 60) / 1e12
    for factor, hint in ((1, None), (1 / 2, "A MAC is two operations: a product and a sum."),
                         (1 / 3, "The backward pass costs about twice the forward pass; count both."),
                         (1 / 6, "A MAC is two operations, and the backward pass counts too."),
                         (1 / 10, "Ten epochs, not one."), (1e12, "In TFLOP/s, that is 10^12 operations a second."),
                         (60, "13 minutes are 780 seconds.")):
        if abs(answer / (rate * factor) - 1) < 0.02:
            return hint
    return "Pictures a second, times MACs a picture, times 2, times 3."


@exercise("2.4")
def runs_in_the_tail(answer: float) -> str | None:
    share = NormalDist(0.8795, 0.0047).cdf(0.860)
    if abs(answer / (82 * share) - 1) < 0.05:
        return None
    if abs(answer / share - 1) < 0.05:
        return "That is the share of runs; how many of 82 is it?"
    if answer > 1:
        return "Which side of 0.860? The question asks for the lower tail."
    return "Use the cumulative distribution function at 0.860, then multiply by the number of runs."


# ---------------------------------------------------------------------------------------------------------------
# Chapter 03


@exercise("3.1")
def sizes_of_the_2012_code(answer: tuple[int, int]) -> str | None:
    def last_map(n: int, up: bool) -> int:
        for kernel, stride in ((11, 4), (3, 2), (3, 2), (3, 2)):
            n = 1 + (-(-(n - kernel) // stride) if up else (n - kernel) // stride)
        return n

    smallest, largest = answer
    up, down = ([n for n in range(100, 400) if last_map(n, up) == 6] for up in (True, False))
    if (smallest, largest) == (up[0], up[-1]):
        return None
    if (smallest, largest) == (up[-1], up[0]):
        return "The smallest comes first."
    if (smallest, largest) == (down[0], down[-1]):
        return "These are the sizes when everything is rounded down."
    if (smallest, largest) == (224, 227):
        return "These are the sizes that give 55 rows after conv1. Do other numbers of rows also end at 6?"
    if (smallest, largest) == (193, 224):
        return "These are the sizes of the book's network, which rounds down to 5 × 5."
    if smallest == up[0] or largest == up[-1]:
        return f"The {'smallest' if smallest == up[0] else 'largest'} is right, the other is not."
    return "Go backwards: which sizes before pool5 leave 6 rows, which before pool2 leave those, and so on?"


@exercise("3.2")
def missing_parameters(answer: tuple[str, int]) -> str | None:
    layer, inputs = answer
    missing = 256 * 6 * 6 - 256 * 5 * 5
    if layer != "fc6":
        return f"{layer} has as many parameters in both. Compare the two layer tables row by row."
    if inputs == missing * 4096:
        return "That is the number of weights. How many inputs is it, with 4096 weights each?"
    if inputs in (6 * 6 - 5 * 5, 6400, 9216):
        return "Right layer. It reads 256 maps; compare all that it reads in both networks, and take the difference."
    return None if inputs == missing else "Right layer. How many numbers does it read in each network?"


@exercise("3.3")
def what_dominates(answer: dict[str, str]) -> str | None:
    # Layer -> inputs, weights and biases, outputs, and how often each weight is used for one image.
    layers = {"conv1": (224 ** 2, 11_712, 96 * 54 ** 2, 54 ** 2),
              "conv2": (96 * 26 ** 2, 614_656, 256 * 26 ** 2, 26 ** 2),
              "conv3": (256 * 144, 885_120, 384 * 144, 144), "conv4": (384 * 144, 1_327_488, 384 * 144, 144),
              "conv5": (384 * 144, 884_992, 256 * 144, 144), "fc6": (6400, 26_218_496, 4096, 1),
              "fc7": (4096, 16_781_312, 4096, 1), "fc8": (4096, 40_970, 10, 1)}
    if answer["memory"] in ("weights", "gradients"):
        return "Memory: weights and gradients take 178 MiB each, whatever the batch. What grows with the batch?"
    if answer["memory"] != "activations":
        return "Memory: answer weights, gradients or activations."
    for part, dominant, hint in (
            ("compute", max(layers, key=lambda name: layers[name][1] * layers[name][3]),
             "Compute: a convolution uses each weight at every place of its output. Which product is the largest?"),
            ("bandwidth", max(layers, key=lambda name: sum(layers[name][:3])),
             "Bandwidth: add input, weights and output of each layer for one image.")):
        if answer[part] != dominant:
            return hint if answer[part] in layers else f"{part.capitalize()}: answer with a layer's name, conv1 to fc8."
    return None


@exercise("3.4")
def batch_at_the_ridge(answer: int) -> str | None:
    weights, values = 6400 * 4096, 6400 + 4096
    images = next(n for n in range(1, 1000) if 2 * n * weights / (4 * (weights + 4096 + n * values)) >= 20)
    if answer == images:
        return None
    if answer == images - 1:
        return "Almost: inputs and outputs are moved too, and they grow with the batch."
    if answer in (images // 2, images // 2 + 1):
        return "A MAC is two operations, a product and a sum."
    if answer in (10, 11):
        return "A number has four bytes."
    if answer < 1 or answer > 20 * images:
        return "A number of images is asked for, one or more; for one image the intensity is about half a FLOP a byte."
    return "2 × images × weights operations, over 4 × (weights + biases + images × (6400 + 4096)) bytes, must reach 20."


@exercise("3.5")
def full_exchange(answer: int) -> str | None:
    half = {"conv2": 48 * 27 ** 2, "conv3": 128 * 13 ** 2, "conv4": 192 * 13 ** 2, "conv5": 192 * 13 ** 2,
            "fc6": 128 * 6 ** 2, "fc7": 2048}
    values = 2 * sum(half.values()) + 2048                     # fc8 reads what one tower sends to the other
    for number, hint in ((4 * values, None), (values, "Those are values; a float32 has four bytes."),
                         (4 * (values + 2048), "Before fc8 only one tower sends: the other one computes the output."),
                         (4 * (sum(half.values()) + 2048), "Each tower sends its half to the other: both ways."),
                         (4 * 58_624, "That is the paper's exchange, at conv3 and from fc6 on. Add the others."),
                         (4 * (values - 2048), "And fc8? It goes on reading both halves of fc7.")):
        if answer == number:
            return hint
    if answer == 4 * (values + 2 * 48 * 55 ** 2 - 2 * 48 * 27 ** 2):
        return "conv2 reads what pool1 has left, 27 × 27 maps."
    return "For each layer from conv2 to fc7: both halves of what it reads; then fc8's half; four bytes a value."
