"""The PyTorch side of `cargo xtask bench`: times each loss as a practitioner would write it with PyTorch.

The benchmark starts `python reference/bench_torch.py --threads 2` and asks for one case at a time, so that its own runs
and PyTorch's take turns on the same machine. A request is a line of JSON on stdin, its answer a line of JSON on stdout:

    {"name": "binary/focal", "rows": 131072, "columns": 80, "runs": 5, "compile": true}
    {"name": "binary/focal", "eager_ms": 12.3, "compiled_ms": 4.5, "eager_peak_bytes": 123}

A time is the median of forward and backward passes of the mean, in float32, after two that warm up: at least `runs`, and
as many as fill half a second.
`compiled_ms` is that of `torch.compile`: null where it is not asked for, or fails; then `compile_error` says why.
`eager_peak_bytes` is the most memory that PyTorch's allocator gave out in one eager pass, the gradients included, the
inputs not. A loss without a twin here has null for all three. The program ends with its stdin.

    python reference/bench_torch.py --threads 2 --list          the names that have a twin

The fields of the losses are the defaults of burn-losses, but for `metric/triplet` (mining `hard`) and
`segmentation/lovasz` (activation `sigmoid`). A loss with state is at its first step and does not save the state.
"""

import argparse
import json
import math
import os
import statistics
import sys
import time
from functools import partial

import torch
import torch._inductor.config
import torch.nn.functional as F
from torch.profiler import ProfilerActivity, profile
from torchvision.ops import complete_box_iou_loss, distance_box_iou_loss, generalized_box_iou_loss, sigmoid_focal_loss

WARM_UPS = 2
LEAST_SECONDS = 0.5
HEAD_CLASSES = 10_000
METRIC_CLASSES = 64

# The twins of each family: by name, how the inputs are drawn (those that are differentiated, and the others), and the
# loss, a function of them all.

TWINS = {}


def family(name, inputs, **losses):
    """`losses`: a function each, or a pair of other inputs than the family's and a function."""
    for kind, loss in losses.items():
        TWINS[f"{name}/{kind}"] = loss if isinstance(loss, tuple) else (inputs, loss)


def harmonized(norms, bins):
    """The weights of GHM, from the gradient norms."""
    counts = torch.histc(norms, bins, 0, 1)
    weights = norms.numel() / (counts * (counts > 0).sum())
    return weights[(norms * bins).long().clamp(max=bins - 1)]


def ghm_r(p, t, mu=0.02, bins=10):
    d = p - t
    root = torch.sqrt(d**2 + mu**2)
    return (harmonized((d.abs() / root).detach(), bins) * (root - mu)).mean()


def tukey_biweight(r, c=4.6851):
    return torch.where(r.abs() <= c, c**2 / 6 * (1 - (1 - (r / c) ** 2) ** 3), c**2 / 6)


def of_error(value):
    return lambda p, t: value(p - t).mean()


family(
    "regression",
    lambda rows, columns: ([torch.randn(rows, columns)], [torch.randn(rows, columns)]),
    mse=F.mse_loss,
    mae=F.l1_loss,
    mean_bias=of_error(lambda d: d),
    huber=F.huber_loss,
    smooth_l1=F.smooth_l1_loss,
    log_cosh=of_error(lambda d: d + F.softplus(-2 * d) - math.log(2)),
    quantile=of_error(lambda d: torch.maximum(-0.5 * d, 0.5 * d)),
    tukey_biweight=of_error(tukey_biweight),
    ghm_r=ghm_r,
)


def balanced_bce(x, y):
    negatives = (1 - y).mean()
    return F.binary_cross_entropy_with_logits(x, y, torch.where(y > 0.5, negatives, 1 - negatives))


def ghm_c(x, y, bins=30):
    weights = harmonized((torch.sigmoid(x) - y).abs().detach(), bins)
    return F.binary_cross_entropy_with_logits(x, y, weights)


def hardest(values, share=0.25):
    return values.topk(int(share * len(values) + 0.5)).values.mean()


def of_margin(value):
    return lambda x, y: value((2 * y - 1) * x).mean()


family(
    "binary",
    lambda rows, columns: ([torch.randn(rows, columns)], [(torch.rand(rows, columns) < 0.02).float()]),
    bce=F.binary_cross_entropy_with_logits,
    balanced_bce=balanced_bce,
    focal=lambda x, y: sigmoid_focal_loss(x, y, reduction="mean"),
    ghm_c=ghm_c,
    hinge=of_margin(lambda z: F.relu(1 - z)),
    ramp=of_margin(lambda z: (1 - z).clamp(0, 2)),
    logistic=lambda x, y: F.soft_margin_loss(x, 2 * y - 1),
    ohem=lambda x, y: hardest(F.binary_cross_entropy_with_logits(x, y, reduction="none").flatten()),
)


def softmax_focal(x, y, gamma=2.0):
    cross_entropy = F.cross_entropy(x, y, reduction="none")
    return ((1 - torch.exp(-cross_entropy)) ** gamma * cross_entropy).mean()


def log_probabilities(rows, columns):
    return F.log_softmax(torch.randn(rows, columns), 1)


