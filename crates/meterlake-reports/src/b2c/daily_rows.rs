//! The daily counts of one tenant, in memory.

use std::collections::{BTreeMap, HashMap};
use std::mem::size_of;

use chrono::{DateTime, Utc};
use datafusion::logical_expr::col;
use meterlake_lake::tables::b2c_daily::{COVERAGE, columns};
use meterlake_lake::{Table, TableSnapshot};
use meterlake_model::{Day, TenantId};

use super::count::Counts;
use super::{B2cDailyRequest, B2cKind};
use crate::ReportError;
use crate::memory::{Made, Sources, Weigh, list_bytes, names, rows};
use crate::plan::collect;
use crate::tenant::{self, Whole};

/// Rows of a tenant above which the lake is read instead: they would crowd out all others.
const MOST_ROWS: u64 = 200_000;

/// Texts that occur often, each once.
#[derive(Default)]
pub(super) struct Texts {
    texts: Vec<String>,
    places: HashMap<String, u32>,
}

impl Texts {
    /// The number of the text.
    pub(super) fn number(&mut self, text: &str) -> Result<u32, ReportError> {
        if let Some(place) = self.places.get(text) {
            return Ok(*place);
        }
        let place = u32::try_from(self.texts.len()).map_err(|_| ReportError::Memory("too many texts".to_owned()))?;
        self.texts.push(text.to_owned());
        self.places.insert(text.to_owned(), place);
        Ok(place)
    }

    /// The number of the text, if it occurs.
    pub(super) fn find(&self, text: &str) -> Option<u32> {
        self.places.get(text).copied()
    }

    /// The text of the number.
    pub(super) fn text(&self, number: u32) -> &str {
        self.texts.get(number as usize).map_or("", String::as_str)
    }

    pub(super) fn bytes(&self) -> usize {
        self.texts.iter().map(|text| 2 * (text.len() + size_of::<String>()) + 16).sum()
    }
}

/// A day's count of one group. Small: a tenant has thousands.
struct Row {
    day: Day,
    /// The place of its group.
    group: u32,
    attempts: u32,
    successes: u32,
}

/// What is counted apart.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Group {
    mfa: bool,
    application: u32,
    /// Flow or method.
    key: u32,
}

/// Earliest and latest activity.
type Extent = (Option<DateTime<Utc>>, Option<DateTime<Utc>>);

/// The daily counts of one tenant.
pub(crate) struct DailyRows {
    /// By day.
    rows: Vec<Row>,
    groups: Vec<Group>,
    texts: Texts,
    /// The covered days, in order, each once.
    covered: Vec<Day>,
    covered_to: Option<DateTime<Utc>>,
    extent: Extent,
    extents: HashMap<u32, Extent>,
}

impl Weigh for DailyRows {
    fn bytes(&self) -> usize {
        let extents = self.extents.len() * 2 * size_of::<(u32, Extent)>();
        size_of::<Self>()
            + list_bytes(&self.rows)
            + list_bytes(&self.groups)
            + list_bytes(&self.covered)
            + self.texts.bytes()
            + extents
    }
}

/// The daily counts of the tenant; none when the lake is to be read.
pub(super) async fn daily_rows(
    sources: Sources<'_>,
    snapshot: &TableSnapshot,
    tenant: TenantId,
) -> Result<Option<std::sync::Arc<DailyRows>>, ReportError> {
    let files = || names(&sources.memory.tenants.of(snapshot, tenant));
    let make = || async {
        if rows(&sources.memory.tenants.of(snapshot, tenant)) > MOST_ROWS {
            return Ok(Made::Not);
        }
        Ok(read(sources, snapshot, tenant).await?.map_or(Made::Not, Made::Value))
    };
    sources.memory.daily.get(tenant, snapshot.version(), files, |_| true, make).await
}

