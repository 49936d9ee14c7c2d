use std::path::PathBuf;

use crate::config::{Config, Loaded, Sources};

use super::*;
use crate::config::old_variables::{Becomes, find};

/// Every variable that OpenReplay's service reads.
const ALL: &str = "CONFIG_FILE_PATH QUEUE_MESSAGE_SIZE_LIMIT MAX_MEMORY_USAGE MEMORY_LIMIT_MB POSTGRES_STRING SERVICE_NAME \
    REDIS_STRING REDIS_STREAMS_MAX_LEN REDIS_STREAMS_TTL_SEC REDIS_STREAMS_READ_COUNT REDIS_STREAMS_READ_BLOCK_DURATION \
    REDIS_STREAMS_CLOSE_TIMEOUT REDIS_CACHE_ENABLED CLOUD BUCKET_NAME AWS_REGION AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY \
    AWS_ENDPOINT AWS_SKIP_SSL_VALIDATION AWS_IAM_ROLE AZURE_ACCOUNT_NAME AZURE_ACCOUNT_KEY USE_S3_TAGS HTTP_HOST HTTP_PORT \
    HTTP_TIMEOUT JSON_SIZE_LIMIT JSON_WITH_DATA_SIZE_LIMIT FILE_SIZE_LIMIT BEACON_SIZE_LIMIT COMPRESSION_THRESHOLD \
    TOKEN_SECRET UAPARSER_FILE MAXMINDDB_FILE PROFILER_ENABLED USE_CORS PROJECT_EXPIRATION RECORD_CANVAS CANVAS_QUALITY \
    CANVAS_FPS MOBILE_QUALITY MOBILE_FPS PROTOCOL_VERSION TOPIC_RAW_WEB TOPIC_RAW_IOS TOPIC_RAW_IMAGES TOPIC_CANVAS_IMAGES \
    TOPIC_RAW_ASSETS TOPIC_RAW_ANALYTICS JWT_SECRET JWT_SPOT_SECRET JWT_EXPIRATION JWT_ISSUER JWT_MCP_SECRET \
    JWT_MCP_ALGORITHM HOSTNAME ECS_CONTAINER_METADATA_URI DEBUG ENABLE_EXTRA_LOGS KAFKA_SERVERS KAFKA_USE_SSL KAFKA_SSL_CA \
    KAFKA_SSL_KEY KAFKA_SSL_CERT KAFKA_USE_KERBEROS KAFKA_DELIVERY_REPORTS KERBEROS_SERVICE_NAME KERBEROS_PRINCIPAL \
    KERBEROS_KEYTAB_LOCATION COMPRESSION_TYPE LICENSE_KEY";

fn load(environment: &[(&str, &str)], file: &str) -> Result<Loaded, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("variables");
    std::fs::write(&path, file).unwrap();
    let mut all: Vec<(&str, &str)> = environment.to_vec();
    let path = path.display().to_string();
    if !file.is_empty() {
        all.push(("CONFIG_FILE_PATH", &path));
    }
    let environment = all.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
    let sources = Sources { data: PathBuf::from("/none"), environment, ..Sources::default() };
    Config::load_settings(&sources).map_err(|error| error.to_string().replace(&path, "FILE"))
}

fn told(loaded: &Loaded, name: &str) -> OldVariableEffect {
    loaded
        .old_variables
        .iter()
        .find(|told| told.name == name)
        .unwrap_or_else(|| panic!("{name} is not told of"))
        .clone()
}

#[test]
fn every_variable_of_openreplay_has_one_row() {
    let mut rows: Vec<&str> = OLD_VARIABLES.iter().map(|row| row.name).collect();
    rows.sort_unstable();
    let mut all: Vec<&str> = ALL.split_whitespace().collect();
    all.sort_unstable();
    assert_eq!(rows, all);
}

#[test]
fn rows_and_settings_agree() {
    for row in OLD_VARIABLES {
        let Becomes::Settings(names) = row.becomes else { continue };
        for name in names {
            let known = SETTINGS.iter().any(|setting| setting.name == *name);
            assert!(known, "{}: there is no setting {name}", row.name);
        }
    }
    for setting in SETTINGS {
        let Some(also) = setting.also else { continue };
        let row = find(also).unwrap_or_else(|| panic!("{also} has no row"));
        let named = matches!(row.becomes, Becomes::Settings(names) if names.contains(&setting.name));
        assert!(named, "the row of {also} does not name {}", setting.name);
    }
}

#[test]
fn every_variable_that_is_set_is_told_of_with_its_effect_or_why_it_has_none() {
    let environment: Vec<(&str, &str)> =
        ALL.split_whitespace().filter(|name| *name != "CONFIG_FILE_PATH").map(|name| (name, "1")).collect();
    let given = |name| match name {
        "HTTP_TIMEOUT" => "90s",
        "HTTP_HOST" => "10.0.0.1",
        "ECS_CONTAINER_METADATA_URI" | "AWS_ENDPOINT" => "http://x",
        "BEACON_SIZE_LIMIT" => "1000",
        "KAFKA_SERVERS" => "kafka:9092",
        "COMPRESSION_TYPE" => "zstd",
        _ => "1",
    };
    let environment: Vec<(&str, &str)> = environment.iter().map(|(name, _)| (*name, given(*name))).collect();
    let loaded = load(&environment, "").unwrap();
    assert_eq!(loaded.old_variables.len(), environment.len());
    for told in &loaded.old_variables {
        let takes = told.name == "TOKEN_SECRET" || matches!(find(told.name).unwrap().becomes, Becomes::Settings(_));
        assert_eq!(!told.sets.is_empty(), takes, "{told:?}");
        assert_eq!(told.why_not.is_none(), takes, "{told:?}");
    }
    assert_eq!(told(&loaded, "TOKEN_SECRET").value, "(hidden)");
}

