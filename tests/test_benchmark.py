"""The benchmark and the record of GPU runs, at a size that a CPU does in seconds: what is measured, not how fast."""

import json
import re
import statistics

import pytest
import torch
from torch import nn

import alexnet_helpers as ah
from alexnet_helpers import __main__ as commands
from alexnet_helpers import benchmark, gpu_record, recipes, recording


@pytest.fixture(autouse=True)
def small(monkeypatch, tmp_path):
    """A CPU, a small matrix, and records kept out of the project."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(benchmark, "matrix_rate", lambda *_: 1e9)
    monkeypatch.setattr(recording, "FOLDER", tmp_path / "recorded")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


SIZES = (60, 20)                                               # in batches of 10: train_ch6 needs five of them


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setitem(recipes.RECIPES, "lenet", recipes.Recipe(ah.lenet, batch_size=10, resize=None, lr=0.9))


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


def test_flops_of_a_linear_network_by_hand():
    """Forward and the weights' gradient take a multiplication and an addition each; so does the hidden layer's."""
    net = nn.Sequential(nn.Linear(7, 5), nn.Linear(5, 3))
    assert benchmark.training_flops(net, (7,)) == 2 * (7 * 5 + 5 * 3) * 2 + 2 * 5 * 3


def test_arithmetic_of_an_epoch_by_hand():
    """Testing is forward only: a multiplication and an addition for each weight."""
    net = nn.Sequential(nn.Linear(7, 5), nn.Linear(5, 3))
    training = 2 * (7 * 5 + 5 * 3) * 2 + 2 * 5 * 3
    assert benchmark.arithmetic_seconds(net, (7,), 60, 20, rate=100) == (60 * training + 20 * 2 * (7 * 5 + 5 * 3)) / 100


def test_a_networks_steps_are_what_is_timed(monkeypatch):
    def a_second(work, device):
        work()
        return 1.0

    monkeypatch.setattr(benchmark, "seconds", a_second)
    seen = []
    net = nn.Linear(4, 3)
    net.register_forward_hook(lambda *_: seen.append(net.training))
    rate = benchmark.training_rate(net, torch.rand(5, 4), torch.tensor([0, 1, 2, 0, 1]), lr=0.1, steps=6)
    assert rate == 6 * 5
    assert seen == [True] * (2 + 6)                            # two to warm up


@pytest.mark.filterwarnings("ignore")
def test_both_ways_in_turn_with_the_same_seeds_and_the_table(tiny, tmp_path, capsys):
    said = []
    report = benchmark.benchmark("cpu", repeats=2, sizes={"lenet": SIZES}, say=said.append)
    assert [line.split(":")[0] for line in said] == ["lenet, book, run 1 of 2", "lenet, ours, run 1 of 2",
                                                    "lenet, book, run 2 of 2", "lenet, ours, run 2 of 2"]
    result = report["networks"][0]
    book, ours = result["book"], result["ours"]
    assert result["ratios"] == [a / b for a, b in zip(book["seconds"], ours["seconds"], strict=True)]
    assert ours["share"] == pytest.approx(ours["training"] * ours["flops_an_image"] / 1e9)
    assert all(0 <= accuracy <= 1 for accuracy in book["accuracy"] + ours["accuracy"])
    assert result["arithmetic"] == benchmark.arithmetic_seconds(ah.lenet(), (1, 28, 28), *SIZES, 1e9)
    text = benchmark.as_text(report)
    assert re.search(r"its arithmetic alone +0\.\d\d +[\d.,]+x at most", text)
    assert f"{statistics.median(book['seconds']):,.2f}" in text
    assert "60 training and 20 test images; the book's data: a loader built like d2l's" in text
    benchmark.save(report, tmp_path / "report.json")
    assert json.loads((tmp_path / "report.json").read_text()) == report
    assert capsys.readouterr().out == ""                       # train_ch6's own lines are kept away


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


def test_loading_counts_images_not_batches(monkeypatch):
    monkeypatch.setattr(benchmark, "seconds", lambda work, device: work() or 2.0)
    batches = [(torch.zeros(n, 1, 2, 2), torch.zeros(n)) for n in (4, 4, 2)]
    assert benchmark.loading_rate(batches, "cpu") == 10 / 2


# ---------------------------------------------------------------------------------------------------------------
# The record of GPU runs


def record(**options):
    return gpu_record.record_gpu("small", "cpu", networks=("lenet",), epochs=2, train_size=SIZES[0], test_size=SIZES[1],
                                 **{"seeds": (0,), "batch_sizes": (20,), **options})


@pytest.mark.filterwarnings("ignore")
def test_record_has_every_part_and_goes_on_where_it_stopped(tiny, monkeypatch):
    ours = gpu_record.our_curves

    def stopped(*arguments, **options):
        if "batch_size" in options:
            raise KeyboardInterrupt
        return ours(*arguments, **options)

    monkeypatch.setattr(gpu_record, "our_curves", stopped)
    with pytest.raises(KeyboardInterrupt):
        record()
    kept = ah.load_record("small")["parts"]
    monkeypatch.setattr(gpu_record, "our_curves", ours)
    monkeypatch.setattr(gpu_record, "book_curves", None)       # what is there must not be measured again
    whole = record()
    assert whole == ah.load_record("small")
    assert {name: whole["parts"][name] for name in kept} == kept
    assert list(whole["parts"]) == [
        "matrix rate float32", "matrix rate bfloat16", "lenet, an epoch both ways", "lenet, ladder",
        "lenet, the book's loop, seed 0", "lenet, ours, seed 0", "lenet, the paper's recipe, seed 0",
        "lenet, batch 20, seed 0"]
    assert whole["parts"]["lenet, the paper's recipe, seed 0"]["settings"]["momentum"] == 0.9
    assert whole["parts"]["lenet, batch 20, seed 0"]["settings"]["batch_size"] == 20
    assert {"command", "date", "device", "versions", "seeds"} <= set(whole)


@pytest.mark.filterwarnings("ignore")
def test_a_run_that_was_stopped_is_not_recorded(tiny, monkeypatch):
    """Ctrl-C within `fit`, which returns the history so far."""
    monkeypatch.setattr(gpu_record, "fit", lambda *_, **__: ah.History(interrupted=True))
    with pytest.raises(KeyboardInterrupt):
        record()
    assert "lenet, ours, seed 0" not in ah.load_record("small")["parts"]
    monkeypatch.setitem(recording.RECORDS, "gpu", record)
    assert commands.main(["record", "gpu"]) == 130


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("measure", [benchmark.compare_ways, benchmark.ladder])
def test_a_measurement_that_was_stopped_is_not_whole(tiny, monkeypatch, measure):
    monkeypatch.setattr(benchmark.training, "fit", lambda *_, **__: ah.History(interrupted=True))
    with pytest.raises(KeyboardInterrupt):
        measure("lenet", "cpu", *SIZES, say=lambda line: None)


@pytest.mark.filterwarnings("ignore")
def test_books_curves_are_those_that_it_would_draw(tiny, monkeypatch):
    from d2l import torch as d2l

    monkeypatch.setattr(benchmark, "seconds", lambda work, device: work() or 6.0)
    curves = gpu_record.book_curves("lenet", "cpu", 2, 0, *SIZES)
    torch.manual_seed(0)
    train, test = ah.load_fashion_mnist(10, device="cpu", train_size=SIZES[0], test_size=SIZES[1])
    net = ah.lenet()
    with benchmark.book_without_drawing():
        d2l.train_ch6(net, train, test, 2, 0.9, torch.device("cpu"))
    assert [len(curve) for curve in curves.values()] == [2, 2, 2, 2]
    assert curves["test_accuracy"][-1] == pytest.approx(ah.evaluate(net, test)[1])
    assert all(1 < loss < 5 for loss in curves["train_loss"])
    assert curves["seconds"] == [3.0, 3.0]                     # an epoch


def test_record_without_a_gpu_says_so(capsys):
    assert commands.main(["record", "gpu"]) == 1
    assert "torch finds none that it can use" in capsys.readouterr().err
