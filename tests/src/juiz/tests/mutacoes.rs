//! Uma história verdadeira e uma mentira só, sorteada: se a mentira se pode ver, o juiz a vê.
