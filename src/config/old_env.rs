//! The variables of OpenReplay's `http` service: one row for each, with what becomes of it here.
//!
//! A row either gives a value to settings or has no effect, and then says why. Nobody should have to find out by trying: the
//! server's first lines, `takeup config check` and `takeup config show` tell which of the variables that are set have no
//! effect, and `docs/configuration.md` has the whole table.

use super::environment::Environment;
use super::error::ConfigError;
use super::mask::masked;
use super::origin::Origin;
use super::settings::SETTINGS;
use super::value;

/// A variable of OpenReplay's service.
#[derive(Debug, Clone, Copy)]
pub struct OldVariable {
    /// Its name.
    pub name: &'static str,
    /// What becomes of it.
    pub becomes: Becomes,
    /// Whether it can stand in the file that `CONFIG_FILE_PATH` names, which reaches only some.
    pub in_file: bool,
}

/// What becomes of a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Becomes {
    /// It gives a value to these settings.
    Settings(&'static [&'static str]),
    /// It is the token secret.
    TokenSecret,
    /// It names a file of more variables.
    File,
    /// It has no effect, because.
    Nothing(&'static str),
}

/// A variable that is set, and what becomes of it at the moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Its name.
    pub name: &'static str,
    /// Its value, with what is secret hidden.
    pub value: String,
    /// Where it is set.
    pub origin: Origin,
    /// What it has given a value to; empty: nothing.
    pub taken: Vec<&'static str>,
    /// Why it has no effect, if it has none.
    pub why_not: Option<String>,
}

use Becomes::{File, Nothing, Settings, TokenSecret};

const fn row(name: &'static str, becomes: Becomes) -> OldVariable {
    OldVariable { name, becomes, in_file: true }
}

/// A variable of a group that the file does not reach.
const fn group(name: &'static str, becomes: Becomes) -> OldVariable {
    OldVariable { name, becomes, in_file: false }
}

const POSTGRES: &str = "nothing is written to Postgres: projects are in projects.toml, sessions stay in the log";
const REDIS: &str = "nothing is handed on to Redis: records stay in the log";
const KAFKA: &str = "nothing is handed on to Kafka: records stay in the log";
const UNUSED: &str = "OpenReplay's service does not use it either";
const MEMORY: &str = "memory is bounded by inflight_bytes_max and connections_max";
const AZURE: &str = "only storage that speaks S3's protocol is known here";
const NO_JWT: &str = "nothing here takes or gives such tokens";

