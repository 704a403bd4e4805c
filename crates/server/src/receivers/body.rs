//! Bodies of requests: never longer than [`MAX_BODY`], never slower than [`BODY_WITHIN`], and never more of them in memory than
//! [`ROOM`].

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header::CONTENT_LENGTH};
use http_body_util::BodyExt;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use super::answer::Answer;

/// How long a body may be, in bytes.
pub const MAX_BODY: usize = 1024 * 1024;

/// A body has to be there within this time.
const BODY_WITHIN: Duration = Duration::from_secs(10);

/// Room is given out in pieces of so many bytes, as a body comes: whoever sends little, or slowly, holds little of it.
const PIECE: usize = 8 * 1024;

/// How many pieces there are in all: 4 MiB, and one for each connection that there may be.
const ROOM: usize = crate::listen::CONNECTIONS;

/// The room for bodies that are under way.
pub(crate) struct Bodies(Arc<Semaphore>);

/// A whole body, and the room that it takes.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) bytes: Vec<u8>,
    room: Vec<OwnedSemaphorePermit>,
}

impl Default for Bodies {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(ROOM)))
    }
}

/// Refuses a body that says itself that it is too long, before anything of it is read.
pub(crate) fn check_announced(headers: &HeaderMap) -> Result<(), Answer> {
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > MAX_BODY as u64) { Err(too_large()) } else { Ok(()) }
}

impl Bodies {
    /// The whole body, or why there is none.
    pub(crate) async fn read<B>(&self, body: B) -> Result<Whole, Answer>
    where
        B: http_body::Body<Data = Bytes>,
    {
        timeout(BODY_WITHIN, self.collect(body)).await.unwrap_or_else(|_| Err(too_slow()))
    }

    async fn collect<B>(&self, body: B) -> Result<Whole, Answer>
    where
        B: http_body::Body<Data = Bytes>,
    {
        let mut body = std::pin::pin!(body);
        let mut whole = Whole { bytes: Vec::new(), room: Vec::new() };
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| broken_off())?;
            let Ok(data) = frame.into_data() else { continue };
            let length = whole.bytes.len() + data.len();
            if length > MAX_BODY {
                return Err(too_large());
            }
            while whole.room.len() * PIECE < length {
                whole.room.push(self.0.clone().try_acquire_owned().map_err(|_| busy())?);
            }
            // Not more than there is room for, as it would grow by itself.
            whole.bytes.reserve_exact(whole.room.len() * PIECE - whole.bytes.len());
            whole.bytes.extend_from_slice(&data);
        }
        Ok(whole)
    }
}

fn too_large() -> Answer {
    Answer::refused(StatusCode::PAYLOAD_TOO_LARGE, "TooLarge", "the body is longer than 1 MiB: send less")
}

fn too_slow() -> Answer {
    Answer::refused(StatusCode::REQUEST_TIMEOUT, "TooSlow", "the body was not there within 10 seconds: send it again")
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
    use futures::stream;
    use http_body::Frame;
    use http_body_util::StreamBody;

    use super::*;

    fn chunks(sizes: Vec<usize>) -> impl http_body::Body<Data = Bytes> {
        let frames = sizes.into_iter().map(|size| Ok::<_, std::io::Error>(Frame::data(Bytes::from(vec![b'x'; size]))));
        StreamBody::new(stream::iter(frames))
    }

    #[tokio::test]
    async fn a_body_may_be_a_mebibyte_and_not_a_byte_more() {
        let bodies = Bodies::default();
        let whole = bodies.read(chunks(vec![MAX_BODY / 2, MAX_BODY / 2])).await.unwrap();
        assert_eq!((whole.bytes.capacity(), whole.room.len()), (MAX_BODY, 128));
        let refused = bodies.read(chunks(vec![MAX_BODY, 1])).await.unwrap_err();
        assert_eq!(refused.status, StatusCode::PAYLOAD_TOO_LARGE);
        drop(whole);
        assert_eq!(bodies.0.available_permits(), ROOM);
    }

    #[tokio::test]
    async fn when_there_is_noroom_a_sender_is_asked_to_come_later() {
        let bodies = Bodies::default();
        let mut held = Vec::new();
        for _ in 0..4 {
            held.push(bodies.read(chunks(vec![MAX_BODY])).await.unwrap());
        }
        let refused = bodies.read(chunks(vec![1])).await.unwrap_err();
        assert_eq!((refused.status, refused.retry_after), (StatusCode::SERVICE_UNAVAILABLE, Some(1)));
        held.pop();
        bodies.read(chunks(vec![1])).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_never_ends_is_given_up() {
        let never = StreamBody::new(stream::pending::<Result<Frame<Bytes>, std::io::Error>>());
        let refused = Bodies::default().read(never).await.unwrap_err();
        assert_eq!(refused.status, StatusCode::REQUEST_TIMEOUT);
    }
}
