//! All columns of `charges` for a batch of rows.

use std::borrow::Cow;

use meterlake_lake::charges::ColumnType;
use meterlake_lake::charges::columns::{self as c, COLUMNS};
use meterlake_lake::coded::{Cells as Column, CodedColumn, CodedRows, EMPTY, Number};
use meterlake_model::{CostBasis, InvoiceState, SourceKind};

use super::ConvertContext;
use super::cells::{Cells, Texts};
use super::derive;
use super::distinct;
use super::reservation::reservations;

/// The columns done so far, in the order of [`COLUMNS`].
struct Done(Vec<Option<CodedColumn>>);

impl Done {
    fn put(&mut self, name: &'static str, column: CodedColumn) {
        if let Some(at) = COLUMNS.iter().position(|c| c.name == name) {
            self.0[at] = Some(column);
        }
    }

    fn put_text(&mut self, cells: &mut Cells<'_>, name: &'static str, texts: Texts) {
        let column = cells.column(name, texts);
        self.put(name, column);
    }
}

/// Builds the columns; rows with a flaw hold placeholders and must be dropped.
pub(super) fn assemble(cells: &mut Cells<'_>, kind: SourceKind, context: &ConvertContext, lines: &[u64]) -> CodedRows {
    let mut done = Done(vec![None; COLUMNS.len()]);
    // The first flaw of a row is the one that is told, so the day comes first.
    when(cells, kind, context, &mut done);
    let currencies = provenance(cells, kind, context, lines, &mut done);
    who(cells, kind, context, &mut done);
    what(cells, &mut done);
    how_sold(cells, kind, &mut done);
    how_much(cells, kind, context, &currencies, &mut done);
    let columns = COLUMNS.iter().zip(done.0).map(|(column, done)| match done {
        Some(done) => done,
        None => plain(cells, column.name, column.kind),
    });
    let columns = columns.collect();
    CodedRows { rows: cells.rows(), columns }
}

/// A column that is a source column of the right type and nothing else.
fn plain(cells: &mut Cells<'_>, name: &'static str, kind: ColumnType) -> CodedColumn {
    match kind {
        ColumnType::Text => {
            let texts = cells.text(name);
            cells.column(name, texts)
        }
        ColumnType::Integer | ColumnType::Period => CodedColumn::Long(cells.integers(name, false)),
        ColumnType::Day => CodedColumn::Short(cells.days(name)),
        ColumnType::Instant => CodedColumn::Long(cells.instants(name)),
        ColumnType::Boolean => CodedColumn::Truth(cells.booleans(name)),
        ColumnType::Amount => CodedColumn::Wide(cells.decimals::<24>(name)),
        ColumnType::Quantity => CodedColumn::Wide(cells.decimals::<20>(name)),
    }
}

