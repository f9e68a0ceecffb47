"""Metric: (embeddings [N, E], labels [N]) -> [N], one value per anchor."""

import numpy as np
import torch
import torch.nn.functional as F
from pytorch_metric_learning import losses
from pytorch_metric_learning.distances import CosineSimilarity, DotProductSimilarity, LpDistance
from pytorch_metric_learning.miners import BatchEasyHardMiner, BatchHardMiner, TripletMarginMiner
from pytorch_metric_learning.reducers import DoNothingReducer

from case import Draw, Kind, agree, formula, given, library

from .shared import sixteenths

# Inputs


def batch(count, width=3, classes=3, scale=1.0):
    """Random rows of so many classes, each as frequent as the others or once more."""

    def recipe(draw):
        labels = draw.rng.permutation(np.arange(count) % classes)
        return {"embeddings": np.round(scale * draw.normal((count, width), 1.0), 8), "labels": labels}

    return recipe


def exact(count, classes=3, scale=1.0):
    """The same, of rows with round cosines."""

    def recipe(draw):
        labels = draw.rng.permutation(np.arange(count) % classes)
        return {"embeddings": scale * sixteenths(draw, count), "labels": labels}

    return recipe


def relabeled(recipe, *labels):
    return lambda draw: recipe(draw) | {"labels": np.array(labels)}


def repeated(recipe, *pairs):
    """The recipe's batch, but for every (i, j) row j is what row i is."""

    def copied(draw):
        inputs = recipe(draw)
        for i, j in pairs:
            inputs["embeddings"][j] = inputs["embeddings"][i]
        return inputs

    return copied


LONELY = (2, 0, 7, 0, 2)
CLUSTERS = given(embeddings=[[1.0, 0.125], [0.75, 0.0], [-1.0, 0.125], [-0.5, 0.25]], labels=[0, 0, 1, 1])
LOOSE = given(  # rows of each class together, but for one
    embeddings=[[0.1, 0.0], [0.5, 0.3], [2.2, 1.8], [2.0, 0.15], [2.6, 1.0], [1.0, 2.45], [0.2, 2.3]],
    labels=[0, 0, 0, 1, 1, 2, 2],
)
PARALLEL = given(embeddings=[[1.0, 0.5], [2.0, 1.0], [-1.0, -0.5], [-0.5, 1.0]], labels=[0, 0, 1, 1])
TWINS = given(embeddings=[[0.5, 1.0], [0.5, 1.0], [1.0, 0.75], [1.75, 1.0], [1.0, 1.2]], labels=[0, 0, 1, 1, 2])
ZERO_ROW = given(embeddings=[[0.0, 0.0], [0.6, -0.8], [1.5, 2.0], [-0.7, 2.4]], labels=[0, 0, 1, 1])
FAR = given(  # quarters: exact in f32 too
    embeddings=[[1000.25, 999.5, 1001], [1000.75, 999, 1000.5], [998.5, 1000, 1001.75], [1001.25, 1000.5, 998.75]],
    labels=[0, 0, 1, 1],
)


def common(kind, recipe=batch, without_negatives=None):
    """The cases that every loss between pairs has."""
    kind.case("default", {}, recipe(6))
    kind.case("one_row", {}, recipe(1))
    kind.case("two_rows_of_one_class", {}, recipe(2, classes=1), oracle=without_negatives)
    kind.case("one_class", {}, recipe(4, classes=1), oracle=without_negatives)
    kind.case("all_labels_differ", {}, recipe(4, classes=4))
    kind.case("a_row_without_a_positive", {}, relabeled(recipe(5), *LONELY))
    kind.case("large", {}, recipe(5, classes=2, scale=1024.0))
    kind.case("small", {}, recipe(5, classes=2, scale=2**-10))
    kind.case("same_rows", {}, repeated(relabeled(recipe(6), 0, 1, 1, 0, 1, 2), (1, 4)))
    kind.case("same_rows_of_other_labels", {}, repeated(relabeled(recipe(6), 0, 1, 1, 0, 2, 2), (1, 4)))
    kind.case("row_of_zeros", {}, ZERO_ROW, constant=["embeddings"])
    kind.case("sum", {"reduction": "sum"}, recipe(5, classes=2))
    kind.case("batch_mean", {"reduction": "batch_mean"}, relabeled(recipe(5), *LONELY))
    kind.case("mean_with_weights", {}, recipe(6, classes=2), weights="element")
    kind.case("weighted_mean", {"reduction": "weighted_mean"}, relabeled(recipe(5), *LONELY), weights="element")
    return kind


