//! What the admin page can change of this server.

use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Sender, bounded};

use crate::admin::{Commands, Logging, LoggingError, SetLogging};
use crate::config::{Config, LogLevel, LogRequests, Sources};
use crate::server::core::common::Common;
use crate::telemetry::Logger;

use super::reload::LogChange;

/// This program, even if its file has been replaced since.
const PROGRAM: &str = "/proc/self/exe";

/// How long a change of what is logged may take: the settings may just be being read, from a file that is being written.
const PATIENCE: Duration = Duration::from_secs(10);

/// How to run commands on the data folder, with the settings of this server.
pub fn commands(sources: &Sources, config: &Config, logger: &Logger) -> Commands {
    let option = |name: &str, value: OsString| {
        let mut option = OsString::from(format!("--{name}="));
        option.push(value);
        option
    };
    let file = sources.file.iter().map(|file| option("config", file.into()));
    let set = sources.options.iter().map(|(_, key, value)| option("set", format!("{key}={value}").into()));
    Commands {
        program: PROGRAM.into(),
        before: vec![option("data", sources.data.clone().into())],
        after: file.chain(set).collect(),
        no_archive: (!config.archive)
            .then_some("this server keeps no archive: set archive = true and restart it, or run takeup compact"),
        logger: logger.clone(),
    }
}

/// Tells what is logged.
pub fn logging(common: &Arc<Common>) -> Box<dyn Fn() -> Logging + Send + Sync> {
    let common = Arc::clone(common);
    Box::new(move || {
        let live = common.live.current();
        let (requests, level) = (live.config.log_requests.to_string(), live.config.log_level.to_string());
        Logging { log_requests: Some(requests), log_level: Some(level) }
    })
}

/// Has the thread of the settings change what is logged.
pub fn set_logging(changes: &Sender<LogChange>) -> SetLogging {
    let changes = changes.clone();
    Box::new(move |wanted| {
        let requests = word::<LogRequests>("log_requests", wanted.log_requests.as_deref())?;
        let level = word::<LogLevel>("log_level", wanted.log_level.as_deref())?;
        let (done, is_done) = bounded(1);
        changes.send_timeout(LogChange { requests, level, done }, PATIENCE).map_err(|_| LoggingError::Busy)?;
        is_done.recv_timeout(PATIENCE).map_err(|_| LoggingError::Busy)
    })
}

fn word<T: std::str::FromStr<Err = String>>(name: &str, text: Option<&str>) -> Result<Option<T>, LoggingError> {
    let parsed = text.map(str::parse).transpose();
    parsed.map_err(|error: String| LoggingError::Value(format!("{name}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::LogOptions;

    #[test]
    fn commands_get_the_settings_that_the_server_was_started_with() {
        let set = |option: &str, key: &str, value: &str| (option.to_owned(), key.to_owned(), value.to_owned());
        let sources = Sources {
            data: "-data".into(),
            file: Some("some/takeup.toml".into()),
            options: vec![set("--listen", "listen", "127.0.0.1:0"), set("--set a (hidden)", "kafka_options", "a=b c")],
            ..Sources::default()
        };
        let (logger, _) = Logger::start(&LogOptions::default(), Box::new(std::io::sink())).unwrap();
        let mut config = Config::defaults(sources.data.clone());
        let commands = commands(&sources, &config, &logger);
        assert_eq!(commands.before, ["--data=-data"]);
        let after = ["--config=some/takeup.toml", "--set=listen=127.0.0.1:0", "--set=kafka_options=a=b c"];
        assert_eq!(commands.after, after);
        assert!(!format!("{commands:?}").contains("a=b"));
        assert!(commands.no_archive.is_some());
        config.archive = true;
        assert!(super::commands(&sources, &config, &logger).no_archive.is_none());
    }
}
