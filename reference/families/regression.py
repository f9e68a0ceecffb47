"""Regression: (predictions, targets) of one shape."""

import mpmath
import numpy as np
import optax
import torch
import torch.nn.functional as F
from kornia.losses import charbonnier_loss
from scipy.special import pseudo_huber
from sklearn.metrics import mean_pinball_loss
from statsmodels.robust.norms import TukeyBiweight
from statsmodels.robust.scale import mad

from case import Kind, agree, array, digits, formula, from_jax, from_mpmath_pointwise, given, library

from .shared import Histogram

# Inputs


def pairs(*shape, low=0.05, high=3.0):
    """Errors of both signs, `low` to `high` in size."""

    def recipe(draw):
        targets = draw.normal(shape)
        errors = draw.sign(shape) * draw.uniform(low, high, shape)
        return {"predictions": np.round(targets + errors, 4), "targets": targets}

    return recipe


def in_bins(numbers, bins, mu):
    """Errors whose gradient norms fall well inside the named bins of GHM-R."""

    def recipe(draw):
        g = (np.array(numbers) + draw.uniform(0.1, 0.9, np.shape(numbers))) / bins
        targets = draw.uniform(-1, 1, np.shape(numbers))
        errors = draw.sign(np.shape(numbers)) * mu * g / np.sqrt(1 - g**2)
        return {"predictions": np.round(targets + errors, 4), "targets": targets}

    return recipe


LARGE = given(predictions=[1e4, -1e4, 1e6, -1e6, 3.0, -0.25], targets=[-1.0, 2.0, 0.5, 0.0, 1e6, 0.5])
EXACT = given(predictions=[1.5, -2.0, 0.0, 4.0], targets=[1.5, -2.0, 0.0, 3.25])


def common(kind):
    """The cases that every loss of the family has."""
    kind.case("default", {}, pairs(4, 3))
    kind.case("rank_one", {}, pairs(5))
    kind.case("rank_three", {}, pairs(2, 3, 4))
    kind.case("large_errors", {}, LARGE)
    kind.case("mean_with_weights", {}, pairs(4, 3), weights="element")
    kind.case("sum_with_weights_per_sample", {"reduction": "sum"}, pairs(2, 3, 2), weights="sample")
    kind.case("batch_mean", {"reduction": "batch_mean"}, pairs(4, 3))
    kind.case("weighted_mean", {"reduction": "weighted_mean"}, pairs(5), weights="element")
    kind.case("weighted_mean_per_sample", {"reduction": "weighted_mean"}, pairs(4, 3), weights="sample")
    return kind


# Losses


@library("torch", "torch.nn.functional.l1_loss")
def mae_oracle(predictions, targets):
    return F.l1_loss(predictions, targets, reduction="none")


mae = common(Kind("regression", "mae", mae_oracle))
mae.case("exact_predictions", {}, EXACT)


@library("torch", "torch.nn.functional.mse_loss")
def mse_oracle(predictions, targets):
    values = F.mse_loss(predictions, targets, reduction="none")
    agree(values, optax.squared_error(array(predictions), array(targets)))
    return values


mse = common(Kind("regression", "mse", mse_oracle))
mse.case("exact_predictions", {}, EXACT)


@formula("prediction minus target")
def mean_bias_oracle(predictions, targets):
    return predictions - targets


mean_bias = common(Kind("regression", "mean_bias", mean_bias_oracle))
mean_bias.case("errors_cancel", {}, given(predictions=[1.0, 2.0, 3.0], targets=[3.0, 2.0, 1.0]))


@library("torch", "torch.nn.functional.smooth_l1_loss")
def smooth_l1_oracle(predictions, targets, beta=1.0):
    values = F.smooth_l1_loss(predictions, targets, reduction="none", beta=beta)
    if beta > 0:
        agree(values, F.huber_loss(predictions, targets, reduction="none", delta=beta) / beta)
    return values


smooth_l1 = common(Kind("regression", "smooth_l1", smooth_l1_oracle))
smooth_l1.case("beta_small", {"beta": 0.1111}, pairs(4, 3, high=0.5))
smooth_l1.case("beta_large", {"beta": 2.5}, pairs(2, 3, 4, high=5.0))
smooth_l1.case("beta_zero", {"beta": 0.0}, pairs(5))
smooth_l1.case("beta_zero_exact_predictions", {"beta": 0.0}, EXACT)
smooth_l1.case("error_equals_beta", {"beta": 0.5}, given(predictions=[1.5, -1.5, 0.25], targets=[1.0, -1.0, 0.25]))


