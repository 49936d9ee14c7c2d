//! The options of `takeup replay`.

use std::path::PathBuf;

use clap::Args;

use crate::config::value;

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

fn speed(text: &str) -> Result<f64, String> {
    match text.trim_end_matches('x').parse::<f64>() {
        Ok(speed) if speed.is_finite() && (0.001..=1e6).contains(&speed) => Ok(speed),
        _ => Err("expected a number from 0.001 to 1000000, such as 10".to_owned()),
    }
}
