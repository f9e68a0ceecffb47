"""Binary and multi-label: (logits, targets in [0, 1]) of one shape."""

import mpmath
import numpy as np
import optax
import torch
import torch.nn.functional as F
from sklearn.linear_model._sgd_fast import ModifiedHuber
from sklearn.metrics import zero_one_loss
from timm.loss import AsymmetricLossMultiLabel, PolyBinaryCrossEntropy
from torchvision.ops import sigmoid_focal_loss

from case import Kind, agree, array, digits, formula, from_mpmath_pointwise, given, library, with_rows

from .shared import Histogram, hardest, two_classes

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


def ratio(negative, positive):
    return positive / negative if negative > 0 else 0.0


def share(negative, positive):
    return positive / (negative + positive)


def per_class(weight, like):
    """A number, or one number per class along axis 1."""
    weight = torch.tensor(two_classes(weight, ratio))
    return weight if weight.ndim == 0 else weight.reshape(-1, *[1] * (like.ndim - 2))


NINE_TO_ONE = {"counts": [900, 100], "scheme": "inverse"}
COLUMNS = {"counts": [[900, 100], [10, 0], [30, 50]], "scheme": "inverse"}

# Losses


def smoothed(targets, label_smoothing):
    """A number is spread over both classes, a table says over which."""
    if isinstance(label_smoothing, dict):
        epsilon, spread = label_smoothing["epsilon"], label_smoothing.get("spread", "all")
    else:
        epsilon, spread = label_smoothing, "all"
    if spread == "others":  # the share of the other class, in both directions
        return targets * (1 - epsilon) + (1 - targets) * epsilon
    return targets * (1 - epsilon) + epsilon / 2


@library("torch", "torch.nn.functional.binary_cross_entropy_with_logits")
def bce_oracle(logits, targets, pos_weight="none", label_smoothing=0.0):
    if pos_weight == "none" and label_smoothing != 0.0 and ((targets == 0) | (targets == 1)).all():
        # Two classes with the logits 0 and x, as the loss of classes smooths them.
        pair, q = torch.stack([0 * logits, logits], -1), torch.stack([1 - targets, targets], -1)
        both = F.cross_entropy(pair.reshape(-1, 2), smoothed(q, label_smoothing).reshape(-1, 2), reduction="none")
    else:
        both = None
    targets = smoothed(targets, label_smoothing)
    weight = None if pos_weight == "none" else per_class(pos_weight, logits)
    values = F.binary_cross_entropy_with_logits(logits, targets, pos_weight=weight, reduction="none")
    if weight is None:
        agree(values, optax.sigmoid_binary_cross_entropy(array(logits), array(targets)))
        if logits.ndim == 2:  # the mean over the labels of a sample
            agree(values.mean(1), F.multilabel_soft_margin_loss(logits, targets, reduction="none"))
    if both is not None:
        agree(values, both.reshape(values.shape))
    return values


@formula("-w y ln p - (1 - y) ln(1 - p), logarithms at least -100")
def bce_probabilities(probabilities, targets, input, pos_weight="none", label_smoothing=0.0):
    assert input == "probabilities"
    targets = smoothed(targets, label_smoothing)
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
bce.case("pos_weight_counts", {"pos_weight": NINE_TO_ONE}, hard(5))
bce.case("pos_weight_counts_effective_number", {"pos_weight": NINE_TO_ONE | {"scheme": "effective_number"}}, hard(4, 3))
bce.case("pos_weight_counts_per_column", {"pos_weight": COLUMNS}, hard(4, 3))
bce.case("pos_weight_counts_per_column_inverse_sqrt", {"pos_weight": COLUMNS | {"scheme": "inverse_sqrt"}},
         soft(2, 3, 4))
bce.case("label_smoothing", {"label_smoothing": 0.2}, hard(4, 3))
bce.case("label_smoothing_pos_weight_soft_targets", {"label_smoothing": 0.1, "pos_weight": 4.0}, soft(4, 3))
bce.case("label_smoothing_others", {"label_smoothing": {"epsilon": 0.1, "spread": "others"}}, hard(4, 3))
bce.case("label_smoothing_others_pos_weight_soft_targets",
         {"label_smoothing": {"epsilon": 0.3, "spread": "others"}, "pos_weight": [0.5, 2.0, 7.0]}, soft(4, 3))
