"""What makes `fit` fast must not be seen in what it gives back, nor depend on a machine that the reader lacks."""

import os
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

import alexnet_helpers as ah
from alexnet_helpers import speed

CPU = torch.device("cpu")


@pytest.fixture
def net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(16, 8, kernel_size=3), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 6 * 6, 10))


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(1)
    return torch.rand(4, 16, 8, 8, generator=generator), torch.tensor([1, 2, 3, 4])


class Library:
    """Stands for Linux's C library and notes what is asked of it; the numbers are those of its header, malloc.h."""

    names = {-1: "M_TRIM_THRESHOLD", -3: "M_MMAP_THRESHOLD", -4: "M_MMAP_MAX"}

    def __init__(self):
        self.asked = []

    def mallopt(self, parameter, value):
        self.asked.append((self.names[parameter], value))

    def malloc_trim(self, pad):
        self.asked.append(("trimmed", pad))


@pytest.fixture
def library(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    found = Library()
    monkeypatch.setattr(speed.ctypes, "CDLL", lambda name: found)
    return found


USUAL_AGAIN = [("M_MMAP_MAX", 65_536), ("M_MMAP_THRESHOLD", 32 * 2**20), ("M_TRIM_THRESHOLD", 64 * 2**20),
               ("trimmed", 0)]                                 # the largest that glibc's own thresholds come to


def test_memory_of_a_batch_is_kept_and_then_given_back(library):
    with speed.memory_kept():
        assert library.asked == [("M_TRIM_THRESHOLD", 2**31 - 1), ("M_MMAP_MAX", 0)]
        library.asked.clear()
    assert library.asked == USUAL_AGAIN


def test_memory_is_given_back_after_an_error_too(library):
    with pytest.raises(RuntimeError, match="stop"), speed.memory_kept():
        raise RuntimeError("stop")
    assert library.asked[2:] == USUAL_AGAIN


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_other_systems_are_left_alone(library, monkeypatch, platform):
    monkeypatch.setattr(sys, "platform", platform)
    with speed.memory_kept():
        pass
    assert library.asked == []


@pytest.mark.skipif(sys.platform != "linux", reason="about Linux's C library")
def test_memory_is_given_back():
    def resident():
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    before = resident()
    with speed.memory_kept():
        torch.empty(2 ** 26).fill_(1)
    assert resident() - before < 2 ** 26


def test_maps_lie_channels_last_while_training_and_weights_as_before_after_it(net, batch):
    seen = []
    net[0].register_forward_hook(lambda module, inputs, output: seen.append(
        [tensor.is_contiguous(memory_format=torch.channels_last) for tensor in (inputs[0], module.weight, output)]))
    ah.fit(net, [batch], [batch], epochs=2, lr=0.1, show=False)
    assert seen == [[True] * 3] * 5                            # a try, and two epochs of training and evaluation
    assert net[0].weight.is_contiguous()
    assert net[0].weight.view(-1).shape == (8 * 16 * 9,)


@pytest.mark.parametrize(("channels", "moved"), [(5, False), (6, True)])
def test_network_of_few_channels_keeps_its_order(channels, moved):
    net = nn.Sequential(nn.Conv2d(1, channels, kernel_size=3), nn.Conv2d(channels, 16, kernel_size=3))
    with speed.channels_last(net):
        assert net[1].weight.is_contiguous() != moved
        X = net[0](speed.to_device(net, torch.rand(2, 1, 28, 28), CPU))
        assert X.is_contiguous(memory_format=torch.channels_last) == moved


@pytest.fixture
def room(monkeypatch):
    """Batches that keep their images enlarged, as on a GPU."""
    monkeypatch.setattr(speed, "enlarged_once", lambda images, side: True)
    images = torch.randint(0, 256, (10, 1, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    return ah.Batches(images, torch.arange(10), 4, resize=56)


def test_images_enlarged_once_are_those_enlarged_in_every_batch(room):
    assert room.enlarged().dtype == torch.uint8
    kept = torch.cat([X for X, _ in room])
    with speed.without("enlarged_once"):
        assert room.enlarged() is None
        assert torch.equal(kept, torch.cat([X for X, _ in room]))


def test_images_are_enlarged_again_only_if_they_have_changed(room):
    before = room.enlarged()
    assert room.enlarged() is before
    room.images[0] = 255
    assert room.enlarged()[0].eq(255).all()
    room.images = room.images.clone().zero_()
    assert room.enlarged().eq(0).all()


def test_a_cpu_keeps_no_enlarged_images():
    images = torch.zeros(2, 1, 28, 28, dtype=torch.uint8)
    assert ah.Batches(images, torch.arange(2), 2, resize=56).enlarged() is None


@pytest.mark.parametrize(("free", "kept"), [(4 * 224 * 224 * 60_000, True), (4 * 224 * 224 * 60_000 - 1, False)])
def test_images_are_enlarged_in_a_quarter_of_a_gpus_free_memory(monkeypatch, free, kept):
    images = type("Images", (), {"shape": (60_000, 1, 28, 28), "device": torch.device("cuda")})()
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free, 2 * free))
    assert speed.enlarged_once(images, 224) == kept


def test_order_is_restored_after_an_error(net):
    with pytest.raises(RuntimeError, match="stop"), speed.channels_last(net):
        raise RuntimeError("stop")
    assert net[0].weight.is_contiguous()


def test_order_that_the_reader_chose_stays(net, batch):
    net.to(memory_format=torch.channels_last)
    ah.fit(net, [batch], [batch], epochs=1, lr=0.1, show=False)
    assert not net[0].weight.is_contiguous()


class Own(nn.Module):
    """A layer as older tutorials write it: `view` fails on maps that lie channels-last."""

    def forward(self, X):
        return X.view(len(X), -1)


def test_a_readers_own_layer_may_count_on_the_usual_order(net, batch):
    net[2] = Own()
    ah.fit(net, [batch], [batch], epochs=1, lr=0.1, show=False)
    ah.evaluate(net, [batch])


def test_the_same_is_learned_as_without(net, batch):
    torch.manual_seed(0)
    again = nn.Sequential(nn.Conv2d(16, 8, kernel_size=3), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 6 * 6, 10))
    fast = ah.fit(net, [batch], [batch], epochs=5, lr=0.1, momentum=0.9, show=False)
    with speed.without(*speed.REASONS):
        plain = ah.fit(again, [batch], [batch], epochs=5, lr=0.1, momentum=0.9, show=False)
    assert fast.step_loss == pytest.approx(plain.step_loss, abs=1e-5)
    for name, value in net.state_dict().items():
        torch.testing.assert_close(value, again.state_dict()[name], rtol=0, atol=1e-5)


