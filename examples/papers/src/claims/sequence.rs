//! Labels that are not aligned with the steps.

use experiments::Error;
use serde_json::json;

use crate::call::{Call, difference, numbers};
use crate::claim::{Claim, Claimed, Paper};

const CTC: Paper = Paper { name: "Graves et al. 2006", id: "doi 10.1145/1143844.1143891" };
const RNNT: Paper = Paper { name: "Graves 2012", id: "arXiv 1211.3711" };

pub(crate) const CLAIMS: &[Claim] = &[
    Claim::new(
        "sequence/ctc",
        CTC,
        "as many steps as labels: the only alignment is the labels themselves",
        Claimed::IDENTITY,
        || {
            let logits = numbers(3 * 4, 51);
            let expected: f64 = [1, 3, 1].iter().zip(logits.chunks(4)).map(|(label, row)| -log_p(row, *label)).sum();
            Ok((ctc(&logits, 3, &[1, 3, 1])?.value()? - expected).abs())
        },
    ),
    Claim::new(
        "sequence/ctc",
        CTC,
        "four steps, the label 1, two classes: 10 of the 16 alignments say it, so the value is -ln(10 / 16)",
        Claimed::about(0.470_003_6, 1e-6),
        || ctc(&[0.0; 8], 4, &[1])?.value(),
    ),
    Claim::new(
        "sequence/ctc",
        CTC,
        "the slope of a logit is its probability minus that of its step given the labels",
        Claimed::IDENTITY,
        || {
            // Two steps and the label 1: the alignments are 11, 01 and 10.
            let logits = [0.3, -0.2, -0.5, 0.4];
            let p: Vec<f64> = logits.chunks(2).flat_map(|row| [0, 1].map(|class| log_p(row, class).exp())).collect();
            let all = p[1] * p[3] + p[0] * p[3] + p[1] * p[2];
            let given = [p[0] * p[3], p[1] * (p[2] + p[3]), p[1] * p[2], p[3] * (p[0] + p[1])].map(|sum| sum / all);
            let expected: Vec<f64> = p.iter().zip(given).map(|(p, given)| p - given).collect();
            Ok(difference(&ctc(&logits, 2, &[1])?.gradient("logits")?, &expected))
        },
    ),
    Claim::new(
        "sequence/rnnt",
        RNNT,
        "four steps and three labels: 20 paths of seven emissions, each with probability 1/2",
        Claimed::about(1.856_298, 1e-6),
        || {
            let call = Call::new("sequence/rnnt", json!({}))?.with("logits", &[0.0; 32], [1, 4, 4, 2]);
            let call = call.with_labels("labels", &[1, 1, 1], [1, 3]);
            call.with_labels("input_lengths", &[4], [1]).with_labels("label_lengths", &[3], [1]).value()
        },
    ),
];

fn log_p(row: &[f64], class: usize) -> f64 {
    row[class] - row.iter().map(|x| x.exp()).sum::<f64>().ln()
}

/// The loss of one sequence of logits.
fn ctc(logits: &[f64], steps: usize, labels: &[i64]) -> Result<Call, Error> {
    let call = Call::new("sequence/ctc", json!({}))?.with("logits", logits, [1, steps, logits.len() / steps]);
    let call = call.with_labels("labels", labels, [1, labels.len()]);
    let call = call.with_labels("input_lengths", &[steps as i64], [1]);
    Ok(call.with_labels("label_lengths", &[labels.len() as i64], [1]))
}