bce.case("label_smoothing_all_saturated", {"label_smoothing": {"epsilon": 0.7, "spread": "all"}}, SATURATED)
bce.case("probabilities_label_smoothing_others",
         PROBABILITIES | {"label_smoothing": {"epsilon": 0.2, "spread": "others"}}, probabilities(4, 3),
         oracle=bce_probabilities)
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
    alpha = two_classes(alpha, share)
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
balanced_bce.case("alpha_counts", {"alpha": NINE_TO_ONE}, hard(4, 3))
balanced_bce.case("alpha_counts_inverse_sqrt", {"alpha": NINE_TO_ONE | {"scheme": "inverse_sqrt"}}, soft(5))
balanced_bce.case("few_positives", {}, given(logits=[2.0, -1.5, 0.5, -3.0, -0.25], targets=[1.0, 0.0, 0.0, 0.0, 0.0]))
balanced_bce.case("only_positives", {}, one_class(1, 2, 3))
balanced_bce.case("only_negatives", {}, one_class(0, 2, 3))


@library("torchvision", "torchvision.ops.sigmoid_focal_loss")
def focal_oracle(logits, targets, gamma=2.0, alpha=0.25):
    alpha = two_classes(alpha, share)
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
focal.case("alpha_counts", {"alpha": NINE_TO_ONE}, hard(4, 3))
focal.case("alpha_counts_effective_number",
           {"alpha": NINE_TO_ONE | {"scheme": "effective_number", "beta": 0.99, "normalize": "classes"}}, soft(5))
focal.case("alpha_zero", {"alpha": 0.0}, hard(5))
focal.case("alpha_one", {"alpha": 1.0, "gamma": 1.5}, soft(5))
focal.case("saturated_soft_targets", {"gamma": 1.5, "alpha": 0.6}, SATURATED_SOFT, oracle=focal_digits)
focal.case("cross_entropy_over_100_976_and_4", {"alpha": "none"},
           given(logits=logit([0.9, 0.968, 0.5]), targets=[1.0, 1.0, 1.0]))


def roughly(values, other):
    """Agrees with a library that computes in single precision."""
    agree(values, other, rtol=2e-5, atol=2e-6)


@formula("Ben-Baruch et al., 2020")
def asymmetric_oracle(logits, targets, gamma_negative=4.0, gamma_positive=1.0, shift=0.05, factor_gradient="full"):
    p = torch.sigmoid(logits)
    q = (p - shift).clamp(min=0)
    factors = (1 - p) ** gamma_positive, q**gamma_negative
    positive, negative = factors if factor_gradient == "full" else (factor.detach() for factor in factors)
    values = -targets * positive * torch.log(p) - (1 - targets) * negative * torch.log(1 - q)
    if ((targets == 0) | (targets == 1)).all() and logits.abs().max() < 15:
        timm = AsymmetricLossMultiLabel(gamma_negative, gamma_positive, shift, reduction="none")
        roughly(values, timm(logits, targets))
    return values


@digits("Ben-Baruch et al., 2020")
def asymmetric_digits(logits, targets, gamma_negative=4.0, gamma_positive=1.0, shift=0.05):
    def value(x, y):
        p, other = 1 / (1 + mpmath.exp(-x)), 1 / (1 + mpmath.exp(x))
        q = max(p - mpmath.mpf(shift), 0)
        of_positive = other**gamma_positive * mpmath.log1p(mpmath.exp(-x))
        of_negative = q**gamma_negative * -mpmath.log(other + shift) if q > 0 else 0
        return y * of_positive + (1 - y) * of_negative

    return from_mpmath_pointwise(value, logits, targets)


