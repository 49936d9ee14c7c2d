//! `takeup couriers --watch`: the same, anew every second.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::super::error::CliError;
use super::super::output::{Out, colours_wanted};
use super::super::tail::{reader_is_gone, stop_flag};
use super::args::CouriersArgs;
use super::source::{Line, Seen, Source};
use super::table;

const EVERY: Duration = Duration::from_secs(1);

/// Runs until it is interrupted, or its output is no longer read.
pub(super) fn run(args: &CouriersArgs, source: &Source<'_>) -> Result<ExitCode, CliError> {
    let stop = stop_flag().map_err(|error| CliError::Other(format!("signals can't be waited for: {error}")))?;
    let is_screen = io::stdout().is_terminal() && !args.json;
    // What is wrong from the beginning is an error; later it passes by itself, as when the server is restarted.
    let mut lines = Ok(source.lines(None)?);
    let mut is_first = true;
    loop {
        let looked = Instant::now();
        match is_screen {
            true => redraw(&lines, is_first)?,
            false => append(&lines, args.json)?,
        }
        is_first = false;
        let seen = lines.as_deref().ok().map(Seen::of);
        while looked.elapsed() < EVERY {
            if stop.load(Ordering::Relaxed) || reader_is_gone() {
                return Ok(ExitCode::SUCCESS);
            }
        }
        lines = source.lines(seen.as_ref());
    }
}

/// Plain lines, for a file or a pipe.
fn append(lines: &Result<Vec<Line>, CliError>, json: bool) -> Result<(), CliError> {
    let mut out = Out::stdout();
    match lines {
        Ok(lines) if json => lines.iter().try_for_each(|line| out.json(line))?,
        Ok(lines) => {
            let now = now();
            lines.iter().try_for_each(|line| out.line(&format!("{now}  {}", table::one_line(line))))?;
        }
        Err(error) => super::super::output::warn(&error.to_string()),
    }
    out.finish()
}

/// Draws over what is there, in one write: a screen that was cleared first would flicker.
fn redraw(lines: &Result<Vec<Line>, CliError>, is_first: bool) -> Result<(), CliError> {
    let picture = picture(lines)?;
    let mut screen = String::from(if is_first { "\x1b[2J\x1b[H" } else { "\x1b[H" });
    for line in picture.lines() {
        // The rest of each line, and everything below, may be of an earlier picture.
        screen += line;
        screen += "\x1b[K\n";
    }
    screen += "\x1b[J";
    let mut stdout = io::stdout().lock();
    stdout.write_all(screen.as_bytes()).and_then(|()| stdout.flush()).map_err(CliError::Output)
}

fn picture(lines: &Result<Vec<Line>, CliError>) -> Result<String, CliError> {
    let buffer = Buffer::default();
    let mut out = Out::new(Box::new(buffer.clone()), colours_wanted(true));
    out.line(&format!("{}  (Ctrl-C ends this)", now()))?;
    out.line("")?;
    match lines {
        Ok(lines) => table::print(lines, true, &mut out)?,
        Err(error) => out.line(&out.red(&super::super::output::plain(&error.to_string(), 500)))?,
    }
    out.finish()?;
    Ok(buffer.text())
}

fn now() -> String {
    Timestamp::now().strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// Takes what is printed.
#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Buffer {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
