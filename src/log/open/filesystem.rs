//! Which file systems can keep the log's promises, identified by statfs's magic number.

use std::fs::File;
use std::io;
use std::path::Path;

use rustix::fs::IFlags;

use crate::log::disk::aligned::AlignedPages;
use crate::log::disk::calls::Disk;
use crate::log::disk::page::PAGE_BYTES;
use crate::log::error::LogError;
use crate::log::format::stage_file::boot_id;
use crate::log::options::{Ack, Options, Way};
use crate::log::read::reader::core_dirs;

// From linux/magic.h.
const EXT4: u64 = 0xEF53;
const XFS: u64 = 0x5846_5342;
const BTRFS: u64 = 0x9123_683E;
const TMPFS: u64 = 0x0102_1994;
const RAMFS: u64 = 0x8584_58F6;
const OVERLAY: u64 = 0x794C_7630;

/// Refuses file systems that can't keep the promises, unless the operator insists. On btrfs the folder is set to NOCOW, which
/// its new files inherit: with copy-on-write even a populated page needs space, and raises SIGBUS when there is none.
pub(in crate::log) fn check(dir: &Path, options: &Options) -> Result<(), LogError> {
    let folder = File::open(dir).map_err(LogError::io(dir, "open the log's folder"))?;
    let stat =
        rustix::fs::fstatfs(&folder).map_err(|errno| LogError::io(dir, "look at the file system")(errno.into()))?;
    // The type is signed on some architectures; the numbers have 32 bits.
    let magic = stat.f_type as u64 & 0xFFFF_FFFF;
    let refuse = |found: String, advice| match options.insist {
        true => Ok(()),
        false => Err(LogError::FileSystem { path: dir.to_path_buf(), found, advice }),
    };
    match magic {
        EXT4 | XFS => Ok(()),
        BTRFS => set_nocow(dir),
        TMPFS | RAMFS if options.ack == Ack::Memory => Ok(()),
        TMPFS | RAMFS => refuse(
            "tmpfs".to_owned(),
            "nothing there survives the machine, so ack = \"disk\" would not be true; use ack = \"memory\", or a folder on ext4, xfs or btrfs",
        ),
        OVERLAY => refuse(
            "overlayfs".to_owned(),
            "a container's own layer is not a place for a log; mount a volume there (or insist with insist_file_system = true)",
        ),
        other => refuse(
            format!("a file system of unknown kind ({other:#x})"),
            "use ext4, xfs or btrfs, or insist with insist_file_system = true",
        ),
    }
}

/// Settles [`Way::Auto`], and refuses direct writes where they can't be made.
pub(in crate::log) fn settle_way(disk: &dyn Disk, dir: &Path, options: &mut Options) -> Result<(), LogError> {
    match (options.way, options.ack) {
        (Way::Mapped, _) => {}
        (Way::Auto, ack) => {
            // With `ack = "memory"` groups are collected in files, which name the boot of the machine.
            let pays = ack == Ack::Disk || boot_id().is_some() && !is_in_memory(dir);
            options.way = if pays && probe_direct(disk, dir).is_ok() { Way::Direct } else { Way::Mapped };
        }
        (Way::Direct, _) => probe_direct(disk, dir).map_err(|_| LogError::FileSystem {
            path: dir.to_path_buf(),
            found: "a file system that takes no direct writes".to_owned(),
            advice: "use writer = \"mapped\", or \"auto\" to take what there is",
        })?,
    }
    Ok(())
}

/// Whether files there are pages of memory: a mapping of a segment is all that is needed then, and a stage would only double it.
fn is_in_memory(dir: &Path) -> bool {
    let kind = File::open(dir).and_then(|folder| rustix::fs::fstatfs(&folder).map_err(Into::into));
    kind.is_ok_and(|stat| matches!(stat.f_type as u64 & 0xFFFF_FFFF, TMPFS | RAMFS))
}

/// Whether a page can be written past the page cache: by trying.
fn probe_direct(disk: &dyn Disk, dir: &Path) -> io::Result<()> {
    let path = dir.join("direct.tmp");
    // One that a killed server has left.
    let _ = disk.remove(&path);
    let file = disk.create_direct(&path)?;
    let written = disk.write_through(&file, AlignedPages::of(&[1]).first(PAGE_BYTES), 0);
    disk.remove(&path)?;
    written
}

/// The folders of the cores inherit the flag when they are made; those that exist are set by themselves.
fn set_nocow(dir: &Path) -> Result<(), LogError> {
    let cores = core_dirs(dir)?.into_iter().map(|(_, path)| path);
    for path in std::iter::once(dir.to_path_buf()).chain(cores) {
        let folder = File::open(&path).map_err(LogError::io(&path, "open the folder"))?;
        let set = rustix::fs::ioctl_getflags(&folder)
            .and_then(|flags| rustix::fs::ioctl_setflags(&folder, flags | IFlags::NOCOW));
        set.map_err(|errno| LogError::io(&path, "set the folder to NOCOW (btrfs)")(errno.into()))?;
    }
    Ok(())
}
