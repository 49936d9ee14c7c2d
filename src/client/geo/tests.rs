use super::*;

#[test]
fn codes_that_no_table_knows_are_unknown() {
    for (code, known) in [("GB", "GB"), ("XK", "XK"), ("XX", "UN"), ("", "UN"), ("D E", "UN")] {
        assert_eq!(known_country(code), known);
    }
    assert_eq!(COUNTRIES.split(' ').count(), 250);
    assert!(COUNTRIES.split(' ').all(|code| code.len() == 2));
}

#[test]
fn without_a_database_every_address_is_unknown() {
    let mut place = Location { country: "FR", state: "left".to_owned(), city: "over".to_owned() };
    Geo::none().find(Some("81.2.69.142".parse().unwrap()), &mut place);
    assert_eq!((place.country, &*place.state, &*place.city), ("UN", "", ""));
}

/// A MaxMind database with one record, for 81.2.69.0/24; all other addresses have none.
fn one_network(record: &[u8]) -> Geo {
    let network: u32 = u32::from_be_bytes([81, 2, 69, 0]);
    let nodes: u32 = 24;
    let mut bytes = Vec::new();
    for depth in 0..nodes {
        let next = if depth + 1 == nodes { nodes + 16 } else { depth + 1 };
        let bit = network >> (31 - depth) & 1;
        let pair = if bit == 0 { [next, nodes] } else { [nodes, next] };
        for value in pair {
            bytes.extend_from_slice(&value.to_be_bytes()[1..]);
        }
    }
    bytes.extend_from_slice(&[0; 16]);
    bytes.extend_from_slice(record);
    bytes.extend_from_slice(b"\xab\xcd\xefMaxMind.com");
    bytes.push(0xe9);
    let text = |bytes: &mut Vec<u8>, text: &str| {
        bytes.push(0x40 | text.len() as u8);
        bytes.extend_from_slice(text.as_bytes());
    };
    text(&mut bytes, "node_count");
    bytes.push(0xc4);
    bytes.extend_from_slice(&nodes.to_be_bytes());
    for (key, value) in
        [("record_size", 24), ("ip_version", 4), ("binary_format_major_version", 2), ("binary_format_minor_version", 0)]
    {
        text(&mut bytes, key);
        bytes.extend_from_slice(&[0xa2, 0, value]);
    }
    text(&mut bytes, "build_epoch");
    bytes.extend_from_slice(&[0x01, 0x02, 1]);
    text(&mut bytes, "database_type");
    text(&mut bytes, "City");
    text(&mut bytes, "languages");
    bytes.extend_from_slice(&[0x01, 0x04]);
    text(&mut bytes, "en");
    text(&mut bytes, "description");
    bytes.push(0xe0);
    Geo { reader: Some(Reader::from_source(bytes).unwrap()) }
}

fn place_of(geo: &Geo, address: &str) -> (String, String, String) {
    let mut place = Location::default();
    geo.find(Some(address.parse().unwrap()), &mut place);
    (place.country.to_owned(), place.state, place.city)
}

#[test]
fn country_state_and_city_are_found() {
    let record = b"\xe3\
        \x47country\xe1\x48iso_code\x42GB\
        \x4csubdivisions\x01\x04\xe1\x45names\xe2\x42fr\x4aAngleterre\x42en\x47England\
        \x44city\xe1\x45names\xe1\x42en\x46London";
    let geo = one_network(record);
    let london = ("GB".to_owned(), "England".to_owned(), "London".to_owned());
    assert_eq!(place_of(&geo, "81.2.69.142"), london);
    assert_eq!(place_of(&geo, "::ffff:81.2.69.142"), london);
    let nowhere = ("UN".to_owned(), String::new(), String::new());
    assert_eq!(place_of(&geo, "81.2.70.1"), nowhere);
    assert_eq!(place_of(&geo, "2001:db8::1"), nowhere);
}

#[test]
fn what_a_record_lacks_stays_empty_and_unknown_countries_are_un() {
    let geo = one_network(b"\xe1\x47country\xe1\x48iso_code\x42XX");
    let nowhere = ("UN".to_owned(), String::new(), String::new());
    assert_eq!(place_of(&geo, "81.2.69.1"), nowhere);
    let geo = one_network(b"\xe1\x47country\xe1\x48iso_code\x42DE");
    let germany = ("DE".to_owned(), String::new(), String::new());
    assert_eq!(place_of(&geo, "81.2.69.1"), germany);
}

#[test]
fn a_file_that_is_no_database_is_refused_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("geo.mmdb");
    let missing = Geo::open(Some(&path)).unwrap_err().to_string();
    assert!(missing.contains("geo.mmdb"), "{missing}");
    std::fs::write(&path, "nonsense").unwrap();
    let broken = Geo::open(Some(&path)).unwrap_err().to_string();
    assert!(broken.contains("geo.mmdb is not a usable MaxMind database"), "{broken}");
    assert!(Geo::open(None).unwrap().reader.is_none());
}
