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
    except (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RuntimeError, MemoryError) as error:
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
    X = torch.zeros(2, 1, 28, 28, device=next(answer.parameters()).device)
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


# ---------------------------------------------------------------------------------------------------------------
# Chapter 05


@exercise("5.1")
def moments_of_dropout(answer: tuple[float, float]) -> str | None:
    x, p = 10.0, 0.2
    mean, variance = answer
    if abs(mean - x * (1 - p)) < 1e-6:
        return "That is the mean without the division by 1 - p, which PyTorch does in training."
    if abs(mean - x) > 1e-6:
        return "The mean: with probability 0.8 a 12.5 comes out, else a 0."
    right = x ** 2 * p / (1 - p)
    for value, hint in ((right, None), (right ** 0.5, "That is the standard deviation."),
                        (x ** 2 * p * (1 - p), "Mean right; that is the variance without the division by 1 - p."),
                        (x ** 2 * (1 - p) / p, "Mean right; in the variance p and 1 - p have changed places."),
                        (x ** 2 / (1 - p), "Mean right; that is the mean of the squares. What has to be taken off?"),
                        (p / (1 - p), "Mean right; the variance grows with the square of the value.")):
        if abs(variance - value) < 1e-6 * max(1, value):
            return hint
    return "Mean right; the variance is the mean of the squares minus the square of the mean."


@exercise("5.2")
def factor_of_2012(answer: float) -> str | None:
    for value, hint in ((0.7, None), (1 / 0.7, "That makes them larger. What reaches fc7 at test, here and there?"),
                        (0.3, "0.3 is the share that is dropped; the factor of 2012 is the share that is kept."),
                        (1 / 0.3, "0.3 is the share that is dropped, and the weights do not grow."),
                        (1, "At test PyTorch gives fc7 the outputs of fc6 unscaled, the code of 2012 did not."),
                        (0.5, "One half is right for a probability of 0.5.")):
        if abs(answer - value) < 0.005:
            return hint
    return "Write down what fc7 adds up at test, in either convention, and make the two equal."


@exercise("5.3")
def whole_maps_dropped(answer: Callable[[torch.Tensor, float], torch.Tensor]) -> str | None:
    p, before = 0.3, torch.random.get_rng_state()
    X = torch.rand(400, 25, 3, 4) + 0.5                        # 10,000 maps without a zero
    given = X.clone()
    try:
        torch.manual_seed(0)
        out, full = answer(X, p), answer(torch.ones(200, 25, 2, 2), 0.5)
    finally:
        torch.random.set_rng_state(before)
    if not isinstance(out, torch.Tensor) or out.shape != given.shape:
        return "It should return a tensor of the shape that it got."
    if not torch.equal(X, given):
        return "It changes the X that it is given; return a new tensor."
    off = out == 0
    whole = off.flatten(2).all(dim=2)                          # (400, 25): maps that are gone
    if not torch.equal(off.flatten(2).any(dim=2), whole):
        return "Some maps are zero in places only. One decision a map: which shape must the mask have?"
    if (whole == whole[0]).all():
        return "Every image loses the same maps. Each should be decided for itself."
    if (whole == whole[:, :1]).all():
        return "An image keeps all of its maps or none. Decide for each map."
    if abs(whole.double().mean().item() - p) > 5 * (p * (1 - p) / whole.numel()) ** 0.5:
        return "The share of dropped maps is not p. Is yours the probability to keep?"
    if not torch.allclose(out[~off], (given / (1 - p))[~off]):
        return "What is kept has not the value that PyTorch's convention gives it, so that the mean stays."
    return None if abs(full.mean().item() - 1) < 0.08 else "With p = 0.5 the mean does not stay."


