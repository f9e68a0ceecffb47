"""Ranking: (scores, relevance) [N, L], and which items are there, or (better, worse) [N] -> [N]."""

import numpy as np
import optax
import torch
import torch.nn.functional as F

from case import Kind, agree, array, formula, given, library

# Inputs


def graded(lists, items, grades=4, scale=2.0):
    """Scores without ties, and grades of relevance, two of which differ in every list."""

    def recipe(draw):
        relevance = draw.rng.integers(0, grades, (lists, items)).astype(float)
        relevance[:, 0], relevance[:, -1] = grades - 1, 0
        return {"scores": draw.normal((lists, items), scale), "relevance": relevance}

    return recipe


def one_positive(lists, items):
    def recipe(draw):
        relevance = np.eye(items)[draw.rng.integers(0, items, lists)]
        return {"scores": draw.normal((lists, items)), "relevance": relevance}

    return recipe


def shortened(recipe, *lengths):
    """Lists that are filled up with numbers that must not matter."""

    def one(draw):
        inputs = recipe(draw)
        valid = np.arange(inputs["scores"].shape[1]) < np.array(lengths)[:, None]
        for name, noise in [("scores", 9.0), ("relevance", 7.0)]:
            inputs[name] = np.where(valid, inputs[name], noise)
        inputs["relevance"][:, 0] = 3.0
        return inputs | {"valid": valid.astype(int)}

    return one


def compared(count):
    return lambda draw: {"better": draw.normal((count,)), "worse": draw.normal((count,))}


EXTREME = given(
    scores=[[1e4, -1e4, 0.5, 40.0], [-1e4, 1e4, 0.25, 1.0], [50.0, -50.0, 49.0, 2.0]],
    relevance=[[2.0, 0.0, 1.0, 1.0], [3.0, 0.0, 0.0, 1.0], [0.0, 2.0, 2.0, 1.0]],
)
TIED = given(
    scores=[[1.0, 1.0, 0.5, 0.5, 1.0], [0.0, 0.0, 0.0, 0.0, 0.0]],
    relevance=[[0.0, 2.0, 1.0, 1.0, 0.0], [1.0, 3.0, 0.0, 2.0, 1.0]],
)
ALIKE = given(
    scores=[[0.5, -1.25, 2.0], [0.75, 1.5, -0.5], [1.0, 0.25, 0.0]],
    relevance=[[1.0, 0.0, 2.0], [2.0, 2.0, 2.0], [0.0, 0.0, 0.0]],
)
NOBODY = given(
    scores=[[0.5, -1.25, 2.0], [0.75, 1.5, -0.5]],
    relevance=[[1.0, 0.0, 2.0], [2.0, 1.0, 0.0]],
    valid=[[1, 1, 1], [0, 0, 0]],
)


# The same lists nearer to each other and in another order than that of the relevance: no value or slope is the rest of a difference.
UNORDERED = given(
    scores=[[0.05, 0.2, -0.125], [0.075, 0.15, -0.05], [0.1, 0.025, 0.0]],
    relevance=[[1.0, 0.0, 2.0], [2.0, 2.0, 2.0], [0.0, 0.0, 0.0]],
)
UNORDERED_NOBODY = given(
    scores=[[0.05, 0.2, -0.125], [0.075, 0.15, -0.05]],
    relevance=[[1.0, 0.0, 2.0], [2.0, 1.0, 0.0]],
    valid=[[1, 1, 1], [0, 0, 0]],
)


def common(kind, alike=ALIKE, nobody=NOBODY):
    """The cases that every loss of the family has. The relevance has no gradient."""

    def case(name, config, recipe, weights=None):
        kind.case(name, config, recipe, weights=weights, constant=["relevance"])

    case("default", {}, graded(4, 5))
    case("two_items", {}, graded(3, 2, grades=2))
    case("one_list", {}, graded(1, 7))
    case("one_positive", {}, one_positive(4, 6))
    case("shorter_lists", {}, shortened(graded(4, 6), 6, 3, 4, 2))
    case("extreme", {}, EXTREME)
    case("ties", {}, TIED)
    case("lists_without_a_pair", {}, alike)
    case("lists_without_an_item", {}, nobody)
    case("sum", {"reduction": "sum"}, graded(3, 4), weights="element")
    case("mean_with_weights", {}, alike, weights="element")
    case("batch_mean", {"reduction": "batch_mean"}, alike)
    case("weighted_mean", {"reduction": "weighted_mean"}, alike, weights="element")
    return case


