//! Where the programs of the services are.

use std::env;
use std::path::{Path, PathBuf};

/// Where Debian keeps the programs of Postgres's server, and those of daemons.
const POSTGRES: &str = "/usr/lib/postgresql";
const DAEMONS: &str = "/usr/sbin";

/// The folder in which `scripts/services` keeps what is no package of Debian's.
pub fn kept() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("it is in cargo's build directory");
    target.join("services")
}

/// Where a program is. One that is missing fails the test.
#[track_caller]
pub fn program(name: &str) -> PathBuf {
    let mut folders = vec![kept().join("bin")];
    folders.extend(versions_of_postgres());
    folders.extend(env::var_os("PATH").iter().flat_map(env::split_paths));
    folders.push(DAEMONS.into());
    let found = folders.into_iter().map(|folder| folder.join(name)).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("{name} is missing: run scripts/services"))
}

/// The folders of the installed versions, newest first.
fn versions_of_postgres() -> Vec<PathBuf> {
    let entries = Path::new(POSTGRES).read_dir().into_iter().flatten().flatten();
    let mut versions: Vec<(u32, PathBuf)> = entries
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    versions.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    versions.into_iter().map(|(_, folder)| folder).collect()
}
