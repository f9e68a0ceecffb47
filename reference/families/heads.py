"""Heads: (embeddings [N, E], labels [N], weight [C, E]) -> [N]."""

import numpy as np
import torch
import torch.nn.functional as F
from pytorch_metric_learning import losses
from pytorch_metric_learning.reducers import DoNothingReducer

from case import Draw, Kind, agree, formula, given, library

from .classification import IGNORE, NO_SMOOTHING, cross_entropy_oracle, smoothing, torch_options
from .shared import counted, sixteenths

# Inputs


def rows(count, classes=4, width=3, ignored=None, scale=1.0, bias=False):
    """Random rows; with `ignored`, the second label and every fourth after it is that number."""

    def recipe(draw):
        labels = draw.labels(classes, count)
        if ignored is not None:
            labels[1::4] = ignored
        embeddings = np.round(scale * draw.normal((count, width)), 8)
        inputs = {"embeddings": embeddings, "labels": labels, "weight": draw.normal((classes, width), 1.0)}
        return inputs | ({"bias": draw.normal(classes, 1.0)} if bias else {})

    return recipe


def exact(count, classes=4, width=5, ignored=None, scale=1.0):
    """The same, of rows with round cosines."""

    def recipe(draw):
        inputs = rows(count, classes, width, ignored)(draw)
        return inputs | {"embeddings": scale * sixteenths(draw, count), "weight": sixteenths(draw, classes)}

    return recipe


def at_angles(*degrees):
    """Rows at these angles to the weight of their class, the first of three."""

    def recipe(draw):
        turned = np.radians(degrees) + 0.3
        return {
            "embeddings": np.round(2 * np.stack([np.cos(turned), np.sin(turned)], 1), 8),
            "labels": np.zeros(len(degrees), int),
            "weight": np.array([[1.5 * np.cos(0.3), 1.5 * np.sin(0.3)], [-0.5, 1.25], [0.25, -2.0]]).round(8),
        }

    return recipe


WEIGHT = [[1.0, -0.5, 0.25], [-0.75, 1.5, 0.5], [0.5, 0.25, -1.25]]
ALL_IGNORED = given(embeddings=[[0.5, -1.0, 2.0], [1e3, 0.0, -1e3]], labels=[-100, -100], weight=WEIGHT)
ZEROS_IGNORED = given(
    embeddings=[[0.5, -1.0, 2.0], [0.0, 0.0, 0.0], [1.5, 0.25, -0.75], [0.0, 0.0, 0.0]], labels=[1, -100, 0, -100],
    weight=WEIGHT,
)
ENORMOUS_IGNORED = given(
    embeddings=[[0.5, -1.0, 2.0], [1e30, -1e30, 1e30], [1.5, 0.25, -0.75], [-1e30, 1e30, 0.0]],
    labels=[1, -100, 0, -100], weight=WEIGHT,
)
SAME_ROWS = given(embeddings=[[1.5, 0.25, -0.75]] * 3, labels=[1, 0, 1], weight=WEIGHT)
ZERO_ROW = given(embeddings=[[0.0, 0.0, 0.0], [1.5, 0.25, -0.75]], labels=[1, 0], weight=WEIGHT)
HALVES = given(  # of the cosines; one row is opposite to its weight, one parallel
    embeddings=[[2.0, 2.0, 2.0, 2.0], [-2.0, -2.0, -2.0, -2.0], [2.0, -2.0, 2.0, 2.0], [2.0, 2.0, -2.0, -2.0]],
    labels=[0, 0, 1, 1], weight=[[1.0, 1.0, 1.0, 1.0], [-1.0, 1.0, -1.0, -1.0], [1.0, -1.0, -1.0, 1.0]],
)
WEIGHTS = {"class_weights": [0.5, 2.0, 1.25, 0.75]}
PRIOR = {"prior": [40.0, 20.0, 10.0, 1.0]}
EVERYTHING = WEIGHTS | IGNORE | smoothing(0.2, "others") | {"reduction": "weighted_mean", "initializer": "normal"}


SAMPLED = {"sample_rate": 0.3}


def with_sampled(classes, recipe):
    return lambda draw: recipe(draw) | {"sampled": np.array(classes)}


