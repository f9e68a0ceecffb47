"""Classification: (logits [N, C, ...], labels [N, ...]) or (logits, probabilities [N, C, ...]) -> [N, ...]."""

import os

import mpmath
import numpy as np
import optax
import torch
import torch.nn.functional as F
from kornia.losses import focal_loss
from sklearn.metrics import brier_score_loss, zero_one_loss
from timm.loss import AsymmetricLossSingleLabel, PolyCrossEntropy

os.environ.setdefault("KERAS_BACKEND", "torch")
import keras  # noqa: E402

from case import Draw, Kind, agree, array, digits, formula, from_jax, from_mpmath, given, library, with_rows

from .shared import counted, hardest

# Inputs


def labeled(*shape, ignored=None, logits="logits"):
    """Random rows; with `ignored`, the second label and every fourth after it is that number."""

    def recipe(draw):
        labels = draw.labels(shape[1], shape[:1] + shape[2:])
        if ignored is not None:
            labels.flat[1::4] = ignored
        return {logits: draw.normal(shape), "labels": labels}

    return recipe


def log_probabilities(*shape, **options):
    def recipe(draw):
        inputs = labeled(*shape, logits="log_probabilities", **options)(draw)
        x = torch.from_numpy(inputs["log_probabilities"])
        return inputs | {"log_probabilities": np.round(array(F.log_softmax(x, dim=1)), 4)}

    return recipe


def soft(*shape):
    return lambda draw: {"logits": draw.normal(shape), "probabilities": draw.probabilities(shape)}


def optimum(gap):
    """Ten classes, the logits where smoothed cross-entropy is least."""
    row = [0.0] * 10
    return given(logits=[[gap] + row[1:], row[1:4] + [gap] + row[4:]], labels=[0, 3])


SHIFTED = given(  # quarters: exact in f32 too
    logits=[[10000.25, 9998.5, 10001.0], [9999.75, 10002.25, 10000.5], [-9999.0, -10000.25, -10001.5]], labels=[2, 0, 1]
)
SATURATED = given(
    logits=[[50.0, -50.0, 0.0], [50.0, -50.0, 0.0], [1e4, -1e4, 0.5], [1e4, -1e4, 0.5]], labels=[0, 1, 0, 1]
)
ENORMOUS_IGNORED = given(
    logits=[[0.5, -1.0, 2.0], [1e30, -1e30, 1e30], [1.5, 0.25, -0.75], [-1e30, 1e30, 0.0]], labels=[0, -100, 2, -100]
)
ALL_IGNORED = given(logits=[[0.5, -1.0, 2.0], [1e4, -1e4, 0.0]], labels=[-100, -100])
WEIGHTS = {"class_weights": [0.5, 2.0, 1.25]}
IGNORE = {"ignore_index": -100}


def smoothing(epsilon, spread):
    return {"label_smoothing": {"epsilon": epsilon, "spread": spread}}


def common(kind, recipe=labeled):
    """The cases that every loss of the family has."""
    kind.case("default", {}, recipe(4, 3))
    kind.case("one_row", {}, recipe(1, 5))
    kind.case("rank_three", {}, recipe(2, 3, 4))
    kind.case("rank_four", {}, recipe(2, 3, 2, 2))
    kind.case("ignore_index", {"ignore_index": 255}, recipe(6, 3, ignored=255))
    kind.case("ignore_index_negative_rank_three", IGNORE, recipe(2, 3, 4, ignored=-100))
    kind.case("ignore_index_is_a_class", {"ignore_index": 1}, recipe(6, 3, ignored=1))
    kind.case("all_rows_ignored", IGNORE, with_name(ALL_IGNORED, recipe))
    kind.case("sum", {"reduction": "sum"} | IGNORE, recipe(5, 3, ignored=-100))
    kind.case("batch_mean", {"reduction": "batch_mean"} | IGNORE, recipe(2, 3, 4, ignored=-100))
    kind.case("mean_with_weights", IGNORE, recipe(6, 3, ignored=-100), weights="element")
    kind.case("weighted_mean", {"reduction": "weighted_mean"} | IGNORE, recipe(6, 3, ignored=-100), weights="element")
    kind.case("weighted_mean_per_sample", {"reduction": "weighted_mean"}, recipe(3, 3, 3), weights="sample")
    return kind


def with_name(recipe, like):
    """The recipe with its logits under the name that `like` uses."""

    def renamed(draw):
        logits, labels = recipe(draw).values()
        return dict(zip(like(2, 3)(draw), (logits, labels)))

    return renamed


# Losses


def label_rows(logits, labels, ignore_index, class_weights="none"):
    """Logits as [M, C] and labels as [M], ignored rows made harmless; which rows are valid; each row's class weight."""
    classes = logits.shape[1]
    valid = torch.ones_like(labels, dtype=torch.bool) if ignore_index == "none" else labels != ignore_index
    weights = torch.ones(classes) if class_weights == "none" else torch.tensor(counted(class_weights))
    safe = torch.where(valid, labels, 0)
    rows = torch.where(valid.unsqueeze(1), logits, 0.0).movedim(1, -1).reshape(-1, classes)
    return rows, safe.flatten(), valid, weights[safe] * valid


def torch_options(class_weights, ignore_index):
    """The same two fields as PyTorch spells them."""
    weight = None if class_weights == "none" else torch.tensor(counted(class_weights))
    return {"weight": weight, "ignore_index": -100 if ignore_index == "none" else ignore_index}


NO_SMOOTHING = {"epsilon": 0.0, "spread": "all"}


