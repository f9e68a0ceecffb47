//! Labels: their types, and which of them are in range.

use crate::reduction::{Extras, ShapedExtras};
use burn::tensor::{Bool, DType, Int, IntDType, Tensor};

/// Labels, and the label of the rows that do not count.
#[derive(Debug, Clone)]
pub struct Labels<const L: usize> {
    pub(crate) of: Tensor<L, Int>,
    pub(crate) ignore_index: Option<i64>,
}

impl<const L: usize> Labels<L> {
    /// The labels, changed so that masked rows do not count either, and the extras in the shape of the labels.
    pub(crate) fn with_extras(
        of: Tensor<L, Int>,
        ignore_index: Option<i64>,
        extras: Extras,
    ) -> (Self, ShapedExtras<L>) {
        let extras = extras.for_shape(of.dims());
        (Self { of, ignore_index }.masked(extras.mask.as_ref()), extras)
    }

    fn masked(self, mask: Option<&Tensor<L, Bool>>) -> Self {
        let Some(mask) = mask else { return self };
        let mut labels = widen_labels(self.of);
        let index = self.ignore_index.filter(|index| fits(*index, labels.dtype()));
        let ignored = index.unwrap_or_else(|| {
            // A label that no class has; rows that have it already get another such label.
            let [unused, other] = match labels.dtype() {
                DType::U32 | DType::U64 => [i64::from(u32::MAX), i64::from(u32::MAX) - 1],
                _ => [i64::from(i32::MIN), -1],
            };
            labels = labels.clone().mask_fill(labels.clone().equal_elem(unused), other);
            unused
        });
        Self { of: labels.mask_fill(mask.clone().bool_not(), ignored), ignore_index: Some(ignored) }
    }
}

/// Whether a label of this type can have the value `index`.
pub(crate) fn fits(index: i64, dtype: DType) -> bool {
    match dtype {
        DType::I64 => true,
        DType::I32 => i32::try_from(index).is_ok(),
        DType::I16 => i16::try_from(index).is_ok(),
        DType::I8 => i8::try_from(index).is_ok(),
        DType::U64 => u64::try_from(index).is_ok(),
        DType::U32 => u32::try_from(index).is_ok(),
        DType::U16 => u16::try_from(index).is_ok(),
        DType::U8 => u8::try_from(index).is_ok(),
        _ => true,
    }
}

/// Labels that are replaced by one out of range where they are masked.
pub(crate) fn without_class<const L: usize>(labels: Tensor<L, Int>, mask: Option<&Tensor<L, Bool>>) -> Tensor<L, Int> {
    match mask {
        None => labels,
        Some(mask) => widen_labels(labels).mask_fill(mask.clone().bool_not(), i64::from(i32::MAX)),
    }
}

/// Labels in a type that holds every class.
pub(crate) fn widen_labels<const L: usize>(labels: Tensor<L, Int>) -> Tensor<L, Int> {
    match labels.dtype() {
        DType::I8 | DType::I16 | DType::U8 | DType::U16 => labels.cast(IntDType::I32),
        _ => labels,
    }
}

/// Which labels are out of range.
pub(crate) fn is_out_of_range<const L: usize>(labels: &Tensor<L, Int>, classes: usize) -> Tensor<L, Bool> {
    labels.clone().lower_elem(0).bool_or(labels.clone().greater_equal_elem(classes as i64))
}

/// True at the class of each row: `[M, C]`. It is made by comparison, which is exact and reads nothing back.
pub(crate) fn one_hot(labels: Tensor<1, Int>, classes: usize) -> Tensor<2, Bool> {
    let class = Tensor::arange(0..classes as i64, (&labels.device(), labels.dtype()));
    same_label(labels, class)
}

/// True where the label of a row is that of a column: `[N, M]`.
pub(crate) fn same_label(rows: Tensor<1, Int>, columns: Tensor<1, Int>) -> Tensor<2, Bool> {
    let shape = [rows.dims()[0], columns.dims()[0]];
    rows.unsqueeze_dim::<2>(1).expand(shape).equal(columns.unsqueeze::<2>().expand(shape))
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, TensorData};

    #[test]
    fn masked_labels_become_the_ignored_one_and_no_other_does() {
        let device = Device::flex();
        let mask = || Tensor::<1, Bool>::from_data(TensorData::from([true, false, true]), &device);
        let masked = |labels: [i64; 3], ignore_index| {
            let labels = Tensor::<1, Int>::from_data(TensorData::from(labels), (&device, DType::I64));
            let (labels, _) = Labels::with_extras(labels, ignore_index, mask().into());
            (labels.of.into_data().iter::<i64>().collect::<Vec<_>>(), labels.ignore_index)
        };
        assert_eq!(masked([2, 1, -100], Some(-100)), (vec![2, -100, -100], Some(-100)));
        let least = i64::from(i32::MIN);
        assert_eq!(masked([2, 1, 0], None), (vec![2, least, 0], Some(least)));
        assert_eq!(masked([least, 1, 0], None), (vec![-1, least, 0], Some(least)), "no class is none still");
        let bytes = Tensor::<1, Int>::from_data(TensorData::from([2_u8, 1, 0]), (&device, DType::U8));
        let (labels, _) = Labels::with_extras(bytes, Some(-100), mask().into());
        assert_eq!(labels.of.into_data().iter::<i64>().collect::<Vec<_>>(), [2, -100, 0], "a byte holds no -100");
    }
}