/// All of them, in the order of OpenReplay's own configuration.
pub const OLD_VARIABLES: &[OldVariable] = &[
    group("CONFIG_FILE_PATH", File),
    group("QUEUE_MESSAGE_SIZE_LIMIT", Settings(&["queue_message_size_limit"])),
    group("MAX_MEMORY_USAGE", Nothing(MEMORY)),
    group("MEMORY_LIMIT_MB", Nothing(MEMORY)),
    group("POSTGRES_STRING", Nothing(POSTGRES)),
    group("SERVICE_NAME", Nothing("it names the service to Postgres, where nothing is written")),
    group("REDIS_STRING", Nothing(REDIS)),
    group("REDIS_STREAMS_MAX_LEN", Nothing(REDIS)),
    group("REDIS_STREAMS_TTL_SEC", Nothing(REDIS)),
    group("REDIS_STREAMS_READ_COUNT", Nothing(UNUSED)),
    group("REDIS_STREAMS_READ_BLOCK_DURATION", Nothing(UNUSED)),
    group("REDIS_STREAMS_CLOSE_TIMEOUT", Nothing(UNUSED)),
    group("REDIS_CACHE_ENABLED", Nothing("projects and sessions are in memory, no cache is needed")),
    group("CLOUD", Settings(&["cloud"])),
    group("BUCKET_NAME", Settings(&["bucket_name"])),
    group("AWS_REGION", Settings(&["aws_region"])),
    group("AWS_ACCESS_KEY_ID", Settings(&["aws_access_key_id"])),
    group("AWS_SECRET_ACCESS_KEY", Settings(&["aws_secret_access_key"])),
    group("AWS_ENDPOINT", Settings(&["aws_endpoint"])),
    group("AWS_SKIP_SSL_VALIDATION", Nothing("nothing connects to the storage from here")),
    group("AWS_IAM_ROLE", Nothing("addresses of uploads are signed with a key")),
    group("AZURE_ACCOUNT_NAME", Nothing(AZURE)),
    group("AZURE_ACCOUNT_KEY", Nothing(AZURE)),
    group("USE_S3_TAGS", Nothing("no object is written from here")),
    row("HTTP_HOST", Settings(&["listen", "admin"])),
    row("HTTP_PORT", Settings(&["listen", "admin"])),
    row("HTTP_TIMEOUT", Settings(&["head_timeout", "body_grace", "idle_timeout"])),
    row("JSON_SIZE_LIMIT", Settings(&["json_size_limit"])),
    row("JSON_WITH_DATA_SIZE_LIMIT", Nothing(UNUSED)),
    row("FILE_SIZE_LIMIT", Settings(&["file_size_limit"])),
    row("BEACON_SIZE_LIMIT", Settings(&["beacon_size_limit"])),
    row("COMPRESSION_THRESHOLD", Settings(&["compression_threshold"])),
    row("TOKEN_SECRET", TokenSecret),
    row("UAPARSER_FILE", Settings(&["uaparser_file"])),
    row("MAXMINDDB_FILE", Settings(&["maxminddb_file"])),
    row("PROFILER_ENABLED", Nothing(UNUSED)),
    row("USE_CORS", Settings(&["use_cors"])),
    row("PROJECT_EXPIRATION", Nothing("a changed projects.toml is noticed within a second")),
    row("RECORD_CANVAS", Settings(&["record_canvas"])),
    row("CANVAS_QUALITY", Settings(&["canvas_quality"])),
    row("CANVAS_FPS", Settings(&["canvas_fps"])),
    row("MOBILE_QUALITY", Settings(&["mobile_quality"])),
    row("MOBILE_FPS", Settings(&["mobile_fps"])),
    row("PROTOCOL_VERSION", Settings(&["protocol_version"])),
    row("TOPIC_RAW_WEB", Settings(&["topic_raw_web"])),
    row("TOPIC_RAW_IOS", Settings(&["topic_raw_ios"])),
    row("TOPIC_RAW_IMAGES", Settings(&["topic_raw_images"])),
    row("TOPIC_CANVAS_IMAGES", Settings(&["topic_canvas_images"])),
    row("TOPIC_RAW_ASSETS", Settings(&["topic_raw_assets"])),
    row("TOPIC_RAW_ANALYTICS", Settings(&["topic_raw_analytics"])),
    group("JWT_SECRET", Nothing(NO_JWT)),
    group("JWT_SPOT_SECRET", Nothing(NO_JWT)),
    group("JWT_EXPIRATION", Nothing(NO_JWT)),
    group("JWT_ISSUER", Nothing(NO_JWT)),
    group("JWT_MCP_SECRET", Nothing(NO_JWT)),
    group("JWT_MCP_ALGORITHM", Nothing(NO_JWT)),
    group("HOSTNAME", Settings(&["hostname"])),
    group("ECS_CONTAINER_METADATA_URI", Settings(&["ecs_container_metadata_uri"])),
    group("DEBUG", Settings(&["log_level"])),
    group("ENABLE_EXTRA_LOGS", Nothing("there are no extra lines; log_level and log_requests say what is logged")),
    group("KAFKA_SERVERS", Nothing(KAFKA)),
    group("KAFKA_USE_SSL", Nothing(KAFKA)),
    group("KAFKA_SSL_CA", Nothing(KAFKA)),
    group("KAFKA_SSL_KEY", Nothing(KAFKA)),
    group("KAFKA_SSL_CERT", Nothing(KAFKA)),
    group("KAFKA_USE_KERBEROS", Nothing(KAFKA)),
    group("KAFKA_DELIVERY_REPORTS", Nothing(KAFKA)),
    group("KERBEROS_SERVICE_NAME", Nothing(KAFKA)),
    group("KERBEROS_PRINCIPAL", Nothing(KAFKA)),
    group("KERBEROS_KEYTAB_LOCATION", Nothing(KAFKA)),
    group("COMPRESSION_TYPE", Nothing(KAFKA)),
    group("LICENSE_KEY", Nothing("takeup needs no licence")),
];

