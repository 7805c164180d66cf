//! What a component exports, found once, and what one instance of it can be called for.

use wasmtime::Store;
use wasmtime::component::{Instance, InstancePre};

use crate::plugin::bindings::exports::{alerter, collector, health_check, lifecycle, migration, notifier};
use crate::plugin::data::Data;
use crate::plugin::describe::{Description, Role};

/// Where a component's exports are.
pub(crate) struct Exports {
    lifecycle: lifecycle::GuestIndices,
    migration: Option<migration::GuestIndices>,
    collector: Option<collector::GuestIndices>,
    health_check: Option<health_check::GuestIndices>,
    alerter: Option<alerter::GuestIndices>,
    notifier: Option<notifier::GuestIndices>,
}

impl Exports {
    /// Finds the exports that the description names.
    ///
    /// # Errors
    /// One lacks a function.
    pub(crate) fn find(component: &InstancePre<Data>, description: &Description) -> wasmtime::Result<Self> {
        let has = |role: Role| description.roles.contains(&role);
        Ok(Self {
            lifecycle: lifecycle::GuestIndices::new(component)?,
            migration: description.migrates.then(|| migration::GuestIndices::new(component)).transpose()?,
            collector: has(Role::Collector).then(|| collector::GuestIndices::new(component)).transpose()?,
            health_check: has(Role::HealthCheck).then(|| health_check::GuestIndices::new(component)).transpose()?,
            alerter: has(Role::Alerter).then(|| alerter::GuestIndices::new(component)).transpose()?,
            notifier: has(Role::Notifier).then(|| notifier::GuestIndices::new(component)).transpose()?,
        })
    }

    /// The exports of one instance.
    ///
    /// # Errors
    /// One has other types than the contract's.
    pub(crate) fn load(&self, store: &mut Store<Data>, instance: &Instance) -> wasmtime::Result<Guest> {
        Ok(Guest {
            lifecycle: self.lifecycle.load(&mut *store, instance)?,
            _migration: self.migration.as_ref().map(|indices| indices.load(&mut *store, instance)).transpose()?,
            collector: self.collector.as_ref().map(|indices| indices.load(&mut *store, instance)).transpose()?,
            health_check: self.health_check.as_ref().map(|indices| indices.load(&mut *store, instance)).transpose()?,
            alerter: self.alerter.as_ref().map(|indices| indices.load(&mut *store, instance)).transpose()?,
            notifier: self.notifier.as_ref().map(|indices| indices.load(&mut *store, instance)).transpose()?,
        })
    }
}

/// What one instance can be called for.
pub(crate) struct Guest {
    /// Every plugin.
    pub(crate) lifecycle: lifecycle::Guest,
    /// Brings older state forward: called by the swap, which is not built yet.
    pub(crate) _migration: Option<migration::Guest>,
    /// The role of that name.
    pub(crate) collector: Option<collector::Guest>,
    /// The role of that name.
    pub(crate) health_check: Option<health_check::Guest>,
    /// The role of that name.
    pub(crate) alerter: Option<alerter::Guest>,
    /// The role of that name.
    pub(crate) notifier: Option<notifier::Guest>,
}
