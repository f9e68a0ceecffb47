//! A user-written training loop that accumulates gradients: `cargo run -p burn-losses --example custom_loop`.

use burn::nn::LinearConfig;
use burn::optim::{AdamConfig, GradientsAccumulator, GradientsParams};
use burn::tensor::{Device, Distribution, Int, Tensor};
use burn_losses::{Accumulation, classification::CrossEntropyLossConfig};

const UNKNOWN: i64 = -100;

fn main() {
    let device = Device::flex().autodiff();
    device.seed(7);
    let loss = CrossEntropyLossConfig::new().with_ignore_index(UNKNOWN).init(&device);
    let mut model = LinearConfig::new(8, 3).init(&device);
    let mut optimizer = AdamConfig::new().init();

    // 64 rows of three classes. Nearly all labels of the last quarter are unknown.
    let inputs = Tensor::<2>::random([64, 8], Distribution::Normal(0.0, 1.0), &device);
    let labels: Tensor<1, Int> = inputs.clone().slice([0..64, 0..3]).argmax(1).reshape([64]);
    let rows = Tensor::<1, Int>::arange(0..64, &device);
    let labels = labels.mask_fill(rows.greater_elem(50), UNKNOWN);

    let mut values = Vec::new();
    for step in 0..100 {
        let micro_batches = || inputs.clone().chunk(4, 0).into_iter().zip(labels.clone().chunk(4, 0));
        // The divisor for the whole batch: the number of known labels. It stays on the device.
        let mut whole = Accumulation::new(loss.reduction());
        for (_, labels) in micro_batches() {
            whole.add(labels.not_equal_scalar(UNKNOWN).int().sum().float());
        }

        let mut accumulator = GradientsAccumulator::new();
        let mut value = 0.0;
        for (inputs, labels) in micro_batches() {
            let part = loss.forward_with(model.forward(inputs), labels, whole.extras());
            accumulator.accumulate(&model, GradientsParams::from_grads(part.backward(), &model));
            value += part.into_scalar::<f32>();
        }
        let accumulated = accumulator.grads();

        // The parts together have the value and the gradient of the whole batch.
        if step == 0 {
            let whole = loss.forward(model.forward(inputs.clone()), labels.clone());
            let expected = model.weight.grad(&whole.backward()).expect("a gradient");
            let gradient = accumulated.get::<2>(model.weight.id).expect("a gradient");
            let difference = (gradient - expected).abs().max().into_scalar::<f32>();
            println!("whole batch {:.4}, sum of four parts {value:.4}", whole.into_scalar::<f32>());
            println!("gradients differ by at most {difference:.0e}");
            assert!(difference < 1e-6);
        }
        model = optimizer.step(0.05, model, accumulated);
        values.push(value);
    }
    println!("loss {:.3} at first, {:.3} after 100 steps", values[0], values[99]);
    assert!(values[99] < 0.2 * values[0]);
}
