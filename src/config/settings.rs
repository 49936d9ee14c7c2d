//! The one table of settings.
//!
//! A row gives a setting's name, type, default and help. The struct [`Config`], the keys of `takeup.toml`, the
//! environment variables, `--set`, the help of `takeup serve` and the commented file of the first start all come from
//! it, so none of them can drift from the others. A row that ends in `[live]` is taken over by a running server when it
//! changes; the others wait for the next start.

use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::path::PathBuf;
use std::time::Duration;

use crate::base::store_url::StoreUrl;

use super::kafka_options::KafkaOptions;
use super::limit::Limit;
use super::modes::{
    Ack, AdmissionMode, CheckBodies, FullDisk, KafkaCompression, LogLevel, LogRequests, ProxyProtocol, RedisTrim,
    RetainLog, Runtime, Unusable, Writer,
};
use super::networks::Networks;
use super::secret::Secret;
use super::setting::Setting;
use super::token_secrets::TokenSecrets;
use super::value;

/// The row of a setting.
pub(super) fn row_of(name: &str) -> Option<usize> {
    SETTINGS.iter().position(|setting| setting.name == name)
}

macro_rules! settings {
    ($(
        $group:literal {
            $( $(#[doc = $doc:literal])+ $name:ident: $type:ty = $parse:ident($default:literal) $(also $also:literal)? $([$live:ident])?; )+
        }
    )+) => {
        /// Every setting, parsed and checked. Built by [`Config::load`].
        #[derive(Debug, Clone, PartialEq)]
        pub struct Config {
            /// The data folder.
            pub data: PathBuf,
            /// The secrets that sign and verify tokens: `TOKEN_SECRET`, else the lines of `secrets/token`.
            pub token_secrets: TokenSecrets,
            $($( $(#[doc = $doc])+ pub $name: $type, )+)+
        }

        /// All settings, in the order in which they are shown.
        pub const SETTINGS: &[Setting] = &[$($(
            Setting {
                name: stringify!($name),
                group: $group,
                default: $default,
                also: settings!(@also $($also)?),
                bare: value::is_bare($default),
                live: settings!(@live $($live)?),
                help: &[$($doc),+],
            },
        )+)+];

        impl Config {
            /// The defaults, for `data`, without any token secret.
            pub fn defaults(data: PathBuf) -> Config {
                Config {
                    data,
                    token_secrets: TokenSecrets::default(),
                    $($( $name: value::$parse($default).expect("a test parses every default"), )+)+
                }
            }

            /// Sets the setting `name` from its text. `None`: there is no such setting.
            pub(super) fn set(&mut self, name: &str, text: &str) -> Option<Result<(), String>> {
                Some(match name {
                    $($( stringify!($name) => value::$parse(text).map(|parsed| self.$name = parsed), )+)+
                    _ => return None,
                })
            }

            /// The names of the settings that `other` has another value for.
            pub fn differences(&self, other: &Config) -> Vec<&'static str> {
                let mut names = Vec::new();
                $($( if self.$name != other.$name { names.push(stringify!($name)); } )+)+
                names
            }

            /// These settings with the live ones, and the token secrets, of `newer`.
            pub fn with_live(&self, newer: &Config) -> Config {
                Config {
                    data: self.data.clone(),
                    token_secrets: newer.token_secrets.clone(),
                    $($( $name: if settings!(@live $($live)?) { &newer.$name } else { &self.$name }.clone(), )+)+
                }
            }
        }
    };
    (@live live) => { true };
    (@live) => { false };
    (@also $also:literal) => { Some($also) };
    (@also) => { None };
}

settings! {
    "Addresses" {
        /// Where clients reach the server, ADDRESS:PORT. HTTP_HOST and HTTP_PORT are read too.
        listen: SocketAddr = address("127.0.0.1:8080");
        /// Where metrics, health and the page with recorded sessions are served, ADDRESS:PORT. Metrics and health have no access
        /// control: keep this port on a private network.
        admin: SocketAddr = address("127.0.0.1:8888");
        /// The token that the admin port asks for before it shows recorded sessions. At least 16 characters. If it is empty, they are
        /// shown to this machine alone, and the page changes nothing.
        admin_token: Option<Secret> = optional_secret("");
        /// Names by which browsers may address the admin port, besides its address and localhost, separated by commas.
        admin_hosts: Option<String> = optional_text("");
        /// A second path prefix under which all routes answer, in case content blockers know the usual one:
        /// "/media/v2" serves /media/v2/v1/web/start. The plain path and /ingest always work.
        prefix: String = prefix("") [live];
        /// Whether replies carry CORS headers. Set it to "false" behind a proxy that adds its own.
        use_cors: bool = switch("true") also "USE_CORS" [live];
        /// Whether preflights allow pages of public sites to reach the server on a private address
        /// (Access-Control-Allow-Private-Network). Browsers ask for this when the server is on an intranet.
        cors_private_network: bool = switch("true") [live];
        /// Which peers may name a client's address in X-Forwarded-For, X-Real-Ip, Forwarded or a PROXY header:
        /// networks and addresses separated by commas, such as "10.0.0.0/8, 203.0.113.7". "private" means loopback,
        /// private and link-local addresses, "all" everyone, "none" no one.
        trusted_proxies: Networks = networks("private") [live];
        /// With "on", every connection must begin with a PROXY protocol header (version 1 or 2) from a trusted proxy;
        /// all other connections are closed.
        proxy_protocol: ProxyProtocol = mode("off");
    }
    "Cores" {
        /// Pinned threads, each with its own listener and log; "auto" follows the affinity set and the cgroup's quota.
        cores: Option<u16> = auto_count("auto");
        /// How the cores wait: "io_uring", "legacy" (epoll), or "auto": io_uring where the kernel allows it.
        runtime: Runtime = mode("auto");
    }
    "Answers" {
        /// When a request is answered: "disk" once it is durable, "memory" once it is in the page cache (it then
        /// survives the process, not the machine).
        ack: Ack = mode("disk");
        /// When the contents of batches are checked: "background" counts and marks broken ones after the answer,
        /// "inline" also refuses, before the answer, those that do not inflate, "off" checks nothing.
        check_bodies: CheckBodies = mode("background") [live];
        /// The share of one processor that the background check may use, in percent.
        check_budget_percent: u8 = count("2") [live];
        /// How long a request is held while it cannot be stored, before it is refused with 503.
        patience: Duration = duration("5s") [live];
    }
    "Connections" {
        /// Open connections per core. At the limit, a new request closes a connection that has sent nothing, or else
        /// the one that has been idle longest.
        connections_max: usize = count("16384");
        /// Bytes of requests in memory per core, not counting 8 KiB for each connection. Above it requests wait, and
        /// then get 503.
        inflight_bytes_max: usize = size("256MiB");
        /// How many connections may be on their way to a core from cores whose log takes nothing more. Any beyond
        /// that are held where they are.
        handovers_max: usize = count("256");
        /// An idle connection is closed after this time. It must be longer than the idle limits of browsers and load
        /// balancers.
        idle_timeout: Duration = duration("620s") [live];
        /// How long a request's head may take to arrive.
        head_timeout: Duration = duration("10s") [live];
        /// The slowest rate at which a body may arrive, in bytes per second.
        body_rate_min: u64 = size("1024") [live];
        /// How long a body may take before its rate is checked.
        body_grace: Duration = duration("15s") [live];
        /// How long running requests have to finish after SIGTERM.
        drain_timeout: Duration = duration("10s") [live];
    }
    "Limits" {
        /// What happens to requests over the limits below: "on" holds, then refuses them with 429; "shadow" serves them and
        /// counts what "on" would have done; "off" counts nothing.
        admission: AdmissionMode = mode("shadow") [live];
        /// New sessions from one client address (of IPv6: one /64), such as "20/s burst 600", "5/m burst 10" or "off".
        limit_starts_address: Option<Limit> = limit("20/s burst 600") [live];
        /// New sessions of one project.
        limit_starts_project: Option<Limit> = limit("1000/s burst 10000") [live];
        /// Uploads (batches, pictures, forms) of one session.
        limit_uploads_session: Option<Limit> = limit("5/s burst 300") [live];
        /// Uploads from one client address.
        limit_uploads_address: Option<Limit> = limit("500/s burst 10000") [live];
        /// Uploads of one project.
        limit_uploads_project: Option<Limit> = limit("20000/s burst 200000") [live];
        /// Bytes uploaded by one session, such as "1MiB/s burst 64MiB".
        limit_bytes_session: Option<Limit> = limit("1MiB/s burst 64MiB") [live];
        /// Bytes uploaded from one client address.
        limit_bytes_address: Option<Limit> = limit("50MiB/s burst 1GiB") [live];
        /// Bytes uploaded by one project.
        limit_bytes_project: Option<Limit> = limit("off") [live];
        /// How many addresses, how many sessions and how many projects each core tracks for these limits. Those that
        /// have used least are forgotten first.
        limit_entries_max: usize = count("65536");
        /// The share of inflight_bytes_max that the requests of one project may take, in percent. The rest is left
        /// for other projects.
        project_share_percent: u8 = count("75");
    }
    "Requests" {
        /// The largest body of a start, as sent.
        json_size_limit: u64 = size("131072") also "JSON_SIZE_LIMIT" [live];
        /// The largest body of a start or another small request, inflated.
        json_inflated_limit: u64 = size("1MiB") [live];
        /// The largest batch, as sent. For browsers, a project's own beacon_size takes precedence.
        beacon_size_limit: u64 = size("1000000") also "BEACON_SIZE_LIMIT" [live];
        /// The largest batch, inflated, where the contents of batches are checked.
        body_inflated_limit: u64 = size("16MiB") [live];
        /// What happens to a batch that is too large, does not inflate (check_bodies = "inline") or is cut in the
        /// wrong place. "refuse" answers 413 or 400: its tracker sends it ten more times and then stops recording for
        /// good. "keep" stores it, marked and kept out of all queues, and answers 200.
        unusable: Unusable = mode("refuse");
        /// The largest batch that is kept in this way; larger ones are refused.
        unusable_size_limit: u64 = size("4MiB");
        /// Bytes of such batches kept per core and hour; above it they are refused.
        unusable_bytes_max: u64 = size("64MiB");
    }
    "Uploads of images" {
        /// The largest upload, as sent.
        file_size_limit: u64 = size("10000000") also "FILE_SIZE_LIMIT" [live];
        /// The largest total size of an upload's files, unpacked. Never more than half of inflight_bytes_max.
        upload_inflated_limit: u64 = size("32MiB") [live];
        /// The largest picture. Never more than group_bytes_max leaves room for.
        frame_size_limit: u64 = size("4MiB") [live];
        /// The largest number of files and fields in an upload.
        upload_parts_max: u64 = count("1000") [live];
        /// The largest size of the header lines of a file or a field.
        part_head_limit: u64 = size("16KiB") [live];
        /// The largest value of a field that is not a file.
        form_field_limit: u64 = size("64KiB") [live];
        /// The largest queue message. Frames are stored in records that fit into one; a single frame that does not
        /// fit is stored anyway, and counted.
        queue_message_size_limit: u64 = count("1048576") also "QUEUE_MESSAGE_SIZE_LIMIT" [live];
    }
    "What the server tells trackers" {
        /// Clients compress batches above this size.
        compression_threshold: i64 = count("20000") also "COMPRESSION_THRESHOLD" [live];
        /// Whether clients record canvas elements.
        record_canvas: bool = switch("true") also "RECORD_CANVAS" [live];
        /// The quality of canvas frames: "low", "medium" or "high".
        canvas_quality: String = word("low") also "CANVAS_QUALITY" [live];
        /// Canvas frames per second.
        canvas_fps: u32 = count("1") also "CANVAS_FPS" [live];
        /// The protocol version named in the answer to a start.
        protocol_version: u32 = count("2") also "PROTOCOL_VERSION" [live];
        /// The quality of phones' screenshots: "low", "standard" or "high".
        mobile_quality: String = word("low") also "MOBILE_QUALITY" [live];
        /// Screenshots per second of phones.
        mobile_fps: u32 = count("1") also "MOBILE_FPS" [live];
    }
    "Sessions" {
        /// The worker id inside session ids, 0 to 65535, different for each server; "auto" takes it from the ECS
        /// metadata or the host's name.
        shard: Option<u16> = auto_count("auto");
        /// The host name for shard = "auto"; empty means the machine's own.
        hostname: Option<String> = optional_text("") also "HOSTNAME";
        /// The address of the ECS container metadata, for shard = "auto".
        ecs_container_metadata_uri: Option<String> = optional_text("") also "ECS_CONTAINER_METADATA_URI";
        /// A regexes.yaml of uap-core for reading user agents; empty means the built-in one.
        uaparser_file: Option<PathBuf> = optional_path("") also "UAPARSER_FILE";
        /// A MaxMind database of cities; if empty, every country is "UN".
        maxminddb_file: Option<PathBuf> = optional_path("") also "MAXMINDDB_FILE";
    }
    "Usability tests" {
        /// The largest recording of a usability test that takeup stores itself, when no bucket is set.
        recording_size_limit: u64 = size("256MiB") [live];
        /// Where browsers reach this server, such as `https://example.com/ingest`, for the URL to which such a
        /// recording is uploaded. Empty means what the request says (Host and X-Forwarded-Proto). Set it if a proxy
        /// changes the path or the host.
        public_url: Option<String> = optional_url("") [live];
    }
    "Delivery" {
        /// OpenReplay's database, as a URL or as `key=value` pairs: projects are read from it, sessions are written to
        /// it. If empty, projects are in projects.toml, and sessions stay in the log.
        postgres_string: Option<Secret> = optional_secret("") also "POSTGRES_STRING";
        /// How often projects are read from there. One that a request names and that is not known is looked up at once.
        postgres_refresh: Duration = duration("10s");
        /// Whether rows are written to that database: sessions, signals of usability tests, sessions that did not start.
        /// Switched off, projects are still read from it.
        postgres_rows: bool = switch("true");
        /// The name under which this server is known to the database.
        service_name: String = word("takeup") also "SERVICE_NAME";
        /// The Redis whose streams OpenReplay's services read, as a URL; without a scheme it is taken as redis://. If
        /// empty, nothing goes to Redis.
        redis_string: Option<Secret> = optional_secret("") also "REDIS_STRING";
        /// Whether messages go to Redis also if kafka_servers is set. If not, they go to Kafka alone: OpenReplay's paid
        /// edition reads them there, and has Redis for a cache.
        redis_beside_kafka: bool = switch("false");
        /// Whether the addresses in redis_string (separated by commas) are nodes of a cluster.
        redis_cluster: bool = switch("false");
        /// If the addresses in redis_string are Sentinels: the name of the master that they watch.
        redis_sentinel_master: Option<String> = optional_text("");
        /// When entries are removed from streams: "safe" removes only what every consumer group has acknowledged;
        /// "openreplay" does what OpenReplay's service did, whether entries have been read or not; "off" removes
        /// nothing.
        redis_trim: RedisTrim = mode("safe");
        /// How many entries a stream keeps: with redis_trim = "safe", of those that all groups have acknowledged;
        /// with "openreplay", of all.
        redis_streams_max_len: u64 = count("10000") also "REDIS_STREAMS_MAX_LEN";
        /// With redis_trim = "openreplay": entries older than this many seconds are removed, instead of those above
        /// redis_streams_max_len; 0 for none.
        redis_streams_ttl_sec: u64 = count("0") also "REDIS_STREAMS_TTL_SEC";
        /// With redis_trim = "safe": with more entries than this in a stream, shipping pauses until its readers catch
        /// up.
        redis_backlog_max: u64 = count("1000000");
        /// With redis_trim = "safe": consumer groups that are gone for good, and count for nothing, as STREAM/GROUP
        /// separated by commas.
        redis_ignore_groups: Option<String> = optional_text("");
        /// How far back what was delivered to Redis stays in the log, to be delivered again should Redis lose it.
        redis_resend: Duration = duration("10m");
        /// Another takeup to which all records are handed on, such as `https://example.com/ingest`; if empty, none. Needs
        /// forward_secret.
        forward_url: Option<String> = optional_url("");
        /// What proves that a takeup may hand records to another one: the same text on both, of 16 characters or more.
        /// With it, this server takes records from other takeups; if empty, from none.
        forward_secret: Option<Secret> = optional_secret("");
        /// A folder for files with all records as NDJSON; if empty, none are written. It is made if it is missing.
        file_path: Option<PathBuf> = optional_path("");
        /// A file of this size or more is finished, and another one begun.
        file_rotate_bytes: u64 = size("256MiB");
        /// A file that was begun this long ago is finished, too.
        file_rotate_age: Duration = duration("1h");
        /// How much is shipped at once, in bytes of records and messages. Each courier holds up to three times as
        /// much in memory, and at least three records.
        shipment_bytes: usize = size("1MiB");
        /// How many records are shipped at once.
        shipment_records: usize = count("1000");
    }
    "Kafka" {
        /// The brokers of the Kafka whose topics OpenReplay's services read: HOST:PORT, several separated by commas. If
        /// empty, nothing goes to Kafka.
        kafka_servers: Option<String> = optional_brokers("") also "KAFKA_SERVERS";
        /// Whether the brokers are reached by TLS.
        kafka_use_ssl: bool = switch("false") also "KAFKA_USE_SSL";
        /// With TLS: the file of the authorities' certificates (PEM); empty means the system's.
        kafka_ssl_ca: Option<PathBuf> = optional_path("") also "KAFKA_SSL_CA";
        /// With TLS: the file of this server's own certificate (PEM), if the brokers ask for one.
        kafka_ssl_cert: Option<PathBuf> = optional_path("") also "KAFKA_SSL_CERT";
        /// The file of its key (PEM).
        kafka_ssl_key: Option<PathBuf> = optional_path("") also "KAFKA_SSL_KEY";
        /// Whether the brokers are logged in to by Kerberos. It needs the program kinit.
        kafka_use_kerberos: bool = switch("false") also "KAFKA_USE_KERBEROS";
        /// With Kerberos: the name of the brokers' service; empty means kafka.
        kerberos_service_name: Option<String> = optional_text("") also "KERBEROS_SERVICE_NAME";
        /// With Kerberos: this server's principal.
        kerberos_principal: Option<String> = optional_text("") also "KERBEROS_PRINCIPAL";
        /// With Kerberos: the file of its keys (keytab).
        kerberos_keytab_location: Option<PathBuf> = optional_path("") also "KERBEROS_KEYTAB_LOCATION";
        /// How messages are compressed: "none", "gzip", "snappy", "lz4" or "zstd".
        compression_type: KafkaCompression = mode("zstd") also "COMPRESSION_TYPE";
        /// The number of partitions that OpenReplay's services reckon with (their PARTITIONS_NUMBER). No topic may have
        /// fewer.
        kafka_partitions: NonZeroU16 = count("16");
        /// How far back what was delivered to Kafka stays in the log, to be delivered again should Kafka lose it.
        kafka_resend: Duration = duration("10m");
        /// Further options of librdkafka's, such as a login by SASL: "name=value", separated by semicolons. A backslash
        /// stands before a semicolon or a backslash that belongs to a value. Never printed.
        kafka_options: KafkaOptions = kafka_options("");
    }
    "Object store" {
        /// Where sealed segments of the log are copied to: `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX`,
        /// `az://CONTAINER/PREFIX` or `file:///FOLDER`; empty means nowhere. Segments are kept until they are there.
        segments_url: Option<StoreUrl> = optional_store("");
        /// Where the archive is copied to, as segments_url says: empty means nowhere. The archive in the data folder stays.
        archive_store: Option<StoreUrl> = optional_store("");
        /// The kind of object store for recordings of usability tests: "aws" is S3, or anything that speaks its
        /// protocol.
        cloud: String = word("aws") also "CLOUD";
        /// The bucket; if empty, recordings go to takeup's own log. A bucket without keys counts as none.
        bucket_name: Option<String> = optional_text("") also "BUCKET_NAME";
        /// The bucket's region; empty means us-east-1.
        aws_region: Option<String> = optional_text("") also "AWS_REGION";
        /// The store's URL; empty means Amazon's.
        aws_endpoint: Option<String> = optional_url("") also "AWS_ENDPOINT";
        /// The key for the bucket, segments_url and archive_store. If empty, those two use the role of the container or machine.
        aws_access_key_id: Option<String> = optional_text("") also "AWS_ACCESS_KEY_ID";
        /// Its secret.
        aws_secret_access_key: Option<Secret> = optional_secret("") also "AWS_SECRET_ACCESS_KEY";
        /// The storage account of a segments_url or archive_store that begins with `az://`.
        azure_account_name: Option<String> = optional_text("") also "AZURE_ACCOUNT_NAME";
        /// Its key. If empty, the identity of the container or machine is used.
        azure_account_key: Option<Secret> = optional_secret("") also "AZURE_ACCOUNT_KEY";
    }
    "Log" {
        /// How records get to the disk: "mapped" through the page cache, "direct" past it, or "auto": direct where that
        /// is possible.
        writer: Writer = mode("auto");
        /// The size of a segment file.
        segment_bytes: u64 = size("64MiB");
        /// Bytes kept ready in memory ahead of the cursor, per core. No record can be larger.
        window_bytes: u64 = size("8MiB");
        /// Whether segments are filled with zeros beforehand: each commit is then faster, but each byte is written
        /// twice. Only with ack = "disk", and not while a core appends more than 16 MiB a second, because commits are
        /// few then.
        format_ahead: bool = switch("true");
        /// Bytes after which a group is committed without waiting for more.
        group_bytes_max: u64 = size("8MiB");
        /// Memory per core that keeps what was written directly, in blocks of group_bytes_max, for those who follow the log. At some hundred MB a
        /// second less lets the thread that hashes segments fall behind and read them back from the disk.
        recent_bytes: u64 = size("64MiB");
        /// How far couriers and the archive look back in the log for the first sending of a batch that comes again: it is not handed on
        /// twice. Each takes up to 30 MB of memory for 256 MiB, and reads so much again when it starts. 0 hands on every batch.
        repeat_window: u64 = size("256MiB");
        /// The longest time between syncs with ack = "memory".
        sync_interval: Duration = duration("50ms");
        /// Free disk space below which requests are refused with 503. Starts are accepted down to half of it.
        reserve_bytes: u64 = size("64MiB");
        /// A segment older than this is sealed even if it is not full.
        seal_age: Duration = duration("10m");
        /// A sync that takes longer than this is counted as slow, and logged at most once a minute.
        slow_sync: Duration = duration("250ms");
        /// Use a file system even if nothing is known about its durability.
        insist_file_system: bool = switch("false");
    }
    "Retention" {
        /// How long records are kept, such as "720h" (30 days); 0 means for ever. A project's retain_days in
        /// projects.toml takes precedence. What a registered consumer has not read is kept in any case.
        retain_age: Duration = duration("0") [live];
        /// When records leave the log: "until expired", by the settings here; "until archived", also once they are in the archive
        /// (archive = true) and all registered consumers have read them.
        retain_log: RetainLog = mode("until expired");
        /// The most disk space that the log may take, prepared segments included; 0 means no limit. The oldest
        /// segments are deleted first; what a registered consumer has not read is kept.
        retain_bytes: u64 = size("0") [live];
        /// How far forward the machine's clock may jump and still be believed, once the new time has held for ten
        /// minutes. After a larger jump nothing is deleted by age until this is raised. A jump of a second or less is
        /// followed at once.
        clock_jump_max: Duration = duration("24h") [live];
        /// How long rows are kept in the archive; 0 means for ever. They leave by whole hours. A project's retain_days takes
        /// precedence here, too.
        archive_retain_age: Duration = duration("0") [live];
        /// The most disk space that the archive may take; 0 means no limit. The oldest hours are deleted first, the newest
        /// stays.
        archive_retain_bytes: u64 = size("0") [live];
        /// What to do when the disk is nearly full (below twice reserve_bytes, or below reserve_bytes and a segment): "hold"
        /// deletes nothing, so that requests are refused in the end; "drop-delivered" deletes the oldest segments that all
        /// registered consumers have read; "drop-oldest" then also what they have not read, and counts it.
        full_disk: FullDisk = mode("hold") [live];
        /// How many bytes of a deleted segment are given back to the disk at a time.
        retain_step_bytes: u64 = size("4MiB") [live];
    }
    "Archive" {
        /// Whether the server puts the log's records into an archive of Parquet files, `archive/` in the data folder. Segments are
        /// kept until they are in it. `takeup compact` does the same by hand.
        archive: bool = switch("false");
        /// How old records get before they are put there. When there are many, they are put there sooner.
        archive_flush: Duration = duration("5m") [live];
        /// The share of one processor that this may take, in percent. It runs with the lowest priority.
        archive_budget_percent: u8 = count("50") [live];
        /// The most bytes a second that it reads from the log and writes, on average; 0 means no limit.
        archive_rate_max: u64 = size("0") [live];
    }
    "Kept assets" {
        /// The largest style sheet, picture or font of a recorded site that `takeup assets` keeps.
        asset_bytes_max: u64 = size("8MiB");
        /// How much of them is kept in all. Those that were added first leave when there are more.
        assets_bytes: u64 = size("1GiB");
    }
    "Changes" {
        /// How long something must be missing from projects.toml, secrets/token or takeup.toml before it counts as
        /// removed. Until then it stays in force, because the file may only be half written. Ten times as long if a
        /// file has lost more than half of its contents. Additions and changes take effect at once. 0 means that
        /// removals do, too.
        removal_grace: Duration = duration("60s") [live];
    }
    "Queue names" {
        /// The queue for web batches and session starts.
        topic_raw_web: String = topic("raw") also "TOPIC_RAW_WEB";
        /// The queue for what phones send.
        topic_raw_ios: String = topic("raw-ios") also "TOPIC_RAW_IOS";
        /// The queue for phones' screenshots.
        topic_raw_images: String = topic("raw-images") also "TOPIC_RAW_IMAGES";
        /// The queue for pictures of canvas elements.
        topic_canvas_images: String = topic("canvas-images") also "TOPIC_CANVAS_IMAGES";
        /// The queue for batches whose assets are to be rewritten.
        topic_raw_assets: String = topic("raw-assets") also "TOPIC_RAW_ASSETS";
        /// The queue for what the analytics SDK sends.
        topic_raw_analytics: String = topic("raw-analytics") also "TOPIC_RAW_ANALYTICS";
    }
    "Telemetry" {
        /// Which requests are logged: "all", "errors", or "sampled" (errors, and one in log_sample of the others).
        log_requests: LogRequests = mode("all") [live];
        /// With log_requests = "sampled", one in this many requests is logged.
        log_sample: u32 = count("100") [live];
        /// The lowest level of log lines about the service itself: "debug", "info", "warn" or "error". DEBUG=true in
        /// the environment means "debug". For requests, see log_requests.
        log_level: LogLevel = mode("info") [live];
    }
}
