"""The trials of recipes for filters: the rule, on marks that are given, and one small trial that trains."""

from __future__ import annotations

import json

import pytest

import alexnet_helpers as ah
from alexnet_helpers import recorded
from alexnet_helpers.maintain import filter_trials

CHANGES = [{"lr": 0.1}, {"spots": 8}, {"sharpen": 0.9}]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(recorded, "FOLDER", tmp_path)
    return tmp_path


@pytest.fixture
def marked(folder, monkeypatch):
    """A trial without its training: a higher rate helps, more spots give nothing but blobs, sharpening hurts."""
    made = []

    def trial(recipe, seed):
        made.append((recipe, seed))
        blobs = recipe["spots"] == 8
        share = 0.5 + recipe["lr"] + 0.3 * blobs - 0.2 * (recipe["sharpen"] > 0.8) + 0.01 * seed
        return {"recipe": recipe, "seed": seed, "median share": share, "oriented": 0.1 if blobs else 0.4}

    monkeypatch.setattr(filter_trials, "trial", trial)
    return made


def test_what_helps_stays_and_blobs_alone_do_not_win(marked):
    record = filter_trials.record_trials(CHANGES)
    assert record["best"] == filter_trials.START | {"lr": 0.1}
    assert len(marked) == 2 * (1 + len(CHANGES))               # two seeds each
    assert [trial["recipe"]["sharpen"] for trial in record["trials"]][-2:] == [0.9, 0.9]
    assert record["trials"][-1]["recipe"]["lr"] == 0.1         # each change is tried on the best so far


def test_trials_go_on_where_they_stopped(marked, monkeypatch):
    real = filter_trials.trial

    def broken(recipe, seed):
        if len(marked) == 5:
            raise KeyboardInterrupt
        return real(recipe, seed)

    monkeypatch.setattr(filter_trials, "trial", broken)
    with pytest.raises(KeyboardInterrupt):
        filter_trials.record_trials(CHANGES)
    assert len(ah.load_record("filter_trials")["trials"]) == 5
    monkeypatch.setattr(filter_trials, "trial", real)
    filter_trials.record_trials(CHANGES)
    assert len(marked) == 8
    assert filter_trials.record_trials(CHANGES) == ah.load_record("filter_trials")             # nothing is left to do
    assert len(marked) == 8


def test_a_trial_trains_by_its_recipe(folder):
    small = {"photos": ["astronaut", "camera"], "spots": 4, "start": 0.001}
    made = filter_trials.trial(filter_trials.START | small, seed=1, epochs=1, batches=3, filters=8)
    assert json.loads(json.dumps(made)) == made
    assert 0 < made["median share"] <= made["median fit"] <= 1
    nets = [filter_trials.started_network(filter_trials.START | {"start": sd}, seed=1) for sd in (0.01, 0.001)]
    assert [net.conv1.weight.std().item() for net in nets] == [pytest.approx(0.01, rel=0.05),
                                                               pytest.approx(0.001, rel=0.05)]
