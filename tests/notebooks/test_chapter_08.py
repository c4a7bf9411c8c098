"""Chapter 08: what its cells define, against expectations of their own."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import alexnet_helpers as ah
from alexnet_helpers import recorded, spots

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
LESSON, DEPTH = FOLDER / "08_first_layer_filters.ipynb", FOLDER / "in_depth" / "08_first_layer_filters_in_depth.ipynb"


def cell_with(text: str, notebook: Path = LESSON) -> str:
    cells = ["".join(cell["source"]) for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]]
    return next(cell for cell in cells if text in cell)


def definition(name: str, names: dict, notebook: Path = LESSON) -> Callable:
    """The function `name` as its cell defines it, with `names` around it; the rest of the cell is left out."""
    import ast

    tree = ast.parse(cell_with(f"def {name}(", notebook))
    tree.body = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name]
    exec(compile(tree, str(notebook), "exec"), names)
    return names[name]


@pytest.mark.parametrize("orientation", [0, 30, 90, 135])
def test_gabor_has_its_bars_where_it_says(orientation: float) -> None:
    w = definition("gabor", {"np": np, "math": math})(orientation, 0.25, 0, 4, 4)
    spectrum = np.abs(np.fft.fftshift(np.fft.fft2(w, s=(256, 256))))
    down, right = np.unravel_index(spectrum[128:].argmax(), (128, 256))         # half a plane: the peak comes twice
    down, right = down / 256, (right - 128) / 256                              # cycles a pixel
    assert math.hypot(down, right) == pytest.approx(0.25, abs=0.02)
    bars = math.degrees(math.atan2(right, down)) % 180         # at right angles to the wave, y upwards
    assert abs((bars - orientation + 90) % 180 - 90) < 3
    assert w[5, 5] == 1


def test_gabor_of_the_lesson_is_what_its_exercise_asks_for(capsys: pytest.CaptureFixture) -> None:
    ah.check_exercise("8.1", definition("gabor", {"np": np, "math": math}))
    assert capsys.readouterr().out == "Exercise 8.1: right.\n"


def test_fit_of_the_lesson_is_that_of_the_library() -> None:
    """R squared and direction, of bars under noise and of noise alone."""
    from scipy.optimize import least_squares

    names = {"np": np, "math": math, "least_squares": least_squares}
    gabor, _, fit = (definition(name, names) for name in ("gabor", "leftover", "fit"))
    rng = np.random.default_rng(3)
    w = [gabor(40, 0.2, 60, 2, 3, right=1, down=-1) + 0.1 * rng.normal(size=(11, 11)), rng.normal(size=(11, 11))]
    table = ah.fit_gabor(np.stack(w)[:, None])
    found = [fit(one) for one in w]
    np.testing.assert_allclose([r2 for _, r2 in found], table["fit"], atol=0.01)
    assert abs((found[0][0][0] - table["orientation"][0] + 90) % 180 - 90) < 0.5


def test_crop_of_the_lesson_is_that_of_the_library() -> None:
    """The library draws turn, scale, mirror and shift from its generator, in that order; the lesson is handed them."""
    data = ah.photo_spots([np.random.default_rng(0).integers(256, size=(90, 120, 3), dtype=np.uint8)], spots=5,
                          batch_size=6, batches=1, seed=4, device="cpu")
    y = torch.tensor([0, 1, 2, 3, 4, 0])
    found = data.crops(y)
    g = torch.Generator().manual_seed(4)
    angle = math.radians(25) * (2 * torch.rand(6, generator=g) - 1)
    scale = torch.exp(math.log(0.8) + math.log(2.5 / 0.8) * torch.rand(6, generator=g))
    flip = 1.0 - 2.0 * torch.randint(2, (6,), generator=g)
    centre = data.places[y] + 64 / 12 * torch.randn(6, 2, generator=g)
    crop = definition("crop", {"torch": torch, "F": F, "math": math})
    for i in range(6):
        ours = crop(data.photos[0], *centre[i].tolist(), angle[i].item(), scale[i].item(), flip[i].item())
        torch.testing.assert_close(ours, found[i], atol=1e-3, rtol=1e-3)


def test_windows_are_what_conv1_of_the_book_sees() -> None:
    W = definition("windows", {"ah": ah, "F": F})(224, images=2)
    X, _ = next(iter(ah.load_fashion_mnist(2, resize=224, device="cpu")[1]))
    conv1 = ah.alexnet().conv1
    with torch.no_grad():
        expected = conv1(X).movedim(1, 3).flatten(0, 2).double()
        found = W @ conv1.weight.flatten(1).double().T + conv1.bias.double()
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_gradient_of_a_filter_is_a_sum_of_windows() -> None:
    """The argument of the chapter, on windows that leave most directions empty."""
    torch.manual_seed(0)
    X = torch.randn(3, 1, 31, 1).expand(-1, -1, -1, 31)        # every row even: windows hold 11 numbers, not 121
    net = nn.Sequential(nn.Conv2d(1, 8, 11, stride=4), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 36, 5))
    F.cross_entropy(net(X), torch.tensor([0, 1, 2])).backward()
    gradient = net[0].weight.grad[:, 0]
    assert gradient.abs().max() > 1e-4
    torch.testing.assert_close(gradient, gradient.mean(dim=2, keepdim=True).expand_as(gradient))


def test_features_are_pooled_answers() -> None:
    through = definition("through", {"torch": torch, "F": F}, DEPTH)
    X, w = torch.rand(2, 1, 64, 64), np.random.default_rng(0).normal(size=(3, 3, 11, 11))
    found = through(w, X).reshape(2, 3, 4, 4)
    grey = w.sum(axis=1)
    grey = grey / np.linalg.norm(grey, axis=(1, 2), keepdims=True)
    answers = [max(0, (X.numpy()[1, 0, 4 * i:4 * i + 11, 4 * j:4 * j + 11] * grey[2]).sum())
               for i in range(3, 8) for j in range(6, 11)]
    assert found[1, 2, 1, 2] == pytest.approx(max(answers), abs=1e-4)
    assert through(rng_filters(), X).shape == (2, 1536)


def test_clothes_are_sharpened_as_the_photograph_is() -> None:
    from scipy.ndimage import gaussian_filter

    X = torch.rand(2, 1, 64, 64)
    found = definition("sharpened", {"spots": spots}, DEPTH)(X)
    less = gaussian_filter(X[1, 0].numpy(), 3, mode="mirror", truncate=3)
    np.testing.assert_allclose(found[1, 0], X[1, 0].numpy() - 0.7 * less, atol=1e-3)


def rng_filters() -> np.ndarray:
    return np.random.default_rng(1).normal(size=(96, 1, 11, 11))


def test_probe_trains_on_its_own_part_only() -> None:
    from sklearn.linear_model import RidgeClassifierCV
    from sklearn.preprocessing import StandardScaler

    rng = np.random.default_rng(0)
    labels, labels_test = rng.integers(3, size=4_000), rng.integers(3, size=1_000)
    A = np.eye(3)[labels] + 0.01 * rng.normal(size=(4_000, 3))
    A[:1_600] = A[:1_600, ::-1]                                # the first two parts teach another rule
    probe = definition("probe", {"StandardScaler": StandardScaler, "RidgeClassifierCV": RidgeClassifierCV,
                                 "labels": labels, "labels_test": labels_test}, DEPTH)
    right = [probe(A, np.eye(3)[labels_test], part)["test accuracy"] for part in range(5)]
    assert max(right[:2]) < 0.5
    assert min(right[2:]) == 1


def test_wish_drives_the_unit_that_it_is_made_for() -> None:
    layers = nn.Conv2d(1, 3, 17, padding=8)
    with torch.no_grad():                                      # edges: left against right, nothing, above against below
        layers.weight[0, 0] = torch.sign(torch.arange(17) - 8.0).expand(17, 17)
        layers.weight[1] = 0
        layers.weight[2, 0] = layers.weight[0, 0].T
    names = {"torch": torch, "device": "cpu"}
    pictures = definition("wish", names, DEPTH)(layers, [2, 0], 1, torch.sigmoid, price=0.1)
    assert pictures.shape == (2, 1, 64, 64)
    with torch.no_grad():
        best = layers.bias + layers.weight.clamp(min=0).sum(dim=(1, 2, 3))       # white where the weight is positive
        values = layers(pictures)[:, :, 24:41, 24:41].amax(dim=(2, 3))
        grey = layers(torch.full((1, 1, 64, 64), 0.5))[0, :, 32, 32]
    for picture, unit in enumerate([2, 0]):
        assert values[picture, unit] - grey[unit] > 0.25 * (best[unit] - grey[unit])


def test_nearest_is_by_angle() -> None:
    nearest = definition("nearest", {"torch": torch, "F": F}, DEPTH)
    A = np.array([[1.0, 0], [10, 9], [0, 0.1]])
    assert nearest(A, np.array([[0, 5.0], [1, 1], [3, 0.1]])).tolist() == [2, 1, 0]


def test_interval_covers_a_share() -> None:
    low, high = definition("interval", {"np": np}, DEPTH)(np.arange(1_000) < 800)
    assert 0.765 < low < 0.785 < 0.815 < high < 0.835


# ---------------------------------------------------------------------------------------------------------------
# The rung of torchvision's pretrained filters


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty cache of torch's, no download, and weights of a few bytes that are named after their SHA-256."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", lambda *_, **__: pytest.fail("started a download"))
    torch.save({"features.0.weight": torch.arange(12.0).reshape(2, 6), "features.0.bias": torch.zeros(2)},
               tmp_path / "weights")
    digits = hashlib.sha256((tmp_path / "weights").read_bytes()).hexdigest()[:8]
    monkeypatch.setattr(recorded, "PRETRAINED", f"https://example.org/models/alexnet-owt-{digits}.pth")
    (tmp_path / "checkpoints").mkdir()
    return tmp_path / "checkpoints" / f"alexnet-owt-{digits}.pth"


def last_rung() -> dict[str, np.ndarray]:
    """What the ladder's cell finds."""
    space = {"ah": ah, "torch": torch}
    exec(cell_with("pretrained = {}"), space)
    return space["pretrained"]


