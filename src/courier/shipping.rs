//! The courier's shipping task: gives one shipment after the other to the destination, for as long as it takes.
//!
//! A fault of the destination is waited out, however long it lasts; the shipment stays, and behind it everything else, so that no record
//! overtakes another. A fault of a record is found by trying records one by one; what is refused alone goes to the dead letters, and the rest
//! goes on.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::Receiver;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::consume;
use crate::log::read::merge::MergePosition;
use crate::telemetry::Level;

use super::backoff::Backoff;
use super::cause::{Cause, Trouble};
use super::dead_letters::DeadLetters;
use super::destination::{Destination, ShipError};
use super::history::History;
use super::reading::Shipped;
use super::report::Report;
use super::shipment::Shipment;
use super::stored_record::StoredRecord;
use super::tries::{Tries, Verdict};

/// A destination that hangs is given up after this time, and connected to again. Each destination has limits of its own below this one.
const CALL_MAX: Duration = Duration::from_secs(120);

/// How often an idle destination is looked after.
const IDLE_EVERY: Duration = Duration::from_secs(5);

/// Why a shipment was not delivered.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// The courier must stop.
    Stopped,
    /// The destination has lost something. The shipment comes again, after what was lost.
    Rewound,
}

/// Ships to one destination.
pub(super) struct ShippingTask<D: Destination> {
    pub(super) destination: D,
    pub(super) report: Report,
    pub(super) dead_letters: DeadLetters,
    pub(super) from: Receiver<Shipped<D::Item>>,
    pub(super) stopping: watch::Receiver<bool>,
    /// Changes when records were erased.
    pub(super) erased: watch::Receiver<()>,
    pub(super) backoff: Backoff,
    pub(super) handle: consume::Handle,
    pub(super) history: History,
    /// How long what was delivered may be delivered again.
    pub(super) resend: Duration,
    /// How many times the courier has been rewound. What was read before comes again.
    pub(super) rewinds: u64,
    /// What the destination held when its connection was lost, until it is known whether it still does.
    pub(super) unverified: Option<String>,
    /// Where the log goes on after what was delivered last.
    pub(super) delivered_to: Option<MergePosition>,
    /// The end of the last shipment that was delivered.
    pub(super) passed: Option<MergePosition>,
}

impl<D: Destination> ShippingTask<D> {
    /// Ships until the courier stops. What is under way is finished only if that ends by itself soon; the caller sees to that.
    pub(super) async fn run(mut self) {
        // So that a destination that is not there is known before there is anything to ship.
        let mut idle_after = self.idle().await;
        loop {
            let next = tokio::select! {
                biased;
                () = stopped(&mut self.stopping) => break,
                Ok(()) = self.erased.changed() => {
                    self.reread();
                    continue;
                }
                next = timeout(idle_after, self.from.recv()) => next,
            };
            match next {
                Err(_) => idle_after = self.idle().await,
                Ok(None) => break,
                Ok(Some((shipment, _))) if shipment.rewinds < self.rewinds => {}
                Ok(Some((shipment, receipt))) => match self.deliver(&shipment).await {
                    Ok(()) => {
                        self.checkpoint(&shipment).await;
                        self.passed.clone_from(&shipment.position);
                        receipt.confirm();
                    }
                    Err(End::Rewound) => {}
                    Err(End::Stopped) => break,
                },
            }
        }
        self.note_the_end();
    }

    /// Looks after the destination. Returns after how long it should be looked after again.
    async fn idle(&mut self) -> Duration {
        let status = Arc::clone(&self.report.status);
        let look = async {
            let _asking = status.ask();
            self.connect().await?;
            self.destination.idle().await
        };
        match timeout(CALL_MAX, look).await {
            Ok(Ok(())) => {
                self.ready();
                return IDLE_EVERY;
            }
            Ok(Err(cause)) => self.failed(cause),
            Err(_) => self.gave_up(),
        }
        self.backoff.failed()
    }

    /// Connects, unless there is a connection. Returns whether the destination turned out to have lost something, so that the courier goes on
    /// at an earlier position.
    async fn connect(&mut self) -> Result<bool, Cause> {
        // A connection that breaks before the question is answered must not change the question.
        if self.unverified.is_none() {
            self.unverified = self.destination.mark();
        }
        let has_lost = self.destination.connect().await? && self.verify().await?;
        self.unverified = None;
        Ok(has_lost)
    }

    /// Finds out whether the destination, which has just been connected to, still holds what it was given. If not, the courier goes on at the
    /// newest checkpoint that it holds, or else at the oldest that there is. Returns whether something is lost.
    async fn verify(&mut self) -> Result<bool, Cause> {
        let latest = self.unverified.clone().unwrap_or_default();
        // What came after the newest checkpoint may be lost, too.
        let holds_latest = latest.is_empty() || self.still_has(&latest).await?;
        let total = self.history.checkpoints().len();
        let mut held = total;
        while let Some(newest) = held.checked_sub(1) {
            let mark = self.history.checkpoints()[newest].mark.clone();
            if mark.is_empty() || self.still_has(&mark).await? {
                break;
            }
            held -= 1;
        }
        if holds_latest && held == total {
            return Ok(false);
        }
        let oldest = self.history.oldest_position();
        self.history.truncate(held);
        let begin = self.history.newest().map(|checkpoint| checkpoint.position.clone()).or(oldest.clone());
        let fields = [("courier", &*self.report.courier)];
        let message = "a destination has lost what it had confirmed: it is delivered again";
        self.report.logger.event(Level::Warn, crate::caller!(), message, &fields);
        self.delivered_to = None;
        self.handle.hold_at(oldest);
        self.passed.clone_from(&begin);
        self.rewinds = self.handle.rewind(begin);
        Ok(true)
    }

