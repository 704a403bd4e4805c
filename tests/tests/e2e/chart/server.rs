//! A release with the server: what a build reports gets through it to a deployed component, with the rights that the chart gives
//! and the commands of its notes.

use serde_json::{Value, json};
use sluice_tests::controller::Options;
use sluice_tests::{Cluster, Controller, Server, TestNamespace, server};

use super::life::follow;
use super::{helm_chart, object};

const SECRET: &str = "a secret that the build has, too";

const SHOP: &str = "
apiVersion: v1
kind: ServiceAccount
metadata: {name: deployer}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: receiver}
---
apiVersion: sluice.dev/v1alpha1
kind: Pipeline
metadata: {name: deploy-component}
spec:
  serviceAccountName: deployer
  params: [{name: environment}, {name: component}, {name: version}, {name: sha}]
  stages:
  - name: deploy
    steps:
    - name: note
      set: {values: {text: '${{ params.component }} ${{ params.version }} in ${{ params.environment }}'}}
---
apiVersion: sluice.dev/v1alpha1
kind: Environment
metadata: {name: staging}
spec:
  components: [{name: web, onUpdate: {deploy: {pipelineRef: {name: deploy-component}}}}]
---
apiVersion: sluice.dev/v1alpha1
kind: Receiver
metadata: {name: builds}
spec:
  component: {environments: [staging]}
  serviceAccountName: receiver
  secretRef: {name: builds}
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_gets_through_the_installed_server_to_a_deployed_component() {
    let cluster = Cluster::connect().await;
    sluice_tests::fixture::install(&cluster).await;
    let (shop, system) = (TestNamespace::new(&cluster, "shop").await, TestNamespace::new(&cluster, "system").await);
    let (namespace, release) = (shop.name(), system.name());
    shop.apply(SHOP);
    let secret =
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "builds"}, "stringData": {"secret": SECRET}});
    shop.apply(&secret.to_string());

    let values = format!(
        "crds.install=false,rbac.aggregate=false,policies.install=false,watchNamespace={namespace},fullnameOverride=ours,\
         server.enabled=true"
    );
    let more = ["--set", &values, "--wait", "--timeout=2m"];
    let notes = helm_chart(&cluster, "install", release, release, &more).expect("an installation");
    let address = format!("http://ours-server.{release}.svc/receivers/{namespace}/builds");
    assert!(notes.contains(&address), "{notes}");
    follow(&cluster, &notes, 8);

    let objects = cluster.helm(&["get", "manifest", release, "--namespace", release]).expect("the manifest");
    let objects: Vec<Value> = serde_saphyr::from_multiple(&objects).expect("YAML");
    let mut kinds: Vec<&str> = objects.iter().filter_map(|object| object["kind"].as_str()).collect();
    kinds.retain(|kind| kind.starts_with("Cluster"));
    assert_eq!(kinds, Vec::<&str>::new(), "Roles in the namespace do");
    let process = |name: &str| {
        let container = &object(&objects, "Deployment", name)["spec"]["template"]["spec"]["containers"][0];
        let arguments: Vec<String> = serde_json::from_value(container["args"].clone()).expect("arguments");
        // Here the ports may be taken.
        let takes_port = |argument: &String| argument.contains("listen=");
        let arguments = arguments[1..].iter().filter(|argument| !takes_port(argument)).cloned().collect::<Vec<_>>();
        ((release.to_owned(), name.to_owned()), arguments)
    };
    let (account, mut arguments) = process("ours-controller");
    arguments.push("--listen=127.0.0.1:0".to_owned());
    let options = Options { namespace: None, account, arguments, ..Options::in_namespace("") };
    let controller = Controller::start(&cluster, options).await.expect("a controller");
    let (account, arguments) = process("ours-server");
    let options = server::Options { namespace: None, account, arguments, ..server::Options::in_namespace("") };
    let server = Server::start(&cluster, options).await.expect("a server");

    let wait = |condition: &str, object: &str| {
        let condition = format!("--for=condition={condition}");
        let wait = ["wait", &condition, object, "-n", namespace, "--timeout=60s"];
        cluster.kubectl(&wait).unwrap_or_else(|error| {
            let found = cluster.kubectl(&["get", object, "-n", namespace, "-o", "yaml"]);
            panic!("{error:#}: {found:?}\n{}", server.log())
        })
    };
    wait("Ready", "rcv/builds");
    let report =
        json!({"id": "build-17", "sequence": 17, "environment": "staging", "component": "web", "version": "1.4.2"});
    let body = report.to_string();
    let request = cluster.http().post(server.url_of(namespace, "builds"));
    let request =
        request.header(sluice_server::COMPONENT_HEADER, sluice_server::sign(SECRET.as_bytes(), body.as_bytes()));
    let answer = request.body(body).send().await.expect("an answer");
    assert_eq!(answer.status(), 202);
    let answer: Value = serde_json::from_str(&answer.text().await.expect("a body")).expect("JSON");
    let name = answer["name"].as_str().expect("a name");
    wait("Deployed", &format!("cu/{name}"));
    let text = ["get", "plr", name, "-n", namespace, "-o", "jsonpath={.status.stages[0].steps[0].outputs.text}"];
    assert_eq!(cluster.kubectl(&text).expect("the run"), "web 1.4.2 in staging");

    for log in [controller.log(), server.log()] {
        assert!(!log.to_lowercase().contains("forbidden"), "{log}");
    }
    cluster.helm(&["uninstall", release, "--namespace", release]).expect("its end");
}
