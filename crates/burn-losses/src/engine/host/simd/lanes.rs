//! The lanes of one register: memory, choices, bits and operators.

use super::Float;
use crate::formula::operators;
use core::ops::Neg;
use core::slice::from_mut;
use pulp::{Simd, bytemuck};

/// A vector register of the instruction set `S`: as many numbers as it holds.
#[derive(Clone, Copy)]
pub(crate) struct Lanes<S: Simd, T: Float> {
    pub(super) simd: S,
    pub(super) register: T::Register<S>,
}

impl<S: Simd, T: Float> Lanes<S, T> {
    /// How many numbers a register holds.
    pub(crate) const COUNT: usize = size_of::<T::Register<S>>() / size_of::<T>();

    /// Loads `COUNT` numbers.
    #[inline(always)]
    pub(crate) fn load(simd: S, from: &[T]) -> Self {
        Self { simd, register: T::load(from) }
    }

    /// Stores `COUNT` numbers.
    #[inline(always)]
    pub(crate) fn store(self, to: &mut [T]) {
        T::store(self.register, to);
    }

    /// Transposes rows of four numbers into columns. The order within a column is the fastest one for the machine, and is the
    /// same in all columns.
    #[inline(always)]
    pub(crate) fn columns([a, b, c, d]: [Self; 4]) -> [Self; 4] {
        let [x, y, z, w] = T::columns(a.simd, [a.register, b.register, c.register, d.register]);
        [a.with(x), a.with(y), a.with(z), a.with(w)]
    }

    /// Transposes columns from [`columns`](Self::columns) back into the rows.
    #[inline(always)]
    pub(crate) fn rows([x, y, z, w]: [Self; 4]) -> [Self; 4] {
        let [a, b, c, d] = T::rows(x.simd, [x.register, y.register, z.register, w.register]);
        [x.with(a), x.with(b), x.with(c), x.with(d)]
    }

    #[inline(always)]
    pub(super) fn with(self, register: T::Register<S>) -> Self {
        Self { simd: self.simd, register }
    }

    #[inline(always)]
    pub(super) fn splat(self, value: f64) -> Self {
        self.with(T::splat(self.simd, T::from_f64(value)))
    }

    #[inline(always)]
    pub(super) fn bits(self) -> T::Integers<S> {
        T::bits(self.simd, self.register)
    }

    #[inline(always)]
    pub(super) fn with_bits(self, bits: T::Integers<S>) -> Self {
        self.with(T::from_bits(self.simd, bits))
    }

    #[inline(always)]
    pub(super) fn splat_bits(self, bits: u64) -> T::Integers<S> {
        T::splat_bits(self.simd, bits)
    }

    /// The bit of the sign, in every lane.
    #[inline(always)]
    pub(super) fn sign_bits(self) -> T::Integers<S> {
        self.splat_bits(T::from_f64(-0.0).to_bits())
    }

    #[inline(always)]
    pub(super) fn equal(self, value: f64) -> T::Mask<S> {
        T::equal(self.simd, self.register, self.splat(value).register)
    }

    #[inline(always)]
    pub(super) fn less(self, value: f64) -> T::Mask<S> {
        T::less_than(self.simd, self.register, self.splat(value).register)
    }

    #[inline(always)]
    pub(super) fn if_else(self, mask: T::Mask<S>, no: Self) -> Self {
        self.with(T::select(self.simd, mask, self.register, no.register))
    }

    #[inline(always)]
    pub(super) fn shifted_left(self, digits: u32) -> Self {
        self.with_bits(T::shift_left(self.simd, self.bits(), digits))
    }

    /// The number with the sign of `sign`; the number itself must not be negative.
    #[inline(always)]
    pub(super) fn with_sign_of(self, sign: Self) -> Self {
        let sign = T::and(self.simd, sign.bits(), self.sign_bits());
        self.with_bits(T::or(self.simd, self.bits(), sign))
    }

    /// Applies `function` to each lane in turn.
    #[inline(always)]
    pub(super) fn each(self, function: impl Fn(T) -> T) -> Self {
        let mut register = self.register;
        for lane in bytemuck::cast_slice_mut::<_, T>(from_mut(&mut register)) {
            *lane = function(*lane);
        }
        self.with(register)
    }
}

operators! { always [S: Simd, T: Float] Lanes<S, T>:
    Add add |a, b: Self| a.with(T::sum(a.simd, a.register, b.register));
    Sub sub |a, b: Self| a.with(T::difference(a.simd, a.register, b.register));
    Mul mul |a, b: Self| a.with(T::product(a.simd, a.register, b.register));
    Div div |a, b: Self| a.with(T::quotient(a.simd, a.register, b.register));
    Add add |a, b: f64| a + a.splat(b);
    Sub sub |a, b: f64| a - a.splat(b);
    Mul mul |a, b: f64| a * a.splat(b);
}

impl<S: Simd, T: Float> Neg for Lanes<S, T> {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        self.with_bits(T::xor(self.simd, self.bits(), self.sign_bits()))
    }
}
