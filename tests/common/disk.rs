//! A small file system of its own in a file, for tests that fill, break or measure one. It needs root.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

/// A loop-mounted file system. Unmounted when dropped.
pub struct Disk {
    mount: PathBuf,
    /// The block device's name, such as `loop0`.
    device: String,
    _folder: tempfile::TempDir,
}

impl Disk {
    /// Makes and mounts one of this size; `mkfs` is the command that makes it, such as `mkfs.ext4 -q`. `None`, with the reason
    /// printed: that is not possible here.
    pub fn new(mkfs: &[&str], bytes: u64) -> Option<Disk> {
        if !rustix::process::geteuid().is_root() {
            println!("not tested: mounting a file system needs root");
            return None;
        }
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
        let (image, mount) = (folder.path().join("image"), folder.path().join("mount"));
        File::create(&image).and_then(|file| file.set_len(bytes)).expect("the folder takes files");
        fs::create_dir(&mount).expect("the folder takes folders");
        let made = run(Command::new(mkfs[0]).args(&mkfs[1..]).arg(&image));
        let mounted = made.and_then(|()| run(Command::new("mount").args(["-o", "loop"]).arg(&image).arg(&mount)));
        if let Err(reason) = mounted {
            println!("not tested: {reason}");
            return None;
        }
        let device = device_of(&mount)?;
        Some(Disk { mount, device, _folder: folder })
    }

    /// The path of a name in its root folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.mount.join(name)
    }

    /// Writes out all that waits to be written there.
    pub fn sync(&self) {
        let root = File::open(&self.mount).expect("the mount point can be opened");
        rustix::fs::syncfs(root).expect("the file system can be synced");
    }

    /// Bytes that were written to the device so far.
    pub fn bytes_written(&self) -> u64 {
        let stat = fs::read_to_string(format!("/sys/block/{}/stat", self.device)).expect("a block device has counters");
        // Field 7: sectors of 512 bytes, whatever the device's own are.
        let sectors = stat.split_whitespace().nth(6).and_then(|field| field.parse::<u64>().ok());
        sectors.expect("the seventh field is a number") * 512
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // A server that was killed a moment ago may still be leaving.
        for _ in 0..100 {
            if run(Command::new("umount").arg(&self.mount)).is_ok() {
                return;
            }
            thread::sleep(Duration::from_millis(50));
        }
        let _ = run(Command::new("umount").arg("--lazy").arg(&self.mount));
    }
}

fn device_of(mount: &Path) -> Option<String> {
    let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
    let line = mounts.lines().find(|line| line.split(' ').nth(1).is_some_and(|at| Path::new(at) == mount))?;
    Some(line.split(' ').next()?.strip_prefix("/dev/")?.to_owned())
}

fn run(command: &mut Command) -> Result<(), String> {
    match command.output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr))),
        Err(error) => Err(format!("{command:?}: {error}")),
    }
}
