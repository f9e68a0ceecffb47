"""Vectors: (first [N, E], second [N, E]) -> [N], row by row."""

import numpy as np
import optax
import torch
import torch.nn.functional as F

from case import Kind, agree, array, formula, given, library

# Inputs


def vectors(count, width=3, scale=1.0, labels=False):
    """So many pairs of random vectors; with labels, half of them dissimilar."""

    def recipe(draw):
        first, second = (np.round(scale * draw.normal((count, width), 1.0), 8) for _ in range(2))
        inputs = {"first": first, "second": second}
        return inputs | {"dissimilar": (draw.sign(count) + 1) / 2} if labels else inputs

    return recipe


def common(kind, labels=False):
    """The cases that every loss of the family has."""

    def draw(*shape, **options):
        return vectors(*shape, labels=labels, **options)

    constant = ["dissimilar"] if labels else []
    kind.case("default", {}, draw(5), constant=constant)
    kind.case("one_row", {}, draw(1), constant=constant)
    kind.case("one_number", {}, draw(4, 1), constant=constant)
    kind.case("wide", {}, draw(3, 17), constant=constant)
    kind.case("large", {}, draw(4, scale=2.0**14), constant=constant)
    kind.case("small", {}, draw(4, scale=2.0**-14), constant=constant)
    kind.case("sum", {"reduction": "sum"}, draw(4), constant=constant)
    kind.case("batch_mean", {"reduction": "batch_mean"}, draw(4), constant=constant)
    kind.case("mean_with_weights", {}, draw(5), weights="element", constant=constant)
    kind.case("weighted_mean", {"reduction": "weighted_mean"}, draw(5), weights="element", constant=constant)
    return kind


# Losses


@library("torch", "torch.nn.functional.cosine_similarity, 1 minus it")
def cosine_oracle(first, second, target_gradient="full", eps=1e-8):
    none = (first.detach().norm(dim=1) < eps) | (second.detach().norm(dim=1) < eps)
    second = second.detach() + 0 * second if target_gradient == "detached" else second
    x, y = (torch.where(none[:, None], torch.ones(()), rows) for rows in (first, second))
    values = 1 - F.cosine_similarity(x, y)
    agree(values, optax.losses.cosine_distance(array(x), array(y)), atol=1e-12)
    # Half the square of the difference of the unit vectors: the same, to more digits where they are nearly the same.
    agree(values, (F.normalize(x) - F.normalize(y)).square().sum(1) / 2, atol=1e-12)
    return torch.where(none, 1.0, values)


DETACHED = {"target_gradient": "detached"}
SHORT = given(
    first=[[0.0, 0.0], [0.0003, 0.0004], [3.0, -4.0], [1.0, 2.0]],
    second=[[1.0, 2.0], [1.0, 2.5], [0.0003, 0.0004], [-2.0, 0.5]],
)

cosine = common(Kind("vectors", "cosine", cosine_oracle))
cosine.case("opposite", {}, given(first=[[1.0, 2.0], [3.0, 0.5]], second=[[-2.0, -4.0], [-6.0, -1.0]]))
cosine.case("same_direction", {}, given(first=[[1.0, 2.0], [3.0, 0.5]], second=[[2.0, 4.0], [3.0, 0.5]]))
cosine.case("right_angle", {}, given(first=[[1.0, 0.0]], second=[[0.0, 3.0]]))
cosine.case("eps", {"eps": 0.001}, SHORT)
cosine.case("detached", DETACHED, vectors(5))
cosine.case("detached_eps_weighted_mean", DETACHED | {"eps": 0.001, "reduction": "weighted_mean"}, SHORT,
            weights="element")


@library("torch", "torch.nn.functional.cosine_embedding_loss, its target 1 - 2 y")
def cosine_embedding_oracle(first, second, dissimilar, margin=0.0):
    target = 1 - 2 * dissimilar
    # torch adds 1e-12 to the squares: the rows are long, so that it does not show.
    scale = [2.0**40 / torch.linalg.vector_norm(rows.detach(), dim=1, keepdim=True) for rows in (first, second)]
    values = F.cosine_embedding_loss(first * scale[0], second * scale[1], target, margin=margin, reduction="none")
    cosines = F.cosine_similarity(first, second)
    assert ((cosines - margin).abs() > 1e-4)[dissimilar > 0.5].all()
    agree(values, torch.where(dissimilar > 0.5, (cosines - margin).clamp(min=0), 1 - cosines), atol=1e-12)
    return values


NEAR = given(first=[[1.0, 0.5], [2.0, 0.25], [1.0, 1.0]], second=[[1.0, 0.25], [1.5, 0.5], [-1.0, 0.75]],
             dissimilar=[1.0, 0.0, 1.0])
PAIRS = ["dissimilar"]

cosine_embedding = common(Kind("vectors", "cosine_embedding", cosine_embedding_oracle, constant=PAIRS), labels=True)
cosine_embedding.case("near", {}, NEAR)
cosine_embedding.case("margin", {"margin": 0.5}, NEAR)
cosine_embedding.case("margin_half_batch", {"margin": 0.25}, vectors(6, labels=True))
cosine_embedding.case("margin_negative", {"margin": -0.5}, vectors(6, labels=True))
cosine_embedding.case("margin_one", {"margin": 1.0}, vectors(4, labels=True))
cosine_embedding.case("all_similar", {}, given(first=[[1.0, 2.0]], second=[[0.5, -1.0]], dissimilar=[0.0]))
cosine_embedding.case("all_dissimilar", {}, given(first=[[1.0, 2.0]], second=[[0.5, 1.5]], dissimilar=[1.0]))


@formula("the p-norm of the difference")
def euclidean_oracle(first, second, p=2.0):
    values = torch.linalg.vector_norm(first - second, p, dim=1)  # its gradient at 0 is 0
    agree(values, ((first - second).abs() ** p).sum(1) ** (1 / p))
    return values


SAME = given(first=[[1.0, 2.0], [3.0, 4.0]], second=[[1.0, 2.0], [0.0, 0.0]])

euclidean = common(Kind("vectors", "euclidean", euclidean_oracle))
euclidean.case("same_rows", {}, SAME)
euclidean.case("p_one", {"p": 1.0}, vectors(5))
euclidean.case("p_three", {"p": 3.0}, vectors(5))
euclidean.case("p_one_and_a_half", {"p": 1.5}, vectors(4, 7))
euclidean.case("p_four_large", {"p": 4.0}, vectors(4, scale=2.0**14))
