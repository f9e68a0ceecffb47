"""Writes the golden files of second derivatives: values, gradients and curvatures in f64, from formulas in 60 digits.

    python reference/second_order.py            write crates/burn-losses/tests/second_order/<family>.json
    python reference/second_order.py --check    write nothing; exit 1 if a committed file differs

A formula is written down once, as a value. mpmath differentiates it numerically with so many digits that those of an f64 are exact.
At a kink, the formula says which side it is; only points where both derivatives exist, or where a convention fixes them, are here.
"""

import argparse
import json
import random
import sys
from pathlib import Path

import mpmath as mp

from files import differences, dump

ROOT = Path(__file__).resolve().parent.parent / "crates/burn-losses/tests/second_order"
ORACLE = f"formula in 60 digits, differentiated by mpmath {mp.__version__}"
mp.mp.dps = 60
STEP = mp.mpf(10) ** -18


def curve(formula, x):
    """The value and both derivatives, by differences of eight points that are far below the last digit of an f64."""
    x = mp.mpf(x)
    return [formula(x), mp.diff(formula, x, 1, h=STEP), mp.diff(formula, x, 2, h=STEP)]


def numbers(values):
    return [float(value) for value in values]


def tensor(values, shape):
    return {"shape": list(shape), "data": values}


# Formulas of a difference, and of a logit.


def softplus(x):
    return mp.log1p(mp.exp(x)) if x < 0 else x + mp.log1p(mp.exp(-x))


def sigmoid(x):
    return 1 / (1 + mp.exp(-x))


def mse(d):
    return d * d


def mae(d):
    return abs(d)


def mean_bias(d):
    return d


def quantile(d, tau=0.5):
    return -mp.mpf(tau) * d if d < 0 else (1 - mp.mpf(tau)) * d


def huber(d, delta=1.0):
    delta = mp.mpf(delta)
    return d * d / 2 if abs(d) < delta else delta * (abs(d) - delta / 2)


def smooth_l1(d, beta=1.0):
    beta = mp.mpf(beta)
    return d * d / (2 * beta) if abs(d) < beta else abs(d) - beta / 2


def log_cosh(d):
    return abs(d) + mp.log1p(mp.exp(-2 * abs(d))) - mp.log(2)


def charbonnier(d, epsilon=0.001, offset=True, scale="one"):
    epsilon = mp.mpf(epsilon)
    value = mp.sqrt(d * d + epsilon**2) - (epsilon if offset else 0)
    return value * {"one": 1, "epsilon": epsilon, "two_epsilon": 2 * epsilon}[scale]


def tukey(d, c=4.6851):
    c = mp.mpf(c)
    return c**2 / 6 * (1 - (1 - (d / c) ** 2) ** 3) if abs(d) < c else c**2 / 6


def cauchy(d, c=1.0, form="barron"):
    c = mp.mpf(c)
    return mp.log1p((d / c) ** 2 / 2) if form == "barron" else c**2 / 2 * mp.log1p((d / c) ** 2)


def welsch(d, c=1.0, form="barron"):
    c = mp.mpf(c)
    return 1 - mp.exp(-((d / c) ** 2) / 2) if form == "barron" else c**2 / 2 * (1 - mp.exp(-((d / c) ** 2)))


def geman_mcclure(d, c=1.0, form="barron"):
    c = mp.mpf(c)
    return 2 * (d / c) ** 2 / ((d / c) ** 2 + 4) if form == "barron" else d**2 / 2 / (1 + (d / c) ** 2)


def barron(d, alpha, c=1.0):
    x, a = (d / mp.mpf(c)) ** 2, mp.mpf(alpha)
    return abs(a - 2) / a * ((x / abs(a - 2) + 1) ** (a / 2) - 1)


def charbonnier_of_scale(d, c):
    return charbonnier(d, c) / mp.mpf(c)


def square_of_scale(d, c):
    return (d / mp.mpf(c)) ** 2 / 2


def epsilon_insensitive(d, epsilon=0.1):
    return max(mp.mpf(0), abs(d) - mp.mpf(epsilon)) ** 2


def expectile(d, tau=0.5):
    return (1 - mp.mpf(tau)) * d * d if d > 0 else mp.mpf(tau) * d * d


def lp(d, p):
    return abs(d) ** mp.mpf(p)


def wing(d, omega=10.0, epsilon=2.0):
    omega, epsilon, x = mp.mpf(omega), mp.mpf(epsilon), abs(d)
    return omega * mp.log1p(x / epsilon) if x < omega else x - omega + omega * mp.log1p(omega / epsilon)


def adaptive_wing(prediction, target, alpha=2.1, omega=14.0, epsilon=1.0, theta=0.5):
    omega, epsilon, theta, k = mp.mpf(omega), mp.mpf(epsilon), mp.mpf(theta), mp.mpf(alpha) - target
    x, ratio = abs(prediction - target), (theta / epsilon) ** k
    slope = omega * k / theta * ratio / (1 + ratio)
    return omega * mp.log1p((x / epsilon) ** k) if x < theta else slope * x - theta * slope + omega * mp.log1p(ratio)


