"""Distribution: (log-probabilities or logits, targets) [N, C, ...] -> [N, ...], the classes on axis 1."""

import numpy as np
import torch
import torch.nn.functional as F
from scipy.special import entr, rel_entr
from scipy.stats import wasserstein_distance

from case import Kind, agree, array, formula, given, library

# Inputs


def logarithms(draw, shape):
    """Those of a distribution, but for the rounding."""
    return np.round(array(F.log_softmax(torch.from_numpy(draw.normal(shape, 3.0)), dim=1)), 4)


def pairs(*shape, logits=False, log_targets=False, labels=False):
    """Two distributions without a zero."""

    def recipe(draw):
        targets = logarithms(draw, shape)
        inputs = {
            "logits" if logits else "log_probabilities": draw.normal(shape) if logits else logarithms(draw, shape),
            "targets": targets if log_targets else np.round(np.exp(targets).clip(0.001), 4),
        }
        return inputs | ({"labels": draw.labels(shape[1], shape[:1] + shape[2:])} if labels else {})

    return recipe


def only_predictions(recipe):
    def one(draw):
        inputs = recipe(draw)
        inputs.pop("targets")
        return inputs

    return one


WEATHER = [[0.01, 0.01, 0.04, 0.04, 0.1, 0.1, 0.35, 0.35]]
CODE = -np.log(2) * np.array([[2, 2, 3, 3, 4, 4, 5, 5]])  # the lengths, in bits, of a code that wastes some
BITS_OF_WEATHER = given(log_probabilities=CODE, targets=WEATHER)
LOGITS, LOG_TARGETS, BITS = {"input": "logits"}, {"target": "log_probabilities"}, {"base": 2}
SATURATED = given(
    logits=[[50.0, -50.0, 0.0], [1e4, -1e4, 0.5], [-1e4, 50.0, 49.0]],
    targets=[[0.5, 0.3, 0.2], [0.7, 0.1, 0.2], [0.01, 0.2, 0.79]],
)
ZERO_TARGETS = given(
    log_probabilities=[[-0.5, -1.5, -2.0], [-1e4, -0.25, -3.0], [-0.75, -0.75, -3.25]],
    targets=[[0.0, 1.0, 0.0], [0.0, 0.25, 0.75], [0.5, 0.5, 0.0]],
)
ZERO_PREDICTIONS = given(
    log_probabilities=[[-1e4, -0.5, -1.0], [0.0, -1e4, -1e4]], targets=[[0.25, 0.25, 0.5], [0.7, 0.1, 0.2]]
)
EQUAL = given(log_probabilities=np.log([[0.2, 0.3, 0.5], [0.6, 0.3, 0.1]]), targets=[[0.2, 0.3, 0.5], [0.6, 0.3, 0.1]])
UNNORMALISED = given(
    log_probabilities=[[-0.5, 0.25, -6.5], [-9.0, -3.0, -1.0]], targets=[[0.1, 0.05, 1.5], [0.75, 0.2, 0.01]]
)


def common(kind, seen=lambda recipe: recipe, base=True):
    """The cases that every loss of the family has; `seen` is what it takes of the inputs."""
    kind.case("default", {}, seen(pairs(4, 3)))
    kind.case("one_row", {}, seen(pairs(1, 5)))
    kind.case("rank_three", {}, seen(pairs(2, 3, 4)))
    kind.case("rank_four", {}, seen(pairs(2, 3, 2, 2)))
    kind.case("logits", LOGITS, seen(pairs(4, 3, logits=True)))
    kind.case("logits_rank_three", LOGITS, seen(pairs(2, 4, 3, logits=True)))
    kind.case("saturated", LOGITS, seen(SATURATED))
    kind.case("zero_predictions", {}, seen(ZERO_PREDICTIONS))
    kind.case("unnormalised", {}, seen(UNNORMALISED))
    if base:
        kind.case("bits", BITS, seen(pairs(4, 3)))
    kind.case("mean_with_weights", {}, seen(pairs(4, 3)), weights="element")
    kind.case("sum", {"reduction": "sum"}, seen(pairs(3, 3, 2)), weights="sample")
    kind.case("batch_mean", {"reduction": "batch_mean"}, seen(pairs(2, 3, 4)))
    kind.case("weighted_mean", {"reduction": "weighted_mean"}, seen(pairs(3, 3, 2)), weights="element")
    kind.case("weighted_mean_per_sample", {"reduction": "weighted_mean"}, seen(pairs(3, 3, 2)), weights="sample")
    return kind


def with_targets(kind, constant=()):
    """The cases of a loss with targets; `constant` where a target of zero has no derivative by convention."""
    kind.case("log_targets", LOG_TARGETS, pairs(4, 3, log_targets=True))
    kind.case("log_targets_logits_rank_three", LOG_TARGETS | LOGITS, pairs(2, 3, 2, logits=True, log_targets=True))
    kind.case("zero_targets", {}, ZERO_TARGETS, constant=constant)
    kind.case("equal", {}, EQUAL)
    return kind


