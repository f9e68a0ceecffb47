//! The CPU as a machine: value and gradient in one pass over memory.
//!
//! A formula is compiled for the vector instructions of the machine ([`simd`]), with [`Dual`](crate::formula::Dual) numbers, and runs
//! over the memory of the tensors ([`memory`]) on all threads ([`blocks`]). The kernels stand beside their contracts: the module `host`
//! of each executor and primitive.

pub(crate) mod blocks;
pub(crate) mod by_place;
pub(crate) mod memory;
pub(crate) mod simd;
pub(crate) mod transpose;
pub(crate) mod unsafe_calls;
pub(crate) mod vectors;

use super::any_tensor::AnyTensor;
use super::machine::{Machine, kernels};
use super::primitives::{
    centers, columns, gather, gathered_matmul, halve, histogram, l2_normalize, lattice, neighbors, order_statistics,
    p_norm, proxies, softmax, sort, windows,
};
use super::{heads, lists, pairs, pointwise, regions, rows};
use burn::tensor::{Int, Tensor};

/// The CPU, for tensors of Flex and NdArray.
pub(crate) struct Host;

impl Machine for Host {
    fn takes(&self, tensor: &AnyTensor) -> bool {
        simd::is_available() && memory::Memory::is_host_resident(tensor)
    }
    fn reads_for_free(&self) -> bool {
        true
    }
    kernels!(host);
}
