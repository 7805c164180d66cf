//! JSON written while the plugin is compiled: once to count the bytes, once to keep them.

/// Writes JSON into `N` bytes, and counts what does not fit.
#[derive(Debug)]
pub(crate) struct Writer<const N: usize> {
    bytes: [u8; N],
    len: usize,
    last: u8,
}

impl<const N: usize> Writer<N> {
    /// An empty text.
    pub(crate) const fn new() -> Self {
        Self { bytes: [0; N], len: 0, last: 0 }
    }

    /// How many bytes were written, whether they had room or not.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// The bytes.
    pub(crate) const fn into_bytes(self) -> [u8; N] {
        self.bytes
    }

    /// Text as it is.
    pub(crate) const fn raw(&mut self, text: &str) {
        let bytes = text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            self.byte(bytes[at]);
            at += 1;
        }
    }

    /// A comma, unless this is the first of its list or object.
    pub(crate) const fn separate(&mut self) {
        if !matches!(self.last, b'{' | b'[' | b',' | b':' | 0) {
            self.byte(b',');
        }
    }

    /// A key with its colon, after a comma where one is due.
    pub(crate) const fn key(&mut self, name: &str) {
        self.separate();
        self.text(name);
        self.byte(b':');
    }

    /// A JSON string.
    pub(crate) const fn text(&mut self, text: &str) {
        let bytes = text.as_bytes();
        self.byte(b'"');
        let mut at = 0;
        while at < bytes.len() {
            match bytes[at] {
                quoted @ (b'"' | b'\\') => {
                    self.byte(b'\\');
                    self.byte(quoted);
                }
                b'\n' => self.raw("\\n"),
                control @ 0..=0x1f => {
                    self.raw("\\u00");
                    self.byte(hex(control >> 4));
                    self.byte(hex(control & 15));
                }
                other => self.byte(other),
            }
            at += 1;
        }
        self.byte(b'"');
    }

    /// A whole number.
    pub(crate) const fn number(&mut self, number: usize) {
        if number >= 10 {
            self.number(number / 10);
        }
        self.byte(b'0' + (number % 10) as u8);
    }

    /// A key with a JSON string, if there is one.
    pub(crate) const fn text_if(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.key(name);
            self.text(text);
        }
    }

    /// A key with JSON, if there is some.
    pub(crate) const fn raw_if(&mut self, name: &str, json: Option<&str>) {
        if let Some(json) = json {
            self.key(name);
            self.raw(json);
        }
    }

    const fn byte(&mut self, byte: u8) {
        if self.len < N {
            self.bytes[self.len] = byte;
        }
        self.len += 1;
        self.last = byte;
    }
}

const fn hex(nibble: u8) -> u8 {
    if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 }
}
