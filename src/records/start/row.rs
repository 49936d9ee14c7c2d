//! A new session's row for table `sessions`, with the names and values that OpenReplay's table takes.

use serde::{Deserialize, Deserializer};
use uuid::Uuid;

use crate::codec::json::ObjectWriter;
use crate::records::columns::known;

/// A row. Empty texts and zeros mean unknown, and are written as `null` in most columns. A missing column is read as unknown.
///
/// `T` holds the texts: `&str` where a row is made, `String` where it is read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, bound(deserialize = "T: Deserialize<'de> + Default"))]
pub struct SessionRow<T> {
    /// The session.
    pub session_id: u64,
    /// Its project.
    pub project_id: u32,
    /// When it started, ms since the Unix epoch.
    #[serde(rename = "start_ts")]
    pub started_ms: i64,
    /// Version of the tracker.
    #[serde(deserialize_with = "known")]
    pub tracker_version: T,
    /// Revision of the recorded site or app.
    #[serde(rename = "rev_id", deserialize_with = "known")]
    pub revision: T,
    /// `web`, `ios` or `android`.
    #[serde(deserialize_with = "known")]
    pub platform: T,
    /// The user.
    #[serde(rename = "user_uuid", deserialize_with = "uuid")]
    pub user_uuid: Uuid,
    /// The operating system.
    #[serde(rename = "user_os", deserialize_with = "known")]
    pub os: T,
    /// Its version.
    #[serde(rename = "user_os_version", deserialize_with = "known")]
    pub os_version: T,
    /// The browser; empty for phones.
    #[serde(rename = "user_browser", deserialize_with = "known")]
    pub browser: T,
    /// Its version.
    #[serde(rename = "user_browser_version", deserialize_with = "known")]
    pub browser_version: T,
    /// The device; empty for ordinary computers.
    #[serde(rename = "user_device", deserialize_with = "known")]
    pub device: T,
    /// `desktop`, `tablet`, `mobile` or `other`.
    #[serde(rename = "user_device_type", deserialize_with = "known")]
    pub device_type: T,
    /// Memory of the device, in the unit of the tracker: MB from browsers, KiB from phones. At most 2^31 - 1.
    #[serde(rename = "user_device_memory_size", deserialize_with = "known")]
    pub device_memory: u64,
    /// Limit of the heap: bytes from browsers, KiB from phones. At most 2^63 - 1.
    #[serde(rename = "user_device_heap_size", deserialize_with = "known")]
    pub device_heap: u64,
    /// ISO code of the country, or `UN`.
    #[serde(rename = "user_country", deserialize_with = "known")]
    pub country: T,
    /// English name of the state.
    #[serde(rename = "user_state", deserialize_with = "known")]
    pub state: T,
    /// English name of the city.
    #[serde(rename = "user_city", deserialize_with = "known")]
    pub city: T,
    /// The name that the site gave the user.
    #[serde(deserialize_with = "known")]
    pub user_id: T,
    /// The client's time zone.
    #[serde(deserialize_with = "known")]
    pub timezone: T,
    /// Width of the screen.
    #[serde(rename = "screen_width")]
    pub width: i64,
    /// Height of the screen.
    #[serde(rename = "screen_height")]
    pub height: i64,
    /// Only the SDK sends these. Rows from trackers do not have these columns.
    #[serde(flatten)]
    pub campaign: Option<Campaign<T>>,
}

/// How a user of the SDK came to the site.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de> + Default"))]
pub struct Campaign<T> {
    /// The page that the user came from.
    #[serde(deserialize_with = "known")]
    pub referrer: T,
    /// `utm_source` of the site's address.
    #[serde(rename = "utm_source", deserialize_with = "known")]
    pub source: T,
    /// `utm_medium`.
    #[serde(rename = "utm_medium", deserialize_with = "known")]
    pub medium: T,
    /// `utm_campaign`.
    #[serde(rename = "utm_campaign", deserialize_with = "known")]
    pub campaign: T,
}

impl<T: AsRef<str>> SessionRow<T> {
    /// Appends the row as JSON.
    pub fn write(&self, out: &mut Vec<u8>) {
        let mut json = ObjectWriter::new(out);
        json.integer("session_id", self.session_id);
        json.integer("project_id", self.project_id);
        json.integer("start_ts", self.started_ms);
        json.text("tracker_version", self.tracker_version.as_ref());
        json.text_or_null("rev_id", self.revision.as_ref());
        json.text("platform", self.platform.as_ref());
        let mut uuid = Uuid::encode_buffer();
        json.text("user_uuid", self.user_uuid.hyphenated().encode_lower(&mut uuid));
        json.text("user_os", self.os.as_ref());
        json.text_or_null("user_os_version", self.os_version.as_ref());
        json.text_or_null("user_browser", self.browser.as_ref());
        json.text_or_null("user_browser_version", self.browser_version.as_ref());
        json.text("user_device", self.device.as_ref());
        json.text("user_device_type", self.device_type.as_ref());
        json.integer_or_null("user_device_memory_size", self.device_memory);
        json.integer_or_null("user_device_heap_size", self.device_heap);
        json.text("user_country", self.country.as_ref());
        json.text_or_null("user_state", self.state.as_ref());
        json.text_or_null("user_city", self.city.as_ref());
        json.text_or_null("user_id", self.user_id.as_ref());
        json.text("timezone", self.timezone.as_ref());
        json.integer("screen_width", self.width);
        json.integer("screen_height", self.height);
        if let Some(campaign) = &self.campaign {
            json.text_or_null("referrer", campaign.referrer.as_ref());
            json.text_or_null("utm_source", campaign.source.as_ref());
            json.text_or_null("utm_medium", campaign.medium.as_ref());
            json.text_or_null("utm_campaign", campaign.campaign.as_ref());
        }
        json.end();
    }
}

impl SessionRow<String> {
    /// Parses a row; `None` if the JSON is not one.
    pub fn read(json: &[u8]) -> Option<Self> {
        serde_json::from_slice(json).ok()
    }
}

fn uuid<'de, D: Deserializer<'de>>(column: D) -> Result<Uuid, D::Error> {
    let text = Option::<String>::deserialize(column)?;
    text.map_or(Ok(Uuid::nil()), |text| text.parse().map_err(serde::de::Error::custom))
}

#[cfg(test)]
mod tests;
