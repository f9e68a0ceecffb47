//! A loss: a struct with a config, and optionally with state.

use crate::documentation::Documentation;
use crate::module;
use proc_macro2::TokenStream;
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::{Ident, ItemStruct, LitStr, Result, Token};

/// The arguments of the attribute: `family, "kind", "summary"`.
pub(crate) struct Arguments {
    family: Ident,
    kind: LitStr,
    summary: LitStr,
}

impl Parse for Arguments {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let family = input.parse()?;
        input.parse::<Token![,]>()?;
        let kind = input.parse()?;
        input.parse::<Token![,]>()?;
        let summary = input.parse()?;
        input.parse::<Option<Token![,]>>()?;
        Ok(Self { family, kind, summary })
    }
}

pub(crate) fn expand(arguments: Arguments, mut item: ItemStruct) -> Result<TokenStream> {
    let Arguments { family, kind, summary } = arguments;
    let (mut modules, mut others, mut config) = (Vec::new(), Vec::new(), None);
    for field in &mut item.fields {
        let attribute = field.attrs.iter().position(|attr| attr.path().is_ident("module"));
        let word = attribute.map(|at| field.attrs.remove(at).parse_args::<Ident>()).transpose()?;
        let Some(name) = field.ident.clone() else { continue };
        if name == "config" {
            config = Some(field.ty.clone());
        }
        let is_flat = word.as_ref().is_some_and(|word| word == "flatten");
        let is_module = name != "config" && (word.is_none() || is_flat);
        if is_module { modules.push(module::Field { name, is_flat }) } else { others.push(name) }
    }
    let config = config.ok_or_else(|| syn::Error::new_spanned(&item.ident, "a loss has a field `config`"))?;
    let documentation = Documentation::from_item(&item)?;
    let name = &item.ident;
    let elsewhere = documentation.names().into_iter().filter(|other| name != other);
    let text = name.to_string();
    let family = family.to_string();

    let is_penalty = family == "regularization";
    let picture = (!is_penalty).then(|| {
        let file = format!("/gallery/{family}/{}.svg", kind.value());
        quote!(#[cfg_attr(doc, doc = concat!("# Picture\n", include_str!(concat!(env!("CARGO_MANIFEST_DIR"), #file))))])
    });
    let trait_of_losses = (!is_penalty).then(|| {
        quote! {
            impl crate::loss::Loss for #name {
                fn kind(&self) -> &'static str {
                    self.kind()
                }
                fn reduction(&self) -> crate::Reduction {
                    self.reduction()
                }
                fn settings(&self) -> crate::config::Value {
                    crate::field::to_value(&self.config)
                }
            }

            impl #name {
                /// How the per-element losses are reduced to a scalar.
                pub fn reduction(&self) -> crate::Reduction {
                    self.config.reduction
                }
            }
        }
    });
    let is_stateless = modules.is_empty() && others.len() == 1;
    let new = is_stateless.then(|| {
        quote! {
            /// The loss of a config. It has no state, and so it needs no device.
            ///
            /// # Panics
            /// With the message of the error of the config's `validate`.
            #[track_caller]
            pub fn new(config: #config) -> Self {
                crate::error::expect(config.validate());
                Self { config }
            }
        }
    });
    let module = match modules.is_empty() {
        true => module::stateless(name),
        false => module::of_struct(name, &modules, &others),
    };
    let build = if is_stateless { quote!(#name { config: self.clone() }) } else { quote!(self.build(device)) };
    let display = module::display(name);
    Ok(quote! {
        #[derive(Debug, Clone)]
        #picture
        #(#[doc(alias = #elsewhere)])*
        #item

        #module
        #display
        #trait_of_losses

        impl ::burn::module::ModuleDisplay for #name {
            fn format(&self, settings: ::burn::module::DisplaySettings) -> String {
                crate::loss::display(self, #text, settings)
            }
            fn custom_settings(&self) -> Option<::burn::module::DisplaySettings> {
                Some(crate::loss::one_line())
            }
            fn custom_content(&self, content: ::burn::module::Content) -> Option<::burn::module::Content> {
                Some(crate::loss::with_fields(content, &self.config))
            }
        }

        impl #name {
            #new

            /// The `kind`, which errors name.
            pub fn kind(&self) -> &'static str {
                #kind
            }

            /// The config that this module was made from.
            pub fn config(&self) -> &#config {
                &self.config
            }
        }

        impl crate::config::Describe for #config {
            fn about(&self) -> &'static crate::config::About {
                &crate::config::About { family: #family, kind: #kind, summary: #summary, #documentation }
            }
        }

        impl #config {
            /// Returns an error that names the first field whose value is not allowed.
            pub fn validate(&self) -> ::core::result::Result<(), crate::ConfigError> {
                crate::config::validate(self)
            }

            /// Makes the module on a device, or says which field is not allowed and why.
            pub fn try_init(&self, device: &::burn::tensor::Device) -> ::core::result::Result<#name, crate::ConfigError> {
                let _ = device;
                self.validate()?;
                Ok(#build)
            }

            /// Makes the module on a device.
            ///
            /// # Panics
            /// With the message of [`try_init`](Self::try_init)'s error.
            #[track_caller]
            pub fn init(&self, device: &::burn::tensor::Device) -> #name {
                crate::error::expect(self.try_init(device))
            }
        }
    })
}