@exercise("5.4")
def lenet_with_dropout(answer: tuple[object, str]) -> str | None:
    from .comparing import difference

    runs, verdict = answer
    if verdict not in ("helps", "hurts", "undecided"):
        return 'The verdict is "helps", "hurts" or "undecided".'
    if hint := table_of_runs(runs, "test accuracy", ["no dropout", "dropout"]):
        return hint
    if not runs["test accuracy"].dropna().between(0.3, 1).all():
        return "Some networks have hardly learned anything: try other learning rates, or more steps."
    change, half = difference(runs, "test accuracy", "dropout", against="no dropout")
    found = "undecided" if abs(change) <= half else "helps" if change > 0 else "hurts"
    if found == verdict:
        return None
    return "The verdict does not follow from the table: does the interval of ah.difference leave out zero, and where?"


# ---------------------------------------------------------------------------------------------------------------
# Chapter 06


@exercise("6.1")
def padded_views(answer: int) -> str | None:
    places = 32 + 2 * 4 - 32 + 1
    for value, hint in ((2 * places ** 2, None), (places ** 2, "And the mirror images?"),
                        (2 * (places - 1) ** 2, "Eight steps lie between first and last place. How many places?"),
                        (2 * 5 ** 2, "Four pixels on every side: the padded image has 40."),
                        (2 * places, "The window moves along both axes.")):
        if answer == value:
            return hint
    return "Count the places of the window along one axis of the padded image, then both axes, then the mirror."


@exercise("6.2")
def second_axis(answer: float) -> str | None:
    spread = 37.1
    for value, hint in ((0.1 * (spread / 255) ** 2 * 255, None),
                        (0.1 * spread, "That is the code's, with roots. The printed formula has the variance."),
                        (0.1 * spread ** 2, "That would be on pixels of 0 to 255. On which scale is the variance?"),
                        (0.1 * (spread / 255) ** 2, "Right on the scale of 0 to 1. How many grey levels is that?"),
                        (0.1 * (121.8 / 255) ** 2 * 255, "That is the first axis."),
                        ((spread / 255) ** 2 * 255, "The random numbers have a standard deviation of 0.1.")):
        if abs(answer - value) <= 0.02 * value:
            return hint
    return "Bring the standard deviation to the scale of 0 to 1, square it, times 0.1, and back to grey levels."


@exercise("6.3")
def crop_of_2012(answer: Callable[[torch.Tensor, int, torch.Generator], torch.Tensor]) -> str | None:
    # Every pixel tells its image, row and column, so a crop shows where it comes from.
    n, side, size = 32 * 60 + 5, 7, 5
    rows, columns = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    X = (1000.0 * torch.arange(n)[:, None, None, None] + 10 * rows + columns).expand(n, 2, side, side).clone()
    out = answer(X, size, torch.Generator().manual_seed(0))
    if tuple(out.shape) != (n, 2, size, size):
        return f"For {n} images the result should have the shape {(n, 2, size, size)}, not {tuple(out.shape)}."
    start, end = out[:, 0, 0, 0], out[:, 0, 0, -1]
    if not torch.equal(torch.div(start, 1000, rounding_mode="floor"), torch.arange(n).float()):
        return "The images have changed places: the i-th crop must come from the i-th image."
    flipped, corner = start > end, torch.minimum(start, end) % 1000
    top, left = corner.long() // 10, corner.long() % 10
    expected = torch.stack([x[:, t:t + size, c:c + size].flip(-1) if f else x[:, t:t + size, c:c + size]
                            for x, t, c, f in zip(X, top.tolist(), left.tolist(), flipped.tolist(), strict=True)])
    if not torch.equal(out, expected):
        return "What comes out is no window of the image, nor a window's mirror image from left to right."
    chunks = [torch.stack([top[i:i + 32], left[i:i + 32], flipped[i:i + 32].long()]) for i in range(0, n, 32)]
    if any((chunk != chunk[:, :1]).any() for chunk in chunks):
        return "Within 32 images in a row the crop and the flip must be the same; the next 32 draw anew."
    draws = {tuple(chunk[:, 0].tolist()) for chunk in chunks}
    if len(draws) == 1:
        return "All images share one draw. Only 32 in a row should; then draw again."
    if not 10 <= sum(int(chunk[2, 0]) for chunk in chunks) <= 51:
        return "About half of the chunks should be mirrored, each by its own toss of a coin."
    places = set(range(side - size + 1))
    if {t for t, _, _ in draws} != places or {c for _, c, _ in draws} != places:
        return "Some places never occur. torch.randint(n) stops at n - 1: how many places are there?"
    again = answer(X, size, torch.Generator().manual_seed(0))
    return None if torch.equal(again, out) else "The same generator should give the same crops: draw from it alone."


