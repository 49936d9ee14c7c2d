//! A second decoder of the same rules: slow, plain, with copies everywhere, without a parser library and without
//! state between reads. It judges all bytes received so far from the start, so it can't depend on how they came.

/// The bounds, as in `Limits`, and the route's limit for a body.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    pub head_bytes: usize,
    pub headers: usize,
    pub chunk_line_bytes: usize,
    pub trailer_bytes: usize,
    pub target_bytes: usize,
    pub body_bytes: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub method: Vec<u8>,
    pub target: Vec<u8>,
    pub path: Vec<u8>,
    pub query: Option<Vec<u8>>,
    pub is_http_1_0: bool,
    pub keep_alive: bool,
    pub expects_continue: bool,
    pub headers: Vec<(Vec<u8>, Vec<u8>)>,
    pub body: Vec<u8>,
}

/// How a stream of requests ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The last request is not whole.
    NeedsMore,
    /// The last request is refused with this status.
    Refused(u16),
}

/// The part of a request that can't be judged, and why.
type Read<T> = Result<T, End>;

pub fn read_all(mut input: &[u8], bounds: &Bounds) -> (Vec<Request>, End) {
    let mut requests = Vec::new();
    loop {
        match read_request(input, bounds) {
            Ok((request, len)) => {
                requests.push(request);
                input = &input[len..];
            }
            Err(end) => return (requests, end),
        }
    }
}

fn read_request(input: &[u8], bounds: &Bounds) -> Read<(Request, usize)> {
    let (mut request, framing, head_len) = match read_head(input, bounds) {
        Err(End::NeedsMore) if input.len() >= bounds.head_bytes => return Err(End::Refused(431)),
        other => other?,
    };
    let rest = &input[head_len..];
    let body_len = match framing {
        Framing::Length(length) => {
            refuse_if(length > bounds.body_bytes, 413)?;
            let length = length as usize;
            need(rest.len() >= length)?;
            request.body = rest[..length].to_vec();
            length
        }
        Framing::Chunked => read_chunks(rest, bounds, &mut request.body)?,
    };
    Ok((request, head_len + body_len))
}

enum Framing {
    Length(u64),
    Chunked,
}

fn read_head(input: &[u8], bounds: &Bounds) -> Read<(Request, Framing, usize)> {
    let input = &input[..input.len().min(bounds.head_bytes)];
    let mut start = 0;
    for _ in 0..2 {
        need(input[start..] != b"\r"[..])?;
        if input[start..].starts_with(b"\r\n") {
            start += 2;
        }
    }
    need(start < input.len())?;
    refuse_if(!is_token(&input[start..=start]), 400)?;

    let (method, target, version, mut at) = read_request_line(input, start, bounds)?;
    refuse_if(method == b"CONNECT", 501)?;
    let (path, query) = split_target(&target, method == b"OPTIONS")?;

    let mut lines = Vec::new();
    loop {
        let line = read_line(input, at)?;
        at += line.len() + 2;
        if line.is_empty() {
            break;
        }
        lines.push(line);
    }
    let mut headers = Vec::new();
    for line in lines {
        let colon = line.iter().position(|&b| b == b':').ok_or(End::Refused(400))?;
        let (name, value) = (&line[..colon], trim(&line[colon + 1..]));
        refuse_if(!is_token(name) || value.iter().any(|&b| is_control(b)), 400)?;
        refuse_if(headers.len() == bounds.headers, 431)?;
        headers.push((name.to_vec(), value.to_vec()));
    }
    let is_http_1_0 = version == b"HTTP/1.0";
    let values = |name: &str| -> Vec<Vec<u8>> {
        let same = |header: &&(Vec<u8>, Vec<u8>)| header.0.eq_ignore_ascii_case(name.as_bytes());
        headers.iter().filter(same).map(|header| header.1.clone()).collect()
    };
    match &values("host")[..] {
        [] => refuse_if(!is_http_1_0, 400)?,
        [host] => refuse_if(!is_host(host), 400)?,
        _ => return Err(End::Refused(400)),
    }
    let framing = match (&values("content-length")[..], &values("transfer-encoding")[..]) {
        ([], []) => Framing::Length(0),
        ([length], []) => {
            refuse_if(length.is_empty() || !length.iter().all(u8::is_ascii_digit), 400)?;
            let length = String::from_utf8_lossy(length).parse::<i64>().map_err(|_| End::Refused(400))?;
            Framing::Length(length as u64)
        }
        ([], _) if is_http_1_0 => return Err(End::Refused(400)),
        ([], [coding]) if coding.eq_ignore_ascii_case(b"chunked") => Framing::Chunked,
        ([], _) => return Err(End::Refused(501)),
        _ => return Err(End::Refused(400)),
    };
    let members = |name: &str| -> Vec<Vec<u8>> {
        let joined = values(name).join(&b","[..]).to_ascii_lowercase();
        joined.split(|&b| b == b',').map(trim).filter(|member| !member.is_empty()).map(<[u8]>::to_vec).collect()
    };
    let expectations = members("expect");
    refuse_if(expectations.iter().any(|expectation| expectation != b"100-continue"), 417)?;
    let options = members("connection");
    let has = |option: &[u8]| options.iter().any(|member| member == option);
    let has_body = !matches!(framing, Framing::Length(0));
    let request = Request {
        method,
        target,
        path,
        query,
        is_http_1_0,
        keep_alive: !has(b"close") && (!is_http_1_0 || has(b"keep-alive")),
        expects_continue: !expectations.is_empty() && has_body && !is_http_1_0,
        headers,
        body: Vec::new(),
    };
    Ok((request, framing, at))
}