asymmetric = common(Kind("binary", "asymmetric", asymmetric_oracle), saturated=asymmetric_digits)
soft_targets(asymmetric)
asymmetric.case("gammas_and_shift_zero_is_bce", {"gamma_negative": 0.0, "gamma_positive": 0.0, "shift": 0.0}, hard(4, 3))
asymmetric.case("gammas_equal_shift_zero_is_focal", {"gamma_negative": 2.0, "gamma_positive": 2.0, "shift": 0.0},
                hard(4, 3))
asymmetric.case("gammas_zero", {"gamma_negative": 0.0, "gamma_positive": 0.0, "shift": 0.2}, hard(2, 3, 4))
asymmetric.case("gammas_small", {"gamma_negative": 0.4, "gamma_positive": 0.3}, hard(4, 3))
asymmetric.case("shift_large", {"shift": 0.6, "gamma_negative": 1.0}, hard(4, 3))
asymmetric.case("shift_zero_saturated", {"shift": 0.0, "gamma_negative": 2.0}, SATURATED, oracle=asymmetric_digits)
asymmetric.case("below_the_shift", {}, given(logits=[-3.0, -5.0, -2.9, -50.0], targets=[0.0, 0.0, 0.0, 0.0]))
asymmetric.case("factor_gradient_detached", {"factor_gradient": "detached"}, hard(4, 3))
asymmetric.case("factor_gradient_detached_soft_targets", {"factor_gradient": "detached", "shift": 0.0}, soft(4, 3))


@formula("Leng et al., 2022")
def poly1_oracle(logits, targets, epsilon=1.0, gamma=0.0):
    p = torch.sigmoid(logits)
    miss = 1 - (p * targets + (1 - p) * (1 - targets))
    bce = F.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    values = miss**gamma * bce + epsilon * miss ** (gamma + 1)
    roughly(values, PolyBinaryCrossEntropy(epsilon, gamma, reduction="none")(logits, targets))
    return values


@digits("Leng et al., 2022")
def poly1_digits(logits, targets, epsilon=1.0, gamma=0.0):
    def value(x, y):
        p, q = 1 / (1 + mpmath.exp(-x)), 1 / (1 + mpmath.exp(x))
        miss = p * (1 - y) + q * y
        cross_entropy = y * mpmath.log1p(mpmath.exp(-x)) + (1 - y) * mpmath.log1p(mpmath.exp(x))
        return miss**gamma * cross_entropy + epsilon * miss ** (gamma + 1)

    return from_mpmath_pointwise(value, logits, targets)


poly1 = common(Kind("binary", "poly1", poly1_oracle), saturated=poly1_digits)
soft_targets(poly1)
poly1.case("epsilon_negative", {"epsilon": -1.0}, hard(4, 3))
poly1.case("epsilon_negative_nearly_right", {"epsilon": -1.0}, given(logits=[7.0, -9.0, 5.0], targets=[1.0, 0.0, 1.0]),
           oracle=poly1_digits, in_double=True)
poly1.case("epsilon_large_gamma", {"epsilon": 3.5, "gamma": 2.0}, soft(2, 3, 4))
poly1.case("gamma_half_saturated", {"gamma": 0.5}, SATURATED, oracle=poly1_digits,
           constant=["targets"])  # no derivative: beyond [0, 1] there is no value
poly1.case("epsilon_zero_is_bce", {"epsilon": 0.0}, soft(5))


# Losses whose targets are qualities: every target above 0 is positive


def qualities(*shape):
    """Half of the targets are background."""

    def recipe(draw):
        there = (draw.sign(shape) + 1) / 2
        return {"logits": draw.normal(shape), "targets": there * draw.uniform(0.05, 0.95, shape)}

    return recipe


SATURATED_QUALITIES = given(logits=SATURATED_LOGITS, targets=[[0.25, 0.0], [0.9, 0.0], [0.4, 1.0], [0.0, 1.0]])