class Head(Kind):
    """A kind whose configs say how many classes and dimensions the inputs have."""

    def case(self, name, config, inputs, **options):
        first = inputs[0] if isinstance(inputs, list) else inputs
        super().case(name, self.sizes(config, **first(Draw(name))) | config, inputs, **options)

    def sizes(self, config, weight, **inputs):
        return {"num_classes": len(weight), "embedding_dim": weight.shape[1]}


def common(kind, rows=exact, two_classes={}, class_weights={}, of=lambda recipe: recipe):
    """The cases that every loss of the family has; `of` completes the recipes that do not come from `rows`."""
    kind.case("default", {}, rows(4))
    kind.case("one_row", {}, rows(1, classes=6))
    kind.case("two_classes", {"initializer": "xavier_normal"} | two_classes, rows(4, classes=2, width=5))
    kind.case("large", {}, rows(4, scale=1024.0))
    kind.case("small", {}, rows(5, scale=2**-10))
    kind.case("row_of_zeros", {}, of(ZERO_ROW), constant=["embeddings"])
    kind.case("ignore_index", {"ignore_index": 255}, rows(6, ignored=255))
    kind.case("ignore_index_is_a_class", {"ignore_index": 1}, rows(6, ignored=1))
    kind.case("all_rows_ignored", IGNORE, of(ALL_IGNORED))
    kind.case("zeros_in_ignored_rows", IGNORE, of(ZEROS_IGNORED))
    kind.case("enormous_ignored_rows", IGNORE, of(ENORMOUS_IGNORED))
    kind.case("class_weights", WEIGHTS | class_weights, rows(5))
    kind.case("prior", PRIOR | class_weights, rows(5))
    kind.case("prior_with_everything", PRIOR | EVERYTHING, rows(6, ignored=-100), weights="element")
    kind.case("prior_chunks", PRIOR | {"chunk_rows": 2} | class_weights, rows(5))
    kind.case("prior_sampled_classes", {"prior": [9.0, 5.0, 3.0, 1.0, 0.5]} | SAMPLED,
              with_sampled([1, 3], rows(5, classes=5)))
    kind.case("smoothing_all", smoothing(0.1, "all"), rows(4))
    kind.case("smoothing_others", smoothing(0.3, "others"), rows(4))
    kind.case("smoothing_all_class_weights_ignore", smoothing(0.2, "all") | WEIGHTS | IGNORE, rows(6, ignored=-100))
    kind.case("mean_with_weights", IGNORE, rows(6, ignored=-100), weights="element")
    kind.case("sum", {"reduction": "sum"} | IGNORE, rows(5, ignored=-100))
    kind.case("batch_mean", {"reduction": "batch_mean"} | IGNORE | WEIGHTS, rows(5, ignored=-100))
    kind.case("weighted_mean_with_everything", EVERYTHING, rows(6, ignored=-100), weights="element")
    kind.case("sampled_classes", SAMPLED | IGNORE, with_sampled([2, 5, 0], rows(6, classes=7, ignored=-100)))
    kind.case("sampled_classes_none_new", SAMPLED | {"class_weights": [0.5, 2.0, 1.25, 0.75, 1.0]},
              with_sampled([1], rows(5, classes=5)), weights="element")
    kind.case("chunks_of_one_row", {"chunk_rows": 1}, rows(3))
    kind.case("chunks_with_everything", {"chunk_rows": 4} | EVERYTHING, rows(6, ignored=-100), weights="element")
    return kind


# Logits


def harmless(embeddings, labels, ignore_index="none"):
    """Embeddings and labels with other numbers in the ignored rows; and which rows count."""
    valid = labels != ignore_index if ignore_index != "none" else torch.ones_like(labels, dtype=torch.bool)
    return torch.where(valid[:, None], embeddings, 0.0), torch.where(valid, labels, 0), valid


