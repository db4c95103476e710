//! Names of the licence report, misspelt exactly as documented.

use meterlake_reports::Licence;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// What every answer is wrapped in.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Envelope<'a, T> {
    operation_type: Option<()>,
    status: &'static str,
    #[serde(rename = "RequestCorrelationID")]
    request_correlation_id: Uuid,
    error_message: Option<&'static str>,
    error_detail: Option<&'static str>,
    data: &'a [T],
}

impl<'a, T> Envelope<'a, T> {
    /// The envelope of an answer.
    pub(super) fn success(data: &'a [T]) -> Self {
        Self::new("Success", None, data)
    }

    /// The envelope of a refusal; `error` stands in both of its fields.
    pub(super) fn error(error: &'static str, data: &'a [T]) -> Self {
        Self::new("Error", Some(error), data)
    }

    fn new(status: &'static str, error: Option<&'static str>, data: &'a [T]) -> Self {
        Self {
            operation_type: None,
            status,
            request_correlation_id: Uuid::new_v4(),
            error_message: error,
            error_detail: error,
            data,
        }
    }
}

/// The licences of one SKU. A number that no source tells is null.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct LicenceRow {
    /// Bought through this partner.
    #[schema(required)]
    active_units: Option<i64>,
    /// Not assigned, 0 or more.
    #[schema(minimum = 0)]
    available_units: i64,
    /// In the tenant, over all partners.
    #[schema(required)]
    total_units: Option<i64>,
    /// Name of the product.
    #[serde(rename = "ProducName")]
    product_name: String,
    /// Id of the SKU.
    product_sku_id: String,
    /// Assigned.
    #[schema(required)]
    consumed_units: Option<i64>,
    /// Each ` Name(Cycle)`, with commas between.
    #[serde(rename = "SubcriptionNames")]
    subscription_names: String,
}

/// The fields of a [`LicenceRow`], in their order.
pub(crate) const LICENCE_FIELDS: &[&str] =
    &["ActiveUnits", "AvailableUnits", "TotalUnits", "ProducName", "ProductSkuId", "ConsumedUnits", "SubcriptionNames"];

impl From<Licence> for LicenceRow {
    fn from(licence: Licence) -> Self {
        Self {
            active_units: licence.active_units,
            available_units: licence.available_units(),
            total_units: licence.total_units,
            product_name: licence.product_name,
            product_sku_id: licence.sku_id,
            consumed_units: licence.consumed_units,
            subscription_names: licence.subscription_names,
        }
    }
}

/// What is wrong with one input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct BadInput {
    /// `CustomerId` or `TenantId`.
    #[serde(rename = "Atribute")]
    attribute: &'static str,
    /// `CUSTOMER_C3ID` or `TENANT_ID`.
    #[serde(rename = "AtributeKey")]
    attribute_key: &'static str,
    /// What is wrong, for programs.
    message: &'static str,
    /// What is wrong, for people.
    default_message: &'static str,
    /// The id as given.
    value: String,
}

impl BadInput {
    /// The customer's C3 id.
    pub(super) fn customer(value: &str) -> Self {
        Self {
            attribute: "CustomerId",
            attribute_key: "CUSTOMER_C3ID",
            message: "INVALID_C3_CUSTOMER_ID",
            default_message: "Invalid c3 Customer ID",
            value: value.to_owned(),
        }
    }

    /// The tenant id.
    pub(super) fn tenant(value: &str) -> Self {
        Self {
            attribute: "TenantId",
            attribute_key: "TENANT_ID",
            message: "INVALID_TENANT_ID",
            default_message: "Invalid tenant ID",
            value: value.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_of_a_licence() {
        let row = LicenceRow {
            active_units: None,
            available_units: 0,
            total_units: None,
            product_name: String::new(),
            product_sku_id: String::new(),
            consumed_units: None,
            subscription_names: String::new(),
        };
        let row = serde_json::to_value(row).unwrap();
        assert!(row.as_object().unwrap().keys().eq(LICENCE_FIELDS), "{row}");
    }
}
