//! The functions that an expression may call.
//!
//! The list is closed, and none of them reads the clock or anything random. Most are CEL's own, called through it; each
//! such entry may have a guard, which pays for or refuses what the function would do unbounded. The rest is written
//! here, as Kubernetes defines it.
//!
//! A function is one line of one list: its signature and how it runs. The signatures are what the check knows, too.

mod lists;
mod math;
mod quantity;
mod regular;
mod semantic;
mod sets;
mod signature;
mod standard;
mod strings;
mod url;

use std::collections::BTreeMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, LazyLock};

use cel::common::ast::{CallExpr, Expr, IdedExpr};
use cel::common::value::Val;
use cel::objects::OptionalValue;
use cel::{Context, Env, ExecutionError, Value, extensions};

pub(crate) use self::regular::compile as compile_regex;
pub(crate) use self::signature::Signature;
use crate::convert::measure;
use crate::meter::{Meter, Refusal};
use crate::{ErrorKind, Type};

/// How a function runs. Its values are the receiver, if it has one, and the arguments.
#[derive(Clone, Copy)]
enum Run {
    /// By CEL; the time and the result are linear in the size of the values.
    Cel,
    /// By CEL, once this has paid for it.
    Guarded(fn(&mut Meter, &[Value]) -> Result<(), Refusal>),
    /// Here.
    Here(fn(&mut Meter, &[Value]) -> Result<Value, Refusal>),
}

type List = &'static [(&'static str, Run)];

/// Every function there is.
const LISTS: &[List] = &[
    standard::FUNCTIONS,
    strings::FUNCTIONS,
    regular::FUNCTIONS,
    lists::FUNCTIONS,
    sets::FUNCTIONS,
    math::FUNCTIONS,
    semantic::FUNCTIONS,
    quantity::FUNCTIONS,
    url::FUNCTIONS,
];

/// One overload of a function.
pub(crate) struct Function {
    pub(crate) signature: Signature,
    run: Run,
    /// The call as CEL evaluates it, over variables that stand for the values.
    call: IdedExpr,
}

/// All overloads of one name.
#[derive(Default)]
pub(crate) struct Overloads {
    pub(crate) functions: Vec<Function>,
}

static TABLE: LazyLock<BTreeMap<&'static str, Overloads>> = LazyLock::new(|| {
    let mut table: BTreeMap<&'static str, Overloads> = BTreeMap::new();
    for (text, run) in LISTS.iter().copied().flatten() {
        let signature = Signature::parse(text);
        let overloads = table.entry(signature.name).or_default();
        overloads.functions.push(Function { call: call(&signature), signature, run: *run });
    }
    table
});

/// CEL with all that its functions need; never used to parse.
static ENV: LazyLock<Arc<Env>> = LazyLock::new(|| {
    let mut env = Env::stdlib();
    for extension in [extensions::strings, extensions::lists, extensions::math, extensions::encoders] {
        // It fails on a function that is there already; the test of all signatures notices one that is not.
        let _ = env.add_extension(extension);
    }
    Arc::new(env)
});

/// The variables that stand for the values of a call.
const VALUES: [&str; 5] = ["v0", "v1", "v2", "v3", "v4"];

fn call(signature: &Signature) -> IdedExpr {
    let mut values = VALUES.iter().map(|name| IdedExpr { id: 0, expr: Expr::Ident((*name).to_owned()) });
    let target = match signature.receiver {
        Some(_) => values.next().map(Box::new),
        None => None,
    };
    IdedExpr {
        id: 0,
        expr: Expr::Call(CallExpr {
            func_name: signature.name.to_owned(),
            target,
            args: values.take(signature.arguments.len()).collect(),
        }),
    }
}

/// The signatures of every function that an expression may call, such as `string.split(string, int) -> list<string>`.
pub fn signatures() -> impl Iterator<Item = &'static str> {
    LISTS.iter().copied().flatten().map(|(text, _)| *text)
}

/// The overloads of a name.
pub(crate) fn find(name: &str) -> Option<&'static Overloads> {
    TABLE.get(name)
}

/// Every name, with its namespace.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    TABLE.keys().copied()
}

/// Whether `name.f(...)` may be a function rather than a call on a variable.
pub(crate) fn is_namespace(name: &str) -> bool {
    names().any(|n| n.split_once('.').is_some_and(|(space, _)| space == name))
}

