//! `takeup load --check`: whether the log has what was acknowledged.

use std::path::Path;

use crate::cli::error::CliError;
use crate::cli::output::{Out, counted, thousands};
use crate::load::check::{Found, check};

use super::args::LoadArgs;

/// Compares and prints; returns whether all is there.
pub fn run(args: &LoadArgs, log: &Path) -> Result<bool, CliError> {
    let Some(ledger) = &args.ledger else {
        return Err(CliError::Other("--check needs --ledger FILE".to_owned()));
    };
    let inner = log.join("log");
    let folder = if inner.is_dir() { &*inner } else { log };
    let found = check(ledger, folder)?;
    let mut out = Out::stdout();
    if args.json {
        out.json(&found)?;
    } else {
        show(&found, &mut out)?;
    }
    out.finish()?;
    Ok(found.is_good())
}

fn show(found: &Found, out: &mut Out) -> Result<(), CliError> {
    let count = |number: u64| if number == 0 { "0".to_owned() } else { out.red(&thousands(number)) };
    let (missing, late) = (count(found.missing), count(found.out_of_order));
    out.line(&format!("acknowledged  {} in {}", thousands(found.acknowledged), counted(found.sessions, "session")))?;
    out.line(&format!("missing       {missing}"))?;
    out.line(&format!("out of order  {late}"))?;
    out.line(&format!("repeats       {}", thousands(found.repeats)))?;
    out.line(&format!("others        {}", thousands(found.unacknowledged)))?;
    if found.damaged > 0 {
        out.line(&format!("damaged       {}; see `takeup verify`", counted(found.damaged, "place")))?;
    }
    for (what, examples) in [("missing", &found.missing_examples), ("out of order", &found.out_of_order_examples)] {
        for example in examples {
            out.line(&format!("  {what}: session and hash {example}"))?;
        }
    }
    Ok(())
}