@exercise("6.4")
def lenet_inputs(answer: dict[str, float]) -> str | None:
    names = ("raw", "standardised", "flips", "shifts")
    if set(answer) != set(names):
        return f"The answer should have the four keys {', '.join(names)}."
    if any(value > 1 for value in answer.values()):
        return "Accuracies as fractions, 0.75 and not 75, please."
    if min(answer.values()) < 0.3:
        return "One of them is hardly better than guessing. Is it ReLU, the rate 0.01 and the momentum 0.9?"
    if max(answer.values()) > 0.88:
        return "That is too good for 1,000 images. Measured on the test images, trained on the first 1,000?"
    if answer["standardised"] < answer["raw"] - 0.03:          # raw ones differ by as much from seed to seed
        return "Standardised pixels should do no worse than raw ones. Are the test images standardised too?"
    if max(answer["flips"], answer["shifts"]) > answer["standardised"] + 0.03:
        return "So large a gain from augmentation is odd here. Did both start from standardised pixels, with 300 steps?"
    return None


# ---------------------------------------------------------------------------------------------------------------
# Chapter 04


@exercise("4.1")
def sigmoids_to_a_millionth(answer: int) -> str | None:
    layers = next(n for n in range(1, 100) if 0.25 ** n < 1e-6)
    if answer == layers:
        return None
    if answer == next(n for n in range(1, 100) if 0.5 ** n < 1e-6):
        return "A half is the sigmoid's value at 0. What is its slope there?"
    if answer == layers - 1:
        return "Almost: put your number in, and compare with 0.000001."
    return "At best every sigmoid passes on its largest slope. Which power of it is below one millionth?"


@exercise("4.2")
def weights_for_sigmoids(answer: float) -> str | None:
    n, slope = 200, 0.25
    for value, hint in ((1 / (slope * n ** 0.5), None),
                        (1 / n ** 0.5, "That keeps n times the variance at 1, as Xavier does. And the slope?"),
                        ((2 / n) ** 0.5, "That is Kaiming's, for slopes of which half are 1 and half 0."),
                        (1 / (slope ** 2 * n), "That is the variance; the question asks for the standard deviation."),
                        (slope / n ** 0.5, "Small slopes have to be made up for: larger weights, not smaller ones."),
                        (2 / n ** 0.5, "The slope counts squared, as n · Var · slope² has to be 1.")):
        if abs(answer - value) < 0.015 * value:                # 0.28 is right too
            return hint
    return "Set n · Var(W) · slope² to 1, with the slope of a sigmoid at 0, and take the root of the variance."


@exercise("4.3")
def closest_to_kaiming(answer: tuple[str, float]) -> str | None:
    inputs = {"conv1": 3 * 11 ** 2, "conv2": 48 * 5 ** 2, "conv3": 256 * 3 ** 2, "conv4": 192 * 3 ** 2,
              "conv5": 192 * 3 ** 2, "fc6": 9216, "fc7": 4096, "fc8": 4096}
    layer, ratio = answer
    if layer not in inputs:
        return "Answer with a layer's name, conv1 to fc8, and a number."
    shares = {name: 0.01 / (2 / n) ** 0.5 for name, n in inputs.items()}
    best = min(shares, key=lambda name: abs(shares[name] - 1))
    if layer != best:
        return f"In {layer} it is {shares[layer]:.2f}; another layer comes closer. Kaiming's shrinks with the inputs."
    for value, hint in ((shares[best], None), (1 / shares[best], "The other way round: 0.01 over Kaiming's."),
                        (shares[best] * 2 ** 0.5, "That is for a variance of 1 / inputs; Kaiming's is 2 / inputs."),
                        ((2 / inputs[best]) ** 0.5, "That is Kaiming's standard deviation. How much of it is 0.01?")):
        if abs(ratio - value) < 0.01 * value:
            return hint
    return "Right layer. Divide 0.01 by the root of 2 / inputs."


