//! Whose the files are that a command makes in a server's folder.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, fchown};
use std::path::Path;

/// Gives a new file to the owner of the folder that it is in, if root made it: an operator's command must not leave files there that the server,
/// which runs as another user, can't open. If that is not possible, the file stays root's.
pub fn of_folder(file: &File, path: &Path) {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if let Ok(folder) = fs::metadata(folder)
        && folder.uid() != 0
    {
        // A container's root may lack the right.
        let _ = fchown(file, Some(folder.uid()), Some(folder.gid()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_root_makes_in_a_folder_of_somebody_belongs_to_that_user() {
        if !rustix::process::geteuid().is_root() {
            println!("not tested: it needs root");
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let file = File::create(&path).unwrap();
        of_folder(&file, &path);
        assert_eq!(file.metadata().unwrap().uid(), 0);
        std::os::unix::fs::chown(dir.path(), Some(12_345), Some(12_346)).unwrap();
        of_folder(&file, &path);
        let about = file.metadata().unwrap();
        assert_eq!((about.uid(), about.gid()), (12_345, 12_346));
    }
}
