"""The book's way of training and the course's, timed side by side on one device: `python -m alexnet_helpers benchmark`.

The book's way is d2l's own code: its loader (an image at a time in four worker processes) and its `train_ch6`, whose
drawing is left out. An epoch is everything: loading, training, evaluation. The two ways take turns in an order drawn
anew each time, so that whatever else the machine does meets both; ours takes two: what differs between them is noise.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import platform
import random
import statistics
import warnings
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from pathlib import Path
from types import ModuleType

import torch
from torch import nn

from .. import profiles, speed, timing, training
from ..data import DATA_FOLDER, FULL_SET, FULL_SIZES, PROJECT, Batches, load_fashion_mnist, sizes_here
from .recipes import RECIPES

# Training and test images of a run: on a GPU all of them, on a CPU so many that it takes minutes; where the full set is
# not here, no more than the sample has. train_ch6 needs five batches at least.
SIZES = {"cuda": {"lenet": (60_000, 10_000), "alexnet": (60_000, 10_000)},
         "cpu": {"lenet": (12_000, 2_000), "alexnet": (640, 128)}}


# ---------------------------------------------------------------------------------------------------------------
# The two ways


def the_book() -> ModuleType:
    """d2l.torch, the book's own code. Raises ImportError with the command that installs it."""
    try:
        from d2l import torch as d2l
    except ImportError as error:
        raise ImportError("The book's own code is not installed: `pip install --no-deps d2l==1.0.3` does it, in the "
                          f"environment of the course ({error}).") from error
    return d2l


class Pictures(torch.utils.data.Dataset):
    """Images as torchvision's FashionMNIST gives them: a picture of Pillow's, transformed, and a label."""

    def __init__(self, batches: Batches, transform: Callable) -> None:
        self.images, self.labels, self.transform = batches.images.cpu(), batches.labels.tolist(), transform

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, i: int) -> tuple[torch.Tensor, int]:
        from PIL import Image
        return self.transform(Image.fromarray(self.images[i, 0].numpy())), self.labels[i]


def book_data(batch_size: int, resize: int | None, train_size: int, test_size: int) -> tuple[list[Iterable], str]:
    """The book's two loaders, and what they are: its own on the full set if data/ has it, else one built like them."""
    d2l = the_book()
    unpacked = all((DATA_FOLDER / name).exists() for name in FULL_SET)         # else torchvision may want the network
    if unpacked and (train_size, test_size) == (FULL_SIZES["train"], FULL_SIZES["t10k"]):
        before = Path.cwd()
        os.chdir(PROJECT / "notebooks")                        # it looks for ../data
        try:
            return list(d2l.load_data_fashion_mnist(batch_size, resize=resize)), "d2l.load_data_fashion_mnist"
        finally:
            os.chdir(before)
    from torchvision import transforms
    steps = [transforms.Resize(resize)] if resize else []
    transform = transforms.Compose([*steps, transforms.ToTensor()])
    parts = load_fashion_mnist(batch_size, device="cpu", train_size=train_size, test_size=test_size)
    return [torch.utils.data.DataLoader(Pictures(part, transform), batch_size, shuffle=part.shuffle,
                                        num_workers=d2l.get_dataloader_workers()) for part in parts], \
        "a loader built like d2l's (Pillow, ToTensor, 4 workers) on a part of the images"


@contextlib.contextmanager
def book_without_drawing(printed: io.StringIO | None = None) -> Iterator[list[tuple]]:
    """d2l with an Animator that only collects the points it would draw; its prints go to `printed`, or nowhere."""
    d2l = the_book()
    points: list[tuple] = []

    class Collect:
        def __init__(self, **_: object) -> None:
            points.clear()

        def add(self, x: float, y: tuple) -> None:
            points.append(y)

    drawing = d2l.Animator
    d2l.Animator = Collect
    try:
        with contextlib.redirect_stdout(printed or io.StringIO()):
            yield points
    finally:
        d2l.Animator = drawing