def of_qualities(kind, saturated):
    kind.case("qualities", {}, qualities(4, 3))
    kind.case("qualities_positives", {"reduction": "positives"}, qualities(3, 5))
    kind.case("qualities_positives_with_weights", {"reduction": "positives"}, qualities(2, 3, 2), weights="sample")
    kind.case("saturated_qualities", {}, SATURATED_QUALITIES, oracle=saturated, constant=["targets"])
    kind.case("factor_gradient_detached", {"factor_gradient": "detached"}, qualities(4, 3))
    return kind


@formula("Li et al., 2020, as mmdet writes it")
def quality_focal_oracle(logits, targets, beta=2.0, factor_gradient="full"):
    factor = (torch.sigmoid(logits) - targets).abs() ** beta
    factor = factor if factor_gradient == "full" else factor.detach()
    return F.binary_cross_entropy_with_logits(logits, targets, reduction="none") * factor


@digits("Li et al., 2020")
def quality_focal_digits(logits, targets, beta=2.0):
    def value(x, y):
        p, q = 1 / (1 + mpmath.exp(-x)), 1 / (1 + mpmath.exp(x))
        cross_entropy = y * mpmath.log1p(mpmath.exp(-x)) + (1 - y) * mpmath.log1p(mpmath.exp(x))
        return abs(y * q - (1 - y) * p) ** beta * cross_entropy

    return from_mpmath_pointwise(value, logits, targets)


def some(targets, **_):
    return targets > 0


quality_focal = common(Kind("binary", "quality_focal", quality_focal_oracle, positive=some),
                       saturated=quality_focal_digits)
of_qualities(quality_focal, quality_focal_digits)
quality_focal.case("beta_zero_is_bce", {"beta": 0.0}, qualities(4, 3))
quality_focal.case("beta_half", {"beta": 0.5}, qualities(4, 3))
quality_focal.case("beta_large", {"beta": 5.0}, qualities(2, 3, 4))
quality_focal.case("beta_half_saturated", {"beta": 0.5}, SATURATED, oracle=quality_focal_digits, constant=["targets"])
quality_focal.case("the_score_is_the_quality", {}, given(logits=[0.0, 0.0, 1.0], targets=[0.5, 0.0, 1.0]))


@formula("Zhang et al., 2020, as mmdet writes it")
def varifocal_oracle(logits, targets, alpha=0.75, gamma=2.0, weighted=True, factor_gradient="full"):
    there, p = (targets > 0).double().detach(), torch.sigmoid(logits)
    of_object = targets * there if weighted else there
    factor = of_object + alpha * (p - targets).abs() ** gamma * (1 - there)
    factor = factor if factor_gradient == "full" else factor.detach()
    return F.binary_cross_entropy_with_logits(logits, targets, reduction="none") * factor


@digits("Zhang et al., 2020")
def varifocal_digits(logits, targets, alpha=0.75, gamma=2.0, weighted=True):
    def value(x, y):
        p = 1 / (1 + mpmath.exp(-x))
        cross_entropy = y * mpmath.log1p(mpmath.exp(-x)) + (1 - y) * mpmath.log1p(mpmath.exp(x))
        return ((y if weighted else 1) if y > 0 else alpha * p**gamma) * cross_entropy

    return from_mpmath_pointwise(value, logits, targets)


# There is a step at y = 0: no derivative for background.
varifocal = common(Kind("binary", "varifocal", varifocal_oracle, constant=["targets"], positive=some),
                   saturated=varifocal_digits)
of_qualities(varifocal, varifocal_digits)
varifocal.case("not_weighted", {"weighted": False}, qualities(4, 3))
varifocal.case("not_weighted_saturated", {"weighted": False, "gamma": 0.5}, SATURATED_QUALITIES, oracle=varifocal_digits)
varifocal.case("alpha", {"alpha": 0.2}, qualities(4, 3))
varifocal.case("alpha_zero", {"alpha": 0.0}, qualities(5))
varifocal.case("gamma_zero", {"gamma": 0.0, "alpha": 1.0}, qualities(2, 3, 4))
varifocal.case("gamma_half", {"gamma": 0.5}, qualities(4, 3))


