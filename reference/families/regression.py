"""Regression: (predictions, targets) of one shape."""

import mpmath
import numpy as np
import optax
import torch
import torch.nn.functional as F
from kornia.losses import cauchy_loss, charbonnier_loss, geman_mcclure_loss, welsch_loss
from scipy.special import pseudo_huber
from sklearn.metrics import (
    mean_absolute_percentage_error,
    mean_pinball_loss,
    mean_poisson_deviance,
    mean_squared_log_error,
    mean_tweedie_deviance,
)
from statsmodels.robust.norms import TukeyBiweight
from statsmodels.robust.scale import mad

from case import Kind, agree, array, digits, formula, from_jax, from_mpmath_pointwise, given, library

from .shared import Histogram, hardest, hardest_of_samples

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


def common(kind, draw=pairs, large=LARGE):
    """The cases that every loss of the family has."""
    kind.case("default", {}, draw(4, 3))
    kind.case("rank_one", {}, draw(5))
    kind.case("rank_three", {}, draw(2, 3, 4))
    kind.case("large_errors", {}, large)
    kind.case("mean_with_weights", {}, draw(4, 3), weights="element")
    kind.case("sum_with_weights_per_sample", {"reduction": "sum"}, draw(2, 3, 2), weights="sample")
    kind.case("batch_mean", {"reduction": "batch_mean"}, draw(4, 3))
    kind.case("weighted_mean", {"reduction": "weighted_mean"}, draw(5), weights="element")
    kind.case("weighted_mean_per_sample", {"reduction": "weighted_mean"}, draw(4, 3), weights="sample")
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
    def __init__(self, mu=0.02, bins=10, momentum=0.7, divide_by="occupied"):
        self.mu, self.histogram = mu, Histogram(bins, momentum, divide_by)

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
ghm_r.case("divide_by_all", {"mu": 1.0, "bins": 4, "divide_by": "all"}, in_bins([[0, 0, 0], [1, 3, 3]], 4, 1.0))
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


@formula("Black and Anandan, 1996")
def cauchy_oracle(predictions, targets, c=1.0, form="barron"):
    d = predictions - targets
    if form == "m_estimator":
        return c**2 / 2 * torch.log1p((d / c) ** 2)
    values = torch.log1p((d / c) ** 2 / 2)
    agree(values, cauchy_loss(predictions / c, targets / c))
    return values


@digits("ln(1 + (d/c)^2/2), or c^2/2 ln(1 + (d/c)^2)")
def cauchy_digits(predictions, targets, c=1.0, form="barron"):
    c, two = mpmath.mpf(c), {"barron": 2, "m_estimator": 1}[form]
    scale = {"barron": 1, "m_estimator": c**2 / 2}[form]
    return from_mpmath_pointwise(lambda p, t: scale * mpmath.log(1 + ((p - t) / c) ** 2 / two), predictions, targets)


@formula("Geman and McClure, 1985")
def geman_mcclure_oracle(predictions, targets, c=1.0, form="barron"):
    square = ((predictions - targets) / c) ** 2
    if form == "m_estimator":
        return (predictions - targets) ** 2 / 2 / (1 + square)
    values = 2 * square / (square + 4)
    agree(values, geman_mcclure_loss(predictions / c, targets / c))
    return values


@digits("2 (d/c)^2 / ((d/c)^2 + 4), or d^2/2 / (1 + (d/c)^2)")
def geman_mcclure_digits(predictions, targets, c=1.0, form="barron"):
    c = mpmath.mpf(c)

    def value(p, t):
        d = p - t
        return 2 * d**2 / (d**2 + 4 * c**2) if form == "barron" else d**2 / 2 / (1 + (d / c) ** 2)

    return from_mpmath_pointwise(value, predictions, targets)


@formula("Dennis and Welsch, 1978")
def welsch_oracle(predictions, targets, c=1.0, form="barron"):
    square = ((predictions - targets) / c) ** 2
    if form == "m_estimator":
        return -(c**2) / 2 * torch.expm1(-square)
    values = -torch.expm1(-square / 2)
    agree(values, welsch_loss(predictions / c, targets / c))
    return values


