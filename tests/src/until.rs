//! Looking again until something has happened.

use std::time::{Duration, Instant};

use anyhow::bail;

/// Nothing here takes this long unless it never happens; the machine may be busy.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// Between two looks at something that has no event of its own.
const POLL: Duration = Duration::from_millis(40);

/// Looks until there is something.
///
/// # Errors
/// `look` failed, or there was nothing within [`PATIENCE`]; the message says what was awaited.
pub async fn until<T>(
    what: &str,
    mut look: impl AsyncFnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let began = Instant::now();
    loop {
        if let Some(found) = look().await? {
            return Ok(found);
        }
        if began.elapsed() > PATIENCE {
            bail!("waited {} seconds in vain: {what}", PATIENCE.as_secs());
        }
        tokio::time::sleep(POLL).await;
    }
}
