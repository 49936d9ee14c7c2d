//! Every example that a command's `--help` shows works as pasted, in the folder of a data folder that has what it names.
//!
//! What only this machine can know is put in its place: the ports of the services, a segment's id, the name of a disk.
#![allow(clippy::disallowed_methods, reason = "what would hurt a server is harmless in a test")]

mod common;

#[path = "examples/help.rs"]
#[allow(missing_docs)]
mod help;
#[path = "examples/paste.rs"]
#[allow(missing_docs)]
mod paste;
#[path = "examples/stage.rs"]
#[allow(missing_docs)]
mod stage;

use help::Page;
use stage::Stage;

#[test]
fn every_command_has_an_example_of_its_own() {
    let pages = Page::all();
    assert!(pages.len() > 20, "{}", pages.len());
    for page in &pages {
        let own = format!("takeup {}", page.command.join(" "));
        let is_own = |example: &String| example.starts_with(own.trim_end());
        assert!(page.examples.iter().any(is_own), "{own}: no example among {:?}", page.examples);
    }
}

/// Runs the examples of the commands whose names `has`, those of a page one after the other.
fn run_those(has: impl Fn(&str) -> bool) {
    let pages = Page::all().into_iter().filter(|page| has(page.command.first().map_or("", String::as_str)));
    let recorded = stage::record();
    let mut failed = Vec::new();
    for page in pages {
        let stage = Stage::set(&recorded, &page.examples);
        for example in page.examples.iter().filter(|example| stage::can_run(example)) {
            if let Err(why) = paste::run(&stage, example) {
                failed.push(format!("takeup {} --help: {example}\n{why}", page.command.join(" ")));
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

/// Commands that take long, or many services: a test each.
const APART: [&str; 5] = ["dead-letters", "load", "replay", "restore", "serve"];

#[test]
fn the_examples_of_dead_letters_work_as_pasted() {
    run_those(|command| command == "dead-letters");
}

#[test]
fn the_examples_of_load_work_as_pasted() {
    run_those(|command| command == "load");
}

#[test]
fn the_examples_of_replay_work_as_pasted() {
    run_those(|command| command == "replay");
}

#[test]
fn the_examples_of_restore_work_as_pasted() {
    run_those(|command| command == "restore");
}

#[test]
fn the_examples_of_serve_and_of_takeup_itself_work_as_pasted() {
    run_those(|command| matches!(command, "" | "serve"));
}

#[test]
fn the_examples_of_all_other_commands_work_as_pasted() {
    run_those(|command| !command.is_empty() && !APART.contains(&command));
}
