use super::*;

#[test]
fn what_is_written_is_read() {
    let known = UnstartedSessionRow {
        project_id: 3,
        tracker_version: "12.0.3",
        do_not_track: true,
        platform: "web",
        os: "Linux",
        os_version: "6",
        browser: "Chrome",
        browser_version: "122.0.0",
        device: "a \"device\"",
        device_type: "desktop",
        country: "FR",
        state: "Île-de-France",
        city: "Paris",
    };
    for row in [known, UnstartedSessionRow::default()] {
        let mut json = Vec::new();
        row.write(&mut json);
        let read = UnstartedSessionRow::read(&json).expect("a row is read");
        assert_eq!(format!("{read:?}"), format!("{row:?}"));
        assert_eq!(UnstartedSessionRow::read(&json[..json.len() - 1]), None);
    }
}
