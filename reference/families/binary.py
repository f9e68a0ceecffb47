"""Binary and multi-label: (logits, targets in [0, 1]) of one shape."""

import mpmath
import numpy as np
import optax
import torch
import torch.nn.functional as F
from sklearn.metrics import zero_one_loss
from torchvision.ops import sigmoid_focal_loss

from case import Kind, agree, array, digits, formula, from_mpmath_pointwise, given, library, with_rows

from .shared import Histogram, hardest

# Inputs


def hard(*shape):
    return lambda draw: {"logits": draw.normal(shape), "targets": (draw.sign(shape) + 1) / 2}


def soft(*shape):
    return lambda draw: {"logits": draw.normal(shape), "targets": draw.uniform(0.05, 0.95, shape)}


def one_class(target, *shape):
    return lambda draw: {"logits": draw.normal(shape), "targets": np.full(shape, float(target))}


def probabilities(*shape, targets=hard):
    def recipe(draw):
        return {"probabilities": draw.uniform(0.02, 0.98, shape), "targets": targets(*shape)(draw)["targets"]}

    return recipe


def in_bins(numbers, bins):
    """Logits whose gradient norms fall well inside the named bins of GHM-C."""

    def recipe(draw):
        g = (np.array(numbers) + draw.uniform(0.1, 0.9, np.shape(numbers))) / bins
        sign = draw.sign(np.shape(numbers))
        return {"logits": np.round(-sign * np.log(g / (1 - g)), 4), "targets": (sign + 1) / 2}

    return recipe


SATURATED_LOGITS = [[50.0, 50.0], [-50.0, -50.0], [1e4, 1e4], [-1e4, -1e4]]
SATURATED = given(logits=SATURATED_LOGITS, targets=[[1.0, 0.0]] * 4)
SATURATED_SOFT = given(logits=SATURATED_LOGITS, targets=[[0.25, 0.9]] * 4)


def common(kind, saturated=None):
    """The cases that every loss of the family has."""
    kind.case("default", {}, hard(4, 3))
    kind.case("rank_one", {}, hard(5))
    kind.case("rank_three", {}, hard(2, 3, 4))
    kind.case("saturated", {}, SATURATED, oracle=saturated)
    kind.case("mean_with_weights", {}, hard(4, 3), weights="element")
    kind.case("sum_with_weights_per_sample", {"reduction": "sum"}, hard(2, 3, 2), weights="sample")
    kind.case("batch_mean", {"reduction": "batch_mean"}, hard(4, 3))
    kind.case("weighted_mean", {"reduction": "weighted_mean"}, hard(5), weights="element")
    kind.case("weighted_mean_per_sample", {"reduction": "weighted_mean"}, hard(4, 3), weights="sample")
    kind.case("positives", {"reduction": "positives"}, hard(3, 5))
    kind.case("positives_with_weights", {"reduction": "positives"}, hard(3, 3), weights="element")
    kind.case("positives_when_there_are_none", {"reduction": "positives"}, one_class(0, 2, 3))
    return kind


def soft_targets(kind):
    """The cases of a loss that allows targets between 0 and 1."""
    kind.case("soft_targets", {}, soft(4, 3))
    kind.case("soft_targets_positives", {"reduction": "positives"}, soft(7))


def per_class(weight, like):
    """A number, or one number per class along axis 1."""
    weight = torch.tensor(weight)
    return weight if weight.ndim == 0 else weight.reshape(-1, *[1] * (like.ndim - 2))


# Losses


@library("torch", "torch.nn.functional.binary_cross_entropy_with_logits")
def bce_oracle(logits, targets, pos_weight="none", label_smoothing=0.0):
    targets = targets * (1 - label_smoothing) + label_smoothing / 2
    weight = None if pos_weight == "none" else per_class(pos_weight, logits)
    values = F.binary_cross_entropy_with_logits(logits, targets, pos_weight=weight, reduction="none")
    if weight is None:
        agree(values, optax.sigmoid_binary_cross_entropy(array(logits), array(targets)))
    return values


@formula("-w y ln p - (1 - y) ln(1 - p), logarithms at least -100")
def bce_probabilities(probabilities, targets, input, pos_weight="none", label_smoothing=0.0):
    assert input == "probabilities"
    targets = targets * (1 - label_smoothing) + label_smoothing / 2
    weight = 1.0 if pos_weight == "none" else per_class(pos_weight, probabilities)
    p, q = torch.log(probabilities).clamp(min=-100), torch.log(1 - probabilities).clamp(min=-100)
    values = -weight * targets * p - (1 - targets) * q
    if pos_weight == "none":
        agree(values, F.binary_cross_entropy(probabilities, targets, reduction="none"))
    return values


