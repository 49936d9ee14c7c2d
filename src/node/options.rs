//! Translates the settings into options for each part of a server. The parts do not know the settings; the two meet here, and in
//! [`Live::of`](crate::server::core::live::Live::of) for what the cores use.

#[cfg(feature = "archive")]
use std::collections::BTreeMap;
#[cfg(feature = "archive")]
use std::time::Duration;

use crate::admin::AccessOptions;
use crate::bucket::BucketSettings;
use crate::config::{self, Config, LogLevel, Secret};
use crate::courier::queue::{QueuePacker, TopicNames};
use crate::courier::redis::{IgnoredGroups, OpenReplayTrim, RedisTrim, SafeTrim};
#[cfg(feature = "archive")]
use crate::log::retain::Retain;
use crate::log::retain::{FullDisk, Policy};
use crate::log::{Ack, Options, Way};
use crate::server::core::runtime::Driver;
use crate::telemetry::{Level, LogOptions};

/// The logger's options.
pub fn logger(config: &Config) -> LogOptions {
    LogOptions { level: level(config), ..LogOptions::default() }
}

/// Who may see recordings on the admin port.
pub fn access(config: &Config) -> AccessOptions {
    let hosts = config.admin_hosts.as_deref().unwrap_or_default();
    AccessOptions {
        token: config.admin_token.as_ref().map(|token| token.reveal().to_owned()),
        hosts: hosts.split([',', ' ']).filter(|host| !host.is_empty()).map(str::to_owned).collect(),
    }
}

/// The minimum level of lines about the service.
pub fn level(config: &Config) -> Level {
    match config.log_level {
        LogLevel::Debug => Level::Debug,
        LogLevel::Info => Level::Info,
        LogLevel::Warn => Level::Warn,
        LogLevel::Error => Level::Error,
    }
}

/// The log's options, for this many cores on this driver.
pub fn log(config: &Config, cores: u16, driver: Driver) -> Options {
    Options {
        dir: config.data.join("log"),
        cores,
        ack: match config.ack {
            config::Ack::Disk => Ack::Disk,
            config::Ack::Memory => Ack::Memory,
        },
        way: match config.writer {
            // With epoll, a core has no ring to write with.
            config::Writer::Auto if driver == Driver::Legacy => Way::Mapped,
            config::Writer::Auto => Way::Auto,
            config::Writer::Direct => Way::Direct,
            config::Writer::Mapped => Way::Mapped,
        },
        segment_bytes: config.segment_bytes,
        window_bytes: config.window_bytes,
        format_ahead: config.format_ahead && config.ack == config::Ack::Disk,
        group_bytes_max: config.group_bytes_max,
        recent_bytes: config.recent_bytes,
        sync_interval: config.sync_interval,
        reserve_bytes: config.reserve_bytes,
        seal_age: config.seal_age,
        slow_sync: config.slow_sync,
        insist: config.insist_file_system,
        ..Options::default()
    }
}

/// What to delete from the log, as far as the settings decide it.
pub fn retention(config: &Config) -> Policy {
    Policy {
        age: Some(config.retain_age).filter(|age| !age.is_zero()),
        bytes: Some(config.retain_bytes).filter(|&bytes| bytes != 0),
        full_disk: match config.full_disk {
            config::FullDisk::Hold => FullDisk::Hold,
            config::FullDisk::DropDelivered => FullDisk::DropDelivered,
            config::FullDisk::DropOldest => FullDisk::DropOldest,
        },
        step_bytes: config.retain_step_bytes,
    }
}

/// What to delete from the archive, by the settings and the ages of projects.
#[cfg(feature = "archive")]
pub fn archive_retention(config: &Config, projects: BTreeMap<u32, Option<Duration>>) -> Retain {
    Retain {
        age: Some(config.archive_retain_age).filter(|age| !age.is_zero()),
        bytes: Some(config.archive_retain_bytes).filter(|&bytes| bytes != 0),
        projects,
    }
}

/// The bucket for recordings of usability tests.
pub fn bucket(config: &Config) -> BucketSettings<'_> {
    BucketSettings {
        cloud: &config.cloud,
        name: config.bucket_name.as_deref(),
        region: config.aws_region.as_deref(),
        endpoint: config.aws_endpoint.as_deref(),
        key_id: config.aws_access_key_id.as_deref(),
        secret_key: config.aws_secret_access_key.as_ref().map(Secret::reveal),
    }
}

/// The names of the queues' topics.
pub fn topics(config: &Config) -> TopicNames {
    TopicNames {
        raw: config.topic_raw_web.clone(),
        raw_ios: config.topic_raw_ios.clone(),
        raw_images: config.topic_raw_images.clone(),
        canvas_images: config.topic_canvas_images.clone(),
        raw_assets: config.topic_raw_assets.clone(),
        raw_analytics: config.topic_raw_analytics.clone(),
    }
}

/// What makes queue messages.
pub fn queue_packer(config: &Config) -> QueuePacker {
    let bytes = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
    QueuePacker::new(bytes(config.queue_message_size_limit), bytes(config.body_inflated_limit))
}

/// When entries are removed from Redis streams.
///
/// # Errors
/// `redis_ignore_groups` can't be used.
pub fn redis_trim(config: &Config) -> Result<RedisTrim, String> {
    Ok(match config.redis_trim {
        config::RedisTrim::Off => RedisTrim::Off,
        config::RedisTrim::OpenReplay => RedisTrim::OpenReplay(OpenReplayTrim {
            max_len: config.redis_streams_max_len,
            ttl_sec: config.redis_streams_ttl_sec,
        }),
        config::RedisTrim::Safe => RedisTrim::Safe(SafeTrim {
            max_len: config.redis_streams_max_len,
            backlog_max: config.redis_backlog_max,
            ignored: IgnoredGroups::parse(config.redis_ignore_groups.as_deref().unwrap_or_default())?,
        }),
    })
}
