//! Two encoders learn which image and which text belong together: `cargo run -p burn-losses --example clip`.

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::{Device, Distribution, Int, Tensor};
use burn_losses::metric::{ClipLoss, ClipLossConfig};

/// The loss is a part of the model, since the scale of the similarities is learned too.
#[derive(Module, Debug)]
struct Clip {
    images: Linear,
    texts: Linear,
    loss: ClipLoss,
}

impl Clip {
    /// The share of images whose own text is the nearest of all texts.
    fn recall(&self, images: Tensor<2>, texts: Tensor<2>) -> f32 {
        let unit = |rows: Tensor<2>| rows.clone() / rows.square().sum_dim(1).sqrt();
        let (images, texts) = (unit(self.images.forward(images)), unit(self.texts.forward(texts)));
        let nearest = images.clone().matmul(texts.transpose()).argmax(1).reshape([-1]);
        let own = Tensor::<1, Int>::arange(0..images.dims()[0] as i64, &images.device());
        nearest.equal(own).float().mean().into_scalar()
    }
}

fn main() {
    let device = Device::flex().autodiff();
    device.seed(2);
    let normal = |shape, deviation| Tensor::<2>::random(shape, Distribution::Normal(0.0, deviation), &device);

    // An image and a text show the same 8 numbers, each in its own way, and each with noise.
    let (to_image, to_text) = (normal([8, 32], 1.0), normal([8, 20], 1.0));
    let pairs = |count| {
        let meaning = normal([count, 8], 1.0);
        let image = meaning.clone().matmul(to_image.clone()) + normal([count, 32], 0.2);
        (image, meaning.matmul(to_text.clone()) + normal([count, 20], 0.2))
    };
    let ((images, texts), held_out) = (pairs(128), pairs(64));

    let (image_encoder, text_encoder) = (LinearConfig::new(32, 8), LinearConfig::new(20, 8));
    let loss = ClipLossConfig::new().with_temperature(0.1).init(&device);
    let mut model = Clip { images: image_encoder.init(&device), texts: text_encoder.init(&device), loss };
    let mut optimizer = AdamConfig::new().init();
    let before = model.recall(held_out.0.clone(), held_out.1.clone());
    for step in 0..=60 {
        let (image, text) = (model.images.forward(images.clone()), model.texts.forward(texts.clone()));
        let loss = model.loss.forward_views(image, text);
        let gradients = GradientsParams::from_grads(loss.backward(), &model);
        if step % 20 == 0 {
            println!("step {step:2}  loss {:.3}", loss.into_scalar::<f32>());
        }
        model = optimizer.step(0.02, model, gradients);
    }
    let after = model.recall(held_out.0, held_out.1);
    println!("held-out images that find their text: {:.0} % before, {:.0} % after", 100.0 * before, 100.0 * after);
    assert!(after > 0.9 && before < 0.5);
}
