//! What pass 1 gathers row by row.

use std::borrow::Cow;
use std::collections::BTreeSet;

use meterlake_lake::charges::{ColumnType, columns};
use meterlake_model::{Day, DayRange, SourceKind};

use super::basis::{BasisEvidence, Telling};
use crate::DateFormat;
use crate::mapping::{self, Plan, Recognised};
use crate::source::batch::{Span, TextBatch};
use crate::source::{Format, Rows};
use crate::value::date::{self, DateEvidence};
use crate::value::number::NumberEvidence;

/// Facts of one file so far.
pub(super) struct Facts {
    pub(super) kind: Option<Recognised>,
    pub(super) width: usize,
    pub(super) rows: u64,
    pub(super) dates: DateEvidence,
    pub(super) numbers: NumberEvidence,
    pub(super) basis: BasisEvidence,
    pub(super) lacks_account: bool,
    pub(super) lacks_currency: bool,
    pub(super) names_account: bool,
    pub(super) names_currency: bool,
    format: Format,
    plan: Plan,
    date_columns: BTreeSet<usize>,
    number_columns: BTreeSet<usize>,
    /// First and last day of usage, by month-first and by day-first reading.
    spans: [Option<(Day, Day)>; 2],
    last_day: String,
    short: Option<(u64, usize, u64)>,
    odd_account: Option<(u64, String)>,
}

impl Facts {
    pub(super) fn new(format: Format) -> Self {
        Self {
            kind: None,
            width: 0,
            rows: 0,
            dates: DateEvidence::default(),
            numbers: NumberEvidence::default(),
            basis: BasisEvidence::default(),
            lacks_account: false,
            lacks_currency: false,
            names_account: false,
            names_currency: false,
            format,
            plan: Plan { slots: Vec::new() },
            date_columns: BTreeSet::new(),
            number_columns: BTreeSet::new(),
            spans: [None, None],
            last_day: String::new(),
            short: None,
            odd_account: None,
        }
    }

    /// Recognises the kind by the header as it is known now.
    pub(super) fn follow(&mut self, header: &[String]) -> Result<(), String> {
        let recognised = mapping::recognise(header)?;
        let mut repeated = mapping::repeated(header).into_iter();
        if let Some((_, positions)) = repeated.find(|(name, _)| mapping::feeds(recognised.kind, name)) {
            return Err(format!(
                "{} have the same name, so it cannot be told which of them counts; expected one such column",
                columns_at(header, &positions)
            ));
        }
        self.plan = Plan::new(recognised.kind, header);
        self.date_columns = self.plan.positions_of(|k| matches!(k, ColumnType::Day | ColumnType::Instant));
        self.number_columns = self.plan.positions_of(|k| matches!(k, ColumnType::Amount | ColumnType::Quantity));
        self.kind = Some(recognised);
        self.width = header.len();
        Ok(())
    }

    /// Takes note of some rows.
    pub(super) fn see(&mut self, batch: &TextBatch) {
        self.rows += (batch.rows() + batch.faults.len()) as u64;
        if let Some(&(row, fields)) = batch.short.first() {
            let (line, fields, before) = self.short.unwrap_or((batch.lines[row], fields, 0));
            self.short = Some((line, fields, before + batch.short.len() as u64));
        }
        for &at in &self.date_columns {
            for (text, line) in changes(batch, at) {
                self.dates.see(&text, line);
            }
        }
        if self.format == Format::Csv {
            for &at in &self.number_columns {
                for (text, line) in changes(batch, at) {
                    self.numbers.see(&text, line);
                }
            }
        }
        self.see_days(batch);
        self.see_gaps(batch);
        self.see_basis(batch);
    }

    fn see_days(&mut self, batch: &TextBatch) {
        let Some(&at) = self.plan.positions(columns::USAGE_DATE).first() else { return };
        for (text, _) in changes(batch, at) {
            if text == self.last_day {
                continue;
            }
            self.last_day.clear();
            self.last_day.push_str(&text);
            for (span, format) in self.spans.iter_mut().zip([DateFormat::MonthFirst, DateFormat::DayFirst]) {
                if let Some(day) = date::parse(&text, format).and_then(date::Moment::utc_day) {
                    let (first, last) = span.unwrap_or((day, day));
                    *span = Some((first.min(day), last.max(day)));
                }
            }
        }
    }

    /// Rows without account or currency, and account numbers that are none.
    fn see_gaps(&mut self, batch: &TextBatch) {
        let gaps = |target: &str| {
            let positions = self.plan.positions(target);
            let none = |row: usize| positions.iter().all(|&at| is_none(batch.raw_cell(batch.span(at, row))));
            // Most rows have the cell of the row before.
            let mut last = (None, false);
            let is_gap = |row: &usize| {
                let span = positions.first().map(|&at| batch.span(at, *row));
                if positions.len() != 1 || last.0 != span {
                    last = (span, none(*row));
                }
                last.1
            };
            (0..batch.rows()).filter(is_gap).count()
        };
        let (accounts, currencies) = (gaps(columns::BILLING_ACCOUNT_ID), gaps(columns::BILLING_CURRENCY));
        self.lacks_account |= accounts > 0;
        self.lacks_currency |= currencies > 0;
        self.names_account |= accounts < batch.rows();
        self.names_currency |= currencies < batch.rows();
        let lenient = self.kind.as_ref().is_some_and(|k| k.kind != SourceKind::EaUsageDetails);
        if let (true, None, Some(&at)) = (lenient, &self.odd_account, self.plan.positions(columns::ACCOUNT_ID).first())
        {
            let odd = |text: &str| !is_none(text) && text.parse::<i64>().is_err();
            let found = changes(batch, at).find(|(text, _)| odd(text));
            self.odd_account = found.map(|(text, line)| (line, text.into_owned()));
        }
    }

