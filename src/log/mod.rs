//! The log: the durable storage that every 200 relies on.
//!
//! This header is the specification of the format, version 1. The code below only implements it.
//!
//! # Files
//!
//! All numbers are little-endian. `NN` is the core's number, two digits or more. `<id>` is a segment's id: the order
//! time in microseconds at which it was made, 20 decimal digits, zero padded, unique and increasing within its core
//! (a time rather than a count, so that an id is never reused after files were removed).
//!
//! | file under `log/` | what it is |
//! |---|---|
//! | `lock` | held by `flock` while a server runs, and so is the folder `core-00`, which can't be replaced unnoticed; carries its process id as text |
//! | `log.json` | the log's UUID and format version; made once, synced, never changed |
//! | `clock` | one page of 4,096 bytes: how order time follows from `CLOCK_MONOTONIC` |
//! | `core-NN/control` | one page of 4,096 bytes: where the core's writer stands |
//! | `core-NN/stage-N` | with `ack = "memory"`: groups that are not in their segments yet, in pages that survive the process (`format/stage_file.rs`); for the next start alone |
//! | `core-NN/<id>.open` | a segment that is being prepared or written, allocated to its full size |
//! | `core-NN/<id>.seg` | a sealed segment, cut to its length; it never changes again, but for erased records |
//! | `core-NN/<id>.json` | the sidecar of a sealed segment: counts, times, sessions, damage, BLAKE3 of the file |
//! | `core-NN/<id>.del` | a segment that is being deleted: no reader looks at it, and the next start finishes the deletion |
//! | `core-NN/<id>.spare` | a blank file of a deleted segment, all zeros, with its blocks: the server that blanked it makes its next segment of it, or deletes it; the next start deletes it |
//! | `core-NN/deleted.json` | the ledger of deletions, so that a reader that comes too late can say what it has missed; losing it costs only that |
//! | `quarantine/` | what recovery set aside |
//!
//! ## Segment
//!
//! Page 0 is the header; records begin at byte 4,096.
//!
//! | at | field |
//! |---|---|
//! | 0 | magic `TAKEUPLG` |
//! | 8 | version u32 = 1 |
//! | 12 | core u32 |
//! | 16 | log UUID, 16 bytes |
//! | 32 | segment id u64 |
//! | 40 | marker u64: random, never 0. Every record repeats it, so that a client's body cannot pose as a record and an old page cannot pose as a new one |
//! | 48 | segment bytes u64: the size it was allocated with |
//! | 56 | CRC-32C u32 of bytes 0..56; the rest of the page is zero |
//!
//! ## Record
//!
//! A 64-byte header at a multiple of 64 (it never straddles a sector), then the extension, then the payload, then zero
//! bytes up to the next multiple of 64. 64 zero bytes where a header should be are the end of what was written.
//!
//! | at | field | why |
//! |---|---|---|
//! | 0 | marker u64 | see above |
//! | 8 | header CRC-32C u32, of the 64 bytes with this field zero | its own, so that a torn payload does not hide the records after it |
//! | 12 | payload CRC-32C u32, of extension and payload | |
//! | 16 | payload length u32 | |
//! | 20 | durable_to u32, in units of 64 bytes | the durable end of this segment when the record was written: tells damage from an unacknowledged tail, even without a control page. One past the record can't be true and is not believed |
//! | 24 | order time u64, microseconds | |
//! | 32 | session u64 | |
//! | 40 | project u32 | 0 is unknown |
//! | 44 | split u32 | where a `visual` upload is cut |
//! | 48, 52 | page u32, number u32 | the client's label |
//! | 56 | kind u8 | 1 batch, 2 start, 3 image, 4 sdk, 5 pad, 6 tombstone, 7 row, 8 recording |
//! | 57 | topic u8 | 0 none, 1 raw, 2 raw-ios, 3 raw-images, 4 canvas-images, 5 raw-assets, 6 raw-analytics |
//! | 58 | data type u8 | 0 all, 1 player, 2 assets, 3 devtools, 4 analytics, 5 visual, 6 replay, 255 other |
//! | 59 | encoding u8 | 0 identity, 1 gzip, 2 deflate, 3 br, 4 zstd |
//! | 60 | flags u16 | 1 has a label, 2 token just expired, 4 unusable, 8 may be split, 16 an unusable batch is a phone's |
//! | 62 | extension length u16 | |
//!
//! The extension is a sequence of (type u8, length u16, bytes): 1 file name, 2 wall time in milliseconds u64, 3 session row as JSON, 4 the text
//! of an unknown data type, 5 the batch query, 6 the table of a row, 7 the offset u64 of a part within its whole. A reader skips types that it
//! does not know.
//!
//! A **tombstone** stands in the place of a record that was erased. It has that record's order time, project, durable_to and both lengths; its other
//! fields are 0, and so are its extension and payload, which its payload CRC covers. Readers of every version skip it.
//!
//! A **pad** record fills the last page of a group: its payload length is the number of bytes to skip after its header; they are neither written
//! nor checksummed (its payload CRC is 0). A pad ends in the page where it begins; one that does not is damage, because nothing else confirms
//! its length.
//!
//! A record's id is `log UUID / core / segment / offset`. It is not stored in the record and never changes.
//!
//! ## Control page
//!
//! u64 words. The core's writer (W) stores all words that change, except the state; readers in any process `pread` them.
//!
//! | at | word | by |
//! |---|---|---|
//! | 0 | magic `TAKEUPCT` | open |
//! | 8 | version (low 32 bits), core (high 32) | open |
//! | 16 | seq: odd while words 24, 32 and 40 change together | W |
//! | 24 | segment id: the oldest segment of the core that is not durable as a whole; 0 before the first | W |
//! | 32 | cursor: end of the published records of this segment, bytes | W |
//! | 40 | durable end of this segment, bytes; stored before any answer of the group is sent | W |
//! | 48 | in_append: 1 while an append has begun and is not published | W |
//! | 56 | order time of the last record | W |
//! | 64 | order time of the first record that is not durable, 0 for none; cleared only after 40 was stored | W |
//! | 72 | state: 0 closed, 1 open, 2 the segment failed, 3 poisoned | W, preparer, close, reopen |
//! | 80 | process id | open |
//! | 88 | segments prepared since the start | preparer |
//! | 96 | place: inode and birth of the file that this page was made as; a copy is another file, which this shows. 0 is not known | open |
//!
//! ## Clock page
//!
//! u64 words: 0 magic `TAKEUPCK`; 8 version; 16 seq (odd while the rest changes); 24 base of `CLOCK_MONOTONIC`, us;
//! 32 base of order time, us; 40 rate in parts per million, i64: 0, or -500 while slewing back.
//! `order = base_order + (mono - base_mono) * (1 + rate / 1e6)`. A reader takes the monotonic time *between* its two looks at seq, and the
//! keeper takes it while seq is odd: so order time never steps back, whoever reads it. Once a second it is adjusted to the wall clock: forward
//! at once, backward by slewing. At start it begins no earlier than one microsecond after the newest record found. A wall clock that has jumped
//! by more than a second is followed once it has held for ten minutes; a jump forward beyond the operator's limit is not followed at all
//! (`wall.rs`).
//!
//! After these, not covered by seq: word 48 is the earliest that the wall clock was known to be at the last anchoring, word 56 the latest that
//! it may have been; 0 is unknown. The next start takes them as its first bounds for the wall clock, and uses them to say when the segments that
//! it recovers were received. Word 64 is the time to which the server counts ages: no later than it can be.
//!
//! # Who writes what, when
//!
//! **Making a segment** (preparer thread): create `<id>.open`, allocate it whole (a full disk is an error here and not a
//! SIGBUS later), map it, `MADV_RANDOM` before the first touch, write page 0, sync file and folder. Page 0 reaching the
//! disk is the probe: a segment is handed out only after a sync of it has succeeded. Then the rest is formatted in
//! slices, two windows ahead of the cursor: written once, so that the later syncs find written blocks. A core that appends more than 16 MiB a
//! second gets its segments unformatted, and where a record has to wait for a slice the rest of the segment stays so. The keeper thread
//! populates a window ahead of the cursor; the writer never touches a page beyond it, so an append takes no page fault. A segment's file is cut
//! only while no slice of it is being formatted.
//!
//! **Two ways.** The steps below describe the mapped way. A segment written *directly* has no mapping: the writer appends
//! to a stage in memory, and a closed group goes out whole, in one write past the page cache (O_DIRECT and O_DSYNC), from the core's own ring or
//! from the syncer. The newest groups stay in that memory for readers in the same process (`recent`). Up to two groups are in flight; they may become durable in any order, but count in their own order. So above the durable end
//! there may be a gap of zeros before intact records; it was never acknowledged. The bytes in the file are the same either way.
//! With `ack = "memory"` an answer must survive the process, so there the stages are pages of files that the writer has mapped: a record is answered when it is
//! in one of them, and the stage is filled again only when all its groups are durable. After a kill the next start puts into the segments
//! what the stages hold and they don't, and then decides as always.
//!
//! **Append** (the core, no lock, no system call, no allocation): check room; in_append = 1 and a full fence; read
//! the clock; write extension and payload, then the header; publish the cursor, the last order time and, if it
//! was 0, the first unsynced order time; in_append = 0.
//!
//! **Group commit.** A group is what was appended since the last group was closed. It begins on a page of its own: when
//! it is closed, a pad fills its last page. A page that holds acknowledged bytes is therefore never written
//! again, and a torn write can't reach them. The syncer lets the group's pages go (`MADV_DONTNEED`), makes one
//! `msync(MS_SYNC)` over exactly these pages, and wakes the core. The core stores the durable end in the control page, and only then
//! answers. One sync is in flight per core; what arrives meanwhile shares the next.
//!
//! **Rolling over.** When a record does not fit, the open group is closed and handed to the syncer, and the next segment is
//! taken. The control page goes on naming the old segment until all of it is durable. So *every segment older than the one that the
//! control page names is durable as a whole*, and nothing of a younger one has been acknowledged.
//!
//! **A failed sync** (an error of `msync`, or a SIGBUS in the mapping) passes through one function, `Segment::settle`,
//! and is final for the segment. Everything of the core that is not durable counts as lost and is appended again by its owner
//! or refused. The failed file is cut to its last good durable end; only then does the control page go on to a fresh
//! segment, which has been probed after the failure. The third failure within 60 s poisons the core: it takes no more. An operator may reopen
//! it: the failures are forgotten, and the next segment is probed as after any failure. With `ack = "memory"` what was answered is
//! appended again by the log itself, with new order times: the preparer reads it from the failed file, or from the stages, before it cuts the file (the sealer waits for it).
//! On a poisoned core the file is not cut: the reopening, or the next start, finds it there.
//!
//! **Sealing** (hasher thread, then sealer thread; when full, old, failed, or at the close): the hasher reads behind each core's durable end, from
//! memory while it is there, verifies what it reads from the disk, hashes and counts what became durable, and gives back the memory of what lies
//! more than 8 MiB further back. What it has not read is not taken from memory: the writer waits for it, a block at a time. At the end it reads the rest, and the sealer cuts the file to its length, syncs it, writes and syncs the sidecar and
//! the folder, renames `.open` to `.seg`, and syncs the folder. An unused segment is removed.
//!
//! **Deleting** (deleter thread, which starts once everything that protects segments is known. By age: from when the newest record was received,
//! by the wall clock, to the earliest that it may be now. By size, or on a full disk. Never what a holding consumer has not passed, unless the
//! operator said so): note it in the ledger, rename `.seg` to `.del`, sync the folder, cut the file in paced steps, remove the sidecar, remove
//! the file. The newest sealed segment of a core stays. Where a core fills segments as fast, and nobody has the file open, it is not cut but
//! zeroed and synced, keeping its blocks; then the sidecar is removed, the file renamed to `.spare`, and the folder synced. The preparer makes
//! the next segment of it: it renames it to `.open`, and goes on as with a file of its own.
//!
//! # How far a reader may read
//!
//! `.seg`: all of it, except the ranges that its sidecar names as damage or as a gap. The `.open` that a live control page names: up to the
//! durable end. An older `.open`: up to the last record, with zeros between two records being damage. A newer `.open`, or one whose first page
//! is not written yet: nothing. While a server starts (the lock file says `starting`) the control pages may belong to another server: how far
//! open segments may be read is not known yet, and a reader that reads once waits.
//!
//! Without a server, each `.open` is read as far as its control page or its records vouch for it. In a copy made beside the writer (recognized
//! by the control page's place) no file vouches for another: an `.open` is read to the first place that was not yet written when it was copied.
//! Everything that was durable when the copy began lies before that place.
//!
//! A listing may miss a file that is renamed meanwhile, so it is made twice. A deletion removes the file's name first: bytes missing from a file
//! without its name are not damage. Readers use `pread`, because a read error in a mapping is a SIGBUS.
//!
//! The merge reads the clock (T), fences, then looks at each core: one with in_append set counts as its last order time,
//! one with unsynced records as the first of them, an idle one as T; failed, poisoned and closed cores hold nothing up
//! beyond that. Everything durable below the smallest of these is complete and leaves ordered by (time, core, offset).
//! Repeats (same session and label, equal bytes, within a bounded window) are left out. A record with project 0 gets the project of its
//! session's start.
//!
//! # What each crash leaves
//!
//! | killed while | found at the next start | done |
//! |---|---|---|
//! | a segment is made | an `.open` without a valid page 0, or without records | removed, or set aside if it is not all zero |
//! | appending | above the durable end: whole records, one torn record, zeros | whole ones kept, the torn one dropped and counted |
//! | a group is synced | the same; any subset of the group's pages may be on disk | the same: no answer had been sent |
//! | rolling over | the `.open` that the control page names, with a tail, and a younger one, all of it tail | each by itself |
//! | sealing | an `.open`, perhaps already cut, perhaps with a sidecar | sealed again; the sidecar is written anew |
//! | after the rename | a `.seg` with its sidecar | nothing |
//! | a segment is deleted | a `.seg` that is whole, or a `.del` of any length, or a `.spare` | nothing, or deleted to its end |
//!
//! After a power cut the page cache is gone as well; what was acknowledged had been synced. After `kill -9` bytes may be in
//! memory only, and after an I/O error memory may lie: therefore recovery syncs each `.open` file, drops its cache and
//! reads it back before it believes it.
//!
//! # How recovery decides
//!
//! It reads only `.open` files, of every `core-NN` folder there is. The durable end is the largest of: the control page's,
//! if the page is valid and names this segment; and every valid header's `durable_to`. Invalid bytes *below* it are
//! damage: reported, copied to `quarantine/`, named in the sidecar, and the valid records behind them are kept in their place
//! (found again at steps of 64 bytes by marker and checksum). *Above* it lies what was never acknowledged: intact
//! records are kept, the rest is counted and dropped; between two records it is a gap, which the sidecar names as `unacknowledged`. In a copy made beside the writer
//! the durable end is at most the first place that was still to be written. Then the file is sealed. Whatever can't be read or is not ours goes to
//! `quarantine/` with a report. None of this is a reason not to start.
//!
//! If the first page and the first record are both lost, the marker is taken from the later records, provided that the records of exactly one
//! marker state their own offsets correctly (by `durable_to`, which always names where a group begins): a client does not know at which byte its
//! body will be stored. Otherwise the whole file goes to quarantine.
//!
//! # Salvage
//!
//! `takeup salvage` writes every intact record of damaged files or a raw disk into a new log with the same UUID. Records keep their ids if their
//! place is certain. A salvaged segment has zeros where something is missing, named in its sidecar; its `segment bytes` is 0 if its first page
//! had to be rebuilt. Records without a place go, without pads, into cores of their own; their `durable_to` belongs to their old place and means
//! nothing there.
//!
//! # Copies
//!
//! `takeup replay --to log:DIR` writes a log without a server: one core, no pads, no control page, records with the times that they are given. Its
//! last segment is an `.open` file until it is sealed, and is read as far as its records vouch for it.
//!
//! # Erasing
//!
//! `takeup erase` replaces a sealed segment by a copy in which some records are tombstones. Everything else is the same byte for byte, so offsets, ids
//! and cursors stay. The copy is written and synced as `<id>.seg.tmp`; then, under the lock of the cursors, its sidecar is put in place, and then
//! the file. The sidecar has the hash of both files (`erased.blake3_before`), so that a crash between the two is no damage ([`erase`]).
//! A server forgets what it has in memory before its readers are asked to read again.
//!
//! # What is never done
//!
//! - A page that holds acknowledged bytes is not written again.
//! - An old segment is not appended to, and a used file is not reused before it is durably blank.
//! - A failed sync is not tried again on the same segment, and a later success on it is not believed.
//! - `fdatasync` is not used on a segment in use: it would write out and protect the window ahead of the cursor.
//! - No byte is acknowledged before the durable end that covers it is in the control page (`ack = "disk"`).
//! - A sealed segment's file is not changed, only replaced as a whole, and no reader maps a file.

pub mod clock;
pub mod copy;
pub mod cursor;
mod delete;
pub mod disk;
pub mod erase;
pub mod error;
pub mod format;
#[cfg(test)]
mod model;
pub mod names;
pub mod open;
pub mod options;
pub mod read;
mod recent;
pub mod repair;
pub mod retain;
pub mod write;

pub use clock::order::OrderClock;
pub use clock::wall::ClockDoubt;
pub use delete::survey;
pub use disk::lock::is_served;
pub use disk::pages::Pages;
pub use error::LogError;
pub use open::{CoreHealth, Deleting, Health, Log, LogStats, Reopened, SealedCore};
pub use options::{Ack, Options, Way};
pub use recent::RecentRecords;
pub use repair::recovery::Recovery;
pub use write::fault::{Fault, LogThread};
pub use write::group_write::GroupWrite;
pub use write::invariant::Invariant;
pub use write::notice::{Notice, What};
pub use write::standstill::StandstillStats;
pub use write::writer::{AppendError, GroupStats, Progress, Seq, Writer, WriterStats};
