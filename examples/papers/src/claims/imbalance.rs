//! Imbalanced classes: focal loss, GHM, and the asymmetric loss.

use burn::tensor::{Device, Tensor, TensorData};
use burn_losses::binary::BinaryLossConfig;
use experiments::Error;
use experiments::data::{self, Samples};
use serde_json::json;

use crate::call::{Call, logistic, numbers};
use crate::claim::{Claim, Claimed, Paper};

const FOCAL: Paper = Paper { name: "Lin et al. 2017", id: "arXiv 1708.02002" };
const GHM: Paper = Paper { name: "Li et al. 2019", id: "arXiv 1811.05181" };
const ASYMMETRIC: Paper = Paper { name: "Ben-Baruch et al. 2020", id: "arXiv 2009.14119" };
const POLY: Paper = Paper { name: "Leng et al. 2022", id: "arXiv 2204.12511" };

pub(crate) const CLAIMS: &[Claim] = &[
    Claim::new(
        "binary/focal",
        FOCAL,
        "gamma = 2: an example with p_t = 0.9 costs 100 times less than with cross-entropy",
        Claimed::about(100.0, 1e-6),
        || relief(0.9),
    ),
    Claim::new(
        "binary/focal",
        FOCAL,
        "gamma = 2: about 1000 times less with p_t = 0.968",
        Claimed::about(1000.0, 0.03),
        || relief(0.968),
    ),
    Claim::new(
        "binary/focal",
        FOCAL,
        "gamma = 2: at most 4 times less with p_t = 0.5",
        Claimed::about(4.0, 1e-6),
        || relief(0.5),
    ),
    Claim::new(
        "binary/focal",
        FOCAL,
        "gamma = 2 gives most of the loss of the negatives to a few of them: the share of the hardest 5 %",
        Claimed::AtLeast(0.5),
        || bags()?.share_of_hardest(2.0, false),
    )
    .long(),
    Claim::new(
        "binary/focal",
        FOCAL,
        "with cross-entropy most of it belongs to the others: the same share for gamma = 0",
        Claimed::AtMost(0.5),
        || bags()?.share_of_hardest(0.0, false),
    )
    .long(),
    Claim::new(
        "binary/focal",
        FOCAL,
        "it changes less for the positives: what gamma = 2 adds to the share of their hardest 20 %, over what it adds for negatives",
        Claimed::AtMost(1.0),
        || {
            let bags = bags()?;
            let added = |is_positive| {
                Ok::<_, Error>(bags.share_of_hardest(2.0, is_positive)? - bags.share_of_hardest(0.0, is_positive)?)
            };
            Ok(added(true)? / added(false)?)
        },
    )
    .long(),
    Claim::new(
        "binary/ghm_c",
        GHM,
        "every bin of gradient norms that is not empty has the same total weight",
        Claimed::Number { value: 0.0, within: 1e-5 },
        weights_of_bins,
    ),
    Claim::new(
        "binary/asymmetric",
        ASYMMETRIC,
        "a negative whose probability is below the shift costs nothing: its value and slope",
        Claimed::Number { value: 0.0, within: 0.0 },
        || {
            let call = Call::new("binary/asymmetric", json!({ "shift": 0.05 }))?;
            let call = call.with_list("logits", &[logit(0.049)]).with_list("targets", &[0.0]);
            Ok(call.value()?.abs() + call.gradient("logits")?[0].abs())
        },
    ),
    Claim::new(
        "binary/poly1",
        POLY,
        "cross-entropy is the sum of (1 - p)^j / j, and epsilon = -1 drops the first term",
        Claimed::IDENTITY,
        || {
            let p: f64 = 0.3;
            let call = Call::new("binary/poly1", json!({ "epsilon": -1.0 }))?;
            let value = call.with_list("logits", &[logit(p)]).with_list("targets", &[1.0]).value()?;
            let others: f64 = (2..400).map(|j| (1.0 - p).powi(j) / f64::from(j)).sum();
            Ok((value - others).abs())
        },
    ),
];

fn logit(p: f64) -> f64 {
    (p / (1.0 - p)).ln()
}

/// How many times less focal loss costs than cross-entropy, for an example with this probability of its class.
fn relief(p: f64) -> Result<f64, Error> {
    let value = |loss: &str, fields| {
        Call::new(loss, fields)?.with_list("logits", &[logit(p)]).with_list("targets", &[1.0]).value()
    };
    Ok(value("binary/bce", json!({}))? / value("binary/focal", json!({ "gamma": 2.0, "alpha": "none" }))?)
}

