//! Values out of bounds: numbers, lengths, patterns, words.

use super::mutation::{DEPLOY, HELLO, HELLO_RUN, HTTP, MERGE, Mutation, PROVIDER, VALIDATE, WAIT_FOR};

pub(super) fn mutations() -> Vec<Mutation> {
    [numbers(), lengths(), texts(), durations(), urls()].into_iter().flatten().collect()
}

fn numbers() -> Vec<Mutation> {
    let count = |value: &str| format!("count: {value}");
    let default = |value: &str| format!("  params:\n  - {{name: number, type: Integer, default: {value}}}\n");
    let params = "  params:\n";
    vec![
        VALIDATE.refused("a number too small", "count: 3", count("0")),
        VALIDATE.refused("a number below zero", "count: 3", count("-1")),
        VALIDATE.accepted("the least number", "count: 3", count("1")),
        VALIDATE.accepted("the greatest number", "count: 3", count("10000")),
        VALIDATE.refused("a number too large", "count: 3", count("10001")),
        VALIDATE.refused("a number larger than any", "count: 3", count("99999999999999999999999")),
        VALIDATE.refused("a fraction for an integer", "count: 3", count("3.5")),
        VALIDATE.accepted("a whole number with a point", "count: 3", count("3.0")),
        VALIDATE.accepted("a whole number with an exponent", "count: 3", count("1e3")),
        VALIDATE.refused("infinity", "count: 3", count(".inf")),
        VALIDATE.refused("not a number", "count: 3", count(".nan")),
        VALIDATE.accepted("an octal number", "count: 3", count("010")),
        VALIDATE.accepted("a hexadecimal number", "count: 3", count("0x10")),
        VALIDATE.accepted("a number with underscores", "count: 3", count("1_000")),
        VALIDATE.refused("a number over sixty, as YAML 1.1 has none any more", "count: 3", count("1:30")),
        HELLO.accepted("an integer as a default", params, default("3")),
        HELLO.accepted("the largest integer as a default", params, default("9223372036854775807")),
        HELLO.refused("an integer too large for a default", params, default("9223372036854775808")),
        HELLO.refused("a fraction as a default", params, default("1.5")),
        HELLO_RUN.refused("an integer too large for a parameter", "{who: Ada}", "{who: 9223372036854775808}"),
        HELLO_RUN.accepted("an integer as a parameter", "{who: Ada}", "{who: 12}"),
        HELLO_RUN.accepted("a whole number with an exponent as a parameter", "{who: Ada}", "{who: 1e3}"),
    ]
}

fn lengths() -> Vec<Mutation> {
    let steps = |number: usize| -> String {
        let steps = (0..number).map(|step| format!("    - {{name: s{step}, delay: {{duration: 1s}}}}\n"));
        format!("    steps:\n{}    - name: account\n", steps.collect::<String>())
    };
    let params = |number: usize| {
        let params = (0..number).map(|param| format!("p{param}: x")).collect::<Vec<_>>().join(", ");
        format!("{{{params}}}")
    };
    let first = "    steps:\n    - name: account\n";
    let name = |length: usize| format!("- name: {}\n", "a".repeat(length));
    let description = |text: String| format!("description: \"{text}\"");
    let whom = "description: Whom to greet.";
    let body = "body: \"Requested by ${{ run.requestedBy }} in run ${{ run.name }}.\"";
    let of_request = |length: usize| format!("body: \"{}\"", "x".repeat(length));
    let edits = |number: usize| {
        let edits = (0..number).map(|edit| format!("        - {{file: f{edit}, set: {{path: a, value: b}}}}\n"));
        format!("        edits:\n{}", edits.collect::<String>())
    };
    vec![
        DEPLOY.accepted("a hundred edits", "        edits:\n", edits(99)),
        DEPLOY.refused("a hundred and one edits", "        edits:\n", edits(100)),
        HELLO.accepted("as many steps as there may be", first, steps(48)),
        HELLO.refused("one step too many", first, steps(49)),
        HELLO.refused("a hundred and one steps", first, steps(99)),
        HELLO.refused("no stages", "  stages:\n", "  stages: []\n  #"),
        HELLO.refused("no steps in a stage", "    steps:\n    - name: greeting\n      set: ", "    steps: []\n    #"),
        HELLO.refused("an empty text where there has to be one", "serviceAccountName: hello", "serviceAccountName: ''"),
        HELLO.refused("an empty condition", "when: params.who != ''", "when: ''"),
        HELLO.accepted("the longest name", "- name: breath\n", name(63)),
        HELLO.refused("a name too long", "- name: breath\n", name(64)),
        HELLO.accepted("the longest description", whom, description("x".repeat(1024))),
        HELLO.refused("a description too long", whom, description("x".repeat(1025))),
        HELLO.accepted("as many letters, of two bytes each", whom, description("ü".repeat(1024))),
        HELLO.accepted("as many letters, of four bytes each", whom, description("🚀".repeat(1024))),
        HELLO.refused("one of them too many", whom, description("🚀".repeat(1025))),
        HELLO.refused("a text of 300 KiB", whom, description("x".repeat(300 << 10))),
        DEPLOY.refused("a text of 300 KiB in a field that may be long", body, of_request(300 << 10)),
        HELLO_RUN.accepted("as many parameters as there may be", "{who: Ada}", params(64)),
        HELLO_RUN.refused("one parameter too many", "{who: Ada}", params(65)),
        HELLO_RUN.refused("a parameter too long", "{who: Ada}", format!("{{who: {}}}", "x".repeat(4097))),
        HELLO_RUN.accepted("no parameters", "{who: Ada}", "{}"),
        DEPLOY.refused("no events", "[Failure, Abortion]", "[]"),
        DEPLOY.refused("no checks", "        checks:\n", "        checks: []\n        #\n"),
    ]
}

