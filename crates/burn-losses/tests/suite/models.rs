//! A loss as a part of a model: its state is saved, resumed, moved and forked with the model.

use crate::devices::{self, Target};
use crate::probe::{base, batch, with_field};
use burn::module::{Module, ModuleVisitor, Param};
use burn::nn::{Linear, LinearConfig};
use burn::store::RecordError;
use burn::tensor::{Device, Tensor, TensorData};
use burn_losses::composition::{Balance, JointLoss, JointLossConfig};
use burn_losses::config::{Table, write_file};
use burn_losses::eval::Evaluation;
use burn_losses::signature::{Argument, Kind, Role};
use burn_losses::{AnyLoss, LossConfig, LossInfo, registry};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// A network and its loss.
#[derive(Module, Debug)]
struct Model {
    network: Linear,
    loss: AnyLoss,
}

impl Model {
    fn new(config: &LossConfig, device: &Device) -> Self {
        Self { network: LinearConfig::new(2, 3).init(device), loss: config.init(device) }
    }

    /// Evaluates the loss for one step, which updates its state.
    fn step(&self, target: &Target, seed: u64) -> Evaluation {
        let inputs = batch(&self.loss, 6, 2.0, &[], seed);
        self.loss.evaluate(&inputs, &target.device, target.dtype).unwrap_or_else(|error| panic!("{error}"))
    }

    /// A copy that is equal in every number, and shares nothing.
    fn twin(&self, config: &LossConfig, device: &Device) -> Self {
        Self::new(config, device).load_record(self.clone().into_record())
    }
}

/// Flex and NdArray in single precision.
fn two_devices() -> [Target; 2] {
    let mut targets = devices::cpu().into_iter().filter(|target| target.name.ends_with("f32"));
    [(); 2].map(|()| targets.next().expect("flex and ndarray"))
}

/// Checks every variant of the losses that have state or parameters, after two steps.
fn trained(device: &Device, target: &Target, mut check: impl FnMut(&LossConfig, Model)) {
    let mut seen = Vec::new();
    for info in registry() {
        for config in configs(&info) {
            let model = Model::new(&config, device);
            // The record of a loss holds the weights of a head, the centers of classes and counts of steps.
            if model.loss.num_params() > 0 {
                model.step(target, 71);
                model.step(target, 72);
                seen.push(info.kind);
                check(&config, model);
            }
        }
    }
    for kind in ["arcface", "center", "ghm_c", "ghm_r", "adaface", "a_softmax", "proxy_anchor"] {
        assert!(seen.contains(&kind), "{kind} is not among {seen:?}");
    }
}

/// Checks the losses of [`trained`], except those that draw: their draws start again, as documented.
fn trained_without_draws(device: &Device, target: &Target, mut check: impl FnMut(&LossConfig, Model)) {
    trained(device, target, |config, model| {
        let signatures = model.loss.signatures();
        let is_drawn =
            |argument: &Argument| argument.role == Role::State && matches!(argument.kind, Kind::Labels { .. });
        if !signatures.iter().flatten().any(is_drawn) {
            check(config, model);
        }
    });
}

/// The default config, that with the other way to move centers, and that with a memory whose rows are of a size that is known.
fn configs(info: &LossInfo) -> Vec<LossConfig> {
    let mut configs = vec![base(info)];
    for field in info.fields.iter().filter(|field| field.name == "update") {
        let ways = field.samples.iter().map(|way| with_field(info, field.name, way).unwrap());
        configs.extend(ways.filter(|config| *config != base(info)));
        assert!(configs.len() > 1, "{} has one way of moving its centers", info.kind);
    }
    if info.fields.iter().any(|field| field.name == "memory") {
        let memory = Table::from_iter([("size", 16), ("embedding_dim", 4)]);
        configs.push(with_field(info, "memory", &memory.into()).unwrap());
    }
    configs
}