/// Returns the currencies.
fn provenance(
    cells: &mut Cells<'_>,
    kind: SourceKind,
    context: &ConvertContext,
    lines: &[u64],
    done: &mut Done,
) -> Texts {
    let options = &context.options;
    let account = options.billing_account.as_ref().map(|a| a.as_str()).or(context.billing_account.as_deref());
    let accounts = cells.required_text(
        c::BILLING_ACCOUNT_ID,
        "given account",
        account.unwrap_or_default(),
        "no billing account; give --billing-account",
    );
    let accounts =
        cells.changed(c::BILLING_ACCOUNT_ID, &accounts, |t| Ok(Cow::Borrowed(derive::last_segment(t.trim()))));
    let currency = options.currency.as_ref().map(|a| a.as_str()).unwrap_or_default();
    let currencies =
        cells.required_text(c::BILLING_CURRENCY, "given currency", currency, "no currency; give --currency");
    let currencies = cells.changed(c::BILLING_CURRENCY, &currencies, derive::currency);
    done.put_text(cells, c::BILLING_ACCOUNT_ID, accounts);
    done.put_text(cells, c::BILLING_CURRENCY, currencies.clone());
    for (name, text) in [
        (c::SOURCE_KIND, kind.as_str()),
        (c::EXPORT_SCOPE, context.export_scope.as_str()),
        (c::COST_BASIS, basis(kind, context.basis).as_str()),
        (c::IMPORT_ID, context.import.to_string().as_str()),
    ] {
        let texts = cells.same_text(name, text);
        done.put_text(cells, name, texts);
    }
    let states = states(cells, kind, context);
    done.put_text(cells, c::INVOICE_STATE, states);
    done.put(c::SOURCE_FILE, CodedColumn::Long(Column::Same(i64::from(context.ordinal))));
    let lines = lines.iter().map(|&line| i64::try_from(line).unwrap_or(i64::MAX)).collect();
    done.put(c::SOURCE_LINE, CodedColumn::Long(Column::Each(lines)));
    currencies
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
fn states(cells: &mut Cells<'_>, kind: SourceKind, context: &ConvertContext) -> Texts {
    if kind != SourceKind::RatedUsage {
        return cells.same_text(c::INVOICE_STATE, "");
    }
    let otherwise = context.options.invoice_state.or(context.invoice_state).unwrap_or(InvoiceState::Unbilled);
    let invoices = cells.text(c::INVOICE_ID);
    cells.mapped(c::INVOICE_STATE, &invoices, |invoice| {
        Cow::Borrowed(if invoice.is_empty() { otherwise } else { InvoiceState::Billed }.as_str())
    })
}

fn when(cells: &mut Cells<'_>, kind: SourceKind, context: &ConvertContext, done: &mut Done) {
    let days = cells.days(c::USAGE_DATE);
    let starts = cells.days(c::BILLING_PERIOD_START);
    // Rated usage states its charge cycle, of which late lines have an earlier one than their invoice.
    let deciding = (kind != SourceKind::RatedUsage).then_some(&starts);
    let periods = derive::periods(deciding, context.options.period, &days);
    done.put(c::BILLING_PERIOD, CodedColumn::Short(periods));
    done.put(c::USAGE_DATE, CodedColumn::Short(days));
    done.put(c::BILLING_PERIOD_START, CodedColumn::Short(starts));
}

fn who(cells: &mut Cells<'_>, kind: SourceKind, context: &ConvertContext, done: &mut Done) {
    let customer = context.options.customer.map(|id| id.to_string()).unwrap_or_default();
    let customers = cells.guids(c::CUSTOMER_TENANT_ID, &customer);
    done.put_text(cells, c::CUSTOMER_TENANT_ID, customers);
    let lenient = kind != SourceKind::EaUsageDetails;
    done.put(c::ACCOUNT_ID, CodedColumn::Long(cells.integers(c::ACCOUNT_ID, lenient)));
    done.put(c::DEPARTMENT_ID, CodedColumn::Long(cells.integers(c::DEPARTMENT_ID, lenient)));
    let own = cells.text(c::SUBSCRIPTION_ID);
    let option = context.options.subscription.as_deref().unwrap_or_default();
    let subscriptions = match kind {
        SourceKind::Focus => cells.changed(c::SUBSCRIPTION_ID, &own, |t| Ok(Cow::Borrowed(derive::last_segment(t)))),
        SourceKind::Utilization if option.is_empty() => {
            let resources = cells.text(c::RESOURCE_ID);
            let of_resources = cells.mapped("subscription of resource", &resources, |resource| {
                Cow::Borrowed(derive::segment_after(resource, "subscriptions"))
            });
            either(cells, c::SUBSCRIPTION_ID, &own, &of_resources)
        }
        _ if option.is_empty() => own,
        _ => cells.mapped(c::SUBSCRIPTION_ID, &own, |text| {
            Cow::Owned(if text.is_empty() { option } else { text }.to_owned())
        }),
    };
    done.put_text(cells, c::SUBSCRIPTION_ID, subscriptions);
}

/// The first texts where they are not empty, else the second ones.
fn either(cells: &mut Cells<'_>, name: &'static str, first: &Texts, second: &Texts) -> Texts {
    let own = cells.own(name);
    let text = |cells: &Cells<'_>, row: usize| {
        let code = first.codes.at(row);
        let (texts, code) = if code == EMPTY { (second, second.codes.at(row)) } else { (first, code) };
        cells.distinct.get(texts.dictionary, code).to_owned()
    };
    let mut codes = Vec::with_capacity(cells.rows());
    for row in 0..cells.rows() {
        let text = text(cells, row);
        codes.push(cells.distinct.intern(own, &text));
    }
    Texts { dictionary: own, codes: distinct::cells(codes) }
}

