//! The entrance: one method a report.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use datafusion::execution::SendableRecordBatchStream;
use futures::stream::BoxStream;
use meterlake_lake::{Lake, Table};
use meterlake_model::{BillingAccountId, BillingPeriod, Day, TenantId};

use crate::engine::{EmbeddedEngine, QueryEngine};
use crate::memory::{KeptAnswer, Made, Memory, Sources};
use crate::{
    AnalyticsPage, AnalyticsRequest, B2cDailyRequest, B2cDay, B2cPeriod, B2cWindow, CsvRows, EaJsonPage, EaJsonRequest,
    EaOutline, EaPage, EaPiece, EaPosition, EaRequest, Estimate, EstimateRequest, Licence, PriceList, ReportError,
    TotalsQuery, TotalsRow, UserCountDay, analytics, b2c, ea, estimate, licences, totals,
};

/// How much the reports may use.
#[derive(Clone, Debug)]
pub struct ReportsConfig {
    /// Bytes of memory that all queries together may hold; beyond it they spill, and beyond that they fail.
    pub memory_limit: usize,
    /// Threads for query work.
    pub threads: usize,
    /// Queries that run at the same time.
    pub concurrent_queries: usize,
    /// Queries that wait for their turn; further ones are refused as [`ReportError::Busy`].
    pub waiting_queries: usize,
    /// How long a query waits for its turn before it is refused.
    pub admission_timeout: Duration,
    /// How long a query waits for its reader to take rows before it is given up, so that readers who stand still do
    /// not keep others out.
    pub reader_patience: Duration,
    /// Where queries spill; the system's temporary folder when none.
    pub spill_dir: Option<PathBuf>,
    /// Bytes of what small reports need that are kept in memory, so that they need not read the lake; 0 keeps nothing.
    pub kept_bytes: usize,
    /// Whether sums by customer read the rollup of the charges where there is one; the answers are the same.
    pub rollup: bool,
}

impl Default for ReportsConfig {
    /// 1 GiB, a thread a core, and no more running queries than keep them busy while some wait for slow readers.
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(2, usize::from);
        Self {
            memory_limit: 1 << 30,
            threads,
            concurrent_queries: threads * 8,
            waiting_queries: threads * 128,
            admission_timeout: Duration::from_secs(20),
            // Ten minutes for some megabytes: slow lines go on, clients that stand still do not.
            reader_patience: Duration::from_secs(600),
            spill_dir: None,
            kept_bytes: 96 << 20,
            rollup: true,
        }
    }
}

/// The reports over one lake. Cheap to clone.
#[derive(Clone)]
pub struct Reports {
    lake: Lake,
    engine: Arc<dyn QueryEngine>,
    answers: Arc<analytics::Answers>,
    memory: Arc<Memory>,
    rollup: bool,
    exporter: ea::Exporter,
}

impl Reports {
    /// Reports over `lake`, run in this process.
    ///
    /// # Errors
    /// [`ReportError::Engine`] when the engine cannot be started.
    pub fn new(lake: Lake, config: &ReportsConfig) -> Result<Self, ReportError> {
        let reports = Self::of(lake, Arc::new(EmbeddedEngine::new(config)?), config.kept_bytes);
        Ok(Self { rollup: config.rollup, ..reports })
    }

    /// Reports over `lake`, run by `engine`; nothing of the lake is kept in memory, so that it is asked each time.
    #[must_use]
    pub fn with_engine(lake: Lake, engine: Arc<dyn QueryEngine>) -> Self {
        Self::of(lake, engine, 0)
    }

    fn of(lake: Lake, engine: Arc<dyn QueryEngine>, kept_bytes: usize) -> Self {
        let (answers, memory) = (Arc::new(analytics::Answers::new()), Arc::new(Memory::new(kept_bytes)));
        Self { lake, engine, answers, memory, rollup: true, exporter: ea::Exporter::new() }
    }

