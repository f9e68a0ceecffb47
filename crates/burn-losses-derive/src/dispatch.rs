//! Implements a trait for an enum of losses.

use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote};
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

pub(crate) fn expand(Implementation { of, any, methods }: Implementation) -> TokenStream {
    let methods = methods.into_iter().map(|method| match method.default {
        Some(_) => quote!(#method),
        None => calling(&of, &any, &method.sig),
    });
    quote!(impl #of for #any { #(#methods)* })
}

/// A method of the enum: it calls that of the loss in it. `any` is the macro that matches on the enum.
pub(crate) fn calling(of: &impl ToTokens, any: &impl ToTokens, sig: &Signature) -> TokenStream {
    let mut sig = sig.clone();
    let mut arguments = Vec::new();
    for (at, input) in sig.inputs.iter_mut().enumerate() {
        if let FnArg::Typed(typed) = input {
            let argument = format_ident!("argument_{at}");
            *typed.pat = Pat::Verbatim(quote!(#argument));
            arguments.push(argument);
        }
    }
    let name = &sig.ident;
    let gives_self = matches!(&sig.output, ReturnType::Type(_, ty) if matches!(&**ty, Type::Path(path) if path.path.is_ident("Self")));
    let arm = if gives_self { quote!(@same) } else { quote!(@one) };
    quote!(#sig { #any! { #arm self, loss => #of::#name(loss #(, #arguments)*) } })
}