@library("torch", "torch.nn.functional.cross_entropy")
def cross_entropy_oracle(
    logits, labels=None, probabilities=None, class_weights="none", ignore_index="none", label_smoothing=NO_SMOOTHING,
    z_loss=0.0, softcap="none",
):
    if softcap != "none":
        logits = softcap * torch.tanh(logits / softcap)
    options = torch_options(class_weights, ignore_index)
    epsilon, spread = label_smoothing["epsilon"], label_smoothing["spread"]
    if labels is None:
        weights = torch.ones(logits.shape[1]) if class_weights == "none" else torch.tensor(counted(class_weights))
        values = F.cross_entropy(logits, probabilities, options["weight"], reduction="none", label_smoothing=epsilon)
        mass = torch.einsum("c,nc...->n...", weights, probabilities)
        return values + mass * z_loss * torch.logsumexp(logits, 1) ** 2, mass

    rows, safe, valid, mass = label_rows(logits, labels, ignore_index, class_weights)
    if spread == "all":
        values = F.cross_entropy(logits, labels, **options, reduction="none", label_smoothing=epsilon)
        if valid.any() and z_loss == 0:  # the definition of the divisor
            mean = F.cross_entropy(logits, labels, **options, label_smoothing=epsilon)
            agree((values.sum() / mass.sum()), mean)
    else:
        classes = rows.shape[1]
        q = torch.full_like(rows, epsilon / (classes - 1)).scatter(1, safe[:, None], 1 - epsilon).detach()
        values = F.cross_entropy(rows, q, options["weight"], reduction="none").reshape(labels.shape) * valid
        other = F.cross_entropy(logits, labels, **options, reduction="none",
                                label_smoothing=epsilon * classes / (classes - 1))
        agree(values, other)  # the two spreads are one family
    if options["weight"] is None and epsilon == 0:
        plain = optax.softmax_cross_entropy_with_integer_labels(array(rows), array(safe)).reshape(labels.shape)
        agree(values, plain * array(valid))
    return values + mass * z_loss * torch.logsumexp(rows, 1).reshape(labels.shape) ** 2, mass


cross_entropy = common(Kind("classification", "cross_entropy", cross_entropy_oracle))
cross_entropy.case("shift_changes_nothing", {}, SHIFTED)
cross_entropy.case("saturated", {}, SATURATED)
cross_entropy.case("enormous_ignored_rows", IGNORE, ENORMOUS_IGNORED)
cross_entropy.case("enormous_ignored_rows_with_everything",
                   IGNORE | WEIGHTS | smoothing(0.1, "others") | {"z_loss": 0.01}, ENORMOUS_IGNORED)
cross_entropy.case("class_weights", WEIGHTS, labeled(4, 3))
cross_entropy.case("class_weights_one_row", WEIGHTS, labeled(1, 3))
cross_entropy.case("class_weights_ignore_weighted_mean", {"reduction": "weighted_mean"} | WEIGHTS | IGNORE,
                   labeled(6, 3, ignored=-100), weights="element")
cross_entropy.case("class_weights_ignore_batch_mean", {"reduction": "batch_mean"} | WEIGHTS | IGNORE,
                   labeled(2, 3, 4, ignored=-100), weights="sample")
cross_entropy.case("class_weights_all_rows_ignored", WEIGHTS | IGNORE | smoothing(0.2, "all"), ALL_IGNORED)
cross_entropy.case("smoothing_all", smoothing(0.1, "all"), labeled(4, 5))
cross_entropy.case("smoothing_others", smoothing(0.1, "others"), labeled(4, 5))
cross_entropy.case("smoothing_others_rank_three", smoothing(0.3, "others"), labeled(2, 4, 3))
cross_entropy.case("smoothing_all_ignore", smoothing(0.2, "all") | IGNORE, labeled(6, 3, ignored=-100))
cross_entropy.case("smoothing_all_class_weights", smoothing(0.2, "all") | WEIGHTS, labeled(4, 3))
cross_entropy.case("smoothing_all_class_weights_ignore", smoothing(0.2, "all") | WEIGHTS | IGNORE,
                   labeled(6, 3, ignored=-100))
cross_entropy.case("smoothing_others_class_weights_ignore", smoothing(0.2, "others") | WEIGHTS | IGNORE,
                   labeled(6, 3, ignored=-100))
cross_entropy.case("smoothing_saturated", smoothing(0.1, "all"), SATURATED)
cross_entropy.case("smoothing_all_optimum", smoothing(0.1, "all"), optimum(np.log(91)))
cross_entropy.case("smoothing_others_optimum", smoothing(0.1, "others"), optimum(np.log(81)))
cross_entropy.case("z_loss", {"z_loss": 0.01}, labeled(4, 3))
cross_entropy.case("z_loss_class_weights_ignore", {"z_loss": 0.5} | WEIGHTS | IGNORE, labeled(6, 3, ignored=-100))
cross_entropy.case("z_loss_smoothing_rank_three", {"z_loss": 0.1} | smoothing(0.2, "all"), labeled(2, 3, 4))
cross_entropy.case("softcap", {"softcap": 3.0}, labeled(4, 3))
cross_entropy.case("softcap_saturated", {"softcap": 30.0}, SATURATED)
cross_entropy.case("softcap_with_everything_rank_three",
                   {"softcap": 1.5, "z_loss": 0.1} | WEIGHTS | IGNORE | smoothing(0.2, "all"),
                   labeled(2, 3, 4, ignored=-100), weights="sample")
