//! The two forms of a connection string: `postgres://user:password@host/database?sslmode=require` and
//! `host=… user=… password='…'`. Both become pairs of keyword and value, in the order of the text.

use super::error::UrlError;

/// Keyword and value.
pub type Pair = (String, String);

/// Reads either form.
pub fn pairs(text: &str) -> Result<Vec<Pair>, UrlError> {
    let text = text.trim();
    match text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://")) {
        Some(rest) => url(rest),
        None => keywords(text),
    }
}

fn url(rest: &str) -> Result<Vec<Pair>, UrlError> {
    let (before, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, database) = before.split_once('/').unwrap_or((before, ""));
    let (credentials, places) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (user, password) = credentials.split_once(':').map_or((credentials, None), |(user, word)| (user, Some(word)));
    let mut pairs = Vec::new();
    let mut add = |keyword: &str, value: &str| {
        let decoded = decoded(value).ok_or_else(|| UrlError::Encoding { keyword: keyword.to_owned() })?;
        if !decoded.is_empty() {
            pairs.push((keyword.to_owned(), decoded));
        }
        Ok(())
    };
    add("user", user)?;
    add("password", password.unwrap_or_default())?;
    add("dbname", database)?;
    if !places.is_empty() {
        let (hosts, ports) = hosts_and_ports(places)?;
        add("host", &hosts)?;
        add("port", &ports)?;
    }
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        let (keyword, value) = parameter.split_once('=').ok_or(UrlError::Form("a parameter has no `=`"))?;
        let keyword = decoded(keyword).ok_or(UrlError::Form("the name of a parameter is not percent-encoded text"))?;
        add(&keyword, &value.replace('+', "%20"))?;
    }
    Ok(pairs)
}

/// `host1:5433,[::1],host3` as two lists separated by commas. A place without a port has an empty one.
fn hosts_and_ports(places: &str) -> Result<(String, String), UrlError> {
    let (mut hosts, mut ports) = (Vec::new(), Vec::new());
    for place in places.split(',') {
        let (host, port) = match place.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, port)) => (host, port.strip_prefix(':').unwrap_or(port)),
            None if place.starts_with('[') => return Err(UrlError::Form("a host begins with `[` and has no `]`")),
            None => place.split_once(':').unwrap_or((place, "")),
        };
        hosts.push(host);
        ports.push(port);
    }
    Ok((hosts.join(","), ports.join(",")))
}

/// Percent-decoded; `None` if it is not well formed.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        if first != b'%' {
            bytes.push(first);
            continue;
        }
        let digits = rest.get(..2)?;
        let digit = |byte: u8| char::from(byte).to_digit(16);
        bytes.push(u8::try_from(digit(digits[0])? * 16 + digit(digits[1])?).ok()?);
        rest = &rest[2..];
    }
    String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}

fn keywords(text: &str) -> Result<Vec<Pair>, UrlError> {
    let mut pairs = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (keyword, after) = rest.split_once('=').ok_or(UrlError::Form(
            "it is neither a URL (postgres://user:password@host:5432/database) nor a list of keyword=value",
        ))?;
        let keyword = keyword.trim_end();
        if keyword.is_empty() || keyword.contains(char::is_whitespace) {
            return Err(UrlError::Form("a value contains a space and is not quoted, or a keyword has no `=`"));
        }
        let (value, after) = value(after.trim_start_matches([' ', '\t']))?;
        if !value.is_empty() {
            pairs.push((keyword.to_owned(), value));
        }
        rest = after.trim_start();
    }
    Ok(pairs)
}

/// One value, quoted or not, and the text after it. `\` takes the next character as it is.
fn value(text: &str) -> Result<(String, &str), UrlError> {
    let quoted = text.strip_prefix('\'');
    let mut value = String::new();
    let body = quoted.unwrap_or(text);
    let mut characters = body.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => value.extend(characters.next().map(|(_, next)| next)),
            '\'' if quoted.is_some() => return Ok((value, &body[at + 1..])),
            space if quoted.is_none() && space.is_whitespace() => return Ok((value, &body[at..])),
            other => value.push(other),
        }
    }
    match quoted {
        Some(_) => Err(UrlError::Form("a quoted value has no closing quote")),
        None => Ok((value, "")),
    }
}

#[cfg(test)]
mod tests;
