//! Small Azure cost exports, written by hand.

use std::fmt::Write as _;

/// The header of an EA actual cost export (the columns that matter here; the rest may be left out).
pub(crate) const HEADER: &str = "BillingAccountId,BillingAccountName,BillingPeriodStartDate,BillingPeriodEndDate,SubscriptionId,SubscriptionName,Date,ProductName,MeterId,MeterCategory,MeterSubCategory,MeterName,MeterRegion,Quantity,EffectivePrice,CostInBillingCurrency,BillingCurrencyCode,ResourceLocation,ConsumedService,ResourceId,AdditionalInfo,Tags,UnitOfMeasure,ResourceGroup,ChargeType,IsAzureCreditEligible\r\n";

/// One line of account 100, subscription `s` (1 to 9), day `day` of November 2024, at `cost`.
pub(crate) fn line(s: u8, day: u8, cost: &str) -> String {
    format!(
        "100,Contoso,11/01/2024,11/30/2024,1caaa5a3-2b66-438e-8ab4-bce37d518c5{s},Subscription {s},11/{day:02}/2024,Virtual Machines - B1s,f31064a2-ed95-4e11-8b69-270f2fc4fbdd,Virtual Machines,BS Series,B1s,UK South,1.5,2,{cost},EUR,uksouth,Microsoft.Compute,/subscriptions/s{s}/vm{day},,\"\"\"env\"\": \"\"prod\"\"\",1 Hour,rg,Usage,True\r\n"
    )
}

/// An export with one line for each subscription, day and cost.
pub(crate) fn export(lines: &[(u8, u8, &str)]) -> String {
    let mut text = HEADER.to_owned();
    for (s, day, cost) in lines {
        text.push_str(&line(*s, *day, cost));
    }
    text
}

/// A large export: `rows` lines that each cost 0.01.
pub(crate) fn large(rows: usize) -> String {
    let mut text = HEADER.to_owned();
    for row in 0..rows {
        let _ = write!(
            text,
            "{}",
            line(u8::try_from(row % 9 + 1).unwrap_or(1), u8::try_from(row % 30 + 1).unwrap_or(1), "0.01")
        );
    }
    text
}
