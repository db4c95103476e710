//! Sign-ins of B2C tenants and licences of customers, by the demo's generators.

use std::path::Path;

use anyhow::{Context as _, Result};
use meterlake_model::{CustomerTenantId, Day};
use meterlake_testkit::{generate_b2c, generate_licences};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::charges::{Estate, PARTNER};

/// Writes sign-ins, users and applications of so many tenants, each in a folder of its own, and tells what to import.
///
/// # Errors
/// When a file cannot be written.
pub fn write_b2c(dir: &Path, today: Day, seed: u64, tenants: u64) -> Result<Value> {
    let mut all = Vec::new();
    for tenant in 0..tenants {
        let made = generate_b2c(&dir.join(tenant.to_string()), today, seed.wrapping_add(tenant))?;
        let text = |path: &Path| path.display().to_string();
        all.push(json!({
            "tenant": made.tenant_id.to_string(),
            "events": made.events.iter().map(|p| text(p)).collect::<Vec<_>>(),
            "applications_file": text(&made.applications_file),
            "applications": made.applications.iter().map(|a| a.id.to_string()).collect::<Vec<_>>(),
            "users": made.users.iter().map(|(day, path)| json!({"day": day.to_string(), "file": text(path)})).collect::<Vec<_>>(),
            "days": format!("{}..{}", made.first_day, made.last_day),
            "records": made.counts.records,
        }));
    }
    Ok(Value::Array(all))
}

/// Writes licences of all customers of the estate, to be imported as one run, and tells the files.
///
/// # Errors
/// When a file cannot be written.
pub fn write_licences(dir: &Path, estate: &Estate, today: Day, seed: u64) -> Result<Value> {
    let partner: Uuid = PARTNER.parse().context("the partner's id")?;
    let tenants = estate.customers.iter().map(|customer| {
        let id: Uuid = customer.tenant_id.parse().context("a customer's id")?;
        Ok(CustomerTenantId(id))
    });
    let files = generate_licences(dir, partner, &tenants.collect::<Result<Vec<_>>>()?, today, seed)?;
    Ok(json!({
        "partner": PARTNER,
        "files": files.iter().map(|p| p.display().to_string()).collect::<Vec<_>>(),
    }))
}
