//! Requests that are no HTTP, or lie about their length.

use super::kinds::{CI, Kind, SIGNATURE, digits, noise};
use super::wire::Sent;

/// What HTTP itself has for it.
const REFUSED: &[&str] = &["400 of HTTP"];

pub(super) const KINDS: &[Kind] = &[
    Kind {
        name: "no HTTP",
        weight: 3,
        right: REFUSED,
        make: |dice, world| {
            let path = world.path(CI);
            Sent::Last(match dice.below(6) {
                0 => noise(dice, 400),
                1 => vec![0; 1 + dice.below(100)],
                2 => [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", &noise(dice, 200)[..]].concat(),
                3 => b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
                4 => format!("POST {path} HTTP/{}.{}\r\n\r\n", 2 + dice.below(8), dice.below(10)).into_bytes(),
                _ => format!("POST {path}\r\n\r\n").into_bytes(),
            })
        },
    },
    Kind {
        name: "a head that is none",
        weight: 3,
        right: REFUSED,
        make: |dice, world| {
            let mut head = world.good(dice).head();
            let lines: [&[u8]; 7] = [
                b"No colon\r\n",
                b": no name\r\n",
                b"A\0b: c\r\n",
                b"A b: c\r\n",
                b"A: \0\r\n",
                b"\xff: c\r\n",
                b"A : c\r\n",
            ];
            head.extend(dice.pick(&lines));
            head.extend(b"Content-Length: 0\r\n\r\n");
            Sent::Last(head)
        },
    },
    Kind {
        name: "a huge head",
        weight: 2,
        right: &["431 of HTTP"],
        make: |dice, world| {
            let mut request = world.good(dice);
            match dice.below(3) {
                0 => request.headers.push(("X-Long", vec![b'a'; 17_000 + dice.below(50_000)])),
                1 => request.headers.extend((0..101 + dice.below(300)).map(|_| ("X", b"a".to_vec()))),
                _ => request.path.extend(std::iter::repeat_n('a', 17_000 + dice.below(100_000))),
            }
            Sent::Last(request.bytes())
        },
    },
    Kind {
        name: "a length that is none",
        weight: 3,
        right: REFUSED,
        make: |dice, world| {
            let lengths =
                ["-1", "+5", "0x10", "1e3", "ten", "5, 6", "99999999999999999999999", "5\r\nContent-Length: 6"];
            let request = world.good(dice);
            Sent::Last(request.bytes_with(&format!("Content-Length: {}", dice.pick(&lengths))))
        },
    },
    Kind {
        name: "a length that is too great",
        weight: 2,
        right: &["413 TooLarge"],
        make: |dice, world| {
            let request = world.good(dice);
            let length = (1 << 20) + 1 + dice.below(1 << 40);
            Sent::Last(request.bytes_with(&format!("Content-Length: {length}")))
        },
    },
    Kind {
        name: "less than it says",
        weight: 3,
        right: &["400 BrokenOff"],
        make: |dice, world| {
            let request = world.good(dice);
            let length = request.body.len() + 1 + dice.below(1000);
            Sent::Last(request.bytes_with(&format!("Content-Length: {length}")))
        },
    },
    Kind {
        name: "more than it says",
        weight: 3,
        // The rest is taken for another request.
        right: &["401 Unauthorized", "400 of HTTP"],
        make: |dice, world| {
            let request = world.good(dice);
            let length = dice.below(request.body.len());
            Sent::Last(request.bytes_with(&format!("Content-Length: {length}")))
        },
    },
    Kind {
        name: "chunks that are none",
        weight: 4,
        right: &["400 BrokenOff", "400 of HTTP"],
        make: |dice, world| {
            let request = world.good(dice);
            let size = request.body.len();
            let (before, behind) = match dice.below(6) {
                0 => ("zz".to_owned(), "\r\n0\r\n\r\n"),
                1 => ("-1".to_owned(), "\r\n0\r\n\r\n"),
                2 => ("fffffffffffffffff".to_owned(), ""),
                3 => (format!("{:x}", size + 1 + dice.below(1000)), ""),
                4 => (format!("{:x}", dice.below(size)), "\r\n0\r\n\r\n"),
                _ => (format!("{size:x}"), "\r\n"),
            };
            let chunks = [
                format!("Transfer-Encoding: chunked\r\n\r\n{before}\r\n").as_bytes(),
                &request.body,
                behind.as_bytes(),
            ]
            .concat();
            Sent::Last([request.head(), chunks].concat())
        },
    },
    Kind {
        name: "two lengths",
        weight: 2,
        right: &["400 BrokenOff"],
        make: |dice, world| {
            let request = world.good(dice);
            let length = request.body.len();
            Sent::Last(request.bytes_with(&format!("Content-Length: {length}\r\nTransfer-Encoding: chunked")))
        },
    },
    Kind {
        name: "headers that are no text",
        weight: 3,
        right: &["401 Unauthorized"],
        make: |dice, world| {
            // It is no reason to refuse a request, so this one has a wrong signature as well.
            let mut request = world.good(dice);
            request.headers = vec![
                ("X-Odd", noise(dice, 200).into_iter().map(|byte| byte | 0x80).collect()),
                ("Content-Type", b"\xff\xfe".to_vec()),
                (SIGNATURE, format!("sha256={}", digits(dice, 64)).into()),
            ];
            Sent::Whole(request)
        },
    },
];
