//! Configuration: types that serde parses and whose JSON Schema is known when the plugin is compiled, so that the manifest can
//! carry it.

mod schema;
mod span;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

pub use schema::{Property, Schema, Shape};
pub use span::Span;

/// A type that may stand in a plugin's configuration. Derive it beside serde's `Deserialize`:
///
/// ```
/// use serde::Deserialize;
/// use vigie_plugin::Config;
///
/// /// How the page is asked.
/// #[derive(Deserialize, Config)]
/// struct Settings {
///     /// The status that is expected.
///     #[serde(default = "ok")]
///     #[config(default = 200, min = 100, max = 599)]
///     status: u16,
///     /// Texts that the body must have.
///     #[serde(default)]
///     contains: Vec<String>,
/// }
///
/// fn ok() -> u16 {
///     200
/// }
/// # use vigie_plugin::testing;
/// # assert_eq!(testing::schema::<Settings>()["properties"]["status"]["maximum"], 599);
/// ```
///
/// Doc comments become descriptions, serde's attributes are followed, unknown keys are errors. What serde cannot say stands in
/// `#[config(…)]`: `default`, `min`, `max`, `min_length`, `max_length`, `pattern`, `format`, `min_items`, `max_items` with a
/// value, and `as = "Type"` for a field that `deserialize_with` parses. A test that
/// `plugin!` writes compares the defaults with serde's.
pub trait Config {
    /// The type's JSON Schema.
    const SCHEMA: Schema;
}

macro_rules! configs {
    ($($type:ty => $schema:expr),* $(,)?) => {$(
        impl Config for $type {
            const SCHEMA: Schema = $schema;
        }
    )*};
}

configs! {
    () => Schema::of(Shape::Object(&[])),
    bool => Schema::of(Shape::Boolean),
    u8 => Schema::integer("uint8").min("0").max("255"),
    u16 => Schema::integer("uint16").min("0").max("65535"),
    u32 => Schema::integer("uint32").min("0"),
    u64 => Schema::integer("uint64").min("0"),
    usize => Schema::integer("uint").min("0"),
    i8 => Schema::integer("int8").min("-128").max("127"),
    i16 => Schema::integer("int16").min("-32768").max("32767"),
    i32 => Schema::integer("int32"),
    i64 => Schema::integer("int64"),
    f32 => Schema::of(Shape::Number).format("float"),
    f64 => Schema::of(Shape::Number).format("double"),
    char => Schema::of(Shape::Text).min_length("1").max_length("1"),
    String => Schema::of(Shape::Text),
    serde_json::Value => Schema::of(Shape::Any),
    serde_json::Map<String, serde_json::Value> => Schema::of(Shape::Map(&Schema::of(Shape::Any))),
}

impl<T: Config> Config for Option<T> {
    const SCHEMA: Schema = T::SCHEMA.nullable();
}

impl<T: Config> Config for Box<T> {
    const SCHEMA: Schema = T::SCHEMA;
}

impl<T: Config> Config for Vec<T> {
    const SCHEMA: Schema = Schema::of(Shape::List(&T::SCHEMA));
}

impl<T: Config> Config for BTreeSet<T> {
    const SCHEMA: Schema = Schema::of(Shape::Set(&T::SCHEMA));
}

impl<T: Config, S> Config for HashSet<T, S> {
    const SCHEMA: Schema = Schema::of(Shape::Set(&T::SCHEMA));
}

impl<T: Config> Config for BTreeMap<String, T> {
    const SCHEMA: Schema = Schema::of(Shape::Map(&T::SCHEMA));
}

impl<T: Config, S> Config for HashMap<String, T, S> {
    const SCHEMA: Schema = Schema::of(Shape::Map(&T::SCHEMA));
}

impl<T: Config, const N: usize> Config for [T; N] {
    const SCHEMA: Schema = Schema::of(Shape::Array(&T::SCHEMA, N));
}
