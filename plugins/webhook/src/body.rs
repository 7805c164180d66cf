//! The request's body.

use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior, Value, filters, tests};
use vigie_plugin::http::Encoding;
use vigie_plugin::{Context, Error, Fault, Notification, Result};

use crate::fills::Fills;
use crate::payload::{Payload, TemplateContext};
use crate::settings::Settings;

/// Instructions that a template may take: enough for thousands of alerts, and over in a fraction of a second.
const TEMPLATE_FUEL: u64 = 2_000_000;

/// The language that templates are written in: the filters and tests of Jinja that bodies need. All of them would double the
/// component.
fn environment(fills: &Fills, is_json: bool) -> Environment<'static> {
    let mut environment = Environment::empty();
    environment.set_fuel(Some(TEMPLATE_FUEL));
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.add_filter("tojson", filters::tojson);
    environment.add_filter("default", filters::default);
    environment.add_filter("join", filters::join);
    environment.add_filter("length", filters::length);
    environment.add_filter("first", filters::first);
    environment.add_filter("last", filters::last);
    environment.add_filter("lower", filters::lower);
    environment.add_filter("upper", filters::upper);
    environment.add_filter("trim", filters::trim);
    environment.add_filter("replace", filters::replace);
    environment.add_filter("round", filters::round);
    environment.add_filter("items", filters::items);
    environment.add_filter("map", filters::map);
    environment.add_filter("selectattr", filters::selectattr);
    environment.add_test("defined", tests::is_defined);
    environment.add_test("none", tests::is_none);
    environment.add_test("eq", tests::is_eq);
    environment.add_test("ne", tests::is_ne);
    environment.add_test("in", tests::is_in);
    environment.add_test("startingwith", tests::is_startingwith);
    let fills = fills.clone();
    let encoding = if is_json { Encoding::Json } else { Encoding::Plain };
    environment.add_function("secret", move |name: String| fills.placeholder(&name, encoding));
    environment
}

/// Whether a template can be read.
///
/// # Errors
/// What is wrong with it, and in which line.
pub fn check(template: &str) -> Result<()> {
    let environment = environment(&Fills::new(""), true);
    environment.template_from_str(template).map(drop).fault(Fault::Config, "`template`")
}

/// The body: the template's text, or Alertmanager's payload.
///
/// # Errors
/// The template fails, or makes no JSON where that is the content's type.
pub fn body(settings: &Settings, notification: &Notification, fills: &Fills) -> Result<String> {
    let Some(template) = &settings.template else {
        let payload = Payload::of(notification, settings.send_resolved);
        return serde_json::to_string(&payload).fault(Fault::Permanent, "payload");
    };
    let environment = environment(fills, settings.is_json());
    let context = Value::from(Serde(TemplateContext::of(notification, settings.send_resolved)));
    let text = environment.render_str(template, context).fault(Fault::Config, "`template`")?;
    if settings.is_json() {
        serde_json::from_str::<serde::de::IgnoredAny>(&text).map_err(|error| {
            Error::config(format!("`template` made no JSON: {error}; use `| tojson` for texts, or set `content-type`"))
        })?;
    }
    Ok(text)
}
