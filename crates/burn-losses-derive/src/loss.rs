//! A loss: a struct with a config, and perhaps with state.

use proc_macro2::TokenStream;
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::{Ident, ItemStruct, LitStr, Result, Token};

/// `family, "kind", "summary"`.
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
    let is_stateless = item.fields.len() == 1;
    let Some(field) = item.fields.iter_mut().find(|field| field.ident.as_ref().is_some_and(|name| name == "config"))
    else {
        return Err(syn::Error::new_spanned(&item.ident, "a loss has a field `config`"));
    };
    if !is_stateless {
        field.attrs.push(syn::parse_quote!(#[module(skip)]));
    }
    let (name, config) = (&item.ident, field.ty.clone());
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
                /// The `kind`, which errors name.
                pub fn kind(&self) -> &'static str {
                    #kind
                }

                /// How the unreduced values become one number.
                pub fn reduction(&self) -> crate::Reduction {
                    self.config.reduction
                }
            }
        }
    });
    let (derives, module, build) = if is_stateless {
        (quote!(#[derive(Debug, Clone)]), stateless(name), quote!(#name { config: self.clone() }))
    } else {
        let derives = quote!(#[derive(::burn::module::Module, Debug)] #[module(custom_display)]);
        (derives, quote!(), quote!(self.build(device)))
    };
    Ok(quote! {
        #derives
        #picture
        #item

        #module
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
            /// The config that this module was made from.
            pub fn config(&self) -> &#config {
                &self.config
            }
        }

        impl crate::config::Describe for #config {
            fn about(&self) -> &'static crate::config::About {
                &crate::config::About { family: #family, kind: #kind, summary: #summary }
            }
        }

        impl #config {
            /// The first field whose value is not allowed, as an error that names it.
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

/// The module of a loss without parameters and state.
fn stateless(name: &Ident) -> TokenStream {
    quote! {
        impl ::burn::module::Module for #name {
            ::burn::empty!(module);
        }

        impl ::burn::module::ModuleDisplayDefault for #name {
            fn content(&self, content: ::burn::module::Content) -> Option<::burn::module::Content> {
                ::burn::module::ModuleDisplay::custom_content(self, content)
            }
        }

        impl ::core::fmt::Display for #name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.write_str(&::burn::module::ModuleDisplay::format(self, Default::default()))
            }
        }
    }
}
