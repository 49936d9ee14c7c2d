//! A column chunk.

use std::io::Write;

use parquet::basic::{BoundaryOrder, Compression, Encoding, PageType, Type as PhysicalType, ZstdLevel};
use parquet::bloom_filter::Sbbf;
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, ColumnIndexBuilder, OffsetIndexBuilder, PageEncodingStats};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::statistics::{Statistics, ValueStatistics};
use parquet::file::writer::SerializedRowGroupWriter;
use parquet::schema::types::ColumnDescPtr;

use super::dictionary::Dictionary;
use super::hybrid;
use super::pages::{Pages, ZSTD_LEVEL};
use crate::archive::buffer::{ColumnBuffer, Values};
use crate::archive::column::{Column, ColumnKind};

/// A page of payloads or long texts: what has to be inflated to read one of them.
const PAGE_BYTES: usize = 1 << 20;

/// How many rows a page has at most.
const PAGE_ROWS: usize = 20_000;

/// A larger dictionary is read as a whole for any of its values, so the values stand in their pages instead.
const DICTIONARY_BYTES_MAX: usize = 1 << 20;

/// The share of sessions that a Bloom filter takes for ones it has.
const BLOOM_FALSE_RATE: f64 = 0.01;

/// Encodes columns. Its buffers are used again.
#[derive(Default)]
pub(in crate::archive) struct ColumnEncoder {
    pages: Pages,
    dictionary: Dictionary,
    /// Which rows have a value, as 1 and 0; unused where all have.
    levels: Vec<u32>,
    /// Where the values of the rows that have one stand in the buffer.
    places: Vec<usize>,
    /// The page at hand, before it is compressed.
    body: Vec<u8>,
}

/// How the values of a chunk are written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Plain,
    Dictionary { width: u8 },
}

/// What the footer and the page index say of the values.
struct Bounds {
    all: Option<(i64, i64)>,
    last: Option<(i64, i64)>,
    is_ascending: bool,
    index: ColumnIndexBuilder,
}

impl ColumnEncoder {
    /// Appends the column of these rows, in this order, to a row group.
    ///
    /// # Errors
    /// Failures to write.
    pub(in crate::archive) fn append<W: Write + Send>(
        &mut self,
        group: &mut SerializedRowGroupWriter<'_, W>,
        (column, described): (&Column, ColumnDescPtr),
        buffer: &ColumnBuffer,
        rows: &[u32],
    ) -> Result<(), ParquetError> {
        let closed = self.encode(column, described, buffer, rows)?;
        let bytes = self.pages.take();
        let appended = group.append_column(&bytes, closed);
        self.pages.give_back(bytes);
        appended
    }

