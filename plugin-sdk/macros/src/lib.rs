//! The macros of `vigie-plugin`: [`plugin!`](macro@plugin) and `derive(Config)`.

mod attributes;
mod config;
mod plugin;

use proc_macro::TokenStream;

/// See `vigie_plugin::Config`.
#[proc_macro_derive(Config, attributes(config, serde))]
pub fn derive_config(input: TokenStream) -> TokenStream {
    expand(syn::parse(input).and_then(|input| config::derive(&input)))
}

/// See `vigie_plugin::plugin`.
#[proc_macro]
pub fn plugin(input: TokenStream) -> TokenStream {
    expand(syn::parse(input).map(|declaration: plugin::Declaration| declaration.expand()))
}

fn expand(result: syn::Result<proc_macro2::TokenStream>) -> TokenStream {
    result.unwrap_or_else(syn::Error::into_compile_error).into()
}
