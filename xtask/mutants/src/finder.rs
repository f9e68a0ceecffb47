//! Finds the mutants of a file.

use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, Expr, Signature};

use crate::changes::{changes, condition, has_let, text};
use crate::mutant::{Change, Mutant, number};

/// Words of a signature, or of the `impl` around it, by which a function is arithmetic.
const ARITHMETIC: [&str; 10] =
    ["Real", "Tensor", "Anchor", "Dual", "Formula", "Unreduced", "VectorFormula", "AnchorFormula", "RowFormula", "f64"];

/// Traits whose functions make text or read it.
const TEXT: [&str; 6] = ["Debug", "Deserialize", "Display", "Error", "JsonSchema", "Serialize"];

/// Parts of attributes, without white space: what they mark is a test, the code of a kernel that is not Rust, or not compiled.
const LEFT_OUT: [&str; 9] =
    ["[test", "test)", "(test", "test,", "[cube", "not(", "target_os=\"windows\"", "x86-v4", "aarch64"];

/// The mutants of a file. If `is_arithmetic`, all functions count, else those whose signature says so.
pub(crate) fn find(file: &str, source: &str, is_arithmetic: bool) -> Result<Vec<Mutant>, String> {
    let syntax = syn::parse_file(source).map_err(|error| format!("{file}: {error}"))?;
    let mut finder = Finder { file, source, is_arithmetic, path: Vec::new(), around: Vec::new(), found: Vec::new() };
    if !finder.is_left_out(&syntax.attrs) {
        finder.visit_file(&syntax);
    }
    let mut found = finder.found;
    found.sort_by_key(|mutant| (mutant.range.start, std::cmp::Reverse(mutant.range.end)));
    number(&mut found);
    Ok(found)
}

struct Finder<'a> {
    file: &'a str,
    source: &'a str,
    is_arithmetic: bool,
    /// The names of the modules, types and functions around the code.
    path: Vec<String>,
    /// The heads of the `impl` blocks around the code.
    around: Vec<String>,
    found: Vec<Mutant>,
}

impl Finder<'_> {
    fn is_left_out(&self, attributes: &[Attribute]) -> bool {
        attributes.iter().any(|attribute| {
            let text: String = text(self.source, attribute.span()).split_whitespace().collect();
            !attribute.path().is_ident("doc") && LEFT_OUT.iter().any(|part| text.contains(part))
        })
    }

    fn within(&mut self, name: String, visit: impl FnOnce(&mut Self)) {
        self.path.push(name);
        visit(self);
        self.path.pop();
    }

    fn function(&mut self, attributes: &[Attribute], signature: &Signature, visit: impl FnOnce(&mut Self)) {
        if self.is_left_out(attributes) || signature.constness.is_some() {
            return;
        }
        let head = text(self.source, signature.span());
        let says_so = |text: &str| words(text).any(|word| ARITHMETIC.contains(&word));
        // A function in a function counts as the outer one does.
        let is_inner = self.path.last().is_some_and(|name| name.ends_with("()"));
        if is_inner || self.is_arithmetic || says_so(head) || self.around.last().is_some_and(|head| says_so(head)) {
            self.within(format!("{}()", signature.ident), visit);
        }
    }

    fn add(&mut self, span: Span, changes: Vec<Change>) {
        let line = span.start().line;
        let function = self.path.join("::").replace("()", "");
        let new = |change| Mutant::new(self.file, &function, line, span.byte_range(), change);
        self.found.extend(changes.into_iter().map(new));
    }
}

/// The words of code.
fn words(code: &str) -> impl DoubleEndedIterator<Item = &str> {
    code.split(|letter: char| !letter.is_alphanumeric() && letter != '_')
}

/// The name of a type, without its arguments.
fn type_name(code: &str) -> String {
    let path = code.split('<').next().unwrap_or_default();
    words(path).rfind(|word| !word.is_empty()).unwrap_or_default().to_owned()
}