def classified(logits, embeddings, labels, weight, num_classes, embedding_dim, sub_centers=1, initializer="",
               ignore_index="none", chunk_rows="none", sample_rate=1.0, sampled=None, class_weights=None, prior=None,
               **options):
    """The cross-entropy of what `logits` makes of embeddings, labels and weight; chunks change nothing.

    With `sampled` classes: of these and the labels of the batch alone. The logarithm of a prior is added last."""
    class_weights = counted(class_weights)
    log_prior = torch.zeros(num_classes) if prior is None else torch.log(torch.tensor(prior) / sum(prior))
    assert weight.shape == (num_classes * sub_centers, embedding_dim)
    x, y, valid = harmless(embeddings, labels, ignore_index)
    if sampled is not None:
        assert sample_rate < 1
        classes = sorted({*sampled.tolist(), *y[valid].tolist()})
        weight = weight[[c * sub_centers + k for c in classes for k in range(sub_centers)]]
        class_weights = class_weights and [class_weights[c] for c in classes]
        log_prior = log_prior[classes]
        y = torch.tensor([classes.index(label) if there else 0 for label, there in zip(y.tolist(), valid)])
        labels, ignore_index = torch.where(valid, y, -100), -100
    if class_weights is not None:
        options["class_weights"] = class_weights
    adjusted = logits(x, y, weight) + log_prior
    return cross_entropy_oracle(adjusted, labels, ignore_index=ignore_index, **options)


def pml(loss, x, labels, weight, **options):
    """The logits that a loss of PyTorch Metric Learning hands to its cross-entropy."""
    classes, width = len(weight) // options.get("sub_centers", 1), weight.shape[1]
    module, seen = loss(num_classes=classes, embedding_size=width, reducer=DoNothingReducer(), **options), []
    del module.W, module.cross_entropy
    module.W = weight.T
    module.cross_entropy = lambda logits, labels: seen.append(logits) or logits[:, 0]
    module(x, labels)
    return seen[0]


def replaced(logits, labels, target):
    return torch.where(F.one_hot(labels, logits.shape[1]) > 0, target[:, None], logits)


def cosines(x, weight):
    return F.normalize(x) @ F.normalize(weight).T


def own(logits, labels):
    return logits.gather(1, labels[:, None]).squeeze(1)


def target_angles(cosine, labels):
    return torch.acos(own(cosine, labels).detach().clamp(-1, 1))


# Losses


@library("torch", "torch.nn.functional.linear and cross_entropy")
class SoftmaxOracle:
    def __init__(self, bias=False, **fields):
        self.bias, self.fields = bias, fields

    def __call__(self, embeddings, labels, weight, bias=None, **sampled):
        assert self.bias == (bias is not None)
        linear = lambda x, _, weight: F.linear(x, weight, bias)
        values, mass = classified(linear, embeddings, labels, weight, **self.fields, **sampled)
        field = lambda name, default: self.fields.get(name, default)
        smoothed = field("label_smoothing", NO_SMOOTHING)
        if not sampled and not {"prior", "softcap"} & self.fields.keys() and smoothed["spread"] == "all":
            options = torch_options(field("class_weights", "none"), field("ignore_index", "none"))
            options |= {"label_smoothing": smoothed["epsilon"], "linear_bias": bias, "reduction": "none"}
            agree(values, F.linear_cross_entropy(embeddings, weight, labels, **options))
        return values, mass


BIAS = {"bias": True}
COUNTS = {"counts": [60, 30, 0, 10], "scheme": "inverse", "normalize": "classes"}

softmax = common(Head("heads", "softmax", SoftmaxOracle), rows)
softmax.case("class_weights_counts", {"class_weights": COUNTS}, rows(5))
softmax.case("bias_prior", BIAS | PRIOR, rows(4, bias=True))
softmax.case("bias", BIAS, rows(4, bias=True))
softmax.case("bias_one_row", BIAS, rows(1, bias=True))
softmax.case("bias_large", BIAS, rows(4, scale=1024.0, bias=True))
softmax.case("bias_small", BIAS, rows(4, scale=2**-10, bias=True))
softmax.case("bias_smoothing_class_weights_ignore", BIAS | smoothing(0.2, "all") | WEIGHTS | IGNORE,
             rows(6, ignored=-100, bias=True))
softmax.case("softcap", {"softcap": 2.0}, rows(4))
softmax.case("softcap_chunks_of_one_row", BIAS | {"softcap": 2.0, "chunk_rows": 1}, rows(3, bias=True))
softmax.case("softcap_sampled_classes", SAMPLED | {"softcap": 1.5} | IGNORE,
             with_sampled([2, 5, 0], rows(6, classes=7, ignored=-100)))
softmax.case("softcap_smoothing_class_weights_ignore", {"softcap": 4.0} | smoothing(0.2, "all") | WEIGHTS | IGNORE,
             rows(6, ignored=-100))
softmax.case("bias_sum", BIAS | {"reduction": "sum"}, rows(4, bias=True), weights="element")


