"""Augmentation: every draw counted or placed by hand, PCA against numpy, ten crops against torchvision."""

import copy

import numpy as np
import pytest
import torch
from scipy.stats import chisquare
from torch import nn
from torchvision.transforms import v2

import alexnet_helpers as ah
from alexnet_helpers.augmentation import PCALighting, RandomCrop, RandomFlip, principal_colours, ten_crop

DEVICES = ["cpu"] + (["cuda"] if torch.cuda.is_available() else [])


def numbered(n: int, height: int, width: int, channels: int = 1) -> torch.Tensor:
    """n images whose pixel values tell their row and column: 1000 * row + column, the same in every channel."""
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return (1000.0 * rows + columns).expand(n, channels, height, width).clone()


def lighting(**options) -> PCALighting:
    torch.manual_seed(7)
    return PCALighting(*principal_colours(torch.rand(4, 3, 5, 5)), **options)


TRANSFORMS = {"flip": lambda seed: RandomFlip(seed=seed), "crop": lambda seed: RandomCrop(6, padding=1, seed=seed),
              "lighting": lambda seed: lighting(seed=seed)}


# ---------------------------------------------------------------------------------------------------------------
# What all have in common


@pytest.mark.parametrize("make", TRANSFORMS.values(), ids=TRANSFORMS)
def test_same_seed_same_images_whatever_the_global_generator_does(make):
    X = torch.rand(50, 3, 8, 8)
    torch.manual_seed(1)
    first, state = make(3), torch.get_rng_state()
    one = [first(X), first(X)]
    assert torch.equal(torch.get_rng_state(), state), "the global generator is left alone"
    torch.manual_seed(2)
    again = make(3)
    assert torch.equal(again(X), one[0]) and torch.equal(again(X), one[1])
    assert not torch.equal(one[0], one[1]), "each call draws anew"
    assert not torch.equal(make(4)(X), one[0])


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("make", TRANSFORMS.values(), ids=TRANSFORMS)
def test_device_and_type_are_kept_and_the_input_is_not_written_to(make, device):
    X = torch.rand(6, 3, 8, 8, device=device)
    before = X.clone()
    Y = make(0)(X)
    assert Y.device == X.device and Y.dtype == X.dtype and torch.equal(X, before)
    torch.testing.assert_close(Y.cpu(), make(0)(X.cpu()))


@pytest.mark.parametrize("make", TRANSFORMS.values(), ids=TRANSFORMS)
def test_values_stay_in_their_range(make):
    X = torch.rand(200, 3, 8, 8).round()                       # black and white: the ends of the range
    for transform in (make(0), v2.Compose([make(0), make(1)])):
        Y = transform(X)
        assert Y.min() >= 0 and Y.max() <= 1


def test_chained_into_the_loader_labels_stay_with_their_images():
    chain = v2.Compose([RandomCrop(28, padding=2), RandomFlip()])
    plain, _ = ah.load_fashion_mnist(50, device="cpu", train_size=200, seed=5)
    moved, _ = ah.load_fashion_mnist(50, device="cpu", train_size=200, seed=5, augment=chain)
    again, _ = ah.load_fashion_mnist(50, device="cpu", train_size=200, seed=5,
                                     augment=v2.Compose([RandomCrop(28, padding=2), RandomFlip()]))
    for (X, y), (Z, z), (again_Z, _) in zip(plain, moved, again, strict=True):
        assert torch.equal(y, z) and X.shape == Z.shape and not torch.equal(X, Z)
        assert torch.equal(Z, again_Z)
        padded = nn.functional.pad(X, (2, 2, 2, 2))
        for image, crop in zip(padded, Z, strict=True):        # each result is a crop or mirrored crop of its own image
            views = image.unfold(1, 28, 1).unfold(2, 28, 1).flatten(1, 2)[0]
            assert ((views == crop[0]).all(dim=(1, 2)) | (views.flip(-1) == crop[0]).all(dim=(1, 2))).any()


def test_transforms_can_be_copied():
    flip = RandomFlip(seed=3)
    flip(torch.rand(5, 1, 2, 2))
    twin, X = copy.deepcopy(flip), torch.rand(50, 1, 2, 2)
    assert torch.equal(twin(X), flip(X))


# ---------------------------------------------------------------------------------------------------------------
# Flips


def test_a_flip_moves_a_marker_to_the_mirrored_column_and_nothing_else():
    X = torch.zeros(400, 2, 5, 7)
    X[:, 1, 3, 1] = 1
    Y = RandomFlip(seed=0)(X)
    channel, row, column = Y.nonzero()[:, 1:].T
    assert len(column) == 400 and set(channel.tolist()) == {1} and set(row.tolist()) == {3}
    assert set(column.tolist()) == {1, 5}


def test_half_of_the_images_are_flipped():
    X = numbered(4000, 1, 4)
    flipped = (RandomFlip(seed=0)(X)[:, 0, 0, 0] == 3).sum()
    assert 1874 <= flipped <= 2126                             # within four standard deviations


