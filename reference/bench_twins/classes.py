"""Classes: classification, distribution."""

import torch
import torch.nn.functional as F

from bench_twins import family, hardest


def softmax_focal(x, y, gamma=2.0):
    cross_entropy = F.cross_entropy(x, y, reduction="none")
    return ((1 - torch.exp(-cross_entropy)) ** gamma * cross_entropy).mean()


def log_probabilities(rows, columns):
    return F.log_softmax(torch.randn(rows, columns), 1)


def label_probability(x, y):
    return F.softmax(x, 1).gather(1, y[:, None]).squeeze(1)


def brier(x, y):
    p = F.softmax(x, 1)
    return (p.square().sum(1) - 2 * p.gather(1, y[:, None]).squeeze(1) + 1).mean()


def with_prior(rows, columns):
    """A long tail of classes."""
    prior = 1 / torch.arange(1, columns + 1)
    return [torch.randn(rows, columns)], [torch.randint(columns, (rows,)), prior]


family(
    "classification",
    lambda rows, columns: ([torch.randn(rows, columns)], [torch.randint(columns, (rows,))]),
    cross_entropy=F.cross_entropy,
    nll=(lambda rows, columns: ([log_probabilities(rows, columns)], [torch.randint(columns, (rows,))]), F.nll_loss),
    focal=softmax_focal,
    multi_margin=lambda x, y: x.shape[1] * F.multi_margin_loss(x, y),
    ohem=lambda x, y: hardest(F.cross_entropy(x, y, reduction="none")),
    asymmetric=lambda x, y: softmax_focal(x, y, 0.0),
    brier=brier,
    generalized=lambda x, y: ((1 - label_probability(x, y) ** 0.7) / 0.7).mean(),
    logit_adjusted=(with_prior, lambda x, y, prior: F.cross_entropy(x + prior.log(), y)),
    poly1=lambda x, y: F.cross_entropy(x, y) + (1 - label_probability(x, y)).mean(),
    symmetric=lambda x, y: 0.1 * F.cross_entropy(x, y) + 4 * (1 - label_probability(x, y)).mean(),
)


def kl_divergence(ln_p, t, **options):
    return F.kl_div(ln_p, t, reduction="batchmean", **options)


def js_divergence(ln_p, t):
    ln_m = ((ln_p.exp() + t) / 2).log()
    return (kl_divergence(ln_m, t) + kl_divergence(ln_m, ln_p, log_target=True)) / 2


def distillation(ln_p, t, temperature=4.0):
    student, teacher = F.log_softmax(ln_p / temperature, 1), F.softmax(t.log() / temperature, 1)
    return temperature**2 * kl_divergence(student, teacher)


family(
    "distribution",
    lambda rows, columns: ([log_probabilities(rows, columns)], [log_probabilities(rows, columns).exp()]),
    kl_divergence=kl_divergence,
    entropy=lambda ln_p, t: -(ln_p.exp() * ln_p).sum(1).mean(),
    cross_entropy=lambda ln_p, t: -(t * ln_p).sum(1).mean(),
    js_divergence=js_divergence,
    distillation=distillation,
    wasserstein=lambda ln_p, t: ((ln_p.exp() - t).cumsum(1) ** 2).sum(1).mean(),
)