@library("pytorch-metric-learning", "losses.NormalizedSoftmaxLoss")
def normalized_softmax_oracle(scale=30.0, **inputs):
    def logits(x, labels, weight):
        values = pml(losses.NormalizedSoftmaxLoss, x, labels, weight, temperature=1 / scale)
        agree(values, scale * F.cosine_similarity(x[:, None], weight, dim=2))
        return values

    return classified(logits, **inputs)


normalized_softmax = common(Head("heads", "normalized_softmax", normalized_softmax_oracle))
normalized_softmax.case("scale_one", {"scale": 1.0}, rows(4))
normalized_softmax.case("scale_small", {"scale": 0.25}, rows(4, width=5))
normalized_softmax.case("scale_large", {"scale": 128.0}, HALVES)


@library("torch", "torch.nn.functional.linear of normalized weights, and cross_entropy")
def modified_softmax_oracle(normalize_embeddings, scale=30.0, **inputs):
    assert not normalize_embeddings
    return classified(lambda x, _, weight: scale * F.linear(x, F.normalize(weight)), **inputs)


MODIFIED = {"normalize_embeddings": False, "scale": 1.0}
for name, config, inputs in [
    ("", {}, rows(4)),
    ("_one_row", {}, rows(1, classes=6)),
    ("_scale", {"scale": 2.5}, rows(4)),
    ("_large", {}, exact(4, scale=1024.0)),
    ("_small", {}, rows(5, scale=2**-10)),
    ("_row_of_zeros", {}, ZERO_ROW),
    ("_ignore", IGNORE, rows(6, ignored=-100)),
    ("_enormous_ignored_rows", IGNORE, ENORMOUS_IGNORED),
    ("_with_everything", EVERYTHING, rows(6, ignored=-100)),
    ("_chunks", {"chunk_rows": 2}, rows(5)),
]:
    normalized_softmax.case("modified" + name, MODIFIED | config, inputs, oracle=modified_softmax_oracle)


def schedule(base=1000.0, gamma=0.12, power=1.0, minimum=5.0):
    return {"lambda": {"base": base, "gamma": gamma, "power": power, "minimum": minimum}}


class Annealed:
    """Where lambda is 0 the library's target; else a mean of that and the plain logit."""

    def __init__(self, margin=4, **fields):
        self.margin, self.step, self.schedule = margin, 0, fields.pop("lambda", schedule()["lambda"])
        if self.schedule == "off":
            self.schedule = NO_LAMBDA["lambda"]
        self.fields = fields

    def __call__(self, **inputs):
        base, gamma, power, minimum = (self.schedule[key] for key in ("base", "gamma", "power", "minimum"))
        share = 1 / (1 + max(minimum, base / (1 + gamma * self.step) ** power))
        self.step += 1

        def logits(x, labels, weight):
            hard, used = pml(self.loss, x, labels, weight, margin=self.margin), self.used(weight)
            angle = target_angles(cosines(x, weight), labels)
            k = (self.margin * angle / torch.pi).floor()  # at a border either k is right
            psi = (-1) ** k * torch.cos(self.margin * angle) - 2 * k
            lengths = torch.linalg.vector_norm(x, dim=1) * torch.linalg.vector_norm(used, dim=1)[labels]
            agree(hard, replaced(x @ used.T, labels, lengths * psi), rtol=1e-9)
            return share * hard + (1 - share) * x @ used.T

        return classified(logits, **inputs, **self.fields)


@library("pytorch-metric-learning", "losses.LargeMarginSoftmaxLoss, averaged with the plain logits (Liu et al., 2016)")
class LSoftmaxOracle(Annealed):
    loss, used = losses.LargeMarginSoftmaxLoss, staticmethod(lambda weight: weight)


@library("pytorch-metric-learning", "losses.SphereFaceLoss, averaged with the plain logits (Liu et al., 2017)")
class ASoftmaxOracle(Annealed):
    loss, used = losses.SphereFaceLoss, staticmethod(F.normalize)


NO_LAMBDA = schedule(base=0.0, minimum=0.0)


