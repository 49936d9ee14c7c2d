//! The options of every subcommand.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, Parser, Subcommand};

use crate::config::{SETTINGS, Sources, masked, value};
use crate::log::cursor::ConsumerName;
use crate::log::repair::salvage::Limits;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default())
    .placeholder(AnsiColor::Cyan.on_default());

/// A durable ingestion server for OpenReplay's session recordings: 200 means stored.
#[derive(Debug, Parser)]
#[command(
    name = "takeup",
    version,
    styles = STYLES,
    after_help = "Example:\n  takeup serve\n  takeup sessions\n  takeup events 2691351900602760960"
)]
pub struct Cli {
    /// The data folder.
    #[arg(long, value_name = "DIR", env = "TAKEUP_DATA", default_value = "./takeup-data", global = true)]
    pub data: PathBuf,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What takeup can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Take sessions from trackers and keep them.
    #[command(after_help = "Example:\n  takeup serve --listen 0.0.0.0:8080 --set ack=memory", after_long_help = settings_help())]
    Serve(ServeArgs),
    /// List the recorded sessions.
    #[command(after_help = "Examples:\n  takeup sessions --project 1 --last 20\n  takeup sessions --broken")]
    Sessions(SessionsArgs),
    /// Show the log's segments, or its records.
    #[command(after_help = "Example:\n  takeup inspect --records --segment 01764042067000000")]
    Inspect(InspectArgs),
    /// Check every byte of the log; the exit code is 0 when it is whole, 1 when it is damaged, 2 when it can't be read, 3 when all damage is
    /// known from before.
    #[command(after_help = "Example:\n  takeup verify && echo whole")]
    Verify(VerifyArgs),
    /// Write every record that can still be read, from damaged files, a folder or a whole disk, into a new data folder.
    ///
    /// The exit code is 0 when nothing is missing, 1 when something is (the report names it), 2 when it could not be done.
    #[command(after_help = "Examples:\n  takeup salvage takeup-data rescued\n  takeup salvage /dev/sdb1 rescued\n  \
                      takeup verify --data rescued")]
    Salvage(SalvageArgs),
    /// Show what a session's trackers recorded, message by message.
    #[command(after_help = "Example:\n  takeup events 2691351900602760960 --json | grep MouseClick")]
    Events(EventsArgs),
    /// List the log's consumers, or add and remove one. A consumer that holds keeps every segment that it has not read.
    #[command(
        after_help = "Examples:\n  takeup consumers\n  takeup consumers add backup --from start\n  takeup consumers remove backup"
    )]
    Consumers(ConsumersArgs),
    /// Follow the log: a line for each record that has become durable, until it is interrupted.
    #[command(
        after_help = "Examples:\n  takeup tail --project 1\n  takeup tail -n 100 --session 2691351900602760960\n  \
                      takeup tail --from 10m --json | jq -r .session_id"
    )]
    Tail(TailArgs),
    /// Send the recorded batches again, to a server or to stdout.
    #[command(
        after_help = "Examples:\n  takeup replay --to http://127.0.0.1:9090 --fast --token-secret-file other/secrets/token\n  \
                      takeup replay --to - | head -n 1"
    )]
    Replay(ReplayArgs),
    /// List the recordings of tests with users that were uploaded to this server, or write them out as files.
    #[command(
        after_help = "Examples:\n  takeup recordings\n  takeup recordings --session 2691351900602760960 --out films"
    )]
    Recordings(RecordingsArgs),
    /// Look at the settings: what is wrong with them, and what is in force.
    #[command(
        after_help = "Examples:\n  takeup config check && systemctl reload takeup\n  takeup config show --changed"
    )]
    Config(ConfigArgs),
    /// Ask a running server, through its admin port.
    #[command(after_help = "Example:\n  takeup admin reopen")]
    Admin(AdminArgs),
}

/// The options of `takeup admin`.
#[derive(Debug, Clone, Args)]
pub struct AdminArgs {
    /// The server's admin address [default: as the server has it: setting `admin`].
    #[arg(long, value_name = "ADDR:PORT", global = true)]
    pub admin: Option<SocketAddr>,
    /// The file of settings [default: takeup.toml in the data folder].
    #[arg(long, value_name = "FILE", env = "TAKEUP_CONFIG", global = true)]
    pub config: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub command: AdminCommand,
}

/// What a running server can be asked to do.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum AdminCommand {
    /// Take cores into use again that were given up because their disk failed; to be run once it is mended. The exit code is 0
    /// when all cores take records, 1 when one does not, 2 when the server can't be asked.
    #[command(after_help = "Example:\n  takeup admin reopen && echo mended")]
    Reopen {
        /// Print NDJSON: core, before, after, reason.
        #[arg(long)]
        json: bool,
    },
}

/// The options of `takeup config`.
#[derive(Debug, Clone, Args)]
pub struct ConfigArgs {
    /// The file of settings [default: takeup.toml in the data folder].
    #[arg(long, value_name = "FILE", env = "TAKEUP_CONFIG", global = true)]
    pub config: Option<PathBuf>,
    /// Any setting, as `takeup serve` takes it.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_value, global = true)]
    pub set: Vec<(String, String)>,
    /// Print NDJSON.
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: ConfigCommand,
}

