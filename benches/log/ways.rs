//! Ways from a core's memory to the disk, without a log: what each costs a record.
//!
//! Each way copies records out of as many buffers as there are clients, with their checksums, turn by turn. A second thread makes what was
//! appended durable every few megabytes, reads it back where it is only in the page cache, as the sealer has to, and lets its pages go.

use std::fs::{self, File, OpenOptions};
use std::io::{self, IoSlice};
use std::num::NonZeroU64;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::ptr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use io_uring::{IoUring, opcode, types};
use memmap2::{Advice, MmapOptions, MmapRaw, UncheckedAdvice};
use rustix::fs::FallocateFlags;

use crate::table::{Table, median, size};
use crate::{Run, process_time, thread_time};

const SEGMENT_BYTES: u64 = 64 << 20;
/// What one sync covers, and what a stage holds.
const GROUP_BYTES: u64 = 4 << 20;
const SLOT_BYTES: u64 = GROUP_BYTES + (1 << 20);
const SLOTS: u64 = 3;
const WINDOW_BYTES: u64 = 8 << 20;
const STEP_BYTES: u64 = 2 << 20;
const PIECE_BYTES: u64 = 1 << 20;
const PAGE_BYTES: u64 = 4096;
const CLIENTS: usize = 256;

/// Where records are appended to.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    /// A mapping of the segment, populated ahead; how its pages are provided.
    Mapped(Pages),
    /// A stage that goes into the page cache at the end of each turn: by `pwrite`, or by a write on a ring.
    Staged { by_ring: bool, recycled: bool },
    /// The page cache, record by record.
    Each,
    /// A stage that goes past the page cache, whole.
    Direct { in_file: bool, pages: Pages },
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Pages {
    Single,
    Plain,
    Huge,
}

const WAYS: [(&str, Way); 12] = [
    ("mapping, single pages", Way::Mapped(Pages::Single)),
    ("mapping, as the kernel likes", Way::Mapped(Pages::Plain)),
    ("mapping, huge pages", Way::Mapped(Pages::Huge)),
    ("stage, `pwrite` each turn", Way::Staged { by_ring: false, recycled: false }),
    ("stage, write on a ring each turn", Way::Staged { by_ring: true, recycled: false }),
    ("stage, `pwrite` over a file in memory", Way::Staged { by_ring: false, recycled: true }),
    ("`pwritev` each record", Way::Each),
    ("direct, stage in memory", Way::Direct { in_file: false, pages: Pages::Plain }),
    ("direct, stage in huge pages", Way::Direct { in_file: false, pages: Pages::Huge }),
    ("direct, stage in a file, single pages", Way::Direct { in_file: true, pages: Pages::Single }),
    ("direct, stage in a file", Way::Direct { in_file: true, pages: Pages::Plain }),
    ("direct, stage in a file, huge pages", Way::Direct { in_file: true, pages: Pages::Huge }),
];

/// Microseconds for each record, by thread and in all; bytes written to the device for each byte.
#[derive(Default)]
struct Seen {
    append: Vec<f64>,
    populate: Vec<f64>,
    sync: Vec<f64>,
    read: Vec<f64>,
    all: Vec<f64>,
    elapsed: Vec<f64>,
    device: Vec<f64>,
}

pub fn run(run: &Run) -> io::Result<Vec<Table>> {
    let columns = [
        "payload",
        "records a turn",
        "way",
        "append us",
        "populate us",
        "sync us",
        "read back us",
        "all threads us",
        "elapsed us",
        "device bytes a byte",
    ];
    let mut table = Table::new(
        "Ways to write: processor time for each record, with what makes it durable, and reads it back where it is not in the writer's memory.",
        &columns,
    );
    for (payload, turns) in [(1 << 10, [8, 64]), (32 << 10, [4, 16])] {
        for turn in turns {
            for (name, way) in WAYS {
                let mut seen = Seen::default();
                for _ in 0..run.rounds {
                    round(&run.dir, way, payload, turn, if run.quick { 2 } else { 4 }, &mut seen)?;
                }
                table.row(vec![
                    size(payload),
                    turn.to_string(),
                    name.to_owned(),
                    median(seen.append, 2),
                    median(seen.populate, 2),
                    median(seen.sync, 2),
                    median(seen.read, 2),
                    median(seen.all, 2),
                    median(seen.elapsed, 1),
                    median(seen.device, 2),
                ]);
            }
        }
    }
    Ok(vec![table])
}

/// A segment as both threads use it.
struct Segment {
    file: File,
    map: Option<MmapRaw>,
    keeps_pages: bool,
}

enum Job {
    /// Make this range durable, in the page cache or from the stage at this place of the stages.
    Sync { segment: Arc<Segment>, from: u64, to: u64, stage: Option<(Arc<MmapRaw>, u64)> },
}

