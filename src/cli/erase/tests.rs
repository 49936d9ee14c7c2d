use super::*;

fn args() -> EraseArgs {
    EraseArgs {
        session: Vec::new(),
        user: Vec::new(),
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
    for args in [
        EraseArgs { session: vec![0], ..args() },
        EraseArgs { user: vec![String::new()], ..args() },
        EraseArgs { project: vec!["0".to_owned()], ..args() },
        EraseArgs { project: vec!["no such key".to_owned()], ..args() },
    ] {
        let error = request(&args, data.path()).unwrap_err();
        assert!(error.to_string().starts_with("--"), "{error}");
    }
}
