//! What serde's attributes, `#[config(…)]` and doc comments say, for a container, a variant or a field.

use syn::meta::ParseNestedMeta;
use syn::{Attribute, Error, Expr, ExprLit, ExprUnary, Lit, LitStr, Meta, Result, Token, Type, UnOp};

/// The keys of `#[config(…)]` whose value is JSON, with the method of `Schema` that takes it.
const JSON_KEYS: [&str; 7] = ["default", "min", "max", "min_length", "max_length", "min_items", "max_items"];
/// Those whose value is text.
const TEXT_KEYS: [&str; 2] = ["pattern", "format"];

/// One item's attributes.
#[derive(Default)]
pub(crate) struct Attributes {
    /// The doc comment, paragraphs joined as schemars does.
    pub(crate) description: Option<String>,
    pub(crate) rename: Option<String>,
    pub(crate) rename_all: Option<Case>,
    pub(crate) rename_all_fields: Option<Case>,
    /// There is a default: the key may be absent.
    pub(crate) optional: bool,
    pub(crate) skip: bool,
    pub(crate) flatten: bool,
    pub(crate) tag: Option<String>,
    pub(crate) content: Option<String>,
    pub(crate) untagged: bool,
    pub(crate) transparent: bool,
    /// The type that serde really parses: `#[serde(try_from = "…")]`, `#[config(as = "…")]`.
    pub(crate) parsed_as: Option<Type>,
    /// Keywords of the schema: the setter, and its text.
    pub(crate) keywords: Vec<(&'static str, String)>,
    /// A field that `deserialize_with` parses, so that its type says nothing.
    pub(crate) parsed_otherwise: bool,
}

impl Attributes {
    pub(crate) fn of(attributes: &[Attribute]) -> Result<Self> {
        let mut found = Self::default();
        let mut lines = Vec::new();
        for attribute in attributes {
            let path = attribute.path();
            if path.is_ident("doc") {
                lines.extend(doc_line(attribute));
            } else if path.is_ident("serde") {
                attribute.parse_nested_meta(|meta| found.serde(&meta))?;
            } else if path.is_ident("config") {
                attribute.parse_nested_meta(|meta| found.config(&meta))?;
            }
        }
        found.description = description(&lines);
        Ok(found)
    }

    fn serde(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        let name = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
        match name.as_str() {
            "rename" => self.rename = deserialized_name(meta)?.or(self.rename.take()),
            "rename_all" => self.rename_all = case(meta)?.or(self.rename_all),
            "rename_all_fields" => self.rename_all_fields = case(meta)?.or(self.rename_all_fields),
            "default" => {
                self.optional = true;
                skip_value(meta)?;
            }
            "skip" | "skip_deserializing" => self.skip = true,
            "flatten" => self.flatten = true,
            "tag" => self.tag = Some(text(meta)?),
            "content" => self.content = Some(text(meta)?),
            "untagged" => self.untagged = true,
            "transparent" => self.transparent = true,
            "from" | "try_from" => self.parsed_as = Some(meta.value()?.parse::<LitStr>()?.parse()?),
            "with" | "deserialize_with" => {
                self.parsed_otherwise = true;
                skip_value(meta)?;
            }
            "alias" | "other" | "remote" => {
                return Err(meta.error(format!(
                    "`Config` does not know `#[serde({name})]`: unknown keys are errors, so that the schema cannot say it"
                )));
            }
            _ => skip_value(meta)?,
        }
        Ok(())
    }

