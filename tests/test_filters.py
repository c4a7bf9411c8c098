"""Filters: the Gabor fit, and the rungs of the ladder."""

import numpy as np
import pytest
import torch

import alexnet_helpers as ah
from alexnet_helpers import filters, recorded
from alexnet_helpers.figures.ch08 import filter_grid, filter_rows, strips


def gabor(x, y, along, across, frequency, orientation, phase, size=11):
    """A Gabor function written down independently: bars at `orientation` degrees, counterclockwise as one sees it."""
    turn = np.deg2rad(orientation)
    right, down = np.meshgrid(np.arange(size) - (size - 1) / 2 - x, np.arange(size) - (size - 1) / 2 - y)
    on_bar = right * np.cos(turn) - down * np.sin(turn)
    off_bar = right * np.sin(turn) + down * np.cos(turn)
    return np.exp(-off_bar ** 2 / (2 * along ** 2) - on_bar ** 2 / (2 * across ** 2)) \
        * np.cos(2 * np.pi * frequency * off_bar + phase)


@pytest.fixture(scope="module")
def known():
    rng = np.random.default_rng(0)
    draws = [(*rng.uniform(-1.5, 1.5, 2), *rng.uniform(1.8, 3, 2), rng.uniform(0.1, 0.35), rng.uniform(0, 180),
              rng.uniform(0, 2 * np.pi)) for _ in range(24)]
    return np.array(draws), np.array([gabor(*draw) for draw in draws])


def apart(angles, others):
    return np.abs((np.asarray(angles) - others + 90) % 180 - 90)


@pytest.mark.parametrize("noise, degrees, cycles, width", [(0, 1e-4, 1e-5, 1e-4), (0.15, 1.5, 0.012, 0.12)])
def test_known_gabors_are_found_again(known, noise, degrees, cycles, width):
    draws, shapes = known
    w = shapes[:, None] * np.array([0.9, 0.3, -0.5])[:, None, None]
    w = w / w.std(axis=(1, 2, 3), keepdims=True)
    w = w + noise * np.random.default_rng(1).normal(size=w.shape)
    table = ah.fit_gabor(torch.tensor(w))
    assert apart(table["orientation"], draws[:, 5]).max() < degrees
    assert np.abs(table["carrier"] - draws[:, 4]).max() < cycles
    assert np.abs(table["frequency"] - draws[:, 4]).max() < 0.02
    assert np.abs(table["along"] / draws[:, 2] - 1).max() < width
    assert np.abs(table[["x", "y"]].to_numpy() - draws[:, :2]).max() < width
    assert table["fit"].min() > (0.97 if noise else 1 - 1e-6)
    expected = np.log2((draws[:, 4] * draws[:, 2] * np.pi + (np.log(2) / 2) ** 0.5)
                       / (draws[:, 4] * draws[:, 2] * np.pi - (np.log(2) / 2) ** 0.5))
    clear = draws[:, 4] * draws[:, 2] > 0.5                    # the two bells of the spectrum do not touch
    if not noise:
        # The formula is for half height on both sides of the carrier, on a spectrum that goes beyond 0.5 cycles.
        inside = clear & (draws[:, 4] + 0.2 / draws[:, 2] < 0.5)
        np.testing.assert_allclose(table["bandwidth"][inside], expected[inside], rtol=0.08)


def test_orientation_is_as_one_sees_it():
    horizontal, vertical = np.zeros((2, 1, 11, 11))
    horizontal[:, 4:6], vertical[:, :, 4:6] = 1, 1
    horizontal[:, 6:8], vertical[:, :, 6:8] = -1, -1
    rising = np.fliplr(np.eye(11)) - np.fliplr(np.eye(11, k=2))                # from the lower left to the upper right
    table = ah.fit_gabor(np.stack([horizontal, vertical, rising[None]]))
    assert (apart(table["orientation"], [0, 90, 45]) < 3).all()


