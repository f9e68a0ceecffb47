"""Preference: log-probabilities of answers [N], chosen and rejected ones or single ones -> [N]."""

import mpmath
import numpy as np
import torch
import torch.nn.functional as F

from case import Kind, digits, formula, from_mpmath_pointwise, given, library

# Inputs

PAIR = ["chosen", "rejected"]
REFERENCE = ["reference_chosen", "reference_rejected"]


def sums(count, *names):
    """Sums over the tokens of answers: those of the reference model are near those of the model."""

    def recipe(draw):
        of_pair = [draw.uniform(-60, -5, (count,)) for _ in PAIR]
        return {name: np.round(of_pair[at % 2] + draw.normal((count,), 3.0), 4) for at, name in enumerate(names)}

    return recipe


def means(count):
    """Means over the tokens of answers."""
    return lambda draw: {name: draw.uniform(-4, -0.05, (count,)) for name in PAIR}


def scores(count, margin=False):
    return lambda draw: {name: draw.normal((count,)) for name in PAIR + ["margin"] * margin}


def rated(count, mismatched=0, shift=1.0):
    """Single answers, and log-ratios of others."""

    def recipe(draw):
        reference = draw.uniform(-60, -5, (count,))
        inputs = {
            "policy": np.round(reference + draw.normal((count,), 4.0), 4),
            "reference": reference,
            "desirable": draw.rng.permutation(np.arange(count) % 2),
        }
        return inputs | ({"mismatched": draw.normal((mismatched,), 1.0) + shift} if mismatched else {})

    return recipe


def extreme(*names, **other):
    numbers = [[1e4, -1e4, 0.5, -40.0], [-1e4, 1e4, 0.5, 60.0], [0.0, 3.0, -1e4, 2.0], [5.0, 0.0, 1e4, -1.0]]
    return given(**dict(zip(names, numbers)) | other)


def common(kind, recipe, extremes):
    """The cases that every loss of the family has; `recipe` draws so many answers."""
    kind.case("default", {}, recipe(6))
    kind.case("one", {}, recipe(1))
    kind.case("extreme", {}, extremes)
    kind.case("mean_with_weights", {}, recipe(5), weights="element")
    kind.case("sum", {"reduction": "sum"}, recipe(4), weights="element")
    kind.case("batch_mean", {"reduction": "batch_mean"}, recipe(5))
    kind.case("weighted_mean", {"reduction": "weighted_mean"}, recipe(5), weights="element")
    return kind


# Losses


def logistic(x, smoothing=0.0):
    """-ln s(x), where a share of the pairs is the other way around."""
    return -(1 - smoothing) * F.logsigmoid(x) - smoothing * F.logsigmoid(-x)


@formula("the papers, as in TRL's DPOTrainer.dpo_loss (huggingface/trl v0.15)")
def dpo_oracle(
    chosen, rejected, reference_chosen=0.0, reference_rejected=0.0, beta=0.1, form="sigmoid", label_smoothing=0.0,
    divergence="reverse_kl", reference="given",
):
    a, b = chosen - reference_chosen, rejected - reference_rejected
    logits = {
        "reverse_kl": lambda: a - b,
        "forward_kl": lambda: torch.exp(-b) - torch.exp(-a),  # TRL's alpha divergence with the coefficient 1
        "js": lambda: a - b - (F.softplus(a) - F.softplus(b)),
    }[divergence]()
    return {
        "sigmoid": lambda: logistic(beta * logits, label_smoothing),
        "robust": lambda: (  # TRL's DPOTrainer with loss_type robust
            -F.logsigmoid(beta * logits) * (1 - label_smoothing) + F.logsigmoid(-beta * logits) * label_smoothing
        ) / (1 - 2 * label_smoothing),
        "ipo": lambda: (logits - 1 / (2 * beta)) ** 2,
        "hinge": lambda: torch.relu(1 - beta * logits),
        "nca": lambda: -F.logsigmoid(beta * a) - 0.5 * F.logsigmoid(-beta * a) - 0.5 * F.logsigmoid(-beta * b),
        "sppo_hard": lambda: (a - 0.5 / beta) ** 2 + (b + 0.5 / beta) ** 2,
        "apo_zero": lambda: 1 - torch.sigmoid(beta * a) + torch.sigmoid(beta * b),
        "apo_down": lambda: torch.sigmoid(beta * a) + 1 - torch.sigmoid(beta * logits),
    }[form]()


dpo = common(Kind("preference", "dpo", dpo_oracle), lambda n: sums(n, *PAIR, *REFERENCE), extreme(*PAIR, *REFERENCE))
dpo.case("beta", {"beta": 0.5}, sums(5, *PAIR, *REFERENCE))
dpo.case("label_smoothing", {"label_smoothing": 0.1}, sums(5, *PAIR, *REFERENCE))
dpo.case("label_smoothing_extreme", {"label_smoothing": 0.3}, extreme(*PAIR, *REFERENCE))
dpo.case("without_reference", {"reference": "none"}, sums(5, *PAIR))
dpo.case("without_reference_ipo", {"reference": "none", "form": "ipo", "beta": 0.3}, sums(5, *PAIR))
for divergence in ["forward_kl", "js"]:
    dpo.case(divergence, {"divergence": divergence}, sums(5, *PAIR, *REFERENCE))
    dpo.case(f"{divergence}_ipo", {"divergence": divergence, "form": "ipo", "beta": 0.5}, sums(4, *PAIR, *REFERENCE))