def of_pairs(kind):
    kind.case("pairs", {}, compared(5))
    kind.case("pairs_extreme", {}, given(better=[1e4, -1e4, 40.0, 0.5], worse=[-1e4, 1e4, -60.0, 0.5]))
    kind.case("pairs_with_weights", {"reduction": "weighted_mean"}, compared(4), weights="element")


# Losses


def everything(scores, valid):
    return torch.ones_like(scores, dtype=torch.bool) if valid is None else valid.bool()


def counted(relevance, valid):
    """Which lists have two items of different relevance."""
    return torch.tensor([len(set(row[there].tolist())) > 1 for row, there in zip(relevance, valid)])


def by_list(of_list, scores, relevance, valid):
    """The value of each list without the items that are not there; 0 for those that have nothing to rank."""
    valid = everything(scores, valid)
    counts = counted(relevance, valid)
    rows = zip(scores, relevance, valid, counts)
    values = [of_list(s[v], r[v]) if count else s.sum() * 0 for s, r, v, count in rows]
    return torch.stack(values), counts.double()


def logistic(difference):
    return -F.logsigmoid(difference)


def pairs_of(relevance):
    """The pairs (i, j) with r_i > r_j."""
    return [(i, j) for i, a in enumerate(relevance.tolist()) for j, b in enumerate(relevance.tolist()) if a > b]


@library("torch", "torch.nn.functional.margin_ranking_loss")
def margin_ranking_oracle(
    scores=None, relevance=None, valid=None, first=None, second=None, order=None, margin=0.0
):
    def hinge(a, b, y):
        values = torch.relu(margin - y * (a - b))  # torch's has the slope 1 at the kink
        agree(values, F.margin_ranking_loss(a, b, y, margin=margin, reduction="none"))
        return values

    if first is not None:
        return hinge(first, second, order)

    def of_list(s, r):
        i, j = np.array(pairs_of(r)).T
        return hinge(s[i], s[j], torch.ones(len(i))).mean()

    return by_list(of_list, scores, relevance, valid)


def ordered(count):
    return lambda draw: {"first": draw.normal((count,)), "second": draw.normal((count,)), "order": draw.sign((count,))}


margin_ranking = Kind("ranking", "margin_ranking", margin_ranking_oracle)
case = common(margin_ranking)
case("margin", {"margin": 1.5}, graded(4, 5))
case("margin_of_shorter_lists", {"margin": 0.3}, shortened(graded(4, 6), 6, 3, 4, 2))
margin_ranking.case("pairs", {}, ordered(6))
margin_ranking.case("pairs_margin", {"margin": 2.0}, ordered(6))
margin_ranking.case("pairs_with_weights", {"margin": 1.0, "reduction": "weighted_mean"}, ordered(5), weights="element")


@library("torch", "torch.nn.functional.multilabel_margin_loss")
def multi_label_margin_oracle(scores, relevance, valid=None, margin=1.0, divide_by_classes=True):
    """Each grade of relevance against all that is below it; of labels there is one such call, on the whole row."""

    def of_list(s, r):
        total = s.sum() * 0
        for grade in r.unique():
            positive, negative = s[r == grade], s[r < grade]
            row = torch.cat([positive, negative]) / margin  # PyTorch's margin is 1, and it divides by the classes
            labels = torch.full((len(row),), -1)
            labels[: len(positive)] = torch.arange(len(positive))
            total = total + F.multilabel_margin_loss(row, labels, reduction="none") * margin * len(row)
        return total / len(s) if divide_by_classes else total

    return by_list(of_list, scores, relevance, valid)


def multi_hot(rows, classes):
    """Scores, and the labels of each row: at least one, and not all classes."""

    def recipe(draw):
        relevance = (draw.uniform(0, 1, (rows, classes)) < 0.4).astype(float)
        relevance[:, 0], relevance[:, -1] = 1, 0
        return {"scores": draw.normal((rows, classes)), "relevance": relevance}

    return recipe


multi_label_margin = Kind("ranking", "multi_label_margin", multi_label_margin_oracle)
case = common(multi_label_margin)
case("labels", {}, multi_hot(5, 6))
case("labels_of_fewer_classes", {}, shortened(multi_hot(4, 6), 6, 3, 4, 2))
case("margin_small", {"margin": 0.25}, multi_hot(4, 5))
case("margin_large", {"margin": 7.5}, graded(4, 5))
case("not_divided", {"divide_by_classes": False}, multi_hot(4, 5))
case("not_divided_shorter_lists", {"divide_by_classes": False, "margin": 2.0}, shortened(graded(3, 5), 5, 2, 4))
case("many_classes", {}, multi_hot(2, 40))


