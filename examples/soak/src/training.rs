//! A small model with a joint loss, its optimizer, and what each step took.

use std::error::Error;
use std::fmt;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Instant;

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::optim::{AdamConfig, GradientsParams, ModuleOptimizer};
use burn::tensor::{Device, Distribution, Int, Tensor, TensorData, activation::tanh};
use burn_losses::composition::{JointLoss, JointLossConfig};
use burn_losses::config::{Format, from_str};

use crate::ALLOCATOR;

/// The config of the loss.
pub(crate) const LOSS: &str = include_str!("../loss.toml");
/// The files of a checkpoint.
pub(crate) const MODEL: &str = "model.bpk";
pub(crate) const OPTIMIZER: &str = "optimizer.bpk";
const INPUTS: usize = 16;
const ROWS: usize = 64;
const CLASSES: usize = 10;
const RATE: f64 = 1e-3;
/// After so many steps the batches come again.
const BATCHES: usize = 64;

/// Embeddings, logits of ten classes, a logit of whether the class is odd, and the loss.
#[derive(Module, Debug)]
struct Model {
    embed: Linear,
    classify: Linear,
    odd: Linear,
    loss: JointLoss,
}

impl Model {
    fn new(loss: &str, device: &Device) -> Result<Self, Box<dyn Error>> {
        let config: JointLossConfig = from_str(loss, Format::Toml)?;
        Ok(Self {
            embed: LinearConfig::new(INPUTS, 8).init(device),
            classify: LinearConfig::new(8, CLASSES).init(device),
            odd: LinearConfig::new(8, 1).init(device),
            loss: config.try_init(device)?,
        })
    }

    fn value(&self, inputs: Tensor<2>, labels: Tensor<1, Int>) -> Tensor<1> {
        let embeddings = self.embed.forward(inputs);
        let features = tanh(embeddings.clone());
        let is_odd = (labels.clone() % 2).float().unsqueeze_dim::<2>(1);
        let (classes, odd) = (self.classify.forward(features.clone()), self.odd.forward(features));
        let joint = self.loss.combine([
            ("classes", self.loss.classification("classes").forward(classes, labels.clone())),
            ("odd", self.loss.binary("odd").forward(odd, is_odd)),
            ("center", self.loss.metric("center").forward(embeddings, labels)),
            ("penalty", self.loss.regularizer("penalty").forward(self)),
        ]);
        joint.total
    }
}

/// A training that can be saved and resumed.
pub(crate) struct Run {
    model: Model,
    optimizer: ModuleOptimizer,
    /// How many steps are done: the batches depend on it.
    pub(crate) step: usize,
    batches: Vec<Tensor<2>>,
    labels: Tensor<1, Int>,
    device: Device,
}

impl Run {
    /// A training that begins.
    pub(crate) fn new(loss: &str) -> Result<Self, Box<dyn Error>> {
        let device = Device::flex().autodiff();
        device.seed(1);
        let labels = Tensor::arange(0..ROWS as i64, &device) % CLASSES as i64;
        let (batches, model, optimizer) = (batches(&device), Model::new(loss, &device)?, AdamConfig::new().init());
        Ok(Self { model, optimizer, step: 0, batches, labels, device })
    }

    /// Writes the model with the state of its loss, and the optimizer, into a folder beside the earlier checkpoints. The folder has
    /// its name only when it is whole.
    pub(crate) fn save(&self, checkpoints: &Path) -> Result<PathBuf, Box<dyn Error>> {
        let partial = checkpoints.join("partial");
        if partial.exists() {
            fs::remove_dir_all(&partial)?;
        }
        fs::create_dir_all(&partial)?;
        self.model.clone().save_file(partial.join(MODEL)).map_err(|error| of_file(&partial.join(MODEL), error))?;
        self.optimizer.save(partial.join(OPTIMIZER)).map_err(|error| of_file(&partial.join(OPTIMIZER), error))?;
        let whole = checkpoints.join(format!("{:08}", self.step));
        fs::rename(partial, &whole)?;
        Ok(whole)
    }