fn round(dir: &Path, way: Way, payload: usize, turn: usize, segments: usize, seen: &mut Seen) -> io::Result<()> {
    let step = (64 + payload).next_multiple_of(64) as u64;
    let sources: Vec<Vec<u8>> = (0..CLIENTS).map(|number| vec![number as u8; payload]).collect();
    let (jobs, queue) = sync_channel(1);
    let (done, is_done) = sync_channel(4);
    let syncer = thread::spawn(move || make_durable(&queue, &done));
    let stages = stages(dir, way)?.map(Arc::new);
    let mut turn_bytes = vec![0; step as usize * turn];
    let mut ring = IoUring::new(8)?;
    let (mut append, mut populate, mut records) = (Duration::ZERO, Duration::ZERO, 0_usize);
    let (device, begun, cpu) = (device_bytes(dir), Instant::now(), process_time());
    let recycled = matches!(way, Way::Staged { recycled: true, .. });
    for _ in 0..segments {
        let segment = Arc::new(open(dir, way)?);
        let (mut cursor, mut from, mut ready, mut slot, mut flying) = (0, 0, 0, 0, 0);
        while cursor + turn as u64 * step + PAGE_BYTES <= SEGMENT_BYTES {
            let at = thread_time();
            while let Some(map) = segment.map.as_ref().filter(|_| ready < SEGMENT_BYTES.min(cursor + WINDOW_BYTES)) {
                map.advise_range(Advice::PopulateWrite, ready as usize, STEP_BYTES as usize)?;
                ready += STEP_BYTES;
            }
            let populated = thread_time();
            populate += populated - at;
            let turn_from = cursor;
            for number in 0..turn {
                let body = &sources[(records + number) % CLIENTS];
                let mut head = [0; 64];
                head[..4].copy_from_slice(&crc32c::crc32c(body).to_le_bytes());
                let target = match (&segment.map, &stages) {
                    (Some(map), _) => Some(map.as_mut_ptr().wrapping_add(cursor as usize)),
                    (None, Some(stages)) => {
                        Some(stages.as_mut_ptr().wrapping_add((slot * SLOT_BYTES + cursor - from) as usize))
                    }
                    (None, None) => None,
                };
                match target {
                    // SAFETY: a turn ends before the end of the segment, or of the slot, which has a megabyte beyond a group.
                    Some(target) => unsafe {
                        ptr::copy_nonoverlapping(body.as_ptr(), target.add(64), payload);
                        ptr::copy_nonoverlapping(head.as_ptr(), target, 64);
                    },
                    None if way == Way::Each => {
                        rustix::io::pwritev(&segment.file, &[IoSlice::new(&head), IoSlice::new(body)], cursor)?;
                    }
                    None => {
                        let room = &mut turn_bytes[(cursor - turn_from) as usize..][..64 + payload];
                        room[..64].copy_from_slice(&head);
                        room[64..].copy_from_slice(body);
                    }
                }
                cursor += step;
            }
            if let Way::Staged { by_ring, .. } = way {
                match by_ring {
                    false => segment.file.write_all_at(&turn_bytes, turn_from)?,
                    true => write_by_ring(&mut ring, &segment.file, &turn_bytes, turn_from)?,
                }
            }
            append += thread_time() - populated;
            records += turn;
            if cursor - from >= GROUP_BYTES {
                cursor = cursor.next_multiple_of(PAGE_BYTES);
                let stage = stages.as_ref().map(|stages| (Arc::clone(stages), slot * SLOT_BYTES));
                jobs.send(Job::Sync { segment: Arc::clone(&segment), from, to: cursor, stage })
                    .expect("the syncer runs");
                (from, slot, flying) = (cursor, (slot + 1) % SLOTS, flying + 1);
                if flying == SLOTS {
                    is_done.recv().expect("the syncer runs");
                    flying -= 1;
                }
            }
        }
        (0..flying).for_each(|_| is_done.recv().expect("the syncer runs"));
        drop(segment);
        if !recycled {
            fs::remove_file(dir.join("segment"))?;
        }
    }
    let (all, elapsed, device) = (process_time() - cpu, begun.elapsed(), device_bytes(dir) - device);
    drop(jobs);
    let (sync, read) = syncer.join().expect("the syncer ends")?;
    for entry in fs::read_dir(dir)? {
        fs::remove_file(entry?.path())?;
    }
    let per = |time: Duration| time.as_secs_f64() * 1e6 / records as f64;
    seen.append.push(per(append));
    seen.populate.push(per(populate));
    seen.sync.push(per(sync));
    seen.read.push(per(read));
    seen.all.push(per(all));
    seen.elapsed.push(per(elapsed));
    seen.device.push(device as f64 / (records as u64 * step) as f64);
    Ok(())
}

