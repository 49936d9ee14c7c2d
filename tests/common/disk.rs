//! A small file system of a test's own, to fill, to break or to measure. It needs root.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

/// What is mounted.
#[derive(Debug, Clone, Copy)]
pub enum DiskKind<'a> {
    /// What this command makes in a file, such as `mkfs.ext4 -q`.
    Made(&'a [&'a str]),
    /// A file system in memory.
    Tmpfs,
    /// An overlay, all of it on one ext4.
    Overlay,
}

/// A mounted file system. Unmounted when dropped.
pub struct Disk {
    /// What is mounted, in this order.
    mounts: Vec<PathBuf>,
    _folder: tempfile::TempDir,
}

impl Disk {
    /// Makes and mounts an ext4 of 64 MB. `None`, with the reason printed: that is not possible here.
    pub fn new() -> Option<Disk> {
        Disk::made_with(&[])
    }

    /// The same, made with more options of `mkfs.ext4`.
    pub fn made_with(options: &[&str]) -> Option<Disk> {
        Disk::of(DiskKind::Made(&[&["mkfs.ext4", "-q", "-F", "-m", "0"], options].concat()), 64 << 20)
    }

    /// Makes and mounts one of this size. `None`, with the reason printed: that is not possible here.
    pub fn of(kind: DiskKind<'_>, bytes: u64) -> Option<Disk> {
        if !rustix::process::geteuid().is_root() {
            println!("not tested: mounting a file system needs root");
            return None;
        }
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
        let mut disk = Disk { mounts: Vec::new(), _folder: folder };
        let mounted = match kind {
            DiskKind::Made(mkfs) => disk.mount_made(mkfs, bytes),
            DiskKind::Tmpfs => disk.mount(&["-t", "tmpfs", "-o", &format!("size={bytes}"), "tmpfs"]),
            DiskKind::Overlay => disk.mount_made(&["mkfs.ext4", "-q", "-F", "-m", "0"], bytes).and_then(|()| {
                let part = |name: &str| {
                    let path = disk.path(name);
                    fs::create_dir(&path).expect("the disk takes folders");
                    path.display().to_string()
                };
                let parts = format!("lowerdir={},upperdir={},workdir={}", part("lower"), part("upper"), part("work"));
                disk.mount(&["-t", "overlay", "-o", &parts, "overlay"])
            }),
        };
        match mounted {
            Ok(()) => Some(disk),
            Err(reason) => {
                println!("not tested: {reason}");
                None
            }
        }
    }

    fn folder(&self) -> &Path {
        self._folder.path()
    }

    fn image(&self) -> PathBuf {
        self.folder().join("image")
    }

    fn mount_made(&mut self, mkfs: &[&str], bytes: u64) -> Result<(), String> {
        let image = self.image();
        File::create(&image).and_then(|file| file.set_len(bytes)).expect("the folder takes files");
        run(Command::new(mkfs[0]).args(&mkfs[1..]).arg(&image))?;
        self.mount(&["-o", "loop", &image.display().to_string()])
    }

    fn mount(&mut self, what: &[&str]) -> Result<(), String> {
        let at = self.folder().join(format!("mount-{}", self.mounts.len()));
        fs::create_dir(&at).expect("the folder takes folders");
        run(Command::new("mount").args(what).arg(&at))?;
        self.mounts.push(at);
        Ok(())
    }

    fn root(&self) -> &Path {
        self.mounts.last().expect("something is mounted")
    }

    /// The path of a name in its root folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    /// Cuts it off, like a plug that is pulled: from now on every write and every sync fails.
    pub fn cut(&self) {
        const FS_IOC_SHUTDOWN: libc::Ioctl = 0x8004_587d;
        const NO_LOG_FLUSH: u32 = 2;
        let folder = File::open(self.root()).expect("it is mounted");
        // SAFETY: the request reads a u32 through the pointer, which is to a live constant; the descriptor is open.
        let result = unsafe { libc::ioctl(folder.as_raw_fd(), FS_IOC_SHUTDOWN, &NO_LOG_FLUSH) };
        assert_eq!(result, 0, "{}", io::Error::last_os_error());
    }

    /// Mounts a file system of one image once more, with what is on it.
    pub fn mount_again(&self) {
        let again = || {
            unmount(self.root())?;
            run(Command::new("mount").args(["-o", "loop"]).arg(self.image()).arg(self.root()))
        };
        again().unwrap_or_else(|reason| panic!("{reason}"));
    }

    /// Writes out all that waits to be written there.
    pub fn sync(&self) {
        let root = File::open(self.root()).expect("the mount point can be opened");
        rustix::fs::syncfs(root).expect("the file system can be synced");
    }

    /// Bytes that were written to the block device so far.
    pub fn bytes_written(&self) -> u64 {
        let device = device_of(self.root()).expect("a block device is mounted");
        let stat = fs::read_to_string(format!("/sys/block/{device}/stat")).expect("a block device has counters");
        // Field 7: sectors of 512 bytes, whatever the device's own are.
        let sectors = stat.split_whitespace().nth(6).and_then(|field| field.parse::<u64>().ok());
        sectors.expect("the seventh field is a number") * 512
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        for mount in self.mounts.iter().rev() {
            if unmount(mount).is_err() {
                let _ = run(Command::new("umount").arg("--lazy").arg(mount));
            }
        }
    }
}

fn unmount(mount: &Path) -> Result<(), String> {
    let mut result = Ok(());
    for _ in 0..100 {
        result = run(Command::new("umount").arg(mount));
        if result.is_ok() {
            break;
        }
        // A server that ended a moment ago may still hold it.
        thread::sleep(Duration::from_millis(50));
    }
    result
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
