//! Tests whether Burn's collectives work between two processes: see the README.

use std::panic::{AssertUnwindSafe, catch_unwind};

use burn::tensor::distributed::{ReduceOperation, all_reduce};
use burn::tensor::{Device, Tensor};

/// The result of `all_reduce` on each device, or why it fails.
pub(crate) fn answer(devices: &[Device]) -> String {
    let silent = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let result = catch_unwind(AssertUnwindSafe(|| {
        let own = Tensor::<1>::ones([1], &devices[0]);
        all_reduce(own, ReduceOperation::Sum, devices.to_vec())
    }));
    std::panic::set_hook(silent);
    match result {
        // The other device was not asked, so nothing would wait for this call.
        Ok(_) => "all_reduce is taken: ExecutionStrategy::ddp may do".to_string(),
        Err(payload) => {
            let text = payload.downcast_ref::<String>().cloned();
            let text = text.or_else(|| payload.downcast_ref::<&str>().map(|text| text.to_string()));
            format!("refused: {}", text.unwrap_or_default())
        }
    }
}