impl ConfigArgs {
    /// Where the settings of this command line come from.
    pub fn sources(&self, data: &Path) -> Sources {
        let serve = ServeArgs { config: self.config.clone(), set: self.set.clone(), ..ServeArgs::default() };
        serve.sources(data)
    }
}

/// What can be looked at.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum ConfigCommand {
    /// Tell all that is wrong: with takeup.toml, the environment, --set, projects.toml, the token secrets, and the files
    /// that settings name. The exit code is 0 when a server could start with it, 1 when not.
    #[command(after_help = "Example:\n  takeup config check --data /var/lib/takeup")]
    Check,
    /// Print the value of each setting and where it comes from; secrets are hidden.
    #[command(after_help = "Example:\n  takeup config show --changed")]
    Show {
        /// Only those that differ from the default.
        #[arg(long)]
        changed: bool,
    },
}

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
    /// Where the settings of this command line come from.
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

/// The options of `takeup sessions`.
#[derive(Debug, Clone, Default, Args)]
pub struct SessionsArgs {
    /// Only sessions of this project, by its number.
    #[arg(long, value_name = "ID")]
    pub project: Option<u32>,
    /// Only the newest N.
    #[arg(long, value_name = "N")]
    pub last: Option<usize>,
    /// Only sessions with batches that are malformed, and what is wrong with the first: metadata that is not first, a size that does not
    /// fit, numbers that go back, a split between no batches, a body that does not inflate.
    #[arg(long)]
    pub broken: bool,
    /// The largest batch to inflate for --broken.
    #[arg(long, value_name = "BYTES", default_value = "64MiB", value_parser = value::size::<usize>, requires = "broken")]
    pub inflated_max: usize,
    /// Print NDJSON: session_id, project_id, start_ms, length_ms, batches, bytes, browser, user; with --broken: session_id,
    /// project_id, tracker, batches, broken, unusable, index_steps_back, record, offset, kind, fault, cost.
    #[arg(long)]
    pub json: bool,
}

/// The options of `takeup inspect`.
#[derive(Debug, Clone, Default, Args)]
pub struct InspectArgs {
    /// Only this segment.
    #[arg(long, value_name = "ID")]
    pub segment: Option<u64>,
    /// List the records, not the segments.
    #[arg(long)]
    pub records: bool,
    /// List only the records that were kept though they can't be used (setting `unusable`).
    #[arg(long)]
    pub unusable: bool,
    /// Print NDJSON.
    #[arg(long)]
    pub json: bool,
}

/// The options of `takeup verify`.
#[derive(Debug, Clone, Default, Args)]
pub struct VerifyArgs {
    /// Print NDJSON: a line a segment, then one for the whole log.
    #[arg(long)]
    pub json: bool,
    /// Print nothing but faults.
    #[arg(long, short)]
    pub quiet: bool,
}

/// The options of `takeup salvage`.
#[derive(Debug, Clone, Args)]
pub struct SalvageArgs {
    /// What is damaged: a data folder, a segment, files in any folder, an image of a disk, or the disk itself. Its server must be stopped.
    #[arg(value_name = "FROM")]
    pub from: PathBuf,
    /// The new data folder; it must be empty, or not exist.
    #[arg(value_name = "TO")]
    pub to: PathBuf,
    /// Which log, where several are found [default: the one that log.json names, else the one of which most is found].
    #[arg(long, value_name = "UUID")]
    pub log: Option<uuid::Uuid>,
    /// Take records, too, that a client may have written into a body.
    #[arg(long)]
    pub unproven: bool,
    /// How many separate stretches of records to keep track of; each takes up to 150 bytes of memory.
    #[arg(long, value_name = "N", default_value_t = Limits::default().stretches_max)]
    pub stretches_max: usize,
    /// Print the report as JSON.
    #[arg(long)]
    pub json: bool,
}

/// The options of `takeup events`.
#[derive(Debug, Clone, Args)]
pub struct EventsArgs {
    /// The session, by its number.
    #[arg(value_name = "SESSION")]
    pub session: u64,
    /// Print NDJSON, with every field whole.
    #[arg(long)]
    pub json: bool,
    /// The largest batch to inflate.
    #[arg(long, value_name = "BYTES", default_value = "64MiB", value_parser = value::size::<usize>)]
    pub inflated_max: usize,
}

/// The options of `takeup consumers`.
#[derive(Debug, Clone, Default, Args)]
pub struct ConsumersArgs {
    /// Print NDJSON.
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do [default: list them].
    #[command(subcommand)]
    pub command: Option<ConsumersCommand>,
}

