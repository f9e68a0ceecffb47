"""Heads with margins that depend on more: several margins, several centers of a class, the lengths of the rows."""

import numpy as np
import torch
import torch.nn.functional as F
from pytorch_metric_learning import losses

from case import agree, formula, given, library

from .classification import IGNORE
from .heads import (
    ALL_IGNORED, EASY, HALVES, SAME_ROWS, ZEROS_IGNORED, Head, at_angles, classified, common, cosines, eased, exact,
    harmless, own, pml, replaced, rows, turned,
)
from .shared import sixteenths


@formula("Deng et al., 2019, equation 4; past pi as the psi of Liu et al., 2017")
def combined_margin_oracle(scale=64.0, m1=1.0, m2=0.5, m3=0.0, **inputs):
    def logits(x, labels, weight):
        cosine = cosines(x, weight)
        phi = m1 * angles(own(cosine, labels)) + m2
        k = (phi.detach() / torch.pi).floor()
        target = (-1) ** k * torch.cos(phi) - 2 * k - m3
        combined = replaced(cosine, labels, target)
        for here, known in special_margins(x, labels, weight, k, m1, m2, m3):
            agree(combined[here], known[here], rtol=1e-9)
        return scale * combined

    return classified(logits, **inputs)


def angles(cosine):
    """In [0, pi], with slope 0 at both ends."""
    inside = cosine.abs() < 1 - 1e-12
    ends = torch.acos(cosine.detach().clamp(-1, 1))
    return torch.where(inside, torch.acos(torch.where(inside, cosine, 0.0)), ends)


def special_margins(x, labels, weight, k, m1, m2, m3):
    """What the library has of the combinations: on which rows, which cosines."""
    if m1 == 1 and m3 == 0:  # beyond pi it goes on in another way
        yield k == 0, pml(losses.ArcFaceLoss, x, labels, weight, margin=np.degrees(m2), scale=1.0)
    if m1 == 1 and m2 == 0:
        yield k == 0, pml(losses.CosFaceLoss, x, labels, weight, margin=m3, scale=1.0)
    if m1 == int(m1) and m2 == m3 == 0:
        yield k >= 0, pml(losses.SphereFaceLoss, F.normalize(x), labels, weight, margin=int(m1), scale=1.0)


combined_margin = common(Head("heads", "combined_margin", combined_margin_oracle))
combined_margin.case("same_rows", {"scale": 4.0}, SAME_ROWS)
combined_margin.case("scale", {"scale": 10.0}, rows(4))
combined_margin.case("scale_small", {"scale": 0.5}, rows(4, width=5))
combined_margin.case("all_three", {"m1": 0.9, "m2": 0.4, "m3": 0.15, "scale": 16.0}, rows(4))
combined_margin.case("all_three_angles", {"m1": 1.5, "m2": 0.3, "m3": 0.2, "scale": 4.0}, at_angles(5, 70, -125, 170))
combined_margin.case("m1_half", {"m1": 0.5, "scale": 8.0}, at_angles(15, 75, -120, 165))
combined_margin.case("m1_four_is_a_softmax", {"m1": 4.0, "m2": 0.0, "scale": 4.0}, at_angles(20, 65, -110, 160))
combined_margin.case("m1_three_and_m2", {"m1": 3.0, "m2": 1.0, "scale": 2.0}, at_angles(10, 55, 95, -130, 170))
combined_margin.case("m2_large", {"m2": 4.0, "scale": 4.0}, at_angles(10, -80, 120, 165))
combined_margin.case("m2_beyond_pi", {"scale": 4.0}, at_angles(120, 155, -160, 170))
combined_margin.case("m3_is_cosface", {"m2": 0.0, "m3": 0.35}, exact(4))
combined_margin.case("no_margin_is_normalized_softmax", {"m2": 0.0}, exact(4))
combined_margin.case("parallel_and_opposite", {"m1": 2.0}, HALVES)


