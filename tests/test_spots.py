"""Crops of photographs, and the network that tells their spots apart."""

import numpy as np
import pytest
import torch

import alexnet_helpers as ah
from alexnet_helpers import spots


def colours(photo: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    """A photograph's mean colour, (3,), and the standard deviation of its values from it, for pixels from 0 to 1."""
    pixels = torch.from_numpy(photo.reshape(-1, 3) / 255).float()
    return pixels.mean(dim=0), (pixels - pixels.mean(dim=0)).std()


def test_crops_come_again_with_their_seed():
    train = ah.photo_spots(spots=5, batch_size=8, batches=2, seed=3, device="cpu")
    first, again = list(train), list(ah.photo_spots(spots=5, batch_size=8, batches=2, seed=3, device="cpu"))
    X, y = first[0]
    assert len(train) == len(first) == 2
    assert X.shape == (8, 3, 64, 64)
    assert X.dtype == torch.float32
    assert set(y.tolist()) <= set(range(5))
    assert all(torch.equal(a, b) for pair in zip(first, again, strict=True) for a, b in zip(*pair, strict=True))
    assert not torch.equal(X, next(iter(train))[0])            # another epoch, other crops
    fixed = ah.photo_spots(spots=5, batch_size=8, batches=1, shuffle=False, device="cpu")
    assert torch.equal(next(iter(fixed))[0], next(iter(fixed))[0])


def test_crops_are_where_their_spot_is():
    """A photograph whose colour is its place: red grows to the right, green downwards."""
    down, right = np.mgrid[:200, :300]
    photo = np.stack([right * 0.85, down * 1.25, 0 * right], axis=2).astype(np.uint8)
    data = ah.photo_spots([photo], spots=40, batch_size=400, batches=1, side=32, scale=(0.5, 1), turn=180, sharpen=0,
                          device="cpu")
    y, (mean, sd) = torch.arange(40).repeat(10), colours(photo)
    middle = data.crops(y)[:, :2, 15:17, 15:17].mean(dim=(2, 3)) * sd + mean[:2]
    places = torch.stack([middle[:, 0] * 255 / 0.85, middle[:, 1] * 255 / 1.25], dim=1)
    off = places - data.places[y]
    assert off.mean(dim=0).abs().max() < 1.5
    assert off.std(dim=0).tolist() == [pytest.approx(32 / 12, rel=0.25)] * 2
    assert (data.places > 16).all()
    assert (data.places < torch.tensor([300 - 16, 200 - 16])).all()


def test_crops_are_turned_scaled_and_mirrored_but_not_squeezed():
    down, right = np.mgrid[:200, :300]
    photo = np.stack([right, down, 0.0 * right], axis=2)          # not rounded to grey levels
    data = ah.photo_spots([photo], spots=40, batch_size=400, batches=1, side=32, scale=(0.5, 1), turn=180, sharpen=0,
                          device="cpu")
    X = data.crops(torch.randint(40, (400,))) * colours(photo)[1]
    x, y = X[:, 0] * 255, X[:, 1] * 255                        # the place in the photo, up to a constant
    step_right = torch.stack([x[:, 16, 17] - x[:, 16, 16], y[:, 16, 17] - y[:, 16, 16]], dim=1)
    step_down = torch.stack([x[:, 17, 16] - x[:, 16, 16], y[:, 17, 16] - y[:, 16, 16]], dim=1)
    torch.testing.assert_close(step_right.norm(dim=1), step_down.norm(dim=1), atol=0.01, rtol=0)
    assert (step_right * step_down).sum(dim=1).abs().max() < 0.01
    scale = step_right.norm(dim=1)
    assert 0.45 < scale.min() < 0.55 < 0.9 < scale.max() < 1.05
    turned = step_right[:, 0] * step_down[:, 1] - step_right[:, 1] * step_down[:, 0]
    assert 0.4 < (turned < 0).float().mean() < 0.6             # mirrored, half of them
    assert (step_right[:, 0] < 0).float().mean() == pytest.approx(0.5, abs=0.1)


def test_some_crops_are_grey_and_a_small_photo_is_refused():
    data = ah.photo_spots(spots=4, batch_size=400, batches=1, grey=0.25, tint=0, device="cpu")
    X, _ = next(iter(data))
    grey = (X - X.mean(dim=1, keepdim=True)).abs().amax(dim=(1, 2, 3)) < 1e-4
    assert grey.float().mean() == pytest.approx(0.25, abs=0.07)
    with pytest.raises(ValueError, match="do not fit"):
        ah.photo_spots([np.zeros((60, 90, 3), np.uint8)])


@pytest.mark.parametrize("groups", [1, 2])
def test_network_learns_a_few_spots(groups):
    torch.manual_seed(0)
    train = ah.photo_spots(spots=4, batch_size=32, batches=30, device="cpu")
    net = ah.spot_network(filters=16, spots=4, groups=groups)
    before = net.conv1.weight.detach().clone()
    history = ah.fit(net, train, ah.photo_spots(spots=4, batch_size=64, batches=2, shuffle=False, seed=1, device="cpu"),
                     epochs=1, lr=0.05, momentum=0.9, show=False)
    assert history.test_accuracy[-1] > 0.4                     # 0.25 by chance
    assert not torch.equal(before, net.conv1.weight)


def test_sharpening_takes_off_a_share_of_a_blurred_copy():
    from scipy.ndimage import gaussian_filter

    photo = np.random.default_rng(0).integers(256, size=(70, 90, 3), dtype=np.uint8)
    plain, sharp = (ah.photo_spots([photo], sharpen=share, device="cpu") for share in (0, 0.5))
    image = photo.transpose(2, 0, 1) / 255
    less = image - 0.5 * np.stack([gaussian_filter(layer, 4, mode="mirror", truncate=3) for layer in image])
    for data, expected in ((plain, image), (sharp, less)):
        mean, sd = colours(255 * expected.transpose(1, 2, 0))
        found = data.photos[0][0] * sd + mean[:, None, None]
        np.testing.assert_allclose(found, expected, atol=1e-3)


@pytest.mark.parametrize("turn", [0, 20])
def test_crops_are_turned_by_so_much_at_most(turn):
    down, right = np.mgrid[:200, :300]
    photo = np.stack([right, down, 0.0 * right], axis=2)
    data = ah.photo_spots([photo], spots=40, side=32, scale=(1, 1.01), turn=turn, sharpen=0, device="cpu")
    X = data.crops(torch.randint(40, (400,))) * colours(photo)[1] * 255
    step = X[:, :2, 16, 17] - X[:, :2, 16, 16]
    angle = torch.rad2deg(torch.atan2(step[:, 1], step[:, 0].abs()))
    assert angle.abs().max() == pytest.approx(turn, abs=1)


def test_photographs_share_the_spots_and_keep_to_themselves():
    """Two photographs of one colour each, that differ in size: a crop shows the one that its spot is in."""
    stripes = np.arange(100) % 7 * 30
    red = np.zeros((80, 100, 3), np.uint8)
    red[..., 0] = stripes
    blue = np.zeros((120, 70, 3), np.uint8)
    blue[..., 2] = stripes[:70]
    data = ah.photo_spots([red, blue], spots=9, batch_size=16, batches=1, side=32, sharpen=0, device="cpu")
    y = torch.arange(9).repeat(20)
    shown = data.crops(y).std(dim=(2, 3)).argmax(dim=1)        # the colour that varies
    assert shown.tolist() == [0, 2, 0, 2, 0, 2, 0, 2, 0] * 20
    one = data.crops(torch.zeros(16, dtype=torch.long))        # a batch of one photograph
    assert one.shape == (16, 3, 32, 32)
    assert one[:, 2].abs().max() < 1e-4
    width, height = data.places[data.photo_of == 1].T
    assert width.max() < 70 - 16 and height.max() < 120 - 16


def test_photographs_of_scikit_image_in_three_colours():
    chelsea, camera = spots.public_photos("chelsea", "camera")
    assert chelsea.shape == (300, 451, 3)
    assert camera.shape == (512, 512, 3)
    assert (camera[..., :1] == camera).all()                   # grey
