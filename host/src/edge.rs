//! Where what is collected becomes series ids and columns, once.
