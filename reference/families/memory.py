"""Metric losses with a memory: each batch is compared with itself and with a queue of earlier batches."""

import numpy as np
import torch
import torch.nn.functional as F
from pytorch_metric_learning import losses
from pytorch_metric_learning.distances import LpDistance
from pytorch_metric_learning.reducers import DoNothingReducer
from pytorch_metric_learning.utils import loss_and_miner_utils

from case import Kind, agree, formula, given, library

from .metric import FORMS, batch, circle, contrastive, exact, log_sum, multi_similarity, nt_xent, relabeled, sup_con, triplet
from .views import views

# Cross-batch memory


class Queue:
    """The newest rows, with their labels."""

    def __init__(self, size):
        self.size, self.rows, self.labels = size, None, None

    def add(self, rows, labels):
        rows = rows.detach() if self.rows is None else torch.cat([self.rows, rows.detach()])
        labels = labels if self.labels is None else torch.cat([self.labels, labels])
        self.rows, self.labels = rows[-self.size :], labels[-self.size :]

    def last(self, count):
        if self.rows is None or count <= 0:
            return None, None
        return self.rows[-count:], self.labels[-count:]


def remembering(make, mass, each=lambda losses: losses):
    """An oracle of CrossBatchMemory around a loss: its value of each anchor, and how much the anchor counts."""

    @library("pytorch-metric-learning", "losses.CrossBatchMemory")
    class Oracle:
        def __init__(self, memory, **fields):
            self.loss, self.fields, self.xbm, self.step = make(**fields), fields, None, 0
            self.size, self.after = memory["size"], memory.get("after", 0)
            self.queue = Queue(self.size)

        def __call__(self, embeddings, labels):
            if self.xbm is None:
                self.xbm = losses.CrossBatchMemory(self.loss, embeddings.shape[1], self.size)
            count = len(labels)
            if self.step < self.after:
                parts, older = self.loss(embeddings, labels), (None, None)
                self.xbm.add_to_memory(embeddings, labels, count)
            else:
                older = self.queue.last(self.size - count)
                parts = self.live(embeddings, labels, older)
                agree(total(parts), total(self.xbm(embeddings, labels)), rtol=1e-9)
            self.step += 1
            self.queue.add(embeddings, labels)
            known = labels if older[0] is None else torch.cat([labels, older[1]])
            rows = embeddings if older[0] is None else torch.cat([embeddings, older[0]])
            same = labels[:, None] == known
            itself = torch.eye(count, len(known), dtype=torch.bool)
            values = 0 * embeddings.sum(1)
            for part in parts.values():
                if torch.is_tensor(part["losses"]):
                    where = part["indices"]
                    anchors = where if torch.is_tensor(where) else where[0]
                    values = values.index_add(0, anchors, each(part["losses"].flatten(), **self.fields))
            counted = mass(embeddings, rows, same & ~itself, ~same, values, **self.fields)
            return torch.where(counted > 0, values, 0 * values), counted

        def live(self, embeddings, labels, older):
            """What CrossBatchMemory computes, but the partners of the batch itself have a gradient too."""
            rows, known = (torch.cat([x, *([y] if y is not None else [])]) for x, y in zip((embeddings, labels), older))
            pairs = loss_and_miner_utils.get_all_pairs_indices(labels, known)
            pairs = loss_and_miner_utils.remove_self_comparisons(pairs, torch.arange(len(labels)), len(known))
            return self.loss(embeddings, labels, pairs, rows, known)

    return Oracle


def total(parts):
    return sum(part["losses"].sum() for part in parts.values() if torch.is_tensor(part["losses"]))


def with_both(embeddings, rows, positive, negative, values, **_):
    return (positive.any(1) & negative.any(1)).double()


def active_triplets(embeddings, rows, positive, negative, values, margin=0.2):
    d = torch.cdist(F.normalize(embeddings), F.normalize(rows)).detach()
    gaps = d[:, :, None] - d[:, None, :] + margin
    chosen = positive[:, :, None] & negative[:, None, :]
    return (chosen & (gaps > 0)).sum((1, 2)).double()


def options(**fixed):
    return {"reducer": DoNothingReducer()} | fixed