fn what(cells: &mut Cells<'_>, done: &mut Done) {
    let tags = cells.text(c::TAGS);
    let tags = cells.mapped(c::TAGS, &tags, derive::tags);
    done.put_text(cells, c::TAGS, tags);
    for (target, fallback) in [
        (c::SERVICE_NAME, c::METER_CATEGORY),
        (c::SERVICE_TIER, c::METER_SUBCATEGORY),
        (c::RESOURCE_GUID, c::METER_ID),
        (c::LOCATION, c::RESOURCE_LOCATION),
    ] {
        // A file that has the column is believed, so that an export comes back as it left.
        if !cells.has(target) {
            let texts = cells.text(fallback);
            done.put_text(cells, target, texts);
        }
    }
}

fn how_sold(cells: &mut Cells<'_>, kind: SourceKind, done: &mut Done) {
    let charge_types = match (cells.has(c::CHARGE_TYPE), kind) {
        // Sources without charge types report usage.
        (false, _) => cells.same_text(c::CHARGE_TYPE, "Usage"),
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
    done.put_text(cells, c::RESERVATION_ORDER_ID, found.order);
    done.put_text(cells, c::RESERVATION_ID, found.reservation);
    done.put_text(cells, c::CONSUMPTION_METER_ID, found.meter);
    done.put_text(cells, c::SERVICE_TYPE, found.service_type);
    done.put_text(cells, c::CHARGE_TYPE, charge_types);
    let eligible = cells.booleans(c::IS_AZURE_CREDIT_ELIGIBLE);
    let separately = if cells.has(c::CHARGES_BILLED_SEPARATELY) {
        derive::false_for_none(&cells.booleans(c::CHARGES_BILLED_SEPARATELY))
    } else {
        derive::not_eligible(&eligible)
    };
    done.put(c::CHARGES_BILLED_SEPARATELY, CodedColumn::Truth(separately));
    done.put(c::IS_AZURE_CREDIT_ELIGIBLE, CodedColumn::Truth(eligible));
}

fn how_much(cells: &mut Cells<'_>, kind: SourceKind, context: &ConvertContext, currencies: &Texts, done: &mut Done) {
    let basis = basis(kind, context.basis);
    let none = Column::Same(i128::NULL);
    let mut billed = cells.decimals::<24>(c::BILLED_COST);
    let stated = billed.clone();
    let quantities = cells.decimals::<20>(c::QUANTITY);
    let prices = cells.decimals::<24>(c::EFFECTIVE_PRICE);
    if kind == SourceKind::Utilization {
        billed = derive::priced(cells, &billed, &quantities, &prices);
    }
    let effective = match basis {
        CostBasis::Actual => none.clone(),
        CostBasis::Amortized => std::mem::replace(&mut billed, none.clone()),
        CostBasis::Both => cells.decimals::<24>(c::EFFECTIVE_COST),
    };
    // These two state billed cost; in an amortised export their columns hold amortised cost.
    let mut in_usd = cells.decimals_like::<24>(c::COST_IN_USD, Some((c::BILLED_COST, &stated)));
    let mut in_pricing = cells.decimals_like::<24>(c::COST_IN_PRICING_CURRENCY, Some((c::BILLED_COST, &stated)));
    if basis == CostBasis::Amortized {
        (in_usd, in_pricing) = (none.clone(), none);
    }
    let pricing_currencies = cells.text(c::PRICING_CURRENCY);
    let is_usd = |text: &str| text.eq_ignore_ascii_case("USD");
    let billed_in = cells.flags("billed in dollars", currencies, is_usd);
    let priced_in = cells.flags("priced in dollars", &pricing_currencies, is_usd);
    in_usd = derive::usd(&in_usd, (&billed, &billed_in), (&in_pricing, &priced_in), cells.rows());
    done.put(c::BILLED_COST, CodedColumn::Wide(billed));
    done.put(c::EFFECTIVE_COST, CodedColumn::Wide(effective));
    done.put(c::QUANTITY, CodedColumn::Wide(quantities));
    done.put(c::EFFECTIVE_PRICE, CodedColumn::Wide(prices));
    done.put_text(cells, c::PRICING_CURRENCY, pricing_currencies);
    done.put(c::COST_IN_USD, CodedColumn::Wide(in_usd));
    done.put(c::COST_IN_PRICING_CURRENCY, CodedColumn::Wide(in_pricing));
}
