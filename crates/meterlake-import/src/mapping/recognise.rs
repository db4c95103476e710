//! Which kind a file is, by its headers.

use std::collections::HashSet;
use std::sync::LazyLock;

use meterlake_model::SourceKind;

use super::header::spellings;
use super::{Field, HeaderIndex, fields, normalise};

/// What a kind's files have that others lack: each group needs one of its headers.
struct Signature {
    kind: SourceKind,
    needs: &'static [&'static [&'static str]],
    /// Headers that tell this kind from the ones behind it.
    marks: &'static [&'static str],
    /// So many of the marks must be there.
    least_marks: usize,
}

/// The first that fits is the kind: an EA export needs least and comes last.
const SIGNATURES: &[Signature] = &[
    Signature {
        kind: SourceKind::Focus,
        needs: &[
            &["BilledCost"],
            &["EffectiveCost"],
            &["BillingAccountId"],
            &["BillingCurrency"],
            &["BillingPeriodStart"],
            &["ChargePeriodStart"],
            &["ChargeCategory"],
        ],
        marks: &["ChargePeriodStart", "ChargeCategory", "SubAccountId", "ListCost", "ProviderName"],
        least_marks: 0,
    },
    Signature {
        kind: SourceKind::RatedUsage,
        needs: &[&["UsageDate"], &["BillingPreTaxTotal"], &["CustomerId"], &["Quantity"]],
        marks: &["PricingPreTaxTotal", "EntitlementId", "CustomerDomainName", "PartnerId", "ChargeStartDate"],
        least_marks: 0,
    },
    Signature {
        kind: SourceKind::Utilization,
        needs: &[&["usageStartTime"], &["quantity"], &["resource.id"]],
        marks: &["usageEndTime", "instanceData.resourceUri", "infoFields"],
        least_marks: 0,
    },
    Signature {
        kind: SourceKind::EaUsageDetails,
        needs: &[&["Date"], &["ConsumedQuantity"], &["Cost", "ExtendedCost"], &["SubscriptionGuid"]],
        marks: &[
            "InstanceId",
            "ResourceRate",
            "AccountOwnerEmail",
            "ConsumedServiceId",
            "StoreServiceIdentifier",
            "DepartmentName",
        ],
        least_marks: 1,
    },
    Signature {
        kind: SourceKind::CostExportPartner,
        needs: &[
            &["Date", "UsageDateTime", "UsageDate"],
            super::cost_export::COST,
            &["CustomerTenantId", "CustomerAzureTenantId"],
        ],
        marks: &["PartnerTenantId", "PartnerName", "CustomerName", "CostInBillingCurrency", "PricingCurrency"],
        least_marks: 0,
    },
    Signature {
        kind: SourceKind::CostExportMca,
        needs: &[
            &["Date", "UsageDateTime", "UsageDate"],
            super::cost_export::COST,
            &["SubscriptionId", "SubscriptionGuid"],
        ],
        marks: &[
            "CostInUsd",
            "ExchangeRatePricingToBilling",
            "PricingCurrency",
            "PricingCurrencyCode",
            "InvoiceId",
            "CostInPricingCurrency",
            "ServicePeriodStartDate",
            "ServicePeriodStart",
            "PreviousInvoiceId",
        ],
        least_marks: 2,
    },
    Signature {
        kind: SourceKind::CostExportEa,
        needs: &[
            &["Date", "UsageDateTime", "UsageDate"],
            super::cost_export::COST,
            &["SubscriptionId", "SubscriptionGuid"],
        ],
        marks: &["AccountOwnerId"],
        least_marks: 0,
    },
];

/// Every header that some kind knows, as compared.
fn known_names() -> &'static HashSet<String> {
    static NAMES: LazyLock<HashSet<String>> = LazyLock::new(|| {
        SourceKind::ALL.iter().flat_map(|&k| fields(k)).flat_map(|f| f.sources).map(|n| normalise(n)).collect()
    });
    &NAMES
}

/// How many of these headers some kind knows.
pub(crate) fn known_headers(header: &[String]) -> usize {
    header.iter().filter(|h| spellings(h).any(|name| known_names().contains(&name))).count()
}

/// A kind and the version of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Recognised {
    pub(crate) kind: SourceKind,
    pub(crate) variant: String,
}

/// The kind of a file with these headers.
///
/// # Errors
/// A sentence that says which kind is nearest, what it needs and what was found.
pub(crate) fn recognise(header: &[String]) -> Result<Recognised, String> {
    let index = HeaderIndex::new(header);
    match fitting(&index) {
        Some(kind) => Ok(Recognised { kind, variant: variant(kind, &index) }),
        None => Err(nearest(header, &index)),
    }
}

/// The kind of a file with these headers, if it is one of charges.
pub(crate) fn kind_of(header: &[String]) -> Option<SourceKind> {
    fitting(&HeaderIndex::new(header))
}

fn fitting(index: &HeaderIndex) -> Option<SourceKind> {
    let fits =
        |s: &&Signature| s.needs.iter().all(|group| index.first(group).is_some()) && marks(s, index) >= s.least_marks;
    SIGNATURES.iter().find(fits).map(|signature| signature.kind)
}

