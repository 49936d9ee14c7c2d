//! Judging a start request of any kind of client.

use crate::codec::json::write_string;

use super::outcome::{Halt, Refused, StartOutcome};
use super::request::{StartDeps, StartInput, StartKind};
use super::scratch::StartScratch;
use super::{mobile, sdk, web};

/// Judges one start request. Never blocks and never panics.
pub fn start(
    kind: StartKind,
    input: &StartInput<'_>,
    deps: &StartDeps<'_>,
    scratch: &mut StartScratch,
) -> StartOutcome {
    scratch.clear();
    let judged = match kind {
        StartKind::Web => web::judge(input, deps, scratch),
        StartKind::Mobile { legacy } => mobile::judge(input, deps, scratch, legacy),
        StartKind::Sdk => sdk::judge(input, deps, scratch),
    };
    match judged {
        Ok(started) => StartOutcome::Started(started),
        Err(Halt::NotReady) => StartOutcome::NotReady,
        Err(Halt::Refused(refused, text)) => refused_with(refused, text, scratch),
        Err(Halt::Unknown(refused, text, question)) => {
            scratch.unknown = question;
            refused_with(refused, text, scratch)
        }
    }
}

fn refused_with(refused: Refused, text: String, scratch: &mut StartScratch) -> StartOutcome {
    scratch.error = text;
    scratch.response.clear();
    scratch.response.extend_from_slice(b"{\"error\":");
    write_string(&mut scratch.response, &scratch.error);
    scratch.response.push(b'}');
    StartOutcome::Refused(refused)
}
