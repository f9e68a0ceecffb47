"""One value per number or per row of a few: regression, likelihood, binary, generative, preference."""

import math

import torch
import torch.nn.functional as F
from torchvision.ops import sigmoid_focal_loss

from bench_twins import family, hardest


def harmonized(norms, bins):
    """The weights of GHM, from the gradient norms."""
    counts = torch.histc(norms, bins, 0, 1)
    weights = norms.numel() / (counts * (counts > 0).sum())
    return weights[(norms * bins).long().clamp(max=bins - 1)]


def ghm_r(p, t, mu=0.02, bins=10):
    d = p - t
    root = torch.sqrt(d**2 + mu**2)
    return (harmonized((d.abs() / root).detach(), bins) * (root - mu)).mean()


def tukey_biweight(r, c=4.6851):
    return torch.where(r.abs() <= c, c**2 / 6 * (1 - (1 - (r / c) ** 2) ** 3), c**2 / 6)


def of_error(value):
    return lambda p, t: value(p - t).mean()


def of_distance(value):
    return lambda p, t: value((p - t).abs()).mean()


def wing(x, omega=10.0, epsilon=2.0):
    return torch.where(x < omega, omega * torch.log1p(x / epsilon), x - omega + omega * math.log1p(omega / epsilon))


def adaptive_wing(p, t, alpha=2.1, omega=14.0, epsilon=1.0, theta=0.5):
    x, k = (p - t).abs(), alpha - t
    power = (theta / epsilon) ** k
    slope = omega * k / theta * power / (1 + power)
    beyond = slope * (x - theta) + omega * torch.log1p(power)
    return torch.where(x < theta, omega * torch.log1p((x / epsilon) ** k), beyond).mean()


def balanced_l1(x, alpha=0.5, gamma=1.5, beta=1.0):
    b = math.expm1(gamma / alpha)
    near = alpha / b * (b * x + 1) * torch.log1p(b * x / beta) - alpha * x
    return torch.where(x < beta, near, gamma * x + gamma / b - alpha * beta)


def focal_l1(x, beta=0.8):
    alpha, log = math.e * beta, math.log(beta)
    near = -alpha * x**2 * (2 * torch.log(beta * x) - 1) / 4
    return torch.where(x <= 1, near, -alpha * log * x + (2 * alpha * log + alpha) / 4)


def msle(p, t, floor=1e-7):
    return F.mse_loss(torch.log1p(p.clamp(min=floor)), torch.log1p(t.clamp(min=floor)))


def expectile(d, tau=0.5):
    return torch.where(d > 0, 1 - tau, tau) * d**2


def mape(p, t, epsilon=1e-7):
    return ((p - t).abs() / t.abs().clamp(min=epsilon)).mean()


def smape(p, t, epsilon=1e-7):
    return (2 * (p - t).abs() / (p.abs() + t.abs()).clamp(min=epsilon)).mean()


def tweedie_nll(x, t, power=1.5):
    return (-t * torch.exp((1 - power) * x) / (1 - power) + torch.exp((2 - power) * x) / (2 - power)).mean()


family(
    "regression",
    lambda rows, columns: ([torch.randn(rows, columns)], [torch.randn(rows, columns)]),
    mse=F.mse_loss,
    mae=F.l1_loss,
    mean_bias=of_error(lambda d: d),
    huber=F.huber_loss,
    smooth_l1=F.smooth_l1_loss,
    log_cosh=of_error(lambda d: d + F.softplus(-2 * d) - math.log(2)),
    quantile=of_error(lambda d: torch.maximum(-0.5 * d, 0.5 * d)),
    tukey_biweight=of_error(tukey_biweight),
    ghm_r=ghm_r,
    adaptive_wing=adaptive_wing,
    balanced_l1=of_distance(balanced_l1),
    barron=of_error(lambda d: torch.sqrt(d**2 + 1) - 1),
    cauchy=of_error(lambda d: torch.log1p(d**2 / 2)),
    charbonnier=of_error(lambda d: torch.sqrt(d**2 + 1e-6) - 1e-3),
    epsilon_insensitive=of_distance(lambda x: F.relu(x - 0.1)),
    expectile=of_error(expectile),
    focal_l1=of_distance(focal_l1),
    geman_mcclure=of_error(lambda d: 2 * d**2 / (d**2 + 4)),
    lp=of_distance(lambda x: x**2),
    mape=mape,
    msle=msle,
    poisson_nll=F.poisson_nll_loss,
    smape=smape,
    tweedie_nll=tweedie_nll,
    ohem=lambda p, t: hardest(F.smooth_l1_loss(p, t, reduction="none").flatten()),
    welsch=of_error(lambda d: -torch.expm1(-(d**2) / 2)),
    wing=of_distance(wing),
)


def of_gaussian(value):
    """`value`: of the mean, the logarithm of the variance, and the target."""
    return lambda parameters, t: value(parameters[:, 0], parameters[:, 1].clamp(-60, 60), t).mean()


def laplace_nll(mean, s, t):
    return (math.log(2) + s) / 2 + (t - mean).abs() * torch.exp((math.log(2) - s) / 2)