def test_each_image_has_its_own_draw_where_v2_has_one_for_the_batch():
    X = numbered(32, 4, 4)
    ours = RandomFlip(seed=0)(X)[:, 0, 0, 0]
    assert len(ours.unique()) == 2
    torch.manual_seed(0)
    for _ in range(10):
        assert len(v2.RandomHorizontalFlip()(X)[:, 0, 0, 0].unique()) == 1
        assert len(v2.RandomCrop(3)(X)[:, 0, 0, 0].unique()) == 1


# ---------------------------------------------------------------------------------------------------------------
# Crops


def test_a_crop_is_a_piece_of_its_own_image():
    X = numbered(300, 9, 12, channels=3) + torch.arange(300)[:, None, None, None] * 10_000
    Y = RandomCrop(5, seed=0)(X)
    assert Y.shape == (300, 3, 5, 5)
    for i, (image, crop) in enumerate(zip(X, Y, strict=True)):
        corner = int(crop[0, 0, 0]) - 10_000 * i
        top, left = divmod(corner, 1000)
        assert torch.equal(crop, image[:, top:top + 5, left:left + 5])


@pytest.mark.parametrize("height, width, size", [(6, 6, 4), (5, 8, 4), (7, 7, 7)])
def test_every_place_occurs_and_equally_often(height, width, size):
    places = (height - size + 1) * (width - size + 1)
    corners = RandomCrop(size, seed=0)(numbered(400 * places, height, width))[:, 0, 0, 0]
    found, counts = corners.unique(return_counts=True)
    expected = [1000 * top + left for top in range(height - size + 1) for left in range(width - size + 1)]
    assert found.tolist() == expected
    assert places == 1 or chisquare(counts.numpy()).pvalue > 0.01