@exercise("4.4")
def swish_slope(answer: Callable[[torch.Tensor], torch.Tensor]) -> str | None:
    if not callable(answer):
        return "Give the function itself, without calling it."
    x = torch.linspace(-5, 5, 101, dtype=torch.double)
    found, s = answer(x), torch.sigmoid(x)
    # The expectation by differences, not by the formula that the solution uses.
    step = 1e-5
    expected = ((x + step) * torch.sigmoid(x + step) - (x - step) * torch.sigmoid(x - step)) / (2 * step)
    if found.shape != x.shape:
        return f"For {len(x)} inputs it returns a tensor of shape {tuple(found.shape)}; one slope for each is asked."
    for values, hint in ((expected, None), (s * (1 - s), "That is the sigmoid's own. The x in front has a slope too."),
                         (x * s, "That is the function. What is its derivative?"),
                         (s, "The product rule has two terms."),
                         (x * s * (1 - s), "That is one of the two terms of the product rule.")):
        if torch.allclose(found.double(), values, atol=1e-5):
            return hint
    return "Product rule: the derivative of x times σ, plus x times the derivative of σ."


@exercise("4.5")
def sigmoids_with_gradient(answer: nn.Module) -> str | None:
    import copy

    if not isinstance(answer, nn.Module):
        return "Give the network itself."
    kinds = [type(module) for module in answer.modules()]
    if nn.Sigmoid not in kinds or nn.ReLU in kinds or nn.Tanh in kinds:
        return "Its activations are to stay sigmoids, nn.Sigmoid; only the weights may change."
    if sum(isinstance(module, nn.Conv2d | nn.Linear) for module in answer.modules()) != 8:
        return "The small AlexNet has eight layers with weights."
    from .data import load_fashion_mnist
    from .inspection import layer_flow

    train, _ = load_fashion_mnist(batch_size=256, device="cpu", train_size=256, test_size=1)
    X = train.images.float() / 255 - 0.286
    flow = layer_flow(copy.deepcopy(answer).cpu(), X, train.labels.long())["gradient"]
    share = flow["conv1"] / flow["fc8"]
    if share >= 0.01:
        return None
    return (f"conv1 gets {share:.1g} of fc8's gradient, and 0.01 is asked. Draw each layer's weights with a multiple "
            "of 1 / √inputs; the 4 of exercise 4.2 supposes inputs near 0, and larger weights leave them less near."
            if share > 0 else "No gradient reaches conv1 at all: are the weights 0?")


# ---------------------------------------------------------------------------------------------------------------
# Chapter 07

TRAINING_FLOPS = 2 * (3 * 938_146_176 - 33_872_256)            # the book's AlexNet, one image; conv1 sends none back


@exercise("7.1")
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


@exercise("7.2")
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


@exercise("7.3")
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


def table_of_runs(runs: object, measure: str, arms: list[str]) -> str | None:
    """Whether `runs` is a table of `compare` with these arms, the measure, and three seeds or more in each."""
    if missing := {"arm", "seed", measure} - set(runs.columns):
        return f"The table lacks {', '.join(sorted(missing))}; give what ah.compare returns."
    if missing := set(arms) - set(runs["arm"]):
        return f"No arm of the table is called {' or '.join(sorted(missing))}."
    shared = set.intersection(*(set(runs.loc[runs["arm"] == arm, "seed"]) for arm in arms))
    if len(shared) < 3:
        return "It takes three seeds or more, the same ones in every arm."
    return None


