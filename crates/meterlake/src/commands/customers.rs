//! `meterlake customer …`

use anyhow::bail;
use meterlake_control::CustomerChange;

use crate::cli::{Customer, CustomerSet};
use crate::data_folder::DataFolder;
use crate::output;

pub(crate) async fn run(folder: &DataFolder, command: Customer) -> anyhow::Result<()> {
    let control = folder.control().await?;
    match command {
        Customer::List { json } => {
            let customers = control.customers().await?;
            if json {
                return output::json(&customers);
            }
            let rows = customers
                .into_iter()
                .map(|c| {
                    [
                        c.tenant_id.to_string(),
                        c.name,
                        c.offers.iter().map(|o| o.as_str()).collect::<Vec<_>>().join(", "),
                        c.currency.map(String::from).unwrap_or_default(),
                        c.budget.map(|b| b.to_string()).unwrap_or_default(),
                    ]
                })
                .collect();
            output::table(["tenant id", "name", "offers", "currency", "budget"], rows, "no customers yet")
        }
        Customer::Set(set) => {
            let id = set.tenant_id;
            let customer = control.set_customer(id, &change(*set)?).await?;
            output::json(&customer)
        }
        Customer::Remove { tenant_id } => {
            if !control.remove_customer(tenant_id).await? {
                bail!("there is no customer {tenant_id}");
            }
            output::line(&format!("removed customer {tenant_id}; its charges stay in the lake"))
        }
    }
}

fn change(set: CustomerSet) -> anyhow::Result<CustomerChange> {
    Ok(CustomerChange {
        name: set.name,
        domain: set.domain,
        offers: (!set.offers.is_empty()).then(|| set.offers.into_iter().collect()),
        currency: set.currency,
        culture: set.culture,
        billing_day: set.billing_day.map(u32::from),
        billing_utc_offset_minutes: set.billing_utc_offset.as_deref().map(offset_minutes).transpose()?,
        budget: if set.no_budget { Some(None) } else { set.budget.map(Some) },
        c3_id: set.c3_id,
    })
}

/// Reads `+05:30`, `-08:00` or `Z`.
fn offset_minutes(text: &str) -> anyhow::Result<i32> {
    if text.eq_ignore_ascii_case("z") {
        return Ok(0);
    }
    let parsed = match text.split_at_checked(1) {
        Some((sign @ ("+" | "-"), rest)) => rest
            .split_once(':')
            .filter(|(h, m)| h.len() == 2 && m.len() == 2)
            .and_then(|(h, m)| Some((h.parse::<u8>().ok()?, m.parse::<u8>().ok()?)))
            .filter(|(h, m)| *m < 60 && (*h < 14 || (*h == 14 && *m == 0)))
            .map(|(h, m)| (i32::from(h) * 60 + i32::from(m)) * if sign == "-" { -1 } else { 1 }),
        _ => None,
    };
    parsed.ok_or_else(|| anyhow::anyhow!("{text:?} is not a UTC offset such as -08:00, between -14:00 and +14:00"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utc_offsets() {
        assert_eq!(offset_minutes("-08:00").unwrap(), -480);
        assert_eq!(offset_minutes("+05:30").unwrap(), 330);
        for bad in ["8", "-8:00", "+15:00", "08:00", "+0a:00", ""] {
            assert!(offset_minutes(bad).is_err(), "{bad}");
        }
    }
}
