//! Customers of a CSP partner.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use meterlake_model::{Amount, CurrencyCode, CustomerTenantId, Offer};
use serde_json::json;
use sqlx::SqliteConnection;
use uuid::Uuid;

use crate::stored::{instant, micros, number, parse, parse_opt};
use crate::{Control, ControlError};

/// A customer. Where an operator set a value it is that, else what imports saw last.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Customer {
    /// Microsoft tenant id.
    pub tenant_id: CustomerTenantId,
    /// Name, empty if unknown.
    pub name: String,
    /// Domain.
    pub domain: Option<String>,
    /// Offers it bought.
    pub offers: BTreeSet<Offer>,
    /// Currency of its totals.
    pub currency: Option<CurrencyCode>,
    /// Culture that goes with the currency, for example `en-US`.
    pub culture: Option<String>,
    /// Day of the month on which an MS-AZR-0145P billing period starts (1 to 28, by default 1).
    pub billing_day: u32,
    /// UTC offset of an MS-AZR-0145P billing period, in minutes (by default 0).
    pub billing_utc_offset_minutes: i32,
    /// Spending budget of a period.
    pub budget: Option<Amount>,
    /// Id in C3.
    pub c3_id: Option<Uuid>,
    /// When the record was last changed.
    pub updated_at: DateTime<Utc>,
}

/// What an operator changes of a customer; `None` leaves a value as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CustomerChange {
    /// Name.
    pub name: Option<String>,
    /// Domain.
    pub domain: Option<String>,
    /// All of its offers. An empty set goes back to what imports saw.
    pub offers: Option<BTreeSet<Offer>>,
    /// Currency of its totals.
    pub currency: Option<CurrencyCode>,
    /// Culture, for example `en-US`.
    pub culture: Option<String>,
    /// First day of a billing period, 1 to 28.
    pub billing_day: Option<u32>,
    /// UTC offset of a billing period in minutes, -840 to 840.
    pub billing_utc_offset_minutes: Option<i32>,
    /// Budget: `Some(None)` takes it away.
    pub budget: Option<Option<Amount>>,
    /// Id in C3.
    pub c3_id: Option<Uuid>,
}

/// A customer as an import saw it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct CustomerSeen {
    /// Microsoft tenant id.
    pub tenant_id: CustomerTenantId,
    /// Name, if the source has it.
    pub name: Option<String>,
    /// Domain, if the source has it.
    pub domain: Option<String>,
    /// Offer that the charges prove.
    pub offer: Option<Offer>,
    /// Billing currency of the charges.
    pub currency: Option<CurrencyCode>,
}

#[derive(sqlx::FromRow)]
struct Row {
    tenant_id: String,
    name: Option<String>,
    domain: Option<String>,
    currency: Option<String>,
    culture: Option<String>,
    billing_day: Option<i64>,
    billing_utc_offset_minutes: Option<i64>,
    budget: Option<String>,
    c3_id: Option<String>,
    updated_at: i64,
}

impl Row {
    fn into_customer(self, offers: BTreeSet<Offer>) -> Result<Customer, ControlError> {
        Ok(Customer {
            tenant_id: parse("customers.tenant_id", &self.tenant_id)?,
            name: self.name.unwrap_or_default(),
            domain: self.domain,
            offers,
            currency: parse_opt("customers.currency", self.currency.as_deref())?,
            culture: self.culture,
            billing_day: number("customers.billing_day", self.billing_day.unwrap_or(1))?,
            billing_utc_offset_minutes: number(
                "customers.billing_utc_offset_minutes",
                self.billing_utc_offset_minutes.unwrap_or(0),
            )?,
            budget: parse_opt("customers.budget", self.budget.as_deref())?,
            c3_id: parse_opt("customers.c3_id", self.c3_id.as_deref())?,
            updated_at: instant(self.updated_at),
        })
    }
}

/// `?1` is the customer, or null for all of them.
const SELECT: &str = "
    SELECT tenant_id, coalesce(name, seen_name) AS name, coalesce(domain, seen_domain) AS domain,
           coalesce(currency, seen_currency) AS currency, culture, billing_day, billing_utc_offset_minutes,
           budget, c3_id, updated_at
    FROM customers WHERE ?1 IS NULL OR tenant_id = ?1 ORDER BY tenant_id";

const SELECT_OFFERS: &str = "
    SELECT tenant_id, offer FROM customer_offers AS o
    WHERE (?1 IS NULL OR tenant_id = ?1)
      AND by_operator = (SELECT max(by_operator) FROM customer_offers AS p WHERE p.tenant_id = o.tenant_id)";

