//! Reads uap-core's `regexes.yaml`, the expressions that recognise user agents. It reads a subset of YAML: three lists of flat maps, one
//! scalar per line.
//!
//! Why not a YAML library: `serde-saphyr` reads the file well, but it brings a dozen packages with it, silently drops a list with a misspelt
//! name, and refuses a file that has only one of the three lists. Here, anything that is not understood is refused with its line number:
//!
//! ```yaml
//! user_agent_parsers:
//!   # a comment
//!   - regex: '(single|quoted)'
//!     family_replacement: "double quoted"
//! ```

use std::borrow::Cow;

use ua_parser::{Regexes, device, os, user_agent};

/// An error in the file, and its line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {fault}")]
pub struct RegexesError {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub fault: &'static str,
}

/// One expression with its replacements, from any of the lists.
#[derive(Default)]
struct ListItem<'a> {
    line: usize,
    fields: Vec<(&'a str, Cow<'a, str>)>,
}

impl<'a> ListItem<'a> {
    fn take(&mut self, key: &str) -> Option<Cow<'a, str>> {
        let at = self.fields.iter().position(|(name, _)| *name == key)?;
        Some(self.fields.swap_remove(at).1)
    }

    fn regex(&mut self) -> Result<Cow<'a, str>, RegexesError> {
        self.take("regex").ok_or(RegexesError { line: self.line, fault: "this entry has no regex" })
    }
}

/// Reads the whole file.
pub fn parse(text: &str) -> Result<Regexes<'_>, RegexesError> {
    let mut regexes = Regexes { user_agent_parsers: Vec::new(), os_parsers: Vec::new(), device_parsers: Vec::new() };
    let mut list = "";
    let mut entry: Option<ListItem<'_>> = None;
    for (index, line) in text.lines().enumerate() {
        let fail = |fault| RegexesError { line: index + 1, fault };
        let content = line.trim();
        if content.is_empty() || content.starts_with('#') || content == "---" {
            continue;
        }
        if !line.starts_with([' ', '-']) {
            finish(entry.take(), list, &mut regexes)?;
            list = content.strip_suffix(':').ok_or_else(|| fail("a list's name must end with a colon"))?;
            continue;
        }
        let member = match content.strip_prefix("- ") {
            Some(member) => {
                finish(entry.take(), list, &mut regexes)?;
                entry = Some(ListItem { line: index + 1, ..ListItem::default() });
                member.trim_start()
            }
            None => content,
        };
        let (key, value) = member.split_once(':').ok_or_else(|| fail("expected `key: value`"))?;
        let value =
            scalar(value.trim()).ok_or_else(|| fail("expected a value in quotes, or a plain one, on the same line"))?;
        let entry = entry.as_mut().ok_or_else(|| fail("expected `- ` in front of the first key of an entry"))?;
        if value != "null" {
            entry.fields.push((key.trim_end(), value));
        }
    }
    finish(entry, list, &mut regexes)?;
    Ok(regexes)
}

fn finish<'a>(entry: Option<ListItem<'a>>, list: &str, regexes: &mut Regexes<'a>) -> Result<(), RegexesError> {
    let Some(mut entry) = entry else {
        return Ok(());
    };
    match list {
        "user_agent_parsers" => regexes.user_agent_parsers.push(user_agent::Parser {
            regex: entry.regex()?,
            family_replacement: entry.take("family_replacement"),
            v1_replacement: entry.take("v1_replacement"),
            v2_replacement: entry.take("v2_replacement"),
            v3_replacement: entry.take("v3_replacement"),
            v4_replacement: entry.take("v4_replacement"),
        }),
        "os_parsers" => regexes.os_parsers.push(os::Parser {
            regex: entry.regex()?,
            os_replacement: entry.take("os_replacement"),
            os_v1_replacement: entry.take("os_v1_replacement"),
            os_v2_replacement: entry.take("os_v2_replacement"),
            os_v3_replacement: entry.take("os_v3_replacement"),
            os_v4_replacement: entry.take("os_v4_replacement"),
        }),
        "device_parsers" => regexes.device_parsers.push(device::Parser {
            regex: entry.regex()?,
            regex_flag: match entry.take("regex_flag").as_deref() {
                None => None,
                Some("i") => Some(device::Flag::IgnoreCase),
                Some(_) => {
                    return Err(RegexesError { line: entry.line, fault: "the only regex_flag is 'i'" });
                }
            },
            device_replacement: entry.take("device_replacement"),
            brand_replacement: entry.take("brand_replacement"),
            model_replacement: entry.take("model_replacement"),
        }),
        _ => {
            return Err(RegexesError {
                line: entry.line,
                fault: "this entry is in none of user_agent_parsers, os_parsers, device_parsers",
            });
        }
    }
    Ok(())
}

/// A scalar, in single or double quotes or without, optionally followed by a comment.
fn scalar(text: &str) -> Option<Cow<'_, str>> {
    match text.as_bytes().first()? {
        b'\'' => single_quoted(&text[1..]),
        b'"' => double_quoted(&text[1..]),
        b'[' | b'{' | b'&' | b'*' | b'!' | b'|' | b'>' | b'%' | b'@' | b'`' | b'#' => None,
        _ => {
            let end = text.find(" #").unwrap_or(text.len());
            Some(Cow::Borrowed(text[..end].trim_end()))
        }
    }
}

fn only_comment(rest: &str) -> Option<()> {
    let blank = rest.trim();
    (blank.is_empty() || blank.starts_with('#')).then_some(())
}

/// In single quotes, `''` is a quote; everything else stands for itself.
fn single_quoted(text: &str) -> Option<Cow<'_, str>> {
    let mut from = 0;
    loop {
        let end = from + text[from..].find('\'')?;
        if text[end + 1..].starts_with('\'') {
            from = end + 2;
            continue;
        }
        only_comment(&text[end + 1..])?;
        let inner = &text[..end];
        return Some(if inner.contains('\'') { Cow::Owned(inner.replace("''", "'")) } else { Cow::Borrowed(inner) });
    }
}

/// In double quotes, the common escapes are supported.
fn double_quoted(text: &str) -> Option<Cow<'_, str>> {
    let mut inner = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => {
                only_comment(&text[at + 1..])?;
                return Some(Cow::Owned(inner));
            }
            '\\' => inner.push(match characters.next()?.1 {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                '0' => '\0',
                same @ ('\\' | '"' | '/' | ' ') => same,
                _ => return None,
            }),
            other => inner.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests;