/// What can be done with consumers.
#[derive(Debug, Clone, Subcommand)]
pub enum ConsumersCommand {
    /// Register a consumer: from now on what it has not read is kept.
    #[command(after_help = "Example:\n  takeup consumers add backup --from start")]
    Add {
        /// Its name: a-z, 0-9 and -.
        #[arg(value_name = "NAME")]
        name: ConsumerName,
        /// Where it begins: with the oldest record that is there, or with what comes next.
        #[arg(long, value_enum, default_value_t = FromEnd::End)]
        from: FromEnd,
    },
    /// Forget a consumer: it holds nothing any more, and its place is lost.
    #[command(after_help = "Example:\n  takeup consumers remove backup")]
    Remove {
        /// Its name.
        #[arg(value_name = "NAME")]
        name: ConsumerName,
    },
}

/// An end of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum FromEnd {
    /// The oldest record that is there.
    Start,
    /// What comes next.
    End,
}

/// The options of `takeup tail`.
#[derive(Debug, Clone, Args)]
pub struct TailArgs {
    /// Only records of this project, by its number or its key.
    #[arg(long, value_name = "ID|KEY")]
    pub project: Option<String>,
    /// Only records of this session.
    #[arg(long, value_name = "ID")]
    pub session: Option<u64>,
    /// Where to begin: "start", "end", or how long ago, such as 10m.
    #[arg(long, value_name = "WHERE", default_value = "end", value_parser = from)]
    pub from: From,
    /// Begin with the last N records there are.
    #[arg(short = 'n', long = "last", value_name = "N", value_parser = clap::value_parser!(u32).range(0..=1_000_000), conflicts_with = "from")]
    pub last: Option<u32>,
    /// Show repeats too: batches that were sent again because their answer was lost.
    #[arg(long)]
    pub with_repeats: bool,
    /// Print NDJSON, as `inspect --records --json` does.
    #[arg(long)]
    pub json: bool,
}

/// Where a `tail` begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// With the oldest record.
    Start,
    /// With what comes now.
    End,
    /// So long ago.
    Ago(Duration),
}

/// The options of `takeup recordings`.
#[derive(Debug, Clone, Default, Args)]
pub struct RecordingsArgs {
    /// Only recordings of this session.
    #[arg(long, value_name = "ID")]
    pub session: Option<u64>,
    /// Write each recording to a new file in this folder, which is made if it is not there.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Print NDJSON: session_id, project_id, began_ms, bytes, complete, file.
    #[arg(long)]
    pub json: bool,
}

/// The options of `takeup replay`.
#[derive(Debug, Clone, Args)]
pub struct ReplayArgs {
    /// The server, as http://HOST:PORT with any path prefix; or "-" for NDJSON on stdout: id, received_us, session_id,
    /// project_id, topic, page, number, data_type, encoding, body (base64, as received).
    #[arg(long, value_name = "URL")]
    pub to: String,
    /// How many times faster than recorded [default: 1 to a server; to stdout, as fast as it goes].
    #[arg(long, value_name = "N", value_parser = speed, conflicts_with = "fast")]
    pub speed: Option<f64>,
    /// As fast as it goes.
    #[arg(long)]
    pub fast: bool,
    /// Only this session.
    #[arg(long, value_name = "ID")]
    pub session: Option<u64>,
    /// Only sessions of this project.
    #[arg(long, value_name = "ID")]
    pub project: Option<u32>,
    /// Send repeats too: batches that were recorded again because their answer was lost.
    #[arg(long)]
    pub with_repeats: bool,
    /// Send batches too that were kept though they can't be used (setting `unusable`).
    #[arg(long)]
    pub unusable: bool,
    /// How many connections send; a session keeps to one of them.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub connections: u16,
    /// The file of the server's token secrets [default: TOKEN_SECRET, else secrets/token in the data folder].
    #[arg(long, value_name = "FILE")]
    pub token_secret_file: Option<PathBuf>,
    /// How often a batch is sent again after a failure of network or server, before the replay ends.
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u32).range(0..=100))]
    pub retries: u32,
    /// Bytes of batches that may wait to be sent.
    #[arg(long, value_name = "BYTES", default_value = "64MiB", value_parser = value::size::<usize>)]
    pub buffer: usize,
    /// Print the summary as JSON on stdout.
    #[arg(long)]
    pub json: bool,
}

fn key_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    Ok((key.trim().to_owned(), value.to_owned()))
}

/// `--set` as it may be printed.
fn option(key: &str, value: &str) -> String {
    format!("--set {key}={}", masked(key, value))
}

fn from(text: &str) -> Result<From, String> {
    match text {
        "start" => Ok(From::Start),
        "end" => Ok(From::End),
        ago => value::duration(ago).map(From::Ago).map_err(|error| format!("expected start, end, or a time: {error}")),
    }
}

fn speed(text: &str) -> Result<f64, String> {
    match text.trim_end_matches('x').parse::<f64>() {
        Ok(speed) if speed.is_finite() && (0.001..=1e6).contains(&speed) => Ok(speed),
        _ => Err("expected a number from 0.001 to 1000000, such as 10".to_owned()),
    }
}

/// The table of settings, for `takeup serve --help`.
fn settings_help() -> String {
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
