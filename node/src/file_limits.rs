//! How much files may take: the settings.

use engine::FileLimits;
use protocol::file::FILE_BYTES_MAX;
use serde::Deserialize;

const MIB: u64 = 1024 * 1024;

/// The settings of the table `files`, as one source gives them.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, clap::Args)]
#[serde(deny_unknown_fields)]
pub struct FilesLayer {
    /// Largest file sent or taken, in MiB, at most 1024 [default: 100]
    #[arg(long = "file-mib-max", value_name = "MIB")]
    pub file_mib_max: Option<u64>,
    /// Files up to this size are fetched without being asked for, in MiB [default: 16]
    #[arg(long = "file-automatic-mib-max", value_name = "MIB")]
    pub automatic_mib_max: Option<u64>,
    /// Room for the files of one conversation, in MiB [default: 1024]
    #[arg(long = "file-conversation-mib-max", value_name = "MIB")]
    pub conversation_mib_max: Option<u64>,
    /// Room for all files, in MiB [default: 4096]
    #[arg(long = "file-disk-mib-max", value_name = "MIB")]
    pub disk_mib_max: Option<u64>,
}

/// The settings in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileSettings {
    /// See [`FilesLayer::file_mib_max`].
    pub file_mib_max: u64,
    /// See [`FilesLayer::automatic_mib_max`].
    pub automatic_mib_max: u64,
    /// See [`FilesLayer::conversation_mib_max`].
    pub conversation_mib_max: u64,
    /// See [`FilesLayer::disk_mib_max`].
    pub disk_mib_max: u64,
}

impl Default for FileSettings {
    fn default() -> Self {
        let limits = FileLimits::default();
        Self {
            file_mib_max: limits.file_bytes / MIB,
            automatic_mib_max: limits.automatic_bytes / MIB,
            conversation_mib_max: limits.conversation_bytes / MIB,
            disk_mib_max: limits.disk_bytes / MIB,
        }
    }
}

impl FileSettings {
    /// As the engine takes them. No file is larger than the protocol knows.
    pub(crate) fn limits(self) -> FileLimits {
        FileLimits {
            file_bytes: self.file_mib_max.saturating_mul(MIB).min(FILE_BYTES_MAX),
            automatic_bytes: self.automatic_mib_max.saturating_mul(MIB),
            conversation_bytes: self.conversation_mib_max.saturating_mul(MIB),
            disk_bytes: self.disk_mib_max.saturating_mul(MIB),
        }
    }
}
