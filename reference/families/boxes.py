"""Boxes: (predictions, targets) [N, 4], or [N, 5] rotated, or [N, 6] in three dimensions -> [N]."""

import mpmath
import numpy as np
import torch
import torch.nn.functional as F
from monai.data.box_utils import box_pair_giou
from torchvision.ops import box_convert, box_iou, complete_box_iou_loss, distance_box_iou_loss, generalized_box_iou_loss

from case import Kind, agree, digits, formula, from_mpmath, given, library

from .shared import hardest

# Inputs


def pairs(count, format="xyxy", scale=1.0):
    """Boxes that overlap in part, no side of the one near that side of the other, in the named format."""

    def recipe(draw):
        corner, size = draw.uniform(-4, 4, (count, 2)), draw.uniform(1, 3, (count, 2))
        targets = np.hstack([corner, corner + size])
        predictions = targets + draw.sign((count, 4)) * draw.uniform(0.1, 0.45, (count, 4))
        centers = np.tile(corner + size / 2, 2) if format == "ltrb" else 0
        return {
            name: np.round(scale * np.round(from_corners(boxes - centers, format), 4), 8)
            for name, boxes in (("predictions", predictions), ("targets", targets))
        }

    return recipe


def from_corners(boxes, format):
    if format == "ltrb":
        return boxes * [-1, -1, 1, 1]
    return box_convert(torch.from_numpy(boxes), "xyxy", format).numpy()


OVERLAPPING = [[[0.0, 0.0, 4.0, 2.0], [1.0, 0.5, 4.5, 3.0]], [[-3.0, 1.0, -1.0, 6.0], [-2.25, -1.5, 0.5, 4.0]]]
DISJOINT = [[[0.0, 0.0, 2.0, 1.0], [3.0, 2.0, 4.5, 6.0]], [[0.0, 0.0, 2.0, 3.5], [-4.0, 0.5, -2.5, 2.0]]]
INSIDE = [[[1.0, 1.0, 2.0, 3.0], [0.0, 0.5, 4.0, 5.0]], [[-5.0, -2.0, 3.0, 2.5], [-1.0, -0.5, 0.5, 0.25]]]
INVERTED = [[[3.0, 0.0, 1.0, 2.0], [0.0, 0.5, 5.0, 3.0]], [[2.0, 4.0, 4.0, 1.0], [-1.0, 0.5, 3.0, 2.5]]]


def these(rows):
    predictions, targets = zip(*rows)
    return given(predictions=predictions, targets=targets)


ALL_SORTS = these(OVERLAPPING + DISJOINT + INSIDE)
ELONGATED = these([[[0.0, 0.0, 9.0, 0.5], [4.0, -6.0, 4.75, 5.0]], [[1.0, 0.0, 1.25, 8.0], [0.5, 1.0, 2.5, 3.0]]])
SAME_SHAPE = these([[[0.0, 0.0, 2.0, 1.0], [0.5, 0.25, 2.5, 1.25]], [[0.0, 0.0, 2.0, 1.0], [3.0, 2.0, 7.0, 4.0]]])


def common(kind, inverted=None):
    """The cases that every loss of the family has."""
    kind.case("default", {}, pairs(5))
    kind.case("one_box", {}, pairs(1))
    for format in ("cxcywh", "xywh", "ltrb"):
        kind.case(format, {"format": format}, pairs(4, format))
    kind.case("disjoint", {}, these(DISJOINT))
    kind.case("one_inside_the_other", {}, these(INSIDE))
    kind.case("inverted", {}, these(INVERTED + OVERLAPPING), oracle=inverted)
    kind.case("small", {}, pairs(4, scale=0.01))
    kind.case("large", {}, pairs(4, scale=1e4))
    reductions(kind, pairs)
    return kind


def reductions(kind, recipe):
    kind.case("mean_with_weights", {}, recipe(5), weights="element")
    kind.case("sum", {"reduction": "sum"}, recipe(4), weights="sample")
    kind.case("batch_mean", {"reduction": "batch_mean"}, recipe(4))
    kind.case("weighted_mean", {"reduction": "weighted_mean"}, recipe(5), weights="element")


# Geometry

FLOOR = 1e-18


def ratio(over, under, floor=FLOOR):
    return over / under.clamp(min=floor)


def corners(boxes, format):
    if format == "ltrb":
        return boxes * torch.tensor([-1.0, -1.0, 1.0, 1.0])
    return box_convert(boxes, format, "xyxy")


