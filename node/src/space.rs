//! Room on the disk, and what a node still does when there is little.
//!
//! A ledger that meets a full disk stops taking commits for good, and the node with it. So while
//! there is still room for what is under way the node turns to reading only: requests that would
//! write are refused with the reason, and frames of others are left unanswered, which makes their
//! outboxes keep and repeat them. What is due anyway goes on in the room that is kept back. Once
//! there is a quarter more than the bound again, so does everything else.

use std::{
    io,
    path::{Path, PathBuf},
};

use engine::RequestError;

/// How the free bytes around a path are found out.
type Probe = fn(&Path) -> io::Result<u64>;

/// Watches the disk a folder is on.
#[derive(Debug)]
pub(crate) struct Space {
    folder: PathBuf,
    free_bytes_min: u64,
    probe: Probe,
    /// The free bytes last seen, while that is too little.
    low: Option<u64>,
}

impl Space {
    /// Watches the disk of `folder`, which is low with less than `free_bytes_min` to give.
    pub(crate) fn new(folder: &Path, free_bytes_min: u64) -> Self {
        Self {
            folder: folder.to_owned(),
            free_bytes_min,
            probe: |path| fs2::available_space(path),
            low: None,
        }
    }

    /// Looks at the disk, and says whether the node turned to reading only, or back.
    pub(crate) fn look(&mut self) -> bool {
        let free = match (self.probe)(&self.folder) {
            Ok(free) => free,
            Err(error) => {
                tracing::warn!(%error, "cannot tell how much room the disk has");
                return false;
            }
        };
        let was_low = self.low.is_some();
        let enough = if was_low {
            self.free_bytes_min.saturating_add(self.free_bytes_min / 4)
        } else {
            self.free_bytes_min
        };
        self.low = (free < enough).then_some(free);
        match (was_low, self.low.is_some()) {
            (false, true) => tracing::warn!(free, "the disk is nearly full: reading only"),
            (true, false) => tracing::info!(free, "the disk has room again"),
            _ => return false,
        }
        true
    }

    /// Whether the node only reads.
    pub(crate) fn is_low(&self) -> bool {
        self.low.is_some()
    }

    /// Why nothing can be written now, if that is so.
    pub(crate) fn refusal(&self) -> Option<RequestError> {
        let mib = |bytes: u64| bytes / (1024 * 1024);
        let reason = format!(
            "the disk is nearly full: {} MiB are free and {} are needed; the node only reads until \
             there is room",
            mib(self.low?),
            mib(self.free_bytes_min.saturating_add(self.free_bytes_min / 4)),
        );
        Some(RequestError::Unavailable { reason })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn a_disk_that_fills_up_is_low_until_there_is_a_quarter_more_than_the_bound() {
        static FREE: AtomicU64 = AtomicU64::new(0);
        let probe = |_: &Path| Ok(FREE.load(Ordering::Relaxed) << 20);
        let mut space = Space { probe, ..Space::new(Path::new("."), 64 << 20) };
        // Free MiB, whether that changes anything, and whether the disk is low then.
        for (free, changed, low) in [
            (1000, false, false),
            (64, false, false),
            (63, true, true),
            (0, false, true),
            (79, false, true),
            (80, true, false),
            (64, false, false),
            (3, true, true),
        ] {
            FREE.store(free, Ordering::Relaxed);
            assert_eq!((space.look(), space.is_low()), (changed, low), "{free} MiB");
            assert_eq!(space.refusal().is_some(), low);
        }
        let said = space.refusal().expect("is low").to_string();
        assert!(said.contains("3 MiB are free and 80 are needed"), "{said}");
    }

    #[test]
    fn a_disk_that_cannot_be_asked_stays_as_it_was() {
        let probe = |_: &Path| Err(io::Error::from(io::ErrorKind::PermissionDenied));
        let mut space = Space { probe, ..Space::new(Path::new("."), 1) };
        assert!(!space.look() && !space.is_low());
        space.low = Some(0);
        assert!(!space.look() && space.is_low());
    }

    #[test]
    fn the_disk_of_a_real_folder_can_be_asked() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut space = Space::new(folder.path(), 1);
        assert!(!space.look());
        space.free_bytes_min = u64::MAX;
        assert!(space.look() && space.is_low());
    }
}
