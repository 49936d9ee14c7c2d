//! Replays to stdout, one JSON object per batch.

use std::path::Path;
use std::process::ExitCode;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use crate::cli::error::CliError;
use crate::cli::log_folder;
use crate::cli::output::Out;
use crate::log::format::record::Record;
use crate::records::BatchTexts;

use super::args::ReplayArgs;
use super::pace::Pace;
use super::summary::Filter;

/// A batch as printed. The field names are fixed; ids are texts because JavaScript numbers can't hold them.
#[derive(Debug, Serialize)]
struct Line<'a> {
    id: String,
    received_us: u64,
    session_id: String,
    project_id: u32,
    topic: &'static str,
    page: Option<u32>,
    number: Option<u32>,
    data_type: &'a str,
    encoding: &'static str,
    /// The offset at which a `visual` upload is split, in inflated bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    split: Option<u32>,
    body: &'a str,
}

/// Runs the replay.
pub fn run(args: &ReplayArgs, data: &Path) -> Result<ExitCode, CliError> {
    let mut out = Out::stdout();
    list(args, data, &mut out)?;
    out.finish()?;
    Ok(ExitCode::SUCCESS)
}

/// Prints the batches of the log in `data`, as fast as the reader accepts them unless a speed is given.
pub fn list(args: &ReplayArgs, data: &Path, out: &mut Out) -> Result<(), CliError> {
    let mut merge = log_folder::merge(data, args.with_repeats)?;
    let mut pace = Pace::new(args.speed);
    let mut filter = Filter::new(args);
    let mut body = String::new();
    while let Some(record) = merge.next_settled()? {
        if !filter.wants(&record) {
            continue;
        }
        pace.wait_for(record.order_us, || false);
        line(&record, &mut body, out)?;
        if args.speed.is_some() {
            out.flush()?;
        }
    }
    log_folder::remark(&merge);
    Ok(())
}

fn line(record: &Record<'_>, body: &mut String, out: &mut Out) -> Result<(), CliError> {
    body.clear();
    STANDARD.encode_string(record.payload, body);
    let other = BatchTexts::read(&record.ext).data_type.map(String::from_utf8_lossy);
    out.json(&Line {
        id: record.id.to_string(),
        received_us: record.order_us,
        session_id: record.session.to_string(),
        project_id: record.project,
        topic: record.topic.as_str(),
        page: record.label.map(|label| label.page),
        number: record.label.map(|label| label.number),
        data_type: other.as_deref().unwrap_or(record.data_type.as_str()),
        encoding: record.encoding.as_str(),
        split: (record.split != 0).then_some(record.split),
        body,
    })
}