dpo.case("js_hinge", {"divergence": "js", "form": "hinge", "label_smoothing": 0.0}, sums(4, *PAIR, *REFERENCE))
for e in [0.0, 0.1, 0.4]:
    dpo.case(f"robust_{e}", {"form": "robust", "label_smoothing": e}, sums(5, *PAIR, *REFERENCE))
dpo.case("robust_js", {"form": "robust", "label_smoothing": 0.2, "divergence": "js"}, sums(4, *PAIR, *REFERENCE))
dpo.case("robust_extreme", {"form": "robust", "label_smoothing": 0.25}, extreme(*PAIR, *REFERENCE))
for form in ["ipo", "hinge", "nca", "sppo_hard", "apo_zero", "apo_down"]:
    dpo.case(form, {"form": form}, sums(6, *PAIR, *REFERENCE))
    dpo.case(f"{form}_beta", {"form": form, "beta": 0.7}, sums(4, *PAIR, *REFERENCE))
    # The slope of a sigmoid near 1 has few digits in f32.
    of_last = {"reference_rejected": [5.0, 0.0, 1e4, 55.0]} if form == "apo_zero" else {}
    dpo.case(f"{form}_extreme", {"form": form}, extreme(*PAIR, *REFERENCE, **of_last))


@formula("Ethayarajh et al., 2024, as in TRL's KTOTrainer.kto_loss (huggingface/trl v0.15)")
class KtoOracle:
    """The argument and the field `desirable` have one name."""

    def __init__(self, beta=0.1, desirable=1.0, undesirable=1.0):
        self.beta, self.weights = beta, (desirable, undesirable)

    def __call__(self, policy, reference, desirable, mismatched=None):
        z = 0.0 if mismatched is None or len(mismatched) == 0 else max(0.0, mismatched.mean().item())
        ratios, (good, bad) = policy - reference, self.weights
        return torch.where(
            desirable.bool(),
            good * (1 - torch.sigmoid(self.beta * (ratios - z))),
            bad * (1 - torch.sigmoid(self.beta * (z - ratios))),
        )


kto = common(
    Kind("preference", "kto", KtoOracle, constant=["mismatched"]),
    rated,
    given(
        policy=[1e4, -1e4, 0.5, -40.0], reference=[-1e4, 1e4, 0.5, 60.0], desirable=[1, 0, 1, 0],
        mismatched=[1e4, 0.0, -3.0],
    ),
)
kto.case("mismatched", {}, rated(6, mismatched=4))
kto.case("mismatched_negative", {}, rated(5, mismatched=3, shift=-4.0))
kto.case("beta", {"beta": 0.5}, rated(5, mismatched=7))
kto.case("weights", {"desirable": 1.5, "undesirable": 0.25}, rated(6, mismatched=2))
kto.case("only_desirable", {"undesirable": 0.0}, rated(6, mismatched=2))


@digits("Hong et al., 2024: the logarithm of one plus the inverse ratio of the odds")
def orpo_oracle(chosen, rejected):
    def value(c, r):
        c, r = (min(x, mpmath.mpf("-1e-7")) for x in (c, r))
        odds = lambda x: mpmath.exp(x) / (1 - mpmath.exp(x))
        return mpmath.log(1 + odds(r) / odds(c))

    return from_mpmath_pointwise(value, chosen, rejected)


NEAR_ONE = given(chosen=[-1e-3, -1e-5, -0.5, -0.7, -0.69], rejected=[-1e-4, -1e-2, -0.69, -1e-3, -0.7])
orpo = common(
    Kind("preference", "orpo", orpo_oracle),
    means,
    given(chosen=[-1e4, -1e-6, -50.0, -0.01], rejected=[-1e-6, -1e4, -40.0, -60.0]),
)
orpo.case("near_one", {}, NEAR_ONE)


@formula("Meng et al., 2024, as in TRL's CPOTrainer.cpo_loss with loss_type simpo (huggingface/trl v0.15)")
def simpo_oracle(chosen, rejected, beta=2.0, gamma=0.5, label_smoothing=0.0):
    return logistic(beta * (chosen - rejected - gamma / beta), label_smoothing)


simpo = common(Kind("preference", "simpo", simpo_oracle), means, extreme(*PAIR))
simpo.case("beta", {"beta": 10.0}, means(5))
simpo.case("gamma", {"gamma": 3.0}, means(5))
simpo.case("without_margin", {"gamma": 0.0, "beta": 0.5}, means(5))
simpo.case("label_smoothing", {"label_smoothing": 0.2}, means(5))
simpo.case("label_smoothing_extreme", {"label_smoothing": 0.4}, extreme(*PAIR))


@library("torch", "torch.nn.functional.logsigmoid, as in TRL's RewardTrainer.compute_loss (huggingface/trl v0.15)")
def reward_oracle(chosen, rejected, margin=0.0, center=0.0):
    return -F.logsigmoid(chosen - rejected - margin) + center * (chosen + rejected) ** 2


reward = common(Kind("preference", "reward", reward_oracle), scores, extreme(*PAIR))
reward.case("margin", {}, scores(5, margin=True))
reward.case("margin_extreme", {}, extreme(*PAIR, "margin"))
reward.case("center", {"center": 0.01}, scores(5))
reward.case("center_with_margin", {"center": 0.5}, scores(4, margin=True), weights="element")
