//! Requests that whoever sends them has no secret for.

use super::kinds::{
    CI, CLOSED, GITEA, GITEA_SIGNATURE, GITHUB, Kind, OTHER, SIGNATURE, World, digits, noise, report, sign, text,
};
use super::wire::Sent;
use crate::dice::Dice;

/// Why it is not taken is the same for all of them, so that nobody learns how near it was.
const RIGHT: &[&str] = &["401 Unauthorized"];

const fn kind(name: &'static str, weight: usize, make: fn(&mut Dice, &World) -> Sent) -> Kind {
    Kind { name, weight, right: RIGHT, make }
}

pub(super) const KINDS: &[Kind] = &[
    kind("no signature", 4, |dice, world| {
        let body = text(&report(dice));
        let receiver = dice.pick(&[CI, OTHER, GITEA, GITHUB, CLOSED]);
        Sent::Whole(world.post(receiver, Vec::new(), body))
    }),
    kind("any digits", 8, |dice, world| with(dice, world, |dice, _| format!("sha256={}", digits(dice, 64)).into())),
    kind("one digit changed", 8, |dice, world| {
        with(dice, world, |dice, mut signature| {
            let at = signature.len() - 1 - dice.below(64);
            signature[at] = if signature[at] == b'0' { b'1' } else { b'0' };
            signature
        })
    }),
    kind("digits missing", 4, |dice, world| {
        with(dice, world, |dice, mut signature| {
            signature.truncate(dice.below(signature.len()));
            signature
        })
    }),
    kind("too many digits", 2, |dice, world| {
        with(dice, world, |dice, mut signature| {
            let more = 1 + dice.below(70);
            signature.extend(digits(dice, more).bytes());
            signature
        })
    }),
    kind("another algorithm", 4, |dice, world| {
        with(dice, world, |dice, signature| {
            let prefixes = ["sha1=", "sha512=", "md5=", "sha256:", "sha256", "sha256 = ", "sha256==", "none=", ""];
            [dice.pick(&prefixes).as_bytes(), &signature["sha256=".len()..]].concat()
        })
    }),
    kind("capitals", 2, |dice, world| with(dice, world, |_, signature| signature.to_ascii_uppercase())),
    kind("a signature that is no text", 3, |dice, world| {
        with(dice, world, |dice, mut signature| {
            let at = dice.below(signature.len());
            signature[at] = 0x80 | dice.byte();
            signature
        })
    }),
    kind("two signatures", 3, |dice, world| {
        let mut request = world.good(dice);
        let other = match dice.below(2) {
            0 => request.headers[0].1.clone(),
            _ => format!("sha256={}", digits(dice, 64)).into(),
        };
        request.headers.insert(dice.below(2), (SIGNATURE, other));
        Sent::Whole(request)
    }),
    kind("a signature in another header", 3, |dice, world| {
        let mut request = world.good(dice);
        let headers =
            ["X-Hub-Signature", GITEA_SIGNATURE, "Authorization", "X-Hub-Signature-256-", "X_Hub_Signature_256"];
        request.headers[0].0 = dice.pick(&headers);
        Sent::Whole(request)
    }),
    kind("a signature with another secret", 6, |dice, world| {
        let body = text(&report(dice));
        let length = dice.below(40);
        let secret = digits(dice, length);
        Sent::Whole(world.post(CI, vec![(SIGNATURE, sign(&secret, &body).into())], body))
    }),
    kind("a signature of another body", 8, |dice, world| {
        let mut request = world.good(dice);
        request.body = match dice.below(3) {
            0 => Vec::new(),
            1 => noise(dice, 2000),
            _ => text(&report(dice)),
        };
        Sent::Whole(request)
    }),
    kind("one byte changed", 8, |dice, world| {
        let mut request = world.good(dice);
        let at = dice.below(request.body.len());
        request.body[at] ^= 1 << dice.below(8);
        Sent::Whole(request)
    }),
    kind("sent again to another Receiver", 8, |dice, world| {
        let mut request = world.good(dice);
        request.path = world.path(dice.pick(&[OTHER, GITEA, GITHUB]));
        Sent::Whole(request)
    }),
    kind("a Receiver without a Secret", 4, |dice, world| {
        // Whoever has no secret may not sign with none.
        Sent::Whole(world.signed(CLOSED, text(&report(dice))))
    }),
    kind("a forged webhook", 8, |dice, world| {
        let address = "https://git.example.org/shop/config";
        let pull = format!("{address}/pulls/{}", dice.below(1000));
        let body = serde_json::json!({
            "ref": "refs/heads/main", "repository": {"html_url": address}, "pull_request": {"html_url": pull},
        });
        let event = dice.pick(&["push", "pull_request", "status", "ping"]);
        let forged = digits(dice, 64);
        let (receiver, headers) = match dice.below(2) {
            0 => (GITEA, [(GITEA_SIGNATURE, forged), ("X-Gitea-Event", event.to_owned())]),
            _ => (GITHUB, [(SIGNATURE, format!("sha256={forged}")), ("X-GitHub-Event", event.to_owned())]),
        };
        let headers = headers.map(|(name, value)| (name, value.into_bytes())).to_vec();
        Sent::Whole(world.post(receiver, headers, text(&body)))
    }),
];

/// A report that would be taken, with another signature.
fn with(dice: &mut Dice, world: &World, change: fn(&mut Dice, Vec<u8>) -> Vec<u8>) -> Sent {
    let mut request = world.good(dice);
    let signature = std::mem::take(&mut request.headers[0].1);
    request.headers[0].1 = change(dice, signature);
    Sent::Whole(request)
}
