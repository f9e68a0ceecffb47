//! The machine's operations on the lanes of a register.

use pulp::{Simd, bytemuck::Pod};

/// Makes the trait [`Operations`] of a list: each function, and the methods of [`Simd`] that it is in single and in double precision.
macro_rules! operations {
    ($($(#[$doc:meta])* $name:ident($($argument:ident: $type:ty),+) -> $result:ty = $single:ident, $double:ident;)+) => {
        /// A type of number that registers have lanes of. Each function here is one operation of [`Simd`], which has a separate method
        /// for every type of number.
        pub(crate) trait Operations: Pod {
            /// A register in the instruction set `S`.
            type Register<S: Simd>: Pod;
            /// The same register, as integers of the same bits.
            type Integers<S: Simd>: Copy;
            /// One truth value per lane.
            type Mask<S: Simd>: Copy;

            $($(#[$doc])* fn $name<S: Simd>(simd: S, $($argument: $type),+) -> $result;)+
        }
        operations! { @f32 f32s u32s m32s $($name($($argument: $type),+) -> $result = $single;)+ }
        operations! { @f64 f64s u64s m64s $($name($($argument: $type),+) -> $result = $double;)+ }
    };
    (
        @$float:ident $registers:ident $integers:ident $masks:ident
        $($name:ident($($argument:ident: $type:ty),+) -> $result:ty = $method:ident;)+
    ) => {
        impl Operations for $float {
            type Register<S: Simd> = S::$registers;
            type Integers<S: Simd> = S::$integers;
            type Mask<S: Simd> = S::$masks;
            $(
                #[inline(always)]
                fn $name<S: Simd>(simd: S, $($argument: $type),+) -> $result {
                    simd.$method($($argument),+)
                }
            )+
        }
    };
}

operations! {
    /// Transposes rows of four numbers into columns, in an order that the machine chooses.
    columns(rows: [Self::Register<S>; 4]) -> [Self::Register<S>; 4] = deinterleave_shfl_f32s, deinterleave_shfl_f64s;
    /// Transposes such columns back into the rows.
    rows(columns: [Self::Register<S>; 4]) -> [Self::Register<S>; 4] = interleave_shfl_f32s, interleave_shfl_f64s;
    splat(number: Self) -> Self::Register<S> = splat_f32s, splat_f64s;

    sum(a: Self::Register<S>, b: Self::Register<S>) -> Self::Register<S> = add_f32s, add_f64s;
    difference(a: Self::Register<S>, b: Self::Register<S>) -> Self::Register<S> = sub_f32s, sub_f64s;
    product(a: Self::Register<S>, b: Self::Register<S>) -> Self::Register<S> = mul_f32s, mul_f64s;
    quotient(a: Self::Register<S>, b: Self::Register<S>) -> Self::Register<S> = div_f32s, div_f64s;
    sqrt(a: Self::Register<S>) -> Self::Register<S> = sqrt_f32s, sqrt_f64s;
    /// `a * b + c`, rounded once where the machine has an instruction for it.
    mul_add(a: Self::Register<S>, b: Self::Register<S>, c: Self::Register<S>) -> Self::Register<S>
        = mul_add_e_f32s, mul_add_e_f64s;

    equal(a: Self::Register<S>, b: Self::Register<S>) -> Self::Mask<S> = equal_f32s, equal_f64s;
    less_than(a: Self::Register<S>, b: Self::Register<S>) -> Self::Mask<S> = less_than_f32s, less_than_f64s;
    greater_than(a: Self::Register<S>, b: Self::Register<S>) -> Self::Mask<S> = greater_than_f32s, greater_than_f64s;
    select(mask: Self::Mask<S>, yes: Self::Register<S>, no: Self::Register<S>) -> Self::Register<S>
        = select_f32s, select_f64s;

    bits(register: Self::Register<S>) -> Self::Integers<S> = transmute_u32s_f32s, transmute_u64s_f64s;
    from_bits(bits: Self::Integers<S>) -> Self::Register<S> = transmute_f32s_u32s, transmute_f64s_u64s;
    and(a: Self::Integers<S>, b: Self::Integers<S>) -> Self::Integers<S> = and_u32s, and_u64s;
    or(a: Self::Integers<S>, b: Self::Integers<S>) -> Self::Integers<S> = or_u32s, or_u64s;
    xor(a: Self::Integers<S>, b: Self::Integers<S>) -> Self::Integers<S> = xor_u32s, xor_u64s;
    /// The sums of integers, lane by lane.
    sum_of_bits(a: Self::Integers<S>, b: Self::Integers<S>) -> Self::Integers<S> = add_u32s, add_u64s;
}
