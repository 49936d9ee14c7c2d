//! Group commit as a core sees it: records are appended during a turn, the group is submitted at the end of the turn, and one wake answers
//! every request that waited for it.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use crate::api::refusal::{Reason, Refusal};
use crate::base::time::monotonic_us;
use crate::log::format::record::Entry;
use crate::log::{AppendError, Seq};
use crate::server::core::conn::{Conn, WaitOutcome};
use crate::server::core::state::Core;

/// Why a record could not be stored within the request's patience.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreError {
    /// It can never fit.
    TooLarge,
    /// The log could not take it, for this reason.
    Unavailable(AppendError),
    /// The log did not confirm it in time.
    Unconfirmed,
    /// The log is closed.
    Closed(AppendError),
    /// The core's log takes no more records, and another core has a place for the connection.
    Moves,
}

impl StoreError {
    /// What the client is told: the fault is ours, and trying again may help.
    pub fn refusal(self) -> Refusal {
        match self {
            Self::TooLarge => Refusal::new(413, Reason::BodyTooLarge, "the body is larger than the log's window"),
            Self::Unconfirmed | Self::Moves => Refusal::new(503, Reason::LogNotReady, "can't save message, try again"),
            Self::Unavailable(error) | Self::Closed(error) => {
                let reason = match error {
                    AppendError::DiskFull => Reason::DiskFull,
                    AppendError::NotReady => Reason::LogNotReady,
                    _ => Reason::LogFailed,
                };
                let text = format!("can't save message, try again: {}", error.reason());
                Refusal::new(503, reason, text)
            }
        }
    }
}

/// The commit task of a core. It ends when the core's writer is taken.
pub async fn run(core: Rc<Core>) {
    std::future::poll_fn(|cx| {
        core.set_commit_waker(cx.waker());
        let mut slot = core.writer.borrow_mut();
        let Some(writer) = slot.as_mut() else { return Poll::Ready(()) };
        writer.register(cx.waker());
        let progress = writer.progress();
        if let Some(group) = &progress.group {
            core.metrics.group(group.records, group.bytes, group.sync_us);
        }
        writer.kick();
        core.writes.fetch(writer);
        drop(slot);
        core.waiters.settle(&progress);
        core.waiters.retry();
        Poll::Pending
    })
    .await
}

/// Appends a record and waits until it is as safe as `ack` promises. While the log cannot take it, the caller is held within its patience.
/// If this core is poisoned and another is not, the caller has to move.
pub fn store<'a>(
    core: &'a Core,
    conn: &'a Rc<Conn>,
    entry: &'a Entry<'_>,
) -> impl Future<Output = Result<(), StoreError>> {
    store_in_order(core, conn, std::slice::from_ref(entry), Move::Yes)
}

/// Appends records in order and waits until all of them are as safe as `ack` promises; they share a group where possible. If a segment
/// fails, the lost record and all that follow it are appended again, so the order is kept. The caller cannot move: its request is no longer
/// in its buffer.
///
/// After an error some of the first records may be stored.
pub fn store_all<'a>(
    core: &'a Core,
    conn: &'a Rc<Conn>,
    entries: &'a [Entry<'_>],
) -> impl Future<Output = Result<(), StoreError>> {
    store_in_order(core, conn, entries, Move::No)
}

/// The same for a request whose body is still in its buffer, so that the caller can move. The other core stores all records again.
pub fn store_all_or_move<'a>(
    core: &'a Core,
    conn: &'a Rc<Conn>,
    entries: &'a [Entry<'_>],
) -> impl Future<Output = Result<(), StoreError>> {
    store_in_order(core, conn, entries, Move::Yes)
}

/// Whether a request can go to another core.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Move {
    Yes,
    No,
}

/// A wait of a request. It is over when this is dropped.
struct Hold<'a> {
    core: &'a Core,
    conn: &'a Conn,
}

impl<'a> Hold<'a> {
    #[inline]
    fn begin(core: &'a Core, conn: &'a Conn) -> Self {
        conn.begin_hold(core.now_ms());
        Self { core, conn }
    }
}

impl Drop for Hold<'_> {
    #[inline]
    fn drop(&mut self) {
        self.conn.end_hold(self.core.now_ms());
    }
}

