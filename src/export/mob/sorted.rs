//! The files of 2024-03: messages by time and index.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use crate::tracker::{Era, PlayerFile, ids, read_batch};

use super::release::{Release, Taken, is_in_both, put_bare};
use super::{LeftOut, Spool};

/// What each file begins with.
const HEADER: [u8; 8] = [0xff; 8];

/// How many messages are put in order at most: half a gigabyte of places.
const MESSAGES_MAX: usize = 1 << 24;

/// Why a session can't be written so.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    /// Its places do not fit into memory.
    #[error("the session has more than {MESSAGES_MAX} messages, too many to put them in order")]
    Messages,
    /// The player of 2024-03 knows no such batches.
    #[error("the session has batches of version {0}; those of 2024-03 have version 1")]
    Version(u64),
    /// The temporary file.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Where a message is in the temporary file.
#[derive(Debug, Clone, Copy)]
struct Place {
    at_ms: i64,
    index: u64,
    offset: u64,
    length: u32,
    is_time: bool,
}

/// Messages of one file, in the order of their arrival.
#[derive(Debug, Default)]
struct Collected {
    places: Vec<Place>,
    /// The last time that was told.
    at_ms: i64,
}

/// Collects the files.
#[derive(Debug)]
pub struct Sorted {
    spool: Spool,
    dom: Collected,
    devtools: Collected,
    left_out: LeftOut,
    message: Vec<u8>,
}

impl Sorted {
    /// Collects in an empty file.
    pub fn new(spool: Spool) -> Sorted {
        Sorted {
            spool,
            dom: Collected::default(),
            devtools: Collected::default(),
            left_out: LeftOut::default(),
            message: Vec::new(),
        }
    }

    /// The next batch, inflated.
    ///
    /// # Errors
    /// It is of a newer protocol, or nothing more fits.
    pub fn batch(&mut self, bytes: &[u8], era: Era) -> Result<(), Unfit> {
        let mut reader = read_batch(bytes, era);
        let first = reader.next();
        let Some(meta) = reader.meta().copied() else {
            self.left_out.broken += u64::from(first.is_some());
            return Ok(());
        };
        if meta.version > 1 {
            return Err(Unfit::Version(meta.version));
        }
        if read_batch(bytes, era).any(|message| message.is_err()) {
            self.left_out.broken += 1;
            return Ok(());
        }
        for message in read_batch(bytes, era).flatten() {
            let file = match Release::March2024.takes(&message) {
                Taken::In(file) => file,
                Taken::Foreign => {
                    self.left_out.foreign += 1;
                    continue;
                }
                Taken::Nowhere => continue,
            };
            self.message.clear();
            put_bare(&message, &mut self.message);
            let offset = self.spool.length();
            self.spool.put(&self.message)?;
            let is_time = message.id == ids::TIMESTAMP;
            // Messages of phones have a time of their own.
            let time = (is_time || message.name.starts_with("Mobile")).then_some(message.timestamp_ms);
            let length = self.message.len() as u32;
            let place = Place { at_ms: 0, index: message.index, offset, length, is_time };
            if file == PlayerFile::Dom {
                self.dom.add(place, time)?;
            }
            if file == PlayerFile::Devtools || is_in_both(&message) {
                self.devtools.add(place, time)?;
            }
        }
        Ok(())
    }

    /// Writes the files into two empty ones: `dom.mobs` with `dom.mobe` behind it, and `devtools.mob`.
    pub fn finish(self, dom: &mut Spool, devtools: &mut Spool) -> Result<LeftOut, Unfit> {
        let file = self.spool.read()?;
        self.dom.write(&file, dom)?;
        self.devtools.write(&file, devtools)?;
        Ok(self.left_out)
    }
}

impl Collected {
    fn add(&mut self, place: Place, time: Option<i64>) -> Result<(), Unfit> {
        if self.places.len() == MESSAGES_MAX {
            return Err(Unfit::Messages);
        }
        self.at_ms = time.unwrap_or(self.at_ms);
        self.places.push(Place { at_ms: self.at_ms, ..place });
        Ok(())
    }

    fn write(mut self, file: &File, out: &mut Spool) -> io::Result<()> {
        if self.places.is_empty() {
            return Ok(());
        }
        // Of messages with one index, the first that arrived stays: both sorts keep the order of what is equal.
        self.places.sort_by_key(|place| place.index);
        self.places.dedup_by_key(|place| place.index);
        self.places.sort_by_key(|place| (place.at_ms, place.index));
        out.put(&HEADER)?;
        let mut message = Vec::new();
        for (number, place) in self.places.iter().enumerate() {
            let next_is_time = self.places.get(number + 1).is_some_and(|next| next.is_time);
            // Of times that follow one another, only the last says something.
            if place.is_time && next_is_time {
                continue;
            }
            message.resize(place.length as usize, 0);
            file.read_exact_at(&mut message, place.offset)?;
            out.put(&message)?;
        }
        Ok(())
    }
}
