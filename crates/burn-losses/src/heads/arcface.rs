//! ArcFace.

use super::layer::{HeadLayer, layer_methods};
use super::{HeadLoss, HeadOptions};
use crate::engine::heads::{Head, Scaling};
use crate::error::ConfigError;
use crate::formula::Real;
use burn::tensor::Device;
use burn_losses_derive::{Choice, loss, loss_config};

/// The logit of the target where the angle and the margin together are more than 180 degrees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum Beyond {
    /// cos(theta) - margin sin(margin), so that the logit falls with the angle everywhere.
    #[default]
    Line,
    /// cos(theta + margin), as the formula says. It rises again beyond 180 degrees.
    Plain,
    /// The margin applies only to angles below 90 degrees.
    Easy,
}

/// ArcFace (Deng et al. 2019, [arXiv 1801.07698](https://arxiv.org/abs/1801.07698)).
///
/// # Formula
/// The target's logit is `scale f`, the others are `scale cos(theta_j)`;
/// ```text
/// f = cos(theta + margin)             theta + margin <= pi
/// f = cos(theta) - margin sin(margin) beyond, so that f falls everywhere (up to a margin of 2.33)
/// ```
/// This is `beyond = "line"`. With `easy`, f = cos(theta + margin) where cos(theta) > 0, and cos(theta) elsewhere. With `plain`, f =
/// cos(theta + margin) everywhere, which rises again beyond pi: there the gradient leads away from the class. The margin is in
/// radians.
///
/// # When to use
/// For face recognition, speaker verification and fine-grained retrieval with many identities: the usual choice. If training does
/// not begin to converge, take a smaller `margin` or `beyond = "easy"`. For noisy labels take
/// [`SubCenterArcfaceLoss`](super::SubCenterArcfaceLoss), and for images of mixed quality [`AdafaceLoss`](super::AdafaceLoss).
///
/// # Numerics
/// cos(theta + m) = cos(theta) cos(m) - sin(theta) sin(m): no arc cosine. The gradient is the true one. The slope of
/// sin(theta) at cos(theta) = +-1, which is infinite, counts as 0.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use burn_losses::{heads::ArcfaceLossConfig, prelude::*};
///
/// let device = Device::flex();
/// // The weight is learned in training. Here class c has the direction of axis c.
/// let head = ArcfaceLossConfig::new(3, 3).init(&device).with_weight(Tensor::eye(3, &device));
/// let embeddings = Tensor::<2>::from_floats([[1.0, 0.9, 0.1], [0.1, 0.8, 1.0]], &device);
/// let labels = Tensor::<1, Int>::from_ints([0, 2], &device);
/// let value = head.forward(embeddings.clone(), labels.clone());
/// assert!(value.into_scalar::<f32>() > 0.0);
/// // The logits for inference and accuracy have no margin.
/// let classes = head.logits(embeddings).argmax(1).reshape([-1]);
/// assert_eq!(classes.equal(labels).float().mean().into_scalar::<f32>(), 1.0);
/// ```
///
/// # Elsewhere
/// - `pytorch_metric_learning.losses.ArcFaceLoss`: with the margin in degrees (28.6).
/// - `insightface.recognition.arcface_torch.losses.CombinedMarginLoss`: with m1 = 1 and m3 = 0 it is `beyond = "plain"`, but
///   lets the gradient through as if there were no margin.
/// - `mmpretrain.models.heads.ArcFaceClsHead`: the same formula, not compared by a test. Its margins may differ by class, and it
///   has sub-centers.
/// - `speechbrain.nnet.losses.AdditiveAngularMargin`: it takes the cosines and gives the logits; its defaults are a margin of 0
///   and a scale of 1.
#[loss(heads, "arcface", "Additive angular margin (ArcFace)")]
pub struct ArcfaceLoss {
    config: ArcfaceLossConfig,
    #[module(flatten)]
    layer: HeadLayer,
}

/// Config of [`ArcfaceLoss`].
#[loss_config(check = check)]
pub struct ArcfaceLossConfig {
    /// The number of classes: the rows of the weight.
    #[field(example = 10, range = ">= 1")]
    pub num_classes: usize,
    /// The size of the embeddings: the columns of the weight.
    #[field(example = 16, range = ">= 1")]
    pub embedding_dim: usize,
    /// The factor of the cosines.
    #[field(default = 64.0, range = "> 0")]
    pub scale: f64,
    /// The margin added to the angle of the target, in radians.
    #[field(default = 0.5, range = "[0, pi)")]
    pub margin: f64,
    /// The logit of the target where the angle and the margin together are more than 180 degrees.
    #[field(default = Beyond::Line)]
    pub beyond: Beyond,
    /// The same as `beyond = "easy"`.
    #[field(default = false)]
    pub easy_margin: bool,
    /// The options that the heads with a softmax over all classes share.
    #[field(flatten)]
    pub options: HeadOptions,
}

fn check(config: &ArcfaceLossConfig) -> Result<(), ConfigError> {
    if config.easy_margin && config.beyond == Beyond::Plain {
        return Err(ConfigError::InvalidValue {
            loss: "arcface",
            field: "easy_margin".into(),
            value: "true".into(),
            allowed: "false together with `beyond` = `plain`: `easy_margin` is `beyond` = `easy`".into(),
        });
    }
    config.options.check("arcface", config.num_classes)
}

impl ArcfaceLossConfig {
    fn build(&self, device: &Device) -> ArcfaceLoss {
        ArcfaceLoss { config: self.clone(), layer: self.options.layer(self.num_classes, self.embedding_dim, device) }
    }
}

impl HeadLoss for ArcfaceLoss {
    layer_methods!();
}