def heat_map(*shape, peak=1.0):
    """A few centers, Gaussians around them, and background."""

    def recipe(draw):
        count = int(np.prod(shape))
        targets = draw.rng.permutation(np.resize([peak, 0.0, 0.5, 0.25, 0.0, 0.625], count)).reshape(shape)
        return {"logits": draw.normal(shape), "targets": targets * (1.0 if peak == 1.0 else peak)}

    return recipe


@formula("Law and Deng, 2018, as mmdet writes it, from logits")
def gaussian_focal_oracle(logits, targets, alpha=2.0, gamma=4.0, positives_above=1.0):
    p, is_center = torch.sigmoid(logits), (targets >= positives_above).double().detach()
    of_center = -torch.log(p) * (1 - p) ** alpha * is_center
    return of_center - torch.log(1 - p) * p**alpha * (1 - targets) ** gamma * (1 - is_center)


@digits("Law and Deng, 2018, from logits")
def gaussian_focal_digits(logits, targets, alpha=2.0, gamma=4.0, positives_above=1.0):
    def value(x, y):
        if y >= positives_above:
            return mpmath.log1p(mpmath.exp(-x)) / (1 + mpmath.exp(x)) ** alpha
        return (1 - y) ** gamma * mpmath.log1p(mpmath.exp(x)) / (1 + mpmath.exp(-x)) ** alpha

    return from_mpmath_pointwise(value, logits, targets)


def centers(targets, positives_above=1.0, **_):
    return targets >= positives_above


gaussian_focal = common(Kind("binary", "gaussian_focal", gaussian_focal_oracle, constant=["targets"], positive=centers),
                        saturated=gaussian_focal_digits)
gaussian_focal.case("heat_map", {}, heat_map(2, 1, 3, 4))
gaussian_focal.case("heat_map_positives", {"reduction": "positives"}, heat_map(2, 1, 4, 4))
gaussian_focal.case("heat_map_positives_with_weights", {"reduction": "positives"}, heat_map(3, 6), weights="element")
gaussian_focal.case("heat_map_without_centers", {"reduction": "positives"}, heat_map(2, 5, peak=0.75))
gaussian_focal.case("positives_above", {"positives_above": 0.5, "reduction": "positives"}, heat_map(2, 6))
gaussian_focal.case("peaks_below_one", {"positives_above": 0.5625, "reduction": "positives"},
                    heat_map(2, 6, peak=0.75))
gaussian_focal.case("alpha_half", {"alpha": 0.5}, heat_map(3, 4))
gaussian_focal.case("alpha_zero_gamma_one", {"alpha": 0.0, "gamma": 1.0}, heat_map(3, 4))
gaussian_focal.case("gamma_half", {"gamma": 0.5}, heat_map(3, 4))
gaussian_focal.case("gamma_zero_is_focal", {"gamma": 0.0}, hard(4, 3))
gaussian_focal.case("heat_map_saturated", {"gamma": 2.0}, given(logits=SATURATED_LOGITS, targets=[[1.0, 0.5]] * 4),
                    oracle=gaussian_focal_digits)


@formula("Li et al., 2019, GHM-C")
class GhmC:
    def __init__(self, bins=30, momentum=0.75, divide_by="occupied"):
        self.histogram = Histogram(bins, momentum, divide_by)

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
ghm_c.case("divide_by_all", {"divide_by": "all", "bins": 4}, in_bins([[0, 0, 0], [1, 0, 3]], 4))
ghm_c.case("two_steps_divide_by_all", {"divide_by": "all", "bins": 10}, [
    in_bins([[0, 0], [5, 9]], 10),
    in_bins([[1, 5], [5, 5]], 10),
], weights="sample")
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
    if margin == 0:
        agree(values, optax.losses.perceptron_loss(array(logits), array(sign)))
    else:
        agree(values, margin * optax.hinge_loss(array(logits / margin), array(sign)))
    return values**2 if squared else values


hinge = common(Kind("binary", "hinge", hinge_oracle, constant=["targets"]))
hinge.case("margin_large", {"margin": 2.5}, hard(4, 3))
hinge.case("margin_small", {"margin": 0.3}, hard(2, 3, 4))
hinge.case("margin_zero", {"margin": 0.0}, hard(4, 3))
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


