"""Checks of the exercises of chapter 03."""

from __future__ import annotations

from collections.abc import Callable


def rows_of_a_window(answer: Callable[[int, int, int, int], int]) -> str | None:
    if not callable(answer):
        return "Answer with a function of n, k, s and p, not with its value: answer = lambda n, k, s, p: ..."
    cases = [(n, k, s, p) for n in range(11, 60) for k in (1, 2, 3, 5, 11) for s in (1, 2, 3, 4) for p in (0, 1, 2)
             if p <= k // 2]
    counted = {case: sum(start + case[1] <= case[0] + case[3]            # windows that end within the padded image
                         for start in range(-case[3], case[0] + case[3], case[2])) for case in cases}
    given = {case: answer(*case) for case in cases}
    if all(type(value) is int and value == counted[case] for case, value in given.items()):
        return None
    if all(value == counted[case] for case, value in given.items()):
        return "The numbers are right. Make them whole numbers of Python: int(...)."
    for hint, wrong in (
            ("A window stands at whole places only: round down, with // or math.floor.",
             lambda n, k, s, p: (n + 2 * p - k) / s + 1),
            ("The window also stands at its first place, before any step: one more.",
             lambda n, k, s, p: (n + 2 * p - k) // s),
            ("There is padding at both ends.", lambda n, k, s, p: (n + p - k) // s + 1),
            ("You round up; the last window must not pass the edge.", lambda n, k, s, p: -(-(n + 2 * p - k) // s) + 1)):
        if all(value == wrong(*case) for case, value in given.items()):
            return hint
    n, k, s, p = case = next(case for case in cases if given[case] != counted[case])
    return f"For n = {n}, k = {k}, s = {s}, p = {p} it gives {given[case]!r}. Draw the windows, and count them."


def weights_in_two_groups(answer: int) -> str | None:
    for number, hint in (
            (256 * 48 * 25, None), (256 * 96 * 25, "That is one group: each kernel would read all 96 maps."),
            (128 * 48 * 25, "That is one of the two groups. Both have kernels."),
            (256 * 48 * 25 + 256, "That counts the biases, too; the question is about weights."),
            (256 * 48, "A kernel has 5 × 5 weights for each map that it reads."),
            (256 * 25, "A kernel has 5 × 5 weights for each map that it reads. How many does it read?")):
        if answer == number:
            return hint
    return "256 kernels; each has 5 × 5 weights for every map that it reads."


def bytes_of_fc6(answer: int) -> str | None:
    weights, biases = 6400 * 4096, 4096
    for number, hint in (
            (4 * (weights + biases), None), (4 * weights, "Nearly: each of the 4096 outputs has a bias, too."),
            (weights + biases, "That is how many numbers it holds. A float32 takes four bytes."),
            (weights, "Those are the weights. Add the biases; and a float32 takes four bytes."),
            (8 * (weights + biases), "A float32 takes four bytes, not eight."),
            (4 * (9216 * 4096 + biases), "That is the paper's fc6. The book's reads 256 maps of 5 × 5.")):
        if answer == number:
            return hint
    if 99 < answer < 106:
        return "Give bytes, not megabytes."
    if abs(answer - 4 * (weights + biases)) < 500_000:
        return "Nearly: give every digit."
    return "One weight for each pair of an input and an output, and one bias for each output; four bytes a number."


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


def batch_at_the_ridge(answer: int) -> str | None:
    weights, values = 6400 * 4096, 6400 + 4096
    images = next(n for n in range(1, 1000) if 2 * n * weights / (4 * (weights + 4096 + n * values)) >= 20)
    if answer == images:
        return None
    if images - 1 < answer < images:
        return "That is where the two meet. A batch has whole images: round up."
    if answer == images - 1:
        return "Almost: inputs and outputs are moved too, and they grow with the batch."
    if answer in (images // 2, images // 2 + 1):
        return "A MAC is two operations, a product and a sum."
    if answer in (10, 11):
        return "A number has four bytes."
    if answer < 1 or answer > 20 * images:
        return "A number of images is asked for, one or more; for one image the intensity is about half a FLOP a byte."
    return "2 × images × weights operations, over 4 × (weights + biases + images × (6400 + 4096)) bytes, must reach 20."


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


CHECKS = {
    "3.1": rows_of_a_window,
    "3.2": weights_in_two_groups,
    "3.3": bytes_of_fc6,
    "3.4": what_dominates,
    "3.5": batch_at_the_ridge,
    "3.6": missing_parameters,
    "3.7": sizes_of_the_2012_code,
    "3.8": full_exchange,
}
