"""Images: (predictions, targets) [N, C, H, W] or [N, C, D, H, W], one value per image."""

import itertools

import kornia
import monai
import numpy as np
import torch
import torch.nn.functional as F
from skimage.metrics import structural_similarity

from case import Kind, agree, array, formula, given, library

# Inputs


def noisy(*shape, noise=0.1, scale=1.0):
    """Images in [0, `scale`], and the same images with noise."""

    def recipe(draw):
        targets = draw.uniform(0.1 * scale, 0.9 * scale, shape)
        predictions = np.round(targets + draw.uniform(-noise * scale, noise * scale, shape), 4)
        return {"predictions": predictions, "targets": targets}

    return recipe


def unrelated(*shape):
    return lambda draw: {"predictions": draw.uniform(0, 1, shape), "targets": draw.uniform(0, 1, shape)}


def smooth(*shape):
    """Slopes with little noise: the variances are small, and the pixels are far from their mean."""

    def recipe(draw):
        axes = np.meshgrid(*[np.arange(side) / side for side in shape[2:]], indexing="ij")
        slope = 0.3 + 0.3 * axes[-1] + 0.1 * axes[-2]
        targets = np.round(slope + draw.uniform(-0.05, 0.05, shape), 4)
        return {"predictions": np.round(targets + draw.uniform(-0.03, 0.03, shape), 4), "targets": targets}

    return recipe


def alone(recipe):
    """The predictions without the targets."""
    return lambda draw: {"predictions": recipe(draw)["predictions"]}


def flat(shape, prediction, target):
    return given(predictions=np.full(shape, prediction), targets=np.full(shape, target))


# Structural similarity


def windows(images, window, padding):
    """Every window of [N, C, sides..], its pixels on the last axis: [N, C, places.., pixels]."""
    axes, half = images.dim() - 2, window // 2
    if padding == "same":
        mode = F.pad(images.flatten(0, 1)[:, None], [half] * 2 * axes, mode="reflect")
        images = mode[:, 0].unflatten(0, images.shape[:2])
    for axis in range(axes):
        images = images.unfold(2 + axis, window, 1)
    return images.flatten(-axes)


def weights_of(window, sigma, axes):
    at = np.arange(window) - window // 2
    one = np.ones(window) if sigma == "uniform" else np.exp(-0.5 * (at / sigma) ** 2)
    weights = np.array([np.prod(each) for each in itertools.product(one, repeat=axes)])
    return torch.from_numpy(weights / weights.sum())


def maps(x, y, window, sigma, k1, k2, range, padding, covariance):
    """Luminance, and contrast and structure, in every window: Wang et al., 2004, straight down."""
    axes = x.dim() - 2
    w = weights_of(window, sigma, axes)
    x, y = windows(x, window, padding), windows(y, window, padding)
    mean = lambda of: (w * of).sum(-1)
    mx, my = mean(x), mean(y)
    dx, dy = x - mx[..., None], y - my[..., None]
    n = window**axes
    factor = n / (n - 1) if covariance == "unbiased" else 1
    vx, vy, c = factor * mean(dx**2), factor * mean(dy**2), factor * mean(dx * dy)
    c1, c2 = (k1 * range) ** 2, (k2 * range) ** 2
    return (2 * mx * my + c1) / (mx**2 + my**2 + c1), (2 * c + c2) / (vx + vy + c2)


def missing(x, y, **options):
    """1 minus the luminance, and 1 minus contrast and structure, as differences: for images that are nearly the same."""
    o = OPTIONS | options
    w = weights_of(o["window"], o["sigma"], x.dim() - 2)
    mean = lambda of: (w * windows(of, o["window"], o["padding"])).sum(-1)
    deviation = lambda of: ((w * (windows(of, o["window"], o["padding"]) - mean(of)[..., None]) ** 2).sum(-1))
    c1, c2 = (o["k1"] * o["range"]) ** 2, (o["k2"] * o["range"]) ** 2
    luminance = mean(x - y) ** 2 / (mean(x) ** 2 + mean(y) ** 2 + c1)
    structure = deviation(x - y) / (deviation(x) + deviation(y) + c2)
    means = [value.flatten(2).mean(2) for value in (luminance + structure - luminance * structure, structure)]
    one, other = maps(x.detach(), y.detach(), **o)
    agree(means[0].detach(), (1 - one * other).flatten(2).mean(2), rtol=1e-6)
    return means