@formula("Burges et al., 2005, pair by pair; allRank's rankNet")
def ranknet_oracle(
    scores=None, relevance=None, valid=None, better=None, worse=None, sigma=1.0, weights="none", average="pairs"
):
    if better is not None:
        return logistic(sigma * (better - worse))

    def of_list(s, r):
        pairs = pairs_of(r)
        terms = [(r[i] - r[j] if weights == "difference" else 1.0) * logistic(sigma * (s[i] - s[j])) for i, j in pairs]
        total = sum(terms)
        if weights == "difference":  # allRank's, with binary cross-entropy
            i, j = np.array(pairs).T
            expected = F.binary_cross_entropy_with_logits(
                sigma * (s[i] - s[j]), torch.ones(len(i)), weight=(r[i] - r[j]).abs(), reduction="sum"
            )
            agree(total, expected)
        return total / len(pairs) if average == "pairs" else total

    return by_list(of_list, scores, relevance, valid)


ranknet = Kind("ranking", "ranknet", ranknet_oracle)
case = common(ranknet)
of_pairs(ranknet)
case("sigma", {"sigma": 2.5}, graded(3, 4))
case("differences", {"weights": "difference"}, graded(4, 5))
case("list", {"average": "list"}, graded(3, 5))
case("list_of_differences", {"average": "list", "weights": "difference", "sigma": 0.5}, shortened(graded(3, 5), 5, 2, 4))
case("list_without_a_pair", {"average": "list"}, ALIKE)
case("many_items", {"average": "list"}, graded(2, 40))
ranknet.case("pairs_sigma", {"sigma": 0.25}, compared(4))


@library("torch", "torch.nn.functional.logsigmoid of every positive with every negative")
def bpr_oracle(scores=None, relevance=None, valid=None, better=None, worse=None):
    if better is not None:
        return logistic(better - worse)

    def of_list(s, r):
        positive = r == r.max()
        return logistic(s[positive][:, None] - s[~positive][None, :]).mean()

    return by_list(of_list, scores, relevance, valid)


bpr = Kind("ranking", "bpr", bpr_oracle)
case = common(bpr)
of_pairs(bpr)
case("many_negatives", {}, one_positive(3, 30))


@library("optax", "optax.losses.ranking_softmax_loss")
def list_net_oracle(scores, relevance, valid=None, temperature=1.0, target="softmax"):
    def of_list(s, r):
        q = F.softmax(r, 0) if target == "softmax" else r / r.sum()
        value = -(q * F.log_softmax(s / temperature, 0)).sum()
        agree(value, optax.losses.ranking_softmax_loss(array(s / temperature), array(q)))
        return value

    return by_list(of_list, scores, relevance, valid)


list_net = Kind("ranking", "list_net", list_net_oracle)
case = common(list_net)
case("temperature_low", {"temperature": 0.1}, graded(3, 4))
case("temperature_high", {"temperature": 5.0}, shortened(graded(3, 4), 4, 2, 3))
case("shares", {"target": "sum"}, graded(4, 5))
case("shares_of_one_positive", {"target": "sum", "temperature": 0.5}, one_positive(4, 6))
case("shares_of_shorter_lists", {"target": "sum"}, shortened(graded(3, 4), 4, 2, 3))
case("shares_of_nothing", {"target": "sum"}, ALIKE)
case("shares_extreme", {"target": "sum"}, EXTREME)


@formula("Xia et al., 2008, item by item, as in allRank's listMLE")
def list_mle_oracle(scores, relevance, valid=None):
    def of_list(s, r):
        s = s[np.argsort(-array(r), kind="stable").copy()]  # ties by place
        return torch.stack([torch.logsumexp(s[i:], 0) - s[i] for i in range(len(s))]).sum()

    return by_list(of_list, scores, relevance, valid)


list_mle = Kind("ranking", "list_mle", list_mle_oracle)
case = common(list_mle)
case("an_order", {}, graded(3, 5, grades=1000))
case("many_items", {}, graded(2, 40, grades=1000))
case("many_ties", {}, graded(3, 8, grades=2))


