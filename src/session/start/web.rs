//! The body of `POST /v1/web/start`, read leniently and cleaned before anything uses it.

use crate::base::text::{clean, clean_bytes};
use crate::codec::json::{Fields, JsonError, JsonScratch, Mismatch, Value, read, set_bool, set_integer, set_text};

use super::bounds::{REVISION_CHARS_MAX, TIMEZONE_CHARS_MAX, TRACKER_CHARS_MAX, USER_ID_BYTES_MAX};
use super::tracker_version;

/// The oldest tracker that is served.
const OLDEST: [u64; 3] = [6, 0, 0];

/// A client's claim about how long it has been buffering is believed below this, in ms.
const BUFFER_DIFF_MAX_MS: u64 = 300_000;
/// How far an offline client's clock may be ahead of ours, in ms: a day.
const AHEAD_MAX_MS: i64 = 86_400_000;

/// A browser's start request. Its buffers are reused.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct WebStartRequest {
    /// The token of an earlier session that should be resumed; empty for none.
    pub token: String,
    /// UUID of the user, as sent; empty for none.
    pub user_uuid: String,
    /// Revision of the recorded site.
    pub revision: String,
    /// The client's clock, ms since the Unix epoch.
    pub timestamp_ms: i64,
    /// The client's time zone, as sent.
    pub timezone: String,
    /// Version of the tracker.
    pub tracker_version: String,
    /// Memory of the device in MB.
    pub device_memory: u64,
    /// Limit of the JavaScript heap in bytes.
    pub heap_limit: u64,
    /// Whether there is a project key, even an empty one.
    pub has_project_key: bool,
    /// The project's key.
    pub project_key: String,
    /// A new session is wanted even if the token is valid.
    pub reset: bool,
    /// The name that the site gave the user.
    pub user_id: String,
    /// A token is wanted, but nothing is to be recorded.
    pub do_not_record: bool,
    /// How long the client had been buffering, in ms.
    pub buffer_diff_ms: u64,
    /// The client was offline: its timestamp is when the session started.
    pub is_offline: bool,
    /// Name of the capture condition.
    pub condition: String,
    /// Width of the screen.
    pub width: i64,
    /// Height of the screen.
    pub height: i64,
    is_snippet: bool,
}

impl Fields for WebStartRequest {
    const TYPE: &'static str = "StartSessionRequest";

    fn clear(&mut self) {
        // Destructured so that the compiler notices a field that is missing here.
        let Self {
            token,
            user_uuid,
            revision,
            timestamp_ms,
            timezone,
            tracker_version,
            device_memory,
            heap_limit,
            has_project_key,
            project_key,
            reset,
            user_id,
            do_not_record,
            buffer_diff_ms,
            is_offline,
            condition,
            width,
            height,
            is_snippet,
        } = self;
        for text in [token, user_uuid, revision, timezone, tracker_version, project_key, user_id, condition] {
            text.clear();
        }
        for truth in [has_project_key, reset, do_not_record, is_offline, is_snippet] {
            *truth = false;
        }
        (*timestamp_ms, *width, *height) = (0, 0, 0);
        (*device_memory, *heap_limit, *buffer_diff_ms) = (0, 0, 0);
    }

    fn set(&mut self, key: &str, value: Value<'_>) -> Result<(), Mismatch> {
        match key {
            "token" => set_text(&mut self.token, value, "token"),
            "useruuid" => {
                if value == Value::Null {
                    self.user_uuid.clear();
                }
                set_text(&mut self.user_uuid, value, "userUUID")
            }
            "revid" => set_text(&mut self.revision, value, "revID"),
            "timestamp" => set_integer(&mut self.timestamp_ms, value, "timestamp", "int64"),
            "timezone" => set_text(&mut self.timezone, value, "timezone"),
            "trackerversion" => set_text(&mut self.tracker_version, value, "trackerVersion"),
            "issnippet" => set_bool(&mut self.is_snippet, value, "isSnippet"),
            "devicememory" => set_integer(&mut self.device_memory, value, "deviceMemory", "uint64"),
            "jsheapsizelimit" => set_integer(&mut self.heap_limit, value, "jsHeapSizeLimit", "uint64"),
            "projectkey" => {
                self.has_project_key = value != Value::Null;
                set_text(&mut self.project_key, value, "projectKey")
            }
            "reset" => set_bool(&mut self.reset, value, "reset"),
            "userid" => set_text(&mut self.user_id, value, "userID"),
            "donotrecord" => set_bool(&mut self.do_not_record, value, "doNotRecord"),
            "bufferdiff" => set_integer(&mut self.buffer_diff_ms, value, "bufferDiff", "uint64"),
            "isoffline" => set_bool(&mut self.is_offline, value, "isOffline"),
            "condition" => set_text(&mut self.condition, value, "condition"),
            "width" => set_integer(&mut self.width, value, "width", "int"),
            "height" => set_integer(&mut self.height, value, "height", "int"),
            _ => Ok(()),
        }
    }
}

impl WebStartRequest {
    /// Replaces the content with the JSON in `body`, cleaned: NUL bytes, which databases refuse, are removed; texts are cut on a character
    /// boundary; numbers are limited to what their columns hold.
    pub fn read(&mut self, body: &[u8], scratch: &mut JsonScratch) -> Result<(), JsonError> {
        read(body, self, scratch)?;
        clean(&mut self.tracker_version, TRACKER_CHARS_MAX);
        clean(&mut self.revision, REVISION_CHARS_MAX);
        clean(&mut self.timezone, TIMEZONE_CHARS_MAX);
        clean_bytes(&mut self.user_id, USER_ID_BYTES_MAX);
        self.device_memory = self.device_memory.min(i32::MAX as u64);
        self.heap_limit = self.heap_limit.min(i64::MAX as u64);
        self.width = self.width.clamp(i32::MIN.into(), i32::MAX.into());
        self.height = self.height.clamp(i32::MIN.into(), i32::MAX.into());
        Ok(())
    }

    /// Whether the tracker's version is supported: 6.0.0 or later.
    pub fn tracker_is_supported(&self) -> bool {
        tracker_version::at_least(&self.tracker_version, OLDEST)
    }

    /// When the session started, ms since the Unix epoch: now, or when the client says that its buffer began, or, for an offline client, the
    /// time by its clock if that is plausible.
    pub fn started_ms(&self, now_ms: i64) -> i64 {
        if self.is_offline {
            let believable = 0..=now_ms.saturating_add(AHEAD_MAX_MS);
            if believable.contains(&self.timestamp_ms) {
                return self.timestamp_ms;
            }
        } else if self.buffer_diff_ms < BUFFER_DIFF_MAX_MS {
            return now_ms.saturating_sub_unsigned(self.buffer_diff_ms);
        }
        now_ms
    }
}

#[cfg(test)]
mod tests;
