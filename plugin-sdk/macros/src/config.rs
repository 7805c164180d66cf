//! `derive(Config)`: from a type and serde's attributes to a constant schema.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::ext::IdentExt;
use syn::{Data, DeriveInput, Error, Field, Fields, Ident, Result, Type, Variant};

use crate::attributes::{Attributes, Case};

/// Where the schema's types are.
fn sdk() -> TokenStream {
    quote!(::vigie_plugin::config)
}

pub(crate) fn derive(input: &DeriveInput) -> Result<TokenStream> {
    if !input.generics.params.is_empty() {
        return Err(Error::new_spanned(&input.generics, "`Config` cannot be derived for generic types"));
    }
    let container = Attributes::of(&input.attrs)?;
    let schema = match (&container.parsed_as, &input.data) {
        (Some(parsed), _) => schema_of(parsed),
        (None, Data::Struct(data)) => fields(&data.fields, &container, container.rename_all)?,
        (None, Data::Enum(data)) => variants(data.variants.iter(), &container)?,
        (None, Data::Union(_)) => return Err(Error::new_spanned(&input.ident, "serde parses no unions")),
    };
    let (name, schema, sdk) = (&input.ident, annotated(schema, &container), sdk());
    Ok(quote! {
        #[automatically_derived]
        impl ::vigie_plugin::Config for #name {
            const SCHEMA: #sdk::Schema = #schema;
        }
    })
}