def student_t_nll(mean, s, t, dof=5.0):
    constant = math.lgamma(dof / 2) - math.lgamma((dof + 1) / 2) + math.log(dof * math.pi) / 2
    return s / 2 + (dof + 1) / 2 * torch.log1p((t - mean) ** 2 * torch.exp(-s) / dof) + constant


def multi_quantile(parameters, t, taus=(0.1, 0.5, 0.9)):
    error, taus = t[:, None] - parameters, torch.tensor(taus)
    return torch.maximum(taus * error, (taus - 1) * error).sum(1).mean()


family(
    "likelihood",
    lambda rows, columns: ([torch.randn(rows, columns)], [torch.randn(rows)]),
    gaussian_nll=of_gaussian(lambda mean, s, t: F.gaussian_nll_loss(mean, t, s.exp())),
    laplace_nll=of_gaussian(laplace_nll),
    student_t_nll=of_gaussian(student_t_nll),
    multi_quantile=multi_quantile,
)


def balanced_bce(x, y):
    negatives = (1 - y).mean()
    return F.binary_cross_entropy_with_logits(x, y, torch.where(y > 0.5, negatives, 1 - negatives))


def ghm_c(x, y, bins=30):
    weights = harmonized((torch.sigmoid(x) - y).abs().detach(), bins)
    return F.binary_cross_entropy_with_logits(x, y, weights)


def bce_times(factor):
    """Cross-entropy times a factor of the probabilities and the targets."""
    return lambda x, y: (factor(x.sigmoid(), y) * F.binary_cross_entropy_with_logits(x, y, reduction="none")).mean()


def asymmetric(x, y, gamma_negative=4.0, gamma_positive=1.0, shift=0.05):
    p = torch.sigmoid(x)
    q = (p - shift).clamp(min=0)
    positive = y * (1 - p) ** gamma_positive * F.logsigmoid(x)
    return -(positive + (1 - y) * q**gamma_negative * torch.log(1 - q)).mean()


def gaussian_focal(x, y, alpha=2.0, gamma=4.0):
    p = torch.sigmoid(x)
    positive, negative = (1 - p) ** alpha * F.logsigmoid(x), (1 - y) ** gamma * p**alpha * F.logsigmoid(-x)
    return -torch.where(y >= 1, positive, negative).mean()


def poly1(x, y, epsilon=1.0):
    p = torch.sigmoid(x)
    off = 1 - p * y - (1 - p) * (1 - y)
    return F.binary_cross_entropy_with_logits(x, y) + epsilon * off.mean()


def of_margin(value):
    return lambda x, y: value((2 * y - 1) * x).mean()


family(
    "binary",
    lambda rows, columns: ([torch.randn(rows, columns)], [(torch.rand(rows, columns) < 0.02).float()]),
    bce=F.binary_cross_entropy_with_logits,
    balanced_bce=balanced_bce,
    focal=lambda x, y: sigmoid_focal_loss(x, y, reduction="mean"),
    ghm_c=ghm_c,
    hinge=of_margin(lambda z: F.relu(1 - z)),
    ramp=of_margin(lambda z: (1 - z).clamp(0, 2)),
    logistic=lambda x, y: F.soft_margin_loss(x, 2 * y - 1),
    ohem=lambda x, y: hardest(F.binary_cross_entropy_with_logits(x, y, reduction="none").flatten()),
    asymmetric=asymmetric,
    gaussian_focal=gaussian_focal,
    modified_huber=of_margin(lambda z: torch.where(z >= -1, F.relu(1 - z) ** 2, -4 * z)),
    poly1=poly1,
    quality_focal=bce_times(lambda p, y: (y - p).abs() ** 2),
    varifocal=bce_times(lambda p, y: torch.where(y > 0, y, 0.75 * p**2)),
)


family(
    "generative",
    lambda rows, columns: ([torch.randn(rows, columns), torch.randn(rows, columns)], []),
    adversarial=lambda real, fake: (F.softplus(-real) + F.softplus(fake)).mean(),
    kl_gaussian=lambda m, s: ((s.exp() + m**2 - 1 - s) / 2).sum(1).mean(),
)


def answers(*others):
    """Log-probabilities of chosen and rejected answers; `others`: how many tensors without a gradient."""
    draw = lambda rows: -0.05 - 8 * torch.rand(rows)  # noqa: E731
    return lambda rows, columns: ([draw(rows), draw(rows)], [draw(rows) for _ in others])


def single(rows, columns):
    return [-8 * torch.rand(rows)], [-8 * torch.rand(rows), torch.rand(rows) < 0.5]


def kto(policy, reference, desirable, beta=0.1):
    ratios = beta * (policy - reference)
    return torch.where(desirable, 1 - torch.sigmoid(ratios), 1 - torch.sigmoid(-ratios)).mean()


def log_odds(a):
    return a - torch.log1p(-torch.exp(a))


family(
    "preference",
    answers(),
    dpo=(answers("chosen", "rejected"), lambda c, r, c0, r0: -F.logsigmoid(0.1 * ((c - c0) - (r - r0))).mean()),
    kto=(single, kto),
    orpo=lambda c, r: -F.logsigmoid(log_odds(c) - log_odds(r)).mean(),
    reward=lambda c, r: -F.logsigmoid(c - r).mean(),
    simpo=lambda c, r: -F.logsigmoid(2 * (c - r) - 0.5).mean(),
)
