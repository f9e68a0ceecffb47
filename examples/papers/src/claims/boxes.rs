//! Boxes: the simulation of the DIoU paper, and what overlaps and Gaussians do.

use burn::tensor::Device;
use burn_losses::boxes::BoxesLossConfig;
use experiments::Error;
use experiments::simulation::{Cases, simulate};
use serde_json::{Value, json};

use crate::call::{Call, descend, difference};
use crate::claim::{Claim, Claimed, Paper};

const DIOU: Paper = Paper { name: "Zheng et al. 2020", id: "arXiv 1911.08287" };
const GIOU: Paper = Paper { name: "Rezatofighi et al. 2019", id: "arXiv 1902.09630" };
const EIOU: Paper = Paper { name: "Zhang et al. 2021", id: "arXiv 2101.08158" };
const NWD: Paper = Paper { name: "Wang et al. 2021", id: "arXiv 2110.13389" };
const PROB_IOU: Paper = Paper { name: "Llerena et al. 2021", id: "arXiv 2106.06072" };
const KLD: Paper = Paper { name: "Yang et al. 2021", id: "arXiv 2106.01883" };

/// The steps of the simulation.
const STEPS: usize = 50;

/// The result of the same simulation in NumPy, with true gradients in double precision.
const fn simulated(error: f64) -> Claimed {
    Claimed::about(error, 1e-3)
}

pub(crate) const CLAIMS: &[Claim] = &[
    Claim::new(
        "boxes/iou",
        DIOU,
        "boxes that are apart do not move: mean error after 50 steps of the simulation",
        simulated(3.52049),
        || error(json!({ "kind": "iou" })),
    )
    .long(),
    Claim::new("boxes/giou", DIOU, "the same with generalized IoU", simulated(1.13391), || {
        error(json!({ "kind": "giou" }))
    })
    .long(),
    Claim::new("boxes/diou", DIOU, "the same with distance IoU", simulated(1.66026), || {
        error(json!({ "kind": "diou" }))
    })
    .long(),
    Claim::new("boxes/ciou", DIOU, "the same with complete IoU", simulated(1.44661), || {
        error(json!({ "kind": "ciou", "alpha_gradient": "detached" }))
    })
    .long(),
    Claim::new(
        "boxes/ciou",
        DIOU,
        "the gradient of the aspect ratio times w^2 + h^2 is faster",
        simulated(1.30181),
        || error(json!({ "kind": "ciou", "alpha_gradient": "detached", "aspect_gradient": "scaled" })),
    )
    .long(),
    Claim::new("boxes/eiou", EIOU, "efficient IoU is faster than complete IoU", simulated(1.15643), || {
        error(json!({ "kind": "eiou" }))
    })
    .long(),
    Claim::new(
        "boxes/giou",
        GIOU,
        "the loss of boxes that are apart tends to 2",
        Claimed::Number { value: 2.0, within: 1e-5 },
        || value("boxes/giou", json!({}), &[0.0, 0.0, 1.0, 1.0], &[1e6, 1e6, 1e6 + 1.0, 1e6 + 1.0]),
    ),
    Claim::new("boxes/iou", NWD, "a box of 6 pixels that is off by 1: IoU 0.53", Claimed::about(0.53, 0.01), || {
        overlap(6.0, 1.0)
    }),
    Claim::new("boxes/iou", NWD, "off by 4: IoU 0.06", Claimed::about(0.06, 0.03), || overlap(6.0, 4.0)),
    Claim::new("boxes/iou", NWD, "a box of 36 pixels that is off by 1: IoU 0.90", Claimed::about(0.90, 0.01), || {
        overlap(36.0, 1.0)
    }),
    Claim::new("boxes/iou", NWD, "off by 4: IoU 0.65", Claimed::about(0.65, 0.01), || overlap(36.0, 4.0)),
    Claim::new(
        "boxes/prob_iou",
        PROB_IOU,
        "gradient descent finds the angle of a box: what is left of 0.6 radians",
        Claimed::Number { value: 0.0, within: 1e-6 },
        angle_left,
    ),
    Claim::new(
        "boxes/gaussian_distance",
        KLD,
        "the Kullback-Leibler divergence does not depend on the scale of the boxes",
        Claimed::IDENTITY,
        change_with_scale,
    ),
];

/// The mean error of all boxes of the simulation.
fn error(mut fields: Value) -> Result<f64, Error> {
    const POINTS: usize = 60;
    fields["format"] = "cxcywh".into();
    let config: BoxesLossConfig = serde_json::from_value(fields).map_err(Error::new)?;
    let device = Device::flex();
    let loss = config.init(&device.clone().autodiff());
    let (result, _) = simulate(&loss, &Cases::new(POINTS), STEPS, &device)?;
    Ok(result.errors[STEPS])
}

fn value(loss: &str, fields: Value, prediction: &[f64], target: &[f64]) -> Result<f64, Error> {
    let row = |numbers: &[f64]| [1, numbers.len()];
    let call = Call::new(loss, fields)?.with("predictions", prediction, row(prediction));
    call.with("targets", target, row(target)).value()
}

/// The IoU of a square box with itself, moved along the diagonal.
fn overlap(side: f64, off: f64) -> Result<f64, Error> {
    let moved = [off, off, side + off, side + off];
    Ok(1.0 - value("boxes/iou", json!({}), &moved, &[0.0, 0.0, side, side])?)
}

fn angle_left() -> Result<f64, Error> {
    const TARGET: [f64; 5] = [0.0, 0.0, 4.0, 1.0, 0.3];
    let call = Call::new("boxes/prob_iou", json!({ "form": "bhattacharyya" }))?.with("targets", &TARGET, [1, 5]);
    let [angle] = descend([0.9], 0.2, 500, |[angle]| {
        let gradient =
            call.clone().with("predictions", &[0.0, 0.0, 4.0, 1.0, angle], [1, 5]).gradient("predictions")?;
        Ok([gradient[4]])
    })?;
    Ok((angle - TARGET[4]).abs())
}

fn change_with_scale() -> Result<f64, Error> {
    let at = |scale: f64| {
        let scaled = |mut numbers: [f64; 5]| {
            numbers[..4].iter_mut().for_each(|number| *number *= scale);
            numbers
        };
        let fields = json!({ "distance": "kld", "transform": "none", "tau": 0.0 });
        let (prediction, target) = (scaled([1.0, 2.0, 4.0, 1.0, 0.2]), scaled([1.5, 1.0, 3.0, 2.0, 0.9]));
        value("boxes/gaussian_distance", fields, &prediction, &target)
    };
    let values = [1.0, 0.01, 100.0].map(at).into_iter().collect::<Result<Vec<_>, _>>()?;
    Ok(difference(&values[1..], &[values[0]; 2]) / values[0])
}
