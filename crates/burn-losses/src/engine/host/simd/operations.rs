//! The machine's operations on the lanes of a register.

use pulp::{Simd, bytemuck::Pod};

/// A type of number that registers have lanes of. Each function here is one operation of [`Simd`], which has a separate method
/// for every type of number.
pub(crate) trait Operations: Pod {
    /// A register in the instruction set `S`.
    type Register<S: Simd>: Pod;
    /// The same register, as integers of the same bits.
    type Integers<S: Simd>: Copy;
    /// One truth value per lane.
    type Mask<S: Simd>: Copy;

    /// Loads as many numbers as there are lanes.
    fn load<S: Simd>(from: &[Self]) -> Self::Register<S>;
    /// Stores as many numbers as there are lanes.
    fn store<S: Simd>(register: Self::Register<S>, to: &mut [Self]);
    /// Transposes rows of four numbers into columns, in an order that the machine chooses.
    fn columns<S: Simd>(simd: S, rows: [Self::Register<S>; 4]) -> [Self::Register<S>; 4];
    /// Transposes such columns back into the rows.
    fn rows<S: Simd>(simd: S, columns: [Self::Register<S>; 4]) -> [Self::Register<S>; 4];
    fn splat<S: Simd>(simd: S, number: Self) -> Self::Register<S>;

    fn sum<S: Simd>(simd: S, a: Self::Register<S>, b: Self::Register<S>) -> Self::Register<S>;
    fn difference<S: Simd>(simd: S, a: Self::Register<S>, b: Self::Register<S>) -> Self::Register<S>;
    fn product<S: Simd>(simd: S, a: Self::Register<S>, b: Self::Register<S>) -> Self::Register<S>;
    fn quotient<S: Simd>(simd: S, a: Self::Register<S>, b: Self::Register<S>) -> Self::Register<S>;
    fn sqrt<S: Simd>(simd: S, a: Self::Register<S>) -> Self::Register<S>;
    /// `a * b + c`, rounded once where the machine has an instruction for it.
    fn mul_add<S: Simd>(simd: S, a: Self::Register<S>, b: Self::Register<S>, c: Self::Register<S>)
    -> Self::Register<S>;

    fn equal<S: Simd>(simd: S, a: Self::Register<S>, b: Self::Register<S>) -> Self::Mask<S>;
    fn less_than<S: Simd>(simd: S, a: Self::Register<S>, b: Self::Register<S>) -> Self::Mask<S>;
    fn greater_than<S: Simd>(simd: S, a: Self::Register<S>, b: Self::Register<S>) -> Self::Mask<S>;
    fn select<S: Simd>(
        simd: S,
        mask: Self::Mask<S>,
        yes: Self::Register<S>,
        no: Self::Register<S>,
    ) -> Self::Register<S>;

    fn bits<S: Simd>(simd: S, register: Self::Register<S>) -> Self::Integers<S>;
    fn from_bits<S: Simd>(simd: S, bits: Self::Integers<S>) -> Self::Register<S>;
    /// The last bits of `bits`, as many as a number has, copied to every lane.
    fn splat_bits<S: Simd>(simd: S, bits: u64) -> Self::Integers<S>;
    fn and<S: Simd>(simd: S, a: Self::Integers<S>, b: Self::Integers<S>) -> Self::Integers<S>;
    fn or<S: Simd>(simd: S, a: Self::Integers<S>, b: Self::Integers<S>) -> Self::Integers<S>;
    fn xor<S: Simd>(simd: S, a: Self::Integers<S>, b: Self::Integers<S>) -> Self::Integers<S>;
    /// The sums of integers, lane by lane.
    fn sum_of_bits<S: Simd>(simd: S, a: Self::Integers<S>, b: Self::Integers<S>) -> Self::Integers<S>;
}

