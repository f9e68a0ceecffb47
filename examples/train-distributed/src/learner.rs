//! Whole trainings with Burn's learner: `ExecutionStrategy::multi` on several devices against one device with all rows.
//!
//! In a step every worker takes its own shard, the learner adds up their gradients, and the optimizer takes one step. The data
//! loader therefore has to hand out shards that belong together: its rows are the shards, those of the first worker first. Burn
//! splits them into equal parts, one per worker, and takes one shard from each part at a time.

use std::path::PathBuf;

use burn::data::dataloader::DataLoaderBuilder;
use burn::data::dataset::InMemDataset;
use burn::optim::SgdConfig;
use burn::tensor::Device;
use burn::train::{ExecutionStrategy, Learner, MultiDeviceOptim, SupervisedTraining};

use crate::Comparison;
use crate::data::{OneShard, Shard, steps};
use crate::model::Classifier;
use crate::quiet::Quiet;

const STEPS: usize = 5;
const EPOCHS: usize = 2;
const ROWS: usize = 24;
const LEARNING_RATE: f64 = 0.5;

/// Compares the parameters after a training on these devices with those after the same training on one.
pub(crate) fn multi(devices: &[Device], sharded: bool) -> Result<Comparison, String> {
    let optimizer = if sharded { MultiDeviceOptim::OptimSharded } else { MultiDeviceOptim::OptimMainDevice };
    let workers = devices.len();
    let steps = steps(STEPS, workers, ROWS);
    let start = {
        let device = Device::flex();
        device.seed(2);
        Classifier::new(&device.autodiff())
    };
    // The shards are sorted by worker, then by step.
    let shards = |of: fn(&Shard, usize) -> Shard| -> Vec<Shard> {
        (0..workers).flat_map(|worker| steps.iter().map(move |step| of(&step[worker], workers))).collect()
    };
    let on_all = |shards| {
        let devices = devices.iter().map(|device| device.clone().autodiff()).collect();
        train(&start, shards, ExecutionStrategy::multi(devices, optimizer))
    };
    let right = on_all(shards(|shard, _| shard.clone()))?;
    let alone = on_all(shards(Shard::alone))?;
    let merged = steps.iter().map(|step| Shard::merged(step)).collect();
    let expected = train(&start, merged, ExecutionStrategy::single(Device::flex().autodiff()))?;
    if Comparison::new(&expected, &start.numbers(), &expected).alone < crate::WRONG {
        return Err("the training has hardly moved the parameters".to_string());
    }
    Ok(Comparison::new(&right, &alone, &expected))
}

fn train(start: &Classifier, shards: Vec<Shard>, strategy: ExecutionStrategy) -> Result<Vec<f32>, String> {
    let device = strategy.main_device().clone();
    // Forks of a model share state with the original too, so each training has an original of its own.
    let model = {
        use burn::module::Module;
        Classifier::new(&device).load_record(start.clone().into_record())
    };
    let loader = |shards| DataLoaderBuilder::new(OneShard).batch_size(1).build(InMemDataset::new(shards));
    let folder = Folder::new();
    let held_out = loader(shards[..1].to_vec());
    let result = SupervisedTraining::new(&folder.0, loader(shards), held_out)
        .num_epochs(EPOCHS)
        .with_application_logger(None)
        .renderer(Box::new(Quiet))
        .with_training_strategy(strategy.into())
        .launch(Learner::new(model, SgdConfig::new().init(), LEARNING_RATE));
    match result.error {
        Some(error) => Err(format!("the training failed: {error}")),
        None => Ok(result.model.numbers()),
    }
}

/// A folder that the learner may write to; it is removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        Self(std::env::temp_dir().join(format!("burn-losses-train-distributed-{}", std::process::id())))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // The folder may never have been created.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
