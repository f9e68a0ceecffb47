//! Finds the public items of a source file in its tokens.

use std::collections::BTreeSet;

use crate::tokens::{Kind, Token, tokens};

/// The public items of a crate.
#[derive(Debug, Default)]
pub(super) struct Found {
    items: BTreeSet<String>,
    /// Types that are public.
    types: BTreeSet<String>,
    /// The type of each trait implementation, and its line.
    implementations: Vec<(String, String)>,
}

impl Found {
    /// One line per item. Implementations are included if their type is public.
    pub(super) fn lines(mut self) -> BTreeSet<String> {
        let types = self.types;
        let public = self.implementations.into_iter().filter(|(name, _)| types.contains(name));
        self.items.extend(public.map(|(_, line)| line));
        self.items
    }
}

/// A module in a file of its own: `mod name;`.
#[derive(Debug, PartialEq)]
pub(super) struct Module {
    pub(super) name: String,
    /// The inline modules around the module.
    pub(super) folders: Vec<String>,
    /// The path of the nearest public module, which may be the module itself.
    pub(super) module: String,
    pub(super) is_public: bool,
}

/// A source file.
pub(super) struct File<'a> {
    source: &'a str,
    tokens: Vec<Token<'a>>,
    /// The module that is being read.
    place: Place,
    modules: Vec<Module>,
    /// Types of this file that are not public. A type of the same name in another file may be public.
    private: BTreeSet<&'a str>,
}

/// The module that an item is in.
#[derive(Clone)]
struct Place {
    /// The path of the nearest public module.
    module: String,
    /// Whether the module itself is public.
    is_public: bool,
    folders: Vec<String>,
}

impl<'a> File<'a> {
    pub(super) fn new(source: &'a str, module: &str, is_public: bool) -> Self {
        let place = Place { module: module.to_owned(), is_public, folders: Vec::new() };
        Self { source, tokens: tokens(source), place, modules: Vec::new(), private: BTreeSet::new() }
    }

    /// Adds the public items to `found`, and returns the modules in other files.
    pub(super) fn read(mut self, found: &mut Found) -> Vec<Module> {
        let before = found.implementations.len();
        self.items(0, self.tokens.len(), found);
        let mut own = found.implementations.split_off(before);
        own.retain(|(name, _)| !self.private.contains(name.as_str()));
        found.implementations.append(&mut own);
        self.modules
    }

    /// Reads the items between two tokens.
    fn items(&mut self, mut at: usize, end: usize, found: &mut Found) {
        while at < end {
            let start = at;
            while self.is_sign(at, b'#') {
                at = self.after(at + 1 + usize::from(self.is_sign(at + 1, b'!')));
            }
            let next = self.end_of_item(at, end);
            if !self.is_hidden(start, at) {
                self.item((start, at), next, found);
            }
            at = next;
        }
    }

    /// Reads one item; `attributes` is the range of its attributes.
    fn item(&mut self, attributes: (usize, usize), end: usize, found: &mut Found) {
        let at = attributes.1;
        let is_public = self.is_public(at);
        let start = if self.word(at) == Some("pub") { at + 1 } else { at };
        let start = if start > at && self.is_sign(start, b'(') { self.after(start) } else { start };
        let body = (start..end).find(|&at| self.is_sign(at, b'{'));
        match self.word(start) {
            Some("mod") => self.module(start + 1, is_public, body, end, found),
            Some("use") if is_public => self.uses(start + 1, end, found),
            Some("struct" | "enum" | "union") if is_public => self.type_of((attributes, start), body, end, found),
            Some("struct" | "enum" | "union") => self.private.extend(self.word(start + 1)),
            Some("trait") if is_public => {
                let name = self.word(start + 1).unwrap_or_default().to_owned();
                self.add(&self.text(start, body.unwrap_or(end)), found);
                found.types.insert(name.clone());
                if let Some(body) = body {
                    self.members(body + 1, end - 1, &format!("{name}::"), true, found);
                }
            }
            Some("impl") => self.implementation(start, body.unwrap_or(end), end, found),
            Some("unsafe") if self.word(start + 1) == Some("impl") => {}
            _ if is_public => self.add(&self.text(start, self.end_of_signature(start, end)), found),
            // Macros and functions that generate items.
            _ => self.written(start, end, found),
        }
    }

    fn module(&mut self, at: usize, is_public: bool, body: Option<usize>, end: usize, found: &mut Found) {
        let Some(name) = self.word(at).map(str::to_owned) else { return };
        let outer = self.place.clone();
        let is_public = is_public && outer.is_public;
        let module = if is_public { format!("{}::{name}", outer.module) } else { outer.module.clone() };
        if is_public {
            found.items.insert(format!("{module}: mod"));
        }
        let Some(body) = body else {
            return self.modules.push(Module { name, folders: outer.folders, module, is_public });
        };
        let folders = outer.folders.iter().cloned().chain([name]).collect();
        self.place = Place { module, is_public, folders };
        self.items(body + 1, end - 1, found);
        self.place = outer;
    }