def annealed(kind):
    common(kind)
    kind.case("lambda_zero", NO_LAMBDA, rows(5))
    kind.case("lambda_off", {"lambda": "off"}, rows(5))
    kind.case("lambda_off_two_steps_margin_three", {"lambda": "off", "margin": 3}, [rows(2)] * 2)
    kind.case("lambda_zero_large", NO_LAMBDA, exact(4, scale=1024.0))
    kind.case("lambda_zero_small", NO_LAMBDA, exact(4, scale=2**-10))
    kind.case("lambda_zero_with_everything", NO_LAMBDA | EVERYTHING, rows(6, ignored=-100), weights="element")
    kind.case("lambda_zero_enormous_ignored_rows", NO_LAMBDA | IGNORE, ENORMOUS_IGNORED)
    kind.case("margin_one_is_plain", {"margin": 1} | NO_LAMBDA, at_angles(15, 100, -170))
    kind.case("margin_two", {"margin": 2} | NO_LAMBDA, at_angles(15, 75, 110, -165))
    kind.case("margin_three", {"margin": 3} | NO_LAMBDA, at_angles(25, -80, 100, 150))
    kind.case("margin_four", NO_LAMBDA, at_angles(20, 65, -110, 160))
    kind.case("margin_five", {"margin": 5} | NO_LAMBDA, at_angles(20, -55, 90, 125, 165))
    kind.case("margin_three_lambda_five", {"margin": 3} | schedule(base=5.0), rows(4, width=5))
    kind.case("three_steps", {}, [rows(2)] * 3)
    kind.case("four_steps_to_the_minimum", schedule(base=20.0, gamma=1.0, power=2.0, minimum=3.0), [rows(2)] * 4)
    kind.case("three_steps_power", schedule(base=8.0, gamma=3.0, power=0.5, minimum=0.0) | {"margin": 2}, [rows(2)] * 3)
    kind.case("two_steps_gamma_zero", schedule(base=2.0, gamma=0.0, minimum=1.0), [rows(2)] * 2)
    return kind


l_softmax = annealed(Head("heads", "l_softmax", LSoftmaxOracle))
a_softmax = annealed(Head("heads", "a_softmax", ASoftmaxOracle))


@library("pytorch-metric-learning", "losses.CosFaceLoss")
def cosface_oracle(scale=64.0, margin=0.35, **inputs):
    def logits(x, labels, weight):
        values = pml(losses.CosFaceLoss, x, labels, weight, margin=margin, scale=scale)
        agree(values, scale * (cosines(x, weight) - margin * F.one_hot(labels, len(weight))))
        return values

    return classified(logits, **inputs)


@library("pytorch-metric-learning", "losses.CosFaceLoss")
def am_softmax_oracle(scale=30.0, margin=0.35, **inputs):
    return cosface_oracle(scale, margin, **inputs)


def subtracted(kind, two_classes={}):
    common(kind, two_classes=two_classes)
    kind.case("scale", {"scale": 10.0}, rows(4))
    kind.case("scale_small", {"scale": 0.5}, rows(4, width=5))
    kind.case("scale_large", {"scale": 128.0}, HALVES)
    kind.case("margin", {"margin": 0.5, "scale": 16.0}, rows(4))
    kind.case("margin_zero_is_normalized_softmax", {"margin": 0.0}, rows(4))
    kind.case("margin_large", {"margin": 1.5}, exact(4))
    kind.case("angles", {"scale": 4.0}, at_angles(5, 60, -120, 175))
    return kind


am_softmax = subtracted(Head("heads", "am_softmax", am_softmax_oracle), {"scale": 4.0})
cosface = subtracted(Head("heads", "cosface", cosface_oracle))


def turned(cosine, labels, margin):
    angle = target_angles(cosine, labels)
    assert ((angle + margin - torch.pi).abs() > 1e-3).all()  # there it jumps
    beyond = torch.cos(angle) - margin * np.sin(margin)
    return replaced(cosine, labels, torch.where(angle + margin < torch.pi, torch.cos(angle + margin), beyond))


def eased(cosine, labels, margin):
    target = own(cosine, labels)
    assert ((target.abs() > 1e-3) | (target == 0)).all()  # there it jumps
    return replaced(cosine, labels, torch.where(target > 0, torch.cos(torch.acos(target) + margin), target))


@library("pytorch-metric-learning", "losses.ArcFaceLoss")
def arcface_oracle(scale=64.0, margin=0.5, beyond="line", **inputs):
    assert beyond == "line"

    def logits(x, labels, weight):
        values = pml(losses.ArcFaceLoss, x, labels, weight, margin=np.degrees(margin), scale=scale)
        agree(values, scale * turned(cosines(x, weight), labels, margin))
        return values

    return classified(logits, **inputs)


