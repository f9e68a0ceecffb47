//! Rows of three classes of points, and their shards.

use burn::data::dataloader::batcher::Batcher;
use burn::tensor::{DType, Device, Int, Tensor, TensorData};

/// The label of rows that do not count.
pub(crate) const IGNORED: i64 = -1;
/// How many numbers a row has.
pub(crate) const WIDTH: usize = 4;
/// How many classes there are.
pub(crate) const CLASSES: usize = 3;

/// The rows of one worker in a step, and how many rows of the whole step count.
#[derive(Debug, Clone)]
pub(crate) struct Shard {
    inputs: Vec<f32>,
    classes: Vec<i32>,
    labels: Vec<i32>,
    /// How many rows of all workers count. The code that makes the shards knows the labels, so no worker has to send its count.
    pub(crate) step_count: usize,
}

impl Shard {
    /// How many rows of this shard count.
    pub(crate) fn count(&self) -> usize {
        self.labels.iter().filter(|&&label| i64::from(label) != IGNORED).count()
    }

    /// All rows of a step in one shard.
    pub(crate) fn merged(shards: &[Self]) -> Self {
        Self {
            inputs: shards.iter().flat_map(|shard| shard.inputs.clone()).collect(),
            classes: shards.iter().flat_map(|shard| shard.classes.clone()).collect(),
            labels: shards.iter().flat_map(|shard| shard.labels.clone()).collect(),
            step_count: shards[0].step_count,
        }
    }

    /// The shard as if there were no other worker. The count has the factor `workers`, since gradients are added up.
    pub(crate) fn alone(&self, workers: usize) -> Self {
        Self { step_count: self.count() * workers, ..self.clone() }
    }

    pub(crate) fn batch(&self, device: &Device) -> Batch {
        let rows = self.labels.len();
        // The type is the same everywhere; by default each device has its own integer type.
        let options = (device, DType::I32);
        let integers = |numbers: &[i32]| Tensor::from_data(TensorData::new(numbers.to_vec(), [rows]), options);
        Batch {
            inputs: Tensor::from_data(TensorData::new(self.inputs.clone(), [rows, WIDTH]), device),
            classes: integers(&self.classes),
            labels: integers(&self.labels),
            step_count: self.step_count,
        }
    }
}

/// A shard on its device.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    pub(crate) inputs: Tensor<2>,
    /// The class of each row.
    pub(crate) classes: Tensor<1, Int>,
    /// The class of each row, or [`IGNORED`].
    pub(crate) labels: Tensor<1, Int>,
    pub(crate) step_count: usize,
}

/// Makes a [`Batch`] of one shard: a data loader with batches of one.
#[derive(Debug, Clone)]
pub(crate) struct OneShard;

impl Batcher<Shard, Batch> for OneShard {
    fn batch(&self, shards: Vec<Shard>, device: &Device) -> Batch {
        Shard::merged(&shards).batch(device)
    }
}

/// The shards of some steps, `[step][worker]`, of `rows` rows each. Most rows of the first worker count, but few of the last.
pub(crate) fn steps(steps: usize, workers: usize, rows: usize) -> Vec<Vec<Shard>> {
    let mut random = Numbers(7);
    (0..steps)
        .map(|_| {
            let mut shards: Vec<Shard> = (0..workers).map(|worker| shard(&mut random, worker, rows)).collect();
            let step_count = shards.iter().map(Shard::count).sum();
            shards.iter_mut().for_each(|shard| shard.step_count = step_count);
            shards
        })
        .collect()
}

fn shard(random: &mut Numbers, worker: usize, rows: usize) -> Shard {
    let mut shard = Shard { inputs: Vec::new(), classes: Vec::new(), labels: Vec::new(), step_count: 0 };
    for row in 0..rows {
        let class = row % CLASSES;
        shard.inputs.extend((0..WIDTH).map(|i| random.next() + if i == class { 1.0 } else { 0.0 }));
        shard.classes.push(class as i32);
        let counts = worker == 0 || row < rows / 4;
        shard.labels.push(if counts { class as i32 } else { IGNORED as i32 });
    }
    shard
}

/// Numbers in [-1, 1) that look random and are the same everywhere.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }
}
