//! What `--help` shows.

use std::path::Path;
use std::time::Duration;

use crate::common::{finish, takeup};

/// The help of a command.
#[derive(Debug)]
pub struct Page {
    /// The words of the command after `takeup`.
    pub command: Vec<String>,
    /// Its examples.
    pub examples: Vec<String>,
}

impl Page {
    /// The pages of all commands, found by reading them from the first on.
    pub fn all() -> Vec<Page> {
        let mut pages = Vec::new();
        let mut open = vec![Vec::new()];
        while let Some(command) = open.pop() {
            let text = help(&command);
            for name in below(&text, "Commands:").filter_map(name_of) {
                open.push([&command[..], &[name]].concat());
            }
            let examples = below(&text, "Example:").chain(below(&text, "Examples:"));
            let examples = examples.map(|line| line.trim().to_owned()).collect();
            pages.push(Page { command, examples });
        }
        pages.sort_by(|one, other| one.command.cmp(&other.command));
        pages
    }
}

fn help(command: &[String]) -> String {
    let mut help = takeup(Path::new("takeup-data"));
    help.args(command).arg("--help");
    let finished = finish(help, Duration::from_secs(30));
    assert_eq!(finished.code, Some(0), "{command:?}: {}", finished.stderr);
    finished.stdout
}

/// The lines below a heading, up to the next empty one.
fn below<'a>(text: &'a str, heading: &'a str) -> impl Iterator<Item = &'a str> {
    text.lines().skip_while(move |line| *line != heading).skip(1).take_while(|line| !line.is_empty())
}

/// The command in a line of the list. The lines in which its description goes on are further in.
fn name_of(line: &str) -> Option<String> {
    let name = line.strip_prefix("  ").filter(|rest| !rest.starts_with(' '))?.split(' ').next()?;
    (name != "help").then(|| name.to_owned())
}