def triplets(margin=0.2):
    return losses.TripletMarginLoss(**options(margin=margin))


REMEMBERING = [
    (contrastive, batch, remembering(
        lambda margin=1.0, form="squared": losses.ContrastiveLoss(
            **options(neg_margin=margin, distance=LpDistance(normalize_embeddings=False))
        ),
        lambda embeddings, rows, positive, negative, values, **_: (positive | negative).sum(1).double(),
        lambda parts, form="squared", **_: FORMS[form](parts),
    )),
    (triplet, batch, remembering(triplets, active_triplets)),
    (multi_similarity, exact, remembering(
        lambda alpha=2.0, beta=50.0: losses.MultiSimilarityLoss(**options(alpha=alpha, beta=beta, base=0.5)), with_both
    )),
    (circle, exact, remembering(lambda gamma=256.0: losses.CircleLoss(**options(m=0.25, gamma=gamma)), with_both)),
    (nt_xent, batch, remembering(
        lambda temperature=0.5: losses.NTXentLoss(**options(temperature=temperature)),
        lambda embeddings, rows, positive, negative, values, **_: positive.sum(1).double(),
    )),
    (sup_con, batch, remembering(
        lambda temperature=0.1: losses.SupConLoss(**options(temperature=temperature)),
        lambda embeddings, rows, positive, negative, values, **_: positive.any(1).double(),
    )),
]

for kind, recipe, oracle in REMEMBERING:
    constant = ["embeddings"] if kind is circle else []
    kind.case("memory", {"memory": {"size": 32}}, [recipe(5), recipe(4), recipe(5)], oracle=oracle)
    if kind.kind not in ("circle", "sup_con"):  # there the oracle loses digits
        kind.case("memory_overflows", {"memory": {"size": 10}}, [recipe(4), recipe(6), recipe(4), recipe(4)], oracle=oracle)
    kind.case("memory_after", {"memory": {"size": 16, "after": 2}}, [recipe(4)] * 4, oracle=oracle,
              in_double=kind.kind == "sup_con")
    kind.case("memory_sum", {"memory": {"size": 12}, "reduction": "sum"}, [recipe(5)] * 3, oracle=oracle)

contrastive.case("memory_linear", {"memory": {"size": 32}, "form": "linear"}, [batch(5), batch(4)],
                 oracle=REMEMBERING[0][2])


@formula("NT-Xent, its negatives from the queue alone")
class MemoryNegatives:
    def __init__(self, memory, temperature=0.5):
        assert memory["negatives"] == "memory"
        self.temperature, self.queue = temperature, Queue(memory["size"])

    def __call__(self, embeddings, labels):
        older, known = self.queue.last(self.queue.size - len(labels))
        unit, count = F.normalize(embeddings), len(labels)
        s = unit @ unit.T / self.temperature
        positive = (labels[:, None] == labels) & ~torch.eye(count, dtype=torch.bool)
        negative = labels[:, None] != labels
        if older is not None:
            s = torch.cat([s, unit @ F.normalize(older).T / self.temperature], 1)
            same = labels[:, None] == known
            positive = torch.cat([positive, same], 1)
            negative = torch.cat([torch.zeros_like(negative), ~same], 1)
        each = torch.logaddexp(log_sum(s, negative)[:, None] - s, torch.zeros(()))
        self.queue.add(embeddings, labels)
        return (positive * each).sum(1), positive.sum(1).double()


nt_xent.case("memory_negatives", {"memory": {"size": 24, "negatives": "memory"}}, [batch(5), batch(4), batch(6)],
             oracle=MemoryNegatives)


# Given distances


@library("torch", "torch.nn.functional.hinge_embedding_loss, its target 1 - 2 y; half its square in the squared form")
def hinge_embedding_oracle(distances, dissimilar, margin=1.0, form="squared"):
    values = F.hinge_embedding_loss(distances, 1 - 2 * dissimilar, margin=margin, reduction="none")
    return values if form == "linear" else values.square() / 2