/// Checks that the value, and the gradient of the first argument, agree relative to the largest number.
fn assert_same(what: &LossConfig, got: &Evaluation, expected: &Evaluation, tolerance: f64) {
    let near = |a: &[f64], b: &[f64]| {
        let largest = b.iter().fold(1e-9, |most: f64, x| most.max(x.abs()));
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() <= tolerance * largest)
    };
    assert!(near(&[got.loss], &[expected.loss]), "{what:?}: {} against {}", got.loss, expected.loss);
    let first =
        |evaluation: &Evaluation| evaluation.gradients.values().next().unwrap().iter::<f64>().collect::<Vec<_>>();
    let (got, expected) = (first(got), first(expected));
    assert!(near(&got, &expected), "{what:?}: {got:?} against {expected:?}");
}

#[test]
fn what_a_loss_keeps_is_in_the_file_of_its_model() {
    let [target, _] = two_devices();
    let device = target.device.clone().autodiff();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("model.bpk");
    trained_without_draws(&device, &target, |config, model| {
        model.clone().save_file(&file).unwrap();
        let resumed = Model::new(config, &device).load_file(&file);
        assert_same(config, &resumed.step(&target, 73), &model.step(&target, 73), 0.0);
        // The network is saved too, since a model is saved as a whole.
        let weight = |model: &Model| model.network.weight.val().into_data();
        assert_eq!(weight(&resumed), weight(&model));
    });
}

#[test]
fn a_loss_moves_with_its_model() {
    let [here, there] = two_devices();
    let device = here.device.clone().autodiff();
    trained_without_draws(&device, &here, |config, model| {
        let twin = model.twin(config, &device);
        let moved = model.to_device(&there.device);
        assert_eq!(moved.devices(), std::slice::from_ref(&there.device), "{config:?}");
        assert_same(config, &moved.step(&there, 74), &twin.step(&here, 74), 1e-4);
    });
}

#[test]
fn a_loss_is_forked_with_its_model() {
    let [here, there] = two_devices();
    let device = here.device.clone().autodiff();
    trained_without_draws(&device, &here, |config, model| {
        let twin = model.twin(config, &device);
        let fork = model.clone().fork(&there.device.clone().autodiff());
        assert_same(config, &fork.step(&there, 75), &twin.step(&here, 75), 1e-4);
        // The original still works on its device, though Burn lets the fork and the original share their states, and moves them.
        assert_same(config, &model.step(&here, 76), &twin.step(&here, 76), 1e-4);
    });
}

#[test]
fn replicas_on_two_devices_take_steps_at_once() {
    let [here, there] = &two_devices();
    let device = here.device.clone().autodiff();
    trained(&device, here, |config, model| {
        // This is what Burn's learner does: every worker makes a replica of the model for each of its steps.
        std::thread::scope(|scope| {
            for target in [here, there] {
                let model = model.clone();
                scope.spawn(move || {
                    for seed in 0..4 {
                        let replica = model.clone().fork(&target.device.clone().autodiff());
                        let value = replica.step(target, seed).loss;
                        assert!(value.is_finite(), "{config:?}: {value} on {}", target.name);
                    }
                });
            }
        });
        assert!(model.step(here, 77).loss.is_finite(), "{config:?}");
    });
}

/// A file that ends too early, or that is of another version of the format, is an error.
#[test]
fn a_damaged_file_of_a_model_is_an_error() {
    let [target, _] = two_devices();
    let device = target.device.clone().autodiff();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("model.bpk");
    trained(&device, &target, |config, model| {
        model.save_file(&file).unwrap();
        let whole = std::fs::read(&file).unwrap();
        let load = |bytes: &[u8]| {
            std::fs::write(&file, bytes).unwrap();
            Model::new(config, &device).try_load_file(&file)
        };
        assert!(load(&whole).is_ok(), "{config:?}");
        for length in [0, 7, whole.len() / 2, whole.len() - 1] {
            let result = load(&whole[..length]);
            assert!(matches!(result, Err(RecordError::Io(_))), "{length} bytes of {config:?}: {result:?}");
        }
        // The version stands behind the four bytes that every file of this format begins with.
        let newer = [&whole[..4], &[99, 0], &whole[6..]].concat();
        let error = load(&newer).unwrap_err().to_string();
        assert!(error.contains("Unsupported version"), "{error}");
    });
}

