//! What `kcat` tells of a message.

/// Partition, offset, time, lengths of key and value (-1: null), then the bytes of both.
pub const FORMAT: &str = "%p %o %T %K %S\n%k%s";

/// A message of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KafkaMessage {
    /// Its partition.
    pub partition: i32,
    /// Its place in the partition.
    pub offset: u64,
    /// Its time, ms since the Unix epoch.
    pub timestamp_ms: i64,
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Its value.
    pub value: Option<Vec<u8>>,
}

/// Reads what kcat prints in this format.
pub fn parse(mut text: &[u8]) -> Vec<KafkaMessage> {
    let mut messages = Vec::new();
    while let Some(end) = text.iter().position(|&byte| byte == b'\n') {
        let head = std::str::from_utf8(&text[..end]).expect("numbers");
        text = &text[end + 1..];
        let numbers: Vec<i64> = head.split(' ').map(|number| number.parse().expect("a number")).collect();
        let &[partition, offset, timestamp_ms, key, value] = &numbers[..] else { panic!("not five numbers: {head}") };
        let mut take = |length: i64| {
            let length = usize::try_from(length).ok()?;
            let (bytes, rest) = text.split_at(length);
            text = rest;
            Some(bytes.to_vec())
        };
        let (key, value) = (take(key), take(value));
        let partition = i32::try_from(partition).expect("a partition");
        let offset = u64::try_from(offset).expect("an offset");
        messages.push(KafkaMessage { partition, offset, timestamp_ms, key, value });
    }
    assert!(text.is_empty(), "kcat ended in the middle of a message");
    messages
}