family(
    "classification",
    lambda rows, columns: ([torch.randn(rows, columns)], [torch.randint(columns, (rows,))]),
    cross_entropy=F.cross_entropy,
    nll=(lambda rows, columns: ([log_probabilities(rows, columns)], [torch.randint(columns, (rows,))]), F.nll_loss),
    focal=softmax_focal,
    multi_margin=lambda x, y: x.shape[1] * F.multi_margin_loss(x, y),
    ohem=lambda x, y: hardest(F.cross_entropy(x, y, reduction="none")),
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
)


def volumes(rows, columns):
    side = round(columns ** (1 / 3))
    shape = (rows, 1, side, side, side)
    return [torch.randn(shape)], [(torch.rand(shape) < 0.1).float()]


def of_overlap(value):
    """`value`: of what is in both, in the prediction and in the target, for each sample and class."""

    def loss(x, t):
        p, t = torch.sigmoid(x).flatten(2), t.flatten(2)
        return value((p * t).sum(2), p.sum(2), t.sum(2)).mean()

    return loss


def tversky(both, p, t, fp_weight=0.5, fn_weight=0.5):
    return 1 - (both + 1) / (both + fp_weight * (p - both) + fn_weight * (t - both) + 1)


def generalized_dice(both, p, t):
    weight = 1 / t.clamp(min=1) ** 2
    weight = weight / weight.amax(1, keepdim=True)
    return 1 - (2 * (weight * both).sum(1) + 1) / ((weight * (p + t)).sum(1) + 1)


def lovasz(x, t):
    """Of the batch as one, as in the authors' code."""
    t = t.flatten()
    errors, order = (t - torch.sigmoid(x).flatten()).abs().sort(descending=True)
    t = t[order]
    jaccard = 1 - (t.sum() - t.cumsum(0)) / (t.sum() + (1 - t).cumsum(0))
    return torch.dot(errors, torch.cat([jaccard[:1], jaccard.diff()]))


family(
    "segmentation",
    volumes,
    dice=of_overlap(lambda both, p, t: 1 - (2 * both + 1) / (p + t + 1)),
    tversky=of_overlap(tversky),
    jaccard=of_overlap(lambda both, p, t: 1 - (both + 1) / (p + t - both + 1)),
    focal_tversky=of_overlap(lambda both, p, t: tversky(both, p, t, 0.3, 0.7) ** 0.75),
    generalized_dice=of_overlap(generalized_dice),
    lovasz=lovasz,
)


def boxes(rows, columns):
    """Corners in the unit square, each prediction near its target."""
    corner, size = 0.5 * torch.rand(rows, 2), 0.05 + 0.4 * torch.rand(rows, 2)
    targets = torch.cat([corner, corner + size], 1)
    return [targets + 0.1 * size.repeat(1, 2) * torch.randn(rows, 4)], [targets]


class Pair:
    """Boxes and their targets, by their columns."""

    def __init__(self, p, t):
        self.x1, self.y1, self.x2, self.y2 = p.unbind(1)
        self.tx1, self.ty1, self.tx2, self.ty2 = t.unbind(1)
        self.w, self.h = self.x2 - self.x1, self.y2 - self.y1
        self.tw, self.th = self.tx2 - self.tx1, self.ty2 - self.ty1

    def iou_and_union(self):
        inner_w = (torch.minimum(self.x2, self.tx2) - torch.maximum(self.x1, self.tx1)).clamp(min=0)
        inner_h = (torch.minimum(self.y2, self.ty2) - torch.maximum(self.y1, self.ty1)).clamp(min=0)
        inner = inner_w * inner_h
        union = self.w * self.h + self.tw * self.th - inner
        return inner / union, union

    def iou(self):
        return self.iou_and_union()[0]

    def hull(self):
        width = torch.maximum(self.x2, self.tx2) - torch.minimum(self.x1, self.tx1)
        return width, torch.maximum(self.y2, self.ty2) - torch.minimum(self.y1, self.ty1)

    def shift(self):
        return (self.tx1 + self.tx2 - self.x1 - self.x2) / 2, (self.ty1 + self.ty2 - self.y1 - self.y2) / 2

    def edges(self):
        """The squares of what separates them."""
        edges = (self.x1 - self.tx1, self.y1 - self.ty1, self.x2 - self.tx2, self.y2 - self.ty2)
        return [edge**2 for edge in edges]


def of_pair(value):
    return lambda p, t: value(Pair(p, t)).mean()


def eiou(pair, iou):
    (dx, dy), (cw, ch) = pair.shift(), pair.hull()
    sides = ((pair.w - pair.tw) / cw) ** 2 + ((pair.h - pair.th) / ch) ** 2
    return 1 - iou + (dx**2 + dy**2) / (cw**2 + ch**2) + sides


def focal_eiou(p, t, gamma=0.5):
    pair = Pair(p, t)
    iou = pair.iou()
    weight = iou.detach() ** gamma
    return (weight * eiou(pair, iou)).sum() / weight.sum()


