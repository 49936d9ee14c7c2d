//! The couriers of a server: which are configured, and how they are started and stopped.
//!
//! Only what is configured runs. Rows go first: the couriers for queues stay behind them.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::admin::CourierReport;
use crate::admin::erasing::LogUser;
use crate::admin::health::Check;
#[cfg(all(feature = "archive", feature = "object-store"))]
use crate::archive::mirror::courier::ArchiveCourier;
use crate::config::Config;
use crate::courier::file::{FileDestination, FileOptions, FilePacker};
use crate::courier::http::{FramedPacker, HttpDestination, Target};
use crate::courier::redis::{RedisAddress, RedisDestination, RedisMode};
use crate::courier::rows::{RowPacker, RowsDestination};
#[cfg(feature = "object-store")]
use crate::courier::segments::SegmentsCourier;
use crate::courier::{BulkSender, Courier, CourierOptions, Destination, Packer, Sender, ShipmentBounds, SideRuntime};
use crate::log::cursor::{ConsumerName, Cursors};
use crate::log::read::merge::{MergePosition, RepeatWindow};
use crate::log::read::reader::LogReader;
use crate::log::{Log, LogError};
use crate::postgres::PostgresUrl;
use crate::session::forward_path::ForwardPath;
use crate::session::forward_secret::ForwardSecret;
use crate::telemetry::{Level, Logger};

use super::courier_reports::{self, Measured};
#[cfg(feature = "object-store")]
use super::segments::store_access;
use super::{NodeError, options};

/// A courier's packer and destination, whatever their types.
trait Parts {
    /// Starts the courier.
    fn start(self: Box<Self>, options: CourierOptions, runtime: &SideRuntime, logger: &Logger) -> io::Result<Courier>;

    /// Makes what sends single records.
    fn sender(self: Box<Self>, logger: &Logger) -> io::Result<Sender>;

    /// Makes what sends many records, and tries so many times again what the destination does not take.
    fn bulk_sender(self: Box<Self>, bounds: ShipmentBounds, retries: u32, logger: &Logger) -> io::Result<BulkSender>;
}

/// Parts that this function makes.
struct Made<F>(F);

impl<F, P, D> Parts for Made<F>
where
    F: FnOnce(&Logger) -> (P, D),
    P: Packer,
    D: Destination<Item = P::Item>,
{
    fn start(self: Box<Self>, options: CourierOptions, runtime: &SideRuntime, logger: &Logger) -> io::Result<Courier> {
        let (packer, destination) = (self.0)(logger);
        Courier::spawn(options, packer, destination, runtime, logger)
    }

    fn sender(self: Box<Self>, logger: &Logger) -> io::Result<Sender> {
        let (packer, destination) = (self.0)(logger);
        Sender::new(packer, destination)
    }

    fn bulk_sender(self: Box<Self>, bounds: ShipmentBounds, retries: u32, logger: &Logger) -> io::Result<BulkSender> {
        let (packer, destination) = (self.0)(logger);
        BulkSender::new(packer, destination, bounds, retries)
    }
}

/// The courier for segments, which sends files and no records.
#[cfg(feature = "object-store")]
impl Parts for SegmentsCourier {
    fn start(self: Box<Self>, options: CourierOptions, runtime: &SideRuntime, logger: &Logger) -> io::Result<Courier> {
        (*self).start(options, runtime, logger)
    }

    fn sender(self: Box<Self>, _: &Logger) -> io::Result<Sender> {
        Err(io::Error::other("this courier has no dead letters: it sends whole segments"))
    }

    fn bulk_sender(self: Box<Self>, _: ShipmentBounds, _: u32, _: &Logger) -> io::Result<BulkSender> {
        Err(io::Error::other("this courier sends whole segments"))
    }
}

/// The courier for the archive, which sends files and no records.
#[cfg(all(feature = "archive", feature = "object-store"))]
impl Parts for ArchiveCourier {
    fn start(self: Box<Self>, options: CourierOptions, runtime: &SideRuntime, logger: &Logger) -> io::Result<Courier> {
        (*self).start(options, runtime, logger)
    }