@exercise("7.4")
def longer_training(answer: tuple[object, dict[str, str]]) -> str | None:
    from .comparing import difference

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


@exercise("7.5")
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


# ---------------------------------------------------------------------------------------------------------------
# Chapter 08


@exercise("8.1")
def seen_by_a_unit(answer: tuple[float, float, float]) -> str | None:
    # Window and stride of conv1, pool1, conv2, pool2, conv3, conv4, conv5 of the book's network.
    layers, sees, seen, step = ((11, 4), (3, 2), (5, 1), (3, 2), (3, 1), (3, 1), (3, 1)), 1, [], 1
    for window, stride in layers:
        sees += (window - 1) * step                            # every further input of the window is a step away
        step *= stride
        seen.append(sees)
    right = seen[0], seen[2], seen[6]
    if all(abs(ours - theirs) < 0.5 for ours, theirs in zip(right, answer, strict=True)):
        return None
    if all(abs(ours / 8 - theirs) < 0.5 for ours, theirs in zip(right, answer, strict=True)):
        return "Those are pixels of the 28-pixel original. How many of the enlarged image?"
    conv1, conv2, conv5 = answer
    if conv1 != right[0]:
        return "conv1 looks at the image itself: its window is all that one of its units sees."
    if conv2 != right[1]:
        return {5: "5 is counted in units of pool1. How far apart do two neighbours in pool1 look, in pixels?",
                seen[1]: "That is what a unit of pool1 sees. conv2 looks at five of them in a row.",
                11 + 4 * 4: "conv1 has stride 4, and pool1 has a stride of its own on top.",
                11 + 4 * 8: "The step is right. But one unit of pool1 sees more than one of conv1: it takes a "
                            "maximum over three.",
                5 * seen[1]: "Neighbours in pool1 see overlapping parts; what they share counts once."}.get(
            conv2, "One unit of pool1 sees 11 + 2 · 4 pixels, and its neighbour looks 8 pixels further on.")
    return {seen[6] + 2 * step: "Right but for conv5: that is what a unit of pool5 sees.",
            seen[5]: "Right but for conv5: that is what a unit of conv4 sees.",
            seen[2] + 3 * 2 * 8: "Right but for conv5: pool2 lies between, with a window and a stride of its own."}.get(
        conv5, "conv1 and conv2 are right. Go on in the same way: pool2, then three times a window of 3, in steps of "
               "16 pixels.")


@exercise("8.2")
def from_bar_to_bar(answer: tuple[float, float, float]) -> str | None:
    import math

    frequency, turn = 0.2, math.radians(30)
    period = 1 / frequency
    right = period, period / math.sin(turn), period / math.cos(turn)
    across, row, column = answer

    def equal(found: float, value: float) -> bool:
        return abs(found - value) < 0.01 * abs(value)

    if not equal(across, right[0]):
        if equal(across, frequency):
            return "That is the frequency. How long is one cycle?"
        return "Across the bars: 0.2 cycles go into one pixel. How many pixels go into one cycle?"
    for values, hint in ((right[1:], None),
                         (right[:0:-1], "Row and column have changed places: bars at 0° would lie along the rows."),
                         ((period * math.sin(turn), period * math.cos(turn)),
                          "Along a row you cross the bars at a slant: the way from bar to bar gets longer, not "
                          "shorter."),
                         ((period * math.cos(turn), period * math.sin(turn)),
                          "Along a row you cross the bars at a slant: the way from bar to bar gets longer, not "
                          "shorter."),
                         ((period / math.sin(30), period / math.cos(30)),
                          "Python's sine and cosine want radians, not degrees."),
                         ((period, period), "Only straight across the bars is it 5 pixels.")):
        if equal(row, values[0]) and equal(column, values[1]):
            return hint
    if equal(row, right[1]) or equal(column, right[2]):
        return f"The {'row' if equal(row, right[1]) else 'column'} is right, the other is not."
    return "Draw the bars at 30° and one row of pixels. Which angle is between the row and the bars?"


