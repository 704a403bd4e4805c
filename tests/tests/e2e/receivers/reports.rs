//! Reports of components: what is stored, and what is refused with which words.

use super::*;

#[tokio::test]
async fn a_signed_report_is_stored_once_however_often_it_is_sent() {
    let post = Post::open().await;
    let (status, answer) = post.send(&report("ci/7", 7)).await;
    assert_eq!((status, &answer["status"]), (202, &json!("accepted")), "{answer}");
    let [update] = &post.updates().await[..] else { panic!("not one") };
    assert_eq!(update.metadata.name.as_deref(), answer["name"].as_str());
    let spec = serde_json::to_value(&update.spec).unwrap();
    let mut expected = report("ci/7", 7);
    expected["receiverRef"] = json!({"name": "ci"});
    assert_eq!(spec, expected);

    let again = futures::future::join_all((0..100).map(async |_| post.send(&report("ci/7", 7)).await)).await;
    assert!(again.iter().all(|(status, again)| *status == 202 && again["status"] == "known"), "{again:?}");
    let (status, answer) = post.send(&report("ci/7", 8)).await;
    assert_eq!((status, &answer["error"]), (409, &json!("IdTaken")), "{answer}");
    assert!(answer["message"].as_str().unwrap().contains("a new report takes a new id"));
    assert_eq!(post.updates().await.len(), 1);
}

#[tokio::test]
async fn what_is_wrong_with_a_report_is_said_with_the_remedy() {
    let post = Post::open().await;
    let changed = |field: &str, value: Value| {
        let mut report = report("ci/7", 7);
        report[field] = value;
        report
    };
    for (report, error, words) in [
        (changed("environment", json!("production")), "EnvironmentNotAllowed", "spec.component.environments"),
        (changed("environment", json!("gone")), "EnvironmentNotFound", "create it"),
        (changed("component", json!("wbe")), "ComponentUnknown", "spec.components"),
        (changed("sequence", json!("7")), "Invalid", "sequence: \"7\" is a text, and has to be a number"),
        (changed("when", json!(1)), "Invalid", "unknown field `when`"),
        (changed("version", Value::Null), "Invalid", "which version it is, or which sha"),
        (json!(["ci/7", 7, "staging", "web", "1.10", null, null]), "Invalid", "a JSON object"),
    ] {
        let (status, answer) = post.send(&report).await;
        assert_eq!((status, &answer["error"]), (422, &json!(error)), "{report}: {answer}");
        assert!(answer["message"].as_str().unwrap().contains(words), "{answer}");
    }
    assert!(post.updates().await.is_empty());
}

#[tokio::test]
async fn whatever_is_not_a_signed_post_to_a_receiver_is_refused() {
    let post = Post::open().await;
    let body = report("ci/7", 7).to_string();
    let signature = sluice_server::sign(SECRET.as_bytes(), body.as_bytes());
    for wrong in ["", "sha256=", &signature[7..], &sluice_server::sign(b"another", body.as_bytes())] {
        let (status, answer) = post.send_as(&body, wrong).await;
        assert_eq!((status, &answer["error"]), (401, &json!("Unauthorized")), "{wrong}: {answer}");
    }
    let elsewhere = format!("{}/receivers/{}/nobody", post.server.url(), post.team.namespace());
    let answer = post.http.post(elsewhere).header("X-Hub-Signature-256", &signature).body(body.clone()).send().await;
    assert_eq!(answer.unwrap().status(), 404);
    for path in ["/", "/receivers", "/receivers/a", "/receivers/../x/y", "/receivers/a/b/c", "/metrics"] {
        let answer = post.http.post(format!("{}{path}", post.server.url())).body(body.clone()).send().await.unwrap();
        assert_eq!(answer.status(), 404, "{path}");
    }
    let answer = post.http.get(post.url()).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers()["allow"].to_str().unwrap()), (405, "POST"));
    assert!(post.updates().await.is_empty());
}

#[tokio::test]
async fn a_receiver_without_a_secret_is_closed_and_a_changed_one_counts_at_once() {
    let post = Post::open().await;
    let body = report("ci/7", 7).to_string();
    let with = |secret: &str| sluice_server::sign(secret.as_bytes(), body.as_bytes());
    let secret = |text: &str| {
        post.team.apply_value(&json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "ci"}, "stringData": {"secret": text},
        }));
    };
    assert_eq!(post.send_as(&body, &with(SECRET)).await.0, 202);
    secret("changed\n");
    let patience = std::time::Duration::from_secs(10);
    eventually("the changed secret counts", patience, async || match post.send_as(&body, &with("changed")).await {
        (202, _) => Ok(()),
        (status, _) => Err(status),
    })
    .await;
    assert_eq!(post.send_as(&body, &with(SECRET)).await.0, 401);

    secret("");
    // A body that is not signed has the Secret read again.
    eventually("an empty secret closes it", patience, async || {
        assert_eq!(post.send_as(&body, &with("")).await.0, 401);
        match post.send_as(&body, &with("changed")).await.0 {
            401 => Ok(()),
            status => Err(status),
        }
    })
    .await;
    post.team.receiver_says("ci", "False").await;
    secret("back");
    post.team.receiver_says("ci", "True").await;
    assert_eq!(post.send_as(&body, &with("back")).await.0, 202);
    for secret in [SECRET, "changed", "back"] {
        assert!(!post.server.log().contains(secret));
    }
}

