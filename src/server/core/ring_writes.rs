//! Groups of the log that wait to be written on the core's own ring.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::rc::Rc;
use std::task::{Poll, Waker};

use monoio::fs::File;

use crate::log::{GroupWrite, Writer};

/// Groups to be written, and the tasks that wait for one.
#[derive(Default)]
pub struct Writes {
    queue: RefCell<VecDeque<GroupWrite>>,
    idle: RefCell<Vec<Waker>>,
    /// The segment being written, for both tasks.
    open: RefCell<Option<(u64, Rc<File>)>>,
}

impl Writes {
    /// Takes over the groups that the log wants written.
    pub fn fetch(&self, writer: &mut Writer) {
        while let Some(write) = writer.next_write() {
            self.queue.borrow_mut().push_back(write);
            if let Some(waker) = self.idle.borrow_mut().pop() {
                waker.wake();
            }
        }
    }

    /// The descriptor of the group's segment. It duplicates the one that the log holds, once per segment, so it can fail only then. Groups
    /// come in order, and so do segments.
    pub fn file(&self, write: &GroupWrite) -> io::Result<Rc<File>> {
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

    /// The next group to be written.
    pub async fn next(&self) -> GroupWrite {
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
