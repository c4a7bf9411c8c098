"""The benchmark, at a size that a CPU does in seconds: what is measured, not how fast."""

import io
import json
import re
import statistics
import sys

import pytest
import torch

import alexnet_helpers as ah
from alexnet_helpers import __main__ as commands
from alexnet_helpers import timing
from alexnet_helpers.commands import benchmark

pytestmark = pytest.mark.usefixtures("small_machine")
SIZES = (60, 20)                                               # in batches of 10: train_ch6 needs five of them


@pytest.mark.parametrize("resize", [None, 56])
@pytest.mark.filterwarnings("ignore")
def test_books_loader_gives_the_pixels_that_ours_gives(resize):
    (_, book), how = benchmark.book_data(20, resize, 100, 20)
    _, ours = ah.load_fashion_mnist(20, resize, device="cpu", train_size=100, test_size=20)
    (X, y), (Z, z) = next(iter(book)), next(iter(ours))
    assert "built like d2l's" in how
    assert book.num_workers == 4
    assert torch.equal(y, z)
    assert (X - Z).abs().max() <= 1 / 255 + 1e-6


@pytest.mark.filterwarnings("ignore")
def test_both_ways_in_turn_with_the_same_seeds_and_the_table(tiny, tmp_path, capsys, monkeypatch):
    said = []
    monkeypatch.setattr(timing, "fetched_pages", lambda: {"usual": 16_384, "kept": 3})
    report = benchmark.benchmark("cpu", repeats=2, sizes={"lenet": SIZES}, say=said.append)
    for turn, lines in (("1", said[:3]), ("2", said[3:])):
        assert {line.split(":")[0] for line in lines} == {
            f"lenet, {way}, run {turn} of 2" for way in ("book", "ours", "ours again")}
    result = report["networks"][0]
    assert len(result["noise"]) == 2
    assert result["book"]["start"] > 0 and result["ours"]["start"] > 0
    book, ours = result["book"], result["ours"]
    assert result["ratios"] == [a / b for a, b in zip(book["seconds"], ours["seconds"], strict=True)]
    assert ours["share"] == pytest.approx(ours["training"] * ours["flops_an_image"] / 1e9)
    assert all(0 <= accuracy <= 1 for accuracy in book["accuracy"] + ours["accuracy"])
    assert result["arithmetic"] == timing.arithmetic_seconds(ah.lenet(), (1, 28, 28), *SIZES, 1e9)
    text = benchmark.as_text(report)
    assert re.search(r"its arithmetic alone +0\.\d\d +[\d.,]+x at most", text)
    assert f"{statistics.median(book['seconds']):,.2f}" in text
    assert "60 training and 20 test images; the book's data: a loader built like d2l's" in text
    assert text.endswith("a tensor of 64 MiB, again and again: 16,384, with memory kept 3")
    benchmark.save(report, tmp_path / "report.json")
    assert json.loads((tmp_path / "report.json").read_text()) == report
    assert capsys.readouterr().out == ""                       # train_ch6's own lines are kept away


@pytest.mark.filterwarnings("ignore")
def test_what_the_book_prints_can_be_kept(tiny, capsys):
    from d2l import torch as d2l

    train, test = ah.load_fashion_mnist(10, device="cpu", train_size=SIZES[0], test_size=SIZES[1])
    with benchmark.book_without_drawing(printed := io.StringIO()):
        d2l.train_ch6(ah.lenet(), train, test, 1, 0.9, torch.device("cpu"))
    assert re.search(r"^loss [\d.]+, train acc [\d.]+, test acc [\d.]+\n[\d.]+ examples/sec on cpu$",
                     printed.getvalue(), re.M)
    assert capsys.readouterr().out == ""


@pytest.mark.filterwarnings("ignore")
def test_ladder_goes_from_the_books_way_to_ours(tiny):
    rungs = benchmark.ladder("lenet", "cpu", *SIZES, say=lambda line: None)
    assert [rung["rung"] for rung in rungs] == [
        "the book's loader and loop", "images in memory, whole batches", "sums stay on the device", "memory kept",
        "channels last"]
    assert all(rung["seconds"] > 0 for rung in rungs)


def test_command_writes_the_report(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(benchmark, "benchmark", lambda: {"a": 1})
    monkeypatch.setattr(benchmark, "as_text", lambda report: "the table")
    assert commands.main(["benchmark", str(tmp_path / "report.json")]) == 0
    assert json.loads((tmp_path / "report.json").read_text()) == {"a": 1}
    assert "the table" in capsys.readouterr().out


def test_without_the_book_the_command_that_installs_it_is_said(monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(sys.modules, "d2l", None)              # what import finds where there is none
    assert commands.main(["benchmark", str(tmp_path / "report.json")]) == 1
    assert "pip install --no-deps d2l==1.0.3" in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore")
def test_seconds_of_a_run_are_shared_among_its_epochs(tiny, monkeypatch):
    monkeypatch.setattr(timing, "seconds", lambda work, device: work() or 6.0)
    said = []
    result = benchmark.compare_ways("lenet", "cpu", *SIZES, repeats=1, epochs=2, say=said.append)
    assert result["book"]["seconds"] == result["ours"]["seconds"] == [3.0]
    assert said[0].endswith(": 3.00 s an epoch")
    assert result["noise"] == [1.0]


def report(**changes):
    """A report with numbers to calculate with: the book takes 8 s for 60 + 20 images, ours 2 s."""
    network = {"network": "lenet", "images": [60, 20], "batch_size": 10, "book_data": "its own", "arithmetic": 0.5,
               "ratios": [3.0, 5.0], "noise": [0.98, 1.04],
               "book": {"seconds": [7.0, 8.0, 9.0], "accuracy": [0.5, 0.7], "loading": 100.0, "start": 2.0},
               "ours": {"seconds": [2.0], "accuracy": [0.75], "loading": 500.0, "training": 40.0, "share": 0.25,
                        "start": 0.5}}
    return {"device": "a card", "versions": {"torch": "2.0"}, "date": "2026-01-31", "peak_memory": 3 * 2**20,
            "matrix_rate": {"float32": 5e12}, "networks": [network], **changes}


def test_table_of_a_report_worked_out_by_hand():
    assert benchmark.as_text(report()).splitlines() == [
        "a card, torch 2.0, 2026-01-31", "A large matrix product: 5.00 TFLOP/s in float32", "",
        "lenet, batches of 10, an epoch of 60 training and 20 test images; the book's data: its own",
        "                                    book        ours    ratio",
        "seconds an epoch                    8.00        2.00     4.0x, 3.0 to 5.0",
        "after the first batches             6.00        1.50     4.0x",
        "images a second, epoch             10.00       40.00     4.0x",
        "images a second, loading          100.00      500.00     5.0x",
        "ours by ours, again: noise                              0.98x to 1.04",
        "its arithmetic alone                            0.50    16.0x at most, at the matrix product's rate",
        "test accuracy                      0.600       0.750",
        "images a second, training                       40.0    25% of the matrix product's rate", "",
        "Peak memory of the process: 3 MiB"]