/// Calls a function on values: the receiver, if it is called on one, and the arguments.
pub(crate) fn invoke(meter: &mut Meter, name: &str, member: bool, values: &[Value]) -> Result<Value, Refusal> {
    let overloads = find(name).ok_or_else(|| Refusal::r#type(format!("there is no function `{name}`")))?;
    let function = overloads
        .functions
        .iter()
        .find(|f| f.signature.receiver.is_some() == member && f.signature.takes(values))
        .ok_or_else(|| no_overload(overloads, name, member, values))?;
    match function.run {
        Run::Here(run) => run(meter, values),
        Run::Guarded(guard) => {
            guard(meter, values)?;
            through_cel(meter, function, values)
        }
        Run::Cel => through_cel(meter, function, values),
    }
}

fn through_cel(meter: &mut Meter, function: &Function, values: &[Value]) -> Result<Value, Refusal> {
    for value in values {
        // CEL copies what it is given.
        measure(value, meter)?;
    }
    let name = function.signature.name;
    // CEL's functions are not ours to vouch for: a panic in one ends the evaluation, not the process.
    let result = catch_unwind(AssertUnwindSafe(|| {
        let mut context = Context::with_env(Arc::clone(&ENV));
        for (variable, value) in VALUES.iter().zip(values) {
            let value: Box<dyn Val> = value.clone().try_into()?;
            context.add_variable_as_val(*variable, value);
        }
        Value::resolve(&function.call, &context)
    }));
    match result {
        Ok(Ok(value)) => {
            measure(&value, meter)?;
            Ok(value)
        }
        Ok(Err(error)) => Err(refusal(name, error)),
        Err(_) => Err(Refusal::new(ErrorKind::Internal, format!("`{name}` failed on these values"))),
    }
}

/// CEL's errors in our words.
fn refusal(name: &str, error: ExecutionError) -> Refusal {
    match error {
        ExecutionError::FunctionError { message, .. } => Refusal::failed(format!("`{name}`: {message}")),
        ExecutionError::NoSuchOverload(_) | ExecutionError::UnexpectedType { .. } => {
            Refusal::r#type(format!("`{name}` is not defined for these values"))
        }
        other => Refusal::failed(format!("`{name}`: {other}")),
    }
}

fn no_overload(overloads: &Overloads, name: &str, member: bool, values: &[Value]) -> Refusal {
    let mut types = values.iter().map(type_name);
    let given = match (member, types.next()) {
        (true, Some(receiver)) => {
            let arguments: Vec<_> = types.collect();
            format!("{receiver}.{name}({})", arguments.join(", "))
        }
        (_, first) => {
            let arguments: Vec<_> = first.into_iter().chain(types).collect();
            format!("{name}({})", arguments.join(", "))
        }
    };
    Refusal::r#type(format!("there is no `{given}`; there is {}", overloads.listed()))
}

impl Overloads {
    /// All signatures, for a message.
    pub(crate) fn listed(&self) -> String {
        let signatures: Vec<_> = self.functions.iter().map(|f| format!("`{}`", f.signature.text)).collect();
        signatures.join(", ")
    }
}

/// Values of our own that CEL does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Opaque {
    /// The name of a type: what `type(x)` returns, and what `int` is as a name.
    Type(&'static str),
    Semver(semantic::Version),
    Quantity(quantity::Quantity),
    Url(url::Url),
}

impl cel::objects::Opaque for Opaque {
    fn runtime_type_name(&self) -> &str {
        match self {
            Self::Type(_) => "type",
            Self::Semver(_) => "semver",
            Self::Quantity(_) => "quantity",
            Self::Url(_) => "url",
        }
    }
}

impl fmt::Display for Opaque {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Type(name) => f.write_str(name),
            Self::Semver(version) => version.fmt(f),
            Self::Quantity(quantity) => quantity.fmt(f),
            Self::Url(url) => url.fmt(f),
        }
    }
}

impl Opaque {
    pub(crate) fn of(opaque: &Arc<dyn cel::objects::Opaque>) -> Option<&Self> {
        opaque.downcast_ref::<Self>()
    }

    pub(crate) fn into_value(self) -> Value {
        Value::Opaque(Arc::new(self))
    }

    fn in_value(value: &Value) -> Option<&Self> {
        match value {
            Value::Opaque(opaque) => Self::of(opaque),
            _ => None,
        }
    }
}

/// The value of an optional, if it is one: absent or there.
pub(crate) fn optional(opaque: &Arc<dyn cel::objects::Opaque>) -> Option<Option<&Value>> {
    Some(opaque.downcast_ref::<OptionalValue>()?.value())
}

/// An optional.
pub(crate) fn to_optional(value: Option<Value>) -> Value {
    Value::Opaque(Arc::new(match value {
        Some(value) => OptionalValue::of(value),
        None => OptionalValue::none(),
    }))
}

