//! Bodies that are signed as they have to be, and are no reports, or none for the Receiver.

use serde_json::{Value, json};

use super::kinds::{CI, GITEA, GITHUB, Kind, World, noise, report, text};
use super::wire::Sent;
use crate::dice::Dice;

const fn kind(name: &'static str, weight: usize, make: fn(&mut Dice, &World) -> Sent) -> Kind {
    Kind { name, weight, right: &["422 Invalid"], make }
}

pub(super) const KINDS: &[Kind] = &[
    kind("cut", 6, |dice, world| {
        with_text(dice, world, |dice, mut body| {
            body.truncate(dice.below(body.len()));
            body
        })
    }),
    kind("no JSON", 6, |dice, world| {
        with_text(dice, world, |dice, body| match dice.below(4) {
            0 => noise(dice, 400),
            1 => String::from_utf8_lossy(&body).replace('"', "'").into_bytes(),
            2 => [b"/* a report */", &body[..]].concat(),
            _ => [&[0xef, 0xbb, 0xbf], &body[..]].concat(),
        })
    }),
    kind("very deep", 4, |dice, world| {
        let depth = 1 + dice.below(30_000);
        let body = match dice.below(3) {
            0 => "[".repeat(depth),
            1 => r#"{"id":"#.repeat(depth),
            _ => format!(r#"{{"id":{}{}}}"#, "[".repeat(depth), "]".repeat(depth)),
        };
        Sent::Whole(world.signed(CI, body.into()))
    }),
    kind("no object", 2, |dice, world| {
        let body = dice.pick(&["", " ", "null", "true", "7", "\"\"", "[]", "{}", "NaN", "-"]);
        Sent::Whole(world.signed(CI, body.into()))
    }),
    kind("a wrong type", 8, |dice, world| {
        with_report(dice, world, |dice, report| {
            let field = dice.pick(&["id", "sequence", "environment", "component", "version"]);
            let wrong = match field {
                "sequence" => vec![json!("7"), json!(7.5), json!(-1), json!(1e300), json!(1u64 << 63), json!(i64::MIN)],
                _ => vec![json!(7), json!(0.5), json!(-1), json!(true), json!(["web"])],
            };
            let wrong = [wrong, vec![Value::Null, json!({}), json!([]), json!(false)]].concat();
            report[field] = wrong[dice.below(wrong.len())].clone();
        })
    }),
    kind("an unknown field", 5, |dice, world| {
        with_report(dice, world, |dice, report| {
            let name = match dice.below(3) {
                0 => dice
                    .pick(&["Id", "ID", "when", "receiverRef", "apiVersion", "metadata", "__proto__", ""])
                    .to_owned(),
                _ => format!("x{:x}", dice.next()),
            };
            report[name] = dice.pick(&["1", "\u{0}", "staging"]).into();
        })
    }),
    kind("a field twice", 5, |dice, world| {
        with_text(dice, world, |dice, body| {
            let again = [r#"{"id":"ci/1","#, r#"{"sequence":1,"#, r#"{"environment":"staging","#, r#"{"version":"1","#];
            [dice.pick(&again).as_bytes(), &body[1..]].concat()
        })
    }),
    kind("a field missing", 5, |dice, world| {
        with_report(dice, world, |dice, report| {
            let field = dice.pick(&["id", "sequence", "environment", "component", "version"]);
            report.as_object_mut().unwrap().remove(field);
        })
    }),
    kind("more behind it", 4, |dice, world| {
        with_text(dice, world, |dice, body| {
            let more: [&[u8]; 6] = [b"{}", b"]", b",", b"\0", b"null", &body];
            [&body[..], dice.pick(&more)].concat()
        })
    }),
    kind("a text of a wrong length", 5, |dice, world| {
        with_report(dice, world, |dice, report| {
            let field = dice.pick(&["id", "environment", "component", "version", "sha", "by"]);
            let length = dice.pick(&[0, 254, 1000, 60_000]);
            report[field] = dice.pick(&["a", "\u{e9}", "\u{1f980}"]).repeat(length).into();
        })
    }),
    kind("text that is none", 4, |dice, world| {
        with_text(dice, world, |dice, body| {
            let wrong: [&[u8]; 6] = [b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\\ud800", b"\\x41", b"\n"];
            let start = body.windows(3).position(|three| three == b"ci/").unwrap();
            [&body[..start], dice.pick(&wrong), &body[start..]].concat()
        })
    }),
    kind("a webhook that is none", 6, |dice, world| {
        let address = |dice: &mut Dice| {
            let wrong =
                ["", "config", "file:///etc/passwd", "https://", "https://git.example.org", "javascript:alert(1)"];
            json!({"html_url": dice.pick(&wrong)})
        };
        let body = match dice.below(5) {
            0 => noise(dice, 400),
            1 => "[".repeat(1 + dice.below(30_000)).into(),
            2 => text(&json!({"pull_request": dice.pick(&["7", ""])})),
            3 => text(&json!({"pull_request": address(dice)})),
            _ => text(&json!({"ref": "refs/heads/main", "repository": address(dice)})),
        };
        let (receiver, header) = dice.pick(&[(GITEA, "X-Gitea-Event"), (GITHUB, "X-GitHub-Event")]);
        let mut request = world.signed(receiver, body);
        request.headers.push((header, b"push".to_vec()));
        Sent::Whole(request)
    }),
    Kind {
        name: "for another Environment or component",
        weight: 6,
        right: &["422 EnvironmentNotAllowed", "422 EnvironmentNotFound", "422 ComponentUnknown"],
        make: |dice, world| {
            with_report(dice, world, |dice, report| {
                let places = [("environment", "production"), ("environment", "gone"), ("component", "wbe")];
                let odd = [("environment", "../staging"), ("environment", "staging/"), ("component", "web\u{0}")];
                let (field, value) = dice.pick(&[places, odd].concat());
                report[field] = value.into();
            })
        },
    },
];

fn with_report(dice: &mut Dice, world: &World, change: fn(&mut Dice, &mut Value)) -> Sent {
    let mut report = report(dice);
    change(dice, &mut report);
    Sent::Whole(world.signed(CI, text(&report)))
}

fn with_text(dice: &mut Dice, world: &World, change: fn(&mut Dice, Vec<u8>) -> Vec<u8>) -> Sent {
    let body = text(&report(dice));
    let body = change(dice, body);
    Sent::Whole(world.signed(CI, body))
}
