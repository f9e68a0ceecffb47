//! Structs of documented fields: configs, and parts of them.

use crate::by_value;
use crate::field::Field;
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::parse::{Parse, ParseStream};
use syn::{Expr, Fields, ItemStruct, Result, Token, parse_quote};

/// The arguments of the attribute: `check = function`, or nothing.
pub(crate) struct Arguments {
    check: Option<Expr>,
}

mod keyword {
    syn::custom_keyword!(check);
}

impl Parse for Arguments {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        if input.is_empty() {
            return Ok(Self { check: None });
        }
        input.parse::<keyword::check>()?;
        input.parse::<Token![=]>()?;
        Ok(Self { check: Some(input.parse()?) })
    }
}

/// The role of a struct of fields.
#[derive(PartialEq, Clone, Copy)]
pub(crate) enum Shape {
    /// A config without a reduction.
    Plain,
    /// The config of a loss.
    Loss,
    /// Fields that several configs share.
    Shared,
}

pub(crate) fn expand(arguments: Arguments, mut item: ItemStruct, shape: Shape) -> Result<TokenStream> {
    let wrong = syn::Error::new_spanned(&item.ident, "a config is a struct with named fields");
    if shape == Shape::Loss {
        let Fields::Named(fields) = &mut item.fields else { return Err(wrong) };
        fields.named.push(parse_quote! {
            /// How the per-element losses are reduced to a scalar.
            #[field(default = crate::Reduction::Mean)]
            pub reduction: crate::Reduction
        });
    }
    let Fields::Named(fields) = item.fields else { return Err(wrong) };
    let fields = fields.named.into_iter().map(Field::new).collect::<Result<Vec<_>>>()?;

    let (name, attrs, vis) = (&item.ident, &item.attrs, &item.vis);
    let declarations = fields.iter().map(Field::declaration);
    let record = record(name, &fields)?;
    let rest = match shape {
        Shape::Shared => shared(name, &fields),
        _ => config(name, &fields, arguments.check.as_ref()),
    };
    Ok(quote! {
        #(#attrs)*
        #[derive(Debug, Clone, PartialEq)]
        #vis struct #name { #(#declarations,)* }

        #record
        #rest
    })
}

