//! Robust regression: efficiencies, lines through outliers, and losses that contain others.

use std::f64::consts::{FRAC_2_PI, PI};

use experiments::Error;
use experiments::data::{LineData, LineSet};
use serde_json::{Value, json};

use crate::call::{Call, difference};
use crate::claim::{Claim, Claimed, Paper};

const HOLLAND_WELSCH: Paper = Paper { name: "Holland and Welsch 1977", id: "doi 10.1080/03610927708827533" };
const HUBER: Paper = Paper { name: "Huber 1964", id: "doi 10.1214/aoms/1177703732" };
const BEATON_TUKEY: Paper = Paper { name: "Beaton and Tukey 1974", id: "doi 10.1080/00401706.1974.10489171" };
const ROUSSEEUW_LEROY: Paper = Paper { name: "Rousseeuw and Leroy 1987", id: "doi 10.1002/0471725382" };
const BARRON: Paper = Paper { name: "Barron 2019", id: "arXiv 1701.03077" };
const LIBRA: Paper = Paper { name: "Pang et al. 2019", id: "arXiv 1904.02701" };
const GHM: Paper = Paper { name: "Li et al. 2019", id: "arXiv 1811.05181" };

/// 95 %, give or take what the fourth digit of a constant makes.
const EFFICIENT: Claimed = Claimed::about(0.95, 2e-4);

pub(crate) const CLAIMS: &[Claim] = &[
    Claim::new(
        "regression/huber",
        HOLLAND_WELSCH,
        "95 % efficient at the Gaussian for delta = 1.345",
        EFFICIENT,
        || efficiency("regression/huber", json!({ "delta": 1.345 }), 1.0),
    ),
    Claim::new(
        "regression/tukey_biweight",
        HOLLAND_WELSCH,
        "95 % efficient at the Gaussian for c = 4.685",
        EFFICIENT,
        || efficiency("regression/tukey_biweight", json!({ "c": 4.685 }), 1.0),
    ),
    Claim::new("regression/cauchy", HOLLAND_WELSCH, "95 % efficient at the Gaussian for c = 2.385", EFFICIENT, || {
        efficiency("regression/cauchy", json!({ "c": 2.385, "form": "m_estimator" }), 1.0)
    }),
    Claim::new("regression/welsch", HOLLAND_WELSCH, "95 % efficient at the Gaussian for c = 2.985", EFFICIENT, || {
        efficiency("regression/welsch", json!({ "c": 2.985, "form": "m_estimator" }), 1.0)
    }),
    Claim::new(
        "regression/log_cosh",
        HOLLAND_WELSCH,
        "95 % efficient at the Gaussian for errors in units of 1.205 deviations",
        EFFICIENT,
        || efficiency("regression/log_cosh", json!({}), 1.205),
    ),
    Claim::new(
        "regression/mae",
        HUBER,
        "the efficiency of the median at the Gaussian is 2/pi",
        Claimed::about(FRAC_2_PI, 1e-5),
        || efficiency("regression/mae", json!({}), 1.0),
    ),
    Claim::new(
        "regression/mse",
        ROUSSEEUW_LEROY,
        "four giants give the line through 47 stars the wrong sign: slope of least squares",
        Claimed::about(-0.4133, 1e-3),
        || slope_of_stars("regression/mse", (6.0, 0.0)),
    ),
    Claim::new(
        "regression/tukey_biweight",
        BEATON_TUKEY,
        "outliers have no weight: slope of the line through the same stars, from a start nearby",
        Claimed::about(2.4061, 1e-3),
        || slope_of_stars("regression/tukey_biweight", (-5.0, 2.2)),
    ),
    Claim::new("regression/barron", BARRON, "alpha = 2 is half of the squared error", Claimed::IDENTITY, || {
        barron(json!(2.0), "regression/mse", json!({}), 0.5 / (C * C))
    }),
    Claim::new("regression/barron", BARRON, "alpha = 1 is Charbonnier's loss", Claimed::IDENTITY, || {
        barron(json!(1.0), "regression/charbonnier", json!({ "epsilon": C }), 1.0 / C)
    }),
    Claim::new("regression/barron", BARRON, "alpha = 0 is Cauchy's loss", Claimed::IDENTITY, || {
        barron(json!(0.0), "regression/cauchy", json!({ "c": C }), 1.0)
    }),
    Claim::new("regression/barron", BARRON, "alpha = -2 is the loss of Geman and McClure", Claimed::IDENTITY, || {
        barron(json!(-2.0), "regression/geman_mcclure", json!({ "c": C }), 1.0)
    }),
    Claim::new("regression/barron", BARRON, "the limit at minus infinity is Welsch's loss", Claimed::IDENTITY, || {
        barron(json!("welsch"), "regression/welsch", json!({ "c": C }), 1.0)
    }),
    Claim::new(
        "regression/balanced_l1",
        LIBRA,
        "alpha ln(b + 1) = gamma: the slope of an error of 1 is gamma = 1.5",
        Claimed::about(1.5, 1e-6),
        || {
            let call = Call::new("regression/balanced_l1", json!({}))?;
            Ok(call.with_list("predictions", &[1.0 - 1e-9]).with_list("targets", &[0.0]).gradient("predictions")?[0])
        },
    ),
    Claim::new(
        "regression/ghm_r",
        GHM,
        "every bin of gradient norms that is not empty has the same total weight",
        Claimed::Number { value: 0.0, within: 1e-5 },
        weights_of_bins,
    ),
];

