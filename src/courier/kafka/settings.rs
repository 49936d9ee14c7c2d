//! What is given to librdkafka.

use std::fs::File;
use std::num::NonZeroU16;
use std::path::{Path, PathBuf};

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;

use crate::courier::{Cause, Trouble};

use super::codes::cause_of_error;

/// How much of a topic's limit on messages the key and the framing may take. A value that leaves so much room always fits, even if it does not
/// compress.
pub const MESSAGE_OVERHEAD: usize = 128;

/// librdkafka takes no lower limit.
const MESSAGE_BYTES_MIN: usize = 1000;

/// librdkafka's own limit on a batch.
const BATCH_BYTES: usize = 1_000_000;

/// How long a message waits for others that may go with it.
const LINGER_MS: u64 = 5;

/// How long a broker has to answer. Those that hang are connected to again, and asked again.
const SOCKET_TIMEOUT_MS: u64 = 30_000;

/// The longest pause between attempts to connect: a broker that is back is noticed within this time.
const RECONNECT_MAX_MS: u64 = 2_000;

/// How long a topic that a broker does not know may still be on its way to that broker.
const TOPIC_PROPAGATION_MS: u64 = 5_000;

/// What delivery relies on: these are not for others to set.
const OURS: [&str; 22] = [
    "acks",
    "batch.size",
    "bootstrap.servers",
    "compression.codec",
    "compression.type",
    "delivery.timeout.ms",
    "enable.gapless.guarantee",
    "enable.idempotence",
    "linger.ms",
    "log.queue",
    "max.in.flight",
    "max.in.flight.requests.per.connection",
    "message.max.bytes",
    "message.send.max.retries",
    "message.timeout.ms",
    "metadata.broker.list",
    "queue.buffering.max.kbytes",
    "queue.buffering.max.messages",
    "queue.buffering.max.ms",
    "request.required.acks",
    "retries",
    "transactional.id",
];

/// TLS to the brokers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tls {
    /// The authorities' certificates, PEM; `None`: those of the system.
    pub ca: Option<PathBuf>,
    /// Our certificate, PEM.
    pub certificate: Option<PathBuf>,
    /// Its key, PEM.
    pub key: Option<PathBuf>,
}

/// A login by Kerberos.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Kerberos {
    /// The name of the brokers' service; `None`: `kafka`.
    pub service_name: Option<String>,
    /// Our principal.
    pub principal: Option<String>,
    /// The file of its keys.
    pub keytab: Option<PathBuf>,
}

/// Where Kafka is, and how it is written to.
#[derive(Clone)]
pub struct KafkaSettings {
    /// Some of the brokers: `HOST:PORT`, separated by commas.
    pub servers: String,
    /// TLS, if it is used.
    pub tls: Option<Tls>,
    /// Kerberos, if it is used.
    pub kerberos: Option<Kerberos>,
    /// librdkafka's word for the compression.
    pub compression: &'static str,
    /// The number of partitions that the readers reckon with.
    pub partitions: NonZeroU16,
    /// The largest message, with its key, in bytes.
    pub message_bytes_max: usize,
    /// How much librdkafka may hold, in bytes of messages.
    pub buffer_bytes: usize,
    /// Further options of librdkafka's, by name. Values may be secret.
    pub options: Vec<(String, String)>,
}

impl std::fmt::Debug for KafkaSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KafkaSettings").field("servers", &self.servers).finish_non_exhaustive()
    }
}

impl KafkaSettings {
    /// Finds out whether librdkafka takes the options.
    ///
    /// # Errors
    /// It does not know one, or does not take its value, or delivery relies on another value. The text names the option and never its value.
    pub fn check(&self) -> Result<(), String> {
        for (name, _) in &self.options {
            if OURS.contains(&&**name) {
                return Err(format!("{name} is set by takeup itself, because delivery relies on it: leave it out"));
            }
            let known = ClientConfig::new().create_native_config().is_ok_and(|config| config.get(name).is_ok());
            if !known && !is_write_only(name) {
                return Err(format!("librdkafka has no option {name}"));
            }
        }
        self.config().create_native_config().map(drop).map_err(|error| cause_of_error(&error).text)
    }

