//! Bodies of requests: never longer than [`MAX_BODY`], and never more of them in memory than there is room for.
//!
//! Whoever sends a body has not proved anything yet. So the first piece of each is had whatever others do, as there is one for each
//! connection; what goes beyond it is counted, takes a share of a [`Room`] of which one Receiver has only a part, and has to keep up
//! a pace. No stranger stops a short body, and none stops a long one to another Receiver.

use std::{pin::pin, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header::CONTENT_LENGTH};
use http_body_util::BodyExt;
use tokio::time::{Instant, timeout_at};

use super::{
    answer::Answer,
    room::{Room, Share},
};

/// How long a body may be, in bytes.
pub const MAX_BODY: usize = 1024 * 1024;

/// A body has to be there within this time.
const BODY_WITHIN: Duration = Duration::from_secs(10);

/// Memory is given out in pieces of so many bytes, as a body comes: whoever sends little, or slowly, holds little of it. Hardly any
/// webhook is longer than one. A connection has one body at a time, so the first pieces of all are 16 MiB at most.
pub(crate) const PIECE: usize = 32 * 1024;

/// Each piece after the first one has to be there within this time after the one before.
const PIECE_WITHIN: Duration = Duration::from_secs(2);

/// The room for bodies that are under way.
#[derive(Default)]
pub(crate) struct Bodies(Room);

/// A whole body, and the room that it takes.
pub(crate) struct Whole {
    pub(crate) bytes: Vec<u8>,
    share: Share,
}

/// Refuses a body that says itself that it is too long, before anything of it is read.
pub(crate) fn check_announced(headers: &HeaderMap) -> Result<(), Answer> {
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > MAX_BODY as u64) { Err(too_large()) } else { Ok(()) }
}

impl Bodies {
    /// The whole body for this Receiver, or why there is none. Whether more of it is read than its first piece, `may_be_long` says.
    pub(crate) async fn read<B>(
        &self,
        receiver_uid: &str,
        body: B,
        may_be_long: impl Fn() -> Result<(), Answer>,
    ) -> Result<Whole, Answer>
    where
        B: http_body::Body<Data = Bytes>,
    {
        let mut body = pin!(body);
        let mut whole = Whole { bytes: Vec::new(), share: self.0.share(receiver_uid) };
        let end = Instant::now() + BODY_WITHIN;
        let mut due = end;
        while let Some(frame) = timeout_at(due, body.frame()).await.map_err(|_| too_slow())? {
            let frame = frame.map_err(|_| broken_off())?;
            let Ok(data) = frame.into_data() else { continue };
            let length = whole.bytes.len() + data.len();
            if length > MAX_BODY {
                return Err(too_large());
            }
            let beyond = length.saturating_sub(PIECE).next_multiple_of(PIECE);
            if beyond > whole.share.bytes() {
                if whole.share.bytes() == 0 {
                    may_be_long()?;
                }
                if !whole.share.grow(beyond) {
                    return Err(busy());
                }
                due = end.min(Instant::now() + PIECE_WITHIN);
            }
            // Not more than there is room for, as it would grow by itself.
            whole.bytes.reserve_exact(PIECE + whole.share.bytes() - whole.bytes.len());
            whole.bytes.extend_from_slice(&data);
        }
        Ok(whole)
    }
}

fn too_large() -> Answer {
    Answer::refused(StatusCode::PAYLOAD_TOO_LARGE, "TooLarge", "the body is longer than 1 MiB: send less")
}

fn too_slow() -> Answer {
    Answer::refused(
        StatusCode::REQUEST_TIMEOUT,
        "TooSlow",
        "the body came too slowly: send it again, within 10 seconds, and what is beyond 32 KiB at 16 KiB a second or faster",
    )
}

fn broken_off() -> Answer {
    Answer::refused(StatusCode::BAD_REQUEST, "BrokenOff", "the body is no valid HTTP, or broke off: send it again")
}

fn busy() -> Answer {
    let message = "too much is under way: send it again a little later";
    Answer::later(StatusCode::SERVICE_UNAVAILABLE, "Busy", message, Duration::from_secs(1))
}

#[cfg(test)]
mod tests {
    use futures::{StreamExt, future::join_all, stream};
    use http_body::Frame;
    use http_body_util::StreamBody;

    use super::{super::room::FOR_ONE, *};

    fn sent(sizes: Vec<usize>) -> impl stream::Stream<Item = Result<Frame<Bytes>, std::io::Error>> {
        stream::iter(sizes.into_iter().map(|size| Ok(Frame::data(Bytes::from(vec![b'x'; size])))))
    }

    fn chunks(sizes: Vec<usize>) -> impl http_body::Body<Data = Bytes> {
        StreamBody::new(sent(sizes))
    }

    /// Of so many bytes, and then nothing more.
    fn stuck(size: usize) -> impl http_body::Body<Data = Bytes> {
        StreamBody::new(sent(vec![size]).chain(stream::pending()))
    }