def compare_ways(name: str, device: str, train_size: int, test_size: int, repeats: int = 3, epochs: int = 1,
                 say: Callable[[str], None] = print) -> dict:
    """Time the book's way and ours on `name`, "lenet" or "alexnet", in turn. `repeats` runs of `epochs`, seeds 0, 1, …

    On a GPU a run of each that is not counted goes ahead. Returns a dictionary: for each way "seconds" an epoch and
    test "accuracy" of every run, "loading" in images a second, "start", the seconds until its two loaders have given
    their first batches, which every epoch pays once, and on a GPU "peak_memory" in bytes; for ours also "training" in
    images a second and "flops_an_image"; "ratios", the book's seconds by ours in each turn, and "noise", the seconds
    of our second run by those of our first.
    """
    d2l = the_book()
    build, batch_size, resize, lr = RECIPES[name]
    book, how = book_data(batch_size, resize, train_size, test_size)
    ours = load_fashion_mnist(batch_size, resize, device, train_size, test_size)
    result: dict = {"network": name, "device": device, "images": [train_size, test_size], "batch_size": batch_size,
                    "resize": resize, "epochs": epochs, "book_data": how,
                    "book": {"seconds": [], "accuracy": []}, "ours": {"seconds": [], "accuracy": []},
                    "noise": []}
    order = random.Random(0)

    def book_run(net: nn.Module) -> float:
        with book_without_drawing() as points:
            d2l.train_ch6(net, *book, num_epochs=epochs, lr=lr, device=torch.device(device))
        return float(points[-1][2])

    def our_run(net: nn.Module) -> float:
        return training.fit(net, *ours, epochs=epochs, lr=lr, show=False).whole().test_accuracy[-1]

    our_images = sum(part.images.nbytes + part.labels.nbytes for part in ours)     # they lie there in both runs
    for seed in range(-1 if device == "cuda" else 0, repeats):             # -1: to warm up
        again = 0.0
        for way in order.sample(["book", "ours", "ours again"], 3):
            run = book_run if way == "book" else our_run
            torch.manual_seed(max(seed, 0))
            net = build()
            if device == "cuda":
                torch.cuda.reset_peak_memory_stats()
            accuracy = []
            took = timing.seconds(lambda run=run, net=net, seen=accuracy: seen.append(run(net)), device) / epochs
            if way == "ours again":
                again = took
            elif seed >= 0:
                result[way]["seconds"].append(took)
                result[way]["accuracy"] += accuracy
                if device == "cuda":
                    result[way]["peak_memory"] = timing.peak_memory(device) - (our_images if way == "book" else 0)
            if seed >= 0:
                say(f"{name}, {way}, run {seed + 1} of {repeats}: {took:.2f} s an epoch")
        if seed >= 0:
            result["noise"].append(again / result["ours"]["seconds"][-1])
    few = Batches(ours[0].images[:20 * batch_size], ours[0].labels[:20 * batch_size], batch_size, resize=resize,
                  device=device)
    for way, loaders in (("book", book), ("ours", ours)):
        result[way]["start"] = timing.seconds(lambda loaders=loaders: first_batches(loaders), device)
    result["book"]["loading"] = timing.loading_rate(book[0], device)
    result["ours"]["loading"] = timing.loading_rate(few if device == "cpu" else ours[0], device)
    X, y = next(iter(ours[0]))
    net = build().to(device)
    result["ours"]["training"] = timing.training_rate(net, X, y, lr, steps=20 if device == "cuda" else 3)
    result["ours"]["flops_an_image"] = timing.training_flops(net, tuple(X.shape[1:]))
    result["ratios"] = [theirs / mine for theirs, mine in
                        zip(result["book"]["seconds"], result["ours"]["seconds"], strict=True)]
    return result


