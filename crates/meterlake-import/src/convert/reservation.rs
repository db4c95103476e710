//! Which reservation covered a charge: from the JSON in `AdditionalInfo`, else from reservation and benefit columns.

use std::borrow::Cow;
use std::collections::HashMap;

use meterlake_lake::charges::columns;
use meterlake_lake::coded::Cells as Column;
use meterlake_model::SourceKind;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::cells::{Cells, Texts};
use super::derive::segment_after;
use super::distinct;
use crate::source::json::scalar;

/// The members of `AdditionalInfo` that matter; values may be of any type.
#[derive(Deserialize, Default)]
struct Info<'a> {
    #[serde(borrow, rename = "ReservationOrderId", alias = "reservationOrderId", default)]
    order: Option<&'a RawValue>,
    #[serde(borrow, rename = "ReservationId", alias = "reservationId", default)]
    reservation: Option<&'a RawValue>,
    #[serde(borrow, rename = "ConsumptionMeter", alias = "consumptionMeter", default)]
    meter: Option<&'a RawValue>,
    #[serde(borrow, rename = "ServiceType", alias = "serviceType", default)]
    service_type: Option<&'a RawValue>,
}

fn member<'a>(value: Option<&'a RawValue>) -> Cow<'a, str> {
    value.and_then(|v| scalar(v.get()).ok()).unwrap_or_default()
}

/// One member of the JSON, empty where there is none.
fn of_json(json: &str, which: impl for<'a> Fn(&Info<'a>) -> Option<&'a RawValue>) -> String {
    let json = json.trim();
    let json = if json.starts_with('"') { Cow::Owned(format!("{{{json}}}")) } else { Cow::Borrowed(json) };
    let info: Info<'_> =
        if json.starts_with('{') { serde_json::from_str(&json).unwrap_or_default() } else { Info::default() };
    member(which(&info)).into_owned()
}

/// The columns `reservation_order_id`, `reservation_id`, `consumption_meter_id` and `service_type`.
pub(super) struct Reservations {
    pub(super) order: Texts,
    pub(super) reservation: Texts,
    pub(super) meter: Texts,
    pub(super) service_type: Texts,
}

/// What was worked out of rows before: order and reservation by the codes of all that they depend on.
#[derive(Default)]
pub(super) struct Known {
    generation: u32,
    by_codes: HashMap<[u32; 9], (u32, u32)>,
}

/// Works the four columns out.
pub(super) fn reservations(
    cells: &mut Cells<'_>,
    kind: SourceKind,
    additional_info: &Texts,
    charge_types: &Texts,
) -> Reservations {
    let found = |cells: &mut Cells<'_>, name, which: for<'a> fn(&Info<'a>) -> Option<&'a RawValue>| {
        cells.mapped(name, additional_info, |json| Cow::Owned(of_json(json, which)))
    };
    let info_order = found(cells, "order in info", |info| info.order);
    let info_reservation = found(cells, "reservation in info", |info| info.reservation);
    let meter = found(cells, columns::CONSUMPTION_METER_ID, |info| info.meter);
    let service_type = found(cells, columns::SERVICE_TYPE, |info| info.service_type);
    // Rated usage has one benefit for reservations and savings plans, told apart by its type.
    let rated = kind == SourceKind::RatedUsage;
    let benefit = cells.text(columns::BENEFIT_ID);
    let own = if rated { benefit.clone() } else { cells.text(columns::RESERVATION_ID) };
    let sources = [
        info_order,
        info_reservation,
        charge_types.clone(),
        cells.text(columns::RESERVATION_ORDER_ID),
        benefit,
        cells.text(columns::BENEFIT_NAME),
        own,
        cells.text(columns::PRODUCT_ORDER_ID),
        cells.text(columns::PRICING_MODEL),
    ];
    let dictionaries = [cells.own(columns::RESERVATION_ORDER_ID), cells.own(columns::RESERVATION_ID)];
    let mut known = std::mem::take(&mut cells.memos.reservations);
    if known.generation != cells.distinct.generation() {
        known = Known { generation: cells.distinct.generation(), by_codes: HashMap::new() };
    }
    let mut of_codes = |codes: [u32; 9]| {
        *known.by_codes.entry(codes).or_insert_with(|| {
            let texts: [&str; 9] = std::array::from_fn(|at| cells.distinct.get(sources[at].dictionary, codes[at]));
            let (order, reservation) = order_and_reservation(texts, rated);
            let (order, reservation) = (order.to_owned(), reservation.to_owned());
            (cells.distinct.intern(dictionaries[0], &order), cells.distinct.intern(dictionaries[1], &reservation))
        })
    };
    let one = |at: usize| match &sources[at].codes {
        Column::Same(code) => Some(*code),
        Column::Each(_) => None,
    };
    let (orders, ids) = if let [Some(a), Some(b), Some(c), Some(d), Some(e), Some(f), Some(g), Some(h), Some(i)] =
        std::array::from_fn(one)
    {
        let (order, id) = of_codes([a, b, c, d, e, f, g, h, i]);
        (Column::Same(order), Column::Same(id))
    } else {
        let rows = cells_of(&sources);
        let (mut orders, mut ids) = (Vec::with_capacity(rows), Vec::with_capacity(rows));
        let mut last = None;
        for row in 0..rows {
            let codes: [u32; 9] = std::array::from_fn(|at| sources[at].codes.at(row));
            let (order, id) = match last {
                Some((before, found)) if before == codes => found,
                _ => of_codes(codes),
            };
            last = Some((codes, (order, id)));
            orders.push(order);
            ids.push(id);
        }
        (distinct::cells(orders), distinct::cells(ids))
    };
    cells.memos.reservations = known;
    Reservations {
        order: Texts { dictionary: dictionaries[0], codes: orders },
        reservation: Texts { dictionary: dictionaries[1], codes: ids },
        meter,
        service_type,
    }
}

/// Rows of the columns, at least one of which has one cell a row.
fn cells_of(sources: &[Texts]) -> usize {
    sources
        .iter()
        .find_map(|source| match &source.codes {
            Column::Each(codes) => Some(codes.len()),
            Column::Same(_) => None,
        })
        .unwrap_or(0)
}

/// Order and reservation of a row.
fn order_and_reservation(
    [info_order, info_reservation, charge, own_order, path, benefit_type, own, product_order, pricing_model]: [&str; 9],
    rated: bool,
) -> (&str, &str) {
    let bought = charge.eq_ignore_ascii_case("Purchase") || charge.eq_ignore_ascii_case("Refund");
    let other_benefit = rated && !benefit_type.to_ascii_lowercase().starts_with("reserv");
    let own = if other_benefit { "" } else { own };
    let own_order = if other_benefit { "" } else { own_order };
    let covered = pricing_model.eq_ignore_ascii_case("Reservation");
    // A purchase names its order in the column of the reservation.
    let own_as_order = if bought { own } else { "" };
    let of_product = if covered && !own.is_empty() { product_order } else { "" };
    let order = first(&[info_order, own_order, own_as_order, segment_after(path, "reservationOrders"), of_product]);
    let as_reservation = if bought { "" } else { own };
    let reservation = first(&[info_reservation, as_reservation, segment_after(path, "reservations")]);
    (order, reservation)
}

fn first<'a>(texts: &[&'a str]) -> &'a str {
    texts.iter().copied().find(|t| !t.is_empty()).unwrap_or_default()
}
