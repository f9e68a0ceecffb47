"""Metric: embeddings with labels, or two views."""

import math
from functools import partial

import torch
import torch.nn.functional as F

from bench_twins import family

METRIC_CLASSES = 64


def batch(rows, columns):
    """Every class as often as the others."""
    return [torch.randn(rows, columns)], [torch.arange(rows) % min(METRIC_CLASSES, rows // 2)]


def batch_and_centers(rows, columns):
    (embeddings,), labels = batch(rows, columns)
    return [embeddings], [*labels, torch.randn(METRIC_CLASSES, columns)]


def batch_and_proxies(rows, columns):
    (embeddings,), labels = batch(rows, columns)
    return [embeddings, torch.randn(METRIC_CLASSES, columns)], labels


def views(rows, columns, learned):
    """One view, then the other; and so many learned numbers."""
    return [torch.randn(rows, columns), *(torch.zeros(()) for _ in range(learned))], []


def relations(y):
    """Which rows are each row's positives, and which its negatives."""
    same = y[:, None] == y
    return same & ~torch.eye(len(y), dtype=torch.bool), ~same


def log_sum(x, mask):
    return torch.logsumexp(x.masked_fill(~mask, -torch.inf), 1)


def of_cosines(value):
    """`value`: of all cosines, and of which are those of positives and of negatives."""

    def loss(x, y):
        unit = F.normalize(x)
        return value(unit @ unit.T, *relations(y))

    return loss


def triplet(x, y, margin=0.2):
    unit = F.normalize(x)
    d, (positive, negative) = torch.cdist(unit, unit), relations(y)
    farthest = d.masked_fill(~positive, -torch.inf).max(1).values
    nearest = d.masked_fill(~negative, torch.inf).min(1).values
    values = F.relu(farthest - nearest + margin)
    return values.sum() / (values > 0).sum().clamp(min=1)


def contrastive(x, y, margin=1.0):
    d, (positive, negative) = torch.cdist(x, x), relations(y)
    return (positive * d**2 + negative * F.relu(margin - d) ** 2).sum() / 2 / (len(x) * (len(x) - 1))


def nt_xent(cosine, positive, negative, temperature=0.5):
    s = cosine / temperature
    return (positive * F.softplus(log_sum(s, negative)[:, None] - s)).sum() / positive.sum()


def sup_con(cosine, positive, negative, temperature=0.1):
    s = cosine / temperature
    log_p = s - log_sum(s, positive | negative)[:, None]
    return -((positive * log_p).sum(1) / positive.sum(1)).mean()


def center(x, y, centers, rate=0.5):
    """The paper's step of the centers is computed, and then dropped."""
    known = x.detach()
    counts = torch.bincount(y, minlength=len(centers))[:, None]
    sums = torch.zeros_like(centers).index_add(0, y, known)
    moved = centers - rate * (centers * counts - sums) / (1 + counts)
    return F.mse_loss(x, centers[y], reduction="sum") / 2 / len(x) + 0 * moved[0, 0]


def multi_similarity(cosine, positive, negative, alpha=2.0, beta=50.0, base=0.5):
    near = torch.log1p((positive * torch.exp(-alpha * (cosine - base))).sum(1)) / alpha
    far = torch.log1p((negative * torch.exp(beta * (cosine - base))).sum(1)) / beta
    return (near + far).mean()


def circle(cosine, positive, negative, margin=0.25, gamma=256.0):
    pull, push = F.relu(1 + margin - cosine.detach()), F.relu(cosine.detach() + margin)
    near = log_sum(-gamma * pull * (cosine - 1 + margin), positive)
    return F.softplus(near + log_sum(gamma * push * (cosine - margin), negative)).mean()


def clip(x, factor, temperature=0.07):
    first, second = F.normalize(x).chunk(2)
    s, labels = factor.exp() / temperature * (first @ second.T), torch.arange(len(first))
    return (F.cross_entropy(s, labels) + F.cross_entropy(s.T, labels)) / 2


def siglip(x, factor, offset, temperature=0.1, bias=-10.0):
    first, second = F.normalize(x).chunk(2)
    s = factor.exp() / temperature * (first @ second.T) + bias + offset
    return -F.logsigmoid((2 * torch.eye(len(first)) - 1) * s).sum() / len(first)


def proxy_anchor(x, proxies, y, margin=0.1, alpha=32.0):
    s = F.linear(F.normalize(proxies), F.normalize(x))
    own = torch.arange(len(proxies))[:, None] == y
    near = torch.log1p((own * torch.exp(-alpha * (s - margin))).sum(1))
    far = torch.log1p((~own * torch.exp(alpha * (s + margin))).sum(1))
    return near.sum() / own.any(1).sum() + far.mean()


def angular(cosine, positive, negative, degrees=40.0):
    t = math.tan(math.radians(degrees)) ** 2
    a, p = positive.nonzero(as_tuple=True)
    terms = 4 * t * (cosine[a] + cosine[p]) - 2 * (1 + t) * cosine[a, p][:, None]
    return F.softplus(log_sum(terms, negative[a])).mean()


def info_nce(x, y, temperature=0.07):
    """Queries, then keys; the positives of a query are the keys of its label."""
    first, second = F.normalize(x).chunk(2)
    s, same = first @ second.T / temperature, y.chunk(2)[0][:, None] == y.chunk(2)[1]
    return (same * F.softplus(log_sum(s, ~same)[:, None] - s)).sum() / same.sum()


def lifted_structure(x, y, margin=1.0):
    d, (positive, negative) = torch.cdist(x, x), relations(y)
    far = log_sum(margin - d, negative)
    gaps = torch.logaddexp(far[:, None], far) + d
    return (positive * F.relu(gaps) ** 2).sum() / 2 / positive.sum()


def n_pair(x, y, l2=0.02):
    """The first two rows of every class, which come one class after the other."""
    classes = int(y.max()) + 1
    first, second = x[:classes], x[classes : 2 * classes]
    lengths = first.square().sum(1) + second.square().sum(1)
    return F.cross_entropy(first @ second.T, torch.arange(classes)) + l2 * lengths.mean()


def nca(cosine, positive, negative):
    near = 2 * cosine - 2  # minus the squared distance of rows of length 1
    return (log_sum(near, positive | negative) - log_sum(near, positive)).mean()


family(
    "metric",
    batch,
    triplet=triplet,
    contrastive=contrastive,
    center=(batch_and_centers, center),
    nt_xent=of_cosines(nt_xent),
    sup_con=of_cosines(sup_con),
    multi_similarity=of_cosines(multi_similarity),
    circle=of_cosines(circle),
    clip=(partial(views, learned=1), clip),
    siglip=(partial(views, learned=2), siglip),
    proxy_anchor=(batch_and_proxies, proxy_anchor),
    angular=of_cosines(angular),
    info_nce=info_nce,
    lifted_structure=lifted_structure,
    n_pair=n_pair,
    nca=of_cosines(nca),
)
