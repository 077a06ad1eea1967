//! Exploração de escalonamentos do que sincroniza.
fn main() {}
