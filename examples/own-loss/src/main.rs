//! A loss of one's own: written once, fused, differentiated and drawn like those of the catalog.
//!
//! `cargo run -p own-loss`

mod shapes;

use std::error::Error;
use std::time::Instant;

use burn::tensor::{Device, Distribution, Tensor};
use burn_losses::formula::{Dual, Formula, Real};
use burn_losses::regression::RegressionLoss;
use burn_losses::{Loss, Reduction, watched, with_tensor_operations};
use burn_losses_plot::{Curve, Panel, Picture};

/// The loss of Cauchy (or Lorentz): c^2/2 ln(1 + (d/c)^2), on which an outlier has little influence. (The catalog has it as `cauchy`.)
#[derive(Debug, Clone)]
struct CauchyLoss {
    c: f64,
}

impl Formula for CauchyLoss {
    #[inline(always)] // into the vector instructions that the engine chooses; a debug build panics without it
    fn eval<R: Real>(&self, prediction: R, target: R) -> R {
        ((prediction - target) * (1.0 / self.c)).square().log1p() * (self.c * self.c / 2.0)
    }
}

impl Loss for CauchyLoss {
    fn kind(&self) -> &'static str {
        "cauchy"
    }
    fn reduction(&self) -> Reduction {
        Reduction::Mean
    }
}

impl RegressionLoss for CauchyLoss {}

fn main() -> Result<(), Box<dyn Error>> {
    let loss = CauchyLoss { c: 1.0 };
    let device = Device::flex().autodiff();
    let numbers = || Tensor::<2>::random([4096, 256], Distribution::Normal(0.0, 2.0), &device);
    let (predictions, targets) = (numbers().require_grad(), numbers());
    let step = || {
        let start = Instant::now();
        let gradients = loss.forward(predictions.clone(), targets.clone()).backward();
        (start.elapsed(), predictions.grad(&gradients).expect("a gradient"))
    };
    let (_, paths) = watched(step);
    assert_eq!(paths.fused, ["pointwise"]);
    let (fused, gradient) = step();
    let (plain, expected) = with_tensor_operations(step);
    let difference: f32 = (gradient - expected).abs().max().into_scalar();
    println!("value and gradient of {} numbers: {fused:.1?} fused, {plain:.1?} with tensor operations", 4096 * 256);
    println!("largest difference of the gradients: {difference:.1e}");
    if difference > 1e-12 {
        return Err("the fused gradient is another".into());
    }

    let plain = device.clone().without_autodiff();
    let (rows, vectors, pairs) = (shapes::of_rows(&plain), shapes::of_vectors(&plain), shapes::of_pairs(&plain));
    println!("other shapes, fused too: rows {rows:.3}, vectors {vectors:.3}, pairs {pairs:.3}");

    let at: Vec<f64> = (-60..=60).map(|i| f64::from(i) / 10.0).collect();
    let curve = |c: f64| {
        let point = |&d: &f64| CauchyLoss { c }.eval(Dual::<f64, 1>::variable(d, 0), Dual::constant(0.0));
        Curve {
            name: format!("c = {c}"),
            at: at.clone(),
            value: at.iter().map(|d| point(d).value).collect(),
            gradient: at.iter().map(|d| point(d).slope[0]).collect(),
        }
    };
    let curves = [0.5, 1.0, 2.0].map(curve);
    let picture = Picture {
        title: "Cauchy loss".into(),
        subtitle: "an outlier hardly pulls at it".into(),
        panels: Panel::curves("prediction \u{2212} target", "gradient of the prediction", &curves).into(),
        note: String::new(),
    };
    let path = "cauchy.svg";
    std::fs::write(path, picture.svg(None))?;
    println!("{path}: the loss and its derivative");
    Ok(())
}
