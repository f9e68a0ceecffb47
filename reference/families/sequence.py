"""Sequences: (logits or log_probabilities, labels, input_lengths, label_lengths), one value per sequence."""

import numpy as np
import torch
import torch.nn.functional as F
import torchaudio

from case import Kind, agree, formula, library

# Inputs


def sequences(lengths, counts, classes=5, blank=0, scale=2.0, repeat=False, normalized=False, name="logits", axes=3):
    """Sequences with so many steps and labels each; what is beyond these is filled with other numbers."""

    def recipe(draw):
        rows, steps, width = len(lengths), max(lengths), max(counts)
        shape = (rows, steps, classes) if axes == 3 else (rows, steps, width + 1, classes)
        scores = draw.normal(shape, scale)
        if normalized:
            scores = np.round(scores - np.log(np.exp(scores).sum(-1, keepdims=True)), 8)
        others = [label for label in range(classes) if label != blank]
        labels = draw.rng.choice(others, (rows, width))
        if repeat and width > 1:
            labels[:, 1] = labels[:, 0]
        return {
            name: scores,
            "labels": labels,
            "input_lengths": np.array(lengths),
            "label_lengths": np.array(counts),
        }

    return recipe


def divided(values, input_lengths, label_lengths, normalize):
    divisor = {"none": 1, "label_length": label_lengths, "input_length": input_lengths}[normalize]
    return values / torch.as_tensor(divisor).clamp(min=1)


# Losses


def alignments(log_p, labels, blank):
    """The sum over all alignments of one sequence, as the recursion in the paper says, differentiated by torch."""
    states = [blank] + [state for label in labels for state in (label, blank)]
    nothing = torch.tensor(-torch.inf)
    sums = [log_p[0, state] if place < 2 else nothing for place, state in enumerate(states)]
    for row in log_p[1:]:
        after = []
        for place, state in enumerate(states):
            reached = sums[max(0, place - 1) : place + 1]
            if place > 1 and state != blank and state != states[place - 2]:
                reached = [sums[place - 2], *reached]
            reached = [number for number in reached if number != -torch.inf]
            after.append(torch.logsumexp(torch.stack(reached), 0) + row[state] if reached else nothing)
        sums = after
    return -torch.logsumexp(torch.stack(sums[-2:]), 0)


@library("torch", "torch.nn.functional.ctc_loss")
def ctc_oracle(logits, labels, input_lengths, label_lengths, blank=0, zero_infinity=False, normalize="none", layout="ntc"):
    log_p = F.log_softmax(logits if layout == "tnc" else logits.transpose(0, 1), -1)
    lengths = input_lengths, label_lengths
    values = F.ctc_loss(log_p, labels, *lengths, blank=blank, reduction="none", zero_infinity=zero_infinity)
    return divided(values, *lengths, normalize)


@formula("Graves 2006, equations 5 to 8")
def ctc_of_log_probabilities(log_probabilities, labels, input_lengths, label_lengths, blank=0, input=None):
    rows = zip(log_probabilities, labels.tolist(), input_lengths.tolist(), label_lengths.tolist())
    values = torch.stack([alignments(row[:steps], labels[:count], blank) for row, labels, steps, count in rows])
    lengths = input_lengths, label_lengths
    agree(values, F.ctc_loss(log_probabilities.transpose(0, 1), labels, *lengths, blank=blank, reduction="none"))
    return values


def swapped(recipe):
    """The first two axes of the logits in the other order."""
    return lambda draw: {
        name: np.swapaxes(array, 0, 1) if name == "logits" else array for name, array in recipe(draw).items()
    }


STEPS, COUNTS = [6, 4, 5], [3, 1, 2]
ctc = Kind("sequence", "ctc", ctc_oracle)
ctc.case("default", {}, sequences(STEPS, COUNTS))
ctc.case("repeated_labels", {}, sequences([7, 6, 5], [3, 2, 2], repeat=True))
ctc.case("no_labels", {}, sequences([3, 2], [2, 0]))
ctc.case("one_step", {}, sequences([1], [1]))
ctc.case("another_blank", {"blank": 3}, sequences(STEPS, COUNTS, blank=3))
ctc.case("steps_first", {"layout": "tnc"}, swapped(sequences(STEPS, COUNTS)))
ctc.case("no_alignment", {"zero_infinity": True}, sequences([3, 5, 2], [2, 3, 2], repeat=True))
ctc.case("by_labels", {"normalize": "label_length"}, sequences([5, 4, 3], [3, 1, 0]))
ctc.case("by_steps", {"normalize": "input_length"}, sequences(STEPS, COUNTS))
ctc.case("large_logits", {}, sequences([5, 4], [2, 2], scale=1000.0))
ctc.case("many_steps", {}, sequences([60, 41], [20, 13], classes=4))
of_log = {"input": "log_probabilities"}
ctc.case(
    "log_probabilities",
    of_log,
    sequences(STEPS, COUNTS, normalized=True, name="log_probabilities"),
    oracle=ctc_of_log_probabilities,
)
ctc.case(
    "log_probabilities_with_repeated_labels",
    of_log,
    sequences([6, 5], [3, 2], repeat=True, normalized=True, name="log_probabilities"),
    oracle=ctc_of_log_probabilities,
)
ctc.case("mean_with_weights", {}, sequences(STEPS, COUNTS), weights="element")
ctc.case("sum", {"reduction": "sum"}, sequences(STEPS, COUNTS))
ctc.case("weighted_mean", {"reduction": "weighted_mean"}, sequences(STEPS, COUNTS), weights="element")


