//! Implements a trait for an enum of losses.

use proc_macro2::TokenStream;
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::{FnArg, Ident, Pat, Path, Result, ReturnType, Signature, Token, TraitItemFn, Type, braced};

/// `impl Trait for AnyLoss { methods }`.
pub(crate) struct Implementation {
    of: Path,
    any: Ident,
    methods: Vec<TraitItemFn>,
}

impl Parse for Implementation {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        input.parse::<Token![impl]>()?;
        let of = input.parse()?;
        input.parse::<Token![for]>()?;
        let any = input.parse()?;
        let (body, mut methods);
        braced!(body in input);
        methods = Vec::new();
        while !body.is_empty() {
            methods.push(body.parse()?);
        }
        Ok(Self { of, any, methods })
    }
}

pub(crate) fn expand(Implementation { of, any, methods }: Implementation) -> Result<TokenStream> {
    let methods = methods.into_iter().map(|method| {
        if method.default.is_some() {
            return Ok(quote!(#method));
        }
        let (attrs, sig, call) = (&method.attrs, &method.sig, call(&of, &any, &method.sig)?);
        Ok(quote!(#(#attrs)* #sig { #call }))
    });
    let methods = methods.collect::<Result<Vec<_>>>()?;
    Ok(quote!(impl #of for #any { #(#methods)* }))
}

fn call(of: &Path, any: &Ident, sig: &Signature) -> Result<TokenStream> {
    let mut arguments = Vec::new();
    for input in &sig.inputs {
        if let FnArg::Typed(typed) = input {
            match &*typed.pat {
                Pat::Ident(name) => arguments.push(&name.ident),
                other => return Err(syn::Error::new_spanned(other, "expected a name")),
            }
        }
    }
    let name = &sig.ident;
    let call = quote!(#of::#name(loss #(, #arguments)*));
    let gives_self = matches!(&sig.output, ReturnType::Type(_, ty) if matches!(&**ty, Type::Path(path) if path.path.is_ident("Self")));
    Ok(if gives_self {
        quote!(#any! { @same self, loss => #call })
    } else {
        quote!(#any! { @one self, loss => #call })
    })
}
