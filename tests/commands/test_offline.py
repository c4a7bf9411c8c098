"""What a reader's commands do without a network and without the full set: the sample, and a word about it."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from alexnet_helpers import data
from alexnet_helpers.__main__ import main
from alexnet_helpers.checkpoints import History
from alexnet_helpers.commands import benchmark, recipes

SAID = "using the sample of 6,000 + 1,000 images"


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[str]]:
    """No full set anywhere, no GPU; the addresses that were asked for, in vain."""
    addresses: list[str] = []

    def unreachable(url: str, timeout: float) -> None:
        assert timeout <= 10, "a reader waits"
        addresses.append(url)
        raise urllib.error.URLError("Network is unreachable")

    monkeypatch.delenv("ALEXNET_DATA", raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(data, "DATA_FOLDER", tmp_path / "data" / "FashionMNIST" / "raw")
    monkeypatch.setattr(data, "DEBIAN_FOLDER", tmp_path / "debian")
    monkeypatch.setattr(urllib.request, "urlopen", unreachable)
    data._fetch_once.cache_clear()
    yield addresses
    data._fetch_once.cache_clear()


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """How many training and test images `fit` gets, which stays away."""
    sizes: list[tuple[int, int]] = []
    monkeypatch.setattr(recipes, "fit", lambda net, train, test, **_: sizes.append(
        (len(train.images), len(test.images))) or History())
    return sizes


@pytest.mark.parametrize("network", ["lenet", "alexnet"])
@pytest.mark.parametrize("profile", ["quick", "full"])
def test_training_takes_the_sample_and_says_so(asked: list[str], trained: list, monkeypatch: pytest.MonkeyPatch,
                                               capsys: pytest.CaptureFixture, network: str, profile: str) -> None:
    monkeypatch.setenv("ALEXNET_PROFILE", profile)
    assert main(["train", network]) == 0
    assert trained == [(6_000, 1_000)]
    printed = capsys.readouterr().out
    assert f"{network} learns from 6,000 images of Fashion-MNIST; 1,000 test it." in printed
    assert printed.count(SAID) == len(asked) == (profile == "full")


def test_more_than_the_sample_is_refused_where_it_was_asked_for(trained: list, capsys: pytest.CaptureFixture) -> None:
    assert main(["train", "lenet", "--train-size", "6001"]) == 1
    assert "only the sample of 6,000 and 1,000 is here" in capsys.readouterr().err
    assert trained == []


def test_benchmark_takes_the_sample_and_says_so(asked: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
                                                capsys: pytest.CaptureFixture) -> None:
    """LeNet's 12,000 images come down to the sample's 6,000; AlexNet asks for no more than the sample has."""
    sizes = {}

    def compare(name: str, device: str, train_size: int, test_size: int, *_: object, **__: object) -> dict:
        sizes[name] = train_size, test_size
        return {"ours": {"training": 1.0, "flops_an_image": 1}}

    monkeypatch.setattr(benchmark, "compare_ways", compare)
    monkeypatch.setattr(benchmark, "as_text", lambda report: "the table")
    monkeypatch.setattr(benchmark.timing, "matrix_rates", lambda device: {"float32": 1e9})
    monkeypatch.setattr(benchmark.timing, "fetched_pages", lambda: None)
    assert main(["benchmark", str(tmp_path / "report.json")]) == 0
    assert sizes == {"lenet": (6_000, 1_000), "alexnet": (640, 128)}
    assert capsys.readouterr().out.count(SAID) == len(asked) == 1


def test_a_gpus_sizes_come_down_too(asked: list[str]) -> None:
    said: list[str] = []
    for _ in ("lenet", "alexnet"):
        assert data.sizes_here(60_000, 10_000, said.append) == (6_000, 1_000)
    assert len(asked) == 1
    assert all(SAID in line and "python -m alexnet_helpers data" in line for line in said) and len(said) == 2


def test_sizes_stay_where_the_full_set_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, asked: list[str]) -> None:
    for name in data.FULL_SET:
        (tmp_path / "debian").mkdir(exist_ok=True)
        (tmp_path / "debian" / f"{name}.gz").touch()
    assert data.sizes_here(12_000, 2_000, pytest.fail) == (12_000, 2_000)
    assert asked == []


def test_data_says_what_to_do(asked: list[str], capsys: pytest.CaptureFixture) -> None:
    assert main(["data"]) == 1
    printed = capsys.readouterr()
    assert "Network is unreachable" in printed.err and "The course goes on with its sample" in printed.err
    assert len(asked) == 1


def test_one_failed_download_a_session(asked: list[str], trained: list, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALEXNET_PROFILE", "full")
    for network in ("lenet", "alexnet", "lenet"):
        assert main(["train", network]) == 0
    assert len(asked) == 1
    assert trained == [(6_000, 1_000)] * 3
