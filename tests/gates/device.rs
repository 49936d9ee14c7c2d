//! The device is written little more than what was appended.

use std::fs::OpenOptions;

use memmap2::{MmapMut, MmapOptions};

use crate::common::{Disk, DiskKind};
use crate::*;

const RECORDS: u64 = 128 * 1024;
const PAYLOAD_BYTES: usize = 1024;
const CLIENTS: u64 = 256;

/// Small segments and windows, so that little is prepared ahead compared with what is appended.
fn rolling(dir: &Path, format_ahead: bool) -> Options {
    let (segment_bytes, window_bytes) = (16 << 20, 2 << 20);
    Options { format_ahead, segment_bytes, window_bytes, group_bytes_max: 1 << 20, ..options(dir) }
}

/// Bytes that reach the device for each byte of payload, once the first segment is in use.
fn bytes_per_byte(disk: &Disk, format_ahead: bool) -> f64 {
    disk.sync();
    let (log, _) = Log::open(rolling(&disk.path("data"), format_ahead)).unwrap();
    let mut clients = Clients::new(&log, CLIENTS);
    clients.send_plainly(RECORDS / 16, &[5; PAYLOAD_BYTES]);
    let before = disk.bytes_written();
    clients.send_plainly(RECORDS, &[5; PAYLOAD_BYTES]);
    drop(clients);
    log.close().unwrap();
    let written = disk.bytes_written() - before;
    std::fs::remove_dir_all(disk.path("data")).unwrap();
    written as f64 / (RECORDS * PAYLOAD_BYTES as u64) as f64
}

/// The same payload through a plain mapping, populated ahead and synced group by group: the log without its own way of writing.
fn bytes_per_byte_of_a_plain_mapping(disk: &Disk) -> f64 {
    let (groups, group_bytes) = (512, 64 * 1024);
    let path = disk.path("plain");
    let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path).unwrap();
    rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, groups * group_bytes).unwrap();
    // SAFETY: the file is this test's own, and nobody else changes it.
    let mut map: MmapMut = unsafe { MmapOptions::new().len((groups * group_bytes) as usize).map_mut(&file).unwrap() };
    map.advise(memmap2::Advice::PopulateWrite).unwrap();
    let before = disk.bytes_written();
    for group in 0..groups {
        let from = (group * group_bytes) as usize;
        map[from..from + group_bytes as usize].fill(5);
        file.sync_data().unwrap();
    }
    let written = disk.bytes_written() - before;
    std::fs::remove_file(path).unwrap();
    written as f64 / (groups * group_bytes) as f64
}

#[test]
fn the_device_gets_what_was_appended_and_little_more() {
    let Some(disk) = Disk::of(DiskKind::Made(&["mkfs.ext4", "-q", "-F"]), 1 << 30) else { return };
    let _alone = alone();
    let plain = bytes_per_byte_of_a_plain_mapping(&disk);
    // Other syncs on this machine can only add to the count, so the best of three is the log's own.
    let best = |format_ahead, limit: f64| {
        let mut tries = (0..3).map(|_| bytes_per_byte(&disk, format_ahead));
        let first = tries.next().expect("there are three");
        if first <= limit { first } else { tries.fold(first, f64::min) }
    };
    let unformatted = best(false, 1.15);
    let formatted = best(true, 2.2);
    println!("plain {plain:.3}, unformatted {unformatted:.3}, formatted {formatted:.3}");
    assert!(unformatted <= 1.15, "{unformatted:.3} bytes written for each byte of payload");
    assert!(formatted <= 2.2, "{formatted:.3} bytes written for each byte of payload, with formatting");
    assert!(plain > 2.2, "a plain mapping is as good ({plain:.3}): this test proves nothing here");
}
