use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use super::*;

fn sources(data: &Path, environment: &[(&str, &str)], options: &[(&str, &str)]) -> Sources {
    Sources {
        data: data.to_owned(),
        file: None,
        environment: environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect(),
        options: options.iter().map(|(k, v)| (format!("--set {k}={v}"), (*k).to_owned(), (*v).to_owned())).collect(),
        ..Sources::default()
    }
}

fn load(file: &str, environment: &[(&str, &str)], options: &[(&str, &str)]) -> Result<Loaded, String> {
    let folder = tempfile::tempdir().unwrap();
    if !file.is_empty() {
        fs::write(folder.path().join(CONFIG_FILE), file).unwrap();
    }
    Config::load_settings(&sources(folder.path(), environment, options))
        .map_err(|error| error.to_string().replace(&format!("{}/", folder.path().display()), ""))
}

fn error(file: &str, environment: &[(&str, &str)], options: &[(&str, &str)]) -> String {
    load(file, environment, options).expect_err("this configuration must be refused")
}

#[test]
fn every_default_is_valid_and_named_once() {
    let config = load("", &[], &[]).unwrap().config;
    assert_eq!(config.listen, "127.0.0.1:8080".parse().unwrap());
    assert_eq!(config.ack, Ack::Disk);
    assert_eq!(config.cores, None);
    assert_eq!(config.window_bytes, 8 << 20);
    assert_eq!(config.idle_timeout, Duration::from_secs(620));
    let mut names: Vec<_> = SETTINGS.iter().map(|setting| setting.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), SETTINGS.len());
}

#[test]
fn command_line_beats_environment_beats_file_beats_default() {
    let file = "ack = \"memory\"\nlog_sample = 7\n";
    assert_eq!(load("", &[], &[]).unwrap().config.log_sample, 100);
    assert_eq!(load(file, &[], &[]).unwrap().config.log_sample, 7);
    let environment = [("TAKEUP_LOG_SAMPLE", "8"), ("TAKEUP_ACK", "disk")];
    let config = load(file, &environment, &[]).unwrap().config;
    assert_eq!((config.log_sample, config.ack), (8, Ack::Disk));
    let config = load(file, &environment, &[("log_sample", "9")]).unwrap().config;
    assert_eq!(config.log_sample, 9);
}

#[test]
fn upstream_names_are_read_after_ours() {
    let environment = [("JSON_SIZE_LIMIT", "5000"), ("USE_CORS", "F"), ("RECORD_CANVAS", "")];
    let config = load("", &environment, &[]).unwrap().config;
    assert_eq!((config.json_size_limit, config.use_cors, config.record_canvas), (5000, false, true));
    let environment = [("JSON_SIZE_LIMIT", "5000"), ("TAKEUP_JSON_SIZE_LIMIT", "6000")];
    assert_eq!(load("", &environment, &[]).unwrap().config.json_size_limit, 6000);
}

#[test]
fn upstream_host_and_port_make_the_address() {
    let listen = |environment: &[(&str, &str)]| load("", environment, &[]).unwrap().config.listen.to_string();
    assert_eq!(listen(&[("HTTP_PORT", "9000")]), "0.0.0.0:9000");
    assert_eq!(listen(&[("HTTP_HOST", "10.0.0.1")]), "10.0.0.1:8080");
    assert_eq!(listen(&[("HTTP_HOST", "::1"), ("HTTP_PORT", "9000")]), "[::1]:9000");
    assert_eq!(listen(&[("HTTP_HOST", ""), ("HTTP_PORT", "9000"), ("TAKEUP_LISTEN", "127.0.0.1:1")]), "127.0.0.1:1");
    assert!(error("", &[("HTTP_PORT", "web")], &[]).starts_with("environment variable HTTP_PORT: listen = "));
}

