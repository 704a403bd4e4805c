//! HTTP/1.1 as it goes over the wire, for requests that no client library would send.

use std::fmt;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// What is sent.
pub(super) enum Sent {
    /// A request after which the connection may go on.
    Whole(Request),
    /// Bytes after which nothing else can come.
    Last(Vec<u8>),
}

/// A request whose body is as long as it says.
pub(super) struct Request {
    pub(super) method: &'static str,
    pub(super) path: String,
    pub(super) headers: Vec<(&'static str, Vec<u8>)>,
    pub(super) body: Vec<u8>,
}

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) status: u16,
    /// The word for the reason, if it is an answer of the receivers.
    pub(super) error: Option<String>,
    /// When it may be asked again, in seconds.
    pub(super) retry_after: Option<u64>,
}

impl Request {
    /// Its head without the lines that say how long it is, and without the empty line.
    pub(super) fn head(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\nHost: sluice\r\n", self.method, self.path).into_bytes();
        for (name, value) in &self.headers {
            head.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
        }
        head
    }

    /// All of it.
    pub(super) fn bytes(&self) -> Vec<u8> {
        self.bytes_with(&format!("Content-Length: {}", self.body.len()))
    }

    /// All of it, where these headers say how long its body is.
    pub(super) fn bytes_with(&self, length: &str) -> Vec<u8> {
        [&self.head(), length.as_bytes(), b"\r\n\r\n", &self.body].concat()
    }
}

impl Sent {
    /// As it goes over the wire.
    pub(super) fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Whole(request) => request.bytes(),
            Self::Last(bytes) => bytes.clone(),
        }
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.status, self.error.as_deref().unwrap_or("of HTTP"))
    }
}

/// A connection to the server, made anew whenever the server has ended it.
pub(super) struct Connection<'a> {
    address: &'a str,
    stream: Option<BufReader<TcpStream>>,
}

impl<'a> Connection<'a> {
    pub(super) fn new(address: &'a str) -> Self {
        Self { address, stream: None }
    }

    /// Sends it, and returns all answers: one, unless these were the last bytes of the connection.
    pub(super) async fn ask(&mut self, sent: &Sent) -> Vec<Said> {
        let bytes = sent.bytes();
        match sent {
            Sent::Whole(request) => loop {
                let is_new = self.stream.is_none();
                match self.exchange(&bytes, request.method == "HEAD").await {
                    Some(said) => return vec![said],
                    // The server may end an idle connection, and an answered one; a new one it has to answer.
                    None => {
                        self.stream = None;
                        assert!(!is_new, "no answer to {}", bytes.escape_ascii());
                    }
                }
            },
            Sent::Last(_) => end(self.address, &bytes).await,
        }
    }

    async fn exchange(&mut self, bytes: &[u8], is_head: bool) -> Option<Said> {
        self.write(bytes).await?;
        let (said, goes_on) = read_answer(self.stream.as_mut()?, is_head).await?;
        self.stream = self.stream.take().filter(|_| goes_on);
        Some(said)
    }

    /// `None` when the server has ended the connection before it has read everything.
    async fn write(&mut self, bytes: &[u8]) -> Option<()> {
        if self.stream.is_none() {
            self.stream = Some(connect(self.address).await);
        }
        self.stream.as_mut()?.get_mut().write_all(bytes).await.ok()
    }
}

async fn connect(address: &str) -> BufReader<TcpStream> {
    let stream = TcpStream::connect(address).await.expect("the server takes connections");
    stream.set_nodelay(true).expect("a socket");
    BufReader::new(stream)
}

/// Sends all that ever comes on a connection of its own, and returns what is said until that ends.
async fn end(address: &str, bytes: &[u8]) -> Vec<Said> {
    let mut stream = connect(address).await;
    // The server may end the connection before it has read everything.
    stream.get_mut().write_all(bytes).await.ok();
    stream.get_mut().shutdown().await.ok();
    let mut answers = Vec::new();
    while let Some((said, _)) = read_answer(&mut stream, false).await {
        answers.push(said);
    }
    answers
}

/// The next answer, and whether another one may follow on its connection.
async fn read_answer(stream: &mut BufReader<TcpStream>, is_head: bool) -> Option<(Said, bool)> {
    let (mut status, mut length, mut goes_on, mut retry_after) = (None, 0, true, None);
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok().filter(|read| *read > 0)?;
        let line = line.trim_end().to_ascii_lowercase();
        match line.split_once(": ") {
            _ if line.is_empty() => break,
            Some(("content-length", value)) => length = value.parse().expect("a length"),
            Some(("retry-after", value)) => retry_after = value.parse().ok(),
            Some(("connection", value)) => goes_on = value != "close",
            Some(_) => {}
            None => status = line.split(' ').nth(1).and_then(|status| status.parse().ok()),
        }
    }
    let mut body = vec![0; if is_head { 0 } else { length }];
    stream.read_exact(&mut body).await.ok()?;
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
    let error = body["error"].as_str().map(str::to_owned);
    Some((Said { status: status.expect("a status"), error, retry_after }, goes_on))
}