@digits("1 - exp(-(d/c)^2/2), or c^2/2 (1 - exp(-(d/c)^2))")
def welsch_digits(predictions, targets, c=1.0, form="barron"):
    c, two = mpmath.mpf(c), {"barron": 2, "m_estimator": 1}[form]
    scale = {"barron": 1, "m_estimator": c**2 / 2}[form]
    return from_mpmath_pointwise(
        lambda p, t: -scale * mpmath.expm1(-(((p - t) / c) ** 2) / two), predictions, targets
    )


M_ESTIMATOR = {"form": "m_estimator"}


def robust(kind, in_digits, efficient):
    """The cases of a robust loss with `c` and two forms; with `efficient` it is 95 % as efficient as least squares."""
    kind = common(kind)
    kind.case("exact_predictions", {}, EXACT)
    kind.case("small_errors", {"reduction": "sum"}, SMALL, oracle=in_digits)
    kind.case("large_errors_in_digits", {}, LARGE, oracle=in_digits)
    kind.case("c_small", {"c": 0.25}, pairs(4, 3), oracle=in_digits)
    kind.case("c_large", {"c": 5.0}, pairs(2, 3, 4, high=12.0))
    kind.case("m_estimator", M_ESTIMATOR | {"c": efficient}, pairs(4, 3, high=8.0), weights="element")
    kind.case("m_estimator_small_errors", M_ESTIMATOR | {"c": 2.0, "reduction": "sum"}, SMALL, oracle=in_digits)
    kind.case("m_estimator_large_errors", M_ESTIMATOR | {"c": 0.5}, LARGE, oracle=in_digits)
    return kind


robust(Kind("regression", "cauchy", cauchy_oracle), cauchy_digits, 2.3849)
robust(Kind("regression", "geman_mcclure", geman_mcclure_oracle), geman_mcclure_digits, 3.0)
robust(Kind("regression", "welsch", welsch_oracle), welsch_digits, 2.9846)


@digits("Barron, 2019, equations 8 and 9")
def barron_digits(predictions, targets, alpha=1.0, c=1.0):
    c = mpmath.mpf(c)

    def value(p, t):
        u = ((p - t) / c) ** 2
        if alpha == "welsch":
            return -mpmath.expm1(-u / 2)
        a = mpmath.mpf(alpha)
        if a == 2:
            return u / 2
        if a == 0:
            return mpmath.log(u / 2 + 1)
        return abs(a - 2) / a * ((u / abs(a - 2) + 1) ** (a / 2) - 1)

    return from_mpmath_pointwise(value, predictions, targets)


barron = common(Kind("regression", "barron", barron_digits))
barron.case("exact_predictions", {}, EXACT)
barron.case("small_errors", {"alpha": 0.5, "reduction": "sum"}, SMALL)
barron.case("c_small", {"c": 0.3}, pairs(4, 3))
barron.case("alpha_three_c_large", {"alpha": 3.0, "c": 2.5}, pairs(4, 3))
barron.case("alpha_two", {"alpha": 2.0, "c": 1.5}, pairs(2, 3, 4))
barron.case("alpha_beside_two", {"alpha": 1.999999}, pairs(4, 3))
barron.case("alpha_above_two", {"alpha": 2.000001, "c": 0.7}, pairs(4, 3))
barron.case("alpha_half", {"alpha": 0.5}, pairs(4, 3), weights="element")
barron.case("alpha_beside_zero", {"alpha": 1e-9}, pairs(4, 3))
barron.case("alpha_below_zero", {"alpha": -1e-20}, pairs(4, 3))
barron.case("alpha_zero", {"alpha": 0.0, "c": 2.0}, pairs(2, 3, 4))
barron.case("alpha_minus_two", {"alpha": -2.0}, pairs(4, 3))
barron.case("alpha_minus_seven", {"alpha": -7.0, "c": 0.5}, pairs(4, 3))
barron.case("alpha_minus_million", {"alpha": -1e6}, pairs(4, 3))
barron.case("alpha_welsch", {"alpha": "welsch", "c": 1.5}, pairs(4, 3))
barron.case("alpha_half_large_errors", {"alpha": 0.5}, LARGE)
barron.case("alpha_minus_two_large_errors", {"alpha": -2.0, "c": 0.1}, LARGE)


@formula("a power of the absolute error")
def lp_oracle(predictions, targets, p=2.0):
    d = (predictions - targets).abs()
    assert p >= 1 or d.min() > 0.01  # below 1 the true slope at 0 is infinite
    if p == 2:
        return F.mse_loss(predictions, targets, reduction="none")
    values = d**p
    agree(values, np.abs(array(predictions) - array(targets)) ** p)
    return values


