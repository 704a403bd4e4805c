//! Which Environment a stage is bound to.

use sluice_expr::{Code as ExpressionCode, Type, may_interpolate};

use super::{Check, view::View};
use crate::{Code, names, sight::Moment};

impl Check<'_> {
    /// Checks the name of an Environment. It is rendered when the run is made, before anything of it has started.
    pub(super) fn bound_to(&mut self, name: &str, path: String) {
        if !may_interpolate(name) {
            if !names::is_object_name(name) {
                let message = format!("{name:?} is no name of an Environment");
                self.mistake(Code::InvalidValue, path, message, names::OBJECT_NAME_HELP.to_owned());
            }
            return;
        }
        let view = View::at(self.outline, Moment::RunBegins);
        let Some(template) = self.text(name, &view, &path) else { return };
        match template.result_type(&view.names) {
            Type::String | Type::Any => {}
            other => {
                let message = format!("the name of an Environment is a text, and this yields {other}");
                let help = "read a parameter of type String, or write text around the `${{ }}`".to_owned();
                self.mistake(Code::Expression(ExpressionCode::TypeMismatch), path, message, help);
            }
        }
    }
}