def test_noise_has_no_gabor_in_it():
    noise = np.random.default_rng(0).normal(size=(40, 3, 11, 11))
    table = ah.fit_gabor(noise)
    assert table["fit"].max() < 0.35
    assert table["colourfulness"].median() == pytest.approx(2 / 3, abs=0.05)   # two axes of three


def test_fitted_gabors_leave_what_the_fit_says(known):
    w = known[1][:6, None] + 0.1 * np.random.default_rng(0).normal(size=(6, 3, 11, 11))
    table = ah.fit_gabor(w)
    patterns, _ = filters.main_patterns(w)
    left = ((patterns - filters.fitted_gabors(torch.tensor(w), table)) ** 2).sum(axis=(1, 2))
    np.testing.assert_allclose(left, 1 - table["fit"], atol=1e-6)


def test_blob_is_a_gabor_without_a_wave():
    blob = gabor(0.5, -0.5, 2, 2, 0, 0, 0)[None, None]
    row = ah.fit_gabor(blob).iloc[0]
    assert row["fit"] > 0.999
    assert row["frequency"] < 0.01
    assert row["bandwidth"] == np.inf
    assert (row["along"], row["across"]) == (pytest.approx(2, abs=0.1), pytest.approx(2, abs=0.1))


def test_edge_prefers_the_frequency_of_its_width():
    """The derivative of a bell of width s answers most to 1 / (2 pi s) cycles a pixel."""
    y, x = np.mgrid[-5:6, -5:6]
    edge = x * np.exp(-(x ** 2 + y ** 2) / (2 * 2.0 ** 2))
    row = ah.fit_gabor(edge[None, None]).iloc[0]
    assert row["frequency"] == pytest.approx(1 / (4 * np.pi), abs=0.005)
    assert row["bandwidth"] < np.inf
    assert apart(row["orientation"], 90) < 1


def test_colourfulness_of_grey_of_opponents_and_of_one_colour():
    shape = gabor(0, 0, 2, 2, 0.2, 30, 0)
    colours = np.array([[1, 1, 1], [1, -1, 0], [1, 0, 0], [1, 1, -2]])[:, :, None, None]
    table = ah.fit_gabor(colours * shape)
    np.testing.assert_allclose(table["colourfulness"], [0, 1, 2 / 3, 1], atol=1e-9)
    np.testing.assert_allclose(table["one_pattern"], 1)
    assert ah.fit_gabor(shape[None, None])["colourfulness"].item() == 0


def test_filter_of_zeros_has_no_values_and_other_shapes_are_refused():
    assert ah.fit_gabor(np.zeros((1, 3, 11, 11))).isna().all(axis=None)
    with pytest.raises(ValueError, match="1 or 3"):
        ah.fit_gabor(np.zeros((4, 2, 11, 11)))


def test_scorecard_counts_kinds():
    shape, blob = gabor(0, 0, 2, 2, 0.2, 30, 0), gabor(0, 0, 2, 2, 0, 0, 0)
    grey, opponent = np.ones((3, 1, 1)), np.array([1, -1, 0])[:, None, None]
    noise = np.random.default_rng(0).normal(size=(3, 11, 11))
    card = filters.scorecard(ah.fit_gabor(np.stack([grey * shape, opponent * shape, opponent * blob, noise])))
    assert card["Gabor-like"] == 0.75
    assert (card["oriented"], card["oriented, grey"], card["blobs"], card["blobs, coloured"]) == (0.5, 0.25, 0.25, 0.25)


@pytest.mark.parametrize("make", [filters.pca_filters, filters.ica_filters, filters.kmeans_filters])
def test_rungs_of_the_ladder(make):
    found = filters.patches(ah.photo_spots(batch_size=100, batches=3, device="cpu"), 1_000)
    assert found.shape == (1_000, 3, 11, 11)
    w = make(found, 8)
    assert w.shape == (8, 3, 11, 11)
    assert np.isfinite(w).all()
    np.testing.assert_allclose(w, make(found, 8))


