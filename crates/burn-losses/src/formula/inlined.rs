//! Whether a formula is compiled into the function that calls it.
//!
//! A kernel is compiled for vector instructions that the rest of the program does without. A function that is not inlined into it
//! is compiled without them: every operation becomes a call, and the formula becomes some thirty times slower. Only
//! `#[inline(always)]` guarantees inlining, and Rust does not let a trait ask for it.

use super::Real;
use super::operators;
use super::real::scalar;
use core::cell::Cell;
use core::hint::black_box;
use core::ops::Neg;

/// A number that notes the depth of the stack at every operation on it.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
pub(crate) struct Noted(f64);

impl Noted {
    /// The number inside; notes the depth of the stack.
    #[inline(always)]
    fn number(self) -> f64 {
        note();
        self.0
    }
}

operators! { always [] Noted:
    Add add |a, b: Self| Self(a.number() + b.0);
    Sub sub |a, b: Self| Self(a.number() - b.0);
    Mul mul |a, b: Self| Self(a.number() * b.0);
    Div div |a, b: Self| Self(a.number() / b.0);
    Add add |a, b: f64| Self(a.number() + b);
    Sub sub |a, b: f64| Self(a.number() - b);
    Mul mul |a, b: f64| Self(a.number() * b);
}

impl Neg for Noted {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        Self(-self.number())
    }
}

scalar!(Noted, f64, |x| x.number(), Noted);

thread_local! {
    /// The first depth that was noted, and whether all later ones were equal to it.
    static DEPTH: Cell<(Option<usize>, bool)> = const { Cell::new((None, true)) };
}

/// Notes how deep the stack is.
#[inline(never)]
pub(crate) fn note() {
    let here = 0u8;
    let depth = black_box(&raw const here) as usize;
    let (first, is_same) = DEPTH.get();
    DEPTH.set((first.or(Some(depth)), is_same && first.is_none_or(|first| first == depth)));
}

/// In a debug build, panics if a part of a formula is not inlined into `run`, which notes its own depth before it returns the
/// result.
pub(crate) fn expect_inlined<F>(formula: &F, run: fn(&F, Noted) -> Noted) {
    if !cfg!(debug_assertions) {
        return;
    }
    let is_inlined = |run: fn(&F, Noted) -> Noted| {
        DEPTH.set((None, true));
        // If the result were unused, the last call could become a jump.
        black_box(run(formula, black_box(Noted(0.5))));
        DEPTH.get().1
    };
    // Not every compiler inlines what it is told to.
    let can_tell = || {
        is_inlined(|_, x| {
            let y = (x * x).exp();
            note();
            y
        })
    };
    assert!(
        is_inlined(run) || !can_tell(),
        "`{}`: not all of this formula is inlined, which would make it some thirty times slower in the fused engine. Write \
         `#[inline(always)]` above each of its functions that is generic in `R: Real`, and do no arithmetic in a closure",
        core::any::type_name::<F>()
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formula::Formula;

    /// A formula that is inlined, not inlined, or inlined in part, depending on `KIND`.
    #[derive(Debug, Clone)]
    struct Square<const KIND: u8>;

    #[inline(never)]
    fn square<R: Real>(x: R) -> R {
        x.clone() * x
    }

    impl Formula for Square<0> {
        #[inline(always)]
        fn eval<R: Real>(&self, first: R, target: R) -> R {
            (first - target).square()
        }
    }

    impl Formula for Square<1> {
        #[inline(never)]
        fn eval<R: Real>(&self, first: R, target: R) -> R {
            (first - target).square()
        }
    }

    impl Formula for Square<2> {
        #[inline(always)]
        fn eval<R: Real>(&self, first: R, target: R) -> R {
            square(first - target)
        }
    }

    fn expect<F: Formula>(formula: F) {
        expect_inlined(&formula, |formula, x| {
            let y = formula.eval(x, x);
            note();
            y
        });
    }

    #[test]
    fn what_is_inlined_is_accepted() {
        expect(Square::<0>);
    }

    #[test]
    #[should_panic(expected = "Square<1>`: not all of this formula is inlined")]
    fn a_formula_that_is_called_is_told() {
        expect(Square::<1>);
    }

    #[test]
    #[should_panic(expected = "Square<2>`: not all of this formula is inlined")]
    fn a_part_of_it_that_is_called_is_told() {
        expect(Square::<2>);
    }
}
