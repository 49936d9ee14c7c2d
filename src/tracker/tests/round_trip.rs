//! Every message in `messages.json`, written by a simple encoder made from the same file and read back by the readers: in every kind of batch,
//! with both generations of the catalogue, and with extreme values.

use serde::Deserialize;

use crate::tracker::*;

#[derive(Deserialize)]
struct Catalogue {
    messages: Vec<CatalogueEntry>,
}

#[derive(Deserialize)]
struct CatalogueEntry {
    id: u8,
    name: String,
    context: String,
    fields: Vec<Field>,
    seed_diff: Option<SeedDiff>,
}

#[derive(Clone, Deserialize)]
struct Field {
    name: String,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct SeedDiff {
    name: Option<String>,
    fields: Option<Vec<Field>>,
}

const UINTS: [u64; 6] = [0, 127, 128, 16_384, 1_710_417_074_000, u64::MAX];
const INTS: [i64; 6] = [0, -1, 63, -64, i64::MAX, i64::MIN];
const VARIANTS: usize = 6;
const ERAS: [Era; 2] = [Era::Seed, Era::Main];

fn catalogue() -> Vec<CatalogueEntry> {
    let catalogue: Catalogue = serde_json::from_str(include_str!("../messages.json")).unwrap();
    assert_eq!(catalogue.messages.len(), 123);
    catalogue.messages
}

impl CatalogueEntry {
    fn fields(&self, era: Era) -> &[Field] {
        match &self.seed_diff {
            Some(SeedDiff { fields: Some(fields), .. }) if era == Era::Seed => fields,
            _ => &self.fields,
        }
    }

    /// The newest name, except for the one id that was reassigned.
    fn name(&self, era: Era) -> &str {
        match &self.seed_diff {
            Some(SeedDiff { name: Some(name), .. }) if era == Era::Seed && self.id == 3 => name,
            _ => &self.name,
        }
    }

    /// The bytes of the fields, and what a reader must find in them. `strings` live as long as the test.
    fn body<'a>(&self, era: Era, variant: usize, strings: &'a [Vec<u8>]) -> (Vec<u8>, Vec<(String, Value<'a>)>) {
        let mut bytes = Vec::new();
        let mut values = Vec::new();
        for (index, field) in self.fields(era).iter().enumerate() {
            let choice = (variant + index) % VARIANTS;
            let value = match field.kind.as_str() {
                "uint" => {
                    uint(UINTS[choice], &mut bytes);
                    Value::Uint(UINTS[choice])
                }
                "int" => {
                    let int = INTS[choice];
                    uint(((int << 1) ^ (int >> 63)) as u64, &mut bytes);
                    Value::Int(int)
                }
                "string" => {
                    let text = &strings[choice % strings.len()];
                    uint(text.len() as u64, &mut bytes);
                    bytes.extend_from_slice(text);
                    Value::Str(text)
                }
                "boolean" => {
                    bytes.push((choice % 2) as u8);
                    Value::Bool(choice % 2 == 1)
                }
                other => panic!("{other}"),
            };
            values.push((field.name.clone(), value));
        }
        (bytes, values)
    }
}

fn uint(mut value: u64, out: &mut Vec<u8>) {
    while value > 127 {
        out.push(value as u8 | 128);
        value >>= 7;
    }
    out.push(value as u8);
}

fn metadata(version: u8) -> Vec<u8> {
    vec![81, version, 2, 5, 0, 1, b'/']
}

fn sized(id: u8, body: &[u8]) -> Vec<u8> {
    let size = (body.len() as u32).to_le_bytes();
    [&[id][..], &size[..3], body].concat()
}

fn unsized_(id: u8, body: &[u8]) -> Vec<u8> {
    [&[id][..], body].concat()
}

/// Batches of every kind that hold one message, followed by a `Timestamp` of 5.
fn batches(id: u8, era: Era, body: &[u8]) -> Vec<Vec<u8>> {
    let exempt = matches!((id, era), (80 | 82, Era::Seed));
    let with_size = if exempt { unsized_(id, body) } else { sized(id, body) };
    let mut all: Vec<Vec<u8>> =
        (1..=5).map(|version| [&metadata(version)[..], &with_size, &sized(0, &[5])].concat()).collect();
    for begin in [&metadata(0)[..], &[80, 1, 2, 0], &[107, 1, 1, 9]] {
        all.push([begin, &unsized_(id, body), &unsized_(0, &[5])].concat());
    }
    all
}

#[test]
fn every_message_of_both_generations_is_read_back_from_every_kind_of_batch() {
    let strings = [Vec::new(), b"a".to_vec(), "é\u{1f600}".repeat(60).into_bytes(), vec![0xff; 300], vec![0; 20_000]];
    let mut read = 0;
    for entry in catalogue() {
        for (era, variant) in ERAS.into_iter().flat_map(|era| (0..VARIANTS).map(move |variant| (era, variant))) {
            let (body, values) = entry.body(era, variant, &strings);
            assert_eq!(message_spec(entry.id.into()).map(|spec| spec.mobile), Some(entry.context == "mobile"));
            let alone = unsized_(entry.id, &body);
            let mut found: Vec<_> = read_batch(&alone, era).collect::<Result<_, _>>().unwrap();
            expect(&found.remove(0), &entry, era, &values);
            // Metadata comes first and nowhere else.
            if entry.id == 81 {
                continue;
            }
            for batch in batches(entry.id, era, &body) {
                let found: Vec<_> = read_batch(&batch, era)
                    .collect::<Result<_, _>>()
                    .unwrap_or_else(|fault| panic!("{} {era:?} {variant} {batch:?}: {fault}", entry.name));
                assert_eq!(found.len(), 3, "{} {era:?}", entry.name);
                expect(&found[1], &entry, era, &values);
                assert_eq!((found[2].name, found[2].timestamp_ms), ("Timestamp", 5), "{}", entry.name);
                assert_eq!(check(&batch, None, era).map(|facts| facts.messages), Ok(3), "{} {era:?}", entry.name);
                read += 1;
            }
        }
    }
    assert_eq!(read, 122 * 2 * VARIANTS * 8);
}

fn expect(message: &Message<'_>, entry: &CatalogueEntry, era: Era, values: &[(String, Value<'_>)]) {
    assert_eq!((message.id, message.name), (entry.id.into(), entry.name(era)));
    assert_eq!(message.body, Body::Whole, "{message}");
    let found: Vec<_> = message.fields().map(|(name, value)| (name.to_owned(), value)).collect();
    assert_eq!(found, values, "{}", entry.name);
}

