//! The alert book: which alerts are pending and firing. Pure.
