use super::*;

#[test]
fn a_session_gets_the_tags_of_its_own_project() {
    let text = r##"
            [[projects]]
            project_id = 1
            project_key = "a"
            name = "a"
            platform = "web"
            [[tags]]
            tag_id = 4
            project_id = 1
            name = "t"
            selector = "a<b"
            ignore_click_rage = true
            [[tags]]
            tag_id = 5
            project_id = 1
            name = "gone"
            selector = ".gone"
            deleted_at = "2024-01-01"
        "##;
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("projects.toml");
    std::fs::write(&path, text).expect("is writable");
    let directory = Directory::load(&path).expect("is well formed");
    let tags = |project| {
        let mut out = Vec::new();
        write_tags(&mut out, &directory, project);
        String::from_utf8(out).expect("is UTF-8")
    };
    let own = r#"{"tags":[{"id":4,"selector":"a\u003cb","icr":true,"idc":false,"location":null}]}"#;
    assert_eq!(tags(Some(1)), own);
    assert_eq!(tags(Some(2)), r#"{"tags":[]}"#);
    assert_eq!(tags(None), r#"{"tags":[]}"#);
}