class Geometry:
    """Of two sets of boxes; the last axis of a [N, 2] is (x, y). No two edges at one place: there is no derivative."""

    def __init__(self, predictions, targets, format):
        self.boxes = tuple(corners(boxes, format) for boxes in (predictions, targets))
        low, high, other_low, other_high = torch.cat(self.boxes, 1).split(2, 1)
        edges = torch.stack([low, high, other_low, other_high]).detach().sort(0).values
        assert ((edges[1:] - edges[:-1]).amin(0) > 1e-3 * (edges[-1] - edges[0])).all()
        self.size, self.other = (high - low).clamp(min=0), (other_high - other_low).clamp(min=0)
        self.shift = (other_low + other_high - low - high) / 2
        every = torch.stack([low, high, other_low, other_high])  # an inverted box lies in the hull too
        self.hull = every.amax(0) - every.amin(0)
        inner = (torch.minimum(high, other_high) - torch.maximum(low, other_low)).clamp(min=0)
        self.intersection = inner.prod(1)
        self.union = self.size.prod(1) + self.other.prod(1) - self.intersection
        self.iou = ratio(self.intersection, self.union)

    def outside(self, eps=FLOOR):
        """GIoU's penalty; `eps` is a share of the hull."""
        area = self.hull.prod(1)
        return (area - self.union) / torch.maximum(area, eps * area)

    def overlap(self, eps):
        return self.intersection / torch.maximum(self.union, eps * self.hull.prod(1))

    def distance(self):
        """DIoU's penalty."""
        return ratio(self.shift.square().sum(1), self.hull.square().sum(1))

    def aspect(self, scaled=False):
        """CIoU's v; `scaled`: the gradients of an angle, w/(w^2 + h^2) and h/(w^2 + h^2), become w and h."""

        def angle(size):
            exact = torch.atan2(size[:, 0], size[:, 1])
            return exact.detach() + size.detach().square().sum(1) * (exact - exact.detach()) if scaled else exact

        return 4 / torch.pi**2 * (angle(self.other) - angle(self.size)) ** 2


# Losses


@library("torchvision", "torchvision.ops.box_iou")
def iou_oracle(predictions, targets, form="linear", format="xyxy"):
    iou = box_iou(corners(predictions, format), corners(targets, format)).diagonal()
    assert form != "log" or iou.min() > 1e-3
    agree(iou, Geometry(predictions, targets, format).iou)
    return {"linear": lambda: 1 - iou, "log": lambda: -iou.log(), "square": lambda: 1 - iou**2}[form]()


@formula("Yu et al., 2016, quotients and logarithm floored at eps")
def iou_floored(predictions, targets, form="linear", eps=1e-7, format="xyxy"):
    box = Geometry(predictions, targets, format)
    iou = box.overlap(eps)
    share = box.union / box.hull.prod(1)
    assert torch.minimum((share / eps - 1).abs(), (iou / eps - 1).abs()).min() > 1e-3
    return 1 - iou if form == "linear" else -iou.clamp(min=eps).log()


LOG, SQUARE = {"form": "log"}, {"form": "square"}

iou = common(Kind("boxes", "iou", iou_oracle), iou_floored)
iou.case("log", LOG, pairs(5))
iou.case("log_cxcywh", LOG | {"format": "cxcywh"}, pairs(4, "cxcywh"))
iou.case("log_large", LOG | {"reduction": "sum"}, pairs(4, scale=1e4))
iou.case("log_all_sorts", LOG, ALL_SORTS, oracle=iou_floored)
iou.case("log_eps", LOG | {"eps": 0.1}, ALL_SORTS, oracle=iou_floored)
iou.case("square", SQUARE, pairs(5))
iou.case("square_ltrb", SQUARE | {"format": "ltrb"}, pairs(4, "ltrb"))
iou.case("square_disjoint", SQUARE, these(DISJOINT))
iou.case("eps_above_some_unions", {"eps": 0.75}, these(OVERLAPPING + INSIDE), oracle=iou_floored)
iou.case("eps_small_boxes", {"eps": 0.9}, pairs(3, scale=0.01), oracle=iou_floored)


@library("torchvision", "torchvision.ops.generalized_box_iou_loss")
def giou_oracle(predictions, targets, format="xyxy"):
    values = generalized_box_iou_loss(corners(predictions, format), corners(targets, format), eps=0)
    agree(values, giou_floored(predictions, targets, format=format))
    return values


@formula("Rezatofighi et al., 2019, divisors at least eps")
def giou_floored(predictions, targets, eps=1e-7, format="xyxy"):
    box = Geometry(predictions, targets, format)
    return 1 - box.overlap(eps) + box.outside(eps)


giou = common(Kind("boxes", "giou", giou_oracle), giou_floored)
giou.case("eps_above_some_areas", {"eps": 1.5}, these(OVERLAPPING + DISJOINT), oracle=giou_floored)
giou.case("eps_small_boxes", {"eps": 0.9}, pairs(3, scale=0.01), oracle=giou_floored)


@library("torchvision", "torchvision.ops.distance_box_iou_loss")
def diou_oracle(predictions, targets, format="xyxy"):
    values = distance_box_iou_loss(corners(predictions, format), corners(targets, format), eps=0)
    agree(values, diou_formula(predictions, targets, format))
    return values


@formula("Zheng et al., 2020, DIoU")
def diou_formula(predictions, targets, format="xyxy"):
    box = Geometry(predictions, targets, format)
    return 1 - box.iou + box.distance()


diou = common(Kind("boxes", "diou", diou_oracle), diou_formula)
diou.case("ltrb_large", {"format": "ltrb"}, pairs(4, "ltrb", scale=1e4))


