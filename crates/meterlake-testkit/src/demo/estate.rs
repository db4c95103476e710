//! What runs in a set of subscriptions, from when until when, and how much of it a day.

use meterlake_model::{Amount, Day, Quantity};
use uuid::Uuid;

use super::draw::Draw;
use super::meters::{METERS, Meter, RESERVABLE};
use super::names::{REGIONS, Region, STAGES, WORKLOADS};

/// A resource and the one meter of it that is charged daily.
pub(super) struct Line {
    /// Index of the subscription.
    pub(super) subscription: usize,
    pub(super) meter: &'static Meter,
    pub(super) meter_id: Uuid,
    pub(super) region: &'static Region,
    pub(super) group: String,
    pub(super) name: String,
    pub(super) resource_id: String,
    pub(super) workload: &'static (&'static str, &'static str),
    pub(super) stage: &'static str,
    first: Day,
    last: Day,
    /// Usual quantity of a day, in millionths.
    usual: i64,
    /// Whether a reservation covers it.
    pub(super) reserved: bool,
}

impl Line {
    /// Tags as `"name": "value"` pairs without braces, as cost exports write them; some resources have none.
    pub(super) fn tags(&self) -> String {
        let (workload, team) = self.workload;
        match self.stage {
            "dev" => String::new(),
            "test" => format!("\"env\": \"{}\"", self.stage),
            stage => format!("\"env\": \"{stage}\",\"team\": \"{team}\",\"workload\": \"{workload}\""),
        }
    }

    /// The JSON object of service metadata; virtual machines have one.
    pub(super) fn additional_info(&self, reservation: Option<&Reservation>) -> String {
        if self.meter.size.is_empty() {
            return String::new();
        }
        let mut info = format!(
            "{{\"UsageType\":\"ComputeHR\",\"ImageType\":\"Canonical\",\"ServiceType\":\"{}\",\"VMName\":null,\
             \"VMApplications\":null,\"VCPUs\":{},\"CPUs\":0",
            self.meter.size, self.meter.cores
        );
        if let Some(reservation) = reservation {
            info.push_str(&format!(
                ",\"ReservationOrderId\":\"{}\",\"ReservationId\":\"{}\",\"ConsumptionMeter\":\"{}\"",
                reservation.order, reservation.id, self.meter_id
            ));
        }
        info.push('}');
        info
    }

    /// Millionths of a unit used on the day, none when nothing ran.
    pub(super) fn used(&self, day: Day, draw: &mut Draw) -> Option<i64> {
        if day < self.first || day > self.last || draw.one_in(24) {
            return None;
        }
        let (low, high) = self.meter.daily;
        // Whole days of round-the-clock meters stay whole.
        if low == high || (self.meter.unit == "1 Hour" && !draw.one_in(5)) {
            return Some(self.usual);
        }
        Some(draw.between(self.usual * 8 / 10, self.usual * 12 / 10).clamp(low.min(100), high))
    }
}

/// A reservation of virtual machines.
pub(super) struct Reservation {
    pub(super) order: Uuid,
    pub(super) id: Uuid,
    pub(super) meter: &'static Meter,
    pub(super) region: &'static Region,
    pub(super) name: String,
    /// Subscription that pays for it.
    pub(super) subscription: usize,
    /// Day of the month on which it is charged.
    pub(super) due: u32,
    /// Machines covered.
    pub(super) count: i64,
}

impl Reservation {
    pub(super) fn draw(draw: &mut Draw, subscription: usize, index: usize) -> Self {
        let meter = &METERS[RESERVABLE[index % RESERVABLE.len()]];
        let region = &REGIONS[index % 2];
        Self {
            order: draw.guid(),
            id: draw.guid(),
            meter,
            region,
            name: format!("VM_RI_{:02}-{:02}_{}", draw.between(1, 12), draw.between(1, 28), region.short),
            subscription,
            due: u32::try_from(draw.between(2, 27)).unwrap_or(2),
            count: draw.between(2, 6),
        }
    }

    /// Price of one machine a month: 730 hours at 62 % of the hourly price, in 10^-10 dollars.
    pub(super) fn monthly_price(&self) -> i64 {
        self.meter.price * 730 * 62 / 100
    }

    /// The reservation that covers the line, if one does.
    pub(super) fn of<'a>(all: &'a [Self], line: &Line) -> Option<&'a Self> {
        all.iter().find(|r| line.reserved && std::ptr::eq(r.meter, line.meter) && std::ptr::eq(r.region, line.region))
    }
}

/// How an estate is to be.
pub(super) struct EstateSpec<'a> {
    /// Ids of the subscriptions, the biggest first.
    pub(super) subscriptions: &'a [Uuid],
    pub(super) first: Day,
    pub(super) last: Day,
    /// Lines in all; some start later or end earlier.
    pub(super) lines: usize,
    /// Where it runs, at most: so many of the regions.
    pub(super) regions: usize,
}

/// Draws an estate.
pub(super) fn draw(draw: &mut Draw, spec: &EstateSpec<'_>) -> Vec<Line> {
    let span = i64::from(spec.last.since_epoch() - spec.first.since_epoch());
    (0..spec.lines)
        .map(|index| {
            let subscription = draw.skewed(spec.subscriptions.len());
            // The first lines use each subscription and the main meters once, so that none is empty.
            let subscription = if index < spec.subscriptions.len() { index } else { subscription };
            let meter = &METERS[draw.skewed(METERS.len())];
            let region = &REGIONS[draw.skewed(spec.regions.min(REGIONS.len()))];
            let workload = &WORKLOADS[draw.skewed(WORKLOADS.len())];
            let stage = STAGES[draw.skewed(STAGES.len())];
            let whole = index < spec.subscriptions.len();
            let first = if whole || !draw.one_in(2) { 0 } else { draw.between(1, span.max(1)) };
            let last = if whole || !draw.one_in(5) { span } else { draw.between(first, span.max(first)) };
            let (low, high) = meter.daily;
            let usual = match meter.unit {
                // Machines run in whole hours and whole numbers of machines or cores.
                "1 Hour" if !draw.one_in(4) => high.min(24_000_000 * draw.between(1, 3)),
                _ => draw.magnitude(low, high),
            };
            let group = format!("rg-{}-{stage}-{}", workload.0, region.short);
            let name = if meter.prefix == "st" {
                format!("st{}{stage}{index:03}", workload.0)
            } else {
                format!("{}-{}-{stage}-{index:03}", meter.prefix, workload.0)
            };
            let resource_id = format!(
                "/subscriptions/{}/resourceGroups/{group}/providers/{}/{}/{name}",
                spec.subscriptions[subscription], meter.provider, meter.resource_type
            );
            Line {
                subscription,
                meter,
                meter_id: meter.id(region),
                region,
                group,
                name,
                resource_id,
                workload,
                stage,
                first: spec.first.plus(first).unwrap_or(spec.first),
                last: spec.first.plus(last).unwrap_or(spec.last),
                usual,
                reserved: !meter.size.is_empty() && stage == "prod",
            }
        })
        .collect()
}

/// A quantity of so many millionths.
pub(super) fn quantity(millionths: i64) -> anyhow::Result<Quantity> {
    Ok(Quantity::from_unscaled(i128::from(millionths) * 10i128.pow(14))?)
}

/// A number of `10^-decimals` units as an amount.
pub(super) fn amount(unscaled: i128, decimals: u32) -> anyhow::Result<Amount> {
    Ok(Amount::from_unscaled(unscaled * 10i128.pow(24 - decimals))?)
}
