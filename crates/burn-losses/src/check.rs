//! Checks of arguments before anything is computed: shapes, types and devices, never values.

use crate::error::{InputError, InputProblem};
use burn::tensor::{DType, FloatDType, Int, Tensor, kind::Basic};

/// The argument that the others are compared with.
#[derive(Clone, Copy)]
pub(crate) struct Reference<'a, const D: usize> {
    pub(crate) loss: &'static str,
    pub(crate) name: &'static str,
    pub(crate) tensor: &'a Tensor<D>,
}

impl<const D: usize> Reference<'_, D> {
    pub(crate) fn error(&self, argument: &'static str, problem: InputProblem) -> InputError {
        InputError { loss: self.loss, argument, problem }
    }

    pub(crate) fn shape_error(&self, argument: &'static str, given: &[usize], expected: String) -> InputError {
        let given = given.to_vec();
        self.error(argument, InputProblem::Shape { given, expected })
    }

    /// Checks that `other` has the same shape, a compatible type and the same device.
    pub(crate) fn same<K: Basic>(&self, argument: &'static str, other: &Tensor<D, K>) -> Result<(), InputError> {
        self.companion(argument, other, self.tensor.dims(), &format!("that of `{}`", self.name))
    }

    /// Checks that `other` has the shape that follows from the first argument's, for `reason`, a compatible type and the same
    /// device.
    pub(crate) fn companion<const E: usize, K: Basic>(
        &self,
        argument: &'static str,
        other: &Tensor<E, K>,
        shape: [usize; E],
        reason: &str,
    ) -> Result<(), InputError> {
        if other.dims() != shape {
            return Err(self.shape_error(argument, &other.dims(), format!("{shape:?} ({reason})")));
        }
        self.same_type(argument, other)?;
        self.same_device(argument, other)
    }

    /// Checks that labels have the shape of the first argument without the class axis, and the same device.
    pub(crate) fn labels<const L: usize>(&self, labels: &Tensor<L, Int>, shape: [usize; L]) -> Result<(), InputError> {
        self.companion("labels", labels, shape, &format!("that of `{}` without the class axis", self.name))
    }

    /// Checks that weights have the shape of the `values`, or one value per sample: `[N, 1, ..]`.
    pub(crate) fn weights<const W: usize>(
        &self,
        values: &[usize],
        given: &[usize],
        weights: &Tensor<W>,
    ) -> Result<(), InputError> {
        self.per_value("weights", "weight", values, given)?;
        self.same_type("weights", weights)?;
        self.same_device("weights", weights)
    }

    /// Checks that an argument has the shape of the `values`, or one entry per sample: `[N, 1, ..]`.
    pub(crate) fn per_value(
        &self,
        argument: &'static str,
        entry: &str,
        values: &[usize],
        given: &[usize],
    ) -> Result<(), InputError> {
        if given == values || given == one_per_sample(values) {
            return Ok(());
        }
        Err(self.shape_error(argument, given, shapes_of(entry, values)))
    }

    /// Half precision is computed in f32, so it goes together with f32; no other float types mix. Labels and masks go with all.
    fn same_type<const E: usize, K: Basic>(
        &self,
        argument: &'static str,
        other: &Tensor<E, K>,
    ) -> Result<(), InputError> {
        let (given, expected) = (other.dtype(), self.tensor.dtype());
        if widened(given) == widened(expected) || given.is_bool() || given.is_int() || given.is_uint() {
            return Ok(());
        }
        Err(self.error(
            argument,
            InputProblem::DType {
                given: format!("{given:?}"),
                expected: format!("{expected:?} (that of `{}`)", self.name),
            },
        ))
    }

    pub(crate) fn same_device<const E: usize, K: Basic>(
        &self,
        argument: &'static str,
        other: &Tensor<E, K>,
    ) -> Result<(), InputError> {
        let (given, expected) = (other.device(), self.tensor.device());
        if given == expected {
            return Ok(());
        }
        Err(self.error(
            argument,
            InputProblem::Device {
                given: format!("{given:?}"),
                expected: format!("{expected:?} (that of `{}`)", self.name),
            },
        ))
    }
}

/// The shapes that an argument with an entry per value or per sample may have beside values of this shape, in words.
pub(crate) fn shapes_of(entry: &str, values: &[usize]) -> String {
    match values.len() {
        1 => format!("{values:?} (one {entry} per value)"),
        _ => format!("{values:?} (one {entry} per value) or {:?} (one per sample)", one_per_sample(values)),
    }
}

fn one_per_sample(values: &[usize]) -> Vec<usize> {
    let mut samples = vec![1; values.len()];
    samples[0] = values[0];
    samples
}

/// The shapes that pictures may have, in words.
pub(crate) fn pictures(least_side: usize) -> String {
    let sides = if least_side > 1 { format!(", with sides of at least {least_side}") } else { String::new() };
    format!("[N, C, H, W] or [N, C, D, H, W]{sides}")
}

/// The shape with one entry per sample: `[N, 1, ..]`.
pub(crate) fn per_sample<const V: usize>(values: [usize; V]) -> [usize; V] {
    core::array::from_fn(|axis| if axis == 0 { values[0] } else { 1 })
}

/// The type in which a loss of such input is computed and returned: f32 for half precision, else the type itself.
pub(crate) fn widened(dtype: DType) -> DType {
    match dtype {
        DType::F16 | DType::BF16 | DType::Flex32 => DType::F32,
        other => other,
    }
}

/// Converts half precision to f32, so that squares and sums neither overflow nor lose digits. The gradient comes back in half
/// precision.
pub(crate) fn widen<const D: usize>(tensor: Tensor<D>) -> Tensor<D> {
    match tensor.dtype() {
        DType::F16 | DType::BF16 => tensor.cast(FloatDType::F32),
        _ => tensor,
    }
}
