//! `takeup couriers --watch`: the same, anew every second.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rustix::termios::tcgetwinsize;

use super::super::error::CliError;
use super::super::output::{Out, colours_wanted, counted};
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
    // A terminal that does not say how large it is shows all.
    let size = tcgetwinsize(io::stdout()).ok().map(|size| (usize::from(size.ws_row), usize::from(size.ws_col)));
    let (rows, columns) = size.filter(|(rows, columns)| *rows > 0 && *columns > 0).unwrap_or((usize::MAX, usize::MAX));
    let mut screen = String::from(if is_first { "\x1b[2J\x1b[H" } else { "\x1b[H" });
    let lines = fitted(&picture, rows, columns);
    for (at, line) in lines.iter().enumerate() {
        // What is there is of an earlier picture. It goes first: at the end of a line as wide as the terminal, its last character would go.
        screen += "\x1b[K";
        screen += line;
        // A line break in the last row would scroll.
        if at + 1 < rows {
            screen += "\r\n";
        }
    }
    if lines.len() < rows {
        screen += "\x1b[J";
    }
    let mut stdout = io::stdout().lock();
    stdout.write_all(screen.as_bytes()).and_then(|()| stdout.flush()).map_err(CliError::Output)
}

/// The lines of a picture that fit the terminal: what is too long is cut off, and what is too much is counted.
fn fitted(picture: &str, rows: usize, columns: usize) -> Vec<String> {
    let mut lines: Vec<_> = picture.lines().map(|line| cut(line, columns)).collect();
    if lines.len() > rows {
        let hidden = lines.len() - rows + 1;
        lines.truncate(rows - 1);
        lines.push(cut(&format!("({} more: make the window higher)", counted(hidden as u64, "line")), columns));
    }
    lines
}

/// The first `columns` characters of a line. Colours take no room, and end with what they colour.
fn cut(line: &str, columns: usize) -> String {
    let mut shown = String::with_capacity(line.len());
    let (mut room, mut in_colour) = (columns, false);
    for character in line.chars() {
        // Colours are the only escapes, because names and texts of others have theirs escaped.
        if character == '\x1b' || in_colour {
            in_colour = character != 'm';
            shown.push(character);
        } else if room > 0 {
            room -= 1;
            shown.push(character);
        }
    }
    shown
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_of_any_size_fits_the_terminal() {
        let picture = "12:00:00Z\n\n\x1b[1mCOURIER  STATE\x1b[0m\ncourier-redis  waiting\n";
        assert_eq!(fitted(picture, 10, 80).join("\n") + "\n", picture);
        assert_eq!(fitted(picture, 3, 12), ["12:00:00Z", "", "(2 lines mor"]);
        assert_eq!(fitted(picture, 4, 9)[2], "\x1b[1mCOURIER  \x1b[0m");
        assert_eq!(fitted(picture, 1, 1), ["("]);
        for (rows, columns) in (1..8).zip(1..40) {
            assert!(fitted(picture, rows, columns).len() <= rows);
        }
    }
}
