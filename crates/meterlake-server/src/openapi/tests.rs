//! The document and the routes agree.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;
use utoipa::openapi::RefOr;
use utoipa::openapi::path::ParameterIn;

use super::call::Call;
use super::{openapi_document, page};
use crate::router::table;
use crate::routing::{Documented, Family};

fn methods(route: &Documented<'_>) -> BTreeSet<String> {
    route.methods.iter().map(|method| method.as_str().to_ascii_lowercase()).collect()
}

fn method(call: &Call) -> String {
    serde_json::to_value(&call.method).unwrap().as_str().unwrap().to_owned()
}

fn parameters(call: &Call, place: ParameterIn) -> BTreeSet<String> {
    let value = |of: &ParameterIn| serde_json::to_value(of).unwrap();
    let written = call.operation.parameters.iter().flatten().filter_map(|parameter| match parameter {
        RefOr::T(parameter) => Some(parameter),
        RefOr::Ref(_) => None,
    });
    written.filter(|p| value(&p.parameter_in) == value(&place)).map(|p| p.name.clone()).collect()
}

#[test]
fn every_route_method_and_parameter_is_documented_and_no_other() {
    let mut at: BTreeMap<(String, String), String> = BTreeMap::new();
    let table = table();
    for route in table.documented() {
        let path = route.template.for_axum();
        let calls = (route.docs)();
        let mut by_path: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for call in &calls {
            let documented = route.template.documented(&call.written_out);
            let twice = at.insert((documented.clone(), method(call)), path.clone());
            assert_eq!(twice, None, "{documented} is documented of two routes");
            by_path.entry(documented.clone()).or_default().insert(method(call));
            // What is written out is a path that the route serves.
            for (name, text) in &call.written_out {
                let choices = route.template.captured().find(|(captured, _)| captured == name);
                let (_, choices) = choices.unwrap_or_else(|| panic!("{path} has no part {name}"));
                assert!(choices.is_empty() || choices.iter().any(|choice| choice == text), "{path}: {name}={text}");
            }
            let written_out: Vec<_> = call.written_out.iter().map(|(name, _)| *name).collect();
            let captured: BTreeSet<_> = route.template.captured().map(|(name, _)| name.to_owned()).collect();
            let captured = captured.into_iter().filter(|name| !written_out.contains(&name.as_str())).collect();
            assert_eq!(parameters(call, ParameterIn::Path), captured, "path parameters of {documented}");
            let known: BTreeSet<_> = route.parameters.iter().map(|name| (*name).to_owned()).collect();
            let said = parameters(call, ParameterIn::Query).into_iter();
            let said = said.map(|name| name.trim_start_matches('$').to_owned());
            let credentials = route.family.security().iter().filter_map(|scheme| scheme.parameter()).map(str::to_owned);
            let said: BTreeSet<_> = said.chain(credentials).collect();
            assert_eq!(said, known, "query parameters of {documented}");
        }
        assert!(!by_path.is_empty(), "{path} has no documentation");
        // A route of which choices are written out is documented at each of them.
        for (name, choices) in route.template.captured() {
            let written_out: BTreeSet<_> = calls
                .iter()
                .flat_map(|call| &call.written_out)
                .filter(|(of, _)| *of == name)
                .map(|(_, t)| *t)
                .collect();
            let all: BTreeSet<_> = choices.iter().map(String::as_str).collect();
            assert!(written_out.is_empty() || choices.is_empty() || written_out == all, "{path}: {name}");
        }
        let methods = methods(&route);
        for (documented, mut said) in by_path {
            // GET includes HEAD, which is worth a word of its own only where clients use it.
            if methods.contains("get") {
                said.remove("head");
            }
            assert_eq!(said, methods, "methods of {documented}");
        }
    }
}

fn operations(document: &Value) -> impl Iterator<Item = (String, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    paths.iter().flat_map(|(path, item)| {
        item.as_object().unwrap().iter().map(move |(method, operation)| (format!("{method} {path}"), operation))
    })
}

fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value.get("$ref").and_then(Value::as_str) {
        Some(to) => document.pointer(to.trim_start_matches('#')).unwrap_or_else(|| panic!("{to} leads nowhere")),
        None => value,
    }
}

#[test]
fn every_call_is_whole() {
    let document = openapi_document("http://127.0.0.1:8080");
    assert_eq!(document["openapi"], "3.1.0");
    let mut ids = BTreeSet::new();
    for (name, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap();
        assert!(ids.insert(id), "{id} names two calls");
        assert!(operation["summary"].as_str().is_some_and(|summary| summary.len() > 10), "{name}");
        assert_eq!(operation["tags"].as_array().unwrap().len(), 1, "{name}");
        let answers = operation["responses"].as_object().unwrap();
        let secured = !operation["security"].as_array().unwrap().is_empty();
        let refused = answers.contains_key("401") || answers.contains_key("403");
        assert!(refused || !secured, "{name}");
        assert!(answers.contains_key("405") && answers.contains_key("500"), "{name}");
        for (status, answer) in answers {
            let answer = resolved(&document, answer);
            let header = |name: &str| answer["headers"].get(name).is_some();
            assert!(header("Meterlake-Ignored-Parameters"), "{name} {status}");
            match status.as_str() {
                "401" => assert!(header("WWW-Authenticate"), "{name}"),
                "405" => assert!(header("Allow"), "{name}"),
                "429" | "503" => assert!(header("Retry-After"), "{name}"),
                _ => {}
            }
        }
    }
}

#[test]
fn every_reference_leads_somewhere() {
    fn references<'a>(value: &'a Value, to: &mut Vec<&'a str>) {
        match value {
            Value::Object(map) => {
                to.extend(map.get("$ref").and_then(Value::as_str));
                map.values().for_each(|value| references(value, to));
            }
            Value::Array(values) => values.iter().for_each(|value| references(value, to)),
            _ => {}
        }
    }
    let document = openapi_document("http://127.0.0.1:8080");
    let mut found = Vec::new();
    references(&document, &mut found);
    for to in &found {
        assert!(document.pointer(to.trim_start_matches('#')).is_some(), "{to}");
    }
    for kind in ["schemas", "responses", "parameters", "headers"] {
        let prefix = format!("#/components/{kind}/");
        let used: BTreeSet<&str> = found.iter().filter_map(|to| to.strip_prefix(prefix.as_str())).collect();
        let kept: BTreeSet<&str> =
            document["components"][kind].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(used, kept, "{kind}");
    }
}

#[test]
fn a_name_stands_for_one_schema() {
    let mut kept: BTreeMap<String, Value> = BTreeMap::new();
    let table = table();
    for (name, schema) in table.documented().flat_map(|route| (route.docs)()).flat_map(|call| call.schemas) {
        let schema = serde_json::to_value(schema).unwrap();
        let there = kept.entry(name.clone()).or_insert_with(|| schema.clone());
        assert_eq!(*there, schema, "{name}");
    }
}

#[test]
fn the_sections_that_it_names_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for family in Family::ALL {
        let (file, section) = family.section().split_once('#').unwrap();
        let text = std::fs::read_to_string(root.join(file)).unwrap();
        let anchor = |line: &str| {
            let heading = line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
            line.starts_with('#') && heading == section
        };
        assert!(text.lines().any(anchor), "{file} has no section {section}");
    }
}

#[test]
fn the_page_has_all_its_files() {
    let names: Vec<_> = page::FILES.iter().map(|(name, _)| *name).collect();
    let listed = page::PATH.split_once(':').unwrap().1.trim_end_matches('}');
    assert_eq!(listed.split('|').collect::<Vec<_>>(), names);
    for name in names {
        assert!(page::file(name).is_ok(), "{name}");
    }
}