def numbers_of(function: Callable, *arguments: object) -> object:
    """What `function` returns for arguments with arrays, as an array; it may be written for numpy or for torch."""
    import numpy as np

    try:
        found = function(*arguments)
    except (TypeError, AttributeError):
        found = function(*(torch.from_numpy(part) if isinstance(part, np.ndarray) else part for part in arguments))
    return np.asarray(found.detach() if isinstance(found, torch.Tensor) else found, dtype=float)


@exercise("8.3")
def own_colourfulness(answer: Callable) -> str | None:
    import numpy as np

    if not callable(answer):
        return "Give the function itself, without calling it."
    rng = np.random.default_rng(0)
    w = rng.normal(size=(8, 3, 11, 11)) + rng.normal(size=(8, 3, 1, 1)) + rng.normal(size=(8, 1, 11, 11))
    given = w.copy()
    found = numbers_of(answer, w)
    if not np.array_equal(w, given):
        return "It changes the filters that it is given."
    if found.shape != (len(w),):
        return f"For {len(w)} filters it returns something of shape {found.shape}; one number a filter is asked for."
    if not np.allclose(numbers_of(answer, 2 * w), found, rtol=1e-4):
        return "A filter twice as strong is no more colourful. Divide by its energy."
    axis = np.ones(3) / 3 ** 0.5                               # of length 1
    along = np.einsum("nchw,c->nhw", w, axis)                  # each pixel's part on the grey axis
    off = w - along[:, None] * axis[:, None, None]
    pixels, energy = (off ** 2).sum(axis=1), (w ** 2).sum(axis=(1, 2, 3))
    right = pixels.sum(axis=(1, 2)) / energy
    mean = w.mean(axis=(2, 3))                                 # (8, 3), each filter's mean colour
    for values, hint in ((right, None),
                         (1 - right, "That is the share on the grey axis. The rest is asked for."),
                         (1 - (1 - right) / 3, "Almost. A grey pixel (g, g, g) has the energy 3 g²; try your function "
                                               "on a filter with three equal colours."),
                         (right ** 0.5, "Energies are squares: no root is asked for."),
                         ((pixels / (w ** 2).sum(axis=1)).mean(axis=(1, 2)),
                          "You average the shares of the pixels. Add up the energies first, so that strong pixels "
                          "count more."),
                         (((mean - mean.mean(axis=1, keepdims=True)) ** 2).sum(axis=1) / (mean ** 2).sum(axis=1),
                          "You average over the filter first. An edge from red to green would then have no colour.")):
        if np.allclose(found, values, rtol=1e-3):
            return hint
    return ("Try it on a filter of three equal colours, which should give 0, and on one whose colours sum to zero at "
            "each pixel, which should give 1.")


def grating_response(w: object, orientation: float, frequency: float) -> object:
    """The length of what filters w (n, 3, size, size) make of a grating's cosine and sine, over their own lengths."""
    import numpy as np

    y, x = np.mgrid[:w.shape[2], :w.shape[3]]
    turn = np.radians(orientation)
    wave = np.exp(2j * np.pi * frequency * (x * np.sin(turn) + y * np.cos(turn)))
    return np.abs((w * wave).sum(axis=(1, 2, 3))) / np.sqrt((w ** 2).sum(axis=(1, 2, 3)))