@formula("Deng et al., 2019, the easy margin of their code")
def arcface_easy(easy_margin, scale=64.0, margin=0.5, **inputs):
    def logits(x, labels, weight):
        return scale * eased(cosines(x, weight), labels, margin)

    assert easy_margin
    return classified(logits, **inputs)


@formula("Deng et al., 2019, cos(theta + m) at every angle, and the easy margin of their code")
def arcface_beyond(beyond, scale=64.0, margin=0.5, **inputs):
    def plain(cosine, labels):
        target = own(cosine, labels)
        assert (target.abs() < 1 - 1e-9).all()  # there the slope is infinite
        return replaced(cosine, labels, torch.cos(torch.acos(target) + margin))

    def logits(x, labels, weight):
        cosine = cosines(x, weight)
        return scale * (plain(cosine, labels) if beyond == "plain" else eased(cosine, labels, margin))

    assert beyond in ("plain", "easy")
    return classified(logits, **inputs)


EASY = {"easy_margin": True}
PLAIN = {"beyond": "plain"}

arcface = common(Head("heads", "arcface", arcface_oracle))
arcface.case("scale", {"scale": 10.0}, rows(4))
arcface.case("scale_small", {"scale": 0.5}, rows(4, width=5))
arcface.case("margin", {"margin": 0.3, "scale": 16.0}, rows(4))
arcface.case("margin_zero_is_normalized_softmax", {"margin": 0.0}, rows(4))
arcface.case("margin_large", {"margin": 2.5, "scale": 8.0}, at_angles(25, -35, 60, 160))
arcface.case("angles", {"scale": 4.0}, at_angles(30, 80, -120, 145))
arcface.case("beyond", {}, at_angles(155, -160, 170, 175, 140))
arcface.case("beyond_small_scale", {"scale": 2.0}, at_angles(155, -160, 170, 175, 140))
arcface.case("parallel_and_opposite", {}, HALVES, constant=["embeddings", "weight"])
arcface.case("easy", EASY, rows(5), oracle=arcface_easy)
arcface.case("easy_on_both_sides", EASY | {"scale": 4.0}, at_angles(35, 80, -100, 165), oracle=arcface_easy)
arcface.case("easy_margin_large", EASY | {"margin": 2.5, "scale": 8.0}, at_angles(35, -80, 110), oracle=arcface_easy)
arcface.case("easy_with_everything", EASY | EVERYTHING, exact(6, ignored=-100), weights="element",
             oracle=arcface_easy)
arcface.case("beyond_easy", {"beyond": "easy", "scale": 4.0}, at_angles(35, 80, -100, 165), oracle=arcface_beyond)
arcface.case("beyond_line", {"beyond": "line"}, at_angles(155, -160, 170, 140))
arcface.case("beyond_plain", PLAIN, rows(5), oracle=arcface_beyond)
arcface.case("beyond_plain_beyond_pi", PLAIN | {"scale": 4.0}, at_angles(155, -160, 170, 175, 140),
             oracle=arcface_beyond)
arcface.case("beyond_plain_margin_large", PLAIN | {"margin": 2.5, "scale": 8.0}, at_angles(25, -35, 60, 160),
             oracle=arcface_beyond)
arcface.case("beyond_plain_with_everything", PLAIN | EVERYTHING, exact(6, ignored=-100), weights="element",
             oracle=arcface_beyond)


# Clusters


@library("torch", "torch.nn.AdaptiveLogSoftmaxWithLoss")
def adaptive_softmax_oracle(embeddings, labels, weight, num_classes, embedding_dim, projections=None, tails=None,
                            bias=None, cutoffs=None, div_value=4.0, head_bias=False, ignore_index="none",
                            initializer=""):
    x, y, valid = harmless(embeddings, labels, ignore_index)
    module = torch.nn.AdaptiveLogSoftmaxWithLoss(embedding_dim, num_classes, cutoffs, div_value, head_bias)
    assert module.head.weight.shape == weight.shape and head_bias == (bias is not None)
    row = place = 0
    names = {"head.weight": weight} | ({"head.bias": bias} if head_bias else {})
    for number, (down, up) in enumerate(module.tail):
        size, width = up.weight.shape
        assert width > 0
        names[f"tail.{number}.0.weight"] = projections[row : row + width]
        names[f"tail.{number}.1.weight"] = tails[place : place + size * width].reshape(size, width)
        row, place = row + width, place + size * width
    assert (row, place) == (len(projections), len(tails))
    result = torch.func.functional_call(module, names, (x, y))
    agree(result.loss, -result.output.mean())
    return -result.output * valid + 0 * (projections.sum() + tails.sum()), valid.double()  # unused ones have slope 0


