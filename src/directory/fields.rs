//! Parses one TOML table field by field: each field with its type and limits, each fault with its line.

use std::cell::RefCell;
use std::ops::{Range, RangeInclusive};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::jsonb;

/// A fault and its line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong, and what would be right.
    pub text: String,
}

/// Collects the faults of tables in lists, so that one does not hide the others.
pub type Faults = RefCell<Vec<Fault>>;

/// A table whose fields are taken one by one. What is left at the end is unknown.
pub struct Fields<'t, 'i> {
    source: &'t str,
    faults: &'t Faults,
    table: &'t DeTable<'i>,
    span: Range<usize>,
    known: Vec<&'static str>,
}

impl<'t, 'i> Fields<'t, 'i> {
    pub fn new(source: &'t str, faults: &'t Faults, table: &'t DeTable<'i>, span: Range<usize>) -> Self {
        Self { source, faults, table, span, known: Vec::new() }
    }

    /// The number of values, counting those of nested tables and lists one by one.
    pub fn given(&self) -> usize {
        self.table.iter().map(|(_, value)| given(value.get_ref())).sum()
    }

    /// A fault of the table as a whole.
    pub fn fault(&self, text: impl Into<String>) -> Fault {
        fault_at(self.source, self.span.start, text)
    }

    /// A fault of one field, or of the table if the field is missing.
    pub fn fault_of(&self, key: &str, text: impl Into<String>) -> Fault {
        let span = self.table.get(key).map_or(self.span.clone(), Spanned::span);
        fault_at(self.source, span.start, text)
    }

    fn take(&mut self, key: &'static str) -> Option<&'t Spanned<DeValue<'i>>> {
        self.known.push(key);
        self.table.get(key)
    }

    fn wrong_type(&self, key: &str, value: &DeValue<'_>, wanted: &str) -> Fault {
        let found = value.type_str();
        self.fault_of(key, format!("`{key}` must be {wanted}, not {found}"))
    }

    fn missing(&self, key: &str) -> Fault {
        self.fault(format!("`{key}` is missing"))
    }

    /// An optional text.
    pub fn text_if(&mut self, key: &'static str) -> Result<Option<String>, Fault> {
        let Some(value) = self.take(key) else {
            return Ok(None);
        };
        let text = value.get_ref().as_str().ok_or_else(|| self.wrong_type(key, value.get_ref(), "a string"))?;
        if text.contains('\0') {
            return Err(self.fault_of(key, format!("`{key}` must not contain NUL")));
        }
        Ok(Some(text.to_owned()))
    }

    /// A required text.
    pub fn text(&mut self, key: &'static str) -> Result<String, Fault> {
        self.text_if(key)?.ok_or_else(|| self.missing(key))
    }

    /// An optional text of at most `chars_max` characters.
    pub fn short_text_if(&mut self, key: &'static str, chars_max: usize) -> Result<Option<String>, Fault> {
        let text = self.text_if(key)?;
        match text.as_ref().map(|text| text.chars().count()).filter(|&chars| chars > chars_max) {
            Some(chars) => {
                let text = format!("`{key}` has {chars} characters; {chars_max} are the most");
                Err(self.fault_of(key, text))
            }
            None => Ok(text),
        }
    }

    /// A text of at most `chars_max` characters; empty if missing.
    pub fn short_text(&mut self, key: &'static str, chars_max: usize) -> Result<String, Fault> {
        Ok(self.short_text_if(key, chars_max)?.unwrap_or_default())
    }

    /// A required text of 1 to `chars_max` characters.
    pub fn name(&mut self, key: &'static str, chars_max: usize) -> Result<String, Fault> {
        let text = self.short_text_if(key, chars_max)?.ok_or_else(|| self.missing(key))?;
        if text.is_empty() { Err(self.fault_of(key, format!("`{key}` is empty"))) } else { Ok(text) }
    }

    /// Whether the field holds a text.
    pub fn is_text(&self, key: &str) -> bool {
        self.table.get(key).is_some_and(|value| value.get_ref().is_str())
    }

