//! A file system that fails or delays chosen calls on command: a folder, passed through FUSE.
//!
//! Files are mapped, written back and synced by the kernel as on any other file system; only the disk behind it is ours.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, File, FileTimes, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use fuser::{
    BackgroundSession, Config, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo,
    LockOwner, MountOption, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory, ReplyEmpty,
    ReplyEntry, ReplyOpen, ReplyStatfs, ReplyWrite, Request, TimeOrNow, WriteFlags,
};

use super::faults::{Call, Faults};

/// Attributes are asked for each time.
const TTL: Duration = Duration::ZERO;

/// The mounted file system. Unmounted when dropped.
pub struct FaultyDisk {
    faults: Arc<Faults>,
    mount: PathBuf,
    session: Option<BackgroundSession>,
    _folder: tempfile::TempDir,
}

impl FaultyDisk {
    /// Mounts it. `None`, with the reason printed: that is not possible here.
    pub fn new() -> Option<FaultyDisk> {
        // In memory, where there is such a place: these tests are about the calls, and must not wait for a real disk.
        let memory = Path::new("/dev/shm");
        let place = if memory.is_dir() { memory } else { Path::new(env!("CARGO_TARGET_TMPDIR")) };
        let folder = tempfile::tempdir_in(place).expect("a temporary folder");
        let (base, mount) = (folder.path().join("base"), folder.path().join("mount"));
        fs::create_dir(&base).and_then(|()| fs::create_dir(&mount)).expect("the folder takes folders");
        let faults = Arc::new(Faults::default());
        let root = HashMap::from([(INodeNo::ROOT.0, base.clone())]);
        let disk = Passthrough {
            base,
            paths: Mutex::new(root),
            open: Mutex::default(),
            next: AtomicU64::new(1),
            faults: Arc::clone(&faults),
        };
        let mut config = Config::default();
        config.mount_options = vec![MountOption::FSName("faulty".to_owned())];
        // A call that waits must not hold up the others.
        config.n_threads = Some(8);
        match fuser::spawn_mount(disk, &mount, &config) {
            Ok(session) => Some(FaultyDisk { faults, mount, session: Some(session), _folder: folder }),
            Err(error) => {
                println!("not tested: FUSE can't be mounted: {error}");
                None
            }
        }
    }

    /// What it does wrong.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// A path on it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.mount.join(name)
    }
}

impl Drop for FaultyDisk {
    fn drop(&mut self) {
        self.faults.clear();
        // Whoever was killed a moment ago may still hold files; then the mount goes when they do.
        let _ = Command::new("umount").arg("--lazy").arg(&self.mount).output();
        drop(self.session.take());
    }
}

struct OpenFile {
    file: File,
    path: PathBuf,
}

struct Passthrough {
    base: PathBuf,
    paths: Mutex<HashMap<u64, PathBuf>>,
    open: Mutex<HashMap<u64, Arc<OpenFile>>>,
    next: AtomicU64,
    faults: Arc<Faults>,
}

impl Passthrough {
    fn path(&self, ino: INodeNo) -> Result<PathBuf, Errno> {
        self.paths.lock().expect("no panic").get(&ino.0).cloned().ok_or(Errno::ENOENT)
    }

    fn child(&self, parent: INodeNo, name: &OsStr) -> Result<PathBuf, Errno> {
        Ok(self.path(parent)?.join(name))
    }

    fn entry(&self, path: PathBuf) -> Result<FileAttr, Errno> {
        let attr = attributes(&fs::symlink_metadata(&path)?);
        self.paths.lock().expect("no panic").insert(attr.ino.0, path);
        Ok(attr)
    }

    fn keep(&self, file: File, path: PathBuf) -> FileHandle {
        let handle = self.next.fetch_add(1, Ordering::SeqCst);
        self.open.lock().expect("no panic").insert(handle, Arc::new(OpenFile { file, path }));
        FileHandle(handle)
    }

    fn file(&self, handle: FileHandle) -> Result<Arc<OpenFile>, Errno> {
        self.open.lock().expect("no panic").get(&handle.0).cloned().ok_or(Errno::EBADF)
    }

    fn open(&self, ino: INodeNo, flags: OpenFlags) -> Result<FileHandle, Errno> {
        let path = self.path(ino)?;
        let truncate = flags.0 & libc::O_TRUNC != 0;
        // Pages are written back by whichever handle there is, so each can do everything.
        let file = OpenOptions::new().read(true).write(true).truncate(truncate).open(&path)?;
        Ok(self.keep(file, path))
    }

    fn create(&self, parent: INodeNo, name: &OsStr, mode: u32) -> Result<(FileAttr, FileHandle), Errno> {
        let path = self.child(parent, name)?;
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(mode).open(&path)?;
        Ok((self.entry(path.clone())?, self.keep(file, path)))
    }