def balanced_l1(d, alpha=0.5, gamma=1.5, beta=1.0):
    alpha, gamma, beta, x = mp.mpf(alpha), mp.mpf(gamma), mp.mpf(beta), abs(d)
    b = mp.expm1(gamma / alpha)
    if x < beta:
        return alpha / b * (b * x + 1) * mp.log1p(b * x / beta) - alpha * x
    return gamma * x + gamma / b - alpha * beta


def focal_l1(d, beta=0.8, form="efficient_iou", gamma=1.0):
    x, beta = abs(d), mp.mpf(beta)
    if form == "focal_r":
        return (2 * sigmoid(beta * x) - 1) ** mp.mpf(gamma) * x
    alpha = mp.e * beta
    if x <= 1:
        return -alpha * x**2 * (2 * mp.log(beta * x) - 1) / 4 if x else mp.mpf(0)
    return -alpha * mp.log(beta) * x + (2 * alpha * mp.log(beta) + alpha) / 4


def msle(prediction, target):
    return (mp.log1p(prediction) - mp.log1p(target)) ** 2


def smape(prediction, target):
    return 2 * abs(prediction - target) / (abs(prediction) + abs(target))


def poisson(x, t, log_input=True, epsilon=1e-8):
    return mp.exp(x) - t * x if log_input else x - t * mp.log(x + mp.mpf(epsilon))


def tweedie(x, t, power=1.5):
    power = mp.mpf(power)
    return -t * mp.exp((1 - power) * x) / (1 - power) + mp.exp((2 - power) * x) / (2 - power)


def bce(x, y, pos_weight=1.0, label_smoothing=0.0, input="logits"):
    smoothing = mp.mpf(label_smoothing)
    y = y * (1 - smoothing) + smoothing / 2
    if input == "logits":
        return mp.mpf(pos_weight) * y * softplus(-x) + (1 - y) * softplus(x)
    return -mp.mpf(pos_weight) * y * mp.log(x) - (1 - y) * mp.log1p(-x)


def balanced_bce(x, y, alpha):
    return alpha * y * softplus(-x) + (1 - alpha) * (1 - y) * softplus(x)


def focal(x, y, gamma=2.0, alpha=0.25):
    p = sigmoid(x)
    miss = y * sigmoid(-x) + (1 - y) * p
    weight = 1 if alpha == "none" else y * mp.mpf(alpha) + (1 - y) * (1 - mp.mpf(alpha))
    return weight * miss ** mp.mpf(gamma) * bce(x, y)


def margin(x, y):
    return (2 * y - 1) * x


def hinge(x, y, margin_of=1.0, squared=False):
    short = max(mp.mpf(0), mp.mpf(margin_of) - margin(x, y))
    return short * short if squared else short


def ramp(x, y, s=-1.0):
    return min(hinge(x, y), 1 - mp.mpf(s))


def logistic(x, y):
    return softplus(-margin(x, y))


def zero_one(x, y, threshold=0.0):
    return mp.mpf(int((x > threshold) != (y > 0.5)))


def asymmetric(x, y, gamma_negative=4.0, gamma_positive=1.0, shift=0.05):
    q = max(sigmoid(x) - mp.mpf(shift), mp.mpf(0))
    positive = -sigmoid(-x) ** mp.mpf(gamma_positive) * mp.log(sigmoid(x))
    return y * positive - (1 - y) * q ** mp.mpf(gamma_negative) * mp.log1p(-q)


def poly1(x, y, epsilon=1.0, gamma=0.0):
    miss = y * sigmoid(-x) + (1 - y) * sigmoid(x)
    return miss ** mp.mpf(gamma) * bce(x, y) + mp.mpf(epsilon) * miss ** (mp.mpf(gamma) + 1)


def quality_focal(x, y, beta=2.0):
    return abs(y - sigmoid(x)) ** mp.mpf(beta) * bce(x, y)


def varifocal(x, y, alpha=0.75, gamma=2.0):
    return (y if y > 0 else mp.mpf(alpha) * sigmoid(x) ** mp.mpf(gamma)) * bce(x, y)


def gaussian_focal(x, y, alpha=2.0, gamma=4.0):
    if y >= 1:
        return sigmoid(-x) ** mp.mpf(alpha) * softplus(-x)
    return (1 - y) ** mp.mpf(gamma) * sigmoid(x) ** mp.mpf(alpha) * softplus(x)


def modified_huber(x, y):
    z = margin(x, y)
    return max(mp.mpf(0), 1 - z) ** 2 if z >= -1 else -4 * z


# Cases of pairs of numbers.

CASES = {"regression": [], "binary": [], "classification": []}


def case(family, kind, name, config, inputs, results, options=None, **more):
    """Adds a case, whose results are lists of numbers of the shape of the first input, or tensors."""
    first = next(iter(inputs.values()))
    shaped = {key: value if isinstance(value, dict) else tensor(numbers(value), first["shape"])
              for key, value in results.items()}
    CASES[family].append({"kind": kind, "name": name, "oracle": ORACLE, "config": config, "options": options or {},
                          "inputs": inputs, **shaped, **more})


