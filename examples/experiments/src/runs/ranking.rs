//! A search for similar garments.

use burn::tensor::{Tensor, TensorData};
use burn::train::metric::LossMetric;
use burn_losses::LossConfig;
use burn_losses::ranking::{Gain, ndcg};
use burn_losses::train::NdcgMetric;

use super::{Chart, Figure, Outcome, figure, network, outputs};
use crate::Error;
use crate::config::RunConfig;
use crate::data::search::{LENGTH, WIDTH};
use crate::data::{self, ValueBatcher};
use crate::metrics;
use crate::model::Ranker;
use crate::training::{Setting, train};

/// The lengths of the beginning of a list for which NDCG is a figure.
const FIRST: [(usize, &str); 3] = [(1, "NDCG@1"), (5, "NDCG@5"), (LENGTH, "NDCG")];

/// Checks that a loss takes lists of scores, or scores alone.
pub(super) fn check(config: &LossConfig) -> Result<(), String> {
    match config {
        LossConfig::Ranking(_) | LossConfig::Regression(_) => Ok(()),
        other => Err(format!("the family of the loss is ranking or regression here, not {}", other.family())),
    }
}

pub(super) fn run(config: &RunConfig<LossConfig>, label: &str, setting: &Setting) -> Result<Outcome, Error> {
    let (split, training) = (data::search()?, config.training());
    let device = setting.training_device();
    let model = Ranker {
        network: network(training, WIDTH, 1, &device),
        loss: config.loss.try_init(&device).map_err(Error::new)?,
    };
    let (model, history) = train(model, label, training, &split, ValueBatcher, setting, |run| {
        run.metrics((LossMetric::new(),)).metric_valid_numeric(NdcgMetric::at(5))
    })?;

    let scores = outputs(&split.held_out, training.batch_size, &setting.device, |rows| model.scores(rows))?;
    let lists = |values: &[f32]| {
        let values = TensorData::new(values.to_vec(), [values.len() / LENGTH, LENGTH]);
        Tensor::<2>::from_data(values, &setting.device)
    };
    // Nearly all lists have a relevant candidate; the others count as 0 for all losses.
    let at = |scores: &[f32], first: usize| -> Result<f64, Error> {
        let values = ndcg(lists(scores), lists(split.held_out.targets()), Gain::Exponential, Some(first));
        Ok(metrics::mean(&values.try_into_vec_as::<f64>().map_err(Error::new)?))
    };
    let as_given: Vec<f32> = (0..scores.len()).map(|place| -((place % LENGTH) as f32)).collect();
    let given = figure("NDCG@5 as given", at(&as_given, 5)?);
    let figures = FIRST.iter().map(|&(first, name)| Ok(figure(name, at(&scores, first)?)));
    let points = (1..=LENGTH).map(|first| Ok((first as f64, at(&scores, first)?)));
    Ok(Outcome {
        history,
        figures: std::iter::once(Ok(given)).chain(figures).collect::<Result<Vec<Figure>, Error>>()?,
        chart: Some(Chart {
            title: "NDCG of the first candidates of held-out lists",
            x: "candidates",
            y: "NDCG",
            points: points.collect::<Result<_, Error>>()?,
        }),
        ..Outcome::default()
    })
}
