//! The files of the page.

use super::library;

/// A module of the page.
pub(super) struct Module {
    pub name: &'static str,
    pub text: &'static str,
}

macro_rules! modules {
    ($($name:literal),* $(,)?) => { &[$(Module { name: $name, text: include_str!(concat!("page/", $name)) }),*] };
}

/// The page's modules: each after those that it imports.
pub(super) const MODULES: &[Module] = modules![
    "format.js",
    "address.js",
    "consent.js",
    "source.js",
    "happened.js",
    "tabs.js",
    "session.js",
    "stage.js",
    "timeline.js",
    "lists.js",
    "tabbar.js",
    "keys.js",
    "about.js",
    "player.js",
    "loader.js",
    "main.js",
];

/// The page's markup, with marks where its parts go.
pub(super) const HTML: &str = include_str!("page/index.html");

/// How it looks.
pub(super) const CSS: &str = include_str!("page/player.css");

const SCRIPT: &str = "text/javascript; charset=utf-8";

/// The file that the served page asks for as `/player/NAME`: its content type, and its bytes.
pub fn asset(name: &str) -> Option<(&'static str, &'static [u8])> {
    match name {
        "player.css" => Some(("text/css; charset=utf-8", CSS.as_bytes())),
        "replay.js" => library::EMBEDDED.map(|library| (SCRIPT, library.as_bytes())),
        _ => MODULES.iter().find(|module| module.name == name).map(|module| (SCRIPT, module.text.as_bytes())),
    }
}
