use super::*;

#[test]
fn each_form_is_read_and_shown_as_it_was_written() {
    for text in [
        "s3://records",
        "s3://records/takeup/eu",
        "gs://records/a",
        "az://records/a",
        "abfss://records@account.dfs.core.windows.net/a",
        "file:///var/backups/takeup log",
    ] {
        assert_eq!(text.parse::<StoreUrl>().unwrap().to_string(), text);
    }
    let slashes: StoreUrl = "s3://records//a/b//".parse().unwrap();
    assert_eq!(slashes.to_string(), "s3://records/a/b");
}

#[test]
fn what_is_no_address_is_refused_with_what_is_expected() {
    for (text, told) in [
        ("records", "s3://BUCKET"),
        ("http://records", "s3://BUCKET"),
        ("s3://", "name of the bucket"),
        ("s3://a b", "name of the bucket"),
        ("s3://records/a//b", "prefix"),
        ("s3://records/../b", "prefix"),
        ("s3://records/a?b", "prefix"),
        ("s3://key:secret@records", "credentials"),
        ("gs://a@records", "s3://BUCKET"),
        ("file://relative", "absolute"),
    ] {
        let error = text.parse::<StoreUrl>().unwrap_err();
        assert!(error.contains(told), "{text}: {error}");
        assert!(!error.contains("secret"), "{error}");
    }
}
