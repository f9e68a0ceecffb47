//! Sums, differences, products and quotients of lanes.

use super::registers::{F32Lanes, F64Lanes};
use core::ops::{Add, Div, Mul, Neg, Sub};
use pulp::Simd;

/// Between lanes, and with one number for all of them.
macro_rules! operators {
    ($lanes:ident of $float:ident, $bits:ident) => {
        operators!($lanes of $float: Add add, Sub sub, Mul mul, Div div);
        operators!($lanes with f64: Add add, Sub sub, Mul mul);

        pastey::paste! {
            impl<S: Simd> Neg for $lanes<S> {
                type Output = Self;
                #[inline(always)]
                fn neg(self) -> Self {
                    self.with_bits(self.simd.[<xor_ $bits s>](self.bits(), self.splat(-0.0).bits()))
                }
            }
        }
    };
    ($lanes:ident of $float:ident: $($operator:ident $method:ident),+) => {
        pastey::paste! {$(
            impl<S: Simd> $operator for $lanes<S> {
                type Output = Self;
                #[inline(always)]
                fn $method(self, other: Self) -> Self {
                    self.with(self.simd.[<$method _ $float s>](self.lanes, other.lanes))
                }
            }
        )+}
    };
    ($lanes:ident with f64: $($operator:ident $method:ident),+) => {$(
        impl<S: Simd> $operator<f64> for $lanes<S> {
            type Output = Self;
            #[inline(always)]
            fn $method(self, other: f64) -> Self {
                self.$method(self.splat(other))
            }
        }
    )+};
}
operators!(F32Lanes of f32, u32);
operators!(F64Lanes of f64, u64);
