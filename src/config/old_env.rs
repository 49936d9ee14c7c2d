//! Applies OpenReplay's variables: values that need translating, and the effect of each variable that is set.

use super::environment::Environment;
use super::error::ConfigError;
use super::mask::masked;
use super::old_variables::Becomes::{File, Nothing, Settings, TokenSecret};
use super::old_variables::{OLD_VARIABLES, OldVariableEffect};
use super::origin::Origin;
use super::settings::SETTINGS;
use super::value;

/// OpenReplay's port for metrics and health, where probes look for them.
const ADMIN_PORT: u16 = 8888;

/// A value translated from OpenReplay's variables: the setting, its text, and where it was set.
pub(super) type Derived = (&'static str, String, Origin);

/// The values of variables that need translating. `port` is the port that `listen` has without them.
pub(super) fn derived(
    environment: &Environment,
    port: u16,
    overridden: &dyn Fn(&str) -> bool,
    faults: &mut Vec<ConfigError>,
) -> Vec<Derived> {
    let mut derived = Vec::new();
    let timeout =
        if overridden("head_timeout") && overridden("body_grace") { Ok(Vec::new()) } else { timeout(environment) };
    for one in [address(environment, port), timeout, level(environment)] {
        match one {
            Ok(values) => derived.extend(values),
            Err(fault) => faults.push(fault),
        }
    }
    derived
}

/// `HTTP_HOST` (empty: every address) and `HTTP_PORT` together are our `listen`. Metrics and health then move to the same host: whatever was
/// set up for OpenReplay's service reaches them through a port of the container, not from inside it.
fn address(environment: &Environment, usual_port: u16) -> Result<Vec<Derived>, ConfigError> {
    let host = environment.text("HTTP_HOST", "listen").transpose()?;
    let port = environment.text("HTTP_PORT", "listen").transpose()?;
    let origin = match (&host, &port) {
        (None, None) => return Ok(Vec::new()),
        (Some((_, Origin::VariableFile { path, line })), _) | (_, Some((_, Origin::VariableFile { path, line }))) => {
            Origin::VariableFile { path: path.clone(), line: *line }
        }
        _ => {
            let set = [("HTTP_HOST", host.is_some()), ("HTTP_PORT", port.is_some())];
            Origin::Variable(set.iter().filter(|(_, set)| *set).map(|(name, _)| (*name).to_owned()).collect())
        }
    };
    let host = host.map_or("0.0.0.0", |(text, _)| text.trim());
    // IPv6 addresses contain colons.
    let host = if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.to_owned() };
    let port = port.map_or_else(|| usual_port.to_string(), |(text, _)| text.trim().to_owned());
    let listen = ("listen", format!("{host}:{port}"), origin.clone());
    let admin = ("admin", format!("{host}:{ADMIN_PORT}"), origin);
    Ok(vec![listen, admin])
}

/// `HTTP_TIMEOUT` is one deadline for the head, for head and body together, and for an idle connection. Here each has its own: the variable
/// sets the head's deadline and the body's grace time before its rate counts (so nothing is cut off that OpenReplay's service would have accepted),
/// and an idle connection is never closed sooner than by default, because closing it early only races with the next request.
fn timeout(environment: &Environment) -> Result<Vec<Derived>, ConfigError> {
    let Some((text, origin)) = environment.text("HTTP_TIMEOUT", "head_timeout").transpose()? else {
        return Ok(Vec::new());
    };
    let invalid = |problem| ConfigError::Invalid {
        origin: origin.clone(),
        key: "head_timeout".to_owned(),
        value: text.to_owned(),
        problem,
    };
    let timeout = value::duration(text.trim()).map_err(invalid)?;
    if timeout.is_zero() {
        return Err(invalid("no deadline at all would let anyone hold connections for ever".to_owned()));
    }
    let mut derived = vec![("head_timeout", text.to_owned(), origin.clone())];
    derived.push(("body_grace", text.to_owned(), origin.clone()));
    let idle = SETTINGS.iter().find(|setting| setting.name == "idle_timeout");
    if idle.and_then(|setting| value::duration(setting.default).ok()).is_some_and(|default| timeout > default) {
        derived.push(("idle_timeout", text.to_owned(), origin.clone()));
    }
    Ok(derived)
}

/// `DEBUG=true` sets the log level.
fn level(environment: &Environment) -> Result<Vec<Derived>, ConfigError> {
    let Some((text, origin)) = environment.text("DEBUG", "log_level").transpose()? else { return Ok(Vec::new()) };
    match value::switch(text.trim()) {
        Ok(true) => Ok(vec![("log_level", "debug".to_owned(), origin.clone())]),
        Ok(false) => Ok(Vec::new()),
        // Many programs have a variable of this name with values of their own; that must not keep a server from starting.
        Err(_) => Ok(Vec::new()),
    }
}

/// The effects of the variables that are set. `origin_of` tells where a setting's value comes from.
pub(super) fn effects(environment: &Environment, origin_of: impl Fn(&str) -> Option<Origin>) -> Vec<OldVariableEffect> {
    let mut effects = Vec::new();
    for row in OLD_VARIABLES {
        let Some((value, origin)) = environment.get(row.name) else { continue };
        let (sets, why_not) = match row.becomes {
            TokenSecret => (vec!["token secret"], None),
            File => (vec!["more variables"], None),
            Nothing(why) => (Vec::new(), Some(why.to_owned())),
            Settings(names) => {
                let of_file = |from: &Origin| origin.place().0.is_some() && from.place().0 == origin.place().0;
                let is_from = |from: &Origin| of_file(from) || from.variables().iter().any(|name| name == row.name);
                let sets: Vec<&str> =
                    names.iter().copied().filter(|name| origin_of(name).is_some_and(|from| is_from(&from))).collect();
                let why_not = sets.is_empty().then(|| why_unused(row.name, names, &origin_of));
                (sets, why_not)
            }
        };
        let value = masked(row.name, &value.to_string_lossy());
        effects.push(OldVariableEffect { name: row.name, value, origin: origin.clone(), sets, why_not });
    }
    effects
}

fn why_unused(variable: &str, names: &[&str], origin_of: impl Fn(&str) -> Option<Origin>) -> String {
    let first = names.first().copied().unwrap_or_default();
    match origin_of(first) {
        None => "this version has no setting for it".to_owned(),
        Some(Origin::Default) if variable == "DEBUG" => "it is not true, and log_level is info already".to_owned(),
        Some(Origin::Default) => "its value can't be used".to_owned(),
        Some(origin) => format!("{first} is set by {origin}, which goes before it"),
    }
}

#[cfg(test)]
mod tests;
