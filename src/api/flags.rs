//! `POST /v1/web/feature-flags`: which of a project's feature flags are on for a visitor.
//!
//! For each active flag, in the order of the file:
//!
//! 1. If clients persist the flag and this client has a persisted value, that value is the answer. For a multivariate flag it must still be
//!    one of the variants.
//! 2. Otherwise its conditions are evaluated in order. A condition matches if all its filters match. The first match decides: its rollout
//!    percentage is the share of visitors who get the flag.
//! 3. For those visitors the flag is on; for a multivariate flag, a variant is drawn by the variants' percentages. If these add up to less
//!    than a hundred and the draw falls beyond them, evaluation continues with the next condition.
//!
//! Every request draws anew, as in OpenReplay: `is_persist` is what makes an answer stick to a visitor.
//!
//! Clients send a persisted value as `{"flag": {"key": "flag", "value": true}}`; the plain form `{"flag": true}` is read too.

use std::collections::BTreeMap;

use crate::base::text::clean;
use crate::codec::json::{
    Fields, JsonError, JsonScratch, Mismatch, Value, is_key, members, read, set_text, write_string, wrong_type,
};
use crate::directory::{Directory, FeatureFlag, Filter, FlagKind};

use super::refusal::{Reason, Refusal};

/// The longest text about a visitor that filters compare, in characters; longer ones are cut.
const TEXT_CHARS_MAX: usize = 2_000;

/// The answer for a client that gets no flags because its project is unknown or its token is not valid.
pub const NONE: &[u8] = br#"{"flags":[]}"#;

/// What a client says about its visitor. `projectID` is only checked for its type: the session decides the project.
#[derive(Debug, Default)]
pub struct FlagsRequest {
    os: String,
    device: String,
    country: String,
    state: String,
    city: String,
    browser: String,
    referrer: String,
    user_id: String,
    project_id: String,
    metadata: BTreeMap<String, String>,
    kept: BTreeMap<String, Kept>,
}

/// A flag's value that the client has persisted.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Kept {
    Bool(bool),
    Text(String),
    /// A type that no flag ever has.
    Other,
}

impl Fields for FlagsRequest {
    const PACKAGE: &'static str = "featureflags";
    const TYPE: &'static str = "FeatureFlagsRequest";

    fn clear(&mut self) {
        *self = Self::default();
    }

    fn set(&mut self, key: &str, value: Value<'_>) -> Result<(), Mismatch> {
        match key {
            "projectid" => set_text(&mut self.project_id, value, "projectID"),
            "os" => set_text(&mut self.os, value, "os"),
            "device" => set_text(&mut self.device, value, "device"),
            "country" => set_text(&mut self.country, value, "country"),
            "state" => set_text(&mut self.state, value, "state"),
            "city" => set_text(&mut self.city, value, "city"),
            "browser" => set_text(&mut self.browser, value, "browser"),
            "referrer" => set_text(&mut self.referrer, value, "referrer"),
            "userid" => set_text(&mut self.user_id, value, "userID"),
            "metadata" => object(value, "metadata", METADATA),
            "persistflags" => object(value, "persistFlags", "map[string]interface {}"),
            _ => Ok(()),
        }
    }
}

const METADATA: &str = "map[string]string";

fn object(value: Value<'_>, field: &'static str, go_type: &'static str) -> Result<(), Mismatch> {
    match value {
        Value::Null | Value::Object => Ok(()),
        _ => Err(Mismatch { field, go_type }),
    }
}

impl FlagsRequest {
    /// Reads a request's body.
    pub fn read(body: &[u8]) -> Result<Self, JsonError> {
        let mut request = Self::default();
        let mut scratch = JsonScratch::default();
        read(body, &mut request, &mut scratch)?;
        let mut inner = JsonScratch::default();
        members(body, &mut scratch, |key, value, text| {
            if is_key(key, "metadata") {
                request.read_metadata(value, text, &mut inner)
            } else if is_key(key, "persistflags") {
                request.read_kept(value, text, &mut inner)
            } else {
                Ok(())
            }
        })?;
        let Self { os, device, country, state, city, browser, referrer, user_id, .. } = &mut request;
        for text in [os, device, country, state, city, browser, referrer, user_id] {
            clean(text, TEXT_CHARS_MAX);
        }
        request.metadata.values_mut().for_each(|text| clean(text, TEXT_CHARS_MAX));
        Ok(request)
    }

    fn read_metadata(&mut self, value: Value<'_>, text: &[u8], scratch: &mut JsonScratch) -> Result<(), JsonError> {
        if value == Value::Null {
            self.metadata.clear();
        }
        members(text, scratch, |key, value, _| {
            let text = match value {
                Value::String(text) => text,
                Value::Null => "",
                other => return Err(wrong_type(Self::TYPE, "metadata", "string", other)),
            };
            self.metadata.insert(key.to_owned(), text.to_owned());
            Ok(())
        })
    }