    /// What reports that are kept in memory are made from.
    fn sources(&self) -> Sources<'_> {
        Sources { lake: &self.lake, engine: self.engine.as_ref(), memory: &self.memory }
    }

    /// The version of the newest snapshot of the charges.
    ///
    /// # Errors
    /// [`ReportError::Lake`] when the lake cannot be read.
    pub async fn newest_snapshot(&self) -> Result<u64, ReportError> {
        Ok(self.lake.charges().await?.version())
    }

    /// A page of EA usage details: the first `limit` rows after the position `after`, ordered by day and then the
    /// rest of the lake's sort order.
    ///
    /// # Errors
    /// [`ReportError::SnapshotGone`] when the pinned snapshot is gone; otherwise what the engine met.
    pub async fn ea_page(
        &self,
        request: &EaRequest,
        after: Option<&EaPosition>,
        limit: usize,
    ) -> Result<EaPage, ReportError> {
        ea::page(&self.lake, self.engine.as_ref(), request, after, limit).await
    }

    /// The page of [`Reports::ea_page`] as JSON rows, after `start`.
    ///
    /// # Errors
    /// As [`Reports::ea_page`].
    pub async fn ea_json(&self, request: EaJsonRequest, start: &[u8]) -> Result<EaJsonPage, ReportError> {
        ea::json_page(&self.lake, self.engine.as_ref(), &self.exporter, request, start).await
    }

    /// All EA usage details of the request in the order of [`Reports::ea_page`], with the snapshot they come from.
    ///
    /// # Errors
    /// As [`Reports::ea_page`]; errors of the execution come through the stream.
    pub async fn ea_stream(&self, request: &EaRequest) -> Result<(u64, SendableRecordBatchStream), ReportError> {
        ea::stream(&self.lake, self.engine.as_ref(), request).await
    }

    /// The rows of [`Reports::ea_stream`] as CSV lines, without a header, in pieces that are written on the engine's
    /// threads. Dropping the stream ends the work.
    ///
    /// # Errors
    /// As [`Reports::ea_stream`].
    pub async fn ea_csv(
        &self,
        request: &EaRequest,
        rows: CsvRows,
    ) -> Result<(u64, BoxStream<'static, Result<EaPiece, ReportError>>), ReportError> {
        ea::csv(&self.lake, self.engine.as_ref(), &self.exporter, request, rows).await
    }

    /// Where the bytes of [`Reports::ea_csv`] lie, so that they need not be kept to be read later, in any part. `layout`
    /// names the fields: another name for other fields. None where files overlap: there they must be kept.
    ///
    /// # Errors
    /// As [`Reports::ea_csv`].
    pub async fn ea_outline(
        &self,
        request: &EaRequest,
        rows: CsvRows,
        layout: &'static str,
    ) -> Result<Option<EaOutline>, ReportError> {
        ea::outline(&self.lake, self.engine.as_ref(), &self.exporter, request, (rows, layout)).await
    }

    /// These bytes of an outline, for the same fields.
    ///
    /// # Errors
    /// [`ReportError::SnapshotGone`] when the lake no longer has its files, which it has for a day at least.
    pub async fn ea_outlined(
        &self,
        outline: &EaOutline,
        rows: CsvRows,
        layout: &'static str,
        bytes: Range<u64>,
    ) -> Result<BoxStream<'static, Result<Bytes, ReportError>>, ReportError> {
        ea::read_outline(&self.lake, self.engine.as_ref(), &self.exporter, outline, (rows, layout), bytes).await
    }

    /// The billing periods in which the accounts have charges, newest first.
    ///
    /// # Errors
    /// As [`Reports::ea_page`].
    pub async fn ea_periods(
        &self,
        accounts: &[BillingAccountId],
        snapshot: Option<u64>,
    ) -> Result<Vec<BillingPeriod>, ReportError> {
        ea::periods(&self.lake, accounts, snapshot).await
    }

    /// A page of Azure usage analytics.
    ///
    /// # Errors
    /// [`ReportError::Request`] when it orders by a field that is not grouped, [`ReportError::Overflow`] when a
    /// quantity does not fit; otherwise as [`Reports::ea_page`].
    pub async fn analytics(&self, request: &AnalyticsRequest) -> Result<AnalyticsPage, ReportError> {
        analytics::page(&self.lake, self.engine.as_ref(), &self.answers, self.rollup, request).await
    }

    /// Totals of cost and quantity.
    ///
    /// # Errors
    /// [`ReportError::Overflow`] when a total does not fit; otherwise as [`Reports::ea_page`].
    pub async fn usage_totals(&self, query: &TotalsQuery) -> Result<Vec<TotalsRow>, ReportError> {
        totals::totals(self.sources(), query).await
    }

    /// The version of the newest snapshot of a table.
    ///
    /// # Errors
    /// [`ReportError::Lake`] when the lake cannot be read.
    pub async fn newest_version(&self, table: Table) -> Result<u64, ReportError> {
        Ok(self.lake.snapshot(table).await?.version())
    }

    /// Authentications or MFA requests of a B2C tenant by day: a row for each covered day of the window. For an
    /// application that has none in the window, no rows.
    ///
    /// # Errors
    /// [`ReportError::SnapshotGone`] when the pinned snapshot is gone; otherwise what the engine met.
    pub async fn b2c_daily(&self, request: &B2cDailyRequest) -> Result<Vec<B2cDay>, ReportError> {
        b2c::daily(self.sources(), request).await
    }

    /// The sum of [`Reports::b2c_daily`] with the extent of all activity; none for an application that has nothing in
    /// the window.
    ///
    /// # Errors
    /// As [`Reports::b2c_daily`].
    pub async fn b2c_period(&self, request: &B2cDailyRequest) -> Result<Option<B2cPeriod>, ReportError> {
        b2c::period(self.sources(), request).await
    }

    /// The newest moment of a B2C tenant that an import of events covers; none when nothing is covered.
    ///
    /// # Errors
    /// As [`Reports::b2c_daily`].
    pub async fn b2c_last_covered(
        &self,
        tenant: TenantId,
        snapshot: Option<u64>,
    ) -> Result<Option<DateTime<Utc>>, ReportError> {
        b2c::last_covered(self.sources(), tenant, snapshot).await
    }

    /// The first event of a B2C tenant at or after `at` on the day of the instant before; none when there is none, and
    /// `at` itself when the day has too many to be looked at.
    ///
    /// # Errors
    /// As [`Reports::b2c_daily`].
    pub async fn b2c_next_event(
        &self,
        tenant: TenantId,
        at: DateTime<Utc>,
        snapshot: Option<u64>,
    ) -> Result<Option<DateTime<Utc>>, ReportError> {
        b2c::next_event(self.sources(), tenant, at, snapshot).await
    }

    /// The answer that is kept under `key` if it `holds`, else the one that `make` makes, once for all who ask at the
    /// same time. The key names everything that the answer depends on, the snapshot too. None when nothing is kept, or
    /// `make` says that this cannot be.
    ///
    /// # Errors
    /// Those of `make`.
    pub async fn kept_answer<F, E>(
        &self,
        key: [u8; 32],
        holds: impl Fn(&KeptAnswer) -> bool,
        make: impl Fn() -> F,
    ) -> Result<Option<Arc<KeptAnswer>>, E>
    where
        F: Future<Output = Result<Option<KeptAnswer>, E>>,
    {
        let make = || async { Ok(make().await?.map_or(Made::Not, Made::Value)) };
        self.memory.answers.get(key, 0, || Arc::from([]), holds, make).await
    }

    /// The number of users of a B2C tenant on each day up to `today` whose midnight lies in the window. A day without
    /// a count of its own has the last one before; the days before the first count have no row.
    ///
    /// # Errors
    /// As [`Reports::b2c_daily`].
    pub async fn user_counts(
        &self,
        tenant: TenantId,
        window: B2cWindow,
        today: Day,
        snapshot: Option<u64>,
    ) -> Result<Vec<UserCountDay>, ReportError> {
        b2c::user_counts(self.sources(), tenant, window, today, snapshot).await
    }

    /// When the users of a B2C tenant were last counted; none when never.
    ///
    /// # Errors
    /// As [`Reports::b2c_daily`].
    pub async fn users_last_counted(
        &self,
        tenant: TenantId,
        snapshot: Option<u64>,
    ) -> Result<Option<DateTime<Utc>>, ReportError> {
        b2c::last_taken(self.sources(), tenant, snapshot).await
    }

    /// The licences of a customer's tenant by the newest snapshot taken up to `now`, by product name; none when there
    /// is no snapshot.
    ///
    /// # Errors
    /// As [`Reports::b2c_daily`].
    pub async fn licences(&self, tenant: TenantId, now: DateTime<Utc>) -> Result<Vec<Licence>, ReportError> {
        licences::licences(self.sources(), tenant, now).await
    }
    /// The estimated bill of a B2C tenant by `prices`, beside what was billed.
    ///
    /// # Errors
    /// [`ReportError::Overflow`] when a cost does not fit; otherwise as [`Reports::b2c_daily`].
    pub async fn estimate(&self, request: &EstimateRequest, prices: &PriceList) -> Result<Estimate, ReportError> {
        estimate::estimate(&self.lake, self.engine.as_ref(), request, prices).await
    }
}
