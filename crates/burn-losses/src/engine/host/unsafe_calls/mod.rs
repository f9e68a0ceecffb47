//! The only unsafe calls of this crate, by topic. Each one stands next to the reason why it is sound.
#![allow(unsafe_code)]

mod gemm;
mod huge_pages;
mod pooled_bytes;

pub(crate) use gemm::{Matrix, product};
pub(crate) use huge_pages::request_large_pages;
pub(crate) use pooled_bytes::bytes;