#[tokio::test]
async fn why_a_receiver_takes_nothing_is_in_its_status() {
    let post = Post::open().await;
    let receiver = |name: &str, account: &str, secret: &str, key: &str| {
        post.team.apply_value(&json!({
            "apiVersion": "sluice.dev/v1alpha1", "kind": "Receiver", "metadata": {"name": name},
            "spec": {"gitea": {}, "serviceAccountName": account, "secretRef": {"name": secret, "key": key}},
        }));
    };
    post.team.let_receive(&["gone"]).await;
    receiver("no-secret", "receiver", "gone", "secret");
    receiver("no-key", "receiver", "ci", "other");
    receiver("no-right", "receiver", "others", "secret");
    receiver("no-account", "nobody", "ci", "secret");
    receiver("no-impersonation", "deployer", "ci", "secret");
    for (name, reason, words) in [
        ("no-secret", "SecretNotFound", "there is no Secret \"gone\""),
        ("no-key", "SecretNotFound", "no key \"other\""),
        ("no-right", "NotAllowed", "may not read the Secret \"others\""),
        ("no-account", "ServiceAccountNotFound", "there is no service account \"nobody\""),
        ("no-impersonation", "NotAllowed", "may not act as the service account \"deployer\""),
    ] {
        post.team.receiver_says(name, "False").await;
        let receiver: sluice_api::Receiver = post.team.home().api().get(name).await.unwrap();
        let status = receiver.status.unwrap();
        assert_eq!(status.path.unwrap(), format!("/receivers/{}/{name}", post.team.namespace()));
        let condition = &status.conditions[0];
        assert_eq!(condition.reason, reason, "{}", condition.message);
        assert!(condition.message.contains(words), "{}", condition.message);
        let answer = post.http.post(post.server.url_of(post.team.namespace(), name)).body("{}");
        let signature = sluice_server::sign(b"", b"{}");
        let answer = answer.header("X-Gitea-Signature", &signature[7..]).send().await.unwrap();
        assert_eq!(answer.status(), 401);
    }
}

#[tokio::test]
async fn a_receiver_takes_no_more_a_minute_than_it_says() {
    let post = Post::open().await;
    let spec = json!({"component": {"environments": ["staging"]}, "maxRequestsPerMinute": 3});
    post.team.receive("slow", &spec, SECRET).await;
    let url = post.server.url_of(post.team.namespace(), "slow");
    let signed = async |body: String, secret: &str| {
        let signature = sluice_server::sign(secret.as_bytes(), body.as_bytes());
        let request = post.http.post(&url).header("X-Hub-Signature-256", signature).body(body);
        request.send().await.unwrap()
    };
    let is_too_much = |answer: &reqwest::Response| {
        let wait: u64 = answer.headers()["retry-after"].to_str().unwrap().parse().unwrap();
        answer.status() == 429 && (1..=20).contains(&wait)
    };
    let long = " ".repeat(40_000);
    for _ in 0..3 {
        assert_eq!(signed(long.clone(), "another").await.status(), 401);
    }
    assert!(is_too_much(&signed(long, "another").await), "long bodies are counted before they are proved");
    for _ in 0..10 {
        assert_eq!(signed(report("ci/8", 8).to_string(), "another").await.status(), 401, "short ones are not");
    }
    for _ in 0..3 {
        assert_eq!(signed(report("ci/8", 8).to_string(), SECRET).await.status(), 202, "whoever signs is counted apart");
    }
    assert!(is_too_much(&signed(report("ci/8", 8).to_string(), SECRET).await));
    assert_eq!(post.send(&report("ci/7", 7)).await.0, 202, "another Receiver has a count of its own");
}

#[tokio::test]
async fn a_report_that_was_stored_by_a_server_that_was_killed_is_stored_once() {
    let post = Post::open().await;
    let environment: Environment = post.team.home().api().get("staging").await.unwrap();
    assert_eq!(environment.spec.components.len(), 2);
    for sequence in 0..5 {
        let report = report(&format!("ci/{sequence}"), sequence);
        let body = report.to_string();
        let signature = sluice_server::sign(SECRET.as_bytes(), body.as_bytes());
        let request = post.http.post(post.url()).header("X-Hub-Signature-256", &signature).body(body.clone());
        let sent = tokio::spawn(request.send());
        // As soon as it is there, which is before, or as, the answer is sent.
        eventually("the report is stored", crate::PATIENCE, async || {
            let stored = post.updates().await.len();
            if stored as i64 > sequence { Ok(()) } else { Err(stored) }
        })
        .await;
        post.server.restart().unwrap();
        let _ = sent.await.unwrap();
        post.server.ready().await;
        let (status, answer) = post.send(&report).await;
        assert_eq!((status, &answer["status"]), (202, &json!("known")), "{answer}");
    }
    assert_eq!(post.updates().await.len(), 5);
}

#[tokio::test]
async fn what_several_servers_are_sent_at_once_is_stored_once() {
    let post = Post::open().await;
    let other = post.team.server().await;
    let urls = [post.url(), other.url_of(post.team.namespace(), "ci")];
    let body = report("ci/7", 7).to_string();
    let signature = sluice_server::sign(SECRET.as_bytes(), body.as_bytes());
    let send = async |number: usize| {
        let request = post.http.post(&urls[number % 2]).header("X-Hub-Signature-256", &signature).body(body.clone());
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        answer["status"].clone()
    };
    let answers = futures::future::join_all((0..40).map(send)).await;
    let accepted = answers.iter().filter(|status| **status == "accepted").count();
    let known = answers.iter().filter(|status| **status == "known").count();
    assert_eq!((accepted, known, post.updates().await.len()), (1, 39, 1));
}