cross_entropy.case("softcap_enormous_ignored_rows", {"softcap": 5.0} | IGNORE, ENORMOUS_IGNORED)
cross_entropy.case("softcap_probabilities", {"softcap": 2.0} | smoothing(0.1, "all"), soft(4, 3))
cross_entropy.case("probabilities", {}, soft(4, 3))
cross_entropy.case("probabilities_rank_three", {"reduction": "batch_mean"}, soft(2, 3, 2))
cross_entropy.case("probabilities_class_weights", WEIGHTS, soft(4, 3))
cross_entropy.case("probabilities_smoothing", smoothing(0.2, "all") | {"reduction": "sum"}, soft(4, 3))
cross_entropy.case("probabilities_z_loss_class_weights", {"z_loss": 0.1} | WEIGHTS, soft(4, 3))
cross_entropy.case("probabilities_class_weights_smoothing_row_mask",
                   WEIGHTS | smoothing(0.1, "all") | {"reduction": "weighted_mean"}, soft(4, 3), weights=[1, 0, 1, 1])


COUNTS = {"counts": [60, 30, 10], "scheme": "inverse"}
COUNTED = {
    "inverse": COUNTS,
    "inverse_sqrt_mean": COUNTS | {"scheme": "inverse_sqrt", "normalize": "mean"},
    "effective_number": COUNTS | {"scheme": "effective_number"},
    "effective_number_beta_classes": COUNTS | {"scheme": "effective_number", "beta": 0.9, "normalize": "classes"},
    "median": COUNTS | {"scheme": "median"},
    "inverse_sqrt": COUNTS | {"scheme": "inverse_sqrt"},
    "a_class_without_samples": {"counts": [60, 0, 10], "scheme": "inverse", "normalize": "classes"},
}
for name, counts in COUNTED.items():
    cross_entropy.case("counts_" + name, {"class_weights": counts}, labeled(6, 3))
cross_entropy.case("counts_smoothing_ignore", {"class_weights": COUNTS} | smoothing(0.2, "all") | IGNORE,
                   labeled(6, 3, ignored=-100))


@library("torch", "torch.nn.functional.nll_loss")
def nll_oracle(log_probabilities, labels, class_weights="none", ignore_index="none"):
    options = torch_options(class_weights, ignore_index)
    values = F.nll_loss(log_probabilities, labels, **options, reduction="none")
    _, _, valid, mass = label_rows(log_probabilities, labels, ignore_index, class_weights)
    if valid.any():
        agree(values.sum() / mass.sum(), F.nll_loss(log_probabilities, labels, **options))
    return values, mass


nll = common(Kind("classification", "nll", nll_oracle), log_probabilities)
nll.case("class_weights", WEIGHTS, log_probabilities(4, 3))
nll.case("class_weights_ignore", WEIGHTS | IGNORE, log_probabilities(6, 3, ignored=-100))
nll.case("class_weights_ignore_weighted_mean", {"reduction": "weighted_mean"} | WEIGHTS | IGNORE,
         log_probabilities(6, 3, ignored=-100), weights="element")
nll.case("counts_inverse", {"class_weights": COUNTS}, log_probabilities(5, 3))
nll.case("counts_a_class_without_samples", {"class_weights": COUNTED["a_class_without_samples"]} | IGNORE,
         log_probabilities(6, 3, ignored=-100))
nll.case("nearly_impossible", {}, given(log_probabilities=[[0.0, -1e4, -50.0], [-1e-4, -1e4, -50.0]], labels=[0, 1]))
nll.case("enormous_ignored_rows", IGNORE, with_name(ENORMOUS_IGNORED, log_probabilities))


@library("kornia", "kornia.losses.focal_loss")
def focal_oracle(logits, labels, gamma=2.0, alpha="none", class_weights="none", ignore_index="none"):
    rows, safe, valid, mass = label_rows(logits, labels, ignore_index, class_weights)
    balance = class_balance(alpha, rows.shape[1])
    if class_weights != "none":
        balance = balance * torch.tensor(counted(class_weights))
    values = focal_loss(rows, safe, alpha=None, gamma=gamma, weight=balance, ignore_index=None).sum(1)
    cross_entropy = F.cross_entropy(rows, safe, reduction="none")
    agree(values, balance[safe] * (1 - torch.exp(-cross_entropy)) ** gamma * cross_entropy)
    return values.reshape(labels.shape) * valid, mass


def class_balance(alpha, classes):
    alpha = counted(alpha)
    return torch.tensor(alpha) if isinstance(alpha, list) else torch.full((classes,), 1.0 if alpha == "none" else alpha)


@digits("Lin et al., 2017, with softmax")
def focal_digits(logits, labels, gamma=2.0, alpha="none"):
    def row(label):
        def value(*x):
            shares = [mpmath.exp(y - max(x)) for y in x]
            others = sum(shares[:label] + shares[label + 1 :])
            return balance[label] * (others / sum(shares)) ** gamma * mpmath.log1p(others / shares[label])

        return value

    balance = class_balance(alpha, logits.shape[1]).tolist()
    return from_mpmath([row(label) for label in labels.tolist()], logits)


@formula("Lin et al., 2017, with softmax and soft targets")
def focal_probabilities(logits, probabilities, gamma=2.0, alpha="none"):
    p = torch.softmax(logits, 1)
    balance = class_balance(alpha, p.shape[1]).reshape(-1, *[1] * (p.ndim - 2))
    return (probabilities * balance * (1 - p) ** gamma * -torch.log(p)).sum(1)


focal = common(Kind("classification", "focal", focal_oracle))
focal.case("gamma_zero_is_cross_entropy", {"gamma": 0.0}, labeled(4, 3))
focal.case("gamma_half", {"gamma": 0.5}, labeled(4, 5))
focal.case("gamma_large_alpha_number", {"gamma": 5.0, "alpha": 0.25}, labeled(2, 3, 4))
focal.case("alpha_per_class", {"alpha": [0.1, 0.7, 2.0]}, labeled(6, 3))
focal.case("alpha_per_class_ignore", {"gamma": 1.5, "alpha": [0.1, 0.7, 2.0]} | IGNORE, labeled(2, 3, 4, ignored=-100))
focal.case("alpha_counts", {"alpha": COUNTS}, labeled(6, 3))
focal.case("alpha_counts_effective_number_ignore", {"alpha": COUNTED["effective_number_beta_classes"]} | IGNORE,
           labeled(6, 3, ignored=-100))