    fn encode(
        &mut self,
        column: &Column,
        described: ColumnDescPtr,
        buffer: &ColumnBuffer,
        rows: &[u32],
    ) -> Result<ColumnCloseResult, ParquetError> {
        self.find_places(buffer, rows);
        let form = self.form(column, buffer.values());
        let encoding = if form == Form::Plain { Encoding::PLAIN } else { Encoding::RLE_DICTIONARY };
        let mut bounds = column.statistics.then(Bounds::new);
        let mut offsets = OffsetIndexBuilder::new();
        let mut pages = self.pages.begin()?;
        let (mut dictionary_at, mut data_at, mut data_pages) = (None, None, 0);
        if form != Form::Plain {
            let spec = pages.dictionary(&self.dictionary.plain, self.dictionary.count)?;
            dictionary_at = Some(spec.offset as i64);
        }
        let (mut row, mut place) = (0, 0);
        while row < rows.len() {
            self.body.clear();
            let (row_end, place_end) = page_end(buffer, form, &self.levels, &self.places, (row, place));
            if buffer.is_nullable() {
                put_levels(&self.levels[row..row_end], &mut self.body);
            }
            match form {
                Form::Dictionary { width } => {
                    self.body.push(width);
                    hybrid::put(&self.dictionary.numbers[place..place_end], width, &mut self.body);
                }
                Form::Plain => put_plain(buffer, &self.places[place..place_end], &mut self.body),
            }
            if let (Some(bounds), Values::Ints(values)) = (&mut bounds, buffer.values()) {
                bounds.add_page(self.places[place..place_end].iter().map(|&place| values[place]));
            }
            let spec = pages.data(&self.body, (row_end - row) as u32, encoding)?;
            data_at.get_or_insert(spec.offset as i64);
            data_pages += 1;
            offsets.append_row_count((row_end - row) as i64);
            // A page takes less than 2 GiB: the crate checks that.
            offsets.append_offset_and_size(spec.offset as i64, spec.compressed_size as i32);
            (row, place) = (row_end, place_end);
        }
        let (compressed, uncompressed) = pages.end()?;

        let pages_of = |page_type, encoding, count| PageEncodingStats { page_type, encoding, count };
        let mut encodings = vec![Encoding::RLE, Encoding::PLAIN];
        let mut page_encodings = vec![pages_of(PageType::DATA_PAGE, encoding, data_pages)];
        if form != Form::Plain {
            encodings.push(Encoding::RLE_DICTIONARY);
            page_encodings.insert(0, pages_of(PageType::DICTIONARY_PAGE, Encoding::PLAIN, 1));
        }
        let mut metadata = ColumnChunkMetaData::builder(described)
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?))
            .set_encodings(encodings)
            .set_page_encoding_stats(page_encodings)
            .set_total_compressed_size(compressed)
            .set_total_uncompressed_size(uncompressed)
            .set_num_values(rows.len() as i64)
            .set_data_page_offset(data_at.unwrap_or_default())
            .set_dictionary_page_offset(dictionary_at);
        if let Some(bounds) = &bounds {
            metadata = metadata.set_statistics(bounds.statistics());
        }
        Ok(ColumnCloseResult {
            bytes_written: compressed.unsigned_abs(),
            rows_written: rows.len() as u64,
            metadata: metadata.build()?,
            bloom_filter: if column.bloom { Some(self.bloom_filter(buffer)?) } else { None },
            column_index: bounds.map(Bounds::index).transpose()?,
            offset_index: Some(offsets.build()),
        })
    }

    /// Finds where the rows' values stand, in their order.
    fn find_places(&mut self, buffer: &ColumnBuffer, rows: &[u32]) {
        self.levels.clear();
        self.places.clear();
        if !buffer.is_nullable() {
            self.places.extend(rows.iter().map(|&row| row as usize));
            return;
        }
        if buffer.values().is_empty() {
            self.levels.resize(rows.len(), 0);
            return;
        }
        for &row in rows {
            let place = buffer.place(row as usize);
            self.levels.push(u32::from(place.is_some()));
            if let Some(place) = place {
                self.places.push(place);
            }
        }
    }

    /// Decides how the values are written, and makes the dictionary if there is one.
    fn form(&mut self, column: &Column, values: &Values) -> Form {
        let places = &self.places;
        let has_dictionary = column.dictionary
            && !places.is_empty()
            && match values {
                Values::Ints(ints) => {
                    self.dictionary.of_ints(places.iter().map(|&place| ints[place]), DICTIONARY_BYTES_MAX)
                }
                Values::Repeated { numbers, texts, .. } => {
                    let values = places.iter().map(|&place| numbers[place]);
                    self.dictionary.of_texts(values, texts, DICTIONARY_BYTES_MAX)
                }
                Values::Texts { .. } | Values::Bytes(_) => false,
            };
        if !has_dictionary {
            return Form::Plain;
        }
        Form::Dictionary { width: hybrid::width_of(self.dictionary.count - 1) }
    }

    /// A Bloom filter of the values, which are numbers.
    fn bloom_filter(&self, buffer: &ColumnBuffer) -> Result<Sbbf, ParquetError> {
        let Values::Ints(values) = buffer.values() else {
            return Err(ParquetError::General("a Bloom filter is of numbers".into()));
        };
        let mut all: Vec<i64> = self.places.iter().map(|&place| values[place]).collect();
        // Rows are sorted, so equal ones are neighbours.
        all.dedup();
        let mut filter = Sbbf::new_with_ndv_fpp(all.len() as u64, BLOOM_FALSE_RATE)?;
        all.iter().for_each(|value| filter.insert(value));
        Ok(filter)
    }
}

