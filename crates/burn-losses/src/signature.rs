//! The arguments of a loss, as data: the name, kind, shape and role of each argument, and one way to call any loss with tensors
//! by name.
//!
//! [`AnyLoss::signatures`](crate::AnyLoss::signatures) lists the arguments. Tools for all losses, such as
//! [`AnyLoss::evaluate`](crate::AnyLoss::evaluate), are one generic function over [`Family`].
//!
//! ```
//! use burn::tensor::Device;
//! use burn_losses::LossConfig;
//!
//! let loss = LossConfig::from_kind("metric", "contrastive")?.init(&Device::flex());
//! let names = |at: usize| loss.signatures()[at].iter().map(|argument| argument.name).collect::<Vec<_>>();
//! assert_eq!(names(0), ["embeddings", "labels", "weights", "mask"]);
//! assert_eq!(names(1), ["first", "second", "dissimilar", "weights", "mask"]);
//! # Ok::<(), burn_losses::ConfigError>(())
//! ```

mod arguments;
mod call;
mod error;
mod valid;

use crate::check::{pictures, shapes_of};
use burn::tensor::{DType, TensorData};
use std::collections::BTreeMap;

pub use arguments::{Arguments, Layout, Leaves};
pub(crate) use arguments::{integers, numbers, place, read, truths};
pub use call::{Called, Family, Wanted};
pub(crate) use call::{forward, with_rank};
pub use error::EvalError;
pub use valid::Valid;

/// Tensors by name.
pub type Inputs = BTreeMap<String, TensorData>;

/// The arguments of one way to call a loss; the prediction is the first.
pub type Signature = Vec<Argument>;

/// One argument of a loss.
#[derive(Debug, Clone, PartialEq)]
pub struct Argument {
    /// The name.
    pub name: &'static str,
    /// The kind of its elements.
    pub kind: Kind,
    /// Its shape.
    pub shape: Shape,
    /// Whether it may be left out.
    pub optional: bool,
    /// Its role in the loss.
    pub role: Role,
}

/// The kind of the elements of an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Numbers.
    Float,
    /// Classes.
    Labels {
        /// Which labels are classes.
        classes: Classes,
        /// The label of entries that do not count.
        ignored: Option<i64>,
    },
    /// Yes or no.
    Mask,
}

/// Which labels are classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Classes {
    /// Any integer is a class.
    Any,
    /// Labels from 0 to one less than the length of axis 1 of the prediction.
    OfAxis,
    /// This many classes, from 0.
    Number(usize),
    /// Labels from 0 to one less than the length of the last axis of the prediction, except this one, the blank.
    NotBlank(usize),
    /// A length: from 0 to the size of this axis of the prediction.
    Length(usize),
    /// A length: from 0 to the size of axis 1 of the labels.
    LengthOfLabels,
}

/// The shape of an argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    /// At least and at most this many axes.
    Axes(usize, usize),
    /// `[N, C, d1, ..]`: the classes are on axis 1.
    ClassAxis,
    /// `[N, K, d1, ..]`: this many parameters are on axis 1.
    Parameters(usize),
    /// `[N, C, H, W]` or `[N, C, D, H, W]`, with sides of at least this length.
    Pictures(usize),
    /// The shape of the prediction.
    Same,
    /// The shape of the prediction without the class axis.
    WithoutClassAxis,
    /// This many axes of the prediction, from the first on.
    First(usize),
    /// The number of rows of the prediction, and this number of axes.
    Rows(usize),
    /// This shape, as the config says.
    Exactly(Vec<usize>),
}

/// The role of an argument in a loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The output of the model: training differentiates the loss with respect to it.
    Prediction,
    /// The target that the output of the model is compared with.
    Target,
    /// The weight of each value.
    Weight,
    /// A parameter of the loss, which training changes: training differentiates the loss with respect to it, too.
    Parameter,
    /// A state that the loss keeps from step to step, or another tensor without a gradient.
    State,
}

/// The most axes that a prediction may have.
const MOST_AXES: usize = 6;

impl Argument {
    fn new(name: &'static str, kind: Kind, shape: Shape, role: Role) -> Self {
        Self { name, kind, shape, optional: false, role }
    }

    /// The output of the model.
    pub fn prediction(name: &'static str, shape: Shape) -> Self {
        Self::new(name, Kind::Float, shape, Role::Prediction)
    }

    /// The target, as numbers.
    pub fn target(name: &'static str, shape: Shape) -> Self {
        Self::new(name, Kind::Float, shape, Role::Target)
    }

    /// The target, as classes.
    pub fn labels(name: &'static str, shape: Shape, classes: Classes, ignored: Option<i64>) -> Self {
        Self::new(name, Kind::Labels { classes, ignored }, shape, Role::Target)
    }

    /// A mask of the valid entries, if not all are valid: see [`Extras`](crate::Extras).
    pub fn mask(name: &'static str, shape: Shape) -> Self {
        Self::new(name, Kind::Mask, shape, Role::Target).optional()
    }

    /// The weights, which are optional for every loss.
    pub fn weights(shape: Shape) -> Self {
        Self::new("weights", Kind::Float, shape, Role::Weight).optional()
    }

    /// A parameter in place of the loss's own.
    pub fn parameter(name: &'static str, shape: &[usize]) -> Self {
        Self::new(name, Kind::Float, Shape::Exactly(shape.to_vec()), Role::Parameter).optional()
    }