# Pairs


def pml(loss, embeddings, labels, indices=None, each=lambda losses: losses, **options):
    """What a loss of PyTorch Metric Learning says of each pair or triplet, or of each anchor: the sum per anchor."""
    values = 0 * embeddings.sum(1)
    for part in loss(reducer=DoNothingReducer(), **options)(embeddings, labels, indices).values():
        if torch.is_tensor(part["losses"]):  # not the 0 that stands for no value
            where = part["indices"]
            anchors = where if torch.is_tensor(where) else where[0]
            values = values.index_add(0, anchors, each(part["losses"].flatten()))
    return values


def pairs(labels):
    """Which rows are each row's positives, which its negatives."""
    same = labels[:, None] == labels
    return same & ~torch.eye(len(labels), dtype=torch.bool), ~same


def with_both(labels):
    """The anchors that have a positive and a negative."""
    positive, negative = pairs(labels)
    return (positive.any(1) & negative.any(1)).double()


def cosines(embeddings):
    unit = F.normalize(embeddings)  # floored at 1e-12
    return unit @ unit.T


def log_sum(x, mask):
    """The logarithm of a sum of exponentials, of those in the mask; if of none, that of next to nothing."""
    return torch.logsumexp(torch.where(mask, x, -1e30), 1)


# Losses


@formula("one triplet after another: Schroff et al., 2015; Hermans et al., 2017; Xuan et al., 2020")
def triplet_oracle(
    embeddings, labels, margin=0.2, mining="all", average="active", distance="euclidean", normalize=True, soft=False
):
    rows = F.normalize(embeddings) if normalize or distance == "cosine" else embeddings
    d = [[MEASURES[distance](x, y) for y in rows] for x in rows]
    values, counted = 0 * embeddings.sum(1), torch.zeros(len(rows))
    chosen = triplets(torch.tensor([[x.item() for x in row] for row in d]), labels.tolist(), mining, margin)
    for a, p, n in chosen:
        gap = d[a][p] - d[a][n] + margin
        assert soft or abs(gap) > 1e-4 * (d[a][p] + d[a][n] + margin)
        values[a] += torch.logaddexp(gap, 0 * gap) if soft else gap.clamp(min=0)
        counted[a] += average == "valid" or soft or bool(gap > 0)

    scale = {"normalize_embeddings": normalize, "power": 2 if distance == "squared_euclidean" else 1}
    measure = CosineSimilarity() if distance == "cosine" else LpDistance(**scale)
    if mining in MINERS:
        a, p, *_, n = (x.tolist() for x in MINERS[mining](margin, measure)(embeddings, labels))
        assert set(zip(a, p, n)) == set(chosen)
    options = {"margin": margin, "smooth_loss": soft, "distance": measure}
    indices = tuple(torch.tensor(chosen, dtype=torch.long).reshape(-1, 3).T)
    agree(values, pml(losses.TripletMarginLoss, embeddings, labels, indices, **options))
    return values, counted


MEASURES = {
    "euclidean": lambda x, y: torch.linalg.vector_norm(x - y),  # its gradient at 0 is 0
    "squared_euclidean": lambda x, y: (x - y).square().sum(),
    "cosine": lambda x, y: 1 - (x * y).sum(),
}
MINERS = {
    "hard": lambda margin, measure: BatchHardMiner(distance=measure),
    "semi_hard": lambda margin, measure: TripletMarginMiner(margin, "semihard", distance=measure),
    "easy": lambda margin, measure: BatchEasyHardMiner("easy", "hard", distance=measure),
}


