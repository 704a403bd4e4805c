//! The harness itself: the cluster is real, and the played parts play well.

mod argocd;
mod controller;
mod faults;
mod gitea;
mod kubelet;
mod services;

use std::time::Duration;

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A Deployment `web` of two replicas.
fn deployment(image: &str) -> String {
    format!(
        "\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  replicas: 2
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
      containers:
      - {{name: web, image: {image}}}
"
    )
}