focal.case("class_weights", {"gamma": 1.5} | WEIGHTS, labeled(6, 3))
focal.case("class_weights_alpha_number_ignore", {"alpha": 0.25} | WEIGHTS | IGNORE, labeled(2, 3, 4, ignored=-100))
focal.case("class_weights_gamma_zero_is_cross_entropy", {"gamma": 0.0} | WEIGHTS, labeled(4, 3))
focal.case("class_weights_counts_weighted_mean", {"class_weights": COUNTED["median"], "reduction": "weighted_mean"},
           labeled(6, 3), weights="element")
focal.case("enormous_ignored_rows", {"gamma": 0.5} | IGNORE, ENORMOUS_IGNORED)
focal.case("shift_changes_nothing", {"gamma": 1.5}, SHIFTED)
focal.case("saturated", {}, SATURATED, oracle=focal_digits)
focal.case("gamma_half_saturated", {"gamma": 0.5}, SATURATED, oracle=focal_digits)
focal.case("gamma_zero_saturated", {"gamma": 0.0, "alpha": [0.5, 3.0, 1.0]}, SATURATED, oracle=focal_digits)
focal.case("probabilities", {}, soft(4, 3), oracle=focal_probabilities)
focal.case("probabilities_alpha_per_class", {"gamma": 1.5, "alpha": [0.1, 0.7, 2.0]}, soft(2, 3, 2),
           oracle=focal_probabilities)
focal.case("probabilities_row_mask", {"gamma": 0.5, "reduction": "weighted_mean"}, soft(4, 3), weights=[1, 0, 1, 1],
           oracle=focal_probabilities)


def one_hot(labels, classes):
    return F.one_hot(labels, classes).movedim(-1, 1).double()


def of_labels(values, labels, valid):
    """Values [M] of rows in the shape of the labels, 0 where they are ignored."""
    return values.reshape(labels.shape) * valid, valid.double()


@library("timm", "timm.loss.AsymmetricLossSingleLabel")
def asymmetric_oracle(
    logits, labels, gamma_negative=4.0, gamma_positive=0.0, label_smoothing=NO_SMOOTHING, ignore_index="none"
):
    assert label_smoothing["spread"] == "all"
    rows, safe, valid, _ = label_rows(logits, labels, ignore_index)
    timm = AsymmetricLossSingleLabel(gamma_positive, gamma_negative, label_smoothing["epsilon"], reduction="none")
    return of_labels(timm(rows, safe), labels, valid)


@formula("Ben-Baruch et al., 2020, with softmax and soft targets")
def asymmetric_formula(
    logits, labels=None, probabilities=None, gamma_negative=4.0, gamma_positive=0.0, label_smoothing=NO_SMOOTHING
):
    p, classes = torch.softmax(logits, 1), logits.shape[1]
    t = one_hot(labels, classes) if probabilities is None else probabilities
    epsilon = label_smoothing["epsilon"]
    if label_smoothing["spread"] == "all":
        q = t * (1 - epsilon) + epsilon / classes
    else:
        q = t * (1 - epsilon) + (1 - t) * epsilon / (classes - 1)
    weight = t * (1 - p) ** gamma_positive + (1 - t) * p**gamma_negative
    return (q * weight * -torch.log(p)).sum(1)


@digits("Ben-Baruch et al., 2020, with softmax")
def asymmetric_digits(logits, labels, gamma_negative=4.0, gamma_positive=0.0, label_smoothing=NO_SMOOTHING):
    def row(label):
        def value(*x):
            shares = [mpmath.exp(y - max(x)) for y in x]
            total, terms = sum(shares), 0
            for c, share in enumerate(shares):
                others = sum(shares[:c] + shares[c + 1 :])
                surprise, p = mpmath.log1p(others / share), share / total
                weight = (others / total) ** gamma_positive if c == label else p**gamma_negative
                terms += ((1 - epsilon) * (c == label) + epsilon / len(x)) * weight * surprise
            return terms

        return value

    epsilon = mpmath.mpf(label_smoothing["epsilon"])
    return from_mpmath([row(label) for label in labels.tolist()], logits)


asymmetric = common(Kind("classification", "asymmetric", asymmetric_oracle))
asymmetric.case("gamma_positive_is_focal", {"gamma_positive": 2.0}, labeled(4, 3))
asymmetric.case("smoothing", smoothing(0.1, "all"), labeled(4, 5))
asymmetric.case("smoothing_gammas_ignore",
                smoothing(0.3, "all") | {"gamma_negative": 1.0, "gamma_positive": 0.5} | IGNORE,
                labeled(2, 3, 4, ignored=-100))
asymmetric.case("smoothing_gamma_negative_small", smoothing(0.2, "all") | {"gamma_negative": 0.3}, labeled(4, 3))
asymmetric.case("smoothing_gamma_negative_zero", smoothing(0.2, "all") | {"gamma_negative": 0.0}, labeled(4, 3))
asymmetric.case("smoothing_others", smoothing(0.2, "others") | {"gamma_positive": 1.0}, labeled(4, 4),
                oracle=asymmetric_formula)
asymmetric.case("enormous_ignored_rows", smoothing(0.1, "all") | IGNORE, ENORMOUS_IGNORED)
asymmetric.case("shift_changes_nothing", smoothing(0.1, "all"), SHIFTED)
asymmetric.case("saturated", {"gamma_positive": 1.0}, SATURATED, oracle=asymmetric_digits)
asymmetric.case("smoothing_saturated", smoothing(0.1, "all") | {"gamma_negative": 2.0}, SATURATED,
                oracle=asymmetric_digits)
