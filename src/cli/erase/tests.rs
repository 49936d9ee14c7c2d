use super::*;

fn args() -> EraseArgs {
    EraseArgs {
        session: Vec::new(),
        user: Vec::new(),
        user_from: Vec::new(),
        project: Vec::new(),
        dry_run: false,
        yes: true,
        receipt: None,
        json: false,
        name_users: false,
        admin: None,
        config: None,
        set: Vec::new(),
    }
}

#[test]
fn what_would_match_everybody_is_refused() {
    let data = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = data.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        vec![path]
    };
    for args in [
        EraseArgs { user_from: file("empty", b"\n"), ..args() },
        EraseArgs { user_from: file("bytes", b"\xff"), ..args() },
        EraseArgs { user_from: file("long", &vec![b'x'; 1 + (1 << 20)]), ..args() },
        EraseArgs { user_from: vec![data.path().join("none")], ..args() },
        EraseArgs { session: vec![0], ..args() },
        EraseArgs { user: vec![String::new()], ..args() },
        EraseArgs { project: vec!["0".to_owned()], ..args() },
        EraseArgs { project: vec!["no such key".to_owned()], ..args() },
    ] {
        let error = request(&args, data.path()).unwrap_err();
        assert!(error.to_string().starts_with("--"), "{error}");
    }
}

#[test]
fn the_id_in_a_file_is_all_of_it_but_the_end_of_its_line() {
    let data = tempfile::tempdir().unwrap();
    let path = data.path().join("id");
    for (text, id) in [("ada", "ada"), ("ada\n", "ada"), (" a\nb \n\n", " a\nb \n")] {
        std::fs::write(&path, text).unwrap();
        let args = EraseArgs { user: vec!["bob".to_owned()], user_from: vec![path.clone()], ..args() };
        let users = request(&args, data.path()).unwrap().users;
        assert!(users.iter().eq([id, "bob"].iter().copied().collect::<std::collections::BTreeSet<_>>()), "{users:?}");
    }
}