    /// Adds the names that a `use` makes public, without the private modules on their paths.
    fn uses(&self, mut at: usize, end: usize, found: &mut Found) {
        while at < end {
            let last = self.is_sign(at + 1, b',') || self.is_sign(at + 1, b'}') || self.is_sign(at + 1, b';');
            if let (true, Some(name)) = (last, self.word(at)) {
                self.add(&format!("use {name}"), found);
            }
            if self.is_sign(at, b'*') {
                self.add(&format!("use {}", self.text(at.saturating_sub(2), at + 1)), found);
            }
            at += 1;
        }
    }

    /// Adds a type with its derives, and its public fields or its variants.
    fn type_of(&self, head: ((usize, usize), usize), body: Option<usize>, end: usize, found: &mut Found) {
        let ((attributes, at), start) = head;
        let name = self.word(start + 1).unwrap_or_default().to_owned();
        let derives = self.derives(attributes, at);
        let derives = if derives.is_empty() { String::new() } else { format!(": {}", derives.join(", ")) };
        let is_enum = self.word(start) == Some("enum");
        self.add(&format!("{}{derives}", self.text(start, body.unwrap_or(end))), found);
        found.types.insert(name.clone());
        if let Some(body) = body {
            self.members(body + 1, end - 1, &format!("{name}::"), is_enum, found);
        }
    }

    /// Adds the public items of an `impl`, and the implementation itself if it is of a trait.
    fn implementation(&mut self, start: usize, body: usize, end: usize, found: &mut Found) {
        let head = self.text(start, body);
        let generics = if self.is_sign(start + 1, b'<') { self.after_angles(start + 1) } else { start + 1 };
        let of = (generics..body).find(|&at| self.word(at) == Some("for"));
        match of {
            Some(of) => {
                // In `&T`, `[T]` or `Box<T>`, the type is the first capitalized name.
                let name =
                    (of + 1..body).filter_map(|at| self.word(at)).find(|word| word.starts_with(char::is_uppercase));
                found
                    .implementations
                    .push((name.unwrap_or_default().to_owned(), format!("{}: {head}", self.place.module)));
            }
            None => self.members(body + 1, end - 1, &format!("{head} "), false, found),
        }
    }

    /// Adds fields, variants and functions: the public ones, or all of them.
    fn members(&self, mut at: usize, end: usize, prefix: &str, all: bool, found: &mut Found) {
        while at < end {
            let start = at;
            while self.is_sign(at, b'#') {
                at = self.after(at + 1);
            }
            let next = self.end_of_member(at, end);
            if (all || self.is_public(at)) && !self.is_hidden(start, at) && at < next {
                let begin = if self.word(at) == Some("pub") { at + 1 } else { at };
                self.add(&format!("{prefix}{}", self.text(begin, self.end_of_signature(begin, next))), found);
            } else if !all {
                self.written(at, next, found);
            }
            at = next;
        }
    }

    /// Adds public items that a macro or a function generates.
    fn written(&self, start: usize, end: usize, found: &mut Found) {
        for at in (start..end).filter(|&at| self.is_public(at)) {
            let signature = self.end_of_signature(at + 1, self.end_of_member(at + 1, end));
            self.add(&format!("written: {}", self.text(at + 1, signature)), found);
        }
    }

    fn add(&self, text: &str, found: &mut Found) {
        found.items.insert(format!("{}: {text}", self.place.module));
    }

    /// Whether there is a `pub` at this place that is not limited to the crate.
    fn is_public(&self, at: usize) -> bool {
        self.word(at) == Some("pub") && !self.is_sign(at + 1, b'(')
    }

    /// Whether attributes hide an item from the documentation, or from everything but tests.
    fn is_hidden(&self, start: usize, end: usize) -> bool {
        let words: Vec<_> = (start..end).filter_map(|at| self.word(at)).collect();
        let is_for_tests = words.contains(&"cfg") && words.contains(&"test") && !words.contains(&"not");
        is_for_tests || words.windows(2).any(|pair| pair == ["doc", "hidden"])
    }

