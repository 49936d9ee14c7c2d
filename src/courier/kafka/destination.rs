//! Ships to Kafka.

use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::error::RDKafkaErrorCode;
use tokio::time::{Instant, sleep_until};

use crate::courier::queue::{QueueItem, TopicNames};
use crate::courier::{Blame, Cause, Destination, ShipError, Trouble};
use crate::log::format::record::Topic;
use crate::telemetry::Logger;

use super::client::{Client, Complaints, Report};
use super::codes::{cause_of, is_consequence, is_fault_of_message};
use super::ends::Ends;
use super::flight::{Flight, State};
use super::settings::KafkaSettings;
use super::topics;

/// How long a call waits for the next confirmation. librdkafka goes on trying between calls.
const STALL: Duration = Duration::from_secs(10);

/// The same once librdkafka has complained about the cluster: long enough for a broker to be replaced by another one.
const STALL_WITH_COMPLAINT: Duration = Duration::from_secs(2);

/// How long a question about a topic may take.
const QUESTION_MAX: Duration = Duration::from_secs(5);

/// How long what has been sent is waited for before the producer is made anew.
const SETTLE_MAX: Duration = Duration::from_secs(10);

/// How long a stop waits for librdkafka's threads.
const CLOSE_MAX: Duration = Duration::from_secs(2);

/// A Kafka cluster. See the module's documentation.
pub struct KafkaDestination {
    settings: KafkaSettings,
    names: TopicNames,
    logger: Logger,
    client: Option<Client>,
    /// Topics that this client has found to be as they must be.
    checked: Vec<Topic>,
    flight: Flight,
    /// What the cluster has confirmed.
    confirmed: Ends,
    /// Whether the cluster may have lost something since it was last asked.
    in_doubt: bool,
    /// The lowest offsets that were given out a second time.
    repeated: Ends,
    /// Where the partitions end, if that has been asked since there last was a doubt.
    now: Option<Ends>,
}

/// Why a call does not deliver everything.
type Fault = (Blame, Cause);

impl KafkaDestination {
    /// A cluster that need not be there.
    pub fn new(settings: KafkaSettings, names: TopicNames, logger: Logger) -> Self {
        Self {
            settings,
            names,
            logger,
            client: None,
            checked: Vec::new(),
            flight: Flight::default(),
            confirmed: Ends::default(),
            in_doubt: false,
            repeated: Ends::default(),
            now: None,
        }
    }

    /// Asks about these topics, unless this client has asked before.
    async fn check(&mut self, topics: &[Topic]) -> Result<(), Cause> {
        let Some(client) = &self.client else { return Err(gone()) };
        let partitions = self.settings.partitions.get();
        for topic in topics {
            let Some(name) = self.names.of(*topic).filter(|_| !self.checked.contains(topic)) else { continue };
            let (producer, name) = (client.producer(), name.to_owned());
            let asked = name.clone();
            let answer = blocking(move || topics::check(&producer, &asked, partitions, QUESTION_MAX)).await;
            let count = answer.map_err(|cause| better_known(cause, &client.complaints))?;
            // A broker that was slow to hear of the new topic may have answered for the old one before.
            self.in_doubt |= self.confirmed.reach_beyond(&name, count);
            self.checked.push(*topic);
        }
        Ok(())
    }

    async fn deliver(&mut self, items: &[QueueItem]) -> Result<(), Fault> {
        self.take_reports();
        if self.flight.failed(items.len()).next().is_some() {
            return Err(self.settle(items.len()).await);
        }
        let mut topics = Vec::new();
        for item in items {
            if !topics.contains(&item.topic) {
                topics.push(item.topic);
            }
        }
        self.check(&topics).await.map_err(of_destination)?;
        let mut next = 0;
        // The item that librdkafka did not take: what is before it is waited for, and what is behind it stays here.
        let mut refused: Option<(usize, RDKafkaErrorCode)> = None;
        let mut deadline = Instant::now() + STALL;
        loop {
            if self.take_reports() {
                deadline = Instant::now() + STALL;
            }
            if self.flight.failed(items.len()).next().is_some() {
                return Err(self.settle(items.len()).await);
            }
            if refused.is_none() {
                refused = self.hand_over(items, &mut next)?;
            }
            if self.flight.is_delivered(items.len()) {
                return Ok(());
            }
            if let Some((index, code)) = refused
                && self.flight.is_delivered(index)
            {
                return Err((Blame::Items(index..index + 1), cause_of(code, code.to_string())));
            }
            let Some(client) = &mut self.client else { return Err(of_destination(gone())) };
            if client.fatal().is_some() {
                return Err(self.settle(items.len()).await);
            }
            if client.complaints.latest().is_some() {
                self.in_doubt = true;
                deadline = deadline.min(Instant::now() + STALL_WITH_COMPLAINT);
            }
            let report = tokio::select! {
                report = client.reports.recv() => report,
                () = client.complaints.arrived.notified() => None,
                () = sleep_until(deadline) => return Err(of_destination(self.why_it_stalls(items.len()).await)),
            };
            if let Some(report) = report {
                self.note(report);
                deadline = Instant::now() + STALL;
            }
        }
    }