/// The efficiency of an estimator at the Gaussian, relative to the mean: (E x psi)^2 / E psi^2, where psi is the slope of the
/// loss, for errors in the given unit.
fn efficiency(loss: &str, mut fields: Value, unit: f64) -> Result<f64, Error> {
    const POINTS: usize = 40_000;
    const REACH: f64 = 10.0;
    let x: Vec<f64> = (0..POINTS).map(|i| REACH * ((2 * i + 1) as f64 / POINTS as f64 - 1.0)).collect();
    let errors: Vec<f64> = x.iter().map(|x| x / unit).collect();
    fields["reduction"] = "sum".into();
    let call = Call::new(loss, fields)?.with_list("predictions", &errors).with_list("targets", &[0.0; POINTS]);
    let psi = call.gradient("predictions")?;

    let step = 2.0 * REACH / POINTS as f64;
    let expected = |of: &dyn Fn(f64, f64) -> f64| {
        let density = |x: f64| (-x * x / 2.0).exp() / (2.0 * PI).sqrt();
        x.iter().zip(&psi).map(|(&x, &psi)| step * density(x) * of(x, psi)).sum::<f64>()
    };
    Ok(expected(&|x, psi| x * psi).powi(2) / expected(&|_, psi| psi * psi))
}

/// The scale of the losses that are compared with Barron's.
const C: f64 = 1.5;

/// The largest difference of Barron's loss and `factor` times another.
fn barron(alpha: Value, other: &str, fields: Value, factor: f64) -> Result<f64, Error> {
    let errors: Vec<f64> = (-60..=60).map(|i| f64::from(i) / 10.0).collect();
    let values = |loss: &str, fields| {
        let call = Call::new(loss, fields)?;
        call.with_list("predictions", &errors).with_list("targets", &vec![0.0; errors.len()]).values()
    };
    let other: Vec<f64> = values(other, fields)?.iter().map(|value| factor * value).collect();
    Ok(difference(&values("regression/barron", json!({ "alpha": alpha, "c": C }))?, &other))
}

/// The slope of the line through the stars, by reweighted least squares: the weight of a point is the slope of its loss over its
/// error, in units of 0.4.
fn slope_of_stars(loss: &str, start: (f64, f64)) -> Result<f64, Error> {
    const SCALE: f64 = 0.4;
    let LineData { x, y } = LineData::load(LineSet::StarsCyg)?;
    let call = Call::new(loss, json!({ "reduction": "sum" }))?.with_list("targets", &vec![0.0; x.len()]);
    let mut line = start;
    for _ in 0..200 {
        let errors: Vec<f64> = x.iter().zip(&y).map(|(x, y)| (line.0 + line.1 * x - y) / SCALE).collect();
        let slopes = call.clone().with_list("predictions", &errors).gradient("predictions")?;
        let weights: Vec<f64> = slopes.iter().zip(&errors).map(|(slope, error)| slope / error).collect();
        line = least_squares(&x, &y, &weights);
    }
    Ok(line.1)
}

/// Intercept and slope of the line that weighted least squares gives.
fn least_squares(x: &[f64], y: &[f64], weights: &[f64]) -> (f64, f64) {
    let sum = |of: &dyn Fn(usize) -> f64| (0..x.len()).map(|i| weights[i] * of(i)).sum::<f64>();
    let all = sum(&|_| 1.0);
    let (mean_x, mean_y) = (sum(&|i| x[i]) / all, sum(&|i| y[i]) / all);
    let slope = sum(&|i| (x[i] - mean_x) * (y[i] - mean_y)) / sum(&|i| (x[i] - mean_x).powi(2));
    (mean_y - slope * mean_x, slope)
}

/// How far apart the total weights of the bins are, relative to the least of them.
fn weights_of_bins() -> Result<f64, Error> {
    const MU: f64 = 0.02;
    const BINS: usize = 10;
    let errors: Vec<f64> = (1..500).map(|i| MU * (f64::from(i) / 80.0).powi(2)).collect();
    let values = |loss: &str, fields| {
        let call = Call::new(loss, fields)?;
        call.with_list("predictions", &errors).with_list("targets", &vec![0.0; errors.len()]).values()
    };
    let weighted = values("regression/ghm_r", json!({ "mu": MU, "bins": BINS, "momentum": 0.0 }))?;
    let plain = values("regression/charbonnier", json!({ "epsilon": MU }))?;
    let norms: Vec<f64> = errors.iter().map(|d| d / d.hypot(MU)).collect();
    let weights: Vec<f64> = weighted.iter().zip(&plain).map(|(weighted, plain)| weighted / plain).collect();
    Ok(super::imbalance::spread_of_bins(&norms, &weights, BINS))
}
