"""Self-supervised: two views (first [N, E], second [N, E]) -> [N], the value of the batch once for every row."""

import numpy as np
import torch
from lightly.loss import BarlowTwinsLoss, VICRegLoss

from case import Kind, agree, formula, given, library

# Inputs


def views(count, width=3, scale=1.0, shift=0.0):
    """So many random rows, and rows somewhat near them."""

    def recipe(draw):
        first = draw.normal((count, width), 1.0)
        second = first + draw.normal((count, width), 0.5)
        return {key: np.round(scale * (rows + shift), 8) for key, rows in (("first", first), ("second", second))}

    return recipe


def common(kind, of_constants=None):
    """The cases that every loss of the family has; a steep slope loses digits where a column is constant."""
    kind.case("default", {}, views(6))
    kind.case("two_rows", {}, views(2), in_double=True)
    kind.case("one_column", {}, views(5, 1))
    kind.case("more_columns_than_rows", {}, views(3, 8))
    kind.case("many_rows", {}, views(40, 5))
    kind.case("large", {}, views(5, scale=2.0**10))
    kind.case("small", {}, views(5, scale=2.0**-10))
    kind.case("far_from_the_origin", {}, views(5, shift=64.0))
    kind.case("collapsed", {}, given(first=[[0.5, -1.0]] * 4, second=[[0.25, 2.0]] * 4))
    kind.case("constant_column", {"eps": 0.01} if of_constants else {}, given(
        first=[[0.5, 1.0], [-1.0, 1.0], [2.0, 1.0]], second=[[0.25, 3.0], [-0.5, 3.0], [1.0, 3.0]]
    ), oracle=of_constants, in_double=True)
    kind.case("sum", {"reduction": "sum"}, views(4))
    kind.case("batch_mean", {"reduction": "batch_mean"}, views(4))
    kind.case("mean_with_weights", {}, views(5), weights="element")
    kind.case("weighted_mean", {"reduction": "weighted_mean"}, views(5), weights="element")
    return kind


# Losses


@library("lightly", "loss.VICRegLoss")
def vicreg_oracle(first, second, invariance=25.0, variance=25.0, covariance=1.0, gamma=1.0, eps=1e-4,
                  variance_sum="half"):
    fields = {"invariance": invariance, "variance": variance, "covariance": covariance, "eps": eps}
    expected = vicreg_formula(first, second, gamma=gamma, variance_sum=variance_sum, **fields)
    assert gamma == 1
    factor = {"half": 1.0, "full": 2.0}[variance_sum]
    value = VICRegLoss(invariance, factor * variance, covariance, eps=eps)(first, second)
    values = value.expand(len(first))
    agree(values, expected)
    return values


@formula("Bardes et al., 2022")
def vicreg_formula(first, second, invariance=25.0, variance=25.0, covariance=1.0, gamma=1.0, eps=1e-4,
                   variance_sum="half"):
    v = c = 0.0
    count, size = first.shape
    for z in (first, second):
        z = z - z.mean(0)
        cov = sum(torch.outer(row, row) for row in z) / (count - 1)
        gaps = gamma - torch.sqrt(cov.diagonal() + eps)
        assert (gaps.abs() > 1e-5).all()
        v = v + gaps.clamp(min=0).mean()
        c = c + sum(cov[j, k] ** 2 for j in range(size) for k in range(size) if j != k) / size
    v = v / 2 if variance_sum == "half" else v
    value = invariance * ((first - second) ** 2).mean() + variance * v + covariance * c
    return value.expand(count)


vicreg = common(Kind("self_supervised", "vicreg", vicreg_oracle))
vicreg.case("weights_of_the_terms", {"invariance": 2.0, "variance": 5.0, "covariance": 0.5}, views(6))
vicreg.case("invariance_alone", {"variance": 0.0, "covariance": 0.0}, views(5))
vicreg.case("covariance_alone", {"invariance": 0.0, "variance": 0.0}, views(5))
vicreg.case("variance_alone", {"invariance": 0.0, "covariance": 0.0}, views(5, scale=0.5))
vicreg.case("full", {"variance_sum": "full"}, views(5, scale=0.5))
vicreg.case("eps", {"eps": 0.25}, views(5, scale=0.5))
vicreg.case("gamma", {"gamma": 2.5}, views(5), oracle=vicreg_formula)
vicreg.case("gamma_small_full", {"gamma": 0.5, "variance_sum": "full"}, views(5, scale=0.25), oracle=vicreg_formula)


@library("lightly", "loss.BarlowTwinsLoss")
def barlow_twins_oracle(first, second, **fields):
    assert not fields.keys() - {"lambda"}
    value = BarlowTwinsLoss(fields.get("lambda", 0.005))(first, second)
    values = value.expand(len(first))
    agree(values, barlow_twins_formula(first, second, **fields))
    return values


@formula("Zbontar et al., 2021")
def barlow_twins_formula(first, second, eps=1e-5, variance="biased", **fields):
    count, size = first.shape
    x, y = (
        (z - z.mean(0)) / torch.sqrt(z.var(0, correction=int(variance == "unbiased")) + eps) for z in (first, second)
    )
    c = sum(torch.outer(a, b) for a, b in zip(x, y)) / count
    own = sum((1 - c[j, j]) ** 2 for j in range(size))
    value = own + fields.get("lambda", 0.005) * ((c**2).sum() - sum(c[j, j] ** 2 for j in range(size)))
    return value.expand(count)


barlow_twins = common(Kind("self_supervised", "barlow_twins", barlow_twins_oracle), barlow_twins_formula)
barlow_twins.case("lambda", {"lambda": 0.25}, views(6))
barlow_twins.case("lambda_zero", {"lambda": 0.0}, views(5), in_double=True)
barlow_twins.case("eps", {"eps": 0.5}, views(5), oracle=barlow_twins_formula)
barlow_twins.case("unbiased", {"variance": "unbiased"}, views(5), oracle=barlow_twins_formula)
barlow_twins.case("unbiased_lambda", {"variance": "unbiased", "lambda": 1.0}, views(4, 5), oracle=barlow_twins_formula)
