//! A family: the enum of its configs and the enum of its losses.

use crate::by_value;
use crate::inherent;
use crate::module;
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::parse::{Parse, ParseStream};
use syn::{Fields, Ident, ItemEnum, LitStr, Result, Token, Type, Variant};

/// The arguments of the attribute: `name, makes = AnyLoss`.
pub(crate) struct Arguments {
    family: Ident,
    any: Ident,
}

mod keyword {
    syn::custom_keyword!(makes);
}

impl Parse for Arguments {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let family = input.parse()?;
        input.parse::<Token![,]>()?;
        input.parse::<keyword::makes>()?;
        input.parse::<Token![=]>()?;
        Ok(Self { family, any: input.parse()? })
    }
}

/// One kind of the family.
struct Kind {
    variant: Ident,
    config: Type,
    /// The loss that the config makes.
    loss: Ident,
    kind: LitStr,
    aliases: Vec<LitStr>,
}

impl Kind {
    fn new(variant: &Variant) -> Result<Self> {
        let message = "a variant of a family is `#[kind(\"name\")] Name(TheConfig)`";
        let wrong = || syn::Error::new_spanned(variant, message);
        let Fields::Unnamed(fields) = &variant.fields else { return Err(wrong()) };
        let config = fields.unnamed.first().ok_or_else(wrong)?.ty.clone();
        let Type::Path(path) = &config else { return Err(wrong()) };
        let name = path.path.segments.last().ok_or_else(wrong)?;
        let loss = name.ident.to_string();
        let loss = format_ident!("{}", loss.strip_suffix("Config").ok_or_else(wrong)?);
        let attr = variant.attrs.iter().find(|attr| attr.path().is_ident("kind")).ok_or_else(wrong)?;
        let (kind, aliases) = attr.parse_args_with(|input: ParseStream<'_>| {
            let kind = input.parse::<LitStr>()?;
            let mut aliases = Vec::new();
            while input.parse::<Option<Token![,]>>()?.is_some() && !input.is_empty() {
                let key = input.parse::<Ident>()?;
                if key != "alias" {
                    return Err(syn::Error::new_spanned(key, "expected `alias`"));
                }
                input.parse::<Token![=]>()?;
                aliases.push(input.parse()?);
            }
            Ok((kind, aliases))
        })?;
        Ok(Self { variant: variant.ident.clone(), config, loss, kind, aliases })
    }
}