lp = common(Kind("regression", "lp", lp_oracle))
lp.case("exact_predictions", {}, EXACT)
lp.case("p_one", {"p": 1.0}, pairs(4, 3))
lp.case("p_one_exact_predictions", {"p": 1.0}, EXACT)
lp.case("p_between", {"p": 1.5}, pairs(2, 3, 4))
lp.case("p_between_exact_predictions", {"p": 1.25}, EXACT)
lp.case("p_three", {"p": 3.0}, pairs(4, 3), weights="element")
lp.case("p_four_and_a_half", {"p": 4.5}, pairs(4, 3))
lp.case("p_below_one", {"p": 0.5}, pairs(4, 3))
lp.case("p_below_one_large_errors", {"p": 0.3}, LARGE)


def positive(*shape, low=0.05, high=4.0):
    """Predictions and targets above 0."""

    def recipe(draw):
        return {"predictions": draw.uniform(low, high, shape), "targets": draw.uniform(low, high, shape)}

    return recipe


@formula("Keras; ln(1 + x) of what is at least the floor, or sign(x) ln(1 + |x|)")
def msle_oracle(predictions, targets, domain="clamp", floor=1e-7):
    if domain == "signed":

        def signed(x):
            below, above = torch.where(x < 0, x, 0.0), torch.where(x < 0, 0.0, x)  # at 0 the slope is 1
            return torch.log1p(above) - torch.log1p(-below)

        first, second = signed(predictions), signed(targets)
        return (first - second) ** 2
    first, second = (torch.log1p(torch.where(x < floor, floor, x)) for x in (predictions, targets))
    values = (first - second) ** 2
    if min(predictions.min(), targets.min()) >= floor:
        agree(values.mean(), mean_squared_log_error(array(targets).flatten(), array(predictions).flatten()))
    return values


MAGNITUDES = given(predictions=[1e-6, 1e-3, 0.5, 30.0, 1e4, 1e8], targets=[2e-6, 0.0, 1.5, 29.0, 2e4, 1e6])

msle = common(Kind("regression", "msle", msle_oracle))
msle.case("positive", {}, positive(4, 3))
msle.case("magnitudes", {"reduction": "sum"}, MAGNITUDES)
msle.case("exact_predictions", {}, given(predictions=[1.5, 0.0, 4.0, 7.0], targets=[1.5, 0.0, 4.0, 6.5]))
msle.case("negative_predictions_have_no_gradient", {}, given(predictions=[-1.0, -20.0, 0.5], targets=[2.0, 0.0, 1.5]))
msle.case("floor_large", {"floor": 0.75}, positive(4, 3))
msle.case("signed", {"domain": "signed"}, pairs(4, 3))
msle.case("signed_large_errors", {"domain": "signed"}, LARGE, weights="element")
msle.case("signed_positive", {"domain": "signed"}, positive(2, 3, 4))
msle.case("signed_zero", {"domain": "signed"}, given(predictions=[0.0, 0.0, -0.25], targets=[1.0, -2.0, 0.5]))


@formula("Zhang et al., 2021, FocalL1")
def focal_l1_oracle(predictions, targets, beta=0.8, form="efficient_iou", gamma=1.0):
    x = (predictions - targets).abs()
    if form == "focal_r":
        return (2 * torch.sigmoid(beta * x) - 1) ** gamma * x
    alpha, log = np.e * beta, np.log(beta)
    safe = torch.where(x > 0, x, 1.0)
    near = -alpha * x**2 * (2 * torch.log(beta * safe) - 1) / 4
    return torch.where(x <= 1, near, -alpha * log * x + (2 * alpha * log + alpha) / 4)