    fn config(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        let is = |name: &&&str| meta.path.is_ident(name);
        if meta.path.is_ident("as") {
            self.parsed_as = Some(meta.value()?.parse::<LitStr>()?.parse()?);
        } else if let Some(key) = JSON_KEYS.iter().find(is) {
            self.keywords.push((key, json(&meta.value()?.parse()?)?));
        } else if let Some(key) = TEXT_KEYS.iter().find(is) {
            self.keywords.push((key, text(meta)?));
        } else {
            let known: Vec<_> = JSON_KEYS.iter().chain(&TEXT_KEYS).chain(&["as"]).map(|name| format!("`{name}`")).collect();
            return Err(meta.error(format!("unknown key; `#[config(…)]` knows {}", known.join(", "))));
        }
        Ok(())
    }
}

fn text(meta: &ParseNestedMeta<'_>) -> Result<String> {
    Ok(meta.value()?.parse::<LitStr>()?.value())
}

/// The value of `key = value` or `key(…)` that does not matter here.
fn skip_value(meta: &ParseNestedMeta<'_>) -> Result<()> {
    if meta.input.peek(Token![=]) {
        meta.value()?.parse::<Expr>()?;
    } else if meta.input.peek(syn::token::Paren) {
        meta.parse_nested_meta(|inner| skip_value(&inner))?;
    }
    Ok(())
}

/// `rename = "x"` or `rename(deserialize = "x")`.
fn deserialized_name(meta: &ParseNestedMeta<'_>) -> Result<Option<String>> {
    if meta.input.peek(Token![=]) {
        return text(meta).map(Some);
    }
    let mut name = None;
    meta.parse_nested_meta(|inner| {
        let value = text(&inner)?;
        if inner.path.is_ident("deserialize") {
            name = Some(value);
        }
        Ok(())
    })?;
    Ok(name)
}

fn case(meta: &ParseNestedMeta<'_>) -> Result<Option<Case>> {
    let Some(name) = deserialized_name(meta)? else { return Ok(None) };
    Case::ALL.iter().find(|(known, _)| *known == name).map(|(_, case)| Some(*case)).ok_or_else(|| meta.error("unknown case"))
}

fn json(value: &Expr) -> Result<String> {
    match value {
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => Ok(number.base10_digits().to_owned()),
        Expr::Lit(ExprLit { lit: Lit::Float(number), .. }) => Ok(number.base10_digits().to_owned()),
        Expr::Lit(ExprLit { lit: Lit::Bool(truth), .. }) => Ok(truth.value.to_string()),
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Ok(quoted(&text.value())),
        Expr::Unary(ExprUnary { op: UnOp::Neg(_), expr, .. }) => Ok(format!("-{}", json(expr)?)),
        Expr::Array(list) => Ok(format!("[{}]", list.elems.iter().map(json).collect::<Result<Vec<_>>>()?.join(","))),
        other => Err(Error::new_spanned(other, "write a number, a text, true, false, or a list of them")),
    }
}

fn quoted(text: &str) -> String {
    let escaped = text.chars().map(|c| match c {
        '"' | '\\' => format!("\\{c}"),
        c if c.is_control() => format!("\\u{:04x}", u32::from(c)),
        c => c.to_string(),
    });
    format!("\"{}\"", escaped.collect::<String>())
}

fn doc_line(attribute: &Attribute) -> Option<String> {
    let Meta::NameValue(pair) = &attribute.meta else { return None };
    let Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) = &pair.value else { return None };
    Some(text.value().trim().to_owned())
}

/// The lines of a doc comment, without empty ones at its ends.
fn description(lines: &[String]) -> Option<String> {
    let text = lines.join("\n");
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// How names are spelled: serde's `rename_all`.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Case {
    Lower,
    Upper,
    Pascal,
    Camel,
    Snake,
    ScreamingSnake,
    Kebab,
    ScreamingKebab,
}

impl Case {
    const ALL: [(&str, Self); 8] = [
        ("lowercase", Self::Lower),
        ("UPPERCASE", Self::Upper),
        ("PascalCase", Self::Pascal),
        ("camelCase", Self::Camel),
        ("snake_case", Self::Snake),
        ("SCREAMING_SNAKE_CASE", Self::ScreamingSnake),
        ("kebab-case", Self::Kebab),
        ("SCREAMING-KEBAB-CASE", Self::ScreamingKebab),
    ];

    /// A field's name, which is in snake case.
    pub(crate) fn field(self, name: &str) -> String {
        match self {
            Self::Lower | Self::Snake => name.to_owned(),
            Self::Upper | Self::ScreamingSnake => name.to_ascii_uppercase(),
            Self::Pascal => name.split('_').map(capitalised).collect(),
            Self::Camel => uncapitalised(&Self::Pascal.field(name)),
            Self::Kebab => name.replace('_', "-"),
            Self::ScreamingKebab => name.to_ascii_uppercase().replace('_', "-"),
        }
    }

    /// A variant's name, which is in Pascal case.
    pub(crate) fn variant(self, name: &str) -> String {
        match self {
            Self::Pascal => name.to_owned(),
            Self::Lower => name.to_ascii_lowercase(),
            Self::Upper => name.to_ascii_uppercase(),
            Self::Camel => uncapitalised(name),
            Self::Snake => snake(name),
            Self::ScreamingSnake => snake(name).to_ascii_uppercase(),
            Self::Kebab => snake(name).replace('_', "-"),
            Self::ScreamingKebab => snake(name).to_ascii_uppercase().replace('_', "-"),
        }
    }
}

fn capitalised(word: &str) -> String {
    word.chars().take(1).flat_map(char::to_uppercase).chain(word.chars().skip(1)).collect()
}

fn uncapitalised(word: &str) -> String {
    word.chars().take(1).flat_map(char::to_lowercase).chain(word.chars().skip(1)).collect()
}

fn snake(name: &str) -> String {
    let mut snake = String::new();
    for (at, letter) in name.char_indices() {
        if letter.is_uppercase() && at > 0 {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}
