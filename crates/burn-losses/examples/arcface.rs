//! A head with a margin goes on with weights from PyTorch: `cargo run -p burn-losses --example arcface`.

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::{Device, Distribution, Int, Tensor};
use burn_losses::heads::{ArcfaceLoss, ArcfaceLossConfig, HeadLoss};
use burn_store::{ModuleSnapshot, PyTorchToBurnAdapter, SafetensorsStore};
use std::error::Error;

/// The file of this Python, with pytorch-metric-learning's `W` of a column per class; a head has a row per class:
/// `loss = ArcFaceLoss(num_classes=3, embedding_size=2, margin=28.6, scale=16)`
/// `safetensors.torch.save_file({"head.weight": loss.W.detach().T.contiguous()}, "arcface.safetensors")`
const FILE: &[u8] = include_bytes!("arcface.safetensors");

/// The head is the last layer and its loss in one: its weight is trained and saved with the model.
#[derive(Module, Debug)]
struct Model {
    embed: Linear,
    head: ArcfaceLoss,
}

fn main() -> Result<(), Box<dyn Error>> {
    let device = Device::flex().autodiff();

    // The scale and the margin are the same; PyTorch's margin is in degrees.
    let config = ArcfaceLossConfig::new(3, 2).with_scale(16.0).with_margin(28.6_f64.to_radians());
    let mut model = Model { embed: LinearConfig::new(16, 2).init(&device), head: config.init(&device) };
    // The adapter transposes the weights of linear layers. This file has none, so `embed` keeps its random weights.
    let file = SafetensorsStore::from_bytes(Some(FILE.to_vec()));
    let loaded = model.load_from(&mut file.with_from_adapter(PyTorchToBurnAdapter).allow_partial(true))?;
    assert_eq!(loaded.applied, ["head.weight"]);

    // The loss has the value that PyTorch prints for these embeddings and labels.
    let embeddings = Tensor::from_floats([[0.2, 0.9], [1.1, -0.3], [-0.7, -0.4], [0.4, 0.5]], &device);
    let value = model.head.forward(embeddings, Tensor::from_ints([1, 0, 2, 0], &device)).into_scalar::<f32>();
    println!("loss {value:.5}, in PyTorch 0.54011");
    assert!((value - 0.540_114_6).abs() < 1e-5);

    // Now a layer before the head is trained together with it, on rows of 16 numbers around three centers.
    device.seed(4);
    let labels: Tensor<1, Int> = Tensor::arange(0..90, &device).remainder_scalar(3);
    let centers = Tensor::<2>::random([3, 16], Distribution::Normal(0.0, 1.0), &device);
    let noise = Tensor::random([90, 16], Distribution::Normal(0.0, 0.5), &device);
    let inputs = centers.select(0, labels.clone()) + noise;

    let mut optimizer = AdamConfig::new().init();
    // The margin is left out, since it is for training only.
    let accuracy = |model: &Model| {
        let classes = model.head.logits(model.embed.forward(inputs.clone())).argmax(1).reshape([-1]);
        classes.equal(labels.clone()).float().mean().into_scalar::<f32>()
    };
    let before = accuracy(&model);
    for step in 0..=60 {
        let loss = model.head.forward(model.embed.forward(inputs.clone()), labels.clone());
        let gradients = GradientsParams::from_grads(loss.backward(), &model);
        if step % 20 == 0 {
            println!("step {step:2}  loss {:.3}", loss.into_scalar::<f32>());
        }
        model = optimizer.step(0.02, model, gradients);
    }
    let after = accuracy(&model);
    println!("accuracy {before:.2} before, {after:.2} after");
    assert!(after > 0.95 && after > before);
    Ok(())
}