OPTIONS = dict(window=11, sigma=1.5, k1=0.01, k2=0.03, range=1.0, padding="valid", covariance="biased")
FORMS = {"one_minus": 1, "half": 0.5}


def others_agree(values, x, y, options):
    """What other libraries say of the similarity of each image."""
    o = OPTIONS | options
    x, y, values = x.detach(), y.detach(), values.detach()
    is_uniform = o["sigma"] == "uniform"
    if o["padding"] == "valid" and (is_uniform or (o["sigma"], o["window"]) == (1.5, 11)) and o["window"] > 1:
        for image, target, value in zip(array(x), array(y), values):
            said = structural_similarity(
                image, target, win_size=o["window"], channel_axis=0, data_range=o["range"],
                gaussian_weights=not is_uniform, use_sample_covariance=o["covariance"] == "unbiased",
                K1=o["k1"], K2=o["k2"], **({} if is_uniform else {"sigma": o["sigma"]}),
            )
            agree(value, said, atol=1e-11)
    if o["covariance"] == "biased" and o["window"] > 1:
        # MONAI computes in single precision.
        if o["padding"] == "valid":
            said = monai.losses.SSIMLoss(
                x.dim() - 2, o["range"], "uniform" if is_uniform else "gaussian", o["window"],
                kernel_sigma=1.5 if is_uniform else o["sigma"], k1=o["k1"], k2=o["k2"], reduction="none",
            )(x.float(), y.float())
            agree(1 - values, said.flatten().double(), rtol=1e-3, atol=1e-4)
        if o["sigma"] == 1.5 and (o["k1"], o["k2"]) == (0.01, 0.03) and x.dim() == 4:
            said = kornia.metrics.ssim(x, y, o["window"], o["range"], eps=0.0, padding=o["padding"])
            agree(values, said.mean((1, 2, 3)), atol=1e-11)


@formula("Wang et al., 2004, with deviations from the mean of each window")
def ssim_oracle(predictions, targets, form="one_minus", **options):
    luminance, structure = maps(predictions, targets, **(OPTIONS | options))
    values = (luminance * structure).flatten(1).mean(1)
    others_agree(values, predictions, targets, options)
    return FORMS[form] * (1 - values)


NEAR = "Wang et al., 2004, 1 - l c s as differences; it is that of the definition"


@formula(NEAR)
def ssim_near(predictions, targets, **options):
    return missing(predictions, targets, **options)[0].mean(1)


@library("kornia", "kornia.losses.ssim_loss")
def ssim_kornia(predictions, targets, form="half", window=11, padding="valid", range=1.0):
    assert form == "half"
    # Its `eps` is added to the denominator.
    values = kornia.losses.ssim_loss(predictions, targets, window, range, eps=0.0, reduction="none", padding=padding)
    return values.mean((1, 2, 3))


def common(kind, base, shape, volume):
    """The cases that both similarities have, with configs that fit small images."""
    kind.case("unrelated", base, unrelated(*shape))
    kind.case("smooth", base, smooth(*shape))
    kind.case("same_padding", base | {"padding": "same"}, noisy(*shape))
    kind.case("uniform_window", base | {"sigma": "uniform"}, noisy(*shape))
    kind.case("narrow_window", base | {"sigma": 0.6}, noisy(*shape))
    kind.case("unbiased", base | {"sigma": "uniform", "covariance": "unbiased"}, noisy(*shape))
    kind.case("other_constants", base | {"k1": 0.05, "k2": 0.2}, noisy(*shape))
    kind.case("bytes", base | {"range": 255.0, "form": "half"}, noisy(*shape, scale=255.0))
    kind.case("volume", base, noisy(*volume))
    kind.case("sum_with_weights", base | {"reduction": "sum"}, noisy(*shape), weights="element")
    kind.case("weighted_mean", base | {"reduction": "weighted_mean"}, noisy(*shape), weights="element")
    return kind


