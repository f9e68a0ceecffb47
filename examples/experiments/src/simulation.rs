//! Boxes that move down the gradient of a loss: the simulation of the DIoU paper (Zheng et al. 2020,
//! [arXiv 1911.08287](https://arxiv.org/abs/1911.08287), section 3), with the gradients that Burn's autodiff gives.
//!
//! Seven targets of area 1 lie around one center. At every point around it, boxes of seven areas and seven shapes start
//! toward each of the targets: 343 cases per point. A step moves `(cx, cy, w, h)` of every box by `rate (2 - IoU)` times the
//! negative gradient of the box's own loss.

use std::f64::consts::PI;
use std::time::Instant;

use burn::tensor::{Device, Tensor, TensorData};
use burn_losses::boxes::{BoxFormat, BoxesLoss, BoxesLossConfig, IouLossConfig};
use serde::Serialize;

use crate::Error;

/// The steps of a full run.
pub const STEPS: usize = 200;
/// The center of all targets, in both directions.
const CENTER: f64 = 10.0;
/// The largest distance of the starting points from the center.
const REACH: f64 = 3.0;
const AREAS: [f64; 7] = [0.5, 0.67, 0.75, 1.0, 1.33, 1.5, 2.0];
/// Ratios of width to height; a box of area 1 has the square root of its ratio as its width.
const RATIOS: [f64; 7] = [0.25, 1.0 / 3.0, 0.5, 1.0, 2.0, 3.0, 4.0];
/// The number of cases per point.
pub const CASES: usize = AREAS.len() * RATIOS.len() * RATIOS.len();

/// The start and the target of the box in each case: `(cx, cy, w, h)`, with [`CASES`] rows per point.
#[derive(Debug, Clone)]
pub struct Cases {
    /// The points relative to the center: spread evenly over a disc, along a sunflower's spiral.
    pub points: Vec<(f64, f64)>,
    anchors: Vec<f32>,
    targets: Vec<f32>,
}

impl Cases {
    /// All cases for this many points.
    pub fn new(points: usize) -> Self {
        let point = |i: usize| {
            let radius = REACH * ((i as f64 + 0.5) / points as f64).sqrt();
            let angle = i as f64 * PI * (3.0 - 5f64.sqrt());
            (radius * angle.cos(), radius * angle.sin())
        };
        let points: Vec<(f64, f64)> = (0..points).map(point).collect();
        let (mut anchors, mut targets) = (Vec::new(), Vec::new());
        for (x, y) in &points {
            for (area, ratio) in AREAS.iter().flat_map(|area| RATIOS.map(|ratio| (area, ratio))) {
                for target in RATIOS {
                    let (w, h) = ((area * ratio).sqrt(), (area / ratio).sqrt());
                    anchors.extend([CENTER + x, CENTER + y, w, h].map(|v| v as f32));
                    targets.extend([CENTER, CENTER, target.sqrt(), (1.0 / target).sqrt()].map(|v| v as f32));
                }
            }
        }
        Self { points, anchors, targets }
    }

    /// The number of cases.
    pub fn count(&self) -> usize {
        self.anchors.len() / 4
    }

    fn tensor(&self, values: &[f32], device: &Device) -> Tensor<2> {
        Tensor::from_data(TensorData::new(values.to_vec(), [self.count(), 4]), device)
    }
}

/// Checks the config of a loss that boxes are to follow; the error says what is wrong.
pub fn check(config: &BoxesLossConfig) -> Result<(), String> {
    let settings = serde_json::to_value(config).map_err(|error| error.to_string())?;
    match settings["format"].as_str() {
        Some("cxcywh") => Ok(()),
        Some(_) => Err("boxes move as (cx, cy, w, h): the loss needs format = \"cxcywh\"".to_string()),
        None => Err(format!("{} is not a loss of two boxes", config.kind())),
    }
}

/// The results of a simulation. The error of a box is `|dx| + |dy| + |dw| + |dh|` from its target.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Simulated {
    /// The mean error at the start and after every step.
    pub errors: Vec<f64>,
    /// Each point relative to the center, and the mean error of its boxes at the end.
    pub map: Vec<(f64, f64, f64)>,
    /// How many boxes there were.
    pub boxes: usize,
    /// The duration of the steps, in seconds.
    pub seconds: f64,
}

