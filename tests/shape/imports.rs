//! Who imports whom, from the syntax of the sources: modules, what they re-export, and the paths that they name.
//!
//! What stands under `#[cfg(test)]` counts for nothing, and neither does what only a macro's tokens name. A path that goes through a re-export counts
//! for the file that holds the item.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, Item, UseTree};

/// A module's path from the root of the crate.
pub type ModulePath = Vec<String>;

/// All modules that have a file of their own.
#[derive(Default)]
pub struct Modules {
    by_path: BTreeMap<ModulePath, Module>,
}

struct Module {
    file: PathBuf,
    /// What it passes on: the name under which, and the full path of what. A glob has the name `*`.
    exports: Vec<(String, ModulePath)>,
    /// The full paths that it names, with their lines.
    names: Vec<(ModulePath, usize)>,
}

/// One import: who, from whom, and where that stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Import {
    pub from: ModulePath,
    pub to: ModulePath,
    pub file: PathBuf,
    pub line: usize,
}

impl Modules {
    /// Reads the crate whose root file is `root`.
    pub fn read(root: &Path) -> Self {
        let mut modules = Self::default();
        modules.add(Vec::new(), root, root.parent().expect("a folder"));
        modules
    }

    fn add(&mut self, path: ModulePath, file: &Path, folder: &Path) {
        let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let syntax = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let children: BTreeSet<String> = syntax.items.iter().filter_map(child).map(|(name, _)| name).collect();
        let mut paths = Paths { here: path.clone(), children: &children, names: Vec::new(), exports: Vec::new() };
        paths.visit_file(&syntax);
        let module = Module { file: file.to_owned(), exports: paths.exports, names: paths.names };
        self.by_path.insert(path.clone(), module);
        for (name, test) in syntax.items.iter().filter_map(child) {
            let flat = folder.join(format!("{name}.rs"));
            let file = if flat.exists() { flat } else { folder.join(&name).join("mod.rs") };
            if !test {
                let child: ModulePath = path.iter().cloned().chain([name.clone()]).collect();
                self.add(child, &file, &folder.join(&name));
            }
        }
    }

    /// Every import between two files.
    pub fn imports(&self) -> Vec<Import> {
        let mut imports = BTreeSet::new();
        for (from, module) in &self.by_path {
            for (name, line) in &module.names {
                let Some(to) = self.holder(name, 0) else { continue };
                if to != *from {
                    imports.insert(Import { from: from.clone(), to, file: module.file.clone(), line: *line });
                }
            }
        }
        imports.into_iter().collect()
    }

    /// The module whose file holds the item of this path.
    fn holder(&self, path: &[String], depth: usize) -> Option<ModulePath> {
        let len = (0..=path.len()).rev().find(|&len| self.by_path.contains_key(&path[..len]))?;
        let (module, rest) = path.split_at(len);
        let Some(item) = rest.first().filter(|_| depth < 8) else { return Some(module.to_vec()) };
        let exports = &self.by_path[module].exports;
        let named = exports.iter().find(|(name, _)| name == item);
        match named {
            Some((_, target)) if target != path => self.holder(target, depth + 1),
            _ => Some(module.to_vec()),
        }
    }
}

/// The name of a module that has a file of its own, and whether it is for tests alone.
fn child(item: &Item) -> Option<(String, bool)> {
    match item {
        Item::Mod(module) if module.content.is_none() => Some((module.ident.to_string(), is_test(&module.attrs))),
        _ => None,
    }
}

fn is_test(attributes: &[Attribute]) -> bool {
    let says_test = |attribute: &Attribute| {
        attribute.path().is_ident("test")
            || attribute.path().is_ident("cfg")
                && attribute.meta.require_list().is_ok_and(|list| list.tokens.to_string() == "test")
    };
    attributes.iter().any(says_test)
}

struct Paths<'a> {
    here: ModulePath,
    children: &'a BTreeSet<String>,
    names: Vec<(ModulePath, usize)>,
    exports: Vec<(String, ModulePath)>,
}