    /// Optional JSON, written either as a text that holds it or as TOML. The result is what Postgres prints for a `jsonb`.
    pub fn json_if(&mut self, key: &'static str, bytes_max: usize) -> Result<Option<String>, Fault> {
        let Some(value) = self.take(key) else {
            return Ok(None);
        };
        let json = match value.get_ref() {
            DeValue::String(text) => jsonb::from_text(text),
            other => jsonb::from_toml(other),
        };
        let json = json.map_err(|fault| self.fault_of(key, format!("`{key}` is not JSON: {fault}")))?;
        if json.len() > bytes_max {
            let text = format!("`{key}` has {} bytes as JSON; {bytes_max} are the most", json.len());
            return Err(self.fault_of(key, text));
        }
        Ok(Some(json))
    }

    /// An optional date or text.
    pub fn date_if(&mut self, key: &'static str) -> Result<Option<String>, Fault> {
        if let Some(date) = self.table.get(key).and_then(|value| value.get_ref().as_datetime()) {
            self.known.push(key);
            return Ok(Some(date.to_string()));
        }
        self.text_if(key)
    }

    /// One of a few words, or the default.
    pub fn word<T: Copy>(
        &mut self,
        key: &'static str,
        words: &[(&'static str, T)],
        default: Option<T>,
    ) -> Result<T, Fault> {
        let Some(text) = self.text_if(key)? else {
            return default.ok_or_else(|| self.missing(key));
        };
        let found = words.iter().find(|(word, _)| *word == text);
        found.map(|&(_, value)| value).ok_or_else(|| {
            let words: Vec<_> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
            let words = words.join(", ");
            self.fault_of(key, format!("`{key}` is \"{text}\"; it must be one of {words}"))
        })
    }

    /// A boolean, or the default.
    pub fn bool_or(&mut self, key: &'static str, default: bool) -> Result<bool, Fault> {
        match self.take(key) {
            None => Ok(default),
            Some(value) => {
                value.get_ref().as_bool().ok_or_else(|| self.wrong_type(key, value.get_ref(), "true or false"))
            }
        }
    }

    /// An optional integer within limits.
    pub fn integer_if(&mut self, key: &'static str, range: RangeInclusive<u32>) -> Result<Option<u32>, Fault> {
        let Some(value) = self.take(key) else {
            return Ok(None);
        };
        let integer =
            value.get_ref().as_integer().ok_or_else(|| self.wrong_type(key, value.get_ref(), "an integer"))?;
        let number = i64::from_str_radix(integer.as_str(), integer.radix()).ok();
        let number = number.and_then(|number| u32::try_from(number).ok());
        number.filter(|number| range.contains(number)).map(Some).ok_or_else(|| {
            let (least, most) = (range.start(), range.end());
            let text = integer.as_str();
            self.fault_of(key, format!("`{key}` is {text}; it must be {least} to {most}"))
        })
    }

    /// An integer within limits, or the default.
    pub fn integer_or(&mut self, key: &'static str, range: RangeInclusive<u32>, default: u32) -> Result<u32, Fault> {
        Ok(self.integer_if(key, range)?.unwrap_or(default))
    }

    /// A required integer within limits.
    pub fn integer(&mut self, key: &'static str, range: RangeInclusive<u32>) -> Result<u32, Fault> {
        self.integer_if(key, range)?.ok_or_else(|| self.missing(key))
    }

    /// A number in hundredths, or the default.
    pub fn percent_or(&mut self, key: &'static str, default: u8) -> Result<u8, Fault> {
        let percent = self.integer_or(key, 0..=100, default.into())?;
        Ok(u8::try_from(percent).unwrap_or(100))
    }

    /// A list of numbers within limits; empty if missing.
    pub fn integers(&mut self, key: &'static str, range: RangeInclusive<u32>) -> Result<Vec<u32>, Fault> {
        let Some(value) = self.take(key) else {
            return Ok(Vec::new());
        };
        let wanted = || format!("a list of integers from {} to {}", range.start(), range.end());
        let list = value.get_ref().as_array().ok_or_else(|| self.wrong_type(key, value.get_ref(), &wanted()))?;
        list.iter()
            .map(|item| {
                let integer = item.get_ref().as_integer();
                let number = integer.and_then(|integer| u32::from_str_radix(integer.as_str(), integer.radix()).ok());
                number
                    .filter(|number| range.contains(number))
                    .ok_or_else(|| fault_at(self.source, item.span().start, format!("`{key}` must be {}", wanted())))
            })
            .collect()
    }

    /// Whether the field is present.
    pub fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// A list of texts; empty if missing.
    pub fn texts(&mut self, key: &'static str) -> Result<Vec<String>, Fault> {
        let Some(value) = self.take(key) else {
            return Ok(Vec::new());
        };
        let wanted = "a list of strings";
        let list = value.get_ref().as_array().ok_or_else(|| self.wrong_type(key, value.get_ref(), wanted))?;
        list.iter()
            .map(|item| {
                let text = item.get_ref().as_str().map(str::to_owned);
                text.ok_or_else(|| self.wrong_type(key, item.get_ref(), wanted))
            })
            .collect()
    }

    /// A list of at most `count_max` tables, each read by `read`; empty if missing.
    pub fn few_tables<T>(
        &mut self,
        key: &'static str,
        count_max: usize,
        read: impl FnMut(Fields<'t, 'i>) -> Result<T, Fault>,
    ) -> Result<Vec<T>, Fault> {
        let list = self.table.get(key).and_then(|value| value.get_ref().as_array());
        if let Some(first) = list.and_then(|list| list.get(count_max)) {
            return Err(fault_at(self.source, first.span().start, format!("more than {count_max} entries in `{key}`")));
        }
        self.tables(key, read)
    }

    /// A list of tables, each read by `read`; empty if missing. A table with a fault is left out and its fault noted: the whole file is then
    /// refused, but only after the other tables have been checked.
    pub fn tables<T>(
        &mut self,
        key: &'static str,
        mut read: impl FnMut(Fields<'t, 'i>) -> Result<T, Fault>,
    ) -> Result<Vec<T>, Fault> {
        let Some(value) = self.take(key) else {
            return Ok(Vec::new());
        };
        let wanted = format!("a list of tables, written [[{key}]]");
        let list = value.get_ref().as_array().ok_or_else(|| self.wrong_type(key, value.get_ref(), &wanted))?;
        let read = list.iter().filter_map(|item| {
            let table = item.get_ref().as_table().ok_or_else(|| self.wrong_type(key, item.get_ref(), &wanted));
            let entry = table.and_then(|table| read(Fields::new(self.source, self.faults, table, item.span())));
            entry.map_err(|fault| self.faults.borrow_mut().push(fault)).ok()
        });
        Ok(read.collect())
    }

    /// Refuses unknown fields, suggesting the most similar known field.
    pub fn finish(self) -> Result<(), Fault> {
        let unknown = self
            .table
            .iter()
            .map(|(key, _)| key)
            .filter(|key| !self.known.contains(&key.get_ref().as_ref()))
            .min_by_key(|key| key.span().start);
        let Some(key) = unknown else {
            return Ok(());
        };
        let name = key.get_ref().as_ref();
        let likeness = |known: &&&str| strsim::jaro_winkler(name, known);
        let nearest = self
            .known
            .iter()
            .max_by(|a, b| likeness(a).total_cmp(&likeness(b)))
            .map(|nearest| format!("; did you mean `{nearest}`?"))
            .unwrap_or_default();
        let text = format!("`{name}` is not known here{nearest}");
        Err(fault_at(self.source, key.span().start, text))
    }
}

fn given(value: &DeValue<'_>) -> usize {
    match value {
        DeValue::Array(items) => 1 + items.iter().map(|item| given(item.get_ref())).sum::<usize>(),
        DeValue::Table(members) => 1 + members.iter().map(|(_, member)| given(member.get_ref())).sum::<usize>(),
        _ => 1,
    }
}

/// A fault at a byte offset of the file.
pub fn fault_at(source: &str, at: usize, text: impl Into<String>) -> Fault {
    let before = &source.as_bytes()[..at.min(source.len())];
    Fault { line: before.iter().filter(|&&byte| byte == b'\n').count() + 1, text: text.into() }
}
