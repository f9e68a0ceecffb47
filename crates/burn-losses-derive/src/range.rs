//! Ranges of numbers, as written in an attribute.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{LitStr, Result};

/// Reads `>= 0`, `> 0`, `< 1`, `odd >= 1`, `[0, 1]`, `(0, 1)`, `(0, 1]`, `[0, 1)`; a bound may be `pi`, `2 pi` or `pi/2`.
pub(crate) fn range(text: &LitStr) -> Result<TokenStream> {
    let value = text.value();
    let wrong = || {
        syn::Error::new(
            text.span(),
            "expected one of `> a`, `>= a`, `< b`, `odd >= a`, `(a, b)`, `[a, b]`, `(a, b]`, `[a, b)`",
        )
    };
    let bound = |word: &str| match word.trim() {
        "pi" => Ok(quote!(::core::f64::consts::PI)),
        "2 pi" => Ok(quote!(::core::f64::consts::TAU)),
        "pi/2" => Ok(quote!(::core::f64::consts::FRAC_PI_2)),
        word => word.parse::<f64>().map(|number| quote!(#number)).map_err(|_| wrong()),
    };
    for (sign, name) in [(">=", "AtLeast"), (">", "Greater"), ("<", "Less"), ("odd >=", "Odd")] {
        if let Some(rest) = value.strip_prefix(sign) {
            let (name, bound) = (syn::Ident::new(name, text.span()), bound(rest)?);
            return Ok(quote!(crate::config::Range::#name(#bound)));
        }
    }
    let (low, high) = value.split_once(',').ok_or_else(wrong)?;
    let (open, low) = low.split_at_checked(1).ok_or_else(wrong)?;
    let (high, close) = high.split_at_checked(high.len() - 1).ok_or_else(wrong)?;
    let name = match (open, close) {
        ("(", ")") => "Open",
        ("[", "]") => "Closed",
        ("(", "]") => "HalfOpenLow",
        ("[", ")") => "HalfOpen",
        _ => return Err(wrong()),
    };
    let (name, low, high) = (syn::Ident::new(name, text.span()), bound(low)?, bound(high)?);
    Ok(quote!(crate::config::Range::#name(#low, #high)))
}

/// The range in words, for the documentation.
pub(crate) fn in_words(text: &LitStr) -> String {
    let value = text.value();
    if value.starts_with(['(', '[']) { format!("in `{value}`") } else { format!("`{value}`") }
}