type Line = (Vec<u8>, Vec<u8>, Vec<u8>, usize);

fn read_request_line(input: &[u8], start: usize, bounds: &Bounds) -> Read<Line> {
    let sent: Vec<u8> = input[start..].iter().copied().take_while(|&b| b != b'\n').collect();
    let words: Vec<&[u8]> = sent.splitn(3, |&b| b == b' ').collect();
    refuse_if(words[0].len() > 32, 501)?;
    if let Some(target) = words.get(1) {
        refuse_if(target.len() > bounds.target_bytes, 414)?;
    }
    if let Some(version) = words.get(2) {
        // Judged early only where the target may not be searched again with each read.
        let behind_method = input.len() - start - words[0].len() - 1;
        refuse_if(behind_method > bounds.target_bytes && version.len() > 9, 400)?;
    }
    let line = read_line(input, start)?;
    let words: Vec<&[u8]> = line.split(|&b| b == b' ').collect();
    let [method, target, version] = words[..] else {
        return Err(End::Refused(400));
    };
    refuse_if(!is_token(method) || target.is_empty(), 400)?;
    refuse_if(target.iter().any(|&b| is_control(b) || b == b'\t') || std::str::from_utf8(target).is_err(), 400)?;
    refuse_if(version.len() != 8 || !version.starts_with(b"HTTP/") || version[6] != b'.', 400)?;
    refuse_if(!version[5].is_ascii_digit() || !version[7].is_ascii_digit(), 400)?;
    refuse_if(version[5] != b'1', 505)?;
    Ok((method.to_vec(), target.to_vec(), version.to_vec(), start + line.len() + 2))
}

fn split_target(target: &[u8], is_options: bool) -> Read<(Vec<u8>, Option<Vec<u8>>)> {
    if target == b"*" {
        refuse_if(!is_options, 400)?;
        return Ok((b"*".to_vec(), None));
    }
    let mut text = target;
    let lower = target.to_ascii_lowercase();
    let is_absolute = !target.starts_with(b"/");
    if is_absolute {
        refuse_if(!lower.starts_with(b"http://") && !lower.starts_with(b"https://"), 400)?;
        text = &text[if lower.starts_with(b"https") { 8 } else { 7 }..];
        let host: Vec<u8> = text.iter().copied().take_while(|b| !b"/?#".contains(b)).collect();
        refuse_if(host.is_empty() || host.starts_with(b":") || !is_host(&host), 400)?;
        text = &text[host.len()..];
    }
    let (mut path, query) = match text.iter().position(|&b| b == b'?') {
        Some(at) => (text[..at].to_vec(), Some(text[at + 1..].to_vec())),
        None => (text.to_vec(), None),
    };
    if path.is_empty() {
        path = if is_options && query.is_none() { b"*".to_vec() } else { b"/".to_vec() };
    }
    Ok((path, query))
}

fn read_chunks(input: &[u8], bounds: &Bounds, body: &mut Vec<u8>) -> Read<usize> {
    let mut at = 0;
    loop {
        let size = read_chunk_line(input, &mut at, bounds, body.len() as u64)?;
        if size == 0 {
            break;
        }
        for _ in 0..size {
            body.push(read_byte(input, &mut at)?);
        }
        refuse_if(read_byte(input, &mut at)? != b'\r', 400)?;
        refuse_if(read_byte(input, &mut at)? != b'\n', 400)?;
    }
    let trailers = at;
    let mut line = Vec::new();
    loop {
        let byte = read_byte(input, &mut at)?;
        refuse_if(at - trailers > bounds.trailer_bytes, 431)?;
        line.push(byte);
        refuse_if(!is_trailer_start(&line), 400)?;
        if line == b"\r\n" {
            return Ok(at);
        }
        if byte == b'\n' {
            line.clear();
        }
    }
}

