//! Groups that a core writes itself, on its own ring.
//!
//! Two tasks per core with one write in flight each: as many as the log hands out at a time. They end with the runtime.

use std::io;
use std::rc::Rc;

use monoio::buf::IoBuf;
use monoio::fs::File;

use crate::log::GroupWrite;
use crate::server::core::state::Core;

/// Writes in flight at a time.
pub const TASKS: usize = 2;

/// One of the tasks.
pub async fn run(core: Rc<Core>) {
    loop {
        let mut write = core.writes.next().await;
        let result = match core.writes.file(&write) {
            Ok(file) => write_group(&file, &mut write).await,
            Err(error) => Err(error),
        };
        if let Some(writer) = core.writer.borrow_mut().as_mut() {
            writer.written(write, result);
        }
        core.wake_commits();
    }
}

async fn write_group(file: &File, write: &mut GroupWrite) -> io::Result<()> {
    let (bytes, part) = write.take_bytes();
    let mut at = write.offset();
    let mut rest = part;
    let mut bytes = bytes;
    let result = loop {
        let (outcome, slice) = file.write_at(bytes.slice(rest.clone()), at).await;
        bytes = slice.into_inner();
        match outcome {
            Ok(0) => break Err(io::ErrorKind::WriteZero.into()),
            Ok(got) if got < rest.len() => {
                rest.start += got;
                at += got as u64;
            }
            Ok(_) => break Ok(()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => break Err(error),
        }
    };
    write.put_back(bytes);
    result
}
