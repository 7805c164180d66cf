//! Reading server-sent events: bytes in pieces of any size to messages. Pure.

/// The longest message that is taken, in bytes.
const MESSAGE_BYTES_MAX: usize = 16 << 20;

/// What was received and is no whole message yet.
#[derive(Debug, Default)]
pub(super) struct Messages {
    bytes: Vec<u8>,
    data: String,
}

impl Messages {
    /// Takes a piece and gives the data of every message that is whole now.
    ///
    /// # Errors
    /// A message is longer than the bound.
    pub(super) fn take(&mut self, piece: &[u8]) -> Result<Vec<String>, String> {
        self.bytes.extend_from_slice(piece);
        let mut whole = Vec::new();
        let mut from = 0;
        while let Some(length) = self.bytes[from..].iter().position(|byte| *byte == b'\n') {
            let line = String::from_utf8_lossy(&self.bytes[from..from + length]);
            let line = line.strip_suffix('\r').unwrap_or(&line);
            if line.is_empty() && !self.data.is_empty() {
                whole.push(std::mem::take(&mut self.data));
            } else if let Some(data) = line.strip_prefix("data:") {
                let newline = if self.data.is_empty() { "" } else { "\n" };
                self.data.push_str(newline);
                self.data.push_str(data.strip_prefix(' ').unwrap_or(data));
            }
            from += length + 1;
        }
        self.bytes.drain(..from);
        if self.bytes.len() + self.data.len() > MESSAGE_BYTES_MAX {
            return Err(format!("a message is longer than {MESSAGE_BYTES_MAX} bytes"));
        }
        Ok(whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_whole_wherever_they_are_cut() {
        let text = ": hello\n\nid: 1-1\nevent: x\ndata: {\"a\":\ndata:1}\n\nid: 1-2\r\ndata: zwei ü\r\n\r\ndata: unfinished";
        for size in 1..text.len() {
            let mut messages = Messages::default();
            let whole: Vec<String> = text.as_bytes().chunks(size).flat_map(|piece| messages.take(piece).unwrap()).collect();
            assert_eq!(whole, ["{\"a\":\n1}", "zwei ü"], "in pieces of {size}");
        }
    }

    #[test]
    fn a_message_without_end_is_refused() {
        let mut messages = Messages::default();
        assert!(messages.take(&vec![b'x'; MESSAGE_BYTES_MAX + 1]).is_err());
    }
}
