//! The fields that a filter may name and what may be asked of each.

use crate::CompareOp;

/// What a field holds, which decides the literals and operators it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FieldKind {
    /// Text, compared exactly.
    Text,
    /// An id, compared without case. Usually a GUID, yet any quoted string may be compared with it, `''` included.
    Guid,
    /// A day or an instant.
    Date,
}

/// A field that a filter may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Field {
    /// Name on the wire; filters may write it in any case.
    pub name: &'static str,
    /// What it holds.
    pub kind: FieldKind,
}

/// What may be asked of the fields of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// The comparisons that are allowed.
    pub operators: &'static [CompareOp],
    /// Whether `contains(field,'…')` is allowed.
    pub contains: bool,
}

/// The fields of one report and the operators that each kind of field allows. [`crate::Expr`] names fields by their index here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldCatalogue {
    fields: Vec<Field>,
    text: Rules,
    guid: Rules,
    date: Rules,
}

impl FieldCatalogue {
    /// A catalogue with the rules of the usage analytics: `eq ne` everywhere, `gt ge lt le` on dates, `contains` on
    /// texts and ids.
    #[must_use]
    pub fn new(fields: impl Into<Vec<Field>>) -> Self {
        let equality = Rules { operators: &[CompareOp::Eq, CompareOp::Ne], contains: true };
        Self {
            fields: fields.into(),
            text: equality,
            guid: equality,
            date: Rules { operators: CompareOp::ALL, contains: false },
        }
    }

    /// The same catalogue with other rules for the fields of one kind.
    #[must_use]
    pub fn with_rules(mut self, kind: FieldKind, rules: Rules) -> Self {
        match kind {
            FieldKind::Text => self.text = rules,
            FieldKind::Guid => self.guid = rules,
            FieldKind::Date => self.date = rules,
        }
        self
    }

    /// The fields, in the order that [`crate::Expr`] counts them.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// What may be asked of the fields of this kind.
    #[must_use]
    pub fn rules(&self, kind: FieldKind) -> Rules {
        match kind {
            FieldKind::Text => self.text,
            FieldKind::Guid => self.guid,
            FieldKind::Date => self.date,
        }
    }

    /// Index of the field of this name, written in any case.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|f| f.name.eq_ignore_ascii_case(name))
    }
}
