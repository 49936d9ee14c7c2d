//! Hides values that nobody may read over a shoulder or in a log.

/// What is shown in place of a hidden value.
const HIDDEN: &str = "(hidden)";

/// Variable names that mark secrets; a setting's name is compared in capitals.
const SECRETS: [&str; 11] = [
    "TOKEN_SECRET",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AZURE_ACCOUNT_KEY",
    "JWT_SECRET",
    "JWT_SPOT_SECRET",
    "JWT_MCP_SECRET",
    "LICENSE_KEY",
    "KAFKA_SSL_KEY",
    "KAFKA_OPTIONS",
    "FORWARD_SECRET",
];

/// Names of addresses that may contain a password.
const ADDRESSES: [&str; 2] = ["POSTGRES_STRING", "REDIS_STRING"];

/// A value as it may be shown. `name` is the name of a variable or a setting.
pub fn masked(name: &str, value: &str) -> String {
    let name = name.to_ascii_uppercase();
    let name = name.strip_prefix("TAKEUP_").unwrap_or(&name);
    if value.is_empty() {
        String::new()
    } else if SECRETS.contains(&name) {
        HIDDEN.to_owned()
    } else if ADDRESSES.contains(&name) || names_user(value) {
        without_password(value)
    } else {
        value.to_owned()
    }
}

/// Whether there is a URL with a user name in it.
fn names_user(value: &str) -> bool {
    value.split("://").skip(1).any(|rest| rest.split(['/', '?', '#']).next().is_some_and(|place| place.contains('@')))
}

/// An address, as a URL or as `key=value` pairs, with its password hidden. Anything else is hidden whole.
fn without_password(text: &str) -> String {
    if let Some((scheme, rest)) = text.split_once("://") {
        let place_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        // A password may contain a slash that should have been escaped, so the last @ decides.
        let Some(at) = rest[..place_end].rfind('@').or_else(|| rest.rfind('@')) else {
            return if rest.contains("password") { HIDDEN.to_owned() } else { text.to_owned() };
        };
        let (who, place) = rest.split_at(at);
        // Of several addresses with a password each, all are hidden.
        if place.contains("password") || place[1..].contains('@') || scheme.contains('@') {
            return HIDDEN.to_owned();
        }
        return match who.split_once(':') {
            Some((user, _)) => format!("{scheme}://{user}:{HIDDEN}{place}"),
            None => text.to_owned(),
        };
    }
    let plain_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']' | ',');
    if text.chars().all(plain_host) { text.to_owned() } else { HIDDEN.to_owned() }
}

#[cfg(test)]
mod tests;