    /// A state in place of the loss's own.
    pub fn state(name: &'static str, shape: &[usize]) -> Self {
        Self { role: Role::State, ..Self::parameter(name, shape) }
    }

    /// The same argument, but optional.
    pub fn optional(self) -> Self {
        Self { optional: true, ..self }
    }

    /// The same argument, which may not be left out.
    pub fn required(self) -> Self {
        Self { optional: false, ..self }
    }

    /// Whether the loss has a gradient with respect to this argument that training does not need.
    pub(crate) fn is_constant(&self) -> bool {
        self.kind == Kind::Float && [Role::Target, Role::Weight].contains(&self.role)
    }
}

impl Argument {
    /// Whether the argument can be read from a tensor of this type. Targets and masks may have the type they are stored in: a
    /// target is also read from booleans, as 1 or 0, and from integers; a mask is read from booleans, or from integers, where it
    /// is true if they are not 0.
    pub(crate) fn fits(&self, dtype: DType) -> bool {
        let is_integer = dtype.is_int() || dtype.is_uint();
        match self.kind {
            Kind::Float if self.role == Role::Target => dtype.is_float() || is_integer || dtype.is_bool(),
            Kind::Float => dtype.is_float(),
            Kind::Labels { .. } => is_integer,
            Kind::Mask => dtype.is_bool() || is_integer,
        }
    }

    fn types(&self) -> &'static str {
        match self.kind {
            Kind::Float if self.role == Role::Target => "a float, integer or boolean type",
            Kind::Float => "a float type",
            Kind::Labels { .. } => "an integer type",
            Kind::Mask => "a boolean or an integer type",
        }
    }
}

impl Classes {
    /// The number of classes for a prediction of this shape; `None` if any integer is a class.
    pub fn number(self, prediction: &[usize]) -> Option<usize> {
        match self {
            // Of a list of labels, those beyond its length may be any integers.
            Self::Any | Self::NotBlank(_) | Self::LengthOfLabels => None,
            Self::Length(axis) => prediction.get(axis).map(|size| size + 1),
            Self::OfAxis => prediction.get(1).copied(),
            Self::Number(number) => Some(number),
        }
    }

    /// Whether the integers are lengths in place of classes.
    pub(crate) fn is_length(self) -> bool {
        matches!(self, Self::Length(_) | Self::LengthOfLabels)
    }
}

impl Shape {
    /// Any number of axes.
    pub const ANY: Self = Self::Axes(1, MOST_AXES);

    /// Two axes.
    pub const MATRIX: Self = Self::Axes(2, 2);

    /// The shape that goes with a prediction of this shape, if that determines it. (Weights may have one number per sample
    /// instead.)
    pub fn resolve(&self, prediction: &[usize]) -> Option<Vec<usize>> {
        let axes = prediction.iter().copied();
        match self {
            Self::Axes(..) | Self::ClassAxis | Self::Parameters(_) | Self::Rows(_) | Self::Pictures(_) => None,
            Self::Same => Some(prediction.to_vec()),
            Self::WithoutClassAxis => Some(axes.clone().take(1).chain(axes.skip(2)).collect()),
            Self::First(number) => Some(axes.take(*number).collect()),
            Self::Exactly(shape) => Some(shape.clone()),
        }
    }

    /// The least and the largest number of axes, beside a prediction with `prediction` axes.
    fn ranks(&self, prediction: usize) -> [usize; 2] {
        match self {
            Self::Axes(least, most) => [*least, *most],
            Self::ClassAxis | Self::Parameters(_) => [2, MOST_AXES],
            Self::Pictures(_) => [4, 5],
            Self::Same => [prediction; 2],
            Self::WithoutClassAxis => [prediction.saturating_sub(1); 2],
            Self::First(number) | Self::Rows(number) => [*number; 2],
            Self::Exactly(shape) => [shape.len(); 2],
        }
    }

    /// The expected shape in words, beside the argument `first` of the shape `prediction`; for `weights`, with the shapes that
    /// are also allowed.
    fn expected(&self, first: &str, prediction: &[usize], role: Role) -> String {
        let shape = self.resolve(prediction).filter(|_| !prediction.is_empty());
        match (self, self.ranks(prediction.len())) {
            (Self::Exactly(shape), _) => format!("{shape:?}, as the config says"),
            (Self::ClassAxis, [least, most]) => format!("{least} to {most} axes, the classes on axis 1"),
            (Self::Parameters(number), [least, most]) => {
                format!("{least} to {most} axes, {number} parameters on axis 1")
            }
            (Self::Pictures(least), _) => pictures(*least),
            (_, _) if shape.is_some() && role == Role::Weight => shapes_of("weight", &shape.unwrap_or_default()),
            (Self::Same, _) => format!("{prediction:?} (that of `{first}`)"),
            (Self::WithoutClassAxis, _) if shape.is_some() => {
                format!("{:?} (that of `{first}` without the class axis)", shape.unwrap_or_default())
            }
            (Self::First(1), _) if shape.is_some() => {
                format!("{:?} (one per row of `{first}`)", shape.unwrap_or_default())
            }
            (_, [1, 1]) => "1 axis".into(),
            (_, [least, most]) if least == most => format!("{least} axes"),
            (_, [least, most]) => format!("{least} to {most} axes"),
        }
    }
}
