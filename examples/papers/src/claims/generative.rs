//! Images, adversaries and latent variables.

use std::f64::consts::PI;

use experiments::Error;
use serde_json::{Value, json};

use crate::call::{Call, descend, difference, numbers};
use crate::claim::{Claim, Claimed, Paper};

const SSIM: Paper = Paper { name: "Wang et al. 2004", id: "doi 10.1109/TIP.2003.819861" };
const EIGEN: Paper = Paper { name: "Eigen et al. 2014", id: "arXiv 1406.2283" };
const GAN: Paper = Paper { name: "Goodfellow et al. 2014", id: "arXiv 1406.2661" };
const LSGAN: Paper = Paper { name: "Mao et al. 2017", id: "arXiv 1611.04076" };
const VAE: Paper = Paper { name: "Kingma and Welling 2013", id: "arXiv 1312.6114" };

pub(crate) const CLAIMS: &[Claim] = &[
    Claim::new(
        "image/ssim",
        SSIM,
        "equal images, and no others, have the similarity 1: the loss of equal ones",
        Claimed::IDENTITY,
        || {
            let pixels = image(61);
            of_images("image/ssim", json!({ "window": 5 }), &pixels, &pixels)
        },
    ),
    Claim::new("image/ssim", SSIM, "the similarity of two images is symmetric", Claimed::IDENTITY, || {
        let (first, second) = (image(61), image(62));
        let value = |a: &[f64], b: &[f64]| of_images("image/ssim", json!({ "window": 5 }), a, b);
        Ok((value(&first, &second)? - value(&second, &first)?).abs())
    }),
    Claim::new(
        "image/silog",
        EIGEN,
        "lambda = 1: a factor that is common to all depths costs nothing",
        Claimed::Number { value: 0.0, within: 1e-6 },
        || {
            let depths: Vec<f64> = image(63).iter().map(|depth| 1.0 + depth).collect();
            let twice: Vec<f64> = depths.iter().map(|depth| 2.0 * depth).collect();
            of_images("image/silog", json!({ "lambda": 1.0 }), &twice, &depths)
        },
    ),
    Claim::new(
        "generative/adversarial",
        GAN,
        "the best discriminator of equal distributions has the value ln 4",
        Claimed::about(1.386_294, 1e-6),
        || best_discriminator(json!({})),
    ),
    Claim::new(
        "generative/adversarial",
        LSGAN,
        "the best discriminator of equal distributions says (a + b) / 2, with the labels a = 0 and b = 1: the value 1/4",
        Claimed::about(0.25, 1e-6),
        || best_discriminator(json!({ "form": "least_squares" })),
    ),
    Claim::new("generative/kl_gaussian", VAE, "the formula is the integral of q ln(q / p)", Claimed::IDENTITY, || {
        let (means, log_variances) = ([0.7, -1.5, 0.0], [-0.5, 0.4, 1.0]);
        let call = Call::new("generative/kl_gaussian", json!({}))?.with("mean", &means, [3, 1]);
        let values = call.with("log_variance", &log_variances, [3, 1]).values()?;
        Ok(difference(&values, &[0, 1, 2].map(|i| divergence(means[i], log_variances[i]))))
    }),
];

const SIDE: usize = 12;

/// An image with pixels between 0 and 1, always the same.
fn image(seed: u64) -> Vec<f64> {
    numbers(SIDE * SIDE, seed).iter().map(|x| (x + 1.0) / 2.0).collect()
}

fn of_images(loss: &str, fields: Value, predictions: &[f64], targets: &[f64]) -> Result<f64, Error> {
    let shape = [1, 1, SIDE, SIDE];
    Call::new(loss, fields)?.with("predictions", predictions, shape).with("targets", targets, shape).value()
}

/// The least value of a discriminator that sees the same scores of real and fake samples.
fn best_discriminator(fields: Value) -> Result<f64, Error> {
    let call = Call::new("generative/adversarial", fields)?;
    let at = |score: f64| call.clone().with_list("real", &[score]).with_list("fake", &[score]);
    let [best] = descend([2.0], 0.5, 200, |[score]| {
        let call = at(score);
        Ok([call.gradient("real")?[0] + call.gradient("fake")?[0]])
    })?;
    at(best).value()
}

/// The divergence of a Gaussian from the standard one, by the sum over a fine grid.
fn divergence(mean: f64, log_variance: f64) -> f64 {
    const STEP: f64 = 1e-3;
    let deviation = (log_variance / 2.0).exp();
    let log_q = |z: f64| -(z * z) / 2.0 - (2.0 * PI).sqrt().ln() - deviation.ln();
    let log_p = |x: f64| -(x * x) / 2.0 - (2.0 * PI).sqrt().ln();
    // In units of the deviation; far from the mean there is nothing.
    let terms = (-12_000..=12_000).map(|i| {
        let z = STEP * f64::from(i);
        log_q(z).exp() * (log_q(z) - log_p(mean + deviation * z)) * deviation * STEP
    });
    terms.sum()
}