@formula("Zheng et al., 2020, CIoU")
def ciou_oracle(predictions, targets, alpha_gradient="detached", aspect_gradient="exact", format="xyxy"):
    box = Geometry(predictions, targets, format)
    v = box.aspect(aspect_gradient == "scaled")
    alpha = ratio(v, 1 - box.iou + v)
    values = 1 - box.iou + box.distance() + (alpha.detach() if alpha_gradient == "detached" else alpha) * v
    if min(box.size.min(), box.other.min()) > 0.1:  # torchvision's eps of 1e-7 is fixed
        agree(values, complete_box_iou_loss(*box.boxes, eps=0), rtol=1e-6)
    return values


FULL, SCALED = {"alpha_gradient": "full"}, {"aspect_gradient": "scaled"}

ciou = common(Kind("boxes", "ciou", ciou_oracle))
ciou.case("full", FULL, pairs(5))
ciou.case("scaled", SCALED, pairs(5))
ciou.case("full_scaled_cxcywh", FULL | SCALED | {"format": "cxcywh"}, pairs(4, "cxcywh"))
ciou.case("scaled_small", SCALED, pairs(4, scale=0.01))
ciou.case("full_disjoint", FULL, these(DISJOINT))
ciou.case("elongated", {}, ELONGATED)
ciou.case("elongated_full", FULL, ELONGATED)
ciou.case("elongated_scaled", SCALED, ELONGATED)
ciou.case("same_shape_is_diou", FULL, SAME_SHAPE)


def efficient(box):
    return 1 - box.iou + box.distance() + ratio(box.size - box.other, box.hull).square().sum(1)


@formula("Zhang et al., 2021, Efficient IoU")
def eiou_oracle(predictions, targets, format="xyxy"):
    return efficient(Geometry(predictions, targets, format))


eiou = common(Kind("boxes", "eiou", eiou_oracle))
eiou.case("elongated", {}, ELONGATED)


@formula("Zhang et al., 2021, Focal-EIoU")
def focal_eiou_oracle(predictions, targets, gamma=0.5, normalize=True, weight_gradient="detached", format="xyxy"):
    box = Geometry(predictions, targets, format)
    weight = power(box.iou, gamma)
    weight = weight.detach() if weight_gradient == "detached" else weight
    values = weight * efficient(box)
    return len(values) * ratio(values, weight.sum()) if normalize else values


def power(base, exponent):
    """0 to the power 0 is 1; else, at 0, the value is 0 and so is the gradient."""
    positive = base > 0
    return torch.where(positive, torch.where(positive, base, 1.0) ** exponent, float(exponent == 0))


PLAIN, THROUGH = {"normalize": False}, {"weight_gradient": "full"}

focal_eiou = common(Kind("boxes", "focal_eiou", focal_eiou_oracle))
focal_eiou.case("gamma", {"gamma": 2.0}, pairs(5))
focal_eiou.case("gamma_zero_is_eiou", {"gamma": 0.0}, ALL_SORTS)
focal_eiou.case("not_normalized", PLAIN, pairs(5))
focal_eiou.case("not_normalized_all_sorts", PLAIN, ALL_SORTS)
focal_eiou.case("full", THROUGH, pairs(5))
focal_eiou.case("full_gamma_large", THROUGH | {"gamma": 1.5}, pairs(4))
focal_eiou.case("full_all_sorts", THROUGH, ALL_SORTS)
focal_eiou.case("full_disjoint", THROUGH, these(DISJOINT))
focal_eiou.case("full_not_normalized", THROUGH | PLAIN | {"gamma": 1.0}, ALL_SORTS)
focal_eiou.case("full_weighted_mean", THROUGH | {"reduction": "weighted_mean"}, pairs(4), weights="element")


@formula("Chen and Du, 2021")
def cdiou_oracle(predictions, targets, base="giou", corners="four", penalty_weight=1.0, format="xyxy", **score):
    assert score.keys() <= {"lambda"}  # of the score, not of the loss
    box = Geometry(predictions, targets, format)
    chosen = {"four": [[0, 1], [2, 1], [0, 3], [2, 3]], "two": [[0, 1], [2, 3]]}[corners]
    one, other = (boxes[:, torch.tensor(chosen)] for boxes in box.boxes)
    distances = torch.linalg.vector_norm(one - other, dim=2)
    assert distances.min() > 1e-4
    penalty = ratio(distances.mean(1), torch.linalg.vector_norm(box.hull, dim=1))
    return BASES[base](predictions, targets, format=format) + penalty_weight * penalty


BASES = {"iou": iou_floored, "giou": giou_floored, "diou": diou_formula, "ciou": ciou_oracle, "eiou": eiou_oracle}

cdiou = common(Kind("boxes", "cdiou", cdiou_oracle))
for base in ("iou", "diou", "ciou", "eiou"):
    cdiou.case(f"base_{base}", {"base": base}, ALL_SORTS)