async fn read(connection: &mut SqliteConnection, id: Option<CustomerTenantId>) -> Result<Vec<Customer>, ControlError> {
    let id = id.map(|id| id.to_string());
    let rows: Vec<Row> = sqlx::query_as(SELECT).bind(&id).fetch_all(&mut *connection).await?;
    let offer_rows: Vec<(String, String)> = sqlx::query_as(SELECT_OFFERS).bind(&id).fetch_all(connection).await?;
    let mut offers: BTreeMap<String, BTreeSet<Offer>> = BTreeMap::new();
    for (tenant, offer) in offer_rows {
        offers.entry(tenant).or_default().insert(parse("customer_offers.offer", &offer)?);
    }
    rows.into_iter()
        .map(|row| {
            let own = offers.remove(&row.tenant_id).unwrap_or_default();
            row.into_customer(own)
        })
        .collect()
}

impl Control {
    /// All customers, by tenant id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn customers(&self) -> Result<Vec<Customer>, ControlError> {
        let mut tx = self.pool.begin().await?;
        read(&mut tx, None).await
    }

    /// One customer.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn customer(&self, id: CustomerTenantId) -> Result<Option<Customer>, ControlError> {
        let mut tx = self.pool.begin().await?;
        Ok(read(&mut tx, Some(id)).await?.pop())
    }

    /// The customer of that C3 id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn customer_by_c3_id(&self, c3_id: Uuid) -> Result<Option<Customer>, ControlError> {
        let mut tx = self.pool.begin().await?;
        let id: Option<String> = sqlx::query_scalar("SELECT tenant_id FROM customers WHERE c3_id = ?")
            .bind(c3_id.to_string())
            .fetch_optional(&mut *tx)
            .await?;
        match id {
            Some(id) => Ok(read(&mut tx, Some(parse("customers.tenant_id", &id)?)).await?.pop()),
            None => Ok(None),
        }
    }

    /// Adds the customer if it is new, and sets what `change` gives.
    ///
    /// # Errors
    /// [`ControlError::Invalid`] for a billing day or offset out of range, [`ControlError::Conflict`] when another
    /// customer has the C3 id.
    pub async fn set_customer(&self, id: CustomerTenantId, change: &CustomerChange) -> Result<Customer, ControlError> {
        check(change)?;
        let mut tx = self.write().await?;
        let now = micros(self.now());
        if let Some(c3_id) = change.c3_id {
            let other: Option<String> =
                sqlx::query_scalar("SELECT tenant_id FROM customers WHERE c3_id = ? AND tenant_id <> ?")
                    .bind(c3_id.to_string())
                    .bind(id.to_string())
                    .fetch_optional(&mut *tx)
                    .await?;
            if let Some(other) = other {
                let reason = format!("belongs to customer {other}");
                return Err(ControlError::Conflict { what: "C3 id", id: c3_id.to_string(), reason });
            }
        }
        sqlx::query(
            "INSERT INTO customers (tenant_id, created_at, updated_at) VALUES (?1, ?2, ?2)
             ON CONFLICT (tenant_id) DO UPDATE SET updated_at = ?2",
        )
        .bind(id.to_string())
        .bind(now)
        .execute(&mut *tx)
        .await?;
        sqlx::query(
            "UPDATE customers SET name = coalesce(?2, name), domain = coalesce(?3, domain),
                 currency = coalesce(?4, currency), culture = coalesce(?5, culture),
                 billing_day = coalesce(?6, billing_day),
                 billing_utc_offset_minutes = coalesce(?7, billing_utc_offset_minutes),
                 budget = iif(?8, ?9, budget), c3_id = coalesce(?10, c3_id)
             WHERE tenant_id = ?1",
        )
        .bind(id.to_string())
        .bind(&change.name)
        .bind(&change.domain)
        .bind(change.currency.as_ref().map(|c| c.as_str()))
        .bind(&change.culture)
        .bind(change.billing_day)
        .bind(change.billing_utc_offset_minutes)
        .bind(change.budget.is_some())
        .bind(change.budget.flatten().map(|b| b.to_string()))
        .bind(change.c3_id.map(|c| c.to_string()))
        .execute(&mut *tx)
        .await?;
        if let Some(offers) = &change.offers {
            sqlx::query("DELETE FROM customer_offers WHERE tenant_id = ? AND by_operator = 1")
                .bind(id.to_string())
                .execute(&mut *tx)
                .await?;
            for offer in offers {
                add_offer(&mut tx, id, *offer, true).await?;
            }
        }
        self.append_audit(&mut tx, "customer.set", &format!("customer:{id}"), &detail(change)).await?;
        let customer = read(&mut tx, Some(id)).await?.pop();
        tx.commit().await?;
        customer.ok_or_else(|| ControlError::not_found("customer", id))
    }

    /// Sets a known customer's budget, or takes it away.
    ///
    /// # Errors
    /// [`ControlError::NotFound`] when the customer is not known.
    pub async fn set_budget(&self, id: CustomerTenantId, budget: Option<Amount>) -> Result<(), ControlError> {
        let mut tx = self.write().await?;
        let changed = sqlx::query("UPDATE customers SET budget = ?, updated_at = ? WHERE tenant_id = ?")
            .bind(budget.map(|b| b.to_string()))
            .bind(micros(self.now()))
            .bind(id.to_string())
            .execute(&mut *tx)
            .await?;
        if changed.rows_affected() == 0 {
            return Err(ControlError::not_found("customer", id));
        }
        self.append_audit(&mut tx, "customer.budget", &format!("customer:{id}"), &json!({ "budget": budget })).await?;
        Ok(tx.commit().await?)
    }

    /// Forgets a customer; its charges stay in the lake, and an import that sees it brings it back.
    /// Whether there was one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn remove_customer(&self, id: CustomerTenantId) -> Result<bool, ControlError> {
        let mut tx = self.write().await?;
        let gone =
            sqlx::query("DELETE FROM customers WHERE tenant_id = ?").bind(id.to_string()).execute(&mut *tx).await?;
        if gone.rows_affected() > 0 {
            self.append_audit(&mut tx, "customer.remove", &format!("customer:{id}"), &json!({})).await?;
        }
        tx.commit().await?;
        Ok(gone.rows_affected() > 0)
    }
}