async fn store_in_order(
    core: &Core,
    conn: &Rc<Conn>,
    mut entries: &[Entry<'_>],
    may_move: Move,
) -> Result<(), StoreError> {
    let _hold = Hold::begin(core, conn);
    let began_us = monotonic_us();
    while !entries.is_empty() {
        let run = append_run(core, conn, entries);
        debug_assert!(run.count > 0 || run.stopped.is_some(), "appending stops for a reason");
        let refusal = match run.stopped {
            Some(AppendError::TooLarge { .. }) => return Err(StoreError::TooLarge),
            Some(error @ AppendError::Closed) => return Err(StoreError::Closed(error)),
            Some(error) if run.count == 0 => {
                if matches!(error, AppendError::Poisoned(_)) {
                    core.poisoned.set(true);
                    if may_move == Move::Yes && core.reserve_migration(conn) {
                        return Err(StoreError::Moves);
                    }
                }
                conn.seqs.set((Seq(0), Seq(0)));
                core.waiters.wait_for_room(conn);
                StoreError::Unavailable(error)
            }
            // Wait first for what has been appended; the rest is tried again after that.
            Some(_) | None if core.acks_on_append => {
                entries = &entries[run.count..];
                continue;
            }
            Some(_) | None => StoreError::Unconfirmed,
        };
        match Outcome(conn).await {
            WaitOutcome::Stored => {
                debug_assert!(run.count > 0, "only an appended record can be stored");
                core.metrics.committed(core.waiters.settled_us().saturating_sub(began_us));
                entries = &entries[run.count..];
            }
            WaitOutcome::Lost => {
                // Record numbers are consecutive.
                let (lost, (first, last)) = (conn.lost_from.get(), conn.seqs.get());
                assert!(first <= lost && lost <= last, "a lost record is one of those that were waited for");
                entries = &entries[(lost.0 - first.0) as usize..];
            }
            WaitOutcome::TimedOut => return Err(refusal),
            WaitOutcome::Retry => {}
            outcome @ (WaitOutcome::Pending | WaitOutcome::Nothing) => {
                unreachable!("the wait for a record ended as {outcome:?}")
            }
        }
    }
    Ok(())
}

/// Records appended in one turn.
struct Appended {
    count: usize,
    /// Why appending stopped, if it did.
    stopped: Option<AppendError>,
}

/// Appends as many of the records as the log takes now, and registers the connection to wait for them.
fn append_run(core: &Core, conn: &Rc<Conn>, entries: &[Entry<'_>]) -> Appended {
    conn.outcome.set(WaitOutcome::Pending);
    conn.lost_from.set(Seq(0));
    let mut run = Appended { count: 0, stopped: None };
    let mut slot = core.writer.borrow_mut();
    let Some(writer) = slot.as_mut() else {
        run.stopped = Some(AppendError::Closed);
        return run;
    };
    for entry in entries {
        let appended = writer.append(entry);
        // Whatever the result, this may have closed a group.
        core.writes.fetch(writer);
        let seq = match appended {
            Ok(seq) => seq,
            Err(error) => {
                run.stopped = Some(error);
                break;
            }
        };
        core.metrics.records.inc();
        core.metrics.record_bytes.add(entry.payload.len() as u64);
        let first = if run.count == 0 { seq } else { conn.seqs.get().0 };
        debug_assert_eq!(seq.0, first.0 + run.count as u64, "the records of a turn have consecutive numbers");
        conn.seqs.set((first, seq));
        run.count += 1;
        if !core.acks_on_append {
            core.waiters.wait_for_record(seq, conn);
        }
    }
    drop(slot);
    if run.count > 0 {
        core.wake_commits();
    }
    run
}

/// Waits for memory to be released. `false`: patience is used up.
pub async fn wait_for_memory(core: &Core, conn: &Rc<Conn>) -> bool {
    wait(core, conn, || core.waiters.wait_for_memory(conn)).await
}

/// Waits for a turn to compute; whoever grants it ends the wait. `false`: patience is used up.
pub async fn wait_for_turn(core: &Core, conn: &Rc<Conn>) -> bool {
    wait(core, conn, || {}).await
}

/// Waits for something other than the log. `enter` puts the connection where it will be woken.
async fn wait(core: &Core, conn: &Rc<Conn>, enter: impl FnOnce()) -> bool {
    let (phase, began_ms, now_ms) = (conn.phase.get(), conn.since_ms.get(), core.now_ms());
    if conn.is_abandoned() || conn.held_ms(now_ms) > core.patience_ms() {
        return false;
    }
    conn.begin_hold(now_ms);
    conn.outcome.set(WaitOutcome::Pending);
    conn.seqs.set((Seq(0), Seq(0)));
    enter();
    let granted = Outcome(conn).await != WaitOutcome::TimedOut;
    conn.end_hold(core.now_ms());
    conn.phase.set(phase);
    // This time does not count against the client.
    let waited_ms = core.now_ms().saturating_sub(now_ms);
    conn.since_ms.set(began_ms + waited_ms);
    conn.slow_since_ms.set(conn.slow_since_ms.get() + waited_ms);
    granted
}

/// Waits until the connection's wait has ended. Most requests poll it twice, and the standard library does not mark the poll of `poll_fn` to be
/// inlined.
struct Outcome<'a>(&'a Conn);

impl Future for Outcome<'_> {
    type Output = WaitOutcome;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<WaitOutcome> {
        match self.0.outcome.get() {
            WaitOutcome::Pending => {
                self.0.register(cx.waker());
                Poll::Pending
            }
            outcome => Poll::Ready(outcome),
        }
    }
}
