"""Segmentation: (logits or probabilities, masks [N, C, ...] or labels [N, ...]) -> [N, C]."""

import torch
import torch.nn.functional as F
from kornia.losses import lovasz_hinge_loss, lovasz_softmax_loss
from monai.losses import DiceLoss, GeneralizedDiceLoss, TverskyLoss
from monai.losses.unified_focal_loss import AsymmetricFocalLoss, AsymmetricFocalTverskyLoss

from case import Kind, agree, formula, given, library

# Inputs


def hard(*shape):
    return lambda draw: {"logits": draw.normal(shape), "masks": (draw.sign(shape) + 1) / 2}


def soft(*shape):
    return lambda draw: {"logits": draw.normal(shape), "masks": draw.uniform(0.05, 0.95, shape)}


def labeled(*shape, ignored=None, classes=None):
    """Pixels of the first `classes` only; with `ignored`, the second and every fourth after it is that label."""

    def recipe(draw):
        labels = draw.labels(classes or shape[1], shape[:1] + shape[2:])
        if ignored is not None:
            labels.flat[1::4] = ignored
        return {"logits": draw.normal(shape), "labels": labels}

    return recipe


def absent(recipe, *channels):
    """The recipe's masks without a target in these (sample, channel)."""

    def emptied(draw):
        inputs = recipe(draw)
        for sample, channel in channels:
            inputs["masks"][sample, channel] = 0.0
        return inputs

    return emptied


def probabilities(recipe):
    """Random probabilities instead of the recipe's logits."""

    def renamed(draw):
        logits, targets = recipe(draw).items()
        return {"probabilities": draw.uniform(0.02, 0.98, logits[1].shape), targets[0]: targets[1]}

    return renamed


