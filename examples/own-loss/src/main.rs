//! A loss that is not in the catalogue: written once, fused and differentiated as those that are, and drawn.
//!
//! `cargo run -p own-loss`

use std::error::Error;
use std::time::Instant;

use burn::tensor::{Device, Distribution, Tensor};
use burn_losses::formula::{Dual, Formula, Real};
use burn_losses::regression::RegressionLoss;
use burn_losses::{Reduction, with_tensor_operations};
use plotters::prelude::*;

/// The loss of Cauchy (or Lorentz): c^2/2 ln(1 + (d/c)^2), which an outlier hardly pulls at.
#[derive(Debug, Clone)]
struct CauchyLoss {
    c: f64,
}

impl Formula for CauchyLoss {
    #[inline(always)] // into the vector instructions that the engine chooses
    fn eval<R: Real>(&self, prediction: R, target: R) -> R {
        ((prediction - target) * (1.0 / self.c)).square().log1p() * (self.c * self.c / 2.0)
    }
}

impl RegressionLoss for CauchyLoss {
    fn kind(&self) -> &'static str {
        "cauchy"
    }
    fn reduction(&self) -> Reduction {
        Reduction::Mean
    }
}

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
    step();
    let (fused, gradient) = step();
    let (plain, expected) = with_tensor_operations(step);
    let difference: f32 = (gradient - expected).abs().max().into_scalar();
    println!("value and gradient of {} numbers: {fused:.1?} fused, {plain:.1?} with tensor operations", 4096 * 256);
    println!("largest difference of the gradients: {difference:.1e}");
    if difference > 1e-12 {
        return Err("the fused gradient is another".into());
    }

    let curve = |d: f64| loss.eval(Dual::<f64, 1>::variable(d, 0), Dual::constant(0.0));
    let points = || (-60..=60).map(|i| f64::from(i) / 10.0);
    let path = "cauchy.svg";
    let area = SVGBackend::new(path, (640, 400)).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .margin(20)
        .caption("Cauchy loss and its derivative", ("sans-serif", 18))
        .set_label_area_size(LabelAreaPosition::Left, 40)
        .set_label_area_size(LabelAreaPosition::Bottom, 30)
        .build_cartesian_2d(-6.0..6.0, -1.0..2.0)?;
    chart.configure_mesh().x_desc("prediction - target").draw()?;
    chart.draw_series(LineSeries::new(points().map(|d| (d, curve(d).value)), BLUE.stroke_width(2)))?;
    chart.draw_series(LineSeries::new(points().map(|d| (d, curve(d).slope[0])), RED.stroke_width(2)))?;
    area.present()?;
    println!("{path}: the value blue, the derivative red");
    Ok(())
}