    fn sender(self: Box<Self>, _: &Logger) -> io::Result<Sender> {
        Err(io::Error::other("this courier has no dead letters: it sends the archive's files"))
    }

    fn bulk_sender(self: Box<Self>, _: ShipmentBounds, _: u32, _: &Logger) -> io::Result<BulkSender> {
        Err(io::Error::other("this courier sends the archive's files"))
    }
}

/// A configured courier that has not been started.
struct Planned {
    options: CourierOptions,
    /// Whether it stays behind the courier for rows.
    behind_rows: bool,
    parts: Box<dyn Parts>,
}

/// A kind of queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queue {
    /// Redis Streams.
    Redis,
    /// Kafka.
    Kafka,
}

/// The couriers to start, rows first.
#[derive(Default)]
pub struct Plan {
    planned: Vec<Planned>,
    /// There is a Redis, but messages go to Kafka alone.
    redis_is_cache: bool,
    forward_path: Arc<ForwardPath>,
}

/// The running couriers.
#[derive(Debug, Clone, Default)]
pub struct Couriers {
    all: Vec<Arc<Courier>>,
    measured: Arc<Measured>,
    /// Dropped after the couriers.
    _runtime: Option<Arc<SideRuntime>>,
}

impl Plan {
    /// What the settings ask for.
    ///
    /// # Errors
    /// A setting can't be used; the error names it.
    pub fn of(config: &Config) -> Result<Self, NodeError> {
        let mut plan = Self::default();
        // First, as the couriers for queues stay behind it.
        plan.rows(config)?;
        plan.redis(config)?;
        plan.kafka(config)?;
        plan.segments(config)?;
        plan.archive(config)?;
        plan.http(config)?;
        plan.file(config)?;
        Ok(plan)
    }

    fn redis(&mut self, config: &Config) -> Result<(), NodeError> {
        let Some(text) = &config.redis_string else { return Ok(()) };
        if !config.redis_gets_messages() {
            self.redis_is_cache = true;
            return Ok(());
        }
        let mode = match &config.redis_sentinel_master {
            Some(master) => RedisMode::Sentinel(master.clone()),
            None if config.redis_cluster => RedisMode::Cluster,
            None => RedisMode::Single,
        };
        let invalid = |name: &str, error: &dyn std::fmt::Display| NodeError::Other(format!("{name}: {error}"));
        let address =
            RedisAddress::parse(text.reveal(), mode).map_err(|error| invalid("redis_string (REDIS_STRING)", &error))?;
        let trim = options::redis_trim(config).map_err(|error| invalid("redis_ignore_groups", &error))?;
        let (packer, topics) = (options::queue_packer(config), options::topics(config));
        self.add(config, "courier-redis", address.to_string(), move |logger: &Logger| {
            (packer, RedisDestination::new(address, topics, trim, logger.clone()))
        })
    }

    #[cfg(feature = "kafka")]
    fn kafka(&mut self, config: &Config) -> Result<(), NodeError> {
        use super::kafka;
        use crate::courier::kafka::KafkaDestination;

        let Some(servers) = &config.kafka_servers else { return Ok(()) };
        let settings = kafka::settings(config, servers)?;
        let (packer, topics) = (kafka::packer(config), options::topics(config));
        self.add(config, "courier-kafka", format!("Kafka at {servers}"), move |logger: &Logger| {
            (packer, KafkaDestination::new(settings, topics, logger.clone()))
        })?;
        if let Some(added) = self.planned.last_mut() {
            added.options.resend = config.kafka_resend;
        }
        Ok(())
    }

    /// Records that are meant for Kafka must not pile up unnoticed.
    #[cfg(not(feature = "kafka"))]
    fn kafka(&mut self, config: &Config) -> Result<(), NodeError> {
        let Some(servers) = &config.kafka_servers else { return Ok(()) };
        Err(NodeError::Other(format!(
            "kafka_servers (KAFKA_SERVERS) is {servers}, but this takeup was built without Kafka: build it with `cargo \
             build --release --features kafka`, or leave the setting empty if nothing is to go to Kafka"
        )))
    }

