//! Full snapshots of Graph `users`, one a week.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use meterlake_model::Day;
use serde_json::{Value, json};

use super::super::draw::Draw;
use super::activity::{Tenant, User};
use super::{DemoB2cCounts, DemoUserCount};

/// Snapshots, the last of them today.
const WEEKS: i64 = 13;
/// Users of a page.
const PAGE: usize = 250;

/// Writes the snapshots and counts them.
pub(super) fn write(
    dir: &Path,
    tenant: &Tenant,
    today: Day,
    draw: &mut Draw,
    counts: &mut DemoB2cCounts,
) -> Result<Vec<(Day, PathBuf)>> {
    fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    // How each user signs in stays the same from week to week.
    let signs_in: Vec<Value> = tenant.users.iter().map(|user| identities(tenant, user, draw)).collect();
    let mut paths = Vec::new();
    for week in (0..WEEKS).rev() {
        let day = today.plus(-7 * week).context("no day before")?;
        let alive = tenant.users.iter().take_while(|u| u.created <= day).count();
        let mut count = DemoUserCount::default();
        for user in &tenant.users[..alive] {
            add(&mut count, user);
        }
        counts.users.insert(day, count);
        let all: Vec<usize> = (0..alive).collect();
        let pages = all.chunks(PAGE).map(|page| -> Value {
            let users = page.iter().map(|at| {
                let user = &tenant.users[*at];
                json!({
                    "id": user.id.to_string(),
                    "createdDateTime": format!("{}T09:00:00Z", user.created),
                    "identities": signs_in[*at],
                })
            });
            json!({
                "@odata.context": "https://graph.microsoft.com/v1.0/$metadata#users(id,createdDateTime,identities)",
                "value": users.collect::<Vec<_>>(),
            })
        });
        let mut text = String::new();
        for page in pages {
            text.push_str(&serde_json::to_string(&page)?);
            text.push('\n');
        }
        let path = dir.join(format!("users-{day}.json"));
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        paths.push((day, path));
    }
    Ok(paths)
}

fn add(count: &mut DemoUserCount, user: &User) {
    count.total += 1;
    match (user.provider, user.staff) {
        (Some(provider), _) => {
            count.alternate += 1;
            *count.by_provider.entry(provider.replace('.', "_")).or_default() += 1;
        }
        (None, true) => count.other += 1,
        (None, false) => count.local += 1,
    }
}

/// What a user signs in with. Everyone has a principal name; customers have something else before it.
fn identities(tenant: &Tenant, user: &User, draw: &mut Draw) -> Value {
    let principal = json!({"signInType": "userPrincipalName", "issuer": tenant.domain,
        "issuerAssignedId": format!("{}@{}", user.id, tenant.domain)});
    let number = draw.between(100_000_000, 999_999_999);
    let own = |kind: &str, id: String| json!({"signInType": kind, "issuer": tenant.domain, "issuerAssignedId": id});
    let first = match user.provider {
        Some(provider) => {
            json!({"signInType": "federated", "issuer": provider, "issuerAssignedId": number.to_string()})
        }
        None if user.staff => return json!([principal]),
        None if draw.one_in(8) => own("phoneNumber", format!("+1555{}", number % 10_000_000)),
        None if draw.one_in(6) => own("userName", format!("customer{number}")),
        None => own("emailAddress", format!("customer{number}@mail.example")),
    };
    json!([first, principal])
}
