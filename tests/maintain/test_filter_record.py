"""The record of filters, at a size that takes seconds."""

import json

import numpy as np
import pytest
import torch
from torch.optim.optimizer import register_optimizer_step_pre_hook

import alexnet_helpers as ah
from alexnet_helpers import recorded
from alexnet_helpers.filters import scorecard
from alexnet_helpers.maintain import __main__ as maintain
from alexnet_helpers.maintain import filter_record

SMALL = {"one tower": (1, 0, 0.01, 0.01, False), "two towers, seed 1": (2, 1, 0.01, 0.01, False),
         "averaged, seed 1": (1, 1, 0.01, 0.01, True)}


def record(networks=SMALL):
    return filter_record.record_filters(networks, batches=3, filters=8, spots=4, looks=2)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(recorded, "FOLDER", tmp_path)
    monkeypatch.setattr(filter_record, "seconds_an_epoch", lambda *_: 0.1)
    return tmp_path


def test_record_is_whole_small_and_without_pickles(folder, capsys):
    made = record()
    assert "Not recorded yet" not in capsys.readouterr().out   # it is being recorded
    assert ah.load_record("filters") == json.loads(json.dumps(made))
    for network in SMALL:
        looks = made["networks"][network]["looks"]
        assert [look["epoch"] for look in looks] == [0, 3, 6]
        assert all(0 <= look["Gabor-like"] <= 1 for look in looks)
    kept = ah.load_filters()
    assert set(kept) == {*SMALL, "one tower before"}
    assert [network for network in SMALL if "average" in made["networks"][network]] == ["averaged, seed 1"]
    assert all(w.shape == (8, 3, 11, 11) and w.dtype == np.float32 for w in kept.values())
    assert not np.allclose(kept["one tower"], kept["one tower before"])
    assert sorted(path.name for path in folder.iterdir()) == ["filters.json", "filters.npz"]


def test_average_is_of_the_weights_at_every_step_of_the_second_half(folder):
    met, rates = [], set()

    def look(sgd, *_):                                         # before each step of every optimizer
        met.append(sgd.param_groups[0]["params"][0].detach().clone())                          # conv1's weights
        rates.add(sgd.param_groups[0]["lr"])

    watch = register_optimizer_step_pre_hook(look)
    made = record({"averaged, seed 1": SMALL["averaged, seed 1"]})
    watch.remove()
    assert len(met) == 18 and rates == {0.03}                  # six epochs of three batches; the rate stays
    mean = torch.stack(met[9:]).mean(dim=0)
    np.testing.assert_allclose(ah.load_filters()["averaged, seed 1"], mean, atol=2e-4)         # float16
    assert (mean - met[-1]).abs().max() > 2e-3                 # it is no single step's
    card = scorecard(ah.fit_gabor(mean))
    assert made["networks"]["averaged, seed 1"]["average"] == pytest.approx(card, abs=0.01)


@pytest.mark.parametrize("network", ["one tower", "averaged, seed 1"])
def test_interrupted_record_continues_to_the_same_filters(network, folder, monkeypatch):
    def record():
        return filter_record.record_filters({network: SMALL[network]}, batches=3, filters=8, spots=4, looks=2)

    record()
    whole = ah.load_filters()
    for path in folder.iterdir():
        path.unlink()
    real, calls = filter_record.fit, []

    def broken(*arguments, **options):
        calls.append(options["epochs"])
        history = real(*arguments, **{**options, "epochs": min(4, options["epochs"])})
        history.interrupted = options["epochs"] > 4
        return history

    monkeypatch.setattr(filter_record, "fit", broken)
    with pytest.raises(KeyboardInterrupt):
        record()
    assert calls == [3, 6]
    assert len(list(folder.glob("*.checkpoint"))) == 1
    assert ah.load_record("filters")["networks"][network]["looks"][-1]["epoch"] == 3
    monkeypatch.setattr(filter_record, "fit", real)
    record()
    again = ah.load_filters()
    assert all(np.array_equal(whole[name], again[name]) for name in whole)
    monkeypatch.setattr(filter_record, "fit", None)            # nothing is left to do
    record()


def test_filters_are_tested_on_other_crops_than_they_are_trained_on(folder, monkeypatch):
    given = []

    def stopped(net, train, test, **_):
        given.extend((train, test))
        raise KeyboardInterrupt

    monkeypatch.setattr(filter_record, "fit", stopped)
    with pytest.raises(KeyboardInterrupt):
        record()
    (X, _), (Z, _) = (next(iter(data)) for data in given)
    assert not torch.equal(X, Z)


def test_book_joins_the_record_once(folder, capsys):
    record({"one tower": SMALL["one tower"]})
    made = filter_record.record_book(epochs=1, batch_size=2, size=193, train_size=4, test_size=2)
    assert made["the book"]["epochs"] == len(made["the book"]["train loss"]) == 1
    kept = ah.load_filters()
    assert set(kept) == {"one tower", "one tower before", "the book", "the book before"}
    torch.manual_seed(0)
    np.testing.assert_allclose(kept["the book before"], ah.alexnet().conv1.weight.detach(), atol=1e-3)    # float16
    assert not np.array_equal(kept["the book"], kept["the book before"])
    assert filter_record.record_book() == ah.load_record("filters") == made           # nothing is left to do


def test_missing_filters_are_said_to_be_missing(folder, capsys):
    (folder / "filters.json").write_text("{}")                 # without the filters themselves
    assert ah.load_filters() is None
    assert "record filters" in capsys.readouterr().out
    (folder / "filters.json").unlink()
    with pytest.raises(RuntimeError, match="call record_filters first"):
        filter_record.record_book()


def test_command_makes_both_parts_of_the_record(monkeypatch, capsys):
    made = []
    monkeypatch.setattr(filter_record, "record_filters", lambda: made.append("one photograph"))
    monkeypatch.setattr(filter_record, "record_book", lambda: made.append("the book"))
    assert maintain.main(["record", "filters"]) == 0
    assert made == ["one photograph", "the book"]              # the second joins the first
    assert capsys.readouterr().out.startswith("Recorded in ")
