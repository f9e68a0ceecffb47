//! Enums of one word and a number, and optionally a list of numbers.

use crate::by_value;
use crate::choice::snake_case;
use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Fields, Result};

pub(crate) fn expand(item: DeriveInput) -> Result<TokenStream> {
    let name = &item.ident;
    let wrong = || syn::Error::new_spanned(name, "expected one word, `Number(f64)`, and perhaps `PerClass(Vec<f64>)`");
    let Data::Enum(data) = &item.data else { return Err(wrong()) };
    let word = data.variants.iter().find(|variant| matches!(variant.fields, Fields::Unit)).ok_or_else(wrong)?;
    let takes_lists = data.variants.len() == 3;
    let list = takes_lists.then(|| quote!(Self::PerClass(list) => crate::field::Loose::List(list.clone()),));
    let of_list = takes_lists.then(|| quote!(crate::field::Loose::List(list) => Self::PerClass(list),));
    let (word, text, name_text) = (&word.ident, snake_case(&word.ident.to_string()), name.to_string());
    let serde = by_value::field(name);
    Ok(quote! {
        impl #name {
            const FORMS: crate::field::Forms = crate::field::Forms { word: #text, takes_lists: #takes_lists };

            fn to_loose(&self) -> crate::field::Loose {
                match self {
                    Self::#word => crate::field::Loose::Word,
                    Self::Number(number) => crate::field::Loose::Number(*number),
                    #list
                }
            }
        }

        impl crate::config::FieldType for #name {
            const KIND: &'static str = "word or number";

            fn to_value(&self) -> crate::config::Value {
                Self::FORMS.to_value(self.to_loose())
            }
            fn from_value(value: &crate::config::Value) -> ::core::result::Result<Self, crate::config::Unreadable> {
                Ok(match Self::FORMS.read(value)? {
                    crate::field::Loose::Number(number) => Self::Number(number),
                    #of_list
                    _ => Self::#word,
                })
            }
            fn allowed(range: crate::config::Range) -> String {
                Self::FORMS.allowed(range)
            }
            fn samples(range: crate::config::Range) -> Vec<crate::config::Value> {
                Self::FORMS.samples(range)
            }
            fn refused(range: crate::config::Range) -> Vec<crate::config::Value> {
                Self::FORMS.refused(range)
            }
            fn check(
                &self,
                loss: &'static str,
                field: &str,
                range: crate::config::Range,
            ) -> ::core::result::Result<(), crate::ConfigError> {
                Self::FORMS.check(self.to_loose(), loss, field, range)
            }
        }

        #serde

        #[cfg(feature = "schema")]
        impl ::schemars::JsonSchema for #name {
            fn schema_name() -> ::std::borrow::Cow<'static, str> {
                #name_text.into()
            }
            fn json_schema(generator: &mut ::schemars::SchemaGenerator) -> ::schemars::Schema {
                Self::FORMS.schema(generator)
            }
        }
    })
}
