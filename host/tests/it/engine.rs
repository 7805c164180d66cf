//! The engine: guests that behave and guests that do not, through the whole path of a call.

mod calls;
mod foreign;
mod load;
mod misbehaviour;
mod output;
mod rig;
mod roles;
mod state;
