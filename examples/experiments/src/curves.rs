//! A loss as a curve: its value and its gradient along one prediction, as Burn's autodiff gives them.

use burn::tensor::{Device, Int, Tensor, TensorData};
use burn_losses::prelude::*;
use serde::Serialize;

use crate::Error;

/// How far the curves reach on both sides of zero.
pub const REACH: f64 = 6.0;
const POINTS: usize = 241;

/// Value and gradient at evenly spaced predictions.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Curve {
    /// The predictions: prediction minus target for regression and boxes, else a logit.
    pub at: Vec<f64>,
    /// The loss at each prediction.
    pub value: Vec<f64>,
    /// The derivative of the loss at each prediction.
    pub gradient: Vec<f64>,
}

/// The curve of a regression loss over the prediction's error.
pub fn regression(config: &RegressionLossConfig, device: &Device) -> Result<Curve, Error> {
    let device = device.clone().autodiff();
    let at = grid(&device);
    let targets = at.clone().detach().zeros_like();
    let values = config.init(&device).forward_no_reduction(at.clone(), targets);
    curve(at, values)
}

/// The curve of a binary loss over the logit of a positive row.
///
/// The batch holds equally many negatives with the same logits, since some losses weight a class by its share of the batch.
pub fn binary(config: &BinaryLossConfig, device: &Device) -> Result<Curve, Error> {
    let device = device.clone().autodiff();
    let at = grid(&device);
    let zeros = at.clone().detach().zeros_like();
    let values = config.init(&device).forward_no_reduction(
        Tensor::cat(vec![at.clone(), at.clone().detach()], 0),
        Tensor::cat(vec![zeros.ones_like(), zeros], 0),
    );
    curve(at, values.narrow(0, 0, POINTS))
}

/// The curve of a classification loss over the label's logit, with the other logits at zero.
pub fn classification(config: &ClassificationLossConfig, classes: usize, device: &Device) -> Result<Curve, Error> {
    let device = device.clone().autodiff();
    let at = grid(&device);
    let others = Tensor::zeros([POINTS, classes - 1], &device);
    let labels = Tensor::<1, Int>::zeros([POINTS], &device);
    let logits = Tensor::cat(vec![at.clone(), others], 1);
    let values = config.init(&device).forward_no_reduction(logits, labels);
    curve(at, values.reshape([POINTS, 1]))
}

/// The curve of a box loss over the offset of a box of size 2 x 2 from its target, which has the same size.
pub fn boxes(config: &BoxesLossConfig, device: &Device) -> Result<Curve, Error> {
    let device = device.clone().autodiff();
    let at = grid(&device);
    let rest = Tensor::<2>::from_floats([[0.0, 2.0, 2.0]], &device).repeat_dim(0, POINTS);
    let targets = Tensor::cat(vec![at.clone().detach().zeros_like(), rest.clone()], 1);
    let values = config.init(&device).forward_no_reduction(Tensor::cat(vec![at.clone(), rest], 1), targets);
    curve(at, values.unsqueeze_dim(1))
}

fn grid(device: &Device) -> Tensor<2> {
    let step = 2.0 * REACH / (POINTS - 1) as f64;
    let points: Vec<f32> = (0..POINTS).map(|i| (i as f64 * step - REACH) as f32).collect();
    Tensor::from_data(TensorData::new(points, [POINTS, 1]), device).require_grad()
}

fn curve(at: Tensor<2>, values: Tensor<2>) -> Result<Curve, Error> {
    let gradients = values.clone().sum().backward();
    let gradient = at.grad(&gradients).ok_or_else(|| Error::new("the loss has no gradient"))?;
    Ok(Curve { at: to_host(at)?, value: to_host(values)?, gradient: to_host(gradient)? })
}

fn to_host(tensor: Tensor<2>) -> Result<Vec<f64>, Error> {
    let data = tensor.try_into_data().map_err(Error::new)?;
    Ok(data.iter::<f64>().collect())
}
