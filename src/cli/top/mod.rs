//! `takeup top`: what a running server does, once a second.
//!
//! | file | holds |
//! |---|---|
//! | `args` | the options |
//! | `sample`, `page` | what a server is asked, and its metrics |
//! | `view` | the numbers of one frame |
//! | `sections`, `layout` | what a frame says, and how that fits into a room |
//! | `draw`, `screen` | a frame, and the terminal |

mod args;
mod draw;
mod layout;
mod page;
mod sample;
mod screen;
mod sections;
mod view;

#[cfg(test)]
mod tests;

use std::io::{self, IsTerminal};
use std::path::Path;
use std::process::ExitCode;
use std::thread;

use super::admin_port;
use super::error::CliError;
use super::output::Out;
pub use args::TopArgs;
use sample::Sample;
use view::Recent;

/// Runs the command.
pub fn run(args: &TopArgs, data: &Path) -> Result<ExitCode, CliError> {
    let addr = admin_port::address(args.admin, args.config.as_deref(), data)?;
    if !args.once && !io::stdout().is_terminal() {
        let text = "the output is no terminal; --once prints the numbers of one second as text";
        return Err(CliError::Other(text.to_owned()));
    }
    let first = Sample::ask(addr)?;
    if !args.once {
        screen::show(addr, first)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut recent = Recent::default();
    recent.add(first);
    // Rates are of what came meanwhile.
    thread::sleep(screen::INTERVAL);
    recent.add(Sample::ask(addr)?);
    let mut out = Out::stdout();
    draw::text(&recent.view(addr)).iter().try_for_each(|line| out.line(line))?;
    out.finish()?;
    Ok(ExitCode::SUCCESS)
}
