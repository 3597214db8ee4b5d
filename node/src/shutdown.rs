//! When the node is asked to stop.

use tokio::io::AsyncReadExt;

/// Waits for Ctrl-C, for the signal service managers send, or, when the node was started by
/// another program that asked for it, for that program's end.
pub(crate) async fn requested(with_parent: bool) {
    let parent_gone = async {
        if !with_parent {
            return std::future::pending().await;
        }
        // The parent holds the other end of standard input; it closes when the parent ends.
        let mut stdin = tokio::io::stdin();
        let mut buffer = [0u8; 64];
        while matches!(stdin.read(&mut buffer).await, Ok(count) if count > 0) {}
    };
    tokio::select! {
        () = interrupted() => {}
        () = parent_gone => {}
    }
}

#[cfg(unix)]
async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
        }
        Err(_) => {
            let _ = tokio::signal::ctrl_c().await;
        }
    }
}

#[cfg(not(unix))]
async fn interrupted() {
    let _ = tokio::signal::ctrl_c().await;
}
