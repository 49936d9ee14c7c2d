//! The body of `POST /v1/sdk/start`, read leniently and cleaned before anything uses it.
//!
//! OpenReplay's server expects all members at the top level; its own client puts all but the key into `defaultFields`. Both forms are read.
//! If a member occurs in both places, the last one counts.

use crate::base::text::{clean, clean_bytes};
use crate::codec::json::{Fields, JsonError, JsonScratch, Mismatch, Value, read, set_rounded, set_text};

use super::bounds::{DEVICE_CHARS_MAX, TIMEZONE_CHARS_MAX, TRACKER_CHARS_MAX, USER_ID_BYTES_MAX};

/// Longest referrer that is kept, in characters.
const REFERRER_CHARS_MAX: usize = 4_000;
/// Longest campaign parameter that is kept, in characters.
const CAMPAIGN_CHARS_MAX: usize = 255;

/// The analytics SDK's start request. Its buffers are reused.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct SdkStartRequest {
    /// The project's key; empty for none.
    pub project_key: String,
    /// Version of the SDK.
    pub sdk_version: String,
    /// `web`, `ios` or `android`, as sent.
    pub platform: String,
    /// UUID of the device, as sent; empty for none.
    pub device_id: String,
    /// The operating system.
    pub os: String,
    /// Its version.
    pub os_version: String,
    /// The browser.
    pub browser: String,
    /// Its version.
    pub browser_version: String,
    /// The name that the site gave the user.
    pub user_id: String,
    /// The client's time zone, as sent.
    pub timezone: String,
    /// The page that the user came from.
    pub referrer: String,
    /// `utm_source` of the address.
    pub utm_source: String,
    /// `utm_medium` of the address.
    pub utm_medium: String,
    /// `utm_campaign` of the address.
    pub utm_campaign: String,
    /// Width of the screen.
    pub width: i64,
    /// Height of the screen.
    pub height: i64,
}

impl Fields for SdkStartRequest {
    const PACKAGE: &'static str = "api";
    const TYPE: &'static str = "StartSDKSessionRequest";

    fn clear(&mut self) {
        for text in self.texts() {
            text.clear();
        }
        (self.width, self.height) = (0, 0);
    }

    fn set(&mut self, key: &str, value: Value<'_>) -> Result<(), Mismatch> {
        match key {
            "projectkey" => set_text(&mut self.project_key, value, "projectKey"),
            "sdk_version" => set_text(&mut self.sdk_version, value, "sdk_version"),
            "platform" => set_text(&mut self.platform, value, "platform"),
            "device_id" => set_text(&mut self.device_id, value, "device_id"),
            "os" => set_text(&mut self.os, value, "os"),
            "os_version" => set_text(&mut self.os_version, value, "os_version"),
            "browser" => set_text(&mut self.browser, value, "browser"),
            "browser_version" => set_text(&mut self.browser_version, value, "browser_version"),
            "user_id" => set_text(&mut self.user_id, value, "user_id"),
            "timezone" => set_text(&mut self.timezone, value, "timezone"),
            "initial_referrer" => set_text(&mut self.referrer, value, "initial_referrer"),
            "utm_source" => set_text(&mut self.utm_source, value, "utm_source"),
            "utm_medium" => set_text(&mut self.utm_medium, value, "utm_medium"),
            "utm_campaign" => set_text(&mut self.utm_campaign, value, "utm_campaign"),
            "screen_width" => set_rounded(&mut self.width, value, "screen_width", "int"),
            "screen_height" => set_rounded(&mut self.height, value, "screen_height", "int"),
            _ => Ok(()),
        }
    }

    fn enters(&self, key: &str) -> bool {
        key == "defaultfields"
    }
}

impl SdkStartRequest {
    /// Replaces the content with the JSON in `body`, cleaned: NUL bytes, which databases refuse, are removed; texts are cut on a character
    /// boundary; numbers are limited to what their columns hold.
    pub fn read(&mut self, body: &[u8], scratch: &mut JsonScratch) -> Result<(), JsonError> {
        read(body, self, scratch)?;
        clean(&mut self.sdk_version, TRACKER_CHARS_MAX);
        clean_bytes(&mut self.user_id, USER_ID_BYTES_MAX);
        clean(&mut self.timezone, TIMEZONE_CHARS_MAX);
        for text in [&mut self.os, &mut self.os_version, &mut self.browser, &mut self.browser_version] {
            clean(text, DEVICE_CHARS_MAX);
        }
        clean(&mut self.referrer, REFERRER_CHARS_MAX);
        for text in [&mut self.utm_source, &mut self.utm_medium, &mut self.utm_campaign] {
            clean(text, CAMPAIGN_CHARS_MAX);
        }
        self.width = self.width.clamp(i32::MIN.into(), i32::MAX.into());
        self.height = self.height.clamp(i32::MIN.into(), i32::MAX.into());
        Ok(())
    }

    fn texts(&mut self) -> [&mut String; 14] {
        // Destructured so that the compiler notices a field that is missing here.
        let Self {
            project_key,
            sdk_version,
            platform,
            device_id,
            os,
            os_version,
            browser,
            browser_version,
            user_id,
            timezone,
            referrer,
            utm_source,
            utm_medium,
            utm_campaign,
            width: _,
            height: _,
        } = self;
        [
            project_key,
            sdk_version,
            platform,
            device_id,
            os,
            os_version,
            browser,
            browser_version,
            user_id,
            timezone,
            referrer,
            utm_source,
            utm_medium,
            utm_campaign,
        ]
    }
}

#[cfg(test)]
mod tests;
