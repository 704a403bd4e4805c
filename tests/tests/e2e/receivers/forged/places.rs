//! Requests that are signed as they have to be, and go nowhere.

use super::kinds::{CI, Kind, World, digits};
use super::wire::Sent;
use crate::dice::Dice;

pub(super) const KINDS: &[Kind] = &[
    Kind {
        name: "another method",
        weight: 6,
        right: &["405 MethodNotAllowed", "405 of HTTP"],
        make: |dice, world| {
            let mut request = world.good(dice);
            request.method =
                dice.pick(&["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "post", "PROPFIND", "X"]);
            Sent::Whole(request)
        },
    },
    Kind {
        name: "a Receiver that is not there",
        weight: 6,
        right: &["404 NotFound"],
        make: |dice, world| {
            at(dice, world, |dice, namespace| {
                let (length, other) = (1 + dice.below(20), digits(dice, 8));
                match dice.below(3) {
                    0 => format!("/receivers/{namespace}/x{}", digits(dice, length)),
                    1 => format!("/receivers/{other}/{CI}"),
                    _ => format!("/receivers/{namespace}{other}/{CI}"),
                }
            })
        },
    },
    Kind {
        name: "a path that leads elsewhere",
        weight: 6,
        right: &["404 NotFound"],
        make: |dice, world| {
            at(dice, world, |dice, namespace| {
                let [before, between, behind] =
                    [&["", "/", "/..", "/%2e%2e"], &["/", "/./", "/../", "//"], &["", "/", "/..", "%00"]]
                        .map(|parts| dice.pick(parts));
                // The first of each makes the right path.
                if (before, between, behind) == ("", "/", "") {
                    return dice
                        .pick(&["/", "/receivers", "/receivers/", "/metrics", "/RECEIVERS/a/b", "/api/v1"])
                        .to_owned();
                }
                format!("{before}/receivers/{namespace}{between}{CI}{behind}")
            })
        },
    },
    Kind {
        name: "an encoded path",
        weight: 4,
        right: &["404 NotFound"],
        make: |dice, world| {
            at(dice, world, |dice, namespace| {
                let name = dice.pick(&[
                    "%63i",
                    "ci%2f",
                    "..%2fci",
                    "%2e%2e%2fci",
                    "ci%00",
                    "ci%0d%0a",
                    "CI",
                    "ci;a=b",
                    "c%C0%AFi",
                ]);
                format!("/receivers/{namespace}/{name}")
            })
        },
    },
];

/// A report that would be taken, sent there.
fn at(dice: &mut Dice, world: &World, path: fn(&mut Dice, &str) -> String) -> Sent {
    let mut request = world.good(dice);
    request.path = path(dice, &world.namespace);
    Sent::Whole(request)
}
