//! Folders of services, and folders that are made once and copied.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::sync::{Mutex, Once, PoisonError};
use std::{env, fs};

use super::install;

/// All folders of services begin so; the id of the process follows.
const PREFIX: &str = "takeup-service-";

/// A temporary folder of a service, which any user may enter. Removed when dropped.
#[derive(Debug)]
pub struct Folder(tempfile::TempDir);

impl Folder {
    /// An empty folder. Not in cargo's: the user of Postgres may not be allowed to enter that.
    pub fn new() -> Folder {
        Folder::within(&env::temp_dir())
    }

    /// An empty folder in another, such as one on a small disk, which any user may enter.
    pub fn within(parent: &Path) -> Folder {
        static SWEPT: Once = Once::new();
        SWEPT.call_once(sweep);
        let prefix = format!("{PREFIX}{}-", process::id());
        let folder = tempfile::Builder::new().prefix(&prefix).tempdir_in(parent).expect("a temporary folder");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("the folder is ours");
        Folder(folder)
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

/// Removes what test runs that were killed have left behind.
fn sweep() {
    for entry in fs::read_dir(env::temp_dir()).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let pid = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.split('-').next());
        if pid.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// A folder that takes long to make and is kept between runs: the path of its one copy, which nobody changes. `make` gets an empty folder and
/// makes the folder `made` in it. Other processes may do the same at once; the first one wins.
pub fn template(name: &str, make: impl FnOnce(&Folder)) -> PathBuf {
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let path = install::kept().join(name);
    if !path.is_dir() {
        fs::create_dir_all(install::kept()).expect("cargo's folder takes folders");
        let folder = Folder::new();
        make(&folder);
        let draft = tempfile::tempdir_in(install::kept()).expect("cargo's folder takes folders");
        copy(&folder.path().join("made"), &draft.path().join("made"));
        if let Err(error) = fs::rename(draft.path().join("made"), &path) {
            assert!(path.is_dir(), "{}: {error}", path.display());
        }
    }
    path
}

/// Copies a folder with owners and permissions.
pub fn copy(from: &Path, to: &Path) {
    let status = Command::new("cp").arg("-a").arg(from).arg(to).status().expect("cp runs");
    assert!(status.success(), "cp -a {} {}: {status}", from.display(), to.display());
}