PROBABILITIES = {"input": "probabilities"}
ZERO_AND_ONE = given(probabilities=[[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]], targets=[[0.0, 0.0], [1.0, 1.0], [0.3, 0.8]])
NEAR_ZERO_AND_ONE = given(probabilities=[1e-4, 1e-4, 0.9999, 0.9999], targets=[0.0, 1.0, 0.0, 1.0])

bce = common(Kind("binary", "bce", bce_oracle))
soft_targets(bce)
bce.case("saturated_soft_targets", {}, SATURATED_SOFT)
bce.case("pos_weight", {"pos_weight": 3.5}, hard(5))
bce.case("pos_weight_saturated", {"pos_weight": 0.2}, SATURATED)
bce.case("pos_weight_per_class", {"pos_weight": [0.5, 2.0, 7.0]}, hard(4, 3))
bce.case("pos_weight_per_class_rank_three", {"pos_weight": [0.5, 2.0, 7.0]}, soft(2, 3, 4))
bce.case("label_smoothing", {"label_smoothing": 0.2}, hard(4, 3))
bce.case("label_smoothing_pos_weight_soft_targets", {"label_smoothing": 0.1, "pos_weight": 4.0}, soft(4, 3))
bce.case("probabilities", PROBABILITIES, probabilities(4, 3), oracle=bce_probabilities)
bce.case("probabilities_soft_targets", PROBABILITIES, probabilities(2, 3, 2, targets=soft), oracle=bce_probabilities)
bce.case("probabilities_near_zero_and_one", PROBABILITIES, NEAR_ZERO_AND_ONE, oracle=bce_probabilities)
bce.case("probabilities_zero_and_one", PROBABILITIES, ZERO_AND_ONE, oracle=bce_probabilities,
         constant=["probabilities", "targets"])  # the clamp: torch's own derivative there is arbitrary too
bce.case("probabilities_pos_weight_label_smoothing",
         PROBABILITIES | {"pos_weight": [2.0, 0.5, 3.0], "label_smoothing": 0.2, "reduction": "weighted_mean"},
         probabilities(4, 3), weights="element", oracle=bce_probabilities)


@formula("Xie and Tu, 2015")
def balanced_bce_oracle(logits, targets, alpha="batch"):
    if alpha == "batch":
        alpha = (targets <= 0.5).sum() / targets.numel()
    values = -alpha * targets * F.logsigmoid(logits) - (1 - alpha) * (1 - targets) * F.logsigmoid(-logits)
    if ((targets == 0) | (targets == 1)).all():
        balance = torch.where(targets == 1, alpha, 1 - alpha)
        agree(values, F.binary_cross_entropy_with_logits(logits, targets, balance, reduction="none"))
    return values


balanced_bce = common(Kind("binary", "balanced_bce", balanced_bce_oracle))
balanced_bce.case("alpha", {"alpha": 0.8}, hard(4, 3))
balanced_bce.case("alpha_soft_targets", {"alpha": 0.3}, soft(2, 3, 4))
balanced_bce.case("alpha_zero", {"alpha": 0.0}, hard(5))
balanced_bce.case("alpha_one", {"alpha": 1.0}, hard(5))
balanced_bce.case("few_positives", {}, given(logits=[2.0, -1.5, 0.5, -3.0, -0.25], targets=[1.0, 0.0, 0.0, 0.0, 0.0]))
balanced_bce.case("only_positives", {}, one_class(1, 2, 3))
balanced_bce.case("only_negatives", {}, one_class(0, 2, 3))


@library("torchvision", "torchvision.ops.sigmoid_focal_loss")
def focal_oracle(logits, targets, gamma=2.0, alpha=0.25):
    values = sigmoid_focal_loss(logits, targets, -1 if alpha == "none" else alpha, gamma)
    balance = None if alpha == "none" else alpha
    agree(values, optax.sigmoid_focal_loss(array(logits), array(targets), alpha=balance, gamma=gamma))
    if gamma == 2 and alpha == "none" and logits.ndim == 1 and targets.min() == 1:
        ratio = F.softplus(-logits) / values  # what the paper says of well classified examples, section 3.2
        agree(ratio, 1 / torch.sigmoid(-logits) ** 2)
    return values


@digits("Lin et al., 2017")
def focal_digits(logits, targets, gamma=2.0, alpha=0.25):
    def value(x, y):
        p, q = 1 / (1 + mpmath.exp(-x)), 1 / (1 + mpmath.exp(x))
        cross_entropy = y * mpmath.log1p(mpmath.exp(-x)) + (1 - y) * mpmath.log1p(mpmath.exp(x))
        balance = 1 if alpha == "none" else alpha * y + (1 - alpha) * (1 - y)
        return balance * (p * (1 - y) + q * y) ** gamma * cross_entropy

    return from_mpmath_pointwise(value, logits, targets)


