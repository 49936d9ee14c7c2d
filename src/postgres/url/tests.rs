use super::*;

fn parse(text: &str) -> Result<PostgresUrl, UrlError> {
    PostgresUrl::parse_with(text, Some("http"), &|_| None)
}

fn good(text: &str) -> PostgresUrl {
    parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn openreplays_own_string_is_taken() {
    let url = good("postgres://postgres:s3cr%40t@postgresql.db.svc.cluster.local:5432/postgres");
    assert_eq!((&*url.user, url.password.as_deref(), &*url.database), ("postgres", Some("s3cr@t"), "postgres"));
    assert_eq!(url.places[0].host, Host::Tcp("postgresql.db.svc.cluster.local".to_owned()));
    assert_eq!((url.places[0].port, url.ssl.mode, url.application_name()), (5432, SslMode::Prefer, "http"));
}

#[test]
fn a_password_is_never_shown() {
    for text in ["postgres://u:hidden@h/d", "user=u password=hidden host=h"] {
        let url = good(text);
        assert!(!format!("{url} {url:?}").contains("hidden"));
    }
    assert_eq!(good("postgres://u:hidden@h,[::1]:1/d").to_string(), "postgres://u@h:5432,[::1]:1/d?sslmode=prefer");
    let error = parse("postgres://u:hidden@h:port/d").expect_err("no port").to_string();
    assert!(error.contains("port") && !error.contains("hidden"), "{error}");
}

#[test]
fn the_application_is_named_by_the_text_then_by_the_service_then_by_us() {
    assert_eq!(good("postgres://u@h/d?application_name=mine").application_name(), "mine");
    let named = |service| PostgresUrl::parse_with("postgres://u@h", service, &|_| None).expect("is good");
    assert_eq!(named(Some("http")).application_name(), "http");
    assert_eq!(named(Some("")).application_name(), "takeup");
    assert_eq!(named(None).application_name(), "takeup");
}

#[test]
fn what_the_text_lacks_comes_from_the_environment() {
    let environment = |name: &str| match name {
        "PGPASSWORD" => Some("word".to_owned()),
        "PGUSER" => Some("other".to_owned()),
        "PGPORT" => Some("6000".to_owned()),
        "PGSSLMODE" => Some("disable".to_owned()),
        _ => None,
    };
    let url = PostgresUrl::parse_with("postgres://u@h/d", None, &environment).expect("is good");
    assert_eq!((&*url.user, url.password.as_deref()), ("u", Some("word")));
    assert_eq!((url.ssl.mode, url.places[0].port), (SslMode::Disable, 6000));
}

#[test]
fn parameters_of_pools_are_ignored_and_told() {
    let url = good("postgres://u@h/d?pool_max_conns=20&default_query_exec_mode=simple_protocol&connect_timeout=3");
    assert_eq!(url.ignored(), ["pool_max_conns", "default_query_exec_mode"]);
    assert_eq!(url.connect_limit, Duration::from_secs(3));
}

#[test]
fn an_unknown_parameter_is_a_setting_of_the_server_as_with_pgx() {
    let url = good("postgres://u@h/d?search_path=a%20b&options=-c%20geqo=off");
    assert_eq!(url.options, r"-c search_path=a\ b -c geqo=off");
    assert!(parse("postgres://u@h/d?a-b=1").is_err());
}

#[test]
fn what_would_weaken_or_change_the_connection_is_refused() {
    for keyword in ["sslcrl", "passfile", "require_auth", "replication", "sslpassword", "sslnew"] {
        let error = parse(&format!("postgres://u@h/d?{keyword}=x")).expect_err(keyword).to_string();
        assert!(error.contains(keyword), "{error}");
    }
    for (text, keyword) in [
        ("sslmode=on", "sslmode"),
        ("sslmode=require&sslrootcert=system", "sslmode"),
        ("sslcert=a", "sslkey"),
        ("sslnegotiation=direct", "sslmode"),
        ("port=0", "port"),
        ("target_session_attrs=master", "target_session_attrs"),
    ] {
        let error = parse(&format!("postgres://u@h/d?{text}")).expect_err(text).to_string();
        assert!(error.contains(keyword), "{text}: {error}");
    }
    assert!(parse("postgres://h/d").is_err(), "no user");
    assert!(parse("user=u").is_err(), "no host");
}

#[test]
fn a_root_certificate_makes_require_check_as_libpq_does() {
    assert_eq!(good("postgres://u@h/d?sslmode=require&sslrootcert=/ca.pem").ssl.mode, SslMode::VerifyCa);
    assert_eq!(good("postgres://u@h/d?sslrootcert=system").ssl.mode, SslMode::VerifyFull);
}

#[test]
fn a_socket_is_named_by_its_folder() {
    for text in ["postgres:///d?host=/run/pg&user=u", "postgres://u@%2Frun%2Fpg/d", "host=/run/pg user=u dbname=d"] {
        assert_eq!(good(text).places[0].host, Host::Unix(PathBuf::from("/run/pg")), "{text}");
    }
}