@digits("the integral of the slope: -alpha x ln(beta x) up to 1, then -alpha ln beta; alpha = e beta")
def focal_l1_quadrature(predictions, targets, beta=0.8):
    beta = mpmath.mpf(beta)
    alpha = mpmath.e * beta

    def slope(x):
        return -alpha * x * mpmath.log(beta * x) if x <= 1 else -alpha * mpmath.log(beta)

    values, slopes = [], []
    for p, t in zip(predictions.flatten().tolist(), targets.flatten().tolist()):
        d = mpmath.mpf(p) - mpmath.mpf(t)
        inside = mpmath.quad(slope, [0, min(abs(d), 1)]) if d else 0
        values.append(float(inside + max(abs(d) - 1, 0) * slope(mpmath.mpf(2))))
        slopes.append(float(mpmath.sign(d) * slope(abs(d))) if d else 0.0)

    class Bridge(torch.autograd.Function):
        @staticmethod
        def forward(ctx, predictions, targets):
            return torch.tensor(values).reshape(predictions.shape)

        @staticmethod
        def backward(ctx, upstream):
            gradient = upstream * torch.tensor(slopes).reshape(upstream.shape)
            return gradient, -gradient

    return Bridge.apply(predictions, targets)


FOCAL_R = {"form": "focal_r"}

focal_l1 = common(Kind("regression", "focal_l1", focal_l1_oracle))
focal_l1.case("by_quadrature", {}, pairs(4, 3), oracle=focal_l1_quadrature)
focal_l1.case("small_errors", {"reduction": "sum"}, SMALL, oracle=focal_l1_quadrature)
focal_l1.case("large_errors_by_quadrature", {"beta": 0.5}, LARGE, oracle=focal_l1_quadrature)
focal_l1.case("exact_predictions", {}, EXACT)
focal_l1.case("beta_one_has_no_slope_for_outliers", {"beta": 1.0}, pairs(4, 3))
focal_l1.case("beta_least", {"beta": 0.36787944117144233}, pairs(2, 3, 4), weights="element")
focal_l1.case("focal_r", FOCAL_R, pairs(4, 3))
focal_l1.case("focal_r_gamma_two", FOCAL_R | {"gamma": 2.0, "beta": 0.5}, pairs(4, 3))
focal_l1.case("focal_r_gamma_half", FOCAL_R | {"gamma": 0.5}, pairs(4, 3))
focal_l1.case("focal_r_gamma_zero", FOCAL_R | {"gamma": 0.0}, pairs(5))
focal_l1.case("focal_r_large_errors", FOCAL_R | {"gamma": 1.5}, LARGE)
focal_l1.case("focal_r_exact_predictions", FOCAL_R, EXACT)


@library("torch", "torch.nn.functional.poisson_nll_loss")
def poisson_nll_oracle(predictions, targets, log_input=True, full=False, epsilon=1e-8):
    values = F.poisson_nll_loss(predictions, targets, log_input=log_input, full=full, eps=epsilon, reduction="none")
    if not log_input and not full and epsilon <= 1e-8 and targets.min() > 0:
        t, p = array(targets).flatten(), array(predictions).flatten()
        agree(values.mean(), mean_poisson_deviance(t, p) / 2 + np.mean(t - t * np.log(t)), rtol=1e-6)
    return values


@formula("x - t ln(x + epsilon), and below 0 its tangent at 0")
def poisson_nll_below_zero(predictions, targets, log_input=False, epsilon=1e-8):
    x = predictions.clamp(min=0)
    tangent = (1 - targets / epsilon) * predictions - targets * np.log(epsilon)
    return torch.where(predictions < 0, tangent, x - targets * torch.log(x + epsilon))


def counts(*shape, low=-2.0, high=3.0, most=12):
    """Predictions in a range, and whole targets that are not negative."""

    def recipe(draw):
        targets = draw.labels(most + 1, shape).astype(float)
        return {"predictions": draw.uniform(low, high, shape), "targets": targets}

    return recipe


MEAN = {"log_input": False}

FAR_OFF = given(predictions=[-1e4, 40.0, 60.0, -50.0], targets=[3.0, 1e6, 0.0, 0.5])

poisson_nll = common(Kind("regression", "poisson_nll", poisson_nll_oracle), counts, FAR_OFF)
poisson_nll.case("nothing_counted", {"reduction": "sum"}, given(predictions=[-30.0, -2.0, 0.0, 3.0], targets=[0.0] * 4))
poisson_nll.case("full", {"full": True}, given(predictions=[-1.0, 2.0, 3.0, 1.5], targets=[0.75, 1.0, 1.5, 40.0]))
# torch has a NaN for the derivative with respect to a target of 0, though the term is left out there.
poisson_nll.case("full_counts", {"full": True}, counts(4, 3), constant=("targets",))
poisson_nll.case("mean", MEAN, positive(4, 3))
poisson_nll.case("mean_full", MEAN | {"full": True}, counts(4, 3, low=0.1, high=20.0), constant=("targets",))
poisson_nll.case("mean_epsilon", MEAN | {"epsilon": 0.5}, counts(4, 3, low=0.0, high=6.0), weights="element")
poisson_nll.case("mean_zero", MEAN | {"epsilon": 0.01}, given(predictions=[0.0, 1e-3, 5.0], targets=[2.0, 0.0, 0.0]))
poisson_nll.case("mean_below_zero", MEAN | {"epsilon": 0.1}, given(
    predictions=[-1.0, -1e-3, 2.0, -50.0], targets=[2.0, 0.0, 3.0, 1.0]
), oracle=poisson_nll_below_zero)