cdiou.case("base_ciou_xywh_two_corners", {"base": "ciou", "corners": "two", "format": "xywh"}, pairs(4, "xywh"))
cdiou.case("two_corners", {"corners": "two"}, ALL_SORTS)
cdiou.case("two_corners_inverted", {"corners": "two"}, these(INVERTED))
cdiou.case("penalty_weight", {"penalty_weight": 0.25}, pairs(4))
cdiou.case("penalty_weight_zero_is_giou", {"penalty_weight": 0.0}, ALL_SORTS)
cdiou.case("lambda_changes_nothing", {"lambda": 0.5}, these(OVERLAPPING))


@formula("Gevorgyan, 2022, with its arcsine")
def siou_oracle(predictions, targets, theta=4.0, format="xyxy"):
    box = Geometry(predictions, targets, format)
    sine = box.shift.abs() / torch.linalg.vector_norm(box.shift, dim=1, keepdim=True)
    angle = 1 - 2 * torch.sin(torch.asin(sine.min(1).values) - torch.pi / 4) ** 2
    distance = -torch.expm1((angle - 2)[:, None] * ratio(box.shift, box.hull) ** 2).sum(1)
    larger, smaller = torch.maximum(box.size, box.other), torch.minimum(box.size, box.other)
    assert box.shift.abs().gt(1e-4 * box.hull).all() and (theta > 1 or (larger - smaller).min() > 1e-3)
    shape = (-torch.expm1(-ratio(larger - smaller, larger))).pow(theta).sum(1)
    return 1 - box.iou + (distance + shape) / 2


siou = common(Kind("boxes", "siou", siou_oracle))
siou.case("theta_one", {"theta": 1.0}, pairs(5))
siou.case("theta_fractional", {"theta": 2.5, "format": "cxcywh"}, pairs(5, "cxcywh"))
siou.case("theta_large", {"theta": 6.0}, ALL_SORTS)
siou.case("elongated", {}, ELONGATED)


@formula("He et al., 2021")
def alpha_iou_oracle(predictions, targets, alpha=3.0, base="iou", format="xyxy"):
    box = Geometry(predictions, targets, format)
    v = box.aspect()
    penalties = {
        "iou": lambda: [],
        "giou": lambda: [box.outside()],
        "diou": lambda: [box.distance()],
        "ciou": lambda: [box.distance(), ratio(v, 1 - box.iou + v).detach() * v],
    }[base]()
    return 1 - power(box.iou, alpha) + sum(penalty**alpha for penalty in penalties)


alpha_iou = common(Kind("boxes", "alpha_iou", alpha_iou_oracle))
for base in ("giou", "diou", "ciou"):
    alpha_iou.case(f"base_{base}", {"base": base}, pairs(5))
    alpha_iou.case(f"base_{base}_all_sorts", {"base": base}, ALL_SORTS)
    alpha_iou.case(f"alpha_below_one_base_{base}", {"base": base, "alpha": 0.5}, these(OVERLAPPING))
alpha_iou.case("alpha_one_is_ciou", {"base": "ciou", "alpha": 1.0}, ALL_SORTS)
alpha_iou.case("alpha_fractional", {"alpha": 1.5}, ALL_SORTS)
alpha_iou.case("alpha_large_xywh", {"alpha": 6.0, "base": "ciou", "format": "xywh"}, pairs(4, "xywh"))
alpha_iou.case("alpha_below_one", {"alpha": 0.5}, these(OVERLAPPING + INSIDE))


@formula("Ma and Xu, 2023")
def mpdiou_oracle(predictions, targets, image_width=1.0, image_height=1.0, format="xyxy"):
    box = Geometry(predictions, targets, format)
    predictions, targets = box.boxes
    return 1 - box.iou + (predictions - targets).square().sum(1) / (image_width**2 + image_height**2)


mpdiou = common(Kind("boxes", "mpdiou", mpdiou_oracle))
mpdiou.case("image_width", {"image_width": 3.0}, pairs(5))
mpdiou.case("image_height", {"image_height": 4.5}, ALL_SORTS)
mpdiou.case("image_of_640_by_480", {"image_width": 640.0, "image_height": 480.0}, pairs(4, scale=100.0))


@formula("Wang et al., 2021: the distance of (x, y, w/2, h/2)")
def nwd_oracle(predictions, targets, constant=12.7, format="xyxy"):
    box = Geometry(predictions, targets, format)
    halves = torch.cat([box.shift, (box.other - box.size) / 2], dim=1)
    return -torch.expm1(-torch.linalg.vector_norm(halves, dim=1) / constant)


nwd = common(Kind("boxes", "nwd", nwd_oracle))
nwd.case("constant_small", {"constant": 0.5}, pairs(5))
nwd.case("constant_large_boxes", {"constant": 1e4}, pairs(4, scale=1e4))
nwd.case("constant_small_boxes", {"constant": 0.01, "format": "cxcywh"}, pairs(4, "cxcywh", scale=0.01))