def triplets(d, labels, mining, margin):
    """The chosen triplets; no distance so near another, or a border, that f32 would choose differently."""

    def first(a, rows, sign=1):
        one, *others = sorted(rows, key=lambda j: sign * d[a, j])
        apart(d[a, others] - d[a, one])
        return one

    def apart(differences):
        assert (differences.abs() > 1e-4 * d.max()).all()

    chosen = []
    for a, label in enumerate(labels):
        positives = [j for j, other in enumerate(labels) if other == label and j != a]
        negatives = [j for j, other in enumerate(labels) if other != label]
        if positives and negatives and mining in ("hard", "easy"):
            chosen.append((a, first(a, positives, -1 if mining == "hard" else 1), first(a, negatives)))
            continue
        for p in positives:
            gaps = d[a, negatives] - d[a, p]
            farther = [n for n, gap in zip(negatives, gaps) if gap > 0]
            if mining == "all":
                chosen += [(a, p, n) for n in negatives]
            elif mining == "semi_hard":
                apart(torch.cat([gaps, gaps - margin]))
                chosen += [(a, p, n) for n in farther if d[a, n] <= d[a, p] + margin]
            elif negatives:
                apart(gaps)
                chosen.append((a, p, first(a, farther) if farther else first(a, negatives, -1)))
    return chosen


SQUARED, COSINE = {"distance": "squared_euclidean"}, {"distance": "cosine"}
AS_IS, SOFT, VALID = {"normalize": False}, {"soft": True}, {"average": "valid"}

triplet = common(Kind("metric", "triplet", triplet_oracle))
triplet.case("all_valid", VALID, batch(7))
for mining in ("hard", "semi_hard", "semi_hard_closest", "easy"):
    mined = {"mining": mining}
    triplet.case(mining, mined, batch(7))
    triplet.case(f"{mining}_valid", mined | VALID | AS_IS | {"margin": 1.0}, LOOSE)
    triplet.case(f"{mining}_cosine_soft", mined | COSINE | SOFT, relabeled(batch(7, width=4), 2, 0, 7, 0, 2, 0, 1))
    triplet.case(f"{mining}_same_rows", mined | {"margin": 0.5}, TWINS)
triplet.case("hard_all_labels_differ", {"mining": "hard"} | SOFT, batch(3))
triplet.case("hard_one_class", {"mining": "hard"} | VALID, batch(3, classes=1))
triplet.case("hard_same_rows_as_is", {"mining": "hard"} | AS_IS | SOFT, TWINS)
triplet.case("margin", {"margin": 1.0}, batch(6))
triplet.case("margin_zero", {"margin": 0.0}, batch(6))
triplet.case("margin_large_semi_hard", {"margin": 2.5, "mining": "semi_hard"} | AS_IS, batch(6))
triplet.case("squared_euclidean", SQUARED, batch(6))
triplet.case("squared_euclidean_as_is", SQUARED | AS_IS | VALID, batch(6))
triplet.case("squared_euclidean_same_rows", SQUARED | AS_IS, repeated(relabeled(batch(4), 0, 0, 1, 1), (0, 1), (0, 2)))
triplet.case("cosine", COSINE, batch(6))
triplet.case("cosine_as_is", COSINE | AS_IS | {"margin": 0.4}, batch(6, width=5))
triplet.case("as_is", AS_IS, batch(6))
triplet.case("as_is_large", AS_IS, batch(5, classes=2, scale=1024.0))
triplet.case("as_is_small", AS_IS, batch(5, classes=2, scale=2**-10))
triplet.case("as_is_far_from_the_origin", AS_IS, FAR)
triplet.case("soft", SOFT, batch(6))
triplet.case("soft_margin_zero_valid", SOFT | VALID | {"margin": 0.0}, batch(6))
triplet.case("soft_as_is_large", SOFT | AS_IS, batch(5, classes=2, scale=1024.0))
triplet.case("nothing_active", {}, CLUSTERS)
triplet.case("nothing_semi_hard", {"mining": "semi_hard"} | VALID, CLUSTERS)
triplet.case("weighted_mean_active", {"mining": "semi_hard_closest", "reduction": "weighted_mean"}, batch(7),
             weights="element")


@library("pytorch-metric-learning", "losses.ContrastiveLoss; in the squared form half the square of each pair's")
def contrastive_oracle(embeddings, labels, margin=1.0, form="squared", normalize=False):
    measure = LpDistance(normalize_embeddings=normalize)
    values = pml(losses.ContrastiveLoss, embeddings, labels, each=FORMS[form], neg_margin=margin, distance=measure)
    rows, (positive, negative) = F.normalize(embeddings) if normalize else embeddings, pairs(labels)
    d = torch.linalg.vector_norm(rows[:, None] - rows, dim=2)
    assert ((d - margin).abs() > 1e-4 * margin)[negative].all()
    agree(values, FORMS[form](positive * d + negative * (margin - d).clamp(min=0)).sum(1))
    return values, torch.full((len(rows),), len(rows) - 1.0)


