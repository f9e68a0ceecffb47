//! Enums whose variants are words in a config file.

use crate::by_value;
use crate::field::doc_line;
use proc_macro2::TokenStream;
use quote::quote;
use syn::punctuated::Punctuated;
use syn::{Attribute, Data, DeriveInput, Fields, LitStr, Result, Token};

/// A word that users may write by mistake, and what to do instead.
type Instead = Punctuated<LitStr, Token![,]>;

pub(crate) fn expand(item: DeriveInput) -> Result<TokenStream> {
    let name = &item.ident;
    let wrong = |tokens: &dyn quote::ToTokens| syn::Error::new_spanned(tokens, "a choice is an enum of plain words");
    let Data::Enum(data) = &item.data else { return Err(wrong(name)) };
    if let Some(variant) = data.variants.iter().find(|variant| !matches!(variant.fields, Fields::Unit)) {
        return Err(wrong(variant));
    }
    let variants: Vec<_> = data.variants.iter().map(|variant| &variant.ident).collect();
    let words: Vec<_> = variants.iter().map(|variant| snake_case(&variant.to_string())).collect();
    let docs: Vec<_> = data.variants.iter().map(|variant| doc(&variant.attrs)).collect();
    let instead = item.attrs.iter().filter(|attr| attr.path().is_ident("instead"));
    let instead = instead.map(|attr| attr.parse_args_with(Instead::parse_terminated)).collect::<Result<Vec<_>>>()?;
    let instead = instead.iter().map(|pair| (&pair[0], &pair[1]));
    let (instead_words, instead): (Vec<_>, Vec<_>) = instead.unzip();
    let (text, about) = (name.to_string(), doc(&item.attrs));
    let serde = by_value::field(name);
    Ok(quote! {
        const _: () = {
            static CHOICE: crate::field::Choice = crate::field::Choice {
                doc: #about,
                words: &[#((#words, #docs)),*],
                instead: &[#((#instead_words, #instead)),*],
            };
            const VALUES: &[#name] = &[#(#name::#variants),*];

            impl crate::config::FieldType for #name {
                const KIND: &'static str = "word";

                fn to_value(&self) -> crate::config::Value {
                    let at = VALUES.iter().position(|value| value == self).unwrap_or_default();
                    CHOICE.words[at].0.into()
                }
                fn from_value(
                    value: &crate::config::Value,
                ) -> ::core::result::Result<Self, crate::config::Unreadable> {
                    CHOICE.index_of(value).map(|at| VALUES[at])
                }
                fn allowed(_: crate::config::Range) -> String {
                    CHOICE.allowed()
                }
                fn samples(_: crate::config::Range) -> Vec<crate::config::Value> {
                    CHOICE.samples()
                }
                fn refused(_: crate::config::Range) -> Vec<crate::config::Value> {
                    CHOICE.refused()
                }
                fn check(
                    &self,
                    _: &'static str,
                    _: &str,
                    _: crate::config::Range,
                ) -> ::core::result::Result<(), crate::ConfigError> {
                    Ok(())
                }
            }

            #[cfg(feature = "schema")]
            impl ::schemars::JsonSchema for #name {
                fn schema_name() -> ::std::borrow::Cow<'static, str> {
                    #text.into()
                }
                fn json_schema(_: &mut ::schemars::SchemaGenerator) -> ::schemars::Schema {
                    CHOICE.schema()
                }
            }
        };

        #serde
    })
}

fn doc(attrs: &[Attribute]) -> String {
    let lines: Vec<_> = attrs.iter().filter(|attr| attr.path().is_ident("doc")).filter_map(doc_line).collect();
    lines.join("\n")
}

/// The snake case of a name: `SemiHard` becomes `semi_hard`.
pub(crate) fn snake_case(name: &str) -> String {
    let mut word = String::new();
    for (at, letter) in name.char_indices() {
        if letter.is_uppercase() && at > 0 {
            word.push('_');
        }
        word.extend(letter.to_lowercase());
    }
    word
}