    fn see_basis(&mut self, batch: &TextBatch) {
        let (Some(charge_type), Some(cost)) = (self.first(columns::CHARGE_TYPE), self.first(columns::BILLED_COST))
        else {
            return;
        };
        if self.basis.settled() || !self.kind.as_ref().is_some_and(|k| is_cost_export(k.kind)) {
            return;
        }
        let pricing_model = self.first(columns::PRICING_MODEL);
        let commitments = [self.first(columns::RESERVATION_ID), self.first(columns::BENEFIT_ID)];
        let cell = |at: usize, row: usize| batch.raw_cell(batch.span(at, row));
        // Whether a row may tell anything depends on two columns of few values.
        let mut last = (None, false);
        for (row, &line) in batch.lines.iter().enumerate() {
            let places = (batch.span(charge_type, row), pricing_model.map(|at| batch.span(at, row)));
            let (charge, model) = (batch.raw_cell(places.0), places.1.map_or("", |place| batch.raw_cell(place)));
            if last.0 != Some(places) {
                last = (Some(places), BasisEvidence::may_tell(charge, model));
            }
            if !last.1 {
                continue;
            }
            let commitment = commitments.iter().flatten().map(|at| cell(*at, row)).find(|v| !v.is_empty());
            let commitment = commitment.unwrap_or_default();
            let cost = cell(cost, row);
            self.basis.see(&Telling { line, charge_type: charge, pricing_model: model, commitment, cost });
        }
    }

    fn first(&self, target: &str) -> Option<usize> {
        self.plan.positions(target).first().copied()
    }

    /// Places of the columns that any fact comes from.
    pub(super) fn wanted(&self) -> BTreeSet<usize> {
        let mut wanted = &self.date_columns | &self.number_columns;
        for target in [
            columns::USAGE_DATE,
            columns::BILLING_ACCOUNT_ID,
            columns::BILLING_CURRENCY,
            columns::ACCOUNT_ID,
            columns::CHARGE_TYPE,
            columns::BILLED_COST,
            columns::PRICING_MODEL,
            columns::RESERVATION_ID,
            columns::BENEFIT_ID,
        ] {
            wanted.extend(self.plan.positions(target));
        }
        wanted
    }

    /// First and last day of usage.
    pub(super) fn days(&self, format: DateFormat) -> Option<DayRange> {
        let span = if format == DateFormat::DayFirst { self.spans[1] } else { self.spans[0] };
        span.map(|(first, last)| DayRange { first, last })
    }

    /// Remarks for the user.
    pub(super) fn warnings(&self, rows: &Rows) -> Vec<String> {
        let mut warnings = Vec::new();
        let unused = self.plan.unused(rows.header());
        if !unused.is_empty() {
            warnings.push(format!("columns that are not kept: {}", unused.join(", ")));
        }
        for (name, mut positions) in mapping::repeated(rows.header()) {
            positions.retain(|&at| mapping::normalise(&rows.header()[at]) == name);
            if positions.len() > 1 {
                warnings.push(format!("{} have the same name", columns_at(rows.header(), &positions)));
            }
        }
        if let Some((line, fields, count)) = self.short {
            warnings.push(format!(
                "{count} rows have fewer fields than the header has columns (the first on line {line}: {fields} of {}); \
                 the missing trailing fields are taken as empty",
                rows.header().len()
            ));
        }
        let doubles = rows.doubles();
        if !doubles.is_empty() {
            warnings.push(format!(
                "columns that hold binary floating point, read as the shortest decimal that stands for the same value: {}",
                doubles.join(", ")
            ));
        }
        if let Some((line, text)) = &self.odd_account {
            warnings.push(format!("the account id {text:?} on line {line} is not a number; such ids are kept as 0"));
        }
        if self.rows == 0 {
            warnings.push("the file has a header but no rows".to_owned());
        }
        warnings
    }
}

/// Columns by their places, counted from 1, and names.
fn columns_at(header: &[String], positions: &[usize]) -> String {
    let named: Vec<String> = positions.iter().map(|&at| format!("{} ({:?})", at + 1, header[at])).collect();
    format!("columns {}", named.join(" and "))
}

/// The cells of a column that differ from the one before, with their lines.
fn changes(batch: &TextBatch, column: usize) -> impl Iterator<Item = (Cow<'_, str>, u64)> {
    let mut last: Option<Span> = None;
    let cell = |span: Span| (batch.raw_cell(span), span.is_doubled());
    batch.lines.iter().enumerate().filter_map(move |(row, &line)| {
        let span = batch.span(column, row);
        let before = last.replace(span);
        let repeats = before.is_some_and(|before| before == span || cell(before) == cell(span));
        (!repeats).then(|| (batch.cell(span), line))
    })
}

fn is_none(text: &str) -> bool {
    text.is_empty() || text == "NULL"
}

fn is_cost_export(kind: SourceKind) -> bool {
    matches!(kind, SourceKind::CostExportEa | SourceKind::CostExportMca | SourceKind::CostExportPartner)
}