@library("torch", "torch.nn.functional.cross_entropy, its targets a tent over the bins (Li et al., 2020)")
def distribution_focal_oracle(predictions, targets):
    bins = predictions.shape[1] // 4
    tent = (1 - (targets[:, :, None] - torch.arange(bins)).abs()).clamp(min=0)
    assert not targets.requires_grad or (targets - targets.round()).abs().min() > 1e-3
    logits = predictions.reshape(-1, bins)
    values = F.cross_entropy(logits, tent.reshape(-1, bins), reduction="none").reshape(targets.shape).mean(1)
    low = targets.detach().floor().clamp(max=bins - 2).long().flatten()
    share = targets.flatten() - low
    left, right = (F.cross_entropy(logits, label, reduction="none") for label in (low, low + 1))
    agree(values, ((1 - share) * left + share * right).reshape(targets.shape).mean(1))
    return values


def sides(count, bins=6, scale=2.0):
    def recipe(draw):
        low, share = draw.labels(bins - 1, (count, 4)), draw.uniform(0.05, 0.95, (count, 4))
        return {"predictions": draw.normal((count, 4 * bins), scale), "targets": low + share}

    return recipe


SATURATED = given(
    predictions=[[50.0, -50.0, 0.0, -50.0, 50.0, 0.0, 1e4, -1e4, 0.5, -1e4, 1e4, 0.5]] * 2,
    targets=[[0.25, 0.5, 0.75, 0.5], [1.25, 1.5, 1.75, 1.5]],
)

distribution_focal = Kind("boxes", "distribution_focal", distribution_focal_oracle)
distribution_focal.case("default", {}, sides(2))
distribution_focal.case("one_box", {}, sides(1))
distribution_focal.case("two_bins", {}, sides(4, bins=2))
distribution_focal.case("seventeen_bins", {}, sides(1, bins=17))
distribution_focal.case("flat", {}, given(predictions=np.zeros((1, 12)), targets=[[0.25, 0.75, 1.25, 1.75]]))
distribution_focal.case("confident", {}, sides(2, scale=12.0))
distribution_focal.case("saturated", {}, SATURATED)
distribution_focal.case("whole_targets", {}, given(
    predictions=[[0.5, -1.0, 2.0, 1.5, 0.25, -0.75, -2.0, 1.0, 0.75, 3.0, -0.5, -1.25]], targets=[[0.0, 1.0, 2.0, 0.0]]
), constant=["targets"])  # their kinks
reductions(distribution_focal, lambda count: sides(count, bins=3))


# Three dimensions


def solids(count, format="xyzxyz", scale=1.0):
    """Boxes that overlap in part, no side of the one near that side of the other, in the named format."""

    def recipe(draw):
        corner, size = draw.uniform(-4, 4, (count, 3)), draw.uniform(1, 3, (count, 3))
        targets = np.hstack([corner, corner + size])
        predictions = targets + draw.sign((count, 6)) * draw.uniform(0.1, 0.45, (count, 6))
        return {
            name: np.round(scale * np.round(from_solid(boxes, format), 4), 8)
            for name, boxes in (("predictions", predictions), ("targets", targets))
        }

    return recipe


def from_solid(boxes, format):
    low, high = boxes[:, :3], boxes[:, 3:]
    return boxes if format == "xyzxyz" else np.hstack([(low + high) / 2, high - low])


SOLIDS_APART = these([
    [[0.0, 0.0, 0.0, 2.0, 1.0, 3.0], [3.0, 2.0, 1.0, 4.5, 6.0, 2.5]],
    [[0.0, 0.0, 0.0, 2.0, 3.5, 1.0], [-4.0, 0.5, 5.0, -2.5, 2.0, 9.0]],
])
SOLIDS_INSIDE = these([
    [[1.0, 1.0, 1.0, 2.0, 3.0, 2.5], [0.0, 0.5, 0.25, 4.0, 5.0, 3.0]],
    [[-5.0, -2.0, 0.0, 3.0, 2.5, 8.0], [-1.0, -0.5, 1.0, 0.5, 0.25, 1.5]],
])
SOLIDS_INVERTED = these([
    [[3.0, 0.0, 0.0, 1.0, 2.0, 2.0], [0.0, 0.5, -1.0, 5.0, 3.0, 1.5]],
    [[-3.0, 1.0, 0.0, -1.0, 6.0, 4.0], [-2.25, -1.5, 5.0, 0.5, 4.0, 1.0]],
])


