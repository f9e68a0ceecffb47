//! The options that the structural similarities share.

use crate::config::{FieldType, IntoField, Range, Unreadable, Value};
use crate::error::ConfigError;
use crate::field::list_of_numbers;
use burn_losses_derive::{ByValue, Choice, WordOrNumber, shared_fields};

/// The weights of the pixels in a window.
#[derive(Debug, Clone, PartialEq, WordOrNumber)]
pub enum Sigma {
    /// Every pixel has the same weight.
    Uniform,
    /// A Gaussian of this standard deviation, in pixels.
    Number(f64),
}

impl<N: Into<f64>> IntoField<Sigma> for N {
    fn into_field(self) -> Sigma {
        Sigma::Number(self.into())
    }
}

/// The positions of the windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum Padding {
    /// Every place where the window lies inside the image.
    #[default]
    Valid,
    /// Every pixel; beyond the border the image is reflected.
    Same,
}

/// The value as a function of the similarity s.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum SimilarityForm {
    /// 1 - s.
    #[default]
    OneMinus,
    /// (1 - s)/2.
    Half,
}

impl SimilarityForm {
    /// The value, from 1 - s.
    pub(super) fn value(self, missing: burn::tensor::Tensor<1>) -> burn::tensor::Tensor<1> {
        match self {
            Self::OneMinus => missing,
            Self::Half => missing * 0.5,
        }
    }
}

/// The divisor of variances and covariances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum Covariance {
    /// The sum of the weights, which is 1.
    #[default]
    Biased,
    /// (n - 1) / n of it, where n is the number of pixels in a window.
    Unbiased,
}

/// The options of a structural similarity.
#[shared_fields]
pub struct SimilarityOptions {
    /// The side of a window, in pixels.
    #[field(default = 11, range = "odd >= 1")]
    pub window: usize,
    /// The standard deviation of the Gaussian weights in a window, in pixels, or `uniform` for equal weights.
    #[field(default = crate::image::Sigma::Number(1.5), range = "> 0")]
    pub sigma: crate::image::Sigma,
    /// The constant of the luminance: C1 = (k1 range)^2.
    #[field(default = 0.01, range = ">= 1e-6")]
    pub k1: f64,
    /// The constant of the contrast: C2 = (k2 range)^2.
    #[field(default = 0.03, range = ">= 1e-6")]
    pub k2: f64,
    /// The largest minus the smallest number that a pixel may have: 1, or 255 for bytes.
    #[field(default = 1.0, range = "> 0")]
    pub range: f64,
    /// Whether windows stay inside the image or are centered on every pixel.
    #[field(default = crate::image::Padding::Valid)]
    pub padding: crate::image::Padding,
    /// Whether the value is one minus the similarity, or half of that.
    #[field(default = crate::image::SimilarityForm::OneMinus)]
    pub form: crate::image::SimilarityForm,
    /// The divisor of variances and covariances.
    #[field(default = crate::image::Covariance::Biased)]
    pub covariance: crate::image::Covariance,
}

impl SimilarityOptions {
    /// A window of one pixel has no unbiased variance.
    pub(super) fn check(&self, loss: &'static str) -> Result<(), ConfigError> {
        if self.covariance == Covariance::Biased || self.window > 1 {
            return Ok(());
        }
        let allowed = "`biased`, since the window has one pixel".into();
        Err(ConfigError::InvalidValue { loss, field: "covariance".into(), value: "unbiased".into(), allowed })
    }
}

/// One weight per scale, from the finest to the coarsest.
#[derive(Debug, Clone, PartialEq, ByValue)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LevelWeights(pub Vec<f64>);

impl<L: Into<Vec<f64>>> IntoField<LevelWeights> for L {
    fn into_field(self) -> LevelWeights {
        LevelWeights(self.into())
    }
}

/// More scales halve an image to nothing.
const MOST_LEVELS: usize = 16;

impl FieldType for LevelWeights {
    const KIND: &'static str = "list of numbers";

    fn to_value(&self) -> Value {
        self.0.clone().into()
    }
    fn from_value(value: &Value) -> Result<Self, Unreadable> {
        list_of_numbers(value).map(Self)
    }
    fn allowed(range: Range) -> String {
        format!("one to {MOST_LEVELS} numbers, one per scale, each {range}")
    }
    fn samples(_: Range) -> Vec<Value> {
        vec![vec![0.7].into(), vec![0.2, 0.5].into()]
    }
    fn refused(_: Range) -> Vec<Value> {
        vec![Vec::<f64>::new().into(), vec![0.5, -0.5].into(), vec![f64::NAN].into(), 0.5.into()]
    }
    fn check(&self, loss: &'static str, field: &str, range: Range) -> Result<(), ConfigError> {
        if !(1..=MOST_LEVELS).contains(&self.0.len()) {
            let (field, value) = (field.to_owned(), format!("a list of {}", self.0.len()));
            return Err(ConfigError::InvalidValue { loss, field, value, allowed: Self::allowed(range) });
        }
        let each = |(at, weight): (usize, &f64)| weight.check(loss, &format!("{field}[{at}]"), range);
        self.0.iter().enumerate().try_for_each(each)
    }
}