/// Implements the operations for a type of number, with the methods of [`Simd`] for operations on two registers.
macro_rules! operations {
    (
        $float:ident, $bits:ident, $mask:ident;
        numbers: $($arithmetic:ident $of_numbers:ident),*;
        masks: $($comparison:ident),*;
        bits: $($bitwise:ident $of_bits:ident),*;
    ) => {
        pastey::paste! {
            impl Operations for $float {
                type Register<S: Simd> = S::[<$float s>];
                type Integers<S: Simd> = S::[<$bits s>];
                type Mask<S: Simd> = S::[<$mask s>];

                #[inline(always)]
                fn load<S: Simd>(from: &[Self]) -> S::[<$float s>] {
                    S::[<as_simd_ $float s>](from).0[0]
                }
                #[inline(always)]
                fn store<S: Simd>(register: S::[<$float s>], to: &mut [Self]) {
                    S::[<as_mut_simd_ $float s>](to).0[0] = register;
                }
                #[inline(always)]
                fn columns<S: Simd>(simd: S, rows: [S::[<$float s>]; 4]) -> [S::[<$float s>]; 4] {
                    simd.[<deinterleave_shfl_ $float s>](rows)
                }
                #[inline(always)]
                fn rows<S: Simd>(simd: S, columns: [S::[<$float s>]; 4]) -> [S::[<$float s>]; 4] {
                    simd.[<interleave_shfl_ $float s>](columns)
                }
                #[inline(always)]
                fn splat<S: Simd>(simd: S, number: Self) -> S::[<$float s>] {
                    simd.[<splat_ $float s>](number)
                }
                #[inline(always)]
                fn sqrt<S: Simd>(simd: S, a: S::[<$float s>]) -> S::[<$float s>] {
                    simd.[<sqrt_ $float s>](a)
                }
                #[inline(always)]
                fn mul_add<S: Simd>(simd: S, a: S::[<$float s>], b: S::[<$float s>], c: S::[<$float s>]) -> S::[<$float s>] {
                    simd.[<mul_add_e_ $float s>](a, b, c)
                }
                #[inline(always)]
                fn select<S: Simd>(simd: S, mask: S::[<$mask s>], yes: S::[<$float s>], no: S::[<$float s>]) -> S::[<$float s>] {
                    simd.[<select_ $float s>](mask, yes, no)
                }
                #[inline(always)]
                fn bits<S: Simd>(simd: S, register: S::[<$float s>]) -> S::[<$bits s>] {
                    simd.[<transmute_ $bits s_ $float s>](register)
                }
                #[inline(always)]
                fn from_bits<S: Simd>(simd: S, bits: S::[<$bits s>]) -> S::[<$float s>] {
                    simd.[<transmute_ $float s_ $bits s>](bits)
                }
                #[inline(always)]
                fn splat_bits<S: Simd>(simd: S, bits: u64) -> S::[<$bits s>] {
                    simd.[<splat_ $bits s>](bits as $bits)
                }
                $(
                    #[inline(always)]
                    fn $arithmetic<S: Simd>(simd: S, a: S::[<$float s>], b: S::[<$float s>]) -> S::[<$float s>] {
                        simd.[<$of_numbers _ $float s>](a, b)
                    }
                )*
                $(
                    #[inline(always)]
                    fn $comparison<S: Simd>(simd: S, a: S::[<$float s>], b: S::[<$float s>]) -> S::[<$mask s>] {
                        simd.[<$comparison _ $float s>](a, b)
                    }
                )*
                $(
                    #[inline(always)]
                    fn $bitwise<S: Simd>(simd: S, a: S::[<$bits s>], b: S::[<$bits s>]) -> S::[<$bits s>] {
                        simd.[<$of_bits _ $bits s>](a, b)
                    }
                )*
            }
        }
    };
    ($float:ident, $bits:ident, $mask:ident) => {
        operations! {
            $float, $bits, $mask;
            numbers: sum add, difference sub, product mul, quotient div;
            masks: equal, less_than, greater_than;
            bits: and and, or or, xor xor, sum_of_bits add;
        }
    };
}
operations!(f32, u32, m32);
operations!(f64, u64, m64);
