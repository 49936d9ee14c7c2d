//! Pages, compressed, one after the other.

use bytes::Bytes;
use parquet::basic::Encoding;
use parquet::column::page::{CompressedPage, Page, PageWriteSpec, PageWriter};
use parquet::errors::ParquetError;
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use zstd::bulk::Compressor;
use zstd::zstd_safe::{CParameter, Strategy, compress_bound};

/// zstd's fast strategy with shorter matches and a larger table than its level 1 has, which suits batches of messages: almost as small as level 3, in
/// two thirds of the time.
const PARAMETERS: [CParameter; 5] = [
    CParameter::CompressionLevel(ZSTD_LEVEL),
    CParameter::Strategy(Strategy::ZSTD_fast),
    CParameter::WindowLog(20),
    CParameter::HashLog(16),
    CParameter::MinMatch(6),
];

/// The level that this is nearest to.
pub(super) const ZSTD_LEVEL: i32 = 1;

/// What all pages have in common: a context and buffers that are used again.
#[derive(Default)]
pub(super) struct Pages {
    compressor: Compressor<'static>,
    packed: Vec<u8>,
    written: Vec<u8>,
}

/// The pages of one column chunk.
pub(super) struct ChunkPages<'a> {
    shared: (&'a mut Compressor<'static>, &'a mut Vec<u8>),
    sink: TrackedWrite<&'a mut Vec<u8>>,
    /// What they take in the file.
    pub(super) compressed: i64,
    /// What they take once they are inflated.
    pub(super) uncompressed: i64,
}

impl Pages {
    /// Begins a column chunk.
    pub(super) fn begin(&mut self) -> Result<ChunkPages<'_>, ParquetError> {
        self.written.clear();
        PARAMETERS.into_iter().try_for_each(|parameter| self.compressor.set_parameter(parameter))?;
        Ok(ChunkPages {
            shared: (&mut self.compressor, &mut self.packed),
            sink: TrackedWrite::new(&mut self.written),
            compressed: 0,
            uncompressed: 0,
        })
    }

    /// The bytes of the last column chunk.
    pub(super) fn take(&mut self) -> Bytes {
        Bytes::from(std::mem::take(&mut self.written))
    }

    /// Gives those bytes back, so that the next chunk needs no new memory.
    pub(super) fn give_back(&mut self, bytes: Bytes) {
        self.written = Vec::from(bytes);
    }
}

impl ChunkPages<'_> {
    /// Adds the page of the dictionary.
    pub(super) fn dictionary(&mut self, plain: &[u8], values: u32) -> Result<PageWriteSpec, ParquetError> {
        self.add(plain, |buf| Page::DictionaryPage {
            buf,
            num_values: values,
            encoding: Encoding::PLAIN,
            is_sorted: false,
        })
    }

    /// Adds a page of so many rows.
    pub(super) fn data(&mut self, body: &[u8], rows: u32, encoding: Encoding) -> Result<PageWriteSpec, ParquetError> {
        self.add(body, |buf| Page::DataPage {
            buf,
            num_values: rows,
            encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        })
    }

    fn add(&mut self, body: &[u8], page: impl FnOnce(Bytes) -> Page) -> Result<PageWriteSpec, ParquetError> {
        let (compressor, packed) = &mut self.shared;
        packed.clear();
        packed.reserve(compress_bound(body.len()));
        compressor.compress_to_buffer(body, *packed)?;
        let bytes = Bytes::from(std::mem::take(*packed));
        let page = CompressedPage::new(page(bytes.clone()), body.len());
        let spec = SerializedPageWriter::new(&mut self.sink).write_page(page)?;
        // The page is gone, so this is the buffer again, without a copy.
        **packed = Vec::from(bytes);
        self.compressed += spec.compressed_size as i64;
        self.uncompressed += spec.uncompressed_size as i64;
        Ok(spec)
    }

    /// Ends the column chunk. Returns what its pages take in the file and inflated.
    pub(super) fn end(self) -> Result<(i64, i64), ParquetError> {
        self.sink.into_inner()?;
        Ok((self.compressed, self.uncompressed))
    }
}