/// Where a page ends that begins at this row and at this value.
fn page_end(
    buffer: &ColumnBuffer,
    form: Form,
    levels: &[u32],
    places: &[usize],
    (row, place): (usize, usize),
) -> (usize, usize) {
    // Where there are no levels, each row has a value.
    let rows = if buffer.is_nullable() { levels.len() } else { places.len() };
    let last = rows.min(row + PAGE_ROWS);
    let values = levels.get(row..last).map_or(last - row, |levels| levels.iter().sum::<u32>() as usize);
    // Numbers, and places in a dictionary, are short.
    if form != Form::Plain || matches!(buffer.values(), Values::Ints(_)) {
        return (last, place + values);
    }
    let mut bytes = 0;
    let is_full = |&place: &usize| {
        bytes += buffer.values().bytes(place).len();
        bytes >= PAGE_BYTES
    };
    let Some(at) = places[place..place + values].iter().position(is_full) else { return (last, place + values) };
    let values = at + 1;
    // The row that has the last of these values.
    let has_value = |level: &(usize, &u32)| *level.1 == 1;
    let row_of = |levels: &[u32]| levels.iter().enumerate().filter(has_value).nth(at).map(|(row, _)| row);
    let rows = levels.get(row..last).and_then(row_of).unwrap_or(at) + 1;
    (row + rows, place + values)
}

/// Appends which rows have a value.
fn put_levels(levels: &[u32], out: &mut Vec<u8>) {
    let begin = out.len();
    out.extend_from_slice(&[0; 4]);
    hybrid::put(levels, 1, out);
    let bytes = (out.len() - begin - 4) as u32;
    out[begin..begin + 4].copy_from_slice(&bytes.to_le_bytes());
}

/// Appends values, one after the other.
fn put_plain(buffer: &ColumnBuffer, places: &[usize], out: &mut Vec<u8>) {
    match buffer.values() {
        Values::Ints(values) if buffer.kind() == ColumnKind::Bool => {
            let bit = |(at, &place): (usize, &usize)| u8::from(values[place] != 0) << at;
            out.extend(places.chunks(8).map(|eight| eight.iter().enumerate().map(bit).sum::<u8>()));
        }
        Values::Ints(values) => {
            out.reserve(places.len() * 8);
            places.iter().for_each(|&place| out.extend_from_slice(&values[place].to_le_bytes()));
        }
        values => {
            for &place in places {
                let bytes = values.bytes(place);
                // Bodies have far less than 4 GiB.
                out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
                out.extend_from_slice(bytes);
            }
        }
    }
}

impl Bounds {
    fn new() -> Self {
        Self { all: None, last: None, is_ascending: true, index: ColumnIndexBuilder::new(PhysicalType::INT64) }
    }

    /// Adds a page's values: at least one, because columns with statistics are not nullable.
    fn add_page(&mut self, values: impl Iterator<Item = i64>) {
        let widen = |bounds: Option<(i64, i64)>, value: i64| {
            Some(bounds.map_or((value, value), |(min, max)| (min.min(value), max.max(value))))
        };
        let Some((min, max)) = values.fold(None, widen) else { return };
        self.is_ascending &= self.last.is_none_or(|(last_min, last_max)| last_min <= min && last_max <= max);
        self.last = Some((min, max));
        self.all = widen(widen(self.all, min), max);
        self.index.append(false, min.to_le_bytes().to_vec(), max.to_le_bytes().to_vec(), 0, None);
    }

    fn statistics(&self) -> Statistics {
        let (min, max) = self.all.unzip();
        Statistics::Int64(ValueStatistics::new(min, max, None, Some(0), false).with_backwards_compatible_min_max(true))
    }

    fn index(mut self) -> Result<ColumnIndexMetaData, ParquetError> {
        let order = if self.is_ascending { BoundaryOrder::ASCENDING } else { BoundaryOrder::UNORDERED };
        self.index.set_boundary_order(order);
        self.index.build()
    }
}

#[cfg(test)]
mod tests;
