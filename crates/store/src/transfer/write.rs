//! Writing an export.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::{
    folder,
    seal::Sealer,
    tables::{INTERNAL, SCHEMA_VERSION},
    transfer::{
        CHECK_KEY, CHECK_VALUE, ExportError, ExportKey, ExportReport, FORMAT, MAGIC, checksum,
    },
};

/// An export being written, under a name of its own until it is whole.
pub(crate) struct ExportWriter {
    path: PathBuf,
    temporary: PathBuf,
    file: BufWriter<File>,
    mac: Hmac<Sha256>,
    report: ExportReport,
    finished: bool,
}

impl ExportWriter {
    pub(crate) fn create(
        path: &Path,
        key: &ExportKey,
        sealer: &Sealer,
    ) -> Result<Self, ExportError> {
        if fs::symlink_metadata(path).is_ok() {
            return Err(ExportError::Exists { path: path.to_owned() });
        }
        let mut name = path.as_os_str().to_owned();
        name.push(".partial");
        let temporary = PathBuf::from(name);
        let create = || -> io::Result<File> {
            // An earlier export that was killed; it never was anything.
            match fs::remove_file(&temporary) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let mut options = OpenOptions::new();
            options.write(true).create_new(true);
            folder::owner_only(&mut options);
            options.open(&temporary)
        };
        let file = create().map_err(|source| ExportError::Io { path: path.to_owned(), source })?;
        let mut writer = Self {
            path: path.to_owned(),
            temporary,
            file: BufWriter::new(file),
            mac: key.mac(),
            report: ExportReport { rows: 0, bytes: 0 },
            finished: false,
        };
        let check = sealer.seal(INTERNAL, CHECK_KEY, CHECK_VALUE);
        let check_len = u16::try_from(check.len()).expect("a constant of a few dozen bytes");
        writer.append(MAGIC)?;
        writer.append(&FORMAT.to_be_bytes())?;
        writer.append(&SCHEMA_VERSION.to_be_bytes())?;
        writer.append(&check_len.to_be_bytes())?;
        writer.append(&check)?;
        Ok(writer)
    }

    /// Adds a row, with its value as it is stored.
    pub(crate) fn row(&mut self, table: u8, key: &[u8], stored: &[u8]) -> Result<(), ExportError> {
        let key_len = u16::try_from(key.len()).expect("keys are at most 512 bytes");
        let row = [&[table], &key_len.to_be_bytes()[..], key, stored].concat();
        let len = u32::try_from(row.len()).expect("rows are little over 1 MiB");
        self.append(&len.to_be_bytes())?;
        self.append(&checksum(&row))?;
        self.append(&row)?;
        self.report.rows += 1;
        Ok(())
    }

    /// Closes the export and gives it its name.
    pub(crate) fn finish(mut self) -> Result<ExportReport, ExportError> {
        self.append(&0u32.to_be_bytes())?;
        self.append(&self.report.rows.to_be_bytes())?;
        let code: [u8; 32] = self.mac.clone().finalize().into_bytes().into();
        self.append(&code)?;
        let name = |writer: &mut Self| -> io::Result<()> {
            writer.file.flush()?;
            writer.file.get_ref().sync_all()?;
            fs::rename(&writer.temporary, &writer.path)?;
            writer.finished = true;
            folder::sync_parent(&writer.path)
        };
        match name(&mut self) {
            Ok(()) => Ok(self.report),
            Err(source) => Err(ExportError::Io { path: self.path.clone(), source }),
        }
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), ExportError> {
        self.mac.update(bytes);
        self.report.bytes += bytes.len() as u64;
        self.file
            .write_all(bytes)
            .map_err(|source| ExportError::Io { path: self.path.clone(), source })
    }
}

impl Drop for ExportWriter {
    fn drop(&mut self) {
        if !self.finished {
            // Best effort: the next export of the same name removes it otherwise.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}
