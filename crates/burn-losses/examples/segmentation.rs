//! Squares in noisy images, with pixels that are not labeled: `cargo run -p burn-losses --example segmentation`.

use burn::nn::{PaddingConfig2d, conv::Conv2d, conv::Conv2dConfig};
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::{Device, Distribution, Int, Tensor, activation::relu};
use burn_losses::classification::CrossEntropyLossConfig;
use burn_losses::segmentation::{Activation, DiceLossConfig, SegmentationLoss};

const UNLABELED: i64 = 255;

/// The intersection over union of the predicted and the labeled squares, over the pixels that have a label.
fn iou(logits: Tensor<4>, labels: Tensor<3, Int>) -> f32 {
    let (found, square) = (logits.argmax(1).squeeze_dim::<3>(1).equal_scalar(1), labels.clone().equal_scalar(1));
    let both = found.clone().bool_and(square.clone());
    let either = found.bool_or(square).bool_and(labels.not_equal_scalar(UNLABELED));
    (both.int().sum().float() / either.int().sum().float()).into_scalar()
}

fn main() {
    let device = Device::flex().autodiff();
    device.seed(3);
    // Both losses leave out the pixels without a label.
    let dice = DiceLossConfig::new().with_activation(Activation::Softmax).with_ignore_index(UNLABELED).init(&device);
    let cross_entropy = CrossEntropyLossConfig::new().with_ignore_index(UNLABELED).init(&device);

    // Eight images of 16 x 16 pixels with a bright square in each. Two columns through the squares have no labels.
    let mut labels = Tensor::<3, Int>::zeros([8, 16, 16], &device);
    for image in 0..8 {
        let square = [image..image + 1, image..image + 7, 9 - image..16 - image];
        labels = labels.slice_fill(square, 1);
    }
    let noise = Tensor::random([8, 1, 16, 16], Distribution::Normal(0.0, 0.4), &device);
    let images = labels.clone().float().unsqueeze_dim::<4>(1) + noise;
    let labels = labels.slice_fill([0..8, 0..16, 6..8], UNLABELED);

    let layer = |channels| Conv2dConfig::new(channels, [3, 3]).with_padding(PaddingConfig2d::Same).init(&device);
    let mut model: [Conv2d; 2] = [layer([1, 8]), layer([8, 2])];
    let forward = |[first, second]: &[Conv2d; 2]| second.forward(relu(first.forward(images.clone())));
    let mut optimizer = AdamConfig::new().init();
    let before = iou(forward(&model), labels.clone());
    for step in 0..=60 {
        let logits = forward(&model);
        let masks = dice.masks_of(labels.clone(), &logits);
        let loss = dice.forward(logits.clone(), masks) + cross_entropy.forward(logits, labels.clone());
        let gradients = GradientsParams::from_grads(loss.backward(), &model);
        if step % 20 == 0 {
            println!("step {step:2}  loss {:.3}", loss.into_scalar::<f32>());
        }
        model = optimizer.step(0.02, model, gradients);
    }
    let after = iou(forward(&model), labels.clone());
    println!("IoU of the squares: {before:.2} before, {after:.2} after");
    assert!(after > 0.9 && after > before);
}
