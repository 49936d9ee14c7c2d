//! What the floors of the benchmark share: the command line, the pinning, the scan for a request's end, the answer.
//!
//! The floors do the least that a server of this kind can do: they find the blank line behind a request's head, take
//! the body's length from their own command line, and answer with fixed bytes. Whatever a real server does on top (parsing,
//! tokens, limits, records) is the distance to them.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::exit;

/// The answer to every request.
pub const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

/// Room for a request's head in a connection's buffer, in bytes.
pub const HEAD_BYTES_MAX: usize = 8 * 1024;

/// The command line.
#[derive(Debug, Clone)]
pub struct Args {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The processor that the server and the threads that it starts later are pinned to.
    pub core: Option<usize>,
    /// The folder for what is stored.
    pub data: Option<PathBuf>,
    /// The length of the body of every request but OPTIONS.
    pub body_bytes: usize,
}

impl Args {
    /// Parses the command line; ends the process with the usage when it can't.
    pub fn parse() -> Self {
        Self::read(std::env::args().skip(1)).unwrap_or_else(|error| {
            eprintln!("{error}\nusage: --listen ADDR:PORT --body-bytes N [--core N] [--data DIR]");
            exit(2)
        })
    }

    fn read(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let (mut listen, mut core, mut data, mut body_bytes) = (None, None, None, None);
        while let Some(flag) = words.next() {
            let value = words.next().ok_or_else(|| format!("{flag} wants a value"))?;
            let number = || value.parse::<usize>().map_err(|error| format!("{flag} {value}: {error}"));
            match flag.as_str() {
                "--listen" => {
                    listen = Some(value.parse().map_err(|error| format!("{flag} {value}: {error}"))?);
                }
                "--core" => core = Some(number()?),
                "--data" => data = Some(PathBuf::from(&value)),
                "--body-bytes" => body_bytes = Some(number()?),
                _ => return Err(format!("unknown argument {flag}")),
            }
        }
        Ok(Self {
            listen: listen.ok_or("--listen is missing")?,
            core,
            data,
            body_bytes: body_bytes.ok_or("--body-bytes is missing")?,
        })
    }

    /// The data folder; ends the process when it was not given.
    pub fn data(&self) -> &std::path::Path {
        self.data.as_deref().unwrap_or_else(|| {
            eprintln!("--data is missing");
            exit(2)
        })
    }

    /// Pins the calling thread, and every thread that it starts from now on.
    pub fn pin(&self) {
        let Some(core) = self.core else {
            return;
        };
        // SAFETY: `set` is a plain bit set that CPU_SET bounds-checks and that outlives the call.
        let result = unsafe {
            let mut set: libc::cpu_set_t = std::mem::zeroed();
            libc::CPU_SET(core, &mut set);
            libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set)
        };
        if result != 0 {
            eprintln!("cannot pin to processor {core}: {}", std::io::Error::last_os_error());
            exit(1);
        }
    }
}

/// The body of the request that begins `buffer` as a range, once it is there whole. Requests that begin with `O`
/// (OPTIONS) have no body.
pub fn body_of(buffer: &[u8], body_bytes: usize) -> Option<std::ops::Range<usize>> {
    let head = memchr::memmem::find(buffer, b"\r\n\r\n")? + 4;
    let end = if buffer[0] == b'O' { head } else { head + body_bytes };
    (end <= buffer.len()).then_some(head..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_whole_with_its_last_byte() {
        let request = b"POST / HTTP/1.1\r\nHost: a\r\n\r\nabc";
        assert_eq!(body_of(request, 3), Some(28..31));
        assert_eq!(body_of(&request[..30], 3), None);
        assert_eq!(body_of(b"OPTIONS / HTTP/1.1\r\n\r\n", 3), Some(22..22));
    }
}
