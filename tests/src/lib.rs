//! Vazio.
