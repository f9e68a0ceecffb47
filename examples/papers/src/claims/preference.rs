//! Preferences: the gradients that the papers derive, and optima.

use experiments::Error;
use serde_json::{Value, json};

use crate::call::{Call, descend, difference, logistic};
use crate::claim::{Claim, Claimed, Paper};

const DPO: Paper = Paper { name: "Rafailov et al. 2023", id: "arXiv 2305.18290" };
const IPO: Paper = Paper { name: "Azar et al. 2023", id: "arXiv 2310.12036" };
const SIMPO: Paper = Paper { name: "Meng et al. 2024", id: "arXiv 2405.14734" };
const ORPO: Paper = Paper { name: "Hong et al. 2024", id: "arXiv 2403.07691" };
const KTO: Paper = Paper { name: "Ethayarajh et al. 2024", id: "arXiv 2402.01306" };
const REWARD: Paper = Paper { name: "Ouyang et al. 2022", id: "arXiv 2203.02155" };

/// The log-probabilities of chosen and of rejected answers, and those that the reference gives.
const CHOSEN: [f64; 4] = [-0.4, -1.2, -2.5, -0.1];
const REJECTED: [f64; 4] = [-0.9, -0.7, -2.5, -3.0];
const REFERENCE: [[f64; 4]; 2] = [[-0.5, -1.0, -1.5, -2.0], [-1.0, -0.2, -3.0, -1.1]];

pub(crate) const CLAIMS: &[Claim] = &[
    Claim::new(
        "preference/dpo",
        DPO,
        "the gradient of a pair is beta times the probability of the wrong order",
        Claimed::IDENTITY,
        || {
            let beta = 0.3;
            let [chosen, rejected] = REFERENCE;
            let call = pairs("preference/dpo", json!({ "beta": beta }))?;
            let call = call.with_list("reference_chosen", &chosen).with_list("reference_rejected", &rejected);
            let reward = |i: usize| beta * ((CHOSEN[i] - chosen[i]) - (REJECTED[i] - rejected[i]));
            let expected = [0, 1, 2, 3].map(|i| -beta * logistic(-reward(i)));
            Ok(difference(&call.gradient("chosen")?, &expected))
        },
    ),
    Claim::new(
        "preference/dpo",
        IPO,
        "the form ipo stops where the log-ratios differ by 1 / (2 beta): 5 for beta = 0.1",
        Claimed::about(5.0, 1e-6),
        || {
            let call = Call::new("preference/dpo", json!({ "form": "ipo", "beta": 0.1, "reference": "none" }))?;
            let [difference] = descend([0.0], 0.2, 100, |[chosen]| {
                let call = call.clone().with_list("chosen", &[chosen]).with_list("rejected", &[0.0]);
                Ok([call.gradient("chosen")?[0]])
            })?;
            Ok(difference)
        },
    ),
    Claim::new(
        "preference/simpo",
        SIMPO,
        "the gradient of a pair is beta times the probability that the margin gamma is missed",
        Claimed::IDENTITY,
        || {
            let (beta, gamma) = (2.5, 1.0);
            let call = pairs("preference/simpo", json!({ "beta": beta, "gamma": gamma }))?;
            let missed = |i: usize| logistic(gamma - beta * (CHOSEN[i] - REJECTED[i]));
            Ok(difference(&call.gradient("chosen")?, &[0, 1, 2, 3].map(|i| -beta * missed(i))))
        },
    ),
    Claim::new(
        "preference/orpo",
        ORPO,
        "the gradient is that of the chosen answer's log-odds, times 1 / (1 + the ratio of the odds)",
        Claimed::IDENTITY,
        || {
            let call = pairs("preference/orpo", json!({}))?;
            let odds = |log_p: f64| log_p.exp() / (1.0 - log_p.exp());
            let expected = [0, 1, 2, 3].map(|i| {
                let delta = 1.0 / (1.0 + odds(CHOSEN[i]) / odds(REJECTED[i]));
                -delta / (1.0 - CHOSEN[i].exp())
            });
            Ok(difference(&call.gradient("chosen")?, &expected))
        },
    ),
    Claim::new(
        "preference/kto",
        KTO,
        "an answer far from the reference point changes nothing: the slope at a log-ratio of 400",
        Claimed::Number { value: 0.0, within: 1e-12 },
        || {
            let call = Call::new("preference/kto", json!({ "beta": 0.1 }))?.with_list("policy", &[0.0]);
            let call = call.with_list("reference", &[-400.0]).with_labels("desirable", &[1], [1]);
            Ok(call.gradient("policy")?[0].abs())
        },
    ),
    Claim::new(
        "preference/reward",
        REWARD,
        "an answer that 3 of 4 raters prefer has a score that is ln 3 above the other",
        Claimed::about(1.098_612, 1e-6),
        || {
            let call = Call::new("preference/reward", json!({}))?;
            let [score] = descend([0.0], 4.0, 200, |[score]| {
                let call = call.clone().with_list("chosen", &[score, score, score, 0.0]);
                let gradient = call.with_list("rejected", &[0.0, 0.0, 0.0, score]);
                let slopes = [gradient.gradient("chosen")?, gradient.gradient("rejected")?];
                Ok([slopes[0][..3].iter().sum::<f64>() + slopes[1][3]])
            })?;
            Ok(score)
        },
    ),
];

fn pairs(loss: &str, mut fields: Value) -> Result<Call, Error> {
    fields["reduction"] = "sum".into();
    Ok(Call::new(loss, fields)?.with_list("chosen", &CHOSEN).with_list("rejected", &REJECTED))
}
