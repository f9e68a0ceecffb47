//! A trait of an enum of losses.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{FnArg, ImplItem, ItemImpl, Pat, Result, ReturnType, Signature, TraitItemFn, Type, parse_quote};

pub(crate) fn expand(mut item: ItemImpl) -> Result<TokenStream> {
    let Some((_, of, _)) = item.trait_.clone() else {
        return Err(syn::Error::new_spanned(&item.self_ty, "expected the implementation of a trait"));
    };
    let any = item.self_ty.clone();
    for inner in &mut item.items {
        let ImplItem::Verbatim(tokens) = inner else { continue };
        let TraitItemFn { attrs, sig, .. } = syn::parse2(tokens.clone())?;
        let call = call(&of, &any, &sig)?;
        *inner = parse_quote!(#(#attrs)* #sig { #call });
    }
    Ok(quote!(#item))
}

fn call(of: &syn::Path, any: &Type, sig: &Signature) -> Result<TokenStream> {
    let mut arguments = Vec::new();
    for input in &sig.inputs {
        match input {
            FnArg::Receiver(_) => {}
            FnArg::Typed(typed) => match &*typed.pat {
                Pat::Ident(name) => arguments.push(&name.ident),
                other => return Err(syn::Error::new_spanned(other, "expected a name")),
            },
        }
    }
    let name = &sig.ident;
    let call = quote!(#of::#name(loss #(, #arguments)*));
    let gives_self = matches!(&sig.output, ReturnType::Type(_, ty) if **ty == parse_quote!(Self));
    Ok(if gives_self {
        quote!(#any! { @same self, loss => #call })
    } else {
        quote!(#any! { @one self, loss => #call })
    })
}
