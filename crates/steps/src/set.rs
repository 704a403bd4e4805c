//! `set`: computes values. They are computed by rendering, before the step is performed.

use async_trait::async_trait;
use sluice_api::step::Set;
use sluice_engine::Outcome;

use crate::{Perform, StepContext};

#[async_trait]
impl Perform for Set {
    const EXAMPLE: &'static str = r#"
set:
  values:
    image: registry.example/${{ params.application }}:${{ params.version }}
    changed: ${{ steps.openPr.outputs.changed }}
"#;

    fn compute(&self, _: &StepContext<'_>) -> Outcome {
        Outcome::Succeeded(self.values.clone())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use sluice_api::StepConfig;
    use sluice_expr::Scope;

    use super::*;
    use crate::{fake_world::FakeWorld, render};

    #[test]
    fn the_outputs_are_the_values_and_keep_their_types() {
        let params = json!({"replicas": 2, "name": "web"});
        let scope = Scope::new().with("params", &params);
        let values = json!({"replicas": "${{ params.replicas + 1 }}", "image": "r/${{ params.name }}", "on": true});
        let set = serde_json::from_value(json!({"values": values})).unwrap();
        let StepConfig::Set(set) = render::config(&StepConfig::Set(set), &scope).unwrap() else { panic!() };
        let world = FakeWorld::default();
        let Outcome::Succeeded(outputs) = set.compute(&world.context()) else { panic!() };
        assert_eq!(json!(outputs), json!({"replicas": 3, "image": "r/web", "on": true}));
    }
}