def pairs(family, kind, name, formula, first, targets, config=None, options=None, factors=None, floor=0.0,
          weights=None, model=None, bound=None, by_index=False):
    """Adds a case of a formula of (first, target), or also of the index, times factors that are constants."""
    argument = {"regression": "predictions", "binary": "logits"}[family]
    if (config or {}).get("input") == "probabilities":
        argument = "probabilities"
    values, gradient, curvature = [], [], []
    for i, (x, y) in enumerate(zip(first, targets)):
        factor = mp.mpf(1) if factors is None else mp.mpf(factors[i])
        weight = mp.mpf(1) if weights is None else mp.mpf(weights[i])
        l, dl, ddl = curve(lambda x: formula(x, mp.mpf(y), i) if by_index else formula(x, mp.mpf(y)), x)
        if model is not None:
            ddl = model(mp.mpf(x))
        if bound is not None:
            ddl = mp.mpf(bound)
        ddl = max(ddl * factor, mp.mpf(floor)) if factor and floor else ddl * factor
        values.append(l * factor * weight)
        gradient.append(dl * factor * weight)
        curvature.append(ddl * weight)
    inputs = {argument: tensor(list(map(float, first)), [len(first)]),
              "targets": tensor(list(map(float, targets)), [len(first)])}
    if weights is not None:
        inputs["weights"] = tensor(list(map(float, weights)), [len(first)])
    case(family, kind, name, config or {}, inputs, dict(values=values, gradient=gradient, curvature=curvature), options)


def of_difference(formula, **fields):
    return lambda x, y: formula(x - y, **fields)