def first_batches(loaders: Iterable[Iterable]) -> None:
    for data in loaders:
        next(iter(data))


def ladder(name: str, device: str, train_size: int, test_size: int, say: Callable[[str], None] = print) -> list[dict]:
    """Seconds an epoch, evaluation included, from the book's way to ours, one change at a time; the changes add up.

    On a GPU every rung trains two epochs and the second counts. Larger batches and torch.compile come last, on a GPU
    only; they are not part of `fit`, and they are there to be judged.
    """
    d2l = the_book()
    build, batch_size, resize, lr = RECIPES[name]
    on_gpu = device == "cuda"
    book, _ = book_data(batch_size, resize, train_size, test_size)
    ours = load_fashion_mnist(batch_size, resize, device, train_size, test_size)

    def book_loop(train: Iterable, test: Iterable) -> float:
        took = 0.0
        for _ in range(1 + on_gpu):
            torch.manual_seed(0)
            net = build()                                      # outside the clock, as in our_loop
            with book_without_drawing():
                took = timing.seconds(
                    lambda net=net: d2l.train_ch6(net, train, test, 1, lr, torch.device(device)), device)
        return took

    def our_loop(*left_out: str, data: tuple[Iterable, Iterable] = ours, compiled: bool = False) -> float:
        torch.manual_seed(0)
        net = build()
        if compiled:
            net.compile()
        with speed.without(*left_out):
            return training.fit(net, *data, epochs=1 + on_gpu, lr=lr, show=False).whole().seconds[-1]

    reasons = speed.ON[device]
    rungs: list[tuple[str, Callable[[], float]]] = [
        ("the book's loader and loop", lambda: book_loop(*book)),
        ("images in memory, whole batches", lambda: book_loop(*ours)),
        ("sums stay on the device", lambda: our_loop(*reasons))]
    rungs += [(reason.replace("_", " "), lambda i=i: our_loop(*reasons[i + 1:])) for i, reason in enumerate(reasons)]
    if on_gpu:
        large = load_fashion_mnist(8 * batch_size, resize, device, train_size, test_size)
        rungs += [("batches eight times as large", lambda: our_loop(data=large)),
                  ("torch.compile", lambda: our_loop(compiled=True)),
                  ("large batches, torch.compile", lambda: our_loop(data=large, compiled=True))]
    results = []
    for rung, run in rungs:
        try:
            results.append({"rung": rung, "seconds": run()})
            say(f"{name}, {rung}: {results[-1]['seconds']:.2f} s an epoch")
        except Exception as error:                             # torch.compile needs a C compiler, for one
            results.append({"rung": rung, "seconds": None, "reason": f"{type(error).__name__}: {error}"[:300]})
            say(f"{name}, {rung}: not possible here ({type(error).__name__})")
    return results


def benchmark(device: str | None = None, repeats: int | None = None, sizes: dict[str, tuple[int, int]] | None = None,
              say: Callable[[str], None] = print) -> dict:
    """Both networks, both ways, on one device, and the machine's own limits, as a dictionary that JSON can hold."""
    device = device or profiles.profile().device
    sizes = sizes or SIZES[device]
    report: dict = {"date": date.today().isoformat(), "device": device_name(device), "threads": torch.get_num_threads(),
                    "versions": {"python": platform.python_version(), "torch": torch.__version__},
                    "matrix_rate": timing.matrix_rates(device), "networks": []}
    warnings.filterwarnings("ignore", "This DataLoader will create 4 worker")      # the book's choice, not ours
    for name, (train_size, test_size) in sizes.items():
        train_size, test_size = sizes_here(train_size, test_size, say)
        runs = repeats or (3 if device == "cuda" or name == "lenet" else 2)
        result = compare_ways(name, device, train_size, test_size, runs, say=say)
        limit = report["matrix_rate"].get("bfloat16" if name == "alexnet" else "float32",
                                          report["matrix_rate"]["float32"])
        result["ours"]["share"] = result["ours"]["training"] * result["ours"]["flops_an_image"] / limit
        recipe = RECIPES[name]
        input_shape = (1, recipe.resize or 28, recipe.resize or 28)
        result["arithmetic"] = timing.arithmetic_seconds(recipe.build(), input_shape, train_size, test_size, limit)
        report["networks"].append(result)
    report["peak_memory"] = timing.peak_memory(device)
    if device == "cpu":
        report["pages"] = timing.fetched_pages()
    return report


