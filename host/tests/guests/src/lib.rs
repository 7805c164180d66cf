//! What the guests of the host's tests have in common: a macro a role. They use the contract's bindings and not the SDK, because
//! the SDK keeps authors from most of what is tested here.

/// Makes a guest's bindings for one of the contract's worlds, with the types and roles at hand.
#[macro_export]
macro_rules! world {
    ($world:literal) => {
        #[allow(unsafe_code, missing_docs, unreachable_pub, clippy::all, dead_code, reason = "generated")]
        mod bindings {
            wit_bindgen::generate!({ world: $world, path: "../../../wit", default_bindings_module: "crate::bindings" });
        }
        #[allow(unused_imports, reason = "guests use some of them")]
        use bindings::{
            exports::vigie::plugin::*,
            vigie::plugin::{types::*, *},
        };
        #[allow(unsafe_code, reason = "generated")]
        const _: () = {
            bindings::export!(Guest with_types_in bindings);
        };
    };
}

/// A collector of one function, with an `init` that takes anything.
#[macro_export]
macro_rules! collector {
    (|$target:ident| $collect:expr) => {
        $crate::world!("collector-plugin");
        struct Guest;
        impl lifecycle::Guest for Guest {
            fn init(_: String) -> Result<(), Error> {
                Ok(())
            }
        }
        impl collector::Guest for Guest {
            fn collect($target: Target) -> Result<Vec<Family>, Error> {
                $collect
            }
        }
    };
}
