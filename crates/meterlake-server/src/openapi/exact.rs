//! Derived schemas made exact: a type with flattened fields becomes one object instead of a conjunction of several,
//! and an object holds no other properties than its own.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

/// What references to schemas start with.
const SCHEMAS: &str = "#/components/schemas/";
/// How deep types may be flattened into each other.
const DEEPEST: usize = 8;

/// Makes every schema of the document exact.
pub(super) fn make_exact(document: &mut Value) {
    let schemas = document["components"]["schemas"].clone();
    walk(document, &schemas);
    keep_used(document);
}

/// Takes out the schemas that nothing refers to: types that are flattened into others wherever they are used.
fn keep_used(document: &mut Value) {
    fn references(value: &Value, to: &mut Vec<String>) {
        match value {
            Value::Object(map) => {
                let name = map.get("$ref").and_then(Value::as_str).and_then(|to| to.strip_prefix(SCHEMAS));
                to.extend(name.map(str::to_owned));
                map.values().for_each(|value| references(value, to));
            }
            Value::Array(values) => values.iter().for_each(|value| references(value, to)),
            _ => {}
        }
    }
    let mut used = BTreeSet::new();
    let mut found = Vec::new();
    references(&document["paths"], &mut found);
    references(&document["components"]["responses"], &mut found);
    while let Some(name) = found.pop() {
        if used.insert(name.clone()) {
            references(&document["components"]["schemas"][name], &mut found);
        }
    }
    if let Some(schemas) = document["components"]["schemas"].as_object_mut() {
        schemas.retain(|name, _| used.contains(name));
    }
}

fn walk(value: &mut Value, schemas: &Value) {
    if value.get("allOf").is_some_and(Value::is_array) {
        let mut variants = alternatives(value, schemas, DEEPEST);
        let description = value.get("description").cloned();
        *value = match variants.len() {
            1 => Value::Object(variants.remove(0)),
            _ => json!({ "oneOf": variants }),
        };
        if let Some(description) = description {
            value["description"] = description;
        }
    }
    match value {
        Value::Object(map) => {
            if map.get("type").is_some_and(|kind| kind == "object")
                && map.get("properties").is_some_and(Value::is_object)
            {
                map.entry("additionalProperties").or_insert(Value::Bool(false));
            }
            map.values_mut().for_each(|value| walk(value, schemas));
        }
        Value::Array(values) => values.iter_mut().for_each(|value| walk(value, schemas)),
        _ => {}
    }
}

/// The objects that a schema lets through, one of which a value has to be.
fn alternatives(schema: &Value, schemas: &Value, deeper: usize) -> Vec<Map<String, Value>> {
    let named = schema.get("$ref").and_then(Value::as_str).and_then(|to| schemas.get(to.strip_prefix(SCHEMAS)?));
    if deeper == 0 {
        return Vec::new();
    }
    let of = |schema: &Value| alternatives(schema, schemas, deeper - 1);
    if let Some(named) = named {
        return of(named);
    }
    if let Some(choices) = schema.get("oneOf").and_then(Value::as_array) {
        return choices.iter().flat_map(of).collect();
    }
    if let Some(parts) = schema.get("allOf").and_then(Value::as_array) {
        return parts.iter().fold(vec![Map::new()], |so_far, part| {
            let part = of(part);
            so_far.iter().flat_map(|left| part.iter().map(|right| merged(left, right))).collect()
        });
    }
    schema.as_object().cloned().into_iter().collect()
}

/// An object with the properties of both.
fn merged(left: &Map<String, Value>, right: &Map<String, Value>) -> Map<String, Value> {
    let mut both = left.clone();
    for (name, value) in right {
        match (both.get_mut(name), value) {
            (Some(Value::Object(there)), Value::Object(more)) => there.extend(more.clone()),
            (Some(Value::Array(there)), Value::Array(more)) => there.extend(more.iter().cloned()),
            // The description of the outer type, which comes first, stays.
            (Some(_), _) => {}
            (None, _) => drop(both.insert(name.clone(), value.clone())),
        }
    }
    both
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flattened_types_are_one_closed_object_for_each_choice() {
        let used = ["Currency", "Usage", "Open"].map(|name| json!({"$ref": format!("#/components/schemas/{name}")}));
        let mut document = json!({"paths": used, "components": {"schemas": {
            "Currency": {"oneOf": [
                {"type": "object", "required": ["locale"], "properties": {"locale": {"type": "string"}}},
                {"type": "object", "required": ["code"], "properties": {"code": {"type": "string"}}},
            ]},
            "Usage": {"description": "d", "allOf": [
                {"$ref": "#/components/schemas/Currency"},
                {"type": "object", "required": ["cost"], "properties": {"cost": {"type": "number"}}},
            ]},
            "Unused": {"type": "object"},
            "Open": {"type": "object", "properties": {}, "additionalProperties": {"type": "integer"}},
        }}});
        make_exact(&mut document);
        let schemas = &document["components"]["schemas"];
        let choice = |name: &str| {
            json!({"type": "object", "required": [name, "cost"], "additionalProperties": false,
                   "properties": {name: {"type": "string"}, "cost": {"type": "number"}}})
        };
        assert_eq!(schemas["Usage"], json!({"description": "d", "oneOf": [choice("locale"), choice("code")]}));
        assert_eq!(schemas.get("Unused"), None);
        assert_eq!(schemas["Currency"]["oneOf"][0]["additionalProperties"], json!(false));
        assert_eq!(schemas["Open"]["additionalProperties"], json!({"type": "integer"}));
    }
}
