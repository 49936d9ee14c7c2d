use super::*;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn messages_are_written_as_recorded() {
    let chrome = SessionStart {
        timestamp_ms: 1_710_417_074_000,
        project: 7,
        tracker_version: "12.0.3",
        user_uuid: "0e37dfb5-3f5a-4c7a-9d3e-2f1f6f1b7c11",
        user_agent: b"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 \
            (KHTML, like Gecko) Chrome/122.0.0.0 Safari/537.36",
        os: "Linux",
        browser: "Chrome",
        browser_version: "122.0.0",
        device_type: "desktop",
        device_memory: 8_192,
        device_heap: 4_294_705_152,
        place: ("UN", "", ""),
        ..SessionStart::default()
    };
    let safari = SessionStart {
        timestamp_ms: 1_784_806_389_123,
        project: u32::MAX,
        tracker_version: "18.0.6-beta.1",
        revision: "rév-1",
        user_uuid: "b3b9c1f2-0000-4000-8000-000000000001",
        user_agent: b"UA",
        os: "Mac OS X",
        os_version: "10.15.7",
        browser: "Safari",
        browser_version: "17.4",
        device: "",
        device_type: "desktop",
        device_memory: 127,
        device_heap: 128,
        place: ("FR", "Île-de-France", "Paris"),
        user_id: "user@example.com",
    };
    for (message, bytes) in [
        (
            chrome,
            "01d0aeb5e6e331070631322e302e33002430653337646662352d336635612d346337612d396433\
             652d326631663666316237633131654d6f7a696c6c612f352e3020285831313b204c696e757820\
             7838365f363429204170706c655765624b69742f3533372e333620284b48544d4c2c206c696b65\
             204765636b6f29204368726f6d652f3132322e302e302e30205361666172692f3533372e333605\
             4c696e757800064368726f6d65073132322e302e3000076465736b746f7080408080f0ff0f0455\
             4e7c7c00",
        ),
        (
            safari,
            "0183eb80f6f833ffffffff0f0d31382e302e362d626574612e310672c3a9762d31246233623963\
             3166322d303030302d343030302d383030302d303030303030303030303031025541084d616320\
             4f5320580731302e31352e37065361666172690431372e3400076465736b746f707f8001174652\
             7cc38e6c652d64652d4672616e63657c50617269731075736572406578616d706c652e636f6d",
        ),
    ] {
        let mut out = Vec::new();
        message.write(&mut out);
        assert_eq!(hex(&out), bytes);
        assert_eq!(SessionStart::read(&out), Some(message));
    }
}

#[test]
fn messages_of_phones_are_written_as_recorded() {
    let iphone = MobileSessionStart {
        timestamp_ms: 1_710_417_074_000,
        project: 12,
        tracker_version: "1.0.10",
        revision: "1",
        user_uuid: "0e37dfb5-3f5a-4c7a-9d3e-2f1f6f1b7c11",
        os: "IOS",
        os_version: "17.4",
        device: "iPhone 14 Pro",
        device_type: "mobile",
        place: ("US", "California", "San Francisco"),
    };
    let pixel = MobileSessionStart {
        timestamp_ms: 1_784_806_389_123,
        project: 300,
        tracker_version: "1.1.8",
        revision: "N/A",
        user_uuid: "b3b9c1f2-0000-4000-8000-000000000001",
        os: "Android",
        os_version: "14",
        device: "oriole",
        device_type: "tablet",
        place: ("UN", "", ""),
    };
    for (message, bytes) in [
        (
            iphone,
            "5ad0aeb5e6e3310c06312e302e313001312430653337646662352d336635612d346337612d396433\
             652d32663166366631623763313103494f530431372e340d6950686f6e652031342050726f066d6f\
             62696c651b55537c43616c69666f726e69617c53616e204672616e636973636f",
        ),
        (
            pixel,
            "5a83eb80f6f833ac0205312e312e38034e2f412462336239633166322d303030302d343030302d38\
             3030302d30303030303030303030303107416e64726f6964023134066f72696f6c65067461626c65\
             7404554e7c7c",
        ),
    ] {
        let mut out = Vec::new();
        message.write(&mut out);
        assert_eq!(hex(&out), bytes);
        assert_eq!(MobileSessionStart::read(&out), Some(message));
    }
}

#[test]
fn what_is_cut_or_is_another_message_is_not_read() {
    let mut out = Vec::new();
    SessionStart { place: ("UN", "", ""), ..SessionStart::default() }.write(&mut out);
    assert_eq!(MobileSessionStart::read(&out), None);
    for cut in 0..out.len() {
        assert_eq!(SessionStart::read(&out[..cut]), None, "{cut}");
    }
    out[0] = 90;
    assert_eq!(SessionStart::read(&out), None);
    assert_eq!(SessionStart::read(b""), None);
}