asymmetric.case("probabilities", {"gamma_positive": 1.5}, soft(4, 3), oracle=asymmetric_formula)
asymmetric.case("probabilities_smoothing", smoothing(0.2, "all") | {"gamma_negative": 1.0}, soft(2, 3, 2),
                oracle=asymmetric_formula)
asymmetric.case("probabilities_row_mask", {"gamma_positive": 0.5, "reduction": "weighted_mean"}, soft(4, 3),
                weights=[1, 0, 1, 1], oracle=asymmetric_formula)


@library("optax", "optax.losses.poly_loss_cross_entropy")
def poly1_oracle(logits, labels=None, probabilities=None, epsilon=1.0, gamma=0.0, ignore_index="none"):
    assert gamma == 0.0
    if labels is None:
        rows, q = (x.movedim(1, -1) for x in (logits, probabilities))
        return from_jax(lambda x, q: optax.losses.poly_loss_cross_entropy(x, q, epsilon=epsilon), rows, q)
    rows, safe, valid, _ = label_rows(logits, labels, ignore_index)
    values = from_jax(
        lambda x: optax.losses.poly_loss_cross_entropy(x, array(one_hot(safe, x.shape[1])), epsilon=epsilon), rows
    )
    agree(values, PolyCrossEntropy(epsilon, reduction="none")(rows, safe), rtol=2e-5, atol=2e-6)  # in single precision
    return of_labels(values, labels, valid)


@formula("Leng et al., 2022, with softmax")
def poly1_formula(logits, labels=None, probabilities=None, epsilon=1.0, gamma=0.0):
    q = one_hot(labels, logits.shape[1]) if labels is not None else probabilities
    log_p = torch.log_softmax(logits, 1)
    miss = (q * (1 - log_p.exp())).sum(1)  # 1 - p_t, as optax writes it
    return miss**gamma * -(q * log_p).sum(1) + epsilon * miss ** (gamma + 1)


@digits("Leng et al., 2022, with softmax")
def poly1_digits(logits, labels, epsilon=1.0, gamma=0.0):
    def row(label):
        def value(*x):
            shares = [mpmath.exp(y - max(x)) for y in x]
            others = sum(shares[:label] + shares[label + 1 :])
            miss = others / sum(shares)
            return miss**gamma * mpmath.log1p(others / shares[label]) + epsilon * miss ** (gamma + 1)

        return value

    return from_mpmath([row(label) for label in labels.tolist()], logits)


poly1 = common(Kind("classification", "poly1", poly1_oracle))
poly1.case("epsilon", {"epsilon": 2.0}, labeled(4, 5))
poly1.case("epsilon_negative", {"epsilon": -1.0}, labeled(2, 3, 4))
poly1.case("epsilon_zero_is_cross_entropy", {"epsilon": 0.0}, labeled(4, 3))
poly1.case("gamma", {"gamma": 2.0, "epsilon": -0.5}, labeled(4, 3), oracle=poly1_formula)
poly1.case("gamma_half_rank_three", {"gamma": 0.5, "epsilon": 3.0}, labeled(2, 3, 4), oracle=poly1_formula)
poly1.case("enormous_ignored_rows", IGNORE, ENORMOUS_IGNORED)
poly1.case("shift_changes_nothing", {"epsilon": 2.0}, SHIFTED)
poly1.case("saturated", {}, SATURATED, oracle=poly1_digits)
poly1.case("gamma_half_saturated", {"gamma": 0.5}, SATURATED, oracle=poly1_digits)
poly1.case("probabilities", {}, soft(4, 3))
poly1.case("probabilities_epsilon_rank_three", {"epsilon": -1.0}, soft(2, 3, 2), oracle=poly1_formula)
poly1.case("probabilities_gamma", {"gamma": 1.5}, soft(4, 3), oracle=poly1_formula)
poly1.case("probabilities_gamma_row_mask", {"gamma": 0.5, "reduction": "weighted_mean"}, soft(4, 3),
           weights=[1, 0, 1, 1], oracle=poly1_formula)


@formula("Zhang and Sabuncu, 2018, truncated as in section 3.3; keras agrees")
def generalized_oracle(logits, labels=None, probabilities=None, q=0.7, truncate="none", ignore_index="none"):
    def value(p):
        p = p if truncate == "none" else p.clamp(min=truncate)
        return (1 - p**q) / q

    if labels is None:
        return (probabilities * value(torch.softmax(logits, 1))).sum(1)
    rows, safe, valid, _ = label_rows(logits, labels, ignore_index)
    p = torch.softmax(rows, 1)
    values = value(p.gather(1, safe[:, None]).squeeze(1))
    if truncate == "none":
        theirs = keras.losses.categorical_generalized_cross_entropy(safe, p.detach(), q)
        agree(values, keras.ops.convert_to_numpy(theirs), rtol=1e-6)  # its q has single precision
    return of_labels(values, labels, valid)


@digits("Zhang and Sabuncu, 2018")
def generalized_digits(logits, labels, q=0.7):
    def row(label):
        def value(*x):
            shares = [mpmath.exp(y - max(x)) for y in x]
            return (1 - (shares[label] / sum(shares)) ** mpmath.mpf(q)) / mpmath.mpf(q)

        return value

    return from_mpmath([row(label) for label in labels.tolist()], logits)


