//! What a courier ships at once: the items of some records, in the log's order.

use std::ops::Range;

use crate::log::format::record::Record;
use crate::log::read::merge::MergePosition;

use super::cause::Cause;
use super::destination::Packer;
use super::stored_record::StoredRecord;

/// When a shipment is full. It always has room for one record.
#[derive(Debug, Clone, Copy)]
pub struct ShipmentBounds {
    /// Bytes of records and items.
    pub bytes: usize,
    /// Records with items.
    pub records: usize,
}

/// Items, and the records that they were made from.
#[derive(Debug)]
pub struct Shipment<T> {
    /// What the destination takes.
    pub items: Vec<T>,
    /// The records, each with the end of its items.
    records: Vec<(StoredRecord, usize)>,
    /// Records for which no items could be made, and why.
    pub unsendable: Vec<(StoredRecord, Cause)>,
    bytes: usize,
    /// Where the log goes on after it.
    pub position: Option<MergePosition>,
    /// How many times the courier had been rewound when it was read.
    pub rewinds: u64,
}

impl<T> Default for Shipment<T> {
    fn default() -> Self {
        Self { items: Vec::new(), records: Vec::new(), unsendable: Vec::new(), bytes: 0, position: None, rewinds: 0 }
    }
}

impl<T> Shipment<T> {
    /// Adds a record's items.
    pub fn add<P: Packer<Item = T>>(&mut self, packer: &mut P, record: &Record<'_>) {
        let before = self.items.len();
        match packer.pack(record, &mut self.items) {
            Ok(()) if self.items.len() == before => return,
            Ok(()) => self.records.push((StoredRecord::of(record), self.items.len())),
            Err(cause) => {
                self.items.truncate(before);
                self.unsendable.push((StoredRecord::of(record), cause));
            }
        }
        self.bytes += record.ext.0.len() + record.payload.len() + size_of::<StoredRecord>();
        self.bytes += self.items[before..].iter().map(P::item_bytes).sum::<usize>();
    }

    /// Whether there is nothing to do for it.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty() && self.unsendable.is_empty()
    }

    /// Whether no more may be added.
    pub fn is_full(&self, bounds: ShipmentBounds) -> bool {
        self.bytes >= bounds.bytes || self.records.len() + self.unsendable.len() >= bounds.records
    }

    /// How many records have items.
    pub fn record_count(&self) -> usize {
        self.records.len()
    }

    /// Bytes of records and items.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The items of the record that an item belongs to.
    pub fn items_of_record_of(&self, item: usize) -> Range<usize> {
        self.record(self.index_of(item)).1
    }

    /// A record with items, by its number, and its items.
    pub fn record(&self, number: usize) -> (&StoredRecord, Range<usize>) {
        let (record, end) = &self.records[number];
        let begin = number.checked_sub(1).map_or(0, |before| self.records[before].1);
        (record, begin..*end)
    }

    /// The number of the record that an item belongs to: how many records have all their items before it.
    pub fn index_of(&self, item: usize) -> usize {
        self.records.partition_point(|(_, end)| *end <= item)
    }
}