    fn set(
        &self,
        ino: INodeNo,
        fh: Option<FileHandle>,
        size: Option<u64>,
        mode: Option<u32>,
        mtime: Option<TimeOrNow>,
    ) -> Result<FileAttr, Errno> {
        // A file without a name is known by its handle alone.
        if let (Some(size), Some(open)) = (size, fh.and_then(|fh| self.file(fh).ok())) {
            open.file.set_len(size)?;
            return Ok(attributes(&open.file.metadata()?));
        }
        let path = self.path(ino)?;
        if let Some(size) = size {
            OpenOptions::new().write(true).open(&path)?.set_len(size)?;
        }
        if let Some(mode) = mode {
            fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(mode))?;
        }
        if let Some(mtime) = mtime {
            let time = match mtime {
                TimeOrNow::SpecificTime(time) => time,
                TimeOrNow::Now => SystemTime::now(),
            };
            File::open(&path)?.set_times(FileTimes::new().set_modified(time))?;
        }
        self.entry(path)
    }

    fn rename(&self, from: PathBuf, to: PathBuf) -> io::Result<()> {
        fs::rename(&from, &to)?;
        for path in self.paths.lock().expect("no panic").values_mut() {
            if let Ok(rest) = path.strip_prefix(&from) {
                *path = if rest.as_os_str().is_empty() { to.clone() } else { to.join(rest) };
            }
        }
        Ok(())
    }

    fn sync(&self, handle: FileHandle) -> Result<(), Errno> {
        let open = self.file(handle)?;
        self.faults.look(Call::Sync, &open.path)?;
        Ok(open.file.sync_data()?)
    }

    fn allocate(&self, handle: FileHandle, offset: u64, length: u64, mode: i32) -> Result<(), Errno> {
        let open = self.file(handle)?;
        self.faults.look(Call::Allocate, &open.path)?;
        let flags = rustix::fs::FallocateFlags::from_bits_retain(mode as u32);
        rustix::fs::fallocate(&open.file, flags, offset, length).map_err(|error| Errno::from(io::Error::from(error)))
    }

    fn write(&self, handle: FileHandle, offset: u64, data: &[u8]) -> Result<u32, Errno> {
        let open = self.file(handle)?;
        self.faults.look(Call::Write, &open.path)?;
        open.file.write_all_at(data, offset)?;
        Ok(data.len() as u32)
    }

    fn read(&self, handle: FileHandle, offset: u64, size: u32) -> Result<Vec<u8>, Errno> {
        let open = self.file(handle)?;
        let mut data = vec![0; size as usize];
        let mut filled = 0;
        while filled < data.len() {
            match open.file.read_at(&mut data[filled..], offset + filled as u64)? {
                0 => break,
                read => filled += read,
            }
        }
        data.truncate(filled);
        Ok(data)
    }
}

fn attributes(meta: &Metadata) -> FileAttr {
    FileAttr {
        ino: INodeNo(meta.ino()),
        size: meta.size(),
        blocks: meta.blocks(),
        atime: meta.accessed().unwrap_or(SystemTime::UNIX_EPOCH),
        mtime: meta.modified().unwrap_or(SystemTime::UNIX_EPOCH),
        ctime: SystemTime::UNIX_EPOCH,
        crtime: SystemTime::UNIX_EPOCH,
        kind: FileType::from_std(meta.file_type()).unwrap_or(FileType::RegularFile),
        perm: (meta.mode() & 0o7777) as u16,
        nlink: meta.nlink() as u32,
        uid: meta.uid(),
        gid: meta.gid(),
        rdev: 0,
        blksize: 4096,
        flags: 0,
    }
}

/// Answers with what `result` holds, or with its error.
macro_rules! answer {
    ($reply:ident, $result:expr, |$value:pat_param| $good:expr) => {
        match $result {
            Ok($value) => $good,
            Err(errno) => $reply.error(Errno::from(errno)),
        }
    };
}