generalized = common(Kind("classification", "generalized", generalized_oracle))
generalized.case("q_half", {"q": 0.5}, labeled(4, 5))
generalized.case("q_one_is_the_absolute_error", {"q": 1.0}, labeled(4, 3))
generalized.case("q_tiny_is_cross_entropy", {"q": 1e-6}, labeled(4, 3), oracle=generalized_digits)
generalized.case("q_ignore_rank_three", {"q": 0.2} | IGNORE, labeled(2, 3, 4, ignored=-100))
generalized.case("truncate", {"truncate": 0.5}, labeled(8, 3))
generalized.case("truncate_small", {"truncate": 0.1, "q": 0.4} | IGNORE, labeled(2, 3, 4, ignored=-100))
generalized.case("enormous_ignored_rows", IGNORE, ENORMOUS_IGNORED)
generalized.case("shift_changes_nothing", {}, SHIFTED)
generalized.case("saturated", {}, SATURATED, oracle=generalized_digits)
generalized.case("q_small_saturated", {"q": 0.01}, SATURATED, oracle=generalized_digits)
generalized.case("probabilities", {}, soft(4, 3))
generalized.case("probabilities_truncate_rank_three", {"q": 0.3, "truncate": 0.2}, soft(2, 3, 2))
generalized.case("probabilities_row_mask", {"reduction": "weighted_mean"}, soft(4, 3), weights=[1, 0, 1, 1])


@formula("Wang et al., 2019")
def symmetric_oracle(
    logits, labels=None, probabilities=None, alpha=0.1, beta=1.0, log_zero=-4.0, ignore_index="none"
):
    if labels is None:
        log_p = torch.log_softmax(logits, 1)
        log_q = torch.log(probabilities).clamp(min=log_zero)
        return alpha * -(probabilities * log_p).sum(1) - beta * (log_p.exp() * log_q).sum(1)
    rows, safe, valid, _ = label_rows(logits, labels, ignore_index)
    p = torch.softmax(rows, 1).gather(1, safe[:, None]).squeeze(1)
    values = alpha * F.cross_entropy(rows, safe, reduction="none") - beta * log_zero * (1 - p)
    return of_labels(values, labels, valid)


@digits("Wang et al., 2019")
def symmetric_digits(logits, labels, alpha=0.1, beta=1.0, log_zero=-4.0):
    def row(label):
        def value(*x):
            shares = [mpmath.exp(y - max(x)) for y in x]
            others = sum(shares[:label] + shares[label + 1 :])
            return alpha * mpmath.log1p(others / shares[label]) - beta * log_zero * others / sum(shares)

        return value

    return from_mpmath([row(label) for label in labels.tolist()], logits)


symmetric = common(Kind("classification", "symmetric", symmetric_oracle))
symmetric.case("alpha_and_beta", {"alpha": 6.0, "beta": 0.1}, labeled(4, 5))
symmetric.case("alpha_zero", {"alpha": 0.0}, labeled(4, 3))
symmetric.case("beta_zero_is_cross_entropy", {"alpha": 1.0, "beta": 0.0}, labeled(4, 3))
symmetric.case("log_zero", {"log_zero": -9.21} | IGNORE, labeled(2, 3, 4, ignored=-100))
symmetric.case("enormous_ignored_rows", IGNORE, ENORMOUS_IGNORED)
symmetric.case("shift_changes_nothing", {}, SHIFTED)
symmetric.case("saturated", {}, SATURATED, oracle=symmetric_digits)
symmetric.case("probabilities", {}, soft(4, 3))
symmetric.case("probabilities_log_zero_rank_three", {"log_zero": -1.0, "alpha": 0.5}, soft(2, 3, 2))
symmetric.case("probabilities_row_mask", {"reduction": "weighted_mean"}, soft(4, 3), weights=[1, 0, 1, 1])


@formula("Brier, 1950; scikit-learn agrees")
def brier_oracle(logits, labels=None, probabilities=None, scale="sum", ignore_index="none"):
    classes = logits.shape[1]
    factor = {"sum": 1.0, "half": 0.5, "mean": 1 / classes}[scale]
    if labels is None:
        return factor * ((torch.softmax(logits, 1) - probabilities) ** 2).sum(1)
    rows, safe, valid, _ = label_rows(logits, labels, ignore_index)
    p = torch.softmax(rows, 1)
    values = factor * ((p - one_hot(safe, classes)) ** 2).sum(1)
    kept = valid.flatten()
    if scale != "mean" and kept.any():
        theirs = brier_score_loss(
            array(safe[kept]), array(p[kept]), labels=list(range(classes)), scale_by_half=scale == "half"
        )
        agree(values[kept].mean(), theirs)
    return of_labels(values, labels, valid)


brier = common(Kind("classification", "brier", brier_oracle))
brier.case("two_classes", {}, labeled(5, 2))
brier.case("two_classes_half", {"scale": "half"}, labeled(5, 2))
brier.case("half_ignore", {"scale": "half"} | IGNORE, labeled(6, 3, ignored=-100))
brier.case("mean_over_the_classes", {"scale": "mean"}, labeled(2, 4, 3))
brier.case("enormous_ignored_rows", IGNORE, ENORMOUS_IGNORED)
brier.case("shift_changes_nothing", {}, SHIFTED)
brier.case("saturated", {}, SATURATED)
brier.case("probabilities", {}, soft(4, 3))
brier.case("probabilities_mean_rank_three", {"scale": "mean", "reduction": "batch_mean"}, soft(2, 3, 2))
brier.case("probabilities_row_mask", {"scale": "half", "reduction": "weighted_mean"}, soft(4, 3),
           weights=[1, 0, 1, 1])


@library("torch", "torch.nn.functional.multi_margin_loss, times C unless divided by classes")
def weston_watkins(
    logits, labels, margin=1.0, p=1, class_weights="none", divide_by_classes=False, ignore_index="none"
):
    rows, safe, valid, _ = label_rows(logits, labels, ignore_index)
    clear_of_kinks(rows, safe, margin)
    weight = torch_options(class_weights, "none")["weight"]
    values = F.multi_margin_loss(rows, safe, p, margin, weight, reduction="none")
    values = values if divide_by_classes else values * rows.shape[1]
    return values.reshape(labels.shape) * valid, valid.double()


