//! The row for table `unstarted_sessions`: a browser reported that it does not record.

use serde::Deserialize;

use crate::codec::json::ObjectWriter;
use crate::records::columns::known;

/// A row. Empty texts mean unknown, and are written as `null` in most columns.
///
/// `T` holds the texts: `&str` where a row is made, `String` where it is read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de> + Default"))]
pub struct UnstartedSessionRow<T> {
    /// The project.
    pub project_id: u32,
    /// Version of the tracker.
    pub tracker_version: T,
    /// The browser's user does not want to be tracked.
    pub do_not_track: bool,
    /// `web`.
    pub platform: T,
    /// The operating system.
    #[serde(rename = "user_os")]
    pub os: T,
    /// Its version.
    #[serde(rename = "user_os_version", deserialize_with = "known")]
    pub os_version: T,
    /// The browser.
    #[serde(rename = "user_browser")]
    pub browser: T,
    /// Its version.
    #[serde(rename = "user_browser_version", deserialize_with = "known")]
    pub browser_version: T,
    /// The device; empty for ordinary computers.
    #[serde(rename = "user_device")]
    pub device: T,
    /// `desktop`, `mobile` or `other`.
    #[serde(rename = "user_device_type")]
    pub device_type: T,
    /// ISO code of the country, or `UN`.
    #[serde(rename = "user_country")]
    pub country: T,
    /// English name of the state.
    #[serde(rename = "user_state", deserialize_with = "known")]
    pub state: T,
    /// English name of the city.
    #[serde(rename = "user_city", deserialize_with = "known")]
    pub city: T,
}

impl<T: AsRef<str>> UnstartedSessionRow<T> {
    /// Appends the row as JSON.
    pub fn write(&self, out: &mut Vec<u8>) {
        let mut json = ObjectWriter::new(out);
        json.integer("project_id", self.project_id);
        json.text("tracker_version", self.tracker_version.as_ref());
        json.bool("do_not_track", self.do_not_track);
        json.text("platform", self.platform.as_ref());
        json.text("user_os", self.os.as_ref());
        json.text_or_null("user_os_version", self.os_version.as_ref());
        json.text("user_browser", self.browser.as_ref());
        json.text_or_null("user_browser_version", self.browser_version.as_ref());
        json.text("user_device", self.device.as_ref());
        json.text("user_device_type", self.device_type.as_ref());
        json.text("user_country", self.country.as_ref());
        json.text_or_null("user_state", self.state.as_ref());
        json.text_or_null("user_city", self.city.as_ref());
        json.end();
    }
}

impl UnstartedSessionRow<String> {
    /// Parses a row; `None` if the JSON is not one.
    pub fn read(json: &[u8]) -> Option<Self> {
        serde_json::from_slice(json).ok()
    }
}

#[cfg(test)]
mod tests;
