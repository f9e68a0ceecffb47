//! The forward methods and the checks of a trait as methods of each loss, so that a caller with a loss needs no trait.

use crate::choice::snake_case;
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{FnArg, Ident, ItemTrait, Pat, Result, TraitItem, TraitItemFn};

/// The macro that writes the methods for a list of losses.
pub(crate) fn macro_of(name: &Ident) -> Ident {
    format_ident!("{}_methods", snake_case(&name.to_string()))
}

/// The trait, followed by the macro.
pub(crate) fn expand(item: ItemTrait) -> Result<TokenStream> {
    let name = &item.ident;
    let methods = item.items.iter().filter_map(|item| match item {
        TraitItem::Fn(method) if is_inherent(&method.sig.ident.to_string()) => Some(method),
        _ => None,
    });
    let methods = methods.map(|method| forwarding(name, method)).collect::<Result<Vec<_>>>()?;
    let macro_name = macro_of(name);
    Ok(quote! {
        #item

        // `#[family]` calls this macro.
        macro_rules! #macro_name {
            ($($loss:ident),+) => {
                $(impl $loss { #(#methods)* })+
            };
        }
    })
}

/// Whether the losses have a method of this name themselves.
fn is_inherent(name: &str) -> bool {
    name.starts_with("forward") || name.starts_with("check")
}

/// A method with the name and the documentation of the trait's method, which it calls.
fn forwarding(of: &Ident, method: &TraitItemFn) -> Result<TokenStream> {
    let TraitItemFn { attrs, sig, .. } = method;
    let name = &sig.ident;
    let arguments = sig.inputs.iter().map(|argument| match argument {
        FnArg::Receiver(_) => Ok(quote!(self)),
        FnArg::Typed(argument) => match &*argument.pat {
            Pat::Ident(pattern) => Ok(pattern.ident.clone()).map(|name| quote!(#name)),
            pattern => Err(syn::Error::new_spanned(pattern, "expected a name")),
        },
    });
    let arguments = arguments.collect::<Result<Vec<_>>>()?;
    let mut sig = sig.clone();
    // `Self: Sized` has no meaning for a struct.
    sig.generics.where_clause = None;
    Ok(quote! {
        #(#attrs)*
        pub #sig {
            #of::#name(#(#arguments),*)
        }
    })
}
