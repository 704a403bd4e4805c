//! What strangers may do to the real process: nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;

impl Post {
    async fn connection(&self) -> TcpStream {
        TcpStream::connect(self.server.url().strip_prefix("http://").unwrap()).await.unwrap()
    }

    fn path(&self) -> String {
        format!("/receivers/{}/ci", self.team.namespace())
    }
}

async fn read_to_end(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.ok();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn a_body_of_100_mib_costs_next_to_no_memory_with_and_without_a_length() {
    let post = Post::open().await;
    for sequence in 0..20 {
        assert_eq!(post.send(&report(&format!("ci/{sequence}"), sequence)).await.0, 202);
    }
    let before = post.server.usage().unwrap().resident;
    // A signature of the right form, lest the request is refused for its want.
    let head = |more: &str| {
        format!(
            "POST {} HTTP/1.1\r\nHost: sluice\r\nX-Hub-Signature-256: sha256={}\r\n{more}\r\n\r\n",
            post.path(),
            "0".repeat(64)
        )
    };
    let mebibyte = vec![b' '; 1024 * 1024];
    let send = async |chunked: bool| {
        let mut stream = post.connection().await;
        let more =
            if chunked { "Transfer-Encoding: chunked".to_owned() } else { format!("Content-Length: {}", 100 << 20) };
        stream.write_all(head(&more).as_bytes()).await.unwrap();
        for _ in 0..100 {
            let chunk = if chunked { [b"100000\r\n", &mebibyte[..], b"\r\n"].concat() } else { mebibyte.clone() };
            if stream.write_all(&chunk).await.is_err() {
                break;
            }
        }
        read_to_end(stream).await
    };
    for chunked in [false, true] {
        let answer = send(chunked).await;
        assert!(answer.starts_with("HTTP/1.1 413"), "chunked: {chunked}: {answer:?}");
    }
    let one = post.server.usage().unwrap().peak.saturating_sub(before);
    let answers = futures::future::join_all((0..4).map(|_| send(true))).await;
    let refused = |answer: &&String| answer.starts_with("HTTP/1.1 413") || answer.starts_with("HTTP/1.1 503");
    assert_eq!(answers.iter().filter(refused).count(), 4, "{answers:?}");
    let grown = post.server.usage().unwrap().peak.saturating_sub(before);
    let kib = |bytes: u64| bytes / 1024;
    println!("the server grew by {} KiB, by {} KiB with four at once, from {} KiB", kib(one), kib(grown), kib(before));
    assert!(grown <= 8 << 20, "{grown}");
    assert_eq!(post.send(&report("ci/after", 100)).await.0, 202);
}

#[tokio::test]
async fn who_sends_slowly_or_not_at_all_loses_the_connection_and_holds_up_nobody() {
    let post = Post::open().await;
    let path = post.path();
    let silent = "";
    let slow_head = format!("POST {path} HTTP/1.1\r\nHost: sluice\r\nX-Slow: ");
    let digits = "0".repeat(64);
    let slow_body = format!(
        "POST {path} HTTP/1.1\r\nHost: sluice\r\nX-Hub-Signature-256: sha256={digits}\r\nContent-Length: 100\r\n\r\n{{"
    );
    let begun = Instant::now();
    let hold = async |text: &str| {
        let mut stream = post.connection().await;
        stream.write_all(text.as_bytes()).await.unwrap();
        let answer = tokio::time::timeout(Duration::from_secs(60), read_to_end(stream)).await;
        (answer.expect("the connection ends"), begun.elapsed())
    };
    // As much as may be, and then nothing more: all the room of one Receiver, over and over.
    let length = (1 << 20) - 1;
    let greedy_body = format!(
        "POST {path} HTTP/1.1\r\nHost: sluice\r\nX-Hub-Signature-256: sha256={digits}\r\nContent-Length: {length}\r\n\r\n{}",
        " ".repeat(length - 1)
    );
    let held = async {
        let all = (0..120).map(|number| hold([silent, &slow_head, &slow_body, &greedy_body][number % 4]));
        futures::future::join_all(all).await
    };
    let meanwhile = async {
        let begun = Instant::now();
        for sequence in 0..20 {
            assert_eq!(post.send(&report(&format!("ci/{sequence}"), sequence)).await.0, 202);
        }
        begun.elapsed()
    };
    let (held, meanwhile) = tokio::join!(held, meanwhile);
    println!("20 reports took {meanwhile:?} beside 120 slow connections");
    for (number, (answer, after)) in held.iter().enumerate() {
        assert!(*after < Duration::from_secs(30), "{number}: {after:?}");
        let right =
            [&["", "HTTP/1.1 408"][..], &["", "HTTP/1.1 408"], &["HTTP/1.1 408"], &["HTTP/1.1 408", "HTTP/1.1 503"]];
        let begins = answer.get(..12).unwrap_or(answer);
        assert!(right[number % 4].contains(&begins), "{number}: {answer:?}");
    }
}

#[tokio::test]
async fn a_server_that_is_told_to_stop_answers_what_is_under_way() {
    let post = Arc::new(Post::open().await);
    let body = report("ci/7", 7).to_string();
    let signature = sluice_server::sign(SECRET.as_bytes(), body.as_bytes());
    let (begun, rest) = body.split_at(20);
    let mut stream = post.connection().await;
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: sluice\r\nX-Hub-Signature-256: {signature}\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        post.path(),
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // It asks for the body once it has begun to read it.
    let mut asked = [0; 25];
    stream.read_exact(&mut asked).await.unwrap();
    stream.write_all(begun.as_bytes()).await.unwrap();
    let told = post.clone();
    let ended = tokio::task::spawn_blocking(move || told.server.terminate());
    let address = post.server.url();
    let address = address.strip_prefix("http://").unwrap();
    eventually("nobody else is taken any more", crate::PATIENCE, async || {
        if TcpStream::connect(address).await.is_err() { Ok(()) } else { Err("a connection was taken") }
    })
    .await;
    stream.write_all(rest.as_bytes()).await.unwrap();
    let answer = read_to_end(stream).await;
    assert!(answer.contains(" 202 Accepted"), "{answer}");
    assert!(ended.await.unwrap().unwrap().success());
}
