//! `state`: small durable values. Writes stay with the call until its frame is in the journal.

use crate::plugin::bindings::state::Host;
use crate::plugin::bindings::types::Error;
use crate::plugin::data::Data;
use crate::plugin::fault;

impl Host for Data {
    fn get(&mut self, key: String) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.current.state.get(&self.shared.state.lock(), &key))
    }

    fn set(&mut self, key: String, value: Vec<u8>) -> Result<(), Error> {
        self.write_state(key, Some(value))
    }

    fn delete(&mut self, key: String) -> Result<(), Error> {
        self.write_state(key, None)
    }

    fn keys(&mut self, prefix: String) -> Result<Vec<String>, Error> {
        Ok(self.current.state.keys(&self.shared.state.lock(), &prefix))
    }
}

impl Data {
    fn write_state(&mut self, key: String, value: Option<Vec<u8>>) -> Result<(), Error> {
        let store = self.shared.state.lock();
        self.current.state.write(&store, key, value).map_err(|error| fault::permanent(error.to_string()))
    }
}
