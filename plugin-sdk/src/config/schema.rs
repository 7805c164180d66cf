//! JSON Schemas as constants: built by `derive(Config)`, written into the manifest while the plugin is compiled.

use crate::json::Writer;

/// A type's JSON Schema. Values that are JSON themselves (defaults, bounds) stand here as JSON text.
#[derive(Debug, Clone, Copy)]
pub struct Schema {
    shape: Shape,
    nullable: bool,
    description: Option<&'static str>,
    default: Option<&'static str>,
    format: Option<&'static str>,
    pattern: Option<&'static str>,
    minimum: Option<&'static str>,
    maximum: Option<&'static str>,
    min_length: Option<&'static str>,
    max_length: Option<&'static str>,
    min_items: Option<&'static str>,
    max_items: Option<&'static str>,
}

/// What a value looks like.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    /// Anything.
    Any,
    /// Nothing: `null`.
    Null,
    /// `true` or `false`.
    Boolean,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// A text.
    Text,
    /// One of these texts.
    OneOfTexts(&'static [&'static str]),
    /// Exactly this text.
    Constant(&'static str),
    /// Values of one type.
    List(&'static Schema),
    /// Different values of one type.
    Set(&'static Schema),
    /// So many values of one type.
    Array(&'static Schema, usize),
    /// Values, each of its own type.
    Tuple(&'static [Schema]),
    /// Any keys, with values of one type.
    Map(&'static Schema),
    /// These keys and no others.
    Object(&'static [Property]),
    /// Exactly one of these.
    OneOf(&'static [Schema]),
    /// The first of these that fits.
    AnyOf(&'static [Schema]),
}

/// A key of an object.
#[derive(Debug, Clone, Copy)]
pub struct Property {
    /// The key; ignored for a flattened one.
    pub name: &'static str,
    /// What stands there.
    pub schema: Schema,
    /// Whether it must be there.
    pub required: bool,
    /// Whether the keys of the value's object stand here in its place (`#[serde(flatten)]`).
    pub flatten: bool,
}

macro_rules! setters {
    ($($field:ident => $setter:ident),* $(,)?) => {$(
        /// Sets the keyword of that name.
        #[must_use]
        pub const fn $setter(mut self, value: &'static str) -> Self {
            self.$field = Some(value);
            self
        }
    )*};
}

impl Schema {
    /// A schema that says no more than the shape.
    #[must_use]
    pub const fn of(shape: Shape) -> Self {
        Self {
            shape,
            nullable: false,
            description: None,
            default: None,
            format: None,
            pattern: None,
            minimum: None,
            maximum: None,
            min_length: None,
            max_length: None,
            min_items: None,
            max_items: None,
        }
    }

    /// A whole number in a format, as OpenAPI names them.
    #[must_use]
    pub const fn integer(format: &'static str) -> Self {
        Self::of(Shape::Integer).format(format)
    }

    /// The same, or `null`.
    #[must_use]
    pub const fn nullable(mut self) -> Self {
        self.nullable = true;
        self
    }

    setters! {
        description => description, default => default, format => format, pattern => pattern, minimum => min, maximum => max,
        min_length => min_length, max_length => max_length, min_items => min_items, max_items => max_items,
    }

    /// Writes the schema as JSON.
    pub(crate) const fn write<const N: usize>(&self, out: &mut Writer<N>) {
        if self.nullable && self.shape.type_name().is_none() && !matches!(self.shape, Shape::Any) {
            out.raw("{");
            out.key("anyOf");
            out.raw("[");
            let mut inner = *self;
            inner.nullable = false;
            inner.description = None;
            inner.default = None;
            inner.write(out);
            out.raw(",{\"type\":\"null\"}]");
            self.write_annotations(out);
            out.raw("}");
            return;
        }
        out.raw("{");
        self.write_type(out);
        self.write_shape(out);
        self.write_bounds(out);
        self.write_annotations(out);
        out.raw("}");
    }

    const fn write_type<const N: usize>(&self, out: &mut Writer<N>) {
        if let Some(name) = self.shape.type_name() {
            out.key("type");
            if self.nullable {
                out.raw("[");
                out.text(name);
                out.raw(",\"null\"]");
            } else {
                out.text(name);
            }
        }
    }

    const fn write_shape<const N: usize>(&self, out: &mut Writer<N>) {
        match self.shape {
            Shape::OneOfTexts(texts) => self.write_texts(texts, out),
            Shape::Constant(text) => {
                out.key("const");
                out.text(text);
            }
            Shape::List(items) => {
                out.key("items");
                items.write(out);
            }
            Shape::Set(items) => {
                out.key("items");
                items.write(out);
                out.key("uniqueItems");
                out.raw("true");
            }
            Shape::Array(items, len) => {
                out.key("items");
                items.write(out);
                write_len(len, out);
            }
            Shape::Tuple(items) => {
                out.key("prefixItems");
                write_all(items, out);
                write_len(items.len(), out);
            }
            Shape::Map(values) => {
                out.key("additionalProperties");
                values.write(out);
            }
            Shape::Object(properties) => write_object(properties, out),
            Shape::OneOf(schemas) => {
                out.key("oneOf");
                write_all(schemas, out);
            }
            Shape::AnyOf(schemas) => {
                out.key("anyOf");
                write_all(schemas, out);
            }
            Shape::Any | Shape::Null | Shape::Boolean | Shape::Integer | Shape::Number | Shape::Text => {}
        }
    }

    const fn write_texts<const N: usize>(&self, texts: &[&str], out: &mut Writer<N>) {
        out.key("enum");
        out.raw("[");
        let mut at = 0;
        while at < texts.len() {
            out.separate();
            out.text(texts[at]);
            at += 1;
        }
        if self.nullable {
            out.raw(",null");
        }
        out.raw("]");
    }

    const fn write_bounds<const N: usize>(&self, out: &mut Writer<N>) {
        out.text_if("format", self.format);
        out.text_if("pattern", self.pattern);
        out.raw_if("minimum", self.minimum);
        out.raw_if("maximum", self.maximum);
        out.raw_if("minLength", self.min_length);
        out.raw_if("maxLength", self.max_length);
        out.raw_if("minItems", self.min_items);
        out.raw_if("maxItems", self.max_items);
    }

    const fn write_annotations<const N: usize>(&self, out: &mut Writer<N>) {
        out.text_if("description", self.description);
        out.raw_if("default", self.default);
    }
}

impl Shape {
    const fn type_name(&self) -> Option<&'static str> {
        Some(match self {
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Text | Self::OneOfTexts(_) | Self::Constant(_) => "string",
            Self::List(_) | Self::Set(_) | Self::Array(..) | Self::Tuple(_) => "array",
            Self::Map(_) | Self::Object(_) => "object",
            Self::Any | Self::OneOf(_) | Self::AnyOf(_) => return None,
        })
    }
}

const fn write_len<const N: usize>(len: usize, out: &mut Writer<N>) {
    out.key("minItems");
    out.number(len);
    out.key("maxItems");
    out.number(len);
}

const fn write_all<const N: usize>(schemas: &[Schema], out: &mut Writer<N>) {
    out.raw("[");
    let mut at = 0;
    while at < schemas.len() {
        out.separate();
        schemas[at].write(out);
        at += 1;
    }
    out.raw("]");
}

const fn write_object<const N: usize>(properties: &[Property], out: &mut Writer<N>) {
    if !properties.is_empty() {
        out.key("properties");
        out.raw("{");
        write_properties(properties, out);
        out.raw("}");
    }
    if has_required(properties) {
        out.key("required");
        out.raw("[");
        write_required(properties, out);
        out.raw("]");
    }
    out.key("additionalProperties");
    out.raw("false");
}

const fn write_properties<const N: usize>(properties: &[Property], out: &mut Writer<N>) {
    let mut at = 0;
    while at < properties.len() {
        let property = &properties[at];
        if property.flatten {
            write_properties(flattened(&property.schema), out);
        } else {
            out.key(property.name);
            property.schema.write(out);
        }
        at += 1;
    }
}

const fn write_required<const N: usize>(properties: &[Property], out: &mut Writer<N>) {
    let mut at = 0;
    while at < properties.len() {
        let property = &properties[at];
        if property.flatten && !property.schema.nullable {
            write_required(flattened(&property.schema), out);
        } else if property.required && !property.flatten {
            out.separate();
            out.text(property.name);
        }
        at += 1;
    }
}

const fn has_required(properties: &[Property]) -> bool {
    let mut at = 0;
    while at < properties.len() {
        let property = &properties[at];
        let found = if property.flatten {
            !property.schema.nullable && has_required(flattened(&property.schema))
        } else {
            property.required
        };
        if found {
            return true;
        }
        at += 1;
    }
    false
}

#[expect(clippy::panic, reason = "runs while the plugin is compiled: this is a compiler error")]
const fn flattened(schema: &Schema) -> &'static [Property] {
    match schema.shape {
        Shape::Object(properties) => properties,
        _ => panic!("`#[serde(flatten)]` in a `Config` works for structs with named fields only"),
    }
}