@formula("Crammer and Singer, 2001")
def crammer_singer(logits, labels, variant, margin=1.0, p=1, class_weights="none", ignore_index="none"):
    assert variant == "crammer_singer"
    rows, safe, valid, mass = label_rows(logits, labels, ignore_index, class_weights)
    clear_of_kinks(rows, safe, margin)
    own = rows.gather(1, safe[:, None]).squeeze(1)
    rival = rows.scatter(1, safe[:, None], -torch.inf).max(1).values
    hinge = (margin - own + rival).clamp(min=0)
    if margin == 0:
        agree(hinge, optax.losses.multiclass_perceptron_loss(array(rows), array(safe)))
    else:
        agree(hinge, margin * optax.losses.multiclass_hinge_loss(array(rows / margin), array(safe)))
    return (hinge**p).reshape(labels.shape) * mass, valid.double()


def clear_of_kinks(rows, safe, margin):
    distance = margin - rows.gather(1, safe[:, None]) + rows
    own = F.one_hot(safe, rows.shape[1]).bool()
    ignored = (rows == 0).all(1, keepdim=True)
    assert distance.abs()[~own & ~ignored].numel() == 0 or distance.abs()[~own & ~ignored].min() > 1e-4


ONE_SIDED = given(logits=[[3.0, -1.0, -2.5], [0.25, -0.5, -4.0], [-5.0, -1.0, -6.0]], labels=[0, 0, 1])
LARGE = given(logits=[[1e4, -1e4, 0.0], [1e4, -1e4, 0.0], [50.0, 49.75, -50.0]], labels=[0, 1, 1])
CRAMMER_SINGER = {"variant": "crammer_singer"}

multi_margin = common(Kind("classification", "multi_margin", weston_watkins))
multi_margin.case("margin", {"margin": 2.5}, labeled(4, 3))
multi_margin.case("margin_zero", {"margin": 0.0}, labeled(4, 3))
multi_margin.case("squared", {"p": 2}, labeled(4, 3))
multi_margin.case("divide_by_classes", {"divide_by_classes": True}, labeled(4, 5))
multi_margin.case("squared_divided_class_weights", {"p": 2, "margin": 0.5, "divide_by_classes": True} | WEIGHTS,
                  labeled(2, 3, 4))
multi_margin.case("class_weights_ignore", WEIGHTS | IGNORE, labeled(6, 3, ignored=-100))
multi_margin.case("counts_inverse_sqrt", {"class_weights": COUNTED["inverse_sqrt_mean"]}, labeled(5, 3))
multi_margin.case("counts_a_class_without_samples",
                  {"class_weights": COUNTED["a_class_without_samples"], "p": 2} | IGNORE, labeled(6, 3, ignored=-100))
multi_margin.case("wrong_scores_negative", {}, ONE_SIDED)
multi_margin.case("large", {"p": 2}, LARGE)
multi_margin.case("enormous_ignored_rows", {"p": 2} | IGNORE, ENORMOUS_IGNORED)
for name, config, inputs, weights in [
    ("", {}, labeled(4, 3), None),
    ("_margin", {"margin": 2.5}, labeled(2, 3, 4), None),
    ("_margin_zero", {"margin": 0.0}, labeled(4, 3), None),
    ("_squared", {"p": 2}, labeled(4, 5), None),
    ("_squared_class_weights_ignore", {"p": 2, "margin": 0.5} | WEIGHTS | IGNORE, labeled(6, 3, ignored=-100), None),
    ("_wrong_scores_negative", {}, ONE_SIDED, None),
    ("_large", {"p": 2}, LARGE, None),
    ("_enormous_ignored_rows", IGNORE, ENORMOUS_IGNORED, None),
    ("_weighted_mean", {"reduction": "weighted_mean"} | IGNORE, labeled(6, 3, ignored=-100), "element"),
]:
    multi_margin.case("crammer_singer" + name, CRAMMER_SINGER | config, inputs, weights, oracle=crammer_singer)


@library("torch", "torch.nn.functional.cross_entropy of logits with the logarithm of the prior added")
def logit_adjusted_oracle(logits, labels=None, probabilities=None, prior=None, tau=1.0, smoothing=0.0,
                          ignore_index="none"):
    pi = torch.tensor(prior, dtype=torch.float64) + smoothing
    adjusted = logits + tau * torch.log(pi / pi.sum()).reshape(-1, *[1] * (logits.ndim - 2))
    return cross_entropy_oracle(adjusted, labels, probabilities, ignore_index=ignore_index)


@digits("Menon et al., 2021")
def logit_adjusted_digits(logits, labels, prior, tau=1.0):
    log_pi = [mpmath.log(mpmath.mpf(n) / sum(prior)) for n in prior]

    def row(label):
        def value(*x):
            adjusted = [y + tau * pi for y, pi in zip(x, log_pi)]
            most = max(adjusted)
            return mpmath.log(sum(mpmath.exp(y - most) for y in adjusted)) + most - adjusted[label]

        return value

    return from_mpmath([row(label) for label in labels.tolist()], logits)


class Adjusted(Kind):
    """A kind whose prior has as many entries as the logits have classes."""

    def case(self, name, config, inputs, **options):
        first = inputs(Draw(name))["logits"]
        prior = [round(1 / (1 + 2 * c), 4) for c in range(first.shape[1])]
        super().case(name, {"prior": prior} | config, inputs, **options)