fn marks(signature: &Signature, index: &HeaderIndex) -> usize {
    signature.marks.iter().filter(|m| index.find(m).is_some()).count()
}

fn has(field: &Field, index: &HeaderIndex) -> bool {
    index.first(field.sources).is_some()
}

/// Version names for messages only; the mapping does not depend on them.
fn variant(kind: SourceKind, index: &HeaderIndex) -> String {
    let has = |name: &str| index.find(name).is_some();
    match kind {
        SourceKind::CostExportEa if has("ResourceLocationNormalized") => "2024-08-01",
        SourceKind::CostExportEa if has("BenefitId") => "2023-12-01",
        SourceKind::CostExportEa if has("BillingCurrencyCode") => "2021-01-01",
        SourceKind::CostExportEa if has("PreTaxCost") => "before 2019-11-01",
        SourceKind::CostExportEa => "2019 to 2021",
        SourceKind::EaUsageDetails if has("ResourceGuid") => "v3",
        SourceKind::EaUsageDetails if has("ExtendedCost") => "v1",
        SourceKind::EaUsageDetails => "v2",
        SourceKind::RatedUsage if has("UnitOfMeasure") => "v1",
        SourceKind::RatedUsage => "v2",
        SourceKind::Focus if has("ServiceProviderName") => "1.3",
        SourceKind::Focus if has("BillingAccountType") || has("SubAccountType") => "1.2",
        SourceKind::Focus if has("SkuMeter") || has("ServiceSubcategory") => "1.1",
        SourceKind::Focus => "1.0",
        SourceKind::CostExportMca | SourceKind::CostExportPartner if has("BenefitId") => "2023-12-01",
        SourceKind::CostExportMca | SourceKind::CostExportPartner => "2021",
        SourceKind::Utilization => "v1",
    }
    .to_owned()
}

/// Names the kind that the headers come nearest to, and what is amiss.
fn nearest(header: &[String], index: &HeaderIndex) -> String {
    let found = header.iter().take(60).map(|h| h.trim()).collect::<Vec<_>>().join(", ");
    let found = if found.trim().is_empty() { "nothing".to_owned() } else { found };
    let best = SIGNATURES.iter().max_by_key(|s| {
        let groups = s.needs.iter().filter(|group| index.first(group).is_some()).count();
        let known = fields(s.kind).filter(|f| has(f, index)).count();
        (100 * groups / s.needs.len(), known)
    });
    let known = best.map_or(0, |s| fields(s.kind).filter(|f| has(f, index)).count());
    match best {
        Some(signature) if known >= 2 => {
            let missing: Vec<String> = signature
                .needs
                .iter()
                .filter(|group| index.first(group).is_none())
                .map(|group| group.join(" or "))
                .collect();
            let expected: Vec<String> = signature.needs.iter().map(|group| group.join(" or ")).collect();
            let lacks = if missing.is_empty() {
                format!("none of {}", signature.marks.join(", "))
            } else {
                format!("no column {}", missing.join(", no column "))
            };
            format!(
                "not a source of charges; nearest is {}, but there is {lacks}. Expected at least {}; found {found}",
                signature.kind,
                expected.join(", ")
            )
        }
        _ => format!(
            "not a source of charges: its columns are those of no kind Meterlake knows ({}); found {found}",
            SourceKind::ALL.iter().map(|k| k.as_str()).collect::<Vec<_>>().join(", ")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(header: &str) -> Result<SourceKind, String> {
        recognise(&header.split(',').map(str::to_owned).collect::<Vec<_>>()).map(|r| r.kind)
    }

    #[test]
    fn kinds_by_their_least_headers() {
        for (header, expected) in [
            ("SubscriptionId,Date,CostInBillingCurrency,Quantity", SourceKind::CostExportEa),
            (
                "subscriptionid,billingaccountid,UsageDateTime,costinbillingcurrency,paygcostinbillingcurrency",
                SourceKind::CostExportEa,
            ),
            (
                "invoiceId,date,costInBillingCurrency,costInUsd,SubscriptionId,pricingCurrency",
                SourceKind::CostExportMca,
            ),
            (
                "customerTenantId,customerName,date,costInBillingCurrency,costInUsd,SubscriptionId,pricingCurrency,invoiceId",
                SourceKind::CostExportPartner,
            ),
            (
                "Date,ConsumedQuantity,ExtendedCost,SubscriptionGuid,SubscriptionId,InstanceId",
                SourceKind::EaUsageDetails,
            ),
            ("CustomerId,UsageDate,Quantity,BillingPreTaxTotal,SubscriptionId", SourceKind::RatedUsage),
            ("usageStartTime,resource.id,quantity,unitPrice", SourceKind::Utilization),
        ] {
            assert_eq!(kind(header), Ok(expected), "{header}");
        }
    }

    #[test]
    fn almost_a_kind_says_what_lacks() {
        let error = kind("BilledCost,EffectiveCost,BillingAccountId,BillingCurrency,BillingPeriodStart,ChargeCategory")
            .unwrap_err();
        assert!(error.contains("nearest is focus") && error.contains("no column ChargePeriodStart"), "{error}");
        let error = kind("a,b,c").unwrap_err();
        assert!(error.contains("of no kind") && error.contains("a, b, c"), "{error}");
    }
}
