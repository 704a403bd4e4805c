//! What may be wrong with a request, and how each kind of it is answered.

use serde_json::{Value, json};

use super::wire::{Request, Said, Sent};
use super::{http, places, reports, signatures};
use crate::dice::Dice;

/// Takes component updates.
pub(super) const CI: &str = "ci";
/// Takes them too, with another secret.
pub(super) const OTHER: &str = "other";
/// Takes webhooks of Gitea.
pub(super) const GITEA: &str = "gitea";
/// Takes webhooks of GitHub.
pub(super) const GITHUB: &str = "github";
/// Has no Secret.
pub(super) const CLOSED: &str = "closed";

/// The header of [`CI`], [`OTHER`], [`CLOSED`] and [`GITHUB`].
pub(super) const SIGNATURE: &str = "X-Hub-Signature-256";
/// The header of [`GITEA`].
pub(super) const GITEA_SIGNATURE: &str = "X-Gitea-Signature";

/// The secret of a Receiver.
pub(super) fn secret_of(receiver: &str) -> &'static str {
    match receiver {
        CI => "only for tests",
        OTHER => "only for other tests",
        GITEA => "only for tests of hosts",
        GITHUB => "only for tests of other hosts",
        CLOSED => "",
        _ => panic!("there is no Receiver {receiver}"),
    }
}

/// Where the requests go.
pub(super) struct World {
    pub(super) namespace: String,
}

/// A kind of request that must not be taken.
pub(super) struct Kind {
    pub(super) name: &'static str,
    /// How often it comes, beside the others.
    pub(super) weight: usize,
    /// What it may be answered with: a status, and the word of the receivers for the reason.
    pub(super) right: &'static [&'static str],
    pub(super) make: fn(&mut Dice, &World) -> Sent,
}

/// A request that must not be taken.
pub(super) struct Bad {
    pub(super) kind: &'static str,
    pub(super) sent: Sent,
    right: &'static [&'static str],
}

/// All kinds.
pub(super) fn all() -> impl Iterator<Item = &'static Kind> {
    [signatures::KINDS, reports::KINDS, places::KINDS, http::KINDS].into_iter().flatten()
}

/// A request of any kind.
pub(super) fn roll(dice: &mut Dice, world: &World) -> Bad {
    let mut rest = dice.below(all().map(|kind| kind.weight).sum());
    let is_it = |kind: &&Kind| match rest.checked_sub(kind.weight) {
        Some(less) => {
            rest = less;
            false
        }
        None => true,
    };
    let Kind { name, right, make, .. } = all().find(is_it).expect("the weights make the sum");
    Bad { kind: name, sent: make(dice, world), right }
}

impl Bad {
    /// Whether it was answered as its kind has to be. Bytes after which nothing can come may be left without an answer.
    pub(super) fn is_right(&self, said: &[Said]) -> bool {
        said.iter().all(|said| self.right.contains(&&*said.to_string()))
    }

    /// The beginning of it, for people.
    pub(super) fn shown(&self) -> String {
        self.sent.bytes().escape_ascii().to_string().chars().take(2000).collect()
    }
}

impl World {
    /// The path of a Receiver.
    pub(super) fn path(&self, receiver: &str) -> String {
        format!("/receivers/{}/{receiver}", self.namespace)
    }

    /// A request to a Receiver with these headers.
    pub(super) fn post(&self, receiver: &str, headers: Vec<(&'static str, Vec<u8>)>, body: Vec<u8>) -> Request {
        Request { method: "POST", path: self.path(receiver), headers, body }
    }

    /// A request to a Receiver that is signed as it has to be.
    pub(super) fn signed(&self, receiver: &str, body: Vec<u8>) -> Request {
        let signature = sign(secret_of(receiver), &body);
        let header = match receiver {
            GITEA => (GITEA_SIGNATURE, signature["sha256=".len()..].into()),
            _ => (SIGNATURE, signature.into()),
        };
        self.post(receiver, vec![header], body)
    }

    /// A report that would be taken.
    pub(super) fn good(&self, dice: &mut Dice) -> Request {
        self.signed(CI, text(&report(dice)))
    }
}

/// A report that would be taken.
pub(super) fn report(dice: &mut Dice) -> Value {
    let sequence = dice.below(1_000_000);
    json!({
        "id": format!("ci/{:016x}", dice.next()), "sequence": sequence, "environment": "staging", "component": "web",
        "version": format!("1.{sequence}"),
    })
}

/// As it is sent.
pub(super) fn text(report: &Value) -> Vec<u8> {
    report.to_string().into_bytes()
}

/// `sha256=` and the digits.
pub(super) fn sign(secret: &str, body: &[u8]) -> String {
    sluice_server::sign(secret.as_bytes(), body)
}

/// Any bytes, fewer than this many.
pub(super) fn noise(dice: &mut Dice, below: usize) -> Vec<u8> {
    (0..dice.below(below)).map(|_| dice.byte()).collect()
}

/// So many hexadecimal digits.
pub(super) fn digits(dice: &mut Dice, count: usize) -> String {
    (0..count).map(|_| char::from(dice.pick(b"0123456789abcdef"))).collect()
}
