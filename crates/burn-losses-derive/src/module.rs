//! Burn's `Module` for losses: as Burn's derive writes it, but without the printing, which would be compiled once for each loss.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::Ident;

/// A field of a loss that is a module. If it is flat, its parameters have the names that they would have as fields of the loss.
pub(crate) struct Field {
    pub(crate) name: Ident,
    pub(crate) is_flat: bool,
}

/// The module of a loss with parameters or state: the fields that are modules, and those that are not.
pub(crate) fn of_struct(name: &Ident, fields: &[Field], others: &[Ident]) -> TokenStream {
    let container = format!("Struct:{name}");
    let modules: Vec<_> = fields.iter().map(|field| &field.name).collect();
    let names: Vec<_> = fields.iter().map(|field| field.name.to_string()).collect();
    let within = |of: Ident, field: &Field, call: TokenStream| {
        let name = field.name.to_string();
        match field.is_flat {
            true => call,
            false => quote! {
                #of.enter_module(#name, #container);
                #call
                #of.exit_module(#name, #container);
            },
        }
    };
    let visits = fields.iter().map(|field| {
        let name = &field.name;
        within(format_ident!("visitor"), field, quote!(::burn::module::Module::visit(&self.#name, visitor);))
    });
    let maps = fields.iter().map(|field| {
        let name = &field.name;
        within(format_ident!("mapper"), field, quote!(let #name = ::burn::module::Module::map(self.#name, mapper);))
    });
    quote! {
        impl ::burn::module::Module for #name {
            fn num_params(&self) -> usize {
                0 #(+ ::burn::module::Module::num_params(&self.#modules))*
            }
            fn visit<V: ::burn::module::ModuleVisitor>(&self, visitor: &mut V) {
                #(#visits)*
            }
            fn map<M: ::burn::module::ModuleMapper>(self, mapper: &mut M) -> Self {
                #(#maps)*
                Self { #(#modules,)* #(#others: self.#others,)* }
            }
            fn collect_devices(&self, devices: ::burn::module::Devices) -> ::burn::module::Devices {
                #(let devices = ::burn::module::Module::collect_devices(&self.#modules, devices);)*
                devices
            }
            fn to_device(self, device: &::burn::tensor::Device) -> Self {
                Self {
                    #(#modules: ::burn::module::Module::to_device(self.#modules, device),)*
                    #(#others: self.#others,)*
                }
            }
            fn fork(self, device: &::burn::tensor::Device) -> Self {
                Self {
                    #(#modules: ::burn::module::Module::fork(self.#modules, device),)*
                    #(#others: self.#others,)*
                }
            }
            fn valid(&self) -> Self {
                Self {
                    #(#modules: ::burn::module::Module::valid(&self.#modules),)*
                    #(#others: self.#others.clone(),)*
                }
            }
            fn train(self) -> Self {
                Self { #(#modules: ::burn::module::Module::train(self.#modules),)* #(#others: self.#others,)* }
            }
            fn materialize(self) -> Self {
                Self { #(#modules: ::burn::module::Module::materialize(self.#modules),)* #(#others: self.#others,)* }
            }
        }

        impl ::burn::module::ModuleDisplayDefault for #name {
            fn content(&self, content: ::burn::module::Content) -> Option<::burn::module::Content> {
                let content = crate::loss::with_fields(content, &self.config);
                Some(content #(.add(#names, &self.#modules))*)
            }
            fn num_params(&self) -> usize {
                ::burn::module::Module::num_params(self)
            }
        }
    }
}

/// The module of a loss without parameters and state.
pub(crate) fn stateless(name: &Ident) -> TokenStream {
    quote! {
        impl ::burn::module::Module for #name {
            ::burn::empty!(module);
        }

        impl ::burn::module::ModuleDisplayDefault for #name {
            fn content(&self, content: ::burn::module::Content) -> Option<::burn::module::Content> {
                Some(crate::loss::with_fields(content, &self.config))
            }
        }
    }
}

/// The module of an enum of modules: it behaves and is printed like the module in it.
pub(crate) fn of_enum(name: &Ident, variants: &[&Ident]) -> TokenStream {
    let container = format!("Enum:{name}");
    let names: Vec<_> = variants.iter().map(|variant| variant.to_string()).collect();
    quote! {
        impl ::burn::module::Module for #name {
            fn num_params(&self) -> usize {
                match self { #(Self::#variants(module) => ::burn::module::Module::num_params(module),)* }
            }
            fn visit<V: ::burn::module::ModuleVisitor>(&self, visitor: &mut V) {
                match self {
                    #(Self::#variants(module) => {
                        visitor.enter_module(#names, #container);
                        ::burn::module::Module::visit(module, visitor);
                        visitor.exit_module(#names, #container);
                    })*
                }
            }
            fn map<M: ::burn::module::ModuleMapper>(self, mapper: &mut M) -> Self {
                match self {
                    #(Self::#variants(module) => {
                        mapper.enter_module(#names, #container);
                        let module = ::burn::module::Module::map(module, mapper);
                        mapper.exit_module(#names, #container);
                        Self::#variants(module)
                    })*
                }
            }
            fn collect_devices(&self, devices: ::burn::module::Devices) -> ::burn::module::Devices {
                match self { #(Self::#variants(module) => ::burn::module::Module::collect_devices(module, devices),)* }
            }
            fn to_device(self, device: &::burn::tensor::Device) -> Self {
                match self { #(Self::#variants(module) => Self::#variants(::burn::module::Module::to_device(module, device)),)* }
            }
            fn fork(self, device: &::burn::tensor::Device) -> Self {
                match self { #(Self::#variants(module) => Self::#variants(::burn::module::Module::fork(module, device)),)* }
            }
            fn valid(&self) -> Self {
                match self { #(Self::#variants(module) => Self::#variants(::burn::module::Module::valid(module)),)* }
            }
            fn train(self) -> Self {
                match self { #(Self::#variants(module) => Self::#variants(::burn::module::Module::train(module)),)* }
            }
            fn materialize(self) -> Self {
                match self { #(Self::#variants(module) => Self::#variants(::burn::module::Module::materialize(module)),)* }
            }
        }

        impl #name {
            fn as_display(&self) -> &dyn ::burn::module::ModuleDisplay {
                match self { #(Self::#variants(module) => module,)* }
            }
        }

        impl ::burn::module::ModuleDisplayDefault for #name {
            fn content(&self, content: ::burn::module::Content) -> Option<::burn::module::Content> {
                self.as_display().content(content)
            }
            fn num_params(&self) -> usize {
                self.as_display().num_params()
            }
        }

        impl ::burn::module::ModuleDisplay for #name {
            fn format(&self, settings: ::burn::module::DisplaySettings) -> String {
                self.as_display().format(settings)
            }
            fn custom_settings(&self) -> Option<::burn::module::DisplaySettings> {
                self.as_display().custom_settings()
            }
            fn custom_content(&self, content: ::burn::module::Content) -> Option<::burn::module::Content> {
                self.as_display().custom_content(content)
            }
        }
    }
}

/// `Display`, as Burn's derive writes it.
pub(crate) fn display(name: &Ident) -> TokenStream {
    quote! {
        impl ::core::fmt::Display for #name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.write_str(&::burn::module::ModuleDisplay::format(self, Default::default()))
            }
        }
    }
}
