// exp2, log2 and erf as a GPU's fast units give them, nearly: within one unit in the last place of
// a float, the same bits on every machine. Denormal results are 0.
#pragma once

namespace weft::emulator {

float exp2(float x);
float log2(float x);
float error_function(float x);

}  // namespace weft::emulator
