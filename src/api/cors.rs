//! Cross-origin headers. A tracker's page is nearly always on another origin, and without these headers the browser hides our answers from
//! it, refusals included, so every reply carries them.

/// The methods that OpenReplay's service allows.
const METHODS: &[u8] = b"POST, GET, PUT, PATCH, DELETE, OPTIONS";

/// Header fields that OpenReplay's clients send. Without `datatype`, no tracker from 18.0 on would ever send a batch.
const HEADERS: &[u8] = b"Content-Type,Authorization,Content-Encoding,datatype";

/// How long a browser may cache the answer to a preflight, in seconds: half of all requests from browsers are preflights. Browsers apply
/// lower limits of their own (two hours, a day).
const MAX_AGE: &[u8] = b"86400";

/// Without this, a browser does not let a page of a public site send requests to a server on a private address.
const PRIVATE_NETWORK: &[u8] = b"Access-Control-Allow-Private-Network: true\r\n";

/// The longest list of requested header fields that is echoed.
const ASKED_BYTES_MAX: usize = 1024;

/// What a preflight asks to be allowed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Asked<'a> {
    /// `Access-Control-Request-Headers`.
    pub fields: &'a [u8],
    /// `Access-Control-Request-Private-Network: true`: the page comes from a public address, the server has a private one.
    pub private_network: bool,
}

impl<'a> Asked<'a> {
    /// Built from the two header fields.
    pub fn new(fields: Option<&'a [u8]>, private_network: Option<&[u8]>) -> Self {
        Self { fields: fields.unwrap_or_default(), private_network: private_network == Some(b"true") }
    }
}

/// This server's CORS headers, ready to send.
#[derive(Debug, Clone)]
pub struct Cors {
    reply: Vec<u8>,
    setting: CorsSetting,
}

/// What pages of other origins may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CorsSetting {
    /// Whether replies carry CORS headers at all; disabled where a proxy adds its own.
    pub enabled: bool,
    /// Whether pages of public sites may reach this server at a private address.
    pub private_network: bool,
}

impl Cors {
    /// The headers for this setting.
    pub fn new(setting: CorsSetting) -> Self {
        let mut reply = Vec::new();
        if setting.enabled {
            write_fields(&mut reply, b"");
        }
        Self { reply, setting }
    }

    /// The setting that they were made for.
    pub fn setting(&self) -> CorsSetting {
        self.setting
    }

    /// The header lines of an ordinary reply, each with its CRLF.
    pub fn reply(&self) -> &[u8] {
        &self.reply
    }

    /// Appends the header lines that answer a preflight.
    pub fn write_preflight(&self, out: &mut Vec<u8>, asked: Asked<'_>) {
        if !self.setting.enabled {
            return;
        }
        write_fields(out, if is_field_list(asked.fields) { asked.fields } else { b"" });
        if asked.private_network && self.setting.private_network {
            out.extend_from_slice(PRIVATE_NETWORK);
        }
        out.extend_from_slice(b"Access-Control-Max-Age: ");
        out.extend_from_slice(MAX_AGE);
        out.extend_from_slice(b"\r\n");
    }
}

fn write_fields(out: &mut Vec<u8>, asked: &[u8]) {
    out.extend_from_slice(b"Access-Control-Allow-Headers: ");
    out.extend_from_slice(HEADERS);
    for name in asked.split(|&b| b == b',') {
        let name = name.trim_ascii();
        let known = HEADERS.split(|&b| b == b',').any(|known| known.eq_ignore_ascii_case(name));
        if !name.is_empty() && !known {
            out.push(b',');
            out.extend_from_slice(name);
        }
    }
    out.extend_from_slice(b"\r\nAccess-Control-Allow-Methods: ");
    out.extend_from_slice(METHODS);
    out.extend_from_slice(b"\r\nAccess-Control-Allow-Origin: *\r\n");
}

/// Whether this is a list of field names (RFC 9110, 5.6.2). Nothing else may be echoed into a header.
fn is_field_list(list: &[u8]) -> bool {
    list.len() <= ASKED_BYTES_MAX
        && list.iter().all(|&b| b.is_ascii_alphanumeric() || b" \t,!#$%&'*+-.^_`|~".contains(&b))
}

#[cfg(test)]
mod tests;
