//! `fail`: stops with a message.

use async_trait::async_trait;
use sluice_api::step::Fail;
use sluice_engine::{Failure, Outcome};

use crate::{Perform, StepContext};

#[async_trait]
impl Perform for Fail {
    const EXAMPLE: &'static str = r#"
fail:
  message: ${{ params.application }} ${{ params.version }} must not be deployed
"#;

    fn compute(&self, _: &StepContext<'_>) -> Outcome {
        Outcome::Failed(Failure::definite("Failed", self.message.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake_world::FakeWorld;

    #[test]
    fn it_fails_for_good_with_its_message() {
        let outcome = Fail { message: "not on a Friday".to_owned() }.compute(&FakeWorld::default().context());
        assert_eq!(outcome, Outcome::Failed(Failure::definite("Failed", "not on a Friday")));
    }
}
