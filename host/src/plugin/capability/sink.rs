//! `sink`: output in volume, into the batch of the call.

use crate::edge::Refusal;
use crate::model::DropReason;
use crate::plugin::bindings::sink::Host;
use crate::plugin::bindings::types::{Error, Family, Kind, Labels};
use crate::plugin::convert::families::{PointTimes, feed, kind, weigh};
use crate::plugin::data::{Data, Stage};
use crate::plugin::fault;

impl Host for Data {
    fn emit(&mut self, families: Vec<Family>) -> Result<(), Error> {
        let times = if self.current.stage == Stage::Evaluate { PointTimes::Stamped } else { PointTimes::Given };
        let Some(batch) = &mut self.current.batch else { return Err(no_batch(self.current.stage)) };
        let (samples, bytes) = weigh(&families);
        if let Err(refusal) = batch.room(families.len(), samples, bytes) {
            batch.refuse(samples, &refusal);
            return Err(refused(refusal));
        }
        feed(batch, &families, times);
        Ok(())
    }

    fn series(&mut self, name: String, family_kind: Kind, labels: Labels) -> Result<u32, Error> {
        self.interner.series(&name, kind(family_kind), &labels).map_err(refused)
    }

    fn write(&mut self, ids: Vec<u32>, values: Vec<f64>) -> Result<(), Error> {
        let Some(batch) = &mut self.current.batch else { return Err(no_batch(self.current.stage)) };
        batch.write(&self.interner, &ids, &values).map_err(refused)
    }
}

fn no_batch(stage: Stage) -> Error {
    fault::permanent(format!("`{}` yields no samples, write them in `collect`, `check` or `evaluate`", stage.function()))
}

fn refused(refusal: Refusal) -> Error {
    match refusal.reason {
        DropReason::SeriesLimit | DropReason::OutputLimit => {
            fault::permanent(format!("{}; the operator can raise it", refusal.message))
        }
        _ => fault::permanent(refusal.message),
    }
}
