"""Heads that are trained on a sample of the classes."""

import numpy as np
import torch
import torch.nn.functional as F

from case import agree, formula, given, library

from .classification import IGNORE
from .heads import (
    ALL_IGNORED, BIAS, ENORMOUS_IGNORED, SAME_ROWS, WEIGHT, ZERO_ROW, ZEROS_IGNORED, Head, harmless, own, rows,
)


class Sampled:
    """What the two losses have in common: the logits of all classes, bias and corrections included."""

    def __init__(self, num_classes, embedding_dim, bias=False, remove_accidental_hits=True, ignore_index="none",
                 sampler={}, seed=0, initializer=""):
        self.shape, self.bias, self.ignore_index = (num_classes, embedding_dim), bias, ignore_index
        self.remove_accidental_hits = remove_accidental_hits

    def every(self, embeddings, labels, weight, bias):
        assert weight.shape == self.shape and self.bias == (bias is not None)
        x, y, valid = harmless(embeddings, labels, self.ignore_index)
        return F.linear(x, weight, bias), y, valid

    def hits(self, sampled, labels):
        return (sampled == labels[:, None]) & self.remove_accidental_hits


@formula("Jean et al., 2015, as a cross-entropy")
class SampledSoftmaxOracle(Sampled):
    def __init__(self, num_sampled, log_q=True, **fields):
        super().__init__(**fields)
        self.num_sampled, self.log_q = num_sampled, log_q

    def __call__(self, embeddings, labels, weight, sampled, expected_counts, bias=None):
        assert len(sampled) == self.num_sampled
        every, y, valid = self.every(embeddings, labels, weight, bias)
        corrected = every - torch.log(expected_counts) if self.log_q else every
        others = torch.where(self.hits(sampled, y), -torch.inf, corrected[:, sampled])
        values = F.cross_entropy(torch.cat([own(corrected, y)[:, None], others], 1), 0 * y, reduction="none")
        complete = torch.equal(sampled.sort().values, torch.arange(len(weight))) and self.remove_accidental_hits
        if complete and (not self.log_q or (expected_counts == 1).all()):
            agree(values, F.cross_entropy(every, y, reduction="none"))
        return values * valid, valid.double()


@library("torch", "torch.nn.functional.binary_cross_entropy_with_logits")
class NegativeSamplingOracle(Sampled):
    def __init__(self, negatives, **fields):
        super().__init__(**fields)
        self.negatives = negatives

    def __call__(self, embeddings, labels, weight, sampled, bias=None):
        assert sampled.shape == (len(labels), self.negatives)
        every, y, valid = self.every(embeddings, labels, weight, bias)
        logits = torch.cat([own(every, y)[:, None], every.gather(1, sampled)], 1)
        targets, kept = torch.zeros_like(logits), torch.ones_like(logits)
        targets[:, 0], kept[:, 1:] = 1, (~self.hits(sampled, y)).double()
        values = F.binary_cross_entropy_with_logits(logits, targets, kept, reduction="none").sum(1)
        return values * valid, valid.double()


@formula("tf.nn.nce_loss: sigmoid cross-entropies of logits less the logarithms of the expected counts")
class NceOracle(Sampled):
    def __init__(self, num_sampled, subtract_log_q=True, remove_accidental_hits=False, **fields):
        super().__init__(remove_accidental_hits=remove_accidental_hits, **fields)
        self.num_sampled, self.subtract_log_q = num_sampled, subtract_log_q

    def __call__(self, embeddings, labels, weight, sampled, expected_counts, bias=None):
        assert len(sampled) == self.num_sampled
        every, y, valid = self.every(embeddings, labels, weight, bias)
        corrected = every - torch.log(expected_counts) if self.subtract_log_q else every
        own_class, others = F.softplus(-own(corrected, y)), F.softplus(corrected[:, sampled])
        values = own_class + torch.where(self.hits(sampled, y), 0.0, others).sum(1)
        return values * valid, valid.double()


class SampledHead(Head):
    """A kind whose configs also say how many samples there are."""

    def __init__(self, kind, oracle, count):
        super().__init__("heads", kind, oracle, constant=["expected_counts"])
        self.count = count

    def sizes(self, config, sampled, **inputs):
        return super().sizes(config, **inputs) | {self.count: sampled.shape[-1]}


def with_samples(recipe, count=5):
    """The recipe and so many different classes, each as often expected as a sampler might."""

    def drawn(draw):
        inputs = recipe(draw)
        classes = len(inputs["weight"])
        sampled = draw.rng.permutation(classes)[:count]
        return inputs | {"sampled": sampled, "expected_counts": draw.uniform(0.05, 0.95, classes)}

    return drawn


def with_negatives(recipe, count=5):
    """The recipe and so many classes for every row, some of them the row's own or there twice."""

    def drawn(draw):
        inputs = recipe(draw)
        return inputs | {"sampled": draw.labels(len(inputs["weight"]), (len(inputs["labels"]), count))}

    return drawn


def those(recipe, sampled, expected_counts=None):
    """The recipe and these very samples."""
    counts = {} if expected_counts is None else {"expected_counts": np.array(expected_counts)}
    return lambda draw: recipe(draw) | {"sampled": np.array(sampled)} | counts


