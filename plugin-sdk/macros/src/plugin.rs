//! `plugin!`: what an author declares, and what becomes of it.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Error, Ident, LitStr, Result, Token, bracketed, parenthesized};

/// The roles: the trait's name, and the module of its bindings.
const ROLES: [(&str, &str); 5] = [
    ("Collector", "collector"),
    ("HealthCheck", "health_check"),
    ("Alerter", "alerter"),
    ("Notifier", "notifier"),
    ("Migration", "migration"),
];

/// The capabilities that need a grant, and whether they have scopes.
const CAPABILITIES: [(&str, bool); 7] = [
    ("http", true),
    ("files", true),
    ("secrets", true),
    ("reveal", true),
    ("net", false),
    ("system", false),
    ("metrics", false),
];

/// The keys of `defaults` and `limits` together.
const TEXT_KEYS: [&str; 6] = ["name", "description", "interval", "timeout", "memory", "cpu_per_call"];

struct Request {
    capability: Ident,
    scope: Option<LitStr>,
    why: LitStr,
}

/// What stands in `plugin! { … }`.
pub(crate) struct Declaration {
    plugin: Ident,
    roles: Vec<Ident>,
    requests: Vec<Request>,
    texts: [Option<LitStr>; TEXT_KEYS.len()],
}

impl Parse for Declaration {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let (mut plugin, mut roles, mut requests) = (None, None, Vec::new());
        let mut texts = [const { None }; TEXT_KEYS.len()];
        while !input.is_empty() {
            let key: Ident = input.parse()?;
            input.parse::<Token![:]>()?;
            match key.to_string().as_str() {
                "plugin" => plugin = Some(input.parse::<Ident>()?),
                "roles" => roles = Some(parse_list(input, parse_role)?),
                "requests" => requests = parse_list(input, Request::parse)?,
                text => match TEXT_KEYS.iter().position(|known| *known == text) {
                    Some(at) => texts[at] = Some(input.parse()?),
                    None => {
                        return Err(Error::new(
                            key.span(),
                            unknown("key", text, ["plugin", "roles", "requests"].iter().chain(&TEXT_KEYS)),
                        ));
                    }
                },
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        let plugin = plugin.ok_or_else(|| input.error("no `plugin: YourStruct`"))?;
        let roles = roles.ok_or_else(|| input.error("no `roles: [Collector]`"))?;
        Ok(Self { plugin, roles, requests, texts })
    }
}

fn parse_list<T>(input: ParseStream<'_>, item: fn(ParseStream<'_>) -> Result<T>) -> Result<Vec<T>> {
    let list;
    bracketed!(list in input);
    Ok(Punctuated::<T, Token![,]>::parse_terminated_with(&list, item)?.into_iter().collect())
}

fn parse_role(input: ParseStream<'_>) -> Result<Ident> {
    let role: Ident = input.parse()?;
    if ROLES.iter().any(|(name, _)| role == name) {
        return Ok(role);
    }
    Err(Error::new(role.span(), unknown("role", &role.to_string(), ROLES.iter().map(|(name, _)| name))))
}

fn unknown<'a>(what: &str, found: &str, known: impl Iterator<Item = &'a &'a str>) -> String {
    let known: Vec<_> = known.map(|name| format!("`{name}`")).collect();
    format!("unknown {what} `{found}`; there are {}", known.join(", "))
}

impl Request {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let capability: Ident = input.parse()?;
        let Some((_, scoped)) = CAPABILITIES.iter().find(|(name, _)| capability == name) else {
            let known = CAPABILITIES.iter().map(|(name, _)| name);
            return Err(Error::new(capability.span(), unknown("capability", &capability.to_string(), known)));
        };
        let arguments;
        parenthesized!(arguments in input);
        let arguments = Punctuated::<LitStr, Token![,]>::parse_terminated(&arguments)?;
        let mut arguments = arguments.into_iter();
        let (scope, why) = match (scoped, arguments.next(), arguments.next(), arguments.next()) {
            (true, Some(scope), Some(why), None) => (Some(scope), why),
            (_, Some(why), None, None) => (None, why),
            (true, ..) => return Err(Error::new(capability.span(), format!("write `{capability}(\"scope\", \"why\")`"))),
            (false, ..) => return Err(Error::new(capability.span(), format!("write `{capability}(\"why\")`"))),
        };
        Ok(Self { capability, scope, why })
    }
}

