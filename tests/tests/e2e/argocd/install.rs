//! The real Argo CD installs Sluice with `deploy/argocd/application.yaml`, from a repository with the chart.

use std::path::Path;

use serde_json::Value;
use sluice_tests::fixture::install;
use sluice_tests::{Application, Cluster, TestNamespace, helm, namespace, paths};

#[tokio::test]
async fn argocd_installs_sluice_and_keeps_it() {
    let cluster = Cluster::connect().await;
    // The definitions are there for the other tests anyway.
    install(&cluster).await;
    let test = TestNamespace::new(&cluster, "argocd").await;
    let place = namespace::unique("sluice-by-argocd");
    let mut files = Vec::new();
    collect(&helm::chart(), "charts/sluice", &mut files);
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let repo = cluster.gitea().new_repo("sluice", &files).await.expect("a repository");

    let manifest = application(&place, &repo.clone_url());
    let application = Application::create_from(&test, manifest).await.expect("an Application");
    let head = repo.head("main").await.expect("a head");
    application.wait("Synced", "Healthy", &head).await;

    let get = |what: &str, path: &str| {
        let output = format!("jsonpath={path}");
        cluster.kubectl(&["get", what, "-n", &place, "-o", &output]).unwrap_or_else(|error| panic!("{error:#}"))
    };
    let label = r"{.metadata.labels.pod-security\.kubernetes\.io/enforce}";
    assert_eq!(get(&format!("namespace/{place}"), label), "restricted");
    let deployment = format!("deployment/{place}-controller");
    let image = "{.spec.template.spec.containers[0].image}";
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(get(&deployment, image), format!("registry.example/sluice:{version}"));
    assert_eq!(get(&deployment, "{.status.availableReplicas}"), "1");

    let stamp = cluster.kubectl(&["get", "mutatingadmissionpolicy", &format!("{place}-stamp"), "-o", "name"]);
    assert!(stamp.is_ok(), "it knows what the API server serves: {stamp:?}");

    // What somebody changes by hand is set right.
    let scale = ["scale", &deployment, "-n", &place, "--replicas=0"];
    cluster.kubectl(&scale).expect("accepted");
    let available = ["wait", &deployment, "-n", &place, "--for=jsonpath={.spec.replicas}=1", "--timeout=180s"];
    cluster.kubectl(&available).expect("one replica again");

    // The Application goes first, or it would bring back what goes then.
    drop(test);
    let instance = format!("app.kubernetes.io/instance={place}");
    let policies = ["validatingadmissionpolicy", "mutatingadmissionpolicy"].map(|kind| format!("{kind},{kind}binding"));
    let of_cluster = format!("clusterrole,clusterrolebinding,{}", policies.join(","));
    cluster.kubectl(&["delete", &of_cluster, "-l", &instance]).expect("their end");
    cluster.kubectl(&["delete", "namespace", &place, "--wait=false"]).expect("its end");
}

/// The Application of `deploy/`, with the names of this test.
fn application(place: &str, repository: &str) -> Value {
    let file = paths::workspace().join("deploy/argocd/application.yaml");
    let text = std::fs::read_to_string(file).expect("the manifest");
    let names = [
        ("https://git.example/platform/sluice.git", repository.to_owned()),
        ("  name: sluice\n", format!("  name: {place}\n")),
        ("releaseName: sluice\n", format!("releaseName: {place}\n")),
        ("namespace: sluice-system\n", format!("namespace: {place}\n")),
        // The other tests' namespaces are none of its business.
        (
            "image: {repository: registry.example/sluice}\n",
            "image: {repository: registry.example/sluice}\n        policies: {namespaceSelector: {matchLabels: {sluice-tests/policies: by-argocd}}}\n".to_owned(),
        ),
    ];
    let text = names.into_iter().fold(text, |text, (old, new)| {
        assert!(text.contains(old), "application.yaml has no {old:?} any more");
        text.replace(old, &new)
    });
    serde_saphyr::from_str(&text).expect("YAML")
}

/// The files of a directory with their paths in the repository.
fn collect(directory: &Path, path: &str, files: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(directory).expect("a directory") {
        let entry = entry.expect("an entry");
        let path = format!("{path}/{}", entry.file_name().to_string_lossy());
        if entry.file_type().expect("a type").is_dir() {
            collect(&entry.path(), &path, files);
        } else {
            files.push((path, std::fs::read_to_string(entry.path()).expect("a text")));
        }
    }
}