impl Head for ArcfaceLoss {
    fn scaling(&self) -> Scaling {
        Scaling::cosines(self.config.scale)
    }
    fn margin<R: Real>(&self, cosine: R, _: Option<R>) -> R {
        let beyond = if self.config.easy_margin { Beyond::Easy } else { self.config.beyond };
        cos_with_margin(cosine, self.config.margin, beyond)
    }
    fn angular_margins(&self) -> Vec<(&'static str, f64)> {
        vec![("margin", self.config.margin)]
    }
}

/// cos(theta + margin), or its fallback beyond pi or, with an easy margin, beyond a right angle.
pub(super) fn cos_with_margin<R: Real>(cosine: R, margin: f64, beyond: Beyond) -> R {
    let shifted = cosine.clone() * margin.cos() - sine(cosine.clone()) * margin.sin();
    let (within, fallback) = match beyond {
        Beyond::Plain => return shifted,
        Beyond::Easy => (cosine.gt_lit(0.0), cosine),
        Beyond::Line => (cosine.gt_lit(-margin.cos()), cosine - margin * margin.sin()),
    };
    R::select(&within, shifted, fallback)
}

/// The sine of the angle with this cosine. Its slope is 0 where the true one is infinite.
fn sine<R: Real>(cosine: R) -> R {
    ((-cosine.clone() + 1.0) * (cosine + 1.0)).safe_sqrt()
}

/// The angle with this cosine, by tan(theta / 2) = sin / (1 + cos), measured from the nearer of 0 and pi.
pub(super) fn angle<R: Real>(cosine: R) -> R {
    let sine = sine(cosine.clone());
    let is_near = cosine.gt_lit(0.0);
    let (near, far) =
        (R::select(&is_near, cosine.clone(), cosine.lit(0.0)), R::select(&is_near, cosine.lit(0.0), cosine));
    let near = (sine.clone() / (near + 1.0)).atan() * 2.0;
    let far = (sine / (-far + 1.0)).atan() * -2.0 + core::f64::consts::PI;
    R::select(&is_near, near, far)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formula::Dual;
    use burn::tensor::Device;

    fn head(margin: f64) -> ArcfaceLoss {
        ArcfaceLossConfig::new(10, 16).with_margin(margin).init(&Device::flex())
    }

    #[test]
    fn t55_t57_the_target_falls_with_the_angle_everywhere() {
        for margin in [0.1, 0.5, 1.5, 2.33] {
            let head = head(margin);
            let at = |theta: f64| head.margin(theta.cos(), None);
            let mut last = f64::INFINITY;
            for i in 0..=1000 {
                let theta = core::f64::consts::PI * f64::from(i) / 1000.0;
                assert!(at(theta) < last, "{margin} {theta}");
                last = at(theta);
                let expected = if theta + margin <= core::f64::consts::PI {
                    (theta + margin).cos()
                } else {
                    theta.cos() - margin * margin.sin()
                };
                assert!((last - expected).abs() < 1e-7, "{margin} {theta}");
            }
        }
    }

    /// Beyond 180 degrees the plain formula rises again.
    #[test]
    fn plain_is_the_cosine_of_the_sum_everywhere() {
        let config = ArcfaceLossConfig::new(10, 16).with_beyond(Beyond::Plain);
        let head = config.init(&Device::flex());
        let at = |theta: f64| head.margin(theta.cos(), None);
        for degrees in [1.0, 60.0, 120.0, 150.0, 151.5, 175.0] {
            let theta = f64::to_radians(degrees);
            assert!((at(theta) - (theta + 0.5).cos()).abs() < 1e-9, "{degrees}");
        }
        assert!(at(3.1) > at(2.7));
        for cosine in [-1.0, 1.0] {
            assert!(head.margin(Dual::<f64, 1>::variable(cosine, 0), None).slope[0].is_finite());
        }
    }

    #[test]
    fn easy_margin_is_a_word_of_beyond() {
        let new = || ArcfaceLossConfig::new(10, 16);
        let [a, b] = [new().with_beyond(Beyond::Easy), new().with_easy_margin(true)].map(|c| c.init(&Device::flex()));
        for cosine in [-0.9, -0.1, 0.2, 0.95] {
            assert_eq!(a.margin(cosine, None), b.margin(cosine, None));
        }
        let error = new().with_beyond(Beyond::Plain).with_easy_margin(true).validate().unwrap_err().to_string();
        assert!(error.starts_with("arcface: `easy_margin` is true, allowed: false together with"), "{error}");
    }

    #[test]
    fn t54_t56_the_gradient_is_true_and_finite_at_both_ends() {
        let head = head(0.5);
        for cosine in [-1.0, 1.0] {
            assert!(head.margin(Dual::<f64, 1>::variable(cosine, 0), None).slope[0].is_finite());
        }
        for cosine in [-0.95, -0.5, 0.0, 0.3, 0.99] {
            let slope = head.margin(Dual::<f64, 1>::variable(cosine, 0), None).slope[0];
            let expected = (head.margin(cosine + 1e-7, None) - head.margin(cosine - 1e-7, None)) / 2e-7;
            assert!((slope - expected).abs() < 1e-6, "{cosine}: {slope} {expected}");
        }
    }

    /// The slope of the angle is -1/sin, also at a right angle.
    #[test]
    fn angles_and_their_slopes() {
        for degrees in [1.0, 30.0, 89.0, 90.0, 91.0, 150.0, 179.0] {
            let theta = f64::to_radians(degrees);
            let cosine = if degrees == 90.0 { 0.0 } else { theta.cos() };
            let got = angle(Dual::<f64, 1>::variable(cosine, 0));
            assert!((got.value - theta).abs() < 1e-12, "{degrees}");
            assert!((got.slope[0] * theta.sin() + 1.0).abs() < 1e-9, "{degrees}: {}", got.slope[0]);
        }
    }
}
