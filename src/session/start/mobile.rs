//! The body of `POST /v1/mobile/start`, read leniently and cleaned before anything uses it.

use crate::base::text::clean;
use crate::codec::json::{
    Fields, JsonError, JsonScratch, Mismatch, Value, read_first, set_bool, set_integer, set_rounded, set_text,
};

use super::bounds::{DEVICE_CHARS_MAX, REVISION_CHARS_MAX, TIMEZONE_CHARS_MAX, TRACKER_CHARS_MAX};
use super::tracker_version;

/// The oldest tracker that is served.
const OLDEST: [u64; 3] = [1, 0, 9];

/// A phone's start request. Its buffers are reused.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct MobileStartRequest {
    /// The token of an earlier session that should be resumed; empty for none.
    pub token: String,
    /// Whether there is a project key, even an empty one.
    pub has_project_key: bool,
    /// The project's key.
    pub project_key: String,
    /// `projectID` as old clients send it, a number or a text; empty for none.
    pub project_id: String,
    /// Version of the tracker.
    pub tracker_version: String,
    /// Revision of the recorded app.
    pub revision: String,
    /// UUID of the user, as sent; empty for none.
    pub user_uuid: String,
    /// Version of the operating system.
    pub os_version: String,
    /// The device's model identifier, such as `iPhone14,5`.
    pub device: String,
    /// Android: `mobile` or `tablet`. iOS: a name for people, which is not used here.
    pub device_type: String,
    /// `android` or `ios`; empty from trackers that exist for one platform only.
    pub platform: String,
    /// The client's clock, ms since the Unix epoch.
    pub timestamp_ms: u64,
    /// The client's time zone, as sent.
    pub timezone: String,
    /// The device's memory in KiB, the unit that trackers use.
    pub device_memory: u64,
    /// A token is wanted, but nothing is to be recorded.
    pub do_not_record: bool,
    /// Name of the capture condition.
    pub condition: String,
    /// Width of the screen. iOS trackers send it as a floating-point number.
    pub width: i64,
    /// Height of the screen, likewise.
    pub height: i64,
}

impl Fields for MobileStartRequest {
    const PACKAGE: &'static str = "mobile";
    const TYPE: &'static str = "StartMobileSessionRequest";

    fn clear(&mut self) {
        // Destructured so that the compiler notices a field that is missing here.
        let Self {
            token,
            has_project_key,
            project_key,
            project_id,
            tracker_version,
            revision,
            user_uuid,
            os_version,
            device,
            device_type,
            platform,
            timestamp_ms,
            timezone,
            device_memory,
            do_not_record,
            condition,
            width,
            height,
        } = self;
        for text in [token, project_key, project_id, tracker_version, revision, user_uuid, os_version] {
            text.clear();
        }
        for text in [device, device_type, platform, timezone, condition] {
            text.clear();
        }
        (*has_project_key, *do_not_record) = (false, false);
        (*timestamp_ms, *device_memory) = (0, 0);
        (*width, *height) = (0, 0);
    }

    fn set(&mut self, key: &str, value: Value<'_>) -> Result<(), Mismatch> {
        match key {
            "token" => set_text(&mut self.token, value, "token"),
            "projectkey" => {
                self.has_project_key = value != Value::Null;
                set_text(&mut self.project_key, value, "projectKey")
            }
            "projectid" => {
                self.set_project_id(value);
                Ok(())
            }
            "trackerversion" => set_text(&mut self.tracker_version, value, "trackerVersion"),
            "revid" => set_text(&mut self.revision, value, "revID"),
            "useruuid" => {
                if value == Value::Null {
                    self.user_uuid.clear();
                }
                set_text(&mut self.user_uuid, value, "userUUID")
            }
            "userosversion" => set_text(&mut self.os_version, value, "userOSVersion"),
            "userdevice" => set_text(&mut self.device, value, "userDevice"),
            "userdevicetype" => set_text(&mut self.device_type, value, "userDeviceType"),
            "platform" => set_text(&mut self.platform, value, "platform"),
            "timestamp" => set_integer(&mut self.timestamp_ms, value, "timestamp", "uint64"),
            "timezone" => set_text(&mut self.timezone, value, "timezone"),
            "devicememory" => set_integer(&mut self.device_memory, value, "deviceMemory", "uint64"),
            "donotrecord" => set_bool(&mut self.do_not_record, value, "doNotRecord"),
            "condition" => set_text(&mut self.condition, value, "condition"),
            "width" => set_rounded(&mut self.width, value, "width", "int"),
            "height" => set_rounded(&mut self.height, value, "height", "int"),
            _ => Ok(()),
        }
    }
}

impl MobileStartRequest {
    /// Replaces the content with the first JSON value in `body`, cleaned: NUL bytes, which databases refuse, are removed; texts are cut on a
    /// character boundary; numbers are limited to what their columns hold. What follows the value is ignored.
    pub fn read(&mut self, body: &[u8], scratch: &mut JsonScratch) -> Result<(), JsonError> {
        read_first(body, self, scratch)?;
        clean(&mut self.tracker_version, TRACKER_CHARS_MAX);
        clean(&mut self.revision, REVISION_CHARS_MAX);
        clean(&mut self.timezone, TIMEZONE_CHARS_MAX);
        for text in [&mut self.os_version, &mut self.device, &mut self.device_type, &mut self.platform] {
            clean(text, DEVICE_CHARS_MAX);
        }
        self.width = self.width.clamp(i32::MIN.into(), i32::MAX.into());
        self.height = self.height.clamp(i32::MIN.into(), i32::MAX.into());
        Ok(())
    }

    /// Whether the tracker's version is supported: 1.0.9 or later.
    pub fn tracker_is_supported(&self) -> bool {
        tracker_version::at_least(&self.tracker_version, OLDEST)
    }

    /// When the session started, ms since the Unix epoch, by the client's clock, which all of a phone's messages use. If the client sends no
    /// time, or one that no database column holds, the session starts now.
    pub fn started_ms(&self, now_ms: i64) -> i64 {
        i64::try_from(self.timestamp_ms).ok().filter(|&ms| ms > 0).unwrap_or(now_ms)
    }

    /// Takes a number or a text. Today's clients do not need the field, so a value of another type is no reason to refuse them.
    fn set_project_id(&mut self, value: Value<'_>) {
        self.project_id.clear();
        match value {
            Value::String(text) | Value::Number(text) => self.project_id.push_str(text),
            Value::Integer(number) => self.project_id.push_str(&number.to_string()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