/// The type of a value, without the types of what is in it.
pub(crate) fn type_of(value: &Value) -> Type {
    match value {
        Value::Null => Type::Null,
        Value::Bool(_) => Type::Bool,
        Value::Int(_) => Type::Int,
        Value::UInt(_) => Type::Uint,
        Value::Float(_) => Type::Double,
        Value::String(_) => Type::String,
        Value::Bytes(_) => Type::Bytes,
        Value::Timestamp(_) => Type::Timestamp,
        Value::Duration(_) => Type::Duration,
        Value::List(_) => Type::list(Type::Any),
        Value::Map(_) | Value::Struct(_) => Type::map(Type::Any),
        Value::Opaque(opaque) => match Opaque::of(opaque) {
            Some(Opaque::Semver(_)) => Type::Semver,
            Some(Opaque::Quantity(_)) => Type::Quantity,
            Some(Opaque::Url(_)) => Type::Url,
            Some(Opaque::Type(_)) => Type::Any,
            None => Type::Optional(Box::new(Type::Any)),
        },
        Value::Function(..) => Type::Any,
    }
}

/// The name of a value's type, as CEL writes it.
pub(crate) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null_type",
        Value::Bool(_) => "bool",
        Value::Int(_) => "int",
        Value::UInt(_) => "uint",
        Value::Float(_) => "double",
        Value::String(_) => "string",
        Value::Bytes(_) => "bytes",
        Value::Timestamp(_) => "google.protobuf.Timestamp",
        Value::Duration(_) => "google.protobuf.Duration",
        Value::List(_) => "list",
        Value::Map(_) | Value::Struct(_) => "map",
        Value::Opaque(opaque) => match Opaque::of(opaque) {
            Some(Opaque::Semver(_)) => "semver",
            Some(Opaque::Quantity(_)) => "quantity",
            Some(Opaque::Url(_)) => "kubernetes.URL",
            Some(Opaque::Type(_)) => "type",
            None => "optional_type",
        },
        Value::Function(..) => "function",
    }
}

/// The type that a name stands for, where no variable has that name.
pub(crate) fn type_named(name: &str) -> Option<Value> {
    const NAMES: [&str; 12] =
        ["bool", "int", "uint", "double", "string", "bytes", "list", "map", "null_type", "type", "semver", "quantity"];
    let name = NAMES.iter().find(|n| **n == name)?;
    Some(Opaque::Type(name).into_value())
}

/// Calls a function of one value that returns text.
pub(crate) fn text(name: &str, value: &Value) -> Result<String, Refusal> {
    // The value is within the bounds already, and so is one pass over it.
    match invoke(&mut Meter::start(), name, false, std::slice::from_ref(value))? {
        Value::String(text) => Ok(text.as_ref().clone()),
        other => Err(Refusal::new(ErrorKind::Internal, format!("`{name}` returned {}", type_of(&other)))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A value that a signature's word stands for.
    fn sample(word: &str) -> Value {
        let made = |name: &str, text: &str| invoke(&mut Meter::start(), name, false, &[Value::from(text)]).unwrap();
        match word {
            "bool" => Value::Bool(true),
            "int" => Value::Int(1),
            "uint" => Value::UInt(1),
            "double" => Value::Float(1.0),
            "bytes" => Value::Bytes(Arc::new(b"a".to_vec())),
            "map" => Value::Map(cel::objects::Map { map: Arc::default() }),
            "timestamp" => made("timestamp", "2026-01-02T03:04:05Z"),
            "duration" => made("duration", "90s"),
            "semver" => made("semver", "1.2.3"),
            "quantity" => made("quantity", "1Gi"),
            "url" => made("url", "https://a.example/b"),
            "list<T>" => Value::from(vec![Value::Int(1), Value::Int(2)]),
            "optional<T>" => to_optional(Some(Value::Int(1))),
            "any" | "T" => Value::Int(1),
            list if list.starts_with("list") => Value::from(vec!["a", "b"]),
            _ => Value::from("a"),
        }
    }

    #[test]
    fn every_function_of_every_list_runs() {
        for text in signatures() {
            let signature = Signature::parse(text);
            let head = text.split(" -> ").next().unwrap();
            let (path, arguments) = head.trim_end_matches(')').split_once('(').unwrap();
            let receiver = signature.receiver.as_ref().map(|_| path.rsplit_once('.').unwrap().0);
            let arguments = arguments.split(", ").filter(|word| !word.is_empty() && *word != "...");
            let values: Vec<Value> = receiver.into_iter().chain(arguments).map(sample).collect();
            let name = signature.name;
            if let Err(refusal) = invoke(&mut Meter::start(), name, receiver.is_some(), &values) {
                // It may not like the sample; it must know the types.
                assert_eq!(refusal.kind, ErrorKind::Failed, "{text}: {}", refusal.message);
                assert!(!refusal.message.contains("Undeclared"), "{text}: {}", refusal.message);
            }
        }
    }

    #[test]
    fn no_function_reads_the_clock() {
        assert!(names().all(|name| !name.to_lowercase().contains("now") && !name.contains("rand")));
    }
}