def clusters(count, classes=12, width=16, cutoffs=(4, 8), div_value=4.0, bias=False, scale=1.0, labels=None, **options):
    """Rows with the parameters of a head and of its clusters."""

    def recipe(draw):
        inputs = rows(count, classes, width, scale=scale, **options)(draw)
        ends = [*cutoffs, classes]
        widths = [int(width // div_value ** (i + 1)) for i in range(len(cutoffs))]
        sizes = [(end - start) * w for start, end, w in zip(ends, ends[1:], widths)]
        head = cutoffs[0] + len(cutoffs)
        inputs["weight"] = draw.normal((head, width), 0.5)
        inputs["projections"] = draw.normal((sum(widths), width), 0.5)
        inputs["tails"] = draw.normal((sum(sizes),), 0.5)
        if labels is not None:
            inputs["labels"] = np.array(labels)
        return inputs | ({"bias": draw.normal(head, 1.0)} if bias else {})

    return recipe


class Clustered(Head):
    """A kind whose weight has a row for each class of the first cluster and for each other cluster."""

    def case(self, name, config, inputs, classes=12, cutoffs=(4, 8), **options):
        config = {"cutoffs": list(cutoffs), "num_classes": classes} | config
        super().case(name, config, inputs, **options)

    def sizes(self, config, weight, **inputs):
        return {"embedding_dim": weight.shape[1]}


adaptive_softmax = Clustered("heads", "adaptive_softmax", adaptive_softmax_oracle)
adaptive_softmax.case("default", {}, clusters(6))
adaptive_softmax.case("one_row", {}, clusters(1))
adaptive_softmax.case("one_cutoff", {}, clusters(5, cutoffs=(5,)), cutoffs=[5])
adaptive_softmax.case("three_cutoffs_div_value", {"div_value": 2.0},
                      clusters(8, cutoffs=(2, 5, 9), div_value=2.0), cutoffs=[2, 5, 9])
adaptive_softmax.case("smaller_embeddings", {"div_value": 2.0}, clusters(6, width=8, div_value=2.0))
adaptive_softmax.case("div_value_one", {"div_value": 1.0}, clusters(5, div_value=1.0))
adaptive_softmax.case("clusters_of_one_class", {}, clusters(6, classes=3, cutoffs=(1, 2)), classes=3, cutoffs=[1, 2])
adaptive_softmax.case("head_bias", {"head_bias": True}, clusters(6, bias=True))
adaptive_softmax.case("only_the_first_cluster", {}, clusters(4, labels=[0, 3, 1, 1]))
adaptive_softmax.case("only_the_last_cluster", {"head_bias": True}, clusters(3, bias=True, labels=[8, 11, 8]))
adaptive_softmax.case("every_cluster", {}, clusters(6, labels=[3, 4, 7, 8, 11, 0]))
adaptive_softmax.case("large", {}, clusters(4, scale=64.0))
adaptive_softmax.case("small", {}, clusters(4, scale=2**-10))
adaptive_softmax.case("ignore_index", IGNORE, clusters(6, ignored=-100))
adaptive_softmax.case("ignore_index_is_a_class", {"ignore_index": 9}, clusters(6, ignored=9))
adaptive_softmax.case("all_rows_ignored", IGNORE, clusters(2, labels=[-100, -100]))
adaptive_softmax.case("mean_with_weights", IGNORE, clusters(6, ignored=-100), weights="element")
adaptive_softmax.case("sum", {"reduction": "sum", "initializer": "normal"}, clusters(5))
adaptive_softmax.case("batch_mean", {"reduction": "batch_mean"} | IGNORE, clusters(5, ignored=-100))
adaptive_softmax.case("weighted_mean", {"reduction": "weighted_mean"} | IGNORE, clusters(6, ignored=-100),
                      weights="element")
