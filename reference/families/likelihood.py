"""Likelihood: parameters [N, K, ..] and targets [N, ..] -> [N, ..]."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from scipy.stats import t as student_t
from sklearn.metrics import mean_pinball_loss

from case import Kind, agree, array, formula, given, library

# Inputs


def located(*shape, spread=(-1.5, 1.5), error=2.0):
    """A mean and a spread, `spread` from its least to its largest number, for targets of this shape."""

    def recipe(draw):
        targets = draw.normal(shape)
        mean = targets + draw.sign(shape) * draw.uniform(0.05, error, shape)
        return {"parameters": np.stack([np.round(mean, 4), draw.uniform(*spread, shape)], 1), "targets": targets}

    return recipe


def reductions(kind, recipe, config=None):
    config = config or {}
    kind.case("mean_with_weights", config, recipe(5), weights="element")
    kind.case("sum", config | {"reduction": "sum"}, recipe(4, 3), weights="sample")
    kind.case("batch_mean", config | {"reduction": "batch_mean"}, recipe(4, 3))
    kind.case("weighted_mean", config | {"reduction": "weighted_mean"}, recipe(5), weights="element")
    kind.case("weighted_mean_per_sample", config | {"reduction": "weighted_mean"}, recipe(4, 2), weights="sample")


# Losses


def variance_of(spread, form, floor):
    """The floored variance, whose slope the floor does not cut."""
    if form == "log_variance":
        return spread.clamp(-60, 60).exp()
    variance = F.softplus(spread, threshold=700) if form == "softplus" else spread
    return variance + (variance.clamp(min=floor) - variance).detach()


@library("torch", "torch.nn.functional.gaussian_nll_loss")
def gaussian_nll_oracle(targets, parameters=None, mean=None, spread="log_variance", floor=1e-6, full=False, beta=0.0):
    form = "log_variance" if isinstance(spread, torch.Tensor) else spread
    mean, second = (mean, spread) if parameters is None else parameters.unbind(1)
    variance = variance_of(second, form, floor)
    values = F.gaussian_nll_loss(mean, targets, variance, full=full, eps=1e-300, reduction="none")
    return values * variance.detach() ** beta


@formula("Nix and Weigend, 1994, the slope of the floor not cut")
def gaussian_nll_formula(parameters, targets, spread="log_variance", floor=1e-6, full=False, beta=0.0):
    mean, second = parameters.unbind(1)
    variance = variance_of(second, spread, floor)
    values = (variance.log() + (targets - mean) ** 2 / variance + full * math.log(2 * math.pi)) / 2
    return values * variance.detach() ** beta


@library("torch", "torch.distributions.Laplace.log_prob")
def laplace_nll_oracle(targets, parameters=None, mean=None, spread="log_variance", floor=1e-6, beta=0.0):
    form = "log_variance" if isinstance(spread, torch.Tensor) else spread
    mean, second = (mean, spread) if parameters is None else parameters.unbind(1)
    variance = variance_of(second, form, floor)
    values = -torch.distributions.Laplace(mean, (variance / 2).sqrt()).log_prob(targets)
    return values * variance.detach() ** beta


@library("torch", "torch.distributions.StudentT.log_prob")
def student_t_nll_oracle(targets, parameters=None, mean=None, spread="log_variance", floor=1e-6, dof=5.0):
    form = "log_variance" if isinstance(spread, torch.Tensor) else spread
    mean, second = (mean, spread) if parameters is None else parameters.unbind(1)
    scale = variance_of(second, form, floor).sqrt()
    values = -torch.distributions.StudentT(dof, mean, scale).log_prob(targets)
    agree(values, -student_t.logpdf(array(targets), dof, array(mean), array(scale)))
    return values


VARIANCE, SOFTPLUS = {"spread": "variance"}, {"spread": "softplus"}
EXTREME = given(
    parameters=[[1e4, 0.5], [-1e4, 20.0], [3.0, 80.0], [3.0, -30.0], [0.0, -75.0], [2.0, 1e4]],
    targets=[0.0, 1.0, 2.0, 3.0, 0.0, -1.0],
)
LOW = given(parameters=[[1.0, 0.25], [2.0, 1e-9], [0.5, -3.0], [0.0, 2.0]], targets=[1.5, 0.0, 0.25, 3.0])



def common(kind):
    """The cases that every loss of a mean and a spread has."""
    kind.case("default", {}, located(6))
    kind.case("rank_three", {}, located(3, 2, 2))
    kind.case("one_target", {}, located(1))
    kind.case("parts", {}, lambda draw: {
        "mean": draw.normal((3, 4)), "spread": draw.uniform(-1, 1, (3, 4)), "targets": draw.normal((3, 4))
    })
    kind.case("variance", VARIANCE, located(6, spread=(0.1, 3.0)))
    kind.case("softplus", SOFTPLUS, located(3, 4, spread=(-3.0, 3.0)))
    reductions(kind, located)
    return kind


gaussian_nll = common(Kind("likelihood", "gaussian_nll", gaussian_nll_oracle))
gaussian_nll.case("full", {"full": True}, located(5))
gaussian_nll.case("beta", {"beta": 0.5}, located(6))
gaussian_nll.case("beta_one_variance_full", VARIANCE | {"beta": 1.0, "full": True}, located(5, spread=(0.1, 3.0)))
gaussian_nll.case("floor", VARIANCE | {"floor": 0.5}, LOW, oracle=gaussian_nll_formula)
gaussian_nll.case("floor_with_beta", VARIANCE | {"floor": 0.5, "beta": 0.25}, LOW, oracle=gaussian_nll_formula)
gaussian_nll.case("floor_softplus", SOFTPLUS | {"floor": 1.0}, located(5, spread=(-4.0, 4.0)), oracle=gaussian_nll_formula)
gaussian_nll.case("extreme", {}, EXTREME, oracle=gaussian_nll_formula)
gaussian_nll.case("softplus_extreme", SOFTPLUS | {"floor": 0.01}, EXTREME, oracle=gaussian_nll_formula)

laplace_nll = common(Kind("likelihood", "laplace_nll", laplace_nll_oracle))
laplace_nll.case("beta", {"beta": 0.5}, located(6))
laplace_nll.case("floor", VARIANCE | {"floor": 0.5}, LOW)
laplace_nll.case("floor_with_beta", VARIANCE | {"floor": 0.5, "beta": 1.0}, LOW)
laplace_nll.case("extreme", {}, EXTREME, constant=["targets"])
laplace_nll.case("softplus_extreme", SOFTPLUS | {"floor": 0.01}, EXTREME, constant=["targets"])

student_t_nll = common(Kind("likelihood", "student_t_nll", student_t_nll_oracle))
student_t_nll.case("dof_one", {"dof": 1.0}, located(6))
student_t_nll.case("dof_small", {"dof": 0.3}, located(5))
student_t_nll.case("dof_large", {"dof": 250.0}, located(5))
student_t_nll.case("floor", VARIANCE | {"floor": 0.5}, LOW)
student_t_nll.case("floor_softplus", SOFTPLUS | {"floor": 1.0, "dof": 3.0}, located(5, spread=(-4.0, 4.0)))
student_t_nll.case("extreme", {}, EXTREME)
student_t_nll.case("softplus_extreme", SOFTPLUS | {"floor": 0.01}, EXTREME)


@formula("Koenker and Bassett, 1978, summed over the levels; agrees with scikit-learn's mean_pinball_loss")
def multi_quantile_oracle(parameters, targets, taus, over="sum", delta=0.0, crossing=0.0):
    levels = torch.tensor(taus).reshape([1, -1] + [1] * (targets.dim() - 1))
    error = targets.unsqueeze(1) - parameters
    weight = torch.where(error < 0, 1 - levels, levels)
    if delta == 0:
        values = (weight * error.abs()).sum(1)
        each = [
            mean_pinball_loss(array(targets).flatten(), array(parameters)[:, k].flatten(), alpha=tau)
            for k, tau in enumerate(taus)
        ]
        agree(values.mean(), sum(each))
    else:
        values = (weight * F.huber_loss(error, torch.zeros_like(error), reduction="none", delta=delta) / delta).sum(1)
    drop = parameters[:, :-1] - parameters[:, 1:]
    assert drop.numel() == 0 or drop.abs().min() > 1e-3
    values = values + crossing * drop.clamp(min=0).sum(1)
    return values / len(taus) if over == "mean" else values


def levels(count, crossed=False):
    """`count` predictions for each target, in order unless `crossed`, none near the target."""

    def of(*shape):
        def recipe(draw):
            targets = draw.normal(shape)
            steps = draw.uniform(0.2, 1.0, (shape[0], count) + shape[1:])
            predictions = np.cumsum(steps, 1) - steps.sum(1, keepdims=True) / 2
            error = np.where(np.abs(predictions) < 0.02, 0.05, predictions)
            if crossed:
                error = draw.rng.permutation(error, axis=1)
            return {"parameters": np.round(np.expand_dims(targets, 1) + error, 4), "targets": targets}

        return recipe

    return of


THREE, FIVE = {"taus": [0.1, 0.5, 0.9]}, {"taus": [0.05, 0.25, 0.5, 0.75, 0.95]}
LARGE = given(
    parameters=[[1e4, 2e4, 3e4], [-1e4, 0.5, 1e4], [3.0, 2.0, 1.0], [1e6, -1e6, 0.0]], targets=[-1.0, 2.0, 0.5, 10.0]
)

multi_quantile = Kind("likelihood", "multi_quantile", multi_quantile_oracle)
multi_quantile.case("default", THREE, levels(3)(6))
multi_quantile.case("rank_three", THREE, levels(3)(2, 3, 2))
multi_quantile.case("one_level", {"taus": [0.7]}, levels(1)(5))
multi_quantile.case("five_levels", FIVE, levels(5)(4))
multi_quantile.case("four_levels", {"taus": [0.1, 0.2, 0.6, 0.8]}, levels(4)(4, 2))
multi_quantile.case("eleven_levels", {"taus": [round(k / 12, 3) for k in range(1, 12)]}, levels(11)(3))
multi_quantile.case("mean_over_levels", FIVE | {"over": "mean"}, levels(5)(4))
multi_quantile.case("delta", THREE | {"delta": 0.4}, levels(3)(6))
multi_quantile.case("crossing", THREE | {"crossing": 0.75}, levels(3, crossed=True)(6))
multi_quantile.case("all_fields", FIVE | {"over": "mean", "delta": 0.5, "crossing": 2.0}, levels(5, crossed=True)(3, 2))
multi_quantile.case("large", THREE | {"crossing": 0.5}, LARGE)
multi_quantile.case("large_delta", THREE | {"delta": 100.0}, LARGE)
reductions(multi_quantile, levels(3), THREE)
