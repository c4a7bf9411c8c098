"""Augmentation of whole batches on their device, and the paper's ten views at test time (sections 4.1 and 6).

Every transform here maps a batch (N, C, H, W) to a batch and draws for every image anew, from a generator of its own on
the CPU: one seed gives the same draws on every device. They chain with `torchvision.transforms.v2.Compose` and with
v2's own transforms, and are meant for the `augment` of `load_fashion_mnist` and `Batches`. Why not v2's alone? Its
random transforms draw once for the whole batch that they get, and it has no PCA lighting.
"""

from __future__ import annotations

import torch
from torch import nn

from . import inspection


class RandomFlip:
    """Mirror each image of a batch left to right with probability one half."""

    def __init__(self, seed: int = 0) -> None:
        self.generator = torch.Generator().manual_seed(seed)

    def __call__(self, X: torch.Tensor) -> torch.Tensor:
        flipped = torch.rand(len(X), generator=self.generator) < 0.5
        return torch.where(flipped.to(X.device)[:, None, None, None], X.flip(-1), X)


class RandomCrop:
    """Cut a square of `size` pixels a side out of each image, anywhere with equal probability.

    `padding` zeros are added on all four sides first: `size` 28 and `padding` 2 shift a 28-pixel image by up to two
    pixels. Raises ValueError if an image is smaller than the crop.
    """

    def __init__(self, size: int, padding: int = 0, seed: int = 0) -> None:
        if size < 1 or padding < 0:
            raise ValueError(f"size must be at least 1 and padding at least 0, not {size} and {padding}.")
        self.size, self.padding, self.generator = size, padding, torch.Generator().manual_seed(seed)

    def __call__(self, X: torch.Tensor) -> torch.Tensor:
        if self.padding:
            X = nn.functional.pad(X, (self.padding,) * 4)
        if min(X.shape[-2:]) < self.size:
            raise ValueError(f"A crop of {self.size} pixels does not fit into images of {X.shape[-2]} by "
                             f"{X.shape[-1]}: take a smaller one, or enlarge the images first.")
        windows = X.unfold(2, self.size, 1).unfold(3, self.size, 1)      # every crop, a view: nothing is copied yet
        top, left = (torch.randint(places, (len(X),), generator=self.generator).to(X.device)
                     for places in windows.shape[2:4])
        return windows[torch.arange(len(X), device=X.device), :, top, left]


def principal_colours(images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Eigenvalues (C,), the largest first, and eigenvectors (C, C), in columns, of the covariance of all pixels.

    `images` is (N, C, H, W). Eigenvalues have the square of the pixels' unit: their roots are standard deviations along
    the principal axes. Computed on the CPU in float64; a column's sign is such that its sum is not negative.
    """
    pixels = images.detach().cpu().double().movedim(1, 0).flatten(1)     # (C, N * H * W)
    values, vectors = torch.linalg.eigh(torch.cov(pixels).reshape(len(pixels), len(pixels)))
    values, vectors = values.flip(0).clamp(min=0), vectors.flip(1)
    return values, vectors * torch.where(vectors.sum(dim=0) < 0, -1.0, 1.0)


class PCALighting:
    """Add to every pixel of an image one random colour along the principal axes of the pixels (section 4.1).

    The colour is P (a * s): P holds the eigenvectors in columns, and a is drawn anew for each image from normal numbers
    of standard deviation `sigma`. The paper prints s = the eigenvalues; the 2012 code used their square roots, and so
    does this class unless `roots=False`. Roots have the pixels' unit, so their effect is the same on any scale;
    eigenvalues have its square.

    `eigenvalues` and `eigenvectors` are those of `principal_colours`, taken on the scale of the batches. Results are
    cut to [0, `white`], the range of the pixels (1 here, 255 for grey levels); `white=None` leaves them as they come
    out, as the code did, which had the mean image subtracted.
    """

    def __init__(self, eigenvalues: torch.Tensor, eigenvectors: torch.Tensor, sigma: float = 0.1, roots: bool = True,
                 white: float | None = 1.0, seed: int = 0) -> None:
        values, vectors = torch.as_tensor(eigenvalues).double(), torch.as_tensor(eigenvectors).double()
        if values.ndim != 1 or vectors.shape != (len(values), len(values)):
            raise ValueError(f"C eigenvalues and a C by C matrix are needed, not shapes {tuple(values.shape)} and "
                             f"{tuple(vectors.shape)}: see principal_colours.")
        self.axes = (vectors * (values.sqrt() if roots else values)).T.float()       # (C, C), an axis a row, scaled
        self.sigma, self.white, self.generator = sigma, white, torch.Generator().manual_seed(seed)

    def colours(self, n: int) -> torch.Tensor:
        """The next `n` colours to add, (n, C)."""
        return self.sigma * torch.randn(n, len(self.axes), generator=self.generator) @ self.axes

    def __call__(self, X: torch.Tensor) -> torch.Tensor:
        if X.shape[1] != len(self.axes):
            raise ValueError(f"The axes are those of {len(self.axes)} channels, but the images have {X.shape[1]}.")
        if not X.is_floating_point():
            raise ValueError(f"Lighting needs float pixels, not {X.dtype}: divide whole grey levels by 255 first.")
        X = X + self.colours(len(X)).to(X)[:, :, None, None]
        return X if self.white is None else X.clamp(0, self.white)


def ten_crop(net: nn.Module, X: torch.Tensor, size: int) -> torch.Tensor:
    """Class probabilities (N, classes): the mean of the softmax over ten crops of `size` pixels of each image.

    The crops are torchvision's TenCrop: four corners, the centre, and their mirror images, as in the paper. The
    network runs in eval mode, one view of the whole batch at a time. The logarithm of the result serves as logits.
    """
    from torchvision.transforms import v2  # here, so that importing the helpers stays quick

    with torch.no_grad(), inspection.eval_mode(net):
        return sum(net(view).softmax(dim=1) for view in v2.TenCrop(size)(X)) / 10
