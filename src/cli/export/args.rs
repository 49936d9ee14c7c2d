//! The options of `takeup export`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::config::value;

use super::source::SourceArgs;

/// What is written.
#[derive(Debug, Clone, Args)]
#[group(required = true, multiple = false)]
pub struct Form {
    /// A JSON array of events, which any player of rrweb shows.
    #[arg(long)]
    pub rrweb: bool,
    /// One HTML file that plays the session in any browser and asks nobody for anything. For readers without JavaScript it has the timeline.
    #[arg(long)]
    pub html: bool,
    /// What happened: pages, clicks by label, inputs, requests, errors.
    #[arg(long, value_name = "FORM")]
    pub timeline: Option<TimelineForm>,
    /// The pictures of canvases and of phones' screens, as files in this folder, which is made if it is not there.
    #[arg(long, value_name = "DIR")]
    pub images: Option<PathBuf>,
    /// The batches as they were sent, inflated, as files in this folder, which is made if it is not there.
    #[arg(long, value_name = "DIR")]
    pub raw: Option<PathBuf>,
    /// The files that OpenReplay's own player takes, in a folder of the session's number below this one.
    #[arg(long, value_name = "DIR")]
    pub mob: Option<PathBuf>,
    /// Each message with all its fields as a line of JSON, as `takeup events --json` has them.
    #[arg(long)]
    pub ndjson: bool,
}

/// The options of `takeup export`.
#[derive(Debug, Clone, Args)]
pub struct ExportArgs {
    /// The session, by its number.
    #[arg(value_name = "SESSION")]
    pub session: u64,
    #[command(flatten)]
    pub form: Form,
    /// Let the player fetch pictures, fonts and style sheets from the recorded site. Without it, it asks nobody for anything.
    #[arg(long, requires = "rrweb")]
    pub assets: bool,
    /// With --mob: the release of OpenReplay whose player takes the files.
    #[arg(long, value_name = "RELEASE", value_enum, default_value_t, requires = "mob")]
    pub release: Release,
    /// The largest batch to inflate.
    #[arg(long, value_name = "BYTES", default_value = "64MiB", value_parser = value::size::<usize>)]
    pub inflated_max: usize,
    /// With --rrweb or --html: the most bytes of events to write. Without it, 512 MiB and 64 times what the session has sent.
    #[arg(long, value_name = "BYTES", value_parser = value::size::<u64>)]
    pub events_max: Option<u64>,
    /// With --rrweb or --html: show this tab all the time, not the one that the visitor looks at. Events called `tab` and --timeline json have their names.
    #[arg(long, value_name = "TAB")]
    pub tab: Option<String>,
    #[command(flatten)]
    pub source: SourceArgs,
}

/// How a timeline is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TimelineForm {
    /// Markdown, for people.
    Md,
    /// A line of JSON for each event.
    Json,
}

/// Whose player takes the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Release {
    /// The release of March 2024.
    #[value(name = "2024-03")]
    March2024,
    /// The release of July 2026, and those since.
    #[default]
    #[value(name = "2026-07")]
    July2026,
}