def device_name(device: str) -> str:
    return torch.cuda.get_device_name() if device == "cuda" else \
        f"{platform.processor() or platform.machine()} CPU, {torch.get_num_threads()} threads"


# ---------------------------------------------------------------------------------------------------------------
# The table


def as_text(report: dict) -> str:
    """The report as a table to print."""
    rates = ", ".join(f"{rate / 1e12:.2f} TFLOP/s in {dtype}" for dtype, rate in report["matrix_rate"].items())
    lines = [f"{report['device']}, torch {report['versions']['torch']}, {report['date']}",
             f"A large matrix product: {rates}", ""]
    for result in report["networks"]:
        train_size, test_size = result["images"]
        lines += [f"{result['network']}, batches of {result['batch_size']}, an epoch of {train_size:,} training and "
                  f"{test_size:,} test images; the book's data: {result['book_data']}",
                  f"{'':28}{'book':>12}{'ours':>12}{'ratio':>9}"]
        book, ours = result["book"], result["ours"]
        spread = f", {min(result['ratios']):.1f} to {max(result['ratios']):.1f}" if len(result["ratios"]) > 1 else ""
        epoch = [statistics.median(way["seconds"]) for way in (book, ours)]
        rates = [(train_size + test_size) / its_epoch for its_epoch in epoch]
        running = [its_epoch - way["start"] for its_epoch, way in zip(epoch, (book, ours), strict=True)]
        for label, theirs, mine, ratio, note in (
                ("seconds an epoch", *epoch, epoch[0] / epoch[1], spread),
                ("after the first batches", *running, running[0] / running[1], ""),
                ("images a second, epoch", *rates, rates[1] / rates[0], ""),
                ("images a second, loading", book["loading"], ours["loading"], ours["loading"] / book["loading"], "")):
            lines.append(f"{label:28}{theirs:12,.2f}{mine:12,.2f}{ratio:8.1f}x{note}")
        lines.append(f"{'ours by ours, again: noise':28}{'':24}{min(result['noise']):8.2f}x to "
                     f"{max(result['noise']):.2f}")
        bound = result["arithmetic"]
        lines.append(f"{'its arithmetic alone':28}{'':12}{bound:12,.2f}{epoch[0] / bound:8.1f}x at most, at the matrix "
                     "product's rate")
        lines.append(f"{'test accuracy':28}{statistics.mean(book['accuracy']):12.3f}"
                     f"{statistics.mean(ours['accuracy']):12.3f}")
        if "peak_memory" in ours:
            lines.append(f"{'peak memory of tensors, MiB':28}{book['peak_memory'] / 2**20:12,.0f}"
                         f"{ours['peak_memory'] / 2**20:12,.0f}")
        lines += [f"{'images a second, training':28}{'':12}{ours['training']:12,.1f}    "
                  f"{ours['share']:.0%} of the matrix product's rate", ""]
    if report["peak_memory"]:
        lines.append(f"Peak memory{'' if 'peak_memory' in ours else ' of the process'}: "
                     f"{report['peak_memory'] / 2**20:,.0f} MiB")
    if report.get("pages"):
        lines.append("Pages that the system clears for a tensor of 64 MiB, again and again: {usual:,}, with memory "
                     "kept {kept:,}".format(**report["pages"]))
    return "\n".join(lines)


def save(report: dict, path: Path) -> None:
    path.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
