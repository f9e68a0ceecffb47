"""Sequences, and labels without an alignment."""

import torch
import torch.nn.functional as F

from bench_twins import family

try:
    from torchaudio.functional import rnnt_loss
except (ImportError, OSError):  # there is no torchaudio for this PyTorch
    rnnt_loss = None

CTC_STEPS, CTC_LABELS = 400, 60
RNNT_LABELS, RNNT_CLASSES = 40, 500


def lengths(count, most):
    """From three quarters of the largest one on."""
    return most - torch.arange(count) * 7919 % max(most // 4, 1)


def of_steps(rows, columns):
    classes = columns // CTC_STEPS
    labels = torch.randint(1, classes, (rows, CTC_LABELS))
    return [torch.randn(rows, CTC_STEPS, classes)], [labels, lengths(rows, CTC_STEPS), lengths(rows, CTC_LABELS)]


def ctc(x, labels, steps, counts):
    log_p = F.log_softmax(x, -1).transpose(0, 1)
    return F.ctc_loss(log_p, labels, steps, counts, reduction="none").mean()


def of_states(rows, columns):
    steps = columns // (RNNT_LABELS + 1) // RNNT_CLASSES
    labels = torch.randint(1, RNNT_CLASSES, (rows, RNNT_LABELS))
    others = [labels, lengths(rows, steps), lengths(rows, RNNT_LABELS)]
    return [torch.randn(rows, steps, RNNT_LABELS + 1, RNNT_CLASSES)], [of.int() for of in others]


family("sequence", of_steps, ctc=ctc)
if rnnt_loss is not None:
    family("sequence", of_states, rnnt=lambda x, *others: rnnt_loss(x, *others, blank=0))