    async fn still_has(&mut self, mark: &str) -> Result<bool, Cause> {
        let answer = self.destination.still_has(mark).await;
        if answer.is_err() {
            // It is asked again once there is another connection.
            self.destination.disconnect();
        }
        answer
    }

    /// Drops what was read before records were erased, and goes on behind what was delivered. Returns whether there is such a request.
    fn reread(&mut self) -> bool {
        let Some(number) = self.handle.wants_reread() else { return false };
        // Before it has begun, nothing has been read.
        if let Some(position) = self.passed.clone().or_else(|| self.handle.passed()) {
            self.rewinds = self.handle.rewind(Some(position));
        }
        self.handle.set_reread(number);
        true
    }

    /// The same while a shipment is being delivered.
    fn reread_instead(&mut self) -> Result<(), End> {
        if !self.reread() {
            return Ok(());
        }
        // It may hold a part of the shipment.
        self.destination.disconnect();
        Err(End::Rewound)
    }

    /// Notes what has been delivered.
    async fn checkpoint(&mut self, shipment: &Shipment<D::Item>) {
        let (Some(position), Some(mark)) = (&shipment.position, self.destination.mark()) else { return };
        let destination = &self.destination;
        self.delivered_to = Some(position.clone());
        self.history.add(position, mark, self.resend, |mark| destination.needs(mark));
        self.handle.hold_at(self.history.oldest_position());
        if let Err(error) = self.history.keep() {
            self.cannot_note(&error);
        }
    }

    /// Notes what has been delivered since the last checkpoint, so that the next start repeats nothing.
    fn note_the_end(&mut self) {
        if self.from.is_closed() {
            // The reading thread has ended by itself, because the cursor was removed. A new one must not go on where this one was.
            if let Err(error) = self.history.remove() {
                self.cannot_note(&error);
            }
            return;
        }
        if let (Some(position), Some(mark)) = (self.delivered_to.take(), self.destination.mark()) {
            self.history.end(position, mark);
            if let Err(error) = self.history.write() {
                self.cannot_note(&error);
            }
        }
    }

    fn cannot_note(&self, error: &io::Error) {
        let error = error.to_string();
        let fields = [("courier", &*self.report.courier), ("error", &*error)];
        let message = "what was delivered can't be noted: after a restart more is delivered again";
        self.report.logger.event(Level::Warn, crate::caller!(), message, &fields);
    }

    /// The destination hangs.
    fn gave_up(&mut self) {
        self.destination.disconnect();
        let text = format!("nothing came back within {} s", CALL_MAX.as_secs());
        self.failed(Cause::new(Trouble::TimedOut, "", text));
    }

    /// Delivers a shipment whole, but for what becomes a dead letter.
    async fn deliver(&mut self, shipment: &Shipment<D::Item>) -> Result<(), End> {
        self.reread_instead()?;
        self.bury(&shipment.unsendable).await?;
        let mut tries = Tries::new(shipment);
        while let Some(items) = tries.next() {
            self.reread_instead()?;
            let status = Arc::clone(&self.report.status);
            let call = async {
                let _asking = status.ask();
                if self.connect().await.map_err(ShipError::destination)? {
                    return Ok(false);
                }
                self.destination.ship(&shipment.items[items.clone()]).await.map(|()| true)
            };
            let fault = match timeout(CALL_MAX, call).await {
                Ok(Ok(false)) => return Err(End::Rewound),
                Ok(Ok(true)) => {
                    tries.delivered(items);
                    self.ready();
                    continue;
                }
                Ok(Err(fault)) => fault,
                Err(_) => {
                    self.gave_up();
                    self.pause().await?;
                    continue;
                }
            };
            match tries.failed(items, fault) {
                Verdict::Delivered => {}
                Verdict::Narrowed => self.ready(),
                Verdict::Again(cause) => {
                    self.failed(cause);
                    self.pause().await?;
                }
                Verdict::Refused(number, cause) => {
                    self.ready();
                    self.bury(&[(shipment.record(number).0.clone(), cause)]).await?;
                }
            }
        }
        let total = shipment.items.len();
        self.report.status.delivered(shipment.record_count() as u64, total as u64, shipment.bytes() as u64);
        Ok(())
    }

    /// Writes dead letters, for as long as that takes.
    async fn bury(&mut self, records: &[(StoredRecord, Cause)]) -> Result<(), End> {
        let Some((first, cause)) = records.first() else { return Ok(()) };
        while let Err(error) = self.dead_letters.add(records).await {
            self.failed(Cause::new(Trouble::Local, "", error));
            self.pause().await?;
        }
        self.report.status.dead_letters(records.len() as u64);
        let (id, session) = (first.record().id.to_string(), first.record().session.to_string());
        let (count, error) = (records.len().to_string(), cause.to_string());
        let fields = [
            ("courier", &*self.report.courier),
            ("records", &count),
            ("first", &id),
            ("session", &session),
            ("error", &error),
        ];
        let message = "records can't be delivered: they are among the dead letters, see takeup dead-letters";
        self.report.logger.event(Level::Error, crate::caller!(), message, &fields);
        Ok(())
    }

    fn ready(&mut self) {
        self.backoff.reset();
        self.report.ready();
    }

    fn failed(&mut self, cause: Cause) {
        self.report.failed(cause);
    }

    async fn pause(&mut self) -> Result<(), End> {
        let pause = self.backoff.failed();
        tokio::select! {
            () = stopped(&mut self.stopping) => return Err(End::Stopped),
            Ok(()) = self.erased.changed() => {}
            () = sleep(pause) => {}
        }
        self.reread_instead()
    }
}

/// Waits until the courier must stop.
async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // An error means that the courier itself is gone.
    let _ = stopping.wait_for(|stopping| *stopping).await;
}

#[cfg(test)]
mod tests;
