//! O estresse: o programa de verdade, o motor, e o juiz diante de mentirosos.

mod juizo;
mod programa;