/// None when a count is too large to be kept.
async fn read(
    sources: Sources<'_>,
    snapshot: &TableSnapshot,
    tenant: TenantId,
) -> Result<Option<DailyRows>, ReportError> {
    debug_assert_eq!(snapshot.table(), Table::B2cDaily);
    let wanted = [
        columns::DAY,
        columns::APPLICATION_ID,
        columns::KIND,
        columns::FLOW,
        columns::MFA_METHOD,
        columns::ATTEMPTS,
        columns::SUCCESSES,
        columns::FIRST_TIME,
        columns::LAST_TIME,
        columns::COVERED_TO,
    ];
    let plan = tenant::rows(snapshot, tenant, None)?.project(wanted.map(col))?.build()?;
    let mut read = DailyRows {
        rows: Vec::new(),
        groups: Vec::new(),
        texts: Texts::default(),
        covered: Vec::new(),
        covered_to: None,
        extent: (None, None),
        extents: HashMap::new(),
    };
    let mut places: HashMap<Group, u32> = HashMap::new();
    for batch in collect(sources.engine, plan).await? {
        let whole = Whole(&batch);
        let (days, kinds) = (whole.days(columns::DAY)?, whole.texts(columns::KIND)?);
        let applications = whole.texts(columns::APPLICATION_ID)?;
        let (flows, methods) = (whole.texts(columns::FLOW)?, whole.texts(columns::MFA_METHOD)?);
        let (attempts, successes) = (whole.counts(columns::ATTEMPTS)?, whole.counts(columns::SUCCESSES)?);
        let (first, last) = (whole.instants(columns::FIRST_TIME)?, whole.instants(columns::LAST_TIME)?);
        let covered_to = whole.instants(columns::COVERED_TO)?;
        for at in 0..batch.num_rows() {
            let (day, kind) = (days.value(at)?, kinds.value(at));
            if kind == COVERAGE {
                read.covered.push(day);
                read.covered_to = read.covered_to.max(covered_to.value(at));
                continue;
            }
            let application = read.texts.number(applications.value(at))?;
            let row = (first.value(at), last.value(at));
            widen(&mut read.extent, row);
            widen(read.extents.entry(application).or_default(), row);
            let mfa = kind == B2cKind::Mfa.name();
            if mfa || kind == B2cKind::Authentication.name() {
                let key = read.texts.number(if mfa { methods.value(at) } else { flows.value(at) })?;
                let group = Group { mfa, application, key };
                let next = u32::try_from(read.groups.len());
                let counted = (u32::try_from(attempts.value(at)?), u32::try_from(successes.value(at)?));
                let (Ok(next), (Ok(attempts), Ok(successes))) = (next, counted) else { return Ok(None) };
                let group = *places.entry(group).or_insert_with(|| {
                    read.groups.push(group);
                    next
                });
                read.rows.push(Row { day, group, attempts, successes });
            }
        }
    }
    read.rows.sort_by_key(|row| row.day);
    read.rows.shrink_to_fit();
    read.covered.sort_unstable();
    read.covered.dedup();
    read.covered.shrink_to_fit();
    Ok(Some(read))
}

fn widen(extent: &mut Extent, row: Extent) {
    extent.0 = match (extent.0, row.0) {
        (Some(held), Some(new)) => Some(held.min(new)),
        (held, new) => held.or(new),
    };
    extent.1 = extent.1.max(row.1);
}

impl DailyRows {
    /// The covered days from the first to the last, both inclusive.
    pub(super) fn covered(&self, (first, last): (Day, Day)) -> &[Day] {
        let start = self.covered.partition_point(|day| *day < first);
        let end = self.covered.partition_point(|day| *day <= last);
        self.covered.get(start..end).unwrap_or_default()
    }

    /// The counts of whole days.
    pub(super) fn counts(&self, request: &B2cDailyRequest, (first, last): (Day, Day)) -> Counts {
        let mut sums: BTreeMap<(Day, u32), u64> = BTreeMap::new();
        let wanted = |group: &Group, application: Option<u32>| {
            group.mfa == (request.kind == B2cKind::Mfa) && application.is_none_or(|id| id == group.application)
        };
        let application = match request.application() {
            Some(id) => match self.texts.find(&id) {
                None => return Counts::new(),
                found => found,
            },
            None => None,
        };
        let start = self.rows.partition_point(|row| row.day < first);
        for row in self.rows.iter().skip(start).take_while(|row| row.day <= last) {
            if let Some(group) = self.groups.get(row.group as usize).filter(|group| wanted(group, application)) {
                // Fewer than 2³² rows of fewer than 2³² each.
                let more = if request.successes_only() { row.successes } else { row.attempts };
                *sums.entry((row.day, group.key)).or_default() += u64::from(more);
            }
        }
        sums.into_iter().map(|((day, key), sum)| ((day, self.texts.text(key).to_owned()), sum)).collect()
    }

    /// Earliest and latest activity, of an application or of all.
    pub(super) fn extent(&self, application: Option<&str>) -> [Option<DateTime<Utc>>; 2] {
        let (first, last) = match application {
            None => self.extent,
            Some(id) => self.texts.find(id).and_then(|number| self.extents.get(&number)).copied().unwrap_or_default(),
        };
        [first, last]
    }

    /// The newest covered moment.
    pub(super) fn covered_to(&self) -> Option<DateTime<Utc>> {
        self.covered_to
    }
}
