//! `takeup serve`: runs the server.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use crate::config::{SETTINGS, Sources, masked};
use crate::node;

use super::error::CliError;

/// The options of `takeup serve`.
#[derive(Debug, Clone, Default, Args)]
pub struct ServeArgs {
    /// Where clients reach the server [default: 127.0.0.1:8080].
    #[arg(long, value_name = "ADDR:PORT")]
    pub listen: Option<String>,
    /// Where metrics and health are served [default: 127.0.0.1:8888].
    #[arg(long, value_name = "ADDR:PORT")]
    pub admin: Option<String>,
    /// How many pinned threads take requests [default: auto].
    #[arg(long, value_name = "N")]
    pub cores: Option<String>,
    /// The file of settings [default: takeup.toml in the data folder].
    #[arg(long, value_name = "FILE", env = "TAKEUP_CONFIG")]
    pub config: Option<PathBuf>,
    /// Any setting; --help lists them all. It goes before environment and file.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_value)]
    pub set: Vec<(String, String)>,
}

impl ServeArgs {
    /// The sources of the settings for this command line.
    pub fn sources(&self, data: &Path) -> Sources {
        let mut sources = Sources { file: self.config.clone(), ..Sources::of_process(data) };
        sources.options =
            self.set.iter().map(|(key, value)| (option(key, value), key.clone(), value.clone())).collect();
        for (key, value) in [("listen", &self.listen), ("admin", &self.admin), ("cores", &self.cores)] {
            if let Some(value) = value {
                sources.options.push((format!("--{key}"), key.to_owned(), value.clone()));
            }
        }
        sources
    }
}

/// Runs the command.
pub fn run(args: &ServeArgs, data: &Path) -> Result<ExitCode, CliError> {
    Ok(node::run(args.sources(data))?)
}

pub fn key_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    Ok((key.trim().to_owned(), value.to_owned()))
}

/// `--set` in a form that may be printed.
fn option(key: &str, value: &str) -> String {
    format!("--set {key}={}", masked(key, value))
}

/// The settings table for `takeup serve --help`.
pub fn settings_help() -> String {
    let mut text = String::from(
        "Example:\n  takeup serve --listen 0.0.0.0:8080 --set ack=memory\n\n\
         Settings, for --set, takeup.toml and the environment (TAKEUP_<NAME>, or the name in brackets). [live]: a running\n\
         server takes over a change of takeup.toml:",
    );
    let mut group = "";
    for setting in SETTINGS {
        if setting.group != group {
            group = setting.group;
            text.push_str(&format!("\n\n  {group}"));
        }
        let also = setting.also.map(|name| format!(" [{name}]")).unwrap_or_default();
        let quote = if setting.default.is_empty() { "\"\"" } else { "" };
        let live = if setting.live { " [live]" } else { "" };
        let (name, default, help) = (setting.name, setting.default, setting.help());
        text.push_str(&format!("\n    {name}={default}{quote}{also}{live}\n        {help}"));
    }
    text
}
