//! The variables of OpenReplay's `http` service: one row for each, with its effect here.
//!
//! A row either gives a value to settings, or has no effect and says why. Nobody should have to find out by trying: the server's first
//! lines, `takeup config check` and `takeup config show` list the variables that are set but have no effect, and `docs/configuration.md` has
//! the whole table.

use super::origin::Origin;

/// A variable of OpenReplay's service.
#[derive(Debug, Clone, Copy)]
pub struct OldVariable {
    /// Its name.
    pub name: &'static str,
    /// Its effect here.
    pub becomes: Becomes,
    /// Whether it is read from the file that `CONFIG_FILE_PATH` names.
    pub in_file: bool,
}

/// The effect of a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Becomes {
    /// It sets these settings.
    Settings(&'static [&'static str]),
    /// It is the token secret.
    TokenSecret,
    /// It names a file with more variables.
    File,
    /// It has no effect, for this reason.
    Nothing(&'static str),
}

/// A variable that is set, and its effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldVariableEffect {
    /// Its name.
    pub name: &'static str,
    /// Its value, with secrets hidden.
    pub value: String,
    /// Where it is set.
    pub origin: Origin,
    /// The settings that take their value from it; empty if none do.
    pub sets: Vec<&'static str>,
    /// Why it has no effect, if that is so.
    pub why_not: Option<String>,
}

use Becomes::{File, Nothing, Settings, TokenSecret};

const fn row(name: &'static str, becomes: Becomes) -> OldVariable {
    OldVariable { name, becomes, in_file: true }
}

/// A variable that is not read from that file.
const fn group(name: &'static str, becomes: Becomes) -> OldVariable {
    OldVariable { name, becomes, in_file: false }
}

const UNUSED: &str = "OpenReplay's service does not use it either";
const MEMORY: &str = "memory is bounded by inflight_bytes_max and connections_max";
const NO_JWT: &str = "nothing here takes or gives such tokens";

/// All variables, in the order of OpenReplay's own configuration.
pub const OLD_VARIABLES: &[OldVariable] = &[
    group("CONFIG_FILE_PATH", File),
    group("QUEUE_MESSAGE_SIZE_LIMIT", Settings(&["queue_message_size_limit"])),
    group("MAX_MEMORY_USAGE", Nothing(MEMORY)),
    group("MEMORY_LIMIT_MB", Nothing(MEMORY)),
    group("POSTGRES_STRING", Settings(&["postgres_string"])),
    group("SERVICE_NAME", Settings(&["service_name"])),
    group("REDIS_STRING", Settings(&["redis_string"])),
    group("REDIS_STREAMS_MAX_LEN", Settings(&["redis_streams_max_len"])),
    group("REDIS_STREAMS_TTL_SEC", Settings(&["redis_streams_ttl_sec"])),
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
    group("AWS_SKIP_SSL_VALIDATION", Nothing("certificates are always checked")),
    group("AWS_IAM_ROLE", Nothing("without a key, segments_url uses the role of the container or machine")),
    group("AZURE_ACCOUNT_NAME", Settings(&["azure_account_name"])),
    group("AZURE_ACCOUNT_KEY", Settings(&["azure_account_key"])),
    group("USE_S3_TAGS", Nothing("objects get no tags")),
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
    group("KAFKA_SERVERS", Settings(&["kafka_servers"])),
    group("KAFKA_USE_SSL", Settings(&["kafka_use_ssl"])),
    group("KAFKA_SSL_CA", Settings(&["kafka_ssl_ca"])),
    group("KAFKA_SSL_KEY", Settings(&["kafka_ssl_key"])),
    group("KAFKA_SSL_CERT", Settings(&["kafka_ssl_cert"])),
    group("KAFKA_USE_KERBEROS", Settings(&["kafka_use_kerberos"])),
    group("KAFKA_DELIVERY_REPORTS", Nothing("every delivery is waited for")),
    group("KERBEROS_SERVICE_NAME", Settings(&["kerberos_service_name"])),
    group("KERBEROS_PRINCIPAL", Settings(&["kerberos_principal"])),
    group("KERBEROS_KEYTAB_LOCATION", Settings(&["kerberos_keytab_location"])),
    group("COMPRESSION_TYPE", Settings(&["compression_type"])),
    group("LICENSE_KEY", Nothing("takeup needs no licence")),
];

/// The table row of a variable.
pub(super) fn find(name: &str) -> Option<&'static OldVariable> {
    OLD_VARIABLES.iter().find(|row| row.name == name)
}