#[test]
fn unknown_keys_name_the_nearest_known_one() {
    assert_eq!(
        error("ack = \"disk\"\n\nlisten_adress = \"x\"\n", &[], &[]),
        "takeup.toml:3: there is no setting `listen_adress`; did you mean `listen`?"
    );
    assert_eq!(
        error("", &[], &[("window_byte", "1")]),
        "--set window_byte=1: there is no setting `window_byte`; did you mean `window_bytes`?"
    );
    assert!(error("xyzzy = 1", &[], &[]).ends_with("`takeup serve --help` lists them all"));
    assert!(error("[log]\nack = \"disk\"\n", &[], &[]).contains("takeup.toml:1: [log]: this file has no tables"));
    assert!(error("ack = \"disk\nlog_sample = 1\n", &[], &[]).starts_with("takeup.toml:1: "));
}

#[test]
fn bad_values_name_their_place() {
    assert_eq!(error("\nack = \"disc\"\n", &[], &[]), "takeup.toml:2: ack = \"disc\": expected one of disk, memory");
    assert!(
        error("", &[("TAKEUP_IDLE_TIMEOUT", "620")], &[]).starts_with("environment variable TAKEUP_IDLE_TIMEOUT: ")
    );
    assert!(error("cores = [1]", &[], &[]).contains("takeup.toml:1: cores: expected a text, a number or a switch"));
}

#[test]
fn all_faults_are_told_at_once_with_their_places() {
    let file = "ack = \"disc\"\nlisten_adress = \":1\"\n[log]\nx = 1\n";
    let environment = [("TAKEUP_PATIENCE", "5"), ("JSON_SIZE_LIMIT", "many"), ("HTTP_TIMEOUT", "60")];
    let options = [("cores", "0"), ("window_bytes", "5000")];
    let text = error(file, &environment, &options);
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    assert_eq!(
        lines,
        [
            "9 faults in the settings:",
            "takeup.toml:3: [log]: this file has no tables, only lines `key = value`",
            "takeup.toml:1: ack = \"disc\": expected one of disk, memory",
            "takeup.toml:2: there is no setting `listen_adress`; did you mean `listen`?",
            "environment variable HTTP_TIMEOUT: head_timeout = \"60\": expected a duration such as 60s, 200ms or 1h2m",
            "environment variable TAKEUP_PATIENCE: patience = \"5\": expected a duration such as 60s, 200ms or 1h2m",
            "environment variable JSON_SIZE_LIMIT: json_size_limit = \"many\": expected a size such as 65536, 64KiB or 8MiB",
            "--set cores=0: cores = 0: at least one is needed; \"auto\" follows the machine",
            "--set window_bytes=5000: window_bytes = 5000: expected a multiple of 4096, at least 16384",
            "--set window_bytes=5000: group_bytes_max = 8388608 must not be above window_bytes = 5000: a group lies within it",
        ]
    );
}

#[test]
fn every_fault_of_syntax_is_told_with_its_line() {
    let lines = |file: &str| -> Vec<usize> {
        let text = error(file, &[], &[]);
        let behind = text.split("takeup.toml:").skip(1);
        behind.map(|rest| rest.split(':').next().unwrap().parse().unwrap()).collect()
    };
    assert_eq!(lines("ack = disk\nlog_sample = 1\ncores = \nack_mode 5\n"), [1, 3, 4]);
    assert_eq!(lines("log_sample = 1\n\nlog_sample = 2\nack = \"disc\"\n"), [3, 4]);
}

#[test]
fn a_value_that_is_no_value_brings_no_conflict_of_its_default() {
    let text = error("window_bytes = \"16\"\ngroup_bytes_max = \"1 GB of it\"\n", &[], &[]);
    assert!(!text.contains("must not be above"), "{text}");
}

