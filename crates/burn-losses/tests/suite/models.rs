//! A loss as a part of a model: its state is saved, resumed, moved and forked with the model.

use crate::devices::{self, Target};
use crate::probe::{base, batch, with_field};
use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::Device;
use burn_losses::config::Table;
use burn_losses::eval::Evaluation;
use burn_losses::signature::{Argument, Kind, Role};
use burn_losses::{AnyLoss, LossConfig, LossInfo, registry};

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
