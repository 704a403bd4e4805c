//! Which admission policies there are, and where they hold.

use serde_json::{Value, json};

use super::{object, rendered};

/// The policies and their bindings, as `kind name`.
fn policies(objects: &[Value]) -> Vec<String> {
    let texts = objects.iter().map(|object| {
        let [kind, name] = [&object["kind"], &object["metadata"]["name"]].map(|it| it.as_str().unwrap_or_default());
        format!("{kind} {name}")
    });
    texts.filter(|text| text.contains("AdmissionPolicy")).collect()
}

#[test]
fn each_is_bound_and_named_after_the_release() {
    let objects = rendered(&["--set=crds.install=false,policies.stamp=Always"]).expect("objects");
    let expected = [
        "MutatingAdmissionPolicy sluice-stamp",
        "MutatingAdmissionPolicyBinding sluice-stamp",
        "ValidatingAdmissionPolicy sluice-actions",
        "ValidatingAdmissionPolicy sluice-create",
        "ValidatingAdmissionPolicy sluice-status",
        "ValidatingAdmissionPolicy sluice-report",
        "ValidatingAdmissionPolicy sluice-metadata",
        "ValidatingAdmissionPolicyBinding sluice-actions",
        "ValidatingAdmissionPolicyBinding sluice-create",
        "ValidatingAdmissionPolicyBinding sluice-status",
        "ValidatingAdmissionPolicyBinding sluice-report",
        "ValidatingAdmissionPolicyBinding sluice-metadata",
    ];
    assert_eq!(policies(&objects), expected);
    for name in ["actions", "create", "metadata", "report", "status"] {
        let binding = object(&objects, "ValidatingAdmissionPolicyBinding", &format!("sluice-{name}"));
        assert_eq!(binding["spec"], json!({"policyName": format!("sluice-{name}"), "validationActions": ["Deny"]}));
    }

    let ours = rendered(&["--set=crds.install=false,fullnameOverride=ours"]).expect("objects");
    assert!(policies(&ours).iter().all(|text| text.contains(" ours-")), "{:?}", policies(&ours));
    let none = rendered(&["--set=crds.install=false,policies.install=false,policies.stamp=Always"]).expect("objects");
    assert_eq!(policies(&none), Vec::<String>::new());
}

#[test]
fn only_an_api_server_that_serves_it_gets_the_one_that_stamps() {
    let served = "--api-versions=admissionregistration.k8s.io/v1/MutatingAdmissionPolicy";
    let stamps = |more: &[&str]| {
        let objects = rendered(&[&["--set=crds.install=false"], more].concat()).expect("objects");
        policies(&objects).iter().any(|text| text.starts_with("Mutating"))
    };
    assert!(stamps(&["--kube-version=1.36.0", served]));
    assert!(!stamps(&["--kube-version=1.36.0"]), "it may be turned off");
    assert!(!stamps(&["--kube-version=1.35.4", served]), "Helm may not know better");
    assert!(!stamps(&["--kube-version=1.36.0", served, "--set=policies.stamp=Never"]));
    assert!(stamps(&["--kube-version=1.33.0", "--set=policies.stamp=Always"]));
    let validating = policies(&rendered(&["--kube-version=1.33.0"]).expect("objects"));
    assert_eq!(validating.len(), 10, "the others hold on any: {validating:?}");
}

#[test]
fn they_hold_where_the_release_looks_after_runs_or_where_they_are_told() {
    let scope = |values: &str| {
        let values = format!("--set=crds.install=false,policies.stamp=Always,{values}");
        let objects = rendered(&[&values]).expect("objects");
        let bindings =
            objects.iter().filter(|object| object["kind"].as_str().is_some_and(|kind| kind.ends_with("Binding")));
        let mut scopes = bindings
            .filter(|object| object["spec"].is_object())
            .map(|binding| binding["spec"]["matchResources"]["namespaceSelector"].clone());
        let first = scopes.next().expect("a binding");
        assert!(scopes.all(|scope| scope == first), "all in the same namespaces");
        first
    };
    let labels = |labels: Value| json!({"matchLabels": labels});
    assert_eq!(scope("watchNamespace="), Value::Null);
    assert_eq!(scope("watchNamespace=shop"), labels(json!({"kubernetes.io/metadata.name": "shop"})));
    assert_eq!(scope("policies.namespaceSelector.matchLabels.team=web"), labels(json!({"team": "web"})));
    let both = "watchNamespace=shop,policies.namespaceSelector.matchLabels.team=web";
    assert_eq!(scope(both), labels(json!({"team": "web"})));
}

#[test]
fn the_exceptions_are_the_accounts_of_the_release() {
    let check = |more: &[&str], user: &str, server: &str| {
        let objects = rendered(&[&["--set=crds.install=false,policies.stamp=Always"], more].concat()).expect("objects");
        let others = format!("request.userInfo.username != '{user}'");
        for (kind, name) in
            [("ValidatingAdmissionPolicy", "sluice-create"), ("MutatingAdmissionPolicy", "sluice-stamp")]
        {
            assert_eq!(object(&objects, kind, name)["spec"]["matchConditions"][0]["expression"], others, "{name}");
        }
        let status = object(&objects, "ValidatingAdmissionPolicy", "sluice-status");
        let writers = [&user, &server].map(|user| format!("request.userInfo.username == '{user}'"));
        let of_receivers = ["==", "!="].map(|is| format!("request.resource.resource {is} 'receivers' || "));
        for place in 0..2 {
            let expression = format!("{}{}", of_receivers[place], writers[place]);
            assert_eq!(status["spec"]["validations"][place]["expression"], expression);
        }
        let report = object(&objects, "ValidatingAdmissionPolicy", "sluice-report");
        let others = format!("request.userInfo.username != '{server}'");
        assert_eq!(report["spec"]["matchConditions"][0]["expression"], others);
        let actions = object(&objects, "ValidatingAdmissionPolicy", "sluice-actions").to_string();
        let places = actions.matches(user).count();
        assert_eq!(places, 1, "it has the last place; the right to an action is asked of it like of anybody");
    };
    let of_system = |name: &str| format!("system:serviceaccount:sluice-system:{name}");
    check(&[], &of_system("sluice-controller"), &of_system("sluice-server"));
    // deploy/server.yaml may bring it later.
    check(&["--set=server.enabled=true"], &of_system("sluice-controller"), &of_system("sluice-server"));
    check(
        &["--namespace=other", "--set=serviceAccount.name=robot,server.serviceAccount.name=ear"],
        "system:serviceaccount:other:robot",
        "system:serviceaccount:other:ear",
    );
}
