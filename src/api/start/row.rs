//! The row of table `sessions` that a new session leaves, with the names and the values that OpenReplay's table takes.

use uuid::Uuid;

use crate::api::members::Members;
use crate::client::geo::Place;
use crate::directory::Platform;
use crate::session::SessionId;

/// A row. Empty texts and zeros stand for what is not known.
pub struct Row<'a> {
    /// The session.
    pub session: SessionId,
    /// Its project.
    pub project: u32,
    /// When it started, ms since the Unix epoch.
    pub started_ms: i64,
    /// Version of the tracker.
    pub tracker_version: &'a str,
    /// Revision of what is recorded.
    pub revision: &'a str,
    /// The kind of client.
    pub platform: Platform,
    /// The user.
    pub uuid: Uuid,
    /// The operating system.
    pub os: &'a str,
    /// Its version.
    pub os_version: &'a str,
    /// The browser.
    pub browser: &'a str,
    /// Its version.
    pub browser_version: &'a str,
    /// The device.
    pub device: &'a str,
    /// `desktop`, `tablet`, `mobile` or `other`.
    pub device_type: &'a str,
    /// Memory of the device: MB from browsers, KiB from phones, as their trackers tell it. At most 2^31 - 1.
    pub device_memory: u64,
    /// Limit of the heap: bytes from browsers, KiB from phones. At most 2^63 - 1.
    pub device_heap: u64,
    /// Where it is.
    pub place: &'a Place,
    /// The name the site gave the user.
    pub user_id: &'a str,
    /// The client's time zone.
    pub timezone: &'a str,
    /// Width of the screen.
    pub width: i64,
    /// Height of the screen.
    pub height: i64,
    /// Texts that only some clients tell: columns and values.
    pub more: &'a [(&'static str, &'a str)],
}

impl Row<'_> {
    /// Appends the row as JSON.
    pub fn write(&self, out: &mut Vec<u8>) {
        let mut json = Members::new(out);
        json.integer("session_id", self.session.0);
        json.integer("project_id", self.project);
        json.integer("start_ts", self.started_ms);
        json.text("tracker_version", self.tracker_version);
        json.text_or_null("rev_id", self.revision);
        json.text("platform", self.platform.as_str());
        let mut uuid = Uuid::encode_buffer();
        json.text("user_uuid", self.uuid.hyphenated().encode_lower(&mut uuid));
        json.text("user_os", self.os);
        json.text_or_null("user_os_version", self.os_version);
        json.text_or_null("user_browser", self.browser);
        json.text_or_null("user_browser_version", self.browser_version);
        json.text("user_device", self.device);
        json.text("user_device_type", self.device_type);
        json.integer_or_null("user_device_memory_size", self.device_memory);
        json.integer_or_null("user_device_heap_size", self.device_heap);
        json.text("user_country", self.place.country);
        json.text_or_null("user_state", &self.place.state);
        json.text_or_null("user_city", &self.place.city);
        json.text_or_null("user_id", self.user_id);
        json.text("timezone", self.timezone);
        json.integer("screen_width", self.width);
        json.integer("screen_height", self.height);
        for (column, text) in self.more {
            json.text_or_null(column, text);
        }
        json.end();
    }
}
