//! Groups that a core writes itself, on its own ring.
//!
//! Two tasks per core with one write in flight each: as many as the log hands out at a time. They end with the runtime.

use std::io;
use std::rc::Rc;

use bytes::Buf;
use monoio::fs::File;

use crate::log::GroupWrite;
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

async fn write_group(file: &File, write: &GroupWrite) -> io::Result<()> {
    let (mut rest, mut at) = (write.bytes(), write.offset());
    loop {
        let (outcome, bytes) = file.write_at(rest, at).await;
        rest = bytes;
        match outcome {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(got) if got < rest.len() => {
                rest.advance(got);
                at += got as u64;
            }
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
