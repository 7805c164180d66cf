//! `derive(Config)` against schemars, which derives at run time what the SDK needs at compile time: the same types, the same
//! schemas.
#![allow(dead_code, clippy::unwrap_used, reason = "the types are only described")]

use std::collections::{BTreeMap, BTreeSet, HashMap};

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde::Deserialize;
use serde_json::{Value, json};
use vigie_plugin::testing::schema;
use vigie_plugin::{Config, Span};

/// schemars' schema, with what differs by intention taken out: the title, the meta-schema, defaults that serde computes, and
/// `true` for "anything", which the SDK writes `{}`.
fn theirs<T: JsonSchema>() -> Value {
    let generator = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true).into_generator();
    let mut schema = Schema::to_value(generator.into_root_schema_for::<T>());
    for key in ["title", "$schema"] {
        schema.as_object_mut().unwrap().remove(key);
    }
    simplify(&mut schema);
    schema
}

fn simplify(schema: &mut Value) {
    match schema {
        Value::Object(keys) => {
            keys.remove("default");
            for (key, value) in keys.iter_mut() {
                if *value == Value::Bool(true) && key != "uniqueItems" {
                    *value = json!({});
                }
                simplify(value);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(simplify),
        _ => {}
    }
}

fn assert_same<T: JsonSchema + Config>() {
    let (ours, theirs) = (schema::<T>(), theirs::<T>());
    assert!(ours == theirs, "ours\n{ours}\ntheirs\n{theirs}");
}

/// Every plain type.
#[derive(Deserialize, Config, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Plain {
    boolean: bool,
    small: u8,
    port: u16,
    count: u32,
    large: u64,
    size: usize,
    signed: i32,
    offset: i64,
    ratio: f64,
    single: f32,
    letter: char,
    text: String,
    maybe: Option<u32>,
    any: serde_json::Value,
    object: serde_json::Map<String, Value>,
    list: Vec<String>,
    set: BTreeSet<String>,
    pair: [f64; 2],
    map: BTreeMap<String, u32>,
    table: HashMap<String, Vec<String>>,
    boxed: Box<Plain2>,
}

/// Inside, with "quotes", a \ and
/// a second line.
///
/// And a second paragraph.
#[derive(Deserialize, Config, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Plain2 {
    first_name: String,
    #[serde(rename = "other")]
    last_name: String,
    #[serde(default)]
    with_default: Vec<Plain3>,
    #[serde(skip)]
    skipped: u32,
    /// A field's words beat its type's.
    described: Plain3,
    maybe: Option<Plain3>,
}

/// The type's words.
#[derive(Deserialize, Config, JsonSchema, Default)]
#[serde(deny_unknown_fields, default)]
struct Plain3 {
    a: u32,
    b: Option<String>,
}

#[derive(Deserialize, Config, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Bare {
    OneTwo,
    Three,
    #[serde(rename = "4")]
    Four,
}

#[derive(Deserialize, Config, JsonSchema)]
#[serde(rename_all = "SCREAMING-KEBAB-CASE")]
enum Described {
    /// The first.
    OneTwo,
    /// The second.
    Three,
}

#[derive(Deserialize, Config, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
enum External {
    Unit,
    NewType(u32),
    TwoOf(u32, String),
    #[serde(rename_all = "camelCase")]
    Struct {
        some_field: u32,
        /// Words.
        maybe: Option<bool>,
    },
}

#[derive(Deserialize, Config, JsonSchema)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
enum Internal {
    /// No more.
    Unit,
    Struct {
        field: u32,
    },
}

#[derive(Deserialize, Config, JsonSchema)]
#[serde(tag = "t", content = "c", deny_unknown_fields)]
enum Adjacent {
    Unit,
    One(u32),
    Struct { field: u32 },
}

#[derive(Deserialize, Config, JsonSchema)]
#[serde(untagged, deny_unknown_fields)]
enum Untagged {
    Number(f64),
    Text(String),
    Struct { field: u32 },
}

/// A name.
#[derive(Deserialize, Config, JsonSchema)]
struct Name(String);