/// Can a trailer line, or the empty line behind them, begin like this?
fn is_trailer_start(line: &[u8]) -> bool {
    if b"\r\n".starts_with(line) {
        return true;
    }
    let Some(colon) = line.iter().position(|&b| b == b':') else {
        return is_token(line);
    };
    let value = &line[colon + 1..];
    let text = value.strip_suffix(b"\r\n").or(value.strip_suffix(b"\r")).unwrap_or(value);
    is_token(&line[..colon]) && !text.iter().any(|&b| is_control(b))
}

fn read_chunk_line(input: &[u8], at: &mut usize, bounds: &Bounds, decoded: u64) -> Read<u64> {
    let mut line = Vec::new();
    let mut size = 0_u128;
    loop {
        let byte = read_byte(input, at)?;
        let digits = line.iter().take_while(|b: &&u8| b.is_ascii_hexdigit()).count();
        let behind_digits: Vec<u8> = line[digits..].to_vec();
        let has_semicolon = behind_digits.contains(&b';');
        if byte == b'\r' && digits > 0 && (behind_digits.is_empty() || has_semicolon) {
            refuse_if(read_byte(input, at)? != b'\n', 400)?;
            return Ok(size as u64);
        }
        line.push(byte);
        refuse_if(line.len() > bounds.chunk_line_bytes, 400)?;
        if has_semicolon {
            refuse_if(is_control(byte), 400)?;
        } else if behind_digits.is_empty() && byte.is_ascii_hexdigit() {
            let digit = char::from(byte).to_digit(16).expect("a hexadecimal digit");
            size = size * 16 + u128::from(digit);
            refuse_if(u128::from(decoded) + size > u128::from(bounds.body_bytes), 413)?;
        } else {
            refuse_if(digits == 0 || !b"; \t".contains(&byte), 400)?;
        }
    }
}

fn read_byte(input: &[u8], at: &mut usize) -> Read<u8> {
    let byte = *input.get(*at).ok_or(End::NeedsMore)?;
    *at += 1;
    Ok(byte)
}

/// A line without its CRLF.
fn read_line(input: &[u8], start: usize) -> Read<Vec<u8>> {
    let len = input[start..].iter().position(|&b| b == b'\n').ok_or(End::NeedsMore)?;
    match input[start..start + len].split_last() {
        Some((b'\r', line)) => Ok(line.to_vec()),
        _ => Err(End::Refused(400)),
    }
}

fn is_host(value: &[u8]) -> bool {
    let text = String::from_utf8_lossy(value);
    let name_byte = |c: char| c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=%".contains(c);
    let port = |text: &str| {
        text.is_empty() || text.strip_prefix(':').is_some_and(|port| port.chars().all(|c| c.is_ascii_digit()))
    };
    if let Some(literal) = text.strip_prefix('[') {
        return literal.split_once(']').is_some_and(|(address, rest)| {
            !address.is_empty() && address.chars().all(|c| c == ':' || name_byte(c)) && port(rest)
        });
    }
    let name: String = text.chars().take_while(|&c| c != ':').collect();
    name.chars().all(name_byte) && port(&text[name.len()..])
}

fn is_token(text: &[u8]) -> bool {
    let one = |b: &u8| b.is_ascii_graphic() && !b"\"(),/:;<=>?@[\\]{}".contains(b);
    !text.is_empty() && text.iter().all(one)
}

fn is_control(byte: u8) -> bool {
    (byte < 32 && byte != b'\t') || byte == 127
}

fn trim(text: &[u8]) -> &[u8] {
    let is_blank = |b: &u8| *b == b' ' || *b == b'\t';
    let Some(start) = text.iter().position(|b| !is_blank(b)) else {
        return b"";
    };
    let end = text.iter().rposition(|b| !is_blank(b)).map_or(start, |last| last + 1);
    &text[start..end]
}

fn refuse_if(bad: bool, status: u16) -> Read<()> {
    if bad { Err(End::Refused(status)) } else { Ok(()) }
}

fn need(enough: bool) -> Read<()> {
    if enough { Ok(()) } else { Err(End::NeedsMore) }
}
