//! A small file system of a test's own.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::Duration;

/// An ext4 of 64 MB in a file. Unmounted when dropped.
pub struct Disk {
    image: PathBuf,
    mount: PathBuf,
    _folder: tempfile::TempDir,
}

impl Disk {
    /// Makes and mounts it. `None`, with the reason printed: that is not possible here.
    pub fn new() -> Option<Disk> {
        Disk::made_with(&[])
    }

    /// The same, made with more options of `mkfs.ext4`.
    pub fn made_with(options: &[&str]) -> Option<Disk> {
        if !rustix::process::geteuid().is_root() {
            println!("not tested: mounting a file system needs root");
            return None;
        }
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
        let (image, mount) = (folder.path().join("image"), folder.path().join("mount"));
        File::create(&image).and_then(|file| file.set_len(64 << 20)).expect("the folder takes files");
        fs::create_dir(&mount).expect("the folder takes folders");
        let made = run(Command::new("mkfs.ext4").args(["-q", "-F", "-m", "0"]).args(options).arg(&image));
        let disk = Disk { image, mount, _folder: folder };
        if let Err(reason) = made.and_then(|()| disk.mount()) {
            println!("not tested: {reason}");
            return None;
        }
        Some(disk)
    }

    /// Cuts it off, like a plug that is pulled: from now on every write and every sync fails.
    pub fn cut(&self) {
        const FS_IOC_SHUTDOWN: libc::Ioctl = 0x8004_587d;
        const NO_LOG_FLUSH: u32 = 2;
        let folder = File::open(&self.mount).expect("it is mounted");
        // SAFETY: the request reads a u32 through the pointer, which is to a live constant; the descriptor is open.
        let result = unsafe { libc::ioctl(folder.as_raw_fd(), FS_IOC_SHUTDOWN, &NO_LOG_FLUSH) };
        assert_eq!(result, 0, "{}", io::Error::last_os_error());
    }

    /// Mounts it anew, with what is on the disk.
    pub fn mount_again(&self) {
        self.unmount().and_then(|()| self.mount()).unwrap_or_else(|reason| panic!("{reason}"));
    }

    fn mount(&self) -> Result<(), String> {
        run(Command::new("mount").args(["-o", "loop"]).arg(&self.image).arg(&self.mount))
    }

    fn unmount(&self) -> Result<(), String> {
        let mut result = Ok(());
        // A server that ended a moment ago may still be leaving.
        for _ in 0..100 {
            result = run(Command::new("umount").arg(&self.mount));
            if result.is_ok() {
                break;
            }
            thread::sleep(Duration::from_millis(50));
        }
        result
    }

    /// A path on it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.mount.join(name)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.unmount().is_err() {
            let _ = run(Command::new("umount").arg("--lazy").arg(&self.mount));
        }
    }
}

fn run(command: &mut Command) -> Result<(), String> {
    match command.output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr))),
        Err(error) => Err(format!("{command:?}: {error}")),
    }
}
