//! One field of a config.

use crate::choice::snake_case;
use crate::range;
use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Attribute, Expr, ExprLit, GenericArgument, Ident, Lit, LitStr, Meta, PathArguments, Result, Type};

/// A field, and the contents of its attribute `field`.
pub(crate) struct Field {
    pub(crate) name: Ident,
    pub(crate) ty: Type,
    pub(crate) start: Start,
    range: Option<LitStr>,
    /// The field's documentation, line by line.
    doc: Vec<String>,
    others: Vec<Attribute>,
}

/// The initial value of a field.
pub(crate) enum Start {
    Default(Expr),
    /// The field has no default; the example is for tools only.
    Example(Expr),
    /// The field is itself a struct of fields.
    Flatten,
}

impl Field {
    pub(crate) fn new(field: syn::Field) -> Result<Self> {
        let name = field.ident.clone().ok_or_else(|| syn::Error::new_spanned(&field, "a field without a name"))?;
        let (mut start, mut range) = (None, None);
        let (own, others): (Vec<_>, Vec<_>) = field.attrs.into_iter().partition(|attr| attr.path().is_ident("field"));
        for attr in own {
            attr.parse_nested_meta(|meta| {
                if meta.path.is_ident("default") {
                    start = Some(Start::Default(meta.value()?.parse()?));
                } else if meta.path.is_ident("example") {
                    start = Some(Start::Example(meta.value()?.parse()?));
                } else if meta.path.is_ident("range") {
                    range = Some(meta.value()?.parse()?);
                } else if meta.path.is_ident("flatten") {
                    start = Some(Start::Flatten);
                } else {
                    return Err(meta.error("expected `default`, `example`, `range` or `flatten`"));
                }
                Ok(())
            })?;
        }
        let message =
            "a field of a config has `#[field(default = ..)]`, `#[field(example = ..)]` or `#[field(flatten)]`";
        let start = start.ok_or_else(|| syn::Error::new_spanned(&name, message))?;
        let (doc, others): (Vec<_>, Vec<_>) = others.into_iter().partition(|attr| attr.path().is_ident("doc"));
        let doc = doc.iter().filter_map(doc_line).collect();
        Ok(Self { name, ty: field.ty, start, range, doc, others })
    }

    pub(crate) fn is_required(&self) -> bool {
        matches!(self.start, Start::Example(_))
    }

    pub(crate) fn is_flat(&self) -> bool {
        matches!(self.start, Start::Flatten)
    }

    /// The value of the field in the example of its config.
    pub(crate) fn value(&self) -> TokenStream {
        let ty = &self.ty;
        match &self.start {
            Start::Default(value) | Start::Example(value) => value.to_token_stream(),
            Start::Flatten => quote!(<#ty as ::core::default::Default>::default()),
        }
    }

    /// The declaration of the field in the struct.
    pub(crate) fn declaration(&self) -> TokenStream {
        let Self { name, ty, others, .. } = self;
        let doc = self.documentation();
        quote!(#(#[doc = #doc])* #(#others)* pub #name: #ty)
    }

    /// The documentation, which ends with the default, the range and the key of the field.
    pub(crate) fn documentation(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.doc.clone();
        if self.is_flat() {
            lines.extend([String::new(), " In a config file its fields stand beside the others.".into()]);
            return lines;
        }
        let range = self.range.as_ref().map_or_else(|| of_type(&self.ty), range::in_words);
        let start = match &self.start {
            Start::Default(value) => format!("Default: {}.", in_words(value)),
            _ => "No default: it has to be given.".into(),
        };
        lines.push(String::new());
        lines.push(format!(" {start} Allowed: {range}. In a config file: `{}`.", self.name));
        lines
    }

    /// The entry of the field in the table of fields.
    pub(crate) fn info(&self) -> Result<TokenStream> {
        let (name, is_required) = (self.name.to_string(), self.is_required());
        let summary = self.doc.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ");
        let range = match &self.range {
            Some(range) => range::range(range)?,
            None => quote!(crate::config::Range::Finite),
        };
        Ok(quote!(crate::field::FieldInfo { name: #name, summary: #summary, range: #range, is_required: #is_required }))
    }
}

/// The allowed values of a field of this type, if its attribute does not name them.
fn of_type(ty: &Type) -> String {
    let Type::Path(path) = ty else { return "any".into() };
    let Some(last) = path.path.segments.last() else { return "any".into() };
    let inner = match &last.arguments {
        PathArguments::AngleBracketed(arguments) => arguments.args.first(),
        _ => None,
    };
    let inner = match inner {
        Some(GenericArgument::Type(inner)) => of_type(inner),
        _ => String::new(),
    };
    match last.ident.to_string().as_str() {
        "bool" => "`true` or `false`".into(),
        "f64" => "any finite number".into(),
        "usize" | "u64" | "i64" => "any integer".into(),
        "String" => "any text".into(),
        "Option" => format!("{inner}, or none"),
        "Vec" => format!("a list, each {inner}"),
        "Box" => inner,
        _ => format!("see [`{0}`]({0})", path.path.to_token_stream().to_string().replace(' ', "")),
    }
}

/// The text of an attribute `doc`.
pub(crate) fn doc_line(attr: &Attribute) -> Option<String> {
    match &attr.meta {
        Meta::NameValue(pair) => match &pair.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    }
}

/// A default as the documentation shows it: as in a config file if that form is known, and as in code otherwise.
fn in_words(value: &Expr) -> String {
    match value {
        // A variant is a word.
        Expr::Path(path) if path.path.segments.len() > 1 => {
            let word = path.path.segments.last().map(|last| snake_case(&last.ident.to_string()));
            format!("`{}`", word.unwrap_or_default())
        }
        Expr::Path(path) if path.path.is_ident("None") => "none".into(),
        // A number inside an enum variant.
        Expr::Call(call) if call.args.len() == 1 && matches!(call.args[0], Expr::Lit(_)) => in_words(&call.args[0]),
        _ => {
            let text = value.to_token_stream().to_string();
            let spaces = [(" :: ", "::"), (" (", "("), ("( ", "("), (" )", ")"), (" .", "."), (". ", "."), (" ,", ",")];
            let text = spaces.iter().fold(text, |text, (from, to)| text.replace(from, to));
            format!("`{text}`")
        }
    }
}
