//! Labels: smoothing, noise, priors, and distributions in place of labels.

use experiments::Error;
use serde_json::json;

use crate::call::{Call, descend, difference, numbers};
use crate::claim::{Claim, Claimed, Paper};

const SZEGEDY: Paper = Paper { name: "Szegedy et al. 2016", id: "arXiv 1512.00567" };
const ZHANG: Paper = Paper { name: "Zhang and Sabuncu 2018", id: "arXiv 1805.07836" };
const WANG: Paper = Paper { name: "Wang et al. 2019", id: "arXiv 1908.06112" };
const MENON: Paper = Paper { name: "Menon et al. 2021", id: "arXiv 2007.07314" };
const POLY: Paper = Paper { name: "Leng et al. 2022", id: "arXiv 2204.12511" };
const HINTON: Paper = Paper { name: "Hinton et al. 2015", id: "arXiv 1503.02531" };

const CLASSES: usize = 10;

pub(crate) const CLAIMS: &[Claim] = &[
    Claim::new(
        "classification/cross_entropy",
        SZEGEDY,
        "smoothing over all 10 classes with epsilon = 0.1: the logit of the class is ln 91 above the others",
        Claimed::about(4.510_860, 1e-6),
        || Ok(smoothed("all")?.0),
    ),
    Claim::new(
        "classification/cross_entropy",
        SZEGEDY,
        "and the least value is the entropy of the smoothed label",
        Claimed::about(0.500_288, 1e-5),
        || Ok(smoothed("all")?.1),
    ),
    Claim::new(
        "classification/cross_entropy",
        SZEGEDY,
        "smoothing over the 9 other classes: the logit of the class is ln 81 above them",
        Claimed::about(4.394_449, 1e-6),
        || Ok(smoothed("others")?.0),
    ),
    Claim::new(
        "classification/cross_entropy",
        SZEGEDY,
        "and the least value is the entropy of that label",
        Claimed::about(0.544_805, 1e-5),
        || Ok(smoothed("others")?.1),
    ),
    Claim::new(
        "classification/generalized",
        ZHANG,
        "the values of all 10 labels add up to at least (10 - 10^(1 - q)) / q: the least sum, q = 0.7",
        Claimed::about(11.435_339, 1e-6),
        || Ok(sums_over_labels("classification/generalized", json!({ "q": 0.7 }))?.0),
    ),
    Claim::new(
        "classification/generalized",
        ZHANG,
        "and to at most 9 / q: the largest sum",
        Claimed::about(9.0 / 0.7, 1e-6),
        || Ok(sums_over_labels("classification/generalized", json!({ "q": 0.7 }))?.1),
    ),
    Claim::new(
        "classification/symmetric",
        WANG,
        "the reverse term is symmetric: the values of all 10 labels add up to -9 log_zero (the largest difference)",
        Claimed::IDENTITY,
        || {
            let fields = json!({ "alpha": 0.0, "beta": 1.0, "log_zero": -4.0 });
            let (least, most) = sums_over_labels("classification/symmetric", fields)?;
            Ok((least - 36.0).abs().max((most - 36.0).abs()))
        },
    ),
    Claim::new(
        "classification/poly1",
        POLY,
        "cross-entropy is the sum of (1 - p)^j / j, and epsilon = -1 drops the first term",
        Claimed::IDENTITY,
        || {
            let logits = numbers(CLASSES, 5);
            let call = Call::new("classification/poly1", json!({ "epsilon": -1.0 }))?;
            let value = call.with("logits", &logits, [1, CLASSES]).with_labels("labels", &[3], [1]).value()?;
            let p = softmax(&logits)[3];
            let others: f64 = (2..2000).map(|j| (1.0 - p).powi(j) / f64::from(j)).sum();
            Ok((value - others).abs())
        },
    ),
    Claim::new(
        "classification/logit_adjusted",
        MENON,
        "consistent with the balanced error: classes N(-1, 1) and N(1, 1) of 90 % and 10 % are parted at 0",
        Claimed::Number { value: 0.0, within: 1e-4 },
        || boundary("classification/logit_adjusted", json!({ "prior": PRIOR })),
    ),
    Claim::new(
        "classification/cross_entropy",
        MENON,
        "cross-entropy parts the same classes at ln(9) / 2",
        Claimed::about(1.098_612, 1e-4),
        || boundary("classification/cross_entropy", json!({})),
    ),
    Claim::new(
        "distribution/distillation",
        HINTON,
        "at high temperatures it matches logits of mean 0: the slope times C is their difference",
        Claimed::Number { value: 0.0, within: 0.01 },
        slope_of_distillation,
    ),
];