#[test]
fn with_sizes_the_layout_of_the_other_generation_is_found_too() {
    let strings = [b"x".to_vec()];
    for entry in catalogue() {
        if !matches!(&entry.seed_diff, Some(SeedDiff { fields: Some(_), .. })) {
            continue;
        }
        assert_eq!(entry.id, 48);
        for (written, read) in [(Era::Seed, Era::Main), (Era::Main, Era::Seed)] {
            let (body, values) = entry.body(written, 1, &strings);
            let batch = [metadata(4), sized(entry.id, &body)].concat();
            let found = read_batch(&batch, read).nth(1).unwrap().unwrap();
            let fields: Vec<_> = found.fields().map(|(name, value)| (name.to_owned(), value)).collect();
            assert_eq!((found.body, fields), (Body::Whole, values));
        }
    }
}

#[test]
fn an_unknown_id_is_stepped_over_wherever_its_end_can_be_told() {
    let known: Vec<u64> = catalogue().iter().map(|entry| entry.id.into()).collect();
    for id in (0..400).filter(|id| !known.contains(id)) {
        let mut name = Vec::new();
        uint(id, &mut name);
        for version in 1..=5 {
            let batch = [metadata(version), name.clone(), vec![2, 0, 0, 7, 7], sized(0, &[5])].concat();
            let found: Vec<_> = read_batch(&batch, Era::Main).collect::<Result<_, _>>().unwrap();
            assert_eq!((found[1].name, found[1].body, found[2].name), (UNKNOWN, Body::Unknown, "Timestamp"), "{id}");
            assert_eq!(check(&batch, None, Era::Main).map(|facts| facts.messages), Ok(3));
        }
        // Mobile messages hold their length after their time.
        let batch = [&[107, 1, 1, 9][..], &name, &[9, 2, 7, 7], &unsized_(0, &[5])].concat();
        let found: Vec<_> = read_batch(&batch, Era::Main).collect::<Result<_, _>>().unwrap();
        assert_eq!((found[1].name, found[1].timestamp_ms, found[2].name), (UNKNOWN, 9, "Timestamp"), "{id}");
        assert_eq!(check(&batch, None, Era::Main).map(|facts| facts.messages), Ok(3));
        let batch = [metadata(0), name, vec![9]].concat();
        let fault = read_batch(&batch, Era::Main).last().unwrap().unwrap_err();
        assert_eq!(fault.kind, FaultKind::UnknownUnsized { id });
    }
}

#[test]
fn every_message_cut_short_or_carried_on_costs_itself_alone() {
    let strings = [b"ab".to_vec()];
    for entry in catalogue() {
        let (body, values) = entry.body(Era::Main, 1, &strings);
        if matches!(entry.id, 81) || body.is_empty() {
            continue;
        }
        let longer = [&body[..], &[1, 2, 3]].concat();
        for (bytes, whole) in [(&longer[..], true), (&body[..body.len() - 1], false)] {
            let batch = [metadata(2), sized(entry.id, bytes), sized(0, &[5])].concat();
            let found: Vec<_> = read_batch(&batch, Era::Main).collect::<Result<_, _>>().unwrap();
            assert_eq!((found.len(), found[2].name), (3, "Timestamp"), "{}", entry.name);
            let fields = found[1].fields().count();
            match found[1].body {
                Body::Longer { extra } => assert_eq!((whole, extra, fields), (true, 3, values.len()), "{}", entry.name),
                Body::Broken(_) => assert_eq!((whole, fields), (false, values.len() - 1), "{}", entry.name),
                // One layout, cut short, can be another layout exactly.
                Body::Whole => assert_eq!(entry.id, 48),
                Body::Unknown => panic!("{} is known", entry.name),
            }
        }
    }
}
