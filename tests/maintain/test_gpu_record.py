"""The record of GPU runs, at a size that a CPU does in seconds."""

import pytest
import torch

import alexnet_helpers as ah
from alexnet_helpers import recorded, timing
from alexnet_helpers.commands import benchmark, recipes
from alexnet_helpers.maintain import __main__, gpu_record

pytestmark = pytest.mark.usefixtures("small_machine")
SIZES = (60, 20)                                               # in batches of 10: train_ch6 needs five of them


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
    table = recorded.by_batch(made)
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
    assert list(recorded.finished(made, "alexnet, ours")) == [0, 2]
    runs = recorded.accuracies(made)
    assert ah.summary(runs, "test accuracy")["diverged"].to_dict() == {
        "the book's loop": 0, "ours": 1, "the paper's recipe": 1}
    assert runs.set_index(["arm", "seed"]).loc[("ours", 2), "test accuracy"] == \
        made["parts"]["alexnet, ours, seed 2"]["test_accuracy"][1]                 # after as many epochs as the book's
    assert recorded.speeds(made).empty
    assert recorded.by_batch(made)["failed"].to_dict() == {
        ("epochs and rate", 20): 1, ("epochs, rate by batch", 20): 1, ("updates, rate (images / 4)", 20): 1}


def test_another_failure_is_kept_and_tried_once_more(alexnet_like, monkeypatch):
    calls = []

    def fails(*arguments, **options):
        calls.append(arguments)
        raise RuntimeError("cuDNN error")

    monkeypatch.setattr(benchmark, "ladder", fails)
    first = record(networks=("alexnet",), seeds=(0,))
    assert first["parts"]["alexnet, ladder"] == {"failed": "RuntimeError: cuDNN error", "again": True}
    assert first["missing"] == 0 and "failed" not in first["parts"]["alexnet, ours, seed 0"]
    second = record(networks=("alexnet",), seeds=(0,))
    assert second["parts"]["alexnet, ladder"] == {"failed": "RuntimeError: cuDNN error"}
    record(networks=("alexnet",), seeds=(0,))
    assert len(calls) == 2


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
    table = recorded.speeds(made)
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
    monkeypatch.setitem(__main__.RECORDS, "gpu", record)
    assert __main__.main(["record", "gpu"]) == 130


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("measure", [benchmark.compare_ways, benchmark.ladder])
def test_a_measurement_that_was_stopped_is_not_whole(tiny, monkeypatch, measure):
    monkeypatch.setattr(benchmark.training, "fit", lambda *_, **__: ah.History(interrupted=True))
    with pytest.raises(KeyboardInterrupt):
        measure("lenet", "cpu", *SIZES, say=lambda line: None)


@pytest.mark.filterwarnings("ignore")
def test_books_curves_are_those_that_it_would_draw(tiny, monkeypatch):
    from d2l import torch as d2l

    monkeypatch.setattr(timing, "seconds", lambda work, device: work() or 6.0)
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
    assert __main__.main(["record", "gpu"]) == 1
    assert "torch finds none that it can use" in capsys.readouterr().err
