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
use super::machine::Machine;
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
    fn pointwise(&self, call: &pointwise::Call<'_>) -> Option<AnyTensor> {
        pointwise::host::run(call)
    }
    fn vectors(&self, call: &super::vectors::Call<'_>) -> Option<AnyTensor> {
        super::vectors::host::run(call)
    }
    fn rows(&self, call: &rows::Call<'_>) -> Option<rows::Outcome> {
        rows::host::run(call)
    }
    fn regions(&self, call: &regions::Call<'_>) -> Option<regions::Outcome> {
        regions::host::run(call).map(regions::Outcome::Sums)
    }
    fn lists(&self, call: &lists::pairs::Call<'_>) -> Option<AnyTensor> {
        lists::host::run(call)
    }
    fn pairs(&self, call: &pairs::Call<'_>) -> Option<pairs::Outcome> {
        pairs::host::run(call)
    }
    fn heads(&self, call: &heads::Call<'_>) -> Option<AnyTensor> {
        heads::host::run(call)
    }

    fn argmax(&self, rows: &AnyTensor) -> Option<Tensor<1, Int>> {
        order_statistics::host::argmax(rows)
    }
    fn centers_moved(
        &self,
        centers: &AnyTensor,
        rows: &AnyTensor,
        labels: &Tensor<1, Int>,
        rate: f64,
    ) -> Option<AnyTensor> {
        centers::host::moved(centers, rows, labels, rate)
    }
    fn gather(&self, rows: &AnyTensor, columns: &Tensor<1, Int>) -> Option<AnyTensor> {
        gather::host::gather(rows, columns)
    }
    fn gathered_matmul(
        &self,
        parents: &[AnyTensor; 2],
        own: &Tensor<2, Int>,
        shared: Option<&Tensor<1, Int>>,
    ) -> Option<AnyTensor> {
        gathered_matmul::host::run(parents, own, shared)
    }
    fn half_squared_distances(&self, parents: &[AnyTensor; 2], labels: &Tensor<1, Int>) -> Option<AnyTensor> {
        centers::host::half_squared_distances(parents, labels)
    }
    fn histogram(&self, numbers: &AnyTensor, bins: usize) -> Option<AnyTensor> {
        histogram::host::histogram(numbers, bins)
    }
    fn l2_normalize(&self, rows: &AnyTensor) -> Option<AnyTensor> {
        l2_normalize::host::run(rows)
    }
    fn lattice(&self, call: &lattice::Call<'_>) -> Option<AnyTensor> {
        lattice::host::lattice(call)
    }
    fn log_softmax(&self, rows: &AnyTensor) -> Option<AnyTensor> {
        softmax::host::log_softmax(rows)
    }
    fn largest(&self, scores: &AnyTensor, k: usize) -> Option<AnyTensor> {
        order_statistics::host::largest(scores, k)
    }
    fn lookup(&self, numbers: &AnyTensor, entries: &AnyTensor) -> Option<AnyTensor> {
        histogram::host::lookup(numbers, entries)
    }
    fn median(&self, values: &AnyTensor) -> Option<AnyTensor> {
        order_statistics::host::median(values)
    }
    fn proxy_anchor(&self, parents: &[AnyTensor; 2], labels: &Tensor<1, Int>, scales: [f64; 2]) -> Option<AnyTensor> {
        proxies::host::run(parents, labels, scales)
    }
    fn select(&self, rows: &AnyTensor, places: &Tensor<1, Int>) -> Option<AnyTensor> {
        gather::host::select(rows, places)
    }
    fn columns(&self, both: &[AnyTensor; 2]) -> Option<AnyTensor> {
        columns::host::columns(both)
    }
    fn p_norm(&self, rows: &AnyTensor, p: f64) -> Option<AnyTensor> {
        p_norm::host::p_norm(rows, p)
    }
    fn squares(&self, rows: &AnyTensor) -> Option<AnyTensor> {
        pairs::host::squares(rows)
    }
    fn ranks(&self, keys: &AnyTensor, valid: &AnyTensor) -> Option<AnyTensor> {
        lists::host::ranks(keys, valid)
    }
    fn of_ranks(&self, call: &sort::Call<'_>) -> Option<AnyTensor> {
        sort::host::of_ranks(call)
    }
    fn halve(&self, numbers: &AnyTensor) -> Option<AnyTensor> {
        halve::host::halve(numbers)
    }
    fn neighbors(&self, call: &neighbors::Call<'_>) -> Option<AnyTensor> {
        neighbors::host::run(call)
    }
    fn windows(&self, call: &windows::Call<'_>) -> Option<AnyTensor> {
        windows::host::run(call)
    }
}
