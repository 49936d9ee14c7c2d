//! Wakes tasks on time. The timer of tokio has a grain of a millisecond, which is more than many a server takes to answer.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::future::Future;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use tokio::io::unix::AsyncFd;

/// The alarms of one thread, on one timer of the kernel.
pub struct Alarms {
    timer: AsyncFd<OwnedFd>,
    due: RefCell<BinaryHeap<Reverse<(Instant, u64)>>>,
    wakers: RefCell<HashMap<u64, Waker>>,
    last: Cell<u64>,
    armed: Cell<Option<Instant>>,
}

impl Alarms {
    /// Needs a runtime of tokio with I/O. Nothing rings until [`Alarms::run`] is polled.
    pub fn new() -> io::Result<Rc<Alarms>> {
        let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        #[expect(
            deprecated,
            reason = "unsound only for a descriptor that something else may close; nothing else has this one"
        )]
        let timer = AsyncFd::new(timer)?;
        Ok(Rc::new(Alarms {
            timer,
            due: RefCell::default(),
            wakers: RefCell::default(),
            last: Cell::new(0),
            armed: Cell::new(None),
        }))
    }

    /// Ready at `due`; at once if that has passed.
    pub fn at(self: &Rc<Self>, due: Instant) -> Alarm {
        Alarm { alarms: Rc::clone(self), due, id: None }
    }

    /// Ready after `wait`.
    pub fn after(self: &Rc<Self>, wait: Duration) -> Alarm {
        self.at(Instant::now() + wait)
    }

    /// Wakes whoever is due, for ever.
    pub async fn run(&self) -> io::Result<()> {
        loop {
            let mut ready = self.timer.readable().await?;
            let mut count = [0; 8];
            match ready.try_io(|timer| Ok(rustix::io::read(timer.get_ref(), &mut count)?)) {
                Ok(Err(error)) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
            self.ring()?;
        }
    }

    fn ring(&self) -> io::Result<()> {
        let now = Instant::now();
        let mut due = self.due.borrow_mut();
        let mut wakers = self.wakers.borrow_mut();
        while let Some(&Reverse((at, id))) = due.peek() {
            let waker = wakers.get(&id);
            if waker.is_some() && at > now {
                break;
            }
            due.pop();
            if let Some(waker) = wakers.remove(&id) {
                waker.wake();
            }
        }
        self.armed.set(None);
        match due.peek() {
            Some(&Reverse((at, _))) => self.arm(at),
            None => Ok(()),
        }
    }

    fn arm(&self, at: Instant) -> io::Result<()> {
        // Zero would disarm it.
        let wait = at.saturating_duration_since(Instant::now()).max(Duration::from_nanos(1));
        let zero = Timespec { tv_sec: 0, tv_nsec: 0 };
        let value = Timespec {
            tv_sec: i64::try_from(wait.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(wait.subsec_nanos()),
        };
        let spec = Itimerspec { it_interval: zero, it_value: value };
        timerfd_settime(self.timer.get_ref().as_fd(), TimerfdTimerFlags::empty(), &spec)?;
        self.armed.set(Some(at));
        Ok(())
    }

    fn register(&self, at: Instant, waker: &Waker) -> u64 {
        let id = self.last.get() + 1;
        self.last.set(id);
        self.wakers.borrow_mut().insert(id, waker.clone());
        self.due.borrow_mut().push(Reverse((at, id)));
        if self.armed.get().is_none_or(|armed| at < armed) && self.arm(at).is_err() {
            // A timer that can't be set would let the task sleep for ever: it asks again instead.
            waker.wake_by_ref();
        }
        id
    }
}

/// A wait for one moment.
pub struct Alarm {
    alarms: Rc<Alarms>,
    due: Instant,
    id: Option<u64>,
}

impl Future for Alarm {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if Instant::now() >= self.due {
            return Poll::Ready(());
        }
        match self.id {
            Some(id) => drop(self.alarms.wakers.borrow_mut().insert(id, context.waker().clone())),
            None => self.id = Some(self.alarms.register(self.due, context.waker())),
        }
        Poll::Pending
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.alarms.wakers.borrow_mut().remove(&id);
        }
    }
}

#[cfg(test)]
mod tests;