FORMS = {"squared": lambda x: x.square() / 2, "linear": lambda x: x}
LINEAR, NORMALIZED = {"form": "linear"}, {"normalize": True}

contrastive = common(Kind("metric", "contrastive", contrastive_oracle))
contrastive.case("margin", {"margin": 2.5}, batch(6))
contrastive.case("margin_small", {"margin": 0.75}, batch(6))
contrastive.case("linear", LINEAR, batch(6))
contrastive.case("linear_margin", LINEAR | {"margin": 3.0}, batch(6, classes=2))
contrastive.case("linear_same_rows", LINEAR, repeated(relabeled(batch(5), 0, 0, 1, 1, 2), (0, 1)))
contrastive.case("linear_same_rows_of_other_labels", LINEAR, repeated(relabeled(batch(4), 0, 0, 1, 1), (1, 2)))
contrastive.case("linear_large", LINEAR | {"margin": 2048.0}, batch(5, classes=2, scale=1024.0))
contrastive.case("linear_small", LINEAR, batch(5, classes=2, scale=2**-10))
contrastive.case("normalized", NORMALIZED, batch(6))
contrastive.case("normalized_margin_linear", NORMALIZED | LINEAR | {"margin": 1.5}, batch(6, width=5))
contrastive.case("normalized_same_rows", NORMALIZED, repeated(relabeled(batch(5), 0, 0, 1, 1, 2), (0, 1)))
contrastive.case("normalized_large", NORMALIZED, batch(5, classes=2, scale=1024.0))
contrastive.case("far_from_the_origin", {"margin": 3.0}, FAR)
contrastive.case("linear_weighted_mean", LINEAR | {"reduction": "weighted_mean"}, batch(5), weights="element")


@formula("Wen et al., 2016; a center as a step toward the mean of its class")
class CenterOracle:
    def __init__(self, num_classes=10, embedding_dim=2, center_lr=0.5, update="paper"):
        self.centers, self.rate, self.update = torch.zeros(num_classes, embedding_dim), center_lr, update

    def __call__(self, embeddings, labels):
        values = F.mse_loss(embeddings, self.centers[labels], reduction="none").sum(1) / 2
        for label in labels.unique() if self.update == "paper" else []:
            own = embeddings.detach()[labels == label]
            share = self.rate * len(own) / (1 + len(own))
            self.centers[label] = (1 - share) * self.centers[label] + share * own.mean(0)
        return values


FIVE_BY_THREE, GRADIENT = {"num_classes": 5, "embedding_dim": 3}, {"update": "gradient"}
SOME = [relabeled(batch(5, width=2), *labels) for labels in ([0, 0, 3, 0, 9], [3, 9, 9, 1, 3], [0, 1, 3, 9, 9])]

center = Kind("metric", "center", CenterOracle)
center.case("default", {}, batch(5, width=2))
center.case("one_row", {}, batch(1, width=2))
center.case("three_steps", {}, [batch(5, width=2)] * 3)
center.case("three_steps_some_classes_absent", {}, SOME)
center.case("three_steps_one_row_each", {}, [batch(1, width=2)] * 3)
center.case("three_steps_one_class", {}, [batch(4, width=2, classes=1)] * 3)
center.case("three_steps_same_rows", {}, [given(embeddings=[[1.5, -0.5]] * 4, labels=[2] * 4)] * 3)
center.case("three_steps_five_by_three", FIVE_BY_THREE, [batch(6)] * 3)
center.case("three_steps_center_lr", {"center_lr": 0.125}, SOME)
center.case("three_steps_center_lr_one", {"center_lr": 1.0} | FIVE_BY_THREE, [batch(4, classes=5)] * 3)
center.case("three_steps_large", {}, [batch(5, width=2, scale=1024.0)] * 3)
center.case("three_steps_small", {}, [batch(5, width=2, scale=2**-10)] * 3)
center.case("three_steps_with_weights", {}, SOME, weights="element")
center.case("two_steps_gradient", GRADIENT, [batch(5, width=2)] * 2)
center.case("two_steps_gradient_five_by_three", GRADIENT | FIVE_BY_THREE | {"center_lr": 0.25}, [batch(4)] * 2)
center.case("two_steps_sum", {"reduction": "sum"}, SOME[:2])
center.case("two_steps_batch_mean", {"reduction": "batch_mean"}, SOME[:2])
center.case("two_steps_weighted_mean", {"reduction": "weighted_mean"}, SOME[1:], weights="element")


