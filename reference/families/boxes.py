"""Boxes: (predictions, targets) [N, 4] -> [N]."""

import numpy as np
import torch
import torch.nn.functional as F
from torchvision.ops import box_convert, box_iou, complete_box_iou_loss, distance_box_iou_loss, generalized_box_iou_loss

from case import Kind, agree, formula, given, library

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
    assert form == "linear" or iou.min() > 1e-3
    agree(iou, Geometry(predictions, targets, format).iou)
    return 1 - iou if form == "linear" else -iou.log()


@formula("Yu et al., 2016, quotients and logarithm floored at eps")
def iou_floored(predictions, targets, form="linear", eps=1e-7, format="xyxy"):
    box = Geometry(predictions, targets, format)
    iou = box.overlap(eps)
    share = box.union / box.hull.prod(1)
    assert torch.minimum((share / eps - 1).abs(), (iou / eps - 1).abs()).min() > 1e-3
    return 1 - iou if form == "linear" else -iou.clamp(min=eps).log()


LOG = {"form": "log"}

iou = common(Kind("boxes", "iou", iou_oracle), iou_floored)
iou.case("log", LOG, pairs(5))
iou.case("log_cxcywh", LOG | {"format": "cxcywh"}, pairs(4, "cxcywh"))
iou.case("log_large", LOG | {"reduction": "sum"}, pairs(4, scale=1e4))
iou.case("log_all_sorts", LOG, ALL_SORTS, oracle=iou_floored)
iou.case("log_eps", LOG | {"eps": 0.1}, ALL_SORTS, oracle=iou_floored)
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
