//! Where a replay sends: the argument of `--to`.

use std::path::PathBuf;

use crate::cli::error::CliError;
use crate::config::{Secret, value};
use crate::courier::redis::{RedisAddress, RedisMode};
use crate::node::Queue;

use super::http::Target;

/// The schemes of Redis's addresses.
const REDIS_SCHEMES: [&str; 7] = ["redis", "rediss", "valkey", "valkeys", "redis+unix", "valkey+unix", "unix"];

/// Where a replay sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum To {
    /// To stdout, as NDJSON.
    Stdout,
    /// To a server.
    Server(Target),
    /// To a queue.
    Queue(QueueAddress),
    /// To a new log, in this data folder.
    Log(PathBuf),
}

/// A queue, and the setting that names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueAddress {
    /// The kind.
    pub queue: Queue,
    /// The setting that has the address of such a queue.
    pub setting: &'static str,
    /// The setting's value.
    pub value: Secret,
}

impl To {
    /// Parses the argument. Its errors hold no password.
    pub fn parse(text: &str) -> Result<To, CliError> {
        if text == "-" {
            return Ok(To::Stdout);
        }
        if let Some(folder) = text.strip_prefix("log:") {
            let folder = folder.strip_prefix("//").unwrap_or(folder);
            return match folder {
                "" => Err(CliError::Other("--to log: names no folder; expected log:DIR".to_owned())),
                folder => Ok(To::Log(PathBuf::from(folder))),
            };
        }
        let scheme = text.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase()).unwrap_or_default();
        if REDIS_SCHEMES.contains(&&*scheme) {
            return redis(text).map(To::Queue);
        }
        match text.split_once("://") {
            Some((_, brokers)) if scheme == "kafka" => kafka(brokers).map(To::Queue),
            _ => Target::parse(text).map(To::Server),
        }
    }
}

fn redis(url: &str) -> Result<QueueAddress, CliError> {
    // What several addresses stand for is for the settings to say; each must be one in any case.
    RedisAddress::parse(url, RedisMode::Single).map_err(|error| CliError::Other(format!("--to: {error}")))?;
    Ok(QueueAddress { queue: Queue::Redis, setting: "redis_string", value: Secret::new(url) })
}

fn kafka(brokers: &str) -> Result<QueueAddress, CliError> {
    if cfg!(not(feature = "kafka")) {
        let text = "--to: this takeup was built without Kafka: build it with `cargo build --release --features kafka`";
        return Err(CliError::Other(text.to_owned()));
    }
    let expected = |problem: &str| {
        CliError::Other(format!(
            "--to: {problem}, after kafka://; user name and password belong into the setting kafka_options"
        ))
    };
    match value::optional_brokers(brokers.strip_suffix('/').unwrap_or(brokers)) {
        Ok(Some(brokers)) => {
            Ok(QueueAddress { queue: Queue::Kafka, setting: "kafka_servers", value: Secret::new(&brokers) })
        }
        Ok(None) => Err(expected("expected brokers as HOST:PORT, separated by commas")),
        Err(problem) => Err(expected(&problem)),
    }
}