/// The record of a loss that has another kind is an error, which names the loss and the field that are not in it.
#[test]
fn the_record_of_another_loss_is_an_error() {
    let [target, _] = two_devices();
    let device = target.device.clone().autodiff();
    let mut all = Vec::new();
    trained(&device, &target, |config, model| all.push((config.clone(), model.into_record())));
    for (config, _) in &all {
        let capitalized = |word: &str| word[..1].to_uppercase() + &word[1..];
        let variant: String = config.kind().split('_').map(capitalized).collect();
        for (other, record) in all.iter().filter(|(other, _)| other.kind() != config.kind()) {
            let error =
                Model::new(config, &device).try_load_record(record.clone()).map(|_| ()).unwrap_err().to_string();
            assert!(error.contains(&format!(".{variant}.")), "{} into {}: {error}", other.kind(), config.kind());
        }
    }
}

/// All replicas share the state of a loss. One whose predictions are NaN does not spoil it.
#[test]
fn a_batch_of_nan_leaves_no_nan_in_the_state() {
    let [target, _] = two_devices();
    let device = target.device.clone().autodiff();
    trained(&device, &target, |config, model| {
        let mut inputs = batch(&model.loss, 6, 2.0, &[], 73);
        let name = model.loss.input();
        let shape = inputs[name].shape().clone();
        inputs.insert(name.into(), TensorData::new(vec![f64::NAN; shape.num_elements()], shape));
        model.loss.evaluate(&inputs, &target.device, target.dtype).unwrap();
        let next = model.step(&target, 74);
        let gradients = next.gradients.values().flat_map(|data| data.iter::<f64>().collect::<Vec<_>>());
        assert!(next.loss.is_finite() && gradients.into_iter().all(f64::is_finite), "{config:?}: {next:?}");
    });
}

/// The version of this library, which names the record that it has saved.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A joint loss of every kind that has a state or parameters, by its config.
fn of_every_state(device: &Device) -> JointLossConfig {
    let all = registry().into_iter().map(|info| (format!("{} {}", info.family, info.kind), base(&info)));
    let kept = all.filter(|(_, config)| config.init(device).num_params() > 0);
    let config = kept.fold(JointLossConfig::new(), |all, (name, config)| all.with(name, 1.0, config));
    config.with_balance(Balance::Dwa { temperature: 2.0, period: 1 })
}

/// The numbers of every parameter and state, by path.
#[derive(Default)]
struct Numbers {
    path: Vec<String>,
    all: BTreeMap<String, Vec<f32>>,
}

impl ModuleVisitor for Numbers {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }
    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.all.insert(self.path.join("."), param.val().into_data().iter::<f32>().collect());
    }
}

/// What stands beside a record: the config of its loss, and the numbers in it.
#[derive(Serialize, Deserialize)]
struct Saved {
    config: JointLossConfig,
    numbers: BTreeMap<String, Vec<f32>>,
}

/// A record that an earlier version has saved is loaded, number by number. With `BURN_LOSSES_WRITE=1` the record of this version is
/// written, unless it is there.
#[test]
fn records_of_earlier_versions_are_loaded() {
    let [target, _] = two_devices();
    let device = target.device.clone().autodiff();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/earlier_records");
    let saved = folder.join(format!("{VERSION}.json"));
    let numbers = |joint: &JointLoss| {
        let mut numbers = Numbers::default();
        joint.visit(&mut numbers);
        numbers.all
    };
    if std::env::var("BURN_LOSSES_WRITE").as_deref() == Ok("1") && !saved.exists() {
        let config = of_every_state(&device);
        let joint = config.init(&device);
        for name in joint.names() {
            let loss = joint.loss(name).unwrap();
            loss.evaluate(&batch(loss, 6, 2.0, &[], 75), &target.device, target.dtype).unwrap();
        }
        std::fs::create_dir_all(&folder).unwrap();
        let text = serde_json::to_string(&Saved { config, numbers: numbers(&joint) }).unwrap();
        joint.save_file(saved.with_extension("bpk")).unwrap();
        write_file(&saved, text + "\n").unwrap();
    }
    assert!(saved.exists(), "{} is missing: BURN_LOSSES_WRITE=1 writes it", saved.display());

    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let saved: Saved = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
            let loaded = saved.config.init(&device).try_load_file(path.with_extension("bpk"));
            let loaded = loaded.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            assert_eq!(numbers(&loaded), saved.numbers, "{}", path.display());
        }
    }
}
