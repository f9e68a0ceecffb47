"""Metric losses between two views, one in each half of the batch."""

import numpy as np
import torch
import torch.nn.functional as F

from case import Kind, given, library

from .metric import ZERO_ROW, relabeled, repeated


def views(count, width=3, scale=1.0):
    """So many random rows in one view, and rows somewhat near them in the other; every label once in each."""

    def recipe(draw):
        first = draw.normal((count, width), 1.0)
        rows = np.concatenate([first, first + draw.normal((count, width), 1.5)])
        return {"embeddings": np.round(scale * rows, 8), "labels": np.tile(draw.rng.permutation(count), 2)}

    return recipe


def partners(embeddings, labels):
    """Every row's cosines with the rows of the other view, and which of these have its label."""
    first, second = F.normalize(embeddings).chunk(2)
    labels, others = labels.chunk(2)
    s, same = first @ second.T, labels[:, None] == others
    return torch.cat([s, s.T]), torch.cat([same, same.T]).double()


@library("torch", "torch.nn.functional.cross_entropy, the targets spread evenly over the partners")
def clip_oracle(embeddings, labels, temperature=0.07, learned=True):
    s, same = partners(embeddings, labels)
    mass = (same.sum(1) > 0).double()
    values = F.cross_entropy(s / temperature, same / same.sum(1, keepdim=True).clamp(min=1), reduction="none")
    return mass * values, mass


@library("torch", "torch.nn.functional.binary_cross_entropy_with_logits, summed over the other view")
def siglip_oracle(embeddings, labels, temperature=0.1, bias=-10.0, learned=True):
    s, same = partners(embeddings, labels)
    return F.binary_cross_entropy_with_logits(s / temperature + bias, same, reduction="none").sum(1)


FIXED, OPPOSITE = {"learned": False}, given(
    embeddings=[[1.0, 0.5], [-0.5, 1.0], [-2.0, -0.75], [1.0, -1.5]], labels=[0, 1, 0, 1]
)


def common_of_views(kind):
    """The cases of the losses between two views."""
    lonely = relabeled(views(4), 3, 0, 5, 1, 0, 7, 1, 2)
    kind.case("default", {}, views(4))
    kind.case("one_pair", {}, views(1))
    kind.case("two_pairs_wide", {}, views(2, width=6))
    kind.case("several_partners", {}, relabeled(views(5), 0, 1, 0, 2, 1, 1, 0, 0, 2, 0))
    kind.case("one_class", {}, relabeled(views(3), 4, 4, 4, 4, 4, 4))
    kind.case("rows_without_a_partner", {}, lonely)
    kind.case("no_partners", {}, relabeled(views(2), 0, 1, 2, 3))
    kind.case("no_partners_in_the_other_view", {}, relabeled(views(2), 0, 0, 1, 1))
    kind.case("other_order", {}, relabeled(views(3), 0, 1, 2, 2, 0, 1))
    kind.case("large", {}, views(3, scale=2.0**14))
    kind.case("small", {}, views(3, scale=2**-10))
    kind.case("same_rows", {}, repeated(views(3), (0, 3), (0, 1)))
    kind.case("all_rows_the_same", {}, repeated(views(2), (0, 1), (0, 2), (0, 3)))
    kind.case("opposite_views", {}, OPPOSITE)
    kind.case("row_of_zeros", {}, relabeled(ZERO_ROW, 0, 1, 0, 1), constant=["embeddings"])
    kind.case("temperature_low", {"temperature": 0.02}, views(4))
    kind.case("temperature_high", {"temperature": 2.0}, views(3, width=5))
    kind.case("fixed", FIXED, views(4))
    kind.case("fixed_temperature", FIXED | {"temperature": 0.3}, lonely)
    kind.case("sum", {"reduction": "sum"}, lonely)
    kind.case("batch_mean", {"reduction": "batch_mean"}, lonely)
    kind.case("mean_with_weights", {}, lonely, weights="element")
    kind.case("weighted_mean", {"reduction": "weighted_mean"}, lonely, weights="element")
    return kind


clip = common_of_views(Kind("metric", "clip", clip_oracle))
siglip = common_of_views(Kind("metric", "siglip", siglip_oracle))
siglip.case("bias", {"bias": -2.5}, views(4))
siglip.case("bias_zero", {"bias": 0.0}, views(3))
siglip.case("bias_positive_fixed", FIXED | {"bias": 1.5, "temperature": 0.5}, views(3))
