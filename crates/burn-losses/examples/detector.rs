//! The head of a detector, with anchors that are matched to boxes: `cargo run -p burn-losses --example detector`.

use burn::nn::{PaddingConfig2d::Explicit, conv::Conv2d, conv::Conv2dConfig};
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::{Bool, Device, Distribution, Tensor, activation::relu};
use burn_losses::boxes::{BoxFormat, CiouLossConfig, pairwise_iou};
use burn_losses::{Reduction, binary::FocalLossConfig};

/// For each anchor, the box that overlaps it most, and whether the overlap is large enough. Padding overlaps nothing.
fn matched(anchors: &Tensor<2>, boxes: Tensor<2>) -> (Tensor<2>, Tensor<1, Bool>) {
    let (overlap, best) = pairwise_iou(anchors.clone(), boxes.clone(), BoxFormat::Xyxy).max_dim_with_indices(1);
    (boxes.select(0, best.reshape([-1])), overlap.reshape([-1]).greater_scalar(0.3))
}

fn main() {
    let device = Device::flex().autodiff();
    device.seed(5);
    let focal = FocalLossConfig::new().with_reduction(Reduction::Positives).init(&device);
    let ciou = CiouLossConfig::new().init(&device);

    // Anchors of 10 x 10 pixels on a grid of 4 x 4 cells, and 12 images of 32 x 32 pixels with bright boxes. Every image
    // has a list of two boxes. Where it shows only one, the second is padding: zeros.
    let cells = (0..16).map(|cell| [(cell % 4) as f32 * 8.0, (cell / 4) as f32 * 8.0]);
    let anchors: Vec<f32> = cells.flat_map(|[x, y]| [x - 1.0, y - 1.0, x + 9.0, y + 9.0]).collect();
    let anchors = Tensor::<1>::from_floats(anchors.as_slice(), &device).reshape([16, 4]);
    let mut images = Tensor::<4>::random([12, 1, 32, 32], Distribution::Normal(0.0, 0.1), &device);
    let mut matches = Vec::new();
    for image in 0..12 {
        let mut boxes = [[0.0; 4]; 2];
        for (object, corners) in boxes.iter_mut().enumerate().take(1 + image % 2) {
            let [x, y] = [1 + 16 * object + image % 4, 1 + 9 * (image % 3)];
            let [right, bottom] = [x + 8 + image % 3, y + 8 + image % 2];
            images = images.slice_fill([image..image + 1, 0..1, y..bottom, x..right], 1.0);
            *corners = [x, y, right, bottom].map(|edge| edge as f32);
        }
        matches.push(matched(&anchors, Tensor::from_floats(boxes, &device)));
    }
    let (targets, positive): (Vec<_>, Vec<_>) = matches.into_iter().unzip();
    let (anchors, targets, positive) = (anchors.repeat_dim(0, 12), Tensor::cat(targets, 0), Tensor::cat(positive, 0));

    // For each cell, a logit and the distances of the four edges from those of the anchor.
    let backbone = Conv2dConfig::new([1, 32], [16, 16]).with_stride([8, 8]).with_padding(Explicit(4, 4, 4, 4));
    let mut model: [Conv2d; 2] = [backbone.init(&device), Conv2dConfig::new([32, 5], [1, 1]).init(&device)];
    let (mut optimizer, mut history) = (AdamConfig::new().init(), Vec::new());
    for _ in 0..=60 {
        let outputs = model[1].forward(relu(model[0].forward(images.clone())));
        let outputs = outputs.permute([0, 2, 3, 1]).reshape([12 * 16, 5]);
        let [logits, edges] = outputs.split_with_sizes(vec![1, 4], 1).try_into().expect("two parts");

        // Is there a box? All anchors answer, divided by the positives. Where is it? Only the positives answer.
        let objects = focal.forward(logits.reshape([-1]), positive.clone().float());
        let boxes = ciou.forward_with(anchors.clone() + edges * 4.0, targets.clone(), positive.clone());
        let gradients = GradientsParams::from_grads((objects.clone() + boxes.clone()).backward(), &model);
        model = optimizer.step(0.005, model, gradients);
        history.push([objects.into_scalar::<f32>(), boxes.into_scalar()]);
    }
    for (step, [objects, boxes]) in history.iter().enumerate().step_by(20) {
        println!("step {step:2}  focal {objects:.3}  ciou {boxes:.3}");
    }
    assert!((0..2).all(|term| history[60][term] < 0.3 * history[0][term]));
}