impl Paths<'_> {
    /// The full path of one that begins in this module; `None` if it leads out of the crate.
    fn full(&self, segments: &[String]) -> Option<ModulePath> {
        let first = segments.first()?;
        let mut base = self.here.clone();
        let mut at = 0;
        match first.as_str() {
            "crate" => {
                base.clear();
                at = 1;
            }
            "self" => at = 1,
            "super" => {
                while segments.get(at).is_some_and(|segment| segment == "super") {
                    base.pop();
                    at += 1;
                }
            }
            child if self.children.contains(child) => {}
            _ => return None,
        }
        base.extend_from_slice(&segments[at..]);
        Some(base)
    }

    fn take_use(&mut self, prefix: &[String], tree: &UseTree, passes_on: bool) {
        let with = |name: &syn::Ident| prefix.iter().cloned().chain([name.to_string()]).collect::<Vec<_>>();
        match tree {
            UseTree::Path(path) => self.take_use(&with(&path.ident), &path.tree, passes_on),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.take_use(prefix, tree, passes_on)),
            UseTree::Name(name) if name.ident == "self" => self.take(prefix, prefix.last(), name.span(), passes_on),
            UseTree::Name(name) => self.take(&with(&name.ident), Some(&name.ident.to_string()), name.span(), passes_on),
            UseTree::Rename(rename) => {
                self.take(&with(&rename.ident), Some(&rename.rename.to_string()), rename.span(), passes_on);
            }
            UseTree::Glob(glob) => self.take(prefix, Some(&"*".to_owned()), glob.span(), passes_on),
        }
    }

    fn take(&mut self, segments: &[String], name: Option<&String>, span: proc_macro2::Span, passes_on: bool) {
        let Some(full) = self.full(segments) else { return };
        if passes_on {
            self.exports.extend(name.map(|name| (name.clone(), full.clone())));
            // A child's items that its parent passes on are the child's. Those of others are a use of them.
            if full.starts_with(&self.here) {
                return;
            }
        }
        self.names.push((full, span.start().line));
    }
}

impl<'ast> Visit<'ast> for Paths<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        let attributes = match item {
            Item::Mod(item) => &item.attrs,
            Item::Fn(item) => &item.attrs,
            Item::Impl(item) => &item.attrs,
            Item::Use(item) => &item.attrs,
            Item::Const(item) => &item.attrs,
            Item::Static(item) => &item.attrs,
            Item::Struct(item) => &item.attrs,
            _ => &Vec::new(),
        };
        if !is_test(attributes) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        if !is_test(&item.attrs) {
            visit::visit_impl_item_fn(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let passes_on = !matches!(item.vis, syn::Visibility::Inherited);
        self.take_use(&[], &item.tree, passes_on);
    }

    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if segments.len() > 1
            && let Some(full) = self.full(&segments)
        {
            self.names.push((full, path.span().start().line));
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, _: &'ast syn::Macro) {}
}

/// A child of a module, or (`None`) the module's own file.
pub type Node = Option<String>;

/// A circle: who imports whom, and where.
pub type Circle = Vec<(Node, Node, Vec<Import>)>;

/// The circles among the children of each module, and between a module's own file and its children.
pub fn circles(imports: &[Import]) -> Vec<(ModulePath, Circle)> {
    let mut found = Vec::new();
    let mut parents = BTreeSet::new();
    for import in imports {
        parents.extend((0..=import.from.len()).map(|len| import.from[..len].to_vec()));
    }
    for parent in parents {
        let node = |path: &ModulePath| path.starts_with(&parent).then(|| path.get(parent.len()).cloned());
        let mut edges: BTreeMap<(Node, Node), Vec<Import>> = BTreeMap::new();
        for import in imports {
            if let (Some(from), Some(to)) = (node(&import.from), node(&import.to))
                && from != to
            {
                edges.entry((from, to)).or_default().push(import.clone());
            }
        }
        for circle in strongly_connected(edges.keys()) {
            let within = edges.iter().filter(|((from, to), _)| circle.contains(from) && circle.contains(to));
            let within = within.map(|((from, to), imports)| (from.clone(), to.clone(), imports.clone()));
            found.push((parent.clone(), within.collect()));
        }
    }
    found
}

/// The groups of nodes that can reach each other, those of one node left out.
fn strongly_connected<'a, N: Ord + Clone + 'a>(edges: impl Iterator<Item = &'a (N, N)> + Clone) -> Vec<BTreeSet<N>> {
    let reach = |start: &N, backwards: bool| {
        let mut seen = BTreeSet::from([start.clone()]);
        let mut open = vec![start.clone()];
        while let Some(node) = open.pop() {
            for (from, to) in edges.clone() {
                let (from, to) = if backwards { (to, from) } else { (from, to) };
                if *from == node && seen.insert(to.clone()) {
                    open.push(to.clone());
                }
            }
        }
        seen
    };
    let nodes: BTreeSet<N> = edges.clone().flat_map(|(from, to)| [from.clone(), to.clone()]).collect();
    let mut done = BTreeSet::new();
    let mut groups = Vec::new();
    for node in nodes {
        if done.contains(&node) {
            continue;
        }
        let group: BTreeSet<N> = reach(&node, false).intersection(&reach(&node, true)).cloned().collect();
        done.extend(group.iter().cloned());
        if group.len() > 1 {
            groups.push(group);
        }
    }
    groups
}