#[test]
fn an_environment_of_openreplay_starts_on_its_port_and_answers_probes_beside_it() {
    let config = |environment: &[(&str, &str)]| load(environment, "").unwrap().config;
    let plain = config(&[("HTTP_PORT", "8080"), ("USE_CORS", "false"), ("SERVICE_NAME", "http")]);
    assert_eq!((plain.listen.to_string(), plain.admin.to_string()), ("0.0.0.0:8080".into(), "0.0.0.0:8888".into()));
    assert!(!plain.use_cors);
    let own = config(&[("HTTP_PORT", "8080"), ("TAKEUP_ADMIN", "127.0.0.1:9")]);
    assert_eq!(own.admin.to_string(), "127.0.0.1:9");
    let host = config(&[("HTTP_HOST", "10.0.0.1")]);
    assert_eq!((host.listen.to_string(), host.admin.to_string()), ("10.0.0.1:8080".into(), "10.0.0.1:8888".into()));
    assert!(load(&[("HTTP_PORT", "8888")], "").unwrap_err().contains("different ports"));
    let both = load(&[("HTTP_PORT", "8080"), ("TAKEUP_LISTEN", "127.0.0.1:1"), ("TAKEUP_ADMIN", ":2")], "").unwrap();
    let why = told(&both, "HTTP_PORT").why_not.unwrap();
    assert_eq!(why, "listen is set by environment variable TAKEUP_LISTEN, which goes before it");
}

#[test]
fn what_is_set_by_our_own_names_does_not_stand_or_fall_with_the_variables_of_old() {
    let config = |environment: &[(&str, &str)]| load(environment, "").unwrap().config;
    let inside = config(&[("HTTP_PORT", "8080"), ("TAKEUP_LISTEN", "127.0.0.1:1")]);
    assert_eq!(inside.admin.to_string(), "127.0.0.1:8888", "it is not opened for a port that nobody uses");
    // What Kubernetes injects into every container next to a service of this name.
    let beside = config(&[("HTTP_PORT", "tcp://10.96.0.1:80"), ("TAKEUP_LISTEN", "0.0.0.0:8080")]);
    assert_eq!(beside.listen.to_string(), "0.0.0.0:8080");
    let timed = [("HTTP_TIMEOUT", "0"), ("TAKEUP_HEAD_TIMEOUT", "5s"), ("TAKEUP_BODY_GRACE", "6s")];
    assert_eq!(config(&timed).head_timeout.as_secs(), 5);
}

#[test]
fn one_timeout_of_old_is_three_deadlines() {
    let seconds = |text: &str| {
        let config = load(&[("HTTP_TIMEOUT", text)], "").unwrap().config;
        [config.head_timeout, config.body_grace, config.idle_timeout].map(|time| time.as_secs())
    };
    assert_eq!(seconds("1m30s"), [90, 90, 620]);
    assert_eq!(seconds("1h"), [3600, 3600, 3600]);
    assert_eq!(seconds(""), [10, 15, 620]);
    for bad in ["60", "-1s", "0", "soon"] {
        let error = load(&[("HTTP_TIMEOUT", bad)], "").unwrap_err();
        assert!(error.starts_with("environment variable HTTP_TIMEOUT: "), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}

#[test]
fn debug_is_the_level_of_the_log() {
    use crate::config::LogLevel;
    let level = |environment: &[(&str, &str)]| load(environment, "").unwrap().config.log_level;
    assert_eq!(level(&[("DEBUG", "true")]), LogLevel::Debug);
    assert_eq!(level(&[("DEBUG", "0")]), LogLevel::Info);
    assert_eq!(level(&[("DEBUG", "express:*")]), LogLevel::Info);
    assert_eq!(level(&[("DEBUG", "true"), ("TAKEUP_LOG_LEVEL", "warn")]), LogLevel::Warn);
}

#[test]
fn a_file_of_variables_goes_before_the_environment_and_is_cut_as_openreplay_cuts_it() {
    let file = "JSON_SIZE_LIMIT=5000\nHTTP_PORT=9001\nCANVAS_QUALITY=high=low\n# a comment\n\nHOSTNAME=x\nNONSENSE=1\n\
                USE_CORS=\nTAKEUP_LOG_SAMPLE=7\n";
    let environment = [("JSON_SIZE_LIMIT", "6000"), ("USE_CORS", "false")];
    let loaded = load(&environment, file).unwrap();
    let config = &loaded.config;
    assert_eq!((config.json_size_limit, config.listen.port(), config.log_sample), (5000, 9001, 7));
    assert_eq!((config.canvas_quality.as_str(), config.use_cors, config.hostname.as_deref()), ("high", false, None));
    assert_eq!(told(&loaded, "HTTP_PORT").sets, ["listen", "admin"]);
    let ends: Vec<&str> = loaded.warnings.iter().map(|warning| warning.split("variables:").nth(1).unwrap()).collect();
    assert_eq!(
        ends,
        [
            "3: the value of CANVAS_QUALITY is cut at its second \"=\"",
            "4: this line has no effect: it is not KEY=value",
            "6: HOSTNAME has no effect in this file",
            "7: NONSENSE has no effect in this file",
        ]
    );
    let error = load(&[], "BEACON_SIZE_LIMIT=lots\nTOPIC_RAW_WEB=a b\n").unwrap_err();
    assert!(error.contains("FILE:1: beacon_size_limit = \"lots\""), "{error}");
    assert!(error.contains("FILE:2: topic_raw_web = \"a b\""), "{error}");
    assert!(load(&[("CONFIG_FILE_PATH", "/none/such")], "").unwrap_err().contains("/none/such"));
}