def test_principal_components_are_those_of_the_covariance():
    X = torch.randn(500, 3, 2, 2, generator=torch.Generator().manual_seed(0)) * torch.arange(1., 13).view(3, 2, 2)
    values, vectors = np.linalg.eigh(np.cov(X.flatten(1).double().T.numpy()))
    found = filters.pca_filters(X, 5).reshape(5, -1)
    np.testing.assert_allclose(np.abs(found @ vectors[:, :-6:-1]), np.eye(5), atol=1e-5)


def test_independent_components_are_the_mixed_sources():
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(6, 6))                           # a source a column, as what it adds to a patch
    X = rng.laplace(size=(5_000, 6)) @ mixing.T
    found = filters.ica_filters(torch.from_numpy(X).float().view(-1, 3, 1, 2), 6).reshape(6, 6)
    alike = np.abs(found @ mixing) / np.linalg.norm(found, axis=1)[:, None] / np.linalg.norm(mixing, axis=0)
    assert alike.max(axis=0).min() > 0.97                      # each source is found, up to its sign


def test_centres_are_those_of_tight_clusters():
    """The clusters lie alike in all directions, so that whitening turns none of them."""
    rng = np.random.default_rng(0)
    patterns = np.linalg.qr(np.column_stack([np.ones(12), rng.normal(size=(12, 11))]))[0][:, 1:].T     # of mean 0
    patterns = np.concatenate([patterns, -patterns])
    X = np.repeat(patterns * 12 ** 0.5, 50, axis=0)
    X = torch.from_numpy(X + 0.02 * rng.normal(size=X.shape)).float().view(-1, 3, 2, 2)
    found = filters.kmeans_filters(X, 22).reshape(22, 12)
    alike = found @ patterns.T / np.linalg.norm(found, axis=1)[:, None]
    assert alike.max(axis=0).min() > 0.99


def test_grid_shows_every_filter_and_says_what_it_shows():
    w = np.random.default_rng(0).normal(size=(18, 3, 11, 11))
    figure = filter_grid(w, "Noise", columns=6)
    picture = figure.axes[0].images[0].get_array()
    assert picture.shape == (3 * 13, 6 * 13, 3)
    assert picture.min() >= 0
    assert "18 filters of 11 by 11" in figure.alt
    assert "Gabor-like 0%" in figure.alt


def test_rows_and_strips_say_what_they_show():
    w = np.random.default_rng(0).normal(size=(40, 1, 11, 11))
    figure = filter_rows({"noise": w, "in colours": torch.randn(16, 3, 11, 11)}, "Two rows", columns=4)
    pictures = [ax.images[0].get_array() for ax in figure.axes]
    assert [picture.shape for picture in pictures] == [(13, 4 * 13, 3)] * 2
    first, last = pictures[0][1:-1, 1:12, 0], pictures[0][1:-1, 40:51, 0]
    np.testing.assert_allclose(first, w[0, 0] / abs(w[0]).max() / 2 + 0.5, atol=1 / 28)
    np.testing.assert_allclose(last, w[39, 0] / abs(w[39]).max() / 2 + 0.5, atol=1 / 28)
    assert "noise, in colours" in figure.alt
    figure = strips({"fit": {"a": np.array([1, 2, 9]), "b": np.array([3, np.inf, np.nan])}}, "Strips")
    assert "Medians of fit: a 2, b 3" in figure.alt


def test_the_record_that_travels_with_the_course():
    record, kept = ah.load_record("filters"), ah.load_filters()
    if record is None:
        pytest.skip("not recorded yet")
    assert (recorded.FOLDER / "filters.npz").stat().st_size < 600_000
    for network in set(kept) & set(record["networks"]):
        told = record["networks"][network]
        card = filters.scorecard(filters.fit_gabor(kept[network]))
        expected = told.get("average", told["looks"][-1])      # what is kept is the average, where there is one
        assert card["median fit"] == pytest.approx(expected["median fit"], abs=0.02)       # float16
        assert card["median fit"] > 0.7 > 0.3 > told["looks"][0]["median fit"]
