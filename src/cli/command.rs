//! The command line as a whole: its commands, and the file that runs each.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Parser, Subcommand};

use super::admin::{self, AdminArgs};
use super::assets::{self, AssetsArgs};
use super::compact::{self, CompactArgs};
use super::config::{self, ConfigArgs};
use super::consumers::{self, ConsumersArgs};
use super::couriers::{self, CouriersArgs};
use super::dead_letters::{self, DeadLettersArgs};
use super::erase::{self, EraseArgs};
use super::events::{self, EventsArgs};
use super::export::{self, ExportArgs};
use super::inspect::{self, InspectArgs};
use super::job;
use super::load::{self, LoadArgs};
use super::recordings::{self, RecordingsArgs};
use super::replay::{self, ReplayArgs};
use super::restore::{self, RestoreArgs};
use super::retention::{self, RetentionArgs};
use super::salvage::{self, SalvageArgs};
use super::serve::{self, ServeArgs, settings_help};
use super::sessions::{self, SessionsArgs};
use super::stats::{self, StatsArgs};
use super::tail::{self, TailArgs};
use super::top::{self, TopArgs};
use super::verify::{self, VerifyArgs};

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
    /// Check every byte of the log, or of an archive; the exit code is 0 when it is whole, 1 when it is damaged, 2 when it can't be read, 3 when all damage is
    /// known from before.
    #[command(
        after_help = "Examples:\n  takeup verify && echo whole\n  takeup verify --archive\n  takeup verify --archive s3://backups/archive"
    )]
    Verify(VerifyArgs),
    /// Write every record that can still be read, from damaged files, a folder or a whole disk, into a new data folder.
    ///
    /// The exit code is 0 when nothing is missing, 1 when something is (the report names it), 2 when it could not be done.
    #[command(after_help = "Examples:\n  takeup salvage takeup-data rescued\n  takeup salvage /dev/sdb1 from-disk\n  \
                      takeup verify --data rescued")]
    Salvage(SalvageArgs),
    /// Make a log again of the segments in an object store, whole or by time, in a new data folder; or list what is there.
    ///
    /// The exit code is 0 when all of it is there, 1 when objects are damaged and were left out, 2 when it could not be done or was not
    /// finished: the same command then goes on.
    #[command(after_help = "Examples:\n  takeup restore s3://backups/takeup --list\n  \
                      takeup restore s3://backups/takeup --to restored --from 36h\n  \
                      takeup verify --data restored")]
    Restore(RestoreArgs),
    /// Show what a session's trackers recorded, message by message.
    #[command(after_help = "Example:\n  takeup events 2691351900602760960 --json | grep MouseClick")]
    Events(EventsArgs),
    /// Write one session in a form that other programs read: as events that rrweb plays, as a timeline in words, or as files.
    ///
    /// What strangers have put into their pages neither runs, nor leads elsewhere, nor fetches anything in a player.
    #[command(
        after_help = "Examples:\n  takeup export 2691351900602760960 --rrweb > session.json && wc -c session.json\n  \
                      takeup export 2691351900602760960 --timeline md\n  \
                      takeup export 2691351900602760960 --images pictures\n  \
                      takeup export 2691351900602760960 --mob player\n  \
                      takeup export 2691351900602760960 --ndjson | grep MouseClick\n  \
                      takeup export 2691351900602760960 --archive s3://backups/archive --timeline md"
    )]
    Export(ExportArgs),
    /// List the log's consumers, or add and remove one. A consumer that holds keeps every segment that it has not read.
    #[command(
        after_help = "Examples:\n  takeup consumers\n  takeup consumers add backup --from start\n  takeup consumers remove backup"
    )]
    Consumers(ConsumersArgs),
    /// Show what each courier does: what it waits for, how much it has not delivered, and what was refused. Asks the server of the data folder, or
    /// looks at the folder if none runs.
    #[command(
        after_help = "Examples:\n  takeup couriers\n  takeup couriers --watch\n  takeup couriers --json | jq .lag"
    )]
    Couriers(CouriersArgs),
    /// Show what a running server does, every second: requests, percentiles of times, cores, disk, refusals, couriers. `q` ends it.
    #[command(after_help = "Examples:\n  takeup top --once\n  takeup top --once --admin 127.0.0.1:8888")]
    Top(TopArgs),
    /// List the records that a destination refused for good, look at one, send them again, or drop them.
    #[command(
        after_help = "Examples:\n  takeup dead-letters\n  takeup dead-letters show courier-redis 1\n  takeup dead-letters send courier-redis --all"
    )]
    DeadLetters(DeadLettersArgs),
    /// Erase all that is stored of a session, a user or a project, and print a receipt. A server may run: it takes part.
    ///
    /// The exit code is 0 when everything is erased, 1 when something could not be reached (the receipt names it), 2 when it could not be done or
    /// was not finished: the next `takeup erase` then goes on.
    #[command(after_help = "Examples:\n  takeup erase --user jane@example.org --dry-run\n  \
                      takeup erase --user jane@example.org --yes --receipt receipt.json\n  \
                      takeup erase --session 2691351900602760960 --yes")]
    Erase(EraseArgs),
    /// Follow the log: a line for each record that has become durable, until it is interrupted.
    #[command(
        after_help = "Examples:\n  takeup tail --project 1\n  takeup tail -n 100 --session 2691351900602760960\n  \
                      takeup tail --from 10m --json | jq -r .session_id"
    )]
    Tail(TailArgs),
    /// Bring the archive up to the end of the log: Parquet files in the data folder, which DuckDB, pandas, Spark and others read. A server may run.
    #[command(
        after_help = "Examples:\n  takeup compact\n  takeup compact --json | jq .rows\n  takeup compact --store s3://backups/archive"
    )]
    Compact(CompactArgs),
    /// Show what retention would delete now from the log and the archive, why, and what stays because of what. Nothing is deleted: the server does that.
    #[command(
        after_help = "Examples:\n  takeup retention --dry-run\n  takeup retention --set retain_age=720h --set archive_retain_age=8760h\n  \
                      takeup retention --json | jq -s 'map(select(.goes).bytes) | add // 0'"
    )]
    Retention(RetentionArgs),
    /// Count sessions, batches and bytes, of the log, the archive, or both: by project, browser, country or hour, with percentiles of sizes and
    /// times, and the largest sessions.
    #[command(after_help = "Examples:\n  takeup stats\n  takeup stats --by browser --from 36h --svg stats.svg\n  \
                      takeup stats --by hour --source archive --json | jq .groups\n  \
                      takeup stats --archive s3://backups/archive --by country")]
    Stats(StatsArgs),
    /// Send what was recorded again, from logs or archives, to a server, to a queue, to another log or to stdout.
    #[command(
        after_help = "Examples:\n  takeup replay --to http://127.0.0.1:9090 --fast --token-secret-file other/secrets/token\n  \
                      takeup replay --to - --loop 10 --sessions-per-second 20 --resume replay.state | wc -l\n  \
                      takeup replay --to redis://127.0.0.1:6379 --from 2h --project 1\n  \
                      takeup replay --to kafka://127.0.0.1:9092 --from 36h --until 1m\n  \
                      takeup replay takeup-data other --to log:merged\n  \
                      takeup replay --to - --user customer-3141 | wc -l"
    )]
    Replay(ReplayArgs),
    /// Visit an ingestion server as a crowd of browsers with real trackers does, and measure its answers; or check that a log has what was
    /// acknowledged.
    ///
    /// Requests become due by a schedule, whatever the server does, and latency counts from there. The exit code is 0 when every tracker got
    /// through (with --check: when every acknowledged batch is in the log, in order), 1 when some did not, 2 when it could not be done.
    #[command(after_help = "Examples:\n  takeup load --url http://127.0.0.1:8080\n  \
                      takeup load --url http://127.0.0.1:8080 --users 50 --rate 20 --duration 10s --svg load.svg\n  \
                      takeup load --url http://127.0.0.1:8080 --duration 10s --ledger load.ledger\n  \
                      takeup load --check takeup-data --ledger load.ledger")]
    Load(LoadArgs),
    /// List the recordings of usability tests that were uploaded to this server, or write them out as files.
    #[command(
        after_help = "Examples:\n  takeup recordings\n  takeup recordings --session 2691351900602760960 --out recordings"
    )]
    Recordings(RecordingsArgs),
    /// Keep style sheets, pictures and fonts of a recorded site, so that its sessions look right after it has changed, and without a network; list them,
    /// or remove them.
    #[command(
        after_help = "Examples:\n  takeup assets push dist --project 1 --base https://shop.example/\n  takeup assets list"
    )]
    Assets(AssetsArgs),
    /// Look at the settings: what is wrong with them, and what is in force.
    #[command(after_help = "Examples:\n  takeup config check && echo good\n  takeup config show --changed")]
    Config(ConfigArgs),
    /// Ask a running server, through its admin port.
    #[command(after_help = "Example:\n  takeup admin reopen")]
    Admin(AdminArgs),
}

