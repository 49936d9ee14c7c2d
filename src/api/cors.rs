//! Cross-origin headers. A tracker's page is nearly always on another origin: without these headers
//! the browser hides our answers from it, refusals too, so they go on every reply.

/// Methods that upstream allows.
const METHODS: &[u8] = b"POST, GET, PUT, PATCH, DELETE, OPTIONS";

/// Header fields that OpenReplay's clients send. Without `datatype` no tracker from 18.0 on ever
/// sends a batch.
const HEADERS: &[u8] = b"Content-Type,Authorization,Content-Encoding,datatype";

/// How long a browser may remember the answer to a preflight, in seconds. Half of what browsers send
/// are preflights. Browsers cut it to limits of their own (two hours, a day).
const MAX_AGE: &[u8] = b"86400";

/// What a page of a public site needs to hear before its browser lets it ask a server on a private address.
const PRIVATE_NETWORK: &[u8] = b"Access-Control-Allow-Private-Network: true\r\n";

/// The longest list of asked-for header fields that is mirrored.
const ASKED_BYTES_MAX: usize = 1024;

/// What a preflight asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Asked<'a> {
    /// `Access-Control-Request-Headers`.
    pub fields: &'a [u8],
    /// `Access-Control-Request-Private-Network: true`: the page is of a public address, the server has a private one.
    pub private_network: bool,
}

impl<'a> Asked<'a> {
    /// From the two header fields.
    pub fn new(fields: Option<&'a [u8]>, private_network: Option<&[u8]>) -> Self {
        Self { fields: fields.unwrap_or_default(), private_network: private_network == Some(b"true") }
    }
}

/// The CORS headers of this server, ready to send.
#[derive(Debug, Clone)]
pub struct Cors {
    reply: Vec<u8>,
    setting: CorsSetting,
}

/// What is allowed to pages of other origins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CorsSetting {
    /// Whether replies carry any CORS headers: otherwise a proxy adds its own.
    pub enabled: bool,
    /// Whether pages of public sites may ask this server where it has a private address.
    pub private_network: bool,
}

impl Cors {
    /// Makes those that a setting wants.
    pub fn new(setting: CorsSetting) -> Self {
        let mut reply = Vec::new();
        if setting.enabled {
            write_fields(&mut reply, b"");
        }
        Self { reply, setting }
    }

    /// What they were made for.
    pub fn setting(&self) -> CorsSetting {
        self.setting
    }

    /// The fields of an ordinary reply: whole lines.
    pub fn reply(&self) -> &[u8] {
        &self.reply
    }

    /// Appends the fields of the answer to a preflight that asked for `asked`.
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

/// Whether this is a list of field names (RFC 9110, 5.6.2): nothing else may come back as a header.
fn is_field_list(list: &[u8]) -> bool {
    list.len() <= ASKED_BYTES_MAX
        && list.iter().all(|&b| b.is_ascii_alphanumeric() || b" \t,!#$%&'*+-.^_`|~".contains(&b))
}

#[cfg(test)]
mod tests;
