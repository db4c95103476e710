//! What the document says of one call: written beside the route that answers it.

use serde_json::Value;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBody;
use utoipa::openapi::schema::Schema;
use utoipa::openapi::{Header, HttpMethod, RefOr, Required, Response};

use super::schema::{Named, form, one_of, text};

/// What the document says of a route: a call for each of its methods, and for each part of its path that is written
/// out instead of being a parameter.
pub(crate) type Docs = fn() -> Vec<Call>;

/// The media type of JSON.
pub(crate) const JSON: &str = "application/json";

/// One call. What all calls of the family have alike (tag, credentials, ids of requests, 401, 405 and the like) the
/// family adds.
#[derive(Clone)]
pub(crate) struct Call {
    pub(super) method: HttpMethod,
    pub(super) written_out: Vec<(&'static str, &'static str)>,
    pub(super) operation: Operation,
    pub(super) refused: Vec<u16>,
    pub(super) schemas: Vec<(String, RefOr<Schema>)>,
}

impl Call {
    /// A GET with the name that generated clients give it, and a line about it.
    pub(crate) fn get(id: impl Into<String>, summary: &str) -> Self {
        Self::new(HttpMethod::Get, id, summary)
    }

    /// A POST, likewise.
    pub(crate) fn post(id: impl Into<String>, summary: &str) -> Self {
        Self::new(HttpMethod::Post, id, summary)
    }

    /// A call of another method, likewise.
    pub(crate) fn new(method: HttpMethod, id: impl Into<String>, summary: &str) -> Self {
        let mut operation = Operation::new();
        operation.operation_id = Some(id.into());
        operation.summary = Some(summary.to_owned());
        Self { method, written_out: Vec::new(), operation, refused: Vec::new(), schemas: Vec::new() }
    }

    /// The same, of another method.
    pub(crate) fn method(mut self, method: HttpMethod) -> Self {
        self.method = method;
        self
    }

    /// What a stranger has to know besides, in Markdown.
    pub(crate) fn about(mut self, description: impl Into<String>) -> Self {
        self.operation.description = Some(description.into());
        self
    }

    /// The call at the path in which the captured part `name` is written out as `text`.
    pub(crate) fn at(mut self, name: &'static str, text: &'static str) -> Self {
        self.written_out.push((name, text));
        self
    }

    /// A parameter.
    pub(crate) fn parameter(mut self, parameter: impl Into<Parameter>) -> Self {
        self.operation.parameters.get_or_insert_default().push(RefOr::T(parameter.into()));
        self
    }

    /// Several parameters.
    pub(crate) fn parameters<P: Into<Parameter>>(self, parameters: impl IntoIterator<Item = P>) -> Self {
        parameters.into_iter().fold(self, |call, parameter| call.parameter(parameter))
    }

    /// The body that it reads.
    pub(crate) fn body(mut self, media: &str, required: bool, description: &str, schema: Named) -> Self {
        let mut body = RequestBody::new();
        body.description = Some(description.to_owned());
        body.required = Some(if required { Required::True } else { Required::False });
        body.content.insert(media.to_owned(), ContentBuilder::new().schema(Some(schema.reference())).build().into());
        self.operation.request_body = Some(body.into());
        self.schemas.extend(schema.into_schemas());
        self
    }

    /// An answer that is no refusal.
    pub(crate) fn answers(mut self, status: u16, answer: Answer) -> Self {
        self.operation.responses.responses.insert(status.to_string(), answer.response.into());
        self.schemas.extend(answer.schemas);
        self
    }

    /// The statuses of refusals that not every call of the family has.
    pub(crate) fn refuses(mut self, statuses: &[u16]) -> Self {
        self.refused.extend_from_slice(statuses);
        self
    }
}

/// An answer.
#[derive(Clone)]
pub(crate) struct Answer {
    pub(super) response: Response,
    pub(super) schemas: Vec<(String, RefOr<Schema>)>,
}

impl Answer {
    /// An answer without a body.
    pub(crate) fn new(description: &str) -> Self {
        Self { response: Response::new(description), schemas: Vec::new() }
    }

    /// An answer in JSON.
    pub(crate) fn json(description: &str, schema: Named) -> Self {
        Self::new(description).body(JSON, schema)
    }

    /// An answer of 304.
    pub(crate) fn unchanged() -> Self {
        Self::new("`If-None-Match` names the answer that the client has already.").header("ETag", etag())
    }

    /// Also with a body of this type.
    pub(crate) fn body(mut self, media: &str, schema: Named) -> Self {
        let content = ContentBuilder::new().schema(Some(schema.reference())).build();
        self.response.content.insert(media.to_owned(), content.into());
        self.schemas.extend(schema.into_schemas());
        self
    }

    /// Also with a body of this type whose bytes no schema describes.
    pub(crate) fn bytes(mut self, media: &str) -> Self {
        self.response.content.insert(media.to_owned(), ContentBuilder::new().build().into());
        self
    }

    /// Also with a header.
    pub(crate) fn header(mut self, name: &str, header: Header) -> Self {
        self.response.headers.insert(name.to_owned(), header.into());
        self
    }
}

/// A header that every such answer has.
pub(crate) fn header(description: &str, schema: impl Into<RefOr<Schema>>) -> Header {
    HeaderBuilder::new()
        .description(Some(description))
        .schema(Some(schema))
        .extensions(Some(Extensions::from_iter([("required", true)])))
        .build()
}

/// A header that some such answers have.
pub(crate) fn header_at_times(description: &str, schema: impl Into<RefOr<Schema>>) -> Header {
    HeaderBuilder::new().description(Some(description)).schema(Some(schema)).build()
}

/// `ETag` of an answer.
pub(crate) fn etag() -> Header {
    header(
        "Weak tag of the answer: it changes with the data, the request and the caller.",
        form("^W/\"[0-9a-f]{32}\"$"),
    )
}

/// A part of the path.
pub(crate) fn path(
    name: &str,
    description: &str,
    schema: impl Into<RefOr<Schema>>,
    example: impl Into<Value>,
) -> ParameterBuilder {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .description(Some(description))
        .schema(Some(schema))
        .example(Some(example.into()))
}

/// A parameter of the query that may be left out.
pub(crate) fn query(name: &str, description: &str, schema: impl Into<RefOr<Schema>>) -> ParameterBuilder {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Query)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(schema))
}

/// The parameter `If-None-Match`.
pub(crate) fn if_none_match() -> ParameterBuilder {
    request_header("If-None-Match", "Tags of answers that the client has already; 304 if this answer is one of them.")
}

/// A header of the request that may be left out.
pub(crate) fn request_header(name: &str, description: &str) -> ParameterBuilder {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(text()))
}

/// The parameter with the position of a next link.
pub(crate) fn skip_token(name: &str) -> ParameterBuilder {
    query(
        name,
        "The position of a next link, sealed: take the link as it is. It works for the same caller and the same \
         request, for 24 hours.",
        text().min_length(Some(1)),
    )
}

/// The parameter `api-version`, which has no effect.
pub(crate) fn api_version(usual: &'static str) -> ParameterBuilder {
    query("api-version", "Taken and not looked at, whatever it says.", text().examples([usual]))
}

/// The tenant of a path, by id or domain.
pub(crate) fn tenant() -> ParameterBuilder {
    path(
        "tenant",
        "The tenant: its id (GUID) or one of its domains.",
        text().min_length(Some(1)),
        "contoso.onmicrosoft.com",
    )
}

/// `Vary: Accept`
pub(crate) fn vary_accept() -> Header {
    header("The format depends on `Accept`.", one_of(&["Accept"]))
}