/// Runs the command given on the command line.
pub fn main() -> ExitCode {
    job::begin();
    let Cli { data, command } = Cli::parse();
    let result = match command {
        Command::Serve(args) => serve::run(&args, &data),
        Command::Sessions(args) => sessions::run(&args, &data),
        Command::Inspect(args) => inspect::run(&args, &data),
        Command::Verify(args) => return verify::run(&args, &data),
        Command::Salvage(args) => return salvage::run(&args),
        Command::Restore(args) => return restore::run(&args, &data),
        Command::Erase(args) => return erase::run(&args, &data),
        Command::Events(args) => events::run(&args, &data),
        Command::Export(args) => export::run(&args, &data),
        Command::Consumers(args) => consumers::run(&args, &data),
        Command::Couriers(args) => couriers::run(&args, &data),
        Command::Top(args) => top::run(&args, &data),
        Command::DeadLetters(args) => dead_letters::run(&args, &data),
        Command::Tail(args) => tail::run(&args, &data),
        Command::Load(args) => return load::run(&args, &data),
        Command::Assets(args) => assets::run(&args, &data),
        Command::Recordings(args) => recordings::run(&args, &data),
        Command::Retention(args) => retention::run(&args, &data),
        Command::Compact(args) => compact::run(&args, &data),
        Command::Stats(args) => stats::run(&args, &data),
        Command::Replay(args) => replay::run(&args, &data),
        Command::Config(args) => config::run(&args, &data),
        Command::Admin(args) => return admin::run(&args, &data),
    };
    result.unwrap_or_else(|error| error.report(ExitCode::FAILURE))
}