@formula("Rezatofighi et al., 2019, of volumes, divisors at least eps; agrees with MONAI's box_pair_giou")
def giou_3d_oracle(predictions, targets, form="giou", eps=1e-7, format="xyzxyz"):
    if format == "cxcyczwhd":
        predictions, targets = (
            torch.cat([boxes[:, :3] - boxes[:, 3:] / 2, boxes[:, :3] + boxes[:, 3:] / 2], 1)
            for boxes in (predictions, targets)
        )
    (low, high), (other_low, other_high) = predictions.split(3, 1), targets.split(3, 1)
    every = torch.stack([low, high, other_low, other_high])
    edges = every.detach().sort(0).values
    assert ((edges[1:] - edges[:-1]).amin(0) > 1e-3 * (edges[-1] - edges[0])).all()
    hull = every.amax(0) - every.amin(0)
    size, other = (high - low).clamp(min=0), (other_high - other_low).clamp(min=0)
    inner = (torch.minimum(high, other_high) - torch.maximum(low, other_low)).clamp(min=0).prod(1)
    union = size.prod(1) + other.prod(1) - inner
    volume = hull.prod(1)
    iou = inner / torch.maximum(union, eps * volume)
    gap = (volume - union) / torch.maximum(volume, eps * volume)
    center = (low + high - other_low - other_high) / 2
    added = {"iou": 0 * gap, "giou": gap, "diou": center.square().sum(1) / hull.square().sum(1)}[form]
    if form == "giou" and eps < 1e-3 and min(size.min(), other.min()) > 0.1:  # MONAI computes in f32
        agree(1 - iou + added, 1 - box_pair_giou(predictions.detach(), targets.detach()), rtol=1e-5)
    return 1 - iou + added


giou_3d = Kind("boxes", "giou_3d", giou_3d_oracle)
giou_3d.case("default", {}, solids(5))
giou_3d.case("one_box", {}, solids(1))
giou_3d.case("cxcyczwhd", {"format": "cxcyczwhd"}, solids(4, "cxcyczwhd"))
for form in ("iou", "diou"):
    giou_3d.case(form, {"form": form}, solids(5))
    giou_3d.case(f"{form}_disjoint", {"form": form}, SOLIDS_APART)
giou_3d.case("diou_cxcyczwhd_large", {"form": "diou", "format": "cxcyczwhd"}, solids(3, "cxcyczwhd", scale=1e4))
giou_3d.case("disjoint", {}, SOLIDS_APART)
giou_3d.case("one_inside_the_other", {}, SOLIDS_INSIDE)
giou_3d.case("diou_one_inside_the_other", {"form": "diou"}, SOLIDS_INSIDE)
giou_3d.case("inverted", {}, SOLIDS_INVERTED)
giou_3d.case("small", {}, solids(4, scale=0.01))
giou_3d.case("large", {}, solids(4, scale=1e4))
giou_3d.case("eps_above_some_volumes", {"eps": 1.5}, SOLIDS_APART)
reductions(giou_3d, solids)


# Rotated boxes


def rotated(count, turn=0.6, scale=1.0):
    """Boxes near one another, with angles that differ by up to `turn`."""

    def recipe(draw):
        center, size = draw.uniform(-4, 4, (count, 2)), draw.uniform(1, 4, (count, 2))
        angle = draw.uniform(-3, 3, (count, 1))
        targets = np.hstack([scale * center, scale * size, angle])
        shift = scale * draw.sign((count, 2)) * draw.uniform(0.1, 0.8, (count, 2))
        grown = scale * size * draw.uniform(0.6, 1.6, (count, 2))
        turned = angle + draw.sign((count, 1)) * draw.uniform(0.05, turn, (count, 1))
        predictions = np.hstack([scale * center + shift, grown, turned])
        return {"predictions": np.round(predictions, 6), "targets": np.round(targets, 6)}

    return recipe


FAR_APART = these([
    [[0.0, 0.0, 2.0, 1.0, 0.3], [9.0, -4.0, 1.5, 3.0, -0.7]],
    [[-6.0, 2.0, 1.0, 1.5, 1.2], [3.0, 8.0, 2.0, 0.5, 2.9]],
])
ELONGATED_ROTATED = these([
    [[0.0, 0.0, 9.0, 0.25, 0.4], [0.5, 0.3, 8.0, 0.3, 0.45]],
    [[1.0, 2.0, 0.2, 7.0, -1.0], [1.25, 1.5, 6.5, 0.25, 0.6]],
])
TURNED = these([
    [[0.5, 0.25, 3.0, 1.0, 7.5], [0.0, 0.0, 2.0, 1.5, -5.25]],
    [[0.5, 0.25, 3.0, 1.0, -2.0], [0.0, 0.0, 1.5, 2.0, 40.0]],
])
NEARLY_EQUAL = these([
    [[1.001, 2.0, 3.0, 1.5, 0.3], [1.0, 2.001, 3.0, 1.5, 0.3]],
    [[1.0, 2.0, 3.0001, 1.5, 0.3001], [1.0001, 2.0, 3.0, 1.5, 0.3]],
])


@formula("ultralytics 8, utils.metrics.probiou, its eps of 1e-7 left out")
def prob_iou_oracle(predictions, targets, form="hellinger", spread=12.0):
    a, b, c = sum_of_covariances(predictions, targets, spread)
    x, y = (predictions - targets).T[:2]
    determinant = a * b - c**2
    mahalanobis = (a * y**2 + b * x**2 - 2 * c * x * y) / determinant / 4
    areas = (predictions[:, 2:4].prod(1) / spread) * (targets[:, 2:4].prod(1) / spread)
    distance = mahalanobis + torch.log(determinant / (4 * areas)) / 2
    agree(distance, prob_iou_digits(predictions.detach(), targets.detach(), "bhattacharyya", spread), rtol=1e-8)
    return distance if form == "bhattacharyya" else (-torch.expm1(-distance)).sqrt()


