//! Macros that bind a variable: `all`, `exists`, `exists_one`, `map`, `filter`, `sortBy`, `optMap`, `optFlatMap`.

use std::cmp::Ordering;

use cel::Value;
use cel::objects::Key;

use super::access::describe;
use super::{Evaluated, Evaluation, Operand, at, is_final};
use crate::EvaluationError;
use crate::convert::measure;
use crate::functions::{optional, to_optional, type_of};
use crate::meter::Refusal;
use crate::operators;
use crate::syntax::{Binary, Loop, LoopKind, Node};

impl<'s> Evaluation<'s> {
    pub(super) fn looping(&mut self, node: &'s Node, l: &'s Loop) -> Evaluated<'s> {
        let range = self.operand(&l.range)?;
        if l.kind.over_optional() {
            return self.over_optional(l, range).map(Operand::Value);
        }
        let items = self.items(l, range)?;
        // The variable has a place of its own, so that an inner loop finds the outer one's.
        self.locals.truncate(l.variable);
        self.locals.push(Operand::Value(Value::Null));
        let result = match l.kind {
            LoopKind::All => self.logical(l, items, false),
            LoopKind::Exists => self.logical(l, items, true),
            LoopKind::ExistsOne => self.exists_one(l, items),
            LoopKind::Filter => self.filter(l, items),
            LoopKind::SortBy => self.sort_by(node, l, items),
            _ => self.mapping(l, items),
        };
        self.locals.truncate(l.variable);
        let result = result?;
        if !matches!(result, Value::Bool(_)) {
            measure(&result, &mut self.meter).map_err(|refusal| at(node, refusal))?;
        }
        Ok(Operand::Value(result))
    }

    /// The elements of a list, or the keys of a map in their order.
    fn items(&mut self, l: &'s Loop, range: Operand<'s>) -> Result<Vec<Operand<'s>>, EvaluationError> {
        let node = &l.range;
        if let Operand::Data(data) = &range
            && let Some(items) = data.elements()
        {
            return self.paid(node, items.into_iter().map(Operand::Data));
        }
        let keys = match &range {
            Operand::Value(Value::List(items)) => {
                let items = items.iter().map(|item| Operand::Value(item.clone()));
                return self.paid(node, items);
            }
            _ if l.kind == LoopKind::SortBy => None,
            Operand::Value(Value::Map(map)) => {
                let mut keys: Vec<Key> = map.map.keys().cloned().collect();
                keys.sort_unstable();
                Some(keys.into_iter().map(Value::from).collect::<Vec<_>>())
            }
            Operand::Data(data) => data.keys().map(|keys| keys.into_iter().map(Value::from).collect()),
            Operand::Value(_) => None,
        };
        match keys {
            Some(keys) => self.paid(node, keys.into_iter().map(Operand::Value)),
            None => {
                let message = format!("`{}` is {}, not a list or a map", self.text(node), describe(&range));
                Err(at(node, Refusal::r#type(message)))
            }
        }
    }

    fn paid(
        &mut self,
        node: &Node,
        items: impl ExactSizeIterator<Item = Operand<'s>>,
    ) -> Result<Vec<Operand<'s>>, EvaluationError> {
        self.meter.charge(items.len() as u64).map_err(|refusal| at(node, refusal))?;
        Ok(items.collect())
    }

    fn bind(&mut self, l: &Loop, item: Operand<'s>) {
        self.locals.truncate(l.variable);
        self.locals.push(item);
    }

    /// `all` and `exists`: one element decides, even beside errors of others.
    fn logical(&mut self, l: &'s Loop, items: Vec<Operand<'s>>, decides: bool) -> Result<Value, EvaluationError> {
        let mut failed = None;
        for item in items {
            self.bind(l, item);
            match self.truth(&l.body) {
                Ok(value) if value == decides => return Ok(Value::Bool(decides)),
                Ok(_) => {}
                Err(error) if is_final(&error) => return Err(error),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        match failed {
            Some(error) => Err(error),
            None => Ok(Value::Bool(!decides)),
        }
    }

    fn exists_one(&mut self, l: &'s Loop, items: Vec<Operand<'s>>) -> Result<Value, EvaluationError> {
        let mut found = 0;
        for item in items {
            self.bind(l, item);
            found += usize::from(self.truth(&l.body)?);
        }
        Ok(Value::Bool(found == 1))
    }

    fn filter(&mut self, l: &'s Loop, items: Vec<Operand<'s>>) -> Result<Value, EvaluationError> {
        let mut kept = Vec::new();
        for item in items {
            self.bind(l, item.clone());
            if self.truth(&l.body)? {
                kept.push(self.read(item).map_err(|refusal| at(&l.range, refusal))?);
            }
        }
        Ok(Value::from(kept))
    }

    fn mapping(&mut self, l: &'s Loop, items: Vec<Operand<'s>>) -> Result<Value, EvaluationError> {
        let mut mapped = Vec::with_capacity(items.len());
        for item in items {
            self.bind(l, item);
            if let Some(filter) = &l.filter
                && !self.truth(filter)?
            {
                continue;
            }
            mapped.push(self.value(&l.body)?);
        }
        Ok(Value::from(mapped))
    }

    fn sort_by(&mut self, node: &Node, l: &'s Loop, items: Vec<Operand<'s>>) -> Result<Value, EvaluationError> {
        let mut keyed = Vec::with_capacity(items.len());
        for item in items {
            self.bind(l, item.clone());
            let key = self.value(&l.body)?;
            let value = self.read(item).map_err(|refusal| at(&l.range, refusal))?;
            keyed.push((key, value));
        }
        self.sort(&mut keyed).map_err(|refusal| at(node, refusal))?;
        let sorted: Vec<Value> = keyed.into_iter().map(|(_, value)| value).collect();
        Ok(Value::from(sorted))
    }

    fn sort(&mut self, keyed: &mut [(Value, Value)]) -> Result<(), Refusal> {
        let Some((first, _)) = keyed.first() else {
            return Ok(());
        };
        let mut bytes = 0;
        for (key, _) in keyed.iter() {
            if type_of(first) != type_of(key) {
                return Err(Refusal::r#type("the keys to sort by are of several types"));
            }
            operators::compare(&mut self.meter, Binary::Less, first, key)?;
            bytes += measure(key, &mut self.meter)?;
        }
        let passes = keyed.len().ilog2() as usize + 2;
        self.meter.charge_product(passes, bytes)?;
        keyed.sort_by(|(a, _), (b, _)| operators::order(a, b).unwrap_or(Ordering::Equal));
        Ok(())
    }

    fn over_optional(&mut self, l: &'s Loop, range: Operand<'s>) -> Result<Value, EvaluationError> {
        let inner = match &range {
            Operand::Value(Value::Opaque(opaque)) => optional(opaque).map(|v| v.cloned()),
            _ => None,
        };
        let Some(inner) = inner else {
            let message = format!("`{}` is {}, not an optional", self.text(&l.range), describe(&range));
            return Err(at(&l.range, Refusal::r#type(message)));
        };
        let Some(inner) = inner else {
            return Ok(to_optional(None));
        };
        self.bind(l, Operand::Value(inner));
        let result = self.value(&l.body);
        self.locals.truncate(l.variable);
        let result = result?;
        match (&result, l.kind) {
            (_, LoopKind::OptMap) => Ok(to_optional(Some(result))),
            (Value::Opaque(opaque), _) if optional(opaque).is_some() => Ok(result),
            _ => {
                let message = format!("`optFlatMap` needs an optional, not {}", type_of(&result));
                Err(at(&l.body, Refusal::r#type(message)))
            }
        }
    }
}