@formula("Qin et al., 2010, item by item, as in TF-Ranking's ApproxNDCGLoss")
def approx_ndcg_oracle(scores, relevance, valid=None, temperature=0.1, gain="exponential"):
    def of_list(s, r):
        r = r.clamp(min=0)
        gains = 2**r - 1 if gain == "exponential" else r
        best = (gains.sort(descending=True).values / torch.log2(torch.arange(len(r), dtype=r.dtype) + 2.0)).sum()
        if best == 0:
            return s.sum() * 0
        others = [torch.cat([s[:i], s[i + 1 :]]) for i in range(len(s))]
        ranks = torch.stack([1 + torch.sigmoid((other - s[i]) / temperature).sum() for i, other in enumerate(others)])
        return 1 - (gains / best / torch.log2(1 + ranks)).sum()

    return by_list(of_list, scores, relevance, valid)


approx_ndcg = Kind("ranking", "approx_ndcg", approx_ndcg_oracle)
case = common(approx_ndcg, alike=UNORDERED, nobody=UNORDERED_NOBODY)
case("temperature_low", {"temperature": 0.05}, graded(3, 4))
case("temperature_high", {"temperature": 3.0}, shortened(graded(3, 5), 5, 2, 4))
case("linear", {"gain": "linear"}, graded(4, 5))
case("linear_of_shorter_lists", {"gain": "linear", "temperature": 1.0}, shortened(graded(4, 6), 6, 3, 4, 2))
case("many_items", {"temperature": 0.5}, graded(2, 40))
case("near_each_other", {}, graded(3, 6, scale=0.05))


@formula("Wang et al., 2018, and allRank's lambdaLoss (allegro/allRank, commit a1d8a04), pair by pair")
def lambda_rank_oracle(
    scores, relevance, valid=None, sigma=1.0, k="none", gain="exponential", scheme="lambda_rank", mu=10.0, log_base=2.0,
    normalize=False,
):
    def of_list(s, r):
        first = len(s) if k in ("none", None) else k
        order = np.argsort(-array(s), kind="stable")  # ties by place
        s, r = s[order.copy()], r[order.copy()].numpy()
        gains = (2.0**r - 1) if gain == "exponential" else r
        discounts = np.log2(1 + np.arange(1, len(r) + 1))
        best = (np.sort(gains)[::-1] / discounts)[:first].sum()
        if best == 0:
            return s.sum() * 0
        gains = gains / best

        def weight(i, j):
            exchange = abs(1 / discounts[i] - 1 / discounts[j]) * abs(gains[i] - gains[j])
            if scheme == "lambda_rank":
                return exchange
            if scheme == "ndcg1":
                return gains[i] / discounts[i]
            d = abs(i - j)
            apart = abs(1 / discounts[d - 1] - 1 / discounts[d]) * abs(gains[i] - gains[j])
            return apart if scheme == "ndcg2" else mu * apart + exchange

        total = s.sum() * 0
        for i in range(min(first, len(r))):
            for j in range(min(first, len(r))):
                if r[i] > r[j] or scheme == "ndcg1":
                    difference = s[i] - s[j]
                    w = weight(i, j) / (0.01 + abs(difference.item()) if normalize else 1)
                    total = total + w * logistic(sigma * difference) / np.log(log_base)
        return total

    return by_list(of_list, scores, relevance, valid)


lambda_rank = Kind("ranking", "lambda_rank", lambda_rank_oracle)
case = common(lambda_rank)
case("sigma", {"sigma": 0.3}, graded(3, 4))
for size in [1, 2, 3, 10]:
    case(f"first_{size}", {"k": size}, graded(4, 6))
case("first_of_shorter_lists", {"k": 3}, shortened(graded(4, 6), 6, 3, 4, 2))
case("linear", {"gain": "linear"}, graded(4, 5))
case("linear_first", {"gain": "linear", "k": 2}, graded(4, 5))
for scheme in ["ndcg1", "ndcg2", "ndcg2pp"]:
    case(scheme, {"scheme": scheme}, graded(4, 5))
    case(f"{scheme}_first", {"scheme": scheme, "k": 3}, graded(3, 6))
    case(f"{scheme}_of_shorter_lists", {"scheme": scheme, "gain": "linear"}, shortened(graded(3, 5), 5, 2, 4))
    case(f"{scheme}_ties", {"scheme": scheme}, TIED)
case("mu", {"scheme": "ndcg2pp", "mu": 0.5}, graded(3, 4))
case("nats", {"log_base": 2.718281828459045}, graded(3, 4))
case("log_base", {"log_base": 10.0, "scheme": "ndcg2"}, graded(3, 4))
case("normalize", {"normalize": True}, graded(4, 5))
case("normalize_all", {"normalize": True, "scheme": "ndcg2pp", "k": 3, "sigma": 2.0}, graded(4, 5))
case("high_grades", {}, graded(3, 4, grades=12))