    fn read_kept(&mut self, value: Value<'_>, text: &[u8], scratch: &mut JsonScratch) -> Result<(), JsonError> {
        if value == Value::Null {
            self.kept.clear();
        }
        let mut inner = JsonScratch::default();
        members(text, scratch, |key, value, text| {
            let mut kept = Kept::of(value);
            // The last key wins, here as everywhere.
            members(text, &mut inner, |key, value, _| {
                if is_key(key, "value") {
                    kept = Kept::of(value);
                }
                Ok(())
            })?;
            self.kept.insert(key.to_owned(), kept);
            Ok(())
        })
    }

    /// The visitor's value that a filter compares.
    fn subject(&self, filter: &Filter) -> Option<&str> {
        Some(match &*filter.kind {
            "userCountry" => &self.country,
            "userCity" => &self.city,
            "userState" => &self.state,
            "userOs" => &self.os,
            "userBrowser" => &self.browser,
            "userDevice" => &self.device,
            "userId" => &self.user_id,
            "referrer" => &self.referrer,
            "metadata" => {
                let key = filter.source.as_deref().unwrap_or_default();
                self.metadata.get(key).map_or("", String::as_str)
            }
            _ => return None,
        })
    }

    fn meets(&self, filter: &Filter) -> bool {
        let Some(subject) = self.subject(filter) else { return false };
        let any = |holds: fn(&str, &str) -> bool| filter.value.iter().any(|value| holds(subject, value));
        match &*filter.operator {
            "is" => any(|subject, value| subject == value),
            "isNot" => !any(|subject, value| subject == value),
            "isAny" => !subject.is_empty(),
            "contains" => any(|subject, value| subject.contains(value)),
            "notContains" => !any(|subject, value| subject.contains(value)),
            "startsWith" => any(|subject, value| subject.starts_with(value)),
            "endsWith" => any(|subject, value| subject.ends_with(value)),
            "isUndefined" => subject.is_empty(),
            _ => false,
        }
    }
}

impl Kept {
    fn of(value: Value<'_>) -> Self {
        match value {
            Value::Bool(truth) => Self::Bool(truth),
            Value::String(text) => Self::Text(text.to_owned()),
            _ => Self::Other,
        }
    }
}

/// The value of a flag for a visitor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Given<'a> {
    Bool(bool),
    Text(&'a str),
}

/// The answer to a client whose session belongs to `project`. `dice` draws from 0..=99.
pub fn feature_flags(
    body: &[u8],
    directory: &Directory,
    project: Option<u32>,
    mut dice: impl FnMut() -> u8,
) -> Result<Vec<u8>, Refusal> {
    let Some(project) = project.and_then(|id| directory.by_id(id)) else {
        return Ok(NONE.to_vec());
    };
    let request = FlagsRequest::read(body).map_err(|error| Refusal::new(400, Reason::Json, error.to_string()))?;
    let mut out = br#"{"flags":["#.to_vec();
    for flag in project.feature_flags.iter().filter(|flag| flag.is_active) {
        if let Some((given, payload)) = given(flag, &request, &mut dice) {
            write_flag(&mut out, flag, given, payload);
        }
    }
    out.extend_from_slice(b"]}");
    Ok(out)
}

fn given<'a>(
    flag: &'a FeatureFlag,
    request: &'a FlagsRequest,
    dice: &mut impl FnMut() -> u8,
) -> Option<(Given<'a>, &'a str)> {
    let own = flag.payload.as_deref().unwrap_or_default();
    let kept = request.kept.get(&flag.flag_key).filter(|_| flag.is_persist);
    match (flag.flag_type, kept) {
        (FlagKind::Single, Some(Kept::Bool(truth))) => return Some((Given::Bool(*truth), own)),
        (FlagKind::Single, Some(Kept::Text(text))) => return Some((Given::Text(text), own)),
        (FlagKind::Multi, Some(Kept::Text(text))) => {
            if let Some(variant) = flag.variants.iter().find(|variant| variant.value == *text) {
                return Some((Given::Text(&variant.value), variant.payload.as_deref().unwrap_or_default()));
            }
        }
        _ => {}
    }
    for condition in &flag.conditions {
        if !condition.filters.iter().all(|filter| request.meets(filter)) {
            continue;
        }
        if dice() >= condition.rollout_percentage {
            return None;
        }
        if flag.flag_type == FlagKind::Single {
            return Some((Given::Bool(true), own));
        }
        let (lot, mut end) = (u32::from(dice()), 0);
        for variant in &flag.variants {
            end += u32::from(variant.rollout_percentage);
            if lot < end {
                return Some((Given::Text(&variant.value), variant.payload.as_deref().unwrap_or_default()));
            }
        }
    }
    None
}

fn write_flag(out: &mut Vec<u8>, flag: &FeatureFlag, given: Given<'_>, payload: &str) {
    if out.last() == Some(&b'}') {
        out.push(b',');
    }
    out.extend_from_slice(br#"{"key":"#);
    write_string(out, &flag.flag_key);
    out.extend_from_slice(if flag.is_persist { br#","is_persist":true"# } else { br#","is_persist":false"# });
    out.extend_from_slice(br#","value":"#);
    match given {
        Given::Bool(truth) => out.extend_from_slice(if truth { b"true" } else { b"false" }),
        Given::Text(text) => write_string(out, text),
    }
    out.extend_from_slice(br#","payload":"#);
    write_string(out, payload);
    out.push(b'}');
}

#[cfg(test)]
mod tests;
