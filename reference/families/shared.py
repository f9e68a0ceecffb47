"""What several families draw and compute: rows with round cosines, the k hardest values, and GHM's histogram."""

import numpy as np
import torch
from sklearn.utils.class_weight import compute_class_weight

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


def hardest_of_samples(values, keep: dict, min_kept: int) -> torch.Tensor:
    """The mask of the values that each sample, along the first axis, keeps for itself."""
    return torch.cat([hardest(sample, keep, min_kept, torch.ones_like(sample)) for sample in values.split(1)])


def counted(weights):
    """Class weights as a list, where they may be counts with a scheme; everything else as it is."""
    if not isinstance(weights, dict):
        return weights
    counts, scheme = np.array(weights["counts"], float), weights["scheme"]
    seen = counts > 0
    if scheme == "inverse":
        labels = np.repeat(np.flatnonzero(seen), counts[seen].astype(int))
        of_seen = compute_class_weight("balanced", classes=np.flatnonzero(seen), y=labels)
    elif scheme == "effective_number":
        beta = weights.get("beta", 0.999)
        of_seen = np.array([1 / sum(beta**k for k in range(int(n))) for n in counts[seen]])
    else:
        of_seen = {"inverse_sqrt": lambda n: n**-0.5, "median": lambda n: np.median(n) / n}[scheme](counts[seen])
    of_all = np.zeros(len(counts))
    of_all[seen] = of_seen
    factor = {
        "none": lambda: 1,
        "classes": lambda: seen.sum() / of_all.sum(),
        "mean": lambda: counts.sum() / (of_all * counts).sum(),
    }[weights.get("normalize", "none")]()
    return (of_all * factor).tolist()


def two_classes(weights, quotient):
    """A number, or one per column, from the weights of the negative and the positive class."""
    if not isinstance(weights, dict):
        return weights
    if isinstance(weights["counts"][0], list):
        return [two_classes(weights | {"counts": pair}, quotient) for pair in weights["counts"]]
    return quotient(*counted(weights))


class Histogram:
    """The gradient harmonizing mechanism: Li et al., 2019, section 3; counts smoothed over the steps."""

    def __init__(self, bins: int, momentum: float, divide_by: str = "occupied"):
        self.bins, self.momentum, self.divide_by, self.smoothed = bins, momentum, divide_by, None

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
        if self.divide_by == "all":  # the paper's M
            occupied = self.bins
        beta = g.size / (self.smoothed[index] * occupied)
        if (self.smoothed == counts).all():  # the paper's property: every occupied bin carries the same weight
            agree(np.bincount(index.flatten(), beta.flatten(), self.bins)[counts > 0], g.size / occupied)
        return torch.from_numpy(beta)
