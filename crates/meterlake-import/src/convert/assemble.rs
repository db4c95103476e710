//! All columns of `charges` for a batch of rows.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Date32Array, Decimal128Array, Int64Array, StringArray, StringBuilder};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use meterlake_lake::charges::ColumnType;
use meterlake_lake::charges::columns::{self as c, COLUMNS};
use meterlake_model::{CostBasis, InvoiceState, SourceKind};

use super::ConvertContext;
use super::cells::{Cells, same_text, typed_decimals};
use super::derive;
use super::reservation::reservations;

/// The columns done so far.
struct Done(HashMap<&'static str, ArrayRef>);

impl Done {
    fn put(&mut self, name: &'static str, array: impl Array + 'static) {
        self.0.insert(name, Arc::new(array));
    }
}

/// Builds the batch; rows with a flaw hold placeholders and must be dropped.
pub(super) fn assemble(
    cells: &mut Cells<'_>,
    kind: SourceKind,
    context: &ConvertContext,
    lines: &[u64],
) -> Result<RecordBatch, ArrowError> {
    let mut done = Done(HashMap::with_capacity(COLUMNS.len()));
    // The first flaw of a row is the one that is told, so the day comes first.
    when(cells, kind, context, &mut done);
    provenance(cells, kind, context, lines, &mut done);
    who(cells, kind, context, &mut done);
    what(cells, &mut done);
    how_sold(cells, kind, &mut done);
    how_much(cells, kind, context, &mut done);
    let arrays = COLUMNS.iter().map(|column| match done.0.remove(column.name) {
        Some(array) => array,
        None => plain(cells, column.name, column.kind),
    });
    let arrays: Vec<ArrayRef> = arrays.collect();
    RecordBatch::try_new(c::schema(), arrays)
}

/// A column that is a source column of the right type and nothing else.
fn plain(cells: &mut Cells<'_>, name: &str, kind: ColumnType) -> ArrayRef {
    match kind {
        ColumnType::Text => Arc::new(cells.text(name)),
        ColumnType::Integer | ColumnType::Period => Arc::new(cells.integers(name, false)),
        ColumnType::Day => Arc::new(cells.days(name)),
        ColumnType::Instant => Arc::new(cells.instants(name)),
        ColumnType::Boolean => Arc::new(cells.booleans(name)),
        ColumnType::Amount => Arc::new(cells.decimals::<24>(name)),
        ColumnType::Quantity => Arc::new(cells.decimals::<20>(name)),
    }
}

fn provenance(cells: &mut Cells<'_>, kind: SourceKind, context: &ConvertContext, lines: &[u64], done: &mut Done) {
    let rows = cells.rows();
    let options = &context.options;
    let account = options.billing_account.as_ref().map(|a| a.as_str()).or(context.billing_account.as_deref());
    let accounts = cells.required_text(
        c::BILLING_ACCOUNT_ID,
        account.unwrap_or_default(),
        "no billing account; give --billing-account",
    );
    let accounts =
        cells.changed(c::BILLING_ACCOUNT_ID, &accounts, |t| Ok(Cow::Borrowed(derive::last_segment(t.trim()))));
    let currency = options.currency.as_ref().map(|a| a.as_str()).unwrap_or_default();
    let currencies = cells.required_text(c::BILLING_CURRENCY, currency, "no currency; give --currency");
    let currencies = cells.changed(c::BILLING_CURRENCY, &currencies, derive::currency);
    done.put(c::SOURCE_KIND, same_text(kind.as_str(), rows));
    done.put(c::BILLING_ACCOUNT_ID, accounts);
    done.put(c::EXPORT_SCOPE, same_text(&context.export_scope, rows));
    done.put(c::COST_BASIS, same_text(basis(kind, context.basis).as_str(), rows));
    done.put(c::INVOICE_STATE, states(cells, kind, context));
    done.put(c::BILLING_CURRENCY, currencies);
    done.put(c::IMPORT_ID, same_text(&context.import.to_string(), rows));
    done.put(c::SOURCE_FILE, Int64Array::from(vec![i64::from(context.ordinal); rows]));
    done.put(c::SOURCE_LINE, lines.iter().map(|&l| Some(i64::try_from(l).unwrap_or(i64::MAX))).collect::<Int64Array>());
}

/// The basis of rows: FOCUS has both costs, the service reports have billed cost only.
fn basis(kind: SourceKind, settled: CostBasis) -> CostBasis {
    match kind {
        SourceKind::Focus => CostBasis::Both,
        SourceKind::EaUsageDetails | SourceKind::RatedUsage | SourceKind::Utilization => CostBasis::Actual,
        SourceKind::CostExportEa | SourceKind::CostExportMca | SourceKind::CostExportPartner => settled,
    }
}

/// Rated usage with an invoice number is billed.
fn states(cells: &Cells<'_>, kind: SourceKind, context: &ConvertContext) -> StringArray {
    if kind != SourceKind::RatedUsage {
        return same_text("", cells.rows());
    }
    let otherwise = context.options.invoice_state.or(context.invoice_state).unwrap_or(InvoiceState::Unbilled);
    let invoices = cells.text(c::INVOICE_ID);
    let state = |row: usize| if invoices.value(row).is_empty() { otherwise } else { InvoiceState::Billed };
    StringArray::from_iter_values((0..cells.rows()).map(|row| state(row).as_str()))
}

fn when(cells: &mut Cells<'_>, kind: SourceKind, context: &ConvertContext, done: &mut Done) {
    let days: Date32Array = cells.days(c::USAGE_DATE);
    let starts = cells.days(c::BILLING_PERIOD_START);
    // Rated usage states its charge cycle, of which late lines have an earlier one than their invoice.
    let deciding = (kind != SourceKind::RatedUsage).then_some(&starts);
    done.put(c::BILLING_PERIOD, derive::periods(deciding, context.options.period, &days));
    done.put(c::USAGE_DATE, days);
    done.put(c::BILLING_PERIOD_START, starts);
}

fn who(cells: &mut Cells<'_>, kind: SourceKind, context: &ConvertContext, done: &mut Done) {
    let customer = context.options.customer.map(|id| id.to_string()).unwrap_or_default();
    done.put(c::CUSTOMER_TENANT_ID, cells.guids(c::CUSTOMER_TENANT_ID, &customer));
    let lenient = kind != SourceKind::EaUsageDetails;
    done.put(c::ACCOUNT_ID, cells.integers(c::ACCOUNT_ID, lenient));
    done.put(c::DEPARTMENT_ID, cells.integers(c::DEPARTMENT_ID, lenient));
    let own = cells.text(c::SUBSCRIPTION_ID);
    let option = context.options.subscription.as_deref().unwrap_or_default();
    let subscriptions = match kind {
        SourceKind::Focus => cells.changed(c::SUBSCRIPTION_ID, &own, |t| Ok(Cow::Borrowed(derive::last_segment(t)))),
        SourceKind::Utilization => {
            let resources = cells.text(c::RESOURCE_ID);
            let mut builder = StringBuilder::new();
            for row in 0..cells.rows() {
                let of_resource = derive::segment_after(resources.value(row), "subscriptions");
                let found = [own.value(row), option, of_resource].into_iter().find(|t| !t.is_empty());
                builder.append_value(found.unwrap_or_default());
            }
            builder.finish()
        }
        _ if option.is_empty() => own,
        _ => derive::or_else(&own, &same_text(option, cells.rows())),
    };
    done.put(c::SUBSCRIPTION_ID, subscriptions);
}

fn what(cells: &mut Cells<'_>, done: &mut Done) {
    let tags = cells.text(c::TAGS);
    let change = (0..tags.len()).any(|row| derive::tags_change(tags.value(row)));
    let tags = if change { cells.changed(c::TAGS, &tags, |t| Ok(derive::tags(t))) } else { tags };
    done.put(c::TAGS, tags);
    for (target, fallback) in [
        (c::SERVICE_NAME, c::METER_CATEGORY),
        (c::SERVICE_TIER, c::METER_SUBCATEGORY),
        (c::RESOURCE_GUID, c::METER_ID),
        (c::LOCATION, c::RESOURCE_LOCATION),
    ] {
        // A file that has the column is believed, so that an export comes back as it left.
        if !cells.has(target) {
            done.put(target, cells.text(fallback));
        }
    }
}

fn how_sold(cells: &mut Cells<'_>, kind: SourceKind, done: &mut Done) {
    let charge_types = match (cells.has(c::CHARGE_TYPE), kind) {
        // Sources without charge types report usage.
        (false, _) => same_text("Usage", cells.rows()),
        (true, SourceKind::RatedUsage) => {
            let texts = cells.text(c::CHARGE_TYPE);
            cells.changed(c::CHARGE_TYPE, &texts, |t| {
                let usage = t.is_empty() || t.eq_ignore_ascii_case("new") || t.eq_ignore_ascii_case("usage");
                Ok(Cow::Borrowed(if usage { "Usage" } else { t }))
            })
        }
        (true, _) => cells.text(c::CHARGE_TYPE),
    };
    let info = cells.text(c::ADDITIONAL_INFO);
    let found = reservations(cells, kind, &info, &charge_types);
    done.put(c::RESERVATION_ORDER_ID, found.order);
    done.put(c::RESERVATION_ID, found.reservation);
    done.put(c::CONSUMPTION_METER_ID, found.meter);
    done.put(c::SERVICE_TYPE, found.service_type);
    done.put(c::CHARGE_TYPE, charge_types);
    let eligible = cells.booleans(c::IS_AZURE_CREDIT_ELIGIBLE);
    let separately = if cells.has(c::CHARGES_BILLED_SEPARATELY) {
        derive::false_for_none(&cells.booleans(c::CHARGES_BILLED_SEPARATELY))
    } else {
        derive::not_eligible(&eligible)
    };
    done.put(c::CHARGES_BILLED_SEPARATELY, separately);
    done.put(c::IS_AZURE_CREDIT_ELIGIBLE, eligible);
}

fn how_much(cells: &mut Cells<'_>, kind: SourceKind, context: &ConvertContext, done: &mut Done) {
    let basis = basis(kind, context.basis);
    let none = |rows| typed_decimals::<24>(Decimal128Array::new_null(rows));
    let rows = cells.rows();
    let mut billed = cells.decimals::<24>(c::BILLED_COST);
    let quantities = cells.decimals::<20>(c::QUANTITY);
    let prices = cells.decimals::<24>(c::EFFECTIVE_PRICE);
    if kind == SourceKind::Utilization {
        billed = derive::priced(cells, &billed, &quantities, &prices);
    }
    let effective = match basis {
        CostBasis::Actual => none(rows),
        CostBasis::Amortized => std::mem::replace(&mut billed, none(rows)),
        CostBasis::Both => cells.decimals::<24>(c::EFFECTIVE_COST),
    };
    // These two state billed cost; in an amortised export their columns hold amortised cost.
    let mut in_usd = cells.decimals::<24>(c::COST_IN_USD);
    let mut in_pricing = cells.decimals::<24>(c::COST_IN_PRICING_CURRENCY);
    if basis == CostBasis::Amortized {
        (in_usd, in_pricing) = (none(rows), none(rows));
    }
    let pricing_currencies = cells.text(c::PRICING_CURRENCY);
    if let Some(currencies) = done.0.get(c::BILLING_CURRENCY).and_then(|a| a.as_any().downcast_ref::<StringArray>()) {
        in_usd = derive::usd(&in_usd, (&billed, currencies), (&in_pricing, &pricing_currencies));
    }
    done.put(c::BILLED_COST, billed);
    done.put(c::EFFECTIVE_COST, effective);
    done.put(c::QUANTITY, quantities);
    done.put(c::EFFECTIVE_PRICE, prices);
    done.put(c::PRICING_CURRENCY, pricing_currencies);
    done.put(c::COST_IN_USD, in_usd);
    done.put(c::COST_IN_PRICING_CURRENCY, in_pricing);
}