def sub_cosines(x, weight, sub_centers):
    """The cosines as [N, C, K]; and whether of every class one is so much the nearest that f32 finds it too."""
    cosine = cosines(x, weight).reshape(len(x), -1, sub_centers)
    nearest = cosine.detach().topk(min(2, sub_centers), dim=2).values
    clear = (nearest[..., 0] - nearest[..., -1] > 1e-3).all(1) | (x == 0).all(1)
    return cosine, sub_centers == 1 or bool(clear.all())


def sub_centered(recipe, count=3):
    """The recipe, with so many sub-centers for each of its classes, no two of them equally near to a row."""

    def drawn(draw):
        inputs = recipe(draw)
        classes, width = inputs["weight"].shape
        rows, clear = torch.tensor(inputs["embeddings"]), False
        while not clear:
            many = classes * count
            inputs["weight"] = sixteenths(draw, many) if width == 5 else draw.normal((many, width), 1.0)
            _, clear = sub_cosines(rows, torch.tensor(inputs["weight"]), count)
        return inputs

    return drawn


def exact_sub_centered(*arguments, **options):
    return sub_centered(exact(*arguments, **options))


class SubCenterHead(Head):
    def sizes(self, config, weight, **inputs):
        return {"num_classes": len(weight) // config.get("sub_centers", 3), "embedding_dim": weight.shape[1]}


@library("pytorch-metric-learning", "losses.SubCenterArcFaceLoss")
def sub_center_arcface_oracle(scale=64.0, margin=0.5, sub_centers=3, **inputs):
    def logits(x, labels, weight):
        cosine, clear = sub_cosines(x, weight, sub_centers)
        assert clear
        values = pml(losses.SubCenterArcFaceLoss, x, labels, weight, margin=np.degrees(margin), scale=scale,
                     sub_centers=sub_centers)
        agree(values, scale * turned(cosine.amax(2), labels, margin))
        return values

    return classified(logits, sub_centers=sub_centers, **inputs)


@formula("Deng et al., 2020, the easy margin of arcface's code")
def sub_center_arcface_easy(easy_margin, sub_centers=3, scale=64.0, margin=0.5, **inputs):
    def logits(x, labels, weight):
        cosine, clear = sub_cosines(x, weight, sub_centers)
        assert clear and easy_margin
        return scale * eased(cosine.amax(2), labels, margin)

    return classified(logits, sub_centers=sub_centers, **inputs)


TWO_EACH = given(  # at 60 and 170 degrees to the first class, whose nearer row changes
    embeddings=[[2.0, 0.0], [-2.0, -0.25], [0.5, 1.0]], labels=[0, 0, 1],
    weight=[[1.0, 1.732], [-0.25, 3.0], [0.5, -1.5], [-1.0, -0.125], [1.0, -1.0], [2.0, 0.5]],
)

sub_center_arcface = SubCenterHead("heads", "sub_center_arcface", sub_center_arcface_oracle)
common(sub_center_arcface, exact_sub_centered, of=sub_centered)
sub_center_arcface.case("same_rows", {"scale": 4.0}, sub_centered(SAME_ROWS))
sub_center_arcface.case("scale", {"scale": 10.0}, sub_centered(rows(4)))
sub_center_arcface.case("margin", {"margin": 0.3, "scale": 16.0}, sub_centered(rows(4)))
sub_center_arcface.case("margin_zero", {"margin": 0.0, "scale": 8.0}, sub_centered(rows(4)))
sub_center_arcface.case("margin_large", {"margin": 2.5, "scale": 8.0}, sub_centered(rows(5)))
sub_center_arcface.case("one_sub_center_is_arcface", {"sub_centers": 1}, exact(4))
sub_center_arcface.case("two_sub_centers", {"sub_centers": 2, "scale": 4.0}, TWO_EACH)
sub_center_arcface.case("five_sub_centers", {"sub_centers": 5, "scale": 8.0}, sub_centered(rows(4, classes=2), 5))
sub_center_arcface.case("beyond", {"margin": 1.5, "sub_centers": 2, "scale": 4.0}, TWO_EACH)
sub_center_arcface.case("easy", EASY | {"scale": 8.0}, sub_centered(rows(5)), oracle=sub_center_arcface_easy)


@formula("Kim et al., 2022")
class AdaFaceOracle:
    def __init__(self, scale=64.0, margin=0.4, h=0.333, momentum=0.01, **fields):
        self.scale, self.margin, self.h, self.momentum, self.fields = scale, margin, h, momentum, fields
        self.mean, self.std = 20.0, 100.0

    def __call__(self, embeddings, labels, **inputs):
        _, _, valid = harmless(embeddings, labels, self.fields.get("ignore_index", "none"))
        lengths = torch.linalg.vector_norm(embeddings.detach(), dim=1).clamp(1e-3, 100)
        if valid.sum() > 1:
            self.mean += self.momentum * (lengths[valid].mean() - self.mean)
            self.std += self.momentum * (lengths[valid].std(correction=1) - self.std)
        quality = ((lengths - self.mean) / (self.std + 1e-3) * self.h).clamp(-1, 1)

        def logits(x, y, weight):
            angle = angles(own(cosines(x, weight), y)) - self.margin * quality
            assert ((angle - 1e-3).abs() > 1e-4).all() and ((angle - torch.pi + 1e-3).abs() > 1e-4).all()  # kinks
            target = torch.cos(angle.clamp(1e-3, torch.pi - 1e-3)) - self.margin * quality - self.margin
            return self.scale * replaced(cosines(x, weight), y, target)

        return classified(logits, embeddings, labels, **inputs, **self.fields)


def of_lengths(recipe, *lengths):
    """The recipe's rows, made this long."""

    def recipe_of_lengths(draw):
        inputs = recipe(draw)
        unit = inputs["embeddings"] / np.linalg.norm(inputs["embeddings"], axis=1, keepdims=True)
        return inputs | {"embeddings": np.round(unit * np.array(lengths)[:, None], 8)}

    return recipe_of_lengths


BATCH_ONLY = {"momentum": 1.0, "scale": 8.0}
VARIED = [of_lengths(rows(4), 5, 25, 60, 20), of_lengths(rows(5), 30, 2, 9, 14, 80), of_lengths(rows(3), 1, 300, 40)]

adaface = common(Head("heads", "adaface", AdaFaceOracle), class_weights={"scale": 2.0})
adaface.case("same_rows", {"scale": 4.0}, SAME_ROWS)
adaface.case("three_steps", {"scale": 8.0}, VARIED)
adaface.case("three_steps_momentum", {"momentum": 0.5, "scale": 8.0}, VARIED)
adaface.case("two_steps_of_the_batch_only", BATCH_ONLY, VARIED[:2])
adaface.case("three_steps_one_row_second", BATCH_ONLY, [VARIED[0], of_lengths(rows(1), 15), VARIED[1]])
adaface.case("two_steps_with_ignored_rows", BATCH_ONLY | IGNORE, [
    of_lengths(rows(6, ignored=-100), 20, 9e9, 35, 5, 10, 0.5), of_lengths(rows(4, ignored=-100), 10, 7, 50, 30)
])
adaface.case("two_steps_all_ignored_first", {"momentum": 0.5} | IGNORE, [ALL_IGNORED, ZEROS_IGNORED])
adaface.case("h_large_clipped_on_both_sides", {"h": 4.0} | BATCH_ONLY, VARIED[0])
adaface.case("h_small", {"h": 0.1} | BATCH_ONLY, VARIED[1])
adaface.case("margin", {"margin": 1.2, "momentum": 1.0, "scale": 2.0}, VARIED[1])
adaface.case("margin_zero_is_normalized_softmax", {"margin": 0.0, "scale": 8.0}, rows(4))
adaface.case("angle_clipped_on_both_sides", {"h": 2.0, "margin": 0.5, "momentum": 1.0, "scale": 4.0},
             of_lengths(at_angles(5, 172, 80, -95), 90, 2, 80, 4))
