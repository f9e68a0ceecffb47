//! Tensors without their masked entries, for devices where reading the mask back makes no step wait.

use burn::tensor::{Bool, Device, Int, Tensor, TensorData};

/// The places where a mask is true: `[V]`, in order.
pub(crate) fn places(mask: &Tensor<1, Bool>) -> Tensor<1, Int> {
    let device: Device = mask.device();
    let marks = mask.clone().into_data();
    let places: Vec<i64> = (0..).zip(marks.iter::<bool>()).filter_map(|(place, mark)| mark.then_some(place)).collect();
    let shape = [places.len()];
    Tensor::from_data(TensorData::new(places, shape), &device)
}

/// The numbers that are not masked; `None` if all are.
pub(crate) fn selected(numbers: Tensor<1>, mask: &Tensor<1, Bool>) -> Option<Tensor<1>> {
    let places = places(mask);
    (places.dims() != [0]).then(|| numbers.select(0, places))
}