#[test]
fn the_place_of_each_value_is_known() {
    let environment = [("TAKEUP_LOG_SAMPLE", "8"), ("USE_CORS", "0"), ("HTTP_PORT", "80")];
    let loaded = load("\nack = \"memory\"\n", &environment, &[("cores", "2")]).unwrap();
    let origin = |name: &str| loaded.chosen(name).unwrap().origin.to_string();
    assert!(origin("ack").ends_with("takeup.toml:2"), "{}", origin("ack"));
    assert_eq!(origin("log_sample"), "environment variable TAKEUP_LOG_SAMPLE");
    assert_eq!(origin("use_cors"), "environment variable USE_CORS");
    assert_eq!(origin("listen"), "environment variable HTTP_PORT");
    assert_eq!(origin("cores"), "--set cores=2");
    assert_eq!(origin("patience"), "default");
}

#[test]
fn switches_are_read_in_gos_words() {
    for (word, value) in [("1", true), ("t", true), ("T", true), ("TRUE", true), ("true", true), ("True", true)]
        .into_iter()
        .chain([("0", false), ("f", false), ("F", false), ("FALSE", false), ("false", false), ("False", false)])
    {
        assert_eq!(load("", &[("RECORD_CANVAS", word)], &[]).unwrap().config.record_canvas, value, "{word}");
    }
    let text = error("", &[("RECORD_CANVAS", "ja")], &[]);
    assert_eq!(text, "environment variable RECORD_CANVAS: record_canvas = \"ja\": expected true or false");
}

#[test]
fn only_live_settings_are_taken_over() {
    let running = load("", &[], &[]).unwrap().config;
    let file = "patience = \"1s\"\ncores = 3\nlog_sample = 5\nsegment_bytes = \"32MiB\"\n";
    let newer = load(file, &[], &[]).unwrap().config;
    let newer = Config { data: running.data.clone(), ..newer };
    assert_eq!(running.differences(&newer), ["cores", "patience", "segment_bytes", "log_sample"]);
    let live = running.with_live(&newer);
    assert_eq!(running.differences(&live), ["patience", "log_sample"]);
    assert!(SETTINGS.iter().any(|setting| setting.live) && SETTINGS.iter().any(|setting| !setting.live));
}

#[test]
fn addresses_that_cannot_both_be_listened_on_are_refused() {
    for (listen, admin, clash) in [
        ("0.0.0.0:80", "127.0.0.1:80", true),
        ("[::]:80", "127.0.0.1:80", true),
        ("127.0.0.1:80", "127.0.0.2:80", false),
        ("0.0.0.0:80", "0.0.0.0:81", false),
        ("127.0.0.1:0", "127.0.0.1:0", false),
    ] {
        let loaded = load("", &[], &[("listen", listen), ("admin", admin)]);
        assert_eq!(loaded.is_err(), clash, "{listen} {admin}");
    }
}

#[test]
fn values_that_exclude_each_other_are_refused() {
    for (file, word) in [
        ("listen = \":80\"\nadmin = \":80\"", "different ports"),
        ("cores = 0", "cores"),
        ("window_bytes = \"256MiB\"", "segment_bytes"),
        ("window_bytes = 5000", "4096"),
        ("group_bytes_max = \"9MiB\"", "window_bytes"),
        ("beacon_size_limit = \"8MiB\"", "group_bytes_max"),
        ("inflight_bytes_max = 1000000", "inflight_bytes_max"),
        ("retain_step_bytes = 100", "4096"),
        ("retain_bytes = \"1MiB\"", "at least 134217728"),
        ("retain_bytes = \"100MiB\"\nsegment_bytes = \"16MiB\"\ncores = 4", "at least 134217728"),
        ("check_budget_percent = 0", "1 to 100"),
        ("log_sample = 0", "at least 1"),
        ("handovers_max = 0", "1 to 65536"),
        ("limit_entries_max = 0", "1 to 16777216"),
        ("project_share_percent = 0", "1 to 100"),
        ("idle_timeout = \"0\"", "at least 1ms"),
    ] {
        let text = error(file, &[], &[]);
        assert!(text.contains(word), "{file}: {text}");
    }
}

