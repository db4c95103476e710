//! What the OpenAPI document says of the refusals of both Partner Center families.

use utoipa::openapi::ObjectBuilder;
use utoipa::openapi::schema::Type;

use crate::openapi::{Named, RefusalBody, list, message, object, one_of, property, text};

/// How Partner Center writes a refusal: 429 and 503 in another shape than the others.
pub(crate) fn refusal_body(status: u16) -> RefusalBody {
    let whole = || ObjectBuilder::new().schema_type(Type::Integer);
    let schema = if matches!(status, 429 | 503) {
        let throttled = object([("statusCode", whole().enum_values(Some([429, 503]))), ("message", message())]);
        Named::new("PartnerCenterThrottled", throttled)
    } else {
        let fault = object([
            property(
                "code",
                whole().description(Some(
                    "800001 no valid token, 800002 malformed parameter, 900118 malformed customer id, 3000 malformed \
                     body, 900150 an application's token, 20002 no access to this customer, 2032 no access to any, \
                     60003 no such customer, 20003 no such subscription, else the status.",
                )),
            ),
            property("description", message()),
            property("data", list(text()).description(Some("Name and value of what is malformed."))),
            property("source", one_of(&["Meterlake"])),
        ]);
        Named::new("PartnerCenterFault", fault)
    };
    RefusalBody { media: "application/json", schema }
}
