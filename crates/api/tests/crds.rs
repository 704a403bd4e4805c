//! The committed definitions are the generated ones. `SLUICE_GENERATE=1` (which `make generate` sets) writes them.

use std::{env, fs, path::Path};

#[test]
fn the_committed_definitions_are_the_generated_ones() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crds");
    for crd in sluice_api::crds() {
        let file = dir.join(format!("{}.yaml", crd.spec.names.plural));
        let generated = sluice_api::crd_to_yaml(&crd).unwrap();
        if env::var_os("SLUICE_GENERATE").is_some() {
            fs::write(&file, generated).unwrap();
        } else {
            let committed = fs::read_to_string(&file).unwrap_or_default();
            assert!(committed == generated, "{} is stale: run `make generate`", file.display());
        }
    }
}
