"""Weighted sums: of the oracles of the other losses of the family."""

from case import KINDS, Kind, formula, with_rows

from . import binary, boxes, classification, distribution, metric, regression, segmentation

ONE_EACH = "sum of the oracles of its terms, each times its weight"


def weighted_sum(family: str, default: dict, recipe, extreme, varied: dict):
    """`default` and `varied` are terms; `extreme` are inputs at which they are to be finite."""
    oracles = {kind.kind: kind.oracle for kind in KINDS if kind.family == family}

    @formula(ONE_EACH)
    def oracle(terms=default, **inputs):
        total, counts, size = 0, 0, 0
        for term in terms.values():
            fields = dict(term)
            weight = fields.pop("weight", 1.0)
            kind = fields.pop("kind")
            seen = {name: x for name, x in inputs.items() if (kind, name) != ("entropy", "targets")}
            values, rows = with_rows(oracles[kind](**seen, **fields))
            total, counts, size = total + weight * values, counts + abs(weight) * rows.double(), size + abs(weight)
        return total, counts / size

    kind = Kind(family, "weighted_sum", oracle)
    kind.case("default", {}, recipe)
    kind.case("extreme", {}, extreme)
    kind.case("varied", {"terms": varied}, recipe)
    kind.case("one_term_negative", {"terms": {"only": {**next(iter(default.values())), "weight": -0.25}}}, recipe)
    kind.case("sum_with_weights", {"terms": varied, "reduction": "sum"}, recipe, weights="element")
    kind.case("weighted_mean", {"terms": varied, "reduction": "weighted_mean"}, recipe, weights="element")
    return kind


def terms(*kinds, **shared):
    """One term of each kind, with the weight 1."""
    return {kind: {"kind": kind, **shared} for kind in kinds}


weighted_sum(
    "regression", terms("mse", "mae"), regression.pairs(4, 3), regression.LARGE,
    {"a": {"kind": "huber", "delta": 0.5, "weight": 2.0}, "b": {"kind": "quantile", "tau": 0.9, "weight": 0.3}},
)

weighted_sum(
    "binary", terms("bce", "focal"), binary.hard(4, 3), binary.SATURATED,
    {"soft": {"kind": "bce", "label_smoothing": 0.1, "weight": 0.5}, "hard": {"kind": "hinge", "margin": 2.0}},
)

IGNORE = classification.IGNORE
sums = weighted_sum(
    "classification", terms("cross_entropy", "focal"), classification.labeled(5, 3), classification.SATURATED,
    {
        "a": {"kind": "cross_entropy", **classification.WEIGHTS},
        "b": {"kind": "focal", "gamma": 1.0, "weight": 3.0},
        "c": {"kind": "multi_margin", "weight": 0.5},
    },
)
sums.case("ignored_rows", {"terms": terms("cross_entropy", "focal", **IGNORE)}, classification.labeled(6, 3, ignored=-100))
sums.case("rank_three", {"terms": terms("focal", "cross_entropy", **IGNORE)},
          classification.labeled(2, 3, 4, ignored=-100), weights="sample")
sums.case("all_rows_ignored", {"terms": terms("cross_entropy", "focal", **IGNORE)}, classification.ALL_IGNORED)

sums = weighted_sum(
    "distribution", terms("kl_divergence", "js_divergence"), distribution.pairs(4, 3), distribution.EQUAL,
    {"fit": {"kind": "cross_entropy", **distribution.BITS}, "confidence": {"kind": "entropy", "weight": -0.1}},
)

LABELS = {"activation": "softmax", "ignore_index": -100}
sums = weighted_sum(
    "segmentation", terms("dice", "jaccard"), segmentation.hard(3, 2, 5), segmentation.SATURATED,
    {"a": {"kind": "dice", "smooth": 0.5, "denominator": "squared"}, "b": {"kind": "tversky", "fp_weight": 0.9, "weight": 2.0}},
)
sums.case("ignored_pixels", {"terms": terms("dice", "jaccard", **LABELS)}, segmentation.labeled(2, 3, 5, ignored=-100))

sums = weighted_sum(
    "boxes", terms("ciou", "giou"), boxes.pairs(3), boxes.ALL_SORTS,
    {"a": {"kind": "giou", "weight": 0.5}, "b": {"kind": "iou", "form": "log"}},
)
CENTERS = {"format": "cxcywh"}
sums.case("centers", {"terms": terms("giou", "siou", **CENTERS)}, boxes.pairs(3, **CENTERS))

sums = weighted_sum(
    "metric", terms("triplet", "contrastive"), metric.batch(6), metric.FAR,
    {"a": {"kind": "sup_con", "weight": 2.0}, "b": {"kind": "multi_similarity", "weight": 0.1}},
)
sums.case("a_lonely_row", {"terms": terms("sup_con", "contrastive")}, metric.relabeled(metric.batch(5), *metric.LONELY))