DISTANCES = given(distances=[0.25, 1.5, 0.5, 3.0, 0.75], dissimilar=[0.0, 0.0, 1.0, 1.0, 1.0])
for name, config in (
    ("distances", {}),
    ("distances_linear", {"form": "linear"}),
    ("distances_linear_margin", {"form": "linear", "margin": 2.0}),
    ("distances_sum", {"reduction": "sum", "margin": 0.6}),
):
    contrastive.case(name, config, DISTANCES, oracle=hinge_embedding_oracle, constant=["dissimilar"])
contrastive.case("distances_weighted_mean", {"form": "linear", "reduction": "weighted_mean"}, DISTANCES,
                 weights="element", oracle=hinge_embedding_oracle, constant=["dissimilar"])


# InfoNCE


@library("torch", "torch.nn.functional.cross_entropy of each positive against the negatives")
def info_nce_oracle(embeddings, labels, temperature=0.07, normalize=True, both_ways=False, parts=1,
                    remove_accidental_hits=True):
    first, second = embeddings.chunk(2)
    of_first, of_second = labels.chunk(2)
    size, values, mass = len(first) // parts, [[], []], [[], []]
    for start in range(0, len(first), size):
        part = slice(start, start + size)
        for way, (rows, others, own, known) in enumerate((
            (first[part], second[part], of_first[part], of_second[part]),
            (second[part], first[part], of_second[part], of_first[part]),
        )):
            s = scores(rows, others, temperature, normalize)
            for i in range(size):
                same = own[i] == known
                each = 0 * embeddings.sum()
                if way == 0 or both_ways:
                    for p in same.nonzero().flatten().tolist():
                        rest = ~same if remove_accidental_hits else torch.arange(size) != p
                        row = torch.cat([s[i, p : p + 1], s[i][rest]])
                        each = each + F.cross_entropy(row[None], torch.tensor([0]))
                values[way].append(each)
                mass[way].append(float(same.sum()) if way == 0 or both_ways else 0.0)
    return torch.stack(values[0] + values[1]), torch.tensor(mass[0] + mass[1])


def scores(rows, others, temperature, normalize):
    if normalize:
        rows, others = F.normalize(rows), F.normalize(others)
    return rows @ others.T / temperature


