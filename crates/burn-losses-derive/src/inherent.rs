//! The forward methods and the checks of a trait as methods of each loss, so that a caller with a loss needs no trait; and the trait
//! for the enum of the losses.

use crate::choice::snake_case;
use crate::dispatch;
use crate::field::doc_line;
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{
    Attribute, FnArg, Ident, ItemTrait, Pat, Result, ReturnType, Signature, TraitItem, TraitItemFn, Type, parse_quote,
};

/// The macro that writes the methods for a list of losses.
pub(crate) fn macro_of(name: &Ident) -> Ident {
    format_ident!("{}_methods", snake_case(&name.to_string()))
}

/// The trait, followed by the macro.
pub(crate) fn expand(mut item: ItemTrait) -> Result<TokenStream> {
    let names = methods(&item).map(|method| method.sig.ident.to_string());
    let checks: Vec<_> = names.filter(|name| name.starts_with(CHECK)).collect();
    for item in &mut item.items {
        if let TraitItem::Fn(method) = item {
            add_panics(method, &checks);
        }
    }
    let name = &item.ident;
    let (inherent, others): (Vec<_>, Vec<_>) =
        methods(&item).partition(|method| is_inherent(&method.sig.ident.to_string()));
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

const FORWARD: &str = "forward";
const CHECK: &str = "check";

/// Whether the losses have a method of this name themselves.
fn is_inherent(name: &str) -> bool {
    name.starts_with(FORWARD) || name.starts_with(CHECK)
}

fn methods(of: &ItemTrait) -> impl Iterator<Item = &TraitItemFn> {
    of.items.iter().filter_map(|item| match item {
        TraitItem::Fn(method) => Some(method),
        _ => None,
    })
}

/// Makes a forward method panic at the place of its caller, and documents when it does: where its check returns an error. Documentation
/// of its own stays as it is.
fn add_panics(method: &mut TraitItemFn, checks: &[String]) {
    let TraitItemFn { attrs, sig, .. } = method;
    let name = sig.ident.to_string();
    // `forward_pairs_with` has the check `check_pairs`, if there is one.
    let own = checks.iter().filter(|check| name.contains(&check[CHECK.len()..]));
    let Some(check) = own.max_by_key(|check| check.len()).filter(|_| name.starts_with(FORWARD)) else { return };
    let is_known = |attr: &Attribute| doc_line(attr).is_some_and(|line| line.trim() == "# Panics");
    if attrs.iter().any(is_known) {
        return;
    }
    let has_extras = sig.inputs.iter().any(|input| is_named(input, "extras"));
    let divisor = match has_extras && gives_tensor(sig) {
        true => ", or with a divisor and [`Reduction::Sum`](crate::Reduction::Sum), which takes no divisor",
        false => "",
    };
    let text = format!(" With the message of [`{check}`](Self::{check})'s error{divisor}.");
    for line in ["", " # Panics", &text] {
        attrs.push(parse_quote!(#[doc = #line]));
    }
    attrs.push(parse_quote!(#[track_caller]));
}

fn is_named(argument: &FnArg, name: &str) -> bool {
    let FnArg::Typed(argument) = argument else { return false };
    matches!(&*argument.pat, Pat::Ident(pattern) if pattern.ident == name)
}

fn gives_tensor(sig: &Signature) -> bool {
    let ReturnType::Type(_, output) = &sig.output else { return false };
    matches!(&**output, Type::Path(path) if path.path.segments[0].ident == "Tensor")
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
