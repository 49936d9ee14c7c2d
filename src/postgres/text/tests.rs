use super::*;

fn read(text: &str) -> Vec<(String, String)> {
    pairs(text).expect("is well formed")
}

fn pair(keyword: &str, value: &str) -> (String, String) {
    (keyword.to_owned(), value.to_owned())
}

#[test]
fn both_forms_say_the_same() {
    let url = read("postgres://us%65r:p%40ss@db:5433/main?sslmode=require");
    let mut words = read(r"user=user  password='p@ss' dbname = main host=db port=5433 sslmode=require");
    words.sort();
    let mut sorted = url.clone();
    sorted.sort();
    assert_eq!(sorted, words);
}

#[test]
fn a_password_may_hold_an_at_sign() {
    let read = read("postgresql://u:a@b:c@db/main");
    assert!(read.contains(&pair("password", "a@b:c")), "{read:?}");
    assert!(read.contains(&pair("host", "db")), "{read:?}");
}

#[test]
fn several_hosts_keep_their_ports() {
    let read = read("postgres://u@one:1,[::1]:2,three/db");
    assert!(read.contains(&pair("host", "one,::1,three")), "{read:?}");
    assert!(read.contains(&pair("port", "1,2,")), "{read:?}");
}

#[test]
fn quotes_and_backslashes_are_read_as_libpq_reads_them() {
    assert_eq!(read(r"password='it\'s \\ here' user=a\ b"), [pair("password", r"it's \ here"), pair("user", "a b")]);
}

#[test]
fn malformed_texts_are_errors_that_do_not_repeat_them() {
    for text in ["postgres://u:se%zzcret@db", "postgres://u:secret@[::1/db", "postgres://u:secret@db/x?a", "secret"] {
        let error = pairs(text).expect_err(text).to_string();
        assert!(!error.contains("secret"), "{error}");
    }
    assert!(pairs("password='secret").is_err());
    assert!(pairs("user=a secret word=b").is_err());
}
