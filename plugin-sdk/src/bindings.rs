//! What wit-bindgen makes of `wit/`: the imports once, and one world per exported interface, so that a component exports
//! exactly the roles that its author named.
#![allow(unsafe_code, missing_docs, unreachable_pub, clippy::all, reason = "generated code")]

/// The host's functions and the shared types.
pub mod imports {
    wit_bindgen::generate!({
        path: "../wit",
        world: "vigie:plugin/capabilities",
        additional_derives: [PartialEq],
        pub_export_macro: true,
        runtime_path: "::vigie_plugin::wit_bindgen::rt",
        generate_unused_types: true,
    });
}

macro_rules! role {
    ($module:ident, $world:literal, $inline:literal) => {
        pub mod $module {
            wit_bindgen::generate!({
                path: "../wit",
                inline: $inline,
                world: $world,
                with: { "vigie:plugin/types@0.1.0": crate::bindings::imports::vigie::plugin::types },
                additional_derives: [PartialEq],
                pub_export_macro: true,
                export_macro_name: "export",
                runtime_path: "::vigie_plugin::wit_bindgen::rt",
            });
        }
    };
}

role!(
    lifecycle,
    "vigie:sdk-lifecycle/lifecycle",
    "package vigie:sdk-lifecycle; world lifecycle { export vigie:plugin/lifecycle@0.1.0; }"
);
role!(
    migration,
    "vigie:sdk-migration/migration",
    "package vigie:sdk-migration; world migration { export vigie:plugin/migration@0.1.0; }"
);
role!(
    collector,
    "vigie:sdk-collector/collector",
    "package vigie:sdk-collector; world collector { export vigie:plugin/collector@0.1.0; }"
);
role!(
    health_check,
    "vigie:sdk-health-check/health-check",
    "package vigie:sdk-health-check; world health-check { export vigie:plugin/health-check@0.1.0; }"
);
role!(alerter, "vigie:sdk-alerter/alerter", "package vigie:sdk-alerter; world alerter { export vigie:plugin/alerter@0.1.0; }");
role!(
    notifier,
    "vigie:sdk-notifier/notifier",
    "package vigie:sdk-notifier; world notifier { export vigie:plugin/notifier@0.1.0; }"
);
