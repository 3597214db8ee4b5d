//! Reading an export. Every length is checked before anything of that length is read.

use std::{
    fs::File,
    io::{self, BufReader, Read},
    path::{Path, PathBuf},
};

use bytes::Bytes;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::{
    batch::Key,
    seal::{STORED_BYTES_MAX, Sealer},
    tables::{INTERNAL, KEY_BYTES_MAX, SCHEMA_VERSION, Table},
    transfer::{
        CHECK_KEY, CHECK_VALUE, CHECKSUM_BYTES, ExportKey, FORMAT, ImportError, ImportReport,
        MAGIC, ROW_BYTES_MAX, checksum,
    },
};

const CHECK_BYTES_MAX: usize = 256;

/// An export being read from its start.
pub(crate) struct ExportReader {
    path: PathBuf,
    file: BufReader<File>,
    mac: Hmac<Sha256>,
    rows: u64,
}

/// One row of an export, its value as it was stored.
pub(crate) struct ExportedRow {
    pub(crate) table: Table,
    pub(crate) key: Key,
    pub(crate) stored: Vec<u8>,
}

const fn malformed(field: &'static str) -> ImportError {
    ImportError::Malformed { field }
}

impl ExportReader {
    pub(crate) fn open(path: &Path, key: &ExportKey, sealer: &Sealer) -> Result<Self, ImportError> {
        let file =
            File::open(path).map_err(|source| ImportError::Io { path: path.to_owned(), source })?;
        let file = BufReader::new(file);
        let mut reader = Self { path: path.to_owned(), file, mac: key.mac(), rows: 0 };
        if reader.array("header")? != *MAGIC {
            return Err(malformed("header: not an export of a ledger"));
        }
        let format = u16::from_be_bytes(reader.array("format")?);
        if format != FORMAT {
            return Err(ImportError::NewerFormat { format });
        }
        let schema = u16::from_be_bytes(reader.array("schema")?);
        if schema > SCHEMA_VERSION {
            return Err(ImportError::NewerSchema { schema });
        }
        let len = usize::from(u16::from_be_bytes(reader.array("key check")?));
        if len > CHECK_BYTES_MAX {
            return Err(malformed("length of the key check"));
        }
        let check = reader.bytes(len, "key check")?;
        match sealer.unseal(INTERNAL, CHECK_KEY, &check) {
            Ok(value) if value == CHECK_VALUE => Ok(reader),
            _ => Err(ImportError::WrongKey),
        }
    }

    /// The next row, or `None` after the last one, once the end has proved to be right.
    pub(crate) fn next_row(&mut self) -> Result<Option<ExportedRow>, ImportError> {
        let len = u32::from_be_bytes(self.array("length of a row")?);
        if len == 0 {
            self.end()?;
            return Ok(None);
        }
        let len = usize::try_from(len).map_err(|_| malformed("length of a row"))?;
        if len > ROW_BYTES_MAX {
            return Err(malformed("length of a row"));
        }
        let expected: [u8; CHECKSUM_BYTES] = self.array("checksum of a row")?;
        let row = self.bytes(len, "row")?;
        if checksum(&row) != expected {
            return Err(malformed("checksum of a row"));
        }
        let (&[table, high, low], rest) =
            row.split_first_chunk::<3>().ok_or(malformed("start of a row"))?;
        let table = Table::from_number(table).ok_or(malformed("table of a row"))?;
        let key_len = usize::from(u16::from_be_bytes([high, low]));
        if key_len > KEY_BYTES_MAX {
            return Err(malformed("length of a key"));
        }
        let (key, stored) = rest.split_at_checked(key_len).ok_or(malformed("length of a key"))?;
        if stored.len() > STORED_BYTES_MAX {
            return Err(malformed("length of a value"));
        }
        self.rows += 1;
        Ok(Some(ExportedRow { table, key: Bytes::copy_from_slice(key), stored: stored.to_vec() }))
    }

    /// What has been read so far.
    pub(crate) fn report(&self) -> ImportReport {
        ImportReport { rows: self.rows }
    }

    fn end(&mut self) -> Result<(), ImportError> {
        if u64::from_be_bytes(self.array("number of rows")?) != self.rows {
            return Err(malformed("number of rows"));
        }
        let mac = self.mac.clone();
        let code: [u8; 32] = self.array("authentication code")?;
        mac.verify_slice(&code).map_err(|_| malformed("authentication code"))?;
        match self.file.read(&mut [0]) {
            Ok(0) => Ok(()),
            Ok(_) => Err(malformed("bytes after the end")),
            Err(source) => Err(self.io(source)),
        }
    }

    fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], ImportError> {
        let mut bytes = [0; N];
        self.fill(&mut bytes, field)?;
        Ok(bytes)
    }

    fn bytes(&mut self, len: usize, field: &'static str) -> Result<Vec<u8>, ImportError> {
        let mut bytes = vec![0; len];
        self.fill(&mut bytes, field)?;
        Ok(bytes)
    }

    fn fill(&mut self, bytes: &mut [u8], field: &'static str) -> Result<(), ImportError> {
        match self.file.read_exact(bytes) {
            Ok(()) => {
                self.mac.update(bytes);
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(malformed(field)),
            Err(source) => Err(self.io(source)),
        }
    }

    fn io(&self, source: io::Error) -> ImportError {
        ImportError::Io { path: self.path.clone(), source }
    }
}
