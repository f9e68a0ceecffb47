//! Serde's traits for types that are read from plain values and written to them.

use proc_macro2::TokenStream;
use quote::quote;
use syn::Ident;

/// Serde's traits for a type that has functions from and to plain values.
pub(crate) fn serde(name: &Ident, to_value: &TokenStream, from_value: &TokenStream) -> TokenStream {
    quote! {
        impl ::serde::Serialize for #name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> ::core::result::Result<S::Ok, S::Error> {
                ::serde::Serialize::serialize(&#to_value(self), serializer)
            }
        }

        impl<'de> ::serde::Deserialize<'de> for #name {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> ::core::result::Result<Self, D::Error> {
                crate::field::deserialize(deserializer, #from_value)
            }
        }
    }
}

/// Serde's traits for the type of a field.
pub(crate) fn field(name: &Ident) -> TokenStream {
    serde(name, &quote!(crate::field::FieldType::to_value), &quote!(crate::field::field_from_value))
}
