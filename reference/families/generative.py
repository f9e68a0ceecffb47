"""Generative models: scores (real, fake) of one shape, or Gaussians (mean, log_variance), one value per row."""

import mpmath
import numpy as np
import torch
import torch.nn.functional as F
from monai.losses import PatchAdversarialLoss
from torch.distributions import Normal, kl_divergence

from case import Kind, agree, digits, formula, from_mpmath, given, library

# Adversarial


def scores(*shape):
    return lambda draw: {"real": draw.normal(shape), "fake": draw.normal(shape)}


def fakes(*shape):
    return lambda draw: {"fake": draw.normal(shape)}


SATURATED = given(real=[50.0, -50.0, 1e4, -1e4], fake=[-50.0, 50.0, -1e4, 1e4])


@formula("Goodfellow et al., 2014; Lim and Ye, 2017; Mao et al., 2017; Arjovsky et al., 2017")
def adversarial_oracle(
    fake, real=None, form="minimax", generator="non_saturating", real_label=1.0, fake_label=0.0, half=True
):
    factor = 0.5 if half else 1
    if real is None:
        values = {
            "minimax": F.softplus(-fake) if generator == "non_saturating" else -F.softplus(fake),
            "hinge": -fake,
            "least_squares": factor * (fake - real_label) ** 2,
            "wasserstein": -fake,
        }[form]
    else:
        values = {
            "minimax": F.softplus(-real) + F.softplus(fake),
            "hinge": F.relu(1 - real) + F.relu(1 + fake),
            "least_squares": factor * ((real - real_label) ** 2 + (fake - fake_label) ** 2),
            "wasserstein": fake - real,
        }[form]
        if form == "minimax":
            bce = lambda x, label: F.binary_cross_entropy_with_logits(x, torch.full_like(x, label), reduction="none")
            agree(values, bce(real, 1.0) + bce(fake, 0.0))
        if form == "hinge":
            assert (1 - real).abs().min() > 0.01 and (1 + fake).abs().min() > 0.01
    if form == "least_squares" and (real_label, fake_label) == (1.0, 0.0):
        monai = PatchAdversarialLoss("none", "least_squares", no_activation_leastsq=True)
        said = monai(fake, True, False)[0]
        if real is not None:
            said = monai(real, True, True)[0] + monai(fake, False, True)[0]
        # MONAI has no 1/2.
        agree(values, factor * said)
    return values


adversarial = Kind("generative", "adversarial", adversarial_oracle)
for form in ("minimax", "hinge", "least_squares", "wasserstein"):
    config = {} if form == "minimax" else {"form": form}
    adversarial.case(f"{form}", config, scores(4, 3))
    adversarial.case(f"{form}_generator", config, fakes(4, 3))
    adversarial.case(f"{form}_saturated", config | {"reduction": "sum"}, SATURATED)
adversarial.case("saturating_generator", {"generator": "saturating"}, fakes(5))
adversarial.case("saturating_discriminator", {"generator": "saturating"}, scores(5))
adversarial.case("without_half", {"form": "least_squares", "half": False}, scores(4))
adversarial.case("without_half_generator", {"form": "least_squares", "half": False}, fakes(4))
LABELS = {"form": "least_squares", "real_label": 0.9, "fake_label": -1.0}
adversarial.case("other_labels", LABELS, scores(4, 2))
adversarial.case("other_labels_generator", LABELS, fakes(4, 2))
adversarial.case("patches", {"form": "hinge"}, scores(2, 1, 2, 3))
adversarial.case("mean_with_weights", {}, scores(4, 3), weights="element")
adversarial.case("sum_with_weights_per_sample", {"reduction": "sum"}, scores(2, 3, 2), weights="sample")
adversarial.case("batch_mean", {"reduction": "batch_mean", "form": "least_squares"}, scores(4, 3))
adversarial.case("weighted_mean", {"reduction": "weighted_mean"}, scores(5), weights="element")
adversarial.case("weighted_mean_generator", {"reduction": "weighted_mean", "form": "hinge"}, fakes(5), weights="element")