def regression():
    rng = random.Random(1)
    targets = [round(rng.uniform(-3, 3), 3) for _ in range(9)]
    near = [t + round(rng.uniform(-0.3, 0.3), 4) for t in targets]
    far = [t + round(rng.uniform(-8, 8), 4) for t in targets]
    exact = [0.0, 1.5, -2.0]
    huge = ([1e4, -1e4, 1e6, 3e5], [0.0, 1.0, 2.0, -1e4])

    def curved(kind, formula, **fields):
        config = {k: v for k, v in fields.items()}
        suffix = "".join(f"_{key}_{value}" for key, value in fields.items()) or "_default"
        of = of_difference(formula, **fields)
        pairs("regression", kind, "near" + suffix, of, near, targets, config)
        pairs("regression", kind, "far" + suffix, of, far, targets, config)
        pairs("regression", kind, "exact" + suffix, of, exact, exact, config)
        pairs("regression", kind, "extreme" + suffix, of, *huge, config)
        weights = [0.0, 2.0, 0.5, 1.0, 3.0, 0.1, 7.0, 1.0, 0.25]
        pairs("regression", kind, "weights_and_floor" + suffix, of, far, targets, config, {"floor": 0.125}, floor=0.125,
              weights=weights)

    curved("mse", mse)
    curved("huber", huber)
    curved("huber", huber, delta=0.2)
    curved("smooth_l1", smooth_l1)
    curved("smooth_l1", smooth_l1, beta=0.25)
    curved("log_cosh", log_cosh)
    curved("charbonnier", charbonnier)
    curved("charbonnier", charbonnier, epsilon=0.5, scale="epsilon")
    curved("charbonnier", charbonnier, epsilon=2.0, offset=False, scale="two_epsilon")
    curved("tukey_biweight", tukey)
    curved("tukey_biweight", tukey, c=1.5)

    for form in ["barron", "m_estimator"]:
        for kind, formula in [("cauchy", cauchy), ("welsch", welsch), ("geman_mcclure", geman_mcclure)]:
            curved(kind, formula, c=1.5, form=form)
    for alpha in [-4.0, -2.0, 0.5, 1.5, 3.0]:
        curved("barron", barron, alpha=alpha, c=0.8)
    # The limits of its formula, and 1, where it is Charbonnier's.
    for alpha, formula in [(0.0, cauchy), (1.0, charbonnier_of_scale), (2.0, square_of_scale), ("welsch", welsch)]:
        curved("barron", lambda d, alpha, c: formula(d, c), alpha=alpha, c=0.8)
    def mined(name, formula, loss, keep, kept, predictions=far, targets=targets, **options):
        """The values whose distance from their target is among the `kept` largest ones."""
        order = sorted(range(len(targets)), key=lambda i: -abs(predictions[i] - targets[i]))
        factors = [float(i in order[:kept]) for i in range(len(targets))]
        config = {"loss": loss, "keep": keep}
        pairs("regression", "ohem", name, of_difference(formula), predictions, targets, config,
              {"floor": options.get("floor", 0.0)}, factors=factors, **options)

    for loss, formula in [({"kind": "mse"}, mse), ({"kind": "huber", "delta": 2.0}, lambda d: huber(d, 2.0))]:
        for floor in [0.0, 0.5]:
            mined(f"{loss['kind']}_floor_{floor}", formula, loss, {"count": 4}, 4, floor=floor)
    mined("ratio", log_cosh, {"kind": "log_cosh"}, {"ratio": 0.5}, 5)
    mined("threshold", mse, {"kind": "mse"}, {"threshold": 4.0}, sum((x - t) ** 2 > 4.0 for x, t in zip(far, targets)))
    mined("exact", mse, {"kind": "mse"}, {"ratio": 1.0}, 3, exact, exact)
    mined("extreme", lambda d: huber(d, 2.0), {"kind": "huber", "delta": 2.0}, {"count": 2}, 2, *huge)
    mined("weights", mse, {"kind": "mse"}, {"count": 4}, 4, weights=[0.5, 2.0, 0.5, 1.0, 3.0, 0.1, 7.0, 1.0, 0.25], floor=0.125)

    for kind, formula, fields in [("expectile", expectile, {"tau": 0.8}), ("lp", lp, {"p": 0.5}), ("lp", lp, {"p": 1.5}),
                                  ("lp", lp, {"p": 3.5}),
                                  ("wing", wing, {}), ("wing", wing, {"omega": 0.5, "epsilon": 0.2}), ("balanced_l1", balanced_l1, {}),
                                  ("balanced_l1", balanced_l1, {"alpha": 0.9, "gamma": 2.0, "beta": 0.4}), ("focal_l1", focal_l1, {}),
                                  ("focal_l1", focal_l1, {"beta": 0.5, "form": "focal_r", "gamma": 2.0})]:
        suffix = "".join(f"_{key}_{value}" for key, value in fields.items()) or "_default"
        for name, both in [("near", (near, targets)), ("far", (far, targets)), ("extreme", huge)]:
            pairs("regression", kind, name + suffix, of_difference(formula, **fields), *both, fields)
    pairs("regression", "epsilon_insensitive", "squared", of_difference(epsilon_insensitive, epsilon=0.2), far, targets,
          {"epsilon": 0.2, "squared": True})
    positive, unit = [abs(x) + 0.1 for x in far], [abs(t) / 4 for t in targets]
    counts = [0.0, 1.0, 2.0, 3.0, 1.0, 7.0, 0.0, 12.0, 4.0]
    pairs("regression", "adaptive_wing", "heat", adaptive_wing, [u + 0.3 * n for u, n in zip(unit, targets)], unit)
    pairs("regression", "msle", "positive", msle, positive, [abs(t) for t in targets])
    signed = lambda x, t: (mp.sign(x) * mp.log1p(abs(x)) - mp.sign(t) * mp.log1p(abs(t))) ** 2
    pairs("regression", "msle", "signed", signed, far, targets, {"domain": "signed"})
    pairs("regression", "msle", "signed_extreme", signed, *huge, {"domain": "signed"})
    pairs("regression", "mape", "floor", lambda x, t: abs(x - t) / abs(t), far, targets, {}, {"floor": 0.5}, floor=0.5)
    pairs("regression", "smape", "positive", smape, positive, [abs(t) for t in targets])
    expected, majorizer = {"curvature": "expected"}, {"curvature": "majorizer"}
    pairs("regression", "poisson_nll", "log", poisson, targets, counts)
    pairs("regression", "poisson_nll", "log_expected", poisson, targets, counts, {}, expected, model=mp.exp)
    pairs("regression", "poisson_nll", "rate", lambda x, t: poisson(x, t, False), positive, counts, {"log_input": False})
    pairs("regression", "tweedie_nll", "power", lambda x, t: tweedie(x, t, 1.3), targets, counts, {"power": 1.3})
    pairs("regression", "tweedie_nll", "expected", tweedie, targets, counts, {}, expected, model=lambda x: mp.exp(x / 2))
    for kind, formula, bound in [("cauchy", cauchy, 1), ("welsch", welsch, 1), ("geman_mcclure", geman_mcclure, 1)]:
        pairs("regression", kind, "majorizer", of_difference(formula), far, targets, {}, majorizer, bound=bound)

    # The scale of a batch is a constant.
    errors = sorted(mp.mpf(x) - mp.mpf(t) for x, t in zip(far, targets))
    middle = errors[4]
    scale = mp.mpf("1.4826") * sorted(abs(e - middle) for e in errors)[4]
    pairs("regression", "tukey_biweight", "scale_mad", lambda x, y: tukey((x - y) / scale, 2.0), far, targets,
          {"scale": "mad", "c": 2.0})

    # The weights of GHM are constants: total / (count of the bin x number of bins that are not empty).
    for mu, bins in [(0.02, 10), (0.5, 4)]:
        norms = [abs(x - t) / mp.sqrt((mp.mpf(x) - mp.mpf(t)) ** 2 + mp.mpf(mu) ** 2)
                 for x, t in zip(near, targets)]
        pairs("regression", "ghm_r", f"weights_of_{bins}_bins", of_difference(charbonnier, epsilon=mu), near, targets,
              {"mu": mu, "bins": bins}, factors=ghm(norms, bins))

    # No curvature but the floor.
    for kind, formula, fields in [("mae", mae, {}), ("mean_bias", mean_bias, {}), ("quantile", quantile, {"tau": 0.9})]:
        pairs("regression", kind, "floor", of_difference(formula, **fields), far, targets, fields, {"floor": 0.5}, floor=0.5)

    terms = {"square": {"kind": "mse", "weight": 0.5}, "robust": {"kind": "huber", "delta": 0.3, "weight": 2.0},
             "line": {"kind": "mae"}}
    pairs("regression", "weighted_sum", "three_terms",
          lambda x, y: mse(x - y) / 2 + 2 * huber(x - y, 0.3) + mae(x - y), near, targets, {"terms": terms})

    for kind, formula, bound in [("mse", mse, 2), ("huber", huber, 1), ("log_cosh", log_cosh, 1), ("tukey_biweight", tukey, 1),
                                 ("charbonnier", charbonnier, 1000)]:
        pairs("regression", kind, "majorizer", of_difference(formula), far, targets, {}, {"curvature": "majorizer"}, bound=bound)
    pairs("regression", "mse", "expected", of_difference(mse), far, targets, {}, {"curvature": "expected"}, bound=2)


