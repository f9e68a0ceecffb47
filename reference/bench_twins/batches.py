"""Rows beside rows: vectors, self_supervised; and lists of items: ranking."""

import torch
import torch.nn.functional as F

from bench_twins import family


def two_views(rows, columns):
    return [torch.randn(rows, columns), torch.randn(rows, columns)], []


def compared(rows, columns):
    """Half of the pairs are dissimilar."""
    return two_views(rows, columns)[0], [(torch.rand(rows) < 0.5).float()]


family(
    "vectors",
    two_views,
    cosine=lambda x, y: (1 - F.cosine_similarity(x, y)).mean(),
    cosine_embedding=(compared, lambda x, y, dissimilar: F.cosine_embedding_loss(x, y, 1 - 2 * dissimilar)),
    euclidean=lambda x, y: torch.linalg.vector_norm(x - y, dim=1).mean(),
)


def off_diagonal(matrix):
    """All other entries, as in the authors' code."""
    n = len(matrix)
    return matrix.flatten()[:-1].view(n - 1, n + 1)[:, 1:].flatten()


def barlow_twins(x, y, weight=0.005, eps=1e-5):
    x, y = ((z - z.mean(0)) / torch.sqrt(z.var(0, correction=0) + eps) for z in (x, y))
    c = x.T @ y / len(x)
    return (1 - c.diagonal()).square().sum() + weight * off_diagonal(c).square().sum()


def vicreg(x, y, invariance=25.0, variance=25.0, covariance=1.0, eps=1e-4):
    value = invariance * F.mse_loss(x, y)
    for z in (x, y):
        z = z - z.mean(0)
        gaps = F.relu(1 - torch.sqrt(z.var(0) + eps))
        of_pairs = off_diagonal(z.T @ z / (len(z) - 1)).square().sum() / z.shape[1]
        value = value + variance * gaps.mean() / 2 + covariance * of_pairs
    return value


family("self_supervised", two_views, barlow_twins=barlow_twins, vicreg=vicreg)


def graded(rows, columns):
    """Lists with five grades of relevance."""
    return [torch.randn(rows, columns)], [torch.randint(5, (rows, columns)).float()]


def of_pairs(value):
    """The mean of each list over the pairs (i, j) with r_i > r_j; `value`: of s_i - s_j."""

    def loss(s, r):
        better = r[:, :, None] > r[:, None, :]
        values = better * value(s[:, :, None] - s[:, None, :])
        return (values.sum((1, 2)) / better.sum((1, 2)).clamp(min=1)).mean()

    return loss


def bpr(s, r):
    best = r == r.amax(1, keepdim=True)
    pairs = best[:, :, None] & ~best[:, None, :]
    values = pairs * F.softplus(s[:, None, :] - s[:, :, None])
    return (values.sum((1, 2)) / pairs.sum((1, 2)).clamp(min=1)).mean()


def normalized_gains(r):
    """The gains over the DCG of the best order, and the discounts of the ranks."""
    discounts, gains = torch.log2(torch.arange(r.shape[1]) + 2.0), 2**r - 1
    return gains / (gains.sort(1, descending=True).values / discounts).sum(1, keepdim=True).clamp(min=1e-12), discounts


def approx_ndcg(s, r, temperature=0.1):
    ranks = 0.5 + torch.sigmoid((s[:, None, :] - s[:, :, None]) / temperature).sum(2)
    return (1 - (normalized_gains(r)[0] / torch.log2(1 + ranks)).sum(1)).mean()


def list_mle(s, r):
    s = s.gather(1, r.argsort(1, descending=True))
    return (s.flip(1).logcumsumexp(1).flip(1) - s).sum(1).mean()


def lambda_rank(s, r):
    gains, discounts = normalized_gains(r)
    inverse = 1 / discounts[s.detach().argsort(1, descending=True).argsort(1)]
    weights = (gains[:, :, None] - gains[:, None, :]).abs() * (inverse[:, :, None] - inverse[:, None, :]).abs()
    better = r[:, :, None] > r[:, None, :]
    values = F.softplus(s[:, None, :] - s[:, :, None]) / torch.log(torch.tensor(2.0))
    return (better * weights * values).sum((1, 2)).mean()


def multi_label_margin(s, r):
    better = r[:, :, None] > r[:, None, :]
    values = better * F.relu(1 - s[:, :, None] + s[:, None, :])
    return (values.sum((1, 2)) / s.shape[1]).mean()


family(
    "ranking",
    graded,
    approx_ndcg=approx_ndcg,
    bpr=bpr,
    lambda_rank=lambda_rank,
    list_mle=list_mle,
    list_net=lambda s, r: -(F.softmax(r, 1) * F.log_softmax(s, 1)).sum(1).mean(),
    margin_ranking=of_pairs(lambda difference: F.relu(-difference)),
    multi_label_margin=multi_label_margin,
    ranknet=of_pairs(lambda difference: F.softplus(-difference)),
)
