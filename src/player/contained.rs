//! The self-contained page: one file, in parts between which the session is written.
//!
//! A file has a head, blocks of events, the timeline as text, and a tail with the scripts. Events and facts are data: no browser runs them,
//! whatever the policy says. The policy names the two scripts by their hashes, and allows no request at all: what is shown of the site's assets, the file has
//! in itself.

use std::io::{self, Write};

use base64::prelude::{BASE64_STANDARD, Engine};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use super::assets::{CSS, HTML, MODULES, Module};
use super::escape::{html_text, json_in_html};
use super::library;

/// A block of events: the page reads it, and drops its text, before it reads the next.
const BLOCK_BYTES: usize = 1 << 20;

const BLOCK_BEGIN: &[u8] = b"<script type=\"application/x-ndjson\" class=\"events\">\n";
const ASSETS_BEGIN: &[u8] = b"<script type=\"application/x-ndjson\" class=\"assets\">\n";
const BLOCK_END: &[u8] = b"</script>\n";

/// Writes the page into `out`: [`begin`](Contained::begin), then an [`event`](Contained::event) each, then [`end`](Contained::end).
#[derive(Debug)]
pub struct Contained<W: Write> {
    out: W,
    tail: String,
    block: Vec<u8>,
}

impl<W: Write> Contained<W> {
    /// Writes the head. `facts` is what `/api/sessions/SESSION` tells of the session. `None`: this build does not have the library.
    pub fn begin(out: W, facts: &Json) -> Option<io::Result<Contained<W>>> {
        let library = in_script(library::EMBEDDED?);
        Some(Contained::with(out, facts, &library))
    }

    fn with(mut out: W, facts: &Json, library: &str) -> io::Result<Contained<W>> {
        let code = in_script(&bundle(MODULES));
        let policy = format!(
            "default-src 'none'; script-src {} {}; style-src 'unsafe-inline' blob:; img-src data: blob:; font-src data: blob:; \
             frame-src about:; base-uri 'none'; form-action 'none'",
            hash(library),
            hash(&code)
        );
        let head =
            format!("<meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n<style>\n{CSS}</style>");
        let mut told = Vec::new();
        json_in_html(&facts.to_string(), &mut told);
        let session = facts.get("session").and_then(Json::as_str).map(|session| format!(" {}", html_text(session)));
        // What follows the policy's `meta` is under it, so it stands first.
        let html = HTML
            .replace("data-page", "data-contained")
            .replace("<!--session-->", &session.unwrap_or_default())
            .replace("<!--head-->", &head);
        let (head, tail) = html.split_once("<!--tail-->").unwrap_or((&html, ""));
        out.write_all(head.as_bytes())?;
        out.write_all(b"<script type=\"application/json\" id=\"facts\">")?;
        out.write_all(&told)?;
        out.write_all(BLOCK_END)?;
        let tail = format!("<script>{library}</script>\n<script>{code}</script>{tail}");
        Ok(Contained { out, tail, block: Vec::with_capacity(BLOCK_BYTES) })
    }

    /// Writes the next event, as JSON.
    pub fn event(&mut self, json: &str) -> io::Result<()> {
        json_in_html(json, &mut self.block);
        self.block.push(b'\n');
        if self.block.len() >= BLOCK_BYTES { self.end_block() } else { Ok(()) }
    }

    /// Writes a style sheet, a picture or a font, as JSON: `id`, `type` and `data`, in base64. The page puts its address where events and other
    /// style sheets have `takeup-asset:ID`.
    pub fn asset(&mut self, json: &str) -> io::Result<()> {
        self.end_block()?;
        self.out.write_all(ASSETS_BEGIN)?;
        json_in_html(json, &mut self.block);
        self.out.write_all(&self.block)?;
        self.block.clear();
        self.out.write_all(b"\n")?;
        self.out.write_all(BLOCK_END)
    }

    fn end_block(&mut self) -> io::Result<()> {
        if !self.block.is_empty() {
            self.out.write_all(BLOCK_BEGIN)?;
            self.out.write_all(&self.block)?;
            self.out.write_all(BLOCK_END)?;
            self.block.clear();
        }
        Ok(())
    }

    /// Writes the timeline, a line of text after the other, for readers without JavaScript; then the rest of the page.
    pub fn end(mut self, timeline: impl Iterator<Item = io::Result<String>>) -> io::Result<W> {
        self.end_block()?;
        self.out.write_all(b"<noscript>\n<h2>What happened</h2>\n<pre>")?;
        for line in timeline {
            self.out.write_all(html_text(&line?).as_bytes())?;
            self.out.write_all(b"\n")?;
        }
        self.out.write_all(b"</pre>\n</noscript>\n")?;
        self.out.write_all(self.tail.as_bytes())?;
        Ok(self.out)
    }
}

/// The page's modules as one script. They import from each other alone, and no two of them use a name twice at their top.
fn bundle(modules: &[Module]) -> String {
    let mut code = String::from("(() => {\n'use strict';\n");
    for module in modules {
        for line in module.text.lines().filter(|line| !line.starts_with("import ")) {
            code.push_str(line.strip_prefix("export ").unwrap_or(line));
            code.push('\n');
        }
    }
    code + "})();\n"
}

