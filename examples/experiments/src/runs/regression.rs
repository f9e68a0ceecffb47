//! A straight line through real outliers, or real heteroscedasticity.

use burn::tensor::{Tensor, TensorData};
use burn::train::metric::LossMetric;
use burn_losses::prelude::*;
use burn_losses::train::QuantileCoverageMetric;

use super::{FittedLine, Outcome, figure, outputs};
use crate::Error;
use crate::config::RunConfig;
use crate::data::{LineData, Samples, Scaling, Split, ValueBatcher};
use crate::model::{Mlp, Regressor};
use crate::training::{Setting, train};
use crate::{curves, metrics};

pub(super) fn run(config: &RunConfig<RegressionLossConfig>, label: &str, setting: &Setting) -> Result<Outcome, Error> {
    let line = config.line();
    let points = LineData::load(line.set)?;
    let scaling = Scaling::new(&points, line.scale);
    let samples = points.samples(&scaling);
    let (bias, weight) = scaling.to_scaled((line.start_intercept, line.start_slope));

    let device = setting.training_device();
    let model = Regressor { network: Mlp::line(bias, weight, &device), loss: config.loss.init(&device) };
    let split = Split {
        train: samples.clone(),
        held_out: samples.clone(), // a line is fitted to all points
    };
    let (model, history) = train(model, label, config.training(), &split, ValueBatcher, setting, |run| {
        let run = run.metrics((LossMetric::new(),));
        match &config.loss {
            RegressionLossConfig::Quantile(quantile) => {
                run.metric_train_numeric(QuantileCoverageMetric::new(quantile.tau))
            }
            _ => run,
        }
    })?;

    // Two points determine the line that was learned.
    let probe = Samples::new(1, vec![0.0, 1.0], vec![0.0, 0.0]);
    let at = outputs(&probe, 2, &setting.device, |rows| model.network.forward(rows))?;
    let (bias, weight) = (f64::from(at[0]), f64::from(at[1]) - f64::from(at[0]));
    let fitted = scaling.to_line((bias, weight));

    let predictions = model.network.forward(Tensor::from_data(samples.to_data(), &setting.device));
    let targets = TensorData::new(samples.targets().to_vec(), [samples.targets().len(), 1]);
    let objective = model
        .loss
        .forward(predictions, Tensor::from_data(targets, &setting.device))
        .try_into_scalar::<f32>()
        .map_err(Error::new)?;

    let mut figures =
        vec![figure("intercept", fitted.0), figure("slope", fitted.1), figure("mean loss", objective.into())];
    if let RegressionLossConfig::Quantile(quantile) = &config.loss {
        let pinball = metrics::pinball(&points.x, &points.y, fitted, quantile.tau);
        figures.push(figure("pinball", pinball));
    }
    let below = metrics::share_below(&points.x, &points.y, fitted);
    figures.push(figure("share below", below));
    Ok(Outcome {
        history,
        figures,
        curve: Some(curves::regression(&config.loss, &setting.device)?),
        line: Some(FittedLine { set: line.set, intercept: fitted.0, slope: fitted.1 }),
        ..Outcome::default()
    })
}