ssim = Kind("image", "ssim", ssim_oracle)
ssim.case("default", {}, noisy(2, 2, 12, 13))
common(ssim, {"window": 3}, (3, 2, 4, 5), (2, 1, 3, 4, 4))
ssim.case("half_as_kornia", {"form": "half"}, noisy(1, 1, 12, 12), oracle=ssim_kornia)
ssim.case("half_as_kornia_same_padding", {"form": "half", "padding": "same", "window": 5}, noisy(1, 2, 7, 6), oracle=ssim_kornia)
ssim.case("batch_mean_one_pixel", {"window": 1, "reduction": "batch_mean"}, noisy(3, 2, 2, 2))
ssim.case("flat_images", {"window": 3}, flat((1, 1, 4, 4), 0.7, 0.4))
ssim.case("flat_prediction_and_another", {"window": 3}, lambda draw: {
    "predictions": np.stack([np.full((1, 4, 4), 0.5), draw.uniform(0, 1, (1, 4, 4))]),
    "targets": draw.uniform(0, 1, (2, 1, 4, 4)),
})
ssim.case("opposite_image_and_another", {"window": 5}, lambda draw: (lambda x, y: {
    "predictions": np.round(np.stack([1 - x, y]), 4), "targets": np.stack([x, x])
})(draw.uniform(0, 1, (1, 6, 6)), draw.uniform(0, 1, (1, 6, 6))))
ssim.case("far_outside_the_range", {"window": 3}, noisy(2, 1, 4, 4, scale=1e4, noise=0.5))
ssim.case("nearly_the_same", {"window": 3, "reduction": "sum"}, noisy(2, 1, 5, 5, noise=2e-3), oracle=ssim_near)

DEFAULT_LEVELS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)


@formula("Wang et al., 2003, with deviations from the mean of each window; odd sides averaged as avg_pool does")
def ms_ssim_oracle(predictions, targets, weights=DEFAULT_LEVELS, form="one_minus", **options):
    x, y, product = predictions, targets, 1
    pool = {4: F.avg_pool2d, 5: F.avg_pool3d}[x.dim()]
    for level, weight in enumerate(weights):
        luminance, structure = maps(x, y, **(OPTIONS | options))
        factor = structure if level < len(weights) - 1 else luminance * structure
        mean = factor.flatten(2).mean(2)
        assert (mean > 1e-4).all() or (mean < 0).any()
        product = product * torch.where(mean > 0, torch.where(mean > 0, mean, 1) ** weight, 0)
        if level < len(weights) - 1:
            x, y = pool(x, 2), pool(y, 2)
    is_large = min(predictions.shape[2:]) >= 2 ** len(weights)
    if is_large and options.get("covariance") != "unbiased" and options.get("padding") != "same":
        said = monai_ms_ssim(predictions.detach(), targets.detach(), weights, OPTIONS | options)
        agree(product.detach().mean(1), said, rtol=1e-3, atol=1e-4)
    return FORMS[form] * (1 - product.mean(1))


@formula(NEAR)
def ms_ssim_near(predictions, targets, weights=DEFAULT_LEVELS, **options):
    x, y, logarithm = predictions, targets, 0
    for level, weight in enumerate(weights):
        total, structure = missing(x, y, **options)
        is_last = level == len(weights) - 1
        logarithm = logarithm + weight * torch.log1p(-(total if is_last else structure))
        if not is_last:
            x, y = F.avg_pool2d(x, 2), F.avg_pool2d(y, 2)
    return -torch.expm1(logarithm).mean(1)


def monai_ms_ssim(x, y, weights, o):
    """Another implementation, in single precision: it takes the mean over the channels first, so only of one channel."""
    is_uniform = o["sigma"] == "uniform"
    each = [
        monai.metrics.regression.compute_ms_ssim(
            x[:, [channel]].float(), y[:, [channel]].float(), x.dim() - 2, o["range"],
            "uniform" if is_uniform else "gaussian", o["window"], kernel_sigma=1.5 if is_uniform else o["sigma"],
            k1=o["k1"], k2=o["k2"], weights=weights,
        ).flatten()
        for channel in range(x.shape[1])
    ]
    return torch.stack(each).mean(0).double()


LEVELS = {"window": 3, "weights": [0.4, 0.6]}

ms_ssim = common(Kind("image", "ms_ssim", ms_ssim_oracle), LEVELS, (3, 2, 6, 7), (1, 1, 6, 6, 7))
ms_ssim.case("default_exponents", {"window": 1}, noisy(2, 1, 16, 16), oracle=ms_ssim_near)
ms_ssim.case("default_exponents_odd_sides", {"window": 3}, noisy(1, 1, 49, 48), constant=("targets",))
ms_ssim.case("three_levels_that_do_not_sum_to_one", {"window": 3, "weights": [0.2, 0.5, 1.1]}, smooth(1, 2, 13, 15))
ms_ssim.case("one_level", {"window": 5, "weights": [1.0]}, noisy(2, 2, 6, 5))
ms_ssim.case("flat_images", LEVELS, flat((1, 1, 6, 6), 0.7, 0.4))
ms_ssim.case("negative_structure", LEVELS, lambda draw: (lambda x: {"predictions": np.round(1 - x, 4), "targets": x})(
    draw.uniform(0, 1, (1, 1, 6, 6))
))
ms_ssim.case("batch_mean", LEVELS | {"reduction": "batch_mean"}, noisy(3, 1, 6, 6))
ms_ssim.case("nearly_the_same", LEVELS | {"reduction": "sum"}, noisy(2, 1, 7, 7, noise=2e-3), oracle=ms_ssim_near)