def test_without_leaves_out_what_it_names_and_nothing_after_it(net):
    with speed.without("channels_last"), speed.channels_last(net):
        assert net[0].weight.is_contiguous()
    with speed.channels_last(net):
        assert not net[0].weight.is_contiguous()
    with pytest.raises(ValueError, match="warp: the reasons are enlarged_once, memory_kept"), speed.without("warp"):
        pass


class OnGPU(nn.Module):
    """Stands for a network on a GPU, where there is none."""

    def __init__(self, weights):
        super().__init__()
        self.weights = weights

    def parameters(self):
        yield type("Weights", (), {"device": torch.device("cuda"), "numel": lambda _: self.weights})()


@pytest.mark.parametrize(("weights", "has_bf16", "used"), [
    (46_764_746, True, True), (46_764_746, False, False), (61_706, True, False)])
def test_bfloat16_for_large_networks_on_gpus_that_have_it(monkeypatch, weights, has_bf16, used):
    asked = []
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: has_bf16)
    monkeypatch.setattr(torch, "autocast", lambda device, dtype, enabled: asked.append((device, dtype, enabled)))
    speed.precision(OnGPU(weights))
    assert asked == [("cuda", torch.bfloat16, used)]


def test_on_a_cpu_everything_is_float32(batch):
    net = ah.alexnet()
    with speed.precision(net):
        assert net.fc8(torch.rand(2, 4096)).dtype == torch.float32


def test_fused_update_on_a_gpu_only_and_where_the_optimizer_has_it():
    assert speed.fused(torch.optim.SGD, torch.device("cuda"), {}) == {"fused": True}
    assert speed.fused(torch.optim.Adagrad, torch.device("cuda"), {}) == {}
    assert speed.fused(torch.optim.SGD, CPU, {}) == {}


def test_a_reader_who_says_how_weights_are_updated_is_obeyed():
    assert speed.fused(torch.optim.SGD, torch.device("cuda"), {"foreach": True}) == {}


def test_cudnn_is_left_as_it_was():
    before = torch.backends.cudnn.benchmark
    with speed.tried_kernels():
        assert torch.backends.cudnn.benchmark
    assert torch.backends.cudnn.benchmark == before
