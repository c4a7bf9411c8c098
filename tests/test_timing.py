"""What is timed and counted, not how fast it is."""

import re
import sys
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from alexnet_helpers import timing

pytestmark = pytest.mark.usefixtures("small_machine")


class Card:
    """What torch tells of a GPU, where there is none."""

    name, multi_processor_count, total_memory = "A card", 132, 80 * 2**30


def test_flops_of_a_linear_network_by_hand():
    """Forward and the weights' gradient take a multiplication and an addition each; so does the hidden layer's."""
    net = nn.Sequential(nn.Linear(7, 5), nn.Linear(5, 3))
    assert timing.training_flops(net, (7,)) == 2 * (7 * 5 + 5 * 3) * 2 + 2 * 5 * 3


def test_arithmetic_of_an_epoch_by_hand():
    """Testing is forward only: a multiplication and an addition for each weight."""
    net = nn.Sequential(nn.Linear(7, 5), nn.Linear(5, 3))
    training = 2 * (7 * 5 + 5 * 3) * 2 + 2 * 5 * 3
    assert timing.arithmetic_seconds(net, (7,), 60, 20, rate=100) == (60 * training + 20 * 2 * (7 * 5 + 5 * 3)) / 100


@pytest.mark.parametrize(("capability", "has_bf16", "expected"), [
    ((9, 0), True, {"float32": "highest", "tf32": "high", "bfloat16": "highest"}),
    ((7, 5), False, {"float32": "highest"})])
def test_matrix_rates_in_the_formats_that_a_card_has(monkeypatch, capability, has_bf16, expected):
    formats = []

    def rate(device, dtype=torch.float32):
        formats.append(dtype)
        return torch.get_float32_matmul_precision()

    monkeypatch.setattr(timing, "matrix_rate", rate)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: capability)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: has_bf16)
    assert timing.matrix_rates("cuda") == expected
    assert formats == [torch.float32, torch.float32, torch.bfloat16][:len(expected)]
    assert torch.get_float32_matmul_precision() == "highest"
    assert list(timing.matrix_rates("cpu")) == ["float32"]


def test_what_is_in_this_machine(monkeypatch):
    here = timing.machine("cpu")
    assert f"torch uses {torch.get_num_threads()} threads" in here["processors"]
    assert re.fullmatch(r"[\d.]+ GiB", here["memory"])
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: Card)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: True)
    monkeypatch.setattr(timing.inspection, "device_memory", lambda device: 78 * 2**30)
    there = timing.machine("cuda")
    assert there["card"] == "A card, 132 multiprocessors"
    assert there["memory"] == "80.0 GiB, 78.0 GiB of it free"
    assert there["bfloat16"] == "yes"


def test_a_networks_steps_are_what_is_timed(monkeypatch):
    def a_second(work, device):
        work()
        return 1.0

    monkeypatch.setattr(timing, "seconds", a_second)
    seen = []
    net = nn.Linear(4, 3)
    net.register_forward_hook(lambda *_: seen.append(net.training))
    rate = timing.training_rate(net, torch.rand(5, 4), torch.tensor([0, 1, 2, 0, 1]), lr=0.1, steps=6)
    assert rate == 6 * 5
    assert seen == [True] * (2 + 6)                            # two to warm up


def test_loading_counts_images_not_batches(monkeypatch):
    monkeypatch.setattr(timing, "seconds", lambda work, device: work() or 2.0)
    batches = [(torch.zeros(n, 1, 2, 2), torch.zeros(n)) for n in (4, 4, 2)]
    assert timing.loading_rate(batches, "cpu") == 10 / 2


def test_pages_are_the_fewest_of_a_round_with_and_without_memory_kept(monkeypatch):
    """By a system's counter that stands still while memory is kept, and jumps once by chance."""
    resource = pytest.importorskip("resource")
    kept, pages = [], [0]

    @contextmanager
    def memory_kept():
        kept.append(True)
        yield
        kept.clear()

    def getrusage(_):
        pages.append(pages[-1] + (0 if kept else 9_000 if len(pages) == 3 else 4_000))
        return SimpleNamespace(ru_minflt=pages[-1])

    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(torch, "empty", lambda _: torch.zeros(1))
    monkeypatch.setattr(timing.speed, "memory_kept", memory_kept)
    monkeypatch.setattr(resource, "getrusage", getrusage)
    assert timing.fetched_pages(rounds=3) == {"usual": 4_000, "kept": 0}
    monkeypatch.setattr(sys, "platform", "win32")
    assert timing.fetched_pages() is None


matrix_rate = timing.matrix_rate                               # itself: `small` puts a constant in its place


def test_rate_of_a_matrix_product_is_that_of_the_quickest_run(monkeypatch):
    took = iter([9.0, 4.0, 2.0, 8.0, 5.0, 3.0])                # both ways, a first run and two more each
    monkeypatch.setattr(timing, "seconds", lambda work, device: next(took))
    assert matrix_rate("cpu", repeats=2) == 2 * 3072 ** 3 / 2.0
    assert next(took, None) is None
