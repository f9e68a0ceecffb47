use super::*;

fn lines(source: &str) -> Vec<String> {
    let mut found = Found::default();
    File::new(source, "krate", true).read(&mut found);
    found.lines().into_iter().map(|line| line.replacen("krate: ", "", 1)).collect()
}

#[test]
fn only_what_is_public_is_listed() {
    assert_eq!(
        lines(
            "pub fn f<R: Real>(x: R) -> R { pub_(x) }\nfn g() {}\npub(crate) fn h() {}\npub const N: [u8; 2] = [1, 2];"
        ),
        ["const N: [u8; 2]", "fn f<R: Real>(x: R) -> R"]
    );
    assert!(lines("#[cfg(test)]\npub fn f() {}\n#[doc(hidden)]\npub struct S;").is_empty());
}

#[test]
fn types_have_derives_fields_and_variants() {
    let source = "/// Doc.\n#[derive(Debug, Clone)]\n#[loss(a, \"b\")]\npub struct S<T: A> {\n    /// A field.\n    #[field(default = 1)]\n    pub \
                  x: Vec<(T, T)>,\n    y: u8,\n}\npub struct P(pub u8, u8);\npub enum E { A, #[x] B(u8, u8), C { d: u8 } }";
    assert_eq!(
        lines(source),
        [
            "E::A",
            "E::B(u8, u8)",
            "E::C { d: u8 }",
            "S::x: Vec<(T, T)>",
            "enum E",
            "struct P(pub u8, u8)",
            "struct S<T: A>: Clone, Debug",
        ]
    );
}

#[test]
fn traits_have_all_their_items_and_impls_the_public_ones() {
    let source = "pub trait T: U {\n    const K: &'static str;\n    type A;\n    fn f(&self) -> u8 { 1 }\n    fn g(self)\n    where\n        Self: \
                  Sized,\n        Self: A;\n    fn h(self) -> u8 where Self: Sized, { 1 }\n}\npub struct S;\nimpl S {\n    pub fn new(\n        x: u8,\n    ) -> Self { S }\n    fn own() {}\n}\nimpl T for S {}\nimpl T for \
                  Private {}\nimpl<'a> From<&'a S> for u8 {}";
    assert_eq!(
        lines(source),
        [
            "T::const K: &'static str",
            "T::fn f(&self) -> u8",
            "T::fn g(self) where Self: Sized, Self: A",
            "T::fn h(self) -> u8 where Self: Sized",
            "T::type A",
            "impl S fn new(x: u8) -> Self",
            "impl T for S",
            "struct S",
            "trait T: U",
        ]
    );
}

#[test]
fn a_private_type_is_no_public_one_of_its_name() {
    let mut found = Found::default();
    File::new("pub struct S;\nimpl A for S {}", "k", true).read(&mut found);
    File::new("struct S;\nimpl B for S {}", "k::m", true).read(&mut found);
    assert_eq!(found.lines().into_iter().collect::<Vec<_>>(), ["k: impl A for S", "k: struct S"]);
}

#[test]
fn names_are_made_public_without_the_private_way() {
    assert_eq!(lines("pub use a::b::{C, d::E as F, g::*};\nuse h::I;"), ["use C", "use F", "use g::*"]);
}

#[test]
fn items_of_private_modules_belong_to_the_public_one_around() {
    let source = "pub mod a { pub mod b { pub fn f() {} }\n mod c { pub fn g() {} mod d; } pub mod e; }\nmod h { pub mod i { pub fn j() {} } }\n\
                  pub mod l { pub use m::{N, O}; }\nmod p;";
    let mut found = Found::default();
    let modules = File::new(source, "k", true).read(&mut found);
    let expected = [
        "k: fn j()",
        "k::a: fn g()",
        "k::a: mod",
        "k::a::b: fn f()",
        "k::a::b: mod",
        "k::a::e: mod",
        "k::l: mod",
        "k::l: use N",
        "k::l: use O",
    ];
    assert_eq!(found.lines().into_iter().collect::<Vec<_>>(), expected);
    let module = |name: &str, folders: &[&str], module: &str, is_public| Module {
        name: name.into(),
        folders: folders.iter().map(|&folder| folder.into()).collect(),
        module: module.into(),
        is_public,
    };
    assert_eq!(
        modules,
        [module("d", &["a", "c"], "k::a", false), module("e", &["a"], "k::a::e", true), module("p", &[], "k", false)]
    );
}

#[test]
fn macros_and_derives_show_what_they_write() {
    let source = "macro_rules! m { ($n:ident) => { impl $n { pub fn a(&self) -> u8 { 1 } fn b() {} } } }\nfn derive() { quote! { \
                  pub fn #name(mut self, #field: impl Into<#ty>) -> Self { self } pub #sig { 1 } } }";
    assert_eq!(
        lines(source),
        ["written: #sig", "written: fn #name(mut self, #field: impl Into<#ty>) -> Self", "written: fn a(&self) -> u8"]
    );
}