impl<'ast> Visit<'ast> for Finder<'_> {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if !self.is_left_out(&module.attrs) {
            self.within(module.ident.to_string(), |finder| visit::visit_item_mod(finder, module));
        }
    }

    fn visit_item_impl(&mut self, block: &'ast syn::ItemImpl) {
        let of_text = block
            .trait_
            .as_ref()
            .and_then(|(_, path, _)| path.segments.last())
            .is_some_and(|segment| TEXT.contains(&segment.ident.to_string().as_str()));
        if of_text || self.is_left_out(&block.attrs) {
            return;
        }
        let mut head = text(self.source, block.generics.span()).to_owned();
        if let Some((_, path, _)) = &block.trait_ {
            head = format!("{head} {}", text(self.source, path.span()));
        }
        self.around.push(head);
        let name = type_name(text(self.source, block.self_ty.span()));
        self.within(name, |finder| visit::visit_item_impl(finder, block));
        self.around.pop();
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        if !self.is_left_out(&item.attrs) {
            self.around.push(item.ident.to_string());
            self.within(item.ident.to_string(), |finder| visit::visit_item_trait(finder, item));
            self.around.pop();
        }
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(&item.attrs, &item.sig, |finder| visit::visit_block(finder, &item.block));
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.function(&item.attrs, &item.sig, |finder| visit::visit_block(finder, &item.block));
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        let Some(block) = &item.default else { return };
        self.function(&item.attrs, &item.sig, |finder| visit::visit_block(finder, block));
    }

    fn visit_local(&mut self, local: &'ast syn::Local) {
        if !self.is_left_out(&local.attrs) {
            visit::visit_local(self, local);
        }
    }

    fn visit_arm(&mut self, arm: &'ast syn::Arm) {
        if self.is_left_out(&arm.attrs) {
            return;
        }
        if let Some((_, guard)) = &arm.guard {
            self.add(guard.span(), condition(self.source, guard));
        }
        visit::visit_arm(self, arm);
    }

    fn visit_expr(&mut self, expression: &'ast Expr) {
        match expression {
            // The lengths of arrays and `const` blocks are computed by the compiler, and `-1.0` is one number.
            Expr::Repeat(array) => return self.visit_expr(&array.expr),
            Expr::Const(_) | Expr::Macro(_) => return,
            Expr::Unary(unary) if matches!(*unary.expr, Expr::Lit(_)) => {
                return self.add(expression.span(), changes(self.source, expression));
            }
            Expr::If(branch) if !has_let(&branch.cond) => {
                self.add(branch.cond.span(), condition(self.source, &branch.cond));
            }
            _ => {}
        }
        self.add(expression.span(), changes(self.source, expression));
        visit::visit_expr(self, expression);
    }

    // What the compiler computes, what has no value, and what is not code.
    fn visit_attribute(&mut self, _: &'ast Attribute) {}
    fn visit_generic_argument(&mut self, _: &'ast syn::GenericArgument) {}
    fn visit_impl_item_const(&mut self, _: &'ast syn::ImplItemConst) {}
    fn visit_item_const(&mut self, _: &'ast syn::ItemConst) {}
    fn visit_item_enum(&mut self, _: &'ast syn::ItemEnum) {}
    fn visit_item_static(&mut self, _: &'ast syn::ItemStatic) {}
    fn visit_macro(&mut self, _: &'ast syn::Macro) {}
    fn visit_pat(&mut self, _: &'ast syn::Pat) {}
    fn visit_trait_item_const(&mut self, _: &'ast syn::TraitItemConst) {}
    fn visit_type(&mut self, _: &'ast syn::Type) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(source: &str) -> Vec<String> {
        let found = find("a.rs", source, true).unwrap();
        found.into_iter().map(|mutant| mutant.name.replacen("a.rs ", "", 1)).collect()
    }

    #[test]
    fn functions_have_mutants() {
        let source = "impl<T> Huber<T> { fn eval(&self, x: f64) -> f64 { if x > 1.5 { -x } else { x.abs() } } }";
        assert_eq!(
            names(source),
            [
                "Huber::eval: if x > 1.5 -> true",
                "Huber::eval: if x > 1.5 -> false",
                "Huber::eval: x > 1.5 -> >=",
                "Huber::eval: x > 1.5 -> <=",
                "Huber::eval: 1.5 -> 3.0",
                "Huber::eval: -x -> x",
                "Huber::eval: x.abs() -> x",
            ]
        );
    }

    #[test]
    fn what_the_compiler_computes_has_none() {
        for source in [
            "const A: f64 = 1.0 + 2.0; static B: i32 = 3;",
            "const fn f() -> usize { 1 + 2 }",
            "enum E { A = 1 + 2 }",
            "fn f() -> [bool; 3] { [true; 1 + 2] }",
            "fn f() { g::<3>() }",
            "fn f(x: i32) -> bool { matches!(x, 1 | 2) }",
            "fn f(x: i32) { match x { 1 => (), -2..3 => (), _ => () } }",
            "fn f() { const { 1 + 2 } }",
            "macro_rules! m { () => { 1 + 2 } } fn f() { m!(1 + 2) }",
            "#[derive(Debug)] struct A([u8; 3]);",
        ] {
            assert_eq!(names(source), [""; 0], "{source}");
        }
    }

    #[test]
    fn tests_kernels_and_text_have_none() {
        for source in [
            "#[cfg(test)] mod tests { fn f() -> i32 { 1 } }",
            "#[test] fn f() { g(1) }",
            "#[cfg(all(test, feature = \"cube\"))] fn f() -> i32 { 1 }",
            "#[cube] fn f() -> f32 { 1.0 }",
            "#[cube(launch)] fn f() -> f32 { 1.0 }",
            "#[cfg(not(feature = \"a\"))] fn f() -> i32 { 1 }",
            "impl fmt::Display for A { fn fmt(&self) -> i32 { 1 } }",
            "#![cfg(test)] fn f() -> i32 { 1 }",
        ] {
            assert_eq!(names(source), [""; 0], "{source}");
        }
        assert_eq!(names("/// Not (test) code.\n#[cfg(feature = \"a\")] fn f() -> i32 { 1 }").len(), 1);
    }

    #[test]
    fn guards_and_chains_of_conditions() {
        let source = "fn f(x: Option<i32>) -> i32 { match x { Some(y) if y > z => y, _ => { if let Some(y) = x && y < z { y } else { z } } } }";
        let names = names(source);
        let expected =
            ["if y > z -> true", "if y > z -> false", "y > z -> >=", "y > z -> <=", "y < z -> <=", "y < z -> >="];
        assert_eq!(names, expected.map(|name| format!("f: {name}")));
    }

    #[test]
    fn some_files_have_only_functions_of_arithmetic() {
        let source = "fn f(n: usize) -> usize { n + 1 }\nfn g<R: Real>(x: R) -> R { x - 1.0 }\n\
                      impl Formula for A { fn factor(&self) -> f32 { 2.0 } }\n\
                      impl A { fn check(&self) -> bool { 1 > 2 } }";
        let found = find("a.rs", source, false).unwrap();
        let names: Vec<_> = found.iter().map(|mutant| (mutant.line, mutant.change())).collect();
        assert_eq!(names, [(2, "g: x - 1.0 -> +"), (2, "g: 1.0 -> 2.0"), (3, "A::factor: 2.0 -> 4.0")]);
    }

    #[test]
    fn ranges_are_those_of_bytes() {
        let source = "// \u{3b1}\u{3b2}\nfn f(x: f64) -> f64 { x * 2.0 }";
        let found = find("a.rs", source, true).unwrap();
        assert_eq!(&source[found[0].range.clone()], "x * 2.0");
    }
}
