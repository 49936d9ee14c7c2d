use super::*;

fn entries(path: &Path) -> Result<Vec<Entry>, LoadError> {
    let mut found = Vec::new();
    read(path, |entry| found.push(entry))?;
    Ok(found)
}

#[test]
fn what_is_noted_is_read_again_and_no_ledger_is_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    let (ledger, writer) = LedgerWriter::create(&path, "r", "http://h").unwrap();
    let noted = [Some(0), None, Some(7)].map(|order| Entry {
        session: u64::MAX,
        hash: hash(format!("{order:?}").as_bytes()),
        order,
    });
    noted.iter().for_each(|entry| ledger.note(*entry));
    drop(ledger);
    writer.finish().unwrap();
    assert_eq!(entries(&path).unwrap(), noted);
    assert!(matches!(LedgerWriter::create(&path, "r", "u"), Err(LoadError::Ledger { source, .. })
        if source.kind() == io::ErrorKind::AlreadyExists));
}

#[test]
fn what_is_no_ledger_is_refused_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    let head = r#"{"takeup_load_ledger":1,"run":"r","url":"u"}"#;
    for (text, line) in [
        (String::new(), 1),
        ("hello\n".to_owned(), 1),
        (head.replace(":1", ":2"), 1),
        (format!("{head}\n{{\"s\":\"1\",\"h\":\"00\"}}\n"), 2),
        (format!("{head}\n{{\"s\":\"x\",\"h\":\"{}\"}}\n", "0".repeat(32)), 2),
        (format!("{head}\n{{\"s\":\"1\",\"h\":\"{}\"}}\n{{\"s\":\"1\",", "0".repeat(32)), 3),
    ] {
        std::fs::write(&path, &text).unwrap();
        match entries(&path) {
            Err(LoadError::LedgerLine { line: told, .. }) => assert_eq!(told, line, "{text}"),
            other => panic!("{text}: {other:?}"),
        }
    }
    std::fs::write(&path, head).unwrap();
    assert_eq!(entries(&path).unwrap(), []);
}
