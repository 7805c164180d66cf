//! Series selectors: which series a rule or a query means.
