//! Dead letters: the records that a destination refuses for good, one JSON object a line, in `<data>/dead-letters/<courier>.ndjson`.
//!
//! A line holds the whole record, so it can be looked at and sent again after the log has been deleted. A record is there durably before the
//! courier's cursor passes it. After a crash it may be there twice.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::fs::{FlockOperation, flock};

use crate::log::cursor::ConsumerName;
use crate::log::disk::owner;

use super::cause::Cause;
use super::dead_letter::DeadLetter;
use super::stored_record::StoredRecord;

/// The folder in the data folder.
pub const DIR_NAME: &str = "dead-letters";

const SUFFIX: &str = ".ndjson";

/// The longest line. A record is far shorter.
const LINE_BYTES_MAX: u64 = 256 << 20;

/// One courier's dead letters.
#[derive(Debug, Clone)]
pub struct DeadLetters {
    courier: ConsumerName,
    path: PathBuf,
}

/// A line of the file: a dead letter, or why it is none.
pub type Line = Result<DeadLetter, String>;

/// What becomes of a line.
#[derive(Debug)]
pub enum Edit {
    /// It stays.
    Keep,
    /// It goes.
    Remove,
    /// This takes its place.
    Replace(Box<DeadLetter>),
}

impl DeadLetters {
    /// The dead letters of a courier. The file need not exist.
    pub fn of(data: &Path, courier: &ConsumerName) -> Self {
        Self { courier: courier.clone(), path: data.join(DIR_NAME).join(format!("{courier}{SUFFIX}")) }
    }

    /// All couriers with a file, by name.
    ///
    /// # Errors
    /// The folder can't be read.
    pub fn all(data: &Path) -> io::Result<Vec<Self>> {
        let entries = match fs::read_dir(data.join(DIR_NAME)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut all = Vec::new();
        for entry in entries {
            let name = entry?.file_name();
            let courier = name.to_str().and_then(|name| name.strip_suffix(SUFFIX)).and_then(|name| name.parse().ok());
            all.extend(courier.map(|courier| Self::of(data, &courier)));
        }
        all.sort_by(|a, b| a.courier.cmp(&b.courier));
        Ok(all)
    }

    /// Whose they are.
    pub fn courier(&self) -> &ConsumerName {
        &self.courier
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds records durably, with one sync for all, on a thread where waiting for the disk disturbs nobody.
    ///
    /// # Errors
    /// The file can't be written; the text names it.
    pub async fn add(&self, records: &[(StoredRecord, Cause)]) -> Result<(), String> {
        let time = SystemTime::now();
        let letter =
            |(record, cause): &(StoredRecord, Cause)| DeadLetter { time, cause: cause.clone(), record: record.clone() };
        let letters: Vec<DeadLetter> = records.iter().map(letter).collect();
        let this = self.clone();
        let written = tokio::task::spawn_blocking(move || this.append(&letters)).await;
        match written {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(format!("{}: {error}", self.path.display())),
            Err(error) => Err(format!("{}: {error}", self.path.display())),
        }
    }

    fn append(&self, letters: &[DeadLetter]) -> io::Result<()> {
        let dir = self.path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(dir)?;
        let _lock = self.lock()?;
        let mut file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(&self.path)?;
        let bytes = file.metadata()?.len();
        if let Err(error) = self.write(&mut file, letters) {
            // The same letters come again: what the disk took of them must not pile up there. If it stays, it is a line that can't be read.
            let _ = file.set_len(bytes);
            return Err(error);
        }
        // Also one that is empty because an earlier attempt failed.
        if bytes == 0 {
            File::open(dir)?.sync_all()?;
            dir.parent().map_or(Ok(()), |data| File::open(data)?.sync_all())?;
        }
        Ok(())
    }

    fn write(&self, file: &mut File, letters: &[DeadLetter]) -> io::Result<()> {
        if !ends_with_line_break(file)? {
            // What a crash left of a line must not spoil this one.
            file.write_all(b"\n")?;
        }
        for letter in letters {
            let mut line = letter.to_json(self.courier.as_str());
            line.push('\n');
            file.write_all(line.as_bytes())?;
        }
        file.sync_data()
    }

    /// Calls `each` with every line, its number from 1 on, and the text that it was read from, until that returns false.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn read(&self, mut each: impl FnMut(u64, &[u8], Line) -> bool) -> io::Result<()> {
        let Some(file) = self.open()? else { return Ok(()) };
        let (mut reader, mut line, mut number) = (BufReader::new(file), Vec::new(), 0);
        loop {
            line.clear();
            if (&mut reader).take(LINE_BYTES_MAX).read_until(b'\n', &mut line)? == 0 {
                return Ok(());
            }
            number += 1;
            let text = line.strip_suffix(b"\n").unwrap_or(&line);
            if !text.is_empty() && !each(number, text, DeadLetter::parse(text)) {
                return Ok(());
            }
        }
    }

    /// How many lines there are, whether or not they can be read.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn count(&self) -> io::Result<u64> {
        let Some(file) = self.open()? else { return Ok(0) };
        let (mut reader, mut count, mut at_start) = (BufReader::with_capacity(64 * 1024, file), 0, true);
        loop {
            let bytes = reader.fill_buf()?;
            if bytes.is_empty() {
                return Ok(count);
            }
            for byte in bytes {
                let is_break = *byte == b'\n';
                count += u64::from(at_start && !is_break);
                at_start = is_break;
            }
            let length = bytes.len();
            reader.consume(length);
        }
    }