def ghm(norms, bins):
    bin_of = [min(int(norm * bins), bins - 1) for norm in norms]
    counts = {b: bin_of.count(b) for b in bin_of}
    return [mp.mpf(len(norms)) / (counts[b] * len(counts)) for b in bin_of]


def binary():
    rng = random.Random(2)
    hard = [float(rng.random() < 0.4) for _ in range(9)]
    soft = [round(rng.random(), 3) for _ in range(9)]
    logits = [round(rng.uniform(-4, 4), 4) for _ in range(9)]
    extreme = ([0.0, 0.0, 30.0, -30.0, 30.0, 700.0, -700.0, 1e4], [0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0])
    expected = {"curvature": "expected"}

    def model(formula):
        return lambda x: sum(p * curve(lambda x: formula(x, y), x)[2] for p, y in [(sigmoid(x), mp.mpf(1)), (sigmoid(-x), mp.mpf(0))])

    def curved(kind, formula, config=None, name="default", targets=soft):
        pairs("binary", kind, name, formula, logits, targets, config)
        pairs("binary", kind, f"{name}_hard", formula, logits, hard, config)
        pairs("binary", kind, f"{name}_extreme", formula, *extreme, config)
        pairs("binary", kind, f"{name}_weights_and_floor", formula, logits, targets, config, {"floor": 0.0625}, floor=0.0625,
              weights=[1.0, 0.0, 2.0, 0.5, 1.5, 1.0, 3.0, 0.1, 1.0])

    curved("bce", bce)
    curved("bce", lambda x, y: bce(x, y, 4.0, 0.2), {"pos_weight": 4.0, "label_smoothing": 0.2}, "weight_and_smoothing")
    weights = [0.5, 2.0, 3.0]
    logits_of_rows, soft_of_rows = logits, soft
    results = dict(values=[], gradient=[], curvature=[])
    for i, (x, y) in enumerate(zip(logits_of_rows, soft_of_rows)):
        for key, number in zip(results, curve(lambda x: bce(x, mp.mpf(y), weights[i % 3]), x)):
            results[key].append(number)
    case("binary", "bce", "weight_per_class", {"pos_weight": weights},
         {"logits": tensor(logits, [3, 3]), "targets": tensor(soft, [3, 3])}, results)
    probabilities = [round(rng.uniform(0.02, 0.98), 4) for _ in range(9)]
    pairs("binary", "bce", "probabilities", lambda x, y: bce(x, y, input="probabilities"), probabilities, soft,
          {"input": "probabilities"})
    pairs("binary", "bce", "probabilities_expected", lambda x, y: bce(x, y, input="probabilities"), probabilities, soft,
          {"input": "probabilities"}, expected, model=lambda p: 1 / p + 1 / (1 - p))
    pairs("binary", "bce", "expected", bce, logits, soft, {}, expected, model=lambda x: sigmoid(x) * sigmoid(-x))
    pairs("binary", "bce", "majorizer", bce, logits, soft, {}, {"curvature": "majorizer"}, bound=0.25)
    pairs("binary", "logistic", "majorizer", logistic, logits, hard, {}, {"curvature": "majorizer"}, bound=0.25)

    for gamma, alpha in [(2.0, 0.25), (0.5, "none"), (0.0, 0.7), (5.0, 0.1)]:
        curved("focal", lambda x, y: focal(x, y, gamma, alpha), {"gamma": gamma, "alpha": alpha}, f"gamma_{gamma}")
    pairs("binary", "focal", "expected", focal, logits, soft, {}, expected, model=model(focal))

    curved("logistic", logistic, targets=hard)
    curved("hinge", lambda x, y: hinge(x, y, 1.5, True), {"margin": 1.5, "squared": True}, "squared", hard)
    curved("balanced_bce", lambda x, y: balanced_bce(x, y, mp.mpf("0.8")), {"alpha": 0.8}, "alpha")
    full = {"factor_gradient": "full"}
    curved("asymmetric", asymmetric, full, "full")
    fields = {"gamma_negative": 2.0, "gamma_positive": 0.0, "shift": 0.2}
    curved("asymmetric", lambda x, y: asymmetric(x, y, **fields), fields | full, "fields")
    curved("poly1", poly1)
    curved("poly1", lambda x, y: poly1(x, y, -0.5, 2.0), {"epsilon": -0.5, "gamma": 2.0}, "gamma")
    curved("quality_focal", quality_focal, full, "full")
    curved("varifocal", varifocal, full, "full", [y * (i % 3 > 0) for i, y in enumerate(soft)])
    curved("gaussian_focal", gaussian_focal)
    curved("modified_huber", modified_huber, targets=hard)
    # A factor that the config detaches is a constant.
    factors = [mp.mpf("0.75") * sigmoid(mp.mpf(x)) ** 2 for x in logits]
    pairs("binary", "varifocal", "detached", bce, logits, [0.0] * 9, {"factor_gradient": "detached"}, factors=factors)

    share = 1 - sum(map(mp.mpf, hard)) / len(hard)
    pairs("binary", "balanced_bce", "of_the_batch", lambda x, y: balanced_bce(x, y, share), logits, hard)

    for bins in [30, 4]:
        norms = [abs(sigmoid(mp.mpf(x)) - y) for x, y in zip(logits, hard)]
        pairs("binary", "ghm_c", f"weights_of_{bins}_bins", bce, logits, hard, {"bins": bins}, factors=ghm(norms, bins))

    for kind, formula, fields in [("hinge", hinge, {}), ("ramp", ramp, {}), ("ramp", lambda x, y: ramp(x, y, 0.0), {"s": 0.0}),
                                  ("zero_one", zero_one, {})]:
        pairs("binary", kind, f"floor_{len(fields)}", formula, logits, hard, fields, {"floor": 0.5}, floor=0.5)

    for loss, formula in [({"kind": "bce"}, bce), ({"kind": "focal", "gamma": 1.0}, lambda x, y: focal(x, y, 1.0))]:
        order = sorted(range(9), key=lambda i: -formula(mp.mpf(logits[i]), mp.mpf(hard[i])))
        kept = [float(i in order[:4]) for i in range(9)]
        for floor in [0.0, 0.5]:
            pairs("binary", "ohem", f"{loss['kind']}_floor_{floor}", formula, logits, hard,
                  {"loss": loss, "keep": {"count": 4}}, {"floor": floor}, factors=kept, floor=floor)

    terms = {"a": {"kind": "bce", "weight": 0.5}, "b": {"kind": "focal", "weight": 3.0}, "c": {"kind": "ghm_c"}}
    norms = [abs(sigmoid(mp.mpf(x)) - y) for x, y in zip(logits, hard)]
    beta = ghm(norms, 30)
    pairs("binary", "weighted_sum", "with_a_part_of_the_batch",
          lambda x, y, i: bce(x, y) / 2 + 3 * focal(x, y) + beta[i] * bce(x, y), logits, hard, {"terms": terms}, by_index=True)