@library("pytorch-metric-learning", "losses.NTXentLoss")
def nt_xent_oracle(embeddings, labels, temperature=0.5):
    values = pml(losses.NTXentLoss, embeddings, labels, temperature=temperature)
    s, (positive, negative) = cosines(embeddings) / temperature, pairs(labels)
    each = torch.logaddexp(log_sum(s, negative)[:, None] - s, torch.zeros(()))
    agree(values, (positive * each).sum(1))
    return values, positive.sum(1).double()


@formula("Yeh et al., 2022, one logarithm over all negatives")
def decoupled_oracle(embeddings, labels, decoupled, temperature=0.5):
    s, (positive, negative) = cosines(embeddings) / temperature, pairs(labels)
    each = torch.where(negative.any(1)[:, None], log_sum(s, negative)[:, None] - s, 0)
    return (positive * each).sum(1), positive.sum(1).double()


nt_xent = common(Kind("metric", "nt_xent", nt_xent_oracle))
nt_xent.case("one_positive_each", {}, relabeled(batch(6), 0, 1, 2, 0, 1, 2))
nt_xent.case("several_positives", {}, relabeled(batch(8), 0, 0, 0, 1, 1, 0, 2, 1))
nt_xent.case("temperature_low", {"temperature": 0.07}, batch(6))
nt_xent.case("temperature_very_low", {"temperature": 0.015625}, exact(6))
nt_xent.case("temperature_high", {"temperature": 5.0}, batch(6, width=5))
nt_xent.case("parallel_rows", {}, PARALLEL)
DECOUPLED = {"decoupled": True}
nt_xent.case("decoupled", DECOUPLED, batch(6), oracle=decoupled_oracle)
nt_xent.case("decoupled_low", DECOUPLED | {"temperature": 0.1}, relabeled(batch(8), 0, 0, 0, 1, 1, 0, 2, 1),
             oracle=decoupled_oracle)
nt_xent.case("decoupled_one_class", DECOUPLED, batch(3, classes=1), oracle=decoupled_oracle)
nt_xent.case("decoupled_lonely_sum", DECOUPLED | {"reduction": "sum"}, relabeled(batch(5), *LONELY),
             oracle=decoupled_oracle)


@library("pytorch-metric-learning", "losses.NCALoss, of anchors with a positive")
def nca_oracle(embeddings, labels, softmax_scale=1.0, normalize=True):
    values, mass = nca_formula(embeddings, labels, softmax_scale, normalize)
    measure = LpDistance(normalize_embeddings=normalize, power=2)
    library_values = pml(losses.NCALoss, embeddings, labels, softmax_scale=softmax_scale, distance=measure)
    if with_both(labels).all():
        agree(library_values, values, atol=1e-12)
    return values, mass


@formula("Goldberger et al., 2004")
def nca_formula(embeddings, labels, softmax_scale=1.0, normalize=True):
    rows = F.normalize(embeddings) if normalize else embeddings
    d = -softmax_scale * (rows[:, None] - rows).square().sum(2)
    positive, negative = pairs(labels)
    mass = with_both(labels)
    return torch.where(mass > 0, log_sum(d, positive | negative) - log_sum(d, positive), 0), mass


nca = common(Kind("metric", "nca", nca_oracle))
nca.case("several_positives", {}, relabeled(batch(8), 0, 0, 0, 1, 1, 0, 2, 1))
nca.case("scale", {"softmax_scale": 16.0}, batch(6))
nca.case("scale_small", {"softmax_scale": 0.125}, batch(6, width=5))
nca.case("as_is", AS_IS, batch(6))
nca.case("as_is_scale", AS_IS | {"softmax_scale": 0.25}, batch(6, width=5))
nca.case("parallel_rows", {}, PARALLEL)


@library("pytorch-metric-learning", "losses.LiftedStructureLoss, of anchors with a positive and a negative")
def lifted_structure_oracle(embeddings, labels, margin=1.0, generalized=False, normalize=False):
    values, mass = lifted_structure_formula(embeddings, labels, margin, generalized, normalize)
    loss = losses.GeneralizedLiftedStructureLoss if generalized else losses.LiftedStructureLoss
    measure, whole = LpDistance(normalize_embeddings=normalize), with_both(labels)
    options = {"neg_margin": margin, "pos_margin": 0, "distance": measure}
    if whole.all():
        agree(pml(loss, embeddings, labels, **options), values, atol=1e-12)
    return values, mass