/// The record of the fields: the only code that knows the struct, besides its `with_` methods.
fn record(name: &syn::Ident, fields: &[Field]) -> Result<TokenStream> {
    let own: Vec<_> = fields.iter().filter(|field| !field.is_flat()).collect();
    let infos = own.iter().map(|field| field.info()).collect::<Result<Vec<_>>>()?;
    let count = own.len();
    let visits = |own_visit: &dyn Fn(usize, &syn::Ident) -> TokenStream,
                  flat_visit: &dyn Fn(&syn::Ident) -> TokenStream| {
        let mut at = 0;
        let visit = |field: &Field| {
            if field.is_flat() {
                return flat_visit(&field.name);
            }
            at += 1;
            own_visit(at - 1, &field.name)
        };
        fields.iter().map(visit).collect::<Vec<_>>()
    };
    let shared =
        visits(&|at, name| quote!(visit(&FIELDS[#at], &self.#name);), &|name| quote!(self.#name.visit(visit);));
    let unique =
        visits(&|at, name| quote!(visit(&FIELDS[#at], &mut self.#name);), &|name| quote!(self.#name.visit_mut(visit);));
    Ok(quote! {
        const _: () = {
            static FIELDS: [crate::field::FieldInfo; #count] = [#(#infos),*];

            impl crate::field::Record for #name {
                fn visit(&self, visit: &mut crate::field::Visit<'_>) {
                    #(#shared)*
                }
                fn visit_mut(&mut self, visit: &mut crate::field::VisitMut<'_>) {
                    #(#unique)*
                }
            }
        };
    })
}

fn config(name: &syn::Ident, fields: &[Field], check: Option<&Expr>) -> TokenStream {
    let (names, values): (Vec<_>, Vec<_>) = fields.iter().map(|field| (&field.name, field.value())).unzip();
    let setters = fields.iter().filter(|field| !field.is_flat()).map(setter);
    let flat = fields.iter().filter(|field| field.is_flat()).map(|field| {
        let (ty, at) = (&field.ty, &field.name);
        // The macro has the name of the struct of shared fields, and is in the same module.
        quote!(#ty! { #name, #at })
    });
    let required: Vec<_> = fields.iter().filter(|field| field.is_required()).collect();
    let new = if required.is_empty() {
        quote! {
            /// The config with its defaults.
            pub fn new() -> Self {
                Self::default()
            }
        }
    } else {
        let (names, types): (Vec<_>, Vec<_>) = required.iter().map(|field| (&field.name, &field.ty)).unzip();
        quote! {
            /// The config with these values, and with its defaults for all others.
            pub fn new(#(#names: impl crate::config::IntoField<#types>),*) -> Self {
                Self {
                    #(#names: #names.into_field(),)*
                    ..<Self as crate::config::Example>::example()
                }
            }
        }
    };
    let default = required.is_empty().then(|| {
        quote! {
            impl ::core::default::Default for #name {
                fn default() -> Self {
                    <Self as crate::config::Example>::example()
                }
            }
        }
    });
    let check = check.map(|check| {
        quote! {
            fn check_together(&self) -> ::core::result::Result<(), crate::ConfigError> {
                let check: fn(&Self) -> ::core::result::Result<(), crate::ConfigError> = #check;
                check(self)
            }
        }
    });
    let text = name.to_string();
    let serde = by_value::serde(name, &quote!(crate::field::to_value), &quote!(crate::config::from_value));
    quote! {
        impl crate::config::Example for #name {
            fn example() -> Self {
                Self { #(#names: #values,)* }
            }
        }

        #default

        impl crate::config::Check for #name {
            #check
        }

        impl #name {
            #new
            #(#setters)*
        }
        #(#flat)*

        #serde

        impl ::burn::config::Config for #name {}

        #[cfg(feature = "schema")]
        impl ::schemars::JsonSchema for #name {
            fn schema_name() -> ::std::borrow::Cow<'static, str> {
                #text.into()
            }
            fn schema_id() -> ::std::borrow::Cow<'static, str> {
                concat!(module_path!(), "::", #text).into()
            }
            fn json_schema(generator: &mut ::schemars::SchemaGenerator) -> ::schemars::Schema {
                crate::loss::schema::table(&<Self as crate::config::Example>::example(), generator)
            }
        }
    }
}

/// The `with_` method of a field.
fn setter(field: &Field) -> TokenStream {
    let (name, ty, doc) = (&field.name, &field.ty, field.documentation());
    let with = format_ident!("with_{name}");
    quote! {
        #(#[doc = #doc])*
        pub fn #with(mut self, #name: impl crate::config::IntoField<#ty>) -> Self {
            self.#name = #name.into_field();
            self
        }
    }
}

/// For fields in several configs: a macro with the name of the struct, which writes the `with_` methods of each config.
fn shared(name: &syn::Ident, fields: &[Field]) -> TokenStream {
    let (names, values): (Vec<_>, Vec<_>) = fields.iter().map(|field| (&field.name, field.value())).unzip();
    let hidden = format_ident!("with_{}", name.to_string().to_lowercase());
    let setters = fields.iter().map(|field| {
        let (name, ty, doc) = (&field.name, &field.ty, field.documentation());
        let with = format_ident!("with_{name}");
        quote! {
            #(#[doc = #doc])*
            pub fn #with(mut self, #name: impl crate::config::IntoField<#ty>) -> Self {
                self.$at.#name = #name.into_field();
                self
            }
        }
    });
    quote! {
        impl ::core::default::Default for #name {
            fn default() -> Self {
                Self { #(#names: #values,)* }
            }
        }

        macro_rules! #hidden {
            ($config:ident, $at:ident) => {
                impl $config { #(#setters)* }
            };
        }
        pub(crate) use #hidden as #name;
    }
}