/// The row of a variable.
pub(super) fn find(name: &str) -> Option<&'static OldVariable> {
    OLD_VARIABLES.iter().find(|row| row.name == name)
}

/// The port of OpenReplay's metrics and health, where probes look for them.
const ADMIN_PORT: u16 = 8888;

/// A value that variables of another form give to a setting: the setting, its text, and the place.
pub(super) type Derived = (&'static str, String, Origin);

/// What those variables say that can't be taken over as they are. `port` is that of `listen` without them.
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

/// `HTTP_HOST` (empty: every address) and `HTTP_PORT` are together our `listen`. Metrics and health are then on the same
/// host: what was set up for OpenReplay's service looks for them on a port of the container, not within it.
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
    // An IPv6 address has colons of its own.
    let host = if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.to_owned() };
    let port = port.map_or_else(|| usual_port.to_string(), |(text, _)| text.trim().to_owned());
    let listen = ("listen", format!("{host}:{port}"), origin.clone());
    let admin = ("admin", format!("{host}:{ADMIN_PORT}"), origin);
    Ok(vec![listen, admin])
}

/// `HTTP_TIMEOUT` is one deadline for the head, for head and body together, and for an idle connection. Here each has its
/// own: a head has as long, a body as long before its rate counts (so nothing is cut that OpenReplay's service would
/// have taken), and an idle connection is never closed sooner than by default, because closing it early only races
/// with the next request.
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

/// `DEBUG=true` is the level of the log.
fn level(environment: &Environment) -> Result<Vec<Derived>, ConfigError> {
    let Some((text, origin)) = environment.text("DEBUG", "log_level").transpose()? else { return Ok(Vec::new()) };
    match value::switch(text.trim()) {
        Ok(true) => Ok(vec![("log_level", "debug".to_owned(), origin.clone())]),
        Ok(false) => Ok(Vec::new()),
        // Many programs have a variable of this name, with words of their own; a server must not stay down for it.
        Err(_) => Ok(Vec::new()),
    }
}

/// The variables that are set, and what has become of each. `origin_of` tells where a setting's value is from.
pub(super) fn tell(environment: &Environment, origin_of: impl Fn(&str) -> Option<Origin>) -> Vec<Told> {
    let mut told = Vec::new();
    for row in OLD_VARIABLES {
        let Some((value, origin)) = environment.get(row.name) else { continue };
        let (taken, why_not) = match row.becomes {
            TokenSecret => (vec!["token secret"], None),
            File => (vec!["more variables"], None),
            Nothing(why) => (Vec::new(), Some(why.to_owned())),
            Settings(names) => {
                let of_file = |from: &Origin| origin.place().0.is_some() && from.place().0 == origin.place().0;
                let is_from = |from: &Origin| of_file(from) || from.variables().iter().any(|name| name == row.name);
                let taken: Vec<&str> =
                    names.iter().copied().filter(|name| origin_of(name).is_some_and(|from| is_from(&from))).collect();
                let why_not = taken.is_empty().then(|| not_taken(row.name, names, &origin_of));
                (taken, why_not)
            }
        };
        let value = masked(row.name, &value.to_string_lossy());
        told.push(Told { name: row.name, value, origin: origin.clone(), taken, why_not });
    }
    told
}

fn not_taken(variable: &str, names: &[&str], origin_of: impl Fn(&str) -> Option<Origin>) -> String {
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
