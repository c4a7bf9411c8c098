"""facts.toml: every fact names its source, and the figures agree with each other and with the AlexNet paper."""

import pytest

from alexnet_helpers.ledger import facts

LISTS = ("milestones", "ilsvrc", "contests", "datasets", "machines", "speeds", "imagenet_runs")


@pytest.mark.parametrize("name", LISTS)
def test_every_entry_names_its_source_and_its_year(name):
    entries = facts()[name]
    assert entries
    for entry in entries:
        assert len(entry["source"]) > 15, entry
        assert 1980 <= entry["year"] <= 2025, entry
        assert (entry.get("name") or entry["team"]).strip()


@pytest.mark.parametrize("name", ["ilsvrc2012", "notes2012", "one_network", "training1998", "training2012"])
def test_every_table_names_its_source(name):
    assert len(facts()[name]["source"]) > 15


@pytest.mark.parametrize("name", LISTS)
def test_years_are_in_order(name):
    years = [entry["year"] for entry in facts()[name]]
    assert years == sorted(years)


@pytest.mark.parametrize("name", LISTS)
def test_no_entry_stands_twice(name):
    names = [entry.get("name") or entry["team"] for entry in facts()[name]]
    assert len(set(names)) == len(names)


def test_milestones_are_of_the_six_kinds():
    assert {m["kind"] for m in facts()["milestones"]} == {"network", "idea", "features", "data", "hardware",
                                                         "recognition"}


def test_the_timeline_runs_from_the_neocognitron_to_the_release_of_the_code():
    milestones = {m["name"]: m["year"] for m in facts()["milestones"]}
    assert [milestones[name] for name in ("Neocognitron", "backpropagation", "CNN on a GPU")] == [1980, 1986, 2006]
    assert [milestones[name] for name in ("ReLU", "Xavier", "GPU CNNs", "dropout")] == [2010, 2010, 2011, 2012]
    assert milestones["LeNet"] == 1989
    assert milestones["LeNet-5"] == 1998
    assert milestones["ImageNet"] == 2009
    assert milestones["ILSVRC"] == 2010
    assert milestones["AlexNet"] == 2012
    assert milestones["Turing Award"] == 2018
    assert milestones["2012 code"] == 2025


def test_errors_and_margins_as_the_paper_prints_them():
    """The paper gives 15.3 % against 26.2 %, and 16.4 % for five networks: table 2 and the abstract."""
    entries = facts()["ilsvrc2012"]["entries"]
    errors = [entry["error"] for entry in entries]
    assert errors == sorted(errors)
    assert all(0 < error < 100 for error in errors)
    learned = [entry for entry in entries if entry["learned"]]
    assert [round(entry["error"], 1) for entry in learned] == [15.3, 16.4]
    assert [entry["extra_data"] for entry in learned] == [True, False]
    runner_up = min(entry["error"] for entry in entries if not entry["learned"])
    assert round(runner_up, 1) == 26.2
    assert runner_up - learned[0]["error"] == pytest.approx(10.857)
    assert runner_up - learned[1]["error"] == pytest.approx(9.750)
    assert learned[1]["error"] < facts()["one_network"]["error"] < runner_up


def test_every_year_of_the_challenge_has_its_best_entry_on_the_supplied_images():
    """ResNet's paper has 3.57 %, SENet's 2.251 %."""
    years = facts()["ilsvrc"]
    assert [entry["year"] for entry in years] == list(range(2010, 2018))
    assert [entry["learned"] for entry in years] == 2 * [False] + 6 * [True]
    errors = [entry["error"] for entry in years]
    assert errors == sorted(errors, reverse=True)
    assert [round(errors[i], 2) for i in (5, 7)] == [3.57, 2.25]
    supplied = [entry for entry in facts()["ilsvrc2012"]["entries"] if not entry["extra_data"]]
    assert errors[2] == min(entry["error"] for entry in supplied)


def test_contests_agree_with_the_challenge_table():
    last = facts()["contests"][-1]
    entries = facts()["ilsvrc2012"]["entries"]
    assert last["learned"] == min(entry["error"] for entry in entries)
    assert last["hand_made"] == min(entry["error"] for entry in entries if not entry["learned"])
    assert all(contest["learned"] < contest["hand_made"] for contest in facts()["contests"])