fn make_durable(jobs: &Receiver<Job>, done: &SyncSender<()>) -> io::Result<(Duration, Duration)> {
    let (mut sync, mut read) = (Duration::ZERO, Duration::ZERO);
    let mut buffer = vec![0; PIECE_BYTES as usize];
    while let Ok(Job::Sync { segment, from, to, stage }) = jobs.recv() {
        let begun = thread_time();
        match (&segment.map, &stage) {
            (_, Some((stages, at))) => {
                // SAFETY: a slot is filled again only when this job is done.
                let bytes =
                    unsafe { std::slice::from_raw_parts(stages.as_ptr().add(*at as usize), (to - from) as usize) };
                segment.file.write_all_at(bytes, from)?;
            }
            (Some(map), None) => {
                let (at, len) = (from as usize, (to - from) as usize);
                // SAFETY: on a shared mapping of a file this drops entries of the page table and no data.
                unsafe { map.unchecked_advise_range(UncheckedAdvice::DontNeed, at, len)? };
                map.flush_range(at, len)?;
            }
            (None, None) => segment.file.sync_data()?,
        }
        let synced = thread_time();
        sync += synced - begun;
        if stage.is_none() {
            for at in (from..to).step_by(PIECE_BYTES as usize) {
                segment.file.read_exact_at(&mut buffer[..(to - at).min(PIECE_BYTES) as usize], at)?;
            }
            if !segment.keeps_pages {
                rustix::fs::fadvise(&segment.file, from, NonZeroU64::new(to - from), rustix::fs::Advice::DontNeed)?;
            }
        }
        read += thread_time() - synced;
        drop(segment);
        let _ = done.send(());
    }
    Ok((sync, read))
}

fn open(dir: &Path, way: Way) -> io::Result<Segment> {
    let keeps_pages = matches!(way, Way::Staged { recycled: true, .. });
    let path = dir.join("segment");
    let was_there = path.exists();
    let mut options = OpenOptions::new();
    if matches!(way, Way::Direct { .. }) {
        options.custom_flags(libc::O_DIRECT | libc::O_DSYNC);
    }
    let file = options.read(true).write(true).create(true).truncate(false).open(path)?;
    if !was_there {
        rustix::fs::fallocate(&file, FallocateFlags::empty(), 0, SEGMENT_BYTES)?;
        if keeps_pages {
            let blank = vec![0; PIECE_BYTES as usize];
            (0..SEGMENT_BYTES).step_by(PIECE_BYTES as usize).try_for_each(|at| file.write_all_at(&blank, at))?;
            file.sync_all()?;
        }
    }
    let map = match way {
        Way::Mapped(pages) => Some(advised(MmapOptions::new().len(SEGMENT_BYTES as usize).map_raw(&file)?, pages)?),
        _ => None,
    };
    Ok(Segment { file, map, keeps_pages })
}

/// The stages of direct writes, with all their pages.
fn stages(dir: &Path, way: Way) -> io::Result<Option<MmapRaw>> {
    let Way::Direct { in_file, pages } = way else { return Ok(None) };
    let bytes = SLOTS * SLOT_BYTES;
    let options = MmapOptions::new().len(bytes as usize).to_owned();
    let map = if in_file {
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(dir.join("stages"))?;
        rustix::fs::fallocate(&file, FallocateFlags::empty(), 0, bytes)?;
        options.map_raw(&file)?
    } else {
        options.map_anon()?.into()
    };
    let map = advised(map, pages)?;
    map.advise(Advice::PopulateWrite)?;
    Ok(Some(map))
}

fn advised(map: MmapRaw, pages: Pages) -> io::Result<MmapRaw> {
    match pages {
        Pages::Single => map.advise(Advice::Random)?,
        Pages::Plain => {}
        Pages::Huge => map.advise(Advice::HugePage)?,
    }
    Ok(map)
}

fn write_by_ring(ring: &mut IoUring, file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
    let write = opcode::Write::new(types::Fd(file.as_raw_fd()), bytes.as_ptr(), bytes.len() as u32).offset(at).build();
    // SAFETY: the bytes outlive the write, which is waited for here.
    unsafe { ring.submission().push(&write).map_err(io::Error::other)? };
    ring.submit_and_wait(1)?;
    let written = ring.completion().next().map_or(0, |entry| entry.result());
    if written == bytes.len() as i32 { Ok(()) } else { Err(io::Error::other("a short write")) }
}

/// What the device below `dir` has written so far; 0 if that is not told.
fn device_bytes(dir: &Path) -> u64 {
    let Ok(device) = fs::metadata(dir).map(|meta| meta.dev()) else { return 0 };
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    let stat = fs::read_to_string(format!("/sys/dev/block/{major}:{minor}/stat")).unwrap_or_default();
    stat.split_whitespace().nth(6).and_then(|sectors| sectors.parse::<u64>().ok()).map_or(0, |sectors| sectors * 512)
}