def test_the_papers_crop_has_33_places_an_axis_not_32():
    corners = RandomCrop(224, seed=0)(numbered(400, 256, 256))[:, 0, 0, 0].long()
    assert set((corners // 1000).tolist()) == set((corners % 1000).tolist()) == set(range(33))


def test_padding_shifts_a_marker_by_up_to_its_width():
    X = torch.zeros(3000, 1, 28, 28)
    X[:, 0, 10, 20] = 1
    where = RandomCrop(28, padding=2, seed=0)(X).nonzero()[:, 2:]
    assert {tuple(place) for place in where.tolist()} == {(r, c) for r in range(8, 13) for c in range(18, 23)}
    assert len(where) == 3000
    black = RandomCrop(28, padding=2, seed=0)(torch.ones(500, 1, 28, 28)) == 0
    assert black.any() and set(black.sum(dim=(1, 2, 3)).tolist()) <= {28 * a + 28 * b - a * b
                                                                     for a in range(3) for b in range(3)}


def test_crop_keeps_whole_grey_levels_whole():
    assert RandomCrop(3, padding=1)(torch.ones(2, 1, 4, 4, dtype=torch.uint8)).dtype == torch.uint8


def test_a_crop_that_does_not_fit():
    with pytest.raises(ValueError, match="crop of 9 pixels does not fit into images of 8 by 12"):
        RandomCrop(9)(torch.zeros(1, 1, 8, 12))
    assert RandomCrop(9, padding=1)(torch.zeros(1, 1, 8, 12)).shape == (1, 1, 9, 9)


@pytest.mark.parametrize("size, padding", [(0, 0), (3, -1)])
def test_crop_refuses_impossible_settings(size, padding):
    with pytest.raises(ValueError, match="at least"):
        RandomCrop(size, padding)


# ---------------------------------------------------------------------------------------------------------------
# PCA lighting


@pytest.fixture
def coloured() -> torch.Tensor:
    """Images whose channels hang together, in [0, 1]."""
    generator = torch.Generator().manual_seed(0)
    mixture = torch.tensor([[0.6, 0.1, 0.0], [0.5, -0.1, 0.05], [0.4, 0.1, -0.1]])
    return (torch.rand(20, 8, 9, 3, generator=generator) @ mixture.T).movedim(-1, 1).clamp(0, 1)


def test_principal_colours_are_numpys(coloured):
    values, vectors = principal_colours(coloured)
    pixels = coloured.movedim(1, -1).reshape(-1, 3).double().numpy()
    theirs, their_vectors = np.linalg.eigh(np.cov(pixels, rowvar=False))
    np.testing.assert_allclose(values.numpy(), theirs[::-1], rtol=1e-9)
    np.testing.assert_allclose(np.abs(np.diag(their_vectors[:, ::-1].T @ vectors.numpy())), 1, rtol=1e-9)
    # And by another road, without a covariance: singular values of the centred pixels.
    _, singular, rows = np.linalg.svd(pixels - pixels.mean(axis=0), full_matrices=False)
    np.testing.assert_allclose(values.sqrt().numpy(), singular / (len(pixels) - 1) ** 0.5, rtol=1e-9)
    np.testing.assert_allclose(np.abs(np.diag(rows @ vectors.numpy())), 1, rtol=1e-9)


def test_principal_colour_of_one_channel_is_its_variance():
    values, vectors = principal_colours(torch.tensor([1., 2., 3., 6.]).view(1, 1, 2, 2))
    assert values.tolist() == pytest.approx([14 / 3])           # (4 + 1 + 0 + 9) / 3
    assert vectors.tolist() == [[1]]


def test_principal_colours_of_colours_chosen_by_hand():
    """Pixels on one line, along (3, 0, 4) / 5, from -10 to 10: variance 2 * 100 / 2, and none across."""
    steps = torch.tensor([-10.0, 0.0, 10.0])
    images = (steps[:, None] * torch.tensor([0.6, 0.0, 0.8]))[:, :, None, None]     # three images of one pixel
    values, vectors = principal_colours(images)
    torch.testing.assert_close(values, torch.tensor([100.0, 0.0, 0.0], dtype=torch.float64), rtol=1e-6, atol=1e-4)
    torch.testing.assert_close(vectors[:, 0], torch.tensor([0.6, 0.0, 0.8], dtype=torch.float64), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("roots", [True, False])
def test_added_colours_spread_as_the_formula_says(coloured, roots):
    values, vectors = principal_colours(coloured)
    added = PCALighting(values, vectors, sigma=0.1, roots=roots, seed=0).colours(200_000).double().numpy()
    spread = 0.1 * (values.sqrt() if roots else values).numpy()
    along = added @ vectors.numpy()
    np.testing.assert_allclose(along.std(axis=0), spread, rtol=0.01)
    np.testing.assert_allclose(along.mean(axis=0) / spread, 0, atol=0.01)
    np.testing.assert_allclose(np.corrcoef(along.T), np.eye(3), atol=0.01)


def test_one_colour_an_image_added_to_all_its_pixels(coloured):
    transform = PCALighting(*principal_colours(coloured), white=None, seed=1)
    change = transform(coloured) - coloured
    assert torch.allclose(change, change[:, :, :1, :1].expand_as(change), atol=1e-6)
    expected = PCALighting(*principal_colours(coloured), seed=1).colours(len(coloured))
    torch.testing.assert_close(change[:, :, 0, 0], expected, atol=1e-6, rtol=1e-5)
    assert len(change[:, 0, 0, 0].unique()) == len(coloured)


def test_roots_do_the_same_on_any_scale_eigenvalues_do_not(coloured):
    def change(scale: float, roots: bool) -> torch.Tensor:
        X = coloured * scale
        return (PCALighting(*principal_colours(X), roots=roots, white=None)(X) - X) / scale
    torch.testing.assert_close(change(255, roots=True), change(1, roots=True), atol=1e-5, rtol=1e-3)
    torch.testing.assert_close(change(255, roots=False), 255 * change(1, roots=False), atol=1e-4, rtol=1e-3)


def test_cut_to_the_range_or_not(coloured):
    values, vectors = principal_colours(255 * coloured)
    wild = PCALighting(values, vectors, roots=False, white=255)(255 * coloured)
    assert wild.min() == 0 and wild.max() == 255
    assert PCALighting(values, vectors, roots=False, white=None)(255 * coloured).max() > 500


def test_lighting_refuses_what_it_cannot_light():
    with pytest.raises(ValueError, match="3 channels, but the images have 1"):
        lighting()(torch.rand(2, 1, 4, 4))
    with pytest.raises(ValueError, match="float pixels"):
        lighting()(torch.ones(2, 3, 4, 4, dtype=torch.uint8))
    with pytest.raises(ValueError, match="principal_colours"):
        PCALighting(torch.ones(3), torch.ones(2, 2))


# ---------------------------------------------------------------------------------------------------------------
# Ten views


def small_net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 5), nn.ReLU(), nn.Flatten(), nn.Dropout(0.5), nn.Linear(4 * 20 * 20, 6))


def test_ten_crop_is_the_mean_softmax_over_torchvisions_views():
    net, X = small_net().eval(), torch.rand(7, 3, 28, 30)
    views = torch.stack(v2.TenCrop(24)(X))                     # (10, 7, 3, 24, 24)
    with torch.no_grad():
        expected = torch.stack([torch.softmax(net(views[:, i]), dim=1).mean(dim=0) for i in range(7)])
    torch.testing.assert_close(ten_crop(net, X, 24), expected)
    torch.testing.assert_close(ten_crop(net, X, 24).sum(dim=1), torch.ones(7))


def test_ten_crop_looks_at_four_corners_and_the_centre_both_ways_round():
    seen = []

    class Witness(nn.Module):
        def forward(self, X: torch.Tensor) -> torch.Tensor:
            seen.append((int(X[0, 0, 0, 0]), bool(X[0, 0, 0, 0] < X[0, 0, 0, -1])))
            return torch.zeros(len(X), 2)

    ten_crop(Witness(), numbered(1, 28, 28), 24)
    corners = {0, 4, 4000, 4004, 2002}                        # top left pixels
    assert {value for value, upright in seen if upright} == corners
    assert {value - 23 for value, upright in seen if not upright} == corners
    assert len(seen) == 10


def test_ten_crop_runs_in_eval_mode_without_gradients_and_restores_the_mode():
    net, X = small_net().train(), torch.rand(2, 3, 28, 28)
    one, two = ten_crop(net, X, 24), ten_crop(net, X, 24)
    assert torch.equal(one, two) and not one.requires_grad and net.training and net[3].training
