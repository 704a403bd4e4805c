//! A server for answers that a real one gives too seldom to wait for.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use url::Url;

/// A server that answers each request with the next of these texts, and what it was asked.
pub(crate) struct Wire {
    pub(crate) url: Url,
    pub(crate) asked: Arc<Mutex<Vec<String>>>,
}

impl Wire {
    /// How many requests of a method there were.
    pub(crate) fn count(&self, method: &str) -> usize {
        self.asked.lock().unwrap().iter().filter(|request| request.starts_with(method)).count()
    }
}

/// An empty answer never comes.
pub(crate) async fn wire(answers: Vec<String>) -> Wire {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}/sub/", listener.local_addr().unwrap())).unwrap();
    let asked = Arc::new(Mutex::new(vec![]));
    let log = asked.clone();
    tokio::spawn(async move {
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 65536];
            let n = stream.read(&mut request).await.unwrap();
            log.lock().unwrap().push(String::from_utf8_lossy(&request[..n]).into_owned());
            stream.write_all(answer.as_bytes()).await.unwrap();
            if answer.is_empty() {
                tokio::time::sleep(Duration::from_secs(5)).await;
            }
        }
    });
    Wire { url, asked }
}

/// An answer that closes its connection; each of the headers ends with a line break.
pub(crate) fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n{body}", body.len())
}
