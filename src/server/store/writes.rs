//! Groups that a core writes itself, on its own ring, where the log is written directly.
//!
//! Two tasks a core, each with one write in flight: as many as the log hands out at a time. They end with the runtime.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::rc::Rc;
use std::task::{Poll, Waker};

use monoio::buf::IoBuf;
use monoio::fs::File;

use crate::log::{GroupWrite, Writer};
use crate::server::core::state::Core;

/// Writes in flight at a time.
pub const TASKS: usize = 2;

/// Groups to be written, and the tasks that wait for one.
#[derive(Default)]
pub struct Writes {
    queue: RefCell<VecDeque<GroupWrite>>,
    idle: RefCell<Vec<Waker>>,
    /// The segment that is written to, for both tasks.
    open: RefCell<Option<(u64, Rc<File>)>>,
}

impl Writes {
    /// Has the groups written that the log wants to have written.
    pub fn fetch(&self, writer: &mut Writer) {
        while let Some(write) = writer.next_write() {
            self.queue.borrow_mut().push_back(write);
            if let Some(waker) = self.idle.borrow_mut().pop() {
                waker.wake();
            }
        }
    }

    /// The descriptor of the group's segment: the one that the log holds for its owner, so there is no way for this to fail but once in a
    /// segment. Groups come in their order, and so do segments.
    fn file(&self, write: &GroupWrite) -> io::Result<Rc<File>> {
        let mut open = self.open.borrow_mut();
        if let Some((segment, file)) = &*open
            && *segment == write.segment()
        {
            return Ok(Rc::clone(file));
        }
        let file = Rc::new(write.file().and_then(File::from_std)?);
        *open = Some((write.segment(), Rc::clone(&file)));
        Ok(file)
    }

    async fn next(&self) -> GroupWrite {
        std::future::poll_fn(|cx| match self.queue.borrow_mut().pop_front() {
            Some(write) => Poll::Ready(write),
            None => {
                self.idle.borrow_mut().push(cx.waker().clone());
                Poll::Pending
            }
        })
        .await
    }
}

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