@library("torch", "torch.nn.functional.huber_loss")
def huber_oracle(predictions, targets, delta=1.0):
    values = F.huber_loss(predictions, targets, reduction="none", delta=delta)
    agree(values, optax.huber_loss(array(predictions), array(targets), delta=delta))
    return values


huber = common(Kind("regression", "huber", huber_oracle))
huber.case("delta_small", {"delta": 0.25}, pairs(4, 3))
huber.case("delta_large", {"delta": 1.345}, pairs(2, 3, 4, high=4.0))
huber.case("error_equals_delta", {"delta": 0.5}, given(predictions=[1.5, -1.5, 0.25], targets=[1.0, -1.0, 0.25]))
huber.case("exact_predictions", {}, EXACT)


@library("optax", "optax.losses.log_cosh")
def log_cosh_oracle(predictions, targets):
    values = from_jax(optax.losses.log_cosh, predictions, targets)
    moderate = (predictions - targets).abs() < 100
    agree(values[moderate], torch.log(torch.cosh(predictions - targets))[moderate])
    return values


@digits("ln cosh of the error")
def log_cosh_digits(predictions, targets):
    return from_mpmath_pointwise(lambda p, t: mpmath.log(mpmath.cosh(p - t)), predictions, targets)


SMALL = given(predictions=[0.01, -1e-3, 1e-4, -1e-6, 1e-8, 0.0], targets=[0.0] * 6)

log_cosh = common(Kind("regression", "log_cosh", log_cosh_oracle))
log_cosh.case("small_errors", {"reduction": "sum"}, SMALL, oracle=log_cosh_digits)
log_cosh.case("large_errors_in_digits", {}, LARGE, oracle=log_cosh_digits)
log_cosh.case("exact_predictions", {}, EXACT)


@formula("Koenker and Bassett, 1978")
def quantile_oracle(predictions, targets, tau=0.5):
    below = targets - predictions
    assert below.abs().min() > 0.01
    values = tau * below.clamp(min=0) + (1 - tau) * (-below).clamp(min=0)
    agree(values.mean(), mean_pinball_loss(array(targets).flatten(), array(predictions).flatten(), alpha=tau))
    return values


quantile = common(Kind("regression", "quantile", quantile_oracle))
quantile.case("tau_high", {"tau": 0.9}, pairs(4, 3))
quantile.case("tau_low", {"tau": 0.25}, pairs(2, 3, 4))
quantile.case("tau_high_both_sides", {"tau": 0.9}, given(predictions=[1.0, 3.0], targets=[2.0, 2.0]))
quantile.case("tau_low_large_errors", {"tau": 0.05, "reduction": "sum"}, LARGE)


@formula("Beaton and Tukey, 1974")
def tukey_biweight_oracle(predictions, targets, c=4.6851, scale="none"):
    error = predictions - targets
    if scale == "mad":
        d = array(error)
        spread = 1.4826 * np.median(np.abs(d - np.median(d)))
        agree(spread, mad(d.flatten(), c=1 / 1.4826))
        assert spread > 0.01
        error = error / spread
    assert (error.abs() - c).abs().min() > 0.01
    values = torch.where(error.abs() <= c, c**2 / 6 * (1 - (1 - (error / c) ** 2) ** 3), c**2 / 6)
    agree(values, TukeyBiweight(c).rho(array(error)))
    return values


OUTLIERS = given(
    predictions=[1.0, 2.5, -0.5, 3.25, 0.75, -1.5, 20.0], targets=[1.25, 2.0, -0.25, 3.0, 1.5, -1.0, -15.0]
)

tukey_biweight = common(Kind("regression", "tukey_biweight", tukey_biweight_oracle))
tukey_biweight.case("c_small", {"c": 1.5}, pairs(4, 3))
tukey_biweight.case("c_large", {"c": 9.0}, pairs(2, 3, 4, high=12.0))
tukey_biweight.case("mad_odd_count", {"scale": "mad"}, OUTLIERS)
tukey_biweight.case("mad_even_count", {"scale": "mad", "c": 2.0}, pairs(4, 3))
tukey_biweight.case("mad_rank_three_weighted", {"scale": "mad", "c": 1.2}, pairs(2, 3, 4), weights="sample")
tukey_biweight.case("mad_large_outlier", {"scale": "mad"}, given(
    predictions=[1e6, 0.5, -0.5, 1.0, -1.25, 0.25], targets=[0.0] * 6
))
tukey_biweight.case("exact_predictions", {}, EXACT)


