//! librdkafka's producer, and the thread that takes what it reports.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crossbeam_channel::Receiver;
use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message as _;
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer as _, ProducerContext, PurgeConfig};
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::courier::{Cause, Trouble};
use crate::telemetry::{Level, Logger};

use super::codes::{cause_of, cause_of_error};
use super::settings::KafkaSettings;

/// How often the thread looks whether it may end. What librdkafka reports wakes it at once.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// What became of a message.
#[derive(Debug, Clone, Copy)]
pub(super) struct Report {
    /// The number that it was sent with.
    pub(super) position: u64,
    /// Its partition.
    pub(super) partition: i32,
    /// Its offset, which is negative if it isn't known; or why it was not delivered.
    pub(super) outcome: Result<i64, RDKafkaErrorCode>,
}

/// librdkafka's latest complaint about the cluster, and who waits for one.
#[derive(Debug, Default)]
pub(super) struct Complaints {
    latest: Mutex<Option<Cause>>,
    pub(super) arrived: Notify,
}

impl Complaints {
    /// The latest one since the cluster last took something.
    pub(super) fn latest(&self) -> Option<Cause> {
        self.lock().clone()
    }

    /// The cluster took something. Returns whether there was one.
    pub(super) fn clear(&self) -> bool {
        self.lock().take().is_some()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Cause>> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What librdkafka calls, on the thread.
pub(super) struct Context {
    /// As many reports can wait here as messages are with librdkafka, which is bounded.
    reports: UnboundedSender<Report>,
    complaints: Arc<Complaints>,
    logger: Logger,
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        // Lost connections and the like come here with each attempt; a courier's state tells them, once.
        let level = match level {
            RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => Level::Error,
            _ => Level::Debug,
        };
        self.logger.event(level, crate::caller!(), "librdkafka", &[("facility", facility), ("text", text)]);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let Some(code) = error.rdkafka_error_code() else { return };
        let mut latest = self.complaints.lock();
        // That all brokers are down follows from what was said of each, which says more.
        if code != RDKafkaErrorCode::AllBrokersDown || latest.is_none() {
            *latest = Some(cause_of(code, reason));
        }
        drop(latest);
        self.complaints.arrived.notify_one();
    }

    fn stats_raw(&self, _: &[u8]) {}
}

impl ProducerContext for Context {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, position: usize) {
        let (outcome, message) = match result {
            Ok(message) => (Ok(message.offset()), message),
            Err((error, message)) => (Err(error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail)), message),
        };
        // Nobody listens any more once the client is dropped.
        let _ = self.reports.send(Report { position: position as u64, partition: message.partition(), outcome });
    }
}

/// The producer as other threads may hold it for a while.
pub(super) type Producer = BaseProducer<Context>;

/// A running producer. Once it is dropped, what librdkafka has is discarded, and the thread ends by itself.
pub(super) struct Client {
    producer: Arc<Producer>,
    pub(super) reports: UnboundedReceiver<Report>,
    pub(super) complaints: Arc<Complaints>,
    ending: Arc<AtomicBool>,
    /// Closed once librdkafka has ended.
    ended: Receiver<()>,
}

impl Client {
    /// Makes a producer. It connects by itself.
    ///
    /// # Errors
    /// librdkafka does not take the settings, or the thread could not be started.
    pub(super) fn new(settings: &KafkaSettings, logger: &Logger) -> Result<Self, Cause> {
        settings.check_files()?;
        let (sender, reports) = unbounded_channel();
        let complaints = Arc::new(Complaints::default());
        let context = Context { reports: sender, complaints: Arc::clone(&complaints), logger: logger.clone() };
        let producer: Producer =
            settings.config().create_with_context(context).map_err(|error| cause_of_error(&error))?;
        let producer = Arc::new(producer);
        let ending = Arc::new(AtomicBool::new(false));
        let (sender, ended) = crossbeam_channel::bounded::<()>(0);
        let (polled, told) = (Arc::clone(&producer), Arc::clone(&ending));
        let poll = move || {
            // The last holder waits for librdkafka's threads, which nobody else should have to do.
            while !(told.load(Ordering::Relaxed) && Arc::strong_count(&polled) == 1) {
                polled.poll(LOOK_EVERY);
            }
            drop(polled);
            drop(sender);
        };
        let thread = std::thread::Builder::new().name("kafka-events".into()).spawn(poll);
        thread.map_err(|error| Cause::new(Trouble::Local, "", format!("a thread could not be started: {error}")))?;
        Ok(Self { producer, reports, complaints, ending, ended })
    }

    /// The producer, for questions that take time.
    pub(super) fn producer(&self) -> Arc<Producer> {
        Arc::clone(&self.producer)
    }

    /// Gives librdkafka a message.
    ///
    /// # Errors
    /// It does not take it; `QueueFull` if only for now.
    pub(super) fn send(
        &self,
        topic: &str,
        partition: i32,
        key: [u8; 8],
        value: &[u8],
        position: u64,
    ) -> Result<(), RDKafkaErrorCode> {
        let record = BaseRecord::with_opaque_to(topic, position as usize).partition(partition).key(&key).payload(value);
        self.producer.send(record).map_err(|(error, _)| error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail))
    }

    /// The error after which this producer delivers nothing any more.
    pub(super) fn fatal(&self) -> Option<Cause> {
        self.producer.client().fatal_error().map(|(code, text)| cause_of(code, text))
    }

    /// Discards what librdkafka has not sent. Reports say so.
    pub(super) fn discard_unsent(&self) {
        self.producer.purge(PurgeConfig::default().queue());
    }

    /// Lets go of it, and waits so long for librdkafka's threads to end.
    pub(super) fn close(self, patience: Duration) {
        let ended = self.ended.clone();
        drop(self);
        // The channel only ever closes.
        let _ = ended.recv_timeout(patience);
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // Before another producer sends the same messages.
        self.producer.purge(PurgeConfig::default().queue().inflight());
        self.ending.store(true, Ordering::Relaxed);
    }
}