@formula("Oh Song et al., 2016; Hermans et al., 2017")
def lifted_structure_formula(embeddings, labels, margin=1.0, generalized=False, normalize=False):
    rows = F.normalize(embeddings) if normalize else embeddings
    d = torch.stack([torch.stack([torch.linalg.vector_norm(x - y) for y in rows]) for x in rows])
    positive, negative = pairs(labels)
    both, far = with_both(labels), log_sum(margin - d, negative)
    if generalized:
        gaps = torch.where(both > 0, log_sum(d, positive) + far, -1)
        assert (gaps.abs() > 1e-4 * (1 + d.max())).all()
        return gaps.clamp(min=0), both
    gaps = torch.logaddexp(far[:, None], far) + d
    wanted = positive & (both[:, None] > 0)
    assert (gaps.abs() > 1e-4 * (1 + d.max()))[wanted].all()
    values = torch.where(wanted, gaps.clamp(min=0).square() / 2, 0).sum(1)
    return values, both * positive.sum(1)


GENERALIZED, OF_UNIT = {"generalized": True}, {"normalize": True}
lifted_structure = common(Kind("metric", "lifted_structure", lifted_structure_oracle))
lifted_structure.case("several_positives", {}, relabeled(batch(8), 0, 0, 0, 1, 1, 0, 2, 1))
lifted_structure.case("margin", {"margin": 2.5}, batch(6))
lifted_structure.case("margin_small", {"margin": 0.25}, batch(6, width=5))
lifted_structure.case("generalized", GENERALIZED, batch(6))
lifted_structure.case("generalized_margin", GENERALIZED | {"margin": 3.0}, batch(7))
lifted_structure.case("generalized_lonely", GENERALIZED, relabeled(batch(5), *LONELY))
lifted_structure.case("generalized_normalized", GENERALIZED | OF_UNIT, batch(6))
lifted_structure.case("normalized", OF_UNIT, batch(6))


@library("pytorch-metric-learning", "losses.AngularLoss, of rows of length 1")
def angular_oracle(embeddings, labels, degrees=40.0):
    values, counts = angular_formula(embeddings, labels, degrees)
    # The library does not normalize the negatives.
    agree(pml(losses.AngularLoss, F.normalize(embeddings), labels, alpha=degrees), values, atol=1e-12)
    return values, counts


@formula("Wang et al., 2017")
def angular_formula(embeddings, labels, degrees=40.0):
    x, t = F.normalize(embeddings), np.tan(np.radians(degrees)) ** 2
    positive, negative = pairs(labels)
    values = 0 * embeddings.sum(1)
    for a, p in positive.nonzero().tolist():
        others = x[negative[a]]
        terms = 4 * t * (others @ (x[a] + x[p])) - 2 * (1 + t) * (x[a] @ x[p])
        values[a] += torch.logsumexp(torch.cat([terms, torch.zeros(1)]), 0)
    return values, positive.sum(1).double()


angular = common(Kind("metric", "angular", angular_oracle), without_negatives=angular_formula)
angular.case("several_positives", {}, relabeled(batch(8), 0, 0, 0, 1, 1, 0, 2, 1))
angular.case("degrees", {"degrees": 55.0}, batch(6))
angular.case("degrees_most", {"degrees": 60.0}, batch(6, width=5))
angular.case("degrees_few", {"degrees": 5.0}, batch(6))
angular.case("parallel_rows", {}, PARALLEL)


@library("pytorch-metric-learning", "losses.NPairsLoss, and the squared lengths")
def n_pair_oracle(embeddings, labels, l2=0.02):
    values, mass = n_pair_formula(embeddings, labels, l2)
    if not mass.any():
        return values, mass
    lengths = torch.zeros(len(labels))
    for a, p in chosen_pairs(labels):
        lengths[a] = (embeddings[a] @ embeddings[a] + embeddings[p] @ embeddings[p]).detach()
    measure = DotProductSimilarity(normalize_embeddings=False)
    agree(pml(losses.NPairsLoss, embeddings, labels, distance=measure).detach() + l2 * lengths, values, atol=1e-12)
    return values, mass


