//! Enums of one word, and weights as numbers or counts.

use crate::by_value;
use crate::choice::snake_case;
use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Fields, Ident, Result};

pub(crate) fn expand(item: DeriveInput) -> Result<TokenStream> {
    let name = &item.ident;
    let wrong = || syn::Error::new_spanned(name, "expected one word, and weights");
    let Data::Enum(data) = &item.data else { return Err(wrong()) };
    let word = data.variants.iter().find(|variant| matches!(variant.fields, Fields::Unit)).ok_or_else(wrong)?;
    let counts = item.attrs.iter().find(|attr| attr.path().is_ident("counts"));
    let counts: Option<Ident> = counts.map(|attr| attr.parse_args()).transpose()?;
    let has = |variant: &str| data.variants.iter().any(|other| other.ident == variant);
    let (takes_numbers, takes_lists) = (has("Number"), has("PerClass"));
    let number = takes_numbers.then(|| quote!(Self::Number(number) => crate::field::Loose::Number(*number),));
    let of_number = takes_numbers.then(|| quote!(crate::field::Loose::Number(number) => Self::Number(number),));
    let list = takes_lists.then(|| quote!(Self::PerClass(list) => crate::field::Loose::List(list.clone()),));
    let of_list = takes_lists.then(|| quote!(crate::field::Loose::List(list) => Self::PerClass(list),));
    let weights = counts.as_ref().map(|_| quote!(Self::Counts(counts) => crate::field::Loose::Counts(counts.clone()),));
    let of_weights = counts.as_ref().map(|_| quote!(crate::field::Loose::Counts(counts) => Self::Counts(counts),));
    let into_field = counts.as_ref().map(|_| {
        quote! {
            impl crate::config::IntoField<#name> for crate::config::CountedWeights {
                fn into_field(self) -> #name {
                    #name::Counts(self)
                }
            }
        }
    });
    let counts = match &counts {
        None => quote!(None),
        Some(of) => quote!(Some(crate::field::CountsOf::#of)),
    };
    let kind = if takes_numbers { "word or number" } else { "list of numbers, optional" };
    let (word, text, name_text) = (&word.ident, snake_case(&word.ident.to_string()), name.to_string());
    let serde = by_value::field(name);
    Ok(quote! {
        impl #name {
            const FORMS: crate::field::Forms = crate::field::Forms {
                word: #text,
                takes_numbers: #takes_numbers,
                takes_lists: #takes_lists,
                counts: #counts,
            };

            fn to_loose(&self) -> crate::field::Loose {
                match self {
                    Self::#word => crate::field::Loose::Word,
                    #number
                    #list
                    #weights
                }
            }
        }

        impl crate::config::FieldType for #name {
            const KIND: &'static str = #kind;

            fn to_value(&self) -> crate::config::Value {
                Self::FORMS.to_value(self.to_loose())
            }
            fn from_value(value: &crate::config::Value) -> ::core::result::Result<Self, crate::config::Unreadable> {
                Ok(match Self::FORMS.read(value)? {
                    #of_number
                    #of_list
                    #of_weights
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
            #[cfg(feature = "schema")]
            fn narrow(schema: &mut ::schemars::Schema, range: crate::config::Range) {
                crate::field::narrow_forms(schema, range);
            }
        }

        #into_field

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
