//! Lists of items, ranked by scores.

use burn::tensor::{DType, Device, Tensor, TensorData};
use burn_losses::ranking::{Gain, ndcg};
use experiments::Error;
use experiments::rng::Rng;
use serde_json::json;

use crate::call::{Call, difference, largest, numbers};
use crate::claim::{Claim, Claimed, Paper};

const LIST_NET: Paper = Paper { name: "Cao et al. 2007", id: "doi 10.1145/1273496.1273513" };
const LAMBDA_LOSS: Paper = Paper { name: "Wang et al. 2018", id: "doi 10.1145/3269206.3271784" };
const RANKNET: Paper = Paper { name: "Burges et al. 2005", id: "doi 10.1145/1102351.1102363" };
const BPR: Paper = Paper { name: "Rendle et al. 2009", id: "arXiv 1205.2618" };

pub(crate) const CLAIMS: &[Claim] = &[
    Claim::new(
        "ranking/list_net",
        LIST_NET,
        "a constant that is added to all scores of a list changes nothing",
        Claimed::IDENTITY,
        || {
            let (scores, relevance) = lists();
            let moved: Vec<f64> = scores.iter().map(|score| score + 5.0).collect();
            let values = |scores: &[f64]| {
                let call = Call::new("ranking/list_net", json!({}))?.with("scores", scores, SHAPE);
                call.with("relevance", &relevance, SHAPE).values()
            };
            Ok(difference(&values(&scores)?, &values(&moved)?))
        },
    ),
    Claim::new(
        "ranking/list_net",
        LIST_NET,
        "scores that are the relevance are optimal: their slope",
        Claimed::IDENTITY,
        || {
            let (_, relevance) = lists();
            let call = Call::new("ranking/list_net", json!({}))?.with("scores", &relevance, SHAPE);
            let slopes = call.with("relevance", &relevance, SHAPE).gradient("scores")?;
            Ok(largest(slopes.iter().map(|slope| slope.abs())))
        },
    ),
    Claim::new(
        "ranking/lambda_rank",
        LAMBDA_LOSS,
        "the scheme ndcg2 bounds 1 - NDCG: the least of the bound minus 1 - NDCG",
        Claimed::AtLeast(0.0),
        || least_above_ndcg("ndcg2"),
    ),
    Claim::new(
        "ranking/ranknet",
        RANKNET,
        "items of equal scores: ln 2, the same for every pair",
        Claimed::about(std::f64::consts::LN_2, 1e-6),
        || {
            let call = Call::new("ranking/ranknet", json!({}))?;
            call.with_list("better", &[1.0, -2.0]).with_list("worse", &[1.0, -2.0]).value()
        },
    ),
    Claim::new(
        "ranking/bpr",
        BPR,
        "the logarithm of a logistic function stands for the step of the AUC: the least of loss / ln 2 minus 1 - AUC",
        Claimed::AtLeast(0.0),
        || {
            let differences = numbers(1000, 41);
            let call = Call::new("ranking/bpr", json!({}))?.with_list("better", &differences);
            let values = call.with_list("worse", &[0.0; 1000]).values()?;
            let above = values.iter().zip(&differences).map(|(value, d)| value / 2f64.ln() - f64::from(*d < 0.0));
            Ok(above.fold(f64::INFINITY, f64::min))
        },
    ),
];

const SHAPE: [usize; 2] = [50, 8];

/// Scores and grades of relevance from 0 to 4, always the same.
fn lists() -> (Vec<f64>, Vec<f64>) {
    let count = SHAPE.iter().product();
    let mut rng = Rng::new(42);
    let scores = numbers(count, 43).iter().map(|score| 3.0 * score).collect();
    (scores, (0..count).map(|_| rng.below(5) as f64).collect())
}

fn least_above_ndcg(scheme: &str) -> Result<f64, Error> {
    let (scores, relevance) = lists();
    let call = Call::new("ranking/lambda_rank", json!({ "scheme": scheme }))?.with("scores", &scores, SHAPE);
    let values = call.with("relevance", &relevance, SHAPE).values()?;
    let tensor =
        |numbers: Vec<f64>| Tensor::<2>::from_data(TensorData::new(numbers, SHAPE), (&Device::flex(), DType::F64));
    let reached = ndcg(tensor(scores), tensor(relevance), Gain::Exponential, None).into_data();
    let above = values.iter().zip(reached.iter::<f64>()).map(|(value, ndcg)| value - (1.0 - ndcg));
    Ok(above.fold(f64::INFINITY, f64::min))
}