@exercise("8.4")
def filter_for_a_grating(answer: tuple[Callable, int]) -> str | None:
    import numpy as np

    from .filter_record import load_filters

    response, number = answer
    if not callable(response):
        return "The first of the two is the function itself, without calling it."
    rng = np.random.default_rng(0)
    w = rng.normal(size=(6, 3, 11, 11)) * rng.uniform(0.5, 2, size=(6, 1, 1, 1)) + rng.normal(size=(6, 1, 11, 11))
    gratings = (20.0, 0.13), (60.0, 0.2), (135.0, 0.08), (90.0, 0.3)
    found = [numbers_of(response, w, *grating) for grating in gratings]
    if any(part.shape != (len(w),) for part in found):
        return f"For {len(w)} filters it returns something of shape {found[0].shape}; one number a filter is asked for."
    found = np.stack(found)

    def alike(other: Callable) -> bool:                        # to a hundredth, but for one factor, the same for all
        values = np.stack([other(w, *grating) for grating in gratings])
        factor = (found * values).sum() / (values ** 2).sum()
        return bool(factor > 0 and np.allclose(found, factor * values, atol=0.01 * np.abs(found).max(), rtol=0))

    length = np.sqrt((w ** 2).sum(axis=(1, 2, 3)))
    if not alike(grating_response):
        there, here = np.zeros_like(w), np.zeros_like(w)
        there[:, :, 2:, 1:], here[:, :, :9, :10] = w[:, :, :9, :10], w[:, :, :9, :10]
        moved = [np.abs(numbers_of(response, place, *gratings[0])) for place in (here, there)]
        if not np.allclose(*moved, rtol=0.03):
            return ("The same filter, moved two pixels, answers otherwise: that is the response to one grating that "
                    "begins at one place. Which two sums tell the largest response, wherever it begins?")
        for other, hint in (
                (lambda w, o, f: grating_response(w, o, f) * length,
                 "A filter with larger weights answers more to everything. Divide by its own length."),
                (lambda w, o, f: grating_response(w, o, f) / length,
                 "Divided by the energy, a weak filter wins. What is its length?"),
                (lambda w, o, f: grating_response(w, o, f) ** 2,
                 "That is the square of the response. Take the root."),
                (lambda w, o, f: grating_response(w, o + 90, f),
                 "The bars lie at that angle; the wave runs across them."),
                (lambda w, o, f: grating_response(w, -o, f),
                 "Mirrored: angles count counterclockwise, and y counts downwards. Compare the signs in gabor."),
                (lambda w, o, f: grating_response(w, 90 - o, f),
                 "Sine and cosine have changed places: at 0° the bars lie along the rows, and nothing changes with "
                 "x."),
                (lambda w, o, f: grating_response(w, np.degrees(o), f),
                 "numpy's and Python's sine want radians, not degrees."),
                (lambda w, o, f: grating_response(w, o, f / (2 * np.pi)),
                 "A cycle is an angle of 2π: does your wave repeat after 1 / frequency pixels?"),
                (lambda w, o, f: sum(grating_response(w[:, c:c + 1], o, f) * np.sqrt((w[:, c] ** 2).sum(axis=(1, 2)))
                                     for c in range(3)) / length,
                 "A grey grating is in all three colours at once: add over the colours before you take the length.")):
            if alike(other):
                return hint
        return ("The response is not yet right. Multiply the filter with a cosine and with a sine of the grating, add "
                "up each over pixels and colours, take the length of the two sums, and divide by the filter's length.")
    kept = load_filters()
    if kept is None:
        return "The function is right. For the number the recorded filters are missing."
    responses = grating_response(kept["one tower"].astype(float), 60, 0.2)
    if number not in range(len(responses)):
        return f"The function is right. Number the filters from 0 to {len(responses) - 1}."
    if responses[number] > 0.98 * responses.max():
        return None
    if responses[number] < 1.02 * responses.min():
        return "The function is right. But this filter answers least of all."
    if number > 0 and responses[number - 1] > 0.98 * responses.max():
        return "The function is right. Number the filters from 0."
    return ("The function is right. Apply it to the filters of the recorded \"one tower\", at 60° and 0.2 cycles a "
            "pixel, and take the number of the largest response.")