@formula("Newey and Powell, 1987")
def expectile_oracle(predictions, targets, tau=0.5):
    d = predictions - targets
    return (tau - (d > 0).double()).abs() * d**2


expectile = common(Kind("regression", "expectile", expectile_oracle))
expectile.case("tau_high", {"tau": 0.9}, pairs(4, 3))
expectile.case("tau_low", {"tau": 0.25}, pairs(2, 3, 4))
expectile.case("tau_high_large_errors", {"tau": 0.95, "reduction": "sum"}, LARGE)
expectile.case("exact_predictions", {"tau": 0.7}, EXACT)


@formula("|p - t| / max(|t|, epsilon)")
def mape_oracle(predictions, targets, epsilon=1e-7, percent=False):
    values = (predictions - targets).abs() / targets.abs().clamp(min=epsilon)
    if targets.abs().min() > epsilon:
        agree(values.mean(), mean_absolute_percentage_error(array(targets).flatten(), array(predictions).flatten()))
    return 100 * values if percent else values


def off_zero(*shape, low=0.5, high=4.0):
    """Targets of both signs that are not small, and predictions beside them."""

    def recipe(draw):
        targets = draw.sign(shape) * draw.uniform(low, high, shape)
        errors = draw.sign(shape) * draw.uniform(0.05, 3.0, shape)
        return {"predictions": np.round(targets + errors, 4), "targets": targets}

    return recipe


mape = common(Kind("regression", "mape", mape_oracle))
mape.case("off_zero", {}, off_zero(4, 3))
mape.case("percent", {"percent": True}, off_zero(2, 3, 4), weights="element")
mape.case("epsilon_large", {"epsilon": 2.0}, off_zero(4, 3))
mape.case("targets_of_zero", {"epsilon": 0.01}, given(predictions=[1.0, -2.0, 0.5, 3.0], targets=[0.0, 0.0, 1e-3, 2.0]))
mape.case("exact_predictions", {}, given(predictions=[1.5, -2.0, 4.0], targets=[1.5, -2.0, 3.25]))


@formula("2 |p - t| / max(|p| + |t|, epsilon)")
def smape_oracle(predictions, targets, epsilon=1e-7, percent=False, halved=False):
    values = (predictions - targets).abs() / (predictions.abs() + targets.abs()).clamp(min=epsilon)
    return (100 if percent else 1) * (1 if halved else 2) * values


smape = common(Kind("regression", "smape", smape_oracle))
smape.case("positive", {}, positive(4, 3))
smape.case("percent", {"percent": True}, off_zero(4, 3))
smape.case("halved", {"halved": True}, positive(2, 3, 4), weights="element")
smape.case("epsilon_large", {"epsilon": 4.0}, positive(4, 3))
smape.case("zeros", {}, given(predictions=[0.0, 0.0, 3.0, 2.0], targets=[0.0, 2.0, 0.0, 2.0]))
smape.case("other_sign", {}, given(predictions=[-1.0, 2.0, 0.5], targets=[3.0, -0.25, 0.75]))


@formula("mmdet, balanced_l1_loss")
def balanced_l1_oracle(predictions, targets, alpha=0.5, gamma=1.5, beta=1.0):
    x = (predictions - targets).abs()
    assert beta == 1 or (x - beta).abs().min() > 1e-3  # else the slope jumps
    b = np.e ** (gamma / alpha) - 1
    inside = alpha / b * (b * x + 1) * torch.log(b * x / beta + 1) - alpha * x
    return torch.where(x < beta, inside, gamma * x + gamma / b - alpha * beta)


