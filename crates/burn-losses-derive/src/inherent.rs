//! The forward methods and the checks of a trait as methods of each loss, so that a caller with a loss needs no trait; and the trait
//! for the enum of the losses.

use crate::choice::snake_case;
use crate::dispatch;
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
        TraitItem::Fn(method) => Some(method),
        _ => None,
    });
    let (inherent, others): (Vec<_>, Vec<_>) = methods.partition(|method| is_inherent(&method.sig.ident.to_string()));
    let inherent = inherent.into_iter().map(|method| forwarding(name, method)).collect::<Result<Vec<_>>>()?;
    let others = others.into_iter().map(|method| dispatch::calling(name, &quote!($any), &method.sig));
    let macro_name = macro_of(name);
    Ok(quote! {
        #item

        // `#[family]` calls this macro.
        macro_rules! #macro_name {
            (@enum $any:ident) => {
                impl #name for $any { #(#others)* }
            };
            ($($loss:ident),+) => {
                $(impl $loss { #(#inherent)* })+
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