SATURATED = given(
    logits=[[[50.0, -50.0, 50.0, -50.0], [1e4, -1e4, 1e4, -1e4]]], masks=[[[1.0, 0.0, 0.0, 1.0], [1.0, 1.0, 0.0, 0.0]]]
)
SATURATED_LABELS = given(
    logits=[[[50.0, -50.0, 1e4, -1e4, 0.5], [-50.0, 50.0, -1e4, 1e4, -0.25]]], labels=[[0, 0, 1, 1, 1]]
)
NOTHING = given(probabilities=[[[0.0, 0.0, 0.0], [0.5, 0.0, 0.25]]], masks=[[[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]])
ALL_IGNORED = given(logits=[[[0.5, -1.0], [2.0, 0.25]]], labels=[[-100, -100]])
ONE_SAMPLE_IGNORED = given(
    logits=[[[0.5, -1.0, 0.75], [2.0, 0.25, -1.5]], [[1.5, -0.25, 0.5], [-0.75, 3.0, 1.25]]],
    labels=[[255, 255, 255], [0, 255, 1]],
)
ENORMOUS_IGNORED = given(logits=[[[0.5, 1e30, -1.0, -1e30], [2.0, 1e30, 0.25, 1e30]]], labels=[[0, -100, 1, -100]])

SIGMOID, SOFTMAX, NONE, HINGE = ({"activation": name} for name in ("sigmoid", "softmax", "none", "hinge"))
SAMPLE, BATCH = ({"over": name} for name in ("sample", "batch"))
COUNT, SKIP = ({"absent_classes": name} for name in ("count", "skip"))
FOREGROUND, SQUARED, IGNORE = {"background": "excluded"}, {"denominator": "squared"}, {"ignore_index": -100}


def smooth(numerator, denominator):
    return {"smooth": {"numerator": numerator, "denominator": denominator}}


def common(kind, activation, over):
    """The cases that every loss of the family has; `activation` and `over` are not the default."""
    kind.case("default", {}, hard(2, 3, 4))
    kind.case("rank_four", {}, hard(2, 2, 2, 3))
    kind.case("rank_five", {}, hard(1, 2, 2, 2, 2))
    kind.case("soft_masks", {}, soft(2, 3, 4))
    kind.case(f"{activation['activation']}_labels", activation, labeled(2, 3, 2, 3))
    kind.case("sigmoid_one_class", SIGMOID, hard(3, 1, 2, 3))
    kind.case("probabilities", NONE, probabilities(hard(2, 2, 4)))
    kind.case("saturated", SIGMOID, SATURATED)
    kind.case("saturated_softmax", SOFTMAX, SATURATED_LABELS)
    kind.case(f"over_{over['over']}", over, hard(3, 2, 4))
    kind.case("background_excluded", FOREGROUND | SOFTMAX, labeled(2, 3, 5))
    kind.case("ignore_index", {"ignore_index": 255}, labeled(2, 3, 6, ignored=255))
    kind.case("ignore_index_is_a_class", {"ignore_index": 1} | SOFTMAX, labeled(2, 3, 6, ignored=1))
    kind.case("all_pixels_ignored", IGNORE, ALL_IGNORED)
    kind.case("one_sample_ignored", {"ignore_index": 255}, ONE_SAMPLE_IGNORED)
    kind.case("enormous_ignored_pixels", IGNORE | SOFTMAX, ENORMOUS_IGNORED)
    for policy in (COUNT, SKIP):
        name = f"absent_classes_{policy['absent_classes']}"
        kind.case(name, policy, absent(hard(2, 3, 4), (0, 0), (1, 2)))
        kind.case(f"{name}_of_labels", policy | over | IGNORE, labeled(2, 4, 5, ignored=-100, classes=3))
    kind.case("mean_with_weights", {}, hard(2, 3, 4), weights="element")
    kind.case("sum", {"reduction": "sum"}, hard(3, 2, 4), weights="sample")
    kind.case("batch_mean", {"reduction": "batch_mean"} | SKIP, absent(hard(2, 3, 4), (0, 1)))
    kind.case("weighted_mean", {"reduction": "weighted_mean"} | SKIP, absent(hard(3, 2, 4), (1, 1)), weights="element")
    kind.case("weighted_mean_per_sample", {"reduction": "weighted_mean"}, hard(3, 2, 4), weights="sample")
    return kind


# What is counted


def counted(
    cells, logits=None, probabilities=None, masks=None, labels=None, activation="sigmoid", over="sample",
    background="included", absent_classes="count", ignore_index="none",
):
    """The values of `cells`, a function of predictions and targets [classes, pixels], and which of them count.

    It sees one sample at a time, or the batch as one; of that the classes that count and the pixels not ignored.
    """
    x = probabilities if logits is None else logits
    count, classes = x.shape[:2]
    if masks is None:
        keep = labels != ignore_index if ignore_index != "none" else torch.ones_like(labels, dtype=torch.bool)
        masks = F.one_hot(torch.where(keep, labels, 0), classes).movedim(-1, 1).double()
    else:
        keep = torch.ones(count, *x.shape[2:], dtype=torch.bool)
    p = {"sigmoid": torch.sigmoid, "softmax": lambda x: torch.softmax(x, 1)}.get(activation, lambda x: x)(x)
    p, t, keep = p.flatten(2), masks.flatten(2), keep.flatten(1)
    if over == "batch":
        p, t, keep = (x.movedim(0, -2).flatten(-2)[None] for x in (p, t, keep))
    values, rows = torch.zeros(len(p), classes), torch.zeros(len(p), classes)
    for group in range(len(p)):
        one, other = p[group][:, keep[group]], t[group][:, keep[group]]
        chosen = torch.arange(classes) >= (background == "excluded")
        if absent_classes == "skip":
            chosen &= other.sum(1) > 0
        rows[group, chosen] = 1.0
        values[group, chosen] = cells(one[chosen], other[chosen])
    return values.expand(count, classes), rows.expand(count, classes)


def both(smooth):
    return (smooth["numerator"], smooth["denominator"]) if isinstance(smooth, dict) else (smooth, smooth)


def overlap(loss, smooth, inputs, factor=1, **options):
    """One of MONAI's losses; where the denominator is 0 the ratio is 1."""
    above, below = both(smooth)
    loss = loss(smooth_nr=factor * above, smooth_dr=factor * below, reduction="none", **options)

    def cells(p, t):
        values, solid = torch.zeros(len(p)), (p + t).sum(1) + below > 0
        values[solid] = loss(p[None, solid], t[None, solid]).flatten()
        return values

    return counted(cells, **inputs)


# Losses


@library("monai", "monai.losses.DiceLoss")
def dice_oracle(denominator="linear", smooth=1.0, **inputs):
    return overlap(DiceLoss, smooth, inputs, squared_pred=denominator == "squared")


@library("monai", "monai.losses.DiceLoss, jaccard")
def jaccard_oracle(denominator="linear", smooth=1.0, **inputs):
    """MONAI doubles numerator and denominator, but not what smooths them: hence the factor."""
    return overlap(DiceLoss, smooth, inputs, factor=2, squared_pred=denominator == "squared", jaccard=True)


@library("monai", "monai.losses.TverskyLoss")
def tversky_oracle(fp_weight=0.5, fn_weight=0.5, smooth=1.0, **inputs):
    return overlap(TverskyLoss, smooth, inputs, alpha=fp_weight, beta=fn_weight)


@formula("Salehi et al., 2017, with squares below")
def tversky_squared(denominator, fp_weight=0.5, fn_weight=0.5, smooth=1.0, **inputs):
    assert denominator == "squared"
    above, below = both(smooth)

    def cells(p, t):
        false_positives, false_negatives = (p * (p - t)).sum(1), (t * (t - p)).sum(1)
        errors = fp_weight * false_positives + fn_weight * false_negatives
        return 1 - ((p * t).sum(1) + above) / ((p * t).sum(1) + errors + below)

    return counted(cells, **inputs)


def ratios(kind, squared=None):
    """The cases of a loss that is one less a ratio per class."""
    common(kind, SOFTMAX, BATCH)
    kind.case("smooth_zero", {"smooth": 0.0}, hard(2, 2, 5))
    kind.case("smooth_apart", smooth(0.0, 2.0), absent(hard(2, 2, 4), (1, 0)))
    kind.case("smooth_zero_nothing_there", {"smooth": 0.0} | NONE, NOTHING)
    kind.case("smooth_zero_all_pixels_ignored", {"smooth": 0.0} | IGNORE, ALL_IGNORED)
    kind.case("squared", SQUARED | smooth(0.25, 0.5), soft(2, 2, 5), oracle=squared)
    kind.case("squared_over_batch_softmax", SQUARED | BATCH | SOFTMAX | FOREGROUND | {"ignore_index": 255},
              labeled(2, 3, 5, ignored=255), oracle=squared)
    return kind


MISSED = given(probabilities=[[[0.0, 0.0, 0.9], [0.5, 0.75, 0.25]]], masks=[[[1.0, 1.0, 0.0], [1.0, 1.0, 0.0]]])


def forms(kind):
    """The other forms of the score of a region."""

    @library("monai", "monai.losses; the logarithm as segmentation_models_pytorch has it, or ln cosh (Jadon, 2020)")
    def oracle(form, **inputs):
        miss, rows = kind.oracle(**inputs)
        return (-(1 - miss).clamp(min=1e-7).log() if form == "log" else miss.cosh().log()), rows

    for form in ("log", "log_cosh"):
        kind.case(form, {"form": form}, hard(2, 3, 4), oracle=oracle)
        kind.case(f"{form}_softmax_labels", {"form": form} | SOFTMAX | BATCH, labeled(2, 3, 5), oracle=oracle)
        kind.case(f"{form}_of_a_missed_region", {"form": form, "smooth": 0.0} | NONE, MISSED, oracle=oracle)
    return kind


dice = forms(ratios(Kind("segmentation", "dice", dice_oracle)))
jaccard = forms(ratios(Kind("segmentation", "jaccard", jaccard_oracle)))

RECALL, PRECISION = {"fp_weight": 0.3, "fn_weight": 0.7}, {"fp_weight": 0.8, "fn_weight": 0.1}

tversky = forms(ratios(Kind("segmentation", "tversky", tversky_oracle), tversky_squared))
tversky.case("recall", RECALL, hard(2, 3, 4))
tversky.case("precision", PRECISION | SOFTMAX, labeled(2, 3, 4))
tversky.case("precision_over_batch_soft_masks", PRECISION | BATCH | smooth(0.25, 0.5), soft(2, 2, 4))
tversky.case("weights_of_one_are_jaccard", {"fp_weight": 1.0, "fn_weight": 1.0}, hard(2, 2, 5))
tversky.case("fp_weight_zero", {"fp_weight": 0.0}, hard(2, 2, 4))
tversky.case("fn_weight_zero", {"fn_weight": 0.0}, hard(2, 2, 4))
tversky.case("weights_large", {"fp_weight": 3.0, "fn_weight": 5.0, "smooth": 0.5}, soft(2, 2, 4))
tversky.case("squared_recall", SQUARED | RECALL, soft(2, 2, 4), oracle=tversky_squared)


@library("monai", "monai.losses.TverskyLoss, to the power 1/gamma (Abraham and Khan, 2019)")
def focal_tversky_oracle(gamma=4 / 3, fp_weight=0.3, fn_weight=0.7, **inputs):
    return focused(tversky_oracle(fp_weight=fp_weight, fn_weight=fn_weight, **inputs), gamma)


@formula("Abraham and Khan, 2019, with squares below")
def focal_tversky_squared(gamma=4 / 3, fp_weight=0.3, fn_weight=0.7, **inputs):
    return focused(tversky_squared(fp_weight=fp_weight, fn_weight=fn_weight, **inputs), gamma)


def focused(tversky, gamma):
    """At 0 the power has no derivative: 0 is taken."""
    values, rows = tversky
    positive = values > 1e-12
    return torch.where(positive, torch.where(positive, values, 1.0) ** (1 / gamma), 0.0), rows


focal_tversky = ratios(Kind("segmentation", "focal_tversky", focal_tversky_oracle), focal_tversky_squared)
focal_tversky.case("gamma_one_is_tversky", {"gamma": 1.0}, hard(2, 3, 4))
focal_tversky.case("gamma_below_one", {"gamma": 0.5} | SOFTMAX, labeled(2, 3, 4))
focal_tversky.case("gamma_large", {"gamma": 3.0, "smooth": 0.5}, soft(2, 2, 4))
focal_tversky.case("precision", PRECISION, hard(2, 2, 4))
focal_tversky.case("squared_precision_gamma", SQUARED | {"fp_weight": 0.8, "fn_weight": 0.4, "gamma": 2.0},
                   soft(2, 2, 4), oracle=focal_tversky_squared)


def by_class(background, rare):
    """The first class has one formula and the others another; a class alone is one of the others."""
    return rare if rare.shape[1] == 1 else torch.cat([background[:, :1], rare[:, 1:]], 1)


def for_monai(inputs, probabilities):
    """What MONAI's losses of two classes take, or nothing; they keep probabilities 1e-7 away from 0 and 1."""
    inside = probabilities.min() > 1e-6 and probabilities.max() < 1 - 1e-6
    options = set(inputs) - {"logits", "probabilities", "masks", "activation"}
    if probabilities.shape[1] != 2 or "masks" not in inputs or options or not inside:
        return None
    return probabilities.detach(), inputs["masks"].detach()


def activated(inputs):
    x = inputs.get("logits", inputs.get("probabilities"))
    activation = inputs.get("activation", "sigmoid")
    return {"sigmoid": torch.sigmoid, "softmax": lambda x: torch.softmax(x, 1)}.get(activation, lambda x: x)(x)


def raised(tversky, inputs, delta, gamma, smooth):
    values, rows = tversky(fp_weight=1 - delta, fn_weight=delta, smooth=smooth, **inputs)
    values = by_class(values, focused((values, rows), 1 / (1 - gamma))[0])
    pair = for_monai(inputs, activated(inputs)) if smooth == 1e-7 else None
    if pair:
        agree(values, AsymmetricFocalTverskyLoss(delta=delta, gamma=gamma, epsilon=1e-7, reduction="none")(*pair))
    return values, rows


@library("monai", "monai.losses.TverskyLoss, of rare classes to the power 1 - gamma (Yeung et al., 2022)")
def asymmetric_focal_tversky_oracle(delta=0.7, gamma=0.75, smooth=1.0, **inputs):
    return raised(tversky_oracle, inputs, delta, gamma, smooth)


@formula("Yeung et al., 2022, with squares below")
def asymmetric_focal_tversky_squared(delta=0.7, gamma=0.75, smooth=1.0, **inputs):
    return raised(tversky_squared, inputs, delta, gamma, smooth)


asymmetric_focal_tversky = ratios(
    Kind("segmentation", "asymmetric_focal_tversky", asymmetric_focal_tversky_oracle), asymmetric_focal_tversky_squared
)
asymmetric_focal_tversky.case("two_classes", {}, hard(3, 2, 5))
asymmetric_focal_tversky.case("of_monai", {"smooth": 1e-7}, hard(2, 2, 5))
asymmetric_focal_tversky.case("of_monai_softmax", {"smooth": 1e-7, "delta": 0.6, "gamma": 0.5} | SOFTMAX, hard(2, 2, 5))
asymmetric_focal_tversky.case("gamma_zero_is_tversky", {"gamma": 0.0}, hard(2, 3, 4))
asymmetric_focal_tversky.case("gamma_large", {"gamma": 0.95, "smooth": 0.5}, soft(2, 3, 4))
asymmetric_focal_tversky.case("precision", {"delta": 0.2} | SOFTMAX, labeled(2, 3, 4))
asymmetric_focal_tversky.case("delta_zero", {"delta": 0.0}, hard(2, 2, 4))
asymmetric_focal_tversky.case("delta_one", {"delta": 1.0}, hard(2, 2, 4))


@formula("Yeung et al., 2022, pixel by pixel; agrees with MONAI's AsymmetricFocalLoss")
def asymmetric_focal_oracle(delta=0.7, gamma=2.0, **inputs):
    options = dict(inputs)
    name = "logits" if "logits" in options else "probabilities"
    log_p = {
        "sigmoid": F.logsigmoid,
        "softmax": lambda x: F.log_softmax(x, 1),
        "none": lambda x: x.clamp(min=1e-7).log(),
    }[options.pop("activation", "sigmoid")](options.pop(name))

    def entropies(power):
        def cells(log_p, t):
            focus = torch.expm1(log_p).neg() ** power if power else 1.0
            return (t * focus * -log_p).sum(1) / max(1, log_p.shape[1])

        return counted(cells, probabilities=log_p, activation="none", **options)

    values, rows = entropies(gamma)
    values = by_class((1 - delta) * values, delta * entropies(0.0)[0])
    pair = for_monai(inputs, log_p.exp())
    if pair:
        agree(values, AsymmetricFocalLoss(delta=delta, gamma=gamma, reduction="none")(*pair).flatten(2).mean(2))
    return values, rows


asymmetric_focal = common(Kind("segmentation", "asymmetric_focal", asymmetric_focal_oracle), SOFTMAX, BATCH)
asymmetric_focal.case("two_classes", {}, hard(3, 2, 5))
asymmetric_focal.case("two_classes_softmax", {"delta": 0.6} | SOFTMAX, hard(2, 2, 5))
asymmetric_focal.case("two_classes_of_probabilities", {"gamma": 0.75} | NONE, probabilities(soft(2, 2, 4)))
asymmetric_focal.case("gamma_zero", {"gamma": 0.0} | SOFTMAX, labeled(2, 3, 4))
asymmetric_focal.case("gamma_below_one", {"gamma": 0.5}, soft(2, 3, 4))
asymmetric_focal.case("gamma_large", {"gamma": 5.0} | SOFTMAX, labeled(2, 3, 4))
asymmetric_focal.case("delta_zero", {"delta": 0.0}, hard(2, 3, 4))
asymmetric_focal.case("delta_one", {"delta": 1.0}, hard(2, 3, 4))
asymmetric_focal.case("probabilities_of_zero", NONE, given(
    probabilities=[[[0.0, 0.25, 0.5], [0.75, 0.0, 0.5]]], masks=[[[1.0, 0.0, 1.0], [0.0, 1.0, 0.5]]]
))
asymmetric_focal.case("over_batch_ignored", BATCH | SOFTMAX | {"ignore_index": 255}, labeled(2, 3, 6, ignored=255))


@formula("Sudre et al., 2017, the weights constant")
def generalized_dice_oracle(class_weight="square", smooth=1.0, absent_classes="count", **inputs):
    above, below = both(smooth)

    def cells(p, t):
        size = t.sum(1).detach()
        present = size > 0
        weight = torch.where(present, size, 1.0) ** {"square": -2.0, "simple": -1.0, "uniform": 0.0}[class_weight]
        if absent_classes == "skip":
            weight = weight * present
        elif present.any():
            weight = torch.where(present, weight, weight[present].max())
        heaviest = weight.max() if weight.any() else torch.tensor(1.0)
        weight = weight / heaviest
        under = (weight * (p.sum(1) + t.sum(1))).sum() + below
        value = 1 - (2 * (weight * (p * t).sum(1)).sum() + above) / under if under > 0 else 0 * (p + t).sum()
        if absent_classes == "count" and present.any():  # MONAI weighs in f32
            apart = {"smooth_nr": float(above * heaviest), "smooth_dr": float(below * heaviest)}  # its weights: 1/T^2
            monai = GeneralizedDiceLoss(w_type=class_weight, **apart, reduction="none")
            agree(value, monai(p[None], t[None]).squeeze(), rtol=1e-6)
        return value.expand(len(p))

    return counted(cells, **inputs)


generalized_dice = common(Kind("segmentation", "generalized_dice", generalized_dice_oracle), SOFTMAX, BATCH)
for class_weight in ("simple", "uniform"):
    weighing = {"class_weight": class_weight}
    generalized_dice.case(class_weight, weighing, hard(2, 3, 4))
    generalized_dice.case(f"{class_weight}_over_batch", weighing | BATCH, absent(soft(2, 2, 4), (0, 1)))
    generalized_dice.case(f"{class_weight}_absent_classes", weighing, absent(hard(2, 3, 4), (0, 0), (1, 2)))
generalized_dice.case("nothing_there", NONE, NOTHING)
generalized_dice.case("nothing_there_skip", NONE | SKIP, NOTHING)
generalized_dice.case("smooth_zero", {"smooth": 0.0}, labeled(2, 3, 4))
generalized_dice.case("smooth_apart", smooth(0.5, 2.0) | FOREGROUND, labeled(2, 3, 5))
generalized_dice.case("smooth_zero_nothing_there", {"smooth": 0.0} | SKIP | NONE, NOTHING)
generalized_dice.case("smooth_zero_all_pixels_ignored", {"smooth": 0.0} | IGNORE, ALL_IGNORED)
generalized_dice.case("small_and_large_class", SOFTMAX, given(
    logits=[[[0.5, 1.0, -0.25, 2.0, 1.5, -1.0], [-0.5, 0.25, 0.75, -2.0, 0.5, 1.25]]], labels=[[0, 0, 0, 0, 0, 1]]
))


@library("kornia", "lovasz_softmax_loss of two classes, or lovasz_hinge_loss (kornia.losses)")
def lovasz_oracle(activation="softmax", over="batch", absent_classes="skip", **inputs):
    def cells(p, t):
        truth = (t > 0.5).double()
        errors = F.relu(1 - (2 * truth - 1) * p) if activation == "hinge" else (truth - p).abs()
        values = torch.stack([one(*row) for row in zip(p, truth)]) if p.numel() else 0 * p.sum(1)
        agree(values, [levels(*row) for row in zip(errors.detach(), truth)])
        return values

    def one(p, truth):
        if activation == "hinge":
            return lovasz_hinge_loss(p.reshape(1, 1, 1, -1), truth.reshape(1, 1, -1))
        pair = torch.stack([torch.zeros_like(p), log_odds(p)])  # the class against the others
        return lovasz_softmax_loss(pair[None, :, None], truth.long().reshape(1, 1, -1), torch.tensor([0.0, 2.0]))

    options = {"activation": activation, "over": over, "absent_classes": absent_classes}
    return counted(cells, **options, **inputs)


def log_odds(p):
    certain = (p == 0) | (p == 1)
    return torch.where(certain, 1e4 * (2 * p - 1), torch.logit(torch.where(certain, 0.5, p)))


def levels(errors, truth):
    """The Lovasz extension as an integral over levels: of the Jaccard loss of the pixels whose error is above."""
    between = errors[(errors > 1e-4) & ((errors - 1).abs() > 1e-4)].sort().values
    assert len(between) < 2 or between.diff().min() > 1e-5
    steps, real, total = torch.unique(torch.cat([errors, torch.zeros(1)])), truth > 0.5, 0.0
    for low, high in zip(steps, steps[1:]):
        wrong = errors > low
        total += (high - low) * (1 - (real & ~wrong).sum() / (real | wrong).sum())
    return float(total)


HINGE_SATURATED = given(
    logits=[[[50.0, -50.0, 30.0, -40.0], [1e4, -1e4, 2e4, -3e4]]], masks=[[[1.0, 0.0, 0.0, 1.0], [1.0, 1.0, 0.0, 0.0]]]
)

lovasz = common(Kind("segmentation", "lovasz", lovasz_oracle, constant=["masks"]), SIGMOID, SAMPLE)
lovasz.case("hinge", HINGE, hard(2, 2, 5))
lovasz.case("hinge_one_class_over_sample", HINGE | SAMPLE, hard(2, 1, 3, 3))
lovasz.case("hinge_labels", HINGE | FOREGROUND | {"ignore_index": 255}, labeled(2, 3, 5, ignored=255))
lovasz.case("hinge_absent_classes_count", HINGE | COUNT | SAMPLE, absent(hard(2, 2, 4), (0, 1)))
lovasz.case("hinge_saturated", HINGE, HINGE_SATURATED)
lovasz.case("hinge_all_pixels_ignored", HINGE | COUNT | IGNORE, ALL_IGNORED)
lovasz.case("probabilities_over_sample", NONE | SAMPLE, probabilities(soft(2, 3, 4)))
lovasz.case("all_pixels_ignored_count", COUNT | IGNORE, ALL_IGNORED)
lovasz.case("softmax_over_sample_count", SAMPLE | COUNT, labeled(2, 4, 5, classes=3))