@formula("van den Oord et al., 2018; log_q and ids as in tensorflow_recommenders.tasks.Retrieval")
def queries_oracle(queries, keys, log_q=None, ids=None, temperature=0.07, normalize=True, both_ways=False, parts=1,
                   remove_accidental_hits=True):
    count = len(queries)
    size, values = count // parts, []
    for i in range(count):
        part = range(i // size * size, i // size * size + size)
        ways = []
        for way in range(2 if both_ways else 1):
            terms = {}
            for j in part:
                a, b = (queries[i], keys[j]) if way == 0 else (keys[i], queries[j])
                s = (a @ b / (a.norm() * b.norm()) if normalize else a @ b) / temperature
                if log_q is not None and way == 0:
                    s = s - log_q[j]
                if i == j or not (remove_accidental_hits and ids is not None and ids[i] == ids[j]):
                    terms[j] = s
            own = terms.pop(i)
            others = torch.logsumexp(torch.stack([*terms.values(), own - 1e4]), 0)
            # The logarithm of a sum minus its largest term would lose the digits of a small loss.
            ways.append(torch.logaddexp(others - own, 0 * own))
        values.append(sum(ways) / len(ways))
    values = torch.stack(values)
    if ids is None and log_q is None and parts == 1 and not both_ways:
        s = scores(queries, keys, temperature, normalize)
        agree(values, F.cross_entropy(s, torch.arange(count), reduction="none"))
    return values


@library("torch", "torch.nn.functional.cross_entropy of the positive before the negatives, as in MoCo")
def negatives_oracle(queries, positives, negatives, temperature=0.07, normalize=True):
    own = scores(queries, positives, temperature, normalize).diagonal()[:, None]
    s = torch.cat([own, scores(queries, negatives, temperature, normalize)], 1)
    return F.cross_entropy(s, torch.zeros(len(s), dtype=torch.long), reduction="none")


@formula("He et al., 2020: the keys of earlier batches are further negatives")
class KeysOracle:
    def __init__(self, memory, temperature=0.07, remove_accidental_hits=True):
        self.temperature, self.remove = temperature, remove_accidental_hits
        self.queue, self.alone = Queue(memory["size"]), memory.get("negatives") == "memory"
        self.after, self.step = memory.get("after", 0), 0

    def __call__(self, queries, keys, ids=None):
        older, known = self.queue.last(self.queue.size) if self.step >= self.after else (None, None)
        values = []
        for i, query in enumerate(queries):
            def score(key):
                return query @ key / (query.norm() * key.norm()) / self.temperature

            def is_hit(other):
                return self.remove and ids is not None and ids[i] == other

            others = [] if older is None else [score(k) for k, other in zip(older, known) if not is_hit(other)]
            if older is None or not self.alone:
                inside = [j for j in range(len(keys)) if j != i]
                others += [score(keys[j]) for j in inside if ids is None or not is_hit(ids[j])]
            own = score(keys[i])
            values.append(torch.logsumexp(torch.stack([own, *others]), 0) - own)
        self.step += 1
        self.queue.add(keys, torch.full((len(keys),), -1) if ids is None else ids)
        return torch.stack(values)


def pairs(count, width=3, scale=1.0, log_q=False, ids=None, negatives=None):
    def recipe(draw):
        queries = draw.normal((count, width), 1.0)
        near = queries + draw.normal((count, width), 1.0)
        named = {"queries": queries, "keys" if negatives is None else "positives": near}
        if negatives is not None:
            named["negatives"] = draw.normal((negatives, width), 1.0)
        named = {key: np.round(scale * rows, 8) for key, rows in named.items()}
        if log_q:
            named["log_q"] = np.round(np.log(draw.uniform(0.01, 0.9, count)), 4)
        return named | ({"ids": np.array(ids)} if ids else {})

    return recipe


RAW, BOTH, KEEP = {"normalize": False, "temperature": 1.0}, {"both_ways": True}, {"remove_accidental_hits": False}
info_nce = Kind("metric", "info_nce", info_nce_oracle, constant=["log_q"])
lonely = relabeled(views(4), 3, 0, 5, 1, 0, 7, 1, 2)
several = relabeled(views(6), 0, 1, 0, 2, 1, 1, 0, 0, 2, 0, 1, 2)
info_nce.case("default", {}, views(4))
info_nce.case("one_pair", {}, views(1))
info_nce.case("several_partners", {}, several)
info_nce.case("several_partners_kept", KEEP, several)
info_nce.case("several_partners_both_ways", BOTH, several)
info_nce.case("several_partners_parts", {"parts": 2}, several)
info_nce.case("rows_without_a_partner", {}, lonely)
info_nce.case("no_partners", {}, relabeled(views(2), 0, 1, 2, 3))
info_nce.case("one_class", {}, relabeled(views(3), 4, 4, 4, 4, 4, 4))
info_nce.case("parts", {"parts": 3}, views(6))
info_nce.case("parts_of_one_row", {"parts": 4}, views(4))
info_nce.case("both_ways", BOTH | {"temperature": 0.5}, views(4))
info_nce.case("dot_products", RAW, views(4))
info_nce.case("large", {}, views(3, scale=2.0**14))
info_nce.case("small", {}, views(3, scale=2**-10))
info_nce.case("sum", {"reduction": "sum"}, lonely)
info_nce.case("batch_mean", {"reduction": "batch_mean"}, lonely)
info_nce.case("mean_with_weights", {}, lonely, weights="element")
info_nce.case("weighted_mean", {"reduction": "weighted_mean"} | BOTH, lonely, weights="element")
for name, config, recipe in (
    ("queries", {}, pairs(5)),
    ("queries_raw_large", RAW, pairs(4, scale=16.0)),
    ("queries_both_ways", BOTH | {"temperature": 0.3}, pairs(5)),
    ("queries_parts", {"parts": 2}, pairs(6)),
    ("queries_log_q", RAW, pairs(5, log_q=True)),
    ("queries_log_q_both_ways_parts", BOTH | {"parts": 2, "temperature": 0.5}, pairs(6, log_q=True)),
    ("queries_ids", {"temperature": 0.5}, pairs(6, ids=[4, 2, 4, 4, 7, 2])),
    ("queries_ids_parts_log_q", {"temperature": 0.5, "parts": 2} | BOTH, pairs(6, log_q=True, ids=[4, 2, 4, 4, 7, 4])),
    ("queries_ids_kept", {"temperature": 0.5} | KEEP, pairs(6, ids=[4, 2, 4, 4, 7, 2])),
    ("queries_sum", {"reduction": "sum"}, pairs(4)),
):
    info_nce.case(name, config, recipe, oracle=queries_oracle, in_double=name == "queries_parts")
info_nce.case("queries_weighted_mean", {"reduction": "weighted_mean"}, pairs(5), weights="element",
              oracle=queries_oracle)
info_nce.case("negatives", {}, pairs(4, negatives=7), oracle=negatives_oracle)
info_nce.case("negatives_raw", RAW, pairs(3, negatives=2), oracle=negatives_oracle)
info_nce.case("negatives_weights", {"temperature": 0.3}, pairs(4, negatives=3), weights="element",
              oracle=negatives_oracle)
info_nce.case("memory", {"memory": {"size": 16}}, [pairs(4), pairs(5), pairs(4)], oracle=KeysOracle)
info_nce.case("memory_overflows", {"memory": {"size": 6}}, [pairs(4)] * 4, oracle=KeysOracle)
info_nce.case("memory_alone", {"memory": {"size": 8, "negatives": "memory"}}, [pairs(4)] * 3, oracle=KeysOracle)
info_nce.case("memory_after_ids", {"memory": {"size": 12, "after": 1}, "temperature": 0.5},
              [pairs(4, ids=[1, 2, 3, 1]), pairs(3, ids=[2, 2, 5]), pairs(3, ids=[5, 1, 2])], oracle=KeysOracle)


# Given triplets


@library("torch", "torch.nn.functional.triplet_margin_loss, without its eps")
def triplet_margin_oracle(anchors, positives, negatives, margin=0.2, average="active", normalize=True, swap=False,
                          p=2.0, soft=False, distance="euclidean"):
    rows = [F.normalize(rows) if normalize else rows for rows in (anchors, positives, negatives)]
    power = 2 if distance == "squared_euclidean" else 1
    near, far, other = (
        torch.linalg.vector_norm(rows[i] - rows[j], p, dim=1) ** power for i, j in ((0, 1), (0, 2), (1, 2))
    )
    gap = near - (torch.minimum(far, other) if swap else far) + margin
    assert (gap.abs() > 1e-4).all()
    values = F.softplus(gap, threshold=1e9) if soft else gap.clamp(min=0)
    if not soft and power == 1:
        options = {"margin": margin, "p": p, "eps": 1e-18, "swap": swap, "reduction": "none"}
        agree(values, F.triplet_margin_loss(*rows, **options))
        of = lambda x, y: torch.linalg.vector_norm(x - y, p, dim=1)
        options = {"distance_function": of, "margin": margin, "swap": swap, "reduction": "none"}
        agree(values, F.triplet_margin_with_distance_loss(*rows, **options))
    return values, torch.ones(len(gap)) if average == "valid" or soft else (gap > 0).double()


def given_triplets(count, width=3):
    def recipe(draw):
        names = ("anchors", "positives", "negatives")
        return {name: np.round(draw.normal((count, width), 1.0), 8) for name in names}

    return recipe


AS_IS, VALID = {"normalize": False, "margin": 1.0}, {"average": "valid"}
for name, config in (
    ("given", {}),
    ("given_as_is_valid", AS_IS | VALID),
    ("given_swap", AS_IS | VALID | {"swap": True}),
    ("given_swap_normalized", {"swap": True}),
    ("given_p_one", AS_IS | VALID | {"p": 1.0}),
    ("given_p_three_swap", AS_IS | {"p": 3.0, "swap": True}),
    ("given_p_three_squared_soft", AS_IS | {"p": 3.0, "distance": "squared_euclidean", "soft": True}),
    ("given_swap_sum", AS_IS | {"swap": True, "reduction": "sum"}),
):
    triplet.case(name, config, given_triplets(6), oracle=triplet_margin_oracle)
triplet.case("given_swap_weighted_mean", AS_IS | {"swap": True, "reduction": "weighted_mean"}, given_triplets(5),
             weights="element", oracle=triplet_margin_oracle)
