//! Values: wrong ones are refused before anything happens, and right ones make valid objects.

use std::process::Command;

use serde_json::{Value, json};
use sluice_tests::{Cluster, TestNamespace, paths};

use super::{helm_chart, object, rendered};

/// A value, and what is said of it.
const WRONG: &[(&str, &str)] = &[
    ("replica=1", "additional properties 'replica' not allowed"),
    ("image.repo=x", "at '/image': additional properties 'repo' not allowed"),
    ("replicas=2", "at '/replicas': maximum: got 2, want 1"),
    ("concurrency=0", "at '/concurrency': minimum: got 0, want 1"),
    ("crds.keep=perhaps", "at '/crds/keep': got string, want boolean"),
    ("logFormat=xml", "at '/logFormat': value must be one of 'json', 'text'"),
    ("image.digest=latest", "at '/image/digest': 'latest' does not match pattern '^(sha256:[0-9a-f]{64})?$'"),
    ("image.pullPolicy=Sometimes", "at '/image/pullPolicy': value must be one of"),
    ("allowHttpTo={127.0.0.1}", "at '/allowHttpTo/0': '127.0.0.1' does not match pattern"),
    ("watchNamespace=My Team", "at '/watchNamespace': 'My Team' does not match pattern"),
    ("policies.stamp=perhaps", "at '/policies/stamp': value must be one of 'Auto', 'Always', 'Never'"),
    ("policies.namespaceSelector.labels.a=b", "at '/policies/namespaceSelector': additional properties 'labels' not"),
    ("resources.limits.memory=a lot", "at '/resources/limits/memory': 'a lot' does not match pattern"),
    ("resources.limit.memory=1Gi", "at '/resources': additional properties 'limit' not allowed"),
    ("extraEnv[0].nam=x", "at '/extraEnv/0': "),
    ("podDisruptionBudget.maxUnavailable=half", "at '/podDisruptionBudget/maxUnavailable': 'half' does not match"),
    ("networkPolicy.dns.ports={dns}", "at '/networkPolicy/dns/ports/0': got string, want integer"),
    ("commonLabels.a b=c", "at '/commonLabels': additional properties 'a b' not allowed"),
    (r"podLabels.app\.kubernetes\.io/name=x", "at '/podLabels/app.kubernetes.io~1name': "),
    ("server.enabled=perhaps", "at '/server/enabled': got string, want boolean"),
    ("server.replicas=-1", "at '/server/replicas': minimum: got -1, want 0"),
    ("server.enabled=true,server.port=8081", "server.port: it is the healthPort; choose another one"),
    ("server.service.type=ExternalName", "at '/server/service/type': value must be one of"),
    ("server.service.port=0", "at '/server/service/port': minimum: got 0, want 1"),
    ("server.ingress.hosts={a.example}", "at '/server/ingress': additional properties 'hosts' not allowed"),
    ("server.ingress.host=https://a.example", "at '/server/ingress/host': 'https://a.example' does not match pattern"),
    ("server.ingress.path=receivers", "at '/server/ingress/path': 'receivers' does not match pattern"),
    ("server.resources.limits.memory=a lot", "at '/server/resources/limits/memory': 'a lot' does not match pattern"),
    (
        "server.serviceAccount.create=false",
        "server.serviceAccount.name: with server.serviceAccount.create=false, name the account",
    ),
    ("serviceAccount.create=false", "serviceAccount.name: with serviceAccount.create=false, name the account"),
];

#[test]
fn wrong_values_are_refused_by_name() {
    for (value, said) in WRONG {
        let refused = rendered(&["--set", value]).err().unwrap_or_else(|| panic!("{value} is accepted"));
        assert!(refused.to_string().contains(said), "{value}: {refused}");
    }
}