# Classes.


def log_softmax(x):
    most = max(x)
    total = mp.log(sum(mp.exp(v - most) for v in x)) + most
    return [v - total for v in x], total


def shares(label, classes, smoothing=None):
    smoothing = smoothing or {"epsilon": 0.0, "spread": "all"}
    e = mp.mpf(smoothing["epsilon"])
    if smoothing["spread"] == "all":
        return [(1 - e) * (c == label) + e / classes for c in range(classes)]
    return [(1 - e) if c == label else e / (classes - 1) for c in range(classes)]


def cross_entropy(x, y, class_weights=None, label_smoothing=None, z_loss=0.0):
    w = list(map(mp.mpf, class_weights)) if class_weights else [mp.mpf(1)] * len(x)
    log_p, total = log_softmax(x)
    q = shares(y, len(x), label_smoothing)
    return sum(-w[c] * q[c] * log_p[c] for c in range(len(x))) + w[y] * mp.mpf(z_loss) * total**2


def focal_classes(x, y, gamma=2.0, alpha=None):
    log_p, _ = log_softmax(x)
    a = mp.mpf(1) if alpha is None else mp.mpf(alpha[y] if isinstance(alpha, list) else alpha)
    return a * (-mp.expm1(log_p[y])) ** mp.mpf(gamma) * -log_p[y]


def poly1_classes(x, y, epsilon=1.0, gamma=0.0):
    log_p, _ = log_softmax(x)
    miss = -mp.expm1(log_p[y])
    return miss ** mp.mpf(gamma) * (-log_p[y] + mp.mpf(epsilon) * miss)


def brier(x, y):
    return sum((mp.exp(log_p) - (c == y)) ** 2 for c, log_p in enumerate(log_softmax(x)[0]))


def generalized(x, y, q=0.7):
    q = mp.mpf(q)
    return (1 - mp.exp(q * log_softmax(x)[0][y])) / q


def symmetric(x, y, alpha=0.1, beta=1.0, log_zero=-4.0):
    log_p = log_softmax(x)[0][y]
    return -mp.mpf(alpha) * log_p + mp.mpf(beta) * mp.mpf(log_zero) * mp.expm1(log_p)