def common_of_samples(kind, of):
    """The cases of both losses; `of` adds the samples to a recipe."""

    def twelve(count, **options):
        return rows(count, classes=12, **options)

    some = {"reduction": "weighted_mean", "initializer": "normal"}
    counts = {"kind": "unigram", "counts": [40.0, 20.0, 10.0, 5.0], "power": 0.5}
    kind.case("default", {}, of(twelve(4)))
    kind.case("one_row", {}, of(twelve(1)))
    kind.case("two_classes", {"initializer": "xavier_normal"}, of(rows(4, classes=2, width=5)))
    kind.case("large", {}, of(twelve(4, scale=2.0**14)))
    kind.case("small", {}, of(twelve(4, scale=2**-10)))
    kind.case("row_of_zeros", {}, of(ZERO_ROW))
    kind.case("same_rows", {}, of(SAME_ROWS))
    kind.case("bias", BIAS, of(twelve(4, bias=True)))
    kind.case("bias_large", BIAS, of(twelve(4, scale=1024.0, bias=True)))
    kind.case("hits_stay", {"remove_accidental_hits": False}, of(rows(6)))
    kind.case("hits_go", {}, of(rows(6)))
    kind.case("bias_hits_stay", BIAS | {"remove_accidental_hits": False}, of(rows(5, bias=True)))
    kind.case("uniform_sampler_seed", {"sampler": {"kind": "uniform"}, "seed": 3}, of(twelve(4)))
    kind.case("unigram_sampler", {"sampler": counts}, of(rows(4)))
    kind.case("ignore_index", {"ignore_index": 255}, of(twelve(6, ignored=255)))
    kind.case("ignore_index_is_a_class", {"ignore_index": 1}, of(rows(6, ignored=1)))
    kind.case("all_rows_ignored", IGNORE, of(ALL_IGNORED))
    kind.case("zeros_in_ignored_rows", IGNORE, of(ZEROS_IGNORED))
    kind.case("enormous_ignored_rows", IGNORE, of(ENORMOUS_IGNORED))
    kind.case("mean_with_weights", IGNORE, of(twelve(6, ignored=-100)), weights="element")
    kind.case("sum", {"reduction": "sum"} | IGNORE, of(twelve(5, ignored=-100)))
    kind.case("batch_mean", {"reduction": "batch_mean"} | IGNORE, of(twelve(5, ignored=-100)))
    kind.case("weighted_mean_bias", some | BIAS | IGNORE, of(twelve(6, ignored=-100, bias=True)), weights="element")
    return kind


AS_THEY_ARE, HITS_STAY, ONE_CLASS = {"log_q": False}, {"remove_accidental_hits": False}, rows(3, classes=1)
ALL_FOUR, ONES = [2, 0, 3, 1], [1.0] * 4

sampled_softmax = SampledHead("sampled_softmax", SampledSoftmaxOracle, "num_sampled")
common_of_samples(sampled_softmax, with_samples)
sampled_softmax.case("without_log_q", AS_THEY_ARE, with_samples(rows(4, classes=12)))
sampled_softmax.case("without_log_q_bias", AS_THEY_ARE | BIAS, with_samples(rows(4, classes=12, bias=True)))
sampled_softmax.case("without_log_q_hits_stay", AS_THEY_ARE | HITS_STAY, with_samples(rows(6)))
sampled_softmax.case("one_sample", {}, with_samples(rows(4), 1))
sampled_softmax.case("every_class_once_is_softmax", {}, those(rows(5), ALL_FOUR, ONES))
sampled_softmax.case("every_class_once_is_softmax_bias", BIAS, those(rows(5, bias=True), ALL_FOUR, ONES))
sampled_softmax.case("samples_twice", {}, those(rows(5), [0, 0, 0, 2, 1, 2], [2.5, 0.75, 1.5, 0.25]))
sampled_softmax.case("rare_and_frequent", {}, those(rows(5), [0, 0, 3], [2.0, 0.125, 2**-10, 2**-20]))
sampled_softmax.case("nothing_but_hits", {}, those(ONE_CLASS, [0, 0], [0.5]))
sampled_softmax.case("nothing_but_hits_stay", HITS_STAY, those(ONE_CLASS, [0, 0], [0.5]))

negative_sampling = SampledHead("negative_sampling", NegativeSamplingOracle, "negatives")
common_of_samples(negative_sampling, with_negatives)
negative_sampling.case("one_negative", {}, with_negatives(rows(4), 1))
negative_sampling.case("fifteen_negatives", {}, with_negatives(rows(3, classes=12), 15))
negative_sampling.case("negatives_twice", {}, those(given(embeddings=[[1.0, -0.5, 2.0]], labels=[1], weight=WEIGHT),
                                                     [[0, 0, 2, 2, 2]]))
negative_sampling.case("nothing_but_hits", {}, those(ONE_CLASS, [[0, 0]] * 3))
negative_sampling.case("nothing_but_hits_stay", HITS_STAY, those(ONE_CLASS, [[0]] * 3))

HITS_GO = {"remove_accidental_hits": True}

nce = SampledHead("nce", NceOracle, "num_sampled")
common_of_samples(nce, with_samples)
nce.case("hits_go_everywhere", HITS_GO, with_samples(rows(6)))
nce.case("without_log_q", {"subtract_log_q": False}, with_samples(rows(4, classes=12)))
nce.case("without_log_q_bias_hits_go", {"subtract_log_q": False} | BIAS | HITS_GO, with_samples(rows(6, bias=True)))
nce.case("one_sample", {}, with_samples(rows(4), 1))
nce.case("samples_twice", {}, those(rows(5), [0, 0, 0, 2, 1, 2], [2.5, 0.75, 1.5, 0.25]))
nce.case("rare_and_frequent", {}, those(rows(5), [0, 0, 3], [2.0, 0.125, 2**-10, 2**-20]))
nce.case("nothing_but_hits", HITS_GO, those(ONE_CLASS, [0, 0], [0.5]))
nce.case("nothing_but_hits_stay", {}, those(ONE_CLASS, [0, 0], [0.5]))