/// Every option that adds something, at once.
fn everything() -> Value {
    let anything = json!({"name": "anything", "emptyDir": {}});
    json!({
        "crds": {"install": false},
        "image": {"repository": "registry.example:5000/team/sluice", "digest": format!("sha256:{}", "a".repeat(64))},
        "imagePullSecrets": [{"name": "pull"}],
        "allowHttpTo": ["127.0.0.0/8", "::1/128"],
        "policies": {
            "stamp": "Always",
            "namespaceSelector": {"matchExpressions": [{"key": "team", "operator": "In", "values": ["web"]}]},
        },
        "logFilter": "debug", "logFormat": "text", "healthPort": 9000, "concurrency": 8,
        "serviceAccount": {"annotations": {"a.example/role": "x"}},
        "extraArgs": ["--log-format=json", "--concurrency=16", "--listen=0.0.0.0:9000", "--allow-http-to=169.254.0.0/16"],
        "extraEnv": [{"name": "SSL_CERT_FILE", "value": "/anything/ca.pem"}, {"name": "RUST_LOG", "value": "info"}],
        "extraVolumes": [anything], "extraVolumeMounts": [{"name": "anything", "mountPath": "/anything"}],
        "commonLabels": {"team": "web"}, "annotations": {"a.example/b": "c"},
        "podAnnotations": {"a.example/d": "e"}, "podLabels": {"a.example/f": "g"},
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "tolerations": [{"key": "dedicated", "operator": "Exists"}],
        "affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}},
        "topologySpreadConstraints": [
            {"maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "ScheduleAnyway"},
            {"maxSkew": 1, "topologyKey": "host", "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {"matchLabels": {"a": "b"}}},
        ],
        "priorityClassName": "system-cluster-critical",
        "podDisruptionBudget": {"enabled": true},
        "networkPolicy": {
            "enabled": true,
            "apiServer": {"cidrs": ["10.0.0.1/32"]},
            "gitHosts": {"cidrs": ["192.0.2.0/24", "2001:db8::/32"], "ports": [443, 3000]},
            "extraEgress": [{"to": [{"namespaceSelector": {}}], "ports": [{"port": 9090, "protocol": "TCP"}]}],
            "serverFrom": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress"}}}],
        },
        "server": server(),
    })
}

fn server() -> Value {
    json!({
        "enabled": true, "replicas": 3, "port": 9090,
        "service": {"type": "LoadBalancer", "port": 8443, "annotations": {"a.example/h": "i"}},
        "ingress": {
            "enabled": true, "className": "nginx", "host": "hooks.example", "annotations": {"a.example/j": "k"},
            "tls": [{"hosts": ["hooks.example"], "secretName": "hooks"}],
        },
        "serviceAccount": {"name": "ear", "annotations": {"a.example/l": "m"}},
        "resources": {"requests": {"cpu": 1}, "limits": {"memory": "1Gi"}},
        "extraArgs": ["--log-format=text"], "extraEnv": [{"name": "RUST_LOG", "value": "info"}, {"name": "A", "value": "b"}],
        "annotations": {"a.example/n": "o"}, "podAnnotations": {"a.example/p": "q"}, "podLabels": {"a.example/r": "s"},
        "nodeSelector": {"kubernetes.io/os": "linux"}, "tolerations": [{"key": "dedicated", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}},
        "priorityClassName": "system-cluster-critical", "podDisruptionBudget": {"maxUnavailable": "50%"},
    })
}

#[tokio::test]
async fn every_option_makes_objects_that_the_api_server_accepts() {
    let cluster = Cluster::connect().await;
    let test = TestNamespace::new(&cluster, "options").await;
    let file = cluster.facts().dir.join(format!("{}.json", test.name()));
    std::fs::write(&file, everything().to_string()).expect("a file of values");
    let values = file.display().to_string();
    let text = helm_chart(&cluster, "template", test.name(), test.name(), &["--values", &values]).expect("objects");
    std::fs::remove_file(file).expect("the file's end");

    let said = crate::short::kubectl(&cluster, &["apply", "--server-side", "--dry-run=server", "-f", "-"], &text);
    let said = said.expect("accepted");
    assert!(said.lines().all(|line| line.ends_with(" serverside-applied (server dry run)")), "{said}");

    let objects: Vec<Value> = serde_saphyr::from_multiple(&text).expect("YAML");
    let name = format!("{}-sluice-controller", test.name());
    let pod = &object(&objects, "Deployment", &name)["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    assert_eq!(container["image"], format!("registry.example:5000/team/sluice@sha256:{}", "a".repeat(64)));
    let environment: Vec<&str> =
        container["env"].as_array().into_iter().flatten().filter_map(|entry| entry["name"].as_str()).collect();
    assert_eq!(environment, ["POD_NAME", "SSL_CERT_FILE", "RUST_LOG"], "each name once");
    are_understood(&container["args"]);
    let spread = &pod["topologySpreadConstraints"];
    assert_eq!(spread[0]["labelSelector"]["matchLabels"]["app.kubernetes.io/instance"], test.name());
    assert_eq!(spread[1]["labelSelector"]["matchLabels"], json!({"a": "b"}));
    let policy = &object(&objects, "NetworkPolicy", &name)["spec"];
    let ports: Vec<Vec<i64>> = policy["egress"].as_array().into_iter().flatten().map(ports).collect();
    assert_eq!(ports, [vec![53, 53], vec![443, 6443], vec![443, 3000], vec![9090]]);
    assert_eq!(policy["egress"][2]["to"][1]["ipBlock"]["cidr"], "2001:db8::/32");
    assert_eq!(object(&objects, "PodDisruptionBudget", &name)["spec"]["maxUnavailable"], 1);
    is_the_server(&objects, &format!("{}-sluice-server", test.name()));
}

fn is_the_server(objects: &[Value], name: &str) {
    let deployment = &object(objects, "Deployment", name)["spec"];
    let pod = &deployment["template"]["spec"];
    let container = &pod["containers"][0];
    assert_eq!((&deployment["replicas"], &pod["serviceAccountName"]), (&json!(3), &json!("ear")));
    assert_eq!(
        container["args"],
        json!(["server", "--listen=[::]:9090", "--health-listen=[::]:9000", "--log-format=text", "--log-format=text"])
    );
    assert_eq!(container["env"], json!([{"name": "RUST_LOG", "value": "info"}, {"name": "A", "value": "b"}]));
    are_understood(&container["args"]);
    let selector = &deployment["selector"]["matchLabels"];
    assert_eq!(pod["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"], *selector);
    let service = &object(objects, "Service", name)["spec"];
    assert_eq!((&service["type"], &service["ports"][0]["port"]), (&json!("LoadBalancer"), &json!(8443)));
    assert_eq!(service["selector"], *selector, "of the server's Pods alone");
    assert_eq!(selector["app.kubernetes.io/component"], "server");

    let ingress = &object(objects, "Ingress", name)["spec"];
    let backend = json!({"service": {"name": name, "port": {"name": "http"}}});
    let path = json!({"path": "/receivers/", "pathType": "Prefix", "backend": backend});
    assert_eq!(ingress["rules"], json!([{"host": "hooks.example", "http": {"paths": [path]}}]), "and no other path");
    assert_eq!(ingress["tls"], json!([{"hosts": ["hooks.example"], "secretName": "hooks"}]));

    let policy = &object(objects, "NetworkPolicy", name)["spec"];
    let egress: Vec<Vec<i64>> = policy["egress"].as_array().into_iter().flatten().map(ports).collect();
    assert_eq!(egress, [vec![53, 53], vec![443, 6443]], "name servers and the API server");
    let from = json!([{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress"}}}]);
    assert_eq!(policy["ingress"], json!([{"ports": [{"port": "http", "protocol": "TCP"}], "from": from}]));
    assert_eq!(object(objects, "PodDisruptionBudget", name)["spec"]["maxUnavailable"], "50%");
}

#[test]
fn there_is_no_server_unless_one_is_asked_for() {
    let of_server = |more: &str| {
        let objects = rendered(&["--set=crds.install=false,networkPolicy.enabled=true", more]).expect("objects");
        let names = objects.iter().filter(|object| object["metadata"]["name"] == "sluice-server");
        names.map(|object| object["kind"].as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(of_server("--set=server.ingress.enabled=true"), Vec::<String>::new());
    let expected = [
        "NetworkPolicy",
        "PodDisruptionBudget",
        "ServiceAccount",
        "ClusterRole",
        "ClusterRoleBinding",
        "Service",
        "Deployment",
    ];
    assert_eq!(of_server("--set=server.enabled=true"), expected);
}

/// Whether the program itself takes these arguments.
fn are_understood(arguments: &Value) {
    let texts = arguments.as_array().into_iter().flatten().filter_map(Value::as_str);
    // What comes before is read first, and nothing is run.
    let output = Command::new(paths::sluice()).args(texts).arg("--help").output().expect("sluice");
    assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

fn ports(rule: &Value) -> Vec<i64> {
    rule["ports"].as_array().into_iter().flatten().filter_map(|port| port["port"].as_i64()).collect()
}

#[test]
fn names_stay_within_what_a_label_takes() {
    let long = "a".repeat(53);
    let name = |more: &str| {
        let objects = rendered(&[more, "--set=crds.install=false"]).expect("objects");
        let deployment = objects.iter().find(|object| object["kind"] == "Deployment").expect("a Deployment");
        deployment["metadata"]["name"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(name("--set=nameOverride=flow"), "sluice-flow-controller");
    assert_eq!(name("--set=fullnameOverride=flow"), "flow-controller");
    assert_eq!(name(&format!("--set=fullnameOverride={long}")), format!("{}-controller", "a".repeat(52)));
    assert_eq!(name(&format!("--set=nameOverride={long}")).len(), 63);
}