    /// The traits that attributes derive, sorted.
    fn derives(&self, start: usize, end: usize) -> Vec<&'a str> {
        let lists = (start..end).filter(|&at| self.word(at) == Some("derive"));
        let mut names: Vec<_> =
            lists.flat_map(|at| at + 2..self.after(at + 1)).filter_map(|at| self.word(at)).collect();
        names.retain(|name| name.starts_with(char::is_uppercase));
        names.sort_unstable();
        names
    }

    /// The token after an item: after its semicolon, or after its closing brace.
    fn end_of_item(&self, start: usize, end: usize) -> usize {
        let before_braces = (start..end).take_while(|&at| !self.is_sign(at, b'{') && !self.is_sign(at, b';'));
        let is_use = before_braces.take(6).any(|at| self.word(at) == Some("use"));
        let mut at = start;
        while at < end {
            match self.kind(at) {
                Some(Kind::Sign(b';')) => return at + 1,
                Some(Kind::Sign(b'{')) if !is_use => return self.after(at),
                Some(Kind::Sign(b'(' | b'[' | b'{')) => at = self.after(at),
                _ => at += 1,
            }
        }
        end
    }

    /// The token after a field, a variant or a function.
    fn end_of_member(&self, start: usize, end: usize) -> usize {
        let before_name = ["pub", "const", "async", "unsafe"];
        let first = (start..end).find(|&at| !self.word(at).is_some_and(|word| before_name.contains(&word)));
        let is_function = first.is_some_and(|at| self.word(at) == Some("fn"));
        let mut at = start;
        while at < end {
            match self.kind(at) {
                // The bounds of a function contain commas too.
                Some(Kind::Sign(b',')) if is_function => at += 1,
                Some(Kind::Sign(b',' | b';')) => return at + 1,
                Some(Kind::Sign(b'<')) => at = self.after_angles(at),
                Some(Kind::Sign(b'{')) if self.is_block(start, at) => return self.after(at),
                Some(Kind::Sign(b'(' | b'[' | b'{')) => at = self.after(at),
                // This is the end of the tokens that a macro generates.
                Some(Kind::Sign(b')' | b']' | b'}')) => return at.max(start + 1),
                _ => at += 1,
            }
        }
        end
    }

    /// Whether braces are the body of a function, and not the fields of a variant.
    fn is_block(&self, start: usize, brace: usize) -> bool {
        (start..brace).any(|at| matches!(self.word(at), Some("fn" | "struct" | "enum" | "trait" | "mod" | "impl")))
    }

    /// The end of what users see of a declaration: before the body of a function, or the value of a constant.
    fn end_of_signature(&self, start: usize, end: usize) -> usize {
        let mut at = start;
        while at < end {
            match self.kind(at) {
                Some(Kind::Sign(b'=')) if matches!(self.word(start), Some("const" | "static")) => break,
                // `#sig {`: a placeholder of a macro that stands for a function.
                Some(Kind::Sign(b'{')) if self.is_block(start, at) || self.is_sign(start, b'#') => break,
                Some(Kind::Sign(b';')) => break,
                Some(Kind::Sign(b'(' | b'[' | b'{')) => at = self.after(at),
                _ => at += 1,
            }
        }
        at.min(end)
    }

    /// The token after the bracket that closes the one at `open`.
    fn after(&self, open: usize) -> usize {
        let mut depth = 0_usize;
        for at in open..self.tokens.len() {
            match self.kind(at) {
                Some(Kind::Sign(b'(' | b'[' | b'{')) => depth += 1,
                Some(Kind::Sign(b')' | b']' | b'}')) => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 {
                return at + 1;
            }
        }
        self.tokens.len()
    }

    /// Like [`after`](Self::after), for angle brackets; the `>` of `->` does not count.
    fn after_angles(&self, open: usize) -> usize {
        let mut depth = 0_usize;
        for at in open..self.tokens.len() {
            match self.kind(at) {
                Some(Kind::Sign(b'<')) => depth += 1,
                Some(Kind::Sign(b'>')) if !self.is_sign(at - 1, b'-') => depth -= 1,
                Some(Kind::Sign(b'{' | b';')) => return at,
                _ => {}
            }
            if depth == 0 {
                return at + 1;
            }
        }
        self.tokens.len()
    }

    /// The source between two tokens in one line, without comments and attributes.
    fn text(&self, start: usize, end: usize) -> String {
        let mut text = String::new();
        let mut at = start;
        while at < end {
            if self.is_sign(at, b'#') && self.is_sign(at + 1, b'[') {
                at = self.after(at + 1);
                continue;
            }
            let next = self.tokens.get(at + 1).map_or(self.source.len(), |token| token.offset);
            for line in self.source[self.tokens[at].offset..next].split('\n') {
                text.push_str(line.split("//").next().unwrap_or_default());
                text.push(' ');
            }
            // Only the end of a line becomes a space.
            if !self.source[self.tokens[at].offset..next].contains('\n') {
                text.pop();
            }
            at += 1;
        }
        tidy(&text)
    }

    fn kind(&self, at: usize) -> Option<Kind<'a>> {
        self.tokens.get(at).map(|token| token.kind)
    }

    fn word(&self, at: usize) -> Option<&'a str> {
        match self.kind(at) {
            Some(Kind::Word(word)) => Some(word),
            _ => None,
        }
    }

    fn is_sign(&self, at: usize, sign: u8) -> bool {
        self.kind(at) == Some(Kind::Sign(sign))
    }
}

/// The text in one form, wherever rustfmt breaks its lines.
fn tidy(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = text.replace("( ", "(").replace(" )", ")").replace("< ", "<").replace(" >", ">").replace("[ ", "[");
    text.replace(",)", ")").replace(",>", ">").replace(", }", " }").trim_end_matches([',', ';', ' ']).to_owned()
}

#[cfg(test)]
mod tests;