# KL divergence


def latent(*shape, other=False, scale=1.5):
    def recipe(draw):
        inputs = {"mean": draw.normal(shape), "log_variance": draw.normal(shape, scale)}
        if other:
            inputs |= {"other_mean": draw.normal(shape), "other_log_variance": draw.normal(shape, scale)}
        return inputs

    return recipe


@library("torch", "torch.distributions.kl_divergence")
def kl_gaussian_oracle(
    mean, log_variance, other_mean=None, other_log_variance=None, free_bits=0.0, other="standard"
):
    assert other == "standard" or other_mean is not None
    if other_mean is None:
        other_mean, other_log_variance = torch.zeros_like(mean), torch.zeros_like(mean)
    normal = lambda m, s: Normal(m, (s / 2).exp())
    values = kl_divergence(normal(mean, log_variance), normal(other_mean, other_log_variance))
    # The formula of the paper.
    ratio = log_variance - other_log_variance
    agree(values, (ratio.exp() - 1 - ratio + (mean - other_mean) ** 2 * (-other_log_variance).exp()) / 2, atol=1e-10)
    assert free_bits == 0 or (values - free_bits).abs().min() > 1e-3
    return values.clamp(min=free_bits).reshape(len(mean), -1).sum(1)


@digits("(e^s - 1 - s + m^2)/2")
def kl_gaussian_digits(mean, log_variance):
    rows = torch.stack([mean.flatten(), log_variance.flatten()], dim=1)
    term = lambda m, s: (mpmath.exp(s) - 1 - s + m**2) / 2
    return from_mpmath([term] * len(rows), rows).reshape(mean.shape).sum(1)


TINY = given(
    mean=[[0.0, 1e-4, 0.0], [0.0, 0.0, -1e-3]], log_variance=[[1e-3, -1e-5, 1e-8], [0.25, -0.49, 0.0]]
)
WIDE = given(mean=[[1e4, -1e4, 0.0], [3.0, -2.0, 0.5]], log_variance=[[-50.0, -1e4, 0.5], [20.0, -3.0, 7.0]])

kl_gaussian = Kind("generative", "kl_gaussian", kl_gaussian_oracle)
kl_gaussian.case("default", {}, latent(4, 3))
kl_gaussian.case("feature_maps", {}, latent(2, 2, 2, 3))
kl_gaussian.case("one_number_per_row", {}, latent(5))
kl_gaussian.case("the_standard_normal", {}, given(mean=np.zeros((2, 3)), log_variance=np.zeros((2, 3))))
kl_gaussian.case("small_log_variances", {"reduction": "sum"}, TINY, oracle=kl_gaussian_digits)
kl_gaussian.case("large_numbers", {}, WIDE, oracle=kl_gaussian_digits)
kl_gaussian.case("free_bits", {"free_bits": 0.75}, latent(4, 4))
kl_gaussian.case("free_bits_for_all", {"free_bits": 1e3}, latent(2, 2))
kl_gaussian.case("another_gaussian", {}, latent(4, 3, other=True))
kl_gaussian.case("another_gaussian_given", {"other": "given"}, latent(3, 2, 2, other=True), weights="element")
kl_gaussian.case("another_gaussian_free_bits", {"other": "given", "free_bits": 1.5}, latent(4, 3, other=True))
kl_gaussian.case("mean_with_weights", {}, latent(4, 3), weights="element")
kl_gaussian.case("sum_with_weights", {"reduction": "sum"}, latent(3, 2), weights="element")
kl_gaussian.case("batch_mean", {"reduction": "batch_mean"}, latent(3, 2))
kl_gaussian.case("weighted_mean", {"reduction": "weighted_mean"}, latent(5, 2), weights="element")