def logit(p):
    return np.log(np.array(p) / (1 - np.array(p)))


focal = common(Kind("binary", "focal", focal_oracle), saturated=focal_digits)
soft_targets(focal)
focal.case("gamma_zero", {"gamma": 0.0}, hard(4, 3))
focal.case("gamma_zero_saturated", {"gamma": 0.0}, SATURATED, oracle=focal_digits)
focal.case("gamma_zero_alpha_none_is_bce", {"gamma": 0.0, "alpha": "none"}, soft(5))
focal.case("gamma_half_saturated", {"gamma": 0.5}, SATURATED, oracle=focal_digits,
           constant=["targets"])  # no derivative: beyond [0, 1] there is no value
focal.case("gamma_half_soft_targets", {"gamma": 0.5, "alpha": 0.4}, soft(4, 3))
focal.case("gamma_large", {"gamma": 5.0, "alpha": 0.75}, soft(2, 3, 4))
focal.case("alpha_none", {"alpha": "none"}, hard(4, 3))
focal.case("alpha_zero", {"alpha": 0.0}, hard(5))
focal.case("alpha_one", {"alpha": 1.0, "gamma": 1.5}, soft(5))
focal.case("saturated_soft_targets", {"gamma": 1.5, "alpha": 0.6}, SATURATED_SOFT, oracle=focal_digits)
focal.case("cross_entropy_over_100_976_and_4", {"alpha": "none"},
           given(logits=logit([0.9, 0.968, 0.5]), targets=[1.0, 1.0, 1.0]))


@formula("Li et al., 2019, GHM-C")
class GhmC:
    def __init__(self, bins=30, momentum=0.75):
        self.histogram = Histogram(bins, momentum)

    def __call__(self, logits, targets):
        beta = self.histogram.weights((torch.sigmoid(logits) - targets).abs())
        return beta * F.binary_cross_entropy_with_logits(logits, targets, reduction="none")


ghm_c = common(Kind("binary", "ghm_c", GhmC))
ghm_c.case("soft_targets", {}, soft(4, 3))
ghm_c.case("bins_few", {"bins": 4}, in_bins([[0, 0, 0], [1, 0, 3]], 4))
ghm_c.case("one_bin_is_bce", {"bins": 1}, hard(5))
ghm_c.case("last_bin_at_one", {"bins": 10}, given(logits=[50.0, -50.0, 3.0, 3.0], targets=[0.0, 1.0, 0.0, 1.0]))
ghm_c.case("three_steps", {}, [hard(4, 3)] * 3)
ghm_c.case("three_steps_bins_empty_for_a_while", {"bins": 5, "momentum": 0.4}, [
    in_bins([0, 0, 0, 1, 4, 4], 5),
    in_bins([2, 2, 2, 2], 5),
    in_bins([[0, 1, 2], [3, 4, 4]], 5),
])
ghm_c.case("two_steps_without_momentum", {"bins": 10, "momentum": 0.0}, [
    in_bins([0, 0, 5, 9], 10),
    in_bins([0, 5, 5, 7], 10),
])
ghm_c.case("two_steps_weighted_mean", {"reduction": "weighted_mean", "bins": 10}, [
    in_bins([[0, 0], [5, 9]], 10),
    in_bins([[1, 5], [5, 5]], 10),
], weights="sample")


# Losses of the signed margin z = (2 y - 1) x: hard targets, hence no gradient for them


def signed(logits, targets):
    return (2 * targets - 1) * logits


@library("torch", "torch.nn.functional.margin_ranking_loss")
def hinge_oracle(logits, targets, margin=1.0, squared=False):
    assert (margin - signed(logits, targets)).abs().min() > 1e-4
    sign, zero = 2 * targets - 1, torch.zeros_like(logits)
    values = F.margin_ranking_loss(logits, zero, sign, margin, reduction="none")
    agree(values, margin * optax.hinge_loss(array(logits / margin), array(sign)))
    return values**2 if squared else values


hinge = common(Kind("binary", "hinge", hinge_oracle, constant=["targets"]))
hinge.case("margin_large", {"margin": 2.5}, hard(4, 3))
hinge.case("margin_small", {"margin": 0.3}, hard(2, 3, 4))
hinge.case("squared", {"squared": True}, hard(4, 3))
hinge.case("squared_margin_saturated", {"squared": True, "margin": 0.5, "reduction": "sum"}, SATURATED)


@formula("Collobert et al., 2006: a hinge less another")
def ramp_oracle(logits, targets, s=-1.0):
    z = signed(logits, targets)
    assert torch.minimum((1 - z).abs(), (s - z).abs()).min() > 1e-4
    return (1 - z).clamp(min=0) - (s - z).clamp(min=0)