fn schema_of(parsed: &Type) -> TokenStream {
    quote!(<#parsed as ::vigie_plugin::Config>::SCHEMA)
}

fn shape(variant: &Ident, arguments: &TokenStream) -> TokenStream {
    let sdk = sdk();
    quote!(#sdk::Schema::of(#sdk::Shape::#variant(#arguments)))
}

fn constant(text: &str) -> TokenStream {
    shape(&format_ident!("Constant"), &quote!(#text))
}

/// A list that lives as long as the program: `const` items, because borrowed temporaries of calls do not.
fn list(variant: &str, item: &TokenStream, items: &[TokenStream]) -> TokenStream {
    let made = shape(&format_ident!("{variant}"), &quote!(ITEMS));
    quote!({
        const ITEMS: &[#item] = &[#(#items),*];
        #made
    })
}

fn object(properties: &[TokenStream]) -> TokenStream {
    let sdk = sdk();
    list("Object", &quote!(#sdk::Property), properties)
}

fn schemas(variant: &str, items: &[TokenStream]) -> TokenStream {
    let sdk = sdk();
    list(variant, &quote!(#sdk::Schema), items)
}

fn property(name: &str, schema: &TokenStream, required: bool, flatten: bool) -> TokenStream {
    let sdk = sdk();
    quote!(#sdk::Property { name: #name, schema: #schema, required: #required, flatten: #flatten })
}

fn annotated(schema: TokenStream, attributes: &Attributes) -> TokenStream {
    let description = attributes.description.iter().map(|text| quote!(.description(#text)));
    let keywords = attributes.keywords.iter().map(|(key, text)| {
        let setter = format_ident!("{key}");
        quote!(.#setter(#text))
    });
    quote!(#schema #(#description)* #(#keywords)*)
}

fn fields(fields: &Fields, container: &Attributes, case: Option<Case>) -> Result<TokenStream> {
    match fields {
        Fields::Named(named) if container.transparent => {
            let field = named.named.iter().find(|field| !Attributes::of(&field.attrs).is_ok_and(|found| found.skip));
            field.map_or_else(|| Err(Error::new_spanned(fields, "`transparent` needs a field")), one)
        }
        Fields::Named(named) => {
            let properties: Vec<_> =
                named.named.iter().map(|field| named_field(field, container, case)).collect::<Result<_>>()?;
            Ok(object(&properties.into_iter().flatten().collect::<Vec<_>>()))
        }
        Fields::Unnamed(unnamed) if unnamed.unnamed.len() == 1 => one(&unnamed.unnamed[0]),
        Fields::Unnamed(unnamed) => {
            let items: Vec<_> = unnamed.unnamed.iter().map(one).collect::<Result<_>>()?;
            Ok(schemas("Tuple", &items))
        }
        Fields::Unit => {
            let sdk = sdk();
            Ok(quote!(#sdk::Schema::of(#sdk::Shape::Null)))
        }
    }
}

/// A field's own schema, with what its attributes add.
fn one(field: &Field) -> Result<TokenStream> {
    let attributes = Attributes::of(&field.attrs)?;
    if attributes.parsed_otherwise && attributes.parsed_as.is_none() {
        return Err(Error::new_spanned(
            &field.ty,
            "parsed by a function: add `#[config(as = \"Type\")]` with a type whose JSON it takes",
        ));
    }
    let parsed = attributes.parsed_as.as_ref().unwrap_or(&field.ty);
    Ok(annotated(schema_of(parsed), &attributes))
}

fn named_field(field: &Field, container: &Attributes, case: Option<Case>) -> Result<Option<TokenStream>> {
    let attributes = Attributes::of(&field.attrs)?;
    if attributes.skip {
        return Ok(None);
    }
    let own = field.ident.as_ref().map(|ident| ident.unraw().to_string()).unwrap_or_default();
    let name = attributes.rename.clone().unwrap_or_else(|| case.map_or(own.clone(), |case| case.field(&own)));
    let required = !(attributes.optional || container.optional || is_option(&field.ty) && !attributes.parsed_otherwise);
    Ok(Some(property(&name, &one(field)?, required, attributes.flatten)))
}

/// As serde: by the name, because a macro sees no types.
fn is_option(of: &Type) -> bool {
    let Type::Path(path) = of else { return false };
    path.path.segments.last().is_some_and(|last| last.ident == "Option")
}

fn variants<'a>(all: impl Iterator<Item = &'a Variant>, container: &Attributes) -> Result<TokenStream> {
    let mut parsed = Vec::new();
    for variant in all {
        let attributes = Attributes::of(&variant.attrs)?;
        if !attributes.skip {
            parsed.push((variant, attributes));
        }
    }
    let external = container.tag.is_none() && !container.untagged;
    // Texts that need no words of their own stand in one `enum`, first, as schemars has it.
    let is_text = |(variant, attributes): &(&Variant, Attributes)| {
        external && !attributes.untagged && matches!(variant.fields, Fields::Unit) && attributes.description.is_none()
    };
    let (texts, others): (Vec<_>, Vec<_>) = parsed.into_iter().partition(is_text);
    let has_texts = !texts.is_empty();
    let names = texts.iter().map(|(variant, attributes)| variant_name(variant, attributes, container));
    let texts = list("OneOfTexts", &quote!(&str), &names.map(|name| quote!(#name)).collect::<Vec<_>>());
    if others.is_empty() && external {
        return Ok(texts);
    }
    let others = others.iter().map(|(variant, attributes)| one_variant(variant, attributes, container));
    let texts = if has_texts { vec![Ok(texts)] } else { Vec::new() };
    let items = texts.into_iter().chain(others).collect::<Result<Vec<_>>>()?;
    Ok(schemas(if container.untagged { "AnyOf" } else { "OneOf" }, &items))
}

fn variant_name(variant: &Variant, attributes: &Attributes, container: &Attributes) -> String {
    let own = variant.ident.unraw().to_string();
    attributes.rename.clone().unwrap_or_else(|| container.rename_all.map_or(own.clone(), |case| case.variant(&own)))
}

fn one_variant(variant: &Variant, attributes: &Attributes, container: &Attributes) -> Result<TokenStream> {
    let name = variant_name(variant, attributes, container);
    let case = attributes.rename_all.or(container.rename_all_fields);
    let inner = || fields(&variant.fields, attributes, case);
    let unit = matches!(variant.fields, Fields::Unit);
    let schema = match (&container.tag, &container.content) {
        _ if container.untagged || attributes.untagged => inner()?,
        (None, _) if unit => constant(&name),
        (None, _) => object(&[property(&name, &inner()?, true, false)]),
        (Some(tag), Some(_)) if unit => object(&[property(tag, &constant(&name), true, false)]),
        (Some(tag), Some(content)) => {
            object(&[property(tag, &constant(&name), true, false), property(content, &inner()?, true, false)])
        }
        (Some(tag), None) => {
            let mut properties = vec![property(tag, &constant(&name), true, false)];
            match &variant.fields {
                Fields::Named(named) => {
                    for field in &named.named {
                        properties.extend(named_field(field, attributes, case)?);
                    }
                }
                Fields::Unnamed(_) => properties.push(property("", &inner()?, true, true)),
                Fields::Unit => {}
            }
            object(&properties)
        }
    };
    Ok(annotated(schema, attributes))
}
