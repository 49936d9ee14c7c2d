//! Values that are out of range, or that contradict each other.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::buffers;
use super::modes::{RetainLog, Unusable};
use super::settings::Config;

/// A conflict, and the settings that cause it.
#[derive(Debug, Clone)]
pub(super) struct Conflict {
    pub settings: Vec<&'static str>,
    pub problem: String,
}

/// Bytes of a commit group that only starts may use, plus room for headers: a batch must fit beside them.
const GROUP_OVERHEAD_BYTES: u64 = 256 * 1024 + 16 * 1024;

/// The largest segment size: record ends must fit the log format's 32-bit count of 64-byte units.
const SEGMENT_BYTES_MAX: u64 = 4 << 30;

/// The oldest that records get before they are put into the archive: a chunk of them waits in memory.
const ARCHIVE_FLUSH_MAX: Duration = Duration::from_secs(24 * 3600);

#[derive(Default)]
struct Found(Vec<Conflict>);

impl Found {
    fn add(&mut self, settings: &[&'static str], problem: String) {
        self.0.push(Conflict { settings: settings.to_vec(), problem });
    }
}

impl Config {
    /// Whether messages go to Redis. Beside Kafka it is a cache of OpenReplay's paid edition, whose streams nobody reads.
    pub fn redis_gets_messages(&self) -> bool {
        self.redis_string.is_some() && (self.kafka_servers.is_none() || self.redis_beside_kafka)
    }

    /// The largest batch that the log takes, whatever a project's own limit is.
    pub fn batch_bytes_max(&self) -> u64 {
        let buffered = buffers::body_within(self.inflight_bytes_max as u64);
        self.group_bytes_max.saturating_sub(GROUP_OVERHEAD_BYTES).min(buffered)
    }

    /// The largest picture: it must fit into one record.
    pub fn frame_bytes_max(&self) -> u64 {
        self.frame_size_limit.min(self.group_bytes_max.saturating_sub(GROUP_OVERHEAD_BYTES))
    }

    /// The largest target size for a queue message: what one message carries must fit into one record.
    pub fn message_bytes_max(&self) -> u64 {
        self.queue_message_size_limit.min(self.group_bytes_max.saturating_sub(GROUP_OVERHEAD_BYTES))
    }

