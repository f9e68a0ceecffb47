"""What several families draw and compute: rows with round cosines, the k hardest values, and GHM's histogram."""

import numpy as np
import torch

from case import agree


def sixteenths(draw, count) -> np.ndarray:
    """Rows of norm 4 whose cosines are multiples of 1/16: exact in f32 too, so that their factor may be large."""
    return np.array([draw.rng.permutation([1.0, 1.0, 1.0, 2.0, 3.0]) * draw.sign(5) for _ in range(count)])


def hardest(values, keep: dict, min_kept: int, valid) -> torch.Tensor:
    """The mask of the values that online hard example mining keeps; of equal values, the first."""
    flat, valid = values.detach().flatten().numpy(), valid.flatten().numpy()
    order = [i for i in np.argsort(-flat, kind="stable") if valid[i]]
    (rule, amount), count = *keep.items(), len(order)
    assert rule != "threshold" or np.abs(flat - amount).min() > 1e-4
    kept = {
        "ratio": lambda: int(np.floor(amount * count + 0.5)),
        "count": lambda: amount,
        "threshold": lambda: int((flat[order] > amount).sum()),
    }[rule]()
    mask = np.zeros(flat.shape)
    mask[order[: max(kept, min_kept)]] = 1
    return torch.from_numpy(mask.reshape(values.shape))


class Histogram:
    """The gradient harmonizing mechanism: Li et al., 2019, section 3; counts smoothed over the steps."""

    def __init__(self, bins: int, momentum: float):
        self.bins, self.momentum, self.smoothed = bins, momentum, None

    def weights(self, g: torch.Tensor) -> torch.Tensor:
        g = g.detach().numpy()
        edges = np.arange(1, self.bins) / self.bins
        if self.bins > 1:  # no value so near an edge that f32 would put it in the other bin
            assert np.abs(g[..., None] - edges).min() * self.bins > 1e-3
        counts = np.histogram(g, self.bins, (0, 1))[0].astype(float)
        if self.smoothed is None:
            self.smoothed = counts
        else:
            self.smoothed = self.momentum * self.smoothed + (1 - self.momentum) * counts
        index, occupied = np.digitize(g, edges), (counts > 0).sum()
        beta = g.size / (self.smoothed[index] * occupied)
        if (self.smoothed == counts).all():  # the paper's property: every occupied bin carries the same weight
            agree(np.bincount(index.flatten(), beta.flatten(), self.bins)[counts > 0], g.size / occupied)
        return torch.from_numpy(beta)