def cdiou(pair):
    (iou, union), (cw, ch), (x1, y1, x2, y2) = pair.iou_and_union(), pair.hull(), pair.edges()
    distances = torch.sqrt(x1 + y1) + torch.sqrt(x2 + y1) + torch.sqrt(x1 + y2) + torch.sqrt(x2 + y2)
    return 1 - iou + (cw * ch - union) / (cw * ch) + distances / 4 / torch.sqrt(cw**2 + ch**2)


def siou(pair, theta=4.0):
    (dx, dy), (cw, ch) = pair.shift(), pair.hull()
    sine = torch.minimum(dx.abs(), dy.abs()) / torch.sqrt(dx**2 + dy**2)
    gamma = 2 - torch.sin(2 * torch.asin(sine))
    distance = 2 - torch.exp(-gamma * (dx / cw) ** 2) - torch.exp(-gamma * (dy / ch) ** 2)
    off_w = (pair.w - pair.tw).abs() / torch.maximum(pair.w, pair.tw)
    off_h = (pair.h - pair.th).abs() / torch.maximum(pair.h, pair.th)
    shape = (1 - torch.exp(-off_w)) ** theta + (1 - torch.exp(-off_h)) ** theta
    return 1 - pair.iou() + (distance + shape) / 2


def nwd(pair, constant=12.7):
    dx, dy = pair.shift()
    square = dx**2 + dy**2 + ((pair.w - pair.tw) ** 2 + (pair.h - pair.th) ** 2) / 4
    return 1 - torch.exp(-torch.sqrt(square) / constant)


def distribution_focal(x, t):
    """As in the authors' code."""
    logits, t = x.reshape(t.numel(), -1), t.flatten()
    low = t.long()
    left, right = (F.cross_entropy(logits, bin, reduction="none") for bin in (low, low + 1))
    return (left * (low + 1 - t) + right * (t - low)).mean()


family(
    "boxes",
    boxes,
    iou=of_pair(lambda pair: 1 - pair.iou()),
    giou=lambda p, t: generalized_box_iou_loss(p, t, reduction="mean"),
    diou=lambda p, t: distance_box_iou_loss(p, t, reduction="mean"),
    ciou=lambda p, t: complete_box_iou_loss(p, t, reduction="mean"),
    eiou=of_pair(lambda pair: eiou(pair, pair.iou())),
    focal_eiou=focal_eiou,
    cdiou=of_pair(cdiou),
    siou=of_pair(siou),
    alpha_iou=of_pair(lambda pair: 1 - pair.iou() ** 3),
    mpdiou=of_pair(lambda pair: 1 - pair.iou() + sum(pair.edges()) / 2),
    nwd=of_pair(nwd),
    distribution_focal=(
        lambda rows, columns: ([torch.randn(rows, columns)], [(columns // 4 - 1) * torch.rand(rows, 4)]),
        distribution_focal,
    ),
)


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
)


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
)


# Measuring


def step(loss, leaves, constants):
    """One forward and backward pass: the seconds it takes."""
    for leaf in leaves:
        leaf.grad = None
    start = time.perf_counter()
    loss(*leaves, *constants).backward()
    return time.perf_counter() - start


def median_ms(runs, *case):
    for _ in range(WARM_UPS):
        step(*case)
    times = []
    while len(times) < runs or sum(times) < LEAST_SECONDS:
        times.append(step(*case))
    return 1e3 * statistics.median(times)


def peak_bytes(loss, leaves, constants):
    """The highest sum of what the allocator gave out and took back."""
    for leaf in leaves:
        leaf.grad = None
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        step(loss, leaves, constants)
    events = profiler.profiler.kineto_results.events()
    held = peak = 0
    for event in sorted((event for event in events if event.name() == "[memory]"), key=lambda event: event.start_ns()):
        held += event.nbytes()
        peak = max(peak, held)
    return peak


def measure(name, rows, columns, runs, compile):
    answer = {"name": name, "eager_ms": None, "compiled_ms": None, "eager_peak_bytes": None}
    if name not in TWINS:
        return answer
    inputs, loss = TWINS[name]
    torch.manual_seed(0)
    leaves, constants = inputs(rows, columns)
    for leaf in leaves:
        leaf.requires_grad_()
    answer["eager_ms"] = median_ms(runs, loss, leaves, constants)
    answer["eager_peak_bytes"] = peak_bytes(loss, leaves, constants)
    if compile:
        torch._dynamo.reset()
        try:
            answer["compiled_ms"] = median_ms(runs, torch.compile(loss, dynamic=False), leaves, constants)
        except Exception as error:  # a missing C++ compiler, or an operator that Inductor cannot lower
            answer["compile_error"] = str(error).strip().partition("\n")[0]
    return answer


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, required=True, help="for PyTorch's operators")
    parser.add_argument("--list", action="store_true", help="print the names that have a twin, and end")
    options = parser.parse_args()
    if options.list:
        print("\n".join(TWINS))
        return
    torch.set_num_threads(options.threads)
    torch._inductor.config.compile_threads = 1  # no workers in the background
    # Only answers go to stdout; what libraries and compilers print goes to stderr.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    for line in sys.stdin:
        print(json.dumps(measure(**json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main()
