//! The `SessionStart` and `MobileSessionStart` messages: what the server itself adds to a session's stream.

/// The type of a browser's message.
const SESSION_START: u8 = 1;
/// The type of a phone's.
const MOBILE_SESSION_START: u8 = 90;

/// The fields of a `SessionStart`, in their order on the wire.
#[derive(Debug, Clone, Copy, Default)]
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
    /// The user agent, byte for byte as the browser sent it.
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
    /// The name the site gave the user.
    pub user_id: &'a str,
}

impl SessionStart<'_> {
    /// Appends the message. It has no size in front and no batch header.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.push(SESSION_START);
        write_uint(out, self.timestamp_ms);
        write_uint(out, u64::from(self.project));
        write_bytes(out, self.tracker_version.as_bytes());
        write_bytes(out, self.revision.as_bytes());
        write_bytes(out, self.user_uuid.as_bytes());
        write_bytes(out, self.user_agent);
        write_bytes(out, self.os.as_bytes());
        write_bytes(out, self.os_version.as_bytes());
        write_bytes(out, self.browser.as_bytes());
        write_bytes(out, self.browser_version.as_bytes());
        write_bytes(out, self.device.as_bytes());
        write_bytes(out, self.device_type.as_bytes());
        write_uint(out, self.device_memory);
        write_uint(out, self.device_heap);
        write_place(out, self.place);
        write_bytes(out, self.user_id.as_bytes());
    }
}

/// The fields of a `MobileSessionStart`, in their order on the wire.
#[derive(Debug, Clone, Copy, Default)]
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
    /// The device, by the name that people know where there is one.
    pub device: &'a str,
    /// `mobile`, `tablet`, `desktop` or `other`.
    pub device_type: &'a str,
    /// Country code, state and city: packed as `country|state|city`.
    pub place: (&'a str, &'a str, &'a str),
}

impl MobileSessionStart<'_> {
    /// Appends the message. Unlike other messages of phones it has no length, and no batch header.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.push(MOBILE_SESSION_START);
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
            write_bytes(out, text.as_bytes());
        }
        write_place(out, self.place);
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

fn write_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    write_uint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// LEB128: seven bits a byte, the low ones first.
fn write_uint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn numbers_are_written_as_recorded() {
        for (value, bytes) in [
            (0, "00"),
            (127, "7f"),
            (128, "8001"),
            (300, "ac02"),
            (16_383, "ff7f"),
            (16_384, "808001"),
            (1_710_417_074_000, "d0aeb5e6e331"),
            (u64::MAX, "ffffffffffffffffff01"),
        ] {
            let mut out = Vec::new();
            write_uint(&mut out, value);
            assert_eq!(hex(&out), bytes);
        }
    }

    #[test]
    fn messages_are_written_as_recorded() {
        let chrome = SessionStart {
            timestamp_ms: 1_710_417_074_000,
            project: 7,
            tracker_version: "12.0.3",
            user_uuid: "0e37dfb5-3f5a-4c7a-9d3e-2f1f6f1b7c11",
            user_agent: b"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 \
                (KHTML, like Gecko) Chrome/122.0.0.0 Safari/537.36",
            os: "Linux",
            browser: "Chrome",
            browser_version: "122.0.0",
            device_type: "desktop",
            device_memory: 8_192,
            device_heap: 4_294_705_152,
            place: ("UN", "", ""),
            ..SessionStart::default()
        };
        let safari = SessionStart {
            timestamp_ms: 1_784_806_389_123,
            project: u32::MAX,
            tracker_version: "18.0.6-beta.1",
            revision: "rév-1",
            user_uuid: "b3b9c1f2-0000-4000-8000-000000000001",
            user_agent: b"UA",
            os: "Mac OS X",
            os_version: "10.15.7",
            browser: "Safari",
            browser_version: "17.4",
            device: "",
            device_type: "desktop",
            device_memory: 127,
            device_heap: 128,
            place: ("FR", "Île-de-France", "Paris"),
            user_id: "user@example.com",
        };
        for (message, bytes) in [
            (
                chrome,
                "01d0aeb5e6e331070631322e302e33002430653337646662352d336635612d346337612d396433\
                 652d326631663666316237633131654d6f7a696c6c612f352e3020285831313b204c696e757820\
                 7838365f363429204170706c655765624b69742f3533372e333620284b48544d4c2c206c696b65\
                 204765636b6f29204368726f6d652f3132322e302e302e30205361666172692f3533372e333605\
                 4c696e757800064368726f6d65073132322e302e3000076465736b746f7080408080f0ff0f0455\
                 4e7c7c00",
            ),
            (
                safari,
                "0183eb80f6f833ffffffff0f0d31382e302e362d626574612e310672c3a9762d31246233623963\
                 3166322d303030302d343030302d383030302d303030303030303030303031025541084d616320\
                 4f5320580731302e31352e37065361666172690431372e3400076465736b746f707f8001174652\
                 7cc38e6c652d64652d4672616e63657c50617269731075736572406578616d706c652e636f6d",
            ),
        ] {
            let mut out = Vec::new();
            message.write(&mut out);
            assert_eq!(hex(&out), bytes);
        }
    }

    #[test]
    fn messages_of_phones_are_written_as_recorded() {
        let iphone = MobileSessionStart {
            timestamp_ms: 1_710_417_074_000,
            project: 12,
            tracker_version: "1.0.10",
            revision: "1",
            user_uuid: "0e37dfb5-3f5a-4c7a-9d3e-2f1f6f1b7c11",
            os: "IOS",
            os_version: "17.4",
            device: "iPhone 14 Pro",
            device_type: "mobile",
            place: ("US", "California", "San Francisco"),
        };
        let pixel = MobileSessionStart {
            timestamp_ms: 1_784_806_389_123,
            project: 300,
            tracker_version: "1.1.8",
            revision: "N/A",
            user_uuid: "b3b9c1f2-0000-4000-8000-000000000001",
            os: "Android",
            os_version: "14",
            device: "oriole",
            device_type: "tablet",
            place: ("UN", "", ""),
        };
        for (message, bytes) in [
            (
                iphone,
                "5ad0aeb5e6e3310c06312e302e313001312430653337646662352d336635612d346337612d396433\
                 652d32663166366631623763313103494f530431372e340d6950686f6e652031342050726f066d6f\
                 62696c651b55537c43616c69666f726e69617c53616e204672616e636973636f",
            ),
            (
                pixel,
                "5a83eb80f6f833ac0205312e312e38034e2f412462336239633166322d303030302d343030302d38\
                 3030302d30303030303030303030303107416e64726f6964023134066f72696f6c65067461626c65\
                 7404554e7c7c",
            ),
        ] {
            let mut out = Vec::new();
            message.write(&mut out);
            assert_eq!(hex(&out), bytes);
        }
    }
}