# Losses

NOTHING = -1e4  # the logarithm of a number so small that it is 0, hence without a gradient


def predicted(input="log_probabilities", log_probabilities=None, logits=None):
    return F.log_softmax(logits, 1) if input == "logits" else log_probabilities


def logs(targets, target="probabilities", **predictions):
    """The logarithms of the predictions and of the targets; that of a target of zero is a constant."""
    if target == "log_probabilities":
        return predicted(**predictions), targets
    return predicted(**predictions), torch.where(targets > 0, torch.where(targets > 0, targets, 1.0).log(), NOTHING)


def divergence(ln_t, ln_p):
    """Of two sets of logarithms, along axis 1."""
    values = F.kl_div(ln_p, ln_t, reduction="none", log_target=True).sum(1)
    t, p = array(ln_t.exp()), array(ln_p.exp())
    if p.min() > 0:
        agree(values, rel_entr(t, p).sum(1))
    return values


def in_base(base, values):
    return values / np.log(2) if base == 2 else values


@library("torch", "torch.nn.functional.kl_div")
def kl_divergence_oracle(direction="forward", base="e", **inputs):
    ln_p, ln_t = logs(**inputs)
    if direction == "reverse":
        return in_base(base, divergence(ln_p, ln_t.clamp(min=-100)))
    return in_base(base, divergence(ln_t, ln_p))


REVERSE = {"direction": "reverse"}

kl_divergence = with_targets(common(Kind("distribution", "kl_divergence", kl_divergence_oracle)))
kl_divergence.case("weather_2_35_bits", BITS, BITS_OF_WEATHER)
kl_divergence.case("bits_log_targets", BITS | LOG_TARGETS, pairs(2, 3, 2, log_targets=True))
kl_divergence.case("reverse", REVERSE, pairs(4, 3))
kl_divergence.case("reverse_rank_three_bits", REVERSE | BITS, pairs(2, 3, 4))
kl_divergence.case("reverse_logits_log_targets", REVERSE | LOGITS | LOG_TARGETS,
                   pairs(4, 3, logits=True, log_targets=True))
kl_divergence.case("reverse_saturated", REVERSE | LOGITS, SATURATED)
kl_divergence.case("reverse_zero_targets", REVERSE, ZERO_TARGETS)
kl_divergence.case("reverse_zero_predictions", REVERSE, ZERO_PREDICTIONS)
kl_divergence.case("reverse_unnormalised", REVERSE, UNNORMALISED)
kl_divergence.case("reverse_equal", REVERSE, EQUAL)
kl_divergence.case("reverse_log_targets_below_the_floor", REVERSE | LOG_TARGETS, given(
    log_probabilities=[[-0.5, -1.5, -2.0], [-0.25, -2.5, -2.0]], targets=[[-150.0, -0.1, -99.0], [-0.5, -101.0, -1e4]]
))


@formula("Shannon, 1948")
def entropy_oracle(base="e", **inputs):
    ln_p = predicted(**inputs)
    values = -(ln_p.exp() * ln_p).sum(1)
    agree(values, entr(array(ln_p.exp())).sum(1))
    return in_base(base, values)


entropy = common(Kind("distribution", "entropy", entropy_oracle), only_predictions)
entropy.case("weather_2_23_bits", BITS, given(log_probabilities=np.log(WEATHER)))
entropy.case("even_three_bits", BITS, given(log_probabilities=np.full((1, 8), -np.log(8))))
entropy.case("certain", LOGITS, given(logits=[[1e4, 0.0, -1e4], [-50.0, 50.0, -50.0]]))


@formula("Kullback and Leibler, 1951")
def cross_entropy_oracle(base="e", **inputs):
    ln_p, ln_t = logs(**inputs)
    values = -(ln_t.exp() * ln_p).sum(1)
    if "logits" in inputs:
        agree(values, F.cross_entropy(inputs["logits"], ln_t.exp(), reduction="none"))
    agree(values, array(divergence(ln_t, ln_p)) + entr(array(ln_t.exp())).sum(1))
    return in_base(base, values)


cross_entropy = with_targets(common(Kind("distribution", "cross_entropy", cross_entropy_oracle)), constant=["targets"])
cross_entropy.case("weather_4_58_bits", BITS, BITS_OF_WEATHER)
cross_entropy.case("bits_log_targets", BITS | LOG_TARGETS, pairs(2, 3, 2, log_targets=True))