@formula("Sohn, 2016")
def n_pair_formula(embeddings, labels, l2=0.02):
    chosen = chosen_pairs(labels)
    values, mass = 0 * embeddings.sum(1), torch.zeros(len(labels))
    seconds = torch.tensor([p for _, p in chosen], dtype=torch.long)
    for i, (a, p) in enumerate(chosen if len(chosen) > 1 else []):
        row = embeddings[seconds] @ embeddings[a]
        values[a] = torch.logsumexp(row, 0) - row[i]
        values[a] += l2 * (embeddings[a].square().sum() + embeddings[p].square().sum())
        mass[a] = 1.0
    return values, mass


def chosen_pairs(labels):
    rows = {label: [i for i, other in enumerate(labels.tolist()) if other == label] for label in labels.tolist()}
    return [tuple(own[:2]) for own in rows.values() if len(own) > 1]


n_pair = common(Kind("metric", "n_pair", n_pair_oracle))
n_pair.case("several_positives", {}, relabeled(batch(8), 0, 0, 0, 1, 1, 0, 2, 1))
n_pair.case("l2", {"l2": 0.5}, batch(6))
n_pair.case("l2_zero", {"l2": 0.0}, batch(8, classes=4))
n_pair.case("l2_zero_long", {"l2": 0.0}, batch(6, scale=8.0))


@library("pytorch-metric-learning", "losses.SupConLoss")
def sup_con_oracle(embeddings, labels, temperature=0.1):
    values, mass = sup_con_formula(embeddings, labels, temperature)
    library_values = pml(losses.SupConLoss, embeddings, labels, temperature=temperature)
    agree(library_values, values)
    return library_values, mass


@formula("Khosla et al., 2020, L_out")
def sup_con_formula(embeddings, labels, temperature=0.1):
    """The library says 0 where there is no negative."""
    s, (positive, negative) = cosines(embeddings) / temperature, pairs(labels)
    count = positive.sum(1)
    mean = (positive * s).sum(1) / count.clamp(min=1)
    return torch.where(count > 0, log_sum(s, positive | negative) - mean, 0), (count > 0).double()


sup_con = common(Kind("metric", "sup_con", sup_con_oracle), without_negatives=sup_con_formula)
sup_con.case("several_positives", {}, relabeled(batch(8), 0, 0, 0, 1, 1, 0, 2, 1))
sup_con.case("temperature", {"temperature": 0.5}, batch(6))
sup_con.case("temperature_very_low", {"temperature": 0.015625}, exact(6))
sup_con.case("temperature_high", {"temperature": 5.0}, batch(6, width=5))
sup_con.case("one_class_temperature", {"temperature": 0.25}, batch(3, classes=1), oracle=sup_con_formula)
sup_con.case("parallel_rows", {}, PARALLEL)


@library("pytorch-metric-learning", "losses.MultiSimilarityLoss, of anchors with a positive and a negative")
def multi_similarity_oracle(embeddings, labels, alpha=2.0, beta=50.0, base=0.5):
    values = pml(losses.MultiSimilarityLoss, embeddings, labels, alpha=alpha, beta=beta, base=base)
    s, (positive, negative), mass = cosines(embeddings), pairs(labels), with_both(labels)
    near = torch.log1p((positive * torch.exp(alpha * (base - s))).sum(1)) / alpha
    far = torch.log1p((negative * torch.exp(beta * (s - base))).sum(1)) / beta
    agree(mass * values, mass * (near + far))
    return mass * values, mass


multi_similarity = common(Kind("metric", "multi_similarity", multi_similarity_oracle), exact)
multi_similarity.case("alpha", {"alpha": 20.0}, batch(6))
multi_similarity.case("beta", {"beta": 5.0}, batch(6, width=5))
multi_similarity.case("base", {"base": 0.0}, batch(6))
multi_similarity.case("base_one", {"base": 1.0, "alpha": 0.5}, batch(6))
multi_similarity.case("several_positives", {"beta": 40.0}, relabeled(batch(8), 0, 0, 0, 1, 1, 0, 2, 1))
multi_similarity.case("steep", {"alpha": 64.0, "beta": 256.0}, exact(6))
multi_similarity.case("parallel_rows", {}, PARALLEL)


