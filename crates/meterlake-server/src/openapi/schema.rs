//! Schemas: the forms of values that all families have alike, objects that hold nothing else than said, and rows
//! made from the same field lists as the answers.

use meterlake_lake::charges::columns::COLUMNS;
use meterlake_reports::{DayFormat, FieldKind, WireField};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::schema::{
    AdditionalProperties, Array, ArrayBuilder, Object, ObjectBuilder, Schema, SchemaType, Type,
};
use utoipa::openapi::{KnownFormat, Ref, RefOr, SchemaFormat};

/// A schema that stands in the document once, under a name, and those that it refers to.
#[derive(Clone)]
pub(crate) struct Named {
    name: String,
    schemas: Vec<(String, RefOr<Schema>)>,
}

impl Named {
    /// The schema that a type derives.
    pub(crate) fn of<T: ToSchema>() -> Self {
        let name = T::name().into_owned();
        let mut schemas = vec![(name.clone(), T::schema())];
        T::schemas(&mut schemas);
        Self { name, schemas }
    }

    /// The schema that a type derives, under a name of its own: a generic type has one for each of its uses.
    pub(crate) fn of_generic<T: ToSchema>(name: &str) -> Self {
        let mut schemas = vec![(name.to_owned(), T::schema())];
        T::schemas(&mut schemas);
        Self { name: name.to_owned(), schemas }
    }

    /// A schema made by hand.
    pub(crate) fn new(name: &str, schema: impl Into<RefOr<Schema>>) -> Self {
        Self { name: name.to_owned(), schemas: vec![(name.to_owned(), schema.into())] }
    }

    /// Also keeps what the schema refers to.
    pub(crate) fn with(mut self, other: Self) -> Self {
        self.schemas.extend(other.schemas);
        self
    }

    /// What stands where the schema is meant.
    pub(crate) fn reference(&self) -> RefOr<Schema> {
        Ref::from_schema_name(self.name.clone()).into()
    }

    /// The schemas by their names.
    pub(super) fn into_schemas(self) -> Vec<(String, RefOr<Schema>)> {
        self.schemas
    }
}

/// A text.
pub(crate) fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

/// One of a few texts.
pub(crate) fn one_of(texts: &[&str]) -> ObjectBuilder {
    text().enum_values(Some(texts.iter().copied()))
}

/// A text of a form.
pub(crate) fn form(pattern: &str) -> ObjectBuilder {
    text().pattern(Some(pattern))
}

/// A GUID with hyphens.
pub(crate) fn guid() -> ObjectBuilder {
    text().format(Some(SchemaFormat::Custom("uuid".to_owned())))
}

/// An absolute link.
pub(crate) fn link() -> ObjectBuilder {
    text().format(Some(SchemaFormat::Custom("uri".to_owned())))
}

/// An absolute link, or null where nothing follows.
pub(crate) fn link_or_null() -> ObjectBuilder {
    link().schema_type(SchemaType::from_iter([Type::String, Type::Null]))
}

/// A day, `2018-05-27`.
pub(crate) fn day() -> ObjectBuilder {
    text().format(Some(SchemaFormat::KnownFormat(KnownFormat::Date)))
}

/// An instant with its offset.
pub(crate) fn instant() -> ObjectBuilder {
    text().format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
}

/// A whole number that is not negative.
pub(crate) fn count() -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
        .minimum(Some(0))
}

/// An exact decimal.
pub(crate) fn exact() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Number).description(Some(
        "An exact decimal of up to 38 digits, without an exponent. Read it as a decimal: a binary float loses digits.",
    ))
}

/// null.
pub(crate) fn null() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Null)
}

/// A list.
pub(crate) fn list(items: impl Into<RefOr<Schema>>) -> ArrayBuilder {
    ArrayBuilder::new().items(items.into())
}

/// A list of nothing.
pub(crate) fn nothing() -> Array {
    list(text()).max_items(Some(0)).build()
}

/// An object with all of these properties and no other.
pub(crate) fn object<N: Into<String>, S: Into<RefOr<Schema>>>(
    properties: impl IntoIterator<Item = (N, S)>,
) -> ObjectBuilder {
    let closed = ObjectBuilder::new()
        .schema_type(Type::Object)
        .additional_properties(Some(AdditionalProperties::FreeForm(false)));
    properties.into_iter().fold(closed, |object, (name, schema)| {
        let name = name.into();
        object.property(name.clone(), schema).required(name)
    })
}

/// A property among others of another type of schema.
pub(crate) fn property<S: Into<RefOr<Schema>>>(name: &'static str, schema: S) -> (&'static str, RefOr<Schema>) {
    (name, schema.into())
}

/// A row with all of these fields and no other, as the encoders write them.
pub(crate) fn row(fields: &[WireField]) -> Object {
    object(fields.iter().map(|field| (field.name, wire_field(field)))).build()
}

/// A field as the encoders write it.
pub(crate) fn wire_field(field: &WireField) -> ObjectBuilder {
    let column = COLUMNS.iter().find(|column| column.name == field.column);
    let nullable = column.is_some_and(|column| column.nullable);
    let (schema, note, example) = match field.kind {
        FieldKind::Text => (text(), " The empty text where the source has none.", None),
        FieldKind::UpperText => (text(), " In upper case; the empty text where the source has none.", None),
        FieldKind::Integer => (
            ObjectBuilder::new().schema_type(Type::Integer).format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64))),
            " 0 where the source has none.",
            Some(Value::from(0)),
        ),
        FieldKind::Decimal => {
            (exact(), " An exact decimal: read it as one. 0 where the source has none.", Some(Value::from(1)))
        }
        FieldKind::Boolean => (ObjectBuilder::new().schema_type(Type::Boolean), "", Some(Value::from(false))),
        FieldKind::Day(format) => day_as(format, nullable),
        FieldKind::Constant(text) => (one_of(&[text]), "", None),
        FieldKind::Literal(literal) => {
            let value: Value = serde_json::from_str(literal).unwrap_or(Value::Null);
            (ObjectBuilder::new().schema_type(SchemaType::AnyValue).enum_values(Some([value])), "", None)
        }
    };
    let meaning = column.map(|column| format!("{}{note}", column.meaning.trim_end()));
    let schema = schema.description(meaning);
    match example {
        Some(example) => schema.examples([example]),
        None => schema,
    }
}

fn day_as(format: DayFormat, nullable: bool) -> (ObjectBuilder, &'static str, Option<Value>) {
    let (schema, example) = match format {
        DayFormat::Iso => (day(), "2017-04-27"),
        DayFormat::Midnight => (form(MIDNIGHT), "2017-04-27T00:00:00"),
        DayFormat::MidnightZ => (midnight_z(), "2017-04-27T00:00:00Z"),
    };
    let schema = if nullable { schema.schema_type(SchemaType::from_iter([Type::String, Type::Null])) } else { schema };
    (schema, "", Some(Value::from(example)))
}

/// The form of a day's midnight without an offset.
pub(crate) const MIDNIGHT: &str = r"^\d{4}-\d{2}-\d{2}T00:00:00$";

/// A day's midnight, UTC.
pub(crate) fn midnight_z() -> ObjectBuilder {
    instant().pattern(Some(r"^\d{4}-\d{2}-\d{2}T00:00:00Z$"))
}

/// An object of any properties.
pub(crate) fn open_object(description: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .description(Some(description))
        .additional_properties(Some(AdditionalProperties::FreeForm(true)))
}