    /// Gives librdkafka items from `next` on, for as long as it takes them. Returns one that it never takes.
    fn hand_over(&mut self, items: &[QueueItem], next: &mut usize) -> Result<Option<(usize, RDKafkaErrorCode)>, Fault> {
        let Some(client) = &self.client else { return Err(of_destination(gone())) };
        while let Some(item) = items.get(*next) {
            if self.flight.state(*next) == State::Open {
                let Some(name) = self.names.of(item.topic) else {
                    let cause = Cause::new(Trouble::CannotBuild, "no-topic", "there is no topic for it");
                    return Err((Blame::Items(*next..*next + 1), cause));
                };
                let partition = partition_of(item.session, self.settings.partitions);
                let position = self.flight.position(*next);
                match client.send(name, partition, item.session.to_le_bytes(), &item.bytes, position) {
                    Ok(()) => self.flight.set(*next, State::Pending),
                    Err(RDKafkaErrorCode::QueueFull) => return Ok(None),
                    Err(code) if is_fault_of_message(code) => return Ok(Some((*next, code))),
                    Err(code) => {
                        self.flight.set(*next, State::Failed(code));
                        return Ok(None);
                    }
                }
            }
            *next += 1;
        }
        Ok(None)
    }

    /// Takes the reports that are there. Returns whether there were any.
    fn take_reports(&mut self) -> bool {
        let mut any = false;
        while let Some(report) = self.client.as_mut().and_then(|client| client.reports.try_recv().ok()) {
            self.note(report);
            any = true;
        }
        any
    }

    fn note(&mut self, report: Report) {
        let state = report.outcome.map_or_else(State::Failed, |_| State::Delivered);
        let topic = self.flight.report(report.position, state);
        let Ok(offset) = report.outcome else { return };
        if let Some(client) = &self.client {
            self.in_doubt |= client.complaints.clear();
        }
        if let Some(name) = topic.and_then(|topic| self.names.of(topic))
            && offset >= 0
            && self.confirmed.confirmed(name, report.partition, offset)
        {
            let lowest = self.repeated.of(name, report.partition).map_or(offset, |lowest| lowest.min(offset));
            self.repeated.insert(name, report.partition, lowest);
            self.in_doubt = true;
        }
    }

    /// Something was not delivered for good. Waits for what has been sent, so that it is known what was; the rest is for another producer.
    async fn settle(&mut self, count: usize) -> Fault {
        let deadline = Instant::now() + SETTLE_MAX;
        if let Some(client) = &self.client {
            client.discard_unsent();
        }
        while self.flight.is_pending() {
            let Some(client) = &mut self.client else { break };
            let report = tokio::select! {
                report = client.reports.recv() => report,
                () = sleep_until(deadline) => None,
            };
            match report {
                Some(report) => self.note(report),
                None => break,
            }
        }
        let failed: Vec<(usize, RDKafkaErrorCode)> = self.flight.failed(count).collect();
        let fatal = self.client.as_ref().and_then(Client::fatal);
        self.disconnect();
        let refused: Vec<_> = failed.iter().filter(|(_, code)| is_fault_of_message(*code)).collect();
        if let (Some((first, code)), Some((last, _))) = (refused.first(), refused.last()) {
            return (Blame::Items(*first..*last + 1), cause_of(*code, code.to_string()));
        }
        let reason = failed.iter().find(|(_, code)| !is_consequence(*code)).map(|(_, code)| *code);
        let cause = reason.map(|code| cause_of(code, code.to_string())).or(fatal);
        of_destination(cause.unwrap_or_else(|| cause_of(RDKafkaErrorCode::Fatal, "the producer is made anew")))
    }

    /// Why nothing is confirmed.
    async fn why_it_stalls(&self, count: usize) -> Cause {
        let Some(client) = &self.client else { return gone() };
        if let Some(complaint) = client.complaints.latest() {
            return complaint;
        }
        for topic in self.flight.pending_topics(count) {
            let Some(name) = self.names.of(topic).map(str::to_owned) else { continue };
            let producer = client.producer();
            if let Err(cause) = blocking(move || topics::diagnose(&producer, &name, QUESTION_MAX)).await {
                return better_known(cause, &client.complaints);
            }
        }
        Cause::new(Trouble::TimedOut, "", format!("nothing was confirmed within {} s", STALL.as_secs()))
    }