def asymmetric_classes(x, y, gamma_negative=4.0, gamma_positive=0.0, epsilon=0.0):
    log_p, _ = log_softmax(x)
    q = shares(y, len(x), {"epsilon": epsilon, "spread": "all"})
    weights = [(-mp.expm1(l)) ** mp.mpf(gamma_positive) if c == y else mp.exp(l) ** mp.mpf(gamma_negative)
               for c, l in enumerate(log_p)]
    return sum(-q[c] * weights[c] * log_p[c] for c in range(len(x)))


def multi_margin(x, y, variant="weston_watkins", margin=1.0, p=1, class_weights=None, divide_by_classes=False):
    short = [max(mp.mpf(0), mp.mpf(margin) - x[y] + x[c]) ** p for c in range(len(x)) if c != y]
    value = sum(short) if variant == "weston_watkins" else max(short)
    return value * (mp.mpf(class_weights[y]) if class_weights else 1) / (len(x) if divide_by_classes else 1)


def nll(x, y, class_weights=None):
    return -x[y] * (mp.mpf(class_weights[y]) if class_weights else 1)


def of_row(formula, x, y):
    """The value, the gradient and the Hessian of a row."""
    x = list(map(mp.mpf, x))

    def at(moves):
        return formula([v + moves.get(c, 0) for c, v in enumerate(x)], y)

    gradient = [mp.diff(lambda h: at({c: h}), 0, 1, h=STEP) for c in range(len(x))]
    hessian = [[None] * len(x) for _ in x]
    for a in range(len(x)):
        for b in range(a, len(x)):
            # A second derivative along a line gives the entry, since the Hessian is symmetric.
            if a == b:
                hessian[a][a] = mp.diff(lambda h: at({a: h}), 0, 2, h=STEP)
        for b in range(a):
            both = mp.diff(lambda h: at({a: h, b: h}), 0, 2, h=STEP)
            hessian[a][b] = hessian[b][a] = (both - hessian[a][a] - hessian[b][b]) / 2
    return formula(x, y), gradient, hessian


def rows(kind, name, formula, x, labels, config=None, options=None, factors=None, floor=0.0, weights=None, curvature=None,
         argument="logits"):
    n, classes = len(x), len(x[0])
    config = config or {}
    values, gradient, diagonal, hessians = [], [], [], []
    for i, (row, label) in enumerate(zip(x, labels)):
        counts = label != config.get("ignore_index") and (factors is None or factors[i] != 0)
        weight = (mp.mpf(1) if weights is None else mp.mpf(weights[i])) * counts
        if not counts:
            value, slopes, hessian = mp.mpf(0), [mp.mpf(0)] * classes, [[mp.mpf(0)] * classes] * classes
        else:
            value, slopes, hessian = of_row(formula, row, label)
        own = [hessian[c][c] for c in range(classes)]
        if counts and curvature is not None:
            own = curvature(list(map(mp.mpf, row)), hessian)
        values.append(value * weight)
        gradient += [slope * weight for slope in slopes]
        diagonal += [max(c, mp.mpf(floor)) * weight if floor else c * weight for c in own]
        hessians += [entry * weight for line in hessian for entry in line]
    inputs = {argument: tensor([float(v) for row in x for v in row], [n, classes]), "labels": tensor(labels, [n])}
    if weights is not None:
        inputs["weights"] = tensor(weights, [n])
    results = dict(values=tensor(numbers(values), [n]), gradient=numbers(gradient), curvature=numbers(diagonal))
    if not options and max(map(abs, hessians)):
        results["hessian"] = tensor(numbers(hessians), [n, classes, classes])
    case("classification", kind, name, config, inputs, results, options)