fn optional(text: Option<&LitStr>) -> TokenStream {
    text.map_or_else(|| quote!(::core::option::Option::None), |text| quote!(::core::option::Option::Some(#text)))
}

impl Declaration {
    /// The manifest for every build, the exports and sections for components, a test of the manifest for tests.
    pub(crate) fn expand(&self) -> TokenStream {
        let manifest = self.manifest();
        let exports = self.exports();
        let checks = self.checks();
        quote! {
            #manifest
            #exports
            #checks
        }
    }

    fn manifest(&self) -> TokenStream {
        let plugin = &self.plugin;
        let [name, description, interval, timeout, memory, cpu_per_call] = &self.texts;
        let name = name.as_ref().map_or_else(|| quote!(::core::env!("CARGO_PKG_NAME")), |name| quote!(#name));
        let description = description
            .as_ref()
            .map_or_else(|| quote!(::core::env!("CARGO_PKG_DESCRIPTION")), |description| quote!(#description));
        let (interval, timeout) = (optional(interval.as_ref()), optional(timeout.as_ref()));
        let (memory, cpu_per_call) = (optional(memory.as_ref()), optional(cpu_per_call.as_ref()));
        let requests = self.requests.iter().map(|Request { capability, scope, why }| {
            let (capability, scope) = (capability.to_string(), optional(scope.as_ref()));
            quote!(::vigie_plugin::manifest::Request { capability: #capability, scope: #scope, why: #why })
        });
        quote! {
            /// The plugin's manifest, as it stands in the component's section `vigie:manifest`.
            pub const MANIFEST: &str = {
                const FACTS: ::vigie_plugin::manifest::Manifest = ::vigie_plugin::manifest::Manifest {
                    name: #name,
                    version: ::core::env!("CARGO_PKG_VERSION"),
                    description: #description,
                    schema: &<<#plugin as ::vigie_plugin::Plugin>::Config as ::vigie_plugin::Config>::SCHEMA,
                    requests: &[#(#requests),*],
                    interval: #interval,
                    timeout: #timeout,
                    memory: #memory,
                    cpu_per_call: #cpu_per_call,
                };
                const BYTES: [u8; FACTS.len()] = FACTS.json();
                match ::core::str::from_utf8(&BYTES) {
                    ::core::result::Result::Ok(text) => text,
                    ::core::result::Result::Err(_) => ::core::panic!("the manifest is no UTF-8"),
                }
            };
        }
    }

    fn exports(&self) -> TokenStream {
        let plugin = &self.plugin;
        let roles = self.roles.iter().map(|role| export(plugin, role));
        quote! {
            #[cfg(target_arch = "wasm32")]
            const _: () = {
                #[unsafe(link_section = "vigie:manifest")]
                static SECTION: [u8; MANIFEST.len()] = ::vigie_plugin::manifest::bytes(MANIFEST);

                struct Exports;
                ::std::thread_local! {
                    static INSTANCE: ::vigie_plugin::export::Instance<#plugin> = const { ::vigie_plugin::export::Instance::new() };
                }

                impl ::vigie_plugin::bindings::lifecycle::exports::vigie::plugin::lifecycle::Guest for Exports {
                    fn init(config: ::std::string::String) -> ::vigie_plugin::export::Wire<()> {
                        INSTANCE.with(|instance| instance.init(&config))
                    }
                }
                ::vigie_plugin::bindings::lifecycle::export!(Exports with_types_in ::vigie_plugin::bindings::lifecycle);

                #(#roles)*
            };
        }
    }

    fn checks(&self) -> TokenStream {
        let (plugin, roles) = (&self.plugin, &self.roles);
        quote! {
            #[cfg(not(target_arch = "wasm32"))]
            const _: () = {
                #(const _: fn() = || { fn implements<T: ::vigie_plugin::#roles>() {} implements::<#plugin>() };)*
            };

            #[cfg(all(test, not(target_arch = "wasm32")))]
            mod vigie_manifest {
                #[test]
                fn the_manifest_is_json_and_its_defaults_are_serdes() {
                    ::vigie_plugin::testing::check_manifest::<<super::#plugin as ::vigie_plugin::Plugin>::Config>(super::MANIFEST);
                }
            }
        }
    }
}

/// The role's generated trait on `Exports`, and the functions that the component exports.
fn export(plugin: &Ident, role: &Ident) -> TokenStream {
    let module =
        ROLES.iter().find(|(name, _)| role == name).map_or_else(|| role.clone(), |(_, module)| format_ident!("{module}"));
    let types = quote!(::vigie_plugin);
    let wire = quote!(::vigie_plugin::export::Wire);
    let functions = match module.to_string().as_str() {
        "collector" => quote! {
            fn collect(target: #types::Target) -> #wire<::std::vec::Vec<#types::Family>> {
                INSTANCE.with(|instance| instance.collect(&target))
            }
        },
        "health_check" => quote! {
            fn check(target: #types::Target) -> #wire<#types::Report> {
                INSTANCE.with(|instance| instance.check(&target))
            }
        },
        "alerter" => quote! {
            fn rules() -> #wire<::std::vec::Vec<#types::Rule>> {
                INSTANCE.with(|instance| instance.rules())
            }

            fn evaluate(now: f64, rule: ::std::string::String, inputs: ::std::vec::Vec<#types::Input>)
                -> #wire<::std::vec::Vec<#types::Finding>>
            {
                INSTANCE.with(|instance| instance.evaluate(now, &rule, &inputs))
            }
        },
        "notifier" => quote! {
            fn notify(notification: #types::Notification) -> #wire<#types::Receipt> {
                INSTANCE.with(|instance| instance.notify(&notification))
            }
        },
        _ => quote! {
            fn migrate(from_version: ::std::string::String) -> #wire<()> {
                ::vigie_plugin::export::migrate::<#plugin>(&from_version)
            }
        },
    };
    quote! {
        impl ::vigie_plugin::bindings::#module::exports::vigie::plugin::#module::Guest for Exports {
            #functions
        }
        ::vigie_plugin::bindings::#module::export!(Exports with_types_in ::vigie_plugin::bindings::#module);
    }
}
