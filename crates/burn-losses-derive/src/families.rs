//! The enum of all families.

use crate::by_value;
use crate::choice::snake_case;
use crate::module;
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Fields, Ident, ItemEnum, Result, Type, Variant};

/// The variant, its config, and the enum of the losses that the config makes.
fn family(variant: &Variant) -> Result<(Ident, Ident, Ident)> {
    let wrong = || syn::Error::new_spanned(variant, "a family is a variant `Name(SomeLossConfig)`");
    let Fields::Unnamed(fields) = &variant.fields else { return Err(wrong()) };
    let Some(Type::Path(config)) = fields.unnamed.first().map(|field| &field.ty) else { return Err(wrong()) };
    let config = config.path.get_ident().ok_or_else(wrong)?;
    let losses = config.to_string();
    let losses = format_ident!("Any{}", losses.strip_suffix("Config").ok_or_else(wrong)?);
    Ok((variant.ident.clone(), config.clone(), losses))
}

pub(crate) fn expand(item: ItemEnum) -> Result<TokenStream> {
    let families = item.variants.iter().map(family).collect::<Result<Vec<_>>>()?;
    let (attrs, config) = (&item.attrs, &item.ident);
    let variants: Vec<_> = families.iter().map(|(variant, ..)| variant).collect();
    let names: Vec<_> = variants.iter().map(|variant| snake_case(&variant.to_string())).collect();
    let configs: Vec<_> = families.iter().map(|(_, config, _)| config).collect();
    let losses: Vec<_> = families.iter().map(|(_, _, losses)| losses).collect();
    let docs: Vec<_> = names.iter().map(|name| format!("The family `{name}`.")).collect();
    let any = format_ident!("AnyLoss");
    let (module, display) = (module::of_enum(&any, &variants), module::display(&any));
    let serde = by_value::serde(config, &quote!(Self::to_value), &quote!(Self::from_value));
    Ok(quote! {
        #(#attrs)*
        #[derive(Debug, Clone, PartialEq)]
        #[non_exhaustive]
        pub enum #config {
            #(#[doc = #docs] #variants(#configs),)*
        }

        /// Any loss of any family: what a [`LossConfig`] makes.
        #[derive(Debug, Clone)]
        #[allow(clippy::large_enum_variant)] // few values of it exist in a run
        pub enum AnyLoss {
            #(#[doc = #docs] #variants(#losses),)*
        }

        #module
        #display

        /// Every loss, family by family.
        pub fn registry() -> Vec<crate::config::LossInfo> {
            [#(crate::config::infos::<#configs>()),*].concat()
        }

        impl AnyLoss {
            /// The `family`.
            pub fn family(&self) -> &'static str {
                match self { #(Self::#variants(_) => #names,)* }
            }

            /// The `kind`.
            pub fn kind(&self) -> &'static str {
                match self { #(Self::#variants(loss) => loss.kind(),)* }
            }

            /// The loss, as tools for all losses see it.
            pub fn as_family(&self) -> &dyn crate::signature::Family {
                match self { #(Self::#variants(loss) => loss,)* }
            }
        }

        impl #config {
            const FAMILIES: &'static [&'static str] = &[#(#names),*];

            /// Reads the config from plain values.
            pub fn from_value(value: crate::config::Value) -> ::core::result::Result<Self, crate::ConfigError> {
                let (family, table) = crate::config::split_tag(value, "family", "", || Self::FAMILIES.to_vec())?;
                match family.as_str() {
                    #(#names => crate::config::family_from_value(table.into()).map(Self::#variants),)*
                    _ => Err(unknown_family(&family, Self::FAMILIES)),
                }
            }

            /// The config as plain values.
            pub fn to_value(&self) -> crate::config::Value {
                with_family(self.family(), match self { #(Self::#variants(config) => config.to_value(),)* })
            }

            /// The config of the loss `kind` of `family`, with its defaults. It is an error if a field has no default.
            pub fn from_kind(family: &str, kind: &str) -> ::core::result::Result<Self, crate::ConfigError> {
                Self::from_value(crate::config::Table::from_iter([("family", family), ("kind", kind)]).into())
            }

            /// The config of the loss `kind` of `family`, with examples where there is no default, for tools that try all losses.
            pub fn example(family: &str, kind: &str) -> ::core::result::Result<Self, crate::ConfigError> {
                match family {
                    #(#names => crate::config::example_of(kind).map(Self::#variants),)*
                    _ => Err(unknown_family(family, Self::FAMILIES)),
                }
            }

            /// The `family`.
            pub fn family(&self) -> &'static str {
                match self { #(Self::#variants(_) => #names,)* }
            }

            /// The `kind`.
            pub fn kind(&self) -> &'static str {
                match self { #(Self::#variants(config) => config.kind(),)* }
            }

            /// Returns an error that names the first field whose value is not allowed.
            pub fn validate(&self) -> ::core::result::Result<(), crate::ConfigError> {
                match self { #(Self::#variants(config) => config.validate(),)* }
            }

            /// Makes the loss on a device, or says which field is not allowed and why.
            pub fn try_init(&self, device: &::burn::tensor::Device) -> ::core::result::Result<AnyLoss, crate::ConfigError> {
                Ok(match self { #(Self::#variants(config) => AnyLoss::#variants(config.try_init(device)?),)* })
            }

            /// Makes the loss on a device.
            ///
            /// # Panics
            /// With the message of [`try_init`](Self::try_init)'s error.
            #[track_caller]
            pub fn init(&self, device: &::burn::tensor::Device) -> AnyLoss {
                crate::error::expect(self.try_init(device))
            }
        }

        #serde

        impl ::burn::config::Config for #config {}

        #[cfg(feature = "schema")]
        impl ::schemars::JsonSchema for #config {
            fn schema_name() -> ::std::borrow::Cow<'static, str> {
                stringify!(#config).into()
            }
            fn json_schema(generator: &mut ::schemars::SchemaGenerator) -> ::schemars::Schema {
                let families = vec![#(crate::field::schema::tagged(
                    <#configs as ::schemars::JsonSchema>::json_schema(generator), "family", &[#names],
                )),*];
                crate::field::schema::one_of("A loss of any family, told apart by `family` and `kind`.", families)
            }
        }

        /// Every family, with the function that makes the schema of its files.
        #[cfg(feature = "schema")]
        pub(crate) const FAMILY_SCHEMAS: &[(&str, fn() -> ::schemars::Schema)] =
            &[#((#names, crate::field::schema::file::<#configs>)),*];
    })
}