@formula("Zhang, 2004; scikit-learn agrees")
def modified_huber_oracle(logits, targets):
    z = signed(logits, targets)
    values = torch.where(z >= -1, (1 - z).clamp(min=0) ** 2, -4 * z)
    for got, z in zip(values.flatten().tolist(), z.flatten().tolist()):
        agree(got, ModifiedHuber().py_loss(1.0, z))
    return values


modified_huber = common(Kind("binary", "modified_huber", modified_huber_oracle, constant=["targets"]))
modified_huber.case("flat_squared_linear", {},
                    given(logits=[3.0, 0.25, -0.5, -3.0, -3.0, 0.75], targets=[1.0, 1.0, 1.0, 1.0, 0.0, 0.0]))
modified_huber.case("saturated_positives", {"reduction": "positives"}, SATURATED)


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
def ohem_oracle(logits, targets, loss={"kind": "bce"}, keep={"ratio": 0.25}, min_kept=1, over="batch",
                negatives_per_positive="none"):
    fields = dict(loss)
    values, _ = with_rows(INNER[fields.pop("kind")](logits, targets, **fields))
    samples = [(values, targets)] if over == "batch" else list(zip(values.split(1), targets.split(1)))
    if negatives_per_positive == "none":
        kept = torch.cat([hardest(values, keep, min_kept, torch.ones_like(values)) for values, _ in samples])
    else:
        kept = torch.cat([with_negatives(*sample, negatives_per_positive, min_kept) for sample in samples])
    return values * kept, kept


def with_negatives(values, targets, ratio, least):
    """All positives, and for each so many of the hardest negatives, as the SSD loss of torchvision has them for each image."""
    positive = targets > 0.5
    count = max(int(np.floor(ratio * positive.sum().item() + 0.5)), least)
    ranked = values.detach().masked_fill(positive, -torch.inf).flatten()
    order = ranked.argsort(descending=True, stable=True).argsort().reshape(values.shape)
    return (positive | (order < count)).to(values)


INNER = {"bce": bce_oracle, "focal": focal_oracle, "hinge": hinge_oracle}
TIES = given(logits=[[1.5, -0.5, 1.5], [1.5, 1.5, -2.0]], targets=[[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
FEW = given(
    logits=[[1.5, -0.5, 0.25, 2.0, -1.0], [0.5, -2.5, 1.0, -0.25, 0.75]],
    targets=[[0.0, 1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 1.0]],
)

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
ohem.case("count_in_each_sample", {"over": "sample", "keep": {"count": 2}}, hard(4, 3))
ohem.case("share_of_each_sample", {"over": "sample", "keep": {"ratio": 0.5}}, soft(2, 3, 4), weights="element")
ohem.case("three_negatives_per_positive", {"negatives_per_positive": 3.0}, FEW)
ohem.case("negatives_of_each_sample", {"negatives_per_positive": 1.5, "over": "sample", "min_kept": 0}, FEW)
ohem.case("negatives_without_a_positive", {"negatives_per_positive": 3.0, "min_kept": 2}, TIES)
ohem.case("more_negatives_than_there_are", {"negatives_per_positive": 100.0, "reduction": "positives"}, FEW)
ohem.case("focal", {"loss": {"kind": "focal", "gamma": 1.0, "alpha": 0.6}, "keep": {"count": 4}}, soft(4, 3))
ohem.case("hinge", {"loss": {"kind": "hinge", "margin": 2.0}, "keep": {"count": 4}}, hard(4, 3), constant=["targets"])
ohem.case("sum", {"reduction": "sum"}, soft(4, 3))
ohem.case("batch_mean", {"reduction": "batch_mean", "keep": {"ratio": 0.5}}, hard(4, 3))
ohem.case("mean_with_weights", {"keep": {"ratio": 0.5}}, hard(4, 3), weights="element")
ohem.case("mean_with_weights_per_sample", {"keep": {"count": 5}}, hard(4, 3), weights="sample")
