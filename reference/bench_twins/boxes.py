"""Boxes: corners, bins, solids and rotated boxes."""

import math

import torch
import torch.nn.functional as F
from torchvision.ops import complete_box_iou_loss, distance_box_iou_loss, generalized_box_iou_loss

from bench_twins import family, hardest


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


def solids(rows, columns):
    corner, size = 0.5 * torch.rand(rows, 3), 0.05 + 0.4 * torch.rand(rows, 3)
    targets = torch.cat([corner, corner + size], 1)
    return [targets + 0.1 * size.repeat(1, 2) * torch.randn(rows, 6)], [targets]


def giou_3d(p, t, eps=1e-7):
    (low, high), (t_low, t_high) = p.split(3, 1), t.split(3, 1)
    inner = (torch.minimum(high, t_high) - torch.maximum(low, t_low)).clamp(min=0).prod(1)
    union = (high - low).prod(1) + (t_high - t_low).prod(1) - inner
    hull = (torch.maximum(high, t_high) - torch.minimum(low, t_low)).prod(1)
    return (1 - inner / (union + eps) + (hull - union) / (hull + eps)).mean()


def rotated(rows, columns):
    """Center, width, height and angle."""
    targets = torch.cat([torch.rand(rows, 2), 0.05 + 0.5 * torch.rand(rows, 2), 3 * torch.rand(rows, 1)], 1)
    return [targets * (1 + 0.05 * torch.randn(rows, 5))], [targets]


def covariance(boxes, spread):
    """The variances along x and y, and the covariance."""
    w, h = boxes[:, 2] ** 2 / spread, boxes[:, 3] ** 2 / spread
    cos, sin = torch.cos(boxes[:, 4]), torch.sin(boxes[:, 4])
    return w * cos**2 + h * sin**2, w * sin**2 + h * cos**2, (w - h) * cos * sin


def prob_iou(p, t, spread=12.0):
    (a1, b1, c1), (a2, b2, c2) = covariance(p, spread), covariance(t, spread)
    a, b, c, x, y = a1 + a2, b1 + b2, c1 + c2, p[:, 0] - t[:, 0], p[:, 1] - t[:, 1]
    determinant = a * b - c**2
    shift = (a * y**2 + b * x**2 - 2 * c * x * y) / determinant / 4
    shape = torch.log(determinant / (4 * torch.sqrt((a1 * b1 - c1**2) * (a2 * b2 - c2**2)))) / 2
    return torch.sqrt(1 - torch.exp(-(shift + shape).clamp(min=1e-6))).mean()


def gaussian_distance(p, t, tau=1.0):
    (a1, b1, c1), (a2, b2, c2) = covariance(p, 4.0), covariance(t, 4.0)
    x, y = p[:, 0] - t[:, 0], p[:, 1] - t[:, 1]
    one, other = a1 * b1 - c1**2, a2 * b2 - c2**2
    shift = (a1 * y**2 + b1 * x**2 - 2 * c1 * x * y) / one
    trace = (b1 * a2 + a1 * b2 - 2 * c1 * c2) / one
    divergence = (shift + trace + torch.log(one / other)) / 2 - 1
    return (1 - 1 / (tau + torch.log1p(divergence))).mean()


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
    giou_3d=(solids, giou_3d),
    prob_iou=(rotated, prob_iou),
    gaussian_distance=(rotated, gaussian_distance),
    ohem=lambda p, t: hardest(complete_box_iou_loss(p, t)),
    distribution_focal=(
        lambda rows, columns: ([torch.randn(rows, columns)], [(columns // 4 - 1) * torch.rand(rows, 4)]),
        distribution_focal,
    ),
)
