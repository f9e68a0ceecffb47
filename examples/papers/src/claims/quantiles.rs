//! Quantile regression, and likelihoods whose optimum is known.

use burn::tensor::{DType, Device, Tensor, TensorData};
use burn_losses::regression::QuantileLossConfig;
use experiments::Error;
use experiments::data::{LineData, LineSet};
use serde_json::json;

use crate::call::{Call, descend, largest};
use crate::claim::{Claim, Claimed, Paper};

const KOENKER: Paper = Paper { name: "Koenker and Bassett 1978", id: "doi 10.2307/1913643" };
const NIX: Paper = Paper { name: "Nix and Weigend 1994", id: "doi 10.1109/ICNN.1994.374138" };
const SEITZER: Paper = Paper { name: "Seitzer et al. 2022", id: "arXiv 2203.09168" };
const QR_DQN: Paper = Paper { name: "Dabney et al. 2018", id: "arXiv 1710.10044" };

const HOUSEHOLDS: f64 = 235.0;

/// As many of Engel's households as a line through two of them leaves open.
const fn share(tau: f64) -> Claimed {
    Claimed::Number { value: tau, within: 2.0 / HOUSEHOLDS }
}

pub(crate) const CLAIMS: &[Claim] = &[
    Claim::new(
        "regression/quantile",
        KOENKER,
        "tau = 0.1: the share of Engel's households below the line",
        share(0.1),
        || Ok(engel(0.1)?.below),
    ),
    Claim::new(
        "regression/quantile",
        KOENKER,
        "tau = 0.5: the share of Engel's households below the line",
        share(0.5),
        || Ok(engel(0.5)?.below),
    ),
    Claim::new(
        "regression/quantile",
        KOENKER,
        "tau = 0.9: the share of Engel's households below the line",
        share(0.9),
        || Ok(engel(0.9)?.below),
    ),
    Claim::new(
        "regression/quantile",
        KOENKER,
        "tau = 0.5: the least mean loss of a line through Engel's households",
        Claimed::about(37.361_559, 1e-6),
        || Ok(engel(0.5)?.loss),
    ),
    Claim::new(
        "regression/quantile",
        KOENKER,
        "tau = 0.9: the slope of the line through Engel's households",
        Claimed::about(0.686_299, 1e-5),
        || Ok(engel(0.9)?.slope),
    ),
    Claim::new(
        "likelihood/multi_quantile",
        QR_DQN,
        "the loss of tau = 0.1, 0.5 and 0.9 is least at the quantiles of 1 .. 99: the largest distance",
        Claimed::AtMost(0.5),
        distance_from_quantiles,
    ),
    Claim::new(
        "likelihood/gaussian_nll",
        NIX,
        "the likelihood of 1, 2, 4 and 7 is largest at their mean, 3.5",
        Claimed::about(3.5, 1e-6),
        || Ok(gaussian()?[0]),
    ),
    Claim::new("likelihood/gaussian_nll", NIX, "and at their variance, 5.25", Claimed::about(5.25, 1e-6), || {
        Ok(gaussian()?[1].exp())
    }),
    Claim::new(
        "likelihood/gaussian_nll",
        SEITZER,
        "beta = 1: the slope of the mean is that of half the squared error, whatever the variance is",
        Claimed::IDENTITY,
        || {
            let slope = |log_variance: f64| {
                let call = Call::new("likelihood/gaussian_nll", json!({ "beta": 1.0 }))?;
                let call = call.with("parameters", &[1.5, log_variance], [1, 2]).with_list("targets", &[4.0]);
                Ok::<_, Error>(call.gradient("parameters")?[0])
            };
            let slopes = [-3.0, 0.0, 2.0, 5.0].map(slope).into_iter().collect::<Result<Vec<_>, _>>()?;
            Ok(largest(slopes.iter().map(|slope| (slope + 2.5).abs())))
        },
    ),
];

/// The line through Engel's households whose mean loss is least.
struct Line {
    loss: f64,
    slope: f64,
    below: f64,
}

/// The exact optimum: a best line goes through two of the points, so all those lines are compared.
fn engel(tau: f64) -> Result<Line, Error> {
    let LineData { x, y } = LineData::load(LineSet::Engel)?;
    let loss = QuantileLossConfig::new().with_tau(tau).init(&Device::flex());
    let tensor = |numbers: Vec<f64>, shape: [usize; 2]| {
        Tensor::<2>::from_data(TensorData::new(numbers, shape), (&Device::flex(), DType::F64))
    };
    let mut best = Line { loss: f64::INFINITY, slope: 0.0, below: 0.0 };
    for i in 1..x.len() {
        let others = (0..i).filter(|j| x[*j] != x[i]);
        let slopes: Vec<f64> = others.map(|j| (y[j] - y[i]) / (x[j] - x[i])).collect();
        // Both relative to the point i.
        let offsets: Vec<f64> = x.iter().map(|x_k| x_k - x[i]).collect();
        let predictions = slopes.iter().flat_map(|slope| offsets.iter().map(move |offset| slope * offset)).collect();
        let targets: Vec<f64> = y.iter().map(|y_k| y_k - y[i]).collect();
        let shape = [slopes.len(), x.len()];
        let targets = tensor(targets, [1, x.len()]).expand(shape);
        let means = loss.forward_no_reduction(tensor(predictions, shape), targets).mean_dim(1);
        for (mean, slope) in means.into_data().iter::<f64>().zip(slopes) {
            if mean < best.loss {
                let is_below = |k: &usize| y[*k] - y[i] < slope * offsets[*k] - 1e-9;
                let below = (0..x.len()).filter(is_below).count() as f64 / x.len() as f64;
                best = Line { loss: mean, slope, below };
            }
        }
    }
    Ok(best)
}

/// How far the best constants are from the quantiles of the numbers 1 to 99: all numbers are tried.
fn distance_from_quantiles() -> Result<f64, Error> {
    const TAUS: [f64; 3] = [0.1, 0.5, 0.9];
    let numbers: Vec<f64> = (1..100).map(f64::from).collect();
    let call = Call::new("likelihood/multi_quantile", json!({ "taus": TAUS }))?.with_list("targets", &numbers);
    let sum = |k: usize, constant: f64| {
        // The other levels do not change.
        let row: [f64; 3] = core::array::from_fn(|level| if level == k { constant } else { 0.0 });
        let call = call.clone().with("parameters", &row.repeat(numbers.len()), [numbers.len(), 3]);
        call.value()
    };
    let mut distances = Vec::new();
    for (k, tau) in TAUS.iter().enumerate() {
        let sums = numbers.iter().map(|constant| sum(k, *constant)).collect::<Result<Vec<_>, _>>()?;
        let best = (0..sums.len()).min_by(|a, b| sums[*a].total_cmp(&sums[*b])).unwrap_or_default();
        distances.push((numbers[best] - 100.0 * tau).abs());
    }
    Ok(largest(distances.into_iter()))
}

/// The mean and the logarithm of the variance at which the likelihood of four numbers is largest.
fn gaussian() -> Result<[f64; 2], Error> {
    let call = Call::new("likelihood/gaussian_nll", json!({}))?.with_list("targets", &[1.0, 2.0, 4.0, 7.0]);
    descend([0.0, 1.0], 1.0, 400, |parameters| {
        let slopes = call.clone().with("parameters", &parameters.repeat(4), [4, 2]).gradient("parameters")?;
        Ok([0, 1].map(|at| slopes.iter().skip(at).step_by(2).sum()))
    })
}