#[test]
fn messages_go_to_redis_unless_there_is_kafka_and_to_both_only_if_told_to() {
    let gets = |options: &[(&str, &str)]| load("", &[], options).unwrap().config.redis_gets_messages();
    let (redis, kafka) = (("redis_string", "redis:6379"), ("kafka_servers", "kafka:9092"));
    assert!(!gets(&[]) && !gets(&[kafka]));
    assert!(gets(&[redis]));
    assert!(!gets(&[redis, kafka]));
    assert!(gets(&[redis, kafka, ("redis_beside_kafka", "true")]));
    assert!(!gets(&[kafka, ("redis_beside_kafka", "true")]));
}

#[test]
fn a_variable_that_looks_like_a_setting_is_warned_of() {
    let environment = [("TAKEUP_LISTN", "x"), ("TAKEUP_SERVICE_PORT_HTTP", "y"), ("TAKEUP_DATA", "z")];
    let warnings = load("", &environment, &[]).unwrap().warnings;
    assert_eq!(warnings, ["environment variable TAKEUP_LISTN is not read; did you mean TAKEUP_LISTEN?"]);
}

#[test]
fn sizes_are_read_exactly() {
    for (text, bytes) in [
        ("0", 0),
        ("65536", 65536),
        ("64KiB", 65536),
        ("8 mib", 8 << 20),
        ("10MB", 10_000_000),
        ("1.5GiB", 3 << 29),
        ("1_000", 1000),
    ] {
        assert_eq!(value::size::<u64>(text), Ok(bytes), "{text}");
    }
    for text in ["", "MiB", "8 miles", "-1", "1..5", "1.2.3KiB", "99999999999999999999", "99999999TiB", "."] {
        assert!(value::size::<u64>(text).is_err(), "{text}");
    }
}

#[test]
fn durations_are_read_in_go_syntax() {
    for (text, ms) in [
        ("0", 0),
        ("60s", 60_000),
        ("200ms", 200),
        ("1h2m", 3_720_000),
        ("1.5s", 1500),
        ("1m0.5s", 60_500),
        ("+2s", 2000),
    ] {
        assert_eq!(value::duration(text), Ok(Duration::from_millis(ms)), "{text}");
    }
    assert_eq!(value::duration("3us"), Ok(Duration::from_micros(3)));
    for text in ["", "60", "s", "-1s", "1d", "1s2", "99999999999h", "."] {
        assert!(value::duration(text).is_err(), "{text}");
    }
}

#[test]
fn addresses_are_read_in_every_usual_form() {
    for (text, address) in
        [("127.0.0.1:80", "127.0.0.1:80"), (":80", "0.0.0.0:80"), ("80", "0.0.0.0:80"), ("[::1]:80", "[::1]:80")]
    {
        assert_eq!(value::address(text).unwrap().to_string(), address);
    }
    for text in ["", "127.0.0.1", "::1", "http://x:80", "127.0.0.1:99999", "host:"] {
        assert!(value::address(text).is_err(), "{text}");
    }
}

#[test]
fn prefixes_are_made_plain() {
    assert_eq!(value::prefix("media/v2/").unwrap(), "/media/v2");
    assert_eq!(value::prefix("/").unwrap(), "");
    for text in ["/a//b", "/../x", "/a?b", "/a b"] {
        assert!(value::prefix(text).is_err(), "{text}");
    }
}

#[test]
fn the_written_file_shows_every_default_truly() {
    let folder = tempfile::tempdir().unwrap();
    first_run(&sources(folder.path(), &[], &[])).unwrap();
    let text = fs::read_to_string(folder.path().join(CONFIG_FILE)).unwrap();
    let settings: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("# ")).filter(|l| l.contains(" = ")).collect();
    let assigned: String = SETTINGS
        .iter()
        .map(|setting| {
            let line = settings.iter().find(|line| line.starts_with(&format!("{} = ", setting.name)));
            format!("{}\n", line.unwrap_or_else(|| panic!("{} is missing", setting.name)))
        })
        .collect();
    let uncommented = load(&assigned, &[], &[]).unwrap().config;
    assert_eq!(
        format!("{:?}", Config { data: "".into(), ..uncommented }),
        format!("{:?}", Config::defaults("".into()))
    );
}

