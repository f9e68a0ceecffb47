//! The number of training steps that have been taken.

use super::{new_state, set_state, state_on};
use burn::module::{Module, RunningState};
use burn::tensor::{Device, Int, Tensor};

/// A count that is saved with the module.
///
/// Burn's states are floats, and in single precision 2^24 + 1 is 2^24. So the count is stored as two digits, each of which is a
/// small number.
#[derive(Module, Debug)]
pub(crate) struct Steps {
    /// `[2]`: the number of times that [`BASE`] steps have been taken, and the number of steps since then.
    digits: RunningState<Tensor<1>>,
}

const BASE: i64 = 1 << 20;

impl Steps {
    /// A count of 0 steps.
    pub(crate) fn new(device: &Device) -> Self {
        Self { digits: new_state([2], 0.0, device) }
    }

    /// The steps so far, `[1]`, on this device.
    pub(crate) fn count(&self, device: &Device) -> Tensor<1, Int> {
        let digits = state_on(&self.digits, device).int();
        digits.clone().narrow(0, 0, 1) * BASE + digits.narrow(0, 1, 1)
    }

    /// Counts one more step, on this device.
    pub(crate) fn advance(&self, device: &Device) {
        let digits = state_on(&self.digits, device);
        let (high, low) = (digits.clone().narrow(0, 0, 1), digits.narrow(0, 1, 1) + 1.0);
        let is_full = low.clone().greater_equal_scalar(BASE as f64);
        let high = high.clone().mask_where(is_full.clone(), high + 1.0);
        set_state(&self.digits, Tensor::cat(vec![high, low.mask_fill(is_full, 0.0)], 0));
    }

    /// The steps so far, `[1]`, on the device that counts them.
    pub(crate) fn value(&self) -> Tensor<1, Int> {
        self.count(&self.digits.value_sync().device())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// T79: a count in one float would stop at 2^24.
    #[test]
    fn t79_steps_are_counted_beyond_what_a_float_holds() {
        let device = Device::flex();
        for count in [0, 1, BASE - 1, BASE, (1 << 24) - 1, 1 << 24, (1 << 24) + 1, (1 << 30) + 12_345] {
            let digits = Tensor::from_floats([(count / BASE) as f32, (count % BASE) as f32], &device);
            let steps = Steps { digits: RunningState::new(digits) };
            assert_eq!(steps.value().into_scalar::<i64>(), count);
            steps.advance(&device);
            assert_eq!(steps.value().into_scalar::<i64>(), count + 1);
        }
    }
}