fn texts() -> Vec<Mutation> {
    vec![
        MERGE.refused("a word of an enum in small letters", "merge: WhenReady", "merge: whenReady"),
        MERGE.refused("another one", "merge: WhenReady", "merge: manual"),
        MERGE.accepted("another word of the enum", "merge: WhenReady", "merge: Manual"),
        MERGE.refused("an empty word", "merge: WhenReady", "merge: ''"),
        HTTP.refused("a method in small letters", "method: POST", "method: post"),
        HTTP.refused("a method that there is not", "method: POST", "method: OPTIONS"),
        HELLO.refused("a type that there is not", "type: String", "type: Number"),
        HELLO.refused("a name with a capital", "name: breath", "name: Breath"),
        HELLO.refused("a name with a hyphen", "name: breath", "name: deep-breath"),
        HELLO.refused("a name that begins with a digit", "name: breath", "name: 1breath"),
        HELLO.refused("a name with a letter of another script", "name: breath", "name: brëath"),
        HELLO.refused("an empty name", "name: breath", "name: ''"),
        HELLO.refused("a name with a line break", "name: breath", "name: \"breath\\n\""),
        HELLO.accepted("a name with a capital inside", "name: breath", "name: deepBreath2"),
        HELLO.not_ready("a name that expressions have for themselves", "name: breath", "name: in"),
        HELLO.not_ready("a name that is a variable", "name: who, type", "name: params, type"),
    ]
}

fn durations() -> Vec<Mutation> {
    let of_step = |text: &str| format!("- name: breath\n      timeout: {text}\n");
    let breath = "- name: breath\n";
    let refused = [
        "10 minutes",
        "-5s",
        "1h30",
        "5",
        "''",
        "s",
        "1.5h",
        "1d",
        "10M",
        "'5s '",
        "1h 30m",
        "PT5M",
        "0x5s",
        "५s",
        "1:30",
        "9999999999s",
        "true",
        "~s",
    ];
    let accepted = ["90s", "1h30m", "500ms", "1m1m", "0s1s", "30m1h", "'5s'", "999999999s"];
    let refused = refused.map(|text| HELLO.refused(&format!("the timeout {text}"), breath, of_step(text)));
    let accepted = accepted.map(|text| HELLO.accepted(&format!("the timeout {text}"), breath, of_step(text)));
    let others = vec![
        HTTP.not_ready(
            "a request that may take longer than one may",
            "        method: POST\n",
            "        method: POST\n        requestTimeout: 3m\n",
        ),
        HTTP.not_ready(
            "a request that may take no time",
            "        method: POST\n",
            "        method: POST\n        requestTimeout: 0s\n",
        ),
        WAIT_FOR.refused("the interval 5 s", "interval: 5s", "interval: 5 s"),
    ];
    [refused.to_vec(), accepted.to_vec(), others].concat()
}

fn urls() -> Vec<Mutation> {
    let of_host = |url: &str| format!("{{url: {url:?}}}");
    let host = r#"{url: "http://127.0.0.1:3000"}"#;
    let refused = [
        "ftp://git.example",
        "git.example",
        "/git",
        "",
        "http//git.example",
        "ssh://git@git.example",
        "http://git example",
        "http://[::1",
        "http://git.example:port",
        "HTTPS//a",
        "://a",
        "http://a%zz",
        "git@git.example:a/b",
        "file:///srv",
    ];
    let accepted = [
        "https://git.example",
        "https://git.example/",
        "http://git.example:3000/gitea",
        "http://[::1]:3000",
        "https://user:pass@git.example",
        "https://git.example?a=b#c",
        "HTTPS://git.example",
        "http://münchen.example",
        "http://a_b.example",
    ];
    let refused = refused.map(|url| PROVIDER.refused(&format!("the host {url:?}"), host, of_host(url)));
    let accepted = accepted.map(|url| PROVIDER.accepted(&format!("the host {url:?}"), host, of_host(url)));
    let long = format!("https://git.example/{}", "a".repeat(2048));
    let others = vec![PROVIDER.refused("the host with a path of 2048 letters", host, of_host(&long))];
    [refused.to_vec(), accepted.to_vec(), others].concat()
}