@pytest.mark.parametrize(("name", "tflops"), [("ASCI Red, supercomputer", 4_608 * 0.0004),
                                              ("SGI Origin 2000, one CPU", 0.0004), ("GeForce 8800 GTX", 0.3456),
                                              ("GTX 580", 1.581), ("Core i7-2600, quad-core", 0.2176),
                                              ("EPYC 7742, 64 cores", 4.608), ("A100", 19.5)])
def test_peak_rates_are_the_published_ones(name, tflops):
    machine = next(m for m in facts()["machines"] if m["name"] == name)
    assert machine["tflops"] == pytest.approx(tflops, rel=2e-3)


def test_tensor_cores_of_the_a100_reach_312_tflops():
    a100 = next(m for m in facts()["machines"] if m["name"] == "A100")
    assert a100["multiprocessors"] * a100["tensor_flops_per_cycle"] * a100["ghz"] / 1e3 == pytest.approx(312, rel=1e-3)


def test_training_runs_name_machines_that_are_listed():
    names = {machine["name"] for machine in facts()["machines"]}
    assert facts()["training1998"]["machine"] in names
    assert facts()["training2012"]["machine"] in names


def test_facts_can_be_changed_without_harm():
    facts()["milestones"].clear()
    assert facts()["milestones"]


def test_notes_of_2012_agree_with_what_the_paper_prints():
    """40.7 and 18.2 % for one network, 37.5 and 17.0 % on the images of 2010, 39.0 and 16.6 % with a sixth layer."""
    runs = {(run["run"], run["images"]): run for run in facts()["notes2012"]["runs"]}
    printed = {("145", "2012"): (40.7, 18.2), ("145", "2010"): (37.5, 17.0), ("146", "2012"): (39.0, 16.6)}
    for name, errors in printed.items():
        assert (round(100 * runs[name]["top1"], 1), round(100 * runs[name]["top5"], 1)) == errors
    assert round(100 * runs["145", "2012"]["top5"], 1) == facts()["one_network"]["error"]
    assert all(run["file"].startswith(f"layer-params-{run['run']}") and run["what"] for run in runs.values())


def test_the_books_runs_agree_with_themselves():
    """Curves read from figures end where the printed numbers do, and every triple is mean, lowest, highest."""
    runs = {entry["network"]: entry for entry in facts()["book_runs"]}
    assert {name: len(entry["final"]) for name, entry in runs.items()} == {"LeNet": 130, "AlexNet": 82}
    for entry in runs.values():
        assert entry["runs"] == len(entry["final"]) and len(entry["source"]) > 15
        for curve, length in (("test_accuracy", 10), ("train_loss", 10), ("train_accuracy", 10), ("first_epoch", 5)):
            assert len(entry[curve]) == length
            assert all(low <= mean <= high for mean, low, high in entry[curve])
        final = entry["final"]
        assert entry["test_accuracy"][-1] == pytest.approx([sum(final) / len(final), min(final), max(final)], abs=6e-4)
        assert entry["first_epoch"][-1] == pytest.approx(entry["train_loss"][0], abs=0.03)


def test_published_speeds_and_the_peaks_of_their_cards():
    """Peaks as the makers print them: 4.884, 22.06 and 40.09 TFLOP/s; the paper's speed follows from its days."""
    speeds = {speed["name"]: speed for speed in facts()["speeds"]}
    peaks = {"GTX 1660 Ti (laptop)": 4.884, "RTX 4060 Ti": 22.06, "RTX 4070 Ti": 40.09}
    assert {name: speeds[name]["tflops"] for name in peaks} == pytest.approx(peaks, rel=1e-3)
    assert speeds["two GTX 580"]["images_a_second"] == pytest.approx(90 * 1.2e6 / (5.5 * 86_400), rel=2e-3)


def test_runs_on_imagenet_agree_with_what_is_told_of_them():
    runs = {run["name"]: run for run in facts()["imagenet_runs"]}
    assert runs["two GTX 580"]["minutes"] == 5.5 * 24 * 60
    assert runs["four A100"]["minutes"] == pytest.approx(14_607 / 60, rel=2e-3)