# Total variation


@formula("Rudin et al., 1992")
def total_variation_oracle(predictions, targets=None, norm="l1", average="sum"):
    predictions = predictions if targets is None else predictions + 0 * targets
    axes = range(2, predictions.dim())
    differences = [predictions.diff(dim=axis) for axis in axes]
    divided = lambda of: of.flatten(1).mean(1) if average == "mean" else of.flatten(1).sum(1)
    # A side of one pixel has no differences.
    sums = lambda power: sum(divided(power(of)) for of in differences if of.numel() > 0)
    if norm == "l1":
        values = sums(torch.abs)
        if predictions.dim() == 4:
            said = kornia.losses.total_variation(predictions.detach(), reduction=average)
            agree(values, said.mean(1) if average == "mean" else said.sum(1))
        return values
    if norm == "isotropic":
        padded = [
            torch.cat([of, torch.zeros_like(predictions.narrow(axis, 0, 1))], axis) for axis, of in zip(axes, differences)
        ]
        squares = sum(of**2 for of in padded)
        roots = torch.where(squares > 0, torch.where(squares > 0, squares, 1).sqrt(), 0)
        return divided(roots)
    squares = sums(torch.square)
    return squares if norm == "l2_squared" else torch.where(squares > 0, torch.where(squares > 0, squares, 1).sqrt(), 0)


total_variation = Kind("image", "total_variation", total_variation_oracle)
for norm in ("l1", "isotropic", "l2", "l2_squared"):
    config = {} if norm == "l1" else {"norm": norm}
    total_variation.case(f"{norm}", config, alone(unrelated(3, 2, 4, 5)))
    total_variation.case(f"{norm}_mean", config | {"average": "mean"}, alone(unrelated(2, 2, 4, 3)))
    total_variation.case(f"{norm}_volume", config, alone(unrelated(2, 1, 3, 2, 4)))
    total_variation.case(f"{norm}_steps_and_flat_parts", config, given(
        predictions=[[[[0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 1.0], [1e4, 1e4, -1e4, -1e4]]], [[[2.0] * 4] * 3]]
    ))
total_variation.case("with_targets", {}, unrelated(2, 1, 3, 3))
total_variation.case("one_row", {"norm": "isotropic", "average": "mean"}, alone(unrelated(2, 1, 1, 4)))
total_variation.case("sum_with_weights", {"reduction": "sum"}, alone(unrelated(3, 1, 3, 3)), weights="element")
total_variation.case("weighted_mean", {"reduction": "weighted_mean"}, alone(unrelated(3, 1, 3, 3)), weights="element")
total_variation.case("batch_mean", {"reduction": "batch_mean"}, alone(unrelated(3, 2, 2, 2)))


# Peak signal-to-noise ratio


@library("kornia", "kornia.losses.psnr_loss")
def psnr_oracle(predictions, targets, range=1.0, floor=1e-12):
    """Of one image after the other."""
    each = zip(predictions.split(1), targets.split(1))
    values = [
        kornia.losses.psnr_loss(x, y, range)
        if (x - y).square().mean() > floor
        else 10 * np.log10(floor / range**2) + 0 * (x + y).sum()
        for x, y in each
    ]
    return torch.stack(values)


psnr = Kind("image", "psnr", psnr_oracle)
psnr.case("default", {}, noisy(3, 2, 2, 3))
psnr.case("bytes", {"range": 255.0}, noisy(2, 1, 3, 3, scale=255.0))
psnr.case("volume", {}, unrelated(2, 1, 2, 2, 3))
psnr.case("equal_images", {}, flat((2, 1, 2, 2), 0.25, 0.25))
psnr.case("below_the_floor", {"floor": 0.5}, lambda draw: {
    "predictions": draw.uniform(0, 1, (3, 1, 2, 2)) * np.array([0.1, 1, 10]).reshape(3, 1, 1, 1), "targets": np.zeros((3, 1, 2, 2))
})
psnr.case("large_errors", {}, noisy(2, 1, 2, 2, scale=1e4, noise=1.0))
psnr.case("nearly_the_same", {}, noisy(2, 1, 3, 3, noise=1e-3))
psnr.case("sum_with_weights", {"reduction": "sum"}, noisy(3, 1, 2, 2), weights="element")
psnr.case("weighted_mean", {"reduction": "weighted_mean"}, noisy(3, 1, 2, 2), weights="element")
psnr.case("batch_mean", {"reduction": "batch_mean"}, noisy(3, 1, 2, 2))


