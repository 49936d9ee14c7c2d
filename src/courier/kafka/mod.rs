//! Kafka: queue messages in the topics that OpenReplay's services read.
//!
//! A message's key is its session, as 8 bytes, little-endian; its partition is the session modulo the number of partitions that the services
//! reckon with. The broker's default timestamp is kept, because services measure silence by it.
//!
//! **Order and loss.** The producer is idempotent, waits for all replicas in sync, and never gives a message up for its age, so librdkafka
//! repeats for as long as it takes, without duplicates and without changing the order within a partition. It also guarantees that nothing
//! behind a message that was refused is delivered (`enable.gapless.guarantee`): such a refusal ends the producer, and another one sends the
//! rest. A courier's call that has waited long enough returns while its messages stay with librdkafka; the next call finds them by their
//! contents (`flight`) and goes on waiting. So a broker that is down, suspended or restarted costs neither order nor duplicates.
//!
//! **Memory.** librdkafka copies what it is given, up to [`KafkaSettings::buffer_bytes`].
//!
//! **Threads.** One of ours (`kafka-events`) takes librdkafka's reports, errors and log lines; librdkafka has a main thread and one for each
//! broker (`rdk:main`, `rdk:broker1`, ...).
//!
//! | file | holds |
//! |---|---|
//! | `settings` | what is given to librdkafka |
//! | `destination` | ships |
//! | `client` | the producer, and the thread that takes its reports |
//! | `flight` | what librdkafka has been given, and what became of it |
//! | `ends` | how far each partition has confirmed messages |
//! | `topics` | asks the cluster about topics |
//! | `codes` | librdkafka's error numbers as kinds of trouble |

mod client;
mod codes;
mod destination;
mod ends;
mod flight;
mod settings;
mod topics;

pub use destination::KafkaDestination;
pub use settings::{KafkaSettings, Kerberos, MESSAGE_OVERHEAD, Tls};
