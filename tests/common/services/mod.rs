//! Real services for tests: each a process of its own on loopback, in a temporary folder, on a port below 32768.
//!
//! ```ignore
//! let redis = Redis::new();                        // runs and answers when this returns; ends when dropped
//! let postgres = Postgres::with(PostgresOptions { schema: Schema::Main, ..Default::default() });
//! let server = home.serve_from_environment(&[("REDIS_STRING", &redis.url()), ("POSTGRES_STRING", &postgres.url()), …]);
//! redis.kill();                                    // SIGKILL: what was not on its disk is lost
//! …
//! redis.start();                                   // on the same port, with the data that it kept
//! assert_eq!(redis.entries("raw").len(), 3);       // read back without the client under test
//! ```
//!
//! `scripts/services` installs the programs. One that is missing fails the test and is never a reason to skip it. A service that several
//! tests share may stand in a `static LazyLock`: it ends with the process, even if that is killed.
//!
//! Every service has the same verbs. All take `&self`, so a thread may break a service while others use it.
//!
//! | verb | does |
//! |---|---|
//! | `new`, `with(options)` | starts it, and returns when it answers |
//! | `stop` | asks it to end, and waits until it has |
//! | `kill` | SIGKILL to it and to all its processes |
//! | `start` | starts it again after `stop` or `kill`: same port, same data |
//! | `restart` | `stop` and `start` |
//! | `restart_empty` | `kill`, removes the data, and `start` |
//! | `pause`, `resume` | SIGSTOP and SIGCONT to all its processes: connections stay, nothing answers |
//! | `said` | what it has printed, for a test's failure |
//!
//! `within` in the options puts the data elsewhere, such as on a small [`Disk`](super::Disk); `replica` starts a Redis or Postgres that follows
//! another one and takes no writes.
//!
//! | file | holds |
//! |---|---|
//! | `redis`, `redis/` | Redis and Valkey, with users, TLS, replicas; a client that knows only the protocol |
//! | `redis_sentinel`, `redis_cluster` | a primary with a replica and a Sentinel; three nodes that share the slots |
//! | `postgres` | Postgres 15 with the tables of either release of OpenReplay (`tests/fixtures/postgres/`) |
//! | `pgbouncer` | PgBouncer in front of a Postgres, in transaction mode |
//! | `kafka`, `kafka/` | a Kafka broker, with TLS and SASL |
//! | `s3` | a server of S3's protocol with a bucket. It keeps objects in memory: `kill`, `stop` and `restart` lose them |
//! | `relay` | a TCP relay in front of any service: it hangs, slows down, resets, refuses, and the service keeps running |
//! | `certificate` | a certificate for servers here, and its authority |
//! | `process`, `folder`, `port`, `install` | what the services stand on |

mod certificate;
mod folder;
mod install;
mod kafka;
mod pgbouncer;
mod port;
mod postgres;
mod process;
mod redis;
mod redis_cluster;
mod redis_sentinel;
mod relay;
mod s3;

pub use certificate::Certificate;
pub use folder::copy;
pub use install::{kept, program};
pub use kafka::{Kafka, KafkaMessage, KafkaOptions};
pub use pgbouncer::PgBouncer;
pub use port::Port;
pub use postgres::{Postgres, PostgresOptions, Schema};
pub use redis::{Redis, RedisOptions, Reply, RespConnection, StreamEntry};
pub use redis_cluster::RedisCluster;
pub use redis_sentinel::RedisSentinel;
pub use relay::{Relay, RelayMode};
pub use s3::S3;