logit_adjusted = common(Adjusted("classification", "logit_adjusted", logit_adjusted_oracle))
logit_adjusted.case("counts", {"prior": [600, 300, 100]}, labeled(4, 3))
logit_adjusted.case("probabilities_as_prior", {"prior": [0.6, 0.3, 0.1]}, labeled(4, 3))
logit_adjusted.case("tau", {"tau": 0.5}, labeled(4, 3))
logit_adjusted.case("tau_negative", {"tau": -1.5}, labeled(4, 3))
logit_adjusted.case("tau_zero_is_cross_entropy", {"tau": 0.0}, labeled(4, 3))
logit_adjusted.case("smoothing", {"prior": [6, 0, 1], "smoothing": 0.5}, labeled(5, 3))
logit_adjusted.case("rare", {"prior": [1e9, 1, 1e-9], "tau": 2.0}, labeled(5, 3), oracle=logit_adjusted_digits)
logit_adjusted.case("saturated", {}, SATURATED, oracle=logit_adjusted_digits)
logit_adjusted.case("shift_changes_nothing", {}, SHIFTED, oracle=logit_adjusted_digits, in_double=True)
logit_adjusted.case("enormous_ignored_rows", IGNORE, ENORMOUS_IGNORED)
logit_adjusted.case("probabilities", {"tau": 1.5}, soft(4, 3))
logit_adjusted.case("probabilities_rank_three", {"reduction": "batch_mean"}, soft(2, 3, 2))


@library("scikit-learn", "sklearn.metrics.zero_one_loss")
def zero_one_oracle(logits, labels, ignore_index="none"):
    rows, safe, valid, _ = label_rows(logits, labels, ignore_index)
    guess, real = array(rows).argmax(1), array(valid.flatten())
    if real.any():
        agree((guess != array(safe))[real].mean(), zero_one_loss(array(safe)[real], guess[real]))
    wrong = torch.from_numpy(guess != array(safe)).reshape(labels.shape) & valid
    return wrong + 0 * logits.sum(1), valid.double()


zero_one = common(Kind("classification", "zero_one", zero_one_oracle))
zero_one.case("all_right", {}, given(logits=[[2.0, -1.0, 0.5], [-3.0, -2.0, -1.0]], labels=[0, 2]))
zero_one.case("saturated", {}, SATURATED)


@library("torch", "losses of torch and kornia; the hardest valid rows by a stable sort (Shrivastava et al., 2016)")
def ohem_oracle(logits, labels, loss={"kind": "cross_entropy"}, keep={"ratio": 0.25}, min_kept=1):
    fields = dict(loss)
    values, _ = with_rows(INNER[fields.pop("kind")](logits, labels, **fields))
    valid = label_rows(logits, labels, loss.get("ignore_index", "none"))[2]
    kept = hardest(values, keep, min_kept, valid)
    return values * kept, kept


INNER = {"cross_entropy": cross_entropy_oracle, "focal": focal_oracle, "multi_margin": weston_watkins}
IGNORING = {"loss": {"kind": "cross_entropy", "ignore_index": -100}}
TIES = given(logits=[[1.0, 0.0], [2.0, 0.0], [1.0, 0.0], [1.0, 0.0], [1.0, 0.0]], labels=[1, 0, 1, 1, 1])

ohem = Kind("classification", "ohem", ohem_oracle)
ohem.case("default", {}, labeled(8, 3))
ohem.case("rank_three", {}, labeled(2, 3, 4))
ohem.case("ratio_rounds_half_up", {}, labeled(10, 3))
ohem.case("ratio_of_valid_rows", IGNORING | {"keep": {"ratio": 0.5}}, labeled(8, 3, ignored=-100))
ohem.case("ratio_small_min_kept", {"keep": {"ratio": 0.1}, "min_kept": 3}, labeled(6, 3))
ohem.case("min_kept_above_the_valid_rows", IGNORING | {"min_kept": 50}, labeled(6, 3, ignored=-100))
ohem.case("count", {"keep": {"count": 3}}, labeled(6, 3))
ohem.case("count_above_all", {"keep": {"count": 100}}, labeled(3, 4))
ohem.case("count_with_ties_keeps_the_first", {"keep": {"count": 3}}, TIES)
ohem.case("threshold", {"keep": {"threshold": 1.0}}, labeled(8, 3))
ohem.case("threshold_above_all_min_kept", {"keep": {"threshold": 100.0}, "min_kept": 2}, labeled(6, 3))
ohem.case("enormous_ignored_rows", IGNORING | {"keep": {"count": 3}}, ENORMOUS_IGNORED)
ohem.case("all_rows_ignored", IGNORING, ALL_IGNORED)
ohem.case("saturated", {"keep": {"count": 2}}, SATURATED)
ohem.case("focal_rank_three", {"loss": {"kind": "focal", "gamma": 1.0, "ignore_index": 255}, "keep": {"ratio": 0.4}},
          labeled(2, 3, 4, ignored=255))
ohem.case("multi_margin", {"loss": {"kind": "multi_margin", "p": 2, "margin": 3.0}, "keep": {"count": 3}}, labeled(6, 3))
ohem.case("smoothing", {"loss": {"kind": "cross_entropy"} | smoothing(0.2, "others"), "keep": {"ratio": 0.6}},
          labeled(5, 4))
ohem.case("sum_class_weights", {"loss": {"kind": "cross_entropy"} | WEIGHTS, "reduction": "sum", "keep": {"count": 4}},
          labeled(8, 3))
ohem.case("batch_mean", IGNORING | {"reduction": "batch_mean", "keep": {"ratio": 0.5}}, labeled(6, 3, ignored=-100))
ohem.case("mean_with_weights", {"keep": {"ratio": 0.5}}, labeled(8, 3), weights="element")
ohem.case("mean_with_weights_per_sample", {"keep": {"count": 5}}, labeled(4, 3, 2), weights="sample")