#[derive(Deserialize, Config, JsonSchema)]
#[serde(transparent)]
struct Transparent {
    inner: Vec<u32>,
}

#[derive(Deserialize, Config, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Enums {
    bare: Bare,
    maybe: Option<Bare>,
    external: Option<External>,
    names: Vec<Name>,
    transparent: Transparent,
}

#[derive(Deserialize, Config, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(try_from = "String")]
struct Parsed(u32);

impl TryFrom<String> for Parsed {
    type Error = std::num::ParseIntError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map(Parsed)
    }
}

#[test]
fn plain_types_and_nested_structs_have_schemars_schemas() {
    assert_same::<Plain>();
}

#[test]
fn enums_in_every_representation_have_schemars_schemas() {
    assert_same::<Bare>();
    assert_same::<Described>();
    assert_same::<External>();
    assert_same::<Internal>();
    assert_same::<Adjacent>();
    assert_same::<Untagged>();
    assert_same::<Enums>();
}

#[test]
fn new_types_and_parsed_types_have_schemars_schemas() {
    assert_same::<Name>();
    assert_same::<Transparent>();
    assert_same::<Parsed>();
}

/// Both sides in one object.
#[derive(Deserialize, Config)]
struct Flat {
    own: u32,
    #[serde(flatten)]
    other: Plain3,
    #[serde(flatten)]
    required: Required,
}

#[derive(Deserialize, Config)]
struct Required {
    must: String,
}

#[test]
fn a_flattened_structs_keys_stand_in_the_outer_object_which_stays_closed() {
    let found = schema::<Flat>();
    let names: Vec<_> = found["properties"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(names, ["a", "b", "must", "own"]);
    assert_eq!(found["required"], json!(["own", "must"]));
    assert_eq!(found["additionalProperties"], false);
}

#[derive(Debug, Deserialize, Config)]
struct Bounded {
    #[serde(default = "five")]
    #[config(default = 5, min = -1, max = 10)]
    number: i32,
    #[serde(default)]
    #[config(default = false)]
    flag: bool,
    #[config(min_length = 1, pattern = "^[a-z\"]+$", format = "uri")]
    text: Option<String>,
    #[config(min_items = 1, max_items = 3)]
    list: Vec<u32>,
    #[serde(default, deserialize_with = "doubled")]
    #[config(as = "u8", default = 0)]
    otherwise: u32,
    #[serde(default)]
    #[config(default = "0")]
    wait: Span,
}

fn five() -> i32 {
    5
}

fn doubled<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    u32::deserialize(deserializer).map(|number| number * 2)
}

#[test]
fn what_serde_cannot_say_stands_in_config_attributes() {
    let found = schema::<Bounded>();
    assert_eq!(
        found["properties"]["number"],
        json!({"type": "integer", "format": "int32", "minimum": -1, "maximum": 10, "default": 5})
    );
    let text = json!({"type": ["string", "null"], "minLength": 1, "pattern": "^[a-z\"]+$", "format": "uri"});
    assert_eq!(found["properties"]["text"], text);
    assert_eq!(found["properties"]["list"]["maxItems"], 3);
    assert_eq!(found["properties"]["otherwise"]["format"], "uint8");
    assert_eq!(found["required"], json!(["list"]));
}

#[derive(Debug, Deserialize, Config)]
struct Lying {
    #[serde(default)]
    #[config(default = 5)]
    number: i32,
    inner: LyingInside,
}

#[derive(Debug, Deserialize, Config)]
struct LyingInside {
    #[serde(default)]
    #[config(default = "x")]
    number: Span,
}

fn manifest<T: Config>() -> String {
    json!({"schema": schema::<T>()}).to_string()
}

#[test]
fn defaults_that_are_serdes_pass() {
    vigie_plugin::testing::check_manifest::<Bounded>(&manifest::<Bounded>());
}

#[test]
#[should_panic(expected = "`number`: the schema's default gives `Lying { number: 5")]
fn a_default_that_is_not_serdes_is_found() {
    vigie_plugin::testing::check_manifest::<Lying>(&manifest::<Lying>());
}