balanced_l1 = common(Kind("regression", "balanced_l1", balanced_l1_oracle))
balanced_l1.case("exact_predictions", {}, EXACT)
balanced_l1.case("alpha_large", {"alpha": 1.5}, pairs(4, 3))
balanced_l1.case("gamma_small", {"gamma": 0.4}, pairs(4, 3), weights="element")
balanced_l1.case("beta_small", {"beta": 0.3}, pairs(4, 3, high=1.0))
balanced_l1.case("beta_large", {"beta": 2.5, "alpha": 0.25}, pairs(2, 3, 4, high=5.0))


@formula("max(0, |d| - epsilon), or its square")
def epsilon_insensitive_oracle(predictions, targets, epsilon=0.1, squared=False):
    beyond = ((predictions - targets).abs() - epsilon).clamp(min=0)
    return beyond**2 if squared else beyond


epsilon_insensitive = common(Kind("regression", "epsilon_insensitive", epsilon_insensitive_oracle))
epsilon_insensitive.case("exact_predictions", {}, EXACT)
epsilon_insensitive.case("epsilon_large", {"epsilon": 1.25}, pairs(4, 3))
epsilon_insensitive.case("epsilon_zero", {"epsilon": 0.0}, pairs(5))
epsilon_insensitive.case("squared", {"squared": True, "epsilon": 0.5}, pairs(2, 3, 4), weights="element")
epsilon_insensitive.case("squared_large_errors", {"squared": True}, LARGE)
epsilon_insensitive.case("at_the_edge", {"squared": True, "epsilon": 0.5}, given(
    predictions=[1.5, -1.5, 0.25], targets=[1.0, -1.0, 0.25]
))


@formula("Feng et al., 2018")
def wing_oracle(predictions, targets, omega=10.0, epsilon=2.0):
    x = (predictions - targets).abs()
    assert (x - omega).abs().min() > 1e-3
    offset = omega - omega * np.log(1 + omega / epsilon)
    return torch.where(x < omega, omega * torch.log(1 + x / epsilon), x - offset)


wing = common(Kind("regression", "wing", wing_oracle))
wing.case("pixels", {}, pairs(4, 3, high=30.0))
wing.case("exact_predictions", {}, EXACT)
wing.case("omega_small", {"omega": 1.25}, pairs(4, 3))
wing.case("epsilon_small", {"epsilon": 0.25}, pairs(2, 3, 4), weights="element")
wing.case("of_coordinates", {"omega": 0.1, "epsilon": 0.02}, pairs(4, 3, low=0.01, high=0.3))


@formula("Wang et al., 2019")
def adaptive_wing_oracle(predictions, targets, alpha=2.1, omega=14.0, epsilon=1.0, theta=0.5):
    x, k = (predictions - targets).abs(), alpha - targets
    assert (x - theta).abs().min() > 1e-3
    power = (theta / epsilon) ** k
    a = omega * (1 / (1 + power)) * k * (theta / epsilon) ** (k - 1) / epsilon
    c = theta * a - omega * torch.log(1 + power)
    near = torch.where(x < theta, x, 0.25)
    return torch.where(x < theta, omega * torch.log(1 + (near / epsilon) ** k), a * x - c)


def heat_map(*shape):
    """Targets in [0, 1], and predictions around them."""

    def recipe(draw):
        targets = draw.uniform(0, 1, shape)
        errors = draw.sign(shape) * draw.uniform(0.02, 1.2, shape)
        return {"predictions": np.round(targets + errors, 4), "targets": targets}

    return recipe


OFF_THE_MAP = given(predictions=[1e4, -1e4, 1e6, -0.75], targets=[0.0, 1.0, 0.5, 0.25])

adaptive_wing = common(Kind("regression", "adaptive_wing", adaptive_wing_oracle), heat_map, OFF_THE_MAP)
adaptive_wing.case("heat_map", {}, heat_map(2, 3, 4))
adaptive_wing.case("hard_targets", {}, given(predictions=[0.9, 0.2, 0.1, 1.7], targets=[1.0, 1.0, 0.0, 0.0]))
adaptive_wing.case("alpha_large", {"alpha": 3.0}, heat_map(4, 3))
adaptive_wing.case("omega_small", {"omega": 2.0}, heat_map(4, 3), weights="element")
adaptive_wing.case("epsilon_small", {"epsilon": 0.4}, heat_map(4, 3))
adaptive_wing.case("theta_large", {"theta": 0.8}, heat_map(4, 3))


