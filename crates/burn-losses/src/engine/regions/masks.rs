//! The true regions, pixel by pixel.

use crate::engine::primitives::labels::{fits, one_hot};
use burn::tensor::{Bool, Int, Tensor};

/// The true regions: `[N, C, d1, ..]`, one channel per class, and which pixels count.
///
/// A tensor of floats converts into masks by itself, and all its pixels count. [`from_bool`](Self::from_bool) and
/// [`from_ints`](Self::from_ints) convert masks of other types, and [`from_labels`](Self::from_labels) makes masks from labels.
#[derive(Debug, Clone)]
pub struct Masks<const D: usize> {
    /// 1 inside a region and 0 outside; soft edges are allowed.
    pub masks: Tensor<D>,
    /// Which pixels count, in the shape of the masks: false ignores a pixel, whatever its mask and prediction are. `None`: all
    /// count.
    pub valid: Option<Tensor<D, Bool>>,
}

impl<const D: usize> From<Tensor<D>> for Masks<D> {
    fn from(masks: Tensor<D>) -> Self {
        Self { masks, valid: None }
    }
}

impl<const D: usize> Masks<D> {
    /// Makes masks from booleans: true is 1, false is 0. The masks have the device's own float type.
    pub fn from_bool(masks: Tensor<D, Bool>) -> Self {
        masks.float().into()
    }

    /// Makes masks from integers of any type, whose values are not changed: divide masks that are stored as 0 and 255 by 255. The
    /// masks have the device's own float type.
    pub fn from_ints(masks: Tensor<D, Int>) -> Self {
        masks.float().into()
    }

    /// Makes one channel per class from labels `[N, d1, ..]` in 0..classes: exactly 0 and 1, with nothing read back from the
    /// device.
    ///
    /// Pixels with the label `ignore_index`, which may be any integer, do not count. A pixel with any other label that is out of
    /// range is NaN in every channel: it makes the loss of its sample NaN. The masks have the device's own float type.
    ///
    /// A model with one channel needs masks in place of labels: 1 inside the region.
    ///
    /// ```
    /// use burn::tensor::{Device, Int, Tensor};
    /// use burn_losses::segmentation::Masks;
    ///
    /// let labels = Tensor::<2, Int>::from_ints([[0, 2, 255]], &Device::flex());
    /// let masks: Masks<3> = Masks::from_labels(labels, 3, Some(255));
    /// assert_eq!(masks.masks.into_data().to_vec::<f32>().unwrap(), [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
    /// assert_eq!(masks.valid.unwrap().into_data().to_vec::<bool>().unwrap()[..3], [true, true, false]);
    /// ```
    pub fn from_labels<const L: usize>(labels: Tensor<L, Int>, classes: usize, ignore_index: Option<i64>) -> Self {
        const { assert!(D == L + 1, "labels [N, d1, ..] make masks [N, C, d1, ..]: one axis more") };
        let dims = labels.dims();
        let shape: [usize; D] = core::array::from_fn(|axis| match axis {
            0 => dims[0],
            1 => classes,
            _ => dims[axis - 1],
        });
        if shape.contains(&0) {
            let masks = Tensor::zeros(shape, &labels.device());
            let valid = ignore_index.map(|_| Tensor::empty(shape, &labels.device()));
            return Self { masks, valid };
        }
        let flat = labels.clone().reshape([labels.shape().num_elements()]);
        // [pixels, C], hence [N, d1, .., C], hence [N, C, d1, ..].
        let last: [usize; D] = core::array::from_fn(|axis| if axis == D - 1 { classes } else { dims[axis] });
        let everywhere = |mask: Tensor<1, Bool>| {
            let count = mask.dims()[0];
            mask.unsqueeze_dim::<2>(1).expand([count, classes]).reshape(last).movedim(D as isize - 1, 1)
        };
        // The type of the labels may be unable to hold the index: then no label is equal to it.
        let ignored = ignore_index.map(|index| match fits(index, flat.dtype()) {
            true => flat.clone().equal_elem(index),
            false => flat.clone().equal_elem(0).bool_and(flat.clone().not_equal_elem(0)),
        });
        let outside = flat.clone().lower_elem(0).bool_or(flat.clone().greater_equal_elem(classes as i64));
        let outside = match &ignored {
            Some(ignored) => outside.bool_and(ignored.clone().bool_not()),
            None => outside,
        };
        let masks = one_hot(flat, classes).float().reshape(last).movedim(D as isize - 1, 1);
        let masks = masks.mask_fill(everywhere(outside), f64::NAN);
        Self { masks, valid: ignored.map(|ignored| everywhere(ignored.bool_not())) }
    }
}
