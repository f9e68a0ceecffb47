//! Losses of regions that contain others.

use experiments::Error;
use serde_json::{Value, json};

use crate::call::{Call, difference, numbers};
use crate::claim::{Claim, Claimed, Paper};

const TVERSKY: Paper = Paper { name: "Salehi et al. 2017", id: "arXiv 1706.05721" };
const LOVASZ: Paper = Paper { name: "Berman et al. 2018", id: "arXiv 1705.08790" };

pub(crate) const CLAIMS: &[Claim] = &[
    Claim::new("segmentation/tversky", TVERSKY, "both weights 0.5: the Dice loss", Claimed::IDENTITY, || {
        let (soft, masks) = images();
        apart(&soft, &masks, tversky(0.5), ("segmentation/dice", json!({ "smooth": 0.0, "activation": "none" })))
    }),
    Claim::new("segmentation/tversky", TVERSKY, "both weights 1: the Jaccard loss", Claimed::IDENTITY, || {
        let (soft, masks) = images();
        apart(&soft, &masks, tversky(1.0), ("segmentation/jaccard", json!({ "smooth": 0.0, "activation": "none" })))
    }),
    Claim::new(
        "segmentation/lovasz",
        LOVASZ,
        "of hard predictions it is the Jaccard loss itself",
        Claimed::IDENTITY,
        || {
            let (soft, masks) = images();
            let hard: Vec<f64> = soft.iter().map(|p| p.round()).collect();
            let lovasz = json!({ "activation": "none", "over": "sample", "absent_classes": "count" });
            let jaccard = json!({ "smooth": 0.0, "activation": "none" });
            apart(&hard, &masks, ("segmentation/lovasz", lovasz), ("segmentation/jaccard", jaccard))
        },
    ),
];

/// The number of images, classes and pixels.
const SHAPE: [usize; 3] = [4, 3, 60];

/// Probabilities and masks, always the same.
fn images() -> (Vec<f64>, Vec<f64>) {
    let count = SHAPE.iter().product();
    let soft = numbers(count, 11).iter().map(|x| (x + 1.0) / 2.0).collect();
    let masks = numbers(count, 12).iter().map(|x| f64::from(*x > 0.3)).collect();
    (soft, masks)
}

fn tversky(weight: f64) -> (&'static str, Value) {
    let fields = json!({ "fp_weight": weight, "fn_weight": weight, "smooth": 0.0, "activation": "none" });
    ("segmentation/tversky", fields)
}

/// The largest difference between the values of two losses.
fn apart(predicted: &[f64], masks: &[f64], first: (&str, Value), second: (&str, Value)) -> Result<f64, Error> {
    let values = |(loss, fields): (&str, Value)| {
        Call::new(loss, fields)?.with("probabilities", predicted, SHAPE).with("masks", masks, SHAPE).values()
    };
    Ok(difference(&values(first)?, &values(second)?))
}
