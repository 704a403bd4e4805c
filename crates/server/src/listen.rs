//! The listener of the receivers: HTTP/1.1 for strangers.
//!
//! Whoever sends slowly, never ends or never reads loses the connection; there is room for so many and no more.

use std::{
    convert::Infallible,
    future::poll_fn,
    io::ErrorKind,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Request, Response};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinSet,
    time::{sleep, timeout},
};

/// How many connections there may be at a time. More wait to be taken.
pub(crate) const CONNECTIONS: usize = 512;

/// The head of a request has to be there within this time; so long may a connection also lie idle.
const HEAD_WITHIN: Duration = Duration::from_secs(10);

/// The head of a request may be as long; beyond that it is answered with 431.
const HEAD_LIMIT: usize = 16 * 1024;

/// A connection ends after this time, between two requests.
const LIFE: Duration = Duration::from_secs(120);

/// What is under way when a connection is to end gets this long; longer than any request may take.
const GRACE: Duration = Duration::from_secs(60);

/// Who is answered before the end of the request may go on sending for so long, lest the answer is lost with the connection.
const LINGER: Duration = Duration::from_secs(2);

/// When no connection can be taken (too many files are open), it is tried again after this time.
const TRY_AGAIN: Duration = Duration::from_millis(100);

/// Listens. At `[::]` that is IPv6 and IPv4, or IPv4 alone where the machine has no IPv6.
pub(crate) async fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    match TcpListener::bind(address).await {
        // A kernel without IPv6 has no sockets of it.
        Err(error) if address.ip() == Ipv6Addr::UNSPECIFIED && error.kind() != ErrorKind::AddrInUse => {
            TcpListener::bind((Ipv4Addr::UNSPECIFIED, address.port())).await.map_err(|_| error)
        }
        bound => bound,
    }
}

/// Answers a request.
pub(crate) type Answering = Arc<dyn Fn(Request<Incoming>) -> BoxFuture<'static, Response<Full<Bytes>>> + Send + Sync>;

/// Answers requests until `stop` resolves, and then lets what is under way end.
pub(crate) async fn serve(
    listener: TcpListener,
    answer: Answering,
    stop: impl Future<Output = ()> + Clone + Send + 'static,
) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let accepted = async {
            let place = room.clone().acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            accepted = accepted => accepted,
            () = stop.clone() => break,
        };
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok((stream, _)) => {
                let connection = connection(stream, answer.clone(), stop.clone());
                connections.spawn(async move {
                    connection.await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "no connection can be taken");
                sleep(TRY_AGAIN).await;
            }
        }
    }
    drop(listener);
    let end = async { while connections.join_next().await.is_some() {} };
    if timeout(GRACE, end).await.is_err() {
        tracing::warn!("stopped with requests under way; whoever was not answered asks again");
    }
}

/// Serves one connection to its end.
async fn connection(stream: TcpStream, answer: Answering, stop: impl Future<Output = ()> + Send) {
    // Without it, small answers may be held back.
    stream.set_nodelay(true).ok();
    let service = service_fn(move |request| {
        let answer = answer(request);
        Box::pin(async move { Ok::<_, Infallible>(answer.await) })
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_WITHIN).max_buf_size(HEAD_LIMIT);
    let mut connection = http.serve_connection(TokioIo::new(stream), service);
    let mut stop = pin!(async {
        tokio::select! { () = stop => {}, () = sleep(LIFE) => {} }
    });
    let served = tokio::select! {
        served = poll_fn(|cx| connection.poll_without_shutdown(cx)) => Some(served),
        () = &mut stop => None,
    };
    let served = match served {
        Some(served) => Ok(served),
        None => {
            Pin::new(&mut connection).graceful_shutdown();
            timeout(GRACE, poll_fn(|cx| connection.poll_without_shutdown(cx))).await
        }
    };
    match served {
        Ok(Ok(())) => linger(connection.into_parts().io.into_inner()).await,
        Ok(Err(error)) => {
            tracing::debug!(%error, "a connection broke off");
            linger(connection.into_parts().io.into_inner()).await;
        }
        Err(_) => tracing::debug!("a connection was ended with a request under way"),
    }
}

/// Ends a connection so that the other side can read the last answer: what it still sends is read, and dropped.
async fn linger(mut stream: TcpStream) {
    let end = async {
        stream.shutdown().await?;
        let mut dropped = [0; 4096];
        while stream.read(&mut dropped).await? > 0 {}
        Ok::<_, std::io::Error>(())
    };
    timeout(LINGER, end).await.ok();
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpStream;

    use super::*;

    #[tokio::test]
    async fn at_every_address_there_is_ipv4_too() {
        let listener = bind(SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0))).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
        let taken = bind(SocketAddr::from((Ipv6Addr::UNSPECIFIED, port))).await.unwrap_err();
        assert_eq!(taken.kind(), ErrorKind::AddrInUse);
    }
}