def classification():
    rng = random.Random(3)
    x = [[round(rng.uniform(-3, 3), 4) for _ in range(4)] for _ in range(5)]
    labels = [0, 3, 1, 2, 2]
    extreme = [[30.0, 0.0, -5.0], [0.0, 40.0, 0.0], [1e4, 1e4, 1e4], [100.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    extreme_labels = [1, 1, 0, 0, 2]

    def probabilities(row):
        return [mp.exp(log_p) for log_p in log_softmax(row)[0]]

    def curved(kind, name, formula, config=None):
        rows(kind, name, formula, x, labels, config)
        rows(kind, f"{name}_weights_and_floor", formula, x, labels, config, {"floor": 0.0625}, floor=0.0625,
             weights=[1.0, 0.0, 2.0, 0.5, 4.0])

    curved("cross_entropy", "default", cross_entropy)
    rows("cross_entropy", "extreme", cross_entropy, extreme, extreme_labels)
    weights = [0.5, 2.0, 1.0, 3.0]
    for spread in ["all", "others"]:
        fields = {"class_weights": weights, "label_smoothing": {"epsilon": 0.2, "spread": spread}, "z_loss": 0.1}
        curved("cross_entropy", f"all_fields_{spread}", lambda x, y: cross_entropy(x, y, **fields), fields)
    rows("cross_entropy", "ignored", cross_entropy, x, [0, -1, 1, 2, -1], {"ignore_index": -1})
    rows("cross_entropy", "expected", cross_entropy, x, labels, {}, {"curvature": "expected"},
         curvature=lambda row, _: [p * (1 - p) for p in probabilities(row)])
    rows("cross_entropy", "majorizer", cross_entropy, x, labels, {}, {"curvature": "majorizer"},
         curvature=lambda row, _: [2 * p * (1 - p) for p in probabilities(row)])

    # The logarithm of the prior is added to the logits.
    prior = [6.0, 1.0, 0.5, 2.5]
    log_prior = [mp.log(mp.mpf(count) / mp.mpf(sum(prior))) for count in prior]
    for tau in [1.0, -0.5]:
        adjusted = lambda x, y: cross_entropy([v + mp.mpf(tau) * shift for v, shift in zip(x, log_prior)], y)
        curved("logit_adjusted", f"tau_{tau}", adjusted, {"prior": prior, "tau": tau})

    for gamma, alpha in [(2.0, None), (0.5, [0.5, 2.0, 1.0, 3.0]), (0.0, 2.0), (4.0, 0.25)]:
        fields = {"gamma": gamma} | ({} if alpha is None else {"alpha": alpha})
        curved("focal", f"gamma_{gamma}", lambda x, y: focal_classes(x, y, gamma, alpha), fields)
    rows("focal", "extreme", focal_classes, extreme, extreme_labels)

    def expected(row, _):
        p = probabilities(row)
        all_labels = [of_row(focal_classes, row, y)[2] for y in range(len(row))]
        return [sum(p[y] * all_labels[y][c][c] for y in range(len(row))) for c in range(len(row))]

    rows("focal", "expected", focal_classes, x, labels, {}, {"curvature": "expected"}, curvature=expected)
    rows("focal", "majorizer", focal_classes, x, labels, {}, {"curvature": "majorizer"},
         curvature=lambda _, hessian: [sum(map(abs, line)) for line in hessian])

    curved("cross_entropy", "softcap", lambda x, y: cross_entropy([2 * mp.tanh(v / 2) for v in x], y), {"softcap": 2.0})
    curved("poly1", "default", poly1_classes)
    curved("poly1", "gamma", lambda x, y: poly1_classes(x, y, 2.0, 1.5), {"epsilon": 2.0, "gamma": 1.5})
    curved("brier", "sum", brier)
    curved("brier", "mean", lambda x, y: brier(x, y) / len(x), {"scale": "mean"})
    curved("generalized", "default", generalized)
    curved("generalized", "q", lambda x, y: generalized(x, y, 0.2), {"q": 0.2})
    curved("symmetric", "default", symmetric)
    curved("symmetric", "fields", lambda x, y: symmetric(x, y, 2.0, 0.5, -6.0), {"alpha": 2.0, "beta": 0.5, "log_zero": -6.0})
    curved("asymmetric", "default", asymmetric_classes)
    fields = {"gamma_negative": 2.0, "gamma_positive": 1.5, "label_smoothing": 0.2}
    curved("asymmetric", "smoothed", lambda x, y: asymmetric_classes(x, y, 2.0, 1.5, 0.2), fields)

    for variant in ["weston_watkins", "crammer_singer"]:
        fields = {"variant": variant, "p": 2, "margin": 1.5, "class_weights": weights}
        if variant == "weston_watkins":
            fields["divide_by_classes"] = True
        curved("multi_margin", f"{variant}_squared", lambda x, y: multi_margin(x, y, **fields), fields)
    rows("multi_margin", "floor", multi_margin, x, labels, {}, {"floor": 0.5}, floor=0.5)

    log_p = [numbers(log_softmax(list(map(mp.mpf, row)))[0]) for row in x]
    rows("nll", "floor", lambda x, y: nll(x, y, weights), log_p, labels, {"class_weights": weights}, {"floor": 0.5}, floor=0.5,
         argument="log_probabilities")
    rows("zero_one", "floor", lambda x, y: mp.mpf(int(x.index(max(x)) != y)), x, labels, {}, {"floor": 0.5}, floor=0.5)

    order = sorted(range(5), key=lambda i: -cross_entropy(list(map(mp.mpf, x[i])), labels[i]))
    kept = [float(i in order[:2]) for i in range(5)]
    for floor in [0.0, 0.5]:
        rows("ohem", f"floor_{floor}", cross_entropy, x, labels, {"keep": {"count": 2}}, {"floor": floor} if floor else {},
             factors=kept, floor=floor)

    terms = {"a": {"kind": "cross_entropy", "weight": 0.5}, "b": {"kind": "multi_margin", "p": 2, "weight": 2.0}}
    curved("weighted_sum", "two_terms", lambda x, y: cross_entropy(x, y) / 2 + 2 * multi_margin(x, y, p=2), {"terms": terms})


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare with the committed files instead of writing")
    options = parser.parse_args()
    for family in [regression, binary, classification]:
        family()
    failed = False
    for family, cases in CASES.items():
        document, path = {"family": family, "cases": cases}, ROOT / f"{family}.json"
        found = differences(document, json.loads(path.read_text())) if path.exists() else ["the file is missing"]
        if found and not options.check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(dump(document))
            print(f"{family}: {len(cases)} cases, {path.stat().st_size} bytes")
        elif options.check:
            for line in found[:5]:
                print(f"{family}: {line}")
            failed |= bool(found)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
