//! Streams on which files are fetched.

use crate::support::{QUIC, TCP, eventually, node};

#[tokio::test(flavor = "multi_thread")]
async fn questions_and_answers_go_both_ways_on_a_stream_of_their_own() {
    for listen in [TCP, QUIC] {
        let (holder, mut asker) = (node(41, listen).await, node(42, listen).await);
        let mut asked = holder.handle.file_streams();
        asker.dial(&holder);
        asker.expect_connected(holder.id()).await;
        let mut ours = asker.handle.open_files(holder.id()).await.unwrap();
        ours.write(b"question").await.unwrap();
        let mut theirs = asked.recv().await.unwrap();
        assert_eq!(theirs.node(), asker.id());
        assert_eq!(theirs.read(8).await.unwrap().unwrap(), b"question");
        let answer = vec![7; 300_000];
        let long = answer.clone();
        let writes = tokio::spawn(async move {
            theirs.write(&long).await.unwrap();
            theirs.write(&[1; 100]).await.unwrap();
            theirs
        });
        assert_eq!(ours.read(300_000).await.unwrap().unwrap(), answer);
        assert!(ours.read(99).await.is_err(), "longer than was asked for");
        ours.close().await;
        assert!(writes.await.unwrap().read(8).await.unwrap().is_none());
        holder.handle.shutdown().await;
        asker.handle.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_asked_who_does_not_answer_or_is_not_there() {
    let (silent, mut asker) = (node(43, TCP).await, node(44, TCP).await);
    assert!(asker.handle.open_files(silent.id()).await.is_err(), "not connected");
    asker.dial(&silent);
    asker.expect_connected(silent.id()).await;
    let closed = eventually("the stream is closed", async || {
        let mut stream = asker.handle.open_files(silent.id()).await.ok()?;
        let _ = stream.write(b"question").await;
        (!matches!(stream.read(8).await, Ok(Some(_)))).then_some(())
    });
    closed.await;
}