    /// The training that [`save`](Self::save) has written; the new model begins with weights that are drawn later.
    pub(crate) fn resume(checkpoint: &Path, loss: &str) -> Result<Self, Box<dyn Error>> {
        let mut run = Self::new(loss)?;
        let (model, optimizer) = (checkpoint.join(MODEL), checkpoint.join(OPTIMIZER));
        let new = Model::new(loss, &run.device)?;
        run.model = new.try_load_file(&model).map_err(|error| of_file(&model, error))?;
        run.optimizer = run.optimizer.load(&optimizer).map_err(|error| of_file(&optimizer, error))?;
        let name = checkpoint.file_name().unwrap_or_default().to_string_lossy();
        run.step = name.parse().map_err(|error| of_file(checkpoint, error))?;
        Ok(run)
    }

    /// Takes some steps.
    pub(crate) fn train(&mut self, steps: usize, trained: &mut Trained) -> Result<(), Box<dyn Error>> {
        for _ in 0..steps {
            let start = Instant::now();
            let inputs = self.batches[self.step % BATCHES].clone();
            let value = self.model.value(inputs, self.labels.clone());
            trained.losses.push(value.clone().try_into_scalar::<f32>()?);
            let gradients = GradientsParams::from_grads(value.backward(), &self.model);
            self.model = self.optimizer.step(RATE, self.model.clone(), gradients);
            self.step += 1;
            trained.seconds.push(start.elapsed().as_secs_f32());
            trained.used.push(ALLOCATOR.current_usage());
        }
        Ok(())
    }
}

fn of_file(path: &Path, error: impl fmt::Display) -> String {
    format!("{}: {error}", path.display())
}

/// The newest checkpoint of a folder that has one.
pub(crate) fn newest(checkpoints: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(checkpoints).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    entries.filter(|path| path.file_name().is_some_and(|name| name != "partial")).max()
}

/// The rows of all batches: the class of a row says where it lies, give or take some noise.
fn batches(device: &Device) -> Vec<Tensor<2>> {
    let place = |at: usize| ((at / INPUTS % CLASSES + 1) * (at % INPUTS + 3) % 11) as f32 / 11.0;
    let places: Vec<f32> = (0..ROWS * INPUTS).map(place).collect();
    let places = Tensor::<2>::from_data(TensorData::new(places, [ROWS, INPUTS]), device);
    let noise = || Tensor::random([ROWS, INPUTS], Distribution::Uniform(0.0, 0.5), device);
    (0..BATCHES).map(|_| places.clone() + noise()).collect()
}

/// What the steps of a run took.
pub(crate) struct Trained {
    /// The loss of each step.
    pub(crate) losses: Vec<f32>,
    /// The duration of each step.
    seconds: Vec<f32>,
    /// The bytes in use after each step, as the allocator counts them.
    used: Vec<usize>,
}

impl Trained {
    /// Before the first step. All memory is there already, so that it does not count as growth.
    pub(crate) fn with_capacity(steps: usize) -> Self {
        let (losses, seconds, used) = (Vec::with_capacity(steps), Vec::with_capacity(steps), Vec::with_capacity(steps));
        Self { losses, seconds, used }
    }

    /// What some of the steps took.
    pub(crate) fn summary(&self, steps: Range<usize>) -> Summary {
        let losses = self.losses[steps.clone()].iter().map(|loss| f64::from(*loss));
        let mut seconds = self.seconds[steps.clone()].to_vec();
        seconds.sort_by(f32::total_cmp);
        Summary {
            loss: losses.sum::<f64>() / steps.len() as f64,
            seconds: seconds[seconds.len() / 4].into(),
            used: self.used[steps].iter().copied().max().unwrap_or_default(),
            resident: resident(),
        }
    }
}

/// What a part of the steps took.
pub(crate) struct Summary {
    /// The mean loss.
    pub(crate) loss: f64,
    /// The time of a step: a quarter of the steps are faster. Other programs on the machine hardly change this number.
    pub(crate) seconds: f64,
    /// The most bytes that were in use after a step.
    pub(crate) used: usize,
    /// The bytes of the process that are in memory now, where the system says so.
    resident: Option<usize>,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { loss, seconds, used, resident } = self;
        write!(f, "loss {loss:.4}, {:.0} us a step, {:.0} kB in use", 1e6 * seconds, *used as f64 / 1e3)?;
        resident.map_or(Ok(()), |bytes| write!(f, ", {:.1} MB resident", bytes as f64 / 1e6))
    }
}

/// The bytes of this process that are in memory; only Linux says so.
fn resident() -> Option<usize> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse::<usize>().ok().map(|kilobytes| 1024 * kilobytes)
}