pub(crate) fn expand(Arguments { family, any }: Arguments, item: ItemEnum) -> Result<TokenStream> {
    let kinds = item.variants.iter().map(Kind::new).collect::<Result<Vec<_>>>()?;
    let (attrs, config) = (&item.attrs, &item.ident);
    let is_penalty = family == "regularization";
    let family = family.to_string();
    let variants: Vec<_> = kinds.iter().map(|kind| &kind.variant).collect();
    let configs: Vec<_> = kinds.iter().map(|kind| &kind.config).collect();
    let losses: Vec<_> = kinds.iter().map(|kind| &kind.loss).collect();
    let docs: Vec<_> = kinds.iter().map(|kind| format!("The kind `{}`.", kind.kind.value())).collect();
    let aliases: Vec<_> = kinds.iter().map(|kind| &kind.aliases).collect();
    let names = kinds
        .iter()
        .map(|Kind { kind, aliases, .. }| quote!(crate::config::KindNames { kind: #kind, aliases: &[#(#aliases),*] }));
    let indices = 0..kinds.len();
    let about_any = format!("Any module of this family: what a [`{config}`] makes.");
    let hidden = format_ident!("of_{}", any.to_string().to_lowercase());

    let of_losses = (!is_penalty).then(|| {
        quote! {
            impl crate::loss::Loss for #any {
                fn kind(&self) -> &'static str {
                    self.kind()
                }
                fn reduction(&self) -> crate::Reduction {
                    self.reduction()
                }
                fn settings(&self) -> crate::config::Value {
                    match self { #(Self::#variants(loss) => crate::loss::Loss::settings(loss),)* }
                }
            }

            impl #any {
                /// The `kind`, which errors name.
                pub fn kind(&self) -> &'static str {
                    match self { #(Self::#variants(loss) => loss.kind(),)* }
                }

                /// How the per-element losses are reduced to a scalar.
                pub fn reduction(&self) -> crate::Reduction {
                    match self { #(Self::#variants(loss) => loss.reduction(),)* }
                }
            }

            impl #config {
                /// How the per-element losses are reduced to a scalar.
                pub fn reduction(&self) -> crate::Reduction {
                    match self { #(Self::#variants(config) => config.reduction,)* }
                }
            }
        }
    });
    // The trait of the family, which the losses in `any` implement.
    let name = any.to_string();
    let of_trait =
        name.strip_prefix("Any").ok_or_else(|| syn::Error::new_spanned(&any, "expected `Any` and the trait"))?;
    let methods = inherent::macro_of(&format_ident!("{of_trait}"));
    let (module, display) = (module::of_enum(&any, &variants), module::display(&any));
    let serde = by_value::serde(config, &quote!(Self::to_value), &quote!(Self::from_value));
    Ok(quote! {
        #(#attrs)*
        #[derive(Debug, Clone, PartialEq)]
        #[non_exhaustive]
        pub enum #config {
            #(#[doc = #docs] #(#[doc(alias = #aliases)])* #variants(#configs),)*
        }

        #[doc = #about_any]
        #[derive(Debug, Clone)]
        #[allow(clippy::large_enum_variant)] // few values of it exist in a run
        pub enum #any {
            #(#[doc = #docs] #variants(#losses),)*
        }

        #module
        #display

        impl crate::config::FamilyConfig for #config {
            const FAMILY: &'static str = #family;
            const NAMES: &'static [crate::config::KindNames] = &[#(#names),*];

            fn example_at(at: usize) -> Self {
                match at {
                    #(#indices => Self::#variants(crate::config::Example::example()),)*
                    _ => unreachable!("a kind of the table"),
                }
            }
            fn loss(&self) -> &dyn crate::config::Describe {
                match self { #(Self::#variants(config) => config,)* }
            }
            fn loss_mut(&mut self) -> &mut dyn crate::config::Describe {
                match self { #(Self::#variants(config) => config,)* }
            }
        }

        impl #config {
            /// The config of the loss of this `kind`, with its defaults. It is an error if a field has no default.
            pub fn from_kind(kind: &str) -> ::core::result::Result<Self, crate::ConfigError> {
                crate::config::of_kind(kind)
            }

            /// Reads the config from plain values.
            pub fn from_value(value: crate::config::Value) -> ::core::result::Result<Self, crate::ConfigError> {
                crate::config::family_from_value(value)
            }

            /// The config as plain values.
            pub fn to_value(&self) -> crate::config::Value {
                crate::config::family_to_value(self)
            }

            /// The `kind`: the name of the loss in a config file.
            pub fn kind(&self) -> &'static str {
                crate::config::FamilyConfig::loss(self).about().kind
            }

            /// Reads the config from a `.json`, `.toml` or `.yaml` file.
            pub fn load(path: impl AsRef<::std::path::Path>) -> ::core::result::Result<Self, crate::ConfigError> {
                crate::config::load(path)
            }

            /// Writes the config to a `.json`, `.toml` or `.yaml` file.
            pub fn save(&self, path: impl AsRef<::std::path::Path>) -> ::core::result::Result<(), crate::ConfigError> {
                crate::config::save(self, path)
            }

            /// Returns an error that names the first field whose value is not allowed.
            pub fn validate(&self) -> ::core::result::Result<(), crate::ConfigError> {
                crate::config::validate(crate::config::FamilyConfig::loss(self))
            }

            /// Makes the loss on a device, or says which field is not allowed and why.
            pub fn try_init(&self, device: &::burn::tensor::Device) -> ::core::result::Result<#any, crate::ConfigError> {
                Ok(match self { #(Self::#variants(config) => #any::#variants(config.try_init(device)?),)* })
            }

            /// Makes the loss on a device.
            ///
            /// # Panics
            /// With the message of [`try_init`](Self::try_init)'s error.
            #[track_caller]
            pub fn init(&self, device: &::burn::tensor::Device) -> #any {
                crate::error::expect(self.try_init(device))
            }
        }

        impl #any {
            /// The config that this loss was made from.
            pub fn config(&self) -> #config {
                match self { #(Self::#variants(loss) => #config::#variants(loss.config().clone()),)* }
            }
        }

        #of_losses

        #methods!(#any, #(#losses),*);
        #methods!(@enum #any);

        #serde

        impl ::burn::config::Config for #config {}

        #[cfg(feature = "schema")]
        impl ::schemars::JsonSchema for #config {
            fn schema_name() -> ::std::borrow::Cow<'static, str> {
                stringify!(#config).into()
            }
            fn json_schema(generator: &mut ::schemars::SchemaGenerator) -> ::schemars::Schema {
                crate::loss::schema::family::<Self>(generator)
            }
        }

        impl crate::config::IntoField<Box<#config>> for #config {
            fn into_field(self) -> Box<#config> {
                Box::new(self)
            }
        }

        #(
            impl From<#configs> for #config {
                fn from(config: #configs) -> Self {
                    Self::#variants(config)
                }
            }

            impl crate::config::IntoField<Box<#config>> for #configs {
                fn into_field(self) -> Box<#config> {
                    Box::new(self.into())
                }
            }
        )*

        // `#[dispatch]` calls this macro.
        macro_rules! #hidden {
            (@one $any:expr, $loss:ident => $call:expr) => {
                match $any { #(#any::#variants($loss) => $call,)* }
            };
            (@same $any:expr, $loss:ident => $call:expr) => {
                match $any { #(#any::#variants($loss) => #any::#variants($call),)* }
            };
        }
        use #hidden as #any;
    })
}
