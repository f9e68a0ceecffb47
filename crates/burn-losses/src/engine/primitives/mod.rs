//! Standard tensor operations with a custom backward. Each one is in a file of its own, as tensor operations and as a kernel of
//! the CPU.
//!
//! No gradient of a formula is written by hand; those of these operations are.

#[cfg(feature = "cpu-engine")]
pub(super) mod activation;
pub(crate) mod bounded_gradient;
pub(crate) mod centers;
pub(crate) mod columns;
pub(crate) mod gather;
pub(crate) mod gathered_matmul;
pub(crate) mod halve;
pub(crate) mod histogram;
pub(crate) mod l2_normalize;
pub(crate) mod labels;
pub(crate) mod lattice;
pub(crate) mod neighbors;
pub(crate) mod order_statistics;
pub(crate) mod p_norm;
pub(crate) mod proxies;
pub(crate) mod softmax;
pub(crate) mod sort;
pub(crate) mod valid;
pub(crate) mod windows;