    /// Finds out whether the files are there to read.
    ///
    /// # Errors
    /// One is not.
    pub(super) fn check_files(&self) -> Result<(), Cause> {
        let tls = self.tls.iter().flat_map(|tls| {
            [("kafka_ssl_ca", &tls.ca), ("kafka_ssl_cert", &tls.certificate), ("kafka_ssl_key", &tls.key)]
        });
        let kerberos = self.kerberos.iter().map(|kerberos| ("kerberos_keytab_location", &kerberos.keytab));
        for (setting, path) in tls.chain(kerberos) {
            let Some(path) = path else { continue };
            // A folder of authorities is fine, too.
            if let Err(error) = File::open(path) {
                let text = format!("{setting}: {}: {error}", path.display());
                return Err(Cause::new(Trouble::Local, "", text));
            }
        }
        Ok(())
    }

    /// The whole configuration.
    pub(super) fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        // What is printed is decided where the lines arrive.
        config.set_log_level(RDKafkaLogLevel::Info);
        for (name, value) in &self.options {
            config.set(name, value);
        }
        let message_bytes = self.message_bytes_max.max(MESSAGE_BYTES_MIN);
        // One message must always find room.
        let buffer_bytes = self.buffer_bytes.max(2 * message_bytes);
        for (name, value) in [
            ("bootstrap.servers", self.servers.clone()),
            ("enable.idempotence", "true".to_owned()),
            ("enable.gapless.guarantee", "true".to_owned()),
            ("acks", "all".to_owned()),
            // A message never becomes too old to be delivered.
            ("message.timeout.ms", "0".to_owned()),
            ("compression.type", self.compression.to_owned()),
            ("linger.ms", LINGER_MS.to_string()),
            ("message.max.bytes", message_bytes.to_string()),
            ("batch.size", BATCH_BYTES.min(message_bytes).to_string()),
            ("queue.buffering.max.kbytes", buffer_bytes.div_ceil(1024).to_string()),
        ] {
            config.set(name, value);
        }
        let mut suggest = |name: &str, value: String| {
            if config.get(name).is_none() {
                config.set(name, value);
            }
        };
        suggest("client.id", "takeup".to_owned());
        suggest("socket.timeout.ms", SOCKET_TIMEOUT_MS.to_string());
        suggest("socket.keepalive.enable", "true".to_owned());
        suggest("reconnect.backoff.max.ms", RECONNECT_MAX_MS.to_string());
        suggest("topic.metadata.propagation.max.ms", TOPIC_PROPAGATION_MS.to_string());
        let protocol = match (&self.tls, &self.kerberos) {
            (None, None) => None,
            (Some(_), None) => Some("ssl"),
            (None, Some(_)) => Some("sasl_plaintext"),
            (Some(_), Some(_)) => Some("sasl_ssl"),
        };
        // The options may say more: TLS from the settings and a password from the options make sasl_ssl there.
        protocol.into_iter().for_each(|protocol| suggest("security.protocol", protocol.to_owned()));
        if let Some(tls) = &self.tls {
            let mut file = |name, path: &Option<PathBuf>| {
                path.as_deref().into_iter().for_each(|path| suggest(name, text(path)));
            };
            file("ssl.ca.location", &tls.ca);
            file("ssl.certificate.location", &tls.certificate);
            file("ssl.key.location", &tls.key);
        }
        if let Some(kerberos) = &self.kerberos {
            suggest("sasl.mechanisms", "GSSAPI".to_owned());
            let mut given = |name, value: Option<String>| value.into_iter().for_each(|value| suggest(name, value));
            given("sasl.kerberos.service.name", kerberos.service_name.clone());
            given("sasl.kerberos.principal", kerberos.principal.clone());
            given("sasl.kerberos.keytab", kerberos.keytab.as_deref().map(text));
        }
        config
    }
}

/// A few options can be set and not be asked for.
fn is_write_only(name: &str) -> bool {
    let mut config = ClientConfig::new();
    config.set(name, "x");
    config.create_native_config().is_ok()
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
