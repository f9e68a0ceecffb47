//! Two columns side by side.

use crate::engine::any_tensor::AnyTensor;
use crate::engine::machine;
use burn::tensor::Tensor;

/// Rows `[N, 2]` of two columns `[N]`, which are on one device with one type; neither of them is empty.
pub(crate) fn columns(both: [Tensor<1>; 2]) -> Tensor<2> {
    let parents = both.each_ref().map(AnyTensor::from);
    if machine::reads_for_free(parents[0].clone())
        && let Some(rows) = machine::run("columns", &parents[0], |machine| machine.columns(&parents))
    {
        return rows.into_rank();
    }
    Tensor::stack(both.to_vec(), 1)
}

#[cfg(feature = "cpu-engine")]
pub(in crate::engine) mod host {
    use crate::engine::any_tensor::AnyTensor;
    use crate::engine::custom_backward::custom_backward;
    use crate::engine::host::blocks::{BLOCK, par_rows};
    use crate::engine::host::memory::{Memory, in_precision, stale, tensor};
    use crate::engine::host::simd::Float;

    /// Rows of two columns, in the graph of both.
    pub(in crate::engine) fn columns(parents: &[AnyTensor; 2]) -> Option<AnyTensor> {
        in_precision!(parents[0].dtype(), T => columns_in::<T>(parents))
    }

    fn columns_in<T: Float>(parents: &[AnyTensor; 2]) -> Option<AnyTensor> {
        let (count, device) = (parents[0].count(), parents[0].inner_device());
        let memory = [Memory::new(&parents[0])?, Memory::new(&parents[1])?];
        let [first, second] = [memory[0].numbers_of::<T>()?, memory[1].numbers_of::<T>()?];
        let mut rows = stale::<T>(2 * count);
        par_rows(&mut rows, 2 * BLOCK, 1, &|block, rows| {
            let both = first[block * BLOCK..].iter().zip(&second[block * BLOCK..]);
            for (row, (first, second)) in rows.chunks_exact_mut(2).zip(both) {
                (row[0], row[1]) = (*first, *second);
            }
        });
        let needed = parents.each_ref().map(AnyTensor::is_tracked);
        custom_backward(tensor(rows, &[count, 2], &device), parents, move |upstream| {
            let memory = Memory::new(&upstream).expect("a gradient is where its tensor is");
            let slopes = memory.numbers_of::<T>().expect("of the type of the value");
            let column = |which: usize| {
                let mut column = stale::<T>(count);
                par_rows(&mut column, BLOCK, 1, &|block, column| {
                    let rows = slopes[2 * block * BLOCK..].chunks_exact(2);
                    column.iter_mut().zip(rows).for_each(|(to, row)| *to = row[which]);
                });
                tensor(column, &[count], &device)
            };
            [0, 1].map(|which| needed[which].then(|| column(which))).into()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn both_columns_get_their_own_gradient() {
        let device = Device::flex().autodiff();
        let run = || {
            let first = Tensor::<1>::from_floats([1.0, 2.0, 3.0], &device).require_grad();
            let second = Tensor::<1>::from_floats([4.0, 5.0, 6.0], &device).require_grad();
            let rows = columns([first.clone(), second.clone()]);
            let factors = Tensor::<2>::from_floats([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]], &device);
            let gradients = (rows.clone() * factors).sum().backward();
            let numbers = |tensor: Tensor<1>| tensor.into_data().iter::<f32>().collect::<Vec<_>>();
            let gradients = [first, second].map(|column| numbers(column.grad(&gradients).expect("a gradient")));
            (rows.into_data().iter::<f32>().collect::<Vec<_>>(), gradients)
        };
        let (rows, gradients) = run();
        assert_eq!(rows, [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
        assert_eq!(gradients, [[1.0, 2.0, 3.0], [10.0, 20.0, 30.0]]);
        assert_eq!(crate::with_tensor_operations(run), (rows, gradients));
    }
}