def flip(content: bytes) -> bytes:
    return content[:-1] + bytes([content[-1] ^ 1])


@pytest.mark.parametrize("spoil", [lambda whole: b"", lambda whole: whole[:len(whole) // 2], flip,
                                   lambda whole: whole + b"\n", lambda whole: b"<html>Please log in</html>"],
                         ids=["empty", "half", "one bit", "a byte more", "a web page"])
def test_a_damaged_file_of_weights_is_passed_over_in_a_sentence(
        cache: Path, capsys: pytest.CaptureFixture, spoil: Callable[[bytes], bytes]) -> None:
    content = spoil((cache.parents[1] / "weights").read_bytes())
    cache.write_bytes(content)
    assert last_rung() == {}
    assert capsys.readouterr().out == (
        f"The ladder ends below torchvision's pretrained conv1: {cache.name} in torch's cache is damaged (its SHA-256 "
        f"begins {hashlib.sha256(content).hexdigest()[:8]}). Set fetch = True to download its weights.\n")
    assert cache.read_bytes() == content


@pytest.mark.parametrize("name", [None, "alexnet-owt-4df8aa71.pth", "alexnet-owt-7be5be79.pth.partial", "a folder"])
def test_other_files_in_the_cache_start_no_download(cache: Path, capsys: pytest.CaptureFixture,
                                                    name: str | None) -> None:
    if name == "a folder":
        cache.mkdir()
    elif name:
        (cache.parent / name).write_bytes((cache.parents[1] / "weights").read_bytes())
    assert last_rung() == {}
    assert capsys.readouterr().out == (f"The ladder ends below torchvision's pretrained conv1: {cache.name} is not in "
                                       "torch's cache. Set fetch = True to download its weights.\n")


def test_the_whole_file_gives_conv1(cache: Path, capsys: pytest.CaptureFixture) -> None:
    cache.write_bytes((cache.parents[1] / "weights").read_bytes())
    assert last_rung()["ImageNet, torchvision"].tolist() == np.arange(12.0).reshape(2, 6).tolist()
    assert capsys.readouterr().out == "The ladder ends with torchvision's pretrained conv1.\n"


def test_only_who_asks_downloads(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def download(url: str, path: str, hash_prefix: str) -> None:
        asked.append((url, hash_prefix))
        Path(path).write_bytes((cache.parents[1] / "weights").read_bytes())

    monkeypatch.setattr(torch.hub, "download_url_to_file", download)
    cache.write_bytes(b"half")
    assert ah.pretrained_filters(fetch=True).shape == ah.pretrained_filters(fetch=True).shape == (2, 6)
    assert asked == [(recorded.PRETRAINED, cache.stem[-8:])]   # once: then it is there


def test_a_download_of_another_file_is_an_error_to_read(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def download(*_: str, **__: str) -> None:
        raise RuntimeError("invalid hash value")

    monkeypatch.setattr(torch.hub, "download_url_to_file", download)
    with pytest.raises(OSError, match="invalid hash value"):
        ah.pretrained_filters(fetch=True)