/// Moves the boxes of all cases in one batch; also returns the mean loss before every step. The loss takes boxes as
/// `cxcywh`, which [`check`] makes sure of.
pub fn simulate(
    loss: &impl BoxesLoss,
    cases: &Cases,
    steps: usize,
    device: &Device,
) -> Result<(Simulated, Vec<f64>), Error> {
    let mut boxes = cases.tensor(&cases.anchors, device);
    let targets = cases.tensor(&cases.targets, device);
    let iou_loss = IouLossConfig::new().with_format(BoxFormat::Cxcywh).init(device);
    let error = |boxes: &Tensor<2>| (boxes.clone() - targets.clone()).abs().sum_dim(1);

    let (mut losses, mut errors) = (Vec::new(), to_host(error(&boxes).mean())?);
    let start = Instant::now();
    for step in 0..steps {
        let moving = boxes.clone().autodiff().require_grad();
        let values = loss.forward_no_reduction(moving.clone(), targets.clone().autodiff());
        let gradients = values.clone().sum().backward();
        let gradient = moving.grad(&gradients).ok_or_else(|| Error::new("the loss has no gradient"))?;
        let factor = iou_loss.forward_no_reduction(boxes.clone(), targets.clone()) + 1.0; // 2 - IoU
        boxes = boxes - gradient * factor.unsqueeze_dim(1) * rate(step);

        let means = to_host(Tensor::cat(vec![values.without_autodiff().mean(), error(&boxes).mean()], 0))?;
        losses.push(means[0]);
        errors.push(means[1]);
    }
    let seconds = start.elapsed().as_secs_f64();
    let last = to_host(error(&boxes).squeeze_dim(1))?;
    let means = last.chunks(CASES).map(|errors| errors.iter().sum::<f64>() / CASES as f64);
    let map = cases.points.iter().zip(means).map(|(&(x, y), error)| (x, y, error)).collect();
    Ok((Simulated { errors, map, boxes: cases.count(), seconds }, losses))
}

/// The learning rate of a step: a tenth of the initial one from step 160 on, a hundredth from step 180 on.
fn rate(step: usize) -> f64 {
    match step {
        0..160 => 0.1,
        160..180 => 0.01,
        _ => 0.001,
    }
}

fn to_host(tensor: Tensor<1>) -> Result<Vec<f64>, Error> {
    let data = tensor.try_into_data().map_err(Error::new)?;
    Ok(data.iter::<f64>().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn_losses::boxes::GiouLossConfig;

    #[test]
    fn the_cases_are_those_of_the_protocol() {
        let cases = Cases::new(60);
        assert_eq!((cases.count(), cases.points.len()), (20_580, 60));
        let (anchors, targets) = (cases.anchors.chunks(4), cases.targets.chunks(4));
        assert!(targets.clone().all(|t| t[..2] == [10.0, 10.0] && (t[2] * t[3] - 1.0).abs() < 1e-6));
        let distance = |a: &[f32]| (a[0] - 10.0).hypot(a[1] - 10.0);
        assert!(anchors.clone().all(|a| distance(a) <= 3.0));
        // In the first case, point 0 lies to the right, the area is 1/2, and the ratio of box and target is 1/4.
        let root = 0.5f32.sqrt();
        let expected = [10.0 + 3.0 * (0.5f32 / 60.0).sqrt(), 10.0, 0.5 * root, 2.0 * root];
        assert!(cases.anchors.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6));
        assert_eq!(cases.targets[2..4], [0.5, 2.0]);
        // The error before the first step was computed with NumPy.
        let error = |(a, t): (&[f32], &[f32])| a.iter().zip(t).map(|(a, t)| f64::from((a - t).abs())).sum::<f64>();
        let mean = anchors.zip(targets).map(error).sum::<f64>() / 20_580.0;
        assert!((mean - 3.871138).abs() < 1e-5, "{mean}");
    }

    #[test]
    fn a_step_brings_boxes_nearer() {
        let device = Device::flex();
        let loss = GiouLossConfig::new().with_format(BoxFormat::Cxcywh).init(&device);
        let (result, losses) = simulate(&loss, &Cases::new(1), 1, &device).unwrap();
        assert_eq!((result.errors.len(), losses.len(), result.map.len(), result.boxes), (2, 1, 1, 343));
        assert!(result.errors[1] < result.errors[0]);
        assert!((result.map[0].2 - result.errors[1]).abs() < 1e-5);
    }

    #[test]
    fn other_formats_are_refused() {
        let config = |text: &str| serde_json::from_str::<BoxesLossConfig>(text).unwrap();
        assert_eq!(check(&config(r#"{"kind": "giou", "format": "cxcywh"}"#)), Ok(()));
        assert!(check(&config(r#"{"kind": "giou"}"#)).unwrap_err().contains("cxcywh"));
        assert!(check(&config(r#"{"kind": "distribution_focal"}"#)).unwrap_err().contains("distribution_focal"));
    }
}