    /// Asks where these partitions end.
    async fn ask_for_ends(&mut self, partitions: &Ends) -> Result<(), Cause> {
        let now = self.now.take().unwrap_or_default();
        let unknown: Vec<(String, i32)> = partitions
            .all()
            .filter(|(topic, partition, _)| now.of(topic, *partition).is_none())
            .map(|(topic, partition, _)| (topic.to_owned(), partition))
            .collect();
        let Some(client) = &self.client else { return Err(gone()) };
        let producer = client.producer();
        let asked = blocking(move || {
            let mut now = now;
            for (topic, partition) in unknown {
                let end = topics::end(&producer, &topic, partition, QUESTION_MAX)?;
                now.insert(&topic, partition, end);
            }
            Ok(now)
        });
        let mut now = asked.await.map_err(|cause| better_known(cause, &client.complaints))?;
        now.lower_to(&self.repeated);
        self.confirmed.lower_to(&now);
        self.now = Some(now);
        Ok(())
    }
}

impl Destination for KafkaDestination {
    type Item = QueueItem;

    async fn ship(&mut self, items: &[QueueItem]) -> Result<(), ShipError> {
        if !self.flight.take(items) {
            self.disconnect();
        }
        let shipped = self.deliver(items).await;
        let delivered = self.flight.let_go(items.len());
        shipped.map_err(|(blame, cause)| ShipError { delivered, blame, cause })
    }

    async fn connect(&mut self) -> Result<bool, Cause> {
        if self.client.is_none() {
            let (settings, logger) = (self.settings.clone(), self.logger.clone());
            self.client = Some(blocking(move || Client::new(&settings, &logger)).await?);
            self.in_doubt = true;
        }
        // Whoever complains may have come back as another one: that is found out before anything is sent there.
        self.in_doubt |= self.client.as_ref().is_some_and(|client| client.complaints.latest().is_some());
        // What librdkafka still has would be lost with another position.
        let ask = self.in_doubt && !self.flight.is_pending();
        if ask {
            (self.in_doubt, self.now) = (false, None);
        }
        Ok(ask)
    }

    fn mark(&self) -> Option<String> {
        self.confirmed.mark()
    }

    async fn still_has(&mut self, mark: &str) -> Result<bool, Cause> {
        let mark = Ends::parse(mark);
        self.ask_for_ends(&mark).await?;
        let has = self.now.as_ref().is_none_or(|now| mark.are_within(now));
        if has {
            self.confirmed.add_missing(&mark);
            self.repeated = Ends::default();
        } else {
            self.flight.clear();
        }
        Ok(has)
    }

    fn disconnect(&mut self) {
        self.client = None;
        self.checked.clear();
        self.flight.reopen();
        self.in_doubt = true;
    }

    async fn idle(&mut self) -> Result<(), Cause> {
        self.take_reports();
        if let Some(fatal) = self.client.as_ref().and_then(Client::fatal) {
            self.disconnect();
            return Err(fatal);
        }
        // Asked anew each time: this is what shows that the cluster is there.
        self.checked.clear();
        self.check(&[Topic::Raw]).await?;
        if let Some(client) = &self.client {
            self.in_doubt |= client.complaints.clear();
        }
        Ok(())
    }
}

impl Drop for KafkaDestination {
    fn drop(&mut self) {
        // At a stop: librdkafka's threads must not outlive what they use.
        if let Some(client) = self.client.take() {
            client.close(CLOSE_MAX);
        }
    }
}

/// The partition of a session, as the readers find it.
fn partition_of(session: u64, partitions: NonZeroU16) -> i32 {
    let partition = session % u64::from(partitions.get());
    i32::try_from(partition).unwrap_or_default()
}

/// What librdkafka has said of the cluster explains a missing answer better than that it is missing.
fn better_known(cause: Cause, complaints: &Arc<Complaints>) -> Cause {
    match cause.trouble {
        Trouble::Unreachable | Trouble::TimedOut => complaints.latest().unwrap_or(cause),
        _ => cause,
    }
}

fn of_destination(cause: Cause) -> Fault {
    (Blame::Destination, cause)
}

/// The client was dropped meanwhile.
fn gone() -> Cause {
    Cause::new(Trouble::Other, "", "there is no connection")
}

/// Runs what waits on a thread where waiting disturbs nobody.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Cause> + Send + 'static) -> Result<T, Cause> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(Cause::new(Trouble::Local, "", error.to_string())),
    }
}
