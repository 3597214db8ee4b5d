//! Frames on a stream: a 4-byte big-endian length and that many bytes.

use std::{io, time::Duration};

use futures::{AsyncRead, AsyncReadExt};
use protocol::wire::{DecodeError, FRAME_BYTES_MAX, Frame};
use thiserror::Error;

/// What the accepting node writes first: an empty frame.
pub(crate) const GREETING: [u8; 4] = [0; 4];

/// How long a peer may take from a frame's length to its last byte. A frame of the largest size
/// passes at 35 KiB/s; a peer that sends nothing holds a stream no longer than this.
pub(crate) const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// Memory set aside before a byte of the body has come.
const BODY_RESERVE_BYTES: usize = 16 * 1024;

/// Why a stream cannot be read further.
#[derive(Debug, Error)]
pub(crate) enum ReadError {
    /// The length is zero, or more than a frame may have. Nothing of the body has been read.
    #[error("a frame of {0} bytes")]
    Length(usize),
    /// The body did not come in time.
    #[error("a frame that does not end")]
    Stalled,
    /// The stream ended inside a frame or broke.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The bytes are no frame.
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

/// Reads one frame and says how many bytes it had; `None` where the stream ends between frames.
pub(crate) async fn read_frame(
    stream: &mut (impl AsyncRead + Unpin),
    body_timeout: Duration,
) -> Result<Option<(Frame, usize)>, ReadError> {
    let mut prefix = [0; 4];
    if stream.read(&mut prefix[..1]).await? == 0 {
        return Ok(None);
    }
    let body = async {
        stream.read_exact(&mut prefix[1..]).await?;
        let len = u32::from_be_bytes(prefix);
        let bytes_max = usize::try_from(len).unwrap_or(usize::MAX);
        if bytes_max == 0 || bytes_max > FRAME_BYTES_MAX {
            return Err(ReadError::Length(bytes_max));
        }
        // The buffer grows with what arrives, so a promised length costs the peer as much as us.
        let mut body = Vec::with_capacity(bytes_max.min(BODY_RESERVE_BYTES));
        stream.take(u64::from(len)).read_to_end(&mut body).await?;
        if body.len() < bytes_max {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        Ok(body)
    };
    let body = tokio::time::timeout(body_timeout, body).await.map_err(|_| ReadError::Stalled)??;
    Ok(Some((Frame::from_bytes(&body)?, body.len())))
}

/// The bytes of a frame as they stand on the stream; `None` when it is larger than a frame may be.
pub(crate) fn framed(frame: &Frame) -> Option<Vec<u8>> {
    let body = frame.to_bytes();
    let len = u32::try_from(body.len()).ok()?;
    (body.len() <= FRAME_BYTES_MAX).then(|| [&len.to_be_bytes()[..], &body].concat())
}

#[cfg(test)]
mod tests {
    use futures::io::Cursor;

    use super::*;

    async fn read(bytes: &[u8]) -> Result<Option<(Frame, usize)>, ReadError> {
        read_frame(&mut Cursor::new(bytes), BODY_TIMEOUT).await
    }

    #[tokio::test]
    async fn frames_come_back_one_after_the_other() {
        let frames = [Frame::Envelope(vec![1; 3000]), Frame::Envelope(vec![])];
        let bytes: Vec<u8> = frames.iter().flat_map(|frame| framed(frame).unwrap()).collect();
        let mut stream = Cursor::new(bytes);
        for frame in frames {
            assert_eq!(read_frame(&mut stream, BODY_TIMEOUT).await.unwrap().unwrap().0, frame);
        }
        assert!(read_frame(&mut stream, BODY_TIMEOUT).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn an_oversize_length_is_refused_before_the_body() {
        let len = u32::try_from(FRAME_BYTES_MAX + 1).unwrap();
        assert!(matches!(read(&len.to_be_bytes()).await, Err(ReadError::Length(_))));
        assert!(matches!(read(&u32::MAX.to_be_bytes()).await, Err(ReadError::Length(_))));
        assert!(matches!(read(&[0; 4]).await, Err(ReadError::Length(0))));
    }

    #[tokio::test]
    async fn a_frame_cut_off_anywhere_is_an_error() {
        let bytes = framed(&Frame::Envelope(vec![1; 20])).unwrap();
        for end in 1..bytes.len() {
            assert!(matches!(read(&bytes[..end]).await, Err(ReadError::Io(_))), "{end}");
        }
    }

    #[tokio::test]
    async fn a_frame_that_does_not_end_is_given_up() {
        let (mut ours, mut theirs) = (Silent, Cursor::new(vec![]));
        let begun = framed(&Frame::Envelope(vec![1; 20])).unwrap();
        theirs.get_mut().extend(&begun[..6]);
        let mut stream = theirs.chain(&mut ours);
        let read = read_frame(&mut stream, Duration::from_millis(20)).await;
        assert!(matches!(read, Err(ReadError::Stalled)));
    }

    /// A peer that says nothing more and does not hang up either.
    struct Silent;

    impl AsyncRead for Silent {
        fn poll_read(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
            _: &mut [u8],
        ) -> std::task::Poll<io::Result<usize>> {
            std::task::Poll::Pending
        }
    }

    #[test]
    fn a_frame_too_large_to_read_is_not_written() {
        assert!(framed(&Frame::Envelope(vec![0; FRAME_BYTES_MAX])).is_none());
        assert!(framed(&Frame::Envelope(vec![0; FRAME_BYTES_MAX - 64])).is_some());
    }
}