    #[cfg(feature = "object-store")]
    fn segments(&mut self, config: &Config) -> Result<(), NodeError> {
        use crate::courier::segments::COURIER;
        let Some(url) = config.segments_url.clone() else { return Ok(()) };
        let access = store_access(config, url);
        let courier =
            SegmentsCourier::new(&access).map_err(|error| NodeError::Other(format!("segments_url: {error}")))?;
        self.plan(config, COURIER, access.url.to_string(), Box::new(courier))
    }

    #[cfg(not(feature = "object-store"))]
    fn segments(&mut self, config: &Config) -> Result<(), NodeError> {
        if config.segments_url.is_none() {
            return Ok(());
        }
        Err(NodeError::Other("segments_url is set, but this build has no feature object-store".to_owned()))
    }

    #[cfg(all(feature = "archive", feature = "object-store"))]
    fn archive(&mut self, config: &Config) -> Result<(), NodeError> {
        use crate::archive::mirror::courier::COURIER;
        let Some(url) = config.archive_store.clone() else { return Ok(()) };
        let access = store_access(config, url);
        let courier =
            ArchiveCourier::new(&access).map_err(|error| NodeError::Other(format!("archive_store: {error}")))?;
        self.plan(config, COURIER, access.url.to_string(), Box::new(courier))?;
        if let Some(added) = self.planned.last_mut() {
            // What is in the archive is safe without the store.
            added.options.holds = false;
        }
        Ok(())
    }

    #[cfg(not(all(feature = "archive", feature = "object-store")))]
    fn archive(&mut self, config: &Config) -> Result<(), NodeError> {
        if config.archive_store.is_none() {
            return Ok(());
        }
        Err(NodeError::Other(
            "archive_store is set, but this build lacks the feature archive or object-store".to_owned(),
        ))
    }

    fn http(&mut self, config: &Config) -> Result<(), NodeError> {
        let (Some(url), Some(secret)) = (&config.forward_url, &config.forward_secret) else { return Ok(()) };
        let target = Target::parse(url).map_err(|error| NodeError::Other(format!("forward_url: {error}")))?;
        let secret = ForwardSecret::new(secret.reveal());
        let path = Arc::clone(&self.forward_path);
        self.add(config, "courier-http", target.to_string(), |_: &Logger| {
            (FramedPacker::default(), HttpDestination::new(target, secret, path))
        })
    }

    fn file(&mut self, config: &Config) -> Result<(), NodeError> {
        let Some(dir) = config.file_path.clone() else { return Ok(()) };
        let target = format!("files in {}", dir.display());
        let options = FileOptions {
            dir,
            log_dir: config.data.join("log"),
            rotate_bytes: config.file_rotate_bytes,
            rotate_age: config.file_rotate_age,
        };
        self.add(config, "courier-file", target, |_: &Logger| (FilePacker::default(), FileDestination::new(options)))
    }

    /// Registers their cursors, so that nothing they have not read is deleted. Warns of couriers that hold segments back although they are no
    /// longer configured.
    ///
    /// # Errors
    /// A cursor can't be read or written.
    pub fn register(&self, config: &Config, logger: &Logger) -> Result<(), LogError> {
        if self.redis_is_cache {
            let message =
                "messages go to Kafka alone: beside kafka_servers, redis_string is taken for OpenReplay's cache";
            let advice = "redis_beside_kafka = true sends them to both; the free edition has no Kafka: unset KAFKA_SERVERS there";
            logger.event(Level::Info, crate::caller!(), message, &[("advice", advice)]);
        }
        for planned in &self.planned {
            if !planned.options.holds {
                continue;
            }
            match planned.options.register() {
                // Such a cursor holds back all segments. Its courier waits for an operator; the server does not.
                Err(error @ LogError::Cursor { .. }) => {
                    let (name, text) = (planned.options.name.as_str(), error.to_string());
                    let fields = [("courier", name), ("error", &*text)];
                    let message = "a courier's cursor can't be believed: nothing is delivered until it is removed";
                    logger.event(Level::Error, crate::caller!(), message, &fields);
                }
                other => other?,
            }
        }
        for listed in Cursors::of(&LogReader::open(&config.data.join("log"))?).list()? {
            let name = listed.name.as_str();
            let is_planned = self.planned.iter().any(|planned| planned.options.name.as_str() == name);
            let holds = listed.cursor.is_ok_and(|cursor| cursor.holds);
            if holds && name.starts_with(PREFIX) && !is_planned {
                let advice = format!("takeup consumers remove {name}, unless it will be configured again");
                let message = "a courier that is not configured holds segments back: nothing that it has not delivered is deleted";
                logger.event(Level::Warn, crate::caller!(), message, &[("courier", name), ("advice", &advice)]);
            }
        }
        Ok(())
    }