@library("torch", "torch.nn.functional.kl_div, to the mean of both")
def js_divergence_oracle(base="e", beta=0.5, **inputs):
    ln_p, ln_t = logs(**inputs)
    ln_m = torch.logaddexp(ln_p + np.log1p(-beta), ln_t + np.log(beta))
    return in_base(base, beta * divergence(ln_t, ln_m) + (1 - beta) * divergence(ln_p, ln_m))


js_divergence = with_targets(common(Kind("distribution", "js_divergence", js_divergence_oracle)), constant=["targets"])
js_divergence.case("weather_in_bits", BITS, BITS_OF_WEATHER)
js_divergence.case("beta_small", {"beta": 0.1}, pairs(4, 3))
js_divergence.case("beta_large_logits", {"beta": 0.9} | LOGITS, pairs(2, 3, 4, logits=True))
js_divergence.case("beta_zero_targets", {"beta": 0.75} | BITS, ZERO_TARGETS, constant=["targets"])
js_divergence.case("bits_log_targets", BITS | LOG_TARGETS, pairs(2, 3, 2, log_targets=True))
js_divergence.case("nothing_in_common_one_bit", BITS | LOGITS, given(
    logits=[[1e4, -1e4, -1e4], [-1e4, 1e4, -1e4]], targets=[[0.0, 0.25, 0.75], [0.5, 0.0, 0.5]]
), constant=["targets"])


@library("torch", "torch.cumsum (Hou et al., 2016); agrees with scipy.stats.wasserstein_distance")
def wasserstein_oracle(p=2, mean=False, root=False, **inputs):
    ln_p, ln_t = logs(**inputs)
    apart = (ln_p.exp() - ln_t.exp()).flip(1)[:, :-1].cumsum(1)
    values = (apart.abs() if p == 1 else apart**2).sum(1)
    rows = [x.exp().detach().movedim(1, -1).flatten(0, -2).numpy() for x in (ln_p, ln_t)]
    if p == 1 and all(np.allclose(row.sum(1), 1, atol=1e-12) for row in rows):
        places = np.arange(ln_p.shape[1])
        agree(values.flatten(), [wasserstein_distance(places, places, *pair) for pair in zip(*rows)])
    values = values / ln_p.shape[1] if mean else values
    if not root or p == 1:
        return values
    positive = values > 0
    return torch.where(positive, torch.where(positive, values, 1.0).sqrt(), 0.0)


wasserstein = with_targets(common(Kind("distribution", "wasserstein", wasserstein_oracle), base=False), constant=["targets"])
wasserstein.case("distance", {"p": 1}, pairs(4, 5))
wasserstein.case("distance_logits_mean", {"p": 1, "mean": True} | LOGITS, pairs(2, 4, 3, logits=True))
wasserstein.case("nima", {"mean": True, "root": True} | LOGITS, pairs(3, 10, logits=True))
wasserstein.case("root_rank_three", {"root": True}, pairs(2, 3, 4))


@library("torch", "torch.nn.functional.kl_div and cross_entropy (Hinton et al., 2015)")
def distillation_oracle(labels=None, temperature=4.0, hard_weight=0.0, **inputs):
    ln_p, ln_t = logs(**inputs)
    soft = divergence(F.log_softmax(ln_t / temperature, 1), F.log_softmax(ln_p / temperature, 1))
    values = (1 - hard_weight) * temperature**2 * soft
    return values + hard_weight * F.cross_entropy(ln_p, labels, reduction="none") if hard_weight > 0 else values


FAR_APART = given(  # or else so little is left of the divergence that f32 cannot say it
    log_probabilities=[[-0.01, -40.0, -65.0], [-50.0, -0.5, -1.0]], targets=[[-35.0, -0.02, -80.0], [-3.0, -0.1, -45.0]]
)


def labeled(*shape, **options):
    return pairs(*shape, labels=True, **options)


distillation = with_targets(common(Kind("distribution", "distillation", distillation_oracle), base=False))
distillation.case("temperature_one_is_kl", {"temperature": 1.0}, pairs(4, 3))
distillation.case("temperature_high", {"temperature": 20.0} | LOG_TARGETS, FAR_APART)
distillation.case("temperature_low", {"temperature": 0.5} | LOGITS, pairs(4, 3, logits=True))
distillation.case("hard_weight", {"hard_weight": 0.3}, labeled(4, 3))
distillation.case("hard_weight_logits_rank_three", {"hard_weight": 0.7, "temperature": 2.0} | LOGITS,
                  labeled(2, 3, 4, logits=True))
distillation.case("hard_weight_log_targets", {"hard_weight": 0.5} | LOG_TARGETS, labeled(4, 3, log_targets=True))
distillation.case("hard_weight_one_is_cross_entropy", {"hard_weight": 1.0} | LOGITS, labeled(4, 3, logits=True))
distillation.case("hard_weight_weighted_mean", {"hard_weight": 0.4, "reduction": "weighted_mean"}, labeled(3, 3, 2),
                  weights="element")