def sum_of_covariances(predictions, targets, spread):
    total = 0
    for boxes in (predictions, targets):
        (w, h), (cos, sin) = boxes.T[2:4] ** 2 / spread, (boxes[:, 4].cos(), boxes[:, 4].sin())
        total = total + torch.stack([w * cos**2 + h * sin**2, w * sin**2 + h * cos**2, (w - h) * cos * sin])
    return total


@digits("Bhattacharyya distance of two Gaussians, by their covariance matrices")
def prob_iou_digits(predictions, targets, form="hellinger", spread=12.0):
    def covariance(w, h, angle):
        turn = mpmath.matrix([[mpmath.cos(angle), -mpmath.sin(angle)], [mpmath.sin(angle), mpmath.cos(angle)]])
        return turn * mpmath.diag([w**2 / spread, h**2 / spread]) * turn.T

    def value(*numbers):
        (px, py, *of_one), (tx, ty, *of_other) = numbers[:5], numbers[5:]
        one, other = covariance(*of_one), covariance(*of_other)
        mean, offset = (one + other) / 2, mpmath.matrix([px - tx, py - ty])
        shift = (offset.T * mpmath.inverse(mean) * offset)[0] / 8
        shape = mpmath.log(mpmath.det(mean) / mpmath.sqrt(mpmath.det(one) * mpmath.det(other))) / 2
        distance = shift + shape
        return distance if form == "bhattacharyya" else mpmath.sqrt(-mpmath.expm1(-distance))

    arguments = torch.cat([predictions, targets], 1)
    return from_mpmath([value] * len(arguments), arguments)


@digits("distances of two Gaussians, by their covariance matrices; Yang et al., 2021")
def gaussian_distance_oracle(predictions, targets, distance="kld", transform="log1p", tau=1.0, alpha=1.0):
    def covariance(w, h, angle):
        turn = mpmath.matrix([[mpmath.cos(angle), -mpmath.sin(angle)], [mpmath.sin(angle), mpmath.cos(angle)]])
        return turn * mpmath.diag([w**2 / 4, h**2 / 4]) * turn.T

    def trace(matrix):
        return matrix[0, 0] + matrix[1, 1]

    def root(matrix):
        """Of a symmetric matrix of two rows."""
        s = mpmath.sqrt(mpmath.det(matrix))
        return (matrix + s * mpmath.eye(2)) / mpmath.sqrt(trace(matrix) + 2 * s)

    def value(*numbers):
        (px, py, *of_one), (tx, ty, *of_other) = numbers[:5], numbers[5:]
        one, other = covariance(*of_one), covariance(*of_other)
        offset = mpmath.matrix([px - tx, py - ty])
        shift = lambda inverse: (offset.T * inverse * offset)[0]  # noqa: E731
        one_inverse, other_inverse, mean = mpmath.inverse(one), mpmath.inverse(other), (one + other) / 2
        logarithm = mpmath.log(mpmath.det(one) / mpmath.det(other))
        forth = shift(one_inverse) / alpha**2, trace(one_inverse * other) + logarithm - 2
        back = shift(other_inverse) / alpha**2, trace(other_inverse * one) - logarithm - 2
        between = root(one) * other * root(one)
        d = {
            "kld": lambda: sum(forth) / 2,
            "jeffreys": lambda: (sum(forth) + sum(back)) / 4,
            "bhattacharyya": lambda: shift(mpmath.inverse(mean)) / alpha**2 / 8
            + mpmath.log(mpmath.det(mean) / mpmath.sqrt(mpmath.det(one) * mpmath.det(other))) / 2,
            "gwd": lambda: shift(mpmath.eye(2)) + alpha**2 * (trace(one) + trace(other) - 2 * trace(root(between))),
        }[distance]()
        f = {"log1p": mpmath.log1p, "sqrt": mpmath.sqrt, "none": lambda x: x}[transform](d)
        return f if tau == 0 else 1 - 1 / (tau + f)

    arguments = torch.cat([predictions, targets], 1)
    return from_mpmath([value] * len(arguments), arguments)


BHATTACHARYYA = {"form": "bhattacharyya"}