# Depth


def depths(*shape, invalid=0):
    """Positive depths; the first pixels of every image have none."""

    def recipe(draw):
        targets = draw.uniform(0.5, 10, shape)
        predictions = np.round(targets * draw.uniform(0.5, 2, shape), 4)
        targets.reshape(shape[0], -1)[:, :invalid] = 0
        return {"predictions": predictions, "targets": targets}

    return recipe


@formula("Eigen et al., 2014, equation 4")
def silog_oracle(predictions, targets, root=True, scale=1.0, **options):
    values = []
    for p, t in zip(predictions, targets):
        valid = t > 0
        g = torch.log(p[valid]) - torch.log(t[valid])
        value = (g**2).mean() - options.get("lambda", 0.5) * g.mean() ** 2
        values.append(scale * (value.sqrt() if root else value))
    return torch.stack(values)


silog = Kind("image", "silog", silog_oracle, constant=("targets",))
silog.case("default", {}, depths(3, 1, 3, 4))
silog.case("invalid_pixels", {}, depths(2, 1, 3, 4, invalid=5))
silog.case("the_scale_counts", {"lambda": 0.0}, depths(2, 1, 2, 3))
silog.case("the_scale_does_not_count", {"lambda": 1.0}, depths(2, 1, 2, 3))
silog.case("as_in_bts", {"lambda": 0.85, "scale": 10.0}, depths(2, 1, 2, 3))
silog.case("without_root", {"root": False}, depths(2, 2, 2, 3))
silog.case("far_and_near", {"reduction": "sum"}, given(
    predictions=[[[[1e4, 1e-2, 3.0, 1e-3]]]], targets=[[[[1e-2, 1e4, 1e3, 2.0]]]]
))
silog.case("volume", {}, depths(2, 1, 2, 2, 2))
silog.case("sum_with_weights", {"reduction": "sum"}, depths(3, 1, 2, 2), weights="element")
silog.case("weighted_mean", {"reduction": "weighted_mean"}, depths(3, 1, 2, 2), weights="element")
silog.case("batch_mean", {"reduction": "batch_mean"}, depths(3, 1, 2, 2))


# A sum


@formula("the sum of its terms")
def weighted_sum_oracle(predictions, targets, terms):
    oracles = {"ssim": ssim_oracle, "ms_ssim": ms_ssim_oracle, "total_variation": total_variation_oracle}
    values = 0
    for term in terms.values():
        fields = {key: value for key, value in term.items() if key not in ("kind", "weight")}
        values = values + term.get("weight", 1) * oracles[term["kind"]](predictions, targets, **fields)
    return values


TERMS = {
    "similarity": {"kind": "ssim", "window": 3, "form": "half"},
    "smoothness": {"kind": "total_variation", "weight": 0.25, "norm": "isotropic", "average": "mean"},
}

weighted_sum = Kind("image", "weighted_sum", weighted_sum_oracle)
weighted_sum.case("two_terms", {"terms": TERMS}, noisy(2, 2, 4, 4))
weighted_sum.case("two_terms_with_weights", {"terms": TERMS, "reduction": "sum"}, noisy(3, 1, 4, 4), weights="element")
weighted_sum.case("weighted_mean", {"terms": TERMS, "reduction": "weighted_mean"}, noisy(3, 1, 4, 4), weights="element")
weighted_sum.case("batch_mean_of_scales", {
    "terms": {"coarse": {"kind": "ms_ssim", "weight": -0.5} | LEVELS, "fine": {"kind": "ssim", "window": 5}},
    "reduction": "batch_mean",
}, noisy(2, 1, 6, 6))
weighted_sum.case("one_term", {"terms": {"one": {"kind": "total_variation"}}}, noisy(2, 1, 3, 3))
weighted_sum.case("volume", {"terms": TERMS}, noisy(1, 1, 3, 4, 4))
