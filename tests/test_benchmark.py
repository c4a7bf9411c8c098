"""The benchmark and the record of GPU runs, at a size that a CPU does in seconds: what is measured, not how fast."""

import io
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


class Card:
    """What torch tells of a GPU, where there is none."""

    name, multi_processor_count, total_memory = "A card", 132, 80 * 2**30


@pytest.mark.parametrize(("capability", "has_bf16", "expected"), [
    ((9, 0), True, {"float32": "highest", "tf32": "high", "bfloat16": "highest"}),
    ((7, 5), False, {"float32": "highest"})])
def test_matrix_rates_in_the_formats_that_a_card_has(monkeypatch, capability, has_bf16, expected):
    formats = []

    def rate(device, dtype, repeats):
        formats.append(dtype)
        return torch.get_float32_matmul_precision()

    monkeypatch.setattr(benchmark, "matrix_rate", rate)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: capability)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: has_bf16)
    assert benchmark.matrix_rates("cuda") == expected
    assert formats == [torch.float32, torch.float32, torch.bfloat16][:len(expected)]
    assert torch.get_float32_matmul_precision() == "highest"
    assert list(benchmark.matrix_rates("cpu")) == ["float32"]


def test_what_is_in_this_machine(monkeypatch):
    here = benchmark.machine("cpu")
    assert f"torch uses {torch.get_num_threads()} threads" in here["processors"]
    assert re.fullmatch(r"[\d.]+ GiB", here["memory"])
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: Card)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: True)
    monkeypatch.setattr(benchmark.inspection, "device_memory", lambda device: 78 * 2**30)
    there = benchmark.machine("cuda")
    assert there["card"] == "A card, 132 multiprocessors"
    assert there["memory"] == "80.0 GiB, 78.0 GiB of it free"
    assert there["bfloat16"] == "yes"


def test_memory_of_a_step_is_that_of_the_step_alone(tiny, monkeypatch):
    """What lay on the card before does not count; the step is taken in float32, as the table counts it."""
    seen = []
    monkeypatch.setitem(recipes.RECIPES, "alexnet", recipes.RECIPES["lenet"])
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda: seen.append("reset"))
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda: 30)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda: 100)
    monkeypatch.setattr(benchmark.training, "fit", lambda *_, **options: seen.append(
        ("precision" in benchmark.speed.left_out, options["momentum"])))
    assert benchmark.step_memory([]) == 70
    assert seen == ["reset", (True, 0.9)]


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


def test_loading_counts_images_not_batches(monkeypatch):
    monkeypatch.setattr(benchmark, "seconds", lambda work, device: work() or 2.0)
    batches = [(torch.zeros(n, 1, 2, 2), torch.zeros(n)) for n in (4, 4, 2)]
    assert benchmark.loading_rate(batches, "cpu") == 10 / 2


# ---------------------------------------------------------------------------------------------------------------
# The record of GPU runs


def record(**options):
    return gpu_record.record_gpu("small", "cpu", epochs=2, train_size=SIZES[0], test_size=SIZES[1],
                                 **{"networks": ("lenet",), "seeds": (0,), "batch_sizes": (20,), **options})


@pytest.mark.filterwarnings("ignore")
def test_record_has_every_part_and_goes_on_where_it_stopped(tiny, monkeypatch):
    ours = gpu_record.our_curves

    def stopped(*arguments, **options):
        if "paper" in options:
            raise KeyboardInterrupt
        return ours(*arguments, **options)

    monkeypatch.setattr(gpu_record, "our_curves", stopped)
    with pytest.raises(KeyboardInterrupt):
        record()
    kept = ah.load_record("small")["parts"]
    monkeypatch.setattr(gpu_record, "our_curves", ours)
    monkeypatch.setattr(gpu_record, "book_curves", lambda *_, **__: pytest.fail("what is there is measured again"))
    whole = record()
    assert whole == ah.load_record("small")
    assert {name: whole["parts"][name] for name in kept} == kept
    assert list(whole["parts"]) == [
        "matrix rates", "lenet, an epoch both ways", "lenet, ladder", "lenet, the book's loop, seed 0",
        "lenet, ours, seed 0", "lenet, the paper's recipe, seed 0"]
    paper = whole["parts"]["lenet, the paper's recipe, seed 0"]["settings"]
    assert (paper["momentum"], paper["weight_decay"]) == (0.9, 5e-4)
    assert paper["lr"] == pytest.approx(0.09)                  # ten steps of the velocity are one of the book's
    assert len(whole["parts"]["lenet, ours, seed 0"]["seconds"]) == 4              # twice the epochs
    assert {"command", "date", "device", "versions", "seeds"} <= set(whole)
    assert whole["missing"] == 0


@pytest.fixture
def alexnet_like(monkeypatch):
    """A LeNet in AlexNet's place, with the book's batch and rate; and nothing but the runs of `fit`."""
    monkeypatch.setitem(recipes.RECIPES, "alexnet", recipes.Recipe(ah.lenet, batch_size=10, resize=None, lr=0.5))
    monkeypatch.setattr(benchmark, "compare_ways", lambda *_, **__: {"failed": "not asked"})
    monkeypatch.setattr(benchmark, "ladder", lambda *_, **__: [])
    monkeypatch.setattr(gpu_record, "book_curves", lambda *_, **__: {"test_accuracy": [0.1, 0.2]})


