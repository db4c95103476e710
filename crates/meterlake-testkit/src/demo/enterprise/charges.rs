//! The charges themselves: usage, second factors, reservations and what the marketplace sells.

use anyhow::Result;
use meterlake_model::{Amount, BillingPeriod, Day, Quantity};
use uuid::Uuid;

use super::Writer;
use super::row::{Out, Row};
use crate::demo::estate::{Reservation, amount, quantity};
use crate::demo::names::MARKETPLACE;

/// Subscription that the directory is linked to, an index of `SUBSCRIPTIONS`.
const LINKED: usize = 7;
/// Price of an MFA attempt in hundredths of a cent; the enrolment's discount is off.
const MFA_PRICE: i128 = 264;
const MFA_LIST_PRICE: i128 = 300;

impl Writer<'_> {
    pub(super) fn usage(&mut self, out: &mut Out, period: BillingPeriod, day: Day, line: usize) -> Result<()> {
        let Some(used) = self.lines[line].used(day, &mut self.draw) else { return Ok(()) };
        let line = &self.lines[line];
        let reservation = Reservation::of(&self.reservations, line);
        // The enrolment's discount is 12 %. A reservation has paid already.
        let price = if reservation.is_some() { 0 } else { i128::from(line.meter.price) * 88 };
        let cost = amount(price * i128::from(used), 18)?;
        let additional_info = line.additional_info(reservation);
        let row = Row {
            day,
            subscription: line.subscription,
            group: &line.group,
            location: line.region.location,
            product: &line.meter.product(line.region),
            category: line.meter.category,
            subcategory: line.meter.subcategory,
            meter_id: &line.meter_id.to_string(),
            meter_name: line.meter.name,
            meter_region: line.region.meter,
            unit: line.meter.unit,
            quantity: quantity(used)?,
            price: amount(price, 12)?,
            list_price: amount(i128::from(line.meter.price), 10)?,
            cost,
            service: line.meter.provider,
            resource_id: &line.resource_id,
            resource_name: &line.name,
            tags: &line.tags(),
            additional_info: &additional_info,
            reservation_id: &reservation.map(|r| r.id.to_string()).unwrap_or_default(),
            reservation_name: reservation.map_or("", |r| &r.name),
            order_id: &reservation.map(|r| r.order.to_string()).unwrap_or_default(),
            order_name: reservation.map_or("", |r| &r.name),
            term: if reservation.is_some() { "36" } else { "" },
            publisher_type: "Azure",
            publisher: "Microsoft",
            charge_type: "Usage",
            frequency: "UsageBased",
            pricing_model: if reservation.is_some() { "Reservation" } else { "OnDemand" },
            credit_eligible: true,
            part_number: &line.meter.part_number(line.region),
            plan: "",
            family: line.meter.family,
        };
        row.write(out, &self.subscriptions, period)?;
        row.tally(self.totals, period)
    }

    /// The second factors of the day's sign-ins to the directory.
    pub(super) fn directory(&mut self, out: &mut Out, period: BillingPeriod, day: Day) -> Result<()> {
        let Some(&attempts) = self.directory.mfa.get(&day) else { return Ok(()) };
        let domain = self.directory.domain;
        let subscription = self.subscriptions[LINKED];
        let row = Row {
            day,
            subscription: LINKED,
            group: "rg-customers",
            location: "Europe",
            product: "Azure Active Directory B2C - Basic Multi-Factor Authentication",
            category: "Azure Active Directory B2C",
            subcategory: "",
            meter_id: &Uuid::new_v5(&Uuid::NAMESPACE_URL, b"b2c/mfa").to_string(),
            meter_name: "Basic Multi-Factor Authentication",
            meter_region: "",
            unit: "1",
            quantity: Quantity::from_integer(i64::try_from(attempts)?)?,
            price: amount(MFA_PRICE, 4)?,
            list_price: amount(MFA_LIST_PRICE, 4)?,
            cost: amount(MFA_PRICE * i128::from(attempts), 4)?,
            service: "Microsoft.AzureActiveDirectory",
            resource_id: &format!(
                "/subscriptions/{subscription}/resourceGroups/rg-customers/providers/Microsoft.AzureActiveDirectory/b2cDirectories/{domain}"
            ),
            resource_name: domain,
            tags: "",
            additional_info: "",
            reservation_id: "",
            reservation_name: "",
            order_id: "",
            order_name: "",
            term: "",
            publisher_type: "Azure",
            publisher: "Microsoft",
            charge_type: "Usage",
            frequency: "UsageBased",
            pricing_model: "OnDemand",
            credit_eligible: true,
            part_number: "AAD-31807",
            plan: "",
            family: "Security",
        };
        row.write(out, &self.subscriptions, period)?;
        row.tally(self.totals, period)
    }

    /// A month's instalment of a reservation (`sign` 1) or its refund (-1).
    pub(super) fn purchase(
        &mut self,
        out: &mut Out,
        period: BillingPeriod,
        day: Day,
        index: usize,
        sign: i64,
    ) -> Result<()> {
        let reservation = &self.reservations[index];
        let count = reservation.count * sign;
        let price = i128::from(reservation.monthly_price());
        let order = reservation.order.to_string();
        let (meter, region) = (reservation.meter, reservation.region);
        let row = Row {
            day,
            subscription: reservation.subscription,
            group: "",
            location: region.location,
            product: &meter.product(region),
            category: meter.category,
            subcategory: meter.subcategory,
            meter_id: &meter.id(region).to_string(),
            meter_name: meter.name,
            meter_region: region.meter,
            unit: "1 Hour",
            quantity: quantity(count * 1_000_000)?,
            price: amount(price, 10)?,
            list_price: Amount::ZERO,
            cost: amount(price * i128::from(count), 10)?,
            service: "Microsoft.Capacity",
            resource_id: &format!("/providers/Microsoft.Capacity/reservationOrders/{order}"),
            resource_name: "",
            tags: "",
            additional_info: "",
            // On purchases this column holds the order.
            reservation_id: &order,
            reservation_name: &reservation.name,
            order_id: &order,
            order_name: &format!("Reserved VM Instance, {}, {}, 3 Years", meter.size, region.meter),
            term: "36",
            publisher_type: "Azure",
            publisher: "Microsoft",
            charge_type: if sign < 0 { "Refund" } else { "Purchase" },
            frequency: if sign < 0 { "OneTime" } else { "Recurring" },
            pricing_model: "Reservation",
            credit_eligible: true,
            part_number: &meter.part_number(region),
            plan: "",
            family: meter.family,
        };
        row.write(out, &self.subscriptions, period)?;
        row.tally(self.totals, period)
    }

    pub(super) fn marketplace(
        &mut self,
        out: &mut Out,
        period: BillingPeriod,
        day: Day,
        offer: usize,
        cents: i64,
    ) -> Result<()> {
        let (publisher, product, plan, _) = MARKETPLACE[offer];
        let subscription = offer * 2;
        let row = Row {
            day,
            subscription,
            group: "rg-marketplace",
            location: "",
            product,
            category: "",
            subcategory: "",
            meter_id: "",
            meter_name: "",
            meter_region: "",
            unit: "1/Month",
            quantity: quantity(1_000_000)?,
            price: amount(i128::from(cents), 2)?,
            list_price: amount(i128::from(cents), 2)?,
            cost: amount(i128::from(cents), 2)?,
            service: "Microsoft.SaaS",
            resource_id: &format!(
                "/subscriptions/{}/resourceGroups/rg-marketplace/providers/Microsoft.SaaS/resources/{plan}",
                self.subscriptions[subscription]
            ),
            resource_name: plan,
            tags: "",
            additional_info: "",
            reservation_id: "",
            reservation_name: "",
            order_id: "",
            order_name: "",
            term: "1",
            publisher_type: "Marketplace",
            publisher,
            charge_type: "Purchase",
            frequency: "Recurring",
            pricing_model: "OnDemand",
            credit_eligible: false,
            part_number: "",
            plan,
            family: "",
        };
        row.write(out, &self.subscriptions, period)?;
        row.tally(self.totals, period)
    }
}
