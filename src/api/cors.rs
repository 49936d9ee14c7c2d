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

/// The longest list of asked-for header fields that is mirrored.
const ASKED_BYTES_MAX: usize = 1024;

/// The CORS headers of this server, ready to send.
#[derive(Debug, Clone)]
pub struct Cors {
    reply: Vec<u8>,
    enabled: bool,
}

impl Cors {
    /// With `enabled` false no reply carries any: a proxy adds its own.
    pub fn new(enabled: bool) -> Self {
        let mut reply = Vec::new();
        if enabled {
            write_fields(&mut reply, None);
        }
        Self { reply, enabled }
    }

    /// Whether replies carry any.
    pub fn is_enabled(&self) -> bool {
        self.enabled
    }

    /// The fields of an ordinary reply: whole lines.
    pub fn reply(&self) -> &[u8] {
        &self.reply
    }

    /// Appends the fields of the answer to a preflight that asked for `asked`.
    pub fn write_preflight(&self, out: &mut Vec<u8>, asked: Option<&[u8]>) {
        if !self.enabled {
            return;
        }
        write_fields(out, asked.filter(|list| is_field_list(list)));
        out.extend_from_slice(b"Access-Control-Max-Age: ");
        out.extend_from_slice(MAX_AGE);
        out.extend_from_slice(b"\r\n");
    }
}

fn write_fields(out: &mut Vec<u8>, asked: Option<&[u8]>) {
    out.extend_from_slice(b"Access-Control-Allow-Headers: ");
    out.extend_from_slice(HEADERS);
    for name in asked.unwrap_or_default().split(|&b| b == b',') {
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
mod tests {
    use super::*;

    fn preflight(asked: Option<&[u8]>) -> String {
        let mut out = Vec::new();
        Cors::new(true).write_preflight(&mut out, asked);
        String::from_utf8(out).expect("header fields are ASCII")
    }

    #[test]
    fn a_preflight_allows_what_trackers_send_and_mirrors_what_was_asked() {
        let text = preflight(Some(b"authorization, x-openreplay-batch,DataType"));
        assert!(text.contains(
            "Access-Control-Allow-Headers: Content-Type,Authorization,Content-Encoding,datatype,x-openreplay-batch\r\n"
        ));
        assert!(text.contains("Access-Control-Max-Age: 86400\r\n"));
        assert!(text.contains("Access-Control-Allow-Origin: *\r\n"));
    }

    #[test]
    fn nothing_but_field_names_is_mirrored() {
        for bad in [&b"a\r\nX: y"[..], b"a;b", b"a\x80", &[b'a'; 2000]] {
            assert_eq!(preflight(Some(bad)), preflight(None));
        }
    }

    #[test]
    fn behind_a_proxy_that_adds_its_own_there_are_none() {
        let cors = Cors::new(false);
        let mut out = Vec::new();
        cors.write_preflight(&mut out, Some(b"authorization"));
        assert!(out.is_empty() && cors.reply().is_empty());
    }
}