/// The largest difference of the total weights of the bins that have any, relative to the least of them.
pub(super) fn spread_of_bins(norms: &[f64], weights: &[f64], bins: usize) -> f64 {
    let mut totals = vec![0.0; bins];
    for (norm, weight) in norms.iter().zip(weights) {
        totals[((norm * bins as f64) as usize).min(bins - 1)] += weight;
    }
    totals.retain(|total| *total != 0.0);
    let (least, most) = totals.iter().fold((f64::MAX, 0.0f64), |(a, b), &total| (a.min(total), b.max(total)));
    most / least - 1.0
}

fn weights_of_bins() -> Result<f64, Error> {
    const BINS: usize = 10;
    let logits: Vec<f64> = numbers(2000, 1).iter().map(|x| 6.0 * x - 3.0).collect();
    let targets: Vec<f64> = numbers(2000, 2).iter().map(|x| f64::from(*x > 0.8)).collect();
    let values = |loss: &str, fields| {
        Call::new(loss, fields)?.with_list("logits", &logits).with_list("targets", &targets).values()
    };
    let weighted = values("binary/ghm_c", json!({ "bins": BINS, "momentum": 0.0 }))?;
    let plain = values("binary/bce", json!({}))?;
    let weights: Vec<f64> = weighted.iter().zip(&plain).map(|(weighted, plain)| weighted / plain).collect();
    let norms: Vec<f64> = logits.iter().zip(&targets).map(|(x, y)| (logistic(*x) - y).abs()).collect();
    Ok(spread_of_bins(&norms, &weights, BINS))
}

/// A class of Fashion-MNIST that is easy to tell from most others, as most boxes of a detector are, and how many are kept.
const BAG: f32 = 8.0;
const BAGS: usize = 100;

/// The logits of a model, and the targets.
struct Scored {
    logits: Vec<f64>,
    targets: Vec<f64>,
}

/// A linear model that tells a few bags from all other things, trained with gamma = 2.
fn bags() -> Result<Scored, Error> {
    let all = data::fashion()?.train;
    let (bags, others): (Vec<usize>, Vec<usize>) = (0..all.targets().len()).partition(|row| all.targets()[*row] == BAG);
    let samples = all.select(&[&bags[..BAGS], &others].concat());
    let targets: Vec<f64> = samples.targets().iter().map(|class| f64::from(*class == BAG)).collect();
    Ok(Scored { logits: linear_model(&samples, &targets)?, targets })
}

impl Scored {
    /// The share of the loss of the positives that the hardest 20 % of them carry, or of the negatives the hardest 5 %.
    fn share_of_hardest(&self, gamma: f64, is_positive: bool) -> Result<f64, Error> {
        let call = Call::new("binary/focal", json!({ "gamma": gamma, "alpha": "none" }))?;
        let values = call.with_list("logits", &self.logits).with_list("targets", &self.targets).values()?;
        let of_class = values.iter().zip(&self.targets).filter(|(_, target)| (**target > 0.5) == is_positive);
        let mut values: Vec<f64> = of_class.map(|(value, _)| *value).collect();
        values.sort_by(|a, b| b.total_cmp(a));
        let share = if is_positive { 0.2 } else { 0.05 };
        let hardest = (share * values.len() as f64) as usize;
        Ok(values[..hardest].iter().sum::<f64>() / values.iter().sum::<f64>())
    }
}

/// The logits of a linear model after steps of gradient descent on all rows, with momentum.
fn linear_model(samples: &Samples, targets: &[f64]) -> Result<Vec<f64>, Error> {
    const STEPS: usize = 200;
    let device = Device::flex();
    let config = json!({ "kind": "focal", "gamma": 2.0, "alpha": "none" });
    let loss = serde_json::from_value::<BinaryLossConfig>(config).map_err(Error::new)?.init(&device);
    let inputs = Tensor::<2>::from_data(samples.to_data(), &device);
    let targets = Tensor::<2>::from_data(TensorData::new(targets.to_vec(), [targets.len(), 1]), &device);
    let [rows, width] = inputs.dims();
    let inputs = Tensor::cat(vec![inputs, Tensor::ones([rows, 1], &device)], 1);
    let mut weights = Tensor::<2>::zeros([width + 1, 1], &device);
    let mut momentum = weights.clone();
    for _ in 0..STEPS {
        let moving = weights.clone().autodiff().require_grad();
        let value = loss.forward(inputs.clone().autodiff().matmul(moving.clone()), targets.clone().autodiff());
        let gradient = moving.grad(&value.backward()).ok_or_else(|| Error::new("the loss has no gradient"))?;
        momentum = momentum * 0.9 + gradient;
        weights = weights - momentum.clone() * 0.05;
    }
    Ok(inputs.matmul(weights).into_data().iter::<f64>().collect())
}