ramp = common(Kind("binary", "ramp", ramp_oracle, constant=["targets"]))
ramp.case("s_low", {"s": -2.5}, hard(4, 3))
ramp.case("s_positive", {"s": 0.4}, hard(2, 3, 4))
ramp.case("flat_linear_flat", {"s": -0.5}, given(logits=[-3.0, 0.25, 3.0, -3.0, 0.25, 3.0], targets=[1, 1, 1, 0, 0, 0.0]))


@library("torch", "torch.nn.functional.soft_margin_loss")
def logistic_oracle(logits, targets):
    values = F.soft_margin_loss(logits, 2 * targets - 1, reduction="none")
    agree(values, F.binary_cross_entropy_with_logits(logits, targets, reduction="none"))
    return values


@digits("ln(1 + exp(-z))")
def logistic_digits(logits, targets):
    return from_mpmath_pointwise(lambda z: mpmath.log1p(mpmath.exp(-z)), signed(logits, targets))


logistic = common(Kind("binary", "logistic", logistic_oracle, constant=["targets"]), saturated=logistic_digits)
logistic.case("saturated_positives", {"reduction": "positives"}, SATURATED, oracle=logistic_digits)


@library("scikit-learn", "sklearn.metrics.zero_one_loss")
def zero_one_oracle(logits, targets, threshold=0.0):
    wrong = (logits > threshold) != (targets > 0.5)
    truth, guess = (array(x).flatten() > at for x, at in ((targets, 0.5), (logits, threshold)))
    agree(wrong.double().mean(), zero_one_loss(truth, guess))
    return wrong + 0 * logits


zero_one = common(Kind("binary", "zero_one", zero_one_oracle, constant=["targets"]))
zero_one.case("threshold", {"threshold": 1.5}, hard(4, 3))
zero_one.case("threshold_negative", {"threshold": -0.75}, hard(2, 3, 4))
zero_one.case("at_the_threshold", {}, given(logits=[0.0, 0.0, 1.0, -1.0], targets=[0.0, 1.0, 1.0, 0.0]))


@library("torch", "losses of torch and torchvision; the hardest by a stable sort (Shrivastava et al., 2016)")
def ohem_oracle(logits, targets, loss={"kind": "bce"}, keep={"ratio": 0.25}, min_kept=1):
    fields = dict(loss)
    values, _ = with_rows(INNER[fields.pop("kind")](logits, targets, **fields))
    kept = hardest(values, keep, min_kept, torch.ones_like(values))
    return values * kept, kept


INNER = {"bce": bce_oracle, "focal": focal_oracle, "hinge": hinge_oracle}
TIES = given(logits=[[1.5, -0.5, 1.5], [1.5, 1.5, -2.0]], targets=[[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]])

ohem = Kind("binary", "ohem", ohem_oracle)
ohem.case("default", {}, hard(4, 3))
ohem.case("rank_one", {}, hard(5))
ohem.case("rank_three", {}, hard(2, 3, 4))
ohem.case("ratio_rounds_half_up", {"keep": {"ratio": 0.25}}, hard(2, 5))
ohem.case("ratio_all", {"keep": {"ratio": 1.0}}, hard(5))
ohem.case("ratio_small_min_kept", {"keep": {"ratio": 0.1}, "min_kept": 4}, hard(4, 3))
ohem.case("min_kept_above_all", {"keep": {"ratio": 0.5}, "min_kept": 50}, hard(5))
ohem.case("count", {"keep": {"count": 5}}, hard(4, 3))
ohem.case("count_above_all", {"keep": {"count": 100}}, hard(2, 3))
ohem.case("count_with_ties_keeps_the_first", {"keep": {"count": 3}}, TIES)
ohem.case("threshold", {"keep": {"threshold": 0.7}}, hard(4, 3))
ohem.case("threshold_above_all_min_kept", {"keep": {"threshold": 100.0}, "min_kept": 2}, hard(4, 3))
ohem.case("saturated", {"keep": {"count": 3}}, SATURATED)
ohem.case("focal", {"loss": {"kind": "focal", "gamma": 1.0, "alpha": 0.6}, "keep": {"count": 4}}, soft(4, 3))
ohem.case("hinge", {"loss": {"kind": "hinge", "margin": 2.0}, "keep": {"count": 4}}, hard(4, 3), constant=["targets"])
ohem.case("sum", {"reduction": "sum"}, soft(4, 3))
ohem.case("batch_mean", {"reduction": "batch_mean", "keep": {"ratio": 0.5}}, hard(4, 3))
ohem.case("mean_with_weights", {"keep": {"ratio": 0.5}}, hard(4, 3), weights="element")
ohem.case("mean_with_weights_per_sample", {"keep": {"count": 5}}, hard(4, 3), weights="sample")