impl Filesystem for Passthrough {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let found = self.child(parent, name).and_then(|path| self.entry(path));
        answer!(reply, found, |attr| reply.entry(&TTL, &attr, Generation(0)));
    }

    fn getattr(&self, _: &Request, ino: INodeNo, fh: Option<FileHandle>, reply: ReplyAttr) {
        let by_handle = fh.and_then(|fh| self.file(fh).ok()).map(|open| open.file.metadata());
        let meta = by_handle.unwrap_or_else(|| fs::symlink_metadata(self.path(ino).unwrap_or_default()));
        answer!(reply, meta, |meta| {
            let root = (ino == INodeNo::ROOT).then_some(INodeNo::ROOT);
            let attr = attributes(&meta);
            reply.attr(&TTL, &FileAttr { ino: root.unwrap_or(attr.ino), ..attr });
        });
    }

    fn setattr(
        &self,
        _: &Request,
        ino: INodeNo,
        mode: Option<u32>,
        _uid: Option<u32>,
        _gid: Option<u32>,
        size: Option<u64>,
        _atime: Option<TimeOrNow>,
        mtime: Option<TimeOrNow>,
        _ctime: Option<SystemTime>,
        fh: Option<FileHandle>,
        _crtime: Option<SystemTime>,
        _chgtime: Option<SystemTime>,
        _bkuptime: Option<SystemTime>,
        _flags: Option<fuser::BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        answer!(reply, self.set(ino, fh, size, mode, mtime), |attr| reply.attr(&TTL, &attr));
    }

    fn mkdir(&self, _: &Request, parent: INodeNo, name: &OsStr, mode: u32, _umask: u32, reply: ReplyEntry) {
        let made = self.child(parent, name).and_then(|path| {
            fs::DirBuilder::new().mode(mode).create(&path)?;
            self.entry(path)
        });
        answer!(reply, made, |attr| reply.entry(&TTL, &attr, Generation(0)));
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        let removed = self.child(parent, name).and_then(|path| Ok(fs::remove_file(path)?));
        answer!(reply, removed, |()| reply.ok());
    }

    fn rmdir(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        let removed = self.child(parent, name).and_then(|path| Ok(fs::remove_dir(path)?));
        answer!(reply, removed, |()| reply.ok());
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        newparent: INodeNo,
        newname: &OsStr,
        _flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        let paths = self.child(parent, name).and_then(|from| Ok((from, self.child(newparent, newname)?)));
        let renamed = paths.and_then(|(from, to)| Ok(self.rename(from, to)?));
        answer!(reply, renamed, |()| reply.ok());
    }

    fn link(&self, _: &Request, ino: INodeNo, newparent: INodeNo, newname: &OsStr, reply: ReplyEntry) {
        let linked = self.path(ino).and_then(|from| {
            let to = self.child(newparent, newname)?;
            fs::hard_link(from, &to)?;
            self.entry(to)
        });
        answer!(reply, linked, |attr| reply.entry(&TTL, &attr, Generation(0)));
    }

    fn open(&self, _: &Request, ino: INodeNo, flags: OpenFlags, reply: ReplyOpen) {
        answer!(reply, Passthrough::open(self, ino, flags), |fh| reply.opened(fh, FopenFlags::FOPEN_KEEP_CACHE));
    }

    fn create(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _umask: u32,
        _flags: i32,
        reply: ReplyCreate,
    ) {
        let made = Passthrough::create(self, parent, name, mode);
        answer!(reply, made, |(attr, fh)| reply.created(&TTL, &attr, Generation(0), fh, FopenFlags::FOPEN_KEEP_CACHE));
    }

    fn read(
        &self,
        _: &Request,
        _ino: INodeNo,
        fh: FileHandle,
        offset: u64,
        size: u32,
        _flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        reply: ReplyData,
    ) {
        answer!(reply, Passthrough::read(self, fh, offset, size), |data| reply.data(&data));
    }

    fn write(
        &self,
        _: &Request,
        _ino: INodeNo,
        fh: FileHandle,
        offset: u64,
        data: &[u8],
        _write_flags: WriteFlags,
        _flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        answer!(reply, Passthrough::write(self, fh, offset, data), |written| reply.written(written));
    }

    fn flush(&self, _: &Request, _ino: INodeNo, _fh: FileHandle, _owner: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }

    fn release(
        &self,
        _: &Request,
        _ino: INodeNo,
        fh: FileHandle,
        _flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        _flush: bool,
        reply: ReplyEmpty,
    ) {
        self.open.lock().expect("no panic").remove(&fh.0);
        reply.ok();
    }

    fn fsync(&self, _: &Request, _ino: INodeNo, fh: FileHandle, _datasync: bool, reply: ReplyEmpty) {
        answer!(reply, self.sync(fh), |()| reply.ok());
    }

    fn fsyncdir(&self, _: &Request, ino: INodeNo, _fh: FileHandle, _datasync: bool, reply: ReplyEmpty) {
        let synced = self.path(ino).and_then(|path| self.faults.look(Call::SyncFolder, &path));
        answer!(reply, synced, |()| reply.ok());
    }

    fn fallocate(
        &self,
        _: &Request,
        _ino: INodeNo,
        fh: FileHandle,
        offset: u64,
        length: u64,
        mode: i32,
        reply: ReplyEmpty,
    ) {
        answer!(reply, self.allocate(fh, offset, length, mode), |()| reply.ok());
    }

    fn readdir(&self, _: &Request, ino: INodeNo, _fh: FileHandle, offset: u64, mut reply: ReplyDirectory) {
        let listed = self.path(ino).and_then(|path| {
            let mut all = vec![(ino.0, FileType::Directory, ".".into()), (ino.0, FileType::Directory, "..".into())];
            for entry in fs::read_dir(path)? {
                let entry = entry?;
                let meta = entry.metadata()?;
                all.push((meta.ino(), attributes(&meta).kind, entry.file_name()));
            }
            Ok(all)
        });
        answer!(reply, listed, |entries| {
            for (at, (ino, kind, name)) in entries.into_iter().enumerate().skip(offset as usize) {
                if reply.add(INodeNo(ino), at as u64 + 1, kind, name) {
                    break;
                }
            }
            reply.ok();
        });
    }

    fn statfs(&self, _: &Request, _ino: INodeNo, reply: ReplyStatfs) {
        answer!(reply, rustix::fs::statvfs(&self.base).map_err(io::Error::from), |s| {
            reply.statfs(
                s.f_blocks,
                s.f_bfree,
                s.f_bavail,
                s.f_files,
                s.f_ffree,
                s.f_bsize as u32,
                255,
                s.f_frsize as u32,
            );
        });
    }
}
