//! Which reservation covered a charge: from the JSON in `AdditionalInfo`, else from reservation and benefit columns.

use std::borrow::Cow;

use arrow::array::{StringArray, StringBuilder};
use meterlake_lake::charges::columns;
use meterlake_model::SourceKind;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::cells::Cells;
use super::derive::segment_after;
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

fn text<'a>(value: Option<&'a RawValue>) -> Cow<'a, str> {
    value.and_then(|v| scalar(v.get()).ok()).unwrap_or_default()
}

/// The columns `reservation_order_id`, `reservation_id`, `consumption_meter_id` and `service_type`.
pub(super) struct Reservations {
    pub(super) order: StringArray,
    pub(super) reservation: StringArray,
    pub(super) meter: StringArray,
    pub(super) service_type: StringArray,
}

/// Works the four columns out.
pub(super) fn reservations(
    cells: &Cells<'_>,
    kind: SourceKind,
    additional_info: &StringArray,
    charge_types: &StringArray,
) -> Reservations {
    let own_order = cells.text(columns::RESERVATION_ORDER_ID);
    let benefit = cells.text(columns::BENEFIT_ID);
    let benefit_type = cells.text(columns::BENEFIT_NAME);
    // Rated usage has one benefit for reservations and savings plans, told apart by its type.
    let rated = kind == SourceKind::RatedUsage;
    let own = if rated { benefit.clone() } else { cells.text(columns::RESERVATION_ID) };
    let product_order = cells.text(columns::PRODUCT_ORDER_ID);
    let pricing_model = cells.text(columns::PRICING_MODEL);
    let [mut order, mut reservation, mut meter, mut service_type] = std::array::from_fn(|_| StringBuilder::new());
    for row in 0..cells.rows() {
        let json = additional_info.value(row).trim();
        let json = if json.starts_with('"') { Cow::Owned(format!("{{{json}}}")) } else { Cow::Borrowed(json) };
        let info: Info<'_> =
            if json.starts_with('{') { serde_json::from_str(&json).unwrap_or_default() } else { Info::default() };
        let charge = charge_types.value(row);
        let bought = charge.eq_ignore_ascii_case("Purchase") || charge.eq_ignore_ascii_case("Refund");
        let (info_order, info_reservation) = (text(info.order), text(info.reservation));
        let path = benefit.value(row);
        let other_benefit = rated && !benefit_type.value(row).to_ascii_lowercase().starts_with("reserv");
        let own = if other_benefit { "" } else { own.value(row) };
        let own_order = if other_benefit { "" } else { own_order.value(row) };
        let covered = pricing_model.value(row).eq_ignore_ascii_case("Reservation");
        // A purchase names its order in the column of the reservation.
        let own_as_order = if bought { own } else { "" };
        let of_product = if covered && !own.is_empty() { product_order.value(row) } else { "" };
        let orders =
            [info_order.as_ref(), own_order, own_as_order, segment_after(path, "reservationOrders"), of_product];
        order.append_value(first(&orders));
        let as_reservation = if bought { "" } else { own };
        reservation.append_value(first(&[
            info_reservation.as_ref(),
            as_reservation,
            segment_after(path, "reservations"),
        ]));
        meter.append_value(text(info.meter));
        service_type.append_value(text(info.service_type));
    }
    Reservations {
        order: order.finish(),
        reservation: reservation.finish(),
        meter: meter.finish(),
        service_type: service_type.finish(),
    }
}

fn first<'a>(texts: &[&'a str]) -> &'a str {
    texts.iter().copied().find(|t| !t.is_empty()).unwrap_or_default()
}
