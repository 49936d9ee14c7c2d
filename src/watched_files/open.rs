//! Opens files that others have put there, whatever kind of file they are.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;

/// Opens a file for reading without ever blocking on another process: a named pipe is refused.
///
/// # Errors
/// The system's errors, and the refusal of a pipe.
pub fn open(path: &Path) -> io::Result<File> {
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or(0);
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if file.metadata()?.file_type().is_fifo() {
        let message = "it is a pipe, which can be read only once: put a file in its place";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    Ok(file)
}

/// Reads a file that may not be larger than `bytes_max`.
///
/// # Errors
/// The system's errors, and the refusal of a pipe or of a file that is too large.
pub fn read(path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    open(path)?.take(bytes_max.saturating_add(1)).read_to_end(&mut text)?;
    if text.len() as u64 > bytes_max {
        let message = format!("it has more than {bytes_max} bytes, which are the most that is read");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(text)
}
