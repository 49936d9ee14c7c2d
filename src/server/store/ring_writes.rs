//! Groups that a core writes itself, on its own ring.
//!
//! Two tasks per core with one write in flight each: as many as the log hands out at a time. They end with the runtime.

use std::io;
use std::rc::Rc;

use monoio::buf::IoBuf;
use monoio::fs::File;

use crate::log::{GroupWrite, Pages};
use crate::server::core::state::Core;

/// Writes in flight at a time.
pub const TASKS: usize = 2;

/// One of the tasks.
pub async fn run(core: Rc<Core>) {
    loop {
        let write = core.writes.next().await;
        let result = match core.writes.file(&write) {
            Ok(file) => write_group(&file, &write).await,
            Err(error) => Err(error),
        };
        if let Some(writer) = core.writer.borrow_mut().as_mut() {
            writer.written(write, result);
        }
        core.wake_commits();
    }
}

/// What is left to write of a group.
struct Rest {
    pages: Pages,
    from: usize,
}

// SAFETY: `Pages` is immutable memory that its clones share; it stays where it is when this value moves, and the ring holds the value until the kernel has let
// go of the bytes.
unsafe impl IoBuf for Rest {
    fn read_ptr(&self) -> *const u8 {
        self.pages[self.from..].as_ptr()
    }

    fn bytes_init(&self) -> usize {
        self.pages.len() - self.from
    }
}

async fn write_group(file: &File, write: &GroupWrite) -> io::Result<()> {
    let mut rest = Rest { pages: write.bytes(), from: 0 };
    loop {
        let at = write.offset() + rest.from as u64;
        let (outcome, back) = file.write_at(rest, at).await;
        rest = back;
        match outcome {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(got) if got < rest.bytes_init() => rest.from += got,
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
