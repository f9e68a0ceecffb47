"""Heads: losses with a weight of their own."""

import functools
import math
from functools import partial

import torch
import torch.nn.functional as F

from bench_twins import family

HEAD_CLASSES = 10_000


def head_inputs(rows, columns, centers=1):
    weight = torch.randn(HEAD_CLASSES * centers, columns) / columns**0.5
    return [torch.randn(rows, columns), weight], [torch.randint(HEAD_CLASSES, (rows,))]


def margin_head(scale, margin, sub_centers=1):
    """Softmax of cosines times `scale`; `margin` changes that of the label, and may look at the embeddings."""

    def loss(x, weight, y):
        cosine = F.linear(F.normalize(x), F.normalize(weight))
        if sub_centers > 1:
            cosine = cosine.reshape(len(x), -1, sub_centers).max(2).values
        target = margin(cosine.gather(1, y[:, None]), x)
        return F.cross_entropy(scale * cosine.scatter(1, y[:, None], target), y)

    return loss


def additive(margin):
    return lambda cosine, x: cosine - margin


def angular(cosine, x, m=0.5):
    turned = cosine * math.cos(m) - torch.sqrt(1 - cosine**2) * math.sin(m)
    return torch.where(cosine > -math.cos(m), turned, cosine - m * math.sin(m))


def combined(cosine, x, m1=1.0, m2=0.5, m3=0.0):
    angle = m1 * torch.acos(cosine) + m2
    k = (angle.detach() / math.pi).floor()
    return (1 - 2 * (k % 2)) * torch.cos(angle) - 2 * k - m3


def by_quality(cosine, x, m=0.4, h=0.333, momentum=0.01):
    lengths = x.detach().norm(dim=1, keepdim=True).clamp(1e-3, 100)
    mean = (1 - momentum) * 20 + momentum * lengths.mean()
    std = (1 - momentum) * 100 + momentum * lengths.std()
    z = ((lengths - mean) / (std + 1e-3) * h).clamp(-1, 1)
    angle = (torch.acos(cosine) - m * z).clamp(1e-3, math.pi - 1e-3)
    return torch.cos(angle) - m * z - m


def multiplied_head(unit_weight, annealing=1000.0):
    """l_softmax and a_softmax, with m = 4 and the first lambda of their schedule."""

    def loss(x, weight, y):
        weight = F.normalize(weight) if unit_weight else weight
        logits = F.linear(x, weight)
        lengths = x.norm(dim=1, keepdim=True) * weight.norm(dim=1)[y, None]
        target = logits.gather(1, y[:, None])
        c = target / lengths
        k = (4 * torch.acos(c.detach()) / math.pi).floor()
        psi = (1 - 2 * (k % 2)) * (8 * c**4 - 8 * c**2 + 1) - 2 * k
        target = (annealing * target + lengths * psi) / (1 + annealing)
        return F.cross_entropy(logits.scatter(1, y[:, None], target), y)

    return loss


def log_uniform(classes, *shape):
    return (torch.exp(torch.rand(shape) * math.log(classes + 1)) - 1).long().clamp(max=classes - 1)


def sampled_softmax(x, weight, y, samples=100):
    sampled = log_uniform(len(weight), samples)
    expected = samples * torch.log1p(1 / (torch.arange(len(weight)) + 1)) / math.log(len(weight) + 1)
    own = (x * weight[y]).sum(1) - expected.log()[y]
    others = F.linear(x, weight[sampled]) - expected.log()[sampled]
    others = others.masked_fill(sampled == y[:, None], -torch.inf)
    return F.cross_entropy(torch.cat([own[:, None], others], 1), torch.zeros_like(y))


def nce(x, weight, y, samples=100):
    sampled = log_uniform(len(weight), samples)
    expected = samples * torch.log1p(1 / (torch.arange(len(weight)) + 1)) / math.log(len(weight) + 1)
    own = (x * weight[y]).sum(1) - expected.log()[y]
    others = F.linear(x, weight[sampled]) - expected.log()[sampled]
    return (F.softplus(-own) + F.softplus(others).sum(1)).mean()


@functools.cache
def clusters(columns):
    return torch.nn.AdaptiveLogSoftmaxWithLoss(columns, HEAD_CLASSES, [HEAD_CLASSES // 10, HEAD_CLASSES // 2])


def cluster_inputs(rows, columns):
    weights = [weight.detach().clone() for weight in clusters(columns).parameters()]
    return [torch.randn(rows, columns), *weights], [torch.randint(HEAD_CLASSES, (rows,))]


def adaptive_softmax(x, *weights_and_labels):
    *weights, y = weights_and_labels
    module = clusters(x.shape[1])
    names = [name for name, _ in module.named_parameters()]
    return torch.func.functional_call(module, dict(zip(names, weights)), (x, y)).loss


def negative_sampling(x, weight, y, negatives=5):
    sampled = log_uniform(len(weight), len(x), negatives)
    others = torch.einsum("ne,nke->nk", x, F.embedding(sampled, weight))
    others = others.masked_fill(sampled == y[:, None], -torch.inf)
    return (F.softplus(-(x * weight[y]).sum(1)) + F.softplus(others).sum(1)).mean()


family(
    "heads",
    head_inputs,
    softmax=lambda x, weight, y: F.cross_entropy(F.linear(x, weight), y),
    normalized_softmax=lambda x, weight, y: F.cross_entropy(30 * F.linear(F.normalize(x), F.normalize(weight)), y),
    am_softmax=margin_head(30, additive(0.35)),
    cosface=margin_head(64, additive(0.35)),
    arcface=margin_head(64, angular),
    combined_margin=margin_head(64, combined),
    sub_center_arcface=(partial(head_inputs, centers=3), margin_head(64, angular, sub_centers=3)),
    l_softmax=multiplied_head(unit_weight=False),
    a_softmax=multiplied_head(unit_weight=True),
    adaface=margin_head(64, by_quality),
    sampled_softmax=sampled_softmax,
    negative_sampling=negative_sampling,
    nce=nce,
    adaptive_softmax=(cluster_inputs, adaptive_softmax),
)