    /// What the courier to another takeup tells of where its records come from. `own` is the log's id.
    pub fn forward_path(&self, own: Uuid) -> Arc<ForwardPath> {
        self.forward_path.begin(own);
        Arc::clone(&self.forward_path)
    }

    /// What sends single records to the destination of the courier with this name; and its address, for people.
    ///
    /// # Errors
    /// No such courier is configured, or the sender can't be started.
    pub fn sender(self, name: &ConsumerName, logger: &Logger) -> Result<(Sender, String), NodeError> {
        let Some(planned) = self.planned.into_iter().find(|planned| planned.options.name == *name) else {
            return Err(NodeError::Other(format!(
                "the settings configure no courier {name}: give those of the server, in takeup.toml, the environment or --set"
            )));
        };
        let sender = planned.parts.sender(logger).map_err(NodeError::other)?;
        Ok((sender, planned.options.target))
    }

    /// What sends many records to the queue of this kind that the settings name, exactly as its courier does; and its address, for people. What
    /// the queue does not take is tried again `retries` times.
    ///
    /// # Errors
    /// A setting can't be used, this build has no such queue, or the sender can't be started.
    pub fn bulk_sender(
        config: &Config,
        queue: Queue,
        retries: u32,
        logger: &Logger,
    ) -> Result<(BulkSender, String), NodeError> {
        let mut plan = Self::default();
        match queue {
            Queue::Redis => plan.redis(config)?,
            Queue::Kafka => plan.kafka(config)?,
        }
        let Some(Planned { options, parts, .. }) = plan.planned.pop() else {
            return Err(NodeError::Other("the settings name no queue of this kind".to_owned()));
        };
        let sender = parts.bulk_sender(options.bounds, retries, logger).map_err(NodeError::other)?;
        Ok((sender, options.target))
    }

    /// Starts them; they read `log`.
    ///
    /// # Errors
    /// A thread could not be started.
    pub fn start(self, log: &Log, logger: &Logger) -> io::Result<Couriers> {
        if self.planned.is_empty() {
            return Ok(Couriers::default());
        }
        let runtime = SideRuntime::start()?;
        let mut all: Vec<Arc<Courier>> = Vec::new();
        let mut rows = None;
        for Planned { mut options, behind_rows, parts } in self.planned {
            options.behind = rows.clone().filter(|_| behind_rows);
            options.recent = Some(log.recent());
            let courier = parts.start(options, &runtime, logger)?;
            if courier.name().as_str() == ROWS {
                rows = Some(courier.handle().clone());
            }
            all.push(Arc::new(courier));
        }
        Ok(Couriers { all, measured: Arc::default(), _runtime: Some(Arc::new(runtime)) })
    }

    /// Rows, to Postgres.
    fn rows(&mut self, config: &Config) -> Result<(), NodeError> {
        let Some(string) = config.postgres_string.as_ref().filter(|_| config.postgres_rows) else { return Ok(()) };
        let url = PostgresUrl::parse(string.reveal(), Some(&config.service_name))
            .map_err(|error| NodeError::Other(format!("postgres_string: {error}")))?;
        self.add(config, ROWS, url.to_string(), move |logger: &Logger| {
            (RowPacker, RowsDestination::new(url, ROWS, logger.clone()))
        })
    }