def paths(log_p, labels, blank, fast_emit=0.0):
    """The sum over all paths of one sequence, as the recursion in the paper says, differentiated by torch."""
    emitted = (1 + fast_emit) * log_p - fast_emit * log_p.detach() if fast_emit else log_p
    steps, states = len(log_p), len(labels) + 1
    sums = {}
    for step in range(steps):
        for state in range(states):
            reached = [torch.zeros(())] if step == state == 0 else []
            if step > 0:
                reached.append(sums[step - 1, state] + log_p[step - 1, state, blank])
            if state > 0:
                reached.append(sums[step, state - 1] + emitted[step, state - 1, labels[state - 1]])
            sums[step, state] = torch.logsumexp(torch.stack(reached), 0)
    return -(sums[steps - 1, states - 1] + log_p[steps - 1, states - 1, blank])


@formula("Graves 2012, equations 16 to 18")
def rnnt_oracle(labels, input_lengths, label_lengths, blank=0, input="logits", normalize="none", **scores):
    (scores,) = scores.values()
    log_p = F.log_softmax(scores, -1) if input == "logits" else scores
    rows = zip(log_p, labels.tolist(), input_lengths.tolist(), label_lengths.tolist())
    values = torch.stack([paths(row[:steps], labels[:count], blank) for row, labels, steps, count in rows])
    lengths = input_lengths, label_lengths
    # torchaudio computes in single precision.
    arguments = [scores.detach().float(), *(x.int() for x in (labels, *lengths))]
    theirs = torchaudio.functional.rnnt_loss(
        *arguments, blank=blank, reduction="none", fused_log_softmax=input == "logits"
    )
    agree(values, theirs, rtol=1e-5)
    return divided(values, *lengths, normalize)


@formula("Yu et al. 2021, equation 9: the gradient of labels times 1 + lambda")
def rnnt_fast_emit(logits, labels, input_lengths, label_lengths, fast_emit, blank=0):
    rows = zip(F.log_softmax(logits, -1), labels.tolist(), input_lengths.tolist(), label_lengths.tolist())
    return torch.stack([paths(row[:steps], labels[:count], blank, fast_emit) for row, labels, steps, count in rows])


class Bounded(torch.autograd.Function):
    """The values of sequences whose gradients are cut at a bound, as torchaudio's kernel does before it multiplies by the upstream."""

    @staticmethod
    def forward(ctx, logits, bound, values):
        with torch.enable_grad():
            leaf = logits.detach().requires_grad_()
            result = values(leaf)
            ctx.gradient = torch.autograd.grad(result.sum(), leaf)[0].clamp(-bound, bound)
        return result.detach()

    @staticmethod
    def backward(ctx, upstream):
        return upstream.reshape(-1, 1, 1, 1) * ctx.gradient, None, None


@formula("Graves 2012; agrees with the clamp of torchaudio's rnnt_loss")
def rnnt_bounded(logits, labels, input_lengths, label_lengths, clamp, normalize="none"):
    values = Bounded.apply(logits, clamp, lambda x: rnnt_oracle(labels, input_lengths, label_lengths, logits=x))
    theirs = logits.detach().float().requires_grad_()
    arguments = [x.int() for x in (labels, input_lengths, label_lengths)]
    loss = torchaudio.functional.rnnt_loss(theirs, *arguments, blank=0, clamp=clamp, reduction="sum")
    ours = torch.autograd.grad(values.sum(), logits, retain_graph=True)[0]
    agree(ours, torch.autograd.grad(loss, theirs)[0], rtol=1e-4, atol=1e-6)
    return divided(values, input_lengths, label_lengths, normalize)


rnnt = Kind("sequence", "rnnt", rnnt_oracle)
rnnt.case("default", {}, sequences(STEPS, COUNTS, axes=4))
rnnt.case("more_labels_than_steps", {}, sequences([2, 1], [3, 2], axes=4))
rnnt.case("no_labels", {}, sequences([3, 2], [2, 0], axes=4))
rnnt.case("one_step", {}, sequences([1], [1], axes=4))
rnnt.case("another_blank", {"blank": 4}, sequences(STEPS, COUNTS, blank=4, axes=4))
rnnt.case("by_labels", {"normalize": "label_length"}, sequences([5, 4, 3], [3, 1, 0], axes=4))
rnnt.case("by_steps", {"normalize": "input_length"}, sequences(STEPS, COUNTS, axes=4))
rnnt.case("large_logits", {}, sequences([5, 4], [2, 2], scale=1000.0, axes=4))
rnnt.case(
    "log_probabilities", of_log, sequences(STEPS, COUNTS, normalized=True, name="log_probabilities", axes=4)
)
rnnt.case("mean_with_weights", {}, sequences(STEPS, COUNTS, axes=4), weights="element")
rnnt.case("sum", {"reduction": "sum"}, sequences(STEPS, COUNTS, axes=4))
rnnt.case("weighted_mean", {"reduction": "weighted_mean"}, sequences(STEPS, COUNTS, axes=4), weights="element")
rnnt.case("fast_emit", {"fast_emit": 0.01}, sequences(STEPS, COUNTS, axes=4), oracle=rnnt_fast_emit)
rnnt.case("fast_emit_large", {"fast_emit": 2.5}, sequences([4, 3], [3, 2], axes=4), oracle=rnnt_fast_emit, weights="element")
rnnt.case("clamp", {"clamp": 0.05}, sequences(STEPS, COUNTS, axes=4), oracle=rnnt_bounded)
rnnt.case(
    "clamp_of_weighted_values",
    {"clamp": 0.1, "normalize": "label_length", "reduction": "sum"},
    sequences([4, 3], [2, 2], axes=4),
    oracle=rnnt_bounded,
    weights="element",
)
