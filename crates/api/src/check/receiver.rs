//! The static check of a Receiver and of a ComponentUpdate: names that no object can have.

use super::{Mistake, object_names::object_name};
use crate::{Code, ComponentUpdateSpec, ReceiverSpec};

/// Every mistake of a Receiver, in the order of its text.
pub fn receiver(spec: &ReceiverSpec) -> Vec<Mistake> {
    let ReceiverSpec { github: _, gitea: _, component, service_account_name, secret_ref, max_requests_per_minute: _ } =
        spec;
    let environments = component.iter().flat_map(|component| component.environments.iter().enumerate());
    let environments = environments
        .map(|(index, name)| object_name(name, format!("spec.component.environments[{index}]"), "an Environment"));
    let rest = [
        object_name(service_account_name, "spec.serviceAccountName".to_owned(), "a service account"),
        object_name(&secret_ref.name, "spec.secretRef.name".to_owned(), "a Secret"),
        (!is_key(&secret_ref.key)).then(|| Mistake {
            code: Code::InvalidValue,
            path: "spec.secretRef.key".to_owned(),
            place: None,
            message: format!("{:?} is no key of a Secret", secret_ref.key),
            help: Some("use letters, digits, `-`, `_` and `.`".to_owned()),
        }),
    ];
    environments.chain(rest).flatten().collect()
}

/// Every mistake of a ComponentUpdate.
pub fn component_update(spec: &ComponentUpdateSpec) -> Vec<Mistake> {
    let receiver = spec.receiver_ref.as_ref();
    let receiver = receiver.and_then(|it| object_name(&it.name, "spec.receiverRef.name".to_owned(), "a Receiver"));
    let environment = object_name(&spec.environment, "spec.environment".to_owned(), "an Environment");
    environment.into_iter().chain(receiver).collect()
}

/// Whether a Secret takes such a key in its `data`.
fn is_key(key: &str) -> bool {
    let takes = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    !matches!(key, "." | "..") && !key.starts_with("..") && key.bytes().all(takes)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn told(mistakes: &[Mistake]) -> String {
        mistakes.iter().map(|mistake| format!("{mistake}\n")).collect()
    }

    #[test]
    fn every_name_that_no_object_can_have_is_told() {
        let spec = "
component: {environments: [staging, Production]}
serviceAccountName: Receiver
secretRef: {name: web_hooks, key: the key}
";
        let spec: ReceiverSpec = serde_saphyr::from_str(spec).unwrap();
        expect![[r#"
            spec.component.environments[1]: "Production" is no name of an Environment; use small letters, digits, `-` and `.`, with a letter or digit at both ends, 253 at most
            spec.serviceAccountName: "Receiver" is no name of a service account; use small letters, digits, `-` and `.`, with a letter or digit at both ends, 253 at most
            spec.secretRef.name: "web_hooks" is no name of a Secret; use small letters, digits, `-` and `.`, with a letter or digit at both ends, 253 at most
            spec.secretRef.key: "the key" is no key of a Secret; use letters, digits, `-`, `_` and `.`
        "#]]
        .assert_eq(&told(&receiver(&spec)));
        let spec = "{environment: Staging, component: Web 1, version: v, sequence: 1, id: '*', receiverRef: {name: A}}";
        let spec: ComponentUpdateSpec = serde_saphyr::from_str(spec).unwrap();
        expect![[r#"
            spec.environment: "Staging" is no name of an Environment; use small letters, digits, `-` and `.`, with a letter or digit at both ends, 253 at most
            spec.receiverRef.name: "A" is no name of a Receiver; use small letters, digits, `-` and `.`, with a letter or digit at both ends, 253 at most
        "#]]
        .assert_eq(&told(&component_update(&spec)));
    }

    #[test]
    fn what_can_be_has_no_mistake() {
        let spec = "{github: {}, serviceAccountName: a, secretRef: {name: a.b, key: web-hook_1.txt}}";
        let spec: ReceiverSpec = serde_saphyr::from_str(spec).unwrap();
        assert_eq!(receiver(&spec), []);
    }
}