#[test]
fn the_first_run_makes_private_files_once() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("deep/data");
    let made = first_run(&sources(&data, &[], &[])).unwrap();
    let key = made.project_key.clone().unwrap();
    assert!(made.config && made.secret && key.len() == 20 && key.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    let mode = |path: &str| fs::metadata(data.join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(""), mode("secrets"), mode("secrets/token")), (0o700, 0o700, 0o600));
    assert!(fs::read_to_string(data.join(PROJECTS_FILE)).unwrap().contains(&key));

    let read_all =
        || [CONFIG_FILE, PROJECTS_FILE, SECRETS_FILE].map(|name| fs::read_to_string(data.join(name)).unwrap());
    let before = read_all();
    assert_eq!(first_run(&sources(&data, &[], &[])).unwrap(), FirstRun::default());
    assert_eq!(read_all(), before);
    let left: Vec<_> = fs::read_dir(&data).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 3, "{left:?}");
    assert!(Config::load(&sources(&data, &[], &[])).unwrap().config.token_secrets.len() == 1);
}

#[test]
fn the_first_run_adds_only_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(PROJECTS_FILE), "mine").unwrap();
    let made = first_run(&sources(folder.path(), &[], &[])).unwrap();
    assert!(made.config && made.secret && made.project_key.is_none());
    assert_eq!(fs::read_to_string(folder.path().join(PROJECTS_FILE)).unwrap(), "mine");
}

#[test]
fn a_new_folder_with_secrets_that_were_mounted_before_the_first_start_gets_a_project() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("secrets")).unwrap();
    fs::create_dir_all(folder.path().join("log")).unwrap();
    fs::write(folder.path().join(SECRETS_FILE), "mounted\n").unwrap();
    let made = first_run(&sources(folder.path(), &[], &[])).unwrap();
    assert!(made.project_key.is_some() && !made.secret);
    fs::write(folder.path().join("log/log.json"), "{}").unwrap();
    fs::remove_file(folder.path().join(PROJECTS_FILE)).unwrap();
    first_run(&sources(folder.path(), &[], &[])).expect_err("a server has run here");
}

#[test]
fn empty_secrets_are_refused_and_none_is_printed() {
    let folder = tempfile::tempdir().unwrap();
    first_run(&sources(folder.path(), &[], &[])).unwrap();
    let load = |environment: &[(&str, &str)]| Config::load(&sources(folder.path(), environment, &[]));
    let config = load(&[("TOKEN_SECRET", "geheim")]).unwrap().config;
    assert_eq!(config.token_secrets.to_vec(), [b"geheim".to_vec()]);
    assert!(!format!("{config:?}").contains("geheim"));
    let refused = |environment: &[(&str, &str)]| {
        let errors = load(environment).expect_err("an empty secret is refused");
        matches!(errors.all(), [ConfigError::EmptySecret { .. }])
    };
    assert!(refused(&[("TOKEN_SECRET", "")]));
    fs::write(TokenSecrets::path(folder.path()), " \n\n").unwrap();
    assert!(refused(&[]));
    fs::write(TokenSecrets::path(folder.path()), "new\r\nold\n").unwrap();
    assert_eq!(load(&[]).unwrap().config.token_secrets.to_vec(), [b"new".to_vec(), b"old".to_vec()]);
}

#[test]
fn the_snippet_carries_address_and_key() {
    let plain = snippet("http://127.0.0.1:8080", "KEY");
    assert!(plain.contains("ingestPoint: \"http://127.0.0.1:8080\"") && plain.contains("projectKey: \"KEY\""));
    assert!(plain.contains("__DISABLE_SECURE_MODE: true"));
    assert!(!snippet("https://replay.example.com", "KEY").contains("__DISABLE_SECURE_MODE"));
}
