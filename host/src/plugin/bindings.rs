//! The contract as Rust types: one set for every role, made from `wit/`. Nothing of it leaves `plugin`.
//!
//! One world imports all capabilities and exports all interfaces that a plugin may have; the host looks the exports up one by
//! one, so that a component has the roles that it exports and no more.

mod generated {
    wasmtime::component::bindgen!({
        inline: "
            package vigie:host;
            world everything {
                include vigie:plugin/capabilities@0.1.0;
                export vigie:plugin/lifecycle@0.1.0;
                export vigie:plugin/migration@0.1.0;
                export vigie:plugin/collector@0.1.0;
                export vigie:plugin/health-check@0.1.0;
                export vigie:plugin/alerter@0.1.0;
                export vigie:plugin/notifier@0.1.0;
            }
        ",
        path: "../wit",
        imports: {
            // Those which only touch memory need no fiber switch: they are called often.
            "vigie:plugin/log.enabled": exact,
            "vigie:plugin/log.write": exact,
            "vigie:plugin/sink.emit": exact,
            "vigie:plugin/sink.series": exact,
            "vigie:plugin/sink.write": exact,
            "vigie:plugin/state.get": exact,
            "vigie:plugin/state.set": exact,
            "vigie:plugin/state.delete": exact,
            "vigie:plugin/state.keys": exact,
            default: async,
        },
        exports: { default: async },
        require_store_data_send: true,
    });
}

pub(crate) use generated::exports::vigie::plugin as exports;
pub(crate) use generated::vigie::plugin::{files, http, log, metrics, net, secrets, sink, state, system, types};