    /// Adds a courier with this name and these parts, which ships to `target` (for people, without credentials).
    fn add<P, D>(
        &mut self,
        config: &Config,
        name: &str,
        target: String,
        parts: impl FnOnce(&Logger) -> (P, D) + 'static,
    ) -> Result<(), NodeError>
    where
        P: Packer,
        D: Destination<Item = P::Item>,
    {
        self.plan(config, name, target, Box::new(Made(parts)))
    }

    fn plan(&mut self, config: &Config, name: &str, target: String, parts: Box<dyn Parts>) -> Result<(), NodeError> {
        let options = CourierOptions {
            name: name.parse().map_err(NodeError::Other)?,
            target,
            data: config.data.clone(),
            recent: None,
            holds: true,
            behind: None,
            repeats: RepeatWindow::of_bytes(config.repeat_window),
            resend: config.redis_resend,
            bounds: ShipmentBounds { bytes: config.shipment_bytes, records: config.shipment_records },
        };
        self.planned.push(Planned { options, behind_rows: QUEUES.contains(&name), parts });
        Ok(())
    }
}

/// How often it is looked whether couriers have dropped what they had read.
const LOOK_PAUSE: Duration = Duration::from_millis(10);

/// What every courier's name begins with.
pub const PREFIX: &str = "courier-";

/// The couriers for queues, which stay behind that for rows.
const QUEUES: [&str; 2] = ["courier-redis", "courier-kafka"];

/// The courier that writes rows, which those for queues follow.
const ROWS: &str = "courier-postgres";

impl Couriers {
    /// Measures what takes the disk to know, for the reports, unless that was done just now.
    pub fn measure(&self) {
        self.measured.measure(self.all.iter().map(|courier| &**courier));
    }

    /// A report on each. `deleted_unread`: how many of the log's records were deleted before a consumer had read them.
    pub fn reports(&self, deleted_unread: u64) -> Vec<CourierReport> {
        let all = self.all.iter().enumerate();
        let mut reports: Vec<CourierReport> = all
            .map(|(place, courier)| courier_reports::report(courier, self.measured.of(place), deleted_unread))
            .collect();
        courier_reports::note_who_is_behind(&mut reports, ROWS, &QUEUES);
        reports
    }

    /// Their states, for health: none is vital, because records wait in the log.
    pub fn checks(&self, deleted_unread: u64) -> Vec<Check> {
        let check = |report: CourierReport| {
            let fault = courier_reports::fault(&report);
            Check::of_part("courier", report.name, fault)
        };
        self.reports(deleted_unread).into_iter().map(check).collect()
    }

    /// Makes them drop what they have read and not delivered, because records were erased, and waits for it at most until `deadline`. Returns
    /// those of whom each has done so, or not.
    pub fn reread(&self, deadline: Instant) -> Vec<LogUser> {
        let asked: Vec<(&Courier, u64)> = self.all.iter().map(|courier| (&**courier, courier.reread())).collect();
        let is_done = |(courier, number): &(&Courier, u64)| courier.has_reread(*number);
        while !asked.iter().all(is_done) && Instant::now() < deadline {
            std::thread::sleep(LOOK_PAUSE);
        }
        let told = |asked: &(&Courier, u64)| LogUser {
            name: asked.0.name().to_string(),
            reread: is_done(asked),
            passed: asked.0.handle().passed().map(|position| places_of(&position)),
        };
        asked.iter().map(told).collect()
    }

    /// Stops them, all at once.
    pub fn stop(&self) {
        Courier::stop_all(self.all.iter().map(AsRef::as_ref));
    }
}

/// The next record of each core.
fn places_of(position: &MergePosition) -> BTreeMap<u16, (u64, u64)> {
    position.cores.iter().map(|(&core, place)| (core, (place.segment, place.offset))).collect()
}