prob_iou = Kind("boxes", "prob_iou", prob_iou_oracle)
prob_iou.case("default", {}, rotated(5))
prob_iou.case("one_box", {}, rotated(1))
prob_iou.case("bhattacharyya", BHATTACHARYYA, rotated(5))
prob_iou.case("spread", {"spread": 4.0}, rotated(4))
prob_iou.case("bhattacharyya_spread", BHATTACHARYYA | {"spread": 0.5}, rotated(4))
prob_iou.case("turned_further", {}, TURNED)
prob_iou.case("far_apart", {}, FAR_APART, oracle=prob_iou_digits)
prob_iou.case("bhattacharyya_far_apart", BHATTACHARYYA, FAR_APART)
prob_iou.case("elongated", {}, ELONGATED_ROTATED, oracle=prob_iou_digits)
prob_iou.case("bhattacharyya_elongated", BHATTACHARYYA, ELONGATED_ROTATED, oracle=prob_iou_digits)
prob_iou.case("nearly_equal", {}, NEARLY_EQUAL, oracle=prob_iou_digits, in_double=True)
prob_iou.case("bhattacharyya_nearly_equal", BHATTACHARYYA, NEARLY_EQUAL, oracle=prob_iou_digits, in_double=True)
prob_iou.case("small", {}, rotated(4, scale=0.01))
prob_iou.case("large", {}, rotated(4, scale=1e4))
reductions(prob_iou, rotated)

gaussian_distance = Kind("boxes", "gaussian_distance", gaussian_distance_oracle)
gaussian_distance.case("default", {}, rotated(4))
gaussian_distance.case("one_box", {}, rotated(1))
for distance in ("gwd", "jeffreys", "bhattacharyya"):
    gaussian_distance.case(distance, {"distance": distance}, rotated(3))
for transform in ("sqrt", "none"):
    gaussian_distance.case(transform, {"transform": transform}, rotated(3))
gaussian_distance.case("tau", {"tau": 2.5}, rotated(3))
gaussian_distance.case("tau_zero", {"tau": 0.0, "distance": "jeffreys"}, rotated(3))
gaussian_distance.case("alpha", {"alpha": 3.0}, rotated(3))
for distance in ("gwd", "jeffreys", "bhattacharyya"):
    plain = {"distance": distance, "alpha": 0.5, "transform": "none", "tau": 0.0}
    gaussian_distance.case(f"alpha_{distance}", plain, rotated(2))
    gaussian_distance.case(f"nearly_equal_{distance}", plain, NEARLY_EQUAL, in_double=True)
gaussian_distance.case("nearly_equal", {"transform": "none", "tau": 0.0}, NEARLY_EQUAL, in_double=True)
gaussian_distance.case("elongated", {}, ELONGATED_ROTATED)
gaussian_distance.case("far_apart", {}, FAR_APART)
gaussian_distance.case("large_gwd_sqrt", {"distance": "gwd", "transform": "sqrt"}, rotated(2, scale=1e4), in_double=True)
gaussian_distance.case("small", {}, rotated(2, scale=0.01))
reductions(gaussian_distance, rotated)


# Selection


@library("torchvision", "losses of torchvision; the boxes that fit worst by a stable sort (Shrivastava et al., 2016)")
def ohem_oracle(predictions, targets, loss={"kind": "ciou"}, keep={"ratio": 0.25}, min_kept=1):
    fields = dict(loss)
    values = INNER[fields.pop("kind")](predictions, targets, **fields)
    kept = hardest(values, keep, min_kept, torch.ones_like(values))
    return values * kept, kept


INNER = {"iou": iou_oracle, "giou": giou_oracle, "diou": diou_oracle, "ciou": ciou_oracle}
TIES = these([DISJOINT[0], OVERLAPPING[0], DISJOINT[0], INSIDE[0], DISJOINT[0]])

ohem = Kind("boxes", "ohem", ohem_oracle)
ohem.case("default", {}, pairs(8))
ohem.case("one_box", {}, pairs(1))
ohem.case("ratio_rounds_half_up", {}, pairs(10))
ohem.case("ratio_all", {"keep": {"ratio": 1.0}}, pairs(5))
ohem.case("ratio_small_min_kept", {"keep": {"ratio": 0.1}, "min_kept": 3}, pairs(6))
ohem.case("min_kept_above_all", {"keep": {"ratio": 0.5}, "min_kept": 50}, pairs(5))
ohem.case("count", {"keep": {"count": 3}}, pairs(8))
ohem.case("count_above_all", {"keep": {"count": 100}}, pairs(3))
ohem.case("count_with_ties_keeps_the_first", {"keep": {"count": 2}}, TIES)
ohem.case("threshold", {"keep": {"threshold": 0.3}}, pairs(8))
ohem.case("threshold_above_all_min_kept", {"keep": {"threshold": 100.0}, "min_kept": 2}, pairs(6))
ohem.case("all_sorts", {"keep": {"count": 3}}, ALL_SORTS)
ohem.case("large", {"keep": {"ratio": 0.5}}, pairs(6, scale=1e4))
ohem.case("iou_log", {"loss": {"kind": "iou", "form": "log"}, "keep": {"count": 3}}, pairs(6))
ohem.case("giou_cxcywh", {"loss": {"kind": "giou", "format": "cxcywh"}, "keep": {"ratio": 0.5}}, pairs(6, "cxcywh"))
ohem.case("diou_ltrb", {"loss": {"kind": "diou", "format": "ltrb"}, "keep": {"count": 2}}, pairs(5, "ltrb"))
reductions(ohem, lambda count: pairs(2 * count))
ohem.case("half_of_them_with_weights", {"keep": {"ratio": 0.5}}, pairs(8), weights="element")