    /// The largest unpacked size of an upload, which is held in memory.
    pub fn upload_bytes_max(&self) -> u64 {
        self.upload_inflated_limit.min(self.inflight_bytes_max as u64 / 2)
    }
}

/// All conflicts.
pub(super) fn find(config: &Config) -> Vec<Conflict> {
    let mut found = Found::default();
    values(config, &mut found);
    sizes(config, &mut found);
    memory(config, &mut found);
    requests(config, &mut found);
    found.0
}

fn values(config: &Config, found: &mut Found) {
    if clash(config.listen, config.admin) {
        let problem = match config.listen == config.admin {
            true => format!("listen and admin are both {}: give them different ports", config.listen),
            false => format!(
                "listen = {} and admin = {} can't both be listened on: give them different ports",
                config.listen, config.admin
            ),
        };
        found.add(&["listen", "admin"], problem);
    }
    if config.cores == Some(0) {
        found.add(&["cores"], "cores = 0: at least one is needed; \"auto\" follows the machine".to_owned());
    }
    if !(1..=100).contains(&config.check_budget_percent) {
        let problem = format!("check_budget_percent = {}: expected 1 to 100", config.check_budget_percent);
        found.add(&["check_budget_percent"], problem);
    }
    if !(1..=100).contains(&config.archive_budget_percent) {
        let problem = format!("archive_budget_percent = {}: expected 1 to 100", config.archive_budget_percent);
        found.add(&["archive_budget_percent"], problem);
    }
    if config.retain_log == RetainLog::UntilArchived && !config.archive {
        let problem = "retain_log = \"until archived\" needs archive = true: without an archive nothing would ever leave the log for it";
        found.add(&["retain_log", "archive"], problem.to_owned());
    }
    if !(Duration::from_millis(100)..=ARCHIVE_FLUSH_MAX).contains(&config.archive_flush) {
        found.add(&["archive_flush"], "archive_flush: expected 100ms to 24h".to_owned());
    }
    if !(1..=65_536).contains(&config.handovers_max) {
        let problem = format!("handovers_max = {}: expected 1 to 65536", config.handovers_max);
        found.add(&["handovers_max"], problem);
    }
    if !(1..=1 << 24).contains(&config.limit_entries_max) {
        let problem = format!("limit_entries_max = {}: expected 1 to 16777216", config.limit_entries_max);
        found.add(&["limit_entries_max"], problem);
    }
    if !(1..=100).contains(&config.project_share_percent) {
        let problem = format!("project_share_percent = {}: expected 1 to 100", config.project_share_percent);
        found.add(&["project_share_percent"], problem);
    }
    if config.forward_url.is_some() && config.forward_secret.is_none() {
        let problem = "forward_url needs forward_secret: the same text as on the other takeup";
        found.add(&["forward_url", "forward_secret"], problem.to_owned());
    }
    if config.admin_token.as_ref().is_some_and(|token| token.reveal().len() < 16) {
        found.add(&["admin_token"], "admin_token: expected at least 16 characters".to_owned());
    }
    if config.forward_secret.as_ref().is_some_and(|secret| secret.reveal().len() < 16) {
        found.add(&["forward_secret"], "forward_secret: expected at least 16 characters".to_owned());
    }
    let log = config.data.join("log");
    if let Some(dir) = config.file_path.as_ref().filter(|dir| dir.starts_with(&log)) {
        let problem = format!("file_path = {:?}: the log's own folder; name another one", dir.display().to_string());
        found.add(&["file_path"], problem);
    }
    if config.canvas_fps > 60 {
        found.add(&["canvas_fps"], format!("canvas_fps = {}: expected 0 to 60", config.canvas_fps));
    }
    for (name, value) in [
        ("log_sample", u64::from(config.log_sample)),
        ("shipment_bytes", config.shipment_bytes as u64),
        ("shipment_records", config.shipment_records as u64),
        ("file_rotate_bytes", config.file_rotate_bytes),
        ("connections_max", config.connections_max as u64),
        ("json_size_limit", config.json_size_limit),
        ("json_inflated_limit", config.json_inflated_limit),
        ("beacon_size_limit", config.beacon_size_limit),
        ("body_inflated_limit", config.body_inflated_limit),
        ("recording_size_limit", config.recording_size_limit),
        ("unusable_size_limit", config.unusable_size_limit),
        ("unusable_bytes_max", config.unusable_bytes_max),
        ("file_size_limit", config.file_size_limit),
        ("upload_inflated_limit", config.upload_inflated_limit),
        ("frame_size_limit", config.frame_size_limit),
        ("upload_parts_max", config.upload_parts_max),
        ("part_head_limit", config.part_head_limit),
        ("queue_message_size_limit", config.queue_message_size_limit),
        ("group_bytes_max", config.group_bytes_max),
    ] {
        if value == 0 {
            found.add(&[name], format!("{name} = 0: it must be at least 1"));
        }
    }
    for (name, value) in [
        ("idle_timeout", config.idle_timeout),
        ("head_timeout", config.head_timeout),
        ("sync_interval", config.sync_interval),
        ("seal_age", config.seal_age),
        ("file_rotate_age", config.file_rotate_age),
    ] {
        if value < Duration::from_millis(1) {
            found.add(&[name], format!("{name}: it must be at least 1ms"));
        }
    }
}

/// What is kept in memory, below what a machine may have of it.
fn memory(config: &Config, found: &mut Found) {
    for (name, value, most) in [
        ("recent_bytes", config.recent_bytes, 64 << 30),
        // A gibibyte of memory for each courier.
        ("repeat_window", config.repeat_window, 16 << 30),
    ] {
        if value > most {
            found.add(&[name], format!("{name} = {value}: it must be at most {}GiB", most >> 30));
        }
    }
}

/// Whether two sockets conflict if they listen on these addresses.
fn clash(a: SocketAddr, b: SocketAddr) -> bool {
    // By Linux's default, an IPv6 wildcard socket takes IPv4 connections too.
    let covers = |all: IpAddr, other: IpAddr| all.is_unspecified() && (all.is_ipv6() || other.is_ipv4());
    let overlap = a.ip() == b.ip() || covers(a.ip(), b.ip()) || covers(b.ip(), a.ip());
    a.port() == b.port() && a.port() != 0 && overlap
}

/// The log's sizes, which must fit into each other.
fn sizes(config: &Config, found: &mut Found) {
    let Config { segment_bytes, window_bytes, group_bytes_max, .. } = *config;
    for (name, bytes) in [("segment_bytes", segment_bytes), ("window_bytes", window_bytes)] {
        if bytes < 4 * 4096 || bytes % 4096 != 0 {
            found.add(&[name], format!("{name} = {bytes}: expected a multiple of 4096, at least 16384"));
        }
    }
    if segment_bytes > SEGMENT_BYTES_MAX {
        let problem = format!("segment_bytes = {segment_bytes}: at most {SEGMENT_BYTES_MAX} (4GiB)");
        found.add(&["segment_bytes"], problem);
    }
    // Each core always has two segments: the current one and the next. With fewer in total, all sealed ones would be deleted at once.
    let cores = u64::from(config.cores.unwrap_or(1)).max(1);
    let least = segment_bytes.saturating_mul(2 * cores);
    if config.retain_bytes != 0 && config.retain_bytes < least {
        let bytes = config.retain_bytes;
        let problem = format!(
            "retain_bytes = {bytes} is less than two segments a core, of {segment_bytes} bytes, which are always there: at least {least}, or 0 for no cap"
        );
        found.add(&["retain_bytes", "segment_bytes"], problem);
    }
    if config.retain_step_bytes < 4096 {
        let problem = format!("retain_step_bytes = {}: it must be at least 4096", config.retain_step_bytes);
        found.add(&["retain_step_bytes"], problem);
    }
    if window_bytes >= segment_bytes {
        let problem = format!(
            "window_bytes = {window_bytes} must be smaller than segment_bytes = {segment_bytes}: it slides inside one"
        );
        found.add(&["window_bytes", "segment_bytes"], problem);
    }
    if group_bytes_max > window_bytes {
        let problem = format!(
            "group_bytes_max = {group_bytes_max} must not be above window_bytes = {window_bytes}: a group lies within it"
        );
        found.add(&["group_bytes_max", "window_bytes"], problem);
    }
}

/// The request limits that the log and the buffers must accommodate.
fn requests(config: &Config, found: &mut Found) {
    // This much is reserved for each upload being read.
    let most = config.inflight_bytes_max as u64 / 4;
    if config.part_head_limit > most {
        let problem =
            format!("part_head_limit = {}: at most a quarter of inflight_bytes_max, {most}", config.part_head_limit);
        found.add(&["part_head_limit", "inflight_bytes_max"], problem);
    }
    if config.unusable == Unusable::Keep && config.unusable_size_limit > config.batch_bytes_max() {
        let problem = format!(
            "unusable_size_limit = {}: the log takes no batch above {} (see group_bytes_max and inflight_bytes_max)",
            config.unusable_size_limit,
            config.batch_bytes_max()
        );
        found.add(&["unusable_size_limit", "group_bytes_max", "inflight_bytes_max"], problem);
    }
    let group_bytes_max = config.group_bytes_max;
    for (name, limit) in [("beacon_size_limit", config.beacon_size_limit), ("json_size_limit", config.json_size_limit)]
    {
        if limit.saturating_add(GROUP_OVERHEAD_BYTES) > group_bytes_max {
            let problem = format!(
                "{name} = {limit} does not fit group_bytes_max = {group_bytes_max}, which must be {GROUP_OVERHEAD_BYTES} larger"
            );
            found.add(&[name, "group_bytes_max"], problem);
        }
        let needed = buffers::buffer_for(limit).unwrap_or(u64::MAX);
        if needed > config.inflight_bytes_max as u64 {
            let budget = config.inflight_bytes_max;
            let problem = format!(
                "{name} = {limit} needs a buffer of {needed} bytes, which is above inflight_bytes_max = {budget}"
            );
            found.add(&[name, "inflight_bytes_max"], problem);
        }
    }
}
