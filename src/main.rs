//! The `takeup` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    takeup::cli::main()
}