def test_batches_with_equal_epochs_equal_rates_or_equal_updates(alexnet_like):
    made = record(networks=("alexnet",), batch_sizes=(5, 10, 100))
    settings = {name: (part["settings"]["batch_size"], part["settings"]["lr"], len(part["seconds"]))
                for name, part in made["parts"].items() if "batch" in name}
    assert settings == {
        "alexnet, batch 5, seed 0": (5, 0.5, 1), "alexnet, batch 5, rate in proportion, seed 0": (5, 0.25, 1),
        "alexnet, batch 5, equal updates, seed 0": (5, 0.5, 1),
        "alexnet, batch 10, seed 0": (10, 0.5, 1), "alexnet, batch 10, rate in proportion, seed 0": (10, 0.5, 1),
        "alexnet, batch 10, equal updates, seed 0": (10, 0.5, 2),
        "alexnet, batch 100, seed 0": (100, 0.5, 1), "alexnet, batch 100, rate in proportion, seed 0": (100, 5.0, 1)}
    table = gpu_record.by_batch(made)
    assert list(table["epochs"]) == [1] * 3 + [1] * 3 + [1, 2]
    assert list(table.index.names) == ["held equal", "batch"]
    part = made["parts"]["alexnet, batch 10, equal updates, seed 0"]
    assert table.loc[("updates, rate (images / 4)", 10), "test accuracy"] == part["test_accuracy"][-1]


def test_a_run_that_diverged_is_recorded_as_such_and_the_others_go_on(alexnet_like, monkeypatch):
    ours = gpu_record.our_curves

    def diverging(*arguments, seed, **options):
        if seed == 1:
            raise ah.LossNotFiniteError("The loss is nan in epoch 1")
        return ours(*arguments, seed=seed, **options)

    monkeypatch.setattr(gpu_record, "our_curves", diverging)
    made = record(networks=("alexnet",), seeds=(0, 1, 2))
    assert made["parts"]["alexnet, ours, seed 1"] == {"failed": "The loss is nan in epoch 1"}
    assert list(gpu_record.finished(made, "alexnet, ours")) == [0, 2]
    runs = gpu_record.accuracies(made)
    assert ah.summary(runs, "test accuracy")["diverged"].to_dict() == {
        "the book's loop": 0, "ours": 1, "the paper's recipe": 1}
    assert runs.set_index(["arm", "seed"]).loc[("ours", 2), "test accuracy"] == \
        made["parts"]["alexnet, ours, seed 2"]["test_accuracy"][1]                 # after as many epochs as the book's
    assert gpu_record.speeds(made).empty
    assert gpu_record.by_batch(made)["failed"].to_dict() == {
        ("epochs and rate", 20): 1, ("epochs, rate by batch", 20): 1, ("updates, rate (images / 4)", 20): 1}


def test_the_papers_rate_falls_by_images_that_are_neither_trained_on_nor_reported(tiny, monkeypatch):
    seen = {}

    def fit(net, train, test, schedule, **options):
        plan = schedule(torch.optim.SGD(net.parameters(), lr=options["lr"]))
        plan.step(0.0)                                         # the test error that `fit` hands on
        seen.update(train=train, test=test, error=plan.best)
        return ah.History(test_accuracy=[0.5], seconds=[1.0])

    def evaluate(net, data):
        seen["judged"] = data
        return 0.0, 0.7

    monkeypatch.setattr(gpu_record, "fit", fit)
    monkeypatch.setattr(gpu_record, "evaluate", evaluate)
    gpu_record.our_curves("lenet", "cpu", 1, 60, 20, seed=0, paper=True)
    assert seen["error"] == pytest.approx(0.3)                 # 1 - 0.7, not 0
    images = {name: {image.numpy().tobytes() for image in seen[name].images} for name in ("train", "test", "judged")}
    assert [len(seen[name].images) for name in ("train", "judged", "test")] == [55, 5, 20]
    assert not images["train"] & images["judged"] and not images["judged"] & images["test"]
    assert seen["train"].shuffle


def test_speeds_of_a_record_by_hand():
    way = {"seconds": [3.0, 1.0, 2.0], "loading": 500.0}
    both = {"book": way, "ours": {**way, "training": 100.0, "flops_an_image": 10 ** 9}}
    made = {"networks": ["lenet", "alexnet"], "parts": {
        "matrix rates": {"float32": 1e12, "tf32": 4e12, "bfloat16": 1e13},
        "lenet, an epoch both ways": both, "alexnet, an epoch both ways": both}}
    table = gpu_record.speeds(made)
    assert list(table.index) == ["lenet, book", "lenet, ours", "alexnet, book", "alexnet, ours"]
    assert list(table["seconds an epoch"]) == [2.0] * 4
    assert table.loc["lenet, ours", "share of the matrix rate"] == pytest.approx(0.1)
    assert table.loc["alexnet, ours", "share of the matrix rate"] == pytest.approx(0.01)      # of bfloat16's


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