fn softmax(logits: &[f64]) -> Vec<f64> {
    let most = logits.iter().copied().fold(f64::MIN, f64::max);
    let sum: f64 = logits.iter().map(|x| (x - most).exp()).sum();
    logits.iter().map(|x| (x - most).exp() / sum).collect()
}

/// The best free logits of one smoothed label: how far its logit is above the others, and the value.
fn smoothed(spread: &str) -> Result<(f64, f64), Error> {
    let fields = json!({ "label_smoothing": { "epsilon": 0.1, "spread": spread } });
    let call = Call::new("classification/cross_entropy", fields)?.with_labels("labels", &[0], [1]);
    let at = |logits: [f64; CLASSES]| call.clone().with("logits", &logits, [1, CLASSES]);
    let best = descend([0.0; CLASSES], 10.0, 400, |logits| {
        let slope = at(logits).gradient("logits")?;
        Ok(core::array::from_fn(|i| slope[i]))
    })?;
    Ok((best[0] - best[1], at(best).value()?))
}

/// The least and the largest sum of the values of all labels: at random logits, at equal ones, and at one that is certain.
fn sums_over_labels(loss: &str, fields: serde_json::Value) -> Result<(f64, f64), Error> {
    const ROWS: usize = 200;
    let mut logits: Vec<f64> = numbers((ROWS - 2) * CLASSES, 6).iter().map(|x| 8.0 * x).collect();
    logits.extend([0.0; CLASSES]);
    logits.extend((0..CLASSES).map(|class| if class == 0 { 60.0 } else { 0.0 }));
    let call = Call::new(loss, fields)?.with("logits", &logits, [ROWS, CLASSES]);
    let mut sums = vec![0.0; ROWS];
    for label in 0..CLASSES as i64 {
        let values = call.clone().with_labels("labels", &[label; ROWS], [ROWS]).values()?;
        sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
    }
    Ok(sums.iter().fold((f64::MAX, f64::MIN), |(least, most), sum| (least.min(*sum), most.max(*sum))))
}

/// How often the two Gaussian classes occur.
const PRIOR: [f64; 2] = [0.9, 0.1];

/// Where the logit a x + b of the rarer class is 0 if a and b minimize the expected loss.
fn boundary(loss: &str, mut fields: serde_json::Value) -> Result<f64, Error> {
    const STEP: f64 = 0.2;
    let x: Vec<f64> = (-40..=40).map(|i| STEP * f64::from(i)).collect();
    let count = x.len();
    let density = |x: f64, mean: f64| (-(x - mean).powi(2) / 2.0).exp() / std::f64::consts::TAU.sqrt();
    let of_class = |class: usize, mean: f64| x.iter().map(move |x| STEP * PRIOR[class] * density(*x, mean));
    let weights: Vec<f64> = of_class(0, -1.0).chain(of_class(1, 1.0)).collect();
    let labels: Vec<i64> = (0..2 * count).map(|row| i64::from(row >= count)).collect();

    fields["reduction"] = "sum".into();
    let call = Call::new(loss, fields)?.with_list("weights", &weights).with_labels("labels", &labels, [2 * count]);
    let [a, b] = descend([1.0, 0.0], 2.0, 1000, |[a, b]| {
        let logits: Vec<f64> = x.iter().chain(&x).flat_map(|x| [0.0, a * x + b]).collect();
        let slopes = call.clone().with("logits", &logits, [2 * count, 2]).gradient("logits")?;
        let of_rare = || slopes.iter().skip(1).step_by(2);
        Ok([of_rare().zip(x.iter().chain(&x)).map(|(slope, x)| slope * x).sum(), of_rare().sum()])
    })?;
    Ok(-b / a)
}

/// The largest difference between C times the slope and the difference of the logits, relative to the largest of those.
fn slope_of_distillation() -> Result<f64, Error> {
    let centered = |seed: u64| {
        let logits = numbers(CLASSES, seed);
        let mean = logits.iter().sum::<f64>() / CLASSES as f64;
        logits.iter().map(|x| x - mean).collect::<Vec<_>>()
    };
    let (student, teacher) = (centered(8), centered(9));
    let call = Call::new("distribution/distillation", json!({ "temperature": 500.0, "input": "logits" }))?;
    let call = call.with("logits", &student, [1, CLASSES]).with("targets", &softmax(&teacher), [1, CLASSES]);
    let slopes: Vec<f64> = call.gradient("logits")?.iter().map(|slope| slope * CLASSES as f64).collect();
    let differences: Vec<f64> = student.iter().zip(&teacher).map(|(z, v)| z - v).collect();
    Ok(difference(&slopes, &differences) / difference(&student, &teacher))
}
