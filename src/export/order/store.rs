//! The bytes of a session's batches and pictures, in files.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// Bytes, found by their offset. A clone reads the same ones.
#[derive(Debug, Clone)]
pub struct Store {
    /// A file that others read too, with so many bytes. Nothing is added to it.
    shared: Option<(Arc<File>, u64)>,
    /// What lies behind them.
    own: Arc<File>,
    length: u64,
}

impl Store {
    /// Nothing yet. What is added goes to `file`.
    pub(super) fn new(file: File) -> Store {
        Store { shared: None, own: Arc::new(file), length: 0 }
    }

    /// What others read too. What is added goes to `file`.
    pub(super) fn behind(shared: (Arc<File>, u64), file: File) -> Store {
        let length = shared.1;
        Store { shared: Some(shared), own: Arc::new(file), length }
    }

    /// Shares what there is: what is added from here on goes to `file`. `None`, and no change: a part of it is shared already.
    pub(super) fn share(&mut self, file: File) -> Option<(Arc<File>, u64)> {
        if self.shared.is_some() {
            return None;
        }
        self.shared = Some((std::mem::replace(&mut self.own, Arc::new(file)), self.length));
        self.shared.clone()
    }

    /// How many bytes there are.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Adds bytes. Returns where they are.
    pub(super) fn add(&mut self, bytes: &[u8]) -> io::Result<u64> {
        let offset = self.length;
        self.own.write_all_at(bytes, offset - self.shared_bytes())?;
        self.length += bytes.len() as u64;
        Ok(offset)
    }

    /// Bytes that were added at once.
    pub fn read(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        match &self.shared {
            Some((file, shared)) if offset < *shared => file.read_exact_at(&mut bytes, offset)?,
            _ => self.own.read_exact_at(&mut bytes, offset - self.shared_bytes())?,
        }
        Ok(bytes)
    }

    /// Forgets all of it. What is shared stays for the others.
    pub(super) fn forget(&mut self) -> io::Result<()> {
        (self.shared, self.length) = (None, 0);
        self.own.set_len(0)
    }

    fn shared_bytes(&self) -> u64 {
        self.shared.as_ref().map_or(0, |(_, bytes)| *bytes)
    }
}
