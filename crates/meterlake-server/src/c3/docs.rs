//! What the OpenAPI document says of the licence report.

use utoipa::openapi::schema::Type;
use utoipa::openapi::{RefOr, Schema};

use super::wire::{BadInput, LicenceRow};
use crate::openapi::{Answer, Call, Named, RefusalBody, guid, list, nothing, null, object, one_of, path, property};

/// How the family writes a refusal: in the envelope of every answer, bad ids as its data.
pub(crate) fn refusal_body(status: u16) -> RefusalBody {
    let schema = if status == 400 {
        let input = Named::of::<BadInput>();
        let data = list(input.reference());
        Named::new("LicenceReportBadInput", envelope("Error", &one_of_errors(&["ERROR_DESC_BAD_INPUT"]), data))
            .with(input)
    } else {
        let errors = [
            "ERROR_DESC_UNAUTHORIZED",
            "ERROR_DESC_METHOD_NOT_ALLOWED",
            "ERROR_DESC_FORBIDDEN",
            "ERROR_DESC_NOT_FOUND",
            "ERROR_DESC_TOO_MANY_REQUESTS",
            "ERROR_DESC_SERVICE_UNAVAILABLE",
            "ERROR_DESC_INTERNAL_SERVER_ERROR",
        ];
        Named::new("LicenceReportError", envelope("Error", &one_of_errors(&errors), nothing()))
    };
    RefusalBody { media: "application/json", schema }
}

fn one_of_errors(errors: &[&str]) -> RefOr<Schema> {
    one_of(errors).into()
}

fn envelope(status: &str, error: &RefOr<Schema>, data: impl Into<RefOr<Schema>>) -> utoipa::openapi::ObjectBuilder {
    object([
        property("OperationType", null()),
        property("Status", one_of(&[status])),
        property("RequestCorrelationID", guid()),
        property("ErrorMessage", error.clone()),
        property("ErrorDetail", error.clone()),
        property("Data", data),
    ])
}

pub(super) fn licences() -> Vec<Call> {
    let row = Named::of::<LicenceRow>();
    let none = null().schema_type(Type::Null).into();
    let report = Named::new("LicenceReport", envelope("Success", &none, list(row.reference()))).with(row);
    let id = |name: &str, description: &str| path(name, description, guid(), "39a1dfac-4969-4f31-af94-d76588189cfe");
    vec![
        Call::get("licenseConsumptionReport", "The licences of a customer's tenant: bought, assigned and left")
            .about("Keys are misspelt as in the documentation of the service.")
            .parameters([
                id("customer", "The customer's id in C3 (GUID)."),
                id("tenant", "The customer's Microsoft tenant (GUID)."),
            ])
            .answers(200, Answer::json("The licences, by product name.", report))
            .refuses(&[400, 403, 503]),
    ]
}
