"""Volumes and images: segmentation, image."""

import torch
import torch.nn.functional as F

from bench_twins import family


def volumes(rows, columns):
    side = round(columns ** (1 / 3))
    shape = (rows, 1, side, side, side)
    return [torch.randn(shape)], [(torch.rand(shape) < 0.1).float()]


def of_overlap(value):
    """`value`: of what is in both, in the prediction and in the target, for each sample and class."""

    def loss(x, t):
        p, t = torch.sigmoid(x).flatten(2), t.flatten(2)
        return value((p * t).sum(2), p.sum(2), t.sum(2)).mean()

    return loss


def tversky(both, p, t, fp_weight=0.5, fn_weight=0.5):
    return 1 - (both + 1) / (both + fp_weight * (p - both) + fn_weight * (t - both) + 1)


def generalized_dice(both, p, t):
    weight = 1 / t.clamp(min=1) ** 2
    weight = weight / weight.amax(1, keepdim=True)
    return 1 - (2 * (weight * both).sum(1) + 1) / ((weight * (p + t)).sum(1) + 1)


def lovasz(x, t):
    """Of the batch as one, as in the authors' code."""
    t = t.flatten()
    errors, order = (t - torch.sigmoid(x).flatten()).abs().sort(descending=True)
    t = t[order]
    jaccard = 1 - (t.sum() - t.cumsum(0)) / (t.sum() + (1 - t).cumsum(0))
    return torch.dot(errors, torch.cat([jaccard[:1], jaccard.diff()]))


family(
    "segmentation",
    volumes,
    dice=of_overlap(lambda both, p, t: 1 - (2 * both + 1) / (p + t + 1)),
    tversky=of_overlap(tversky),
    jaccard=of_overlap(lambda both, p, t: 1 - (both + 1) / (p + t - both + 1)),
    focal_tversky=of_overlap(lambda both, p, t: tversky(both, p, t, 0.3, 0.7) ** 0.75),
    generalized_dice=of_overlap(generalized_dice),
    lovasz=lovasz,
    asymmetric_focal=lambda x, t: -0.7 * (t * F.logsigmoid(x)).mean(),
    asymmetric_focal_tversky=of_overlap(lambda both, p, t: tversky(both, p, t, 0.3, 0.7) ** 0.25),
)


def images(rows, columns):
    side = round((columns / 3) ** 0.5)
    shape = (rows, 3, side, side)
    # Depths are above 0.
    return [0.01 + torch.rand(shape)], [0.01 + torch.rand(shape)]


def gaussian_window(channels, window=11, sigma=1.5):
    at = torch.arange(window) - window // 2
    one = torch.exp(-0.5 * (at / sigma) ** 2)
    return (torch.outer(one, one) / one.sum() ** 2).expand(channels, 1, window, window)


def similarity(x, y, c1=0.01**2, c2=0.03**2):
    """Luminance, and contrast and structure, of every window."""
    window = gaussian_window(x.shape[1])
    mean = lambda of: F.conv2d(of, window, groups=of.shape[1])  # noqa: E731
    mx, my = mean(x), mean(y)
    vx, vy, c = mean(x * x) - mx**2, mean(y * y) - my**2, mean(x * y) - mx * my
    return (2 * mx * my + c1) / (mx**2 + my**2 + c1), (2 * c + c2) / (vx + vy + c2)


def ssim(x, y):
    luminance, structure = similarity(x, y)
    return 1 - (luminance * structure).mean()


def ms_ssim(x, y, weights=(0.0448, 0.2856, 0.3001, 0.2363, 0.1333)):
    product = 1
    for weight in weights[:-1]:
        product = product * similarity(x, y)[1].mean((2, 3)).clamp(min=1e-7) ** weight
        x, y = F.avg_pool2d(x, 2), F.avg_pool2d(y, 2)
    luminance, structure = similarity(x, y)
    return 1 - (product * (luminance * structure).mean((2, 3)).clamp(min=1e-7) ** weights[-1]).mean()


def psnr(x, y, floor=1e-12):
    return 10 * torch.log10((x - y).square().flatten(1).mean(1).clamp(min=floor)).mean()


def silog(x, y):
    g = (torch.log(x) - torch.log(y)).flatten(1)
    return torch.sqrt(g.square().mean(1) - 0.5 * g.mean(1) ** 2).mean()


def total_variation(x, _):
    return (x.diff(dim=2).abs().sum() + x.diff(dim=3).abs().sum()) / len(x)


family("image", images, ssim=ssim, ms_ssim=ms_ssim, psnr=psnr, silog=silog, total_variation=total_variation)