@formula("Li et al., 2019, GHM-R")
class GhmR:
    def __init__(self, mu=0.02, bins=10, momentum=0.7):
        self.mu, self.histogram = mu, Histogram(bins, momentum)

    def __call__(self, predictions, targets):
        error = predictions - targets
        root = torch.sqrt(error**2 + self.mu**2)
        return self.histogram.weights((error / root).abs()) * (root - self.mu)


ghm_r = common(Kind("regression", "ghm_r", GhmR))
spread_out = in_bins([[0, 1, 9], [9, 9, 9], [0, 4, 6], [9, 0, 2]], 10, 0.02)
ghm_r.case("small_errors", {}, spread_out)
ghm_r.case("small_errors_weighted_mean", {"reduction": "weighted_mean"}, spread_out, weights="element")
ghm_r.case("mu_large", {"mu": 0.5}, in_bins([0, 0, 0, 3, 5, 9, 9], 10, 0.5))
ghm_r.case("bins_few", {"mu": 1.0, "bins": 4}, in_bins([[0, 0, 0], [1, 2, 3]], 4, 1.0))
ghm_r.case("exact_predictions", {}, EXACT)
ghm_r.case("last_bin_at_one", {}, given(predictions=[1e9, -1e9, 0.01, 0.0], targets=[0.0, 0.0, 0.0, 0.005]))
ghm_r.case("three_steps", {}, [spread_out] * 3)
ghm_r.case("three_steps_bins_empty_for_a_while", {"mu": 0.5, "bins": 5, "momentum": 0.4}, [
    in_bins([0, 0, 0, 1, 4, 4], 5, 0.5),
    in_bins([2, 2, 2, 2], 5, 0.5),
    in_bins([[0, 1, 2], [3, 4, 4]], 5, 0.5),
])
ghm_r.case("two_steps_without_momentum", {"momentum": 0.0, "mu": 0.1}, [
    in_bins([0, 0, 5, 9], 10, 0.1),
    in_bins([0, 5, 5, 7], 10, 0.1),
])


@formula("Charbonnier et al., 1994; as d^2 / (sqrt(d^2 + epsilon^2) + epsilon)")
def charbonnier_oracle(predictions, targets, epsilon=0.001, offset=True, scale="one"):
    d = predictions - targets
    root = torch.sqrt(d**2 + epsilon**2)
    values = d**2 / (root + epsilon)
    agree(epsilon * values, pseudo_huber(epsilon, array(d)))
    if epsilon == 1:
        agree(values, charbonnier_loss(predictions, targets))
    return {"one": 1, "epsilon": epsilon, "two_epsilon": 2 * epsilon}[scale] * (values if offset else root)


@digits("sqrt(d^2 + epsilon^2) - epsilon")
def charbonnier_digits(predictions, targets, epsilon=0.001):
    e = mpmath.mpf(epsilon)
    return from_mpmath_pointwise(lambda p, t: mpmath.sqrt((p - t) ** 2 + e**2) - e, predictions, targets)


PLAIN, UNIT = {"offset": False}, {"epsilon": 1.0}

charbonnier = common(Kind("regression", "charbonnier", charbonnier_oracle))
charbonnier.case("exact_predictions", {}, EXACT)
charbonnier.case("small_errors", {"reduction": "sum"}, SMALL, oracle=charbonnier_digits)
charbonnier.case("small_errors_in_a_wide_bend", UNIT | {"reduction": "sum"}, SMALL, oracle=charbonnier_digits)
charbonnier.case("large_errors_in_digits", {}, LARGE, oracle=charbonnier_digits)
charbonnier.case("errors_in_the_bend", {}, pairs(4, 3, low=0.0002, high=0.004))
charbonnier.case("epsilon_one", UNIT, pairs(2, 3, 4))
charbonnier.case("epsilon_large", {"epsilon": 20.0}, pairs(4, 3))
charbonnier.case("without_offset", PLAIN | {"epsilon": 0.5}, pairs(4, 3), weights="element")
charbonnier.case("without_offset_exact_predictions", PLAIN, EXACT)
charbonnier.case("pseudo_huber", {"scale": "epsilon", "epsilon": 1.5}, pairs(4, 3))
charbonnier.case("pseudo_huber_large_errors", {"scale": "epsilon"}, LARGE)
charbonnier.case("diffusers", {"scale": "two_epsilon", "epsilon": 0.1}, pairs(4, 3))
charbonnier.case("diffusers_without_offset", PLAIN | {"scale": "two_epsilon", "epsilon": 0.25}, pairs(5))