    /// The file, if there is one.
    fn open(&self) -> io::Result<Option<File>> {
        match File::open(&self.path) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Goes through the lines, without their line breaks, and changes the file as `decide` says. All other lines stay, byte for byte, those too that
    /// were added since the caller read the file. The file is replaced as a whole. Returns how many lines were removed.
    ///
    /// # Errors
    /// The file can't be read or replaced.
    pub fn edit(&self, mut decide: impl FnMut(u64, &[u8]) -> Edit) -> io::Result<u64> {
        if self.open()?.is_none() {
            return Ok(0);
        }
        let _lock = self.lock()?;
        let fresh = self.path.with_extension("ndjson.tmp");
        let edited = self.rewrite(&fresh, &mut decide);
        if edited.is_err() {
            // What there was room for must not take the disk from others. It is gone already if only the last sync failed.
            let _ = fs::remove_file(&fresh);
        }
        edited
    }

    /// Writes the changed file to `fresh`, and puts it in the place of the old one.
    fn rewrite(&self, fresh: &Path, decide: &mut dyn FnMut(u64, &[u8]) -> Edit) -> io::Result<u64> {
        let Some(file) = self.open()? else { return Ok(0) };
        let about = file.metadata()?;
        let mut reader = BufReader::new(file);
        let made = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(fresh)?;
        made.set_permissions(about.permissions())?;
        owner::of_folder(&made, fresh);
        let mut out = io::BufWriter::new(made);
        let (mut line, mut number, mut removed) = (Vec::new(), 0, 0);
        loop {
            line.clear();
            if reader.read_until(b'\n', &mut line)? == 0 {
                break;
            }
            number += 1;
            match decide(number, line.strip_suffix(b"\n").unwrap_or(&line)) {
                Edit::Remove => removed += 1,
                Edit::Keep => out.write_all(&line)?,
                Edit::Replace(letter) => {
                    out.write_all(letter.to_json(self.courier.as_str()).as_bytes())?;
                    out.write_all(b"\n")?;
                }
            }
        }
        out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        fs::rename(fresh, &self.path)?;
        let dir = self.path.parent().unwrap_or(Path::new("."));
        File::open(dir)?.sync_all()?;
        Ok(removed)
    }

    /// Held while the file is changed, by whichever process.
    fn lock(&self) -> io::Result<File> {
        let path = self.path.with_extension("lock");
        let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path)?;
        owner::of_folder(&file, &path);
        flock(&file, FlockOperation::LockExclusive)?;
        Ok(file)
    }
}

fn ends_with_line_break(file: &mut File) -> io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(true);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

#[cfg(test)]
mod tests;