/// Enters a customer that an import saw, without touching anything that an operator set.
pub(crate) async fn see(tx: &mut SqliteConnection, seen: &CustomerSeen, now: i64) -> Result<(), ControlError> {
    sqlx::query(
        "INSERT INTO customers (tenant_id, seen_name, seen_domain, seen_currency, created_at, updated_at)
         VALUES (?1, nullif(?2, ''), nullif(?3, ''), ?4, ?5, ?5)
         ON CONFLICT (tenant_id) DO UPDATE SET
             seen_name = coalesce(excluded.seen_name, seen_name),
             seen_domain = coalesce(excluded.seen_domain, seen_domain),
             seen_currency = coalesce(excluded.seen_currency, seen_currency),
             updated_at = excluded.updated_at
         WHERE coalesce(excluded.seen_name, seen_name) IS NOT seen_name
            OR coalesce(excluded.seen_domain, seen_domain) IS NOT seen_domain
            OR coalesce(excluded.seen_currency, seen_currency) IS NOT seen_currency",
    )
    .bind(seen.tenant_id.to_string())
    .bind(&seen.name)
    .bind(&seen.domain)
    .bind(seen.currency.as_ref().map(|c| c.as_str()))
    .bind(now)
    .execute(&mut *tx)
    .await?;
    match seen.offer {
        Some(offer) => add_offer(tx, seen.tenant_id, offer, false).await,
        None => Ok(()),
    }
}

async fn add_offer(
    tx: &mut SqliteConnection,
    id: CustomerTenantId,
    offer: Offer,
    by_operator: bool,
) -> Result<(), ControlError> {
    sqlx::query("INSERT INTO customer_offers (tenant_id, offer, by_operator) VALUES (?, ?, ?) ON CONFLICT DO NOTHING")
        .bind(id.to_string())
        .bind(offer.as_str())
        .bind(by_operator)
        .execute(tx)
        .await?;
    Ok(())
}

fn check(change: &CustomerChange) -> Result<(), ControlError> {
    if let Some(day) = change.billing_day.filter(|d| !(1..=28).contains(d)) {
        return Err(ControlError::Invalid { what: "billing day", value: day.to_string(), expected: "1 to 28" });
    }
    if let Some(offset) = change.billing_utc_offset_minutes.filter(|o| !(-840..=840).contains(o)) {
        return Err(ControlError::Invalid {
            what: "UTC offset in minutes",
            value: offset.to_string(),
            expected: "-840 to 840",
        });
    }
    Ok(())
}

/// What was set, for the audit trail.
fn detail(change: &CustomerChange) -> serde_json::Value {
    let mut detail = json!({
        "name": change.name, "domain": change.domain, "offers": change.offers, "currency": change.currency,
        "culture": change.culture, "billing_day": change.billing_day,
        "billing_utc_offset_minutes": change.billing_utc_offset_minutes, "c3_id": change.c3_id,
    });
    if let Some(fields) = detail.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
        if let Some(budget) = change.budget {
            fields.insert("budget".to_owned(), json!(budget));
        }
    }
    detail
}