/// A script as it may stand in HTML. What would end its element, or begin a comment there, can only be in a string or in a regular expression,
/// which mean the same with a backslash.
fn in_script(code: &str) -> String {
    code.replace("</script", "<\\/script").replace("<!--", "<\\!--")
}

fn hash(script: &str) -> String {
    format!("'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(script)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;

    fn file(events: &[&str], timeline: &[&str]) -> String {
        let facts = json!({ "session": "7", "user": "</script><script>alert(1)</script>" });
        let mut page = Contained::with(Vec::new(), &facts, "var rrwebReplay = {};").unwrap();
        for event in events {
            page.event(event).unwrap();
        }
        let lines = timeline.iter().map(|line| Ok((*line).to_owned()));
        String::from_utf8(page.end(lines).unwrap()).unwrap()
    }

    #[test]
    fn what_was_recorded_ends_no_element_of_the_file() {
        let file = file(&[r#"{"a":"</script><!--<script>"}"#], &["</noscript><img src=x onerror=alert(1)>"]);
        assert_eq!(file.matches("<script").count(), 4, "the facts, one block, two scripts");
        assert_eq!(file.matches("</script").count(), 4);
        assert!(file.contains(r#"{"a":"\u003c/script\u003e\u003c!--\u003cscript\u003e"}"#), "{file}");
        assert!(file.contains("&lt;/noscript&gt;&lt;img src=x onerror=alert(1)&gt;"));
        assert_eq!(file.matches("</noscript>").count(), 1);
        assert!(file.contains("<title>Session 7</title>"));
    }

    #[test]
    fn the_file_names_its_scripts_by_their_hashes_and_asks_nobody() {
        let file = file(&[], &[]);
        let scripts: Vec<_> =
            file.split("<script>").skip(1).filter_map(|rest| rest.split("</script>").next()).collect();
        assert_eq!(scripts.len(), 2);
        for script in scripts {
            assert!(file.contains(&hash(script)), "the policy lacks the hash of {script}");
        }
        assert!(
            !file.contains("src=\"http") && !file.contains("href=\"http") && !file.contains("../player/"),
            "{file}"
        );
        assert!(file.find("Content-Security-Policy").unwrap() < file.find("<style>").unwrap());
    }

    #[test]
    fn an_asset_ends_no_element_of_the_file() {
        let mut page = Contained::with(Vec::new(), &json!({}), "").unwrap();
        page.event("{}").unwrap();
        page.asset(r#"{"id":"1","type":"</script><script>","data":"<!--"}"#).unwrap();
        page.event("{}").unwrap();
        let file = String::from_utf8(page.end(std::iter::empty()).unwrap()).unwrap();
        assert_eq!((file.matches("<script").count(), file.matches("</script").count()), (6, 6), "{file}");
        assert!(file.contains(r#"{"id":"1","type":"\u003c/script\u003e\u003cscript\u003e","data":"\u003c!--"}"#));
    }

    #[test]
    fn many_events_are_written_in_blocks() {
        let event = format!("{{\"a\":\"{}\"}}", "x".repeat(BLOCK_BYTES / 4));
        let file = file(&[event.as_str(); 9], &[]);
        assert_eq!(file.matches("class=\"events\"").count(), 3);
        assert_eq!(file.matches(&event).count(), 9);
    }

    /// The names that a module declares at its top.
    fn declared(module: &Module) -> Vec<String> {
        let words = ["const ", "let ", "function ", "function* ", "async function ", "async function* ", "class "];
        let name = |line: &str| {
            let line = line.strip_prefix("export ").unwrap_or(line);
            let rest = words.iter().find_map(|word| line.strip_prefix(word))?;
            Some(rest.chars().take_while(|char| char.is_ascii_alphanumeric() || matches!(char, '_' | '$')).collect())
        };
        module.text.lines().filter_map(name).collect()
    }

    #[test]
    fn the_modules_can_stand_in_one_script() {
        let mut names = BTreeSet::new();
        let mut before = BTreeSet::new();
        for module in MODULES {
            for line in module.text.lines() {
                if let Some(import) = line.strip_prefix("import ") {
                    let (names, from) = import.split_once(" from './").expect("imports of names from a file beside it");
                    assert!(names.starts_with("{ ") && names.ends_with(" }") && !names.contains(" as "), "{line}");
                    let from = from.strip_suffix("';").unwrap();
                    assert!(before.contains(from), "{}: {from} has to stand before it in the list", module.name);
                }
                let exports = line.strip_prefix("export ");
                let kinds = ["const ", "function ", "async function", "class "];
                assert!(exports.is_none_or(|rest| kinds.iter().any(|kind| rest.starts_with(kind))), "{line}");
            }
            for name in declared(module).into_iter().filter(|name| !name.is_empty()) {
                assert!(names.insert(name.clone()), "{}: {name} is declared twice", module.name);
            }
            before.insert(module.name);
        }
    }
}