@formula("Sun et al., 2020")
def circle_oracle(embeddings, labels, margin=0.25, gamma=256.0):
    s, (positive, negative), mass = cosines(embeddings), pairs(labels), with_both(labels)
    pull, push = (1 + margin - s).clamp(min=0).detach(), (s + margin).clamp(min=0).detach()
    near = log_sum(-gamma * pull * (s - 1 + margin), positive)
    far = log_sum(gamma * push * (s - margin), negative)
    values = mass * torch.logaddexp(near + far, 0 * near)
    # the library's softplus is a straight line above 20
    agree(values, pml(losses.CircleLoss, embeddings, labels, m=margin, gamma=gamma), rtol=1e-9)
    return values, mass


circle = common(Kind("metric", "circle", circle_oracle), exact)
circle.case("several_positives", {"gamma": 16.0}, relabeled(batch(8), 0, 0, 0, 1, 1, 0, 2, 1))
circle.case("gamma", {"gamma": 2.0}, batch(6))
circle.case("margin", {"margin": 0.4, "gamma": 80.0}, batch(6))
circle.case("margin_half", {"margin": 0.5, "gamma": 1.0}, batch(6, width=5))
circle.case("parallel_rows", {}, PARALLEL)


# Proxies


class Proxied(Kind):
    """A kind whose inputs also have proxies, as many as its config says; and whose configs say how wide they are."""

    def case(self, name, config, inputs, **options):
        def with_proxies(draw):
            rows = inputs(draw)
            shape = (config.get("num_classes", 10), rows["embeddings"].shape[1])
            proxies = sixteenths(draw, shape[0]) if shape[1] == 5 else draw.normal(shape, 1.0)
            return rows | {"proxies": proxies}

        width = inputs(Draw(name))["embeddings"].shape[1]
        super().case(name, {"embedding_dim": width} | config, with_proxies, **options)


@library("pytorch-metric-learning", "losses.ProxyAnchorLoss, split among the rows")
def proxy_anchor_oracle(embeddings, labels, proxies, embedding_dim, margin=0.1, alpha=32.0, num_classes=10,
                        initializer=""):
    """A row's share of each logarithm is what its exponential is of the sum; the shares have no gradient."""
    assert proxies.shape == (num_classes, embedding_dim)
    module = losses.ProxyAnchorLoss(num_classes, embedding_dim, margin, alpha, reducer=DoNothingReducer())
    del module.proxies
    module.proxies = proxies
    parts = module(embeddings, labels)
    own = F.one_hot(labels, num_classes) > 0
    s = F.normalize(embeddings) @ F.normalize(proxies).T
    pull, push = alpha * (margin - s), alpha * (margin + s)
    values = 0
    for name, exponents, mask, divisor in (
        ("pos_loss", pull, own, own.any(0).sum()),
        ("neg_loss", push, ~own, num_classes),
    ):
        logarithms = parts[name]["losses"]
        exponents = torch.where(mask, exponents, -1e30)
        agree(logarithms, torch.logaddexp(torch.logsumexp(exponents, 0), torch.zeros(())))
        shares = torch.where(mask, torch.softmax(exponents, 0), 0).detach()
        values = values + len(labels) * (shares * logarithms).sum(1) / divisor
    return values


FOUR = {"num_classes": 4}

proxy_anchor = common(Proxied("metric", "proxy_anchor", proxy_anchor_oracle), exact)
proxy_anchor.case("initializer", {"initializer": "normal"} | FOUR, batch(6))
proxy_anchor.case("four_classes", FOUR, batch(5, classes=4))
proxy_anchor.case("one_class_only", {"num_classes": 1}, batch(3, classes=1))
proxy_anchor.case("two_classes_one_absent", {"num_classes": 2}, relabeled(batch(3), 1, 1, 1))
proxy_anchor.case("margin", {"margin": 0.4} | FOUR, batch(6))
proxy_anchor.case("margin_zero", {"margin": 0.0, "alpha": 8.0} | FOUR, batch(6))
proxy_anchor.case("alpha", {"alpha": 4.0} | FOUR, batch(6))
proxy_anchor.case("alpha_small_margin_large", {"alpha": 0.5, "margin": 1.0} | FOUR, batch(5))
proxy_anchor.case("alpha_large", {"alpha": 256.0} | FOUR, exact(6))
proxy_anchor.case("all_rows_the_same", {"alpha": 8.0} | FOUR, repeated(batch(3), (0, 1), (0, 2)))
proxy_anchor.case("sum_with_weights", {"reduction": "sum", "alpha": 8.0} | FOUR, batch(5), weights="element")
