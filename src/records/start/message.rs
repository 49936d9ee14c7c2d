//! The `SessionStart` and `MobileSessionStart` messages, which the server itself writes at the beginning of a session's stream.

use crate::tracker::ids::{MOBILE_SESSION_START, SESSION_START};
use crate::tracker::{Body, Era, Fields, Value, read_batch, write_string, write_uint};

/// The fields of a `SessionStart`, in their order on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SessionStart<'a> {
    /// When the session started, ms since the Unix epoch.
    pub timestamp_ms: u64,
    /// The project.
    pub project: u32,
    /// Version of the tracker.
    pub tracker_version: &'a str,
    /// Revision of the recorded site.
    pub revision: &'a str,
    /// UUID of the user.
    pub user_uuid: &'a str,
    /// The user agent, byte for byte as received.
    pub user_agent: &'a [u8],
    /// Family of the operating system.
    pub os: &'a str,
    /// Its version.
    pub os_version: &'a str,
    /// Family of the browser.
    pub browser: &'a str,
    /// Its version.
    pub browser_version: &'a str,
    /// Family of the device; empty for an ordinary computer.
    pub device: &'a str,
    /// `desktop`, `mobile` or `other`.
    pub device_type: &'a str,
    /// Memory of the device in MB.
    pub device_memory: u64,
    /// Limit of the JavaScript heap in bytes.
    pub device_heap: u64,
    /// Country code, state and city: packed as `country|state|city`.
    pub place: (&'a str, &'a str, &'a str),
    /// The name that the site gave the user.
    pub user_id: &'a str,
}

impl<'a> SessionStart<'a> {
    /// Appends the message. It has no size and no batch metadata.
    pub fn write(&self, out: &mut Vec<u8>) {
        write_uint(out, SESSION_START);
        write_uint(out, self.timestamp_ms);
        write_uint(out, u64::from(self.project));
        write_string(out, self.tracker_version.as_bytes());
        write_string(out, self.revision.as_bytes());
        write_string(out, self.user_uuid.as_bytes());
        write_string(out, self.user_agent);
        write_string(out, self.os.as_bytes());
        write_string(out, self.os_version.as_bytes());
        write_string(out, self.browser.as_bytes());
        write_string(out, self.browser_version.as_bytes());
        write_string(out, self.device.as_bytes());
        write_string(out, self.device_type.as_bytes());
        write_uint(out, self.device_memory);
        write_uint(out, self.device_heap);
        write_place(out, self.place);
        write_string(out, self.user_id.as_bytes());
    }

    /// The message in a start's payload; `None` if that is something else, or cut short.
    pub fn read(message: &'a [u8]) -> Option<Self> {
        let mut fields = FieldReader::of(message, SESSION_START)?;
        // Evaluated in the order in which they are written here.
        Some(Self {
            timestamp_ms: fields.uint()?,
            project: fields.project()?,
            tracker_version: fields.text()?,
            revision: fields.text()?,
            user_uuid: fields.text()?,
            user_agent: fields.bytes()?,
            os: fields.text()?,
            os_version: fields.text()?,
            browser: fields.text()?,
            browser_version: fields.text()?,
            device: fields.text()?,
            device_type: fields.text()?,
            device_memory: fields.uint()?,
            device_heap: fields.uint()?,
            place: fields.place()?,
            user_id: fields.text()?,
        })
    }
}

/// The fields of a `MobileSessionStart`, in their order on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MobileSessionStart<'a> {
    /// When the session started, ms since the Unix epoch.
    pub timestamp_ms: u64,
    /// The project.
    pub project: u32,
    /// Version of the tracker.
    pub tracker_version: &'a str,
    /// Revision of the recorded app.
    pub revision: &'a str,
    /// UUID of the user.
    pub user_uuid: &'a str,
    /// `IOS` or `Android`.
    pub os: &'a str,
    /// Its version.
    pub os_version: &'a str,
    /// The device, by the name that people know if there is one.
    pub device: &'a str,
    /// `mobile`, `tablet`, `desktop` or `other`.
    pub device_type: &'a str,
    /// Country code, state and city: packed as `country|state|city`.
    pub place: (&'a str, &'a str, &'a str),
}

impl<'a> MobileSessionStart<'a> {
    /// Appends the message. Unlike other mobile messages it has no length, and it has no batch metadata.
    pub fn write(&self, out: &mut Vec<u8>) {
        write_uint(out, MOBILE_SESSION_START);
        write_uint(out, self.timestamp_ms);
        write_uint(out, u64::from(self.project));
        let texts = [
            self.tracker_version,
            self.revision,
            self.user_uuid,
            self.os,
            self.os_version,
            self.device,
            self.device_type,
        ];
        for text in texts {
            write_string(out, text.as_bytes());
        }
        write_place(out, self.place);
    }

    /// The message in a start's payload; `None` if that is something else, or cut short.
    pub fn read(message: &'a [u8]) -> Option<Self> {
        let mut fields = FieldReader::of(message, MOBILE_SESSION_START)?;
        // Evaluated in the order in which they are written here.
        Some(Self {
            timestamp_ms: fields.uint()?,
            project: fields.project()?,
            tracker_version: fields.text()?,
            revision: fields.text()?,
            user_uuid: fields.text()?,
            os: fields.text()?,
            os_version: fields.text()?,
            device: fields.text()?,
            device_type: fields.text()?,
            place: fields.place()?,
        })
    }
}

fn write_place(out: &mut Vec<u8>, (country, state, city): (&str, &str, &str)) {
    write_uint(out, (country.len() + state.len() + city.len() + 2) as u64);
    out.extend_from_slice(country.as_bytes());
    out.push(b'|');
    out.extend_from_slice(state.as_bytes());
    out.push(b'|');
    out.extend_from_slice(city.as_bytes());
}

/// Reads the fields of one message in their order on the wire.
struct FieldReader<'a>(Fields<'a>);

impl<'a> FieldReader<'a> {
    /// The fields of `bytes`, if `bytes` is this message and nothing else.
    fn of(bytes: &'a [u8], id: u64) -> Option<Self> {
        // Both generations of the catalogue give these messages the same fields.
        let mut messages = read_batch(bytes, Era::Main);
        let message = messages.next()?.ok()?;
        let whole = message.id == id && message.body == Body::Whole && messages.next().is_none();
        whole.then(|| Self(message.fields()))
    }

    fn uint(&mut self) -> Option<u64> {
        match self.0.next()? {
            (_, Value::Uint(value)) => Some(value),
            _ => None,
        }
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        match self.0.next()? {
            (_, Value::Str(bytes)) => Some(bytes),
            _ => None,
        }
    }

    fn text(&mut self) -> Option<&'a str> {
        str::from_utf8(self.bytes()?).ok()
    }

    fn project(&mut self) -> Option<u32> {
        self.uint()?.try_into().ok()
    }

    fn place(&mut self) -> Option<(&'a str, &'a str, &'a str)> {
        let (country, rest) = self.text()?.split_once('|')?;
        let (state, city) = rest.split_once('|')?;
        Some((country, state, city))
    }
}

#[cfg(test)]
mod tests;