    async fn read(
        bodies: &Bodies,
        receiver_uid: &str,
        body: impl http_body::Body<Data = Bytes>,
    ) -> Result<Whole, StatusCode> {
        bodies.read(receiver_uid, body, || Ok(())).await.map_err(|refused| refused.status)
    }

    #[tokio::test]
    async fn a_body_may_be_a_mebibyte_and_not_a_byte_more() {
        let bodies = Bodies::default();
        let whole = read(&bodies, "a", chunks(vec![MAX_BODY / 2, MAX_BODY / 2])).await.ok().unwrap();
        assert_eq!((whole.bytes.capacity(), whole.share.bytes()), (MAX_BODY, MAX_BODY - PIECE));
        assert_eq!(read(&bodies, "a", chunks(vec![MAX_BODY, 1])).await.err(), Some(StatusCode::PAYLOAD_TOO_LARGE));
        drop(whole);
        assert!(bodies.0.share("a").grow(FOR_ONE), "all of the room is free again");
    }

    #[tokio::test]
    async fn only_what_is_beyond_the_first_piece_is_counted_and_takes_room() {
        let bodies = Bodies::default();
        let full = || Err(busy());
        let short = bodies.read("a", chunks(vec![PIECE - 1, 1]), full).await.ok().unwrap();
        assert_eq!((short.bytes.capacity(), short.share.bytes()), (PIECE, 0));
        assert_eq!(bodies.read("a", chunks(vec![PIECE, 1]), full).await.err(), Some(busy()));
    }

    #[tokio::test]
    async fn when_there_is_no_room_the_sender_of_a_long_body_is_asked_to_come_later() {
        let bodies = Bodies::default();
        let mut held = Vec::new();
        for _ in 0..FOR_ONE / MAX_BODY {
            held.push(read(&bodies, "a", chunks(vec![MAX_BODY])).await.ok().unwrap());
        }
        let refused = bodies.read("a", chunks(vec![MAX_BODY]), || Ok(())).await.err().unwrap();
        assert_eq!((refused.status, refused.retry_after), (StatusCode::SERVICE_UNAVAILABLE, Some(1)));
        held.pop();
        assert!(read(&bodies, "a", chunks(vec![MAX_BODY])).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn slow_strangers_stop_neither_short_bodies_nor_another_receiver() {
        let bodies = Bodies::default();
        let strangers = join_all((0..400).map(|_| read(&bodies, "a", stuck(MAX_BODY - 1))));
        let others = async {
            let begun = Instant::now();
            assert_eq!(read(&bodies, "a", chunks(vec![4 * PIECE])).await.err(), Some(StatusCode::SERVICE_UNAVAILABLE));
            assert!(read(&bodies, "a", chunks(vec![PIECE])).await.is_ok());
            assert!(read(&bodies, "b", chunks(vec![MAX_BODY])).await.is_ok());
            assert_eq!(begun.elapsed(), Duration::ZERO);
            tokio::time::sleep(PIECE_WITHIN + Duration::from_millis(1)).await;
            assert!(
                read(&bodies, "a", chunks(vec![MAX_BODY])).await.is_ok(),
                "they had it for two seconds, not for ten"
            );
        };
        let (strangers, ()) = tokio::join!(strangers, others);
        let refused_with = |status| strangers.iter().filter(|it| it.as_ref().err() == Some(&status)).count();
        assert_eq!(refused_with(StatusCode::REQUEST_TIMEOUT), FOR_ONE / MAX_BODY);
        assert_eq!(refused_with(StatusCode::SERVICE_UNAVAILABLE), 400 - FOR_ONE / MAX_BODY);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_never_ends_is_given_up() {
        for (size, after) in [(0, BODY_WITHIN), (PIECE, BODY_WITHIN), (PIECE + 1, PIECE_WITHIN)] {
            let begun = Instant::now();
            assert_eq!(read(&Bodies::default(), "a", stuck(size)).await.err(), Some(StatusCode::REQUEST_TIMEOUT));
            assert_eq!(begun.elapsed().as_secs(), after.as_secs(), "{size}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_body_that_keeps_up_the_pace_has_ten_seconds_all_the_same() {
        let pace = |pieces: usize, pause| {
            let piece = move |_| async move {
                tokio::time::sleep(pause).await;
                Ok::<_, std::io::Error>(Frame::data(Bytes::from(vec![b'x'; PIECE])))
            };
            StreamBody::new(stream::iter(0..pieces).then(piece))
        };
        let bodies = Bodies::default();
        assert!(read(&bodies, "a", pace(5, Duration::from_millis(1900))).await.is_ok());
        assert_eq!(
            read(&bodies, "a", pace(6, Duration::from_millis(1900))).await.err(),
            Some(StatusCode::REQUEST_TIMEOUT)
        );
    }
}
