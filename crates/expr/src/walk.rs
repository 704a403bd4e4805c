//! Templates in the strings of a JSON value. Keys are never templates.

use std::fmt;

use serde_json::Value;

use crate::{Diagnostic, EvaluationError, Names, Reference, Scope, Template};

/// Something about one string of a JSON value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located<T> {
    /// Where the string is, as a person writes it: `headers["x-a"].items[0]`; empty for the value itself.
    pub path: String,
    /// What there is to say about it. Spans are of that string.
    pub what: T,
}

impl<T: fmt::Display> fmt::Display for Located<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => write!(f, "{}", self.what),
            path => write!(f, "{path}: {}", self.what),
        }
    }
}

impl<T: fmt::Display + fmt::Debug> std::error::Error for Located<T> {}

/// Renders each string in `value` as a [`Template`]; everything else stays as it is.
///
/// # Errors
///
/// The first string that does not compile or fails to render, with its path.
pub fn render_value(value: &Value, scope: &Scope<'_>) -> Result<Value, Located<EvaluationError>> {
    render_at(value, scope, &mut Path::default())
}

fn render_at(value: &Value, scope: &Scope<'_>, path: &mut Path) -> Result<Value, Located<EvaluationError>> {
    match value {
        Value::String(text) => {
            let rendered =
                Template::parse(text).map_err(EvaluationError::from).and_then(|template| template.render(scope));
            rendered.map_err(|error| path.locate(error))
        }
        Value::Array(items) => {
            let mut rendered = Vec::with_capacity(items.len());
            for (at, item) in items.iter().enumerate() {
                rendered.push(path.within(&index(at), |path| render_at(item, scope, path))?);
            }
            Ok(Value::Array(rendered))
        }
        Value::Object(members) => {
            let mut rendered = serde_json::Map::new();
            for (name, member) in members {
                let value = path.within(&key(name), |path| render_at(member, scope, path))?;
                rendered.insert(name.clone(), value);
            }
            Ok(Value::Object(rendered))
        }
        scalar => Ok(scalar.clone()),
    }
}

/// Everything known to be wrong with the templates in the strings of `value`, syntax errors included.
#[must_use]
pub fn check_value(value: &Value, names: &Names) -> Vec<Located<Diagnostic>> {
    let mut found = Vec::new();
    each_string(value, &mut Path::default(), &mut |text, path| {
        let diagnostics = match Template::parse(text) {
            Ok(template) => template.check(names),
            Err(diagnostic) => vec![diagnostic],
        };
        found.extend(diagnostics.into_iter().map(|what| path.locate(what)));
    });
    found
}

/// What the templates in the strings of `value` read. Strings that do not compile are left to [`check_value`].
#[must_use]
pub fn value_names(value: &Value) -> Vec<Located<Reference>> {
    let mut found = Vec::new();
    each_string(value, &mut Path::default(), &mut |text, path| {
        if let Ok(template) = Template::parse(text) {
            found.extend(template.names().into_iter().map(|what| path.locate(what)));
        }
    });
    found
}

fn each_string(value: &Value, path: &mut Path, visit: &mut impl FnMut(&str, &Path)) {
    match value {
        Value::String(text) => visit(text, path),
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                path.within(&index(at), |path| each_string(item, path, visit));
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                path.within(&key(name), |path| each_string(member, path, visit));
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Where the walk is.
#[derive(Default)]
struct Path(String);

impl Path {
    fn within<R>(&mut self, step: &str, go: impl FnOnce(&mut Self) -> R) -> R {
        let len = self.0.len();
        self.0.push_str(step);
        let result = go(self);
        self.0.truncate(len);
        result
    }

    fn locate<T>(&self, what: T) -> Located<T> {
        let path = self.0.strip_prefix('.').unwrap_or(&self.0);
        Located { path: path.to_owned(), what }
    }
}

fn index(at: usize) -> String {
    format!("[{at}]")
}

/// `.name`, or `["na.me"]` where that would not read as one.
fn key(name: &str) -> String {
    let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    match plain {
        true => format!(".{name}"),
        false => format!("[{name:?}]"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Type;

    #[test]
    fn each_string_is_rendered_and_the_rest_stays() {
        let params = json!({"version": "1.4.2", "n": 2});
        let config =
            json!({"image": "web:${{ params.version }}", "n": ["${{ params.n }}", 7, null], "${{ key }}": true});
        let rendered = render_value(&config, &Scope::new().with("params", &params)).unwrap();
        assert_eq!(rendered, json!({"image": "web:1.4.2", "n": [2, 7, null], "${{ key }}": true}));
    }

    #[test]
    fn errors_name_the_path() {
        let config = json!({"headers": {"x a": ["", "${{ param.n }}"]}, "url": "${{", "z": "${{ params.n.x }}"});
        let names = Names::new().with("params", Type::object([("n", Type::Int)]));
        let found: Vec<String> = check_value(&config, &names).iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            [
                "headers[\"x a\"][1]: unknown name `param`; did you mean `params`?",
                "url: `${{` has no `}}`; write `$${{` for a `${{` that is text",
                "z: `params.n` is an int and has no `x`",
            ]
        );
        let error = render_value(&config, &Scope::new()).unwrap_err();
        assert_eq!(error.to_string(), "headers[\"x a\"][1]: unknown name `param`");
    }

    #[test]
    fn what_is_read_is_listed_with_its_path() {
        let config = json!([{"a": "${{ steps.x.outputs }} ${{ run.name }}"}]);
        let found: Vec<String> =
            value_names(&config).iter().map(|l| format!("{} {}", l.path, l.what.path.join("."))).collect();
        assert_eq!(found, ["[0].a steps.x.outputs", "[0].a run.name"]);
    }
}
