//! One step on several devices, written by hand: the gradients are those of one device with all rows.
//!
//! Burn's learner does the same in a step: it makes replicas by `fork`, moves the gradients to the first device, and adds them
//! up there. In between, the loss gets what it needs from all workers: tensors move from device to device, between remote
//! processes directly, and gradients flow back.

use burn::module::Module;
use burn::optim::{GradientsAccumulator, GradientsParams};
use burn::tensor::{Device, Tensor};
use burn_losses::metric::{NtXentLoss, NtXentLossConfig};
use burn_losses::prelude::*;

use crate::Comparison;
use crate::data::{Shard, steps};
use crate::model::Classifier;

/// How many rows each worker has.
const ROWS: usize = 24;

/// Cross-entropy with ignored rows, of which each worker has a different share. The counts are added up on the devices without
/// being read, and all workers divide by their sum.
pub(crate) fn unequal_counts(devices: &[Device]) -> Result<Comparison, String> {
    let (model, shards) = (start(), shards(devices.len()));
    let step = |shards: &[Shard], devices: &[Device], global: bool| {
        let replicas = replicas(&model, devices);
        let values: Vec<_> = replicas
            .iter()
            .zip(shards)
            .zip(devices)
            .map(|((replica, shard), device)| {
                let batch = shard.batch(&device.clone().autodiff());
                replica.loss.forward_unreduced(replica.logits(batch.inputs), batch.labels, Extras::new())
            })
            .collect();
        let counts = || values.iter().map(|values| values.count().to_device(&devices[0]));
        let total = counts().reduce(|sum, count| sum + count).expect("at least one device");
        let workers = devices.len() as f64;
        let mut accumulator = GradientsAccumulator::new();
        for ((replica, values), device) in replicas.iter().zip(&values).zip(devices) {
            let divisor = match global {
                true => total.clone().to_device(device),
                // This gives the mean of the workers' means.
                false => values.count() * workers,
            };
            let loss = model.loss.reduction().reduce(values.clone(), None, Some(divisor.into()));
            let gradients = GradientsParams::from_grads(loss.backward(), replica);
            accumulator.accumulate(&model, gradients.to_device(&devices[0], &model));
        }
        model.gradient(&accumulator.grads())
    };
    let expected = step(&[Shard::merged(&shards)], &[Device::flex()], true);
    Ok(Comparison::new(&step(&shards, devices, true), &step(&shards, devices, false), &expected))
}

/// NT-Xent, where every row of the batch is a negative of the others. The embeddings of all workers are moved to the first
/// device, which computes the loss. Only embeddings move, and their gradients move back.
pub(crate) fn negatives_of_all(devices: &[Device]) -> Result<Comparison, String> {
    let (model, shards) = (start(), shards(devices.len()));
    let nt_xent: NtXentLoss = NtXentLossConfig::new().init(&devices[0]);
    let step = |shards: &[Shard], devices: &[Device], global: bool| {
        let replicas = replicas(&model, devices);
        let views: Vec<_> = replicas
            .iter()
            .zip(shards)
            .zip(devices)
            .map(|((replica, shard), device)| {
                let batch = shard.batch(&device.clone().autodiff());
                (replica.embed(batch.inputs), batch.classes)
            })
            .collect();
        let loss = match global {
            true => {
                let (embeddings, classes): (Vec<_>, Vec<_>) = views
                    .into_iter()
                    .map(|(embeddings, classes)| (embeddings.to_device(&devices[0]), classes.to_device(&devices[0])))
                    .unzip();
                nt_xent.forward(Tensor::cat(embeddings, 0), Tensor::cat(classes, 0))
            }
            false => {
                let workers = devices.len() as f64;
                let losses = views
                    .into_iter()
                    .map(|(embeddings, classes)| nt_xent.forward(embeddings, classes).to_device(&devices[0]) / workers);
                losses.reduce(|sum, loss| sum + loss).expect("at least one device")
            }
        };
        let mut gradients = loss.backward();
        let mut accumulator = GradientsAccumulator::new();
        for replica in &replicas {
            let own = GradientsParams::from_module(&mut gradients, replica);
            accumulator.accumulate(&model, own.to_device(&devices[0], &model));
        }
        model.gradient(&accumulator.grads())
    };
    let expected = step(&[Shard::merged(&shards)], &[Device::flex()], true);
    Ok(Comparison::new(&step(&shards, devices, true), &step(&shards, devices, false), &expected))
}

fn start() -> Classifier {
    let device = Device::flex();
    device.seed(1);
    Classifier::new(&device.autodiff())
}

fn shards(workers: usize) -> Vec<Shard> {
    steps(1, workers, ROWS).remove(0)
}

fn replicas(model: &Classifier, devices: &[Device]) -> Vec<Classifier> {
    devices.iter().map(|device| model.clone().fork(&device.clone().autodiff())).collect()
}