@formula("XGBoost reg:tweedie, LightGBM tweedie")
def tweedie_nll_oracle(predictions, targets, power=1.5):
    one, two = 1 - power, 2 - power
    values = -targets * torch.exp(one * predictions) / one + torch.exp(two * predictions) / two
    if targets.min() >= 0 and predictions.abs().max() < 50:
        t, mean = array(targets).flatten(), np.exp(array(predictions).flatten())
        constant = np.mean(t**two / (one * two))
        agree(values.mean(), mean_tweedie_deviance(t, mean, power=power) / 2 - constant, rtol=1e-9)
    return values


tweedie_nll = common(Kind("regression", "tweedie_nll", tweedie_nll_oracle), counts, given(
    predictions=[-40.0, 40.0, 60.0, -20.0], targets=[3.0, 1e6, 0.0, 0.5]
))
tweedie_nll.case("power_low", {"power": 1.1}, counts(4, 3), weights="element")
tweedie_nll.case("power_high", {"power": 1.9}, counts(2, 3, 4))
tweedie_nll.case("nothing_claimed", {"reduction": "sum"}, given(predictions=[-30.0, -2.0, 0.0, 3.0], targets=[0.0] * 4))


@library("torch", "losses of torch; the largest values by a stable sort (Shrivastava et al., 2016)")
def ohem_oracle(predictions, targets, loss={"kind": "smooth_l1"}, keep={"ratio": 0.25}, min_kept=1, over="batch"):
    fields = dict(loss)
    values = INNER[fields.pop("kind")](predictions, targets, **fields)
    if over == "sample":
        kept = hardest_of_samples(values, keep, min_kept)
    else:
        kept = hardest(values, keep, min_kept, torch.ones_like(values))
    return values * kept, kept


INNER = {"smooth_l1": smooth_l1_oracle, "mae": mae_oracle, "mse": mse_oracle, "huber": huber_oracle}
TIES = given(predictions=[[1.5, -0.5, -1.5], [1.5, 1.5, 0.25]], targets=[[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]])

ohem = common(Kind("regression", "ohem", ohem_oracle))
ohem.case("ratio_rounds_half_up", {"keep": {"ratio": 0.25}}, pairs(2, 5))
ohem.case("ratio_all", {"keep": {"ratio": 1.0}}, pairs(5))
ohem.case("ratio_small_min_kept", {"keep": {"ratio": 0.1}, "min_kept": 4}, pairs(4, 3))
ohem.case("min_kept_above_all", {"keep": {"ratio": 0.5}, "min_kept": 50}, pairs(5))
ohem.case("count", {"keep": {"count": 5}}, pairs(4, 3))
ohem.case("count_above_all", {"keep": {"count": 100}}, pairs(2, 3))
ohem.case("count_with_ties_keeps_the_first", {"keep": {"count": 3}}, TIES)
ohem.case("threshold", {"keep": {"threshold": 0.7}}, pairs(4, 3))
ohem.case("threshold_above_all_min_kept", {"keep": {"threshold": 100.0}, "min_kept": 2}, pairs(4, 3))
ohem.case("mae", {"loss": {"kind": "mae"}, "keep": {"count": 4}}, pairs(4, 3))
ohem.case("mse", {"loss": {"kind": "mse"}, "keep": {"ratio": 0.5}}, pairs(4, 3))
ohem.case("huber", {"loss": {"kind": "huber", "delta": 0.5}, "keep": {"count": 4}}, pairs(2, 3, 2))
ohem.case("half_of_them_with_weights", {"keep": {"ratio": 0.5}}, pairs(4, 3), weights="element")
ohem.case("keypoints_of_each_sample", {"over": "sample", "loss": {"kind": "mse"}, "keep": {"count": 2}}, pairs(3, 5))
ohem.case("share_of_each_sample", {"over": "sample", "keep": {"ratio": 0.5}}, pairs(2, 3, 4), weights="element")
ohem.case("threshold_in_each_sample", {"over": "sample", "keep": {"threshold": 0.7}, "min_kept": 2}, pairs(4, 3))
ohem.case("one_value_per_sample", {"over": "sample"}, pairs(5))
ohem.case("weights_per_sample", {"keep": {"count": 5}}, pairs(4, 3), weights="sample")
