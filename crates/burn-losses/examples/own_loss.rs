//! A loss of one's own, in a few lines and fused: `cargo run -p burn-losses --example own_loss`.

use burn::nn::LinearConfig;
use burn::optim::{GradientsParams, SgdConfig};
use burn::tensor::{Device, Tensor};
use burn_losses::formula::{Formula, Real, check_slopes};
use burn_losses::regression::RegressionLoss;
use burn_losses::{Loss, Reduction, watched};

/// Cauchy's loss, c^2/2 ln(1 + (d/c)^2), written by hand: an outlier has little influence. (The catalog has it as `cauchy`.)
#[derive(Debug, Clone)]
struct Cauchy {
    c: f64,
}

impl Formula for Cauchy {
    #[inline(always)] // A debug build panics without it, since the engine would be slow.
    fn eval<R: Real>(&self, prediction: R, target: R) -> R {
        ((prediction - target) * (1.0 / self.c)).square().log1p() * (self.c * self.c / 2.0)
    }
}

impl Loss for Cauchy {
    fn kind(&self) -> &'static str {
        "cauchy"
    }
    fn reduction(&self) -> Reduction {
        Reduction::Mean
    }
}

impl RegressionLoss for Cauchy {}

fn main() {
    let device = Device::flex().autodiff();
    device.seed(6);
    let loss = Cauchy { c: 0.5 };
    // The derivative that training uses is the slope, near the target and far from it.
    check_slopes(&loss, [(0.1, 0.0), (3.0, -1.0), (-20.0, 1.0)]).expect("no slope is lost");

    // y = 2 x + 1, but every fifth value is an outlier.
    let x: Vec<f32> = (0..50).map(|i| i as f32 / 25.0 - 1.0).collect();
    let y: Vec<f32> = x.iter().enumerate().map(|(i, x)| if i % 5 == 0 { 20.0 } else { 2.0 * x + 1.0 }).collect();
    let [x, y] = [x, y].map(|values| Tensor::<1>::from_floats(values.as_slice(), &device).reshape([50, 1]));

    let mut model = LinearConfig::new(1, 1).init(&device);
    let mut optimizer = SgdConfig::new().init();
    let mut values = Vec::new();
    for _ in 0..300 {
        let (value, paths) = watched(|| loss.forward(model.forward(x.clone()), y.clone()));
        assert_eq!(paths.fused, ["pointwise"], "value and gradient come from one pass over memory");
        let gradients = GradientsParams::from_grads(value.backward(), &model);
        values.push(value.into_scalar::<f32>());
        model = optimizer.step(0.5, model, gradients);
    }
    let slope = model.weight.val().into_scalar::<f32>();
    let offset = model.bias.as_ref().expect("a bias").val().into_scalar::<f32>();
    println!("loss {:.3} at first, {:.3} after 300 steps", values[0], values[299]);
    println!("y = {slope:.2} x + {offset:.2}");
    assert!(values[299] < values[0] && (slope - 2.0).abs() < 0.1 && (offset - 1.0).abs() < 0.1);
}
